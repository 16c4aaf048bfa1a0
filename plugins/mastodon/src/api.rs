//! The server, and the parts of its answers that are read.

use jarchi_plugin_sdk::http::{Request, encode};
use jarchi_plugin_sdk::{Account, Result, Timestamp, kv, time};
use serde::Deserialize;

/// How long the account's identifier is remembered (milliseconds).
const REMEMBERED: u64 = 60 * 60 * 1000;

/// The account's server.
pub struct Api {
    server: String,
}

impl Api {
    /// The server of the account's settings.
    ///
    /// # Errors
    /// `Invalid`: there is none.
    pub fn of(account: &Account) -> Result<Self> {
        #[derive(Deserialize)]
        struct Settings {
            server: String,
        }
        let Settings { server } = account.settings()?;
        Ok(Api {
            server: server.trim_end_matches('/').to_owned(),
        })
    }

    /// A request without the account's token.
    pub fn anonymous(&self, method: &str, path: &str) -> Request {
        Request::new(method, format!("{}{path}", self.server)).header("accept", "application/json")
    }

    /// A request with the account's token.
    pub fn request(&self, method: &str, path: &str) -> Request {
        self.anonymous(method, path).bearer("token")
    }

    /// The path of a status.
    pub fn status(id: &str) -> String {
        format!("/api/v1/statuses/{}", encode(id))
    }

    /// The account itself.
    ///
    /// # Errors
    /// The server did not tell.
    pub fn me(&self) -> Result<Me> {
        self.request("GET", "/api/v1/accounts/verify_credentials")
            .read()?
            .json()
    }

    /// The account's identifier.
    ///
    /// # Errors
    /// The server did not tell.
    pub fn my_id(&self) -> Result<String> {
        kv::cached("account-id", REMEMBERED, || self.me().map(|me| me.id))
    }

    /// A page of what the account published, newest first, from the one before `max_id`
    /// on.
    ///
    /// # Errors
    /// The server did not tell.
    pub fn my_statuses(&self, id: &str, max_id: Option<&str>) -> Result<Vec<Status>> {
        let path = format!("/api/v1/accounts/{}/statuses", encode(id));
        let mut request = self
            .request("GET", &path)
            .query("exclude_reblogs", true)
            .query("limit", 40);
        if let Some(max_id) = max_id {
            request = request.query("max_id", max_id);
        }
        request.read()?.json()
    }
}

/// An account.
#[derive(Debug, Deserialize)]
pub struct Me {
    pub id: String,
    #[serde(default)]
    pub followers_count: Option<i64>,
    #[serde(default)]
    pub following_count: Option<i64>,
    #[serde(default)]
    pub statuses_count: Option<i64>,
}

/// A status. Servers that only speak the API leave fields out.
#[derive(Debug, Deserialize)]
pub struct Status {
    pub id: String,
    #[serde(default)]
    pub url: Option<String>,
    #[serde(default)]
    pub uri: Option<String>,
    #[serde(default)]
    pub created_at: Option<String>,
    #[serde(default)]
    pub visibility: Option<String>,
    #[serde(default)]
    pub in_reply_to_id: Option<String>,
    #[serde(default)]
    pub content: String,
    #[serde(default)]
    pub media_attachments: Vec<Attachment>,
    #[serde(default)]
    pub favourites_count: Option<i64>,
    #[serde(default)]
    pub reblogs_count: Option<i64>,
    #[serde(default)]
    pub replies_count: Option<i64>,
    #[serde(default)]
    pub quotes_count: Option<i64>,
}

impl Status {
    /// Where people see it.
    pub fn address(&self) -> Option<String> {
        self.url.clone().or_else(|| self.uri.clone())
    }

    /// When it was published, where the server says so in RFC 3339.
    pub fn created(&self) -> Option<Timestamp> {
        time::parse_rfc3339(self.created_at.as_deref()?)
    }
}

/// A media attachment.
#[derive(Debug, Deserialize)]
pub struct Attachment {
    pub id: String,
}

/// Whether the server has no such thing, or has it no longer.
pub fn is_gone(status: u16) -> bool {
    matches!(status, 404 | 410)
}
