//! Files: pictures in one request, GIFs and videos in segments. Nobody sees a file before
//! a post has it, so every request here is harmless to repeat.

use jarchi_plugin_sdk::http::{MediaSlice, Multipart, Part, PartBody};
use jarchi_plugin_sdk::{Error, MediaItem, MediaKind, Millis, Result, Timestamp, clock};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::api::{self, Api, Stake, Whole, harmless};

/// Bytes of a segment. X takes 5 MB; some saw refusals above 4.5 MB.
pub const SEGMENT: u64 = 4 << 20;
/// What an upload lives where X does not tell (milliseconds).
const LIFE: Millis = 24 * 60 * 60 * 1000;
/// The longest wait between two looks at a file that is being processed (milliseconds).
const LONGEST_WAIT: Millis = 60_000;
/// Looks at one file before the delivery is given up.
const MOST_LOOKS: u32 = 200;

/// A file on its way to X.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Upload {
    pub id: String,
    /// By which a post that has it names it.
    #[serde(default)]
    pub key: Option<String>,
    pub stage: Stage,
    /// When X throws it away.
    pub until: Timestamp,
    #[serde(default)]
    pub looks: u32,
}

/// What is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Sending this segment.
    Append(u32),
    Finalize,
    /// Looking whether X has processed it.
    Wait,
    /// Telling X what it shows.
    Describe,
    Ready,
}

/// What came of a step.
#[derive(Debug)]
pub enum Step {
    /// It goes on, after this pause (milliseconds).
    Next(Upload, Millis),
    /// X has the upload no longer: it begins anew.
    Lost,
}

#[derive(Debug, Deserialize)]
struct Told {
    id: Option<String>,
    #[serde(default)]
    media_key: Option<String>,
    #[serde(default)]
    expires_after_secs: Option<u64>,
    #[serde(default)]
    processing_info: Option<Processing>,
}

#[derive(Debug, Deserialize)]
struct Processing {
    state: String,
    #[serde(default)]
    check_after_secs: Option<u64>,
    #[serde(default)]
    error: Value,
}

/// Segments of a file.
pub fn segments(file: &MediaItem) -> u32 {
    u32::try_from(file.size.div_ceil(SEGMENT)).unwrap_or(u32::MAX)
}

/// Begins a file: a picture is there after it. `sensitive` ones are not for everybody's
/// eyes.
///
/// # Errors
/// X does not take it, or can't be reached.
pub fn begin(api: &Api, file: &MediaItem, sensitive: bool) -> Result<Upload> {
    let (request, next) = match file.kind {
        MediaKind::Image => {
            let form = Multipart::new()
                .text("media_category", "tweet_image")
                .media("media", &file.name, &file.mime, &file.id);
            let request = api.request("POST", "/2/media/upload").multipart(form);
            (request, described(file, sensitive))
        }
        _ => {
            let category = match file.kind {
                MediaKind::Gif => "tweet_gif",
                _ => "tweet_video",
            };
            let request = api.request("POST", "/2/media/upload/initialize");
            let request = request.json(&json!({
                "media_type": file.mime,
                "total_bytes": file.size,
                "media_category": category,
            }));
            (request, Stage::Append(0))
        }
    };
    let told: Whole<Told> = harmless(request).and_then(|response| response.json())?;
    let told = told.data()?;
    let id = told
        .id
        .ok_or_else(|| Error::transient("X gave the upload no identifier"))?;
    let life = told.expires_after_secs.map_or(LIFE, |life| life * 1000);
    Ok(Upload {
        id,
        key: told.media_key,
        // Pictures may be processed as well.
        stage: match told.processing_info {
            Some(_) if next != Stage::Append(0) => Stage::Wait,
            _ => next,
        },
        until: clock::now() + life,
        looks: 0,
    })
}

/// After the bytes are there: the alternative text, and what else X is told of a file.
fn described(file: &MediaItem, sensitive: bool) -> Stage {
    match alt(file) {
        None if !sensitive => Stage::Ready,
        _ => Stage::Describe,
    }
}

fn alt(file: &MediaItem) -> Option<&str> {
    let alt = file.alt.as_deref().map(str::trim)?;
    (!alt.is_empty() && file.kind != MediaKind::Video).then_some(alt)
}

/// The next step of a file that is not ready.
///
/// # Errors
/// X does not take it, or can't be reached.
pub fn go_on(api: &Api, file: &MediaItem, sensitive: bool, mut upload: Upload) -> Result<Step> {
    let path = format!("/2/media/upload/{}", upload.id);
    let request = match upload.stage {
        Stage::Append(segment) => {
            let offset = u64::from(segment) * SEGMENT;
            let bytes = PartBody::Media(MediaSlice {
                id: file.id.clone(),
                offset,
                length: Some(SEGMENT.min(file.size.saturating_sub(offset))),
            });
            let form = Multipart::new()
                .text("segment_index", segment.to_string())
                .part(Part {
                    name: "media".into(),
                    filename: Some(file.name.clone()),
                    content_type: Some("application/octet-stream".into()),
                    body: bytes,
                });
            api.request("POST", &format!("{path}/append"))
                .multipart(form)
        }
        Stage::Finalize => api.request("POST", &format!("{path}/finalize")),
        Stage::Wait => api
            .request("GET", "/2/media/upload")
            .query("command", "STATUS")
            .query("media_id", &upload.id),
        Stage::Describe => {
            let mut metadata = json!({});
            if let Some(words) = alt(file) {
                metadata["alt_text"] = json!({ "text": words });
            }
            if sensitive {
                metadata["sensitive_media_warning"] = json!({ "other": true });
            }
            api.request("POST", "/2/media/metadata")
                .json(&json!({ "id": upload.id, "metadata": metadata }))
        }
        Stage::Ready => return Ok(Step::Next(upload, 0)),
    };
    let answer = request.send().map_err(api::unsent)?;
    if matches!(answer.status, 404 | 410) {
        return Ok(Step::Lost);
    }
    if !answer.is_success() {
        // A finalize that was done already, its answer lost, is refused the second time:
        // the status tells.
        if answer.status == 400 && upload.stage == Stage::Finalize {
            upload.stage = Stage::Wait;
            return Ok(Step::Next(upload, 0));
        }
        return Err(api::refused(&answer, Stake::Harmless));
    }
    let mut pause = 0;
    upload.stage = match upload.stage {
        Stage::Append(segment) if segment + 1 < segments(file) => Stage::Append(segment + 1),
        Stage::Append(_) => Stage::Finalize,
        Stage::Finalize | Stage::Wait => {
            let told: Whole<Told> = answer.for_read()?.json()?;
            let told = told.data()?;
            upload.key = told.media_key.or(upload.key);
            match processed(file, told.processing_info)? {
                None => described(file, sensitive),
                Some(wait) => {
                    upload.looks += 1;
                    if upload.looks > MOST_LOOKS {
                        return Err(Error::invalid("X does not get done with it"));
                    }
                    pause = wait;
                    Stage::Wait
                }
            }
        }
        Stage::Describe | Stage::Ready => Stage::Ready,
    };
    Ok(Step::Next(upload, pause))
}

/// How long X asks to wait; none where it is done.
fn processed(file: &MediaItem, info: Option<Processing>) -> Result<Option<Millis>> {
    let Some(info) = info else { return Ok(None) };
    match info.state.as_str() {
        "succeeded" => Ok(None),
        "failed" => {
            let text = |name: &str| info.error[name].as_str();
            let words = text("message").or(text("detail")).or(text("name"));
            let words = words.unwrap_or("X does not say why");
            Err(Error::invalid(format!(
                "X can't process {}: {words}",
                file.name
            )))
        }
        _ => {
            let wait = info.check_after_secs.unwrap_or(5).max(1) * 1000;
            Ok(Some(wait.min(LONGEST_WAIT)))
        }
    }
}
