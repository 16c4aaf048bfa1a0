//! One chat completion: the request as the endpoint takes it, and what its answer means.
//!
//! Endpoints that call themselves compatible differ in what they take. What one refuses
//! is left out from then on, which is remembered.

use jarchi_plugin_sdk::http::{self, HttpError, Response};
use jarchi_plugin_sdk::{Error, Millis, Result, clock, kv, time, warn};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::ledger::{Ledger, Refused, Tokens};
use crate::settings::Settings;

/// Where it is remembered what the endpoint takes.
const KEY: &str = "endpoint";

/// Requests of one run, refused ones too; a call may commit twice as often to its memory.
const MOST: u32 = 28;

/// The least time that a request is given (milliseconds).
const LEAST: Millis = 3000;

/// Tokens of a picture in low detail: the dearest of OpenAI's small models counts 2,833.
const PICTURE: u64 = 3000;

/// Tokens around each message, and of the answer's beginning: OpenAI's models have 3 or 4.
const FRAME: u64 = 8;

/// The longest answer that is looked at (bytes).
const LONGEST: usize = 256 << 10;

/// How the shape of an answer is asked for, the best first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Format {
    #[default]
    JsonSchema,
    JsonObject,
    Plain,
}

/// What an endpoint's model takes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ways {
    /// The address and model that this is known of.
    of: String,
    pub(crate) format: Format,
    /// `max_completion_tokens` instead of `max_tokens`.
    new_limit: bool,
    no_temperature: bool,
    /// System prompts are refused: they stand in the user's first message.
    no_system: bool,
}

/// Who says what.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) role: Role,
    pub(crate) text: String,
    /// A picture as `data:` address.
    pub(crate) picture: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    System,
    User,
    Assistant,
}

impl Message {
    pub(crate) fn new(role: Role, text: impl Into<String>) -> Self {
        Message {
            role,
            text: text.into(),
            picture: None,
        }
    }

    fn worst(&self) -> u64 {
        // A token is a byte at the least.
        let picture = self.picture.as_ref().map_or(0, |_| PICTURE);
        self.text.len() as u64 + FRAME + picture
    }

    /// Where the endpoint does not say: half a token a byte, which is more than texts have
    /// in the scripts that models are trained on.
    fn likely(&self) -> u64 {
        let picture = self.picture.as_ref().map_or(0, |_| PICTURE);
        estimate(&self.text) + FRAME + picture
    }
}

fn estimate(text: &str) -> u64 {
    (text.len() as u64).div_ceil(2)
}

/// What the model said.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) text: String,
    /// It ended at `max_tokens`.
    pub(crate) cut: bool,
    /// The endpoint says that the model refused, or that a filter of its own did.
    pub(crate) refused: bool,
}

/// Why there is no reply.
#[derive(Debug)]
pub(crate) enum Stop {
    Error(Error),
    /// The day's budget, in words, and how long it will be (milliseconds).
    Spent(String, Millis),
    /// The run's time or its requests are used up, in words.
    Run(String),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Stop::Error(error)
    }
}

impl Stop {
    /// As the queue takes it.
    pub(crate) fn into_error(self) -> Error {
        match self {
            Stop::Error(error) => error,
            Stop::Spent(reason, left) => {
                warn!("{reason}");
                Error::RateLimited(Some(left))
            }
            Stop::Run(reason) => Error::Transient(reason),
        }
    }

    pub(crate) fn reason(&self) -> String {
        match self {
            Stop::Error(error) => error.reason(),
            Stop::Spent(reason, _) | Stop::Run(reason) => reason.clone(),
        }
    }
}

#[derive(Deserialize)]
struct Completion {
    choices: Vec<Choice>,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Choice {
    message: Said,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Said {
    content: Option<String>,
    refusal: Option<String>,
}

#[derive(Deserialize)]
struct Usage {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
}

pub(crate) struct Chat<'a> {
    settings: &'a Settings,
    pub(crate) ledger: Ledger<'a>,
    ways: Ways,
    began: u64,
    requests: u32,
}

impl<'a> Chat<'a> {
    /// # Errors
    /// The memory can't be read.
    pub(crate) fn open(settings: &'a Settings, ledger: Ledger<'a>) -> Result<Self> {
        let of = format!("{} {}", settings.url, settings.model);
        let known = kv::get::<Ways>(KEY)?.filter(|known| known.of == of);
        Ok(Chat {
            settings,
            ledger,
            ways: known.unwrap_or(Ways {
                of,
                ..Ways::default()
            }),
            began: clock::now(),
            requests: 0,
        })
    }

    /// Asks, and asks again without what the endpoint does not take.
    pub(crate) fn ask(&mut self, messages: &[Message], schema: &Value) -> Result<Reply, Stop> {
        loop {
            let response = match self.send(messages, schema)? {
                Sent::Reply(reply) => return Ok(reply),
                Sent::Refused(response) => response,
            };
            let message = response.message();
            if !self.give_way(&response) {
                return Err(Stop::Error(refusal(response)));
            }
            warn!(endpoint = self.settings.url; "asking otherwise from now on: {message}");
            kv::set(KEY, &self.ways).map_err(Error::from)?;
        }
    }

    fn send(&mut self, messages: &[Message], schema: &Value) -> Result<Sent, Stop> {
        let elapsed = clock::now().saturating_sub(self.began);
        let left = self.settings.timeout.saturating_sub(elapsed);
        if left < LEAST {
            return Err(Stop::Run(format!(
                "the run's time (`timeout`, {} s) is used up",
                self.settings.timeout / 1000
            )));
        }
        if self.requests == MOST {
            return Err(Stop::Run(format!("the run's {MOST} requests are used up")));
        }
        self.requests += 1;
        let body = self.body(messages, schema);
        let reserved = self.worst(messages, schema);
        self.ledger
            .reserve(reserved)
            .map_err(|refused| match refused {
                Refused::Spent(reason, left) => Stop::Spent(reason, left),
                Refused::Error(error) => Stop::Error(error),
            })?;
        let request = http::post(&self.settings.url).json(&body).timeout(left);
        // A local server needs no key: without one the request goes bare.
        let sent = match request.clone().bearer("api_key").send() {
            Err(HttpError::MissingSecret(_)) => request.send(),
            sent => sent,
        };
        let response = match sent {
            Ok(response) => response,
            Err(error) => {
                // An answer that did not come may have been written, and paid for.
                if !matches!(error, HttpError::NoAnswer(_) | HttpError::TooLarge(_)) {
                    self.ledger.settle(reserved, Tokens::NONE)?;
                }
                return Err(Stop::Error(http::read_error(error)));
            }
        };
        if !response.is_success() {
            // A gateway that gave up does not know what the model did behind it.
            if !matches!(response.status, 502 | 504) {
                self.ledger.settle(reserved, Tokens::NONE)?;
            }
            return Ok(Sent::Refused(response));
        }
        self.read(&response, messages, reserved).map(Sent::Reply)
    }

    fn read(
        &mut self,
        response: &Response,
        messages: &[Message],
        reserved: Tokens,
    ) -> Result<Reply, Stop> {
        let cut = |what: String| {
            Stop::Error(Error::transient(format!(
                "the endpoint's answer is no whole chat completion: {what}"
            )))
        };
        let completion: Completion =
            serde_json::from_slice(&response.body).map_err(|error| cut(error.to_string()))?;
        let choice = completion.choices.into_iter().next();
        let text = choice
            .as_ref()
            .and_then(|choice| choice.message.content.as_deref())
            .unwrap_or_default();
        let usage = completion.usage;
        let told = |count: fn(&Usage) -> Option<u64>| usage.as_ref().and_then(count);
        let used = Tokens {
            read: told(|usage| usage.prompt_tokens)
                .unwrap_or_else(|| messages.iter().map(Message::likely).sum()),
            written: told(|usage| usage.completion_tokens).unwrap_or_else(|| estimate(text)),
        };
        self.ledger.settle(reserved, used)?;
        let Some(choice) = choice else {
            return Err(cut(String::from("it has no choices")));
        };
        let finish = choice.finish_reason.as_deref().unwrap_or_default();
        let refusal = choice.message.refusal.is_some_and(|text| !text.is_empty());
        let text = choice.message.content.unwrap_or_default();
        if text.len() > LONGEST {
            return Err(cut(format!("{} bytes of text", text.len())));
        }
        Ok(Reply {
            text,
            cut: finish == "length",
            refused: refusal || finish == "content_filter",
        })
    }

    fn worst(&self, messages: &[Message], schema: &Value) -> Tokens {
        let schema = schema.to_string().len() as u64;
        Tokens {
            read: messages.iter().map(Message::worst).sum::<u64>() + schema,
            written: self.settings.max_tokens.into(),
        }
    }

    fn body(&self, messages: &[Message], schema: &Value) -> Value {
        let mut told = Vec::with_capacity(messages.len());
        let mut before = String::new();
        for message in messages {
            // Nobody's words may stand where the broker looks for its placeholders.
            let mut text = message.text.replace("${", "$ {");
            let role = match message.role {
                Role::System => {
                    if self.ways.format != Format::JsonSchema {
                        text.push_str(&format!(
                            "\n\nAnswer with one JSON object and nothing else. It must fit this \
                             JSON Schema:\n{schema}"
                        ));
                    }
                    if self.ways.no_system {
                        before = format!("{text}\n\n");
                        continue;
                    }
                    "system"
                }
                Role::User => {
                    text = std::mem::take(&mut before) + &text;
                    "user"
                }
                Role::Assistant => "assistant",
            };
            let content = match &message.picture {
                None => Value::String(text),
                Some(picture) => json!([
                    { "type": "text", "text": text },
                    { "type": "image_url", "image_url": { "url": picture, "detail": "low" } },
                ]),
            };
            told.push(json!({ "role": role, "content": content }));
        }
        let mut body = json!({ "model": self.settings.model, "messages": told });
        let limit = match self.ways.new_limit {
            true => "max_completion_tokens",
            false => "max_tokens",
        };
        body[limit] = self.settings.max_tokens.into();
        if let Some(temperature) = self.settings.temperature
            && !self.ways.no_temperature
        {
            body["temperature"] = temperature.into();
        }
        match self.ways.format {
            Format::JsonSchema => {
                body["response_format"] = json!({
                    "type": "json_schema",
                    "json_schema": { "name": "answer", "strict": true, "schema": schema },
                });
            }
            Format::JsonObject => body["response_format"] = json!({ "type": "json_object" }),
            Format::Plain => {}
        }
        body
    }

    /// Leaves out what the endpoint refused, if it is something that can be. False where
    /// the refusal means something else.
    fn give_way(&mut self, response: &Response) -> bool {
        if !matches!(response.status, 400 | 404 | 415 | 422 | 500 | 501) {
            return false;
        }
        let words = response.text().to_lowercase();
        let names = |what: &[&str]| what.iter().any(|word| words.contains(word));
        // OpenAI's newer models name the parameter that they take instead.
        if !self.ways.new_limit && names(&["max_completion_tokens"]) {
            self.ways.new_limit = true;
        } else if self.settings.temperature.is_some()
            && !self.ways.no_temperature
            && response.status != 500
            && names(&["temperature"])
        {
            self.ways.no_temperature = true;
        } else if !self.ways.no_system
            && names(&[
                "system role",
                "role 'system'",
                "role \"system\"",
                "developer instruction",
            ])
        {
            self.ways.no_system = true;
        } else if self.ways.format != Format::Plain
            && names(&[
                "response_format",
                "json_schema",
                "json_object",
                "grammar",
                "structured output",
            ])
        {
            self.ways.format = match self.ways.format {
                Format::JsonSchema => Format::JsonObject,
                Format::JsonObject | Format::Plain => Format::Plain,
            };
        } else {
            return false;
        }
        true
    }
}

enum Sent {
    Reply(Reply),
    Refused(Response),
}

/// An hour: for an account that has nothing left, of which no header tells when it will.
const QUOTA: Millis = 3_600_000;

fn refusal(response: Response) -> Error {
    if response.status == 429 && response.retry_after().is_none() {
        let wait = window(&response).or_else(|| {
            let words = response.text();
            words.contains("insufficient_quota").then_some(QUOTA)
        });
        warn!("{}", response.message());
        return Error::RateLimited(wait);
    }
    match response.for_read() {
        Err(error) => error,
        Ok(response) => Error::transient(format!("it answered {}", response.status)),
    }
}

/// When the window that is used up ends, by the headers that OpenAI has: `1s`, `6m0s`,
/// `1.5s`, `20ms`.
fn window(response: &Response) -> Option<Millis> {
    if let Some(millis) = response.header("retry-after-ms") {
        return millis.trim().parse().ok();
    }
    ["requests", "tokens"]
        .iter()
        .filter(|what| {
            let left = response.header(&format!("x-ratelimit-remaining-{what}"));
            left.is_none_or(|left| left.trim() == "0")
        })
        .filter_map(|what| span(response.header(&format!("x-ratelimit-reset-{what}"))?))
        .max()
}

/// A span with decimals, cut up to whole milliseconds.
fn span(text: &str) -> Option<Millis> {
    let text = text.trim();
    let Some((whole, rest)) = text.split_once('.') else {
        return time::parse_span(text);
    };
    // Decimals of seconds alone; what stands before them is whole.
    let decimals = rest.strip_suffix('s').filter(|text| !text.ends_with('m'))?;
    let millis = format!("{decimals:0<3}");
    let millis: u64 = millis.get(..3)?.parse().ok()?;
    Some(time::parse_span(&format!("{whole}s"))? + millis)
}

#[cfg(test)]
mod tests {
    #[test]
    fn spans_of_rate_limits() {
        for (text, span) in [
            ("1s", Some(1000)),
            ("6m0s", Some(360_000)),
            ("1.5s", Some(1500)),
            ("2m59.56s", Some(179_560)),
            ("20ms", Some(20)),
            ("", None),
            ("soon", None),
            ("1.5ms", None),
        ] {
            assert_eq!(super::span(text), span, "{text}");
        }
    }
}
