//! What each thing adds to a post's number: the account's level, the hour of the week, the
//! pillar, the kind of media. Each is estimated from what the others leave, in turn, until
//! nothing moves any more (backfitting). Pure: no store, no clock.

use std::collections::BTreeMap;

use super::week::{Cell, HOURS, Week};

/// Turns of the estimation; after a few nothing moves.
const TURNS: usize = 6;
/// A stretch of 28 days is drawn to the account's level as if it had so many posts more.
const LEVEL_PULL: f64 = 4.0;
/// The least variance of the logarithms of one post: numbers are whole.
const LEAST_NOISE: f64 = 1e-3;
/// Groups are believed to differ by a tenth at least, so that few posts are no certainty.
const LEAST_SPREAD: f64 = 0.01;

/// One post on one account.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// The same words on several accounts are one.
    pub post: u64,
    pub account: usize,
    /// The 28 days in which it was published; those of one account have one level.
    pub stretch: usize,
    /// Hour of the week.
    pub hour: usize,
    pub pillar: usize,
    pub media: usize,
    /// The logarithm of its number.
    pub value: f64,
    /// How much it counts, by its age: 0 to 1.
    pub weight: f64,
}

/// What a pillar or a kind of media adds, in the logarithm.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Effect {
    /// How many posts there are, old ones in part.
    pub posts: f64,
    pub mean: f64,
    pub deviation: f64,
}

/// By what posts are grouped besides the hours.
pub(super) const GROUPINGS: [fn(&Seen) -> usize; 2] = [|one| one.pillar, |one| one.media];

/// The whole estimate.
pub struct Fit {
    pub weeks: Vec<Week>,
    /// Of pillars, and of kinds of media.
    pub groups: [Vec<Effect>; 2],
    /// Of each post: its account's level then.
    pub(super) levels: Vec<f64>,
    /// Of each post: what its hour adds.
    pub(super) hours: Vec<f64>,
}

impl Fit {
    /// Of `accounts` accounts; pillars and kinds of media are numbered up to `counts`.
    pub fn new(seen: &[Seen], accounts: usize, counts: [usize; 2]) -> Self {
        let mut fit = Fit {
            weeks: Vec::new(),
            groups: counts.map(|count| vec![Effect::default(); count]),
            levels: vec![0.0; seen.len()],
            hours: vec![0.0; seen.len()],
        };
        for turn in 1..=TURNS {
            fit.level(seen);
            for grouping in 0..GROUPINGS.len() {
                fit.group(seen, grouping);
            }
            fit.week(seen, accounts, turn == TURNS);
        }
        fit
    }

    fn groups_of(&self, one: &Seen) -> f64 {
        let all = GROUPINGS.iter().zip(&self.groups);
        all.map(|(group, effects)| effects[group(one)].mean).sum()
    }

    /// What nothing explains.
    fn rest(&self, seen: &[Seen], at: usize) -> f64 {
        seen[at].value - self.levels[at] - self.hours[at] - self.groups_of(&seen[at])
    }

    /// What only the hour can explain.
    pub(super) fn but_for_hours(&self, seen: &[Seen], at: usize) -> f64 {
        self.rest(seen, at) + self.hours[at]
    }

    fn level(&mut self, seen: &[Seen]) {
        let mut accounts: BTreeMap<usize, (f64, f64)> = BTreeMap::new();
        let mut stretches: BTreeMap<(usize, usize), (f64, f64)> = BTreeMap::new();
        for (at, one) in seen.iter().enumerate() {
            let rest = self.rest(seen, at) + self.levels[at];
            for sum in [
                accounts.entry(one.account).or_default(),
                stretches.entry((one.account, one.stretch)).or_default(),
            ] {
                sum.0 += one.weight * rest;
                sum.1 += one.weight;
            }
        }
        for (at, one) in seen.iter().enumerate() {
            let whole = accounts[&one.account];
            let part = stretches[&(one.account, one.stretch)];
            let mean = whole.0 / whole.1;
            self.levels[at] = (part.0 + LEVEL_PULL * mean) / (part.1 + LEVEL_PULL);
        }
    }

    /// What only this grouping can explain, post by post: on several accounts together, as they
    /// share their luck. Group, stretch, value, weight.
    pub(super) fn units(&self, seen: &[Seen], grouping: usize) -> Vec<(usize, usize, f64, f64)> {
        let group = GROUPINGS[grouping];
        let mut posts: BTreeMap<u64, (usize, usize, f64, f64, f64)> = BTreeMap::new();
        for (at, one) in seen.iter().enumerate() {
            let own = self.groups[grouping][group(one)].mean;
            let rest = self.rest(seen, at) + own;
            let start = (group(one), one.stretch, 0.0, 0.0, 0.0);
            let unit = posts.entry(one.post).or_insert(start);
            unit.2 += one.weight * rest;
            unit.3 += one.weight;
            unit.4 = f64::max(unit.4, one.weight);
        }
        let units = posts.into_values();
        units
            .map(|(group, stretch, sum, all, weight)| (group, stretch, sum / all, weight))
            .collect()
    }

    fn group(&mut self, seen: &[Seen], grouping: usize) {
        let units = self.units(seen, grouping);
        let count = self.groups[grouping].len();
        let mut sums = vec![(0.0, 0.0); count];
        for (group, _, value, weight) in &units {
            sums[*group].0 += weight * value;
            sums[*group].1 += weight;
        }
        let all: f64 = sums.iter().map(|(_, weight)| weight).sum();
        let means: Vec<f64> = sums
            .iter()
            .map(|(sum, weight)| if *weight > 0.0 { sum / weight } else { 0.0 })
            .collect();
        let within: f64 = units
            .iter()
            .map(|(group, _, value, weight)| weight * (value - means[*group]).powi(2))
            .sum();
        let there = sums.iter().filter(|(_, weight)| *weight > 0.0).count() as f64;
        let noise = (within / (all - there).max(1.0)).max(LEAST_NOISE);
        // How much the groups differ beyond what chance makes of groups of these sizes
        // (DerSimonian and Laird).
        let grand = sums.iter().map(|(sum, _)| sum).sum::<f64>() / all.max(1e-9);
        let between: f64 = sums
            .iter()
            .zip(&means)
            .map(|((_, weight), mean)| weight * (mean - grand).powi(2))
            .sum();
        let squares: f64 = sums.iter().map(|(_, weight)| weight * weight).sum();
        let scale = (all - squares / all.max(1e-9)).max(1e-9);
        let spread = ((between - (there - 1.0).max(0.0) * noise) / scale).max(LEAST_SPREAD);
        let doubt = |weight: f64| noise / weight.max(1e-9);
        // The middle of the groups, each weighed by how well it is known.
        let (sum, known) = sums
            .iter()
            .zip(&means)
            .filter(|((_, weight), _)| *weight > 0.0)
            .fold((0.0, 0.0), |(sum, known), ((_, weight), mean)| {
                let credit = 1.0 / (spread + doubt(*weight));
                (sum + credit * mean, known + credit)
            });
        let middle = if known > 0.0 { sum / known } else { 0.0 };
        self.groups[grouping] = sums
            .iter()
            .zip(&means)
            .map(|((_, weight), mean)| {
                let shrink = spread / (spread + doubt(*weight));
                Effect {
                    posts: *weight,
                    mean: shrink * (mean - middle),
                    deviation: (shrink * doubt(*weight)).min(spread).sqrt(),
                }
            })
            .collect();
    }

    /// What one post is off by, as a variance, over all accounts.
    fn noise(&self, seen: &[Seen]) -> f64 {
        let (mut sum, mut all) = (0.0, 0.0);
        let mut levels = std::collections::BTreeSet::new();
        for (at, one) in seen.iter().enumerate() {
            sum += one.weight * self.rest(seen, at).powi(2);
            all += one.weight;
            levels.insert(one.account);
        }
        (sum / (all - levels.len() as f64).max(1.0)).max(LEAST_NOISE)
    }

    fn week(&mut self, seen: &[Seen], accounts: usize, last: bool) {
        let noise = self.noise(seen);
        // By account and hour: sum and weight.
        let mut sums: Vec<BTreeMap<usize, (f64, f64)>> = vec![BTreeMap::new(); accounts];
        for (at, one) in seen.iter().enumerate() {
            let sum = sums[one.account].entry(one.hour).or_default();
            sum.0 += one.weight * self.but_for_hours(seen, at);
            sum.1 += one.weight;
        }
        self.weeks = (0..accounts)
            .map(|account| {
                let cells = cells(&sums, account);
                match last {
                    true => Week::new(cells, noise),
                    false => Week::rough(cells, noise),
                }
            })
            .collect();
        let known: Vec<BTreeMap<usize, f64>> = self
            .weeks
            .iter()
            .zip(&sums)
            .map(|(week, sums)| {
                let hours = sums.keys();
                hours.map(|hour| (*hour, week.effect(*hour).0)).collect()
            })
            .collect();
        for (at, one) in seen.iter().enumerate() {
            self.hours[at] = known[one.account][&one.hour];
        }
    }
}

/// What an account's hours are judged by: its own posts, and those of the others together.
fn cells(sums: &[BTreeMap<usize, (f64, f64)>], account: usize) -> Vec<Cell> {
    let own = sums[account].iter().map(|(hour, (sum, weight))| Cell {
        hour: *hour,
        others: Vec::new(),
        mean: sum / weight,
        weight: *weight,
    });
    let others = (0..HOURS).filter_map(|hour| {
        let found: Vec<(usize, f64, f64)> = sums
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != account)
            .filter_map(|(other, sums)| sums.get(&hour).map(|(sum, weight)| (other, *sum, *weight)))
            .collect();
        let weight: f64 = found.iter().map(|(_, _, weight)| weight).sum();
        (weight > 0.0).then(|| Cell {
            hour,
            others: found
                .iter()
                .map(|(other, _, own)| (*other, own / weight))
                .collect(),
            mean: found.iter().map(|(_, sum, _)| sum).sum::<f64>() / weight,
            weight,
        })
    });
    own.chain(others).collect()
}

#[cfg(test)]
mod tests {
    use super::super::draw::Draw;
    use super::*;

    /// Two accounts, three pillars of which the second gets twice as much, an evening that
    /// gets half as much again, and growth by stretches.
    fn posts() -> Vec<Seen> {
        let mut draw = Draw::new("posts");
        (0..400)
            .map(|number| {
                let (account, stretch) = (number % 2, number / 100);
                let hour = 24 * (number % 7) + 7 + draw.below(16);
                let pillar = draw.below(3);
                let evening = if hour % 24 >= 19 { 0.4 } else { 0.0 };
                let taste = if pillar == 1 { 0.7 } else { 0.0 };
                let level = 2.0 + 1.5 * account as f64 + 0.5 * stretch as f64;
                Seen {
                    post: number as u64,
                    account,
                    stretch,
                    hour,
                    pillar,
                    media: 0,
                    value: level + evening + taste + 0.4 * draw.normal(),
                    weight: 1.0,
                }
            })
            .collect()
    }

    #[test]
    fn what_was_put_in_comes_out() {
        let fit = Fit::new(&posts(), 2, [3, 1]);
        let [pillars, media] = &fit.groups;
        let apart = pillars[1].mean - f64::midpoint(pillars[0].mean, pillars[2].mean);
        assert!((apart - 0.7).abs() < 0.12, "{pillars:?}");
        assert!(
            pillars
                .iter()
                .all(|one| one.deviation < 0.1 && one.posts > 100.0)
        );
        assert!(media[0].mean.abs() < 0.05, "{media:?}");
        for week in &fit.weeks {
            let evening = week.effect(20).0 - week.effect(12).0;
            assert!((0.2..0.6).contains(&evening), "{evening}");
        }
    }

    #[test]
    fn nothing_comes_of_nothing() {
        let fit = Fit::new(&[], 2, [2, 1]);
        assert_eq!(fit.weeks[1].effect(5).0, 0.0);
        assert!(fit.groups[0].iter().all(|one| one.mean == 0.0));
    }
}
