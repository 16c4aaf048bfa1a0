//! The wasm host: engine, limits, registry, broker, vault.
//!
//! [`Host`] is the engine with everything that a plugin can call; [`Registry`] holds the
//! plugins that are loaded; a [`Plugin`] is called through one function for each of the
//! interface's. Every call runs on an instance of its own, inside the limits of the
//! plugin's configuration, and whatever it does is the error of that call alone.

mod bindings;
pub mod broker;
pub mod build;
mod cache;
mod call;
mod capabilities;
mod code;
pub mod component;
mod convert;
mod engine;
mod files;
mod host;
mod limits;
pub mod manifest;
mod refused;
mod registry;
mod types;
pub mod vault;
pub mod wants;

/// The types of `inbox`, as the interface has them.
pub mod inbox {
    pub use super::bindings::exports::jarchi::plugin::inbox::*;
}
/// The types of `promoter`, as the interface has them.
pub mod promoter {
    pub use super::bindings::exports::jarchi::plugin::promoter::*;
}

pub use bindings::jarchi::plugin::types as interface;
pub use cache::{CacheError, Origin};
pub use call::{CallError, Called, LimitReached, Trap};
pub use component::Capability;
pub use engine::EngineError;
pub use files::{FileError, FileInfo, Library};
pub use host::{Carrier, KvStore, MemoryKv, Site};
pub use limits::{Bytes, Limit, Reached, Usage};
pub(crate) use refused::judge;
pub use refused::{LoadError, LoadReason};
pub use registry::{Changes, Host, HostError, HostOptions, Plugin, Registry};
pub use types::{
    AccountLimits, Batch, Brief, Campaign, Due, Finding, Generated, Outcome, Pillar, PostMetrics,
    PublishRequest, Quota, Standing, Subject, Target, Voice,
};

#[cfg(test)]
mod tests;
