//! Which posts may come again, and which of them is first.

use std::collections::{BTreeMap, BTreeSet};

use jarchi_plugin_sdk::generator::{Brief, PastPost};
use jarchi_plugin_sdk::{Measure, Metric, Timestamp};

use crate::settings::{Settings, tag};
use crate::state::State;

/// A post with all the times that it went out.
#[derive(Debug)]
pub(crate) struct Evergreen<'a> {
    /// As it was the first time.
    pub(crate) original: &'a PastPost,
    /// The last of its times, whatever its words were.
    last: Timestamp,
    /// Times that it went out, and what people did with it each time, on average.
    times: i64,
    pub(crate) interactions: i64,
    /// The highest round of this generator's.
    pub(crate) round: u32,
}

/// The key of a post's round: the same for ever.
pub(crate) fn key(id: &str, round: u32) -> String {
    format!("again {id} {round}")
}

fn parse(key: &str) -> Option<(&str, u32)> {
    let (id, round) = key.strip_prefix("again ")?.rsplit_once(' ')?;
    Some((id, round.parse().ok()?))
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
        .fold(0, |sum, metric| sum.saturating_add(metric.value.max(0)))
}

/// Those that have rested enough, the best received first, then the oldest.
pub(crate) fn rested<'a>(
    brief: &'a Brief,
    settings: &Settings,
    state: &State,
) -> Vec<Evergreen<'a>> {
    let moment = brief.slot.unwrap_or(brief.now);
    let rests = |since: Timestamp| since.saturating_add(settings.rest) > moment;
    // Whoever said it, it was said.
    let lately: BTreeSet<&str> = brief
        .history
        .iter()
        .filter(|past| rests(past.at))
        .map(|past| past.post.text.trim())
        .collect();
    let mut found: Vec<Evergreen<'_>> = all(brief)
        .into_iter()
        .filter(|one| may_come(one, brief, settings))
        .filter(|one| !rests(one.last))
        .filter(|one| {
            !state
                .given(&one.original.id)
                .is_some_and(|given| rests(given.at))
        })
        .filter(|one| {
            let text = one.original.post.text.trim();
            text.is_empty() || !lately.contains(text)
        })
        .collect();
    found.sort_by(|a, b| {
        b.interactions
            .cmp(&a.interactions)
            .then_with(|| a.last.cmp(&b.last))
            .then_with(|| a.original.id.cmp(&b.original.id))
    });
    found
}

/// Every post by its original; a round whose original is not known any more has none.
fn all(brief: &Brief) -> Vec<Evergreen<'_>> {
    let mut by_id: BTreeMap<&str, Evergreen<'_>> = BTreeMap::new();
    for past in brief.history.iter().filter(|past| past.own_key.is_none()) {
        by_id.insert(
            past.id.as_str(),
            Evergreen {
                original: past,
                last: past.at,
                times: 1,
                interactions: interactions(&past.metrics),
                round: 0,
            },
        );
    }
    for past in &brief.history {
        let own = past.own_key.as_deref().and_then(parse);
        let Some((id, round)) = own else { continue };
        if let Some(one) = by_id.get_mut(id) {
            one.last = one.last.max(past.at);
            one.times += 1;
            one.interactions = one.interactions.saturating_add(interactions(&past.metrics));
            one.round = one.round.max(round);
        }
    }
    by_id
        .into_values()
        .map(|mut one| {
            one.interactions /= one.times;
            one
        })
        .collect()
}

fn may_come(one: &Evergreen<'_>, brief: &Brief, settings: &Settings) -> bool {
    let past = one.original;
    let tags: Vec<String> = past
        .post
        .hashtags
        .iter()
        .map(|written| tag(written))
        .collect();
    let has = |wanted: &[String]| wanted.iter().any(|wanted| tags.contains(wanted));
    let in_pillar = past
        .pillar
        .as_ref()
        .is_some_and(|pillar| settings.pillars.contains(pillar));
    // A slot of one of these pillars gets a post of that pillar; one of another, say
    // `classics`, any of them.
    let asked = brief.pillar.as_ref().map(|pillar| &pillar.name);
    let asked = asked.filter(|name| settings.pillars.contains(name));
    let suits = asked.is_none_or(|name| past.pillar.as_ref() == Some(name));
    let accounts = accounts(past, brief);
    (in_pillar || has(&settings.tags))
        && suits
        && !has(&settings.except)
        && (settings.campaigns || past.campaign.is_none())
        && one.interactions >= settings.least
        && (!accounts.is_empty() || brief.accounts.is_empty())
}

/// Where it went out before, and may again.
pub(crate) fn accounts(past: &PastPost, brief: &Brief) -> Vec<String> {
    let asked = brief.accounts.iter().map(|account| &account.account);
    asked
        .filter(|name| past.accounts.contains(name))
        .cloned()
        .collect()
}
