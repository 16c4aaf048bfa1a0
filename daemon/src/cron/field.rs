//! One field of a cron expression, read into the numbers that it allows.

use std::collections::BTreeSet;

use super::day::Dates;
use super::error::{CronError, CronField};

/// What one field allows.
#[derive(Clone, Debug, Default)]
pub(super) struct Values {
    /// Weekdays are 0 (Sunday) to 6.
    pub(super) numbers: BTreeSet<u32>,
    /// Of the day fields: what depends on the month.
    pub(super) special: Vec<Dates>,
    /// Written with `*` or `?` first: crontab(5) calls such a day field unrestricted.
    pub(super) open: bool,
    /// A part is `*`, or has a step.
    pub(super) recurring: bool,
}

const MONTHS: [&str; 12] = [
    "JANUARY",
    "FEBRUARY",
    "MARCH",
    "APRIL",
    "MAY",
    "JUNE",
    "JULY",
    "AUGUST",
    "SEPTEMBER",
    "OCTOBER",
    "NOVEMBER",
    "DECEMBER",
];
const WEEKDAYS: [&str; 7] = [
    "SUNDAY",
    "MONDAY",
    "TUESDAY",
    "WEDNESDAY",
    "THURSDAY",
    "FRIDAY",
    "SATURDAY",
];

pub(super) fn parse(field: CronField, text: &str) -> Result<Values, CronError> {
    let mut values = Values {
        open: text.starts_with(['*', '?']),
        ..Values::default()
    };
    for item in text.split(',') {
        let item = item.trim();
        if item.is_empty() {
            return Err(wrong(field, text, "a comma stands without a value"));
        }
        if let Some(special) = special(field, item)? {
            values.special.push(special);
        } else {
            values.recurring |= item.contains(['*', '/']);
            values.numbers.extend(numbers(field, item)?);
        }
    }
    Ok(values)
}

/// `*`, `5`, `1-5`, each with a step or none.
fn numbers(field: CronField, item: &str) -> Result<Vec<u32>, CronError> {
    let (range, step) = match item.split_once('/') {
        None => (item, None),
        Some((range, step)) => (range, Some(parse_step(field, item, step)?)),
    };
    let (least, most) = field.bounds();
    let greatest = if field == CronField::Weekday { 6 } else { most };
    let days = matches!(field, CronField::DayOfMonth | CronField::Weekday);
    let (from, to) = if range == "*" || (range == "?" && days) {
        (least, greatest)
    } else if let Some((from, to)) = range.split_once('-') {
        let (from, to) = (value(field, item, from)?, value(field, item, to)?);
        if from <= to {
            (from, to)
        } else if field == CronField::Weekday {
            // FRI-MON goes over the end of the week.
            (from, to + 7)
        } else {
            let problem = format!(
                "{from} is after {to}; a range over the end is two ranges, `{from}-{greatest},{least}-{to}`"
            );
            return Err(wrong(field, item, problem));
        }
    } else {
        let from = value(field, item, range)?;
        (
            from,
            if step.is_some() {
                greatest.max(from)
            } else {
                from
            },
        )
    };
    Ok((from..=to)
        .step_by(step.unwrap_or(1))
        .map(|number| match field {
            CronField::Weekday => number % 7,
            _ => number,
        })
        .collect())
}

fn parse_step(field: CronField, item: &str, step: &str) -> Result<usize, CronError> {
    let (least, most) = field.bounds();
    let span = if field == CronField::Weekday {
        7
    } else {
        most - least + 1
    };
    match step.parse::<u32>() {
        Ok(0) => Err(wrong(field, item, "a step of 0 never moves on")),
        Ok(step) if step <= span => Ok(step as usize),
        // Others read */90 as hourly, without a word.
        Ok(step) => Err(wrong(
            field,
            item,
            format!(
                "a step of {step} is longer than the field, which starts anew after {span}; \
                 longer intervals are written as several expressions"
            ),
        )),
        Err(_) => Err(wrong(
            field,
            item,
            format!("the step `{step}` is not a number"),
        )),
    }
}

/// A number or a name within the field's bounds.
fn value(field: CronField, item: &str, text: &str) -> Result<u32, CronError> {
    let (least, most) = field.bounds();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return match text.parse() {
            Ok(number) if (least..=most).contains(&number) => Ok(number),
            _ => Err(wrong(field, item, format!("{text} is out of range"))),
        };
    }
    let names: &[&str] = match field {
        CronField::Month => &MONTHS,
        CronField::Weekday => &WEEKDAYS,
        _ => &[],
    };
    let upper = text.to_ascii_uppercase();
    if upper.len() >= 3
        && let Some(at) = names.iter().position(|name| name.starts_with(&upper))
    {
        return Ok(least + at as u32);
    }
    let problem = if text.is_empty() {
        "a value is missing".to_owned()
    } else if names.is_empty() {
        format!("`{text}` is not a number")
    } else {
        format!("`{text}` is neither a number nor a name")
    };
    Err(wrong(field, item, problem))
}

fn special(field: CronField, item: &str) -> Result<Option<Dates>, CronError> {
    let upper = item.to_ascii_uppercase();
    match field {
        CronField::DayOfMonth => day_of_month(item, &upper),
        CronField::Weekday => weekday(item, &upper),
        _ => Ok(None),
    }
}

fn day_of_month(item: &str, upper: &str) -> Result<Option<Dates>, CronError> {
    let field = CronField::DayOfMonth;
    if upper == "L" {
        return Ok(Some(Dates::last(0)));
    }
    if upper == "LW" || upper == "WL" {
        return Ok(Some(Dates::last_workday()));
    }
    if let Some(before) = upper.strip_prefix("L-") {
        return match before.parse() {
            Ok(before @ 0..=30) => Ok(Some(Dates::last(before))),
            _ => Err(wrong(
                field,
                item,
                "`L-` is followed by 0 to 30, the days before the month's last",
            )),
        };
    }
    if let Some(day) = upper.strip_suffix('W') {
        return Ok(Some(Dates::nearest_workday(value(field, item, day)?)));
    }
    if upper.contains('#') {
        let problem = "the second Friday is written `FRI#2` in the weekday field";
        return Err(wrong(field, item, problem));
    }
    Ok(None)
}

fn weekday(item: &str, upper: &str) -> Result<Option<Dates>, CronError> {
    let field = CronField::Weekday;
    if let Some((day, nth)) = upper.split_once('#') {
        let weekday = value(field, item, day)? % 7;
        return match nth.parse() {
            Ok(nth @ 1..=5) => Ok(Some(Dates::nth(weekday, nth))),
            _ => Err(wrong(
                field,
                item,
                "`#` is followed by 1 to 5, for the first to the fifth in the month",
            )),
        };
    }
    if upper == "L" {
        let problem = "write which weekday, as `FRIL` for the last Friday of the month, or \
                       `L` in the day of month field for the month's last day";
        return Err(wrong(field, item, problem));
    }
    if let Some(day) = upper.strip_suffix('L') {
        let weekday = value(field, item, day)? % 7;
        return Ok(Some(Dates::last_of(weekday)));
    }
    if upper == "W" || upper.ends_with('W') && upper.len() < 3 {
        let problem = "the nearest workday is written `15W` in the day of month field, and \
                       Monday to Friday `MON-FRI`";
        return Err(wrong(field, item, problem));
    }
    Ok(None)
}

fn wrong(field: CronField, text: &str, problem: impl Into<String>) -> CronError {
    CronError::Field {
        field,
        text: text.to_owned(),
        problem: problem.into(),
    }
}
