//! Promotions of the Page's posts, by the Marketing API. Sources: "Ad Creative"
//! (`object_story_id`), "Page Post" (`is_eligible_for_promotion`, `promotable_id`), "Video"
//! (`post_id`).

use jarchi_plugin_sdk::graph::{self, Ads};
use jarchi_plugin_sdk::http::encode;
use jarchi_plugin_sdk::promoter::{Campaign, Promotion};
use jarchi_plugin_sdk::{Error, Problem, Receipt, Result};
use serde::Deserialize;
use serde_json::json;

use crate::api::Api;
use crate::publish::is_story;

/// The ad account. A Page's token has no say in it, so that the one that was given manages
/// it.
///
/// # Errors
/// `Invalid`: promotions are not set up.
pub fn of(api: &Api) -> Result<Ads<'_>> {
    let account = api.settings.ad_account.as_deref().ok_or_else(|| {
        Error::invalid("promotions need the account's setting `ad_account`: its number")
    })?;
    Ok(Ads::new(
        &api.given,
        account,
        api.settings.ad_beneficiary.as_deref(),
    ))
}

/// What Meta would refuse.
///
/// # Errors
/// Promotions are not set up.
pub fn validate(api: &Api, promotion: &Promotion) -> Result<Vec<Problem>> {
    Ok(of(api)?.validate(promotion))
}

/// Starts a promotion.
///
/// # Errors
/// Meta refused, or whether the campaign was switched on is not known.
pub fn start(api: &Api, promotion: &Promotion) -> Result<Campaign> {
    of(api)?.start(promotion, &["facebook"], || {
        Ok(json!({ "object_story_id": story(api, &promotion.post)? }))
    })
}

/// What of the post is promoted: `PAGE_POST`.
fn story(api: &Api, post: &Receipt) -> Result<String> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Told {
        post_id: Option<String>,
        is_eligible_for_promotion: Option<bool>,
        promotable_id: Option<String>,
    }
    if is_story(post) {
        return Err(Error::invalid("a story can't be promoted"));
    }
    let own = api.own()?;
    let ask = |id: &str, fields: &str| -> Result<Told> {
        let request = own.get(&format!("/{}", encode(id)));
        graph::read(request.query("fields", fields))
            .map_err(|error| error.context("the post to promote"))?
            .json()
    };
    let mut id = post.id.clone();
    if !id.contains('_') {
        // A video is known by its own number.
        id = ask(&id, "post_id")?
            .post_id
            .ok_or_else(|| Error::invalid("Facebook tells of no post that the video belongs to"))?;
    }
    if !id.contains('_') {
        id = format!("{}_{id}", api.page()?);
    }
    let told = ask(&id, "is_eligible_for_promotion,promotable_id")?;
    if told.is_eligible_for_promotion == Some(false) {
        return Err(Error::invalid(
            "Facebook does not let this post be promoted",
        ));
    }
    Ok(told.promotable_id.unwrap_or(id))
}
