//! Which dates the two day fields pick.

use std::collections::BTreeSet;

use chrono::{Datelike, Days, NaiveDate, Weekday};

use super::field::Values;

/// Dates whose day and weekday are both in these sets, and that pass the filters.
#[derive(Clone, Debug)]
pub(super) struct Dates {
    pub(super) days: BTreeSet<u32>,
    /// 0 is Sunday.
    pub(super) weekdays: BTreeSet<u32>,
    pub(super) filters: Vec<Filter>,
}

/// What a set of days and one of weekdays can't say, since it depends on the month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Filter {
    /// So many days before the last.
    FromEnd(u32),
    LastWorkday,
    NearestWorkday(u32),
    /// The last of its weekday.
    LastOfWeekday,
}

/// The dates of a day of month field and a weekday field. As crontab(5) has it, a date
/// must match both when one of them is unrestricted, and either when none is.
pub(super) fn combine(day_of_month: &Values, weekday: &Values) -> Vec<Dates> {
    let by_day = picks(day_of_month, |days| Dates::new(days, weekdays(), None));
    let by_weekday = picks(weekday, |weekdays| Dates::new(days(), weekdays, None));
    if !day_of_month.open && !weekday.open {
        return by_day.into_iter().chain(by_weekday).collect();
    }
    by_day
        .iter()
        .flat_map(|left| by_weekday.iter().map(|right| left.and(right)))
        .filter(|dates| !dates.days.is_empty() && !dates.weekdays.is_empty())
        .collect()
}

/// Of either field: its numbers, and what it says besides.
fn picks(field: &Values, plain: impl FnOnce(BTreeSet<u32>) -> Dates) -> Vec<Dates> {
    let numbers = Some(field.numbers.clone()).filter(|numbers| !numbers.is_empty());
    let mut all: Vec<Dates> = numbers.map(plain).into_iter().collect();
    all.extend(field.special.iter().cloned());
    all
}

fn days() -> BTreeSet<u32> {
    (1..=31).collect()
}

fn weekdays() -> BTreeSet<u32> {
    (0..=6).collect()
}

fn workdays() -> BTreeSet<u32> {
    (1..=5).collect()
}

impl Dates {
    fn new(days: BTreeSet<u32>, weekdays: BTreeSet<u32>, filter: Option<Filter>) -> Self {
        Dates {
            days,
            weekdays,
            filters: filter.into_iter().collect(),
        }
    }

    /// `L`, `L-3`: so many days before the month's last.
    pub(super) fn last(before: u32) -> Self {
        // A month ends on the 28th at the earliest.
        let days = 28u32.saturating_sub(before).max(1)..=31 - before.min(30);
        Dates::new(days.collect(), weekdays(), Some(Filter::FromEnd(before)))
    }

    /// `LW`: the last day that is neither a Saturday nor a Sunday.
    pub(super) fn last_workday() -> Self {
        Dates::new((26..=31).collect(), workdays(), Some(Filter::LastWorkday))
    }

    /// `15W`: the workday nearest to this day, in the same month.
    pub(super) fn nearest_workday(day: u32) -> Self {
        let near = day.saturating_sub(2).max(1)..=(day + 2).min(31);
        let filter = Filter::NearestWorkday(day);
        Dates::new(near.collect(), workdays(), Some(filter))
    }

    /// `FRI#2`: the second Friday.
    pub(super) fn nth(weekday: u32, nth: u32) -> Self {
        let first = (nth - 1) * 7 + 1;
        let week = first..=(first + 6).min(31);
        Dates::new(week.collect(), BTreeSet::from([weekday]), None)
    }

    /// `FRIL`: the last Friday.
    pub(super) fn last_of(weekday: u32) -> Self {
        let filter = Filter::LastOfWeekday;
        Dates::new((22..=31).collect(), BTreeSet::from([weekday]), Some(filter))
    }

    fn and(&self, other: &Dates) -> Dates {
        Dates {
            days: &self.days & &other.days,
            weekdays: &self.weekdays & &other.weekdays,
            filters: [self.filters.as_slice(), &other.filters].concat(),
        }
    }
}

impl Filter {
    pub(super) fn admits(self, date: NaiveDate) -> bool {
        let last = u32::from(date.num_days_in_month());
        match self {
            Filter::FromEnd(before) => date.day() + before == last,
            Filter::LastWorkday => Some(date.day()) == nearest_workday(date, last),
            Filter::NearestWorkday(day) => Some(date.day()) == nearest_workday(date, day),
            Filter::LastOfWeekday => date.day() + 7 > last,
        }
    }
}

/// The workday nearest to the `day` of the date's month that lies in that month.
fn nearest_workday(date: NaiveDate, day: u32) -> Option<u32> {
    let wanted = date.with_day(day)?;
    let (first, last) = (
        day == 1,
        wanted.day() == u32::from(date.num_days_in_month()),
    );
    let nearest = match wanted.weekday() {
        Weekday::Sat if first => wanted + Days::new(2),
        Weekday::Sat => wanted - Days::new(1),
        Weekday::Sun if last => wanted - Days::new(2),
        Weekday::Sun => wanted + Days::new(1),
        _ => wanted,
    };
    Some(nearest.day())
}
