//! WebM and Matroska (RFC 8794, RFC 9559).

use super::mp4::Patches;
use super::{Container, Film, Source};
use crate::media::prepare::Trouble;
use crate::model::TimeSpan;

/// Elements that are looked at: clusters of a second make some thousands an hour.
const MOST: usize = 1_000_000;
/// Bytes of a part that is read as a whole.
const LARGEST: u64 = 1 << 20;

const EBML: u32 = 0x1a45_dfa3;
const DOC_TYPE: u32 = 0x4282;
const SEGMENT: u32 = 0x1853_8067;
const INFO: u32 = 0x1549_a966;
const TRACKS: u32 = 0x1654_ae6b;
const CLUSTER: u32 = 0x1f43_b675;
const CUES: u32 = 0x1c53_bb6b;
const SEEK_HEAD: u32 = 0x114d_9b74;
const CHAPTERS: u32 = 0x1043_a770;
const TAGS: u32 = 0x1254_c367;
const ATTACHMENTS: u32 = 0x1941_a469;
const VOID: u32 = 0xec;

/// Parts of a segment; one of them ends a cluster that has no length.
const LEVEL_1: [u32; 8] = [
    INFO,
    TRACKS,
    CLUSTER,
    CUES,
    SEEK_HEAD,
    CHAPTERS,
    TAGS,
    ATTACHMENTS,
];

fn broken(reason: impl Into<String>) -> Trouble {
    Trouble::Broken(format!("no sound film: {}", reason.into()))
}

struct Element {
    id: u32,
    at: u64,
    header: u64,
    /// Of its body; none where it has no end of its own.
    size: Option<u64>,
}

impl Element {
    fn body(&self) -> u64 {
        self.at + self.header
    }
}

/// Number and length of a variable-size integer; its marker stays where it is wanted.
fn number(bytes: &[u8], marked: bool) -> Option<(u64, usize)> {
    let first = *bytes.first()?;
    let length = first.leading_zeros() as usize + 1;
    if length > 8 {
        return None;
    }
    let mut value = u64::from(first);
    if !marked {
        value &= (1 << (8 - length)) - 1;
    }
    for byte in bytes.get(1..length)? {
        value = value << 8 | u64::from(*byte);
    }
    Some((value, length))
}

fn element(source: &dyn Source, at: u64) -> Result<Element, Trouble> {
    let head = source.some(at, 12)?;
    let (id, first) = number(&head, true)
        .filter(|(_, length)| *length <= 4)
        .ok_or_else(|| broken("an element has no name"))?;
    let (size, second) =
        number(&head[first..], false).ok_or_else(|| broken("an element has no length"))?;
    let unknown = size == (1 << (7 * second)) - 1;
    Ok(Element {
        id: u32::try_from(id).map_err(|_| broken("an element has no name"))?,
        at,
        header: (first + second) as u64,
        size: (!unknown).then_some(size),
    })
}

fn end_of(source: &dyn Source, element: &Element) -> Result<u64, Trouble> {
    match element.size {
        Some(size) => element
            .body()
            .checked_add(size)
            .filter(|end| *end <= source.size())
            .ok_or_else(|| broken("it is cut off")),
        None => Ok(source.size()),
    }
}

fn whole(source: &dyn Source, element: &Element) -> Result<Vec<u8>, Trouble> {
    let end = end_of(source, element)?;
    let length = end - element.body();
    if length > LARGEST {
        return Err(broken(format!("a part of its head has {length} bytes")));
    }
    source.some(element.body(), usize::try_from(length).unwrap_or(0))
}

/// Elements that lie in memory.
fn list(mut bytes: &[u8]) -> Result<Vec<(u32, &[u8])>, Trouble> {
    let short = || broken("an element is longer than what it is in");
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let (id, first) = number(bytes, true).ok_or_else(short)?;
        let (size, second) = number(&bytes[first..], false).ok_or_else(short)?;
        let from = first + second;
        let to = usize::try_from(size)
            .ok()
            .and_then(|size| from.checked_add(size));
        let to = to.filter(|to| *to <= bytes.len()).ok_or_else(short)?;
        found.push((u32::try_from(id).unwrap_or(VOID), &bytes[from..to]));
        bytes = &bytes[to..];
    }
    Ok(found)
}

fn whole_number(bytes: &[u8]) -> u64 {
    let bytes = bytes.iter().take(8);
    bytes.fold(0, |value, byte| value << 8 | u64::from(*byte))
}

fn decimal(bytes: &[u8]) -> f64 {
    match *bytes {
        [a, b, c, d] => f32::from_be_bytes([a, b, c, d]).into(),
        [a, b, c, d, e, f, g, h] => f64::from_be_bytes([a, b, c, d, e, f, g, h]),
        _ => 0.0,
    }
}

pub(super) fn probe(source: &dyn Source) -> Result<(Film, Patches), Trouble> {
    let head = element(source, 0)?;
    if head.id != EBML || head.size.is_none() {
        return Err(broken("it has no head"));
    }
    let mut container = Container::Matroska;
    for (id, body) in list(&whole(source, &head)?)? {
        if id == DOC_TYPE && body.strip_suffix(b"\0").unwrap_or(body) == b"webm" {
            container = Container::Webm;
        }
    }
    let mut at = end_of(source, &head)?;
    let segment = loop {
        let next = element(source, at)?;
        if next.id == SEGMENT {
            break next;
        }
        at = end_of(source, &next)?;
    };
    let end = end_of(source, &segment)?;
    let mut patches = Patches::default();
    if end < source.size() {
        patches.cut = Some(end);
    }
    let mut film = Film {
        container,
        video: None,
        audio: None,
        length: None,
        width: 0,
        height: 0,
        rate: None,
        // It is written to be read from its beginning.
        fast_start: true,
    };
    let (mut at, mut count, mut clusters) = (segment.body(), 0, false);
    while at < end {
        count += 1;
        if count > MOST {
            return Err(broken("it has more elements than a film needs"));
        }
        let next = element(source, at)?;
        match next.id {
            INFO => film.length = info(&whole(source, &next)?)?,
            TRACKS => tracks(&whole(source, &next)?, &mut film)?,
            TAGS | ATTACHMENTS => {
                let end = end_of(source, &next)?;
                void(next.at, end - next.at, &mut patches);
            }
            VOID => {
                let end = end_of(source, &next)?;
                patches.zero.push((next.body(), end - next.body()));
            }
            CLUSTER => {
                clusters = true;
                if next.size.is_none() {
                    at = after_cluster(source, next.body(), end, &mut count)?;
                    continue;
                }
            }
            _ => {}
        }
        if next.size.is_none() {
            return Err(broken("a part has no length"));
        }
        at = end_of(source, &next)?;
    }
    if film.video.is_none() {
        return Err(broken("it has no track of pictures"));
    }
    if !clusters {
        return Err(broken("it has no pictures"));
    }
    patches.zero.retain(|(_, length)| *length > 0);
    // Room alone is no reason for a copy.
    if patches.write.is_empty() && patches.cut.is_none() {
        patches.zero.clear();
    }
    Ok((film, patches))
}

/// Where the parts of a cluster without a length end.
fn after_cluster(
    source: &dyn Source,
    mut at: u64,
    end: u64,
    count: &mut usize,
) -> Result<u64, Trouble> {
    while at < end {
        *count += 1;
        if *count > MOST {
            return Err(broken("it has more elements than a film needs"));
        }
        let next = element(source, at)?;
        if LEVEL_1.contains(&next.id) {
            break;
        }
        if next.size.is_none() {
            return Err(broken("a part has no length"));
        }
        at = end_of(source, &next)?;
    }
    Ok(at)
}

/// An element of that many bytes becomes room that nobody reads.
fn void(at: u64, total: u64, patches: &mut Patches) {
    const LONG: u64 = 9;
    let head = if total < LONG {
        // One byte tells up to 126.
        vec![VOID as u8, 0x80 | (total.saturating_sub(2) as u8)]
    } else {
        let size = (total - LONG) | 1 << 56;
        let mut head = vec![VOID as u8];
        head.extend(size.to_be_bytes());
        head
    };
    let length = head.len() as u64;
    patches.write.push((at, head));
    patches
        .zero
        .push((at + length, total.saturating_sub(length)));
}

fn info(bytes: &[u8]) -> Result<Option<TimeSpan>, Trouble> {
    let (mut scale, mut duration) = (1_000_000, 0.0);
    for (id, body) in list(bytes)? {
        match id {
            // Nanoseconds of one unit.
            0x2a_d7b1 => scale = whole_number(body),
            0x4489 => duration = decimal(body),
            _ => {}
        }
    }
    let millis = duration * scale as f64 / 1e6;
    Ok((millis.is_finite() && millis > 0.0).then(|| TimeSpan(millis.round() as u64)))
}

fn tracks(bytes: &[u8], film: &mut Film) -> Result<(), Trouble> {
    for (id, track) in list(bytes)? {
        if id != 0xae {
            continue;
        }
        let (mut kind, mut name, mut sides, mut each) = (0, String::new(), (0, 0), 0);
        for (id, body) in list(track)? {
            match id {
                0x83 => kind = whole_number(body),
                0x86 => name = codec(&String::from_utf8_lossy(body)),
                // Nanoseconds of a picture.
                0x23_e383 => each = whole_number(body),
                0xe0 => sides = picture(body)?,
                _ => {}
            }
        }
        if kind == 1 && film.video.is_none() {
            film.video = Some(name);
            (film.width, film.height) = sides;
            film.rate = (each > 0).then(|| 1e9 / each as f64);
        } else if kind == 2 && film.audio.is_none() {
            film.audio = Some(name);
        }
    }
    Ok(())
}

/// Pixels as they are shown, else as they are kept.
fn picture(bytes: &[u8]) -> Result<(u32, u32), Trouble> {
    let (mut kept, mut shown, mut unit) = ((0, 0), (0, 0), 0);
    for (id, body) in list(bytes)? {
        let side = u32::try_from(whole_number(body)).unwrap_or(0);
        match id {
            0xb0 => kept.0 = side,
            0xba => kept.1 = side,
            0x54b0 => shown.0 = side,
            0x54ba => shown.1 = side,
            0x54b2 => unit = side,
            _ => {}
        }
    }
    Ok(if unit == 0 && shown.0 > 0 && shown.1 > 0 {
        shown
    } else {
        kept
    })
}

fn codec(name: &str) -> String {
    let name = name.trim_end_matches('\0');
    match name {
        "V_VP8" => "vp8",
        "V_VP9" => "vp9",
        "V_AV1" => "av1",
        "V_MPEG4/ISO/AVC" => "h264",
        "V_MPEGH/ISO/HEVC" => "hevc",
        "A_OPUS" => "opus",
        "A_VORBIS" => "vorbis",
        "A_MPEG/L3" => "mp3",
        name if name.starts_with("A_AAC") => "aac",
        name if name.starts_with("A_AC3") || name.starts_with("A_EAC3") => "ac3",
        name if name.starts_with("A_PCM") => "pcm",
        name => name,
    }
    .to_owned()
}
