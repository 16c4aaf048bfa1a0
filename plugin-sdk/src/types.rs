//! What makes the interface's records pleasant to use.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::generator::{Batch, Brief};
use crate::{
    Account, Error, Measure, MediaItem, MediaKind, Metric, Millis, Outcome, Post, PostMetrics,
    Problem, Progress, Receipt, Result, Severity, ThreadPart, Timestamp, kv, media,
};

/// Reads a JSON object that may be left out altogether.
fn object<T: DeserializeOwned>(what: &str, json: &str) -> Result<T> {
    let json = if json.trim().is_empty() { "{}" } else { json };
    serde_json::from_str(json).map_err(|error| Error::invalid(format!("{what}: {error}")))
}

fn to_json<T: Serialize + ?Sized>(what: &str, value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::invalid(format!("{what}: {error}")))
}

impl Account {
    /// The account's settings as a type of the plugin's.
    ///
    /// # Errors
    /// `Invalid`, with the name of the setting that does not fit.
    pub fn settings<T: DeserializeOwned>(&self) -> Result<T> {
        object(
            &format!("settings of account `{}`", self.name),
            &self.settings,
        )
    }
}

impl Brief {
    /// The generator's settings as a type of the plugin's.
    ///
    /// # Errors
    /// `Invalid`, with the name of the setting that does not fit.
    pub fn settings<T: DeserializeOwned>(&self) -> Result<T> {
        object("settings of the generator", &self.settings)
    }
}

impl Batch {
    /// Nothing new, and nothing withdrawn.
    pub fn empty() -> Self {
        Batch {
            drafts: Vec::new(),
            complete: false,
            problems: Vec::new(),
            topics: None,
        }
    }
}

impl Default for Post {
    fn default() -> Self {
        Post {
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
            options: String::from("{}"),
        }
    }
}

impl Post {
    /// A post of words alone.
    pub fn text(text: impl Into<String>) -> Self {
        Post {
            text: text.into(),
            ..Post::default()
        }
    }

    /// The platform's own options as a type of the plugin's.
    ///
    /// # Errors
    /// `Invalid`, with the name of the option that does not fit.
    pub fn options<T: DeserializeOwned>(&self) -> Result<T> {
        object("options of the post", &self.options)
    }

    /// The post's own part and the further ones: text and media.
    pub fn parts(&self) -> impl Iterator<Item = (&str, &[MediaItem])> {
        std::iter::once((self.text.as_str(), self.media.as_slice())).chain(
            self.thread
                .iter()
                .map(|part| (part.text.as_str(), part.media.as_slice())),
        )
    }
}

impl ThreadPart {
    /// A part of words alone.
    pub fn text(text: impl Into<String>) -> Self {
        ThreadPart {
            text: text.into(),
            media: Vec::new(),
        }
    }
}

impl MediaKind {
    /// The kind's name in a sentence.
    pub const fn name(self) -> &'static str {
        match self {
            MediaKind::Image => "image",
            MediaKind::Gif => "GIF",
            MediaKind::Video => "video",
            MediaKind::Audio => "audio file",
            MediaKind::Document => "document",
        }
    }
}

impl Problem {
    /// The platform would refuse it. `place` as `text`, `media[1].alt`, `thread[0].text`.
    pub fn error(place: impl Into<String>, message: impl Into<String>) -> Self {
        Problem {
            severity: Severity::Error,
            place: place.into(),
            message: message.into(),
        }
    }

    /// A person should know it.
    pub fn warning(place: impl Into<String>, message: impl Into<String>) -> Self {
        Problem {
            severity: Severity::Warning,
            place: place.into(),
            message: message.into(),
        }
    }
}

impl Receipt {
    /// A receipt with the platform's identifier.
    pub fn new(id: impl Into<String>) -> Self {
        Receipt {
            id: id.into(),
            url: None,
            published_at: None,
            parts: Vec::new(),
            data: None,
        }
    }

    /// With the address where people see it.
    #[must_use]
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.url = Some(url.into());
        self
    }

    /// With the time when it was published.
    #[must_use]
    pub fn published_at(mut self, moment: Timestamp) -> Self {
        self.published_at = Some(moment);
        self
    }

    /// With what the connector wants back later.
    ///
    /// # Errors
    /// `Invalid`: it is no JSON.
    pub fn with_data<T: Serialize + ?Sized>(mut self, data: &T) -> Result<Self> {
        self.data = Some(to_json("data of the receipt", data)?);
        Ok(self)
    }

    /// What [`with_data`](Receipt::with_data) kept.
    ///
    /// # Errors
    /// `Invalid`: it is not there, or not a `T`.
    pub fn data<T: DeserializeOwned>(&self) -> Result<T> {
        object(
            &format!("data of receipt `{}`", self.id),
            self.data.as_deref().unwrap_or_default(),
        )
    }
}

impl Outcome {
    /// There are more steps: `state` is on disk before the next one, which comes at once.
    ///
    /// # Errors
    /// `Invalid`: the state is no JSON.
    pub fn processing<T: Serialize + ?Sized>(state: &T, note: impl Into<String>) -> Result<Self> {
        Progress::new(state, note).map(Outcome::Processing)
    }
}

impl Progress {
    /// Progress of which nothing can be seen yet, to be gone on with at once.
    ///
    /// # Errors
    /// `Invalid`: the state is no JSON.
    pub fn new<T: Serialize + ?Sized>(state: &T, note: impl Into<String>) -> Result<Self> {
        Ok(Progress {
            state: to_json("state of the delivery", state)?,
            after: 0,
            note: note.into(),
            visible: false,
        })
    }

    /// Goes on after this many milliseconds.
    #[must_use]
    pub fn after(mut self, wait: Millis) -> Self {
        self.after = wait;
        self
    }

    /// Others can see something of the post already.
    #[must_use]
    pub fn visible(mut self, visible: bool) -> Self {
        self.visible = visible;
        self
    }
}

impl From<Progress> for Outcome {
    fn from(progress: Progress) -> Self {
        Outcome::Processing(progress)
    }
}

impl From<Receipt> for Outcome {
    fn from(receipt: Receipt) -> Self {
        Outcome::Published(receipt)
    }
}

impl Metric {
    /// A number.
    pub const fn new(measure: Measure, value: i64) -> Self {
        Metric { measure, value }
    }
}

impl PostMetrics {
    /// The numbers of a post.
    pub fn of(post: &Receipt, metrics: Vec<Metric>) -> Self {
        PostMetrics {
            id: post.id.clone(),
            metrics,
            gone: false,
        }
    }

    /// A post that the platform no longer has.
    pub fn gone(post: &Receipt) -> Self {
        PostMetrics {
            id: post.id.clone(),
            metrics: Vec::new(),
            gone: true,
        }
    }
}

impl Error {
    /// The platform asks to wait, this many milliseconds if it said so.
    pub const fn rate_limited(wait: Option<Millis>) -> Self {
        Error::RateLimited(wait)
    }

    /// The platform refuses the account's credentials.
    pub fn unauthorized(reason: impl Into<String>) -> Self {
        Error::Unauthorized(reason.into())
    }

    /// The platform will never take this as it is.
    pub fn invalid(reason: impl Into<String>) -> Self {
        Error::Invalid(reason.into())
    }

    /// Nothing was published, and trying again can help.
    pub fn transient(reason: impl Into<String>) -> Self {
        Error::Transient(reason.into())
    }

    /// Something may have been published.
    pub fn unknown_outcome(reason: impl Into<String>) -> Self {
        Error::UnknownOutcome(reason.into())
    }

    /// The platform has no such thing.
    pub fn unsupported(reason: impl Into<String>) -> Self {
        Error::Unsupported(reason.into())
    }

    /// The reason in words, without the kind of error.
    pub fn reason(&self) -> String {
        match self {
            Error::RateLimited(None) => "the platform asks to wait".into(),
            Error::RateLimited(Some(wait)) => format!("the platform asks to wait {wait} ms"),
            Error::Unauthorized(reason)
            | Error::Invalid(reason)
            | Error::Transient(reason)
            | Error::UnknownOutcome(reason)
            | Error::Unsupported(reason) => reason.clone(),
        }
    }

    /// The same error, with what was being done before its reason.
    #[must_use]
    pub fn context(self, doing: impl std::fmt::Display) -> Self {
        let put = |reason: String| format!("{doing}: {reason}");
        match self {
            Error::RateLimited(wait) => Error::RateLimited(wait),
            Error::Unauthorized(reason) => Error::Unauthorized(put(reason)),
            Error::Invalid(reason) => Error::Invalid(put(reason)),
            Error::Transient(reason) => Error::Transient(put(reason)),
            Error::UnknownOutcome(reason) => Error::UnknownOutcome(put(reason)),
            Error::Unsupported(reason) => Error::Unsupported(put(reason)),
        }
    }
}

/// A read of the plugin's own memory: nothing was published by it.
impl From<kv::Error> for Error {
    fn from(error: kv::Error) -> Self {
        match error {
            kv::Error::Quota(bytes) => {
                Error::Transient(format!("the plugin's memory is full ({bytes} bytes)"))
            }
            kv::Error::InvalidKey(reason) => Error::Invalid(format!("key of kv: {reason}")),
            kv::Error::Store(reason) => Error::Transient(format!("kv: {reason}")),
        }
    }
}

impl From<media::Error> for Error {
    fn from(error: media::Error) -> Self {
        match error {
            media::Error::NotFound(reason)
            | media::Error::Denied(reason)
            | media::Error::Invalid(reason) => Error::Invalid(reason),
            media::Error::Quota(bytes) => Error::Invalid(format!(
                "a call may make files of {bytes} bytes, and this one made more"
            )),
            media::Error::Io(reason) => Error::Transient(reason),
        }
    }
}
