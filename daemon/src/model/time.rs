//! Moments and spans of time, in milliseconds, as the store and the plugins keep them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeZone, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Milliseconds since 1970-01-01T00:00:00Z. RFC 3339 in JSON, a number in the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub u64);

impl Timestamp {
    pub const MAX: Timestamp = Timestamp(253_402_300_799_999);

    pub const fn millis(self) -> u64 {
        self.0
    }

    /// The moment in UTC; the end of the year 9999 where it lies beyond it.
    pub fn to_utc(self) -> DateTime<Utc> {
        let millis = self.0.min(Self::MAX.0) as i64;
        Utc.timestamp_millis_opt(millis)
            .single()
            .unwrap_or(DateTime::<Utc>::UNIX_EPOCH)
    }

    pub fn saturating_add(self, span: TimeSpan) -> Timestamp {
        Timestamp(self.0.saturating_add(span.0).min(Self::MAX.0))
    }

    pub fn saturating_sub(self, span: TimeSpan) -> Timestamp {
        Timestamp(self.0.saturating_sub(span.0))
    }

    /// How long after `earlier` this is; nothing where it is not.
    pub fn since(self, earlier: Timestamp) -> TimeSpan {
        TimeSpan(self.0.saturating_sub(earlier.0))
    }
}

impl From<DateTime<Utc>> for Timestamp {
    /// Moments before 1970 become 1970.
    fn from(moment: DateTime<Utc>) -> Self {
        Timestamp(u64::try_from(moment.timestamp_millis()).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let style = if self.0.is_multiple_of(1000) {
            SecondsFormat::Secs
        } else {
            SecondsFormat::Millis
        };
        f.write_str(&self.to_utc().to_rfc3339_opts(style, true))
    }
}

impl FromStr for Timestamp {
    type Err = chrono::ParseError;

    /// RFC 3339, with its zone.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(DateTime::parse_from_rfc3339(text)?
            .with_timezone(&Utc)
            .into())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_u64(self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            String::deserialize(deserializer)?
                .parse()
                .map_err(serde::de::Error::custom)
        } else {
            u64::deserialize(deserializer).map(Timestamp)
        }
    }
}

/// A length of time in milliseconds. Written `90s`, `15min`, `2h`, `7d`, `1h30min`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeSpan(pub u64);

impl TimeSpan {
    pub const ZERO: TimeSpan = TimeSpan(0);

    pub const fn from_secs(seconds: u64) -> Self {
        TimeSpan(seconds * 1000)
    }
    pub const fn from_mins(minutes: u64) -> Self {
        Self::from_secs(minutes * 60)
    }
    pub const fn from_hours(hours: u64) -> Self {
        Self::from_mins(hours * 60)
    }
    pub const fn from_days(days: u64) -> Self {
        Self::from_hours(days * 24)
    }
    pub const fn millis(self) -> u64 {
        self.0
    }
    pub const fn to_std(self) -> Duration {
        Duration::from_millis(self.0)
    }
    pub fn from_std(duration: Duration) -> Self {
        TimeSpan(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    }
}

const UNITS: [(&str, u64); 6] = [
    ("w", 604_800_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("min", 60_000),
    ("s", 1000),
    ("ms", 1),
];

impl fmt::Display for TimeSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut left = self.0;
        // Weeks read worse than days.
        for (unit, size) in &UNITS[1..] {
            if left >= *size {
                write!(f, "{}{unit}", left / size)?;
                left %= size;
            }
        }
        Ok(())
    }
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "`{0}` is not a length of time: write a number and ms, s, min, h, d or w, as `15min` or `1h30min`"
)]
pub struct ParseTimeSpanError(pub String);

impl FromStr for TimeSpan {
    type Err = ParseTimeSpanError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ParseTimeSpanError(text.to_owned());
        let mut rest = text.trim();
        let mut total = 0u64;
        if rest.is_empty() {
            return Err(wrong());
        }
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (number, tail) = rest.split_at(digits);
            let tail = tail.trim_start();
            let letters = tail.bytes().take_while(u8::is_ascii_alphabetic).count();
            let (unit, tail) = tail.split_at(letters);
            let number: u64 = number.parse().map_err(|_| wrong())?;
            let size = match unit {
                "m" => 60_000,
                _ => UNITS
                    .iter()
                    .find(|(name, _)| *name == unit)
                    .map(|(_, size)| *size)
                    .ok_or_else(wrong)?,
            };
            total = number
                .checked_mul(size)
                .and_then(|part| total.checked_add(part))
                .ok_or_else(wrong)?;
            rest = tail.trim_start();
        }
        Ok(TimeSpan(total))
    }
}

impl Serialize for TimeSpan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_u64(self.0)
        }
    }
}

impl<'de> Deserialize<'de> for TimeSpan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            String::deserialize(deserializer)?
                .parse()
                .map_err(serde::de::Error::custom)
        } else {
            u64::deserialize(deserializer).map(TimeSpan)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_as_they_are_written() {
        for (text, millis) in [
            ("250ms", 250),
            ("90s", 90_000),
            ("15min", 900_000),
            ("1h30min", 5_400_000),
            ("1h 30m", 5_400_000),
            ("7d", 604_800_000),
            ("2w", 1_209_600_000),
        ] {
            assert_eq!(text.parse(), Ok(TimeSpan(millis)), "{text}");
        }
        assert_eq!(TimeSpan(5_400_000).to_string(), "1h30min");
        for text in ["", "5", "h", "1 fortnight", "-1s", "99999999999999999999s"] {
            assert!(text.parse::<TimeSpan>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_moment_without_a_zone_is_refused() {
        assert!("2026-11-24T09:00:00".parse::<Timestamp>().is_err());
        let baku: Timestamp = "2026-11-24T09:00:00+04:00".parse().unwrap();
        assert_eq!(baku.to_string(), "2026-11-24T05:00:00Z");
    }
}
