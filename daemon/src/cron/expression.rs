//! A cron expression, read once and stepped often.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use chrono_tz::Tz;

use super::day::{self, Dates, Filter};
use super::error::{CronError, CronField};
use super::field;
use super::zone;
use crate::model::Timestamp;

/// A cron expression in the words of crontab(5), with seconds and years where wanted:
///
/// - 5 fields (minute, hour, day of month, month, weekday), 6 with a second before them,
///   7 with a year after them; or `@hourly`, `@daily` (`@midnight`), `@weekly`,
///   `@monthly`, `@yearly` (`@annually`).
/// - Lists, ranges, steps and English names; weekdays 0 and 7 are Sunday.
/// - When neither day field begins with `*`, either may match; else both must.
/// - Of Quartz: `L`, `L-3`, `LW`, `15W` as a day of month, `FRI#2`, `FRIL` as a weekday.
#[derive(Clone, Debug)]
pub struct Cron {
    source: String,
    /// The union of what these say.
    steppers: Vec<Stepper>,
    elapsed: bool,
}

/// One expression of the `cron` crate, and what it can't express.
#[derive(Clone, Debug)]
struct Stepper {
    schedule: cron::Schedule,
    filters: Vec<Filter>,
}

const SHORTHANDS: [(&str, &str); 7] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];

impl Cron {
    /// # Errors
    /// Names the field, the text and what is allowed there. An expression that never
    /// comes (30 February) is an error too.
    pub fn parse(text: &str) -> Result<Self, CronError> {
        let source = text.trim();
        let fields: Vec<&str> = expand(source)?.split_ascii_whitespace().collect();
        let (second, fields, year) = match *fields {
            [] => return Err(CronError::Empty),
            [minute, hour, day, month, weekday] => ("0", [minute, hour, day, month, weekday], None),
            [second, minute, hour, day, month, weekday] => {
                (second, [minute, hour, day, month, weekday], None)
            }
            [second, minute, hour, day, month, weekday, year] => {
                (second, [minute, hour, day, month, weekday], Some(year))
            }
            _ => {
                return Err(CronError::FieldCount {
                    text: source.to_owned(),
                    found: fields.len(),
                });
            }
        };
        let second = field::parse(CronField::Second, second)?;
        let minute = field::parse(CronField::Minute, fields[0])?;
        let hour = field::parse(CronField::Hour, fields[1])?;
        let day_of_month = field::parse(CronField::DayOfMonth, fields[2])?;
        let month = field::parse(CronField::Month, fields[3])?;
        let weekday = field::parse(CronField::Weekday, fields[4])?;
        let years = match year {
            Some(year) => list(&field::parse(CronField::Year, year)?.numbers),
            None => "*".to_owned(),
        };

        let time = format!(
            "{} {} {}",
            list(&second.numbers),
            list(&minute.numbers),
            list(&hour.numbers)
        );
        let months = list(&month.numbers);
        let never = CronError::Never {
            text: source.to_owned(),
            with_year: year.is_some(),
        };
        let steppers = day::combine(&day_of_month, &weekday)
            .into_iter()
            .map(|dates| Stepper::new(&time, dates, &months, &years))
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| never.clone())?;
        let cron = Cron {
            source: source.to_owned(),
            steppers,
            // `*/24` is one fixed time in other words.
            elapsed: hour.recurring && hour.numbers.len() > 1,
        };
        if cron
            .next_local(chrono::DateTime::UNIX_EPOCH.naive_utc())
            .is_none()
        {
            return Err(never);
        }
        Ok(cron)
    }

    /// The first moment after `last` at which the expression fires in `zone`; none when
    /// it has no more (years end at 2100).
    ///
    /// Where the clock is put forward, a time of day that it jumps over fires at the
    /// first moment after the jump. Where it is put back, a time of day that comes twice
    /// fires the first time only. An expression whose hour is a wildcard or a step goes
    /// by elapsed time instead: what is jumped over is left out, what comes twice fires
    /// twice.
    pub fn next_after(&self, last: Timestamp, zone: Tz) -> Option<Timestamp> {
        zone::next_after(self, last, zone)
    }

    /// As it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Goes by elapsed time when the clock is put forward or back.
    pub(super) fn is_elapsed(&self) -> bool {
        self.elapsed
    }

    /// The next match on a clock that is never put forward or back.
    pub(super) fn next_local(&self, after: NaiveDateTime) -> Option<NaiveDateTime> {
        self.steppers
            .iter()
            .filter_map(|stepper| stepper.next(after))
            .min()
    }
}

impl Stepper {
    /// None when the crate refuses the expression, which happens for empty sets only.
    fn new(time: &str, dates: Dates, months: &str, years: &str) -> Option<Self> {
        // The crate counts Sunday as 1.
        let weekdays = dates.weekdays.iter().map(|day| day + 1).collect();
        let expression = format!(
            "{time} {} {months} {} {years}",
            list(&dates.days),
            list(&weekdays)
        );
        Some(Stepper {
            schedule: cron::Schedule::from_str(&expression).ok()?,
            filters: dates.filters,
        })
    }

    fn next(&self, after: NaiveDateTime) -> Option<NaiveDateTime> {
        let mut after = after;
        loop {
            let next = self.schedule.after(&after.and_utc()).next()?.naive_utc();
            let date = next.date();
            if self.filters.iter().all(|filter| filter.admits(date)) {
                return Some(next);
            }
            after = end_of(date);
        }
    }
}

fn end_of(date: NaiveDate) -> NaiveDateTime {
    date.and_time(NaiveTime::MIN) + chrono::TimeDelta::seconds(86_399)
}

fn expand(source: &str) -> Result<&str, CronError> {
    let unknown = |hint| CronError::Shorthand {
        text: source.to_owned(),
        hint,
    };
    if source.starts_with("TZ=") || source.starts_with("CRON_TZ=") {
        return Err(unknown(
            "the time zone is not part of the expression; set `time_zone`",
        ));
    }
    if !source.starts_with('@') {
        return Ok(source);
    }
    let lower = source.to_ascii_lowercase();
    if let Some((_, fields)) = SHORTHANDS.iter().find(|(name, _)| *name == lower) {
        return Ok(fields);
    }
    Err(unknown(if lower == "@reboot" {
        "nothing is fired at a start of the daemon; write a time"
    } else if lower.starts_with("@every") {
        "write an interval as a step, `*/15 * * * *` for every 15 minutes"
    } else {
        "there are @hourly, @daily, @midnight, @weekly, @monthly, @yearly and @annually"
    }))
}

/// As the crate reads it.
fn list(numbers: &BTreeSet<u32>) -> String {
    let words: Vec<String> = numbers.iter().map(u32::to_string).collect();
    words.join(",")
}

impl FromStr for Cron {
    type Err = CronError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Cron::parse(text)
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

impl PartialEq for Cron {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for Cron {}
