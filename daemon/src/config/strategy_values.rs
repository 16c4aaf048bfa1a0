//! The values of a strategy's keys: shares, days, hours, targets.

use std::collections::BTreeMap;

use chrono::{NaiveDate, NaiveTime};
use schemars::{Schema, SchemaGenerator, json_schema};
use toml::de::DeValue;
use url::Url;

use super::reader::{Read, Reader, Value, join};
use super::suggest::did_you_mean;
use super::values::choice;
use super::{
    Approval, Diagnostic, Goal, HashtagPlace, Holiday, HolidayPolicy, Hours, LearnNumber,
    LinkPlace, PillarKind,
};
use crate::model::{Measure, OnDeadline};

choice! {
    PillarKind {
        "value" => Value,
        "promo" => Promo,
    }
    Approval {
        "none" => None,
        "optional" => Optional,
        "required" => Required,
    }
    OnDeadline {
        "publish" => Publish,
        "hold" => Hold,
        "cancel" => Cancel,
    }
    HashtagPlace {
        "usual" => Usual,
        "text" => Text,
        "end" => End,
        "first-comment" => FirstComment,
        "drop" => Drop,
    }
    LinkPlace {
        "usual" => Usual,
        "text" => Text,
        "card" => Card,
        "first-comment" => FirstComment,
    }
    Goal {
        "awareness" => Awareness,
        "sales" => Sales,
        "customers" => Customers,
        "community" => Community,
    }
    LearnNumber {
        "interactions" => Interactions,
        "engagement-rate" => EngagementRate,
    }
    HolidayPolicy {
        "keep" => Keep,
        "skip" => Skip,
    }
}

/// A part of a whole.
#[derive(Clone, Copy, Debug)]
pub(super) struct Share(pub f64);

impl Read for Share {
    fn read(value: &Value<'_>, key: &str, reader: &mut Reader<'_>) -> Option<Self> {
        let written = match value.get_ref() {
            DeValue::Float(number) => number.as_str().replace('_', ""),
            DeValue::Integer(number) if number.radix() == 10 => number.as_str().to_owned(),
            _ => {
                reader.wrong_type(value, key, "a number from 0 to 1, as 0.8");
                return None;
            }
        };
        let read = written.parse::<f64>().ok();
        let share = read.filter(|share| (0.0..=1.0).contains(share));
        if share.is_none() {
            let help = read
                .filter(|number| (2.0..=100.0).contains(number))
                .map(|number| format!("{number} % is written {}", number / 100.0));
            let message = format!("{written} is not from 0 to 1");
            reader.error_with_help(value, key, message, help);
        }
        share.map(Share)
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number", "minimum": 0, "maximum": 1 })
    }
}

/// What stands for a day in a file: a TOML date, or the same in quotes.
fn day_text(value: &Value<'_>) -> Option<String> {
    match value.get_ref() {
        DeValue::String(text) => Some(text.trim().to_owned()),
        DeValue::Datetime(moment) => Some(moment.to_string()),
        _ => None,
    }
}

fn date(text: &str) -> Option<NaiveDate> {
    // chrono takes 2027-3-1 as well: one way to write it is enough.
    (text.len() == 10)
        .then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok())
        .flatten()
}

/// A day, as `2026-12-01`.
#[derive(Clone, Copy, Debug)]
pub(super) struct DateText(pub NaiveDate);

impl Read for DateText {
    fn read(value: &Value<'_>, key: &str, reader: &mut Reader<'_>) -> Option<Self> {
        let Some(text) = day_text(value) else {
            reader.wrong_type(value, key, "a date, as 2026-12-01");
            return None;
        };
        let day = date(&text);
        if day.is_none() {
            let message = format!("`{text}` is not a date, as 2026-12-01");
            reader.error(value, key, message);
        }
        day.map(DateText)
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^\\d{4}-\\d{2}-\\d{2}$" })
    }
}

/// A day off, as `03-20` or `2027-03-20`.
#[derive(Clone, Copy, Debug)]
pub(super) struct HolidayText(pub Holiday);

impl Read for HolidayText {
    fn read(value: &Value<'_>, key: &str, reader: &mut Reader<'_>) -> Option<Self> {
        let Some(text) = day_text(value) else {
            reader.wrong_type(value, key, "a day, as \"03-20\" or 2027-03-20");
            return None;
        };
        // A leap year: the 29th of February is a day.
        let yearly = || {
            let day = date(&format!("2028-{text}"))?;
            use chrono::Datelike as _;
            Some(Holiday::Yearly {
                month: day.month(),
                day: day.day(),
            })
        };
        let holiday = date(&text).map(Holiday::Once).or_else(yearly);
        if holiday.is_none() {
            let message = format!("`{text}` is not a day: write `03-20` or `2027-03-20`");
            reader.error(value, key, message);
        }
        holiday.map(HolidayText)
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^(\\d{4}-)?\\d{2}-\\d{2}$" })
    }
}

/// `09:00`; `24:00` is none.
fn clock_time(text: &str) -> Option<NaiveTime> {
    (text.len() == 5)
        .then(|| NaiveTime::parse_from_str(text, "%H:%M").ok())
        .flatten()
}

/// A time of the day.
#[derive(Clone, Copy, Debug)]
pub(super) struct TimeText(pub NaiveTime);

impl Read for TimeText {
    fn read(value: &Value<'_>, key: &str, reader: &mut Reader<'_>) -> Option<Self> {
        let text = reader.string(value, key, "a time in quotes, as \"09:30\"")?;
        let time = clock_time(text);
        if time.is_none() {
            reader.error(value, key, format!("`{text}` is not a time, as `09:30`"));
        }
        time.map(TimeText)
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^\\d{2}:\\d{2}$" })
    }
}

/// A slot of a day.
#[derive(Clone, Copy, Debug)]
pub(super) enum SlotTime {
    At(NaiveTime),
    Best,
}

impl Read for SlotTime {
    fn read(value: &Value<'_>, key: &str, reader: &mut Reader<'_>) -> Option<Self> {
        let text = reader.string(value, key, "a time in quotes, as \"09:30\", or \"best\"")?;
        match clock_time(text) {
            Some(time) => Some(SlotTime::At(time)),
            None if text == "best" => Some(SlotTime::Best),
            None => {
                let message = format!("`{text}` is neither a time, as `09:30`, nor `best`");
                reader.error_with_help(value, key, message, did_you_mean(text, ["best"]));
                None
            }
        }
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^(\\d{2}:\\d{2}|best)$" })
    }
}

/// A part of the day, as `22:00-08:00`.
#[derive(Clone, Copy, Debug)]
pub(super) struct HoursText(pub Hours);

impl Read for HoursText {
    fn read(value: &Value<'_>, key: &str, reader: &mut Reader<'_>) -> Option<Self> {
        let text = reader.string(value, key, "hours in quotes, as \"22:00-08:00\"")?;
        let ends = text
            .split_once('-')
            .and_then(|(from, to)| Some((clock_time(from.trim())?, clock_time(to.trim())?)));
        match ends {
            Some((from, to)) if from == to => {
                reader.error(value, key, format!("`{text}` has no length"));
                None
            }
            Some((from, to)) => Some(HoursText(Hours { from, to })),
            None => {
                let message = format!("`{text}` is not a part of the day, as `22:00-08:00`");
                reader.error(value, key, message);
                None
            }
        }
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^\\d{2}:\\d{2}\\s*-\\s*\\d{2}:\\d{2}$" })
    }
}

/// A page of the web.
#[derive(Clone, Debug)]
pub(super) struct WebAddress(pub Url);

impl Read for WebAddress {
    fn read(value: &Value<'_>, key: &str, reader: &mut Reader<'_>) -> Option<Self> {
        let text = reader.string(
            value,
            key,
            "an address in quotes, as \"https://example.org\"",
        )?;
        match Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {
                Some(WebAddress(url))
            }
            _ => {
                let message = "is not a URL with `http://` or `https://` and a host";
                reader.error(value, key, message);
                None
            }
        }
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "uri" })
    }
}

const UTM: [&str; 6] = ["source", "medium", "campaign", "term", "content", "id"];

/// Parameters of links by their names without `utm_`.
#[derive(Clone, Debug)]
pub(super) struct Utm(pub Vec<(String, String)>);

impl Read for Utm {
    fn read(value: &Value<'_>, key: &str, reader: &mut Reader<'_>) -> Option<Self> {
        let Some(table) = value.get_ref().as_table() else {
            reader.wrong_type(value, key, "a table, as { source = \"jarchi\" }");
            return None;
        };
        let mut given = BTreeMap::new();
        for (name, value) in table {
            let name = name.get_ref().as_ref();
            let own = join(key, name);
            let place = reader.place(value, &own);
            reader.places.insert(own.clone(), place);
            if !UTM.contains(&name) {
                let help = name
                    .strip_prefix("utm_")
                    .filter(|rest| UTM.contains(rest))
                    .map(|rest| format!("write `{rest}`"))
                    .or_else(|| did_you_mean(name, UTM));
                let message = format!("`{name}` is none of `{}`", UTM.join("`, `"));
                reader.error_with_help(value, &own, message, help);
                continue;
            }
            if let Some(text) = String::read(value, &own, reader) {
                given.insert(name.to_owned(), text);
            }
        }
        let ordered = UTM.iter().filter_map(|name| {
            let text = given.remove(*name)?;
            Some((format!("utm_{name}"), text))
        });
        Some(Utm(ordered.collect()))
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "additionalProperties": { "type": "string" } })
    }
}

/// Numbers by measure.
#[derive(Clone, Debug)]
pub(super) struct Targets(pub BTreeMap<Measure, u64>);

impl Read for Targets {
    fn read(value: &Value<'_>, key: &str, reader: &mut Reader<'_>) -> Option<Self> {
        let Some(table) = value.get_ref().as_table() else {
            reader.wrong_type(value, key, "a table, as { clicks = 500 }");
            return None;
        };
        let mut targets = BTreeMap::new();
        for (name, value) in table {
            let own = join(key, name.get_ref());
            let place = reader.place(value, &own);
            reader.places.insert(own.clone(), place);
            let measure = match name.get_ref().parse::<Measure>() {
                Ok(measure) => measure,
                Err(error) => {
                    reader.error(value, &own, error.to_string());
                    continue;
                }
            };
            // A platform's own measure may have any name; one that is nearly a known one
            // is meant to be that.
            if let Measure::Other(name) = &measure
                && let Some(help) = did_you_mean(name, Measure::known())
            {
                let warning = Diagnostic::warning(format!("no stock plugin counts `{name}`"));
                reader.finding(warning.help(help), value, &own);
            }
            let number = super::values::Whole::<1, { i64::MAX as u64 }>::read(value, &own, reader);
            targets.extend(number.map(|number| (measure, number.0)));
        }
        Some(Targets(targets))
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "additionalProperties": { "type": "integer", "minimum": 1 },
        })
    }
}
