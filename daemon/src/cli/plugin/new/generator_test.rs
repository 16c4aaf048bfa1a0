//! The generator as the daemon calls it, against scripted answers.

use {{ library }}::Plugin;
use jarchi_plugin_sdk::generator::Brief;
use jarchi_plugin_sdk::testing::{self, Answer, Host};
use jarchi_plugin_sdk::{Error, Generator};
use serde_json::json;

const SOURCE: &str = "https://shop.example/news.json";

fn brief() -> Brief {
    Brief {
        settings: json!({ "source": SOURCE }).to_string(),
        brand: "shop".into(),
        languages: vec!["en".into()],
        time_zone: "Asia/Baku".into(),
        now: testing::START,
        wanted: 0,
        slot: None,
        pillar: None,
        campaign: None,
        voice: None,
        accounts: Vec::new(),
        hashtags: Vec::new(),
        recent: Vec::new(),
        feedback: None,
        history: Vec::new(),
        topics: Vec::new(),
    }
}

#[test]
fn every_item_is_a_draft() {
    let host = Host::new();
    let items = json!([
        { "id": "a", "text": "New tea", "url": "https://shop.example/a", "updated": "1" },
        { "id": "b", "text": "Open on Sunday", "updated": "1" },
    ]);
    host.expect(format!("GET {SOURCE}"), Answer::json(200, &items));

    let batch = Plugin::generate(&brief()).expect("drafts");
    let texts: Vec<&str> = batch.drafts.iter().map(|draft| draft.post.text.as_str()).collect();
    assert_eq!(texts, ["New tea", "Open on Sunday"]);
    assert_eq!(batch.drafts[0].key, "a");
    assert_eq!(batch.drafts[0].source.as_deref(), Some("https://shop.example/a"));
    assert!(batch.complete);
}

#[test]
fn a_source_that_is_down_is_asked_again_later() {
    let host = Host::new();
    host.expect(format!("GET {SOURCE}"), Answer::empty(503));
    assert!(matches!(Plugin::generate(&brief()), Err(Error::Transient(_))));
}
