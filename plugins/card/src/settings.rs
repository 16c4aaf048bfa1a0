//! The generator's settings, checked.

use std::collections::BTreeMap;

use jarchi_plugin_sdk::generator::Brief;
use jarchi_plugin_sdk::{Error, Millis, Result, time};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::card::Kind;
use crate::palette::{Palette, Style};
use crate::size::{Format, Shape};

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Written {
    folder: String,
    palette: Palette,
    style: Style,
    size: Option<String>,
    format: Option<Format>,
    logo: Option<String>,
    brand: Option<String>,
    handle: String,
    fonts: Vec<String>,
    font: Option<String>,
    heading: Option<String>,
    templates: BTreeMap<String, String>,
    language: Option<String>,
    hashtags: Vec<String>,
    every: Option<String>,
    order: Order,
    repeat: bool,
    preview: Option<Map<String, Value>>,
}

impl Default for Written {
    fn default() -> Self {
        Written {
            folder: String::from("cards"),
            palette: Palette::default(),
            style: Style::default(),
            size: None,
            format: None,
            logo: None,
            brand: None,
            handle: String::new(),
            fonts: Vec::new(),
            font: None,
            heading: None,
            templates: BTreeMap::new(),
            language: None,
            hashtags: Vec::new(),
            every: None,
            order: Order::default(),
            repeat: true,
            preview: None,
        }
    }
}

/// Which card comes first of those that were used as often.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Order {
    /// As the files have them.
    #[default]
    Rows,
    /// Mixed, otherwise in each round.
    Mixed,
}

#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) folder: String,
    pub(crate) palette: Palette,
    pub(crate) style: Style,
    pub(crate) size: Option<Shape>,
    pub(crate) format: Option<Format>,
    pub(crate) logo: Option<String>,
    pub(crate) brand: Option<String>,
    pub(crate) handle: String,
    pub(crate) fonts: Vec<String>,
    pub(crate) font: Option<String>,
    pub(crate) heading: Option<String>,
    pub(crate) templates: Vec<(Kind, String)>,
    pub(crate) language: Option<String>,
    pub(crate) hashtags: Vec<String>,
    pub(crate) every: Option<Millis>,
    pub(crate) order: Order,
    pub(crate) repeat: bool,
    pub(crate) preview: Option<Map<String, Value>>,
}

impl Settings {
    /// # Errors
    /// `Invalid`, with the setting and what it takes.
    pub(crate) fn of(brief: &Brief) -> Result<Self> {
        let written: Written = brief.settings()?;
        let wrong = |message: String| Error::invalid(format!("settings: {message}"));
        let size = match &written.size {
            None => None,
            Some(name) => {
                Some(Shape::named(name).ok_or_else(|| wrong(crate::card::no_such_size(name)))?)
            }
        };
        let mut templates = Vec::new();
        for (name, path) in written.templates {
            let kind = Kind::named(&name).ok_or_else(|| {
                wrong(format!(
                    "`templates.{name}` is no kind of card: quote, tip, review, price, poll or chart"
                ))
            })?;
            templates.push((kind, path));
        }
        let every = match &written.every {
            None => None,
            Some(text) => Some(time::parse_span(text).filter(|span| *span > 0).ok_or_else(
                || {
                    wrong(format!(
                        "`every` is `{text}`, which is no length of time: write it as `1d` or `36h`"
                    ))
                },
            )?),
        };
        for style in [Style::Light, Style::Dark, Style::Accent] {
            written.palette.colors(style).map_err(wrong)?;
        }
        Ok(Settings {
            folder: written.folder,
            palette: written.palette,
            style: written.style,
            size,
            format: written.format,
            logo: written.logo,
            brand: written.brand,
            handle: written.handle,
            fonts: written.fonts,
            font: written.font,
            heading: written.heading,
            templates,
            language: written.language,
            hashtags: written.hashtags,
            every,
            order: written.order,
            repeat: written.repeat,
            preview: written.preview,
        })
    }
}
