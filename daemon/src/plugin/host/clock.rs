//! `clock`: the daemon's own.

use super::{State, wit};

impl wit::clock::Host for State {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(self.clock.now().millis())
    }
}
