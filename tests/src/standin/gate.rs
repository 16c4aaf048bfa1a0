//! What stands between a client and the stand-in.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use chrono::Utc;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::fault::Fault;
use super::line::Cut;

/// Where a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Nothing of it was done yet.
    Arrived,
    /// It was done, and its answer is about to leave.
    Done,
}

/// A request, for those who watch.
#[derive(Clone, Debug)]
pub struct Moment {
    pub phase: Phase,
    pub method: String,
    pub path: String,
}

pub type Watcher = Arc<dyn Fn(&Moment) + Send + Sync>;

/// What goes wrong at which request, counted from 0.
pub type Schedule = Arc<dyn Fn(u64, &Moment) -> Option<Fault> + Send + Sync>;

/// What a platform is like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Nature {
    /// It forgets `Idempotency-Key`, as many servers that speak the API do.
    pub ignores_keys: bool,
    /// What an account posted can't be listed.
    pub lists_nothing: bool,
    /// A post is in no list before so much time.
    pub hides_for: Duration,
    /// The same text is taken from an account once.
    pub refuses_doubles: bool,
}

/// Keeps every request waiting while it is on.
#[derive(Clone, Debug, Default)]
pub struct Brake(Arc<watch::Sender<bool>>);

impl Brake {
    pub fn set(&self, on: bool) {
        self.0.send_replace(on);
    }

    async fn off(&self) {
        // The sender lives in `self`.
        let _ = self.0.subscribe().wait_for(|on| !on).await;
    }
}

#[derive(Default)]
pub(super) struct Gate(Mutex<Inner>);

struct Inner {
    nature: Nature,
    turned_away: usize,
    requests: u64,
    schedule: Option<Schedule>,
    happened: BTreeMap<String, u64>,
    /// By the header that names the account: the texts that it posted.
    texts: HashSet<(String, String)>,
    watcher: Option<Watcher>,
    brake: Brake,
    faults: HashMap<(String, String), Vec<Fault>>,
    answered: watch::Sender<u64>,
    arrived: watch::Sender<HashSet<(String, String)>>,
    /// The method and the path of requests that wait.
    held: watch::Sender<Option<(String, String)>>,
}

impl Default for Inner {
    fn default() -> Self {
        Inner {
            nature: Nature::default(),
            turned_away: 0,
            requests: 0,
            schedule: None,
            happened: BTreeMap::new(),
            texts: HashSet::new(),
            watcher: None,
            brake: Brake::default(),
            faults: HashMap::new(),
            answered: watch::Sender::new(0),
            arrived: watch::Sender::default(),
            held: watch::Sender::new(None),
        }
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").finish_non_exhaustive()
    }
}

impl Gate {
    fn with<T>(&self, work: impl FnOnce(&mut Inner) -> T) -> T {
        // A test that panicked has failed already.
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn be(&self, nature: Nature) {
        self.with(|inner| inner.nature = nature);
    }

    fn nature(&self) -> Nature {
        self.with(|inner| inner.nature)
    }

    pub(super) fn schedule(&self, schedule: Option<Schedule>) {
        self.with(|inner| inner.schedule = schedule);
    }

    /// Faults that befell requests, by name.
    pub(super) fn happened(&self) -> BTreeMap<String, u64> {
        self.with(|inner| inner.happened.clone())
    }

    pub(super) fn watch(&self, watcher: Watcher) {
        self.with(|inner| inner.watcher = Some(watcher));
    }

    pub(super) fn fail(&self, method: &str, path: &str, fault: Fault, times: usize) {
        let key = (method.to_owned(), path.to_owned());
        self.with(|inner| {
            let faults = inner.faults.entry(key).or_default();
            faults.extend(std::iter::repeat_n(fault, times));
        });
    }

    pub(super) fn hold(&self, which: Option<(String, String)>) {
        self.with(|inner| inner.held.send_replace(which));
    }

    async fn wait(&self, moment: &Moment) {
        let mut held = self.with(|inner| inner.held.subscribe());
        let own = (moment.method.clone(), moment.path.clone());
        // The sender lives as long as the gate.
        let _ = held.wait_for(|held| held.as_ref() != Some(&own)).await;
    }

    pub(super) fn brake(&self) -> Brake {
        self.with(|inner| inner.brake.clone())
    }

    pub(super) fn turned_away(&self) -> usize {
        self.with(|inner| inner.turned_away)
    }

    pub(super) fn arrived(&self) -> watch::Receiver<HashSet<(String, String)>> {
        self.with(|inner| inner.arrived.subscribe())
    }

    pub(super) fn answered(&self) -> watch::Receiver<u64> {
        self.with(|inner| inner.answered.subscribe())
    }

    fn next_fault(&self, moment: &Moment) -> Option<Fault> {
        let key = (moment.method.clone(), moment.path.clone());
        self.with(|inner| {
            let number = inner.requests;
            inner.requests += 1;
            let wanted = inner.faults.get_mut(&key);
            let fault = match wanted.filter(|faults| !faults.is_empty()) {
                Some(faults) => Some(faults.remove(0)),
                None => inner.schedule.as_ref()?(number, moment),
            }?;
            *inner.happened.entry(fault.name()).or_default() += 1;
            Some(fault)
        })
    }

    fn tell(&self, moment: &Moment) {
        let watcher = self.with(|inner| inner.watcher.clone());
        if let Some(watcher) = watcher {
            watcher(moment);
        }
        if moment.phase == Phase::Arrived {
            let own = (moment.method.clone(), moment.path.clone());
            self.with(|inner| {
                inner.arrived.send_modify(|all| {
                    all.insert(own);
                });
            });
        }
    }
}

pub(super) async fn pass(
    State(gate): State<Arc<Gate>>,
    mut request: Request,
    next: Next,
) -> Response {
    let mut moment = Moment {
        phase: Phase::Arrived,
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
    };
    gate.tell(&moment);
    let nature = gate.nature();
    if nature.ignores_keys {
        request.headers_mut().remove("idempotency-key");
    }
    gate.brake().off().await;
    gate.wait(&moment).await;
    let cut = request
        .extensions()
        .get::<ConnectInfo<Cut>>()
        .map(|info| info.0.clone());
    let fault = gate.next_fault(&moment);
    let response = match fault {
        Some(fault) => fault.befall(request, next, cut).await,
        None => next.run(request).await,
    };
    moment.phase = Phase::Done;
    gate.tell(&moment);
    gate.with(|inner| {
        if response.status() == StatusCode::TOO_MANY_REQUESTS {
            inner.turned_away += 1;
        }
        inner.answered.send_modify(|count| *count += 1);
    });
    response
}

/// The platform's own ways, beneath all that goes wrong above it.
pub(super) async fn own_ways(
    State(gate): State<Arc<Gate>>,
    request: Request,
    next: Next,
) -> Response {
    let nature = gate.nature();
    let path = request.uri().path();
    let lists = request.method() == Method::GET
        && path.starts_with("/api/v1/accounts/")
        && path.ends_with("/statuses");
    if lists && nature.lists_nothing {
        return StatusCode::NOT_FOUND.into_response();
    }
    if lists && !nature.hides_for.is_zero() {
        return next.run(before(request, nature.hides_for)).await;
    }
    if request.method() == Method::POST && path == "/api/v1/statuses" && nature.refuses_doubles {
        return once(&gate, request, next).await;
    }
    next.run(request).await
}

/// The same list, from what is so old on. Pages are made of what is shown, so that the
/// bound is set before them: identifiers hold the time, as Mastodon's do.
fn before(mut request: Request, age: Duration) -> Request {
    let youngest = Utc::now().timestamp_millis() as u64 - age.as_millis() as u64;
    let youngest = youngest << 16;
    let query = request.uri().query().unwrap_or_default();
    let (bounds, mut rest): (Vec<&str>, Vec<&str>) = query
        .split('&')
        .partition(|pair| pair.starts_with("max_id="));
    let asked = bounds
        .iter()
        .filter_map(|pair| pair.strip_prefix("max_id=")?.parse().ok());
    let bound = format!("max_id={}", asked.fold(youngest, u64::min));
    rest.push(&bound);
    let address = format!("{}?{}", request.uri().path(), rest.join("&"));
    *request.uri_mut() = address.parse().expect("a path and a query");
    request
}

async fn once(gate: &Gate, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(whole) = to_bytes(body, 1 << 20).await else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let words = serde_json::from_slice::<Value>(&whole).unwrap_or_default();
    let account = parts.headers.get("authorization").cloned();
    let own = (
        format!("{account:?}"),
        words["status"].as_str().unwrap_or_default().to_owned(),
    );
    if gate.with(|inner| inner.texts.contains(&own)) {
        let words = json!({ "error": "Validation failed: the same was posted before" });
        return (StatusCode::UNPROCESSABLE_ENTITY, Json(words)).into_response();
    }
    let response = next
        .run(Request::from_parts(parts, Body::from(whole)))
        .await;
    if response.status().is_success() {
        gate.with(|inner| inner.texts.insert(own));
    }
    response
}
