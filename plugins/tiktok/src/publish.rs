//! Publishing. A video is announced, sent in chunks, one a call, and published by its last
//! byte; photos are published by the call that announces them, since TikTok fetches them.
//! Then TikTok is asked until it is done.

use jarchi_plugin_sdk::http::{self, MediaSlice};
use jarchi_plugin_sdk::{Delivery, Error, MediaItem, Millis, Outcome, Progress, Receipt, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::api::{Api, Stake, ask};
use crate::plan::Plan;

/// Between two looks: a token may ask 30 times a minute.
pub const BETWEEN_LOOKS: Millis = 10_000;
/// Looks at a post: about a day, for moderation takes its time.
const MOST_LOOKS: u32 = 400;
/// After so many, they come further apart.
const QUICK_LOOKS: u32 = 60;
const MINUTE: Millis = 60_000;
/// Times that a post is begun anew.
const MOST_RENEWALS: u32 = 3;
/// Bytes of a chunk: TikTok takes 5 to 64 MB, and lets the last one be larger.
pub const CHUNK: u64 = 10 << 20;
const LEAST_CHUNK: u64 = 5 << 20;

/// What is done.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    pub publish_id: String,
    /// Where the bytes go.
    pub upload: Option<String>,
    /// Bytes that are there.
    pub offset: u64,
    /// All of it is with TikTok.
    pub sent: bool,
    pub looks: u32,
    /// The creator's name, for the post's address.
    pub username: String,
    /// Uploads whose address had ended.
    pub renewals: u32,
}

impl State {
    /// # Errors
    /// `Invalid`: it is no JSON.
    pub fn progress(&self, note: impl Into<String>) -> Result<Progress> {
        Ok(Progress::new(self, note)?.visible(self.sent))
    }
}

/// What the creator allows ("Query Creator Info").
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Creator {
    pub creator_username: String,
    pub creator_nickname: String,
    pub privacy_level_options: Vec<String>,
    pub comment_disabled: bool,
    pub duet_disabled: bool,
    pub stitch_disabled: bool,
    /// Seconds.
    pub max_video_post_duration_sec: Option<u64>,
}

impl Creator {
    /// # Errors
    /// TikTok did not tell.
    pub fn of(api: &Api) -> Result<Self> {
        let request = api.request("POST", "/v2/post/publish/creator_info/query/");
        ask(request.json(&json!({})), Stake::Harmless)
    }

    fn forbids(&self) -> (bool, bool, bool) {
        (
            self.comment_disabled,
            self.duet_disabled,
            self.stitch_disabled,
        )
    }

    /// TikTok wants it looked at before each post.
    fn check(&self, plan: &Plan<'_>) -> Result<()> {
        if !self.privacy_level_options.contains(&plan.privacy) {
            return Err(Error::invalid(format!(
                "the creator can't post as {}; TikTok offers {}",
                plan.privacy,
                self.privacy_level_options.join(", ")
            )));
        }
        let length = plan.post.media.first().and_then(|file| file.length);
        if let (true, Some(length), Some(most)) =
            (plan.is_video, length, self.max_video_post_duration_sec)
            && length > most * 1000
        {
            return Err(Error::invalid(format!(
                "the video lasts {} s; the creator may post {most} s",
                length / 1000
            )));
        }
        Ok(())
    }
}

#[derive(Debug, Deserialize)]
struct Begun {
    publish_id: String,
    #[serde(default)]
    upload_url: Option<String>,
}

/// What TikTok says of a post ("Get Post Status").
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Status {
    pub status: String,
    pub fail_reason: String,
    /// Spelled so; numbers beyond what a float holds.
    publicaly_available_post_id: Vec<Value>,
    pub uploaded_bytes: u64,
}

impl Status {
    /// # Errors
    /// TikTok did not tell.
    pub fn of(api: &Api, publish_id: &str) -> Result<Self> {
        let request = api.request("POST", "/v2/post/publish/status/fetch/");
        ask(
            request.json(&json!({ "publish_id": publish_id })),
            Stake::Harmless,
        )
    }

    pub fn post(&self) -> Option<String> {
        let id = self.publicaly_available_post_id.first()?;
        Some(id.as_str().map_or_else(|| id.to_string(), str::to_owned))
    }

    /// After how long beginning anew can help. What TikTok calls failed is not published.
    fn worth_another(&self) -> Option<Millis> {
        match self.fail_reason.as_str() {
            // Others of the document's reasons are of the file, or of a person.
            "video_pull_failed" | "photo_pull_failed" | "internal" => Some(MINUTE),
            "spam_risk_too_many_posts" => Some(24 * 60 * MINUTE),
            _ => None,
        }
    }

    /// Why it failed for good.
    fn failure(&self) -> Error {
        let reason = &self.fail_reason;
        let words = match reason.as_str() {
            "file_format_check_failed" => "TikTok can't read the file's format",
            "duration_check_failed" => "the video is too long or too short for TikTok",
            "frame_rate_check_failed" => "TikTok does not take the video's frame rate",
            "picture_size_check_failed" => "TikTok does not take the picture's size",
            "video_pull_failed" | "photo_pull_failed" => {
                "TikTok could not fetch the files from the daemon's public address"
            }
            "publish_cancelled" => "it was cancelled in the app",
            "auth_removed" => "the account withdrew the app's permission: connect it again",
            "spam_risk_too_many_posts" => "TikTok takes no more posts of the account today",
            "internal" => "TikTok failed",
            _ => "TikTok refused the post",
        };
        let words = format!("{words} ({reason})");
        match reason.as_str() {
            "auth_removed" => Error::Unauthorized(words),
            _ => Error::Invalid(words),
        }
    }
}

/// The next step.
///
/// # Errors
/// As the interface's `publish`.
pub fn step(delivery: &Delivery, state: State) -> Result<Outcome> {
    let api = Api::of(&delivery.account)?;
    let plan = Plan::of(&api.settings, &delivery.post)?;
    if state.sent {
        return look(&api, &plan, state);
    }
    let Some(file) = plan.post.media.first() else {
        return Err(Error::invalid(
            "TikTok takes a video or photos, and no text alone",
        ));
    };
    if state.publish_id.is_empty() {
        return begin(&api, &plan, file, state);
    }
    upload(&api, delivery, file, state)
}

/// Announces a video, or publishes photos.
fn begin(api: &Api, plan: &Plan<'_>, file: &MediaItem, mut state: State) -> Result<Outcome> {
    // A draft needs no permission to post, and without it nobody tells of the creator.
    let creator = match plan.draft {
        true => Creator::default(),
        false => Creator::of(api).map_err(|error| error.context("asking for the creator"))?,
    };
    if !plan.draft {
        creator.check(plan)?;
    }
    state.username.clone_from(&creator.creator_username);
    if !plan.is_video {
        let request = api.request("POST", "/v2/post/publish/content/init/");
        let body = plan.photos(creator.forbids());
        let begun: Begun =
            ask(request.json(&body), Stake::Commit).map_err(|error| error.context("publishing"))?;
        state.publish_id = begun.publish_id;
        state.sent = true;
        let note = "TikTok fetches the photos";
        return Ok(state.progress(note)?.after(BETWEEN_LOOKS).into());
    }
    let path = match plan.draft {
        true => "/v2/post/publish/inbox/video/init/",
        false => "/v2/post/publish/video/init/",
    };
    let body = plan.video(creator.forbids(), file.size, chunk_of(file.size));
    // Nothing is published before the bytes are there.
    let begun: Begun = ask(api.request("POST", path).json(&body), Stake::Harmless)
        .map_err(|error| error.context("announcing the video"))?;
    state.publish_id = begun.publish_id;
    state.upload = Some(
        begun
            .upload_url
            .ok_or_else(|| Error::transient("TikTok gave no address to upload to"))?,
    );
    state.offset = 0;
    Ok(state.progress(format!("{} announced", file.name))?.into())
}

/// Bytes of a chunk of such a file.
pub fn chunk_of(size: u64) -> u64 {
    match size {
        0..=LEAST_CHUNK => size.max(1),
        _ => CHUNK.min(size),
    }
}

/// Sends the next chunk. The last one publishes the video.
fn upload(api: &Api, delivery: &Delivery, file: &MediaItem, mut state: State) -> Result<Outcome> {
    let chunk = chunk_of(file.size);
    if delivery.attempt > 1 {
        // What was cut off may have arrived; chunks come in order and whole.
        let there = Status::of(api, &state.publish_id)?;
        if there.status != "PROCESSING_UPLOAD" || there.uploaded_bytes >= file.size {
            state.sent = true;
            return Ok(state.progress("TikTok processes the video")?.into());
        }
        let chunks = (file.size / chunk).max(1);
        state.offset = (there.uploaded_bytes / chunk).min(chunks - 1) * chunk;
    }
    let left = file.size - state.offset.min(file.size);
    // The last chunk takes the rest along.
    let length = if left < 2 * chunk { left } else { chunk };
    let last = length == left;
    let address = state.upload.clone().unwrap_or_default();
    let range = format!(
        "bytes {}-{}/{}",
        state.offset,
        state.offset + length.saturating_sub(1),
        file.size
    );
    let slice = MediaSlice {
        id: file.id.clone(),
        offset: state.offset,
        length: Some(length),
    };
    let request = http::put(address)
        .header("content-range", range)
        .media_slice(&file.mime, slice);
    let doing = |error: Error| error.context(format!("uploading {}", file.name));
    let answer = match last {
        true => request.send().map_err(|error| doing(error.into()))?,
        false => request
            .send()
            .map_err(|error| doing(http::read_error(error)))?,
    };
    match answer.status {
        // The address has ended; TikTok tells whether all of it had arrived before.
        403 | 404 => {
            let there = Status::of(api, &state.publish_id).map_err(doing)?;
            if there.status != "PROCESSING_UPLOAD" || there.uploaded_bytes >= file.size {
                state.sent = true;
                return Ok(state.progress("TikTok processes the video")?.into());
            }
            state.renewals += 1;
            if state.renewals > MOST_RENEWALS {
                return Err(doing(Error::invalid(
                    "TikTok's addresses end again and again",
                )));
            }
            state.publish_id.clear();
            state.upload = None;
            return Ok(state.progress("the upload is begun again")?.into());
        }
        // It has other bytes than we think: the next attempt asks.
        416 => {
            return Err(doing(Error::transient(
                "TikTok has another part of the video",
            )));
        }
        _ => {}
    }
    let answer = match last {
        true => answer.for_commit(),
        false => answer.for_read(),
    };
    answer.map_err(doing)?;
    state.offset += length;
    state.sent = last;
    let note = format!(
        "{}: {} of {} bytes sent",
        file.name, state.offset, file.size
    );
    Ok(state.progress(note)?.into())
}

/// Asks what became of it.
fn look(api: &Api, plan: &Plan<'_>, mut state: State) -> Result<Outcome> {
    let status = Status::of(api, &state.publish_id)?;
    let done = match status.status.as_str() {
        "PUBLISH_COMPLETE" => true,
        "SEND_TO_USER_INBOX" => plan.draft,
        "FAILED" => return failed(state, &status),
        _ => false,
    };
    // What only some see has no public number.
    let wants_post = plan.privacy == "PUBLIC_TO_EVERYONE" && !plan.draft;
    state.looks += 1;
    let patient = state.looks < QUICK_LOOKS;
    if done && (status.post().is_some() || !wants_post || !patient) {
        return Ok(receipt(&state, &status).into());
    }
    if state.looks > MOST_LOOKS {
        return Err(Error::unknown_outcome(
            "TikTok does not get done with the post",
        ));
    }
    let pause = if patient {
        BETWEEN_LOOKS
    } else {
        30 * BETWEEN_LOOKS
    };
    Ok(state
        .progress("TikTok processes the post")?
        .after(pause)
        .into())
}

/// Begins anew where that can help.
fn failed(mut state: State, status: &Status) -> Result<Outcome> {
    let Some(pause) = status
        .worth_another()
        .filter(|_| state.renewals < MOST_RENEWALS)
    else {
        return Err(status.failure());
    };
    state = State {
        renewals: state.renewals + 1,
        username: state.username,
        ..State::default()
    };
    let note = format!("TikTok failed ({}): it is begun again", status.fail_reason);
    Ok(state.progress(note)?.after(pause).into())
}

/// The post by its number; where TikTok tells none, by that of the publication.
pub fn receipt(state: &State, status: &Status) -> Receipt {
    let mut receipt = Receipt::new(state.publish_id.clone());
    if let Some(post) = status.post() {
        receipt.url = (!state.username.is_empty())
            .then(|| format!("https://www.tiktok.com/@{}/video/{post}", state.username));
        receipt.id = post;
    }
    receipt.data = Some(json!({ "publish_id": state.publish_id }).to_string());
    receipt
}
