//! Files on their way: nobody sees them before a post has them, so each step can be
//! repeated. What a part of a large file needs is kept in the plugin's memory, for it is
//! longer than a state may be.

use jarchi_plugin_sdk::http::{self, MediaSlice, Response, encode};
use jarchi_plugin_sdk::{
    Delivery, Error, MediaItem, Millis, Progress, Result, Timestamp, clock, kv,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::api::{Api, TOKEN};
use crate::errors;
use crate::plan::Room;

/// How often an upload is begun anew before it is given up.
const MOST_RESTARTS: u32 = 5;
/// How often a file that is processed is looked at: an hour, by the waits below.
const MOST_LOOKS: u32 = 130;
const LONGEST_WAIT: Millis = 30_000;
/// How often a file may be missing that is uploaded.
const MOST_MISSING: u32 = 5;
/// How long a file is left alone that the token may not look at.
const BLIND_WAIT: Millis = 15_000;
/// How long addresses are kept whose end LinkedIn does not tell.
const KEPT: Millis = 86_400_000;

/// A file on LinkedIn.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Upload {
    pub urn: String,
    /// What LinkedIn gave for each part that is there.
    pub etags: Vec<String>,
    /// Every byte is there, and a video is put together.
    pub sent: bool,
    pub ready: bool,
    pub restarts: u32,
    pub looks: u32,
}

/// Where the parts go.
#[derive(Debug, Serialize, Deserialize)]
struct Ways {
    urn: String,
    /// When the addresses end.
    until: Timestamp,
    token: String,
    parts: Vec<Way>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Way {
    upload_url: String,
    first_byte: u64,
    last_byte: u64,
}

fn key(delivery: &Delivery, number: usize) -> String {
    format!("upload/{}/{number}", delivery.key)
}

/// Forgets where the parts of a delivery's files go.
pub fn forget(delivery: &Delivery, files: usize) {
    for number in 0..files {
        // What stays behind is small, and written over by the next one.
        let _ = kv::delete(&key(delivery, number));
    }
}

/// Forgets the addresses of deliveries that were given up, so that they don't fill the
/// memory.
fn forget_ended() -> Result<()> {
    let now = clock::now();
    for key in kv::keys("upload/")? {
        if kv::get::<Ways>(&key)?.is_none_or(|ways| ways.until < now) {
            kv::delete(&key)?;
        }
    }
    Ok(())
}

/// The next step of a file that is not there yet.
///
/// # Errors
/// By the table of errors; the file is refused, or too often begun.
pub fn step(
    api: &Api,
    delivery: &Delivery,
    item: &MediaItem,
    number: usize,
    upload: &mut Upload,
) -> Result<String> {
    let room = Room::of(item.kind).ok_or_else(|| {
        Error::invalid(format!(
            "{}: LinkedIn takes no {}",
            item.name,
            item.kind.name()
        ))
    })?;
    let context = |error: Error| error.context(format!("uploading {}", item.name));
    if upload.urn.is_empty() {
        begin(api, delivery, item, room, number, upload).map_err(context)?;
        return Ok(format!("the upload of {} has begun", item.name));
    }
    let ways = kv::get::<Ways>(&key(delivery, number))?.filter(|ways| ways.urn == upload.urn);
    let Some(ways) = ways else {
        return restart(item, upload, "its addresses were forgotten");
    };
    if let Some(way) = ways.parts.get(upload.etags.len()) {
        let answer = send(room, item, way).map_err(context)?;
        // The address has ended, or LinkedIn lost the upload.
        if matches!(answer.status, 400 | 401 | 403 | 404 | 410) {
            return restart(item, upload, &answer.message());
        }
        let answer = errors::judged(answer).map_err(context)?;
        let etag = answer.header("etag").unwrap_or_default();
        if etag.is_empty() && room == Room::Videos {
            return Err(context(Error::transient(
                "LinkedIn answered a part without its ETag",
            )));
        }
        upload
            .etags
            .push(etag.trim_start_matches("W/").trim_matches('"').to_owned());
        if room != Room::Videos {
            upload.sent = true;
        }
        return Ok(format!(
            "{} of {} parts of {} uploaded",
            upload.etags.len(),
            ways.parts.len(),
            item.name
        ));
    }
    // Said twice, it is a refusal of what is done already; the look after it tells.
    let body = json!({
        "finalizeUploadRequest": {
            "video": upload.urn,
            "uploadToken": ways.token,
            "uploadedPartIds": upload.etags,
        }
    });
    let answer = errors::look(api.post("/rest/videos?action=finalizeUpload").json(&body))?;
    if !answer.is_success() && !is_done(api, upload)? {
        if matches!(answer.status, 400 | 404 | 422) {
            return restart(item, upload, &answer.message());
        }
        errors::judged(answer).map_err(context)?;
    }
    upload.sent = true;
    Ok(format!("{} uploaded", item.name))
}

fn restart(item: &MediaItem, upload: &mut Upload, reason: &str) -> Result<String> {
    let restarts = upload.restarts + 1;
    if restarts > MOST_RESTARTS {
        return Err(Error::invalid(format!(
            "LinkedIn does not take {}, however often it is begun: {reason}",
            item.name
        )));
    }
    *upload = Upload {
        restarts,
        ..Upload::default()
    };
    Ok(format!("the upload of {} begins anew", item.name))
}

fn begin(
    api: &Api,
    delivery: &Delivery,
    item: &MediaItem,
    room: Room,
    number: usize,
    upload: &mut Upload,
) -> Result<()> {
    let mut asked = json!({ "owner": api.author()? });
    if room == Room::Videos {
        asked["fileSizeBytes"] = json!(item.size);
        asked["uploadCaptions"] = json!(false);
        asked["uploadThumbnail"] = json!(false);
    }
    let path = format!("/rest/{}?action=initializeUpload", room.path());
    let body = json!({ "initializeUploadRequest": asked });
    let answer: Value = errors::read(api.post(&path).json(&body))?.json()?;
    let missing = || Error::transient("LinkedIn's answer names no address to upload to");
    let urn = answer
        .pointer(&format!("/value/{}", room.field()))
        .and_then(Value::as_str);
    let urn = urn.ok_or_else(missing)?.to_owned();
    let parts = if room == Room::Videos {
        let parts = answer
            .pointer("/value/uploadInstructions")
            .cloned()
            .unwrap_or_default();
        serde_json::from_value(parts).map_err(|_| missing())?
    } else {
        let url = answer.pointer("/value/uploadUrl").and_then(Value::as_str);
        vec![Way {
            upload_url: url.ok_or_else(missing)?.to_owned(),
            first_byte: 0,
            last_byte: item.size.saturating_sub(1),
        }]
    };
    let until = ["/value/uploadUrlsExpireAt", "/value/uploadUrlExpiresAt"]
        .into_iter()
        .find_map(|at| answer.pointer(at)?.as_u64());
    let token = answer.pointer("/value/uploadToken").and_then(Value::as_str);
    let ways = Ways {
        urn: urn.clone(),
        until: until.unwrap_or_else(|| clock::now() + KEPT),
        token: token.unwrap_or_default().to_owned(),
        parts,
    };
    if ways.parts.is_empty() {
        return Err(missing());
    }
    forget_ended()?;
    kv::set(&key(delivery, number), &ways)?;
    upload.urn = urn;
    Ok(())
}

fn send(room: Room, item: &MediaItem, way: &Way) -> Result<Response> {
    let request = http::put(&way.upload_url);
    if room == Room::Videos {
        // The address itself is the permission; a token beside it is refused.
        let slice = MediaSlice {
            id: item.id.clone(),
            offset: way.first_byte,
            length: Some((way.last_byte + 1).saturating_sub(way.first_byte)),
        };
        return errors::look(request.media_slice("application/octet-stream", slice));
    }
    errors::look(request.bearer(TOKEN).media(&item.mime, item.id.as_str()))
}

fn status(api: &Api, upload: &Upload) -> Result<Response> {
    let room = upload.urn.split(':').nth(2).unwrap_or_default();
    errors::look(api.get(&format!("/rest/{room}s/{}", encode(&upload.urn))))
}

fn is_done(api: &Api, upload: &Upload) -> Result<bool> {
    let answer = status(api, upload)?;
    if !answer.is_success() {
        return Ok(false);
    }
    let told: Value = answer.for_read()?.json()?;
    let status = told.get("status").and_then(Value::as_str);
    Ok(matches!(status, Some("PROCESSING" | "AVAILABLE")))
}

/// 2, 4, 8, 16 and then 30 seconds.
fn pause_after(looks: u32) -> Millis {
    (1000_u64 << looks.clamp(1, 5)).min(LONGEST_WAIT)
}

/// Looks whether a file can be used. Some, when it has to be waited for: how long, and
/// why.
///
/// # Errors
/// LinkedIn can't do anything with the file, or does not get done with it.
pub fn wait(api: &Api, item: &MediaItem, upload: &mut Upload) -> Result<Option<(Millis, String)>> {
    upload.looks += 1;
    if upload.looks > MOST_LOOKS {
        return Err(Error::invalid(format!(
            "LinkedIn does not get done with {}",
            item.name
        )));
    }
    let answer = status(api, upload)?;
    // A member's token often may not look at files: the post itself will tell.
    if answer.status == 403 {
        if upload.looks > 1 {
            upload.ready = true;
            return Ok(None);
        }
        return Ok(Some((
            BLIND_WAIT,
            format!("LinkedIn processes {}", item.name),
        )));
    }
    // Not everywhere known yet.
    if answer.status == 404 && upload.looks <= MOST_MISSING {
        return Ok(Some((
            pause_after(upload.looks),
            format!("LinkedIn processes {}", item.name),
        )));
    }
    let told: Value = errors::judged(answer)?.json()?;
    match told.get("status").and_then(Value::as_str) {
        Some("AVAILABLE") => {
            upload.ready = true;
            Ok(None)
        }
        Some("PROCESSING_FAILED") => {
            let reason = told.get("processingFailureReason").and_then(Value::as_str);
            Err(Error::invalid(format!(
                "LinkedIn can't process {}: {}",
                item.name,
                reason.unwrap_or("it does not say why")
            )))
        }
        _ => Ok(Some((
            pause_after(upload.looks),
            format!("LinkedIn processes {}", item.name),
        ))),
    }
}

/// Progress with a pause.
///
/// # Errors
/// The state is no JSON.
pub fn pause<T: Serialize>(state: &T, wait: (Millis, String)) -> Result<Progress> {
    Ok(Progress::new(state, wait.1)?.after(wait.0))
}
