//! Accounts that stay connected: the user lets them in once ([`grant`]), and their tokens
//! are kept alive from then on ([`refresh`]).
//!
//! The tokens are in the vault, under the names that the plugin's manifest gives them; what
//! is no secret of them, their ends above all, is a record of the store. A new token is
//! durable before it is used and before the one before it is forgotten: many platforms
//! take a refresh token once only.

mod answer;
mod ask;
mod grant;
mod party;
mod refresh;
#[cfg(test)]
mod tests;
mod times;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::clock::Clock;
use crate::config::Config;
use crate::model::Timestamp;
use crate::plugin::Registry;
use crate::plugin::broker::Broker;
use crate::plugin::vault::{Vault, VaultError};
use crate::store::{Store, StoreError, View};

pub use grant::{Begun, Granted, lacking};
pub use party::{Party, settings_of};
pub use refresh::{Trouble, schedule_all};

/// Why an account could not be connected.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AuthError {
    /// What the caller, or the configuration, lacks.
    #[error("{0}")]
    Wrong(String),
    /// The platform, or the user there, said no.
    #[error("{0}")]
    Refused(String),
    #[error("{0}")]
    Unreachable(String),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Vault(#[from] VaultError),
}

/// What the daemon knows that keeps accounts connected. A cheap handle.
#[derive(Clone)]
pub struct Keeper(Arc<Inner>);

struct Inner {
    store: Store,
    clock: Clock,
    config: watch::Receiver<Arc<Config>>,
    registry: Arc<Registry>,
    vault: Vault,
    broker: Broker,
    /// One refresh at a time for each account.
    turns: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
    /// Users who are at a platform's page right now.
    pending: Mutex<Vec<grant::Pending>>,
}

impl Keeper {
    pub fn new(
        store: Store,
        clock: Clock,
        config: watch::Receiver<Arc<Config>>,
        registry: Arc<Registry>,
        vault: Vault,
        broker: Broker,
    ) -> Self {
        Keeper(Arc::new(Inner {
            store,
            clock,
            config,
            registry,
            vault,
            broker,
            turns: Mutex::default(),
            pending: Mutex::default(),
        }))
    }

    pub fn vault(&self) -> &Vault {
        &self.0.vault
    }

    /// What has been committed.
    pub fn view(&self) -> View<'_> {
        self.0.store.view()
    }

    fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// The account with all that its platform asks for. None: it is not configured, or its
    /// plugin is not loaded.
    pub fn party(&self, account: &str) -> Option<Party> {
        let config = self.0.config.borrow().clone();
        let account = config.accounts.get(account)?;
        let plugin = self.0.registry.get(&account.plugin)?;
        Some(Party::new(
            &config,
            account,
            plugin.manifest(),
            self.0.store.view(),
        ))
    }

    fn turn(&self, account: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.0.turns.lock().unwrap_or_else(PoisonError::into_inner);
        turns.entry(account.to_owned()).or_default().clone()
    }
}
