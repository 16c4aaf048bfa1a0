//! Telegram's Bot API server, with one bot, its chats and its updates.
//!
//! What it refuses, and in which words, follows the Bot API's documentation and the
//! errors that its users report; the requests' form is judged by [`spec::telegram`].

mod answers;
mod checks;

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Map, Value, json};

use crate::{Answer, Part, Platform, Request, spec};
use answers::{no, yes};

/// The bot's own number.
pub const BOT: i64 = 110_201_543;
pub const TOKEN: &str = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw";

/// A chat with its messages.
#[derive(Clone, Debug)]
pub struct Chat {
    pub id: i64,
    pub kind: &'static str,
    pub title: String,
    pub username: Option<String>,
    /// Of a channel its discussion group.
    pub linked: Option<i64>,
    pub forum: bool,
    pub members: i64,
    /// The bot's standing: `administrator`, `member`, `left`.
    pub bot: &'static str,
    pub may_post: bool,
    pub may_pin: bool,
    /// In order; none where one was deleted.
    pub messages: BTreeMap<i64, Value>,
    pub pinned: Vec<i64>,
    next: i64,
    /// It became a supergroup of this number.
    pub moved_to: Option<i64>,
}

/// The platform.
#[derive(Debug)]
pub struct Telegram {
    pub chats: BTreeMap<i64, Chat>,
    pub token: String,
    pub revoked: bool,
    pub webhook: Option<String>,
    /// Seconds that are to be waited, once.
    pub flood: Option<u64>,
    /// Bytes of one upload.
    pub upload_limit: usize,
    /// The copies of posts come into the discussion group at once.
    pub forwards: bool,
    pub updates: VecDeque<Value>,
    next_update: i64,
    next_poll: i64,
    allowed: Vec<String>,
    pub reactions: Vec<(i64, i64, Value)>,
}

/// The channel @teahouse, its discussion group, a group and a forum, with the bot in all.
pub const CHANNEL: i64 = -1_001_111_111_111;
pub const DISCUSSION: i64 = -1_002_222_222_222;
pub const GROUP: i64 = -333_333;
pub const FORUM: i64 = -1_004_444_444_444;
/// Somebody who writes to the bot, and her chat with it.
pub const PERSON: i64 = 7001;

impl Default for Telegram {
    fn default() -> Self {
        let chat = |id: i64, kind, title: &str| Chat {
            id,
            kind,
            title: title.to_owned(),
            username: None,
            linked: None,
            forum: false,
            members: 2,
            bot: "administrator",
            may_post: true,
            may_pin: true,
            messages: BTreeMap::new(),
            pinned: Vec::new(),
            next: 1,
            moved_to: None,
        };
        let mut channel = chat(CHANNEL, "channel", "Tea House");
        channel.username = Some("teahouse".into());
        channel.linked = Some(DISCUSSION);
        channel.members = 1250;
        let mut discussion = chat(DISCUSSION, "supergroup", "Tea House talk");
        discussion.linked = Some(CHANNEL);
        let group = chat(GROUP, "group", "Friends of tea");
        let mut forum = chat(FORUM, "supergroup", "Forum");
        forum.forum = true;
        let chats = [channel, discussion, group, forum];
        Telegram {
            chats: chats.into_iter().map(|chat| (chat.id, chat)).collect(),
            token: TOKEN.to_owned(),
            revoked: false,
            webhook: None,
            flood: None,
            upload_limit: 50 << 20,
            forwards: true,
            updates: VecDeque::new(),
            next_update: 1000,
            next_poll: 1,
            allowed: vec!["message".into(), "poll".into(), "my_chat_member".into()],
            reactions: Vec::new(),
        }
    }
}

impl Telegram {
    /// The messages of a chat, in order.
    pub fn messages(&self, chat: i64) -> Vec<Value> {
        self.chats[&chat].messages.values().cloned().collect()
    }

    pub fn chat(&mut self, id: i64) -> &mut Chat {
        self.chats.get_mut(&id).expect("a chat of the stand-in")
    }

    fn tell(&mut self, kind: &str, what: Value) {
        if !self.allowed.iter().any(|allowed| allowed == kind) {
            return;
        }
        let id = self.next_update;
        self.next_update += 1;
        self.updates
            .push_back(json!({ "update_id": id, kind: what }));
    }

    /// Somebody writes into a chat, or to the bot alone (`chat` is then the person's
    /// number). Answers with the message's number.
    pub fn written(&mut self, chat: i64, text: &str, answers: Option<i64>, now: u64) -> i64 {
        let person = json!({ "id": 7001, "is_bot": false, "first_name": "Aysel", "last_name": "M.",
            "username": "aysel", "language_code": "az" });
        let described;
        let (number, replied) = match self.chats.get_mut(&chat) {
            Some(chat) => {
                let number = chat.next;
                chat.next += 1;
                described = chat.described();
                (
                    number,
                    answers.and_then(|id| chat.messages.get(&id).cloned()),
                )
            }
            None => {
                described = json!({ "id": chat, "type": "private", "first_name": "Aysel", "username": "aysel" });
                (self.next_update, None)
            }
        };
        let mut message = json!({
            "message_id": number, "date": now / 1000, "chat": described, "from": person, "text": text,
        });
        if let Some(mut replied) = replied {
            if chat == DISCUSSION {
                let thread = replied["message_thread_id"].as_i64().or(answers);
                message["message_thread_id"] = json!(thread);
            }
            // One level alone, as Telegram does.
            replied
                .as_object_mut()
                .expect("a message")
                .remove("reply_to_message");
            message["reply_to_message"] = replied;
        }
        if let Some(chat) = self.chats.get_mut(&chat) {
            chat.messages.insert(number, message.clone());
        }
        self.tell("message", message);
        number
    }

    /// Reactions to a message changed.
    pub fn reacted(&mut self, chat: i64, message: i64, counts: &[i64], now: u64) {
        let reactions: Vec<Value> = counts
            .iter()
            .map(
                |count| json!({ "type": { "type": "emoji", "emoji": "👍" }, "total_count": count }),
            )
            .collect();
        let what = json!({ "chat": self.chats[&chat].described(), "message_id": message,
            "date": now / 1000, "reactions": reactions });
        self.tell("message_reaction_count", what);
    }

    /// People voted in a poll.
    pub fn voted(&mut self, poll: &Value, voters: i64) {
        let mut poll = poll.clone();
        poll["total_voter_count"] = voters.into();
        self.tell("poll", poll);
    }

    /// The bot was made an administrator.
    pub fn added(&mut self, chat: i64, now: u64) {
        let what = json!({ "chat": self.chats[&chat].described(), "date": now / 1000 });
        self.tell("my_chat_member", what);
    }

    /// Aysel has pressed the bot's *Start*: her chat is one that it may write to first.
    pub fn befriend(&mut self) {
        let chat = Chat {
            id: PERSON,
            kind: "private",
            title: "Aysel".to_owned(),
            username: Some("aysel".to_owned()),
            linked: None,
            forum: false,
            members: 2,
            bot: "member",
            may_post: true,
            may_pin: true,
            messages: BTreeMap::new(),
            pinned: Vec::new(),
            next: 1,
            moved_to: None,
        };
        self.chats.insert(PERSON, chat);
    }

    fn find(&self, chat: &Value) -> Option<i64> {
        let number = chat
            .as_i64()
            .or_else(|| chat.as_str().and_then(|text| text.parse().ok()));
        if let Some(number) = number {
            return self.chats.contains_key(&number).then_some(number);
        }
        let name = chat.as_str()?.strip_prefix('@')?;
        let mut chats = self.chats.values();
        let named = |chat: &&Chat| chat.username.as_deref() == Some(name);
        chats.find(named).map(|chat| chat.id)
    }

    fn call(&mut self, method: &str, given: &Fields, now: u64) -> Answer {
        match method {
            "getMe" => yes(self.me()),
            "getWebhookInfo" => yes(json!({
                "url": self.webhook.as_deref().unwrap_or_default(),
                "has_custom_certificate": false,
                "pending_update_count": self.updates.len(),
            })),
            "getUpdates" => self.get_updates(given),
            "getChat" => match self.known(given) {
                Ok(chat) => yes(self.chats[&chat].described_in_full()),
                Err(answer) => answer,
            },
            "getChatMemberCount" => match self.known(given) {
                Ok(chat) => yes(json!(self.chats[&chat].members)),
                Err(answer) => answer,
            },
            "getChatMember" => match self.known(given) {
                Ok(chat) => yes(self.chats[&chat].member(self.me())),
                Err(answer) => answer,
            },
            "deleteMessages" => self.delete(given),
            "pinChatMessage" => self.pin(given),
            "setMessageReaction" => {
                let chat = given.number("chat_id").unwrap_or_default();
                let message = given.number("message_id").unwrap_or_default();
                self.reactions.push((chat, message, given.json("reaction")));
                yes(json!(true))
            }
            _ => self.send(method, given, now),
        }
    }

    fn me(&self) -> Value {
        json!({ "id": BOT, "is_bot": true, "first_name": "Tea", "username": "teahousebot" })
    }

    /// The chat that is meant, or why it can't be looked at.
    fn known(&self, given: &Fields) -> Result<i64, Answer> {
        let chat = given.json("chat_id");
        let Some(chat) = self.find(&chat) else {
            return Err(no(400, "Bad Request: chat not found"));
        };
        Ok(chat)
    }

    fn get_updates(&mut self, given: &Fields) -> Answer {
        if self.webhook.is_some() {
            return no(
                409,
                "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first",
            );
        }
        if let Some(allowed) = given.json("allowed_updates").as_array() {
            let names = allowed.iter().filter_map(Value::as_str);
            self.allowed = names.map(str::to_owned).collect();
        }
        if let Some(offset) = given.number("offset") {
            assert!(offset > 0, "a negative offset forgets what nobody has read");
            self.updates
                .retain(|update| update["update_id"].as_i64() >= Some(offset));
        }
        let limit = given.number("limit").unwrap_or(100) as usize;
        let first: Vec<Value> = self.updates.iter().take(limit).cloned().collect();
        yes(json!(first))
    }

    fn delete(&mut self, given: &Fields) -> Answer {
        let chat = match self.known(given) {
            Ok(chat) => self.chat(chat),
            Err(answer) => return answer,
        };
        let ids = given.json("message_ids");
        let ids: Vec<i64> = ids
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_i64)
            .collect();
        chat.messages.retain(|id, _| !ids.contains(id));
        yes(json!(true))
    }

    fn pin(&mut self, given: &Fields) -> Answer {
        let chat = match self.known(given) {
            Ok(chat) => self.chat(chat),
            Err(answer) => return answer,
        };
        let message = given.number("message_id").unwrap_or_default();
        if !chat.may_pin {
            return no(
                400,
                "Bad Request: not enough rights to manage pinned messages in the chat",
            );
        }
        if !chat.messages.contains_key(&message) {
            return no(400, "Bad Request: message to pin not found");
        }
        if !chat.pinned.contains(&message) {
            chat.pinned.push(message);
        }
        yes(json!(true))
    }

    fn send(&mut self, method: &str, given: &Fields, now: u64) -> Answer {
        if let Some(seconds) = self.flood.take() {
            return answers::flood(seconds);
        }
        let id = match self.known(given) {
            Ok(id) => id,
            Err(_) if given.number("chat_id").is_some_and(|id| id > 0) => {
                return self.send_to_person(given, now);
            }
            Err(answer) => return answer,
        };
        if let Err(answer) = checks::may_send(&self.chats[&id], method, given, self.upload_limit) {
            return answer;
        }
        let units = match checks::units(method, given) {
            Ok(units) => units,
            Err(answer) => return answer,
        };
        let album = (units.len() > 1).then(|| format!("album-{}", self.next_update));
        let mut sent = Vec::new();
        for mut message in units {
            if message.get("poll").is_some() {
                message["poll"]["id"] = self.next_poll.to_string().into();
                self.next_poll += 1;
            }
            let channel = self.chats[&id].kind == "channel";
            let author = match channel {
                true => ("sender_chat", self.chats[&id].described()),
                false => ("from", self.me()),
            };
            let chat = self.chat(id);
            let number = chat.next;
            chat.next += 1;
            message["message_id"] = number.into();
            message["date"] = (now / 1000).into();
            message["chat"] = chat.described();
            message[author.0] = author.1;
            if let Some(album) = &album {
                message["media_group_id"] = album.as_str().into();
            }
            let answered = given.json("reply_parameters")["message_id"].as_i64();
            if let Some(answered) = answered.and_then(|one| chat.messages.get(&one)).cloned() {
                message["reply_to_message"] = answered;
            }
            chat.messages.insert(number, message.clone());
            if channel && self.forwards {
                self.forward(&message, now);
            }
            sent.push(message);
        }
        yes(match method {
            "sendMediaGroup" => json!(sent),
            _ => sent.remove(0),
        })
    }

    /// To somebody who wrote to the bot.
    fn send_to_person(&mut self, given: &Fields, now: u64) -> Answer {
        let chat = given.number("chat_id").unwrap_or_default();
        if chat != 7001 {
            return no(403, "Forbidden: bot was blocked by the user");
        }
        yes(json!({
            "message_id": self.next_update, "date": now / 1000, "text": given.text("text"), "from": self.me(),
            "chat": { "id": chat, "type": "private", "first_name": "Aysel" },
        }))
    }

    /// The copy in the discussion group.
    pub fn forward(&mut self, post: &Value, now: u64) {
        let channel = post["chat"]["id"].as_i64().expect("a chat");
        let Some(group) = self.chats[&channel].linked else {
            return;
        };
        let origin = json!({ "type": "channel", "chat": post["chat"], "date": post["date"],
            "message_id": post["message_id"] });
        let group = self.chat(group);
        if group.bot == "left" {
            return;
        }
        let mut copy = post.clone();
        let number = group.next;
        group.next += 1;
        copy["message_id"] = number.into();
        copy["date"] = (now / 1000).into();
        copy["chat"] = group.described();
        copy["is_automatic_forward"] = true.into();
        copy["forward_origin"] = origin;
        copy["from"] = json!({ "id": 777_000, "is_bot": false, "first_name": "Telegram" });
        copy.as_object_mut()
            .expect("a message")
            .remove("reply_to_message");
        group.messages.insert(number, copy.clone());
        self.tell("message", copy);
    }
}

impl Chat {
    fn described(&self) -> Value {
        let name = match self.kind {
            "private" => "first_name",
            _ => "title",
        };
        let mut chat = json!({ "id": self.id, "type": self.kind, name: self.title });
        if let Some(name) = &self.username {
            chat["username"] = name.as_str().into();
        }
        chat
    }

    fn described_in_full(&self) -> Value {
        let mut chat = self.described();
        if let Some(linked) = self.linked {
            chat["linked_chat_id"] = linked.into();
        }
        if self.forum {
            chat["is_forum"] = true.into();
        }
        if self.kind != "channel" {
            chat["permissions"] = json!({ "can_send_messages": self.may_post });
        }
        chat["accent_color_id"] = 1.into();
        chat["max_reaction_count"] = 11.into();
        chat
    }

    fn member(&self, user: Value) -> Value {
        let mut member = json!({ "status": self.bot, "user": user });
        if self.bot == "administrator" {
            member["can_be_edited"] = false.into();
            member["can_delete_messages"] = true.into();
            if self.kind == "channel" {
                member["can_post_messages"] = self.may_post.into();
            }
        }
        member
    }
}

/// What a request gives: fields of JSON or of a form, and files.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    fields: Map<String, Value>,
    files: Vec<Part>,
}

impl Fields {
    fn of(request: &Request) -> Self {
        if request.content_type() != "multipart/form-data" {
            let fields = request.json().and_then(|body| body.as_object().cloned());
            return Fields {
                fields: fields.unwrap_or_default(),
                files: Vec::new(),
            };
        }
        let (files, texts): (Vec<Part>, Vec<Part>) = request
            .parts()
            .into_iter()
            .partition(|part| part.filename.is_some());
        let text = |part: Part| {
            let text = String::from_utf8(part.bytes).expect("UTF-8");
            (part.name, Value::String(text))
        };
        Fields {
            fields: texts.into_iter().map(text).collect(),
            files,
        }
    }

    fn text(&self, name: &str) -> String {
        let value = self.fields.get(name).and_then(Value::as_str);
        value.unwrap_or_default().to_owned()
    }

    /// As it was meant, where a form has it as text.
    fn json(&self, name: &str) -> Value {
        match self.fields.get(name) {
            Some(Value::String(text)) => {
                serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone()))
            }
            Some(value) => value.clone(),
            None => Value::Null,
        }
    }

    fn number(&self, name: &str) -> Option<i64> {
        self.json(name).as_i64()
    }

    fn has(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }
}

impl Platform for Telegram {
    fn answer(&mut self, request: &Request, now: u64) -> Answer {
        let Some((token, method)) = request
            .path()
            .strip_prefix("/bot")
            .and_then(|rest| rest.split_once('/'))
        else {
            return no(404, "Not Found");
        };
        if token != self.token {
            return no(404, "Not Found");
        }
        if self.revoked {
            return no(401, "Unauthorized");
        }
        if let Err(why) = spec::telegram().check(request) {
            panic!("{method}: {why}");
        }
        let method = method.to_owned();
        self.call(&method, &Fields::of(request), now)
    }
}
