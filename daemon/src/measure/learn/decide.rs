//! What follows from the numbers: the hours and weights in force, each change with its
//! reason, and what people pinned.

use std::collections::BTreeMap;

use crate::config::{Account, Brand, Config};
use crate::measure::query::HourOfWeek;
use crate::model::{Id, LearnState, Lesson, Timestamp};
use crate::store::{Store, StoreError, Tx, View};

use super::{Factor, Learned};

/// Best hours of one day are so many hours apart at least, where the day has room for that.
pub const APART: usize = 3;

/// What is done by a brand's numbers, with the reasons.
#[derive(Clone, Debug, Default)]
pub struct Decision {
    /// By account: hours of the week, in their order, each with its reason. Accounts of which
    /// too little is known are not there.
    pub hours: BTreeMap<String, Vec<(u8, String)>>,
    /// By pillar.
    pub weights: BTreeMap<String, (f64, String)>,
    /// What was in force before, and is pinned.
    pub state: LearnState,
}

/// `1.3 times its usual numbers (1.1 to 1.6)`.
fn words(factor: Factor) -> String {
    let Factor { factor, low, high } = factor;
    format!("{factor:.2} times the usual numbers ({low:.2} to {high:.2})")
}

/// The hours of the day at which an account's `best` may lie.
pub fn allowed(account: &Account) -> impl Iterator<Item = u32> {
    (0..24).filter(|hour| account.plan.may_be_best(*hour))
}

/// Decides for a brand.
///
/// # Errors
/// The store's.
pub fn decide(
    view: View<'_>,
    config: &Config,
    brand: &Brand,
    learned: &Learned,
) -> Result<Decision, StoreError> {
    let mut decision = Decision {
        state: view.learn_state(&brand.name)?,
        ..Decision::default()
    };
    let own = config
        .accounts
        .values()
        .filter(|account| account.brand == brand.name && learned.is_enough(&account.name));
    for account in own {
        let mut hours = Vec::new();
        for (day, count) in account.plan.best_per_day.iter().enumerate() {
            let mut left: Vec<usize> = allowed(account)
                .map(|hour| 24 * day + hour as usize)
                .collect();
            for _ in 0..*count {
                let Some(best) = learned.best_of(&account.name, &left) else {
                    break;
                };
                left.retain(|hour| hour.abs_diff(best) >= APART);
                let factor = learned.hour(&account.name, best).map(words);
                let because = format!(
                    "{}, by {:.0} posts",
                    factor.unwrap_or_default(),
                    learned.posts(&account.name)
                );
                hours.push((best as u8, because));
            }
        }
        hours.sort_by_key(|(hour, _)| *hour);
        if !hours.is_empty() {
            decision.hours.insert(account.name.clone(), hours);
        }
    }
    let effects: BTreeMap<&str, &super::fit::Effect> = learned.pillars().collect();
    for (pillar, weight) in learned.weights(&brand.strategy) {
        let because = match effects.get(pillar.as_str()) {
            Some(effect) => format!(
                "{}, by {:.0} posts",
                words(Learned::factor(effect)),
                effect.posts
            ),
            None => continue,
        };
        decision.weights.insert(pillar, (weight, because));
    }
    Ok(decision)
}

impl Decision {
    /// What the planner goes by: pinned weights before learned ones.
    pub fn weights_in_force(&self) -> BTreeMap<String, f64> {
        let learned = self.weights.iter();
        let mut weights: BTreeMap<String, f64> = learned
            .map(|(name, (weight, _))| (name.clone(), *weight))
            .collect();
        weights.extend(self.state.pinned_weights.clone());
        weights
    }

    /// Writes down what has changed since the last time, each with its reason.
    ///
    /// # Errors
    /// The store's.
    pub fn record(&self, tx: &mut Tx<'_>, brand: &str, now: Timestamp) -> Result<(), StoreError> {
        let mut state = tx.learn_state(brand)?;
        let lesson = |of: &str, before: Option<String>, after: String, because: &str| Lesson {
            id: Id(0),
            brand: brand.to_owned(),
            at: now,
            of: of.to_owned(),
            before,
            after: Some(after),
            because: because.to_owned(),
        };
        for (account, hours) in &self.hours {
            let after: Vec<u8> = hours.iter().map(|(hour, _)| *hour).collect();
            let before = state.hours.get(account);
            if before == Some(&after) {
                continue;
            }
            let new = |hour: &u8| before.is_none_or(|before| !before.contains(hour));
            let reasons: Vec<String> = hours
                .iter()
                .filter(|(hour, _)| new(hour))
                .map(|(hour, because)| format!("{}: {because}", HourOfWeek(*hour)))
                .collect();
            let because = match reasons.is_empty() {
                true => "its time table has fewer of them".to_owned(),
                false => reasons.join("; "),
            };
            let before = before.map(|hours| named(hours));
            tx.put_lesson(lesson(account, before, named(&after), &because))?;
            state.hours.insert(account.clone(), after);
        }
        for (pillar, (weight, because)) in &self.weights {
            let before = state.weights.get(pillar).copied();
            // Both are rounded.
            if before.is_some_and(|before| (before - weight).abs() < 0.05) {
                continue;
            }
            let text = |weight: f64| format!("weight {weight:.1}");
            tx.put_lesson(lesson(pillar, before.map(text), text(*weight), because))?;
            state.weights.insert(pillar.clone(), *weight);
        }
        tx.put_learn_state(brand, &state)
    }
}

/// `mon 09, fri 19`.
pub fn named(hours: &[u8]) -> String {
    let names: Vec<String> = hours
        .iter()
        .map(|hour| HourOfWeek(*hour).to_string())
        .collect();
    names.join(", ")
}

/// `fri 19` or `fri 19:00`.
pub fn hour_of_week(text: &str) -> Option<u8> {
    let (day, hour) = text.trim().split_once(' ')?;
    let hour = hour.trim();
    let hour: u8 = hour.strip_suffix(":00").unwrap_or(hour).parse().ok()?;
    let days = (0..7).map(|number| HourOfWeek(24 * number));
    let number = days
        .into_iter()
        .position(|one| one.to_string().split(' ').next() == Some(&day.to_lowercase()))?;
    (hour < 24).then_some(24 * number as u8 + hour)
}

/// What a person pins, or lets go.
#[derive(Clone, Debug, PartialEq)]
pub enum Pin {
    /// An hour of the week of an account; to let go, none: all of them.
    Hour { account: String, hour: Option<u8> },
    /// A pillar's weight; none lets it go.
    Weight { pillar: String, weight: Option<f64> },
}

/// Pins something, or lets it go, and writes it into the log.
///
/// # Errors
/// The store's.
pub async fn pin(
    store: &Store,
    brand: String,
    pin: Pin,
    keep: bool,
    now: Timestamp,
) -> Result<LearnState, StoreError> {
    store
        .write(move |tx| {
            let mut state = tx.learn_state(&brand)?;
            let (of, before, after) = match pin {
                Pin::Hour { account, hour } => {
                    let pinned = state.pinned_hours.entry(account.clone()).or_default();
                    let before = pinned.clone();
                    pinned.retain(|one| hour.is_some_and(|hour| hour != *one));
                    if keep {
                        pinned.clone_from(&before);
                        pinned.extend(hour);
                        pinned.sort_unstable();
                        pinned.dedup();
                    }
                    let after = pinned.clone();
                    if after.is_empty() {
                        state.pinned_hours.remove(&account);
                    }
                    let text = |hours: Vec<u8>| {
                        (!hours.is_empty()).then(|| format!("pinned {}", named(&hours)))
                    };
                    (account, text(before), text(after))
                }
                Pin::Weight { pillar, weight } => {
                    let before = state.pinned_weights.remove(&pillar);
                    if let Some(weight) = weight.filter(|_| keep) {
                        state.pinned_weights.insert(pillar.clone(), weight);
                    }
                    let text = |weight: f64| format!("pinned weight {weight}");
                    (pillar, before.map(text), weight.filter(|_| keep).map(text))
                }
            };
            if before != after {
                tx.put_lesson(Lesson {
                    id: Id(0),
                    brand: brand.clone(),
                    at: now,
                    of,
                    before,
                    after,
                    because: "by a person".to_owned(),
                })?;
                tx.put_learn_state(&brand, &state)?;
            }
            Ok::<_, StoreError>(state)
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_of_the_week_are_read_as_they_are_written() {
        for hour in 0..168 {
            let text = HourOfWeek(hour).to_string();
            assert_eq!(hour_of_week(&text), Some(hour), "{text}");
        }
        assert_eq!(hour_of_week("Fri 19:00"), Some(4 * 24 + 19));
        for wrong in ["fri", "fri 24", "fri 19:30", "holiday 3", "fri -1"] {
            assert_eq!(hour_of_week(wrong), None, "{wrong}");
        }
    }
}
