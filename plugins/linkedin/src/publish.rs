//! Step after step: every file, then the post, then the first comment.

use jarchi_plugin_sdk::http::{Response, encode};
use jarchi_plugin_sdk::{
    Account, Delivery, Error, Finding, MediaItem, Outcome, Progress, Receipt, Result, Timestamp,
    clock,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::api::{self, Api};
use crate::errors::{self, Refusal};
use crate::little::{essence, plain};
use crate::plan::{self, Kind};
use crate::upload::{self, Upload};

/// LinkedIn's clock may be off from ours (milliseconds).
pub const SKEW: u64 = 5 * 60_000;
/// Posts of one page, and pages of a search.
const PAGE: usize = 50;
const SEARCHED: usize = 10;
/// How often the post is tried while LinkedIn does not know its files.
const MOST_UNREADY: u32 = 20;

/// How far a delivery is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    pub files: Vec<Upload>,
    /// The post's URN.
    pub post: Option<String>,
    pub published_at: Option<Timestamp>,
    /// The first comment's URN.
    pub comment: Option<String>,
    pub unready: u32,
}

/// What a receipt remembers.
#[derive(Debug, Serialize, Deserialize)]
pub struct Kept {
    pub kind: Kind,
}

impl State {
    fn progress(&self, note: String) -> Result<Progress> {
        Ok(Progress::new(self, note)?.visible(self.post.is_some()))
    }

    fn receipt(&self, api: &Api, kind: Kind) -> Result<Receipt> {
        let urn = self.post.as_deref().ok_or_else(|| {
            Error::invalid("the delivery's state names no post, although it is published")
        })?;
        let mut receipt = Receipt::new(urn).url(api.address(urn));
        receipt.published_at = self.published_at;
        receipt.parts = self.comment.clone().into_iter().collect();
        receipt.with_data(&Kept { kind })
    }

    fn uploaded(&self, files: usize) -> bool {
        self.files.len() >= files && self.files.iter().all(|file| file.ready)
    }
}

/// The next step.
///
/// # Errors
/// As the interface's `publish`.
pub fn step(delivery: &Delivery, mut state: State) -> Result<Outcome> {
    let api = Api::of(&delivery.account)?;
    let options = plan::options(&delivery.post)?;
    let kind = plan::kind(&delivery.post, &options);
    let files = plan::files(&delivery.post, kind);
    if state.post.is_none() {
        if let Some(progress) = prepare(&api, delivery, &files, &mut state)? {
            return Ok(progress.into());
        }
        if let Some(progress) = send(&api, delivery, &mut state)? {
            return Ok(progress.into());
        }
        upload::forget(delivery, files.len());
    } else if let Some(comment) = wanted_comment(delivery, &state) {
        let urn = state.post.clone().unwrap_or_default();
        let made = self::comment(&api, &urn, None, comment)
            .map_err(|error| error.context("publishing the first comment"))?;
        state.comment = Some(made);
    }
    if wanted_comment(delivery, &state).is_some() {
        return Ok(state
            .progress("the post is published, the first comment follows".into())?
            .into());
    }
    Ok(state.receipt(&api, kind)?.into())
}

fn wanted_comment<'a>(delivery: &'a Delivery, state: &State) -> Option<&'a str> {
    match state.comment {
        Some(_) => None,
        None => delivery.post.first_comment.as_deref(),
    }
}

/// A step that publishes nothing; none, when all is there.
fn prepare(
    api: &Api,
    delivery: &Delivery,
    files: &[&MediaItem],
    state: &mut State,
) -> Result<Option<Progress>> {
    state.files.resize(files.len(), Upload::default());
    for (number, item) in files.iter().enumerate() {
        if let Some(file) = state.files.get_mut(number)
            && !file.sent
        {
            let note = upload::step(api, delivery, item, number, file)?;
            return state.progress(note).map(Some);
        }
    }
    let mut looked = false;
    for (item, file) in files.iter().zip(&mut state.files) {
        if file.ready {
            continue;
        }
        looked = true;
        if let Some(wait) = upload::wait(api, item, file)? {
            return upload::pause(state, wait).map(Some);
        }
    }
    // What publishes is alone in its call: a state with files that are not ready tells
    // that nothing was published.
    if looked {
        return state.progress("LinkedIn has the files".into()).map(Some);
    }
    Ok(None)
}

/// Publishes. Some, when LinkedIn does not know the files yet, and nothing was published.
fn send(api: &Api, delivery: &Delivery, state: &mut State) -> Result<Option<Progress>> {
    let author = api.author()?;
    let urns: Vec<&str> = state.files.iter().map(|file| file.urn.as_str()).collect();
    let body = plan::body(&delivery.post, &api.settings, author, &urns)?;
    let answer = api.post("/rest/posts").json(&body).send()?;
    if answer.is_success() {
        state.post = Some(api::made(&answer)?);
        state.published_at = Some(clock::now());
        return Ok(None);
    }
    let refusal = Refusal::of(&answer);
    if let Some(urn) = refusal.duplicate_of() {
        state.published_at = Some(duplicate(api, delivery, &refusal, urn.as_deref())?);
        state.post = urn;
        return Ok(None);
    }
    if !state.files.is_empty() && refusal.file_not_ready() && state.unready < MOST_UNREADY {
        state.unready += 1;
        let note = String::from("LinkedIn does not know the files yet");
        return upload::pause(state, (30_000, note)).map(Some);
    }
    errors::committed(answer)?;
    Ok(None)
}

/// LinkedIn says that it has this post already. Ours, of an attempt whose answer was
/// lost, when it can be read and is young; its URN may name nothing at all.
fn duplicate(
    api: &Api,
    delivery: &Delivery,
    refusal: &Refusal,
    urn: Option<&str>,
) -> Result<Timestamp> {
    let told = &refusal.message;
    let Some(urn) = urn else {
        return Err(Error::invalid(format!(
            "{told}. Change its words, or wait a day"
        )));
    };
    let answer = errors::look(api.get(&format!("/rest/posts/{}", encode(urn))))?;
    match answer.status {
        200 => {
            let post: Value = answer.for_read()?.json()?;
            let created = created(&post);
            if created + SKEW >= delivery.created_at && is_it(delivery, &post, None)? {
                return Ok(created);
            }
            Err(Error::invalid(format!(
                "{told}. It is older: {}",
                api.address(urn)
            )))
        }
        404 | 410 => Err(Error::invalid(format!(
            "{told}. That post is not there, as happens for a day or two after one was deleted: change the words, or wait"
        ))),
        403 if delivery.attempt > 1 => Err(Error::unknown_outcome(format!(
            "{told}. This may be the attempt before; the app may not read it: {}",
            api.address(urn)
        ))),
        403 => Err(Error::invalid(format!("{told}: {}", api.address(urn)))),
        _ => {
            errors::judged(answer)?;
            Err(Error::transient(told.clone()))
        }
    }
}

/// Publishes a comment and tells its URN; an answer to another comment where `parent`
/// names one.
///
/// # Errors
/// By the table of errors.
pub fn comment(api: &Api, object: &str, parent: Option<&str>, text: &str) -> Result<String> {
    let path = format!(
        "/rest/socialActions/{}/comments",
        encode(parent.unwrap_or(object))
    );
    let mut body = json!({
        "actor": api.author()?,
        "object": object,
        "message": { "text": text },
    });
    if let Some(parent) = parent {
        body["parentComment"] = json!(parent);
    }
    let answer = errors::commit(api.post(&path).json(&body))?;
    comment_urn(&answer, object)
}

fn comment_urn(answer: &Response, object: &str) -> Result<String> {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let told = ["commentUrn", "$URN"]
        .into_iter()
        .find_map(|name| body.get(name).and_then(Value::as_str));
    if let Some(urn) = told {
        return Ok(urn.to_owned());
    }
    let id = api::made(answer)?;
    Ok(if id.starts_with("urn:") {
        id
    } else {
        format!("urn:li:comment:({object},{id})")
    })
}

/// When a post was made.
fn created(post: &Value) -> Timestamp {
    ["publishedAt", "createdAt"]
        .into_iter()
        .find_map(|name| post.get(name).and_then(Value::as_u64))
        .unwrap_or_default()
}

/// A page of the author's posts, newest first, as raw answer: many apps may not read it.
///
/// # Errors
/// No answer came.
pub fn list(api: &Api, author: &str, start: usize, count: usize) -> Result<Response> {
    errors::look(api.find(&format!(
        "/rest/posts?author={}&q=author&start={start}&count={count}&sortBy=CREATED",
        encode(author)
    )))
}

/// The elements of a list.
///
/// # Errors
/// It is no list.
pub fn elements(answer: &Response) -> Result<Vec<Value>> {
    let mut whole: Value = answer.json()?;
    match whole.get_mut("elements").map(Value::take) {
        Some(Value::Array(elements)) => Ok(elements),
        _ => Err(Error::transient("LinkedIn answered with no list")),
    }
}

/// Whether a post that LinkedIn has is the delivery's: the same files, else the same
/// words.
fn is_it(delivery: &Delivery, post: &Value, state: Option<&State>) -> Result<bool> {
    let options = plan::options(&delivery.post)?;
    let kind = plan::kind(&delivery.post, &options);
    let content = post.get("content").unwrap_or(&Value::Null);
    let theirs: Vec<&str> = match content
        .pointer("/multiImage/images")
        .and_then(Value::as_array)
    {
        Some(images) => images
            .iter()
            .filter_map(|image| image.get("id")?.as_str())
            .collect(),
        None => ["/media/id", "/article/thumbnail"]
            .into_iter()
            .filter_map(|at| content.pointer(at)?.as_str())
            .collect(),
    };
    let files = plan::files(&delivery.post, kind).len();
    if files > 0
        && let Some(state) = state
    {
        // Each upload has a name of its own: it is the one, or it is not.
        return Ok(state.files.iter().map(|file| file.urn.as_str()).eq(theirs));
    }
    if let Some(question) = content.pointer("/poll/question").and_then(Value::as_str)
        && essence(question) != essence(plan::question(&delivery.post.text, &options).0)
    {
        return Ok(false);
    }
    let parent = post
        .pointer("/reshareContext/parent")
        .and_then(Value::as_str);
    let commentary = post
        .get("commentary")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let wanted = plan::words(&delivery.post, kind, &options);
    Ok(parent == options.reshare_of.as_deref()
        && (kind == Kind::Poll) == content.get("poll").is_some()
        && essence(&plain(commentary)) == essence(&wanted))
}

/// Looks for what a step that was cut off published.
///
/// # Errors
/// LinkedIn did not tell.
pub fn find(delivery: &Delivery, mut state: State, since: Timestamp) -> Result<Finding> {
    let api = Api::of(&delivery.account)?;
    let options = plan::options(&delivery.post)?;
    let kind = plan::kind(&delivery.post, &options);
    if let Some(urn) = state.post.clone() {
        let Some(comment) = wanted_comment(delivery, &state) else {
            return Ok(Finding::Found(state.receipt(&api, kind)?));
        };
        return Ok(match find_comment(&api, &urn, comment, since)? {
            Lookup::Found(found, _) => {
                state.comment = Some(found);
                Finding::Found(state.receipt(&api, kind)?)
            }
            Lookup::Absent => Finding::Absent,
            Lookup::CannotTell(reason) => Finding::CannotTell(reason),
        });
    }
    // Uploading publishes nothing.
    if !state.uploaded(plan::files(&delivery.post, kind).len()) {
        return Ok(Finding::Absent);
    }
    let author = api.author()?;
    let oldest = since.saturating_sub(SKEW);
    for page in 0..SEARCHED {
        let answer = list(&api, author, page * PAGE, PAGE)?;
        if answer.status == 403 {
            return Ok(Finding::CannotTell(format!(
                "the app may not list the posts of {author} (scope {}): look at its page",
                if api.is_page() {
                    "r_organization_social"
                } else {
                    "r_member_social"
                }
            )));
        }
        let posts = elements(&errors::judged(answer)?)?;
        for post in &posts {
            if created(post) >= oldest && is_it(delivery, post, Some(&state))? {
                state.post = post.get("id").and_then(Value::as_str).map(str::to_owned);
                state.published_at = Some(created(post));
                let note = String::from("the post is published, the first comment follows");
                return Ok(match wanted_comment(delivery, &state) {
                    Some(_) => Finding::Partial(state.progress(note)?),
                    None => Finding::Found(state.receipt(&api, kind)?),
                });
            }
        }
        if posts.len() < PAGE || posts.last().is_some_and(|last| created(last) < oldest) {
            return Ok(Finding::Absent);
        }
    }
    Ok(Finding::CannotTell(format!(
        "the author published more than {} posts since; its latest are not the one",
        SEARCHED * PAGE
    )))
}

/// What a look-up of a comment told.
#[derive(Debug)]
pub enum Lookup {
    /// Its URN and time.
    Found(String, Timestamp),
    Absent,
    CannotTell(String),
}

/// Looks for a comment of the author's under a post or another comment.
///
/// # Errors
/// LinkedIn did not tell.
pub fn find_comment(api: &Api, under: &str, text: &str, since: Timestamp) -> Result<Lookup> {
    let author = api.author()?;
    for page in 0..SEARCHED {
        let answer = errors::look(api.get(&format!(
            "/rest/socialActions/{}/comments?start={}&count=100",
            encode(under),
            page * 100
        )))?;
        if answer.status == 403 {
            return Ok(Lookup::CannotTell("the app may not read comments".into()));
        }
        let comments = elements(&errors::judged(answer)?)?;
        for comment in &comments {
            let at = comment
                .pointer("/created/time")
                .and_then(Value::as_u64)
                .unwrap_or_default();
            let words = comment.pointer("/message/text").and_then(Value::as_str);
            if comment.get("actor").and_then(Value::as_str) == Some(author)
                && at + SKEW >= since
                && essence(words.unwrap_or_default()) == essence(text)
                && let Some(urn) = comment.get("commentUrn").and_then(Value::as_str)
            {
                return Ok(Lookup::Found(urn.to_owned(), at));
            }
        }
        if comments.len() < 100 {
            return Ok(Lookup::Absent);
        }
    }
    Ok(Lookup::CannotTell(
        "there are more comments than can be looked through".into(),
    ))
}

/// Takes a post back, with its comments.
///
/// # Errors
/// By the table of errors.
pub fn delete(account: &Account, receipt: &Receipt) -> Result<()> {
    let api = Api::of(account)?;
    let path = format!("/rest/posts/{}", encode(&receipt.id));
    let answer = errors::look(
        api.request("DELETE", &path)
            .header("x-restli-method", "DELETE"),
    )?;
    if !matches!(answer.status, 404 | 410) {
        errors::judged(answer)?;
    }
    Ok(())
}
