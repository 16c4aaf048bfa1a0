//! The generator as the daemon calls it.

use std::fmt::Write as _;

use jarchi_plugin_sdk::generator::{AccountLimits, Batch, Brief, Draft};
use jarchi_plugin_sdk::http::HttpError;
use jarchi_plugin_sdk::testing::{Answer, Host};
use jarchi_plugin_sdk::{Error, Generator, Severity};
use serde_json::{Value, json};

use super::Rss;

mod documents;
mod settings;

const URL: &str = "https://xeber.az/feed";
const NOW: u64 = 1_795_507_200_000; // 2026-11-24T08:00:00Z

fn brief(settings: &Value) -> Brief {
    Brief {
        settings: settings.to_string(),
        brand: "xemir".into(),
        languages: vec!["az".into()],
        time_zone: "Asia/Baku".into(),
        now: NOW,
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

fn run(settings: &Value) -> Batch {
    Rss::generate(&brief(settings)).expect("a batch")
}

fn settings(more: Value) -> Value {
    let mut settings = json!({ "feeds": [URL] });
    for (key, value) in more.as_object().into_iter().flatten() {
        settings[key] = value.clone();
    }
    settings
}

fn xml(body: impl Into<String>) -> Answer {
    Answer::new(200, "application/rss+xml", body.into().into_bytes()).from_url(URL)
}

/// A feed with the newest item first, as feeds are.
fn rss(items: impl IntoIterator<Item = u32>) -> String {
    let mut items: Vec<u32> = items.into_iter().collect();
    items.sort_unstable_by(|a, b| b.cmp(a));
    let mut xml = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><rss version=\"2.0\"><channel>\
         <title>Xəbər</title><link>https://xeber.az/</link><description>d</description>",
    );
    for item in items {
        write!(
            xml,
            "<item><title>Xəbər {item}</title><link>https://xeber.az/{item}</link>\
             <guid isPermaLink=\"false\">n{item}</guid></item>"
        )
        .unwrap();
    }
    xml.push_str("</channel></rss>");
    xml
}

fn told(batch: &Batch) -> Vec<String> {
    batch
        .problems
        .iter()
        .map(|problem| {
            let sign = if problem.severity == Severity::Warning {
                "? "
            } else {
                ""
            };
            format!("{sign}{}: {}", problem.place, problem.message)
        })
        .collect()
}

fn texts(batch: &Batch) -> Vec<&str> {
    batch
        .drafts
        .iter()
        .map(|draft| draft.post.text.as_str())
        .collect()
}

/// What the second run makes of one new item, in a feed that was read before.
fn posted(settings: &Value, document: impl Into<Vec<u8>>) -> Batch {
    let host = Host::new();
    host.expect(format!("GET {URL}"), xml(rss([])));
    run(settings);
    host.expect(
        format!("GET {URL}"),
        Answer::new(200, "application/xml", document.into()).from_url(URL),
    );
    run(settings)
}

fn only(mut batch: Batch) -> Draft {
    assert_eq!(told(&batch), [""; 0]);
    assert_eq!(batch.drafts.len(), 1, "{:?}", texts(&batch));
    batch.drafts.remove(0)
}

#[test]
fn the_first_run_does_not_flood() {
    let host = Host::new();
    host.expect(format!("GET {URL}"), xml(rss(1..=20)));
    let batch = run(&settings(json!({})));
    assert_eq!((batch.drafts.len(), batch.complete), (0, false));
    assert_eq!(told(&batch), [""; 0]);

    host.expect(format!("GET {URL}"), xml(rss(1..=21)));
    let draft = only(run(&settings(json!({}))));
    assert_eq!(draft.post.text, "Xəbər 21");
    assert_eq!(draft.key, format!("{URL} n21"));
    assert_eq!(draft.due, None);
    let link = draft.post.link.unwrap();
    assert_eq!(
        (link.url.as_str(), link.title.as_deref()),
        ("https://xeber.az/21", Some("Xəbər 21"))
    );
}

#[test]
fn the_first_run_posts_the_latest_where_asked() {
    let host = Host::new();
    host.expect(format!("GET {URL}"), xml(rss(1..=20)));
    let batch = run(&settings(json!({ "first_run": "latest 2" })));
    assert_eq!(texts(&batch), ["Xəbər 19", "Xəbər 20"]);
}

#[test]
fn a_burst_is_posted_oldest_first_and_none_is_lost() {
    let host = Host::new();
    host.serve(|_| Answer::empty(304));
    host.expect(format!("GET {URL}"), xml(rss([1])).header("etag", "\"1\""));
    run(&settings(json!({})));
    // Ten at once; after that the feed has none of them any more, and then is unchanged.
    host.expect(
        format!("GET {URL}"),
        xml(rss(2..=11)).header("etag", "\"2\""),
    );
    let mut posted = Vec::new();
    let mut handed: Vec<String> = Vec::new();
    for round in 0..6 {
        if round == 1 {
            host.expect(format!("GET {URL}"), xml(rss([12])).header("etag", "\"3\""));
        }
        let batch = run(&settings(json!({})));
        let keys: Vec<String> = batch.drafts.iter().map(|draft| draft.key.clone()).collect();
        // The last run's are there once more, should they not have been taken on.
        assert_eq!(keys[..handed.len()], handed);
        posted.extend(
            texts(&batch)[handed.len()..]
                .iter()
                .map(|text| (*text).to_owned()),
        );
        handed = keys[handed.len()..].to_vec();
        assert!(handed.len() <= 3);
    }
    let expected: Vec<String> = (2..=12).map(|item| format!("Xəbər {item}")).collect();
    assert_eq!(posted, expected);
}

#[test]
fn validators_are_sent_back_and_an_unchanged_feed_is_not_read() {
    let host = Host::new();
    let date = "Tue, 24 Nov 2026 07:00:00 GMT";
    host.expect(
        format!("GET {URL}"),
        xml(rss([1]))
            .header("etag", "W/\"a\"")
            .header("last-modified", date),
    );
    run(&settings(json!({})));
    let first = host.requests().remove(0);
    assert_eq!(
        (
            first.header("if-none-match"),
            first.header("if-modified-since")
        ),
        (None, None)
    );
    assert!(
        first
            .header("accept")
            .unwrap()
            .contains("application/atom+xml")
    );

    host.expect(format!("GET {URL}"), Answer::empty(304));
    let batch = run(&settings(json!({})));
    assert_eq!((texts(&batch).len(), told(&batch).len()), (0, 0));
    let second = host.requests().remove(0);
    assert_eq!(second.header("if-none-match"), Some("W/\"a\""));
    assert_eq!(second.header("if-modified-since"), Some(date));
}

#[test]
fn what_was_not_kept_is_asked_for_again() {
    let host = Host::new();
    host.expect(format!("GET {URL}"), xml(rss([1])).header("etag", "\"1\""));
    run(&settings(json!({})));
    host.requests();
    // The memory is too small for what comes now: nothing of it is posted, and the feed
    // is not taken for read.
    host.kv_quota(900);
    host.expect(
        format!("GET {URL}"),
        xml(rss(1..=30)).header("etag", "\"2\""),
    );
    let batch = run(&settings(json!({})));
    assert_eq!(texts(&batch), [""; 0]);
    assert!(
        told(&batch)[0].contains("could not be remembered"),
        "{:?}",
        told(&batch)
    );
    host.requests();
    host.kv_quota(1 << 20);
    host.expect(
        format!("GET {URL}"),
        xml(rss(1..=30)).header("etag", "\"2\""),
    );
    let batch = run(&settings(json!({})));
    assert_eq!(host.requests()[0].header("if-none-match"), Some("\"1\""));
    assert_eq!(texts(&batch), ["Xəbər 2", "Xəbər 3", "Xəbər 4"]);
}

#[test]
fn more_than_can_wait_stays_in_the_feed_and_is_not_hidden_by_its_validators() {
    let host = Host::new();
    let long = |items: std::ops::RangeInclusive<u32>| {
        let words = "söz ".repeat(1000);
        rss(items).replace(
            "</guid>",
            &format!("</guid><description>{words}</description>"),
        )
    };
    host.expect(format!("GET {URL}"), xml(rss([])));
    let settings = settings(json!({ "max_per_run": 50, "template": "{{ title }}" }));
    run(&settings);
    let mut posted = Vec::new();
    let mut last = 0;
    for round in 0..20 {
        host.requests();
        host.expect(
            format!("GET {URL}"),
            xml(long(1..=400)).header("etag", "\"x\""),
        );
        let batch = run(&settings);
        if round == 0 {
            assert!(
                told(&batch)[0].contains("more are new in the feed"),
                "{:?}",
                told(&batch)
            );
        }
        if round == 1 {
            assert_eq!(host.requests()[0].header("if-none-match"), None);
        }
        posted.extend(texts(&batch)[last..].iter().map(|text| (*text).to_owned()));
        last = batch.drafts.len() - last;
    }
    let expected: Vec<String> = (1..=400).map(|item| format!("Xəbər {item}")).collect();
    assert_eq!(posted, expected);
}

#[test]
fn an_item_is_posted_once_whatever_becomes_of_it() {
    let host = Host::new();
    host.expect(format!("GET {URL}"), xml(rss([1])));
    run(&settings(json!({})));
    host.expect(format!("GET {URL}"), xml(rss([1, 2])));
    let draft = only(run(&settings(json!({}))));
    // Edited; then out of the feed for long, with thousands of others in between, and back.
    host.expect(
        format!("GET {URL}"),
        xml(rss([1, 2]).replace("Xəbər 2", "Düzəliş")),
    );
    let again = only(run(&settings(json!({}))));
    assert_eq!((again.key, again.revision), (draft.key, draft.revision));
    for start in [100, 300] {
        host.expect(format!("GET {URL}"), xml(rss(start..start + 200)));
        let settings = settings(json!({ "max_per_run": 1000 }));
        run(&settings);
    }
    host.expect(format!("GET {URL}"), xml(rss([1, 2])));
    let batch = run(&settings(json!({})));
    assert!(
        batch.drafts.iter().all(|draft| !draft.key.ends_with(" n2")),
        "{:?}",
        texts(&batch)
    );
}

#[test]
fn what_the_feed_still_has_is_never_forgotten() {
    let host = Host::new();
    host.expect(format!("GET {URL}"), xml(rss(1..=2_000)));
    run(&settings(json!({})));
    for _ in 0..2 {
        host.expect(format!("GET {URL}"), xml(rss(1..=2_000)));
        assert_eq!(texts(&run(&settings(json!({})))), [""; 0]);
    }
}

#[test]
fn one_feed_that_fails_stops_no_other() {
    let other = "https://b.az/feed.json";
    let settings = json!({ "feeds": [URL, other, URL] });
    let host = Host::new();
    host.expect(format!("GET {URL}"), xml(rss([])));
    host.expect(format!("GET {other}"), xml(rss([])));
    run(&settings);
    let failures = [
        (Answer::empty(500), "has a fault (500)"),
        (Answer::empty(404), "no feed at this address"),
        (Answer::empty(410), "gone for good"),
        (Answer::empty(403), "refuses us (403)"),
        (Answer::empty(429), "come less often"),
        (
            Answer::empty(301).header("location", "https://new.az/"),
            "write `https://new.az/` into `feeds`",
        ),
        (
            Answer::error(HttpError::Denied("host `xeber.az` is not granted".into())),
            "is not granted",
        ),
        (
            Answer::error(HttpError::NotSent("no such name".into())),
            "could not be reached: no such name",
        ),
        (
            Answer::error(HttpError::NoAnswer("time-out".into())),
            "did not answer: time-out",
        ),
        (
            Answer::error(HttpError::TooLarge(4 << 20)),
            "longer than 4194304 bytes",
        ),
        (Answer::error(HttpError::Paced(61_500)), "wait 62 seconds"),
        (xml(""), "the answer is empty"),
        (xml("Salam"), "no XML in it"),
        (
            xml("<!doctype html><html><body>Salam</body></html>"),
            "a web page, not a feed",
        ),
        (xml("<opml><body/></opml>"), "begins with `<opml>`"),
        (xml("<rss><channel><title>x"), "can't be read"),
        (xml("{\"a\": 1}"), "no JSON Feed"),
        (xml("{\"a\": "), "this JSON Feed can't be read"),
    ];
    for (item, (answer, words)) in (1..).zip(failures) {
        host.expect(format!("GET {URL}"), answer);
        host.expect(format!("GET {other}"), xml(rss([item])));
        let batch = run(&settings);
        let told = told(&batch);
        assert_eq!(
            texts(&batch).last(),
            Some(&format!("Xəbər {item}").as_str())
        );
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(
            told[0].starts_with(&format!("{URL}: ")) && told[0].contains(words),
            "{told:?}"
        );
    }
}

#[test]
fn where_a_feed_answers_from_is_told_once() {
    let host = Host::new();
    for round in 0..2 {
        host.expect(
            format!("GET {URL}"),
            xml(rss([1])).from_url("https://new.az/rss"),
        );
        let told = told(&run(&settings(json!({}))));
        match round {
            0 => assert!(
                told[0].starts_with("? ") && told[0].contains("https://new.az/rss"),
                "{told:?}"
            ),
            _ => assert_eq!(told, [""; 0]),
        }
    }
}
