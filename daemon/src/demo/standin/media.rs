//! What an uploaded file is, told by its bytes.

use axum::body::Bytes;

use super::Rules;
use super::error::Refusal;
use super::state::MediaType;

/// Kind, media type and extension by the file's first bytes: (offset, bytes).
type Magic = (
    MediaType,
    &'static str,
    &'static str,
    &'static [(usize, &'static [u8])],
);

const MAGIC: [Magic; 14] = [
    (
        MediaType::Image,
        "image/png",
        "png",
        &[(0, b"\x89PNG\r\n\x1a\n")],
    ),
    (
        MediaType::Image,
        "image/jpeg",
        "jpeg",
        &[(0, b"\xff\xd8\xff")],
    ),
    (MediaType::Image, "image/gif", "gif", &[(0, b"GIF8")]),
    (
        MediaType::Image,
        "image/webp",
        "webp",
        &[(0, b"RIFF"), (8, b"WEBP")],
    ),
    (MediaType::Image, "image/avif", "avif", &[(4, b"ftypavif")]),
    (MediaType::Image, "image/heic", "heic", &[(4, b"ftypheic")]),
    (
        MediaType::Video,
        "video/quicktime",
        "mov",
        &[(4, b"ftypqt")],
    ),
    (MediaType::Video, "video/mp4", "mp4", &[(4, b"ftyp")]),
    (
        MediaType::Video,
        "video/webm",
        "webm",
        &[(0, b"\x1a\x45\xdf\xa3")],
    ),
    (MediaType::Audio, "audio/mpeg", "mp3", &[(0, b"ID3")]),
    (MediaType::Audio, "audio/mpeg", "mp3", &[(0, b"\xff\xfb")]),
    (MediaType::Audio, "audio/ogg", "ogg", &[(0, b"OggS")]),
    (MediaType::Audio, "audio/flac", "flac", &[(0, b"fLaC")]),
    (
        MediaType::Audio,
        "audio/wave",
        "wav",
        &[(0, b"RIFF"), (8, b"WAVE")],
    ),
];

pub(super) const MIME_TYPES: [&str; 13] = [
    "image/jpeg",
    "image/png",
    "image/gif",
    "image/heic",
    "image/webp",
    "image/avif",
    "video/webm",
    "video/mp4",
    "video/quicktime",
    "audio/mpeg",
    "audio/ogg",
    "audio/flac",
    "audio/wave",
];

#[derive(Clone, Copy, Debug)]
pub(super) struct Sniffed {
    pub(super) kind: MediaType,
    pub(super) mime: &'static str,
    pub(super) extension: &'static str,
    /// Pixels.
    pub(super) size: Option<(usize, usize)>,
}

pub(super) fn sniff(bytes: &Bytes, rules: &Rules) -> Result<Sniffed, Refusal> {
    let holds = |(offset, magic): &(usize, &[u8])| {
        bytes
            .get(*offset..)
            .is_some_and(|rest| rest.starts_with(magic))
    };
    let Some((kind, mime, extension, _)) = MAGIC
        .iter()
        .find(|(_, _, _, magic)| magic.iter().all(holds))
    else {
        return Err(Refusal::invalid(
            "File content type is invalid, File is invalid",
        ));
    };
    let (kind, limit) = match kind {
        // What moves is made a video of.
        MediaType::Image if *mime == "image/gif" && is_animated(bytes) => {
            (MediaType::Gifv, rules.image_size_limit)
        }
        MediaType::Image => (MediaType::Image, rules.image_size_limit),
        kind => (*kind, rules.video_size_limit),
    };
    if bytes.len() > limit {
        return Err(Refusal::invalid(format_args!(
            "File must be less than {} MB",
            limit >> 20
        )));
    }
    let size = imagesize::blob_size(bytes)
        .ok()
        .map(|size| (size.width, size.height));
    if matches!(kind, MediaType::Image | MediaType::Gifv) {
        match size {
            None | Some((0, _) | (_, 0)) => {
                return Err(Refusal::unprocessable(
                    "File type of uploaded media could not be verified",
                ));
            }
            Some((width, height)) if width.saturating_mul(height) > rules.image_matrix_limit => {
                return Err(Refusal::unprocessable(format!(
                    "{width}x{height} images are not supported"
                )));
            }
            Some(_) => {}
        }
    }
    Ok(Sniffed {
        kind,
        mime,
        extension,
        size,
    })
}

/// More than one frame: each has a graphic control extension.
fn is_animated(gif: &Bytes) -> bool {
    memchr::memmem::find_iter(gif, b"\x21\xf9\x04")
        .nth(1)
        .is_some()
}

/// `x,y`, each -1.0 to 1.0; what lies outside is moved to the edge.
pub(super) fn focus(text: &str) -> Option<(f64, f64)> {
    let (x, y) = text.split_once(',')?;
    let number = |text: &str| {
        let number: f64 = text.trim().parse().ok()?;
        number.is_finite().then(|| number.clamp(-1.0, 1.0))
    };
    Some((number(x)?, number(y)?))
}
