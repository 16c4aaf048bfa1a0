//! What a post becomes on LinkedIn: its words, its files, its content.

use jarchi_plugin_sdk::{
    Error, MediaItem, MediaKind, Millis, Post, Problem, Result, compose, options,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::little;
use crate::settings::{Audience, OPTIONS, Options, Settings};

const DAY: Millis = 86_400_000;

/// How long a poll can be open (Poll API).
pub const DURATIONS: [(Millis, &str); 4] = [
    (DAY, "ONE_DAY"),
    (3 * DAY, "THREE_DAYS"),
    (7 * DAY, "SEVEN_DAYS"),
    (14 * DAY, "FOURTEEN_DAYS"),
];

/// The most characters of a poll's question.
pub const QUESTION: usize = 140;

/// What stands under the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Text,
    Article,
    Image,
    MultiImage,
    Video,
    Document,
    Poll,
    Reshare,
}

/// Which of LinkedIn's media interfaces takes a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    Images,
    Videos,
    Documents,
}

impl Room {
    /// Its part of the path.
    pub const fn path(self) -> &'static str {
        match self {
            Room::Images => "images",
            Room::Videos => "videos",
            Room::Documents => "documents",
        }
    }

    /// Where the answer names what is to be.
    pub const fn field(self) -> &'static str {
        match self {
            Room::Images => "image",
            Room::Videos => "video",
            Room::Documents => "document",
        }
    }

    pub const fn of(kind: MediaKind) -> Option<Self> {
        match kind {
            MediaKind::Image | MediaKind::Gif => Some(Room::Images),
            MediaKind::Video => Some(Room::Videos),
            MediaKind::Document => Some(Room::Documents),
            MediaKind::Audio => None,
        }
    }
}

/// The post's options.
///
/// # Errors
/// `Invalid`, with what does not fit.
pub fn options(post: &Post) -> Result<Options> {
    let mut problems: Vec<Problem> = Vec::new();
    let options = options::check(post, &OPTIONS, &mut problems);
    match problems.first() {
        Some(problem) => Err(Error::invalid(format!(
            "{}: {}",
            problem.place, problem.message
        ))),
        None => Ok(options),
    }
}

/// The kind of a post.
pub fn kind(post: &Post, options: &Options) -> Kind {
    if options.reshare_of.is_some() {
        return Kind::Reshare;
    }
    if post.poll.is_some() {
        return Kind::Poll;
    }
    match post.media.as_slice() {
        [] if card(post) => Kind::Article,
        [] => Kind::Text,
        [one] => match one.kind {
            MediaKind::Video => Kind::Video,
            MediaKind::Document => Kind::Document,
            _ => Kind::Image,
        },
        _ => Kind::MultiImage,
    }
}

/// The link becomes a card: LinkedIn reads nothing off the page, so it needs a title.
fn card(post: &Post) -> bool {
    let title = post.link.as_ref().and_then(|link| link.title.as_deref());
    title.is_some_and(|title| !title.trim().is_empty())
}

/// The files that are uploaded, in order.
pub fn files(post: &Post, kind: Kind) -> Vec<&MediaItem> {
    match kind {
        Kind::Article => {
            let thumbnail = post.link.as_ref().and_then(|link| link.thumbnail.as_ref());
            thumbnail.into_iter().collect()
        }
        Kind::Image | Kind::MultiImage | Kind::Video | Kind::Document => {
            post.media.iter().collect()
        }
        Kind::Text | Kind::Poll | Kind::Reshare => Vec::new(),
    }
}

/// A poll's question, and the text that is left for the words above it.
pub fn question<'a>(text: &'a str, options: &'a Options) -> (&'a str, &'a str) {
    match options.question.as_deref() {
        Some(question) => (question.trim(), text),
        None => {
            let text = text.trim();
            let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
            (first.trim(), rest.trim())
        }
    }
}

/// The words as people will see them.
pub fn words(post: &Post, kind: Kind, options: &Options) -> String {
    let mut shown = post.clone();
    if kind == Kind::Poll {
        question(&post.text, options).1.clone_into(&mut shown.text);
    }
    if kind == Kind::Article {
        // The card shows it.
        shown.link = None;
    }
    compose::whole_text(&shown).into_owned()
}

fn title<'a>(item: &'a MediaItem, options: &'a Options) -> &'a str {
    let stem = item
        .name
        .rsplit_once('.')
        .map_or(item.name.as_str(), |(stem, _)| stem);
    options.title.as_deref().unwrap_or(stem)
}

/// The request that publishes. `files` are the URNs of the uploaded ones.
///
/// # Errors
/// `Invalid`: the options do not fit.
pub fn body(post: &Post, settings: &Settings, author: &str, files: &[&str]) -> Result<Value> {
    let options = options(post)?;
    let kind = kind(post, &options);
    let audience = options.visibility.or(match post.visibility {
        Some(jarchi_plugin_sdk::Visibility::Followers) => Some(Audience::Connections),
        Some(_) => Some(Audience::Public),
        None => settings.visibility,
    });
    let feed = if options.feed == Some(false) {
        "NONE"
    } else {
        "MAIN_FEED"
    };
    let mut body = Map::new();
    let mut put = |name: &str, value: Value| body.insert(name.to_owned(), value);
    put("author", json!(author));
    put(
        "commentary",
        json!(little::escape(&words(post, kind, &options), &post.mentions)),
    );
    put(
        "visibility",
        json!(audience.unwrap_or(Audience::Public).name()),
    );
    put(
        "distribution",
        json!({
            "feedDistribution": feed,
            "targetEntities": [],
            "thirdPartyDistributionChannels": [],
        }),
    );
    put("lifecycleState", json!("PUBLISHED"));
    put(
        "isReshareDisabledByAuthor",
        json!(options.reshare == Some(false)),
    );
    if let Some(content) = content(post, kind, &options, files) {
        put("content", content);
    }
    if let Some(parent) = &options.reshare_of {
        put("reshareContext", json!({ "parent": parent }));
    }
    Ok(Value::Object(body))
}

fn alt(item: &MediaItem) -> Option<&str> {
    item.alt
        .as_deref()
        .map(str::trim)
        .filter(|alt| !alt.is_empty())
}

fn picture(item: &MediaItem, urn: &str) -> Value {
    match alt(item) {
        Some(alt) => json!({ "id": urn, "altText": alt }),
        None => json!({ "id": urn }),
    }
}

fn content(post: &Post, kind: Kind, options: &Options, files: &[&str]) -> Option<Value> {
    match kind {
        Kind::Text | Kind::Reshare => None,
        Kind::Image => Some(json!({ "media": picture(post.media.first()?, files.first()?) })),
        Kind::MultiImage => {
            let images: Vec<Value> = post
                .media
                .iter()
                .zip(files)
                .map(|(item, urn)| picture(item, urn))
                .collect();
            Some(json!({ "multiImage": { "images": images } }))
        }
        Kind::Video | Kind::Document => Some(json!({
            "media": { "id": files.first()?, "title": title(post.media.first()?, options) }
        })),
        Kind::Article => {
            let link = post.link.as_ref()?;
            let mut article = json!({ "source": link.url, "title": link.title.as_deref()?.trim() });
            if let Some(description) = &link.description {
                article["description"] = json!(description);
            }
            if let Some(urn) = files.first() {
                article["thumbnail"] = json!(urn);
                if let Some(alt) = link.thumbnail.as_ref().and_then(alt) {
                    article["thumbnailAltText"] = json!(alt);
                }
            }
            Some(json!({ "article": article }))
        }
        Kind::Poll => {
            let poll = post.poll.as_ref()?;
            let choices: Vec<Value> = poll
                .options
                .iter()
                .map(|text| json!({ "text": text }))
                .collect();
            Some(json!({
                "poll": {
                    "question": question(&post.text, options).0,
                    "options": choices,
                    "settings": { "duration": duration(poll.open_for)? },
                }
            }))
        }
    }
}

/// The shortest of LinkedIn's durations that is long enough.
pub fn duration(open_for: Millis) -> Option<&'static str> {
    let fitting = DURATIONS.iter().find(|(length, _)| open_for <= *length);
    fitting.map(|(_, name)| *name)
}
