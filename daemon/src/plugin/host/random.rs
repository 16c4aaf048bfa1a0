//! `random`: the system's.

use super::{State, wit};

/// Bytes in one call.
const MOST: u32 = 4096;

impl wit::random::Host for State {
    fn bytes(&mut self, count: u32) -> wasmtime::Result<Vec<u8>> {
        wasmtime::ensure!(
            count <= MOST,
            "random.bytes gives at most {MOST} bytes at once, {count} were asked for"
        );
        let mut bytes = vec![0; count as usize];
        getrandom::fill(&mut bytes)?;
        Ok(bytes)
    }
}
