//! The account's block in the configuration.

use std::collections::BTreeMap;

use jarchi_plugin_sdk::{Account, Post, Problem, Result, count};
use serde::Deserialize;

#[derive(Clone, Debug, Deserialize)]
pub struct Settings {
    pub url: String,
    #[serde(default)]
    pub method: Method,
    #[serde(default)]
    pub body: Shape,
    #[serde(default)]
    pub media_urls: bool,
    #[serde(default)]
    pub signature: Signature,
    #[serde(default)]
    pub key_header: Option<String>,
    #[serde(default = "bearer")]
    pub key_scheme: String,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    #[serde(default)]
    pub success: Vec<String>,
    #[serde(default = "id")]
    pub id_pointer: String,
    #[serde(default = "url")]
    pub url_pointer: String,
    #[serde(default)]
    pub idempotent: bool,
    #[serde(default)]
    pub lookup_url: Option<String>,
    #[serde(default)]
    pub delete_url: Option<String>,
    #[serde(default)]
    pub text_limit: Option<usize>,
}

fn bearer() -> String {
    "Bearer".to_owned()
}

fn id() -> String {
    "/id".to_owned()
}

fn url() -> String {
    "/url".to_owned()
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    #[default]
    Post,
    Put,
    Patch,
}

impl Method {
    pub fn name(self) -> &'static str {
        match self {
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    #[default]
    Json,
    Multipart,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signature {
    #[default]
    StandardWebhooks,
    Sha256,
    None,
}

/// Headers that the connector sets itself, or that are the daemon's.
const OWN: [&str; 8] = [
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
    "x-hub-signature-256",
    "content-type",
    "content-length",
    "authorization",
    "x-api-key",
];

impl Settings {
    /// # Errors
    /// `Invalid`: they are not as the manifest declares them.
    pub fn of(account: &Account) -> Result<Self> {
        account.settings()
    }

    /// Whether this status means that the post was taken.
    pub fn is_success(&self, status: u16) -> bool {
        if self.success.is_empty() {
            return (200..300).contains(&status);
        }
        let known = |one: &String| one.trim().parse() == Ok(status);
        self.success.iter().any(known)
    }

    fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        for status in &self.success {
            if !matches!(status.trim().parse(), Ok(100_u16..=599)) {
                faults.push(("success", format!("`{status}` is no status, as `202` is")));
            }
        }
        for (name, pointer) in [
            ("id_pointer", &self.id_pointer),
            ("url_pointer", &self.url_pointer),
        ] {
            if !pointer.starts_with('/') {
                faults.push((
                    name,
                    format!("a JSON pointer begins with `/`: `/{pointer}`"),
                ));
            }
        }
        for name in self.headers.keys() {
            if OWN.iter().any(|own| name.eq_ignore_ascii_case(own)) {
                faults.push(("headers", format!("`{name}` is set by the connector")));
            }
        }
        for (name, address, part) in [
            ("lookup_url", &self.lookup_url, "{key}"),
            ("delete_url", &self.delete_url, "{id}"),
        ] {
            if address
                .as_ref()
                .is_some_and(|address| !address.contains(part))
            {
                faults.push((
                    name,
                    format!("it has no `{part}`: every post would be the same"),
                ));
            }
        }
        faults
    }
}

/// The problems of a post, and of the settings that it is sent by.
pub fn check(settings: &Settings, post: &Post) -> Vec<Problem> {
    let mut problems: Vec<Problem> = settings
        .faults()
        .into_iter()
        .map(|(name, why)| Problem::error(format!("settings.{name}"), why))
        .collect();
    let Some(limit) = settings.text_limit else {
        return problems;
    };
    for (index, (text, _)) in post.parts().enumerate() {
        let length = count::graphemes(text);
        if length > limit {
            let place = match index {
                0 => "text".to_owned(),
                _ => format!("thread[{}].text", index - 1),
            };
            let message = format!("{length} characters; the receiver takes {limit}");
            problems.push(Problem::error(place, message));
        }
    }
    problems
}
