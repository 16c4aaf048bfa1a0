//! The generator's settings, checked.

use chrono_tz::Tz;
use jarchi_plugin_sdk::generator::Brief;
use jarchi_plugin_sdk::{Error, Millis, Result, time};
use serde::Deserialize;

use crate::front::Rest;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    folder: Option<String>,
    language: Option<String>,
    every: Option<String>,
    per_run: Option<u32>,
    rest: Option<String>,
    seed: Option<String>,
}

pub(crate) struct Settings {
    pub(crate) folder: String,
    /// Those that the post may be in, the best first.
    pub(crate) languages: Vec<String>,
    pub(crate) every: Millis,
    pub(crate) per_run: usize,
    pub(crate) rest: Rest,
    pub(crate) seed: String,
    pub(crate) zone: Tz,
}

impl Settings {
    /// # Errors
    /// `Invalid`, with the setting and what it takes.
    pub(crate) fn of(brief: &Brief) -> Result<Self> {
        let written: Written = brief.settings()?;
        let every = written.every.as_deref().unwrap_or("1d");
        let rest = written.rest.as_deref().unwrap_or("30d");
        let per_run = written.per_run.unwrap_or(1);
        if !(0..=50).contains(&per_run) {
            return Err(Error::invalid(format!(
                "setting `per_run` is {per_run}: it takes 0 to 50"
            )));
        }
        Ok(Settings {
            folder: written.folder.unwrap_or_else(|| String::from("data")),
            languages: match written.language {
                Some(language) => vec![language],
                None => brief.languages.clone(),
            },
            every: time::parse_span(every).ok_or_else(|| {
                Error::invalid(format!(
                    "setting `every`: `{every}` is not a length of time: write it as `12h` or `1d`"
                ))
            })?,
            per_run: per_run as usize,
            rest: Rest::parse(rest)
                .map_err(|message| Error::invalid(format!("setting `rest`: {message}")))?,
            seed: written.seed.unwrap_or_default(),
            zone: brief
                .time_zone
                .parse()
                .map_err(|_| Error::invalid(format!("`{}` is not a time zone", brief.time_zone)))?,
        })
    }
}
