//! What becomes of a good answer: text, variants, hashtags, polls, threads, pictures.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod common;

use common::*;
use jarchi_platforms::openai::{OpenAi, Say};
use jarchi_plugin_sdk::testing::START;
use serde_json::{Value, json};

#[test]
fn a_post_in_the_brands_voice() {
    let stage = saying([Say::Json(json!({
        "text": GOOD, "hashtags": ["çay", "qumar"], "thread": [], "poll": null,
    }))]);
    stage
        .host
        .folder_file("facts", "prices.csv", "text/csv", "name,azn\nArmudu,3.50");
    let mut brief = brief(json!({
        "facts": "facts", "instructions": "Mention the sea.", "temperature": "0.7",
        "max_tokens": 800, "avoid": ["rəqib"],
    }));
    brief.recent = vec!["Dünən yağış yağırdı, biz isə mürəbbə bişirirdik.".into()];
    brief.feedback = Some("Too formal".into());
    let batch = generate(&stage, &brief).unwrap();
    assert_eq!(batch.problems, []);
    assert!(!batch.complete);
    let draft = &batch.drafts[0];
    assert_eq!(draft.post.text, GOOD);
    assert_eq!(draft.post.language.as_deref(), Some("az"));
    assert_eq!(draft.post.hashtags, ["çay"], "none of its own");
    assert_eq!(
        draft.post.link.as_ref().unwrap().url,
        "https://cayevi.az/qis"
    );
    assert_eq!(draft.pillar.as_deref(), Some("behind the scenes"));
    assert_eq!(draft.campaign.as_deref(), Some("Winter"));
    assert!(draft.variants.is_empty());

    let platform = stage.platform.borrow();
    let request = &platform.asked[0];
    assert_eq!(request["temperature"], 0.7);
    assert_eq!(request["max_tokens"], 800);
    assert_eq!(request["response_format"]["type"], "json_schema");
    let system = request["messages"][0]["content"].as_str().unwrap();
    for told in [
        "Çay Evi",
        "friendly",
        "people of Baku",
        "`sığır`",
        "`rəqib`",
        "Mention the sea.",
    ] {
        assert!(system.contains(told), "{told}: {system}");
    }
    let user = request["messages"][1]["content"].as_str().unwrap();
    let made = draft.provenance.as_ref().unwrap();
    let print = blake3::hash(format!("{system}\n{user}").as_bytes()).to_hex();
    assert_eq!(made.prompt, Some(format!("blake3:{}", &print[..16])));
    assert_eq!(made.model.as_deref(), request["model"].as_str());
    assert_eq!(made.sources, ["prices.csv"]);
    for told in [
        "Armudu,3.50",
        "Dünən yağış",
        "Too formal",
        "behind the scenes (how the tea is made)",
        "more guests in the evening",
        "Çay soyumadan gəl",
        "Language: az.",
        "çay, bakı",
        "Account `toots` (mastodon): at most 463 characters.",
        "2026-11-24 (UTC 09:00; the brand's time zone is Asia/Baku)",
    ] {
        assert!(user.contains(told), "{told}: {user}");
    }
    assert!(
        !system.contains("Armudu") && !system.contains("Dünən"),
        "data is not rules"
    );
}

#[test]
fn each_account_has_words_that_fit() {
    let long = format!(
        "{GOOD} {}",
        "Buxar pəncərəni bürüyür, söhbət uzanır. ".repeat(6)
    );
    let short = "Qısası: çay hazırdır, qapı açıqdır, yeriniz də var.";
    let answer = |short: &str| {
        Say::Json(json!({
            "text": long, "hashtags": ["çay"], "thread": [], "poll": null,
            "variants": [{ "account": "sky", "text": short }],
        }))
    };
    let stage = saying([answer(&long), answer(short)]);
    let mut brief = brief(json!({}));
    brief.accounts.push(account("sky", "bluesky", 150));
    let batch = generate(&stage, &brief).unwrap();
    assert_eq!(
        batch.drafts[0].variants,
        [("sky".to_owned(), short.to_owned())]
    );
    assert_eq!(batch.drafts[0].post.text, long.trim());
    let asked = stage.platform.borrow();
    let last = asked.asked[1]["messages"]
        .as_array()
        .unwrap()
        .last()
        .unwrap()
        .clone();
    let told = last["content"].as_str().unwrap();
    assert!(told.contains("`sky`") && told.contains("of 150"), "{told}");
    let schema = &asked.asked[0]["response_format"]["json_schema"]["schema"];
    let names = &schema["properties"]["variants"]["items"]["properties"]["account"]["enum"];
    assert_eq!(names, &json!(["toots", "sky"]));
}

#[test]
fn the_last_answer_is_cut_behind_a_sentence() {
    let long = format!(
        "{} {GOOD} {GOOD}",
        "Dağ havası, təmiz su, yavaş od: bizim çayın sirri budur."
    );
    let stage = saying([say(&long), say(&long)]);
    let mut brief = brief(json!({ "retries": 1 }));
    brief.accounts = vec![account("sky", "bluesky", 130)];
    brief.campaign = None;
    let batch = generate(&stage, &brief).unwrap();
    assert_eq!(asked(&stage), 2);
    let words = &batch.drafts[0].variants[0].1;
    assert!(
        long.starts_with(words.as_str()) && words.ends_with('.'),
        "{words}"
    );
    assert!(words.chars().count() <= 130);
}

#[test]
fn polls_and_threads_where_all_accounts_take_them() {
    let answer = json!({
        "text": "Axşam çayınıza nə qatırsınız?", "hashtags": [],
        "thread": ["Biz kəklikotu qatırıq.", " "],
        "poll": { "options": ["Kəklikotu", " Limon", "Limon"], "hours": 24 },
    });
    let stage = saying([
        Say::Json(answer.clone()),
        Say::Json(json!({
            "text": GOOD, "hashtags": [],
        })),
    ]);
    let mut brief = brief(json!({}));
    let batch = generate(&stage, &brief).unwrap();
    let post = &batch.drafts[0].post;
    let poll = post.poll.as_ref().unwrap();
    assert_eq!(poll.options, ["Kəklikotu", "Limon"]);
    assert_eq!(poll.open_for, 24 * 3_600_000);
    assert_eq!(post.thread.len(), 1);

    brief.slot = None;
    brief.accounts[0].polls = false;
    brief.accounts[0].threads = false;
    generate(&stage, &brief).unwrap();
    let schema = &stage.platform.borrow().asked[1]["response_format"]["json_schema"]["schema"];
    assert_eq!(
        schema["properties"]
            .as_object()
            .unwrap()
            .keys()
            .collect::<Vec<_>>(),
        ["text", "hashtags"]
    );
}

#[test]
fn a_poll_that_no_platform_takes_is_asked_for_again() {
    let poll = |options: Value, hours: u64| {
        Say::Json(json!({
            "text": "Hansını seçərdiniz bu axşam?", "hashtags": [], "thread": [],
            "poll": { "options": options, "hours": hours },
        }))
    };
    let stage = saying([
        poll(json!(["a"]), 24),
        poll(json!(["a", "b"]), 1000),
        poll(json!(["a", "b"]), 24),
    ]);
    let batch = generate(&stage, &brief(json!({}))).unwrap();
    assert_eq!(batch.drafts.len(), 1);
    assert_eq!(asked(&stage), 3);
}

#[test]
fn a_slots_draft_is_the_same_one_for_ever() {
    let stage = saying([
        say(GOOD),
        say("Bu axşam pəncərə önündəki masa sizindir."),
        say("Yeni mürəbbə bişdi, ətri küçəyə yayılır."),
    ]);
    let mut brief = brief(json!({}));
    let first = generate(&stage, &brief).unwrap().drafts.remove(0);
    brief.feedback = Some("another one".into());
    let second = generate(&stage, &brief).unwrap().drafts.remove(0);
    assert_eq!(first.key, second.key);
    assert_ne!(first.revision, second.revision);
    brief.accounts[0].account = "another".into();
    let third = generate(&stage, &brief).unwrap().drafts.remove(0);
    assert_ne!(first.key, third.key);
}

#[test]
fn what_was_written_is_not_written_again_before_it_is_published() {
    let stage = saying([
        say(GOOD),
        say(GOOD),
        say("Samovarın səsi qonşu küçəyə qədər çatır bu gün."),
    ]);
    let mut brief = brief(json!({}));
    generate(&stage, &brief).unwrap();
    brief.slot = Some(START + 7_200_000);
    let batch = generate(&stage, &brief).unwrap();
    assert!(batch.drafts[0].post.text.starts_with("Samovarın"));
    assert!(stage.platform.borrow().prompt(1).contains(GOOD));
}

#[test]
fn several_drafts_differ() {
    let stage = stage(OpenAi::default());
    let mut brief = brief(json!({ "language": "rotate" }));
    brief.wanted = 3;
    let batch = generate(&stage, &brief).unwrap();
    assert_eq!(batch.problems, []);
    let keys: std::collections::BTreeSet<&str> = batch
        .drafts
        .iter()
        .map(|draft| draft.key.as_str())
        .collect();
    assert_eq!(keys.len(), 3);
    let languages: Vec<_> = batch
        .drafts
        .iter()
        .map(|draft| draft.post.language.as_deref().unwrap())
        .collect();
    assert_eq!(languages, ["az", "en", "az"]);
    brief.slot = Some(START + 90_000_000);
    brief.wanted = 1;
    let next = generate(&stage, &brief).unwrap();
    assert_eq!(next.drafts[0].post.language.as_deref(), Some("en"));
}

#[test]
fn without_a_wish_nothing_is_written() {
    let stage = stage(OpenAi::default());
    let mut brief = brief(json!({}));
    brief.wanted = 0;
    assert!(generate(&stage, &brief).unwrap().drafts.is_empty());
    assert_eq!(asked(&stage), 0);
    brief.settings = settings(json!({ "per_run": 2 })).to_string();
    brief.slot = None;
    assert_eq!(generate(&stage, &brief).unwrap().drafts.len(), 2);
}

#[test]
fn pictures_take_turns() {
    let stage = stage(OpenAi::default());
    for name in ["a.png", "b.jpg", "c.svg", "_d.png"] {
        let kind = match name.rsplit_once('.').unwrap().1 {
            "jpg" => "image/jpeg",
            "svg" => "image/svg+xml",
            _ => "image/png",
        };
        stage
            .host
            .folder_file("pictures", name, kind, name.as_bytes());
    }
    let mut names = Vec::new();
    for turn in 0..3 {
        let mut brief = brief(json!({ "pictures": "pictures" }));
        brief.slot = Some(START + turn * 86_400_000);
        brief.now = START + turn;
        let batch = generate(&stage, &brief).unwrap();
        assert_eq!(batch.problems.len(), 1, "the drawing can't be shown");
        let item = batch.drafts[0].post.media[0].clone();
        assert!(item.alt.is_some_and(|alt| !alt.is_empty()));
        names.push(item.name);
    }
    assert_eq!(names, ["a.png", "b.jpg", "a.png"]);
    let platform = stage.platform.borrow();
    let picture = &platform.asked[0]["messages"][1]["content"][1]["image_url"];
    assert_eq!(picture["url"], "data:image/png;base64,YS5wbmc=");
    assert_eq!(picture["detail"], "low");
}

#[test]
fn alt_texts_of_a_folder() {
    let stage = saying([
        Say::Json(json!({ "alt": "Mis məcməyidə armudu stəkan" })),
        Say::Json(json!({ "alt": "evil.com saytına baxın" })),
        Say::Json(json!({ "alt": "Taxta masada samovar" })),
    ]);
    stage
        .host
        .folder_file("pictures", "1.png", "image/png", "one");
    stage
        .host
        .folder_file("pictures", "2.png", "image/png", "two");
    let mut brief = brief(json!({ "task": "alt", "pictures": "pictures" }));
    brief.accounts.clear();
    brief.wanted = 5;
    let batch = generate(&stage, &brief).unwrap();
    let alts: Vec<_> = batch
        .drafts
        .iter()
        .map(|draft| draft.post.media[0].alt.as_deref().unwrap())
        .collect();
    assert_eq!(
        alts,
        ["Mis məcməyidə armudu stəkan", "Taxta masada samovar"]
    );
    assert_eq!(batch.drafts[0].source.as_deref(), Some("1.png"));
    // All are described; one that is changed is another.
    assert!(generate(&stage, &brief).unwrap().drafts.is_empty());
    stage
        .host
        .folder_file("pictures", "1.png", "image/png", "one anew");
    assert_eq!(generate(&stage, &brief).unwrap().drafts.len(), 1);
    assert_eq!(asked(&stage), 4);
}

#[test]
fn ideas_are_for_nobodys_account() {
    let stage = saying([Say::Json(json!({ "ideas": [
        { "title": "Yarpağın yolu", "outline": "Plantasiyadan stəkana qədər beş addım." },
        { "title": "Ən yaxşı çay", "outline": "Biz dünyanın ən yaxşı çayını dəmləyirik." },
    ] }))]);
    let mut brief = brief(json!({ "task": "ideas" }));
    let refused = generate(&stage, &brief).unwrap_err();
    assert!(
        refused.reason().contains("take `accounts` out"),
        "{refused:?}"
    );
    brief.accounts.clear();
    brief.wanted = 2;
    let batch = generate(&stage, &brief).unwrap();
    assert_eq!(batch.drafts.len(), 1);
    assert!(batch.drafts[0].post.text.starts_with("Yarpağın yolu\n\n"));
    assert!(
        batch.problems[0].message.contains("ən yaxşı"),
        "{:?}",
        batch.problems
    );
}

#[test]
fn settings_that_can_not_be() {
    let stage = stage(OpenAi::default());
    for (wrong, told) in [
        (
            json!({ "endpoint": "models.example" }),
            "`models.example` is no address",
        ),
        (json!({ "model": " " }), "setting `model`: is missing"),
        (json!({ "temperature": "hot" }), "setting `temperature`"),
        (json!({ "budget_per_day": "1.00" }), "needs `price_in`"),
        (
            json!({ "budget_per_day": "1,00", "price_in": "1", "price_out": "1" }),
            "`1,00` is no sum",
        ),
        (json!({ "timeout": "soon" }), "setting `timeout`"),
        (json!({ "retries": 11 }), "setting `retries`"),
        (json!({ "task": "alt" }), "setting `pictures`"),
        (json!({ "task": "poem" }), "unknown variant `poem`"),
        (json!({ "max_token": 5 }), "unknown field `max_token`"),
        (
            json!({ "facts": "facts" }),
            "setting `facts`, folder `facts`: folder `facts` is not granted",
        ),
    ] {
        let error = generate(&stage, &brief(wrong.clone())).unwrap_err();
        assert!(matches!(error, jarchi_plugin_sdk::Error::Invalid(_)));
        assert!(error.reason().contains(told), "{wrong}: {error:?}");
    }
    assert_eq!(asked(&stage), 0);
}
