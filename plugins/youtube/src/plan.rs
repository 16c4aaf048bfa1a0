//! What a post becomes on YouTube, held against its limits.

use jarchi_plugin_sdk::{
    Account, MediaItem, MediaKind, Millis, Post, Problem, Result, Visibility, clock, compose,
    count, options, time,
};
use serde_json::{Value, json};

use crate::captions;
use crate::settings::{License, OPTIONS, Options, Privacy, Settings};

/// Characters ("videos" resource, `snippet.title`).
const TITLE: usize = 100;
/// Bytes (`snippet.description`).
const DESCRIPTION: usize = 5000;
/// Characters with the commas between; quotes around tags with a space (`snippet.tags[]`).
const TAGS: usize = 500;
/// Bytes (`videos.insert`, the discovery document's `maxSize`).
const VIDEO: u64 = 274_877_906_944;
/// Bytes (`thumbnails.set`).
const THUMBNAIL: u64 = 2 << 20;
const LONGEST: Millis = 12 * 3_600_000;
/// Three minutes (YouTube Help, "Understand three-minute YouTube Shorts").
const SHORT: Millis = 180_000;
const COMMENT: usize = 10_000;

/// The video of a post; none where it has none.
pub fn video(post: &Post) -> Option<&MediaItem> {
    post.media.iter().find(|item| item.kind == MediaKind::Video)
}

/// The picture that shows the video in lists.
pub fn thumbnail(post: &Post) -> Option<&MediaItem> {
    post.media.iter().find(|item| item.kind == MediaKind::Image)
}

fn first_line(text: &str) -> (&str, &str) {
    let text = text.trim();
    let (line, rest) = text.split_once('\n').unwrap_or((text, ""));
    (line.trim(), rest.trim())
}

/// The title, and the words below.
pub fn words(post: &Post, options: &Options) -> (String, String) {
    if let Some(title) = &options.title {
        return (title.trim().into(), compose::whole_text(post).into_owned());
    }
    let (title, rest) = first_line(&post.text);
    let below = Post {
        text: rest.into(),
        hashtags: post.hashtags.clone(),
        link: post.link.clone(),
        ..Post::default()
    };
    (title.into(), compose::whole_text(&below).into_owned())
}

fn tags(post: &Post, options: &Options) -> Vec<String> {
    match &options.tags {
        Some(tags) => tags.clone(),
        None => {
            let tags = post.hashtags.iter();
            tags.map(|tag| tag.trim_start_matches('#').to_owned())
                .collect()
        }
    }
}

fn privacy(post: &Post, options: &Options, settings: &Settings) -> Privacy {
    // YouTube takes a time only with a private video ("videos" resource, `publishAt`).
    if options.publish_at.is_some() {
        return Privacy::Private;
    }
    let of_post = match post.visibility {
        Some(Visibility::Public) => Some(Privacy::Public),
        Some(Visibility::Unlisted) => Some(Privacy::Unlisted),
        Some(Visibility::Followers | Visibility::Direct) | None => None,
    };
    let chosen = options.visibility.or(of_post).or(settings.visibility);
    chosen.unwrap_or(Privacy::Public)
}

/// What `videos.insert` is told.
///
/// # Errors
/// `Invalid`: the post's options do not fit.
pub fn body(post: &Post, settings: &Settings) -> Result<Value> {
    let options: Options = post.options()?;
    let (title, description) = words(post, &options);
    let mut snippet = json!({ "title": title, "description": description });
    let tags = tags(post, &options);
    if !tags.is_empty() {
        snippet["tags"] = json!(tags);
    }
    if let Some(category) = options.category.as_ref().or(settings.category.as_ref()) {
        snippet["categoryId"] = json!(category);
    }
    if let Some(language) = options.language.as_ref().or(post.language.as_ref()) {
        snippet["defaultLanguage"] = json!(language);
        snippet["defaultAudioLanguage"] = json!(language);
    }
    let mut status = json!({
        "privacyStatus": privacy(post, &options, settings).name(),
        "selfDeclaredMadeForKids": options.made_for_kids.unwrap_or(settings.made_for_kids),
    });
    if let Some(at) = &options.publish_at {
        status["publishAt"] = json!(at);
    }
    if let Some(synthetic) = options.synthetic {
        status["containsSyntheticMedia"] = json!(synthetic);
    }
    if let Some(embeddable) = options.embeddable {
        status["embeddable"] = json!(embeddable);
    }
    if let Some(license) = options.license {
        status["license"] = json!(match license {
            License::YouTube => "youtube",
            License::CreativeCommons => "creativeCommon",
        });
    }
    Ok(json!({ "snippet": snippet, "status": status }))
}

/// What YouTube would refuse.
///
/// # Errors
/// `Invalid`: the account's settings do not fit.
pub fn check(account: &Account, post: &Post) -> Result<Vec<Problem>> {
    let settings = Settings::of(account)?;
    let mut problems = Vec::new();
    let options: Options = options::check(post, &OPTIONS, &mut problems);
    let mut wrong = |place: &str, message: String| problems.push(Problem::error(place, message));
    check_words(post, &options, &mut wrong);
    check_files(post, &options, &mut wrong);
    captions::check(post, &options, &mut wrong);
    if post.poll.is_some() {
        wrong("poll", "YouTube's API has no polls".into());
    }
    if !post.thread.is_empty() {
        wrong("thread", "YouTube has no threads".into());
    }
    if matches!(
        post.visibility,
        Some(Visibility::Followers | Visibility::Direct)
    ) && options.visibility.is_none()
    {
        wrong(
            "visibility",
            "a video is public, unlisted or (options.visibility) private".into(),
        );
    }
    if let Some(at) = &options.publish_at {
        match time::parse_rfc3339(at) {
            None => wrong("options.publish_at", format!("`{at}` is no RFC 3339 time")),
            Some(moment) if moment <= clock::now() => wrong(
                "options.publish_at",
                format!("{at} is past: YouTube would publish at once"),
            ),
            Some(_) => {}
        }
        if options
            .visibility
            .is_some_and(|one| one != Privacy::Private)
        {
            wrong(
                "options.visibility",
                "a video with `publish_at` is private until then".into(),
            );
        }
    }
    if let Some(comment) = &post.first_comment {
        if count::chars(comment) > COMMENT {
            wrong(
                "first_comment",
                format!("a comment has at most {COMMENT} characters"),
            );
        }
        if privacy(post, &options, &settings) == Privacy::Private {
            wrong("first_comment", "a private video takes no comments".into());
        }
        if options.made_for_kids.unwrap_or(settings.made_for_kids) {
            wrong(
                "first_comment",
                "a video that is made for kids takes no comments".into(),
            );
        }
    }
    if post.content_warning.is_some() || post.sensitive {
        problems.push(Problem::warning(
            "content_warning",
            "YouTube's API sets no age limits or warnings: do it in YouTube Studio",
        ));
    }
    Ok(problems)
}

fn check_words(post: &Post, options: &Options, wrong: &mut impl FnMut(&str, String)) {
    let (title, description) = words(post, options);
    let place = if options.title.is_some() {
        "options.title"
    } else {
        "text"
    };
    if title.is_empty() {
        wrong(
            place,
            "a video needs a title: options.title, or the text's first line".into(),
        );
    }
    let length = count::chars(&title);
    if length > TITLE {
        wrong(
            place,
            format!(
                "the title has {length} characters of {TITLE}; a shorter one can be in options.title"
            ),
        );
    }
    if description.len() > DESCRIPTION {
        wrong(
            "text",
            format!(
                "the description has {} bytes of {DESCRIPTION}",
                description.len()
            ),
        );
    }
    for (place, words) in [(place, &title), ("text", &description)] {
        if words.contains(['<', '>']) {
            wrong(place, "YouTube takes neither < nor >".into());
        }
    }
    let tags = tags(post, options);
    let quotes = |tag: &String| count::chars(tag) + if tag.contains(' ') { 2 } else { 0 };
    let length = tags.iter().map(quotes).sum::<usize>() + tags.len().saturating_sub(1);
    if length > TAGS {
        wrong(
            "options.tags",
            format!("the tags have {length} characters of {TAGS}"),
        );
    }
    if tags.iter().any(|tag| tag.contains(['<', '>'])) {
        wrong("options.tags", "YouTube takes neither < nor >".into());
    }
}

fn check_files(post: &Post, options: &Options, wrong: &mut impl FnMut(&str, String)) {
    let (mut videos, mut pictures) = (0, 0);
    for (number, item) in captions::others(post) {
        let place = format!("media[{number}]");
        match item.kind {
            MediaKind::Video => {
                videos += 1;
                if item.size == 0 || item.size > VIDEO {
                    wrong(&place, format!("a video has 1 to {VIDEO} bytes"));
                }
                if item.length.is_some_and(|length| length > LONGEST) {
                    wrong(&place, "a video has at most 12 hours".into());
                }
                if options.short {
                    if item.length.is_some_and(|length| length > SHORT) {
                        wrong(&place, "a Short has at most 3 minutes".into());
                    }
                    if item.width.zip(item.height).is_some_and(|(w, h)| w > h) {
                        wrong(&place, "a Short is square or upright".into());
                    }
                }
            }
            MediaKind::Image => {
                pictures += 1;
                if !matches!(item.mime.as_str(), "image/jpeg" | "image/png") {
                    wrong(&place, "a thumbnail is a JPEG or a PNG".into());
                }
                if item.size > THUMBNAIL {
                    wrong(&place, format!("a thumbnail has at most {THUMBNAIL} bytes"));
                }
            }
            other => wrong(&place, format!("YouTube takes no {}", other.name())),
        }
    }
    if videos != 1 {
        wrong(
            "media",
            format!("a post on YouTube is one video; this one has {videos}"),
        );
    }
    if pictures > 1 {
        wrong("media", "a video has one thumbnail".into());
    }
}
