//! The daemon's own binary, as it was built along with the tests.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::SystemTime;

use crate::plugins::checkout;

/// `jarchi`, beside the tests that run.
///
/// Tests of other packages may be run without it; it is built then, or when it is older than
/// its sources.
///
/// # Panics
/// It can't be built.
pub fn jarchi() -> PathBuf {
    static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match FOUND.get_or_init(find) {
        Ok(path) => path.clone(),
        Err(reason) => panic!("{reason}"),
    }
}

fn find() -> Result<PathBuf, String> {
    // Another build, an installed one say.
    if let Some(path) = env::var_os("JARCHI_TEST_BINARY") {
        return Ok(path.into());
    }
    let test = env::current_exe().map_err(|error| format!("this test's own path: {error}"))?;
    // PROFILE/deps/NAME-HASH of a test, PROFILE/NAME of a program.
    let folder = test
        .parent()
        .map(|folder| match folder.ends_with("deps") {
            true => folder.parent().unwrap_or(folder),
            false => folder,
        })
        .ok_or_else(|| format!("{} is not in a target folder", test.display()))?;
    let binary = folder.join("jarchi");
    if !is_current(&binary) {
        build(folder)?;
        if !binary.is_file() {
            return Err(format!("{} was built and is not there", binary.display()));
        }
    }
    Ok(binary)
}

/// Not older than any file that cargo says it is made of.
fn is_current(binary: &Path) -> bool {
    let changed = |path: &Path| -> Option<SystemTime> { fs::metadata(path).ok()?.modified().ok() };
    let (Some(built), Ok(rule)) = (
        changed(binary),
        fs::read_to_string(binary.with_extension("d")),
    ) else {
        return false;
    };
    let sources = rule.split_once(": ").map_or("", |(_, sources)| sources);
    // Spaces in names are escaped.
    sources
        .trim_end()
        .replace("\\ ", "\0")
        .split(' ')
        .map(|name| name.replace('\0', " "))
        .all(|name| changed(Path::new(&name)).is_some_and(|source| source <= built))
}

/// With the daemon's own tests, since a build without them selects other features, and so
/// compiles half of the dependencies anew.
fn build(folder: &Path) -> Result<(), String> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args(["test", "--workspace", "--no-run", "--test", "config"])
        .current_dir(checkout())
        .stdin(Stdio::null());
    match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => {}
        Some(profile) => {
            command.args(["--profile", profile]);
        }
    }
    if let Some(target) = folder.parent() {
        command.arg("--target-dir").arg(target);
    }
    // These speak of the tests' package.
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    let output = command
        .output()
        .map_err(|error| format!("cargo can't be started: {error}"))?;
    if !output.status.success() {
        return Err(format!(
            "the daemon can't be built: {}",
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    Ok(())
}
