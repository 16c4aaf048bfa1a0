//! Publishing: files first, which nobody sees, then the one call that publishes, then the
//! first comment; one of them a call.

use jarchi_plugin_sdk::graph::{self, Graph};
use jarchi_plugin_sdk::http::{Multipart, encode};
use jarchi_plugin_sdk::{
    Delivery, Error, MediaItem, Outcome, Progress, Receipt, Result, Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::api::{Api, Made};
use crate::check;
use crate::plan::{Kind, Plan};
use crate::stories;
use crate::video::{self, Upload};

/// The same was posted before ("Graph API, Handling Errors").
const DUPLICATE: i64 = 506;
/// These photos are posted already.
const PHOTOS_POSTED: i64 = 1_366_051;

/// What is done.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// The photos that are there, unpublished.
    pub photos: Vec<String>,
    pub video: Option<Upload>,
    /// The post, once it is out or planned: `PAGE_POST`, the video's number, or the
    /// story's.
    pub post: Option<String>,
    /// When Facebook publishes it by itself.
    pub planned: Option<Timestamp>,
    pub story: bool,
    pub url: Option<String>,
    pub published_at: Option<Timestamp>,
    /// Its address was asked for.
    pub looked_up: bool,
    pub comment: Option<String>,
}

/// A post, as Facebook tells of it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Told {
    pub id: String,
    pub message: Option<String>,
    pub permalink_url: Option<String>,
    pub created_time: Option<String>,
}

/// A post that is a story ("Stories API" has nothing but their list).
pub fn is_story(receipt: &Receipt) -> bool {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Data {
        story: bool,
    }
    receipt.data::<Data>().is_ok_and(|data| data.story)
}

impl State {
    /// # Errors
    /// `Invalid`: it is no JSON.
    pub fn progress(&self, note: impl Into<String>) -> Result<Progress> {
        Ok(Progress::new(self, note)?.visible(self.post.is_some() && self.planned.is_none()))
    }

    /// # Errors
    /// `Invalid`: nothing is published.
    pub fn receipt(&self) -> Result<Receipt> {
        let id = self.post.clone().ok_or_else(|| {
            Error::invalid("the delivery's state names no post, although it is published")
        })?;
        Ok(Receipt {
            id,
            url: self.url.clone(),
            published_at: self.planned.or(self.published_at),
            parts: self.comment.iter().cloned().collect(),
            data: self.story.then(|| json!({ "story": true }).to_string()),
        })
    }

    /// The post is out, and this is known of it.
    pub fn found(&mut self, told: &Told) {
        self.url = told.permalink_url.as_deref().map(whole_address);
        self.published_at = told.created_time.as_deref().and_then(graph::moment);
        self.looked_up = true;
    }
}

/// Videos are told without the host.
fn whole_address(address: &str) -> String {
    match address.starts_with('/') {
        true => format!("https://www.facebook.com{address}"),
        false => address.to_owned(),
    }
}

/// The next step.
///
/// # Errors
/// As the interface's `publish`.
pub fn step(delivery: &Delivery, mut state: State) -> Result<Outcome> {
    let api = Api::of(&delivery.account)?;
    let plan = Plan::of(&delivery.post)?;
    let own = api.own()?;
    if state.post.is_some() {
        return after(&api, &own, delivery, &plan, state);
    }
    if let Some(moment) = plan.planned {
        // It is refused in the end, so that nothing is uploaded for it.
        check::in_time(moment)
            .map_err(|words| Error::invalid(format!("options.schedule: {words}")))?;
    }
    if !plan.kind.is_of_photos() {
        return video::step(&api, delivery, &plan, state);
    }
    if let Some(file) = plan.media.get(state.photos.len()) {
        state.photos.push(photo(&api, &own, &plan, file)?);
        let note = format!(
            "{} of {} photos uploaded",
            state.photos.len(),
            plan.media.len()
        );
        return Ok(state.progress(note)?.into());
    }
    if plan.kind == Kind::PhotoStory {
        return stories::of_photo(&api, &own, delivery.attempt, state);
    }
    let mut body = json!({ "message": plan.message, "published": true });
    if let Some(link) = plan.link {
        body["link"] = json!(link);
    }
    if !state.photos.is_empty() {
        let attached = state.photos.iter().map(|id| json!({ "media_fbid": id }));
        body["attached_media"] = attached.collect();
    }
    if let Some(moment) = plan.planned {
        body["published"] = json!(false);
        body["scheduled_publish_time"] = json!(moment / 1000);
        body["unpublished_content_type"] = json!("SCHEDULED");
    }
    let request = own.post(&api.below("feed")?).json(&body);
    let answer = graph::send(request).map_err(|failure| {
        let again = failure.is(DUPLICATE) || failure.is(PHOTOS_POSTED);
        let error = failure.for_commit();
        match again && delivery.attempt > 1 {
            // An attempt before may be what it is a duplicate of: the list decides.
            true => Error::unknown_outcome(error.reason().to_owned()),
            false => error,
        }
        .context("publishing")
    })?;
    let Made { id } = answer.for_commit()?.json()?;
    state.post = Some(id);
    state.planned = plan.planned;
    let note = match state.planned {
        Some(_) => "Facebook publishes it at the planned time",
        None => "published",
    };
    Ok(state.progress(note)?.into())
}

fn photo(api: &Api, own: &Graph, plan: &Plan<'_>, file: &MediaItem) -> Result<String> {
    let mut form = Multipart::new()
        .text("published", "false")
        .media("source", &file.name, &file.mime, &file.id);
    if plan.planned.is_some() {
        // "Page Photos": of those that a planned post shows.
        form = form.text("temporary", "true");
    }
    if let Some(alt) = file
        .alt
        .as_deref()
        .map(str::trim)
        .filter(|alt| !alt.is_empty())
    {
        form = form.text("alt_text_custom", alt);
    }
    let request = own.post(&api.below("photos")?).multipart(form);
    let Made { id } = graph::read(request)
        .map_err(|error| error.context(format!("uploading {}", file.name)))?
        .json()?;
    Ok(id)
}

/// The post is out: its address, then the first comment.
fn after(
    api: &Api,
    own: &Graph,
    delivery: &Delivery,
    plan: &Plan<'_>,
    mut state: State,
) -> Result<Outcome> {
    let id = state.post.clone().unwrap_or_default();
    if plan.kind.is_story() {
        return stories::after(api, own, state);
    }
    if !state.looked_up {
        if plan.kind != Kind::Feed
            && let Some(outcome) = video::wait(own, &id, &mut state)?
        {
            return Ok(outcome);
        }
        let request = own
            .get(&format!("/{}", encode(&id)))
            .query("fields", "id,permalink_url,created_time");
        match graph::read(request).and_then(|answer| answer.json::<Told>()) {
            Ok(told) => state.found(&told),
            // A post without its address is better than one that counts as failed.
            Err(error) => {
                jarchi_plugin_sdk::warn!(reason = error.reason(); "the post's address was not told")
            }
        }
        state.looked_up = true;
        if delivery.post.first_comment.is_some() {
            return Ok(state
                .progress("published; the first comment is missing")?
                .into());
        }
    } else if let Some(message) = delivery.post.first_comment.as_deref()
        && state.comment.is_none()
    {
        let request = own.post(&format!("/{}/comments", encode(&id)));
        let Made { id } = graph::commit(request.json(&json!({ "message": message })))
            .map_err(|error| error.context("the first comment"))?
            .json()?;
        state.comment = Some(id);
    }
    Ok(state.receipt()?.into())
}

/// Takes a post back, or cancels a planned one. One that is gone already is a success.
///
/// # Errors
/// Facebook's refusal.
pub fn delete(api: &Api, receipt: &Receipt) -> Result<()> {
    if is_story(receipt) {
        return Err(Error::unsupported(
            "Facebook's API deletes no stories; they end after a day",
        ));
    }
    match graph::send(api.own()?.delete(&format!("/{}", encode(&receipt.id)))) {
        Ok(_) => Ok(()),
        Err(failure) if failure.is_gone() => Ok(()),
        Err(failure) => Err(failure.for_read()),
    }
}
