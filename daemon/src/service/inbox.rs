//! Messages between the stations' words and the interface's.

use crate::model::{Message, MessageKind, MessagePage, Reply, Timestamp};
use crate::plugin::inbox as wit;

pub(super) fn page(page: wit::Page) -> MessagePage {
    MessagePage {
        messages: page.messages.into_iter().map(message).collect(),
        cursor: page.cursor,
        more: page.more,
    }
}

fn message(message: wit::Message) -> Message {
    Message {
        id: message.id,
        kind: match message.kind {
            wit::Kind::Comment => MessageKind::Comment,
            wit::Kind::Mention => MessageKind::Mention,
            wit::Kind::DirectMessage => MessageKind::DirectMessage,
            wit::Kind::Review => MessageKind::Review,
        },
        author: message.author.id,
        handle: message.author.handle,
        text: message.text,
        sent_at: Timestamp(message.sent_at),
        conversation: message.conversation,
        in_reply_to: message.in_reply_to,
        data: message.data,
    }
}

pub(super) fn answer(reply: &Reply) -> wit::Answer {
    let to = reply.to.clone();
    wit::Answer {
        to: wit::Message {
            id: to.id,
            kind: match to.kind {
                MessageKind::Comment => wit::Kind::Comment,
                MessageKind::Mention => wit::Kind::Mention,
                MessageKind::DirectMessage => wit::Kind::DirectMessage,
                MessageKind::Review => wit::Kind::Review,
            },
            author: wit::Author {
                id: to.author,
                handle: to.handle,
                name: None,
                url: None,
            },
            text: to.text,
            language: None,
            sent_at: to.sent_at.0,
            url: None,
            conversation: to.conversation,
            in_reply_to: to.in_reply_to,
            attachments: Vec::new(),
            answer_by: None,
            data: to.data,
        },
        text: reply.text.clone(),
        key: reply.key.clone(),
        created_at: reply.created_at.0,
    }
}
