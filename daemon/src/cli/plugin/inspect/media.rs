//! What a platform takes of files, in words.

use std::fmt::Display;

use crate::media::{ImageLimits, VideoLimits};
use crate::plugin::Bytes;

pub(super) fn image(limits: &ImageLimits) -> String {
    let mut parts = Vec::new();
    parts.extend(list("", &limits.formats));
    parts.extend(limits.size.map(|size| Bytes(size).to_string()));
    parts.extend(span("pixels wide", limits.min_width, limits.max_width));
    parts.extend(span("pixels high", limits.min_height, limits.max_height));
    parts.extend(span("pixels of both sides", None, limits.max_sides));
    parts.extend(span("pixels in all", None, limits.max_pixels));
    parts.extend(span("to 1", limits.min_ratio, limits.max_ratio));
    parts.push(match (limits.animated, limits.animated_size) {
        (false, _) => "still".to_owned(),
        (true, None) => "animated too".to_owned(),
        (true, Some(size)) => format!("animated up to {}", Bytes(size)),
    });
    if limits.crop {
        parts.push("cut where the ratio is another".to_owned());
    }
    parts.extend(unless(limits.unless.as_deref()));
    parts.join(", ")
}

pub(super) fn video(limits: &VideoLimits) -> String {
    let mut parts = Vec::new();
    parts.extend(list("", &limits.containers));
    parts.extend(list("pictures as ", &limits.video_codecs));
    parts.extend(list("sound as ", &limits.audio_codecs));
    parts.extend(limits.size.map(|size| Bytes(size).to_string()));
    parts.extend(span("seconds", limits.min_seconds, limits.max_seconds));
    parts.extend(span("pixels wide", limits.min_width, limits.max_width));
    parts.extend(span("pixels high", limits.min_height, limits.max_height));
    parts.extend(span("to 1", limits.min_ratio, limits.max_ratio));
    parts.extend(span("pictures a second", limits.min_rate, limits.max_rate));
    if limits.fast_start {
        parts.push("index first".to_owned());
    }
    parts.extend(unless(limits.unless.as_deref()));
    match parts.is_empty() {
        true => "any".to_owned(),
        false => parts.join(", "),
    }
}

fn list(before: &str, names: &[String]) -> Option<String> {
    (!names.is_empty()).then(|| format!("{before}{}", names.join(" ")))
}

fn span<T: Display>(what: &str, least: Option<T>, most: Option<T>) -> Option<String> {
    Some(match (least, most) {
        (Some(least), Some(most)) => format!("{least} to {most} {what}"),
        (Some(least), None) => format!("at least {least} {what}"),
        (None, Some(most)) => format!("at most {most} {what}"),
        (None, None) => return None,
    })
}

fn unless(option: Option<&str>) -> Option<String> {
    option.map(|option| format!("anything with the option {option}"))
}
