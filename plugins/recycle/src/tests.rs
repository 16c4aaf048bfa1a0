//! The generator as the daemon calls it.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jarchi_plugin_sdk::generator::{AccountLimits, Batch, Brief, PastPost, Pillar};
use jarchi_plugin_sdk::testing::{Host, media};
use jarchi_plugin_sdk::{Generator, Measure, Metric, Post};
use serde_json::{Value, json};

use super::Recycle;

/// 2026-11-24T08:00:00Z
const NOW: u64 = 1_795_507_200_000;
const DAY: u64 = 86_400_000;

fn past(id: &str, text: &str, days_ago: u64, likes: i64) -> PastPost {
    PastPost {
        id: id.into(),
        post: Post {
            language: Some("az".into()),
            ..Post::text(text)
        },
        variants: Vec::new(),
        pillar: Some("tips".into()),
        campaign: None,
        source: Some(format!("content/{id}.md")),
        own_key: None,
        accounts: vec!["toots".into()],
        at: NOW - days_ago * DAY,
        metrics: vec![Metric {
            measure: Measure::Likes,
            value: likes,
        }],
    }
}

fn brief(settings: Value, history: Vec<PastPost>) -> Brief {
    Brief {
        settings: settings.to_string(),
        brand: "Çay Evi".into(),
        languages: vec!["az".into()],
        time_zone: "Asia/Baku".into(),
        now: NOW,
        wanted: 1,
        slot: Some(NOW + DAY),
        pillar: Some(Pillar {
            name: "tips".into(),
            promotional: false,
            description: None,
        }),
        campaign: None,
        voice: None,
        accounts: vec![AccountLimits {
            account: "toots".into(),
            plugin: "mastodon".into(),
            text: Some(500),
            media: Some(4),
            polls: true,
            threads: true,
        }],
        hashtags: Vec::new(),
        recent: Vec::new(),
        feedback: None,
        history,
        topics: Vec::new(),
    }
}

fn tips() -> Value {
    json!({ "pillars": ["tips"] })
}

fn run(brief: &Brief) -> Batch {
    Recycle::generate(brief).expect("a batch")
}

fn texts(batch: &Batch) -> Vec<&str> {
    batch
        .drafts
        .iter()
        .map(|draft| draft.post.text.as_str())
        .collect()
}

/// What a fresh memory gives.
fn given(settings: Value, history: Vec<PastPost>) -> Vec<String> {
    let _host = Host::new();
    let mut brief = brief(settings, history);
    brief.wanted = 20;
    texts(&run(&brief)).into_iter().map(str::to_owned).collect()
}

#[test]
fn the_best_received_comes_first_and_none_before_its_rest() {
    let history = vec![
        past("9", "yesterday's hit", 1, 500),
        past("8", "seen two months ago", 60, 300),
        past("5", "good", 100, 20),
        past("4", "best", 120, 90),
        past("3", "as good, and older", 200, 20),
    ];
    assert_eq!(
        given(tips(), history.clone()),
        ["best", "as good, and older", "good"]
    );
    let shorter = json!({ "pillars": ["tips"], "rest_days": 30 });
    assert_eq!(given(shorter, history.clone())[0], "seen two months ago");
    let least = json!({ "pillars": ["tips"], "least": 21 });
    assert_eq!(given(least, history), ["best"]);
}

#[test]
fn what_was_given_rests_even_before_it_is_out() {
    let host = Host::new();
    let mut history = vec![past("4", "best", 120, 90), past("5", "good", 100, 20)];
    assert_eq!(texts(&run(&brief(tips(), history.clone()))), ["best"]);
    assert_eq!(texts(&run(&brief(tips(), history.clone()))), ["good"]);
    assert_eq!(texts(&run(&brief(tips(), history.clone()))), [""; 0]);

    // Months later they come again, under another key; the rest counts from the last time.
    let mut again = past("40", "best", 0, 10);
    again.at = NOW + DAY;
    again.own_key = Some("again 4 1".into());
    history.push(again);
    let mut later = brief(tips(), history);
    for (days, expected) in [(89, None), (91, Some("again 4 2"))] {
        later.now = NOW + days * DAY;
        later.slot = Some(NOW + (days + 1) * DAY);
        let batch = run(&later);
        let key = batch.drafts.first().map(|draft| draft.key.as_str());
        assert_eq!(key, expected, "after {days} days");
    }
    drop(host);
}

#[test]
fn the_same_words_by_hand_are_the_same() {
    let mut by_hand = past("9", " best ", 3, 0);
    by_hand.pillar = None;
    let history = vec![
        by_hand,
        past("4", "best", 120, 90),
        past("5", "good", 100, 2),
    ];
    assert_eq!(given(tips(), history), ["good"]);
}

#[test]
fn only_what_opted_in_comes_again() {
    let tagged = |id: &str, tags: &[&str]| {
        let mut one = past(id, id, 100, 5);
        one.pillar = Some("news".into());
        one.post.hashtags = tags.iter().map(|tag| (*tag).to_owned()).collect();
        one
    };
    let mut campaign = past("campaign", "campaign", 100, 5);
    campaign.campaign = Some("winter".into());
    let mut elsewhere = past("elsewhere", "elsewhere", 100, 5);
    elsewhere.accounts = vec!["chirps".into()];
    let history = vec![
        tagged("evergreen", &["Həmişəyaşıl"]),
        tagged("plain", &["çay"]),
        tagged("both", &["#həmişəyaşıl", "Köhnə"]),
        campaign.clone(),
        elsewhere,
    ];
    let tags = json!({ "tags": ["#həmişəyaşıl"], "except": ["köhnə"] });
    assert_eq!(given(tags, history.clone()), ["evergreen"]);
    assert_eq!(
        given(tips(), history),
        [""; 0],
        "of a campaign, and elsewhere"
    );
    let campaigns = json!({ "pillars": ["tips"], "campaigns": true });
    assert_eq!(given(campaigns, vec![campaign]), ["campaign"]);
}

#[test]
fn a_slot_of_another_pillar_gets_any_of_them() {
    let _host = Host::new();
    let mut news = past("2", "news", 100, 50);
    news.pillar = Some("news".into());
    let history = vec![past("1", "tip", 100, 5), news];
    let settings = json!({ "pillars": ["tips", "news"] });
    let mut asked = brief(settings.clone(), history.clone());
    assert_eq!(texts(&run(&asked)), ["tip"], "the slot's own pillar");
    asked.pillar.as_mut().unwrap().name = "classics".into();
    let batch = run(&asked);
    assert_eq!(texts(&batch), ["news"]);
    assert_eq!(batch.drafts[0].pillar.as_deref(), Some("classics"));
}

#[test]
fn words_change_from_time_to_time() {
    let settings = json!({
        "pillars": ["tips"],
        "openings": { "az": ["Yenidən soruşurlar:", "«{text}» — bir ildən sonra da belədir."] },
        "texts": { "7.md": ["Başqa sözlə.", "Üçüncü dəfə."] },
    });
    let mut rounds = Vec::new();
    for round in 0..4 {
        let _host = Host::new();
        let mut history = vec![
            past("4", "Su qaynar olsun.", 400, 9),
            past("7", "Kəklikotu", 400, 8),
        ];
        history[0].variants = vec![("x".into(), "Su!".into())];
        for id in ["4", "7"] {
            let mut again = past(&format!("{id}0"), "…", 100, 1);
            again.own_key = (round > 0).then(|| format!("again {id} {round}"));
            again.pillar = None;
            history.push(again);
        }
        let mut brief = brief(settings.clone(), history);
        brief.wanted = 2;
        let batch = run(&brief);
        if round == 0 {
            let variants = &batch.drafts[0].variants;
            assert_eq!(
                variants,
                &[("x".to_owned(), "Yenidən soruşurlar: Su!".to_owned())]
            );
            assert!(batch.drafts[1].variants.is_empty());
        }
        rounds.push(texts(&batch).join(" | "));
    }
    let (asked, year) = (
        "Yenidən soruşurlar: Su qaynar olsun.",
        "«Su qaynar olsun.» — bir ildən sonra da belədir.",
    );
    assert_eq!(
        rounds,
        [
            format!("{asked} | Başqa sözlə."),
            format!("{year} | Üçüncü dəfə."),
            format!("{asked} | Başqa sözlə."),
            format!("{year} | Üçüncü dəfə."),
        ]
    );
}

#[test]
fn words_that_do_not_fit_give_way() {
    let settings = json!({ "pillars": ["tips"], "openings": { "all": [format!("{}:", "a".repeat(300)), "Yenə:"] } });
    let long = "b".repeat(250);
    assert_eq!(
        given(settings.clone(), vec![past("1", &long, 100, 1)]),
        [format!("Yenə: {long}")]
    );
    let longer = "b".repeat(498);
    assert_eq!(
        given(settings.clone(), vec![past("1", &longer, 100, 1)]),
        [longer],
        "as it was"
    );
    let _host = Host::new();
    let batch = run(&brief(settings, vec![past("1", &"b".repeat(501), 100, 1)]));
    assert!(batch.drafts.is_empty());
    assert_eq!(batch.problems[0].place, "content/1.md");
}

#[test]
fn all_that_a_post_has_comes_again() {
    let _host = Host::new();
    let mut one = past("1", "Samovar", 100, 1);
    one.post.media = vec![media("samovar.png", "image/png", 10)];
    one.post.hashtags = vec!["çay".into()];
    one.post.first_comment = Some("…".into());
    one.post.options = r#"{"mastodon":{"x":1}}"#.into();
    let batch = run(&brief(tips(), vec![one.clone()]));
    let draft = &batch.drafts[0];
    assert_eq!(draft.post.media[0].id, one.post.media[0].id);
    assert_eq!(draft.post.hashtags, one.post.hashtags);
    assert_eq!(draft.post.first_comment, one.post.first_comment);
    assert_eq!(draft.post.options, one.post.options);
    assert_eq!(
        (draft.accounts.join(","), draft.due.is_none()),
        ("toots".into(), true)
    );
    assert_eq!(draft.source.as_deref(), Some("content/1.md"));
}

#[test]
fn without_a_plan_it_comes_by_itself_where_that_is_wanted() {
    let _host = Host::new();
    let history = vec![past("1", "one", 120, 9), past("2", "two", 120, 8)];
    let mut asked = brief(tips(), history.clone());
    (asked.wanted, asked.slot, asked.pillar) = (0, None, None);
    assert_eq!(texts(&run(&asked)), [""; 0]);
    asked.settings = json!({ "pillars": ["tips"], "every": "7d" }).to_string();
    assert_eq!(texts(&run(&asked)), ["one"]);
    // Given once more as long as it is not out: the daemon may have died.
    asked.now += DAY;
    let again = run(&asked);
    assert_eq!(texts(&again), ["one"]);
    assert_eq!(again.drafts[0].key, "again 1 1");
    asked.now += 6 * DAY;
    let mut out = past("10", "one", 0, 0);
    out.own_key = Some("again 1 1".into());
    asked.history.push(out);
    assert_eq!(texts(&run(&asked)), ["two"]);
}

#[test]
fn subjects_are_offered_to_those_who_write() {
    let _host = Host::new();
    let settings = json!({ "mode": "input", "pillars": ["tips"], "most": 2 });
    let mut linked = past(
        "1",
        "Su haqqında https://cayevi.az/su @usta\nQaynadın.",
        120,
        40,
    );
    linked.post.hashtags = vec!["su".into()];
    let history = vec![
        linked,
        past("2", "🫖", 120, 30),
        past("3", "Limon", 120, 10),
        past("4", "Qənd", 120, 1),
    ];
    let batch = run(&brief(settings, history));
    assert!(batch.drafts.is_empty());
    let topics = batch.topics.expect("topics");
    let names: Vec<_> = topics
        .iter()
        .map(|topic| (topic.name.as_str(), topic.score))
        .collect();
    assert_eq!(names, [("Su haqqında", 100), ("Limon", 25)]);
    assert_eq!(topics[0].reasons, ["said on 2026-07-27", "40 interactions"]);
    assert_eq!(topics[0].hashtag.as_deref(), Some("su"));
}

#[test]
fn settings_that_are_wrong_are_told() {
    let _host = Host::new();
    for (settings, words) in [
        (json!({}), "nothing says which posts are evergreen"),
        (
            json!({ "pillars": ["a"], "rest_days": 3 }),
            "setting `rest_days`: it is 3, and takes 7 to 3650",
        ),
        (
            json!({ "tags": ["!"] }),
            "setting `tags`: `!` is no hashtag",
        ),
        (
            json!({ "tags": ["a"], "every": "soon" }),
            "setting `every`: `soon`",
        ),
        (
            json!({ "tags": ["a"], "openings": { "az": [" "] } }),
            "setting `openings`: an entry of `az`",
        ),
        (json!({ "tags": ["a"], "most": 0 }), "setting `most`"),
        (json!({ "tag": ["a"] }), "unknown field `tag`"),
    ] {
        let error = Recycle::generate(&brief(settings, Vec::new())).unwrap_err();
        assert!(error.reason().contains(words), "{}", error.reason());
    }
}
