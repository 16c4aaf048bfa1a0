//! The wasmtime engine, and the clock that interrupts its guests.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle, Thread};
use std::time::Duration;

use wasmtime::{Config, EngineWeak, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig};

/// How often a running guest is looked at: the grain of the CPU limit, and the longest
/// that it keeps a thread from other tasks.
pub(crate) const TICK: Duration = Duration::from_millis(5);

/// What one component may consist of.
pub(crate) const MEMORIES: u32 = 2;
pub(crate) const TABLES: u32 = 8;
const CORE_INSTANCES: u32 = 100;
/// Elements of one table; functions that are called through pointers, in practice.
pub(crate) const TABLE_ELEMENTS: usize = 65_536;

#[derive(Debug, thiserror::Error)]
#[error("the wasm engine does not start: {0}")]
pub struct EngineError(String);

/// An engine with room for a number of calls at once.
pub(crate) struct Engine {
    pub(crate) wasm: wasmtime::Engine,
    pub(crate) ticker: Ticker,
    /// Calls that fit at once.
    pub(crate) slots: usize,
    /// Instances come out of a pool that was reserved at the start.
    pub(crate) pooled: bool,
}

impl Engine {
    /// The pool reserves address space, a few GiB a slot. Where the machine does not
    /// give it (small boards, `ulimit -v`), instances are allocated one by one.
    pub(crate) fn new(slots: usize) -> Result<Self, EngineError> {
        let slots = slots.max(1);
        let (wasm, pooled) = match wasmtime::Engine::new(&pooled(slots)) {
            Ok(engine) => (engine, true),
            Err(error) => {
                tracing::warn!(
                    slots,
                    error = format!("{error:#}"),
                    "no address space for a pool of plugin instances; each call allocates its own"
                );
                let engine = wasmtime::Engine::new(&on_demand())
                    .map_err(|error| EngineError(format!("{error:#}")))?;
                (engine, false)
            }
        };
        let ticker = Ticker::start(wasm.weak()).map_err(|error| EngineError(error.to_string()))?;
        Ok(Engine {
            wasm,
            ticker,
            slots,
            pooled,
        })
    }
}

fn base() -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .epoch_interruption(true)
        .memory_init_cow(true)
        // For debuggers; a guest's own backtraces don't need it.
        .native_unwind_info(false)
        .cranelift_opt_level(OptLevel::Speed)
        // Nothing that a plugin needs, and a wide door for memory.
        .wasm_memory64(false);
    config
}

fn pooled(slots: usize) -> Config {
    let slots = u32::try_from(slots).unwrap_or(u32::MAX);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(slots)
        .total_core_instances(slots.saturating_mul(CORE_INSTANCES))
        .total_memories(slots.saturating_mul(MEMORIES))
        .total_tables(slots.saturating_mul(TABLES))
        .total_stacks(slots.saturating_mul(2))
        .max_core_instances_per_component(CORE_INSTANCES)
        .max_memories_per_component(MEMORIES)
        .max_tables_per_component(TABLES)
        .table_elements(TABLE_ELEMENTS)
        // A daemon that wakes up now and then: what a burst used is given back, but for
        // the first pages of a few slots.
        .max_unused_warm_slots(8)
        .linear_memory_keep_resident(64 << 10)
        .table_keep_resident(4 << 10);
    let mut config = base();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    config
}

fn on_demand() -> Config {
    let mut config = base();
    config
        .allocation_strategy(InstanceAllocationStrategy::OnDemand)
        // Address space is what was short: checks at each access instead of 4 GiB a memory.
        .memory_reservation(0)
        .memory_reservation_for_growth(1 << 20)
        .memory_guard_size(64 << 10);
    config
}

/// An OS thread that moves the engine's epoch on while a guest runs, and sleeps while
/// none does. Not a task: a guest that holds up the executor must not hold up its judge.
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    thread: Thread,
    join: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    running: AtomicUsize,
    parked: AtomicBool,
    stopped: AtomicBool,
}

impl Ticker {
    fn start(engine: EngineWeak) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let join = thread::Builder::new()
            .name("plugin-epochs".to_owned())
            .spawn({
                let shared = shared.clone();
                move || tick(&shared, &engine)
            })?;
        Ok(Ticker {
            shared,
            thread: join.thread().clone(),
            join: Some(join),
        })
    }

    /// Epochs go by as long as the value lives.
    pub(crate) fn enter(&self) -> Running<'_> {
        // Sequentially consistent on both sides: either the thread sees this guest before
        // it parks, or this sees that it is parked.
        self.shared.running.fetch_add(1, Ordering::SeqCst);
        if self.shared.parked.load(Ordering::SeqCst) {
            self.thread.unpark();
        }
        Running(&self.shared)
    }
}

fn tick(shared: &Shared, engine: &EngineWeak) {
    while !shared.stopped.load(Ordering::SeqCst) {
        if shared.running.load(Ordering::SeqCst) == 0 {
            shared.parked.store(true, Ordering::SeqCst);
            if shared.running.load(Ordering::SeqCst) == 0 && !shared.stopped.load(Ordering::SeqCst)
            {
                thread::park();
            }
            shared.parked.store(false, Ordering::SeqCst);
            continue;
        }
        thread::sleep(TICK);
        match engine.upgrade() {
            Some(engine) => engine.increment_epoch(),
            None => return,
        }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        self.thread.unpark();
        if let Some(join) = self.join.take() {
            // It ends within a tick, and it can't panic.
            let _ = join.join();
        }
    }
}

/// A guest that runs.
pub(crate) struct Running<'a>(&'a Shared);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_address_space_the_engine_works_without_a_pool() {
        let engine = Engine::new(4_000_000).unwrap();
        assert!(!engine.pooled);
        let module = wasmtime::Module::new(&engine.wasm, b"\0asm\x01\0\0\0").unwrap();
        let mut store = wasmtime::Store::new(&engine.wasm, ());
        wasmtime::Instance::new(&mut store, &module, &[]).unwrap();
    }

    #[test]
    fn the_usual_engine_has_a_pool() {
        assert!(Engine::new(16).unwrap().pooled);
    }
}
