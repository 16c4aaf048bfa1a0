//! What an answer, or its absence, means to the queue.

use serde_json::Value;

use super::{HttpError, Response, Stake};
use crate::{Error, Millis, Timestamp, time};

/// The longest message that is taken from a body (characters).
const MESSAGE: usize = 300;

/// Headers that say when the platform takes requests again, in the order of trust.
const RESETS: [&str; 4] = [
    "x-ratelimit-reset-after",
    "x-ratelimit-reset",
    "ratelimit-reset",
    "x-rate-limit-reset",
];

pub(super) fn unsent(error: HttpError, stake: Stake) -> Error {
    match error {
        HttpError::Denied(reason) | HttpError::Invalid(reason) => Error::Invalid(reason),
        HttpError::MissingSecret(name) => {
            Error::Unauthorized(format!("there is no secret `{name}`"))
        }
        HttpError::Paced(wait) => Error::RateLimited(Some(wait)),
        HttpError::NotSent(reason) => Error::Transient(reason),
        HttpError::NoAnswer(reason) => match stake {
            Stake::Read => Error::Transient(reason),
            Stake::Commit => Error::UnknownOutcome(reason),
        },
        HttpError::TooLarge(bytes) => {
            let reason = format!("the answer is longer than {bytes} bytes");
            match stake {
                Stake::Read => Error::Invalid(reason),
                Stake::Commit => Error::UnknownOutcome(reason),
            }
        }
    }
}

pub(super) fn refused(response: &Response, stake: Stake) -> Error {
    let message = message(response);
    match response.status {
        401 | 403 => Error::Unauthorized(message),
        429 => Error::RateLimited(response.retry_after()),
        408 | 500.. if stake == Stake::Commit => Error::UnknownOutcome(message),
        408 | 425 | 500.. => match response.retry_after() {
            Some(wait) => Error::RateLimited(Some(wait)),
            None => Error::Transient(message),
        },
        _ => Error::Invalid(message),
    }
}

/// Waits are given as seconds from now, seconds or milliseconds since 1970, or a date.
pub(super) fn retry_after(response: &Response, now: Timestamp) -> Option<Millis> {
    if let Some(wait) = response
        .header("retry-after")
        .and_then(|value| wait(value, now))
    {
        return Some(wait);
    }
    // Without a refusal for pace, these headers only tell when the window ends.
    if response.status != 429 {
        return None;
    }
    RESETS
        .iter()
        .filter_map(|name| response.header(name))
        .find_map(|value| wait(value, now))
        .or_else(|| combined(response.header("ratelimit")?, now))
}

/// `limit=100, remaining=0, reset=50`, and the newest `"default";r=0;t=50`.
fn combined(value: &str, now: Timestamp) -> Option<Millis> {
    value
        .split([',', ';'])
        .filter_map(|item| item.split_once('='))
        .find(|(name, _)| matches!(name.trim(), "reset" | "t"))
        .and_then(|(_, span)| wait(span, now))
}

/// A platform's wait may be off by the skew of two clocks, but never by a year.
const LONGEST: Millis = 366 * 24 * 60 * 60 * 1000;

fn wait(value: &str, now: Timestamp) -> Option<Millis> {
    let value = value.trim();
    if let Ok(number) = value.parse::<f64>() {
        if !number.is_finite() || number < 0.0 {
            return None;
        }
        // A number below a billion can't be a moment of this age, nor one below 10^12 a
        // moment in milliseconds.
        let millis = match number {
            delta if delta < 1e9 => return Some(((delta * 1000.0).ceil() as u64).min(LONGEST)),
            seconds if seconds < 1e11 => (seconds * 1000.0) as u64,
            millis => millis as u64,
        };
        return Some(millis.saturating_sub(now).min(LONGEST));
    }
    let moment = time::parse_rfc3339(value).or_else(|| time::parse_http_date(value))?;
    Some(moment.saturating_sub(now).min(LONGEST))
}

pub(super) fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default()
}

pub(super) fn message(response: &Response) -> String {
    let words = match serde_json::from_slice::<Value>(&response.body) {
        Ok(body) => words_of_json(&body),
        Err(_) => words_of_text(&response.text()),
    };
    let what = format!("{} answered {}", host(&response.url), response.status);
    match words {
        Some(words) => format!("{what}: {}", shortened(&words)),
        None => what,
    }
}

fn shortened(words: &str) -> String {
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    match words.char_indices().nth(MESSAGE) {
        Some((at, _)) => format!("{}…", &words[..at]),
        None => words,
    }
}

fn words_of_json(body: &Value) -> Option<String> {
    match body {
        Value::String(words) => non_empty(words),
        Value::Array(items) => items.iter().find_map(words_of_json),
        Value::Object(fields) => {
            let text = |name: &str| fields.get(name).and_then(Value::as_str).and_then(non_empty);
            let code = text("error");
            let words = [
                "error_description",
                "message",
                "error_message",
                "detail",
                "description",
                "title",
            ]
            .into_iter()
            .find_map(text);
            match (code, words) {
                (Some(code), Some(words)) if code != words => Some(format!("{code}: {words}")),
                (Some(words), _) | (None, Some(words)) => Some(words),
                (None, None) => ["error", "errors"]
                    .into_iter()
                    .filter_map(|name| fields.get(name))
                    .find_map(words_of_json),
            }
        }
        _ => None,
    }
}

fn non_empty(words: &str) -> Option<String> {
    let words = words.trim();
    (!words.is_empty()).then(|| words.to_owned())
}

/// Of a page of HTML its title, of other text all.
fn words_of_text(body: &str) -> Option<String> {
    let body = body.trim_start_matches('\u{feff}').trim();
    if !body.starts_with('<') {
        return non_empty(body);
    }
    let lower = body.to_ascii_lowercase();
    let start = lower.find("<title")?;
    let start = start + lower[start..].find('>')? + 1;
    let end = start + lower[start..].find("</title")?;
    non_empty(&body[start..end])
}
