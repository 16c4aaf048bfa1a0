//! What is counted.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Timestamp;

/// What is counted, in the trade's words.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Measure {
    Impressions,
    Views,
    Reach,
    Likes,
    Comments,
    Shares,
    Quotes,
    Saves,
    Clicks,
    /// Milliseconds.
    WatchTime,
    Followers,
    Following,
    Posts,
    /// A platform's own, `a-z 0-9 -`.
    Other(String),
}

/// In this order they are numbered in the store: new ones go to the end.
const NAMES: [(Measure, &str); 13] = [
    (Measure::Impressions, "impressions"),
    (Measure::Views, "views"),
    (Measure::Reach, "reach"),
    (Measure::Likes, "likes"),
    (Measure::Comments, "comments"),
    (Measure::Shares, "shares"),
    (Measure::Quotes, "quotes"),
    (Measure::Saves, "saves"),
    (Measure::Clicks, "clicks"),
    (Measure::WatchTime, "watch-time"),
    (Measure::Followers, "followers"),
    (Measure::Following, "following"),
    (Measure::Posts, "posts"),
];

impl Measure {
    pub fn name(&self) -> &str {
        if let Measure::Other(name) = self {
            return name;
        }
        NAMES
            .iter()
            .find(|(measure, _)| measure == self)
            .map_or("", |(_, name)| name)
    }
}

impl Measure {
    /// The names that every platform shares.
    pub fn known() -> impl Iterator<Item = &'static str> + Clone {
        NAMES.iter().map(|(_, name)| *name)
    }

    /// Its number in the store, from 1; none for a platform's own.
    pub fn code(&self) -> Option<u8> {
        let at = NAMES.iter().position(|(measure, _)| measure == self)?;
        u8::try_from(at + 1).ok()
    }

    /// The measure of a number that [`Measure::code`] gave.
    pub fn of_code(code: u8) -> Option<Measure> {
        let at = usize::from(code).checked_sub(1)?;
        NAMES.get(at).map(|(measure, _)| measure.clone())
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a name of a measure: 1 to 40 of a-z, 0-9 and -")]
pub struct ParseMeasureError(String);

impl FromStr for Measure {
    type Err = ParseMeasureError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        if let Some((measure, _)) = NAMES.iter().find(|(_, known)| *known == name) {
            return Ok(measure.clone());
        }
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if name.is_empty() || name.len() > 40 || !name.bytes().all(plain) {
            return Err(ParseMeasureError(name.to_owned()));
        }
        Ok(Measure::Other(name.to_owned()))
    }
}

impl Serialize for Measure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Measure {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metric {
    pub measure: Measure,
    pub value: i64,
}

/// One reading of a post or an account. What the platform does not count is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    pub at: Timestamp,
    pub metrics: Vec<Metric>,
}

impl Sample {
    /// The number of this measure; none where the platform did not tell.
    pub fn get(&self, measure: &Measure) -> Option<i64> {
        let metric = self.metrics.iter().find(|one| one.measure == *measure)?;
        Some(metric.value)
    }
}
