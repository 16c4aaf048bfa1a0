//! What is captured is kept, and is worth nothing without the key.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what goes wrong fails the test"
)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use common::{START, config, open, scratch};
use jarchi::clock::Clock;
use jarchi::plugin::broker::BrokerOptions;
use jarchi::plugin::vault::{FILE, Key, KeyError, KeySource, SecretId, Vault, VaultError};
use jarchi::service::{Daemon, RunError, SecretSource as _, VaultSecrets, launch};
use jarchi::store::{self, Store, StoreError};
use secrecy::{ExposeSecret as _, SecretString};

const TOKEN: &str = "eyJhbGciOiJub25lIn0.a-session-token-with-a-tail";

fn nothing() -> BTreeMap<String, String> {
    BTreeMap::new()
}

fn vault(dir: &Path) -> Vault {
    let store = open(dir);
    let key = Key::find(&nothing(), dir).unwrap();
    Vault::open(store, key)
}

fn shown(value: Option<SecretString>) -> Option<String> {
    value.map(|value| value.expose_secret().to_owned())
}

fn put(vault: &Vault, subject: &str, name: &str, value: &str) {
    let value = SecretString::from(value);
    vault.put("bluesky", subject, name, &value).unwrap();
}

fn get(vault: &Vault, subject: &str, name: &str) -> Option<String> {
    shown(vault.get("bluesky", subject, name).unwrap())
}

/// A key as an operator would make it.
fn base64_key(byte: u8) -> String {
    BASE64.encode([byte; 32])
}

/// Every file below a directory, with its bytes.
fn files(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
    found
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

#[test]
fn a_restart_keeps_what_was_put() {
    let (_keep, dir) = scratch();
    {
        let vault = vault(&dir);
        put(&vault, "shop", "access", "first");
        put(&vault, "shop", "access", TOKEN);
        put(&vault, "shop", "refresh", "şəkər 🍰");
        put(&vault, "cafe", "access", "");
        put(&vault, "cafe", "gone", "x");
        vault.forget("bluesky", "cafe", "gone").unwrap();
    }
    let vault = vault(&dir);
    assert_eq!(get(&vault, "shop", "access").as_deref(), Some(TOKEN));
    assert_eq!(get(&vault, "shop", "refresh").as_deref(), Some("şəkər 🍰"));
    assert_eq!(get(&vault, "cafe", "access").as_deref(), Some(""));
    assert_eq!(get(&vault, "cafe", "gone"), None);
    assert_eq!(get(&vault, "shop", "never"), None);
    assert_eq!(
        vault.names().unwrap(),
        [
            SecretId::new("bluesky", "cafe", "access"),
            SecretId::new("bluesky", "shop", "access"),
            SecretId::new("bluesky", "shop", "refresh"),
        ]
    );
    assert!(vault.check().unwrap().is_empty());
}

#[test]
fn an_account_s_secrets_are_its_own() {
    let (_keep, dir) = scratch();
    let vault = vault(&dir);
    put(&vault, "shop", "access", "a");
    // Names that would meet if they were only put one behind the other.
    put(&vault, "sho", "paccess", "b");
    vault.put("blue", "skyshop", "access", &"c".into()).unwrap();
    let all: Vec<_> = vault
        .all("bluesky", "shop")
        .unwrap()
        .into_iter()
        .map(|(name, value)| (name, value.unwrap().expose_secret().to_owned()))
        .collect();
    assert_eq!(all, [("access".to_owned(), "a".to_owned())]);
}

#[test]
fn no_file_holds_a_secret_or_the_key_beside_it() {
    let (_keep, dir) = scratch();
    {
        let vault = vault(&dir);
        put(&vault, "shop", "access", TOKEN);
        // Overwritten values lie in the log for long.
        put(
            &vault,
            "shop",
            "access",
            &TOKEN.replace("session", "another"),
        );
        // Long ones are cut into pieces.
        put(&vault, "shop", "long", &TOKEN.repeat(1000));
        let long = get(&vault, "shop", "long").unwrap();
        assert_eq!(long.len(), TOKEN.len() * 1000);
        // What is not sealed would be seen.
        let store = reopen(vault, &dir);
        let plain = vec![("key".to_owned(), Some(b"a plain value".to_vec()))];
        store
            .write_blocking(|tx| {
                tx.set_plugin_values("bluesky", "shop", plain);
                Ok::<_, StoreError>(())
            })
            .unwrap();
    }
    let key = fs::read_to_string(dir.join(FILE)).unwrap();
    let raw = BASE64.decode(key.trim()).unwrap();
    let mut plain = 0;
    for (path, bytes) in files(&dir.join("db")) {
        plain += usize::from(holds(&bytes, "a plain value"));
        assert!(!holds(&bytes, "session-token"), "{path}");
        assert!(!holds(&bytes, "another-token"), "{path}");
        assert!(!holds(&bytes, key.trim()), "{path}");
        assert!(!bytes.windows(32).any(|window| window == raw), "{path}");
    }
    assert_ne!(plain, 0);
}

#[test]
fn an_export_is_worth_nothing_without_the_key() {
    let (_keep, dir) = scratch();
    let (_keep_too, copy) = scratch();
    let mut lines = Vec::new();
    {
        let vault = vault(&dir);
        put(&vault, "shop", "access", TOKEN);
    }
    {
        let store = open(&dir);
        store::export(&store, START, &mut lines, |_| {}).unwrap();
    }
    let key = fs::read_to_string(dir.join(FILE)).unwrap();
    let text = String::from_utf8(lines).unwrap();
    assert!(text.contains(r#"{"table":"vault","#), "{text}");
    for hidden in [TOKEN, &BASE64.encode(TOKEN), key.trim()] {
        assert!(!text.contains(hidden), "{hidden}");
    }

    let store = open(&copy);
    store::import(&store, &mut text.as_bytes(), |_| {}).unwrap();
    let stranger = Vault::open(store.clone(), Key::find(&nothing(), &copy).unwrap());
    assert!(matches!(
        stranger.get("bluesky", "shop", "access"),
        Err(VaultError::OtherKey { .. })
    ));
    let owner = Vault::open(store, Key::find(&nothing(), &dir).unwrap());
    assert_eq!(get(&owner, "shop", "access").as_deref(), Some(TOKEN));
}

#[test]
fn another_key_concerns_only_what_the_old_one_sealed() {
    let (_keep, dir) = scratch();
    {
        let vault = vault(&dir);
        put(&vault, "shop", "access", TOKEN);
        put(&vault, "cafe", "access", TOKEN);
    }
    let variables = BTreeMap::from([("JARCHI_VAULT_KEY".to_owned(), base64_key(7))]);
    let vault = Vault::open(open(&dir), Key::find(&variables, &dir).unwrap());
    let error = vault.get("bluesky", "shop", "access").unwrap_err();
    let words = error.to_string();
    assert!(matches!(error, VaultError::OtherKey { .. }), "{words}");
    for part in [
        "`access` of `shop` (plugin `bluesky`)",
        "the environment variable JARCHI_VAULT_KEY",
        "give the daemon the old key again",
        "log in anew",
    ] {
        assert!(words.contains(part), "{part}: {words}");
    }
    assert!(!words.contains("session"), "{words}");
    assert_eq!(vault.check().unwrap().len(), 2);

    // As a plugin that logs in anew does it.
    let secrets = VaultSecrets(vault.clone()).of("bluesky", "shop", &BTreeMap::new());
    assert!(secrets.get("access").is_none());
    assert!(secrets.all().is_empty());
    secrets.capture("access", "new".into()).unwrap();
    assert_eq!(shown(secrets.get("access")).as_deref(), Some("new"));
    assert_eq!(vault.check().unwrap().len(), 1);
}

#[test]
fn a_row_opens_only_where_it_was_put() {
    let (_keep, dir) = scratch();
    let vault = vault(&dir);
    put(&vault, "shop", "access", TOKEN);
    put(&vault, "shop", "other", "other");
    let store = reopen(vault, &dir);
    let row = store.view().sealed("bluesky", "shop", "access").unwrap();
    let row = row.unwrap();
    for (plugin, subject, name) in [
        ("bluesky", "cafe", "access"),
        ("mastodon", "shop", "access"),
        ("bluesky", "shop", "other"),
        ("bluesky", "sho", "paccess"),
    ] {
        set_row(&store, (plugin, subject, name), row.clone());
        let vault = Vault::open(store.clone(), Key::find(&nothing(), &dir).unwrap());
        let error = vault.get(plugin, subject, name).unwrap_err();
        let words = error.to_string();
        assert!(matches!(error, VaultError::Tampered { .. }), "{words}");
        assert!(
            words.contains(&format!("`{name}` of `{subject}`")),
            "{words}"
        );
        assert!(words.contains("log in anew"), "{words}");
        assert_eq!(get(&vault, "shop", "access").as_deref(), Some(TOKEN));
    }
}

#[test]
fn a_row_that_was_touched_is_refused() {
    let (_keep, dir) = scratch();
    let vault = vault(&dir);
    put(&vault, "shop", "access", TOKEN);
    put(&vault, "shop", "whole", "whole");
    let store = reopen(vault, &dir);
    let row = store.view().sealed("bluesky", "shop", "access").unwrap();
    let row = row.unwrap();
    let vault = Vault::open(store.clone(), Key::find(&nothing(), &dir).unwrap());
    let place = ("bluesky", "shop", "access");
    for at in 0..row.len() {
        let mut touched = row.clone();
        touched[at] ^= 1;
        set_row(&store, place, touched);
        let error = vault.get("bluesky", "shop", "access").unwrap_err();
        let right = match at {
            0 => matches!(error, VaultError::Newer { form: 0, .. }),
            1..9 => matches!(error, VaultError::OtherKey { .. }),
            _ => matches!(error, VaultError::Tampered { .. }),
        };
        assert!(right, "byte {at}: {error}");
    }
    for length in 0..row.len() {
        set_row(&store, place, row[..length].to_vec());
        let cut = vault.get("bluesky", "shop", "access");
        assert!(cut.is_err(), "{length} bytes");
    }
    // The others are as they were.
    let secrets = VaultSecrets(vault.clone()).of("bluesky", "shop", &BTreeMap::new());
    let all = secrets.all();
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].1.expose_secret(), "whole");
    set_row(&store, place, row);
    assert_eq!(get(&vault, "shop", "access").as_deref(), Some(TOKEN));
}

#[test]
fn the_same_secret_is_sealed_differently_each_time() {
    let (_keep, dir) = scratch();
    let vault = vault(&dir);
    let mut rows = Vec::new();
    let store = reopen(vault, &dir);
    let vault = Vault::open(store.clone(), Key::find(&nothing(), &dir).unwrap());
    for _ in 0..3 {
        put(&vault, "shop", "access", TOKEN);
        rows.push(store.view().sealed("bluesky", "shop", "access").unwrap());
    }
    assert!(rows[0] != rows[1] && rows[1] != rows[2] && rows[0] != rows[2]);
}

#[test]
fn what_is_configured_stands_over_what_was_captured() {
    let (_keep, dir) = scratch();
    let source = VaultSecrets(vault(&dir));
    let configured = BTreeMap::from([("token".to_owned(), SecretString::from("by hand"))]);
    let secrets = source.of("mastodon", "shop", &configured);
    secrets
        .capture_all(vec![
            ("token".to_owned(), "captured".into()),
            ("access".to_owned(), "captured too".into()),
        ])
        .unwrap();
    assert_eq!(shown(secrets.get("token")).as_deref(), Some("by hand"));
    assert_eq!(
        shown(secrets.get("access")).as_deref(),
        Some("captured too")
    );
    // All three are blacked out.
    assert_eq!(secrets.all().len(), 3);
    let other = source.of("mastodon", "cafe", &BTreeMap::new());
    assert!(other.get("access").is_none());
}

#[test]
fn where_the_key_comes_from() {
    let (_keep, dir) = scratch();
    let (_keep_too, folder) = scratch();
    let credential = folder.join("jarchi-vault-key");
    let systemd = ("CREDENTIALS_DIRECTORY", folder.to_str().unwrap().to_owned());
    let variable = ("JARCHI_VAULT_KEY", base64_key(2));
    let find = |variables: &[&(&str, String)]| {
        let variables: BTreeMap<String, String> = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        Key::find(&variables, &dir)
    };
    // No such credential: the next in order.
    let key = find(&[&systemd, &variable]).unwrap();
    assert_eq!(*key.source(), KeySource::Variable);
    let by_variable = key.id();
    assert!(
        !dir.join(FILE).exists(),
        "a key that is given needs no file"
    );

    let key = find(&[&systemd]).unwrap();
    assert_eq!(*key.source(), KeySource::File(dir.join(FILE)));
    let by_file = key.id();

    fs::write(&credential, base64_key(1)).unwrap();
    let key = find(&[&systemd, &variable]).unwrap();
    assert_eq!(*key.source(), KeySource::Credential(credential.clone()));
    let by_credential = key.id();
    assert_eq!(find(&[&variable]).unwrap().id(), by_variable);
    assert_eq!(find(&[]).unwrap().id(), by_file);
    assert!(by_credential != by_variable && by_variable != by_file);

    // The same key is the same, wherever it was found.
    fs::write(&credential, format!("  {}\r\n", base64_key(2))).unwrap();
    assert_eq!(find(&[&systemd]).unwrap().id(), by_variable);

    // One that is given and is wrong is not passed over.
    for wrong in [
        "",
        "geheim",
        &BASE64.encode([1; 31]),
        &BASE64.encode([1; 33]),
    ] {
        fs::write(&credential, wrong).unwrap();
        let error = find(&[&systemd, &variable]).unwrap_err().to_string();
        assert!(error.contains("jarchi-vault-key"), "{error}");
        assert!(error.contains("/dev/urandom"), "{error}");
        let error = find(&[&("JARCHI_VAULT_KEY", wrong.to_owned())]).unwrap_err();
        assert!(matches!(error, KeyError::NoKey(_)), "{error}");
        assert!(
            wrong.is_empty() || !error.to_string().contains(wrong),
            "{error}"
        );
    }
}

#[test]
fn the_key_file_is_made_once_and_for_its_owner() {
    let (_keep, dir) = scratch();
    // Of a start that was interrupted.
    fs::write(dir.join("vault.key.new"), "half a k").unwrap();
    let key = Key::find(&nothing(), &dir).unwrap();
    let path = dir.join(FILE);
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
    assert!(!dir.join("vault.key.new").exists());
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(BASE64.decode(text.trim()).unwrap().len(), 32);
    assert_eq!(Key::find(&nothing(), &dir).unwrap().id(), key.id());
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
    assert!(!format!("{key:?}").contains(text.trim()));
    let (_keep_too, other) = scratch();
    assert_ne!(Key::find(&nothing(), &other).unwrap().id(), key.id());

    for mode in [0o640, 0o604, 0o660, 0o644, 0o610] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let error = Key::find(&nothing(), &dir).unwrap_err();
        let words = error.to_string();
        assert!(matches!(error, KeyError::Open { .. }), "{words}");
        assert!(
            words.contains(&format!("chmod 600 {}", path.display())),
            "{words}"
        );
        assert!(words.contains(&format!("{mode:o}")), "{words}");
    }
    for mode in [0o600, 0o400] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(Key::find(&nothing(), &dir).unwrap().id(), key.id());
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    // A key is never written over: what it sealed would be lost.
    fs::write(&path, "").unwrap();
    let error = Key::find(&nothing(), &dir).unwrap_err().to_string();
    assert!(error.contains(path.to_str().unwrap()), "{error}");
    assert_eq!(fs::read(&path).unwrap(), b"");
}

/// Starts a daemon and stops it; everything of it is gone at the end.
fn run_daemon(dir: &Path) -> Result<(), RunError> {
    let daemon = Daemon {
        config: config(dir, &[]).as_ref().clone(),
        environment: Box::new(nothing()),
        clock: Clock::system(),
        broker: BrokerOptions::default(),
        prometheus: None,
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async { launch(daemon).await?.running.stop().await })
}

#[test]
fn a_daemon_starts_with_its_key_or_not_at_all() {
    let (_keep, dir) = scratch();
    let path = dir.join(FILE);
    run_daemon(&dir).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
    put(&vault(&dir), "shop", "access", TOKEN);
    // Secrets that can't be opened keep nothing from starting.
    fs::write(&path, base64_key(3)).unwrap();
    run_daemon(&dir).unwrap();

    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let error = run_daemon(&dir).unwrap_err();
    assert!(matches!(error, RunError::Key(_)), "{error}");
    assert!(error.to_string().contains("chmod 600"), "{error}");
}

fn reopen(vault: Vault, dir: &Path) -> Store {
    drop(vault);
    open(dir)
}

fn set_row(store: &Store, (plugin, subject, name): (&str, &str, &str), row: Vec<u8>) {
    let id = SecretId::new(plugin, subject, name);
    store
        .write_blocking(move |tx| {
            tx.set_sealed(&id.plugin, &id.subject, &id.name, Some(row));
            Ok::<_, StoreError>(())
        })
        .unwrap();
}
