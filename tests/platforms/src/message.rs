//! Requests as they arrive, and answers.

use std::collections::BTreeMap;

use serde_json::Value;
use url::Url;

/// A request as it arrived: secrets in their places, media as bytes.
#[derive(Clone, Debug)]
pub struct Request {
    /// In upper case.
    pub method: String,
    pub url: Url,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// One part of a form.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    pub name: String,
    pub filename: Option<String>,
    pub content_type: Option<String>,
    pub bytes: Vec<u8>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str())
    }

    pub fn path(&self) -> &str {
        self.url.path()
    }

    /// The parameters of the address; of a name that comes twice, the last.
    pub fn query(&self) -> BTreeMap<String, String> {
        self.url.query_pairs().into_owned().collect()
    }

    /// The fields of a urlencoded body.
    pub fn form(&self) -> BTreeMap<String, String> {
        url::form_urlencoded::parse(&self.body)
            .into_owned()
            .collect()
    }

    /// The body as JSON; none where it is not.
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The media type of the body, without parameters.
    pub fn content_type(&self) -> &str {
        let whole = self.header("content-type").unwrap_or_default();
        whole.split(';').next().unwrap_or_default().trim()
    }

    /// The token behind `Bearer`.
    pub fn bearer(&self) -> Option<&str> {
        self.header("authorization")?.strip_prefix("Bearer ")
    }

    /// The parts of a `multipart/form-data` body.
    ///
    /// # Panics
    /// It is not well formed.
    pub fn parts(&self) -> Vec<Part> {
        let whole = self.header("content-type").expect("a content type");
        let (_, boundary) = whole.split_once("boundary=").expect("a boundary");
        let boundary = boundary.split(';').next().unwrap_or_default();
        let boundary = format!("\r\n--{}", boundary.trim_matches('"'));
        // The first boundary has no line before it.
        let body = [b"\r\n", self.body.as_slice()].concat();
        let mut starts = find_all(&body, boundary.as_bytes());
        let end = starts.pop().expect("a last boundary");
        assert!(body[end + boundary.len()..].starts_with(b"--"));
        starts
            .iter()
            .zip(starts.iter().skip(1).chain([&end]))
            .map(|(start, end)| part(&body[start + boundary.len() + 2..*end]))
            .collect()
    }
}

fn find_all(whole: &[u8], wanted: &[u8]) -> Vec<usize> {
    let places = 0..(whole.len() + 1).saturating_sub(wanted.len());
    places
        .filter(|at| whole[*at..].starts_with(wanted))
        .collect()
}

fn part(bytes: &[u8]) -> Part {
    let gap = find_all(bytes, b"\r\n\r\n")[0];
    let head = std::str::from_utf8(&bytes[..gap]).expect("UTF-8");
    let header = |name: &str| {
        head.lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim().to_owned())
    };
    let disposition = header("content-disposition").expect("a disposition");
    let parameter = |name: &str| {
        let (_, rest) = disposition.split_once(&format!("; {name}=\""))?;
        rest.split('"').next().map(str::to_owned)
    };
    Part {
        name: parameter("name").expect("a name"),
        filename: parameter("filename"),
        content_type: header("content-type"),
        bytes: bytes[gap + 4..].to_vec(),
    }
}

/// What the platform answers.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Answer {
            status,
            headers: vec![("content-type".into(), content_type.into())],
            body: body.into(),
        }
    }

    pub fn json(status: u16, body: &Value) -> Self {
        Answer::new(status, "application/json", body.to_string())
    }

    pub fn empty(status: u16) -> Self {
        Answer {
            status,
            headers: vec![],
            body: vec![],
        }
    }

    #[must_use]
    pub fn header(mut self, name: &str, value: impl ToString) -> Self {
        let name = name.to_ascii_lowercase();
        self.headers.push((name, value.to_string()));
        self
    }
}
