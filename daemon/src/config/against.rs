//! The configuration against the manifests of its plugins: settings and secrets.

use std::collections::BTreeMap;

use secrecy::SecretString;
use serde_json::{Map, Value as Json};
use url::Url;

use super::suggest::did_you_mean;
use super::{Config, Diagnostic};
use crate::plugin::manifest::{AuthSpec, Manifest, SettingKind, SettingSpec};

/// What an account or a generator hands to its plugin.
struct Subject<'a> {
    /// As `account.cafe`.
    key: String,
    plugin: &'a str,
    settings: &'a Map<String, Json>,
    secrets: &'a BTreeMap<String, SecretString>,
}

/// What of the configuration does not fit the plugins' manifests, which are given by the
/// plugin's name in the configuration. Plugins without a manifest are passed over.
pub fn check_against(config: &Config, manifests: &BTreeMap<String, Manifest>) -> Vec<Diagnostic> {
    let accounts = config.accounts.values().map(|account| Subject {
        key: format!("account.{}", account.name),
        plugin: &account.plugin,
        settings: &account.settings,
        secrets: &account.secrets,
    });
    let generators = config.generators.values().map(|generator| Subject {
        key: format!("generator.{}", generator.name),
        plugin: &generator.plugin,
        settings: &generator.settings,
        secrets: &generator.secrets,
    });
    let mut check = Check {
        config,
        findings: Vec::new(),
    };
    for (name, manifest) in manifests {
        if manifest.name != *name && config.plugins.contains_key(name) {
            let message = format!(
                "the component says that it is the plugin `{}`",
                manifest.name
            );
            check.error(&format!("plugin.{name}"), message, None);
        }
    }
    for subject in accounts.chain(generators) {
        if let Some(manifest) = manifests.get(subject.plugin) {
            check.settings(&subject, manifest);
            check.secrets(&subject, manifest);
        }
    }
    let mut findings = check.findings;
    super::load::sort(&mut findings, &config.origin);
    findings
}

/// The settings as the plugin gets them: with the manifest's defaults for what is not
/// given.
pub fn with_defaults(settings: &Map<String, Json>, manifest: &Manifest) -> Map<String, Json> {
    let mut whole = settings.clone();
    for (name, spec) in &manifest.settings {
        if let (false, Some(default)) = (whole.contains_key(name), &spec.default) {
            whole.insert(name.clone(), default.clone());
        }
    }
    whole
}

struct Check<'a> {
    config: &'a Config,
    findings: Vec<Diagnostic>,
}

impl Check<'_> {
    fn error(&mut self, key: &str, message: impl Into<String>, help: Option<String>) {
        self.add(Diagnostic::error(message).maybe_help(help), key);
    }

    fn add(&mut self, finding: Diagnostic, key: &str) {
        let mut finding = match self.config.origin.place(key) {
            Some(place) => self.config.origin.show(finding.at(place)),
            None => finding.in_file(&self.config.path),
        };
        finding.key = Some(key.to_owned());
        self.findings.push(finding);
    }

    fn settings(&mut self, subject: &Subject<'_>, manifest: &Manifest) {
        let plugin = subject.plugin;
        for (name, value) in subject.settings {
            let key = format!("{}.settings.{name}", subject.key);
            let Some(spec) = manifest.settings.get(name) else {
                let help = if manifest.secrets.contains_key(name) {
                    Some("it is a secret: put it under `secrets`".to_owned())
                } else {
                    suggestion(name, manifest.settings.keys(), "settings")
                };
                self.error(
                    &key,
                    format!("the plugin `{plugin}` has no setting `{name}`"),
                    help,
                );
                continue;
            };
            if let Some(message) = misfit(value, spec) {
                // The value itself is not told: it may have been read from outside.
                let near = value
                    .as_str()
                    .and_then(|value| did_you_mean(value, spec.one_of.iter().map(String::as_str)));
                self.error(&key, message, near.or_else(|| words(&spec.description)));
            }
        }
        for (name, spec) in &manifest.settings {
            let missing = spec.required && spec.default.is_none();
            if !missing || self.is_written(subject, "settings", name) {
                continue;
            }
            // What a profile is chosen by may have been: an address never is.
            let may_be_chosen = matches!(manifest.auth, Some(AuthSpec::Oauth2(_)))
                && !matches!(spec.kind, SettingKind::Url | SettingKind::Urls);
            if let (true, Some(account)) = (may_be_chosen, subject.key.strip_prefix("account.")) {
                let message = format!("the setting `{name}` is not in the configuration");
                let help = format!(
                    "`jarchi account auth {account}` chooses it; where that was done, nothing is \
                     missing"
                );
                self.add(Diagnostic::warning(message).help(help), &subject.key);
            } else {
                let message = format!("the plugin `{plugin}` needs the setting `{name}`");
                self.error(&subject.key, message, words(&spec.description));
            }
        }
    }

    fn secrets(&mut self, subject: &Subject<'_>, manifest: &Manifest) {
        let plugin = subject.plugin;
        let section = format!("{}.secrets.", subject.key);
        // Those whose references were not followed have a place all the same.
        let written: Vec<String> = subject
            .secrets
            .keys()
            .cloned()
            .chain(self.config.origin.places.keys().filter_map(|key| {
                let name = key.strip_prefix(&section)?;
                (!subject.secrets.contains_key(name)).then(|| name.to_owned())
            }))
            .collect();
        for name in &written {
            if manifest.secrets.contains_key(name) {
                continue;
            }
            let help = if manifest.settings.contains_key(name) {
                Some("it is a setting: put it under `settings`".to_owned())
            } else {
                suggestion(name, manifest.secrets.keys(), "secrets")
            };
            let message = format!("the plugin `{plugin}` has no secret `{name}`");
            self.error(&format!("{section}{name}"), message, help);
        }
        for (name, spec) in &manifest.secrets {
            if !spec.required || self.is_written(subject, "secrets", name) {
                continue;
            }
            match (&manifest.auth, subject.key.strip_prefix("account.")) {
                // What the flow brings is in no file.
                (Some(AuthSpec::Oauth2(_)), Some(_)) => {}
                // It may be in the vault, which is not looked into here.
                (Some(AuthSpec::Token { .. }), Some(account)) => {
                    let message = format!("the secret `{name}` is not in the configuration");
                    let help = format!(
                        "`jarchi account auth {account}` asks for it and keeps it in the vault; \
                         where that was done, nothing is missing"
                    );
                    self.add(Diagnostic::warning(message).help(help), &subject.key);
                }
                _ => {
                    let message = format!("the plugin `{plugin}` needs the secret `{name}`");
                    self.error(&subject.key, message, words(&spec.description));
                }
            }
        }
    }

    fn is_written(&self, subject: &Subject<'_>, section: &str, name: &str) -> bool {
        let given = match section {
            "settings" => subject.settings.contains_key(name),
            _ => subject.secrets.contains_key(name),
        };
        let key = format!("{}.{section}.{name}", subject.key);
        given || self.config.origin.places.contains_key(&key)
    }
}

fn suggestion<'a>(
    name: &str,
    known: impl Iterator<Item = &'a String> + Clone,
    kind: &str,
) -> Option<String> {
    let known = known.map(String::as_str);
    Some(did_you_mean(name, known.clone()).unwrap_or_else(|| {
        let known: Vec<&str> = known.collect();
        if known.is_empty() {
            format!("it has no {kind}")
        } else {
            format!("its {kind}: {}", known.join(", "))
        }
    }))
}

fn words(description: &str) -> Option<String> {
    (!description.is_empty()).then(|| description.to_owned())
}

/// Why a value is not what the manifest asks for.
fn misfit(value: &Json, spec: &SettingSpec) -> Option<String> {
    let fits = match spec.kind {
        SettingKind::String => value.is_string(),
        SettingKind::Url => value.as_str().is_some_and(is_url),
        SettingKind::Integer => value.is_i64() || value.is_u64(),
        SettingKind::Boolean => value.is_boolean(),
        SettingKind::Strings => every(value, |_| true),
        SettingKind::Urls => every(value, is_url),
        SettingKind::Table => value.is_object(),
    };
    if !fits {
        let wanted = match spec.kind {
            SettingKind::String => "a string",
            SettingKind::Url => "a URL with `http://` or `https://` and a host",
            SettingKind::Integer => "a whole number",
            SettingKind::Boolean => "true or false",
            SettingKind::Strings => "an array of strings",
            SettingKind::Urls => "an array of URLs with `http://` or `https://` and a host",
            SettingKind::Table => "a table",
        };
        return Some(format!("is not {wanted}"));
    }
    let listed = |text: &str| spec.one_of.is_empty() || spec.one_of.iter().any(|one| one == text);
    let fits = match value {
        Json::String(text) => listed(text),
        Json::Array(items) => items.iter().filter_map(Json::as_str).all(listed),
        _ => true,
    };
    (!fits).then(|| format!("is none of `{}`", spec.one_of.join("`, `")))
}

fn every(value: &Json, fits: impl Fn(&str) -> bool) -> bool {
    value
        .as_array()
        .is_some_and(|items| items.iter().all(|item| item.as_str().is_some_and(&fits)))
}

fn is_url(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.host_str().is_some_and(|host| !host.is_empty())
    })
}
