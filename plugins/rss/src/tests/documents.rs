//! What feeds look like, the broken and the hostile ones too.

use super::*;

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
