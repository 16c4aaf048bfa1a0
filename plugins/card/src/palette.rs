//! The colours of a card: three that the brand gives, and what follows from them.

use serde::{Deserialize, Serialize};

/// As the brand gives them: `#rrggbb`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Palette {
    pub background: String,
    pub text: String,
    pub accent: String,
    /// Panels; else between background and text.
    pub surface: Option<String>,
    /// Less important words; else between background and text.
    pub muted: Option<String>,
    /// On the accent; else black or white, whichever is read better.
    pub on_accent: Option<String>,
}

impl Default for Palette {
    fn default() -> Self {
        Palette {
            background: String::from("#faf5ec"),
            text: String::from("#1d2b33"),
            accent: String::from("#c2512f"),
            surface: None,
            muted: None,
            on_accent: None,
        }
    }
}

/// Which of its colours a card stands on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Style {
    #[default]
    Light,
    /// Background and text change places.
    Dark,
    /// The accent is the background.
    Accent,
}

/// What a template sees as `color`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Colors {
    pub background: String,
    pub surface: String,
    pub text: String,
    pub muted: String,
    pub accent: String,
    pub on_accent: String,
}

/// Red, green, blue.
pub type Rgb = [u8; 3];

/// `#rgb` or `#rrggbb`.
pub fn parse(text: &str) -> Option<Rgb> {
    let digits = text.strip_prefix('#')?;
    let digit = |index: usize| {
        let digit = digits.as_bytes().get(index)?;
        char::from(*digit).to_digit(16).map(|digit| digit as u8)
    };
    match digits.len() {
        3 => Some([digit(0)? * 17, digit(1)? * 17, digit(2)? * 17]),
        6 => Some([
            digit(0)? * 16 + digit(1)?,
            digit(2)? * 16 + digit(3)?,
            digit(4)? * 16 + digit(5)?,
        ]),
        _ => None,
    }
}

fn hex([red, green, blue]: Rgb) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

fn mix(from: Rgb, to: Rgb, share: f32) -> Rgb {
    std::array::from_fn(|index| {
        let (from, to) = (f32::from(from[index]), f32::from(to[index]));
        (from + (to - from) * share).round() as u8
    })
}

/// The contrast ratio of WCAG 2.2: 1 to 21.
pub fn contrast(one: Rgb, other: Rgb) -> f32 {
    let luminance = |color: Rgb| {
        let [red, green, blue] = color.map(|value| {
            let value = f32::from(value) / 255.0;
            if value <= 0.04045 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    };
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// Large words need this much (WCAG 2.2, 1.4.3), and all on a card are large.
const READABLE: f32 = 3.0;

impl Palette {
    /// # Errors
    /// The setting that is no colour.
    pub fn colors(&self, style: Style) -> Result<Colors, String> {
        let read = |name: &str, text: &str| {
            parse(text)
                .ok_or_else(|| format!("`palette.{name}` is `{text}`: write a colour as `#1d2b33`"))
        };
        let maybe = |name: &str, text: &Option<String>| {
            text.as_deref().map(|text| read(name, text)).transpose()
        };
        let background = read("background", &self.background)?;
        let text = read("text", &self.text)?;
        let accent = read("accent", &self.accent)?;
        let surface = maybe("surface", &self.surface)?;
        let muted = maybe("muted", &self.muted)?;
        let on_accent = maybe("on_accent", &self.on_accent)?.unwrap_or_else(|| {
            // White first: a strong colour under white words is what people know.
            let white = [255; 3];
            if contrast(white, accent) >= READABLE {
                white
            } else {
                mix(text, [0; 3], 0.5)
            }
        });
        let colors = match style {
            Style::Light => Colors {
                background: hex(background),
                surface: hex(surface.unwrap_or(mix(background, text, 0.07))),
                text: hex(text),
                muted: hex(muted.unwrap_or(mix(text, background, 0.36))),
                accent: hex(accent),
                on_accent: hex(on_accent),
            },
            Style::Dark => Colors {
                background: hex(text),
                surface: hex(mix(text, background, 0.1)),
                text: hex(background),
                muted: hex(mix(background, text, 0.3)),
                accent: hex(lighter(accent, text)),
                on_accent: hex(if contrast(on_accent, lighter(accent, text)) >= READABLE {
                    on_accent
                } else {
                    text
                }),
            },
            Style::Accent => Colors {
                background: hex(accent),
                surface: hex(mix(accent, on_accent, 0.14)),
                text: hex(on_accent),
                muted: hex(mix(on_accent, accent, 0.2)),
                accent: hex(on_accent),
                on_accent: hex(accent),
            },
        };
        Ok(colors)
    }
}

/// The colour, as much lighter as it needs to be seen on a dark ground.
fn lighter(color: Rgb, ground: Rgb) -> Rgb {
    (0..10)
        .map(|step| mix(color, [255; 3], step as f32 / 10.0))
        .find(|color| contrast(*color, ground) >= READABLE)
        .unwrap_or([255; 3])
}

impl Colors {
    /// Pairs of colours that are hard to tell apart, with their contrast.
    pub fn faint(&self) -> Vec<String> {
        [
            ("text", &self.text, "background", &self.background),
            ("muted", &self.muted, "background", &self.background),
            ("accent", &self.accent, "background", &self.background),
            ("on_accent", &self.on_accent, "accent", &self.accent),
        ]
        .into_iter()
        .filter_map(|(name, color, ground_name, ground)| {
            let ratio = contrast(parse(color)?, parse(ground)?);
            (ratio < READABLE).then(|| {
                format!(
                    "`{name}` ({color}) on `{ground_name}` ({ground}) is hard to read: their \
                     contrast is {ratio:.1}, and {READABLE:.0} is the least"
                )
            })
        })
        .collect()
    }
}
