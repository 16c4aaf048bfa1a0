//! What the command line says and does, with a running daemon and without one.

use jarchi_tests::daemon::{Home, config};
use jarchi_tests::standin::Standin;
use serde_json::{Value, json};

use super::{delivery, numbers, png, stage, state, words};

#[tokio::test(flavor = "multi_thread")]
async fn a_post_from_the_command_line() {
    let (standin, home) = stage().await;
    let picture = home.write("tea.png", png());
    let daemon = home.start().await;
    let posted = home
        .json(&[
            "post",
            "Salam, dünya",
            "--account",
            "cafe,shop",
            "--media",
            "tea.png",
            "--alt",
            "Bir stəkan çay",
            "--language",
            "az",
            "--hashtag",
            "çay",
        ])
        .await;
    let (post, first) = numbers(&posted);
    assert_eq!(posted["deliveries"].as_array().unwrap().len(), 2);
    let book = standin.until("two posts", |book| book.len() == 2).await;
    for (entry, account) in book.iter().zip(["cafe", "shop"]) {
        assert!(entry.text.starts_with("Salam, dünya"), "{entry:?}");
        assert!(entry.text.contains("#çay"), "{entry:?}");
        assert_eq!(entry.language.as_deref(), Some("az"));
        assert_eq!(
            entry.media[0].description.as_deref(),
            Some("Bir stəkan çay")
        );
        assert!(book.iter().any(|entry| entry.account == account));
    }
    let published = daemon
        .until("a receipt", async || {
            let delivery = delivery(&home, &first).await;
            (state(&delivery) == "published").then_some(delivery)
        })
        .await;
    let receipt = &published["receipt"];
    let entry = book.iter().find(|entry| entry.account == "cafe").unwrap();
    assert_eq!(receipt["id"], json!(entry.id));
    assert!(receipt["url"].as_str().unwrap().starts_with(&standin.url()));

    // The post, with its deliveries.
    let shown = home.json(&["post", "show", &post]).await;
    assert_eq!(shown["post"]["draft"]["text"], "Salam, dünya");
    let path = picture.canonicalize().unwrap();
    assert_eq!(shown["post"]["draft"]["media"][0]["path"], json!(path));
    assert_eq!(shown["deliveries"].as_array().unwrap().len(), 2);
    let text = home.ok(&["post", "show", &post]).await;
    assert!(
        text.contains("Salam, dünya") && text.contains("Bir stəkan çay"),
        "{text}"
    );
    let text = home.ok(&["post", "list"]).await;
    assert!(text.contains("Salam, dünya"), "{text}");

    // Its numbers.
    standin.server.favourite(&entry.id, "shop").unwrap();
    home.ok(&["measure"]).await;
    let samples = daemon
        .until("numbers", async || {
            let metrics = home.json(&["metrics", &post]).await;
            let of = metrics["of"].as_array().unwrap();
            let of = of.iter().find(|of| of["account"] == "cafe").unwrap();
            let samples = of["samples"].as_array().unwrap();
            (!samples.is_empty()).then(|| samples.clone())
        })
        .await;
    let numbers: &Vec<Value> = samples[0]["metrics"].as_array().unwrap();
    let likes = numbers.iter().find(|metric| metric["measure"] == "likes");
    assert_eq!(likes.unwrap()["value"], json!(1), "{numbers:?}");
    let text = home.ok(&["metrics", &post]).await;
    assert!(text.contains("likes 1"), "{text}");
    daemon
        .until("the account's numbers", async || {
            let metrics = home.json(&["metrics", "--account", "cafe"]).await;
            let samples = metrics["of"][0]["samples"].as_array().unwrap();
            (!samples.is_empty()).then_some(())
        })
        .await;
    let text = home.ok(&["status"]).await;
    assert!(
        text.contains("the daemon runs") && text.contains("exactly once"),
        "{text}"
    );

    // All of it can be read where no daemon runs.
    assert!(daemon.terminate().await.success());
    let text = home.ok(&["metrics", &post]).await;
    assert!(text.contains("likes 1"), "{text}");
    let text = home.ok(&["status"]).await;
    assert!(text.contains("no daemon runs"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queue_with_and_without_a_daemon() {
    let (standin, home) = stage().await;
    // Without: what is accepted waits for the daemon's start.
    let posted = home
        .json(&[
            "post",
            "Sabah",
            "--account",
            "cafe",
            "--at",
            "2099-01-01 09:00",
        ])
        .await;
    let (post, number) = numbers(&posted);
    assert_eq!(
        posted["deliveries"][0]["due_local"],
        "Thu 2099-01-01 09:00 +04"
    );
    let daemon = home.start().await;
    {
        let list = home.json(&["queue", "list"]).await;
        assert_eq!(list["deliveries"][0]["delivery"].to_string(), number);
        assert_eq!(list["deliveries"][0]["state"], "waiting");
        let text = home.ok(&["queue", "list"]).await;
        assert!(
            text.contains("Sabah") && text.contains("2099-01-01 09:00"),
            "{text}"
        );
        let text = home.ok(&["queue", "show", &number]).await;
        assert!(text.contains("waiting"), "{text}");
        let text = home.ok(&["post", "list"]).await;
        assert!(text.contains("cafe: waiting"), "{text}");

        let cancelled = home.json(&["queue", "cancel", &number]).await;
        assert_eq!(cancelled["state"], "cancelled");
        let list = home.json(&["queue", "list"]).await;
        assert_eq!(list["deliveries"], json!([]));
        let again = home.jarchi(&["queue", "cancel", &number]).await;
        assert_eq!(again.status.code(), Some(2));
        assert!(
            words(&again).contains("nothing is left to cancel"),
            "{}",
            words(&again)
        );

        // Tried again, and once more, it keeps the time that it had.
        home.ok(&["queue", "retry", &number]).await;
        let retried = home.json(&["queue", "retry", &number]).await;
        assert_eq!(retried["state"], "waiting");
        assert_eq!(retried["due_local"], "Thu 2099-01-01 09:00 +04");
        let moved = home
            .json(&["queue", "move", &number, "2099-02-01 10:30"])
            .await;
        assert_eq!(moved["due_local"], "Sun 2099-02-01 10:30 +04");
        home.ok(&["queue", "move", &number, "2099-01-01 09:00"])
            .await;
    }
    let missing = home.jarchi(&["queue", "show", "4711"]).await;
    assert_eq!(missing.status.code(), Some(2));
    assert!(
        words(&missing).contains("there is no delivery 4711"),
        "{}",
        words(&missing)
    );
    let missing = home
        .jarchi(&["post", "x", "--account", "cafe", "--media", "nowhere.png"])
        .await;
    assert_eq!(missing.status.code(), Some(2));
    assert!(
        words(&missing).contains("nowhere.png: No such file"),
        "{}",
        words(&missing)
    );
    let unknown = home.jarchi(&["post", "x", "--account", "caf"]).await;
    assert_eq!(unknown.status.code(), Some(2));
    assert!(
        words(&unknown).contains("did you mean `cafe`?"),
        "{}",
        words(&unknown)
    );
    assert!(standin.book().is_empty(), "{:?}", standin.book());
    assert!(daemon.terminate().await.success());

    // And now without the daemon.
    let text = home.ok(&["queue", "list"]).await;
    assert!(text.contains("Sabah"), "{text}");
    home.ok(&["queue", "cancel", &number]).await;
    let retried = home.json(&["queue", "retry", &number]).await;
    assert_eq!(retried["due_local"], "Thu 2099-01-01 09:00 +04");
    home.ok(&["queue", "move", &number, "2020-01-01 09:00"])
        .await;
    let text = home.ok(&["post", "show", &post]).await;
    assert!(text.contains("Sabah"), "{text}");

    // Moved into the past, it is missed: nobody wants yesterday's news.
    let daemon = home.start().await;
    let missed = daemon
        .until("the end", async || {
            let delivery = delivery(&home, &number).await;
            (state(&delivery) == "missed").then_some(delivery)
        })
        .await;
    let reason = missed["state"]["missed"]["reason"].as_str().unwrap();
    assert!(reason.contains("rails.missed_after"), "{reason}");
    // Somebody wants it all the same.
    home.ok(&["queue", "retry", &number]).await;
    standin.until("the post", |book| book.len() == 1).await;
    assert!(daemon.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_that_the_platform_would_refuse() {
    let (standin, home) = stage().await;
    let daemon = home.start().await;
    let long = "ə".repeat(501);
    let refused = home.jarchi(&["post", &long, "--account", "cafe"]).await;
    assert_eq!(refused.status.code(), Some(2));
    let text = words(&refused);
    assert!(text.contains("cafe: error: text: "), "{text}");
    assert!(
        text.contains("500") && text.contains("it was not posted"),
        "{text}"
    );
    let list = home.json(&["post", "list"]).await;
    assert_eq!(list["posts"], json!([]));
    let checked = home
        .ok(&["post", "Salam", "--account", "cafe", "--check"])
        .await;
    assert_eq!(checked, "nothing is wrong with it\n");
    // Who knows better lets the platform decide.
    let posted = home
        .json(&["post", &long, "--account", "cafe", "--force"])
        .await;
    let (_, number) = numbers(&posted);
    let failed = daemon
        .until("the refusal", async || {
            let delivery = delivery(&home, &number).await;
            (state(&delivery) == "failed").then_some(delivery)
        })
        .await;
    let reason = failed["state"]["failed"]["reason"].as_str().unwrap();
    assert!(
        reason.contains("Text character limit of 500 exceeded"),
        "{reason}"
    );
    let dead = home.json(&["queue", "list", "--dead"]).await;
    assert_eq!(dead["deliveries"][0]["delivery"].to_string(), number);
    assert!(standin.book().is_empty());
    assert!(daemon.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_keeps_everything_back() {
    let (standin, home) = stage().await;
    let mut daemon = home.start().await;
    home.ok(&["hold", "account:cafe"]).await;
    home.ok(&["post", "Saxlanılan", "--account", "cafe"]).await;
    home.ok(&["post", "Gedən", "--account", "shop"]).await;
    daemon
        .logged(|line| {
            line["reason"]
                .as_str()
                .is_some_and(|why| why.contains("on hold"))
        })
        .await;
    let book = standin.until("the other's", |book| book.len() == 1).await;
    assert_eq!(book[0].account, "shop");
    let text = home.ok(&["status"]).await;
    assert!(text.contains("account:cafe is on hold"), "{text}");
    home.ok(&["release", "account:cafe"]).await;
    let book = standin.until("its own", |book| book.len() == 2).await;
    assert_eq!(book[1].text, "Saxlanılan");
    assert!(daemon.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_picture_arrives_whole() {
    let (standin, home) = stage().await;
    let daemon = home.start().await;
    let bytes = jarchi_tests::photo::noise(2300, 2200, "large");
    home.write("large.png", &bytes);
    home.ok(&["post", "Böyük", "--account", "cafe", "--media", "large.png"])
        .await;
    let book = standin.until("the post", |book| book.len() == 1).await;
    assert_eq!(book[0].media[0].size, bytes.len());
    let digest = blake3::hash(&bytes).to_hex().to_string();
    assert_eq!(book[0].media[0].digest, digest);
    assert!(daemon.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_take_turns_where_no_daemon_runs_yet() {
    let (standin, home) = stage().await;
    let texts: Vec<String> = (0..12).map(|number| format!("Xəbər {number}")).collect();
    let post = async |text: &String| home.ok(&["post", text, "--account", "cafe"]).await;
    let posts = texts.iter().map(&post);
    futures_util::future::join_all(posts).await;
    // And a daemon starts among them.
    let more: Vec<String> = (12..24).map(|number| format!("Xəbər {number}")).collect();
    let posts = more.iter().map(&post);
    let (daemon, _) = tokio::join!(home.start(), futures_util::future::join_all(posts));
    let book = standin.until("all", |book| book.len() == 24).await;
    for text in texts.iter().chain(&more) {
        let times = book.iter().filter(|entry| entry.text == *text).count();
        assert_eq!(times, 1, "{text}");
    }
    assert!(daemon.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_worth_knowing_of_a_post_is_told() {
    let standin = Standin::start(&["cafe", "shop"]);
    let text =
        config(&standin, &["cafe", "shop"]).replace("least_gap = \"0s\"", "least_gap = \"5min\"");
    let home = Home::new(&text).await;
    let daemon = home.start().await;
    let at = |time: &str| format!("2099-01-01 {time}");
    let warnings = async |args: &[&str]| -> Vec<(String, String)> {
        let posted = home.json(&[&["post"], args].concat()).await;
        assert!(posted["post"].is_number(), "only warnings: {posted}");
        posted["problems"]
            .as_array()
            .unwrap()
            .iter()
            .map(|told| {
                assert_eq!(told[1]["severity"], "warning", "{told}");
                let place = told[1]["place"].as_str().unwrap();
                let message = told[1]["message"].as_str().unwrap();
                (place.to_owned(), message.to_owned())
            })
            .collect()
    };
    let nine = at("09:00");
    assert_eq!(
        warnings(&["Salam", "--account", "cafe", "--at", &nine]).await,
        []
    );
    // The same words, another account; other words, another hour.
    assert_eq!(
        warnings(&["Salam", "--account", "shop", "--at", &nine]).await,
        []
    );
    let told = warnings(&["Sabahınız xeyir", "--account", "cafe", "--at", &at("09:04")]).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].0 == "due" && told[0].1.contains("rails.least_gap"),
        "{told:?}"
    );
    let told = warnings(&["Salam", "--account", "cafe", "--at", &at("20:00")]).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].1.contains("rails.duplicate_window"), "{told:?}");
    // After the window, it is another post.
    let later = "2099-01-20 09:00";
    assert_eq!(
        warnings(&["Salam", "--account", "cafe", "--at", later]).await,
        []
    );

    // Links: one that answers, one that does not know the page, one that nobody answers,
    // one that may not be asked.
    let here = format!("Bax {}/@cafe", standin.url());
    let told = warnings(&[&here, "--account", "cafe", "--at", &at("11:00")]).await;
    assert_eq!(told, []);
    let lost = format!("Bax {}/no/such/page.", standin.url());
    let told = warnings(&[&lost, "--account", "cafe", "--at", &at("12:00")]).await;
    assert!(
        told.len() == 1 && told[0].1.contains("/no/such/page answers 404"),
        "{told:?}"
    );
    let args = [
        "Bax http://127.0.0.1:9/",
        "--account",
        "cafe",
        "--at",
        &at("13:00"),
    ];
    let told = warnings(&args).await;
    assert!(
        told.len() == 1 && told[0].1.contains("loopback"),
        "{told:?}"
    );
    let args = [
        "Bax https://nobody.invalid/",
        "--account",
        "cafe",
        "--at",
        &at("14:00"),
    ];
    let told = warnings(&args).await;
    assert!(
        told.len() == 1 && told[0].1.contains("does not answer"),
        "{told:?}"
    );
    assert!(daemon.terminate().await.success());

    // Unless nobody wants to know.
    home.configure(&text.replace("[daemon]", "[daemon]\ncheck_links = false"));
    let daemon = home.start().await;
    let args = [
        "Bax https://nobody.invalid/a",
        "--account",
        "cafe",
        "--at",
        &at("15:00"),
    ];
    assert_eq!(warnings(&args).await, []);
    assert!(daemon.terminate().await.success());
}
