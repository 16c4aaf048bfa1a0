//! The generator as the daemon calls it.

use std::fmt::Write as _;

use jarchi_plugin_sdk::generator::{AccountLimits, Batch, Brief, Draft};
use jarchi_plugin_sdk::http::HttpError;
use jarchi_plugin_sdk::testing::{Answer, Host};
use jarchi_plugin_sdk::{Error, Generator, Severity};
use serde_json::{Value, json};

use super::Rss;

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

const ATOM: &str = r#"<?xml version="1.0"?>
<feed xmlns="http://www.w3.org/2005/Atom">
  <title type="html">Bakı &amp;amp; dost</title><id>f</id><updated>2026-11-24T07:00:00Z</updated>
  <entry>
    <title>1 &lt; 2 &amp;amp; 3</title><id>tag:b</id><updated>2026-11-24T07:00:00Z</updated>
    <link rel="self" href="/self"/><link href="/b?x=1&amp;y=2"/>
    <author><name>Aysel</name></author>
    <category term="un" label="Çörək"/>
    <summary type="html">&lt;p&gt;Bir&lt;/p&gt;&lt;p&gt;iki&lt;/p&gt;</summary>
    <content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>Uzun <b>mətn</b></p></div></content>
  </entry>
  <entry>
    <title type="html">&lt;b&gt;Köhnə&lt;/b&gt;</title><id>tag:a</id><updated>2026-11-23T07:00:00+04:00</updated>
    <link href="https://xeber.az/a"/>
  </entry>
</feed>"#;

const RDF: &str = r#"<?xml version="1.0"?>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
 xmlns:dc="http://purl.org/dc/elements/1.1/">
 <channel rdf:about="https://x.az/"><title>X</title><link>https://x.az/</link><description/></channel>
 <item rdf:about="https://x.az/1"><title>Bir</title><link>https://x.az/1</link><dc:creator>Elvin</dc:creator></item>
</rdf:RDF>"#;

const JSON: &str = r#"{"version": "https://jsonfeed.org/version/1.1", "title": "J", "items": [
  {"id": 7, "url": "https://j.az/7", "content_html": "<p>Salam &amp; xoş</p>", "tags": ["un", "su"],
   "authors": [{"name": "Nigar"}], "date_published": "2026-11-24T09:00:00+04:00"}
]}"#;

#[test]
fn atom_rss_one_and_json_are_read_alike() {
    let settings = settings(json!({
        "template": "{{ feed_title }}|{{ title }}|{{ summary }}|{{ content }}|{{ author }}|{{ published }}|{{ categories | hashtag | join(' ') }}|{{ link }}"
    }));
    let batch = posted(&settings, ATOM);
    assert_eq!(
        texts(&batch),
        [
            "Bakı & dost|Köhnə||||2026-11-23||https://xeber.az/a",
            "Bakı & dost|1 < 2 &amp; 3|Bir\n\niki|Uzun mətn|Aysel|2026-11-24|#Çörək|https://xeber.az/b?x=1&y=2",
        ]
    );
    assert_eq!(batch.drafts[1].key, format!("{URL} tag:b"));
    let draft = only(posted(&settings, RDF));
    assert_eq!(draft.post.text, "X|Bir|||Elvin|||https://x.az/1");
    let draft = only(posted(&settings, JSON));
    assert_eq!(
        draft.post.text,
        "J||Salam & xoş|Salam & xoş|Nigar|2026-11-24|#un #su|https://j.az/7"
    );
    assert_eq!(draft.key, format!("{URL} 7"));
}

#[test]
fn identity_is_the_guid_else_the_link_else_the_words() {
    let items =
        |item: &str| format!("<rss version='2.0'><channel><title>x</title>{item}</channel></rss>");
    for (item, id) in [
        (
            "<item><title>a</title><guid>g</guid><link>https://a.az</link></item>",
            "g",
        ),
        (
            "<item><title>a</title><link>https://a.az/1</link></item>",
            "https://a.az/1",
        ),
        (
            "<item><title>a</title><guid> </guid><link>/1</link></item>",
            "https://xeber.az/1",
        ),
    ] {
        let draft = only(posted(&settings(json!({})), items(item)));
        assert_eq!(draft.key, format!("{URL} {id}"));
    }
    let words = |title: &str| {
        let item = format!("<item><title>{title}</title></item>");
        only(posted(&settings(json!({})), items(&item))).key
    };
    assert_eq!(words("a"), words("a"));
    assert_ne!(words("a"), words("b"));
    let long = format!(
        "<item><title>a</title><guid>{}</guid></item>",
        "g".repeat(10_000)
    );
    assert!(only(posted(&settings(json!({})), items(&long))).key.len() < 100);
}

#[test]
fn links_are_of_the_web_or_none() {
    for (link, expected) in [
        ("https://a.az/x y", Some("https://a.az/x%20y")),
        ("HTTP://a.az/", Some("HTTP://a.az/")),
        ("//a.az/x", Some("https://a.az/x")),
        ("/x", Some("https://xeber.az/x")),
        ("x/y", Some("https://xeber.az/x/y")),
        ("?p=1", Some("https://xeber.az/?p=1")),
        ("javascript:alert(1)", None),
        ("data:text/html,x", None),
        ("ftp://a.az/x", None),
        ("https://", None),
        ("", None),
    ] {
        let document = format!(
            "<rss version='2.0'><channel><title>x</title><link>https://xeber.az/</link>\
             <item><title>a</title><guid isPermaLink='false'>g</guid><link>{link}</link></item></channel></rss>"
        );
        let draft = only(posted(&settings(json!({})), document));
        assert_eq!(
            draft.post.link.map(|link| link.url).as_deref(),
            expected,
            "{link}"
        );
    }
}

#[test]
fn an_item_is_data_and_never_a_template() {
    let document = "<rss version='2.0'><channel><title>x</title><item>\
        <title>{{ 7 * 7 }} {% for x in y %} ${secret:token} &lt;script&gt;x&lt;/script&gt;&#x202e;son</title>\
        <guid>g</guid></item></channel></rss>";
    let draft = only(posted(&settings(json!({})), document));
    assert_eq!(
        draft.post.text,
        "{{ 7 * 7 }} {% for x in y %} ${secret:token} son"
    );
}

#[test]
fn a_hostile_feed_is_a_problem_and_not_a_crash() {
    let laughs = "<?xml version='1.0'?><!DOCTYPE rss [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;&a;'>\
        <!ENTITY c '&b;&b;&b;&b;'>]><rss version='2.0'><channel><title>&c;</title>\
        <item><title>&c;&c;</title><guid>g</guid></item></channel></rss>";
    let draft = only(posted(&settings(json!({})), laughs));
    assert_eq!(draft.post.text, "&c;&c;");

    let deep = |open: &str| {
        format!(
            "<rss version='2.0' xmlns:x='x'><channel><item>{}",
            open.repeat(100_000)
        )
    };
    let many = |item: &str, count: usize| {
        format!(
            "<rss version='2.0'><channel>{}</channel></rss>",
            item.repeat(count)
        )
    };
    let json = |inner: String| {
        format!("{{\"version\": \"https://jsonfeed.org/version/1\", \"items\": [{inner}]}}")
    };
    for (document, words) in [
        (deep("<x:a>"), "nested more than 64 deep"),
        (deep("<a>"), "nested more than 64 deep"),
        (many("<item/>", 500_000), "more than 3000 items"),
        (many("<x:a/>", 500_000), "more than 60000 elements"),
        (
            json(vec!["{}"; 300_000].join(",")),
            "more than 60000 elements",
        ),
        (json(vec!["{}"; 5_000].join(",")), "more than 3000 items"),
        (json("[".repeat(50_000)), "can't be read"),
        (
            format!(
                "<feed xmlns='http://www.w3.org/2005/Atom'>{}",
                "<entry>".repeat(60)
            ),
            "can't be read",
        ),
    ] {
        let batch = posted(&settings(json!({})), document);
        let told = told(&batch);
        assert!(
            told.len() == 1 && told[0].contains(words),
            "{words}: {told:?}"
        );
    }
    for bytes in [
        vec![0xff; 1000],
        vec![0; 1000],
        b"<rss \xff\xfe".to_vec(),
        b"<".repeat(100_000),
    ] {
        assert_eq!(posted(&settings(json!({})), bytes).problems.len(), 1);
    }
}

#[test]
fn other_encodings_are_read() {
    let mut document = b"<?xml version='1.0' encoding='windows-1254'?><rss version='2.0'><channel><title>x</title><item><title>".to_vec();
    document.extend([0xfe, 0xf0, 0xfd]); // şğı
    document.extend(b"</title><guid>g</guid></item></channel></rss>");
    assert_eq!(
        only(posted(&settings(json!({})), document)).post.text,
        "şğı"
    );
}

#[test]
fn every_cut_of_a_feed_is_survived() {
    for document in [ATOM, RDF, JSON] {
        for end in 1..document.len() {
            let batch = posted(&settings(json!({})), &document.as_bytes()[..end]);
            assert!(batch.problems.len() <= 1);
        }
    }
}

#[test]
fn old_items_are_passed_over_where_asked() {
    let document = |date: &str| {
        format!(
            "<rss version='2.0'><channel><title>x</title><item><title>a</title><guid>g</guid>\
             <pubDate>{date}</pubDate></item></channel></rss>"
        )
    };
    let settings = settings(json!({ "max_age": "2d" }));
    for (date, count) in [
        ("Mon, 23 Nov 2026 09:00:00 +0400", 1),
        ("Sat, 21 Nov 2026 09:00:00 +0400", 0),
        ("bazar günü", 1),
    ] {
        assert_eq!(
            posted(&settings, document(date)).drafts.len(),
            count,
            "{date}"
        );
    }
}

#[test]
fn the_text_is_made_to_fit_the_shortest_account() {
    let words = "söz ".repeat(300);
    let document = format!(
        "<rss version='2.0'><channel><title>x</title><item><title>Başlıq</title><guid isPermaLink='false'>g</guid>\
         <link>https://xeber.az/1</link><description>{words}</description></item></channel></rss>"
    );
    let host = Host::new();
    let settings = settings(
        json!({ "template": "{{ title }}\n\n{{ summary }}\n\n{{ link }}", "hashtags": ["#çörək"] }),
    );
    let limits = |name: &str, text: Option<u32>| AccountLimits {
        account: name.into(),
        plugin: name.into(),
        text,
        media: None,
        polls: false,
        threads: false,
    };
    let brief = Brief {
        accounts: vec![
            limits("a", Some(500)),
            limits("b", Some(300)),
            limits("c", None),
        ],
        ..brief(&settings)
    };
    host.expect(format!("GET {URL}"), xml(rss([])));
    Rss::generate(&brief).unwrap();
    host.expect(format!("GET {URL}"), xml(document));
    let draft = only(Rss::generate(&brief).unwrap());
    let text = &draft.post.text;
    assert!(text.starts_with("Başlıq\n\nsöz söz"), "{text}");
    assert!(text.ends_with("söz…\n\nhttps://xeber.az/1"), "{text}");
    // With room for the hashtag and the blanks before it.
    let length = text.chars().count() + " #çörək".chars().count();
    assert!((280..=300).contains(&length), "{length}");
    assert_eq!(draft.post.hashtags, ["çörək"]);
    let link = draft.post.link.unwrap();
    assert!(link.description.unwrap().chars().count() <= 300);
}

#[test]
fn what_is_wanted_for_a_slot_is_all_that_is_given() {
    let host = Host::new();
    host.expect(format!("GET {URL}"), xml(rss([])));
    let settings = settings(json!({ "language": "az" }));
    run(&settings);
    host.expect(format!("GET {URL}"), xml(rss(1..=5)));
    let batch = Rss::generate(&Brief {
        wanted: 1,
        ..brief(&settings)
    })
    .unwrap();
    assert_eq!(texts(&batch), ["Xəbər 1"]);
    assert_eq!(batch.drafts[0].post.language.as_deref(), Some("az"));
}

#[test]
fn feeds_that_are_configured_no_more_are_forgotten() {
    let host = Host::new();
    host.expect(format!("GET {URL}"), xml(rss([1])));
    run(&settings(json!({})));
    host.expect("GET https://b.az/feed", xml(rss([1])));
    run(&json!({ "feeds": ["https://b.az/feed"] }));
    // Configured again, it is a feed that is read for the first time.
    host.expect(format!("GET {URL}"), xml(rss([1, 2])));
    assert_eq!(texts(&run(&settings(json!({})))), [""; 0]);
}

#[test]
fn an_item_waits_while_the_template_fails_on_it() {
    let host = Host::new();
    host.expect(format!("GET {URL}"), xml(rss([])));
    run(&settings(json!({})));
    host.expect(format!("GET {URL}"), xml(rss([1])));
    let batch = run(&settings(
        json!({ "template": "{% if title == 'Xəbər 1' %}{{ title() }}{% endif %}" }),
    ));
    assert_eq!(batch.drafts, []);
    assert!(
        told(&batch)[0].contains("setting `template`: line 1:"),
        "{:?}",
        told(&batch)
    );
    host.expect(format!("GET {URL}"), Answer::empty(304));
    assert_eq!(texts(&run(&settings(json!({})))), ["Xəbər 1"]);
}

#[test]
fn settings_that_are_wrong_are_told() {
    let _host = Host::new();
    for (settings, words) in [
        (json!({}), "setting `feeds` is empty"),
        (
            json!({ "feeds": ["xeber.az"] }),
            "`xeber.az` is not an address",
        ),
        (json!({ "feeds": URL }), "expected a sequence"),
        (
            json!({ "feeds": [URL], "max_per_run": 0 }),
            "`max_per_run` is 0",
        ),
        (
            json!({ "feeds": [URL], "max_age": "soon" }),
            "`soon` is not a length of time",
        ),
        (
            json!({ "feeds": [URL], "first_run": "all" }),
            "`all` is neither `none` nor `latest 3`",
        ),
        (
            json!({ "feeds": [URL], "template": "{{ titel }}" }),
            "there is no `titel`: an item has title, link",
        ),
        (
            json!({ "feeds": [URL], "template": "a\n{{ title" }),
            "setting `template`: line 2:",
        ),
        (
            json!({ "feeds": [URL], "template": "{{ title | nofilter }}" }),
            "nofilter",
        ),
        (json!({ "feeds": [URL], "feed": 1 }), "unknown field `feed`"),
    ] {
        match Rss::generate(&brief(&settings)) {
            Err(Error::Invalid(reason)) => assert!(reason.contains(words), "{settings}: {reason}"),
            other => panic!("{settings}: {other:?}"),
        }
    }
}

#[test]
fn filters_and_conditions() {
    let document = "<rss version='2.0'><channel><title>x</title><item><title>Uzun bir başlıq burada</title>\
        <guid>g</guid><category>Təzə çörək</category><category>2026</category></item></channel></rss>";
    let template = "{{ title | truncate(10) }} {% if summary %}no{% endif %}{{ categories | hashtag | join(', ') }} \
        {{ categories | first | hashtag }}{% for name in categories %} {{ name | upper | replace('Ə', 'e') }}{% endfor %}";
    let draft = only(posted(&settings(json!({ "template": template })), document));
    assert_eq!(
        draft.post.text,
        "Uzun bir… #TəzəÇörək #TəzəÇörək TeZe ÇÖReK 2026"
    );
}
