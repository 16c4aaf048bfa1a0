//! Meta's Graph API, as Facebook, Instagram and Threads speak it: versioned paths, lists
//! with cursors, and what its errors mean to the queue.
//!
//! A request is made by [`Graph`], and sent by [`read`] (harmless to repeat), [`commit`]
//! (can't be taken back) or [`send`] (for what needs a closer look at the refusal).

mod ads;
mod error;
mod insights;
mod mark;
mod page;
mod paging;
mod permissions;
mod usage;

pub use ads::Ads;
pub use error::{Failure, Meaning, Refusal};
pub use insights::{Budget, Insight, insights};
pub use mark::Mark;
pub use paging::{List, Pages, pages};
pub use usage::Usage;

use crate::http::{Request, Response, secret};
use crate::{Result, Timestamp, time};

/// The address of the Graph API.
pub const API: &str = "https://graph.facebook.com";

/// The version that connectors ask for unless the account's settings name another. A
/// version is answered for about two years ("Graph API changelog").
pub const VERSION: &str = "v25.0";

/// A Graph API in the name of one token.
#[derive(Clone, Debug)]
pub struct Graph {
    base: String,
    token: String,
}

impl Graph {
    /// The API at `api` (`https://graph.facebook.com`), in a version (`v25.0`), with the
    /// token of this secret.
    pub fn new(api: &str, version: &str, token: &str) -> Self {
        let (api, version) = (api.trim_end_matches('/'), version.trim_matches('/'));
        let base = if version.is_empty() {
            api.to_owned()
        } else {
            format!("{api}/{version}")
        };
        Graph {
            base,
            token: token.to_owned(),
        }
    }

    /// The same API with another token.
    #[must_use]
    pub fn with(&self, token: &str) -> Self {
        Graph {
            base: self.base.clone(),
            token: token.to_owned(),
        }
    }

    /// The address of a path (`/me/accounts`).
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// A request to a path, with the token as `authorization: Bearer`.
    pub fn request(&self, method: &str, path: &str) -> Request {
        Request::new(method, self.url(path)).bearer(&self.token)
    }

    /// A `GET` request to a path.
    pub fn get(&self, path: &str) -> Request {
        self.request("GET", path)
    }

    /// A `POST` request to a path.
    pub fn post(&self, path: &str) -> Request {
        self.request("POST", path)
    }

    /// A `DELETE` request to a path.
    pub fn delete(&self, path: &str) -> Request {
        self.request("DELETE", path)
    }

    /// What the upload host (`rupload.facebook.com`) takes in the place of `Bearer`.
    pub fn oauth(&self) -> String {
        format!("OAuth {}", secret(&self.token))
    }
}

/// Sends what publishes nothing and is harmless to repeat.
///
/// # Errors
/// The API's error in the queue's terms, as [`Failure::for_read`] has it.
pub fn read(request: Request) -> Result<Response> {
    send(request)
        .map_err(|failure| failure.for_read())
        .and_then(Response::for_read)
}

/// Sends what can't be taken back.
///
/// # Errors
/// The API's error in the queue's terms, as [`Failure::for_commit`] has it.
pub fn commit(request: Request) -> Result<Response> {
    send(request)
        .map_err(|failure| failure.for_commit())
        .and_then(Response::for_commit)
}

/// Sends it, and gives every refusal as it came.
///
/// # Errors
/// There was no answer, it was no success, or it was one with an error inside.
pub fn send(request: Request) -> Result<Response, Failure> {
    let response = request.send().map_err(Failure::Unsent)?;
    match Refusal::of(&response) {
        Some(refusal) => Err(Failure::Refused(Box::new(refusal))),
        None if response.is_success() => Ok(response),
        None => Err(Failure::Other(Box::new(response))),
    }
}

/// The moment of a time as the Graph API writes it: `2026-11-24T12:00:00+0000`, whose
/// offset has no colon, or seconds since 1970.
pub fn moment(text: &str) -> Option<Timestamp> {
    if let Ok(seconds) = text.parse::<u64>() {
        return seconds.checked_mul(1000);
    }
    if let Some(moment) = time::parse_rfc3339(text) {
        return Some(moment);
    }
    let at = text.len().checked_sub(2)?;
    let (most, minutes) = text.split_at_checked(at)?;
    time::parse_rfc3339(&format!("{most}:{minutes}"))
}
