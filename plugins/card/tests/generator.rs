//! The generator as the daemon calls it.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jarchi_plugin_card::Cards;
use jarchi_plugin_sdk::generator::{AccountLimits, Batch, Brief, Pillar};
use jarchi_plugin_sdk::testing::{self, Host};
use jarchi_plugin_sdk::{Generator, MediaKind, Severity};
use serde_json::{Value, json};

const DAY: u64 = 86_400_000;

const QUOTES: &str = r#"language = "az"
hashtags = ["çay"]

[[card]]
id = "a"
text = "Çay süfrəsi uzaq qonağı da doğma edir."
author = "Gülnarə İsmayılova"

[[card]]
id = "b"
text = "Bir stəkan çay, bir saat söhbət."
caption = "Axşamınız xeyir!"
pillar = "proverbs"

[[card]]
id = "c"
text = "Tələsən çay içməz."
"#;

fn brief(settings: &Value, wanted: u32) -> Brief {
    Brief {
        settings: settings.to_string(),
        brand: "Çay Evi".into(),
        languages: vec!["az".into()],
        time_zone: "Asia/Baku".into(),
        now: testing::START,
        wanted,
        slot: None,
        pillar: None,
        campaign: None,
        voice: None,
        accounts: vec![account("mastodon", 500)],
        hashtags: vec!["ÇAY".into(), "Bakı".into()],
        recent: Vec::new(),
        feedback: None,
        history: Vec::new(),
        topics: Vec::new(),
    }
}

fn account(plugin: &str, text: u32) -> AccountLimits {
    AccountLimits {
        account: format!("brand-{plugin}"),
        plugin: plugin.into(),
        text: Some(text),
        media: Some(4),
        polls: false,
        threads: false,
    }
}

fn host(files: &[(&str, &str)]) -> Host {
    let host = Host::new();
    for (path, text) in files {
        host.folder_file("cards", path, "text/plain", *text);
    }
    host
}

fn keys(batch: &Batch) -> Vec<&str> {
    batch
        .drafts
        .iter()
        .map(|draft| draft.key.as_str())
        .collect()
}

fn told(batch: &Batch) -> Vec<String> {
    let problems = batch.problems.iter();
    problems
        .map(|problem| format!("{}: {}", problem.place, problem.message))
        .collect()
}

#[test]
fn a_row_becomes_a_post_with_a_picture() {
    let _host = host(&[("quotes.toml", QUOTES)]);
    let batch = Cards::generate(&brief(&json!({}), 1)).unwrap();
    assert_eq!(told(&batch), Vec::<String>::new());
    assert!(!batch.complete);
    let draft = &batch.drafts[0];
    assert_eq!(draft.key, "a");
    assert_eq!(draft.source.as_deref(), Some("quotes.toml"));
    let words = "“Çay süfrəsi uzaq qonağı da doğma edir.” — Gülnarə İsmayılova";
    assert_eq!(draft.post.text, words);
    assert_eq!(draft.post.language.as_deref(), Some("az"));
    assert_eq!(draft.post.hashtags, ["çay", "Bakı"]);
    let item = &draft.post.media[0];
    assert_eq!(
        (item.kind, item.mime.as_str()),
        (MediaKind::Image, "image/png")
    );
    assert_eq!((item.width, item.height), (Some(1200), Some(675)));
    assert_eq!(item.alt.as_deref(), Some(words));
    let bytes = jarchi_plugin_sdk::media::read(&item.id, 4 << 20).unwrap();
    assert!(
        bytes.starts_with(b"\x89PNG"),
        "the file that was made is the picture"
    );
    assert_eq!(bytes.len() as u64, item.size);
}

#[test]
fn no_card_comes_twice_before_all_came_once() {
    let _host = host(&[("quotes.toml", QUOTES)]);
    let mut all = Vec::new();
    for _ in 0..4 {
        let batch = Cards::generate(&brief(&json!({}), 2)).unwrap();
        let new: Vec<_> = keys(&batch)
            .into_iter()
            .filter(|key| !all.contains(&(*key).to_owned()))
            .map(str::to_owned)
            .collect();
        assert_eq!(new.len(), 2, "{:?} after {all:?}", keys(&batch));
        all.extend(new);
    }
    assert_eq!(all, ["a", "b", "c", "a 2", "b 2", "c 2", "a 3", "b 3"]);
}

#[test]
fn what_the_daemon_may_have_lost_is_given_once_more() {
    let _host = host(&[("quotes.toml", QUOTES)]);
    let first = Cards::generate(&brief(&json!({}), 1)).unwrap();
    let second = Cards::generate(&brief(&json!({}), 0)).unwrap();
    assert_eq!(keys(&second), ["a"]);
    assert_eq!(second.drafts[0].revision, first.drafts[0].revision);
    let third = Cards::generate(&brief(&json!({}), 0)).unwrap();
    assert_eq!(keys(&third), Vec::<&str>::new());
}

#[test]
fn a_slot_asked_for_again_gets_another_card() {
    let _host = host(&[("quotes.toml", QUOTES)]);
    let mut asked = brief(&json!({}), 1);
    asked.slot = Some(testing::START + DAY);
    let batch = Cards::generate(&asked).unwrap();
    assert_eq!(keys(&batch), ["a"]);
    assert!(
        batch.drafts[0].due.is_none(),
        "the slot is the plan's to give"
    );
    // The daemon may have lost the first.
    assert_eq!(keys(&Cards::generate(&asked).unwrap()), ["a", "b"]);
    // It has seen what it says something of.
    asked.feedback = Some("too long".into());
    assert_eq!(keys(&Cards::generate(&asked).unwrap()), ["c"]);
}

#[test]
fn without_a_plan_one_as_often_as_is_said() {
    let _host = host(&[("quotes.toml", QUOTES)]);
    let settings = json!({ "every": "1d" });
    let mut asked = brief(&settings, 0);
    assert_eq!(keys(&Cards::generate(&asked).unwrap()), ["a"]);
    Cards::generate(&asked).unwrap();
    asked.now += DAY - 1;
    assert_eq!(keys(&Cards::generate(&asked).unwrap()), Vec::<&str>::new());
    asked.now += 1;
    assert_eq!(keys(&Cards::generate(&asked).unwrap()), ["b"]);
    // And never, where nothing is said.
    let asked = brief(&json!({ "order": "mixed" }), 0);
    Cards::generate(&asked).unwrap();
    assert_eq!(keys(&Cards::generate(&asked).unwrap()), Vec::<&str>::new());
}

#[test]
fn pillar_and_language_choose() {
    let english = "kind,text,language\ntip,Warm the pot,en\n";
    let _host = host(&[("quotes.toml", QUOTES), ("tips.csv", english)]);
    let mut asked = brief(&json!({}), 5);
    asked.pillar = Some(Pillar {
        name: "news".into(),
        promotional: false,
        description: None,
    });
    let batch = Cards::generate(&asked).unwrap();
    assert_eq!(&keys(&batch)[..2], ["a", "c"], "`b` is for another pillar");
    assert_eq!(batch.drafts[0].pillar, None, "it suits others too");
    assert!(
        batch
            .drafts
            .iter()
            .all(|draft| draft.post.language.as_deref() == Some("az"))
    );
}

#[test]
fn an_edited_card_is_drawn_anew_under_its_key() {
    let host = host(&[("quotes.toml", QUOTES)]);
    let first = Cards::generate(&brief(&json!({}), 1)).unwrap();
    Cards::generate(&brief(&json!({}), 0)).unwrap();
    let edited = QUOTES.replace("uzaq qonağı", "uzaqdan gələni");
    host.folder_file("cards", "quotes.toml", "text/plain", edited);
    let batch = Cards::generate(&brief(&json!({}), 0)).unwrap();
    assert_eq!(keys(&batch), ["a"]);
    assert_ne!(batch.drafts[0].revision, first.drafts[0].revision);
    assert!(batch.drafts[0].post.text.contains("uzaqdan gələni"));
    let batch = Cards::generate(&brief(&json!({}), 0)).unwrap();
    assert_eq!(keys(&batch), Vec::<&str>::new());
}

#[test]
fn instagram_gets_a_jpeg_in_its_own_shape() {
    let _host = host(&[("quotes.toml", QUOTES)]);
    let mut asked = brief(&json!({}), 1);
    asked.accounts = vec![account("instagram", 2200)];
    let batch = Cards::generate(&asked).unwrap();
    let item = &batch.drafts[0].post.media[0];
    assert_eq!((item.width, item.height), (Some(1080), Some(1350)));
    assert_eq!(item.mime, "image/jpeg");
    assert!(item.name.ends_with(".jpg"));
}

#[test]
fn a_caption_is_shortened_to_what_the_account_takes() {
    let _host = host(&[("quotes.toml", QUOTES)]);
    let mut asked = brief(&json!({}), 1);
    asked.accounts.push(account("x", 40));
    let text = &Cards::generate(&asked).unwrap().drafts[0].post.text;
    assert!(
        text.chars().count() <= 40 - "#çay #Bakı ".chars().count(),
        "{text}"
    );
    assert!(text.ends_with('…'));
}

#[test]
fn rows_that_are_wrong_are_named_and_the_others_go_on() {
    let files = [
        ("tips.csv", "text,autor,stars\nOne,x,\n,,\nTwo,,\n"),
        (
            "review.yaml",
            "- {text: Good, stars: 7}\n- text: Fine\n  stars: 4,5\n  author: Leyla\n",
        ),
        (
            "poll.json",
            "[\n {\"text\": \"Tea?\", \"options\": [\"Yes\"]},\n {\"text\": \"Tea?\", \"options\": {\"Yes\": 3, \"No\": 1}}\n]",
        ),
        ("broken.toml", "[[card]]\ntext = \n"),
        ("x.toml", "[[card]]\ntext = \"no kind\"\n"),
        ("_later.toml", "nonsense"),
        ("notes.txt", "nothing to see"),
    ];
    let _host = host(&files);
    let batch = Cards::generate(&brief(&json!({}), 3)).unwrap();
    let told = told(&batch);
    for expected in [
        "tips.csv: line 2: unknown key `autor`",
        "tips.csv: line 3: a tip needs `text`",
        "review.yaml: line 1: `stars` is a number from 0 to 5",
        "poll.json: line 2: `options` are 2 to 8, and these are 1",
        "broken.toml: line 2: ",
        "x.toml: line 1: `kind` must say what the card is",
    ] {
        assert!(
            told.iter().any(|line| line.starts_with(expected)),
            "{expected}: {told:#?}"
        );
    }
    let texts: Vec<&str> = batch
        .drafts
        .iter()
        .map(|draft| draft.post.text.as_str())
        .collect();
    assert_eq!(texts, ["Tea?", "“Fine” — Leyla", "Two"]);
    let alt = batch.drafts[0].post.media[0].alt.as_deref();
    assert_eq!(alt, Some("Tea? Yes 75%, No 25%"));
}

#[test]
fn a_template_of_ones_own_with_its_fonts_and_pictures() {
    let template = r##"<svg xmlns="http://www.w3.org/2000/svg" width="100" height="100">
<rect width="100" height="100" fill="{{ color.accent }}"/><image href="dot.svg" width="10" height="10"/>
<text data-box="5 5 90 90" data-size="40 4">{{ card.text }} {{ card.anything }}</text></svg>"##;
    let dot =
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><circle r="4"/></svg>"#;
    let rows =
        r#"[{"kind": "quote", "template": "own.svg", "text": "<b> & \"x\"", "anything": "goes"}]"#;
    let host = host(&[("rows.json", rows), ("own.svg", template), ("dot.svg", dot)]);
    let batch = Cards::generate(&brief(&json!({}), 1)).unwrap();
    assert_eq!(told(&batch), Vec::<String>::new());
    assert_eq!(batch.drafts.len(), 1);

    host.forget();
    host.folder_file(
        "cards",
        "own.svg",
        "text/plain",
        "<svg>{{ card.text | nothing }}</svg>",
    );
    let batch = Cards::generate(&brief(&json!({}), 1)).unwrap();
    assert_eq!(batch.drafts.len(), 0);
    assert!(
        told(&batch)[0].starts_with("rows.json: line 1: template `own.svg`, line 1: "),
        "{batch:?}"
    );

    host.folder_file(
        "cards",
        "own.svg",
        "text/plain",
        "<svg>\n<text data-box=\"1 2\"/></svg>",
    );
    let batch = Cards::generate(&brief(&json!({}), 1)).unwrap();
    assert!(told(&batch)[0].contains("line 2 of the SVG: "), "{batch:?}");
}

#[test]
fn words_that_do_not_fit_are_cut_and_what_no_font_draws_is_left_out() {
    let long = "söz ".repeat(1_500);
    let rows = json!([
        { "kind": "quote", "text": long },
        { "kind": "quote", "text": "茶 is tea 👨‍👩‍👧 👍🏽" },
    ]);
    let _host = host(&[("rows.json", &rows.to_string())]);
    let batch = Cards::generate(&brief(&json!({}), 2)).unwrap();
    assert_eq!(batch.drafts.len(), 2);
    let told = told(&batch);
    assert_eq!(told.len(), 2, "{told:#?}");
    assert!(told[0].contains("do not fit the picture"), "{told:#?}");
    assert!(told[0].ends_with("…`"));
    assert!(told[1].contains("no font draws `茶`: "), "{told:#?}");
    assert!(
        batch
            .problems
            .iter()
            .all(|problem| problem.severity == Severity::Warning)
    );
}

#[test]
fn settings_that_are_wrong_are_told() {
    let _host = host(&[("quotes.toml", QUOTES)]);
    for (settings, expected) in [
        (
            json!({ "palette": { "text": "blue" } }),
            "`palette.text` is `blue`",
        ),
        (
            json!({ "size": "huge" }),
            "`size` is `huge`: it may be square",
        ),
        (json!({ "every": "soon" }), "`every` is `soon`"),
        (
            json!({ "templates": { "poem": "x.svg" } }),
            "`templates.poem` is no kind",
        ),
        (json!({ "folder": "others" }), "folder `others`"),
    ] {
        let error = Cards::generate(&brief(&settings, 1)).unwrap_err();
        assert!(error.reason().contains(expected), "{error:?}");
    }
    for (settings, expected) in [
        (
            json!({ "logo": "logo.png" }),
            "`logo`: there is no file `logo.png`",
        ),
        (
            json!({ "fonts": ["quotes.toml"] }),
            "`quotes.toml` is no TrueType or OpenType font",
        ),
        (
            json!({ "font": "Comic Sans" }),
            "`font`: there is no font `Comic Sans`; there are Inter",
        ),
        (
            json!({ "logo": "quotes.toml" }),
            "is no PNG, JPEG, WebP, GIF or SVG",
        ),
    ] {
        let batch = Cards::generate(&brief(&settings, 1)).unwrap();
        assert!(told(&batch)[0].contains(expected), "{batch:?}");
    }
    let faint = json!({ "palette": { "text": "#eeeeee" } });
    let batch = Cards::generate(&brief(&faint, 1)).unwrap();
    assert!(told(&batch)[0].contains("is hard to read"), "{batch:?}");
    assert_eq!(batch.drafts.len(), 1);
}

#[test]
fn a_preview_is_drawn_and_nothing_is_remembered() {
    let host = Host::new();
    let settings = json!({ "size": "story", "preview": { "kind": "tip", "text": "Warm the pot" } });
    let batch = Cards::generate(&brief(&settings, 1)).unwrap();
    let item = &batch.drafts[0].post.media[0];
    assert_eq!((item.width, item.height), (Some(1080), Some(1920)));
    assert_eq!(host.kept::<Value>("cards"), None);
    let settings = json!({ "preview": { "kind": "tip" } });
    let error = Cards::generate(&brief(&settings, 1)).unwrap_err();
    assert!(error.reason().contains("a tip needs `text`"), "{error:?}");
}
