//! The free tables of a section: a plugin's settings, its secrets, the folders that it
//! is let into.

use std::collections::BTreeMap;

use schemars::{Schema, SchemaGenerator, json_schema};
use secrecy::SecretString;
use serde_json::{Map, Number, Value as Json};
use toml::de::{DeTable, DeValue};

use super::Diagnostic;
use super::expand::{Expanded, Kind, Surroundings, expand};
use super::reader::{Located, Read, Reader, Value, join};
use super::values::FilePath;

/// Handed to the plugin as JSON. Strings may refer to what is outside.
#[derive(Clone, Debug)]
pub(super) struct Settings(pub Map<String, Json>);

impl Read for Settings {
    fn read(value: &Value<'_>, key: &str, reader: &mut Reader<'_>) -> Option<Self> {
        reader.hide(value);
        let table = table(value, key, reader)?;
        Some(Settings(object(table, key, reader)))
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object" })
    }
}

fn table<'v, 'i>(
    value: &'v Value<'i>,
    key: &str,
    reader: &mut Reader<'_>,
) -> Option<&'v DeTable<'i>> {
    let table = value.get_ref().as_table();
    if table.is_none() {
        reader.hide(value);
        reader.wrong_type(value, key, "a table");
    }
    table
}

fn object(table: &DeTable<'_>, key: &str, reader: &mut Reader<'_>) -> Map<String, Json> {
    let mut map = Map::new();
    for (name, value) in table {
        let name = name.get_ref().to_string();
        if let Some(value) = json(value, &join(key, &name), reader) {
            map.insert(name, value);
        }
    }
    map
}

fn json(value: &Value<'_>, key: &str, reader: &mut Reader<'_>) -> Option<Json> {
    let place = reader.place(value, key);
    reader.places.insert(key.to_owned(), place);
    match value.get_ref() {
        DeValue::String(text) => {
            let expanded = expanded(text, value, key, reader);
            if expanded.kinds.contains(&Kind::Credential) {
                let warning = Diagnostic::warning("the plugin will see this credential")
                    .help("under `secrets` it is put into requests by the broker, and the plugin never sees it");
                reader.finding(warning, value, key);
            }
            // Without an environment, what was written stands for itself.
            let followed = reader.environment.is_some();
            expanded
                .text
                .or_else(|| (!followed).then(|| text.to_string()))
                .map(Json::String)
        }
        DeValue::Integer(number) => {
            let read = i64::from_str_radix(number.as_str(), number.radix());
            if read.is_err() {
                reader.error(value, key, "the number is too large");
            }
            read.ok().map(Json::from)
        }
        DeValue::Float(number) => {
            let read = number.as_str().parse().ok().and_then(Number::from_f64);
            if read.is_none() {
                reader.error(value, key, "a setting is a finite number");
            }
            read.map(Json::Number)
        }
        DeValue::Boolean(flag) => Some(Json::Bool(*flag)),
        DeValue::Datetime(moment) => Some(Json::String(moment.to_string())),
        DeValue::Array(array) => Some(Json::Array(
            array
                .iter()
                .enumerate()
                .filter_map(|(at, item)| json(item, &format!("{key}[{at}]"), reader))
                .collect(),
        )),
        DeValue::Table(table) => Some(Json::Object(object(table, key, reader))),
    }
}

fn expanded(text: &str, value: &Value<'_>, key: &str, reader: &mut Reader<'_>) -> Expanded {
    let mut expanded = expand(
        text,
        &Surroundings {
            environment: reader.environment,
            folder: reader.folder,
        },
    );
    for (severity, message, help) in expanded.findings.drain(..) {
        let finding = Diagnostic::new(severity, message).maybe_help(help);
        reader.finding(finding, value, key);
    }
    reader.files.append(&mut expanded.files);
    expanded
}

/// Filled in by the broker. None: references are not followed.
#[derive(Clone, Debug)]
pub(super) struct Secrets(pub BTreeMap<String, Option<SecretString>>);

impl Read for Secrets {
    fn read(value: &Value<'_>, key: &str, reader: &mut Reader<'_>) -> Option<Self> {
        reader.hide(value);
        let table = table(value, key, reader)?;
        let mut secrets = BTreeMap::new();
        for (name, value) in table {
            let name = name.get_ref().to_string();
            let key = join(key, &name);
            let place = reader.place(value, &key);
            reader.places.insert(key.clone(), place);
            if let Some(secret) = secret(value, &key, reader, false) {
                secrets.insert(name, secret);
            }
        }
        Some(Secrets(secrets))
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "additionalProperties": { "type": "string" } })
    }
}

fn secret(
    value: &Value<'_>,
    key: &str,
    reader: &mut Reader<'_>,
    is_public: bool,
) -> Option<Option<SecretString>> {
    let text = reader.string(value, key, "a string")?;
    if text.is_empty() {
        reader.error(value, key, "the secret is empty");
        return None;
    }
    let expanded = expanded(text, value, key, reader);
    if !is_public && expanded.kinds.is_empty() && expanded.text.is_some() {
        let warning = Diagnostic::warning("the secret stands in the configuration itself")
            .help("keep it outside: `${credential:NAME}` of systemd, `${file:PATH}` with mode 0600, or `${env:NAME}`");
        reader.finding(warning, value, key);
    }
    match expanded.text {
        Some(text) => Some(Some(SecretString::from(text))),
        None if reader.environment.is_none() => Some(None),
        None => None,
    }
}

/// A secret that stands alone. None: references are not followed.
#[derive(Clone, Debug)]
pub(super) struct SecretText(pub Option<SecretString>);

impl Read for SecretText {
    fn read(value: &Value<'_>, key: &str, reader: &mut Reader<'_>) -> Option<Self> {
        reader.hide(value);
        // An app's id is no secret by itself: it may stand in the file.
        let is_public = key.ends_with(".client_id");
        secret(value, key, reader, is_public).map(SecretText)
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": 1 })
    }
}

/// An address that may be a secret in itself: it is never shown.
#[derive(Clone, Debug)]
pub(super) struct SecretAddress(pub Option<SecretString>);

impl Read for SecretAddress {
    fn read(value: &Value<'_>, key: &str, reader: &mut Reader<'_>) -> Option<Self> {
        reader.hide(value);
        let text = reader.string(value, key, "a string")?;
        let expanded = expanded(text, value, key, reader);
        let Some(text) = expanded.text else {
            return reader.environment.is_none().then_some(SecretAddress(None));
        };
        let fits = url::Url::parse(&text).is_ok_and(|url| {
            matches!(url.scheme(), "http" | "https")
                && url.host_str().is_some_and(|host| !host.is_empty())
        });
        if !fits {
            reader.error(
                value,
                key,
                "is not a URL with `http://` or `https://` and a host",
            );
            return None;
        }
        Some(SecretAddress(Some(SecretString::from(text))))
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": 1 })
    }
}

/// Folders by the name that the plugin knows.
#[derive(Clone, Debug)]
pub(super) struct Folders(pub BTreeMap<String, Located<FilePath>>);

impl Read for Folders {
    fn read(value: &Value<'_>, key: &str, reader: &mut Reader<'_>) -> Option<Self> {
        let table = table(value, key, reader)?;
        let mut folders = BTreeMap::new();
        for (name, value) in table {
            let name = name.get_ref().to_string();
            let Some(folder) = reader.located::<FilePath>(value, &join(key, &name)) else {
                continue;
            };
            folders.insert(name, folder);
        }
        Some(Folders(folders))
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "additionalProperties": { "type": "string" } })
    }
}

/// The address to which a platform sends the browser back.
#[derive(Clone, Debug)]
pub(super) struct CallbackAddress(pub url::Url);

impl Read for CallbackAddress {
    fn read(value: &Value<'_>, key: &str, reader: &mut Reader<'_>) -> Option<Self> {
        let text = reader.string(value, key, "a string")?;
        match url::Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {
                Some(CallbackAddress(url))
            }
            _ => {
                reader.error(
                    value,
                    key,
                    "is not a URL with `http://` or `https://` and a host",
                );
                None
            }
        }
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "uri" })
    }
}
