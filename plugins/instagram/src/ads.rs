//! Promotions of posts, by the Marketing API. Source: "Ad Creative"
//! (`source_instagram_media_id`).

use jarchi_plugin_sdk::graph::Ads;
use jarchi_plugin_sdk::promoter::{Campaign, Promotion};
use jarchi_plugin_sdk::{Error, Problem, Result};
use serde_json::json;

use crate::api::{Api, Login};

/// The ad account.
///
/// # Errors
/// Promotions are not set up.
pub fn of(api: &Api) -> Result<Ads<'_>> {
    if api.settings.login != Login::Facebook {
        return Err(Error::unsupported(
            "posts are promoted with Facebook Login only",
        ));
    }
    let account = api.settings.ad_account.as_deref().ok_or_else(|| {
        Error::invalid("promotions need the account's setting `ad_account`: its number")
    })?;
    Ok(Ads::new(
        &api.graph,
        account,
        api.settings.ad_beneficiary.as_deref(),
    ))
}

/// What Meta would refuse.
///
/// # Errors
/// Promotions are not set up.
pub fn validate(api: &Api, promotion: &Promotion) -> Result<Vec<Problem>> {
    let mut problems = of(api)?.validate(promotion);
    if api.settings.page.is_none() {
        let words = "promotions need the account's setting `page`";
        problems.push(Problem::error("page", words));
    }
    Ok(problems)
}

/// Starts a promotion.
///
/// # Errors
/// Meta refused, or whether the campaign was switched on is not known.
pub fn start(api: &Api, promotion: &Promotion) -> Result<Campaign> {
    if let Some(problem) = validate(api, promotion)?.first() {
        return Err(Error::invalid(format!(
            "{}: {}",
            problem.place, problem.message
        )));
    }
    of(api)?.start(promotion, &["instagram"], || {
        Ok(json!({
            "source_instagram_media_id": promotion.post.id,
            "instagram_user_id": api.user()?, "object_id": api.settings.page,
        }))
    })
}
