//! Which files were used, and when.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::{Digest, State, Timestamp};
use crate::store::{Store, StoreError};

use super::{Api, ApiError};

/// A file that posts have, by its bytes and its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaUse {
    pub digest: Digest,
    /// Absolute.
    pub path: String,
    /// Posts that went out with it, on one account at least.
    pub posts: u64,
    pub last: Option<Timestamp>,
    /// Posts that are to go out with it.
    pub planned: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaUses {
    pub uses: Vec<MediaUse>,
}

impl Api {
    pub(super) async fn media_uses(&self) -> Result<MediaUses, ApiError> {
        let store = self.store.clone();
        let counted = tokio::task::spawn_blocking(move || count(&store)).await;
        let counted = counted.map_err(|error| ApiError::Unavailable {
            message: error.to_string(),
        })?;
        Ok(counted?)
    }
}

fn count(store: &Store) -> Result<MediaUses, StoreError> {
    let view = store.view();
    let mut uses: BTreeMap<(String, [u8; 32]), MediaUse> = BTreeMap::new();
    for post in view.latest_posts(usize::MAX)? {
        if post.draft.files().next().is_none() {
            continue;
        }
        let (mut last, mut planned) = (None, false);
        for id in &post.deliveries {
            let Some(delivery) = view.delivery(*id)? else {
                continue;
            };
            planned |= !delivery.state.is_settled();
            if delivery.state == State::Published {
                let ended = delivery.history.last().map(|attempt| attempt.ended);
                last = last.max(Some(ended.unwrap_or(delivery.due)));
            }
        }
        // A file that stands in a post twice is used once.
        let mut seen = Vec::new();
        for file in post.draft.files() {
            let key = (file.path.clone(), file.digest.0);
            if seen.contains(&key) {
                continue;
            }
            seen.push(key.clone());
            let one = uses.entry(key).or_insert_with(|| MediaUse {
                digest: file.digest,
                path: file.path.clone(),
                posts: 0,
                last: None,
                planned: 0,
            });
            one.posts += u64::from(last.is_some());
            one.planned += u64::from(planned);
            one.last = one.last.max(last);
        }
    }
    Ok(MediaUses {
        uses: uses.into_values().collect(),
    })
}
