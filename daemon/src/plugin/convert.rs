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

mod generator;

pub(crate) use generator::{batch, brief};

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
