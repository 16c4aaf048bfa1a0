//! Comments under the channel's videos, and answers to them.

use std::collections::BTreeMap;

use jarchi_plugin_sdk::inbox::{Answer, Author, Finding, Kind, Message, Page};
use jarchi_plugin_sdk::{Account, Error, Millis, Receipt, Result, Timestamp, log};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::api::{Api, items};
use crate::errors;
use crate::publish::{SKEW, moment};

/// Pages that one call reads, and threads whose further answers it reads: a call has 40
/// requests.
const PAGES: usize = 8;
const THREADS: usize = 25;
/// Comments that come into the lists later than newer ones are taken up to this late.
const LATE: Millis = 30 * 60_000;
/// Identifiers that a cursor holds.
const KEPT: usize = 1000;

/// How far it was read.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Cursor {
    /// Of the newest comment.
    time: Timestamp,
    /// Comments that were given and are not much older.
    ids: Vec<(Timestamp, String)>,
    /// Answers of each thread whose answers were read.
    answers: BTreeMap<String, u64>,
}

/// What a message remembers.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    /// The comment on top: every answer hangs on it.
    top: String,
    video: String,
}

fn text<'a>(value: &'a Value, at: &str) -> &'a str {
    let found = value.pointer(at).and_then(Value::as_str);
    found.unwrap_or_default()
}

fn own_channel(api: &Api) -> Result<String> {
    if let Some(channel) = &api.settings.channel {
        return Ok(channel.clone());
    }
    Ok(text(&api.channel("id")?, "/id").to_owned())
}

/// A page of a list, and the next one's token.
fn page(api: &Api, path: &str, query: &[(&str, &str)], token: Option<&str>) -> Result<Listed> {
    let mut request = api
        .get(path)
        .query("maxResults", 100)
        .query("textFormat", "plainText");
    for (name, value) in query {
        request = request.query(name, value);
    }
    if let Some(token) = token {
        request = request.query("pageToken", token);
    }
    let answer = errors::read(request)?;
    let whole: Value = answer.json()?;
    let next = whole.get("nextPageToken").and_then(Value::as_str);
    Ok((items(&answer)?, next.map(str::to_owned)))
}

type Listed = (Vec<Value>, Option<String>);

/// Every answer under a comment, as far as `pages` go.
fn answers(api: &Api, top: &str, pages: usize) -> Result<Vec<Value>> {
    let mut all = Vec::new();
    let mut token = None;
    for _ in 0..pages {
        let query = [("part", "snippet"), ("parentId", top)];
        let (found, next) = page(api, "/comments", &query, token.as_deref())?;
        all.extend(found);
        token = next;
        if token.is_none() {
            break;
        }
    }
    Ok(all)
}

fn message(api: &Api, comment: &Value, top: &str, video: &str) -> Result<Message> {
    let id = text(comment, "/id").to_owned();
    let name = text(comment, "/snippet/authorDisplayName");
    let url = text(comment, "/snippet/authorChannelUrl");
    let kept = Kept {
        top: top.to_owned(),
        video: video.to_owned(),
    };
    let to = if id == top { video } else { top };
    Ok(Message {
        kind: Kind::Comment,
        author: Author {
            id: text(comment, "/snippet/authorChannelId/value").to_owned(),
            handle: name.to_owned(),
            name: Some(name.to_owned()),
            url: (!url.is_empty()).then(|| url.to_owned()),
        },
        text: text(comment, "/snippet/textDisplay").to_owned(),
        language: None,
        sent_at: moment(comment, "/snippet/publishedAt"),
        url: Some(format!("{}&lc={id}", api.address(video))),
        conversation: Some(top.to_owned()),
        in_reply_to: Some(to.to_owned()),
        attachments: Vec::new(),
        answer_by: None,
        data: Some(
            serde_json::to_string(&kept)
                .map_err(|error| Error::invalid(format!("data of the message: {error}")))?,
        ),
        id,
    })
}

/// Comments after the cursor, oldest first: of the newest threads, and new answers in
/// those.
///
/// # Errors
/// By the table of errors.
pub fn fetch(account: &Account, cursor: Option<&str>) -> Result<Page> {
    let api = Api::of(account)?;
    let first = cursor.is_none();
    let mut cursor: Cursor = match cursor {
        Some(text) => serde_json::from_str(text)
            .map_err(|error| Error::invalid(format!("the cursor can't be read: {error}")))?,
        None => Cursor::default(),
    };
    let oldest = cursor.time.saturating_sub(LATE);
    let channel = own_channel(&api)?;
    let query = [
        ("part", "snippet,replies"),
        ("allThreadsRelatedToChannelId", channel.as_str()),
        ("order", "time"),
    ];
    let mut messages = Vec::new();
    let mut counted = BTreeMap::new();
    let (mut token, mut asked) = (None, 0);
    // Of a channel that is read for the first time the newest page.
    let pages = if first { 1 } else { PAGES };
    for number in 0..pages {
        let (threads, next) = page(&api, "/commentThreads", &query, token.as_deref())?;
        let ended = threads.last().is_none_or(|last| {
            moment(last, "/snippet/topLevelComment/snippet/publishedAt") < oldest
        });
        for thread in &threads {
            let top = text(thread, "/id");
            let video = text(thread, "/snippet/videoId");
            if let Some(comment) = thread.pointer("/snippet/topLevelComment") {
                messages.push(message(&api, comment, top, video)?);
            }
            let told = thread
                .pointer("/replies/comments")
                .and_then(Value::as_array);
            let told = told.cloned().unwrap_or_default();
            let total = thread.pointer("/snippet/totalReplyCount");
            let total = total.and_then(Value::as_u64).unwrap_or_default();
            let known = cursor.answers.get(top).copied();
            // A thread tells a few of its answers.
            let below = if total > told.len() as u64 && known != Some(total) {
                asked += 1;
                if asked > THREADS {
                    // Asked the next time, for its count is not noted.
                    continue;
                }
                answers(&api, top, 1)?
            } else {
                told
            };
            if total > 0 {
                counted.insert(top.to_owned(), total);
            }
            for comment in &below {
                messages.push(message(&api, comment, top, video)?);
            }
        }
        token = next;
        if ended || token.is_none() {
            break;
        }
        if number + 1 == PAGES {
            log::warn!(pages = PAGES; "there are more new comments than can be read: the oldest are passed over");
        }
    }
    messages.retain(|one| {
        one.sent_at >= oldest && !cursor.ids.iter().any(|(_, known)| *known == one.id)
    });
    let given: Vec<(Timestamp, String)> = messages
        .iter()
        .map(|one| (one.sent_at, one.id.clone()))
        .collect();
    messages.retain(|one| one.author.id != channel);
    messages.sort_by_key(|one| one.sent_at);
    let newest = given.iter().map(|(at, _)| *at).max().unwrap_or_default();
    cursor.time = cursor.time.max(newest);
    cursor.answers = counted;
    cursor.ids.extend(given);
    let late = cursor.time.saturating_sub(LATE);
    cursor.ids.retain(|(at, _)| *at >= late);
    cursor.ids.sort();
    let over = cursor.ids.len().saturating_sub(KEPT);
    cursor.ids.drain(..over);
    let cursor = serde_json::to_string(&cursor)
        .map_err(|error| Error::invalid(format!("the cursor: {error}")))?;
    Ok(Page {
        messages,
        cursor: Some(cursor),
        more: false,
    })
}

fn kept(message: &Message) -> Result<Kept> {
    serde_json::from_str(message.data.as_deref().unwrap_or_default())
        .map_err(|error| Error::invalid(format!("data of the message: {error}")))
}

fn receipt(api: &Api, id: &str, kept: &Kept, at: Timestamp) -> Receipt {
    let url = format!("{}&lc={id}", api.address(&kept.video));
    let mut receipt = Receipt::new(id).url(url);
    receipt.published_at = Some(at);
    receipt
}

/// Answers a comment.
///
/// # Errors
/// By the table of errors.
pub fn reply(account: &Account, answer: &Answer) -> Result<Receipt> {
    let api = Api::of(account)?;
    let kept = kept(&answer.to)?;
    let body = json!({ "snippet": { "parentId": kept.top, "textOriginal": answer.text } });
    let request = api.post("/comments").query("part", "snippet");
    let told: Value = errors::commit(request.json(&body))?.json()?;
    match text(&told, "/id") {
        "" => Err(Error::unknown_outcome("YouTube's answer names no comment")),
        id => Ok(receipt(
            &api,
            id,
            &kept,
            moment(&told, "/snippet/publishedAt"),
        )),
    }
}

/// Looks for an answer whose outcome is unknown.
///
/// # Errors
/// YouTube did not tell.
pub fn find_reply(account: &Account, answer: &Answer, since: Timestamp) -> Result<Finding> {
    let api = Api::of(account)?;
    let kept = kept(&answer.to)?;
    let channel = own_channel(&api)?;
    let found = answers(&api, &kept.top, PAGES)?;
    let ours = found.iter().find(|one| {
        text(one, "/snippet/authorChannelId/value") == channel
            && moment(one, "/snippet/publishedAt") + SKEW >= since
            && text(one, "/snippet/textDisplay").trim() == answer.text.trim()
    });
    Ok(match ours {
        Some(one) => {
            let at = moment(one, "/snippet/publishedAt");
            Finding::Found(receipt(&api, text(one, "/id"), &kept, at))
        }
        None => Finding::Absent,
    })
}

/// Takes a comment out of sight; YouTube Studio can bring it back.
///
/// # Errors
/// By the table of errors.
pub fn hide(account: &Account, message: &Message) -> Result<()> {
    let request = Api::of(account)?
        .post("/comments/setModerationStatus")
        .query("id", &message.id)
        .query("moderationStatus", "rejected");
    errors::read(request).map(|_| ())
}
