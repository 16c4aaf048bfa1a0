//! Threads, by Meta's own Postman collection: methods, paths and the names of parameters,
//! those that are switched off there included. It says nothing of answers.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use serde_json::Value;

use super::{Referee, read};
use crate::Request;

const PATH: &str = "threads/threads-api.postman_collection.json";

/// One request of the collection.
struct Line {
    method: String,
    /// None stands for an identifier.
    path: Vec<Option<String>>,
    names: BTreeSet<String>,
}

impl Line {
    fn fits(&self, method: &str, path: &[&str]) -> bool {
        let same = |(ours, theirs): (&Option<String>, &&str)| match ours {
            Some(name) => name == theirs,
            None => theirs.bytes().all(|byte| byte.is_ascii_digit()),
        };
        self.method == method
            && self.path.len() == path.len()
            && self.path.iter().zip(path).all(same)
    }
}

/// Every request, of all folders.
fn lines(items: &Value, into: &mut Vec<Line>) {
    for item in items.as_array().into_iter().flatten() {
        lines(&item["item"], into);
        let request = &item["request"];
        let Some(method) = request["method"].as_str() else {
            continue;
        };
        let texts = |list: &Value| -> Vec<String> {
            let list = list.as_array().into_iter().flatten();
            list.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let path = texts(&request["url"]["path"]).into_iter();
        let query = request["url"]["query"].as_array().into_iter().flatten();
        let names = query
            .filter_map(|field| field["key"].as_str())
            .map(str::to_owned);
        into.push(Line {
            method: method.to_owned(),
            path: path
                .filter(|segment| !segment.is_empty())
                .map(|segment| Some(segment).filter(|segment| !segment.starts_with("{{")))
                .collect(),
            names: names.collect(),
        });
    }
}

/// Threads, v1.0.
pub fn threads() -> &'static dyn Referee {
    struct Collection;
    static LINES: OnceLock<Option<Vec<Line>>> = OnceLock::new();
    impl Referee for Collection {
        fn check(&self, request: &Request) -> Result<(), String> {
            let lines = LINES.get_or_init(|| {
                let whole: Value = serde_json::from_str(&read(PATH)?).expect("JSON");
                let mut found = Vec::new();
                lines(&whole["item"], &mut found);
                Some(found)
            });
            let Some(lines) = lines else { return Ok(()) };
            let path: Vec<&str> = request.path().trim_matches('/').split('/').collect();
            let path = path.strip_prefix(&["v1.0"]).unwrap_or(&path);
            let line = format!("{} {}", request.method, request.path());
            let fits: Vec<&Line> = lines
                .iter()
                .filter(|line| line.fits(&request.method, path))
                .collect();
            if fits.is_empty() {
                return Err(format!("{line}: the collection has no such request"));
            }
            // One path stands there once for each kind of post.
            for name in request
                .query()
                .keys()
                .filter(|name| !["access_token", "appsecret_proof"].contains(&name.as_str()))
            {
                if !fits.iter().any(|line| line.names.contains(name)) {
                    return Err(format!("{line}: the collection has no parameter `{name}`"));
                }
            }
            Ok(())
        }
    }
    &Collection
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_collection_has() {
        if read(PATH).is_none() {
            return;
        }
        for (method, path, goes) in [
            (
                "POST",
                "/v1.0/me/threads?media_type=TEXT&text=a&access_token=x",
                true,
            ),
            ("POST", "/v1.0/me/threads?media_kind=TEXT", false),
            ("GET", "/v1.0/123?fields=id,status", true),
            ("GET", "/v1.0/abc?fields=id", false),
            ("PUT", "/v1.0/me/threads?text=a", false),
            ("POST", "/v1.0/123/manage_reply?hide=true", true),
            ("DELETE", "/v1.0/123", true),
        ] {
            let request = Request {
                method: method.to_owned(),
                url: url::Url::parse(&format!("https://graph.threads.net{path}")).expect("a URL"),
                headers: vec![],
                body: vec![],
            };
            assert_eq!(threads().check(&request).is_ok(), goes, "{method} {path}");
        }
    }
}
