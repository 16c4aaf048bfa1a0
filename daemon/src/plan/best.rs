//! The slots `best`: hours that the numbers speak for, and some that are tried out.

use chrono::{Datelike as _, NaiveDate, NaiveTime};
use chrono_tz::Tz;

use crate::config::{Account, Brand};
use crate::content::local_moment;
use crate::cron::{Cron, slots_between};
use crate::measure::learn::decide::{APART, Decision, allowed};
use crate::measure::learn::{Learned, draw::Draw};
use crate::model::Timestamp;
use crate::store::{StoreError, View};

use super::slots::Day;

/// As long as too little is known, so many of the slots try an hour out.
const COLD_EXPLORE: f64 = 0.5;

/// What the best hours of a brand's accounts are known by.
pub(super) struct Known<'a> {
    pub learned: &'a Learned,
    pub decision: &'a Decision,
    pub seed: u64,
}

/// What a slot `best` came to.
pub(super) enum Found {
    /// And why it is this one.
    Slot(Timestamp, String),
    /// Why there is none.
    Nothing(String),
}

/// The slots of an account that do not stand for its best hours.
pub(super) fn fixed(account: &Account) -> Vec<String> {
    let mut slots = account.slots.clone();
    for best in &account.plan.best {
        // They stand behind the others, which may be the same.
        if let Some(at) = slots.iter().rposition(|slot| slot == best) {
            slots.remove(at);
        }
    }
    slots
}

/// One account's slots `best` on one day.
pub(super) struct BestOfDay<'a, 'b> {
    pub known: &'a Known<'a>,
    pub account: &'a Account,
    pub brand: &'a Brand,
    pub date: NaiveDate,
    pub from: Timestamp,
    pub to: Timestamp,
    pub day: &'a mut Day<'b>,
}

impl BestOfDay<'_, '_> {
    fn zone(&self) -> Tz {
        self.brand.time_zone
    }

    fn moment(&self, hour: u32) -> Option<Timestamp> {
        let time = NaiveTime::from_hms_opt(hour, 0, 0)?;
        local_moment(self.date.and_time(time), self.zone())
    }

    fn hour_of_week(&self, hour: u32) -> usize {
        24 * self.date.weekday().num_days_from_monday() as usize + hour as usize
    }

    /// What keeps a moment from being a slot.
    fn obstacle(&self, at: Timestamp) -> Option<String> {
        let closed = self
            .account
            .plan
            .closed(&self.brand.strategy, self.zone(), at);
        closed.map(str::to_owned).or_else(|| self.day.obstacle(at))
    }

    /// How many the day has already, of those that do not stand at `fixed`.
    fn there(
        &self,
        view: View<'_>,
        fixed: &[Timestamp],
        stand_ins: &[Timestamp],
    ) -> Result<usize, StoreError> {
        let (Some(begin), Some(end)) = (
            local_moment(self.date.and_time(NaiveTime::MIN), self.zone()),
            self.date
                .succ_opt()
                .and_then(|next| local_moment(next.and_time(NaiveTime::MIN), self.zone())),
        ) else {
            return Ok(0);
        };
        let planned: Vec<Timestamp> = view
            .planned_between(begin, end.saturating_sub(crate::model::TimeSpan(1)))?
            .iter()
            .filter(|one| one.holds_its_slot(&self.account.name))
            .map(|one| one.slot)
            .collect();
        let own = planned.iter().filter(|at| !fixed.contains(at)).count();
        // Posts without a time of their own wait for the hours that stand for the best.
        let by_hand = stand_ins
            .iter()
            .filter(|at| !planned.contains(at) && self.day.has(**at));
        Ok(own + by_hand.count())
    }

    /// Finds the day's slots; `fixed` are those of the day that are given.
    pub fn find(&mut self, view: View<'_>, fixed: &[Timestamp]) -> Result<Vec<Found>, StoreError> {
        let weekday = self.date.weekday().num_days_from_monday() as usize;
        let wanted = self.account.plan.best_per_day.get(weekday).copied();
        let wanted = usize::from(wanted.unwrap_or_default());
        if wanted == 0 {
            return Ok(Vec::new());
        }
        let stand_ins = self.stand_ins()?;
        let there = self.there(view, fixed, &stand_ins)?;
        let mut hours: Vec<u32> = Vec::new();
        let mut found = Vec::new();
        for number in there..wanted {
            let one = self.one(number, fixed, &stand_ins, &hours);
            match one {
                Some(Found::Slot(at, why)) => {
                    self.day.take(at);
                    let local = at.to_utc().with_timezone(&self.zone());
                    hours.push(chrono::Timelike::hour(&local));
                    found.push(Found::Slot(at, why));
                }
                Some(nothing) => found.push(nothing),
                None => {}
            }
        }
        Ok(found)
    }

    /// The given hours, in the order in which they stand for the best, from `from` to `to`.
    fn stand_ins(&self) -> Result<Vec<Timestamp>, StoreError> {
        let mut moments = Vec::new();
        for text in &self.account.plan.best {
            let cron = Cron::parse(text).map_err(|error| {
                StoreError::Invalid(format!("slots of `{}`: {error}", self.account.name))
            })?;
            let of_day = slots_between(&[cron], self.zone(), self.from, self.to)
                .into_iter()
                .filter(|at| at.to_utc().with_timezone(&self.zone()).date_naive() == self.date);
            moments.extend(of_day);
        }
        Ok(moments)
    }

    fn one(
        &self,
        number: usize,
        fixed: &[Timestamp],
        stand_ins: &[Timestamp],
        hours: &[u32],
    ) -> Option<Found> {
        let name = &self.account.name;
        let free = |hour: &u32| {
            let at = self.moment(*hour)?;
            let open = (self.from..self.to).contains(&at) && !fixed.contains(&at);
            (open && self.obstacle(at).is_none()).then_some(at)
        };
        let pinned = self.known.decision.state.pinned_hours.get(name);
        let pinned = pinned.into_iter().flatten().map(|hour| usize::from(*hour));
        for hour in pinned {
            let (day, hour) = (hour / 24, (hour % 24) as u32);
            if self.hour_of_week(0) / 24 == day
                && !hours.contains(&hour)
                && let Some(at) = free(&hour)
            {
                return Some(Found::Slot(at, "pinned".to_owned()));
            }
        }
        let all: Vec<u32> = allowed(self.account)
            .filter(|hour| free(hour).is_some())
            .collect();
        let apart = |hour: &&u32| hours.iter().all(|one| one.abs_diff(**hour) >= APART as u32);
        let mut left: Vec<u32> = all.iter().filter(apart).copied().collect();
        if left.is_empty() {
            left.clone_from(&all);
        }
        let week: Vec<usize> = left.iter().map(|hour| self.hour_of_week(*hour)).collect();
        let learned = self.known.learned;
        let enough = learned.is_enough(name);
        let explore = self.brand.strategy.learn.explore;
        let share = match enough {
            true => explore,
            false if explore > 0.0 => explore.max(COLD_EXPLORE),
            false => 0.0,
        };
        let mut draw = Draw::new(&format!(
            "{} {name} {} {number}",
            self.known.seed, self.date
        ));
        let chosen = if draw.part() < share && left.len() > 1 {
            let hour = learned.one_to_try(name, &week, &mut draw)?;
            (hour, "tried out: what is known leaves it open".to_owned())
        } else if enough {
            let hour = learned.best_of(name, &week)?;
            let factor = learned.hour(name, hour)?;
            let because = format!(
                "learned: {:.2} times the usual numbers ({:.2} to {:.2}), by {:.0} posts",
                factor.factor,
                factor.low,
                factor.high,
                learned.posts(name)
            );
            (hour, because)
        } else {
            let mut obstacle = None;
            for at in stand_ins.iter().filter(|at| !fixed.contains(at)) {
                match self.obstacle(*at) {
                    None => {
                        let have = learned.posts(name);
                        let why = format!(
                            "given: {have:.0} posts are known, {} are needed",
                            self.brand.strategy.learn.least_posts
                        );
                        return Some(Found::Slot(*at, why));
                    }
                    Some(reason) => obstacle = Some(reason),
                }
            }
            return obstacle.map(Found::Nothing);
        };
        let at = self.moment((chosen.0 % 24) as u32)?;
        Some(Found::Slot(at, chosen.1))
    }
}
