//! Replies, mentions and direct messages.

use std::collections::BTreeMap;

use jarchi_plugin_sdk::http::encode;
use jarchi_plugin_sdk::inbox::{Answer, Attachment, Author, Finding, Kind, Message, Page};
use jarchi_plugin_sdk::{
    Error, MediaKind, Receipt, Result, Timestamp, clock, count, log, text, time,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::api::{
    self, Api, Attachments, Includes, Media, Stake, Tweet, User, Whole, commit, harmless,
};
use crate::find;

/// Pages that are read in one call.
const PAGES: usize = 5;
const PAGE: usize = 100;
/// Characters of a direct message (X API, "Manage Direct Messages").
const DIRECT: usize = 10_000;

/// How far each list was read.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Cursor {
    mentions: Reach,
    messages: Reach,
}

/// Lists begin with the newest. What is above `since` is read downward: where that is more
/// than a call reads, the next one goes on at `until`, or `token` where a list takes no
/// `until`, and `newest` becomes `since` when all is read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Reach {
    since: Option<String>,
    until: Option<String>,
    token: Option<String>,
    newest: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Event {
    id: String,
    #[serde(default)]
    text: String,
    sender_id: Option<String>,
    dm_conversation_id: Option<String>,
    created_at: Option<String>,
    #[serde(default)]
    attachments: Attachments,
}

/// Messages after the cursor, oldest first.
///
/// # Errors
/// X did not tell.
pub fn fetch(api: &Api, cursor: Option<&str>) -> Result<Page> {
    let mut cursor: Cursor = match cursor {
        None => Cursor::default(),
        Some(text) => serde_json::from_str(text)
            .map_err(|error| Error::invalid(format!("the cursor can't be read: {error}")))?,
    };
    let me = api.my_id()?;
    let mut messages = mentions(api, &me, &mut cursor.mentions)?;
    if api.settings.direct_messages {
        match direct(api, &me, &mut cursor.messages) {
            Ok(more) => messages.extend(more),
            // The token was good a moment ago: the app may not read them.
            Err(Error::Unauthorized(reason)) => {
                log::warn!(reason = reason; "direct messages can't be read; `direct_messages = false` stops asking");
            }
            // What was read is not read again; these come with the next call.
            Err(error) if !messages.is_empty() => {
                log::warn!(reason = error.reason(); "direct messages could not be read");
            }
            Err(error) => return Err(error.context("reading direct messages")),
        }
    }
    messages.sort_by_key(|message| message.sent_at);
    let more = cursor.mentions.until.is_some() || cursor.messages.token.is_some();
    let cursor = serde_json::to_string(&cursor)
        .map_err(|error| Error::invalid(format!("the cursor: {error}")))?;
    Ok(Page {
        messages,
        cursor: Some(cursor),
        more,
    })
}

/// Identifiers grow with time, and are compared as numbers.
fn is_above(id: &str, other: Option<&str>) -> bool {
    let number = |id: &str| id.parse::<u64>().unwrap_or_default();
    other.is_none_or(|other| number(id) > number(other))
}

impl Reach {
    /// After a call whose newest was `first`. It goes on at `until` or `token`.
    fn advance(&mut self, first: Option<String>, until: Option<String>, token: Option<String>) {
        self.newest = self.newest.take().or(first);
        let done = until.is_none() && token.is_none();
        (self.until, self.token) = (until, token);
        if done && let Some(newest) = self.newest.take() {
            self.since = Some(newest);
        }
    }
}

fn mentions(api: &Api, me: &str, reach: &mut Reach) -> Result<Vec<Message>> {
    let path = format!("/2/users/{}/mentions", encode(me));
    let mut messages = Vec::new();
    let (mut first, mut last) = (None, None);
    let mut token: Option<String> = None;
    let mut rest = false;
    for _ in 0..PAGES {
        let mut request = api
            .request("GET", &path)
            .query("max_results", PAGE)
            .query(
                "tweet.fields",
                "attachments,author_id,conversation_id,created_at,entities,in_reply_to_user_id,\
                 lang,note_tweet,referenced_tweets",
            )
            .query("expansions", "author_id,attachments.media_keys")
            .query("user.fields", "name,username")
            .query("media.fields", "alt_text,preview_image_url,type,url");
        if let Some(since) = &reach.since {
            request = request.query("since_id", since);
        }
        if let Some(until) = &reach.until {
            request = request.query("until_id", until);
        }
        if let Some(token) = &token {
            request = request.query("pagination_token", token);
        }
        let page: Whole<Vec<Tweet>> = harmless(request)?.json()?;
        let around = Around::of(&page.includes);
        for tweet in page.data.unwrap_or_default() {
            first = first.or_else(|| Some(tweet.id.clone()));
            last = Some(tweet.id.clone());
            if tweet.author_id.as_deref() != Some(me) {
                messages.push(mention(&tweet, me, &around));
            }
        }
        token = page.meta.next_token;
        // At the first look, what is older than one page is the past.
        rest = token.is_some() && reach.since.is_some();
        if !rest {
            break;
        }
    }
    reach.advance(first, last.filter(|_| rest), None);
    Ok(messages)
}

/// Who and what an answer tells of beside its list.
struct Around<'a> {
    users: BTreeMap<&'a str, &'a User>,
    media: BTreeMap<&'a str, &'a Media>,
}

impl<'a> Around<'a> {
    fn of(includes: &'a Includes) -> Self {
        let users = includes.users.iter();
        let media = includes.media.iter();
        Around {
            users: users.map(|user| (user.id.as_str(), user)).collect(),
            media: media.map(|file| (file.media_key.as_str(), file)).collect(),
        }
    }

    fn author(&self, id: Option<&str>) -> Author {
        let id = id.unwrap_or_default();
        match self.users.get(id) {
            Some(user) => Author {
                id: user.id.clone(),
                handle: user.username.clone(),
                name: user.name.clone(),
                url: Some(format!("https://x.com/{}", user.username)),
            },
            None => Author {
                id: id.to_owned(),
                handle: String::new(),
                name: None,
                url: Some(format!("https://x.com/i/user/{id}")),
            },
        }
    }

    fn attachments(&self, attached: &Attachments) -> Vec<Attachment> {
        let files = attached.media_keys.iter();
        files
            .filter_map(|key| {
                let file = self.media.get(key.as_str())?;
                Some(Attachment {
                    kind: match file.kind.as_str() {
                        "video" => MediaKind::Video,
                        "animated_gif" => MediaKind::Gif,
                        _ => MediaKind::Image,
                    },
                    url: file.url.clone().or(file.preview_image_url.clone())?,
                    alt: file.alt_text.clone(),
                })
            })
            .collect()
    }
}

fn mention(tweet: &Tweet, me: &str, around: &Around<'_>) -> Message {
    let to_us = tweet.in_reply_to_user_id.as_deref() == Some(me);
    Message {
        id: tweet.id.clone(),
        kind: if to_us { Kind::Comment } else { Kind::Mention },
        author: around.author(tweet.author_id.as_deref()),
        text: find::readable(tweet),
        // X's word for a text without words.
        language: tweet.lang.clone().filter(|lang| lang != "und"),
        sent_at: tweet.created().unwrap_or_else(clock::now),
        url: Some(api::address(&tweet.id)),
        conversation: tweet.conversation_id.clone(),
        in_reply_to: tweet.refers("replied_to").map(str::to_owned),
        attachments: around.attachments(&tweet.attachments),
        answer_by: None,
        data: None,
    }
}

fn direct(api: &Api, me: &str, reach: &mut Reach) -> Result<Vec<Message>> {
    let mut messages = Vec::new();
    let mut first = None;
    let mut token = reach.token.clone();
    for _ in 0..PAGES {
        let request = events(api, "/2/dm_events", token.as_deref())
            .query("expansions", "sender_id,attachments.media_keys")
            .query("user.fields", "name,username")
            .query("media.fields", "alt_text,preview_image_url,type,url");
        let page: Whole<Vec<Event>> = harmless(request)?.json()?;
        let around = Around::of(&page.includes);
        token = page.meta.next_token;
        for event in page.data.unwrap_or_default() {
            if !is_above(&event.id, reach.since.as_deref()) {
                token = None;
                break;
            }
            first = first.or_else(|| Some(event.id.clone()));
            if event.sender_id.as_deref() != Some(me) {
                messages.push(message(&event, &around));
            }
        }
        // At the first look, what is older than one page is the past.
        if reach.since.is_none() {
            token = None;
        }
        if token.is_none() {
            break;
        }
    }
    reach.advance(first, None, token);
    Ok(messages)
}

fn events(api: &Api, path: &str, token: Option<&str>) -> jarchi_plugin_sdk::http::Request {
    let request = api
        .request("GET", path)
        .query("event_types", "MessageCreate")
        .query("max_results", PAGE)
        .query(
            "dm_event.fields",
            "attachments,created_at,dm_conversation_id,id,sender_id,text",
        );
    match token {
        Some(token) => request.query("pagination_token", token),
        None => request,
    }
}

fn sent(event: &Event) -> Timestamp {
    let told = event.created_at.as_deref().and_then(time::parse_rfc3339);
    told.or_else(|| api::moment(&event.id))
        .unwrap_or_else(clock::now)
}

fn message(event: &Event, around: &Around<'_>) -> Message {
    Message {
        id: event.id.clone(),
        kind: Kind::DirectMessage,
        author: around.author(event.sender_id.as_deref()),
        text: event.text.clone(),
        language: None,
        sent_at: sent(event),
        url: None,
        conversation: event.dm_conversation_id.clone(),
        in_reply_to: None,
        attachments: around.attachments(&event.attachments),
        answer_by: None,
        data: None,
    }
}

/// The list of a conversation's messages, and where one is sent to it.
fn conversation(message: &Message) -> Result<(String, String)> {
    if let Some(id) = &message.conversation {
        let path = format!("/2/dm_conversations/{}", encode(id));
        return Ok((format!("{path}/dm_events"), format!("{path}/messages")));
    }
    match message.author.id.as_str() {
        "" => Err(Error::invalid(
            "the message names neither a conversation nor its sender",
        )),
        id => {
            let path = format!("/2/dm_conversations/with/{}", encode(id));
            Ok((format!("{path}/dm_events"), format!("{path}/messages")))
        }
    }
}

/// Answers a message.
///
/// # Errors
/// As the interface's `reply`.
pub fn reply(api: &Api, answer: &Answer) -> Result<Receipt> {
    #[derive(Deserialize)]
    struct Made {
        #[serde(alias = "dm_event_id")]
        id: String,
    }
    let text = answer.text.trim();
    if text.is_empty() {
        return Err(Error::invalid("the answer is empty"));
    }
    let is_direct = answer.to.kind == Kind::DirectMessage;
    let (length, most) = match is_direct {
        true => (count::chars(text), DIRECT),
        false => (count::x::length(text), api.settings.text),
    };
    if length > most {
        return Err(Error::invalid(format!(
            "the answer counts {length}; X takes {most}"
        )));
    }
    let request = if is_direct {
        let (_, path) = conversation(&answer.to)?;
        api.request("POST", &path).json(&json!({ "text": text }))
    } else {
        api.request("POST", "/2/tweets").json(&json!({
            "text": text,
            "reply": { "in_reply_to_tweet_id": answer.to.id },
        }))
    };
    let made: Whole<Made> = commit(request)
        .and_then(|response| response.json())
        .map_err(|error| error.context("answering"))?;
    let made = made
        .data
        .ok_or_else(|| Error::unknown_outcome("X gave the answer no identifier"))?;
    Ok(receipt(made.id, is_direct))
}

fn receipt(id: String, is_direct: bool) -> Receipt {
    Receipt {
        url: (!is_direct).then(|| api::address(&id)),
        published_at: api::moment(&id),
        ..Receipt::new(id)
    }
}

/// Looks for an answer.
///
/// # Errors
/// X did not tell.
pub fn find_reply(api: &Api, answer: &Answer, since: Timestamp) -> Result<Finding> {
    if answer.to.kind == Kind::DirectMessage {
        return find_direct(api, answer, since);
    }
    let wanted = find::ours(&answer.text);
    let (posts, complete) = find::own_posts(api, since)?;
    let found = posts.into_iter().find(|post| {
        post.refers("replied_to") == Some(&answer.to.id) && find::words(post) == wanted
    });
    Ok(match found {
        Some(post) => Finding::Found(receipt(post.id, false)),
        None if complete => Finding::Absent,
        None => Finding::CannotTell("the account published too much since".into()),
    })
}

fn find_direct(api: &Api, answer: &Answer, since: Timestamp) -> Result<Finding> {
    let me = api.my_id()?;
    let (path, _) = conversation(&answer.to)?;
    let page: Whole<Vec<Event>> = harmless(events(api, &path, None))?.json()?;
    let events = page.data.unwrap_or_default();
    let oldest = since.saturating_sub(find::SKEW);
    let wanted = text::nfc(answer.text.trim());
    let is_it = |event: &&Event| {
        event.sender_id.as_deref() == Some(&me)
            && sent(event) >= oldest
            && find::ours(&event.text) == find::ours(&wanted)
    };
    Ok(match events.iter().find(is_it) {
        Some(event) => Finding::Found(receipt(event.id.clone(), true)),
        None if page.meta.next_token.is_none()
            || events.last().is_some_and(|last| sent(last) < oldest) =>
        {
            Finding::Absent
        }
        None => Finding::CannotTell("the conversation has too many messages since".into()),
    })
}

/// Hides a reply to a post of ours.
///
/// # Errors
/// It is none, or X refused.
pub fn hide(api: &Api, message: &Message) -> Result<()> {
    if message.kind != Kind::Comment {
        return Err(Error::unsupported(
            "X lets an account hide replies in its own conversations, and nothing else",
        ));
    }
    let path = format!("{}/hidden", Api::post(&message.id));
    quiet(api.request("PUT", &path).json(&json!({ "hidden": true })))
}

/// Likes a post.
///
/// # Errors
/// It is a direct message, or X refused.
pub fn like(api: &Api, message: &Message) -> Result<()> {
    if message.kind == Kind::DirectMessage {
        return Err(Error::unsupported("X's API can't like direct messages"));
    }
    let path = format!("/2/users/{}/likes", encode(&api.my_id()?));
    quiet(
        api.request("POST", &path)
            .json(&json!({ "tweet_id": message.id })),
    )
}

/// What can be repeated without harm.
fn quiet(request: jarchi_plugin_sdk::http::Request) -> Result<()> {
    let answer = request.send().map_err(api::unsent)?;
    match answer.is_success() {
        true => Ok(()),
        false => Err(api::refused(&answer, Stake::Harmless)),
    }
}
