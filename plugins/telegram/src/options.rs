//! The account's settings, and what a post may say for Telegram alone.

use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Bytes of one file that Telegram's own server takes (Bot API, "Sending files").
pub const UPLOAD: u64 = 50 << 20;

/// The account's block in the configuration.
#[derive(Clone, Debug, Deserialize)]
pub struct Settings {
    #[serde(default)]
    pub chat: Option<String>,
    #[serde(default = "telegram")]
    pub api: String,
    #[serde(default)]
    pub topic: Option<i64>,
    #[serde(default)]
    pub silent: bool,
    #[serde(default)]
    pub protect: bool,
    #[serde(default = "yes")]
    pub updates: bool,
    #[serde(default = "upload")]
    pub upload_limit: u64,
}

fn telegram() -> String {
    "https://api.telegram.org".to_owned()
}

fn yes() -> bool {
    true
}

fn upload() -> u64 {
    UPLOAD
}

/// The keys of [`Options`].
pub const KNOWN: [&str; 16] = [
    "format",
    "silent",
    "protect",
    "pin",
    "topic",
    "reply_to",
    "buttons",
    "link_preview",
    "as_document",
    "caption_above",
    "spoiler",
    "question",
    "anonymous",
    "quiz",
    "shuffle",
    "revote",
];

/// `options.telegram` of a post.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    pub format: Format,
    pub silent: Option<bool>,
    pub protect: Option<bool>,
    /// Pins the post when it is out.
    pub pin: bool,
    pub topic: Option<i64>,
    /// The number of a message of the same chat that the post answers.
    pub reply_to: Option<i64>,
    /// Rows of buttons below the post.
    pub buttons: Vec<Vec<Button>>,
    pub link_preview: Option<Preview>,
    /// Files as they are, not as pictures and videos to look at.
    pub as_document: bool,
    /// The text above the picture, not below it.
    pub caption_above: bool,
    /// Pictures and videos are covered until they are tapped.
    pub spoiler: bool,
    /// A poll's question; the text is then its description.
    pub question: Option<String>,
    /// A poll that shows who voted how, in groups alone, is not.
    pub anonymous: Option<bool>,
    pub quiz: Option<Quiz>,
    /// A poll's options are shown in any order.
    pub shuffle: Option<bool>,
    /// A vote may be changed.
    pub revote: Option<bool>,
}

/// How the texts of a post are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    #[default]
    Plain,
    /// Telegram's HTML.
    Html,
}

/// A button below a post: an address to open, or a text to copy.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Button {
    pub text: String,
    #[serde(default)]
    pub url: Option<String>,
    #[serde(default)]
    pub copy: Option<String>,
}

impl Button {
    pub fn to_json(&self) -> Value {
        match (&self.url, &self.copy) {
            (Some(url), _) => json!({ "text": self.text, "url": url }),
            (None, copy) => json!({ "text": self.text, "copy_text": { "text": copy } }),
        }
    }
}

/// The card of a link in the text.
#[derive(Clone, Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "`link_preview` is true, false, or a table of `url`, `large`, `small` and `above`"
)]
pub enum Preview {
    Shown(bool),
    Like(Card),
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Card {
    pub url: Option<String>,
    pub large: bool,
    pub small: bool,
    pub above: bool,
}

impl Preview {
    /// `link`: the post's own, whose card is meant.
    pub fn to_json(preview: Option<&Self>, link: Option<&str>) -> Option<Value> {
        let mut options = Map::new();
        let mut put = |name: &str, value: Value| options.insert(name.to_owned(), value);
        let card = match preview {
            Some(Preview::Shown(false)) => return Some(json!({ "is_disabled": true })),
            Some(Preview::Like(card)) => card.clone(),
            Some(Preview::Shown(true)) | None => Card::default(),
        };
        if let Some(url) = card.url.as_deref().or(link) {
            put("url", url.into());
        }
        for (name, set) in [
            ("prefer_large_media", card.large),
            ("prefer_small_media", card.small),
            ("show_above_text", card.above),
        ] {
            if set {
                put(name, true.into());
            }
        }
        (!options.is_empty()).then(|| Value::Object(options))
    }
}

/// Makes a poll one with right answers.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quiz {
    /// Numbers of the right options, from 0.
    pub correct: Vec<usize>,
    /// Shown to those who are wrong.
    #[serde(default)]
    pub explanation: Option<String>,
}
