//! Backups: exports in one compressed file each, and stores made from them.
//!
//! A restored store is older than the world: what it has as waiting may have been published
//! since. So it remembers that it was restored ([`Restoration`]), and `publish::restored`
//! looks before anything is sent.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};

use crate::model::Timestamp;

use super::export::{export, import, verify};
use super::open::{COMPACTING, DATABASE, Options};
use super::{DeliveryFilter, Store, StoreError, View, journal, lock, mark};

/// Where a store is put together before it takes its place.
const RESTORING: &str = "restoring";

/// What the names of backups in a folder begin and end with; nothing else in there is ours.
const PREFIX: &str = "jarchi-";
const SUFFIX: &str = ".backup.gz";
/// Of one that is being written.
const PART: &str = ".part";

/// Where a backup goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// A new file.
    File(PathBuf),
    /// A new file in this folder, named after the time.
    Folder(PathBuf),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupReport {
    pub file: PathBuf,
    pub records: u64,
    /// Of the file.
    pub bytes: u64,
    /// Of the content, as in its last line.
    pub blake3: String,
    /// What could not be read and is not in it, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RestoreReport {
    pub records: u64,
    /// When the backup was taken.
    pub of: Timestamp,
}

/// That a store was made from a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Restoration {
    /// When the backup was taken.
    pub of: Timestamp,
    /// When it was restored: nothing of the old store was published after that.
    pub at: Timestamp,
}

const RESTORED_OF: &str = "restored:of";
const RESTORED_AT: &str = "restored:at";

impl View<'_> {
    /// Whether this store was made from a backup, and when.
    pub fn restoration(&self) -> Result<Option<Restoration>, StoreError> {
        Ok(match (self.note(RESTORED_OF)?, self.note(RESTORED_AT)?) {
            (Some(of), Some(at)) => Some(Restoration { of, at }),
            _ => None,
        })
    }
}

fn wrong(path: &Path, error: &io::Error) -> StoreError {
    StoreError::Invalid(format!("{}: {error}", path.display()))
}

fn name(at: Timestamp) -> String {
    format!(
        "{PREFIX}{}{SUFFIX}",
        at.to_utc().format("%Y%m%dT%H%M%S%3fZ")
    )
}

/// Whether a file is a backup of ours, by its name.
fn is_ours(name: &str) -> bool {
    name.strip_prefix(PREFIX)
        .and_then(|rest| rest.strip_suffix(SUFFIX))
        .is_some_and(|time| {
            chrono::NaiveDateTime::parse_from_str(time, "%Y%m%dT%H%M%S%3fZ").is_ok()
        })
}

/// Writes the whole store as it is at this moment into a new file of mode 0600, which has
/// its name when it is whole and on disk. Publishing goes on meanwhile.
///
/// # Errors
/// [`StoreError::Invalid`]: the file can't be written, or is there already.
pub fn backup(
    store: &Store,
    target: &Target,
    now: Timestamp,
    progress: impl FnMut(u64),
) -> Result<BackupReport, StoreError> {
    let file = match target {
        Target::File(file) => file.clone(),
        Target::Folder(folder) => {
            make_folder(folder).map_err(|error| wrong(folder, &error))?;
            folder.join(name(now))
        }
    };
    let (Some(folder), Some(base)) = (file.parent(), file.file_name()) else {
        return Err(wrong(&file, &io::Error::other("not a file's name")));
    };
    if file.exists() {
        return Err(wrong(
            &file,
            &io::Error::other("it is there already, and is not overwritten"),
        ));
    }
    let part = folder.join(format!(".{}{PART}", base.to_string_lossy()));
    let written = write(store, &part, now, progress)
        .and_then(|report| {
            std::fs::rename(&part, &file)
                .and_then(|()| File::open(folder)?.sync_all())
                .map_err(|error| wrong(&file, &error))?;
            Ok(report)
        })
        .inspect_err(|_| {
            // It may not even be there.
            let _ = std::fs::remove_file(&part);
        })?;
    let bytes = std::fs::metadata(&file)
        .map_err(|error| wrong(&file, &error))?
        .len();
    Ok(BackupReport {
        records: written.records,
        bytes,
        blake3: written.blake3,
        problems: written.problems,
        file,
    })
}

fn make_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
}

fn write(
    store: &Store,
    part: &Path,
    now: Timestamp,
    progress: impl FnMut(u64),
) -> Result<super::ExportReport, StoreError> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let at = |error: io::Error| wrong(part, &error);
    // Of a backup that was interrupted.
    let _ = std::fs::remove_file(part);
    let out = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(part)
        .map_err(at)?;
    let mut out = GzEncoder::new(BufWriter::new(out), Compression::fast());
    let report = export(store, now, &mut out, progress)?;
    let mut out = out.finish().map_err(at)?;
    out.flush().map_err(at)?;
    out.get_ref().sync_all().map_err(at)?;
    Ok(report)
}

/// The backups in a folder, the newest first.
pub fn backups(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = ours(folder, is_ours).unwrap_or_default();
    found.sort_unstable();
    found.reverse();
    found
}

fn ours(folder: &Path, wanted: impl Fn(&str) -> bool) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(&wanted) && entry.file_type()?.is_file() {
            found.push(entry.path());
        }
    }
    Ok(found)
}

/// Removes the backups in `folder` beyond the newest `keep`, and what an interrupted one
/// left; nothing that has another name. How many backups were removed.
///
/// # Errors
/// [`StoreError::Invalid`]: a file can't be removed.
pub fn prune(folder: &Path, keep: usize) -> Result<usize, StoreError> {
    let interrupted = |name: &str| {
        name.strip_prefix('.')
            .and_then(|name| name.strip_suffix(PART))
            .is_some_and(is_ours)
    };
    let left = ours(folder, interrupted).map_err(|error| wrong(folder, &error))?;
    let old: Vec<PathBuf> = backups(folder).into_iter().skip(keep.max(1)).collect();
    for file in left.iter().chain(&old) {
        std::fs::remove_file(file).map_err(|error| wrong(file, &error))?;
    }
    Ok(old.len())
}

/// Opens an export, compressed or not.
fn open(file: &Path) -> Result<Box<dyn BufRead>, StoreError> {
    let at = |error: io::Error| wrong(file, &error);
    let mut plain = BufReader::new(File::open(file).map_err(at)?);
    let is_gzip = plain.fill_buf().map_err(at)?.starts_with(&[0x1f, 0x8b]);
    Ok(if is_gzip {
        Box::new(BufReader::new(MultiGzDecoder::new(plain)))
    } else {
        Box::new(plain)
    })
}

/// Takes what is left of a torn store for the whole. It is older than the world then, as a
/// restored one is: what may have been published since is looked up.
///
/// # Errors
/// As [`Store::open`], but for [`StoreError::Torn`].
pub fn accept_loss(
    dir: &Path,
    options: &Options,
    now: Timestamp,
) -> Result<Restoration, StoreError> {
    {
        let _lock = lock::Lock::take(dir)?;
        let database = dir.join(DATABASE);
        mark::forget(&database)
            .and_then(|()| journal::forget(&database))
            .map_err(|error| wrong(dir, &error))?;
    }
    let store = Store::open(dir, options)?;
    let view = store.view();
    // The latest that it knows of.
    let deliveries = view.deliveries(&DeliveryFilter::default(), usize::MAX)?;
    let of = deliveries
        .iter()
        .flat_map(|delivery| {
            let ended = delivery.history.iter().map(|attempt| attempt.ended);
            ended.chain([delivery.created_at])
        })
        .filter(|at| *at <= now)
        .max()
        .unwrap_or(now);
    store.write_blocking(move |tx| {
        tx.set_note(RESTORED_OF, Some(of));
        tx.set_note(RESTORED_AT, Some(now));
        Ok::<_, StoreError>(())
    })?;
    Ok(Restoration { of, at: now })
}

/// Makes a store in `dir`, which has none, from a backup or an export. Nothing is written
/// before the file was found to be whole, and the store has its place when it is whole.
///
/// # Errors
/// [`StoreError::Locked`]: a daemon runs. [`StoreError::Invalid`]: there is a store, or the
/// file was cut off or altered.
pub fn restore(
    dir: &Path,
    options: &Options,
    file: &Path,
    now: Timestamp,
    mut progress: impl FnMut(u64),
) -> Result<RestoreReport, StoreError> {
    let header = verify(&mut open(file)?, &mut progress)
        .map_err(|error| StoreError::Invalid(format!("{}: {error}", file.display())))?;
    let _lock = lock::Lock::take(dir)?;
    let database = dir.join(DATABASE);
    for there in [&database, &dir.join(COMPACTING)] {
        if there.exists() {
            return Err(StoreError::Invalid(format!(
                "there is a store in {dir}, and none is overwritten: keep it with \
                 `mv {there} {there}.old`, then restore again",
                dir = dir.display(),
                there = there.display()
            )));
        }
    }
    let at = |error: io::Error| wrong(dir, &error);
    let fresh = dir.join(RESTORING);
    if fresh.exists() {
        // Of a run that was interrupted.
        std::fs::remove_dir_all(&fresh).map_err(at)?;
    }
    let store = Store::open(&fresh, options)?;
    let report = import(&store, &mut open(file)?, progress)?;
    store.write_blocking(move |tx| {
        tx.set_note(RESTORED_OF, Some(header.at));
        tx.set_note(RESTORED_AT, Some(now));
        Ok::<_, StoreError>(())
    })?;
    drop(store);
    let synced = |dir: &Path| File::open(dir).and_then(|dir| dir.sync_all());
    synced(&fresh.join(DATABASE)).map_err(at)?;
    std::fs::rename(fresh.join(DATABASE), &database).map_err(at)?;
    synced(dir).map_err(at)?;
    std::fs::remove_dir_all(&fresh).map_err(at)?;
    Ok(RestoreReport {
        records: report.records,
        of: header.at,
    })
}
