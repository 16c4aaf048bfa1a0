//! The daemon's life: start, readiness, orderly stop.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::account;
use crate::alarm::{self, Notifier};
use crate::clock::Clock;
use crate::config::Config;
use crate::content::Generators;
use crate::measure::{self, Collector};
use crate::media::Created;
use crate::model::Timestamp;
use crate::plugin::vault::KeyError;
use crate::publish::{self, Connectors, Publisher};
use crate::queue::{self, Dispatcher, Handle};
use crate::schedule::{self, Waiting};
use crate::store::{Store, StoreError};

use super::alarms::Alarms;
use super::api::{Api, Reload};
use super::consult::Consult;
use super::worker::Stations;
use super::{Accounts, Endpoint, Health, Links, Offers, folders, socket};

/// What the daemon is made of.
pub struct Setup {
    pub store: Store,
    pub clock: Clock,
    pub config: watch::Receiver<Arc<Config>>,
    /// Why a changed configuration is not in use.
    pub config_error: watch::Receiver<Option<String>>,
    pub connectors: Arc<dyn Connectors>,
    pub generators: Arc<dyn Generators>,
    /// What is wrong with plugins, in words.
    pub plugin_problems: watch::Receiver<Vec<String>>,
    pub notifier: Notifier,
    pub reload: Reload,
    /// None: nobody asks whether links answer.
    pub links: Option<Links>,
    /// None: files are served to nobody.
    pub offers: Option<Offers>,
    /// None: generators make no files.
    pub created: Option<Arc<Created>>,
    pub prometheus: Option<PrometheusHandle>,
    /// None: no account is connected by the daemon.
    pub accounts: Option<Accounts>,
}

#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("{what} can't be opened: {reason}")]
    Listen { what: String, reason: String },
    #[error("plugins are refused:\n  {}", .0.join("\n  "))]
    Plugins(Vec<String>),
    #[error("a part of the daemon broke: {0}")]
    Broken(String),
}

/// Where the daemon can be reached.
#[derive(Clone, Debug)]
pub struct Ready {
    pub http: Option<SocketAddr>,
    /// Where platforms fetch files, through a proxy.
    pub media: Option<SocketAddr>,
    pub socket: PathBuf,
}

/// A daemon that runs.
pub struct Running {
    pub ready: Ready,
    pub health: Health,
    queue: Handle,
    publisher: Arc<Stations>,
    stop: watch::Sender<bool>,
    grace: Duration,
    dispatcher: JoinHandle<Result<(), StoreError>>,
    triggers: JoinHandle<Result<(), StoreError>>,
    helpers: JoinSet<()>,
}

/// Starts everything; returns when it is ready.
///
/// # Errors
/// The store's; an address or a socket that can't be listened on.
pub async fn start(setup: Setup) -> Result<Running, RunError> {
    let config = setup.config.borrow().clone();
    let alarms = Arc::new(Alarms {
        store: setup.store.clone(),
        clock: setup.clock.clone(),
        config: setup.config.clone(),
        notifier: setup.notifier.clone(),
    });
    let stations = Arc::new(Stations {
        store: setup.store.clone(),
        clock: setup.clock.clone(),
        config: setup.config.clone(),
        publisher: Publisher::new(
            setup.store.clone(),
            setup.clock.clone(),
            setup.config.clone(),
            setup.connectors.clone(),
        ),
        collector: Collector::new(
            setup.store.clone(),
            setup.clock.clone(),
            setup.config.clone(),
            setup.connectors.clone(),
        ),
        generators: setup.generators.clone(),
        connectors: setup.connectors.clone(),
        alarms: alarms.clone(),
        consult: Consult {
            store: setup.store.clone(),
            clock: setup.clock.clone(),
            config: setup.config.clone(),
            connectors: setup.connectors.clone(),
        },
        keeper: setup.accounts.as_ref().map(|one| one.keeper().clone()),
        created: setup.created.clone(),
    });
    let (dispatcher, queue) = Dispatcher::start(
        setup.store.clone(),
        setup.clock.clone(),
        stations.clone(),
        options(&config),
    )
    .await?;
    let (stop, stopping) = watch::channel(false);
    let health = Health {
        store: setup.store.clone(),
        clock: setup.clock.clone(),
        config: setup.config.clone(),
        since: setup.clock.now(),
        queue: queue.clone(),
        config_error: setup.config_error.clone(),
        plugin_problems: setup.plugin_problems.clone(),
        stopping: stopping.clone(),
    };
    let mut helpers = JoinSet::new();

    let mut http = None;
    if let Some(address) = config.daemon.http {
        let listener = Endpoint::bind(address)
            .await
            .map_err(|error| RunError::Listen {
                what: format!("the HTTP endpoint {address} (`daemon.http`)"),
                reason: error.to_string(),
            })?;
        http = listener.local_addr().ok();
        let endpoint = Endpoint {
            health: health.clone(),
            prometheus: setup.prometheus.clone(),
        };
        helpers.spawn(endpoint.serve(listener, stopping.clone()));
    }
    let mut media = None;
    if let (Some(address), Some(offers)) = (config.media.listen, setup.offers) {
        let listener = Offers::bind(address)
            .await
            .map_err(|error| RunError::Listen {
                what: format!("{address}, where files are served (`media.listen`),"),
                reason: error.to_string(),
            })?;
        media = listener.local_addr().ok();
        helpers.spawn(offers.serve(listener, stopping.clone()));
    }
    helpers.spawn(alarms.clone().follow(
        setup.config_error.clone(),
        setup.plugin_problems.clone(),
        stopping.clone(),
    ));
    let socket_path = config.daemon.socket.clone();
    let listener = socket::bind(&socket_path).map_err(|error| RunError::Listen {
        what: format!("the socket {} (`daemon.socket`)", socket_path.display()),
        reason: error.to_string(),
    })?;
    let api = Api {
        store: setup.store.clone(),
        clock: setup.clock.clone(),
        config: setup.config.clone(),
        connectors: Some(setup.connectors.clone()),
        generators: Some(setup.generators.clone()),
        alarms: Some(Arc::new(move |alarm| {
            let alarms = alarms.clone();
            Box::pin(async move { alarms.test(&alarm).await })
        })),
        reload: Some(setup.reload.clone()),
        links: setup.links,
        accounts: setup.accounts.clone(),
    };
    helpers.spawn(socket::serve(api, listener, stopping.clone()));
    helpers.spawn(follow(
        setup.store.clone(),
        setup.clock.clone(),
        setup.config.clone(),
        queue.clone(),
        setup.accounts.clone(),
        stopping.clone(),
    ));
    if let Some(accounts) = &setup.accounts {
        account::schedule_all(accounts.keeper()).await?;
    }
    {
        let (config, now) = (config.clone(), setup.clock.now());
        let begun = setup.store.write(move |tx| {
            publish::after_start(tx, &config, now)?;
            publish::consult(tx, now)?;
            alarm::wake(tx, now)
        });
        begun.await?;
    }

    {
        let (store, config, now) = (setup.store.clone(), config.clone(), setup.clock.now());
        let resuming = tokio::task::spawn_blocking(move || {
            measure::resume(&store, &config, None, now)?;
            measure::show_all(store.view(), &config, now)
        });
        let resumed = resuming.await;
        resumed.map_err(|error| RunError::Broken(error.to_string()))??;
    }

    // What was written while the daemon was off is seen at once.
    ask_generators(
        &setup.store,
        &setup.clock,
        &config,
        config.generators.keys(),
    )
    .await?;
    helpers.spawn(folders::watch(
        setup.store.clone(),
        setup.clock.clone(),
        setup.config.clone(),
        stopping.clone(),
    ));
    let triggers = tokio::spawn(schedule::run(
        setup.store.clone(),
        setup.clock.clone(),
        setup.config.clone(),
        stopping.clone(),
    ));
    let dispatcher = tokio::spawn(dispatcher.run());
    Ok(Running {
        ready: Ready {
            http,
            media,
            socket: socket_path,
        },
        health,
        queue,
        publisher: stations,
        stop,
        grace: config.daemon.grace.to_std(),
        dispatcher,
        triggers,
        helpers,
    })
}

fn options(config: &Config) -> queue::Options {
    queue::Options {
        concurrency: config.daemon.concurrency,
        retry: config.daemon.retry.clone(),
    }
}

/// Asks generators now, whenever their schedules fire next.
pub(super) async fn ask_generators(
    store: &Store,
    clock: &Clock,
    config: &Config,
    names: impl IntoIterator<Item = &String>,
) -> Result<(), StoreError> {
    let now = clock.now();
    let mut jobs = Vec::new();
    for name in names {
        jobs.extend(schedule::jobs(
            config,
            &crate::config::Run::Generate(name.clone()),
            now,
        ));
    }
    store
        .write(move |tx| schedule::enqueue(tx, jobs, Waiting::Hastens, now).map(|_| ()))
        .await
}

/// Hands a changed configuration to the queue, and lets the accounts that were changed be
/// tried.
async fn follow(
    store: Store,
    clock: Clock,
    mut config: watch::Receiver<Arc<Config>>,
    queue: Handle,
    accounts: Option<Accounts>,
    mut stop: watch::Receiver<bool>,
) {
    let mut before = config.borrow().clone();
    loop {
        tokio::select! {
            changed = config.changed() => {
                if changed.is_err() {
                    return;
                }
                let current = config.borrow_and_update().clone();
                queue.reload(options(&current));
                let changed: Vec<String> = current
                    .accounts
                    .iter()
                    .filter(|(name, account)| before.accounts.get(*name) != Some(*account))
                    .map(|(name, _)| name.clone())
                    .collect();
                before = current.clone();
                let now = clock.now();
                let mended = changed.clone();
                let written = store.write(move |tx| {
                    publish::mend(tx, &current, &mended, now)?;
                    publish::consult(tx, now)?;
                    alarm::wake(tx, now)
                });
                if let Err(error) = written.await {
                    tracing::error!(%error, "the accounts that were changed wait on");
                }
                if let Err(error) = measure_anew(&store, &before, changed, now).await {
                    tracing::error!(%error, "what is measured when is changed by a restart only");
                }
                if let Some(accounts) = &accounts
                    && let Err(error) = account::schedule_all(accounts.keeper()).await
                {
                    tracing::error!(%error, "tokens are not refreshed before a restart");
                }
            }
            _ = stop.changed() => return,
        }
    }
}

/// The accounts that were changed may be measured at other ages.
async fn measure_anew(
    store: &Store,
    config: &Arc<Config>,
    changed: Vec<String>,
    now: Timestamp,
) -> Result<(), StoreError> {
    if changed.is_empty() {
        return Ok(());
    }
    let (store, config) = (store.clone(), config.clone());
    let only = changed.into_iter().collect();
    tokio::task::spawn_blocking(move || measure::resume(&store, &config, Some(&only), now))
        .await
        .map_err(|error| StoreError::Failed(error.to_string()))?
}

impl Running {
    pub fn store(&self) -> &Store {
        &self.health.store
    }

    /// Every round of the queue's loop, each before it waits: whoever moves a manual clock
    /// sees when there is nothing left to do.
    pub fn beats(&self) -> watch::Receiver<queue::Beat> {
        self.queue.beats()
    }

    /// Returns when a part has ended that should not have.
    pub async fn broken(&mut self) -> RunError {
        let ended = tokio::select! {
            reason = self.health.store.failed() => return StoreError::Failed(reason).into(),
            ended = &mut self.dispatcher => ended,
            ended = &mut self.triggers => ended,
        };
        match ended {
            Ok(Ok(())) => RunError::Broken("the queue ended by itself".to_owned()),
            Ok(Err(error)) => error.into(),
            Err(error) => RunError::Broken(error.to_string()),
        }
    }

    /// Begins nothing further, lets what is under way end, and leaves the rest where it
    /// can be resumed.
    pub async fn stop(mut self) -> Result<(), RunError> {
        self.stop.send_replace(true);
        self.queue.stop();
        self.publisher.publisher.stop();
        let ended = tokio::time::timeout(self.grace, &mut self.dispatcher).await;
        let result = match ended {
            Ok(Ok(result)) => result.map_err(RunError::from),
            Ok(Err(error)) => Err(RunError::Broken(error.to_string())),
            Err(_) => {
                tracing::warn!(
                    grace = ?self.grace,
                    "publishes were still under way; they are looked up at the next start"
                );
                self.dispatcher.abort();
                Ok(())
            }
        };
        self.triggers.abort();
        // They end with `stop`; a client that hangs on does not keep the daemon.
        let _ = tokio::time::timeout(Duration::from_secs(2), async {
            while self.helpers.join_next().await.is_some() {}
        })
        .await;
        let _ = std::fs::remove_file(&self.ready.socket);
        result
    }
}
