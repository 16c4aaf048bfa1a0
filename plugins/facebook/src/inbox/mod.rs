//! Comments below the Page's newest posts, and Messenger's conversations.
//!
//! [`comments`] reads and answers the ones, [`messages`] the others.

pub mod comments;
pub mod messages;

use std::collections::BTreeMap;

use jarchi_plugin_sdk::graph::Mark;
use jarchi_plugin_sdk::inbox::{Answer, Finding, Kind, Message, Page};
use jarchi_plugin_sdk::{Error, Receipt, Result, Timestamp, log};
use serde::{Deserialize, Serialize};

use crate::api::{Answers, Api, SKEW};

/// Where reading goes on.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Cursor {
    /// By post: those that are not among the newest any more are forgotten.
    posts: BTreeMap<String, Mark>,
    messages: Mark,
}

/// What a message needs to be answered.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Data {
    /// The comment that answers go below, where it is not the comment itself.
    parent: Option<String>,
    /// The person's number, as this Page knows it.
    recipient: Option<String>,
}

impl Data {
    fn of(message: &Message) -> Self {
        let text = message.data.as_deref().unwrap_or("{}");
        serde_json::from_str(text).unwrap_or_default()
    }

    fn written(&self) -> Option<String> {
        serde_json::to_string(self).ok()
    }
}

/// Comments and messages after the cursor.
///
/// # Errors
/// Facebook did not tell, or the cursor is not the connector's.
pub fn fetch(api: &Api, cursor: Option<&str>) -> Result<Page> {
    let mut cursor: Cursor = match cursor {
        Some(cursor) => serde_json::from_str(cursor)
            .map_err(|error| Error::invalid(format!("the inbox's cursor: {error}")))?,
        None => Cursor::default(),
    };
    let own = api.own()?;
    let mut messages = Vec::new();
    let more = comments::read(api, &own, &mut cursor.posts, &mut messages)?;
    match messages::read(api, &own, &mut cursor.messages, &mut messages) {
        Ok(()) => {}
        // An account may be connected for comments alone.
        Err(Error::Unauthorized(reason)) => {
            log::warn!(reason = reason; "messages could not be read");
        }
        Err(error) => return Err(error),
    }
    messages.sort_by_key(|message| message.sent_at);
    let cursor =
        serde_json::to_string(&cursor).map_err(|error| Error::invalid(error.to_string()))?;
    Ok(Page {
        messages,
        cursor: Some(cursor),
        more,
    })
}

/// A message goes to a person; a comment is answered below it, unless the settings say
/// otherwise.
fn is_private(api: &Api, message: &Message) -> bool {
    message.kind == Kind::DirectMessage || api.settings.answer_comments == Answers::Private
}

/// Answers a comment or a message.
///
/// # Errors
/// Facebook refused, or the outcome is not known.
pub fn reply(api: &Api, answer: &Answer) -> Result<Receipt> {
    if answer.text.trim().is_empty() {
        return Err(Error::invalid("the answer is empty"));
    }
    match is_private(api, &answer.to) {
        true => messages::reply(api, answer),
        false => comments::reply(api, answer),
    }
}

/// Looks for an answer.
///
/// # Errors
/// Facebook did not tell.
pub fn find_reply(api: &Api, answer: &Answer, since: Timestamp) -> Result<Finding> {
    let oldest = since.saturating_sub(SKEW);
    match is_private(api, &answer.to) {
        true => messages::find(api, answer, oldest),
        false => comments::find(api, answer, oldest),
    }
}
