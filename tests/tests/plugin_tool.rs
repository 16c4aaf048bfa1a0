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
use serde_json::{Value, json};

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

/// The answer of a command that succeeds.
fn answer(dir: &Path, arguments: &[&str]) -> Value {
    let output = jarchi(dir, arguments);
    assert!(
        output.status.success(),
        "{}{}",
        stderr(&output),
        stdout(&output)
    );
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// The words of a command that refuses what it is asked, with the status 2.
fn refused(dir: &Path, arguments: &[&str]) -> String {
    let output = jarchi(dir, arguments);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert_eq!(stdout(&output), "");
    stderr(&output)
}

/// Cargo as an author calls it: nothing is left of the one that runs these tests.
fn cargo(dir: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    let shared = plugins::checkout().join("target/plugins/native");
    command
        .args(arguments)
        .arg("--target-dir")
        .arg(shared)
        .current_dir(dir)
        .output()
        .expect("cargo starts")
}

#[test]
fn a_new_plugin_passes_its_tests_is_built_and_is_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    for (name, kind) in [("notes", "connector"), ("shop-news", "generator")] {
        let made = jarchi(dir, &["plugin", "new", name, "--kind", kind]);
        assert!(made.status.success(), "{}", stderr(&made));
        // The versions that this checkout is tested with.
        let lock = plugins::checkout().join("Cargo.lock");
        fs::copy(lock, dir.join(name).join("Cargo.lock")).unwrap();
        let tested = cargo(&dir.join(name), &["test"]);
        assert!(
            tested.status.success(),
            "{}{}",
            stderr(&tested),
            stdout(&tested)
        );
        assert!(
            stdout(&tested).contains("test result: ok. "),
            "{}",
            stdout(&tested)
        );
    }

    let target = plugins::checkout().join("target/plugins");
    let target = target.to_str().unwrap();
    let build = [
        "plugin",
        "build",
        "notes",
        "shop-news",
        "--out",
        "plugins",
        "--target-dir",
        target,
        "--json",
    ];
    let built = answer(dir, &build);
    assert_eq!(built[0]["name"], "notes");
    assert_eq!(built[0]["changed"], true);
    assert_eq!(built[0]["capabilities"], json!(["publisher", "analytics"]));
    assert_eq!(built[1]["capabilities"], json!(["generator"]));
    let again = answer(dir, &build);
    assert_eq!(again[0]["changed"], false);

    let found = answer(dir, &["plugin", "inspect", "plugins/notes.wasm", "--json"]);
    assert_eq!(found["manifest"]["name"], "notes");
    assert_eq!(found["refused"], Value::Null);
    let words = stdout(&jarchi(dir, &["plugin", "inspect", "plugins/notes.wasm"]));
    for line in [
        "notes 0.1.0: Publishes on …",
        "does       publisher, analytics",
        "hosts      ${setting:server}",
        "goes into the header authorization to ${setting:server}",
        "server (url; required): The account's server",
        "the same key can't double a post for 3600 s",
    ] {
        assert!(words.contains(line), "{line} is not in\n{words}");
    }

    let config = r#"
[daemon]
data_dir = "data"
plugin_dir = "plugins"
http = false
[[brand]]
name = "Shop"
time_zone = "Asia/Baku"
[[account]]
name = "ours"
plugin = "notes"
settings = { server = "https://notes.example" }
secrets = { token = "${file:token}" }
[[generator]]
name = "news"
plugin = "shop-news"
accounts = ["ours"]
settings = { source = "https://shop.example/news.json" }
"#;
    fs::write(dir.join("jarchi.toml"), config).unwrap();
    fs::write(dir.join("token"), "a-token\n").unwrap();
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(dir.join("token"), private).unwrap();
    let checked = answer(dir, &["check", "--json"]);
    assert_eq!(checked["errors"], 0, "{checked}");
    assert_eq!(checked["plugins"][0]["hosts"][0]["host"], "notes.example");
    assert_eq!(checked["plugins"][1]["capabilities"], json!(["generator"]));

    // One that nobody names, one that is cut off, one that is gone.
    fs::copy(plugins::stock("rss"), dir.join("plugins/rss.wasm")).unwrap();
    let whole = fs::read(dir.join("plugins/notes.wasm")).unwrap();
    fs::write(dir.join("plugins/notes.wasm"), &whole[..5000]).unwrap();
    fs::remove_file(dir.join("plugins/shop-news.wasm")).unwrap();
    let list = answer(dir, &["plugin", "list", "--json"]);
    let names: Vec<&str> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["notes", "rss", "shop-news"]);
    assert_eq!(list[0]["used_by"], json!(["account ours"]));
    assert!(
        list[0]["refused"]
            .as_str()
            .unwrap()
            .contains("cut off after 5000 bytes")
    );
    assert_eq!(list[1]["used_by"], json!([]));
    assert_eq!(list[1]["version"], "0.1.0");
    assert_eq!(list[1]["refused"], Value::Null);
    assert_eq!(list[2]["used_by"], json!(["generator news"]));
    assert!(
        list[2]["refused"]
            .as_str()
            .unwrap()
            .contains("can't be read")
    );
}

#[test]
fn a_new_plugin_takes_no_bad_name_and_overwrites_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    for name in ["Notes", "7up", "a_b", "notes-", "a\"b", "../notes", ""] {
        let words = refused(dir, &["plugin", "new", name, "--kind", "connector"]);
        assert!(words.contains("is no name for a plugin"), "{words}");
    }
    assert_eq!(fs::read_dir(dir).unwrap().count(), 0);

    fs::create_dir(dir.join("notes")).unwrap();
    fs::write(dir.join("notes/mine.txt"), "mine").unwrap();
    let words = refused(dir, &["plugin", "new", "notes", "--kind", "generator"]);
    assert!(words.contains("already there, and not empty"), "{words}");
    assert_eq!(fs::read_dir(dir.join("notes")).unwrap().count(), 1);

    let words = refused(
        dir,
        &[
            "plugin",
            "new",
            "other",
            "--kind",
            "generator",
            "--sdk",
            "notes",
        ],
    );
    assert!(
        words.contains("is not the folder of jarchi-plugin-sdk"),
        "{words}"
    );
    assert!(!dir.join("other").exists());
}

#[test]
fn what_is_no_plugin_is_inspected_with_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let mastodon = fs::read(plugins::stock("mastodon")).unwrap();
    let half = &mastodon[..mastodon.len() / 2];
    let mut damaged = mastodon.clone();
    damaged[mastodon.len() / 2..][..64].fill(0xff);
    let module: &[u8] = b"\0asm\x01\0\0\0";
    for (name, bytes, words) in [
        ("half.wasm", half, "cut off after"),
        ("damaged.wasm", &damaged, "damaged or not valid, at byte"),
        ("module.wasm", module, "a core module, not a component"),
        ("words.wasm", b"words", "not a WebAssembly file"),
        ("empty.wasm", b"", "the file is empty"),
    ] {
        fs::write(dir.join(name), bytes).unwrap();
        let told = refused(dir, &["plugin", "inspect", name]);
        assert!(told.contains(name) && told.contains(words), "{told}");
    }
    let told = refused(dir, &["plugin", "inspect", "absent.wasm"]);
    assert!(told.contains("absent.wasm: No such file"), "{told}");
}

#[test]
fn a_crate_that_does_not_compile_or_is_no_plugin_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let crate_of = |library: &str, source: &str| {
        fs::create_dir_all(dir.join("src")).unwrap();
        let cargo = format!(
            "[package]\nname = \"jarchi-plugin-broken\"\nversion = \"0.1.0\"\nedition = \"2024\"\n{library}"
        );
        fs::write(dir.join("Cargo.toml"), cargo).unwrap();
        fs::write(
            dir.join("plugin.toml"),
            "name = \"broken\"\nversion = \"0.1.0\"\n",
        )
        .unwrap();
        fs::write(dir.join("src/lib.rs"), source).unwrap();
    };
    let target = plugins::checkout().join("target/plugins");
    let build = ["plugin", "build", "--target-dir", target.to_str().unwrap()];

    crate_of("", "");
    let words = refused(dir, &build);
    assert!(
        words.contains("crate-type = [\"cdylib\", \"rlib\"]"),
        "{words}"
    );

    // As in other plugins: what they are made of is compiled already.
    let library = "[lib]\ncrate-type = [\"cdylib\", \"rlib\"]\n";
    crate_of(library, "pub fn broken() -> u8 { \"no number\" }");
    let words = refused(dir, &build);
    assert!(
        words.contains("mismatched types") && words.contains("failed (exit status: 101)"),
        "{words}"
    );

    crate_of(library, "");
    let words = refused(dir, &build);
    assert!(
        words.contains("compiles, but is no plugin") && words.contains("exports no capability"),
        "{words}"
    );

    crate_of(
        library,
        "#[link(wasm_import_module = \"env\")]\nunsafe extern \"C\" { fn outside(); }\n\
         #[unsafe(no_mangle)]\npub extern \"C\" fn inside() { unsafe { outside() } }",
    );
    let words = refused(dir, &build);
    assert!(
        words.contains("compiles, but can't become a component"),
        "{words}"
    );
    assert!(words.contains("env"), "{words}");
    assert!(!dir.join("broken.wasm").exists());
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
        // Functions have names, and those are short.
        assert!(
            text.contains(" as jarchi_plugin_sdk::capability::"),
            "{name}"
        );
        assert!(!text.contains("_RNv"), "{name}");
        found.capabilities.into_iter().collect::<Vec<_>>()
    };
    let connector = [Capability::Publisher, Capability::Analytics];
    assert_eq!(capabilities("mastodon"), connector);
    assert_eq!(capabilities("bluesky"), connector);
    assert_eq!(capabilities("library"), [Capability::Generator]);
    assert_eq!(capabilities("rss"), [Capability::Generator]);
    assert_eq!(capabilities("template"), [Capability::Generator]);
    assert_eq!(capabilities("trends"), [Capability::Generator]);
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
