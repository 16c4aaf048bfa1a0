//! Random numbers that can be had again.

use std::time::{SystemTime, UNIX_EPOCH};

/// SplitMix64.
pub struct Chance(u64);

impl Chance {
    /// By `JARCHI_TEST_SEED`, or another one each time.
    pub fn from_environment() -> Self {
        let seed = match std::env::var("JARCHI_TEST_SEED") {
            Ok(text) => text.parse().expect("JARCHI_TEST_SEED is a number"),
            Err(_) => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| since.as_nanos() as u64),
        };
        println!("JARCHI_TEST_SEED={seed}");
        Chance(seed)
    }

    pub fn seeded(seed: u64) -> Self {
        Chance(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// 0 up to `bound`, without it.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }
}
