//! Prepared files on disk. A file's folder is named after what it was made of and by which
//! recipe, and after the digest of what is in it; it takes its name when it is whole.

use std::collections::HashMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use crate::model::{Digest, TimeSpan, Timestamp};

/// Folders that are being filled begin with it.
const UNFINISHED: &str = ".unfinished-";
/// When a file was used last is written down no more often than this.
const NOTED: TimeSpan = TimeSpan::from_mins(10);

struct Entry {
    path: PathBuf,
    digest: Digest,
    size: u64,
    used: Timestamp,
}

pub(super) struct Cache {
    folder: PathBuf,
    entries: Mutex<HashMap<Digest, Entry>>,
}

impl Cache {
    /// Takes over what an earlier process left, and removes what it did not finish.
    pub(super) fn open(folder: PathBuf) -> io::Result<Self> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)?;
        let mut entries = HashMap::new();
        for found in fs::read_dir(&folder)? {
            let path = found?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with(UNFINISHED) {
                fs::remove_dir_all(&path)?;
            } else if let Some((key, entry)) = entry(&path, &name) {
                entries.insert(key, entry);
            }
        }
        Ok(Cache {
            folder,
            entries: Mutex::new(entries),
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Digest, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A file that was made so, whole and unchanged.
    pub(super) fn find(&self, key: Digest, now: Timestamp) -> Option<(PathBuf, Digest)> {
        let (path, digest, noted) = {
            let mut entries = self.lock();
            let entry = entries.get_mut(&key)?;
            let noted = entry.used;
            entry.used = noted.max(now);
            (entry.path.clone(), entry.digest, noted)
        };
        if crate::media::digest(&path).ok() != Some(digest) {
            tracing::warn!(path = %path.display(), "a prepared file was changed: it is made anew");
            self.lock().remove(&key);
            if let Some(folder) = path.parent() {
                let _ = fs::remove_dir_all(folder);
            }
            return None;
        }
        if now.since(noted) > NOTED {
            note(&path, now);
        }
        Some((path, digest))
    }

    /// Keeps what `fill` writes into a new file of that name.
    pub(super) fn keep(
        &self,
        key: Digest,
        name: &str,
        now: Timestamp,
        fill: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> io::Result<(PathBuf, Digest)> {
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(io::Error::other)?;
        let number = u64::from_ne_bytes(random);
        let unfinished = self.folder.join(format!("{UNFINISHED}{number:016x}"));
        DirBuilder::new().mode(0o700).create(&unfinished)?;
        let kept = self.fill(key, name, now, &unfinished, fill);
        if kept.is_err() {
            let _ = fs::remove_dir_all(&unfinished);
        }
        kept
    }

    fn fill(
        &self,
        key: Digest,
        name: &str,
        now: Timestamp,
        unfinished: &Path,
        fill: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> io::Result<(PathBuf, Digest)> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(unfinished.join(name))?;
        fill(&mut file)?;
        file.sync_all()?;
        drop(file);
        note(&unfinished.join(name), now);
        let digest = crate::media::digest(&unfinished.join(name))?;
        let folder = self.folder.join(format!("{key}-{digest}"));
        match fs::rename(unfinished, &folder) {
            Ok(()) => {}
            // Another made the same meanwhile.
            Err(_) if folder.join(name).is_file() => fs::remove_dir_all(unfinished)?,
            Err(error) => return Err(error),
        }
        File::open(&self.folder)?.sync_all()?;
        let path = folder.join(name);
        let entry = Entry {
            size: fs::metadata(&path)?.len(),
            path: path.clone(),
            digest,
            used: now,
        };
        self.lock().insert(key, entry);
        Ok((path, digest))
    }

    /// Forgets what was used longest ago until no more than `most` bytes are left, but
    /// nothing that was used within `spared`: a platform may be fetching it.
    pub(super) fn tidy(&self, most: u64, spared: TimeSpan, now: Timestamp) {
        let mut entries = self.lock();
        let mut sum: u64 = entries.values().map(|entry| entry.size).sum();
        if sum <= most {
            return;
        }
        let mut oldest: Vec<(Timestamp, Digest)> = entries
            .iter()
            .map(|(key, entry)| (entry.used, *key))
            .collect();
        oldest.sort_by_key(|(used, _)| *used);
        for (used, key) in oldest {
            if sum <= most || now.since(used) < spared {
                break;
            }
            let Some(entry) = entries.remove(&key) else {
                continue;
            };
            sum -= entry.size;
            let removed = entry.path.parent().map(fs::remove_dir_all);
            if let Some(Err(error)) = removed {
                tracing::warn!(path = %entry.path.display(), %error, "a prepared file can't be removed");
            }
        }
    }
}

/// A file that an earlier process finished.
fn entry(folder: &Path, name: &str) -> Option<(Digest, Entry)> {
    let (key, digest) = name.split_once('-')?;
    let (key, digest) = (key.parse().ok()?, digest.parse().ok()?);
    let path = fs::read_dir(folder).ok()?.next()?.ok()?.path();
    let data = fs::metadata(&path).ok()?;
    let used = data.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    let entry = Entry {
        path,
        digest,
        size: data.len(),
        used: Timestamp(u64::try_from(used.as_millis()).ok()?),
    };
    Some((key, entry))
}

/// Writes down when a file was used last.
fn note(path: &Path, now: Timestamp) {
    let noted = File::options()
        .write(true)
        .open(path)
        .and_then(|file| file.set_modified(UNIX_EPOCH + Duration::from_millis(now.0)));
    if let Err(error) = noted {
        tracing::debug!(path = %path.display(), %error, "its use is not noted");
    }
}
