//! The manifest out of its TOML: every field, then what must hold between them.

use std::collections::{BTreeMap, BTreeSet};

use semver::Version;
use toml::de::DeTable;

use super::check::{self, Hosts};
use super::parse_auth::{auth, carried};
use super::parse_media;
use super::read::{At, Fields, ManifestError, Problems, listed, nearest};
use super::{
    Capture, Count, DeliverySpec, Manifest, Over, Place, PlatformLimits, SecretSpec, SettingKind,
    SettingSpec, Sign,
};

impl Manifest {
    /// Reads a `plugin.toml`. Everything that is wrong with it is told at once.
    pub fn parse(toml: &str) -> Result<Manifest, ManifestError> {
        let problems = Problems::new(toml);
        let (table, errors) = DeTable::parse_recoverable(toml);
        for error in &errors {
            let span = error.span().unwrap_or(0..0);
            problems.add(span, "", format!("this is not TOML: {}", error.message()));
        }
        if !errors.is_empty() {
            // What was recovered is a guess, and what it lacks is not the author's fault.
            problems.end()?;
        }
        let manifest = manifest(Fields::root(&problems, table.get_ref()));
        problems.end()?;
        Ok(manifest)
    }
}

/// Where something is wrong, the problem is noted and anything stands in its place.
fn manifest(fields: Fields<'_>) -> Manifest {
    let name = fields.required("name");
    if let Some(name) = &name
        && let Err(message) = check::plugin_name(name.value)
    {
        name.refuse(message);
    }
    let version = fields.required("version").and_then(|text| {
        let version = Version::parse(text.value)
            .map_err(|error| format!("`{}` is not a version as 1.2.3: {error}", text.value));
        text.keep(version)
    });
    let description = fields.string("description").unwrap_or_default();
    let authors = owned(fields.texts("authors"));
    let license = fields.string("license");
    let homepage = checked(fields.text("homepage"), check::homepage);

    // Settings come first: hosts name them.
    let settings = settings(&fields);
    let scope = Scope {
        settings: &settings,
        hosts: &[],
    };
    let hosts = scope.hosts(fields.texts("hosts"));
    let scope = Scope {
        settings: &settings,
        hosts: &hosts,
    };
    let carried = carried(&fields);
    let names = fields.glance("secrets").map(|secrets| secrets.keys());
    let names: Vec<&str> = names
        .into_iter()
        .flatten()
        .map(|key| &**key.get_ref())
        .collect();
    let secrets = fields
        .entries("secrets")
        .into_iter()
        .map(|(name, fields)| {
            named(&name);
            let needs_place = !carried.iter().any(|one| one == name.value);
            let secret = secret(name.value, fields, &scope, &names, needs_place);
            (name.value.to_owned(), secret)
        })
        .collect();
    let auth = fields
        .table("auth")
        .and_then(|fields| auth(fields, &scope, &secrets));
    let limits = fields.table("limits").map(limits).unwrap_or_default();
    let delivery = fields.table("delivery").map(delivery).unwrap_or_default();
    let history = fields.flag("history");
    fields.end();

    Manifest {
        name: name.map_or_else(String::new, |name| name.value.to_owned()),
        version: version.unwrap_or(Version::new(0, 0, 0)),
        description,
        authors,
        license,
        homepage,
        hosts,
        secrets,
        settings,
        auth,
        limits,
        delivery,
        history,
    }
}

/// What the parts of a manifest may refer to.
pub(super) struct Scope<'a> {
    pub(super) settings: &'a BTreeMap<String, SettingSpec>,
    /// The manifest's; empty while these are read.
    hosts: &'a [String],
}

impl Scope<'_> {
    fn hosts(&self, texts: Vec<At<'_, &str>>) -> Vec<String> {
        for text in &texts {
            let checked = check::hosts(text.value).and_then(|hosts| match hosts {
                Hosts::Setting(name) => self.setting(name),
                Hosts::One | Hosts::Below => Ok(()),
            });
            if let Err(message) = checked {
                text.refuse(message);
            } else if !self.hosts.is_empty() && !check::within(text.value, self.hosts) {
                text.refuse(format!(
                    "`{}` is not among the plugin's `hosts`",
                    text.value
                ));
            }
        }
        unique(texts)
    }

    /// A setting whose value has a host.
    pub(super) fn setting(&self, name: &str) -> Result<(), String> {
        match self.kind(name, "url")? {
            SettingKind::Url | SettingKind::Urls => Ok(()),
            _ => Err(format!(
                "the setting `{name}` has no host: its type must be `url` or `urls`"
            )),
        }
    }

    /// A path whose segments may be settings.
    fn path(&self, path: &str) -> Result<(), String> {
        for name in check::path_of_settings(path)? {
            if self.kind(name, "string")? != SettingKind::String {
                return Err(format!(
                    "the setting `{name}` is no segment of a path: its type must be `string`"
                ));
            }
        }
        Ok(())
    }

    fn kind(&self, name: &str, wanted: &str) -> Result<SettingKind, String> {
        if let Some(setting) = self.settings.get(name) {
            return Ok(setting.kind);
        }
        Err(
            match nearest(name, self.settings.keys().map(String::as_str)) {
                Some(near) => format!("there is no setting `{name}`; did you mean `{near}`?"),
                None => format!(
                    "there is no setting `{name}`; declare it: [settings.{name}] type = \"{wanted}\""
                ),
            },
        )
    }
}

fn secret(
    name: &str,
    fields: Fields<'_>,
    scope: &Scope<'_>,
    names: &[&str],
    needs_place: bool,
) -> SecretSpec {
    let description = fields.string("description").unwrap_or_default();
    let required = fields.flag("required");
    let mut place: Vec<Place> = Vec::new();
    for fields in fields.tables("place") {
        let new = read_place(name, &fields, scope, names);
        if place.contains(&new) {
            fields.refuse("the same place stands here twice");
        }
        fields.end();
        place.push(new);
    }
    let mut capture: Vec<Capture> = Vec::new();
    for fields in fields.tables("capture") {
        let new = Capture {
            hosts: scope.hosts(fields.texts("hosts")),
            method: checked(fields.text("method"), check::method),
            path: required_text(&fields, "path", |path| scope.path(path)),
            json: required_text(&fields, "json", check::pointer),
        };
        if capture.contains(&new) {
            fields.refuse("the same capture stands here twice");
        }
        fields.end();
        capture.push(new);
    }
    if place.is_empty() && needs_place {
        fields.refuse(
            "the secret can be put nowhere: give it a place, as `place = [{ header = \"authorization\" }]`",
        );
    }
    if required && !capture.is_empty() {
        fields.refuse("a secret that is captured is not given: drop `required`");
    }
    if scope.hosts.is_empty() {
        fields.refuse("the plugin has no `hosts`, so there is nowhere to send a secret to");
    }
    fields.end();
    SecretSpec {
        description,
        required,
        place,
        capture,
    }
}

fn read_place(secret: &str, fields: &Fields<'_>, scope: &Scope<'_>, names: &[&str]) -> Place {
    let url = fields.flag("url");
    let place = Place {
        header: checked(fields.text("header"), check::header),
        body: fields.flag("body"),
        hosts: scope.hosts(fields.texts("hosts")),
        method: checked(fields.text("method"), check::method),
        path: checked(fields.text("path"), |path| match url {
            true => check::path_with(path, secret),
            false => check::path(path),
        }),
        url,
        parameter: checked(fields.text("parameter"), check::parameter),
        sign: fields
            .text("sign")
            .and_then(|text| one_of(text, &[("hmac-sha256", Sign::HmacSha256)])),
        over: fields.text("over").and_then(|text| {
            one_of(
                text,
                &[
                    ("body", Over::Body),
                    ("standard-webhooks", Over::StandardWebhooks),
                ],
            )
        }),
        proof_of: proven(secret, fields.texts("proof_of"), names),
    };
    let proof = !place.proof_of.is_empty();
    let kinds = [place.header.is_some(), place.body, place.url, proof];
    match kinds.iter().filter(|kind| **kind).count() {
        1 => {}
        0 => fields.refuse(
            "a place needs `header = \"name\"`, `body = true`, `url = true` or `proof_of = [\"token\"]`",
        ),
        _ => fields.refuse(
            "a place is a header, the body, the address or a proof, not both: write a `[[place]]` for each",
        ),
    }
    if proof && place.parameter.is_none() {
        fields.refuse("`proof_of` needs the `parameter` that takes the proof");
    }
    if place.parameter.is_some() && !proof {
        let in_path = place.path.as_deref().is_some_and(|path| path.contains('$'));
        match (url, in_path) {
            (false, _) => fields.refuse("`parameter` goes with `url = true`"),
            (true, true) => fields.refuse(
                "the secret stands in this path: write another `[[place]]` for the `parameter`",
            ),
            (true, false) => {}
        }
    }
    if place.sign.is_some() && place.header.is_none() {
        fields.refuse("`sign` goes with the `header` that takes the signature");
    }
    if place.over.is_some() && place.sign.is_none() {
        fields.refuse("`over` goes with `sign = \"hmac-sha256\"`");
    }
    place
}

/// The secrets that a proof is of.
fn proven(secret: &str, texts: Vec<At<'_, &str>>, names: &[&str]) -> Vec<String> {
    for text in &texts {
        if text.value == secret {
            text.refuse("a secret is no proof of itself");
        } else if !names.contains(&text.value) {
            text.refuse(match nearest(text.value, names.iter().copied()) {
                Some(near) => format!(
                    "there is no secret `{}`; did you mean `{near}`?",
                    text.value
                ),
                None => format!("there is no secret `{}`", text.value),
            });
        }
    }
    unique(texts)
}

const KINDS: [(&str, SettingKind); 7] = [
    ("string", SettingKind::String),
    ("url", SettingKind::Url),
    ("integer", SettingKind::Integer),
    ("boolean", SettingKind::Boolean),
    ("strings", SettingKind::Strings),
    ("urls", SettingKind::Urls),
    ("table", SettingKind::Table),
];

fn settings(fields: &Fields<'_>) -> BTreeMap<String, SettingSpec> {
    let mut settings = BTreeMap::new();
    for (name, fields) in fields.entries("settings") {
        named(&name);
        let description = fields.string("description").unwrap_or_default();
        let kind = fields
            .required("type")
            .and_then(|text| one_of(text, &KINDS));
        let required = fields.flag("required");
        let default = fields.json("default");
        let one_of = fields.texts("one_of");
        if let Some(kind) = kind {
            if !one_of.is_empty() && !matches!(kind, SettingKind::String | SettingKind::Strings) {
                fields.refuse("`one_of` goes with the types `string` and `strings`");
            }
            if let Some(default) = &default {
                let values: Vec<&str> = one_of.iter().map(|text| text.value).collect();
                if let Err(message) = fits(&default.value, kind, &values) {
                    default.refuse(message);
                }
            }
        }
        if let (true, Some(default)) = (required, &default) {
            default.refuse("a setting with a default can't be `required` as well");
        }
        fields.end();
        settings.insert(
            name.value.to_owned(),
            SettingSpec {
                description,
                kind: kind.unwrap_or(SettingKind::Table),
                required,
                default: default.map(|default| default.value),
                one_of: unique(one_of),
            },
        );
    }
    settings
}

/// Whether a value is of this kind.
fn fits(value: &serde_json::Value, kind: SettingKind, one_of: &[&str]) -> Result<(), String> {
    use serde_json::Value;
    let wants = |what: &str| Err(format!("the default of this type is {what}"));
    let text = |text: &str, address: bool| {
        if address && url::Url::parse(text).is_err() {
            return Err(format!("`{text}` is not an address"));
        }
        if !one_of.is_empty() && !one_of.contains(&text) {
            return Err(format!("`{text}` is not one of {}", listed(one_of)));
        }
        Ok(())
    };
    match (kind, value) {
        (SettingKind::String, Value::String(value)) => text(value, false),
        (SettingKind::Url, Value::String(value)) => text(value, true),
        (SettingKind::Integer, Value::Number(number)) if number.is_i64() => Ok(()),
        (SettingKind::Boolean, Value::Bool(_)) | (SettingKind::Table, Value::Object(_)) => Ok(()),
        (SettingKind::Strings | SettingKind::Urls, Value::Array(items)) => {
            items.iter().try_for_each(|item| match item {
                Value::String(value) => text(value, kind == SettingKind::Urls),
                _ => wants("a list of texts"),
            })
        }
        (SettingKind::String | SettingKind::Url, _) => wants("a text"),
        (SettingKind::Integer, _) => wants("a whole number"),
        (SettingKind::Boolean, _) => wants("true or false"),
        (SettingKind::Strings | SettingKind::Urls, _) => wants("a list of texts"),
        (SettingKind::Table, _) => wants("a table"),
    }
}

fn limits(fields: Fields<'_>) -> PlatformLimits {
    let media_types = fields.texts("media_types");
    for text in &media_types {
        if let Err(message) = check::media_type(text.value) {
            text.refuse(message);
        }
    }
    let limits = PlatformLimits {
        text: positive(fields.number("text")),
        count: fields.text("count").map(counted).unwrap_or_default(),
        // A platform may take no files at all.
        media: fields.number("media").map(|at| at.value),
        media_types: unique(media_types),
        image: fields.table("image").map(parse_media::image),
        video: fields.table("video").map(parse_media::video),
        polls: fields.flag("polls"),
        threads: fields.flag("threads"),
    };
    fields.end();
    limits
}

fn counted(name: At<'_, &str>) -> Count {
    let known = Count::named(name.value);
    if known.is_none() {
        let names = Count::NAMES.join("`, `");
        name.refuse(format!("`{}` is none of `{names}`", name.value));
    }
    known.unwrap_or_default()
}

fn delivery(fields: Fields<'_>) -> DeliverySpec {
    let delivery = DeliverySpec {
        idempotent_for: positive(fields.number("idempotent_for")),
        can_look_up: fields.flag("can_look_up"),
        may_look_up: fields.flag("may_look_up"),
        visible_after: fields.number("visible_after").map_or(0, |at| at.value),
    };
    if delivery.can_look_up && delivery.may_look_up {
        fields.refuse("`can_look_up` says it already: drop `may_look_up`");
    }
    fields.end();
    delivery
}

pub(super) fn positive<T: Default + PartialEq>(number: Option<At<'_, T>>) -> Option<T> {
    let number = number?;
    if number.value == T::default() {
        number.refuse("0 makes no sense here; leave the key out where there is no such limit");
        return None;
    }
    Some(number.value)
}

fn named(name: &At<'_, &str>) {
    if let Err(message) = check::key_name(name.value) {
        name.refuse(message);
    }
}

pub(super) fn checked(
    text: Option<At<'_, &str>>,
    check: impl Fn(&str) -> Result<(), String>,
) -> Option<String> {
    let text = text?;
    if let Err(message) = check(text.value) {
        text.refuse(message);
    }
    Some(text.value.to_owned())
}

pub(super) fn required_text(
    fields: &Fields<'_>,
    name: &'static str,
    check: impl Fn(&str) -> Result<(), String>,
) -> String {
    checked(fields.required(name), check).unwrap_or_default()
}

pub(super) fn one_of<T: Copy>(text: At<'_, &str>, known: &[(&str, T)]) -> Option<T> {
    if let Some((_, value)) = known.iter().find(|(name, _)| *name == text.value) {
        return Some(*value);
    }
    let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
    text.refuse(match nearest(text.value, names.iter().copied()) {
        Some(near) => format!("there is no `{}`; did you mean `{near}`?", text.value),
        None => format!("there is no `{}`; known are {}", text.value, listed(&names)),
    });
    None
}

/// Notes what stands in a list twice.
pub(super) fn unique(texts: Vec<At<'_, &str>>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    for text in &texts {
        if !seen.insert(text.value) {
            text.refuse(format!("`{}` stands here twice", text.value));
        }
    }
    owned(texts)
}

fn owned(texts: Vec<At<'_, &str>>) -> Vec<String> {
    texts
        .into_iter()
        .map(|text| text.value.to_owned())
        .collect()
}
