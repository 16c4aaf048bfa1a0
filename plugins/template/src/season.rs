//! When a row or a template may be posted: ranges of dates, of this year or of every year,
//! weekdays and months.

use chrono::{Datelike, NaiveDate, Weekday};
use serde_json::{Map, Value as Json};

/// All that is empty is "always".
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Season {
    ranges: Vec<Range>,
    from: Option<NaiveDate>,
    until: Option<NaiveDate>,
    weekdays: Vec<Weekday>,
    months: Vec<u32>,
}

/// Both ends count.
#[derive(Clone, Debug, PartialEq)]
enum Range {
    Once(NaiveDate, NaiveDate),
    /// Month and day; one that ends before it begins goes over the new year.
    Yearly((u32, u32), (u32, u32)),
}

pub(crate) const KEYS: [&str; 5] = ["season", "weekdays", "months", "valid_from", "valid_until"];

impl Season {
    /// The columns `valid_from`, `valid_until`, `season`, `weekdays` and `months`.
    ///
    /// # Errors
    /// One of them is not what it should be; in words.
    pub(crate) fn of_row(columns: &Map<String, Json>) -> Result<Self, String> {
        let mut season = Season::default();
        for key in KEYS {
            if let Some(value) = columns.get(key) {
                season
                    .set(key, value)
                    .map_err(|message| format!("`{key}`: {message}"))?;
            }
        }
        Ok(season)
    }

    /// # Errors
    /// The value is not what the key takes; in words.
    pub(crate) fn set(&mut self, key: &str, value: &Json) -> Result<(), String> {
        let words = words(value)?;
        match key {
            "season" => {
                self.ranges = words
                    .iter()
                    .map(|word| range(word))
                    .collect::<Result<_, _>>()?
            }
            "weekdays" => {
                self.weekdays = words
                    .iter()
                    .map(|word| weekday(word))
                    .collect::<Result<_, _>>()?;
            }
            "months" => {
                self.months = words
                    .iter()
                    .map(|word| month(word))
                    .collect::<Result<_, _>>()?
            }
            "valid_from" => self.from = words.first().map(|word| date(word)).transpose()?,
            _ => self.until = words.first().map(|word| date(word)).transpose()?,
        }
        if let (Some(from), Some(until)) = (self.from, self.until)
            && until < from
        {
            return Err(format!("{until} is before {from}"));
        }
        Ok(())
    }

    /// Whether the day lies in the season; weekdays are another matter.
    pub(crate) fn has_day(&self, day: NaiveDate) -> bool {
        let in_ranges = self.ranges.is_empty() || self.ranges.iter().any(|range| range.has(day));
        in_ranges
            && self.from.is_none_or(|from| from <= day)
            && self.until.is_none_or(|until| day <= until)
            && (self.months.is_empty() || self.months.contains(&day.month()))
    }

    /// Whether it may be posted on the day.
    pub(crate) fn allows(&self, day: NaiveDate) -> bool {
        self.has_day(day) && (self.weekdays.is_empty() || self.weekdays.contains(&day.weekday()))
    }
}

impl Range {
    fn has(&self, day: NaiveDate) -> bool {
        match self {
            Range::Once(from, until) => (*from..=*until).contains(&day),
            Range::Yearly(from, until) => {
                let day = (day.month(), day.day());
                if from <= until {
                    *from <= day && day <= *until
                } else {
                    *from <= day || day <= *until
                }
            }
        }
    }
}

/// A list, or words with commas, semicolons or blanks between them.
fn words(value: &Json) -> Result<Vec<String>, String> {
    let split = |text: &str| -> Vec<String> {
        text.split([',', ';', ' '])
            .filter(|word| !word.is_empty())
            .map(str::to_lowercase)
            .collect()
    };
    match value {
        Json::Null => Ok(Vec::new()),
        Json::String(text) => Ok(split(text)),
        Json::Number(number) => Ok(vec![number.to_string()]),
        Json::Array(items) => {
            let mut all = Vec::new();
            for item in items {
                match item {
                    Json::String(text) => all.extend(split(text)),
                    Json::Number(number) => all.push(number.to_string()),
                    _ => return Err(format!("`{item}` is no word")),
                }
            }
            Ok(all)
        }
        other => Err(format!("`{other}` is neither a word nor a list of words")),
    }
}

fn date(word: &str) -> Result<NaiveDate, String> {
    NaiveDate::parse_from_str(word, "%Y-%m-%d")
        .map_err(|_| format!("`{word}` is not a date: write it as 2026-12-31"))
}

fn month_day(word: &str) -> Option<(u32, u32)> {
    let (month, day) = word.split_once('-')?;
    let (month, day) = (month.parse().ok()?, day.parse().ok()?);
    // In a leap year every day is there.
    NaiveDate::from_ymd_opt(2024, month, day).map(|_| (month, day))
}

fn range(word: &str) -> Result<Range, String> {
    let wrong = || {
        format!(
            "`{word}` is no season: write 2026-12-01..2026-12-31, or 12-20..01-05 for every year"
        )
    };
    let (from, until) = word.split_once("..").unwrap_or((word, word));
    if let (Some(from), Some(until)) = (month_day(from), month_day(until)) {
        return Ok(Range::Yearly(from, until));
    }
    let (from, until) = (
        date(from).map_err(|_| wrong())?,
        date(until).map_err(|_| wrong())?,
    );
    if until < from {
        return Err(format!("the season `{word}` ends before it begins"));
    }
    Ok(Range::Once(from, until))
}

fn weekday(word: &str) -> Result<Weekday, String> {
    word.parse()
        .map_err(|_| format!("`{word}` is no weekday: write mon, tue, wed, thu, fri, sat or sun"))
}

fn month(word: &str) -> Result<u32, String> {
    let number = word
        .parse::<u32>()
        .ok()
        .filter(|number| (1..=12).contains(number));
    number
        .or_else(|| {
            word.parse::<chrono::Month>()
                .ok()
                .map(|month| month.number_from_month())
        })
        .ok_or_else(|| format!("`{word}` is no month: write 1 to 12, or jan to dec"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn season(columns: &Json) -> Result<Season, String> {
        Season::of_row(columns.as_object().unwrap())
    }

    #[test]
    fn days_in_and_out_of_season() {
        for (columns, days_in, days_out) in [
            (json!({}), vec!["2026-01-01", "2028-02-29"], vec![]),
            (
                json!({ "season": "12-20..01-05" }),
                vec!["2026-12-20", "2026-12-31", "2027-01-01", "2027-01-05"],
                vec!["2026-12-19", "2027-01-06", "2026-07-01"],
            ),
            (
                json!({ "season": ["03-20..03-24", "2026-05-28"] }),
                vec!["2026-03-20", "2031-03-24", "2026-05-28"],
                vec!["2026-03-19", "2026-03-25", "2027-05-28"],
            ),
            (
                json!({ "season": "02-29" }),
                vec!["2028-02-29"],
                vec!["2027-02-28", "2027-03-01"],
            ),
            (
                json!({ "valid_from": "2026-06-01", "valid_until": "2026-06-30", "weekdays": "mon, Friday" }),
                vec!["2026-06-01", "2026-06-05"],
                vec!["2026-06-02", "2026-05-29", "2026-07-03"],
            ),
            (
                json!({ "months": [6, "jul"], "weekdays": "" }),
                vec!["2026-06-02", "2026-07-31"],
                vec!["2026-08-01"],
            ),
        ] {
            let season = season(&columns).unwrap();
            for (days, expected) in [(days_in, true), (days_out, false)] {
                for day in days {
                    assert_eq!(
                        season.allows(date(day).unwrap()),
                        expected,
                        "{columns} {day}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_is_no_season() {
        for (columns, words) in [
            (
                json!({ "season": "winter" }),
                "`season`: `winter` is no season",
            ),
            (json!({ "season": "13-01..01-05" }), "is no season"),
            (json!({ "season": "02-30" }), "is no season"),
            (
                json!({ "season": "2026-12-31..2026-12-01" }),
                "ends before it begins",
            ),
            (
                json!({ "valid_from": "31.12.2026" }),
                "`valid_from`: `31.12.2026` is not a date",
            ),
            (
                json!({ "valid_from": "2026-02-01", "valid_until": "2026-01-01" }),
                "`valid_until`: 2026-01-01 is before 2026-02-01",
            ),
            (json!({ "weekdays": "moonday" }), "is no weekday"),
            (json!({ "months": 13 }), "is no month"),
            (json!({ "months": true }), "neither a word nor a list"),
        ] {
            let error = season(&columns).unwrap_err();
            assert!(error.contains(words), "{columns}: {error}");
        }
    }
}
