//! What is remembered of a feed between two runs.
//!
//! An item is either seen, or waits to be handed out (then it is seen too), or is new.
//! The feed's validators are kept only while all of its items are one of the first two:
//! "unchanged since" then never hides an item that was not taken.

use std::collections::{HashSet, VecDeque};

use jarchi_plugin_sdk::{Result, kv};
use serde::{Deserialize, Serialize};

use crate::feed::{Feed, Item, digest};
use crate::settings::{FirstRun, Settings};

/// How many items are remembered that are in the feed no more.
const REMEMBERED: usize = 500;

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    /// The feed was read once.
    pub(crate) begun: bool,
    pub(crate) title: String,
    pub(crate) etag: Option<String>,
    pub(crate) last_modified: Option<String>,
    /// Where it answered from, when that was another address.
    pub(crate) moved_to: Option<String>,
    /// The digests of the items' identities, those longest out of the feed first.
    seen: VecDeque<String>,
    /// To be handed out, oldest first.
    pub(crate) waiting: VecDeque<Waiting>,
    /// What was handed out last. It is handed out once more: should the daemon have died
    /// before it took the drafts on, they are not lost, and known ones are not doubled.
    pub(crate) handed: Vec<Waiting>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Waiting {
    pub(crate) item: Item,
    /// When it was published, or first seen.
    pub(crate) at: u64,
}

fn key(url: &str) -> String {
    format!("feed/{}", digest(url))
}

impl State {
    /// # Errors
    /// The memory can't be read.
    pub(crate) fn load(url: &str) -> Result<Self> {
        Ok(kv::get(&key(url))?.unwrap_or_default())
    }

    /// # Errors
    /// The memory is full, or can't be written.
    pub(crate) fn save(&self, url: &str) -> Result<(), kv::Error> {
        kv::set(&key(url), self)
    }

    /// Takes the feed's new items in. `room` is how many bytes the waiting ones may take.
    /// Says how many new items were left in the feed for want of room.
    pub(crate) fn take(&mut self, feed: Feed, settings: &Settings, now: u64, room: usize) -> usize {
        self.title = feed.title;
        let first = !self.begun;
        self.begun = true;
        let mut known: HashSet<String> = self.seen.iter().cloned().collect();
        let mut fresh = Vec::new();
        let mut in_feed = Vec::new();
        for item in feed.items {
            let digest = digest(&item.id);
            if known.insert(digest.clone()) {
                fresh.push((digest, item));
            } else {
                in_feed.push(digest);
            }
        }
        let skipped = match (first, settings.first_run) {
            (false, _) => 0,
            (true, FirstRun::None) => fresh.len(),
            (true, FirstRun::Latest(count)) => fresh.len().saturating_sub(count),
        };
        let mut used: usize = self.waiting.iter().map(Waiting::size).sum();
        let mut left = 0;
        for (index, (digest, item)) in fresh.into_iter().enumerate() {
            let too_old = settings
                .max_age
                .zip(item.published)
                .is_some_and(|(age, published)| published.saturating_add(age) < now);
            let empty = item.title.is_empty() && item.summary.is_empty() && item.link.is_none();
            if index >= skipped && !too_old && !empty {
                let at = item.published.unwrap_or(now);
                let waiting = Waiting { item, at };
                used += waiting.size();
                if left > 0 || (used > room && !self.waiting.is_empty()) {
                    left += 1;
                    continue;
                }
                self.waiting.push_back(waiting);
            }
            in_feed.push(digest);
        }
        self.remember(in_feed);
        left
    }

    /// Moves the items that the feed still has to the back, and forgets the oldest of the
    /// others. What is in the feed is never forgotten, however many there are.
    fn remember(&mut self, in_feed: Vec<String>) {
        let present: HashSet<&String> = in_feed.iter().collect();
        self.seen.retain(|digest| !present.contains(digest));
        while self.seen.len() > REMEMBERED {
            self.seen.pop_front();
        }
        self.seen.extend(in_feed);
    }
}

impl Waiting {
    /// About how many bytes it takes to be kept.
    fn size(&self) -> usize {
        let item = &self.item;
        let words = [
            &item.id,
            &item.title,
            &item.summary,
            &item.content,
            &item.author,
        ];
        let categories: usize = item.categories.iter().map(|name| name.len() + 3).sum();
        let link = item.link.as_ref().map_or(0, String::len);
        150 + link + categories + words.iter().map(|word| word.len()).sum::<usize>()
    }
}

/// Forgets the feeds that are configured no more.
///
/// # Errors
/// The memory can't be read or written.
pub(crate) fn forget_others(urls: &[String]) -> Result<()> {
    let kept: HashSet<String> = urls.iter().map(|url| key(url)).collect();
    for other in kv::keys("feed/")? {
        if !kept.contains(&other) {
            kv::delete(&other)?;
        }
    }
    Ok(())
}
