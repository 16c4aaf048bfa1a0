//! Tracks of captions ("captions").

use serde_json::{Value, json};

use super::{YouTube, list, no};
use crate::{Answer, Request};

/// A track, and before its bytes are there, its session.
#[derive(Clone, Debug)]
pub struct Caption {
    pub id: String,
    /// As it was asked for.
    pub snippet: Value,
    /// None before they are there.
    pub bytes: Option<Vec<u8>>,
}

impl YouTube {
    fn track(&self, snippet: &Value) -> Option<&Caption> {
        let same = |track: &&Caption| {
            let is = |name: &str| track.snippet[name] == snippet[name];
            track.bytes.is_some() && is("videoId") && is("language") && is("name")
        };
        self.captions.iter().find(same)
    }

    pub(super) fn begin_caption(&mut self, request: &Request) -> Answer {
        let body = request.json().unwrap_or_default();
        let snippet = &body["snippet"];
        let video = snippet["videoId"].as_str().unwrap_or_default();
        if self.video(video).is_none() {
            return no(404, "videoNotFound", "The video cannot be found.");
        }
        if snippet["name"].as_str().unwrap_or_default().chars().count() > 150 {
            return no(400, "nameTooLong", "The track's name is too long.");
        }
        if self.track(snippet).is_some() {
            return no(409, "captionExists", "The video has such a track already.");
        }
        let id = self.id("caption");
        self.captions.push(Caption {
            id: id.clone(),
            snippet: snippet.clone(),
            bytes: None,
        });
        let mut address = request.url.clone();
        address
            .query_pairs_mut()
            .clear()
            .append_pair("uploadType", "resumable")
            .append_pair("upload_id", &id);
        Answer::empty(200).header("location", address)
    }

    pub(super) fn bring_caption(&mut self, request: &Request) -> Answer {
        let id = request.query()["upload_id"].clone();
        let Some(at) = self.captions.iter().position(|track| track.id == id) else {
            return no(404, "uploadNotFound", "The upload session was not found.");
        };
        if self.track(&self.captions[at].snippet).is_some() {
            return no(409, "captionExists", "The video has such a track already.");
        }
        if request.body.is_empty() {
            return no(400, "contentRequired", "The request has no captions.");
        }
        self.captions[at].bytes = Some(request.body.clone());
        Answer::json(200, &shown(&self.captions[at]))
    }

    pub(super) fn show_captions(&mut self, video: &str) -> Answer {
        if self.video(video).is_none() {
            return no(404, "videoNotFound", "The video cannot be found.");
        }
        let mut items = vec![json!({ "id": "heard", "snippet": {
            "videoId": video, "language": "az", "name": "", "trackKind": "ASR",
            "status": "serving", "isDraft": false,
        }})];
        let tracks = self.captions.iter();
        let tracks = tracks.filter(|track| track.bytes.is_some());
        items.extend(
            tracks
                .filter(|track| track.snippet["videoId"] == video)
                .map(shown),
        );
        list(items)
    }
}

fn shown(track: &Caption) -> Value {
    let mut snippet = track.snippet.clone();
    snippet["trackKind"] = json!("standard");
    let bytes = track.bytes.as_deref().unwrap_or_default();
    let cue = bytes.windows(5).any(|five| five == b" --> ");
    if cue {
        snippet["status"] = json!("serving");
    } else {
        snippet["status"] = json!("failed");
        snippet["failureReason"] = json!("unknownFormat");
    }
    json!({ "id": track.id, "snippet": snippet })
}
