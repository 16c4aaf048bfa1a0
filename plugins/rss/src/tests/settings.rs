//! What the operator may ask for.

use super::*;

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
