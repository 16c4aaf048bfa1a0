//! Secrets in an address: a few platforms want a token in the path or in the query. The
//! address keeps its placeholders wherever it is looked at, compared or told; only the
//! request that goes out has the values.

use std::ops::Range;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use secrecy::ExposeSecret as _;
use url::Url;
use zeroize::Zeroizing;

use super::path_pattern::path_matches;
use super::placeholder::{Filler, OPENING, Unfilled, refuse};
use super::{Caller, Error};
use crate::plugin::manifest::Place;

/// The parameter that a token goes into where the place names none (RFC 6750, section 2.3).
const USUAL_PARAMETER: &str = "access_token";

/// What RFC 3986 calls unreserved.
pub(super) const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');
/// What stands in a segment of a path as it is (RFC 3986, `pchar`).
pub(super) const SEGMENT: &AsciiSet = &UNRESERVED
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b':')
    .remove(b'@');

/// Refuses what could put a secret where none is ever filled: into the scheme, the user,
/// the host, the fragment, a parameter's name, or behind an encoding of its own.
pub(super) fn check(caller: &Caller, text: &str, url: &Url) -> Result<(), Error> {
    const PLACE: &str = "the address";
    let fragment = text.split_once('#').map_or("", |(_, fragment)| fragment);
    refuse(caller, fragment, "the fragment of an address")?;
    refuse(caller, url.host_str().unwrap_or_default(), PLACE)?;
    refuse(caller, &without(url.path())?, PLACE)?;
    for (name, value) in parameters(url.query().unwrap_or_default()) {
        refuse(caller, name, "the name of a parameter")?;
        refuse(caller, &without(value)?, PLACE)?;
    }
    Ok(())
}

/// The path, with its placeholders as the manifest writes them.
pub(super) fn path(url: &Url) -> String {
    plain(url.path())
}

/// The address, with its placeholders as the plugin may have written them.
pub(super) fn shown(url: &Url) -> String {
    plain(url.as_str())
}

/// Whether a secret stands in the address.
pub(super) fn holds(url: &Url, secret: &str) -> bool {
    let parts = [Some(url.path()), url.query()];
    let spans = parts
        .into_iter()
        .flatten()
        .filter_map(|part| find(part).ok());
    spans.flatten().any(|span| span.name == secret)
}

impl Filler<'_> {
    /// The address to ask for. It must not be told to anybody.
    pub fn address(&self, url: &Url) -> Result<Url, Error> {
        let in_path = find(url.path())?;
        let mut filled = Zeroizing::new(String::with_capacity(url.as_str().len() + 256));
        filled.push_str(&url[..url::Position::BeforePath]);
        let within = |place: &Place| {
            place.url
                && place
                    .path
                    .as_deref()
                    .is_some_and(|own| pinned(own, self.path))
        };
        self.replace(
            url.path(),
            &in_path,
            SEGMENT,
            within,
            "the path",
            &mut filled,
        )?;
        let mut asked = in_path.len();
        if let Some(query) = url.query() {
            let mut separator = '?';
            for parameter in query.split('&') {
                let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
                let spans = find(value)?;
                asked += spans.len();
                filled.push(separator);
                separator = '&';
                filled.push_str(&parameter[..parameter.len() - value.len()]);
                let decoded = decoded_name(name);
                for span in &spans {
                    let open = |place: &Place| {
                        place.url
                            && !place
                                .path
                                .as_deref()
                                .is_some_and(|own| own.contains(OPENING))
                            && match place.parameter.as_deref() {
                                Some(own) => own == decoded,
                                None => decoded == USUAL_PARAMETER || decoded == span.name,
                            }
                    };
                    self.allowed(&span.name, &open, &format!("the parameter `{decoded}`"))?;
                }
                self.replace(
                    value,
                    &spans,
                    UNRESERVED,
                    |place| place.url,
                    "the query",
                    &mut filled,
                )?;
            }
        }
        if asked == 0 {
            return Ok(url.clone());
        }
        // A value as `..` would lead somewhere else.
        match Url::parse(&filled) {
            Ok(parsed) if parsed.as_str() == filled.as_str() => Ok(parsed),
            _ => Err(Error::Invalid(
                "a secret can't stand in this address: look at its value in the configuration"
                    .to_owned(),
            )),
        }
    }

    fn replace(
        &self,
        text: &str,
        spans: &[Span],
        set: &'static AsciiSet,
        place: impl Fn(&Place) -> bool,
        place_name: &str,
        into: &mut Zeroizing<String>,
    ) -> Result<(), Unfilled> {
        let mut done = 0;
        for span in spans {
            self.allowed(&span.name, &place, place_name)?;
            let Some(value) = self.caller.secrets.get(&span.name) else {
                return Err(Unfilled::Wrong(Error::MissingSecret(span.name.clone())));
            };
            if value.expose_secret().is_empty() {
                return Err(Unfilled::Wrong(Error::MissingSecret(span.name.clone())));
            }
            into.push_str(&text[done..span.range.start]);
            into.extend(utf8_percent_encode(value.expose_secret(), set));
            done = span.range.end;
        }
        into.push_str(&text[done..]);
        Ok(())
    }
}

/// Whether the path is of this pattern, and its placeholders are those of the pattern:
/// none stands where the pattern has a `*`.
fn pinned(pattern: &str, path: &str) -> bool {
    let count = |text: &str| text.matches(OPENING).count();
    path_matches(pattern, path) && count(pattern) == count(path)
}

fn parameters(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query
        .split('&')
        .map(|parameter| parameter.split_once('=').unwrap_or((parameter, "")))
}

pub(super) fn decoded_name(name: &str) -> String {
    let spaced = name.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

#[derive(Debug, PartialEq, Eq)]
struct Span {
    range: Range<usize>,
    name: String,
}

/// The placeholders of a part of an address. Parsing an address encodes the braces, and
/// writers of queries encode the colon as well; the dollar sign is what the plugin wrote
/// on purpose, and an encoded one is text.
fn find(text: &str) -> Result<Vec<Span>, Error> {
    let mut spans = Vec::new();
    let mut from = 0;
    while let Some(at) = text[from..].find('$').map(|at| from + at) {
        let rest = &text[at + 1..];
        from = at + 1;
        let Some(rest) = after(rest, "{", "%7b").and_then(|rest| rest.strip_prefix("secret"))
        else {
            continue;
        };
        let Some(rest) = after(rest, ":", "%3a") else {
            continue;
        };
        let length = rest
            .bytes()
            .take(65)
            .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
            .count();
        let (name, rest) = rest.split_at(length);
        let Some(rest) = after(rest, "}", "%7d").filter(|_| (1..=64).contains(&length)) else {
            return Err(Error::Invalid(
                "a placeholder is not whole: write `${secret:NAME}`".to_owned(),
            ));
        };
        from = text.len() - rest.len();
        spans.push(Span {
            range: at..from,
            name: name.to_owned(),
        });
    }
    Ok(spans)
}

/// The text after a character that stands there as it is, or encoded.
fn after<'t>(text: &'t str, plain: &str, encoded: &str) -> Option<&'t str> {
    if let Some(rest) = text.strip_prefix(plain) {
        return Some(rest);
    }
    let (start, rest) = text.split_at_checked(encoded.len())?;
    start.eq_ignore_ascii_case(encoded).then_some(rest)
}

/// The text with its placeholders written plainly; as it is where one is not whole.
fn plain(text: &str) -> String {
    let Ok(spans) = find(text) else {
        return text.to_owned();
    };
    joined(text, &spans, |span| format!("${{secret:{}}}", span.name))
}

fn without(text: &str) -> Result<String, Error> {
    Ok(joined(text, &find(text)?, |_| "-".to_owned()))
}

fn joined(text: &str, spans: &[Span], stands: impl Fn(&Span) -> String) -> String {
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for span in spans {
        out.push_str(&text[done..span.range.start]);
        out.push_str(&stands(span));
        done = span.range.end;
    }
    out.push_str(&text[done..]);
    out
}

#[cfg(test)]
mod tests {
    use super::super::hosts::Target;
    use super::super::request::check_url;
    use super::super::test_caller::Setup;
    use super::*;
    use http::Method;

    fn caller() -> Caller {
        Setup::new()
            .hosts(&["api.example.org", "other.example.org"])
            .place(
                "token",
                "url = true\nhosts = [\"api.example.org\"]\npath = \"/bot${secret:token}/*\"",
            )
            .place(
                "hook",
                "url = true\npath = \"/api/*/hooks/*/${secret:hook}*\"",
            )
            .place("access", "url = true\nmethod = \"GET\"\npath = \"/v1/*\"")
            .place("page", "url = true\nparameter = \"key\"")
            .place("absent", "url = true")
            .place("dots", "url = true\npath = \"/up/${secret:dots}/x\"")
            .place("header", "header = \"authorization\"")
            .secret("token", "12:AB-c_d")
            .secret("hook", "a/b?c#d e%ö")
            .secret("access", "a&b=c+d /?")
            .secret("page", "page-token")
            .secret("dots", "..")
            .secret("header", "never")
            .caller()
    }

    fn fill(method: &str, text: &str) -> Result<String, Error> {
        let caller = caller();
        let url = check_url(text)?;
        check(&caller, text, &url)?;
        let filler = Filler {
            caller: &caller,
            target: &Target::of(&url).unwrap(),
            method: &Method::from_bytes(method.as_bytes()).unwrap(),
            path: &path(&url),
        };
        filler.address(&url).map(String::from)
    }

    #[test]
    fn where_addresses_are_filled() {
        const NO_PLACE: &str = "declares no place";
        for (method, path, outcome) in [
            (
                "POST",
                "/bot${secret:token}/send?a=b",
                Ok("/bot12:AB-c_d/send?a=b"),
            ),
            (
                "POST",
                "/bot$%7Bsecret%3Atoken%7d/send",
                Ok("/bot12:AB-c_d/send"),
            ),
            (
                "GET",
                "/plain/$5/${x}?y=${z}",
                Ok("/plain/$5/$%7Bx%7D?y=${z}"),
            ),
            (
                "GET",
                "/api/v10/hooks/5/${secret:hook}/messages?wait=true",
                Ok("/api/v10/hooks/5/a%2Fb%3Fc%23d%20e%25%C3%B6/messages?wait=true"),
            ),
            (
                "GET",
                "/v1/me?fields=a&access_token=${secret:access}&x",
                Ok("/v1/me?fields=a&access_token=a%26b%3Dc%2Bd%20%2F%3F&x"),
            ),
            // In the parameter of its own name too, and behind something.
            (
                "GET",
                "/v1/me?access=1|${secret:access}",
                Ok("/v1/me?access=1|a%26b%3Dc%2Bd%20%2F%3F"),
            ),
            ("POST", "/any?key=${secret:page}", Ok("/any?key=page-token")),
            (
                "POST",
                "/any?k%65y=${secret:page}",
                Ok("/any?k%65y=page-token"),
            ),
            // An encoded dollar sign is text: what strangers wrote is encoded so.
            (
                "POST",
                "/any?key=%24%7Bsecret%3Apage%7D",
                Err("put a secret"),
            ),
            ("POST", "/any?q=${secret:page}", Err(NO_PLACE)),
            (
                "POST",
                "/v1/me?access_token=${secret:access}",
                Err(NO_PLACE),
            ),
            ("GET", "/v2/me?access_token=${secret:access}", Err(NO_PLACE)),
            ("GET", "/v1/me?q=${secret:access}", Err(NO_PLACE)),
            ("GET", "/v1/${secret:access}", Err(NO_PLACE)),
            ("GET", "/bot${secret:token}", Err(NO_PLACE)),
            ("GET", "/x/bot${secret:token}/send", Err(NO_PLACE)),
            ("GET", "/bot${secret:token}/${secret:token}", Err(NO_PLACE)),
            (
                "GET",
                "/bot${secret:token}/x?access_token=${secret:token}",
                Err(NO_PLACE),
            ),
            ("GET", "/bot${secret:token}/../x", Ok("/x")),
            (
                "GET",
                "/api/${secret:hook}/hooks/5/${secret:hook}",
                Err(NO_PLACE),
            ),
            ("GET", "/api/v10/hooks//${secret:hook}", Err(NO_PLACE)),
            ("GET", "/bot${secret:header}/x", Err(NO_PLACE)),
            ("GET", "/any?authorization=${secret:header}", Err(NO_PLACE)),
            ("GET", "/any?key=${secret:unknown}", Err("does not declare")),
            ("GET", "/any?${secret:page}=1", Err("put a secret")),
            ("GET", "/any?key=1#${secret:page}", Err("put a secret")),
            ("GET", "/bot$%7B%73ecret:token%7D/x", Err("put a secret")),
            (
                "GET",
                "/any?absent=${secret:absent}",
                Err("no secret `absent`"),
            ),
            (
                "GET",
                "/up/${secret:dots}/x",
                Err("can't stand in this address"),
            ),
            ("GET", "/bot${secret:token/x", Err("not whole")),
            ("GET", "/any?key=${secret:}", Err("not whole")),
        ] {
            let filled = fill(method, &format!("https://api.example.org{path}"));
            match (filled, outcome) {
                (Ok(filled), Ok(expected)) => {
                    assert_eq!(filled, format!("https://api.example.org{expected}"));
                }
                (Err(error), Err(rule)) => {
                    let error = error.to_string();
                    assert!(error.contains(rule), "{path}: {error}");
                    assert!(
                        !error.contains("AB-c_d") && !error.contains("page-t"),
                        "{error}"
                    );
                }
                (filled, outcome) => panic!("{method} {path}: {filled:?}, not {outcome:?}"),
            }
        }
        let elsewhere = fill("GET", "https://other.example.org/bot${secret:token}/x");
        assert!(elsewhere.unwrap_err().to_string().contains(NO_PLACE));
    }

    #[test]
    fn what_is_told_has_the_placeholder() {
        let url =
            check_url("https://a.example/bot${secret:token}/x?access_token=${secret:t}").unwrap();
        assert_eq!(path(&url), "/bot${secret:token}/x");
        assert_eq!(
            shown(&url),
            "https://a.example/bot${secret:token}/x?access_token=${secret:t}"
        );
    }
}
