//! What X would refuse, told before anything is sent. The numbers are those of the X API's
//! documents: "Create Post", "Media best practices", "Counting characters".

use jarchi_plugin_sdk::{
    MediaItem, MediaKind, Poll, Post, Problem, Visibility, compose::hashtag, count, options,
};

use crate::api::Settings;
use crate::compose::{self, OPTIONS, Options, Part};

const IMAGES: usize = 4;
const IMAGE_SIZE: u64 = 5 << 20;
const GIF_SIZE: u64 = 15 << 20;
const IMAGE_TYPES: [&str; 3] = ["image/jpeg", "image/png", "image/webp"];
const VIDEO_TYPES: [&str; 2] = ["video/mp4", "video/quicktime"];
/// Milliseconds.
const SHORTEST_VIDEO: u64 = 500;
const LEAST_PIXELS: u32 = 32;
/// Characters.
const ALT: usize = 1000;
const POLL_OPTION: usize = 25;
/// Minutes.
const POLL: std::ops::RangeInclusive<u64> = 5..=7 * 24 * 60;
const TAGGED: usize = 10;

/// What is wrong with a post, and what a person should know.
pub fn check(settings: &Settings, post: &Post) -> Vec<Problem> {
    let mut problems = Vec::new();
    let chosen: Options = options::check(post, &OPTIONS, &mut problems);
    check_options(&chosen, post, &mut problems);
    if let Some(asked) = &settings.reply_settings
        && !["following", "mentionedUsers", "subscribers", "verified"].contains(&asked.as_str())
    {
        problems.push(Problem::error(
            "settings.reply_settings",
            format!("there is no `{asked}`"),
        ));
    }
    let mut linked = false;
    for part in compose::parts(post) {
        let length = count::x::length(&part.text);
        text(settings, &part, length, &mut problems);
        linked |= !count::x::urls(&part.text).is_empty();
        media(settings, &part, &mut problems);
        if let Some(poll) = part.poll {
            check_poll(poll, &mut problems);
        }
    }
    if linked && settings.costs {
        problems.push(Problem::warning(
            "text",
            "pay per use charges more for a post with a link: 0.20 USD instead of 0.015 \
             (April 2026)",
        ));
    }
    others(post, &mut problems);
    problems
}

fn check_options(options: &Options, post: &Post, problems: &mut Vec<Problem>) {
    let mut error = |key: &str, message: String| {
        problems.push(Problem::error(format!("options.{key}"), message));
    };
    let is_id = |id: &str| (1..=19).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_digit());
    for (key, id) in [
        ("reply_to", &options.reply_to),
        ("quote", &options.quote),
        ("community", &options.community),
    ] {
        if id.as_deref().is_some_and(|id| !is_id(id)) {
            error(key, "an identifier is a number of X, as text".into());
        }
    }
    if !options.tagged_users.iter().all(|id| is_id(id)) {
        error("tagged_users", "they are numbers of X, as text".into());
    }
    if options.tagged_users.len() > TAGGED {
        error("tagged_users", format!("X takes {TAGGED}"));
    }
    if !options.tagged_users.is_empty() && post.media.is_empty() {
        error(
            "tagged_users",
            "they are in pictures, and there are none".into(),
        );
    }
    let link = "https://x.com/messages/compose?";
    let older = "https://twitter.com/messages/compose?";
    if let Some(given) = &options.message_link
        && !given.starts_with(link)
        && !given.starts_with(older)
    {
        error("message_link", format!("it begins with {link}"));
    }
    if options.share_with_followers && options.community.is_none() && !options.super_followers_only
    {
        error(
            "share_with_followers",
            "it goes with `community` or `super_followers_only`".into(),
        );
    }
    // One of them is shown below the text.
    let below: Vec<&str> = [
        ("media", !post.media.is_empty()),
        ("poll", post.poll.is_some()),
        ("quote", options.quote.is_some()),
        ("message_link", options.message_link.is_some()),
    ]
    .into_iter()
    .filter_map(|(name, there)| there.then_some(name))
    .collect();
    if below.len() > 1 {
        let place = if post.poll.is_some() {
            "poll"
        } else {
            "options"
        };
        problems.push(Problem::error(
            place,
            format!("X takes one of {} in a post", below.join(", ")),
        ));
    }
    if options.made_with_ai && post.parts().all(|(_, media)| media.is_empty()) {
        problems.push(Problem::warning(
            "options.made_with_ai",
            "it speaks of media, and there are none",
        ));
    }
    if options.quote.is_some() {
        problems.push(Problem::warning(
            "options.quote",
            "X withdrew quotes from self-serve apps in April 2026: others alone can",
        ));
    }
    if options.reply_to.is_some() {
        problems.push(Problem::warning(
            "options.reply_to",
            "self-serve apps may reply only where the author mentioned or quoted the account",
        ));
    }
}

fn text(settings: &Settings, part: &Part<'_>, length: usize, problems: &mut Vec<Problem>) {
    let place = match part.place.as_str() {
        "first-comment" => "first-comment".to_owned(),
        before => format!("{before}text"),
    };
    let mut error = |message: String| problems.push(Problem::error(place.as_str(), message));
    if part.text.trim().is_empty() && part.media.is_empty() {
        error(match part.poll {
            Some(_) => "a poll needs a text".into(),
            None => "there is neither text nor media".into(),
        });
    }
    if length > settings.text {
        let why = match settings.text {
            count::x::LIMIT => "; more is for accounts with Premium (setting `text`)",
            _ => "",
        };
        error(format!(
            "{length} by X's count, with its link and hashtags; the account may {}{why}",
            settings.text
        ));
    }
    if let Some(bad) = part
        .text
        .chars()
        .find(|c| matches!(c, '\u{fffe}' | '\u{feff}' | '\u{ffff}'))
    {
        error(format!("X takes no U+{:04X}", u32::from(bad)));
    }
}

fn media(settings: &Settings, part: &Part<'_>, problems: &mut Vec<Problem>) {
    let place = format!("{}media", part.place);
    let moving = part
        .media
        .iter()
        .filter(|item| item.kind != MediaKind::Image)
        .count();
    if moving > 0 && part.media.len() > 1 {
        problems.push(Problem::error(
            place.as_str(),
            "a GIF or a video stands alone: X takes no other file beside it",
        ));
    } else if part.media.len() > IMAGES {
        problems.push(Problem::error(
            place.as_str(),
            format!("{} files; X takes {IMAGES} in a post", part.media.len()),
        ));
    }
    for (index, item) in part.media.iter().enumerate() {
        file(settings, item, &format!("{place}[{index}]"), problems);
    }
}

fn file(settings: &Settings, item: &MediaItem, place: &str, problems: &mut Vec<Problem>) {
    let name = &item.name;
    let mut error = |message: String| problems.push(Problem::error(place, message));
    let is = |types: &[&str]| {
        types
            .iter()
            .any(|mime| mime.eq_ignore_ascii_case(&item.mime))
    };
    let (taken, most) = match item.kind {
        MediaKind::Image => (is(&IMAGE_TYPES), IMAGE_SIZE),
        MediaKind::Gif => (true, GIF_SIZE),
        MediaKind::Video => (is(&VIDEO_TYPES), settings.video_size),
        MediaKind::Audio | MediaKind::Document => (false, u64::MAX),
    };
    if !taken {
        error(format!("{name}: X takes no {}", item.mime));
    }
    if item.size > most {
        error(format!("{name}: {} bytes; X takes {most}", item.size));
    }
    if item.size == 0 {
        error(format!("{name} is empty"));
    }
    if item.kind == MediaKind::Video {
        video(settings, item, &mut error);
    }
    let alt = item.alt.as_deref().map(str::trim).unwrap_or_default();
    let alt_place = format!("{place}.alt");
    if count::chars(alt) > ALT {
        problems.push(Problem::error(
            alt_place,
            format!("{} characters; X takes {ALT}", count::chars(alt)),
        ));
    } else if alt.is_empty() && item.kind != MediaKind::Video {
        problems.push(Problem::warning(
            alt_place,
            format!("{name} has no alternative text for those who can't see it"),
        ));
    } else if !alt.is_empty() && item.kind == MediaKind::Video {
        problems.push(Problem::warning(
            alt_place,
            "X has alternative texts of pictures and GIFs alone: it is left out",
        ));
    }
}

fn video(settings: &Settings, item: &MediaItem, error: &mut impl FnMut(String)) {
    let name = &item.name;
    if let Some(length) = item.length {
        if length < SHORTEST_VIDEO {
            error(format!(
                "{name}: {length} ms; X takes {SHORTEST_VIDEO} at least"
            ));
        }
        if length > settings.video_seconds * 1000 {
            error(format!(
                "{name}: {} seconds; X takes {}",
                length.div_ceil(1000),
                settings.video_seconds
            ));
        }
    }
    if let (Some(width), Some(height)) = (item.width, item.height) {
        if width < LEAST_PIXELS || height < LEAST_PIXELS {
            error(format!(
                "{name}: {width} × {height} pixels; X takes {LEAST_PIXELS} × {LEAST_PIXELS} at \
                 least"
            ));
        }
        if u64::from(width) > 3 * u64::from(height) || u64::from(height) > 3 * u64::from(width) {
            error(format!(
                "{name}: {width} × {height} pixels; X takes ratios of 1:3 to 3:1"
            ));
        }
    }
}

fn check_poll(poll: &Poll, problems: &mut Vec<Problem>) {
    let mut error = |place: &str, message: String| problems.push(Problem::error(place, message));
    if !(2..=4).contains(&poll.options.len()) {
        error(
            "poll.options",
            format!("{} options; X takes 2 to 4", poll.options.len()),
        );
    }
    for (index, option) in poll.options.iter().enumerate() {
        let place = format!("poll.options[{index}]");
        let length = count::chars(option);
        if option.trim().is_empty() {
            error(&place, "the option is empty".into());
        } else if length > POLL_OPTION {
            error(
                &place,
                format!("{length} characters; X takes {POLL_OPTION}"),
            );
        }
        if poll.options[..index].contains(option) {
            error(&place, format!("`{option}` is there twice"));
        }
    }
    let minutes = poll.open_for / 60_000;
    if !POLL.contains(&minutes) {
        error(
            "poll.open-for",
            format!(
                "{minutes} minutes; X takes {} to {}",
                POLL.start(),
                POLL.end()
            ),
        );
    }
    if poll.multiple {
        error("poll.multiple", "X takes one vote of each person".into());
    }
    if poll.hide_totals {
        problems.push(Problem::warning(
            "poll.hide-totals",
            "X shows the totals to those who voted",
        ));
    }
}

fn others(post: &Post, problems: &mut Vec<Problem>) {
    match post.visibility {
        None | Some(Visibility::Public) => {}
        Some(_) => problems.push(Problem::error(
            "visibility",
            "X has no visibility of a single post: a protected account shows all to its \
             followers alone",
        )),
    }
    if post.content_warning.is_some() {
        problems.push(Problem::warning(
            "content-warning",
            "X has none: it is left out",
        ));
    }
    for (index, tag) in post.hashtags.iter().enumerate() {
        let taken = hashtag(tag);
        let place = format!("hashtags[{index}]");
        if taken.is_empty() {
            problems.push(Problem::warning(
                place,
                format!("`{tag}` has no letter: it is left out"),
            ));
        } else if taken != tag.trim().trim_start_matches(['#', '＃']) {
            problems.push(Problem::warning(place, format!("`{tag}` becomes #{taken}")));
        }
    }
}
