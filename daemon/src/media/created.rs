//! Files that generators made, in the daemon's own folder: by the generator that made them
//! and the digest of their bytes, so that the same bytes are one file for ever.

use std::collections::HashSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use crate::clock::Clock;
use crate::model::{Digest, MediaKind, TimeSpan, Timestamp};

use super::{kind_of, sniff};

/// Below the daemon's data folder.
const FOLDER: &str = "created";
/// A file that is not whole has a name with this in front.
const PARTIAL: &str = ".partial-";
/// Characters of a file's name, without its ending.
const LONGEST_STEM: usize = 80;

#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    #[error("`{name}` {reason}")]
    Unknown { name: String, reason: String },
    #[error("{0}")]
    Room(String),
    #[error("`{name}` can't be kept: {error}")]
    Io { name: String, error: io::Error },
}

/// How much [`Created::tidy`] removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tidied {
    pub files: u64,
    pub bytes: u64,
}

/// Says why nothing more is written to the disk, where that is so.
type Room = Box<dyn Fn() -> Result<(), String> + Send + Sync>;

/// `DATA/created/GENERATOR/DIGEST/NAME`.
pub struct Created {
    root: PathBuf,
    clock: Clock,
    room: Room,
    /// Nothing is removed while it is written or found.
    turn: Mutex<()>,
}

impl std::fmt::Debug for Created {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Created").field(&self.root).finish()
    }
}

impl Created {
    /// How long a file that no post references stays: far longer than it takes from a
    /// generator's call to the post that is made of it.
    pub const UNUSED_FOR: TimeSpan = TimeSpan::from_days(7);

    /// Nothing is made on the disk before there is a file. `room` is asked before each.
    pub fn new(
        data_dir: &Path,
        clock: Clock,
        room: impl Fn() -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        Created {
            root: data_dir.join(FOLDER),
            clock,
            room: Box::new(room),
            turn: Mutex::default(),
        }
    }

    /// Keeps the bytes; on disk when it returns. What they are is read off them, and the
    /// name gets the ending of that. May wait for a disk.
    ///
    /// # Errors
    /// They are no picture, video, sound or document; the disk's.
    pub fn create(
        &self,
        generator: &str,
        name: &str,
        bytes: &[u8],
    ) -> Result<(Digest, PathBuf), CreateError> {
        let unknown = |reason: String| CreateError::Unknown {
            name: name.chars().take(LONGEST_STEM).collect(),
            reason,
        };
        let ending = judge(bytes).map_err(unknown)?;
        let file = format!("{}.{ending}", stem(name));
        let digest = Digest::of(bytes);
        (self.room)().map_err(CreateError::Room)?;
        let path = self
            .keep(generator, digest, &file, bytes)
            .map_err(|error| CreateError::Io { name: file, error })?;
        Ok((digest, path))
    }

    fn keep(
        &self,
        generator: &str,
        digest: Digest,
        file: &str,
        bytes: &[u8],
    ) -> io::Result<PathBuf> {
        let folder = self.folder(generator, digest);
        let path = folder.join(file);
        let _turn = self.turn();
        if let Ok(before) = fs::read(&path)
            && before == bytes
        {
            self.touch(&File::open(&path)?)?;
            return fs::canonicalize(path);
        }
        make_folders(&self.root, &folder)?;
        let partial = folder.join(format!("{PARTIAL}{file}"));
        let mut written = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&partial)?;
        written.write_all(bytes)?;
        written.set_permissions(fs::Permissions::from_mode(0o600))?;
        self.touch(&written)?;
        written.sync_all()?;
        fs::rename(&partial, &path)?;
        sync(&folder)?;
        fs::canonicalize(path)
    }

    /// A file of this generator, which stays for [`Created::UNUSED_FOR`] from now on. May
    /// wait for a disk.
    ///
    /// # Errors
    /// The disk's.
    pub fn find(&self, generator: &str, digest: Digest) -> io::Result<Option<PathBuf>> {
        let _turn = self.turn();
        let entries = match fs::read_dir(self.folder(generator, digest)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut latest = None;
        for entry in entries {
            let entry = entry?;
            if is_partial(&entry) {
                continue;
            }
            let modified = entry.metadata()?.modified()?;
            if latest.as_ref().is_none_or(|(time, _)| modified > *time) {
                latest = Some((modified, entry.path()));
            }
        }
        let Some((_, path)) = latest else {
            return Ok(None);
        };
        self.touch(&File::open(&path)?)?;
        fs::canonicalize(path).map(Some)
    }

    /// Removes what is not in `used` and was neither made nor found since `before`, and what
    /// a crash left half written. May wait for a disk.
    ///
    /// # Errors
    /// The disk's.
    pub fn tidy(&self, used: &HashSet<Digest>, before: Timestamp) -> io::Result<Tidied> {
        let mut tidied = Tidied::default();
        for generator in folders_in(&self.root)? {
            for folder in folders_in(&generator)? {
                let digest = folder
                    .file_name()
                    .and_then(|name| name.to_str())
                    .and_then(|name| name.parse::<Digest>().ok());
                // Not ours, and not touched.
                let Some(digest) = digest else { continue };
                self.tidy_folder(&folder, used.contains(&digest), before, &mut tidied)?;
            }
            let _turn = self.turn();
            remove_empty(&generator)?;
        }
        Ok(tidied)
    }

    fn tidy_folder(
        &self,
        folder: &Path,
        used: bool,
        before: Timestamp,
        tidied: &mut Tidied,
    ) -> io::Result<()> {
        // Neither a file that is being found nor one that is being written goes away.
        let _turn = self.turn();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let data = entry.metadata()?;
            let age = data.modified()?.duration_since(UNIX_EPOCH);
            let modified = age.map_or(Timestamp(0), |age| Timestamp(age.as_millis() as u64));
            if !data.is_file() || modified >= before || (used && !is_partial(&entry)) {
                continue;
            }
            fs::remove_file(entry.path())?;
            tidied.files += 1;
            tidied.bytes += data.len();
        }
        remove_empty(folder)
    }

    fn folder(&self, generator: &str, digest: Digest) -> PathBuf {
        self.root
            .join(folder_of(generator))
            .join(digest.to_string())
    }

    fn touch(&self, file: &File) -> io::Result<()> {
        file.set_modified(UNIX_EPOCH + Duration::from_millis(self.clock.now().0))
    }

    fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The ending for what the bytes are.
fn judge(bytes: &[u8]) -> Result<&'static str, String> {
    let mime = sniff(bytes).ok_or("is neither a picture, a video, a sound nor a PDF")?;
    let picture = matches!(kind_of(mime), Some(MediaKind::Image | MediaKind::Gif));
    if picture && imagesize::blob_size(bytes).is_err() {
        return Err(format!("begins as {mime}, and has no size: it is broken"));
    }
    Ok(ending(mime))
}

pub(super) fn ending(mime: &str) -> &'static str {
    match mime {
        "image/png" => "png",
        "image/jpeg" => "jpg",
        "image/gif" => "gif",
        "image/webp" => "webp",
        "image/avif" => "avif",
        "image/heic" => "heic",
        "application/pdf" => "pdf",
        "video/webm" => "webm",
        "video/quicktime" => "mov",
        "video/mp4" => "mp4",
        "audio/mp4" => "m4a",
        "audio/mpeg" => "mp3",
        "audio/ogg" => "ogg",
        "audio/flac" => "flac",
        "audio/wav" => "wav",
        _ => "bin",
    }
}

/// A name that is one in every file system and on every platform: letters, digits, `-` and
/// `_`, without the ending that it came with.
fn stem(name: &str) -> String {
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let stem = match name.rsplit_once('.') {
        Some((stem, ending)) if !stem.is_empty() && ending.len() <= 5 => stem,
        _ => name,
    };
    let mut safe = String::new();
    for c in stem.chars().take(LONGEST_STEM) {
        let c = if c.is_alphanumeric() || c == '_' {
            c
        } else {
            '-'
        };
        // A file system counts bytes, 255 of them.
        if safe.len() + c.len_utf8() <= 2 * LONGEST_STEM && !(c == '-' && safe.ends_with('-')) {
            safe.push(c);
        }
    }
    let safe = safe.trim_matches('-');
    if safe.is_empty() {
        return "file".to_owned();
    }
    safe.to_owned()
}

/// A generator's name, which is letters, digits, `-`, `_` and `.`; another is not trusted
/// with a path.
fn folder_of(generator: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    if !generator.starts_with('.') && !generator.is_empty() && generator.chars().all(plain) {
        return generator.to_owned();
    }
    blake3::hash(generator.as_bytes()).to_hex().to_string()
}

/// Makes what is missing from `root` to `folder`, for the daemon's eyes alone, and durably.
fn make_folders(root: &Path, folder: &Path) -> io::Result<()> {
    let mut missing: Vec<&Path> = folder
        .ancestors()
        .take_while(|path| path.starts_with(root))
        .collect();
    missing.reverse();
    for path in missing {
        match DirBuilder::new().mode(0o700).create(path) {
            Ok(()) => {
                // Whatever the umask was.
                fs::set_permissions(path, fs::Permissions::from_mode(0o700))?;
                if let Some(parent) = path.parent() {
                    sync(parent)?;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn is_partial(entry: &fs::DirEntry) -> bool {
    entry
        .file_name()
        .as_encoded_bytes()
        .starts_with(PARTIAL.as_bytes())
}

fn folders_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut folders = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            folders.push(entry.path());
        }
    }
    Ok(folders)
}

fn remove_empty(folder: &Path) -> io::Result<()> {
    match fs::remove_dir(folder) {
        Err(error)
            if !matches!(
                error.kind(),
                io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::NotFound
            ) =>
        {
            Err(error)
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIF: &[u8] = b"GIF89a\x01\x00\x01\x00\x00\x00\x00;";

    fn created() -> (tempfile::TempDir, Created, crate::clock::Hands) {
        let dir = tempfile::tempdir().unwrap();
        let (clock, hands) = Clock::manual(Timestamp(1_795_507_200_000));
        let created = Created::new(dir.path(), clock, || Ok(()));
        (dir, created, hands)
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn the_same_bytes_are_one_file_for_the_daemons_eyes_alone() {
        let (dir, created, _hands) = created();
        let (digest, path) = created.create("cards", "tea.gif", GIF).unwrap();
        let again = created.create("cards", "tea.gif", GIF).unwrap();
        assert_eq!(again, (digest, path.clone()));
        let root = fs::canonicalize(dir.path()).unwrap();
        let below = format!("created/cards/{digest}/tea.gif");
        assert_eq!(path.strip_prefix(&root).unwrap(), Path::new(&below));
        assert_eq!(fs::read(&path).unwrap(), GIF);
        assert_eq!(mode(&path), 0o600);
        for folder in path.ancestors().skip(1).take(3) {
            assert_eq!(mode(folder), 0o700, "{}", folder.display());
        }
        assert_eq!(created.find("cards", digest).unwrap(), Some(path.clone()));
        assert_eq!(created.find("others", digest).unwrap(), None);

        // What a broken disk made of it is made good.
        fs::write(&path, "broken").unwrap();
        created.create("cards", "tea.gif", GIF).unwrap();
        assert_eq!(fs::read(&path).unwrap(), GIF);
    }

    #[test]
    fn the_bytes_say_what_a_file_is_and_its_name_leads_nowhere() {
        let (dir, created, _hands) = created();
        for (name, file) in [
            ("tea.exe", "tea.gif"),
            ("../../../etc/passwd", "passwd.gif"),
            ("..", "file.gif"),
            ("", "file.gif"),
            (".hidden", "hidden.gif"),
            ("a\0b\nc", "a-b-c.gif"),
            ("Çay (yaşıl).png", "Çay-yaşıl.gif"),
            (&"x".repeat(5000), &format!("{}.gif", "x".repeat(80))),
            (&"界".repeat(200), &format!("{}.gif", "界".repeat(53))),
        ] {
            let (_, path) = created.create("cards", name, GIF).unwrap();
            assert_eq!(path.file_name().unwrap().to_str(), Some(file), "{name:?}");
            assert!(path.starts_with(fs::canonicalize(dir.path()).unwrap()));
        }
        for bytes in [
            &b"#!/bin/sh"[..],
            b"",
            b"<svg xmlns='http://www.w3.org/2000/svg'/>",
            b"\x89PNG\r\n\x1a\n and no more",
        ] {
            let error = created.create("cards", "tea.png", bytes).unwrap_err();
            assert!(matches!(error, CreateError::Unknown { .. }), "{error}");
        }
        for generator in ["..", ".", "", "a/b", "/etc"] {
            let (_, path) = created.create(generator, "tea", GIF).unwrap();
            let root = fs::canonicalize(dir.path()).unwrap().join("created");
            assert_eq!(
                path.parent().unwrap().parent().unwrap().parent(),
                Some(&*root)
            );
        }
    }

    #[test]
    fn only_what_is_old_and_unused_is_removed() {
        let (dir, created, hands) = created();
        let gif = |n: u8| [GIF, &[n]].concat();
        let make = |n: u8| created.create("cards", "tea", &gif(n)).unwrap();
        let (used, unused, found) = (make(1), make(2), make(3));
        let left = unused.1.with_file_name(".partial-tea.gif");
        fs::write(&left, "half").unwrap();
        let old = File::open(&left).unwrap();
        old.set_modified(UNIX_EPOCH).unwrap();
        hands.advance(TimeSpan::from_days(8));
        let young = make(4);
        assert!(created.find("cards", found.0).unwrap().is_some());
        let before = Timestamp(1_795_507_200_000 + 1000);
        let tidied = created.tidy(&HashSet::from([used.0]), before).unwrap();
        let bytes = gif(2).len() as u64 + 4;
        assert_eq!(tidied, Tidied { files: 2, bytes });
        assert!(used.1.exists() && found.1.exists() && young.1.exists());
        assert!(!unused.1.parent().unwrap().exists());

        hands.advance(TimeSpan::from_days(8));
        created.tidy(&HashSet::new(), Timestamp(u64::MAX)).unwrap();
        assert!(!dir.path().join("created/cards").exists());
        assert_eq!(
            created.tidy(&HashSet::new(), before).unwrap(),
            Tidied::default()
        );
    }

    #[test]
    fn nothing_is_written_where_the_disk_is_short() {
        let dir = tempfile::tempdir().unwrap();
        let (clock, _hands) = Clock::manual(Timestamp(0));
        let created = Created::new(dir.path(), clock, || Err("the disk is full".to_owned()));
        let error = created.create("cards", "tea", GIF).unwrap_err();
        assert_eq!(error.to_string(), "the disk is full");
        assert!(!dir.path().join("created").exists());
    }
}
