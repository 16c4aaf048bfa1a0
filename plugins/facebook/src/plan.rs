//! What a post becomes on a Page.

use std::borrow::Cow;

use jarchi_plugin_sdk::{MediaItem, MediaKind, Post, Result, compose};
use serde::Deserialize;

/// What only Facebook knows: `options.facebook`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Options {
    /// The video becomes a reel.
    pub reel: bool,
    /// A video's title.
    pub title: Option<String>,
}

/// The keys of [`Options`].
pub const OPTIONS: [&str; 2] = ["reel", "title"];

/// What kind of post it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A text, with a link or photos or without.
    Feed,
    Video,
    Reel,
}

/// A post as it goes to the Page.
pub struct Plan<'a> {
    pub kind: Kind,
    pub message: Cow<'a, str>,
    /// The address that Facebook makes a card of.
    pub link: Option<&'a str>,
    pub media: &'a [MediaItem],
    pub options: Options,
}

impl<'a> Plan<'a> {
    /// # Errors
    /// `Invalid`: the options do not fit.
    pub fn of(post: &'a Post) -> Result<Self> {
        let options: Options = post.options()?;
        let kind = match post.media.first() {
            Some(file) if file.kind == MediaKind::Video && options.reel => Kind::Reel,
            Some(file) if file.kind == MediaKind::Video => Kind::Video,
            _ => Kind::Feed,
        };
        // A card takes the place of a link in the text; with files there is none.
        let link = post.link.as_ref().filter(|_| post.media.is_empty());
        let message = match link {
            Some(_) => {
                let bare = Post {
                    link: None,
                    ..post.clone()
                };
                Cow::Owned(compose::whole_text(&bare).into_owned())
            }
            None => compose::whole_text(post),
        };
        Ok(Plan {
            kind,
            message,
            link: link.map(|link| link.url.as_str()),
            media: &post.media,
            options,
        })
    }
}
