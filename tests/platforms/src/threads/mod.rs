//! Threads, as one account sees it. Requests are judged by Meta's own collection
//! ([`spec::threads`]), refusals follow "Threads API, Troubleshooting".

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::instagram::{no, written};
use crate::sign::proof_fault;
use crate::{Answer, Platform, Request, spec};

pub const TOKEN: &str = "THQW-a-long-lived-token";
pub const NAME: &str = "teahouse";
const DAY: u64 = 24 * 60 * 60 * 1000;

/// What is not published yet.
#[derive(Clone, Debug, Default)]
pub struct Container {
    pub query: BTreeMap<String, String>,
    pub made: u64,
    pub looks: u32,
    pub failed: Option<String>,
    pub published: bool,
}

/// A post or a reply, ours or somebody's.
#[derive(Clone, Debug, Default)]
pub struct Media {
    pub id: String,
    pub by: String,
    pub query: BTreeMap<String, String>,
    pub at: u64,
    pub to: Option<String>,
    pub hidden: bool,
    /// It is no answer, and names us.
    pub mention: bool,
}

/// The platform.
#[derive(Debug)]
pub struct Threads {
    pub token: String,
    /// The app's, which has "Require App Secret" on.
    pub app_secret: Option<String>,
    pub containers: BTreeMap<String, Container>,
    /// Oldest first.
    pub media: Vec<Media>,
    pub slow: u32,
    pub fail: Vec<String>,
    pub next: u64,
}

impl Default for Threads {
    fn default() -> Self {
        Threads {
            token: TOKEN.into(),
            app_secret: None,
            containers: BTreeMap::new(),
            media: Vec::new(),
            slow: 0,
            fail: Vec::new(),
            next: 18_100_000_000_000_000,
        }
    }
}

fn missing() -> Answer {
    no(400, 100, 33, "Unsupported request. Object does not exist")
}

impl Threads {
    /// Somebody writes.
    pub fn write(&mut self, by: &str, text: &str, to: Option<&str>, at: u64) -> String {
        let id = self.number();
        self.media.push(Media {
            id: id.clone(),
            by: by.into(),
            query: BTreeMap::from([("text".into(), text.into())]),
            at,
            to: to.map(str::to_owned),
            hidden: false,
            mention: to.is_none() && by != NAME,
        });
        id
    }

    fn number(&mut self) -> String {
        self.next += 1;
        self.next.to_string()
    }

    fn create(&mut self, mut query: BTreeMap<String, String>, now: u64) -> Answer {
        query.remove("access_token");
        let text = query.get("text").map(String::as_str).unwrap_or_default();
        if text.chars().count() > 500 {
            return no(
                400,
                100,
                0,
                "Param text must be at most 500 characters long.",
            );
        }
        match query["media_type"].as_str() {
            "TEXT" if text.is_empty() => return no(400, 100, 0, "text is required"),
            "TEXT" => {}
            "CAROUSEL" => {
                let children: Vec<&str> = query["children"].split(',').collect();
                assert!((2..=20).contains(&children.len()));
                for child in children {
                    let child = self.containers.get(child).expect("a child");
                    assert_eq!(child.query["is_carousel_item"], "true");
                }
            }
            kind => {
                let name = if kind == "IMAGE" {
                    "image_url"
                } else {
                    "video_url"
                };
                assert!(query[name].starts_with("https://media.example/"));
            }
        }
        let words_alone = query["media_type"] == "TEXT";
        for name in ["poll_attachment", "link_attachment"] {
            assert!(
                words_alone || !query.contains_key(name),
                "{name} is of texts alone"
            );
        }
        let id = self.number();
        let failed = if self.fail.is_empty() {
            None
        } else {
            Some(self.fail.remove(0))
        };
        let container = Container {
            query,
            made: now,
            looks: self.slow,
            failed,
            published: false,
        };
        self.containers.insert(id.clone(), container);
        Answer::json(200, &json!({ "id": id }))
    }

    fn publish(&mut self, id: &str, now: u64) -> Answer {
        let Some(container) = self.containers.get_mut(id) else {
            return missing();
        };
        if container.published || now > container.made + DAY {
            return no(400, 24, 2_207_006, "The requested resource does not exist");
        }
        if container.looks > 0 || container.failed.is_some() {
            return no(
                400,
                24,
                4_279_009,
                "The requested resource does not exist: Media not found",
            );
        }
        container.published = true;
        let query = container.query.clone();
        let id = self.number();
        self.media.push(Media {
            id: id.clone(),
            by: NAME.into(),
            to: query.get("reply_to_id").cloned(),
            query,
            at: now,
            ..Media::default()
        });
        Answer::json(200, &json!({ "id": id }))
    }

    fn status(&mut self, id: &str, now: u64) -> Answer {
        let container = self.containers.get_mut(id).expect("a container");
        let mut told = json!({ "id": id, "status": "FINISHED" });
        if container.published {
            told["status"] = json!("PUBLISHED");
        } else if now > container.made + DAY {
            told["status"] = json!("EXPIRED");
        } else if let Some(failed) = &container.failed {
            told["status"] = json!("ERROR");
            told["error_message"] = json!(failed);
        } else if container.looks > 0 {
            container.looks -= 1;
            told["status"] = json!("IN_PROGRESS");
        }
        Answer::json(200, &told)
    }

    fn told(&self, media: &Media) -> Value {
        let mut told = json!({
            "id": media.id, "username": media.by, "timestamp": written(media.at),
            "permalink": format!("https://www.threads.net/@{}/post/{}", media.by, media.id),
            "has_replies": self.media.iter().any(|one| one.to.as_ref() == Some(&media.id)),
            "is_reply_owned_by_me": media.to.is_some() && media.by == NAME,
        });
        if let Some(text) = media.query.get("text") {
            told["text"] = json!(text);
        }
        if let Some(to) = &media.to {
            told["replied_to"] = json!({ "id": to });
        }
        told
    }

    fn list(&self, fits: impl Fn(&Media) -> bool) -> Answer {
        let data = self.media.iter().rev().filter(|media| fits(media));
        let data: Vec<Value> = data.map(|media| self.told(media)).collect();
        Answer::json(200, &json!({ "data": data }))
    }

    /// Whether one answers another, however far down.
    fn is_below(&self, media: &Media, root: &str) -> bool {
        media.to.as_deref().is_some_and(|to| {
            let parent = self.media.iter().find(|one| one.id == to);
            to == root || parent.is_some_and(|parent| self.is_below(parent, root))
        })
    }
}

impl Platform for Threads {
    fn answer(&mut self, request: &Request, now: u64) -> Answer {
        if let Err(fault) = spec::threads().check(request) {
            panic!("{fault}");
        }
        let mut query = request.query();
        let (app, proof) = (self.app_secret.as_deref(), query.remove("appsecret_proof"));
        let token = query.get("access_token").map(String::as_str);
        if let Some(refusal) = proof_fault(app, token.unwrap_or_default(), proof.as_ref()) {
            return refusal;
        }
        if query.get("access_token") != Some(&self.token) {
            return no(
                401,
                190,
                463,
                "Error validating access token: Session has expired",
            );
        }
        let path = request
            .path()
            .strip_prefix("/v1.0/")
            .expect("a version")
            .to_owned();
        let parts: Vec<&str> = path.split('/').collect();
        match (request.method.as_str(), parts.as_slice()) {
            ("POST", ["me", "threads"]) => self.create(query, now),
            ("POST", ["me", "threads_publish"]) => {
                let id = query.remove("creation_id").expect("a container");
                self.publish(&id, now)
            }
            ("GET", ["me"]) => Answer::json(200, &json!({ "id": "1", "username": NAME })),
            ("GET", ["me", "threads_publishing_limit"]) => Answer::json(
                200,
                &json!({ "data": [{ "quota_usage": self.media.len(), "config": { "quota_total": 250 },
                    "reply_quota_usage": 0, "reply_config": { "quota_total": 1000 } }] }),
            ),
            ("GET", ["me", "threads"]) => self.list(|media| media.by == NAME && media.to.is_none()),
            ("GET", ["me", "replies"]) => self.list(|media| media.by == NAME && media.to.is_some()),
            ("GET", ["me", "mentions"]) => self.list(|media| media.mention),
            ("GET", ["me", "threads_insights"]) => Answer::json(
                200,
                &json!({ "data": [
                    { "name": "views", "values": [{ "value": 3 }, { "value": 4 }] },
                    { "name": "followers_count", "total_value": { "value": 321 } },
                ] }),
            ),
            ("GET", [id, "conversation"]) => self.list(|media| self.is_below(media, id)),
            ("GET", [id, "insights"]) => {
                if !self.media.iter().any(|media| media.id == *id) {
                    return missing();
                }
                let names = ["views", "likes", "replies", "reposts", "quotes", "shares"];
                let data = names
                    .iter()
                    .zip(5..)
                    .map(|(name, value)| json!({ "name": name, "values": [{ "value": value }] }));
                Answer::json(200, &json!({ "data": data.collect::<Vec<_>>() }))
            }
            ("POST", [id, "manage_reply"]) => {
                match self.media.iter_mut().find(|media| media.id == *id) {
                    Some(media) => {
                        media.hidden = query["hide"] == "true";
                        Answer::json(200, &json!({ "success": true }))
                    }
                    None => missing(),
                }
            }
            ("GET", [id]) if self.containers.contains_key(*id) => self.status(id, now),
            ("GET", [id]) => match self.media.iter().find(|media| media.id == *id) {
                Some(media) => Answer::json(200, &self.told(media)),
                None => missing(),
            },
            ("DELETE", [id]) => {
                let before = self.media.len();
                self.media.retain(|media| media.id != *id);
                match self.media.len() < before {
                    true => Answer::json(200, &json!({ "success": true, "deleted_id": id })),
                    false => missing(),
                }
            }
            (method, _) => panic!("there is no {method} {path}"),
        }
    }
}
