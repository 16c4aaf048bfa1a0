//! Logs and metrics of the process.

use std::io::IsTerminal as _;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt};

use crate::config::{LogConfig, LogFormat};

#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    #[error("`daemon.log.filter` is no filter: {0}")]
    Filter(String),
    #[error("the journal can't be reached: {0}")]
    Journal(String),
    #[error("{0}")]
    Install(String),
}

/// Starts the log, on stderr or into the journal.
///
/// # Errors
/// A filter that can't be read; a journal that isn't there.
pub fn start_log(config: &LogConfig) -> Result<(), TelemetryError> {
    let filter = EnvFilter::try_new(&config.filter)
        .map_err(|error| TelemetryError::Filter(error.to_string()))?;
    let journal =
        || tracing_journald::layer().map_err(|error| TelemetryError::Journal(error.to_string()));
    let human = || {
        fmt::layer()
            .with_target(false)
            .with_ansi(std::io::stderr().is_terminal())
            .with_writer(std::io::stderr)
            .boxed()
    };
    let layer: Box<dyn Layer<Registry> + Send + Sync> = match config.format {
        LogFormat::Human => human(),
        LogFormat::Json => fmt::layer()
            .json()
            .flatten_event(true)
            .with_writer(std::io::stderr)
            .boxed(),
        LogFormat::Journald => journal()?.boxed(),
        // systemd names the journal's stream in this variable.
        LogFormat::Auto if std::env::var_os("JOURNAL_STREAM").is_some() => match journal() {
            Ok(layer) => layer.boxed(),
            Err(_) => human(),
        },
        LogFormat::Auto => human(),
    };
    tracing_subscriber::registry()
        .with(layer.with_filter(filter))
        .try_init()
        .map_err(|error| TelemetryError::Install(error.to_string()))
}

/// Seconds in which things take place: from a flush to a platform's patience.
const BUCKETS: [f64; 12] = [
    0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 3600.0,
];

/// Starts the recording of metrics.
///
/// # Errors
/// Another recorder is installed.
pub fn start_metrics() -> Result<PrometheusHandle, TelemetryError> {
    let wrong =
        |error: metrics_exporter_prometheus::BuildError| TelemetryError::Install(error.to_string());
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &BUCKETS)
        .map_err(wrong)?
        .install_recorder()
        .map_err(wrong)
}
