//! What a brief tells of the past and of the world: what was published, how it was received,
//! what is talked about.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::config::{Config, GeneratorConfig};
use crate::model::{Measure, Metric, Origin, PastPost, Post, State, TimeSpan, Timestamp, Topic};
use crate::store::{StoreError, Subject, View};

/// So long what a generator found serves others.
const TOPICS_SERVE: TimeSpan = TimeSpan::from_days(1);
/// What is older is asked for anew before a slot is filled.
pub(super) const TOPICS_FRESH: TimeSpan = TimeSpan::from_hours(6);
/// Topics of a brief.
const TOPICS: usize = 10;

/// Posts that are looked at for a history.
const LOOKED_AT: usize = 5_000;
/// Of these the latest, and the best of the others.
const LATEST: usize = 100;
const BEST: usize = 150;

/// Texts that went out on these accounts in the last weeks, newest first.
pub(super) fn recent(view: View<'_>, accounts: &[String]) -> Result<Vec<String>, StoreError> {
    const MOST: usize = 30;
    let mut texts = Vec::new();
    for post in view.latest_posts(200)? {
        let mut published = false;
        for id in &post.deliveries {
            published |= view.delivery(*id)?.is_some_and(|delivery| {
                delivery.state == State::Published && accounts.contains(&delivery.account)
            });
        }
        if published {
            texts.push(post.draft.text);
            if texts.len() == MOST {
                break;
            }
        }
    }
    Ok(texts)
}

/// What went out on these accounts, newest first: the latest, and the best of the others.
pub(super) fn history(
    view: View<'_>,
    generator: &GeneratorConfig,
    accounts: &[String],
) -> Result<Vec<PastPost>, StoreError> {
    let mut past = Vec::new();
    for post in view.latest_posts(LOOKED_AT)? {
        past.extend(past_post(view, generator, accounts, post)?);
    }
    past.sort_by_key(|one| Reverse((one.at, one.id)));
    if past.len() > LATEST {
        let mut others = past.split_off(LATEST);
        others.sort_by_key(|one| Reverse((interactions(&one.metrics), one.at, one.id)));
        others.truncate(BEST);
        others.sort_by_key(|one| Reverse((one.at, one.id)));
        past.append(&mut others);
    }
    Ok(past)
}

fn past_post(
    view: View<'_>,
    generator: &GeneratorConfig,
    accounts: &[String],
    post: Post,
) -> Result<Option<PastPost>, StoreError> {
    let mut on = BTreeSet::new();
    let mut at = Timestamp(0);
    let mut metrics: BTreeMap<Measure, i64> = BTreeMap::new();
    for id in &post.deliveries {
        let Some(delivery) = view.delivery(*id)? else {
            continue;
        };
        if delivery.state != State::Published || !accounts.contains(&delivery.account) {
            continue;
        }
        let receipt = delivery.receipt.as_ref();
        let then = receipt
            .and_then(|receipt| receipt.published_at)
            .or(delivery.history.last().map(|attempt| attempt.ended));
        at = at.max(then.unwrap_or(delivery.due));
        if let Some(sample) = view.latest_sample(&Subject::Delivery(*id))? {
            for metric in sample.metrics {
                let sum = metrics.entry(metric.measure).or_default();
                *sum = sum.saturating_add(metric.value);
            }
        }
        on.insert(delivery.account);
    }
    let message = post.origin.is_message();
    if on.is_empty() || message {
        return Ok(None);
    }
    let (own_key, source) = match post.origin {
        Origin::Generator {
            name, key, source, ..
        } => ((name == generator.name).then_some(key), source),
        Origin::Command | Origin::Alarm { .. } | Origin::Approval { .. } => (None, None),
    };
    Ok(Some(PastPost {
        id: post.id,
        draft: post.draft,
        pillar: post.pillar,
        campaign: post.campaign,
        source,
        own_key,
        accounts: on.into_iter().collect(),
        at,
        metrics: metrics
            .into_iter()
            .map(|(measure, value)| Metric { measure, value })
            .collect(),
    }))
}

/// How often people did something with it.
fn interactions(metrics: &[Metric]) -> i64 {
    metrics
        .iter()
        .filter(|metric| {
            matches!(
                metric.measure,
                Measure::Likes
                    | Measure::Comments
                    | Measure::Shares
                    | Measure::Quotes
                    | Measure::Saves
                    | Measure::Clicks
            )
        })
        .fold(0, |sum, metric| sum.saturating_add(metric.value))
}

/// What the brand's other generators found for this pillar, or for none, the best first.
pub(super) fn topics(
    view: View<'_>,
    config: &Config,
    generator: &GeneratorConfig,
    pillar: Option<&str>,
    now: Timestamp,
) -> Result<Vec<Topic>, StoreError> {
    let mut topics = Vec::new();
    for other in others(config, generator) {
        if let Some(found) = view.topics(&other.name)?
            && now.since(found.at) < TOPICS_SERVE
        {
            topics.extend(found.topics);
        }
    }
    topics.retain(|topic| {
        pillar.is_none() || topic.pillar.is_none() || topic.pillar.as_deref() == pillar
    });
    topics.sort_by_key(|topic| {
        (
            pillar.is_some() && topic.pillar.is_none(),
            Reverse(topic.score),
        )
    });
    let mut seen = BTreeSet::new();
    topics.retain(|topic| seen.insert(topic.name.to_lowercase()));
    topics.truncate(TOPICS);
    Ok(topics)
}

/// The other generators of the same brand.
pub(super) fn others<'a>(
    config: &'a Config,
    generator: &'a GeneratorConfig,
) -> impl Iterator<Item = &'a GeneratorConfig> {
    let mine = move |other: &&GeneratorConfig| {
        other.brand == generator.brand && other.name != generator.name
    };
    config.generators.values().filter(mine)
}
