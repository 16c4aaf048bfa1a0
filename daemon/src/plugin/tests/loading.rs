//! What is loaded, and what is refused.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use super::guest::{MANIFEST, component, generator, module};
use super::*;

async fn refusal(stage: &Stage, wasm: &[u8]) -> String {
    let error = stage.host.load(&stage.config(wasm)).await.unwrap_err();
    error.to_string()
}

#[tokio::test]
async fn a_plugin_is_refused_with_the_reason() {
    let stage = Stage::new();
    let good = generator("(call $ok)");
    for (wasm, reason) in [
        (b"MZ".to_vec(), "not a WebAssembly file"),
        (b"\0asm\x01\0\0\0".to_vec(), "core module"),
        (good[..good.len() / 2].to_vec(), "cut off"),
        (
            component(&module("", "(call $ok)"), "0.4.0", MANIFEST),
            "0.4.0",
        ),
        (
            component(
                &module("", "(call $ok)"),
                "0.1.0",
                "name = \"other\"\nversion = \"0.1.0\"\n",
            ),
            "its manifest calls it `other`",
        ),
        (
            component(&module("", "(call $ok)"), "0.1.0", "name = 3"),
            "manifest is wrong",
        ),
    ] {
        let error = refusal(&stage, &wasm).await;
        assert!(error.contains(reason), "{error}");
        assert!(error.starts_with("plugin `guest` ("), "{error}");
    }
    let missing = PluginConfig {
        path: "/nowhere/guest.wasm".into(),
        ..stage.config(&good)
    };
    let error = stage.host.load(&missing).await.unwrap_err().to_string();
    assert!(error.contains("can't be read"), "{error}");
}

#[tokio::test]
async fn flipped_bits_are_refused() {
    let stage = Stage::new();
    let good = generator("(call $ok)");
    let mut refused = 0;
    for place in (8..good.len()).step_by(97) {
        let mut wasm = good.clone();
        wasm[place] ^= 0x55;
        // Some bits are names or numbers that may as well be others; no bit is a crash.
        if stage.host.load(&stage.config(&wasm)).await.is_err() {
            refused += 1;
        }
    }
    assert!(refused > 10, "{refused}");
}

#[tokio::test]
async fn a_plugin_that_starts_with_too_much_memory_is_refused() {
    let stage = Stage::new();
    let wasm = component(
        &module("", "(call $ok)").replace(
            "(memory (export \"memory\") 2)",
            "(memory (export \"memory\") 100)",
        ),
        "0.1.0",
        MANIFEST,
    );
    let error = refusal(&stage, &wasm).await;
    assert!(
        error.ends_with(
            "it starts with 6.2 MiB of memory, and 4 MiB are allowed \
             (`limits.memory` in its [[plugin]] block)"
        ),
        "{error}"
    );
}

#[tokio::test]
async fn a_second_start_compiles_nothing() {
    let stage = Stage::new();
    let wasm = generator("(call $ok)");
    assert_eq!(stage.plugin(&wasm).await.origin(), Origin::Compiler);
    let again = stage.plugin(&wasm).await;
    assert_eq!(again.origin(), Origin::Cache);
    let called = again.generate(&subject("one"), &Brief::default()).await;
    assert!(called.result.is_ok());
}

fn compiled(stage: &Stage) -> PathBuf {
    std::fs::read_dir(stage.directory.path().join("compiled"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|kind| kind == "cwasm"))
        .unwrap()
}

#[tokio::test]
async fn a_compiled_file_that_was_tampered_with_is_never_loaded() {
    let stage = Stage::new();
    let wasm = generator("(call $ok)");
    stage.plugin(&wasm).await;
    let path = compiled(&stage);
    let good = std::fs::read(&path).unwrap();
    assert_eq!(mode(&path), 0o600);

    let flipped = |place: usize| {
        let mut bytes = good.clone();
        bytes[place] ^= 1;
        bytes
    };
    for bad in [
        Vec::new(),
        good[..10].to_vec(),
        good[..40].to_vec(),
        good[..good.len() - 1].to_vec(),
        flipped(3),
        flipped(20),
        flipped(48),
        flipped(good.len() / 2),
        flipped(good.len() - 1),
        [&good[..], b"\0"].concat(),
    ] {
        std::fs::write(&path, bad).unwrap();
        let plugin = stage.plugin(&wasm).await;
        assert_eq!(plugin.origin(), Origin::Compiler);
        let called = plugin.generate(&subject("one"), &Brief::default()).await;
        assert!(called.result.is_ok());
        // And put right.
        assert_eq!(stage.plugin(&wasm).await.origin(), Origin::Cache);
    }
}

#[tokio::test]
async fn one_compiled_plugin_can_not_stand_in_for_another() {
    let stage = Stage::new();
    stage.plugin(&generator("unreachable")).await;
    let path = compiled(&stage);
    let other = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let wasm = generator("(call $ok)");
    stage.plugin(&wasm).await;
    std::fs::write(compiled(&stage), other).unwrap();
    assert_eq!(stage.plugin(&wasm).await.origin(), Origin::Compiler);
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn host_in(directory: &Path) -> Result<Host, HostError> {
    Host::new(HostOptions {
        cache_dir: directory.to_owned(),
        concurrency: 1,
        carrier: Arc::new(Platform::default()),
        kv: Arc::new(MemoryKv::default()),
        urls: None,
        created: None,
        clock: Clock::system(),
    })
}

#[tokio::test]
async fn the_directory_of_compiled_plugins_is_the_daemons_alone() {
    let stage = Stage::new();
    let wasm = generator("(call $ok)");
    stage.plugin(&wasm).await;
    let directory = stage.directory.path().join("compiled");
    assert_eq!(mode(&directory), 0o700);
    assert_eq!(mode(&directory.join("key")), 0o600);
    let key = std::fs::read(directory.join("key")).unwrap();

    // It was open to others: nothing in it is trusted any more.
    std::fs::set_permissions(&directory, PermissionsExt::from_mode(0o777)).unwrap();
    let host = host_in(&directory).unwrap();
    assert_eq!(mode(&directory), 0o700);
    assert_ne!(std::fs::read(directory.join("key")).unwrap(), key);
    let plugin = host.load(&stage.config(&wasm)).await.unwrap();
    assert_eq!(plugin.origin(), Origin::Compiler);

    // A key that others could read is made anew.
    let key = std::fs::read(directory.join("key")).unwrap();
    std::fs::set_permissions(directory.join("key"), PermissionsExt::from_mode(0o644)).unwrap();
    host_in(&directory).unwrap();
    assert_ne!(std::fs::read(directory.join("key")).unwrap(), key);
}

#[tokio::test]
async fn a_place_that_is_no_directory_of_ours_is_refused() {
    let stage = Stage::new();
    let file = stage.directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let link = stage.directory.path().join("link");
    symlink(stage.directory.path().join("compiled"), &link).unwrap();
    for (path, reason) in [(file, "is not a directory"), (link, "is a symbolic link")] {
        let error = host_in(&path).err().unwrap().to_string();
        assert!(error.contains(reason), "{error}");
    }
}

#[tokio::test]
async fn what_nobody_calls_lets_go_of_its_code() {
    let stage = Stage::new();
    let wasm = generator("(call $ok)");
    let plugin = stage.plugin(&wasm).await;
    let works = async || {
        let called = plugin.generate(&subject("one"), &Brief::default()).await;
        called.result.map_err(|error| error.to_string())
    };
    assert!(plugin.is_awake());
    assert!(plugin.rest());
    assert!(!plugin.is_awake());
    assert_eq!(works().await, Ok(Batch::default()));
    assert!(plugin.is_awake());

    // Many at once bring it back once.
    assert!(plugin.rest());
    let all = futures_util::future::join_all((0..4).map(|_| works())).await;
    assert!(all.iter().all(Result::is_ok), "{all:?}");

    // The file's name is gone, and the file is not.
    let file = compiled(&stage);
    std::fs::remove_file(&file).unwrap();
    assert!(plugin.rest());
    assert_eq!(works().await, Ok(Batch::default()));
    assert!(!file.exists());
}

#[tokio::test]
async fn code_that_was_changed_while_it_rested_is_not_run() {
    let stage = Stage::new();
    let wasm = generator("(call $ok)");
    let plugin = stage.plugin(&wasm).await;
    let works = async || {
        let called = plugin.generate(&subject("one"), &Brief::default()).await;
        called.result.map_err(|error| error.to_string())
    };
    let spoil = || {
        let file = std::fs::File::options().write(true).open(compiled(&stage));
        std::os::unix::fs::FileExt::write_at(&file.unwrap(), b"\x90", 4000).unwrap();
    };
    // Compiled anew out of the component.
    assert!(plugin.rest());
    spoil();
    assert_eq!(works().await, Ok(Batch::default()));

    // Which is not what it was either.
    assert!(plugin.rest());
    spoil();
    std::fs::write(stage.config(&wasm).path, generator("(unreachable)")).unwrap();
    let told = works().await.unwrap_err();
    assert!(told.contains("jarchi reload"), "{told}");
    assert!(!plugin.is_awake());
}

#[tokio::test]
async fn a_reload_takes_all_or_nothing() {
    let stage = Stage::new();
    let registry = Registry::new(stage.host.clone());
    let good = stage.config(&generator("(call $ok)"));
    let mut configs = BTreeMap::from([("guest".to_owned(), good.clone())]);
    let changes = registry.load(&configs).await.unwrap();
    assert_eq!(changes.added, ["guest"]);
    assert_eq!(registry.load(&configs).await.unwrap(), Changes::default());
    let before = registry.get("guest").unwrap();

    // A bad one beside it: nothing changes.
    let bad = PluginConfig {
        path: stage.file(b"MZ"),
        name: "bad".to_owned(),
        ..good.clone()
    };
    configs.insert("bad".to_owned(), bad);
    configs.get_mut("guest").unwrap().limits.memory *= 2;
    let errors = registry.load(&configs).await.unwrap_err();
    assert_eq!(errors.len(), 1);
    assert_eq!(registry.get("guest").unwrap().limits().memory, 4 << 20);

    configs.remove("bad");
    let changes = registry.load(&configs).await.unwrap();
    assert_eq!(changes.replaced, ["guest"]);
    assert_eq!(registry.get("guest").unwrap().limits().memory, 8 << 20);
    // Who still holds the old one goes on with it.
    let called = before.generate(&subject("one"), &Brief::default()).await;
    assert!(called.result.is_ok());

    let changes = registry.load(&BTreeMap::new()).await.unwrap();
    assert_eq!(changes.removed, ["guest"]);
    assert!(registry.get("guest").is_none());
}
