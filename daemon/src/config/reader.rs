//! Reads a TOML tree into the sections of [`super::raw`], and goes on after an error, so
//! that all of them are told at once.
//!
//! A section is declared once, by [`section!`]: the same lines make the reader and the
//! JSON Schema.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use schemars::{Schema, SchemaGenerator};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::expand::is_reference;
use super::source::Source;
use super::suggest::did_you_mean;
use super::{Diagnostic, Environment, Place};

/// A value as it stands in a file, with its place.
pub(super) type Value<'i> = Spanned<DeValue<'i>>;

#[derive(Clone, Debug)]
pub(super) struct Located<T> {
    pub value: T,
    pub place: Place,
}

/// What can be read from a value. An error is told to the reader, and gives `None`.
pub(super) trait Read: Sized {
    fn read(value: &Value<'_>, key: &str, reader: &mut Reader<'_>) -> Option<Self>;
    fn schema(generator: &mut SchemaGenerator) -> Schema;
}

/// A table with known keys.
pub(super) trait Section: Sized {
    const KEYS: &'static [&'static str];
    /// `at` is the place of the table itself.
    fn read_table(table: &DeTable<'_>, at: &Place, reader: &mut Reader<'_>) -> Self;
}

/// Reads one file.
pub(super) struct Reader<'a> {
    pub source: &'a Source,
    /// The folder that relative paths are relative to.
    pub folder: &'a Path,
    /// None: nothing but the files of the configuration is looked at.
    pub environment: Option<&'a dyn Environment>,
    pub findings: Vec<Diagnostic>,
    /// Every value's place by its key.
    pub places: BTreeMap<String, Place>,
    /// What must not be shown of the file.
    pub hidden: Vec<Range<usize>>,
    /// Files that hold secrets.
    pub files: Vec<PathBuf>,
}

impl<'a> Reader<'a> {
    pub fn new(
        source: &'a Source,
        folder: &'a Path,
        environment: Option<&'a dyn Environment>,
    ) -> Self {
        Reader {
            source,
            folder,
            environment,
            findings: Vec::new(),
            places: BTreeMap::new(),
            hidden: Vec::new(),
            files: Vec::new(),
        }
    }

    pub fn place(&self, value: &Value<'_>, key: &str) -> Place {
        self.source.place(value.span(), key)
    }

    pub fn error(&mut self, value: &Value<'_>, key: &str, message: impl Into<String>) {
        self.finding(Diagnostic::error(message), value, key);
    }

    pub fn error_with_help(
        &mut self,
        value: &Value<'_>,
        key: &str,
        message: impl Into<String>,
        help: Option<String>,
    ) {
        self.finding(Diagnostic::error(message).maybe_help(help), value, key);
    }

    pub fn finding(&mut self, finding: Diagnostic, value: &Value<'_>, key: &str) {
        let place = self.place(value, key);
        self.findings.push(finding.at(&place));
    }

    /// A value of the wrong type. The value itself is never told: it may be a secret.
    pub fn wrong_type(&mut self, value: &Value<'_>, key: &str, expected: &str) {
        let found = article(value.get_ref().type_str());
        self.error(value, key, format!("expected {expected}, found {found}"));
    }

    pub fn string<'v>(
        &mut self,
        value: &'v Value<'_>,
        key: &str,
        expected: &str,
    ) -> Option<&'v str> {
        let text = value.get_ref().as_str();
        if text.is_none() {
            self.wrong_type(value, key, expected);
        }
        text
    }

    pub fn located<T: Read>(&mut self, value: &Value<'_>, key: &str) -> Option<Located<T>> {
        let place = self.place(value, key);
        self.places.insert(key.to_owned(), place.clone());
        let value = T::read(value, key, self)?;
        Some(Located { value, place })
    }

    /// One key of a section; `at` is the section's place.
    pub fn field<T: Read>(
        &mut self,
        table: &DeTable<'_>,
        name: &str,
        required: bool,
        at: &Place,
    ) -> Option<Located<T>> {
        let key = join(&at.key, name);
        match table.iter().find(|(found, _)| found.get_ref() == name) {
            Some((_, value)) => self.located(value, &key),
            None => {
                if required {
                    self.findings
                        .push(Diagnostic::error(format!("`{name}` is missing")).at(at));
                }
                None
            }
        }
    }

    /// Tells every key that is not among `known`.
    pub fn refuse_unknown(&mut self, table: &DeTable<'_>, known: &[&str], at: &Place) {
        for (name, value) in table {
            let found = name.get_ref().as_ref();
            if known.contains(&found) {
                continue;
            }
            self.hide(value);
            let help = did_you_mean(found, known.iter().copied()).unwrap_or_else(|| {
                if known.contains(&"settings") {
                    "what the plugin asks for goes under `settings` or `secrets`".to_owned()
                } else {
                    format!("keys here: {}", known.join(", "))
                }
            });
            let place = self.source.place(name.span(), &join(&at.key, found));
            self.findings.push(
                Diagnostic::error(format!("unknown key `{found}`"))
                    .at(&place)
                    .help(help),
            );
        }
    }

    /// Keeps a value, and all below it, out of what is shown of the file.
    pub fn hide(&mut self, value: &Value<'_>) {
        match value.get_ref() {
            DeValue::Table(table) => {
                for (_, value) in table {
                    self.hide(value);
                }
            }
            DeValue::Array(array) => {
                for value in array.iter() {
                    self.hide(value);
                }
            }
            // It names the secret, and does not hold it.
            DeValue::String(text) if is_reference(text) => {}
            _ => self.hidden.push(value.span()),
        }
    }
}

pub(super) fn join(key: &str, name: &str) -> String {
    if key.is_empty() {
        name.to_owned()
    } else {
        format!("{key}.{name}")
    }
}

pub(super) fn article(kind: &str) -> String {
    match kind {
        "integer" | "array" => format!("an {kind}"),
        "datetime" => "a date or a time".to_owned(),
        _ => format!("a {kind}"),
    }
}

/// `[[account]]` and its like. An item's key is its name, where it has one.
#[derive(Clone, Debug)]
pub(super) struct Tables<T>(pub Vec<Located<T>>);

impl<T: Section + schemars::JsonSchema> Read for Tables<T> {
    fn read(value: &Value<'_>, key: &str, reader: &mut Reader<'_>) -> Option<Self> {
        let DeValue::Array(array) = value.get_ref() else {
            reader.hide(value);
            let found = article(value.get_ref().type_str());
            let help = format!("write `[[{}]]` above its keys", header(key));
            reader.error_with_help(
                value,
                key,
                format!("expected an array of tables, found {found}"),
                Some(help),
            );
            return None;
        };
        let mut items = Vec::with_capacity(array.len());
        for (at, item) in array.iter().enumerate() {
            let DeValue::Table(table) = item.get_ref() else {
                reader.hide(item);
                reader.wrong_type(item, &format!("{key}[{at}]"), "a table");
                continue;
            };
            let name = ["name", "host"].iter().find_map(|name| {
                table
                    .iter()
                    .find(|(found, _)| found.get_ref() == name)
                    .and_then(|(_, value)| value.get_ref().as_str())
                    .filter(|name| !name.is_empty())
            });
            let key = match name {
                Some(name) => join(key, name),
                None => format!("{key}[{at}]"),
            };
            let place = reader.place(item, &key);
            reader.places.insert(key, place.clone());
            items.push(Located {
                value: T::read_table(table, &place, reader),
                place,
            });
        }
        Some(Tables(items))
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        let items = generator.subschema_for::<T>();
        schemars::json_schema!({ "type": "array", "items": items })
    }
}

/// `plugin.mastodon.grant` stands in a file as `[[plugin.grant]]`.
fn header(key: &str) -> String {
    match (key.split('.').next(), key.rsplit('.').next()) {
        (Some(first), Some(last)) if first != last => format!("{first}.{last}"),
        _ => key.to_owned(),
    }
}

impl<T: Read> Read for Vec<Located<T>> {
    fn read(value: &Value<'_>, key: &str, reader: &mut Reader<'_>) -> Option<Self> {
        let DeValue::Array(array) = value.get_ref() else {
            reader.wrong_type(value, key, "an array");
            return None;
        };
        Some(
            array
                .iter()
                .enumerate()
                .filter_map(|(at, item)| reader.located(item, &format!("{key}[{at}]")))
                .collect(),
        )
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        let items = T::schema(generator);
        schemars::json_schema!({ "type": "array", "items": items })
    }
}

/// Declares sections. After a field's type stands its default, as it is shown in the
/// schema; `(required)` after its name refuses a section without it.
macro_rules! section {
    ($(
        $(#[doc = $about:literal])*
        $section:ident {
            $(
                $(#[doc = $doc:literal])*
                $field:ident $(($required:ident))? : $type:ty $(= $default:expr)?,
            )*
        }
    )*) => {$(
        $(#[doc = $about])*
        #[derive(Clone, Debug)]
        pub(super) struct $section {
            $(
                $(#[doc = $doc])*
                pub $field: Option<$crate::config::reader::Located<$type>>,
            )*
        }

        impl $crate::config::reader::Section for $section {
            const KEYS: &'static [&'static str] = &[$(stringify!($field)),*];

            fn read_table(
                table: &toml::de::DeTable<'_>,
                at: &$crate::config::Place,
                reader: &mut $crate::config::reader::Reader<'_>,
            ) -> Self {
                reader.refuse_unknown(table, Self::KEYS, at);
                $section {
                    $($field: reader.field(
                        table,
                        stringify!($field),
                        $crate::config::reader::is_required(&[$(stringify!($required))?]),
                        at,
                    ),)*
                }
            }
        }

        impl $crate::config::reader::Read for $section {
            fn read(
                value: &$crate::config::reader::Value<'_>,
                key: &str,
                reader: &mut $crate::config::reader::Reader<'_>,
            ) -> Option<Self> {
                let Some(table) = value.get_ref().as_table() else {
                    reader.hide(value);
                    reader.wrong_type(value, key, "a table");
                    return None;
                };
                let place = reader.place(value, key);
                Some($crate::config::reader::Section::read_table(table, &place, reader))
            }

            fn schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                generator.subschema_for::<Self>()
            }
        }

        impl schemars::JsonSchema for $section {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($section).trim_start_matches("Raw").to_lowercase().into()
            }

            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let mut shape = $crate::config::reader::Shape::new(&[$($about),*]);
                $(
                    #[allow(unused_mut, unused_assignments)]
                    let mut default = None;
                    $(default = Some(serde_json::json!($default));)?
                    shape.add(
                        stringify!($field),
                        &[$($doc),*],
                        <$type as $crate::config::reader::Read>::schema(generator),
                        default,
                        $crate::config::reader::is_required(&[$(stringify!($required))?]),
                    );
                )*
                shape.finish()
            }
        }
    )*};
}
pub(super) use section;

pub(super) const fn is_required(marks: &[&str]) -> bool {
    !marks.is_empty()
}

/// A section's schema in the making.
pub(super) struct Shape {
    about: String,
    properties: serde_json::Map<String, serde_json::Value>,
    required: Vec<&'static str>,
}

impl Shape {
    pub fn new(about: &[&str]) -> Self {
        Shape {
            about: prose(about),
            properties: serde_json::Map::new(),
            required: Vec::new(),
        }
    }

    pub fn add(
        &mut self,
        name: &'static str,
        doc: &[&str],
        mut schema: Schema,
        default: Option<serde_json::Value>,
        required: bool,
    ) {
        schema.insert("description".into(), prose(doc).into());
        if let Some(default) = default {
            schema.insert("default".into(), default);
        }
        if required {
            self.required.push(name);
        }
        self.properties.insert(name.into(), schema.to_value());
    }

    pub fn finish(self) -> Schema {
        let Shape {
            about,
            properties,
            required,
        } = self;
        schemars::json_schema!({
            "type": "object",
            "description": about,
            "properties": properties,
            "required": required,
            "additionalProperties": false,
        })
    }
}

/// Doc comments as one paragraph.
fn prose(lines: &[&str]) -> String {
    let lines: Vec<&str> = lines.iter().map(|line| line.trim()).collect();
    lines.join(" ")
}
