//! The schema's version, and the way from each version to the next.

use std::path::Path;

use super::raw::{Raw, Tree, Tx};
use super::{Store, StoreError};

/// The schema that this version writes. Fields that are added at the end of a record with
/// a default do not change it.
pub const SCHEMA: u32 = 4;

const KEY: &[u8] = b"schema";

type Step = fn(&mut Tx<'_>) -> Result<(), StoreError>;

/// `STEPS[n]` leads from schema `n + 1` to `n + 2`.
const STEPS: [Step; SCHEMA as usize - 1] = [
    // To 2: planned slots, drafts that wait for one, and the jobs for them. Nothing is
    // written anew; a version that does not know them keeps off.
    |_| Ok(()),
    // To 3: deliveries that are pending, and the jobs for their deadlines.
    |_| Ok(()),
    // To 4: series in blocks, and the records beside them. An older version keeps off from
    // here on; what there is moves in small batches afterwards (`series::move_old`).
    |_| Ok(()),
];

/// Brings the store to [`SCHEMA`].
pub(super) fn migrate(store: &Store, dir: &Path) -> Result<(), StoreError> {
    follow(store, dir, &STEPS)?;
    super::series::move_old(store)?;
    Ok(())
}

/// Each step is one atomic batch, together with the version that it leads to.
fn follow(store: &Store, dir: &Path, steps: &[Step]) -> Result<(), StoreError> {
    let known = steps.len() as u32 + 1;
    let stored = store.view().get(Tree::Meta, KEY)?;
    let found = match stored {
        None => {
            return store.write_blocking(move |tx| {
                tx.put(Tree::Meta, KEY, known.to_be_bytes().to_vec());
                Ok(())
            });
        }
        Some(bytes) => bytes
            .try_into()
            .ok()
            .map(u32::from_be_bytes)
            .filter(|found| *found != 0)
            .ok_or_else(|| StoreError::Open {
                path: dir.display().to_string(),
                reason: "its schema version can't be read".to_owned(),
            })?,
    };
    if found > known {
        return Err(StoreError::Newer {
            path: dir.display().to_string(),
            found,
            known,
        });
    }
    for (version, step) in (1..).zip(steps.iter().copied()).skip(found as usize - 1) {
        store.write_blocking(move |tx| {
            step(tx)?;
            let next: u32 = version + 1;
            tx.put(Tree::Meta, KEY, next.to_be_bytes().to_vec());
            Ok::<(), StoreError>(())
        })?;
        tracing::info!(from = version, to = version + 1, "migrated the store");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;
    use crate::store::Options;

    fn noted(store: &Store, name: &str) -> bool {
        store.view().note(name).unwrap().is_some()
    }

    #[test]
    fn each_step_is_taken_once_and_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path();
        let store = Store::open(path, &Options::default()).unwrap();
        let first = |tx: &mut Tx<'_>| {
            tx.put(Tree::Meta, KEY, 1_u32.to_be_bytes().to_vec());
            Ok::<(), StoreError>(())
        };
        store.write_blocking(first).unwrap();
        let to_two: Step = |tx| {
            assert!(tx.get(Tree::Meta, b"note\0to two")?.is_none(), "twice");
            tx.set_note("to two", Some(Timestamp(2)));
            Ok(())
        };
        let to_three: Step = |tx| {
            tx.set_note("to three", Some(Timestamp(3)));
            Ok(())
        };
        let broken: Step = |tx| {
            tx.set_note("half a step", Some(Timestamp(3)));
            Err(StoreError::Invalid("a record of no known form".to_owned()))
        };
        let error = follow(&store, path, &[to_two, broken]).unwrap_err();
        assert!(error.to_string().contains("no known form"), "{error}");
        assert!(noted(&store, "to two") && !noted(&store, "half a step"));

        follow(&store, path, &[to_two, to_three]).unwrap();
        assert!(noted(&store, "to three"));
        follow(&store, path, &[to_two, to_three]).unwrap();

        let error = follow(&store, path, &[to_two]).unwrap_err();
        assert!(
            matches!(
                error,
                StoreError::Newer {
                    found: 3,
                    known: 2,
                    ..
                }
            ),
            "{error}"
        );
    }
}
