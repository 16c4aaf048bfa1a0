//! The API's envelope, and what its errors mean to the queue.
//!
//! Sources: "Content Posting API" (Direct Post, Upload, Query Creator Info, Get Post
//! Status, Media Transfer Guide), "Display API", "Error handling".

use jarchi_plugin_sdk::http::{Request, Response};
use jarchi_plugin_sdk::{Account, Error, Millis, Result};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

const MINUTE: Millis = 60_000;
const HOUR: Millis = 60 * MINUTE;

/// The account's settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct Settings {
    pub api: String,
    pub privacy: String,
    pub draft: bool,
    pub interactions: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            api: "https://open.tiktokapis.com".into(),
            privacy: "PUBLIC_TO_EVERYONE".into(),
            draft: false,
            interactions: true,
        }
    }
}

/// The account's API.
pub struct Api {
    pub settings: Settings,
}

/// What is at stake with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stake {
    /// It can be repeated.
    Harmless,
    /// It publishes.
    Commit,
}

/// Every answer: success is the code `ok`, whatever the status.
#[derive(Debug, Deserialize)]
struct Envelope {
    #[serde(default)]
    data: Value,
    error: Told,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Told {
    code: String,
    message: String,
    log_id: String,
}

/// What a code means.
enum Meaning {
    Connect(&'static str),
    Wait(Millis),
    /// Nothing is known.
    Unsure,
    Never,
}

fn meaning(code: &str) -> Meaning {
    use Meaning::{Connect, Never, Unsure, Wait};
    match code {
        "access_token_invalid" | "access_token_has_been_revoked" => {
            Connect("connect the account again")
        }
        "scope_not_authorized" | "scope_permission_missed" => {
            Connect("a permission is missing: connect the account again and grant all of them")
        }
        "spam_risk_user_banned_from_posting" => {
            Connect("TikTok bans the account from posting: open the app and see why")
        }
        "rate_limit_exceeded" => Wait(MINUTE),
        // So many in a day ("Direct Post, error codes").
        "spam_risk_too_many_posts" | "reached_active_user_cap" => Wait(24 * HOUR),
        "spam_risk_too_many_pending_share" => Wait(6 * HOUR),
        "internal_error" | "internal" => Unsure,
        _ => Never,
    }
}

impl Api {
    /// # Errors
    /// `Invalid`: a setting does not fit.
    pub fn of(account: &Account) -> Result<Self> {
        Ok(Api {
            settings: account.settings()?,
        })
    }

    /// A request to a path, with the token.
    pub fn request(&self, method: &str, path: &str) -> Request {
        let api = self.settings.api.trim_end_matches('/');
        Request::new(method, format!("{api}{path}")).bearer("access_token")
    }
}

/// Sends it, and opens the answer's envelope.
///
/// # Errors
/// TikTok's refusal in the queue's terms.
pub fn ask<T: DeserializeOwned>(request: Request, stake: Stake) -> Result<T> {
    let unsure = |words: String| match stake {
        Stake::Harmless => Error::Transient(words),
        Stake::Commit => Error::UnknownOutcome(words),
    };
    let response: Response = match stake {
        Stake::Harmless => request
            .send()
            .map_err(jarchi_plugin_sdk::http::read_error)?,
        Stake::Commit => request.send()?,
    };
    let Ok(envelope) = serde_json::from_slice::<Envelope>(&response.body) else {
        let refused = match stake {
            Stake::Harmless => response.for_read(),
            Stake::Commit => response.for_commit(),
        };
        return Err(match refused {
            Err(error) => error,
            Ok(response) => unsure(format!("no answer of TikTok's API: {}", response.message())),
        });
    };
    let Told {
        code,
        message,
        log_id,
    } = envelope.error;
    if code == "ok" {
        return serde_json::from_value(envelope.data)
            .map_err(|error| unsure(format!("TikTok's answer is not as expected: {error}")));
    }
    let words = match message.trim() {
        "" => format!("{code} (log {log_id})"),
        message => format!("{message} ({code}, log {log_id})"),
    };
    Err(match meaning(&code) {
        Meaning::Connect(advice) => Error::Unauthorized(format!("{words}: {advice}")),
        Meaning::Wait(usual) => Error::RateLimited(response.retry_after().or(Some(usual))),
        Meaning::Unsure => unsure(words),
        Meaning::Never if response.status >= 500 => unsure(words),
        Meaning::Never => Error::Invalid(words),
    })
}
