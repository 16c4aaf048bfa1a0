//! The configuration: one TOML file and its `conf.d`.

mod types;

pub use types::*;
