//! TikTok's Content Posting API, as one creator sees it.
//!
//! TikTok publishes no machine-readable description: this stand-in judges by itself, by
//! "Direct Post", "Upload", "Photo Post", "Media Transfer Guide", "Get Post Status", "Query
//! Creator Info", "Query Videos" and "Get User Info". What a document does not name is
//! refused.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::{Answer, Platform, Request};

pub const TOKEN: &str = "act.a-creators-token";
const UPLOADS: &str = "https://open-upload.tiktokapis.com";
const HOUR: u64 = 3_600_000;
const MB: u64 = 1 << 20;

/// A publication.
#[derive(Clone, Debug, Default)]
pub struct Publication {
    pub info: Map<String, Value>,
    pub draft: bool,
    pub photos: Vec<String>,
    pub size: u64,
    pub chunk: u64,
    pub count: u64,
    pub bytes: Vec<u8>,
    pub begun: u64,
    /// The number that the public sees.
    pub post: Option<u64>,
    pub failed: Option<String>,
    looks: u32,
}

impl Publication {
    fn is_whole(&self) -> bool {
        !self.photos.is_empty() || self.bytes.len() as u64 == self.size
    }
}

/// The platform.
#[derive(Debug)]
pub struct TikTok {
    pub token: String,
    pub publications: BTreeMap<String, Publication>,
    pub privacy: Vec<&'static str>,
    pub no_comments: bool,
    /// Seconds.
    pub longest: u64,
    /// The app was not audited.
    pub unaudited: bool,
    /// Looks that are answered before a post is done.
    pub slow: u32,
    /// What becomes of the next posts: reasons of failure.
    pub fails: Vec<String>,
    /// Posts of the public get their number after so many more looks.
    pub moderation: u32,
    /// Requests of a kind, in this minute.
    windows: BTreeMap<&'static str, (u64, u32)>,
    next: u64,
}

impl Default for TikTok {
    fn default() -> Self {
        TikTok {
            token: TOKEN.into(),
            publications: BTreeMap::new(),
            privacy: vec!["PUBLIC_TO_EVERYONE", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"],
            no_comments: false,
            longest: 600,
            unaudited: false,
            slow: 1,
            fails: vec![],
            moderation: 0,
            windows: BTreeMap::new(),
            next: 7_290_000_000_000_000_000,
        }
    }
}

/// An error as TikTok words it.
pub fn no(status: u16, code: &str) -> Answer {
    let error = json!({ "code": code, "message": format!("It is {code}"), "log_id": "2026" });
    Answer::json(status, &json!({ "data": {}, "error": error }))
}

fn yes(data: &Value) -> Answer {
    let error = json!({ "code": "ok", "message": "", "log_id": "2026" });
    Answer::json(200, &json!({ "data": data, "error": error }))
}

/// Nothing but these, and all of the first.
fn has(fields: &Map<String, Value>, wanted: &[&str], more: &[&str]) -> bool {
    wanted.iter().all(|name| fields.contains_key(*name))
        && fields
            .keys()
            .all(|name| wanted.contains(&name.as_str()) || more.contains(&name.as_str()))
}

/// UTF-16 units.
fn fits(fields: &Map<String, Value>, name: &str, most: usize) -> bool {
    let text = fields.get(name).and_then(Value::as_str).unwrap_or_default();
    text.encode_utf16().count() <= most
}

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

impl TikTok {
    /// The posts that are out, or in the inbox.
    pub fn done(&self) -> Vec<&Publication> {
        let whole = |one: &&Publication| one.is_whole() && one.failed.is_none();
        self.publications.values().filter(whole).collect()
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Whether so many in a minute are not used up.
    fn pace(&mut self, kind: &'static str, most: u32, now: u64) -> bool {
        let minute = now / 60_000;
        let window = self.windows.entry(kind).or_insert((minute, 0));
        if window.0 != minute {
            *window = (minute, 0);
        }
        window.1 += 1;
        window.1 <= most
    }

    fn begin(&mut self, publication: Publication, now: u64) -> Option<(String, Answer)> {
        if !self.pace("init", 6, now) {
            return None;
        }
        let id = format!("v_pub~{}", self.number());
        let failed = (!self.fails.is_empty()).then(|| self.fails.remove(0));
        self.publications.insert(
            id.clone(),
            Publication {
                begun: now,
                failed,
                ..publication
            },
        );
        let told = json!({ "publish_id": id, "upload_url": format!("{UPLOADS}/video/{id}") });
        Some((id, yes(&told)))
    }

    fn info(&self, info: &Map<String, Value>) -> Option<Answer> {
        let privacy = info["privacy_level"].as_str().unwrap_or_default();
        if !self.privacy.contains(&privacy) {
            return Some(no(400, "privacy_level_option_mismatch"));
        }
        if self.unaudited && privacy != "SELF_ONLY" {
            return Some(no(
                403,
                "unaudited_client_can_only_post_to_private_accounts",
            ));
        }
        if self.no_comments && info["disable_comment"] != json!(true) {
            return Some(no(400, "invalid_params"));
        }
        None
    }

    fn video(&mut self, request: &Request, draft: bool, now: u64) -> Answer {
        let body = object(&request.json().unwrap());
        let (info, source) = (
            object(&body.get("post_info").cloned().unwrap_or_default()),
            object(&body["source_info"]),
        );
        let (wanted, more): (&[&str], &[&str]) = match draft {
            true => (&["source_info"], &[]),
            false => (&["post_info", "source_info"], &[]),
        };
        let known = [
            "title",
            "disable_duet",
            "disable_stitch",
            "disable_comment",
            "video_cover_timestamp_ms",
            "brand_content_toggle",
            "brand_organic_toggle",
            "is_aigc",
        ];
        let sources = ["source", "video_size", "chunk_size", "total_chunk_count"];
        let shape = has(&body, wanted, more)
            && has(&source, &sources, &[])
            && (draft || has(&info, &["privacy_level"], &known));
        if !shape || source["source"] != "FILE_UPLOAD" || !fits(&info, "title", 2200) {
            return no(400, "invalid_params");
        }
        if !draft && let Some(refused) = self.info(&info) {
            return refused;
        }
        let number = |name: &str| source[name].as_u64().unwrap_or_default();
        let (size, chunk) = (number("video_size"), number("chunk_size"));
        let count = number("total_chunk_count");
        let fits = match size {
            0 => false,
            size if size < 5 * MB => chunk == size && count == 1,
            _ => (5 * MB..=64 * MB).contains(&chunk) && count == size / chunk,
        };
        if !fits {
            return no(400, "invalid_params");
        }
        let publication = Publication {
            info,
            draft,
            size,
            chunk,
            count,
            ..Publication::default()
        };
        match self.begin(publication, now) {
            Some((_, answer)) => answer,
            None => no(429, "rate_limit_exceeded"),
        }
    }

    fn photos(&mut self, request: &Request, now: u64) -> Answer {
        let body = object(&request.json().unwrap());
        let (info, source) = (object(&body["post_info"]), object(&body["source_info"]));
        let draft = body["post_mode"] == "MEDIA_UPLOAD";
        let known = [
            "title",
            "description",
            "disable_comment",
            "auto_add_music",
            "brand_content_toggle",
            "brand_organic_toggle",
            "privacy_level",
        ];
        let wanted: &[&str] = if draft { &[] } else { &["privacy_level"] };
        let shape = has(
            &body,
            &["post_info", "source_info", "post_mode", "media_type"],
            &[],
        ) && has(
            &source,
            &["source", "photo_cover_index", "photo_images"],
            &[],
        ) && has(&info, wanted, &known);
        let texts = fits(&info, "title", 90) && fits(&info, "description", 4000);
        let pulled = source["source"] == "PULL_FROM_URL" && body["media_type"] == "PHOTO";
        if !shape || !texts || !pulled {
            return no(400, "invalid_params");
        }
        if !draft && let Some(refused) = self.info(&info) {
            return refused;
        }
        let images = source["photo_images"].as_array().unwrap();
        let photos: Vec<String> = images
            .iter()
            .map(|url| url.as_str().unwrap().to_owned())
            .collect();
        let cover = source["photo_cover_index"].as_u64().unwrap() as usize;
        if !(1..=35).contains(&photos.len()) || cover >= photos.len() {
            return no(400, "invalid_params");
        }
        if !photos
            .iter()
            .all(|url| url.starts_with("https://media.example/"))
        {
            return no(403, "url_ownership_unverified");
        }
        let publication = Publication {
            info,
            draft,
            photos,
            ..Publication::default()
        };
        let post = self.number();
        match self.begin(publication, now) {
            Some((id, _)) => {
                self.publications.get_mut(&id).unwrap().post = Some(post);
                yes(&json!({ "publish_id": id }))
            }
            None => no(429, "rate_limit_exceeded"),
        }
    }

    fn chunk(&mut self, request: &Request, now: u64) -> Answer {
        let id = request.path().trim_start_matches("/video/").to_owned();
        assert!(request.content_type().starts_with("video/"));
        assert_eq!(
            request.header("authorization"),
            None,
            "the address is enough"
        );
        let post = self.number();
        let Some(publication) = self.publications.get_mut(&id) else {
            return Answer::empty(404);
        };
        if now > publication.begun + HOUR {
            return Answer::empty(403);
        }
        let range = request.header("content-range").unwrap();
        let numbers: Vec<u64> = range
            .trim_start_matches("bytes ")
            .split(['-', '/'])
            .map(|number| number.parse().unwrap())
            .collect();
        let [first, last, total] = numbers[..] else {
            panic!("{range}");
        };
        let there = publication.bytes.len() as u64;
        let is_last = there / publication.chunk == publication.count - 1;
        let wanted = match is_last {
            true => publication.size - there,
            false => publication.chunk,
        };
        let length = request.body.len() as u64;
        if first != there
            || total != publication.size
            || last + 1 != first + length
            || length != wanted
        {
            return Answer::empty(416);
        }
        publication.bytes.extend(&request.body);
        if !is_last {
            return Answer::empty(206);
        }
        if !publication.draft && publication.info["privacy_level"] == "PUBLIC_TO_EVERYONE" {
            publication.post = Some(post);
        }
        Answer::empty(201)
    }

    fn status(&mut self, request: &Request) -> Answer {
        let body = request.json().unwrap();
        let (slow, moderation) = (self.slow, self.moderation);
        let id = body["publish_id"].as_str().unwrap();
        let Some(publication) = self.publications.get_mut(id) else {
            return no(400, "invalid_publish_id");
        };
        let bytes = publication.bytes.len();
        if !publication.is_whole() {
            return yes(&json!({ "status": "PROCESSING_UPLOAD", "uploaded_bytes": bytes }));
        }
        if let Some(reason) = &publication.failed {
            return yes(&json!({ "status": "FAILED", "fail_reason": reason }));
        }
        publication.looks += 1;
        if publication.looks <= slow {
            return yes(&json!({ "status": "PROCESSING_DOWNLOAD", "uploaded_bytes": bytes }));
        }
        if publication.draft {
            return yes(&json!({ "status": "SEND_TO_USER_INBOX" }));
        }
        let seen = publication.looks > slow + moderation;
        let posts: Vec<u64> = publication.post.filter(|_| seen).into_iter().collect();
        yes(&json!({ "status": "PUBLISH_COMPLETE", "publicaly_available_post_id": posts }))
    }

    fn query(&self, request: &Request) -> Answer {
        let body = request.json().unwrap();
        let ids = body["filters"]["video_ids"].as_array().unwrap();
        assert!(ids.len() <= 20);
        let known = |id: &&Value| {
            let wanted = id.as_str().unwrap();
            let mut all = self.publications.values();
            all.any(|one| one.post.is_some_and(|post| post.to_string() == wanted))
        };
        let videos: Vec<Value> = ids
            .iter()
            .filter(known)
            .map(|id| json!({ "id": id, "like_count": 7, "view_count": 90, "share_count": 2 }))
            .collect();
        yes(&json!({ "videos": videos, "cursor": 0, "has_more": false }))
    }
}

impl Platform for TikTok {
    fn answer(&mut self, request: &Request, now: u64) -> Answer {
        if request.url.as_str().starts_with(UPLOADS) {
            return self.chunk(request, now);
        }
        if request.bearer() != Some(self.token.as_str()) {
            return no(401, "access_token_invalid");
        }
        let free = match request.path() {
            "/v2/post/publish/creator_info/query/" => self.pace("creator", 20, now),
            "/v2/post/publish/status/fetch/" => self.pace("status", 30, now),
            _ => true,
        };
        if !free {
            return no(429, "rate_limit_exceeded");
        }
        match (request.method.as_str(), request.path()) {
            ("POST", "/v2/post/publish/creator_info/query/") => yes(&json!({
                "creator_username": "cayevi", "creator_nickname": "Çay evi",
                "creator_avatar_url": "https://p16.tiktokcdn.com/a.webp",
                "privacy_level_options": self.privacy, "comment_disabled": self.no_comments,
                "duet_disabled": false, "stitch_disabled": true,
                "max_video_post_duration_sec": self.longest,
            })),
            ("POST", "/v2/post/publish/video/init/") => self.video(request, false, now),
            ("POST", "/v2/post/publish/inbox/video/init/") => self.video(request, true, now),
            ("POST", "/v2/post/publish/content/init/") => self.photos(request, now),
            ("POST", "/v2/post/publish/status/fetch/") => self.status(request),
            ("POST", "/v2/video/query/") => self.query(request),
            ("GET", "/v2/user/info/") => {
                let all = json!({
                    "open_id": "o-1", "display_name": "Çay evi", "username": "cayevi",
                    "follower_count": 42, "likes_count": 300, "video_count": 5,
                });
                let fields = request.query().remove("fields").unwrap_or_default();
                let told = fields.split(',').filter(|name| all.get(name).is_some());
                let user: Map<String, Value> = told
                    .map(|name| (name.to_owned(), all[name].clone()))
                    .collect();
                yes(&json!({ "user": user }))
            }
            _ => panic!("{} {} is not known here", request.method, request.url),
        }
    }
}
