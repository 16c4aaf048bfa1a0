//! The generator as the daemon calls it.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jarchi_plugin_sdk::generator::{AccountLimits, Batch, Brief, Pillar, Voice};
use jarchi_plugin_sdk::http::HttpError;
use jarchi_plugin_sdk::testing::{Answer, Host, Request};
use jarchi_plugin_sdk::{Generator, time};
use serde_json::{Value, json};

use super::Trends;

mod scores;

/// 2026-11-24T08:00:00Z
const NOW: u64 = 1_795_507_200_000;
const HOUR: u64 = 3_600_000;
const FEED: &str = "https://xeber.az/feed.xml";

fn brief(settings: &Value) -> Brief {
    Brief {
        settings: settings.to_string(),
        brand: "Çay Evi".into(),
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

/// A brand of tea, with all sources.
fn settings(more: Value) -> Value {
    let mut settings = json!({
        "mode": "post",
        "mastodon": "https://mastodon.example",
        "bluesky": "https://api.bsky.example",
        "feeds": [FEED],
        "pillars": { "tea": ["çay", "tea", "samovar"], "city": ["Bakı", "Baku"] },
        "audience": "Families who like music",
        "taboos": ["election", "müharibə"],
        "threshold": 0,
        "most": 20,
        "template": "{{ topic }} {{ hashtag }}",
    });
    for (key, value) in more.as_object().into_iter().flatten() {
        settings[key] = value.clone();
    }
    settings
}

fn at(settings: &Value, now: u64) -> Batch {
    let mut brief = brief(settings);
    brief.now = now;
    Trends::generate(&brief).expect("a batch")
}

fn texts(batch: &Batch) -> Vec<&str> {
    batch
        .drafts
        .iter()
        .map(|draft| draft.post.text.as_str())
        .collect()
}

fn told(batch: &Batch) -> Vec<String> {
    batch
        .problems
        .iter()
        .map(|problem| format!("{}: {}", problem.place, problem.message))
        .collect()
}

/// Uses of the last days, the latest first, as Mastodon writes them.
fn history(uses: &[u32]) -> Value {
    uses.iter()
        .enumerate()
        .map(|(index, uses)| {
            let day = NOW / 1000 - index as u64 * 86_400;
            json!({ "day": day.to_string(), "uses": uses.to_string(), "accounts": "5" })
        })
        .collect()
}

fn tag(name: &str, uses: &[u32]) -> Value {
    json!({ "id": "1", "name": name, "url": format!("https://mastodon.example/tags/{name}"),
        "history": history(uses) })
}

fn link(title: &str, url: &str, published: &str) -> Value {
    json!({ "title": title, "url": url, "description": "", "type": "link", "author_name": "",
        "author_url": "", "provider_name": "", "provider_url": "", "html": "", "width": 0,
        "height": 0, "image": null, "embed_url": "", "published_at": published,
        "history": history(&[10, 10, 10]) })
}

fn status(words: &str, tags: &[&str]) -> Value {
    let tags: Vec<Value> = tags
        .iter()
        .map(|name| json!({ "name": name, "url": format!("https://mastodon.example/tags/{name}") }))
        .collect();
    json!({ "id": "1", "created_at": time::format_rfc3339(NOW - HOUR), "content": words, "tags": tags })
}

fn trend(name: &str, hours: u64, posts: u64) -> Value {
    json!({ "topic": name.to_lowercase(), "displayName": name, "link": "/profile/trending.bsky.app/feed/1",
        "startedAt": time::format_rfc3339(NOW - hours * HOUR), "postCount": posts, "actors": [] })
}

fn feed(titles: &[&str]) -> Answer {
    let items: String = titles
        .iter()
        .map(|title| {
            format!(
                "<item><title>{title}</title><link>https://xeber.az/1</link>\
                 <pubDate>Tue, 24 Nov 2026 07:00:00 GMT</pubDate></item>"
            )
        })
        .collect();
    let xml = format!(
        "<?xml version=\"1.0\"?><rss version=\"2.0\"><channel><title>X</title>\
         <link>https://xeber.az/</link><description>d</description>{items}</channel></rss>"
    );
    Answer::new(200, "application/rss+xml", xml)
}

/// What the sources have.
#[derive(Clone, Default)]
struct World {
    tags: Vec<Value>,
    links: Vec<Value>,
    statuses: Vec<Value>,
    trends: Vec<Value>,
    titles: Vec<&'static str>,
}

impl World {
    fn answer(&self, request: &Request) -> Answer {
        let list = |list: &Vec<Value>| Answer::json(200, list);
        match request.url.as_str() {
            "https://mastodon.example/api/v1/trends/tags?limit=20" => list(&self.tags),
            "https://mastodon.example/api/v1/trends/links?limit=20" => list(&self.links),
            "https://mastodon.example/api/v1/trends/statuses?limit=40" => list(&self.statuses),
            "https://api.bsky.example/xrpc/app.bsky.unspecced.getTrends?limit=25" => {
                Answer::json(200, &json!({ "trends": self.trends }))
            }
            FEED => feed(&self.titles),
            other => panic!("not asked for: {other}"),
        }
    }
}

fn serve(world: World) -> Host {
    let host = Host::new();
    host.set_now(NOW);
    host.serve(move |request| world.answer(request));
    host
}

#[test]
fn every_source_is_read() {
    let _host = serve(World {
        tags: vec![tag("ÇayGünü", &[9, 10, 10])],
        links: vec![link(
            "A samovar museum opens",
            "https://news.example/samovar",
            "2026-11-24T06:00:00Z",
        )],
        statuses: vec![status(
            "<p>Buy <a href=\"https://spam.example\">this</a> @all</p>",
            &["tea_time"],
        )],
        trends: vec![trend("Tea Festival", 2, 900)],
        titles: vec!["Bakıda &quot;caz&quot; festivalı"],
    });
    let batch = at(&settings(json!({ "topics": ["Nardaran çay evi"] })), NOW);
    assert_eq!(told(&batch), [""; 0]);
    let mut found = texts(&batch);
    found.sort_unstable();
    assert_eq!(
        found,
        [
            "A samovar museum opens #ASamovarMuseumOpens",
            "Bakıda \"caz\" festivalı #BakıdaCazFestivalı",
            "Nardaran çay evi #NardaranÇayEvi",
            "Tea Festival #TeaFestival",
            "tea_time #tea_time",
            "ÇayGünü #ÇayGünü",
        ]
    );
    let festival = batch
        .drafts
        .iter()
        .find(|draft| draft.key == "topic teafestival")
        .unwrap();
    assert_eq!(festival.pillar.as_deref(), Some("tea"));
    assert_eq!(
        festival.source.as_deref(),
        Some("https://bsky.app/profile/trending.bsky.app/feed/1")
    );
    assert!(
        festival.post.link.is_none(),
        "the source is linked only where asked for"
    );
}

#[test]
fn a_topic_is_posted_once_whoever_names_it() {
    let world = World {
        tags: vec![tag("BakuMarathon", &[5, 5])],
        titles: vec!["Baku marathon"],
        ..World::default()
    };
    let host = serve(world);
    let settings = settings(json!({}));
    let first = at(&settings, NOW);
    assert_eq!(first.drafts.len(), 1);
    assert_eq!(
        at(&settings, NOW).drafts,
        first.drafts,
        "once more, should it be lost"
    );
    let mut wanted = brief(&settings);
    wanted.wanted = 3;
    assert_eq!(Trends::generate(&wanted).unwrap().drafts.len(), 0);
    // Days later, by another source and in other letters.
    host.set_now(NOW + 30 * 24 * HOUR);
    host.serve(|request| {
        World {
            titles: vec!["#BAKU-MARATHON!"],
            ..World::default()
        }
        .answer(request)
    });
    let later = at(
        &super::tests::settings(json!({ "max_age": "90d" })),
        NOW + 30 * 24 * HOUR,
    );
    assert_eq!(later.drafts, first.drafts);
}

#[test]
fn the_best_come_first_and_the_next_run_has_the_next() {
    let _host = serve(World {
        tags: vec![
            tag("tea", &[5, 90, 10, 10]),
            tag("çay", &[1, 1, 1]),
            tag("music", &[1, 1, 1]),
        ],
        ..World::default()
    });
    let settings = settings(json!({ "most": 1, "threshold": 42 }));
    assert_eq!(texts(&at(&settings, NOW)), ["tea #tea"]);
    assert_eq!(texts(&at(&settings, NOW)), ["tea #tea", "çay #çay"]);
    // Music is under the threshold: the last one once more, and nothing new.
    assert_eq!(texts(&at(&settings, NOW)), ["çay #çay"]);
}

#[test]
fn a_slot_with_a_pillar_gets_a_topic_of_that_pillar() {
    let _host = serve(World {
        tags: vec![tag("tea", &[5, 90, 10]), tag("Baku", &[1, 1, 1])],
        ..World::default()
    });
    let mut asked = brief(&settings(json!({})));
    asked.wanted = 1;
    asked.pillar = Some(Pillar {
        name: "city".into(),
        promotional: false,
        description: None,
    });
    let batch = Trends::generate(&asked).unwrap();
    assert_eq!(texts(&batch), ["Baku #Baku"]);
    assert_eq!(batch.drafts[0].pillar.as_deref(), Some("city"));
}

#[test]
fn words_of_strangers_are_only_words() {
    for (name, expected) in [
        (
            "Tea @admin@evil.example https://evil.example/x now",
            Some("Tea now #TeaNow"),
        ),
        ("#tea", Some("tea #tea")),
        (
            "te\u{200b}a \u{202e}time\n<b>",
            Some("tea time b #teaTimeB"),
        ),
        ("{{ 7 * 7 }} tea", Some("{{ 7 * 7 }} tea")),
        ("https://tea.example", None),
        ("@tea", None),
        ("1234", None),
    ] {
        let mut odd = trend(name, 1, 10);
        odd["displayName"] = json!(name);
        let _host = serve(World {
            trends: vec![odd],
            ..World::default()
        });
        let batch = at(&settings(json!({})), NOW);
        let found = texts(&batch).first().map(|text| (*text).to_owned());
        match expected {
            Some(expected) => assert!(found.clone().unwrap().starts_with(expected), "{found:?}"),
            None => assert_eq!(found, None),
        }
    }
}

#[test]
fn the_source_is_linked_where_asked_for_and_only_there() {
    let _host = serve(World {
        links: vec![
            link("Tea one", "https://news.example/1", "2026-11-24T06:00:00Z"),
            link("Tea two", "javascript:alert(1)", "2026-11-24T06:00:00Z"),
        ],
        ..World::default()
    });
    let batch = at(
        &settings(json!({ "link": true, "template": "{{ topic }} {{ link }}" })),
        NOW,
    );
    let links: Vec<_> = batch
        .drafts
        .iter()
        .map(|draft| {
            (
                draft.post.text.as_str(),
                draft.post.link.as_ref().map(|link| link.url.as_str()),
            )
        })
        .collect();
    assert_eq!(
        links,
        [
            (
                "Tea one https://news.example/1",
                Some("https://news.example/1")
            ),
            ("Tea two", None)
        ]
    );
}

#[test]
fn a_source_that_fails_is_told_and_the_others_go_on() {
    for (answer, words) in [
        (Answer::empty(404), "there is nothing at this address (404)"),
        (Answer::empty(401), "refuses to tell without an account"),
        (Answer::empty(429), "come less often"),
        (Answer::empty(503), "has a fault (503)"),
        (
            Answer::json(200, &json!({ "error": "x" })),
            "the answer is not understood",
        ),
        (
            Answer::error(HttpError::NotSent("no route".into())),
            "could not be reached: no route",
        ),
        (
            Answer::error(HttpError::NoAnswer("cut".into())),
            "did not answer: cut",
        ),
    ] {
        let host = Host::new();
        host.set_now(NOW);
        let world = World {
            titles: vec!["Tea"],
            ..World::default()
        };
        host.serve(move |request| {
            if request.url.contains("trends/tags") {
                answer.clone()
            } else {
                world.answer(request)
            }
        });
        let batch = at(&settings(json!({})), NOW);
        assert_eq!(texts(&batch), ["Tea #Tea"]);
        let told = told(&batch);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(
            told[0].starts_with("https://mastodon.example/api/v1/trends/tags")
                && told[0].contains(words),
            "{told:?}"
        );
    }
}

#[test]
fn an_odd_item_does_not_hide_the_others() {
    let _host = serve(World {
        tags: vec![
            json!({ "name": 5 }),
            json!("x"),
            json!({ "name": "tea", "history": [{ "day": "x", "uses": "y" }] }),
        ],
        trends: vec![json!({}), trend("Baku", 1, 1)],
        ..World::default()
    });
    let batch = at(&settings(json!({})), NOW);
    assert_eq!(texts(&batch).len(), 2, "{:?}", texts(&batch));
}

#[test]
fn a_service_that_only_knows_the_older_call() {
    let host = Host::new();
    host.expect(
        "GET https://api.bsky.example/xrpc/app.bsky.unspecced.getTrends?limit=25",
        Answer::json(501, &json!({ "error": "MethodNotImplemented" })),
    );
    host.expect(
        "GET https://api.bsky.example/xrpc/app.bsky.unspecced.getTrendingTopics?limit=25",
        Answer::json(
            200,
            &json!({ "topics": [{ "topic": "Tea", "link": "/search?q=tea" }], "suggested": [] }),
        ),
    );
    let mut settings = settings(json!({ "feeds": [] }));
    settings.as_object_mut().unwrap().remove("mastodon");
    let batch = at(&settings, NOW);
    assert_eq!(texts(&batch), ["Tea #Tea"]);
    assert_eq!(
        batch.drafts[0].source.as_deref(),
        Some("https://bsky.app/search?q=tea")
    );
}

#[test]
fn sources_are_asked_twice_an_hour_at_most() {
    let host = serve(World {
        titles: vec!["Tea"],
        ..World::default()
    });
    let settings = settings(json!({}));
    let mut asked = Vec::new();
    for minutes in [0, 5, 29, 31, 40, 62] {
        host.set_now(NOW + minutes * 60_000);
        at(&settings, NOW + minutes * 60_000);
        asked.push(host.requests().len());
    }
    assert_eq!(asked, [5, 0, 0, 5, 0, 5]);
}

#[test]
fn as_input_there_is_a_list_a_day() {
    let host = serve(World {
        tags: vec![tag("tea", &[5, 90, 10, 10])],
        trends: vec![trend("Tea", 1, 10), trend("Baku Jazz", 1, 2000)],
        ..World::default()
    });
    let settings = settings(json!({ "mode": "list", "threshold": 40, "link": true }));
    let first = at(&settings, NOW);
    assert_eq!(
        texts(&first),
        [
            "Tea (78): fits tea, rising, 2 sources; bsky.app, mastodon.example https://mastodon.example/tags/tea\n\
          Baku Jazz (70): fits city, rising; bsky.app https://bsky.app/profile/trending.bsky.app/feed/1"
        ]
    );
    assert_eq!(at(&settings, NOW + HOUR).drafts, first.drafts);
    host.set_now(NOW + 24 * HOUR);
    let next = at(&settings, NOW + 24 * HOUR - 1000);
    assert_eq!(
        next.drafts.len(),
        2,
        "the last one once more, and the day's"
    );
    assert_ne!(next.drafts[1].key, first.drafts[0].key);

    // As many as fit.
    let mut short = brief(&settings);
    short.now = NOW + 72 * HOUR;
    short.wanted = 1;
    host.set_now(short.now);
    short.settings =
        super::tests::settings(json!({ "mode": "list", "threshold": 0, "max_age": "9d" }))
            .to_string();
    short.accounts = vec![AccountLimits {
        account: "team".into(),
        plugin: "discord".into(),
        text: Some(90),
        media: None,
        polls: false,
        threads: false,
    }];
    let batch = Trends::generate(&short).unwrap();
    assert_eq!(batch.drafts[0].post.text.lines().count(), 1);
}

#[test]
fn a_post_that_does_not_fit_is_told_and_the_next_is_taken() {
    let _host = serve(World {
        titles: vec!["A tea so long that it does not fit", "Tea"],
        ..World::default()
    });
    let mut asked = brief(&settings(json!({ "template": "{{ topic }}" })));
    asked.accounts = vec![AccountLimits {
        account: "cafe".into(),
        plugin: "mastodon".into(),
        text: Some(20),
        media: None,
        polls: true,
        threads: true,
    }];
    let batch = Trends::generate(&asked).unwrap();
    assert_eq!(texts(&batch), ["Tea"]);
    assert_eq!(
        told(&batch),
        [
            "template: topic `A tea so long that it does not fit`: the text for `cafe` (mastodon) has 34 \
          characters, and 20 are taken"
        ]
    );
}

#[test]
fn settings_that_are_wrong() {
    let _host = Host::new();
    for (more, words) in [
        (json!({ "mode": "loud" }), "loud"),
        (json!({ "template": null }), "setting `template` is missing"),
        (json!({ "template": "{{ topci }}" }), "there is no `topci`"),
        (
            json!({ "template": "{{ topic" }),
            "setting `template`: line 1",
        ),
        (
            json!({ "mastodon": "mastodon.social" }),
            "setting `mastodon`: `mastodon.social` is not an address",
        ),
        (json!({ "threshold": 101 }), "no score is above 100"),
        (json!({ "most": 0 }), "it takes 1 to 50"),
        (json!({ "every": "daily" }), "setting `every`"),
        (
            json!({ "pillars": {}, "audience": "" }),
            "nothing says what fits the brand",
        ),
        (
            json!({ "mastodon": null, "bluesky": null, "feeds": [] }),
            "there is no source of topics",
        ),
        (json!({ "tabos": [] }), "tabos"),
    ] {
        let error = Trends::generate(&brief(&settings(more))).unwrap_err();
        assert!(error.reason().contains(words), "{error:?}");
    }
}

#[test]
fn topics_are_offered_to_the_other_generators() {
    let host = serve(World {
        tags: vec![
            tag("çayFestivalı", &[400, 10, 100, 100]),
            tag("football", &[900, 10, 0, 0]),
        ],
        titles: vec![
            "Baku marathon https://evil.example/x @somebody",
            "Election night tea",
        ],
        ..World::default()
    });
    let settings = settings(json!({ "mode": "input", "threshold": 40, "link": false }));
    let batch = at(&settings, NOW);
    assert_eq!(texts(&batch), [""; 0], "nothing for an account");
    let topics = batch.topics.expect("topics");
    let offered: Vec<_> = topics
        .iter()
        .map(|topic| (topic.name.as_str(), topic.pillar.as_deref(), &topic.link))
        .collect();
    assert_eq!(
        offered,
        [
            ("çayFestivalı", Some("tea"), &None),
            ("Baku marathon", Some("city"), &None)
        ]
    );
    assert_eq!(topics[1].hashtag.as_deref(), Some("BakuMarathon"));
    assert!(topics[0].score > topics[1].score && !topics[0].reasons.is_empty());

    // They are offered again as long as they are talked about, also where a slot asks.
    let mut asked = brief(&settings);
    asked.wanted = 1;
    let again = Trends::generate(&asked).expect("a batch");
    assert_eq!(again.topics.as_ref(), Some(&topics));
    assert!(again.drafts.is_empty());
    drop(host);

    // Nothing that fits any more, and nothing that can be read, are two things.
    let _host = serve(World::default());
    assert_eq!(at(&settings, NOW).topics, Some(Vec::new()));
    drop(_host);
    let host = Host::new();
    host.set_now(NOW);
    host.serve(|_| Answer::empty(503));
    let blind = at(&settings, NOW);
    assert_eq!(blind.topics, None, "the last ones stay");
    assert_eq!(blind.problems.len(), 5);
}
