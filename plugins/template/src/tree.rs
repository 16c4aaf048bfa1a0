//! YAML, TOML and JSON as values that know their lines.

use granit_parser::{Event, Parser, ScalarStyle};
use serde_json::Value as Json;
use serde_json::value::RawValue;
use toml::de::{DeTable, DeValue};

use crate::issue::Fault;

/// A value, and the line on which it begins (counted from 1).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) line: usize,
    pub(crate) value: Value,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Scalar(Json),
    List(Vec<Node>),
    /// In the file's order; with the line of each name.
    Table(Vec<(String, usize, Node)>),
}

impl Node {
    pub(crate) fn to_json(&self) -> Json {
        match &self.value {
            Value::Scalar(value) => value.clone(),
            Value::List(items) => items.iter().map(Node::to_json).collect(),
            Value::Table(entries) => Json::Object(
                entries
                    .iter()
                    .map(|(name, _, node)| (name.clone(), node.to_json()))
                    .collect(),
            ),
        }
    }

    /// What it is, for a message.
    pub(crate) fn kind(&self) -> &'static str {
        match &self.value {
            Value::Scalar(Json::Null) => "nothing",
            Value::Scalar(Json::Bool(_)) => "true or false",
            Value::Scalar(Json::Number(_)) => "a number",
            Value::Scalar(_) => "text",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
        }
    }
}

/// A plain word of YAML by its core schema: `no` is a word, and not "false".
fn plain(word: &str) -> Json {
    match word {
        "" | "~" | "null" | "Null" | "NULL" => return Json::Null,
        "true" | "True" | "TRUE" => return Json::Bool(true),
        "false" | "False" | "FALSE" => return Json::Bool(false),
        _ => {}
    }
    let digits = word.strip_prefix(['+', '-']).unwrap_or(word);
    let is_number = digits.starts_with(|first: char| first.is_ascii_digit())
        // A telephone number, an article number: words.
        && (digits.len() == 1 || !digits.starts_with('0') || digits.starts_with("0."));
    if !is_number {
        return Json::String(word.to_owned());
    }
    word.parse::<i64>()
        .ok()
        .map(serde_json::Number::from)
        .or_else(|| word.parse().ok().and_then(serde_json::Number::from_f64))
        .map_or_else(|| Json::String(word.to_owned()), Json::Number)
}

struct Open {
    line: usize,
    value: Value,
    /// The name that waits for its value, in a table.
    name: Option<(String, usize)>,
}

/// A YAML document whose first line is line `first` of the file; none where it is empty.
pub(crate) fn yaml(source: &str, first: usize) -> Result<Option<Node>, Fault> {
    let mut root = None;
    let mut open: Vec<Open> = Vec::new();
    for event in Parser::new_from_str(source) {
        let (event, span) = event.map_err(|error| {
            let line = first + error.marker().line().saturating_sub(1);
            Fault::new(line, format!("this is not YAML: {}", error.info()))
        })?;
        let line = first + span.start.line().saturating_sub(1);
        let node = match event {
            Event::Scalar(text, style, _, tag) => Node {
                line,
                value: Value::Scalar(if style == ScalarStyle::Plain && tag.is_none() {
                    plain(&text)
                } else {
                    Json::String(text.into_owned())
                }),
            },
            Event::SequenceStart(..) | Event::MappingStart(..) => {
                let value = if matches!(event, Event::SequenceStart(..)) {
                    Value::List(Vec::new())
                } else {
                    Value::Table(Vec::new())
                };
                open.push(Open {
                    line,
                    value,
                    name: None,
                });
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Open { line, value, .. }) => Node { line, value },
                None => continue,
            },
            Event::Alias(_) => {
                return Err(Fault::new(
                    line,
                    "references (`*name`) are not taken: write the value out, or put it in quotes \
                     if the star is meant",
                ));
            }
            Event::DocumentStart(..) if root.is_some() => {
                return Err(Fault::new(
                    line,
                    "a second document begins here: one is taken",
                ));
            }
            _ => continue,
        };
        if let Some(node) = place(&mut open, node)? {
            root = Some(node);
        }
    }
    Ok(root.filter(|node| node.value != Value::Scalar(Json::Null)))
}

/// Puts a value where it belongs; gives it back when it is the document itself.
fn place(open: &mut [Open], node: Node) -> Result<Option<Node>, Fault> {
    let Some(parent) = open.last_mut() else {
        return Ok(Some(node));
    };
    match &mut parent.value {
        Value::List(items) => items.push(node),
        Value::Table(entries) => match parent.name.take() {
            Some((name, line)) => {
                if entries.iter().any(|(other, _, _)| *other == name) {
                    return Err(Fault::new(line, format!("`{name}` is given twice")));
                }
                entries.push((name, line, node));
            }
            None => {
                let name = match &node.value {
                    Value::Scalar(Json::String(name)) => name.clone(),
                    Value::Scalar(other) => other.to_string(),
                    _ => {
                        return Err(Fault::new(
                            node.line,
                            format!("a key must be a word, not {}", node.kind()),
                        ));
                    }
                };
                parent.name = Some((name, node.line));
            }
        },
        // A scalar is never open.
        Value::Scalar(_) => {}
    }
    Ok(None)
}

/// A TOML document whose first line is line `first` of the file.
pub(crate) fn toml(source: &str, first: usize) -> Result<Node, Fault> {
    let lines = Lines { source, first };
    let table = DeTable::parse(source).map_err(|error| {
        let line = lines.at(error.span().map_or(0, |span| span.start));
        Fault::new(line, format!("this is not TOML: {}", error.message()))
    })?;
    Ok(Node {
        line: first,
        value: lines.table(table.get_ref()),
    })
}

struct Lines<'a> {
    source: &'a str,
    first: usize,
}

impl Lines<'_> {
    fn at(&self, offset: usize) -> usize {
        self.first + line_of(self.source, offset)
    }

    fn table(&self, table: &DeTable<'_>) -> Value {
        let mut entries: Vec<(usize, (String, usize, Node))> = table
            .iter()
            .map(|(name, value)| {
                let at = name.span().start;
                let node = Node {
                    line: self.at(value.span().start),
                    value: self.value(value.get_ref()),
                };
                (at, (name.get_ref().to_string(), self.at(at), node))
            })
            .collect();
        // The parser sorts them by name.
        entries.sort_by_key(|(at, _)| *at);
        Value::Table(entries.into_iter().map(|(_, entry)| entry).collect())
    }

    fn value(&self, value: &DeValue<'_>) -> Value {
        match value {
            DeValue::String(text) => Value::Scalar(Json::String(text.to_string())),
            DeValue::Integer(number) => Value::Scalar(
                i64::from_str_radix(number.as_str(), number.radix())
                    .map_or_else(|_| Json::String(number.as_str().to_owned()), Json::from),
            ),
            DeValue::Float(number) => Value::Scalar(plain(number.as_str())),
            DeValue::Boolean(flag) => Value::Scalar(Json::Bool(*flag)),
            DeValue::Datetime(moment) => Value::Scalar(Json::String(moment.to_string())),
            DeValue::Array(items) => Value::List(
                items
                    .iter()
                    .map(|item| Node {
                        line: self.at(item.span().start),
                        value: self.value(item.get_ref()),
                    })
                    .collect(),
            ),
            DeValue::Table(table) => self.table(table),
        }
    }
}

/// A JSON document. Lists and tables down to the rows know their lines; what is inside a
/// row has the row's.
pub(crate) fn json(source: &str) -> Result<Option<Node>, Fault> {
    if source.trim().is_empty() {
        return Ok(None);
    }
    let raw: &RawValue = serde_json::from_str(source)
        .map_err(|error| Fault::new(error.line(), format!("this is not JSON: {error}")))?;
    Ok(Some(json_node(source, raw, 2)?))
}

fn json_node(source: &str, raw: &RawValue, depth: usize) -> Result<Node, Fault> {
    let text = raw.get();
    let offset = text.as_ptr().addr().saturating_sub(source.as_ptr().addr());
    let line = 1 + line_of(source, offset);
    let fault = |error: serde_json::Error| Fault::new(line, format!("this is not JSON: {error}"));
    let value = match text.as_bytes().first() {
        Some(b'[') if depth > 0 => {
            let items: Vec<&RawValue> = serde_json::from_str(text).map_err(fault)?;
            Value::List(
                items
                    .into_iter()
                    .map(|item| json_node(source, item, depth - 1))
                    .collect::<Result<_, _>>()?,
            )
        }
        Some(b'{') if depth > 0 => {
            let Json::Object(map) = serde_json::from_str(text).map_err(fault)? else {
                return Err(Fault::new(line, "this is no table"));
            };
            let raws: std::collections::HashMap<String, &RawValue> =
                serde_json::from_str(text).map_err(fault)?;
            let mut entries = Vec::with_capacity(map.len());
            for (name, _) in map {
                let Some(raw) = raws.get(&name) else { continue };
                let node = json_node(source, raw, depth - 1)?;
                entries.push((name, node.line, node));
            }
            Value::Table(entries)
        }
        _ => from_json(serde_json::from_str(text).map_err(fault)?, line),
    };
    Ok(Node { line, value })
}

fn from_json(value: Json, line: usize) -> Value {
    match value {
        Json::Array(items) => Value::List(
            items
                .into_iter()
                .map(|item| Node {
                    line,
                    value: from_json(item, line),
                })
                .collect(),
        ),
        Json::Object(map) => Value::Table(
            map.into_iter()
                .map(|(name, value)| {
                    let value = from_json(value, line);
                    (name, line, Node { line, value })
                })
                .collect(),
        ),
        scalar => Value::Scalar(scalar),
    }
}

/// How many lines end before the byte at `offset`.
pub(crate) fn line_of(source: &str, offset: usize) -> usize {
    let before = source.as_bytes().get(..offset).unwrap_or(source.as_bytes());
    before.iter().filter(|byte| **byte == b'\n').count()
}
