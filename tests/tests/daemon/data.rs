//! Rows of a data file become posts, each once, through templates.

use jarchi_tests::daemon::{Home, config};
use jarchi_tests::standin::{Standin, token_of};

fn with_rows(standin: &Standin) -> String {
    config(standin, &[])
        + &format!(
            r#"
[[account]]
name = "cafe"
plugin = "mastodon"
settings = {{ server = "{server}" }}
secrets = {{ token = "{token}" }}
slots = ["* * * * * *"]
rails = {{ per_hour = 1000, per_day = 1000, least_gap = "0s" }}

[[generator]]
name = "shop"
plugin = "template"
accounts = ["cafe"]
folders = {{ data = "shop" }}
settings = {{ every = "0s", rest = "never" }}
"#,
            server = standin.url(),
            token = token_of("cafe"),
        )
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_is_posted_once() {
    let standin = Standin::start(&["cafe"]);
    let home = Home::new(&with_rows(&standin)).await;
    std::fs::create_dir(home.path("shop")).unwrap();
    home.write(
        "shop/tea.csv",
        "id,name,price\n1,Armudu,12.5\n2,Samovar,340\n3,Broken\n",
    );
    home.write(
        "shop/tea.jinja",
        "---\ndata: tea.csv\n---\n{{ name }}: {{ price | money }}\n",
    );
    let mut daemon = home.start().await;
    let broken = daemon
        .logged(|line| line["place"].as_str() == Some("tea.csv"))
        .await;
    assert!(
        broken["message"].as_str().unwrap().starts_with("line 4: "),
        "{broken}"
    );
    standin
        .until("the first row", |book| !book.is_empty())
        .await;
    home.ok(&["generate", "shop"]).await;
    standin.until("the second row", |book| book.len() > 1).await;

    // Over a kill, with the rows the other way round, and the broken one mended.
    daemon.kill().await;
    home.write(
        "shop/tea.csv",
        "name,price,id\nKəklikotu,3,3\nSamovar,340,2\nArmudu,12.5,1\n",
    );
    let daemon = home.start().await;
    standin.until("the third row", |book| book.len() > 2).await;
    home.ok(&["generate", "shop"]).await;
    assert!(daemon.terminate().await.success());
    let mut texts: Vec<String> = standin.book().into_iter().map(|entry| entry.text).collect();
    texts.sort();
    assert_eq!(
        texts,
        [
            "Armudu: 12,50\u{a0}₼",
            "Kəklikotu: 3\u{a0}₼",
            "Samovar: 340\u{a0}₼"
        ]
    );
}
