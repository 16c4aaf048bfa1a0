//! The configuration: one TOML file and its `conf.d`.
//!
//! A file passes four stages: the TOML tree ([`reader`]) becomes sections as they stand
//! in the file ([`raw`], whose declarations are the JSON Schema too), these are resolved
//! against each other into [`Config`], and that is checked against the manifests of its
//! plugins by [`check_against`]. Every stage goes on after an error.

mod against;
mod alarms;
mod approval;
mod diagnostic;
mod diff;
mod environment;
mod expand;
mod guarded;
mod host_pattern;
mod limits;
mod load;
mod locate;
mod measure;
mod media;
mod rails;
mod raw;
mod raw_strategy;
mod reader;
mod resolve;
mod resolve_strategy;
mod schema;
mod size;
mod source;
mod strategy;
mod strategy_values;
mod suggest;
mod tables;
mod types;
mod values;
mod watch;
mod wiring;
mod words;

pub use against::{check_against, with_defaults};
pub use approval::{Approval, ApprovalConfig, ApprovalRule, Through, strictest};
pub use diagnostic::{Diagnostic, Diagnostics, Place, Severity, Snippet};
pub use diff::{Changes, Diff, diff};
pub use environment::{Environment, ProcessEnvironment};
pub use host_pattern::ParseHostPatternError;
pub use limits::Limits;
pub use load::{load, load_without_surroundings};
pub use locate::locate;
pub use schema::{keys, schema};
pub use size::{ByteSize, ParseByteSizeError};
pub use strategy::*;
pub use suggest::{did_you_mean, nearest};
pub use types::*;
pub use watch::{ExtraCheck, Loaded, Reloader};
pub use wiring::{DEFAULT_GENERATE, DEFAULT_MEASURE_ACCOUNTS, DEFAULT_PLAN};
pub use words::{HashtagPlace, LinkPlace, WordRules};

/// A configuration with every key, for people to start from.
pub const EXAMPLE: &str = include_str!("../../../config/jarchi.example.toml");
