//! The vault's key, and forgetting.

use std::os::unix::fs::PermissionsExt as _;

use super::{connect, stage, standing};

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_opens_what_the_old_one_sealed() {
    let (lodge, home) = stage(&["cafe"]).await;
    connect(&lodge, &home, "cafe").await;
    let file = home.data().join("vault.key");
    let old = std::fs::read_to_string(&file).unwrap();

    // Not under a daemon's feet.
    let daemon = home.start().await;
    assert_eq!(
        home.jarchi(&["vault", "rotate"]).await.status.code(),
        Some(2)
    );
    assert_eq!(std::fs::read_to_string(&file).unwrap(), old);
    // And no copy of the store has it.
    home.ok(&["backup", home.path("copy").to_str().unwrap()])
        .await;
    assert!(daemon.terminate().await.success());
    let copy = std::fs::read(home.path("copy")).unwrap();
    let key = old.trim().as_bytes();
    assert!(!copy.windows(key.len()).any(|window| window == key));
    super::is_clean(&lodge, "the backup", &copy);

    let rotated = home.json(&["vault", "rotate"]).await;
    assert_eq!(rotated["secrets"], 3, "{rotated}");
    let new = std::fs::read_to_string(&file).unwrap();
    assert_ne!(new, old);
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let one = standing(&home, "cafe", &["account", "check"]).await;
    assert_eq!(one["ready"], true, "{one}");

    // One that is given, and then put into its place.
    home.secret("given", &old);
    let given = home.path("given");
    let rotated = home
        .json(&["vault", "rotate", "--new-key", given.to_str().unwrap()])
        .await;
    assert_eq!(rotated["secrets"], 3);
    let closed = home.jarchi(&["account", "check"]).await;
    assert_eq!(closed.status.code(), Some(2));
    std::fs::rename(&given, &file).unwrap();
    let one = standing(&home, "cafe", &["account", "check"]).await;
    assert_eq!(one["ready"], true, "{one}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_that_was_broken_off_is_settled() {
    let (lodge, home) = stage(&["cafe"]).await;
    connect(&lodge, &home, "cafe").await;
    let file = home.data().join("vault.key");
    let next = home.data().join("vault.key.next");
    // Before anything was sealed anew.
    home.secret(
        "data/vault.key.next",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
    );
    let one = standing(&home, "cafe", &["account", "check"]).await;
    assert_eq!(one["ready"], true, "{one}");
    assert!(!next.exists());
    // After all was, and before the new key took its place.
    let old = std::fs::read_to_string(&file).unwrap();
    home.ok(&["vault", "rotate"]).await;
    std::fs::rename(&file, &next).unwrap();
    home.secret("data/vault.key", &old);
    let one = standing(&home, "cafe", &["account", "check"]).await;
    assert_eq!(one["ready"], true, "{one}");
    assert!(!next.exists());
    assert_ne!(std::fs::read_to_string(&file).unwrap(), old);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_forgotten_is_gone() {
    let (lodge, home) = stage(&["cafe"]).await;
    connect(&lodge, &home, "cafe").await;
    let count = home.json(&["account", "forget", "cafe"]).await;
    assert_eq!(count, 3);
    let one = standing(&home, "cafe", &["account", "list"]).await;
    assert_eq!(one["ready"], false);
    assert_eq!(one["tokens"], serde_json::json!([]));
    assert!(one["target"].is_null());
}
