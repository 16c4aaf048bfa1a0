//! The brand's own photos and videos: a folder, and in it an index of what they show.

mod index;

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use walkdir::WalkDir;

pub use index::{INDEX, Index};

use crate::model::{Digest, Draft, MediaItem, MediaKind};

use super::{MediaError, kind_of, sniff};

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LibraryError {
    #[error("{path}: {reason}")]
    Io { path: String, reason: String },
    #[error("{}:{line}: {reason}", .path.display())]
    Index {
        path: PathBuf,
        line: usize,
        reason: String,
    },
    #[error("`{0}` is not in the library")]
    Missing(String),
    #[error("{path} {reason}")]
    NoMedia { path: String, reason: String },
}

impl LibraryError {
    fn io(path: &Path, error: &io::Error) -> Self {
        LibraryError::Io {
            path: path.display().to_string(),
            reason: error.to_string(),
        }
    }
}

impl From<MediaError> for LibraryError {
    fn from(error: MediaError) -> Self {
        match error {
            MediaError::Read { path, reason } => LibraryError::Io { path, reason },
            MediaError::Kind { ref path, .. } => LibraryError::NoMedia {
                path: path.clone(),
                reason: "is neither a picture, a video, a sound, a PDF nor captions".to_owned(),
            },
        }
    }
}

/// What people say of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Empty: there is nothing to say.
    pub alt: Option<String>,
    pub tags: Vec<String>,
}

/// A file of the library.
#[derive(Clone, Debug, PartialEq)]
pub struct LibraryFile {
    /// Below the library's folder, with `/` between.
    pub path: String,
    pub item: MediaItem,
    pub tags: Vec<String>,
}

impl LibraryFile {
    /// Whether it can be seen, and nobody said what it shows.
    pub fn lacks_alt(&self) -> bool {
        let seen = matches!(
            self.item.kind,
            MediaKind::Image | MediaKind::Gif | MediaKind::Video
        );
        seen && self.item.alt.is_none()
    }
}

/// The library as it was found.
#[derive(Debug)]
pub struct Library {
    pub folder: PathBuf,
    pub index: Index,
    /// In the order of their paths.
    pub files: Vec<LibraryFile>,
    /// Files that are no media or can't be read: path, and why.
    pub broken: Vec<(String, String)>,
}

impl Library {
    /// Looks at every file; hidden ones are passed over. May wait for a disk.
    ///
    /// # Errors
    /// The folder or its index can't be read.
    pub fn open(folder: &Path) -> Result<Self, LibraryError> {
        let root = fs::canonicalize(folder).map_err(|error| LibraryError::io(folder, &error))?;
        let index = Index::read(&root)?;
        let mut library = Library {
            index,
            files: Vec::new(),
            broken: Vec::new(),
            folder: root,
        };
        let walk = WalkDir::new(&library.folder)
            .sort_by_file_name()
            .into_iter()
            .filter_entry(|entry| {
                entry.depth() == 0 || !entry.file_name().as_encoded_bytes().starts_with(b".")
            });
        for entry in walk {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    let at = error.path().unwrap_or(&library.folder);
                    let path = below(&library.folder, at);
                    library.broken.push((path, "can't be read".to_owned()));
                    continue;
                }
            };
            let path = below(&library.folder, entry.path());
            if entry.file_type().is_dir() || path == INDEX {
                continue;
            }
            match look(entry.path()) {
                Ok(mut item) => {
                    let known = library.index.get(&path).cloned().unwrap_or_default();
                    item.alt = known.alt;
                    let tags = known.tags;
                    library.files.push(LibraryFile { path, item, tags });
                }
                Err(reason) => library.broken.push((path, reason)),
            }
        }
        library
            .files
            .sort_by(|one, other| one.path.cmp(&other.path));
        Ok(library)
    }

    /// Files with the same bytes, the first of each before its copies.
    pub fn duplicates(&self) -> Vec<Vec<&str>> {
        let mut same: HashMap<Digest, Vec<&str>> = HashMap::new();
        for file in &self.files {
            same.entry(file.item.digest).or_default().push(&file.path);
        }
        let mut groups: Vec<_> = same.into_values().filter(|group| group.len() > 1).collect();
        groups.sort();
        groups
    }

    /// Entries of the index without a file, and where that file may be now: one of the same
    /// name of which the index says nothing.
    pub fn orphans(&self) -> Vec<(&str, Option<&str>)> {
        let known = |path: &str| {
            let mut all = self.files.iter().map(|file| file.path.as_str());
            all.any(|file| file == path) || self.broken.iter().any(|(broken, _)| broken == path)
        };
        let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
        let lost = self.index.entries().keys().filter(|path| !known(path));
        lost.map(|path| {
            let moved = self.files.iter().find(|file| {
                name(&file.path) == name(path) && self.index.get(&file.path).is_none()
            });
            (path.as_str(), moved.map(|file| file.path.as_str()))
        })
        .collect()
    }

    /// The path below the folder of a file that somebody names: from the folder, or from
    /// where they are.
    ///
    /// # Errors
    /// There is no such file.
    pub fn path_of(&self, named: &Path) -> Result<String, LibraryError> {
        let known = |path: &str| self.files.iter().any(|file| file.path == path);
        let inside = named.to_str().and_then(index::normal);
        if let Some(path) = inside.filter(|path| known(path)) {
            return Ok(path);
        }
        let found = fs::canonicalize(named).ok();
        let path = found.map(|path| below(&self.folder, &path));
        path.filter(|path| known(path))
            .ok_or_else(|| LibraryError::Missing(named.display().to_string()))
    }
}

/// One at a time changes a library.
///
/// # Errors
/// The folder can't be opened.
pub fn lock(folder: &Path) -> Result<File, LibraryError> {
    let wrong = |error: io::Error| LibraryError::io(folder, &error);
    let lock = File::open(folder).map_err(wrong)?;
    lock.lock().map_err(wrong)?;
    Ok(lock)
}

/// What became of a file that was to be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Added {
    /// As this file of the library.
    New(String),
    /// This one has the same bytes.
    Known(String),
}

/// Copies a file into the library, under its own name, or one with a number where another
/// has that; on disk when it returns. The ending becomes that of what the file is.
///
/// # Errors
/// It can't be read, or is no media file.
pub fn add(library: &mut Library, file: &Path) -> Result<Added, LibraryError> {
    let item = look(file).map_err(|reason| LibraryError::NoMedia {
        path: file.display().to_string(),
        reason,
    })?;
    let same = |known: &&LibraryFile| known.item.digest == item.digest;
    if let Some(known) = library.files.iter().find(same) {
        return Ok(Added::Known(known.path.clone()));
    }
    let name = free_name(&library.folder, file, &item.mime);
    let target = library.folder.join(&name);
    copy(file, &target, item.digest)?;
    let mut item = super::read(&target, None, None)?;
    let known = library.index.get(&name).cloned().unwrap_or_default();
    item.alt = known.alt;
    library.files.push(LibraryFile {
        path: name.clone(),
        item,
        tags: known.tags,
    });
    Ok(Added::New(name))
}

fn free_name(folder: &Path, file: &Path, mime: &str) -> String {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let name = name.trim_start_matches('.');
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
    let fits = mime_guess::from_ext(ending)
        .iter()
        .any(|guess| guess.essence_str() == mime);
    let ending = if fits {
        ending
    } else {
        super::created::ending(mime)
    };
    let stem = if stem.is_empty() { "file" } else { stem };
    let mut free = format!("{stem}.{ending}");
    let mut number = 2;
    while folder.join(&free).symlink_metadata().is_ok() {
        free = format!("{stem}-{number}.{ending}");
        number += 1;
    }
    free
}

fn copy(from: &Path, to: &Path, digest: Digest) -> Result<(), LibraryError> {
    let wrong = |error: io::Error| LibraryError::io(to, &error);
    let folder = to.parent().unwrap_or(Path::new("."));
    // Hidden from everybody who looks into the folder before it is whole.
    let partial = folder.join(format!(".{digest}.partial"));
    let copied = (|| {
        let mut source = File::open(from)?;
        let mut target = File::create(&partial)?;
        io::copy(&mut source, &mut target)?;
        target.sync_all()?;
        if super::digest(&partial)? != digest {
            return Err(io::Error::other("it changes while it is copied"));
        }
        fs::rename(&partial, to)?;
        File::open(folder)?.sync_all()
    })();
    copied.map_err(|error| {
        // Whatever is left of it is in nobody's way.
        let _ = fs::remove_file(&partial);
        wrong(error)
    })
}

/// Bytes of a file's beginning, in which the first caption stands with its times.
const HEAD: u64 = 4096;

/// Captions are text: their name says what they are, and their times that it is true.
fn captions(path: &Path, head: &[u8]) -> Option<&'static str> {
    let ending = path.extension()?.to_ascii_lowercase();
    let mime = match ending.to_str()? {
        "srt" => "application/x-subrip",
        "vtt" => "text/vtt",
        _ => return None,
    };
    memchr::memmem::find(head, b" --> ").map(|_| mime)
}

/// What a file is, by its bytes.
fn look(path: &Path) -> Result<MediaItem, String> {
    let cant = |error: io::Error| format!("can't be read: {error}");
    let mut head = Vec::new();
    let file = File::open(path).map_err(cant)?;
    let data = file.metadata().map_err(cant)?;
    if !data.is_file() {
        return Err("is not a file".to_owned());
    }
    if data.len() == 0 {
        return Err("is empty".to_owned());
    }
    file.take(HEAD).read_to_end(&mut head).map_err(cant)?;
    let mime = sniff(&head)
        .or_else(|| captions(path, &head))
        .ok_or("is neither a picture, a video, a sound, a PDF nor captions")?;
    let picture = matches!(kind_of(mime), Some(MediaKind::Image | MediaKind::Gif));
    let item = super::read(path, None, None).map_err(|error| match error {
        MediaError::Read { reason, .. } => format!("can't be read: {reason}"),
        MediaError::Kind { mime, .. } => format!("is {mime}"),
    })?;
    if picture && item.width.is_none() {
        return Err(format!("begins as {mime}, and has no size: it is broken"));
    }
    Ok(item)
}

fn below(folder: &Path, path: &Path) -> String {
    path.strip_prefix(folder)
        .unwrap_or(path)
        .to_string_lossy()
        .into_owned()
}

/// Gives the files of drafts that come without an alt text the one of the library. Reads
/// the index only where that can help; may wait for a disk.
///
/// # Errors
/// The folder or its index can't be read; nothing is changed.
pub fn describe_drafts<'a>(
    folder: &Path,
    drafts: impl IntoIterator<Item = &'a mut Draft>,
) -> Result<(), LibraryError> {
    let mut silent: Vec<&mut MediaItem> = drafts
        .into_iter()
        .flat_map(Draft::files_mut)
        .filter(|item| item.alt.is_none())
        .collect();
    if silent.is_empty() {
        return Ok(());
    }
    let root = fs::canonicalize(folder).map_err(|error| LibraryError::io(folder, &error))?;
    silent.retain(|item| Path::new(&item.path).starts_with(&root));
    if silent.is_empty() {
        return Ok(());
    }
    let index = Index::read(&root)?;
    for item in &mut silent {
        let path = below(&root, Path::new(&item.path));
        let alt = index.get(&path).and_then(|entry| entry.alt.clone());
        item.alt = alt.filter(|alt| !alt.is_empty());
    }
    Ok(())
}
