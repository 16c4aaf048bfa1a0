//! Messenger's conversations.
//!
//! Sources: "Conversations" (of one, the 20 newest messages are told), "Send API"
//! (`messaging_type`; 2,000 characters), "Message Tags" (within 24 hours of the person's
//! last message everything goes; within 7 days what a human being writes, with the tag
//! `HUMAN_AGENT`, where Meta granted it), "Private Replies" (within 7 days of the comment,
//! once).

use jarchi_plugin_sdk::graph::{self, Graph, List, Mark};
use jarchi_plugin_sdk::inbox::{Answer, Attachment, Author, Finding, Kind, Message};
use jarchi_plugin_sdk::{Error, MediaKind, Millis, Receipt, Result, Timestamp, clock, count, log};
use serde::Deserialize;
use serde_json::json;

use super::Data;
use crate::api::{Api, LateAnswers, SKEW};
use crate::find::same;

const HOUR: Millis = 60 * 60 * 1000;
/// Everything may be sent so long.
const WINDOW: Millis = 24 * HOUR;
/// So long, where a human being answers.
const HUMAN_WINDOW: Millis = 7 * 24 * HOUR;
/// Characters of a message.
pub const MESSAGE: usize = 2_000;
const A_PAGE: usize = 20;
/// Pages of conversations.
const PAGES: usize = 8;
/// Messages of one conversation that are told.
const TOLD: usize = 20;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Conversation {
    id: String,
    updated_time: String,
    messages: Option<List<Direct>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Direct {
    id: String,
    created_time: String,
    from: Person,
    message: String,
    attachments: Option<List<Attached>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Person {
    id: String,
    name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Attached {
    mime_type: String,
    image_data: Option<Source>,
    video_data: Option<Source>,
    file_url: Option<String>,
}

/// Where a picture or a video is.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Source {
    url: String,
}

impl Attached {
    fn file(self) -> Option<Attachment> {
        let kind = match self.mime_type.split('/').next().unwrap_or_default() {
            "image" if self.mime_type == "image/gif" => MediaKind::Gif,
            "image" => MediaKind::Image,
            "video" => MediaKind::Video,
            "audio" => MediaKind::Audio,
            _ => MediaKind::Document,
        };
        let url = self.image_data.or(self.video_data).map(|data| data.url);
        Some(Attachment {
            kind,
            url: url.or(self.file_url)?,
            alt: None,
        })
    }
}

impl Direct {
    fn moment(&self) -> Timestamp {
        graph::moment(&self.created_time).unwrap_or_default()
    }
}

fn conversations(api: &Api, own: &Graph) -> Result<jarchi_plugin_sdk::http::Request> {
    let fields = format!(
        "id,updated_time,messages.limit({TOLD}){{id,created_time,from,message,\
         attachments{{mime_type,image_data,video_data,file_url}}}}"
    );
    let request = own.get(&api.below("conversations")?);
    Ok(request
        .query("platform", "messenger")
        .query("fields", fields)
        .query("limit", A_PAGE))
}

/// Reads on. Conversations come newest first, so those that were not moved end it.
pub(super) fn read(api: &Api, own: &Graph, mark: &mut Mark, into: &mut Vec<Message>) -> Result<()> {
    let page = api.page()?;
    let before = mark.clone();
    let mut pages = graph::pages::<Conversation>(conversations(api, own)?, PAGES);
    let mut more = true;
    while more {
        let Some(list) = pages.next() else { break };
        for conversation in list? {
            let updated = graph::moment(&conversation.updated_time);
            if updated.is_some_and(|moment| moment.saturating_add(SKEW) < before.newest) {
                more = false;
                break;
            }
            for direct in conversation.messages.into_iter().flat_map(|list| list.data) {
                let moment = direct.moment();
                mark.see(&direct.id, moment);
                if direct.from.id != page && before.is_new(&direct.id, moment) {
                    into.push(message(api, &conversation.id, direct));
                }
            }
        }
    }
    if more && pages.more() {
        log::warn!(
            "there are more conversations than can be read at once: the oldest are left out"
        );
    }
    Ok(())
}

fn message(api: &Api, conversation: &str, direct: Direct) -> Message {
    let moment = direct.moment();
    let window = match api.settings.late_answers {
        LateAnswers::Never => WINDOW,
        LateAnswers::HumanAgent => HUMAN_WINDOW,
    };
    let files = direct.attachments.into_iter().flat_map(|list| list.data);
    Message {
        kind: Kind::DirectMessage,
        author: Author {
            handle: direct.from.name.clone().unwrap_or_default(),
            id: direct.from.id.clone(),
            name: direct.from.name,
            url: None,
        },
        text: direct.message,
        language: None,
        sent_at: moment,
        url: None,
        conversation: Some(conversation.to_owned()),
        in_reply_to: None,
        attachments: files.filter_map(Attached::file).collect(),
        answer_by: Some(moment + window),
        data: Data {
            parent: None,
            recipient: Some(direct.from.id),
        }
        .written(),
        id: direct.id,
    }
}

fn recipient(message: &Message) -> String {
    Data::of(message)
        .recipient
        .unwrap_or_else(|| message.author.id.clone())
}

pub(super) fn reply(api: &Api, answer: &Answer) -> Result<Receipt> {
    #[derive(Deserialize)]
    struct Sent {
        message_id: String,
    }
    let length = count::chars(&answer.text);
    if length > MESSAGE {
        return Err(Error::invalid(format!(
            "{length} characters; a message has at most {MESSAGE}"
        )));
    }
    let to = &answer.to;
    let recipient = match to.kind {
        Kind::DirectMessage => json!({ "id": recipient(to) }),
        _ => json!({ "comment_id": to.id }),
    };
    let mut body = json!({
        "recipient": recipient, "messaging_type": "RESPONSE", "message": { "text": answer.text },
    });
    // A later message of the person opens the window again, so that Facebook decides.
    let late = clock::now() > to.sent_at.saturating_add(WINDOW);
    if late
        && to.kind == Kind::DirectMessage
        && api.settings.late_answers == LateAnswers::HumanAgent
    {
        body["messaging_type"] = json!("MESSAGE_TAG");
        body["tag"] = json!("HUMAN_AGENT");
    }
    let request = api.own()?.post(&api.below("messages")?).json(&body);
    let sent: Sent = graph::commit(request)?.json()?;
    Ok(Receipt::new(sent.message_id))
}

pub(super) fn find(api: &Api, answer: &Answer, oldest: Timestamp) -> Result<Finding> {
    let page = api.page()?;
    let mut request = conversations(api, &api.own()?)?;
    if answer.to.kind == Kind::DirectMessage {
        request = request.query("user_id", recipient(&answer.to));
    }
    let mut hidden = false;
    let mut pages = graph::pages::<Conversation>(request, PAGES);
    for list in pages.by_ref() {
        for conversation in list? {
            if graph::moment(&conversation.updated_time).is_some_and(|moment| moment < oldest) {
                return Ok(absent(hidden));
            }
            let told = conversation.messages.map(|list| list.data);
            let told = told.unwrap_or_default();
            let newer = |direct: &&Direct| direct.moment() >= oldest;
            let ours = told
                .iter()
                .filter(newer)
                .find(|direct| direct.from.id == page && same(Some(&direct.message), &answer.text));
            if let Some(ours) = ours {
                return Ok(Finding::Found(Receipt::new(ours.id.as_str())));
            }
            hidden |= told.len() >= TOLD && told.iter().filter(newer).count() == told.len();
        }
    }
    Ok(absent(hidden || pages.more()))
}

/// Where messages of that time are out of sight, absence is not certain.
fn absent(hidden: bool) -> Finding {
    match hidden {
        false => Finding::Absent,
        true => Finding::CannotTell("there are too many messages to look through".into()),
    }
}

/// Shows the others that their messages were read. Comments have no such mark.
///
/// # Errors
/// Facebook refused.
pub fn mark_read(api: &Api, messages: &[Message]) -> Result<()> {
    let mut seen: Vec<String> = Vec::new();
    for message in messages {
        let who = recipient(message);
        if message.kind != Kind::DirectMessage || seen.contains(&who) {
            continue;
        }
        let body = json!({ "recipient": { "id": who }, "sender_action": "mark_seen" });
        graph::read(api.own()?.post(&api.below("messages")?).json(&body))?;
        seen.push(who);
    }
    Ok(())
}
