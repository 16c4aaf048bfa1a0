//! A connector and a platform in one thread, without a network: what the broker is in the
//! daemon.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use jarchi_plugin_sdk::http::{self, Body, HttpError, MediaSlice, PartBody};
use jarchi_plugin_sdk::testing::{self, Host};
use jarchi_plugin_sdk::{
    Delivery, Error, Finding, MediaItem, Outcome, Publisher, Receipt, Timestamp, clock,
};
use serde_json::Value;
use url::Url;

use crate::{Answer, Platform, Request, sign};

const BOUNDARY: &str = "a-boundary-that-no-file-holds";

/// What happens to a request on its way.
#[derive(Clone, Debug)]
pub enum Trouble {
    /// It arrives and is done, and the answer is lost.
    LoseAnswer,
    /// No connection: it never arrives.
    NotSent,
    /// It never arrives, and this comes back.
    Instead(Answer),
    /// It arrives and is done, and this comes back.
    After(Answer),
}

type Fault = Box<dyn FnMut(&Request) -> Option<Trouble>>;

struct Capture {
    path: String,
    pointer: String,
    secret: String,
}

#[derive(Default)]
struct Way {
    secrets: BTreeMap<String, String>,
    captures: Vec<Capture>,
    files: BTreeMap<String, Vec<u8>>,
    log: Vec<Request>,
    fault: Option<Fault>,
}

/// Why a delivery does not end by itself.
#[derive(Clone, Debug, PartialEq)]
pub enum Stuck {
    Error(Error),
    /// Whether it is published, a person has to see.
    CannotTell(String),
}

/// The connector's host, with a platform at the other end of every address.
pub struct Stage<P> {
    pub host: Host,
    pub platform: Rc<RefCell<P>>,
    way: Rc<RefCell<Way>>,
}

impl<P: Platform> Stage<P> {
    pub fn new(platform: P) -> Self {
        let host = Host::new();
        let platform = Rc::new(RefCell::new(platform));
        let way = Rc::new(RefCell::new(Way::default()));
        let (there, here) = (platform.clone(), way.clone());
        host.serve(move |request| carry(&here, &there, request));
        Stage {
            host,
            platform,
            way,
        }
    }

    /// What stands for `${secret:NAME}`.
    pub fn secret(&self, name: &str, value: &str) -> &Self {
        let secrets = &mut self.way.borrow_mut().secrets;
        secrets.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The secret as it is now: given, or captured.
    pub fn held(&self, name: &str) -> Option<String> {
        self.way.borrow().secrets.get(name).cloned()
    }

    /// As `[[secrets.NAME.capture]]`: taken out of answers from this path (`*` at the end
    /// matches any rest), at this JSON pointer.
    pub fn capture(&self, secret: &str, path: &str, pointer: &str) -> &Self {
        self.way.borrow_mut().captures.push(Capture {
            path: path.to_owned(),
            pointer: pointer.to_owned(),
            secret: secret.to_owned(),
        });
        self
    }

    /// A file of the post.
    pub fn file(&self, name: &str, mime: &str, bytes: impl Into<Vec<u8>>) -> MediaItem {
        let bytes = bytes.into();
        let item = testing::media(name, mime, bytes.len() as u64);
        self.host.file(name, mime, bytes.clone());
        let files = &mut self.way.borrow_mut().files;
        files.insert(name.to_owned(), bytes);
        item
    }

    /// From now on, requests meet this.
    pub fn trouble(&self, fault: impl FnMut(&Request) -> Option<Trouble> + 'static) {
        self.way.borrow_mut().fault = Some(Box::new(fault));
    }

    /// The next request of this method and the path's ending meets this, once.
    pub fn trouble_once(&self, method: &str, ending: &str, trouble: Trouble) {
        let (method, ending) = (method.to_owned(), ending.to_owned());
        let mut left = Some(trouble);
        self.trouble(move |request| {
            if request.method == method && request.path().ends_with(&ending) {
                return left.take();
            }
            None
        });
    }

    pub fn no_trouble(&self) {
        self.way.borrow_mut().fault = None;
    }

    /// The requests so far, as they arrived, and forgets them.
    pub fn requests(&self) -> Vec<Request> {
        std::mem::take(&mut self.way.borrow_mut().log)
    }

    /// The requests so far as `METHOD /path`, and forgets them.
    pub fn called(&self) -> Vec<String> {
        let requests = self.requests();
        let line = |request: &Request| format!("{} {}", request.method, request.path());
        requests.iter().map(line).collect()
    }

    /// Calls the connector as the queue does, to the end.
    pub fn publish<C: Publisher>(&self, delivery: &Delivery) -> Result<Receipt, Error> {
        self.go_on::<C>(delivery, C::publish(delivery)?)
    }

    /// Goes on after a step.
    pub fn go_on<C: Publisher>(
        &self,
        delivery: &Delivery,
        mut outcome: Outcome,
    ) -> Result<Receipt, Error> {
        for _ in 0..1000 {
            match outcome {
                Outcome::Published(receipt) => return Ok(receipt),
                Outcome::Processing(progress) => {
                    assert!(progress.state.len() <= 64 << 10, "the state is too long");
                    self.host.advance(progress.after);
                    let state = serde_json::from_str(&progress.state).expect("its own state");
                    outcome = C::resume(delivery, state)?;
                }
            }
        }
        panic!("it does not end");
    }

    /// As the queue: repeats what is harmless, looks up what is unknown and goes on from
    /// what was found. Also how often it looked.
    ///
    /// # Errors
    /// The first error that ends a delivery, or the look-up that puts it before a person.
    pub fn persist<C: Publisher>(&self, delivery: &Delivery) -> Result<(Receipt, usize), Stuck>
    where
        C::State: Clone,
    {
        let since = self.now();
        let mut state: Option<C::State> = None;
        let (mut attempt, mut looks) = (0, 0);
        for _ in 0..200 {
            attempt += 1;
            let delivery = Delivery {
                attempt,
                ..delivery.clone()
            };
            let outcome = match state.clone() {
                None => C::publish(&delivery),
                Some(state) => C::resume(&delivery, state),
            };
            let progress = match outcome {
                Ok(Outcome::Published(receipt)) => return Ok((receipt, looks)),
                Ok(Outcome::Processing(progress)) => progress,
                Err(Error::UnknownOutcome(_)) => {
                    looks += 1;
                    self.host.advance(60_000);
                    let found = C::find_published(&delivery, state.clone(), since);
                    match found.map_err(Stuck::Error)? {
                        Finding::Found(receipt) => return Ok((receipt, looks)),
                        Finding::Partial(progress) => progress,
                        Finding::Absent => continue,
                        Finding::CannotTell(reason) => return Err(Stuck::CannotTell(reason)),
                    }
                }
                Err(Error::Transient(_)) => {
                    self.host.advance(60_000);
                    continue;
                }
                Err(Error::RateLimited(wait)) => {
                    self.host.advance(wait.unwrap_or(60_000));
                    continue;
                }
                Err(error) => return Err(Stuck::Error(error)),
            };
            self.host.advance(progress.after);
            state = Some(serde_json::from_str(&progress.state).expect("its own state"));
            attempt = 0;
        }
        panic!("it does not end");
    }

    pub fn now(&self) -> Timestamp {
        clock::now()
    }
}

fn carry<P: Platform>(
    way: &Rc<RefCell<Way>>,
    platform: &Rc<RefCell<P>>,
    request: &testing::Request,
) -> testing::Answer {
    let arrived = match arrived(&way.borrow(), request) {
        Ok(arrived) => arrived,
        Err(error) => return testing::Answer::error(error),
    };
    way.borrow_mut().log.push(arrived.clone());
    let fault = way.borrow_mut().fault.take();
    let mut trouble = None;
    if let Some(mut fault) = fault {
        trouble = fault(&arrived);
        way.borrow_mut().fault.get_or_insert(fault);
    }
    let done = || platform.borrow_mut().answer(&arrived, clock::now());
    let answer = match trouble {
        None => done(),
        Some(Trouble::Instead(answer)) => answer,
        Some(Trouble::After(answer)) => {
            done();
            answer
        }
        Some(Trouble::LoseAnswer) => {
            done();
            let error = HttpError::NoAnswer("the connection was reset".into());
            return testing::Answer::error(error);
        }
        Some(Trouble::NotSent) => {
            let error = HttpError::NotSent("no connection".into());
            return testing::Answer::error(error);
        }
    };
    let mut way = way.borrow_mut();
    let body = captured(&mut way, arrived.path(), answer.body);
    let mut back = testing::Answer::new(answer.status, "", body);
    for (name, value) in &answer.headers {
        back = back.header(name, value);
    }
    back
}

fn captured(way: &mut Way, path: &str, body: Vec<u8>) -> Vec<u8> {
    let Ok(mut value) = serde_json::from_slice::<Value>(&body) else {
        return body;
    };
    let mut changed = false;
    for capture in &way.captures {
        let fits = match capture.path.strip_suffix('*') {
            Some(start) => path.starts_with(start),
            None => path == capture.path,
        };
        if fits && let Some(found) = value.pointer_mut(&capture.pointer) {
            let secret = found.as_str().expect("a token is text").to_owned();
            *found = format!("${{secret:{}}}", capture.secret).into();
            way.secrets.insert(capture.secret.clone(), secret);
            changed = true;
        }
    }
    if changed {
        value.to_string().into_bytes()
    } else {
        body
    }
}

fn arrived(way: &Way, request: &testing::Request) -> Result<Request, HttpError> {
    let url = filled(way, &request.url)?;
    let mut headers = Vec::new();
    for (name, value) in &request.headers {
        headers.push((name.to_ascii_lowercase(), filled(way, value)?));
    }
    let body = match &request.body {
        Body::None => vec![],
        Body::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => filled(way, text)?.into_bytes(),
            Err(_) => bytes.clone(),
        },
        Body::Media(slice) => slice_of(way, slice),
        Body::Multipart(parts) => {
            let kind = format!("multipart/form-data; boundary={BOUNDARY}");
            headers.push(("content-type".into(), kind));
            let mut body = Vec::new();
            for part in parts {
                body.extend(format!("--{BOUNDARY}\r\n").bytes());
                body.extend(
                    format!("content-disposition: form-data; name=\"{}\"", part.name).bytes(),
                );
                if let Some(filename) = &part.filename {
                    body.extend(format!("; filename=\"{filename}\"").bytes());
                }
                if let Some(kind) = &part.content_type {
                    body.extend(format!("\r\ncontent-type: {kind}").bytes());
                }
                body.extend(b"\r\n\r\n");
                match &part.body {
                    PartBody::Bytes(bytes) => match std::str::from_utf8(bytes) {
                        Ok(text) => body.extend(with_addresses(way, text)?.bytes()),
                        Err(_) => body.extend(bytes),
                    },
                    PartBody::Media(slice) => body.extend(slice_of(way, slice)),
                }
                body.extend(b"\r\n");
            }
            body.extend(format!("--{BOUNDARY}--\r\n").bytes());
            body
        }
    };
    signed(way, &mut headers, &body)?;
    Ok(Request {
        method: request.method.clone(),
        url: Url::parse(&url).map_err(|error| HttpError::Invalid(error.to_string()))?,
        headers,
        body,
    })
}

impl Request {
    /// A request to a scripted host as it would arrive, to be shown to a referee: the
    /// placeholders of secrets stay, and files are empty.
    ///
    /// # Panics
    /// Its address is none.
    pub fn scripted(request: &testing::Request) -> Self {
        let mut way = Way::default();
        let whole = format!("{request:?}");
        for after in whole.split("${secret:").skip(1) {
            let name = after.split('}').next().unwrap_or_default();
            way.secrets.insert(name.to_owned(), http::secret(name));
        }
        let mut request = request.clone();
        let mut empty = |slice: &mut MediaSlice| {
            (slice.offset, slice.length) = (0, None);
            way.files.insert(slice.id.clone(), vec![]);
        };
        match &mut request.body {
            Body::Media(slice) => empty(slice),
            Body::Multipart(parts) => {
                for part in parts {
                    if let PartBody::Media(slice) = &mut part.body {
                        empty(slice);
                    }
                }
            }
            Body::None | Body::Bytes(_) => {}
        }
        arrived(&way, &request).expect("the address can be read")
    }
}

/// As the broker: `${hmac-sha256:NAME}` beside a `webhook-id` is that of Standard Webhooks,
/// else one over the body.
fn signed(way: &Way, headers: &mut [(String, String)], body: &[u8]) -> Result<(), HttpError> {
    const OPENING: &str = "${hmac-sha256:";
    let told = |name: &str| {
        let found = headers.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.clone())
    };
    let message = told("webhook-id").zip(told("webhook-timestamp"));
    for (name, value) in headers {
        let Some((before, rest)) = value.split_once(OPENING) else {
            continue;
        };
        let (secret, after) = rest.split_once('}').expect("a placeholder ends");
        let Some(key) = way.secrets.get(secret) else {
            return Err(HttpError::MissingSecret(secret.to_owned()));
        };
        let signature = match &message {
            Some((id, timestamp)) if name == "webhook-signature" => {
                sign::standard(key, id, timestamp, body)
            }
            _ => sign::over_body(key, body),
        };
        *value = format!("{before}{signature}{after}");
    }
    Ok(())
}

fn slice_of(way: &Way, slice: &MediaSlice) -> Vec<u8> {
    let bytes = &way.files[&slice.id];
    let start = slice.offset as usize;
    let end = slice
        .length
        .map_or(bytes.len(), |length| start + length as usize);
    bytes[start..end].to_vec()
}

/// With the secrets and the files' public addresses in their places.
fn filled(way: &Way, text: &str) -> Result<String, HttpError> {
    let text = &with_addresses(way, text)?;
    let mut whole = String::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once("${secret:") {
        let (name, after) = after.split_once('}').expect("a placeholder ends");
        let Some(value) = way.secrets.get(name) else {
            return Err(HttpError::MissingSecret(name.to_owned()));
        };
        whole.push_str(before);
        whole.push_str(value);
        rest = after;
    }
    Ok(whole + rest)
}

/// `${media-url:ID}` is `https://media.example/ID` here, percent-encoded where it was so.
fn with_addresses(way: &Way, text: &str) -> Result<String, HttpError> {
    let mut whole = text.to_owned();
    for (opening, end, address) in [
        ("${media-url:", "}", "https://media.example/"),
        (
            "%24%7Bmedia-url%3A",
            "%7D",
            "https%3A%2F%2Fmedia.example%2F",
        ),
    ] {
        while let Some((before, after)) = whole.split_once(opening) {
            let Some((id, after)) = after.split_once(end) else {
                return Err(HttpError::Invalid("a placeholder is not whole".into()));
            };
            if !way.files.contains_key(id) {
                return Err(HttpError::Invalid(format!("no file `{id}`")));
            }
            whole = format!("{before}{address}{id}{after}");
        }
    }
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use jarchi_plugin_sdk::media;

    use super::*;

    struct Echo;

    impl Platform for Echo {
        fn answer(&mut self, request: &Request, _: Timestamp) -> Answer {
            let body = String::from_utf8_lossy(&request.body);
            Answer::new(200, "text/plain", format!("{} {body}", request.url))
        }
    }

    #[test]
    fn a_file_has_an_address_wherever_text_goes() {
        let stage = Stage::new(Echo);
        let url = media::public_url(&stage.file("one.jpg", "image/jpeg", *b"x"));
        let said = |request: http::Request| request.read().expect("an answer").text().into_owned();

        let json = http::post("https://api.example/").json(&serde_json::json!({ "url": url }));
        assert_eq!(
            said(json),
            r#"https://api.example/ {"url":"https://media.example/one.jpg"}"#
        );
        let form = http::post("https://api.example/").form([("url", url.as_str())]);
        assert_eq!(
            said(form),
            "https://api.example/ url=https%3A%2F%2Fmedia.example%2Fone.jpg"
        );
        let query = http::post("https://api.example/").query("url", &url);
        assert_eq!(
            said(query).trim(),
            "https://api.example/?url=https%3A%2F%2Fmedia.example%2Fone.jpg"
        );
        let other = http::post("https://api.example/").query("url", "${media-url:two.jpg}");
        assert!(matches!(other.send(), Err(http::HttpError::Invalid(_))));
    }
}
