//! PNG (W3C, third edition), chunk by chunk.

use super::{Bytes, Found, Stripped};
use crate::media::prepare::exif;

const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";

/// Chunks that say what the pixels are and how they look; texts, times, EXIF and all that
/// is nobody's go.
const KEPT: [&[u8; 4]; 18] = [
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB",
    b"cICP", b"mDCV", b"cLLI", b"bKGD", b"pHYs", b"acTL", b"fcTL", b"fdAT",
];

pub(super) fn strip(bytes: &[u8]) -> Found<Stripped> {
    let mut input = Bytes::new(bytes);
    if input.array()? != SIGNATURE {
        return Err("it has no beginning");
    }
    let mut kept = Vec::with_capacity(bytes.len());
    kept.extend(SIGNATURE);
    let (mut head, mut orientation, mut frames) = (None, None, None);
    let mut pixels = false;
    loop {
        let from = input.at;
        let length = input.be32()?;
        let name: [u8; 4] = input.array()?;
        let data = input.take(usize::try_from(length).map_err(|_| "a chunk is too long")?)?;
        let said = input.be32()?;
        let mut crc = flate2::Crc::new();
        crc.update(&name);
        crc.update(data);
        let shows = KEPT.contains(&&name);
        if shows && crc.sum() != said {
            return Err("a checksum is wrong");
        }
        match &name {
            b"IHDR" if head.is_none() => {
                let mut fields = Bytes::new(data);
                head = Some((fields.be32()?, fields.be32()?));
            }
            b"IHDR" => return Err("it begins twice"),
            _ if head.is_none() => return Err("it does not begin with its size"),
            b"eXIf" => orientation = orientation.or(exif::orientation(data)),
            b"acTL" => frames = Some(Bytes::new(data).be32()?),
            b"IDAT" => pixels = true,
            _ => {}
        }
        if shows {
            kept.extend_from_slice(&input.bytes[from..input.at]);
        }
        if &name == b"IEND" {
            break;
        }
    }
    let (width, height) = head.ok_or("it does not tell its size")?;
    if !pixels {
        return Err("it has no pixels");
    }
    Ok(Stripped {
        bytes: kept,
        width,
        height,
        orientation: orientation.unwrap_or(1),
        frames: frames.unwrap_or(1),
    })
}
