//! What the server would refuse, told before anything is sent.

use jarchi_plugin_sdk::{MediaItem, MediaKind, Poll, Post, Problem, Result, count};

use crate::compose::{self, Audience, Options, Part, Settings};
use crate::limits::Limits;

/// The problems of a post.
///
/// # Errors
/// `Invalid`: the post's options are none of Mastodon's.
pub fn check(settings: &Settings, post: &Post, limits: &Limits) -> Result<Vec<Problem>> {
    let mut problems = Vec::new();
    if let Err(error) = post.options::<Options>() {
        problems.push(Problem::error("options", error.reason()));
    }
    let parts = compose::parts(post);
    for (index, part) in parts.iter().enumerate() {
        let poll = if index == 0 { post.poll.as_ref() } else { None };
        text(post, part, poll.is_some(), limits, &mut problems);
        media(part, limits, &mut problems);
        if let Some(poll) = poll {
            check_poll(poll, limits, &mut problems);
            if !part.media.is_empty() {
                problems.push(Problem::error(
                    "poll",
                    "Mastodon takes a poll or media, not both",
                ));
            }
        }
    }
    for (index, tag) in post.hashtags.iter().enumerate() {
        let taken = compose::hashtag(tag);
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
    let audience = post.visibility.map(Audience::from).or(settings.visibility);
    if matches!(audience, Some(Audience::Direct)) && !post.text.contains('@') {
        problems.push(Problem::warning(
            "visibility",
            "a direct post that mentions nobody is seen by nobody",
        ));
    }
    Ok(problems)
}

/// The text of a part as it is counted: its own and the content warning, which is put
/// before every part.
fn length(post: &Post, text: &str, limits: &Limits) -> usize {
    count::weighted(text, limits.url)
        + count::graphemes(post.content_warning.as_deref().unwrap_or_default())
}

fn text(post: &Post, part: &Part<'_>, poll: bool, limits: &Limits, problems: &mut Vec<Problem>) {
    let place = match part.place.as_str() {
        "first-comment" => "first-comment".to_owned(),
        before => format!("{before}text"),
    };
    if part.text.trim().is_empty() && part.media.is_empty() {
        let wanted = if poll {
            "a poll needs a text"
        } else {
            "there is neither text nor media"
        };
        problems.push(Problem::error(place, wanted));
        return;
    }
    let length = length(post, &part.text, limits);
    if length > limits.text {
        let mut counted = vec![];
        if part.place.is_empty() && part.text.trim_end() != post.text.trim_end() {
            counted.push("its link and hashtags");
        }
        if post.content_warning.is_some() {
            counted.push("the content warning");
        }
        let with = match counted[..] {
            [] => String::new(),
            _ => format!(", with {}", counted.join(" and ")),
        };
        problems.push(Problem::error(
            place,
            format!(
                "{length} characters{with}; the server takes {}",
                limits.text
            ),
        ));
    }
}

fn media(part: &Part<'_>, limits: &Limits, problems: &mut Vec<Problem>) {
    let place = format!("{}media", part.place);
    if part.media.len() > limits.media {
        problems.push(Problem::error(
            place.as_str(),
            format!(
                "{} files; the server takes {} in a post",
                part.media.len(),
                limits.media
            ),
        ));
    }
    let alone = |item: &MediaItem| matches!(item.kind, MediaKind::Video | MediaKind::Audio);
    if part.media.len() > 1 && part.media.iter().any(alone) {
        problems.push(Problem::error(
            place.as_str(),
            "a video or an audio file stands alone: Mastodon takes no other file beside it",
        ));
    }
    for (index, item) in part.media.iter().enumerate() {
        file(item, &format!("{place}[{index}]"), limits, problems);
    }
}

fn file(item: &MediaItem, place: &str, limits: &Limits, problems: &mut Vec<Problem>) {
    let mut error = |place: &str, message: String| problems.push(Problem::error(place, message));
    let taken = match limits.types[..] {
        [] => item.kind != MediaKind::Document,
        _ => limits
            .types
            .iter()
            .any(|mime| mime.eq_ignore_ascii_case(&item.mime)),
    };
    if !taken {
        error(
            place,
            format!("{}: the server takes no {}", item.name, item.mime),
        );
    }
    // Moving GIFs are made into videos, and count as such.
    let still = item.kind == MediaKind::Image;
    let size = if still {
        limits.image_size
    } else {
        limits.video_size
    };
    if item.size > size {
        error(
            place,
            format!(
                "{}: {} bytes; the server takes {size}",
                item.name, item.size
            ),
        );
    }
    if let (Some(width), Some(height)) = (item.width, item.height) {
        let most = if still {
            limits.image_pixels
        } else {
            limits.video_pixels
        };
        if u64::from(width) * u64::from(height) > most {
            error(
                place,
                format!(
                    "{}: {width} × {height} pixels; the server takes {most} in all",
                    item.name
                ),
            );
        }
    }
    let alt_place = format!("{place}.alt");
    match item.alt.as_deref().map(str::trim) {
        None | Some("") => problems.push(Problem::warning(
            alt_place,
            format!(
                "{} has no alternative text for those who can't see it",
                item.name
            ),
        )),
        Some(alt) if count::chars(alt) > limits.alt => error(
            &alt_place,
            format!(
                "{} characters; the server takes {}",
                count::chars(alt),
                limits.alt
            ),
        ),
        Some(_) => {}
    }
}

fn check_poll(poll: &Poll, limits: &Limits, problems: &mut Vec<Problem>) {
    let mut error = |place: &str, message: String| problems.push(Problem::error(place, message));
    let options = poll.options.len();
    if options < 2 || options > limits.poll_options {
        error(
            "poll.options",
            format!(
                "{options} options; the server takes 2 to {}",
                limits.poll_options
            ),
        );
    }
    for (index, option) in poll.options.iter().enumerate() {
        let place = format!("poll.options[{index}]");
        let length = count::graphemes(option);
        if option.trim().is_empty() {
            error(&place, "the option is empty".into());
        } else if length > limits.poll_option {
            error(
                &place,
                format!(
                    "{length} characters; the server takes {}",
                    limits.poll_option
                ),
            );
        }
        if poll.options[..index].contains(option) {
            error(&place, format!("`{option}` is there twice"));
        }
    }
    let seconds = poll.open_for / 1000;
    if seconds < limits.poll_shortest || seconds > limits.poll_longest {
        error(
            "poll.open-for",
            format!(
                "{seconds} seconds; the server takes {} to {}",
                limits.poll_shortest, limits.poll_longest
            ),
        );
    }
}
