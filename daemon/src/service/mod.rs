//! Wires the stations together: start, reload, readiness, orderly stop.

pub mod api;
mod endpoint;
mod health;
mod plugins;
mod run;
mod socket;
mod triggers;
mod worker;

pub use endpoint::Endpoint;
pub use health::{Health, Readiness};
pub use plugins::{Plugins, SecretSource, StoredKv};
pub use run::{Ready, RunError, Running, Setup, start};
pub use socket::{Client, ClientError};
pub use triggers::{generate_lane, measure_lane};
