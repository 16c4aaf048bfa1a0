//! The numbers of posts and accounts.

use chrono::{Days, NaiveDate, NaiveTime};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::content::local_moment;
use crate::measure::query::{self, Dimension, Number, Query, Scope, Table};
use crate::model::{Id, Sample, TimeSpan, Timestamp};
use crate::store::Subject;

use super::{Api, ApiError};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MetricsOf {
    pub account: String,
    pub delivery: Option<Id>,
    pub url: Option<String>,
    /// Since when the platform has it no more.
    #[serde(default)]
    pub gone: Option<Timestamp>,
    /// When it is measured next; none where a schedule or a command would have to.
    #[serde(default)]
    pub next: Option<Timestamp>,
    pub samples: Vec<Sample>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Metrics {
    pub post: Option<Id>,
    pub of: Vec<MetricsOf>,
}

/// A question about many posts.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct MetricsQuery {
    #[serde(default)]
    pub by: Vec<Dimension>,
    pub numbers: Vec<Number>,
    /// A day, or a moment, by the wall clock of the brand or with its offset.
    #[serde(default)]
    pub from: Option<String>,
    /// A day counts to its end.
    #[serde(default)]
    pub to: Option<String>,
    #[serde(default)]
    pub accounts: Vec<String>,
    #[serde(default)]
    pub brand: Option<String>,
    #[serde(default)]
    pub at_age: Option<TimeSpan>,
}

/// Some series, whole, and where to go on.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct MetricsPage {
    pub series: Vec<Series>,
    /// None: that was the last.
    pub behind: Option<SeriesId>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SeriesId {
    Account(String),
    Delivery(Id),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Series {
    /// None: of a delivery that is not kept any more.
    pub account: Option<String>,
    /// None: of the account itself.
    pub delivery: Option<Id>,
    pub post: Option<Id>,
    pub published: Option<Timestamp>,
    pub samples: Vec<Sample>,
}

impl From<Subject> for SeriesId {
    fn from(subject: Subject) -> Self {
        match subject {
            Subject::Account(name) => SeriesId::Account(name),
            Subject::Delivery(id) => SeriesId::Delivery(id),
        }
    }
}

impl From<SeriesId> for Subject {
    fn from(id: SeriesId) -> Self {
        match id {
            SeriesId::Account(name) => Subject::Account(name),
            SeriesId::Delivery(id) => Subject::Delivery(id),
        }
    }
}

/// Series in one page at most.
const MOST_SERIES: usize = 500;

/// Samples after which a page ends.
const MANY_SAMPLES: usize = 20_000;

impl Api {
    pub(super) fn post_metrics(&self, id: Id) -> Result<Metrics, ApiError> {
        let view = self.store.view();
        let post = view.post(id)?.ok_or_else(|| self.no_post(id))?;
        let mut of = Vec::new();
        for delivery in post.deliveries {
            let Some(delivery) = view.delivery(delivery)? else {
                continue;
            };
            let subject = Subject::Delivery(delivery.id);
            let record = view.post_numbers(&delivery)?;
            of.push(MetricsOf {
                account: delivery.account,
                delivery: Some(delivery.id),
                url: delivery.receipt.and_then(|receipt| receipt.url),
                gone: record.as_ref().and_then(|record| record.gone),
                next: record.and_then(|record| record.next),
                samples: view.samples(&subject, Timestamp(0), Timestamp::MAX)?,
            });
        }
        Ok(Metrics { post: Some(id), of })
    }

    pub(super) fn account_metrics(&self, account: &str) -> Result<Metrics, ApiError> {
        if !self.config().accounts.contains_key(account) {
            return Err(ApiError::missing(format!(
                "there is no account `{account}`"
            )));
        }
        let subject = Subject::Account(account.to_owned());
        let samples = self
            .store
            .view()
            .samples(&subject, Timestamp(0), Timestamp::MAX)?;
        Ok(Metrics {
            post: None,
            of: vec![MetricsOf {
                account: account.to_owned(),
                delivery: None,
                url: None,
                gone: None,
                next: None,
                samples,
            }],
        })
    }

    pub(super) async fn query_metrics(&self, asked: MetricsQuery) -> Result<Table, ApiError> {
        if asked.numbers.is_empty() {
            return Err(ApiError::invalid(
                "nothing is asked for: name a measure, as `likes` or `engagement-rate`",
            ));
        }
        let config = self.config();
        self.known(&config, &asked.accounts, asked.brand.as_deref())?;
        let zone = self.zone_of_query(&config, &asked);
        let (from, to) = span(asked.from.as_deref(), asked.to.as_deref(), zone)?;
        let query = Query {
            scope: Scope {
                from,
                to,
                accounts: asked.accounts,
                brand: asked.brand,
                at_age: asked.at_age,
            },
            by: asked.by,
            numbers: asked.numbers,
        };
        let store = self.store.clone();
        // As long as it has many posts to read.
        let reading =
            tokio::task::spawn_blocking(move || query::table(store.view(), &config, &query));
        let table = reading.await.map_err(|error| ApiError::Unavailable {
            message: error.to_string(),
        })?;
        Ok(table?)
    }

    /// Accounts that have numbers are known, though they may not be configured any more.
    fn known(
        &self,
        config: &Config,
        accounts: &[String],
        brand: Option<&str>,
    ) -> Result<(), ApiError> {
        let unknown = |kind: &str, name: &str, known: Vec<&str>| {
            let help = crate::config::did_you_mean(name, known)
                .map(|help| format!("; {help}"))
                .unwrap_or_default();
            ApiError::missing(format!("there is no {kind} `{name}`{help}"))
        };
        let mut measured: Option<Vec<String>> = None;
        for name in accounts {
            if config.accounts.contains_key(name) {
                continue;
            }
            let measured = match &mut measured {
                Some(measured) => measured,
                None => measured.insert(self.store.view().measured_accounts()?),
            };
            if !measured.contains(name) {
                let known = config.accounts.keys().map(String::as_str).collect();
                return Err(unknown("account", name, known));
            }
        }
        match brand {
            Some(brand) if !config.brands.contains_key(brand) => {
                let known = config.brands.keys().map(String::as_str).collect();
                Err(unknown("brand", brand, known))
            }
            _ => Ok(()),
        }
    }

    /// By whose clock days are meant: that of all brands that are asked about, if it is one.
    fn zone_of_query(&self, config: &Config, asked: &MetricsQuery) -> Tz {
        let named = asked.accounts.iter().filter_map(|name| {
            let account = config.accounts.get(name)?;
            config.brands.get(&account.brand)
        });
        let brands: Vec<_> = match &asked.brand {
            Some(brand) => config.brands.get(brand).into_iter().collect(),
            None if asked.accounts.is_empty() => config.brands.values().collect(),
            None => named.collect(),
        };
        let mut zones = brands.iter().map(|brand| brand.time_zone);
        match zones.next() {
            Some(first) if zones.all(|zone| zone == first) => first,
            _ => Tz::UTC,
        }
    }

    pub(super) fn metrics_page(
        &self,
        account: Option<&str>,
        behind: Option<SeriesId>,
    ) -> Result<MetricsPage, ApiError> {
        let only: Vec<String> = account.map(str::to_owned).into_iter().collect();
        self.known(&self.config(), &only, None)?;
        let view = self.store.view();
        let behind = behind.map(Subject::from);
        let subjects = view.subjects(behind.as_ref(), MOST_SERIES)?;
        let mut page = MetricsPage::default();
        let (mut samples, count) = (0, subjects.len());
        for (at, subject) in subjects.into_iter().enumerate() {
            let mut series = Series {
                account: None,
                delivery: None,
                post: None,
                published: None,
                samples: Vec::new(),
            };
            match &subject {
                Subject::Account(name) => series.account = Some(name.clone()),
                Subject::Delivery(id) => {
                    series.delivery = Some(*id);
                    if let Some(delivery) = view.delivery(*id)? {
                        series.post = Some(delivery.post);
                        series.published = Some(crate::store::published_at(&delivery));
                        series.account = Some(delivery.account);
                    }
                }
            }
            if account.is_none() || series.account.as_deref() == account {
                series.samples = view.samples(&subject, Timestamp(0), Timestamp::MAX)?;
                samples += series.samples.len();
                page.series.push(series);
            }
            if samples >= MANY_SAMPLES || at + 1 == count {
                page.behind = Some(subject.into());
                break;
            }
        }
        Ok(page)
    }
}

/// From a moment to another, days by their whole length.
fn span(
    from: Option<&str>,
    to: Option<&str>,
    zone: Tz,
) -> Result<(Timestamp, Timestamp), ApiError> {
    let moment = |text: &str, further: u64| {
        if let Ok(day) = text.parse::<NaiveDate>() {
            let midnight = day
                .checked_add_days(Days::new(further))
                .and_then(|day| local_moment(day.and_time(NaiveTime::MIN), zone));
            return midnight.ok_or_else(|| ApiError::invalid(format!("{day} is too far away")));
        }
        if let Ok(moment) = text.parse() {
            return Ok(moment);
        }
        crate::content::resolve_local(text, zone).map_err(|_| {
            ApiError::invalid(format!(
                "`{text}` is no time: write a day, as `2026-11-24`, or `2026-11-24 09:00`, or \
                 `2026-11-24T09:00:00+04:00`"
            ))
        })
    };
    let start = from.map(|text| moment(text, 0)).transpose()?;
    let end = to.map(|text| moment(text, 1)).transpose()?;
    let (start, end) = (start.unwrap_or_default(), end.unwrap_or(Timestamp::MAX));
    if start >= end {
        return Err(ApiError::invalid(format!(
            "nothing lies from {start} to {end}: `to` is not later than `from`"
        )));
    }
    Ok((start, end))
}
