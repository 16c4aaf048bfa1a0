//! Part after part: containers, which nobody sees, the one call that publishes, and the
//! next part as an answer to it.
//!
//! Sources: "Threads API, Posts" and "Troubleshooting" (a container is asked for once a
//! minute, lasts a day, and can be published once).

use jarchi_plugin_sdk::graph::{self, Meaning};
use jarchi_plugin_sdk::{
    Delivery, Error, Finding, Millis, Outcome, Progress, Receipt, Result, Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::api::{Api, Made, Media, SKEW, path};
use crate::plan::{self, Body, Options, Part};

const BETWEEN_LOOKS: Millis = 60_000;
/// Looks at the containers of one part.
const MOST_LOOKS: u32 = 60;
/// Containers that are made again after Threads failed or let them expire.
const MOST_RENEWALS: u32 = 3;
/// What `threads_publish` answers when the container is not ready (code 24).
const NOT_READY: i64 = 4_279_009;

/// What is done.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// The parts that are out.
    pub parts: Vec<String>,
    /// Containers of the next part's files, where it is a carousel.
    pub items: Vec<Container>,
    /// The one of the part.
    pub main: Option<Container>,
    pub looks: u32,
    pub renewals: u32,
    /// The first part's address was asked for.
    pub looked_up: bool,
    pub url: Option<String>,
    pub published_at: Option<Timestamp>,
}

/// A container.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Container {
    pub id: String,
    pub ready: bool,
}

impl State {
    fn progress(&self, note: impl Into<String>) -> Result<Progress> {
        Ok(Progress::new(self, note)?.visible(!self.parts.is_empty()))
    }

    fn receipt(&self) -> Result<Receipt> {
        let (first, further) = self.parts.split_first().ok_or_else(|| {
            Error::invalid("the delivery's state names no post, although it is published")
        })?;
        Ok(Receipt {
            id: first.clone(),
            url: self.url.clone(),
            published_at: self.published_at,
            parts: further.to_vec(),
            data: None,
        })
    }

    /// The part is out: on to the next one.
    fn out(&mut self, id: String) {
        self.parts.push(id);
        self.items.clear();
        self.main = None;
        self.looks = 0;
        self.renewals = 0;
    }

    fn see(&mut self, media: &Media) {
        self.url.clone_from(&media.permalink);
        self.published_at = Some(media.moment()).filter(|moment| *moment > 0);
        self.looked_up = true;
    }
}

/// The next step.
///
/// # Errors
/// As the interface's `publish`.
pub fn step(delivery: &Delivery, mut state: State) -> Result<Outcome> {
    let api = Api::of(&delivery.account)?;
    let parts = plan::parts(&delivery.post);
    if let (Some(first), false) = (state.parts.first(), state.looked_up) {
        let request = api
            .request("GET", &path(first))
            .query("fields", "id,permalink,timestamp");
        match graph::read(request).and_then(|answer| answer.json::<Media>()) {
            Ok(media) => state.see(&media),
            // A post without its address is better than one that counts as failed.
            Err(error) => {
                jarchi_plugin_sdk::warn!(reason = error.reason(); "the post's address was not told")
            }
        }
        state.looked_up = true;
        if state.parts.len() < parts.len() {
            return Ok(state.progress(note(&state, parts.len()))?.into());
        }
    }
    let Some(part) = parts.get(state.parts.len()) else {
        return Ok(state.receipt()?.into());
    };
    let carousel = part.media.len() > 1;
    if let Some(item) = part.media.get(state.items.len()).filter(|_| carousel) {
        let made = create(&api, plan::file(item, true))
            .map_err(|error| error.context(format!("announcing {}", item.name)))?;
        state.items.push(made);
        let note = format!(
            "{} of {} files announced",
            state.items.len(),
            part.media.len()
        );
        return Ok(state.progress(note)?.into());
    }
    if let Some(at) = state.items.iter().position(|item| !item.ready) {
        return look(&api, state, Some(at));
    }
    let Some(main) = &state.main else {
        let made = create(&api, whole(&api, delivery, part, &state)?)
            .map_err(|error| error.context(format!("making {}", part.place)))?;
        state.main = Some(made);
        return Ok(state.progress(format!("{} is made", part.place))?.into());
    };
    if !main.ready {
        return look(&api, state, None);
    }
    commit(&api, state, parts.len())
}

fn note(state: &State, parts: usize) -> String {
    format!("{} of {parts} parts published", state.parts.len())
}

fn whole(api: &Api, delivery: &Delivery, part: &Part<'_>, state: &State) -> Result<Body> {
    let options: Options = delivery.post.options()?;
    let body = match part.media {
        [] => plan::words(),
        [one] => plan::file(one, false),
        _ => {
            let children: Vec<&str> = state.items.iter().map(|item| item.id.as_str()).collect();
            plan::around(&children)
        }
    };
    let before = state.parts.last().map(String::as_str);
    let control = api.settings.reply_control;
    Ok(plan::describe(
        body,
        &delivery.post,
        &options,
        part,
        control,
        before,
    ))
}

fn create(api: &Api, body: Body) -> Result<Container> {
    let request = body.into(api.request("POST", "/me/threads"));
    let Made { id } = graph::read(request)?.json()?;
    Ok(Container { id, ready: false })
}

/// What a container says of itself.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Status {
    status: String,
    error_message: Option<String>,
}

fn status(api: &Api, id: &str) -> Result<Status, graph::Failure> {
    let request = api
        .request("GET", &path(id))
        .query("fields", "id,status,error_message");
    let answer = graph::send(request)?;
    Ok(serde_json::from_slice(&answer.body).unwrap_or_default())
}

fn look(api: &Api, mut state: State, item: Option<usize>) -> Result<Outcome> {
    let container = match item {
        Some(at) => state.items.get_mut(at),
        None => state.main.as_mut(),
    };
    let Some(container) = container else {
        return Err(Error::invalid("the delivery's state names no container"));
    };
    let told = status(api, &container.id).map_err(|failure| failure.for_read())?;
    let words = told.error_message.unwrap_or_default();
    match told.status.as_str() {
        "FINISHED" => {
            container.ready = true;
            Ok(state.progress("Threads has processed it")?.into())
        }
        // INVALID_… are the file's fault, FAILED_… and UNKNOWN the platform's.
        "ERROR" if words.starts_with("INVALID") => Err(Error::invalid(format!(
            "Threads can't use the file: {words}"
        ))),
        "ERROR" | "EXPIRED" => {
            state.renewals += 1;
            if state.renewals > MOST_RENEWALS {
                let words = format!("Threads failed again and again: {} {words}", told.status);
                return Err(Error::invalid(words));
            }
            state.main = None;
            match item {
                Some(at) => state.items.truncate(at),
                None if told.status == "EXPIRED" => state.items.clear(),
                None => {}
            }
            let progress = state.progress("Threads failed: it is made again")?;
            Ok(progress.after(BETWEEN_LOOKS).into())
        }
        // An attempt that nobody knew of went through: it is looked up.
        "PUBLISHED" => Err(Error::unknown_outcome(
            "Threads says that the part is published",
        )),
        _ => {
            state.looks += 1;
            if state.looks > MOST_LOOKS {
                return Err(Error::invalid("Threads does not get done with a file"));
            }
            let progress = state.progress("Threads processes it")?;
            Ok(progress.after(BETWEEN_LOOKS).into())
        }
    }
}

/// The one call of a part that can't be taken back.
fn commit(api: &Api, mut state: State, parts: usize) -> Result<Outcome> {
    let Some(id) = state.main.as_ref().map(|main| main.id.clone()) else {
        return Err(Error::invalid("there is nothing to publish"));
    };
    let request = api
        .request("POST", "/me/threads_publish")
        .query("creation_id", &id);
    match graph::send(request) {
        Ok(answer) => {
            let Made { id } = answer.for_commit()?.json()?;
            state.out(id);
            Ok(state.progress(note(&state, parts))?.into())
        }
        Err(failure) => {
            let meaning = failure.refusal().map(graph::Refusal::meaning);
            if matches!(meaning, Some(Meaning::Never | Meaning::Again)) {
                // The part can be out in spite of a refusal: the container knows.
                let words = failure.refusal().map(|refusal| refusal.words().to_owned());
                match status(api, &id) {
                    Ok(told) if told.status != "PUBLISHED" => {}
                    _ => return Err(Error::unknown_outcome(words.unwrap_or_default())),
                }
                if failure.is(NOT_READY) && state.looks < MOST_LOOKS {
                    state.looks += 1;
                    state.main = Some(Container { id, ready: false });
                    let progress = state.progress("Threads is not ready yet")?;
                    return Ok(progress.after(BETWEEN_LOOKS).into());
                }
            }
            Err(failure.for_commit().context("publishing"))
        }
    }
}

/// Looks for the part that was under way.
///
/// # Errors
/// Threads did not tell.
pub fn find(delivery: &Delivery, mut state: State, since: Timestamp) -> Result<Finding> {
    let api = Api::of(&delivery.account)?;
    let parts = plan::parts(&delivery.post);
    let (Some(main), Some(part)) = (&state.main, parts.get(state.parts.len())) else {
        // Containers are seen by nobody.
        return Ok(Finding::Absent);
    };
    let told = match status(&api, &main.id) {
        Ok(told) => told.status,
        Err(failure) if failure.is_gone() => String::new(),
        Err(failure) => return Err(failure.for_read()),
    };
    match told.as_str() {
        "PUBLISHED" => {}
        "FINISHED" | "IN_PROGRESS" | "ERROR" | "EXPIRED" => return Ok(Finding::Absent),
        other => {
            let words = format!("Threads does not tell what became of the container ({other})");
            return Ok(Finding::CannotTell(words));
        }
    }
    let options: Options = delivery.post.options()?;
    let answers = !state.parts.is_empty() || options.reply_to.is_some();
    // Newest first: of several that fit, ours is the oldest since.
    let newest = api.newest(answers, since.saturating_sub(SKEW))?;
    let fits = |media: &&Media| media.says(&part.text) && !state.parts.contains(&media.id);
    let Some(media) = newest.iter().rfind(fits) else {
        let words = "Threads says that the part is published, and does not list it yet";
        return Ok(Finding::CannotTell(words.into()));
    };
    if state.parts.is_empty() {
        state.see(media);
    }
    state.out(media.id.clone());
    if state.parts.len() == parts.len() {
        return Ok(Finding::Found(state.receipt()?));
    }
    Ok(Finding::Partial(state.progress(note(&state, parts.len()))?))
}

/// Takes a post back, the last part first.
///
/// # Errors
/// Threads did not take one back; those after it are gone.
pub fn delete(api: &Api, receipt: &Receipt) -> Result<()> {
    for id in receipt.parts.iter().rev().chain([&receipt.id]) {
        match graph::send(api.request("DELETE", &path(id))) {
            Ok(_) => {}
            Err(failure) if failure.is_gone() => {}
            Err(failure) => return Err(failure.for_read()),
        }
    }
    Ok(())
}
