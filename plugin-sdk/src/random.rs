//! Random bytes, good enough for keys.

/// Random bytes.
///
/// # Panics
/// When `count` is more than 4096.
pub fn bytes(count: u32) -> Vec<u8> {
    assert!(
        count <= 4096,
        "at most 4096 random bytes a call, not {count}"
    );
    crate::host::random_bytes(count)
}

/// A random number.
pub fn number() -> u64 {
    bytes(8)
        .iter()
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}
