//! What the credentials open: one creator.

use jarchi_plugin_sdk::connection::{Standing, Target};
use jarchi_plugin_sdk::{Problem, Result};

use crate::api::Api;
use crate::publish::Creator;

fn url(creator: &Creator) -> Option<String> {
    let name = &creator.creator_username;
    (!name.is_empty()).then(|| format!("https://www.tiktok.com/@{name}"))
}

fn name(creator: &Creator) -> String {
    match creator.creator_nickname.trim() {
        "" => creator.creator_username.clone(),
        name => format!("{name} (@{})", creator.creator_username),
    }
}

/// The creator, and that there is nothing to choose.
///
/// # Errors
/// TikTok did not tell.
pub fn targets(api: &Api) -> Result<Vec<Target>> {
    let creator = Creator::of(api)?;
    Ok(vec![Target {
        id: creator.creator_username.clone(),
        name: name(&creator),
        kind: "account".into(),
        url: url(&creator),
        obstacle: None,
        settings: "{}".into(),
    }])
}

/// How the account stands.
///
/// # Errors
/// TikTok did not tell.
pub fn check(api: &Api) -> Result<Standing> {
    let creator = Creator::of(api)?;
    let privacy = &api.settings.privacy;
    let mut problems = Vec::new();
    if !api.settings.draft && !creator.privacy_level_options.contains(privacy) {
        problems.push(Problem::error(
            "settings.privacy",
            format!(
                "the creator can't post as {privacy}; TikTok offers {}",
                creator.privacy_level_options.join(", ")
            ),
        ));
    }
    problems.push(Problem::warning(
        "account",
        "posts of an app that TikTok has not audited have to be SELF_ONLY",
    ));
    Ok(Standing {
        name: name(&creator),
        url: url(&creator),
        scopes: vec![],
        lacking: vec![],
        expires: None,
        quotas: vec![],
        problems,
    })
}
