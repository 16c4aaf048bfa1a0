//! Files are made ready for a platform before it is told of them: without the metadata
//! that says where and with what they were made, and small enough, of a format and of the
//! sides that it takes. Each is made once, and kept under what it was made of.

mod cache;
mod exif;
mod film;
mod picture;
mod strip;
#[cfg(test)]
mod tests;
mod video;

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use serde::Serialize;
use tokio::sync::Semaphore;

use self::cache::Cache;
use self::strip::Format;
use self::video::OnDisk;
use self::video::mp4::Patches;
use super::{ImageLimits, VideoLimits, kind_of, sniff};
use crate::clock::Clock;
use crate::model::{Digest, MediaItem, MediaKind, Severity, TimeSpan};

/// Part of every key: raised where the same recipe makes something else than before.
const EDITION: u32 = 1;
/// Bytes of a picture's file, which is read as a whole.
const LARGEST_PICTURE: u64 = 128 << 20;
/// Files whose facts are remembered; past it all are forgotten, and read anew.
const MOST_KNOWN: usize = 10_000;
/// Bytes of a file's name without its ending.
const LONGEST_STEM: usize = 160;

/// Why a file can't go out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// It is not what it should be, whatever the platform takes.
    #[error("{0}")]
    Broken(String),
    /// The platform does not take it, and it can't be made to fit.
    #[error("{0}")]
    Unfit(String),
    #[error("it was changed after the post was accepted; post it anew")]
    Changed,
    /// A container that is not looked into.
    #[error("{0}")]
    Foreign(String),
    #[error("it can't be read: {0}")]
    Unreadable(String),
    /// The disk, not the file.
    #[error("{0}")]
    Io(String),
}

/// What a file is made ready for.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Recipe {
    /// None: only the metadata goes, and what can't be read is not looked into.
    pub image: Option<ImageLimits>,
    pub video: Option<VideoLimits>,
    /// Pictures that are too wide or too high are cut.
    pub crop: bool,
}

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// Bytes.
    pub most: u64,
    /// What was used within this stays all the same.
    pub spared: TimeSpan,
}

/// A file as it goes out.
#[derive(Clone, Debug, PartialEq)]
pub struct Prepared {
    pub item: MediaItem,
    /// What the platform may refuse, and can't be mended here.
    pub problems: Vec<(Severity, String)>,
}

/// What is known of a file that goes out.
#[derive(Clone, Debug)]
struct Facts {
    mime: String,
    kind: MediaKind,
    sides: Option<(u32, u32)>,
    length: Option<TimeSpan>,
    problems: Vec<(Severity, String)>,
    /// It goes out as it is.
    own: bool,
}

/// Makes files ready. A cheap handle.
#[derive(Clone)]
pub struct Preparer(Arc<Inner>);

struct Inner {
    cache: Cache,
    clock: Clock,
    known: Mutex<HashMap<Digest, Facts>>,
    /// Two large pictures at once are more memory than a small machine has.
    turn: Arc<Semaphore>,
}

impl Preparer {
    /// # Errors
    /// The folder can't be made or read.
    pub fn open(folder: PathBuf, clock: Clock) -> io::Result<Self> {
        Ok(Preparer(Arc::new(Inner {
            cache: Cache::open(folder)?,
            clock,
            known: Mutex::default(),
            turn: Arc::new(Semaphore::new(1)),
        })))
    }

    /// The file as it goes out by this recipe: the same for the same file, however often
    /// it is asked for.
    ///
    /// # Errors
    /// It can't go out.
    pub async fn prepare(
        &self,
        item: &MediaItem,
        recipe: &Recipe,
        keep: Keep,
    ) -> Result<Prepared, Trouble> {
        let broke = |error: tokio::task::JoinError| {
            Trouble::Broken(format!("it could not be worked on: {error}"))
        };
        let (inner, job) = (self.0.clone(), Job::new(item, recipe));
        let (found, job) = tokio::task::spawn_blocking(move || (inner.find(&job), job))
            .await
            .map_err(broke)?;
        if let Some(prepared) = found {
            return prepared;
        }
        let turn = self.0.turn.clone().acquire_owned().await;
        let turn = turn.map_err(|error| Trouble::Io(error.to_string()))?;
        let inner = self.0.clone();
        let made = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            // Another may have made it meanwhile.
            if let Some(prepared) = inner.find(&job) {
                return prepared;
            }
            let made = inner.make(&job);
            inner.cache.tidy(keep.most, keep.spared, inner.clock.now());
            made
        });
        made.await.map_err(broke)?
    }
}

/// One file and one recipe.
struct Job {
    item: MediaItem,
    recipe: Recipe,
    key: Digest,
}

impl Job {
    fn new(item: &MediaItem, recipe: &Recipe) -> Self {
        let focus = item.focus.map(|focus| (focus.x, focus.y));
        let mut recipe = recipe.clone();
        // What counts for the one is no reason to make the other anew.
        match item.kind {
            MediaKind::Image | MediaKind::Gif => recipe.video = None,
            _ => recipe.image = None,
        }
        let made_of = serde_json::json!([
            EDITION,
            item.digest.to_string(),
            name_of(&item.path),
            item.mime,
            focus,
            recipe,
        ]);
        Job {
            key: Digest::of(made_of.to_string().as_bytes()),
            item: item.clone(),
            recipe,
        }
    }

    /// The same file, with what is known of it.
    fn with(&self, facts: Facts) -> Prepared {
        let mut item = self.item.clone();
        (item.mime, item.kind) = (facts.mime, facts.kind);
        if let Some((width, height)) = facts.sides {
            (item.width, item.height) = (Some(width), Some(height));
        }
        item.length = facts.length.or(item.length);
        Prepared {
            item,
            problems: facts.problems,
        }
    }

    fn source(&self) -> Result<File, Trouble> {
        File::open(&self.item.path).map_err(unreadable)
    }
}

fn unreadable(error: io::Error) -> Trouble {
    Trouble::Unreadable(error.to_string())
}

fn io_trouble(error: io::Error) -> Trouble {
    Trouble::Io(format!("what was prepared can't be kept: {error}"))
}

fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The file's own name, with an ending that says what it is now.
fn renamed(path: &str, ending: &str) -> String {
    let name = name_of(path);
    let (stem, _) = name
        .rsplit_once('.')
        .filter(|(stem, _)| !stem.is_empty())
        .unwrap_or((name, ""));
    let mut end = stem.len().min(LONGEST_STEM);
    while !stem.is_char_boundary(end) {
        end -= 1;
    }
    let stem = if end == 0 { "file" } else { &stem[..end] };
    format!("{stem}.{ending}")
}

impl Inner {
    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<Digest, Facts>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, key: Digest, facts: &Facts) {
        let mut known = self.known();
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        known.insert(key, facts.clone());
    }

    /// What was made before.
    fn find(&self, job: &Job) -> Option<Result<Prepared, Trouble>> {
        let facts = self.known().get(&job.key).cloned();
        if let Some(facts) = facts.as_ref().filter(|facts| facts.own) {
            return Some(match super::digest(Path::new(&job.item.path)) {
                Ok(digest) if digest == job.item.digest => Ok(job.with(facts.clone())),
                Ok(_) => Err(Trouble::Changed),
                Err(error) => Err(unreadable(error)),
            });
        }
        let (path, digest) = self.cache.find(job.key, self.clock.now())?;
        let facts = match facts {
            Some(facts) => facts,
            None => {
                let facts = look(&path, &job.recipe).ok()?;
                self.remember(job.key, &facts);
                facts
            }
        };
        finished(job, &path, digest, facts).map(Ok)
    }

    fn make(&self, job: &Job) -> Result<Prepared, Trouble> {
        let mut head = Vec::new();
        let mut file = job.source()?;
        Read::by_ref(&mut file)
            .take(64)
            .read_to_end(&mut head)
            .map_err(unreadable)?;
        let said = job.item.mime.as_str();
        let mime = sniff(&head).unwrap_or(said);
        let kind = kind_of(mime).unwrap_or(job.item.kind);
        let class = |kind| match kind {
            MediaKind::Image | MediaKind::Gif => MediaKind::Image,
            kind => kind,
        };
        // An M4A is a film without pictures to some.
        let alike = class(kind) == class(job.item.kind)
            || matches!(
                (kind, job.item.kind),
                (MediaKind::Audio, MediaKind::Video) | (MediaKind::Video, MediaKind::Audio)
            );
        if !alike {
            return Err(Trouble::Broken(format!(
                "its name says {said}, and its bytes are {mime}"
            )));
        }
        match kind {
            MediaKind::Image | MediaKind::Gif => self.picture(job, file, mime),
            MediaKind::Video => self.film(job, file, mime),
            MediaKind::Audio | MediaKind::Document => Ok(Prepared {
                item: job.item.clone(),
                problems: Vec::new(),
            }),
        }
    }

    fn picture(&self, job: &Job, mut file: File, mime: &str) -> Result<Prepared, Trouble> {
        let size = file.metadata().map_err(unreadable)?.len();
        if size > LARGEST_PICTURE {
            return Err(Trouble::Broken(format!(
                "a picture of {size} bytes is more than is dealt with ({LARGEST_PICTURE})"
            )));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
        file.seek(SeekFrom::Start(0)).map_err(unreadable)?;
        file.take(LARGEST_PICTURE)
            .read_to_end(&mut bytes)
            .map_err(unreadable)?;
        if Digest::of(&bytes) != job.item.digest {
            return Err(Trouble::Changed);
        }
        let format = Format::of(mime);
        let stripped = match format {
            Some(format) => strip::strip(format, &bytes),
            None => Err(Trouble::Broken(format!(
                "pictures of the type {mime} are not known here"
            ))),
        };
        let (mut format, stripped) = match (format, stripped, &job.recipe.image) {
            (Some(format), Ok(stripped), _) => (format, stripped),
            (_, Err(trouble), Some(_)) => return Err(trouble),
            (_, Err(trouble), None) => return self.unread(job, mime, trouble, tells(&bytes)),
            (None, Ok(_), _) => return Err(Trouble::Broken("of no type".to_owned())),
        };
        let mut sides = stripped.seen();
        let mut made = None;
        // A PNG is turned in any case: few look for an orientation in it.
        let usual = ImageLimits {
            animated: true,
            ..ImageLimits::default()
        };
        let limits = job.recipe.image.as_ref();
        let turned = format == Format::Png && stripped.orientation != 1 && stripped.frames == 1;
        if limits.is_some() || turned {
            let limits = limits.unwrap_or(&usual);
            let crop = job.recipe.crop || limits.crop;
            let work = picture::plan(format, &stripped, limits, crop)?;
            if !work.is_nothing() {
                let before = (format, stripped.seen());
                let new = picture::carry_out(format, &stripped, &work, limits, job.item.focus)?;
                let words = |format: Format, sides: (u32, u32), bytes: u64| {
                    format!("{} {}×{}, {bytes} bytes", format.words(), sides.0, sides.1)
                };
                tracing::info!(
                    path = job.item.path,
                    from = words(before.0, before.1, size),
                    to = words(new.format, new.sides, new.bytes.len() as u64),
                    "a picture was made to fit"
                );
                (format, sides) = (new.format, new.sides);
                made = Some(new.bytes);
            }
        }
        let made = made.or_else(|| (stripped.bytes != bytes).then_some(stripped.bytes));
        drop(bytes);
        let facts = Facts {
            mime: format.mime().to_owned(),
            kind: kind_of(format.mime()).unwrap_or(MediaKind::Image),
            sides: (sides.0 > 0 && sides.1 > 0).then_some(sides),
            length: None,
            problems: Vec::new(),
            own: made.is_none(),
        };
        let Some(made) = made else {
            self.remember(job.key, &facts);
            return Ok(job.with(facts));
        };
        let name = renamed(&job.item.path, format.ending());
        let (path, digest) = self
            .cache
            .keep(job.key, &name, self.clock.now(), |file| {
                file.write_all(&made)
            })
            .map_err(io_trouble)?;
        self.kept(job, &path, digest, facts)
    }

    fn film(&self, job: &Job, file: File, mime: &str) -> Result<Prepared, Trouble> {
        let digest = super::digest(Path::new(&job.item.path)).map_err(unreadable)?;
        if digest != job.item.digest {
            return Err(Trouble::Changed);
        }
        let source = OnDisk::new(file).map_err(unreadable)?;
        let (film, patches) = match (video::probe(&source), &job.recipe.video) {
            (Ok(probed), _) => probed,
            (Err(trouble), Some(limits))
                if !matches!(trouble, Trouble::Foreign(_)) || !limits.containers.is_empty() =>
            {
                return Err(trouble);
            }
            (Err(trouble), _) => {
                return self.unread(job, mime, trouble, film::tells(&source)?);
            }
        };
        let problems = match &job.recipe.video {
            Some(limits) => film::judge(&film, job.item.size, limits),
            None => Vec::new(),
        };
        let facts = Facts {
            mime: film.container.mime().to_owned(),
            kind: MediaKind::Video,
            sides: (film.width > 0 && film.height > 0).then_some((film.width, film.height)),
            length: film.length,
            problems,
            own: patches.is_empty(),
        };
        if patches.is_empty() {
            self.remember(job.key, &facts);
            return Ok(job.with(facts));
        }
        let name = name_of(&job.item.path);
        let (path, digest) = self
            .cache
            .keep(job.key, name, self.clock.now(), |copy| {
                io::copy(&mut File::open(&job.item.path)?, copy)?;
                overwrite(copy, &patches)
            })
            .map_err(io_trouble)?;
        self.kept(job, &path, digest, facts)
    }

    fn kept(
        &self,
        job: &Job,
        path: &Path,
        digest: Digest,
        facts: Facts,
    ) -> Result<Prepared, Trouble> {
        self.remember(job.key, &facts);
        finished(job, path, digest, facts)
            .ok_or_else(|| Trouble::Io("what was prepared is gone again".to_owned()))
    }

    /// A file that can't be looked into, for a platform that may know better. It goes out
    /// where nothing in it looks like metadata.
    fn unread(
        &self,
        job: &Job,
        mime: &str,
        trouble: Trouble,
        tells: bool,
    ) -> Result<Prepared, Trouble> {
        if tells {
            return Err(Trouble::Broken(format!(
                "{trouble}; and it holds metadata, which can't be taken out of it"
            )));
        }
        let facts = Facts {
            mime: mime.to_owned(),
            kind: kind_of(mime).unwrap_or(job.item.kind),
            sides: None,
            length: None,
            problems: vec![(
                Severity::Warning,
                format!("it goes out as it is: {trouble}"),
            )],
            own: true,
        };
        self.remember(job.key, &facts);
        Ok(job.with(facts))
    }
}

/// A file out of the cache.
fn finished(job: &Job, path: &Path, digest: Digest, facts: Facts) -> Option<Prepared> {
    let size = path.metadata().ok()?.len();
    let path = path.to_str()?.to_owned();
    let mut prepared = job.with(facts);
    prepared.item = MediaItem {
        path,
        size,
        digest,
        ..prepared.item
    };
    Some(prepared)
}

/// What a file of the cache is.
fn look(path: &Path, recipe: &Recipe) -> Result<Facts, Trouble> {
    let bytes = |most: u64| -> Result<Vec<u8>, Trouble> {
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(unreadable)?;
        file.take(most)
            .read_to_end(&mut bytes)
            .map_err(unreadable)?;
        Ok(bytes)
    };
    let head = bytes(64)?;
    if let Some(format) = sniff(&head).and_then(Format::of) {
        let sides = strip::strip(format, &bytes(LARGEST_PICTURE)?)?.seen();
        return Ok(Facts {
            mime: format.mime().to_owned(),
            kind: kind_of(format.mime()).unwrap_or(MediaKind::Image),
            sides: (sides.0 > 0 && sides.1 > 0).then_some(sides),
            length: None,
            problems: Vec::new(),
            own: false,
        });
    }
    let source = OnDisk::new(File::open(path).map_err(unreadable)?).map_err(unreadable)?;
    let size = path.metadata().map_err(unreadable)?.len();
    let (film, _) = video::probe(&source)?;
    let problems = match &recipe.video {
        Some(limits) => film::judge(&film, size, limits),
        None => Vec::new(),
    };
    Ok(Facts {
        mime: film.container.mime().to_owned(),
        kind: MediaKind::Video,
        sides: (film.width > 0 && film.height > 0).then_some((film.width, film.height)),
        length: film.length,
        problems,
        own: false,
    })
}

fn overwrite(file: &File, patches: &Patches) -> io::Result<()> {
    const BLANK: [u8; 1 << 14] = [0; 1 << 14];
    if let Some(cut) = patches.cut {
        file.set_len(cut)?;
    }
    let size = file.metadata()?.len();
    for (at, length) in &patches.zero {
        let (mut at, end) = (*at, at.saturating_add(*length).min(size));
        while at < end {
            let step = usize::try_from(end - at).map_or(BLANK.len(), |left| left.min(BLANK.len()));
            file.write_all_at(&BLANK[..step], at)?;
            at += step as u64;
        }
    }
    for (at, bytes) in &patches.write {
        file.write_all_at(bytes, *at)?;
    }
    Ok(())
}

/// What metadata begins with, wherever it stands.
static MARKS: LazyLock<Option<aho_corasick::AhoCorasick>> = LazyLock::new(|| {
    let marks: [&[u8]; 7] = [
        b"Exif\0\0",
        b"http://ns.adobe.com/xap/",
        b"<x:xmpmeta",
        b"Photoshop 3.0",
        b"\xa9xyz",
        b"com.apple.quicktime.location",
        b"GPSLatitude",
    ];
    aho_corasick::AhoCorasick::new(marks).ok()
});

fn tells(bytes: &[u8]) -> bool {
    // TIFF is what EXIF is made of.
    let tiff = bytes.starts_with(b"II*\0") || bytes.starts_with(b"MM\0*");
    tiff || MARKS.as_ref().is_none_or(|marks| marks.is_match(bytes))
}
