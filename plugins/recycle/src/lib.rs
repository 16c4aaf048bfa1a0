//! Evergreen posts again after a rest: the best received first, in other words.
//!
//! What went out, and how it was received, is told by the brief; so nothing is chosen by
//! hopes. A post comes again only where its pillar or a hashtag says that it may, and never
//! twice within its rest, whoever said it.

mod choose;
mod reword;
mod settings;
mod state;

use jarchi_plugin_sdk::generator::{Batch, Brief, Draft, Topic};
use jarchi_plugin_sdk::{Generator, Problem, Result, compose, count, text, time};

use choose::Evergreen;
use settings::{Mode, Settings};
use state::State;

/// Characters of a subject that is offered.
const SUBJECT: usize = 120;

/// The generator.
#[derive(Debug)]
pub struct Recycle;

impl Generator for Recycle {
    fn generate(brief: &Brief) -> Result<Batch> {
        let settings = Settings::of(brief)?;
        let mut state = State::load()?;
        let mut batch = Batch::empty();
        if settings.mode == Mode::Input {
            let rested = choose::rested(brief, &settings, &state);
            batch.topics = Some(subjects(&rested, &settings));
            return Ok(batch);
        }
        let new = match brief.wanted {
            0 => {
                batch.drafts.extend(once_more(brief, &settings, &state));
                u32::from(is_due(brief, &settings, &mut state))
            }
            wanted => wanted,
        };
        let moment = brief.slot.unwrap_or(brief.now);
        let mut rested = choose::rested(brief, &settings, &state).into_iter();
        let mut left = new;
        while left > 0 {
            let Some(one) = rested.next() else { break };
            let before = state.given(&one.original.id).map_or(0, |given| given.round);
            let round = one.round.max(before) + 1;
            match draft(&one, round, brief, &settings) {
                Some(draft) => {
                    state.give(&one.original.id, moment, round);
                    batch.drafts.push(draft);
                    left -= 1;
                }
                None => batch.problems.push(Problem::warning(
                    source(&one),
                    "it does not come again: its text is too long for its accounts now",
                )),
            }
        }
        state.save()?;
        Ok(batch)
    }
}

/// Whether it is time for one that nobody asked for.
fn is_due(brief: &Brief, settings: &Settings, state: &mut State) -> bool {
    let Some(every) = settings.every else {
        return false;
    };
    // A schedule is not to the millisecond.
    if brief.now.saturating_add(every / 20) < state.next {
        return false;
    }
    state.next = brief.now.saturating_add(every);
    true
}

/// What was handed out last, as long as it has not gone out.
fn once_more(brief: &Brief, settings: &Settings, state: &State) -> Option<Draft> {
    let (id, round) = state.handed.as_ref()?;
    let key = choose::key(id, *round);
    let is_out = brief
        .history
        .iter()
        .any(|past| past.own_key.as_deref() == Some(&key));
    if is_out {
        return None;
    }
    // As if it had never been given.
    let all = choose::rested(brief, settings, &State::default());
    let one = all.into_iter().find(|one| one.original.id == *id)?;
    draft(&one, *round, brief, settings)
}

fn source(one: &Evergreen<'_>) -> String {
    let source = one.original.source.clone();
    source.unwrap_or_else(|| format!("post {}", one.original.id))
}

fn draft(one: &Evergreen<'_>, round: u32, brief: &Brief, settings: &Settings) -> Option<Draft> {
    let past = one.original;
    let accounts = choose::accounts(past, brief);
    let (text, variants) = reword::words(past, round, &accounts, brief, settings)?;
    let mut post = past.post.clone();
    post.text = text;
    Some(Draft {
        key: choose::key(&past.id, round),
        revision: String::from("1"),
        post,
        variants,
        accounts,
        pillar: brief
            .pillar
            .as_ref()
            .map(|pillar| pillar.name.clone())
            .or_else(|| past.pillar.clone()),
        campaign: None,
        due: None,
        repeat_after: None,
        provenance: None,
        source: Some(source(one)),
    })
}

/// What the best were about, for those who write. Scores are parts of the best one's.
fn subjects(rested: &[Evergreen<'_>], settings: &Settings) -> Vec<Topic> {
    let best = rested.first().map_or(1, |one| one.interactions).max(1);
    rested
        .iter()
        .filter_map(|one| {
            let past = one.original;
            let mut name = past.post.text.lines().next().unwrap_or_default().to_owned();
            let noise: Vec<String> = text::urls(&name)
                .iter()
                .chain(&text::mentions(&name))
                .map(|span| span.text.to_owned())
                .collect();
            for span in noise {
                name = name.replace(&span, " ");
            }
            let words: Vec<&str> = name.split_whitespace().collect();
            let name = text::shorten(&words.join(" "), SUBJECT, count::graphemes);
            let day = time::format_rfc3339(past.at);
            name.chars().any(char::is_alphabetic).then(|| Topic {
                name,
                hashtag: past.post.hashtags.first().map(|tag| compose::hashtag(tag)),
                pillar: past.pillar.clone(),
                score: u32::try_from(one.interactions.max(0) * 100 / best).unwrap_or(100),
                reasons: vec![
                    format!("said on {}", day.get(..10).unwrap_or_default()),
                    format!("{} interactions", one.interactions),
                ],
                link: None,
            })
        })
        .take(settings.most)
        .collect()
}

jarchi_plugin_sdk::export!(Recycle: generator);

#[cfg(test)]
mod tests;
