//! The fields of a table: unknown ones are told with the one that was meant, and all that
//! is wrong is told at once.

use crate::issue::{Issues, nearest};
use crate::tree::{Entry, Node, Value};

pub(crate) struct Fields<'a> {
    entries: &'a [Entry],
}

impl<'a> Fields<'a> {
    /// The fields of `node`, whose name in messages is `what`; `None` when it is no table.
    /// `other_names` are advice for keys that are known by another name.
    pub(crate) fn of(
        node: &'a Node,
        what: &str,
        keys: &[&'static str],
        other_names: &[(&str, &str)],
        issues: &mut Issues,
    ) -> Option<Self> {
        let Value::Table(entries) = &node.value else {
            issues.error(
                node.line,
                format!("{what} must be a table (`key: value`), not {}", node.kind()),
            );
            return None;
        };
        for (index, entry) in entries.iter().enumerate() {
            let name = entry.name.as_str();
            if !keys.contains(&name) {
                issues.error(entry.line, unknown(name, what, keys, other_names));
            } else if entries[..index].iter().any(|other| other.name == name) {
                issues.error(entry.line, format!("`{name}` is given twice"));
            }
        }
        Some(Fields { entries })
    }

    /// The line of a key; 0 when it is not there.
    pub(crate) fn line_of(&self, name: &str) -> usize {
        self.entry(name).map_or(0, |entry| entry.line)
    }

    fn entry(&self, name: &str) -> Option<&'a Entry> {
        self.entries.iter().find(|entry| entry.name == name)
    }

    /// The value of a key that is there and not empty.
    pub(crate) fn take(&self, name: &str) -> Option<&'a Node> {
        self.entry(name)
            .map(|entry| &entry.value)
            .filter(|node| !node.is_null())
    }

    /// A text, in one line or more.
    pub(crate) fn text(&self, name: &str, issues: &mut Issues) -> Option<String> {
        let text = self.text_or_empty(name, issues)?;
        if text.is_empty() { None } else { Some(text) }
    }

    /// As `text`, and an empty text in quotes is one.
    pub(crate) fn text_or_empty(&self, name: &str, issues: &mut Issues) -> Option<String> {
        let node = self.take(name)?;
        match &node.value {
            Value::Plain(text) | Value::Text(text) => Some(text.trim().to_owned()),
            _ => {
                issues.error(
                    node.line,
                    format!("`{name}` takes text, not {}", node.kind()),
                );
                None
            }
        }
    }

    /// A text in one line.
    pub(crate) fn line(&self, name: &str, issues: &mut Issues) -> Option<String> {
        let text = self.text(name, issues)?;
        if text.contains(char::is_control) {
            issues.error(
                self.line_of(name),
                format!("`{name}` takes one line of text"),
            );
            return None;
        }
        Some(text)
    }

    /// A line that `parse` makes something of.
    pub(crate) fn parsed<T>(
        &self,
        name: &str,
        issues: &mut Issues,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.line(name, issues)?;
        match parse(&text) {
            Ok(value) => Some(value),
            Err(message) => {
                issues.error(self.line_of(name), format!("`{name}`: {message}"));
                None
            }
        }
    }

    /// `true` or `false`; false where nothing is said.
    pub(crate) fn flag(&self, name: &str, issues: &mut Issues) -> bool {
        let Some(node) = self.take(name) else {
            return false;
        };
        match &node.value {
            Value::Plain(word) if word.eq_ignore_ascii_case("true") => true,
            Value::Plain(word) if word.eq_ignore_ascii_case("false") => false,
            _ => {
                issues.error(node.line, format!("`{name}` is either true or false"));
                false
            }
        }
    }

    /// A list of texts. An item that is empty is an error.
    pub(crate) fn texts(&self, name: &str, issues: &mut Issues) -> Vec<String> {
        let Some(node) = self.take(name) else {
            return Vec::new();
        };
        let Value::List(items) = &node.value else {
            issues.error(
                node.line,
                format!("`{name}` takes a list, not {}", node.kind()),
            );
            return Vec::new();
        };
        let mut texts = Vec::with_capacity(items.len());
        for item in items {
            match &item.value {
                Value::Plain(text) | Value::Text(text) if !text.trim().is_empty() => {
                    texts.push(text.trim().to_owned());
                }
                _ => issues.error(
                    item.line,
                    format!("`{name}` holds texts, not {}", item.kind()),
                ),
            }
        }
        texts
    }

    /// A list of words, or one text with commas or blanks between them.
    pub(crate) fn words(&self, name: &str, issues: &mut Issues) -> Vec<String> {
        let Some(entry) = self.entry(name) else {
            return Vec::new();
        };
        match &entry.value.value {
            Value::List(_) => self.texts(name, issues),
            // In YAML `hashtags: #bread` says nothing: the rest is a comment.
            _ if entry.value.is_null() => {
                issues.error(
                    entry.line,
                    format!(
                        "`{name}` is empty: leave the key out (and mind that in YAML a `#` after \
                         a blank begins a comment)"
                    ),
                );
                Vec::new()
            }
            Value::Plain(text) | Value::Text(text) => text
                .split([',', ' '])
                .filter(|word| !word.is_empty())
                .map(str::to_owned)
                .collect(),
            Value::Table(_) => {
                issues.error(
                    entry.value.line,
                    format!("`{name}` takes a list, not a table"),
                );
                Vec::new()
            }
        }
    }
}

fn unknown(name: &str, what: &str, keys: &[&'static str], other_names: &[(&str, &str)]) -> String {
    let advice = other_names
        .iter()
        .find(|(other, _)| other.eq_ignore_ascii_case(name))
        .map(|(_, advice)| (*advice).to_owned())
        .or_else(|| nearest(name, keys.iter().copied()).map(|key| format!("did you mean `{key}`?")))
        .unwrap_or_else(|| format!("{what} takes {}", keys.join(", ")));
    format!("unknown key `{name}`: {advice}")
}
