//! One draft in the words of two accounts, and what is remembered of its making.

use jarchi_tests::daemon::{Home, config};
use jarchi_tests::standin::Standin;

#[tokio::test(flavor = "multi_thread")]
async fn a_long_text_is_a_thread_where_the_account_wants_it() {
    let standin = Standin::start(&["cafe", "shop"]);
    let text = config(&standin, &["cafe", "shop"]);
    let at = text.find("name = \"shop\"").unwrap();
    let text = format!(
        "{}words = {{ split = true, number = true, limit = 120, hashtags = \"end\" }}\n{}",
        &text[..at],
        &text[at..]
    );
    let home = Home::new(&format!(
        "{text}\n[[generator]]\nname = \"posts\"\nplugin = \"library\"\n\
         accounts = [\"cafe\", \"shop\"]\nfolders = {{ content = \"posts\" }}\n"
    ))
    .await;
    std::fs::create_dir_all(home.path("posts")).unwrap();
    let daemon = home.start().await;
    let long = "Birinci cümlə budur, çayı tanıdır. İkinci cümlə qiyməti deyir. \
                Üçüncü cümlə ünvanı deyir: https://cayevi.example/unvan/nizami-5. Gəlin!";
    let args = ["post", long, "--account", "cafe,shop", "--hashtag", "çay"];
    let posted = home.json(&args).await;
    let post = posted["post"].to_string();
    daemon
        .until("the posts", async || {
            let shown = home.json(&["post", "show", &post]).await;
            let deliveries = shown["deliveries"].as_array().unwrap();
            let out = |one: &serde_json::Value| one["state"] == "published";
            deliveries.iter().all(out).then_some(())
        })
        .await;
    let of = |account: &str| -> Vec<String> {
        let book = standin.book();
        let own = book.iter().filter(|entry| entry.account == account);
        own.map(|entry| entry.text.clone()).collect()
    };
    let (threaded, whole) = (of("shop"), of("cafe"));
    assert_eq!(
        threaded,
        [
            "Birinci cümlə budur, çayı tanıdır. İkinci cümlə qiyməti deyir. (1/2)",
            "Üçüncü cümlə ünvanı deyir: https://cayevi.example/unvan/nizami-5. Gəlin!\n\n#çay (2/2)",
        ]
    );
    assert_eq!(whole, [format!("{long}\n\n#çay")]);
    let shown = home.ok(&["post", "show", &post]).await;
    assert!(shown.contains("shop:\n  Birinci"), "{shown}");
    assert!(shown.contains("(2) Üçüncü"), "{shown}");
    daemon.kill().await;

    // It is kept with the delivery, and not made anew.
    let json = home.json(&["post", "show", &post]).await;
    assert_eq!(json["variants"].as_array().unwrap().len(), 1, "{json:#}");
    assert_eq!(json["variants"][0][0], "shop");
    let kept = json["deliveries"].as_array().unwrap().iter();
    let kept = kept.filter(|one| !one["variant"].is_null()).count();
    assert_eq!(kept, 1);

    // What the library made remembers the file, the plugin, and what it was asked.
    let daemon = home.start().await;
    home.write(
        "posts/bir.md",
        "---\nwhen: 2036-01-05 09:00\n---\nSalam dünya",
    );
    let list = daemon
        .until("the library's post", async || {
            let list = home.json(&["post", "list"]).await;
            let all = list["posts"].as_array().unwrap().clone();
            (all.len() == 2).then_some(all)
        })
        .await;
    let made = list
        .iter()
        .find(|one| one["text"] == "Salam dünya")
        .unwrap();
    let made = made["post"].to_string();
    let shown = home.ok(&["post", "show", &made]).await;
    for words in [
        "made by posts (library 0.1.0)",
        "source: ",
        "bir.md",
        "\"generator\":\"posts\"",
    ] {
        assert!(shown.contains(words), "no `{words}` in {shown}");
    }
    assert!(daemon.terminate().await.success());
}
