//! `jarchi run`.

use std::process::ExitCode;

use crate::clock::Clock;
use crate::config::ProcessEnvironment;
use crate::plugin::broker::BrokerOptions;
use crate::service::{Daemon, RunError, run_daemon, start_log, start_metrics};

use super::client::{Context, remedy};
use super::output::Failure;

/// Run the daemon in the foreground
///
/// It ends with SIGTERM or SIGINT, after what is under way has ended; SIGHUP, or a changed
/// file, loads the configuration anew.
#[derive(Clone, Debug, clap::Args)]
pub struct RunArgs {}

pub(super) fn run(context: &Context, _: &RunArgs) -> Result<ExitCode, Failure> {
    let config = context.load()?;
    start_log(&config.daemon.log).map_err(|error| Failure::wrong(error.to_string()))?;
    let prometheus = start_metrics().map_err(|error| Failure::failed(error.to_string()))?;
    let plain = config.clone();
    let daemon = Daemon {
        config,
        environment: Box::new(ProcessEnvironment),
        clock: Clock::system(),
        broker: BrokerOptions::default(),
        prometheus: Some(prometheus),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("no runtime: {error}")))?;
    let ended = runtime.block_on(run_daemon(daemon));
    ended.map_err(|error| match error {
        RunError::Store(error) => remedy(&plain, error),
        error => error.into(),
    })?;
    Ok(ExitCode::SUCCESS)
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Store(error) => error.into(),
            RunError::Plugins(_) => Failure::wrong(error.to_string())
                .help("`jarchi check` shows what each plugin wants and what it is granted"),
            RunError::Listen { .. } | RunError::Key(_) => Failure::wrong(error.to_string()),
            RunError::Broken(_) => Failure::failed(error.to_string()),
        }
    }
}
