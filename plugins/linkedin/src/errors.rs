//! What LinkedIn's refusals mean to the queue: one table ("Error handling" and "Rate
//! limits" of LinkedIn's API guide; the rest from what developers report).

use jarchi_plugin_sdk::http::{HttpError, Request, Response};
use jarchi_plugin_sdk::{Error, Millis, Result, clock};
use serde_json::Value;

const DAY: Millis = 86_400_000;

/// A refusal, as LinkedIn words it.
#[derive(Debug)]
pub struct Refusal {
    pub status: u16,
    pub code: String,
    pub service_code: i64,
    pub message: String,
    /// Codes of the single inputs.
    inputs: Vec<String>,
}

impl Refusal {
    /// Of an answer that is no success.
    pub fn of(answer: &Response) -> Self {
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str);
        let inputs = body.pointer("/errorDetails/inputErrors");
        let inputs: Vec<&Value> = inputs
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .collect();
        let described = inputs.iter().filter_map(|input| {
            let words = input.get("description")?.as_str()?;
            let field = input.pointer("/input/inputPath/fieldPath");
            Some(match field.and_then(Value::as_str) {
                Some(field) => format!("{field}: {words}"),
                None => words.to_owned(),
            })
        });
        let mut message: Vec<String> = vec![answer.message()];
        message.extend(described);
        Refusal {
            status: answer.status,
            code: text("/code").unwrap_or_default().to_owned(),
            service_code: body
                .get("serviceErrorCode")
                .and_then(Value::as_i64)
                .unwrap_or(0),
            message: message.join("; "),
            inputs: inputs
                .iter()
                .filter_map(|input| input.get("code")?.as_str().map(str::to_owned))
                .collect(),
        }
    }

    /// The post that this one repeats; none where it says so and names none. The outer
    /// none: it is another refusal.
    pub fn duplicate_of(&self) -> Option<Option<String>> {
        let named = self.code == "DUPLICATE_POST"
            || self.inputs.iter().any(|code| code == "DUPLICATE_POST")
            || self.message.contains("is a duplicate of urn:li:");
        if !named {
            return None;
        }
        Some(
            ["urn:li:share:", "urn:li:ugcPost:"]
                .iter()
                .find_map(|kind| {
                    let at = self.message.find(kind)?;
                    let number = &self.message[at + kind.len()..];
                    let end = number
                        .find(|c: char| !c.is_ascii_digit())
                        .unwrap_or(number.len());
                    (end > 0).then(|| format!("{kind}{}", &number[..end]))
                }),
        )
    }

    /// A file that was just uploaded, and that other parts of LinkedIn do not know yet.
    pub fn file_not_ready(&self) -> bool {
        let message = self.message.to_ascii_lowercase();
        matches!(self.status, 400 | 403 | 404 | 422)
            && [
                "resource is forbidden",
                "not ready",
                "still processing",
                "media asset",
                "waiting_upload",
            ]
            .iter()
            .any(|words| message.contains(words))
    }

    /// The interface's error. `commit`: something may have been published.
    pub fn error(self, commit: bool) -> Error {
        let Refusal {
            status,
            service_code,
            message,
            ..
        } = self;
        match (status, service_code) {
            (401, 65_601) => Error::unauthorized(format!(
                "{message}. The member took the app's permission back: connect the account again"
            )),
            (401, 65_602) => Error::unauthorized(format!(
                "{message}. The token ended: it is refreshed where LinkedIn gave the app refresh tokens; else connect the account again"
            )),
            (401, _) => Error::unauthorized(format!("{message}. Connect the account again")),
            (403, _) => Error::unauthorized(format!(
                "{message}. The app lacks a scope or product, or the member a role on the Page"
            )),
            (426, _) => Error::invalid(format!(
                "{message}. LinkedIn ended this version of its API: set `version` to a newer month"
            )),
            // Limits are a day's, until midnight in UTC; no header tells them.
            (429, _) if message.to_ascii_lowercase().contains("day limit") => {
                let now = clock::now();
                Error::rate_limited(Some(DAY - now % DAY))
            }
            (429, _) => Error::rate_limited(None),
            (400 | 404 | 422, _) if message.contains("Unable to obtain activity") => {
                Error::transient(message)
            }
            (409, _) => Error::transient(message),
            (408 | 500.., _) if commit => Error::unknown_outcome(message),
            (408 | 425 | 500.., _) => Error::transient(message),
            _ => Error::invalid(message),
        }
    }
}

fn refused(answer: &Response, commit: bool) -> Error {
    match Refusal::of(answer).error(commit) {
        Error::RateLimited(None) => Error::RateLimited(answer.retry_after()),
        other => other,
    }
}

/// What promotions need.
pub const ADS: &str = "rw_ads";
/// What their numbers need.
pub const ADS_NUMBERS: &str = "r_ads_reporting";

/// Sends what publishes nothing, and answers with whatever came back.
///
/// # Errors
/// No answer came.
pub fn look(request: Request) -> Result<Response> {
    request.send().map_err(|error| match error {
        HttpError::NoAnswer(reason) => Error::Transient(reason),
        HttpError::TooLarge(bytes) => {
            Error::Invalid(format!("the answer is longer than {bytes} bytes"))
        }
        other => other.into(),
    })
}

/// Sends what publishes nothing and can be repeated.
///
/// # Errors
/// By the table.
pub fn read(request: Request) -> Result<Response> {
    judged(look(request)?)
}

/// What came back of what publishes nothing.
///
/// # Errors
/// By the table.
pub fn judged(answer: Response) -> Result<Response> {
    if answer.is_success() {
        return answer.for_read();
    }
    Err(refused(&answer, false))
}

/// As [`read`], for what many apps are not granted.
///
/// # Errors
/// By the table; `Unsupported` where the permission is missing, for nothing else of the
/// account is wrong then.
pub fn granted(request: Request, scope: &str) -> Result<Response> {
    let answer = look(request)?;
    if answer.is_success() {
        return answer.for_read();
    }
    if answer.status == 403 {
        return Err(Error::unsupported(format!(
            "{}. It needs the scope {scope}",
            answer.message()
        )));
    }
    Err(refused(&answer, false))
}

/// Sends what can't be taken back.
///
/// # Errors
/// By the table.
pub fn commit(request: Request) -> Result<Response> {
    committed(request.send()?)
}

/// What came back of what can't be taken back.
///
/// # Errors
/// By the table.
pub fn committed(answer: Response) -> Result<Response> {
    if answer.is_success() {
        return answer.for_commit();
    }
    Err(refused(&answer, true))
}
