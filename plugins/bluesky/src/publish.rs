//! A post's way into the repository: first everything that nobody sees is done (session,
//! blobs, handles), and the records are frozen; then one record goes in with each call,
//! under a key that follows from the delivery. Putting the same record again changes
//! nothing, and another record is never overwritten.

use jarchi_plugin_sdk::{
    Delivery, Error, Finding, MediaItem, Outcome, Progress, Receipt, Result, clock, http,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::facets::Kind;
use crate::options::Settings;
use crate::plan::{self, Part, Plan};
use crate::record::{self, Found, GATE, POST, StrongRef};
use crate::session::Session;
use crate::video::{self, Job};
use crate::xrpc::{self, Stake};
use crate::{files, tid};

/// What is remembered between the calls.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    /// The repository that it began in.
    did: String,
    /// When the first part says that it was made (milliseconds since 1970); each further
    /// part a millisecond later.
    created: u64,
    /// The frozen records, in order, without what they answer. Null for one that was
    /// found in the repository.
    records: Vec<Value>,
    published: Vec<StrongRef>,
    /// The rule for replies is in place, or there is none.
    gated: bool,
    /// A video that is being transcoded for the next record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    job: Option<Job>,
}

/// What later calls about the post need.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReceiptData {
    /// Of the post and its parts, in order.
    pub cids: Vec<String>,
    pub gate: bool,
}

/// The host keeps 64 KiB; the rest is for what publishing adds.
const LARGEST: usize = 56 << 10;
/// Requests of one call; the host's own limit is not known here.
const REQUESTS: usize = 20;

/// The first call: freezes what it can.
pub fn begin(delivery: &Delivery) -> Result<Outcome> {
    let (plan, mut session) = open(delivery)?;
    let state = State {
        did: session.did.clone(),
        created: clock::now(),
        records: vec![],
        published: vec![],
        gated: plan.replies.is_none(),
        job: None,
    };
    prepare(delivery, &plan, &mut session, state)
}

/// One step further.
pub fn go_on(delivery: &Delivery, mut state: State) -> Result<Outcome> {
    let (plan, mut session) = open(delivery)?;
    if session.did != state.did {
        return Err(Error::invalid(format!(
            "this post was begun as {}, and the account is {} now",
            state.did, session.did
        )));
    }
    if state.records.len() < plan.parts.len() {
        return prepare(delivery, &plan, &mut session, state);
    }
    // Before anybody can answer, so right after the post itself.
    if !state.gated
        && let Some(post) = state.published.first()
    {
        if let Some(replies) = &plan.replies {
            let record = record::gate(replies, &post.uri, state.created);
            put(&mut session, GATE, &key(delivery, 0), &record)?;
        }
        state.gated = true;
        return step(delivery, &plan, state);
    }
    let number = state.published.len();
    if let Some(part) = plan.parts.get(number) {
        let record = state.answering(number, part);
        let put = match put(&mut session, POST, &key(delivery, number), &record) {
            Err(Refused::BlobGone) => {
                upload_again(&mut session, part, &record)?;
                put(&mut session, POST, &key(delivery, number), &record)
            }
            put => put,
        };
        state.published.push(put?);
    }
    step(delivery, &plan, state)
}

fn open<'a>(delivery: &'a Delivery) -> Result<(Plan<'a>, Session)> {
    let plan = plan::plan(&Settings::of(&delivery.account)?, &delivery.post);
    let errors = plan.errors();
    if !errors.is_empty() {
        return Err(Error::invalid(errors.join("; ")));
    }
    Ok((plan, Session::open(&delivery.account)?))
}

fn key(delivery: &Delivery, part: usize) -> String {
    tid::of_part(&delivery.key, delivery.created_at, part)
}

/// The receipt when all is done, else the state for the next call.
fn step(delivery: &Delivery, plan: &Plan<'_>, state: State) -> Result<Outcome> {
    let done = state.published.len();
    if done == plan.parts.len() && state.gated {
        return Ok(state.receipt(plan)?.into());
    }
    let note = format!("{done} of {} parts published", plan.parts.len());
    let progress = Progress::new(&state, note)?.visible(done > 0);
    check_size(delivery, &progress)?;
    Ok(progress.into())
}

fn check_size(delivery: &Delivery, progress: &Progress) -> Result<()> {
    if progress.visible || progress.state.len() <= LARGEST {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "the {} parts of the thread are too much to publish in one go: make it two threads",
        delivery.post.thread.len() + 1
    )))
}

/// Freezes records until all are, or the call has done enough.
fn prepare(
    delivery: &Delivery,
    plan: &Plan<'_>,
    session: &mut Session,
    mut state: State,
) -> Result<Outcome> {
    let mut requests = 0;
    while let Some(part) = plan.parts.get(state.records.len()) {
        let needed = part.media.len() + mentions(part).count() + 1;
        if requests > 0 && requests + needed > REQUESTS {
            break;
        }
        requests += needed;
        let mut found = Found::default();
        if video::takes(&session.settings, part.media) {
            match video::transcode(session, &part.media[0], state.job.take())? {
                video::Stage::Ready(blob) => found.blobs.push(blob),
                video::Stage::Working { job, note } => {
                    state.job = Some(job);
                    return Ok(Progress::new(&state, note)?.after(video::PAUSE).into());
                }
            }
        } else {
            found.blobs = upload_all(session, part.media)?;
        }
        if let Some(thumbnail) = part.card.and_then(|link| link.thumbnail.as_ref())
            && plan::thumbnail_fault(thumbnail).is_none()
        {
            match files::media_type(thumbnail) {
                Ok(mime) => found.thumbnail = Some(upload(session, thumbnail, mime)?),
                Err(reason) => jarchi_plugin_sdk::warn!("a card without its picture: {reason}"),
            }
        }
        for handle in mentions(part) {
            if let Some(did) = resolve(session, handle)? {
                found.dids.insert(handle.to_ascii_lowercase(), did);
            }
        }
        let created = state.created + state.records.len() as u64;
        state
            .records
            .push(record::post(part, &plan.langs, &found, created));
    }
    let note = format!(
        "{} of {} parts prepared",
        state.records.len(),
        plan.parts.len()
    );
    let progress = Progress::new(&state, note)?.visible(!state.published.is_empty());
    check_size(delivery, &progress)?;
    Ok(progress.into())
}

/// The handles of a part whose identifiers have to be asked for, each once.
fn mentions<'a>(part: &'a Part<'_>) -> impl Iterator<Item = &'a str> {
    let handle = |number: usize| match &part.spans[number].kind {
        Kind::Mention { handle, did: None } => Some(handle.as_str()),
        _ => None,
    };
    (0..part.spans.len()).filter_map(move |number| {
        let own = handle(number)?;
        let before = (0..number)
            .filter_map(handle)
            .any(|other| other.eq_ignore_ascii_case(own));
        (!before).then_some(own)
    })
}

/// The identifier behind a handle; none where there is none, and the text stays plain.
fn resolve(session: &mut Session, handle: &str) -> Result<Option<String>> {
    #[derive(Deserialize)]
    struct Resolved {
        did: String,
    }
    let handle = handle.to_ascii_lowercase();
    let answer = session.send(Stake::Read, |base| {
        xrpc::query(
            base,
            "com.atproto.identity.resolveHandle",
            &[("handle", &handle)],
        )
    });
    match answer {
        Ok(response) => Ok(Some(response.json::<Resolved>()?.did)),
        Err(failure) => match failure.error {
            Error::Invalid(reason) | Error::Unsupported(reason) => {
                jarchi_plugin_sdk::warn!(handle = handle; "nobody is mentioned: {reason}");
                Ok(None)
            }
            error => Err(error.context(format!("looking up @{handle}"))),
        },
    }
}

fn upload_all(session: &mut Session, items: &[MediaItem]) -> Result<Vec<Value>> {
    items
        .iter()
        .map(|item| {
            let mime = files::media_type(item).map_err(Error::invalid)?;
            upload(session, item, mime)
        })
        .collect()
}

/// Puts a file where records can name it. Harmless to repeat: a blob is known by its
/// content.
fn upload(session: &mut Session, item: &MediaItem, mime: &str) -> Result<Value> {
    #[derive(Deserialize)]
    struct Uploaded {
        blob: Value,
    }
    let response = session
        .send(Stake::Read, |base| {
            http::post(xrpc::method(base, "com.atproto.repo.uploadBlob"))
                .media(mime, item.id.as_str())
        })
        .map_err(|failure| failure.error.context(format!("uploading `{}`", item.name)))?;
    Ok(response.json::<Uploaded>()?.blob)
}

/// The server throws away what no record names for some hours, and a post may have waited
/// that long.
fn upload_again(session: &mut Session, part: &Part<'_>, record: &Value) -> Result<()> {
    let thumbnail = part.card.and_then(|link| link.thumbnail.as_ref());
    for item in part.media.iter().chain(thumbnail) {
        let mime = files::media_type(item).map_err(Error::invalid)?;
        let blob = upload(session, item, mime)?;
        let link = blob["ref"]["$link"].as_str().unwrap_or_default();
        if !record["embed"].to_string().contains(link) {
            return Err(Error::invalid(format!(
                "`{}` changed after the post was made",
                item.name
            )));
        }
    }
    Ok(())
}

/// Why a record did not go in.
enum Refused {
    /// A blob that it names is not there (any more).
    BlobGone,
    Other(Error),
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::BlobGone => Error::transient("the server has lost an uploaded file"),
            Refused::Other(error) => error,
        }
    }
}

/// Puts a record under its key, if nothing else is there.
fn put(
    session: &mut Session,
    collection: &str,
    rkey: &str,
    record: &Value,
) -> Result<StrongRef, Refused> {
    let body = json!({
        "repo": session.did,
        "collection": collection,
        "rkey": rkey,
        "record": record,
        "swapRecord": null,
    });
    let answer = session.send(Stake::Commit, |base| {
        http::post(xrpc::method(base, "com.atproto.repo.putRecord")).json(&body)
    });
    match answer {
        Ok(response) => response.json().map_err(Refused::Other),
        Err(failure) if failure.name == "BlobNotFound" => Err(Refused::BlobGone),
        // Something is there that is not the same byte for byte.
        Err(failure) if failure.name == "InvalidSwap" => {
            match read(session, collection, rkey).map_err(Refused::Other)? {
                Some((there, value)) if record::is_same(&value, record) => Ok(there),
                Some((there, _)) => Err(Refused::Other(Error::invalid(format!(
                    "another record stands at {}, and is left alone",
                    there.uri
                )))),
                // Gone in between.
                None => Err(Refused::Other(Error::transient(failure_words(
                    &failure.error,
                )))),
            }
        }
        Err(failure) => Err(Refused::Other(failure.into())),
    }
}

fn failure_words(error: &Error) -> String {
    match error {
        Error::Invalid(reason) => reason.clone(),
        other => format!("{other:?}"),
    }
}

/// The record under a key of our own repository.
pub fn read(
    session: &mut Session,
    collection: &str,
    rkey: &str,
) -> Result<Option<(StrongRef, Value)>> {
    #[derive(Deserialize)]
    struct There {
        #[serde(flatten)]
        reference: StrongRef,
        value: Value,
    }
    let did = session.did.clone();
    let parameters = [
        ("repo", did.as_str()),
        ("collection", collection),
        ("rkey", rkey),
    ];
    match session.send(Stake::Read, |base| {
        xrpc::query(base, "com.atproto.repo.getRecord", &parameters)
    }) {
        Ok(response) => {
            let There { reference, value } = response.json()?;
            Ok(Some((reference, value)))
        }
        Err(failure) if failure.name == "RecordNotFound" => Ok(None),
        Err(failure) => Err(failure.into()),
    }
}

/// Which parts are in the repository.
pub fn find(delivery: &Delivery, state: Option<State>) -> Result<Finding> {
    let (plan, mut session) = open(delivery)?;
    let mut state = match state {
        Some(state) if state.did != session.did => {
            return Ok(Finding::CannotTell(format!(
                "this post was begun as {}, and the account is {} now",
                state.did, session.did
            )));
        }
        Some(state) => state,
        None => State {
            did: session.did.clone(),
            created: clock::now(),
            records: vec![],
            published: vec![],
            gated: plan.replies.is_none(),
            job: None,
        },
    };
    let known = (state.published.len(), state.gated);
    while let Some(part) = plan.parts.get(state.published.len()) {
        let number = state.published.len();
        let Some((there, value)) = read(&mut session, POST, &key(delivery, number))? else {
            break;
        };
        let frozen = state
            .records
            .get(number)
            .is_some_and(|record| !record.is_null());
        let ours = if frozen {
            record::is_same(&value, &state.answering(number, part))
        } else {
            value["text"].as_str() == Some(&part.text)
        };
        if !ours {
            return Ok(Finding::CannotTell(format!(
                "another record stands at {}",
                there.uri
            )));
        }
        if !frozen {
            state.records.push(Value::Null);
        }
        state.published.push(there);
    }
    if !state.published.is_empty() && !state.gated {
        state.gated = read(&mut session, GATE, &key(delivery, 0))?.is_some();
    }
    let done = state.published.len();
    if done == plan.parts.len() && state.gated {
        return Ok(Finding::Found(state.receipt(&plan)?));
    }
    if (done, state.gated) == known {
        return Ok(Finding::Absent);
    }
    let note = format!("{done} of {} parts published", plan.parts.len());
    Ok(Finding::Partial(Progress::new(&state, note)?.visible(true)))
}

impl State {
    /// The frozen record with what it answers.
    fn answering(&self, number: usize, part: &Part<'_>) -> Value {
        let record = &self.records[number];
        match (&self.published[..], number) {
            (_, 0) | ([], _) => record.clone(),
            ([root, ..], _) if part.comment => record::answering(record, root, root),
            ([root, ..], number) => record::answering(record, root, &self.published[number - 1]),
        }
    }

    fn receipt(self, plan: &Plan<'_>) -> Result<Receipt> {
        let mut published = self.published.into_iter();
        let first = published.next().unwrap_or(StrongRef {
            uri: String::new(),
            cid: String::new(),
        });
        let mut cids = vec![first.cid];
        let rkey = first.uri.rsplit('/').next().unwrap_or_default();
        // By the identifier, which stays when the handle changes.
        let url = format!("https://bsky.app/profile/{}/post/{rkey}", self.did);
        let mut receipt = Receipt::new(first.uri.clone())
            .url(url)
            .published_at(self.created);
        for part in published {
            receipt.parts.push(part.uri);
            cids.push(part.cid);
        }
        receipt.with_data(&ReceiptData {
            cids,
            gate: plan.replies.is_some(),
        })
    }
}

/// Takes a post back, its answers to itself first.
pub fn delete(session: &mut Session, receipt: &Receipt) -> Result<()> {
    let gate = receipt.data::<ReceiptData>().is_ok_and(|data| data.gate);
    let mut records: Vec<(&str, &str)> = Vec::new();
    for uri in receipt.parts.iter().rev().chain([&receipt.id]) {
        records.push((POST, key_of(uri, &session.did)?));
    }
    if gate {
        records.push((GATE, key_of(&receipt.id, &session.did)?));
    }
    let did = session.did.clone();
    for (collection, rkey) in records {
        let body = json!({ "repo": did, "collection": collection, "rkey": rkey });
        // To delete what is not there succeeds, so this may be repeated.
        session.send(Stake::Read, |base| {
            http::post(xrpc::method(base, "com.atproto.repo.deleteRecord")).json(&body)
        })?;
    }
    Ok(())
}

/// The record key in an address of a post of our own.
pub fn key_of<'a>(uri: &'a str, did: &str) -> Result<&'a str> {
    let rest = uri.strip_prefix("at://").unwrap_or_default();
    let mut segments = rest.split('/');
    match (
        segments.next(),
        segments.next(),
        segments.next(),
        segments.next(),
    ) {
        (Some(repo), Some(POST), Some(rkey), None) if repo == did => Ok(rkey),
        (Some(repo), Some(POST), Some(_), None) => Err(Error::invalid(format!(
            "{uri} is a post of {repo}, and the account is {did} now"
        ))),
        _ => Err(Error::invalid(format!(
            "`{uri}` is not the address of a post"
        ))),
    }
}
