//! A receiver of webhooks, as somebody would write it by the Standard Webhooks
//! specification: it checks the signature and the time, and knows a post by its
//! `webhook-id`. There is no machine-readable description: it judges by itself.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{Answer, Platform, Request, sign};

pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
pub const KEY: &str = "the-receiver-s-key";

/// How old a request may be (milliseconds), as the reference implementations have it.
const TOLERANCE: u64 = 5 * 60 * 1000;

/// A request that was taken.
#[derive(Clone, Debug)]
pub struct Taken {
    pub post: Value,
    /// Files by their parts.
    pub files: BTreeMap<String, Vec<u8>>,
    pub headers: Vec<(String, String)>,
    pub method: String,
}

/// The platform.
#[derive(Debug, Default)]
pub struct Receiver {
    /// By their keys.
    pub posts: BTreeMap<String, Taken>,
    /// Requests that made a post, doubles too.
    pub made: usize,
    /// A second request of a key is taken for the first.
    pub idempotent: bool,
    /// It answers with this status, and with what `answers` says.
    pub status: Option<u16>,
    pub answers: Option<Value>,
}

impl Receiver {
    fn is_signed(&self, request: &Request, now: u64) -> bool {
        if let Some(signature) = request.header("x-hub-signature-256") {
            return signature == format!("sha256={}", sign::over_body(SECRET, &request.body));
        }
        let (Some(id), Some(timestamp), Some(signature)) = (
            request.header("webhook-id"),
            request.header("webhook-timestamp"),
            request.header("webhook-signature"),
        ) else {
            return false;
        };
        let at = timestamp.parse::<u64>().expect("seconds") * 1000;
        let right = format!(
            "v1,{}",
            sign::standard(SECRET, id, timestamp, &request.body)
        );
        now.abs_diff(at) <= TOLERANCE && signature == right
    }

    fn take(&mut self, request: &Request) -> Answer {
        let key = request.header("webhook-id").unwrap_or_default().to_owned();
        let mut files = BTreeMap::new();
        let post = if request.content_type() == "multipart/form-data" {
            let mut post = Value::Null;
            for part in request.parts() {
                match part.name.as_str() {
                    "post" => post = serde_json::from_slice(&part.bytes).expect("JSON"),
                    _ => {
                        files.insert(part.name, part.bytes);
                    }
                }
            }
            post
        } else {
            request.json().expect("JSON")
        };
        assert_eq!(post["data"]["key"], key, "the body has the key as well");
        if !(self.idempotent && self.posts.contains_key(&key)) {
            self.made += 1;
        }
        self.posts.insert(
            key.clone(),
            Taken {
                post,
                files,
                headers: request.headers.clone(),
                method: request.method.clone(),
            },
        );
        let usual =
            json!({ "id": format!("post-{key}"), "url": format!("https://tea.example/{key}") });
        let body = self.answers.clone().unwrap_or(usual);
        Answer::json(self.status.unwrap_or(201), &body)
    }
}

impl Platform for Receiver {
    fn answer(&mut self, request: &Request, now: u64) -> Answer {
        let key = request.header("x-api-key").or_else(|| request.bearer());
        if key.is_some_and(|key| key != KEY) {
            return Answer::json(401, &json!({ "error": "unknown key" }));
        }
        match (request.method.as_str(), request.path()) {
            ("POST" | "PUT" | "PATCH", "/hook") => {
                if !self.is_signed(request, now) && key.is_none() {
                    return Answer::json(401, &json!({ "error": "wrong signature" }));
                }
                self.take(request)
            }
            ("HEAD", "/hook") => Answer::empty(405),
            ("GET", path) if path.starts_with("/posts/") => {
                let key = path.trim_start_matches("/posts/");
                match self.posts.contains_key(key) {
                    true => Answer::json(200, &json!({ "id": format!("post-{key}") })),
                    false => Answer::empty(404),
                }
            }
            ("DELETE", path) if path.starts_with("/posts/post-") => {
                let key = path.trim_start_matches("/posts/post-");
                match self.posts.remove(key) {
                    Some(_) => Answer::empty(204),
                    None => Answer::empty(404),
                }
            }
            (method, path) => panic!("{method} {path}"),
        }
    }
}
