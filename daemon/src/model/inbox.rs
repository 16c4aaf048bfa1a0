//! What people write to an account.

use serde::{Deserialize, Serialize};

use super::Timestamp;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MessageKind {
    Comment,
    Mention,
    DirectMessage,
    Review,
}

/// A message as its connector gave it: what an answer to it needs is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    pub id: String,
    pub kind: MessageKind,
    /// The platform's identifier of whoever wrote it.
    pub author: String,
    /// The name by which people know them, without an at sign.
    pub handle: String,
    pub text: String,
    pub sent_at: Timestamp,
    pub conversation: Option<String>,
    /// Our post, or the message, that it answers.
    pub in_reply_to: Option<String>,
    /// The connector's own, JSON.
    pub data: Option<String>,
}

/// Messages after a cursor, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessagePage {
    pub messages: Vec<Message>,
    pub cursor: Option<String>,
    /// There are more at once.
    pub more: bool,
}

/// An answer to a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    pub to: Message,
    pub text: String,
    /// The same for every try.
    pub key: String,
    pub created_at: Timestamp,
}
