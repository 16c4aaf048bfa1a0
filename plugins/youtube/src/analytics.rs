//! Reports of the YouTube Analytics API: what the Data API does not count. They are two to
//! three days late, and need a scope and a host of their own; without these the Data API's
//! numbers stand alone.

use jarchi_plugin_sdk::{
    Error, Measure, Metric, Millis, Result, Timestamp, clock, debug, kv, time, warn,
};
use serde::Deserialize;
use serde_json::Value;

use crate::api::Api;
use crate::errors;

const MINUTE: f64 = 60_000.0;
const SECOND: f64 = 1000.0;
const DAY: Millis = 24 * 3_600_000;
/// No video of YouTube is older.
const BEGINNING: &str = "2005-04-23";
/// "Basic stats" ("Channel reports").
const USUAL: [&str; 6] = [
    "views",
    "estimatedMinutesWatched",
    "averageViewDuration",
    "likes",
    "shares",
    "subscribersGained",
];
/// Not every channel has it, and never in one report with the others.
const REACH: [&str; 1] = ["videoThumbnailImpressions"];

/// What the account has to do.
const NEEDED: &str = "They need the YouTube Analytics API enabled in the project, its scope in the login, and its host in the plugin's grants";

/// Set while the reports are refused.
const REFUSED: &str = "analytics-refused";
/// Until when the impressions are not asked for.
const NO_REACH: &str = "no-impressions";

/// What was counted of a video, or of the channel.
#[derive(Debug, PartialEq)]
pub struct Row {
    /// None for the channel's.
    pub video: Option<String>,
    pub metrics: Vec<Metric>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Table {
    column_headers: Vec<Header>,
    /// Left out where there is nothing to tell.
    rows: Vec<Vec<Value>>,
}

#[derive(Deserialize)]
struct Header {
    name: String,
}

/// The interface's word for a number of YouTube's.
fn metric(name: &str, value: f64) -> Option<Metric> {
    let (measure, unit) = match name {
        "views" => (Measure::Views, 1.0),
        "likes" => (Measure::Likes, 1.0),
        "shares" => (Measure::Shares, 1.0),
        "videoThumbnailImpressions" => (Measure::Impressions, 1.0),
        "estimatedMinutesWatched" => (Measure::WatchTime, MINUTE),
        "averageViewDuration" => (Measure::Other("average-view-duration".into()), SECOND),
        "subscribersGained" => (Measure::Other("subscribers-gained".into()), 1.0),
        _ => return None,
    };
    #[expect(clippy::cast_possible_truncation, reason = "a float saturates")]
    let value = (value * unit).round() as i64;
    Some(Metric::new(measure, value))
}

/// Asks for the whole life of videos, or of the channel.
fn report(api: &Api, metrics: &[&str], videos: Option<&[&str]>) -> Result<Vec<Row>> {
    let today = time::format_rfc3339(clock::now());
    let mut request = api
        .analytics("/v2/reports")
        .query("ids", "channel==MINE")
        .query("startDate", BEGINNING)
        .query("endDate", today.get(..10).unwrap_or(&today))
        .query("metrics", metrics.join(","));
    if let Some(videos) = videos {
        // Filtered by several videos, a report can tell each apart ("Multiple values for
        // filters").
        request = request
            .query("dimensions", "video")
            .query("filters", format!("video=={}", videos.join(",")));
    }
    let table: Table = errors::read(request)?.json()?;
    let rows = table.rows.into_iter().map(|cells| {
        let mut row = Row {
            video: None,
            metrics: Vec::new(),
        };
        for (header, cell) in table.column_headers.iter().zip(cells) {
            match (header.name.as_str(), cell) {
                ("video", Value::String(id)) => row.video = Some(id),
                (name, Value::Number(number)) => {
                    let value = number.as_f64().and_then(|value| metric(name, value));
                    row.metrics.extend(value);
                }
                _ => {}
            }
        }
        row
    });
    Ok(rows.collect())
}

fn lacking(why: &str) -> String {
    format!("watch time, shares and new subscribers are not counted: {why}. {NEEDED}")
}

/// Why the reports are closed to this account; none where they are open.
///
/// # Errors
/// YouTube can't be asked just now.
pub fn closed(api: &Api) -> Result<Option<String>> {
    match report(api, &USUAL[..1], None) {
        Ok(_) => Ok(None),
        Err(Error::Unauthorized(why) | Error::Invalid(why)) => Ok(Some(lacking(&why))),
        Err(error) => Err(error),
    }
}

/// What the reports tell of videos, or of the channel. Nothing, with a warning, where they
/// can't be had: where they are closed, one until they are open again.
pub fn rows(api: &Api, videos: Option<&[&str]>) -> Vec<Row> {
    let mut rows = match report(api, &USUAL, videos) {
        Ok(rows) => rows,
        Err(Error::Unauthorized(why) | Error::Invalid(why)) => {
            if !matches!(kv::get::<bool>(REFUSED), Ok(Some(true))) {
                warn!("{}", lacking(&why));
                keep(REFUSED, &true);
            }
            return Vec::new();
        }
        Err(error) => {
            warn!("YouTube Analytics does not answer, its numbers come later: {error:?}");
            return Vec::new();
        }
    };
    if matches!(kv::get::<bool>(REFUSED), Ok(Some(_)))
        && let Err(error) = kv::delete(REFUSED)
    {
        warn!("the plugin's memory: {error:?}");
    }
    for more in reach(api, videos) {
        match rows.iter_mut().find(|row| row.video == more.video) {
            Some(row) => row.metrics.extend(more.metrics),
            None => rows.push(more),
        }
    }
    rows
}

fn reach(api: &Api, videos: Option<&[&str]>) -> Vec<Row> {
    let now = clock::now();
    let until: Option<Timestamp> = kv::get(NO_REACH).unwrap_or_default();
    if until.is_some_and(|until| now < until) {
        return Vec::new();
    }
    match report(api, &REACH, videos) {
        Ok(rows) => rows,
        Err(Error::Unauthorized(why) | Error::Invalid(why)) => {
            debug!("there are no impressions: {why}");
            keep(NO_REACH, &(now + DAY));
            Vec::new()
        }
        Err(error) => {
            warn!("YouTube Analytics does not tell the impressions: {error:?}");
            Vec::new()
        }
    }
}

fn keep<T: serde::Serialize>(key: &str, value: &T) {
    if let Err(error) = kv::set(key, value) {
        warn!("the plugin's memory: {error:?}");
    }
}

/// Adds what the Data API, which is not late, did not tell.
pub fn fill(metrics: &mut Vec<Metric>, more: Option<Row>) {
    for metric in more.into_iter().flat_map(|row| row.metrics) {
        if metrics.iter().all(|known| known.measure != metric.measure) {
            metrics.push(metric);
        }
    }
}
