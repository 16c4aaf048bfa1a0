//! Step after step: the session, chunk after chunk, and what follows the video. It exists
//! from its last byte on; the session tells where it is ("Resumable Uploads").

use jarchi_plugin_sdk::http::{MediaSlice, Request, Response};
use jarchi_plugin_sdk::{
    Account, Delivery, Error, Finding, MediaItem, Millis, Outcome, Progress, Receipt, Result,
    Timestamp, clock, time,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::api::{Api, TOKEN, items};
use crate::captions;
use crate::errors;
use crate::plan;
use crate::settings::Options;

const KIB: u64 = 1024;
/// YouTube's clock may be off from ours.
pub const SKEW: Millis = 5 * 60_000;
/// How often an upload is begun anew.
const MOST_RESTARTS: u32 = 5;
/// How often processing is looked at: two hours and more, by the waits below. A quota unit
/// each.
const MOST_LOOKS: u32 = 130;
const LONGEST_WAIT: Millis = 60_000;
/// Pages of own uploads, and of comments, that a look-up reads.
const PAGES: usize = 10;

/// How far a delivery is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// The upload's own address.
    pub session: Option<String>,
    pub restarts: u32,
    pub video: Option<String>,
    pub published_at: Option<Timestamp>,
    pub processed: bool,
    pub looks: u32,
    pub thumbnail: bool,
    /// Tracks that YouTube has.
    pub captions: usize,
    pub listed: bool,
    /// The first comment's identifier.
    pub comment: Option<String>,
}

impl State {
    fn progress(&self, note: impl Into<String>) -> Result<Progress> {
        Ok(Progress::new(self, note)?.visible(self.video.is_some()))
    }

    fn receipt(&self, api: &Api) -> Result<Receipt> {
        let id = self.video.as_deref().ok_or_else(|| {
            Error::invalid("the delivery's state names no video, although it is published")
        })?;
        let mut receipt = Receipt::new(id).url(api.address(id));
        receipt.published_at = self.published_at;
        receipt.parts = self.comment.clone().into_iter().collect();
        Ok(receipt)
    }
}

/// The next step.
///
/// # Errors
/// As the interface's `publish`.
pub fn step(delivery: &Delivery, mut state: State) -> Result<Outcome> {
    let api = Api::of(&delivery.account)?;
    let options: Options = delivery.post.options()?;
    let item = plan::video(&delivery.post)
        .ok_or_else(|| Error::invalid("a post on YouTube is one video; this one has none"))?;
    let Some(video) = state.video.clone() else {
        let note = match state.session.clone() {
            None => begin(&api, delivery, item, &options, &mut state)?,
            Some(session) => send(&api, delivery, item, &session, &mut state)?,
        };
        return Ok(state.progress(note)?.into());
    };
    if !state.processed {
        let wait = look(&api, &video, &mut state)?;
        let note = "YouTube processes the video";
        return Ok(state.progress(note)?.after(wait).into());
    }
    if let Some(picture) = plan::thumbnail(&delivery.post)
        && !state.thumbnail
    {
        let request = api
            .upload("/thumbnails/set")
            .query("uploadType", "media")
            .query("videoId", &video)
            .media(&picture.mime, picture.id.as_str());
        errors::read(request).map_err(|error| error.context("setting the thumbnail"))?;
        state.thumbnail = true;
        return Ok(state.progress("the thumbnail is set")?.into());
    }
    if let Some(track) = captions::of(&delivery.post, &options)?.get(state.captions) {
        captions::add(&api, &video, track)
            .map_err(|error| error.context(format!("adding {}", track.shown())))?;
        state.captions += 1;
        let note = format!("{} are added", track.shown());
        return Ok(state.progress(note)?.into());
    }
    if let Some(playlist) = &options.playlist
        && !state.listed
    {
        list(&api, playlist, &video)
            .map_err(|error| error.context("putting the video into the playlist"))?;
        state.listed = true;
        return Ok(state.progress("the video is in the playlist")?.into());
    }
    if let Some(text) = &delivery.post.first_comment
        && state.comment.is_none()
    {
        let made = comment(&api, &video, text)
            .map_err(|error| error.context("publishing the first comment"))?;
        state.comment = Some(made);
    }
    Ok(state.receipt(&api)?.into())
}

fn begin(
    api: &Api,
    delivery: &Delivery,
    item: &MediaItem,
    options: &Options,
    state: &mut State,
) -> Result<String> {
    let notify = options.notify_subscribers.unwrap_or(true);
    let request = api
        .upload("/videos")
        .query("uploadType", "resumable")
        .query("part", "snippet,status")
        .query("notifySubscribers", notify)
        .header("x-upload-content-length", item.size.to_string())
        .header("x-upload-content-type", item.mime.as_str())
        .json(&plan::body(&delivery.post, &api.settings)?);
    let answer = errors::read(request).map_err(|error| error.context("beginning the upload"))?;
    let session = answer.header("location").ok_or_else(|| {
        Error::transient("YouTube's answer names no address to upload to (header location)")
    })?;
    state.session = Some(session.to_owned());
    Ok(format!("the upload of {} has begun", item.name))
}

/// Where an upload is.
enum Place {
    /// The first byte that is missing.
    At(u64),
    Done(Value),
    Gone,
}

fn place(answer: &Response) -> Option<Place> {
    match answer.status {
        // Without the header there is not one byte.
        308 => {
            let range = answer.header("range").and_then(|range| {
                let (_, last) = range.rsplit_once('-')?;
                last.parse::<u64>().ok()
            });
            Some(Place::At(range.map_or(0, |last| last + 1)))
        }
        404 | 410 => Some(Place::Gone),
        _ => None,
    }
}

fn put(session: &str, range: &str) -> Request {
    jarchi_plugin_sdk::http::put(session)
        .bearer(TOKEN)
        .header("content-range", range)
}

fn ask(session: &str, item: &MediaItem) -> Result<Place> {
    let request = put(session, &format!("bytes */{}", item.size));
    let answer = errors::look(request.body(&item.mime, Vec::new()))?;
    match place(&answer) {
        Some(place) => Ok(place),
        None => Ok(Place::Done(errors::judged(answer)?.json()?)),
    }
}

/// The next chunk; the last one publishes. Where to go on is asked each time: what the
/// step before brought may be lost with its answer.
fn send(
    api: &Api,
    delivery: &Delivery,
    item: &MediaItem,
    session: &str,
    state: &mut State,
) -> Result<String> {
    let from = match ask(session, item)? {
        Place::Done(video) => return done(&video, state, "YouTube has the video"),
        Place::Gone => return restart(api, delivery, item, state),
        Place::At(from) => from,
    };
    let length = (api.settings.chunk * KIB).min(item.size.saturating_sub(from));
    if length == 0 {
        return Err(Error::transient("YouTube has all bytes, and no video yet"));
    }
    let end = from + length;
    let range = format!("bytes {from}-{}/{}", end - 1, item.size);
    let slice = MediaSlice {
        id: item.id.clone(),
        offset: from,
        length: Some(length),
    };
    let request = put(session, &range).media_slice(&item.mime, slice);
    let last = end == item.size;
    let answer = if last {
        request.send()?
    } else {
        errors::look(request)?
    };
    match place(&answer) {
        Some(Place::At(next)) => Ok(format!("{next} of {} bytes uploaded", item.size)),
        Some(Place::Gone) => restart(api, delivery, item, state),
        _ if answer.is_success() => done(
            &answer.for_commit()?.json()?,
            state,
            "the video is uploaded",
        ),
        _ => Err(errors::refused(&answer, last).context(format!("uploading {}", item.name))),
    }
}

fn done(video: &Value, state: &mut State, note: &str) -> Result<String> {
    let id = video.get("id").and_then(Value::as_str);
    let id = id.ok_or_else(|| Error::unknown_outcome("YouTube's answer names no video"))?;
    let at = video.pointer("/snippet/publishedAt");
    let at = at.and_then(Value::as_str).and_then(time::parse_rfc3339);
    state.published_at = Some(at.unwrap_or_else(clock::now));
    state.video = Some(id.to_owned());
    Ok(note.into())
}

/// The session is gone. It may have ended with the video: the channel's uploads tell.
fn restart(api: &Api, delivery: &Delivery, item: &MediaItem, state: &mut State) -> Result<String> {
    match find_upload(api, delivery, delivery.created_at)? {
        Upload::Is(id, at) => {
            state.video = Some(id);
            state.published_at = Some(at);
            return Ok("YouTube has the video".into());
        }
        Upload::Unclear(why) => return Err(Error::unknown_outcome(why)),
        Upload::IsNot => {}
    }
    state.restarts += 1;
    if state.restarts > MOST_RESTARTS {
        return Err(Error::invalid(format!(
            "YouTube does not take {}, however often it is begun",
            item.name
        )));
    }
    state.session = None;
    Ok(format!("the upload of {} begins anew", item.name))
}

/// Looks how the processing goes, and tells how long to wait.
fn look(api: &Api, video: &str, state: &mut State) -> Result<Millis> {
    state.looks += 1;
    let request = api
        .get("/videos")
        .query("part", "status,processingDetails")
        .query("id", video);
    let found = items(&errors::read(request)?)?;
    let wait = (1000_u64 << state.looks.clamp(1, 6)).min(LONGEST_WAIT);
    let Some(found) = found.first() else {
        // Not everywhere known yet, else taken down.
        if state.looks > 5 {
            return Err(Error::invalid(format!("YouTube has no video {video}")));
        }
        return Ok(wait);
    };
    let text = |at: &str| found.pointer(at).and_then(Value::as_str);
    match text("/status/uploadStatus") {
        Some("processed") => {
            state.processed = true;
            return Ok(0);
        }
        Some("failed") => {
            let why = text("/status/failureReason").unwrap_or("it does not say why");
            return Err(Error::invalid(format!(
                "YouTube can't process the video {video}: {why}"
            )));
        }
        Some("rejected") => {
            let why = text("/status/rejectionReason").unwrap_or("it does not say why");
            return Err(Error::invalid(format!(
                "YouTube rejected the video {video}: {why}"
            )));
        }
        Some("deleted") => {
            return Err(Error::invalid(format!("the video {video} was deleted")));
        }
        _ => {}
    }
    if state.looks >= MOST_LOOKS {
        // It is there; long films take many hours.
        state.processed = true;
        return Ok(0);
    }
    Ok(wait)
}

/// A playlist may hold a video twice: it is looked for first.
fn list(api: &Api, playlist: &str, video: &str) -> Result<()> {
    let request = api
        .get("/playlistItems")
        .query("part", "id")
        .query("playlistId", playlist)
        .query("videoId", video);
    if !items(&errors::read(request)?)?.is_empty() {
        return Ok(());
    }
    let body = json!({ "snippet": {
        "playlistId": playlist,
        "resourceId": { "kind": "youtube#video", "videoId": video },
    }});
    // An answer that is lost is looked for like this again.
    let request = api.post("/playlistItems").query("part", "snippet");
    errors::read(request.json(&body)).map(|_| ())
}

fn comment(api: &Api, video: &str, text: &str) -> Result<String> {
    let body = json!({ "snippet": {
        "videoId": video,
        "topLevelComment": { "snippet": { "textOriginal": text } },
    }});
    let request = api.post("/commentThreads").query("part", "snippet");
    let told: Value = errors::commit(request.json(&body))?.json()?;
    let id = told.get("id").and_then(Value::as_str).map(str::to_owned);
    id.ok_or_else(|| Error::unknown_outcome("YouTube's answer names no comment"))
}

enum Upload {
    Is(String, Timestamp),
    IsNot,
    Unclear(String),
}

/// A time in an answer; 0 where there is none.
pub fn moment(value: &Value, at: &str) -> Timestamp {
    let told = value.pointer(at).and_then(Value::as_str);
    told.and_then(time::parse_rfc3339).unwrap_or_default()
}

/// Looks among the channel's own uploads, newest first.
fn find_upload(api: &Api, delivery: &Delivery, since: Timestamp) -> Result<Upload> {
    let wanted = plan::body(&delivery.post, &api.settings)?;
    let channel = api.channel("contentDetails")?;
    let uploads = channel.pointer("/contentDetails/relatedPlaylists/uploads");
    let uploads = uploads
        .and_then(Value::as_str)
        .ok_or_else(|| Error::transient("YouTube names no list of the channel's uploads"))?;
    let oldest = since.saturating_sub(SKEW);
    let mut page = None;
    for _ in 0..PAGES {
        let mut request = api
            .get("/playlistItems")
            .query("part", "snippet")
            .query("playlistId", uploads)
            .query("maxResults", 50);
        if let Some(token) = &page {
            request = request.query("pageToken", token);
        }
        let answer = errors::look(request)?;
        // The list of a channel without a video is not there.
        if answer.status == 404 {
            return Ok(Upload::IsNot);
        }
        let answer = errors::judged(answer)?;
        let found = items(&answer)?;
        for one in &found {
            let at = moment(one, "/snippet/publishedAt");
            let same = |name: &str| {
                let theirs = one.pointer(&format!("/snippet/{name}"));
                let theirs = theirs.and_then(Value::as_str).unwrap_or_default();
                let ours = wanted.pointer(&format!("/snippet/{name}"));
                ours.and_then(Value::as_str).unwrap_or_default().trim() == theirs.trim()
            };
            if at >= oldest
                && same("title")
                && same("description")
                && let Some(id) = one.pointer("/snippet/resourceId/videoId")
                && let Some(id) = id.as_str()
            {
                return Ok(Upload::Is(id.to_owned(), at));
            }
        }
        let ended = found
            .last()
            .is_none_or(|last| moment(last, "/snippet/publishedAt") < oldest);
        let told: Value = answer.json()?;
        page = told
            .get("nextPageToken")
            .and_then(Value::as_str)
            .map(str::to_owned);
        if ended || page.is_none() {
            return Ok(Upload::IsNot);
        }
    }
    Ok(Upload::Unclear(format!(
        "the channel has more than {} uploads since, and the latest are not this one",
        PAGES * 50
    )))
}

/// The inner none: it is not there. The outer none: there are too many to tell.
fn find_comment(api: &Api, video: &str, text: &str) -> Result<Option<Option<String>>> {
    let channel = api.channel("id")?;
    let mine = channel.get("id").and_then(Value::as_str);
    let request = api
        .get("/commentThreads")
        .query("part", "snippet")
        .query("videoId", video)
        .query("order", "time")
        .query("maxResults", 100);
    let found = items(&errors::read(request)?)?;
    let ours = found.iter().find(|one| {
        let of = |name: &str| {
            let at = format!("/snippet/topLevelComment/snippet/{name}");
            one.pointer(&at).and_then(Value::as_str)
        };
        let author = of("authorChannelId/value");
        author.is_some() && author == mine && of("textOriginal").map(str::trim) == Some(text.trim())
    });
    let ours = ours.and_then(|one| one.get("id")?.as_str());
    let whole = found.len() < 100;
    Ok((whole || ours.is_some()).then(|| ours.map(str::to_owned)))
}

/// Looks for what a step that was cut off published.
///
/// # Errors
/// YouTube did not tell.
pub fn find(delivery: &Delivery, mut state: State, since: Timestamp) -> Result<Finding> {
    let api = Api::of(&delivery.account)?;
    if let Some(video) = state.video.clone() {
        let Some(text) = delivery.post.first_comment.as_deref() else {
            return Ok(Finding::Partial(state.progress("the video is published")?));
        };
        if state.comment.is_none() {
            let Some(found) = find_comment(&api, &video, text)? else {
                return Ok(Finding::CannotTell(format!(
                    "{} has 100 newer comments, and none is the one",
                    api.address(&video)
                )));
            };
            state.comment = found;
        }
        return Ok(match state.comment {
            Some(_) => Finding::Found(state.receipt(&api)?),
            None => Finding::Absent,
        });
    }
    let item = plan::video(&delivery.post)
        .ok_or_else(|| Error::invalid("a post on YouTube is one video; this one has none"))?;
    // Without a session the delivery may come from a backup: the uploads tell then too.
    let place = match &state.session {
        Some(session) => ask(session, item)?,
        None => Place::Gone,
    };
    match place {
        // The video exists from its last byte on.
        Place::At(_) => return Ok(Finding::Absent),
        Place::Done(video) => {
            done(&video, &mut state, "")?;
        }
        Place::Gone => match find_upload(&api, delivery, since)? {
            Upload::Is(id, at) => {
                state.video = Some(id);
                state.published_at = Some(at);
            }
            Upload::IsNot => return Ok(Finding::Absent),
            Upload::Unclear(why) => return Ok(Finding::CannotTell(why)),
        },
    }
    Ok(Finding::Partial(state.progress(
        "the video is published, its processing follows",
    )?))
}

/// Takes a video back, with its comments.
///
/// # Errors
/// By the table of errors.
pub fn delete(account: &Account, receipt: &Receipt) -> Result<()> {
    let api = Api::of(account)?;
    let answer = errors::look(api.request("DELETE", "/videos").query("id", &receipt.id))?;
    if !matches!(answer.status, 404 | 410) {
        errors::judged(answer)?;
    }
    Ok(())
}
