//! What may be chance: permutation tests, and Holm's correction for how many there are.
//!
//! If hours (pillars, kinds of media) meant nothing, posts of the same 28 days could change
//! theirs among each other and nothing would be different. So the numbers are shuffled within
//! these days many times, and it is counted how often chance does as well as what was seen.

use std::collections::BTreeMap;

use super::draw::Draw;
use super::fit::{Fit, Seen};
use super::week::alike;

/// Shuffles of one test: the least chance that can be told is one in 2000.
const SHUFFLES: usize = 1999;

/// What was tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// Does the hour mean anything on this account?
    Hours(usize),
    /// Does this pillar get other numbers than the rest?
    Pillar(usize),
    Media(usize),
}

/// How a test came out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trial {
    pub question: Question,
    /// How often chance alone does as well.
    pub chance: f64,
    /// The same, seen that there are several tests: below the rate of false alarms it is
    /// significant.
    pub corrected: f64,
}

/// Tests all that there is; the same for the same posts.
pub fn trials(seen: &[Seen], fit: &Fit) -> Vec<Trial> {
    let mut found = Vec::new();
    for account in 0..fit.weeks.len() {
        found.extend(hours(seen, fit, account).map(|p| (Question::Hours(account), p)));
    }
    for (grouping, question) in [Question::Pillar as fn(usize) -> Question, Question::Media]
        .into_iter()
        .enumerate()
    {
        let chances = groups(seen, fit, grouping);
        found.extend(chances.into_iter().map(|(group, p)| (question(group), p)));
    }
    let chances: Vec<f64> = found.iter().map(|(_, chance)| *chance).collect();
    let corrected = holm(&chances);
    found
        .into_iter()
        .zip(corrected)
        .map(|((question, chance), corrected)| Trial {
            question,
            chance,
            corrected,
        })
        .collect()
}

/// Holm's correction: the least is multiplied by the number of tests, the next by one less …
fn holm(chances: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..chances.len()).collect();
    order.sort_by(|a, b| chances[*a].total_cmp(&chances[*b]));
    let mut corrected = vec![1.0; chances.len()];
    let mut least = 0.0;
    for (place, at) in order.into_iter().enumerate() {
        let left = (chances.len() - place) as f64;
        least = f64::max(least, (chances[at] * left).min(1.0));
        corrected[at] = least;
    }
    corrected
}

/// Values with weights in parts, that are shuffled within their part.
struct Deck {
    values: Vec<f64>,
    weights: Vec<f64>,
    parts: Vec<Vec<usize>>,
}

impl Deck {
    fn new(cards: &[(usize, f64, f64)]) -> Self {
        let mut parts: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (at, (part, _, _)) in cards.iter().enumerate() {
            parts.entry(*part).or_default().push(at);
        }
        Deck {
            values: cards.iter().map(|(_, value, _)| *value).collect(),
            weights: cards.iter().map(|(_, _, weight)| *weight).collect(),
            parts: parts.into_values().collect(),
        }
    }

    fn shuffle(&mut self, draw: &mut Draw) {
        for part in &self.parts {
            let mut values: Vec<f64> = part.iter().map(|at| self.values[*at]).collect();
            draw.shuffle(&mut values);
            for (at, value) in part.iter().zip(values) {
                self.values[*at] = value;
            }
        }
    }

    /// Weight times what a value is off the mean of its part.
    fn pulls(&self) -> Vec<f64> {
        let mut pulls = vec![0.0; self.values.len()];
        for part in &self.parts {
            let weight: f64 = part.iter().map(|at| self.weights[*at]).sum();
            let sum: f64 = part
                .iter()
                .map(|at| self.weights[*at] * self.values[*at])
                .sum();
            for at in part {
                pulls[*at] = self.weights[*at] * (self.values[*at] - sum / weight);
            }
        }
        pulls
    }
}

/// Whether the hour matters at all on an account; none where it has posts at one hour alone.
fn hours(seen: &[Seen], fit: &Fit, account: usize) -> Option<f64> {
    let own = |one: &(usize, &Seen)| one.1.account == account;
    let posts: Vec<(usize, &Seen)> = seen.iter().enumerate().filter(own).collect();
    let mut hours: Vec<usize> = posts.iter().map(|(_, one)| one.hour).collect();
    hours.sort_unstable();
    hours.dedup();
    if hours.len() < 2 {
        return None;
    }
    let place: Vec<usize> = posts
        .iter()
        .filter_map(|(_, one)| hours.binary_search(&one.hour).ok())
        .collect();
    let kernel: Vec<f64> = hours
        .iter()
        .flat_map(|a| hours.iter().map(|b| alike(*a, *b)))
        .collect();
    let cards: Vec<(usize, f64, f64)> = posts
        .iter()
        .map(|(at, one)| (one.stretch, fit.but_for_hours(seen, *at), one.weight))
        .collect();
    let mut deck = Deck::new(&cards);
    let strength = |deck: &Deck| {
        let mut sums = vec![0.0; hours.len()];
        for (at, pull) in place.iter().zip(deck.pulls()) {
            sums[*at] += pull;
        }
        let rows = kernel.chunks(hours.len()).zip(&sums);
        rows.map(|(row, sum)| sum * super::linear::dot(row, &sums))
            .sum::<f64>()
    };
    let seen = strength(&deck);
    let mut draw = Draw::new(&format!("hours {account}"));
    let better = (0..SHUFFLES)
        .filter(|_| {
            deck.shuffle(&mut draw);
            strength(&deck) >= seen
        })
        .count();
    Some((1 + better) as f64 / (1 + SHUFFLES) as f64)
}

/// Of each group with posts, where there are two at least: whether it differs from the rest.
fn groups(seen: &[Seen], fit: &Fit, grouping: usize) -> Vec<(usize, f64)> {
    let units = fit.units(seen, grouping);
    let mut weights: BTreeMap<usize, f64> = BTreeMap::new();
    for (group, _, _, weight) in &units {
        *weights.entry(*group).or_default() += weight;
    }
    let all: f64 = weights.values().sum();
    if weights.len() < 2 {
        return Vec::new();
    }
    let cards: Vec<(usize, f64, f64)> = units
        .iter()
        .map(|(_, stretch, value, weight)| (*stretch, *value, *weight))
        .collect();
    let mut deck = Deck::new(&cards);
    let strength = |deck: &Deck| {
        let mut sums: BTreeMap<usize, f64> = BTreeMap::new();
        for ((group, ..), pull) in units.iter().zip(deck.pulls()) {
            *sums.entry(*group).or_default() += pull;
        }
        // The mean of the group against that of the rest: the pulls of both add up to nothing.
        let apart = sums.into_iter().map(|(group, sum)| {
            let weight = weights.get(&group).copied().unwrap_or_default();
            (sum * (1.0 / weight + 1.0 / (all - weight).max(1e-9))).abs()
        });
        apart.collect::<Vec<f64>>()
    };
    let seen = strength(&deck);
    let mut better = vec![0; seen.len()];
    let mut draw = Draw::new(&format!("groups {grouping}"));
    for _ in 0..SHUFFLES {
        deck.shuffle(&mut draw);
        for (count, (chance, seen)) in better.iter_mut().zip(strength(&deck).iter().zip(&seen)) {
            *count += usize::from(chance >= seen);
        }
    }
    let chances = better
        .into_iter()
        .map(|count| (1 + count) as f64 / (1 + SHUFFLES) as f64);
    weights.keys().copied().zip(chances).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holms_correction() {
        let corrected = holm(&[0.01, 0.04, 0.03, 0.005]);
        let expected = [0.03, 0.06, 0.06, 0.02];
        let close = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-12;
        assert!(corrected.iter().zip(&expected).all(close), "{corrected:?}");
        assert_eq!(holm(&[0.7, 0.9]), [1.0, 1.0]);
    }
}
