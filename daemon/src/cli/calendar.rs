//! `jarchi calendar`.

use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use comfy_table::{ContentArrangement, Table, presets};
use icalendar::{Component as _, Event, EventLike as _, EventStatus};

use crate::service::api::{Calendar, CalendarEntry, Request};

use super::client::Context;
use super::output::{Failure, print};
use super::plan::ratio;

/// A week: accounts and days, with what is planned, waits and went out
#[derive(Clone, Debug, clap::Args)]
pub struct CalendarArgs {
    /// The week of this day, as 2026-11-24; without it this one
    #[arg(long, value_name = "DATE")]
    week: Option<NaiveDate>,
    /// Only this brand
    #[arg(long)]
    brand: Option<String>,
    /// Write it into a file that calendar programs read
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    ical: Option<PathBuf>,
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(context: &Context, args: &CalendarArgs) -> Result<(), Failure> {
    let weeks: Vec<Calendar> = context.call(&Request::Calendar {
        week: args.week.map(|day| day.to_string()),
        brand: args.brand.clone(),
    })?;
    if let Some(file) = &args.ical {
        write(file, &ical(&weeks))?;
        if !args.json {
            return Ok(());
        }
    }
    print(&weeks, args.json, |weeks| {
        weeks.iter().map(grid).collect::<Vec<_>>().join("\n")
    })
}

fn write(file: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(file, text)
        .map_err(|error| Failure::failed(format!("{}: {error}", file.display())))
}

/// Characters of a post's text in a cell.
const WORDS: usize = 40;

fn grid(week: &Calendar) -> String {
    let mut table = Table::new();
    table
        .load_preset(presets::UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic);
    let days = week
        .days
        .iter()
        .map(|day| day.date.format("%a %d.%m.").to_string());
    table.set_header(std::iter::once(String::new()).chain(days));
    for account in &week.accounts {
        let cells = week.days.iter().map(|day| {
            let own = day.entries.iter().filter(|one| one.account == *account);
            own.map(cell).collect::<Vec<_>>().join("\n")
        });
        table.add_row(std::iter::once(account.clone()).chain(cells));
    }
    format!(
        "{} ({}); in the window that ends with the week {}\n{table}\n",
        week.brand,
        week.time_zone,
        ratio(&week.ratio)
    )
}

/// `09:00 tips [waiting, plan 12] First words`.
fn cell(entry: &CalendarEntry) -> String {
    let number = entry
        .planned
        .map(|id| format!(", plan {id}"))
        .unwrap_or_default();
    let mut text = format!("{} ", entry.time);
    if let Some(pillar) = &entry.pillar {
        text.push_str(&format!("{pillar} "));
    }
    text.push_str(&format!("[{}{number}]", entry.state));
    let words = entry.text.as_ref().or(entry.note.as_ref());
    if let Some(words) = words.filter(|words| !words.is_empty()) {
        let short: String = words.chars().take(WORDS).collect();
        let more = if short.len() < words.len() { "…" } else { "" };
        text.push_str(&format!(" {short}{more}"));
    }
    text
}

/// How long an entry is in a calendar program: posts have no length, and what has none is
/// not shown well.
const MINUTES: i64 = 15;

/// RFC 5545.
fn ical(weeks: &[Calendar]) -> String {
    let mut calendar = icalendar::Calendar::new();
    calendar.name("Jarchi");
    for week in weeks {
        let entries = week.days.iter().flat_map(|day| &day.entries);
        for entry in entries {
            calendar.push(event(week, entry));
        }
    }
    calendar.done().to_string()
}

fn event(week: &Calendar, entry: &CalendarEntry) -> Event {
    let begins = entry.at.to_utc();
    let number = match (entry.delivery, entry.planned) {
        (Some(id), _) => format!("delivery-{id}"),
        (None, Some(id)) => format!("plan-{id}-{}", entry.account),
        (None, None) => format!("{}-{}", entry.at.0, entry.account),
    };
    let what = entry.text.as_ref().or(entry.pillar.as_ref());
    let mut words = vec![format!("{}: {}", week.brand, entry.state)];
    words.extend(entry.pillar.as_ref().map(|name| format!("pillar {name}")));
    words.extend(
        entry
            .campaign
            .as_ref()
            .map(|name| format!("campaign {name}")),
    );
    words.extend(entry.note.clone());
    words.extend(entry.text.clone());
    let mut event = Event::new();
    event
        .uid(&format!("{number}@jarchi"))
        // The same for the same entry: a file that did not change is the same file.
        .timestamp(begins)
        .starts(begins)
        .ends(begins + chrono::TimeDelta::minutes(MINUTES))
        .summary(&format!(
            "{}: {}",
            entry.account,
            what.map_or("planned", String::as_str)
        ))
        .description(&words.join("\n"))
        .status(match entry.state.as_str() {
            "cancelled" | "failed" | "missed" => EventStatus::Cancelled,
            "planned" => EventStatus::Tentative,
            _ => EventStatus::Confirmed,
        });
    if let Some(url) = &entry.url {
        event.url(url);
    }
    event.done()
}
