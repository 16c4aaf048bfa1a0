//! The free slots of a brand's accounts: not taken, not too near to others, not more than a
//! day has, not in quiet hours.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use chrono_tz::Tz;

use crate::config::{Account, Brand, Config};
use crate::content;
use crate::cron::slots_between;
use crate::model::{PlanState, State, TimeSpan, Timestamp};
use crate::store::{StoreError, View};

use super::Passed;

/// A moment at which some accounts are free.
#[derive(Clone, Debug, PartialEq)]
pub struct Opening {
    pub at: Timestamp,
    pub accounts: Vec<String>,
}

/// Openings from `from` on and before `to`, in the order of time, and the slots that were
/// passed over.
pub fn openings(
    view: View<'_>,
    config: &Config,
    brand: &Brand,
    from: Timestamp,
    to: Timestamp,
) -> Result<(Vec<Opening>, Vec<Passed>), StoreError> {
    let mut free: BTreeMap<Timestamp, Vec<String>> = BTreeMap::new();
    let mut passed = Vec::new();
    let own = config
        .accounts
        .values()
        .filter(|account| account.brand == brand.name);
    for account in own {
        let has_pillar = brand.strategy.planned().any(|one| one.takes(&account.name));
        let mut day = Day::new(view, account, brand.time_zone, from, to)?;
        for at in slots_between(&content::slots_of(account)?, brand.time_zone, from, to) {
            let closed = account.plan.closed(&brand.strategy, brand.time_zone, at);
            let obstacle = match closed {
                Some(reason) => Some(reason.to_owned()),
                None if !has_pillar => Some("no pillar takes this account".to_owned()),
                None => day.obstacle(at),
            };
            match obstacle {
                // What is there already is no news.
                Some(reason) if reason == TAKEN => {}
                Some(reason) => passed.push(Passed {
                    slot: at,
                    account: account.name.clone(),
                    reason,
                }),
                None => {
                    day.take(at);
                    free.entry(at).or_default().push(account.name.clone());
                }
            }
        }
    }
    passed.sort_by(|a, b| (a.slot, &a.account).cmp(&(b.slot, &b.account)));
    let openings = free
        .into_iter()
        .map(|(at, accounts)| Opening { at, accounts })
        .collect();
    Ok((openings, passed))
}

const TAKEN: &str = "taken";

/// What an account has, by the clock and by the day.
struct Day<'a> {
    account: &'a Account,
    zone: Tz,
    /// In order.
    busy: Vec<Timestamp>,
}

impl<'a> Day<'a> {
    fn new(
        view: View<'_>,
        account: &'a Account,
        zone: Tz,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Self, StoreError> {
        // A local day, and the gap, may reach beyond the days that are planned.
        let around = TimeSpan::from_days(2).max(account.plan.least_gap);
        let (from, to) = (from.saturating_sub(around), to.saturating_add(around));
        let filter = crate::store::DeliveryFilter {
            account: Some(account.name.clone()),
            from: Some(from),
            to: Some(to),
            ..Default::default()
        };
        let mut busy: Vec<Timestamp> = view
            .deliveries(&filter, usize::MAX)?
            .iter()
            .filter(|delivery| {
                !matches!(
                    delivery.state,
                    State::Cancelled { .. } | State::Missed { .. } | State::Failed { .. }
                )
            })
            .map(|delivery| delivery.due)
            .collect();
        for planned in view.planned_between(from, to)? {
            // A filled one is among the deliveries, as far as it still stands.
            let counts = planned.state != PlanState::Filled;
            if counts && planned.holds_its_slot(&account.name) {
                busy.push(planned.slot);
            }
        }
        busy.sort_unstable();
        Ok(Day {
            account,
            zone,
            busy,
        })
    }

    fn date(&self, at: Timestamp) -> NaiveDate {
        at.to_utc().with_timezone(&self.zone).date_naive()
    }

    fn obstacle(&self, at: Timestamp) -> Option<String> {
        let (plan, rails) = (&self.account.plan, &self.account.rails);
        if self.busy.binary_search(&at).is_ok() {
            return Some(TAKEN.to_owned());
        }
        let gap = plan.least_gap.max(rails.least_gap);
        let near = |other: &Timestamp| at.since(*other).max(other.since(at)) < gap;
        if let Some(other) = self.busy.iter().find(|other| near(other)) {
            return Some(format!("less than {gap} from {other}"));
        }
        let date = self.date(at);
        let today = self.busy.iter().filter(|one| self.date(**one) == date);
        if let Some(most) = plan.per_day
            && today.count() >= most as usize
        {
            return Some(format!("`plan.per_day` is {most}"));
        }
        for (span, most, key) in [
            (TimeSpan::from_hours(1), rails.per_hour, "per_hour"),
            (TimeSpan::from_days(1), rails.per_day, "per_day"),
        ] {
            if self.crowded(at, span, most as usize) {
                return Some(format!("`rails.{key}` is {most}"));
            }
        }
        None
    }

    /// Whether some stretch of this length would have more than `most` with another at `at`.
    fn crowded(&self, at: Timestamp, span: TimeSpan, most: usize) -> bool {
        let near: Vec<Timestamp> = self
            .busy
            .iter()
            .copied()
            .filter(|one| at.since(*one) < span && one.since(at) < span)
            .collect();
        // Each stretch that begins with one of them, or with this one.
        near.iter().chain([&at]).any(|first| {
            if *first > at {
                return false;
            }
            let others = near
                .iter()
                .filter(|one| **one >= *first && one.since(*first) < span);
            others.count() + 1 > most
        })
    }

    fn take(&mut self, at: Timestamp) {
        let place = self.busy.partition_point(|one| *one < at);
        self.busy.insert(place, at);
    }
}
