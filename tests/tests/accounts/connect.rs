//! The user lets an account in.

use jarchi_tests::daemon::{Home, daemon_section};
use jarchi_tests::lodge::client;
use jarchi_tests::standin::{Standin, token_of};
use serde_json::json;

use super::{Asking, connect, is_clean, post, stage, standing, state};

#[tokio::test(flavor = "multi_thread")]
async fn without_a_daemon() {
    let (lodge, home) = stage(&["cafe", "shop"]).await;
    let before = standing(&home, "cafe", &["account", "list"]).await;
    assert_eq!(before["ready"], false);
    assert!(
        before["missing"][0]
            .as_str()
            .unwrap()
            .contains("`jarchi account auth cafe` brings it"),
        "{before}"
    );

    let report = connect(&lodge, &home, "cafe").await;
    assert_eq!(report["ready"], true, "{report}");
    assert_eq!(report["profile"], "guest in kitchen");
    assert_eq!(report["scopes"], json!(["post", "read"]));
    assert_eq!(report["lacking"], json!(["clean"]));
    assert_eq!(report["quotas"][0]["limit"], 100);
    assert_eq!(lodge.asked(), ["authorization_code", "exchange"]);

    // What was found out is known without asking again.
    let listed = standing(&home, "cafe", &["account", "list"]).await;
    assert_eq!(listed, report);
    let access = listed["tokens"].as_array().unwrap().iter();
    let access = access
        .clone()
        .find(|one| one["secret"] == "access_token")
        .unwrap();
    assert_eq!(access["from"], "vault");
    assert_eq!(access["refreshes"], true);
    assert!(access["expires"].is_string(), "{access}");

    // The other is as it was, and a check says so.
    let checked = home.jarchi(&["account", "check"]).await;
    assert_eq!(checked.status.code(), Some(1));
    let table = String::from_utf8(checked.stdout).unwrap();
    assert!(table.contains("guest in kitchen"), "{table}");
    let checked = home.jarchi(&["account", "check", "cafe"]).await;
    assert_eq!(checked.status.code(), Some(0));

    // No token lies about, on disk or in what was printed.
    for entry in walk(&home.data()) {
        is_clean(
            &lodge,
            &entry.display().to_string(),
            &std::fs::read(&entry).unwrap(),
        );
    }
    is_clean(&lodge, "the table", table.as_bytes());
}

fn walk(dir: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(walk(&path)),
            false => files.push(path),
        }
    }
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn through_the_daemon_and_then_it_posts() {
    let (lodge, home) = stage(&["cafe"]).await;
    let daemon = home.start().await;
    let early = post(&home, "cafe", "Too early").await;
    daemon
        .until("the refusal", async || {
            (state(&home, &early).await == "failed").then_some(())
        })
        .await;
    connect(&lodge, &home, "cafe").await;
    // What was in its way is gone.
    let alarms = home.json(&["alarm", "list"]).await;
    let lasting = alarms["alarms"].as_array().unwrap().iter();
    let unauthorized = lasting
        .filter(|one| one["cleared"].is_null())
        .any(|one| one["cause"] == "account:cafe:unauthorized");
    assert!(!unauthorized, "{alarms}");
    post(&home, "cafe", "Salam").await;
    lodge
        .until("the note", |lodge| !lodge.notes().is_empty())
        .await;
    assert_eq!(lodge.notes(), ["kitchen: Salam"]);
    is_clean(&lodge, "the log", daemon.log().as_bytes());
    assert!(daemon.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn by_a_pasted_address() {
    let (lodge, home) = stage(&["cafe"]).await;
    let args = [
        "account", "auth", "cafe", "--paste", "--target", "garden", "--json",
    ];
    let mut asking = Asking::start(&home, &args, &[]);
    let page = asking.page().await;
    assert!(
        page.contains("redirect_uri=http%3A%2F%2F127.0.0.1%3A7378%2Fcallback"),
        "{page}"
    );
    let back = lodge.allow(&page).await;
    asking.type_in(&back).await;
    let (output, said) = asking.end().await;
    assert!(output.status.success(), "{said}");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["profile"], "guest in garden");

    // The code was good for once: pasted again, nothing is got for it.
    let mut asking = Asking::start(&home, &args, &[]);
    asking.page().await;
    let code = back
        .split("code=")
        .nth(1)
        .unwrap()
        .split('&')
        .next()
        .unwrap();
    asking.type_in(code).await;
    let (output, said) = asking.end().await;
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("the code was used"), "{said}");
    // And what was there before stays.
    let checked = home.jarchi(&["account", "check", "cafe"]).await;
    assert_eq!(checked.status.code(), Some(0));

    // Of another page.
    let mut asking = Asking::start(&home, &args, &[]);
    asking.page().await;
    asking.type_in(&back).await;
    let (output, said) = asking.end().await;
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("another question"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_for_the_answer_takes_one_and_the_right_one() {
    let (lodge, home) = stage(&["cafe"]).await;
    let args = [
        "account",
        "auth",
        "cafe",
        "--redirect",
        "http://localhost/come/back",
        "--target",
        "kitchen",
    ];
    let mut asking = Asking::start(&home, &args, &[]);
    let page = asking.page().await;
    let back = lodge.allow(&page).await;
    assert!(
        back.starts_with("http://localhost:") && back.contains("/come/back?"),
        "{back}"
    );
    // The client does not look names up.
    let back = back.replace("localhost", "127.0.0.1");
    let client = client();
    let forged = back.replace("state=", "state=x");
    let elsewhere = back.replace("/come/back", "/callback");
    for (address, status) in [(&forged, 400), (&elsewhere, 404)] {
        let answer = client.get(address).send().await.unwrap();
        assert_eq!(answer.status(), status, "{address}");
        let shown = answer.text().await.unwrap();
        assert!(!shown.contains("of-the-lodge"), "{shown}");
    }
    let posted = client.post(&back).send().await.unwrap();
    assert_eq!(posted.status(), 405);
    let taken = client.get(&back).send().await.unwrap();
    assert_eq!(taken.status(), 200);
    assert_eq!(taken.headers()["referrer-policy"], "no-referrer");
    assert_eq!(taken.headers()["cache-control"], "no-store");
    let shown = taken.text().await.unwrap();
    assert!(
        shown.contains("has got the answer") && !shown.contains("of-the-lodge"),
        "{shown}"
    );
    // Once: nobody listens any more, or it says so.
    if let Ok(again) = client.get(&back).send().await {
        assert_eq!(again.status(), 410);
    }
    let (output, said) = asking.end().await;
    assert!(output.status.success(), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_user_says_no_or_chooses_none() {
    let (lodge, home) = stage(&["cafe"]).await;
    let args = ["account", "auth", "cafe"];
    let mut asking = Asking::start(&home, &args, &[]);
    let page = asking.page().await;
    let back = lodge.allow(&page).await;
    let code = back
        .split("code=")
        .nth(1)
        .unwrap()
        .split('&')
        .next()
        .unwrap();
    let no = back.replace(&format!("code={code}"), "error=access_denied");
    client().get(&no).send().await.unwrap();
    let (output, said) = asking.end().await;
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("access_denied"), "{said}");
    assert!(lodge.asked().is_empty());

    // Two rooms to choose from, and nobody to ask.
    let mut asking = Asking::start(&home, &args, &[]);
    let page = asking.page().await;
    client().get(lodge.allow(&page).await).send().await.unwrap();
    let (output, said) = asking.end().await;
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("jarchi account target cafe ID"), "{said}");
    assert!(said.contains("can't be used: it is locked"), "{said}");
    let locked = home.jarchi(&["account", "target", "cafe", "attic"]).await;
    assert_eq!(locked.status.code(), Some(2));
    let chosen = home.json(&["account", "target", "cafe", "garden"]).await;
    assert_eq!(chosen["profile"], "guest in garden");
    let list = home.json(&["account", "target", "cafe"]).await;
    assert_eq!(list["chosen"], "garden");

    // What stands in the configuration counts more.
    let text = format!("{}{}", daemon_section(), lodge.blocks(&["cafe"]));
    home.configure(&text.replace("settings = { ", "settings = { room = \"kitchen\", "));
    let checked = standing(&home, "cafe", &["account", "check"]).await;
    assert_eq!(checked["profile"], "guest in kitchen");
}

#[tokio::test(flavor = "multi_thread")]
async fn by_tokens_that_the_user_pastes() {
    let standin = Standin::start(&["cafe"]);
    let text = jarchi_tests::daemon::config(&standin, &["cafe"]);
    let secret = format!("secrets = {{ token = \"{}\" }}\n", token_of("cafe"));
    assert!(text.contains(&secret));
    let home = Home::new(&text.replace(&secret, "")).await;
    let mut asking = Asking::start(&home, &["account", "auth", "cafe", "--json"], &[]);
    asking.type_in(&token_of("cafe")).await;
    let (output, said) = asking.end().await;
    assert!(output.status.success(), "{said}");
    assert!(said.contains("The vault has them now"), "{said}");
    assert!(!said.contains(&token_of("cafe")), "{said}");

    let daemon = home.start().await;
    let delivery = post(&home, "cafe", "Salam").await;
    daemon
        .until("the post", async || {
            (state(&home, &delivery).await == "published").then_some(())
        })
        .await;
    assert!(daemon.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_the_platform_does_not_know() {
    let (lodge, home) = stage(&["cafe", "shop"]).await;
    let right = format!("{}{}", daemon_section(), lodge.blocks(&["cafe", "shop"]));
    // The plugin's keys are wrong, and one account has its own.
    let own = format!(
        "name = \"shop\"\nclient_id = \"{}\"\nclient_secret = \"{}\"\n",
        jarchi_tests::lodge::APP,
        jarchi_tests::lodge::APP_SECRET
    );
    let wrong = right
        .replace(jarchi_tests::lodge::APP_SECRET, "quite-another-secret")
        .replace("name = \"shop\"\n", &own);
    home.configure(&wrong);
    let mut asking = Asking::start(&home, &["account", "auth", "cafe", "--paste"], &[]);
    let page = asking.page().await;
    asking.type_in(&lodge.allow(&page).await).await;
    let (output, said) = asking.end().await;
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("invalid_client"), "{said}");
    assert!(!said.contains("quite-another-secret\n"), "{said}");
    let report = connect(&lodge, &home, "shop").await;
    assert_eq!(report["ready"], true);

    let none = right.replace(
        &format!("client_id = \"{}\"\n", jarchi_tests::lodge::APP),
        "",
    );
    let none = none.replace(
        &format!("client_secret = \"{}\"\n", jarchi_tests::lodge::APP_SECRET),
        "",
    );
    home.configure(&none);
    let output = home.jarchi(&["account", "auth", "cafe"]).await;
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("Ask at the reception for an app"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn by_a_token_that_the_user_has_already_and_by_fewer_scopes() {
    let (lodge, home) = stage(&["cafe"]).await;
    connect(&lodge, &home, "cafe").await;
    let given = lodge.given();
    let access = given.iter().find(|one| one.starts_with("access")).unwrap();
    home.ok(&["account", "forget", "cafe"]).await;
    let args = [
        "account", "auth", "cafe", "--token", "--target", "kitchen", "--json",
    ];
    let mut asking = Asking::start(&home, &args, &[]);
    asking.type_in(access).await;
    let (output, said) = asking.end().await;
    assert!(output.status.success(), "{said}");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["ready"], true, "{report}");
    let tokens = report["tokens"].as_array().unwrap();
    assert!(
        tokens.iter().all(|token| token["refreshes"] == false),
        "{report}"
    );

    let args = [
        "account",
        "auth",
        "cafe",
        "--paste",
        "--scopes",
        "post,read",
    ];
    let mut asking = Asking::start(&home, &args, &[]);
    let page = asking.page().await;
    assert!(page.contains("&scope=post%20read&"), "{page}");
}
