//! The wasm host: engine, limits, registry, broker.

pub mod broker;
pub mod component;
pub mod manifest;
