//! What became of a step whose answer was lost.

use jarchi_plugin_sdk::graph::{self, Graph, List};
use jarchi_plugin_sdk::http::encode;
use jarchi_plugin_sdk::{Delivery, Finding, Result, Timestamp, clock};
use serde::Deserialize;

use crate::api::{Api, SKEW};
use crate::inbox::comments::{self, Ours};
use crate::plan::{Kind, Plan};
use crate::publish::{State, Told};
use crate::stories;
use crate::video::Status;

/// Pages that are looked through.
const PAGES: usize = 5;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Listed {
    #[serde(flatten)]
    told: Told,
    attachments: Option<List<Attachment>>,
    /// Seconds.
    scheduled_publish_time: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Attachment {
    target: Target,
    subattachments: Option<List<Attachment>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Target {
    id: String,
}

impl Listed {
    fn shows(&self, photo: &str) -> bool {
        let all = self.attachments.iter().flat_map(|list| &list.data);
        all.into_iter().any(|one| {
            let below = one.subattachments.iter().flat_map(|list| &list.data);
            one.target.id == photo || below.into_iter().any(|sub| sub.target.id == photo)
        })
    }
}

/// Looks for what the step was to publish.
///
/// # Errors
/// Facebook did not tell.
pub fn find(delivery: &Delivery, mut state: State, since: Timestamp) -> Result<Finding> {
    let api = Api::of(&delivery.account)?;
    let own = api.own()?;
    let plan = Plan::of(&delivery.post)?;
    if let Some(post) = state.post.clone() {
        return comment(&api, &own, delivery, state, &post, since);
    }
    if plan.kind == Kind::VideoStory && state.video.as_ref().is_some_and(|upload| upload.full) {
        if let Some(found) = stories::find(&api, &own, state.clone())? {
            return Ok(Finding::Found(found.receipt()?));
        }
        state.story = true;
    }
    if !plan.kind.is_of_photos() {
        return video(&own, &plan, state);
    }
    // Photos that are not published are seen by nobody.
    if state.photos.len() < plan.media.len() {
        return Ok(Finding::Absent);
    }
    if plan.kind == Kind::PhotoStory {
        return Ok(match stories::find(&api, &own, state)? {
            Some(found) => Finding::Found(found.receipt()?),
            None => Finding::Absent,
        });
    }
    let mut lists = vec![("published_posts", since.saturating_sub(SKEW))];
    if let Some(moment) = plan.planned {
        state.planned = plan.planned;
        // Once it is out, its time is the planned one.
        lists = vec![
            ("scheduled_posts", 0),
            ("published_posts", moment.saturating_sub(SKEW)),
        ];
        if clock::now() < moment {
            lists.truncate(1);
        }
    }
    let fields = match state.photos.is_empty() {
        true => "id,message,permalink_url,created_time,scheduled_publish_time",
        false => {
            "id,message,permalink_url,created_time,scheduled_publish_time,\
             attachments{target{id},subattachments{target{id}}}"
        }
    };
    for (list, oldest) in lists {
        if let Some(told) = among(&api, &own, &plan, &state, (list, oldest, fields))? {
            state.post = Some(told.id.clone());
            state.found(&told);
            return finding(delivery, state);
        }
    }
    Ok(Finding::Absent)
}

/// The post in a list: its edge, the oldest that it may be, and what is asked for.
fn among(
    api: &Api,
    own: &Graph,
    plan: &Plan<'_>,
    state: &State,
    (list, oldest, fields): (&str, Timestamp, &str),
) -> Result<Option<Told>> {
    let request = own
        .get(&api.below(list)?)
        .query("fields", fields)
        .query("limit", 50);
    for page in graph::pages::<Listed>(request, PAGES) {
        for listed in page? {
            let made = listed.told.created_time.as_deref().and_then(graph::moment);
            if made.is_some_and(|moment| moment < oldest) {
                return Ok(None);
            }
            let is_it = match state.photos.first() {
                // Photos can be posted once.
                Some(photo) => listed.shows(photo),
                None => {
                    let planned = listed.scheduled_publish_time;
                    let planned = planned.map(|seconds| seconds as Timestamp * 1000);
                    same(listed.told.message.as_deref(), &plan.message)
                        && (list != "scheduled_posts" || planned == plan.planned)
                }
            };
            if is_it {
                return Ok(Some(listed.told));
            }
        }
    }
    Ok(None)
}

fn finding(delivery: &Delivery, state: State) -> Result<Finding> {
    if delivery.post.first_comment.is_some() {
        let note = "published; the first comment is missing";
        return Ok(Finding::Partial(state.progress(note)?));
    }
    Ok(Finding::Found(state.receipt()?))
}

/// An upload can be finished once, so that doing it again can't double the video.
fn video(own: &Graph, plan: &Plan<'_>, mut state: State) -> Result<Finding> {
    let Some(upload) = state.video.clone().filter(|upload| upload.full) else {
        return Ok(Finding::Absent);
    };
    let status = Status::of(own, &upload.video)?;
    let begun = |phase: &str| matches!(phase, "in_progress" | "complete" | "error");
    if status.is_out() || begun(&status.processing_phase.status) {
        state.post = Some(upload.video);
        state.planned = plan.planned;
        return Ok(Finding::Partial(
            state.progress("Facebook processes the video")?,
        ));
    }
    Ok(Finding::Absent)
}

fn comment(
    api: &Api,
    own: &Graph,
    delivery: &Delivery,
    mut state: State,
    post: &str,
    since: Timestamp,
) -> Result<Finding> {
    let Some(wanted) = delivery.post.first_comment.as_deref() else {
        return Ok(Finding::Found(state.receipt()?));
    };
    let list = format!("/{}/comments", encode(post));
    Ok(
        match comments::ours(api, own, &list, wanted, since.saturating_sub(SKEW))? {
            Ours::There(id) => {
                state.comment = Some(id);
                Finding::Found(state.receipt()?)
            }
            Ours::Absent => Finding::Absent,
            Ours::TooMany => {
                Finding::CannotTell("there are too many comments to look through".into())
            }
        },
    )
}

/// Facebook trims texts, and may write white space otherwise.
pub fn same(theirs: Option<&str>, ours: &str) -> bool {
    let theirs = theirs.unwrap_or_default().split_whitespace();
    theirs.eq(ours.split_whitespace())
}
