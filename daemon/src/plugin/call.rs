//! One call of a plugin: a fresh instance, its limits, and what became of it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::Instant;
use wasmtime::component::Instance;
use wasmtime::{FrameInfo, Store, StoreContextMut, UpdateDeadline, WasmBacktrace};

use crate::model::{Fault, MediaItem};

use super::bindings::jarchi::plugin::types as wit;
use super::broker::Caller;
use super::code::Ready;
use super::component::Capability;
use super::convert::{self, Unusable};
use super::files::CallFiles;
use super::host::{Site, State, Tally, kv, raise};
use super::limits::{Cpu, Limit, Memory, Metered, Reached, Usage, UsageOf};
use super::registry::Plugin;
use super::types::Subject;

/// Resource handles that a guest may hold, in tables on the host's side.
const HANDLES: usize = 1000;

/// What came of a call, and what it used.
#[derive(Debug)]
#[must_use]
pub struct Called<T> {
    pub result: Result<T, CallError>,
    pub usage: Usage,
    /// A request that may change something (other than GET, HEAD, OPTIONS) left the
    /// daemon during the call, or may have.
    pub requests_sent: bool,
}

/// Why a call gave no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CallError {
    /// What the plugin itself says.
    #[error("{0}")]
    Fault(Fault),
    #[error(transparent)]
    Trap(Box<Trap>),
    #[error(transparent)]
    Limit(Box<LimitReached>),
    /// An answer that the interface forbids.
    #[error("{site}: the answer can't be used: {reason}")]
    Unusable {
        site: Site,
        reason: String,
        requests_sent: bool,
    },
    /// As many calls as are allowed were under way for the whole time that a call may
    /// take. It was not begun.
    #[error("{site}: not begun, {waited} s behind other calls; `concurrency` in the [[plugin]] block or of the daemon raises their number", waited = .waited.as_secs())]
    Busy { site: Site, waited: Duration },
    /// Something in the daemon's own house.
    #[error("{site}: {reason}")]
    Host {
        site: Site,
        reason: String,
        requests_sent: bool,
    },
}

impl CallError {
    /// Whether something that can't be taken back may have left the daemon during the
    /// call. For a fault, the plugin itself says what it knows.
    pub fn requests_sent(&self) -> bool {
        match self {
            CallError::Fault(fault) => matches!(fault, Fault::UnknownOutcome(_)),
            CallError::Trap(trap) => trap.requests_sent,
            CallError::Limit(limit) => limit.requests_sent,
            CallError::Unusable { requests_sent, .. } | CallError::Host { requests_sent, .. } => {
                *requests_sent
            }
            CallError::Busy { .. } => false,
        }
    }

    /// A word for metrics and logs.
    pub const fn name(&self) -> &'static str {
        match self {
            CallError::Fault(_) => "fault",
            CallError::Trap(_) => "trap",
            CallError::Limit(_) => "limit",
            CallError::Unusable { .. } => "unusable",
            CallError::Busy { .. } => "busy",
            CallError::Host { .. } => "host",
        }
    }
}

/// The plugin crashed.
#[derive(Clone, Debug)]
pub struct Trap {
    pub site: Site,
    /// `wasm trap: call stack exhausted`.
    pub reason: String,
    /// The guest's functions, the innermost first.
    pub backtrace: Vec<String>,
    /// The last that it logged in this call: what a Rust plugin's panic says.
    pub last_lines: Vec<String>,
    pub requests_sent: bool,
}

impl std::error::Error for Trap {}

impl fmt::Display for Trap {
    /// One line; with `{:#}` the backtrace too.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} crashed: {}", self.site, self.reason)?;
        if let Some(line) = self.last_lines.last() {
            write!(f, "; it last said: {}", line.replace('\n', " "))?;
        }
        if f.alternate() {
            write_backtrace(f, &self.backtrace)?;
        }
        Ok(())
    }
}

/// The plugin was stopped at one of its limits.
#[derive(Clone, Debug)]
pub struct LimitReached {
    pub site: Site,
    pub reached: Reached,
    /// What the plugin made of it, where it was told.
    pub fault: Option<Fault>,
    pub backtrace: Vec<String>,
    pub requests_sent: bool,
}

impl std::error::Error for LimitReached {}

impl fmt::Display for LimitReached {
    /// One line; with `{:#}` the backtrace too.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LimitReached { site, reached, .. } = self;
        write!(f, "{site} {reached}; {}", raise(&site.plugin, *reached))?;
        if let Some(fault) = &self.fault {
            write!(f, " (the plugin says: {fault})")?;
        }
        if f.alternate() {
            write_backtrace(f, &self.backtrace)?;
        }
        Ok(())
    }
}

fn write_backtrace(f: &mut fmt::Formatter<'_>, backtrace: &[String]) -> fmt::Result {
    for (index, frame) in backtrace.iter().enumerate() {
        write!(f, "\n  {index:>2}: {frame}")?;
    }
    Ok(())
}

/// What a call does with its instance.
pub(super) type Work<T> = Box<
    dyn for<'a> FnOnce(
            &'a mut Store<State>,
            &'a Instance,
        ) -> BoxFuture<'a, wasmtime::Result<Result<T, wit::Error>>>
        + Send,
>;

impl Plugin {
    /// Runs one call on an instance of its own.
    pub(super) async fn call<T: Send>(
        &self,
        capability: Capability,
        call: &'static str,
        subject: &Subject,
        media: Vec<MediaItem>,
        work: Work<T>,
    ) -> Called<T> {
        let site = Site {
            plugin: self.name().clone(),
            call,
            subject: subject.name.clone(),
        };
        let unstarted = |error| Called {
            result: Err(error),
            usage: Usage::default(),
            requests_sent: false,
        };
        if !self.has(capability) {
            return unstarted(CallError::Fault(Fault::Unsupported(format!(
                "plugin `{}` has no {capability}",
                site.plugin
            ))));
        }
        let wall = self.limits().wall.to_std();
        let Ok(_permit) = tokio::time::timeout(wall, self.permit()).await else {
            return unstarted(CallError::Busy { site, waited: wall });
        };
        let files = match self.files(capability, subject, media).await {
            Ok(files) => files,
            Err(fault) => return unstarted(CallError::Fault(fault)),
        };
        let ready = match self.ready().await {
            Ok(ready) => ready,
            Err(reason) => {
                let reason = format!("plugin `{}` can't be called: {reason}", site.plugin);
                return unstarted(CallError::Fault(Fault::Transient(reason)));
            }
        };
        let called = self.run(site, subject, files, ready, work).await;
        self.account_for(call, subject, &called);
        called
    }

    async fn files(
        &self,
        capability: Capability,
        subject: &Subject,
        media: Vec<MediaItem>,
    ) -> Result<CallFiles, Fault> {
        let mut files = CallFiles::new(self.library().clone(), subject.folders.clone());
        if capability == Capability::Generator
            && let Some(created) = self.created()
        {
            files = files.with_created(created.clone(), subject.name.clone());
        }
        if media.is_empty() {
            return Ok(files);
        }
        tokio::task::spawn_blocking(move || files.with_media(&media))
            .await
            .map_err(|error| Fault::Transient(error.to_string()))?
            .map_err(Fault::Invalid)
    }

    async fn run<T: Send>(
        &self,
        site: Site,
        subject: &Subject,
        files: CallFiles,
        ready: Arc<Ready>,
        work: Work<T>,
    ) -> Called<T> {
        let limits = self.limits();
        let cpu = Cpu::new(limits.cpu);
        let mut store = Store::new(
            self.engine(),
            self.state(&site, subject, files, ready.clone(), &cpu),
        );
        store.limiter(|state| &mut state.memory);
        store.set_hostcall_fuel(usize::try_from(limits.output).unwrap_or(usize::MAX));
        store.set_max_component_handles(HANDLES);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|store: StoreContextMut<'_, State>| {
            store.data().cpu.check()?;
            // Other tasks of this thread have their turn.
            Ok(UpdateDeadline::Yield(1))
        });

        let began = Instant::now();
        let guest = Metered::new(cpu, self.ticker(), async {
            let instance = ready.pre.instantiate_async(&mut store).await?;
            work(&mut store, &instance).await
        });
        let ended = tokio::time::timeout(limits.wall.to_std(), guest).await;
        let wall = began.elapsed();

        let result = match ended {
            Ok(Ok(Ok(Ok(answer)))) => Ok(answer),
            Ok(Ok(Ok(Err(error)))) => Err(Ended::Fault(convert::fault(error))),
            Ok(Ok(Err(error))) => Err(Ended::Error(error)),
            Ok(Err(reached)) => Err(Ended::Error(reached.into())),
            Err(_) => Err(Ended::Error(
                Reached {
                    limit: Limit::Wall,
                    allowed: limits.wall.millis(),
                }
                .into(),
            )),
        };
        let mut state = store.into_data();
        let result = match result {
            Ok(answer) => {
                if let Err(error) = state.kv.commit().await {
                    // The answer matters more: what was published stays published.
                    tracing::error!(
                        plugin = %site.plugin, subject = %site.subject, call = site.call, error,
                        "what the plugin wrote to kv is lost"
                    );
                }
                Ok(answer)
            }
            Err(ended) => Err(ended.into_error(site, &mut state)),
        };
        Called {
            result,
            usage: state.usage(wall),
            requests_sent: state.tally.sent,
        }
    }

    fn state(
        &self,
        site: &Site,
        subject: &Subject,
        files: CallFiles,
        ready: Arc<Ready>,
        cpu: &Arc<Cpu>,
    ) -> State {
        let limits = self.limits().clone();
        State {
            caller: Caller {
                plugin: site.plugin.clone(),
                subject: subject.name.clone(),
                manifest: self.manifest().clone(),
                grants: self.grants().clone(),
                limits: limits.clone(),
                settings: subject.settings.clone(),
                secrets: subject.secrets.clone(),
            },
            carrier: self.carrier().clone(),
            files,
            urls: self.urls().clone(),
            kv: kv::Buffer::new(
                self.kv().clone(),
                site.plugin.clone(),
                subject.name.clone(),
                limits.kv,
            ),
            clock: self.clock().clone(),
            memory: Memory::new(limits.memory),
            cpu: cpu.clone(),
            tally: Tally::default(),
            redactor: None,
            site: site.clone(),
            limits,
            ready,
        }
    }

    /// Into the log and the metrics.
    fn account_for<T>(&self, call: &'static str, subject: &Subject, called: &Called<T>) {
        let usage = &called.usage;
        let outcome = match &called.result {
            Ok(_) => "ok",
            Err(error) => error.name(),
        };
        tracing::debug!(
            plugin = %self.name(),
            subject = %subject.name,
            call,
            outcome,
            wall_ms = usage.wall.as_millis() as u64,
            log_bytes = usage.log,
            output_bytes = usage.output,
            media_bytes = usage.media,
            "used {}",
            UsageOf(usage, self.limits()),
        );
        // Whoever called tells the operator, in its own words.
        if let Err(error) = &called.result {
            tracing::debug!("{error:#}");
        }
        let plugin = self.name().to_string();
        metrics::counter!("jarchi_plugin_calls_total", "plugin" => plugin.clone(), "call" => call, "outcome" => outcome).increment(1);
        metrics::histogram!("jarchi_plugin_call_seconds", "plugin" => plugin.clone(), "call" => call)
            .record(usage.wall);
        metrics::histogram!("jarchi_plugin_cpu_seconds", "plugin" => plugin.clone(), "call" => call)
            .record(usage.cpu);
        metrics::histogram!("jarchi_plugin_memory_bytes", "plugin" => plugin.clone(), "call" => call)
            .record(usage.memory as f64);
        metrics::counter!("jarchi_plugin_http_requests_total", "plugin" => plugin.clone())
            .increment(usage.http_calls.into());
        if let Err(CallError::Limit(limit)) = &called.result {
            metrics::counter!("jarchi_plugin_limits_total", "plugin" => plugin, "limit" => limit.reached.limit.name()).increment(1);
        }
    }
}

/// How a call ended that gave no answer.
enum Ended {
    Fault(Fault),
    Error(wasmtime::Error),
}

/// What wasmtime says when a guest hands over more than the host call fuel; its type is
/// private.
const OUTPUT_SPENT: &str = "fuel allocated for hostcalls has been exhausted";

/// And when it makes more handles than it may.
const HANDLES_SPENT: &str = "store handle limit exceeded";

impl Ended {
    fn into_error(self, site: Site, state: &mut State) -> CallError {
        let requests_sent = state.tally.sent;
        let error = match self {
            Ended::Fault(fault) => {
                // A plugin that gives up because it was refused something: the operator
                // has to know what, and a fault that repeats itself is not worth a retry.
                return match (state.tally.refused, fault) {
                    (Some(reached), fault @ (Fault::Invalid(_) | Fault::Transient(_))) => {
                        CallError::Limit(Box::new(LimitReached {
                            site,
                            reached,
                            fault: Some(fault),
                            backtrace: Vec::new(),
                            requests_sent,
                        }))
                    }
                    (_, fault) => CallError::Fault(fault),
                };
            }
            Ended::Error(error) => error,
        };
        let guest = error.downcast_ref::<WasmBacktrace>();
        let backtrace = guest.map(frames).unwrap_or_default();
        if let Some(reached) = reached(&error, state) {
            return CallError::Limit(Box::new(LimitReached {
                site,
                reached,
                fault: None,
                backtrace,
                requests_sent,
            }));
        }
        if let Some(Unusable(reason)) = error.downcast_ref() {
            return CallError::Unusable {
                site,
                reason: reason.clone(),
                requests_sent,
            };
        }
        let mut reason = error.root_cause().to_string();
        if backtrace.is_empty() && error.downcast_ref::<wasmtime::Trap>().is_none() {
            return CallError::Host {
                site,
                reason,
                requests_sent,
            };
        }
        // A stack's end shows as one of several traps, none of which says so.
        if let Some(name) = guest.and_then(recursion) {
            reason = format!("{reason} (a recursion without end, through `{name}`)");
        }
        CallError::Trap(Box::new(Trap {
            site,
            reason,
            backtrace,
            last_lines: state.tally.last_lines.drain(..).collect(),
            requests_sent,
        }))
    }
}

fn reached(error: &wasmtime::Error, state: &State) -> Option<Reached> {
    if let Some(reached) = error.downcast_ref::<Reached>() {
        return Some(*reached);
    }
    let says = |words: &str| error.chain().any(|cause| cause.to_string().contains(words));
    let (limit, allowed) = if says(OUTPUT_SPENT) {
        (Limit::Output, state.limits.output)
    } else if says(HANDLES_SPENT) {
        (Limit::Handles, HANDLES as u64)
    } else {
        return None;
    };
    Some(Reached { limit, allowed })
}

fn frames(backtrace: &WasmBacktrace) -> Vec<String> {
    backtrace
        .frames()
        .iter()
        .map(|frame| match frame.module_offset() {
            Some(offset) => format!("{} (at {offset:#x})", name_of(frame)),
            None => name_of(frame),
        })
        .collect()
}

fn name_of(frame: &FrameInfo) -> String {
    match frame.func_name() {
        Some(name) => format!("{:#}", rustc_demangle::demangle(name)),
        None => format!("function {}", frame.func_index()),
    }
}

/// The function that fills a backtrace: the one that is in a third of its frames, where
/// there are as many frames as are kept.
fn recursion(backtrace: &WasmBacktrace) -> Option<String> {
    const KEPT: usize = 20;
    let frames = backtrace.frames();
    if frames.len() < KEPT {
        return None;
    }
    let times = |of: &FrameInfo| {
        frames
            .iter()
            .filter(|frame| frame.func_index() == of.func_index())
            .count()
    };
    let most = frames.iter().max_by_key(|frame| times(frame))?;
    (times(most) >= KEPT / 3).then(|| name_of(most))
}
