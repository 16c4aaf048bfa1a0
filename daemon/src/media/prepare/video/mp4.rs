//! MP4 and QuickTime (ISO/IEC 14496-12, QuickTime File Format).

use super::boxes::{self, Atom, Found};
use super::{Container, Film, Source};
use crate::media::prepare::Trouble;
use crate::model::TimeSpan;

/// Boxes at the top of a file: fragments of a second make some thousands an hour.
const MOST_BOXES: usize = 100_000;
/// Bytes of a film's index.
const LARGEST_INDEX: u64 = 64 << 20;
/// Pieces of a track of metadata that are overwritten.
const MOST_CHUNKS: usize = 1_000_000;

pub(super) const BEGINNINGS: [&[u8; 4]; 6] = [b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"];

/// Google's "Spherical Video V1", which says that a film is one all round.
const SPHERICAL: [u8; 16] = [
    0xff, 0xcc, 0x82, 0x63, 0xf8, 0x55, 0x4a, 0x93, 0x88, 0x14, 0x58, 0x7a, 0x02, 0x52, 0x1f, 0xdd,
];

/// What is written over a copy, so that nothing in it moves.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::media::prepare) struct Patches {
    pub write: Vec<(u64, Vec<u8>)>,
    /// From, bytes.
    pub zero: Vec<(u64, u64)>,
    /// The file ends here.
    pub cut: Option<u64>,
}

impl Patches {
    pub(in crate::media::prepare) fn is_empty(&self) -> bool {
        self.write.is_empty() && self.zero.is_empty() && self.cut.is_none()
    }

    /// A box becomes room that nobody reads.
    fn free(&mut self, at: u64, header: u64, size: u64) {
        self.write.push((at + 4, b"free".to_vec()));
        self.zero.push((at + header, size.saturating_sub(header)));
    }

    pub(in crate::media::prepare) fn apply_to(&self, bytes: &mut [u8]) {
        let range = |at: u64, length: u64| {
            let from = usize::try_from(at).ok()?;
            Some(from..from.checked_add(usize::try_from(length).ok()?)?)
        };
        for (at, length) in &self.zero {
            if let Some(part) = range(*at, *length).and_then(|range| bytes.get_mut(range)) {
                part.fill(0);
            }
        }
        for (at, new) in &self.write {
            let part = range(*at, new.len() as u64).and_then(|range| bytes.get_mut(range));
            if let Some(part) = part {
                part.copy_from_slice(new);
            }
        }
    }
}

fn broken(reason: impl Into<String>) -> Trouble {
    Trouble::Broken(format!("no sound film: {}", reason.into()))
}

pub(super) fn probe(source: &dyn Source) -> Result<(Film, Patches), Trouble> {
    let mut patches = Patches::default();
    let mut container = Container::Mov;
    let (mut index, mut pictures) = (None, None);
    let (mut at, mut count) = (0, 0);
    while at < source.size() {
        count += 1;
        if count > MOST_BOXES {
            return Err(broken("it has more boxes than a film needs"));
        }
        let whole = index.is_some() && pictures.is_some();
        let left = source.size() - at;
        let head = source.some(at, 16)?;
        let (header, size, kind) = match boxes::header(&head) {
            Ok((header, size, kind)) if size.unwrap_or(left) <= left => {
                (header as u64, size.unwrap_or(left), kind)
            }
            // Some cameras write notes of their own behind the end.
            _ if whole => {
                patches.cut = Some(at);
                break;
            }
            Ok(_) => return Err(broken("it is cut off")),
            Err(reason) => return Err(broken(reason)),
        };
        match &kind {
            b"ftyp" => {
                let brand = source.some(at + header, 4)?;
                if brand != b"qt  " {
                    container = Container::Mp4;
                }
            }
            b"moov" if index.is_none() => {
                if size > LARGEST_INDEX {
                    return Err(broken(format!("its index has {size} bytes")));
                }
                let length = usize::try_from(size - header).map_err(|_| broken("too long"))?;
                index = Some((at, header, source.some(at + header, length)?));
            }
            b"moov" => patches.free(at, header, size),
            b"mdat" | b"moof" => pictures = pictures.or(Some(at)),
            b"meta" | b"uuid" | b"udta" => patches.free(at, header, size),
            // Where something was, it may still be.
            b"free" | b"skip" if !is_blank(source, at + header, size - header)? => {
                patches.zero.push((at + header, size - header));
            }
            _ => {}
        }
        at += size;
    }
    let (start, header, body) = index.ok_or_else(|| broken("it has no index (`moov`)"))?;
    let pictures = pictures.ok_or_else(|| broken("it has no pictures (`mdat`)"))?;
    let moov = Atom {
        kind: *b"moov",
        at: 0,
        header: usize::try_from(header).unwrap_or(8),
        body: &body,
    };
    tidy(&moov, start, &mut patches).map_err(broken)?;
    let mut film = film(&moov, container).map_err(broken)?;
    film.fast_start = start < pictures;
    patches.zero.retain(|(_, length)| *length > 0);
    Ok((film, patches))
}

fn is_blank(source: &dyn Source, mut at: u64, length: u64) -> Result<bool, Trouble> {
    const STEP: usize = 1 << 16;
    let end = at + length;
    while at < end {
        let most = usize::try_from(end - at).map_or(STEP, |left| left.min(STEP));
        let bytes = source.some(at, most)?;
        if bytes.is_empty() {
            break;
        }
        if bytes.iter().any(|byte| *byte != 0) {
            return Ok(false);
        }
        at += bytes.len() as u64;
    }
    Ok(true)
}

/// Frees what an index says of places and devices, and the tracks that do so. The index
/// stands at `start` in its file.
pub(in crate::media::prepare) fn tidy(
    moov: &Atom<'_>,
    start: u64,
    patches: &mut Patches,
) -> Found<()> {
    let fragments = boxes::list(moov.body, false)?
        .iter()
        .any(|atom| &atom.kind == b"mvex");
    within(moov, start, fragments, 0, patches)
}

fn within(
    parent: &Atom<'_>,
    start: u64,
    fragments: bool,
    depth: u8,
    patches: &mut Patches,
) -> Found<()> {
    let base = start + (parent.at + parent.header) as u64;
    for atom in boxes::list(parent.body, false)? {
        let (at, header) = (base + atom.at as u64, atom.header as u64);
        let size = (atom.end() - atom.at) as u64;
        match &atom.kind {
            b"uuid" if atom.body.starts_with(&SPHERICAL) => {}
            b"udta" | b"meta" | b"uuid" => patches.free(at, header, size),
            b"free" | b"skip" if atom.body.iter().any(|byte| *byte != 0) => {
                patches.zero.push((at + header, size - header));
            }
            b"trak" if is_metadata(&atom)? => {
                if fragments {
                    return Err("its metadata lies in fragments, and can't be taken out");
                }
                chunks(&atom, patches)?;
                patches.free(at, header, size);
            }
            b"trak" | b"mdia" | b"minf" if depth < 4 => {
                within(&atom, base, fragments, depth + 1, patches)?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn child<'b>(parent: &Atom<'b>, path: &[&[u8; 4]]) -> Found<Option<Atom<'b>>> {
    let mut atom = parent.clone();
    for kind in path {
        let found = boxes::list(atom.body, false)?;
        match found.into_iter().find(|one| &one.kind == *kind) {
            Some(next) => atom = next,
            None => return Ok(None),
        }
    }
    Ok(Some(atom))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_be_bytes(bytes.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    let (high, low) = (u32_at(bytes, at)?, u32_at(bytes, at.checked_add(4)?)?);
    Some(u64::from(high) << 32 | u64::from(low))
}

fn handler(trak: &Atom<'_>) -> Found<Option<[u8; 4]>> {
    let hdlr = child(trak, &[b"mdia", b"hdlr"])?;
    Ok(hdlr.and_then(|hdlr| hdlr.body.get(8..12)?.try_into().ok()))
}

/// Its first sample entry's kind and body.
fn entry<'b>(trak: &Atom<'b>) -> Found<Option<Atom<'b>>> {
    let stsd = child(trak, &[b"mdia", b"minf", b"stbl", b"stsd"])?;
    let Some(entries) = stsd.and_then(|stsd| stsd.body.get(8..)) else {
        return Ok(None);
    };
    Ok(boxes::list(entries, false)?.into_iter().next())
}

/// Positions, movements, the camera's notes: GoPro's `gpmd`, Google's `camm`, Apple's
/// `mebx`, Sony's `rtmd` and their like.
fn is_metadata(trak: &Atom<'_>) -> Found<bool> {
    if handler(trak)? == Some(*b"meta") {
        return Ok(true);
    }
    let notes: [&[u8; 4]; 6] = [b"gpmd", b"camm", b"mebx", b"rtmd", b"mett", b"fdsc"];
    Ok(entry(trak)?.is_some_and(|entry| notes.contains(&&entry.kind)))
}

/// Overwrites the samples of a track (14496-12, 8.7).
fn chunks(trak: &Atom<'_>, patches: &mut Patches) -> Found<()> {
    const SHORT: &str = "its index of metadata is too short";
    let Some(stbl) = child(trak, &[b"mdia", b"minf", b"stbl"])? else {
        return Ok(());
    };
    let body = |kind| Ok::<_, &str>(child(&stbl, &[kind])?.map(|atom| atom.body));
    let (Some(sizes), Some(runs)) = (body(b"stsz")?, body(b"stsc")?) else {
        return Ok(());
    };
    let (offsets, wide) = match (body(b"stco")?, body(b"co64")?) {
        (Some(offsets), _) => (offsets, false),
        (None, Some(offsets)) => (offsets, true),
        (None, None) => return Ok(()),
    };
    let count = u32_at(offsets, 4).ok_or(SHORT)? as usize;
    if count > MOST_CHUNKS {
        return Err("its index of metadata is too long");
    }
    let same = u64::from(u32_at(sizes, 4).ok_or(SHORT)?);
    let samples = u32_at(sizes, 8).ok_or(SHORT)? as usize;
    let entries = u32_at(runs, 4).ok_or(SHORT)? as usize;
    let (mut sample, mut run) = (0_usize, 0_usize);
    for chunk in 0..count {
        let at = if wide {
            u64_at(offsets, 8 + chunk * 8)
        } else {
            u32_at(offsets, 8 + chunk * 4).map(u64::from)
        };
        let at = at.ok_or(SHORT)?;
        // The next run begins with this chunk, counted from 1.
        while run + 1 < entries
            && u32_at(runs, 8 + (run + 1) * 12).ok_or(SHORT)? as usize <= chunk + 1
        {
            run += 1;
        }
        let each = u32_at(runs, 12 + run * 12).ok_or(SHORT)? as usize;
        let last = sample.saturating_add(each).min(samples);
        let mut length = 0_u64;
        if same > 0 {
            length = same.saturating_mul((last - sample) as u64);
        } else {
            for index in sample..last {
                length += u64::from(u32_at(sizes, 12 + index * 4).ok_or(SHORT)?);
            }
        }
        sample = last;
        patches.zero.push((at, length));
    }
    Ok(())
}

/// Time scale and duration of `mvhd` and `mdhd`, which begin alike.
fn times(body: &[u8]) -> Option<(u32, u64)> {
    Some(match body.first()? {
        1 => (u32_at(body, 20)?, u64_at(body, 24)?),
        _ => (u32_at(body, 12)?, u32_at(body, 16)?.into()),
    })
}

fn film(moov: &Atom<'_>, container: Container) -> Found<Film> {
    let head = child(moov, &[b"mvhd"])?.ok_or("its index has no head (`mvhd`)")?;
    let (scale, mut duration) = times(head.body).ok_or("its index has a head too short")?;
    if duration == 0
        && let Some(mehd) = child(moov, &[b"mvex", b"mehd"])?
    {
        duration = match mehd.body.first() {
            Some(1) => u64_at(mehd.body, 4),
            _ => u32_at(mehd.body, 4).map(u64::from),
        }
        .unwrap_or(0);
    }
    let mut film = Film {
        container,
        video: None,
        audio: None,
        length: span(duration, scale),
        width: 0,
        height: 0,
        rate: None,
        fast_start: false,
    };
    for trak in boxes::list(moov.body, false)? {
        if &trak.kind != b"trak" {
            continue;
        }
        let kind = handler(&trak)?;
        let Some(entry) = entry(&trak)? else { continue };
        if kind == Some(*b"vide") && film.video.is_none() {
            film.video = Some(codec(&entry.kind));
            (film.width, film.height) = sides(&trak, &entry)?;
            film.rate = rate(&trak)?;
        } else if kind == Some(*b"soun") && film.audio.is_none() {
            film.audio = Some(codec(&entry.kind));
        }
    }
    if film.video.is_none() {
        return Err("it has no track of pictures");
    }
    Ok(film)
}

fn span(duration: u64, scale: u32) -> Option<TimeSpan> {
    let millis = u128::from(duration) * 1000 / u128::from(scale).max(1);
    // All ones stand for a duration that is not known.
    let unknown = duration == 0 || duration == u64::MAX || duration == u64::from(u32::MAX);
    (scale > 0 && !unknown).then(|| TimeSpan(u64::try_from(millis).unwrap_or(u64::MAX)))
}

fn sides(trak: &Atom<'_>, entry: &Atom<'_>) -> Found<(u32, u32)> {
    let half = |at: usize| -> Option<u32> {
        let bytes = entry.body.get(at..at + 2)?;
        Some(u16::from_be_bytes(bytes.try_into().ok()?).into())
    };
    let coded = half(24).zip(half(26)).unwrap_or((0, 0));
    let Some(tkhd) = child(trak, &[b"tkhd"])? else {
        return Ok(coded);
    };
    let matrix = if tkhd.body.first() == Some(&1) {
        52
    } else {
        40
    };
    let number = |at: usize| u32_at(tkhd.body, matrix + at);
    let seen = number(36).zip(number(40)).unwrap_or((0, 0));
    let (width, height) = match (seen.0 >> 16, seen.1 >> 16) {
        (0, _) | (_, 0) => coded,
        seen => seen,
    };
    // On its side, where x comes from y alone.
    let lies = number(0) == Some(0) && number(16) == Some(0);
    Ok(if lies {
        (height, width)
    } else {
        (width, height)
    })
}

fn rate(trak: &Atom<'_>) -> Found<Option<f64>> {
    let (Some(mdhd), Some(stts)) = (
        child(trak, &[b"mdia", b"mdhd"])?,
        child(trak, &[b"mdia", b"minf", b"stbl", b"stts"])?,
    ) else {
        return Ok(None);
    };
    let Some((scale, duration)) = times(mdhd.body) else {
        return Ok(None);
    };
    let entries = stts.body.get(8..).unwrap_or_default().chunks_exact(8);
    let pictures: u64 = entries
        .filter_map(|entry| u32_at(entry, 0))
        .map(u64::from)
        .sum();
    let seconds = duration as f64 / f64::from(scale.max(1));
    Ok((pictures > 1 && seconds > 0.0).then(|| pictures as f64 / seconds))
}

fn codec(kind: &[u8; 4]) -> String {
    match kind {
        b"avc1" | b"avc2" | b"avc3" => "h264",
        b"hvc1" | b"hev1" | b"dvh1" | b"dvhe" => "hevc",
        b"av01" => "av1",
        b"vp08" => "vp8",
        b"vp09" => "vp9",
        b"mp4a" => "aac",
        b".mp3" => "mp3",
        b"Opus" => "opus",
        b"ac-3" | b"ec-3" => "ac3",
        b"lpcm" | b"sowt" | b"twos" | b"in24" | b"ipcm" => "pcm",
        other => return String::from_utf8_lossy(other).trim().to_owned(),
    }
    .to_owned()
}
