//! Where an answer sends a request on to (RFC 9110, section 15.4).

use http::header::{AUTHORIZATION, CONTENT_LANGUAGE, CONTENT_LOCATION, CONTENT_TYPE, LOCATION};
use http::{HeaderMap, HeaderName, Method, StatusCode};
use url::{Position, Url};

use super::redact::{BLACK, Redactor};
use super::request::{check_url, shown};
use super::{Body, Caller, Error, placeholder};

/// One request of a chain: the first, or one that an answer sent on.
#[derive(Clone, Debug)]
pub(super) struct Hop<'a> {
    pub method: Method,
    pub url: Url,
    pub headers: Vec<(HeaderName, String)>,
    pub body: &'a Body,
    /// An earlier hop was taken by a server, and may have done its work.
    pub taken: bool,
    pub redirected: bool,
}

/// The next hop; none where the answer is no redirect that can be followed.
pub(super) fn next<'a>(
    caller: &Caller,
    redactor: &Redactor,
    hop: &Hop<'a>,
    status: StatusCode,
    headers: &HeaderMap,
) -> Option<Result<Hop<'a>, Error>> {
    static NOTHING: Body = Body::None;
    if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = headers.get(LOCATION)?;
    let location = String::from_utf8_lossy(location.as_bytes());
    let url = match target(caller, redactor, hop, &location) {
        Ok(url) => url,
        Err(error) => return Some(Err(error)),
    };
    let mut next = hop.clone();
    next.redirected = true;
    if becomes_get(&hop.method, status) {
        next.method = Method::GET;
        next.body = &NOTHING;
        next.headers
            .retain(|(name, _)| ![CONTENT_TYPE, CONTENT_LANGUAGE, CONTENT_LOCATION].contains(name));
        next.taken = true;
    }
    // A secret's placeholder is filled anew for the new host, or dropped; what the plugin
    // wrote itself was meant for the old one.
    if url.origin() != hop.url.origin() {
        next.headers
            .retain(|(name, value)| *name != AUTHORIZATION || value.contains("${secret:"));
    }
    next.url = url;
    Some(Ok(next))
}

/// Where the answer leads. A server can't ask for a secret by its placeholder, and one
/// that it echoes does not go along to another: as a placeholder it is judged anew there.
fn target(
    caller: &Caller,
    redactor: &Redactor,
    hop: &Hop<'_>,
    location: &str,
) -> Result<Url, Error> {
    placeholder::refuse(caller, location, "an address that an answer redirects to")?;
    let url = hop
        .url
        .join(location)
        .map_err(|error| Error::Invalid(format!("redirected to `{}`: {error}", shown(location))))?;
    let url = check_url(url.as_str())?;
    if url.origin() == hop.url.origin() {
        return Ok(url);
    }
    let (server, rest) = url.as_str().split_at(url[..Position::BeforePath].len());
    let redacted = redactor.text(rest);
    if redactor.text(server) != server
        || redacted.matches(BLACK).count() > rest.matches(BLACK).count()
    {
        return Err(Error::Denied(
            "an answer redirected to another server, with a secret in the address".to_owned(),
        ));
    }
    check_url(&format!("{server}{redacted}"))
}

/// Whether the answer means that the request was taken, and that its outcome is read
/// elsewhere.
pub(super) fn becomes_get(method: &Method, status: StatusCode) -> bool {
    match status {
        StatusCode::SEE_OTHER => *method != Method::HEAD && *method != Method::GET,
        // Not what the method means, but what every client does.
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => *method == Method::POST,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::address_fill;
    use super::super::test_caller::Setup;
    use super::*;
    use http::HeaderValue;

    fn hop<'a>(method: &Method, body: &'a Body, authorization: &str) -> Hop<'a> {
        Hop {
            method: method.clone(),
            url: Url::parse("https://a.example/one?x#y").unwrap(),
            headers: vec![
                (CONTENT_TYPE, "text/plain".to_owned()),
                (AUTHORIZATION, authorization.to_owned()),
                (HeaderName::from_static("x-own"), "kept".to_owned()),
            ],
            body,
            taken: false,
            redirected: false,
        }
    }

    fn follow<'a>(
        hop: &Hop<'a>,
        status: StatusCode,
        to: &HeaderMap,
    ) -> Option<Result<Hop<'a>, Error>> {
        let caller = Setup::new()
            .place("token", "url = true")
            .secret("token", "se/cret")
            .secret("header", "hidden value")
            .caller();
        let redactor = Redactor::new(&caller.secrets.all(), &caller.manifest).unwrap();
        next(&caller, &redactor, hop, status, to)
    }

    fn location(text: &str) -> HeaderMap {
        HeaderMap::from_iter([(LOCATION, HeaderValue::from_str(text).unwrap())])
    }

    #[test]
    fn methods_and_bodies() {
        let (get, head, post, put) = (Method::GET, Method::HEAD, Method::POST, Method::PUT);
        for (status, method, becomes, taken) in [
            (301, &get, &get, false),
            (301, &post, &get, true),
            (301, &put, &put, false),
            (302, &post, &get, true),
            (303, &post, &get, true),
            (303, &put, &get, true),
            (303, &head, &head, false),
            (307, &post, &post, false),
            (308, &put, &put, false),
        ] {
            let body = Body::Bytes(b"x".to_vec());
            let status = StatusCode::from_u16(status).unwrap();
            let next = follow(&hop(method, &body, "plain"), status, &location("/two"))
                .unwrap()
                .unwrap();
            assert_eq!(&next.method, becomes, "{status} {method}");
            assert_eq!(next.taken, taken, "{status} {method}");
            let kept = method == becomes;
            assert_eq!(
                matches!(next.body, Body::Bytes(_)),
                kept,
                "{status} {method}"
            );
            let typed = next.headers.iter().any(|(name, _)| *name == CONTENT_TYPE);
            assert_eq!(typed, kept, "{status} {method}");
            assert_eq!(next.url.as_str(), "https://a.example/two");
            assert!(next.headers.iter().any(|(name, _)| *name == AUTHORIZATION));
        }
    }

    #[test]
    fn what_is_no_redirect() {
        let hop = hop(&Method::GET, &Body::None, "plain");
        for status in [200, 300, 304, 305, 400] {
            let status = StatusCode::from_u16(status).unwrap();
            assert!(follow(&hop, status, &location("/two")).is_none());
        }
        assert!(follow(&hop, StatusCode::FOUND, &HeaderMap::new()).is_none());
    }

    #[test]
    fn a_plugin_s_own_authorisation_stays_with_its_origin() {
        for (to, authorization, kept) in [
            ("/two", "Bearer own", true),
            ("https://a.example/two", "Bearer own", true),
            ("https://b.example/", "Bearer own", false),
            ("//b.example/", "Bearer own", false),
            ("https://a.example:8443/", "Bearer own", false),
            ("http://a.example/", "Bearer own", false),
            // Judged anew when it is filled.
            ("https://b.example/", "Bearer ${secret:token}", true),
        ] {
            let body = Body::None;
            let hop = hop(&Method::GET, &body, authorization);
            let next = follow(&hop, StatusCode::FOUND, &location(to))
                .unwrap()
                .unwrap();
            let found = next.headers.iter().any(|(name, _)| *name == AUTHORIZATION);
            assert_eq!(found, kept, "{to}");
            assert!(next.headers.iter().any(|(name, _)| name == "x-own"));
        }
    }

    #[test]
    fn targets_are_checked_like_any_url() {
        for (to, fault) in [
            ("ftp://b.example/", "only https"),
            ("file:///etc/passwd", "only https"),
            ("https://me:word@b.example/", "user name"),
            ("https://", "redirected to"),
        ] {
            let hop = hop(&Method::GET, &Body::None, "plain");
            let error = follow(&hop, StatusCode::FOUND, &location(to))
                .unwrap()
                .unwrap_err();
            assert!(error.to_string().contains(fault), "{to}: {error}");
        }
    }

    #[test]
    fn a_secret_in_the_address_does_not_go_along() {
        let body = Body::None;
        let mut from = hop(&Method::GET, &body, "plain");
        from.url = Url::parse("https://a.example/bot${secret:token}/one").unwrap();
        for (to, outcome) in [
            ("two", Ok("https://a.example/bot${secret:token}/two")),
            ("https://b.example/bot", Ok("https://b.example/bot")),
            // Judged anew when it is filled.
            (
                "https://b.example/botse/cret/x",
                Ok("https://b.example/bot${secret:token}/x"),
            ),
            ("https://b.example/?t=se%2Fcret", Err("with a secret in")),
            (
                "https://b.example/?t=hidden%20value",
                Err("with a secret in"),
            ),
            ("https://b.example/${secret:token}", Err("put a secret")),
            ("?access_token=$%7Bsecret:token%7D", Err("put a secret")),
        ] {
            let next = follow(&from, StatusCode::FOUND, &location(to)).unwrap();
            match (next, outcome) {
                (Ok(next), Ok(url)) => assert_eq!(address_fill::shown(&next.url), url),
                (Err(error), Err(words)) => {
                    let error = error.to_string();
                    assert!(
                        error.contains(words) && !error.contains("cret/x"),
                        "{error}"
                    );
                }
                (next, outcome) => panic!("{to}: {next:?}, not {outcome:?}"),
            }
        }
    }
}
