//! Where cards are drawn: the brand's files, read once, and what a card needs of them.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use jarchi_plugin_sdk::media::{self, File};
use jarchi_plugin_sdk::{Error, Problem, Result};
use serde_json::Value;

use crate::card::{Card, digest};
use crate::fit;
use crate::fonts::{BUILT_IN, Fonts};
use crate::palette;
use crate::render::{self, Assets};
use crate::settings::Settings;
use crate::size::{Format, Shape};
use crate::template::{self, Look, Own, Picture};

/// Counts the ways in which cards were drawn: a new way is a new revision.
const FORM: u32 = 1;

/// The longest file that is read (bytes): a large font, a photo.
const LONGEST: u64 = 12 << 20;

/// Pixels of a photo's longer side: what is larger takes more memory than a call has.
const LARGEST: u32 = 2_400;

/// The granted folder.
pub(crate) struct Folder(BTreeMap<String, File>);

impl Folder {
    /// # Errors
    /// It is not granted, or can't be read.
    pub(crate) fn open(name: &str) -> Result<Self> {
        let files = media::list(name)
            .map_err(|error| Error::from(error).context(format!("folder `{name}`")))?;
        Ok(Folder(
            files
                .into_iter()
                .map(|file| (file.path.clone(), file))
                .collect(),
        ))
    }

    /// Without any file.
    pub(crate) fn empty() -> Self {
        Folder(BTreeMap::new())
    }

    pub(crate) fn files(&self) -> impl Iterator<Item = &File> {
        self.0.values()
    }

    fn find(&self, what: &str, path: &str) -> std::result::Result<&File, String> {
        let plain = path.trim_start_matches("./").trim_start_matches('/');
        self.0.get(plain).ok_or_else(|| {
            match crate::nearest(plain, self.0.keys().map(String::as_str)) {
                Some(other) => {
                    format!("{what}: there is no file `{path}`; did you mean `{other}`?")
                }
                None => format!("{what}: there is no file `{path}` in the folder"),
            }
        })
    }

    pub(crate) fn read(file: &File, most: u64) -> std::result::Result<Vec<u8>, String> {
        if file.size > most {
            return Err(format!(
                "`{}` is too big: {} bytes, and {most} are the most",
                file.path, file.size
            ));
        }
        media::read(&file.id, most)
            .map_err(|error| format!("`{}`: {}", file.path, Error::from(error).reason()))
    }
}

/// A drawn card.
pub(crate) struct Drawn {
    pub(crate) bytes: Vec<u8>,
    pub(crate) problems: Vec<Problem>,
}

/// The brand's files as they are needed.
struct Kit {
    fonts: Fonts,
    font: String,
    heading: String,
    logo: Option<Picture>,
    assets: Assets,
}

pub(crate) struct Studio<'a> {
    folder: &'a Folder,
    settings: &'a Settings,
    /// The brand by its name in the configuration.
    brand: &'a str,
    kit: OnceCell<Kit>,
}

const LOGO: &str = "logo";
const PHOTO: &str = "photo";

impl<'a> Studio<'a> {
    pub(crate) fn new(folder: &'a Folder, settings: &'a Settings, brand: &'a str) -> Self {
        Studio {
            folder,
            settings,
            brand,
            kit: OnceCell::new(),
        }
    }

    /// Changes when the picture does, without drawing it.
    pub(crate) fn revision(
        &self,
        card: &Card,
        shape: Shape,
        format: Format,
        extra: &str,
    ) -> String {
        let settings = self.settings;
        let files: Vec<&str> = settings
            .fonts
            .iter()
            .chain(&settings.logo)
            .chain(&card.photo)
            .chain(self.template_path(card))
            .filter_map(|path| self.folder.find("", path).ok())
            .map(|file| file.digest.as_str())
            .collect();
        let look = format!(
            "{FORM} {} {} {} {:?} {:?} {:?} {:?} {:?} {} {extra} {}",
            card.digest,
            shape.name(),
            format.ending(),
            settings.palette,
            settings.style,
            settings.font,
            settings.heading,
            settings.brand,
            settings.handle,
            files.join(" ")
        );
        digest(&look)
    }

    fn template_path<'b>(&'b self, card: &'b Card) -> Option<&'b String> {
        card.template.as_ref().or_else(|| {
            let of_kind = self.settings.templates.iter();
            of_kind
                .filter(|(kind, _)| *kind == card.kind)
                .map(|(_, path)| path)
                .next()
        })
    }

    /// Draws a card.
    ///
    /// # Errors
    /// What is wrong with the card or its template, in words.
    pub(crate) fn draw(
        &self,
        card: &Card,
        shape: Shape,
        format: Format,
        language: &str,
    ) -> std::result::Result<Drawn, String> {
        if self.kit.get().is_none() {
            let _ = self.kit.set(self.unpack()?);
        }
        let Some(kit) = self.kit.get() else {
            return Err(String::from("the brand's files could not be read"));
        };
        let mut problems = Vec::new();
        let mut warn = |message: String| problems.push(Problem::warning("", message));
        let colors = self
            .settings
            .palette
            .colors(card.style.unwrap_or(self.settings.style))?;
        for fault in colors.faint() {
            warn(format!("`palette`: {fault}"));
        }
        let mut assets = kit.assets.clone();
        let photo = match &card.photo {
            None => None,
            Some(path) => Some(self.picture("`photo`", path, PHOTO, &mut assets)?),
        };
        let own = match self.template_path(card) {
            None => None,
            Some(path) => {
                let file = self.folder.find("`template`", path)?;
                let bytes = Folder::read(file, 1 << 20)?;
                let source = String::from_utf8(bytes)
                    .map_err(|_| format!("template `{path}` is not UTF-8"))?;
                Some(Own {
                    path: file.path.clone(),
                    source,
                })
            }
        };
        let mut missing = Vec::new();
        let mut words = Value::Object(card.fields.clone());
        clean(&mut words, &kit.fonts, &mut missing);
        let mut clean_text = |text: &str| {
            let (text, lost) = kit.fonts.drawable(text);
            missing.extend(lost);
            text
        };
        let look = Look {
            font: kit.font.clone(),
            heading: kit.heading.clone(),
            brand: clean_text(self.settings.brand.as_deref().unwrap_or(self.brand)),
            handle: clean_text(&self.settings.handle),
            logo: kit.logo.clone(),
            colors,
        };
        if !missing.is_empty() {
            missing.sort();
            missing.dedup();
            warn(format!(
                "no font draws {}: left out of the picture; a font of your own in `fonts` may \
                 have it",
                missing
                    .iter()
                    .map(|text| format!("`{text}`"))
                    .collect::<Vec<_>>()
                    .join(", ")
            ));
        }
        let svg = template::fill(
            own.as_ref(),
            card.kind,
            shape,
            &look,
            &words,
            photo.as_ref(),
            language,
        )?;
        let fitted = fit::fit(&svg, &kit.fonts)?;
        for cut in &fitted.cut {
            warn(format!(
                "the words do not fit the picture even at their smallest, and are cut: `{cut}`"
            ));
        }
        let (width, height) = shape.pixels();
        let background = palette::parse(&look.colors.background).unwrap_or([255; 3]);
        let own_files = self.images_of(&fitted.svg, own.as_ref(), &mut assets)?;
        for lost in own_files {
            warn(lost);
        }
        let pixmap = render::draw(&fitted.svg, &kit.fonts, &assets, width, height, background)?;
        Ok(Drawn {
            bytes: render::encode(&pixmap, format)?,
            problems,
        })
    }

    /// Files that a template of one's own shows by their paths.
    fn images_of(
        &self,
        svg: &str,
        own: Option<&Own>,
        assets: &mut Assets,
    ) -> std::result::Result<Vec<String>, String> {
        if own.is_none() {
            return Ok(Vec::new());
        }
        let document = roxmltree::Document::parse(svg).map_err(|error| error.to_string())?;
        let mut lost = Vec::new();
        for node in document.descendants().filter(|node| {
            node.has_tag_name("image") || node.has_tag_name(("http://www.w3.org/2000/svg", "image"))
        }) {
            let href = node
                .attribute("href")
                .or_else(|| node.attribute(("http://www.w3.org/1999/xlink", "href")));
            let Some(href) = href.filter(|href| !href.starts_with("data:")) else {
                continue;
            };
            if assets.contains_key(href) {
                continue;
            }
            if let Err(fault) = self.picture("`image` in the template", href, href, assets) {
                lost.push(fault);
            }
        }
        Ok(lost)
    }

    fn unpack(&self) -> std::result::Result<Kit, String> {
        let mut own = Vec::new();
        for path in &self.settings.fonts {
            own.push(Folder::read(self.folder.find("`fonts`", path)?, LONGEST)?);
        }
        let fonts = Fonts::new(own).map_err(|index| {
            let path = self.settings.fonts.get(index).map_or("", String::as_str);
            format!("`fonts`: `{path}` is no TrueType or OpenType font")
        })?;
        let family = |key: &str, name: &Option<String>| match name {
            None => Ok(fonts.first_family()),
            Some(name) if fonts.has_family(name) => Ok(name.clone()),
            Some(name) => Err(format!(
                "`{key}`: there is no font `{name}`; there are {}",
                fonts.families().join(", ")
            )),
        };
        let font = family("font", &self.settings.font)?;
        let heading = match &self.settings.heading {
            None => font.clone(),
            named => family("heading", named)?,
        };
        debug_assert!(fonts.has_family(BUILT_IN), "it is embedded");
        let mut assets = Assets::new();
        let logo = match &self.settings.logo {
            None => None,
            Some(path) => Some(self.picture("`logo`", path, LOGO, &mut assets)?),
        };
        Ok(Kit {
            fonts,
            font,
            heading,
            logo,
            assets,
        })
    }

    fn picture(
        &self,
        what: &str,
        path: &str,
        name: &str,
        assets: &mut Assets,
    ) -> std::result::Result<Picture, String> {
        let file = self.folder.find(what, path)?;
        if let (Some(width), Some(height)) = (file.width, file.height)
            && width.max(height) > LARGEST
        {
            return Err(format!(
                "{what}: `{path}` is {width} by {height} pixels, and {LARGEST} are the most on a \
                 side: make it smaller"
            ));
        }
        let bytes = Folder::read(file, LONGEST)?;
        let (width, height) = match (file.width, file.height) {
            (Some(width), Some(height)) if render::kind_of(&bytes).is_some() => (width, height),
            _ if render::is_svg(&bytes) => {
                render::svg_size(&bytes).map_err(|fault| format!("{what}: `{path}`: {fault}"))?
            }
            _ => {
                return Err(format!(
                    "{what}: `{path}` is no PNG, JPEG, WebP, GIF or SVG"
                ));
            }
        };
        assets.insert(name.to_owned(), Arc::new(bytes));
        Ok(Picture {
            href: name.to_owned(),
            width: width.max(1),
            height: height.max(1),
        })
    }
}

/// Takes what no font draws out of all words.
fn clean(value: &mut Value, fonts: &Fonts, missing: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            let (kept, lost) = fonts.drawable(text);
            *text = kept;
            missing.extend(lost);
        }
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| clean(item, fonts, missing)),
        Value::Object(items) => items
            .values_mut()
            .for_each(|item| clean(item, fonts, missing)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
