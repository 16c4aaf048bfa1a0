//! Requests to the YouTube Data API.

use jarchi_plugin_sdk::http::{Request, Response};
use jarchi_plugin_sdk::{Account, Error, Result};
use serde_json::Value;

use crate::errors;
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

    /// A request with the channel's token.
    pub fn request(&self, method: &str, path: &str) -> Request {
        let Settings { api, version, .. } = &self.settings;
        Request::new(method, format!("{api}/youtube/{version}{path}")).bearer(TOKEN)
    }

    /// Reading.
    pub fn get(&self, path: &str) -> Request {
        self.request("GET", path)
    }

    /// Writing.
    pub fn post(&self, path: &str) -> Request {
        self.request("POST", path)
    }

    /// Asking for reports.
    pub fn analytics(&self, path: &str) -> Request {
        let url = format!("{}{path}", self.settings.analytics);
        Request::new("GET", url).bearer(TOKEN)
    }

    /// Bringing files.
    pub fn upload(&self, path: &str) -> Request {
        let Settings { api, version, .. } = &self.settings;
        Request::new("POST", format!("{api}/upload/youtube/{version}{path}")).bearer(TOKEN)
    }

    /// The channel that the token is for.
    ///
    /// # Errors
    /// By the table of errors; `Unauthorized` where there is none.
    pub fn channel(&self, part: &str) -> Result<Value> {
        let request = self.get("/channels").query("part", part);
        let found = items(&errors::read(request.query("mine", true))?)?;
        found.into_iter().next().ok_or_else(|| {
            Error::unauthorized(
                "this Google account has no YouTube channel: make one, or connect the account that has it",
            )
        })
    }

    /// Where people see a video.
    pub fn address(&self, id: &str) -> String {
        format!("{}/watch?v={id}", self.settings.site)
    }
}

/// The items of a list; YouTube leaves an empty one out.
///
/// # Errors
/// It is no JSON.
pub fn items(answer: &Response) -> Result<Vec<Value>> {
    let mut whole: Value = answer.json()?;
    match whole.get_mut("items").map(Value::take) {
        Some(Value::Array(items)) => Ok(items),
        _ => Ok(Vec::new()),
    }
}
