//! What a plugin wants to reach, and how it stands with that.

use std::net::IpAddr;

use serde::Serialize;
use serde_json::Value as Json;
use url::Url;

use super::manifest::Manifest;
use crate::config::{Config, Grant, HostName, HostPattern};

/// One host that a manifest names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Wanted {
    /// As a grant would write it.
    pub host: String,
    #[serde(flatten)]
    pub standing: Standing,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "standing", rename_all = "snake_case")]
pub enum Standing {
    /// A setting of this account or generator names it, which is enough.
    Named { subject: String },
    /// The operator granted it.
    Granted { reason: String },
    /// Requests to it are refused.
    Missing {
        why: String,
        /// What a grant would have to say.
        plain_http: bool,
        private: bool,
    },
}

/// The hosts of the plugin's manifest, with those of the settings filled in, each once.
pub fn wanted(config: &Config, plugin: &str, manifest: &Manifest) -> Vec<Wanted> {
    let grants = config
        .plugins
        .get(plugin)
        .map(|plugin| plugin.grants.as_slice())
        .unwrap_or_default();
    let mut wanted: Vec<Wanted> = Vec::new();
    let mut add = |one: Option<Wanted>| {
        if let Some(one) = one
            && !wanted.contains(&one)
        {
            wanted.push(one);
        }
    };
    for host in &manifest.hosts {
        let setting = host
            .strip_prefix("${setting:")
            .and_then(|rest| rest.strip_suffix('}'));
        match setting {
            Some(name) => {
                for (subject, settings) in subjects(config, plugin) {
                    let default = manifest
                        .settings
                        .get(name)
                        .and_then(|spec| spec.default.as_ref());
                    // As the broker does: what the manifest takes for granted counts too.
                    let value = settings.get(name).or(default);
                    for url in value.into_iter().flat_map(urls) {
                        add(of_url(&url, &subject, grants));
                    }
                }
            }
            None => add(of_pattern(host, grants)),
        }
    }
    wanted
}

/// The accounts and generators that the plugin serves.
fn subjects<'a>(
    config: &'a Config,
    plugin: &'a str,
) -> impl Iterator<Item = (String, &'a serde_json::Map<String, Json>)> {
    let accounts = config
        .accounts
        .values()
        .filter(move |one| one.plugin == plugin)
        .map(|one| (format!("account `{}`", one.name), &one.settings));
    let generators = config
        .generators
        .values()
        .filter(move |one| one.plugin == plugin)
        .map(|one| (format!("generator `{}`", one.name), &one.settings));
    accounts.chain(generators)
}

fn urls(value: &Json) -> Vec<Url> {
    let texts: Vec<&str> = match value {
        Json::String(text) => vec![text],
        Json::Array(items) => items.iter().filter_map(Json::as_str).collect(),
        _ => Vec::new(),
    };
    texts
        .iter()
        .filter_map(|text| Url::parse(text).ok())
        .collect()
}

fn of_url(url: &Url, subject: &str, grants: &[Grant]) -> Option<Wanted> {
    let host = HostName::from(url.host()?.to_owned());
    let (port, usual) = match url.scheme() {
        "https" => (url.port_or_known_default()?, 443),
        "http" => (url.port_or_known_default()?, 80),
        _ => return None,
    };
    let fitting = || {
        grants
            .iter()
            .filter(|grant| grant.host.matches(&host, port, usual))
    };
    let plain_http = usual == 80;
    let private = is_private(&host);
    let lets_http = !plain_http || fitting().any(|grant| grant.plain_http);
    let lets_private = !private || fitting().any(|grant| grant.private);
    let why = match (lets_http, lets_private) {
        (true, true) => None,
        (false, true) => Some("plain http needs a grant"),
        (true, false) => Some("an address of this machine or its network needs a grant"),
        (false, false) => {
            Some("plain http, and an address of this machine or its network, need a grant")
        }
    };
    let standing = match (why, fitting().next()) {
        (Some(why), _) => Standing::Missing {
            why: format!("{why} ({subject})"),
            plain_http,
            private,
        },
        (None, Some(grant)) => Standing::Granted {
            reason: grant.reason.clone(),
        },
        (None, None) => Standing::Named {
            subject: subject.to_owned(),
        },
    };
    let pattern = HostPattern {
        host,
        port: (port != usual).then_some(port),
    };
    Some(Wanted {
        host: pattern.to_string(),
        standing,
    })
}

/// A host that the manifest names itself.
fn of_pattern(text: &str, grants: &[Grant]) -> Option<Wanted> {
    let pattern: HostPattern = text.parse().ok()?;
    let whole = grants.iter().find(|grant| covers(&grant.host, &pattern));
    let part = grants.iter().find(|grant| covers(&pattern, &grant.host));
    let standing = match (whole, part) {
        (Some(grant), _) => Standing::Granted {
            reason: grant.reason.clone(),
        },
        (None, Some(grant)) => Standing::Granted {
            reason: format!("{} only: {}", grant.host, grant.reason),
        },
        (None, None) => Standing::Missing {
            why: "not granted".to_owned(),
            plain_http: false,
            private: is_private(&pattern.host),
        },
    };
    Some(Wanted {
        host: pattern.to_string(),
        standing,
    })
}

/// Whether every host of `inner` is one of `outer`.
fn covers(outer: &HostPattern, inner: &HostPattern) -> bool {
    if outer.port != inner.port {
        return false;
    }
    match (&outer.host, &inner.host) {
        (HostName::Below(outer), HostName::Below(inner)) => {
            inner == outer || inner.ends_with(&format!(".{outer}"))
        }
        (_, HostName::Below(_)) => false,
        (_, host) => outer.matches(host, inner.port.unwrap_or(443), 443),
    }
}

/// As far as it can be told without asking anybody for an address.
fn is_private(host: &HostName) -> bool {
    match host {
        HostName::Address(IpAddr::V4(address)) => {
            address.is_loopback() || address.is_private() || address.is_link_local()
        }
        HostName::Address(IpAddr::V6(address)) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
        HostName::Exact(name) => name == "localhost" || name.ends_with(".localhost"),
        HostName::Below(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;

    use super::*;

    const CONFIG: &str = r#"
[[brand]]
name = "tea"
time_zone = "Asia/Baku"

[[account]]
name = "here"
plugin = "mastodon"
settings = { server = "http://127.0.0.1:3000" }

[[account]]
name = "there"
plugin = "mastodon"
settings = { server = "https://social.example/path" }

[[account]]
name = "usual"
plugin = "mastodon"

[[plugin]]
name = "mastodon"

[[plugin.grant]]
host = "127.0.0.1:3000"
plain_http = GRANTED
private = true
reason = "on this machine"

[[plugin.grant]]
host = "eu.files.example"
reason = "uploads"

[[plugin.grant]]
host = "*.video.example"
reason = "videos"
"#;

    const MANIFEST: &str = r#"
name = "mastodon"
version = "0.1.0"
hosts = ["${setting:server}", "*.files.example", "api.video.example", "video.example"]

[settings.server]
type = "url"
default = "https://usual.example"
"#;

    fn standings(config: &str) -> BTreeMap<String, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jarchi.toml");
        fs::write(&path, config).unwrap();
        let (config, _) = crate::config::load_without_surroundings(&path).unwrap();
        let manifest: Manifest = toml::from_str(MANIFEST).unwrap();
        let list = wanted(&config, "mastodon", &manifest).into_iter();
        list.map(|one| {
            let text = match one.standing {
                Standing::Named { subject } => subject,
                Standing::Granted { reason } => reason,
                Standing::Missing {
                    why,
                    plain_http,
                    private,
                } => {
                    format!("missing: {why} {plain_http} {private}")
                }
            };
            (one.host, text)
        })
        .collect()
    }

    #[test]
    fn every_host_has_its_standing() {
        let found = standings(&CONFIG.replace("GRANTED", "true"));
        let expected = [
            ("127.0.0.1:3000", "on this machine"),
            ("social.example", "account `there`"),
            ("usual.example", "account `usual`"),
            ("*.files.example", "eu.files.example only: uploads"),
            ("api.video.example", "videos"),
            ("video.example", "missing: not granted false false"),
        ];
        for (host, standing) in expected {
            assert_eq!(found[host], standing, "{host}");
        }
        assert_eq!(found.len(), expected.len());
        let found = standings(&CONFIG.replace("GRANTED", "false"));
        assert_eq!(
            found["127.0.0.1:3000"],
            "missing: plain http needs a grant (account `here`) true true"
        );
    }
}
