//! What a post becomes: messages, each sent in a step of its own.

use jarchi_plugin_sdk::{MediaItem, MediaKind, Poll, Post, compose};

use crate::markup::{self, Text};
use crate::options::{Format, Options};

/// UTF-16 code units of a message, a caption and a poll's question ("Limits" are told with
/// each method of the Bot API).
pub const TEXT: usize = 4096;
pub const CAPTION: usize = 1024;
pub const QUESTION: usize = 300;
/// Files in an album.
pub const ALBUM: usize = 10;

/// One message, or an album of them.
#[derive(Debug)]
pub struct Unit<'a> {
    /// Where it stands in the post: `` for the post itself, else `thread[0].` or
    /// `first-comment`.
    pub place: String,
    pub content: Content<'a>,
    /// The text, the caption, or a poll's description.
    pub text: Text,
    pub reply: Reply,
    /// Those of the options stand below it.
    pub buttons: bool,
}

#[derive(Debug)]
pub enum Content<'a> {
    Text,
    One(&'a MediaItem, As),
    Album(Vec<(&'a MediaItem, As)>),
    Poll(&'a Poll, String, Option<(&'a MediaItem, As)>),
}

/// What a message answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// What the options name.
    Chosen,
    Nothing,
    /// The unit of this number.
    Unit(usize),
    /// The post, where people talk about it.
    Comment,
}

/// How Telegram shows a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum As {
    Photo,
    Video,
    Animation,
    Audio,
    Document,
}

impl As {
    /// The name of the parameter, and of the type in an album.
    pub fn name(self) -> &'static str {
        match self {
            As::Photo => "photo",
            As::Video => "video",
            As::Animation => "animation",
            As::Audio => "audio",
            As::Document => "document",
        }
    }

    pub fn method(self) -> &'static str {
        match self {
            As::Photo => "sendPhoto",
            As::Video => "sendVideo",
            As::Animation => "sendAnimation",
            As::Audio => "sendAudio",
            As::Document => "sendDocument",
        }
    }

    /// Pictures and videos can be covered.
    pub fn is_seen(self) -> bool {
        matches!(self, As::Photo | As::Video | As::Animation)
    }

    /// Those that are no photo, no MPEG-4, no MP3 or M4A are sent as documents.
    pub fn of(item: &MediaItem, as_document: bool) -> Self {
        let mime = item.mime.to_ascii_lowercase();
        let mime = mime.as_str();
        match item.kind {
            _ if as_document => As::Document,
            MediaKind::Image if matches!(mime, "image/jpeg" | "image/png" | "image/webp") => {
                As::Photo
            }
            MediaKind::Gif => As::Animation,
            MediaKind::Video if mime == "video/mp4" => As::Video,
            MediaKind::Audio
                if matches!(
                    mime,
                    "audio/mpeg" | "audio/mp3" | "audio/mp4" | "audio/m4a" | "audio/x-m4a"
                ) =>
            {
                As::Audio
            }
            _ => As::Document,
        }
    }
}

/// The messages of a post, in order.
///
/// # Errors
/// Where the text's markup is wrong: the place, and why.
pub fn units<'a>(post: &'a Post, options: &Options) -> Result<Vec<Unit<'a>>, (String, String)> {
    let mut units: Vec<Unit<'a>> = Vec::new();
    let mut answered = None;
    for (index, (own, media)) in post.parts().enumerate() {
        let place = match index {
            0 => String::new(),
            _ => format!("thread[{}].", index - 1),
        };
        let text = match index {
            0 => first_text(post, options),
            _ => mark(own, post, options),
        };
        let text = text.map_err(|why| (format!("{place}text"), why))?;
        let reply = match answered {
            None => Reply::Chosen,
            Some(unit) => Reply::Unit(unit),
        };
        answered = Some(units.len());
        let poll = post.poll.as_ref().filter(|_| index == 0);
        add(&mut units, place, text, reply, media, poll, options);
    }
    if let Some(comment) = &post.first_comment {
        let place = "first-comment".to_owned();
        units.push(Unit {
            text: mark(comment, post, options).map_err(|why| (place.clone(), why))?,
            place,
            content: Content::Text,
            reply: Reply::Comment,
            buttons: false,
        });
    }
    if !options.buttons.is_empty()
        && let Some(unit) = units
            .iter_mut()
            .find(|unit| unit.place.is_empty() && !matches!(unit.content, Content::Album(_)))
    {
        unit.buttons = true;
    }
    Ok(units)
}

fn add<'a>(
    units: &mut Vec<Unit<'a>>,
    place: String,
    text: Text,
    reply: Reply,
    media: &'a [MediaItem],
    poll: Option<&'a Poll>,
    options: &Options,
) {
    let shown = |item: &'a MediaItem| (item, As::of(item, options.as_document));
    let content = match (poll, media) {
        (Some(poll), media) => {
            let (question, text) = match &options.question {
                Some(question) => (question.clone(), text),
                None => (text.plain, Text::default()),
            };
            // More than one is refused by the check.
            let content = Content::Poll(poll, question, media.first().map(shown));
            return units.push(Unit {
                place,
                content,
                text,
                reply,
                buttons: false,
            });
        }
        (None, []) => Content::Text,
        (None, [one]) => Content::One(one, As::of(one, options.as_document)),
        (None, many) => Content::Album(many.iter().map(shown).collect()),
    };
    let (caption, rest) = match content {
        Content::Text => (text, None),
        _ if text.length() > CAPTION => (Text::default(), Some(text)),
        _ => (text, None),
    };
    units.push(Unit {
        place: place.clone(),
        content,
        text: caption,
        reply,
        buttons: false,
    });
    if let Some(text) = rest {
        units.push(Unit {
            place,
            content: Content::Text,
            text,
            reply: Reply::Nothing,
            buttons: false,
        });
    }
}

fn first_text(post: &Post, options: &Options) -> Result<Text, String> {
    let warning = post.content_warning.as_deref().unwrap_or_default().trim();
    let text = match options.format {
        Format::Plain => compose::whole_text(post).into_owned(),
        Format::Html => {
            let mut paragraphs = vec![post.text.trim_end().to_owned()];
            paragraphs.retain(|text| !text.is_empty());
            paragraphs.extend(
                compose::missing(post)
                    .iter()
                    .map(|text| markup::escape(text)),
            );
            paragraphs.join("\n\n")
        }
    };
    let warning = match options.format {
        Format::Plain => warning.to_owned(),
        Format::Html => markup::escape(warning),
    };
    let text = match warning.as_str() {
        "" => text,
        warning => format!("{warning}\n\n{text}"),
    };
    mark(text.trim_end(), post, options)
}

fn mark(text: &str, post: &Post, options: &Options) -> Result<Text, String> {
    match options.format {
        Format::Plain => Ok(markup::plain(text, &post.mentions)),
        Format::Html => markup::html(text),
    }
}
