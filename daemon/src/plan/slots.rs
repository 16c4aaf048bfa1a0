//! The free slots of a brand's accounts: not taken, not too near to others, not more than a
//! day has, not in quiet hours.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use chrono_tz::Tz;

use crate::config::{Account, Brand, Config};
use crate::content;
use crate::cron::{Cron, slots_between};
use crate::model::{PlanState, State, TimeSpan, Timestamp};
use crate::store::{StoreError, View};

use super::Passed;
use super::best::{self, BestOfDay, Found, Known};

/// A moment at which some accounts are free.
#[derive(Clone, Debug, PartialEq)]
pub struct Opening {
    pub at: Timestamp,
    pub accounts: Vec<String>,
    /// By account, of slots `best`: why it is this hour.
    pub hours: BTreeMap<String, String>,
}

/// Openings from `from` on and before `to`, in the order of time, and the slots that were
/// passed over.
pub fn openings(
    view: View<'_>,
    config: &Config,
    brand: &Brand,
    known: Option<&Known<'_>>,
    from: Timestamp,
    to: Timestamp,
) -> Result<(Vec<Opening>, Vec<Passed>), StoreError> {
    let mut free: BTreeMap<Timestamp, Vec<String>> = BTreeMap::new();
    let mut passed = Vec::new();
    let mut reasons: BTreeMap<(Timestamp, String), String> = BTreeMap::new();
    let own = config
        .accounts
        .values()
        .filter(|account| account.brand == brand.name);
    for account in own {
        let has_pillar = brand.strategy.planned().any(|one| one.takes(&account.name));
        let mut day = Day::new(view, account, brand.time_zone, from, to)?;
        let given = match known {
            Some(_) => parsed(account, &best::fixed(account))?,
            None => content::slots_of(account)?,
        };
        let given = slots_between(&given, brand.time_zone, from, to);
        for at in given.iter().copied() {
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
        let Some(known) = known.filter(|_| has_pillar) else {
            continue;
        };
        // A day belongs to the plan in which it begins.
        let last = day.date(to);
        for date in day.date(from).iter_days().take_while(|date| *date < last) {
            let mut best = BestOfDay {
                known,
                account,
                brand,
                date,
                from,
                to,
                day: &mut day,
            };
            for found in best.find(view, &given)? {
                match found {
                    Found::Slot(at, why) => {
                        free.entry(at).or_default().push(account.name.clone());
                        reasons.insert((at, account.name.clone()), why);
                    }
                    Found::Nothing(reason) => passed.push(Passed {
                        slot: content::local_moment(date.and_time(NOON), brand.time_zone)
                            .unwrap_or(from),
                        account: account.name.clone(),
                        reason: format!("no hour is left for `best`: {reason}"),
                    }),
                }
            }
        }
    }
    passed.sort_by(|a, b| (a.slot, &a.account).cmp(&(b.slot, &b.account)));
    let openings = free
        .into_iter()
        .map(|(at, accounts)| {
            let why = |name: &String| Some((name.clone(), reasons.remove(&(at, name.clone()))?));
            let hours = accounts.iter().filter_map(why).collect();
            Opening {
                at,
                accounts,
                hours,
            }
        })
        .collect();
    Ok((openings, passed))
}

const NOON: chrono::NaiveTime = match chrono::NaiveTime::from_hms_opt(12, 0, 0) {
    Some(noon) => noon,
    None => chrono::NaiveTime::MIN,
};

fn parsed(account: &Account, slots: &[String]) -> Result<Vec<Cron>, StoreError> {
    let crons = slots.iter().map(|slot| Cron::parse(slot));
    crons
        .collect::<Result<_, _>>()
        .map_err(|error| StoreError::Invalid(format!("slots of `{}`: {error}", account.name)))
}

const TAKEN: &str = "taken";

/// What an account has, by the clock and by the day.
pub(super) struct Day<'a> {
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

    /// Whether there is something at this moment.
    pub(super) fn has(&self, at: Timestamp) -> bool {
        self.busy.binary_search(&at).is_ok()
    }

    pub(super) fn obstacle(&self, at: Timestamp) -> Option<String> {
        let (plan, rails) = (&self.account.plan, &self.account.rails);
        if self.has(at) {
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

    pub(super) fn take(&mut self, at: Timestamp) {
        let place = self.busy.partition_point(|one| *one < at);
        self.busy.insert(place, at);
    }
}
