//! Opening the store, which one process has at a time.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::config;
use crate::store::{Options, Store, StoreError};

use super::socket;

/// A command has the store for a moment, a daemon for good: who finds it in use waits so
/// long before it counts as the latter.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(20);

/// Waits for a command, or for a daemon that ends, to give the store back; not for a
/// daemon that answers.
///
/// # Errors
/// The store's.
pub async fn open_store(daemon: &config::Daemon) -> Result<Store, StoreError> {
    let options = Options {
        cache: daemon.cache,
    };
    let deadline = Instant::now() + PATIENCE;
    loop {
        match Store::open(&daemon.data_dir, &options) {
            Err(StoreError::Locked(_))
                if Instant::now() < deadline && !socket::answers(&daemon.socket) =>
            {
                sleep(PAUSE).await;
            }
            opened => return opened,
        }
    }
}
