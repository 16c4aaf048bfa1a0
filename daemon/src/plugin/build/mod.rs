//! Builds plugins: a crate becomes a component with its manifest inside.
//!
//! The crate is compiled for `wasm32-unknown-unknown`, where nothing can be imported but the
//! interface, so that a component's imports are exactly what it may do. Nothing is written
//! that the daemon would refuse to load.

mod cargo;
mod encode;
mod names;
mod toolchain;

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::plugin::component::{InspectError, Inspection};
use crate::plugin::manifest::{Manifest, ManifestError};

use cargo::{Crate, Workspace};

pub use toolchain::{TARGET, ToolchainError};

/// The file beside a plugin's `Cargo.toml` that becomes its manifest.
pub const MANIFEST: &str = "plugin.toml";

/// How plugins are built.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the components go; else each into its crate's folder.
    pub out: Option<PathBuf>,
    /// What cargo keeps between builds; else `plugins` in the workspace's own target
    /// folder, or the user's cache for a crate that stands alone.
    pub target_dir: Option<PathBuf>,
    /// Cargo's words go to standard error as they come; else only an error has them.
    pub live: bool,
    /// Packages and targets that are missing may be installed.
    pub install: bool,
}

/// A plugin that was built.
#[derive(Clone, Debug)]
pub struct Built {
    /// `NAME.wasm`.
    pub path: PathBuf,
    pub inspection: Inspection,
    /// The file was not the same before.
    pub changed: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error(
        "{} has no {file}; a plugin's crate has Cargo.toml and {MANIFEST} in one folder (`jarchi plugin new` makes one)", .dir.display()
    )]
    NoCrate { dir: PathBuf, file: &'static str },
    #[error("{} is wrong:\n{problems}", .path.display())]
    Manifest {
        path: PathBuf,
        problems: ManifestError,
    },
    #[error("{} and {} are both called `{name}`", .dirs[0].display(), .dirs[1].display())]
    SameName { name: String, dirs: [PathBuf; 2] },
    #[error(
        "{} makes no plugin: its Cargo.toml needs\n\n[lib]\ncrate-type = [\"cdylib\", \"rlib\"]\n", .dir.display()
    )]
    NoLibrary { dir: PathBuf },
    #[error(transparent)]
    Toolchain(#[from] ToolchainError),
    /// The output is empty where it was shown as it came.
    #[error("`{command}` failed ({status}){}{output}", if .output.is_empty() { "" } else { ":\n" })]
    Cargo {
        command: String,
        status: String,
        output: String,
    },
    #[error("`{command}` could not be started: {source}")]
    Start { command: String, source: io::Error },
    #[error("cargo gave an answer that can't be read: {0}")]
    Answer(String),
    #[error("{} compiles, but can't become a component: {reason}", .dir.display())]
    Encode { dir: PathBuf, reason: String },
    #[error("{} compiles, but is no plugin: {reason}", .dir.display())]
    Refused { dir: PathBuf, reason: InspectError },
    #[error(
        "{} compiles, but imports {}, which plugins don't get: a dependency of it asks for more than the interface", .dir.display(), .imports.join(", ")
    )]
    Imports { dir: PathBuf, imports: Vec<String> },
    #[error("{} can't be {action}: {source}", .path.display())]
    File {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
}

impl BuildError {
    fn file(action: &'static str, path: &Path, source: io::Error) -> Self {
        BuildError::File {
            action,
            path: path.to_owned(),
            source,
        }
    }
}

/// Builds the plugins whose crates are in these folders, in that order.
///
/// Crates of one workspace are built in one run of cargo. Builds that share a target folder
/// wait for one another, in other processes too; what has not changed costs next to nothing.
///
/// # Errors
/// The first that occurs; components that were written before stay.
pub fn build(dirs: &[PathBuf], options: &Options) -> Result<Vec<Built>, BuildError> {
    let sources = dirs
        .iter()
        .map(|dir| Source::read(dir))
        .collect::<Result<Vec<_>, _>>()?;
    let mut names: BTreeMap<&str, &Path> = BTreeMap::new();
    for source in &sources {
        if let Some(other) = names.insert(&source.name, &source.dir) {
            return Err(BuildError::SameName {
                name: source.name.clone(),
                dirs: [other.to_owned(), source.dir.clone()],
            });
        }
    }

    let mut built: BTreeMap<usize, Built> = BTreeMap::new();
    while let Some(first) = (0..sources.len()).find(|index| !built.contains_key(index)) {
        let toolchain = toolchain::find(&sources[first].dir, options)?;
        let workspace = Workspace::of(&sources[first].dir, &toolchain)?;
        let mut members = Vec::new();
        for (index, source) in sources.iter().enumerate() {
            match workspace.member(&source.dir)? {
                Some(member) => members.push((index, member)),
                None if index == first => {
                    return Err(BuildError::Answer(format!(
                        "{} is not in its own workspace",
                        source.dir.display()
                    )));
                }
                None => {}
            }
        }
        let target_dir = target_dir(&workspace, options);
        // Held until the components are written: they come out of files that the next build
        // replaces.
        let _one = lock(&target_dir, options.live)?;
        let crates: Vec<&Crate> = members.iter().map(|(_, member)| *member).collect();
        let modules = cargo::build(&workspace, &crates, &toolchain, &target_dir, options)?;
        for ((index, _), module) in members.into_iter().zip(modules) {
            let source = &sources[index];
            let out = options.out.as_deref().unwrap_or(&source.dir);
            built.insert(index, encode::component(source, &module, out)?);
        }
    }
    Ok(built.into_values().collect())
}

/// A plugin's folder, before anything is compiled.
struct Source {
    /// Without links or `..`, as cargo names it.
    dir: PathBuf,
    name: String,
    /// The text of `plugin.toml`.
    manifest: String,
}

impl Source {
    fn read(dir: &Path) -> Result<Self, BuildError> {
        let none = |file| BuildError::NoCrate {
            dir: dir.to_owned(),
            file,
        };
        let dir = dir
            .canonicalize()
            .map_err(|error| BuildError::file("read", dir, error))?;
        if !dir.join("Cargo.toml").is_file() {
            return Err(none("Cargo.toml"));
        }
        let path = dir.join(MANIFEST);
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(none(MANIFEST)),
            text => text.map_err(|error| BuildError::file("read", &path, error))?,
        };
        let manifest =
            Manifest::parse(&text).map_err(|problems| BuildError::Manifest { path, problems })?;
        Ok(Source {
            dir,
            name: manifest.name,
            manifest: text,
        })
    }
}

fn target_dir(workspace: &Workspace, options: &Options) -> PathBuf {
    if let Some(dir) = &options.target_dir {
        return dir.clone();
    }
    // Crates that stand alone share one, so that the standard library is compiled once.
    if workspace.stands_alone
        && let Some(cache) = cache_dir()
    {
        return cache.join("jarchi/plugin-target");
    }
    workspace.target_dir.join("plugins")
}

/// By the XDG base directory specification, a path that is not absolute counts as unset.
fn cache_dir() -> Option<PathBuf> {
    let absolute = |name| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")))
}

fn lock(target_dir: &Path, live: bool) -> Result<File, BuildError> {
    let path = target_dir.join(".jarchi-lock");
    let failed = |error| BuildError::file("locked", &path, error);
    fs::create_dir_all(target_dir).map_err(|error| BuildError::file("made", target_dir, error))?;
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(TryLockError::Error(error)) => return Err(failed(error)),
        Err(TryLockError::WouldBlock) => {}
    }
    if live {
        eprintln!("waiting for another build in {}", target_dir.display());
    }
    file.lock().map_err(failed)?;
    Ok(file)
}
