//! What Facebook would refuse, told before anything is sent.
//!
//! Sources: "Page Feed", "Page Photos", "Page Videos", "Reels Publishing" and "Stories API"; where they
//! tell no limit, what other clients met.

use jarchi_plugin_sdk::{
    MediaItem, MediaKind, Millis, Post, Problem, Timestamp, clock, count, options,
};

use crate::plan::{OPTIONS, Options};

const TEXT: usize = 63_206;
const PHOTOS: usize = 10;
const PHOTO: u64 = 10 << 20;
const VIDEO: u64 = 10 << 30;
const TITLE: usize = 255;
/// Milliseconds.
const VIDEO_LENGTH: u64 = 4 * 60 * 60 * 1000;
const REEL: std::ops::RangeInclusive<u64> = 3_000..=90_000;
const REEL_SIDES: (u32, u32) = (540, 960);
/// Milliseconds ("Stories API").
const STORY: std::ops::RangeInclusive<u64> = 3_000..=60_000;
/// From now on ("Page Feed", `scheduled_publish_time`).
pub const PLANNED: std::ops::RangeInclusive<Millis> = 10 * 60 * 1000..=30 * 24 * 60 * 60 * 1000;

pub fn check(post: &Post) -> Vec<Problem> {
    let mut problems = Vec::new();
    let options: Options = options::check(post, &OPTIONS, &mut problems);
    let text = jarchi_plugin_sdk::compose::whole_text(post);
    if text.is_empty() && post.media.is_empty() {
        problems.push(Problem::error("text", "the post is empty"));
    }
    let length = count::chars(&text);
    if length > TEXT {
        let message = format!("{length} characters; Facebook takes {TEXT}");
        problems.push(Problem::error("text", message));
    }
    files(post, &options, &mut problems);
    story(post, &options, &mut problems);
    match options.planned() {
        Ok(Some(moment)) => {
            if let Err(message) = in_time(moment) {
                problems.push(Problem::error("options.schedule", message));
            }
            if post.first_comment.is_some() {
                let message = "a post that is not out yet takes no comment";
                problems.push(Problem::error("first-comment", message));
            }
        }
        Ok(None) => {}
        Err(error) => problems.push(Problem::error("options.schedule", error.reason())),
    }
    let title = options.title.as_deref().map_or(0, count::chars);
    if title > TITLE {
        let message = format!("{title} characters; Facebook takes {TITLE}");
        problems.push(Problem::error("options.title", message));
    }
    if post.poll.is_some() {
        problems.push(Problem::error("poll", "Pages have no polls in the API"));
    }
    for index in 0..post.thread.len() {
        let message = "Facebook has no threads; a first comment can follow";
        problems.push(Problem::error(format!("thread[{index}]"), message));
    }
    if post.first_comment.as_deref().map(str::trim) == Some("") {
        problems.push(Problem::error("first-comment", "it is empty"));
    }
    if post.content_warning.is_some() || post.sensitive {
        let message = "Facebook has no content warnings: the post shows everything";
        problems.push(Problem::warning("content-warning", message));
    }
    let card = post.link.as_ref().is_some_and(|link| {
        link.title.is_some() || link.description.is_some() || link.thumbnail.is_some()
    });
    if card {
        let message = "Facebook makes the card itself, of the page that the link leads to";
        problems.push(Problem::warning("link", message));
    }
    problems
}

/// Whether Facebook takes a planned time now.
pub fn in_time(moment: Timestamp) -> Result<(), String> {
    match PLANNED.contains(&moment.saturating_sub(clock::now())) {
        true => Ok(()),
        false => Err("Facebook publishes by itself 10 minutes to 30 days from now".into()),
    }
}

fn story(post: &Post, options: &Options, problems: &mut Vec<Problem>) {
    if !options.story {
        return;
    }
    let mut error = |place: &str, words: &str| problems.push(Problem::error(place, words));
    if options.reel {
        error("options.story", "a post is a reel or a story");
    }
    if post.media.len() != 1 {
        error("media", "a story is one photo or one video");
    }
    if options.schedule.is_some() {
        error("options.schedule", "Facebook's API schedules no stories");
    }
    if post.first_comment.is_some() {
        error("first-comment", "a story takes no comments");
    }
    if !jarchi_plugin_sdk::compose::whole_text(post).is_empty() || options.title.is_some() {
        let message = "a story shows no text, link or hashtags";
        problems.push(Problem::warning("text", message));
    }
}

fn files(post: &Post, options: &Options, problems: &mut Vec<Problem>) {
    let videos = |item: &&MediaItem| item.kind == MediaKind::Video;
    let count = post.media.iter().filter(videos).count();
    if count > 0 && post.media.len() > 1 {
        let message = "one video alone, or photos";
        problems.push(Problem::error("media", message));
    } else if post.media.len() > PHOTOS {
        let message = format!("{} photos; Facebook takes {PHOTOS}", post.media.len());
        problems.push(Problem::error("media", message));
    }
    if options.reel && count == 0 {
        problems.push(Problem::error("options.reel", "a reel is made of a video"));
    }
    for (index, item) in post.media.iter().enumerate() {
        let place = format!("media[{index}]");
        let name = &item.name;
        let known = match item.kind {
            MediaKind::Image | MediaKind::Gif => {
                matches!(
                    item.mime.as_str(),
                    "image/jpeg" | "image/png" | "image/gif" | "image/webp"
                ) && !(options.story && item.mime == "image/webp")
            }
            MediaKind::Video => matches!(item.mime.as_str(), "video/mp4" | "video/quicktime"),
            MediaKind::Audio | MediaKind::Document => false,
        };
        if !known {
            let message = format!("{name}: Facebook takes no {}", item.mime);
            problems.push(Problem::error(place, message));
            continue;
        }
        let is_video = item.kind == MediaKind::Video;
        let most = if is_video { VIDEO } else { PHOTO };
        if item.size > most {
            let message = format!("{name}: {} bytes; Facebook takes {most}", item.size);
            problems.push(Problem::error(place.as_str(), message));
        }
        if item.size == 0 {
            problems.push(Problem::error(place.as_str(), format!("{name} is empty")));
        }
        if !is_video {
            if item.alt.as_deref().is_none_or(|alt| alt.trim().is_empty()) {
                let message = format!("{name} has no alternative text");
                problems.push(Problem::warning(format!("{place}.alt"), message));
            }
            continue;
        }
        let length = item.length;
        if options.reel || options.story {
            let (what, lasts) = match options.story {
                true => ("story", STORY),
                false => ("reel", REEL),
            };
            if length.is_some_and(|length| !lasts.contains(&length)) {
                let most = lasts.end() / 1000;
                let message = format!("{name}: a {what} lasts 3 to {most} seconds");
                problems.push(Problem::error(place.as_str(), message));
            }
            let sides = item.width.zip(item.height);
            if sides.is_some_and(|(width, height)| width < REEL_SIDES.0 || height < REEL_SIDES.1) {
                let message = format!("{name}: a {what} has at least 540 × 960 pixels");
                problems.push(Problem::error(place.as_str(), message));
            }
        } else if length.is_some_and(|length| length > VIDEO_LENGTH) {
            let message = format!("{name}: a video lasts 4 hours at most");
            problems.push(Problem::error(place.as_str(), message));
        }
    }
}
