//! Percent-encoding, forms and multipart bodies.

use super::{MediaSlice, Part, PartBody};

/// Percent-encodes everything but RFC 3986's unreserved characters.
pub fn encode(text: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => {
                encoded.push('%');
                encoded.push(char::from(HEX[usize::from(byte >> 4)]));
                encoded.push(char::from(HEX[usize::from(byte & 15)]));
            }
        }
    }
    encoded
}

/// Encodes a value, but not the placeholders of secrets in it.
fn encode_value(value: &str, into: &mut String) {
    let mut rest = value;
    while let Some(start) = rest.find("${secret:") {
        let Some(length) = rest[start..].find('}') else {
            break;
        };
        let end = start + length + 1;
        into.push_str(&encode(&rest[..start]));
        into.push_str(&rest[start..end]);
        rest = &rest[end..];
    }
    into.push_str(&encode(rest));
}

pub(super) fn urlencoded<N: AsRef<str>, V: AsRef<str>>(
    fields: impl IntoIterator<Item = (N, V)>,
) -> String {
    let mut body = String::new();
    for (name, value) in fields {
        if !body.is_empty() {
            body.push('&');
        }
        body.push_str(&encode(name.as_ref()));
        body.push('=');
        encode_value(value.as_ref(), &mut body);
    }
    body
}

/// The parts of a `multipart/form-data` body.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Multipart(Vec<Part>);

impl Multipart {
    /// No parts yet.
    pub fn new() -> Self {
        Multipart::default()
    }

    /// A field of text.
    pub fn text(mut self, name: &str, value: impl Into<String>) -> Self {
        self.0.push(Part {
            name: name.to_owned(),
            filename: None,
            content_type: None,
            body: PartBody::Bytes(value.into().into_bytes()),
        });
        self
    }

    /// A file whose bytes the host streams.
    pub fn media(mut self, name: &str, filename: &str, mime: &str, id: &str) -> Self {
        self.0.push(Part {
            name: name.to_owned(),
            filename: Some(filename.to_owned()),
            content_type: Some(mime.to_owned()),
            body: PartBody::Media(MediaSlice {
                id: id.to_owned(),
                offset: 0,
                length: None,
            }),
        });
        self
    }

    /// Any part.
    pub fn part(mut self, part: Part) -> Self {
        self.0.push(part);
        self
    }

    pub(super) fn into_parts(self) -> Vec<Part> {
        self.0
    }
}
