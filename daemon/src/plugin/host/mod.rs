//! What a plugin can call, and the state of one call.

mod clock;
mod http;
pub(super) mod kv;
mod log;
mod media;
mod media_urls;
mod random;

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use wasmtime::component::{HasSelf, Linker};

use crate::clock::Clock;
use crate::config::Limits;
use crate::media::PublicUrls;

use super::bindings::jarchi::plugin as wit;
use super::broker::{Caller, Redactor};
use super::code::Ready;
use super::files::CallFiles;
use super::limits::{Cpu, Memory, Reached, Usage};

pub use http::Carrier;
pub use kv::{KvStore, MemoryKv};

/// Lines of a plugin's log that are kept for the report of a crash.
const LAST_LINES: usize = 3;

/// Which call of which plugin, and for whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    pub plugin: Arc<str>,
    /// `publisher.publish`.
    pub call: &'static str,
    /// The account or the generator.
    pub subject: Arc<str>,
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Site {
            plugin,
            call,
            subject,
        } = self;
        write!(f, "plugin `{plugin}`, {call} for `{subject}`")
    }
}

/// Everything that belongs to one call, and ends with it.
pub(crate) struct State {
    pub(super) site: Site,
    pub(super) limits: Limits,
    pub(super) caller: Caller,
    pub(super) carrier: Arc<dyn Carrier>,
    pub(super) files: CallFiles,
    pub(super) urls: Option<Arc<dyn PublicUrls>>,
    pub(super) kv: kv::Buffer,
    pub(super) clock: Clock,
    pub(super) memory: Memory,
    pub(super) cpu: Arc<Cpu>,
    pub(super) tally: Tally,
    /// Made for the first line of log.
    pub(super) redactor: Option<Redactor>,
    /// What it runs; kept as long as it does.
    pub(super) ready: Arc<Ready>,
}

/// What was counted so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) http_calls: u32,
    pub(super) log: u64,
    pub(super) log_full: bool,
    pub(super) output: u64,
    pub(super) media: u64,
    /// A request that may change something has left, or may have.
    pub(super) sent: bool,
    /// The first limit whose refusal was given to the guest as an answer.
    pub(super) refused: Option<Reached>,
    pub(super) last_lines: VecDeque<String>,
}

impl State {
    pub(super) fn usage(&self, wall: std::time::Duration) -> Usage {
        Usage {
            cpu: self.cpu.used(),
            wall,
            memory: self.memory.peak(),
            http_calls: self.tally.http_calls,
            log: self.tally.log,
            output: self.tally.output,
            media: self.tally.media,
        }
    }

    fn refuse(&mut self, reached: Reached) {
        tracing::warn!(
            plugin = %self.site.plugin,
            subject = %self.site.subject,
            call = self.site.call,
            limit = reached.limit.name(),
            "the call {reached}; {}",
            raise(&self.site.plugin, reached),
        );
        self.tally.refused.get_or_insert(reached);
    }

    fn remember(&mut self, line: String) {
        if self.tally.last_lines.len() == LAST_LINES {
            self.tally.last_lines.pop_front();
        }
        self.tally.last_lines.push_back(line);
    }
}

/// What the operator can do about a limit.
pub(super) fn raise(plugin: &str, reached: Reached) -> String {
    match reached.limit.key() {
        Some(key) => format!("`limits.{key}` in the [[plugin]] block of `{plugin}` raises it"),
        None => "this limit is fixed".to_owned(),
    }
}

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    fn itself(state: &mut State) -> &mut State {
        state
    }
    wit::types::add_to_linker::<_, HasSelf<State>>(linker, itself)?;
    wit::http::add_to_linker::<_, HasSelf<State>>(linker, itself)?;
    wit::media::add_to_linker::<_, HasSelf<State>>(linker, itself)?;
    wit::kv::add_to_linker::<_, HasSelf<State>>(linker, itself)?;
    wit::log::add_to_linker::<_, HasSelf<State>>(linker, itself)?;
    wit::clock::add_to_linker::<_, HasSelf<State>>(linker, itself)?;
    wit::random::add_to_linker::<_, HasSelf<State>>(linker, itself)
}

impl wit::types::Host for State {}

/// Runs what may wait for a disk on a thread that may.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> wasmtime::Result<T> {
    Ok(tokio::task::spawn_blocking(work).await?)
}
