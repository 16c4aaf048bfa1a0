//! Instagram's Graph API, as one professional account sees it, by both logins.
//!
//! Its behaviour follows "Content Publishing", "IG User Media", "IG Container", "Error
//! Codes", "Comment Moderation", "Get Conversations" and "Private Replies". Requests are
//! judged by Meta's own description of its nodes ([`spec::meta`]).

mod publish;
mod read;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::ads::AdAccount;
use crate::sign::proof_fault;
use crate::{Answer, Platform, Request, spec};

pub const TOKEN: &str = "IGQW-a-long-lived-token";
pub const PAGE_TOKEN: &str = "EAAG-the-pages-own-token";
pub const USER: &str = "17841400000000001";
pub const PAGE: &str = "102000000000001";
pub const NAME: &str = "teahouse";
const DAY: u64 = 24 * 60 * 60 * 1000;

/// What is not published yet.
#[derive(Clone, Debug, Default)]
pub struct Container {
    pub body: Map<String, Value>,
    pub made: u64,
    /// Looks that it still answers with `IN_PROGRESS`.
    pub looks: u32,
    /// Bytes that came.
    pub bytes: Vec<u8>,
    pub resumable: bool,
    pub size: Option<u64>,
    /// The text of `status`, where it failed.
    pub failed: Option<String>,
    pub published: bool,
}

/// A post.
#[derive(Clone, Debug, Default)]
pub struct Media {
    pub id: String,
    pub body: Map<String, Value>,
    pub children: Vec<Map<String, Value>>,
    pub product: String,
    pub at: u64,
    pub bytes: Vec<u8>,
    pub comments: Vec<Comment>,
    pub deleted: bool,
}

/// A comment, or an answer to one (`parent`).
#[derive(Clone, Debug, Default)]
pub struct Comment {
    pub id: String,
    pub by: String,
    pub text: String,
    pub at: u64,
    pub parent: Option<String>,
    pub hidden: bool,
}

/// A message of a conversation.
#[derive(Clone, Debug, Default)]
pub struct Direct {
    pub id: String,
    /// The other side.
    pub with: String,
    pub ours: bool,
    pub text: String,
    pub at: u64,
}

/// The platform.
#[derive(Debug)]
pub struct Instagram {
    pub facebook: bool,
    pub token: String,
    /// The app's, which has "Require App Secret" on.
    pub app_secret: Option<String>,
    pub containers: BTreeMap<String, Container>,
    pub media: Vec<Media>,
    pub directs: Vec<Direct>,
    /// Actions on messages, as they were sent.
    pub actions: Vec<Value>,
    pub quota: u64,
    /// New containers answer so many looks with `IN_PROGRESS`.
    pub slow: u32,
    /// Next containers fail, with these texts of `status`.
    pub fail: Vec<String>,
    /// Uploads are cut off after so many bytes, once.
    pub cut: Option<usize>,
    /// Metrics that are answered; others fail the whole request.
    pub metrics: Vec<(&'static str, i64)>,
    pub account_type: String,
    pub ads: AdAccount,
    /// The number given last.
    pub next: u64,
}

impl Default for Instagram {
    fn default() -> Self {
        Instagram {
            facebook: false,
            token: TOKEN.into(),
            app_secret: None,
            containers: BTreeMap::new(),
            media: Vec::new(),
            directs: Vec::new(),
            actions: Vec::new(),
            quota: 50,
            slow: 0,
            fail: Vec::new(),
            cut: None,
            metrics: vec![("views", 90), ("reach", 70), ("saved", 5), ("shares", 4)],
            account_type: "BUSINESS".into(),
            ads: AdAccount::default(),
            next: 18_000_000_000_000_000,
        }
    }
}

/// An error as the Graph API words it.
pub fn no(status: u16, code: i64, subcode: i64, message: &str) -> Answer {
    let error = json!({
        "message": message, "type": "OAuthException", "code": code,
        "error_subcode": subcode, "is_transient": false, "fbtrace_id": "Abc",
    });
    Answer::json(status, &json!({ "error": error }))
}

fn missing() -> Answer {
    no(
        400,
        100,
        33,
        "Unsupported request. Object does not exist, or missing permissions",
    )
}

/// A time as the Graph API writes it.
pub fn written(moment: u64) -> String {
    let whole = jarchi_plugin_sdk::time::format_rfc3339(moment / 1000 * 1000);
    whole.replace(".000Z", "+0000")
}

impl Instagram {
    pub fn facebook() -> Self {
        Instagram {
            facebook: true,
            ..Instagram::default()
        }
    }

    /// A post of somebody's hand.
    pub fn post(&mut self, caption: &str, at: u64) -> String {
        let id = self.number();
        let mut body = Map::new();
        body.insert("caption".into(), json!(caption));
        self.media.insert(
            0,
            Media {
                id: id.clone(),
                body,
                product: "FEED".into(),
                at,
                ..Media::default()
            },
        );
        id
    }

    /// Somebody comments.
    pub fn comment(&mut self, media: &str, by: &str, text: &str, at: u64) -> String {
        let id = self.number();
        let comment = Comment {
            id: id.clone(),
            by: by.into(),
            text: text.into(),
            at,
            ..Comment::default()
        };
        let media = self.media.iter_mut().find(|one| one.id == media);
        media.expect("a post").comments.push(comment);
        id
    }

    /// Somebody writes.
    pub fn direct(&mut self, with: &str, text: &str, at: u64) -> String {
        let id = format!("m-{}", self.number());
        self.directs.push(Direct {
            id: id.clone(),
            with: with.into(),
            ours: false,
            text: text.into(),
            at,
        });
        id
    }

    fn number(&mut self) -> String {
        self.next += 1;
        self.next.to_string()
    }

    fn token_of<'a>(&self, request: &'a Request) -> Option<&'a str> {
        let given = request.header("authorization").expect("a token");
        let prefix = match request.url.host_str() {
            Some("rupload.facebook.com") => "OAuth ",
            _ => "Bearer ",
        };
        given.strip_prefix(prefix)
    }

    fn messages_token(&self) -> &str {
        if self.facebook {
            PAGE_TOKEN
        } else {
            &self.token
        }
    }
}

impl Platform for Instagram {
    fn answer(&mut self, request: &Request, now: u64) -> Answer {
        if let Err(fault) = spec::meta().check(request) {
            panic!("{fault}");
        }
        let host = request.url.host_str().unwrap_or_default();
        let graph = if self.facebook {
            "graph.facebook.com"
        } else {
            "graph.instagram.com"
        };
        if host == "rupload.facebook.com" {
            return self.bytes(request);
        }
        assert_eq!(host, graph, "{}", request.url);
        let (app, proof) = (self.app_secret.as_deref(), request.query());
        let proof = proof.get("appsecret_proof");
        if let Some(refusal) = proof_fault(app, self.token_of(request).unwrap_or_default(), proof) {
            return refusal;
        }
        let path = request.path().to_owned();
        let path = path.strip_prefix("/v25.0/").expect("a version").to_owned();
        let parts: Vec<&str> = path.split('/').collect();
        let messages = matches!(parts[..], [_, "messages" | "conversations"]);
        let wanted = if messages {
            self.messages_token().to_owned()
        } else {
            self.token.clone()
        };
        if self.token_of(request) != Some(&wanted) {
            return no(
                400,
                190,
                463,
                "Error validating access token: Session has expired",
            );
        }
        let body = match request.method.as_str() {
            "POST" => request.json().expect("a JSON body"),
            _ => Value::Null,
        };
        let there = |creative: &Value| {
            let media = creative["source_instagram_media_id"].as_str();
            let live = |one: &&Media| !one.deleted;
            self.media
                .iter()
                .filter(live)
                .any(|one| Some(one.id.as_str()) == media)
        };
        if let Some(answer) = self.ads.answer(request, &parts, &body, there) {
            assert!(self.facebook, "the Marketing API is Facebook's");
            return answer;
        }
        let owner = if self.facebook { PAGE } else { USER };
        match (request.method.as_str(), parts.as_slice()) {
            ("POST", [USER, "media"]) => self.create(&body, now),
            ("POST", [USER, "media_publish"]) => self.publish(&body, now),
            ("POST", [id, "messages"]) if *id == owner => self.send(&body, now),
            ("GET", [id, "conversations"]) if *id == owner => self.conversations(request),
            ("GET", ["me"]) if !self.facebook => Answer::json(
                200,
                &json!({ "user_id": USER, "username": NAME, "id": "9900" }),
            ),
            ("GET", ["me", "accounts"]) if self.facebook => Self::accounts(),
            ("GET", ["me", "permissions"]) if self.facebook => Answer::json(
                200,
                &json!({ "data": [
                    { "permission": "instagram_basic", "status": "granted" },
                    { "permission": "instagram_content_publish", "status": "granted" },
                    { "permission": "pages_read_engagement", "status": "granted" },
                    { "permission": "instagram_manage_insights", "status": "granted" },
                    { "permission": "instagram_manage_comments", "status": "declined" },
                ] }),
            ),
            ("GET", [PAGE]) if self.facebook => {
                Answer::json(200, &json!({ "id": PAGE, "access_token": PAGE_TOKEN }))
            }
            ("GET", [USER]) => self.profile(),
            ("GET", [USER, "content_publishing_limit"]) => Answer::json(
                200,
                &json!({ "data": [{ "quota_usage": self.published(now),
                    "config": { "quota_total": self.quota, "quota_duration": 86400 } }] }),
            ),
            ("GET", [USER, "media"]) => self.list(false),
            ("GET", [USER, "stories"]) => self.list(true),
            ("GET", [USER, "insights"]) => self.insights(request),
            ("GET", [id, "insights"]) if self.find(id).is_some() => self.insights(request),
            ("GET", [id, "comments"]) => self.comments(id),
            ("POST", [id, "comments"]) => self.say(id, None, &body, now),
            ("GET", [id, "replies"]) => self.replies(id),
            ("POST", [id, "replies"]) => self.say(id, Some(id), &body, now),
            ("GET", [id]) if self.containers.contains_key(*id) => self.status(id, request, now),
            ("GET", [id]) => self.one(id),
            ("POST", [id]) => self.hide(id, &body),
            ("DELETE", [id]) => {
                assert!(self.facebook, "Instagram Login deletes nothing");
                match self
                    .media
                    .iter_mut()
                    .find(|media| media.id == *id && !media.deleted)
                {
                    Some(media) => {
                        media.deleted = true;
                        Answer::json(200, &json!({ "success": true }))
                    }
                    None => missing(),
                }
            }
            (method, _) => panic!("there is no {method} {path}"),
        }
    }
}
