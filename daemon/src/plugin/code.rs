//! A plugin's compiled code, as long as somebody calls it.
//!
//! What was not called for a while lets go of its code: dozens of plugins that publish now
//! and then take the memory of those that are at work. The next call maps the file again,
//! which takes some milliseconds.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Mutex as Turn;
use wasmtime::component::{Component, InstancePre};

use super::bindings::exports::jarchi::plugin as exports;
use super::cache::Kept;
use super::component::Capability;
use super::host::State;

/// Uncalled for so long, the code is let go of.
pub(super) const REST: Duration = Duration::from_secs(60);

/// Code that can be instantiated.
pub(super) struct Ready {
    pub(super) pre: InstancePre<State>,
    pub(super) indices: Indices,
}

impl Ready {
    pub(super) fn new(
        linker: &wasmtime::component::Linker<State>,
        component: &Component,
        has: &BTreeSet<Capability>,
    ) -> wasmtime::Result<Self> {
        let pre = linker.instantiate_pre(component)?;
        let indices = Indices::new(&pre, has)?;
        Ok(Ready { pre, indices })
    }
}

/// Where the exported functions are, looked up once.
pub(super) struct Indices {
    pub(super) publisher: Option<exports::publisher::GuestIndices>,
    pub(super) connection: Option<exports::connection::GuestIndices>,
    pub(super) analytics: Option<exports::analytics::GuestIndices>,
    pub(super) inbox: Option<exports::inbox::GuestIndices>,
    pub(super) promoter: Option<exports::promoter::GuestIndices>,
    pub(super) generator: Option<exports::generator::GuestIndices>,
}

impl Indices {
    fn new(pre: &InstancePre<State>, has: &BTreeSet<Capability>) -> wasmtime::Result<Self> {
        macro_rules! indices {
            ($capability:ident, $module:ident) => {
                if has.contains(&Capability::$capability) {
                    Some(exports::$module::GuestIndices::new(pre)?)
                } else {
                    None
                }
            };
        }
        Ok(Indices {
            publisher: indices!(Publisher, publisher),
            connection: indices!(Connection, connection),
            analytics: indices!(Analytics, analytics),
            inbox: indices!(Inbox, inbox),
            promoter: indices!(Promoter, promoter),
            generator: indices!(Generator, generator),
        })
    }
}

/// The code, in memory or at rest.
pub(super) struct Code {
    place: Mutex<Place>,
    /// Held by the one who brings it back.
    pub(super) turn: Turn<()>,
}

struct Place {
    ready: Option<Arc<Ready>>,
    /// None: it is not kept on disk, and stays in memory.
    kept: Option<Kept>,
    used: Instant,
}

impl Code {
    pub(super) fn new(ready: Ready, kept: Option<Kept>) -> Self {
        Code {
            place: Mutex::new(Place {
                ready: Some(Arc::new(ready)),
                kept,
                used: Instant::now(),
            }),
            turn: Turn::new(()),
        }
    }

    /// The code, where it is in memory.
    pub(super) fn awake(&self) -> Option<Arc<Ready>> {
        let mut place = self.lock();
        place.used = Instant::now();
        place.ready.clone()
    }

    pub(super) fn is_awake(&self) -> bool {
        self.lock().ready.is_some()
    }

    /// Where it can be had from again.
    pub(super) fn kept(&self) -> Option<Kept> {
        self.lock().kept.clone()
    }

    pub(super) fn wake(&self, ready: Ready, kept: Option<Kept>) -> Arc<Ready> {
        let ready = Arc::new(ready);
        let mut place = self.lock();
        place.used = Instant::now();
        place.ready = Some(ready.clone());
        place.kept = kept;
        ready
    }

    /// Lets go of the code where nobody uses it, or has for so long.
    ///
    /// # Errors
    /// How long it is still to be left alone.
    pub(super) fn rest(&self, unused_for: Duration) -> Result<(), Duration> {
        let mut place = self.lock();
        let left = unused_for.saturating_sub(place.used.elapsed());
        if !left.is_zero() {
            return Err(left);
        }
        let busy = place
            .ready
            .as_ref()
            .is_some_and(|ready| Arc::strong_count(ready) > 1);
        if busy || place.kept.is_none() {
            return Err(REST);
        }
        place.ready = None;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
