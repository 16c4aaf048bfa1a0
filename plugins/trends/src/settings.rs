//! The generator's settings, checked.

use std::collections::BTreeMap;

use jarchi_plugin_sdk::generator::Brief;
use jarchi_plugin_sdk::{Error, Millis, Result, time};
use serde::Deserialize;

use crate::post::Template;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    /// For the brand's other generators.
    Input,
    /// For people.
    List,
    Post,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    mode: Mode,
    mastodon: Option<String>,
    bluesky: Option<String>,
    #[serde(default)]
    feeds: Vec<String>,
    #[serde(default)]
    topics: Vec<String>,
    #[serde(default)]
    pillars: BTreeMap<String, Vec<String>>,
    hashtags: Option<Vec<String>>,
    audience: Option<String>,
    #[serde(default)]
    taboos: Vec<String>,
    threshold: Option<u32>,
    template: Option<String>,
    link: Option<bool>,
    language: Option<String>,
    most: Option<u32>,
    every: Option<String>,
    max_age: Option<String>,
}

pub(crate) struct Settings {
    pub(crate) mode: Mode,
    /// Without a `/` at the end.
    pub(crate) mastodon: Option<String>,
    pub(crate) bluesky: Option<String>,
    pub(crate) feeds: Vec<String>,
    pub(crate) topics: Vec<String>,
    pub(crate) pillars: BTreeMap<String, Vec<String>>,
    pub(crate) hashtags: Vec<String>,
    pub(crate) audience: String,
    pub(crate) taboos: Vec<String>,
    pub(crate) threshold: u32,
    pub(crate) template: Option<Template>,
    pub(crate) link: bool,
    pub(crate) language: Option<String>,
    pub(crate) most: usize,
    pub(crate) every: Millis,
    pub(crate) max_age: Millis,
}

impl Settings {
    /// # Errors
    /// `Invalid`, with the setting and what it takes.
    pub(crate) fn of(brief: &Brief) -> Result<Self> {
        let written: Written = brief.settings()?;
        let (mastodon, bluesky) = (
            written
                .mastodon
                .map(|url| address("mastodon", &url))
                .transpose()?,
            written
                .bluesky
                .map(|url| address("bluesky", &url))
                .transpose()?,
        );
        let feeds = written
            .feeds
            .iter()
            .map(|url| address("feeds", url))
            .collect::<Result<Vec<_>>>()?;
        if mastodon.is_none() && bluesky.is_none() && feeds.is_empty() && written.topics.is_empty()
        {
            return Err(Error::invalid(
                "there is no source of topics: set `mastodon`, `bluesky`, `feeds` or `topics`",
            ));
        }
        let hashtags = written.hashtags.unwrap_or_else(|| brief.hashtags.clone());
        let voice = brief.voice.as_ref();
        let audience = written
            .audience
            .or_else(|| voice.and_then(|voice| voice.audience.clone()))
            .unwrap_or_default();
        if written.pillars.values().all(Vec::is_empty) && hashtags.is_empty() && audience.is_empty()
        {
            return Err(Error::invalid(
                "nothing says what fits the brand: set `pillars`, as `{ tea = [\"çay\"] }`, \
                 `hashtags` or `audience`",
            ));
        }
        let template = match (written.mode, written.template.as_deref()) {
            (Mode::Post, None) => {
                return Err(Error::invalid(
                    "setting `template` is missing: with `mode = \"post\"` it is the text of a \
                     post, as `{{ topic }}? {{ hashtag }}`",
                ));
            }
            (_, None) => None,
            (_, Some(source)) => Some(
                Template::new(source)
                    .map_err(|message| Error::invalid(format!("setting `template`: {message}")))?,
            ),
        };
        let threshold = written.threshold.unwrap_or(60);
        if threshold > 100 {
            return Err(Error::invalid(format!(
                "setting `threshold` is {threshold}: no score is above 100"
            )));
        }
        let usual = if written.mode == Mode::Post { 1 } else { 10 };
        let most = written.most.unwrap_or(usual);
        if !(1..=50).contains(&most) {
            return Err(Error::invalid(format!(
                "setting `most` is {most}: it takes 1 to 50"
            )));
        }
        let most = match (written.mode, brief.wanted) {
            (Mode::Post, wanted @ 1..) => most.min(wanted),
            _ => most,
        };
        let mut taboos = written.taboos;
        taboos.extend(voice.into_iter().flat_map(|voice| voice.taboos.clone()));
        Ok(Settings {
            mode: written.mode,
            mastodon,
            bluesky,
            feeds,
            topics: written.topics,
            pillars: written.pillars,
            hashtags,
            audience,
            taboos,
            threshold,
            template,
            link: written.link.unwrap_or(false),
            language: written.language,
            most: most as usize,
            every: span("every", written.every.as_deref().unwrap_or("1d"))?,
            max_age: span("max_age", written.max_age.as_deref().unwrap_or("3d"))?,
        })
    }
}

fn span(name: &str, text: &str) -> Result<Millis> {
    time::parse_span(text).ok_or_else(|| {
        Error::invalid(format!(
            "setting `{name}`: `{text}` is not a length of time: write it as `12h` or `3d`"
        ))
    })
}

fn address(name: &str, url: &str) -> Result<String> {
    let url = url.trim().trim_end_matches('/');
    let lower = url.to_ascii_lowercase();
    if !lower.starts_with("https://") && !lower.starts_with("http://") {
        return Err(Error::invalid(format!(
            "setting `{name}`: `{url}` is not an address: it begins with `https://`"
        )));
    }
    Ok(url.to_owned())
}
