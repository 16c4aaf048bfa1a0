//! Generators are asked again when a file of their folders, or their own block of the
//! configuration, changes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::{mpsc, watch};

use crate::clock::Clock;
use crate::config::Config;
use crate::store::Store;

use super::run::ask_generators;

/// Files are copied one after the other; all have arrived when nothing happened for this
/// long.
const QUIET: Duration = Duration::from_millis(500);

/// And in a folder that never rests, after this.
const PATIENCE: Duration = Duration::from_secs(5);

type Events = mpsc::UnboundedReceiver<notify::Result<Event>>;

/// The folders of one configuration. Dropped, nothing is watched any more.
struct Watched {
    _watcher: RecommendedWatcher,
    events: Events,
    /// Canonical folder and generator.
    folders: Vec<(PathBuf, String)>,
}

/// Asks generators whose folders change, until `stop` changes.
pub(super) async fn watch(
    store: Store,
    clock: Clock,
    mut config: watch::Receiver<Arc<Config>>,
    mut stop: watch::Receiver<bool>,
) {
    let mut before: Option<Arc<Config>> = None;
    loop {
        let current = config.borrow_and_update().clone();
        if let Some(before) = before.replace(current.clone()) {
            // Those that are new or other than they were.
            let changed = current
                .generators
                .iter()
                .filter(|(name, block)| before.generators.get(*name) != Some(*block))
                .map(|(name, _)| name);
            ask(&store, &clock, &current, changed).await;
        }
        let mut watched = match Watched::start(&current) {
            Ok(watched) => watched,
            Err(error) => {
                tracing::warn!(%error, "changes of content folders are not seen at once; \
                    their generators are asked by schedule");
                None
            }
        };
        loop {
            let changed = tokio::select! {
                _ = stop.changed() => return,
                changed = config.changed() => match changed {
                    Ok(()) => break,
                    Err(_) => return,
                },
                generators = changes(&mut watched) => generators,
            };
            if changed.is_empty() {
                continue;
            }
            tracing::debug!(?changed, "files have changed");
            ask(&store, &clock, &current, &changed).await;
        }
    }
}

async fn ask(
    store: &Store,
    clock: &Clock,
    config: &Config,
    names: impl IntoIterator<Item = &String>,
) {
    if let Err(error) = ask_generators(store, clock, config, names).await {
        tracing::error!(%error, "generators can't be asked");
    }
}

impl Watched {
    fn start(config: &Config) -> notify::Result<Option<Self>> {
        let mut folders = Vec::new();
        for generator in config.generators.values().filter(|block| block.watch) {
            for folder in generator.folders.values() {
                match std::fs::canonicalize(folder) {
                    Ok(folder) => folders.push((folder, generator.name.clone())),
                    Err(error) => tracing::warn!(
                        generator = %generator.name, folder = %folder.display(), %error,
                        "a content folder can't be watched"
                    ),
                }
            }
        }
        if folders.is_empty() {
            return Ok(None);
        }
        let (sender, events) = mpsc::unbounded_channel();
        let mut watcher = notify::recommended_watcher(move |event| {
            // Closed means that the configuration has changed.
            let _ = sender.send(event);
        })?;
        let distinct: BTreeSet<&Path> = folders.iter().map(|(folder, _)| &**folder).collect();
        for folder in distinct {
            watcher.watch(folder, RecursiveMode::Recursive)?;
        }
        Ok(Some(Watched {
            _watcher: watcher,
            events,
            folders,
        }))
    }

    /// Whose folders an event is about.
    fn concerned(&self, event: notify::Result<Event>, into: &mut BTreeSet<String>) {
        let event = match event {
            Ok(event) if matches!(event.kind, EventKind::Access(_)) => return,
            Ok(event) => event,
            Err(error) => {
                tracing::warn!(%error, "watching content folders");
                // What was missed may be anything.
                into.extend(self.folders.iter().map(|(_, name)| name.clone()));
                return;
            }
        };
        for (folder, generator) in &self.folders {
            let all = event.paths.is_empty() || event.need_rescan();
            if all || event.paths.iter().any(|path| path.starts_with(folder)) {
                into.insert(generator.clone());
            }
        }
    }
}

/// The generators whose folders have changed, once they rest; never, where none is
/// watched.
async fn changes(watched: &mut Option<Watched>) -> BTreeSet<String> {
    let mut concerned = BTreeSet::new();
    let Some(watched) = watched else {
        return std::future::pending().await;
    };
    match watched.events.recv().await {
        Some(event) => watched.concerned(event, &mut concerned),
        None => return std::future::pending().await,
    }
    if concerned.is_empty() {
        return concerned;
    }
    let rest = async {
        while let Ok(Some(event)) = tokio::time::timeout(QUIET, watched.events.recv()).await {
            watched.concerned(event, &mut concerned);
        }
    };
    let _ = tokio::time::timeout(PATIENCE, rest).await;
    concerned
}
