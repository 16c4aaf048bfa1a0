//! What questions about many posts are answered from: one record for each published delivery
//! with where it belongs and its numbers by age, so that no series is read. Beside them, when
//! each delivery is measured next, and what measuring cost an account today.

use std::ops::Bound;

use serde::{Deserialize, Serialize};

use crate::model::{
    Delivery, Id, Measure, MediaKind, Origin, Post, Sample, State, TimeSpan, Timestamp,
};

use super::StoreError;
use super::raw::{Raw, Tree, Tx, View, after};
use super::series::Block;
use super::table::{Key, Table, trailing_number};

pub(super) const NUMBERS: Table<PostNumbers> = Table::new(Tree::Numbers);
pub(super) const CALLS: Table<MeasuringCalls> = Table::new(Tree::Calls);

/// One published delivery with its numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PostNumbers {
    pub delivery: Id,
    pub post: Id,
    pub account: String,
    /// When it was out, by this daemon's clock.
    pub published: Timestamp,
    pub pillar: Option<String>,
    pub campaign: Option<String>,
    /// The generator's name in the configuration; none where a person wrote the post.
    pub generator: Option<String>,
    /// Of its first file; none for words alone.
    pub media: Option<MediaKind>,
    /// Lower case, without the `#`, each once.
    pub hashtags: Vec<String>,
    /// The account's, when the post was measured first.
    pub followers: Option<i64>,
    /// Since when the platform has it no more, as far as is known.
    pub gone: Option<Timestamp>,
    /// When it is measured next.
    pub next: Option<Timestamp>,
    /// For each age the first reading at or after it, and the latest.
    pub readings: Block,
}

impl PostNumbers {
    /// Without any reading yet. None for a delivery that is not out, and for a message to
    /// the operator: nobody's likes are counted.
    pub fn of(post: &Post, delivery: &Delivery) -> Option<Self> {
        if delivery.state != State::Published {
            return None;
        }
        let generator = match &post.origin {
            Origin::Alarm { .. } | Origin::Approval { .. } => return None,
            Origin::Command => None,
            Origin::Generator { name, .. } => Some(name.clone()),
        };
        Some(PostNumbers {
            delivery: delivery.id,
            post: post.id,
            account: delivery.account.clone(),
            published: published_at(delivery),
            pillar: post.pillar.clone(),
            campaign: post.campaign.clone(),
            generator,
            media: post.draft.media.first().map(|file| file.kind),
            hashtags: hashtags(post),
            followers: None,
            gone: None,
            next: None,
            readings: Block::default(),
        })
    }

    /// Takes a reading on: it stays for good where it is the first at or after one of
    /// `ages`, else until the next.
    pub fn take(&mut self, sample: &Sample, ages: &[TimeSpan]) {
        let readings = self.readings.samples();
        if readings.last().is_some_and(|last| sample.at < last.at) {
            return;
        }
        let age = |at: usize| Some(readings.get(at)?.at.since(self.published));
        let count = readings.len();
        let last = count.checked_sub(1).and_then(age);
        let before = count.checked_sub(2).and_then(age);
        let stands = |last: TimeSpan| {
            ages.iter()
                .any(|age| *age <= last && before.is_none_or(|before| before < *age))
        };
        if last.is_some_and(|last| !stands(last)) {
            self.readings.pop();
        }
        self.readings.put(sample);
    }

    /// Its place among those that are measured next.
    pub(super) fn age_key(&self) -> Option<Vec<u8>> {
        Some(key(&self.account, self.next?, self.delivery))
    }

    /// The latest reading.
    pub fn latest(&self) -> Option<&Sample> {
        self.readings.samples().last()
    }

    /// The first reading that was taken at this age or after it, but not later than half as
    /// late again: what was missed then is missing, whatever came later.
    pub fn at_age(&self, age: TimeSpan) -> Option<&Sample> {
        let due = self.published.saturating_add(age);
        let late = due.saturating_add(TimeSpan(age.0 / 2));
        let mut readings = self.readings.samples().iter();
        readings
            .find(|sample| sample.at >= due)
            .filter(|sample| sample.at <= late)
    }
}

/// When a delivery was out.
pub fn published_at(delivery: &Delivery) -> Timestamp {
    let last = delivery.history.last();
    last.map_or(delivery.due, |attempt| attempt.ended)
}

fn hashtags(post: &Post) -> Vec<String> {
    let mut tags: Vec<String> = Vec::new();
    for tag in &post.draft.hashtags {
        let tag = tag.trim_start_matches('#').to_lowercase();
        if !tag.is_empty() && !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    tags
}

/// Requests for measuring on one day of UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeasuringCalls {
    /// Since 1970.
    pub day: u64,
    pub requests: u32,
    /// Of the latest call, for each hundred posts.
    pub per_hundred: u32,
}

fn key(account: &str, published: Timestamp, delivery: Id) -> Vec<u8> {
    let key = Key::new().text(account);
    key.number(published.0).number(delivery.0).build()
}

/// An account's entries of a tree whose keys are account, time, delivery.
fn entries(
    raw: &impl Raw,
    tree: Tree,
    account: &str,
    to: Timestamp,
    limit: usize,
) -> Result<Vec<(Timestamp, Id)>, StoreError> {
    let from = Key::new().text(account).build();
    let to = key(account, to, Id(u64::MAX));
    let keys = raw.stored_range(
        tree,
        Bound::Included(from.as_slice()),
        Bound::Included(to.as_slice()),
        limit,
    )?;
    let parsed = keys.iter().filter_map(|(key, _)| {
        let id = trailing_number(key)?;
        let at = trailing_number(&key[..key.len() - 8])?;
        Some((Timestamp(at), Id(id)))
    });
    Ok(parsed.collect())
}

impl Tx<'_> {
    /// The record of a delivery.
    ///
    /// # Errors
    /// The store's.
    pub fn post_numbers(
        &self,
        account: &str,
        published: Timestamp,
        delivery: Id,
    ) -> Result<Option<PostNumbers>, StoreError> {
        NUMBERS.get(self, &key(account, published, delivery))
    }

    /// Writes the record of a delivery, and its place among those that are measured next.
    ///
    /// # Errors
    /// The store's.
    pub fn put_post_numbers(&mut self, record: &PostNumbers) -> Result<(), StoreError> {
        let place = key(&record.account, record.published, record.delivery);
        let before = NUMBERS.get(self, &place)?.and_then(|before| before.next);
        if before != record.next {
            if let Some(before) = before {
                self.remove(Tree::Ages, &key(&record.account, before, record.delivery));
            }
            if let Some(next) = record.next {
                let value = record.published.0.to_be_bytes().to_vec();
                self.put(
                    Tree::Ages,
                    &key(&record.account, next, record.delivery),
                    value,
                );
            }
        }
        NUMBERS.put(self, &place, record)
    }

    /// Removes a record and its place.
    pub(super) fn forget_numbers(&mut self, place: &[u8]) -> Result<bool, StoreError> {
        let Some(record) = NUMBERS.get(self, place)? else {
            return Ok(false);
        };
        if let Some(next) = record.next {
            self.remove(Tree::Ages, &key(&record.account, next, record.delivery));
        }
        self.remove(Tree::Numbers, place);
        Ok(true)
    }

    /// Deliveries of an account that are to be measured by then, the first that are due
    /// first, with when that is.
    ///
    /// # Errors
    /// The store's.
    pub fn to_measure(
        &self,
        account: &str,
        by: Timestamp,
        limit: usize,
    ) -> Result<Vec<(Timestamp, Id)>, StoreError> {
        entries(self, Tree::Ages, account, by, limit)
    }

    /// Takes all of an account's deliveries from those that are to be measured.
    ///
    /// # Errors
    /// The store's.
    pub fn measure_none(&mut self, account: &str) -> Result<(), StoreError> {
        let from = Key::new().text(account).build();
        for (place, published) in self.prefix(Tree::Ages, &from, usize::MAX)? {
            let id = Id(trailing_number(&place).unwrap_or_default());
            let published = Timestamp(trailing_number(&published).unwrap_or_default());
            if let Some(mut record) = self.post_numbers(account, published, id)? {
                record.next = None;
                self.put_post_numbers(&record)?;
            }
            self.remove(Tree::Ages, &place);
        }
        Ok(())
    }

    /// What measuring cost an account.
    ///
    /// # Errors
    /// The store's.
    pub fn measuring_calls(&self, account: &str) -> Result<MeasuringCalls, StoreError> {
        let found = CALLS.get(self, &Key::new().text(account).build())?;
        Ok(found.unwrap_or_default())
    }

    pub fn set_measuring_calls(
        &mut self,
        account: &str,
        calls: &MeasuringCalls,
    ) -> Result<(), StoreError> {
        CALLS.put(self, &Key::new().text(account).build(), calls)
    }
}

impl View<'_> {
    /// The record of a delivery; none before it is out.
    ///
    /// # Errors
    /// The store's.
    pub fn post_numbers(&self, delivery: &Delivery) -> Result<Option<PostNumbers>, StoreError> {
        let place = key(&delivery.account, published_at(delivery), delivery.id);
        NUMBERS.get(self, &place)
    }

    /// As [`Tx::to_measure`].
    ///
    /// # Errors
    /// The store's.
    pub fn to_measure(
        &self,
        account: &str,
        by: Timestamp,
        limit: usize,
    ) -> Result<Vec<(Timestamp, Id)>, StoreError> {
        entries(self, Tree::Ages, account, by, limit)
    }

    /// What measuring cost an account.
    ///
    /// # Errors
    /// The store's.
    pub fn measuring_calls(&self, account: &str) -> Result<MeasuringCalls, StoreError> {
        let found = CALLS.get(self, &Key::new().text(account).build())?;
        Ok(found.unwrap_or_default())
    }

    /// The record behind a place of [`View::to_measure`] whose delivery is not kept any more,
    /// without a time.
    ///
    /// # Errors
    /// The store's.
    pub fn lost_numbers(
        &self,
        account: &str,
        due: Timestamp,
        delivery: Id,
    ) -> Result<Option<PostNumbers>, StoreError> {
        let published = self.get(Tree::Ages, &key(account, due, delivery))?;
        let Some(published) = published.and_then(|bytes| trailing_number(&bytes)) else {
            return Ok(None);
        };
        let place = key(account, Timestamp(published), delivery);
        let record = NUMBERS.get(self, &place)?;
        Ok(record.map(|record| PostNumbers {
            next: None,
            ..record
        }))
    }

    /// Accounts that have a record, in the order of their names: those that are not
    /// configured any more as well.
    ///
    /// # Errors
    /// The store's.
    pub fn measured_accounts(&self) -> Result<Vec<String>, StoreError> {
        let mut found = Vec::new();
        let mut from: Option<Vec<u8>> = None;
        loop {
            let start = from.as_deref().map_or(Bound::Unbounded, Bound::Included);
            let next = self.stored_range(Tree::Numbers, start, Bound::Unbounded, 1)?;
            let Some((key, _)) = next.first() else {
                return Ok(found);
            };
            let prefix = &key[..key.len().saturating_sub(16)];
            let name = prefix.strip_suffix(&[0]).unwrap_or(prefix);
            found.push(String::from_utf8_lossy(name).into_owned());
            match after(prefix) {
                Some(next) => from = Some(next),
                None => return Ok(found),
            }
        }
    }

    /// Shows every record of an account whose delivery was published from `from` to `to`, both
    /// included, in the order of time.
    ///
    /// # Errors
    /// The store's.
    pub fn each_post_numbers(
        &self,
        account: &str,
        from: Timestamp,
        to: Timestamp,
        mut visit: impl FnMut(PostNumbers),
    ) -> Result<(), StoreError> {
        let from = key(account, from, Id(0));
        let to = key(account, to, Id(u64::MAX));
        if from > to {
            return Ok(());
        }
        let (from, to) = (Bound::Included(&from[..]), Bound::Included(&to[..]));
        self.stored_between(Tree::Numbers, from, to, |key, stored| {
            let bytes = self.whole(Tree::Numbers, key, stored)?;
            visit(NUMBERS.decode(key, &bytes)?);
            Ok(())
        })
    }
}

/// The account's followers, as they were counted last.
pub(super) fn followers(raw: &Tx<'_>, account: &str) -> Result<Option<i64>, StoreError> {
    let account = super::Subject::Account(account.to_owned());
    let last = raw.latest_sample(&account)?;
    Ok(last.and_then(|last| last.get(&Measure::Followers)))
}

impl Tx<'_> {
    /// A reading of a delivery: into its series and its record, which has the account's
    /// followers from now on.
    ///
    /// # Errors
    /// The store's.
    pub fn take_reading(
        &mut self,
        record: &mut PostNumbers,
        sample: &Sample,
        ages: &[TimeSpan],
    ) -> Result<(), StoreError> {
        self.append_sample(&super::Subject::Delivery(record.delivery), sample)?;
        record.take(sample, ages);
        if record.followers.is_none() {
            record.followers = followers(self, &record.account)?;
        }
        Ok(())
    }
}
