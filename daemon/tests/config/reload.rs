//! Changed files, and what becomes of the configuration in force.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use jarchi::config::{self, Diagnostic, Loaded, Reloader};
use tokio::sync::watch;

use crate::{environment, surroundings};

const BEFORE: &str = r#"
[[brand]]
name = "tea"
time_zone = "Asia/Baku"

[[account]]
name = "cafe"
plugin = "mastodon"
secrets = { token = "${file:secrets/closed}" }

[[account]]
name = "shop"
plugin = "mastodon"
"#;

fn reloader(root: &Path, text: &str) -> Reloader {
    let path = root.join("jarchi.toml");
    fs::write(&path, text).unwrap();
    let environment = environment(root);
    let (config, _) = config::load(&path, &environment).unwrap();
    Reloader::new(config, environment)
}

#[test]
fn a_reload_tells_what_it_changes() {
    let folder = surroundings();
    let root = folder.path();
    let reloader = reloader(root, BEFORE);
    assert!(reloader.reload().unwrap().is_empty());

    let after = BEFORE
        .replace(
            "name = \"shop\"\nplugin = \"mastodon\"",
            "name = \"bar\"\nplugin = \"bluesky\"",
        )
        .replace(
            "[[brand]]",
            "[daemon]\nhttp = false\ngrace = \"1s\"\n[[brand]]",
        );
    fs::write(root.join("jarchi.toml"), after).unwrap();
    fs::write(root.join("secrets/closed"), "another").unwrap();
    let changes = reloader.reload().unwrap();
    assert_eq!(changes.accounts.added, ["bar"]);
    assert_eq!(changes.accounts.removed, ["shop"]);
    assert_eq!(changes.accounts.changed, ["cafe"]);
    assert_eq!(changes.plugins.added, ["bluesky"]);
    assert_eq!(changes.daemon, ["daemon.grace"]);
    assert_eq!(changes.restart_needed, ["daemon.http"]);
    assert_eq!(
        changes.to_string(),
        "daemon.grace; accounts: +bar -shop ~cafe; plugins: +bluesky"
    );

    let loaded = reloader.subscribe().borrow().clone();
    assert!(loaded.config.accounts.contains_key("bar"));
    assert_eq!(loaded.restart_needed, ["daemon.http"]);
    // What runs is what is told.
    assert!(loaded.config.daemon.http.is_some());
    assert!(Arc::ptr_eq(&loaded.config, &*reloader.config().borrow()));
    let words = reloader.reload_in_words();
    assert_eq!(
        words.as_deref(),
        Ok("nothing changed (after a restart: daemon.http)")
    );
    // It stays so as long as the daemon was not started anew.
    assert_eq!(reloader.reload().unwrap().restart_needed, ["daemon.http"]);
}

#[test]
fn a_wrong_file_keeps_the_old_configuration() {
    let folder = surroundings();
    let root = folder.path();
    let path = root.join("jarchi.toml");
    let reloader = reloader(root, BEFORE);
    let state = reloader.subscribe();
    let before = state.borrow().config.clone();

    fs::write(&path, BEFORE.replace("plugin =", "plugins =")).unwrap();
    let wrong = reloader.reload().unwrap_err();
    assert!(
        wrong.to_string().contains("did you mean `plugin`?"),
        "{wrong}"
    );
    let loaded = state.borrow().clone();
    assert!(Arc::ptr_eq(&loaded.config, &before));
    assert_eq!(loaded.config_error, Some(wrong.clone()));
    assert_eq!(*reloader.config_error().borrow(), Some(wrong.to_string()));
    assert_eq!(reloader.reload_in_words(), Err(wrong.to_string()));

    fs::remove_file(&path).unwrap();
    assert!(
        reloader
            .reload()
            .unwrap_err()
            .to_string()
            .contains("can't be read")
    );

    fs::write(&path, BEFORE).unwrap();
    assert!(reloader.reload().unwrap().is_empty());
    assert!(state.borrow().config_error.is_none());
    assert!(reloader.config_error().borrow().is_none());
    let words = reloader.reload_in_words();
    assert_eq!(words.as_deref(), Ok("nothing changed"));
}

#[test]
fn a_check_beyond_the_loader_can_refuse_it() {
    let folder = surroundings();
    let root = folder.path();
    let reloader = reloader(root, BEFORE).with_check(Box::new(|config| {
        let full = config.accounts.len() > 2;
        full.then(|| Diagnostic::error("too many accounts"))
            .into_iter()
            .collect()
    }));
    assert!(reloader.reload().is_ok());
    let more = format!("{BEFORE}[[account]]\nname = \"third\"\nplugin = \"mastodon\"\n");
    fs::write(root.join("jarchi.toml"), more).unwrap();
    let wrong = reloader.reload().unwrap_err();
    assert_eq!(wrong.to_string(), "error: too many accounts");
    assert_eq!(reloader.subscribe().borrow().config.accounts.len(), 2);
}

async fn until(state: &mut watch::Receiver<Loaded>, fits: impl Fn(&Loaded) -> bool) {
    state.wait_for(|loaded| fits(loaded)).await.unwrap();
}

/// Runs against the real file system and its events.
#[tokio::test]
async fn changed_files_are_loaded_by_themselves() {
    let folder = surroundings();
    let root = folder.path().to_path_buf();
    let path = root.join("jarchi.toml");
    let reloader = Arc::new(reloader(&root, BEFORE));
    let mut state = reloader.subscribe();
    let watching = tokio::spawn(reloader.clone().watch());
    let has = |name: &'static str| move |loaded: &Loaded| loaded.config.accounts.contains_key(name);
    let account = |name: &str| format!("[[account]]\nname = \"{name}\"\nplugin = \"mastodon\"\n");

    // Written in place, and replaced as editors do.
    fs::write(&path, format!("{BEFORE}{}", account("written"))).unwrap();
    until(&mut state, has("written")).await;
    let beside = root.join("jarchi.toml.tmp");
    fs::write(&beside, format!("{BEFORE}{}", account("renamed"))).unwrap();
    fs::rename(&beside, &path).unwrap();
    until(&mut state, has("renamed")).await;

    // A folder that was not there before.
    fs::create_dir(root.join("conf.d")).unwrap();
    fs::write(root.join("conf.d/a.toml"), account("beside")).unwrap();
    until(&mut state, has("beside")).await;
    fs::write(root.join("conf.d/a.toml"), account("changed")).unwrap();
    until(&mut state, has("changed")).await;

    // Wrong, and mended.
    fs::write(root.join("conf.d/a.toml"), "[[account]").unwrap();
    until(&mut state, |loaded| loaded.config_error.is_some()).await;
    assert!(has("changed")(&state.borrow()));
    fs::remove_file(root.join("conf.d/a.toml")).unwrap();
    until(&mut state, |loaded| {
        loaded.config_error.is_none() && !has("changed")(loaded)
    })
    .await;

    // A secret alone.
    let before = state.borrow().config.clone();
    fs::write(root.join("secrets/closed"), "another").unwrap();
    until(&mut state, |loaded| {
        loaded.config.accounts["cafe"] != before.accounts["cafe"]
    })
    .await;
    watching.abort();
}
