//! Publishing: containers, which nobody sees and which can be made again, then the one
//! call that publishes, then the first comment.
//!
//! Sources: "Content Publishing" and "IG Container" (a container is ready when it says
//! FINISHED, is asked for once a minute, lasts a day, and can be published once).

use jarchi_plugin_sdk::graph::{self, Meaning};
use jarchi_plugin_sdk::http::{self, MediaSlice, encode};
use jarchi_plugin_sdk::{
    Delivery, Error, MediaItem, MediaKind, Millis, Outcome, Progress, Receipt, Result, Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::api::{Api, Login, Made, Media, Videos};
use crate::find;
use crate::plan::{Kind, Plan};

/// Between two looks at a container: "query a container's status once per minute".
pub const BETWEEN_LOOKS: Millis = 60_000;
/// Looks at containers of one delivery. The document says five minutes; long videos take
/// longer, and looking on does no harm.
const MOST_LOOKS: u32 = 60;
/// Containers that are made again after Instagram failed or let them expire.
const MOST_RENEWALS: u32 = 3;
/// Not ready to be published after all ("Error Codes").
const NOT_READY: i64 = 2_207_027;
/// Errors of a container after which a new one can do better ("Error Codes"): it took too
/// long to fetch the file, the container expired, it could not be made, an upload failed.
const FLEETING: [&str; 8] = [
    "2207001", "2207003", "2207008", "2207020", "2207032", "2207052", "2207053", "2207082",
];

/// What is done.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// Those of the files, in order.
    pub items: Vec<Container>,
    /// The one around them, of a carousel.
    pub parent: Option<Container>,
    pub looks: u32,
    pub renewals: u32,
    /// The post, once it is out.
    pub media: Option<String>,
    /// Its address was asked for.
    pub looked_up: bool,
    pub url: Option<String>,
    pub published_at: Option<Timestamp>,
    pub comment: Option<String>,
}

/// A container.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Container {
    pub id: String,
    /// Where the bytes of its video go.
    pub upload: Option<String>,
    /// All bytes are there, or none are wanted.
    pub full: bool,
    pub ready: bool,
}

impl State {
    /// The container that is published.
    pub fn main(&self, kind: Kind) -> Option<&Container> {
        match kind {
            Kind::Carousel => self.parent.as_ref(),
            _ => self.items.first(),
        }
    }

    /// # Errors
    /// `Invalid`: it is no JSON.
    pub fn progress(&self, note: impl Into<String>) -> Result<Progress> {
        Ok(Progress::new(self, note)?.visible(self.media.is_some()))
    }

    /// # Errors
    /// `Invalid`: nothing is published.
    pub fn receipt(&self) -> Result<Receipt> {
        let id = self.media.clone().ok_or_else(|| {
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

    /// The post is out.
    pub fn found(&mut self, media: &Media) {
        self.media = Some(media.id.clone());
        self.url.clone_from(&media.permalink);
        self.published_at = media.moment();
        self.looked_up = true;
    }
}

/// The next step.
///
/// # Errors
/// As the interface's `publish`.
pub fn step(delivery: &Delivery, mut state: State) -> Result<Outcome> {
    let api = Api::of(&delivery.account)?;
    let plan = Plan::of(&delivery.post)?;
    if state.media.is_some() {
        return after(&api, delivery, state);
    }
    if let Some(file) = plan.media.get(state.items.len()) {
        let made = create(&api, &plan, state.items.len(), file)?;
        state.items.push(made);
        let note = format!(
            "{} of {} files announced",
            state.items.len(),
            plan.media.len()
        );
        return Ok(state.progress(note)?.into());
    }
    for (container, file) in state.items.iter_mut().zip(plan.media) {
        if !container.full {
            upload(&api, container, file)?;
            let note = format!("{} uploaded", file.name);
            return Ok(state.progress(note)?.into());
        }
    }
    for at in 0..state.items.len() {
        if !state.items[at].ready {
            return look(&api, delivery, state, Some(at));
        }
    }
    if plan.kind == Kind::Carousel {
        let Some(parent) = &state.parent else {
            let children: Vec<&str> = state.items.iter().map(|item| item.id.as_str()).collect();
            let body = plan.parent(&children);
            let request = api.graph.post(&api.below("media")?).json(&body);
            let Made { id } = graph::read(request)
                .map_err(|error| error.context("making the carousel"))?
                .json()?;
            state.parent = Some(Container {
                id,
                full: true,
                ..Container::default()
            });
            return Ok(state.progress("the carousel is made")?.into());
        };
        if !parent.ready {
            return look(&api, delivery, state, None);
        }
    }
    commit(&api, &plan, state)
}

fn create(api: &Api, plan: &Plan<'_>, index: usize, file: &MediaItem) -> Result<Container> {
    #[derive(Deserialize)]
    struct Announced {
        id: String,
        #[serde(default)]
        uri: Option<String>,
    }
    let body = plan.item(&api.settings, index);
    let request = api.graph.post(&api.below("media")?).json(&body);
    let Announced { id, uri } = graph::read(request)
        .map_err(|error| error.context(format!("announcing {}", file.name)))?
        .json()?;
    let bytes = file.kind == MediaKind::Video && api.settings.videos == Videos::Bytes;
    let upload = bytes.then(|| {
        // The answer's own address, where it has one: another leaves the container waiting.
        uri.unwrap_or_else(|| {
            let host = api.settings.upload.trim_end_matches('/');
            let version = api.settings.version.trim_matches('/');
            format!("{host}/ig-api-upload/{version}/{}", encode(&id))
        })
    });
    Ok(Container {
        id,
        full: upload.is_none(),
        upload,
        ready: false,
    })
}

/// Sends what Instagram has not of a video's bytes.
fn upload(api: &Api, container: &mut Container, file: &MediaItem) -> Result<()> {
    let Some(address) = &container.upload else {
        container.full = true;
        return Ok(());
    };
    let offset = Status::of(api, &container.id, "video_status")?.received();
    if offset < file.size {
        let slice = MediaSlice {
            id: file.id.clone(),
            offset,
            length: Some(file.size - offset),
        };
        let request = http::post(address.as_str())
            .header("authorization", api.graph.oauth())
            .header("offset", offset.to_string())
            .header("file_size", file.size.to_string())
            .media_slice("application/octet-stream", slice);
        graph::read(request).map_err(|error| error.context(format!("uploading {}", file.name)))?;
    }
    container.full = true;
    Ok(())
}

/// What a container says of itself.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Status {
    /// `IN_PROGRESS`, `FINISHED`, `ERROR`, `EXPIRED` or `PUBLISHED`.
    pub status_code: String,
    /// Words, with the numbers of an error.
    pub status: String,
    video_status: VideoStatus,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct VideoStatus {
    uploading_phase: Phase,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Phase {
    bytes_transferred: u64,
}

impl Status {
    /// # Errors
    /// Instagram did not tell.
    pub fn of(api: &Api, id: &str, fields: &str) -> Result<Self> {
        Self::try_of(api, id, fields).map_err(|failure| failure.for_read())
    }

    /// # Errors
    /// The refusal as it came.
    pub fn try_of(api: &Api, id: &str, fields: &str) -> Result<Self, graph::Failure> {
        let request = api
            .graph
            .get(&format!("/{}", encode(id)))
            .query("fields", fields);
        let answer = graph::send(request)?;
        // Fields that a container does not have are left out of its answer.
        Ok(serde_json::from_slice(&answer.body).unwrap_or_default())
    }

    fn received(&self) -> u64 {
        self.video_status.uploading_phase.bytes_transferred
    }
}

/// Looks at one container: of a file, or of the carousel.
fn look(api: &Api, delivery: &Delivery, mut state: State, item: Option<usize>) -> Result<Outcome> {
    let container = match item {
        Some(at) => state.items.get_mut(at),
        None => state.parent.as_mut(),
    };
    let Some(container) = container else {
        return Err(Error::invalid("the delivery's state names no container"));
    };
    let status = Status::of(api, &container.id, "status_code,status")?;
    match status.status_code.as_str() {
        "FINISHED" => {
            container.ready = true;
            Ok(state.progress("Instagram has processed a file")?.into())
        }
        "ERROR" if !FLEETING.iter().any(|code| status.status.contains(code)) => Err(
            Error::invalid(format!("Instagram can't use the file: {}", status.status)),
        ),
        "ERROR" | "EXPIRED" => {
            state.renewals += 1;
            if state.renewals > MOST_RENEWALS {
                return Err(Error::invalid(format!(
                    "Instagram failed again and again: {} {}",
                    status.status_code, status.status
                )));
            }
            // A carousel that failed is made anew of the same files, unless it expired
            // with them.
            state.parent = None;
            match item {
                Some(at) => state.items.truncate(at),
                None if status.status_code == "EXPIRED" => state.items.clear(),
                None => {}
            }
            let progress = state.progress("Instagram failed: a file is announced again")?;
            Ok(progress.after(BETWEEN_LOOKS).into())
        }
        // An attempt that nobody knew of went through.
        "PUBLISHED" => match find::published(api, delivery, delivery.created_at)? {
            Some(media) => {
                state.found(&media);
                after(api, delivery, state)
            }
            None => Err(Error::unknown_outcome(
                "Instagram says that the post is published, and does not list it",
            )),
        },
        _ => {
            state.looks += 1;
            if state.looks > MOST_LOOKS {
                return Err(Error::invalid("Instagram does not get done with a file"));
            }
            let progress = state.progress("Instagram processes a file")?;
            Ok(progress.after(BETWEEN_LOOKS).into())
        }
    }
}

/// The one call that can't be taken back.
fn commit(api: &Api, plan: &Plan<'_>, mut state: State) -> Result<Outcome> {
    let Some(id) = state.main(plan.kind).map(|container| container.id.clone()) else {
        return Err(Error::invalid("there is nothing to publish"));
    };
    let request = api.graph.post(&api.below("media_publish")?);
    match graph::send(request.json(&json!({ "creation_id": id }))) {
        Ok(answer) => {
            let Made { id } = answer.for_commit()?.json()?;
            state.media = Some(id);
            Ok(state.progress("published")?.into())
        }
        Err(failure) if failure.is(NOT_READY) => {
            state.looks += 1;
            let wait = state.looks <= MOST_LOOKS;
            if let Some(container) = match plan.kind {
                Kind::Carousel => state.parent.as_mut(),
                _ => state.items.first_mut(),
            } {
                container.ready = false;
            }
            if !wait {
                return Err(failure.for_read());
            }
            let progress = state.progress("Instagram is not ready yet")?;
            Ok(progress.after(BETWEEN_LOOKS).into())
        }
        Err(failure) => {
            // The post can be out in spite of a refusal: the container knows.
            let meaning = failure.refusal().map(graph::Refusal::meaning);
            if matches!(meaning, Some(Meaning::Never | Meaning::Again)) {
                let words = failure.refusal().map(|refusal| refusal.words().to_owned());
                let words = words.unwrap_or_default();
                match Status::of(api, &id, "status_code,status") {
                    Ok(status) if status.status_code != "PUBLISHED" => {}
                    _ => return Err(Error::unknown_outcome(words)),
                }
            }
            Err(failure.for_commit().context("publishing"))
        }
    }
}

/// The post is out: its address, then the first comment.
fn after(api: &Api, delivery: &Delivery, mut state: State) -> Result<Outcome> {
    let id = state.media.clone().unwrap_or_default();
    let comment = delivery.post.first_comment.as_deref();
    if !state.looked_up {
        let request = api.graph.get(&format!("/{}", encode(&id)));
        let told = graph::read(request.query("fields", "id,permalink,timestamp"))
            .and_then(|answer| answer.json::<Media>());
        match told {
            Ok(media) => state.found(&media),
            // A post without its address is better than one that counts as failed.
            Err(error) => {
                jarchi_plugin_sdk::warn!(reason = error.reason(); "the post's address was not told")
            }
        }
        state.looked_up = true;
        state.media = Some(id);
        if comment.is_some() {
            return Ok(state
                .progress("published; the first comment is missing")?
                .into());
        }
    } else if let Some(message) = comment
        && state.comment.is_none()
    {
        let request = api.graph.post(&format!("/{}/comments", encode(&id)));
        let Made { id } = graph::commit(request.json(&json!({ "message": message })))
            .map_err(|error| error.context("the first comment"))?
            .json()?;
        state.comment = Some(id);
    }
    Ok(state.receipt()?.into())
}

/// Takes a post back.
///
/// # Errors
/// `Unsupported` with Instagram Login, which can't; else Facebook's refusal.
pub fn delete(api: &Api, receipt: &Receipt) -> Result<()> {
    if api.settings.login == Login::Instagram {
        return Err(Error::unsupported(
            "posts can be deleted with Facebook Login only: delete it in the app",
        ));
    }
    match graph::send(api.graph.delete(&format!("/{}", encode(&receipt.id)))) {
        Ok(_) => Ok(()),
        Err(failure) if failure.is_gone() => Ok(()),
        Err(failure) => Err(failure.for_read()),
    }
}
