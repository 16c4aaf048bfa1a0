//! Record keys. A delivery's keys follow from the delivery alone, so that every attempt at
//! it, after whatever crash, names the same records.

const ALPHABET: &[u8; 32] = b"234567abcdefghijklmnopqrstuvwxyz";

/// How far a key's time may lie before the delivery's own (microseconds, a power of two):
/// deliveries that were made in the same millisecond are told apart by it, and by the
/// clock identifier: 2^36 places in all.
const SPREAD: u64 = 1 << 26;

/// The timestamp identifier of the part with this number (0 is the post itself) of the
/// delivery with this key, made at `created_at` (milliseconds since 1970). Parts are
/// ordered as they are numbered.
pub fn of_part(key: &str, created_at: u64, part: usize) -> String {
    let hash = fnv1a(key.as_bytes());
    let micros = created_at
        .saturating_mul(1000)
        .saturating_sub(hash % SPREAD)
        .saturating_add(part as u64 * 1000);
    encode(micros, (hash >> 48) & 0x3ff)
}

/// 13 characters: a zero bit, 53 bits of microseconds, 10 bits of clock identifier.
fn encode(micros: u64, clock: u64) -> String {
    let number = (micros & ((1 << 53) - 1)) << 10 | (clock & 0x3ff);
    (0..13)
        .rev()
        .map(|place| ALPHABET[(number >> (place * 5) & 31) as usize] as char)
        .collect()
}

/// FNV-1a with 64 bits, then a mixing step (of SplitMix64): the low bits of FNV alone say
/// little about the last characters.
fn fnv1a(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    for byte in bytes {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const MADE: u64 = 1_795_507_200_000;
    const KEY: &str = "01HX7Y3K9QZ8V6B5N4M3C2X1W0";

    fn is_tid(text: &str) -> bool {
        // As the protocol's syntax has it: the first character leaves the top bit clear.
        text.len() == 13
            && text.bytes().all(|byte| ALPHABET.contains(&byte))
            && b"234567abcdefghij".contains(&text.as_bytes()[0])
    }

    #[test]
    fn known_values() {
        // Zero is the least of all, and all bits set are the most.
        assert_eq!(encode(0, 0), "2222222222222");
        assert_eq!(encode((1 << 53) - 1, 0x3ff), "bzzzzzzzzzzzz");
        // Read back digit by digit.
        let number = 1_704_067_200_000_000u64 << 10;
        let back = encode(1_704_067_200_000_000, 0)
            .bytes()
            .fold(0u64, |sum, byte| {
                sum << 5 | ALPHABET.iter().position(|known| *known == byte).unwrap() as u64
            });
        assert_eq!(back, number);
    }

    #[test]
    fn the_same_delivery_has_the_same_keys_for_ever() {
        assert_eq!(of_part(KEY, MADE, 0), of_part(KEY, MADE, 0));
        // A change of this line doubles posts that are under way during an update.
        assert_eq!(of_part(KEY, MADE, 0), "3n326erncpbwu");
    }

    #[test]
    fn parts_are_in_order_and_not_in_the_future() {
        let keys: Vec<_> = (0..40).map(|part| of_part(KEY, MADE, part)).collect();
        assert!(
            keys.is_sorted() && keys.iter().all(|key| is_tid(key)),
            "{keys:?}"
        );
        assert!(keys[0] <= encode(MADE * 1000, 0x3ff));
        assert!(keys[0] > encode((MADE - 70_000) * 1000, 0));
    }

    #[test]
    fn deliveries_of_one_millisecond_get_keys_of_their_own() {
        let keys: HashSet<_> = (0..5000)
            .map(|number| of_part(&format!("{KEY}{number}"), MADE, 0))
            .collect();
        assert_eq!(keys.len(), 5000);
    }
}
