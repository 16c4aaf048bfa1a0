//! `jarchi demo`: a brand, a server to publish to, and the daemon between them.
//!
//! The daemon is the real one, on the sample configuration of `config/sample`; only the
//! server is a stand-in, and its visitors are made up.

mod audience;
mod brand;
mod news;
pub mod standin;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::config::{self, Config, Diagnostics, ProcessEnvironment};
use crate::plugin::broker::BrokerOptions;
use crate::service::{Daemon, RunError, Started, launch};
use crate::store::Store;

pub use brand::{MARK, SAMPLE_HTTP, SAMPLE_SERVER};
pub use news::{News, Newspaper};

use standin::{Serving, StandinError};

#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error("{} is there already and was not made by a demo", .0.display())]
    Taken(PathBuf),
    #[error("{}: {error}", .path.display())]
    Write { path: PathBuf, error: io::Error },
    #[error("the demo's server can't listen on this machine: {0}")]
    Listen(io::Error),
    #[error("the sample configuration can't be used: {0}")]
    Config(Diagnostics),
    #[error(transparent)]
    Standin(#[from] StandinError),
    #[error(transparent)]
    Run(#[from] RunError),
}

/// A demo that runs, until it is stopped.
pub struct Demo {
    /// With everything in it.
    pub dir: PathBuf,
    pub config: Config,
    serving: Serving,
    started: Started,
    audience: JoinHandle<()>,
}

impl Demo {
    /// Writes the sample brand into `dir` and starts everything. `plugins` is the folder
    /// with the built components. What an earlier demo left in `dir` is replaced.
    ///
    /// # Errors
    /// A `dir` that no demo made, or that can't be written; the daemon's own.
    pub async fn start(dir: &Path, plugins: &Path) -> Result<Self, DemoError> {
        let server = listen(SAMPLE_SERVER).await.map_err(DemoError::Listen)?;
        let address = server.local_addr().map_err(DemoError::Listen)?;
        // Freed again for the daemon, which opens it itself.
        let http = listen(SAMPLE_HTTP)
            .await
            .and_then(|listener| listener.local_addr())
            .map_err(DemoError::Listen)?;
        let config_file = brand::write(dir, plugins, address, http)?;
        let (config, _) =
            config::load(&config_file, &ProcessEnvironment).map_err(DemoError::Config)?;
        let clock = Clock::system();
        let zone = config
            .brands
            .values()
            .next()
            .map_or(chrono_tz::Tz::UTC, |brand| brand.time_zone);
        let serving = Serving::on(
            server,
            standin::Options {
                clock: clock.clone(),
                zone,
                ..standin::Options::default()
            },
        )
        .map_err(DemoError::Listen)?;
        for (account, display_name, token) in brand::accounts(dir)? {
            serving.server.add_account(account, display_name);
            serving.server.grant(account, &token, standin::ALL_SCOPES)?;
        }
        let audience = tokio::spawn(audience::run(serving.server.clone()));
        let started = launch(Daemon {
            config: config.clone(),
            environment: Box::new(ProcessEnvironment),
            clock,
            broker: BrokerOptions::default(),
            prometheus: crate::service::start_metrics().ok(),
        })
        .await?;
        Ok(Demo {
            dir: dir.to_owned(),
            config,
            serving,
            started,
            audience,
        })
    }

    /// The page that shows what was posted.
    pub fn page(&self) -> &str {
        self.serving.server.base()
    }

    /// `/healthz`, `/readyz` and `/metrics`.
    pub fn http(&self) -> Option<SocketAddr> {
        self.started.ready().http
    }

    pub fn store(&self) -> &Store {
        self.started.running.store()
    }

    /// Returns when a part of the daemon has ended that should not have.
    pub async fn broken(&mut self) -> RunError {
        self.started.running.broken().await
    }

    /// An orderly stop; the files stay.
    ///
    /// # Errors
    /// The daemon's.
    pub async fn stop(self) -> Result<(), DemoError> {
        self.audience.abort();
        Ok(self.started.stop().await?)
    }

    /// Between two looks at what is new.
    pub const LOOK: Duration = Duration::from_millis(300);
}

/// The usual port, else a free one.
async fn listen(usual: SocketAddr) -> io::Result<TcpListener> {
    match TcpListener::bind(usual).await {
        Ok(listener) => Ok(listener),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await
        }
        Err(error) => Err(error),
    }
}
