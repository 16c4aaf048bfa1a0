//! What the credentials open: one account.

use jarchi_plugin_sdk::connection::{Standing, Target};
use jarchi_plugin_sdk::{Problem, Result};
use serde::Deserialize;

use crate::api::{Api, Stake, ask};
use crate::publish::Creator;

/// What TikTok tells of a user ("Get User Info").
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct User {
    open_id: String,
    display_name: String,
    username: String,
}

impl User {
    fn of(api: &Api) -> Result<Self> {
        #[derive(Debug, Default, Deserialize)]
        #[serde(default)]
        struct Told {
            user: User,
        }
        let request = api.request("GET", "/v2/user/info/");
        let request = request.query("fields", "open_id,display_name,username");
        ask::<Told>(request, Stake::Harmless).map(|told| told.user)
    }

    fn url(&self) -> Option<String> {
        (!self.username.is_empty()).then(|| format!("https://www.tiktok.com/@{}", self.username))
    }

    fn name(&self) -> String {
        match self.display_name.trim() {
            "" => self.username.clone(),
            name => format!("{name} (@{})", self.username),
        }
    }
}

/// The account, and that there is nothing to choose.
///
/// # Errors
/// TikTok did not tell.
pub fn targets(api: &Api) -> Result<Vec<Target>> {
    let user = User::of(api)?;
    Ok(vec![Target {
        name: user.name(),
        kind: "account".into(),
        url: user.url(),
        id: user.open_id,
        obstacle: None,
        settings: "{}".into(),
    }])
}

/// How the account stands.
///
/// # Errors
/// TikTok did not tell.
pub fn check(api: &Api) -> Result<Standing> {
    let user = User::of(api)?;
    let privacy = &api.settings.privacy;
    let mut problems = Vec::new();
    if !api.settings.draft {
        let offered = Creator::of(api)?.privacy_level_options;
        if !offered.contains(privacy) {
            problems.push(Problem::error(
                "settings.privacy",
                format!(
                    "the creator can't post as {privacy}; TikTok offers {}",
                    offered.join(", ")
                ),
            ));
        }
        problems.push(Problem::warning(
            "account",
            "posts of an app that TikTok has not audited have to be SELF_ONLY",
        ));
    }
    Ok(Standing {
        name: user.name(),
        url: user.url(),
        scopes: vec![],
        lacking: vec![],
        expires: None,
        quotas: vec![],
        problems,
    })
}
