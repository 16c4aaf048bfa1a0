//! What Mastodon and Bluesky say is talked about, what feeds are titled, and the user's
//! own list. Each source is asked at most twice an hour.

use std::collections::HashSet;

use jarchi_plugin_sdk::http::{self, HttpError};
use jarchi_plugin_sdk::{Problem, Timestamp, kv, time};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::feed;
use crate::settings::Settings;
use crate::topic::Sighting;

/// Both platforms' trends are made anew a few times an hour.
const KEPT: u64 = 30 * 60_000;

/// Asks all sources. One that fails is told, and stops no other.
pub(crate) fn all(settings: &Settings, problems: &mut Vec<Problem>) -> Vec<Sighting> {
    let mut found: Vec<Sighting> = settings
        .topics
        .iter()
        .map(|name| Sighting {
            name: name.clone(),
            source: String::from("own list"),
            link: None,
            since: None,
            rise: 0.0,
            own: true,
        })
        .collect();
    let mut asked: Vec<(String, Reader)> = Vec::new();
    if let Some(server) = &settings.mastodon {
        // The most that the API gives (docs.joinmastodon.org/methods/trends).
        asked.push((format!("{server}/api/v1/trends/tags?limit=20"), tags));
        asked.push((format!("{server}/api/v1/trends/links?limit=20"), links));
        asked.push((
            format!("{server}/api/v1/trends/statuses?limit=40"),
            statuses,
        ));
    }
    if let Some(service) = &settings.bluesky {
        asked.push((
            format!("{service}/xrpc/app.bsky.unspecced.getTrends?limit=25"),
            trends,
        ));
    }
    asked.extend(
        settings
            .feeds
            .iter()
            .map(|url| (url.clone(), feed::read as Reader)),
    );
    let mut kept = HashSet::new();
    for (url, read) in asked {
        let key = format!("source/{}", &blake3::hash(url.as_bytes()).to_hex()[..32]);
        match kv::cached(&key, KEPT, || read(&url)) {
            Ok(sightings) => found.extend(sightings),
            Err(message) => problems.push(Problem::error(url.as_str(), message)),
        }
        kept.insert(key);
    }
    // Sources that are asked no more.
    for key in kv::keys("source/").unwrap_or_default() {
        if !kept.contains(&key) {
            let _ = kv::delete(&key);
        }
    }
    found
}

type Reader = fn(&str) -> Result<Vec<Sighting>, String>;

/// The host of an address, for people.
pub(crate) fn host(url: &str) -> String {
    url.split("://")
        .nth(1)
        .and_then(|rest| rest.split(['/', '?', '#']).next())
        .unwrap_or(url)
        .to_owned()
}

pub(crate) fn words(error: &HttpError) -> String {
    match error {
        HttpError::Denied(reason) | HttpError::Invalid(reason) => reason.clone(),
        HttpError::MissingSecret(name) => format!("the secret `{name}` is not given"),
        HttpError::Paced(wait) => format!(
            "its server asks to wait {} seconds more",
            wait.div_ceil(1000)
        ),
        HttpError::NotSent(reason) => format!("its server could not be reached: {reason}"),
        HttpError::NoAnswer(reason) => format!("its server did not answer: {reason}"),
        HttpError::TooLarge(bytes) => format!("the answer is longer than {bytes} bytes"),
    }
}

/// The bytes that an address answers with.
pub(crate) fn get(url: &str, accept: &str) -> Result<Vec<u8>, (u16, String)> {
    let response = http::get(url)
        .header("accept", accept)
        .send()
        .map_err(|error| (0, words(&error)))?;
    let message = match response.status {
        200..=299 => return Ok(response.body),
        401 | 403 => String::from("its server refuses to tell without an account"),
        404 => String::from("there is nothing at this address (404): is it the server's own?"),
        429 => String::from("its server asks to come less often (429)"),
        500.. => format!(
            "its server has a fault ({}); asked again at the next run",
            response.status
        ),
        status => format!("its server answered {status}"),
    };
    Err((response.status, message))
}

fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    serde_json::from_slice(bytes).map_err(|error| format!("the answer is not understood: {error}"))
}

/// The items that are as they should be: one odd one does not hide the others.
fn items<T: DeserializeOwned>(list: Vec<Value>) -> Vec<T> {
    list.into_iter()
        .filter_map(|item| serde_json::from_value(item).ok())
        .collect()
}

fn list<T: DeserializeOwned>(url: &str) -> Result<Vec<T>, String> {
    let bytes = get(url, "application/json").map_err(|(_, message)| message)?;
    Ok(items(json::<Vec<Value>>(&bytes)?))
}

#[derive(Deserialize)]
struct Day {
    /// Numbers as texts (docs.joinmastodon.org/entities/Tag).
    day: String,
    uses: String,
}

/// How much more is made of it than before: the fuller of the last two days (today has
/// only begun) against the days before them.
fn rise(history: &[Day]) -> f64 {
    let mut days: Vec<(u64, f64)> = history
        .iter()
        .filter_map(|day| Some((day.day.parse().ok()?, day.uses.parse::<u32>().ok()?.into())))
        .collect();
    days.sort_unstable_by_key(|(day, _)| std::cmp::Reverse(*day));
    let uses: Vec<f64> = days.into_iter().map(|(_, uses)| uses).collect();
    let (latest, before) = uses.split_at(uses.len().min(2));
    if before.is_empty() {
        return 0.0;
    }
    let latest = latest.iter().copied().fold(0.0, f64::max);
    let usual = before.iter().sum::<f64>() / before.len() as f64;
    ((latest / usual.max(1.0) - 1.0) / 3.0).clamp(0.0, 1.0)
}

#[derive(Deserialize)]
struct Tag {
    name: String,
    url: Option<String>,
    #[serde(default)]
    history: Vec<Day>,
}

fn tags(url: &str) -> Result<Vec<Sighting>, String> {
    Ok(list::<Tag>(url)?
        .into_iter()
        .map(|tag| Sighting {
            rise: rise(&tag.history),
            name: tag.name,
            source: host(url),
            link: tag.url,
            since: None,
            own: false,
        })
        .collect())
}

#[derive(Deserialize)]
struct TrendingLink {
    title: String,
    url: String,
    published_at: Option<String>,
    #[serde(default)]
    history: Vec<Day>,
}

fn links(url: &str) -> Result<Vec<Sighting>, String> {
    Ok(list::<TrendingLink>(url)?
        .into_iter()
        .map(|link| Sighting {
            rise: rise(&link.history),
            name: link.title,
            source: format!("{} via {}", host(&link.url), host(url)),
            link: Some(link.url),
            since: link.published_at.as_deref().and_then(time::parse_rfc3339),
            own: false,
        })
        .collect())
}

#[derive(Deserialize)]
struct Status {
    created_at: String,
    #[serde(default)]
    tags: Vec<StatusTag>,
}

#[derive(Deserialize)]
struct StatusTag {
    name: String,
    url: Option<String>,
}

/// Only the hashtags: what people wrote is theirs.
fn statuses(url: &str) -> Result<Vec<Sighting>, String> {
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    for status in list::<Status>(url)? {
        for tag in status.tags {
            if seen.insert(tag.name.to_lowercase()) {
                found.push(Sighting {
                    name: tag.name,
                    source: format!("posts on {}", host(url)),
                    link: tag.url,
                    since: time::parse_rfc3339(&status.created_at),
                    rise: 0.0,
                    own: false,
                });
            }
        }
    }
    Ok(found)
}

#[derive(Deserialize)]
struct Trends {
    trends: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Trend {
    display_name: String,
    link: String,
    started_at: String,
    post_count: u64,
}

#[derive(Deserialize)]
struct Topics {
    topics: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Topic {
    topic: String,
    display_name: Option<String>,
    link: String,
}

/// `getTrends`, or the older `getTrendingTopics` where a service does not know it.
fn trends(url: &str) -> Result<Vec<Sighting>, String> {
    let now = jarchi_plugin_sdk::clock::now();
    let sighting = |name: String, link: &str, since: Option<Timestamp>, rise: f64| Sighting {
        name,
        source: String::from("bsky.app"),
        // Addresses are given from the site's root.
        link: Some(if link.starts_with('/') {
            format!("https://bsky.app{link}")
        } else {
            link.to_owned()
        }),
        since,
        rise,
        own: false,
    };
    match get(url, "application/json") {
        Ok(bytes) => Ok(items::<Trend>(json::<Trends>(&bytes)?.trends)
            .into_iter()
            .map(|trend| {
                let since = time::parse_rfc3339(&trend.started_at);
                let hours = since
                    .map_or(24, |since| now.saturating_sub(since) / 3_600_000)
                    .max(1);
                // 500 posts an hour are as much as there is.
                let rise = (trend.post_count as f64 / hours as f64 / 500.0).clamp(0.0, 1.0);
                sighting(trend.display_name, &trend.link, since, rise)
            })
            .collect()),
        Err((400 | 404 | 501, _)) => {
            let older = url.replace("getTrends", "getTrendingTopics");
            let bytes = get(&older, "application/json").map_err(|(_, message)| message)?;
            Ok(items::<Topic>(json::<Topics>(&bytes)?.topics)
                .into_iter()
                .map(|topic| {
                    sighting(
                        topic.display_name.unwrap_or(topic.topic),
                        &topic.link,
                        None,
                        0.0,
                    )
                })
                .collect())
        }
        Err((_, message)) => Err(message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rising_use() {
        // The latest first, as Mastodon has them.
        for (uses, expected) in [
            (vec![], 0.0),
            (vec![900, 900], 0.0),
            (vec![100, 100, 100, 100], 0.0),
            (vec![10, 90, 100, 100], 0.0),
            (vec![5, 250, 100, 100], 0.5),
            (vec![400, 10, 100, 100], 1.0),
            (vec![900, 10, 0, 0], 1.0),
        ] {
            let history: Vec<Day> = uses
                .iter()
                .enumerate()
                .map(|(index, uses): (usize, &i32)| Day {
                    day: (1_700_000_000 - index * 86_400).to_string(),
                    uses: uses.to_string(),
                })
                .collect();
            assert!((rise(&history) - expected).abs() < 1e-9, "{uses:?}");
        }
    }
}
