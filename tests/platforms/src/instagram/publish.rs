//! Containers, bytes and the publishing of them.

use serde_json::{Map, Value, json};

use super::{Comment, Container, DAY, Direct, Instagram, Media, NAME, missing, no};
use crate::{Answer, Request};

/// "IG User Media", the parameters of `POST`.
const PARAMETERS: &[&str] = &[
    "alt_text",
    "audio_name",
    "caption",
    "children",
    "collaborators",
    "cover_url",
    "image_url",
    "is_carousel_item",
    "location_id",
    "media_type",
    "product_tags",
    "share_to_feed",
    "thumb_offset",
    "trial_params",
    "upload_type",
    "user_tags",
    "video_url",
];

impl Instagram {
    pub(super) fn create(&mut self, body: &Value, now: u64) -> Answer {
        let body = body.as_object().expect("an object").clone();
        for name in body.keys() {
            assert!(PARAMETERS.contains(&name.as_str()), "no parameter `{name}`");
        }
        if let Some(refused) = self.refused(&body) {
            return refused;
        }
        let resumable = body
            .get("upload_type")
            .is_some_and(|kind| kind == "resumable");
        let id = self.number();
        let failed = if self.fail.is_empty() {
            None
        } else {
            Some(self.fail.remove(0))
        };
        let container = Container {
            body,
            made: now,
            looks: self.slow,
            resumable,
            failed,
            ..Container::default()
        };
        self.containers.insert(id.clone(), container);
        let mut answer = json!({ "id": id });
        if resumable {
            answer["uri"] = json!(format!(
                "https://rupload.facebook.com/ig-api-upload/v25.0/{id}"
            ));
        }
        Answer::json(200, &answer)
    }

    fn refused(&self, body: &Map<String, Value>) -> Option<Answer> {
        let kind = body
            .get("media_type")
            .and_then(Value::as_str)
            .unwrap_or("IMAGE");
        let caption = body
            .get("caption")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if caption.chars().count() > 2200 {
            return Some(no(400, 100, 2_207_010, "The caption is too long"));
        }
        if kind == "CAROUSEL" {
            let children = body["children"].as_array().expect("children");
            if !(2..=10).contains(&children.len()) {
                return Some(no(400, 100, 2_207_028, "2 to 10 children"));
            }
            let ready = children.iter().all(|id| {
                let child = self.containers.get(id.as_str().unwrap_or_default());
                child.is_some_and(|child| child.body.get("is_carousel_item").is_some())
            });
            assert!(ready, "children are carousel items");
            return None;
        }
        if let Some(url) = body.get("image_url").or_else(|| body.get("video_url")) {
            let url = url.as_str().expect("text");
            if !url.starts_with("https://media.example/") {
                return Some(no(
                    400,
                    9004,
                    2_207_052,
                    "The media could not be fetched from this URI",
                ));
            }
        } else if body.get("upload_type").is_none() {
            return Some(no(400, 100, 0, "image_url or video_url is required"));
        }
        let child = body.contains_key("is_carousel_item");
        assert!(!(child && caption.len() > 1), "children have no caption");
        if kind == "STORIES" {
            for name in ["caption", "collaborators", "location_id", "alt_text"] {
                assert!(!body.contains_key(name), "a story has no {name}");
            }
        }
        assert!(
            self.facebook || !body.contains_key("location_id"),
            "no places with Instagram Login"
        );
        None
    }

    /// The bytes of a video, from the offset that is told.
    pub(super) fn bytes(&mut self, request: &Request) -> Answer {
        let id = request
            .path()
            .strip_prefix("/ig-api-upload/v25.0/")
            .expect("the path")
            .to_owned();
        assert_eq!(self.token_of(request), Some(self.token.as_str()));
        let number = |name: &str| {
            request
                .header(name)
                .expect("a header")
                .parse::<u64>()
                .expect("a number")
        };
        let (offset, size) = (number("offset"), number("file_size"));
        let cut = self.cut.take();
        let container = self.containers.get_mut(&id).expect("a container");
        assert!(container.resumable);
        let wrong = |words: &str| {
            let told =
                json!({ "retriable": false, "type": "OffsetInvalidError", "message": words });
            Answer::json(400, &json!({ "debug_info": told }))
        };
        if offset != container.bytes.len() as u64 {
            return wrong("Request starting offset is invalid");
        }
        container.size = Some(size);
        let sent = match cut {
            Some(most) => &request.body[..most.min(request.body.len())],
            None => &request.body,
        };
        container.bytes.extend(sent);
        if cut.is_some() {
            let told =
                json!({ "retriable": true, "type": "PartialRequestError", "message": "cut off" });
            return Answer::json(412, &json!({ "debug_info": told }));
        }
        assert_eq!(container.bytes.len() as u64, size);
        Answer::json(
            200,
            &json!({ "success": true, "message": "Upload successful." }),
        )
    }

    pub(super) fn status(&mut self, id: &str, request: &Request, now: u64) -> Answer {
        let container = self.containers.get_mut(id).expect("a container");
        let fields = request.query().remove("fields").unwrap_or_default();
        if fields == "video_status" {
            let phase =
                json!({ "status": "in_progress", "bytes_transferred": container.bytes.len() });
            let mut told = json!({ "id": id });
            // Before the first byte nothing is told.
            if !container.bytes.is_empty() {
                told["video_status"] = json!({ "uploading_phase": phase });
            }
            return Answer::json(200, &told);
        }
        let waits = container.resumable && container.size != Some(container.bytes.len() as u64);
        let (code, words) = if container.published {
            ("PUBLISHED", "Published".to_owned())
        } else if now > container.made + DAY {
            ("EXPIRED", "Expired".to_owned())
        } else if let Some(failed) = &container.failed {
            ("ERROR", failed.clone())
        } else if waits || container.looks > 0 {
            container.looks = container.looks.saturating_sub(1);
            ("IN_PROGRESS", "In Progress".to_owned())
        } else {
            ("FINISHED", "Finished".to_owned())
        };
        Answer::json(
            200,
            &json!({ "id": id, "status_code": code, "status": words }),
        )
    }

    pub(super) fn published(&self, now: u64) -> usize {
        let recent = self.media.iter().filter(|media| media.at + DAY > now);
        recent.count()
    }

    pub(super) fn publish(&mut self, body: &Value, now: u64) -> Answer {
        let id = body["creation_id"]
            .as_str()
            .expect("a container")
            .to_owned();
        if self.published(now) as u64 >= self.quota {
            return no(
                403,
                9,
                2_207_042,
                "You reached maximum number of posts that is allowed",
            );
        }
        let Some(container) = self.containers.get(&id).cloned() else {
            return missing();
        };
        if container.published {
            return no(400, 100, 2_207_006, "The media was published already");
        }
        if now > container.made + DAY {
            return no(400, -2, 2_207_020, "The media has expired");
        }
        if container.looks > 0 || container.failed.is_some() {
            return no(400, 9007, 2_207_027, "Media ID is not available");
        }
        let mut used = vec![id];
        let children = container
            .body
            .get("children")
            .and_then(Value::as_array)
            .cloned();
        used.extend(
            children
                .into_iter()
                .flatten()
                .map(|id| id.as_str().expect("text").to_owned()),
        );
        let mut bytes = Vec::new();
        let mut bodies = Vec::new();
        for id in &used {
            let one = self.containers.get_mut(id).expect("a container");
            one.published = true;
            bytes.extend(&one.bytes);
            bodies.push(one.body.clone());
        }
        let product = match container.body.get("media_type").and_then(Value::as_str) {
            Some("REELS") => "REELS",
            Some("STORIES") => "STORY",
            _ => "FEED",
        };
        let media = self.number();
        self.media.insert(
            0,
            Media {
                id: media.clone(),
                body: container.body,
                children: bodies.split_off(1),
                product: product.into(),
                at: now,
                bytes,
                ..Media::default()
            },
        );
        Answer::json(200, &json!({ "id": media }))
    }

    /// A comment below a post, or an answer to a comment.
    pub(super) fn say(&mut self, id: &str, parent: Option<&str>, body: &Value, now: u64) -> Answer {
        let text = body["message"].as_str().expect("a message").to_owned();
        let number = self.number();
        let media = match parent {
            None => self.media.iter_mut().find(|media| media.id == id),
            Some(parent) => self.media.iter_mut().find(|media| {
                let top = |comment: &Comment| comment.id == parent && comment.parent.is_none();
                media.comments.iter().any(top)
            }),
        };
        let Some(media) = media.filter(|media| !media.deleted) else {
            return missing();
        };
        media.comments.push(Comment {
            id: number.clone(),
            by: NAME.into(),
            text,
            at: now,
            parent: parent.map(str::to_owned),
            hidden: false,
        });
        Answer::json(200, &json!({ "id": number }))
    }

    pub(super) fn hide(&mut self, id: &str, body: &Value) -> Answer {
        let hide = body["hide"].as_bool().expect("hide");
        let comments = self.media.iter_mut().flat_map(|media| &mut media.comments);
        match comments.into_iter().find(|comment| comment.id == id) {
            Some(comment) => {
                comment.hidden = hide;
                Answer::json(200, &json!({ "success": true }))
            }
            None => missing(),
        }
    }

    pub(super) fn send(&mut self, body: &Value, now: u64) -> Answer {
        if body.get("sender_action").is_some() {
            self.actions.push(body.clone());
            return Answer::json(200, &json!({ "recipient_id": body["recipient"]["id"] }));
        }
        let text = body["message"]["text"].as_str().expect("a text").to_owned();
        if text.len() > 1000 {
            return no(400, 100, 2_018_065, "The message is too long");
        }
        let with = if let Some(comment) = body["recipient"]["comment_id"].as_str() {
            let mut comments = self.media.iter().flat_map(|media| &media.comments);
            let comment = comments.find(|one| one.id == comment).expect("a comment");
            if now > comment.at + 7 * DAY {
                return no(
                    400,
                    10,
                    2_534_022,
                    "This message is sent outside of allowed window",
                );
            }
            format!("id-{}", comment.by)
        } else {
            let with = body["recipient"]["id"]
                .as_str()
                .expect("a person")
                .to_owned();
            let last = self
                .directs
                .iter()
                .filter(|one| !one.ours && one.with == with);
            let last = last.map(|one| one.at).max().unwrap_or_default();
            if now > last + DAY {
                return no(
                    400,
                    10,
                    2_534_022,
                    "This message is sent outside of allowed window",
                );
            }
            with
        };
        let id = format!("m-{}", self.number());
        self.directs.push(Direct {
            id: id.clone(),
            with: with.clone(),
            ours: true,
            text,
            at: now,
        });
        Answer::json(200, &json!({ "recipient_id": with, "message_id": id }))
    }
}
