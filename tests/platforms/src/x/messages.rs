//! Direct messages.

use jarchi_plugin_sdk::time;
use serde_json::{Value, json};

use super::{EPOCH, X, forbidden, list, page};
use crate::{Answer, Request};

/// A direct message.
#[derive(Clone, Debug)]
pub struct Direct {
    pub id: String,
    pub conversation: String,
    pub sender: String,
    pub text: String,
}

impl X {
    /// Somebody writes to us.
    pub fn receive(&mut self, sender: &str, text: &str, now: u64) -> String {
        let id = self.id(now);
        self.messages.push(Direct {
            id: id.clone(),
            conversation: self.conversation(sender),
            sender: sender.to_owned(),
            text: text.to_owned(),
        });
        id
    }

    fn conversation(&self, other: &str) -> String {
        let mut both = [self.me.id.as_str(), other];
        both.sort_unstable();
        both.join("-")
    }

    pub(super) fn events(&self, request: &Request, conversation: Option<&str>) -> Answer {
        let mut all: Vec<&Direct> = self
            .messages
            .iter()
            .filter(|message| conversation.is_none_or(|wanted| message.conversation == wanted))
            .collect();
        all.reverse();
        let (shown, next) = page(&all, request);
        let fields = list(request, "dm_event.fields");
        let data: Vec<Value> = shown
            .iter()
            .map(|message| event(message, &fields))
            .collect();
        let mut body = json!({ "meta": { "result_count": data.len() } });
        if !data.is_empty() {
            body["data"] = Value::Array(data);
        }
        if let Some(next) = next {
            body["meta"]["next_token"] = next.into();
        }
        if list(request, "expansions").contains("sender_id") {
            let senders: Vec<&str> = shown.iter().map(|one| one.sender.as_str()).collect();
            body["includes"] = json!({ "users": self.users(&senders) });
        }
        Answer::json(200, &body)
    }

    pub(super) fn tell(&mut self, conversation: &str, request: &Request, now: u64) -> Answer {
        let is_known = self
            .messages
            .iter()
            .any(|message| message.conversation == conversation);
        if !is_known {
            return forbidden("You cannot send messages to this conversation.");
        }
        let body = request.json().unwrap();
        let id = self.id(now);
        self.messages.push(Direct {
            id: id.clone(),
            conversation: conversation.to_owned(),
            sender: self.me.id.clone(),
            text: body["text"].as_str().unwrap_or_default().to_owned(),
        });
        let told = json!({ "dm_conversation_id": conversation, "dm_event_id": id });
        Answer::json(201, &json!({ "data": told }))
    }
}

fn event(message: &Direct, fields: &std::collections::BTreeSet<String>) -> Value {
    let mut event = json!({ "id": message.id, "text": message.text,
                            "event_type": "MessageCreate" });
    let moment = (message.id.parse::<u64>().unwrap() >> 22) + EPOCH;
    for (name, value) in [
        ("sender_id", message.sender.clone()),
        ("dm_conversation_id", message.conversation.clone()),
        ("created_at", time::format_rfc3339(moment)),
    ] {
        if fields.contains(name) {
            event[name] = value.into();
        }
    }
    event
}
