//! The allow-list: a request goes where the manifest wants to go *and* the operator lets
//! it. A host that the operator wrote into a setting is granted by that.

use std::fmt::{self, Write as _};
use std::net::IpAddr;

use serde_json::Value;
use url::Url;

use super::address::{self, Reach, Scope};
use super::resolve::AddressDenied;
use super::{Caller, Error};
use crate::config::{HostName, HostPattern, ParseHostPatternError};

/// An entry of a manifest's lists of hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ManifestHost {
    Pattern(HostPattern),
    /// `${setting:NAME}`.
    Setting(String),
}

impl std::str::FromStr for ManifestHost {
    type Err = ParseHostPatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text
            .strip_prefix("${setting:")
            .and_then(|rest| rest.strip_suffix('}'))
        {
            Some(name) => Ok(ManifestHost::Setting(name.to_owned())),
            None => text.parse().map(ManifestHost::Pattern),
        }
    }
}

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub plain_http: bool,
    pub host: HostName,
    pub port: u16,
}

impl Target {
    /// The URL's scheme, host and port; none for schemes other than https and http.
    pub fn of(url: &Url) -> Option<Self> {
        let plain_http = match url.scheme() {
            "https" => false,
            "http" => true,
            _ => return None,
        };
        Some(Target {
            plain_http,
            host: url.host()?.to_owned().into(),
            port: url.port_or_known_default()?,
        })
    }

    fn usual_port(&self) -> u16 {
        if self.plain_http { 80 } else { 443 }
    }

    pub fn fits(&self, pattern: &HostPattern) -> bool {
        pattern.matches(&self.host, self.port, self.usual_port())
    }
}

/// The host, and the port where it is not the scheme's own: as a grant is written.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.host.fmt(f)?;
        if self.port != self.usual_port() {
            write!(f, ":{}", self.port)?;
        }
        Ok(())
    }
}

/// What the grants say of one target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Granted {
    any: bool,
    plain_http: bool,
    scope: Scope,
}

fn granted(caller: &Caller, target: &Target) -> Granted {
    let mut all = Granted::default();
    for grant in caller
        .grants
        .iter()
        .filter(|grant| target.fits(&grant.host))
    {
        all.any = true;
        all.plain_http |= grant.plain_http;
        all.scope.private |= grant.private;
        all.scope.named |= grant.private && matches!(grant.host.host, HostName::Address(_));
    }
    all
}

/// Whether one of a manifest's hosts stands for `target`; an empty list stands for all of
/// the manifest's.
pub(super) fn listed(caller: &Caller, hosts: &[String], target: &Target) -> bool {
    let hosts = if hosts.is_empty() {
        &caller.manifest.hosts
    } else {
        hosts
    };
    hosts.iter().any(|host| match host.parse() {
        Ok(ManifestHost::Pattern(pattern)) => target.fits(&pattern),
        Ok(ManifestHost::Setting(name)) => in_setting(caller, &name, target),
        // A manifest with such a host is refused when it is loaded.
        Err(_) => false,
    })
}

fn in_setting(caller: &Caller, name: &str, target: &Target) -> bool {
    setting_hosts(caller, name)
        .iter()
        .any(|pattern| target.fits(pattern))
}

/// The value of a setting: the operator's, or the manifest's own.
pub(super) fn setting<'a>(caller: &'a Caller, name: &str) -> Option<&'a Value> {
    caller.settings.get(name).or_else(|| {
        let setting = caller.manifest.settings.get(name);
        setting.and_then(|setting| setting.default.as_ref())
    })
}

/// The hosts of the URL, or the URLs, in a setting.
fn setting_hosts(caller: &Caller, name: &str) -> Vec<HostPattern> {
    let value = setting(caller, name);
    let host = |value: &Value| {
        let text = value.as_str()?;
        if let Ok(url) = Url::parse(text)
            && let Some(target) = Target::of(&url)
        {
            return Some(HostPattern {
                host: target.host,
                port: url.port(),
            });
        }
        // A server named without a scheme; a wildcard is no server.
        text.parse()
            .ok()
            .filter(|pattern: &HostPattern| !matches!(pattern.host, HostName::Below(_)))
    };
    match value {
        Some(Value::Array(values)) => values.iter().filter_map(host).collect(),
        Some(value) => host(value).into_iter().collect(),
        None => Vec::new(),
    }
}

/// Judges a target by manifest, grants and scheme, and an address in the URL itself.
///
/// Returns the addresses that its name may resolve to; `Error::Denied` names the rule and
/// the grant that would change it.
pub(super) fn judge(caller: &Caller, target: &Target) -> Result<Scope, Error> {
    if !listed(caller, &[], target) {
        return Err(not_in_manifest(caller, target));
    }
    let granted = granted(caller, target);
    let by_setting = caller.manifest.hosts.iter().any(|host| {
        matches!(host.parse(), Ok(ManifestHost::Setting(name)) if in_setting(caller, &name, target))
    });
    if !granted.any && !by_setting {
        return Err(denied(
            caller,
            target,
            "the operator has not granted this host",
            Some(block(target, granted)),
        ));
    }
    if target.plain_http && !granted.plain_http {
        return Err(denied(
            caller,
            target,
            "plain http needs a grant that says so",
            Some(block(target, granted)),
        ));
    }
    if let HostName::Address(address) = target.host
        && let Some(why) = address::closed(address, granted.scope)
    {
        return Err(denied(
            caller,
            target,
            &format!("{address} is closed ({why})"),
            remedy(target, granted, [address]),
        ));
    }
    Ok(granted.scope)
}

/// The refusal of a name that leads only to closed addresses.
pub(super) fn address_denied(caller: &Caller, target: &Target, found: &AddressDenied) -> Error {
    denied(
        caller,
        target,
        &format!("{found}, and no grant opens that"),
        remedy(
            target,
            granted(caller, target),
            found.addresses.iter().map(|(address, _)| *address),
        ),
    )
}

/// The grant that would open one of the addresses.
fn remedy(
    target: &Target,
    mut granted: Granted,
    addresses: impl IntoIterator<Item = IpAddr>,
) -> Option<String> {
    granted.scope.private = true;
    addresses
        .into_iter()
        .find_map(|address| match address::reach(address) {
            Reach::Private(_) => Some(block(target, granted)),
            Reach::Metadata => Some(block(
                &Target {
                    host: HostName::Address(address),
                    ..*target
                },
                granted,
            )),
            Reach::Public | Reach::Never(_) => None,
        })
}

fn not_in_manifest(caller: &Caller, target: &Target) -> Error {
    let mut names = String::new();
    let mut settings = Vec::new();
    for host in caller.manifest.hosts.iter().take(8) {
        let comma = if names.is_empty() { "" } else { ", " };
        let _ = write!(names, "{comma}`{host}`");
        if let Ok(ManifestHost::Setting(name)) = host.parse() {
            settings.push(name);
        }
    }
    let mut rule = if names.is_empty() {
        "its manifest names no hosts".to_owned()
    } else {
        format!("its manifest names only {names}")
    };
    for name in settings {
        let hosts = setting_hosts(caller, &name);
        let hosts: Vec<_> = hosts
            .iter()
            .take(8)
            .map(|host| format!("`{host}`"))
            .collect();
        let _ = match hosts.as_slice() {
            [] => write!(rule, "; the setting `{name}` holds no https URL"),
            hosts => write!(
                rule,
                "; the setting `{name}` of `{}` holds {}, and a URL there would allow its host",
                caller.subject,
                hosts.join(", ")
            ),
        };
    }
    denied(caller, target, &rule, None)
}

fn denied(caller: &Caller, target: &Target, rule: &str, block: Option<String>) -> Error {
    let plugin = &caller.plugin;
    let scheme = if target.plain_http { "http" } else { "https" };
    let mut text = format!("plugin `{plugin}` may not reach {scheme}://{target}: {rule}");
    if let Some(block) = block {
        let _ = write!(
            text,
            "; to allow it, put this below the `[[plugin]]` named `{plugin}`:\n\n{block}"
        );
    }
    Error::Denied(text)
}

/// A grant to paste: what there is already, and what this target needs besides.
fn block(target: &Target, granted: Granted) -> String {
    let mut block = format!("[[plugin.grant]]\nhost = \"{target}\"\n");
    if target.plain_http || granted.plain_http {
        block.push_str("plain_http = true\n");
    }
    let closed = match target.host {
        HostName::Address(address) => address::reach(address) != Reach::Public,
        _ => false,
    };
    if closed || granted.scope.private {
        block.push_str("private = true\n");
    }
    block.push_str("reason = \"why it is needed\"\n");
    block
}

#[cfg(test)]
mod tests {
    use super::super::test_caller::Setup;
    use super::*;

    fn judged(setup: &Setup, url: &str) -> Result<Scope, String> {
        let target = Target::of(&Url::parse(url).unwrap()).unwrap();
        judge(&setup.caller(), &target).map_err(|error| error.to_string())
    }

    #[test]
    fn what_the_list_allows() {
        let setup = Setup::new()
            .hosts(&[
                "video.example.org",
                "*.cdn.example.org",
                "${setting:server}",
                "${setting:feeds}",
                "granted.example.org",
                "127.0.0.1:3000",
            ])
            .setting("server", "https://social.example:8443/some/path")
            .setting(
                "feeds",
                serde_json::json!(["https://a.example/feed", "http://b.example/feed"]),
            )
            .grant("video.example.org", false, false)
            .grant("eu.cdn.example.org", false, false)
            .grant("other.example.org", false, false)
            .grant("granted.example.org", true, false)
            .grant("b.example", true, false)
            .grant("127.0.0.1:3000", true, true);
        for (url, rule) in [
            ("https://video.example.org/x", None),
            ("https://VIDEO.example.org./x", None),
            ("https://eu.cdn.example.org/", None),
            ("https://social.example:8443/", None),
            ("https://a.example/", None),
            ("https://b.example/", None),
            ("http://b.example/", None),
            ("http://granted.example.org/", None),
            ("http://127.0.0.1:3000/", None),
            ("http://2130706433:3000/", None),
            ("http://0x7f.1:3000/", None),
            // The manifest wants it, the operator has not granted it.
            ("https://us.cdn.example.org/", Some("has not granted")),
            // Granted, but the manifest does not want it.
            ("https://other.example.org/", Some("manifest names only")),
            ("https://evil.example/", Some("manifest names only")),
            (
                "https://video.example.org:8443/",
                Some("manifest names only"),
            ),
            ("https://social.example/", Some("manifest names only")),
            ("http://video.example.org/", Some("plain http needs")),
            ("http://a.example/", Some("plain http needs")),
            ("http://127.0.0.1:3001/", Some("manifest names only")),
            (
                "http://[::ffff:127.0.0.1]:3000/",
                Some("manifest names only"),
            ),
        ] {
            match (judged(&setup, url), rule) {
                (Ok(_), None) => {}
                (Err(error), Some(rule)) => assert!(error.contains(rule), "{url}: {error}"),
                (outcome, rule) => panic!("{url}: {outcome:?}, not {rule:?}"),
            }
        }
    }

    #[test]
    fn a_refusal_ends_with_the_grant_to_paste() {
        let setup = Setup::new()
            .hosts(&["video.example.org", "${setting:server}"])
            .setting("server", "http://127.0.0.1:3000");
        let fixed = judged(&setup, "https://video.example.org/x?secret").unwrap_err();
        assert_eq!(
            fixed,
            "plugin `sample` may not reach https://video.example.org: the operator has not \
             granted this host; to allow it, put this below the `[[plugin]]` named `sample`:\n\n\
             [[plugin.grant]]\nhost = \"video.example.org\"\nreason = \"why it is needed\"\n"
        );
        let own = judged(&setup, "http://127.0.0.1:3000/x").unwrap_err();
        assert!(
            own.ends_with(
                "[[plugin.grant]]\nhost = \"127.0.0.1:3000\"\nplain_http = true\n\
                 private = true\nreason = \"why it is needed\"\n"
            ),
            "{own}"
        );
    }

    #[test]
    fn addresses_in_urls_are_judged_too() {
        for (server, grant, rule) in [
            ("https://10.0.0.1", None, Some("closed (private)")),
            ("https://10.0.0.1", Some("10.0.0.1"), None),
            ("https://[::1]", None, Some("closed (loopback)")),
            ("https://0177.0.0.1", None, Some("closed (loopback)")),
            ("https://[64:ff9b::a00:1]", None, Some("closed (private)")),
            ("https://169.254.169.254", None, Some("cloud metadata")),
            ("https://169.254.169.254", Some("169.254.169.254"), None),
            ("https://0.0.0.0", Some("0.0.0.0"), Some("unspecified")),
            ("https://1.1.1.1", None, None),
        ] {
            let mut setup = Setup::new()
                .hosts(&["${setting:server}"])
                .setting("server", server);
            if let Some(host) = grant {
                setup = setup.grant(host, false, true);
            }
            match (judged(&setup, server), rule) {
                (Ok(_), None) => {}
                (Err(error), Some(rule)) => assert!(error.contains(rule), "{server}: {error}"),
                (outcome, rule) => panic!("{server}: {outcome:?}, not {rule:?}"),
            }
        }
    }

    #[test]
    fn a_setting_is_a_server_and_no_pattern() {
        for (value, url, allowed) in [
            ("social.example", "https://social.example/", true),
            ("*.example.org", "https://a.example.org/", false),
            ("ftp://social.example", "https://social.example/", false),
            ("", "https://social.example/", false),
            ("https://əlifba.az", "https://xn--lifba-dlc.az/", true),
        ] {
            let setup = Setup::new()
                .hosts(&["${setting:server}"])
                .setting("server", value);
            assert_eq!(judged(&setup, url).is_ok(), allowed, "{value} {url}");
        }
    }
}
