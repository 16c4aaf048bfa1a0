//! The wasm host: engine, limits, registry, broker.

pub mod broker;
pub mod manifest;
