//! Stories, once their photo or video is brought.
//!
//! Source: "Stories API". A photo or a video that was published once can't become a story,
//! so that nothing is doubled; the list tells what there is.

use jarchi_plugin_sdk::graph::{self, Graph, List};
use jarchi_plugin_sdk::{Error, Outcome, Result, warn};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use crate::api::Api;
use crate::publish::State;
use crate::video;

/// A story, as it is told when it is made, and in the list.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Story {
    #[serde(deserialize_with = "number")]
    pub post_id: String,
    #[serde(deserialize_with = "number")]
    media_id: String,
    url: Option<String>,
    /// Seconds.
    creation_time: Value,
}

/// Numbers are written as texts, or not.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) => text,
        other => other.to_string(),
    })
}

impl State {
    /// What the story is made of.
    fn media(&self) -> &str {
        let photo = self.photos.first().map(String::as_str);
        let video = self.video.as_ref().map(|upload| upload.video.as_str());
        photo.or(video).unwrap_or_default()
    }

    fn told(&mut self, story: &Story) {
        self.story = true;
        self.post = Some(story.post_id.clone());
        self.url = story.url.clone();
        let moment = match &story.creation_time {
            Value::String(text) => graph::moment(text),
            other => other.as_u64().map(|seconds| seconds * 1000),
        };
        self.published_at = moment;
    }
}

/// Publishes a photo as a story.
///
/// # Errors
/// As the interface's `publish`.
pub fn of_photo(api: &Api, own: &Graph, attempt: u32, mut state: State) -> Result<Outcome> {
    let request = own.post(&api.below("photo_stories")?);
    let request = request.json(&json!({ "photo_id": state.media() }));
    let answer = graph::commit(request).map_err(|error| {
        let error = error.context("publishing");
        match error {
            // An attempt before may have used the photo up: the list decides.
            Error::Invalid(reason) if attempt > 1 => Error::UnknownOutcome(reason),
            error => error,
        }
    })?;
    let story: Story = answer.for_commit()?.json()?;
    state.post = Some(story.post_id);
    state.story = true;
    Ok(state.progress("published")?.into())
}

/// The story is out, or about to be: its address.
///
/// # Errors
/// Facebook can't use the video, or did not tell.
pub fn after(api: &Api, own: &Graph, mut state: State) -> Result<Outcome> {
    if let Some(upload) = state.video.clone()
        && let Some(outcome) = video::wait(own, &upload.video, &mut state)?
    {
        return Ok(outcome);
    }
    state.story = true;
    match listed(api, own, &state) {
        Ok(Some(story)) => state.told(&story),
        // A story without its address is better than one that counts as failed.
        Ok(None) => warn!("the story is not in the list"),
        Err(error) => warn!(reason = error.reason(); "the story's address was not told"),
    }
    Ok(state.receipt()?.into())
}

/// The story of the photo or the video, where it is in the list.
///
/// # Errors
/// Facebook did not tell.
pub fn listed(api: &Api, own: &Graph, state: &State) -> Result<Option<Story>> {
    let request = own.get(&api.below("stories")?).query("limit", 100);
    let list: List<Story> = graph::read(request)?.json()?;
    let is_it = |story: &Story| {
        story.media_id == state.media() || Some(&story.post_id) == state.post.as_ref()
    };
    Ok(list.data.into_iter().find(is_it))
}

/// Looks for a story whose answer was lost.
///
/// # Errors
/// Facebook did not tell.
pub fn find(api: &Api, own: &Graph, mut state: State) -> Result<Option<State>> {
    let Some(story) = listed(api, own, &state)? else {
        return Ok(None);
    };
    state.told(&story);
    Ok(Some(state))
}
