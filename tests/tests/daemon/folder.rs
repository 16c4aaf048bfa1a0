//! A folder of Markdown, published at the due minute.

use chrono::{DateTime, TimeDelta, Utc};
use jarchi::model::Timestamp;
use jarchi_tests::daemon::{Home, config};
use jarchi_tests::standin::Standin;

use super::png;

fn baku(moment: DateTime<Utc>) -> String {
    let local = moment.with_timezone(&chrono_tz::Asia::Baku);
    local.format("%Y-%m-%d %H:%M:%S").to_string()
}

async fn stage() -> (Standin, Home) {
    let standin = Standin::start(&["cafe", "shop"]);
    let home = Home::new(&format!(
        "{}\n[[generator]]\nname = \"posts\"\nplugin = \"library\"\naccounts = [\"cafe\"]\n\
         folders = {{ content = \"posts\" }}\n",
        config(&standin, &["cafe", "shop"])
    ))
    .await;
    std::fs::create_dir(home.path("posts")).unwrap();
    (standin, home)
}

#[tokio::test(flavor = "multi_thread")]
async fn files_go_out_when_they_are_due_and_once() {
    let (standin, home) = stage().await;
    let due = Utc::now() + TimeDelta::seconds(6);
    let due = DateTime::from_timestamp(due.timestamp(), 0).unwrap();
    home.write("posts/tea.png", png());
    home.write(
        "posts/plain.md",
        format!("---\nwhen: {}\n---\nSabahınız xeyir, **Bakı**!", baku(due)),
    );
    home.write(
        "posts/rich.md",
        format!(
            "---\nwhen: {}\naccounts: [cafe, shop]\nlanguage: az\ncontent_warning: çay\n\
             visibility: unlisted\nmedia:\n  - file: tea.png\n    alt: Armudu stəkanda çay\n    \
             focus: [0.5, -0.25]\n---\nÇay hazırdır #çay\n\n***\n\nVə mürəbbə də",
            baku(due)
        ),
    );
    home.write(
        "posts/vote.md",
        format!(
            "---\nwhen: {}\npoll:\n  options: [Qara, Yaşıl]\n  open_for: 1d\n---\nHansı çay?",
            baku(due)
        ),
    );
    let later = due + TimeDelta::days(2);
    home.write(
        "posts/later.md",
        format!("---\nwhen: {}\n---\nSonra", baku(later)),
    );
    home.write("posts/broken.md", "---\nwen: tomorrow\n---\nNever");

    let mut daemon = home.start().await;
    let broken = daemon
        .logged(|line| {
            line["place"]
                .as_str()
                .is_some_and(|at| at.contains("broken.md"))
        })
        .await;
    assert!(
        broken["message"]
            .as_str()
            .unwrap()
            .contains("did you mean `when`"),
        "{broken}"
    );
    let book = standin
        .until("all that is due", |book| book.len() >= 6)
        .await;
    assert_eq!(book.len(), 6, "{book:#?}");
    let due = Timestamp(due.timestamp_millis() as u64);
    for entry in &book {
        assert!(entry.at >= due, "too early: {entry:?}");
        assert!(entry.at.since(due).millis() < 10_000, "too late: {entry:?}");
    }
    let of = |account: &str, text: &str| {
        let found: Vec<_> = book
            .iter()
            .filter(|entry| entry.account == account && entry.text.starts_with(text))
            .collect();
        assert_eq!(found.len(), 1, "{text} on {account}: {book:#?}");
        found[0].clone()
    };
    assert_eq!(of("cafe", "Sabah").text, "Sabahınız xeyir, Bakı!");
    let vote = of("cafe", "Hansı");
    assert_eq!(
        vote.poll.as_deref(),
        Some(&["Qara".to_owned(), "Yaşıl".to_owned()][..])
    );
    for account in ["cafe", "shop"] {
        let first = of(account, "Çay");
        assert_eq!(first.spoiler_text, "çay");
        assert_eq!(first.visibility, "unlisted");
        assert_eq!(first.language.as_deref(), Some("az"));
        assert_eq!(first.media.len(), 1);
        let media = &first.media[0];
        assert_eq!(media.mime, "image/png");
        assert_eq!(media.description.as_deref(), Some("Armudu stəkanda çay"));
        assert_eq!(media.focus, Some((0.5, -0.25)));
        assert_eq!(media.digest, blake3::hash(&png()).to_hex().to_string());
        let second = of(account, "Və");
        assert_eq!(second.in_reply_to_id.as_deref(), Some(&*first.id));
    }

    // A restart, and the question what there is, bring nothing a second time.
    let status = daemon.terminate().await;
    assert!(status.success(), "{status}");
    let mut daemon = home.start().await;
    home.ok(&["generate", "posts"]).await;
    daemon
        .logged(|line| line["call"] == "generator.generate" && line["outcome"] == "ok")
        .await;
    let open = home.json(&["queue", "list"]).await;
    let open = open["deliveries"].as_array().unwrap();
    assert_eq!(open.len(), 1, "{open:#?}");
    assert_eq!(open[0]["text"], "Sonra");
    assert_eq!(standin.book().len(), 6);
    assert!(daemon.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_file_is_posted_as_it_is_now() {
    let (standin, home) = stage().await;
    let due = Utc::now() + TimeDelta::days(1);
    let front = format!("---\nwhen: {}\n---\n", baku(due));
    home.write("posts/a.md", format!("{front}Əvvəl"));
    home.write("posts/b.md", format!("{front}Gedəcək"));
    let daemon = home.start().await;
    let texts = async || -> Vec<(String, String)> {
        let list = home.json(&["queue", "list", "--all"]).await;
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let mut texts: Vec<_> = list["deliveries"]
            .as_array()
            .unwrap()
            .iter()
            .map(|line| (text(&line["text"]), text(&line["state"])))
            .collect();
        texts.sort();
        texts
    };
    let waiting = |text: &str| (text.to_owned(), "waiting".to_owned());
    let expect = async |wanted: Vec<(String, String)>| {
        daemon
            .until("the files", async || {
                (texts().await == wanted).then_some(())
            })
            .await;
    };
    expect(vec![waiting("Gedəcək"), waiting("Əvvəl")]).await;

    // One is edited, the other deleted: the daemon sees it by itself.
    home.write("posts/a.md", format!("{front}Sonra"));
    std::fs::remove_file(home.path("posts/b.md")).unwrap();
    expect(vec![
        ("Gedəcək".to_owned(), "cancelled".to_owned()),
        waiting("Sonra"),
    ])
    .await;

    // Due now.
    let now = format!("---\nwhen: {}\n---\n", baku(Utc::now()));
    home.write("posts/a.md", format!("{now}Sonra"));
    let book = standin.until("the post", |book| !book.is_empty()).await;
    assert_eq!(book[0].text, "Sonra");
    assert!(daemon.terminate().await.success());
    let list = home.json(&["post", "list"]).await;
    assert_eq!(list["posts"].as_array().unwrap().len(), 2, "{list}");
    let shown = home
        .json(&["queue", "list", "--all", "--account", "cafe"])
        .await;
    assert_eq!(shown["deliveries"].as_array().unwrap().len(), 2);
}
