//! The Graph API in a Page's name.

use jarchi_plugin_sdk::graph::{self, Graph, VERSION};
use jarchi_plugin_sdk::http::encode;
use jarchi_plugin_sdk::{Account, Error, Millis, Result};
use serde::Deserialize;

/// How far Facebook's clock may be behind ours.
pub const SKEW: Millis = 120_000;

/// How comments are answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answers {
    /// Below them.
    #[default]
    Public,
    /// By a message to who wrote them.
    Private,
}

/// Whether messages are answered when the 24 hours are over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LateAnswers {
    /// Facebook refuses it.
    #[default]
    Never,
    /// For 7 days, as written by a human being.
    HumanAgent,
}

/// The account's settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct Settings {
    pub page: Option<String>,
    pub api: String,
    pub video_api: String,
    pub upload: String,
    pub version: String,
    pub answer_comments: Answers,
    pub late_answers: LateAnswers,
    pub ad_account: Option<String>,
    pub ad_beneficiary: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            page: None,
            api: graph::API.into(),
            video_api: "https://graph-video.facebook.com".into(),
            upload: "https://rupload.facebook.com".into(),
            version: VERSION.into(),
            answer_comments: Answers::Public,
            late_answers: LateAnswers::Never,
            ad_account: None,
            ad_beneficiary: None,
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
        self.given.as_page(self.page()?, "page_token")
    }

    /// As [`own`](Api::own), with a token that was just asked for.
    ///
    /// # Errors
    /// As there.
    pub fn own_anew(&self) -> Result<Graph> {
        self.given.as_page_anew(self.page()?, "page_token")
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
