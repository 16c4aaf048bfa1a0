//! Videos and reels.

use serde_json::{Value, json};

use super::{CHUNK, Facebook, file, missing, no, parameters, text, written};
use crate::{Answer, Request};

/// A video that is brought, or is there.
#[derive(Clone, Debug, Default)]
pub struct Video {
    pub session: String,
    /// Bytes that it will have; a reel tells them with the bytes.
    pub size: u64,
    pub bytes: Vec<u8>,
    pub description: String,
    pub title: Option<String>,
    /// When it was published.
    pub at: Option<u64>,
    /// When it is published by itself.
    pub planned: Option<u64>,
    pub story: bool,
    /// Looks until it is processed.
    pub looks: std::cell::Cell<u32>,
    pub broken: Option<String>,
}

impl Facebook {
    /// The videos that were published.
    pub fn shown(&self) -> Vec<&Video> {
        let out = |video: &&Video| video.at.is_some() && !video.story;
        self.videos.values().filter(out).collect()
    }

    pub(super) fn video_phase(&mut self, request: &Request, now: u64) -> Answer {
        let parameters = parameters(request);
        let phase = text(&parameters, "upload_phase");
        let session = text(&parameters, "upload_session_id").unwrap_or_default();
        if phase.as_deref() == Some("start") {
            let size = parameters["file_size"].as_u64().unwrap();
            let (id, session) = (self.id(), self.id());
            let video = Video {
                session: session.clone(),
                size,
                ..Video::default()
            };
            self.videos.insert(id.clone(), video);
            return Answer::json(
                200,
                &json!({ "video_id": id, "upload_session_id": session, "start_offset": "0",
                         "end_offset": size.min(CHUNK).to_string() }),
            );
        }
        let (slow, broken) = (self.slow, self.broken.clone());
        let found = self
            .videos
            .values_mut()
            .find(|video| video.session == session);
        let Some(video) = found else {
            return no(400, 100, 0, "(#100) Invalid upload session");
        };
        if video.is_finished() {
            return no(400, 6000, 1_363_041, "The upload session has been finished");
        }
        match phase.as_deref() {
            Some("transfer") => {
                let offset: usize = text(&parameters, "start_offset").unwrap().parse().unwrap();
                if offset != video.bytes.len() {
                    return no(400, 6001, 1_363_037, "The offset does not fit");
                }
                video
                    .bytes
                    .extend(file(request, "video_file_chunk").unwrap());
                let start = video.bytes.len() as u64;
                let end = (start + CHUNK).min(video.size);
                let told =
                    json!({ "start_offset": start.to_string(), "end_offset": end.to_string() });
                Answer::json(200, &told)
            }
            Some("finish") if video.bytes.len() as u64 == video.size => {
                match video.finish(&parameters, now, slow, broken) {
                    Some(refused) => refused,
                    None => Answer::json(200, &json!({ "success": true })),
                }
            }
            _ => no(400, 100, 0, "(#100) The video is not whole"),
        }
    }

    /// Of reels, and of stories.
    pub(super) fn reel_phase(&mut self, request: &Request, now: u64, story: bool) -> Answer {
        let parameters = parameters(request);
        match text(&parameters, "upload_phase").as_deref() {
            Some("start") => {
                let id = self.id();
                let url = format!("https://rupload.facebook.com/video-upload/v25.0/{id}");
                self.videos.insert(id.clone(), Video::default());
                Answer::json(200, &json!({ "video_id": id, "upload_url": url }))
            }
            Some("finish") => {
                let (slow, broken) = (self.slow, self.broken.clone());
                let id = text(&parameters, "video_id").unwrap();
                let Some(video) = self.videos.get_mut(&id) else {
                    return missing();
                };
                if video.is_finished() || video.bytes.is_empty() {
                    return no(400, 6000, 1_363_041, "The video can't be finished");
                }
                if let Some(refused) = video.finish(&parameters, now, slow, broken) {
                    return refused;
                }
                let state = text(&parameters, "video_state");
                if story {
                    video.story = true;
                    return self.tell(id, true, now);
                }
                let wanted = match video.planned {
                    Some(_) => "SCHEDULED",
                    None => "PUBLISHED",
                };
                assert_eq!(state.as_deref(), Some(wanted));
                Answer::json(200, &json!({ "success": true }))
            }
            _ => no(400, 100, 0, "(#100) Invalid upload_phase"),
        }
    }

    pub(super) fn reel_bytes(&mut self, request: &Request) -> Answer {
        let token = format!("OAuth {}", super::PAGE_TOKEN);
        assert_eq!(request.header("authorization"), Some(token.as_str()));
        let id = request.path().split('/').next_back().unwrap();
        let video = self.videos.get_mut(id).unwrap();
        let number = |name: &str| request.header(name).unwrap().parse::<u64>().unwrap();
        assert_eq!(number("offset"), video.bytes.len() as u64);
        video.size = number("file_size");
        video.bytes.extend(&request.body);
        Answer::json(200, &json!({ "success": true }))
    }

    pub(super) fn video(&self, id: &str, video: &Video, fields: &str) -> Answer {
        let mut body = json!({ "id": id });
        if fields.contains("status") {
            body["status"] = status(video);
        }
        if fields.contains("reactions") {
            body["comments"] = json!({ "data": [], "summary": { "total_count": 1 } });
            body["reactions"] = json!({ "data": [], "summary": { "total_count": 3 } });
        }
        if let Some(at) = video.at {
            body["post_id"] = json!(id);
            body["permalink_url"] = json!(format!("/{}/videos/{id}/", super::PAGE));
            body["created_time"] = json!(written(at));
        }
        Answer::json(200, &body)
    }
}

fn status(video: &Video) -> Value {
    let phase = |status: &str| json!({ "status": status });
    let mut uploading = phase("in_progress");
    uploading["bytes_transferred"] = json!(video.bytes.len());
    if !video.is_finished() {
        return json!({ "video_status": "uploading", "uploading_phase": uploading,
                       "processing_phase": phase("not_started"),
                       "publishing_phase": phase("not_started") });
    }
    uploading["status"] = json!("complete");
    if let Some(reason) = &video.broken {
        return json!({ "video_status": "error", "uploading_phase": uploading,
                       "processing_phase": { "status": "error", "errors": [{ "message": reason }] },
                       "publishing_phase": phase("not_started") });
    }
    let left = video.looks.get();
    video.looks.set(left.saturating_sub(1));
    let (whole, last) = match left {
        0 if video.planned.is_some() => ("upload_complete", "not_started"),
        0 => ("ready", "complete"),
        _ => ("processing", "not_started"),
    };
    json!({ "video_status": whole, "uploading_phase": uploading,
            "processing_phase": phase(if left == 0 { "complete" } else { "in_progress" }),
            "publishing_phase": phase(last) })
}

impl Video {
    fn is_finished(&self) -> bool {
        self.at.is_some() || self.planned.is_some()
    }

    fn finish(
        &mut self,
        parameters: &serde_json::Map<String, Value>,
        now: u64,
        slow: u32,
        broken: Option<String>,
    ) -> Option<Answer> {
        self.planned = match super::planned(parameters, now) {
            Ok(planned) => planned,
            Err(refused) => return Some(refused),
        };
        self.description = text(parameters, "description").unwrap_or_default();
        self.title = text(parameters, "title");
        self.at = self.planned.is_none().then_some(now);
        self.looks.set(slow);
        self.broken = broken;
        None
    }
}
