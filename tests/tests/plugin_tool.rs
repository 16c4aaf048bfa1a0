//! `jarchi plugin`, as authors and operators call it.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what goes wrong fails the test"
)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use jarchi::plugin::component::{Capability, inspect};
use jarchi_tests::{bin, plugins};

fn jarchi(dir: &Path, arguments: &[&str]) -> Output {
    Command::new(bin::jarchi())
        .args(arguments)
        .current_dir(dir)
        .env_remove("JARCHI_CONFIG")
        .output()
        .expect("it starts")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn stock_plugins_import_the_interface_and_nothing_else() {
    let capabilities = |name: &str| {
        let bytes = fs::read(plugins::stock(name)).unwrap();
        let found = inspect(&bytes).unwrap();
        assert_eq!(found.manifest.name, name);
        assert_eq!(found.foreign_imports().count(), 0, "{:?}", found.imports);
        let text = String::from_utf8_lossy(&bytes);
        for folder in [env!("CARGO_MANIFEST_DIR"), "/registry/src/", "/usr/src/"] {
            assert!(!text.contains(folder), "{name} tells of {folder}");
        }
        found.capabilities.into_iter().collect::<Vec<_>>()
    };
    let connector = [Capability::Publisher, Capability::Analytics];
    assert_eq!(capabilities("mastodon"), connector);
    assert_eq!(capabilities("bluesky"), connector);
    assert_eq!(capabilities("library"), [Capability::Generator]);
    assert_eq!(capabilities("rss"), [Capability::Generator]);
}

#[test]
fn what_is_no_plugins_crate_is_told_before_anything_is_compiled() {
    let folder = tempfile::tempdir().unwrap();
    let built = jarchi(folder.path(), &["plugin", "build"]);
    assert_eq!(built.status.code(), Some(2), "{}", stderr(&built));
    assert!(
        stderr(&built).contains("has no Cargo.toml"),
        "{}",
        stderr(&built)
    );

    fs::write(folder.path().join("Cargo.toml"), "").unwrap();
    let built = jarchi(folder.path(), &["plugin", "build"]);
    assert!(
        stderr(&built).contains("has no plugin.toml"),
        "{}",
        stderr(&built)
    );

    let manifest = "name = \"Notes\"\nversion = \"1\"\n";
    fs::write(folder.path().join("plugin.toml"), manifest).unwrap();
    let built = jarchi(folder.path(), &["plugin", "build"]);
    assert_eq!(built.status.code(), Some(2));
    let words = stderr(&built);
    assert!(
        words.contains("line 1, `name`") && words.contains("line 2, `version`"),
        "{words}"
    );
    assert_eq!(stdout(&built), "");
}
