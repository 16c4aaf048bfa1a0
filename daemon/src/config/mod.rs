//! The configuration: one TOML file and its `conf.d`.

mod diagnostic;
mod guarded;
mod types;

pub use diagnostic::{Diagnostic, Diagnostics, Place, Severity, Snippet};
pub use types::*;
