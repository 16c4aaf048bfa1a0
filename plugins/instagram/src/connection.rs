//! What the credentials open, and how the account stands.

use jarchi_plugin_sdk::connection::{Quota, Standing, Target};
use jarchi_plugin_sdk::graph::{self, List, pages};
use jarchi_plugin_sdk::http::encode;
use jarchi_plugin_sdk::{Problem, Result, log};
use serde::Deserialize;
use serde_json::json;

use crate::api::{Api, Login};

/// What Facebook Login has to grant.
const SCOPES: [&str; 5] = [
    "instagram_basic",
    "instagram_content_publish",
    "instagram_manage_comments",
    "instagram_manage_insights",
    "pages_read_engagement",
];
/// Pages of Pages.
const PAGES: usize = 5;

#[derive(Debug, Deserialize)]
struct Page {
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    instagram_business_account: Option<Linked>,
}

#[derive(Debug, Deserialize)]
struct Linked {
    id: String,
    #[serde(default)]
    username: Option<String>,
}

fn address(username: &str) -> String {
    format!("https://www.instagram.com/{}/", encode(username))
}

/// The Instagram accounts that can be posted as.
///
/// # Errors
/// The platform did not tell.
pub fn targets(api: &Api) -> Result<Vec<Target>> {
    if api.settings.login == Login::Instagram {
        let me = api.me()?;
        return Ok(vec![Target {
            url: Some(address(&me.username)),
            settings: json!({ "login": "instagram", "user": me.id }).to_string(),
            id: me.id,
            name: me.username,
            kind: "professional account".into(),
            obstacle: None,
        }]);
    }
    let fields = "id,name,instagram_business_account{id,username}";
    let request = api.graph.get("/me/accounts").query("fields", fields);
    let mut targets = Vec::new();
    for page in pages::<Page>(request.query("limit", 100), PAGES) {
        targets.extend(page?.into_iter().map(target));
    }
    Ok(targets)
}

fn target(page: Page) -> Target {
    let mut settings = json!({ "login": "facebook", "page": page.id });
    match page.instagram_business_account {
        Some(linked) => {
            settings["user"] = json!(linked.id);
            Target {
                id: linked.id,
                url: linked.username.as_deref().map(address),
                name: linked.username.unwrap_or(page.name),
                kind: "professional account".into(),
                obstacle: None,
                settings: settings.to_string(),
            }
        }
        None => Target {
            id: page.id,
            name: page.name,
            kind: "Page".into(),
            url: None,
            obstacle: Some("no Instagram account is linked to this Page".into()),
            settings: settings.to_string(),
        },
    }
}

#[derive(Debug, Deserialize)]
struct Profile {
    username: String,
    #[serde(default)]
    account_type: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Publishing {
    #[serde(default)]
    quota_usage: u64,
    #[serde(default)]
    config: Option<Config>,
}

#[derive(Debug, Deserialize)]
struct Config {
    #[serde(default)]
    quota_total: Option<u64>,
}

/// How the account stands.
///
/// # Errors
/// The platform did not tell.
pub fn check(api: &Api) -> Result<Standing> {
    let own = api.settings.login == Login::Instagram;
    let fields = if own {
        "username,account_type"
    } else {
        "username"
    };
    let path = format!("/{}", encode(&api.user()?));
    let profile: Profile = graph::read(api.graph.get(&path).query("fields", fields))?.json()?;
    let mut problems = Vec::new();
    // Posts go out without it.
    if let Err(error) = api.renew_page() {
        let message = format!("messages can't be read or answered: {}", error.reason());
        problems.push(Problem::warning("settings.page", message));
    }
    // "BUSINESS" and "MEDIA_CREATOR" are the professional ones ("Get Started").
    if profile.account_type.as_deref() == Some("PERSONAL") {
        problems.push(Problem::error(
            "account",
            "the API posts on professional accounts only: switch to one in the app's settings",
        ));
    }
    let (scopes, lacking) = match own {
        // Instagram Login does not tell them.
        true => (vec![], vec![]),
        false => api.graph.permissions(&SCOPES),
    };
    let quotas = match publishing(api) {
        Ok(quotas) => quotas,
        // It is documented for Facebook Login only.
        Err(error) => {
            log::info!(reason = error.reason(); "the publishing quota was not told");
            vec![]
        }
    };
    if quotas
        .iter()
        .any(|quota| quota.limit.is_some_and(|limit| quota.used >= limit))
    {
        problems.push(Problem::warning(
            "account",
            "today's number of posts is used up: the next is taken when a day has passed",
        ));
    }
    Ok(Standing {
        url: Some(address(&profile.username)),
        name: profile.username,
        scopes,
        lacking,
        expires: None,
        quotas,
        problems,
    })
}

fn publishing(api: &Api) -> Result<Vec<Quota>> {
    let request = api.graph.get(&api.below("content_publishing_limit")?);
    let request = request.query("fields", "quota_usage,config");
    let told: List<Publishing> = graph::read(request)?.json()?;
    let quota = |told: &Publishing| Quota {
        name: "posts in 24 hours".into(),
        used: told.quota_usage,
        limit: told.config.as_ref().and_then(|config| config.quota_total),
        resets: None,
    };
    Ok(told.data.iter().map(quota).collect())
}
