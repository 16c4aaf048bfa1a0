//! WebP (RFC 9649), chunk by chunk.

use super::{Bytes, Found, Stripped};
use crate::media::prepare::exif;

/// Flags of `VP8X`.
const XMP: u8 = 0x04;
const EXIF: u8 = 0x08;

pub(super) fn strip(bytes: &[u8]) -> Found<Stripped> {
    let mut input = Bytes::new(bytes);
    if input.take(4)? != b"RIFF" {
        return Err("it has no beginning");
    }
    let length = usize::try_from(input.le32()?).map_err(|_| "it is too long")?;
    // What stands behind the end is left there.
    let mut input = Bytes::new(input.take(length)?);
    if input.take(4)? != b"WEBP" {
        return Err("it has no beginning");
    }
    let (mut kept, mut extended, mut simple) = (Vec::with_capacity(length), None, None);
    let (mut orientation, mut frames) = (None, 0_u32);
    while input.left() > 0 {
        let (name, data) = chunk(&mut input)?;
        match &name {
            b"VP8X" if extended.is_none() => {
                let mut fields = Bytes::new(data);
                let flags = fields.byte()?;
                fields.take(3)?;
                let size = (1 + le24(&mut fields)?, 1 + le24(&mut fields)?);
                extended = Some((kept.len() + 8, flags, size));
                write(&mut kept, &name, data)?;
            }
            b"VP8 " | b"VP8L" => {
                simple = simple.or(Some(size_of_stream(&name, data)?));
                write(&mut kept, &name, data)?;
            }
            b"ANMF" => {
                frames = frames.saturating_add(1);
                write(&mut kept, &name, &frame(data)?)?;
            }
            b"ALPH" | b"ANIM" | b"ICCP" => write(&mut kept, &name, data)?,
            b"EXIF" => {
                let tiff = data.strip_prefix(b"Exif\0\0").unwrap_or(data);
                orientation = orientation.or(exif::orientation(tiff));
            }
            _ => {}
        }
    }
    let orientation = orientation.filter(|_| extended.is_some()).unwrap_or(1);
    let (width, height) = match (extended, simple) {
        (Some((at, flags, (width, height))), _) => {
            let turned = if orientation == 1 { 0 } else { EXIF };
            let plain = (flags & !(XMP | EXIF)) | turned;
            *kept.get_mut(at).ok_or("its head is empty")? = plain;
            (width, height)
        }
        (None, Some(simple)) => simple,
        (None, None) => return Err("it has no pixels"),
    };
    if frames == 0 && simple.is_none() {
        return Err("it has no pixels");
    }
    if orientation != 1 {
        write(&mut kept, b"EXIF", &exif::only(orientation))?;
    }
    let mut bytes = b"RIFF".to_vec();
    let length = u32::try_from(kept.len() + 4).map_err(|_| "it is too long")?;
    bytes.extend(length.to_le_bytes());
    bytes.extend(b"WEBP");
    bytes.append(&mut kept);
    Ok(Stripped {
        bytes,
        width,
        height,
        orientation,
        frames: frames.max(1),
    })
}

fn chunk<'b>(input: &mut Bytes<'b>) -> Found<([u8; 4], &'b [u8])> {
    let name = input.array()?;
    let length = usize::try_from(input.le32()?).map_err(|_| "a chunk is too long")?;
    let data = input.take(length)?;
    // Some writers leave out the last one's padding.
    if length % 2 == 1 && input.left() > 0 {
        input.byte()?;
    }
    Ok((name, data))
}

/// A frame's own chunks, its picture alone.
fn frame(data: &[u8]) -> Found<Vec<u8>> {
    let mut input = Bytes::new(data);
    let mut kept = input.take(16)?.to_vec();
    while input.left() > 0 {
        let (name, data) = chunk(&mut input)?;
        if matches!(&name, b"ALPH" | b"VP8 " | b"VP8L") {
            write(&mut kept, &name, data)?;
        }
    }
    Ok(kept)
}

fn write(to: &mut Vec<u8>, name: &[u8; 4], data: &[u8]) -> Found<()> {
    let length = u32::try_from(data.len()).map_err(|_| "a chunk is too long")?;
    to.extend(name);
    to.extend(length.to_le_bytes());
    to.extend_from_slice(data);
    if data.len() % 2 == 1 {
        to.push(0);
    }
    Ok(())
}

fn le24(input: &mut Bytes<'_>) -> Found<u32> {
    let [a, b, c] = input.array()?;
    Ok(u32::from_le_bytes([a, b, c, 0]))
}

/// Width and height.
fn size_of_stream(name: &[u8; 4], data: &[u8]) -> Found<(u32, u32)> {
    let mut fields = Bytes::new(data);
    if name == b"VP8L" {
        if fields.byte()? != 0x2f {
            return Err("its pixels have no beginning");
        }
        let bits = fields.le32()?;
        let side = |bits: u32| (bits & 0x3fff) + 1;
        return Ok((side(bits), side(bits >> 14)));
    }
    fields.take(3)?;
    if fields.array()? != [0x9d, 0x01, 0x2a] {
        return Err("its pixels have no beginning");
    }
    let (width, height) = (fields.le16()? & 0x3fff, fields.le16()? & 0x3fff);
    Ok((width.into(), height.into()))
}
