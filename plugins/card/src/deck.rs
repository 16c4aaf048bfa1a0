//! The files of the folder that hold cards, and their rows.

use jarchi_plugin_sdk::Problem;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::card::{Card, Kind};

/// A file that is longer holds no list that a person wrote (bytes).
pub const LONGEST: u64 = 1 << 20;

/// How the rows of a file are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Toml,
    Yaml,
    Json,
    Csv,
}

impl Format {
    /// By the file's name; none for what holds no rows, or is set aside by `_` or `.`.
    pub fn of(path: &str) -> Option<Self> {
        if path.split('/').any(|name| name.starts_with(['_', '.'])) {
            return None;
        }
        let ending = path.rsplit_once('.')?.1.to_ascii_lowercase();
        Some(match ending.as_str() {
            "toml" => Format::Toml,
            "yaml" | "yml" => Format::Yaml,
            "json" => Format::Json,
            "csv" => Format::Csv,
            _ => return None,
        })
    }
}

/// A row, and the line that it begins on.
struct Row {
    line: usize,
    keys: Map<String, Value>,
}

/// A card with the place that it comes from.
#[derive(Clone, Debug)]
pub struct Placed {
    pub card: Card,
    pub path: String,
    pub line: usize,
}

/// Reads the cards of a file. What is wrong with a row leaves the others as they are.
pub fn read(path: &str, source: &str, problems: &mut Vec<Problem>) -> Vec<Placed> {
    let Some(format) = Format::of(path) else {
        return Vec::new();
    };
    let source = source.trim_start_matches('\u{feff}');
    let rows = match format {
        Format::Toml => toml(source),
        Format::Yaml => yaml(source),
        Format::Json => json(source),
        Format::Csv => csv(source),
    };
    let rows = match rows {
        Ok(rows) => rows,
        Err((line, message)) => {
            problems.push(Problem::error(path, format!("line {line}: {message}")));
            return Vec::new();
        }
    };
    let name = path.rsplit('/').next().unwrap_or(path);
    let kind = Kind::of_file(name.rsplit_once('.').map_or(name, |(stem, _)| stem));
    let mut cards = Vec::new();
    for Row { line, keys } in rows {
        match Card::read(&keys, kind) {
            Ok(Some(card)) => cards.push(Placed {
                card,
                path: path.to_owned(),
                line,
            }),
            Ok(None) => {}
            Err(faults) => problems.extend(
                faults
                    .into_iter()
                    .map(|fault| Problem::error(path, format!("line {line}: {fault}"))),
            ),
        }
    }
    cards
}

type Rows = Result<Vec<Row>, (usize, String)>;

const NO_CARDS: &str = "there are no cards: a file is a list of them, or a table with the list `card` \
     and what is the same for all of them";

fn line_at(source: &str, offset: usize) -> usize {
    let before = source.as_bytes().get(..offset).unwrap_or(source.as_bytes());
    1 + before.iter().filter(|byte| **byte == b'\n').count()
}

/// A row with what the file says for all of its rows.
fn with_common(common: &Map<String, Value>, own: Map<String, Value>) -> Map<String, Value> {
    let mut keys = common.clone();
    keys.extend(own);
    keys
}

#[derive(Deserialize)]
struct TomlFile {
    #[serde(default)]
    card: Vec<toml::Spanned<Map<String, Value>>>,
    #[serde(flatten)]
    common: Map<String, Value>,
}

fn toml(source: &str) -> Rows {
    // A date without quotes is a word like any other here.
    let file: TomlFile = toml::from_str(source).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        (line_at(source, offset), error.message().to_owned())
    })?;
    if file.card.is_empty() {
        return Err((1, String::from("there is no `[[card]]`")));
    }
    Ok(file
        .card
        .into_iter()
        .map(|card| Row {
            line: line_at(source, card.span().start),
            keys: with_common(&file.common, card.into_inner()),
        })
        .collect())
}

#[derive(Deserialize)]
struct YamlTable {
    card: Vec<serde_saphyr::Spanned<Map<String, Value>>>,
    #[serde(flatten)]
    common: Map<String, Value>,
}

fn yaml(source: &str) -> Rows {
    let fault = |error: &serde_saphyr::Error| {
        let line = error.location().map_or(1, |location| location.line());
        (usize::try_from(line).unwrap_or(1), error.to_string())
    };
    // The kind of the document is seen first: an untagged choice would hide the fault.
    let document: Value = serde_saphyr::from_str(source).map_err(|error| fault(&error))?;
    let (common, rows) = match document {
        Value::Array(_) => {
            let rows = serde_saphyr::from_str(source).map_err(|error| fault(&error))?;
            (Map::new(), rows)
        }
        Value::Object(_) => {
            let table: YamlTable = serde_saphyr::from_str(source).map_err(|error| fault(&error))?;
            (table.common, table.card)
        }
        _ => return Err((1, NO_CARDS.to_owned())),
    };
    Ok(rows
        .into_iter()
        .map(|row: serde_saphyr::Spanned<Map<String, Value>>| Row {
            line: usize::try_from(row.referenced.line()).unwrap_or(1),
            keys: with_common(&common, row.value),
        })
        .collect())
}

fn json(source: &str) -> Rows {
    let fault = |error: serde_json::Error| (error.line().max(1), error.to_string());
    let (common, rows): (Map<String, Value>, Vec<&RawValue>) =
        if source.trim_start().starts_with('[') {
            (Map::new(), serde_json::from_str(source).map_err(fault)?)
        } else {
            #[derive(Deserialize)]
            struct File<'a> {
                #[serde(borrow)]
                card: Vec<&'a RawValue>,
            }
            let file: File<'_> = serde_json::from_str(source).map_err(fault)?;
            let mut common: Map<String, Value> = serde_json::from_str(source).map_err(fault)?;
            common.remove("card");
            (common, file.card)
        };
    rows.into_iter()
        .map(|row| {
            let offset = (row.get().as_ptr() as usize).saturating_sub(source.as_ptr() as usize);
            let line = line_at(source, offset);
            let own = serde_json::from_str(row.get())
                .map_err(|error| (line, format!("a card is a table: {error}")))?;
            Ok(Row {
                line,
                keys: with_common(&common, own),
            })
        })
        .collect()
}

fn csv(source: &str) -> Rows {
    let head = source.lines().next().unwrap_or_default();
    // Spreadsheets of many countries write semicolons; options hold some, but not the head.
    let delimiter = if head.matches(';').count() > head.matches(',').count() {
        b';'
    } else {
        b','
    };
    let fault = |error: csv::Error| {
        let line = error.position().map_or(1, csv::Position::line);
        (usize::try_from(line).unwrap_or(1), format!("{error}"))
    };
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .trim(csv::Trim::All)
        .from_reader(source.as_bytes());
    let names = reader.headers().map_err(fault)?.clone();
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(fault)?;
        let line = record.position().map_or(1, csv::Position::line);
        let keys = names
            .iter()
            .zip(&record)
            .filter(|(name, value)| !name.is_empty() && !value.is_empty())
            .map(|(name, value)| (name.to_lowercase(), Value::String(value.to_owned())))
            .collect();
        rows.push(Row {
            line: usize::try_from(line).unwrap_or(1),
            keys,
        });
    }
    Ok(rows)
}
