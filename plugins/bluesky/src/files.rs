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
        match media_type(item) {
            Err(message) => problems.push(Problem::error(place, message)),
            Ok("image/jpeg") if head(item).is_ok_and(|head| has_exif(&head)) => {
                problems.push(Problem::warning(
                    place,
                    format!(
                        "`{}` says by which camera, and perhaps where, it was taken (EXIF): \
                         Bluesky hands files on unchanged",
                        item.name
                    ),
                ));
            }
            Ok(_) => {}
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

/// Whether a JPEG file carries what the camera wrote.
fn has_exif(head: &[u8]) -> bool {
    let mut at = 2;
    // Segments: a marker of two bytes, then its length with the length's own two bytes.
    while let Some([0xff, marker, high, low]) = head.get(at..at + 4) {
        if *marker == 0xe1 && head.get(at + 4..at + 10) == Some(b"Exif\0\0") {
            return true;
        }
        if *marker == 0xda {
            return false;
        }
        at += 2 + usize::from(u16::from_be_bytes([*high, *low])).max(2);
    }
    false
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

    #[test]
    fn exif_is_found_in_its_segment_only() {
        let exif = b"\xff\xd8\xff\xe0\0\x04ab\xff\xe1\0\x0aExif\0\0xx\xff\xda";
        assert!(has_exif(exif));
        assert!(!has_exif(b"\xff\xd8\xff\xe0\0\x0cExif\0\0abcd\xff\xda\0\0"));
        assert!(!has_exif(b"\xff\xd8\xff\xe0\0\0\xff\xe0\0\0"));
        assert!(!has_exif(b"\xff\xd8\xff"));
        assert!(!has_exif(b""));
    }
}
