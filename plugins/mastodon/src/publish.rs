//! Publishing: every file is uploaded, then waited for, then the statuses go out one
//! after the other. Each call takes one of these steps; what a call before it reached is
//! in the state.

use jarchi_plugin_sdk::http::{Multipart, encode};
use jarchi_plugin_sdk::{
    Delivery, Error, Finding, MediaItem, Millis, Outcome, Progress, Receipt, Result, Timestamp,
    text,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::api::{self, Api, Attachment, Status};
use crate::compose::{self, Audience, Options, Part};

/// The longest wait between two looks at a file that is being processed.
const LONGEST_WAIT: Millis = 30_000;
/// Looks at files that are being processed before the delivery is given up: over an hour.
const MOST_LOOKS: u32 = 150;
/// Times that a file is uploaded anew because the server lost it.
const MOST_LOST: u32 = 3;
/// How far the server's clock may be behind ours when a post is looked for.
const SKEW: Millis = 5 * 60 * 1000;
/// Pages of 40 statuses that are searched for a post.
const SEARCHED: usize = 8;

/// What is done so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct State {
    /// The uploaded files of all parts, in order.
    pub media: Vec<Upload>,
    /// The statuses that are out, in order.
    pub parts: Vec<String>,
    /// Of the first status.
    pub url: Option<String>,
    pub published_at: Option<Timestamp>,
    /// The first status' visibility, which the others get.
    pub visibility: Option<String>,
    /// Looks at files that were still being processed.
    pub looks: u32,
    /// Files that the server lost.
    pub lost: u32,
}

/// A file on the server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Upload {
    pub id: String,
    pub ready: bool,
}

impl State {
    fn progress(&self, note: String) -> Result<Progress> {
        Ok(Progress::new(self, note)?.visible(!self.parts.is_empty()))
    }

    fn receipt(&self) -> Result<Receipt> {
        let (first, further) = self.parts.split_first().ok_or_else(|| {
            Error::invalid("the delivery's state names no status, although all are published")
        })?;
        Ok(Receipt {
            id: first.clone(),
            url: self.url.clone(),
            published_at: self.published_at,
            parts: further.to_vec(),
            data: None,
        })
    }

    fn add(&mut self, status: Status) {
        if self.parts.is_empty() {
            self.url = status.address();
            self.published_at = status.created();
            self.visibility = status.visibility;
        }
        self.parts.push(status.id);
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

    if let Some(file) = files.get(state.media.len()) {
        state.media.push(upload(&api, file)?);
        let note = format!("{} of {} files uploaded", state.media.len(), files.len());
        return Ok(state.progress(note)?.into());
    }
    if let Some(progress) = await_files(&api, &files, &mut state)? {
        return Ok(progress.into());
    }
    let Some(part) = parts.get(state.parts.len()) else {
        return Ok(state.receipt()?.into());
    };
    match send(&api, delivery, part, &state)? {
        Some(status) => state.add(status),
        // The server refused the status; a file that is not ready after all is a reason
        // to wait, anything else was an error.
        None => {
            for file in &mut state.media {
                file.ready = false;
            }
            state.looks += 1;
            let note = String::from("a file is not processed yet");
            return Ok(state.progress(note)?.after(wait(state.looks)).into());
        }
    }
    if state.parts.len() == parts.len() {
        return Ok(state.receipt()?.into());
    }
    let note = format!("{} of {} parts published", state.parts.len(), parts.len());
    Ok(state.progress(note)?.into())
}

fn upload(api: &Api, file: &MediaItem) -> Result<Upload> {
    let mut form = Multipart::new();
    if let Some(alt) = file
        .alt
        .as_deref()
        .map(str::trim)
        .filter(|alt| !alt.is_empty())
    {
        form = form.text("description", alt);
    }
    if let Some(focus) = file.focus {
        form = form.text(
            "focus",
            format!("{},{}", focus.x.clamp(-1.0, 1.0), focus.y.clamp(-1.0, 1.0)),
        );
    }
    let form = form.media("file", &file.name, &file.mime, &file.id);
    // Nobody sees a file before a status has it, so that a repeat does no harm.
    let answer = api
        .request("POST", "/api/v2/media")
        .multipart(form)
        .read()
        .map_err(|error| error.context(format!("uploading {}", file.name)))?;
    let ready = answer.status == 200;
    let Attachment { id } = answer.json()?;
    Ok(Upload { id, ready })
}

/// Asks for each file that is not ready. Some, when it has to be waited for.
fn await_files(api: &Api, files: &[&MediaItem], state: &mut State) -> Result<Option<Progress>> {
    let mut at = 0;
    while let Some(file) = state.media.get_mut(at) {
        if file.ready {
            at += 1;
            continue;
        }
        let name = files.get(at).map_or("a file", |file| file.name.as_str());
        let answer = api
            .request("GET", &format!("/api/v1/media/{}", encode(&file.id)))
            .send()
            .map_err(as_read)?;
        match answer.status {
            200 => file.ready = true,
            // Lost, or never attached for too long: it is uploaded anew.
            status if api::is_gone(status) => {
                state.lost += 1;
                if state.lost > MOST_LOST {
                    return Err(Error::invalid(format!(
                        "the server loses {name} again and again"
                    )));
                }
                state.media.truncate(at);
                let note = format!("the server lost {name}: it is uploaded again");
                return state.progress(note).map(Some);
            }
            206 => {
                state.looks += 1;
                if state.looks > MOST_LOOKS {
                    return Err(Error::invalid(format!(
                        "the server does not get done with {name}"
                    )));
                }
                let note = format!("the server processes {name}");
                return Ok(Some(state.progress(note)?.after(wait(state.looks))));
            }
            _ => {
                answer
                    .for_read()
                    .map_err(|error| error.context(format!("processing {name}")))?;
            }
        }
        at += 1;
    }
    Ok(None)
}

fn as_read(error: jarchi_plugin_sdk::http::HttpError) -> Error {
    match Error::from(error) {
        Error::UnknownOutcome(reason) => Error::Transient(reason),
        other => other,
    }
}

/// 2, 4, 8, 16 and then 30 seconds.
fn wait(looks: u32) -> Millis {
    (1000_u64 << looks.clamp(1, 5)).min(LONGEST_WAIT)
}

/// Publishes a status. None, when the server refuses it and has not processed one of its
/// files.
fn send(api: &Api, delivery: &Delivery, part: &Part<'_>, state: &State) -> Result<Option<Status>> {
    let number = state.parts.len();
    let answer = api
        .request("POST", "/api/v1/statuses")
        .header(
            "idempotency-key",
            format!("jarchi-{}-{number}", delivery.key),
        )
        .json(&body(delivery, part, state)?)
        .send()?;
    if answer.status == 422
        && !part.media.is_empty()
        && any_unready(api, media_ids(delivery, state, number))?
    {
        return Ok(None);
    }
    let place = match (number, part.place.trim_end_matches('.')) {
        (0, _) => "publishing".to_owned(),
        (_, place) => format!("publishing {place}"),
    };
    let status = answer.for_commit().and_then(|answer| answer.json());
    status.map(Some).map_err(|error| error.context(place))
}

fn any_unready<'a>(api: &Api, ids: impl Iterator<Item = &'a str>) -> Result<bool> {
    for id in ids {
        let path = format!("/api/v1/media/{}", encode(id));
        if api.request("GET", &path).send().map_err(as_read)?.status == 206 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The uploaded files of one part.
fn media_ids<'a>(
    delivery: &Delivery,
    state: &'a State,
    number: usize,
) -> impl Iterator<Item = &'a str> {
    let counts: Vec<usize> = delivery
        .post
        .parts()
        .map(|(_, media)| media.len())
        .collect();
    let before = counts.iter().take(number).sum();
    let own = counts.get(number).copied().unwrap_or_default();
    state
        .media
        .iter()
        .skip(before)
        .take(own)
        .map(|file| file.id.as_str())
}

fn body(delivery: &Delivery, part: &Part<'_>, state: &State) -> Result<Value> {
    let post = &delivery.post;
    let options: Options = post.options()?;
    let number = state.parts.len();
    let mut body = Map::new();
    let mut put = |name: &str, value: Value| body.insert(name.to_owned(), value);
    put("status", json!(part.text));
    let media: Vec<&str> = media_ids(delivery, state, number).collect();
    if !media.is_empty() {
        put("media_ids", json!(media));
    }
    if let Some(answered) = state.parts.last().or(options.reply_to.as_ref()) {
        put("in_reply_to_id", json!(answered));
    }
    if let Some(visibility) = visibility(delivery, state)? {
        put("visibility", json!(visibility));
    }
    if let Some(language) = &post.language {
        put("language", json!(language));
    }
    if let Some(warning) = &post.content_warning {
        put("spoiler_text", json!(warning));
    }
    if post.sensitive {
        put("sensitive", json!(true));
    }
    if let Some(policy) = options.quote_policy {
        put("quote_approval_policy", json!(policy.name()));
    }
    if let Some(poll) = post.poll.as_ref().filter(|_| number == 0) {
        put(
            "poll",
            json!({
                "options": poll.options,
                "expires_in": poll.open_for / 1000,
                "multiple": poll.multiple,
                "hide_totals": poll.hide_totals,
            }),
        );
    }
    Ok(Value::Object(body))
}

fn visibility<'a>(delivery: &Delivery, state: &'a State) -> Result<Option<&'a str>> {
    if let Some(first) = &state.visibility {
        return Ok(Some(first));
    }
    let asked = delivery.post.visibility.map(Audience::from);
    Ok(match asked {
        Some(audience) => Some(audience.name()),
        None => compose::settings(&delivery.account)?
            .visibility
            .map(Audience::name),
    })
}

/// Looks for the statuses that the state does not name, among those of the account.
///
/// # Errors
/// The server did not tell.
pub fn find(delivery: &Delivery, mut state: State, since: Timestamp) -> Result<Finding> {
    let api = Api::of(&delivery.account)?;
    let oldest = since.saturating_sub(SKEW);
    let me = api.my_id()?;
    let mut statuses: Vec<Status> = Vec::new();
    let mut complete = false;
    for _ in 0..SEARCHED {
        let page = api.my_statuses(&me, statuses.last().map(|status| status.id.as_str()))?;
        complete = page.last().is_none_or(|last| is_older(last, oldest));
        statuses.extend(page);
        if complete {
            break;
        }
    }
    statuses.retain(|status| !is_older(status, oldest));

    let known = state.parts.len();
    let parts = compose::parts(&delivery.post);
    while let Some(part) = parts.get(state.parts.len()) {
        let found = statuses
            .iter()
            .position(|status| is_it(delivery, part, status, &state));
        match found {
            Some(at) => state.add(statuses.swap_remove(at)),
            None => break,
        }
    }
    if state.parts.len() == parts.len() {
        return Ok(Finding::Found(state.receipt()?));
    }
    if state.parts.len() == known {
        return Ok(match complete {
            true => Finding::Absent,
            false => Finding::CannotTell(format!(
                "the account published more than {} posts since; its latest are not the one",
                statuses.len()
            )),
        });
    }
    let note = format!("{} of {} parts published", state.parts.len(), parts.len());
    Ok(Finding::Partial(state.progress(note)?))
}

/// A status without a time that can be read may be young.
fn is_older(status: &Status, moment: Timestamp) -> bool {
    status.created().is_some_and(|created| created < moment)
}

fn is_it(delivery: &Delivery, part: &Part<'_>, status: &Status, state: &State) -> bool {
    let reply_to = delivery
        .post
        .options::<Options>()
        .ok()
        .and_then(|options| options.reply_to);
    if state.parts.contains(&status.id)
        || status.in_reply_to_id.as_ref() != state.parts.last().or(reply_to.as_ref())
        || status.media_attachments.len() != part.media.len()
    {
        return false;
    }
    let same_files = !part.media.is_empty()
        && media_ids(delivery, state, state.parts.len())
            .eq(status.media_attachments.iter().map(|file| file.id.as_str()));
    let wanted = essence(&part.text);
    // Without words only the files can tell one post from another.
    same_files || (!wanted.is_empty() && wanted == essence(&plain(&status.content)))
}

/// What is left of a text however it is rendered: its letters and digits, and of a
/// mention only the name. All but white space, where there are none.
fn essence(whole: &str) -> String {
    let mut short = String::with_capacity(whole.len());
    let mut from = 0;
    for mention in text::mentions(whole) {
        let server = mention.text[1..]
            .find('@')
            .map_or(mention.end, |at| mention.start + 1 + at);
        short.push_str(&whole[from..server]);
        from = mention.end;
    }
    short.push_str(&whole[from..]);
    let letters: String = short.chars().filter(|c| c.is_alphanumeric()).collect();
    if letters.is_empty() {
        short.split_whitespace().collect()
    } else {
        letters
    }
}

/// The text of a status' HTML.
fn plain(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find(['<', '&']) {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = if rest.starts_with('<') {
            rest.find('>')
        } else {
            rest.find(';')
        };
        let Some(end) = end else { break };
        if rest.starts_with('&') {
            text.extend(character(&rest[1..end]));
        } else if rest.starts_with("<br") || rest.starts_with("<p") || rest.starts_with("</p") {
            text.push('\n');
        }
        rest = &rest[end + 1..];
    }
    text.push_str(rest);
    text
}

fn character(entity: &str) -> Option<char> {
    match entity {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some(' '),
        _ => {
            let number = entity.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)
        }
    }
}

/// Takes the statuses of a post back, the last one first.
///
/// # Errors
/// The server did not take one back; those after it are gone.
pub fn delete(api: &Api, receipt: &Receipt) -> Result<()> {
    for id in receipt.parts.iter().rev().chain([&receipt.id]) {
        // Gone twice is gone: a repeat does no harm.
        let answer = api
            .request("DELETE", &Api::status(id))
            .send()
            .map_err(as_read)?;
        if !api::is_gone(answer.status) {
            answer.for_read()?;
        }
    }
    Ok(())
}
