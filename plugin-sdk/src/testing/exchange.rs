//! What a plugin asks of the scripted host, and what that answers.

use std::fmt;

use serde::Serialize;

use crate::bindings::host::jarchi::plugin::http;
use crate::http::{Body, HttpError, Part, PartBody};

/// A request that the plugin made.
#[derive(Clone, Debug)]
pub struct Request {
    /// In upper case.
    pub method: String,
    /// With its query.
    pub url: String,
    /// As they were given.
    pub headers: Vec<(String, String)>,
    /// As it was given.
    pub body: Body,
}

impl Request {
    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(header, _)| header.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The body's bytes.
    ///
    /// # Panics
    /// It is made of media or parts.
    pub fn bytes(&self) -> &[u8] {
        match &self.body {
            Body::None => &[],
            Body::Bytes(bytes) => bytes,
            other => panic!("{self} has no bytes but {other:?}"),
        }
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// It is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(self.bytes())
            .unwrap_or_else(|error| panic!("{self} has no JSON body: {error}"))
    }

    /// A part of a multipart body.
    ///
    /// # Panics
    /// The body is another, or has no such part.
    pub fn part(&self, name: &str) -> &Part {
        let Body::Multipart(parts) = &self.body else {
            panic!("{self} is not multipart");
        };
        parts
            .iter()
            .find(|part| part.name == name)
            .unwrap_or_else(|| panic!("{self} has no part `{name}`"))
    }

    /// A part of text.
    ///
    /// # Panics
    /// The body is another, or the part is missing or media.
    pub fn part_text(&self, name: &str) -> String {
        match &self.part(name).body {
            PartBody::Bytes(bytes) => String::from_utf8(bytes.clone()).expect("UTF-8"),
            PartBody::Media(_) => panic!("part `{name}` of {self} is media"),
        }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.url)
    }
}

/// What the host answers to a request.
#[derive(Clone, Debug)]
pub struct Answer(pub(super) Result<http::Response, HttpError>);

impl Answer {
    /// Any body.
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Answer(Ok(http::Response {
            status,
            headers: vec![("content-type".into(), content_type.into())],
            body: body.into(),
            url: String::new(),
        }))
    }

    /// A JSON body.
    pub fn json<T: Serialize + ?Sized>(status: u16, body: &T) -> Self {
        let body = serde_json::to_vec(body).expect("the body is JSON");
        Answer::new(status, "application/json", body)
    }

    /// No body.
    pub fn empty(status: u16) -> Self {
        Answer::new(status, "text/plain", "")
    }

    /// No answer.
    pub fn error(error: HttpError) -> Self {
        Answer(Err(error))
    }

    /// With a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Ok(response) = &mut self.0 {
            response
                .headers
                .push((name.to_ascii_lowercase(), value.to_owned()));
        }
        self
    }

    /// From this address, after a redirect.
    #[must_use]
    pub fn from_url(mut self, url: &str) -> Self {
        if let Ok(response) = &mut self.0 {
            response.url = url.to_owned();
        }
        self
    }
}
