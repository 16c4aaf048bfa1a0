//! Posts, their deliveries, and what generators gave.

use std::collections::HashSet;
use std::ops::Bound;

use serde::{Deserialize, Serialize};

use crate::model::{Delivery, Digest, Id, Origin, Post, Timestamp};

use super::StoreError;
use super::raw::{Raw, Tree, Tx, View};
use super::table::{Key, Table, trailing_number};

pub(super) const POSTS: Table<Post> = Table::new(Tree::Posts);
pub(super) const DELIVERIES: Table<Delivery> = Table::new(Tree::Deliveries);
pub(super) const DRAFTS: Table<DraftRecord> = Table::new(Tree::Drafts);
pub(super) const PUBLISHED: Table<PublishedEntry> = Table::new(Tree::Published);

/// What is known of a generator's draft.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DraftRecord {
    pub key: String,
    pub revision: String,
    /// The post that it became; the latest, where it repeats.
    pub post: Id,
    /// Times that it was posted before this one.
    pub round: u32,
    /// Not in the generator's last complete batch any more.
    #[serde(default)]
    pub withdrawn: bool,
    /// It was posted so long ago that its post is not kept any more.
    #[serde(default)]
    pub forgotten: bool,
}

/// A line of an account's book of what went out, for the rails.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedEntry {
    pub delivery: Id,
    pub fingerprint: Option<Digest>,
}

/// Which deliveries are asked for.
#[derive(Clone, Debug, Default)]
pub struct DeliveryFilter {
    pub account: Option<String>,
    /// Only those that are not settled, or need a person.
    pub open: bool,
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
}

fn agenda_key(account: &str, due: Timestamp, id: Id) -> Vec<u8> {
    Key::new().text(account).number(due.0).number(id.0).build()
}

fn draft_key(generator: &str, key: &str) -> Vec<u8> {
    Key::new().text(generator).rest(key.as_bytes()).build()
}

fn needs_somebody(delivery: &Delivery) -> bool {
    use crate::model::State;
    !delivery.state.is_settled()
        || matches!(delivery.state, State::Parked { .. } | State::Failed { .. })
}

impl Tx<'_> {
    /// Writes a post; its number is given out here where it has none.
    pub fn put_post(&mut self, mut post: Post) -> Result<Id, StoreError> {
        if post.id == Id(0) {
            post.id = self.new_id();
        }
        POSTS.put(self, &post.id.to_key(), &post)?;
        Ok(post.id)
    }

    /// Writes a delivery and its places in the agenda and among the open ones; its number
    /// is given out here where it has none.
    pub fn put_delivery(&mut self, delivery: &mut Delivery) -> Result<Id, StoreError> {
        if delivery.id == Id(0) {
            delivery.id = self.new_id();
            self.put(
                Tree::Agenda,
                &agenda_key(&delivery.account, delivery.due, delivery.id),
                Vec::new(),
            );
        } else if let Some(old) = DELIVERIES.get(self, &delivery.id.to_key())?
            && (old.due, &old.account) != (delivery.due, &delivery.account)
        {
            self.remove(Tree::Agenda, &agenda_key(&old.account, old.due, old.id));
            self.put(
                Tree::Agenda,
                &agenda_key(&delivery.account, delivery.due, delivery.id),
                Vec::new(),
            );
        }
        let key = delivery.id.to_key();
        DELIVERIES.put(self, &key, delivery)?;
        match (needs_somebody(delivery), self.contains(Tree::Open, &key)?) {
            (true, false) => self.put(Tree::Open, &key, Vec::new()),
            (false, true) => self.remove(Tree::Open, &key),
            _ => {}
        }
        Ok(delivery.id)
    }

    /// Removes a delivery, its places and its job, and its post with the last of its
    /// deliveries.
    pub(super) fn forget_delivery(&mut self, delivery: &Delivery) -> Result<(), StoreError> {
        let Delivery { id, post, .. } = *delivery;
        self.remove(
            Tree::Agenda,
            &agenda_key(&delivery.account, delivery.due, id),
        );
        self.remove(Tree::Open, &id.to_key());
        self.remove(Tree::Deliveries, &id.to_key());
        if let Some(job) = delivery.job {
            self.complete(job)?;
        }
        let Some(mut post) = self.post(post)? else {
            return Ok(());
        };
        post.deliveries.retain(|other| *other != id);
        if !post.deliveries.is_empty() {
            return POSTS.put(self, &post.id.to_key(), &post);
        }
        if let Origin::Generator { name, key, .. } = &post.origin
            && let Some(mut draft) = self.draft(name, key)?
            && draft.post == post.id
        {
            draft.forgotten = true;
            self.put_draft(name, &draft)?;
        }
        self.remove(Tree::Posts, &post.id.to_key());
        Ok(())
    }

    pub fn post(&self, id: Id) -> Result<Option<Post>, StoreError> {
        POSTS.get(self, &id.to_key())
    }

    pub fn delivery(&self, id: Id) -> Result<Option<Delivery>, StoreError> {
        DELIVERIES.get(self, &id.to_key())
    }

    pub fn draft(&self, generator: &str, key: &str) -> Result<Option<DraftRecord>, StoreError> {
        DRAFTS.get(self, &draft_key(generator, key))
    }

    pub fn put_draft(&mut self, generator: &str, draft: &DraftRecord) -> Result<(), StoreError> {
        DRAFTS.put(self, &draft_key(generator, &draft.key), draft)
    }

    pub fn drafts(&self, generator: &str) -> Result<Vec<DraftRecord>, StoreError> {
        drafts(self, generator)
    }

    /// Due times of an account's deliveries from `from` on, with their numbers.
    pub fn agenda(
        &self,
        account: &str,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<(Timestamp, Id)>, StoreError> {
        agenda(self, account, from, to)
    }

    /// The account's book from `from` on.
    pub fn published_since(
        &self,
        account: &str,
        from: Timestamp,
    ) -> Result<Vec<(Timestamp, PublishedEntry)>, StoreError> {
        published_since(self, account, from)
    }

    /// Notes in the account's book that something went out.
    pub fn note_published(
        &mut self,
        account: &str,
        at: Timestamp,
        entry: &PublishedEntry,
    ) -> Result<(), StoreError> {
        let key = agenda_key(account, at, entry.delivery);
        PUBLISHED.put(self, &key, entry)
    }
}

fn drafts(raw: &impl Raw, generator: &str) -> Result<Vec<DraftRecord>, StoreError> {
    raw.prefix(
        Tree::Drafts,
        &Key::new().text(generator).build(),
        usize::MAX,
    )?
    .iter()
    .map(|(key, bytes)| DRAFTS.decode(key, bytes))
    .collect()
}

fn agenda(
    raw: &impl Raw,
    account: &str,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<(Timestamp, Id)>, StoreError> {
    let from = agenda_key(account, from, Id(0));
    let to = agenda_key(account, to, Id(u64::MAX));
    let keys = raw.stored_range(
        Tree::Agenda,
        Bound::Included(&from),
        Bound::Included(&to),
        usize::MAX,
    )?;
    Ok(keys
        .iter()
        .filter_map(|(key, _)| {
            let id = trailing_number(key)?;
            let due = trailing_number(&key[..key.len() - 8])?;
            Some((Timestamp(due), Id(id)))
        })
        .collect())
}

fn published_since(
    raw: &impl Raw,
    account: &str,
    from: Timestamp,
) -> Result<Vec<(Timestamp, PublishedEntry)>, StoreError> {
    let from = agenda_key(account, from, Id(0));
    let to = agenda_key(account, Timestamp(u64::MAX), Id(u64::MAX));
    raw.range(
        Tree::Published,
        Bound::Included(&from),
        Bound::Included(&to),
        usize::MAX,
    )?
    .iter()
    .map(|(key, bytes)| {
        let at = key
            .len()
            .checked_sub(8)
            .and_then(|end| trailing_number(&key[..end]))
            .unwrap_or_default();
        Ok((Timestamp(at), PUBLISHED.decode(key, bytes)?))
    })
    .collect()
}

impl View<'_> {
    pub fn post(&self, id: Id) -> Result<Option<Post>, StoreError> {
        POSTS.get(self, &id.to_key())
    }

    pub fn delivery(&self, id: Id) -> Result<Option<Delivery>, StoreError> {
        DELIVERIES.get(self, &id.to_key())
    }

    /// The latest posts, newest first.
    pub fn latest_posts(&self, limit: usize) -> Result<Vec<Post>, StoreError> {
        self.stored_back(Tree::Posts, Bound::Unbounded, Bound::Unbounded, limit)?
            .into_iter()
            .map(|(key, stored)| {
                let bytes = self.whole(Tree::Posts, &key, stored)?;
                POSTS.decode(&key, &bytes)
            })
            .collect()
    }

    /// The digests of all files that posts have in them, and drafts that wait for a slot.
    ///
    /// # Errors
    /// A post that can't be read, since its files are not known then.
    pub fn files_of_posts(&self) -> Result<HashSet<Digest>, StoreError> {
        let mut digests = HashSet::new();
        self.stored_each(Tree::Posts, |key, stored| {
            let bytes = self.whole(Tree::Posts, key, stored)?;
            let post = POSTS.decode(key, &bytes)?;
            digests.extend(post.draft.files().map(|file| file.digest));
            Ok(())
        })?;
        for one in self.stocked()? {
            digests.extend(one.draft.files().map(|file| file.digest));
        }
        Ok(digests)
    }

    /// Deliveries in the order of their due times, at most `limit`.
    pub fn deliveries(
        &self,
        filter: &DeliveryFilter,
        limit: usize,
    ) -> Result<Vec<Delivery>, StoreError> {
        let from = filter.from.unwrap_or_default();
        let to = filter.to.unwrap_or(Timestamp(u64::MAX));
        let mut ids: Vec<(Timestamp, Id)> = Vec::new();
        if filter.open {
            for (key, _) in
                self.stored_range(Tree::Open, Bound::Unbounded, Bound::Unbounded, usize::MAX)?
            {
                let id = Id(trailing_number(&key).unwrap_or_default());
                if let Some(delivery) = self.delivery(id)? {
                    let wanted = filter
                        .account
                        .as_ref()
                        .is_none_or(|name| *name == delivery.account);
                    if wanted && (from..=to).contains(&delivery.due) {
                        ids.push((delivery.due, id));
                    }
                }
            }
        } else if let Some(account) = &filter.account {
            ids = agenda(self, account, from, to)?;
        } else {
            let keys =
                self.stored_range(Tree::Agenda, Bound::Unbounded, Bound::Unbounded, usize::MAX)?;
            ids = keys
                .iter()
                .filter_map(|(key, _)| {
                    let id = trailing_number(key)?;
                    let due = Timestamp(trailing_number(&key[..key.len() - 8])?);
                    (from..=to).contains(&due).then_some((due, Id(id)))
                })
                .collect();
        }
        ids.sort_unstable();
        ids.into_iter()
            .take(limit)
            .filter_map(|(_, id)| self.delivery(id).transpose())
            .collect()
    }

    pub fn draft(&self, generator: &str, key: &str) -> Result<Option<DraftRecord>, StoreError> {
        DRAFTS.get(self, &draft_key(generator, key))
    }

    pub fn drafts(&self, generator: &str) -> Result<Vec<DraftRecord>, StoreError> {
        drafts(self, generator)
    }

    pub fn published_since(
        &self,
        account: &str,
        from: Timestamp,
    ) -> Result<Vec<(Timestamp, PublishedEntry)>, StoreError> {
        published_since(self, account, from)
    }
}
