//! The one thing of EXIF that is kept: which way up a picture is.

use image::metadata::Orientation;

const TAG: u16 = 0x0112;
const SHORT: u16 = 3;
const ENTRY: usize = 12;

/// The orientation that a TIFF header and its first directory tell (EXIF 2.32, 4.6.4), 1
/// to 8.
pub(super) fn orientation(tiff: &[u8]) -> Option<u8> {
    let big = match tiff.get(..4)? {
        b"MM\0*" => true,
        b"II*\0" => false,
        _ => return None,
    };
    let short = |at: usize| -> Option<u16> {
        let bytes = tiff.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if big {
            u16::from_be_bytes(bytes)
        } else {
            u16::from_le_bytes(bytes)
        })
    };
    let bytes = tiff.get(4..8)?.try_into().ok()?;
    let first = if big {
        u32::from_be_bytes(bytes)
    } else {
        u32::from_le_bytes(bytes)
    };
    let first = usize::try_from(first).ok()?;
    let entries = usize::from(short(first)?);
    let value = (0..entries).find_map(|index| {
        let at = first.checked_add(2)?.checked_add(index * ENTRY)?;
        (short(at)? == TAG && short(at + 2)? == SHORT).then(|| short(at + 8))?
    })?;
    u8::try_from(value)
        .ok()
        .filter(|value| (1..=8).contains(value))
}

/// EXIF that says this and nothing else.
pub(super) fn only(orientation: u8) -> Vec<u8> {
    let mut tiff = b"MM\0*\0\0\0\x08\0\x01".to_vec();
    tiff.extend(TAG.to_be_bytes());
    tiff.extend(SHORT.to_be_bytes());
    tiff.extend(1_u32.to_be_bytes());
    tiff.extend([0, orientation, 0, 0]);
    tiff.extend([0; 4]);
    tiff
}

/// As the pixels have to be turned; upright where the number means nothing.
pub(super) fn turn(orientation: u8) -> Orientation {
    Orientation::from_exif(orientation).unwrap_or(Orientation::NoTransforms)
}

/// Whether width and height change places.
pub(super) fn lies(orientation: u8) -> bool {
    (5..=8).contains(&orientation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for value in 1..=8 {
            assert_eq!(orientation(&only(value)), Some(value));
        }
        let little = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
        assert_eq!(orientation(little), Some(6));
    }

    #[test]
    fn what_leads_nowhere_says_nothing() {
        let whole = only(6);
        for end in 0..20 {
            assert_eq!(orientation(&whole[..end]), None, "{end}");
        }
        let mut far = whole.clone();
        far[4..8].copy_from_slice(&u32::MAX.to_be_bytes());
        assert_eq!(orientation(&far), None);
        assert_eq!(orientation(&only(9)), None);
    }
}
