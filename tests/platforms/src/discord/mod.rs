//! Discord's API, as far as a webhook sees it: one webhook in a channel of a server.
//!
//! Its refusals follow Discord's documents ("Opcodes and Status Codes", "Rate Limits");
//! the requests' form is judged by [`spec::discord`].

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{Answer, Platform, Request, spec};

pub const WEBHOOK: &str = "1234567890123456789";
pub const TOKEN: &str = "Xy-z_0123456789abcdefABCDEF";
pub const CHANNEL: &str = "2000000000000000001";
pub const GUILD: &str = "3000000000000000001";
/// A thread that is there from the beginning.
pub const THREAD: &str = "4000000000000000001";

/// Requests of a window, and its length (milliseconds).
const LIMIT: usize = 5;
const WINDOW: u64 = 2000;

/// A message, and the channel or thread that it is in.
#[derive(Clone, Debug)]
pub struct Kept {
    pub channel: String,
    pub body: Value,
    /// Names and sizes.
    pub files: Vec<(String, usize)>,
    pub reactions: Vec<i64>,
    pub votes: Option<Vec<i64>>,
}

/// The platform.
#[derive(Debug)]
pub struct Discord {
    pub token: String,
    pub deleted: bool,
    pub forum: bool,
    pub threads: Vec<String>,
    /// By their numbers, in order.
    pub messages: BTreeMap<u64, Kept>,
    pub upload_limit: usize,
    pub members: i64,
    next: u64,
    window: (u64, usize),
}

impl Default for Discord {
    fn default() -> Self {
        Discord {
            token: TOKEN.to_owned(),
            deleted: false,
            forum: false,
            threads: vec![THREAD.to_owned()],
            messages: BTreeMap::new(),
            upload_limit: 10 << 20,
            members: 321,
            next: 5_000_000_000_000_000_000,
            window: (0, 0),
        }
    }
}

fn no(status: u16, code: i64, message: &str) -> Answer {
    Answer::json(status, &json!({ "code": code, "message": message }))
}

/// A form's faults ("Error Messages").
fn form(place: &str, message: &str) -> Answer {
    let fault = json!({ "_errors": [{ "code": "BASE_TYPE", "message": message }] });
    let errors = place
        .rsplit('.')
        .fold(fault, |inner, name| json!({ name: inner }));
    Answer::json(
        400,
        &json!({ "code": 50035, "message": "Invalid Form Body", "errors": errors }),
    )
}

impl Discord {
    pub fn kept(&self) -> Vec<Kept> {
        self.messages.values().cloned().collect()
    }

    fn snowflake(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// None where the window has room.
    fn paced(&mut self, now: u64) -> Option<Answer> {
        if now >= self.window.0 + WINDOW {
            self.window = (now, 0);
        }
        let left = (self.window.0 + WINDOW - now) as f64 / 1000.0;
        if self.window.1 >= LIMIT {
            let body = json!({ "message": "You are being rate limited.", "retry_after": left, "global": false });
            let answer = Answer::json(429, &body).header("retry-after", left.ceil());
            return Some(self.with_window(answer, now));
        }
        self.window.1 += 1;
        None
    }

    fn with_window(&self, answer: Answer, now: u64) -> Answer {
        let end = self.window.0 + WINDOW;
        answer
            .header("x-ratelimit-limit", LIMIT)
            .header("x-ratelimit-remaining", LIMIT - self.window.1)
            .header("x-ratelimit-reset", end as f64 / 1000.0)
            .header("x-ratelimit-reset-after", (end - now) as f64 / 1000.0)
            .header("x-ratelimit-bucket", "a-bucket")
    }

    fn described(&self, id: u64, kept: &Kept) -> Value {
        let mut message = json!({
            "id": id.to_string(), "channel_id": kept.channel, "type": 0, "webhook_id": WEBHOOK,
            "content": kept.body["content"].as_str().unwrap_or_default(),
            "timestamp": "2026-11-24T08:00:00.250000+00:00", "edited_timestamp": null,
            "author": { "id": WEBHOOK, "username": "Tea House", "bot": true },
            "embeds": kept.body.get("embeds").cloned().unwrap_or(json!([])),
            "attachments": [], "mentions": [], "mention_roles": [], "components": [], "flags": 0,
            "pinned": false, "mention_everyone": false, "tts": false,
        });
        if !kept.reactions.is_empty() {
            let reactions = kept.reactions.iter();
            message["reactions"] = reactions
                .map(|count| json!({ "emoji": { "id": null, "name": "🫖" }, "count": count }))
                .collect();
        }
        if let Some(poll) = kept.body.get("poll") {
            message["poll"] = poll.clone();
            message["poll"]["expiry"] = "2026-11-25T08:00:00+00:00".into();
            if let Some(votes) = &kept.votes {
                let counts: Vec<Value> = votes
                    .iter()
                    .enumerate()
                    .map(|(id, count)| json!({ "id": id + 1, "count": count, "me_voted": false }))
                    .collect();
                message["poll"]["results"] =
                    json!({ "answer_counts": counts, "is_finalized": false });
            }
        }
        message
    }

    fn execute(&mut self, request: &Request) -> Answer {
        let mut files = Vec::new();
        let body = if request.content_type() == "multipart/form-data" {
            let mut body = json!({});
            for part in request.parts() {
                match part.name.as_str() {
                    "payload_json" => body = serde_json::from_slice(&part.bytes).expect("JSON"),
                    name => {
                        let number = name
                            .strip_prefix("files[")
                            .and_then(|rest| rest.strip_suffix(']'));
                        let number = number.expect("files[n]").to_owned();
                        files.push((number, part.filename.expect("a filename"), part.bytes.len()));
                    }
                }
            }
            body
        } else {
            request.json().expect("JSON")
        };
        if files
            .iter()
            .any(|(_, _, length)| *length > self.upload_limit)
        {
            return no(413, 40005, "Request entity too large");
        }
        let described = body["attachments"].as_array().cloned().unwrap_or_default();
        for attachment in &described {
            let known = files
                .iter()
                .any(|(number, ..)| attachment["id"] == number.as_str());
            if !known {
                return form("attachments.0.id", "there is no such file");
            }
        }
        let empty = |name: &str| body[name].as_str().is_none_or(str::is_empty);
        let none = |name: &str| body[name].as_array().is_none_or(Vec::is_empty);
        if empty("content") && none("embeds") && files.is_empty() && body.get("poll").is_none() {
            return no(400, 50006, "Cannot send an empty message");
        }
        let images = body["embeds"].as_array().into_iter().flatten();
        for image in images.filter_map(|embed| embed["image"]["url"].as_str()) {
            if let Some(name) = image.strip_prefix("attachment://")
                && !files.iter().any(|(_, filename, _)| filename == name)
            {
                return form("embeds.0.image.url", "no such attachment");
            }
        }
        let answers = body["poll"]["answers"].as_array().into_iter().flatten();
        for answer in answers {
            if answer["poll_media"]["text"]
                .as_str()
                .unwrap_or_default()
                .chars()
                .count()
                > 55
            {
                return form(
                    "poll.answers.0.poll_media.text",
                    "Must be 55 or fewer in length.",
                );
            }
        }
        let query = request.query();
        let thread = query.get("thread_id").cloned();
        let opens = body.get("thread_name").is_some();
        let channel = match (thread, opens) {
            (Some(_), true) => {
                return no(
                    400,
                    220_002,
                    "Webhooks posted to forum channels cannot have both a thread_name and thread_id",
                );
            }
            (Some(thread), false) if self.threads.contains(&thread) => thread,
            (Some(_), false) => return no(404, 10003, "Unknown Channel"),
            (None, true) if self.forum => {
                let thread = self.snowflake().to_string();
                self.threads.push(thread.clone());
                thread
            }
            (None, true) => {
                return no(
                    400,
                    220_003,
                    "Webhooks can only create threads in forum channels",
                );
            }
            (None, false) if self.forum => {
                return no(
                    400,
                    220_001,
                    "Webhooks posted to forum channels must have a thread_name or thread_id",
                );
            }
            (None, false) => CHANNEL.to_owned(),
        };
        let id = self.snowflake();
        let kept = Kept {
            channel,
            body,
            files: files
                .into_iter()
                .map(|(_, name, length)| (name, length))
                .collect(),
            reactions: Vec::new(),
            votes: None,
        };
        let message = self.described(id, &kept);
        self.messages.insert(id, kept);
        match query.get("wait").map(String::as_str) {
            Some("true") => Answer::json(200, &message),
            _ => Answer::empty(204),
        }
    }

    fn message(&mut self, request: &Request, id: &str) -> Answer {
        let thread = request.query().get("thread_id").cloned();
        let channel = thread.unwrap_or_else(|| CHANNEL.to_owned());
        let id: u64 = id.parse().expect("a snowflake");
        let found = self
            .messages
            .get(&id)
            .filter(|kept| kept.channel == channel);
        let Some(kept) = found.cloned() else {
            return no(404, 10008, "Unknown Message");
        };
        match request.method.as_str() {
            "GET" => Answer::json(200, &self.described(id, &kept)),
            "DELETE" => {
                self.messages.remove(&id);
                Answer::empty(204)
            }
            other => panic!("{other} of a message"),
        }
    }
}

impl Platform for Discord {
    fn answer(&mut self, request: &Request, now: u64) -> Answer {
        if let Err(why) = spec::discord().check(request) {
            panic!("{why}");
        }
        let agent = request.header("user-agent").unwrap_or_default();
        assert!(
            agent.starts_with("DiscordBot ("),
            "no valid user agent: {agent}"
        );
        if let Some(answer) = self.paced(now) {
            return answer;
        }
        let path = request
            .path()
            .strip_prefix("/api/v10")
            .unwrap_or_default()
            .to_owned();
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        let answer = match parts[..] {
            ["invites", "tea"] => {
                assert_eq!(
                    request.query().get("with_counts").map(String::as_str),
                    Some("true")
                );
                Answer::json(
                    200,
                    &json!({ "code": "tea", "type": 0, "approximate_member_count": self.members }),
                )
            }
            ["invites", _] => no(404, 10006, "Unknown Invite"),
            ["webhooks", webhook, ..] if webhook != WEBHOOK || self.deleted => {
                no(404, 10015, "Unknown Webhook")
            }
            ["webhooks", _, token, ..] if token != self.token => {
                no(401, 50027, "Invalid Webhook Token")
            }
            ["webhooks", _, _] if request.method == "GET" => Answer::json(
                200,
                &json!({ "id": WEBHOOK, "type": 1, "name": "Tea House", "avatar": null,
                    "channel_id": CHANNEL, "guild_id": GUILD, "application_id": null, "token": self.token }),
            ),
            ["webhooks", _, _] if request.method == "POST" => self.execute(request),
            ["webhooks", _, _, "messages", id] => self.message(request, id),
            _ => no(404, 0, "404: Not Found"),
        };
        self.with_window(answer, now)
    }
}
