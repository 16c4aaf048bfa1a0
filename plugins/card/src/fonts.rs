//! The fonts of a card: the brand's own, then Inter, then Noto's emoji, and what they can
//! draw. There is no other: a card looks the same on every machine.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use harfrust::{ShapeOptions, ShaperData, UnicodeBuffer};
use resvg::usvg::{self, FontStyle};
use skrifa::instance::{LocationRef, Size};
use skrifa::{FontRef, MetadataProvider};
use unicode_segmentation::UnicodeSegmentation;

/// The family that is always there.
pub const BUILT_IN: &str = "Inter";

const EMBEDDED: [&[u8]; 4] = [
    include_bytes!("../fonts/Inter-Regular.otf"),
    include_bytes!("../fonts/Inter-SemiBold.otf"),
    include_bytes!("../fonts/Inter-ExtraBold.otf"),
    include_bytes!("../fonts/NotoColorEmoji-subset.ttf"),
];

/// What a text asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Want {
    /// In the order in which they are tried.
    pub families: Vec<String>,
    pub weight: u16,
    pub italic: bool,
}

/// Of one em.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measures {
    pub cap_height: f32,
    /// Positive: from the baseline down.
    pub descent: f32,
}

#[derive(Debug)]
pub struct Fonts {
    database: Arc<fontdb::Database>,
    /// In the order in which they stand in when the wanted one lacks a character.
    faces: Vec<fontdb::ID>,
    /// Widths of words in ems.
    widths: RefCell<HashMap<(fontdb::ID, String), f32>>,
}

impl Fonts {
    /// The brand's own files, which are asked first.
    ///
    /// # Errors
    /// The index of a file that is no font.
    pub fn new(own: Vec<Vec<u8>>) -> Result<Self, usize> {
        let mut database = fontdb::Database::new();
        let mut faces = Vec::new();
        for (index, bytes) in own.into_iter().enumerate() {
            let added = database.load_font_source(fontdb::Source::Binary(Arc::new(bytes)));
            if added.is_empty() {
                return Err(index);
            }
            faces.extend(added);
        }
        for bytes in EMBEDDED {
            faces.extend(database.load_font_source(fontdb::Source::Binary(Arc::new(bytes))));
        }
        Ok(Fonts {
            database: Arc::new(database),
            faces,
            widths: RefCell::default(),
        })
    }

    /// The family of the first font.
    pub fn first_family(&self) -> String {
        self.faces
            .first()
            .and_then(|id| self.database.face(*id))
            .and_then(|face| face.families.first())
            .map_or_else(|| String::from(BUILT_IN), |(name, _)| name.clone())
    }

    pub fn has_family(&self, name: &str) -> bool {
        self.database
            .faces()
            .any(|face| face.families.iter().any(|(family, _)| family == name))
    }

    /// Families of all fonts, for those who named one that there is not.
    pub fn families(&self) -> Vec<String> {
        let names: BTreeSet<&str> = self
            .database
            .faces()
            .flat_map(|face| face.families.iter().map(|(name, _)| name.as_str()))
            .collect();
        names.into_iter().map(str::to_owned).collect()
    }

    fn pick(database: &fontdb::Database, want: &Want) -> Option<fontdb::ID> {
        let mut families: Vec<fontdb::Family<'_>> = want
            .families
            .iter()
            .map(|name| fontdb::Family::Name(name))
            .collect();
        families.push(fontdb::Family::Name(BUILT_IN));
        database.query(&fontdb::Query {
            families: &families,
            weight: fontdb::Weight(want.weight),
            stretch: fontdb::Stretch::Normal,
            style: if want.italic {
                fontdb::Style::Italic
            } else {
                fontdb::Style::Normal
            },
        })
    }

    /// The renderer's options: it chooses by the same rule as [`Fonts::width`].
    pub fn options<'a>(&self) -> usvg::Options<'a> {
        let faces = self.faces.clone();
        usvg::Options {
            fontdb: Arc::clone(&self.database),
            font_family: String::from(BUILT_IN),
            font_resolver: usvg::FontResolver {
                select_font: Box::new(|font, database| {
                    let want = Want {
                        families: font
                            .families()
                            .iter()
                            .filter_map(|family| match family {
                                usvg::FontFamily::Named(name) => Some(name.clone()),
                                _ => None,
                            })
                            .collect(),
                        weight: font.weight(),
                        italic: font.style() != FontStyle::Normal,
                    };
                    Fonts::pick(database, &want)
                }),
                select_fallback: Box::new(move |character, used, database| {
                    faces
                        .iter()
                        .copied()
                        .find(|id| !used.contains(id) && draws(database, *id, character))
                }),
            },
            ..usvg::Options::default()
        }
    }

    fn with_font<T>(&self, id: fontdb::ID, act: impl FnOnce(&FontRef<'_>) -> T) -> Option<T> {
        self.database
            .with_face_data(id, |data, index| {
                FontRef::from_index(data, index).ok().map(|font| act(&font))
            })
            .flatten()
    }

    pub fn measures(&self, want: &Want) -> Measures {
        Fonts::pick(&self.database, want)
            .and_then(|id| {
                self.with_font(id, |font| {
                    let metrics = font.metrics(Size::new(1.0), LocationRef::default());
                    Measures {
                        cap_height: metrics.cap_height.unwrap_or(metrics.ascent * 0.75),
                        descent: -metrics.descent,
                    }
                })
            })
            .unwrap_or(Measures {
                cap_height: 0.72,
                descent: 0.24,
            })
    }

    /// The width of a piece of text in ems. Kerning is in it, but that between this piece
    /// and the next.
    pub fn width(&self, want: &Want, text: &str) -> f32 {
        let Some(first) = Fonts::pick(&self.database, want) else {
            return 0.0;
        };
        let mut width = 0.0;
        let mut run = String::new();
        let mut run_face = first;
        for grapheme in text.graphemes(true) {
            let face = grapheme
                .chars()
                .next()
                .and_then(|character| self.face_for(first, character))
                .unwrap_or(first);
            if face != run_face {
                width += self.run_width(run_face, &run);
                run.clear();
                run_face = face;
            }
            run.push_str(grapheme);
        }
        width + self.run_width(run_face, &run)
    }

    fn face_for(&self, first: fontdb::ID, character: char) -> Option<fontdb::ID> {
        std::iter::once(first)
            .chain(self.faces.iter().copied())
            .find(|id| draws(&self.database, *id, character))
    }

    fn run_width(&self, id: fontdb::ID, text: &str) -> f32 {
        if text.is_empty() {
            return 0.0;
        }
        let key = (id, text.to_owned());
        if let Some(width) = self.widths.borrow().get(&key) {
            return *width;
        }
        let width = self
            .with_font(id, |font| {
                let glyphs = shape(font, text);
                let units = font.metrics(Size::unscaled(), LocationRef::default());
                let advance: i32 = glyphs.iter().map(|(_, advance)| advance).sum();
                advance as f32 / f32::from(units.units_per_em.max(1))
            })
            .unwrap_or(0.0);
        self.widths.borrow_mut().insert(key, width);
        width
    }

    /// The text without what no font draws, and what that was. A skin tone or a joined
    /// emoji (a family, a profession) that is not there becomes the emoji that it begins with.
    pub fn drawable(&self, text: &str) -> (String, Vec<String>) {
        let mut kept = String::with_capacity(text.len());
        let mut missing = Vec::new();
        for grapheme in text.graphemes(true) {
            match self.whole(grapheme) {
                true => kept.push_str(grapheme),
                false => match self.without_marks(grapheme) {
                    Some(shorter) => kept.push_str(&shorter),
                    None => missing.push(grapheme.to_owned()),
                },
            }
        }
        (kept, missing)
    }

    /// Some font draws every character of it, and what is joined as one.
    fn whole(&self, grapheme: &str) -> bool {
        if grapheme
            .chars()
            .all(|character| character.is_whitespace() || is_invisible(character))
        {
            return true;
        }
        let joined = grapheme.contains('\u{200d}')
            || grapheme
                .chars()
                .any(|character| is_tone(character) || is_flag(character));
        self.faces.iter().any(|id| {
            let all = grapheme
                .chars()
                .filter(|character| !is_invisible(*character))
                .all(|character| draws(&self.database, *id, character));
            all && (!joined
                || self
                    .with_font(*id, |font| {
                        let glyphs = shape(font, grapheme);
                        glyphs.iter().filter(|(_, advance)| *advance > 0).count() == 1
                            && glyphs.iter().all(|(glyph, _)| *glyph != 0)
                    })
                    .unwrap_or(false))
        })
    }

    fn without_marks(&self, grapheme: &str) -> Option<String> {
        let first = grapheme.chars().next()?;
        (!is_flag(first)
            && !is_invisible(first)
            && self
                .faces
                .iter()
                .any(|id| draws(&self.database, *id, first)))
        .then(|| first.to_string())
    }
}

fn draws(database: &fontdb::Database, id: fontdb::ID, character: char) -> bool {
    database
        .with_face_data(id, |data, index| {
            FontRef::from_index(data, index)
                .ok()
                .and_then(|font| font.charmap().map(character))
                .is_some_and(|glyph| glyph.to_u32() != 0)
        })
        .unwrap_or(false)
}

/// Glyphs and their advances in the font's units.
fn shape(font: &FontRef<'_>, text: &str) -> Vec<(u32, i32)> {
    let data = ShaperData::new(font);
    let mut buffer = UnicodeBuffer::new();
    buffer.push_str(text);
    buffer.guess_segment_properties();
    let glyphs = data
        .shaper(font)
        .build()
        .shape(buffer, ShapeOptions::default());
    glyphs
        .glyph_infos()
        .iter()
        .zip(glyphs.glyph_positions())
        .map(|(info, position)| (info.glyph_id, position.x_advance))
        .collect()
}

/// Joiners, direction marks and variation selectors: nothing is drawn for them.
fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}'
        | '\u{2066}'..='\u{2069}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ad}')
        || character.is_control()
}

fn is_tone(character: char) -> bool {
    matches!(character, '\u{1f3fb}'..='\u{1f3ff}')
}

fn is_flag(character: char) -> bool {
    matches!(character, '\u{1f1e6}'..='\u{1f1ff}')
}
