//! What has happened since the last look, for a demo's terminal.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use chrono::NaiveDate;
use chrono_tz::Tz;

use crate::model::{Delivery, Id, Origin, Planned, Post, State, TimeSpan, Timestamp};
use crate::store::{DeliveryFilter, Store, StoreError};

use super::summary::Engagement;

/// Deliveries that a demo looks at.
const MOST: usize = 1000;

#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// Slots that got a pillar, in the order of time.
    Planned(Vec<Planned>),
    /// A day begins; what all posts of the week came to by then.
    Day {
        date: NaiveDate,
        published: usize,
        engagement: Engagement,
    },
    Published {
        account: String,
        /// The first line.
        text: String,
        pillar: Option<String>,
        generator: Option<String>,
        due: Timestamp,
        at: Timestamp,
        url: Option<String>,
        pictures: usize,
        /// Of a thread.
        parts: usize,
    },
    /// Any other end, or a slot for which nobody had something.
    Trouble { what: String, reason: String },
}

/// Remembers what was told.
#[derive(Debug)]
pub struct Newspaper {
    zone: Tz,
    day: Option<NaiveDate>,
    planned: BTreeSet<Id>,
    failed: BTreeSet<Id>,
    ended: HashSet<Id>,
    settled: bool,
    troubles: usize,
}

impl Newspaper {
    pub fn new(zone: Tz) -> Self {
        Newspaper {
            zone,
            day: None,
            planned: BTreeSet::new(),
            failed: BTreeSet::new(),
            ended: HashSet::new(),
            settled: false,
            troubles: 0,
        }
    }

    /// How many were told.
    pub fn troubles(&self) -> usize {
        self.troubles
    }

    /// There were posts, and each was published or has failed.
    pub fn is_settled(&self) -> bool {
        self.settled
    }

    /// # Errors
    /// The store's.
    pub fn read(&mut self, store: &Store, now: Timestamp) -> Result<Vec<News>, StoreError> {
        let view = store.view();
        let mut news = Vec::new();
        let horizon = TimeSpan::from_days(30);
        let slots =
            view.planned_between(now.saturating_sub(horizon), now.saturating_add(horizon))?;
        for slot in &slots {
            if let crate::model::PlanState::Failed { reason } = &slot.state
                && self.failed.insert(slot.id)
            {
                news.push(News::Trouble {
                    what: format!("no post for {}, {}", slot.pillar, slot.accounts.join(", ")),
                    reason: reason.clone(),
                });
            }
        }
        let new: Vec<Planned> = slots
            .into_iter()
            .filter(|slot| self.planned.insert(slot.id))
            .collect();
        if !new.is_empty() {
            news.push(News::Planned(new));
        }
        let deliveries = view.deliveries(&DeliveryFilter::default(), MOST)?;
        self.settled = !deliveries.is_empty();
        let mut ended = BTreeMap::new();
        for delivery in deliveries {
            let settled = delivery.state.is_settled();
            self.settled &= settled;
            if settled && self.ended.insert(delivery.id) {
                ended.insert((moment(&delivery), delivery.id), delivery);
            }
        }
        for ((at, _), delivery) in ended {
            self.begin_day(store, at, &mut news)?;
            let post = view.post(delivery.post)?;
            news.push(end(&delivery, post));
        }
        if !self.planned.is_empty() {
            self.begin_day(store, now, &mut news)?;
        }
        let trouble = |one: &&News| matches!(one, News::Trouble { .. });
        self.troubles += news.iter().filter(trouble).count();
        Ok(news)
    }

    fn begin_day(
        &mut self,
        store: &Store,
        at: Timestamp,
        news: &mut Vec<News>,
    ) -> Result<(), StoreError> {
        let date = at.to_utc().with_timezone(&self.zone).date_naive();
        if self.day.is_some_and(|day| date <= day) {
            return Ok(());
        }
        self.day = Some(date);
        let (published, engagement) = Engagement::of_all(store)?;
        news.push(News::Day {
            date,
            published,
            engagement,
        });
        Ok(())
    }
}

/// When it went out, or came to its end otherwise.
fn moment(delivery: &Delivery) -> Timestamp {
    let receipt = delivery.receipt.as_ref();
    receipt
        .and_then(|receipt| receipt.published_at)
        .or(delivery.history.last().map(|attempt| attempt.ended))
        .unwrap_or(delivery.due)
}

fn end(delivery: &Delivery, post: Option<Post>) -> News {
    let words = post.as_ref().map(|post| {
        let draft = post.draft.in_words_of(&delivery.account, "");
        draft.text.lines().next().unwrap_or_default().to_owned()
    });
    let text = words.unwrap_or_default();
    let reason = match &delivery.state {
        State::Parked { reason }
        | State::Failed { reason }
        | State::Cancelled { reason }
        | State::Missed { reason } => reason.clone(),
        _ => {
            let receipt = delivery.receipt.as_ref();
            let generator = post.as_ref().and_then(|post| match &post.origin {
                Origin::Generator { name, .. } => Some(name.clone()),
                Origin::Command | Origin::Approval { .. } | Origin::Alarm { .. } => None,
            });
            return News::Published {
                account: delivery.account.clone(),
                text,
                generator,
                due: delivery.due,
                at: moment(delivery),
                url: receipt.and_then(|receipt| receipt.url.clone()),
                pictures: post.as_ref().map_or(0, |post| post.draft.files().count()),
                parts: receipt.map_or(1, |receipt| receipt.parts.len().max(1)),
                pillar: post.and_then(|post| post.pillar),
            };
        }
    };
    News::Trouble {
        what: format!("{} on {}: {text}", delivery.state.name(), delivery.account),
        reason,
    }
}
