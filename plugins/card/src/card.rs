//! One card: a row of the brand's folder, checked and made ready for a template.

use serde_json::{Map, Value, json};

use crate::numbers::{grouped, spoken};
use crate::palette::Style;
use crate::size::Shape;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Quote,
    Tip,
    Review,
    Price,
    Poll,
    Chart,
}

impl Kind {
    pub const ALL: [Kind; 6] = [
        Kind::Quote,
        Kind::Tip,
        Kind::Review,
        Kind::Price,
        Kind::Poll,
        Kind::Chart,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Kind::Quote => "quote",
            Kind::Tip => "tip",
            Kind::Review => "review",
            Kind::Price => "price",
            Kind::Poll => "poll",
            Kind::Chart => "chart",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Kind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Of a file: `quotes.csv` and `quote-az.toml` hold quotes.
    pub fn of_file(stem: &str) -> Option<Self> {
        let stem = stem.to_lowercase();
        let word = stem.split(['-', '_', '.', ' ']).next().unwrap_or_default();
        Kind::named(word).or_else(|| Kind::named(word.strip_suffix('s')?))
    }

    /// Keys that its template shows, the first of them needed.
    const fn keys(self) -> &'static [&'static str] {
        match self {
            Kind::Quote => &["text", "author", "role"],
            Kind::Tip => &["text", "title", "number", "label", "source"],
            Kind::Review => &["text", "author", "stars", "source"],
            Kind::Price => &["title", "price", "old_price", "text", "badge", "until"],
            Kind::Poll => &["text", "options"],
            Kind::Chart => &["title", "values", "text", "source", "unit", "form"],
        }
    }

    const fn needed(self) -> &'static [&'static str] {
        match self {
            Kind::Quote | Kind::Tip => &["text"],
            Kind::Review => &["text", "stars"],
            Kind::Price => &["title", "price"],
            Kind::Poll => &["text", "options"],
            Kind::Chart => &["title", "values"],
        }
    }
}

/// Keys of every card, whatever its kind.
pub const COMMON: [&str; 14] = [
    "id", "kind", "caption", "alt", "language", "pillar", "campaign", "hashtags", "link", "size",
    "style", "template", "photo", "draft",
];

#[derive(Clone, Debug)]
pub struct Card {
    pub id: String,
    pub kind: Kind,
    /// What the template sees as `card`.
    pub fields: Map<String, Value>,
    pub caption: Option<String>,
    pub alt: Option<String>,
    pub language: Option<String>,
    pub pillar: Option<String>,
    pub campaign: Option<String>,
    pub hashtags: Vec<String>,
    pub link: Option<String>,
    pub shape: Option<Shape>,
    pub style: Option<Style>,
    pub template: Option<String>,
    pub photo: Option<String>,
    /// Of all that the row says.
    pub digest: String,
}

/// What is wrong with a row, in words that name its keys.
pub type Faults = Vec<String>;

impl Card {
    /// A card of a row; none where its author is not done with it.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn read(row: &Map<String, Value>, of_file: Option<Kind>) -> Result<Option<Self>, Faults> {
        if row
            .get("draft")
            .is_some_and(|draft| plain(draft).as_deref() == Some("true"))
        {
            return Ok(None);
        }
        let mut faults = Faults::new();
        let written = |key: &str, faults: &mut Faults| -> Option<String> {
            let value = row.get(key)?;
            match plain(value) {
                Some(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
                None if value.is_null() => None,
                None => {
                    faults.push(format!("`{key}` must be a text, not {}", sort(value)));
                    None
                }
            }
        };
        let template = written("template", &mut faults);
        let kind = match written("kind", &mut faults) {
            Some(name) => Kind::named(&name),
            None => of_file.or(template.is_some().then_some(Kind::Quote)),
        };
        let Some(kind) = kind else {
            faults.push(String::from(
                "`kind` must say what the card is: quote, tip, review, price, poll or chart",
            ));
            return Err(faults);
        };
        let language = written("language", &mut faults);
        let shape = written("size", &mut faults).and_then(|name| {
            let shape = Shape::named(&name);
            if shape.is_none() {
                faults.push(no_such_size(&name));
            }
            shape
        });
        let style = written("style", &mut faults).and_then(|name| {
            let style = serde_json::from_value(json!(name)).ok();
            if style.is_none() {
                faults.push(format!(
                    "`style` is `{name}`: it may be light, dark or accent"
                ));
            }
            style
        });
        let mut fields = Map::new();
        for (key, value) in row {
            if COMMON.contains(&key.as_str()) || value.is_null() {
                continue;
            }
            if template.is_none() && !kind.keys().contains(&key.as_str()) {
                faults.push(unknown(key, kind));
                continue;
            }
            fields.insert(key.clone(), value.clone());
        }
        if template.is_none() {
            for key in kind.needed() {
                if fields.get(*key).is_none_or(is_empty) {
                    faults.push(format!("a {} needs `{key}`", kind.name()));
                }
            }
            if faults.is_empty() {
                let language = language.as_deref().unwrap_or_default();
                ready(kind, &mut fields, language, &mut faults);
            }
        }
        let card = Card {
            id: String::new(),
            kind,
            caption: written("caption", &mut faults),
            alt: written("alt", &mut faults),
            language,
            pillar: written("pillar", &mut faults),
            campaign: written("campaign", &mut faults),
            hashtags: hashtags(row.get("hashtags"), &mut faults),
            link: written("link", &mut faults).filter(|link| {
                let whole = link.starts_with("https://") || link.starts_with("http://");
                if !whole {
                    faults.push(format!(
                        "`link` is `{link}`: an address begins with `https://`"
                    ));
                }
                whole
            }),
            shape,
            style,
            template,
            photo: written("photo", &mut faults),
            digest: digest(&Value::Object(row.clone()).to_string()),
            fields,
        };
        let id = written("id", &mut faults).unwrap_or_else(|| card.identity());
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Some(Card { id, ..card }))
    }

    /// The same for the same words, wherever they stand: a row that is moved is no new one.
    fn identity(&self) -> String {
        let mut words: Vec<(&String, &Value)> = self.fields.iter().collect();
        words.sort_by_key(|(key, _)| *key);
        digest(&format!("{} {}", self.kind.name(), json!(words)))
    }

    fn field(&self, key: &str) -> Option<&str> {
        self.fields
            .get(key)
            .and_then(Value::as_str)
            .map(str::trim)
            .filter(|text| !text.is_empty())
    }

    /// The words of the post, where the row has no `caption`.
    pub fn words(&self) -> String {
        let text = self.field("text").unwrap_or_default();
        let title = self.field("title").unwrap_or_default();
        let joined = |parts: &[&str], between: &str| {
            let parts: Vec<&str> = parts
                .iter()
                .copied()
                .filter(|part| !part.is_empty())
                .collect();
            parts.join(between)
        };
        match self.kind {
            Kind::Quote | Kind::Review => match self.field("author") {
                Some(author) => format!("“{text}” — {author}"),
                None if self.kind == Kind::Review => format!("“{text}”"),
                None => text.to_owned(),
            },
            Kind::Price => joined(
                &[
                    &joined(&[title, self.field("price").unwrap_or_default()], " — "),
                    text,
                ],
                "\n\n",
            ),
            Kind::Tip | Kind::Poll | Kind::Chart => joined(&[title, text], "\n\n"),
        }
    }

    /// What the picture says, for those who can't see it.
    pub fn alt(&self) -> String {
        if let Some(alt) = &self.alt {
            return alt.clone();
        }
        let part = |key: &str| self.field(key).unwrap_or_default().replace('\n', " ");
        let listed = |key: &str| -> String {
            let items = self.fields.get(key).and_then(Value::as_array);
            let items = items.into_iter().flatten().map(|item| {
                let label = item["label"].as_str().unwrap_or_default();
                match item["percent"].as_u64() {
                    Some(percent) => format!("{label} {percent}%"),
                    None => match item["text"].as_str() {
                        Some(text) => format!("{label} {text}"),
                        None => label.to_owned(),
                    },
                }
            });
            items.collect::<Vec<_>>().join(", ")
        };
        let said = match self.kind {
            Kind::Quote => vec![self.words(), part("role")],
            Kind::Tip => vec![part("title"), part("text")],
            Kind::Review => {
                let stars = self.fields.get("stars").and_then(Value::as_f64);
                let language = self.language.as_deref().unwrap_or_default();
                let stars = stars.map_or_else(String::new, |stars| {
                    format!("★ {}/5", spoken(stars, language))
                });
                vec![stars, self.words(), part("source")]
            }
            Kind::Price => {
                let mut price = part("price");
                if let Some(old) = self.field("old_price") {
                    price = format!("{price} ({old})");
                }
                vec![part("title"), price, part("text"), part("until")]
            }
            Kind::Poll => vec![part("text"), listed("options")],
            Kind::Chart => vec![part("title"), listed("values"), part("source")],
        };
        let said: Vec<String> = said.into_iter().filter(|part| !part.is_empty()).collect();
        if said.is_empty() {
            // A template of one's own may have keys of its own.
            let texts = self.fields.values().filter_map(Value::as_str);
            return texts.collect::<Vec<_>>().join(". ");
        }
        said.join(". ")
            .replace("?.", "?")
            .replace("..", ".")
            .replace("!.", "!")
    }
}

/// Numbers and lists as the built-in templates need them.
fn ready(kind: Kind, fields: &mut Map<String, Value>, language: &str, faults: &mut Faults) {
    let number = |key: &str, fields: &Map<String, Value>| -> Option<f64> {
        let text = plain(fields.get(key)?)?;
        text.trim().replace(',', ".").parse().ok()
    };
    match kind {
        Kind::Review => match number("stars", fields) {
            Some(stars) if (0.0..=5.0).contains(&stars) => {
                fields.insert(String::from("stars"), json!(stars));
            }
            _ => faults.push(String::from("`stars` is a number from 0 to 5")),
        },
        Kind::Poll => match pairs(&fields["options"]) {
            Ok(options) if (2..=8).contains(&options.len()) => poll(fields, &options, faults),
            Ok(options) => faults.push(format!(
                "`options` are 2 to 8, and these are {}",
                options.len()
            )),
            Err(fault) => faults.push(format!("`options`: {fault}")),
        },
        Kind::Chart => match pairs(&fields["values"]) {
            Ok(values) if (2..=12).contains(&values.len()) => {
                chart(fields, &values, language, faults);
            }
            Ok(values) => faults.push(format!(
                "`values` are 2 to 12, and these are {}",
                values.len()
            )),
            Err(fault) => faults.push(format!("`values`: {fault}")),
        },
        Kind::Quote | Kind::Tip | Kind::Price => {}
    }
    for (key, value) in fields.iter_mut() {
        if matches!(key.as_str(), "options" | "values" | "stars" | "total") {
            continue;
        }
        match plain(value) {
            Some(text) => *value = Value::String(text),
            None => faults.push(format!("`{key}` must be a text, not {}", sort(value))),
        }
    }
}

fn poll(fields: &mut Map<String, Value>, options: &[(String, Option<f64>)], faults: &mut Faults) {
    let counted = options.iter().filter(|(_, votes)| votes.is_some()).count();
    if counted != 0 && counted != options.len() {
        faults.push(String::from(
            "`options`: give votes for all of them, or for none",
        ));
        return;
    }
    if options
        .iter()
        .any(|(_, votes)| votes.is_some_and(|votes| votes < 0.0))
    {
        faults.push(String::from("`options`: votes are not negative"));
        return;
    }
    let total: f64 = options.iter().filter_map(|(_, votes)| *votes).sum();
    let most = options
        .iter()
        .filter_map(|(_, votes)| *votes)
        .fold(0.0, f64::max);
    let percents = percents(options, total);
    let listed: Vec<Value> = options
        .iter()
        .zip(percents)
        .map(|((label, votes), percent)| match votes {
            Some(votes) if total > 0.0 => json!({
                "label": label, "votes": votes, "percent": percent,
                "share": votes / total, "leads": *votes >= most,
            }),
            _ => json!({ "label": label }),
        })
        .collect();
    fields.insert(String::from("options"), Value::Array(listed));
    if total > 0.0 {
        fields.insert(String::from("total"), Value::String(grouped(total)));
    }
}

/// Whole per cents that add up to 100: those cut most get one more.
fn percents(options: &[(String, Option<f64>)], total: f64) -> Vec<u64> {
    let exact: Vec<f64> = options
        .iter()
        .map(|(_, votes)| votes.unwrap_or(0.0) * 100.0 / total.max(f64::MIN_POSITIVE))
        .collect();
    let mut whole: Vec<u64> = exact.iter().map(|share| share.floor() as u64).collect();
    let mut order: Vec<usize> = (0..exact.len()).collect();
    order.sort_by(|one, other| exact[*other].fract().total_cmp(&exact[*one].fract()));
    let lacking = 100_u64.saturating_sub(whole.iter().sum());
    for index in order.into_iter().take(lacking as usize) {
        whole[index] += 1;
    }
    whole
}

fn chart(
    fields: &mut Map<String, Value>,
    values: &[(String, Option<f64>)],
    language: &str,
    faults: &mut Faults,
) {
    let unit = fields.get("unit").and_then(plain).unwrap_or_default();
    let form = fields.get("form").and_then(plain);
    if !matches!(form.as_deref(), None | Some("bars" | "line")) {
        faults.push(String::from("`form` is bars or line"));
    }
    if let Some((label, _)) = values
        .iter()
        .find(|(_, value)| value.is_none_or(|value| value < 0.0))
    {
        faults.push(format!(
            "`values`: `{label}` needs a number that is not negative"
        ));
        return;
    }
    let most = values
        .iter()
        .filter_map(|(_, value)| *value)
        .fold(0.0, f64::max);
    let above = |index: Option<usize>, value: f64| {
        index
            .and_then(|index| values.get(index)?.1)
            .is_some_and(|other| other > value)
    };
    let listed: Vec<Value> = values
        .iter()
        .enumerate()
        .map(|(index, (label, value))| {
            let value = value.unwrap_or(0.0);
            let blank = if unit.is_empty() || unit.starts_with('%') {
                ""
            } else {
                "\u{a0}"
            };
            json!({
                "label": label, "value": value,
                "text": format!("{}{blank}{unit}", spoken(value, language)),
                "share": if most > 0.0 { value / most } else { 0.0 },
                "leads": value >= most,
                // A valley: above it are the lines to its neighbours.
                "low": above(index.checked_sub(1), value) && above(Some(index + 1), value),
            })
        })
        .collect();
    fields.insert(String::from("values"), Value::Array(listed));
}

/// Labels with numbers: a table, a list of labels, of pairs or of tables with `label` and
/// `value` (or `votes`), or a text `Tea=62; Coffee=38`.
fn pairs(value: &Value) -> Result<Vec<(String, Option<f64>)>, String> {
    let number = |label: &str, value: &Value| -> Result<Option<f64>, String> {
        let Some(text) = plain(value) else {
            return Err(format!("`{label}` needs a number, not {}", sort(value)));
        };
        match text
            .trim()
            .replace([' ', '\u{a0}'], "")
            .replace(',', ".")
            .parse::<f64>()
        {
            Ok(number) if number.is_finite() => Ok(Some(number)),
            _ => Err(format!("`{label}` needs a number, not `{text}`")),
        }
    };
    match value {
        Value::Object(table) => table
            .iter()
            .map(|(label, value)| Ok((label.clone(), number(label, value)?)))
            .collect(),
        Value::Array(items) => items
            .iter()
            .map(|item| match item {
                Value::Object(table) => {
                    let label = table.get("label").and_then(plain);
                    let label = label.ok_or("each needs a `label`")?;
                    let value = table.get("value").or_else(|| table.get("votes"));
                    let value = value.map(|value| number(&label, value)).transpose()?;
                    Ok((label, value.flatten()))
                }
                Value::Array(pair) => match &pair[..] {
                    [label, value] => {
                        let label = plain(label).ok_or("a pair begins with a label")?;
                        let value = number(&label, value)?;
                        Ok((label, value))
                    }
                    _ => Err(String::from("a pair is a label and a number")),
                },
                other => Ok((plain(other).ok_or("a label is missing")?, None)),
            })
            .collect(),
        other => plain(other)
            .unwrap_or_default()
            .split(';')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(|part| match part.rsplit_once('=') {
                Some((label, value)) => {
                    let label = label.trim().to_owned();
                    let value = number(&label, &json!(value))?;
                    Ok((label, value))
                }
                None => Ok((part.to_owned(), None)),
            })
            .collect(),
    }
}

fn hashtags(value: Option<&Value>, faults: &mut Faults) -> Vec<String> {
    let words: Vec<String> = match value {
        None | Some(Value::Null) => return Vec::new(),
        Some(Value::Array(items)) => items.iter().filter_map(plain).collect(),
        Some(other) => match plain(other) {
            Some(text) => text.split([',', ';', ' ']).map(str::to_owned).collect(),
            None => {
                faults.push(format!(
                    "`hashtags` are a list of words, not {}",
                    sort(other)
                ));
                return Vec::new();
            }
        },
    };
    words
        .iter()
        .map(|word| word.trim().trim_start_matches('#').to_owned())
        .filter(|word| !word.is_empty())
        .collect()
}

fn unknown(key: &str, kind: Kind) -> String {
    let known = kind.keys().iter().chain(&COMMON).copied();
    match crate::nearest(key, known) {
        Some(other) => format!("unknown key `{key}`: did you mean `{other}`?"),
        None => format!(
            "unknown key `{key}`: a {} has {}; a `template` of your own can show any",
            kind.name(),
            kind.keys().join(", ")
        ),
    }
}

pub fn no_such_size(name: &str) -> String {
    let names: Vec<&str> = Shape::ALL.iter().map(|shape| shape.name()).collect();
    format!("`size` is `{name}`: it may be {}", names.join(", "))
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(items) => items.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// What can stand in a line of text.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn sort(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "yes or no",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a table",
    }
}

/// 16 hexadecimal digits that stand for a text.
pub fn digest(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex()[..16].to_owned()
}
