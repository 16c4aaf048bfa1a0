//! What is remembered between two calls: how often each card was handed out, and the last
//! ones that were.

use std::collections::BTreeMap;

use jarchi_plugin_sdk::{Millis, Result, Timestamp, kv};
use serde::{Deserialize, Serialize};

use crate::card::digest;
use crate::settings::Order;
use crate::size::{Format, Shape};

const KEY: &str = "cards";

/// Cards that may still wait for their moment: a change of theirs is told.
const WATCHED: usize = 30;

/// Cards that are remembered: their numbers take about 32 bytes each.
const REMEMBERED: usize = 10_000;

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    /// How often each card was handed out, by its id.
    used: BTreeMap<String, u32>,
    /// The last of them, oldest first.
    pub(crate) handed: Vec<Handed>,
}

/// A card that was handed out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Handed {
    pub(crate) id: String,
    /// Of its draft.
    pub(crate) key: String,
    pub(crate) revision: String,
    pub(crate) at: Timestamp,
    pub(crate) shape: Shape,
    pub(crate) format: Format,
    /// A later call saw it: the daemon has it. Until then it is handed out once more, so
    /// that one that died in between loses none; a known draft is not doubled.
    pub(crate) sure: bool,
}

impl State {
    /// # Errors
    /// The memory can't be read.
    pub(crate) fn load() -> Result<Self> {
        Ok(kv::get(KEY)?.unwrap_or_default())
    }

    /// # Errors
    /// The memory is full, or can't be written.
    pub(crate) fn save(&mut self) -> Result<()> {
        let too_many = self.handed.len().saturating_sub(WATCHED);
        self.handed.drain(..too_many);
        while self.used.len() > REMEMBERED {
            self.used.pop_first();
        }
        Ok(kv::set(KEY, self)?)
    }

    pub(crate) fn is_due(&self, every: Option<Millis>, now: Timestamp) -> bool {
        every.is_some_and(|every| {
            self.handed
                .last()
                .is_none_or(|last| now.saturating_sub(last.at) >= every)
        })
    }

    /// How often the card counts as used. One that is new begins with the round under way:
    /// else it would be shown over and over until it had caught up.
    fn count(&self, id: &str, most: u32) -> u32 {
        self.used
            .get(id)
            .copied()
            .unwrap_or_else(|| most.saturating_sub(1))
    }

    /// The card that comes next among these: none is used again before all were. None
    /// where all were used and none is to be repeated.
    pub(crate) fn next<'a>(
        &self,
        ids: impl Iterator<Item = &'a str> + Clone,
        order: Order,
        repeat: bool,
    ) -> Option<&'a str> {
        let most = ids
            .clone()
            .filter_map(|id| self.used.get(id).copied())
            .max()
            .unwrap_or(0);
        ids.filter(|id| repeat || !self.used.contains_key(*id))
            .enumerate()
            .min_by_key(|(index, id)| {
                let count = self.count(id, most);
                let place = match order {
                    Order::Rows => format!("{index:08}"),
                    Order::Mixed => digest(&format!("{count} {id}")),
                };
                (count, place)
            })
            .map(|(_, id)| id)
    }

    /// The key of the card's next draft: another each time, and the same for ever.
    pub(crate) fn key(&self, id: &str) -> String {
        match self.used.get(id) {
            None | Some(0) => id.to_owned(),
            Some(times) => format!("{id} {}", times + 1),
        }
    }

    pub(crate) fn hand_out<'a>(&mut self, ids: impl Iterator<Item = &'a str>, handed: Handed) {
        let most = ids
            .filter_map(|id| self.used.get(id).copied())
            .max()
            .unwrap_or(0);
        let times = match self.used.get(&handed.id) {
            Some(times) => times + 1,
            // Its key is that of a first draft; it joins the round under way.
            None => most.max(1),
        };
        self.used.insert(handed.id.clone(), times);
        self.handed.push(handed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounds(state: &mut State, ids: &[&str], count: usize) -> Vec<String> {
        (0..count)
            .filter_map(|_| {
                let all = || ids.iter().copied();
                let id = state.next(all(), Order::Mixed, true)?.to_owned();
                let key = state.key(&id);
                state.hand_out(
                    all(),
                    Handed {
                        id: id.clone(),
                        key: key.clone(),
                        revision: String::new(),
                        at: 0,
                        shape: Shape::Square,
                        format: Format::Png,
                        sure: true,
                    },
                );
                Some(key)
            })
            .collect()
    }

    #[test]
    fn no_card_comes_twice_before_all_came_once_and_keys_never_repeat() {
        let mut state = State::default();
        let ids = ["a", "b", "c", "d", "e"];
        let keys = rounds(&mut state, &ids, 25);
        for round in keys.chunks(5) {
            let mut cards: Vec<_> = round.iter().map(|key| key.split(' ').next()).collect();
            cards.sort_unstable();
            assert_eq!(cards, ids.map(Some));
        }
        let mut all = keys.clone();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), keys.len(), "{keys:?}");
        assert_ne!(
            keys[..5].iter().map(|key| &key[..1]).collect::<Vec<_>>(),
            keys[5..10].iter().map(|key| &key[..1]).collect::<Vec<_>>(),
            "each round is mixed otherwise"
        );
    }

    #[test]
    fn a_card_that_is_added_later_comes_once_a_round() {
        let mut state = State::default();
        rounds(&mut state, &["a", "b"], 8);
        let keys = rounds(&mut state, &["a", "b", "new"], 7);
        assert_eq!(keys[0], "new", "what was never shown comes first");
        for round in keys[1..].chunks(3) {
            let new = round.iter().filter(|key| key.starts_with("new")).count();
            assert_eq!(new, 1, "{keys:?}");
        }
    }

    #[test]
    fn what_is_not_repeated_ends() {
        let mut state = State::default();
        rounds(&mut state, &["a", "b"], 2);
        assert_eq!(state.next(["a", "b"].into_iter(), Order::Rows, false), None);
        assert_eq!(
            state.next(["a", "b", "c"].into_iter(), Order::Rows, false),
            Some("c")
        );
    }
}
