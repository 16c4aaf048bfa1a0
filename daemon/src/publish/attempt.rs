//! The worker: from a due job to the next state of its delivery.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

use crate::clock::Clock;
use crate::config::{Account, Config};
use crate::model::{Delivery, Digest, Draft, Fault, Id, Job, State, TimeSpan, Timestamp};
use crate::queue::Disposition;
use crate::store::{Store, StoreError};

use super::breaker::{self, Caller};
use super::connector::{Answer, Call, Connector, Connectors, Finding, Outcome, Promise};
use super::rails::{self, Verdict};
use super::record;
use super::restored;
use super::transition::{self, Event, Follow, Rules};

/// Steps of one delivery in one go; what is left is for the queue again.
const STEPS: usize = 100;

/// How long a delivery waits for an account or plugin that is not there.
const UNAVAILABLE: TimeSpan = TimeSpan::from_mins(10);

/// How long a delivery waits for room on the disk.
const FULL: TimeSpan = TimeSpan::from_mins(1);

pub struct Publisher {
    store: Store,
    clock: Clock,
    config: watch::Receiver<Arc<Config>>,
    connectors: Arc<dyn Connectors>,
    stopping: AtomicBool,
}

/// What one look at a delivery led to.
enum Step {
    Event(Event),
    /// Nothing is to do for this job.
    Nothing,
}

impl Publisher {
    pub fn new(
        store: Store,
        clock: Clock,
        config: watch::Receiver<Arc<Config>>,
        connectors: Arc<dyn Connectors>,
    ) -> Self {
        Publisher {
            store,
            clock,
            config,
            connectors,
            stopping: AtomicBool::new(false),
        }
    }

    /// Deliveries of several steps stop after the one that is under way.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Works on a delivery until it is settled, has to wait, or the daemon stops.
    pub async fn run(&self, job: &Job, id: Id) -> Disposition {
        match self.work(job, id).await {
            Ok(disposition) => disposition,
            Err(error) => Disposition::Fault(Fault::Transient(error.to_string())),
        }
    }

    async fn work(&self, job: &Job, id: Id) -> Result<Disposition, StoreError> {
        let Some(mut delivery) = self.store.view().delivery(id)? else {
            return Ok(Disposition::Done);
        };
        let Some(post) = self.store.view().post(delivery.post)? else {
            return Ok(Disposition::Done);
        };
        // Found like this, it was left so by a daemon that is gone.
        if matches!(delivery.state, State::Attempting { .. }) {
            let promise = self.promise(&delivery.account);
            self.change(job, &mut delivery, Event::Interrupted, promise)
                .await?;
        } else if delivery.uncertain.is_some()
            && matches!(delivery.state, State::Waiting | State::Processing)
        {
            // It was about to be repeated: whether it still may be is judged anew.
            delivery.state = State::Unknown {
                since: self.clock.now(),
                reason: "it was not repeated yet".to_owned(),
            };
        }
        for _ in 0..STEPS {
            if self.stopping.load(Ordering::Relaxed) {
                return Ok(Disposition::Later(delivery.due));
            }
            let account = self
                .config
                .borrow()
                .accounts
                .get(&delivery.account)
                .cloned();
            let connector = self.connectors.connector(&delivery.account);
            let (account, connector) = match (account, connector) {
                (Some(account), Ok(connector)) => (account, connector),
                (_, connector) => {
                    let reason = connector.err().map_or_else(
                        || format!("account `{}` is not configured", delivery.account),
                        |error| error.to_string(),
                    );
                    tracing::warn!(delivery = %id, account = %delivery.account, reason, "postponed");
                    let until = self.clock.now().saturating_add(UNAVAILABLE);
                    let event = Event::Postponed { until };
                    let follow = self
                        .change(job, &mut delivery, event, Promise::default())
                        .await?;
                    return Ok(follow.unwrap_or(Disposition::Settled));
                }
            };
            let promise = connector.promise();
            let view = self.store.view();
            let own = post.draft.in_words_of(&account.name, &account.plugin);
            // Once it was begun, it goes on in the words in which it was.
            if delivery.variant.is_none() && delivery.first_attempt.is_none() {
                delivery.variant = connector.variant(&post.draft).map(Box::new);
            }
            let draft = match &delivery.variant {
                Some(variant) => variant.apply(own),
                None => own,
            };
            if let Some(restored) = restored::doubt(view, &delivery, &post, promise.can_look_up)? {
                let doubted = Event::Doubted {
                    of: restored.of,
                    at: restored.at,
                    fingerprint: rails::fingerprint(&draft),
                };
                self.change(job, &mut delivery, doubted, promise).await?;
                continue;
            }
            let step = self
                .step(job, &mut delivery, &account, draft, connector.as_ref())
                .await?;
            let Step::Event(event) = step else {
                return Ok(Disposition::Done);
            };
            let follow = self.change(job, &mut delivery, event, promise).await?;
            if let Some(disposition) = follow {
                return Ok(disposition);
            }
        }
        // Far more steps than a post has parts: others get their turn.
        Ok(Disposition::Later(delivery.due))
    }

    fn promise(&self, account: &str) -> Promise {
        self.connectors
            .connector(account)
            .map(|connector| connector.promise())
            .unwrap_or_default()
    }

    /// One call, or the reason for none.
    async fn step(
        &self,
        job: &Job,
        delivery: &mut Delivery,
        account: &Account,
        draft: Draft,
        connector: &dyn Connector,
    ) -> Result<Step, StoreError> {
        // What waits is asked for its rails first: what comes too late is no probe.
        let calls = matches!(delivery.state, State::Processing | State::Unknown { .. });
        if calls && let Some(until) = self.held_by_breaker(delivery).await? {
            return Ok(Step::Event(Event::Paused { until }));
        }
        match delivery.state.clone() {
            State::Waiting => {
                let fingerprint = rails::fingerprint(&draft);
                if let Some(event) = self.kept_by_rails(delivery, account, fingerprint)? {
                    return Ok(Step::Event(event));
                }
                let until = self.clock.now().saturating_add(FULL);
                if let Err(error) = self.store.room(self.config.borrow().daemon.keep_free) {
                    tracing::error!(delivery = %delivery.id, %error, "nothing is begun");
                    return Ok(Step::Event(Event::Postponed { until }));
                }
                if let Err(reason) = unchanged(&draft).await {
                    return Ok(Step::Event(Event::Refused { reason }));
                }
                let ready = match connector.prepare(draft).await {
                    Ok(ready) => ready,
                    Err(Fault::Transient(reason)) => {
                        tracing::error!(delivery = %delivery.id, reason, "nothing is begun");
                        return Ok(Step::Event(Event::Postponed { until }));
                    }
                    Err(fault) => {
                        let reason = fault.to_string();
                        return Ok(Step::Event(Event::Refused { reason }));
                    }
                };
                // That may have taken its time.
                if let Some(event) = self.kept_by_rails(delivery, account, fingerprint)? {
                    return Ok(Step::Event(event));
                }
                if let Some(until) = self.held_by_breaker(delivery).await? {
                    return Ok(Step::Event(Event::Paused { until }));
                }
                let begin = Event::Begin { fingerprint };
                self.change(job, delivery, begin, connector.promise())
                    .await?;
                let call = self.call(delivery, ready);
                Ok(Step::Event(outcome(
                    "publish",
                    connector.publish(call).await,
                )))
            }
            State::Processing => {
                let Some(progress) = delivery.progress.clone() else {
                    delivery.state = State::Waiting;
                    return Ok(Step::Event(Event::Retried));
                };
                let fingerprint = rails::fingerprint(&draft);
                let ready = connector.prepare(draft).await;
                let begin = Event::Begin { fingerprint };
                self.change(job, delivery, begin, connector.promise())
                    .await?;
                let answer = match ready {
                    Ok(ready) => {
                        let call = self.call(delivery, ready);
                        connector.resume(call, progress.state).await
                    }
                    Err(fault) => Answer {
                        result: Err(fault),
                        sent: false,
                        requests: 0,
                    },
                };
                Ok(Step::Event(outcome("resume", answer)))
            }
            State::Unknown { since, .. } => {
                let promise = connector.promise();
                if !promise.can_look_up && !promise.may_look_up {
                    return Ok(Step::Event(Event::CannotTell {
                        reason: "the platform can't be asked".to_owned(),
                    }));
                }
                let state = delivery.progress.clone().map(|progress| progress.state);
                let ready = match connector.prepare(draft).await {
                    Ok(ready) => ready,
                    Err(fault) => return Ok(Step::Event(Event::LookFailed { fault })),
                };
                let call = self.call(delivery, ready);
                let since = delivery.first_attempt.unwrap_or(since);
                let answer = connector.find_published(call, state, since).await;
                Ok(Step::Event(match answer.result {
                    Ok(Finding::Found(receipt)) => Event::Published {
                        call: "find-published",
                        receipt,
                    },
                    Ok(Finding::Partial(progress, after)) => Event::Progressed {
                        call: "find-published",
                        progress,
                        after,
                    },
                    Ok(Finding::Absent) => Event::Absent,
                    Ok(Finding::CannotTell(reason)) => Event::CannotTell { reason },
                    Err(fault) => Event::LookFailed { fault },
                }))
            }
            // Turned into `Unknown` before the first step.
            State::Attempting { .. } => Ok(Step::Event(Event::Interrupted)),
            State::Published
            | State::Parked { .. }
            | State::Failed { .. }
            | State::Cancelled { .. }
            | State::Missed { .. }
            | State::Pending => Ok(Step::Nothing),
        }
    }

    /// What a rail makes of it, where it does not let it go.
    fn kept_by_rails(
        &self,
        delivery: &Delivery,
        account: &Account,
        fingerprint: Digest,
    ) -> Result<Option<Event>, StoreError> {
        let now = self.clock.now();
        let verdict = rails::judge(self.store.view(), account, delivery, fingerprint, now)?;
        Ok(match verdict {
            Verdict::Go => None,
            Verdict::Wait(until, reason) => {
                tracing::info!(delivery = %delivery.id, account = %account.name, %until, reason, "waits");
                Some(Event::Postponed { until })
            }
            Verdict::Space(until, reason) => {
                tracing::info!(delivery = %delivery.id, account = %account.name, %until, reason, "waits");
                Some(Event::Spaced { until })
            }
            Verdict::Refuse(reason) => Some(Event::Refused { reason }),
            Verdict::Miss(reason) => Some(Event::Missed { reason }),
        })
    }

    fn call(&self, delivery: &Delivery, draft: Draft) -> Call {
        Call {
            attempt: delivery.faults + 1,
            delivery: delivery.clone(),
            draft,
        }
    }

    /// Until when a breaker keeps this delivery from being called for.
    async fn held_by_breaker(&self, delivery: &Delivery) -> Result<Option<Timestamp>, StoreError> {
        let caller = Caller::of(&self.config.borrow(), &delivery.account);
        let now = self.clock.now();
        let (id, first) = (delivery.id, caller.rules.first);
        Ok(match breaker::judge(self.store.view(), &caller, id, now)? {
            breaker::Verdict::Go => None,
            breaker::Verdict::Wait(until) => Some(until),
            breaker::Verdict::Probe => {
                let taken = self
                    .store
                    .write(move |tx| breaker::take_probe(tx, &caller, id, now))
                    .await?;
                (!taken).then(|| now.saturating_add(first))
            }
        })
    }

    /// Makes a change durable; what it means for the queue, where the worker does not go
    /// on.
    async fn change(
        &self,
        job: &Job,
        delivery: &mut Delivery,
        event: Event,
        promise: Promise,
    ) -> Result<Option<Disposition>, StoreError> {
        let now = self.clock.now();
        let (retry, caller) = {
            let config = self.config.borrow();
            let caller = Caller::of(&config, &delivery.account);
            (config.daemon.retry.clone(), caller)
        };
        let rules = Rules {
            now,
            promise,
            retry: &retry,
            spares: breaker::spares(self.store.view(), &caller)?,
        };
        let before = delivery.state.name();
        let follow = transition::next(delivery, job, event.clone(), &rules);
        let mut written = delivery.clone();
        let id = job.id;
        let noted = event.clone();
        let (written, follow, rest) = self
            .store
            .write(move |tx| {
                // A person may have settled it while the platform was asked; what the
                // platform said is not lost by that.
                record::apply(tx, &mut written, id, &follow, now)?;
                let rest = breaker::note(tx, &caller, &written, &noted, now)?;
                Ok::<_, StoreError>((written, follow, rest))
            })
            .await?;
        *delivery = written;
        report(delivery, before, &event);
        let disposition = disposition(&follow);
        Ok(match (disposition, rest) {
            (Some(Disposition::Settled), Some(until)) => Some(Disposition::Rest(until)),
            (Some(Disposition::Rest(one)), Some(other)) => Some(Disposition::Rest(one.max(other))),
            (disposition, _) => disposition,
        })
    }
}

fn outcome(call: &'static str, answer: Answer<Outcome>) -> Event {
    match answer.result {
        Ok(Outcome::Published(receipt)) => Event::Published { call, receipt },
        Ok(Outcome::Processing(progress, after)) => Event::Progressed {
            call,
            progress,
            after,
        },
        Err(fault) => Event::Faulted {
            call,
            fault,
            sent: answer.sent,
        },
    }
}

fn disposition(follow: &Follow) -> Option<Disposition> {
    match follow {
        Follow::GoOn => None,
        Follow::At(..) | Follow::Stay | Follow::Done | Follow::Bury(..) => {
            Some(Disposition::Settled)
        }
        Follow::Rest(until, _) => Some(Disposition::Rest(*until)),
    }
}

/// The files of a post are still what they were when it was accepted.
async fn unchanged(draft: &Draft) -> Result<(), String> {
    let thread = draft.thread.iter().flat_map(|part| &part.media);
    let thumbnail = draft.link.iter().filter_map(|link| link.thumbnail.as_ref());
    for item in draft.media.iter().chain(thread).chain(thumbnail) {
        let found = crate::media::digest_of(std::path::Path::new(&item.path))
            .await
            .map_err(|error| format!("{}: {error}", item.path))?;
        if found != item.digest {
            return Err(format!(
                "{} was changed after the post was accepted; post it anew",
                item.path
            ));
        }
    }
    Ok(())
}

fn report(delivery: &Delivery, before: &str, event: &Event) {
    let after = delivery.state.name();
    metrics::counter!("jarchi_delivery_transitions_total", "from" => before.to_owned(), "to" => after)
        .increment(1);
    let (id, post, account) = (delivery.id, delivery.post, &delivery.account);
    match (&delivery.state, event) {
        (State::Published, _) => {
            let url = delivery
                .receipt
                .as_ref()
                .and_then(|receipt| receipt.url.as_deref());
            tracing::info!(delivery = %id, %post, %account, url, "published");
        }
        (State::Failed { reason } | State::Parked { reason }, _) => {
            tracing::error!(delivery = %id, %post, %account, reason, "{after}");
        }
        (State::Missed { reason }, _) => {
            tracing::warn!(delivery = %id, %post, %account, reason, "missed");
        }
        (_, Event::Faulted { call, fault, .. }) => {
            tracing::warn!(delivery = %id, %post, %account, call, %fault, "{after}");
        }
        (_, Event::LookFailed { fault }) => {
            tracing::warn!(delivery = %id, %post, %account, %fault, "looking it up failed");
        }
        _ => tracing::debug!(delivery = %id, %post, %account, from = before, to = after, "moved"),
    }
}
