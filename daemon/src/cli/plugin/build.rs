use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::cli::output::{Failure, print};
use crate::plugin::Bytes;
use crate::plugin::build::{self, BuildError, Built, Options};
use crate::plugin::component::Capability;

/// Build plugins: compile the crates, and put their manifests into the components
///
/// Takes the target wasm32-unknown-unknown of your own Rust toolchain; else a distribution's
/// Rust with the standard library's source, which root on Debian has installed; else asks
/// rustup for the target.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct BuildArgs {
    /// Folders of plugins' crates [default: this folder]
    #[arg(value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    dirs: Vec<PathBuf>,
    /// Where NAME.wasm goes [default: the crate's folder]
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    out: Option<PathBuf>,
    /// What is kept between builds [default: target/plugins of the workspace, or the user's
    /// cache for a crate that stands alone]
    #[arg(long, value_name = "DIR", env = "JARCHI_PLUGIN_TARGET_DIR",
          value_hint = clap::ValueHint::DirPath)]
    target_dir: Option<PathBuf>,
    /// Install no compiler or target that is missing
    #[arg(long)]
    no_install: bool,
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
}

/// A plugin that was built, as `--json` prints it.
#[derive(Serialize)]
struct Outcome<'a> {
    name: &'a str,
    version: String,
    path: &'a Path,
    /// Bytes.
    size: u64,
    capabilities: Vec<Capability>,
    changed: bool,
}

impl<'a> From<&'a Built> for Outcome<'a> {
    fn from(built: &'a Built) -> Self {
        let found = &built.inspection;
        Outcome {
            name: &found.manifest.name,
            version: found.manifest.version.to_string(),
            path: &built.path,
            size: found.size,
            capabilities: found.capabilities.iter().copied().collect(),
            changed: built.changed,
        }
    }
}

pub(super) fn run(args: &BuildArgs) -> Result<(), Failure> {
    let here = [PathBuf::from(".")];
    let dirs = match &args.dirs[..] {
        [] => &here,
        dirs => dirs,
    };
    let absolute = |dir: &Option<PathBuf>| dir.as_deref().map(std::path::absolute).transpose();
    let options = Options {
        out: absolute(&args.out)?,
        target_dir: absolute(&args.target_dir)?,
        live: true,
        install: !args.no_install,
    };
    let built = build::build(dirs, &options)?;
    let outcomes: Vec<Outcome<'_>> = built.iter().map(Outcome::from).collect();
    print(&outcomes, args.json, |outcomes| {
        let lines: Vec<String> = outcomes.iter().map(line).collect();
        lines.join("\n")
    })
}

fn line(one: &Outcome<'_>) -> String {
    let capabilities: Vec<&str> = one.capabilities.iter().map(|it| it.name()).collect();
    format!(
        "{}: {} {}, {}, {}{}",
        one.path.display(),
        one.name,
        one.version,
        capabilities.join(", "),
        Bytes(one.size),
        if one.changed { "" } else { " (as before)" },
    )
}

impl From<BuildError> for Failure {
    fn from(error: BuildError) -> Self {
        match error {
            BuildError::File { .. } | BuildError::Start { .. } | BuildError::Answer(_) => {
                Failure::failed(error.to_string())
            }
            error => Failure::wrong(error.to_string()),
        }
    }
}
