//! Requests to LinkedIn's versioned REST API.

use jarchi_plugin_sdk::http::{Request, Response, encode};
use jarchi_plugin_sdk::{Account, Error, Result};

use crate::settings::Settings;

/// The name of the secret.
pub const TOKEN: &str = "access_token";

/// The API as an account reaches it.
pub struct Api {
    pub settings: Settings,
}

impl Api {
    /// # Errors
    /// `Invalid`: the account's settings do not fit.
    pub fn of(account: &Account) -> Result<Self> {
        Ok(Api {
            settings: Settings::of(account)?,
        })
    }

    /// The author's URN.
    ///
    /// # Errors
    /// `Invalid`: the account chooses none.
    pub fn author(&self) -> Result<&str> {
        self.settings.author.as_deref().ok_or_else(|| {
            Error::invalid(
                "the account has no `author`: `jarchi account auth` lists the member and the Pages that can be chosen",
            )
        })
    }

    /// The author is a Page.
    pub fn is_page(&self) -> bool {
        let author = self.settings.author.as_deref().unwrap_or_default();
        author.starts_with("urn:li:organization:")
    }

    /// A request with the member's token; `path` with its query, encoded.
    pub fn request(&self, method: &str, path: &str) -> Request {
        Request::new(method, format!("{}{path}", self.settings.api))
            .header("linkedin-version", self.settings.version.as_str())
            .header("x-restli-protocol-version", "2.0.0")
            .bearer(TOKEN)
    }

    /// Reading.
    pub fn get(&self, path: &str) -> Request {
        self.request("GET", path)
    }

    /// A list by a finder (`q=…`).
    pub fn find(&self, path: &str) -> Request {
        self.get(path).header("x-restli-method", "FINDER")
    }

    /// Writing.
    pub fn post(&self, path: &str) -> Request {
        self.request("POST", path)
    }

    /// Changing some fields.
    pub fn patch(&self, path: &str) -> Request {
        self.post(path).header("x-restli-method", "PARTIAL_UPDATE")
    }

    /// Where people see a post.
    pub fn address(&self, urn: &str) -> String {
        format!("{}/feed/update/{urn}", self.settings.site)
    }
}

/// URNs as a Rest.li list: `List(urn%3Ali%3A…,…)`.
pub fn list<'a>(urns: impl IntoIterator<Item = &'a str>) -> String {
    let urns: Vec<String> = urns.into_iter().map(encode).collect();
    format!("List({})", urns.join(","))
}

/// The identifier of what was made, which LinkedIn puts into a header.
///
/// # Errors
/// `UnknownOutcome`: it is not there, although the answer is a success.
pub fn made(answer: &Response) -> Result<String> {
    let id = answer
        .header("x-restli-id")
        .or_else(|| answer.header("x-linkedin-id"));
    id.map(str::to_owned).ok_or_else(|| {
        Error::unknown_outcome(format!(
            "LinkedIn answered {} without the header x-restli-id",
            answer.status
        ))
    })
}
