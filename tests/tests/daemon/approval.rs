//! `jarchi approve`, `edit`, `reject` and `approval list`, with and without a daemon, and with
//! one that is killed.

use jarchi_tests::daemon::{Daemon, Home, config};
use jarchi_tests::standin::Standin;
use serde_json::Value;

use super::words;

/// Two files that are due long ago by the daemon's clock wait for a yes.
async fn stage(rule: &str) -> (Standin, Home) {
    let standin = Standin::start(&["cafe"]);
    let text = config(&standin, &["cafe"]);
    let home = Home::new(&format!(
        "{text}\n[[generator]]\nname = \"posts\"\nplugin = \"library\"\n\
         accounts = [\"cafe\"]\nfolders = {{ content = \"posts\" }}\n{rule}\n"
    ))
    .await;
    for name in ["bir", "iki"] {
        home.write(
            &format!("posts/{name}.md"),
            format!("---\nwhen: 2026-01-05 09:00\n---\nMəsləhət {name}"),
        );
    }
    (standin, home)
}

async fn waiting(home: &Home) -> Vec<Value> {
    let list = home.json(&["approval", "list"]).await;
    list["reviews"].as_array().unwrap().clone()
}

async fn both(home: &Home, daemon: &Daemon) -> Vec<Value> {
    daemon
        .until("two posts that wait", async || {
            let reviews = waiting(home).await;
            (reviews.len() == 2).then_some(reviews)
        })
        .await
}

async fn state(home: &Home, post: &str) -> String {
    let shown = home.json(&["post", "show", post]).await;
    let state = &shown["deliveries"][0]["state"];
    match state.as_object() {
        Some(state) => state.keys().next().unwrap().clone(),
        None => state.as_str().unwrap().to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_waits_over_a_kill_and_goes_out_once_after_a_yes() {
    let (standin, home) = stage("approval = \"required\"").await;
    let daemon = home.start().await;
    let reviews = both(&home, &daemon).await;
    assert_eq!(reviews[0]["required"], true);
    assert_eq!(reviews[0]["on_deadline"], "hold");
    daemon.kill().await;

    let daemon = home.start().await;
    assert_eq!(both(&home, &daemon).await, reviews);
    assert_eq!(standin.book().len(), 0);
    daemon.kill().await;

    // Without a daemon, the commands work on the store, and the plugin itself is asked.
    let named = |name: &str| {
        let one = reviews.iter();
        let mut one = one.filter(|one| one["text"].as_str().unwrap().ends_with(name));
        one.next().unwrap()["post"].to_string()
    };
    let (first, second) = (named("bir"), named("iki"));
    let long = "ç".repeat(501);
    let refused = home.jarchi(&["edit", &first, "--text", &long]).await;
    assert_eq!(refused.status.code(), Some(2), "{}", words(&refused));
    assert!(words(&refused).contains("500"), "{}", words(&refused));
    assert!(
        words(&refused).contains("is as it was"),
        "{}",
        words(&refused)
    );
    home.write("editor.sh", "sed -i 's/bir/bir dənə/' \"$1\"\n");
    let editor = format!("sh {}", home.path("editor.sh").display());
    let edited = home
        .command_with(&["edit", &first], &[("EDITOR", &editor), ("VISUAL", "")])
        .await;
    assert!(edited.status.success(), "{}", words(&edited));
    let shown = home.ok(&["post", "show", &first]).await;
    assert!(
        shown.contains("Məsləhət bir dənə") && shown.contains("waits for approval"),
        "{shown}"
    );
    let approved = home.json(&["approve", &first]).await;
    assert_eq!(approved["outcome"], "approved");
    let rejected = home.ok(&["reject", &second, "--because", "köhnədir"]).await;
    assert!(rejected.contains("rejected"), "{rejected}");
    let again = home.jarchi(&["approve", &second]).await;
    assert_eq!(again.status.code(), Some(2));
    assert!(words(&again).contains("köhnədir"), "{}", words(&again));

    let daemon = home.start().await;
    daemon
        .until("the post", async || {
            (standin.book().len() == 1).then_some(())
        })
        .await;
    daemon
        .until("its receipt", async || {
            (state(&home, &first).await == "published").then_some(())
        })
        .await;
    daemon.kill().await;
    let daemon = home.start().await;
    assert_eq!(state(&home, &second).await, "cancelled");
    assert_eq!(waiting(&home).await, Vec::<Value>::new());
    let book = standin.book();
    assert_eq!(book.len(), 1);
    assert_eq!(book[0].text, "Məsləhət bir dənə");
    assert!(daemon.terminate().await.success());
    home.ok(&["store", "check"]).await;
}
