//! Between the interface's types and the daemon's.

use serde_json::{Map, Value};

use crate::model::{
    Draft, Fault, FocalPoint, Link, Measure, MediaItem, MediaKind, Mention, Metric, PastPost, Poll,
    Problem, Progress, Provenance, Receipt, Severity, ThreadPart, TimeSpan, Timestamp, Topic,
    Visibility,
};

use super::bindings::exports::jarchi::plugin as exports;
use super::bindings::jarchi::plugin::types as wit;
use super::files::{CallFiles, id_of};
use super::types::{
    AccountLimits, Batch, Brief, Campaign, Due, Finding, Generated, Outcome, Pillar, PostMetrics,
    PublishRequest, Quota, Standing, Subject, Target, Voice,
};

/// Bytes of a connector's own state, between two steps.
const LONGEST_STATE: usize = 64 << 10;

/// Something that a plugin returned and the interface forbids.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unusable(pub(super) String);

pub(crate) fn account(subject: &Subject) -> wit::Account {
    wit::Account {
        name: subject.name.to_string(),
        settings: json(&subject.settings),
    }
}

fn json(map: &Map<String, Value>) -> String {
    // Keys are strings and values came out of JSON or TOML: it can't fail.
    serde_json::to_string(map).unwrap_or_else(|_| "{}".to_owned())
}

pub(crate) fn post(draft: &Draft, plugin: &str) -> wit::Post {
    wit::Post {
        text: draft.text.clone(),
        language: draft.language.clone(),
        media: draft.media.iter().map(media).collect(),
        link: draft.link.as_ref().map(|link| wit::Link {
            url: link.url.clone(),
            title: link.title.clone(),
            description: link.description.clone(),
            thumbnail: link.thumbnail.as_ref().map(media),
        }),
        hashtags: draft.hashtags.clone(),
        mentions: draft
            .mentions
            .iter()
            .map(|mention| wit::Mention {
                handle: mention.handle.clone(),
                id: mention.id.clone(),
            })
            .collect(),
        poll: draft.poll.as_ref().map(|poll| wit::Poll {
            options: poll.options.clone(),
            open_for: poll.open_for.millis(),
            multiple: poll.multiple,
            hide_totals: poll.hide_totals,
        }),
        thread: draft
            .thread
            .iter()
            .map(|part| wit::ThreadPart {
                text: part.text.clone(),
                media: part.media.iter().map(media).collect(),
            })
            .collect(),
        first_comment: draft.first_comment.clone(),
        visibility: draft.visibility.map(|visibility| match visibility {
            Visibility::Public => wit::Visibility::Public,
            Visibility::Unlisted => wit::Visibility::Unlisted,
            Visibility::Followers => wit::Visibility::Followers,
            Visibility::Direct => wit::Visibility::Direct,
        }),
        content_warning: draft.content_warning.clone(),
        sensitive: draft.sensitive,
        options: match draft.options.get(plugin) {
            Some(Value::Object(options)) => json(options),
            _ => "{}".to_owned(),
        },
    }
}

fn media(item: &MediaItem) -> wit::MediaItem {
    let name = item.path.rsplit('/').next().unwrap_or(&item.path);
    wit::MediaItem {
        id: id_of(item),
        kind: kind_to_wit(item.kind),
        alt: item.alt.clone(),
        focus: item.focus.map(|focus| wit::FocalPoint {
            x: focus.x,
            y: focus.y,
        }),
        name: name.to_owned(),
        mime: item.mime.clone(),
        size: item.size,
        width: item.width,
        height: item.height,
        length: item.length.map(TimeSpan::millis),
    }
}

pub(crate) fn kind_to_wit(kind: MediaKind) -> wit::MediaKind {
    match kind {
        MediaKind::Image => wit::MediaKind::Image,
        MediaKind::Gif => wit::MediaKind::Gif,
        MediaKind::Video => wit::MediaKind::Video,
        MediaKind::Audio => wit::MediaKind::Audio,
        MediaKind::Document => wit::MediaKind::Document,
    }
}

fn kind_from_wit(kind: wit::MediaKind) -> MediaKind {
    match kind {
        wit::MediaKind::Image => MediaKind::Image,
        wit::MediaKind::Gif => MediaKind::Gif,
        wit::MediaKind::Video => MediaKind::Video,
        wit::MediaKind::Audio => MediaKind::Audio,
        wit::MediaKind::Document => MediaKind::Document,
    }
}

pub(crate) fn delivery(
    subject: &Subject,
    request: &PublishRequest<'_>,
    plugin: &str,
) -> exports::publisher::Delivery {
    exports::publisher::Delivery {
        account: account(subject),
        post: post(request.draft, plugin),
        key: request.key.to_string(),
        created_at: request.created_at.millis(),
        due: request.due.millis(),
        attempt: request.attempt,
    }
}

pub(crate) fn receipt_to_wit(receipt: &Receipt) -> wit::Receipt {
    wit::Receipt {
        id: receipt.id.clone(),
        url: receipt.url.clone(),
        published_at: receipt.published_at.map(Timestamp::millis),
        parts: receipt.parts.clone(),
        data: receipt.data.clone(),
    }
}

pub(crate) fn receipt(receipt: wit::Receipt) -> Receipt {
    Receipt {
        id: receipt.id,
        url: receipt.url,
        published_at: receipt.published_at.map(Timestamp),
        parts: receipt.parts,
        data: receipt.data,
    }
}

fn progress(step: exports::publisher::Progress) -> Result<(Progress, TimeSpan), Unusable> {
    if step.state.len() > LONGEST_STATE {
        return Err(Unusable(format!(
            "its state has {} bytes, and {LONGEST_STATE} are allowed",
            step.state.len()
        )));
    }
    let progress = Progress {
        state: step.state,
        note: step.note,
        visible: step.visible,
    };
    Ok((progress, TimeSpan(step.after)))
}

pub(crate) fn outcome(outcome: exports::publisher::Outcome) -> Result<Outcome, Unusable> {
    Ok(match outcome {
        exports::publisher::Outcome::Published(given) => Outcome::Published(receipt(given)),
        exports::publisher::Outcome::Processing(step) => {
            let (progress, after) = progress(step)?;
            Outcome::Processing { progress, after }
        }
    })
}

pub(crate) fn finding(finding: exports::publisher::Finding) -> Result<Finding, Unusable> {
    Ok(match finding {
        exports::publisher::Finding::Found(given) => Finding::Found(receipt(given)),
        exports::publisher::Finding::Partial(step) => {
            let (progress, after) = progress(step)?;
            Finding::Partial { progress, after }
        }
        exports::publisher::Finding::Absent => Finding::Absent,
        exports::publisher::Finding::CannotTell(reason) => Finding::CannotTell(reason),
    })
}

pub(crate) fn fault(error: wit::Error) -> Fault {
    match error {
        wit::Error::RateLimited(wait) => Fault::RateLimited(wait.map(TimeSpan)),
        wit::Error::Unauthorized(reason) => Fault::Unauthorized(reason),
        wit::Error::Invalid(reason) => Fault::Invalid(reason),
        wit::Error::Transient(reason) => Fault::Transient(reason),
        wit::Error::UnknownOutcome(reason) => Fault::UnknownOutcome(reason),
        wit::Error::Unsupported(reason) => Fault::Unsupported(reason),
    }
}

pub(crate) fn problems(problems: Vec<wit::Problem>) -> Vec<Problem> {
    problems
        .into_iter()
        .map(|problem| Problem {
            severity: match problem.severity {
                wit::Severity::Error => Severity::Error,
                wit::Severity::Warning => Severity::Warning,
            },
            place: problem.place,
            message: problem.message,
        })
        .collect()
}

pub(crate) fn metrics(metrics: Vec<wit::Metric>) -> Result<Vec<Metric>, Unusable> {
    metrics
        .into_iter()
        .map(|metric| {
            Ok(Metric {
                measure: measure(metric.measure)?,
                value: metric.value,
            })
        })
        .collect()
}

fn measure(measure: wit::Measure) -> Result<Measure, Unusable> {
    Ok(match measure {
        wit::Measure::Impressions => Measure::Impressions,
        wit::Measure::Views => Measure::Views,
        wit::Measure::Reach => Measure::Reach,
        wit::Measure::Likes => Measure::Likes,
        wit::Measure::Comments => Measure::Comments,
        wit::Measure::Shares => Measure::Shares,
        wit::Measure::Quotes => Measure::Quotes,
        wit::Measure::Saves => Measure::Saves,
        wit::Measure::Clicks => Measure::Clicks,
        wit::Measure::WatchTime => Measure::WatchTime,
        wit::Measure::Followers => Measure::Followers,
        wit::Measure::Following => Measure::Following,
        wit::Measure::Posts => Measure::Posts,
        wit::Measure::Other(name) => own_measure(&name)?,
    })
}

/// A platform's own: in our letters, and never taken for one that all share.
fn own_measure(name: &str) -> Result<Measure, Unusable> {
    let name = name.to_ascii_lowercase().replace('_', "-");
    let named = |name: &str| {
        let parsed = name.parse::<Measure>();
        parsed.map_err(|error| Unusable(format!("a measure: {error}")))
    };
    let measure = named(&name)?;
    match measure.code() {
        Some(_) => named(&format!("own-{name}")),
        None => Ok(measure),
    }
}

pub(crate) fn post_metrics(
    posts: Vec<exports::analytics::PostMetrics>,
) -> Result<Vec<PostMetrics>, Unusable> {
    posts
        .into_iter()
        .map(|post| {
            Ok(PostMetrics {
                id: post.id,
                metrics: metrics(post.metrics)?,
                gone: post.gone,
            })
        })
        .collect()
}

pub(crate) fn targets(targets: Vec<exports::connection::Target>) -> Result<Vec<Target>, Unusable> {
    targets
        .into_iter()
        .map(|target| {
            Ok(Target {
                settings: object(&target.settings, "a target's settings")?,
                id: target.id,
                name: target.name,
                kind: target.kind,
                url: target.url,
                obstacle: target.obstacle,
            })
        })
        .collect()
}

pub(crate) fn standing(standing: exports::connection::Standing) -> Standing {
    Standing {
        name: standing.name,
        url: standing.url,
        scopes: standing.scopes,
        lacking: standing.lacking,
        expires: standing.expires.map(Timestamp),
        quotas: standing
            .quotas
            .into_iter()
            .map(|quota| Quota {
                name: quota.name,
                used: quota.used,
                limit: quota.limit,
                resets: quota.resets.map(Timestamp),
            })
            .collect(),
        problems: problems(standing.problems),
    }
}

/// A JSON object; nothing at all is an empty one.
fn object(text: &str, what: &str) -> Result<Map<String, Value>, Unusable> {
    match text.trim() {
        "" => Ok(Map::new()),
        text => serde_json::from_str(text)
            .map_err(|error| Unusable(format!("{what}: not a JSON object: {error}"))),
    }
}

/// `history`: of the brief's, those posts that can be shown.
pub(crate) fn brief(
    subject: &Subject,
    brief: &Brief,
    history: &[PastPost],
) -> exports::generator::Brief {
    exports::generator::Brief {
        settings: json(&subject.settings),
        brand: brief.brand.clone(),
        languages: brief.languages.clone(),
        time_zone: brief.time_zone.clone(),
        now: brief.now.millis(),
        wanted: brief.wanted,
        slot: brief.slot.map(Timestamp::millis),
        pillar: brief.pillar.clone().map(
            |Pillar {
                 name,
                 promotional,
                 description,
             }| exports::generator::Pillar {
                name,
                promotional,
                description,
            },
        ),
        campaign: brief
            .campaign
            .clone()
            .map(|Campaign { name, goal, link }| exports::generator::Campaign { name, goal, link }),
        voice: brief.voice.clone().map(
            |Voice {
                 tone,
                 examples,
                 taboos,
                 audience,
                 call_to_action,
             }| exports::generator::Voice {
                tone,
                examples,
                taboos,
                audience,
                call_to_action,
            },
        ),
        accounts: brief
            .accounts
            .iter()
            .map(|limits: &AccountLimits| exports::generator::AccountLimits {
                account: limits.account.clone(),
                plugin: limits.plugin.clone(),
                text: limits.text,
                media: limits.media,
                polls: limits.polls,
                threads: limits.threads,
            })
            .collect(),
        hashtags: brief.hashtags.clone(),
        recent: brief.recent.clone(),
        feedback: brief.feedback.clone(),
        history: history.iter().map(past_post).collect(),
        topics: brief.topics.iter().map(topic).collect(),
    }
}

fn past_post(past: &PastPost) -> exports::generator::PastPost {
    exports::generator::PastPost {
        id: past.id.to_string(),
        post: wit::Post {
            options: json(&past.draft.options),
            ..post(&past.draft, "")
        },
        variants: past.draft.variants.clone(),
        pillar: past.pillar.clone(),
        campaign: past.campaign.clone(),
        source: past.source.clone(),
        own_key: past.own_key.clone(),
        accounts: past.accounts.clone(),
        at: past.at.millis(),
        metrics: past.metrics.iter().map(metric_to_wit).collect(),
    }
}

fn metric_to_wit(metric: &Metric) -> wit::Metric {
    let measure = match &metric.measure {
        Measure::Impressions => wit::Measure::Impressions,
        Measure::Views => wit::Measure::Views,
        Measure::Reach => wit::Measure::Reach,
        Measure::Likes => wit::Measure::Likes,
        Measure::Comments => wit::Measure::Comments,
        Measure::Shares => wit::Measure::Shares,
        Measure::Quotes => wit::Measure::Quotes,
        Measure::Saves => wit::Measure::Saves,
        Measure::Clicks => wit::Measure::Clicks,
        Measure::WatchTime => wit::Measure::WatchTime,
        Measure::Followers => wit::Measure::Followers,
        Measure::Following => wit::Measure::Following,
        Measure::Posts => wit::Measure::Posts,
        Measure::Other(name) => wit::Measure::Other(name.clone()),
    };
    wit::Metric {
        measure,
        value: metric.value,
    }
}

fn topic(topic: &Topic) -> exports::generator::Topic {
    let Topic {
        name,
        hashtag,
        pillar,
        score,
        reasons,
        link,
    } = topic.clone();
    exports::generator::Topic {
        name,
        hashtag,
        pillar,
        score,
        reasons,
        link,
    }
}

/// Topics of one batch, characters of a text in one, and reasons of one.
const MOST_TOPICS: usize = 50;
const LONGEST_WORDS: usize = 200;
const LONGEST_LINK: usize = 2000;
const MOST_REASONS: usize = 8;

/// A topic for other plugins: words in one line, of a bounded length. None where it has no
/// name.
fn topic_of(topic: exports::generator::Topic) -> Option<Topic> {
    let line = |text: &str| {
        let visible: String = text
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        let words: Vec<&str> = visible.split_whitespace().collect();
        words
            .join(" ")
            .chars()
            .take(LONGEST_WORDS)
            .collect::<String>()
    };
    let name = line(&topic.name);
    let some = |text: Option<String>| text.map(|text| line(&text)).filter(|text| !text.is_empty());
    (!name.is_empty()).then(|| Topic {
        name,
        hashtag: some(topic.hashtag),
        pillar: some(topic.pillar),
        score: topic.score.min(100),
        reasons: topic
            .reasons
            .iter()
            .take(MOST_REASONS)
            .map(|reason| line(reason))
            .collect(),
        link: topic.link.filter(|link| {
            let web =
                url::Url::parse(link).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
            web && link.len() <= LONGEST_LINK
        }),
    })
}

/// Reads the files that the drafts name: may wait for a disk. A draft that can't be used
/// becomes a problem, and the others stay.
pub(crate) fn batch(batch: exports::generator::Batch, files: &CallFiles) -> Batch {
    let mut converted = Batch {
        drafts: Vec::with_capacity(batch.drafts.len()),
        complete: batch.complete,
        problems: problems(batch.problems),
        topics: batch.topics.map(|topics| {
            let topics = topics.into_iter().filter_map(topic_of);
            topics.take(MOST_TOPICS).collect()
        }),
    };
    for draft in batch.drafts {
        let place = draft.source.clone().unwrap_or_else(|| draft.key.clone());
        match generated(draft, files) {
            Ok(draft) => converted.drafts.push(draft),
            Err(Unusable(message)) => {
                converted.complete = false;
                converted.problems.push(Problem {
                    severity: Severity::Error,
                    place,
                    message,
                });
            }
        }
    }
    converted
}

fn generated(draft: exports::generator::Draft, files: &CallFiles) -> Result<Generated, Unusable> {
    if draft.key.is_empty() {
        return Err(Unusable("the draft has no key".to_owned()));
    }
    Ok(Generated {
        key: draft.key,
        revision: draft.revision,
        draft: Draft {
            variants: draft.variants,
            ..draft_of(draft.post, files)?
        },
        accounts: draft.accounts,
        pillar: draft.pillar,
        campaign: draft.campaign,
        due: draft.due.map(|due| match due {
            exports::generator::Due::At(time) => Due::At(Timestamp(time)),
            exports::generator::Due::Local(time) => Due::Local(time),
        }),
        repeat_after: draft.repeat_after.map(TimeSpan),
        source: draft.source,
        provenance: draft.provenance.map(|one| Provenance {
            brief: None,
            model: one.model.map(short),
            prompt: one.prompt.map(short),
            sources: one.sources.into_iter().take(SOURCES).map(short).collect(),
        }),
    })
}

/// Of what a plugin tells of a draft's making, so much is remembered.
const SOURCES: usize = 50;
const TOLD: usize = 16 << 10;

fn short(mut text: String) -> String {
    if text.len() > TOLD {
        let end = (0..=TOLD).rev().find(|at| text.is_char_boundary(*at));
        text.truncate(end.unwrap_or_default());
    }
    text
}

fn draft_of(post: wit::Post, files: &CallFiles) -> Result<Draft, Unusable> {
    let link = match post.link {
        Some(link) => Some(Link {
            url: link.url,
            title: link.title,
            description: link.description,
            thumbnail: match link.thumbnail {
                Some(item) => Some(item_of(item, "the link's thumbnail", files)?),
                None => None,
            },
        }),
        None => None,
    };
    let options = object(&post.options, "its options")?;
    Ok(Draft {
        text: post.text,
        language: post.language,
        media: items_of(post.media, "media", files)?,
        link,
        hashtags: post.hashtags,
        mentions: post
            .mentions
            .into_iter()
            .map(|mention| Mention {
                handle: mention.handle,
                id: mention.id,
            })
            .collect(),
        poll: post.poll.map(|poll| Poll {
            options: poll.options,
            open_for: TimeSpan(poll.open_for),
            multiple: poll.multiple,
            hide_totals: poll.hide_totals,
        }),
        thread: post
            .thread
            .into_iter()
            .enumerate()
            .map(|(index, part)| {
                Ok(ThreadPart {
                    text: part.text,
                    media: items_of(part.media, &format!("thread[{index}].media"), files)?,
                })
            })
            .collect::<Result<_, Unusable>>()?,
        first_comment: post.first_comment,
        visibility: post.visibility.map(|visibility| match visibility {
            wit::Visibility::Public => Visibility::Public,
            wit::Visibility::Unlisted => Visibility::Unlisted,
            wit::Visibility::Followers => Visibility::Followers,
            wit::Visibility::Direct => Visibility::Direct,
        }),
        content_warning: post.content_warning,
        sensitive: post.sensitive,
        options,
        variants: Vec::new(),
    })
}

fn items_of(
    items: Vec<wit::MediaItem>,
    place: &str,
    files: &CallFiles,
) -> Result<Vec<MediaItem>, Unusable> {
    items
        .into_iter()
        .enumerate()
        .map(|(index, item)| item_of(item, &format!("{place}[{index}]"), files))
        .collect()
}

/// A file by the plugin's name for it. Of what the plugin says, only what it alone can
/// know is believed.
fn item_of(item: wit::MediaItem, place: &str, files: &CallFiles) -> Result<MediaItem, Unusable> {
    let unusable = |reason: String| Unusable(format!("{place}: {reason}"));
    let file = files
        .describe(&item.id)
        .map_err(|error| unusable(error.to_string()))?;
    let Some(path) = file.path.to_str() else {
        return Err(unusable(format!("the path of `{}` is not UTF-8", item.id)));
    };
    Ok(MediaItem {
        path: path.to_owned(),
        kind: kind_from_wit(item.kind),
        mime: file.mime,
        size: file.size,
        digest: file.digest,
        alt: item.alt,
        focus: item
            .focus
            .filter(|focus| focus.x.is_finite() && focus.y.is_finite())
            .map(|focus| FocalPoint {
                x: focus.x.clamp(-1.0, 1.0),
                y: focus.y.clamp(-1.0, 1.0),
            }),
        width: file.width,
        height: file.height,
        length: item.length.map(TimeSpan),
    })
}
