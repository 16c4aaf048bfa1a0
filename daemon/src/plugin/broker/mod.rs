//! The part of the daemon that carries a plugin's HTTP.

mod types;

pub use types::*;
