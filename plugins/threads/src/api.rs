//! The API, and the parts of its answers that are read.

use jarchi_plugin_sdk::graph::{self, Graph};
use jarchi_plugin_sdk::http::{Request, encode};
use jarchi_plugin_sdk::{Account, Millis, Result, Timestamp};
use serde::Deserialize;

use crate::plan::Control;

/// How far the platform's clock may be behind ours.
pub const SKEW: Millis = 120_000;

/// The account's settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct Settings {
    pub api: String,
    pub version: String,
    pub reply_control: Option<Control>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            api: "https://graph.threads.net".into(),
            version: "v1.0".into(),
            reply_control: None,
        }
    }
}

/// The account's API.
pub struct Api {
    pub settings: Settings,
    graph: Graph,
}

/// What is answered when something is made.
#[derive(Debug, Deserialize)]
pub struct Made {
    pub id: String,
}

/// A post or a reply.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Media {
    pub id: String,
    pub text: Option<String>,
    pub permalink: Option<String>,
    pub timestamp: Option<String>,
    pub username: Option<String>,
    pub has_replies: bool,
    pub is_reply_owned_by_me: bool,
    pub replied_to: Option<Reference>,
}

/// A post that another one names.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Reference {
    pub id: String,
}

impl Media {
    /// 0 where it is not told.
    pub fn moment(&self) -> Timestamp {
        self.timestamp
            .as_deref()
            .and_then(graph::moment)
            .unwrap_or_default()
    }

    /// Whether it says this, however white space was kept.
    pub fn says(&self, text: &str) -> bool {
        let told = self.text.as_deref().unwrap_or_default();
        told.split_whitespace().eq(text.split_whitespace())
    }
}

impl Api {
    /// # Errors
    /// `Invalid`: a setting does not fit.
    pub fn of(account: &Account) -> Result<Self> {
        let settings: Settings = account.settings()?;
        let graph = Graph::new(&settings.api, &settings.version, "access_token");
        Ok(Api { settings, graph })
    }

    /// A request, with the token in the query as Meta's own collection has it.
    pub fn request(&self, method: &str, path: &str) -> Request {
        Request::new(method, self.graph.url(path)).query_secret("access_token", "access_token")
    }

    /// The account's newest posts, or its newest replies, since a moment; newest first.
    ///
    /// # Errors
    /// Threads did not tell.
    pub fn newest(&self, replies: bool, since: Timestamp) -> Result<Vec<Media>> {
        let path = if replies {
            "/me/replies"
        } else {
            "/me/threads"
        };
        let request = self.request("GET", path);
        let request = request
            .query("fields", "id,text,permalink,timestamp")
            .query("limit", 25);
        let mut newest = Vec::new();
        for page in graph::pages::<Media>(request, 4) {
            for media in page? {
                if media.moment() < since {
                    return Ok(newest);
                }
                newest.push(media);
            }
        }
        Ok(newest)
    }
}

/// The path of a thing.
pub fn path(id: &str) -> String {
    format!("/{}", encode(id))
}
