//! Taking secrets out of answers: session tokens are kept before anyone sees the answer,
//! because a platform that renews a token has already forgotten the one before.

use std::borrow::Cow;

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
            filled(caller, &rule.path).is_some_and(|pattern| path_matches(&pattern, path))
                && rule
                    .method
                    .as_deref()
                    .is_none_or(|own| own == method.as_str())
                && hosts::listed(caller, &rule.hosts, target)
        })
        .map(|(name, rule)| (name.as_str(), rule.json.as_str()))
        .collect()
}

/// The pattern of a path with the settings' values in their segments.
///
/// None where a value is missing or is no plain segment: the rule does not stand then.
fn filled<'a>(caller: &Caller, pattern: &'a str) -> Option<Cow<'a, str>> {
    if !pattern.contains("${") {
        return Some(Cow::Borrowed(pattern));
    }
    let segments = pattern.split('/').map(|segment| {
        let name = segment.strip_prefix("${setting:");
        let Some(name) = name.and_then(|rest| rest.strip_suffix('}')) else {
            return Some(segment);
        };
        let value = hosts::setting(caller, name)?.as_str()?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        (!["", ".", ".."].contains(&value) && value.bytes().all(plain)).then_some(value)
    });
    let segments: Option<Vec<&str>> = segments.collect();
    Some(Cow::Owned(segments?.join("/")))
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
    fn a_path_of_settings() {
        let at = |settings: &[(&str, &str)], path: &str| {
            let mut setup = Setup::new().hosts(&["api.example.org"]).capture(
                "page",
                "method = \"GET\"\npath = \"/${setting:version}/${setting:page}\"\njson = \"/token\"",
            );
            for (name, value) in settings {
                setup = setup.setting(name, *value);
            }
            let url = Url::parse(&format!("https://api.example.org{path}")).unwrap();
            let target = Target::of(&url).unwrap();
            let caller = setup.caller();
            !rules(&caller, &target, &Method::GET, url.path()).is_empty()
        };
        let set = [("version", "v25.0"), ("page", "1021")];
        for (path, stands) in [
            ("/v25.0/1021", true),
            ("/v25.0/1021?fields=access_token", true),
            ("/v25.0/1022", false),
            ("/v24.0/1021", false),
            ("/v25.0/1021/", false),
            ("/v25.0/1021/posts", false),
            ("/v25.0/me/accounts", false),
            ("/oauth/access_token", false),
            ("/v25.0/${setting:page}", false),
        ] {
            assert_eq!(at(&set, path), stands, "{path}");
        }
        // No value, or one that would widen the pattern or leave it.
        assert!(!at(&[("version", "v25.0")], "/v25.0/1021"));
        for (page, path) in [
            ("", "/v25.0/"),
            ("*", "/v25.0/1021"),
            ("1*", "/v25.0/1021"),
            ("..", "/v25.0/.."),
            ("a/b", "/v25.0/a/b"),
            ("a?b", "/v25.0/a"),
        ] {
            assert!(!at(&[("version", "v25.0"), ("page", page)], path), "{page}");
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
