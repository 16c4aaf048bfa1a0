//! Opening the database.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::StoreError;
use super::raw::Trees;

/// The folder of the database in the store's.
pub(super) const DATABASE: &str = "db";
/// The folder of a store that takes the place of this one.
pub(super) const COMPACTING: &str = "compacting";

#[derive(Clone, Debug)]
pub struct Options {
    /// Bytes of sled's page cache. Its own default is a gibibyte.
    pub cache: u64,
}

impl Default for Options {
    fn default() -> Self {
        Options { cache: 64 << 20 }
    }
}

pub(super) fn open(dir: &Path, options: &Options) -> Result<Trees, StoreError> {
    let path = dir.join(DATABASE);
    finish_compacting(dir, &path).map_err(|error| StoreError::Open {
        path: path.display().to_string(),
        reason: error.to_string(),
    })?;
    let config = sled::Config::new()
        .path(&path)
        .cache_capacity(options.cache.max(1 << 20))
        // `writer` flushes before it answers; this only bounds what nobody waits for.
        .flush_every_ms(None);
    let db = match free(&config) {
        Err(sled::Error::Corruption { .. }) if set_aside(&path) => {
            tracing::warn!(
                path = %path.display(),
                "an interrupted snapshot kept the store from opening; it was set aside"
            );
            free(&config)
        }
        other => other,
    };
    db.and_then(Trees::new).map_err(|error| StoreError::Open {
        path: path.display().to_string(),
        reason: explain(&error),
    })
}

const PAUSE: Duration = Duration::from_millis(5);
const MOST_PAUSES: u32 = 2000;

/// Opens the database as soon as it is free. sled's own threads hold its file for a moment
/// after the last handle is gone, and so does a child of this process before its `exec`;
/// that no other process has it is known by the store's own lock.
fn free(config: &sled::Config) -> sled::Result<sled::Db> {
    for _ in 0..MOST_PAUSES {
        match config.open() {
            Err(sled::Error::Io(error)) if is_locked(&error) => std::thread::sleep(PAUSE),
            other => return other,
        }
    }
    config.open()
}

/// sled makes a text of it.
fn is_locked(error: &std::io::Error) -> bool {
    error.to_string().contains("could not acquire lock")
}

/// Compacting renames the old database away and then the new one into its place. Where it
/// was interrupted in between, there is none, and the new one is whole.
fn finish_compacting(dir: &Path, path: &Path) -> std::io::Result<()> {
    let fresh = dir.join(COMPACTING).join(DATABASE);
    if !path.exists() && fresh.exists() {
        tracing::warn!(path = %path.display(), "compacting was interrupted; it is ended now");
        std::fs::rename(fresh, path)?;
        std::fs::File::open(dir)?.sync_all()?;
    }
    Ok(())
}

/// A snapshot that was being written when the process was killed is of no use, yet sled
/// refuses to open beside it. Moved away, not deleted.
fn set_aside(path: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(path) else {
        return false;
    };
    let mut moved = false;
    for entry in entries.flatten() {
        let from: PathBuf = entry.path();
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            let to = path.join(format!("aside.{name}"));
            moved |= std::fs::rename(&from, &to).is_ok();
        }
    }
    moved
}

fn explain(error: &sled::Error) -> String {
    match error {
        sled::Error::Corruption { .. } => format!("{error}. {REMEDY}"),
        sled::Error::Io(io) if is_locked(io) => {
            format!("{io}: another program has the database open; end it and start again")
        }
        sled::Error::Io(io) if io.kind() == std::io::ErrorKind::StorageFull => {
            format!("{error}: the disk is full; free some space and start again")
        }
        sled::Error::Io(io) if io.kind() == std::io::ErrorKind::PermissionDenied => {
            format!("{error}: the folder must belong to the user that runs jarchi")
        }
        sled::Error::Io(io) if io.kind() == std::io::ErrorKind::ReadOnlyFilesystem => {
            format!("{error}: the store must be where it can be written")
        }
        _ => format!("{error}. {REMEDY}"),
    }
}

const REMEDY: &str = "Keep the folder under another name, then `jarchi restore` the latest backup";
