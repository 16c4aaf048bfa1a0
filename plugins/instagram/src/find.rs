//! What became of a step whose answer was lost.

use jarchi_plugin_sdk::graph;
use jarchi_plugin_sdk::http::encode;
use jarchi_plugin_sdk::{Delivery, Finding, Result, Timestamp};

use crate::api::{Api, Media, SKEW};
use crate::inbox::{self, Comment};
use crate::plan::{Kind, Plan};
use crate::publish::{State, Status};

const FIELDS: &str = "id,caption,permalink,timestamp,media_product_type";
/// Pages that are looked through.
const PAGES: usize = 4;

/// Looks for what the step was to publish.
///
/// # Errors
/// Instagram did not tell.
pub fn find(delivery: &Delivery, mut state: State, since: Timestamp) -> Result<Finding> {
    let api = Api::of(&delivery.account)?;
    if let Some(media) = state.media.clone() {
        return comment(&api, delivery, state, &media, since);
    }
    let plan = Plan::of(&delivery.post)?;
    let Some(container) = state.main(plan.kind).filter(|container| container.ready) else {
        // Containers are seen by nobody.
        return Ok(Finding::Absent);
    };
    let code = match Status::try_of(&api, &container.id, "status_code") {
        Ok(status) => status.status_code,
        Err(failure) if failure.is_gone() => String::new(),
        Err(failure) => return Err(failure.for_read()),
    };
    match (code.as_str(), published(&api, delivery, since)?) {
        ("PUBLISHED", Some(media)) => {
            state.found(&media);
            if delivery.post.first_comment.is_some() {
                let note = "published; the first comment is missing";
                return Ok(Finding::Partial(state.progress(note)?));
            }
            Ok(Finding::Found(state.receipt()?))
        }
        ("PUBLISHED", None) => Ok(Finding::CannotTell(
            "Instagram says that the post is published, and does not list it yet".into(),
        )),
        ("FINISHED" | "IN_PROGRESS" | "ERROR" | "EXPIRED", _) => Ok(Finding::Absent),
        (other, _) => Ok(Finding::CannotTell(format!(
            "Instagram does not tell what became of the container ({other})"
        ))),
    }
}

/// The delivery's post among the account's newest.
///
/// # Errors
/// Instagram did not tell.
pub fn published(api: &Api, delivery: &Delivery, since: Timestamp) -> Result<Option<Media>> {
    let plan = Plan::of(&delivery.post)?;
    let edge = match plan.kind {
        Kind::Story => "stories",
        _ => "media",
    };
    let oldest = since.saturating_sub(SKEW);
    let request = api.graph.get(&api.below(edge)?);
    let request = request.query("fields", FIELDS).query("limit", 25);
    let mut found = None;
    for page in graph::pages::<Media>(request, PAGES) {
        for media in page? {
            if media.moment().is_some_and(|moment| moment < oldest) {
                return Ok(found);
            }
            // The lists are newest first; of several that fit, ours is the oldest since.
            if plan.kind == Kind::Story || same(media.caption.as_deref(), &plan.caption) {
                found = Some(media);
            }
        }
    }
    Ok(found)
}

/// The same words, however white space was kept.
pub fn same(told: Option<&str>, meant: &str) -> bool {
    told.unwrap_or_default()
        .split_whitespace()
        .eq(meant.split_whitespace())
}

fn comment(
    api: &Api,
    delivery: &Delivery,
    mut state: State,
    media: &str,
    since: Timestamp,
) -> Result<Finding> {
    let Some(wanted) = delivery.post.first_comment.as_deref() else {
        return Ok(Finding::Found(state.receipt()?));
    };
    if !state.looked_up {
        // The comment was not sent yet.
        return Ok(Finding::Partial(
            state.progress("published; the first comment is missing")?,
        ));
    }
    let me = api.me()?;
    let request = api.graph.get(&format!("/{}/comments", encode(media)));
    let request = request.query("fields", inbox::COMMENT).query("limit", 50);
    let mut pages = graph::pages::<Comment>(request, PAGES);
    for page in pages.by_ref() {
        let ours = page?.into_iter().find(|comment| {
            comment.is_by(&me)
                && same(comment.text.as_deref(), wanted)
                && comment.moment() >= since.saturating_sub(SKEW)
        });
        if let Some(ours) = ours {
            state.comment = Some(ours.id);
            return Ok(Finding::Found(state.receipt()?));
        }
    }
    Ok(match pages.more() {
        false => Finding::Absent,
        true => Finding::CannotTell("the post has too many comments to look through".into()),
    })
}
