//! Facebook's Graph API, as one Page sees it.
//!
//! Its behaviour follows "Page Feed", "Page Photos", "Page Videos", "Reels Publishing",
//! "Video", "User Accounts" and "Handling Errors". Requests are judged
//! by Meta's own description of its nodes ([`spec::meta`]).

mod inbox;
mod stories;
mod video;

use std::collections::BTreeMap;

use jarchi_plugin_sdk::time;
use serde_json::{Map, Value, json};

pub use inbox::{Comment, Direct};
pub use stories::Story;
pub use video::Video;

use crate::ads::AdAccount;
use crate::sign::proof_fault;
use crate::{Answer, Platform, Request, spec};

pub const TOKEN: &str = "EAAG-a-users-long-lived-token";
pub const PAGE_TOKEN: &str = "EAAG-the-pages-own-token";
pub const PAGE: &str = "102000000000001";
/// Bytes that the uploads' answers ask for at a time.
pub const CHUNK: u64 = 1000;

/// A photo, which belongs to no post before one names it.
#[derive(Clone, Debug, Default)]
pub struct Photo {
    pub alt: Option<String>,
    pub bytes: Vec<u8>,
    pub posted: bool,
    /// For a post that is planned.
    pub temporary: bool,
}

/// A post of the Page.
#[derive(Clone, Debug, Default)]
pub struct Post {
    pub id: String,
    pub message: String,
    pub link: Option<String>,
    pub photos: Vec<String>,
    pub at: u64,
    pub deleted: bool,
    /// When it is published by itself.
    pub planned: Option<u64>,
}

/// The platform.
#[derive(Debug, Default)]
pub struct Facebook {
    pub photos: BTreeMap<String, Photo>,
    pub posts: Vec<Post>,
    pub videos: BTreeMap<String, Video>,
    pub comments: Vec<Comment>,
    pub directs: Vec<Direct>,
    pub stories: Vec<Story>,
    /// Actions in conversations, as they were sent.
    pub actions: Vec<Value>,
    /// Persons who blocked the Page.
    pub blocked_by: Vec<String>,
    pub ads: AdAccount,
    /// Posts that can't be promoted.
    pub not_promotable: Vec<String>,
    /// Permissions that the token has not.
    pub lacks: Vec<&'static str>,
    /// Looks that a finished video still answers with `processing`.
    pub slow: u32,
    /// The next video can't be used, for this reason.
    pub broken: Option<String>,
    /// Texts that were posted are refused as duplicates (506).
    pub refuses_doubles: bool,
    /// Metrics that are answered; others fail the whole request.
    pub metrics: Vec<(&'static str, Value)>,
    /// The user's token is good no more.
    pub revoked: bool,
    /// The app's, which has "Require App Secret" on.
    pub app_secret: Option<String>,
    next: u64,
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
    let words = "Unsupported get request. Object does not exist or cannot be loaded";
    no(400, 100, 33, words)
}

/// The parameters, wherever they are.
fn parameters(request: &Request) -> Map<String, Value> {
    let mut all: Map<String, Value> = request
        .query()
        .into_iter()
        .map(|(name, value)| (name, json!(value)))
        .collect();
    match request.content_type() {
        "application/json" => {
            let body = request.json();
            all.extend(body.and_then(|body| body.as_object().cloned()).unwrap());
        }
        "multipart/form-data" => {
            for part in request.parts() {
                if part.filename.is_none() {
                    let value = String::from_utf8(part.bytes).unwrap();
                    all.insert(part.name, json!(value));
                }
            }
        }
        _ => {}
    }
    all
}

fn text(parameters: &Map<String, Value>, name: &str) -> Option<String> {
    parameters.get(name)?.as_str().map(str::to_owned)
}

/// The bytes of a file in a form.
fn file(request: &Request, name: &str) -> Option<Vec<u8>> {
    let parts = request.parts();
    let part = parts.into_iter().find(|part| part.name == name)?;
    Some(part.bytes)
}

/// As the Graph API writes times.
fn written(moment: u64) -> String {
    let whole = time::format_rfc3339(moment / 1000 * 1000);
    let start = whole.split(['.', 'Z']).next().unwrap_or_default();
    format!("{start}+0000")
}

impl Facebook {
    fn id(&mut self) -> String {
        self.next += 1;
        format!("{}", 900_000_000_000_000_u64 + self.next)
    }

    /// The posts that are there, oldest first.
    pub fn timeline(&self) -> Vec<&Post> {
        let out = |post: &&Post| !post.deleted && post.planned.is_none();
        self.posts.iter().filter(out).collect()
    }

    /// The posts that are planned.
    pub fn planned(&self) -> Vec<&Post> {
        let waits = |post: &&Post| !post.deleted && post.planned.is_some();
        self.posts.iter().filter(waits).collect()
    }

    /// What is due is published.
    fn pass(&mut self, now: u64) {
        for post in &mut self.posts {
            if let Some(moment) = post.planned.filter(|moment| *moment <= now) {
                post.at = moment;
                post.planned = None;
            }
        }
        for video in self.videos.values_mut() {
            if video.planned.is_some_and(|moment| moment <= now) {
                video.at = video.planned.take();
            }
        }
    }

    fn photo(&mut self, request: &Request) -> Answer {
        let parameters = parameters(request);
        let Some(bytes) = file(request, "source") else {
            return no(400, 100, 0, "(#100) One of url or source is required");
        };
        assert_eq!(text(&parameters, "published").as_deref(), Some("false"));
        let id = self.id();
        let alt = text(&parameters, "alt_text_custom");
        let temporary = text(&parameters, "temporary").as_deref() == Some("true");
        let photo = Photo {
            alt,
            bytes,
            temporary,
            ..Photo::default()
        };
        self.photos.insert(id.clone(), photo);
        Answer::json(200, &json!({ "id": id }))
    }

    fn feed(&mut self, request: &Request, now: u64) -> Answer {
        let parameters = parameters(request);
        let message = text(&parameters, "message").unwrap_or_default();
        let message = message.trim().to_owned();
        let link = text(&parameters, "link");
        let attached = parameters.get("attached_media").and_then(Value::as_array);
        let photos: Vec<String> = attached
            .into_iter()
            .flatten()
            .map(|one| one["media_fbid"].as_str().unwrap().to_owned())
            .collect();
        if message.is_empty() && link.is_none() && photos.is_empty() {
            return no(400, 100, 0, "(#100) Missing message or attachment");
        }
        let double = self.timeline().iter().any(|post| post.message == message);
        if self.refuses_doubles && double && photos.is_empty() {
            return no(400, 506, 0, "Duplicate status message");
        }
        let planned = match self::planned(&parameters, now) {
            Ok(planned) => planned,
            Err(answer) => return answer,
        };
        for photo in &photos {
            if planned.is_some() && !self.photos.get(photo).is_some_and(|one| one.temporary) {
                let words = "(#100) Photos of a scheduled post have to be temporary";
                return no(400, 100, 0, words);
            }
            match self.photos.get_mut(photo) {
                None => return no(400, 100, 0, "(#100) Invalid media_fbid"),
                Some(photo) if photo.posted => {
                    return no(400, 1, 1_366_051, "These photos were already posted.");
                }
                Some(photo) => photo.posted = true,
            }
        }
        let id = format!("{PAGE}_{}", self.id());
        self.posts.push(Post {
            id: id.clone(),
            message,
            link,
            photos,
            at: now,
            deleted: false,
            planned,
        });
        Answer::json(200, &json!({ "id": id }))
    }

    fn list(&self, request: &Request, planned: bool) -> Answer {
        let limit = request.query()["limit"].parse().unwrap();
        let mut shown = match planned {
            true => self.planned(),
            false => self.timeline(),
        };
        shown.sort_by_key(|post| std::cmp::Reverse(post.at));
        let shown = shown.into_iter();
        let comments = request.query()["fields"].contains("comments");
        let told = shown.take(limit).map(|post| {
            let mut told = told(post, true);
            if comments {
                told["comments"] = self.newest_comment(&post.id);
            }
            told
        });
        let data: Vec<Value> = told.collect();
        Answer::json(200, &json!({ "data": data }))
    }

    fn object(&self, id: &str, request: &Request) -> Answer {
        let fields = request.query().remove("fields").unwrap_or_default();
        if id == PAGE {
            return Answer::json(
                200,
                &match fields.as_str() {
                    "access_token" => json!({ "access_token": PAGE_TOKEN, "id": PAGE }),
                    "followers_count,fan_count" => {
                        json!({ "followers_count": 42, "fan_count": 40, "id": PAGE })
                    }
                    _ => json!({
                        "id": PAGE, "name": "Çay evi", "link": "https://www.facebook.com/cayevi",
                        "is_published": true,
                    }),
                },
            );
        }
        if let Some(video) = self.videos.get(id) {
            return self.video(id, video, &fields);
        }
        let video = id.split('_').next_back().and_then(|id| self.videos.get(id));
        if fields.contains("is_eligible") && video.is_some_and(|video| video.at.is_some()) {
            return self.promotable(id);
        }
        let mut posts = self.posts.iter().filter(|post| !post.deleted);
        let Some(post) = posts.find(|post| post.id == id) else {
            return missing();
        };
        if fields.contains("is_eligible") {
            return self.promotable(id);
        }
        let mut body = told(post, false);
        if fields.contains("reactions") {
            let comments = self.comments.iter().filter(|one| one.on == id).count();
            body["comments"] = json!({ "data": [], "summary": { "total_count": comments } });
            body["reactions"] = json!({ "data": [], "summary": { "total_count": 7 } });
        }
        Answer::json(200, &body)
    }

    fn promotable(&self, id: &str) -> Answer {
        let may = !self.not_promotable.iter().any(|post| post == id);
        let told = json!({ "id": id, "is_eligible_for_promotion": may, "promotable_id": id });
        Answer::json(200, &told)
    }

    fn insights(&self, request: &Request) -> Answer {
        let query = request.query();
        let mut data = Vec::new();
        for name in query["metric"].split(',') {
            let known = self.metrics.iter().find(|(known, _)| *known == name);
            let Some((_, value)) = known else {
                return no(
                    400,
                    100,
                    0,
                    "(#100) The value must be a valid insights metric",
                );
            };
            data.push(json!({ "name": name, "values": [{ "value": value }] }));
        }
        Answer::json(200, &json!({ "data": data }))
    }

    fn delete(&mut self, id: &str) -> Answer {
        let found = self
            .posts
            .iter_mut()
            .find(|post| post.id == id && !post.deleted);
        match found {
            Some(post) => {
                post.deleted = true;
                Answer::json(200, &json!({ "success": true }))
            }
            None if self.videos.remove(id).is_some() => {
                Answer::json(200, &json!({ "success": true }))
            }
            None => missing(),
        }
    }
}

/// When something is to be published by itself: 10 minutes to 30 days from now.
fn planned(parameters: &Map<String, Value>, now: u64) -> Result<Option<u64>, Answer> {
    let moment = parameters
        .get("scheduled_publish_time")
        .and_then(Value::as_u64);
    let hidden = parameters.get("published") == Some(&json!(false))
        || text(parameters, "video_state").as_deref() == Some("SCHEDULED");
    let Some(seconds) = moment else {
        assert!(!hidden, "what is hidden is planned");
        return Ok(None);
    };
    let ahead = (seconds * 1000).checked_sub(now);
    match ahead {
        Some(600_000..=2_592_000_000) if hidden => Ok(Some(seconds * 1000)),
        _ => {
            let words = "(#100) The specified scheduled publish time is invalid.";
            Err(no(400, 100, 0, words))
        }
    }
}

fn told(post: &Post, with_photos: bool) -> Value {
    let number = post.id.split('_').next_back().unwrap_or_default();
    let mut body = json!({
        "id": post.id, "created_time": written(post.at),
        "permalink_url": format!("https://www.facebook.com/{PAGE}/posts/{number}"),
    });
    if !post.message.is_empty() {
        body["message"] = json!(post.message);
    }
    if let Some(moment) = post.planned {
        body["scheduled_publish_time"] = json!(moment / 1000);
    }
    if with_photos && !post.photos.is_empty() {
        let target = |id: &String| json!({ "target": { "id": id } });
        let attachment = match post.photos.as_slice() {
            [one] => target(one),
            all => {
                let below: Vec<Value> = all.iter().map(target).collect();
                json!({ "target": { "id": "album" }, "subattachments": { "data": below } })
            }
        };
        body["attachments"] = json!({ "data": [attachment] });
    }
    body
}

impl Platform for Facebook {
    fn answer(&mut self, request: &Request, now: u64) -> Answer {
        self.pass(now);
        if request.url.host_str() == Some("rupload.facebook.com") {
            return self.reel_bytes(request);
        }
        if let Err(error) = spec::meta().check(request) {
            panic!("{error}");
        }
        let path = request.path().trim_matches('/').to_owned();
        let path: Vec<&str> = path.split('/').collect();
        let Some((&"v25.0", path)) = path.split_first() else {
            panic!("no version in {}", request.url);
        };
        let (app, proof) = (self.app_secret.as_deref(), request.query());
        let proof = proof.get("appsecret_proof");
        if let Some(refusal) = proof_fault(app, request.bearer().unwrap_or_default(), proof) {
            return refusal;
        }
        let users = request.bearer() == Some(TOKEN) && !self.revoked;
        let promoted = self.ads.is_about(path);
        let token = match path {
            _ if promoted => users,
            ["me", ..] => users,
            // The Page's token opens the Page as well.
            [PAGE] => users || request.bearer() == Some(PAGE_TOKEN),
            _ => request.bearer() == Some(PAGE_TOKEN),
        };
        if !token {
            return no(
                401,
                190,
                463,
                "Error validating access token: Session has expired",
            );
        }
        if promoted {
            let there = |creative: &Value| {
                let story = creative["object_story_id"].as_str();
                self.timeline()
                    .iter()
                    .any(|post| Some(post.id.as_str()) == story)
                    || self.videos.iter().any(|(id, video)| {
                        video.at.is_some() && Some(format!("{PAGE}_{id}").as_str()) == story
                    })
            };
            let body = Value::Object(parameters(request));
            let mut ads = self.ads.clone();
            let answer = ads.answer(request, path, &body, there);
            self.ads = ads;
            return answer.unwrap_or_else(missing);
        }
        match (request.method.as_str(), path) {
            ("GET", ["me", "accounts"]) => Answer::json(
                200,
                &json!({ "data": [
                    { "id": PAGE, "name": "Çay evi", "tasks": ["CREATE_CONTENT", "ANALYZE"] },
                    { "id": "103", "name": "Başqası", "tasks": ["ANALYZE"] },
                ] }),
            ),
            ("GET", ["me", "permissions"]) => Answer::json(
                200,
                &json!({ "data": [
                    { "permission": "pages_show_list", "status": "granted" },
                    { "permission": "pages_manage_posts", "status": "granted" },
                    { "permission": "pages_read_engagement", "status": "declined" },
                ] }),
            ),
            ("POST", [PAGE, "photos"]) => self.photo(request),
            ("POST", [PAGE, "feed"]) => self.feed(request, now),
            ("POST", [PAGE, "videos"]) => self.video_phase(request, now),
            ("POST", [PAGE, "video_reels"]) => self.reel_phase(request, now, false),
            ("GET", [PAGE, "published_posts"]) => self.list(request, false),
            ("GET", [PAGE, "scheduled_posts"]) => self.list(request, true),
            ("POST", [PAGE, "photo_stories"]) => self.photo_story(request, now),
            ("POST", [PAGE, "video_stories"]) => self.reel_phase(request, now, true),
            ("GET", [PAGE, "stories"]) => self.list_stories(request),
            ("GET", [_, "insights" | "video_insights"]) => self.insights(request),
            ("POST", [id, "comments"]) => self.comment(id, request, now),
            ("GET", [id, "comments"]) => self.comments(id, request),
            ("POST", [id, "likes"]) => self.like(id),
            ("POST", [PAGE, "messages"]) => self.send(request, now),
            ("GET", [PAGE, "conversations"]) => self.conversations(request),
            ("GET", [id]) => self.object(id, request),
            ("POST", [id]) => self.hide(id, request),
            ("DELETE", [id]) => self.delete(id),
            _ => panic!("{} {} is not known here", request.method, request.url),
        }
    }
}
