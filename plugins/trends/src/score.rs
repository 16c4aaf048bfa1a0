//! How well a topic suits: at most 50 points for its fit to the brand, 20 for a use that
//! rises, 15 for being fresh, 15 for sources that agree.

use std::collections::{BTreeMap, BTreeSet};

use jarchi_plugin_sdk::Timestamp;

use crate::settings::Settings;
use crate::topic::{self, Sighting};

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Topic {
    /// The same for the same topic, whoever names it.
    pub(crate) identity: String,
    pub(crate) name: String,
    pub(crate) pillar: Option<String>,
    pub(crate) score: u32,
    /// Why, for people.
    pub(crate) reasons: Vec<String>,
    pub(crate) sources: Vec<String>,
    pub(crate) link: Option<String>,
}

/// The topics that fit the brand and are not taboo, the best first.
pub(crate) fn topics(found: Vec<Sighting>, settings: &Settings, now: Timestamp) -> Vec<Topic> {
    let mut by_identity: BTreeMap<String, Vec<Sighting>> = BTreeMap::new();
    for mut sighting in found {
        let is_old = sighting
            .since
            .is_some_and(|since| since.saturating_add(settings.max_age) < now);
        let Some(name) = topic::clean(&sighting.name).filter(|_| !is_old) else {
            continue;
        };
        sighting.name = name;
        by_identity
            .entry(topic::identity(&sighting.name))
            .or_default()
            .push(sighting);
    }
    let mut topics: Vec<Topic> = by_identity
        .into_iter()
        .filter_map(|(identity, sightings)| topic(identity, &sightings, settings, now))
        .collect();
    topics.sort_by(|a, b| {
        b.score
            .cmp(&a.score)
            .then_with(|| a.identity.cmp(&b.identity))
    });
    topics
}

fn topic(
    identity: String,
    sightings: &[Sighting],
    settings: &Settings,
    now: Timestamp,
) -> Option<Topic> {
    let mut words: Vec<String> = Vec::new();
    for sighting in sightings {
        words.extend(topic::words(&sighting.name));
    }
    if settings
        .taboos
        .iter()
        .any(|taboo| topic::has_phrase(&words, taboo))
    {
        return None;
    }
    let mut reasons = Vec::new();
    let (fit, pillar) = fit(&words, sightings, settings, &mut reasons)?;
    let rise = sightings
        .iter()
        .map(|sighting| sighting.rise)
        .fold(0.0, f64::max);
    let rising = (rise * 20.0).round() as u32;
    if rising > 0 {
        reasons.push(String::from("rising"));
    }
    let newest = sightings.iter().filter_map(|sighting| sighting.since).max();
    // What does not say when it began is talked about now, and half as fresh as can be.
    let fresh = newest.map_or(7, |since| {
        let age = now.saturating_sub(since) as f64 / settings.max_age.max(1) as f64;
        ((1.0 - age.min(1.0)) * 15.0).round() as u32
    });
    let sources: BTreeSet<&str> = sightings
        .iter()
        .map(|sighting| sighting.source.as_str())
        .collect();
    let agreeing = match sources.len() {
        0 | 1 => 0,
        2 => 8,
        3 => 12,
        _ => 15,
    };
    if agreeing > 0 {
        reasons.push(format!("{} sources", sources.len()));
    }
    // The most telling name: words apart rather than a hashtag.
    let name = sightings
        .iter()
        .map(|sighting| &sighting.name)
        .max_by_key(|name| {
            (
                name.split(' ').count(),
                name.chars().filter(|c| c.is_uppercase()).count(),
            )
        })?;
    Some(Topic {
        identity,
        name: name.clone(),
        pillar,
        score: fit + rising + fresh + agreeing,
        reasons,
        sources: sources.into_iter().map(str::to_owned).collect(),
        link: sightings
            .iter()
            .filter_map(|sighting| sighting.link.as_deref())
            .find(|link| is_address(link))
            .map(str::to_owned),
    })
}

fn is_address(link: &str) -> bool {
    link.len() <= 2_000
        && link.to_ascii_lowercase().starts_with("https://")
        && !link.contains(|c: char| c.is_whitespace() || c.is_control())
}

/// None where nothing of the brand's is in it.
fn fit(
    words: &[String],
    sightings: &[Sighting],
    settings: &Settings,
    reasons: &mut Vec<String>,
) -> Option<(u32, Option<String>)> {
    let count = |phrases: &[String]| {
        phrases
            .iter()
            .filter(|phrase| topic::has_phrase(words, phrase))
            .count() as u32
    };
    let best = settings
        .pillars
        .iter()
        .map(|(name, phrases)| (count(phrases), name))
        .filter(|(hits, _)| *hits > 0)
        // The first by name where they are alike.
        .max_by(|a, b| a.0.cmp(&b.0).then_with(|| b.1.cmp(a.1)));
    let mut fit = 0;
    if let Some((hits, name)) = best {
        fit += 35 + 5 * (hits - 1).min(2);
        reasons.push(format!("fits {name}"));
    }
    if count(&settings.hashtags) > 0 {
        fit += if best.is_some() { 10 } else { 35 };
        reasons.push(String::from("a hashtag of the brand"));
    }
    let audience: Vec<String> = topic::words(&settings.audience)
        .into_iter()
        .filter(|word| word.chars().count() >= 4)
        .collect();
    if count(&audience) > 0 {
        fit += if fit > 0 { 5 } else { 25 };
        reasons.push(String::from("for the audience"));
    }
    if sightings.iter().any(|sighting| sighting.own) {
        fit = (fit + 10).max(30);
        reasons.push(String::from("on your list"));
    }
    (fit > 0).then(|| (fit.min(50), best.map(|(_, name)| name.clone())))
}
