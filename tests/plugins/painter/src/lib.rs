//! A generator that makes the files of its drafts itself. What they hold stands in its
//! settings, so that a test knows each byte that must arrive.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jarchi_plugin_sdk::generator::{Draft, Due};
use jarchi_plugin_sdk::{Batch, Brief, Error, Generator, Post, Result, media};
use serde::Deserialize;

struct Painter;

#[derive(Deserialize)]
struct Settings {
    pictures: BTreeMap<String, Picture>,
}

#[derive(Deserialize)]
struct Picture {
    name: String,
    bytes: String,
    text: String,
    alt: Option<String>,
    /// By the wall clock.
    due: Option<String>,
}

impl Generator for Painter {
    fn generate(brief: &Brief) -> Result<Batch> {
        let settings: Settings = brief.settings()?;
        let drafts = settings
            .pictures
            .into_iter()
            .map(|(key, picture)| paint(key, picture))
            .collect::<Result<_>>()?;
        Ok(Batch {
            drafts,
            complete: true,
            ..Batch::empty()
        })
    }
}

fn paint(key: String, picture: Picture) -> Result<Draft> {
    let bytes = STANDARD
        .decode(&picture.bytes)
        .map_err(|error| Error::Invalid(format!("{key}: {error}")))?;
    let file = media::create(&picture.name, &bytes)?;
    // What was handed over can be had back at once.
    if media::read(&file.id, file.size)? != bytes {
        return Err(Error::Invalid(format!("{key}: other bytes came back")));
    }
    let mut post = Post::text(picture.text);
    post.media = vec![media::item(&file, picture.alt)];
    Ok(Draft {
        key,
        revision: file.digest,
        post,
        variants: Vec::new(),
        accounts: Vec::new(),
        pillar: None,
        campaign: None,
        due: picture.due.map(Due::Local),
        repeat_after: None,
        provenance: None,
        source: None,
    })
}

jarchi_plugin_sdk::export!(Painter: generator);
