//! What the credentials open, and how the Page stands.

use jarchi_plugin_sdk::connection::{Standing, Target};
use jarchi_plugin_sdk::graph::{self, pages};
use jarchi_plugin_sdk::http::encode;
use jarchi_plugin_sdk::{Problem, Result};
use serde::Deserialize;
use serde_json::json;

use crate::api::Api;

/// What the connector needs.
const SCOPES: [&str; 6] = [
    "pages_show_list",
    "pages_manage_posts",
    "pages_read_engagement",
    "pages_manage_engagement",
    "pages_read_user_content",
    "pages_messaging",
];
/// Pages of Pages.
const PAGES: usize = 5;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Page {
    id: String,
    name: String,
    link: Option<String>,
    /// What the person may do on it.
    tasks: Option<Vec<String>>,
    is_published: Option<bool>,
}

/// The Pages that can be posted as.
///
/// # Errors
/// Facebook did not tell.
pub fn targets(api: &Api) -> Result<Vec<Target>> {
    let request = api
        .given
        .get("/me/accounts")
        .query("fields", "id,name,link,tasks")
        .query("limit", 100);
    let mut targets = Vec::new();
    for page in pages::<Page>(request, PAGES) {
        targets.extend(page?.into_iter().map(target));
    }
    Ok(targets)
}

fn target(page: Page) -> Target {
    let may = |tasks: &Vec<String>| tasks.iter().any(|task| task == "CREATE_CONTENT");
    let obstacle = page.tasks.as_ref().is_some_and(|tasks| !may(tasks));
    Target {
        settings: json!({ "page": page.id }).to_string(),
        id: page.id,
        name: page.name,
        kind: "Page".into(),
        url: page.link,
        obstacle: obstacle.then(|| "the person may not create content on this Page".into()),
    }
}

/// How the Page stands.
///
/// # Errors
/// Facebook did not tell.
pub fn check(api: &Api) -> Result<Standing> {
    let path = format!("/{}", encode(api.page()?));
    let request = api
        .own_anew()?
        .get(&path)
        .query("fields", "id,name,link,is_published");
    let page: Page = graph::read(request)?.json()?;
    let hidden = page.is_published == Some(false);
    let problems = hidden.then(|| {
        let message = "the Page is not published: nobody sees its posts";
        Problem::warning("settings.page", message)
    });
    let (scopes, lacking) = api.given.permissions(&SCOPES);
    Ok(Standing {
        name: page.name,
        url: page.link,
        scopes,
        lacking,
        expires: None,
        quotas: vec![],
        problems: problems.into_iter().collect(),
    })
}
