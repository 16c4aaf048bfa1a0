//! What Instagram would refuse, told before anything is sent.
//!
//! Sources: "IG User Media" (parameters, specifications of images, reels and stories),
//! "Content Publishing" (carousels). Where these disagree, the stricter is taken.

use jarchi_plugin_sdk::{MediaItem, MediaKind, Post, Problem, Visibility, count, options, text};

use crate::api::{Login, Settings};
use crate::plan::{Asked, Kind, OPTIONS, Options, Plan};

/// Characters of a caption, and of a comment.
pub const CAPTION: usize = 2200;
const HASHTAGS: usize = 30;
const MENTIONS: usize = 20;
/// "A list of up to 3 instagram usernames" (IG User Media).
const COLLABORATORS: usize = 3;
const TAGS: usize = 20;
const ALT: usize = 1000;
const CAROUSEL: std::ops::RangeInclusive<usize> = 2..=10;
const IMAGE_SIZE: u64 = 8 << 20;
const IMAGE_WIDTH: u32 = 320;
/// Width to height, in thousandths: 4:5 to 1.91:1.
const IMAGE_RATIO: std::ops::RangeInclusive<u64> = 800..=1910;
const VIDEO_RATIO: std::ops::RangeInclusive<u64> = 10..=10_000;
const STORY_RATIO: std::ops::RangeInclusive<u64> = 100..=10_000;
const REEL_SIZE: u64 = 300 << 20;
const STORY_SIZE: u64 = 100 << 20;
const VIDEO_WIDTH: u32 = 1920;
/// Milliseconds.
const SHORTEST: u64 = 3_000;
const REEL_LONGEST: u64 = 15 * 60 * 1000;
const STORY_LONGEST: u64 = 60_000;

/// The problems of a post.
pub fn check(settings: &Settings, post: &Post) -> Vec<Problem> {
    let mut problems = Vec::new();
    let options: Options = options::check(post, OPTIONS, &mut problems);
    let plan = Plan::with(post, options);
    words(post, &plan, &mut problems);
    files(&plan, &mut problems);
    choices(settings, &plan, &mut problems);
    absent(post, &mut problems);
    problems
}

fn words(post: &Post, plan: &Plan<'_>, problems: &mut Vec<Problem>) {
    if plan.kind == Kind::Story {
        if !plan.caption.is_empty() {
            let words = "Instagram shows no text with a story: it is left out";
            problems.push(Problem::warning("text", words));
        }
        if post.first_comment.is_some() {
            let words = "a story takes no comments";
            problems.push(Problem::error("first-comment", words));
        }
        return;
    }
    let mut most = |place: &str, what: &str, number: usize, limit: usize| {
        if number > limit {
            let words = format!("{number} {what}; Instagram takes {limit}");
            problems.push(Problem::error(place, words));
        }
    };
    let texts = [("text", Some(plan.caption.as_ref()))];
    for (place, words) in texts
        .into_iter()
        .chain([("first-comment", post.first_comment.as_deref())])
    {
        let Some(words) = words else { continue };
        let names = text::mentions(words).len();
        most(place, "characters", count::chars(words), CAPTION);
        most(place, "hashtags", text::hashtags(words).len(), HASHTAGS);
        most(place, "mentions", names, MENTIONS);
    }
    if post
        .first_comment
        .as_deref()
        .is_some_and(|words| words.trim().is_empty())
    {
        problems.push(Problem::error("first-comment", "the comment is empty"));
    }
    if post.link.is_some() || !text::urls(&post.text).is_empty() {
        let words = "Instagram makes no link of an address in a caption";
        problems.push(Problem::warning("text", words));
    }
}

fn files(plan: &Plan<'_>, problems: &mut Vec<Problem>) {
    let files = plan.media;
    if files.is_empty() {
        let words = "Instagram takes no post without an image or a video";
        problems.push(Problem::error("media", words));
        return;
    }
    let wrong = match plan.kind {
        Kind::Story if files.len() > 1 => Some("a story is one image or one video".to_owned()),
        Kind::Reel if files.len() > 1 || files[0].kind != MediaKind::Video => {
            Some("a reel is one video".to_owned())
        }
        Kind::Carousel if !CAROUSEL.contains(&files.len()) => {
            Some(format!("{} files; Instagram takes 2 to 10", files.len()))
        }
        _ => None,
    };
    if let Some(words) = wrong {
        problems.push(Problem::error("media", words));
    }
    for (index, item) in files.iter().enumerate() {
        let place = format!("media[{index}]");
        let mut error = |words: String| {
            problems.push(Problem::error(
                place.as_str(),
                format!("{}: {words}", item.name),
            ));
        };
        match item.kind {
            MediaKind::Image => image(plan.kind, item, &mut error),
            MediaKind::Video => video(plan.kind, item, &mut error),
            other => error(format!("Instagram takes no {}", other.name())),
        }
        alt(plan.kind, item, &place, problems);
    }
}

fn image(kind: Kind, item: &MediaItem, error: &mut impl FnMut(String)) {
    if item.mime != "image/jpeg" {
        error(format!("Instagram takes images as JPEG, not {}", item.mime));
    }
    if item.size > IMAGE_SIZE {
        error(format!("{} bytes; Instagram takes {IMAGE_SIZE}", item.size));
    }
    let (Some(width), Some(height)) = (item.width, item.height) else {
        return;
    };
    if kind == Kind::Story {
        return;
    }
    if width < IMAGE_WIDTH {
        error(format!(
            "{width} pixels wide; Instagram takes {IMAGE_WIDTH} and more"
        ));
    }
    if !IMAGE_RATIO.contains(&ratio(width, height)) {
        error(format!(
            "{width} × {height}; Instagram takes 4:5 to 1.91:1 (width to height)"
        ));
    }
}

fn video(kind: Kind, item: &MediaItem, error: &mut impl FnMut(String)) {
    let (size, longest, ratios) = match kind {
        Kind::Story => (STORY_SIZE, STORY_LONGEST, STORY_RATIO),
        _ => (REEL_SIZE, REEL_LONGEST, VIDEO_RATIO),
    };
    if !matches!(item.mime.as_str(), "video/mp4" | "video/quicktime") {
        error(format!(
            "Instagram takes videos as MP4 or MOV, not {}",
            item.mime
        ));
    }
    if item.size > size {
        error(format!("{} bytes; Instagram takes {size}", item.size));
    }
    if let Some(length) = item.length
        && !(SHORTEST..=longest).contains(&length)
    {
        error(format!(
            "{} seconds; Instagram takes {} to {}",
            length as f64 / 1000.0,
            SHORTEST / 1000,
            longest / 1000
        ));
    }
    if let Some(width) = item.width
        && width > VIDEO_WIDTH
    {
        error(format!(
            "{width} pixels wide; Instagram takes {VIDEO_WIDTH}"
        ));
    }
    if let (Some(width), Some(height)) = (item.width, item.height)
        && !ratios.contains(&ratio(width, height))
    {
        error(format!(
            "{width} × {height} is too long a strip for Instagram"
        ));
    }
}

/// Thousandths.
fn ratio(width: u32, height: u32) -> u64 {
    u64::from(width) * 1000 / u64::from(height.max(1))
}

fn alt(kind: Kind, item: &MediaItem, place: &str, problems: &mut Vec<Problem>) {
    let place = format!("{place}.alt");
    let taken = item.kind == MediaKind::Image && kind != Kind::Story;
    match item.alt.as_deref().map(str::trim) {
        None | Some("") if taken => problems.push(Problem::warning(
            place,
            format!(
                "{} has no alternative text for those who can't see it",
                item.name
            ),
        )),
        None | Some("") => {}
        Some(_) if !taken => problems.push(Problem::warning(
            place,
            "Instagram takes no alternative text of reels, videos and stories: it is left out",
        )),
        Some(alt) if count::chars(alt) > ALT => problems.push(Problem::error(
            place,
            format!("{} characters; Instagram takes {ALT}", count::chars(alt)),
        )),
        Some(_) => {}
    }
}

fn choices(settings: &Settings, plan: &Plan<'_>, problems: &mut Vec<Problem>) {
    let options = &plan.options;
    let mut error = |place: &str, words: String| {
        problems.push(Problem::error(format!("options.{place}"), words));
    };
    let reel = plan.kind == Kind::Reel;
    for (place, given) in [
        ("share_to_feed", options.share_to_feed.is_some()),
        ("thumb_offset", options.thumb_offset.is_some()),
        ("cover", options.cover.is_some()),
        ("audio_name", options.audio_name.is_some()),
        ("trial", options.trial.is_some()),
    ] {
        if given && !reel {
            error(place, "only a reel has that".into());
        }
    }
    if options.kind == Some(Asked::Feed) && reel {
        error(
            "kind",
            "Instagram makes a reel of every single video".into(),
        );
    }
    if options.cover.is_some() && options.thumb_offset.is_some() {
        error(
            "thumb_offset",
            "a reel has a `cover` or a `thumb_offset`, not both".into(),
        );
    }
    if let Some(cover) = &options.cover
        && !cover.starts_with("https://")
    {
        error("cover", "it is the address (https) of a JPEG".into());
    }
    if let (Some(offset), Some(length)) = (
        options.thumb_offset,
        plan.media.first().and_then(|file| file.length),
    ) && offset > length
    {
        error(
            "thumb_offset",
            format!("{offset} ms are past the end of the video"),
        );
    }
    if options.location.is_some() {
        if settings.login == Login::Instagram {
            error(
                "location",
                "places can be named with Facebook Login only".into(),
            );
        } else if plan.kind == Kind::Story {
            error("location", "a story has no place".into());
        }
    }
    if !options.collaborators.is_empty() && plan.kind == Kind::Story {
        error("collaborators", "a story has no other authors".into());
    }
    if options.collaborators.len() > COLLABORATORS {
        error(
            "collaborators",
            format!(
                "{} names; Instagram takes {COLLABORATORS}",
                options.collaborators.len()
            ),
        );
    }
    tags(plan, &mut error);
}

fn tags(plan: &Plan<'_>, error: &mut impl FnMut(&str, String)) {
    let tags = &plan.options.user_tags;
    if tags.len() > TAGS {
        error(
            "user_tags",
            format!("{} tags; Instagram takes {TAGS}", tags.len()),
        );
    }
    for (index, tag) in tags.iter().enumerate() {
        let place = format!("user_tags[{index}]");
        let Some(file) = plan.media.get(tag.media) else {
            error(&place, format!("there is no file {}", tag.media));
            continue;
        };
        let image = file.kind == MediaKind::Image;
        if image && plan.kind != Kind::Story && (tag.x.is_none() || tag.y.is_none()) {
            error(&place, "a tag in an image has a place: `x` and `y`".into());
        }
        for value in [tag.x, tag.y].into_iter().flatten() {
            if !(0.0..=1.0).contains(&value) {
                error(&place, format!("`x` and `y` are 0 to 1, not {value}"));
            }
        }
        if tag.username.trim().is_empty() {
            error(&place, "the name is empty".into());
        }
    }
}

/// What Instagram has not.
fn absent(post: &Post, problems: &mut Vec<Problem>) {
    let mut error = |place: &str, words: &str| problems.push(Problem::error(place, words));
    if post.poll.is_some() {
        error("poll", "Instagram's API has no polls");
    }
    if !post.thread.is_empty() {
        error("thread", "Instagram has no threads");
    }
    if !matches!(post.visibility, None | Some(Visibility::Public)) {
        error("visibility", "every post of the API is for everybody");
    }
    if post.content_warning.is_some() || post.sensitive {
        let words = "Instagram's API can't cover a post: it is shown as it is";
        problems.push(Problem::warning("content-warning", words));
    }
}
