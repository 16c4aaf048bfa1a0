//! Finds a compiler for the target, or has one installed.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use semver::Version;

use super::{BuildError, Options, cargo};

/// Nothing is imported there that the crate does not name itself.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// The first that knows the SDK's edition.
const OLDEST: Version = Version::new(1, 85, 0);

/// Debian's compiler with the standard library's source, as its browsers are built with.
const PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];

/// A compiler that makes core modules.
#[derive(Clone, Debug)]
pub(super) struct Toolchain {
    cargo: PathBuf,
    /// None where cargo is to find its own.
    rustc: Option<PathBuf>,
    standard: Standard,
}

/// Where the standard library comes from.
#[derive(Clone, Debug)]
enum Standard {
    Installed,
    /// Compiled along with the plugin, out of this source.
    Source {
        source: PathBuf,
        linker: PathBuf,
    },
}

impl Toolchain {
    pub(super) fn cargo(&self, dir: &Path) -> Command {
        let mut command = cargo::command(&self.cargo, dir);
        if let Some(rustc) = &self.rustc {
            command.env("RUSTC", rustc);
        }
        command
    }

    /// What a build for the target needs beyond that.
    pub(super) fn for_target(&self, command: &mut Command) {
        let Standard::Source { linker, .. } = &self.standard else {
            return;
        };
        command.arg("-Zbuild-std=std,panic_abort");
        // Building the standard library is not stable; a distribution's compiler does it for
        // its own packages in the same way.
        command.env("RUSTC_BOOTSTRAP", "1");
        command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
    }

    /// The standard library's source, where that is compiled.
    pub(super) fn source(&self) -> Option<&Path> {
        match &self.standard {
            Standard::Installed => None,
            Standard::Source { source, .. } => Some(source),
        }
    }
}

/// No compiler makes plugins here.
#[derive(Debug, thiserror::Error)]
#[error("no Rust compiler here makes WebAssembly{}\n{WAYS}", listed(.tried))]
pub struct ToolchainError {
    /// What was looked at, and why it does not do.
    pub tried: Vec<String>,
}

const WAYS: &str = "One of these is needed:
  - the target in your own toolchain: `rustup target add wasm32-unknown-unknown`
  - a distribution's Rust with the standard library's source; on Debian
    `apt-get install rustc-web cargo-web rust-web-src`, and `lld` where rustup is not installed";

fn listed(tried: &[String]) -> String {
    let mut text = String::from(":");
    for one in tried {
        // Writing into a string does not fail.
        let _ = write!(text, "\n  - {one}");
    }
    text
}

/// What is looked at.
struct Places {
    /// The user's own compiler.
    cargo: PathBuf,
    rustc: PathBuf,
    rustup: PathBuf,
    /// Where the distribution has its own.
    system: PathBuf,
    /// Where linkers may lie, beside those of the compilers.
    linkers: Vec<PathBuf>,
}

impl Places {
    fn here() -> Self {
        let mut linkers = Vec::new();
        if let Some(toolchains) = home("RUSTUP_HOME", ".rustup")
            .and_then(|rustup| fs::read_dir(rustup.join("toolchains")).ok())
        {
            let host = format!("lib/rustlib/{}/bin", host());
            linkers.extend(toolchains.flatten().map(|one| one.path().join(&host)));
        }
        linkers.sort();
        if let Some(path) = env::var_os("PATH") {
            linkers.extend(env::split_paths(&path));
        }
        linkers.push("/usr/bin".into());
        Places {
            cargo: "cargo".into(),
            rustc: "rustc".into(),
            rustup: "rustup".into(),
            system: "/usr/bin".into(),
            linkers,
        }
    }
}

/// Where rustup and cargo keep what is theirs.
pub(super) fn home(variable: &str, folder: &str) -> Option<PathBuf> {
    env::var_os(variable)
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(folder)))
}

/// This machine, in the words of compilers.
fn host() -> String {
    let libc = if cfg!(target_env = "musl") {
        "musl"
    } else {
        "gnu"
    };
    format!("{}-unknown-linux-{libc}", env::consts::ARCH)
}

/// The first of the ways that is open: the user's own toolchain, the distribution's, one that
/// is installed now.
pub(super) fn find(dir: &Path, options: &Options) -> Result<Toolchain, BuildError> {
    let places = Places::here();
    let mut tried = Vec::new();
    if let Some(found) = look(&places, dir, &mut tried) {
        return Ok(found);
    }
    if options.install {
        for install in [install_packages, install_target] {
            if install(&places, dir, options, &mut tried)
                && let Some(found) = look(&Places::here(), dir, &mut tried)
            {
                return Ok(found);
            }
        }
    }
    Err(ToolchainError { tried }.into())
}

fn look(places: &Places, dir: &Path, tried: &mut Vec<String>) -> Option<Toolchain> {
    own(places, dir)
        .or_else(|reason| {
            tried.push(reason);
            system(places, dir)
        })
        .map_err(|reason| tried.push(reason))
        .ok()
}

/// The toolchain that the user's `cargo` stands for in this folder, with the target in it.
fn own(places: &Places, dir: &Path) -> Result<Toolchain, String> {
    let rustc = &places.rustc;
    let libraries = ask(
        rustc,
        dir,
        &["--print", "target-libdir", "--target", TARGET],
    )?;
    if !has_standard_library(Path::new(&libraries)) {
        return Err(format!(
            "`{}` does not have the target {TARGET}",
            rustc.display()
        ));
    }
    Ok(Toolchain {
        cargo: places.cargo.clone(),
        rustc: None,
        standard: Standard::Installed,
    })
}

fn has_standard_library(libraries: &Path) -> bool {
    fs::read_dir(libraries).is_ok_and(|files| {
        files
            .flatten()
            .any(|file| file.file_name().to_string_lossy().starts_with("libcore-"))
    })
}

/// The distribution's compiler, with the target or the standard library's source.
fn system(places: &Places, dir: &Path) -> Result<Toolchain, String> {
    let (cargo, rustc) = (places.system.join("cargo"), places.system.join("rustc"));
    if let Some(missing) = [&rustc, &cargo].into_iter().find(|path| !path.exists()) {
        return Err(format!("there is no {}", missing.display()));
    }
    let version = ask(&rustc, dir, &["--version"])?;
    let number = version.split(' ').nth(1).unwrap_or_default();
    if !Version::parse(number).is_ok_and(|number| number >= OLDEST) {
        return Err(format!(
            "{} is {version}, and {OLDEST} is the oldest that does",
            rustc.display()
        ));
    }
    let libraries = ask(
        &rustc,
        dir,
        &["--print", "target-libdir", "--target", TARGET],
    )?;
    let found = |standard| Toolchain {
        cargo: cargo.clone(),
        rustc: Some(rustc.clone()),
        standard,
    };
    if has_standard_library(Path::new(&libraries)) {
        return Ok(found(Standard::Installed));
    }
    let sysroot = PathBuf::from(ask(&rustc, dir, &["--print", "sysroot"])?);
    let source = sysroot.join("lib/rustlib/src/rust");
    if !source.join("library/std/Cargo.toml").is_file() {
        return Err(format!(
            "{} has neither the target {TARGET} nor the standard library's source",
            rustc.display()
        ));
    }
    let own = sysroot.join(format!("lib/rustlib/{}/bin", host()));
    let folders = || std::iter::once(&own).chain(&places.linkers);
    let linker = ["rust-lld", "wasm-ld"]
        .iter()
        .find_map(|name| {
            folders()
                .map(|folder| folder.join(name))
                .find(|path| path.is_file())
        })
        .ok_or_else(|| {
            format!(
                "{} has the standard library's source, but there is no linker: neither rust-lld nor wasm-ld",
                rustc.display()
            )
        })?;
    Ok(found(Standard::Source {
        // The compiler names its files by this path.
        source: source.canonicalize().unwrap_or(source),
        linker,
    }))
}

fn ask(program: &Path, dir: &Path, arguments: &[&str]) -> Result<String, String> {
    let mut command = cargo::command(program, dir);
    command.args(arguments);
    match cargo::output(command) {
        Ok(text) => Ok(text.trim().to_owned()),
        Err(BuildError::Start { command, source }) => {
            Err(format!("`{command}` can't be started: {source}"))
        }
        Err(error) => Err(error.to_string()),
    }
}

/// Root on Debian has the packages installed.
fn install_packages(_: &Places, dir: &Path, options: &Options, tried: &mut Vec<String>) -> bool {
    if !Path::new("/etc/debian_version").exists() || !rustix::process::geteuid().is_root() {
        tried.push("Debian's packages: only root on Debian installs them".to_owned());
        return false;
    }
    let mut packages = PACKAGES.to_vec();
    if !Places::here()
        .linkers
        .iter()
        .any(|folder| folder.join("rust-lld").is_file() || folder.join("wasm-ld").is_file())
    {
        packages.push("lld");
    }
    let apt = |arguments: &[&str]| {
        let mut command = cargo::command(Path::new("apt-get"), dir);
        command
            .args(["-o", "DPkg::Lock::Timeout=300"])
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    let mut install = vec!["install", "-y", "--no-install-recommends"];
    install.extend(&packages);
    // An index that is partly out of reach may still know the packages.
    let _ = attempt(apt(&["update"]), options);
    done(attempt(apt(&install), options), tried)
}

fn install_target(places: &Places, dir: &Path, options: &Options, tried: &mut Vec<String>) -> bool {
    let mut command = cargo::command(&places.rustup, dir);
    command.args(["target", "add", TARGET]);
    done(attempt(command, options), tried)
}

fn attempt(command: Command, options: &Options) -> Result<String, BuildError> {
    if options.live {
        eprintln!("no compiler for {TARGET} yet: {}", cargo::words(&command));
    }
    cargo::output(command)
}

fn done(result: Result<String, BuildError>, tried: &mut Vec<String>) -> bool {
    match result {
        Ok(_) => true,
        Err(error) => {
            tried.push(error.to_string());
            false
        }
    }
}

#[cfg(test)]
mod tests;
