//! The way to the daemon, or to the store where none runs.

use std::path::PathBuf;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::config::{self, Config, Diagnostics, ProcessEnvironment, Run};
use crate::plugin::broker::BrokerOptions;
use crate::plugin::vault::VaultError;
use crate::service::api::{Api, Request};
use crate::service::{Client, Parts, RunError, open_store};
use crate::store::{self, Store, StoreError};

use super::output::Failure;

/// What every command gets.
pub(super) struct Context {
    pub(super) config: Option<PathBuf>,
}

impl Context {
    pub(super) fn path(&self) -> Result<PathBuf, Failure> {
        Ok(config::locate(self.config.as_deref(), &ProcessEnvironment)?)
    }

    /// The configuration with its secrets.
    pub(super) fn load(&self) -> Result<Config, Failure> {
        let (config, warnings) = config::load(&self.path()?, &ProcessEnvironment)?;
        if !warnings.is_empty() {
            super::tell(&Diagnostics(warnings));
        }
        Ok(config)
    }

    /// The configuration as far as commands need it: they run where the daemon's secrets
    /// are not at hand.
    pub(super) fn load_plain(&self) -> Result<Config, Failure> {
        Ok(config::load_without_surroundings(&self.path()?)?.0)
    }

    /// The daemon, or the store with the vault open and the plugins of these accounts at
    /// hand; of all, where none is named.
    pub(super) async fn with_accounts(&self, names: &[String]) -> Result<Client, Failure> {
        let store = match found(&self.load_plain()?).await? {
            Found::Daemon(client) => return Ok(client),
            Found::Store(store) => store,
        };
        let config = self.load()?;
        let plugins = config.plugins.clone().into_iter().filter(|(plugin, _)| {
            let mut accounts = config.accounts.values();
            accounts
                .any(|one| one.plugin == *plugin && (names.is_empty() || names.contains(&one.name)))
        });
        let plugins = plugins.collect();
        let mut api = direct(config, store.clone());
        let parts = Parts::new(
            store,
            api.config.clone(),
            &ProcessEnvironment,
            Clock::system(),
            BrokerOptions::default(),
        )?;
        // A key of this command's own would seal what the daemon can't open.
        let vault = parts.accounts.keeper().vault();
        let closed = vault
            .check()
            .map_err(|error| Failure::failed(error.to_string()))?;
        if let Some(error) = closed
            .iter()
            .find(|error| matches!(error, VaultError::OtherKey { .. }))
        {
            return Err(Failure::wrong(error.to_string()).help(
                "start the daemon, which has the key, and run this again; or give this command \
                 the same key",
            ));
        }
        if let Err(errors) = parts.registry.load(&plugins).await {
            let words = errors.iter().map(ToString::to_string).collect();
            return Err(RunError::Plugins(words).into());
        }
        api.connectors = Some(Arc::new(parts.plugins));
        api.accounts = Some(parts.accounts);
        Ok(Client::Direct(Box::new(api)))
    }

    /// For many requests: the daemon, or the store, which stays open meanwhile.
    pub(super) fn session(&self) -> Result<Session, Failure> {
        let config = self.load_plain()?;
        let runtime = runtime()?;
        let client = runtime.block_on(client(config))?;
        Ok(Session { runtime, client })
    }

    /// One request to the daemon, or to the store itself.
    pub(super) fn call<T: DeserializeOwned>(&self, request: &Request) -> Result<T, Failure> {
        let config = self.load_plain()?;
        runtime()?.block_on(async move { Ok(client(config).await?.call(request).await?) })
    }
}

pub(super) struct Session {
    runtime: tokio::runtime::Runtime,
    client: Client,
}

impl Session {
    pub(super) fn call<T: DeserializeOwned>(&self, request: &Request) -> Result<T, Failure> {
        Ok(self.runtime.block_on(self.client.call(request))?)
    }
}

/// What can't be opened may be restored: the latest backup is named.
pub(super) fn remedy(config: &Config, error: StoreError) -> Failure {
    let is_lost = matches!(
        error,
        StoreError::Torn { .. }
            | StoreError::Open { .. }
            | StoreError::Damaged(_)
            | StoreError::Newer { .. }
    );
    let failure = Failure::from(error);
    match latest_backup(config).filter(|_| is_lost) {
        Some(file) => failure.help(format!(
            "the latest backup that was found: `jarchi restore {}`",
            file.display()
        )),
        None => failure,
    }
}

fn latest_backup(config: &Config) -> Option<PathBuf> {
    let scheduled = config.schedules.values().filter_map(|one| match &one.run {
        Run::Backup { folder, .. } => Some(folder.clone()),
        _ => None,
    });
    scheduled
        .chain([backup_folder(config)])
        .filter_map(|folder| store::backups(&folder).into_iter().next())
        .max_by(|a, b| a.file_name().cmp(&b.file_name()))
}

/// Where a backup goes that nobody names a place for.
pub(super) fn backup_folder(config: &Config) -> PathBuf {
    config.daemon.data_dir.join("backups")
}

async fn client(config: Config) -> Result<Client, Failure> {
    Ok(match found(&config).await? {
        Found::Daemon(client) => client,
        Found::Store(store) => Client::Direct(Box::new(direct(config, store))),
    })
}

/// Who has the store.
enum Found {
    Daemon(Client),
    /// Nobody.
    Store(Store),
}

async fn found(config: &Config) -> Result<Found, Failure> {
    loop {
        let socket = &config.daemon.socket;
        if let Some(client) = Client::connect(socket).await? {
            return Ok(Found::Daemon(client));
        }
        match open_store(&config.daemon).await {
            Ok(store) => return Ok(Found::Store(store)),
            // A daemon that was starting is there now.
            Err(StoreError::Locked(_)) if Client::connect(socket).await?.is_some() => {}
            Err(error) => return Err(remedy(config, error)),
        }
    }
}

fn direct(config: Config, store: Store) -> Api {
    let (_, config) = watch::channel(Arc::new(config));
    Api {
        store,
        clock: Clock::system(),
        config,
        connectors: None,
        generators: None,
        alarms: None,
        links: None,
        reload: None,
        accounts: None,
    }
}

pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("no runtime: {error}")))
}
