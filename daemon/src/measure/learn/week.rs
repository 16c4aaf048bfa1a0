//! The effect of the hour of the week on one account: a Gaussian prior over the 168 hours, in
//! which near hours, the same hour of other days, and other accounts go together; its
//! posterior in closed form.

use std::cell::OnceCell;

use super::draw::Draw;
use super::linear::{Cholesky, dot};

pub(super) const HOURS: usize = 168;

/// Of the prior, what accounts of one brand have in common.
const COMMON: f64 = 0.5;
/// Of the prior, what all days have in common.
const DAILY: f64 = 0.6;
/// Days of one kind, from Monday to Friday or the two others, go together so far.
const KIND_OF_DAY: f64 = 0.3;
/// Hours over which neighbours go together.
const REACH: f64 = 1.5;
/// How much hours may differ, against the noise of one post: the ratios of variances that are
/// weighed against each other.
const RATIOS: [f64; 6] = [0.0, 0.03, 0.1, 0.3, 1.0, 3.0];

/// How much two hours have in common: 1 for an hour and itself.
pub(super) fn alike(a: usize, b: usize) -> f64 {
    let between = std::f64::consts::PI * (a % 24).abs_diff(b % 24) as f64 / 24.0;
    let width = std::f64::consts::TAU * REACH / 24.0;
    let clock = (-2.0 * (between.sin() / width).powi(2)).exp();
    let (day, other) = (a / 24, b / 24);
    let days = match (day == other, (day < 5) == (other < 5)) {
        (true, _) => 1.0,
        (false, true) => KIND_OF_DAY,
        (false, false) => 0.0,
    };
    clock * (DAILY + (1.0 - DAILY) * days)
}

/// Posts of one hour together.
#[derive(Clone, Debug, Default)]
pub(super) struct Cell {
    pub hour: usize,
    /// Of other accounts together: the part that each of them has in it. Empty: of the account
    /// itself.
    pub others: Vec<(usize, f64)>,
    /// What of their numbers nothing else explains.
    pub mean: f64,
    /// How many they count for.
    pub weight: f64,
}

/// The covariance of two cells for a prior of variance 1.
fn covariance(a: &Cell, b: &Cell) -> f64 {
    let kernel = alike(a.hour, b.hour);
    match (a.others.is_empty(), b.others.is_empty()) {
        (true, true) => kernel,
        (false, false) => {
            let shared: f64 = a
                .others
                .iter()
                .flat_map(|(one, part)| {
                    let same = b.others.iter().filter(move |(other, _)| other == one);
                    same.map(move |(_, other)| part * other)
                })
                .sum();
            kernel * (COMMON + (1.0 - COMMON) * shared)
        }
        _ => kernel * COMMON,
    }
}

/// What is known of an account's hours, for one ratio of variances.
struct Guess {
    /// How well it explains the numbers, against the others; together 1.
    credit: f64,
    variance: f64,
    cholesky: Cholesky,
    /// L⁻¹ of the cells' means.
    half: Vec<f64>,
}

/// What is known of an account's hours.
pub struct Week {
    cells: Vec<Cell>,
    guesses: Vec<Guess>,
    /// Of the hours that were asked about.
    effects: [OnceCell<(f64, f64)>; HOURS],
}

impl Week {
    /// The effects in the logarithm, by `noise`, the variance of one post.
    pub(super) fn new(cells: Vec<Cell>, noise: f64) -> Self {
        Week::weighing(cells, noise, &RATIOS)
    }

    /// As if the hours differed by as much as this against the noise: one pass, for the steps
    /// before the last.
    pub(super) fn rough(cells: Vec<Cell>, noise: f64) -> Self {
        Week::weighing(cells, noise, &[0.3])
    }

    fn weighing(cells: Vec<Cell>, noise: f64, ratios: &[f64]) -> Self {
        let means: Vec<f64> = cells.iter().map(|cell| cell.mean).collect();
        let mut guesses: Vec<Guess> = ratios
            .iter()
            .map(|ratio| {
                let variance = ratio * noise;
                let cholesky = Cholesky::new(cells.len(), |row, column| {
                    let own = if row == column {
                        noise / cells[row].weight
                    } else {
                        0.0
                    };
                    variance * covariance(&cells[row], &cells[column]) + own
                });
                let half = cholesky.forward(&means);
                let credit = -0.5 * (dot(&half, &half) + cholesky.log_determinant());
                Guess {
                    credit,
                    variance,
                    cholesky,
                    half,
                }
            })
            .collect();
        let best = guesses
            .iter()
            .map(|one| one.credit)
            .fold(f64::MIN, f64::max);
        for guess in &mut guesses {
            guess.credit = (guess.credit - best).exp();
        }
        let all: f64 = guesses.iter().map(|one| one.credit).sum();
        for guess in &mut guesses {
            guess.credit /= all;
        }
        Week {
            cells,
            guesses,
            effects: std::array::from_fn(|_| OnceCell::new()),
        }
    }

    /// L⁻¹ of an hour's covariances with the cells, for one guess.
    fn reach(&self, guess: &Guess, hour: usize) -> Vec<f64> {
        let point = Cell {
            hour,
            ..Cell::default()
        };
        let with: Vec<f64> = self
            .cells
            .iter()
            .map(|cell| guess.variance * covariance(&point, cell))
            .collect();
        guess.cholesky.forward(&with)
    }

    /// The effect of an hour, and its standard deviation.
    pub fn effect(&self, hour: usize) -> (f64, f64) {
        match self.effects.get(hour) {
            Some(known) => *known.get_or_init(|| self.estimate(hour)),
            None => (0.0, 0.0),
        }
    }

    fn estimate(&self, hour: usize) -> (f64, f64) {
        let (mut mean, mut square) = (0.0, 0.0);
        for guess in self.guesses.iter().filter(|guess| guess.credit > 1e-6) {
            if guess.variance == 0.0 {
                continue;
            }
            let reach = self.reach(guess, hour);
            let at = dot(&reach, &guess.half);
            let variance = (guess.variance - dot(&reach, &reach)).max(0.0);
            mean += guess.credit * at;
            square += guess.credit * (variance + at * at);
        }
        (mean, (square - mean * mean).max(0.0).sqrt())
    }

    /// One way in which these hours may be, as likely as it is probable (Thompson's sampling
    /// takes the best hour of it). That all hours are alike is left out: nothing could be
    /// tried by it.
    pub fn one_of_many(&self, hours: &[usize], draw: &mut Draw) -> Vec<f64> {
        let real = |guess: &&Guess| guess.variance > 0.0;
        let all: f64 = self.guesses.iter().filter(real).map(|one| one.credit).sum();
        let mut left = draw.part() * all;
        let Some(guess) = self
            .guesses
            .iter()
            .filter(real)
            .find(|guess| {
                left -= guess.credit;
                left <= 0.0
            })
            .or_else(|| self.guesses.last())
        else {
            return vec![0.0; hours.len()];
        };
        let reach: Vec<Vec<f64>> = hours.iter().map(|hour| self.reach(guess, *hour)).collect();
        let spread = Cholesky::new(hours.len(), |row, column| {
            let jitter = if row == column { 1e-9 } else { 0.0 };
            guess.variance * (alike(hours[row], hours[column]) + jitter)
                - dot(&reach[row], &reach[column])
        });
        let throws: Vec<f64> = hours.iter().map(|_| draw.normal()).collect();
        let off = spread.times(&throws);
        reach
            .iter()
            .zip(off)
            .map(|(reach, off)| dot(reach, &guess.half) + off)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(hour: usize, mean: f64, weight: f64) -> Cell {
        Cell {
            hour,
            mean,
            weight,
            ..Cell::default()
        }
    }

    #[test]
    fn an_hour_tells_of_its_neighbours_and_less_of_those_far_away() {
        let week = Week::new(vec![cell(20, 1.0, 30.0), cell(10, -1.0, 30.0)], 0.25);
        let effect = |hour| week.effect(hour).0;
        assert!(effect(20) > 0.6, "{}", effect(20));
        assert!(effect(20) > effect(21) && effect(21) > effect(23));
        assert!(
            effect(44) > 0.2 && effect(44) < effect(20),
            "{}",
            effect(44)
        );
        assert!(week.effect(20).1 < week.effect(3).1);
    }

    #[test]
    fn other_accounts_count_but_less_than_the_own() {
        let of = |others: Vec<(usize, f64)>| {
            let own = cell(90, 0.0, 5.0);
            let other = Cell {
                others,
                ..cell(20, 1.0, 30.0)
            };
            Week::rough(vec![own, other], 0.25).effect(20).0
        };
        let (own, others) = (of(Vec::new()), of(vec![(1, 1.0)]));
        assert!(others > 0.2 && others < own, "{others} {own}");
        // Two others that agree tell more than one.
        assert!(of(vec![(1, 0.5), (2, 0.5)]) > others);
    }

    #[test]
    fn nothing_known_is_no_effect_and_much_doubt() {
        let week = Week::new(Vec::new(), 0.25);
        assert_eq!(week.effect(7).0, 0.0);
        let hours: Vec<usize> = (7..23).collect();
        let best = |seed: u32| {
            let thrown = week.one_of_many(&hours, &mut Draw::new(&seed.to_string()));
            let mut order: Vec<usize> = (0..hours.len()).collect();
            order.sort_by(|a, b| thrown[*b].total_cmp(&thrown[*a]));
            order[0]
        };
        let tried: std::collections::BTreeSet<usize> = (0..60).map(best).collect();
        assert!(tried.len() > 8, "{tried:?}");
    }
}
