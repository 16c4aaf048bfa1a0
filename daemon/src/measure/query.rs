//! Questions about the numbers of many posts.
//!
//! [`posts`] shows each published post with its numbers, as they are now or as they were at an
//! age; [`table`] groups them and sums up. Both read one small record for each post, and no
//! series. What a platform did not tell is missing and counts nowhere: a mean is one of the
//! posts that have the number.
//!
//! For the single readings of one post or account there is [`crate::store::View::samples`].

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use chrono::{Datelike as _, Timelike as _};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::engagement::{Base, engagement_rate, interactions};
use crate::config::{Account, Config};
use crate::model::{Measure, MediaKind, Sample, TimeSpan, Timestamp};
use crate::store::{PostNumbers, StoreError, View};

/// Which posts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// Published from then on.
    pub from: Timestamp,
    /// Published before then.
    pub to: Timestamp,
    /// Empty: of all accounts, those that are not configured any more as well.
    pub accounts: Vec<String>,
    /// Of one brand's accounts.
    pub brand: Option<String>,
    /// The numbers at this age: the first reading at or after it, if it is not later than half
    /// as late again. None: the latest reading.
    pub at_age: Option<TimeSpan>,
}

impl Default for Scope {
    fn default() -> Self {
        Scope {
            from: Timestamp(0),
            to: Timestamp::MAX,
            accounts: Vec::new(),
            brand: None,
            at_age: None,
        }
    }
}

/// A published post on one account, with its numbers.
#[derive(Clone, Copy, Debug)]
pub struct MeasuredPost<'a> {
    pub record: &'a PostNumbers,
    /// None: it is not configured any more.
    pub account: Option<&'a Account>,
    /// Its brand's; UTC where that is not known.
    pub zone: Tz,
    /// The reading that was asked for; none where there is none.
    pub sample: Option<&'a Sample>,
}

impl MeasuredPost<'_> {
    /// A number of it; a rate is a part of one: 0.031 is 3.1 %.
    pub fn get(&self, number: &Number) -> Option<f64> {
        let sample = self.sample?;
        let followers = self.record.followers;
        match number {
            Number::Count(measure @ Measure::Followers) => {
                sample.get(measure).or(followers).map(|count| count as f64)
            }
            Number::Count(measure) => sample.get(measure).map(|count| count as f64),
            Number::Interactions => interactions(sample).map(|count| count as f64),
            Number::EngagementRate(base) => {
                let base = base.or_else(|| Base::best(sample, followers))?;
                engagement_rate(sample, followers, base)
            }
        }
    }

    /// What a rate is the part of, to weigh it.
    fn base(&self, number: &Number) -> Option<f64> {
        let Number::EngagementRate(base) = number else {
            return None;
        };
        let sample = self.sample?;
        let followers = self.record.followers;
        let base = base.or_else(|| Base::best(sample, followers))?;
        base.of(sample, followers).map(|count| count as f64)
    }

    /// The hour of the week at which it was published, by its brand's clock.
    pub fn hour_of_week(&self) -> HourOfWeek {
        HourOfWeek::of(self.record.published, self.zone)
    }
}

/// An hour of the week: 0 is Monday from 00:00 to 01:00.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HourOfWeek(pub u8);

impl HourOfWeek {
    pub fn of(at: Timestamp, zone: Tz) -> Self {
        let local = at.to_utc().with_timezone(&zone);
        let hour = local.weekday().num_days_from_monday() * 24 + local.hour();
        HourOfWeek(hour as u8)
    }
}

impl fmt::Display for HourOfWeek {
    /// `mon 09`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
        let day = DAYS.get(usize::from(self.0 / 24)).unwrap_or(&"");
        write!(f, "{day} {:02}", self.0 % 24)
    }
}

/// Shows every post of the scope, account by account, each in the order of time.
///
/// # Errors
/// The store's.
pub fn posts(
    view: View<'_>,
    config: &Config,
    scope: &Scope,
    mut visit: impl FnMut(&MeasuredPost<'_>),
) -> Result<(), StoreError> {
    let Some(last) = scope.to.0.checked_sub(1) else {
        return Ok(());
    };
    let accounts = match scope.accounts.is_empty() {
        true => view.measured_accounts()?,
        false => scope.accounts.clone(),
    };
    for name in accounts {
        let account = config.accounts.get(&name);
        let brand = account.map(|account| account.brand.as_str());
        if scope.brand.is_some() && scope.brand.as_deref() != brand {
            continue;
        }
        let zone = brand
            .and_then(|brand| config.brands.get(brand))
            .map_or(Tz::UTC, |brand| brand.time_zone);
        view.each_post_numbers(&name, scope.from, Timestamp(last), |record| {
            let sample = match scope.at_age {
                Some(age) => record.at_age(age),
                None => record.latest(),
            };
            visit(&MeasuredPost {
                record: &record,
                account,
                zone,
                sample,
            });
        })?;
    }
    Ok(())
}

/// What posts are grouped by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dimension {
    /// Its number: the same words on several accounts are one post.
    Post,
    Account,
    /// The plugin that serves the account.
    Platform,
    Brand,
    Pillar,
    Campaign,
    Generator,
    /// The kind of its first file.
    Media,
    /// A post with several is in several groups.
    Hashtag,
    /// Of its publication, by the brand's clock.
    HourOfWeek,
}

const DIMENSIONS: [(Dimension, &str); 10] = [
    (Dimension::Post, "post"),
    (Dimension::Account, "account"),
    (Dimension::Platform, "platform"),
    (Dimension::Brand, "brand"),
    (Dimension::Pillar, "pillar"),
    (Dimension::Campaign, "campaign"),
    (Dimension::Generator, "generator"),
    (Dimension::Media, "media"),
    (Dimension::Hashtag, "hashtag"),
    (Dimension::HourOfWeek, "hour-of-week"),
];

/// A number of a post.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Number {
    Count(Measure),
    /// See [`interactions`].
    Interactions,
    /// See [`engagement_rate`]; without a base by the best that each post has.
    EngagementRate(Option<Base>),
}

const RATE: &str = "engagement-rate";

impl Number {
    /// A rate is a part of one, the others are counts.
    pub const fn is_rate(&self) -> bool {
        matches!(self, Number::EngagementRate(_))
    }
}

/// Why a word is no name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UnknownName(String);

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = DIMENSIONS.iter().find(|(one, _)| one == self);
        f.write_str(known.map_or("", |(_, name)| name))
    }
}

impl FromStr for Dimension {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let known = DIMENSIONS.iter().find(|(_, name)| *name == text);
        known.map(|(dimension, _)| *dimension).ok_or_else(|| {
            let names: Vec<&str> = DIMENSIONS.iter().map(|(_, name)| *name).collect();
            UnknownName(format!(
                "posts are not grouped by `{text}`; there are: {}",
                names.join(", ")
            ))
        })
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Number::Count(measure) => measure.fmt(f),
            Number::Interactions => f.write_str("interactions"),
            Number::EngagementRate(None) => f.write_str(RATE),
            Number::EngagementRate(Some(base)) => write!(f, "{RATE}-by-{base}"),
        }
    }
}

impl FromStr for Number {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        if text == "interactions" {
            return Ok(Number::Interactions);
        }
        if let Some(rest) = text.strip_prefix(RATE) {
            let base = rest.strip_prefix("-by-").map(str::parse);
            return match (rest, base) {
                ("", _) => Ok(Number::EngagementRate(None)),
                (_, Some(Ok(base))) => Ok(Number::EngagementRate(Some(base))),
                _ => Err(UnknownName(format!(
                    "`{text}` is no engagement rate: it is `{RATE}`, or `{RATE}-by-reach`, \
                     `-by-impressions` or `-by-followers`"
                ))),
            };
        }
        let measure: Measure = text
            .parse()
            .map_err(|error| UnknownName(format!("{error}")))?;
        Ok(Number::Count(measure))
    }
}

/// As texts, in requests and answers.
macro_rules! as_text {
    ($($type:ty),*) => {$(
        impl Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}
as_text!(Dimension, Number);

/// Groups of posts, and what is told of each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Query {
    pub scope: Scope,
    /// None: all posts are one group.
    pub by: Vec<Dimension>,
    pub numbers: Vec<Number>,
}

/// The answer to a [`Query`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Table {
    pub by: Vec<Dimension>,
    pub numbers: Vec<Number>,
    /// In the order of their keys; what belongs nowhere comes first.
    pub rows: Vec<Row>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// By the dimensions; null: no pillar, no campaign, no file …
    pub key: Vec<Option<String>>,
    /// How many there are, with numbers or without.
    pub posts: u64,
    /// Of those, how many the platform has no more.
    pub gone: u64,
    /// By the numbers.
    pub cells: Vec<Cell>,
}

/// What a number came to in a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// Posts that have it.
    pub posts: u64,
    /// Of a count the sum; of a rate that of all together, all interactions by all of the base.
    /// Null where no post has it, as the two below.
    pub total: Option<f64>,
    pub mean: Option<f64>,
    pub median: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    None,
    Number(u64),
    Text(String),
    Hour(HourOfWeek),
}

impl Part {
    fn text(text: Option<&str>) -> Part {
        text.map_or(Part::None, |text| Part::Text(text.to_owned()))
    }

    fn shown(&self) -> Option<String> {
        match self {
            Part::None => None,
            Part::Number(number) => Some(number.to_string()),
            Part::Text(text) => Some(text.clone()),
            Part::Hour(hour) => Some(hour.to_string()),
        }
    }
}

fn parts(post: &MeasuredPost<'_>, by: Dimension) -> Vec<Part> {
    let record = post.record;
    vec![match by {
        Dimension::Post => Part::Number(record.post.0),
        Dimension::Account => Part::Text(record.account.clone()),
        Dimension::Platform => Part::text(post.account.map(|one| one.plugin.as_str())),
        Dimension::Brand => Part::text(post.account.map(|one| one.brand.as_str())),
        Dimension::Pillar => Part::text(record.pillar.as_deref()),
        Dimension::Campaign => Part::text(record.campaign.as_deref()),
        Dimension::Generator => Part::text(record.generator.as_deref()),
        Dimension::Media => Part::text(record.media.map(media_name)),
        Dimension::HourOfWeek => Part::Hour(post.hour_of_week()),
        Dimension::Hashtag if record.hashtags.is_empty() => Part::None,
        Dimension::Hashtag => {
            let tags = record.hashtags.iter();
            return tags.map(|tag| Part::Text(tag.clone())).collect();
        }
    }]
}

const fn media_name(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Image => "image",
        MediaKind::Gif => "gif",
        MediaKind::Video => "video",
        MediaKind::Audio => "audio",
        MediaKind::Document => "document",
    }
}

#[derive(Default)]
struct Group {
    posts: u64,
    gone: u64,
    /// By the numbers: what the posts have, and of rates their bases.
    found: Vec<(Vec<f64>, Vec<f64>)>,
}

/// Answers a question.
///
/// # Errors
/// The store's.
pub fn table(view: View<'_>, config: &Config, query: &Query) -> Result<Table, StoreError> {
    let mut groups: BTreeMap<Vec<Part>, Group> = BTreeMap::new();
    posts(view, config, &query.scope, |post| {
        let mut keys: Vec<Vec<Part>> = vec![Vec::new()];
        for by in &query.by {
            let parts = parts(post, *by);
            keys = keys
                .into_iter()
                .flat_map(|key| {
                    let longer = |part: &Part| [&key[..], std::slice::from_ref(part)].concat();
                    parts.iter().map(longer).collect::<Vec<_>>()
                })
                .collect();
        }
        for key in keys {
            let group = groups.entry(key).or_default();
            group.posts += 1;
            group.gone += u64::from(post.record.gone.is_some());
            group
                .found
                .resize_with(query.numbers.len(), Default::default);
            for (number, (values, bases)) in query.numbers.iter().zip(&mut group.found) {
                if let Some(value) = post.get(number) {
                    values.push(value);
                    bases.extend(post.base(number));
                }
            }
        }
    })?;
    let rows = groups.into_iter().map(|(key, group)| Row {
        key: key.iter().map(Part::shown).collect(),
        posts: group.posts,
        gone: group.gone,
        cells: group
            .found
            .into_iter()
            .zip(&query.numbers)
            .map(|((values, bases), number)| cell(number, values, &bases))
            .collect(),
    });
    Ok(Table {
        by: query.by.clone(),
        numbers: query.numbers.clone(),
        rows: rows.collect(),
    })
}

fn cell(number: &Number, mut values: Vec<f64>, bases: &[f64]) -> Cell {
    if values.is_empty() {
        return Cell::default();
    }
    let count = values.len();
    let sum: f64 = values.iter().sum();
    let total = if number.is_rate() {
        // Every rate has its base, which is more than nothing.
        let interactions: f64 = values
            .iter()
            .zip(bases)
            .map(|(rate, base)| rate * base)
            .sum();
        interactions / bases.iter().sum::<f64>()
    } else {
        sum
    };
    let middle = count / 2;
    let (below, upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    let upper = *upper;
    let median = if count % 2 == 1 {
        upper
    } else {
        let lower = below.iter().copied().max_by(f64::total_cmp);
        lower.map_or(upper, |lower| f64::midpoint(lower, upper))
    };
    Cell {
        posts: count as u64,
        total: Some(total),
        mean: Some(sum / count as f64),
        median: Some(median),
    }
}
