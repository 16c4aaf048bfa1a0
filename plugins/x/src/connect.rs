//! What the credentials open: one account.

use jarchi_plugin_sdk::connection::{Quota, Standing, Target};
use jarchi_plugin_sdk::http::Response;
use jarchi_plugin_sdk::{Problem, Result, count};

use crate::api::{Api, Me};

/// The account, and that there is nothing to choose.
///
/// # Errors
/// X did not tell.
pub fn targets(api: &Api) -> Result<Vec<Target>> {
    let (me, _) = api.me()?;
    Ok(vec![Target {
        id: me.id.clone(),
        name: name(&me),
        kind: "account".into(),
        url: Some(url(&me)),
        obstacle: None,
        settings: "{}".into(),
    }])
}

/// Whether the account can be reached, and as whom.
///
/// # Errors
/// X did not tell.
pub fn check(api: &Api) -> Result<Standing> {
    let (me, response) = api.me()?;
    let mut problems = Vec::new();
    if me.protected {
        problems.push(Problem::warning(
            "account",
            "the account is protected: only its followers see the posts",
        ));
    }
    let has_premium = me
        .subscription_type
        .as_deref()
        .is_some_and(|kind| kind != "None" && kind != "none");
    if api.settings.text > count::x::LIMIT && me.subscription_type.is_some() && !has_premium {
        problems.push(Problem::warning(
            "settings.text",
            "X takes posts above 280 of accounts with Premium alone, and this one has none",
        ));
    }
    problems.extend(api.settings.costs.then(|| {
        Problem::warning(
            "account",
            "on pay per use a post costs 0.015 USD, one with a link 0.20 USD (April 2026)",
        )
    }));
    Ok(Standing {
        name: name(&me),
        url: Some(url(&me)),
        // X tells the scopes with the token alone.
        scopes: vec![],
        lacking: vec![],
        expires: None,
        quotas: quotas(&response),
        problems,
    })
}

fn name(me: &Me) -> String {
    match me.name.trim() {
        "" => format!("@{}", me.username),
        name => format!("{name} (@{})", me.username),
    }
}

fn url(me: &Me) -> String {
    format!("https://x.com/{}", me.username)
}

/// The windows of a day, where X tells them.
fn quotas(response: &Response) -> Vec<Quota> {
    let number = |name: String| response.header(&name)?.trim().parse::<u64>().ok();
    [
        ("x-user-limit-24hour", "requests of the account in 24 hours"),
        ("x-app-limit-24hour", "requests of the app in 24 hours"),
    ]
    .into_iter()
    .filter_map(|(family, what)| {
        let limit = number(format!("{family}-limit"))?;
        let left = number(format!("{family}-remaining"))?;
        Some(Quota {
            name: what.into(),
            used: limit.saturating_sub(left),
            limit: Some(limit),
            resets: number(format!("{family}-reset")).map(|seconds| seconds * 1000),
        })
    })
    .collect()
}
