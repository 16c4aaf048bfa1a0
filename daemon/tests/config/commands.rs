//! `jarchi check`, `jarchi schema` and `jarchi init`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use jarchi::cli::check::CheckArgs;
use jarchi::cli::init::{Ask, InitArgs};
use jarchi::cli::schema::SchemaArgs;
use jarchi::config;
use jarchi::plugin::component::embed_manifest;
use serde_json::Value;
use wasm_encoder::{
    Component, ComponentExportKind, ComponentExportSection, ComponentImportSection,
    ComponentTypeRef, ComponentTypeSection, InstanceType,
};

use crate::{environment, surroundings};

#[derive(Parser)]
enum Command {
    Check(CheckArgs),
    Schema(SchemaArgs),
    Init(InitArgs),
}

/// What a command line prints, and its status.
fn run(root: &Path, line: &[&str], answers: Option<&str>) -> (String, ExitCode) {
    let line = [&["jarchi"], line].concat();
    let mut out = Vec::new();
    let config = root.join("jarchi.toml");
    let environment = environment(root);
    let status = match Command::try_parse_from(line).unwrap_or_else(|error| panic!("{error}")) {
        Command::Check(args) => args
            .run(Some(&config), &environment, &mut out, false)
            .unwrap(),
        Command::Schema(args) => args.run(&mut out).unwrap(),
        Command::Init(args) => {
            let mut questions = Vec::new();
            let mut input = answers.unwrap_or_default().as_bytes();
            let mut ask = Ask {
                input: &mut input,
                output: &mut questions,
            };
            match args.run(answers.is_some().then_some(&mut ask), &mut out) {
                Ok(status) => status,
                Err(error) => return (error.to_string(), ExitCode::FAILURE),
            }
        }
    };
    let out = String::from_utf8(out).unwrap();
    assert!(!out.contains("hush"), "{out}");
    let out = out.replace(&format!("{}/", root.display()), "");
    (out, status)
}

fn component(capabilities: &[&str], manifest: &str) -> Vec<u8> {
    let mut component = Component::new();
    let mut types = ComponentTypeSection::new();
    types.instance(&InstanceType::new());
    component.section(&types);
    let mut imports = ComponentImportSection::new();
    imports.import("jarchi:plugin/http@0.1.0", ComponentTypeRef::Instance(0));
    component.section(&imports);
    let mut exports = ComponentExportSection::new();
    for name in capabilities {
        let name = format!("jarchi:plugin/{name}@0.1.0");
        exports.export(name.as_str(), ComponentExportKind::Instance, 0, None);
    }
    component.section(&exports);
    embed_manifest(&component.finish(), manifest)
}

const CONFIG: &str = r#"[[brand]]
name = "tea"
time_zone = "Asia/Baku"

[[account]]
name = "cafe"
plugin = "mastodon"
settings = { server = "https://social.example" }
secrets = { token = "${env:TOKEN}" }

[[generator]]
name = "content"
plugin = "library"
accounts = ["cafe"]
"#;

const MASTODON: &str = r#"
name = "mastodon"
version = "0.1.0"
hosts = ["${setting:server}", "files.example"]
[settings.server]
type = "url"
required = true
[secrets.token]
required = true
place = [{ header = "authorization" }]
"#;

fn plugins(root: &Path) {
    let folder = root.join(".jarchi/plugins");
    fs::write(
        folder.join("mastodon.wasm"),
        component(&["publisher", "analytics"], MASTODON),
    )
    .unwrap();
    let library = "name = \"library\"\nversion = \"0.2.0\"\n";
    fs::write(
        folder.join("library.wasm"),
        component(&["generator"], library),
    )
    .unwrap();
}

#[test]
fn check_shows_what_plugins_want_and_how_to_let_them() {
    let folder = surroundings();
    let root = folder.path();
    plugins(root);
    fs::write(root.join("jarchi.toml"), CONFIG).unwrap();
    let (out, status) = run(root, &["check"], None);
    assert_eq!(status, ExitCode::SUCCESS);
    assert_eq!(
        out,
        "library 0.2.0 (generator)
  reaches no host
mastodon 0.1.0 (publisher, analytics)
  + social.example  named by account `cafe`
  - files.example   not granted

To let it, add:

[[plugin]]
name = \"mastodon\"

[[plugin.grant]]
host = \"files.example\"
reason = \"say why\"

jarchi.toml is right: 1 account, 1 generator, 3 schedules
"
    );

    // What is printed can be pasted.
    let block = out
        .split_once("add:\n")
        .and_then(|(_, rest)| rest.split_once("jarchi.toml is right"))
        .unwrap()
        .0;
    fs::write(root.join("jarchi.toml"), format!("{CONFIG}{block}")).unwrap();
    let (out, _) = run(root, &["check"], None);
    assert!(out.contains("+ files.example   granted: say why"), "{out}");
    assert!(!out.contains("To let it"), "{out}");
}

#[test]
fn check_ends_with_2_when_something_is_wrong() {
    let folder = surroundings();
    let root = folder.path();
    plugins(root);
    let wrong = CONFIG
        .replace("https://social.example", "social")
        .replace("plugin = \"library\"", "plugin = \"mastodon\"");
    fs::write(root.join("jarchi.toml"), wrong).unwrap();
    fs::write(root.join(".jarchi/plugins/bluesky.wasm"), "not wasm").unwrap();
    let more = "[[account]]\nname = \"sky\"\nplugin = \"bluesky\"\n";
    fs::create_dir(root.join("conf.d")).unwrap();
    fs::write(root.join("conf.d/sky.toml"), more).unwrap();
    let (out, status) = run(root, &["check"], None);
    assert_eq!(status, ExitCode::from(2));
    for expected in [
        "account.cafe.settings.server: is not a URL",
        "the plugin `mastodon` is no generator (it is: publisher, analytics)",
        "bluesky.wasm: error: the plugin `bluesky`: this is not a WebAssembly file",
        "generator.content: the plugin `mastodon` needs the secret `token`",
    ] {
        assert!(out.contains(expected), "{expected}: {out}");
    }
    assert!(out.ends_with("errors\n"), "{out}");

    let (out, status) = run(root, &["check", "--json"], None);
    assert_eq!(status, ExitCode::from(2));
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json["errors"], json["findings"].as_array().unwrap().len());
    let first = &json["findings"][0];
    assert!(
        first["message"].is_string() && first["severity"] == "error",
        "{first}"
    );
    assert_eq!(json["plugins"][0]["name"], "mastodon");

    // Only the files are looked at, and those are right.
    let (_, status) = run(root, &["check", "--without-secrets"], None);
    assert_eq!(status, ExitCode::SUCCESS);
}

#[test]
fn a_finding_is_shown_in_its_file_on_a_terminal() {
    let folder = surroundings();
    let root = folder.path();
    let text =
        "[[account]]\nname = \"cafe\"\nplugn = \"mastodon\"\nsecrets = { token = \"hush\" }\n";
    fs::write(root.join("jarchi.toml"), text).unwrap();
    let args = CheckArgs {
        json: false,
        without_secrets: false,
    };
    let mut out = Vec::new();
    let path = root.join("jarchi.toml");
    args.run(Some(&path), &environment(root), &mut out, true)
        .unwrap();
    let out = String::from_utf8(out).unwrap();
    for expected in ["plugn", "did you mean `plugin`?", "jarchi.toml:3:1"] {
        assert!(out.contains(expected), "{out}");
    }
    assert!(out.lines().count() > 8 && !out.contains("hush"), "{out}");
}

#[test]
fn the_schema_is_printed_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (out, _) = run(folder.path(), &["schema"], None);
    let schema: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(schema, config::schema());
}

#[test]
fn init_writes_a_configuration_that_is_right() {
    for line in [
        vec!["init"],
        vec![
            "init",
            "--account",
            "bluesky",
            "--brand",
            "Çay \"Evi\" \\ 'x'",
        ],
        vec![
            "init",
            "--account",
            "mastodon",
            "--account",
            "bluesky",
            "--time-zone",
            "Asia/Baku",
        ],
        vec![
            "init",
            "--account",
            "mastodon",
            "--server",
            "http://127.0.0.1:3000/",
        ],
        vec![
            "init",
            "--account",
            "bluesky",
            "--server",
            "https://[::1]:2583",
        ],
    ] {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("new");
        let directory = root.display().to_string();
        let (out, status) = run(&root, &[line.as_slice(), &[&directory]].concat(), None);
        assert_eq!(status, ExitCode::SUCCESS, "{out}");
        for file in ["jarchi.toml", "content/hello.md", ".gitignore"] {
            assert!(root.join(file).is_file(), "{file}");
            assert!(out.contains(&format!("wrote {file}")), "{out}");
        }
        let text = fs::read_to_string(root.join("jarchi.toml")).unwrap();
        let path = root.join("jarchi.toml");
        let (config, warnings) = config::load_without_surroundings(&path)
            .unwrap_or_else(|wrong| panic!("{wrong}\n{text}"));
        assert_eq!(warnings, [], "{text}");
        assert!(
            config.accounts.values().all(|account| account.hold),
            "{text}"
        );

        // With the plugins, and the tokens where it says that they go.
        fs::create_dir_all(root.join(".jarchi/plugins")).unwrap();
        for plugin in config.plugins.values() {
            fs::write(&plugin.path, "").unwrap();
        }
        for file in ["secrets/mastodon-token", "secrets/bluesky-app-password"] {
            fs::write(root.join(file), "hush-hush").unwrap();
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt as _;
                fs::set_permissions(root.join(file), fs::Permissions::from_mode(0o600)).unwrap();
                let mode = fs::metadata(root.join("secrets"))
                    .unwrap()
                    .permissions()
                    .mode();
                assert_eq!(mode & 0o777, 0o700);
            }
        }
        let environment = BTreeMap::new();
        let (config, warnings) =
            config::load(&path, &environment).unwrap_or_else(|wrong| panic!("{wrong}\n{text}"));
        assert_eq!(warnings, [], "{text}");
        let wrong = config::check_against(&config, &crate::stock_manifests());
        assert_eq!(wrong, [], "{text}");
        for (name, manifest) in crate::stock_manifests() {
            if !config.plugins.contains_key(&name) {
                continue;
            }
            for host in jarchi::plugin::wants::wanted(&config, &name, &manifest) {
                let local = host.host.contains("127.0.0.1") || host.host.contains("::1");
                let missing = matches!(
                    host.standing,
                    jarchi::plugin::wants::Standing::Missing { .. }
                );
                assert!(!local || !missing, "{host:?}\n{text}");
            }
        }
    }
}

#[test]
fn init_asks_for_what_is_not_given() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let directory = root.display().to_string();
    let answers = "Çay Evi\nBakku\nAsia/Baku\nmyspace\nmastodon\nsocial.example\n";
    let (out, status) = run(root, &["init", &directory], Some(answers));
    assert_eq!(status, ExitCode::SUCCESS, "{out}");
    let (config, _) = config::load_without_surroundings(&root.join("jarchi.toml")).unwrap();
    assert_eq!(config.brands["Çay Evi"].time_zone, chrono_tz::Asia::Baku);
    let account = &config.accounts["mastodon"];
    assert_eq!(account.settings["server"], "https://social.example");

    // Told not to, it does not.
    let other = root.join("other").display().to_string();
    run(root, &["init", "--yes", &other], Some(answers));
    let (config, _) = config::load_without_surroundings(&root.join("other/jarchi.toml")).unwrap();
    assert!(config.brands.contains_key("My brand"));
}

#[test]
fn init_never_overwrites() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let directory = root.display().to_string();
    fs::write(root.join(".gitignore"), "mine").unwrap();
    let (out, _) = run(root, &["init", &directory], None);
    assert!(out.contains("left .gitignore as it is"), "{out}");
    fs::write(root.join("jarchi.toml"), "mine").unwrap();
    fs::remove_file(root.join("content/hello.md")).unwrap();
    let (out, status) = run(root, &["init", &directory], None);
    assert_eq!(status, ExitCode::FAILURE);
    assert!(
        out.contains("is already there; nothing was written"),
        "{out}"
    );
    for file in ["jarchi.toml", ".gitignore"] {
        assert_eq!(fs::read_to_string(root.join(file)).unwrap(), "mine");
    }
    assert!(!root.join("content/hello.md").exists());

    let fresh = tempfile::tempdir().unwrap();
    let directory = fresh.path().display().to_string();
    for (line, expected) in [
        (vec!["--server", "https://a.example"], "needs `--account`"),
        (
            vec!["--account", "mastodon", "--server", "ftp://a.example"],
            "is no server",
        ),
        (
            vec![
                "--account",
                "mastodon",
                "--account",
                "bluesky",
                "--server",
                "https://a.example",
            ],
            "is for one account",
        ),
    ] {
        let line = [&["init", &directory], line.as_slice()].concat();
        let (out, _) = run(fresh.path(), &line, None);
        assert!(out.contains(expected), "{out}");
        assert!(!fresh.path().join("jarchi.toml").exists());
    }
}
