//! Publishing: every file is sent and waited for, then the posts go out one after the
//! other. Each call takes one of these steps; what a call before it reached is in the
//! state.

use jarchi_plugin_sdk::{
    Delivery, Error, Finding, MediaItem, Outcome, Progress, Receipt, Result, clock,
};
use serde::{Deserialize, Serialize};

use crate::api::{self, Api, Refusal, Stake, Whole};
use crate::compose::{self, Options, Part};
use crate::find;
use crate::upload::{self, Stage, Step, Upload};

/// Times that a file is sent anew because X lost it.
const MOST_LOST: u32 = 3;
/// An upload that ends within this span is not relied on (milliseconds).
const MARGIN: u64 = 60_000;

/// What is done so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct State {
    /// The files of all parts, in order.
    pub media: Vec<Option<Upload>>,
    /// The posts that are out, in order.
    pub parts: Vec<String>,
    /// Files that X lost.
    pub lost: u32,
}

impl State {
    pub fn progress(&self, note: String) -> Result<Progress> {
        Ok(Progress::new(self, note)?.visible(!self.parts.is_empty()))
    }

    pub fn receipt(&self) -> Result<Receipt> {
        let (first, further) = self.parts.split_first().ok_or_else(|| {
            Error::invalid("the delivery's state names no post, although all are published")
        })?;
        Ok(Receipt {
            id: first.clone(),
            url: Some(api::address(first)),
            published_at: api::moment(first),
            parts: further.to_vec(),
            data: None,
        })
    }

    /// Where the files of a part stand in `media`.
    pub fn range(parts: &[Part<'_>], number: usize) -> std::ops::Range<usize> {
        let counts = parts.iter().map(|part| part.media.len());
        let start = counts.clone().take(number).sum();
        start..counts.take(number + 1).sum()
    }
}

/// The next step.
///
/// # Errors
/// As the interface's `publish`.
pub fn step(delivery: &Delivery, mut state: State) -> Result<Outcome> {
    let api = Api::of(&delivery.account)?;
    let parts = compose::parts(&delivery.post);
    let files: Vec<&MediaItem> = parts.iter().flat_map(|part| part.media).collect();
    state.media.resize(files.len(), None);

    let Some(part) = parts.get(state.parts.len()) else {
        return Ok(state.receipt()?.into());
    };
    // Files of parts that are out are done with.
    let open = State::range(&parts, state.parts.len()).start;
    for (at, file) in files.iter().enumerate().skip(open) {
        let ends = clock::now() + MARGIN;
        state.media[at] = state.media[at].take().filter(|upload| upload.until > ends);
        if matches!(&state.media[at], Some(upload) if upload.stage == Stage::Ready) {
            continue;
        }
        return bring(&api, delivery, file, at, files.len(), state);
    }
    send(&api, delivery, &parts, part, state)
}

/// Takes the next step with a file.
fn bring(
    api: &Api,
    delivery: &Delivery,
    file: &MediaItem,
    at: usize,
    count: usize,
    mut state: State,
) -> Result<Outcome> {
    let sensitive = delivery.post.sensitive;
    let doing = |error: Error| error.context(format!("uploading {}", file.name));
    let before = state.media[at].take();
    let (upload, pause) = match before {
        None => (upload::begin(api, file, sensitive).map_err(doing)?, 0),
        Some(upload) => match upload::go_on(api, file, sensitive, upload).map_err(doing)? {
            Step::Next(upload, pause) => (upload, pause),
            Step::Lost => return lost(state, &file.name),
        },
    };
    let name = &file.name;
    let number = at + 1;
    let note = match upload.stage {
        Stage::Append(segment) => format!(
            "{name}, file {number} of {count}: {segment} of {} segments sent",
            upload::segments(file)
        ),
        Stage::Finalize => format!("{name}, file {number} of {count}: all segments sent"),
        Stage::Wait => format!("X processes {name}, file {number} of {count}"),
        Stage::Describe | Stage::Ready => format!("{number} of {count} files uploaded"),
    };
    state.media[at] = Some(upload);
    Ok(state.progress(note)?.after(pause).into())
}

fn lost(mut state: State, name: &str) -> Result<Outcome> {
    state.lost += 1;
    if state.lost > MOST_LOST {
        return Err(Error::invalid(format!("X loses {name} again and again")));
    }
    let note = format!("X lost {name}: it is sent again");
    Ok(state.progress(note)?.into())
}

/// Publishes a part.
fn send(
    api: &Api,
    delivery: &Delivery,
    parts: &[Part<'_>],
    part: &Part<'_>,
    mut state: State,
) -> Result<Outcome> {
    #[derive(Deserialize)]
    struct Made {
        id: String,
    }
    let options: Options = delivery.post.options()?;
    let number = state.parts.len();
    let files = State::range(parts, number);
    let media: Vec<&str> = state.media[files.clone()]
        .iter()
        .flatten()
        .map(|upload| upload.id.as_str())
        .collect();
    let answers = state.parts.last().map(String::as_str);
    let body = compose::body(&api.settings, &options, part, &media, answers);
    let place = match (number, part.place.trim_end_matches('.')) {
        (0, _) => "publishing".to_owned(),
        (_, place) => format!("publishing {place}"),
    };
    let answer = api.request("POST", "/2/tweets").json(&body).send()?;
    if answer.is_success() {
        // 2xx without an identifier leaves it open whether there is a post.
        let made: Whole<Made> = answer.json().map_err(|error| error.context(&place))?;
        let Some(made) = made.data else {
            let words = answer.message();
            return Err(Error::unknown_outcome(words).context(place));
        };
        state.parts.push(made.id);
        if state.parts.len() == parts.len() {
            return Ok(state.receipt()?.into());
        }
        let note = format!("{} of {} parts published", state.parts.len(), parts.len());
        return Ok(state.progress(note)?.into());
    }
    if api::is_duplicate(&answer) {
        return duplicate(delivery, state, answer.message()).map_err(|error| error.context(place));
    }
    if answer.status == 400 && !media.is_empty() && speaks_of_media(&Refusal::of(&answer)) {
        let upload = &mut state.media[files];
        upload.fill(None);
        let name = part
            .media
            .first()
            .map_or("a file", |file| file.name.as_str());
        return lost(state, name);
    }
    Err(api::refused(&answer, Stake::Commit).context(place))
}

/// "Your media IDs are invalid." They ended, or were another account's.
fn speaks_of_media(refusal: &Refusal) -> bool {
    let says = |words: &str| words.to_lowercase().contains("media ids are invalid");
    says(&refusal.detail)
        || refusal
            .errors
            .iter()
            .any(|fault| says(&fault.message) || says(&fault.detail))
}

/// X has the same words of the account already: evidence that an earlier attempt arrived,
/// and no more than that. The account's posts tell.
fn duplicate(delivery: &Delivery, state: State, words: String) -> Result<Outcome> {
    let since = delivery.due.min(clock::now());
    match find::find(delivery, state, since)? {
        Finding::Found(receipt) => Ok(receipt.into()),
        Finding::Partial(progress) => Ok(progress.into()),
        Finding::Absent if delivery.attempt == 1 => Err(Error::invalid(format!(
            "{words}; the account has a post with the same words, and it is not of this delivery"
        ))),
        // An attempt before this one may have arrived, and is not listed yet.
        Finding::Absent => Err(Error::unknown_outcome(words)),
        Finding::CannotTell(reason) => Err(Error::unknown_outcome(format!("{words}; {reason}"))),
    }
}

/// Takes the posts back, the last one first.
///
/// # Errors
/// X did not take one back; those after it are gone.
pub fn delete(api: &Api, receipt: &Receipt) -> Result<()> {
    for id in receipt.parts.iter().rev().chain([&receipt.id]) {
        let answer = api
            .request("DELETE", &Api::post(id))
            .send()
            .map_err(api::unsent)?;
        // Gone twice is gone: a repeat does no harm.
        if !answer.is_success() && !matches!(answer.status, 404 | 410) {
            return Err(api::refused(&answer, Stake::Harmless));
        }
    }
    Ok(())
}
