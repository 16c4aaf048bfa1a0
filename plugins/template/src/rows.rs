//! Data files as rows: CSV, YAML, TOML and JSON alike.

use std::collections::HashMap;

use serde_json::{Map, Value as Json};

use crate::issue::Fault;
use crate::season::Season;
use crate::tree::{self, Node, Value};

/// Rows of one file.
const MOST_ROWS: usize = 3_000;

/// The column that names a row for ever.
const ID: &str = "id";

#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// Its `id`, or a digest of its content.
    pub(crate) key: String,
    pub(crate) line: usize,
    pub(crate) columns: Map<String, Json>,
    pub(crate) season: Season,
}

impl Row {
    /// For messages.
    pub(crate) fn name(&self) -> String {
        match self.columns.get(ID) {
            Some(_) => format!("row `{}`", self.key),
            None => String::from("the row"),
        }
    }
}

/// A file's rows, and what is wrong with the others.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) rows: Vec<Row>,
    pub(crate) faults: Vec<Fault>,
}

/// Whether the file is data by its name.
pub(crate) fn is_data(path: &str) -> bool {
    matches!(
        extension(path).as_str(),
        "csv" | "tsv" | "json" | "yaml" | "yml" | "toml"
    )
}

fn extension(path: &str) -> String {
    path.rsplit_once('.')
        .map(|(_, extension)| extension.to_ascii_lowercase())
        .unwrap_or_default()
}

/// Reads a data file.
///
/// # Errors
/// The file as a whole can't be read.
pub(crate) fn read(path: &str, text: &str) -> Result<Table, Fault> {
    let mut table = Table::default();
    let found = match extension(path).as_str() {
        "csv" | "tsv" => csv(text, &mut table)?,
        "json" => tree_rows(tree::json(text)?, &mut table)?,
        "toml" => tree_rows(Some(tree::toml(text, 1)?), &mut table)?,
        _ => tree_rows(tree::yaml(text, 1)?, &mut table)?,
    };
    if found.len() > MOST_ROWS {
        return Err(Fault::new(
            0,
            format!(
                "the file has {} rows, and {MOST_ROWS} are the most: divide it",
                found.len()
            ),
        ));
    }
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut twins: Vec<String> = Vec::new();
    for (line, columns) in found {
        let key = match key_of(&columns) {
            Ok(key) => key,
            Err(message) => {
                table.faults.push(Fault::new(line, message));
                continue;
            }
        };
        if let Some(first) = seen.get(&key) {
            if columns.contains_key(ID) {
                table.faults.push(Fault::new(
                    line,
                    format!(
                        "the id `{key}` is that of line {first} too: give each row one of its own"
                    ),
                ));
                // Which of them was meant, only a person knows.
                twins.push(key);
            }
            continue;
        }
        seen.insert(key.clone(), line);
        match Season::of_row(&columns) {
            Ok(season) => table.rows.push(Row {
                key,
                line,
                columns,
                season,
            }),
            Err(message) => table.faults.push(Fault::new(line, message)),
        }
    }
    table.rows.retain(|row| !twins.contains(&row.key));
    Ok(table)
}

/// The `id` column, or a digest that the order of the columns does not change.
fn key_of(columns: &Map<String, Json>) -> Result<String, String> {
    match columns.get(ID) {
        None => {
            let mut sorted: Vec<(&String, &Json)> = columns.iter().collect();
            sorted.sort_by_key(|(name, _)| *name);
            let text: String = sorted
                .iter()
                .map(|(name, value)| format!("{name}\u{0}{value}\u{0}"))
                .collect();
            Ok(blake3::hash(text.as_bytes()).to_hex()[..16].to_owned())
        }
        Some(Json::String(id)) if !id.trim().is_empty() && id.len() <= 200 => {
            Ok(id.trim().to_owned())
        }
        Some(Json::Number(id)) => Ok(id.to_string()),
        Some(_) => Err(String::from(
            "`id` is empty, or no word: give the row one, or leave the column out of the file",
        )),
    }
}

type Found = Vec<(usize, Map<String, Json>)>;

fn csv(text: &str, table: &mut Table) -> Result<Found, Fault> {
    let head = text.lines().next().unwrap_or_default();
    let delimiter = [b',', b';', b'\t']
        .into_iter()
        .max_by_key(|sign| {
            (
                head.bytes().filter(|byte| byte == sign).count(),
                *sign == b',',
            )
        })
        .unwrap_or(b',');
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let names: Vec<String> = reader
        .headers()
        .map_err(|error| Fault::new(1, format!("this is not CSV: {error}")))?
        .iter()
        .map(str::to_owned)
        .collect();
    if let Some(index) = names.iter().position(String::is_empty) {
        return Err(Fault::new(1, format!("column {} has no name", index + 1)));
    }
    if let Some(twice) = (1..names.len()).find(|at| names[..*at].contains(&names[*at])) {
        return Err(Fault::new(
            1,
            format!("there are two columns `{}`", names[twice]),
        ));
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| {
            let line = error
                .position()
                .map_or(0, |position| position.line() as usize);
            Fault::new(line, format!("this is not CSV: {error}"))
        })?;
        let start = record.position().map_or(0, csv::Position::byte) as usize;
        // The position is before empty lines that are passed over.
        let blank = text
            .get(start..)
            .map_or(0, |rest| rest.len() - rest.trim_start_matches('\n').len());
        let line = 1 + tree::line_of(text, start + blank);
        if record.iter().all(str::is_empty) {
            continue;
        }
        if record.len() != names.len() {
            table.faults.push(Fault::new(
                line,
                format!(
                    "the row has {} fields, and there are {} columns: put a text that has `{}` in \
                     it between quotes",
                    record.len(),
                    names.len(),
                    char::from(delimiter)
                ),
            ));
            continue;
        }
        let columns = names
            .iter()
            .zip(record.iter())
            .map(|(name, value)| (name.clone(), Json::String(value.to_owned())))
            .collect();
        rows.push((line, columns));
    }
    Ok(rows)
}

/// A list of tables, or a table with one list, or a table of tables by their ids.
fn tree_rows(root: Option<Node>, table: &mut Table) -> Result<Found, Fault> {
    let Some(root) = root else {
        return Ok(Vec::new());
    };
    let items: Vec<(Option<String>, Node)> = match root.value {
        Value::List(items) => items.into_iter().map(|item| (None, item)).collect(),
        Value::Table(mut entries) => match entries.as_mut_slice() {
            [
                (
                    _,
                    _,
                    Node {
                        value: Value::List(items),
                        ..
                    },
                ),
            ] => std::mem::take(items)
                .into_iter()
                .map(|item| (None, item))
                .collect(),
            _ => entries
                .into_iter()
                .map(|(name, line, node)| (Some(name), Node { line, ..node }))
                .collect(),
        },
        Value::Scalar(_) => {
            return Err(Fault::new(
                root.line,
                "there are no rows: give a list of tables, or tables by their ids",
            ));
        }
    };
    let mut rows = Vec::with_capacity(items.len());
    for (id, item) in items {
        let line = item.line;
        let kind = item.kind();
        let Json::Object(mut columns) = item.to_json() else {
            table.faults.push(Fault::new(
                line,
                format!("a row must be a table (`name: value`), not {kind}"),
            ));
            continue;
        };
        if let Some(id) = id
            && !columns.contains_key(ID)
        {
            columns.insert(ID.to_owned(), Json::String(id));
        }
        rows.push((line, columns));
    }
    Ok(rows)
}
