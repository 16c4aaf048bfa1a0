//! `jarchi schema`: the JSON Schema of the configuration, for editors.

use std::io::{self, Write};
use std::process::ExitCode;

use crate::config;

/// Print the JSON Schema of the configuration, for editors
///
/// `jarchi schema > jarchi.schema.json`, and `#:schema ./jarchi.schema.json` as the first
/// line of jarchi.toml: editors with a TOML language server then complete keys, show what
/// they mean, and mark what is wrong.
#[derive(Clone, Debug, clap::Args)]
pub struct SchemaArgs {}

impl SchemaArgs {
    /// # Errors
    /// Those of `out`.
    pub fn run(&self, out: &mut dyn Write) -> io::Result<ExitCode> {
        serde_json::to_writer_pretty(&mut *out, &config::schema())?;
        writeln!(out)?;
        Ok(ExitCode::SUCCESS)
    }
}
