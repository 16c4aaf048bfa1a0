//! The configuration, from outside.

#![allow(clippy::unwrap_used, reason = "tests")]

mod commands;
mod golden;
mod random;
mod reload;
mod values;
mod written;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use jarchi::plugin::manifest::Manifest;

/// A folder with what configurations name: plugins, content, secrets.
pub fn surroundings() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for inner in [
        ".jarchi/plugins",
        "content",
        "facts",
        "photos",
        "cards",
        "shop",
        "secrets",
        "credentials",
    ] {
        fs::create_dir_all(root.join(inner)).unwrap();
    }
    for plugin in [
        "mastodon", "bluesky", "library", "rss", "llm", "card", "template", "trends", "telegram",
        "recycle",
    ] {
        fs::write(root.join(format!(".jarchi/plugins/{plugin}.wasm")), "").unwrap();
    }
    for (file, mode) in [("closed", 0o600), ("open", 0o644)] {
        let path = root.join("secrets").join(file);
        fs::write(&path, "hush-hush\n").unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
    }
    fs::write(root.join("credentials/cafe"), "hush-hush").unwrap();
    folder
}

pub fn environment(root: &Path) -> BTreeMap<String, String> {
    let pairs = [
        ("TOKEN", "hush-hush".to_owned()),
        ("SERVER", "https://social.example".to_owned()),
        (
            "CREDENTIALS_DIRECTORY",
            root.join("credentials").display().to_string(),
        ),
    ];
    pairs.map(|(name, value)| (name.to_owned(), value)).into()
}

/// Those of the plugins in this repository.
pub fn stock_manifests() -> BTreeMap<String, Manifest> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../plugins");
    let files = fs::read_dir(folder).unwrap().map(|plugin| {
        let path = plugin.unwrap().path().join("plugin.toml");
        fs::read_to_string(path).ok()
    });
    let manifests: BTreeMap<String, Manifest> = files
        .flatten()
        .map(|text| {
            let manifest = Manifest::parse(&text).unwrap();
            (manifest.name.clone(), manifest)
        })
        .collect();
    assert!(
        manifests.contains_key("mastodon"),
        "the manifests are not found"
    );
    manifests
}
