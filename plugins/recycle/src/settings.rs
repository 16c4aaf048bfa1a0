//! The generator's settings, checked.

use std::collections::BTreeMap;

use jarchi_plugin_sdk::generator::Brief;
use jarchi_plugin_sdk::{Error, Millis, Result, compose, time};
use serde::Deserialize;

const DAY: Millis = 86_400_000;
/// A shorter rest is no rest: what people have seen this week, they have seen.
const LEAST_DAYS: u64 = 7;
const MOST_DAYS: u64 = 3650;

/// The openings for languages that have none of their own.
pub(crate) const ALL: &str = "all";

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    Input,
    #[default]
    Post,
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Written {
    mode: Mode,
    pillars: Vec<String>,
    tags: Vec<String>,
    except: Vec<String>,
    campaigns: bool,
    rest_days: u64,
    least: i64,
    openings: BTreeMap<String, Vec<String>>,
    texts: BTreeMap<String, Vec<String>>,
    every: Option<String>,
    most: usize,
}

impl Default for Written {
    fn default() -> Self {
        Written {
            mode: Mode::Post,
            pillars: Vec::new(),
            tags: Vec::new(),
            except: Vec::new(),
            campaigns: false,
            rest_days: 90,
            least: 0,
            openings: BTreeMap::new(),
            texts: BTreeMap::new(),
            every: None,
            most: 5,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) mode: Mode,
    pub(crate) pillars: Vec<String>,
    /// As [`tag`] makes them, likewise `except`.
    pub(crate) tags: Vec<String>,
    pub(crate) except: Vec<String>,
    pub(crate) campaigns: bool,
    pub(crate) rest: Millis,
    pub(crate) least: i64,
    pub(crate) openings: BTreeMap<String, Vec<String>>,
    pub(crate) texts: BTreeMap<String, Vec<String>>,
    pub(crate) every: Option<Millis>,
    pub(crate) most: usize,
}

/// A hashtag as it is compared: without its sign, in lower case.
pub(crate) fn tag(written: &str) -> String {
    compose::hashtag(written.trim().trim_start_matches('#')).to_lowercase()
}

fn wrong(setting: &str, what: impl std::fmt::Display) -> Error {
    Error::invalid(format!("setting `{setting}`: {what}"))
}

impl Settings {
    /// # Errors
    /// `Invalid`, with the setting and what it takes.
    pub(crate) fn of(brief: &Brief) -> Result<Self> {
        let written: Written = brief.settings()?;
        let tags = |setting: &str, tags: &[String]| {
            tags.iter()
                .map(|written| match tag(written) {
                    bare if bare.is_empty() => {
                        Err(wrong(setting, format!("`{written}` is no hashtag")))
                    }
                    bare => Ok(bare),
                })
                .collect::<Result<Vec<_>>>()
        };
        if written.pillars.is_empty() && written.tags.is_empty() {
            return Err(Error::invalid(
                "nothing says which posts are evergreen: set `pillars`, as [\"tips\"], or `tags`",
            ));
        }
        if !(LEAST_DAYS..=MOST_DAYS).contains(&written.rest_days) {
            return Err(wrong(
                "rest_days",
                format!(
                    "it is {}, and takes {LEAST_DAYS} to {MOST_DAYS}",
                    written.rest_days
                ),
            ));
        }
        if !(1..=20).contains(&written.most) {
            return Err(wrong(
                "most",
                format!("it is {}, and takes 1 to 20", written.most),
            ));
        }
        for (setting, lists) in [("openings", &written.openings), ("texts", &written.texts)] {
            for (name, list) in lists {
                if list.iter().any(|words| words.trim().is_empty()) {
                    return Err(wrong(setting, format!("an entry of `{name}` has no words")));
                }
            }
        }
        let every = written
            .every
            .map(|text| {
                time::parse_span(&text)
                    .filter(|span| *span > 0)
                    .ok_or_else(|| {
                        wrong(
                            "every",
                            format!("`{text}` is no length of time: write it as `7d`"),
                        )
                    })
            })
            .transpose()?;
        Ok(Settings {
            mode: written.mode,
            pillars: written.pillars,
            tags: tags("tags", &written.tags)?,
            except: tags("except", &written.except)?,
            campaigns: written.campaigns,
            rest: written.rest_days * DAY,
            least: written.least,
            openings: written.openings,
            texts: written.texts,
            every,
            most: written.most,
        })
    }
}
