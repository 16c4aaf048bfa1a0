//! What a platform answers to a request for tokens.

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use zeroize::Zeroize as _;

use crate::model::TimeSpan;
use crate::plugin::broker::Asked;
use crate::plugin::manifest::Oauth2;

pub(super) struct Tokens {
    pub(super) access: SecretString,
    pub(super) refresh: Option<SecretString>,
    /// Seconds; None: no end is named.
    pub(super) expires_in: Option<u64>,
    pub(super) refresh_expires_in: Option<u64>,
    /// None: not told.
    pub(super) scopes: Option<Vec<String>>,
}

impl Tokens {
    /// What an exchange gave in its stead. What it does not name stays.
    pub(super) fn exchanged(self, new: Tokens) -> Tokens {
        Tokens {
            access: new.access,
            refresh: new.refresh.or(self.refresh),
            expires_in: new.expires_in,
            refresh_expires_in: new.refresh_expires_in.or(self.refresh_expires_in),
            scopes: new.scopes.or(self.scopes),
        }
    }
}

/// An answer without tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum No {
    /// The grant is gone: only the user can give a new one.
    Ended(String),
    /// Something else is wrong that does not pass by itself.
    Refused(String),
    /// The server's trouble; perhaps it says until when.
    Passing(String, Option<TimeSpan>),
}

/// Reads an answer. No text of a refusal holds one of `secrets`.
pub(super) fn read(oauth: &Oauth2, asked: &Asked, secrets: &[&SecretString]) -> Result<Tokens, No> {
    let mut json: Value = serde_json::from_slice(&asked.body).unwrap_or(Value::Null);
    let result = of_json(oauth, asked, &mut json);
    wipe(&mut json);
    result.map_err(|no| {
        let clean = |text: String| {
            secrets
                .iter()
                .fold(text, |text, secret| match secret.expose_secret() {
                    "" => text,
                    secret => text.replace(secret, "[redacted]"),
                })
        };
        match no {
            No::Ended(text) => No::Ended(clean(text)),
            No::Refused(text) => No::Refused(clean(text)),
            No::Passing(text, wait) => No::Passing(clean(text), wait),
        }
    })
}

fn of_json(oauth: &Oauth2, asked: &Asked, json: &mut Value) -> Result<Tokens, No> {
    let pointers = &oauth.answer;
    let success = (200..300).contains(&asked.status);
    let token = |json: &Value, pointer: &str| {
        let text = json.pointer(pointer)?.as_str()?;
        (!text.is_empty()).then(|| SecretString::from(text))
    };
    if success && let Some(access) = token(json, &pointers.access_token) {
        return Ok(Tokens {
            access,
            refresh: token(json, &pointers.refresh_token),
            expires_in: seconds(json.pointer(&pointers.expires_in)),
            refresh_expires_in: seconds(json.pointer(&pointers.refresh_expires_in)),
            scopes: json
                .pointer(&pointers.scope)
                .and_then(|value| scopes(value, &oauth.scope_separator)),
        });
    }
    let codes = codes(json, &pointers.error);
    let words = words(json, &codes, asked.status);
    if codes.iter().any(|code| oauth.refresh.ended.contains(code)) {
        return Err(No::Ended(words));
    }
    Err(match asked.status {
        408 | 425 | 429 | 500.. => No::Passing(words, asked.retry_after),
        _ => No::Refused(words),
    })
}

/// A century, in seconds: what is beyond says that there is no end.
const LONGEST_LIFE: u64 = 100 * 366 * 86400;

fn seconds(value: Option<&Value>) -> Option<u64> {
    let number = match value? {
        Value::Number(number) => number.as_u64().or_else(|| {
            let float = number.as_f64().filter(|float| *float >= 0.0)?;
            Some(float as u64)
        }),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    // Platforms write 0 for a token without an end.
    number
        .filter(|number| *number > 0)
        .map(|number| number.min(LONGEST_LIFE))
}

fn scopes(value: &Value, separator: &str) -> Option<Vec<String>> {
    let names: Vec<String> = match value {
        Value::String(text) => text
            .split(|c: char| c.is_whitespace() || c == ',' || separator.contains(c))
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect(),
        Value::Array(items) => items
            .iter()
            .filter_map(|item| item.as_str().map(str::to_owned))
            .collect(),
        _ => return None,
    };
    (!names.is_empty()).then_some(names)
}

/// Every code that an error may be known by.
fn codes(json: &Value, pointer: &str) -> Vec<String> {
    let mut codes = Vec::new();
    for pointer in [pointer, "/error", "/error/code", "/error_code", "/code"] {
        let code = match json.pointer(pointer) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            _ => continue,
        };
        if !codes.contains(&code) {
            codes.push(code);
        }
    }
    codes
}

/// Of a text that comes from outside.
const LONGEST: usize = 300;

fn words(json: &Value, codes: &[String], status: u16) -> String {
    let said = [
        "/error_description",
        "/error/message",
        "/error_message",
        "/message",
    ]
    .iter()
    .find_map(|pointer| json.pointer(pointer)?.as_str());
    let mut words = match (codes.is_empty(), said) {
        (true, None) => format!("HTTP {status} without an error that is known"),
        (true, Some(said)) => format!("HTTP {status}: {said}"),
        (false, None) => codes.join(", "),
        (false, Some(said)) => format!("{}: {said}", codes.join(", ")),
    };
    words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = words.char_indices().nth(LONGEST) {
        words.truncate(end);
        words.push('…');
    }
    words
}

/// Leaves no token behind in freed memory.
fn wipe(json: &mut Value) {
    match json {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(map) => map.values_mut().for_each(wipe),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zeroize::Zeroizing;

    fn oauth(more: &str) -> Oauth2 {
        toml::from_str(&format!(
            "authorize = \"https://a.org/a\"\ntoken = \"https://a.org/t\"\n{more}"
        ))
        .unwrap()
    }

    fn asked(status: u16, body: &str) -> Asked {
        Asked {
            status,
            body: Zeroizing::new(body.as_bytes().to_vec()),
            retry_after: None,
        }
    }

    fn no(oauth: &Oauth2, status: u16, body: &str) -> No {
        let secret = SecretString::from("hush-hush");
        match read(oauth, &asked(status, body), &[&secret]) {
            Ok(_) => panic!("{body} has tokens"),
            Err(no) => no,
        }
    }

    #[test]
    fn tokens_where_the_manifest_says() {
        let usual = oauth("");
        let body =
            r#"{"access_token":"a","refresh_token":"r","expires_in":"3600","scope":"x y,z"}"#;
        let tokens = read(&usual, &asked(200, body), &[]).ok().unwrap();
        assert_eq!(tokens.access.expose_secret(), "a");
        assert_eq!(tokens.refresh.unwrap().expose_secret(), "r");
        assert_eq!(
            (tokens.expires_in, tokens.refresh_expires_in),
            (Some(3600), None)
        );
        assert_eq!(tokens.scopes.unwrap(), ["x", "y", "z"]);

        let wrapped =
            oauth("[answer]\naccess_token = \"/data/token\"\nexpires_in = \"/data/left\"");
        let body = r#"{"data":{"token":"a","left":0},"scope":["p"]}"#;
        let tokens = read(&wrapped, &asked(200, body), &[]).ok().unwrap();
        assert_eq!(tokens.access.expose_secret(), "a");
        assert_eq!(tokens.expires_in, None);
        assert_eq!(tokens.scopes.unwrap(), ["p"]);
    }

    #[test]
    fn what_ends_a_grant_and_what_passes() {
        let usual = oauth("");
        let meta = oauth("[answer]\nerror = \"/error/code\"");
        for (oauth, status, body, expected) in [
            (
                &usual,
                400,
                r#"{"error":"invalid_grant"}"#,
                No::Ended("invalid_grant".into()),
            ),
            // TikTok answers 200 with an error in it.
            (
                &usual,
                200,
                r#"{"error":"invalid_grant"}"#,
                No::Ended("invalid_grant".into()),
            ),
            (
                &usual,
                401,
                r#"{"error":"invalid_client","error_description":"hush-hush is wrong"}"#,
                No::Refused("invalid_client: [redacted] is wrong".into()),
            ),
            (
                &usual,
                503,
                "busy",
                No::Passing("HTTP 503 without an error that is known".into(), None),
            ),
            (
                &usual,
                429,
                "{}",
                No::Passing("HTTP 429 without an error that is known".into(), None),
            ),
            (
                &usual,
                200,
                "{}",
                No::Refused("HTTP 200 without an error that is known".into()),
            ),
            (
                &meta,
                400,
                r#"{"error":{"message":"Session has expired","code":190,"type":"OAuthException"}}"#,
                No::Ended("190: Session has expired".into()),
            ),
            (
                &meta,
                400,
                r#"{"error":{"code":100}}"#,
                No::Refused("100".into()),
            ),
        ] {
            assert_eq!(no(oauth, status, body), expected, "{body}");
        }
    }
}
