//! `[limits.image]` and `[limits.video]`.

use super::check;
use super::parse::{positive, unique};
use super::read::{At, Fields, listed, nearest};
use crate::media::{ImageLimits, VideoLimits};

pub(super) fn image(fields: Fields<'_>) -> ImageLimits {
    let limits = ImageLimits {
        formats: some_of(fields.texts("formats"), &ImageLimits::FORMATS),
        size: positive(fields.number("size")),
        animated: fields.flag("animated"),
        animated_size: positive(fields.number("animated_size")),
        min_width: positive(fields.number("min_width")),
        max_width: positive(fields.number("max_width")),
        min_height: positive(fields.number("min_height")),
        max_height: positive(fields.number("max_height")),
        max_sides: positive(fields.number("max_sides")),
        max_pixels: positive(fields.number("max_pixels")),
        min_ratio: above_zero(fields.decimal("min_ratio")),
        max_ratio: above_zero(fields.decimal("max_ratio")),
        crop: fields.flag("crop"),
        unless: option(&fields),
    };
    ordered(&fields, "width", limits.min_width, limits.max_width);
    ordered(&fields, "height", limits.min_height, limits.max_height);
    ordered(&fields, "ratio", limits.min_ratio, limits.max_ratio);
    fields.end();
    limits
}

pub(super) fn video(fields: Fields<'_>) -> VideoLimits {
    let limits = VideoLimits {
        containers: some_of(fields.texts("containers"), &VideoLimits::CONTAINERS),
        video_codecs: unique(fields.texts("video_codecs")),
        audio_codecs: unique(fields.texts("audio_codecs")),
        size: positive(fields.number("size")),
        min_seconds: above_zero(fields.decimal("min_seconds")),
        max_seconds: above_zero(fields.decimal("max_seconds")),
        min_width: positive(fields.number("min_width")),
        max_width: positive(fields.number("max_width")),
        min_height: positive(fields.number("min_height")),
        max_height: positive(fields.number("max_height")),
        min_ratio: above_zero(fields.decimal("min_ratio")),
        max_ratio: above_zero(fields.decimal("max_ratio")),
        min_rate: above_zero(fields.decimal("min_rate")),
        max_rate: above_zero(fields.decimal("max_rate")),
        fast_start: fields.flag("fast_start"),
        unless: option(&fields),
    };
    ordered(&fields, "seconds", limits.min_seconds, limits.max_seconds);
    ordered(&fields, "width", limits.min_width, limits.max_width);
    ordered(&fields, "height", limits.min_height, limits.max_height);
    ordered(&fields, "ratio", limits.min_ratio, limits.max_ratio);
    ordered(&fields, "rate", limits.min_rate, limits.max_rate);
    fields.end();
    limits
}

fn some_of(texts: Vec<At<'_, &str>>, known: &[&str]) -> Vec<String> {
    for text in &texts {
        if !known.contains(&text.value) {
            let hint = nearest(text.value, known.iter().copied()).map_or_else(
                || format!("known are {}", listed(known)),
                |near| format!("did you mean `{near}`?"),
            );
            text.refuse(format!("`{}` is not known here; {hint}", text.value));
        }
    }
    unique(texts)
}

fn above_zero(number: Option<At<'_, f64>>) -> Option<f64> {
    let number = number?;
    if number.value > 0.0 {
        return Some(number.value);
    }
    number.refuse("a number above 0 is wanted here");
    None
}

fn option(fields: &Fields<'_>) -> Option<String> {
    let name = fields.text("unless")?;
    let checked = check::key_name(name.value);
    let text = name.value.to_owned();
    name.keep(checked.map(|()| text))
}

fn ordered<T: PartialOrd>(fields: &Fields<'_>, what: &str, least: Option<T>, most: Option<T>) {
    if let (Some(least), Some(most)) = (least, most)
        && least > most
    {
        fields.refuse(format!("`min_{what}` is more than `max_{what}`"));
    }
}
