//! Numbers to what is done by them: the best hours of each account, and what pillars and kinds
//! of media are worth. docs/learning.md has the method and its formulas.
//!
//! [`gather`] reads the posts, [`fit`] takes their numbers apart, with [`week`] for the hours,
//! [`significance`] says what may be chance. [`learn`] does it for a brand.

pub mod decide;
pub mod draw;
pub mod fit;
mod gather;
mod linear;
pub mod significance;
mod week;

use std::collections::BTreeMap;

use crate::config::{Brand, Config, Strategy};
use crate::model::Timestamp;
use crate::store::{StoreError, View};

use draw::Draw;
use fit::{Effect, Fit};
use gather::{Gathered, NO_PILLAR};
use significance::{Question, Trial, trials};

pub use week::Week;

/// A pillar that gets so much more counts for the square of it: half as much again, 2.25
/// times.
const EAGERNESS: f64 = 2.0;

/// What is learned of a brand.
pub struct Learned {
    gathered: Gathered,
    fit: Fit,
    least_posts: f64,
}

/// An estimate as a factor: 1.2 is a fifth more than usual.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Factor {
    pub factor: f64,
    /// With 95 % it is between these.
    pub low: f64,
    pub high: f64,
}

impl Factor {
    fn of(mean: f64, deviation: f64) -> Self {
        Factor {
            factor: mean.exp(),
            low: (mean - 1.96 * deviation).exp(),
            high: (mean + 1.96 * deviation).exp(),
        }
    }
}

/// Learns from a brand's numbers as they stand.
///
/// # Errors
/// The store's.
pub fn learn(
    view: View<'_>,
    config: &Config,
    brand: &Brand,
    now: Timestamp,
) -> Result<Learned, StoreError> {
    let gathered = gather::gather(view, config, brand, now)?;
    let counts = [gathered.pillars.len(), gathered.media.len()];
    let fit = Fit::new(&gathered.seen, gathered.accounts.len(), counts);
    Ok(Learned {
        gathered,
        fit,
        least_posts: f64::from(brand.strategy.learn.least_posts),
    })
}

impl Learned {
    fn number(&self, account: &str) -> Option<usize> {
        self.gathered
            .accounts
            .iter()
            .position(|name| name == account)
    }

    /// How many posts are known of an account; old ones count in part.
    pub fn posts(&self, account: &str) -> f64 {
        let number = self.number(account);
        let own = self.gathered.seen.iter();
        own.filter(|one| Some(one.account) == number)
            .map(|one| one.weight)
            .sum()
    }

    /// Whether these are enough to go by.
    pub fn is_enough(&self, account: &str) -> bool {
        self.posts(account) >= self.least_posts
    }

    /// An hour of the week against the account's usual post.
    pub fn hour(&self, account: &str, hour: usize) -> Option<Factor> {
        let (mean, deviation) = self.fit.weeks.get(self.number(account)?)?.effect(hour);
        Some(Factor::of(mean, deviation))
    }

    /// The best of these hours of the week, by what is known.
    pub fn best_of(&self, account: &str, hours: &[usize]) -> Option<usize> {
        let week = self.fit.weeks.get(self.number(account)?)?;
        let known = hours.iter().map(|hour| (*hour, week.effect(*hour).0));
        // Of equals the first.
        known
            .reduce(|best, one| if one.1 > best.1 { one } else { best })
            .map(|(hour, _)| hour)
    }

    /// One that may be the best of them, as often as it is likely to be.
    pub fn one_to_try(&self, account: &str, hours: &[usize], draw: &mut Draw) -> Option<usize> {
        let week = self.fit.weeks.get(self.number(account)?)?;
        let thrown = week.one_of_many(hours, draw);
        let pairs = hours.iter().copied().zip(thrown);
        pairs
            .reduce(|best, one| if one.1 > best.1 { one } else { best })
            .map(|(hour, _)| hour)
    }

    /// What pillars add, by name.
    pub fn pillars(&self) -> impl Iterator<Item = (&str, &Effect)> {
        let all = self.gathered.pillars.iter().zip(&self.fit.groups[0]);
        all.filter(|(name, _)| *name != NO_PILLAR)
            .map(|(name, effect)| (name.as_str(), effect))
    }

    /// What kinds of media add, by name.
    pub fn media(&self) -> impl Iterator<Item = (&'static str, &Effect)> {
        let names = self.gathered.media.iter().copied();
        names.zip(&self.fit.groups[1])
    }

    pub fn factor(effect: &Effect) -> Factor {
        Factor::of(effect.mean, effect.deviation)
    }

    /// The weights of pillars that follow the numbers. What lies within one standard deviation
    /// of the mean of its kind changes nothing.
    pub fn weights(&self, strategy: &Strategy) -> BTreeMap<String, f64> {
        let effects: BTreeMap<&str, &Effect> = self.pillars().collect();
        let mut weights = BTreeMap::new();
        for pillar in strategy.planned() {
            let Some((least, most)) = pillar.learn else {
                continue;
            };
            let Some(own) = effects.get(pillar.name.as_str()) else {
                continue;
            };
            let kind = strategy.planned().filter(|one| one.kind == pillar.kind);
            let kind: Vec<&Effect> = kind
                .filter_map(|one| effects.get(one.name.as_str()).copied())
                .collect();
            let mean = kind.iter().map(|one| one.mean).sum::<f64>() / kind.len().max(1) as f64;
            let off = own.mean - mean;
            let sure = off.signum() * (off.abs() - own.deviation).max(0.0);
            let weight = f64::from(pillar.weight) * (EAGERNESS * sure).exp();
            let weight = weight.clamp(f64::from(least), f64::from(most));
            weights.insert(pillar.name.clone(), (10.0 * weight).round() / 10.0);
        }
        weights
    }

    /// What may be chance.
    pub fn trials(&self) -> Vec<(String, Trial)> {
        let named = trials(&self.gathered.seen, &self.fit).into_iter();
        named
            .filter_map(|trial| {
                let name = match trial.question {
                    Question::Hours(account) => self.gathered.accounts.get(account)?.clone(),
                    Question::Pillar(pillar) => self.gathered.pillars.get(pillar)?.clone(),
                    Question::Media(media) => (*self.gathered.media.get(media)?).to_owned(),
                };
                Some((name, trial))
            })
            .collect()
    }
}
