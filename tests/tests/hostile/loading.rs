//! Files that are no plugins for this daemon, and compiled ones that were tampered with.

use std::path::PathBuf;

use jarchi::plugin::{Origin, Registry};

use super::stage::{Stage, component, config, host, on_stage};

/// The hostile component with something done to its bytes.
fn changed(stage: &Stage, name: &str, change: impl FnOnce(&mut Vec<u8>)) -> PathBuf {
    let mut bytes = std::fs::read(component()).unwrap();
    change(&mut bytes);
    let path = stage.directory().join(format!("{name}.wasm"));
    std::fs::write(&path, bytes).unwrap();
    path
}

fn replace(bytes: &mut [u8], from: &[u8], to: &[u8]) {
    assert_eq!(from.len(), to.len());
    let mut times = 0;
    for at in 0..=bytes.len() - from.len() {
        if bytes[at..].starts_with(from) {
            bytes[at..at + from.len()].copy_from_slice(to);
            times += 1;
        }
    }
    assert!(
        times > 0,
        "`{}` is not there",
        String::from_utf8_lossy(from)
    );
}

/// It is refused, by itself and in a registry, in which all else stays as it was.
async fn refused(stage: &Stage, path: &std::path::Path, words: &[&str]) {
    let bad = config("hostile", path);
    let text = stage.host.load(&bad).await.unwrap_err().to_string();
    assert!(
        text.starts_with(&format!("plugin `hostile` ({}): ", path.display())),
        "{text}"
    );
    for word in words {
        assert!(text.contains(word), "`{word}` is missing: {text}");
    }
    let registry = Registry::new(stage.host.clone());
    let good = config("hostile", &component());
    registry
        .load(&[("hostile".to_owned(), good)].into())
        .await
        .unwrap();
    let errors = registry
        .load(&[("hostile".to_owned(), bad)].into())
        .await
        .unwrap_err();
    assert_eq!(errors.len(), 1);
    assert_eq!(registry.get("hostile").unwrap().path(), component());
    stage.good_plugin_works().await;
}

#[test]
fn another_version_of_the_interface() {
    on_stage(|stage| async move {
        for (version, what_to_do) in [
            (b"@0.4.0", "update Jarchi"),
            (b"@0.0.9", "build the plugin again"),
        ] {
            let path = changed(stage, "version", |bytes| replace(bytes, b"@0.1.0", version));
            let version = std::str::from_utf8(&version[1..]).unwrap();
            refused(
                stage,
                &path,
                &[version, "this daemon speaks 0.1.0", what_to_do],
            )
            .await;
        }
    });
}

#[test]
fn a_corrupt_component() {
    on_stage(|stage| async move {
        let path = changed(stage, "cut-off", |bytes| bytes.truncate(bytes.len() / 2));
        refused(stage, &path, &["cut off"]).await;
        let path = changed(stage, "empty", Vec::clear);
        refused(stage, &path, &["empty"]).await;
        let path = changed(stage, "no-wasm", |bytes| {
            bytes[..4].copy_from_slice(b"\x7fELF")
        });
        refused(stage, &path, &["not a WebAssembly file"]).await;
        let path = changed(stage, "core", |bytes| *bytes = b"\0asm\x01\0\0\0".to_vec());
        refused(stage, &path, &["core module"]).await;
        let path = changed(stage, "scribbled", |bytes| {
            let middle = bytes.len() / 2;
            bytes[middle..middle + 64].fill(0xff);
        });
        refused(stage, &path, &[]).await;
        let path = stage.directory().join("nowhere.wasm");
        refused(stage, &path, &["can't be read"]).await;
    });
}

#[test]
fn a_manifest_that_wants_another_name() {
    on_stage(|stage| async move {
        let path = changed(stage, "name", |bytes| {
            replace(bytes, b"name = \"hostile\"", b"name = \"library\"");
        });
        refused(stage, &path, &["its manifest calls it `library`"]).await;
    });
}

#[test]
fn a_compiled_plugin_that_was_tampered_with() {
    on_stage(|stage| async move {
        // A host with a cache of its own: what is tampered with here is nobody else's.
        let directory = tempfile::tempdir().unwrap();
        let host = host(directory.path(), stage.names.clone());
        let library = config("library", &jarchi_tests::plugins::stock("library"));
        assert_eq!(
            host.load(&library).await.unwrap().origin(),
            Origin::Compiler
        );
        assert_eq!(host.load(&library).await.unwrap().origin(), Origin::Cache);
        let compiled = std::fs::read_dir(directory.path().join("compiled"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|path| path.extension().is_some_and(|kind| kind == "cwasm"))
            .unwrap();
        let good = std::fs::read(&compiled).unwrap();
        let folder = directory.path().join("posts");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("good.md"), "---\n---\nA good post").unwrap();
        // One bit in the middle of the native code.
        let mut bad = good.clone();
        let middle = bad.len() / 2;
        bad[middle] ^= 0x10;
        std::fs::write(&compiled, bad).unwrap();
        let plugin = host.load(&library).await.unwrap();
        assert_eq!(
            plugin.origin(),
            Origin::Compiler,
            "the bad one is not loaded"
        );
        super::stage::good(&plugin, &folder).await;
        assert_eq!(host.load(&library).await.unwrap().origin(), Origin::Cache);
        stage.good_plugin_works().await;
    });
}
