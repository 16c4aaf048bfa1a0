//! What LinkedIn would refuse or do otherwise, told before anything is sent.

use jarchi_plugin_sdk::{
    MediaItem, MediaKind, Poll, Post, Problem, Result, Visibility, count, options,
};

use crate::api::Api;
use crate::little;
use crate::plan::{self, Kind, Room};
use crate::settings::{Audience, OPTIONS, Options};

/// The most characters of a post (Posts API).
pub const TEXT: usize = 3000;
/// Of a comment (what the site takes).
pub const COMMENT: usize = 1250;
/// Of an alternative text (MultiImage API).
pub const ALT: usize = 4086;
/// Pictures in one post (MultiImage API).
pub const PICTURES: usize = 20;
/// Pixels of one picture (Images API).
const PIXELS: u64 = 36_152_320;
/// Bytes and milliseconds of a video (Videos API).
const VIDEO_SIZES: (u64, u64) = (75_000, 500_000_000);
const VIDEO_LENGTHS: (u64, u64) = (3_000, 30 * 60_000);
/// Bytes of a document (Documents API).
const DOCUMENT: u64 = 100_000_000;
/// Characters of one of a poll's options.
const OPTION: usize = 30;

const PICTURE_TYPES: [&str; 3] = ["image/jpeg", "image/png", "image/gif"];
const DOCUMENT_TYPES: [&str; 5] = [
    "application/pdf",
    "application/msword",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.ms-powerpoint",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
];

/// The problems of a post.
///
/// # Errors
/// `Invalid`: the account chooses no author.
pub fn check(api: &Api, post: &Post) -> Result<Vec<Problem>> {
    api.author()?;
    let mut problems = Vec::new();
    let options: Options = options::check(post, &OPTIONS, &mut problems);
    let kind = plan::kind(post, &options);
    text(post, kind, &options, &mut problems);
    audience(api, post, &options, &mut problems);
    media(post, &mut problems);
    link(post, kind, &mut problems);
    if let Some(poll) = &post.poll {
        check_poll(post, poll, &options, &mut problems);
    }
    if let Some(parent) = &options.reshare_of {
        reshare(post, parent, &mut problems);
    }
    rest(post, &mut problems);
    Ok(problems)
}

fn text(post: &Post, kind: Kind, options: &Options, problems: &mut Vec<Problem>) {
    let words = plan::words(post, kind, options);
    let length = count::utf16(&words);
    if length > TEXT {
        problems.push(Problem::error(
            "text",
            format!("{length} characters with its link and hashtags; LinkedIn takes {TEXT}, and cuts what is longer"),
        ));
    }
    if words.trim().is_empty() && kind == Kind::Text {
        problems.push(Problem::error("text", "there is nothing to say"));
    }
    if let Some(comment) = &post.first_comment {
        let length = count::utf16(comment);
        if comment.trim().is_empty() {
            problems.push(Problem::error("first-comment", "it is empty"));
        } else if length > COMMENT {
            problems.push(Problem::error(
                "first-comment",
                format!("{length} characters; LinkedIn takes {COMMENT} in a comment"),
            ));
        }
    }
    for (index, mention) in post.mentions.iter().enumerate() {
        if little::mentionable(mention).is_none() {
            problems.push(Problem::warning(
                format!("mentions[{index}]"),
                format!(
                    "`{}` stays a word: LinkedIn links who is named by a URN, as urn:li:organization:1337",
                    mention.handle
                ),
            ));
        }
    }
}

fn audience(api: &Api, post: &Post, options: &Options, problems: &mut Vec<Problem>) {
    match post.visibility {
        Some(Visibility::Unlisted) => problems.push(Problem::error(
            "visibility",
            "LinkedIn has no unlisted posts; a Page's post is kept out of feeds by `options.linkedin.feed = false`",
        )),
        Some(Visibility::Direct) => problems.push(Problem::error(
            "visibility",
            "LinkedIn has no posts for single people",
        )),
        _ => {}
    }
    let narrow = options.visibility.or(match post.visibility {
        Some(Visibility::Followers) => Some(Audience::Connections),
        Some(_) => None,
        None => api.settings.visibility,
    });
    if api.is_page() && narrow == Some(Audience::Connections) {
        problems.push(Problem::error(
            "visibility",
            "a Page has no connections: its posts are public",
        ));
    }
    if !api.is_page() && options.feed == Some(false) {
        problems.push(Problem::error(
            "options.feed",
            "only a Page's posts can be kept out of feeds",
        ));
    }
}

fn media(post: &Post, problems: &mut Vec<Problem>) {
    let mut error = |message: String| problems.push(Problem::error("media", message));
    if post.media.len() > PICTURES {
        error(format!(
            "{} files; LinkedIn takes {PICTURES} pictures in a post",
            post.media.len()
        ));
    }
    let alone = |item: &&MediaItem| Room::of(item.kind) != Some(Room::Images);
    if post.media.len() > 1
        && let Some(item) = post.media.iter().find(alone)
    {
        error(format!("a {} stands alone on LinkedIn", item.kind.name()));
    }
    for (index, item) in post.media.iter().enumerate() {
        file(item, &format!("media[{index}]"), problems);
    }
}

fn file(item: &MediaItem, place: &str, problems: &mut Vec<Problem>) {
    let name = &item.name;
    let mut error = |message: String| problems.push(Problem::error(place, message));
    let mime = item.mime.as_str();
    match item.kind {
        MediaKind::Audio => error(format!("{name}: LinkedIn takes no audio files")),
        MediaKind::Image | MediaKind::Gif => {
            if !PICTURE_TYPES.contains(&mime) {
                error(format!("{name}: {mime}; LinkedIn takes JPEG, PNG and GIF"));
            }
            if let (Some(width), Some(height)) = (item.width, item.height)
                && u64::from(width) * u64::from(height) > PIXELS
            {
                error(format!(
                    "{name}: {width} × {height} pixels; LinkedIn takes {PIXELS} in all"
                ));
            }
            alt_text(item, place, problems);
        }
        MediaKind::Video => {
            if mime != "video/mp4" {
                error(format!("{name}: {mime}; LinkedIn takes MP4"));
            }
            let (least, most) = VIDEO_SIZES;
            if item.size < least || item.size > most {
                error(format!(
                    "{name}: {} bytes; LinkedIn takes {least} to {most}",
                    item.size
                ));
            }
            let (least, most) = VIDEO_LENGTHS;
            if let Some(length) = item.length
                && !(least..=most).contains(&length)
            {
                error(format!(
                    "{name}: {} s; LinkedIn takes 3 s to 30 min",
                    length / 1000
                ));
            }
        }
        MediaKind::Document => {
            if !DOCUMENT_TYPES.contains(&mime) {
                error(format!(
                    "{name}: {mime}; LinkedIn takes PDF, Word and PowerPoint"
                ));
            }
            if item.size > DOCUMENT {
                error(format!(
                    "{name}: {} bytes; LinkedIn takes {DOCUMENT}",
                    item.size
                ));
            }
        }
    }
}

fn alt_text(item: &MediaItem, place: &str, problems: &mut Vec<Problem>) {
    let place = format!("{place}.alt");
    match item.alt.as_deref().map(str::trim) {
        None | Some("") => problems.push(Problem::warning(
            place,
            format!(
                "{} has no alternative text for those who can't see it",
                item.name
            ),
        )),
        Some(alt) if count::utf16(alt) > ALT => problems.push(Problem::error(
            place,
            format!("{} characters; LinkedIn takes {ALT}", count::utf16(alt)),
        )),
        Some(_) => {}
    }
}

fn link(post: &Post, kind: Kind, problems: &mut Vec<Problem>) {
    let Some(link) = &post.link else { return };
    if kind == Kind::Article {
        if let Some(title) = link.title.as_deref()
            && count::utf16(title) > 400
        {
            problems.push(Problem::error(
                "link.title",
                "LinkedIn takes 400 characters",
            ));
        }
        match &link.thumbnail {
            Some(item) if Room::of(item.kind) != Some(Room::Images) => {
                problems.push(Problem::error("link.thumbnail", "it is no picture"));
            }
            Some(item) => file(item, "link.thumbnail", problems),
            None => {}
        }
    } else if kind == Kind::Text {
        problems.push(Problem::warning(
            "link.title",
            "without a title the link is shown as words: LinkedIn reads nothing off the page",
        ));
    }
}

fn check_poll(post: &Post, poll: &Poll, options: &Options, problems: &mut Vec<Problem>) {
    let mut error = |place: &str, message: String| problems.push(Problem::error(place, message));
    let (question, _) = plan::question(&post.text, options);
    let length = count::utf16(question);
    if length == 0 || length > plan::QUESTION {
        error(
            "text",
            format!(
                "the question (`options.linkedin.question`, else the text's first line) has {length} characters; LinkedIn takes 1 to {}",
                plan::QUESTION
            ),
        );
    }
    if !(2..=4).contains(&poll.options.len()) {
        error(
            "poll.options",
            format!("{} options; LinkedIn takes 2 to 4", poll.options.len()),
        );
    }
    for (index, option) in poll.options.iter().enumerate() {
        let length = count::utf16(option.trim());
        if length == 0 || length > OPTION {
            error(
                &format!("poll.options[{index}]"),
                format!("{length} characters; LinkedIn takes 1 to {OPTION}"),
            );
        }
    }
    if poll.multiple {
        error(
            "poll.multiple",
            "LinkedIn takes one answer of everybody".into(),
        );
    }
    if !post.media.is_empty() {
        error("poll", "LinkedIn takes a poll or media, not both".into());
    }
    match plan::duration(poll.open_for) {
        None => error(
            "poll.open-for",
            "LinkedIn keeps a poll open for 14 days at most".into(),
        ),
        Some(name) if !plan::DURATIONS.contains(&(poll.open_for, name)) => {
            problems.push(Problem::warning(
                "poll.open-for",
                format!(
                    "it becomes {}: LinkedIn has 1, 3, 7 and 14 days",
                    name.to_lowercase().replace('_', " ")
                ),
            ));
        }
        Some(_) => {}
    }
    if poll.hide_totals {
        problems.push(Problem::warning(
            "poll.hide-totals",
            "LinkedIn shows them to who voted",
        ));
    }
}

fn reshare(post: &Post, parent: &str, problems: &mut Vec<Problem>) {
    if !["urn:li:share:", "urn:li:ugcPost:"]
        .iter()
        .any(|kind| parent.starts_with(kind))
    {
        problems.push(Problem::error(
            "options.reshare_of",
            format!("`{parent}` names no post; it is urn:li:share:ID or urn:li:ugcPost:ID"),
        ));
    }
    if !post.media.is_empty() || post.poll.is_some() {
        problems.push(Problem::error(
            "options.reshare_of",
            "a reshare has words of its own, and neither media nor a poll",
        ));
    }
}

fn rest(post: &Post, problems: &mut Vec<Problem>) {
    if !post.thread.is_empty() {
        problems.push(Problem::error(
            "thread",
            "LinkedIn has no threads; one further part can be the first comment",
        ));
    }
    if post.content_warning.is_some() || post.sensitive {
        problems.push(Problem::warning(
            "content-warning",
            "LinkedIn has no content warnings: it is not shown",
        ));
    }
}
