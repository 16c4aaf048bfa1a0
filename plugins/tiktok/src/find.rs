//! What became of a step whose answer was lost.

use jarchi_plugin_sdk::{Delivery, Finding, Result, Timestamp};

use crate::api::Api;
use crate::plan::Plan;
use crate::publish::{State, Status};

/// Looks for what the step was to publish.
///
/// # Errors
/// TikTok did not tell.
pub fn find(delivery: &Delivery, mut state: State, _: Timestamp) -> Result<Finding> {
    let api = Api::of(&delivery.account)?;
    let plan = Plan::of(&api.settings, &delivery.post)?;
    if state.publish_id.is_empty() {
        return Ok(match plan.is_video {
            // An upload that got no bytes dies.
            true => Finding::Absent,
            // The number of the publication is lost with the answer, and lists have no
            // photos ("List Videos").
            false => Finding::CannotTell(
                "TikTok lists no photos: look in the app whether the post is there".into(),
            ),
        });
    }
    let status = Status::of(&api, &state.publish_id)?;
    let size = delivery.post.media.first().map_or(0, |file| file.size);
    if status.status == "PROCESSING_UPLOAD" && status.uploaded_bytes < size && !state.sent {
        return Ok(Finding::Absent);
    }
    state.sent = true;
    Ok(Finding::Partial(
        state.progress("TikTok processes the post")?,
    ))
}
