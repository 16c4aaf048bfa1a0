//! `jarchi learn` and `jarchi goals`.

use serde::{Deserialize, Serialize};

use crate::config::{Brand, Config, did_you_mean};
use crate::measure::goals::Goal;
use crate::measure::learn::decide::{self, Decision, Pin};
use crate::measure::learn::significance::{Question, Trial};
use crate::measure::learn::{self, Factor, Learned};
use crate::measure::query::HourOfWeek;
use crate::model::{LearnState, Lesson};

use super::plan::brands;
use super::{Api, ApiError};

/// What is learned of a brand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LearnReport {
    pub brand: String,
    /// Posts that an account needs before anything is learned of it.
    pub least_posts: u32,
    /// How often at most something is called significant that is chance.
    pub false_alarms: f64,
    pub accounts: Vec<LearnedAccount>,
    pub pillars: Vec<LearnedGroup>,
    /// Kinds of media.
    pub media: Vec<LearnedGroup>,
    /// What is in force, and pinned.
    pub state: LearnState,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LearnedAccount {
    pub account: String,
    /// Old ones count in part.
    pub posts: f64,
    /// Whether these are enough to go by.
    pub enough: bool,
    /// Null: it has posts at one hour alone.
    pub chance: Option<Chance>,
    /// The best first, among those at which it may post.
    pub hours: Vec<LearnedHour>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LearnedHour {
    /// `fri 19`.
    pub hour: String,
    /// Against its usual post.
    #[serde(flatten)]
    pub factor: Factor,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LearnedGroup {
    pub name: String,
    pub posts: f64,
    #[serde(flatten)]
    pub factor: Factor,
    /// Null: there is nothing to compare it with.
    pub chance: Option<Chance>,
    /// Of a pillar that follows the numbers, or is pinned: what the planner goes by.
    pub weight: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chance {
    /// How often chance alone does as well.
    pub chance: f64,
    /// Seen that there are several tests of the brand.
    pub corrected: f64,
    pub significant: bool,
}

impl Api {
    /// # Errors
    /// There is no such brand; the store's.
    pub(super) async fn learned(
        &self,
        brand: Option<String>,
    ) -> Result<Vec<LearnReport>, ApiError> {
        let (config, now) = (self.config(), self.clock.now());
        let mut reports = Vec::new();
        for brand in brands(&config, brand)? {
            let (store, config, brand) = (self.store.clone(), config.clone(), brand.clone());
            let reading = tokio::task::spawn_blocking(move || {
                let learned = learn::learn(store.view(), &config, &brand, now)?;
                let decision = decide::decide(store.view(), &config, &brand, &learned)?;
                Ok::<_, crate::store::StoreError>(report(&config, &brand, &learned, decision))
            });
            let report = reading.await.map_err(|error| ApiError::Unavailable {
                message: error.to_string(),
            })?;
            reports.push(report?);
        }
        Ok(reports)
    }

    /// # Errors
    /// There is no such brand; the store's.
    pub(super) fn lessons(
        &self,
        brand: Option<String>,
        limit: usize,
    ) -> Result<Vec<Lesson>, ApiError> {
        let config = self.config();
        let mut lessons = Vec::new();
        for brand in brands(&config, brand)? {
            lessons.extend(self.store.view().lessons(&brand.name, limit)?);
        }
        lessons.sort_by_key(|lesson| std::cmp::Reverse(lesson.id));
        lessons.truncate(limit);
        Ok(lessons)
    }

    /// # Errors
    /// There is no such brand; the store's.
    pub(super) async fn goals(&self, brand: Option<String>) -> Result<Vec<Goal>, ApiError> {
        let (config, now) = (self.config(), self.clock.now());
        let mut goals = Vec::new();
        for brand in brands(&config, brand)? {
            let (store, config, brand) = (self.store.clone(), config.clone(), brand.clone());
            let reading = tokio::task::spawn_blocking(move || {
                crate::measure::goals::goals(store.view(), &config, &brand, now)
            });
            let read = reading.await.map_err(|error| ApiError::Unavailable {
                message: error.to_string(),
            })?;
            goals.extend(read?);
        }
        Ok(goals)
    }

    /// Pins an hour of an account or the weight of a pillar, or lets it go.
    ///
    /// # Errors
    /// The name or the value is wrong; the store's.
    pub(super) async fn pin_learned(
        &self,
        brand: Option<String>,
        name: &str,
        value: Option<&str>,
        keep: bool,
    ) -> Result<LearnState, ApiError> {
        let config = self.config();
        let now = self.clock.now();
        let number = value.map(str::parse::<f64>);
        let weight = match number {
            Some(Ok(weight)) if !(weight.is_finite() && (0.1..=1000.0).contains(&weight)) => {
                return Err(ApiError::invalid(format!(
                    "a weight is from 0.1 to 1000, and not {weight}"
                )));
            }
            Some(Ok(weight)) => Some(weight),
            _ => None,
        };
        let account = config.accounts.get(name).filter(|account| {
            weight.is_none() && brand.as_ref().is_none_or(|brand| *brand == account.brand)
        });
        if let Some(account) = account {
            let hour = value.map(|text| {
                decide::hour_of_week(text).ok_or_else(|| {
                    ApiError::invalid(format!(
                        "`{text}` is no hour of the week: write it as `fri 19`"
                    ))
                })
            });
            let hour = hour.transpose()?;
            if keep && hour.is_none() {
                return Err(ApiError::invalid("which hour? As `fri 19`"));
            }
            if let Some(hour) = hour.filter(|_| keep)
                && !account.plan.may_be_best(u32::from(hour % 24))
            {
                return Err(ApiError::invalid(format!(
                    "{} is in the quiet hours of `{name}`, or outside of its `plan.best_within`",
                    HourOfWeek(hour)
                )));
            }
            let (brand, account) = (account.brand.clone(), name.to_owned());
            let pin = Pin::Hour { account, hour };
            return Ok(decide::pin(&self.store, brand, pin, keep, now).await?);
        }
        let mut found: Vec<&Brand> = brands(&config, brand)?;
        found.retain(|brand| brand.strategy.pillars.contains_key(name));
        let brand = match found.as_slice() {
            [brand] => brand.name.clone(),
            [] => return Err(unknown(&config, name)),
            _ => {
                return Err(ApiError::invalid(format!(
                    "several brands have a pillar `{name}`: say which with `--brand`"
                )));
            }
        };
        if keep && weight.is_none() {
            return Err(ApiError::invalid(format!(
                "`{name}` is a pillar: its weight is a number, as 4"
            )));
        }
        let pillar = name.to_owned();
        let pin = Pin::Weight { pillar, weight };
        Ok(decide::pin(&self.store, brand, pin, keep, now).await?)
    }
}

fn unknown(config: &Config, name: &str) -> ApiError {
    let pillars = config.brands.values();
    let pillars = pillars.flat_map(|brand| brand.strategy.pillars.keys());
    let known = config.accounts.keys().chain(pillars).map(String::as_str);
    let help = did_you_mean(name, known)
        .map(|help| format!("; {help}"))
        .unwrap_or_default();
    ApiError::missing(format!("there is no account or pillar `{name}`{help}"))
}

fn report(config: &Config, brand: &Brand, learned: &Learned, decision: Decision) -> LearnReport {
    let learn = &brand.strategy.learn;
    let trials = learned.trials();
    let chance = |name: &str, of: fn(Question) -> bool| {
        let found = trials
            .iter()
            .find(|(of_name, trial)| of_name == name && of(trial.question));
        found.map(|(_, trial)| {
            let Trial {
                chance, corrected, ..
            } = *trial;
            Chance {
                chance,
                corrected,
                significant: corrected <= learn.false_alarms,
            }
        })
    };
    let own = config
        .accounts
        .values()
        .filter(|account| account.brand == brand.name);
    let accounts = own.map(|account| {
        let hours = (0..7_u8).flat_map(|day| {
            let allowed = decide::allowed(account);
            allowed.map(move |hour| 24 * day + hour as u8)
        });
        let mut hours: Vec<LearnedHour> = hours
            .filter_map(|hour| {
                Some(LearnedHour {
                    hour: HourOfWeek(hour).to_string(),
                    factor: learned.hour(&account.name, usize::from(hour))?,
                })
            })
            .collect();
        hours.sort_by(|a, b| b.factor.factor.total_cmp(&a.factor.factor));
        LearnedAccount {
            account: account.name.clone(),
            posts: learned.posts(&account.name),
            enough: learned.is_enough(&account.name),
            chance: chance(&account.name, |one| matches!(one, Question::Hours(_))),
            hours,
        }
    });
    let weights = decision.weights_in_force();
    let pillars = learned.pillars().map(|(name, effect)| LearnedGroup {
        name: name.to_owned(),
        posts: effect.posts,
        factor: Learned::factor(effect),
        chance: chance(name, |one| matches!(one, Question::Pillar(_))),
        weight: weights.get(name).copied(),
    });
    let media = learned.media().map(|(name, effect)| LearnedGroup {
        name: name.to_owned(),
        posts: effect.posts,
        factor: Learned::factor(effect),
        chance: chance(name, |one| matches!(one, Question::Media(_))),
        weight: None,
    });
    LearnReport {
        brand: brand.name.clone(),
        least_posts: learn.least_posts,
        false_alarms: learn.false_alarms,
        accounts: accounts.collect(),
        pillars: pillars.collect(),
        media: media.collect(),
        state: decision.state,
    }
}
