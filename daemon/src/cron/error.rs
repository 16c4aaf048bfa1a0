//! What is wrong with a cron expression, in words for the person who wrote it.

use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CronField {
    Second,
    Minute,
    Hour,
    DayOfMonth,
    Month,
    Weekday,
    Year,
}

impl CronField {
    /// The least and the greatest number that the field takes.
    pub(super) const fn bounds(self) -> (u32, u32) {
        match self {
            CronField::Second | CronField::Minute => (0, 59),
            CronField::Hour => (0, 23),
            CronField::DayOfMonth => (1, 31),
            CronField::Month => (1, 12),
            CronField::Weekday => (0, 7),
            CronField::Year => (1970, 2100),
        }
    }

    const fn allowed(self) -> &'static str {
        match self {
            CronField::Second => "a second is 0 to 59",
            CronField::Minute => "a minute is 0 to 59",
            CronField::Hour => "an hour is 0 to 23",
            CronField::DayOfMonth => "a day of the month is 1 to 31, or L, L-3, LW, 15W",
            CronField::Month => "a month is 1 to 12 or JAN to DEC",
            CronField::Weekday => {
                "a weekday is 0 to 7 (0 and 7 are Sunday) or SUN to SAT, or FRI#2, FRIL"
            }
            CronField::Year => "a year is 1970 to 2100",
        }
    }
}

impl fmt::Display for CronField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CronField::Second => "second",
            CronField::Minute => "minute",
            CronField::Hour => "hour",
            CronField::DayOfMonth => "day of month",
            CronField::Month => "month",
            CronField::Weekday => "weekday",
            CronField::Year => "year",
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CronError {
    #[error(
        "the cron expression is empty: write five fields, as `0 9 * * MON-FRI` (minute, hour, day of month, month, weekday), or `@daily`"
    )]
    Empty,
    #[error(
        "`{text}` has {found} {}: a cron expression has 5 (minute, hour, day of month, month, weekday), 6 with a second before them, or 7 with a year after them",
        if *.found == 1 { "field" } else { "fields" }
    )]
    FieldCount { text: String, found: usize },
    #[error("`{text}` is not known: {hint}")]
    Shorthand { text: String, hint: &'static str },
    #[error("`{text}` in the {field} field: {problem}; {}", .field.allowed())]
    Field {
        field: CronField,
        /// The part of the field that is wrong.
        text: String,
        problem: String,
    },
    #[error(
        "`{text}` never comes: no date has that day in that month{}",
        if *.with_year { " and year" } else { "" }
    )]
    Never { text: String, with_year: bool },
}
