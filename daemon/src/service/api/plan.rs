//! `jarchi plan` and `jarchi calendar`.

use chrono::{Datelike as _, Days, NaiveDate, NaiveTime};
use serde::{Deserialize, Serialize};

use crate::config::{Brand, Config};
use crate::content::local_moment;
use crate::model::{Id, PlanState, Planned, State, Timestamp};
use crate::plan::{self, Proposal, Ratio, Span};
use crate::store::DeliveryFilter;

use super::answers::beginning;
use super::{Api, ApiError};

/// The longest plan.
const MOST_DAYS: u32 = 366;

/// A week of one brand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calendar {
    pub brand: String,
    pub time_zone: String,
    pub accounts: Vec<String>,
    /// Monday first.
    pub days: Vec<CalendarDay>,
    /// In the window that ends with the week.
    pub ratio: Ratio,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CalendarDay {
    pub date: NaiveDate,
    /// In the order of time.
    pub entries: Vec<CalendarEntry>,
}

/// A post on an account, or a slot that will have one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CalendarEntry {
    pub at: Timestamp,
    /// By the brand's wall clock.
    pub time: String,
    pub account: String,
    pub state: String,
    /// Why it is in this state.
    pub note: Option<String>,
    pub pillar: Option<String>,
    pub campaign: Option<String>,
    /// The beginning of the text.
    pub text: Option<String>,
    pub url: Option<String>,
    pub planned: Option<Id>,
    pub delivery: Option<Id>,
}

impl Api {
    pub(super) async fn plan(
        &self,
        brand: Option<String>,
        days: u32,
        seed: u64,
        dry_run: bool,
    ) -> Result<Vec<Proposal>, ApiError> {
        let config = self.config();
        let now = self.clock.now();
        if !(1..=MOST_DAYS).contains(&days) {
            let message = format!("{days} days: a plan is for 1 to {MOST_DAYS}");
            return Err(ApiError::invalid(message));
        }
        let asked = brand.is_some();
        let mut proposals = Vec::new();
        for brand in brands(&config, brand)? {
            if brand.strategy.planned().next().is_none() {
                if asked {
                    return Err(ApiError::invalid(format!(
                        "brand `{}` has no pillar with generators: add a `[[pillar]]`",
                        brand.name
                    )));
                }
                continue;
            }
            let span = Span {
                from: now,
                days,
                seed,
            };
            proposals.push(if dry_run {
                let (store, config, brand) = (self.store.clone(), config.clone(), brand.clone());
                let planning = tokio::task::spawn_blocking(move || {
                    plan::propose(store.view(), &config, &brand, span)
                });
                planning.await.map_err(|error| ApiError::Unavailable {
                    message: error.to_string(),
                })??
            } else {
                plan::run(&self.store, &config, brand, span, now).await?
            });
        }
        if proposals.is_empty() {
            return Err(ApiError::invalid(
                "no brand has a pillar with generators: add a `[[pillar]]`",
            ));
        }
        Ok(proposals)
    }

    pub(super) async fn move_planned(
        &self,
        planned: Id,
        to: &str,
    ) -> Result<[Planned; 1], ApiError> {
        let config = self.config();
        let known = self.store.view().planned(planned)?;
        let account = known.and_then(|one| one.accounts.first().cloned());
        let slot = self.moment(to, &account.unwrap_or_default())?;
        let now = self.clock.now();
        Ok([plan::move_to(&self.store, &config, planned, slot, now).await?])
    }

    pub(super) fn calendar(
        &self,
        week: Option<String>,
        brand: Option<String>,
    ) -> Result<Vec<Calendar>, ApiError> {
        let config = self.config();
        let day = match week {
            Some(text) => Some(text.parse::<NaiveDate>().map_err(|_| {
                ApiError::invalid(format!("`{text}` is not a day, as `2026-11-24`"))
            })?),
            None => None,
        };
        brands(&config, brand)?
            .into_iter()
            .map(|brand| self.week(&config, brand, day))
            .collect()
    }

    fn week(
        &self,
        config: &Config,
        brand: &Brand,
        day: Option<NaiveDate>,
    ) -> Result<Calendar, ApiError> {
        let zone = brand.time_zone;
        let today = self.clock.now().to_utc().with_timezone(&zone).date_naive();
        let day = day.unwrap_or(today);
        let far = || ApiError::invalid(format!("{day} is too far away"));
        let monday = day
            .checked_sub_days(Days::new(day.weekday().num_days_from_monday().into()))
            .ok_or_else(far)?;
        let midnight = |days: u64| {
            let date = monday.checked_add_days(Days::new(days))?;
            local_moment(date.and_time(NaiveTime::MIN), zone)
        };
        let (from, to) = midnight(0).zip(midnight(7)).ok_or_else(far)?;
        let entries = self.entries(config, brand, from, to)?;
        let days = (0..7)
            .filter_map(|number| monday.checked_add_days(Days::new(number)))
            .map(|date| CalendarDay {
                date,
                entries: entries
                    .iter()
                    .filter(|one| one.at.to_utc().with_timezone(&zone).date_naive() == date)
                    .cloned()
                    .collect(),
            })
            .collect();
        Ok(Calendar {
            brand: brand.name.clone(),
            time_zone: zone.name().to_owned(),
            accounts: accounts(config, brand),
            days,
            ratio: plan::ratio_at(self.store.view(), config, brand, to)?,
        })
    }

    /// Deliveries, and planned slots that have none, in the order of time.
    fn entries(
        &self,
        config: &Config,
        brand: &Brand,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<CalendarEntry>, ApiError> {
        let view = self.store.view();
        let time = |at: Timestamp| {
            let local = at.to_utc().with_timezone(&brand.time_zone);
            local.format("%H:%M").to_string()
        };
        let planned: Vec<Planned> = view
            .planned_between(from, to)?
            .into_iter()
            .filter(|one| one.brand == brand.name && one.slot < to)
            .collect();
        let mut entries = Vec::new();
        for account in accounts(config, brand) {
            let filter = DeliveryFilter {
                account: Some(account.clone()),
                from: Some(from),
                to: Some(to),
                ..DeliveryFilter::default()
            };
            for delivery in view.deliveries(&filter, usize::MAX)? {
                let post = view.post(delivery.post)?;
                let told = post.as_ref().is_some_and(|post| post.origin.is_message());
                if told || delivery.due >= to {
                    continue;
                }
                let slot = planned.iter().find(|one| one.post == Some(delivery.post));
                let locked = slot.is_some_and(|one| one.locked);
                let line = self.line(&delivery)?;
                entries.push(CalendarEntry {
                    at: delivery.due,
                    time: time(delivery.due),
                    account: account.clone(),
                    state: match delivery.state {
                        State::Waiting if locked => "locked".to_owned(),
                        _ => line.state,
                    },
                    note: line.note,
                    pillar: post.as_ref().and_then(|post| post.pillar.clone()),
                    campaign: post.and_then(|post| post.campaign),
                    text: Some(line.text),
                    url: line.url,
                    planned: slot.map(|one| one.id),
                    delivery: Some(delivery.id),
                });
            }
            for one in &planned {
                if one.state == PlanState::Filled || !one.holds_its_slot(&account) {
                    continue;
                }
                entries.push(CalendarEntry {
                    at: one.slot,
                    time: time(one.slot),
                    account: account.clone(),
                    state: one.state_name().to_owned(),
                    note: match &one.state {
                        PlanState::Failed { reason } | PlanState::Cancelled { reason } => {
                            Some(beginning(reason))
                        }
                        PlanState::Planned | PlanState::Filled => None,
                    },
                    pillar: Some(one.pillar.clone()),
                    campaign: one.campaign.clone(),
                    text: None,
                    url: None,
                    planned: Some(one.id),
                    delivery: None,
                });
            }
        }
        entries.sort_by(|a, b| (a.at, &a.account).cmp(&(b.at, &b.account)));
        Ok(entries)
    }
}

fn accounts(config: &Config, brand: &Brand) -> Vec<String> {
    let own = config
        .accounts
        .values()
        .filter(|account| account.brand == brand.name);
    own.map(|account| account.name.clone()).collect()
}

/// One brand, or all.
pub(super) fn brands(config: &Config, name: Option<String>) -> Result<Vec<&Brand>, ApiError> {
    let Some(name) = name else {
        return Ok(config.brands.values().collect());
    };
    match config.brands.get(&name) {
        Some(brand) => Ok(vec![brand]),
        None => {
            let known = config.brands.keys().map(String::as_str);
            let help = crate::config::did_you_mean(&name, known)
                .map(|help| format!("; {help}"))
                .unwrap_or_default();
            Err(ApiError::missing(format!(
                "there is no brand `{name}`{help}"
            )))
        }
    }
}
