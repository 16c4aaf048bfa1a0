//! `jarchi demo`: a week of a brand, a server to publish to, and the daemon between them.
//!
//! The daemon is the real one, on the sample configuration of `config/sample`; the server is
//! a stand-in, its visitors are made up, and the clock of all three hurries while nothing is
//! to be done.

mod audience;
mod brand;
mod news;
mod pace;
pub mod standin;
mod summary;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::config::{self, Config, Diagnostics, ProcessEnvironment};
use crate::model::{TimeSpan, Timestamp};
use crate::plugin::broker::BrokerOptions;
use crate::service::{Daemon, RunError, Started, launch};
use crate::store::Store;

pub use brand::{MARK, SAMPLE_HTTP, SAMPLE_SERVER};
pub use news::{News, Newspaper};
pub use summary::{Row, Summary};

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
    clock: Clock,
    /// When the week begins and ends.
    week: (Timestamp, Timestamp),
    serving: Serving,
    started: Started,
    tasks: [JoinHandle<()>; 2],
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
        let zone = zone_of(&config);
        let begin = pace::monday(Clock::system().now(), zone);
        let end = begin.saturating_add(TimeSpan::from_days(7));
        let (clock, throttle) = Clock::scaled(begin);
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
            clock: clock.clone(),
            broker: BrokerOptions::default(),
            prometheus: crate::service::start_metrics().ok(),
        })
        .await?;
        let hurry = tokio::spawn(pace::run(
            started.running.health.beats(),
            throttle,
            clock.clone(),
            end,
        ));
        Ok(Demo {
            dir: dir.to_owned(),
            config,
            clock,
            week: (begin, end),
            serving,
            started,
            tasks: [audience, hurry],
        })
    }

    /// By the clock that hurries.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// From when to when the demo goes.
    pub fn week(&self) -> (Timestamp, Timestamp) {
        self.week
    }

    /// Of the sample brand.
    pub fn zone(&self) -> chrono_tz::Tz {
        zone_of(&self.config)
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
        for task in self.tasks {
            task.abort();
        }
        Ok(self.started.stop().await?)
    }

    /// Between two looks at what is new.
    pub const LOOK: Duration = Duration::from_millis(100);
}

fn zone_of(config: &Config) -> chrono_tz::Tz {
    let brand = config.brands.values().next();
    brand.map_or(chrono_tz::Tz::UTC, |brand| brand.time_zone)
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
