//! What the server takes, by its own configuration.

use jarchi_plugin_sdk::{Error, Result, kv, log};
use serde::{Deserialize, Serialize};

use crate::api::Api;

/// How long a server's configuration is kept (milliseconds).
const KEPT: u64 = 60 * 60 * 1000;

/// The limits of a server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Characters of a status, content warning included.
    pub text: usize,
    /// What an address counts.
    pub url: usize,
    /// Files of a status.
    pub media: usize,
    /// Media types; none: the server does not tell.
    pub types: Vec<String>,
    /// Characters of an alternative text.
    pub alt: usize,
    /// Bytes.
    pub image_size: u64,
    pub video_size: u64,
    /// Pixels.
    pub image_pixels: u64,
    pub video_pixels: u64,
    pub poll_options: usize,
    /// Characters of a poll's option.
    pub poll_option: usize,
    /// Seconds.
    pub poll_shortest: u64,
    pub poll_longest: u64,
}

/// Those of a Mastodon that was not changed.
impl Default for Limits {
    fn default() -> Self {
        Limits {
            text: 500,
            url: 23,
            media: 4,
            types: Vec::new(),
            alt: 1500,
            image_size: 16_777_216,
            video_size: 103_809_024,
            image_pixels: 33_177_600,
            video_pixels: 8_294_400,
            poll_options: 4,
            poll_option: 50,
            poll_shortest: 300,
            poll_longest: 2_629_746,
        }
    }
}

/// The server's own limits, kept for an hour; the usual ones where it does not tell.
///
/// # Errors
/// `Invalid`: the sandbox forbids asking it.
pub fn of(api: &Api) -> Result<Limits> {
    match kv::cached("limits", KEPT, || ask(api)) {
        Err(Error::Invalid(reason)) => Err(Error::Invalid(reason)),
        Err(error) => {
            log::warn!(reason = error.reason(); "the server does not tell its limits; the usual ones are taken");
            Ok(Limits::default())
        }
        limits => limits,
    }
}

fn ask(api: &Api) -> Result<Limits> {
    let mut last = None;
    for path in ["/api/v2/instance", "/api/v1/instance"] {
        // What forbids one forbids the other; what a server answers does not.
        let answer = api.anonymous("GET", path).send()?;
        match answer
            .for_read()
            .and_then(|answer| answer.json::<Instance>())
        {
            Ok(instance) => return Ok(instance.limits()),
            Err(error) => last = Some(error),
        }
    }
    // A refusal of both is no fault of the post: it is the same as no answer.
    Err(Error::transient(
        last.map(|error| error.reason()).unwrap_or_default(),
    ))
}

/// Both versions of the instance's description, and what Pleroma and its kin add.
#[derive(Deserialize)]
struct Instance {
    #[serde(default)]
    configuration: Configuration,
    max_toot_chars: Option<usize>,
    #[serde(default)]
    poll_limits: Polls,
    upload_limit: Option<u64>,
    description_limit: Option<usize>,
}

#[derive(Default, Deserialize)]
struct Configuration {
    #[serde(default)]
    statuses: Statuses,
    #[serde(default)]
    media_attachments: Media,
    #[serde(default)]
    polls: Polls,
}

#[derive(Default, Deserialize)]
struct Statuses {
    max_characters: Option<usize>,
    max_media_attachments: Option<usize>,
    characters_reserved_per_url: Option<usize>,
}

#[derive(Default, Deserialize)]
struct Media {
    #[serde(default)]
    supported_mime_types: Vec<String>,
    description_limit: Option<usize>,
    image_size_limit: Option<u64>,
    image_matrix_limit: Option<u64>,
    video_size_limit: Option<u64>,
    video_matrix_limit: Option<u64>,
}

#[derive(Default, Deserialize)]
struct Polls {
    max_options: Option<usize>,
    #[serde(alias = "max_option_chars")]
    max_characters_per_option: Option<usize>,
    min_expiration: Option<u64>,
    max_expiration: Option<u64>,
}

impl Instance {
    fn limits(self) -> Limits {
        let usual = Limits::default();
        let Configuration {
            statuses,
            media_attachments: media,
            polls,
        } = self.configuration;
        let old = self.poll_limits;
        Limits {
            text: statuses
                .max_characters
                .or(self.max_toot_chars)
                .unwrap_or(usual.text),
            url: statuses.characters_reserved_per_url.unwrap_or(usual.url),
            media: statuses.max_media_attachments.unwrap_or(usual.media),
            types: media.supported_mime_types,
            alt: media
                .description_limit
                .or(self.description_limit)
                .unwrap_or(usual.alt),
            image_size: media
                .image_size_limit
                .or(self.upload_limit)
                .unwrap_or(usual.image_size),
            video_size: media
                .video_size_limit
                .or(self.upload_limit)
                .unwrap_or(usual.video_size),
            image_pixels: media.image_matrix_limit.unwrap_or(usual.image_pixels),
            video_pixels: media.video_matrix_limit.unwrap_or(usual.video_pixels),
            poll_options: polls
                .max_options
                .or(old.max_options)
                .unwrap_or(usual.poll_options),
            poll_option: polls
                .max_characters_per_option
                .or(old.max_characters_per_option)
                .unwrap_or(usual.poll_option),
            poll_shortest: polls
                .min_expiration
                .or(old.min_expiration)
                .unwrap_or(usual.poll_shortest),
            poll_longest: polls
                .max_expiration
                .or(old.max_expiration)
                .unwrap_or(usual.poll_longest),
        }
    }
}
