//! What is published.

use serde::{Deserialize, Serialize};

use super::{Digest, Id, Review, TimeSpan, Timestamp};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MediaKind {
    Image,
    Gif,
    Video,
    Audio,
    Document,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Visibility {
    Public,
    Unlisted,
    Followers,
    Direct,
}

/// From the centre to the right and to the top, -1.0 to 1.0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FocalPoint {
    pub x: f32,
    pub y: f32,
}

/// A file to publish. The file itself stays where the operator keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MediaItem {
    /// An absolute path.
    pub path: String,
    pub kind: MediaKind,
    pub mime: String,
    /// Bytes.
    pub size: u64,
    /// Of the bytes, when the post was accepted: a file that changed since is told.
    pub digest: Digest,
    pub alt: Option<String>,
    pub focus: Option<FocalPoint>,
    /// Pixels.
    pub width: Option<u32>,
    pub height: Option<u32>,
    /// Of a video or a sound.
    pub length: Option<TimeSpan>,
}

/// A file that a delivery offers to its platform, to be fetched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Offer {
    /// An absolute path.
    pub path: String,
    pub mime: String,
    /// The account that offered it last.
    pub account: String,
    /// Nobody gets it after that.
    pub until: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Poll {
    pub options: Vec<String>,
    /// How long votes are taken.
    pub open_for: TimeSpan,
    #[serde(default)]
    pub multiple: bool,
    #[serde(default)]
    pub hide_totals: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ThreadPart {
    pub text: String,
    #[serde(default)]
    pub media: Vec<MediaItem>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Link {
    pub url: String,
    pub title: Option<String>,
    pub description: Option<String>,
    pub thumbnail: Option<MediaItem>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mention {
    /// As it stands in the text, without the at sign.
    pub handle: String,
    pub id: Option<String>,
}

/// A generator's draft as it was accepted; what every account's variant starts from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Draft {
    pub text: String,
    /// BCP 47.
    pub language: Option<String>,
    #[serde(default)]
    pub media: Vec<MediaItem>,
    pub link: Option<Link>,
    #[serde(default)]
    pub hashtags: Vec<String>,
    #[serde(default)]
    pub mentions: Vec<Mention>,
    pub poll: Option<Poll>,
    #[serde(default)]
    pub thread: Vec<ThreadPart>,
    pub first_comment: Option<String>,
    pub visibility: Option<Visibility>,
    pub content_warning: Option<String>,
    #[serde(default)]
    pub sensitive: bool,
    /// Platform options by plugin name.
    #[serde(default)]
    pub options: serde_json::Map<String, serde_json::Value>,
    /// Other words for one account or plugin, by its name.
    #[serde(default)]
    pub variants: Vec<(String, String)>,
}

impl Draft {
    /// All its files, in the order in which they stand.
    pub fn files(&self) -> impl Iterator<Item = &MediaItem> {
        let thumbnail = self.link.iter().flat_map(|link| &link.thumbnail);
        let thread = self.thread.iter().flat_map(|part| &part.media);
        self.media.iter().chain(thumbnail).chain(thread)
    }

    /// As [`Draft::files`].
    pub fn files_mut(&mut self) -> impl Iterator<Item = &mut MediaItem> {
        let thumbnail = self.link.iter_mut().flat_map(|link| &mut link.thumbnail);
        let thread = self.thread.iter_mut().flat_map(|part| &mut part.media);
        self.media.iter_mut().chain(thumbnail).chain(thread)
    }

    /// The draft in the words that one account wants: by the account's name, else by its
    /// plugin's.
    pub fn in_words_of(&self, account: &str, plugin: &str) -> Draft {
        let mut draft = self.clone();
        let words = [account, plugin]
            .into_iter()
            .find_map(|name| self.variants.iter().find(|(wanted, _)| wanted == name));
        if let Some((_, words)) = words {
            draft.text.clone_from(words);
        }
        draft
    }
}

impl Default for Draft {
    fn default() -> Self {
        Draft {
            text: String::new(),
            language: None,
            media: Vec::new(),
            link: None,
            hashtags: Vec::new(),
            mentions: Vec::new(),
            poll: None,
            thread: Vec::new(),
            first_comment: None,
            visibility: None,
            content_warning: None,
            sensitive: false,
            options: serde_json::Map::new(),
            variants: Vec::new(),
        }
    }
}

/// What a generator's words were made from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// What it was asked, JSON.
    pub brief: Option<String>,
    /// The model that wrote them.
    pub model: Option<String>,
    /// The prompt, or a fingerprint of it.
    pub prompt: Option<String>,
    /// Files, addresses.
    pub sources: Vec<String>,
}

/// Where a post came from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// `jarchi post`, or the local API.
    Command,
    /// A message to the operator: no content of the brand.
    Alarm { cause: String },
    /// A draft that is put before whoever lets it out: no content of the brand.
    Approval { post: Id },
    Generator {
        /// The generator's name in the configuration.
        name: String,
        /// Plugin and version, as `library 0.1.0`.
        plugin: String,
        /// The draft's own key: the same content has the same key for ever.
        key: String,
        /// Changes when the content does.
        revision: String,
        /// A path or an address.
        source: Option<String>,
        #[serde(default)]
        provenance: Option<Box<Provenance>>,
    },
}

impl Origin {
    /// A message to the operator, and no content of the brand.
    pub const fn is_message(&self) -> bool {
        matches!(self, Origin::Alarm { .. } | Origin::Approval { .. })
    }
}

/// An accepted draft. Each account that it goes to has a delivery of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Post {
    pub id: Id,
    pub draft: Draft,
    pub origin: Origin,
    pub pillar: Option<String>,
    pub campaign: Option<String>,
    pub created_at: Timestamp,
    /// Post it again this long after it was published.
    pub repeat_after: Option<TimeSpan>,
    pub deliveries: Vec<Id>,
    /// None: nobody has to let it out.
    #[serde(default)]
    pub review: Option<Review>,
    /// When a person gave it other words last: what its generator changes since is not taken
    /// on.
    #[serde(default)]
    pub edited_at: Option<Timestamp>,
}
