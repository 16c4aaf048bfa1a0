//! Captions: SubRip or WebVTT, out of files beside the video or the post's options, each a
//! track of the video.
//!
//! YouTube has one track of a language and a name ("captions: insert", `captionExists`), so
//! that a look before the upload, and that refusal, keep it from being there twice.

use jarchi_plugin_sdk::http::{self, Request, Response};
use jarchi_plugin_sdk::{Error, MediaItem, MediaKind, Post, Result, count, media};
use serde_json::{Value, json};

use crate::api::{Api, TOKEN, items};
use crate::errors;
use crate::settings::{Caption, Options};

/// Bytes (`captions.insert`, the discovery document's `maxSize`).
const LARGEST: u64 = 104_857_600;
/// Characters ("captions" resource, `snippet.name`).
const NAME: usize = 150;
/// Bytes of a file that are looked at: longer than what may stand before the first cue.
const HEAD: u32 = 64 << 10;

/// Where a track's cues are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cues<'a> {
    File(&'a MediaItem),
    Text(&'a str),
}

/// A track of a post.
#[derive(Clone, Debug, PartialEq)]
pub struct Track<'a> {
    /// In the post, for problems.
    pub place: String,
    pub cues: Cues<'a>,
    /// BCP 47.
    pub language: String,
    pub name: String,
    pub draft: bool,
}

impl Track<'_> {
    fn is(&self, language: &str, name: &str) -> bool {
        self.language.eq_ignore_ascii_case(language) && self.name == name
    }

    /// For notes and errors.
    pub fn shown(&self) -> String {
        match self.name.as_str() {
            "" => format!("the captions in `{}`", self.language),
            name => format!("the captions `{name}` in `{}`", self.language),
        }
    }
}

/// Whether a file is captions, by its type or its name.
pub fn is_captions(item: &MediaItem) -> bool {
    item.kind == MediaKind::Document
        && (matches!(item.mime.as_str(), "text/vtt" | "application/x-subrip")
            || [".srt", ".vtt"].iter().any(|ending| {
                let name = item.name.to_ascii_lowercase();
                name.ends_with(ending)
            }))
}

/// The language in a name like `film.az.srt` or `film.pt-BR.vtt`.
fn language_in(name: &str) -> Option<&str> {
    let (stem, _) = name.rsplit_once('.')?;
    let (_, tag) = stem.rsplit_once('.')?;
    looks_like_a_language(tag).then_some(tag)
}

/// BCP 47, as far as its form goes.
fn looks_like_a_language(tag: &str) -> bool {
    let mut parts = tag.split('-');
    parts.next().is_some_and(|part| {
        matches!(part.len(), 2 | 3) && part.bytes().all(|byte| byte.is_ascii_lowercase())
    }) && parts.all(|part| {
        (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

/// The tracks of a post: its files of captions, in their order, then those that stand in
/// the options. With what is wrong: the place, and the words.
pub fn tracks<'a>(
    post: &'a Post,
    options: &'a Options,
    wrong: &mut impl FnMut(&str, String),
) -> Vec<Track<'a>> {
    let mut tracks: Vec<Track<'a>> = Vec::new();
    let usual = options.language.as_ref().or(post.language.as_ref());
    let mut add = |place: String,
                   cues: Cues<'a>,
                   told: Option<&Caption>,
                   wrong: &mut dyn FnMut(&str, String)| {
        let in_name = match cues {
            Cues::File(item) => language_in(&item.name),
            Cues::Text(_) => None,
        };
        let language = told.and_then(|told| told.language.as_deref());
        let Some(language) = language.or(in_name).or(usual.map(String::as_str)) else {
            wrong(
                &place,
                "captions need a language: options.captions, a name like film.az.srt, or the post's language".into(),
            );
            return;
        };
        let track = Track {
            place,
            cues,
            language: language.into(),
            name: told.map_or("", |told| &told.name).trim().into(),
            draft: told.is_some_and(|told| told.draft),
        };
        if tracks
            .iter()
            .any(|other| other.is(&track.language, &track.name))
        {
            wrong(
                &track.place,
                format!(
                    "a video has {} once: another name tells them apart",
                    track.shown()
                ),
            );
        }
        tracks.push(track);
    };
    for (number, item) in post.media.iter().enumerate() {
        if is_captions(item) {
            let mut about = options.captions.iter();
            let told = about.find(|told| told.file.as_deref() == Some(&item.name));
            add(format!("media[{number}]"), Cues::File(item), told, wrong);
        }
    }
    for (number, told) in options.captions.iter().enumerate() {
        let place = format!("options.captions[{number}]");
        match (&told.file, &told.text) {
            (None, Some(text)) => add(place, Cues::Text(text), Some(told), wrong),
            (Some(file), None) => {
                let mut files = post.media.iter();
                if !files.any(|item| is_captions(item) && item.name == *file) {
                    wrong(
                        &place,
                        format!("the post has no file of captions (.srt, .vtt) named {file}"),
                    );
                }
            }
            _ => wrong(
                &place,
                "captions are either a `file` of the post or a `text`".into(),
            ),
        }
    }
    tracks
}

/// What YouTube would refuse of a post's captions.
pub fn check(post: &Post, options: &Options, wrong: &mut impl FnMut(&str, String)) {
    for track in tracks(post, options, wrong) {
        if !looks_like_a_language(&track.language) {
            wrong(
                &track.place,
                format!(
                    "`{}` is no language (BCP 47, as az or pt-BR)",
                    track.language
                ),
            );
        }
        if count::chars(&track.name) > NAME {
            wrong(
                &track.place,
                format!("a track's name has at most {NAME} characters"),
            );
        }
        let head = match track.cues {
            Cues::Text(text) => text.as_bytes().to_vec(),
            Cues::File(item) if item.size > LARGEST => {
                wrong(
                    &track.place,
                    format!("captions have at most {LARGEST} bytes"),
                );
                continue;
            }
            Cues::File(item) => match media::read_at(&item.id, 0, HEAD) {
                Ok(head) => head,
                Err(error) => {
                    wrong(
                        &track.place,
                        format!("{} can't be read: {error:?}", item.name),
                    );
                    continue;
                }
            },
        };
        // Both formats have an arrow between the times of a cue.
        if !head.windows(3).any(|bytes| bytes == b"-->") {
            wrong(
                &track.place,
                "this is neither SubRip nor WebVTT: no cue (00:00:01,000 --> 00:00:02,500) is at its beginning".into(),
            );
        }
    }
}

/// The tracks, of a post that was checked.
///
/// # Errors
/// `Invalid`: something is wrong with them.
pub fn of<'a>(post: &'a Post, options: &'a Options) -> Result<Vec<Track<'a>>> {
    let mut first = None;
    let tracks = tracks(post, options, &mut |place: &str, why| {
        first.get_or_insert_with(|| format!("{place}: {why}"));
    });
    match first {
        Some(why) => Err(Error::invalid(why)),
        None => Ok(tracks),
    }
}

fn told<'a>(track: &'a Value, at: &str) -> &'a str {
    let text = track.get("snippet").and_then(|snippet| snippet.get(at));
    text.and_then(Value::as_str).unwrap_or_default()
}

/// YouTube has a track; it may not have understood it.
fn taken(track: &Track, theirs: &Value) -> Result<()> {
    if told(theirs, "status") != "failed" {
        return Ok(());
    }
    let why = match told(theirs, "failureReason") {
        "" => "it does not say why",
        why => why,
    };
    Err(Error::invalid(format!(
        "YouTube does not understand {}: {why}",
        track.shown()
    )))
}

/// Adds a track where the video does not have it.
///
/// # Errors
/// By the table of errors. An answer that is lost is `Transient`: the next try looks first.
pub fn add(api: &Api, video: &str, track: &Track) -> Result<()> {
    let request = api
        .get("/captions")
        .query("part", "snippet")
        .query("videoId", video);
    let theirs = items(&errors::read(request)?)?;
    let same = |theirs: &&Value| {
        // What YouTube heard by itself is another track.
        !told(theirs, "trackKind").eq_ignore_ascii_case("asr")
            && track.is(told(theirs, "language"), told(theirs, "name"))
    };
    if let Some(theirs) = theirs.iter().find(same) {
        return taken(track, theirs);
    }
    let (mime, size) = match track.cues {
        Cues::File(item) => (item.mime.as_str(), item.size),
        Cues::Text(text) => ("application/octet-stream", text.len() as u64),
    };
    let begin = api
        .upload("/captions")
        .query("uploadType", "resumable")
        .query("part", "snippet")
        .header("x-upload-content-length", size.to_string())
        .header("x-upload-content-type", mime)
        .json(&json!({ "snippet": {
            "videoId": video,
            "language": track.language,
            "name": track.name,
            "isDraft": track.draft,
        }}));
    let Some(answer) = unless_there(begin)? else {
        return Ok(());
    };
    let session = answer.header("location").ok_or_else(|| {
        Error::transient("YouTube's answer names no address to upload to (header location)")
    })?;
    let put = http::put(session).bearer(TOKEN);
    let put = match track.cues {
        Cues::File(item) => put.media(mime, item.id.as_str()),
        Cues::Text(text) => put.body(mime, text),
    };
    match unless_there(put)? {
        Some(answer) => taken(track, &answer.json()?),
        None => Ok(()),
    }
}

/// None: YouTube has such a track already.
fn unless_there(request: Request) -> Result<Option<Response>> {
    let answer = errors::look(request)?;
    if errors::reason(&answer) == "captionExists" {
        return Ok(None);
    }
    // The bytes were cut off on the way, or their session is over: it begins anew.
    if answer.status == 308 || (answer.status == 404 && errors::reason(&answer) == "uploadNotFound")
    {
        return Err(Error::transient("the upload of captions broke off"));
    }
    errors::judged(answer).map(Some)
}

/// The post's files that are not captions of it.
pub fn others(post: &Post) -> impl Iterator<Item = (usize, &MediaItem)> {
    let all = post.media.iter().enumerate();
    all.filter(|(_, item)| !is_captions(item))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_the_language() {
        for (name, language) in [
            ("film.az.srt", Some("az")),
            ("film.pt-BR.vtt", Some("pt-BR")),
            ("a.b.zh-Hant.srt", Some("zh-Hant")),
            ("film.srt", None),
            ("film.2026.srt", None),
            ("film.final.srt", None),
            ("az.srt", None),
            ("srt", None),
        ] {
            assert_eq!(language_in(name), language, "{name}");
        }
    }
}
