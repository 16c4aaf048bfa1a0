//! X, by its API v2: the OpenAPI description referees every request but those of the token
//! endpoint, which it does not have.

mod media;
mod messages;
mod posts;
mod token;

use std::collections::BTreeMap;

use serde_json::{Value, json};

pub use media::{Processing, Upload};
pub use messages::Direct;
pub use posts::Post;
pub use token::Tokens;

use crate::{Answer, Platform, Request, spec};

/// The first moment of identifiers (milliseconds).
const EPOCH: u64 = 1_288_834_974_657;
const QUARTER: u64 = 15 * 60 * 1000;
const DAY: u64 = 24 * 60 * 60 * 1000;

/// Requests of an account in 15 minutes (X API, "Rate limits").
const LIMITS: [(&str, u64); 10] = [
    ("POST /2/tweets", 100),
    ("DELETE /2/tweets/*", 50),
    ("GET /2/tweets", 5000),
    ("GET /2/users/*/tweets", 900),
    ("GET /2/users/*/mentions", 300),
    ("GET /2/users/me", 75),
    ("GET /2/dm_events", 15),
    ("POST /2/dm_conversations/*/messages", 15),
    ("PUT /2/tweets/*/hidden", 50),
    ("POST /2/users/*/likes", 50),
];

/// A profile.
#[derive(Clone, Debug)]
pub struct User {
    pub id: String,
    pub username: String,
    pub name: String,
}

/// X with one account of ours and whatever others do.
pub struct X {
    pub me: User,
    pub others: Vec<User>,
    pub tokens: Tokens,
    pub posts: Vec<Post>,
    pub uploads: BTreeMap<String, Upload>,
    pub messages: Vec<Direct>,
    pub likes: Vec<String>,
    /// Of the account.
    pub metrics: BTreeMap<String, i64>,
    pub protected: bool,
    pub premium: bool,
    /// Posts that the app has paid for; none: as many as it likes.
    pub credits: Option<u32>,
    /// The app is on a self-serve plan: it quotes nobody, and replies only where the
    /// account was mentioned, or to itself.
    pub self_serve: bool,
    /// And to itself neither.
    pub no_own_replies: bool,
    /// How long after it a post stands in lists (milliseconds).
    pub lag: u64,
    /// What comes of videos.
    pub processing: Processing,
    /// Uses of a window, and when it began.
    windows: BTreeMap<&'static str, (u64, u64)>,
    /// Posts of the account today, and when that day began.
    day: (u64, u64),
    /// Posts of the account in 24 hours.
    pub daily: u64,
    number: u64,
}

impl Default for X {
    fn default() -> Self {
        X::new()
    }
}

impl X {
    pub fn new() -> Self {
        let user = |id: &str, username: &str, name: &str| User {
            id: id.into(),
            username: username.into(),
            name: name.into(),
        };
        X {
            me: user("1001", "jarchi_tea", "Jarchi Tea House"),
            others: vec![user("2001", "fatima", "Fatima"), user("2002", "ali", "Əli")],
            tokens: Tokens::default(),
            posts: vec![],
            uploads: BTreeMap::new(),
            messages: vec![],
            likes: vec![],
            metrics: BTreeMap::new(),
            protected: false,
            premium: false,
            credits: None,
            self_serve: false,
            no_own_replies: false,
            lag: 0,
            processing: Processing::default(),
            windows: BTreeMap::new(),
            day: (0, 0),
            daily: 10_000,
            number: 0,
        }
    }

    /// The posts of the account that are there.
    pub fn own(&self) -> Vec<&Post> {
        let own = |post: &&Post| post.author == self.me.id && !post.deleted;
        self.posts.iter().filter(own).collect()
    }

    /// A new identifier.
    fn id(&mut self, now: u64) -> String {
        self.number += 1;
        ((now.saturating_sub(EPOCH) << 22) + self.number).to_string()
    }

    fn route(&mut self, request: &Request, now: u64) -> Answer {
        let path: Vec<String> = request
            .path()
            .trim_matches('/')
            .split('/')
            .map(str::to_owned)
            .collect();
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        match (request.method.as_str(), path.as_slice()) {
            ("GET", ["2", "users", "me"]) => self.whoami(request),
            ("POST", ["2", "tweets"]) => self.post(request, now),
            ("GET", ["2", "tweets"]) => self.look_up(request, now),
            ("DELETE", ["2", "tweets", id]) => self.delete(id),
            ("PUT", ["2", "tweets", id, "hidden"]) => self.hide(id, request),
            ("GET", ["2", "users", id, "tweets"]) => self.timeline(id, request, now),
            ("GET", ["2", "users", id, "mentions"]) => self.mentions(id, request),
            ("POST", ["2", "users", id, "likes"]) => self.like(id, request),
            ("POST", ["2", "media", "upload"]) => self.upload(request, now),
            ("POST", ["2", "media", "upload", "initialize"]) => self.initialize(request, now),
            ("POST", ["2", "media", "upload", id, "append"]) => self.append(id, request, now),
            ("POST", ["2", "media", "upload", id, "finalize"]) => self.finalize(id, now),
            ("GET", ["2", "media", "upload"]) => self.status(request, now),
            ("POST", ["2", "media", "metadata"]) => self.describe(request, now),
            ("GET", ["2", "dm_events"]) => self.events(request, None),
            ("GET", ["2", "dm_conversations", id, "dm_events"]) => self.events(request, Some(id)),
            ("POST", ["2", "dm_conversations", id, "messages"]) => self.tell(id, request, now),
            _ => problem(404, "about:blank", "Not Found", "There is nothing here."),
        }
    }

    fn whoami(&self, request: &Request) -> Answer {
        let mut me = self.user(&self.me);
        let fields = list(request, "user.fields");
        if fields.contains("public_metrics") {
            me["public_metrics"] = json!(self.metrics);
        }
        if fields.contains("protected") {
            me["protected"] = json!(self.protected);
        }
        if fields.contains("subscription_type") {
            me["subscription_type"] = json!(if self.premium { "Premium" } else { "None" });
        }
        Answer::json(200, &json!({ "data": me }))
    }

    fn user(&self, user: &User) -> Value {
        json!({ "id": user.id, "username": user.username, "name": user.name })
    }

    fn users(&self, ids: &[&str]) -> Vec<Value> {
        let all = self.others.iter().chain([&self.me]);
        all.filter(|user| ids.contains(&user.id.as_str()))
            .map(|user| self.user(user))
            .collect()
    }

    /// The window of a request; whether it is used up.
    fn window(&mut self, request: &Request, now: u64) -> Option<(u64, u64, u64)> {
        let (name, limit) = LIMITS.into_iter().find(|(name, _)| fits(name, request))?;
        let (used, since) = self.windows.entry(name).or_insert((0, now));
        if now >= *since + QUARTER {
            (*used, *since) = (0, now);
        }
        *used += 1;
        Some((limit, limit.saturating_sub(*used), *since + QUARTER))
    }

    /// Uses up the window of requests like this: `POST /2/tweets`.
    pub fn use_up(&mut self, name: &str, now: u64) {
        let (name, limit) = LIMITS
            .into_iter()
            .find(|(other, _)| *other == name)
            .unwrap();
        self.windows.insert(name, (limit, now));
    }
}

impl Platform for X {
    fn answer(&mut self, request: &Request, now: u64) -> Answer {
        if request.path() == "/2/oauth2/token" {
            return self.tokens.answer(request, now);
        }
        if let Err(error) = spec::x().check(request) {
            panic!("{error}");
        }
        if !self.tokens.allow(request.bearer(), now) {
            return problem(401, "about:blank", "Unauthorized", "Unauthorized");
        }
        let window = self.window(request, now);
        let is_over = window.is_some_and(|(limit, _, _)| {
            let name = LIMITS.into_iter().find(|(name, _)| fits(name, request));
            name.is_some_and(|(name, _)| self.windows[name].0 > limit)
        });
        let mut answer = match is_over {
            true => problem(429, "about:blank", "Too Many Requests", "Too Many Requests"),
            false => self.route(request, now),
        };
        if let Some((limit, left, end)) = window {
            answer = answer
                .header("x-rate-limit-limit", limit)
                .header("x-rate-limit-remaining", left)
                .header("x-rate-limit-reset", end / 1000);
        }
        if request.method == "POST" && request.path() == "/2/tweets" {
            answer = answer
                .header("x-user-limit-24hour-limit", self.daily)
                .header(
                    "x-user-limit-24hour-remaining",
                    self.daily.saturating_sub(self.day.0),
                )
                .header("x-user-limit-24hour-reset", (self.day.1 + DAY) / 1000);
        }
        answer
    }
}

fn fits(name: &str, request: &Request) -> bool {
    let (method, pattern) = name.split_once(' ').unwrap();
    let path = request.path();
    method == request.method
        && match pattern.split_once('*') {
            Some((start, end)) => {
                path.len() >= start.len() + end.len()
                    && path.starts_with(start)
                    && path.ends_with(end)
                    && (!end.is_empty() || !path[start.len()..].contains('/'))
            }
            None => path == pattern,
        }
}

/// A refusal.
fn problem(status: u16, kind: &str, title: &str, detail: &str) -> Answer {
    let body = json!({ "type": kind, "title": title, "status": status, "detail": detail });
    Answer::new(status, "application/problem+json", body.to_string())
}

fn invalid(detail: &str) -> Answer {
    let kind = "https://api.x.com/2/problems/invalid-request";
    problem(400, kind, "Invalid Request", detail)
}

fn forbidden(detail: &str) -> Answer {
    problem(403, "about:blank", "Forbidden", detail)
}

fn not_found(what: &str, id: &str) -> Answer {
    let kind = "https://api.x.com/2/problems/resource-not-found";
    let detail = format!("Could not find {what} with id: [{id}].");
    problem(404, kind, "Not Found Error", &detail)
}

/// The words of a parameter that lists some.
fn list(request: &Request, name: &str) -> std::collections::BTreeSet<String> {
    let query = request.query();
    let words = query.get(name).map(String::as_str).unwrap_or_default();
    words.split(',').map(str::to_owned).collect()
}

/// A page of what is newest first: its part, and the token of the next one.
fn page<'a, T>(all: &'a [T], request: &Request) -> (&'a [T], Option<String>) {
    let query = request.query();
    let number = |name: &str| {
        query
            .get(name)
            .and_then(|value| value.parse::<usize>().ok())
    };
    let start = number("pagination_token").unwrap_or(0).min(all.len());
    let end = (start + number("max_results").unwrap_or(10)).min(all.len());
    let next = (end < all.len()).then(|| end.to_string());
    (&all[start..end], next)
}
