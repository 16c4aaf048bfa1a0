//! One process a store.

use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use super::StoreError;

/// The operating system frees it when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
}

impl Drop for Lock {
    /// Closing alone would leave it with a child of this process that has not come to its
    /// `exec` yet.
    fn drop(&mut self) {
        // Where it fails, the end of the process frees it.
        let _ = self.file.unlock();
    }
}

/// Who has the store.
#[derive(Clone, Debug)]
pub struct Held {
    path: String,
    process: Option<u32>,
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the store in {} is in use by ", self.path)?;
        match self.process {
            Some(id) => write!(f, "process {id}")?,
            None => f.write_str("another process")?,
        }
        f.write_str(": one daemon a directory; stop that one, or set another `daemon.data_dir`")
    }
}

impl Lock {
    pub(super) fn take(dir: &Path) -> Result<Self, StoreError> {
        let wrong = |error: std::io::Error| StoreError::Open {
            path: dir.display().to_string(),
            reason: error.to_string(),
        };
        std::fs::create_dir_all(dir).map_err(wrong)?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(dir.join("lock"))
            .map_err(wrong)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let _ = file.read_to_string(&mut text);
                return Err(StoreError::Locked(Held {
                    path: dir.display().to_string(),
                    process: text.trim().parse().ok(),
                }));
            }
            Err(TryLockError::Error(error)) => return Err(wrong(error)),
        }
        file.set_len(0).map_err(wrong)?;
        file.rewind().map_err(wrong)?;
        writeln!(file, "{}", std::process::id()).map_err(wrong)?;
        Ok(Lock { file })
    }
}
