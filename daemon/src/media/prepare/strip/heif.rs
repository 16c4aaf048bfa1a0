//! HEIC and AVIF (ISO/IEC 23008-12): EXIF and XMP are items, and are overwritten where
//! they lie, so that no offset moves.

use super::{Bytes, Found, Stripped};
use crate::media::prepare::video::boxes::{self, Atom};
use crate::media::prepare::video::mp4;

/// A TIFF without an entry, behind the length that HEIF has before it.
const EMPTY: &[u8] = b"\0\0\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0";

pub(super) fn strip(bytes: &[u8]) -> Found<Stripped> {
    let mut kept = bytes.to_vec();
    let mut meta = None;
    let mut frames = 1;
    for atom in boxes::list(bytes, true)? {
        match &atom.kind {
            b"meta" if meta.is_none() => meta = Some(atom),
            b"ftyp" | b"mdat" => {}
            b"moov" => {
                frames = 2;
                let mut patches = mp4::Patches::default();
                mp4::tidy(&atom, 0, &mut patches)?;
                patches.apply_to(&mut kept);
            }
            // Whatever else there may be shows nothing.
            b"free" | b"skip" | b"uuid" | b"udta" | b"meta" => blank(&mut kept, &atom),
            _ => {}
        }
    }
    let meta = meta.ok_or("it does not tell what is in it")?;
    // A version and flags stand before its boxes.
    let body = meta.body.get(4..).ok_or("its index is empty")?;
    let base = meta.at + meta.header + 4;
    let inner = boxes::list(body, false)?;
    let find = |kind: &[u8; 4]| inner.iter().find(|atom| &atom.kind == kind);
    let within = find(b"idat").map(|atom| base + atom.at + atom.header);
    let secret = match find(b"iinf") {
        Some(atom) => items(atom)?,
        None => Vec::new(),
    };
    if !secret.is_empty() {
        let place = find(b"iloc").ok_or("its metadata can't be found")?;
        for (item, at, length) in extents(place, within)? {
            let Some((_, is_exif)) = secret.iter().find(|(id, _)| *id == item) else {
                continue;
            };
            let end = at.checked_add(length).ok_or("an item is too long")?;
            let part = kept.get_mut(at..end).ok_or("an item lies outside of it")?;
            part.fill(if *is_exif { 0 } else { b' ' });
            if *is_exif && part.len() >= EMPTY.len() {
                part[..EMPTY.len()].copy_from_slice(EMPTY);
            }
        }
    }
    for atom in inner
        .iter()
        .filter(|atom| matches!(&atom.kind, b"udta" | b"uuid" | b"free"))
    {
        let (from, to) = (base + atom.at + atom.header, base + atom.end());
        if let Some(part) = kept.get_mut(from..to) {
            part.fill(0);
        }
    }
    let (width, height) = find(b"iprp").map_or(Ok((0, 0)), sides)?;
    Ok(Stripped {
        bytes: kept,
        width,
        height,
        orientation: 1,
        frames,
    })
}

fn blank(bytes: &mut [u8], atom: &Atom<'_>) {
    if let Some(kind) = bytes.get_mut(atom.at + 4..atom.at + 8) {
        kind.copy_from_slice(b"free");
    }
    if let Some(part) = bytes.get_mut(atom.at + atom.header..atom.end()) {
        part.fill(0);
    }
}

/// The items that are metadata, and whether they are EXIF.
fn items(iinf: &Atom<'_>) -> Found<Vec<(u32, bool)>> {
    let mut fields = Bytes::new(iinf.body);
    let version = fields.byte()?;
    fields.take(3)?;
    fields.take(if version == 0 { 2 } else { 4 })?;
    let mut found = Vec::new();
    for entry in boxes::list(&iinf.body[fields.at..], false)? {
        let mut fields = Bytes::new(entry.body);
        let version = fields.byte()?;
        fields.take(3)?;
        let id = match version {
            2 => fields.be16()?.into(),
            3 => fields.be32()?,
            _ => continue,
        };
        fields.take(2)?;
        match fields.take(4)? {
            b"Exif" => found.push((id, true)),
            b"mime" | b"uri " => found.push((id, false)),
            _ => {}
        }
    }
    Ok(found)
}

/// Item, offset in the file, bytes.
fn extents(iloc: &Atom<'_>, within: Option<usize>) -> Found<Vec<(u32, usize, usize)>> {
    let mut fields = Bytes::new(iloc.body);
    let version = fields.byte()?;
    fields.take(3)?;
    let (sizes, more) = (fields.byte()?, fields.byte()?);
    let number = |fields: &mut Bytes<'_>, size: u8| -> Found<usize> {
        let value: u64 = match size {
            0 => 0,
            4 => fields.be32()?.into(),
            8 => u64::from_be_bytes(fields.array()?),
            _ => return Err("its index has numbers of no size that there is"),
        };
        usize::try_from(value).map_err(|_| "an item is too long")
    };
    let count = if version < 2 {
        fields.be16()?.into()
    } else {
        fields.be32()?
    };
    let mut found = Vec::new();
    for _ in 0..count {
        let item = if version < 2 {
            fields.be16()?.into()
        } else {
            fields.be32()?
        };
        let method = if version > 0 { fields.be16()? & 15 } else { 0 };
        fields.take(2)?;
        let base = number(&mut fields, more >> 4)?;
        let start = match (method, within) {
            (0, _) => 0,
            (1, Some(within)) => within,
            // Made of other items: what they are made of is found by itself.
            _ => usize::MAX,
        };
        for _ in 0..fields.be16()? {
            if version > 0 {
                number(&mut fields, more & 15)?;
            }
            let offset = number(&mut fields, sizes >> 4)?;
            let length = number(&mut fields, sizes & 15)?;
            let at = [base, offset]
                .iter()
                .try_fold(start, |sum, one| sum.checked_add(*one));
            if let Some(at) = at.filter(|_| start != usize::MAX) {
                found.push((item, at, length));
            }
        }
    }
    Ok(found)
}

/// The largest picture's, as it is seen.
fn sides(iprp: &Atom<'_>) -> Found<(u32, u32)> {
    let (mut largest, mut lies) = ((0, 0), false);
    for container in boxes::list(iprp.body, false)? {
        if &container.kind != b"ipco" {
            continue;
        }
        for property in boxes::list(container.body, false)? {
            let mut fields = Bytes::new(property.body);
            match &property.kind {
                b"ispe" => {
                    fields.take(4)?;
                    let (width, height) = (fields.be32()?, fields.be32()?);
                    let area = |(width, height): (u32, u32)| u64::from(width) * u64::from(height);
                    if area((width, height)) > area(largest) {
                        largest = (width, height);
                    }
                }
                // Quarters of a turn.
                b"irot" => lies |= fields.byte()? & 1 == 1,
                _ => {}
            }
        }
    }
    let (width, height) = largest;
    Ok(if lies {
        (height, width)
    } else {
        (width, height)
    })
}
