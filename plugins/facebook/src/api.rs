//! The Graph API in a Page's name.

use jarchi_plugin_sdk::graph::{self, Graph, VERSION};
use jarchi_plugin_sdk::http::encode;
use jarchi_plugin_sdk::{Account, Error, Millis, Result, Timestamp, clock, kv, log};
use serde::Deserialize;

/// How long the Page's token is taken to be the one in the vault.
const TOKEN_KEPT: Millis = 60 * 60 * 1000;
/// How far Facebook's clock may be behind ours.
pub const SKEW: Millis = 120_000;

/// The account's settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct Settings {
    pub page: Option<String>,
    pub api: String,
    pub video_api: String,
    pub upload: String,
    pub version: String,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            page: None,
            api: graph::API.into(),
            video_api: "https://graph-video.facebook.com".into(),
            upload: "https://rupload.facebook.com".into(),
            version: VERSION.into(),
        }
    }
}

/// The account's API.
pub struct Api {
    pub settings: Settings,
    /// With the token that was given.
    pub given: Graph,
}

/// What something is answered with when it is made.
#[derive(Debug, Deserialize)]
pub struct Made {
    pub id: String,
}

fn kept(error: kv::Error) -> Error {
    Error::transient(format!("the plugin's memory: {error:?}"))
}

impl Api {
    /// # Errors
    /// `Invalid`: a setting does not fit.
    pub fn of(account: &Account) -> Result<Self> {
        let settings: Settings = account.settings()?;
        let given = Graph::new(&settings.api, &settings.version, "access_token");
        Ok(Api { settings, given })
    }

    /// # Errors
    /// `Invalid`: no Page is chosen.
    pub fn page(&self) -> Result<&str> {
        self.settings.page.as_deref().ok_or_else(|| {
            Error::invalid(
                "the account's setting `page` names the Page: `jarchi account target` lists them",
            )
        })
    }

    /// The API with the Page's own token, which all that a Page does needs.
    ///
    /// # Errors
    /// Facebook did not give the token, or no Page is chosen.
    pub fn own(&self) -> Result<Graph> {
        let asked: Option<Timestamp> = kv::get(&self.token_key()?).map_err(kept)?;
        match asked {
            Some(at) if clock::now().saturating_sub(at) < TOKEN_KEPT => {
                Ok(self.given.with("page_token"))
            }
            Some(_) => match self.own_anew() {
                // A Page's token outlives that of the user who asked for it.
                Err(Error::Unauthorized(reason)) => {
                    log::info!(reason = reason; "the Page's token was not given again");
                    Ok(self.given.with("page_token"))
                }
                asked => asked,
            },
            None => self.own_anew(),
        }
    }

    /// As [`own`](Api::own), with a token that was just asked for.
    ///
    /// # Errors
    /// As there.
    pub fn own_anew(&self) -> Result<Graph> {
        let path = format!("/{}", encode(self.page()?));
        // The broker takes the token out of the answer.
        graph::read(self.given.get(&path).query("fields", "access_token"))
            .map_err(|error| error.context("asking for the Page's token"))?;
        kv::set(&self.token_key()?, &clock::now()).map_err(kept)?;
        Ok(self.given.with("page_token"))
    }

    fn token_key(&self) -> Result<String> {
        Ok(format!("page-token/{}", self.page()?))
    }

    /// A path below the Page.
    ///
    /// # Errors
    /// `Invalid`: no Page is chosen.
    pub fn below(&self, edge: &str) -> Result<String> {
        Ok(format!("/{}/{edge}", encode(self.page()?)))
    }

    /// As [`own`](Api::own), at the host for videos.
    ///
    /// # Errors
    /// As there.
    pub fn videos(&self) -> Result<Graph> {
        self.own()?;
        let settings = &self.settings;
        Ok(Graph::new(
            &settings.video_api,
            &settings.version,
            "page_token",
        ))
    }
}
