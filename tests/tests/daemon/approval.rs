//! `jarchi approve`, `edit`, `reject` and `approval list`, with and without a daemon, and with
//! one that is killed.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use jarchi_platforms::telegram::{self, GROUP, Telegram};
use jarchi_tests::daemon::{Daemon, Home, config};
use jarchi_tests::photo;
use jarchi_tests::platforms::Served;
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

const TELEGRAM: &str = "api.telegram.org";

/// The group of those who have the say, as the bot sees it.
struct Chat(Served<Telegram>);

impl Chat {
    fn messages(&self) -> Vec<Value> {
        self.0.books().messages(GROUP)
    }

    /// The drafts that were sent, by the last word of their posts' texts.
    fn drafts(&self) -> BTreeMap<String, Vec<i64>> {
        let mut drafts: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        for message in self.messages() {
            let words = message["text"].as_str().or(message["caption"].as_str());
            let words = words.unwrap_or_default();
            if !words.starts_with("Post ") || !words.contains("Answer this with") {
                continue;
            }
            let mut names = ["bir", "iki", "uc"].into_iter();
            let name = names
                .find(|name| words.contains(&format!("Məsləhət {name}")))
                .expect("a draft has its text");
            let id = message["message_id"].as_i64().unwrap();
            drafts.entry(name.to_owned()).or_default().push(id);
        }
        drafts
    }

    /// Aysel answers a message.
    fn write(&self, text: &str, to: Option<i64>) -> i64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let now = u64::try_from(now.as_millis()).unwrap();
        self.0.books().written(GROUP, text, to, now)
    }

    /// What the bot said to a message of hers.
    fn said_to(&self, message: i64) -> Vec<String> {
        let answers = self.messages().into_iter();
        answers
            .filter(|one| one["from"]["id"] == telegram::BOT)
            .filter(|one| one["reply_to_message"]["message_id"] == message)
            .map(|one| one["text"].as_str().unwrap().to_owned())
            .collect()
    }
}

async fn heard(daemon: &Daemon, chat: &Chat, message: i64) -> String {
    daemon
        .until("an answer in the chat", async || {
            chat.said_to(message).pop()
        })
        .await
}

fn through(chat: &Chat, from: &str) -> String {
    format!(
        "approval = \"required\"\n\
         [approval]\nthrough = \"ops\"\nfrom = [\"{from}\"]\nevery = \"5s\"\n\
         [[plugin]]\nname = \"telegram\"\n{}\
         [[account]]\nname = \"ops\"\nplugin = \"telegram\"\n\
         settings = {{ api = \"{}\", chat = \"{GROUP}\" }}\n\
         secrets = {{ token = \"{}\" }}\n\
         rails = {{ per_hour = 1000, per_day = 1000, least_gap = \"0s\" }}\n",
        chat.0.grants(),
        chat.0.url(TELEGRAM),
        telegram::TOKEN
    )
}

/// In a chat: who may answer, what each answer does, and that a daemon that is killed between
/// any two of these steps sends no draft twice and takes no answer twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_chat_lets_posts_out() {
    let standin = Standin::start(&["cafe"]);
    let chat = Chat(Served::start(Telegram::default(), &[TELEGRAM]).await);
    let whole = |from: &str| {
        format!(
            "{}\n[[generator]]\nname = \"posts\"\nplugin = \"library\"\n\
             accounts = [\"cafe\"]\nfolders = {{ content = \"posts\" }}\n{}",
            config(&standin, &["cafe"]),
            through(&chat, from)
        )
    };
    let home = Home::compiled("approval", &whole("somebody"), |home| {
        std::fs::create_dir_all(home.path("posts")).unwrap();
    })
    .await;
    home.write("posts/çay.jpg", photo::plain(640, 640));
    for (name, media) in [
        (
            "bir",
            "media:\n  - file: çay.jpg\n    alt: Bir stəkan çay\n",
        ),
        ("iki", ""),
        ("uc", ""),
    ] {
        home.write(
            &format!("posts/{name}.md"),
            format!("---\nwhen: 2026-01-05 09:00\n{media}---\nMəsləhət {name}"),
        );
    }

    // Killed when the drafts are made, and some of them may be out.
    let daemon = home.start().await;
    daemon
        .until("the first draft", async || {
            (!chat.drafts().is_empty()).then_some(())
        })
        .await;
    let sent = async |daemon: &Daemon| {
        daemon
            .until("the drafts", async || {
                let drafts = chat.drafts();
                let list = home.json(&["queue", "list", "--account", "ops"]).await;
                let open = list["deliveries"].as_array().unwrap().len();
                (drafts.len() == 3 && open == 0).then_some(drafts)
            })
            .await
    };
    let drafts = sent(&daemon).await;
    daemon.kill().await;
    let mut daemon = home.start().await;
    assert!(drafts.values().all(|ids| ids.len() == 1), "{drafts:?}");
    let picture = chat.messages().into_iter();
    let mut picture = picture.filter(|one| one["message_id"] == drafts["bir"][0]);
    assert!(
        picture.next().unwrap()["photo"].is_array(),
        "its picture is there"
    );

    // Somebody who has no say.
    chat.write("ok", Some(drafts["bir"][0]));
    let line = |line: &Value| {
        let message = line["message"].as_str().unwrap_or_default();
        message.contains("not among `approval.from`")
    };
    daemon.logged(line).await;
    assert_eq!(waiting(&home).await.len(), 3);
    daemon.kill().await;
    home.configure(&whole("@Aysel"));
    let daemon = home.start().await;

    let yes = chat.write("Hə!", Some(drafts["bir"][0]));
    let answer = heard(&daemon, &chat, yes).await;
    assert!(answer.contains("is approved: cafe"), "{answer}");
    daemon
        .until("the post", async || {
            (standin.book().len() == 1).then_some(())
        })
        .await;
    assert_eq!(standin.book()[0].text, "Məsləhət bir");
    assert_eq!(standin.book()[0].media.len(), 1);
    let again = chat.write("yox", Some(drafts["bir"][0]));
    let answer = heard(&daemon, &chat, again).await;
    assert!(
        answer.contains("approved at") && answer.contains("by aysel on ops"),
        "{answer}"
    );

    // Answered while no daemon runs, and taken once by the next.
    daemon.kill().await;
    let no = chat.write("Yox: qiymət səhvdir", Some(drafts["iki"][0]));
    let unclear = chat.write("okk", Some(drafts["uc"][0]));
    let long = chat.write(&"çay ".repeat(130), Some(drafts["uc"][0]));
    let daemon = home.start().await;
    assert!(heard(&daemon, &chat, no).await.contains("is rejected"));
    assert!(heard(&daemon, &chat, unclear).await.contains("still waits"));
    let refused = heard(&daemon, &chat, long).await;
    assert!(
        refused.contains("Not taken") && refused.contains("500"),
        "{refused}"
    );
    daemon.kill().await;

    let daemon = home.start().await;
    let words = chat.write("Məsləhət uc, amma qısa", Some(drafts["uc"][0]));
    let taken = heard(&daemon, &chat, words).await;
    assert!(taken.contains("has your words"), "{taken}");
    daemon
        .until("the post in her words", async || {
            (standin.book().len() == 2).then_some(())
        })
        .await;
    assert_eq!(standin.book()[1].text, "Məsləhət uc, amma qısa");
    daemon
        .until("nothing to be open", async || {
            let list = home.json(&["queue", "list"]).await;
            let open = list["deliveries"].as_array().unwrap().len();
            let jobs = list["jobs"].as_array().unwrap().iter();
            let replies = jobs.filter(|job| job["lane"] == "reply:ops").count();
            (open + replies == 0).then_some(())
        })
        .await;
    daemon.kill().await;

    let daemon = home.start().await;
    let posts = home.json(&["post", "list"]).await;
    let rejected = posts["posts"].as_array().unwrap().iter();
    let mut rejected = rejected.filter(|post| post["text"] == "Məsləhət iki");
    let rejected = rejected.next().unwrap()["post"].to_string();
    let shown = home.ok(&["post", "show", &rejected]).await;
    assert!(
        shown.contains("qiymət səhvdir") && shown.contains("aysel"),
        "{shown}"
    );
    assert_eq!(waiting(&home).await, Vec::<Value>::new());
    assert_eq!(chat.drafts(), drafts, "each draft was sent once");
    for message in [yes, again, no, unclear, long, words] {
        assert_eq!(chat.said_to(message).len(), 1, "{:#?}", chat.messages());
    }
    assert_eq!(standin.book().len(), 2);
    assert!(!daemon.log().contains(telegram::TOKEN));
    assert!(daemon.terminate().await.success());
    home.ok(&["store", "check"]).await;
}
