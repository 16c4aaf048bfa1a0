//! Taking secrets out of answers: session tokens are kept before anyone sees the answer,
//! because a platform that renews a token has already forgotten the one before.

use http::Method;
use secrecy::SecretString;
use serde_json::Value;

use super::Caller;
use super::hosts::{self, Target};
use super::path_pattern::path_matches;

/// By the names of the secrets.
pub(super) type Values = Vec<(String, SecretString)>;

/// The rules that stand for one request: (secret, JSON pointer).
pub(super) fn rules<'a>(
    caller: &'a Caller,
    target: &Target,
    method: &Method,
    path: &str,
) -> Vec<(&'a str, &'a str)> {
    let secrets = caller.manifest.secrets.iter();
    secrets
        .flat_map(|(name, secret)| secret.capture.iter().map(move |rule| (name, rule)))
        .filter(|(_, rule)| {
            path_matches(&rule.path, path)
                && rule
                    .method
                    .as_deref()
                    .is_none_or(|own| own == method.as_str())
                && hosts::listed(caller, &rule.hosts, target)
        })
        .map(|(name, rule)| (name.as_str(), rule.json.as_str()))
        .collect()
}

/// The values of an answer's body, and the body with their placeholders in their stead.
///
/// None where the body is not JSON, or holds none of them as a string.
pub(super) fn take(body: &[u8], rules: &[(&str, &str)]) -> Option<(Values, Vec<u8>)> {
    let mut json: Value = serde_json::from_slice(body).ok()?;
    let mut taken = Vec::new();
    for (name, pointer) in rules {
        let Some(value) = json.pointer_mut(pointer) else {
            continue;
        };
        let Value::String(text) = value else { continue };
        let text = std::mem::replace(text, format!("${{secret:{name}}}"));
        taken.push(((*name).to_owned(), SecretString::from(text)));
    }
    if taken.is_empty() {
        return None;
    }
    Some((taken, serde_json::to_vec(&json).ok()?))
}

#[cfg(test)]
mod tests {
    use super::super::test_caller::Setup;
    use super::*;
    use secrecy::ExposeSecret;
    use url::Url;

    #[test]
    fn which_rules_stand() {
        let caller = Setup::new()
            .hosts(&["api.example.org", "login.example.org"])
            .capture(
                "access",
                "method = \"POST\"\npath = \"/xrpc/session*\"\njson = \"/access\"\nhosts = [\"login.example.org\"]",
            )
            .capture("refresh", "path = \"/xrpc/session\"\njson = \"/refresh\"")
            .caller();
        for (method, url, expected) in [
            (
                "POST",
                "https://login.example.org/xrpc/session",
                vec!["access", "refresh"],
            ),
            (
                "GET",
                "https://login.example.org/xrpc/session",
                vec!["refresh"],
            ),
            (
                "POST",
                "https://login.example.org/xrpc/sessions",
                vec!["access"],
            ),
            (
                "POST",
                "https://api.example.org/xrpc/session",
                vec!["refresh"],
            ),
            ("POST", "https://other.example.org/xrpc/session", vec![]),
            ("POST", "https://login.example.org/other", vec![]),
        ] {
            let url = Url::parse(url).unwrap();
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let target = Target::of(&url).unwrap();
            let rules = rules(&caller, &target, &method, url.path());
            let names: Vec<_> = rules.iter().map(|(name, _)| *name).collect();
            assert_eq!(names, expected, "{method} {url}");
        }
    }

    #[test]
    fn values_leave_the_body() {
        let rules = [("access", "/session/accessJwt"), ("refresh", "/list/0")];
        let body = br#"{"did":"x","session":{"accessJwt":"a.b"},"list":["c"]}"#;
        let (taken, rest) = take(body, &rules).unwrap();
        let taken: Vec<_> = taken
            .iter()
            .map(|(name, value)| (name.as_str(), value.expose_secret()))
            .collect();
        assert_eq!(taken, [("access", "a.b"), ("refresh", "c")]);
        assert_eq!(
            String::from_utf8(rest).unwrap(),
            r#"{"did":"x","session":{"accessJwt":"${secret:access}"},"list":["${secret:refresh}"]}"#
        );
        for body in [
            "",
            "not json",
            "{}",
            r#"{"session":{"accessJwt":null}}"#,
            r#"{"session":{"accessJwt":5}}"#,
        ] {
            assert!(take(body.as_bytes(), &rules).is_none(), "{body}");
        }
    }
}
