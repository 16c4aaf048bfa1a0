//! Bluesky's video service: it takes a video, transcodes it, puts it on the account's
//! server and tells the blob, so that the post is whole when it appears. A blob that is
//! put on the server directly is transcoded after the post is made.

use jarchi_plugin_sdk::http::Response;
use jarchi_plugin_sdk::{Error, MediaItem, MediaKind, Millis, Result, clock, http};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::files;
use crate::options::{Settings, VideoPath};
use crate::session::Session;
use crate::xrpc::{self, Stake};

const SERVICE: &str = "https://video.bsky.app";
/// Between two looks at a job.
pub const PAUSE: Millis = 5_000;
/// A job that takes longer is given up: a three-minute video takes a minute or two.
const PATIENCE: Millis = 30 * 60_000;
/// How long the service may act for us (seconds): an upload over a slow line included.
const TOKEN_LIFE: u64 = 1800;

/// A transcoding that is under way.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    id: String,
    began: u64,
}

pub enum Stage {
    Ready(Value),
    Working { job: Job, note: String },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    job_id: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    progress: Option<u32>,
    #[serde(default)]
    blob: Option<Value>,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    message: Option<String>,
}

/// Whether these media go that way.
pub fn takes(settings: &Settings, media: &[MediaItem]) -> bool {
    settings.video == VideoPath::Service && matches!(media, [item] if item.kind == MediaKind::Video)
}

/// Begins a job, or looks at the one that was begun.
pub fn transcode(session: &mut Session, item: &MediaItem, job: Option<Job>) -> Result<Stage> {
    let (status, began) = match job {
        None => (upload(session, item)?, clock::now()),
        Some(Job { id, began }) => {
            let request = xrpc::query(SERVICE, "app.bsky.video.getJobStatus", &[("jobId", &id)]);
            (status(&xrpc::check(request.send(), Stake::Read)?)?, began)
        }
    };
    let name = &item.name;
    if let Some(blob) = status.blob.filter(|blob| !blob.is_null()) {
        return Ok(Stage::Ready(blob));
    }
    if status.state == "JOB_STATE_FAILED" {
        let reason = status
            .message
            .or(status.error)
            .unwrap_or_else(|| "no reason given".into());
        return Err(Error::invalid(format!(
            "the video service can't take `{name}`: {reason}"
        )));
    }
    if clock::now().saturating_sub(began) > PATIENCE {
        return Err(Error::transient(format!(
            "the video service does not get done with `{name}`"
        )));
    }
    let note = match status.progress {
        Some(percent) => format!("`{name}` is being transcoded: {percent} %"),
        None => format!("`{name}` is being transcoded"),
    };
    Ok(Stage::Working {
        job: Job {
            id: status.job_id,
            began,
        },
        note,
    })
}

fn upload(session: &mut Session, item: &MediaItem) -> Result<Status> {
    let mime = files::media_type(item).map_err(Error::invalid)?;
    // The service puts the blob on the account's server, with a token that allows no more.
    let audience = format!("did:web:{}", session.host.replace(':', "%3A"));
    let expires = (clock::now() / 1000 + TOKEN_LIFE).to_string();
    let parameters = [
        ("aud", audience.as_str()),
        ("lxm", "com.atproto.repo.uploadBlob"),
        ("exp", &expires),
    ];
    session.send(Stake::Read, |base| {
        xrpc::query(base, "com.atproto.server.getServiceAuth", &parameters)
    })?;
    let request = http::post(xrpc::method(SERVICE, "app.bsky.video.uploadVideo"))
        .query("did", &session.did)
        .query("name", &item.name)
        .media(mime, item.id.as_str())
        .bearer("video_token");
    let answer = request.send();
    // The same file again: the answer is a refusal that names the job which did it.
    if let Ok(response) = &answer
        && response.status == 409
        && let Ok(known) = status(response)
    {
        return Ok(known);
    }
    status(&xrpc::check(answer, Stake::Read)?)
}

/// Documented below `jobStatus`; the upload was seen to answer with the status itself.
fn status(response: &Response) -> Result<Status> {
    let mut body: Value = response.json()?;
    let status = match body.get_mut("jobStatus") {
        Some(status) => status.take(),
        None => body,
    };
    serde_json::from_value(status).map_err(|error| {
        Error::transient(format!("the video service's answer is no status: {error}"))
    })
}
