//! What the week came to.

use std::collections::BTreeMap;

use crate::config::{Config, PillarKind};
use crate::model::{Measure, Origin, Sample, State};
use crate::store::{DeliveryFilter, Store, StoreError, Subject};

/// Deliveries that are looked at.
const MOST: usize = 1000;

/// What people did with posts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Engagement {
    pub likes: i64,
    pub shares: i64,
    pub replies: i64,
}

impl Engagement {
    pub fn all(self) -> i64 {
        self.likes + self.shares + self.replies
    }

    fn add(&mut self, sample: &Sample) {
        for metric in &sample.metrics {
            match metric.measure {
                Measure::Likes => self.likes += metric.value,
                Measure::Shares | Measure::Quotes => self.shares += metric.value,
                Measure::Comments => self.replies += metric.value,
                _ => {}
            }
        }
    }

    /// Of all that was published and measured, with how many that are.
    ///
    /// # Errors
    /// The store's.
    pub fn of_all(store: &Store) -> Result<(usize, Self), StoreError> {
        let view = store.view();
        let mut all = Engagement::default();
        let mut published = 0;
        for delivery in view.deliveries(&DeliveryFilter::default(), MOST)? {
            if delivery.state != State::Published {
                continue;
            }
            published += 1;
            if let Some(sample) = view.latest_sample(&Subject::Delivery(delivery.id))? {
                all.add(&sample);
            }
        }
        Ok((published, all))
    }
}

/// The posts of one pillar.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    pub promotional: bool,
    pub posts: usize,
    pub pictures: usize,
    pub engagement: Engagement,
}

/// The week by pillar, and by what made the posts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    pub pillars: BTreeMap<String, Row>,
    pub generators: BTreeMap<String, usize>,
    pub all: Row,
    /// Deliveries that came to another end.
    pub lost: usize,
    /// Of these pillars' posts.
    pub value: usize,
    pub promo: usize,
}

impl Summary {
    /// # Errors
    /// The store's.
    pub fn of(store: &Store, config: &Config) -> Result<Self, StoreError> {
        let view = store.view();
        let mut summary = Summary::default();
        for delivery in view.deliveries(&DeliveryFilter::default(), MOST)? {
            if delivery.state != State::Published {
                summary.lost += 1;
                continue;
            }
            let Some(post) = view.post(delivery.post)? else {
                continue;
            };
            let name = post.pillar.unwrap_or_default();
            let promotional = config.brands.values().any(|brand| {
                let pillar = brand.strategy.pillars.get(&name);
                pillar.is_some_and(|pillar| pillar.kind == PillarKind::Promo)
            });
            if promotional {
                summary.promo += 1;
            } else {
                summary.value += 1;
            }
            if let Origin::Generator { name, .. } = post.origin {
                *summary.generators.entry(name).or_default() += 1;
            }
            let sample = view.latest_sample(&Subject::Delivery(delivery.id))?;
            let row = summary.pillars.entry(name).or_default();
            row.promotional = promotional;
            for row in [row, &mut summary.all] {
                row.posts += 1;
                row.pictures += post.draft.files().count();
                if let Some(sample) = &sample {
                    row.engagement.add(sample);
                }
            }
        }
        Ok(summary)
    }
}
