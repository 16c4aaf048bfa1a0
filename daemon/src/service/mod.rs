//! Wires the stations together: start, reload, readiness, orderly stop.

mod account_answers;
mod accounts;
mod alarms;
pub mod api;
mod consult;
mod daemon;
mod endpoint;
mod folders;
mod health;
mod inbox;
mod links;
mod media;
mod opening;
mod parts;
mod plugins;
mod prepare;
mod preview;
mod run;
mod secrets;
mod socket;
mod telemetry;
mod upkeep;
mod worker;

pub use account_answers::{
    AccountReport, AuthStart, Secret, SecretWanted, TargetList, TokenReport,
};
pub use accounts::Accounts;
pub use daemon::{Daemon, Started, launch, run as run_daemon};
pub use endpoint::Endpoint;
pub use health::{Health, Readiness};
pub use links::Links;
pub use media::Offers;
pub use opening::open_store;
pub use parts::Parts;
pub use plugins::{Plugins, SecretSource, StoredKv};
pub use preview::{Preview, preview};
pub use run::{Ready, RunError, Running, Setup, start};
pub use secrets::VaultSecrets;
pub use socket::{Client, ClientError};
pub use telemetry::{TelemetryError, start_log, start_metrics};
