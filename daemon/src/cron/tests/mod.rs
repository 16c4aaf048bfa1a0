mod dst;
mod expressions;
mod misfire;
mod model;
mod slots;

use chrono::{NaiveDateTime, TimeZone};
use chrono_tz::Tz;

use super::Cron;
use crate::model::Timestamp;

/// RFC 3339, with or without seconds, in UTC where it says nothing else.
fn at(text: &str) -> Timestamp {
    let minutes = text.strip_suffix('Z').unwrap_or(text);
    match NaiveDateTime::parse_from_str(minutes, "%Y-%m-%dT%H:%M") {
        Ok(local) => local.and_utc().into(),
        Err(_) => text.parse().unwrap(),
    }
}

fn local(text: &str, zone: Tz) -> Timestamp {
    let local = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M").unwrap();
    zone.from_local_datetime(&local)
        .earliest()
        .unwrap()
        .to_utc()
        .into()
}

/// The fires in `(after, until]`, with their offsets.
fn fires(expression: &str, zone: Tz, after: &str, until: &str) -> Vec<String> {
    let cron = Cron::parse(expression).unwrap();
    let until = local(until, zone);
    let mut all = Vec::new();
    let mut last = local(after, zone);
    while let Some(next) = cron.next_after(last, zone) {
        assert!(next > last, "{expression}: {next} does not follow {last}");
        if next > until {
            break;
        }
        let shown = next.to_utc().with_timezone(&zone);
        all.push(shown.format("%d %H:%M%z").to_string());
        last = next;
    }
    all
}
