//! Files on their way ("Resumable Uploads").

use serde_json::{Value, json};

use super::{Session, Video, YouTube, no, time};
use crate::{Answer, Request};

const STEP: usize = 256 << 10;

/// What YouTube has against a video's words.
fn fault(body: &Value) -> Option<(&'static str, &'static str)> {
    let (snippet, status) = (&body["snippet"], &body["status"]);
    let title = snippet["title"].as_str().unwrap_or_default();
    let angled = |text: &str| text.contains(['<', '>']);
    if title.is_empty() || title.chars().count() > 100 || angled(title) {
        return Some(("invalidTitle", "The video has an invalid title."));
    }
    let description = snippet["description"].as_str().unwrap_or_default();
    if description.len() > 5000 || angled(description) {
        return Some((
            "invalidDescription",
            "The video has an invalid description.",
        ));
    }
    let tags = snippet["tags"].as_array().cloned().unwrap_or_default();
    let tags: Vec<&str> = tags.iter().filter_map(Value::as_str).collect();
    let quotes = tags.iter().filter(|tag| tag.contains(' ')).count() * 2;
    if tags.join(",").chars().count() + quotes > 500 {
        return Some(("invalidTags", "The video has invalid tags."));
    }
    if snippet["categoryId"]
        .as_str()
        .is_some_and(|category| category.parse::<u32>().is_err())
    {
        return Some(("invalidCategoryId", "The category is not valid."));
    }
    if !status["publishAt"].is_null() && status["privacyStatus"] != "private" {
        return Some((
            "invalidPublishAt",
            "The scheduled publishing time is invalid.",
        ));
    }
    None
}

impl YouTube {
    pub(super) fn begin(&mut self, request: &Request) -> Answer {
        if !self.has_channel {
            return no(401, "youtubeSignupRequired", "The account has no channel.");
        }
        let body = request.json().unwrap_or_default();
        if let Some((reason, message)) = fault(&body) {
            return no(400, reason, message);
        }
        let length = request.header("x-upload-content-length");
        let session = Session {
            body,
            mime: request
                .header("x-upload-content-type")
                .expect("the file's type")
                .to_owned(),
            notify: request.query().get("notifySubscribers").map(String::as_str) != Some("false"),
            total: length
                .expect("the file's length")
                .parse()
                .expect("a number"),
            bytes: vec![],
            video: None,
        };
        let id = self.id("session");
        self.sessions.insert(id.clone(), session);
        let mut address = request.url.clone();
        address
            .query_pairs_mut()
            .clear()
            .append_pair("uploadType", "resumable")
            .append_pair("upload_id", &id);
        Answer::empty(200).header("location", address)
    }

    pub(super) fn chunk(&mut self, request: &Request, now: u64) -> Answer {
        let id = request
            .query()
            .get("upload_id")
            .cloned()
            .unwrap_or_default();
        let range = request.header("content-range").expect("a range").to_owned();
        let (sent, total) = range
            .strip_prefix("bytes ")
            .and_then(|range| range.split_once('/'))
            .expect("bytes A-B/TOTAL");
        let keeps = self.keeps;
        let Some(session) = self.sessions.get_mut(&id) else {
            return no(404, "uploadNotFound", "The upload session was not found.");
        };
        assert_eq!(total, session.total.to_string(), "another length");
        if sent == "*" {
            assert!(request.body.is_empty(), "a question with a body");
        } else {
            let (from, to) = sent.split_once('-').expect("A-B");
            let (from, to): (usize, usize) = (from.parse().unwrap(), to.parse().unwrap());
            assert_eq!(request.body.len(), to + 1 - from, "the range is another");
            assert_eq!(request.content_type(), session.mime);
            let last = to + 1 == session.total;
            assert!(
                last || request.body.len().is_multiple_of(STEP),
                "no multiple of 256 KiB"
            );
            if from != session.bytes.len() {
                return no(400, "invalidValue", "The range does not follow.");
            }
            let kept = request.body.len().min(keeps);
            session.bytes.extend(&request.body[..kept]);
        }
        if session.bytes.len() < session.total {
            return match session.bytes.len() {
                0 => Answer::empty(308),
                stored => Answer::empty(308).header("range", format!("bytes=0-{}", stored - 1)),
            };
        }
        let session = session.clone();
        let video = match session.video {
            Some(video) => video,
            None => {
                let video = self.id("video");
                self.videos.push(Video {
                    id: video.clone(),
                    body: session.body,
                    bytes: session.bytes,
                    notified: session.notify,
                    at: now,
                    looks: 0,
                    thumbnail: None,
                });
                self.sessions.get_mut(&id).expect("it").video = Some(video.clone());
                video
            }
        };
        Answer::json(
            200,
            &json!({ "id": video, "snippet": { "publishedAt": time(now) },
            "status": { "uploadStatus": "uploaded" } }),
        )
    }

    pub(super) fn set_thumbnail(&mut self, request: &Request) -> Answer {
        if !self.verified {
            return no(
                403,
                "forbidden",
                "The thumbnail can't be set: no permission.",
            );
        }
        if !matches!(request.content_type(), "image/jpeg" | "image/png") {
            return no(400, "invalidImage", "The image is invalid.");
        }
        if request.body.len() > 2 << 20 {
            return no(400, "mediaTooLarge", "The image is too large.");
        }
        match self.video(&request.query()["videoId"]) {
            None => no(404, "videoNotFound", "The video cannot be found."),
            Some(video) => {
                video.thumbnail = Some(request.body.clone());
                Answer::json(200, &json!({ "items": [] }))
            }
        }
    }
}
