//! Topics that many talk about and that fit the brand: from Mastodon's and Bluesky's
//! trends, from feeds, and from a list of the user's.
//!
//! What strangers write is data: of it only a topic's name is used, without addresses and
//! mentions, and the address of its source where that is asked for.

mod feed;
mod post;
mod score;
mod settings;
mod sources;
mod topic;

use std::collections::BTreeMap;

use jarchi_plugin_sdk::generator::{self, AccountLimits, Batch, Brief, Draft};
use jarchi_plugin_sdk::{Generator, Link, Millis, Post, Problem, Result, Timestamp, compose, kv};
use serde::{Deserialize, Serialize};

use score::Topic;
use settings::{Mode, Settings};

/// For so long a topic is the same topic.
const REMEMBERED: Millis = 365 * 86_400_000;
/// And so many of them are remembered.
const MOST: usize = 2_000;
const STATE: &str = "state";

/// The generator.
#[derive(Debug)]
pub struct Trends;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct State {
    /// When the next list is made.
    next: Timestamp,
    /// Topics that were posted about, with the time and the source.
    posted: BTreeMap<String, (Timestamp, String)>,
    /// What was handed out last. It is handed out once more: should the daemon have died
    /// before it took the drafts on, they are not lost, and known ones are not doubled.
    handed: Vec<Handed>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Handed {
    key: String,
    text: String,
    link: Option<String>,
    pillar: Option<String>,
    source: Option<String>,
}

impl Generator for Trends {
    fn generate(brief: &Brief) -> Result<Batch> {
        let settings = Settings::of(brief)?;
        let mut state: State = kv::get(STATE)?.unwrap_or_default();
        let mut batch = Batch::empty();
        let again = std::mem::take(&mut state.handed);
        let found = sources::all(&settings, &mut batch.problems);
        let topics: Vec<Topic> = score::topics(found, &settings, brief.now)
            .into_iter()
            .filter(|topic| topic.score >= settings.threshold)
            .collect();
        let new = match settings.mode {
            Mode::Input => {
                // A source that can't be read now has not changed its mind: the last topics
                // serve for their day.
                let blind = topics.is_empty() && !batch.problems.is_empty();
                batch.topics = (!blind).then(|| offered(&topics, &settings));
                Vec::new()
            }
            Mode::List => list(&topics, &settings, brief, &mut state)
                .into_iter()
                .collect(),
            Mode::Post => posts(&topics, &settings, brief, &mut state, &mut batch.problems),
        };
        // Asked for a slot, it gives what is new; asked what it has, the last ones, too.
        let given: Vec<&Handed> = match brief.wanted {
            0 => again.iter().chain(&new).collect(),
            _ => new.iter().collect(),
        };
        batch.drafts = given
            .into_iter()
            .map(|handed| draft(handed, &settings))
            .collect();
        state.handed = if new.is_empty() { again } else { new };
        kv::set(STATE, &state)?;
        Ok(batch)
    }
}

fn draft(handed: &Handed, settings: &Settings) -> Draft {
    Draft {
        key: handed.key.clone(),
        revision: String::from("1"),
        post: Post {
            text: handed.text.clone(),
            language: settings.language.clone(),
            link: handed.link.clone().map(|url| Link {
                url,
                title: None,
                description: None,
                thumbnail: None,
            }),
            ..Post::default()
        },
        variants: Vec::new(),
        accounts: Vec::new(),
        pillar: handed.pillar.clone(),
        campaign: None,
        due: None,
        repeat_after: None,
        provenance: None,
        source: handed.source.clone(),
    }
}

/// The first account for which the text is too long, with the length by its count.
fn too_long<'a>(
    text: &str,
    link: Option<&str>,
    brief: &'a Brief,
) -> Option<(&'a AccountLimits, usize)> {
    let post = Post {
        text: text.to_owned(),
        link: link.map(|url| Link {
            url: url.to_owned(),
            title: None,
            description: None,
            thumbnail: None,
        }),
        ..Post::default()
    };
    brief.accounts.iter().find_map(|account| {
        let length = compose::length_on(&account.plugin, &post);
        let over = account.text.is_some_and(|limit| length > limit as usize);
        over.then_some((account, length))
    })
}

/// One post for each topic, ever.
fn posts(
    topics: &[Topic],
    settings: &Settings,
    brief: &Brief,
    state: &mut State,
    problems: &mut Vec<Problem>,
) -> Vec<Handed> {
    let now = brief.now;
    state
        .posted
        .retain(|_, (at, _)| at.saturating_add(REMEMBERED) > now);
    let mut new = Vec::new();
    let Some(template) = &settings.template else {
        return new;
    };
    let wanted = brief.pillar.as_ref().map(|pillar| pillar.name.as_str());
    for topic in topics {
        if new.len() == settings.most {
            break;
        }
        let other_pillar = wanted.is_some()
            && settings.pillars.contains_key(wanted.unwrap_or_default())
            && topic.pillar.as_deref() != wanted;
        if state.posted.contains_key(&topic.identity) || other_pillar {
            continue;
        }
        let text = match template.render(topic, settings.link) {
            Ok(text) => text,
            Err(message) => {
                problems.push(Problem::error(
                    "template",
                    format!("topic `{}`: {message}", topic.name),
                ));
                continue;
            }
        };
        let link = topic.link.clone().filter(|_| settings.link);
        if let Some((account, length)) = too_long(&text, link.as_deref(), brief) {
            problems.push(Problem::error(
                "template",
                format!(
                    "topic `{}`: the text for `{}` ({}) has {length} characters, and {} are taken",
                    topic.name,
                    account.account,
                    account.plugin,
                    account.text.unwrap_or_default()
                ),
            ));
            continue;
        }
        if text.is_empty() {
            continue;
        }
        let source = topic
            .link
            .clone()
            .or_else(|| topic.sources.first().cloned());
        state.posted.insert(
            topic.identity.clone(),
            (now, source.clone().unwrap_or_default()),
        );
        new.push(Handed {
            key: format!("topic {}", key(&topic.identity)),
            text,
            link,
            pillar: topic.pillar.clone().or_else(|| wanted.map(str::to_owned)),
            source,
        });
    }
    while state.posted.len() > MOST {
        let oldest = state
            .posted
            .iter()
            .min_by_key(|(_, (at, _))| *at)
            .map(|(name, _)| name.clone());
        if let Some(oldest) = oldest {
            state.posted.remove(&oldest);
        }
    }
    new
}

/// For the brand's other generators.
fn offered(topics: &[Topic], settings: &Settings) -> Vec<generator::Topic> {
    let offer = |topic: &Topic| generator::Topic {
        name: topic.name.clone(),
        hashtag: post::hashtag(&topic.name).map(|tag| tag.trim_start_matches('#').to_owned()),
        pillar: topic.pillar.clone(),
        score: topic.score,
        reasons: topic.reasons.clone(),
        link: topic.link.clone().filter(|_| settings.link),
    };
    topics.iter().take(settings.most).map(offer).collect()
}

fn key(identity: &str) -> String {
    if identity.len() <= 120 {
        identity.to_owned()
    } else {
        blake3::hash(identity.as_bytes()).to_hex()[..32].to_owned()
    }
}

/// The list for those who write: once in `every`, as many topics as the accounts' limits
/// let in.
fn list(topics: &[Topic], settings: &Settings, brief: &Brief, state: &mut State) -> Option<Handed> {
    let now = brief.now;
    // A schedule is not to the millisecond.
    if topics.is_empty() || now.saturating_add(settings.every / 20) < state.next {
        return None;
    }
    let lines: Vec<String> = topics
        .iter()
        .take(settings.most)
        .map(|topic| {
            let sources = topic.sources.join(", ");
            let link = topic
                .link
                .as_deref()
                .filter(|_| settings.link)
                .map(|link| format!(" {link}"))
                .unwrap_or_default();
            format!(
                "{} ({}): {}; {sources}{link}",
                topic.name,
                topic.score,
                topic.reasons.join(", ")
            )
        })
        .collect();
    let text = (1..=lines.len())
        .rev()
        .map(|most| lines[..most].join("\n"))
        .find(|text| too_long(text, None, brief).is_none())?;
    let missed = state.next == 0 || now.saturating_sub(state.next) > settings.every;
    state.next = if missed { now } else { state.next }.saturating_add(settings.every);
    Some(Handed {
        key: format!("topics {now}"),
        text,
        link: None,
        pillar: None,
        source: None,
    })
}

jarchi_plugin_sdk::export!(Trends: generator);

#[cfg(test)]
mod tests;
