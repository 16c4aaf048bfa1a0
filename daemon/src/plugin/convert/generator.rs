//! Briefs and drafts, between the interface's types and the daemon's.

use super::*;

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
