//! Blacking out secrets in whatever comes back: a server may echo what it was sent, in
//! any of the usual encodings.

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use secrecy::{ExposeSecret, SecretString};

use super::Error;
use super::address_fill::{SEGMENT, UNRESERVED};
use crate::plugin::manifest::Manifest;

/// Shorter secrets are part of every text: blacking them out would leave nothing of it.
const SHORTEST: usize = 4;
/// Characters of base64 that are told apart from chance.
const SHORTEST_BASE64: usize = 6;

pub(super) const BLACK: &str = "[redacted]";

/// What `encodeURIComponent` leaves.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// Finds every form of the secrets.
pub(in crate::plugin) struct Redactor {
    /// None where there is no secret to find.
    forms: Option<AhoCorasick>,
    /// What stands in for each form.
    stand_ins: Vec<String>,
}

impl Redactor {
    /// Secrets that the manifest declares become their placeholders where they stand as
    /// they are; all else is blacked out.
    pub fn new(secrets: &[(String, SecretString)], manifest: &Manifest) -> Result<Self, Error> {
        let mut forms: Vec<Vec<u8>> = Vec::new();
        let mut stand_ins = Vec::new();
        for (name, value) in secrets {
            let value = value.expose_secret();
            if value.len() < SHORTEST {
                continue;
            }
            let placeholder = if manifest.secrets.contains_key(name) {
                format!("${{secret:{name}}}")
            } else {
                BLACK.to_owned()
            };
            for form in plain_forms(value) {
                forms.push(form);
                stand_ins.push(placeholder.clone());
            }
            for form in encoded_forms(value) {
                forms.push(form);
                stand_ins.push(BLACK.to_owned());
            }
        }
        if forms.is_empty() {
            return Ok(Redactor {
                forms: None,
                stand_ins,
            });
        }
        let forms = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(&forms)
            .map_err(|_| Error::Denied("the secrets are too long to be blacked out".to_owned()))?;
        Ok(Redactor {
            forms: Some(forms),
            stand_ins,
        })
    }

    pub fn bytes(&self, text: Vec<u8>) -> Vec<u8> {
        match &self.forms {
            Some(forms) if forms.is_match(&text) => forms.replace_all_bytes(&text, &self.stand_ins),
            _ => text,
        }
    }

    pub fn text(&self, text: &str) -> String {
        match &self.forms {
            Some(forms) => forms.replace_all(text, &self.stand_ins),
            None => text.to_owned(),
        }
    }
}

/// As it is, and as JSON writers of several tastes escape it.
fn plain_forms(value: &str) -> Vec<Vec<u8>> {
    let json = |text: &str| {
        let quoted = serde_json::Value::from(text).to_string();
        quoted[1..quoted.len() - 1].to_owned()
    };
    let escaped = json(value);
    let ascii = |upper: bool| {
        let mut out = String::new();
        for unit in escaped.chars() {
            if unit.is_ascii() {
                out.push(unit);
                continue;
            }
            for unit in unit.encode_utf16(&mut [0; 2]) {
                out.push_str(&if upper {
                    format!("\\u{unit:04X}")
                } else {
                    format!("\\u{unit:04x}")
                });
            }
        }
        out
    };
    let for_html = |text: &str| {
        text.replace('<', "\\u003c")
            .replace('>', "\\u003e")
            .replace('&', "\\u0026")
    };
    let for_html_upper = |text: &str| {
        text.replace('<', "\\u003C")
            .replace('>', "\\u003E")
            .replace('&', "\\u0026")
            .replace('\'', "\\u0027")
            .replace('+', "\\u002B")
    };
    let mut forms = vec![value.to_owned(), escaped.clone(), ascii(false), ascii(true)];
    let slashes: Vec<_> = forms.iter().map(|form| form.replace('/', "\\/")).collect();
    forms.extend(slashes);
    forms.push(for_html(&escaped));
    forms.push(for_html(&ascii(false)));
    forms.push(for_html_upper(&ascii(true)));
    unique(forms)
}

/// Percent-encoded, in HTML, and inside of base64: alone, or with a user name before it
/// or anything else around it.
fn encoded_forms(value: &str) -> Vec<Vec<u8>> {
    let bytes = value.as_bytes();
    let mut forms = Vec::new();
    for set in [NON_ALPHANUMERIC, COMPONENT, UNRESERVED, SEGMENT] {
        let upper = percent_encode(bytes, set).to_string();
        forms.push(lower_escapes(&upper));
        forms.push(upper);
    }
    let form: String = url::form_urlencoded::byte_serialize(bytes).collect();
    forms.push(lower_escapes(&form));
    forms.push(form);
    let html = value
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;");
    forms.push(html.replace('\'', "&#x27;"));
    forms.push(html.replace('\'', "&#39;"));
    for before in 0..3 {
        let mut padded = vec![0; before];
        padded.extend_from_slice(bytes);
        for text in [
            STANDARD_NO_PAD.encode(&padded),
            URL_SAFE_NO_PAD.encode(&padded),
        ] {
            // The outer characters depend on what stands around the secret.
            let start = if before == 0 { 0 } else { before + 1 };
            let end = text.len() - usize::from(padded.len() % 3 != 0);
            if end >= start + SHORTEST_BASE64 {
                forms.push(text[start..end].to_owned());
            }
        }
    }
    let plain = plain_forms(value);
    let mut forms = unique(forms);
    forms.retain(|form| !plain.contains(form));
    forms
}

fn lower_escapes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut escape = 0;
    for c in text.chars() {
        if c == '%' {
            escape = 3;
        }
        out.push(if escape > 0 {
            c.to_ascii_lowercase()
        } else {
            c
        });
        escape = usize::saturating_sub(escape, 1);
    }
    out
}

fn unique(mut forms: Vec<String>) -> Vec<Vec<u8>> {
    forms.sort();
    forms.dedup();
    forms.into_iter().map(String::into_bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::super::test_caller::Setup;
    use super::*;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};

    fn redactor(secrets: &[(&str, &str)]) -> Redactor {
        let caller = Setup::new()
            .place("token", "header = \"authorization\"")
            .caller();
        let secrets: Vec<_> = secrets
            .iter()
            .map(|(name, value)| ((*name).to_owned(), SecretString::from(*value)))
            .collect();
        Redactor::new(&secrets, &caller.manifest).unwrap()
    }

    #[test]
    fn every_usual_form_of_a_secret_is_found() {
        const TOKEN: &str = "pä\"/ <&'+s\\wörd";
        let redactor = redactor(&[("token", TOKEN)]);
        let json = serde_json::to_string(TOKEN).unwrap();
        for text in [
            TOKEN.to_owned(),
            json.clone(),
            json.replace('/', "\\/"),
            json.replace('ä', "\\u00e4").replace('ö', "\\u00f6"),
            json.replace('ä', "\\u00E4").replace('ö', "\\u00F6"),
            json.replace('<', "\\u003c").replace('&', "\\u0026"),
            percent_encode(TOKEN.as_bytes(), NON_ALPHANUMERIC).to_string(),
            percent_encode(TOKEN.as_bytes(), COMPONENT).to_string(),
            percent_encode(TOKEN.as_bytes(), SEGMENT).to_string(),
            lower_escapes(&percent_encode(TOKEN.as_bytes(), COMPONENT).to_string()),
            url::form_urlencoded::byte_serialize(TOKEN.as_bytes()).collect(),
            "pä&quot;/ &lt;&amp;&#39;+s\\wörd".to_owned(),
            STANDARD.encode(TOKEN),
            URL_SAFE.encode(TOKEN),
            STANDARD.encode(format!("u:{TOKEN}")),
            STANDARD.encode(format!("us:{TOKEN}")),
            STANDARD.encode(format!("use:{TOKEN}")),
            STANDARD.encode(format!("user:{TOKEN}:more")),
        ] {
            let answer = format!("before {text} after");
            let redacted = redactor.text(&answer);
            assert!(
                redacted.contains("${secret:token}") || redacted.contains(BLACK),
                "{answer} became {redacted}"
            );
            assert!(!redacted.contains(TOKEN), "{redacted}");
            assert!(redacted.starts_with("before ") && redacted.ends_with(" after"));
            assert_eq!(
                String::from_utf8(redactor.bytes(answer.into_bytes())).unwrap(),
                redacted
            );
        }
    }

    #[test]
    fn what_stands_in() {
        let redactor = redactor(&[
            ("token", "abcdefgh"),
            ("longer", "abcdefghij"),
            ("short", "abc"),
        ]);
        for (text, expected) in [
            (r#"{"t":"abcdefgh"}"#, r#"{"t":"${secret:token}"}"#),
            // The longest wins, whatever the order; the manifest does not know this one.
            ("abcdefghij", "[redacted]"),
            ("abcdefg", "abcdefg"),
            ("abc", "abc"),
            ("", ""),
        ] {
            assert_eq!(redactor.text(text), expected, "{text}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_pass() {
        let redactor = redactor(&[("token", "abcdefgh")]);
        let mut image = vec![0xff, 0xd8, 0x00];
        image.extend_from_slice(b"abcdefgh\xff");
        assert_eq!(
            redactor.bytes(image),
            b"\xff\xd8\x00${secret:token}\xff".to_vec()
        );
    }
}
