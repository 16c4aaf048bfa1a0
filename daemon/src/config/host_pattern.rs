//! How the hosts of manifests and grants are written: parsing, printing, matching.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use url::Host;

use super::types::{HostName, HostPattern};

/// Why a text is no host pattern, and how it would be written right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseHostPatternError {
    #[error("a host is missing: write one as `example.org` or `*.example.org`")]
    Empty,
    #[error("`{0}` has a scheme or a path: write only the host, as `{1}`")]
    Url(String, String),
    #[error("`{0}` has a user name in it: write only the host, as `{1}`")]
    User(String, String),
    #[error("`*` would be every host: name the domain, as `*.example.org`")]
    Everything,
    #[error("`{0}` would be a whole top-level domain: name more of it, as `*.example.{1}`")]
    TopLevel(String, String),
    #[error(
        "in `{0}` the `*` is not a label of its own at the beginning: write `{1}` for every domain below it, and the domain itself as a second entry"
    )]
    Star(String, String),
    #[error("`{0}` has a `*` before an address: an address is written whole")]
    StarAddress(String),
    #[error("`{1}` in `{0}` is not a port: write a number from 1 to 65535")]
    Port(String, String),
    #[error("`{0}` is not a host ({1}): write one as `example.org`, `127.0.0.1` or `[::1]`")]
    Host(String, String),
}

impl FromStr for HostPattern {
    type Err = ParseHostPatternError;

    /// Names in other scripts become punycode; upper case becomes lower case.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let own = || text.to_owned();
        if text.is_empty() {
            return Err(ParseHostPatternError::Empty);
        }
        if text.contains(['/', '\\', '?', '#']) {
            return Err(ParseHostPatternError::Url(own(), bare_host(text)));
        }
        if text.contains('@') {
            return Err(ParseHostPatternError::User(own(), bare_host(text)));
        }
        if text.contains("${") {
            let why = "placeholders are not filled in here".to_owned();
            return Err(ParseHostPatternError::Host(own(), why));
        }
        let (host, port) = split_port(text)?;
        if host == "*" {
            return Err(ParseHostPatternError::Everything);
        }
        let (below, host) = match host.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, host),
        };
        if host.contains('*') {
            let rest = host.rsplit('*').next().unwrap_or("").trim_matches('.');
            let rest = if rest.is_empty() { "example.org" } else { rest };
            return Err(ParseHostPatternError::Star(own(), format!("*.{rest}")));
        }
        let host = parse_host(host)
            .map_err(|error| ParseHostPatternError::Host(own(), error.to_string()))?;
        let host = match (host, below) {
            (HostName::Exact(domain), true) if !domain.contains('.') => {
                return Err(ParseHostPatternError::TopLevel(own(), domain));
            }
            (HostName::Exact(domain), true) => HostName::Below(domain),
            (HostName::Address(_), true) => return Err(ParseHostPatternError::StarAddress(own())),
            (host, _) => host,
        };
        Ok(HostPattern { host, port })
    }
}

/// The host of a pattern or of a URL, without a dot at its end.
fn parse_host(text: &str) -> Result<HostName, url::ParseError> {
    // An IPv6 address without brackets is what people type.
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(HostName::Address(address));
    }
    Ok(HostName::from(Host::parse(text)?))
}

impl From<Host<String>> for HostName {
    fn from(host: Host<String>) -> Self {
        match host {
            Host::Domain(domain) => {
                HostName::Exact(domain.strip_suffix('.').unwrap_or(&domain).to_owned())
            }
            Host::Ipv4(address) => HostName::Address(address.into()),
            Host::Ipv6(address) => HostName::Address(address.into()),
        }
    }
}

fn split_port(text: &str) -> Result<(&str, Option<u16>), ParseHostPatternError> {
    let (host, port) = if let Some(end) = text.strip_prefix('[').and(text.find(']')) {
        let (host, rest) = text.split_at(end + 1);
        match rest.strip_prefix(':') {
            Some(port) => (host, port),
            None if rest.is_empty() => return Ok((host, None)),
            None => {
                return Err(ParseHostPatternError::Port(
                    text.to_owned(),
                    rest.to_owned(),
                ));
            }
        }
    } else {
        match text.split_once(':') {
            // More colons than one: an IPv6 address.
            Some((_, rest)) if rest.contains(':') => return Ok((text, None)),
            Some(split) => split,
            None => return Ok((text, None)),
        }
    };
    match port.parse::<u16>() {
        Ok(number) if number > 0 && port.bytes().all(|byte| byte.is_ascii_digit()) => {
            Ok((host, Some(number)))
        }
        _ => Err(ParseHostPatternError::Port(
            text.to_owned(),
            port.to_owned(),
        )),
    }
}

/// What the author of a whole URL probably meant.
fn bare_host(text: &str) -> String {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let rest = rest.trim_start_matches('/');
    let authority = rest.split(['/', '\\', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    if host.is_empty() {
        "example.org".to_owned()
    } else {
        host.to_owned()
    }
}

impl HostPattern {
    /// Whether it stands for `host` at `port`, where `usual_port` is that of the scheme.
    pub fn matches(&self, host: &HostName, port: u16, usual_port: u16) -> bool {
        if port != self.port.unwrap_or(usual_port) {
            return false;
        }
        match (&self.host, host) {
            (HostName::Exact(own), HostName::Exact(other)) => own == other,
            (HostName::Address(own), HostName::Address(other)) => own == other,
            (HostName::Below(suffix), HostName::Exact(other)) => other
                .strip_suffix(suffix.as_str())
                .and_then(|rest| rest.strip_suffix('.'))
                .is_some_and(|label| !label.is_empty()),
            _ => false,
        }
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HostName::Exact(domain) => f.write_str(domain),
            HostName::Below(suffix) => write!(f, "*.{suffix}"),
            HostName::Address(IpAddr::V4(address)) => address.fmt(f),
            HostName::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

/// As it is written in a manifest or a grant.
impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.host.fmt(f)?;
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_printed_as_they_are_meant() {
        for (text, printed) in [
            ("example.org", "example.org"),
            (" Example.ORG. ", "example.org"),
            ("example.org:8443", "example.org:8443"),
            ("*.example.org", "*.example.org"),
            ("*.Example.org:8443", "*.example.org:8443"),
            ("kitab.az", "kitab.az"),
            ("əlifba.az", "xn--lifba-dlc.az"),
            ("*.bücher.example", "*.xn--bcher-kva.example"),
            ("127.0.0.1:3000", "127.0.0.1:3000"),
            ("0x7f.1", "127.0.0.1"),
            ("[::1]:3000", "[::1]:3000"),
            ("[::1]", "[::1]"),
            ("::1", "[::1]"),
            ("localhost", "localhost"),
        ] {
            let pattern: HostPattern = text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(pattern.to_string(), printed, "{text}");
            assert_eq!(printed.parse(), Ok(pattern), "{text}");
        }
    }

    #[test]
    fn wrong_patterns_teach_the_right_spelling() {
        for (text, lesson) in [
            ("", "write one as `example.org`"),
            ("*", "name the domain, as `*.example.org`"),
            ("*foo", "write `*.foo`"),
            ("*example.org", "write `*.example.org`"),
            ("api.*.example.org", "write `*.example.org`"),
            ("*.*.example.org", "write `*.example.org`"),
            ("example.*", "write `*.example.org`"),
            ("*.org", "as `*.example.org`"),
            ("*.127.0.0.1", "an address is written whole"),
            ("https://example.org", "as `example.org`"),
            ("https://me@example.org:8443/path", "as `example.org:8443`"),
            ("example.org/api", "as `example.org`"),
            ("me@example.org", "as `example.org`"),
            ("example.org:", "from 1 to 65535"),
            ("example.org:0", "from 1 to 65535"),
            ("example.org:+80", "from 1 to 65535"),
            ("example.org:65536", "from 1 to 65535"),
            ("[::1]3000", "from 1 to 65535"),
            ("exa mple.org", "is not a host"),
            ("[::1", "is not a host"),
            ("${setting:server}", "is not a host"),
        ] {
            let error = text.parse::<HostPattern>().expect_err(text).to_string();
            assert!(error.contains(lesson), "{text}: {error}");
        }
    }

    #[test]
    fn a_pattern_stands_for_no_more_than_it_says() {
        for (pattern, host, port, allowed) in [
            ("example.org", "example.org", 443, true),
            ("example.org", "example.org", 8443, false),
            ("example.org", "www.example.org", 443, false),
            ("example.org", "example.org.evil.example", 443, false),
            ("example.org:8443", "example.org", 8443, true),
            ("example.org:8443", "example.org", 443, false),
            ("*.example.org", "a.example.org", 443, true),
            ("*.example.org", "b.a.example.org", 443, true),
            ("*.example.org", "example.org", 443, false),
            ("*.example.org", "badexample.org", 443, false),
            ("127.0.0.1:3000", "127.0.0.1", 3000, true),
            ("127.0.0.1:3000", "127.0.0.2", 3000, false),
            ("127.0.0.1:3000", "localhost", 3000, false),
            ("[::1]:3000", "::1", 3000, true),
            ("[::1]:3000", "[::ffff:127.0.0.1]", 3000, false),
            ("əlifba.az", "ƏLIFBA.az", 443, true),
        ] {
            let host = parse_host(host).unwrap();
            let pattern: HostPattern = pattern.parse().unwrap();
            assert_eq!(
                pattern.matches(&host, port, 443),
                allowed,
                "{pattern} {host}"
            );
        }
    }
}
