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
use crate::plan::{Kind, Plan};
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
    /// The post, once it is out: `PAGE_POST`, or the video's number.
    pub post: Option<String>,
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

impl State {
    /// # Errors
    /// `Invalid`: it is no JSON.
    pub fn progress(&self, note: impl Into<String>) -> Result<Progress> {
        Ok(Progress::new(self, note)?.visible(self.post.is_some()))
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
            published_at: self.published_at,
            parts: self.comment.iter().cloned().collect(),
            data: None,
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
        return after(&own, delivery, &plan, state);
    }
    if plan.kind != Kind::Feed {
        return video::step(&api, delivery, &plan, state);
    }
    if let Some(file) = plan.media.get(state.photos.len()) {
        state.photos.push(photo(&api, &own, file)?);
        let note = format!(
            "{} of {} photos uploaded",
            state.photos.len(),
            plan.media.len()
        );
        return Ok(state.progress(note)?.into());
    }
    let mut body = json!({ "message": plan.message, "published": true });
    if let Some(link) = plan.link {
        body["link"] = json!(link);
    }
    if !state.photos.is_empty() {
        let attached = state.photos.iter().map(|id| json!({ "media_fbid": id }));
        body["attached_media"] = attached.collect();
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
    Ok(state.progress("published")?.into())
}

fn photo(api: &Api, own: &Graph, file: &MediaItem) -> Result<String> {
    let mut form = Multipart::new()
        .text("published", "false")
        .media("source", &file.name, &file.mime, &file.id);
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
fn after(own: &Graph, delivery: &Delivery, plan: &Plan<'_>, mut state: State) -> Result<Outcome> {
    let id = state.post.clone().unwrap_or_default();
    if !state.looked_up {
        let fields = match plan.kind {
            Kind::Feed => "id,permalink_url,created_time",
            Kind::Video | Kind::Reel => {
                if let Some(outcome) = video::wait(own, &id, &mut state)? {
                    return Ok(outcome);
                }
                "id,permalink_url,created_time"
            }
        };
        let request = own
            .get(&format!("/{}", encode(&id)))
            .query("fields", fields);
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

/// Takes a post back. One that is gone already is a success.
///
/// # Errors
/// Facebook's refusal.
pub fn delete(api: &Api, receipt: &Receipt) -> Result<()> {
    match graph::send(api.own()?.delete(&format!("/{}", encode(&receipt.id)))) {
        Ok(_) => Ok(()),
        Err(failure) if failure.is_gone() => Ok(()),
        Err(failure) => Err(failure.for_read()),
    }
}
