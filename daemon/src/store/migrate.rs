//! The schema's version, and the way from each version to the next.

use std::path::Path;

use super::raw::{Raw, Tree, Tx};
use super::{Store, StoreError};

/// The schema that this version writes. Fields that are added at the end of a record with
/// a default do not change it.
pub const SCHEMA: u32 = 1;

const KEY: &[u8] = b"schema";

type Step = fn(&mut Tx<'_>) -> Result<(), StoreError>;

/// `STEPS[n]` leads from schema `n + 1` to `n + 2`.
const STEPS: [Step; SCHEMA as usize - 1] = [];

/// Brings the store to [`SCHEMA`], each step in one atomic batch.
pub(super) fn migrate(store: &Store, dir: &Path) -> Result<(), StoreError> {
    let stored = store.view().get(Tree::Meta, KEY)?;
    let found = match stored {
        None => {
            return store.write_blocking(|tx| {
                tx.put(Tree::Meta, KEY, SCHEMA.to_be_bytes().to_vec());
                Ok(())
            });
        }
        Some(bytes) => bytes
            .try_into()
            .map(u32::from_be_bytes)
            .map_err(|_| StoreError::Open {
                path: dir.display().to_string(),
                reason: "its schema version can't be read".to_owned(),
            })?,
    };
    if found > SCHEMA {
        return Err(StoreError::Newer {
            path: dir.display().to_string(),
            found,
            known: SCHEMA,
        });
    }
    for version in found..SCHEMA {
        let step = STEPS[version as usize - 1];
        store.write_blocking(move |tx| {
            step(tx)?;
            tx.put(Tree::Meta, KEY, (version + 1).to_be_bytes().to_vec());
            Ok::<(), StoreError>(())
        })?;
        tracing::info!(from = version, to = version + 1, "migrated the store");
    }
    Ok(())
}
