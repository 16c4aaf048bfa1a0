//! The values of the sections' keys: read into types that can't be wrong.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use chrono_tz::{TZ_VARIANTS, Tz};
use schemars::{Schema, SchemaGenerator, json_schema};
use toml::de::DeValue;
use tracing_subscriber::EnvFilter;

use super::reader::{Read, Reader, Value};
use super::suggest::did_you_mean;
use super::{ByteSize, HostPattern, LatePolicy, LogFormat, MailSecurity, Misfire};
use crate::cron::Cron;
use crate::model::{Severity as Gravity, TimeSpan, Visibility};

impl Read for bool {
    fn read(value: &Value<'_>, key: &str, reader: &mut Reader<'_>) -> Option<Self> {
        let read = value.get_ref().as_bool();
        if read.is_none() {
            reader.wrong_type(value, key, "true or false");
        }
        read
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "boolean" })
    }
}

/// A whole number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whole<const LEAST: u64, const MOST: u64>(pub u64);

impl<const LEAST: u64, const MOST: u64> Read for Whole<LEAST, MOST> {
    fn read(value: &Value<'_>, key: &str, reader: &mut Reader<'_>) -> Option<Self> {
        let Some(number) = value.get_ref().as_integer() else {
            reader.wrong_type(value, key, "a whole number");
            return None;
        };
        let read = u64::from_str_radix(number.as_str(), number.radix())
            .ok()
            .filter(|number| (LEAST..=MOST).contains(number));
        if read.is_none() {
            reader.error(
                value,
                key,
                format!("{number} is not from {LEAST} to {MOST}"),
            );
        }
        read.map(Whole)
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": LEAST, "maximum": MOST })
    }
}

impl<const LEAST: u64, const MOST: u64> Whole<LEAST, MOST> {
    /// For ranges that end below 2³².
    pub fn small(self) -> u32 {
        u32::try_from(self.0).unwrap_or(u32::MAX)
    }

    pub fn count(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// A length of time; the limits are in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span<const LEAST: u64, const MOST: u64>(pub TimeSpan);

impl<const LEAST: u64, const MOST: u64> Read for Span<LEAST, MOST> {
    fn read(value: &Value<'_>, key: &str, reader: &mut Reader<'_>) -> Option<Self> {
        let expected = "a length of time in quotes, as \"30s\" or \"1h30min\"";
        let text = reader.string(value, key, expected)?;
        match text.parse::<TimeSpan>() {
            Ok(span) if (LEAST..=MOST).contains(&span.0) => Some(Span(span)),
            Ok(span) => {
                let (least, most) = (TimeSpan(LEAST), TimeSpan(MOST));
                reader.error(value, key, format!("{span} is not from {least} to {most}"));
                None
            }
            Err(error) => {
                reader.error(value, key, error.to_string());
                None
            }
        }
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^(\\s*[0-9]+\\s*(ms|s|m|min|h|d|w)\\s*)+$",
        })
    }
}

/// How old a post is, from a minute to ten years.
pub(super) type Age = Span<60_000, { 3660 * 86_400_000 }>;

/// A number of bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size<const LEAST: u64, const MOST: u64>(pub u64);

impl<const LEAST: u64, const MOST: u64> Read for Size<LEAST, MOST> {
    fn read(value: &Value<'_>, key: &str, reader: &mut Reader<'_>) -> Option<Self> {
        let parsed = match value.get_ref() {
            DeValue::Integer(number) => u64::from_str_radix(number.as_str(), number.radix())
                .map(ByteSize)
                .map_err(|_| format!("{number} is not a number of bytes")),
            DeValue::String(text) => text.parse::<ByteSize>().map_err(|error| error.to_string()),
            _ => {
                reader.wrong_type(value, key, "a number of bytes, as \"64MiB\"");
                return None;
            }
        };
        match parsed {
            Ok(ByteSize(size)) if (LEAST..=MOST).contains(&size) => Some(Size(size)),
            Ok(size) => {
                let (least, most) = (ByteSize(LEAST), ByteSize(MOST));
                reader.error(value, key, format!("{size} is not from {least} to {most}"));
                None
            }
            Err(message) => {
                reader.error(value, key, message);
                None
            }
        }
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "integer"],
            "minimum": 0,
            "pattern": "^\\s*[0-9]+\\s*([kKMGT]i?)?B?\\s*$",
        })
    }
}

/// A text that is not empty.
impl Read for String {
    fn read(value: &Value<'_>, key: &str, reader: &mut Reader<'_>) -> Option<Self> {
        let text = reader.string(value, key, "a string")?;
        if text.trim().is_empty() {
            reader.error(value, key, "is empty");
            return None;
        }
        Some(text.to_owned())
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": 1 })
    }
}

/// The name of an account, a generator, a schedule: one word.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name(pub String);

impl Name {
    pub fn text(&self) -> &str {
        &self.0
    }
}

/// Bytes. Names are keys of the store.
const LONGEST_NAME: usize = 64;

impl Read for Name {
    fn read(value: &Value<'_>, key: &str, reader: &mut Reader<'_>) -> Option<Self> {
        let name = String::read(value, key, reader)?;
        if name.len() > LONGEST_NAME {
            reader.error(
                value,
                key,
                format!("a name has at most {LONGEST_NAME} bytes"),
            );
            return None;
        }
        let fits = name.starts_with(char::is_alphanumeric)
            && name
                .chars()
                .all(|c| c.is_alphanumeric() || "-_.".contains(c));
        if !fits {
            let suggestion = slug(&name, |c| c.is_alphanumeric() || "_.".contains(c));
            reader.error_with_help(
                value,
                key,
                format!("`{name}` is not a name: letters, digits, `-`, `_` and `.`, and a letter or a digit first"),
                suggestion,
            );
            return None;
        }
        Some(Name(name))
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[\\p{L}\\p{N}][\\p{L}\\p{M}\\p{N}._-]*$" })
    }
}

/// The name of a plugin, as its manifest gives it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PluginName(pub String);

impl PluginName {
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl Read for PluginName {
    fn read(value: &Value<'_>, key: &str, reader: &mut Reader<'_>) -> Option<Self> {
        let name = String::read(value, key, reader)?;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let fits = name.len() <= LONGEST_NAME
            && name.starts_with(plain)
            && name.chars().all(|c| plain(c) || c == '-');
        if !fits {
            reader.error_with_help(
                value,
                key,
                format!("`{name}` is not a plugin's name: `a` to `z`, digits and `-`"),
                slug(&name.to_lowercase(), plain),
            );
            return None;
        }
        Some(PluginName(name))
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[a-z0-9][a-z0-9-]*$" })
    }
}

fn slug(name: &str, fits: impl Fn(char) -> bool) -> Option<String> {
    let words: Vec<&str> = name
        .split(|c| !fits(c))
        .filter(|word| !word.is_empty())
        .collect();
    (!words.is_empty()).then(|| format!("write `{}`", words.join("-")))
}

/// The shape of a BCP 47 language tag.
#[derive(Clone, Debug)]
pub(super) struct Language(pub String);

impl Read for Language {
    fn read(value: &Value<'_>, key: &str, reader: &mut Reader<'_>) -> Option<Self> {
        let tag = String::read(value, key, reader)?;
        let mut parts = tag.split('-');
        let first = parts.next().unwrap_or_default();
        let fits = (2..=3).contains(&first.len())
            && first.chars().all(|c| c.is_ascii_alphabetic())
            && parts.all(|part| {
                (1..=8).contains(&part.len()) && part.chars().all(|c| c.is_ascii_alphanumeric())
            });
        if !fits {
            let help = tag
                .contains('_')
                .then(|| format!("write `{}`", tag.replace('_', "-")));
            reader.error_with_help(
                value,
                key,
                format!(
                    "`{tag}` is not a language: write a BCP 47 tag, as `az`, `en-GB` or `sr-Latn`"
                ),
                help,
            );
            return None;
        }
        Some(Language(tag))
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$" })
    }
}

/// Without the `#`, which may be written.
#[derive(Clone, Debug)]
pub(super) struct Hashtag(pub String);

impl Read for Hashtag {
    fn read(value: &Value<'_>, key: &str, reader: &mut Reader<'_>) -> Option<Self> {
        let text = String::read(value, key, reader)?;
        let tag = text.strip_prefix('#').unwrap_or(&text);
        if tag.is_empty() || tag.contains(|c: char| c.is_whitespace() || c == '#') {
            reader.error(value, key, format!("`{text}` is not one hashtag"));
            return None;
        }
        Some(Hashtag(tag.to_owned()))
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^#?[^\\s#]+$" })
    }
}

/// A path as it was written, and what it is by the folder of its file.
#[derive(Clone, Debug)]
pub(super) struct FilePath {
    pub written: String,
    pub path: PathBuf,
}

impl Read for FilePath {
    fn read(value: &Value<'_>, key: &str, reader: &mut Reader<'_>) -> Option<Self> {
        let written = String::read(value, key, reader)?;
        if written.contains('\0') {
            reader.error(value, key, "a path has no NUL in it");
            return None;
        }
        if written == "~" || written.starts_with("~/") {
            reader.error_with_help(
                value,
                key,
                "`~` is not followed",
                Some("write the whole path, or one that is relative to this file".into()),
            );
            return None;
        }
        let path = tidy(&reader.folder.join(&written));
        Some(FilePath { written, path })
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": 1 })
    }
}

/// Without `.` in it. `..` stays: behind a symbolic link it is not the folder above.
fn tidy(path: &Path) -> PathBuf {
    path.components()
        .filter(|part| !matches!(part, std::path::Component::CurDir))
        .collect()
}

impl Read for Tz {
    fn read(value: &Value<'_>, key: &str, reader: &mut Reader<'_>) -> Option<Self> {
        let name = reader.string(value, key, "a time zone, as \"Asia/Baku\"")?;
        if let Ok(zone) = name.parse() {
            return Some(zone);
        }
        let help = did_you_mean(name, TZ_VARIANTS.iter().map(|zone| zone.name()));
        reader.error_with_help(
            value,
            key,
            format!("`{name}` is not a time zone of the IANA database, as `Asia/Baku`"),
            help,
        );
        None
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "examples": ["Asia/Baku", "Europe/Berlin", "UTC"] })
    }
}

/// A cron expression that was parsed.
#[derive(Clone, Debug)]
pub(super) struct CronText(pub String);

impl Read for CronText {
    fn read(value: &Value<'_>, key: &str, reader: &mut Reader<'_>) -> Option<Self> {
        let text = reader.string(value, key, "a cron expression, as \"0 9 * * *\"")?;
        match Cron::parse(text) {
            Ok(_) => Some(CronText(text.trim().to_owned())),
            Err(error) => {
                reader.error(value, key, error.to_string());
                None
            }
        }
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "examples": ["0 9,18 * * *", "@daily"] })
    }
}

impl Read for HostPattern {
    fn read(value: &Value<'_>, key: &str, reader: &mut Reader<'_>) -> Option<Self> {
        let text = reader.string(value, key, "a host, as \"api.example.org\"")?;
        match text.parse() {
            Ok(host) => Some(host),
            Err(error) => {
                let error: super::ParseHostPatternError = error;
                reader.error(value, key, error.to_string());
                None
            }
        }
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "examples": ["api.example.org", "*.example.org", "127.0.0.1:3000"],
        })
    }
}

/// Where the endpoints for watching are served; none: nowhere.
#[derive(Clone, Copy, Debug)]
pub(super) struct HttpAddress(pub Option<SocketAddr>);

impl Read for HttpAddress {
    fn read(value: &Value<'_>, key: &str, reader: &mut Reader<'_>) -> Option<Self> {
        let text = match value.get_ref() {
            DeValue::Boolean(false) => return Some(HttpAddress(None)),
            DeValue::String(text) => text.as_ref(),
            _ => {
                reader.wrong_type(value, key, "an address as \"127.0.0.1:7377\", or false");
                return None;
            }
        };
        match text.parse() {
            Ok(address) => Some(HttpAddress(Some(address))),
            Err(_) => {
                let help = text
                    .strip_prefix("localhost:")
                    .map(|port| format!("write `127.0.0.1:{port}`"));
                reader.error_with_help(
                    value,
                    key,
                    format!(
                        "`{text}` is not an address and a port, as `127.0.0.1:7377` or `[::1]:7377`"
                    ),
                    help,
                );
                None
            }
        }
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "string" }, { "const": false }] })
    }
}

/// What `tracing` lets through.
#[derive(Clone, Debug)]
pub(super) struct LogFilter(pub String);

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

impl Read for LogFilter {
    fn read(value: &Value<'_>, key: &str, reader: &mut Reader<'_>) -> Option<Self> {
        let text = String::read(value, key, reader)?;
        // A misspelt level is a module's name to `tracing`, and silences the log.
        let misspelt = text.split(',').map(str::trim).find_map(|part| {
            let known = LEVELS.iter().any(|level| level.eq_ignore_ascii_case(part));
            (!known).then(|| did_you_mean(part, LEVELS)).flatten()
        });
        let problem = match EnvFilter::builder().parse(&text) {
            Ok(_) if misspelt.is_none() => return Some(LogFilter(text)),
            Ok(_) => String::new(),
            Err(error) => format!(": {error}"),
        };
        let help = misspelt.unwrap_or_else(|| {
            "write a level, as `info`, or levels by module, as `info,jarchi::queue=debug`".into()
        });
        let message = format!("`{text}` is not a log filter{problem}");
        reader.error_with_help(value, key, message, Some(help));
        None
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "examples": ["info", "info,jarchi::queue=debug"] })
    }
}

/// Enums that are written as one word.
macro_rules! choice {
    ($($type:ident { $($word:literal => $variant:ident,)* })*) => {$(
        impl $type {
            const WORDS: &'static [&'static str] = &[$($word),*];

            /// As it stands in the configuration.
            pub const fn word(self) -> &'static str {
                match self {
                    $($type::$variant => $word,)*
                }
            }
        }

        impl $crate::config::reader::Read for $type {
            fn read(
                value: &$crate::config::reader::Value<'_>,
                key: &str,
                reader: &mut $crate::config::reader::Reader<'_>,
            ) -> Option<Self> {
                match reader.string(value, key, "a string")? {
                    $($word => Some($type::$variant),)*
                    other => {
                        let message = format!(
                            "`{other}` is none of `{}`",
                            Self::WORDS.join("`, `"),
                        );
                        let help = $crate::config::did_you_mean(other, Self::WORDS.iter().copied());
                        reader.error_with_help(value, key, message, help);
                        None
                    }
                }
            }

            fn schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "enum": Self::WORDS })
            }
        }
    )*};
}

pub(super) use choice;

/// What a schedule runs that has no other name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RunWord {
    Plan,
}

/// What a schedule measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measured {
    Posts,
    Accounts,
}

choice! {
    LogFormat {
        "auto" => Auto,
        "human" => Human,
        "json" => Json,
        "journald" => Journald,
    }
    LatePolicy {
        "miss" => Miss,
        "publish" => Publish,
    }
    Misfire {
        "run-once" => RunOnce,
        "run-all" => RunAll,
        "skip" => Skip,
    }
    RunWord {
        "plan" => Plan,
    }
    Measured {
        "posts" => Posts,
        "accounts" => Accounts,
    }
    Gravity {
        "warning" => Warning,
        "error" => Error,
    }
    MailSecurity {
        "starttls" => StartTls,
        "tls" => Tls,
        "plain" => Plain,
    }
    Visibility {
        "direct" => Direct,
        "followers" => Followers,
        "unlisted" => Unlisted,
        "public" => Public,
    }
}
