//! The generator as the daemon calls it.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;

use jarchi_plugin_sdk::generator::{AccountLimits, Batch, Brief, Campaign, Draft, Pillar};
use jarchi_plugin_sdk::testing::Host;
use jarchi_plugin_sdk::{Generator, Severity};
use serde_json::{Value, json};

use super::Templates;

mod faults;
mod filters;
mod turns;

/// 2026-11-24T08:00:00Z, a Tuesday; noon in Baku.
const NOW: u64 = 1_795_507_200_000;
const DAY: u64 = 86_400_000;

fn brief(settings: &Value) -> Brief {
    Brief {
        settings: settings.to_string(),
        brand: "Çay Evi".into(),
        languages: vec!["az".into(), "en".into()],
        time_zone: "Asia/Baku".into(),
        now: NOW,
        wanted: 0,
        slot: None,
        pillar: None,
        campaign: None,
        voice: None,
        accounts: Vec::new(),
        hashtags: vec!["çay".into()],
        recent: Vec::new(),
        feedback: None,
        history: Vec::new(),
        topics: Vec::new(),
    }
}

/// So many drafts at once.
fn wanted(count: u32) -> Brief {
    Brief {
        wanted: count,
        ..brief(&json!({}))
    }
}

fn account(name: &str, plugin: &str, text: u32) -> AccountLimits {
    AccountLimits {
        account: name.into(),
        plugin: plugin.into(),
        text: Some(text),
        media: Some(4),
        polls: true,
        threads: true,
    }
}

fn run(brief: &Brief) -> Batch {
    Templates::generate(brief).expect("a batch")
}

fn put(host: &Host, path: &str, content: &str) {
    let mime = if path.ends_with(".png") {
        "image/png"
    } else {
        "text/plain"
    };
    host.folder_file("data", path, mime, content);
}

fn host(files: &[(&str, &str)]) -> Host {
    let host = Host::new();
    host.folder("data");
    for (path, content) in files {
        put(&host, path, content);
    }
    host
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

fn sorted(batch: &Batch) -> BTreeSet<&str> {
    texts(batch).into_iter().collect()
}

fn only(mut batch: Batch) -> Draft {
    assert_eq!(told(&batch), [""; 0]);
    assert_eq!(batch.drafts.len(), 1, "{:?}", texts(&batch));
    batch.drafts.remove(0)
}

/// The one post of one row.
fn post(template: &str, row: &Value, brief: &Brief) -> Draft {
    let _host = host(&[("t.jinja", template), ("d.json", &json!([row]).to_string())]);
    only(run(brief))
}

const T: &str = "---\ndata: d.json\n---\n";

#[test]
fn every_format_makes_the_same_post() {
    for (path, content) in [
        (
            "d.csv",
            "id,name,price,link\nt1,Armudu,12.5,https://a.az/1\n",
        ),
        (
            "d.csv",
            "id;name;price;link\n\n\"t1\";Armudu;\"12,5\";https://a.az/1\n",
        ),
        (
            "d.tsv",
            "id\tname\tprice\tlink\r\nt1\tArmudu\t12.5\thttps://a.az/1\r\n",
        ),
        (
            "d.json",
            r#"[{"id":"t1","name":"Armudu","price":12.5,"link":"https://a.az/1"}]"#,
        ),
        (
            "d.json",
            r#"{"t1":{"name":"Armudu","price":12.5,"link":"https://a.az/1"}}"#,
        ),
        (
            "d.yaml",
            "- id: t1\n  name: Armudu\n  price: 12.5\n  link: https://a.az/1\n",
        ),
        (
            "d.yml",
            "t1:\n  name: Armudu\n  price: 12.50\n  link: https://a.az/1\n",
        ),
        (
            "d.toml",
            "[[row]]\nid = \"t1\"\nname = \"Armudu\"\nprice = 12.5\nlink = \"https://a.az/1\"\n",
        ),
    ] {
        let template = format!("---\ndata: {path}\n---\n{{{{ name }}}}: {{{{ price | money }}}}\n");
        let _host = host(&[("t.jinja", &template), (path, content)]);
        let draft = only(run(&wanted(1)));
        assert_eq!(draft.post.text, "Armudu: 12,50\u{a0}₼", "{path}");
        assert_eq!(draft.post.link.unwrap().url, "https://a.az/1");
        assert_eq!(draft.key, format!("{path}#t1 0"));
        assert_eq!(draft.post.language.as_deref(), Some("az"));
    }
}

#[test]
fn all_that_a_post_has() {
    let host = host(&[
        (
            "shop/new.jinja",
            "+++\ndata = \"/tea.yaml\"\nlink = \"https://a.az/{{ id }}\"\nmedia = \"{{ photo }}\"\n\
             alt = \"{{ name }} in a glass\"\nhashtags = [\"{{ name | hashtag }}\", \"bakı\"]\n\
             first_comment = \"{{ price | money }}\"\nvisibility = \"unlisted\"\npillar = \"products\"\n\
             campaign = [\"winter\", \"tea\"]\n[poll]\noptions = [\"Hə\", \"{{ other }}\"]\nopen_for = \"2h\"\n+++\n\
             {% include \"_head.jinja\" %} {{ name }}\n***\nİkinci: {{ brand.name }}, {{ today | date(\"day\") }}\n",
        ),
        ("_head.jinja", "Yeni!"),
        (
            "tea.yaml",
            "- {id: 7, name: Kəklikotu, price: 3, photo: img/k.png, other: Yox}\n",
        ),
        ("img/k.png", "png"),
    ]);
    let draft = only(run(&wanted(1)));
    let post = draft.post;
    assert_eq!(post.text, "Yeni! Kəklikotu");
    assert_eq!(post.thread[0].text, "İkinci: Çay Evi, 24 noyabr");
    assert_eq!(post.link.unwrap().url, "https://a.az/7");
    assert_eq!(post.media[0].id, "data/img/k.png");
    assert_eq!(post.media[0].alt.as_deref(), Some("Kəklikotu in a glass"));
    assert_eq!(post.hashtags, ["Kəklikotu", "bakı"]);
    assert_eq!(post.first_comment.as_deref(), Some("3\u{a0}₼"));
    let poll = post.poll.unwrap();
    assert_eq!(
        (poll.options, poll.open_for),
        (vec!["Hə".to_owned(), "Yox".into()], 7_200_000)
    );
    assert_eq!(draft.pillar.as_deref(), Some("products"));
    assert_eq!(draft.campaign.as_deref(), Some("winter"));
    drop(host);
}

#[test]
fn columns_are_used_where_the_template_does_not_say() {
    let row = json!({ "id": "a", "media": "a.png;b.png", "alt": "One|Two; and more",
        "hashtags": "#çay, bakı", "link": "" });
    let _host = host(&[
        ("t.jinja", &format!("{T}Salam")),
        ("d.json", &json!([row]).to_string()),
        ("a.png", "a"),
        ("b.png", "b"),
    ]);
    let post = only(run(&wanted(1))).post;
    let alts: Vec<_> = post
        .media
        .iter()
        .map(|item| item.alt.as_deref().unwrap())
        .collect();
    assert_eq!(alts, ["One", "Two; and more"]);
    assert_eq!(post.hashtags, ["çay", "bakı"]);
    assert!(post.link.is_none());
}

#[test]
fn the_language_is_the_first_that_there_are_words_in() {
    let row = json!({ "id": 1, "name": "Tea", "name_az": "Çay", "note_en": "hot", "note": "-" });
    let both = format!(
        "{T}=== text.en\n{{{{ name }}}} {{{{ note }}}}\n=== text.az\n{{{{ name }}}} {{{{ note }}}}\n"
    );
    for (template, languages, setting, expected) in [
        (both.as_str(), vec!["az", "en"], None, ("az", "Çay -")),
        (&both, vec!["en", "az"], None, ("en", "Tea hot")),
        (&both, vec!["tr", "en-GB"], None, ("en-GB", "Tea hot")),
        (&both, vec!["az"], Some("en"), ("en", "Tea hot")),
        (
            &format!("{T}{{{{ name }}}}"),
            vec!["tr"],
            None,
            ("tr", "Tea"),
        ),
    ] {
        let mut brief = wanted(1);
        brief.languages = languages.into_iter().map(str::to_owned).collect();
        if let Some(language) = setting {
            brief.settings = json!({ "language": language }).to_string();
        }
        let draft = post(template, &row, &brief);
        assert_eq!(
            (
                draft.post.language.as_deref().unwrap(),
                draft.post.text.as_str()
            ),
            expected
        );
    }
}

#[test]
fn accounts_get_words_of_their_own_and_shorter_ones_where_they_must() {
    let row = json!({ "id": 1, "name": "Çay", "long": "x".repeat(200) });
    let template = format!(
        "{T}{{{{ name }}}} {{{{ long }}}}\n=== short\n{{{{ name }}}}!\n\
         === text@mastodon\nM {{{{ name }}}}\n=== text@cafe-x\nX {{{{ long }}}}\n=== short@x\nX\n"
    );
    let mut brief = wanted(1);
    brief.accounts = vec![
        account("cafe", "mastodon", 500),
        account("cafe-b", "bluesky", 100),
        account("cafe-x", "x", 280),
        account("other-x", "x", 3),
        account("board", "webhook", 5000),
    ];
    let draft = post(&template, &row, &brief);
    let long = "x".repeat(200);
    assert_eq!(draft.post.text, format!("Çay {long}"));
    let expected = [
        ("cafe", "M Çay".to_owned()),
        ("cafe-b", "Çay!".into()),
        ("cafe-x", format!("X {long}")),
        ("other-x", "X".into()),
    ];
    let variants: Vec<(&str, String)> = draft
        .variants
        .iter()
        .map(|(name, text)| (name.as_str(), text.clone()))
        .collect();
    assert_eq!(variants, expected);
    assert!(draft.accounts.is_empty());
}

#[test]
fn variants_may_be_files_and_are_given_for_accounts_that_the_brief_does_not_know() {
    let _host = host(&[
        ("t.jinja", &format!("{T}U {{{{ name }}}}")),
        ("t@mastodon.jinja", "M {{ name }}"),
        ("t.en.jinja", "E {{ name }}\n=== short\nE"),
        ("t.en@x.jinja", "EX {{ name }}"),
        ("d.json", r#"[{"id":1,"name":"a"}]"#),
    ]);
    let draft = only(run(&wanted(1)));
    assert_eq!(draft.post.text, "U a");
    assert_eq!(draft.variants, [("mastodon".to_owned(), "M a".to_owned())]);
    let mut english = wanted(1);
    english.settings = json!({ "language": "en" }).to_string();
    let host_state = run(&english);
    assert_eq!(texts(&host_state), [""; 0], "the row rests");
}

#[test]
fn polls_and_threads_go_where_they_are_taken() {
    let row = json!({ "id": 1 });
    let template = "---\ndata: d.json\npoll: {options: [a, b]}\n---\nHansı?";
    let mut brief = wanted(1);
    brief.accounts = vec![account("m", "mastodon", 500), account("b", "bluesky", 300)];
    brief.accounts[1].polls = false;
    assert_eq!(post(template, &row, &brief).accounts, ["m"]);
    let template = template.replace("poll:", "accounts: [b, m, elsewhere]\npoll:");
    let accounts = post(&template, &row, &brief).accounts;
    assert_eq!(accounts, ["m", "elsewhere"]);
    let only_there = template.replace("b, m, ", "");
    assert_eq!(post(&only_there, &row, &brief).accounts, ["elsewhere"]);
    brief.accounts[0].polls = false;
    let _host = host(&[("t.jinja", &template), ("d.json", "[{\"id\":1}]")]);
    let refused = told(&run(&brief));
    assert!(
        refused[0].contains("none of the accounts takes polls"),
        "{refused:?}"
    );
}

#[test]
fn pillar_and_campaign_choose_the_set() {
    let files = [
        ("tips.jinja", "---\ndata: d.json\npillar: tips\n---\ntips"),
        (
            "sale.jinja",
            "---\ndata: e.json\npillar: [products, tips]\ncampaign: sale\n---\nsale",
        ),
        ("plain.jinja", "---\ndata: f.json\n---\nplain"),
        ("d.json", r#"[{"id":1}]"#),
        ("e.json", r#"[{"id":1}]"#),
        ("f.json", r#"[{"id":1}]"#),
    ];
    for (pillar, campaign, expected) in [
        (None, None, vec!["plain", "sale", "tips"]),
        (Some("tips"), None, vec!["sale", "tips"]),
        (Some("tips"), Some("sale"), vec!["sale"]),
        (Some("products"), None, vec!["sale"]),
        (Some("news"), None, vec!["plain"]),
        (None, Some("sale"), vec!["sale"]),
        (None, Some("tea"), vec!["plain", "tips"]),
        (Some("products"), Some("tea"), vec![]),
    ] {
        let _host = host(&files);
        let mut brief = wanted(5);
        brief.pillar = pillar.map(|name| Pillar {
            name: name.into(),
            promotional: false,
            description: None,
        });
        brief.campaign = campaign.map(|name| Campaign {
            name: name.into(),
            goal: "sales".into(),
            link: None,
        });
        let batch = run(&brief);
        assert_eq!(
            sorted(&batch).into_iter().collect::<Vec<_>>(),
            expected,
            "{pillar:?} {campaign:?}"
        );
        for draft in &batch.drafts {
            assert_eq!(
                draft.pillar.is_some(),
                pillar.is_some() || draft.post.text != "plain"
            );
            if campaign.is_some() {
                assert_eq!(draft.campaign.as_deref(), campaign);
            }
        }
    }
}

#[test]
fn a_template_may_say_what_is_talked_about() {
    let topic = |name: &str, hashtag: Option<&str>| jarchi_plugin_sdk::generator::Topic {
        name: name.into(),
        hashtag: hashtag.map(str::to_owned),
        pillar: None,
        score: 70,
        reasons: Vec::new(),
        link: None,
    };
    let template = format!(
        "{T}{{% if topics %}}Hamı {{{{ topics[0].name }}}} deyir #{{{{ topics[0].hashtag }}}}. {{% endif %}}{{{{ name }}}}"
    );
    let row = json!({ "id": 1, "name": "Çay" });
    assert_eq!(post(&template, &row, &wanted(1)).post.text, "Çay");
    let mut brief = wanted(1);
    brief.topics = vec![
        topic("Çay festivalı", Some("ÇayFestivalı")),
        topic("{{ name }}", None),
    ];
    let text = post(&template, &row, &brief).post.text;
    assert_eq!(text, "Hamı Çay festivalı deyir #ÇayFestivalı. Çay");
    // What a stranger wrote is no template.
    brief.topics.remove(0);
    let text = post(&template, &row, &brief).post.text;
    assert_eq!(text, "Hamı {{ name }} deyir #. Çay");
    let own = json!({ "id": 1, "name": "Çay", "topics": "mine" });
    let template = format!("{T}{{{{ topics }}}}");
    assert_eq!(post(&template, &own, &brief).post.text, "mine");
}
