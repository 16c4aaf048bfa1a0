//! A configuration that is wrong, or changes, or is used twice.

use jarchi_tests::daemon::{Home, config};

use super::{stage, words};

#[tokio::test(flavor = "multi_thread")]
async fn a_misspelt_key_is_told_with_its_place() {
    let (standin, home) = stage().await;
    let good = config(&standin, &["cafe"]);
    let wrong = good
        .replace("time_zone = \"Asia/Baku\"", "time_zon = \"Asia/Baku\"")
        .replace("plugin = \"mastodon\"", "plugin = \"mastodn\"");
    home.configure(&wrong);
    let output = home.jarchi(&["run"]).await;
    assert_eq!(output.status.code(), Some(2));
    let text = words(&output);
    let line = wrong
        .lines()
        .position(|line| line.contains("time_zon "))
        .unwrap()
        + 1;
    // All errors at once, each with file, line and key.
    assert!(text.contains(&format!("jarchi.toml:{line}:")), "{text}");
    assert!(text.contains("time_zon"), "{text}");
    assert!(text.contains("did you mean `time_zone`"), "{text}");
    assert!(text.contains("mastodn"), "{text}");
    assert!(text.contains("the configuration can't be used"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_file_keeps_the_old_one() {
    let (standin, home) = stage().await;
    let mut daemon = home.start().await;
    let good = config(&standin, &["cafe", "shop"]);
    home.configure(&good.replace("[[brand]]", "[[brnd]]"));
    daemon.hang_up();
    daemon
        .logged(|line| line.to_string().contains("brnd"))
        .await;
    let (status, ready) = daemon.get("/readyz").await;
    assert_eq!(status, 200);
    assert!(
        ready.contains("the changed configuration is not in use"),
        "{ready}"
    );
    assert!(ready.contains("brnd"), "{ready}");
    // The old one does its work.
    home.configure(&good);
    daemon
        .logged(|line| line["message"] == "the configuration is in force")
        .await;
    home.ok(&["post", "Salam", "--account", "cafe"]).await;
    standin.until("the post", |book| book.len() == 1).await;
    daemon
        .until("no warning", async || {
            let (_, ready) = daemon.get("/readyz").await;
            (!ready.contains("not in use")).then_some(())
        })
        .await;
    assert!(daemon.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_account_is_taken_on_while_the_daemon_runs() {
    let (standin, home) = stage().await;
    home.configure(&config(&standin, &["cafe"]));
    let mut daemon = home.start().await;
    let unknown = home.jarchi(&["post", "Salam", "--account", "shop"]).await;
    assert_eq!(unknown.status.code(), Some(2), "{}", words(&unknown));
    // No signal: the file is watched.
    home.configure(&config(&standin, &["cafe", "shop"]));
    daemon
        .logged(|line| line["message"] == "the configuration is in force")
        .await;
    home.ok(&["post", "Salam", "--account", "shop"]).await;
    let book = standin.until("the post", |book| book.len() == 1).await;
    assert_eq!(book[0].account, "shop");
    assert!(daemon.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_by_command_is_in_force_when_it_ends() {
    let (standin, home) = stage().await;
    let daemon = home.start().await;
    let accounts = ["cafe", "shop"];
    for round in 0..10 {
        // One account, and two, in turn.
        let named = &accounts[..1 + round % 2];
        home.configure(&config(&standin, named));
        home.ok(&["reload"]).await;
        let posted = home
            .jarchi(&["post", "Salam", "--account", "shop", "--check"])
            .await;
        let expected = if named.len() == 2 { 0 } else { 2 };
        assert_eq!(posted.status.code(), Some(expected), "{}", words(&posted));
    }
    // What is wrong is said to whoever asked.
    home.configure("[daemn]\n");
    let refused = home.jarchi(&["reload"]).await;
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        words(&refused).contains("did you mean `daemon`"),
        "{}",
        words(&refused)
    );
    let plugin = config(&standin, &accounts).replace(
        "concurrency = 16\n\n[[plugin.grant]]",
        "path = \"broken.wasm\"\n\n[[plugin.grant]]",
    );
    home.write("broken.wasm", "MZ");
    home.configure(&plugin);
    let refused = home.jarchi(&["reload"]).await;
    assert_eq!(refused.status.code(), Some(2), "{}", words(&refused));
    assert!(
        words(&refused).contains("not a WebAssembly file"),
        "{}",
        words(&refused)
    );
    // The plugin that was loaded before is still there.
    home.ok(&["post", "Salam", "--account", "cafe"]).await;
    standin.until("the post", |book| book.len() == 1).await;
    assert!(daemon.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_daemon_is_refused() {
    let (_standin, home) = stage().await;
    let daemon = home.start().await;
    let output = home.jarchi(&["run"]).await;
    assert_eq!(output.status.code(), Some(2));
    let text = words(&output);
    let pid = daemon.pid().as_raw_nonzero().to_string();
    assert!(text.contains(&format!("in use by process {pid}")), "{text}");
    assert!(text.contains("one daemon a directory"), "{text}");
    let output = home.jarchi(&["store", "check"]).await;
    assert_eq!(output.status.code(), Some(2), "{}", words(&output));
    // The first goes on.
    home.ok(&["status"]).await;
    assert!(daemon.terminate().await.success());
    home.ok(&["store", "check"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_died_leaves_nothing_in_the_way() {
    let (standin, home) = stage().await;
    let daemon = home.start().await;
    daemon.kill().await;
    // The socket's file is still there, and nobody listens on it.
    assert!(home.data().join("jarchi.sock").exists());
    home.ok(&["post", "Salam", "--account", "cafe"]).await;
    let daemon = home.start().await;
    standin.until("the post", |book| book.len() == 1).await;
    assert!(daemon.terminate().await.success());
    assert!(!home.data().join("jarchi.sock").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_daemons_share_neither_socket_nor_address() {
    let (standin, home) = stage().await;
    let daemon = home.start().await;
    let address = daemon.http().to_string();
    let other = Home::new(&config(&standin, &["cafe"])).await;
    let text = config(&standin, &["cafe"]);
    let socket = home.data().join("jarchi.sock");
    other.configure(&text.replace("grace = ", &format!("socket = {socket:?}\ngrace = ")));
    let refused = other.jarchi(&["run"]).await;
    assert_eq!(refused.status.code(), Some(2));
    let said = words(&refused);
    assert!(
        said.contains("`daemon.socket`") && said.contains("another daemon"),
        "{said}"
    );
    other.configure(&text.replace("127.0.0.1:0", &address));
    let refused = other.jarchi(&["run"]).await;
    assert_eq!(refused.status.code(), Some(2));
    let said = words(&refused);
    assert!(
        said.contains("`daemon.http`") && said.contains(&address),
        "{said}"
    );
    // The first was not disturbed.
    home.ok(&["status"]).await;
    assert!(daemon.terminate().await.success());
}
