//! Requests, carried by the host's broker.
//!
//! How a request ends decides what its failure means. [`Request::read`] is for those that
//! publish nothing and are harmless to repeat: reading, uploading a file that nobody sees
//! yet. [`Request::commit`] is for the irreversible ones: where no clear answer comes, the
//! outcome is unknown, and the host looks for the post before it sends anything again.

mod classify;
mod form;
mod paging;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use crate::bindings::host::jarchi::plugin::http::{
    Body, Error as HttpError, MediaSlice, Part, PartBody,
};
pub use form::{Multipart, encode};
pub use paging::{Cursors, Pages, cursors, pages};

use crate::bindings::host::jarchi::plugin::http as raw;
use crate::{Error, Millis, Result};

/// The placeholder of a secret: the broker puts the secret in its place, where the
/// manifest allows it.
pub fn secret(name: &str) -> String {
    format!("${{secret:{name}}}")
}

/// The placeholder of a signature (HMAC with SHA-256) that is made with a secret: in a
/// header, alone or behind a prefix, where the manifest has `sign` at the secret's place.
/// The broker computes it over what is sent.
pub fn signature(name: &str) -> String {
    format!("${{hmac-sha256:{name}}}")
}

/// A `GET` request.
pub fn get(url: impl Into<String>) -> Request {
    Request::new("GET", url)
}

/// A `POST` request.
pub fn post(url: impl Into<String>) -> Request {
    Request::new("POST", url)
}

/// A `PUT` request.
pub fn put(url: impl Into<String>) -> Request {
    Request::new("PUT", url)
}

/// A `PATCH` request.
pub fn patch(url: impl Into<String>) -> Request {
    Request::new("PATCH", url)
}

/// A `DELETE` request.
pub fn delete(url: impl Into<String>) -> Request {
    Request::new("DELETE", url)
}

/// A request under construction.
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before `read`, `commit` or `send`"]
pub struct Request {
    inner: raw::Request,
    /// What went wrong while it was built; told when it is sent.
    fault: Option<String>,
}

/// What is at stake when a request fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stake {
    Read,
    Commit,
}

impl Request {
    /// A request with any method.
    pub fn new(method: &str, url: impl Into<String>) -> Self {
        Request {
            inner: raw::Request {
                method: method.to_owned(),
                url: url.into(),
                headers: Vec::new(),
                body: Body::None,
                timeout: None,
            },
            fault: None,
        }
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.inner.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Adds `authorization: Bearer …` with the placeholder of a secret.
    pub fn bearer(self, name: &str) -> Self {
        self.header("authorization", format!("Bearer {}", secret(name)))
    }

    /// Adds a parameter to the query.
    pub fn query(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        let url = &mut self.inner.url;
        let fragment = url.find('#').map(|at| url.split_off(at));
        let separator = match url.find('?') {
            None => "?",
            Some(at) if at + 1 == url.len() || url.ends_with('&') => "",
            Some(_) => "&",
        };
        url.push_str(separator);
        url.push_str(&encode(name));
        url.push('=');
        url.push_str(&encode(&value.to_string()));
        url.push_str(&fragment.unwrap_or_default());
        self
    }

    /// Adds a parameter with the placeholder of a secret to the query, where the manifest
    /// has a place with `url = true` for it.
    pub fn query_secret(mut self, parameter: &str, name: &str) -> Self {
        self = self.query(parameter, "");
        let fragment = self.inner.url.find('#');
        let end = fragment.unwrap_or(self.inner.url.len());
        self.inner.url.insert_str(end, &secret(name));
        self
    }

    /// A JSON body.
    pub fn json<T: Serialize + ?Sized>(mut self, value: &T) -> Self {
        match serde_json::to_vec(value) {
            Ok(bytes) => self.body("application/json", bytes),
            Err(error) => {
                self.fault = Some(format!("the body is no JSON: {error}"));
                self
            }
        }
    }

    /// A form body (`application/x-www-form-urlencoded`). Placeholders of secrets stay as
    /// they are.
    pub fn form<N: AsRef<str>, V: AsRef<str>>(
        self,
        fields: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        self.body(
            "application/x-www-form-urlencoded",
            form::urlencoded(fields).into_bytes(),
        )
    }

    /// Any bytes.
    pub fn body(mut self, content_type: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.inner.body = Body::Bytes(bytes.into());
        self.content_type(content_type)
    }

    /// A whole media file, streamed by the host.
    pub fn media(self, content_type: &str, id: impl Into<String>) -> Self {
        self.media_slice(
            content_type,
            MediaSlice {
                id: id.into(),
                offset: 0,
                length: None,
            },
        )
    }

    /// A range of a media file, streamed by the host.
    pub fn media_slice(mut self, content_type: &str, slice: MediaSlice) -> Self {
        self.inner.body = Body::Media(slice);
        self.content_type(content_type)
    }

    /// A `multipart/form-data` body; the host sets the content type.
    pub fn multipart(mut self, parts: Multipart) -> Self {
        self.inner.body = Body::Multipart(parts.into_parts());
        self
    }

    /// A limit of its own, in milliseconds; never longer than the operator's.
    pub fn timeout(mut self, limit: Millis) -> Self {
        self.inner.timeout = Some(limit);
        self
    }

    fn content_type(mut self, value: &str) -> Self {
        self.inner
            .headers
            .retain(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
        self.header("content-type", value)
    }

    /// Sends what publishes nothing and is harmless to repeat.
    ///
    /// # Errors
    /// Every answer that is not a success (2xx, or 304), in the queue's terms: see
    /// [`Response::for_read`].
    pub fn read(self) -> Result<Response> {
        match self.send() {
            Ok(response) => response.for_read(),
            Err(error) => Err(classify::unsent(error, Stake::Read)),
        }
    }

    /// Sends what can't be taken back.
    ///
    /// # Errors
    /// Every answer that is not a success, in the queue's terms: see
    /// [`Response::for_commit`].
    pub fn commit(self) -> Result<Response> {
        match self.send() {
            Ok(response) => response.for_commit(),
            Err(error) => Err(classify::unsent(error, Stake::Commit)),
        }
    }

    /// Sends it, and answers with whatever came back.
    ///
    /// # Errors
    /// No answer came. `?` in a function that returns [`Error`] takes it for a commit.
    pub fn send(self) -> Result<Response, HttpError> {
        if let Some(fault) = self.fault {
            return Err(HttpError::Invalid(fault));
        }
        crate::host::send(&self.inner).map(|answer| Response {
            status: answer.status,
            headers: answer.headers,
            body: answer.body,
            url: answer.url,
            stake: Stake::Commit,
        })
    }

    pub(crate) fn url_mut(&mut self) -> &mut String {
        &mut self.inner.url
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
    /// The address that answered, after redirects.
    pub url: String,
    stake: Stake,
}

impl Response {
    /// 2xx.
    pub const fn is_success(&self) -> bool {
        self.status >= 200 && self.status < 300
    }

    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(header, _)| header.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The body as text; what is no UTF-8 is replaced.
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// It is none, or another shape: `Transient` after a read, `UnknownOutcome` after a
    /// commit.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let reason = format!(
                "{} answered {} with {error}",
                classify::host(&self.url),
                self.status
            );
            match self.stake {
                Stake::Read => Error::Transient(reason),
                Stake::Commit => Error::UnknownOutcome(reason),
            }
        })
    }

    /// What the platform says of its refusal, in its own words.
    pub fn message(&self) -> String {
        classify::message(self)
    }

    /// The answer to something that is harmless to repeat. 2xx and 304 are a success.
    ///
    /// # Errors
    /// 401 and 403: `Unauthorized`. 429: `RateLimited`. 408, 425 and 5xx: `Transient`
    /// (`RateLimited` where the platform says when to come back). Else `Invalid`.
    pub fn for_read(mut self) -> Result<Self> {
        self.stake = Stake::Read;
        if self.is_success() || self.status == 304 {
            return Ok(self);
        }
        Err(classify::refused(&self, Stake::Read))
    }

    /// The answer to something irreversible. 2xx is a success.
    ///
    /// # Errors
    /// 401 and 403: `Unauthorized`. 429: `RateLimited`. 408 and 5xx: `UnknownOutcome`.
    /// Else `Invalid`.
    pub fn for_commit(mut self) -> Result<Self> {
        self.stake = Stake::Commit;
        if self.is_success() {
            return Ok(self);
        }
        Err(classify::refused(&self, Stake::Commit))
    }

    /// How long the platform asks to wait (milliseconds), by `retry-after` or a header of
    /// the `ratelimit` families.
    pub fn retry_after(&self) -> Option<Millis> {
        classify::retry_after(self, crate::clock::now())
    }

    /// The address of a relation (`next`, `prev`) in the `link` header.
    pub fn link(&self, relation: &str) -> Option<String> {
        paging::link(self.headers.iter(), relation, &self.url)
    }
}

/// What no answer means after a request that is harmless to repeat.
pub fn read_error(error: HttpError) -> Error {
    classify::unsent(error, Stake::Read)
}

/// As for a commit: an answer that did not come leaves the outcome unknown.
impl From<HttpError> for Error {
    fn from(error: HttpError) -> Self {
        classify::unsent(error, Stake::Commit)
    }
}
