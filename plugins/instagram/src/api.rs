//! The two ways to the same endpoints, and what is read of the account.

use jarchi_plugin_sdk::graph::{self, Graph, VERSION};
use jarchi_plugin_sdk::http::{Request, encode};
use jarchi_plugin_sdk::{Account, Error, Millis, Result, Timestamp, kv};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How long the account's name is remembered.
const REMEMBERED: Millis = 60 * 60 * 1000;
/// How far the platform's clock may be behind ours.
pub const SKEW: Millis = 120_000;

/// Which login the token comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Login {
    /// Instagram Login: an Instagram user's token, no Page.
    #[default]
    Instagram,
    /// Facebook Login: a Page's token, or that of a user with a role on the Page.
    Facebook,
}

/// How a video comes to Instagram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Videos {
    /// Its bytes are uploaded.
    #[default]
    Bytes,
    /// Instagram fetches it.
    Url,
}

/// How comments are answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answers {
    /// Below them.
    #[default]
    Public,
    /// By a message.
    Private,
}

/// The account's settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct Settings {
    pub login: Login,
    pub user: Option<String>,
    pub page: Option<String>,
    pub api: String,
    pub facebook_api: String,
    pub upload: String,
    pub version: String,
    pub videos: Videos,
    pub answer_comments: Answers,
    pub ad_account: Option<String>,
    pub ad_beneficiary: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            login: Login::Instagram,
            user: None,
            page: None,
            api: "https://graph.instagram.com".into(),
            facebook_api: graph::API.into(),
            upload: "https://rupload.facebook.com".into(),
            version: VERSION.into(),
            videos: Videos::Bytes,
            answer_comments: Answers::Public,
            ad_account: None,
            ad_beneficiary: None,
        }
    }
}

/// The account's API.
pub struct Api {
    pub settings: Settings,
    pub graph: Graph,
}

/// The account itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Me {
    /// The identifier that the endpoints take.
    pub id: String,
    pub username: String,
}

fn plain(id: &Value) -> String {
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}

/// What a container, a media or a comment is answered with when it is made.
#[derive(Debug, Deserialize)]
pub struct Made {
    pub id: String,
}

impl Api {
    /// The API that the account's settings choose.
    ///
    /// # Errors
    /// `Invalid`: a setting does not fit.
    pub fn of(account: &Account) -> Result<Self> {
        let settings: Settings = account.settings()?;
        let base = match settings.login {
            Login::Instagram => &settings.api,
            Login::Facebook => &settings.facebook_api,
        };
        let graph = Graph::new(base, &settings.version, "access_token");
        Ok(Api { settings, graph })
    }

    /// The account's identifier and name.
    ///
    /// # Errors
    /// Instagram did not tell, or Facebook Login lacks the setting `user`.
    pub fn me(&self) -> Result<Me> {
        kv::cached("me", REMEMBERED, || match self.settings.login {
            Login::Instagram => {
                // `id` is the app's own number for the user; the endpoints take `user_id`
                // ("Instagram API with Instagram Login, Get Started").
                #[derive(Deserialize)]
                struct Own {
                    // Written as a text or as a number.
                    user_id: Value,
                    username: String,
                }
                let request = self.graph.get("/me").query("fields", "user_id,username");
                let own: Own = graph::read(request)?.json()?;
                Ok(Me {
                    id: self
                        .settings
                        .user
                        .clone()
                        .unwrap_or_else(|| plain(&own.user_id)),
                    username: own.username,
                })
            }
            Login::Facebook => {
                let path = format!("/{}", encode(self.chosen()?));
                let request = self.graph.get(&path).query("fields", "id,username");
                graph::read(request)?.json()
            }
        })
    }

    /// The account's identifier.
    ///
    /// # Errors
    /// As [`me`](Api::me).
    pub fn user(&self) -> Result<String> {
        match &self.settings.user {
            Some(user) => Ok(user.clone()),
            None => self.me().map(|me| me.id),
        }
    }

    fn chosen(&self) -> Result<&str> {
        self.settings.user.as_deref().ok_or_else(|| {
            Error::invalid(
                "with Facebook Login, the account's setting `user` names the Instagram account: \
                 `jarchi account target` lists them",
            )
        })
    }

    /// A path below the account.
    ///
    /// # Errors
    /// As [`me`](Api::me).
    pub fn below(&self, edge: &str) -> Result<String> {
        Ok(format!("/{}/{edge}", encode(&self.user()?)))
    }

    /// A request for messages: with Facebook Login they belong to the Page, and are sent
    /// with its own token.
    ///
    /// # Errors
    /// Facebook did not give the Page's token, or `page` is not set.
    pub fn messenger(&self, method: &str, edge: &str) -> Result<Request> {
        match self.settings.login {
            Login::Instagram => Ok(self.graph.request(method, &self.below(edge)?)),
            Login::Facebook => {
                let path = format!("/{}/{edge}", encode(self.page()?));
                Ok(self.page_graph()?.request(method, &path))
            }
        }
    }

    /// The API as messages are read: with the Page's own token where there is one.
    ///
    /// # Errors
    /// As [`messenger`](Api::messenger).
    pub fn page_graph(&self) -> Result<Graph> {
        if self.settings.login == Login::Instagram {
            return Ok(self.graph.clone());
        }
        self.graph.as_page(self.page()?, "page_token")
    }

    /// Asks for the Page's token, where messages have one: after the account was connected
    /// anew, the one before is gone.
    ///
    /// # Errors
    /// Facebook did not give it.
    pub fn renew_page(&self) -> Result<()> {
        if self.settings.login == Login::Facebook
            && let Some(page) = &self.settings.page
        {
            self.graph.as_page_anew(page, "page_token")?;
        }
        Ok(())
    }

    fn page(&self) -> Result<&str> {
        self.settings.page.as_deref().ok_or_else(|| {
            Error::invalid("messages need the account's setting `page`: the linked Page's number")
        })
    }
}

/// A post, as lists and look-ups have it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Media {
    pub id: String,
    pub caption: Option<String>,
    pub permalink: Option<String>,
    pub timestamp: Option<String>,
    pub media_product_type: Option<String>,
    pub like_count: Option<i64>,
    pub comments_count: Option<i64>,
}

impl Media {
    /// When it was published.
    pub fn moment(&self) -> Option<Timestamp> {
        graph::moment(self.timestamp.as_deref()?)
    }
}
