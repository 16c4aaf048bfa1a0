//! What Facebook would refuse, told before anything is sent.
//!
//! Sources: "Page Feed", "Page Photos", "Page Videos" and "Reels Publishing"; where they
//! tell no limit, what other clients met.

use jarchi_plugin_sdk::{MediaItem, MediaKind, Post, Problem, count, options};

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
            MediaKind::Image | MediaKind::Gif => matches!(
                item.mime.as_str(),
                "image/jpeg" | "image/png" | "image/gif" | "image/webp"
            ),
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
        if options.reel {
            if length.is_some_and(|length| !REEL.contains(&length)) {
                let message = format!("{name}: a reel lasts 3 to 90 seconds");
                problems.push(Problem::error(place.as_str(), message));
            }
            let sides = item.width.zip(item.height);
            if sides.is_some_and(|(width, height)| width < REEL_SIDES.0 || height < REEL_SIDES.1) {
                let message = format!("{name}: a reel has at least 540 × 960 pixels");
                problems.push(Problem::error(place.as_str(), message));
            }
        } else if length.is_some_and(|length| length > VIDEO_LENGTH) {
            let message = format!("{name}: a video lasts 4 hours at most");
            problems.push(Problem::error(place.as_str(), message));
        }
    }
}
