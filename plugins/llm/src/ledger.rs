//! What the day has cost: tokens and money, reserved before a request and settled after.
//!
//! The reservation is on disk before the request leaves. A run that is cut off in between
//! has spent what it reserved: more than it did, never less.

use chrono::{Days, NaiveDate, NaiveTime, TimeDelta, TimeZone};
use chrono_tz::Tz;
use jarchi_plugin_sdk::generator::Brief;
use jarchi_plugin_sdk::{Error, Millis, Result, Timestamp, kv};
use serde::{Deserialize, Serialize};

use crate::settings::Budget;

/// Days that are remembered.
const KEPT: usize = 31;

/// Before each day's key.
const PREFIX: &str = "day/";

/// One day's sums.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Day {
    /// Requests that were sent.
    pub requests: u64,
    /// Tokens that were read, as told by the endpoint or estimated.
    pub tokens_in: u64,
    /// Tokens that were written.
    pub tokens_out: u64,
    /// In millionths of a millionth of the currency's unit.
    pub money: u64,
}

/// Tokens of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tokens {
    pub(crate) read: u64,
    pub(crate) written: u64,
}

impl Tokens {
    pub(crate) const NONE: Tokens = Tokens {
        read: 0,
        written: 0,
    };
}

/// Why no request is made.
#[derive(Debug)]
pub(crate) enum Refused {
    /// In words, and until the next day (milliseconds).
    Spent(String, Millis),
    Error(Error),
}

pub(crate) struct Ledger<'a> {
    budget: &'a Budget,
    key: String,
    /// Until the day ends (milliseconds).
    left: Millis,
    day: Day,
}

impl<'a> Ledger<'a> {
    /// # Errors
    /// The memory can't be read.
    pub(crate) fn open(budget: &'a Budget, brief: &Brief) -> Result<Self> {
        let (date, left) = today(&brief.time_zone, brief.now);
        let key = format!("{PREFIX}{date}");
        let day = kv::get(&key)?.unwrap_or_default();
        Ok(Ledger {
            budget,
            key,
            left,
            day,
        })
    }

    fn price(&self, tokens: Tokens) -> u64 {
        let read = tokens.read.saturating_mul(self.budget.price_in);
        read.saturating_add(tokens.written.saturating_mul(self.budget.price_out))
    }

    /// Takes the most that a request can cost out of the day's budget; on disk when it
    /// returns.
    pub(crate) fn reserve(&mut self, worst: Tokens) -> Result<(), Refused> {
        let money = self.day.money.saturating_add(self.price(worst));
        let tokens = (self.day.tokens_in + self.day.tokens_out)
            .saturating_add(worst.read)
            .saturating_add(worst.written);
        if let Some(most) = self.budget.money.filter(|most| money > *most) {
            let currency = &self.budget.currency;
            return Err(self.spent(format!(
                "today's budget of {} {currency} does not allow another request: {} are spent, \
                 and it could cost {}",
                decimal(most),
                decimal(self.day.money),
                decimal(self.price(worst)),
            )));
        }
        if let Some(most) = self.budget.tokens.filter(|most| tokens > *most) {
            return Err(self.spent(format!(
                "today's budget of {most} tokens does not allow another request: {} are spent, \
                 and it could take {}",
                self.day.tokens_in + self.day.tokens_out,
                worst.read.saturating_add(worst.written),
            )));
        }
        self.add(worst, 1);
        self.keep().map_err(Refused::Error)
    }

    fn spent(&self, reason: String) -> Refused {
        Refused::Spent(
            format!("{reason}; raise `budget_per_day` or `tokens_per_day`, or wait for tomorrow"),
            self.left,
        )
    }

    /// Puts what was used in the place of what was reserved.
    ///
    /// # Errors
    /// The memory can't be written: then the reservation stands.
    pub(crate) fn settle(&mut self, reserved: Tokens, used: Tokens) -> Result<()> {
        let money = self.price(reserved);
        self.day.tokens_in = self.day.tokens_in.saturating_sub(reserved.read);
        self.day.tokens_out = self.day.tokens_out.saturating_sub(reserved.written);
        self.day.money = self.day.money.saturating_sub(money);
        self.add(used, 0);
        self.keep()
    }

    fn add(&mut self, tokens: Tokens, requests: u64) {
        let money = self.price(tokens);
        self.day.requests += requests;
        self.day.tokens_in = self.day.tokens_in.saturating_add(tokens.read);
        self.day.tokens_out = self.day.tokens_out.saturating_add(tokens.written);
        self.day.money = self.day.money.saturating_add(money);
    }

    fn keep(&self) -> Result<()> {
        kv::set(&self.key, &self.day)?;
        let days = kv::keys(PREFIX)?;
        for old in days.iter().rev().skip(KEPT) {
            kv::delete(old)?;
        }
        Ok(kv::commit()?)
    }

    /// The day so far, for people.
    pub(crate) fn told(&self) -> String {
        let Day {
            requests,
            tokens_in,
            tokens_out,
            money,
        } = &self.day;
        format!(
            "today so far: {requests} requests, {tokens_in} tokens read, {tokens_out} written, {} {}",
            decimal(*money),
            self.budget.currency
        )
    }
}

/// A sum for people: six decimals, rounded up as spending is, without zeros at the end.
fn decimal(money: u64) -> String {
    let micros = money.div_ceil(1_000_000);
    let text = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
    let text = text.trim_end_matches('0');
    match text.strip_suffix('.') {
        Some(whole) => whole.to_owned(),
        None => text.to_owned(),
    }
}

/// The date in the zone, and how long the day still is. An unknown zone is UTC.
fn today(zone: &str, now: Timestamp) -> (NaiveDate, Millis) {
    let zone: Tz = zone.parse().unwrap_or(Tz::UTC);
    let moment = i64::try_from(now)
        .ok()
        .and_then(|now| zone.timestamp_millis_opt(now).single());
    let Some(moment) = moment else {
        return (NaiveDate::default(), 86_400_000);
    };
    let date = moment.date_naive();
    // Where the clocks skip midnight, the day begins an hour later.
    let next = (0..4_i64).find_map(|hours| {
        let midnight = date
            .checked_add_days(Days::new(1))?
            .and_time(NaiveTime::MIN);
        let local = midnight.checked_add_signed(TimeDelta::hours(hours))?;
        zone.from_local_datetime(&local).earliest()
    });
    let left = next.map_or(86_400_000, |next| (next - moment).num_milliseconds());
    (date, u64::try_from(left).unwrap_or(0).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_end_by_the_brands_clock() {
        let at = |text: &str| jarchi_plugin_sdk::time::parse_rfc3339(text).unwrap_or_default();
        for (zone, now, date, left) in [
            ("Asia/Baku", "2026-11-24T19:59:59Z", "2026-11-24", 1000),
            (
                "Asia/Baku",
                "2026-11-24T20:00:00Z",
                "2026-11-25",
                86_400_000,
            ),
            ("UTC", "2026-11-24T08:00:00Z", "2026-11-24", 16 * 3_600_000),
            // The day on which the clocks go back has 25 hours.
            (
                "Europe/Berlin",
                "2026-10-24T22:00:00Z",
                "2026-10-25",
                25 * 3_600_000,
            ),
            // Midnight is skipped: the day begins at one o'clock.
            (
                "America/Asuncion",
                "2023-09-30T23:00:00-04:00",
                "2023-09-30",
                3_600_000,
            ),
            (
                "Nowhere/Else",
                "2026-11-24T08:00:00Z",
                "2026-11-24",
                16 * 3_600_000,
            ),
        ] {
            let (found, rest) = today(zone, at(now));
            assert_eq!(
                (found.to_string().as_str(), rest),
                (date, left),
                "{zone} {now}"
            );
        }
    }

    #[test]
    fn sums_for_people() {
        for (money, text) in [
            (0, "0"),
            (1, "0.000001"),
            (1_500_000_000_000, "1.5"),
            (1_500_000_000_001, "1.500001"),
            (20_000_000_000_000, "20"),
        ] {
            assert_eq!(decimal(money), text);
        }
    }
}
