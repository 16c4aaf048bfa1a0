//! Comments below the channel's posts, and messages to the bot.

use jarchi_plugin_sdk::inbox::{Answer, Message, Page};
use jarchi_plugin_sdk::{Error, Receipt, Result};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::api::{self, Bot, Call, Refused};
use crate::updates::{Book, Waiting, name};

/// What an answer needs to know of the message.
#[derive(Serialize, Deserialize)]
struct Data {
    chat: i64,
    message: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    topic: Option<i64>,
}

/// # Errors
/// Telegram refused, or another program takes the updates.
pub fn fetch(bot: &Bot, cursor: Option<&str>) -> Result<Page> {
    let mut book = Book::open()?;
    let done: Option<i64> = cursor.and_then(|cursor| cursor.parse().ok());
    // The host has those up to its cursor on disk.
    book.waiting
        .retain(|waiting| done.is_none_or(|done| waiting.update > done));
    let more = book.take(bot)?;
    book.keep()?;
    let last = book.waiting.iter().map(|waiting| waiting.update).max();
    let messages = book.waiting.iter().map(message).collect::<Result<_>>()?;
    Ok(Page {
        messages,
        cursor: last.or(done).map(|update| update.to_string()),
        more,
    })
}

fn message(waiting: &Waiting) -> Result<Message> {
    let data = Data {
        chat: waiting.chat,
        message: waiting.message,
        topic: waiting.topic,
    };
    Ok(Message {
        id: name(waiting.chat, waiting.message),
        kind: waiting.kind.into(),
        author: waiting.who.author(),
        text: waiting.text.clone(),
        language: waiting.who.language.clone(),
        sent_at: waiting.at.saturating_mul(1000),
        url: waiting.url.clone(),
        conversation: Some(match waiting.topic {
            Some(topic) => name(waiting.chat, topic),
            None => waiting.chat.to_string(),
        }),
        in_reply_to: waiting.answers.clone(),
        // Their addresses hold the bot's token.
        attachments: Vec::new(),
        answer_by: None,
        data: Some(
            serde_json::to_string(&data).map_err(|error| Error::invalid(error.to_string()))?,
        ),
    })
}

fn data(message: &Message) -> Result<Data> {
    let data = message.data.as_deref().unwrap_or_default();
    serde_json::from_str(data)
        .map_err(|error| Error::invalid(format!("data of message `{}`: {error}", message.id)))
}

/// # Errors
/// What Telegram's refusal means.
pub fn reply(bot: &Bot, answer: &Answer) -> Result<Receipt> {
    let to = data(&answer.to)?;
    let text = crate::markup::plain(answer.text.trim(), &[]);
    if text.is_empty() || text.length() > crate::plan::TEXT {
        return Err(Error::invalid(format!(
            "{} characters; Telegram takes 1 to {}",
            text.length(),
            crate::plan::TEXT
        )));
    }
    let mut call = Call {
        method: "sendMessage",
        ..Call::default()
    };
    call.put("chat_id", to.chat);
    text.put(&mut call, "text", "parse_mode", "entities");
    call.put("reply_parameters", json!({ "message_id": to.message }));
    let sent: api::Message = bot
        .commit(call)
        .map_err(|refused: Refused| Error::from(refused).context("answering"))?;
    let receipt = Receipt::new(name(sent.chat.id, sent.message_id))
        .published_at(sent.date.saturating_mul(1000));
    Ok(match sent.chat.address(sent.message_id) {
        Some(url) if sent.chat.kind.is_group() => receipt.url(url),
        _ => receipt,
    })
}

/// # Errors
/// What Telegram's refusal means.
pub fn like(bot: &Bot, message: &Message) -> Result<()> {
    let to = data(message)?;
    let parameters = json!({
        "chat_id": to.chat,
        "message_id": to.message,
        "reaction": [{ "type": "emoji", "emoji": "👍" }],
    });
    let _: bool = bot.read("setMessageReaction", parameters)?;
    Ok(())
}
