//! Why a plugin is not taken: told at the start, and not at the first call.

use std::fmt;
use std::path::PathBuf;

use wasmtime::component::Component;

use crate::config::{Limits, PluginConfig};

use super::cache::CacheError;
use super::component::{self, InspectError, Inspection};
use super::engine::{MEMORIES, TABLE_ELEMENTS, TABLES};
use super::limits::Bytes;

/// A plugin that is not taken, and why.
#[derive(Debug)]
pub struct LoadError {
    pub plugin: String,
    pub path: PathBuf,
    pub reason: Box<LoadReason>,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LoadError {
            plugin,
            path,
            reason,
        } = self;
        write!(f, "plugin `{plugin}` ({}): {reason}", path.display())
    }
}

impl std::error::Error for LoadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.reason)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum LoadReason {
    #[error("the file can't be read: {0}")]
    Read(std::io::Error),
    #[error(transparent)]
    Inspect(InspectError),
    #[error("its manifest calls it `{0}`; the [[plugin]] block must use that name")]
    Name(String),
    #[error(
        "it imports {}, which plugins don't get; they have {}", .0.join(", "), OFFERED.join(", ")
    )]
    Imports(Vec<String>),
    #[error(
        "it imports {}: plugins get no WASI. Build it with `jarchi plugin build`, which leaves WASI out (other languages: with their tool's option to stub WASI)", .0.join(", ")
    )]
    Wasi(Vec<String>),
    #[error("{what}, and {allowed} are allowed{hint}")]
    Resources {
        what: String,
        allowed: String,
        hint: &'static str,
    },
    #[error("it can't be compiled: {0}")]
    Compile(CacheError),
    #[error("its imports or exports don't have the types of the interface: {0}")]
    Link(String),
}

/// The interfaces that a plugin can import.
const OFFERED: [&str; 7] = ["types", "http", "media", "kv", "log", "clock", "random"];

/// Whether a component can be loaded under the name that its configuration gives it.
pub(crate) fn judge(inspection: &Inspection, config: &PluginConfig) -> Result<(), LoadReason> {
    if inspection.manifest.name != config.name {
        return Err(LoadReason::Name(inspection.manifest.name.clone()));
    }
    inspection.fits().map_err(LoadReason::Inspect)?;
    let (wasi, foreign): (Vec<&str>, Vec<&str>) = inspection
        .imports
        .iter()
        .map(String::as_str)
        .filter(|import| !is_offered(import))
        .partition(|import| import.starts_with("wasi:"));
    let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
    if !foreign.is_empty() {
        return Err(LoadReason::Imports(owned(foreign)));
    }
    if !wasi.is_empty() {
        return Err(LoadReason::Wasi(owned(wasi)));
    }
    Ok(())
}

fn is_offered(import: &str) -> bool {
    import
        .strip_prefix(component::PACKAGE)
        .and_then(|rest| rest.strip_prefix('/'))
        .and_then(|rest| rest.split('@').next())
        .is_some_and(|interface| OFFERED.contains(&interface))
}

/// Bytes of a page of memory.
const PAGE: u64 = 64 << 10;

/// What it takes at the least, told at the start and not at the first call.
pub(super) fn needs(component: &Component, limits: &Limits) -> Result<(), LoadReason> {
    let Some(needs) = component.resources_required() else {
        return Ok(());
    };
    let too_many = |what: String, allowed: String, hint| {
        Err(LoadReason::Resources {
            what,
            allowed,
            hint,
        })
    };
    if needs.num_memories > MEMORIES {
        return too_many(
            format!("it has {} memories", needs.num_memories),
            MEMORIES.to_string(),
            "",
        );
    }
    if needs.num_tables > TABLES {
        return too_many(
            format!("it has {} tables", needs.num_tables),
            TABLES.to_string(),
            "",
        );
    }
    let elements = needs.max_initial_table_size.unwrap_or(0);
    if elements > TABLE_ELEMENTS as u64 {
        return too_many(
            format!("it has a table of {elements} elements"),
            TABLE_ELEMENTS.to_string(),
            "",
        );
    }
    let memory = needs.max_initial_memory_size.unwrap_or(0) * PAGE;
    if memory > limits.memory {
        return too_many(
            format!("it starts with {} of memory", Bytes(memory)),
            Bytes(limits.memory).to_string(),
            " (`limits.memory` in its [[plugin]] block)",
        );
    }
    Ok(())
}
