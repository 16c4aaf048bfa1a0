//! What Telegram would refuse, told before anything is sent.

use jarchi_plugin_sdk::{
    Error, MediaItem, Poll, Post, Problem, Result, Visibility, compose, count, options,
};
use serde::Deserialize;
use serde_json::json;

use crate::api::{Bot, ChatKind};
use crate::options::{KNOWN, Options};
use crate::plan::{self, ALBUM, As, CAPTION, Content, QUESTION, TEXT, Unit};

/// Bytes of a photo, and the sum of its sides and their ratio ("sendPhoto").
const PHOTO: u64 = 10 << 20;
const SIDES: u64 = 10_000;
const RATIO: u64 = 20;
/// Of a poll ("sendPoll"): options, characters of one, seconds that it is open, and
/// characters of a quiz' explanation.
const POLL_OPTIONS: usize = 12;
const POLL_OPTION: usize = 100;
const POLL_OPEN: (u64, u64) = (5, 2_628_000);
const EXPLANATION: usize = 200;
/// Characters of a text that a button copies ("CopyTextButton").
const COPY: usize = 256;

/// The problems of a post.
///
/// # Errors
/// Telegram refused to tell of the chat.
pub fn check(bot: &Bot, post: &Post) -> Result<Vec<Problem>> {
    let mut problems = Vec::new();
    let options: Options = options::check(post, &KNOWN, &mut problems);
    match plan::units(post, &options) {
        Ok(units) => {
            for unit in &units {
                check_unit(bot, unit, &mut problems);
            }
            check_options(post, &options, &units, &mut problems);
        }
        Err((place, why)) => problems.push(Problem::error(place, why)),
    }
    for (index, tag) in post.hashtags.iter().enumerate() {
        if compose::hashtag(tag).is_empty() {
            problems.push(Problem::warning(
                format!("hashtags[{index}]"),
                format!("`{tag}` has no letter: it is left out"),
            ));
        }
    }
    if matches!(
        post.visibility,
        Some(Visibility::Followers | Visibility::Direct)
    ) {
        problems.push(Problem::warning(
            "visibility",
            "a chat's messages are for everybody in it: Telegram knows no narrower circle",
        ));
    }
    check_chat(bot, post, &options, &mut problems)?;
    Ok(problems)
}

fn check_unit(bot: &Bot, unit: &Unit<'_>, problems: &mut Vec<Problem>) {
    let place = match unit.place.as_str() {
        "first-comment" => "first-comment".to_owned(),
        before => format!("{before}text"),
    };
    let mut error = |place: &str, message: String| problems.push(Problem::error(place, message));
    let (length, limit) = (
        unit.text.length(),
        match unit.content {
            Content::Text => TEXT,
            _ => CAPTION,
        },
    );
    if length > limit {
        error(
            &place,
            format!("{length} characters; Telegram takes {limit}"),
        );
    }
    match &unit.content {
        Content::Text if unit.text.is_empty() => {
            error(&place, "there is neither text nor media".to_owned());
        }
        Content::Text => {}
        Content::One(item, shown) => file(
            bot,
            item,
            *shown,
            &format!("{}media[0]", unit.place),
            problems,
        ),
        Content::Album(items) => album(bot, items, &format!("{}media", unit.place), problems),
        Content::Poll(poll, question, media) => {
            check_poll(poll, question, problems);
            if let Some((item, shown)) = media {
                file(bot, item, *shown, "media[0]", problems);
            }
        }
    }
}

fn album(bot: &Bot, items: &[(&MediaItem, As)], place: &str, problems: &mut Vec<Problem>) {
    if items.len() > ALBUM {
        problems.push(Problem::error(
            place,
            format!("{} files; an album takes {ALBUM}", items.len()),
        ));
    }
    let all = |kinds: &[As]| items.iter().all(|(_, shown)| kinds.contains(shown));
    if !all(&[As::Photo, As::Video]) && !all(&[As::Document]) && !all(&[As::Audio]) {
        problems.push(Problem::error(
            place,
            "an album is of photos and MPEG-4 videos, of documents alone, or of audio files alone: `as_document` makes documents of all",
        ));
    }
    for (index, (item, shown)) in items.iter().enumerate() {
        file(bot, item, *shown, &format!("{place}[{index}]"), problems);
    }
}

fn file(bot: &Bot, item: &MediaItem, shown: As, place: &str, problems: &mut Vec<Problem>) {
    let name = &item.name;
    let mut error = |message: String| problems.push(Problem::error(place, message));
    let limit = match shown {
        As::Photo => PHOTO.min(bot.settings.upload_limit),
        _ => bot.settings.upload_limit,
    };
    if item.size > limit {
        error(format!(
            "{name}: {} bytes; Telegram takes {limit}",
            item.size
        ));
    }
    if item.size == 0 {
        error(format!("{name} is empty"));
    }
    if let (As::Photo, Some(width), Some(height)) = (shown, item.width, item.height) {
        let (width, height) = (u64::from(width), u64::from(height));
        if width + height > SIDES {
            error(format!(
                "{name}: {width} and {height} pixels; together they may be {SIDES}. `as_document` sends it as it is"
            ));
        }
        if width.max(height) > RATIO * width.min(height) {
            error(format!(
                "{name}: {width} × {height} pixels; one side may be {RATIO} times the other"
            ));
        }
    }
}

fn check_poll(poll: &Poll, question: &str, problems: &mut Vec<Problem>) {
    let mut error = |place: &str, message: String| problems.push(Problem::error(place, message));
    match count::utf16(question.trim()) {
        0 => error("text", "a poll needs a question".to_owned()),
        1..=QUESTION => {}
        length => error(
            "text",
            format!(
                "{length} characters; a poll's question takes {QUESTION}: give it as `options.telegram.question`, and the text becomes its description"
            ),
        ),
    }
    let options = poll.options.len();
    if !(1..=POLL_OPTIONS).contains(&options) {
        error(
            "poll.options",
            format!("{options} options; Telegram takes 1 to {POLL_OPTIONS}"),
        );
    }
    for (index, option) in poll.options.iter().enumerate() {
        let place = format!("poll.options[{index}]");
        match count::utf16(option.trim()) {
            0 => error(&place, "the option is empty".to_owned()),
            1..=POLL_OPTION => {}
            length => error(
                &place,
                format!("{length} characters; Telegram takes {POLL_OPTION}"),
            ),
        }
        if poll.options[..index].contains(option) {
            error(&place, format!("`{option}` is there twice"));
        }
    }
    let (seconds, (least, most)) = (poll.open_for / 1000, POLL_OPEN);
    if !(least..=most).contains(&seconds) {
        error(
            "poll.open-for",
            format!("{seconds} seconds; Telegram takes {least} to {most}"),
        );
    }
}

fn check_options(post: &Post, options: &Options, units: &[Unit<'_>], problems: &mut Vec<Problem>) {
    let mut error = |place: &str, message: String| {
        problems.push(Problem::error(format!("options.{place}"), message));
    };
    if !options.buttons.is_empty() && !units.iter().any(|unit| unit.buttons) {
        error("buttons", "an album has no place for buttons".to_owned());
    }
    for (index, button) in options.buttons.iter().flatten().enumerate() {
        let place = format!("buttons[{index}]");
        if button.text.trim().is_empty() {
            error(&place, "the button has no text".to_owned());
        }
        match (&button.url, &button.copy) {
            (Some(url), None)
                if !["https://", "http://", "tg://"]
                    .iter()
                    .any(|start| url.starts_with(start)) =>
            {
                error(&place, format!("`{url}` is no address that a button opens"));
            }
            (None, Some(copy)) if !(1..=COPY).contains(&count::utf16(copy)) => {
                error(&place, format!("a text to copy has 1 to {COPY} characters"));
            }
            (Some(_), None) | (None, Some(_)) => {}
            _ => error(
                &place,
                "a button has a `url` to open or a text to `copy`".to_owned(),
            ),
        }
    }
    let Some(poll) = &post.poll else {
        for (name, given) in [
            ("question", options.question.is_some()),
            ("quiz", options.quiz.is_some()),
            ("anonymous", options.anonymous.is_some()),
            ("shuffle", options.shuffle.is_some()),
            ("revote", options.revote.is_some()),
        ] {
            if given {
                error(name, "the post has no poll".to_owned());
            }
        }
        return;
    };
    if let Some(quiz) = &options.quiz {
        if quiz.correct.is_empty() || quiz.correct.iter().any(|at| *at >= poll.options.len()) {
            error(
                "quiz.correct",
                "name the right options by their numbers, from 0".to_owned(),
            );
        }
        if quiz.correct.len() > 1 && !poll.multiple {
            error(
                "quiz.correct",
                "several answers are right only in a poll that takes several".to_owned(),
            );
        }
        let explanation = quiz.explanation.as_deref().unwrap_or_default();
        if count::utf16(explanation) > EXPLANATION || explanation.matches('\n').count() > 2 {
            error(
                "quiz.explanation",
                format!("Telegram takes {EXPLANATION} characters in three lines"),
            );
        }
    }
    if post.media.len() > 1 {
        problems.push(Problem::error(
            "media",
            format!("{} files; a poll takes one", post.media.len()),
        ));
    }
}

#[derive(Deserialize)]
struct Webhook {
    #[serde(default)]
    url: String,
}

fn check_chat(
    bot: &Bot,
    post: &Post,
    options: &Options,
    problems: &mut Vec<Problem>,
) -> Result<()> {
    let anonymous = options.anonymous == Some(false);
    if post.first_comment.is_none() && !anonymous && options.topic.is_none() {
        return Ok(());
    }
    let info = match bot.about_chat() {
        Ok(info) => info,
        Err(Error::Invalid(why) | Error::Unauthorized(why)) => {
            problems.push(Problem::error("account", why));
            return Ok(());
        }
        Err(other) => return Err(other),
    };
    let channel = info.chat.kind == ChatKind::Channel;
    let mut error = |place: &str, message: &str| problems.push(Problem::error(place, message));
    if channel && anonymous {
        error("options.anonymous", "in a channel every poll is anonymous");
    }
    if options.topic.is_some() && !info.is_forum {
        error("options.topic", "the chat has no topics");
    }
    if post.first_comment.is_none() || !channel {
        return Ok(());
    }
    if info.linked_chat_id.is_none() {
        error(
            "first-comment",
            "the channel has no discussion group: comments need one",
        );
    } else if !bot.settings.updates {
        error(
            "first-comment",
            "a comment answers the post's copy in the discussion group, which only the bot's updates show: `updates` is false",
        );
    } else {
        let webhook: Webhook = bot.read("getWebhookInfo", json!({}))?;
        if !webhook.url.is_empty() {
            error(
                "first-comment",
                "another program gets this bot's updates by a webhook, and only they show where a comment goes",
            );
        }
    }
    Ok(())
}
