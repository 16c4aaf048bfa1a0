//! Runs cargo, apart from a cargo that may be around this process.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

use super::toolchain::{Toolchain, home};
use super::{BuildError, Options, TARGET};

/// The cargo profile that plugins are built with.
const PROFILE: &str = "plugin";

/// What the profile says where a workspace has none of that name: small code, and function
/// names for backtraces.
const SETTINGS: [(&str, &str); 6] = [
    ("inherits", "\"release\""),
    ("opt-level", "\"s\""),
    ("lto", "true"),
    ("codegen-units", "1"),
    ("strip", "\"debuginfo\""),
    ("panic", "\"abort\""),
];

/// What of cargo's variables says where and how things are fetched. All others would change
/// what is built, or are left by a cargo that runs this process.
const KEPT: [&str; 8] = [
    "CARGO_HOME",
    "CARGO_NET_",
    "CARGO_HTTP_",
    "CARGO_REGISTRY_",
    "CARGO_REGISTRIES_",
    "CARGO_SOURCE_",
    "CARGO_TERM_",
    "CARGO_BUILD_JOBS",
];

/// A command without the variables that would change what it builds.
pub(super) fn command(program: &Path, dir: &Path) -> Command {
    let mut command = Command::new(program);
    let in_cargo = env::var_os("CARGO").is_some();
    for (name, _) in env::vars_os() {
        if leaks(&name, in_cargo) {
            command.env_remove(name);
        }
    }
    command.current_dir(dir).stdin(Stdio::null());
    command
}

fn leaks(name: &OsStr, in_cargo: bool) -> bool {
    let Some(name) = name.to_str() else {
        return false;
    };
    if name == "RUSTUP_TOOLCHAIN" {
        // A person's choice counts; that of a cargo around this process does not.
        return in_cargo;
    }
    if name.starts_with("CARGO") {
        return !KEPT.iter().any(|kept| name.starts_with(kept));
    }
    name.starts_with("RUSTC") || name.starts_with("RUSTDOC") || name == "RUSTFLAGS"
}

/// The words of a command, for an error.
pub(super) fn words(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(
        command
            .get_args()
            .map(|argument| argument.to_string_lossy().into_owned()),
    );
    words.join(" ")
}

/// What a command printed.
///
/// # Errors
/// It does not start or fails; its output is in the error.
pub(super) fn output(mut command: Command) -> Result<String, BuildError> {
    let words = words(&command);
    match command.output() {
        Ok(output) if output.status.success() => String::from_utf8(output.stdout)
            .map_err(|_| BuildError::Answer(format!("`{words}` printed no UTF-8"))),
        Ok(output) => Err(BuildError::Cargo {
            command: words,
            status: output.status.to_string(),
            output: String::from_utf8_lossy(&output.stderr)
                .trim_end()
                .to_owned(),
        }),
        Err(source) => Err(BuildError::Start {
            command: words,
            source,
        }),
    }
}

/// A workspace, or a crate that stands alone.
pub(super) struct Workspace {
    root: PathBuf,
    crates: Vec<Crate>,
    pub(super) target_dir: PathBuf,
    pub(super) stands_alone: bool,
    /// Its `Cargo.toml` says how plugins are built.
    has_profile: bool,
}

#[derive(Debug)]
pub(super) struct Crate {
    id: String,
    dir: PathBuf,
    has_library: bool,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_root: PathBuf,
    target_directory: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    manifest_path: PathBuf,
    targets: Vec<CrateTarget>,
}

#[derive(Deserialize)]
struct CrateTarget {
    crate_types: Vec<String>,
}

impl Workspace {
    pub(super) fn of(dir: &Path, toolchain: &Toolchain) -> Result<Self, BuildError> {
        let mut command = toolchain.cargo(dir);
        command.args(["metadata", "--no-deps", "--format-version", "1"]);
        let metadata: Metadata = serde_json::from_str(&output(command)?)
            .map_err(|error| BuildError::Answer(format!("`cargo metadata`: {error}")))?;
        let path = metadata.workspace_root.join("Cargo.toml");
        let manifest =
            fs::read_to_string(&path).map_err(|error| BuildError::file("read", &path, error))?;
        let manifest: toml::Table = manifest
            .parse()
            .map_err(|error| BuildError::Answer(format!("{}: {error}", path.display())))?;
        let crates = metadata
            .packages
            .into_iter()
            .map(|package| Crate {
                id: package.id,
                dir: package
                    .manifest_path
                    .parent()
                    .unwrap_or(&package.manifest_path)
                    .to_owned(),
                has_library: package
                    .targets
                    .iter()
                    .any(|target| target.crate_types.iter().any(|kind| kind == "cdylib")),
            })
            .collect::<Vec<_>>();
        Ok(Workspace {
            stands_alone: crates.len() == 1,
            crates,
            has_profile: manifest
                .get("profile")
                .and_then(|profiles| profiles.get(PROFILE))
                .is_some(),
            root: metadata.workspace_root,
            target_dir: metadata.target_directory,
        })
    }

    /// The crate in this folder, where it is one of the workspace's.
    pub(super) fn member(&self, dir: &Path) -> Result<Option<&Crate>, BuildError> {
        match self.crates.iter().find(|one| one.dir == dir) {
            Some(one) if !one.has_library => Err(BuildError::NoLibrary {
                dir: dir.to_owned(),
            }),
            found => Ok(found),
        }
    }
}

/// A line of cargo's messages.
#[derive(Deserialize)]
struct Message {
    reason: String,
    package_id: Option<String>,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

/// Compiles crates of a workspace to core modules; their files, in the same order.
pub(super) fn build(
    workspace: &Workspace,
    crates: &[&Crate],
    toolchain: &Toolchain,
    target_dir: &Path,
    options: &Options,
) -> Result<Vec<PathBuf>, BuildError> {
    let mut command = toolchain.cargo(&workspace.root);
    command
        .args(["build", "--lib", "--target", TARGET, "--profile", PROFILE])
        .args(["--message-format", "json-render-diagnostics"])
        .arg("--target-dir")
        .arg(target_dir);
    toolchain.for_target(&mut command);
    if !workspace.has_profile {
        for (key, value) in SETTINGS {
            command.arg(format!("--config=profile.{PROFILE}.{key}={value}"));
        }
    }
    command.arg(format!(
        "--config=target.{TARGET}.rustflags={}",
        remapped(toolchain)
    ));
    for one in crates {
        command.args(["--package", &one.id]);
    }
    let messages = run(command, options.live)?;

    let module = |one: &&Crate| {
        let artifact = messages.iter().rev().find_map(|message| {
            let ours = message.reason == "compiler-artifact"
                && message.package_id.as_ref() == Some(&one.id);
            message
                .filenames
                .iter()
                .find(|file| ours && file.extension().is_some_and(|end| end == "wasm"))
        });
        artifact.cloned().ok_or_else(|| {
            BuildError::Answer(format!("it tells of no module for {}", one.dir.display()))
        })
    };
    crates.iter().map(module).collect()
}

/// Panics name files; the folders that those happen to lie in on this machine don't belong
/// into a plugin.
fn remapped(toolchain: &Toolchain) -> String {
    let mut flags = Vec::new();
    if let Some(cargo_home) = home("CARGO_HOME", ".cargo") {
        flags.push(format!(
            "--remap-path-prefix={}=",
            cargo_home.join("registry/src").display()
        ));
    }
    if let Some(source) = toolchain.source() {
        flags.push(format!("--remap-path-prefix={}=/rust", source.display()));
    }
    toml::Value::from(flags).to_string()
}

/// Runs cargo to its end, and gives the messages that it printed.
fn run(mut command: Command, live: bool) -> Result<Vec<Message>, BuildError> {
    let words = words(&command);
    let stderr = if live {
        Stdio::inherit()
    } else {
        Stdio::piped()
    };
    let failed = |source| BuildError::Start {
        command: words.clone(),
        source,
    };
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(stderr)
        .spawn()
        .map_err(failed)?;
    let errors = child.stderr.take().map(|mut pipe| {
        std::thread::spawn(move || {
            let mut text = Vec::new();
            // What was read until then is what there is to show.
            let _ = pipe.read_to_end(&mut text);
            String::from_utf8_lossy(&text).trim_end().to_owned()
        })
    });
    let mut messages = Vec::new();
    if let Some(pipe) = child.stdout.take() {
        for line in BufReader::new(pipe).lines() {
            // Build scripts' own words are among them.
            if let Ok(message) = serde_json::from_str(&line.map_err(failed)?) {
                messages.push(message);
            }
        }
    }
    let status = child.wait().map_err(failed)?;
    let output = errors
        .map(|thread| {
            thread
                .join()
                .map_err(|_| io::Error::other("its output is lost"))
        })
        .transpose()
        .map_err(failed)?
        .unwrap_or_default();
    if !status.success() {
        return Err(BuildError::Cargo {
            command: words,
            status: status.to_string(),
            output,
        });
    }
    Ok(messages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outer_cargo_changes_nothing() {
        let gone = [
            "CARGO",
            "CARGO_PKG_NAME",
            "CARGO_MANIFEST_DIR",
            "CARGO_ENCODED_RUSTFLAGS",
            "CARGO_TARGET_DIR",
            "CARGO_BUILD_TARGET",
            "CARGO_BUILD_RUSTFLAGS",
            "CARGO_INCREMENTAL",
            "CARGO_PROFILE_RELEASE_LTO",
            "RUSTC",
            "RUSTC_WRAPPER",
            "RUSTC_BOOTSTRAP",
            "RUSTFLAGS",
        ];
        let stays = [
            "CARGO_HOME",
            "CARGO_NET_OFFLINE",
            "CARGO_HTTP_PROXY",
            "CARGO_REGISTRIES_OURS_TOKEN",
            "CARGO_TERM_COLOR",
            "CARGO_BUILD_JOBS",
            "RUSTUP_HOME",
            "RUST_BACKTRACE",
            "PATH",
            "HOME",
        ];
        for name in gone {
            assert!(leaks(OsStr::new(name), true), "{name}");
        }
        for name in stays {
            assert!(!leaks(OsStr::new(name), true), "{name}");
        }
        assert!(leaks(OsStr::new("RUSTUP_TOOLCHAIN"), true));
        assert!(!leaks(OsStr::new("RUSTUP_TOOLCHAIN"), false));
    }
}
