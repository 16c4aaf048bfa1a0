//! What one call may use, and what it used.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use wasmtime::ResourceLimiter;

use crate::config::Limits;
use crate::model::TimeSpan;

use super::engine::Ticker;

/// One of the numbers in a plugin's `limits`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Limit {
    Memory,
    Cpu,
    Wall,
    HttpCalls,
    Response,
    Kv,
    Output,
    Media,
    /// Not configurable: handles that the guest holds.
    Handles,
}

impl Limit {
    /// The name in the configuration, where it has one.
    pub const fn key(self) -> Option<&'static str> {
        Some(match self {
            Limit::Memory => "memory",
            Limit::Cpu => "cpu",
            Limit::Wall => "wall",
            Limit::HttpCalls => "http_calls",
            Limit::Response => "response",
            Limit::Kv => "kv",
            Limit::Output => "output",
            Limit::Media => "media",
            Limit::Handles => return None,
        })
    }

    pub const fn name(self) -> &'static str {
        match self {
            Limit::Handles => "handles",
            other => match other.key() {
                Some(key) => key,
                None => "",
            },
        }
    }
}

/// A limit that was reached. Travels as the error of a host function, so that the guest's
/// backtrace is kept with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Reached {
    pub limit: Limit,
    /// The limit itself: bytes, milliseconds or a count.
    pub allowed: u64,
}

impl fmt::Display for Reached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Reached { limit, allowed } = *self;
        match limit {
            Limit::Memory => write!(f, "needs more than {} of memory", Bytes(allowed)),
            Limit::Cpu => write!(f, "used more than {} of CPU time", TimeSpan(allowed)),
            Limit::Wall => write!(f, "took longer than {}", TimeSpan(allowed)),
            Limit::HttpCalls => write!(f, "made more than {allowed} HTTP requests"),
            Limit::Response => write!(f, "got an answer longer than {}", Bytes(allowed)),
            Limit::Kv => write!(f, "wants to keep more than {} in kv", Bytes(allowed)),
            Limit::Output => {
                write!(f, "handed over more than {} in one call", Bytes(allowed))
            }
            Limit::Media => write!(f, "made more than {} of files", Bytes(allowed)),
            Limit::Handles => write!(f, "holds more than {allowed} handles"),
        }
    }
}

/// Bytes for people: `3.1 MiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bytes(pub u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
        for (unit, size) in UNITS {
            if self.0 >= size {
                let tenths = (self.0 as u128 * 10 / size as u128) as u64;
                return match tenths % 10 {
                    0 => write!(f, "{} {unit}", tenths / 10),
                    rest => write!(f, "{}.{rest} {unit}", tenths / 10),
                };
            }
        }
        write!(f, "{} bytes", self.0)
    }
}

/// What a call used, whether it ended well or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Time of running guest code.
    pub cpu: Duration,
    /// From the start of the guest to its answer.
    pub wall: Duration,
    /// Bytes at the highest point: linear memories, tables, and what the host held.
    pub memory: u64,
    pub http_calls: u32,
    /// Bytes that were logged, without those that were dropped.
    pub log: u64,
    /// Bytes handed over in requests, kv, log and files.
    pub output: u64,
    /// Bytes of files that were made, a small one counted as 64 KiB.
    pub media: u64,
}

/// `14 ms of 200, 3.1 of 32 MiB, 2 of 10 requests`.
pub(crate) struct UsageOf<'a>(pub &'a Usage, pub &'a Limits);

impl fmt::Display for UsageOf<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let UsageOf(usage, limits) = self;
        write!(
            f,
            "{} ms of {}, {:.1} of {:.0} MiB, {} of {} requests",
            usage.cpu.as_millis(),
            limits.cpu.millis(),
            usage.memory as f64 / f64::from(1 << 20),
            limits.memory as f64 / f64::from(1 << 20),
            usage.http_calls,
            limits.http_calls,
        )
    }
}

/// One number for all memory of a call.
#[derive(Debug)]
pub(crate) struct Memory {
    limit: u64,
    /// Up to the end of the call: linear memories, tables, what is written to kv.
    guest: u64,
    /// Held until the next charge: what a host function returned is copied into the
    /// guest after that function has ended.
    host: u64,
    peak: u64,
}

impl Memory {
    pub(crate) const fn new(limit: u64) -> Self {
        Memory {
            limit,
            guest: 0,
            host: 0,
            peak: 0,
        }
    }

    pub(crate) const fn peak(&self) -> u64 {
        self.peak
    }

    pub(crate) fn left(&self) -> u64 {
        self.limit.saturating_sub(self.guest + self.host)
    }

    /// Counts what the host holds for the call from now on, in place of what it held.
    pub(crate) fn hold(&mut self, bytes: u64) -> Result<(), Reached> {
        self.host = 0;
        self.hold_more(bytes)
    }

    pub(crate) fn hold_more(&mut self, bytes: u64) -> Result<(), Reached> {
        if bytes > self.left() {
            return Err(self.refuse());
        }
        self.host += bytes;
        self.peak = self.peak.max(self.guest + self.host);
        Ok(())
    }

    /// Counts what the host holds up to the end of the call: `now` in place of `before`.
    pub(crate) fn keep(&mut self, before: u64, now: u64) -> Result<(), Reached> {
        self.guest = self.guest.saturating_sub(before);
        self.grow(now)
    }

    fn grow(&mut self, bytes: u64) -> Result<(), Reached> {
        if bytes > self.left() {
            return Err(self.refuse());
        }
        self.guest += bytes;
        self.peak = self.peak.max(self.guest + self.host);
        Ok(())
    }

    pub(crate) fn refuse(&mut self) -> Reached {
        self.peak = self.peak.max(self.guest + self.host);
        Reached {
            limit: Limit::Memory,
            allowed: self.limit,
        }
    }
}

/// A table's element, as wasmtime keeps it.
const ELEMENT: u64 = size_of::<usize>() as u64;

impl ResourceLimiter for Memory {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // Past its own maximum the growth fails whatever is said here: it isn't counted.
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        // An error, not `false`: a guest that is told "no" fails in some way of its own,
        // and its author would not learn why.
        self.grow(desired.saturating_sub(current) as u64)?;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        self.grow((desired.saturating_sub(current) as u64).saturating_mul(ELEMENT))?;
        Ok(true)
    }
}

/// CPU time of a call: that of the thread while the guest is polled. Waiting costs
/// nothing, nor does another process that takes the processor away.
#[derive(Debug)]
pub(crate) struct Cpu {
    limit: u64,
    /// Nanoseconds up to the last poll.
    spent: AtomicU64,
    /// The thread's clock when this poll began; `IDLE` between polls.
    began: AtomicU64,
}

const IDLE: u64 = u64::MAX;

fn thread_nanos() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

impl Cpu {
    pub(crate) fn new(limit: TimeSpan) -> Arc<Self> {
        Arc::new(Cpu {
            limit: limit.millis(),
            spent: AtomicU64::new(0),
            began: AtomicU64::new(IDLE),
        })
    }

    pub(crate) fn used(&self) -> Duration {
        let began = self.began.load(Ordering::Relaxed);
        let running = if began == IDLE {
            0
        } else {
            thread_nanos().saturating_sub(began)
        };
        Duration::from_nanos(self.spent.load(Ordering::Relaxed) + running)
    }

    pub(crate) fn check(&self) -> Result<(), Reached> {
        if self.used() > Duration::from_millis(self.limit) {
            return Err(Reached {
                limit: Limit::Cpu,
                allowed: self.limit,
            });
        }
        Ok(())
    }

    fn resume(&self) {
        self.began.store(thread_nanos(), Ordering::Relaxed);
    }

    fn pause(&self) {
        let used = self.used();
        self.spent.store(used.as_nanos() as u64, Ordering::Relaxed);
        self.began.store(IDLE, Ordering::Relaxed);
    }
}

/// The future of a call, its CPU time counted, and the epochs ticking while it runs.
pub(crate) struct Metered<'a, F> {
    cpu: Arc<Cpu>,
    ticker: &'a Ticker,
    inner: Pin<Box<F>>,
}

impl<'a, F> Metered<'a, F> {
    pub(crate) fn new(cpu: Arc<Cpu>, ticker: &'a Ticker, inner: F) -> Self {
        Metered {
            cpu,
            ticker,
            inner: Box::pin(inner),
        }
    }
}

impl<F: Future> Future for Metered<'_, F> {
    type Output = Result<F::Output, Reached>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let _running = self.ticker.enter();
        self.cpu.resume();
        let polled = self.inner.as_mut().poll(context);
        self.cpu.pause();
        match polled {
            Poll::Ready(output) => Poll::Ready(Ok(output)),
            // Many short bursts between waits may never meet an epoch's end.
            Poll::Pending => match self.cpu.check() {
                Ok(()) => Poll::Pending,
                Err(reached) => Poll::Ready(Err(reached)),
            },
        }
    }
}

/// The host's own work inside a call, not counted as the guest's.
pub(crate) struct Uncounted<'a, F: ?Sized> {
    cpu: &'a Cpu,
    inner: Pin<Box<F>>,
}

impl<'a, F: ?Sized> Uncounted<'a, F> {
    pub(crate) fn new(cpu: &'a Cpu, inner: Pin<Box<F>>) -> Self {
        Uncounted { cpu, inner }
    }
}

impl<F: Future + ?Sized> Future for Uncounted<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.cpu.pause();
        let polled = self.inner.as_mut().poll(context);
        self.cpu.resume();
        polled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_covers_memories_tables_and_host_buffers() {
        const PAGE: usize = 65536;
        let mut memory = Memory::new(4 * PAGE as u64);
        assert!(memory.memory_growing(0, PAGE, None).unwrap());
        assert!(memory.memory_growing(0, PAGE, None).unwrap());
        assert!(memory.table_growing(0, PAGE / 8, None).unwrap());
        memory.hold(PAGE as u64 / 2).unwrap();
        assert_eq!(memory.left(), PAGE as u64 / 2);
        let error = memory.memory_growing(PAGE, 2 * PAGE, None).unwrap_err();
        assert_eq!(
            error.downcast_ref::<Reached>().map(|reached| reached.limit),
            Some(Limit::Memory)
        );
        memory.hold(0).unwrap();
        assert!(memory.memory_growing(PAGE, 2 * PAGE, None).unwrap());
        assert_eq!(memory.peak(), 4 * PAGE as u64);
        assert!(memory.hold(1).is_err());
    }

    #[test]
    fn growth_past_a_memorys_own_maximum_is_not_counted() {
        let mut memory = Memory::new(1 << 20);
        assert!(!memory.memory_growing(0, 131_072, Some(65_536)).unwrap());
        assert_eq!(memory.left(), 1 << 20);
    }

    #[test]
    fn bytes_are_written_for_people() {
        for (bytes, text) in [
            (512, "512 bytes"),
            (1536, "1.5 KiB"),
            (32 << 20, "32 MiB"),
            (u64::MAX, "17179869183.9 GiB"),
        ] {
            assert_eq!(Bytes(bytes).to_string(), text);
        }
    }
}
