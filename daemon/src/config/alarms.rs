//! Resolving the channels of alarms, and the breakers.

use std::collections::BTreeMap;

use schemars::{Schema, SchemaGenerator, json_schema};

use super::raw::{RawAlarm, RawDaemon};
use super::reader::{Located, Read, Reader, Value};
use super::resolve::{Names, Resolver, secrets};
use super::suggest::did_you_mean;
use super::{
    AlarmConfig, AlarmPost, AlarmWay, BreakerConfig, Diagnostic, Email, MailSecurity, Place,
    Webhook,
};
use crate::model::{Severity as Gravity, Visibility};

/// `boss@example.org`, or `The Boss <boss@example.org>`.
#[derive(Clone, Debug)]
pub(super) struct MailAddress(pub String);

impl Read for MailAddress {
    fn read(value: &Value<'_>, key: &str, reader: &mut Reader<'_>) -> Option<Self> {
        let text = String::read(value, key, reader)?;
        if let Err(error) = text.parse::<lettre::message::Mailbox>() {
            let message = format!("`{text}` is not a mail address: {error}");
            reader.error(value, key, message);
            return None;
        }
        Some(MailAddress(text))
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "@" })
    }
}

/// A host and perhaps a port.
#[derive(Clone, Debug)]
pub(super) struct MailServer {
    pub host: String,
    pub port: Option<u16>,
}

impl Read for MailServer {
    fn read(value: &Value<'_>, key: &str, reader: &mut Reader<'_>) -> Option<Self> {
        let text = String::read(value, key, reader)?;
        let parsed = text.parse::<super::HostPattern>().ok();
        let host = parsed.as_ref().and_then(|pattern| match &pattern.host {
            super::HostName::Exact(name) => Some(name.clone()),
            super::HostName::Address(address) => Some(address.to_string()),
            super::HostName::Below(_) => None,
        });
        let Some(host) = host else {
            reader.error(
                value,
                key,
                format!(
                    "`{text}` is not a server: write `smtp.example.org` or `smtp.example.org:2525`"
                ),
            );
            return None;
        };
        Some(MailServer {
            host,
            port: parsed.and_then(|pattern| pattern.port),
        })
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": 1 })
    }
}

/// The keys that only one kind of channel has.
fn own_keys(raw: &RawAlarm) -> Vec<(&'static str, &'static str, &Place)> {
    fn at<T>(value: &Option<Located<T>>) -> Option<&Place> {
        value.as_ref().map(|value| &value.place)
    }

    [
        ("webhook", "plain_http", at(&raw.plain_http)),
        ("webhook", "private", at(&raw.private)),
        ("email", "from", at(&raw.from)),
        ("email", "server", at(&raw.server)),
        ("email", "security", at(&raw.security)),
        ("email", "user", at(&raw.user)),
        ("email", "ca", at(&raw.ca)),
        ("account", "to", at(&raw.to)),
        ("account", "visibility", at(&raw.visibility)),
    ]
    .into_iter()
    .filter_map(|(kind, key, place)| Some((kind, key, place?)))
    .collect()
}

impl<'a> Resolver<'a> {
    pub fn breaker(&mut self, daemon: Option<&RawDaemon>) -> BreakerConfig {
        let default = BreakerConfig::default();
        let Some(section) = daemon.and_then(|daemon| daemon.breaker.as_ref()) else {
            return default;
        };
        let raw = &section.value;
        let (first, longest) = self.pauses(
            &section.place,
            (raw.first.as_ref(), default.first),
            (raw.longest.as_ref(), default.longest),
        );
        BreakerConfig {
            faults: raw
                .faults
                .as_ref()
                .map_or(default.faults, |number| number.value.small()),
            first,
            longest,
        }
    }

    pub fn alarms(&mut self, names: &Names<'a>) -> BTreeMap<String, AlarmConfig> {
        let mut alarms = BTreeMap::new();
        for (name, block) in &names.alarms {
            let Some(way) = self.way(names, block) else {
                continue;
            };
            let severity = block.value.severity.as_ref();
            alarms.insert(
                (*name).to_owned(),
                AlarmConfig {
                    name: (*name).to_owned(),
                    severity: severity.map_or(Gravity::Warning, |one| one.value),
                    way,
                },
            );
        }
        alarms
    }

    fn way(&mut self, names: &Names<'a>, block: &Located<RawAlarm>) -> Option<AlarmWay> {
        let raw = &block.value;
        let kinds: Vec<(&str, &Place)> = [
            ("webhook", raw.webhook.as_ref().map(|one| &one.place)),
            ("email", raw.email.as_ref().map(|one| &one.place)),
            ("account", raw.account.as_ref().map(|one| &one.place)),
        ]
        .into_iter()
        .filter_map(|(kind, place)| Some((kind, place?)))
        .collect();
        let (kind, place) = match kinds[..] {
            [one] => one,
            [] => {
                let misread = ["webhook", "email", "account"].iter().any(|key| {
                    let key = format!("{}.{key}", block.place.key);
                    self.findings
                        .iter()
                        .any(|one| one.key.as_deref().is_some_and(|at| at.starts_with(&key)))
                });
                if !misread {
                    self.findings.push(
                        Diagnostic::error("`webhook`, `email` or `account` is missing")
                            .at(&block.place)
                            .help("write `webhook = \"https://…\"`, `email = [\"…\"]` or `account = \"NAME\"`"),
                    );
                }
                return None;
            }
            [_, (_, second), ..] => {
                self.error(
                    second,
                    "an alarm has one of `webhook`, `email` and `account`: write another block",
                );
                return None;
            }
        };
        for (of, key, place) in own_keys(raw) {
            if of != kind {
                self.error(
                    place,
                    format!("`{key}` goes with `{of}`, not with `{kind}`"),
                );
            }
        }
        if let (Some(secrets), "account") = (&raw.secrets, kind) {
            self.error(&secrets.place, "the account has `secrets` of its own");
        }
        match kind {
            "webhook" => self.webhook(raw),
            "email" => self.email(block, place),
            _ => self.alarm_post(names, raw),
        }
    }

    fn webhook(&mut self, raw: &RawAlarm) -> Option<AlarmWay> {
        let address = raw.webhook.as_ref()?;
        let plain_http = raw.plain_http.as_ref().is_some_and(|flag| flag.value);
        let is_plain = address.value.0.as_ref().is_some_and(|url| {
            use secrecy::ExposeSecret as _;
            url.expose_secret().starts_with("http:")
        });
        if is_plain && !plain_http {
            self.findings.push(
                Diagnostic::error("is not https").at(&address.place).help(
                    "`plain_http = true` lets it, and anybody on the way can read the alarms",
                ),
            );
        }
        for name in raw
            .secrets
            .iter()
            .flat_map(|secrets| secrets.value.0.keys())
        {
            if http::HeaderName::try_from(name.as_str()).is_err()
                && let Some(secrets) = &raw.secrets
            {
                let message = format!("`{name}` is not the name of a header");
                self.error(&secrets.place, message);
            }
        }
        Some(AlarmWay::Webhook(Webhook {
            url: address.value.0.clone(),
            headers: secrets(&raw.secrets),
            plain_http,
            private: raw.private.as_ref().is_some_and(|flag| flag.value),
        }))
    }

    fn email(&mut self, block: &Located<RawAlarm>, place: &Place) -> Option<AlarmWay> {
        let raw = &block.value;
        let to: Vec<String> = raw
            .email
            .iter()
            .flat_map(|list| &list.value)
            .map(|one| one.value.0.clone())
            .collect();
        if raw.email.as_ref().is_some_and(|list| list.value.is_empty()) {
            let misread = self.findings.iter().any(|one| {
                let key = one.key.as_deref().unwrap_or_default();
                key.starts_with(&format!("{}[", place.key))
            });
            if !misread {
                self.error(place, "names nobody");
            }
        }
        for (key, given) in [
            ("from", raw.from.is_some()),
            ("server", raw.server.is_some()),
        ] {
            let at = format!("{}.{key}", block.place.key);
            let misread = self
                .findings
                .iter()
                .any(|one| one.key.as_deref() == Some(&at));
            if !given && !misread {
                self.error(&block.place, format!("`email` needs `{key}`"));
            }
        }
        let security = raw
            .security
            .as_ref()
            .map_or(MailSecurity::StartTls, |one| one.value);
        let mut password = None;
        for (name, secret) in raw.secrets.iter().flat_map(|secrets| &secrets.value.0) {
            if name == "password" {
                password = Some(secret.clone());
            } else if let Some(secrets) = &raw.secrets {
                let help = did_you_mean(name, ["password"]);
                self.findings.push(
                    Diagnostic::error(format!("a mail server has no secret `{name}`"))
                        .at(&secrets.place)
                        .maybe_help(help.or_else(|| Some("its secret: password".to_owned()))),
                );
            }
        }
        match (&raw.user, &password) {
            (Some(user), None) if raw.secrets.is_none() => {
                self.error(&user.place, "a login needs the secret `password`");
            }
            (None, Some(_)) => {
                self.error(&block.place, "`password` needs a `user`");
            }
            (Some(user), _) if security == MailSecurity::Plain => {
                let finding = Diagnostic::warning("the password goes over the line as it is");
                self.findings.push(
                    finding
                        .at(&user.place)
                        .help("`security = \"starttls\"` or `\"tls\"` keeps it"),
                );
            }
            _ => {}
        }
        let server = &raw.server.as_ref()?.value;
        Some(AlarmWay::Email(Email {
            to,
            from: raw.from.as_ref()?.value.0.clone(),
            host: server.host.clone(),
            port: server.port.unwrap_or(security.port()),
            security,
            user: raw.user.as_ref().map(|user| user.value.clone()),
            password: password.flatten(),
            ca: raw.ca.as_ref().map(|path| path.value.path.clone()),
        }))
    }

    fn alarm_post(&mut self, names: &Names<'a>, raw: &RawAlarm) -> Option<AlarmWay> {
        let account = raw.account.as_ref()?;
        if !self.refer("account", &account.value, &account.place, &names.accounts) {
            return None;
        }
        Some(AlarmWay::Account(AlarmPost {
            account: account.value.0.clone(),
            to: raw.to.as_ref().map(|to| to.value.clone()),
            visibility: raw
                .visibility
                .as_ref()
                .map_or(Visibility::Direct, |one| one.value),
        }))
    }
}
