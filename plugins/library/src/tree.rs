//! Front matter as a tree that remembers its lines, from YAML or TOML alike. What a plain
//! word means is left to the key that takes it: `language: no` is Norwegian, not "false".

use granit_parser::{Event, Parser, ScalarStyle};
use toml::de::{DeTable, DeValue};

/// A value, and the line on which it stands (counted from 1).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) line: usize,
    pub(crate) value: Value,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// Without quotes: a word, a number, true or false, a moment; empty for nothing.
    Plain(String),
    /// In quotes, or a block of text.
    Text(String),
    List(Vec<Node>),
    Table(Vec<Entry>),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) name: String,
    /// The line of the name.
    pub(crate) line: usize,
    pub(crate) value: Node,
}

/// Why there is no tree.
#[derive(Debug, PartialEq)]
pub(crate) struct Fault {
    pub(crate) line: usize,
    pub(crate) message: String,
}

impl Node {
    /// Nothing was written.
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Plain(word) if is_null(word))
    }

    /// What it is, for a message.
    pub(crate) fn kind(&self) -> &'static str {
        match &self.value {
            Value::Plain(word) if is_null(word) => "nothing",
            Value::Plain(_) | Value::Text(_) => "text",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
        }
    }

    /// As JSON, plain words read by YAML's core schema.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match &self.value {
            Value::Text(text) => Json::String(text.clone()),
            Value::List(items) => items.iter().map(Node::to_json).collect(),
            Value::Table(entries) => Json::Object(
                entries
                    .iter()
                    .map(|entry| (entry.name.clone(), entry.value.to_json()))
                    .collect(),
            ),
            Value::Plain(word) if is_null(word) => Json::Null,
            Value::Plain(word) => match word.as_str() {
                "true" | "True" | "TRUE" => Json::Bool(true),
                "false" | "False" | "FALSE" => Json::Bool(false),
                _ => number(word).map_or_else(|| Json::String(word.clone()), Json::Number),
            },
        }
    }
}

fn is_null(word: &str) -> bool {
    matches!(word, "" | "~" | "null" | "Null" | "NULL")
}

fn number(word: &str) -> Option<serde_json::Number> {
    let starts_as_number = word
        .strip_prefix(['+', '-'])
        .unwrap_or(word)
        .starts_with(|first: char| first.is_ascii_digit() || first == '.');
    if !starts_as_number {
        return None;
    }
    let whole = word.parse::<i64>().ok().map(serde_json::Number::from);
    whole.or_else(|| word.parse().ok().and_then(serde_json::Number::from_f64))
}

/// A collection that is still open.
struct Open {
    line: usize,
    value: Value,
    /// The name that waits for its value, in a table.
    name: Option<(String, usize)>,
}

/// The tree of a YAML document whose first line is line `first` of the file.
pub(crate) fn yaml(source: &str, first: usize) -> Result<Node, Fault> {
    let empty = Node {
        line: first,
        value: Value::Table(Vec::new()),
    };
    let mut root = None;
    let mut open: Vec<Open> = Vec::new();
    for event in Parser::new_from_str(source) {
        let (event, span) = event.map_err(|error| Fault {
            line: first + error.marker().line().saturating_sub(1),
            message: format!("the front matter is not YAML: {}", error.info()),
        })?;
        let line = first + span.start.line().saturating_sub(1);
        let value = match event {
            Event::Scalar(text, style, _, tag) => {
                if style == ScalarStyle::Plain && tag.is_none() {
                    Value::Plain(text.into_owned())
                } else {
                    Value::Text(text.into_owned())
                }
            }
            Event::SequenceStart(..) => {
                open.push(Open::new(line, Value::List(Vec::new())));
                continue;
            }
            Event::MappingStart(..) => {
                open.push(Open::new(line, Value::Table(Vec::new())));
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Open { line, value, .. }) => {
                    root = place(&mut open, Node { line, value })?;
                    continue;
                }
                None => continue,
            },
            Event::Alias(_) => {
                return Err(Fault {
                    line,
                    message: String::from(
                        "references (`*name`) are not taken: write the value out, or put it in \
                         quotes if the star is meant",
                    ),
                });
            }
            _ => continue,
        };
        root = place(&mut open, Node { line, value })?;
    }
    match root {
        None => Ok(empty),
        Some(node) if node.is_null() => Ok(empty),
        Some(node) => Ok(node),
    }
}

impl Open {
    fn new(line: usize, value: Value) -> Self {
        Open {
            line,
            value,
            name: None,
        }
    }
}

/// Puts a whole value where it belongs; gives it back when it is the document itself.
fn place(open: &mut [Open], node: Node) -> Result<Option<Node>, Fault> {
    let Some(parent) = open.last_mut() else {
        return Ok(Some(node));
    };
    match &mut parent.value {
        Value::Table(entries) => match parent.name.take() {
            Some((name, line)) => entries.push(Entry {
                name,
                line,
                value: node,
            }),
            None => match node.value {
                Value::Plain(name) | Value::Text(name) => parent.name = Some((name, node.line)),
                _ => {
                    return Err(Fault {
                        line: node.line,
                        message: format!("a key must be a word, not {}", node.kind()),
                    });
                }
            },
        },
        Value::List(items) => items.push(node),
        // Words are never open.
        Value::Plain(_) | Value::Text(_) => {}
    }
    Ok(None)
}

/// The tree of a TOML document whose first line is line `first` of the file.
pub(crate) fn toml(source: &str, first: usize) -> Result<Node, Fault> {
    let lines = Lines { source, first };
    let table = DeTable::parse(source).map_err(|error| Fault {
        line: lines.at(error.span().map_or(0, |span| span.start)),
        message: format!("the front matter is not TOML: {}", error.message()),
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
        let mut entries: Vec<(usize, Entry)> = table
            .iter()
            .map(|(name, value)| {
                let at = name.span().start;
                let entry = Entry {
                    name: name.get_ref().to_string(),
                    line: self.at(at),
                    value: Node {
                        line: self.at(value.span().start),
                        value: self.value(value.get_ref()),
                    },
                };
                (at, entry)
            })
            .collect();
        // The parser sorts them by name; what is first in the file matters, for variants.
        entries.sort_by_key(|(at, _)| *at);
        Value::Table(entries.into_iter().map(|(_, entry)| entry).collect())
    }

    fn value(&self, value: &DeValue<'_>) -> Value {
        match value {
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Integer(number) => Value::Plain(decimal(number.as_str(), number.radix())),
            DeValue::Float(number) => Value::Plain(number.as_str().to_owned()),
            DeValue::Boolean(flag) => Value::Plain(flag.to_string()),
            DeValue::Datetime(moment) => Value::Plain(moment.to_string()),
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

fn decimal(digits: &str, radix: u32) -> String {
    match radix {
        10 => digits.to_owned(),
        _ => i64::from_str_radix(digits, radix)
            .map_or_else(|_| digits.to_owned(), |number| number.to_string()),
    }
}

/// How many lines end before the byte at `offset`.
pub(crate) fn line_of(source: &str, offset: usize) -> usize {
    let before = source.as_bytes().get(..offset).unwrap_or(source.as_bytes());
    before.iter().filter(|byte| **byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(node: &Node) -> serde_json::Value {
        node.to_json()
    }

    #[test]
    fn yaml_and_toml_make_the_same_tree() {
        let from_yaml = yaml(
            "when: 2026-11-24 09:00\nsensitive: true\noptions:\n  mastodon: {a: 5, b: 1.5, c: [x, 'true']}\n",
            2,
        )
        .unwrap();
        let from_toml = toml(
            "when = 2026-11-24 09:00\nsensitive = true\n[options.mastodon]\na = 0x5\nb = 1.5\nc = [\"x\", \"true\"]\n",
            2,
        )
        .unwrap();
        let expected = serde_json::json!({
            "when": "2026-11-24 09:00",
            "sensitive": true,
            "options": { "mastodon": { "a": 5, "b": 1.5, "c": ["x", "true"] } },
        });
        assert_eq!(json(&from_yaml), expected);
        // TOML's own way to write a local moment.
        let mut expected = expected;
        expected["when"] = json(&from_toml)["when"].clone();
        assert_eq!(json(&from_toml), expected);
        assert!(
            expected["when"]
                .as_str()
                .unwrap()
                .starts_with("2026-11-24T09:00")
        );
    }

    #[test]
    fn every_value_knows_its_line() {
        let Value::Table(entries) = yaml(
            "a: 1\n\nb:\n  - x\n  - y: |\n      long\n      text\nc: z\n",
            2,
        )
        .unwrap()
        .value
        else {
            panic!("a table")
        };
        let lines: Vec<_> = entries
            .iter()
            .map(|entry| (entry.name.as_str(), entry.line))
            .collect();
        assert_eq!(lines, [("a", 2), ("b", 4), ("c", 9)]);
        let Value::List(items) = &entries[1].value.value else {
            panic!("a list")
        };
        assert_eq!((items[0].line, items[1].line), (5, 6));
    }

    #[test]
    fn faults_name_their_line() {
        for (source, line) in [("a: b\nc: [1, 2\nd: 3\n", 4), ("a: 1\nb: c: d\n", 3)] {
            let fault = yaml(source, 2).unwrap_err();
            assert!(
                fault.message.starts_with("the front matter is not YAML: "),
                "{fault:?}"
            );
            assert!((2..=line + 1).contains(&fault.line), "{fault:?}");
        }
        let fault = toml("a = 1\nb = \n", 2).unwrap_err();
        assert_eq!(fault.line, 3, "{fault:?}");
    }

    #[test]
    fn references_are_refused_so_that_they_can_not_multiply() {
        let fault = yaml("a: &x [1, 2]\nb: [*x, *x]\n", 2).unwrap_err();
        assert_eq!(fault.line, 3);
        assert!(fault.message.contains("references"), "{fault:?}");
    }

    #[test]
    fn deep_nesting_is_a_fault_not_a_crash() {
        let bomb = "[".repeat(100_000);
        assert!(yaml(&bomb, 2).is_err());
        assert!(toml(&format!("a = {bomb}"), 2).is_err());
    }
}
