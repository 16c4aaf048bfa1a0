//! Stories, as "Stories API" describes them.

use serde_json::{Value, json};

use super::{Facebook, missing, no, parameters, text};
use crate::{Answer, Request};

/// A story of a photo or a video.
#[derive(Clone, Debug, Default)]
pub struct Story {
    pub id: String,
    pub media: String,
    pub video: bool,
    pub at: u64,
}

impl Facebook {
    pub(super) fn photo_story(&mut self, request: &Request, now: u64) -> Answer {
        let id = text(&parameters(request), "photo_id").unwrap_or_default();
        match self.photos.get_mut(&id) {
            None => missing(),
            // What was published once can't become a story.
            Some(photo) if photo.posted => no(400, 100, 0, "(#100) The photo was used before"),
            Some(photo) => {
                photo.posted = true;
                self.tell(id, false, now)
            }
        }
    }

    pub(super) fn tell(&mut self, media: String, video: bool, now: u64) -> Answer {
        let id = self.id();
        self.stories.push(Story {
            id: id.clone(),
            media,
            video,
            at: now,
        });
        Answer::json(200, &json!({ "success": true, "post_id": id }))
    }

    pub(super) fn list_stories(&self, request: &Request) -> Answer {
        assert!(request.query().contains_key("limit"));
        let told = self.stories.iter().rev().map(|one| {
            let kind = if one.video { "video" } else { "photo" };
            json!({ "post_id": one.id, "status": "PUBLISHED", "media_type": kind,
                    "media_id": one.media, "creation_time": (one.at / 1000).to_string(),
                    "url": format!("https://facebook.com/stories/{}", one.id) })
        });
        let data: Vec<Value> = told.collect();
        Answer::json(200, &json!({ "data": data }))
    }
}
