//! Films against what a platform takes. They are not made to fit: what is wrong is told.

use super::Trouble;
use super::picture::range;
use super::video::{Film, Source};
use crate::media::VideoLimits;
use crate::model::Severity;

/// All that is wrong, with the numbers. What is coded otherwise or in another order is a
/// warning: platforms take more than they say.
pub(super) fn judge(film: &Film, size: u64, limits: &VideoLimits) -> Vec<(Severity, String)> {
    let (mut wrong, mut warnings) = (Vec::new(), Vec::new());
    let listed =
        |list: &[String], one: &str| list.is_empty() || list.iter().any(|taken| taken == one);
    let container = film.container.name();
    if !listed(&limits.containers, container) {
        let taken = limits.containers.join(", ");
        wrong.push(format!("it is {container}; the platform takes {taken}"));
    }
    for (codec, list, what) in [
        (&film.video, &limits.video_codecs, "pictures"),
        (&film.audio, &limits.audio_codecs, "sound"),
    ] {
        if let Some(codec) = codec.as_ref().filter(|codec| !listed(list, codec)) {
            let taken = list.join(", ");
            warnings.push(format!(
                "its {what} are coded as {codec}; the platform takes {taken}"
            ));
        }
    }
    if let Some(most) = limits.size.filter(|most| size > *most) {
        wrong.push(format!("{size} bytes; the platform takes {most}"));
    }
    if let Some(length) = film.length {
        let seconds = length.0 as f64 / 1000.0;
        if limits.min_seconds.is_some_and(|least| seconds < least)
            || limits.max_seconds.is_some_and(|most| seconds > most)
        {
            let taken = span(limits.min_seconds, limits.max_seconds);
            wrong.push(format!("{seconds} seconds; the platform takes {taken}"));
        }
    }
    let (width, height) = (film.width, film.height);
    if width > 0 && height > 0 {
        let outside = |side: u32, least: Option<u32>, most: Option<u32>| {
            least.is_some_and(|least| side < least) || most.is_some_and(|most| side > most)
        };
        if outside(width, limits.min_width, limits.max_width) {
            let taken = span(limits.min_width, limits.max_width);
            wrong.push(format!("{width} pixels wide; the platform takes {taken}"));
        }
        if outside(height, limits.min_height, limits.max_height) {
            let taken = span(limits.min_height, limits.max_height);
            wrong.push(format!("{height} pixels high; the platform takes {taken}"));
        }
        let ratio = f64::from(width) / f64::from(height);
        if limits.min_ratio.is_some_and(|least| ratio < least * 0.998)
            || limits.max_ratio.is_some_and(|most| ratio > most * 1.002)
        {
            wrong.push(format!(
                "{width} × {height} pixels are {ratio:.2} to 1 (width to height); the platform takes {}",
                range(limits.min_ratio, limits.max_ratio)
            ));
        }
    }
    if let Some(rate) = film.rate
        && (limits.min_rate.is_some_and(|least| rate < least - 0.5)
            || limits.max_rate.is_some_and(|most| rate > most + 0.5))
    {
        let taken = span(limits.min_rate, limits.max_rate);
        warnings.push(format!(
            "{rate:.0} pictures a second; the platform takes {taken}"
        ));
    }
    if limits.fast_start && !film.fast_start {
        warnings.push(
            "its index (`moov`) stands behind its pictures, and the platform wants it before them: \
             `ffmpeg -i IN -c copy -movflags +faststart OUT` moves it"
                .to_owned(),
        );
    }
    let wrong = wrong.into_iter().map(|text| (Severity::Error, text));
    let warnings = warnings.into_iter().map(|text| (Severity::Warning, text));
    wrong.chain(warnings).collect()
}

fn span<T: std::fmt::Display>(least: Option<T>, most: Option<T>) -> String {
    match (least, most) {
        (Some(least), Some(most)) => format!("{least} to {most}"),
        (Some(least), None) => format!("{least} and more"),
        (None, Some(most)) => format!("{most} and less"),
        (None, None) => "any".to_owned(),
    }
}

/// Whether a file that can't be looked into holds what looks like metadata.
pub(super) fn tells(source: &dyn Source) -> Result<bool, Trouble> {
    const STEP: usize = 1 << 20;
    /// The longest mark that may lie across two steps.
    const OVERLAP: u64 = 32;
    let mut at = 0;
    while at < source.size() {
        if super::tells(&source.some(at, STEP + OVERLAP as usize)?) {
            return Ok(true);
        }
        at += STEP as u64;
    }
    Ok(false)
}
