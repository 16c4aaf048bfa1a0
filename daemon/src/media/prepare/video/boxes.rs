//! Boxes of ISO/IEC 14496-12 that lie in memory.

/// Boxes of one list.
const MOST: usize = 10_000;

pub(in crate::media::prepare) type Found<T> = Result<T, &'static str>;

/// One box, and where its list has it.
#[derive(Clone, Debug)]
pub(in crate::media::prepare) struct Atom<'b> {
    pub kind: [u8; 4],
    /// Of its first byte.
    pub at: usize,
    /// Bytes before its body: 8 or 16.
    pub header: usize,
    pub body: &'b [u8],
}

impl Atom<'_> {
    pub(in crate::media::prepare) fn end(&self) -> usize {
        self.at + self.header + self.body.len()
    }
}

/// Length of the header, and of the whole; none where it has no end of its own.
pub(super) fn header(bytes: &[u8]) -> Found<(usize, Option<u64>, [u8; 4])> {
    const SHORT: &str = "a box ends too early";
    let word = |at: usize| -> Found<[u8; 4]> {
        let bytes = bytes.get(at..at + 4).ok_or(SHORT)?;
        bytes.try_into().map_err(|_| SHORT)
    };
    let kind = word(4)?;
    let (header, size) = match u32::from_be_bytes(word(0)?) {
        0 => return Ok((8, None, kind)),
        1 => {
            let (high, low) = (u32::from_be_bytes(word(8)?), u32::from_be_bytes(word(12)?));
            (16, u64::from(high) << 32 | u64::from(low))
        }
        size => (8, u64::from(size)),
    };
    if size < header as u64 {
        return Err("a box is shorter than its head");
    }
    Ok((header, Some(size), kind))
}

/// All boxes of a list; the last may reach to the end where the list is a file.
pub(in crate::media::prepare) fn list(bytes: &[u8], file: bool) -> Found<Vec<Atom<'_>>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if found.len() == MOST {
            return Err("it has more boxes than a film needs");
        }
        let rest = &bytes[at..];
        // QuickTime ends some lists with a zero.
        if rest.len() < 8 && rest.iter().all(|byte| *byte == 0) {
            break;
        }
        let (header, size, kind) = header(rest)?;
        let size = match size {
            Some(size) => usize::try_from(size).map_err(|_| "a box is too long")?,
            None if file => rest.len(),
            None => return Err("a box has no length"),
        };
        let body = rest
            .get(header..size)
            .ok_or("a box is longer than what it is in")?;
        found.push(Atom {
            kind,
            at,
            header,
            body,
        });
        at += size;
    }
    Ok(found)
}
