//! What a file is by its own bytes: names lie, and the platform publishes a blob under
//! whatever type it was given.

use jarchi_plugin_sdk::{MediaItem, MediaKind, Problem, media};

/// How much of a file is looked at.
const HEAD: u32 = 64 << 10;

/// The media types that clients show.
const IMAGES: [&str; 4] = ["image/jpeg", "image/png", "image/webp", "image/gif"];

/// The media type that a file goes up as.
///
/// # Errors
/// A problem for a person: it can't be read, or is not what the platform takes.
pub fn media_type(item: &MediaItem) -> Result<&'static str, String> {
    let head = head(item)?;
    let found = sniff(&head);
    match (item.kind, found) {
        (MediaKind::Image | MediaKind::Gif, Some(mime)) if IMAGES.contains(&mime) => Ok(mime),
        (MediaKind::Video, Some("video/mp4")) => Ok("video/mp4"),
        (MediaKind::Image | MediaKind::Gif, _) => Err(format!(
            "`{}` is {}: make it a JPEG, PNG or WebP",
            item.name,
            found.unwrap_or("no image that Bluesky shows")
        )),
        _ => Err(format!(
            "`{}` is {}: Bluesky takes MP4",
            item.name,
            found.unwrap_or("no video that Bluesky shows")
        )),
    }
}

/// What a person should know about the files of a post before they go up.
pub fn check(items: &[MediaItem], place: &str, problems: &mut Vec<Problem>) {
    for (number, item) in items.iter().enumerate() {
        let place = format!("{place}media[{number}]");
        match item.kind {
            // Refused by its kind already.
            MediaKind::Audio | MediaKind::Document => continue,
            MediaKind::Image | MediaKind::Gif | MediaKind::Video => {}
        }
        if let Err(message) = media_type(item) {
            problems.push(Problem::error(place, message));
        }
    }
}

fn head(item: &MediaItem) -> Result<Vec<u8>, String> {
    media::read_at(&item.id, 0, HEAD)
        .map_err(|error| format!("`{}` can't be read: {error:?}", item.name))
}

/// The media type that the first bytes tell.
pub fn sniff(head: &[u8]) -> Option<&'static str> {
    let at = |offset: usize, bytes: &[u8]| head.get(offset..offset + bytes.len()) == Some(bytes);
    if at(0, b"\x89PNG\r\n\x1a\n") {
        Some("image/png")
    } else if at(0, b"\xff\xd8\xff") {
        Some("image/jpeg")
    } else if at(0, b"GIF87a") || at(0, b"GIF89a") {
        Some("image/gif")
    } else if at(0, b"RIFF") && at(8, b"WEBP") {
        Some("image/webp")
    } else if at(4, b"ftyp") {
        Some(match head.get(8..12)? {
            b"avif" | b"avis" => "image/avif",
            b"heic" | b"heix" | b"hevc" | b"mif1" | b"msf1" => "image/heic",
            b"qt  " => "video/quicktime",
            b"M4A " | b"M4B " => "audio/mp4",
            _ => "video/mp4",
        })
    } else if at(0, b"\x1aE\xdf\xa3") {
        Some("video/webm")
    } else if at(0, b"BM") {
        Some("image/bmp")
    } else if at(0, b"%PDF-") {
        Some("application/pdf")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_bytes() {
        for (head, expected) in [
            (&b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"[..], Some("image/png")),
            (b"\xff\xd8\xff\xe0\0\x10JFIF", Some("image/jpeg")),
            (b"GIF89a\x01\0", Some("image/gif")),
            (b"RIFF\x24\0\0\0WEBPVP8 ", Some("image/webp")),
            (b"RIFF\x24\0\0\0WAVEfmt ", None),
            (b"\0\0\0\x20ftypisom\0\0\x02\0", Some("video/mp4")),
            (b"\0\0\0\x20ftypqt  \0\0\x02\0", Some("video/quicktime")),
            (b"\0\0\0\x20ftypavif\0\0\0\0", Some("image/avif")),
            (b"\0\0\0\x18ftyp", None),
            (b"<svg xmlns=", None),
            (b"", None),
        ] {
            assert_eq!(sniff(head), expected, "{head:?}");
        }
    }
}
