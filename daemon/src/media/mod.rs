//! Files of posts: what they are, read off the disk.

mod created;
pub mod library;
mod limits;
mod prepare;
mod public;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::UNIX_EPOCH;

pub use created::{CreateError, Created, Tidied};
pub use limits::{ImageLimits, VideoLimits};
pub use prepare::{Keep, Prepared, Preparer, Recipe, Trouble};
pub use public::{PublicUrls, Signed, Signer};

use crate::model::{Digest, FocalPoint, MediaItem, MediaKind};

#[derive(Clone, Debug, thiserror::Error)]
pub enum MediaError {
    #[error("{path}: {reason}")]
    Read { path: String, reason: String },
    #[error("{path} is neither a picture, a video, a sound, a PDF nor captions ({mime})")]
    Kind { path: String, mime: String },
}

/// BLAKE3 of a file's bytes.
pub async fn digest_of(path: &Path) -> io::Result<Digest> {
    let path = path.to_owned();
    tokio::task::spawn_blocking(move || digest(&path))
        .await
        .map_err(io::Error::other)?
}

/// Remembers the digests of files that have not changed since.
fn digest(path: &Path) -> io::Result<Digest> {
    use std::collections::HashMap;
    use std::path::PathBuf;
    use std::sync::{LazyLock, Mutex, PoisonError};

    type Known = HashMap<PathBuf, (u64, u128, Digest)>;
    static KNOWN: LazyLock<Mutex<Known>> = LazyLock::new(Mutex::default);
    /// Files that are remembered; past it, all are forgotten.
    const MOST: usize = 10_000;

    let mut file = File::open(path)?;
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a file"));
    }
    let modified = meta
        .modified()?
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_nanos());
    let known = |map: &Known| map.get(path).copied();
    if let Some((size, at, digest)) = known(&KNOWN.lock().unwrap_or_else(PoisonError::into_inner))
        && (size, at) == (meta.len(), modified)
    {
        return Ok(digest);
    }
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 128 << 10];
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        hasher.update(&buffer[..count]);
    }
    let digest = Digest(*hasher.finalize().as_bytes());
    let mut map = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if map.len() >= MOST {
        map.clear();
    }
    map.insert(path.to_owned(), (meta.len(), modified, digest));
    Ok(digest)
}

/// Reads what a file is. The path becomes absolute.
///
/// # Errors
/// It can't be read, or is of no kind that can be posted.
pub async fn describe(
    path: &Path,
    alt: Option<String>,
    focus: Option<FocalPoint>,
) -> Result<MediaItem, MediaError> {
    let path = path.to_owned();
    let shown = path.display().to_string();
    tokio::task::spawn_blocking(move || read(&path, alt, focus))
        .await
        .map_err(|error| MediaError::Read {
            path: shown,
            reason: error.to_string(),
        })?
}

fn read(
    path: &Path,
    alt: Option<String>,
    focus: Option<FocalPoint>,
) -> Result<MediaItem, MediaError> {
    let shown = path.display().to_string();
    let wrong = |error: io::Error| MediaError::Read {
        path: shown.clone(),
        reason: error.to_string(),
    };
    let path = path.canonicalize().map_err(wrong)?;
    let size = path.metadata().map_err(wrong)?.len();
    let digest = digest(&path).map_err(wrong)?;
    let mut head = Vec::new();
    File::open(&path)
        .map_err(wrong)?
        .take(64)
        .read_to_end(&mut head)
        .map_err(wrong)?;
    let mime = sniff(&head).map_or_else(
        || {
            mime_guess::from_path(&path)
                .first_or_octet_stream()
                .essence_str()
                .to_owned()
        },
        str::to_owned,
    );
    let kind = kind_of(&mime).ok_or_else(|| MediaError::Kind {
        path: shown.clone(),
        mime: mime.clone(),
    })?;
    let dimensions = matches!(kind, MediaKind::Image | MediaKind::Gif)
        .then(|| imagesize::size(&path).ok())
        .flatten();
    let pixels = |value: usize| u32::try_from(value).ok();
    Ok(MediaItem {
        path: path
            .to_str()
            .map(str::to_owned)
            .ok_or_else(|| MediaError::Read {
                path: shown.clone(),
                reason: "the path is not Unicode".to_owned(),
            })?,
        kind,
        mime,
        size,
        digest,
        alt,
        focus,
        width: dimensions.and_then(|size| pixels(size.width)),
        height: dimensions.and_then(|size| pixels(size.height)),
        length: None,
    })
}

const AVIF: [&[u8]; 2] = [b"ftypavif", b"ftypavis"];
/// Brands of ISO/IEC 23008-12; an AVIF may call itself by the general ones.
const HEIF: [&[u8]; 8] = [
    b"ftypheic",
    b"ftypheix",
    b"ftyphevc",
    b"ftyphevx",
    b"ftypheim",
    b"ftypheis",
    b"ftypmif1",
    b"ftypmsf1",
];

/// The media type by the first bytes, whatever the file's name says: platforms look at
/// the bytes as well.
fn sniff(head: &[u8]) -> Option<&'static str> {
    let brand = head.get(4..12);
    Some(match head {
        [0x89, b'P', b'N', b'G', ..] => "image/png",
        [0xff, 0xd8, 0xff, ..] => "image/jpeg",
        [b'G', b'I', b'F', b'8', ..] => "image/gif",
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => "image/webp",
        [b'%', b'P', b'D', b'F', ..] => "application/pdf",
        [0x1a, 0x45, 0xdf, 0xa3, ..] => "video/webm",
        [b'O', b'g', b'g', b'S', ..] => "audio/ogg",
        [b'f', b'L', b'a', b'C', ..] => "audio/flac",
        [b'I', b'D', b'3', ..] | [0xff, 0xfb | 0xf3 | 0xf2, ..] => "audio/mpeg",
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'A',
            b'V',
            b'E',
            ..,
        ] => "audio/wav",
        _ if brand.is_some_and(|brand| AVIF.contains(&brand)) => "image/avif",
        _ if brand.is_some_and(|brand| HEIF.contains(&brand)) => {
            let others = head.get(16..).unwrap_or_default();
            match others.chunks(4).any(|brand| brand == b"avif") {
                true => "image/avif",
                false => "image/heic",
            }
        }
        _ if brand == Some(b"ftypqt  ") => "video/quicktime",
        _ if brand == Some(b"ftypM4A ") => "audio/mp4",
        _ if brand.is_some_and(|brand| brand.starts_with(b"ftyp")) => "video/mp4",
        _ => return None,
    })
}

fn kind_of(mime: &str) -> Option<MediaKind> {
    Some(match mime {
        "image/gif" => MediaKind::Gif,
        "application/pdf" | "application/x-subrip" | "text/vtt" => MediaKind::Document,
        _ if mime.starts_with("image/") => MediaKind::Image,
        _ if mime.starts_with("video/") => MediaKind::Video,
        _ if mime.starts_with("audio/") => MediaKind::Audio,
        _ => return None,
    })
}
