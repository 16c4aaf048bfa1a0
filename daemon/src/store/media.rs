//! Files that deliveries offer to be fetched, by their digests.

use crate::model::{Digest, Offer, Timestamp};

use super::StoreError;
use super::raw::{Raw, Tree, Tx, View};
use super::table::Table;

pub(super) const OFFERS: Table<Offer> = Table::new(Tree::Offers);

impl View<'_> {
    pub fn offer(&self, digest: Digest) -> Result<Option<Offer>, StoreError> {
        OFFERS.get(self, &digest.0)
    }
}

impl Tx<'_> {
    /// Offers a file until then, or for as long as another delivery does.
    pub fn offer(&mut self, digest: Digest, mut offer: Offer) -> Result<(), StoreError> {
        if let Some(before) = OFFERS.get(self, &digest.0)? {
            offer.until = offer.until.max(before.until);
        }
        OFFERS.put(self, &digest.0, &offer)
    }

    /// Forgets what was offered until before then; how many.
    pub fn end_offers(&mut self, before: Timestamp) -> Result<usize, StoreError> {
        let mut ended = 0;
        for (key, bytes) in self.prefix(Tree::Offers, &[], usize::MAX)? {
            if OFFERS.decode(&key, &bytes)?.until < before {
                self.remove(Tree::Offers, &key);
                ended += 1;
            }
        }
        Ok(ended)
    }
}
