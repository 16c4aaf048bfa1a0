//! Is the work being done? Not "is a socket open": how old the oldest due delivery is,
//! and when the queue's loop went round last.

use std::sync::Arc;

use serde::Serialize;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::config::Config;
use crate::model::{TimeSpan, Timestamp};
use crate::queue::{Beat, Handle};
use crate::store::{JobFilter, Store, StoreError};

/// The queue's loop goes round at least this often when something is due.
const STUCK: TimeSpan = TimeSpan::from_mins(5);

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Readiness {
    pub ready: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
    /// Worth knowing, though the daemon works.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    pub version: &'static str,
    pub since: Timestamp,
    /// How long the job that is due first has been due.
    pub oldest_due: Option<TimeSpan>,
    pub running: usize,
    pub dead_letters: usize,
}

/// Watches over the parts.
#[derive(Clone)]
pub struct Health {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) config: watch::Receiver<Arc<Config>>,
    pub(super) since: Timestamp,
    pub(super) queue: Handle,
    /// What is wrong with the configuration that was to be loaded.
    pub(super) config_error: watch::Receiver<Option<String>>,
    /// What is wrong with plugins, in words.
    pub(super) plugin_problems: watch::Receiver<Vec<String>>,
    pub(super) stopping: watch::Receiver<bool>,
}

impl Health {
    /// The daemon is alive: its store takes writes and its loop turns.
    pub fn alive(&self) -> Result<(), String> {
        if let Some(reason) = self.store.failure() {
            return Err(format!("the store failed: {reason}"));
        }
        let now = self.clock.now();
        let due = self
            .store
            .view()
            .earliest_due()
            .map_err(|error| error.to_string())?;
        let running = self
            .store
            .view()
            .jobs(JobFilter::Running, 1)
            .map_err(|error| error.to_string())?;
        if let Some(due) = due
            && running.is_empty()
            && now.since(due) > STUCK
            && self
                .queue
                .last_beat()
                .wakes
                .is_none_or(|wakes| now.since(wakes) > STUCK)
        {
            return Err(format!(
                "a job has been due since {due}, and the queue last moved at {}",
                self.queue.last_beat().at
            ));
        }
        Ok(())
    }

    /// Every round of the queue's loop.
    pub fn beats(&self) -> watch::Receiver<Beat> {
        self.queue.beats()
    }

    pub fn readiness(&self) -> Result<Readiness, StoreError> {
        let view = self.store.view();
        let now = self.clock.now();
        let mut problems: Vec<String> = self.alive().err().into_iter().collect();
        if *self.stopping.borrow() {
            problems.push("the daemon is stopping".to_owned());
        }
        if let Err(error) = self.store.room(self.config.borrow().daemon.keep_free) {
            problems.push(error.to_string());
        }
        let mut warnings = self.plugin_problems.borrow().clone();
        if let Some(error) = self.config_error.borrow().as_ref() {
            warnings.push(format!("the changed configuration is not in use: {error}"));
        }
        for alarm in view.alarms()? {
            if alarm.cleared.is_none() {
                warnings.push(format!("{}: {}", alarm.cause, alarm.what));
            }
        }
        let dead_letters = view.jobs(JobFilter::Dead, usize::MAX)?.len();
        if dead_letters > 0 {
            warnings.push(format!(
                "{dead_letters} dead letters: `jarchi queue list --dead`"
            ));
        }
        Ok(Readiness {
            ready: problems.is_empty(),
            problems,
            warnings,
            version: env!("CARGO_PKG_VERSION"),
            since: self.since,
            oldest_due: view
                .earliest_due()?
                .filter(|due| *due <= now)
                .map(|due| now.since(due)),
            running: view.jobs(JobFilter::Running, usize::MAX)?.len(),
            dead_letters,
        })
    }
}
