//! Files on their way to a post.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{X, invalid, not_found};
use crate::{Answer, Request};

const LIFE: u64 = 24 * 60 * 60 * 1000;
const IMAGE: usize = 5 << 20;
const SEGMENT: usize = 5 << 20;

/// A file.
#[derive(Clone, Debug)]
pub struct Upload {
    pub key: String,
    pub category: String,
    pub bytes: Vec<u8>,
    pub alt: Option<String>,
    pub sensitive: bool,
    pub ends: u64,
    /// It can be put into a post.
    pub ready: bool,
    total: usize,
    segments: BTreeMap<u32, Vec<u8>>,
    done: bool,
    looks: u32,
}

/// What comes of videos and GIFs.
#[derive(Clone, Debug)]
pub struct Processing {
    /// Looks before it is done; none: at once.
    pub looks: u32,
    /// Seconds between them.
    pub every: u64,
    /// Why it fails.
    pub fails: Option<String>,
}

impl Default for Processing {
    fn default() -> Self {
        Processing {
            looks: 2,
            every: 3,
            fails: None,
        }
    }
}

impl X {
    fn keep(&mut self, category: &str, total: usize, now: u64) -> String {
        let id = self.id(now);
        let kind = match category {
            "tweet_image" => 3,
            "tweet_gif" => 16,
            _ => 7,
        };
        let upload = Upload {
            key: format!("{kind}_{id}"),
            category: category.to_owned(),
            bytes: vec![],
            alt: None,
            sensitive: false,
            ends: now + LIFE,
            ready: false,
            total,
            segments: BTreeMap::new(),
            done: false,
            looks: 0,
        };
        self.uploads.insert(id.clone(), upload);
        id
    }

    fn alive(&mut self, id: &str, now: u64) -> Option<&mut Upload> {
        self.uploads.get_mut(id).filter(|upload| upload.ends > now)
    }

    pub(super) fn upload(&mut self, request: &Request, now: u64) -> Answer {
        let parts = request.parts();
        let part = |name: &str| parts.iter().find(|part| part.name == name).unwrap();
        let category = String::from_utf8(part("media_category").bytes.clone()).unwrap();
        let bytes = part("media").bytes.clone();
        if category != "tweet_image" {
            return invalid("This category is uploaded in segments.");
        }
        if bytes.is_empty() || bytes.len() > IMAGE {
            return invalid("File size exceeds 5242880 bytes.");
        }
        let id = self.keep(&category, bytes.len(), now);
        let upload = self.uploads.get_mut(&id).unwrap();
        upload.bytes = bytes;
        (upload.done, upload.ready) = (true, true);
        let told = json!({ "id": id, "media_key": upload.key, "size": upload.total,
                           "expires_after_secs": LIFE / 1000 });
        Answer::json(200, &json!({ "data": told }))
    }

    pub(super) fn initialize(&mut self, request: &Request, now: u64) -> Answer {
        let body = request.json().unwrap();
        let total = body["total_bytes"].as_u64().unwrap_or_default() as usize;
        let category = body["media_category"].as_str().unwrap_or("tweet_image");
        let most = match category {
            "tweet_gif" => 15 << 20,
            _ => 512 << 20,
        };
        if total == 0 || total > most {
            return invalid("File size exceeds what the category takes.");
        }
        let id = self.keep(category, total, now);
        let key = &self.uploads[&id].key;
        let told = json!({ "id": id, "media_key": key, "expires_after_secs": LIFE / 1000 });
        Answer::json(200, &json!({ "data": told }))
    }

    pub(super) fn append(&mut self, id: &str, request: &Request, now: u64) -> Answer {
        let parts = request.parts();
        let part = |name: &str| parts.iter().find(|part| part.name == name).unwrap();
        let index = String::from_utf8(part("segment_index").bytes.clone()).unwrap();
        let bytes = part("media").bytes.clone();
        if bytes.is_empty() || bytes.len() > SEGMENT {
            return invalid("The segment is empty or longer than 5 MB.");
        }
        let Some(upload) = self.alive(id, now).filter(|upload| !upload.done) else {
            return not_found("media", id);
        };
        upload.segments.insert(index.parse().unwrap(), bytes);
        Answer::json(
            200,
            &json!({ "data": { "expires_at": upload.ends / 1000 } }),
        )
    }

    pub(super) fn finalize(&mut self, id: &str, now: u64) -> Answer {
        let processing = self.processing.clone();
        let Some(upload) = self.alive(id, now) else {
            return not_found("media", id);
        };
        if upload.done {
            return invalid("The upload is finalized already.");
        }
        let numbers: Vec<u32> = upload.segments.keys().copied().collect();
        let is_whole = numbers.iter().copied().eq(0..numbers.len() as u32);
        let bytes = Vec::from_iter(upload.segments.values().flatten().copied());
        if !is_whole || bytes.len() != upload.total {
            return invalid("Segments do not add up to provided total file size.");
        }
        upload.bytes = bytes;
        upload.done = true;
        upload.ready = processing.looks == 0 && processing.fails.is_none();
        let state = if upload.ready { None } else { Some("pending") };
        told(id, upload, state, &processing, now)
    }

    pub(super) fn status(&mut self, request: &Request, now: u64) -> Answer {
        let processing = self.processing.clone();
        let id = request.query()["media_id"].clone();
        let Some(upload) = self.alive(&id, now) else {
            return not_found("media", &id);
        };
        if !upload.done {
            return invalid("The upload is not finalized.");
        }
        upload.looks += 1;
        let state = match (&processing.fails, upload.looks >= processing.looks) {
            (_, false) => "in_progress",
            (Some(_), true) => "failed",
            (None, true) => {
                upload.ready = true;
                "succeeded"
            }
        };
        told(&id, upload, Some(state), &processing, now)
    }

    pub(super) fn describe(&mut self, request: &Request, now: u64) -> Answer {
        let body = request.json().unwrap();
        let id = body["id"].as_str().unwrap_or_default().to_owned();
        let Some(upload) = self.alive(&id, now) else {
            return not_found("media", &id);
        };
        let metadata = &body["metadata"];
        if let Some(alt) = metadata["alt_text"]["text"].as_str() {
            if alt.chars().count() > 1000 {
                return invalid("The alternative text is longer than 1000 characters.");
            }
            upload.alt = Some(alt.to_owned());
        }
        upload.sensitive |= metadata["sensitive_media_warning"].is_object();
        Answer::json(200, &json!({ "data": { "id": id } }))
    }
}

fn told(
    id: &str,
    upload: &Upload,
    state: Option<&str>,
    processing: &Processing,
    now: u64,
) -> Answer {
    let mut told = json!({ "id": id, "media_key": upload.key, "size": upload.total,
                           "expires_after_secs": (upload.ends - now) / 1000 });
    if let Some(state) = state {
        let mut info = json!({ "state": state });
        if matches!(state, "pending" | "in_progress") {
            info["check_after_secs"] = Value::from(processing.every);
        }
        if let (Some(why), "failed") = (&processing.fails, state) {
            info["error"] = json!({ "code": 1, "name": "InvalidMedia", "message": why });
        }
        told["processing_info"] = info;
    }
    Answer::json(200, &json!({ "data": told }))
}
