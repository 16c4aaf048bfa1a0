//! Planned slots that other generators fill: a card is drawn, and what went well comes again.

use chrono::{DateTime, TimeDelta, Utc};
use jarchi_tests::daemon::{Home, config};
use jarchi_tests::standin::Standin;
use serde_json::Value;

use super::png;

fn baku(moment: DateTime<Utc>) -> String {
    let local = moment.with_timezone(&chrono_tz::Asia::Baku);
    local.format("%Y-%m-%d %H:%M:%S").to_string()
}

/// The account `cafe`, whose slots are filled as soon as they are planned.
async fn stage(more: &str) -> (Standin, Home) {
    let standin = Standin::start(&["cafe"]);
    let text = config(&standin, &["cafe"]).replace(
        "languages = [\"az\", \"en\"]",
        "languages = [\"az\", \"en\"]\nplan = { lead = \"30d\" }",
    );
    let home = Home::new(&format!("{text}{more}")).await;
    (standin, home)
}

async fn post(home: &Home, number: &Value) -> Value {
    let shown = home.json(&["post", "show", &number.to_string()]).await;
    shown["post"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_planned_slot_gets_a_card_and_it_is_published_with_its_picture() {
    let (standin, home) = stage(
        r##"
[[plugin]]
name = "card"
limits = { memory = "96MiB", cpu = "20s" }

[[generator]]
name = "cards"
plugin = "card"
accounts = ["cafe"]
folders = { cards = "cards" }
settings = { handle = "@cafe", palette = { background = "#faf5ec", text = "#1d2b33", accent = "#c2512f" } }

[[pillar]]
name = "sayings"
generators = ["cards"]
"##,
    )
    .await;
    home.write(
        "cards/sayings.csv",
        "id,kind,text,author,caption\none,quote,Tələsən çayı yandırar.,Rəhim usta,Kim tələsir?\n",
    );
    let daemon = home.start().await;
    let plan = home.json(&["plan", "--days", "1"]).await;
    let slot = plan[0]["choices"][0]["id"].to_string();
    let number = daemon
        .until("the card's post", async || {
            let list = home.json(&["post", "list"]).await;
            let found = list["posts"][0]["post"].clone();
            (!found.is_null()).then_some(found)
        })
        .await;
    let drawn = post(&home, &number).await;
    assert_eq!(drawn["origin"]["generator"]["name"], "cards");
    assert_eq!(drawn["pillar"], "sayings");
    let file = &drawn["draft"]["media"][0];
    assert_eq!(
        (file["width"].as_u64(), file["height"].as_u64()),
        (Some(1200), Some(675))
    );
    assert!(
        file["alt"]
            .as_str()
            .unwrap()
            .contains("Tələsən çayı yandırar."),
        "{file}"
    );
    assert!(
        file["path"].as_str().unwrap().contains("/created/cards/"),
        "{file}"
    );

    let soon = baku(Utc::now() + TimeDelta::seconds(2));
    home.ok(&["plan", "move", &slot, &soon]).await;
    let book = standin.until("the card", |book| !book.is_empty()).await;
    assert!(book[0].text.starts_with("Kim tələsir?"), "{}", book[0].text);
    let picture = &book[0].media[0];
    assert_eq!(picture.mime, "image/png");
    assert!(picture.size > 10_000, "{}", picture.size);
    assert!(picture.description.as_ref().unwrap().contains("Tələsən"));
    assert!(daemon.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_went_well_comes_again_after_its_rest_with_its_picture() {
    let (standin, home) = stage(
        r#"
[[generator]]
name = "posts"
plugin = "library"
accounts = ["cafe"]
folders = { content = "posts" }

[[generator]]
name = "rows"
plugin = "template"
accounts = ["cafe"]
folders = { data = "rows" }
settings = { per_run = 0 }

[[generator]]
name = "again"
plugin = "recycle"
accounts = ["cafe"]

[generator.settings]
pillars = ["tips"]
except = ["köhnə"]
rest_days = 7
openings = { az = ["Yenidən soruşurlar:"] }

[[pillar]]
name = "tips"
generators = ["again", "rows"]
"#,
    )
    .await;
    let rows: String = (1..=40).map(|row| format!("{row},Sətir {row}\n")).collect();
    home.write("rows/tips.csv", format!("id,name\n{rows}"));
    home.write(
        "rows/tips.jinja",
        "---\ndata: tips.csv\npillar: tips\n---\n{{ name }}\n",
    );
    home.write("posts/tea.png", png());
    let when = baku(Utc::now() - TimeDelta::minutes(2));
    home.write(
        "posts/good.md",
        format!(
            "---\nwhen: {when}\npillar: tips\nlanguage: az\nhashtags: [çay]\nmedia:\n  - file: tea.png\n    \
             alt: Armudu\n---\nSu bir dəfə qaynasın."
        ),
    );
    home.write(
        "posts/old.md",
        format!(
            "---\nwhen: {when}\npillar: tips\nlanguage: az\nhashtags: [köhnə]\n---\nKöhnə xəbər"
        ),
    );
    home.write(
        "posts/news.md",
        format!("---\nwhen: {when}\npillar: news\nlanguage: az\n---\nXəbər"),
    );
    let daemon = home.start().await;
    standin.until("three posts", |book| book.len() == 3).await;
    let settled = async || {
        let list = home.json(&["queue", "list", "--all"]).await;
        let lines = list["deliveries"].as_array().unwrap();
        (lines.len() == 3 && lines.iter().all(|line| line["state"] == "published")).then_some(())
    };
    daemon.until("their receipts", settled).await;

    home.ok(&["plan", "--days", "10"]).await;
    let posts = daemon
        .until("the posts of ten slots", async || {
            let list = home.json(&["post", "list"]).await;
            let posts = list["posts"].as_array().unwrap().clone();
            (posts.len() == 13).then_some(posts)
        })
        .await;
    let mut again = Vec::new();
    for one in posts {
        let found = post(&home, &one["post"]).await;
        if found["origin"]["generator"]["name"] == "again" {
            again.push((found, one["post"].clone()));
        }
    }
    // Once, though three slots lie behind its rest.
    assert_eq!(again.len(), 1, "{again:#?}");
    let (found, number) = &again[0];
    let text = &found["draft"]["text"];
    assert_eq!(text, "Yenidən soruşurlar: Su bir dəfə qaynasın.");
    assert_eq!(found["draft"]["hashtags"], serde_json::json!(["çay"]));
    let file = &found["draft"]["media"][0];
    assert!(
        file["path"].as_str().unwrap().ends_with("/posts/tea.png"),
        "{file}"
    );
    assert_eq!(file["alt"], "Armudu");
    assert!(
        found["origin"]["generator"]["source"]
            .as_str()
            .unwrap()
            .contains("good.md")
    );
    let shown = home.json(&["post", "show", &number.to_string()]).await;
    let due: DateTime<Utc> = shown["deliveries"][0]["due"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!(due > Utc::now() + TimeDelta::days(6), "{due}");
    assert!(daemon.terminate().await.success());
}
