//! Mastodon's own description as the referee of the requests, and its examples as answers.
#![allow(clippy::expect_used, reason = "a test may panic")]

use jarchi_platforms::spec;
use jarchi_plugin_sdk::Generator;
use jarchi_plugin_sdk::generator::Brief;
use jarchi_plugin_sdk::testing::{Answer, Host, START};
use jarchi_plugin_trends::Trends;
use serde_json::{Value, json};

/// The example that the description has of the answer to a path.
fn example(document: &Value, path: &str) -> Value {
    let pointer = |path: &str| path.replace('~', "~0").replace('/', "~1");
    let examples = format!(
        "/paths/{}/get/responses/200/content/application~1json/examples",
        pointer(path)
    );
    let named = document
        .pointer(&examples)
        .and_then(Value::as_object)
        .and_then(|examples| examples.values().next())
        .and_then(|example| example["$ref"].as_str())
        .expect("an example");
    let example = &document
        .pointer(named.trim_start_matches('#'))
        .expect("the example itself")["value"];
    match example {
        Value::Array(_) => example.clone(),
        one => json!([one]),
    }
}

#[test]
fn mastodon_is_asked_as_it_describes_itself() {
    let Some(text) = spec::read("mastodon/openapi.json") else {
        return;
    };
    let document: Value = serde_json::from_str(&text).expect("JSON");
    let host = Host::new();
    host.serve(move |request| {
        let checked = spec::mastodon().check(&jarchi_platforms::Request::scripted(request));
        assert_eq!(checked, Ok(()));
        let path = request.url.strip_prefix("https://social.example");
        let path = path
            .and_then(|path| path.split('?').next())
            .expect("a path");
        Answer::json(200, &example(&document, path))
    });
    let settings = json!({
        "mode": "post",
        "mastodon": "https://social.example/",
        // Words of the examples, which are years old.
        "pillars": { "tags": ["nowplaying"], "links": ["vote"] },
        "threshold": 0,
        "most": 20,
        "max_age": "9999d",
        "template": "{{ topic }}",
    });
    let brief = Brief {
        settings: settings.to_string(),
        brand: "Brand".into(),
        languages: vec!["en".into()],
        time_zone: "UTC".into(),
        now: START,
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
    };
    let batch = Trends::generate(&brief).expect("a batch");
    assert!(batch.problems.is_empty(), "{:?}", batch.problems);
    assert_eq!(host.requests().len(), 3);
    let pillars: Vec<&str> = batch
        .drafts
        .iter()
        .filter_map(|draft| draft.pillar.as_deref())
        .collect();
    for pillar in ["tags", "links"] {
        assert!(pillars.contains(&pillar), "{:?}", batch.drafts);
    }
}
