//! The plugins of this checkout as components, built when a test first asks for one.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use jarchi::plugin::build::{Options, build};

/// The component of `plugins/NAME` or `tests/plugins/NAME`.
///
/// # Panics
/// There is no such plugin, or the plugins can't be built.
pub fn stock(name: &str) -> PathBuf {
    let path = plugin_dir().join(format!("{name}.wasm"));
    assert!(
        path.is_file(),
        "there is no plugin {name} in plugins/ or tests/plugins/"
    );
    path
}

/// The folder that holds them all, for a configuration's `plugin_dir`.
///
/// # Panics
/// The plugins can't be built.
pub fn plugin_dir() -> PathBuf {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match BUILT.get_or_init(build_all) {
        Ok(dir) => dir.clone(),
        Err(reason) => panic!("{reason}"),
    }
}

/// The folder of the whole checkout.
pub fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ lies in the checkout")
}

/// Every process asks cargo, which finds nothing to do where nothing has changed.
fn build_all() -> Result<PathBuf, String> {
    let mut dirs = Vec::new();
    for folder in ["plugins", "tests/plugins"] {
        let folder = checkout().join(folder);
        let entries =
            std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        dirs.extend(
            entries
                .flatten()
                .map(|entry| entry.path())
                .filter(|dir| dir.join("plugin.toml").is_file()),
        );
    }
    dirs.sort();
    let target_dir = checkout().join("target/plugins");
    let out = target_dir.join("components");
    let options = Options {
        out: Some(out.clone()),
        target_dir: Some(target_dir),
        live: false,
        install: true,
    };
    build(&dirs, &options).map_err(|error| format!("the plugins can't be built: {error}"))?;
    Ok(out)
}
