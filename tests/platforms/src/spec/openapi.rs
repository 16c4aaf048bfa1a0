//! Platforms that describe themselves by OpenAPI: X, Mastodon and Discord.

mod body;
mod document;
mod schema;

use std::sync::OnceLock;

use self::document::Document;
use super::{Referee, read};
use crate::Request;

/// What a specification says otherwise than the platform behaves.
#[derive(Clone, Copy)]
struct Quirks {
    /// Bodies are described as JSON only, and forms of the same fields, in Rails'
    /// spelling (`poll[options][]`), are taken as well.
    rails: bool,
    /// In a multipart body the JSON is the part `payload_json`, and the files are parts
    /// named `files[N]`, which the description leaves out.
    payload_json: bool,
    /// What the address of the server puts before the paths.
    prefix: &'static str,
}

/// One file, parsed at the first look.
struct Spec {
    path: &'static str,
    quirks: Quirks,
    document: OnceLock<Option<Document>>,
}

impl Spec {
    const fn new(path: &'static str, quirks: Quirks) -> Self {
        Spec {
            path,
            quirks,
            document: OnceLock::new(),
        }
    }

    fn document(&self) -> Option<&Document> {
        let parse = || read(self.path).map(|text| Document::parse(&text, self.quirks));
        self.document.get_or_init(parse).as_ref()
    }
}

impl Referee for Spec {
    fn check(&self, request: &Request) -> Result<(), String> {
        let Some(document) = self.document() else {
            return Ok(());
        };
        let line = format!("{} {}", request.method, request.path());
        document
            .check(request)
            .map_err(|error| format!("{line}: {error} ({})", self.path))
    }
}

const PLAIN: Quirks = Quirks {
    rails: false,
    payload_json: false,
    prefix: "",
};

/// X, API v2. Of its two descriptions the newer one (2.167) judges what is sent in a body,
/// and the older one (2.159) what is asked for, by the names that the service answers to
/// (`tweet.fields`); what only the newer one has, it judges alone.
pub fn x() -> &'static dyn Referee {
    struct Both;
    static NEW: Spec = Spec::new("x/openapi.json", PLAIN);
    static OLD: Spec = Spec::new("x/openapi-2.159-tweet-names.json", PLAIN);
    impl Referee for Both {
        fn check(&self, request: &Request) -> Result<(), String> {
            let asks = request.method == "GET" || request.method == "DELETE";
            let old = OLD.document().filter(|old| old.has(request));
            if asks && old.is_some() {
                return OLD.check(request);
            }
            NEW.check(request)
        }
    }
    &Both
}

/// Mastodon, API of 4.7.
pub fn mastodon() -> &'static dyn Referee {
    static SPEC: Spec = Spec::new(
        "mastodon/openapi.json",
        Quirks {
            rails: true,
            ..PLAIN
        },
    );
    &SPEC
}

/// Discord, HTTP API v10.
pub fn discord() -> &'static dyn Referee {
    static SPEC: Spec = Spec::new(
        "discord/openapi.json",
        Quirks {
            payload_json: true,
            prefix: "/api/v10",
            ..PLAIN
        },
    );
    &SPEC
}

#[cfg(test)]
mod tests;
