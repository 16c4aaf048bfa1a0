//! What Threads would refuse, told before anything is sent.
//!
//! Source: "Threads API, Overview" and "Posts" (limits of texts, files, carousels, polls).

use jarchi_plugin_sdk::{
    MediaItem, MediaKind, Poll, Post, Problem, Visibility, count, options, text,
};

use crate::plan::{self, OPTIONS, Options, Part};

/// Characters; emoji count as many as they have bytes.
pub const TEXT: usize = 500;
const LINKS: usize = 5;
const ALT: usize = 1000;
const CAROUSEL: usize = 20;
const IMAGE_SIZE: u64 = 8 << 20;
const VIDEO_SIZE: u64 = 1 << 30;
/// Milliseconds.
const VIDEO_LONGEST: u64 = 5 * 60 * 1000;
const DAY: u64 = 24 * 60 * 60 * 1000;
const POLL_OPTION: usize = 25;
const TOPIC: usize = 50;

/// The length of a text by Threads' own count.
pub fn length(text: &str) -> usize {
    count::threads(text)
}

/// The problems of a post.
pub fn check(post: &Post) -> Vec<Problem> {
    let mut problems = Vec::new();
    let options: Options = options::check(post, OPTIONS, &mut problems);
    for part in plan::parts(post) {
        words(post, &part, &mut problems);
        let place = match part.place.strip_suffix("text") {
            Some(before) => format!("{before}media"),
            None => continue,
        };
        if part.media.len() > CAROUSEL {
            let words = format!("{} files; Threads takes {CAROUSEL}", part.media.len());
            problems.push(Problem::error(place.as_str(), words));
        }
        for (index, item) in part.media.iter().enumerate() {
            file(item, &format!("{place}[{index}]"), &mut problems);
        }
    }
    if let Some(asked) = &post.poll {
        poll(asked, post, &mut problems);
    }
    if let Some(topic) = plan::topic(post, &options) {
        let long = count::chars(&topic) > TOPIC;
        if long || topic.contains(['.', '&']) {
            let words = format!("a topic has up to {TOPIC} characters, and no `.` and `&`");
            problems.push(Problem::error("options.topic_tag", words));
        }
        let others = post.hashtags.len() > usize::from(options.topic_tag.is_none());
        if others {
            let words = format!("a post has one topic: it is {topic}, the others are left out");
            problems.push(Problem::warning("hashtags", words));
        }
    }
    if !matches!(post.visibility, None | Some(Visibility::Public)) {
        problems.push(Problem::error(
            "visibility",
            "every post of the API is for everybody",
        ));
    }
    if post.content_warning.is_some() {
        let words = "Threads has no warnings: the post is shown without";
        problems.push(Problem::warning("content-warning", words));
    }
    problems
}

fn words(post: &Post, part: &Part<'_>, problems: &mut Vec<Problem>) {
    let mut error = |words: String| problems.push(Problem::error(part.place.as_str(), words));
    let length = length(&part.text);
    if length > TEXT {
        error(format!("{length} characters; Threads takes {TEXT}"));
    }
    if length == 0 && part.media.is_empty() {
        error("there is neither text nor media".into());
    }
    let mut links: Vec<&str> = text::urls(&part.text).iter().map(|url| url.text).collect();
    if part.place == "text" {
        links.extend(post.link.as_ref().map(|link| link.url.as_str()));
    }
    links.sort_unstable();
    links.dedup();
    if links.len() > LINKS {
        error(format!("{} addresses; Threads takes {LINKS}", links.len()));
    }
}

fn file(item: &MediaItem, place: &str, problems: &mut Vec<Problem>) {
    let mut error =
        |words: String| problems.push(Problem::error(place, format!("{}: {words}", item.name)));
    match item.kind {
        MediaKind::Image => {
            if !matches!(item.mime.as_str(), "image/jpeg" | "image/png") {
                error(format!("Threads takes JPEG and PNG, not {}", item.mime));
            }
            if item.size > IMAGE_SIZE {
                error(format!("{} bytes; Threads takes {IMAGE_SIZE}", item.size));
            }
            if let (Some(width), Some(height)) = (item.width, item.height)
                && u64::from(width.max(height)) > 10 * u64::from(width.min(height))
            {
                error(format!("{width} × {height}; Threads takes up to 10:1"));
            }
        }
        MediaKind::Video => {
            if !matches!(item.mime.as_str(), "video/mp4" | "video/quicktime") {
                error(format!("Threads takes MP4 and MOV, not {}", item.mime));
            }
            if item.size > VIDEO_SIZE {
                error(format!("{} bytes; Threads takes {VIDEO_SIZE}", item.size));
            }
            if item.length.is_some_and(|length| length > VIDEO_LONGEST) {
                error("Threads takes videos of up to 5 minutes".into());
            }
        }
        other => error(format!("Threads takes no {}", other.name())),
    }
    let place = format!("{place}.alt");
    match item.alt.as_deref().map(str::trim) {
        None | Some("") => problems.push(Problem::warning(
            place,
            format!(
                "{} has no alternative text for those who can't see it",
                item.name
            ),
        )),
        Some(alt) if count::chars(alt) > ALT => problems.push(Problem::error(
            place,
            format!("{} characters; Threads takes {ALT}", count::chars(alt)),
        )),
        Some(_) => {}
    }
}

fn poll(poll: &Poll, post: &Post, problems: &mut Vec<Problem>) {
    let mut error = |place: &str, words: String| problems.push(Problem::error(place, words));
    if !post.media.is_empty() {
        error("poll", "Threads takes a poll with a text alone".into());
    }
    if !(2..=4).contains(&poll.options.len()) {
        error(
            "poll.options",
            format!("{} options; Threads takes 2 to 4", poll.options.len()),
        );
    }
    for (index, option) in poll.options.iter().enumerate() {
        if !(1..=POLL_OPTION).contains(&count::chars(option.trim())) {
            error(
                &format!("poll.options[{index}]"),
                format!("an option has 1 to {POLL_OPTION} characters"),
            );
        }
    }
    if poll.multiple {
        error("poll.multiple", "a poll on Threads has one answer".into());
    }
    if poll.open_for != DAY {
        let words = "a poll on Threads is open for 24 hours";
        problems.push(Problem::warning("poll.open-for", words));
    }
}
