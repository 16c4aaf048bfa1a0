//! Publishing: one message, or one album, a call. What a call before it reached is in the
//! state.

use jarchi_plugin_sdk::{
    Delivery, Error, Finding, Millis, Outcome, Post, Progress, Receipt, Result, Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::api::{Bot, Chat, ChatKind, Message, Refused};
use crate::options::Options;
use crate::plan::{self, Content, Reply, Unit};
use crate::send::{self, To};
use crate::updates::{Book, Forward, mark};

/// Between two messages to one chat ("Broadcasting to users", Bots FAQ: one a second).
const PAUSE: Millis = 1000;
/// Between two looks for the post in the discussion group, and how often it is looked.
const LOOK: Millis = 5000;
const MOST_LOOKS: u32 = 60;
/// How far Telegram's clock may be behind ours when a post is looked for.
const SKEW: Millis = 60_000;
/// Messages that are deleted at once ("deleteMessages").
const DELETED: usize = 100;

/// What is done so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct State {
    /// The units that are out, in order.
    pub sent: Vec<Sent>,
    pub url: Option<String>,
    pub published_at: Option<Timestamp>,
    pub pinned: bool,
    /// For the post in the discussion group.
    pub looks: u32,
}

/// A unit that is out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sent {
    pub chat: i64,
    pub messages: Vec<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poll: Option<String>,
}

/// What a receipt keeps.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Kept {
    pub chat: i64,
    pub messages: Vec<i64>,
    pub poll: Option<String>,
    /// The first comment: chat and message.
    pub comment: Option<(i64, i64)>,
}

impl State {
    fn progress(&self, note: String) -> Result<Progress> {
        Ok(Progress::new(self, note)?.visible(!self.sent.is_empty()))
    }

    fn add(&mut self, messages: &[Message]) {
        let Some(first) = messages.first() else {
            return;
        };
        if self.sent.is_empty() {
            self.url = address(&first.chat, first.message_id);
            self.published_at = Some(first.date.saturating_mul(1000));
        }
        self.sent.push(Sent {
            chat: first.chat.id,
            messages: messages.iter().map(|one| one.message_id).collect(),
            poll: first.poll.as_ref().map(|poll| poll.id.clone()),
        });
    }

    fn receipt(&self) -> Result<Receipt> {
        let first = self.sent.first();
        let (Some(first), Some(id)) = (first, first.and_then(|sent| sent.messages.first())) else {
            return Err(Error::invalid(
                "the delivery's state names no message, although all are published",
            ));
        };
        let mut kept = Kept {
            chat: first.chat,
            poll: first.poll.clone(),
            ..Kept::default()
        };
        let mut parts = Vec::new();
        for (index, sent) in self.sent.iter().enumerate() {
            if sent.chat == first.chat {
                kept.messages.extend(&sent.messages);
            } else if let Some(message) = sent.messages.first() {
                kept.comment = Some((sent.chat, *message));
            }
            if index > 0 {
                parts.extend(sent.messages.first().map(i64::to_string));
            }
        }
        Receipt {
            id: id.to_string(),
            url: self.url.clone(),
            published_at: self.published_at,
            parts,
            data: None,
        }
        .with_data(&kept)
    }
}

/// A private chat has no addresses that others could open.
fn address(chat: &Chat, message: i64) -> Option<String> {
    match chat.kind {
        ChatKind::Private => None,
        _ => chat.address(message),
    }
}

fn plan<'a>(post: &'a Post, options: &Options) -> Result<Vec<Unit<'a>>> {
    plan::units(post, options).map_err(|(place, why)| Error::invalid(format!("{place}: {why}")))
}

/// The next step.
///
/// # Errors
/// As the interface's `publish`.
pub fn step(delivery: &Delivery, mut state: State) -> Result<Outcome> {
    let bot = Bot::of(&delivery.account)?;
    let options: Options = delivery.post.options()?;
    let units = plan(&delivery.post, &options)?;
    if let Some(unit) = units.get(state.sent.len()) {
        let to = match unit.reply {
            Reply::Comment => match comment_place(&bot, &state)? {
                Some(to) => to,
                None => return await_forward(state),
            },
            reply => To {
                chat: bot.chat()?,
                topic: options.topic.or(bot.settings.topic),
                answers: match reply {
                    Reply::Chosen => options.reply_to,
                    Reply::Unit(index) => first_message(&state, index)?,
                    Reply::Nothing | Reply::Comment => None,
                },
            },
        };
        match send::send(&bot, &delivery.post, &options, unit, &to) {
            Ok(messages) => state.add(&messages),
            Err(Refused {
                moved_to: Some(number),
                ..
            }) => {
                bot.moved(number)?;
                let note = "the group became a supergroup".to_owned();
                return Ok(state.progress(note)?.into());
            }
            Err(refused) => {
                let error = Error::from(refused);
                return Err(match unit.place.trim_end_matches('.') {
                    "" => error,
                    place => error.context(format!("publishing {place}")),
                });
            }
        }
    } else if options.pin && !state.pinned {
        pin(&bot, &state, &options)?;
        state.pinned = true;
    }
    if state.sent.len() == units.len() && (state.pinned || !options.pin) {
        return Ok(state.receipt()?.into());
    }
    let note = match units.len() {
        all if state.sent.len() < all => format!("{} of {all} messages sent", state.sent.len()),
        _ => "sent, to be pinned".to_owned(),
    };
    Ok(state.progress(note)?.after(PAUSE).into())
}

fn first_message(state: &State, unit: usize) -> Result<Option<i64>> {
    let sent = state.sent.get(unit).and_then(|sent| sent.messages.first());
    match sent {
        Some(message) => Ok(Some(*message)),
        None => Err(Error::invalid(
            "the delivery's state does not name the message to be answered",
        )),
    }
}

/// Where the first comment goes: in a group below the post, in a channel below the post's
/// copy in the discussion group. None as long as that is not there.
fn comment_place(bot: &Bot, state: &State) -> Result<Option<To>> {
    let post = first_message(state, 0)?;
    let info = bot.about_chat()?;
    if info.chat.kind != ChatKind::Channel {
        return Ok(Some(To {
            chat: bot.chat()?,
            topic: None,
            answers: post,
        }));
    }
    let Some(group) = info.linked_chat_id else {
        return Err(Error::invalid(
            "the post is published, without its first comment: the channel has no discussion group",
        ));
    };
    let found = |book: &Book| {
        let forward = book.forwards.iter().find(|one| Some(one.post) == post)?;
        Some(To {
            chat: group.into(),
            topic: None,
            answers: Some(forward.here),
        })
    };
    let mut book = Book::open()?;
    if let Some(to) = found(&book) {
        return Ok(Some(to));
    }
    // The comment is sent by a later call, when what is taken here is on disk.
    book.take(bot)
        .map_err(|error| error.context("looking for the post in the discussion group"))?;
    Ok(None)
}

fn await_forward(mut state: State) -> Result<Outcome> {
    // What was just taken is looked at by the next call.
    let wait = if state.looks == 0 { PAUSE } else { LOOK };
    state.looks += 1;
    if state.looks > MOST_LOOKS {
        return Err(Error::invalid(
            "the post is published, without its first comment: its copy in the discussion group never reached the bot. Is the bot a member there?",
        ));
    }
    let note = "published; its copy in the discussion group is awaited".to_owned();
    Ok(state.progress(note)?.after(wait).into())
}

/// Pinning twice is pinning once.
fn pin(bot: &Bot, state: &State, options: &Options) -> Result<()> {
    let silent = options.silent.unwrap_or(bot.settings.silent);
    let parameters = json!({
        "chat_id": bot.chat()?,
        "message_id": first_message(state, 0)?,
        "disable_notification": silent,
    });
    let pinned: Result<Value, Refused> = bot.read("pinChatMessage", parameters);
    pinned.map(drop).map_err(|refused| match refused.error {
        Error::Unauthorized(_) | Error::Invalid(_) => Error::Invalid(format!(
            "the post is published, but can't be pinned: {}",
            refused.description
        )),
        other => other,
    })
}

/// Looks for what the state does not name among the copies in the discussion group. It can
/// show that a post is there, never that it is not.
///
/// # Errors
/// Telegram refused.
pub fn find(delivery: &Delivery, mut state: State, since: Timestamp) -> Result<Finding> {
    let bot = Bot::of(&delivery.account)?;
    let info = match bot.about_chat() {
        Ok(info) => info,
        Err(Error::Invalid(why)) => return Ok(Finding::CannotTell(why)),
        Err(other) => return Err(other),
    };
    if info.chat.kind != ChatKind::Channel || info.linked_chat_id.is_none() {
        return Ok(Finding::CannotTell(
            "no bot can read what it posted: look into the chat yourself".into(),
        ));
    }
    let mut book = Book::open()?;
    match book.take(&bot) {
        Ok(_) => {}
        Err(Error::Invalid(why) | Error::Unsupported(why)) => return Ok(Finding::CannotTell(why)),
        Err(other) => return Err(other),
    }
    let options: Options = delivery.post.options()?;
    let units = plan(&delivery.post, &options)?;
    let known = state.sent.len();
    let mut forwards: Vec<Forward> = book.forwards.into_iter().collect();
    let oldest = since.saturating_sub(SKEW) / 1000;
    let used = |post: i64, state: &State| {
        let mut all = state.sent.iter().flat_map(|sent| &sent.messages);
        all.any(|message| *message == post)
    };
    forwards.retain(|one| one.at >= oldest && !used(one.post, &state));
    forwards.sort_by_key(|one| one.post);
    while let Some(unit) = units.get(state.sent.len()) {
        if unit.reply == Reply::Comment {
            break;
        }
        let Some(messages) = pick(&mut forwards, unit) else {
            break;
        };
        if state.sent.is_empty() {
            state.url = messages.first().and_then(|id| address(&info.chat, *id));
        }
        state.sent.push(Sent {
            chat: info.chat.id,
            messages,
            poll: None,
        });
    }
    if state.sent.len() == known {
        return Ok(Finding::CannotTell(
            "its copy did not arrive in the discussion group, which proves nothing: look into the channel yourself".into(),
        ));
    }
    if state.sent.len() == units.len() && (state.pinned || !options.pin) {
        return Ok(Finding::Found(state.receipt()?));
    }
    let note = format!("{} of {} messages sent", state.sent.len(), units.len());
    Ok(Finding::Partial(state.progress(note)?))
}

/// The messages that are this unit, where only one place fits.
fn pick(forwards: &mut Vec<Forward>, unit: &Unit<'_>) -> Option<Vec<i64>> {
    let (text, poll) = match &unit.content {
        Content::Poll(_, question, _) => (question.as_str(), true),
        _ => (unit.text.plain.as_str(), false),
    };
    let wanted = mark(text);
    let fits = |one: &&Forward| one.mark == wanted && one.poll == poll;
    if let Content::Album(items) = &unit.content {
        let mut found: Vec<Vec<i64>> = Vec::new();
        for first in forwards.iter().filter(fits) {
            let Some(album) = &first.album else { continue };
            let of_album = |one: &&Forward| one.album.as_ref() == Some(album);
            let posts: Vec<i64> = forwards
                .iter()
                .filter(of_album)
                .map(|one| one.post)
                .collect();
            if posts.len() == items.len() && !found.contains(&posts) {
                found.push(posts);
            }
        }
        let [only] = &found[..] else { return None };
        forwards.retain(|one| !only.contains(&one.post));
        return Some(only.clone());
    }
    let alone = |one: &&Forward| one.album.is_none();
    let found: Vec<i64> = forwards
        .iter()
        .filter(fits)
        .filter(alone)
        .map(|one| one.post)
        .collect();
    let [only] = found[..] else { return None };
    forwards.retain(|one| one.post != only);
    Some(vec![only])
}

/// Takes the post back, with all that belongs to it. What is gone already is no error.
///
/// # Errors
/// Telegram refused.
pub fn delete(bot: &Bot, receipt: &Receipt) -> Result<()> {
    let kept: Kept = receipt.data()?;
    if kept.messages.is_empty() {
        return Err(Error::invalid("the receipt names no messages"));
    }
    for messages in kept.messages.chunks(DELETED) {
        let parameters = json!({ "chat_id": kept.chat, "message_ids": messages });
        let _: Value = bot.read("deleteMessages", parameters)?;
    }
    if let Some((chat, message)) = kept.comment {
        let parameters = json!({ "chat_id": chat, "message_ids": [message] });
        let _: Value = bot.read("deleteMessages", parameters)?;
    }
    Ok(())
}
