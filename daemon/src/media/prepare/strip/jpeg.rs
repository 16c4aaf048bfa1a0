//! JPEG (ITU-T T.81, annex B), segment by segment.

use super::{Bytes, Found, SHORT, Stripped};
use crate::media::prepare::exif;

/// Scans of one picture: encoders write some ten, and each is work for every decoder.
const MOST_SCANS: u32 = 200;

const SOI: u8 = 0xd8;
const EOI: u8 = 0xd9;
const SOS: u8 = 0xda;
const JFIF: &[u8] = b"JFIF\0";
const ICC: &[u8] = b"ICC_PROFILE\0";
const ADOBE: &[u8] = b"Adobe";
const EXIF: &[u8] = b"Exif\0\0";

pub(super) fn strip(bytes: &[u8]) -> Found<Stripped> {
    let mut input = Bytes::new(bytes);
    if input.array()? != [0xff, SOI] {
        return Err("it has no beginning");
    }
    let mut head = vec![0xff, SOI];
    let mut rest = Vec::with_capacity(bytes.len());
    let (mut size, mut orientation, mut scans) = (None, None, 0);
    loop {
        let marker = marker(&mut input)?;
        match marker {
            EOI => break,
            // Without a length: restarts that stray, and TEM.
            0x01 | 0xd0..=0xd7 => continue,
            0x00 | SOI => return Err("a marker stands where none can"),
            _ => {}
        }
        let length = usize::from(input.be16()?);
        let data = input.take(length.checked_sub(2).ok_or("a segment has no length")?)?;
        match marker {
            // JFIF, without a preview.
            0xe0 if data.starts_with(JFIF) && data.len() >= 14 => {
                let mut plain = data[..12].to_vec();
                plain.extend([0, 0]);
                segment(&mut head, marker, &plain)?;
            }
            0xe1 if data.starts_with(EXIF) => {
                orientation = orientation.or(exif::orientation(&data[EXIF.len()..]));
            }
            // The colour profile; how the colours are written.
            0xe2 if data.starts_with(ICC) => segment(&mut rest, marker, data)?,
            0xee if data.starts_with(ADOBE) => segment(&mut rest, marker, data)?,
            0xe0..=0xef | 0xfe => {}
            SOS => {
                scans += 1;
                if size.is_none() {
                    return Err("its size is not told before its pixels");
                }
                if scans > MOST_SCANS {
                    return Err("it has far more scans than a picture needs");
                }
                segment(&mut rest, marker, data)?;
                rest.extend_from_slice(entropy(&mut input)?);
            }
            _ => {
                // A start of a frame; C4, C8 and CC are tables.
                if (0xc0..=0xcf).contains(&marker) && !matches!(marker, 0xc4 | 0xc8 | 0xcc) {
                    let mut frame = Bytes::new(data);
                    frame.byte()?;
                    let (height, width) = (frame.be16()?, frame.be16()?);
                    if size.replace((width, height)).is_some() {
                        return Err("it tells its size twice");
                    }
                }
                segment(&mut rest, marker, data)?;
            }
        }
    }
    let (width, height) = size.ok_or("it does not tell its size")?;
    if scans == 0 {
        return Err("it has no pixels");
    }
    let orientation = orientation.unwrap_or(1);
    if orientation != 1 {
        let mut data = EXIF.to_vec();
        data.extend(exif::only(orientation));
        segment(&mut head, 0xe1, &data)?;
    }
    head.append(&mut rest);
    head.extend([0xff, EOI]);
    Ok(Stripped {
        bytes: head,
        width: width.into(),
        height: height.into(),
        orientation,
        frames: 1,
    })
}

/// The next marker; any number of FF may stand before it.
fn marker(input: &mut Bytes<'_>) -> Found<u8> {
    if input.byte()? != 0xff {
        return Err("a segment does not begin where it should");
    }
    loop {
        match input.byte()? {
            0xff => {}
            marker => return Ok(marker),
        }
    }
}

/// What follows the head of a scan, up to the next marker.
fn entropy<'b>(input: &mut Bytes<'b>) -> Found<&'b [u8]> {
    let from = input.at;
    loop {
        let ahead = input.bytes.get(input.at..).ok_or(SHORT)?;
        let next = memchr::memchr(0xff, ahead).ok_or(SHORT)?;
        input.at += next;
        match input.bytes.get(input.at + 1).ok_or(SHORT)? {
            0x00 | 0xd0..=0xd7 => input.at += 2,
            0xff => input.at += 1,
            _ => return Ok(&input.bytes[from..input.at]),
        }
    }
}

fn segment(to: &mut Vec<u8>, marker: u8, data: &[u8]) -> Found<()> {
    let length = u16::try_from(data.len() + 2).map_err(|_| "a segment is too long")?;
    to.extend([0xff, marker]);
    to.extend(length.to_be_bytes());
    to.extend_from_slice(data);
    Ok(())
}
