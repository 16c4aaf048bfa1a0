//! Reads a TOML table field by field and notes everything that is wrong with it, where
//! serde would stop at the first.

use std::cell::RefCell;
use std::fmt;
use std::ops::Range;

use serde::Serialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// As `secrets.token.place[0].header`; empty where the text is no TOML.
    pub key: String,
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        if !self.key.is_empty() {
            write!(f, ", `{}`", self.key)?;
        }
        write!(f, ": {}", self.message)
    }
}

/// Everything that is wrong with a manifest, in the order of its lines. Never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ManifestError {
    pub problems: Vec<Problem>,
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "  {problem}")?;
        }
        Ok(())
    }
}

pub(super) struct Problems<'s> {
    source: &'s str,
    found: RefCell<Vec<Problem>>,
}

impl<'s> Problems<'s> {
    pub(super) fn new(source: &'s str) -> Self {
        Problems {
            source,
            found: RefCell::default(),
        }
    }

    pub(super) fn add(&self, span: Range<usize>, key: &str, message: String) {
        let before = self.source.get(..span.start).unwrap_or(self.source);
        let line = before.rfind('\n').map_or(0, |newline| newline + 1);
        self.found.borrow_mut().push(Problem {
            line: before.matches('\n').count() + 1,
            column: before[line..].chars().count() + 1,
            key: key.to_owned(),
            message,
        });
    }

    /// `Err` when there are any.
    pub(super) fn end(&self) -> Result<(), ManifestError> {
        let mut problems = self.found.take();
        if problems.is_empty() {
            return Ok(());
        }
        problems.sort_by_key(|problem| (problem.line, problem.column));
        Err(ManifestError { problems })
    }
}

/// A value, and where it stands.
#[derive(Clone)]
pub(super) struct At<'p, T> {
    pub(super) value: T,
    problems: &'p Problems<'p>,
    span: Range<usize>,
    pub(super) key: String,
}

impl<T> At<'_, T> {
    pub(super) fn refuse(&self, message: impl Into<String>) {
        self.problems
            .add(self.span.clone(), &self.key, message.into());
    }

    /// The value, or `None` after its problem is noted.
    pub(super) fn keep<U>(self, result: Result<U, String>) -> Option<U> {
        result.map_err(|message| self.refuse(message)).ok()
    }
}

/// A table that is being read. Every key that was asked for is known; [`Fields::end`]
/// refuses the others.
pub(super) struct Fields<'p> {
    problems: &'p Problems<'p>,
    table: &'p DeTable<'p>,
    span: Range<usize>,
    key: String,
    known: RefCell<Vec<&'static str>>,
}

impl<'p> Fields<'p> {
    pub(super) fn root(problems: &'p Problems<'p>, table: &'p DeTable<'p>) -> Self {
        Fields {
            problems,
            table,
            span: 0..0,
            key: String::new(),
            known: RefCell::default(),
        }
    }

    pub(super) fn refuse(&self, message: impl Into<String>) {
        self.problems
            .add(self.span.clone(), &self.key, message.into());
    }

    fn get(&self, name: &'static str) -> Option<At<'p, &'p DeValue<'p>>> {
        self.known.borrow_mut().push(name);
        let value = self.table.get(name)?;
        Some(self.at(name, value))
    }

    fn at(&self, name: &str, value: &'p Spanned<DeValue<'p>>) -> At<'p, &'p DeValue<'p>> {
        At {
            value: value.get_ref(),
            problems: self.problems,
            span: value.span(),
            key: joined(&self.key, name),
        }
    }

    pub(super) fn text(&self, name: &'static str) -> Option<At<'p, &'p str>> {
        self.get(name)?.text()
    }

    pub(super) fn string(&self, name: &'static str) -> Option<String> {
        self.text(name).map(|text| text.value.to_owned())
    }

    /// A text that has to be there.
    pub(super) fn required(&self, name: &'static str) -> Option<At<'p, &'p str>> {
        if !self.table.contains_key(name) {
            self.known.borrow_mut().push(name);
            self.refuse(format!("`{name}` is missing"));
            return None;
        }
        self.text(name)
    }

    /// False where there is none.
    pub(super) fn flag(&self, name: &'static str) -> bool {
        self.get(name).is_some_and(|at| match at.value {
            DeValue::Boolean(value) => *value,
            _ => {
                at.wants("true or false");
                false
            }
        })
    }

    pub(super) fn number<T: TryFrom<i64>>(&self, name: &'static str) -> Option<At<'p, T>> {
        let at = self.get(name)?;
        let Some(number) = integer(at.value) else {
            at.wants("a whole number");
            return None;
        };
        match T::try_from(number) {
            Ok(value) => Some(at.with(value)),
            Err(_) => {
                at.refuse(format!("{number} is out of range"));
                None
            }
        }
    }

    /// A number, with a fraction or without.
    pub(super) fn decimal(&self, name: &'static str) -> Option<At<'p, f64>> {
        let at = self.get(name)?;
        let number = match at.value {
            DeValue::Float(number) => number.as_str().parse().ok(),
            value => integer(value).map(|number| number as f64),
        };
        match number.filter(|number: &f64| number.is_finite()) {
            Some(number) => Some(at.with(number)),
            None => {
                at.wants("a number");
                None
            }
        }
    }

    /// None where the key is missing.
    pub(super) fn texts(&self, name: &'static str) -> Vec<At<'p, &'p str>> {
        let Some(at) = self.get(name) else {
            return Vec::new();
        };
        at.items("a list of texts")
            .into_iter()
            .filter_map(At::text)
            .collect()
    }

    /// The tables of an array of tables.
    pub(super) fn tables(&self, name: &'static str) -> Vec<Fields<'p>> {
        let Some(at) = self.get(name) else {
            return Vec::new();
        };
        at.items("a list of tables")
            .into_iter()
            .filter_map(At::table)
            .collect()
    }

    pub(super) fn table(&self, name: &'static str) -> Option<Fields<'p>> {
        self.get(name)?.table()
    }

    /// The entries of a table whose keys are names that the author chose.
    pub(super) fn entries(&self, name: &'static str) -> Vec<(At<'p, &'p str>, Fields<'p>)> {
        let Some(table) = self.table(name) else {
            return Vec::new();
        };
        let mut entries = Vec::new();
        for (key, value) in table.table {
            let at = table.at(key.get_ref(), value);
            let name = At {
                value: key.get_ref().as_ref(),
                problems: at.problems,
                span: key.span(),
                key: at.key.clone(),
            };
            entries.extend(at.table().map(|fields| (name, fields)));
        }
        entries
    }

    /// A table before its turn; what is wrong with it is told when that comes.
    pub(super) fn glance(&self, name: &str) -> Option<&'p DeTable<'p>> {
        self.table.get(name)?.get_ref().as_table()
    }

    /// The texts of a table whose keys are names that the author chose.
    pub(super) fn named_texts(&self, name: &'static str) -> Vec<(String, At<'p, &'p str>)> {
        let Some(table) = self.table(name) else {
            return Vec::new();
        };
        let texts = table.table.iter().filter_map(|(key, value)| {
            let text = table.at(key.get_ref(), value).text()?;
            Some((key.get_ref().to_string(), text))
        });
        texts.collect()
    }

    pub(super) fn json(&self, name: &'static str) -> Option<At<'p, serde_json::Value>> {
        let at = self.get(name)?;
        match json(at.value) {
            Some(value) => Some(at.with(value)),
            None => {
                at.refuse("a date, a time or a number without a finite value can't stand here");
                None
            }
        }
    }

    /// Notes the keys that nobody asked for.
    pub(super) fn end(self) {
        let known = self.known.borrow();
        for key in self.table.keys() {
            let name = key.get_ref().as_ref();
            if !known.contains(&name) {
                let hint = nearest(name, known.iter().copied()).map_or_else(
                    || format!("known are {}", listed(&known)),
                    |near| format!("did you mean `{near}`?"),
                );
                self.problems.add(
                    key.span(),
                    &joined(&self.key, name),
                    format!("there is no such key; {hint}"),
                );
            }
        }
    }
}

impl<'p> At<'p, &'p DeValue<'p>> {
    fn wants(&self, what: &str) {
        self.refuse(format!(
            "{what} is wanted here, not {}",
            match self.value {
                DeValue::String(_) => "a text",
                DeValue::Integer(_) | DeValue::Float(_) => "a number",
                DeValue::Boolean(_) => "true or false",
                DeValue::Datetime(_) => "a date",
                DeValue::Array(_) => "a list",
                DeValue::Table(_) => "a table",
            }
        ));
    }

    fn text(self) -> Option<At<'p, &'p str>> {
        match self.value {
            DeValue::String(text) => Some(self.with(text.as_ref())),
            _ => {
                self.wants("a text");
                None
            }
        }
    }

    fn items(self, what: &str) -> Vec<Self> {
        let DeValue::Array(items) = self.value else {
            self.wants(what);
            return Vec::new();
        };
        items
            .iter()
            .enumerate()
            .map(|(index, item)| At {
                value: item.get_ref(),
                problems: self.problems,
                span: item.span(),
                key: format!("{}[{index}]", self.key),
            })
            .collect()
    }

    fn table(self) -> Option<Fields<'p>> {
        match self.value {
            DeValue::Table(table) => Some(Fields {
                problems: self.problems,
                table,
                span: self.span,
                key: self.key,
                known: RefCell::default(),
            }),
            _ => {
                self.wants("a table");
                None
            }
        }
    }
}

impl<'p, T> At<'p, T> {
    fn with<U>(&self, value: U) -> At<'p, U> {
        At {
            value,
            problems: self.problems,
            span: self.span.clone(),
            key: self.key.clone(),
        }
    }
}

fn joined(path: &str, name: &str) -> String {
    match path {
        "" => name.to_owned(),
        path => format!("{path}.{name}"),
    }
}

fn integer(value: &DeValue<'_>) -> Option<i64> {
    let number = value.as_integer()?;
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}

fn json(value: &DeValue<'_>) -> Option<serde_json::Value> {
    use serde_json::Value;
    Some(match value {
        DeValue::String(text) => Value::from(text.as_ref()),
        DeValue::Boolean(value) => Value::from(*value),
        DeValue::Integer(_) => Value::from(integer(value)?),
        DeValue::Float(number) => {
            serde_json::Number::from_f64(number.as_str().parse().ok()?)?.into()
        }
        DeValue::Datetime(_) => return None,
        DeValue::Array(items) => items
            .iter()
            .map(|item| json(item.get_ref()))
            .collect::<Option<_>>()
            .map(Value::Array)?,
        DeValue::Table(table) => table
            .iter()
            .map(|(key, value)| Some((key.get_ref().to_string(), json(value.get_ref())?)))
            .collect::<Option<_>>()
            .map(Value::Object)?,
    })
}

/// The candidate that was most likely meant.
pub(super) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.chars().count().div_ceil(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

pub(super) fn listed(names: &[&str]) -> String {
    names
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}
