//! The way to the daemon, or to the store where none runs.

use std::path::PathBuf;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::config::{self, Config, Diagnostics, ProcessEnvironment};
use crate::service::Client;
use crate::service::api::{Api, Request};
use crate::store::{Options, Store};

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

    /// One request to the daemon, or to the store itself.
    pub(super) fn call<T: DeserializeOwned>(&self, request: &Request) -> Result<T, Failure> {
        let config = self.load_plain()?;
        runtime()?.block_on(async move {
            let client = match Client::connect(&config.daemon.socket).await? {
                Some(client) => client,
                None => Client::Direct(Box::new(direct(config)?)),
            };
            Ok(client.call(request).await?)
        })
    }
}

fn direct(config: Config) -> Result<Api, Failure> {
    let options = Options {
        cache: config.daemon.cache,
    };
    let store = Store::open(&config.daemon.data_dir, &options)?;
    let (_, config) = watch::channel(Arc::new(config));
    Ok(Api {
        store,
        clock: Clock::system(),
        config,
        connectors: None,
        generators: None,
        reload: None,
    })
}

pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("no runtime: {error}")))
}
