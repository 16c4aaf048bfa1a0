//! Templates: Jinja that makes an SVG of a card's words.

use minijinja::{AutoEscape, Environment, UndefinedBehavior, context};
use serde::Serialize;
use serde_json::Value;

use crate::card::Kind;
use crate::palette::Colors;
use crate::size::Shape;

/// The built-in templates by name; a template of one's own may extend or include them.
const BUILT_IN: [(&str, &str); 8] = [
    ("base.svg", include_str!("../templates/base.svg")),
    ("stars.svg", include_str!("../templates/stars.svg")),
    ("quote.svg", include_str!("../templates/quote.svg")),
    ("tip.svg", include_str!("../templates/tip.svg")),
    ("review.svg", include_str!("../templates/review.svg")),
    ("price.svg", include_str!("../templates/price.svg")),
    ("poll.svg", include_str!("../templates/poll.svg")),
    ("chart.svg", include_str!("../templates/chart.svg")),
];

/// A rectangle of the picture.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Area {
    pub x: f32,
    pub y: f32,
    pub w: f32,
    pub h: f32,
}

/// A picture file, with what an `image` element needs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Picture {
    pub href: String,
    pub width: u32,
    pub height: u32,
}

/// The brand's part of a card.
#[derive(Clone, Debug, Serialize)]
pub struct Look {
    pub colors: Colors,
    /// The family of plain words, and that of headings.
    pub font: String,
    pub heading: String,
    pub brand: String,
    pub handle: String,
    pub logo: Option<Picture>,
}

/// A template as a file of the granted folder has it.
#[derive(Clone, Debug)]
pub struct Own {
    pub path: String,
    pub source: String,
}

/// The SVG of a card, before its words are set.
///
/// # Errors
/// The template fails, with its line.
pub fn fill(
    own: Option<&Own>,
    kind: Kind,
    shape: Shape,
    look: &Look,
    card: &Value,
    photo: Option<&Picture>,
    language: &str,
) -> Result<String, String> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.add_filter("upper", |text: &str| upper(text, "en"));
    let of_language = language.to_owned();
    environment.add_filter("capitals", move |text: &str| upper(text, &of_language));
    environment.add_filter("round", |number: f64| number.round());
    environment.add_filter("first", |text: &str| {
        text.chars().next().map(String::from).unwrap_or_default()
    });
    environment.add_filter("length", |value: minijinja::Value| value.len().unwrap_or(0));
    environment.add_function("max", f64::max as fn(f64, f64) -> f64);
    environment.add_function("min", f64::min as fn(f64, f64) -> f64);
    environment.add_function("range", |count: usize| {
        (0..count.min(1000)).collect::<Vec<_>>()
    });
    for (name, source) in BUILT_IN {
        environment
            .add_template(name, source)
            .map_err(|error| words(&error, name))?;
    }
    let name = match own {
        Some(own) => {
            environment
                .add_template_owned(own.path.clone(), own.source.clone())
                .map_err(|error| words(&error, &own.path))?;
            own.path.clone()
        }
        None => format!("{}.svg", kind.name()),
    };
    let (width, height) = shape.pixels();
    let (w, h) = (width as f32, height as f32);
    let (top, right, bottom, left) = shape.insets();
    let k = shape.scale();
    let signed = look.logo.is_some() || !look.brand.is_empty() || !look.handle.is_empty();
    let foot = if signed { 64.0 * k } else { 0.0 };
    let gap = if signed { 56.0 * k } else { 0.0 };
    let area = Area {
        x: left,
        y: top,
        w: w - left - right,
        h: h - top - bottom - foot - gap,
    };
    let footer = Area {
        x: left,
        y: h - bottom - foot,
        w: w - left - right,
        h: foot,
    };
    let context = context! {
        card, shape => shape.name(), w, h, k, area, footer, signed, language,
        wide => w > h,
        color => look.colors, font => look.font, heading => look.heading,
        brand => look.brand, handle => look.handle, logo => look.logo, photo,
        kind => kind.name(), word => Said::of(language),
    };
    environment
        .get_template(&name)
        .and_then(|template| template.render(context))
        .map_err(|error| words(&error, &name))
}

/// Capitals as the language writes them: i is İ in Azerbaijani and Turkish.
fn upper(text: &str, language: &str) -> String {
    if language.starts_with("az") || language.starts_with("tr") {
        text.replace('i', "İ").to_uppercase()
    } else {
        text.to_uppercase()
    }
}

/// The few words that built-in templates bring along.
#[derive(Serialize)]
struct Said {
    tip: &'static str,
    votes: &'static str,
    until: &'static str,
}

impl Said {
    fn of(language: &str) -> Self {
        let (tip, votes, until) = match language.split('-').next().unwrap_or_default() {
            "az" => ("Məsləhət", "səs", "Son gün"),
            "tr" => ("İpucu", "oy", "Son gün"),
            "ru" => ("Совет", "голосов", "До"),
            "de" => ("Tipp", "Stimmen", "Bis"),
            "fr" => ("Conseil", "votes", "Jusqu’au"),
            "es" => ("Consejo", "votos", "Hasta"),
            _ => ("Tip", "votes", "Until"),
        };
        Said { tip, votes, until }
    }
}

fn words(error: &minijinja::Error, name: &str) -> String {
    let file = error.name().unwrap_or(name);
    let what = match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    };
    match error.line() {
        Some(line) => format!("template `{file}`, line {line}: {what}"),
        None => format!("template `{file}`: {what}"),
    }
}
