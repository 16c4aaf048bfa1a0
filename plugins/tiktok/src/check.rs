//! What TikTok would refuse, told before anything is sent ("Direct Post", "Photo Post",
//! "Media Transfer Guide").

use jarchi_plugin_sdk::{MediaItem, MediaKind, Post, Problem, compose, count, options};

use crate::api::Settings;
use crate::plan::{OPTIONS, Options};

/// UTF-16 units.
const VIDEO_TEXT: usize = 2_200;
const PHOTO_TEXT: usize = 4_000;
const TITLE: usize = 90;
const PHOTOS: usize = 35;
const PHOTO: u64 = 20 << 20;
const VIDEO: u64 = 4 << 30;
const SIDES: std::ops::RangeInclusive<u32> = 360..=4096;

pub fn check(settings: &Settings, post: &Post) -> Vec<Problem> {
    let mut problems = Vec::new();
    let options: Options = options::check(post, &OPTIONS, &mut problems);
    let is_video = |item: &MediaItem| item.kind == MediaKind::Video;
    let videos = post.media.iter().filter(|item| is_video(item)).count();
    let mut error = |place: &str, message: String| problems.push(Problem::error(place, message));
    if post.media.is_empty() {
        error(
            "media",
            "TikTok takes a video or photos, and no text alone".into(),
        );
    } else if videos > 0 && post.media.len() > 1 {
        error("media", "one video alone, or photos".into());
    } else if post.media.len() > PHOTOS {
        let message = format!("{} photos; TikTok takes {PHOTOS}", post.media.len());
        error("media", message);
    }
    let length = count::utf16(&compose::whole_text(post));
    let most = if videos > 0 { VIDEO_TEXT } else { PHOTO_TEXT };
    if length > most {
        error(
            "text",
            format!("{length} UTF-16 units; TikTok takes {most}"),
        );
    }
    let title = options.title.as_deref().map_or(0, count::utf16);
    if title > TITLE {
        error(
            "options.title",
            format!("{title} UTF-16 units; TikTok takes {TITLE}"),
        );
    }
    if options.cover_photo >= post.media.len().max(1) {
        error(
            "options.cover_photo",
            "there is no photo of that number".into(),
        );
    }
    if post.poll.is_some() {
        error("poll", "TikTok's API has no polls".into());
    }
    if !post.thread.is_empty() {
        error("thread", "TikTok has no threads".into());
    }
    if post.first_comment.is_some() {
        error("first-comment", "TikTok's API can't comment".into());
    }
    for (index, item) in post.media.iter().enumerate() {
        file(&format!("media[{index}]"), item, &mut error);
    }
    let draft = options.draft.unwrap_or(settings.draft);
    if draft && !post.text.trim().is_empty() && videos > 0 {
        let message = "a video that becomes a draft takes no text along: it is written in the app";
        problems.push(Problem::warning("text", message));
    }
    let disclosed = options.made_with_ai && (draft || videos == 0)
        || draft && (options.brand_content || options.own_brand);
    if disclosed {
        let message = "TikTok takes this disclosure of videos that are posted at once, and of \
                       photos only that of a brand: make it in the app";
        problems.push(Problem::warning("options", message));
    }
    if post.content_warning.is_some() || post.sensitive {
        let message = "TikTok has no content warnings: the post shows everything";
        problems.push(Problem::warning("content-warning", message));
    }
    let described = |item: &&MediaItem| item.alt.is_some() && !is_video(item);
    if post.media.iter().any(|item| described(&item)) {
        let message = "TikTok's API takes no alternative texts: they are left out";
        problems.push(Problem::warning("media", message));
    }
    problems
}

fn file(place: &str, item: &MediaItem, error: &mut impl FnMut(&str, String)) {
    let name = &item.name;
    let is_video = item.kind == MediaKind::Video;
    let known = match item.kind {
        MediaKind::Video => matches!(
            item.mime.as_str(),
            "video/mp4" | "video/quicktime" | "video/webm"
        ),
        _ => matches!(item.mime.as_str(), "image/jpeg" | "image/webp"),
    };
    if !known {
        return error(place, format!("{name}: TikTok takes no {}", item.mime));
    }
    let most = if is_video { VIDEO } else { PHOTO };
    if item.size > most {
        error(
            place,
            format!("{name}: {} bytes; TikTok takes {most}", item.size),
        );
    }
    if item.size == 0 {
        error(place, format!("{name} is empty"));
    }
    let sides = item.width.into_iter().chain(item.height);
    if is_video && sides.into_iter().any(|side| !SIDES.contains(&side)) {
        error(
            place,
            format!("{name}: TikTok takes videos of 360 to 4096 pixels a side"),
        );
    }
}
