//! What is read from files: the configuration, a manifest, a store's records, posts.

use std::collections::BTreeMap;

use jarchi::config;
use jarchi::plugin::component::{embed_manifest, inspect};
use jarchi::plugin::manifest::Manifest;
use jarchi::store;
use jarchi_plugin_library::Library;
use jarchi_plugin_sdk::testing::Host;
use jarchi_plugin_sdk::{Brief, Generator, Severity};
use serde_json::json;
use tempfile::TempDir;

thread_local! {
    static FOLDER: TempDir = tempfile::tempdir().expect("a directory");
}

/// The configuration: an error names a place that is in the file.
pub fn config(bytes: &[u8]) {
    FOLDER.with(|folder| {
        let path = folder.path().join("jarchi.toml");
        std::fs::write(&path, bytes).expect("a file");
        let surroundings = BTreeMap::from([("TOKEN".to_owned(), "a token".to_owned())]);
        let told = match config::load(&path, &surroundings) {
            Ok((_, warnings)) => warnings,
            Err(errors) => {
                let words = errors.to_string();
                assert!(!words.trim().is_empty(), "an error without words");
                return;
            }
        };
        // What was taken once is taken again, with the same words.
        let (_, again) = config::load(&path, &surroundings).expect("it was taken before");
        assert_eq!(told.len(), again.len());
    });
}

/// A manifest as text, and embedded in a component.
pub fn manifest(bytes: &[u8]) {
    // A component of nothing else; or a file that is none at all.
    let _ = inspect(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let parsed = Manifest::parse(text);
    let empty = b"\0asm\x0d\0\x01\0";
    let whole = embed_manifest(empty, text);
    match (&parsed, inspect(&whole)) {
        // Such a component exports nothing, and is told so.
        (Ok(_), found) => assert!(found.is_err(), "a component without exports"),
        (Err(error), found) => {
            assert!(!error.to_string().is_empty());
            assert!(found.is_err(), "inspected, and refused: {error}");
        }
    }
    if let Ok(manifest) = parsed {
        let written = toml::to_string(&manifest).expect("a manifest can be written");
        let again = Manifest::parse(&written).expect("what was written can be read");
        assert_eq!(again, manifest, "{written}");
    }
}

/// A record of the store, in any table: what can be read can be written, and is then
/// read as the same. And an export of any bytes.
pub fn store(bytes: &[u8]) {
    let Some((table, record)) = bytes.split_first() else {
        return;
    };
    let tables: Vec<&str> = store::tables().collect();
    let Some(table) = tables.get(usize::from(*table)) else {
        return import(record);
    };
    let key = b"key";
    let Ok(shown) = store::show_record(table, key, record) else {
        return;
    };
    let written = store::read_record(table, key, shown.clone())
        .unwrap_or_else(|error| panic!("{error}: {shown}"));
    let again =
        store::show_record(table, key, &written).unwrap_or_else(|error| panic!("{error}: {shown}"));
    assert_eq!(again, shown, "table {table}");
}

fn import(mut bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a directory");
    let options = store::Options { cache: 1 << 20 };
    let empty = store::Store::open(&folder.path().join("db"), &options).expect("a store");
    if let Ok(report) = store::import(&empty, &mut bytes, |_| {}) {
        let mut out = Vec::new();
        let at = jarchi::model::Timestamp(0);
        let again = store::export(&empty, at, &mut out, |_| {}).expect("it can be written");
        assert_eq!(again.records, report.records);
    }
}

/// A post's file, beside one that is good and must not be lost by it.
pub fn front_matter(bytes: &[u8]) {
    let host = Host::new();
    host.folder_file("content", "any.md", "text/markdown", bytes);
    let good = "---\nid: good\nwhen: 2026-12-01 09:00\n---\nA good post\n";
    host.folder_file("content", "good.md", "text/markdown", good);
    host.folder_file("content", "photo.jpg", "image/jpeg", *b"a photo");
    let brief = brief(&json!({ "folder": "content" }));
    let batch = Library::generate(&brief).expect("a folder is read, whatever is in it");
    let is_good = |key: &str| key == "good";
    let found = batch.drafts.iter().any(|draft| is_good(&draft.key));
    // A file may claim the other's id: then both are passed over, and that is told.
    let twin = batch.problems.iter().any(|problem| {
        problem.severity == Severity::Error && problem.message.contains("is claimed by")
    });
    assert!(found || twin, "the good post is lost: {:?}", batch.problems);
    for draft in &batch.drafts {
        assert!(!draft.key.is_empty() && !draft.revision.is_empty());
    }
}

fn brief(settings: &serde_json::Value) -> Brief {
    Brief {
        settings: settings.to_string(),
        brand: "Brand".into(),
        languages: vec!["az".into(), "en".into()],
        time_zone: "Asia/Baku".into(),
        now: jarchi_plugin_sdk::testing::START,
        wanted: 0,
        slot: None,
        pillar: None,
        campaign: None,
        voice: None,
        accounts: vec![],
        hashtags: vec![],
        recent: vec![],
        feedback: None,
        history: Vec::new(),
        topics: Vec::new(),
    }
}
