//! The daemon, as its user runs it, against the real Bluesky PDS: a folder of Markdown goes
//! out at the due time, each file once, and the records are what was written.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what goes wrong fails the test"
)]

use std::cell::Cell;
use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use jarchi_tests::daemon::{Daemon, Home};
use jarchi_tests::pds::{Account, Options, Pds};
use jarchi_tests::plugins;
use serde_json::{Value, json};

const POSTS: &str = "app.bsky.feed.post";
const PICTURE: &[u8] = include_bytes!("../../../config/sample/content/images/armudu.png");
const SAMOVAR: &[u8] = include_bytes!("../../../config/sample/content/images/samovar.png");

/// Soon, in whole seconds.
fn soon(seconds: i64) -> DateTime<Utc> {
    let soon = Utc::now() + TimeDelta::seconds(seconds);
    DateTime::from_timestamp(soon.timestamp(), 0).unwrap()
}

fn config(pds: &Pds, handle: &str) -> String {
    let host = pds.ready.url.trim_start_matches("http://");
    format!(
        r#"
[daemon]
data_dir = "data"
plugin_dir = {plugins:?}
http = false
log = {{ format = "json", filter = "info" }}

[[brand]]
name = "Çay Evi"
time_zone = "Asia/Baku"
languages = ["az", "en"]

[[account]]
name = "cayevi"
plugin = "bluesky"
settings = {{ service = "{url}", identifier = "{handle}" }}
secrets = {{ app_password = "${{file:secrets/app-password}}" }}
rails = {{ per_hour = 100, per_day = 100, least_gap = "0s" }}

[[plugin]]
name = "bluesky"

# A server on this machine, without TLS: it has to be named.
[[plugin.grant]]
host = "{host}"
plain_http = true
private = true
reason = "the PDS on this machine"

[[generator]]
name = "content"
plugin = "library"
accounts = ["cayevi"]
folders = {{ content = "content" }}
settings = {{ language = "az" }}
"#,
        plugins = plugins::plugin_dir(),
        url = pds.ready.url,
    )
}

struct Stage {
    pds: Pds,
    me: Account,
    home: Home,
    due: DateTime<Utc>,
}

impl Stage {
    async fn start() -> Option<Self> {
        let pds = Pds::start(Options::default())?;
        let handle = "cayevi.test";
        let me = pds.create_account(handle).await;
        for name in ["bluesky", "library"] {
            plugins::stock(name);
        }
        let home = Home::new(&config(&pds, handle)).await;
        home.secret("secrets/app-password", &me.app_password);
        home.write("content/images/armudu.png", PICTURE);
        home.write("content/images/samovar.png", SAMOVAR);
        Some(Stage {
            pds,
            me,
            home,
            due: soon(6),
        })
    }

    fn file(&self, name: &str, front: &str, text: &str) {
        let when = self.due.format("%Y-%m-%dT%H:%M:%SZ");
        self.home.write(
            &format!("content/{name}.md"),
            format!("---\nwhen: {when}\n{front}---\n{text}\n"),
        );
    }

    async fn records(&self) -> Vec<Value> {
        self.pds.records(&self.me.did, POSTS).await
    }

    /// The record that begins like this.
    fn find<'a>(records: &'a [Value], beginning: &str) -> &'a Value {
        let mut found = records.iter().filter(|record| {
            let text = record["value"]["text"].as_str().unwrap();
            text.starts_with(beginning)
        });
        let record = found.next();
        let record = record.unwrap_or_else(|| panic!("no `{beginning}` in {records:#?}"));
        assert!(found.next().is_none(), "`{beginning}` is there twice");
        record
    }

    async fn blob(&self, image: &Value) -> Vec<u8> {
        let cid = image["ref"]["$link"].as_str().unwrap();
        self.pds.blob(&self.me.did, cid).await
    }
}

/// Waits until so many deliveries are published.
async fn published(daemon: &mut Daemon, count: usize) {
    let seen = Cell::new(0);
    daemon
        .logged(|line| {
            if line["message"] == "published" {
                seen.set(seen.get() + 1);
            }
            seen.get() >= count
        })
        .await;
}

/// What each facet covers, with its feature.
fn facets(value: &Value) -> BTreeMap<String, Value> {
    let text = value["text"].as_str().unwrap();
    let mut covered = BTreeMap::new();
    for facet in value["facets"].as_array().into_iter().flatten() {
        let at = |name: &str| usize::try_from(facet["index"][name].as_u64().unwrap()).unwrap();
        let features = facet["features"].as_array().unwrap();
        assert_eq!(features.len(), 1);
        let words = &text[at("byteStart")..at("byteEnd")];
        covered.insert(words.to_owned(), features[0].clone());
    }
    covered
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_of_markdown_goes_out_at_the_due_time_each_file_once() {
    let Some(stage) = Stage::start().await else {
        return;
    };
    stage.file(
        "1-links",
        "hashtags: [çay, Bakı]\n",
        "Sabahınız xeyir ☕👨‍👩‍👧! Menyu: https://cayevi.example/menyu — sual varsa, @alice.test yazın. #Novruz",
    );
    stage.file(
        "2-images",
        "media:\n  - file: images/armudu.png\n    alt: Armudu stəkanda pürrəngi çay\n  - file: images/samovar.png\n    alt: Mis samovar\n",
        "İki şəkil 🫖",
    );
    stage.file(
        "3-thread",
        "language: en\n",
        "How to brew: first, warm the pot.\n\n***\n\nSecond, one spoon a glass, and one for the pot.\n\n***\n\nThird, ten minutes beside the fire. 🔥",
    );
    stage.file(
        "4-card",
        "link:\n  url: https://cayevi.example/yaz\n  title: Yaz menyusu\n  description: Mürəbbələr və şirniyyat\n  thumbnail: images/samovar.png\n",
        "Yaz menyusu hazırdır",
    );
    let mut daemon = stage.home.start().await;
    published(&mut daemon, 4).await;

    let records = stage.records().await;
    assert_eq!(records.len(), 6, "{records:#?}");
    links(&stage, Stage::find(&records, "Sabahınız"));
    images(&stage, Stage::find(&records, "İki şəkil")).await;
    thread(&records);
    card(&stage, Stage::find(&records, "Yaz menyusu")).await;
    for record in &records {
        let value = &record["value"];
        assert_eq!(value["$type"], POSTS);
        let created = value["createdAt"].as_str().unwrap();
        let created = DateTime::parse_from_rfc3339(created).unwrap();
        assert!(created <= Utc::now(), "{created}");
    }
    receipts(&stage, &records).await;

    // Another daemon on the same folder finds nothing to do.
    assert!(daemon.terminate().await.success());
    let daemon = stage.home.start().await;
    stage.home.ok(&["generate", "content"]).await;
    let queue = stage.home.json(&["queue", "list"]).await;
    assert!(daemon.terminate().await.success());
    assert_eq!(stage.records().await.len(), 6, "{queue}");
}

fn links(stage: &Stage, record: &Value) {
    let value = &record["value"];
    assert_eq!(value["langs"], json!(["az"]));
    assert_eq!(
        value["text"],
        "Sabahınız xeyir ☕👨‍👩‍👧! Menyu: https://cayevi.example/menyu — sual varsa, \
         @alice.test yazın. #Novruz\n\n#çay #Bakı"
    );
    let facets = facets(value);
    let link = facets
        .values()
        .find(|feature| feature["$type"] == "app.bsky.richtext.facet#link")
        .unwrap();
    assert_eq!(link["uri"], "https://cayevi.example/menyu");
    let alice = &stage.pds.account("alice.test").did;
    assert_eq!(
        facets["@alice.test"],
        json!({ "$type": "app.bsky.richtext.facet#mention", "did": alice })
    );
    for tag in ["Novruz", "çay", "Bakı"] {
        assert_eq!(
            facets[&format!("#{tag}")],
            json!({ "$type": "app.bsky.richtext.facet#tag", "tag": tag })
        );
    }
}

async fn images(stage: &Stage, record: &Value) {
    let embed = &record["value"]["embed"];
    assert_eq!(embed["$type"], "app.bsky.embed.images");
    let images = embed["images"].as_array().unwrap();
    let wanted = [
        ("Armudu stəkanda pürrəngi çay", PICTURE),
        ("Mis samovar", SAMOVAR),
    ];
    assert_eq!(images.len(), wanted.len());
    for (image, (alt, bytes)) in images.iter().zip(wanted) {
        assert_eq!(image["alt"], alt);
        assert_eq!(image["aspectRatio"], json!({ "width": 800, "height": 800 }));
        assert_eq!(image["image"]["mimeType"], "image/png");
        assert_eq!(image["image"]["size"], bytes.len());
        assert_eq!(stage.blob(&image["image"]).await, bytes);
    }
}

fn thread(records: &[Value]) {
    let parts: Vec<&Value> = ["How to brew", "Second, one", "Third, ten"]
        .iter()
        .map(|beginning| Stage::find(records, beginning))
        .collect();
    assert_eq!(parts[0]["value"]["reply"], Value::Null);
    let reference = |record: &Value| json!({ "uri": record["uri"], "cid": record["cid"] });
    for (part, before) in parts.iter().skip(1).zip(&parts) {
        assert_eq!(part["value"]["reply"]["root"], reference(parts[0]));
        assert_eq!(part["value"]["reply"]["parent"], reference(before));
        assert_eq!(part["value"]["langs"], json!(["en"]));
    }
}

async fn card(stage: &Stage, record: &Value) {
    let embed = &record["value"]["embed"];
    assert_eq!(embed["$type"], "app.bsky.embed.external");
    let external = &embed["external"];
    assert_eq!(external["uri"], "https://cayevi.example/yaz");
    assert_eq!(external["title"], "Yaz menyusu");
    assert_eq!(external["description"], "Mürəbbələr və şirniyyat");
    assert_eq!(stage.blob(&external["thumb"]).await, SAMOVAR);
}

/// What the daemon says of each delivery: where it is.
async fn receipts(stage: &Stage, records: &[Value]) {
    let list = stage.home.json(&["queue", "list", "--all"]).await;
    let lines = list["deliveries"].as_array().unwrap();
    assert_eq!(lines.len(), 4, "{list:#}");
    let uris: Vec<&Value> = records.iter().map(|record| &record["uri"]).collect();
    for line in lines {
        assert_eq!(line["state"], "published", "{line:#}");
        let id = line["delivery"].to_string();
        let shown = stage.home.json(&["queue", "show", &id]).await;
        let delivery = &shown["deliveries"][0];
        assert!(uris.contains(&&delivery["receipt"]["id"]), "{shown:#}");
        // Not a moment before it was due.
        let history = delivery["history"].as_array().unwrap();
        let began = history[0]["began"].as_str().unwrap();
        let began = DateTime::parse_from_rfc3339(began).unwrap();
        assert!(began >= stage.due, "{shown:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_said_plainly_and_nothing_is_lost() {
    let Some(stage) = Stage::start().await else {
        return;
    };
    stage.file("1-hello", "", "Salam, dünya!");
    stage
        .home
        .secret("secrets/app-password", "wrong-wrong-wrong-word");
    let mut daemon = stage.home.start().await;
    daemon
        .logged(|line| line.to_string().contains("not authorised"))
        .await;
    assert!(!daemon.log().contains("wrong-wrong-wrong-word"));
    assert!(stage.records().await.is_empty());

    // Mended and asked for again, it goes out.
    stage
        .home
        .secret("secrets/app-password", &stage.me.app_password);
    stage.home.ok(&["reload"]).await;
    let queue = stage.home.json(&["queue", "list", "--dead"]).await;
    let id = queue["deliveries"][0]["delivery"].to_string();
    stage.home.ok(&["queue", "retry", &id]).await;
    published(&mut daemon, 1).await;
    assert_eq!(stage.records().await.len(), 1);
    assert!(daemon.terminate().await.success());
}
