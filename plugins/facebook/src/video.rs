//! Videos, in the pieces that Facebook asks for, reels, and stories of videos.
//!
//! Sources: "Page Videos" (`upload_phase`: `start`, `transfer`, `finish`), "Reels
//! Publishing", "Stories API", "Video, status".

use jarchi_plugin_sdk::graph::{self, Graph};
use jarchi_plugin_sdk::http::{self, MediaSlice, Multipart, Part, PartBody, encode};
use jarchi_plugin_sdk::{Delivery, Error, MediaItem, Millis, Outcome, Result};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

use crate::api::Api;
use crate::plan::{Kind, Plan};
use crate::publish::State;
use crate::stories::Story;

/// Between two looks at a video that is processed.
const BETWEEN_LOOKS: Millis = 15_000;
const MOST_LOOKS: u32 = 240;
/// Bytes of one piece at most: what Facebook asks for is cut down to it.
pub const PIECE: u64 = 16 << 20;

/// A video that is brought to Facebook.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Upload {
    pub video: String,
    /// Of a video that is no reel.
    pub session: String,
    /// Where a reel's bytes go.
    pub address: Option<String>,
    /// Bytes that are there.
    pub offset: u64,
    pub full: bool,
    pub looks: u32,
}

/// What a video says of itself.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Status {
    pub video_status: String,
    pub uploading_phase: Phase,
    pub processing_phase: Phase,
    pub publishing_phase: Phase,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Phase {
    /// `not_started`, `in_progress`, `complete` or `error`.
    pub status: String,
    pub bytes_transferred: u64,
    pub errors: Vec<Value>,
}

impl Status {
    /// # Errors
    /// Facebook did not tell.
    pub fn of(own: &Graph, video: &str) -> Result<Self> {
        #[derive(Deserialize)]
        struct Told {
            #[serde(default)]
            status: Status,
        }
        let request = own
            .get(&format!("/{}", encode(video)))
            .query("fields", "status");
        Ok(graph::read(request)?.json::<Told>()?.status)
    }

    pub fn is_out(&self) -> bool {
        self.publishing_phase.status == "complete" || self.video_status == "ready"
    }

    /// Why it never will be.
    pub fn failure(&self) -> Option<String> {
        let phases = [
            &self.uploading_phase,
            &self.processing_phase,
            &self.publishing_phase,
        ];
        let errors = phases.iter().flat_map(|phase| &phase.errors);
        let words = errors
            .filter_map(|error| error["message"].as_str())
            .collect::<Vec<_>>()
            .join("; ");
        let failed =
            self.video_status == "error" || phases.iter().any(|phase| phase.status == "error");
        failed.then(|| match words.is_empty() {
            true => "Facebook does not say why".to_owned(),
            false => words,
        })
    }
}

/// The next step of a video that is not out.
///
/// # Errors
/// As the interface's `publish`.
pub fn step(api: &Api, delivery: &Delivery, plan: &Plan<'_>, mut state: State) -> Result<Outcome> {
    let Some(file) = plan.media.first() else {
        return Err(Error::invalid("there is no video"));
    };
    let doing = |error: Error| error.context(format!("uploading {}", file.name));
    let Some(mut upload) = state.video.take() else {
        state.video = Some(begin(api, plan.kind, file).map_err(doing)?);
        return Ok(state.progress(format!("{} announced", file.name))?.into());
    };
    if !upload.full {
        bring(api, plan.kind, delivery.attempt, file, &mut upload).map_err(doing)?;
        let note = format!(
            "{}: {} of {} bytes sent",
            file.name, upload.offset, file.size
        );
        state.video = Some(upload);
        return Ok(state.progress(note)?.into());
    }
    let mut body = match plan.kind {
        Kind::Reel => json!({
            "upload_phase": "finish", "video_id": upload.video, "video_state": "PUBLISHED",
            "description": plan.message, "title": plan.options.title,
        }),
        Kind::VideoStory => json!({ "upload_phase": "finish", "video_id": upload.video }),
        _ => json!({
            "upload_phase": "finish", "upload_session_id": upload.session,
            "description": plan.message, "title": plan.options.title,
        }),
    };
    if let Some(moment) = plan.planned {
        match plan.kind {
            Kind::Reel => body["video_state"] = json!("SCHEDULED"),
            _ => {
                body["published"] = json!(false);
                body["unpublished_content_type"] = json!("SCHEDULED");
            }
        }
        body["scheduled_publish_time"] = json!(moment / 1000);
    }
    let request = starts(api, plan.kind)?.json(&without_nulls(body));
    let answer = graph::commit(request).map_err(|error| error.context("publishing"))?;
    let mut post = upload.video.clone();
    if plan.kind == Kind::VideoStory {
        state.story = true;
        // A story has a number beside the video's; where it is not told, the list has it.
        post = answer.json().map_or(post, |story: Story| story.post_id);
    }
    state.post = Some(post);
    state.planned = plan.planned;
    state.video = Some(upload);
    Ok(state.progress("Facebook processes the video")?.into())
}

fn without_nulls(mut body: Value) -> Value {
    if let Some(fields) = body.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    body
}

/// A request to where videos are announced and finished.
fn starts(api: &Api, kind: Kind) -> Result<http::Request> {
    Ok(match kind {
        Kind::Reel => api.own()?.post(&api.below("video_reels")?),
        Kind::VideoStory => api.own()?.post(&api.below("video_stories")?),
        _ => api.videos()?.post(&api.below("videos")?),
    })
}

#[derive(Debug, Deserialize)]
struct Range {
    #[serde(deserialize_with = "number")]
    start_offset: u64,
    #[serde(deserialize_with = "number")]
    end_offset: u64,
}

/// Offsets are written as texts.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let number = value.as_u64().or_else(|| value.as_str()?.parse().ok());
    number.ok_or_else(|| serde::de::Error::custom(format!("{value} is no offset")))
}

fn begin(api: &Api, kind: Kind, file: &MediaItem) -> Result<Upload> {
    #[derive(Deserialize)]
    struct Begun {
        video_id: String,
        #[serde(default)]
        upload_session_id: String,
        #[serde(default)]
        upload_url: Option<String>,
    }
    let body = match kind {
        Kind::Reel | Kind::VideoStory => json!({ "upload_phase": "start" }),
        _ => json!({ "upload_phase": "start", "file_size": file.size }),
    };
    let begun: Begun = graph::read(starts(api, kind)?.json(&body))?.json()?;
    let address = (kind != Kind::Video).then(|| {
        begun.upload_url.unwrap_or_else(|| {
            let host = api.settings.upload.trim_end_matches('/');
            let version = api.settings.version.trim_matches('/');
            format!("{host}/video-upload/{version}/{}", encode(&begun.video_id))
        })
    });
    Ok(Upload {
        video: begun.video_id,
        session: begun.upload_session_id,
        address,
        ..Upload::default()
    })
}

/// Sends the next bytes.
fn bring(api: &Api, kind: Kind, attempt: u32, file: &MediaItem, upload: &mut Upload) -> Result<()> {
    // After an attempt that was cut off, Facebook knows how far it got.
    if attempt > 1 || kind != Kind::Video {
        let there = Status::of(&api.own()?, &upload.video)?.uploading_phase;
        upload.offset = there.bytes_transferred.min(file.size);
    }
    let slice = |length: u64| MediaSlice {
        id: file.id.clone(),
        offset: upload.offset,
        length: Some(length),
    };
    let left = file.size - upload.offset;
    if left == 0 {
        upload.full = true;
        return Ok(());
    }
    if let Some(address) = &upload.address {
        let request = http::post(address.as_str())
            .header("authorization", api.own()?.oauth())
            .header("offset", upload.offset.to_string())
            .header("file_size", file.size.to_string())
            .media_slice("application/octet-stream", slice(left));
        graph::read(request)?;
        upload.offset = file.size;
    } else {
        let form = Multipart::new()
            .text("upload_phase", "transfer")
            .text("upload_session_id", upload.session.as_str())
            .text("start_offset", upload.offset.to_string())
            .part(Part {
                name: "video_file_chunk".into(),
                filename: Some(file.name.clone()),
                content_type: Some("application/octet-stream".into()),
                body: PartBody::Media(slice(left.min(PIECE))),
            });
        let request = starts(api, kind)?.multipart(form);
        let next: Range = graph::read(request)?.json()?;
        upload.offset = next.start_offset.min(file.size);
        upload.full = next.start_offset >= next.end_offset;
    }
    upload.full = upload.full || upload.offset >= file.size;
    Ok(())
}

/// Until Facebook has processed a video: what to answer, or nothing where it is out.
///
/// # Errors
/// Facebook can't use it, or did not tell.
pub fn wait(own: &Graph, id: &str, state: &mut State) -> Result<Option<Outcome>> {
    let status = Status::of(own, id)?;
    if let Some(reason) = status.failure() {
        return Err(Error::invalid(format!(
            "Facebook can't use the video: {reason}"
        )));
    }
    let done = state.planned.is_some() && status.processing_phase.status == "complete";
    if done || status.is_out() {
        return Ok(None);
    }
    let upload = state.video.get_or_insert_default();
    upload.looks += 1;
    if upload.looks > MOST_LOOKS {
        return Err(Error::invalid("Facebook does not get done with the video"));
    }
    let progress = state.progress("Facebook processes the video")?;
    Ok(Some(progress.after(BETWEEN_LOOKS).into()))
}
