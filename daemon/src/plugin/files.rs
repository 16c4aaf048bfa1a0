//! The operator's files as plugins see them: by opaque names, and only those that one
//! call was given.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File, Metadata};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use walkdir::WalkDir;

use crate::media::{CreateError, Created};
use crate::model::{Digest, MediaItem, MediaKind, Timestamp};

/// Files of one folder that a plugin is shown.
const MOST_FILES: usize = 20_000;
const DEEPEST: usize = 32;
/// Remembered digests; past it all are forgotten, and computed anew.
const MOST_DIGESTS: usize = 100_000;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    #[error("no file `{0}` belongs to this call")]
    NotFound(String),
    #[error("`{0}` leads out of the granted folder")]
    Denied(String),
    #[error("`{0}` can't be read: {1}")]
    Io(String, String),
    #[error("`{0}` holds more than {MOST_FILES} files")]
    TooMany(String),
    #[error("files are made by generators alone")]
    NoGenerator,
    #[error("{0}")]
    Invalid(String),
}

impl From<CreateError> for FileError {
    fn from(error: CreateError) -> Self {
        match error {
            CreateError::Unknown { .. } => FileError::Invalid(error.to_string()),
            CreateError::Room(reason) => FileError::Io("a new file".to_owned(), reason),
            CreateError::Io { name, error } => FileError::io(&name, &error),
        }
    }
}

impl FileError {
    pub(crate) fn io(name: &str, error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => FileError::NotFound(name.to_owned()),
            _ => FileError::Io(name.to_owned(), error.to_string()),
        }
    }
}

/// What is known of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct FileInfo {
    /// What a plugin calls it.
    pub id: String,
    /// Below its folder, with `/` between; of a post's media the file's own name.
    pub name: String,
    /// Absolute.
    pub path: PathBuf,
    pub mime: String,
    pub kind: Option<MediaKind>,
    pub size: u64,
    pub modified: Timestamp,
    /// Pixels, of images.
    pub width: Option<u32>,
    pub height: Option<u32>,
    pub digest: Digest,
}

/// Looks at files, and remembers the digests of those that did not change.
#[derive(Debug, Default)]
pub struct Library {
    digests: Mutex<HashMap<PathBuf, (u64, SystemTime, Digest)>>,
}

impl Library {
    /// A file as a post carries it. Reads the whole file when it is new or changed; may
    /// wait for a disk.
    pub fn media_item(&self, path: &Path) -> Result<MediaItem, FileError> {
        let name = path.display().to_string();
        let path = fs::canonicalize(path).map_err(|error| FileError::io(&name, &error))?;
        let info = self.look(String::new(), name.clone(), path)?;
        let Some(path) = info.path.to_str() else {
            return Err(FileError::Io(name, "its path is not UTF-8".to_owned()));
        };
        Ok(MediaItem {
            path: path.to_owned(),
            kind: info.kind.unwrap_or(MediaKind::Document),
            mime: info.mime,
            size: info.size,
            digest: info.digest,
            alt: None,
            focus: None,
            width: info.width,
            height: info.height,
            length: None,
        })
    }

    /// Whether the file is there as it was accepted. May wait for a disk.
    pub(crate) fn has(&self, item: &MediaItem) -> bool {
        self.look(id_of(item), item.path.clone(), PathBuf::from(&item.path))
            .is_ok_and(|info| info.digest == item.digest)
    }

    fn look(&self, id: String, name: String, path: PathBuf) -> Result<FileInfo, FileError> {
        let wrong = |error: io::Error| FileError::io(&name, &error);
        let data = fs::metadata(&path).map_err(wrong)?;
        if !data.is_file() {
            return Err(FileError::NotFound(name));
        }
        let digest = self.digest(&path, &data).map_err(wrong)?;
        let mime = mime_guess::from_path(&path).first_or_octet_stream();
        let kind = kind_of(mime.essence_str());
        let dimensions = match kind {
            Some(MediaKind::Image | MediaKind::Gif) => imagesize::size(&path).ok(),
            _ => None,
        };
        let pixels = |pixels: usize| u32::try_from(pixels).ok();
        Ok(FileInfo {
            id,
            mime: mime.essence_str().to_owned(),
            kind,
            size: data.len(),
            modified: data.modified().map_or(Timestamp(0), |time| {
                time.duration_since(SystemTime::UNIX_EPOCH)
                    .map_or(Timestamp(0), |since| Timestamp(since.as_millis() as u64))
            }),
            width: dimensions.and_then(|size| pixels(size.width)),
            height: dimensions.and_then(|size| pixels(size.height)),
            digest,
            name,
            path,
        })
    }

    fn digest(&self, path: &Path, data: &Metadata) -> io::Result<Digest> {
        let modified = data.modified()?;
        let known = self.lock().get(path).copied();
        if let Some((size, time, digest)) = known
            && size == data.len()
            && time == modified
        {
            return Ok(digest);
        }
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(File::open(path)?)?;
        let digest = Digest(*hasher.finalize().as_bytes());
        let mut digests = self.lock();
        if digests.len() >= MOST_DIGESTS {
            digests.clear();
        }
        digests.insert(path.to_owned(), (data.len(), modified, digest));
        Ok(digest)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<PathBuf, (u64, SystemTime, Digest)>> {
        self.digests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn kind_of(mime: &str) -> Option<MediaKind> {
    Some(match mime {
        "image/gif" => MediaKind::Gif,
        "application/pdf"
        | "application/msword"
        | "application/vnd.ms-powerpoint"
        | "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
        | "application/vnd.openxmlformats-officedocument.presentationml.presentation" => {
            MediaKind::Document
        }
        other => match other.split('/').next() {
            Some("image") => MediaKind::Image,
            Some("video") => MediaKind::Video,
            Some("audio") => MediaKind::Audio,
            _ => return None,
        },
    })
}

/// The files of one call: a post's media by digest, and granted folders by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct CallFiles {
    library: Arc<Library>,
    media: Arc<HashMap<String, MediaItem>>,
    folders: Arc<BTreeMap<String, PathBuf>>,
    /// The files that this generator made.
    own: Option<(Arc<Created>, Arc<str>)>,
}

/// What a plugin calls a post's file.
pub(crate) fn id_of(item: &MediaItem) -> String {
    item.digest.to_string()
}

/// Between a folder's name and the path in it.
const IN: char = ':';

impl CallFiles {
    pub(crate) fn new(library: Arc<Library>, folders: Arc<BTreeMap<String, PathBuf>>) -> Self {
        CallFiles {
            library,
            media: Arc::default(),
            folders,
            own: None,
        }
    }

    /// With the files that this generator made, and makes.
    pub(crate) fn with_created(mut self, created: Arc<Created>, generator: Arc<str>) -> Self {
        self.own = Some((created, generator));
        self
    }

    /// Keeps a file that the generator made. May wait for a disk.
    pub(crate) fn create(&self, name: &str, bytes: &[u8]) -> Result<FileInfo, FileError> {
        let (created, generator) = self.own.as_ref().ok_or(FileError::NoGenerator)?;
        let (digest, path) = created.create(generator, name, bytes)?;
        let name = name_of(&path);
        self.library.look(digest.to_string(), name, path)
    }

    /// A file that this generator made in this call or an earlier one.
    fn made(&self, id: &str) -> Result<Option<PathBuf>, FileError> {
        let (Some((created, generator)), Ok(digest)) = (&self.own, id.parse()) else {
            return Ok(None);
        };
        let found = created.find(generator, digest);
        found.map_err(|error| FileError::io(id, &error))
    }

    /// With the files of a post, which must be those that were accepted. May wait for a
    /// disk.
    pub(crate) fn with_media(mut self, items: &[MediaItem]) -> Result<Self, String> {
        let mut media = HashMap::with_capacity(items.len());
        for item in items {
            let info = self
                .library
                .look(id_of(item), item.path.clone(), PathBuf::from(&item.path))
                .map_err(|error| error.to_string())?;
            if info.digest != item.digest {
                return Err(format!(
                    "`{}` changed since the post was accepted",
                    item.path
                ));
            }
            media.insert(info.id, item.clone());
        }
        self.media = Arc::new(media);
        Ok(self)
    }

    /// A file of the post.
    pub(crate) fn of_post(&self, id: &str) -> Option<&MediaItem> {
        self.media.get(id)
    }

    /// The file that a plugin means. May wait for a disk.
    pub(crate) fn resolve(&self, id: &str) -> Result<PathBuf, FileError> {
        if let Some(item) = self.media.get(id) {
            return Ok(PathBuf::from(&item.path));
        }
        if let Some(path) = self.made(id)? {
            return Ok(path);
        }
        let not_found = || FileError::NotFound(id.to_owned());
        let (folder, below) = id.split_once(IN).ok_or_else(not_found)?;
        let root = self.root(folder)?;
        let plain = |part: Component<'_>| match part {
            Component::Normal(name) => !is_hidden(name.as_encoded_bytes()),
            _ => false,
        };
        if below.is_empty() || !Path::new(below).components().all(plain) {
            return Err(FileError::Denied(id.to_owned()));
        }
        let path = fs::canonicalize(root.join(below)).map_err(|error| FileError::io(id, &error))?;
        if !path.starts_with(&root) {
            return Err(FileError::Denied(id.to_owned()));
        }
        Ok(path)
    }

    pub(crate) fn describe(&self, id: &str) -> Result<FileInfo, FileError> {
        let path = self.resolve(id)?;
        let name = match id.split_once(IN) {
            Some((_, below)) => below.to_owned(),
            None => name_of(&path),
        };
        self.library.look(id.to_owned(), name, path)
    }

    /// The files of a granted folder, in the order of their paths. Hidden ones are left
    /// out, and so is what a symbolic link shows from elsewhere.
    pub(crate) fn list(&self, folder: &str) -> Result<Vec<FileInfo>, FileError> {
        let root = self.root(folder)?;
        let walk = WalkDir::new(&root)
            .follow_links(true)
            .max_depth(DEEPEST)
            .into_iter()
            .filter_entry(|entry| {
                entry.depth() == 0
                    || (!is_hidden(entry.file_name().as_encoded_bytes())
                        && (!entry.path_is_symlink() || leads_into(entry.path(), &root)))
            });
        let mut files = Vec::new();
        for entry in walk {
            let entry = match entry {
                Ok(entry) => entry,
                // A link that leads in a circle or nowhere, a folder that is closed to us.
                Err(error) if error.depth() > 0 => {
                    tracing::debug!(folder, "passed over: {error}");
                    continue;
                }
                Err(error) => return Err(FileError::Io(folder.to_owned(), error.to_string())),
            };
            if !entry.file_type().is_file() {
                continue;
            }
            let Some(below) = entry
                .path()
                .strip_prefix(&root)
                .ok()
                .and_then(|below| below.to_str())
            else {
                tracing::debug!(folder, path = %entry.path().display(), "passed over: not UTF-8");
                continue;
            };
            if files.len() == MOST_FILES {
                return Err(FileError::TooMany(folder.to_owned()));
            }
            let id = format!("{folder}{IN}{below}");
            match self
                .library
                .look(id, below.to_owned(), entry.path().to_owned())
            {
                Ok(info) => files.push(info),
                // It went away, or is not for our eyes.
                Err(error) => tracing::debug!(folder, "passed over: {error}"),
            }
        }
        files.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(files)
    }

    fn root(&self, folder: &str) -> Result<PathBuf, FileError> {
        let path = self
            .folders
            .get(folder)
            .ok_or_else(|| FileError::NotFound(folder.to_owned()))?;
        fs::canonicalize(path)
            .map_err(|error| FileError::Io(path.display().to_string(), error.to_string()))
    }
}

fn name_of(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

fn is_hidden(name: &[u8]) -> bool {
    name.starts_with(b".")
}

fn leads_into(link: &Path, root: &Path) -> bool {
    fs::canonicalize(link).is_ok_and(|path| path.starts_with(root))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted(root: &Path) -> CallFiles {
        let folders = BTreeMap::from([("posts".to_owned(), root.join("granted"))]);
        CallFiles::new(Arc::default(), Arc::new(folders))
    }

    fn tree() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let granted = dir.path().join("granted");
        fs::create_dir_all(granted.join("2026/.drafts")).unwrap();
        fs::create_dir_all(dir.path().join("secret")).unwrap();
        fs::write(dir.path().join("secret/key"), "private").unwrap();
        fs::write(granted.join("b.md"), "b").unwrap();
        fs::write(granted.join("2026/a.md"), "a").unwrap();
        fs::write(granted.join("2026/.drafts/c.md"), "c").unwrap();
        fs::write(granted.join(".hidden.md"), "h").unwrap();
        std::os::unix::fs::symlink(dir.path().join("secret"), granted.join("out")).unwrap();
        std::os::unix::fs::symlink(dir.path().join("secret/key"), granted.join("key.md")).unwrap();
        std::os::unix::fs::symlink("2026/a.md", granted.join("in.md")).unwrap();
        std::os::unix::fs::symlink("..", granted.join("2026/round")).unwrap();
        dir
    }

    #[test]
    fn a_listing_stays_inside_and_is_in_order() {
        let dir = tree();
        let files = granted(dir.path());
        let names: Vec<_> = files
            .list("posts")
            .unwrap()
            .into_iter()
            .map(|file| file.name)
            .collect();
        assert_eq!(names, ["2026/a.md", "b.md", "in.md"]);
        assert!(matches!(files.list("other"), Err(FileError::NotFound(_))));
    }

    #[test]
    fn a_name_reaches_only_what_was_granted() {
        let dir = tree();
        let files = granted(dir.path());
        assert!(files.describe("posts:2026/a.md").is_ok());
        assert!(files.describe("posts:in.md").is_ok());
        let key = dir.path().join("secret/key");
        for escape in [
            "posts:../secret/key",
            "posts:out/key",
            "posts:key.md",
            "posts:.hidden.md",
            "posts:2026/.drafts/c.md",
            &format!("posts:{}", key.display()),
            key.to_str().unwrap(),
            "posts:",
            "posts",
            "",
            "other:b.md",
            "posts:none.md",
            "posts:2026",
        ] {
            assert!(files.describe(escape).is_err(), "{escape}");
        }
    }

    #[test]
    fn a_file_that_changed_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("one.png");
        fs::write(&path, "first").unwrap();
        let library = Arc::new(Library::default());
        let item = library.media_item(&path).unwrap();
        assert_eq!(item.kind, MediaKind::Image);
        assert_eq!(item.mime, "image/png");
        let files = || CallFiles::new(library.clone(), Arc::default());
        let known = files().with_media(std::slice::from_ref(&item)).unwrap();
        let resolved = known.resolve(&id_of(&item)).unwrap();
        assert_eq!(resolved.to_str(), Some(item.path.as_str()));

        fs::write(&path, "another, longer").unwrap();
        let error = files().with_media(std::slice::from_ref(&item)).unwrap_err();
        assert!(error.contains("changed since"), "{error}");
        fs::remove_file(&path).unwrap();
        assert!(files().with_media(&[item]).is_err());
    }
}
