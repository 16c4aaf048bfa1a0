//! Series of measured numbers, one for each delivery and each account.

use std::ops::Bound;

use crate::model::{Id, Sample, Timestamp};

use super::StoreError;
use super::raw::{Raw, Tree, Tx, View};
use super::table::{Key, Table, trailing_number};

pub(super) const SERIES: Table<Vec<(String, i64)>> = Table::new(Tree::Series);

/// What was measured.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    Delivery(Id),
    Account(String),
}

impl Subject {
    fn prefix(&self) -> Vec<u8> {
        match self {
            Subject::Delivery(id) => Key::new().byte(b'd').number(id.0).build(),
            Subject::Account(name) => Key::new().byte(b'a').text(name).build(),
        }
    }

    fn key(&self, at: Timestamp) -> Vec<u8> {
        let mut key = self.prefix();
        key.extend(at.0.to_be_bytes());
        key
    }
}

impl Tx<'_> {
    /// Appends a sample; one of the same moment is replaced.
    pub fn append_sample(&mut self, subject: &Subject, sample: &Sample) -> Result<(), StoreError> {
        let values = sample
            .metrics
            .iter()
            .map(|metric| (metric.measure.name().to_owned(), metric.value))
            .collect();
        SERIES.put(self, &subject.key(sample.at), &values)
    }
}

impl View<'_> {
    /// Samples from `from` to `to`, both included, in the order of time.
    pub fn samples(
        &self,
        subject: &Subject,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Sample>, StoreError> {
        let (from, to) = (subject.key(from), subject.key(to));
        self.range(
            Tree::Series,
            Bound::Included(&from),
            Bound::Included(&to),
            usize::MAX,
        )?
        .into_iter()
        .map(|(key, bytes)| sample(&key, &bytes))
        .collect()
    }

    pub fn latest_sample(&self, subject: &Subject) -> Result<Option<Sample>, StoreError> {
        let last = self.last(Tree::Series, &subject.prefix())?;
        last.map(|(key, bytes)| sample(&key, &bytes)).transpose()
    }
}

fn sample(key: &[u8], bytes: &[u8]) -> Result<Sample, StoreError> {
    let metrics = SERIES
        .decode(key, bytes)?
        .into_iter()
        .filter_map(|(name, value)| {
            let measure = name.parse().ok()?;
            Some(crate::model::Metric { measure, value })
        })
        .collect();
    Ok(Sample {
        at: Timestamp(trailing_number(key).unwrap_or_default()),
        metrics,
    })
}
