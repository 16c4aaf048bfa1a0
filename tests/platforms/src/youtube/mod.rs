//! YouTube's Data API, as far as one channel's token sees it: resumable uploads that are
//! videos from their last byte on, processing, thumbnails, playlists, comments, numbers.
//!
//! Its refusals follow the API's "Errors" page, its uploads "Resumable Uploads"; the
//! requests' form is judged by [`spec::youtube`].

mod captions;
mod comments;
mod reports;
mod upload;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{Answer, Platform, Request, spec};

pub use captions::Caption;
pub use comments::Comment;
pub use reports::Reports;

pub const TOKEN: &str = "ya29.token";
pub const CHANNEL: &str = "UC0123456789abcdefghij";
pub const UPLOADS: &str = "UU0123456789abcdefghij";
/// The Analytics API's host.
pub const ANALYTICS: &str = "youtubeanalytics.googleapis.com";
pub const PLAYLIST: &str = "PL0123456789";

/// A video of the channel.
#[derive(Clone, Debug)]
pub struct Video {
    pub id: String,
    /// As it was asked for.
    pub body: Value,
    pub bytes: Vec<u8>,
    pub notified: bool,
    pub at: u64,
    pub looks: u32,
    pub thumbnail: Option<Vec<u8>>,
}

/// An upload that is not a video yet, or has become one.
#[derive(Clone, Debug)]
pub struct Session {
    pub body: Value,
    pub mime: String,
    pub notify: bool,
    pub total: usize,
    pub bytes: Vec<u8>,
    pub video: Option<String>,
}

/// The platform.
#[derive(Debug)]
pub struct YouTube {
    pub token: String,
    pub has_channel: bool,
    pub verified: bool,
    pub hidden_subscribers: bool,
    pub videos: Vec<Video>,
    pub sessions: BTreeMap<String, Session>,
    pub comments: Vec<Comment>,
    pub captions: Vec<Caption>,
    /// The Analytics API, as it is for this login.
    pub reports: Reports,
    pub playlist: Vec<String>,
    /// Looks until a video is processed, and what it is then: `uploadStatus`, and the
    /// reason.
    pub processing: (u32, &'static str, &'static str),
    /// The most bytes that it stores of a chunk.
    pub keeps: usize,
    next: u64,
}

impl Default for YouTube {
    fn default() -> Self {
        YouTube {
            token: TOKEN.into(),
            has_channel: true,
            verified: true,
            hidden_subscribers: false,
            videos: vec![],
            sessions: BTreeMap::new(),
            comments: vec![],
            captions: vec![],
            reports: Reports::default(),
            playlist: vec![],
            processing: (2, "processed", ""),
            keeps: usize::MAX,
            next: 0,
        }
    }
}

/// A refusal as Google words it.
pub fn no(status: u16, reason: &str, message: &str) -> Answer {
    let error = json!({ "domain": "youtube.test", "reason": reason, "message": message });
    Answer::json(
        status,
        &json!({ "error": { "code": status, "message": message, "errors": [error] } }),
    )
}

fn list(items: Vec<Value>) -> Answer {
    Answer::json(200, &json!({ "items": items }))
}

/// A time as the API writes it.
fn time(at: u64) -> String {
    jarchi_plugin_sdk::time::format_rfc3339(at)
}

impl YouTube {
    fn id(&mut self, kind: &str) -> String {
        self.next += 1;
        format!("{kind}{:04}", self.next)
    }

    fn video(&mut self, id: &str) -> Option<&mut Video> {
        self.videos.iter_mut().find(|video| video.id == id)
    }

    fn channels(&self) -> Answer {
        if !self.has_channel {
            return Answer::json(200, &json!({ "pageInfo": { "totalResults": 0 } }));
        }
        let mut statistics = json!({ "viewCount": "98765", "videoCount": self.videos.len().to_string(),
            "subscriberCount": "1230", "hiddenSubscriberCount": self.hidden_subscribers });
        if self.hidden_subscribers {
            statistics["subscriberCount"] = json!("0");
        }
        let long = if self.verified { "allowed" } else { "eligible" };
        list(vec![json!({
            "id": CHANNEL, "snippet": { "title": "Armudu Çay Evi" },
            "status": { "longUploadsStatus": long, "privacyStatus": "public" },
            "contentDetails": { "relatedPlaylists": { "uploads": UPLOADS } },
            "statistics": statistics,
        })])
    }

    fn show_videos(&mut self, ids: &str) -> Answer {
        let (needed, status, why) = self.processing;
        let mut items = vec![];
        assert!(ids.split(',').count() <= 50, "at most 50 videos");
        for id in ids.split(',') {
            let Some(video) = self.video(id) else {
                continue;
            };
            video.looks += 1;
            let mut told = json!({ "uploadStatus": "uploaded" });
            if video.looks >= needed {
                told["uploadStatus"] = json!(status);
                match status {
                    "failed" => told["failureReason"] = json!(why),
                    "rejected" => told["rejectionReason"] = json!(why),
                    _ => {}
                }
            }
            // A video whose likes are hidden has no likeCount.
            let statistics = json!({ "viewCount": "1200", "favoriteCount": "0",
                "commentCount": "3" });
            items.push(json!({ "id": id, "status": told, "statistics": statistics }));
        }
        list(items)
    }

    fn playlist_items(&self, query: &BTreeMap<String, String>) -> Answer {
        let playlist = query["playlistId"].as_str();
        if playlist == PLAYLIST {
            let wanted = query.get("videoId");
            let found = self.playlist.iter();
            let found = found.filter(|id| wanted.is_none_or(|wanted| wanted == *id));
            return list(
                found
                    .map(|id| json!({ "id": format!("item-{id}") }))
                    .collect(),
            );
        }
        if playlist != UPLOADS || self.videos.is_empty() {
            return no(404, "playlistNotFound", "The playlist cannot be found.");
        }
        let from: usize = query.get("pageToken").map_or(0, |at| at.parse().unwrap());
        let count: usize = query["maxResults"].parse().unwrap();
        let newest = self.videos.iter().rev().skip(from).take(count);
        let items: Vec<Value> = newest
            .map(|video| {
                json!({ "snippet": {
                    "publishedAt": time(video.at),
                    "title": video.body["snippet"]["title"],
                    "description": video.body["snippet"]["description"],
                    "resourceId": { "kind": "youtube#video", "videoId": video.id },
                }})
            })
            .collect();
        let mut answer = json!({ "items": items });
        if from + count < self.videos.len() {
            answer["nextPageToken"] = json!((from + count).to_string());
        }
        Answer::json(200, &answer)
    }

    fn add_to_playlist(&mut self, body: &Value) -> Answer {
        if body["snippet"]["playlistId"] != PLAYLIST {
            return no(404, "playlistNotFound", "The playlist cannot be found.");
        }
        let id = body["snippet"]["resourceId"]["videoId"].as_str().unwrap();
        if self.video(id).is_none() {
            return no(404, "videoNotFound", "The video cannot be found.");
        }
        self.playlist.push(id.to_owned());
        Answer::json(200, &json!({ "id": format!("item-{id}") }))
    }
}

impl Platform for YouTube {
    fn answer(&mut self, request: &Request, now: u64) -> Answer {
        if let Err(fault) = spec::youtube().check(request) {
            panic!("{} {}: {fault}", request.method, request.url);
        }
        if request.bearer() != Some(self.token.as_str()) {
            return no(401, "authError", "Invalid Credentials");
        }
        let query = request.query();
        let reports = request.url.host_str() == Some(ANALYTICS);
        if reports || request.path() == "/v2/reports" {
            return match (reports, request.path()) {
                (true, "/v2/reports") => self.report(&query, now),
                _ => no(404, "notFound", "Not Found"),
            };
        }
        let body = request.json().unwrap_or_default();
        let path = request.path().to_owned();
        match (request.method.as_str(), path.as_str()) {
            ("POST", "/upload/youtube/v3/videos") => self.begin(request),
            ("PUT", "/upload/youtube/v3/videos") => self.chunk(request, now),
            ("POST", "/upload/youtube/v3/thumbnails/set") => self.set_thumbnail(request),
            ("POST", "/upload/youtube/v3/captions") => self.begin_caption(request),
            ("PUT", "/upload/youtube/v3/captions") => self.bring_caption(request),
            ("GET", "/youtube/v3/captions") => self.show_captions(&query["videoId"]),
            ("GET", "/youtube/v3/channels") => self.channels(),
            ("GET", "/youtube/v3/videos") => self.show_videos(&query["id"]),
            ("DELETE", "/youtube/v3/videos") => {
                if self.video(&query["id"]).is_none() {
                    return no(404, "videoNotFound", "The video cannot be found.");
                }
                self.videos.retain(|video| video.id != query["id"]);
                Answer::empty(204)
            }
            ("GET", "/youtube/v3/playlistItems") => self.playlist_items(&query),
            ("POST", "/youtube/v3/playlistItems") => self.add_to_playlist(&body),
            ("GET", "/youtube/v3/commentThreads") => self.threads(&query),
            ("POST", "/youtube/v3/commentThreads") => self.begin_thread(&body, now),
            ("GET", "/youtube/v3/comments") => self.replies(&query),
            ("POST", "/youtube/v3/comments") => self.reply(&body, now),
            ("POST", "/youtube/v3/comments/setModerationStatus") => self.moderate(&query),
            _ => no(404, "notFound", "Not Found"),
        }
    }
}
