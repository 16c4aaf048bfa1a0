//! The generator's settings, checked.

use jarchi_plugin_sdk::generator::Brief;
use jarchi_plugin_sdk::{Error, Millis, Result, time};
use serde::Deserialize;

use crate::template::Template;

/// How many drafts a run makes that is not told.
const MAX_PER_RUN: u32 = 3;

/// What an item is called says it: most titles do, and what has none has a summary.
const TEMPLATE: &str = "{{ title or summary }}";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    feeds: Vec<String>,
    template: Option<String>,
    language: Option<String>,
    max_per_run: Option<u32>,
    first_run: Option<String>,
    max_age: Option<String>,
    #[serde(default)]
    hashtags: Vec<String>,
}

pub(crate) struct Settings {
    /// Each once.
    pub(crate) feeds: Vec<String>,
    pub(crate) template: Template,
    pub(crate) language: Option<String>,
    pub(crate) max_per_run: usize,
    pub(crate) first_run: FirstRun,
    pub(crate) max_age: Option<Millis>,
    pub(crate) hashtags: Vec<String>,
}

/// What becomes of the items that are in a feed when it is first read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FirstRun {
    None,
    Latest(usize),
}

impl Settings {
    /// # Errors
    /// `Invalid`, with the setting and what it takes.
    pub(crate) fn of(brief: &Brief) -> Result<Self> {
        let written: Written = brief.settings()?;
        let mut feeds: Vec<String> = Vec::with_capacity(written.feeds.len());
        for feed in written.feeds {
            let feed = feed.trim();
            let lower = feed.to_ascii_lowercase();
            if !lower.starts_with("https://") && !lower.starts_with("http://") {
                return Err(Error::invalid(format!(
                    "setting `feeds`: `{feed}` is not an address: it begins with `https://`"
                )));
            }
            if !feeds.iter().any(|other| other == feed) {
                feeds.push(feed.to_owned());
            }
        }
        if feeds.is_empty() {
            return Err(Error::invalid(
                "setting `feeds` is empty: give the address of one feed at least",
            ));
        }
        let source = written.template.as_deref().unwrap_or(TEMPLATE);
        let template = Template::new(source)
            .map_err(|message| Error::invalid(format!("setting `template`: {message}")))?;
        let max_age = match written.max_age.as_deref() {
            None => None,
            Some(text) => Some(time::parse_span(text).ok_or_else(|| {
                Error::invalid(format!(
                    "setting `max_age`: `{text}` is not a length of time: write it as `36h` or `7d`"
                ))
            })?),
        };
        let max_per_run = written.max_per_run.unwrap_or(MAX_PER_RUN);
        if max_per_run == 0 {
            return Err(Error::invalid(
                "setting `max_per_run` is 0: no item would ever be posted",
            ));
        }
        // Asked for a slot, it gives what is wanted; asked what it has, what it may.
        let max_per_run = match brief.wanted {
            0 => max_per_run,
            wanted => max_per_run.min(wanted),
        };
        Ok(Settings {
            feeds,
            template,
            language: written.language,
            max_per_run: max_per_run as usize,
            first_run: first_run(written.first_run.as_deref())?,
            max_age,
            hashtags: written
                .hashtags
                .iter()
                .map(|tag| tag.trim().trim_start_matches('#').to_owned())
                .filter(|tag| !tag.is_empty())
                .collect(),
        })
    }
}

fn first_run(text: Option<&str>) -> Result<FirstRun> {
    let text = text.unwrap_or("none").trim();
    let count = text.strip_prefix("latest").map(str::trim);
    match (text, count.map(str::parse)) {
        ("none", _) => Ok(FirstRun::None),
        ("latest", _) => Ok(FirstRun::Latest(1)),
        (_, Some(Ok(count))) => Ok(FirstRun::Latest(count)),
        _ => Err(Error::invalid(format!(
            "setting `first_run`: `{text}` is neither `none` nor `latest 3`"
        ))),
    }
}
