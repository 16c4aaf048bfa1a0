//! What has happened since the last look, for a demo's terminal.

use std::collections::{BTreeMap, HashSet};

use crate::model::{Delivery, Id, Metric, State, Timestamp};
use crate::store::{DeliveryFilter, Store, StoreError, Subject};

/// Deliveries that a demo looks at.
const MOST: usize = 1000;

#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// Posts were taken on; this many deliveries wait.
    Waiting(usize),
    Published {
        account: String,
        /// The first line.
        text: String,
        due: Timestamp,
        at: Timestamp,
        url: Option<String>,
        /// Of a thread.
        parts: usize,
    },
    /// Any other end, or a fault on the way to it.
    Trouble {
        account: String,
        text: String,
        state: &'static str,
        reason: String,
    },
    Measured {
        account: String,
        text: String,
        metrics: Vec<Metric>,
    },
    Account {
        account: String,
        metrics: Vec<Metric>,
    },
}

/// Remembers what was told.
#[derive(Debug, Default)]
pub struct Newspaper {
    known: HashSet<Id>,
    ended: HashSet<Id>,
    numbers: BTreeMap<Id, Vec<Metric>>,
    accounts: BTreeMap<String, Vec<Metric>>,
    finished: bool,
}

impl Newspaper {
    /// Everything was published or has failed, and what was published has numbers.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// # Errors
    /// The store's.
    pub fn read(&mut self, store: &Store) -> Result<Vec<News>, StoreError> {
        let view = store.view();
        let deliveries = view.deliveries(&DeliveryFilter::default(), MOST)?;
        let mut news = Vec::new();
        let new = deliveries
            .iter()
            .filter(|delivery| self.known.insert(delivery.id))
            .count();
        if new > 0 {
            news.push(News::Waiting(new));
        }
        self.finished = !deliveries.is_empty();
        for delivery in &deliveries {
            let ended = delivery.state.is_settled();
            if ended && self.ended.insert(delivery.id) {
                news.push(end(delivery, first_line(store, delivery)?));
            }
            let published = delivery.state == State::Published;
            let sample = view.latest_sample(&Subject::Delivery(delivery.id))?;
            self.finished &= ended && (!published || sample.is_some());
            let Some(sample) = sample else { continue };
            // Numbers of nought are no news.
            let some = sample.metrics.iter().any(|metric| metric.value != 0);
            if some && self.numbers.get(&delivery.id) != Some(&sample.metrics) {
                self.numbers.insert(delivery.id, sample.metrics.clone());
                news.push(News::Measured {
                    account: delivery.account.clone(),
                    text: first_line(store, delivery)?,
                    metrics: sample.metrics,
                });
            }
        }
        let accounts: HashSet<&String> = deliveries.iter().map(|one| &one.account).collect();
        for account in accounts {
            let Some(sample) = view.latest_sample(&Subject::Account(account.clone()))? else {
                continue;
            };
            if self.accounts.get(account) != Some(&sample.metrics) {
                self.accounts
                    .insert(account.clone(), sample.metrics.clone());
                news.push(News::Account {
                    account: account.clone(),
                    metrics: sample.metrics,
                });
            }
        }
        Ok(news)
    }
}

fn first_line(store: &Store, delivery: &Delivery) -> Result<String, StoreError> {
    let post = store.view().post(delivery.post)?;
    let text = post.map(|post| post.draft.in_words_of(&delivery.account, "").text);
    let text = text.unwrap_or_default();
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

fn end(delivery: &Delivery, text: String) -> News {
    let account = delivery.account.clone();
    let reason = match &delivery.state {
        State::Parked { reason }
        | State::Failed { reason }
        | State::Cancelled { reason }
        | State::Missed { reason } => reason.clone(),
        _ => {
            let receipt = delivery.receipt.as_ref();
            return News::Published {
                account,
                text,
                due: delivery.due,
                at: receipt
                    .and_then(|receipt| receipt.published_at)
                    .or(delivery.history.last().map(|attempt| attempt.ended))
                    .unwrap_or(delivery.due),
                url: receipt.and_then(|receipt| receipt.url.clone()),
                parts: receipt.map_or(1, |receipt| receipt.parts.len().max(1)),
            };
        }
    };
    News::Trouble {
        account,
        text,
        state: delivery.state.name(),
        reason,
    }
}
