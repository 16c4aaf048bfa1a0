//! Posts, and what others do with them.

use std::collections::{BTreeMap, BTreeSet};

use jarchi_plugin_sdk::{count, time};
use serde_json::{Value, json};

use super::{DAY, EPOCH, X, forbidden, invalid, list, not_found, page, problem};
use crate::{Answer, Request};

const PRIVATE: u64 = 30 * DAY;

/// A post.
#[derive(Clone, Debug)]
pub struct Post {
    pub id: String,
    pub author: String,
    /// As it was sent.
    pub text: String,
    /// What it was made of.
    pub body: Value,
    pub reply_to: Option<String>,
    pub quote: Option<String>,
    /// Keys of its files.
    pub media: Vec<String>,
    pub public: BTreeMap<String, i64>,
    pub private: BTreeMap<String, i64>,
    pub hidden: bool,
    pub deleted: bool,
}

impl Post {
    pub fn created(&self) -> u64 {
        (self.id.parse::<u64>().unwrap() >> 22) + EPOCH
    }
}

impl X {
    /// Somebody publishes; a text with our name mentions us.
    pub fn others_post(
        &mut self,
        author: &str,
        text: &str,
        reply_to: Option<&str>,
        now: u64,
    ) -> String {
        let id = self.id(now);
        self.posts.push(Post {
            id: id.clone(),
            author: author.to_owned(),
            text: text.to_owned(),
            body: Value::Null,
            reply_to: reply_to.map(str::to_owned),
            quote: None,
            media: vec![],
            public: BTreeMap::new(),
            private: BTreeMap::new(),
            hidden: false,
            deleted: false,
        });
        id
    }

    /// A post that is there.
    pub fn find(&self, id: &str) -> Option<&Post> {
        self.posts
            .iter()
            .find(|post| post.id == id && !post.deleted)
    }

    pub fn find_mut(&mut self, id: &str) -> Option<&mut Post> {
        self.posts
            .iter_mut()
            .find(|post| post.id == id && !post.deleted)
    }

    pub(super) fn post(&mut self, request: &Request, now: u64) -> Answer {
        let body = request.json().unwrap();
        if now >= self.day.1 + DAY {
            self.day = (0, now);
        }
        if self.day.0 >= self.daily {
            return problem(429, "about:blank", "Too Many Requests", "Too Many Requests");
        }
        if self.credits == Some(0) {
            let words = "Your enrolled account does not have any credits to fulfill this request.";
            let kind = "https://api.x.com/2/problems/credits";
            return problem(402, kind, "CreditsDepleted", words);
        }
        let media = match self.post_media(&body, now) {
            Ok(media) => media,
            Err(refusal) => return refusal,
        };
        if let Some(refusal) = self.refuse(&body, media.is_empty()) {
            return refusal;
        }
        self.day.0 += 1;
        self.credits = self.credits.map(|credits| credits - 1);
        let text = body["text"].as_str().unwrap_or_default().to_owned();
        let id = self.id(now);
        let named = |value: &Value| value.as_str().map(str::to_owned);
        self.posts.push(Post {
            id: id.clone(),
            author: self.me.id.clone(),
            text: text.clone(),
            reply_to: named(&body["reply"]["in_reply_to_tweet_id"]),
            quote: named(&body["quote_tweet_id"]),
            body,
            media,
            public: BTreeMap::new(),
            private: BTreeMap::new(),
            hidden: false,
            deleted: false,
        });
        Answer::json(201, &json!({ "data": { "id": id, "text": text } }))
    }

    fn post_media(&mut self, body: &Value, now: u64) -> Result<Vec<String>, Answer> {
        let ids = body["media"]["media_ids"].as_array().into_iter().flatten();
        let mut keys = Vec::new();
        let mut moving = false;
        for id in ids {
            let upload = self.uploads.get(id.as_str().unwrap_or_default());
            let upload = upload.filter(|upload| upload.ready && upload.ends > now);
            let Some(upload) = upload else {
                return Err(invalid("Your media IDs are invalid."));
            };
            moving |= upload.category != "tweet_image";
            keys.push(upload.key.clone());
        }
        match moving && keys.len() > 1 {
            true => Err(invalid("Only one video or GIF is taken.")),
            false => Ok(keys),
        }
    }

    fn refuse(&self, body: &Value, no_media: bool) -> Option<Answer> {
        let text = body["text"].as_str().unwrap_or_default();
        let most = if self.premium {
            25_000
        } else {
            count::x::LIMIT
        };
        if text.trim().is_empty() && no_media {
            return Some(invalid("Your Tweet needs text or media."));
        }
        if count::x::length(text) > most {
            return Some(forbidden("Your Tweet text is too long."));
        }
        let below = [
            "media",
            "poll",
            "quote_tweet_id",
            "direct_message_deep_link",
        ];
        let below = below.iter().filter(|name| body.get(**name).is_some());
        if below.count() > 1 {
            return Some(invalid("They are mutually exclusive."));
        }
        let reply_to = body["reply"]["in_reply_to_tweet_id"].as_str();
        if let Some(id) = reply_to {
            let Some(other) = self.find(id) else {
                let words =
                    "You attempted to reply to a Tweet that is deleted or not visible to you.";
                return Some(forbidden(words));
            };
            let is_own = other.author == self.me.id;
            let name = format!("@{}", self.me.username);
            let is_asked = other.text.contains(&name);
            if self.self_serve && !is_own && !is_asked || self.no_own_replies && is_own {
                return Some(forbidden(
                    "Reply to this conversation is not allowed because you have not been \
                     mentioned or otherwise engaged by the author of the post you are replying to.",
                ));
            }
        }
        if self.self_serve && body.get("quote_tweet_id").is_some() {
            let kind = "https://api.x.com/2/problems/client-forbidden";
            let words = "You are not permitted to access this feature.";
            return Some(problem(403, kind, "Client Forbidden", words));
        }
        let twin = |post: &&&super::Post| post.text == text && !text.is_empty();
        self.own()
            .iter()
            .find(twin)
            .map(|_| forbidden("You are not allowed to create a Tweet with duplicate content."))
    }

    pub(super) fn delete(&mut self, id: &str) -> Answer {
        let me = self.me.id.clone();
        let Some(post) = self.find_mut(id) else {
            return not_found("tweet", id);
        };
        if post.author != me {
            return forbidden("You are not authorized to delete this Tweet.");
        }
        post.deleted = true;
        Answer::json(200, &json!({ "data": { "deleted": true } }))
    }

    pub(super) fn hide(&mut self, id: &str, request: &Request) -> Answer {
        let hidden = request.json().unwrap()["hidden"].as_bool().unwrap();
        let me = self.me.id.clone();
        let Some(post) = self.find(id) else {
            return not_found("tweet", id);
        };
        if self.root(post).is_none_or(|root| root.author != me) || post.author == me {
            return forbidden("You can only hide replies to conversations that you began.");
        }
        if let Some(post) = self.find_mut(id) {
            post.hidden = hidden;
        }
        Answer::json(200, &json!({ "data": { "hidden": hidden } }))
    }

    pub(super) fn like(&mut self, me: &str, request: &Request) -> Answer {
        let id = request.json().unwrap()["tweet_id"]
            .as_str()
            .unwrap()
            .to_owned();
        if me != self.me.id {
            return forbidden("You can only like in your own name.");
        }
        if self.find(&id).is_none() {
            return not_found("tweet", &id);
        }
        if !self.likes.contains(&id) {
            self.likes.push(id);
        }
        Answer::json(200, &json!({ "data": { "liked": true } }))
    }

    /// The first post of a conversation.
    fn root<'a>(&'a self, post: &'a Post) -> Option<&'a Post> {
        let mut root = post;
        while let Some(above) = &root.reply_to {
            root = self.find(above)?;
        }
        Some(root)
    }

    pub(super) fn look_up(&self, request: &Request, now: u64) -> Answer {
        let fields = list(request, "tweet.fields");
        let ids = request.query()["ids"].clone();
        let (mut data, mut errors) = (Vec::new(), Vec::new());
        let mut keys = BTreeSet::new();
        for id in ids.split(',') {
            let fault = |kind: &str, title: &str| {
                json!({ "type": format!("https://api.x.com/2/problems/{kind}"), "title": title,
                        "detail": format!("{title}: [{id}]."), "resource_id": id, "value": id,
                        "parameter": "ids", "resource_type": "tweet" })
            };
            let Some(post) = self.find(id) else {
                errors.push(fault("resource-not-found", "Not Found Error"));
                continue;
            };
            let may = post.author == self.me.id && now < post.created() + PRIVATE;
            if fields.contains("non_public_metrics") && !may {
                errors.push(fault(
                    "not-authorized-for-field",
                    "Field Authorization Error",
                ));
                continue;
            }
            keys.extend(post.media.clone());
            data.push(self.tweet(post, &fields));
        }
        let mut body = json!({});
        if !data.is_empty() {
            body["data"] = Value::Array(data);
        }
        if !errors.is_empty() {
            body["errors"] = Value::Array(errors);
        }
        if !keys.is_empty() {
            let media = keys.iter().map(|key| {
                json!({ "media_key": key, "type": "video",
                        "public_metrics": { "view_count": 7 } })
            });
            body["includes"] = json!({ "media": media.collect::<Vec<_>>() });
        }
        Answer::json(200, &body)
    }

    pub(super) fn timeline(&self, id: &str, request: &Request, now: u64) -> Answer {
        let query = request.query();
        let since = query.get("start_time").map_or(0, |text| {
            assert!(!text.contains('.'), "the API takes whole seconds");
            time::parse_rfc3339(text).unwrap()
        });
        let mut shown: Vec<&Post> = self
            .posts
            .iter()
            .filter(|post| post.author == id && !post.deleted)
            .filter(|post| post.created() >= since && post.created() + self.lag <= now)
            .collect();
        shown.reverse();
        self.listed(&shown, request)
    }

    pub(super) fn mentions(&self, id: &str, request: &Request) -> Answer {
        assert_eq!(id, self.me.id, "ours");
        let query = request.query();
        let number = |name: &str| query.get(name).map(|id| id.parse::<u64>().unwrap());
        let (since, until) = (number("since_id"), number("until_id"));
        let is_ours = |id: &String| self.find(id).is_some_and(|post| post.author == self.me.id);
        let name = format!("@{}", self.me.username);
        let mut shown: Vec<&Post> = self
            .posts
            .iter()
            .filter(|post| !post.deleted)
            .filter(|post| post.text.contains(&name) || post.reply_to.as_ref().is_some_and(is_ours))
            .filter(|post| {
                let id = post.id.parse::<u64>().unwrap();
                since.is_none_or(|since| id > since) && until.is_none_or(|until| id < until)
            })
            .collect();
        shown.reverse();
        self.listed(&shown, request)
    }

    fn listed(&self, all: &[&Post], request: &Request) -> Answer {
        let fields = list(request, "tweet.fields");
        let (shown, next) = page(all, request);
        let data: Vec<Value> = shown.iter().map(|post| self.tweet(post, &fields)).collect();
        let mut body = json!({ "meta": { "result_count": data.len() } });
        if !data.is_empty() {
            body["data"] = Value::Array(data);
        }
        if let Some(next) = next {
            body["meta"]["next_token"] = next.into();
        }
        if list(request, "expansions").contains("author_id") {
            let authors: Vec<&str> = shown.iter().map(|post| post.author.as_str()).collect();
            body["includes"] = json!({ "users": self.users(&authors) });
        }
        Answer::json(200, &body)
    }

    /// A post as X shows it: addresses made short, signs of HTML escaped, long texts cut.
    fn tweet(&self, post: &Post, fields: &BTreeSet<String>) -> Value {
        let (text, urls) = shown(post);
        let mut tweet = json!({ "id": post.id, "text": text, "edit_history_tweet_ids": [post.id] });
        let mut put = |name: &str, value: Value| {
            if fields.contains(name) && !value.is_null() {
                tweet[name] = value;
            }
        };
        put("author_id", json!(post.author));
        put("created_at", json!(time::format_rfc3339(post.created())));
        put("lang", json!("az"));
        let root = self.root(post).map_or(&post.id, |root| &root.id);
        put("conversation_id", json!(root));
        let answered = post.reply_to.as_deref().and_then(|id| self.find(id));
        put(
            "in_reply_to_user_id",
            json!(answered.map(|other| &other.author)),
        );
        if !urls.is_empty() {
            put("entities", json!({ "urls": urls }));
        }
        let mut references = Vec::new();
        for (kind, id) in [("replied_to", &post.reply_to), ("quoted", &post.quote)] {
            references.extend(id.iter().map(|id| json!({ "type": kind, "id": id })));
        }
        if !references.is_empty() {
            put("referenced_tweets", Value::Array(references));
        }
        let mut attachments = json!({});
        if !post.media.is_empty() {
            attachments["media_keys"] = json!(post.media);
        }
        if post.body["poll"].is_object() {
            attachments["poll_ids"] = json!([post.id]);
        }
        if attachments != json!({}) {
            put("attachments", attachments);
        }
        if count::x::length(&post.text) > count::x::LIMIT {
            put(
                "note_tweet",
                json!({ "text": text, "entities": { "urls": urls } }),
            );
        }
        put("public_metrics", json!(post.public));
        put("non_public_metrics", json!(post.private));
        if count::x::length(&post.text) > count::x::LIMIT {
            let cut: String = text.chars().take(270).collect();
            tweet["text"] = format!("{cut}…").into();
        }
        tweet
    }
}

fn shown(post: &Post) -> (String, Vec<Value>) {
    let escaped = |text: &str| {
        let text = text.replace('&', "&amp;");
        text.replace('<', "&lt;").replace('>', "&gt;")
    };
    let mut text = String::new();
    let mut urls = Vec::new();
    let mut from = 0;
    for url in count::x::urls(&post.text) {
        text += &escaped(&post.text[from..url.start]);
        let short = format!("https://t.co/{}{:04}", &post.id[..6], urls.len());
        let long = match url.text.contains("://") {
            true => url.text.to_owned(),
            false => format!("http://{}", url.text),
        };
        text += &short;
        urls.push(json!({ "url": short, "expanded_url": long, "start": 0, "end": 0 }));
        from = url.end;
    }
    text += &escaped(&post.text[from..]);
    if let Some(key) = post.media.first() {
        let short = format!("https://t.co/{}pic", &post.id[..6]);
        text += &format!(" {short}");
        let long = format!("https://x.com/i/status/{}/photo/1", post.id);
        urls.push(json!({ "url": short, "expanded_url": long, "media_key": key }));
    }
    (text, urls)
}
