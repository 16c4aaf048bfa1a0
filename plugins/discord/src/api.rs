//! The webhook, and what Discord's answers mean (docs.discord.com, "Webhook Resource",
//! "Rate Limits", "Opcodes and Status Codes").

use jarchi_plugin_sdk::http::{self, HttpError, Request, Response, encode};
use jarchi_plugin_sdk::{Account, Error, Millis, Result, kv};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::options::Settings;

/// How long the webhook's own description is remembered (milliseconds).
const REMEMBERED: u64 = 60 * 60 * 1000;
/// "Users must … provide a valid User Agent" (Discord's reference).
const AGENT: &str = concat!(
    "DiscordBot (",
    env!("CARGO_PKG_REPOSITORY"),
    ", ",
    env!("CARGO_PKG_VERSION"),
    ")"
);

/// A message that is not there (any more).
pub const UNKNOWN_MESSAGE: i64 = 10_008;

/// The account's webhook.
pub struct Webhook {
    pub settings: Settings,
}

/// Why a request did not do what it should.
#[derive(Debug)]
pub struct Refused {
    pub error: Error,
    /// Discord's own number of it.
    pub code: i64,
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        refused.error
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Stake {
    Read,
    Commit,
}

impl Webhook {
    /// # Errors
    /// `Invalid`: the settings are not as the manifest declares them.
    pub fn of(account: &Account) -> Result<Self> {
        let mut settings: Settings = account.settings()?;
        let api = settings.api.trim_end_matches('/').len();
        settings.api.truncate(api);
        Ok(Webhook { settings })
    }

    /// A request below the webhook's own address.
    pub fn request(&self, method: &str, path: &str) -> Request {
        let own = format!(
            "/webhooks/{}/{}{path}",
            encode(&self.settings.webhook),
            http::secret("token")
        );
        self.plain(method, &own)
    }

    /// A request that needs no token.
    pub fn plain(&self, method: &str, path: &str) -> Request {
        let Settings { api, version, .. } = &self.settings;
        Request::new(method, format!("{api}/api/{}{path}", encode(version)))
            .header("user-agent", AGENT)
    }

    /// A message of the webhook.
    pub fn message(&self, method: &str, id: &str, thread: Option<&str>) -> Request {
        let request = self.request(method, &format!("/messages/{}", encode(id)));
        match thread {
            Some(thread) => request.query("thread_id", thread),
            None => request,
        }
    }

    /// What Discord tells of the webhook, remembered for an hour.
    ///
    /// # Errors
    /// Discord refused.
    pub fn about(&self) -> Result<About> {
        kv::cached("webhook", REMEMBERED, || self.ask())
    }

    /// What Discord tells of the webhook now.
    ///
    /// # Errors
    /// Discord refused.
    pub fn ask(&self) -> Result<About> {
        let answer = judge(self.request("GET", "").send(), Stake::Read)?;
        answer.for_read()?.json()
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct About {
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub channel_id: Option<String>,
    #[serde(default)]
    pub guild_id: Option<String>,
}

impl About {
    /// Where people see the channel or, with `message`, one message.
    pub fn address(&self, channel: &str, message: Option<&str>) -> Option<String> {
        let guild = self.guild_id.as_deref()?;
        let channel = format!("https://discord.com/channels/{guild}/{channel}");
        Some(match message {
            Some(message) => format!("{channel}/{message}"),
            None => channel,
        })
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    code: i64,
    message: String,
    errors: Value,
    retry_after: Option<f64>,
}

/// The answer, where it is a success.
///
/// # Errors
/// What Discord's refusal means.
pub fn judge(answer: Result<Response, HttpError>, stake: Stake) -> Result<Response, Refused> {
    let unclear = |reason: String| match stake {
        Stake::Read => Error::Transient(reason),
        Stake::Commit => Error::UnknownOutcome(reason),
    };
    let response = answer.map_err(|error| Refused {
        code: 0,
        error: match Error::from(error) {
            Error::UnknownOutcome(reason) => unclear(reason),
            other => other,
        },
    })?;
    if response.is_success() {
        return Ok(response);
    }
    let body: Body = serde_json::from_slice(&response.body).unwrap_or_default();
    let said = words(&body, &response);
    let wait = body
        .retry_after
        .filter(|seconds| seconds.is_finite() && *seconds >= 0.0)
        .map(|seconds| (seconds * 1000.0).ceil() as Millis)
        .or_else(|| response.retry_after());
    let error = match (response.status, body.code) {
        (429, _) | (_, 20_016 | 20_028 | 20_029 | 40_062) => Error::RateLimited(wait),
        (_, 10_015) => Error::Unauthorized(format!(
            "{said}: the webhook was deleted; make a new one in the channel's settings"
        )),
        (_, 50_027) => Error::Unauthorized(format!(
            "{said}: copy the webhook's address anew; its last part is the secret `token`"
        )),
        (_, UNKNOWN_MESSAGE) => Error::Invalid(said),
        (_, 10_003) => Error::Invalid(format!("{said}: is the number of the thread right?")),
        (_, 220_001) => Error::Invalid(format!(
            "{said}: set `forum = true` for the account, or name a `thread`"
        )),
        (_, 220_003) => Error::Invalid(format!(
            "{said}: the channel is no forum; set `forum = false`"
        )),
        (_, 40_005) | (413, _) => Error::Invalid(format!(
            "{said}: the files are larger than this server takes"
        )),
        // Discord closes out addresses that ask for what is not there too often.
        (401 | 403 | 404, _) => Error::Unauthorized(said),
        (408 | 500.., _) => match wait {
            Some(wait) if stake == Stake::Read => Error::RateLimited(Some(wait)),
            _ => unclear(said),
        },
        (425, _) => Error::Transient(said),
        _ => Error::Invalid(said),
    };
    Err(Refused {
        error,
        code: body.code,
    })
}

/// Discord's words, with the places of what is wrong.
fn words(body: &Body, response: &Response) -> String {
    if body.message.is_empty() {
        return response.message();
    }
    let mut places = Vec::new();
    collect(&body.errors, "", &mut places);
    let mut said = match body.code {
        0 => body.message.clone(),
        code => format!("{} ({code})", body.message),
    };
    if !places.is_empty() {
        said = format!("{said}: {}", places.join("; "));
    }
    said.chars().take(600).collect()
}

fn collect(errors: &Value, place: &str, into: &mut Vec<String>) {
    let Some(fields) = errors.as_object() else {
        return;
    };
    for (name, inner) in fields {
        if name == "_errors" {
            let list = inner.as_array().into_iter().flatten();
            for message in list.filter_map(|one| one["message"].as_str()) {
                into.push(match place {
                    "" => message.to_owned(),
                    place => format!("{place}: {message}"),
                });
            }
            continue;
        }
        let place = match place {
            "" => name.clone(),
            place => format!("{place}.{name}"),
        };
        collect(inner, &place, into);
    }
}

/// How long Discord wants to be left alone after an answer that used up the last request
/// of its window.
pub fn rest(response: &Response) -> Millis {
    let number = |name: &str| response.header(name)?.trim().parse::<f64>().ok();
    match (
        number("x-ratelimit-remaining"),
        number("x-ratelimit-reset-after"),
    ) {
        (Some(0.0), Some(seconds)) if seconds.is_finite() && seconds > 0.0 => {
            (seconds.min(3600.0) * 1000.0).ceil() as Millis
        }
        _ => 0,
    }
}

#[derive(Debug, Deserialize)]
pub struct Message {
    pub id: String,
    pub channel_id: String,
    #[serde(default)]
    pub timestamp: Option<String>,
    #[serde(default)]
    pub reactions: Vec<Reaction>,
    #[serde(default)]
    pub poll: Option<Poll>,
}

#[derive(Debug, Deserialize)]
pub struct Reaction {
    #[serde(default)]
    pub count: i64,
}

#[derive(Debug, Deserialize)]
pub struct Poll {
    #[serde(default)]
    pub results: Option<Results>,
}

#[derive(Debug, Deserialize)]
pub struct Results {
    #[serde(default)]
    pub answer_counts: Vec<Reaction>,
}
