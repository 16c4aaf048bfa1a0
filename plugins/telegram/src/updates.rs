//! What happens to the bot. Telegram keeps an update for a day, or until a later one is
//! asked for; then it is gone for everybody. So whoever asks takes all of them: they are
//! kept here, and the offset that forgets them at Telegram is only sent by a later call,
//! when this memory is on disk.

use std::collections::VecDeque;

use jarchi_plugin_sdk::inbox::{Author, Kind};
use jarchi_plugin_sdk::{Error, Millis, Result, Timestamp, clock, kv};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::api::{Bot, Chat, ChatInfo, ChatKind, Message, User};

const BOOK: &str = "updates";
/// Updates that are taken at once: so many of the longest texts fit into the memory.
const BATCH: usize = 40;
/// Bytes of waiting messages beyond which no more are taken.
const FULL: usize = 400 << 10;
/// As long as Telegram itself keeps an update.
const DAY: Millis = 24 * 60 * 60 * 1000;
const MOST_FORWARDS: usize = 300;
const MOST_NUMBERS: usize = 500;

/// What was taken and is still of use.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Book {
    /// The offset that the next call sends.
    pub next: Option<i64>,
    /// Channel posts as they arrived in the discussion group.
    pub forwards: VecDeque<Forward>,
    /// For the inbox.
    pub waiting: VecDeque<Waiting>,
    /// Reactions to posts, by their numbers.
    pub reactions: VecDeque<(i64, i64)>,
    /// Voters of polls.
    pub votes: VecDeque<(String, i64)>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Forward {
    /// The number in the channel.
    pub post: i64,
    /// The number in the group.
    pub here: i64,
    /// When it was forwarded (seconds).
    pub at: u64,
    /// Of its text.
    pub mark: String,
    pub album: Option<String>,
    pub poll: bool,
}

/// A message for the inbox.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Waiting {
    pub update: i64,
    pub taken: Timestamp,
    pub kind: Asked,
    pub chat: i64,
    pub message: i64,
    pub topic: Option<i64>,
    pub at: u64,
    pub text: String,
    pub who: Who,
    /// Our post, or the message, that it answers.
    pub answers: Option<String>,
    pub url: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Asked {
    Comment,
    Mention,
    Direct,
}

impl From<Asked> for Kind {
    fn from(asked: Asked) -> Self {
        match asked {
            Asked::Comment => Kind::Comment,
            Asked::Mention => Kind::Mention,
            Asked::Direct => Kind::DirectMessage,
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Who {
    pub id: i64,
    pub handle: Option<String>,
    pub name: String,
    pub language: Option<String>,
}

impl Who {
    fn of(message: &Message) -> Option<Self> {
        // People may write as a channel of theirs.
        if let Some(chat) = &message.sender_chat {
            return Some(Who {
                id: chat.id,
                handle: chat.username.clone(),
                name: chat.name(),
                language: None,
            });
        }
        let user = message.from.as_ref()?;
        let name = [Some(user.first_name.as_str()), user.last_name.as_deref()];
        let name: Vec<&str> = name.into_iter().flatten().collect();
        Some(Who {
            id: user.id,
            handle: user.username.clone(),
            name: name.join(" "),
            language: user.language_code.clone(),
        })
    }

    pub fn author(&self) -> Author {
        Author {
            id: self.id.to_string(),
            handle: self.handle.clone().unwrap_or_else(|| self.id.to_string()),
            name: Some(self.name.clone()),
            url: self
                .handle
                .as_ref()
                .map(|name| format!("https://t.me/{name}")),
        }
    }
}

#[derive(Debug, Deserialize)]
struct Update {
    update_id: i64,
    #[serde(default)]
    message: Option<Message>,
    #[serde(default)]
    message_reaction_count: Option<Reactions>,
    #[serde(default)]
    poll: Option<crate::api::Poll>,
}

#[derive(Debug, Deserialize)]
struct Reactions {
    chat: Chat,
    message_id: i64,
    #[serde(default)]
    reactions: Vec<Reaction>,
}

#[derive(Debug, Deserialize)]
struct Reaction {
    total_count: i64,
}

/// What decides whether an update is of use.
struct Ground {
    me: User,
    chat: ChatInfo,
}

impl Book {
    /// # Errors
    /// The memory can't be read.
    pub fn open() -> Result<Self> {
        Ok(kv::get(BOOK)?.unwrap_or_default())
    }

    /// # Errors
    /// The memory can't be written.
    pub fn keep(&self) -> Result<()> {
        Ok(kv::set(BOOK, self)?)
    }

    /// Takes the updates that have come, and keeps them. True where there may be more.
    /// Once in a call: the next one tells Telegram to forget these.
    ///
    /// # Errors
    /// Telegram refused, or another program takes the updates.
    pub fn take(&mut self, bot: &Bot) -> Result<bool> {
        if !bot.settings.updates {
            return Err(Error::unsupported(
                "the bot's updates are not read here: `updates` is false",
            ));
        }
        self.make_room();
        if self.is_full()? {
            return Ok(false);
        }
        let ground = Ground {
            me: bot.me()?,
            chat: bot.about_chat()?,
        };
        let mut parameters = json!({
            "limit": BATCH,
            "timeout": 0,
            "allowed_updates": ["message", "message_reaction_count", "poll", "my_chat_member"],
        });
        if let Some(next) = self.next {
            parameters["offset"] = next.into();
        }
        let updates: Vec<Value> = bot.read("getUpdates", parameters)?;
        let more = updates.len() >= BATCH;
        for update in updates {
            if let Some(id) = update["update_id"].as_i64() {
                self.next = Some(self.next.map_or(id + 1, |next| next.max(id + 1)));
            }
            // One of a shape that nobody knows yet is passed over, as one that is of no use.
            if let Ok(update) = serde_json::from_value::<Update>(update) {
                self.add(update, &ground);
            }
        }
        self.keep()?;
        Ok(more)
    }

    /// Where the inbox is not read, messages go after a day, as they would at Telegram.
    fn make_room(&mut self) {
        if self.is_full().unwrap_or_default() {
            let oldest = clock::now().saturating_sub(DAY);
            self.waiting.retain(|waiting| waiting.taken > oldest);
        }
    }

    fn is_full(&self) -> Result<bool> {
        let bytes =
            serde_json::to_vec(&self.waiting).map_err(|error| Error::invalid(error.to_string()))?;
        Ok(bytes.len() > FULL)
    }

    fn add(&mut self, update: Update, ground: &Ground) {
        if let Some(Reactions {
            chat,
            message_id,
            reactions,
        }) = update.message_reaction_count
            && chat.id == ground.chat.chat.id
        {
            let total = reactions.iter().map(|one| one.total_count).sum();
            renew(&mut self.reactions, message_id, total);
        }
        if let Some(poll) = update.poll {
            renew(&mut self.votes, poll.id, poll.total_voter_count);
        }
        let Some(message) = update.message else {
            return;
        };
        if self
            .waiting
            .iter()
            .any(|known| known.update == update.update_id)
        {
            return;
        }
        if let Some(forward) = forward(&message, ground) {
            if !self.forwards.contains(&forward) {
                self.forwards.push_back(forward);
            }
            while self.forwards.len() > MOST_FORWARDS {
                self.forwards.pop_front();
            }
            return;
        }
        let waiting = self.waiting_of(update.update_id, &message, ground);
        self.waiting.extend(waiting);
    }

    fn waiting_of(&self, update: i64, message: &Message, ground: &Ground) -> Option<Waiting> {
        let who = Who::of(message)?;
        if who.id == ground.me.id {
            return None;
        }
        let (kind, answers) = self.asked(message, ground)?;
        Some(Waiting {
            update,
            taken: clock::now(),
            kind,
            chat: message.chat.id,
            message: message.message_id,
            topic: message.message_thread_id,
            at: message.date,
            text: message.words().to_owned(),
            who,
            answers,
            url: match message.chat.kind {
                ChatKind::Private => None,
                _ => message.chat.address(message.message_id),
            },
        })
    }

    /// What a message wants of us; none where it is talk among others.
    fn asked(&self, message: &Message, ground: &Ground) -> Option<(Asked, Option<String>)> {
        let ours = message.chat.id == ground.chat.chat.id;
        if message.chat.kind == ChatKind::Private {
            let answered = message.reply_to_message.as_deref();
            let own = answered.filter(|one| {
                let author = one.from.as_ref();
                author.is_some_and(|user| user.id == ground.me.id)
            });
            // Where the account's chat is this one, what is answered is a post of ours.
            let post = own.map(|one| match ours {
                true => one.message_id.to_string(),
                false => name(one.chat.id, one.message_id),
            });
            return Some((Asked::Direct, post));
        }
        if !ours && Some(message.chat.id) != ground.chat.linked_chat_id {
            return None;
        }
        let answered = message.reply_to_message.as_deref();
        let named = || answered.map(|one| name(one.chat.id, one.message_id));
        if let Some(one) = answered {
            if let Some(forward) = forward(one, ground) {
                return Some((Asked::Comment, Some(forward.post.to_string())));
            }
            if one
                .from
                .as_ref()
                .is_some_and(|user| user.id == ground.me.id)
            {
                let post = if ours {
                    Some(one.message_id.to_string())
                } else {
                    named()
                };
                return Some((Asked::Comment, post));
            }
        }
        // Further down in the thread of a post.
        let thread = message.message_thread_id;
        if !ours
            && let Some(root) = self
                .forwards
                .iter()
                .find(|forward| Some(forward.here) == thread)
        {
            let answers = named().unwrap_or_else(|| root.post.to_string());
            return Some((Asked::Comment, Some(answers)));
        }
        let own = ground.me.username.as_deref()?;
        jarchi_plugin_sdk::text::mentions(message.words())
            .iter()
            .any(|mention| mention.text[1..].eq_ignore_ascii_case(own))
            .then(|| (Asked::Mention, named()))
    }
}

/// A message's name in the inbox.
pub fn name(chat: i64, message: i64) -> String {
    format!("{chat}:{message}")
}

fn forward(message: &Message, ground: &Ground) -> Option<Forward> {
    let origin = message.forward_origin.as_ref()?;
    if !message.is_automatic_forward || origin.chat.as_ref()?.id != ground.chat.chat.id {
        return None;
    }
    Some(Forward {
        post: origin.message_id?,
        here: message.message_id,
        at: message.date,
        mark: mark(message.words()),
        album: message.media_group_id.clone(),
        poll: message.poll.is_some(),
    })
}

/// Tells one text from another (FNV-1a), white space at its ends apart.
pub fn mark(text: &str) -> String {
    let hash = text
        .trim()
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    format!("{hash:016x}")
}

fn renew<K: PartialEq>(numbers: &mut VecDeque<(K, i64)>, key: K, value: i64) {
    numbers.retain(|(known, _)| *known != key);
    numbers.push_back((key, value));
    while numbers.len() > MOST_NUMBERS {
        numbers.pop_front();
    }
}
