//! What stands between a client and the stand-in.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::watch;

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

/// How a request goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is answered with this status, and nothing is done.
    Refused(u16),
    /// It is done, and the answer is lost on the way.
    AnswerLost,
    /// Nothing is done, and no answer comes.
    Silence,
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
    ignores_keys: bool,
    turned_away: usize,
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
            ignores_keys: false,
            turned_away: 0,
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

    pub(super) fn ignore_keys(&self) {
        self.with(|inner| inner.ignores_keys = true);
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
            let faults = inner.faults.get_mut(&key)?;
            (!faults.is_empty()).then(|| faults.remove(0))
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
    if gate.with(|inner| inner.ignores_keys) {
        request.headers_mut().remove("idempotency-key");
    }
    gate.brake().off().await;
    gate.wait(&moment).await;
    let fault = gate.next_fault(&moment);
    let response = match fault {
        Some(Fault::Refused(status)) => StatusCode::from_u16(status)
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            .into_response(),
        Some(Fault::Silence) => std::future::pending().await,
        Some(Fault::AnswerLost) | None => next.run(request).await,
    };
    moment.phase = Phase::Done;
    gate.tell(&moment);
    gate.with(|inner| {
        if response.status() == StatusCode::TOO_MANY_REQUESTS {
            inner.turned_away += 1;
        }
        inner.answered.send_modify(|count| *count += 1);
    });
    if fault == Some(Fault::AnswerLost) {
        // The connection breaks off under a body that was announced and does not come.
        let lost = futures_util::stream::once(async {
            Err::<axum::body::Bytes, _>(std::io::Error::other("lost"))
        });
        let (parts, _) = response.into_parts();
        return Response::from_parts(parts, axum::body::Body::from_stream(lost));
    }
    response
}
