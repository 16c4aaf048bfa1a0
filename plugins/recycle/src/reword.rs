//! Other words for the same post: those that the settings have for it, else an opening.

use jarchi_plugin_sdk::generator::{AccountLimits, Brief, PastPost};
use jarchi_plugin_sdk::{Post, compose};

use crate::settings::{ALL, Settings};

/// Stands for the post's own text in an opening.
const TEXT: &str = "{text}";

/// The text and its variants for single accounts.
pub(crate) type Words = (String, Vec<(String, String)>);

/// The post's words in this round; none where nothing fits all of its accounts.
pub(crate) fn words(
    past: &PastPost,
    round: u32,
    accounts: &[String],
    brief: &Brief,
    settings: &Settings,
) -> Option<Words> {
    let rooms: Vec<&AccountLimits> = brief
        .accounts
        .iter()
        .filter(|account| accounts.contains(&account.account))
        .collect();
    let own = (past.post.text.clone(), past.variants.clone());
    candidates(past, round, settings)
        .into_iter()
        .chain([own])
        .find(|words| fits(past, words, &rooms))
}

/// In turn: what comes first in this round, came last in the one before.
fn candidates(past: &PastPost, round: u32, settings: &Settings) -> Vec<Words> {
    let mut candidates: Vec<Words> = match texts(past, settings) {
        Some(texts) => texts
            .iter()
            .map(|text| (text.clone(), Vec::new()))
            .collect(),
        None => openings(past, settings)
            .iter()
            .map(|opening| {
                let variants = past.variants.iter();
                let variants = variants.map(|(name, text)| (name.clone(), open(opening, text)));
                (open(opening, &past.post.text), variants.collect())
            })
            .collect(),
    };
    if let Some(turn) = (round.saturating_sub(1) as usize).checked_rem(candidates.len()) {
        candidates.rotate_left(turn);
    }
    candidates
}

/// By the post's number, its source, or the source's file name.
fn texts<'a>(past: &PastPost, settings: &'a Settings) -> Option<&'a Vec<String>> {
    let source = past.source.as_deref();
    let file = source.and_then(|source| source.rsplit('/').next());
    [Some(past.id.as_str()), source, file]
        .into_iter()
        .flatten()
        .find_map(|name| settings.texts.get(name))
        .filter(|texts| !texts.is_empty())
}

fn openings<'a>(past: &PastPost, settings: &'a Settings) -> &'a [String] {
    let language = past.post.language.as_deref().unwrap_or(ALL);
    let short = language.split('-').next().unwrap_or(language);
    [language, short, ALL]
        .into_iter()
        .find_map(|name| settings.openings.get(name))
        .map_or(&[], Vec::as_slice)
}

fn open(opening: &str, text: &str) -> String {
    if opening.contains(TEXT) {
        return opening.replace(TEXT, text);
    }
    format!("{} {}", opening.trim_end(), text.trim_start())
        .trim()
        .to_owned()
}

fn fits(past: &PastPost, (text, variants): &Words, rooms: &[&AccountLimits]) -> bool {
    rooms.iter().all(|room| {
        let own = [&room.account, &room.plugin]
            .into_iter()
            .find_map(|name| variants.iter().find(|(wanted, _)| wanted == name));
        let post = Post {
            text: own.map_or(text, |(_, words)| words).clone(),
            ..past.post.clone()
        };
        room.text
            .is_none_or(|limit| compose::length_on(&room.plugin, &post) <= limit as usize)
    })
}
