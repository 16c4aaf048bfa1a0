//! Putting secrets in: a placeholder `${secret:NAME}` is filled where the manifest
//! declares a place for that secret, and nowhere else.

use std::borrow::Cow;
use std::ops::Range;

use http::{HeaderName, HeaderValue, Method};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::hosts::{self, Target};
use super::path_pattern::path_matches;
use super::request::{is_control, shown};
use super::{Caller, Error};
use crate::plugin::manifest::Place;

pub(super) const OPENING: &str = "${secret:";
/// As the encoders of forms write it.
const OPENING_ENCODED: &[u8] = b"%24%7bsecret%3a";

/// How a body writes text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::plugin) enum Encoding {
    Plain,
    Json,
    Form,
    /// Not text: a placeholder in it is refused.
    Binary,
}

impl Encoding {
    /// By a content type; text where there is none.
    pub(in crate::plugin) fn of(content_type: Option<&str>) -> Self {
        let Some(content_type) = content_type else {
            return Encoding::Plain;
        };
        let media = content_type.split(';').next().unwrap_or_default().trim();
        let media = media.to_ascii_lowercase();
        if media == "application/json" || media.ends_with("+json") {
            Encoding::Json
        } else if media == "application/x-www-form-urlencoded" {
            Encoding::Form
        } else if media.starts_with("text/")
            || media == "application/xml"
            || media.ends_with("+xml")
            || media == "application/graphql"
        {
            Encoding::Plain
        } else {
            Encoding::Binary
        }
    }
}

/// Fills the placeholders of one request to one target.
pub(super) struct Filler<'a> {
    pub caller: &'a Caller,
    pub target: &'a Target,
    pub method: &'a Method,
    pub path: &'a str,
}

/// Why a header was not filled.
pub(super) enum Unfilled {
    /// The manifest declares no such place: after a redirect, the header is dropped.
    NotHere(Error),
    Wrong(Error),
}

impl From<Unfilled> for Error {
    fn from(unfilled: Unfilled) -> Self {
        match unfilled {
            Unfilled::NotHere(error) | Unfilled::Wrong(error) => error,
        }
    }
}

impl Filler<'_> {
    pub fn header(&self, name: &HeaderName, value: &str) -> Result<HeaderValue, Unfilled> {
        let spans = find(value.as_bytes(), false).map_err(Unfilled::Wrong)?;
        let filled = self.fill(
            value.as_bytes(),
            &spans,
            Encoding::Plain,
            |place| {
                place.sign.is_none()
                    && place
                        .header
                        .as_deref()
                        .is_some_and(|header| header.eq_ignore_ascii_case(name.as_str()))
            },
            &format!("the header `{name}`"),
        )?;
        // The secret's own line breaks would end the header.
        if filled.iter().copied().any(is_control) {
            return Err(Unfilled::Wrong(Error::Invalid(format!(
                "the secret for the header `{name}` holds a line break or another control character: look at its value in the configuration"
            ))));
        }
        let mut header = HeaderValue::from_bytes(&filled).map_err(|_| {
            Unfilled::Wrong(Error::Invalid(format!(
                "the header `{name}` can't be sent as it is"
            )))
        })?;
        header.set_sensitive(!spans.is_empty() || name == http::header::AUTHORIZATION);
        Ok(header)
    }

    pub fn body<'b>(&self, body: &'b [u8], encoding: Encoding) -> Result<Cow<'b, [u8]>, Error> {
        let spans = find(body, encoding == Encoding::Form)?;
        if spans.is_empty() {
            return Ok(Cow::Borrowed(body));
        }
        if encoding == Encoding::Binary {
            return Err(Error::Denied(format!(
                "plugin `{}` put a secret into a body that is not text: set the content type, as `application/json`",
                self.caller.plugin
            )));
        }
        let filled = self.fill(
            body,
            &spans,
            encoding,
            // A body may carry what strangers wrote: only a login's is narrow enough.
            |place| place.body && place.method.is_some() && place.path.is_some(),
            "the body",
        )?;
        Ok(Cow::Owned(filled.to_vec()))
    }

    fn fill(
        &self,
        text: &[u8],
        spans: &[Span],
        encoding: Encoding,
        place: impl Fn(&Place) -> bool,
        place_name: &str,
    ) -> Result<Zeroizing<Vec<u8>>, Unfilled> {
        let mut values = Vec::with_capacity(spans.len());
        for span in spans {
            self.allowed(&span.name, &place, place_name)?;
            let Some(value) = self.caller.secrets.get(&span.name) else {
                return Err(Unfilled::Wrong(Error::MissingSecret(span.name.clone())));
            };
            values.push(encode(&value, encoding));
        }
        let length = text.len() + values.iter().map(|value| value.len()).sum::<usize>();
        let mut filled = Zeroizing::new(Vec::with_capacity(length));
        let mut done = 0;
        for (span, value) in spans.iter().zip(&values) {
            filled.extend_from_slice(&text[done..span.range.start]);
            filled.extend_from_slice(value.as_bytes());
            done = span.range.end;
        }
        filled.extend_from_slice(&text[done..]);
        Ok(filled)
    }

    pub fn allowed(
        &self,
        name: &str,
        kind: &impl Fn(&Place) -> bool,
        place_name: &str,
    ) -> Result<(), Unfilled> {
        self.place(name, kind, place_name).map(drop)
    }

    /// The declared place of a secret that stands for this request.
    pub fn place(
        &self,
        name: &str,
        kind: impl Fn(&Place) -> bool,
        place_name: &str,
    ) -> Result<&Place, Unfilled> {
        let plugin = &self.caller.plugin;
        let Some(secret) = self.caller.manifest.secrets.get(name) else {
            return Err(Unfilled::NotHere(Error::Denied(format!(
                "plugin `{plugin}` used the secret `{}`, which its manifest does not declare",
                shown(name)
            ))));
        };
        let here = secret
            .place
            .iter()
            .filter(|place| kind(place))
            .find(|place| {
                hosts::listed(self.caller, &place.hosts, self.target)
                    && place
                        .method
                        .as_deref()
                        .is_none_or(|method| method == self.method.as_str())
                    && place
                        .path
                        .as_deref()
                        .is_none_or(|path| path_matches(path, self.path))
            });
        if let Some(place) = here {
            return Ok(place);
        }
        Err(Unfilled::NotHere(Error::Denied(format!(
            "plugin `{plugin}` put the secret `{name}` into {place_name} of {} {}{}, where its manifest declares no place for it: {}",
            self.method,
            self.target,
            shown(self.path),
            declared(&secret.place)
        ))))
    }
}

fn declared(places: &[Place]) -> String {
    if places.is_empty() {
        return "it may be put nowhere".to_owned();
    }
    let places = places.iter().take(4).map(|place| {
        let what = match (&place.header, &place.parameter) {
            (None, Some(parameter)) if !place.proof_of.is_empty() => {
                format!("a proof made with it in the parameter `{parameter}`")
            }
            (Some(header), _) if place.sign.is_some() => {
                format!("its signature in the header `{header}`")
            }
            (Some(header), _) => format!("the header `{header}`"),
            (None, Some(parameter)) => format!("the parameter `{parameter}` of the address"),
            (None, None) if place.url => "the address".to_owned(),
            (None, None) => "the body".to_owned(),
        };
        let method = place.method.as_deref().unwrap_or("any method");
        let hosts = match place.hosts.as_slice() {
            [] => "its hosts".to_owned(),
            hosts => format!("`{}`", hosts.join("`, `")),
        };
        let path = place.path.as_deref().unwrap_or("any path");
        format!("{what} with {method}, {hosts}, {path}")
    });
    format!("declared are {}", places.collect::<Vec<_>>().join("; "))
}

fn encode(value: &SecretString, encoding: Encoding) -> Zeroizing<String> {
    let value = value.expose_secret();
    Zeroizing::new(match encoding {
        Encoding::Plain | Encoding::Binary => value.to_owned(),
        Encoding::Json => {
            let quoted = serde_json::Value::from(value).to_string();
            quoted[1..quoted.len() - 1].to_owned()
        }
        Encoding::Form => url::form_urlencoded::byte_serialize(value.as_bytes()).collect(),
    })
}

#[derive(Debug, PartialEq, Eq)]
struct Span {
    range: Range<usize>,
    name: String,
}

/// All placeholders; one that is not closed, or whose name can't be one, is an error.
fn find(text: &[u8], encoded: bool) -> Result<Vec<Span>, Error> {
    let mut spans = Vec::new();
    let mut from = 0;
    while let Some(found) = next(text, from, encoded) {
        let (start, name_start, closing) = found;
        let rest = &text[name_start..];
        let length = rest
            .iter()
            .take(65)
            .take_while(|byte| is_name(**byte))
            .count();
        let closed = rest[length..].len() >= closing.len()
            && rest[length..length + closing.len()].eq_ignore_ascii_case(closing);
        if length == 0 || length > 64 || !closed {
            return Err(Error::Invalid(
                "a placeholder is not whole: write `${secret:NAME}`".to_owned(),
            ));
        }
        let end = name_start + length + closing.len();
        spans.push(Span {
            range: start..end,
            name: String::from_utf8_lossy(&rest[..length]).into_owned(),
        });
        from = end;
    }
    Ok(spans)
}

fn next(text: &[u8], from: usize, encoded: bool) -> Option<(usize, usize, &'static [u8])> {
    let plain = memchr::memmem::find(&text[from..], OPENING.as_bytes())
        .map(|at| (from + at, from + at + OPENING.len(), b"}".as_slice()));
    if !encoded {
        return plain;
    }
    let encoded = text[from..]
        .windows(OPENING_ENCODED.len())
        .position(|window| window.eq_ignore_ascii_case(OPENING_ENCODED))
        .map(|at| {
            (
                from + at,
                from + at + OPENING_ENCODED.len(),
                b"%7d".as_slice(),
            )
        });
    match (plain, encoded) {
        (Some(a), Some(b)) => Some(if a.0 < b.0 { a } else { b }),
        (one, other) => one.or(other),
    }
}

const fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

/// Whether a header's value holds this secret's placeholder.
pub(super) fn holds(value: &str, secret: &str) -> bool {
    find(value.as_bytes(), false).is_ok_and(|spans| spans.iter().any(|span| span.name == secret))
}

/// A placeholder where none is ever filled: in a host, a part's name, a file's name.
pub(super) fn refuse(caller: &Caller, text: &str, place: &str) -> Result<(), Error> {
    let decoded = percent_encoding::percent_decode_str(text).collect::<Vec<u8>>();
    let inside = |bytes: &[u8]| memchr::memmem::find(bytes, OPENING.as_bytes()).is_some();
    if inside(text.as_bytes()) || inside(&decoded) {
        return Err(Error::Denied(format!(
            "plugin `{}` put a secret into {place}: secrets go only where its manifest declares a place for them",
            caller.plugin
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::test_caller::Setup;
    use super::*;
    use url::Url;

    fn setup() -> Setup {
        Setup::new()
            .hosts(&["api.example.org", "login.example.org"])
            .place("token", "header = \"authorization\"\nhosts = [\"api.example.org\"]")
            .place(
                "password",
                "body = true\nmethod = \"POST\"\npath = \"/login\"\nhosts = [\"login.example.org\"]",
            )
            .place("loose", "body = true")
            .place("paged", "header = \"x-key\"\nmethod = \"GET\"\npath = \"/v1/*\"")
            .place("absent", "header = \"x-key\"")
            .place("broken", "header = \"x-key\"")
            .secret("token", "t0ken")
            .secret("password", "p\"a s\\s&w=ö")
            .secret("loose", "loose")
            .secret("paged", "paged")
            .secret("undeclared", "undeclared")
            .secret("broken", "a\r\nb: c")
    }

    fn with<T>(method: &str, url: &str, ask: impl Fn(&Filler) -> T) -> T {
        let url = Url::parse(url).unwrap();
        let caller = setup().caller();
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        ask(&Filler {
            caller: &caller,
            target: &Target::of(&url).unwrap(),
            method: &method,
            path: url.path(),
        })
    }

    #[test]
    fn where_headers_are_filled() {
        const API: &str = "https://api.example.org/v1/posts";
        for (method, url, name, value, outcome) in [
            (
                "GET",
                API,
                "authorization",
                "Bearer ${secret:token}",
                Ok("Bearer t0ken"),
            ),
            ("GET", API, "x-other", "plain", Ok("plain")),
            (
                "GET",
                API,
                "x-key",
                "${secret:paged}${secret:paged}",
                Ok("pagedpaged"),
            ),
            (
                "GET",
                API,
                "x-other",
                "${secret:token}",
                Err("declares no place"),
            ),
            (
                "POST",
                API,
                "x-key",
                "${secret:paged}",
                Err("declares no place"),
            ),
            (
                "GET",
                "https://api.example.org/v2",
                "x-key",
                "${secret:paged}",
                Err("declares no place"),
            ),
            (
                "GET",
                "https://login.example.org/",
                "authorization",
                "${secret:token}",
                Err("declares no place"),
            ),
            (
                "GET",
                "https://api.example.org:8443/",
                "authorization",
                "${secret:token}",
                Err("declares no place"),
            ),
            (
                "POST",
                API,
                "authorization",
                "${secret:password}",
                Err("declares no place"),
            ),
            (
                "GET",
                API,
                "authorization",
                "${secret:undeclared}",
                Err("does not declare"),
            ),
            (
                "GET",
                API,
                "x-key",
                "${secret:absent}",
                Err("no secret `absent`"),
            ),
            ("GET", API, "x-key", "${secret:broken}", Err("line break")),
            ("GET", API, "x-key", "${secret:paged", Err("not whole")),
            ("GET", API, "x-key", "${secret:}", Err("not whole")),
            ("GET", API, "x-key", "${secret:a b}", Err("not whole")),
        ] {
            let name = HeaderName::from_static(name);
            let filled = with(method, url, |filler| {
                filler.header(&name, value).map_err(Error::from)
            });
            match (filled, outcome) {
                (Ok(filled), Ok(expected)) => assert_eq!(filled.as_bytes(), expected.as_bytes()),
                (Err(error), Err(rule)) => {
                    assert!(error.to_string().contains(rule), "{value}: {error}");
                    assert!(!error.to_string().contains("t0ken"), "{error}");
                }
                (filled, outcome) => panic!("{method} {url} {value}: {filled:?}, not {outcome:?}"),
            }
        }
    }

    #[test]
    fn where_bodies_are_filled() {
        const LOGIN: &str = "https://login.example.org/login";
        const JSON: Encoding = Encoding::Json;
        const FORM: Encoding = Encoding::Form;
        for (method, url, encoding, body, outcome) in [
            (
                "POST",
                LOGIN,
                JSON,
                r#"{"p":"${secret:password}"}"#,
                Ok(r#"{"p":"p\"a s\\s&w=ö"}"#),
            ),
            (
                "POST",
                LOGIN,
                FORM,
                "p=${secret:password}&q=1",
                Ok("p=p%22a+s%5Cs%26w%3D%C3%B6&q=1"),
            ),
            (
                "POST",
                LOGIN,
                FORM,
                "p=%24%7Bsecret%3Apassword%7D&q=1",
                Ok("p=p%22a+s%5Cs%26w%3D%C3%B6&q=1"),
            ),
            (
                "POST",
                LOGIN,
                FORM,
                "p=%24%7bsecret%3apassword%7d",
                Ok("p=p%22a+s%5Cs%26w%3D%C3%B6"),
            ),
            (
                "POST",
                LOGIN,
                Encoding::Plain,
                "${secret:password}",
                Ok("p\"a s\\s&w=ö"),
            ),
            ("POST", LOGIN, JSON, "{}", Ok("{}")),
            (
                "POST",
                LOGIN,
                Encoding::Binary,
                "${secret:password}",
                Err("not text"),
            ),
            (
                "PUT",
                LOGIN,
                JSON,
                "${secret:password}",
                Err("declares no place"),
            ),
            (
                "POST",
                "https://login.example.org/log",
                JSON,
                "${secret:password}",
                Err("declares no place"),
            ),
            (
                "POST",
                "https://api.example.org/login",
                JSON,
                "${secret:password}",
                Err("declares no place"),
            ),
            (
                "POST",
                LOGIN,
                JSON,
                "${secret:token}",
                Err("declares no place"),
            ),
            // A body place without method and path stands for nothing.
            (
                "POST",
                LOGIN,
                JSON,
                "${secret:loose}",
                Err("declares no place"),
            ),
            ("POST", LOGIN, JSON, "${secret:", Err("not whole")),
            (
                "POST",
                LOGIN,
                FORM,
                "p=%24%7Bsecret%3Apassword",
                Err("not whole"),
            ),
        ] {
            let filled = with(method, url, |filler| {
                filler.body(body.as_bytes(), encoding).map(Cow::into_owned)
            });
            match (filled, outcome) {
                (Ok(filled), Ok(expected)) => {
                    assert_eq!(String::from_utf8(filled).unwrap(), expected);
                }
                (Err(error), Err(rule)) => {
                    assert!(error.to_string().contains(rule), "{body}: {error}");
                }
                (filled, outcome) => panic!("{method} {url} {body}: {filled:?}, not {outcome:?}"),
            }
        }
    }

    #[test]
    fn encodings_by_content_type() {
        for (content_type, encoding) in [
            (None, Encoding::Plain),
            (Some("application/json; charset=utf-8"), Encoding::Json),
            (Some("Application/LD+JSON"), Encoding::Json),
            (Some("application/x-www-form-urlencoded"), Encoding::Form),
            (Some("text/plain"), Encoding::Plain),
            (Some("image/png"), Encoding::Binary),
            (Some("application/octet-stream"), Encoding::Binary),
        ] {
            assert_eq!(Encoding::of(content_type), encoding, "{content_type:?}");
        }
    }
}
