//! The configuration: one TOML file and its `conf.d`.

mod diagnostic;
mod guarded;
mod host_pattern;
mod types;

pub use diagnostic::{Diagnostic, Diagnostics, Place, Severity, Snippet};
pub use host_pattern::ParseHostPatternError;
pub use types::*;
