//! `jarchi run`, from the configuration to the end of the process.

use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::alarm::Notifier;
use crate::clock::Clock;
use crate::config::{Config, Environment, Loaded, Reloader};
use crate::plugin::Registry;
use crate::plugin::broker::BrokerOptions;

use super::{Links, Parts, Ready, RunError, Running, Setup, open_store, start};

/// What a daemon starts with.
pub struct Daemon {
    pub config: Config,
    pub environment: Box<dyn Environment>,
    pub clock: Clock,
    pub broker: BrokerOptions,
    pub prometheus: Option<PrometheusHandle>,
}

/// A daemon that runs, and what must live as long.
pub struct Started {
    pub running: Running,
    reload: Reload,
    parts: tokio::task::JoinSet<()>,
}

impl Started {
    pub fn ready(&self) -> &Ready {
        &self.running.ready
    }
}

impl Started {
    /// See [`Running::stop`].
    ///
    /// # Errors
    /// The store's.
    pub async fn stop(mut self) -> Result<(), RunError> {
        self.parts.abort_all();
        self.running.stop().await
    }
}

struct Boxed(Box<dyn Environment>);

impl Environment for Boxed {
    fn var(&self, name: &str) -> Option<std::ffi::OsString> {
        self.0.var(name)
    }
}

/// Builds the daemon's parts and starts them.
///
/// # Errors
/// The store's; plugins that are refused; an address that can't be listened on.
pub async fn launch(daemon: Daemon) -> Result<Started, RunError> {
    let broken = |error: String| RunError::Broken(error);
    let config = Arc::new(daemon.config.clone());
    let store = open_store(&config.daemon).await?;
    let links = Links::new(daemon.broker.clone(), daemon.clock.clone())
        .map_err(|error| broken(error.to_string()))?;
    let (current, receiver) = watch::channel(config.clone());
    let Parts {
        broker,
        registry,
        plugins,
        accounts,
        offers,
        created,
    } = Parts::new(
        store.clone(),
        receiver.clone(),
        daemon.environment.as_ref(),
        daemon.clock.clone(),
        daemon.broker,
    )?;
    let vault = accounts.keeper().vault();
    for error in vault.check().map_err(|error| broken(error.to_string()))? {
        tracing::warn!(%error, "a secret can't be opened");
    }
    if let Err(errors) = registry.load(&config.plugins).await {
        return Err(RunError::Plugins(
            errors.iter().map(ToString::to_string).collect(),
        ));
    }
    let (problems, plugin_problems) = watch::channel(Vec::new());
    let (seen, last_seen) = watch::channel(None);
    let reloader = Arc::new(Reloader::new(daemon.config, Boxed(daemon.environment)));
    let plugins = Arc::new(plugins);
    let mut parts = tokio::task::JoinSet::new();
    parts.spawn(follow(
        reloader.subscribe(),
        registry,
        current,
        problems,
        seen,
    ));
    let reload = Reload {
        reloader: reloader.clone(),
        seen: last_seen,
        problems: plugin_problems.clone(),
    };
    let watching = reloader.clone();
    parts.spawn(async move {
        if let Err(error) = watching.watch().await {
            tracing::warn!(%error, "changes of the configuration are not seen; SIGHUP reloads it");
        }
    });
    let for_api = reload.clone();
    let running = start(Setup {
        store,
        clock: daemon.clock,
        config: receiver,
        config_error: reloader.config_error(),
        connectors: plugins.clone(),
        generators: plugins,
        plugin_problems,
        notifier: Notifier::new(broker),
        reload: Arc::new(move || Box::pin(for_api.clone().run())),
        links: Some(links),
        offers: Some(offers),
        created: Some(created),
        accounts: Some(accounts),
        prometheus: daemon.prometheus,
    })
    .await?;
    Ok(Started {
        running,
        reload,
        parts,
    })
}

/// Loads the configuration anew.
#[derive(Clone)]
struct Reload {
    reloader: Arc<Reloader>,
    /// What [`follow`] has dealt with last.
    seen: watch::Receiver<Option<Arc<Config>>>,
    problems: watch::Receiver<Vec<String>>,
}

impl Reload {
    /// Returns when the new configuration is in force; what has changed, in words, or why
    /// the old one stays.
    async fn run(mut self) -> Result<String, String> {
        let reloader = self.reloader.clone();
        let loading = tokio::task::spawn_blocking(move || reloader.reload_in_words());
        let words = loading.await.map_err(|error| error.to_string())??;
        let loaded = self.reloader.subscribe();
        let is_latest = |seen: &Option<Arc<Config>>| {
            seen.as_ref()
                .is_some_and(|seen| Arc::ptr_eq(seen, &loaded.borrow().config))
        };
        if self.seen.wait_for(is_latest).await.is_err() {
            return Err("the daemon is stopping".to_owned());
        }
        let problems = self.problems.borrow().join("\n");
        if problems.is_empty() {
            Ok(words)
        } else {
            Err(problems)
        }
    }
}

/// Takes on a changed configuration: its plugins first, then the rest, or nothing of it.
async fn follow(
    mut loaded: watch::Receiver<Loaded>,
    registry: Arc<Registry>,
    current: watch::Sender<Arc<Config>>,
    problems: watch::Sender<Vec<String>>,
    seen: watch::Sender<Option<Arc<Config>>>,
) {
    while loaded.changed().await.is_ok() {
        let now = loaded.borrow_and_update().clone();
        if now.config_error.is_some() {
            continue;
        }
        match registry.load(&now.config.plugins).await {
            Ok(changes) => {
                if changes != crate::plugin::Changes::default() {
                    tracing::info!(?changes, "plugins were loaded");
                }
                problems.send_replace(Vec::new());
                current.send_replace(now.config.clone());
                tracing::info!("the configuration is in force");
            }
            Err(errors) => {
                let words: Vec<String> = errors.iter().map(ToString::to_string).collect();
                for error in &words {
                    tracing::error!(error, "a plugin is refused; the old configuration stays");
                }
                problems.send_replace(words);
            }
        }
        seen.send_replace(Some(now.config));
    }
}

/// Runs until a signal asks for the end, or a part breaks.
///
/// # Errors
/// Why it could not start or go on.
pub async fn run(daemon: Daemon) -> Result<(), RunError> {
    let listen = |what: &str, error: std::io::Error| RunError::Listen {
        what: what.to_owned(),
        reason: error.to_string(),
    };
    let mut terminate =
        signal(SignalKind::terminate()).map_err(|error| listen("SIGTERM", error))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| listen("SIGINT", error))?;
    let mut hangup = signal(SignalKind::hangup()).map_err(|error| listen("SIGHUP", error))?;

    tracing::info!(version = env!("CARGO_PKG_VERSION"), "starting");
    // Plugins that are compiled for the first time take their while.
    let mut started = tokio::select! {
        started = launch(daemon) => started?,
        _ = terminate.recv() => return Ok(()),
        _ = interrupt.recv() => return Ok(()),
    };
    let ready = started.ready().clone();
    tracing::info!(
        http = ready.http.map(|address| address.to_string()),
        media = ready.media.map(|address| address.to_string()),
        socket = %ready.socket.display(),
        "ready"
    );
    notify(&[sd_notify::NotifyState::Ready]);
    let mut watchdog = sd_notify::watchdog_enabled().map(|period| {
        // Half of it, so that one late beat is not the end.
        tokio::time::interval((period / 2).max(Duration::from_millis(100)))
    });
    let result = loop {
        tokio::select! {
            _ = terminate.recv() => break Ok(()),
            _ = interrupt.recv() => break Ok(()),
            // A plugin that is compiled anew keeps no signal and no beat waiting.
            _ = hangup.recv() => drop(tokio::spawn(reload(started.reload.clone()))),
            error = started.running.broken() => break Err(error),
            () = beat(&mut watchdog) => {
                match started.running.health.alive() {
                    Ok(()) => {
                        let words = status(&started);
                        notify(&[
                            sd_notify::NotifyState::Watchdog,
                            sd_notify::NotifyState::Status(&words),
                        ]);
                    }
                    Err(reason) => tracing::error!(reason, "not healthy: no beat for the watchdog"),
                }
            }
        }
    };
    notify(&[sd_notify::NotifyState::Stopping]);
    tracing::info!("stopping");
    result?;
    started.stop().await?;
    tracing::info!("stopped");
    Ok(())
}

async fn beat(watchdog: &mut Option<tokio::time::Interval>) {
    match watchdog {
        Some(interval) => {
            interval.tick().await;
        }
        None => std::future::pending().await,
    }
}

fn status(started: &Started) -> String {
    match started.running.health.readiness() {
        Ok(readiness) => format!(
            "{} under way, {} dead letters",
            readiness.running, readiness.dead_letters
        ),
        Err(error) => error.to_string(),
    }
}

async fn reload(reload: Reload) {
    // In one message: systemd looks for the time beside the word.
    let mut state = vec![sd_notify::NotifyState::Reloading];
    state.extend(sd_notify::NotifyState::monotonic_usec_now());
    notify(&state);
    // What is wrong has been logged.
    let _ = reload.run().await;
    notify(&[sd_notify::NotifyState::Ready]);
}

/// Tells systemd, where it wants to know.
fn notify(state: &[sd_notify::NotifyState]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "systemd can't be told");
    }
}
