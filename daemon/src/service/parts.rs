//! What serves accounts: the wasm host, the broker, the vault and the keeper of tokens. A
//! daemon is built on them, and so is a command that connects an account where no daemon
//! runs.

use std::sync::Arc;

use tokio::sync::watch;

use crate::account::Keeper;
use crate::clock::Clock;
use crate::config::{Config, Environment};
use crate::media::{Created, Preparer};
use crate::plugin::broker::{Broker, BrokerOptions};
use crate::plugin::vault::{self, Key, Vault};
use crate::plugin::{Host, HostOptions, Registry};
use crate::store::Store;

use super::{Accounts, Offers, Plugins, RunError, StoredKv, VaultSecrets};

pub struct Parts {
    pub broker: Broker,
    /// Nothing is loaded yet.
    pub registry: Arc<Registry>,
    pub plugins: Plugins,
    pub accounts: Accounts,
    pub offers: Offers,
    /// What generators made.
    pub created: Arc<Created>,
}

impl Parts {
    /// # Errors
    /// The vault's key is missing or wrong; the host does not start.
    pub fn new(
        store: Store,
        config: watch::Receiver<Arc<Config>>,
        environment: &dyn Environment,
        clock: Clock,
        options: BrokerOptions,
    ) -> Result<Self, RunError> {
        fn broken(error: impl ToString) -> RunError {
            RunError::Broken(error.to_string())
        }
        let daemon = config.borrow().daemon.clone();
        vault::settle_rotation(&store, &daemon.data_dir)?;
        let key = Key::find(environment, &daemon.data_dir)?;
        let offers = Offers::new(store.clone(), clock.clone(), config.clone(), &key);
        let vault = Vault::open(store.clone(), key);
        let broker = Broker::new(options, clock.clone()).map_err(broken)?;
        let created = Arc::new(Created::new(&daemon.data_dir, clock.clone(), {
            let (store, config) = (store.clone(), config.clone());
            move || {
                let wanted = config.borrow().daemon.keep_free;
                store.room(wanted).map_err(|error| error.to_string())
            }
        }));
        let host = Host::new(HostOptions {
            cache_dir: daemon.data_dir.join("compiled"),
            concurrency: daemon.concurrency,
            carrier: Arc::new(broker.clone()),
            kv: Arc::new(StoredKv(store.clone())),
            urls: Some(Arc::new(offers.clone())),
            created: Some(created.clone()),
            clock: clock.clone(),
        })
        .map_err(broken)?;
        let prepared = daemon.data_dir.join("prepared");
        let preparer = Preparer::open(prepared.clone(), clock.clone())
            .map_err(|error| broken(format!("{}: {error}", prepared.display())))?;
        let registry = Arc::new(Registry::new(host));
        let keeper = Keeper::new(
            store.clone(),
            clock.clone(),
            config.clone(),
            registry.clone(),
            vault.clone(),
            broker.clone(),
        );
        let plugins = Plugins::new(
            registry.clone(),
            config.clone(),
            Arc::new(VaultSecrets(vault)),
            keeper.clone(),
            preparer,
        );
        Ok(Parts {
            accounts: Accounts::new(plugins.clone(), keeper, config, store, clock),
            broker,
            registry,
            plugins,
            offers,
            created,
        })
    }
}
