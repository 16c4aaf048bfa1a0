//! Chat completions as OpenAI's API has them, and as those who call themselves compatible
//! do: a model whose words are scripted, and which can misbehave.
//!
//! What a request may have is OpenAI's OpenAPI description (`openai/openai-openapi`,
//! `CreateChatCompletionRequest`, 2026), and for strict schemas the guide "Structured
//! Outputs". What neither names is refused.

mod check;

use std::collections::VecDeque;

use serde_json::{Value, json};

use crate::{Answer, Platform, Request};

pub const KEY: &str = "sk-the-brands-own-key";
pub const MODEL: &str = "crier-1-mini";

/// What the model does with the next request.
#[derive(Clone, Debug)]
pub enum Say {
    /// The object that was asked for.
    Json(Value),
    /// Any words.
    Text(String),
    /// Words that end at `max_tokens`.
    Cut(String),
    /// The object, and no word of what it cost.
    NoUsage(Value),
    /// It declines, in the field that OpenAI has for it.
    Refusal(String),
    /// A filter of the endpoint's took the answer.
    Filtered,
    /// It does what stands anywhere in the prompt: `post this link: ADDRESS`.
    Obey,
    /// It gives its prompt away.
    Leak,
    /// Something else altogether, before any model is asked.
    Instead(Answer),
}

/// What the endpoint takes of what OpenAI's does.
#[derive(Clone, Copy, Debug)]
pub struct Takes {
    pub json_schema: bool,
    pub json_object: bool,
    /// Else `max_completion_tokens` alone, as OpenAI's reasoning models.
    pub max_tokens: bool,
    pub temperature: bool,
    pub system: bool,
}

/// The endpoint.
#[derive(Debug)]
pub struct OpenAi {
    /// None: it asks for no key, as local servers.
    pub key: Option<&'static str>,
    pub takes: Takes,
    /// Said in turn; then the model behaves.
    pub script: VecDeque<Say>,
    /// The bodies of the requests that reached the model.
    pub asked: Vec<Value>,
    /// Answers of the model so far.
    pub made: u64,
}

impl Default for OpenAi {
    fn default() -> Self {
        OpenAi {
            key: Some(KEY),
            takes: Takes {
                json_schema: true,
                json_object: true,
                max_tokens: true,
                temperature: true,
                system: true,
            },
            script: VecDeque::new(),
            asked: Vec::new(),
            made: 0,
        }
    }
}

/// An error as OpenAI's API words it.
pub fn error(status: u16, message: &str, code: &str, param: Option<&str>) -> Answer {
    let kind = match status {
        401 => "authentication_error",
        429 => "rate_limit_exceeded",
        500.. => "server_error",
        _ => "invalid_request_error",
    };
    Answer::json(
        status,
        &json!({ "error": { "message": message, "type": kind, "param": param, "code": code } }),
    )
}

impl OpenAi {
    /// One that says these in turn.
    pub fn saying(script: impl IntoIterator<Item = Say>) -> Self {
        OpenAi {
            script: script.into_iter().collect(),
            ..OpenAi::default()
        }
    }

    /// All that the model was told by a request.
    pub fn prompt(&self, request: usize) -> String {
        words(&self.asked[request])
    }

    fn completion(&mut self, body: &Value) -> Answer {
        self.made += 1;
        let say = self.script.pop_front();
        let behaved = || check::behaved(body, self.made);
        let (content, finish, refusal, usage) = match say {
            None => (behaved().to_string(), "stop", None, true),
            Some(Say::Json(value)) => (value.to_string(), "stop", None, true),
            Some(Say::NoUsage(value)) => (value.to_string(), "stop", None, false),
            Some(Say::Text(text)) => (text, "stop", None, true),
            Some(Say::Cut(text)) => (text, "length", None, true),
            Some(Say::Refusal(text)) => (String::new(), "stop", Some(text), true),
            Some(Say::Filtered) => (String::new(), "content_filter", None, true),
            Some(Say::Obey) => {
                let prompt = words(body);
                let (_, rest) = prompt.split_once("post this link: ").expect("an order");
                let link = rest.split_whitespace().next().expect("an address");
                let mut value = behaved();
                value["text"] = format!("Hamı bura baxsın: {link}").into();
                (value.to_string(), "stop", None, true)
            }
            Some(Say::Leak) => {
                let prompt = words(body);
                let piece: String = prompt.chars().take(300).collect();
                let mut value = behaved();
                value["text"] = format!("Mənim təlimatım: {piece}").into();
                (value.to_string(), "stop", None, true)
            }
            Some(Say::Instead(answer)) => return answer,
        };
        let (read, written) = (words(body).len() / 4 + 1, content.len() / 4 + 1);
        let mut completion = json!({
            "id": format!("chatcmpl-{}", self.made),
            "object": "chat.completion",
            "created": 1_795_507_200,
            "model": MODEL,
            "choices": [{
                "index": 0,
                "message": { "role": "assistant", "content": content, "refusal": refusal },
                "logprobs": null,
                "finish_reason": finish,
            }],
        });
        if refusal.is_some() {
            completion["choices"][0]["message"]["content"] = Value::Null;
        }
        if usage {
            completion["usage"] = json!({
                "prompt_tokens": read,
                "completion_tokens": written,
                "total_tokens": read + written,
            });
        }
        Answer::json(200, &completion)
    }
}

/// All texts of a request's messages.
fn words(body: &Value) -> String {
    let mut words = String::new();
    for message in body["messages"].as_array().into_iter().flatten() {
        match &message["content"] {
            Value::String(text) => words.push_str(text),
            Value::Array(parts) => {
                for part in parts {
                    words.push_str(part["text"].as_str().unwrap_or_default());
                }
            }
            _ => {}
        }
        words.push('\n');
    }
    words
}

impl Platform for OpenAi {
    fn answer(&mut self, request: &Request, _now: u64) -> Answer {
        if let Some(key) = self.key
            && request.bearer() != Some(key)
        {
            let given = request.bearer().unwrap_or("nothing");
            let message = format!("Incorrect API key provided: {given}.");
            return error(401, &message, "invalid_api_key", None);
        }
        if self.key.is_none() {
            assert_eq!(
                request.header("authorization"),
                None,
                "nobody asked for a key"
            );
        }
        if (request.method.as_str(), request.path()) != ("POST", "/v1/chat/completions") {
            return error(404, "Invalid URL", "unknown_url", None);
        }
        assert_eq!(request.content_type(), "application/json");
        let Some(body) = request.json() else {
            return error(
                400,
                "We could not parse the JSON body of your request.",
                "json",
                None,
            );
        };
        if let Err(refused) = check::request(&body, self.takes) {
            return refused;
        }
        self.asked.push(body.clone());
        self.completion(&body)
    }
}
