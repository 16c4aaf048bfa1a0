//! Whose turn it is, and what is remembered of it. Rows are known by their keys, so that
//! it does not matter where they stand in the file.

use std::collections::{BTreeMap, HashSet};

use jarchi_plugin_sdk::{Millis, Result, Timestamp, kv};
use serde::{Deserialize, Serialize};

use crate::front::Rest;

/// Drafts that are given again, as their rows are now, until newer ones push them out.
const GIVEN: usize = 200;
/// A draft that is older than this waits no more.
const OUTDATED: Millis = 180 * 86_400_000;
/// Rows that are remembered though their file has them no more.
const MISSED: usize = 500;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    /// How many templates were drawn.
    pub(crate) draws: u64,
    /// When the next post is made without being asked for.
    pub(crate) next: Timestamp,
    /// What was given, oldest first.
    pub(crate) given: Vec<Given>,
    /// When the last of those that were pushed out was given.
    pushed_out: Timestamp,
    #[serde(skip)]
    turns: BTreeMap<String, Turn>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Given {
    pub(crate) template: String,
    pub(crate) data: String,
    pub(crate) row: String,
    pub(crate) round: u32,
    pub(crate) at: Timestamp,
    pub(crate) pillar: Option<String>,
    pub(crate) campaign: Option<String>,
}

/// The rows of one file.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Turn {
    round: u32,
    /// The round in which a row was last used, and when.
    used: BTreeMap<String, (u32, Timestamp)>,
}

const STATE: &str = "state";

fn turn_key(data: &str) -> String {
    format!("turn/{}", &blake3::hash(data.as_bytes()).to_hex()[..32])
}

/// A number that is the same for the same words, and as good as random otherwise.
pub(crate) fn number(seed: &str, words: &[&str]) -> u64 {
    let mut hasher = blake3::Hasher::new();
    for word in [seed].iter().chain(words) {
        hasher.update(&(word.len() as u64).to_le_bytes());
        hasher.update(word.as_bytes());
    }
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    u64::from_le_bytes(bytes)
}

/// Where a row stands in an order. Quick, as it is asked of every row for every post: FNV-1a
/// of the row's key, mixed as SplitMix64 does.
fn place(order: u64, row: &str) -> u64 {
    let hash = row
        .bytes()
        .fold(order ^ 0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

impl State {
    /// # Errors
    /// The memory can't be read.
    pub(crate) fn load(data: impl Iterator<Item = String>) -> Result<Self> {
        let mut state: State = kv::get(STATE)?.unwrap_or_default();
        for path in data {
            let turn = kv::get(&turn_key(&path))?.unwrap_or_default();
            state.turns.insert(path, turn);
        }
        Ok(state)
    }

    /// # Errors
    /// The memory is full, or can't be written.
    pub(crate) fn save(&mut self, now: Timestamp) -> Result<()> {
        let over = self.given.len().saturating_sub(GIVEN);
        for given in self.given.drain(..over) {
            self.pushed_out = self.pushed_out.max(given.at);
        }
        self.given
            .retain(|given| given.at.saturating_add(OUTDATED) > now);
        kv::set(STATE, self)?;
        for (path, turn) in &self.turns {
            kv::set(&turn_key(path), turn)?;
        }
        Ok(())
    }

    /// Whether all drafts that may wait are still known.
    pub(crate) fn is_whole(&self, now: Timestamp) -> bool {
        self.pushed_out == 0 || self.pushed_out.saturating_add(OUTDATED) <= now
    }

    /// Whether a post is due that nobody asked for. A schedule is not to the millisecond:
    /// a twentieth too early is taken, and does not move the next one.
    pub(crate) fn take_turn(&mut self, every: Millis, now: Timestamp) -> bool {
        if now.saturating_add(every / 20) < self.next {
            return false;
        }
        let missed = now.saturating_sub(self.next) > every;
        let from = if self.next == 0 || missed {
            now
        } else {
            self.next
        };
        self.next = from.saturating_add(every);
        true
    }

    /// The next row of a file: of those that were not used in this round the first in the
    /// round's order; after the last of them the next round begins, without the rows that
    /// rest. `rows` are the keys of those that may be posted.
    pub(crate) fn next_row<'a>(
        &self,
        data: &str,
        rows: &[&'a str],
        rest: Rest,
        seed: &str,
        now: Timestamp,
    ) -> Option<(&'a str, u32)> {
        let empty = Turn::default();
        let turn = self.turns.get(data).unwrap_or(&empty);
        let used = |row: &str| turn.used.get(row);
        let rested = |row: &str| match (used(row), rest) {
            (None, _) => true,
            (Some(_), Rest::Never) => false,
            (Some((_, at)), Rest::For(span)) => at.saturating_add(span) <= now,
        };
        let unused = |row: &str| used(row).is_none_or(|(round, _)| *round != turn.round);
        let round = if rows.iter().any(|row| unused(row)) {
            turn.round
        } else {
            turn.round + 1
        };
        let order = number(seed, &[data, &round.to_string()]);
        rows.iter()
            .filter(|row| (round != turn.round || unused(row)) && rested(row))
            .min_by_key(|row| (place(order, row), **row))
            .map(|row| (*row, round))
    }

    pub(crate) fn use_row(&mut self, data: &str, row: &str, round: u32, now: Timestamp) {
        let turn = self.turns.entry(data.to_owned()).or_default();
        turn.round = round;
        turn.used.insert(row.to_owned(), (round, now));
    }

    /// Forgets the rows that are gone longest, when there are many.
    pub(crate) fn forget_missing(&mut self, data: &str, present: &HashSet<&str>) {
        let Some(turn) = self.turns.get_mut(data) else {
            return;
        };
        let mut gone: Vec<(Timestamp, String)> = turn
            .used
            .iter()
            .filter(|(row, _)| !present.contains(row.as_str()))
            .map(|(row, (_, at))| (*at, row.clone()))
            .collect();
        gone.sort();
        let over = gone.len().saturating_sub(MISSED);
        for (_, row) in gone.drain(..over) {
            turn.used.remove(&row);
        }
    }
}
