//! The requests that send a unit.

use jarchi_plugin_sdk::{MediaItem, Poll, Post, Result};
use serde_json::{Map, Value, json};

use crate::api::{Bot, Call, Message, Refused};
use crate::options::{Options, Preview};
use crate::plan::{As, Content, Unit};

/// Where a unit goes, and what it answers there.
#[derive(Clone, Debug)]
pub struct To {
    pub chat: Value,
    pub topic: Option<i64>,
    pub answers: Option<i64>,
}

/// Sends a unit: the messages that it became.
///
/// # Errors
/// What Telegram's refusal means.
pub fn send(
    bot: &Bot,
    post: &Post,
    options: &Options,
    unit: &Unit<'_>,
    to: &To,
) -> Result<Vec<Message>, Refused> {
    let mut call = call(bot, post, options, unit);
    call.put("chat_id", to.chat.clone());
    if let Some(topic) = to.topic {
        call.put("message_thread_id", topic);
    }
    if let Some(message) = to.answers {
        call.put("reply_parameters", json!({ "message_id": message }));
    }
    match unit.content {
        Content::Album(_) => bot.commit(call),
        _ => bot.commit(call).map(|message| vec![message]),
    }
}

fn call<'a>(bot: &Bot, post: &Post, options: &Options, unit: &Unit<'a>) -> Call<'a> {
    let mut call = Call::default();
    let covered = options.spoiler || post.sensitive;
    match &unit.content {
        Content::Text => {
            call.method = "sendMessage";
            unit.text.put(&mut call, "text", "parse_mode", "entities");
            let link = post.link.as_ref().filter(|_| unit.place.is_empty());
            let link = link.map(|link| link.url.as_str());
            if let Some(preview) = Preview::to_json(options.link_preview.as_ref(), link) {
                call.put("link_preview_options", preview);
            }
        }
        Content::One(item, shown) => {
            call.method = shown.method();
            caption(&mut call, unit, options, *shown);
            call.fields.extend(about(item, *shown));
            if covered && shown.is_seen() {
                call.put("has_spoiler", true);
            }
            call.files.push((shown.name().to_owned(), item));
        }
        Content::Album(items) => {
            call.method = "sendMediaGroup";
            let mut media = Vec::new();
            for (index, (item, shown)) in items.iter().enumerate() {
                let name = format!("file{index}");
                let mut one = Call::default();
                // The caption of the first is the album's.
                if index == 0 {
                    caption(&mut one, unit, options, *shown);
                }
                one.put("type", shown.name());
                one.put("media", format!("attach://{name}"));
                one.fields.extend(about(item, *shown));
                if covered && shown.is_seen() {
                    one.put("has_spoiler", true);
                }
                media.push(Value::Object(one.fields));
                call.files.push((name, item));
            }
            call.put("media", media);
        }
        Content::Poll(poll, question, media) => {
            call.method = "sendPoll";
            fill_poll(&mut call, poll, question, options);
            if !unit.text.is_empty() {
                unit.text.put(
                    &mut call,
                    "description",
                    "description_parse_mode",
                    "description_entities",
                );
            }
            if let Some((item, shown)) = media {
                let mut one = about(item, *shown);
                one.insert("type".into(), shown.name().into());
                one.insert("media".into(), "attach://file0".into());
                call.put("media", Value::Object(one));
                call.files.push(("file0".to_owned(), item));
            }
        }
    }
    for (name, set) in [
        (
            "disable_notification",
            options.silent.unwrap_or(bot.settings.silent),
        ),
        (
            "protect_content",
            options.protect.unwrap_or(bot.settings.protect),
        ),
    ] {
        if set {
            call.put(name, true);
        }
    }
    if unit.buttons {
        let rows: Vec<Vec<Value>> = options
            .buttons
            .iter()
            .map(|row| row.iter().map(crate::options::Button::to_json).collect())
            .collect();
        call.put("reply_markup", json!({ "inline_keyboard": rows }));
    }
    call
}

fn caption(call: &mut Call<'_>, unit: &Unit<'_>, options: &Options, shown: As) {
    if unit.text.is_empty() {
        return;
    }
    unit.text
        .put(call, "caption", "parse_mode", "caption_entities");
    if options.caption_above && shown.is_seen() {
        call.put("show_caption_above_media", true);
    }
}

/// What is known of a file and shown before it is there.
fn about(item: &MediaItem, shown: As) -> Map<String, Value> {
    let mut about = Map::new();
    if let (As::Video | As::Animation, Some(width), Some(height)) = (shown, item.width, item.height)
    {
        about.insert("width".into(), width.into());
        about.insert("height".into(), height.into());
    }
    if let (As::Video | As::Animation | As::Audio, Some(length)) = (shown, item.length) {
        about.insert("duration".into(), length.div_ceil(1000).into());
    }
    if shown == As::Video {
        about.insert("supports_streaming".into(), true.into());
    }
    about
}

fn fill_poll(call: &mut Call<'_>, poll: &Poll, question: &str, options: &Options) {
    call.put("question", question);
    let answers: Vec<Value> = poll
        .options
        .iter()
        .map(|text| json!({ "text": text }))
        .collect();
    call.put("options", answers);
    call.put("open_period", poll.open_for / 1000);
    if poll.multiple {
        call.put("allows_multiple_answers", true);
    }
    if poll.hide_totals {
        call.put("hide_results_until_closes", true);
    }
    for (name, value) in [
        ("is_anonymous", options.anonymous),
        ("shuffle_options", options.shuffle),
        ("allows_revoting", options.revote),
    ] {
        if let Some(value) = value {
            call.put(name, value);
        }
    }
    if let Some(quiz) = &options.quiz {
        let mut correct = quiz.correct.clone();
        correct.sort_unstable();
        correct.dedup();
        call.put("type", "quiz");
        call.put("correct_option_ids", correct);
        if let Some(explanation) = &quiz.explanation {
            call.put("explanation", explanation.as_str());
        }
    }
}
