//! Receipts to series of numbers.

use std::sync::Arc;

use tokio::sync::watch;

use crate::alarm::{self, Cause};
use crate::clock::Clock;
use crate::config::Config;
use crate::model::{Fault, Post, Sample, State, TimeSpan, Timestamp};
use crate::publish::Connectors;
use crate::store::{DeliveryFilter, Store, StoreError, Subject, Tx};

/// Posts that are asked for in one call.
const BATCH: usize = 25;

/// Posts of this age are measured no more.
const OLDEST: TimeSpan = TimeSpan::from_days(90);

/// How long a reading serves, by the age of the post: numbers move fast on the first day
/// and slowly after a week.
fn fresh_for(age: TimeSpan) -> TimeSpan {
    match age {
        age if age < TimeSpan::from_days(1) => TimeSpan::ZERO,
        age if age < TimeSpan::from_days(7) => TimeSpan::from_hours(6),
        _ => TimeSpan::from_days(1),
    }
}

pub struct Collector {
    store: Store,
    clock: Clock,
    config: watch::Receiver<Arc<Config>>,
    connectors: Arc<dyn Connectors>,
}

impl Collector {
    pub fn new(
        store: Store,
        clock: Clock,
        config: watch::Receiver<Arc<Config>>,
        connectors: Arc<dyn Connectors>,
    ) -> Self {
        Collector {
            store,
            clock,
            config,
            connectors,
        }
    }

    fn connector(&self, account: &str) -> Result<Arc<dyn crate::publish::Connector>, Fault> {
        if !self.config.borrow().accounts.contains_key(account) {
            return Err(Fault::Invalid(format!(
                "account `{account}` is not configured"
            )));
        }
        self.connectors
            .connector(account)
            .map_err(|error| Fault::Transient(error.to_string()))
    }

    /// Reads the numbers of an account's posts that are due for it; returns how many.
    ///
    /// # Errors
    /// The platform's; what was read before it is kept.
    pub async fn posts(&self, account: &str) -> Result<usize, Fault> {
        let connector = self.connector(account)?;
        let now = self.clock.now();
        let receipts = self.due(account, now).map_err(store_fault)?;
        let mut read = 0;
        for batch in receipts.chunks(BATCH) {
            let answer = connector.measure_posts(batch.to_vec()).await;
            let measured = answer.result?;
            let at = self.clock.now();
            read += measured.len();
            let name = account.to_owned();
            self.store
                .write(move |tx| {
                    note(tx, &name, at)?;
                    for post in measured {
                        if post.gone {
                            tx.set_note(&gone(post.delivery), Some(at));
                        } else if !post.metrics.is_empty() {
                            let sample = Sample {
                                at,
                                metrics: post.metrics,
                            };
                            tx.append_sample(&Subject::Delivery(post.delivery), &sample)?;
                        }
                    }
                    Ok::<_, StoreError>(())
                })
                .await
                .map_err(store_fault)?;
        }
        metrics::counter!("jarchi_posts_measured_total").increment(read as u64);
        tracing::debug!(account, posts = read, "measured");
        Ok(read)
    }

    fn due(
        &self,
        account: &str,
        now: Timestamp,
    ) -> Result<Vec<(crate::model::Id, crate::model::Receipt)>, StoreError> {
        let view = self.store.view();
        let filter = DeliveryFilter {
            account: Some(account.to_owned()),
            from: Some(now.saturating_sub(OLDEST)),
            to: Some(now),
            ..DeliveryFilter::default()
        };
        let mut due = Vec::new();
        for delivery in view.deliveries(&filter, usize::MAX)? {
            let (State::Published, Some(receipt)) = (&delivery.state, delivery.receipt) else {
                continue;
            };
            if view.note(&gone(delivery.id))?.is_some() {
                continue;
            }
            let published = delivery
                .history
                .last()
                .map_or(delivery.due, |attempt| attempt.ended);
            let last = view.latest_sample(&Subject::Delivery(delivery.id))?;
            let stale =
                last.is_none_or(|last| now.since(last.at) >= fresh_for(now.since(published)));
            if stale && !is_alarm(&view.post(delivery.post)?) {
                due.push((delivery.id, receipt));
            }
        }
        Ok(due)
    }

    /// Reads the numbers of the account itself.
    ///
    /// # Errors
    /// The platform's.
    pub async fn account(&self, account: &str) -> Result<(), Fault> {
        let connector = self.connector(account)?;
        let metrics = connector.measure_account().await.result?;
        let sample = Sample {
            at: self.clock.now(),
            metrics,
        };
        let name = account.to_owned();
        self.store
            .write(move |tx| {
                note(tx, &name, sample.at)?;
                tx.append_sample(&Subject::Account(name), &sample)
            })
            .await
            .map_err(store_fault)?;
        tracing::debug!(account, "measured the account");
        Ok(())
    }
}

/// A message to the operator: nobody's likes are counted.
fn is_alarm(post: &Option<Post>) -> bool {
    post.as_ref().is_some_and(|post| post.origin.is_message())
}

/// When numbers of an account were read last.
pub(crate) fn measured_note(account: &str) -> String {
    format!("measured:{account}")
}

fn note(tx: &mut Tx<'_>, account: &str, at: Timestamp) -> Result<(), StoreError> {
    tx.set_note(&measured_note(account), Some(at));
    alarm::clear(tx, &Cause::numbers_key(account), at)
}

fn gone(delivery: crate::model::Id) -> String {
    format!("gone:{delivery}")
}

fn store_fault(error: StoreError) -> Fault {
    Fault::Transient(error.to_string())
}
