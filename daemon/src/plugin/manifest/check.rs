//! The rules for single values of a manifest. Each answers with what is wrong and what to
//! write instead.

use url::{Host, Url};

type Checked<T = ()> = Result<T, String>;

/// A plugin's name: it is a file's name, a key of the configuration and of the store.
pub(super) fn plugin_name(name: &str) -> Checked {
    let fine = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        && !name.ends_with('-')
        && name.len() <= 64;
    match fine {
        true => Ok(()),
        false => Err(format!(
            "`{name}` is no name for a plugin: up to 64 of `a-z`, `0-9` and `-`, a letter first, no `-` last"
        )),
    }
}

/// The name of a secret or a setting.
pub(super) fn key_name(name: &str) -> Checked {
    let fine = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-')
        && name.len() <= 64;
    match fine {
        true => Ok(()),
        false => Err(format!(
            "`{name}` can't be a name: up to 64 of `a-z`, `0-9`, `_` and `-`, a letter first"
        )),
    }
}

/// A pattern of hosts.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Hosts<'a> {
    /// `example.org`, with or without a port; an address.
    One,
    /// `*.example.org`.
    Below,
    /// `${setting:NAME}`.
    Setting(&'a str),
}

pub(super) fn hosts(text: &str) -> Checked<Hosts<'_>> {
    if let Some(name) = setting(text)? {
        return Ok(Hosts::Setting(name));
    }
    if text.contains("://") || text.contains('/') {
        let host = Url::parse(text)
            .ok()
            .and_then(|url| Some(url.host_str()?.to_owned()));
        return Err(match host {
            Some(host) => format!("write the host alone: `{host}`"),
            None => format!("`{text}` is not a host; a path belongs to a secret's place"),
        });
    }
    if text == "*" {
        return Err(
            "a plugin can't ask for every host: name them, or let a setting name them with `${setting:NAME}`"
                .to_owned(),
        );
    }
    let (host, pattern) = match text.strip_prefix("*.") {
        Some(host) => (host, Hosts::Below),
        None => (text, Hosts::One),
    };
    if host.contains('*') {
        return Err("`*` can only stand alone at the beginning, as in `*.example.org`".to_owned());
    }
    let (host, port) = split_port(host);
    if let Some(port) = port
        && port.parse::<u16>().is_ok_and(|port| port == 0) | port.parse::<u16>().is_err()
    {
        return Err(format!("`{port}` is not a port"));
    }
    let parsed = Host::parse(host).map_err(|_| format!("`{text}` is not a host"))?;
    let canonical = parsed.to_string();
    if canonical != host {
        return Err(format!("write it as `{canonical}`"));
    }
    match (&parsed, &pattern) {
        (Host::Domain(domain), Hosts::Below) if !domain.contains('.') => Err(format!(
            "`{text}` is too wide: below `*.` two labels are needed at least, as in `*.example.org`"
        )),
        (Host::Domain(domain), _) if domain.split('.').any(str::is_empty) => {
            Err(format!("`{text}` is not a host"))
        }
        (Host::Ipv4(_) | Host::Ipv6(_), Hosts::Below) => {
            Err("there is nothing below an address".to_owned())
        }
        _ => Ok(pattern),
    }
}

fn split_port(host: &str) -> (&str, Option<&str>) {
    match host.rsplit_once(':') {
        Some((host, port)) if !host.starts_with('[') || host.ends_with(']') => (host, Some(port)),
        _ => (host, None),
    }
}

/// Whether `pattern` asks for no more than one of `hosts`.
pub(super) fn within(pattern: &str, hosts: &[String]) -> bool {
    hosts.iter().any(|host| {
        pattern == host
            || host
                .strip_prefix('*')
                .is_some_and(|suffix| pattern.ends_with(suffix))
    })
}

/// The name in a text that is a `${setting:NAME}` as a whole; `None` where there is no
/// placeholder at all.
fn setting(text: &str) -> Checked<Option<&str>> {
    if !text.contains(['$', '{', '}']) {
        return Ok(None);
    }
    placeholder(text).map(Some)
}

fn placeholder(text: &str) -> Checked<&str> {
    let wrong = || format!("`{text}` is no placeholder; write `${{setting:NAME}}`");
    let inner = text
        .strip_prefix("${")
        .and_then(|rest| rest.strip_suffix('}'))
        .ok_or_else(wrong)?;
    match inner.split_once(':') {
        Some(("setting", name)) if key_name(name).is_ok() => Ok(name),
        Some(("secret", _)) => Err("a secret can't stand here; write `${setting:NAME}`".to_owned()),
        _ => Err(wrong()),
    }
}

/// An https address; its beginning may be a setting: `${setting:server}/oauth/token`.
pub(super) fn endpoint(text: &str) -> Checked<Option<&str>> {
    let (name, address) = match text.strip_prefix("${") {
        None => (None, text.to_owned()),
        Some(rest) => {
            let end = rest.find('}').ok_or_else(|| {
                format!("the placeholder of `{text}` has no end; write `${{setting:NAME}}/path`")
            })?;
            let name = placeholder(&text[..end + 3])?;
            (
                Some(name),
                format!("https://host.invalid{}", &rest[end + 1..]),
            )
        }
    };
    if address.contains(['$', '{', '}']) {
        return Err("a placeholder can only stand at the beginning".to_owned());
    }
    match Url::parse(&address) {
        Ok(url) if url.scheme() == "https" && url.has_host() => Ok(name),
        Ok(_) => Err("only https is possible here".to_owned()),
        Err(error) => Err(format!("`{text}` is not an address: {error}")),
    }
}

pub(super) fn homepage(text: &str) -> Checked {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "https" | "http") => Ok(()),
        _ => Err(format!("`{text}` is not an http address")),
    }
}

pub(super) fn header(name: &str) -> Checked {
    /// What frames the message or routes it is the broker's.
    const RESERVED: [&str; 8] = [
        "host",
        "connection",
        "content-length",
        "transfer-encoding",
        "te",
        "trailer",
        "upgrade",
        "proxy-authorization",
    ];
    let lower = name.to_ascii_lowercase();
    if http::HeaderName::from_bytes(name.as_bytes()).is_err() {
        return Err(format!("`{name}` is not the name of a header"));
    }
    if lower != name {
        return Err(format!("write it in lower case: `{lower}`"));
    }
    match RESERVED.contains(&name) {
        true => Err(format!("`{name}` is set by the daemon alone")),
        false => Ok(()),
    }
}

pub(super) fn method(method: &str) -> Checked {
    let upper = method.to_ascii_uppercase();
    match http::Method::from_bytes(method.as_bytes()) {
        Err(_) => Err(format!("`{method}` is not a method")),
        Ok(_) if upper != method => Err(format!("write it in upper case: `{upper}`")),
        Ok(_) => Ok(()),
    }
}

/// A path; `*` may stand at its end, and in the place of a segment.
pub(super) fn path(path: &str) -> Checked {
    if path.contains(['$', '{', '}']) {
        return Err("a path has no placeholders; end it with `*` to match any rest".to_owned());
    }
    plain_path(path)
}

/// The path of a capture: whole segments may be settings. Their names.
pub(super) fn path_of_settings(path: &str) -> Checked<Vec<&str>> {
    let mut names = Vec::new();
    let mut plain = Vec::new();
    for segment in path.split('/') {
        let name = setting(segment)
            .map_err(|_| format!("a segment of a path is `${{setting:NAME}}`, not `{segment}`"))?;
        plain.push(if name.is_some() { "-" } else { segment });
        names.extend(name);
    }
    plain_path(&plain.join("/"))?;
    Ok(names)
}

/// The path of a place in the address: the secret's own placeholder may stand in it.
pub(super) fn path_with(path: &str, secret: &str) -> Checked {
    let placeholder = format!("${{secret:{secret}}}");
    let plain = path.replace(&placeholder, "-");
    if plain.contains(['$', '{', '}']) {
        return Err(format!(
            "only `{placeholder}` can stand in the path of this place"
        ));
    }
    plain_path(&plain)
}

fn plain_path(path: &str) -> Checked {
    if path.contains(['?', '#']) {
        return Err("a path ends before `?` and `#`".to_owned());
    }
    if !path.starts_with('/') {
        return Err(format!("a path begins with `/`: `/{path}`"));
    }
    let (start, last) = path.rsplit_once('/').unwrap_or(("", path));
    if last.trim_end_matches('*').len() + 1 < last.len()
        || last.trim_end_matches('*').contains('*')
        || start
            .split('/')
            .any(|segment| segment.contains('*') && segment != "*")
    {
        return Err(
            "`*` can only stand once, at the end, or in the place of a whole segment".to_owned(),
        );
    }
    match path.chars().any(|c| c.is_whitespace() || c.is_control()) {
        true => Err("a path has no spaces".to_owned()),
        false => Ok(()),
    }
}

/// The name of a parameter of a query.
pub(super) fn parameter(name: &str) -> Checked {
    match name.is_empty()
        || name
            .chars()
            .any(|c| c.is_whitespace() || c.is_control() || "&=#?${}%+".contains(c))
    {
        true => Err(format!(
            "`{name}` is not the name of a parameter, as `access_token` is"
        )),
        false => Ok(()),
    }
}

/// A JSON pointer to a part of a document.
pub(super) fn pointer(pointer: &str) -> Checked {
    if !pointer.starts_with('/') {
        return Err(format!(
            "a JSON pointer begins with `/`: `/{}`",
            pointer.trim_start_matches(['$', '.']).replace('.', "/")
        ));
    }
    let mut rest = pointer;
    while let Some(tilde) = rest.find('~') {
        rest = &rest[tilde + 1..];
        if !rest.starts_with(['0', '1']) {
            return Err("in a JSON pointer `~` is written `~0`, and `/` in a name `~1`".to_owned());
        }
    }
    Ok(())
}

/// `image/png` or `image/*`.
pub(super) fn media_type(text: &str) -> Checked {
    let token = |part: &str| {
        !part.is_empty()
            && part
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "!#$&^_.+-".contains(c))
    };
    match text.split_once('/') {
        Some((kind, sub)) if token(kind) && (token(sub) || sub == "*") => Ok(()),
        _ => Err(format!(
            "`{text}` is not a media type; write it as `image/png` or `image/*`"
        )),
    }
}
