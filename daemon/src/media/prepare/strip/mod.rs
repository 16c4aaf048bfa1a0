//! Takes out of a picture what says where and with what it was made: EXIF, XMP, IPTC,
//! comments, previews, and whatever stands behind its end. The pixels' bytes, the colour
//! profile and the orientation stay.

mod gif;
mod heif;
mod jpeg;
mod png;
mod webp;

use super::Trouble;
use super::exif;

/// Formats that are told apart by their first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Jpeg,
    Png,
    Webp,
    Gif,
    Heic,
    Avif,
}

impl Format {
    pub(super) fn of(mime: &str) -> Option<Self> {
        Some(match mime {
            "image/jpeg" => Format::Jpeg,
            "image/png" => Format::Png,
            "image/webp" => Format::Webp,
            "image/gif" => Format::Gif,
            "image/heic" | "image/heif" => Format::Heic,
            "image/avif" => Format::Avif,
            _ => return None,
        })
    }

    /// As a manifest names it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Format::Jpeg => "jpeg",
            Format::Png => "png",
            Format::Webp => "webp",
            Format::Gif => "gif",
            Format::Heic => "heic",
            Format::Avif => "avif",
        }
    }

    /// As people write it.
    pub(super) fn words(self) -> &'static str {
        match self {
            Format::Jpeg => "JPEG",
            Format::Png => "PNG",
            Format::Webp => "WebP",
            Format::Gif => "GIF",
            Format::Heic => "HEIC",
            Format::Avif => "AVIF",
        }
    }

    pub(super) fn mime(self) -> &'static str {
        match self {
            Format::Jpeg => "image/jpeg",
            Format::Png => "image/png",
            Format::Webp => "image/webp",
            Format::Gif => "image/gif",
            Format::Heic => "image/heic",
            Format::Avif => "image/avif",
        }
    }

    pub(super) fn ending(self) -> &'static str {
        match self {
            Format::Jpeg => "jpg",
            other => other.name(),
        }
    }
}

/// A picture without what it should not tell.
pub(super) struct Stripped {
    pub bytes: Vec<u8>,
    /// Pixels, as they lie in the file.
    pub width: u32,
    pub height: u32,
    /// EXIF's number: 1 is upright.
    pub orientation: u8,
    pub frames: u32,
}

impl Stripped {
    /// Pixels, as it is seen.
    pub(super) fn seen(&self) -> (u32, u32) {
        if exif::lies(self.orientation) {
            (self.height, self.width)
        } else {
            (self.width, self.height)
        }
    }
}

/// # Errors
/// It is not a whole picture of that format.
pub(super) fn strip(format: Format, bytes: &[u8]) -> Result<Stripped, Trouble> {
    let stripped = match format {
        Format::Jpeg => jpeg::strip(bytes),
        Format::Png => png::strip(bytes),
        Format::Webp => webp::strip(bytes),
        Format::Gif => gif::strip(bytes),
        Format::Heic | Format::Avif => heif::strip(bytes),
    };
    let stripped = stripped
        .map_err(|reason| Trouble::Broken(format!("no sound {}: {reason}", format.words())))?;
    if stripped.width == 0 || stripped.height == 0 {
        return Err(Trouble::Broken(format!(
            "no sound {}: it has no pixels",
            format.words()
        )));
    }
    Ok(stripped)
}

type Found<T> = Result<T, &'static str>;

const SHORT: &str = "it ends too early";

/// Bytes that are read in order.
struct Bytes<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Bytes<'b> {
    fn new(bytes: &'b [u8]) -> Self {
        Bytes { bytes, at: 0 }
    }

    fn take(&mut self, count: usize) -> Found<&'b [u8]> {
        let end = self.at.checked_add(count).ok_or(SHORT)?;
        let taken = self.bytes.get(self.at..end).ok_or(SHORT)?;
        self.at = end;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Found<[u8; N]> {
        self.take(N)?.try_into().map_err(|_| SHORT)
    }

    fn byte(&mut self) -> Found<u8> {
        Ok(self.array::<1>()?[0])
    }

    fn be16(&mut self) -> Found<u16> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    fn be32(&mut self) -> Found<u32> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    fn le16(&mut self) -> Found<u16> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    fn le32(&mut self) -> Found<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn left(&self) -> usize {
        self.bytes.len() - self.at
    }
}
