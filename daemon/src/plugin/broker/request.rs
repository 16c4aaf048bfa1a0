//! What a request may look like, whoever it goes to.

use http::{HeaderName, Method};
use url::Url;

use super::{Body, Error, PartBody, Request};

const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
/// Bytes.
const LONGEST_URL: usize = 8 << 10;
const MOST_HEADERS: usize = 64;
const LONGEST_NAME: usize = 128;
const LONGEST_VALUE: usize = 8 << 10;
const MOST_PARTS: usize = 64;

/// Headers that are the broker's: about the connection, the length, the encoding.
const RESERVED: [&str; 15] = [
    "accept-encoding",
    "alt-used",
    "connection",
    "content-encoding",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-forwarded-for",
];

/// A request whose form has been checked; the values still hold placeholders.
#[derive(Debug)]
pub(super) struct Checked {
    pub method: Method,
    pub url: Url,
    pub headers: Vec<(HeaderName, String)>,
}

pub(super) fn check(request: &Request) -> Result<Checked, Error> {
    let method = check_method(&request.method)?;
    let url = check_url(&request.url)?;
    if request.headers.len() > MOST_HEADERS {
        return invalid(format!(
            "{} headers, and {MOST_HEADERS} are allowed",
            request.headers.len()
        ));
    }
    let mut headers = Vec::with_capacity(request.headers.len());
    for (name, value) in &request.headers {
        headers.push((check_header(name, value)?, value.clone()));
    }
    let has_body = !matches!(request.body, Body::None);
    if has_body && (method == Method::GET || method == Method::HEAD) {
        return invalid(format!("a {method} request has no body"));
    }
    if let Body::Multipart(parts) = &request.body {
        if headers
            .iter()
            .any(|(name, _)| name == http::header::CONTENT_TYPE)
        {
            return invalid(
                "the header `content-type` of a multipart body is set by the host, with its boundary"
                    .to_owned(),
            );
        }
        if parts.len() > MOST_PARTS {
            return invalid(format!(
                "{} parts, and {MOST_PARTS} are allowed",
                parts.len()
            ));
        }
        for part in parts {
            check_part_text("name", Some(&part.name))?;
            check_part_text("filename", part.filename.as_deref())?;
            check_part_text("content type", part.content_type.as_deref())?;
        }
    }
    Ok(Checked {
        method,
        url,
        headers,
    })
}

fn invalid<T>(text: String) -> Result<T, Error> {
    Err(Error::Invalid(text))
}

fn check_method(text: &str) -> Result<Method, Error> {
    if let Some(known) = METHODS
        .iter()
        .find(|known| text.eq_ignore_ascii_case(known))
        && *known != text
    {
        return invalid(format!("the method `{text}` is written `{known}`"));
    }
    if !METHODS.contains(&text) {
        return invalid(format!(
            "`{}` is not one of the methods {}",
            shown(text),
            METHODS.join(", ")
        ));
    }
    Method::from_bytes(text.as_bytes()).or_else(|error| invalid(error.to_string()))
}

/// Parses a URL as browsers do, so that odd spellings of a host come out as what they mean.
pub(super) fn check_url(text: &str) -> Result<Url, Error> {
    if text.len() > LONGEST_URL {
        return invalid(format!(
            "a URL of {} bytes, and {LONGEST_URL} are allowed",
            text.len()
        ));
    }
    let mut url = Url::parse(text)
        .or_else(|error| invalid(format!("`{}` is not a URL: {error}", shown(text))))?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err(Error::Denied(format!(
            "`{}:` is not allowed: only https, and http where a grant says `plain_http`",
            shown(url.scheme())
        )));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::Denied(
            "a user name or password in a URL is not allowed: use the header `authorization`"
                .to_owned(),
        ));
    }
    if url.port() == Some(0) {
        return invalid("port 0 is not a port".to_owned());
    }
    url.set_fragment(None);
    // `example.org.` is `example.org`, to the list and to the server.
    if let Some(host) = url.host_str().and_then(|host| host.strip_suffix('.')) {
        let host = host.to_owned();
        url.set_host(Some(&host))
            .or_else(|error| invalid(format!("`{}` is not a URL: {error}", shown(text))))?;
    }
    Ok(url)
}

fn check_header(name: &str, value: &str) -> Result<HeaderName, Error> {
    if name.len() > LONGEST_NAME || value.len() > LONGEST_VALUE {
        return invalid(format!(
            "the header `{}` is too long: {LONGEST_NAME} bytes of name and {LONGEST_VALUE} of value are allowed",
            shown(name)
        ));
    }
    let parsed = HeaderName::from_bytes(name.as_bytes())
        .or_else(|_| invalid(format!("`{}` is not a header's name", shown(name))))?;
    let lower = parsed.as_str();
    if lower == "cookie" || lower == "cookie2" {
        return Err(Error::Denied(
            "the header `cookie` is not allowed: plugins hold no browser sessions".to_owned(),
        ));
    }
    if RESERVED.contains(&lower) || lower.starts_with("proxy-") {
        return Err(Error::Denied(format!(
            "the header `{lower}` is not allowed: the broker sets what is needed of it"
        )));
    }
    if value.bytes().any(is_control) {
        return invalid(format!(
            "the header `{lower}` holds a line break or another control character"
        ));
    }
    Ok(parsed)
}

fn check_part_text(what: &str, text: Option<&str>) -> Result<(), Error> {
    let Some(text) = text else { return Ok(()) };
    if text.len() > LONGEST_VALUE {
        return invalid(format!(
            "a part's {what} has {} bytes, and {LONGEST_VALUE} are allowed",
            text.len()
        ));
    }
    if text.bytes().any(is_control) {
        return invalid(format!(
            "a part's {what} holds a line break or another control character"
        ));
    }
    Ok(())
}

/// What can't stand in a header: all control characters but the tab.
pub(super) fn is_control(byte: u8) -> bool {
    (byte < 0x20 && byte != b'\t') || byte == 0x7f
}

/// A text from the guest, shortened for an error, without control characters.
pub(super) fn shown(text: &str) -> String {
    let mut short: String = text
        .chars()
        .take(80)
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect();
    if short.len() < text.len() && text.chars().nth(80).is_some() {
        short.push('…');
    }
    short
}

/// Bytes that the guest hands over; media are counted too.
pub(super) fn body_length(body: &Body) -> u64 {
    match body {
        Body::None => 0,
        Body::Bytes(bytes) => bytes.len() as u64,
        Body::Media(slice) => slice.length,
        Body::Multipart(parts) => parts
            .iter()
            .map(|part| match &part.body {
                PartBody::Bytes(bytes) => bytes.len() as u64,
                PartBody::Media(slice) => slice.length,
            })
            .fold(0, u64::saturating_add),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Part;
    use super::*;

    fn request(method: &str, url: &str) -> Request {
        Request {
            method: method.to_owned(),
            url: url.to_owned(),
            headers: Vec::new(),
            body: Body::None,
            timeout: None,
        }
    }

    #[test]
    fn methods_and_urls() {
        for (method, url, fault) in [
            ("GET", "https://example.org/a?b=c#d", None),
            ("PATCH", "http://example.org:8080", None),
            ("get", "https://example.org", Some("written `GET`")),
            ("CONNECT", "https://example.org", Some("one of the methods")),
            ("TRACE", "https://example.org", Some("one of the methods")),
            ("GET /x", "https://example.org", Some("one of the methods")),
            ("GET", "example.org", Some("not a URL")),
            ("GET", "/path", Some("not a URL")),
            ("GET", "https://", Some("not a URL")),
            ("GET", "ftp://example.org", Some("only https")),
            ("GET", "file:///etc/passwd", Some("only https")),
            ("GET", "unix:/run/x.sock", Some("only https")),
            ("GET", "https://me:word@example.org", Some("user name")),
            ("GET", "https://me@example.org", Some("user name")),
            ("GET", "https://example.org:0/", Some("port 0")),
            ("GET", "https://exa mple.org/", Some("not a URL")),
        ] {
            match (check(&request(method, url)), fault) {
                (Ok(_), None) => {}
                (Err(error), Some(fault)) => {
                    assert!(error.to_string().contains(fault), "{method} {url}: {error}");
                }
                (outcome, fault) => panic!("{method} {url}: {outcome:?}, not {fault:?}"),
            }
        }
        let long = format!("https://example.org/{}", "a".repeat(LONGEST_URL));
        assert!(check(&request("GET", &long)).is_err());
    }

    #[test]
    fn urls_are_what_they_mean() {
        for (text, url) in [
            ("HTTPS://Example.ORG./x#y", "https://example.org/x"),
            ("https:\\\\example.org\\x", "https://example.org/x"),
            ("https://0x7f.1/", "https://127.0.0.1/"),
            ("https://2130706433/", "https://127.0.0.1/"),
            ("https://example.org:443/a/../b", "https://example.org/b"),
            ("https://əlifba.az/", "https://xn--lifba-dlc.az/"),
        ] {
            assert_eq!(check_url(text).unwrap().as_str(), url, "{text}");
        }
    }

    #[test]
    fn headers() {
        for (name, value, fault) in [
            ("Accept", "application/json", None),
            ("content-type", "text/plain; charset=utf-8", None),
            ("Authorization", "Bearer ${secret:token}", None),
            ("Idempotency-Key", "abc", None),
            ("User-Agent", "mine/1", None),
            ("x-title", "bağ", None),
            ("Host", "evil.example", Some("not allowed")),
            ("Content-Length", "5", Some("not allowed")),
            ("transfer-encoding", "chunked", Some("not allowed")),
            ("Connection", "close", Some("not allowed")),
            ("Proxy-Authorization", "Basic x", Some("not allowed")),
            ("TE", "trailers", Some("not allowed")),
            ("Upgrade", "h2c", Some("not allowed")),
            ("Accept-Encoding", "br", Some("not allowed")),
            ("Cookie", "a=b", Some("no browser sessions")),
            ("x-a", "b\r\nx-c: d", Some("line break")),
            ("x-a", "b\nc", Some("line break")),
            ("x-a", "b\0c", Some("line break")),
            ("x a", "b", Some("not a header's name")),
            ("x-a:", "b", Some("not a header's name")),
            ("", "b", Some("not a header's name")),
        ] {
            let mut request = request("GET", "https://example.org");
            request.headers.push((name.to_owned(), value.to_owned()));
            match (check(&request), fault) {
                (Ok(_), None) => {}
                (Err(error), Some(fault)) => {
                    assert!(error.to_string().contains(fault), "{name}: {error}");
                }
                (outcome, fault) => panic!("{name}: {outcome:?}, not {fault:?}"),
            }
        }
        let mut many = request("GET", "https://example.org");
        many.headers = vec![("x-a".to_owned(), "b".to_owned()); MOST_HEADERS + 1];
        assert!(
            check(&many)
                .unwrap_err()
                .to_string()
                .contains("64 are allowed")
        );
        let mut long = request("GET", "https://example.org");
        long.headers = vec![("x-a".to_owned(), "b".repeat(LONGEST_VALUE + 1))];
        assert!(check(&long).unwrap_err().to_string().contains("too long"));
    }

    #[test]
    fn bodies() {
        let part = |name: &str, filename: Option<&str>| Part {
            name: name.to_owned(),
            filename: filename.map(str::to_owned),
            content_type: None,
            body: PartBody::Bytes(b"x".to_vec()),
        };
        let mut request = request("GET", "https://example.org");
        request.body = Body::Bytes(b"x".to_vec());
        assert!(check(&request).unwrap_err().to_string().contains("no body"));
        request.method = "POST".to_owned();
        assert!(check(&request).is_ok());
        request.body = Body::Multipart(vec![part("a", Some("b\".png"))]);
        assert!(check(&request).is_ok());
        request.body = Body::Multipart(vec![part("a", Some("b\r\nx: y"))]);
        assert!(
            check(&request)
                .unwrap_err()
                .to_string()
                .contains("filename")
        );
        request.body = Body::Multipart(vec![part("a", None)]);
        request
            .headers
            .push(("content-type".to_owned(), "text/plain".to_owned()));
        assert!(
            check(&request)
                .unwrap_err()
                .to_string()
                .contains("boundary")
        );
    }
}
