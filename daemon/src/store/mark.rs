//! Whether the database has everything that was acknowledged.
//!
//! A log that was cut or altered opens without an error in sled 0.34: as an earlier state
//! of itself, or as an empty one. So every batch carries a number, and the number of the
//! last one that was acknowledged stands in a file beside the log. A store that comes back
//! with a lower one has lost something, and must not be taken for a whole one.
//!
//! The file is written after each batch and not synced: it survives the end of the process;
//! after a power cut it may be behind, never ahead.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use super::StoreError;
use super::raw::{Raw, Tree, View};

/// In the database's folder, so that it moves with it.
const FILE: &str = "acknowledged";
/// Of the last batch, in the batch.
pub(super) const KEY: &[u8] = b"batches";

#[derive(Debug)]
pub(super) struct Mark {
    file: File,
}

fn sum(number: [u8; 8]) -> [u8; 8] {
    let mut short = [0; 8];
    short.copy_from_slice(&blake3::hash(&number).as_bytes()[..8]);
    short
}

impl Mark {
    pub(super) fn open(database: &Path) -> io::Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(database.join(FILE))?;
        Ok(Mark { file })
    }

    pub(super) fn set(&self, batch: u64) -> io::Result<()> {
        let number = batch.to_be_bytes();
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&number);
        bytes[8..].copy_from_slice(&sum(number));
        self.file.write_all_at(&bytes, 0)
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

/// The last batch that was acknowledged; 0 where that is not known.
pub(super) fn acknowledged(database: &Path) -> u64 {
    let Ok(bytes) = std::fs::read(database.join(FILE)) else {
        return 0;
    };
    let Some((number, rest)) = bytes.split_first_chunk::<8>() else {
        return 0;
    };
    if rest == sum(*number) {
        u64::from_be_bytes(*number)
    } else {
        0
    }
}

/// Forgets it: what is there is to be taken for the whole.
pub(super) fn forget(database: &Path) -> io::Result<()> {
    match std::fs::remove_file(database.join(FILE)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The last batch that is in the database.
pub(super) fn found(view: View<'_>) -> Result<u64, StoreError> {
    let stored = view.get(Tree::Meta, KEY)?;
    let number = stored.and_then(|bytes| bytes.try_into().ok());
    Ok(number.map_or(0, u64::from_be_bytes))
}
