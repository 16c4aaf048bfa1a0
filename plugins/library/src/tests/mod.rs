//! The generator as the daemon calls it.

use jarchi_plugin_sdk::generator::{Batch, Brief, Draft, Due};
use jarchi_plugin_sdk::testing::Host;
use jarchi_plugin_sdk::{Error, Generator, Severity, Visibility};
use serde_json::{Value, json};

use super::Library;

mod faults;

fn brief(settings: Value) -> Brief {
    Brief {
        settings: settings.to_string(),
        brand: "xemir".into(),
        languages: vec!["az".into(), "en".into()],
        time_zone: "Asia/Baku".into(),
        now: 1_795_507_200_000,
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

fn generate() -> Batch {
    Library::generate(&brief(json!({}))).expect("a batch")
}

fn host(files: &[(&str, &str)]) -> Host {
    let host = Host::new();
    host.folder("content");
    for (path, text) in files {
        host.folder_file("content", path, mime(path), *text);
    }
    host
}

fn mime(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("png") => "image/png",
        Some("mp4") => "video/mp4",
        _ => "text/markdown",
    }
}

/// The problems as `PLACE: MESSAGE`, warnings with a `?` before them.
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

/// The only draft of a file that has no problems.
fn draft(files: &[(&str, &str)]) -> Draft {
    let _host = host(files);
    let mut batch = generate();
    assert_eq!(told(&batch), [""; 0]);
    assert_eq!(batch.drafts.len(), 1);
    assert!(batch.complete);
    batch.drafts.remove(0)
}

/// What is told of a file that is passed over.
fn fault(text: &str) -> Vec<String> {
    let _host = host(&[("a.md", text), ("bread.png", "png")]);
    let batch = generate();
    assert_eq!(batch.drafts, [], "{text}");
    assert!(batch.complete);
    told(&batch)
}

const YAML: &str = r##"---
id: ekmek-2026
when: 2026-11-24 09:00
accounts: [main, blue]
pillar: kulis
campaign: winter
language: az
media:
  - file: img/bread.png
    alt: "Təzə çörək: taxta masa üstündə"
    focus: [0.0, -0.5]
  - img/logo.png
poll:
  options: [Lavaş, Təndir, Bageta]
  open_for: 2d
  multiple: true
link:
  url: https://xemir.az/menu
  title: Menyu
  thumbnail: {file: img/logo.png, alt: Loqo}
hashtags: ["#çörək", Bakı, bakı]
first_comment: Sifariş üçün yazın
visibility: unlisted
content_warning: Ac qarına baxmayın
sensitive: false
options:
  mastodon: {local_only: true}
variants:
  blue: Qısa mətn
  bluesky: |
    Başqa
    mətn
repeat_after: 30d
---
# Səhər

**Təzə** çörək!

![Loqo: sünbül](img/logo.png)

***

İkinci hissə ![Soba](img/oven.png)
"##;

const TOML: &str = r##"+++
id = "ekmek-2026"
when = 2026-11-24T09:00:00
accounts = ["main", "blue"]
pillar = "kulis"
campaign = "winter"
language = "az"
media = [
  { file = "img/bread.png", alt = "Təzə çörək: taxta masa üstündə", focus = [0.0, -0.5] },
  "img/logo.png",
]
hashtags = "#çörək, Bakı"
first_comment = "Sifariş üçün yazın"
visibility = "unlisted"
content_warning = "Ac qarına baxmayın"
repeat_after = "30d"

[poll]
options = ["Lavaş", "Təndir", "Bageta"]
open_for = "2d"
multiple = true

[link]
url = "https://xemir.az/menu"
title = "Menyu"
thumbnail = { file = "img/logo.png", alt = "Loqo" }

[options.mastodon]
local_only = true

[variants]
blue = "Qısa mətn"
bluesky = """
Başqa
mətn
"""
+++
# Səhər

**Təzə** çörək!

![Loqo: sünbül](img/logo.png)

***

İkinci hissə ![Soba](img/oven.png)
"##;

#[test]
fn a_file_says_all_that_a_post_can_have() {
    for source in [
        YAML,
        TOML,
        &YAML.replace('\n', "\r\n"),
        &format!("\u{feff}\n{YAML}"),
    ] {
        let draft = draft(&[
            ("may/ekmek.md", source),
            ("may/img/bread.png", "bread"),
            ("may/img/logo.png", "logo"),
            ("may/img/oven.png", "oven"),
        ]);
        assert_eq!(draft.key, "ekmek-2026");
        assert_eq!(draft.due, Some(Due::Local("2026-11-24T09:00:00".into())));
        assert_eq!(draft.accounts, ["main", "blue"]);
        assert_eq!(draft.pillar.as_deref(), Some("kulis"));
        assert_eq!(draft.campaign.as_deref(), Some("winter"));
        assert_eq!(draft.repeat_after, Some(30 * 86_400_000));
        assert_eq!(draft.source.as_deref(), Some("may/ekmek.md"));
        assert_eq!(
            draft.variants,
            [
                ("blue".into(), "Qısa mətn".into()),
                ("bluesky".into(), "Başqa\nmətn".into())
            ]
        );
        let post = &draft.post;
        assert_eq!(post.text, "Səhər\n\nTəzə çörək!");
        assert_eq!(post.language.as_deref(), Some("az"));
        assert_eq!(post.hashtags, ["çörək", "Bakı"]);
        assert_eq!(post.first_comment.as_deref(), Some("Sifariş üçün yazın"));
        assert_eq!(post.visibility, Some(Visibility::Unlisted));
        assert_eq!(post.content_warning.as_deref(), Some("Ac qarına baxmayın"));
        assert!(!post.sensitive);
        let options: Value = serde_json::from_str(&post.options).unwrap();
        assert_eq!(options, json!({ "mastodon": { "local_only": true } }));
        let media: Vec<_> = post
            .media
            .iter()
            .map(|item| (item.id.as_str(), item.name.as_str(), item.alt.as_deref()))
            .collect();
        assert_eq!(
            media,
            [
                (
                    "content/may/img/bread.png",
                    "bread.png",
                    Some("Təzə çörək: taxta masa üstündə")
                ),
                // Named in the front matter, described in the text: one picture.
                ("content/may/img/logo.png", "logo.png", Some("Loqo: sünbül")),
            ]
        );
        let focus = post.media[0].focus.unwrap();
        assert_eq!((focus.x, focus.y), (0.0, -0.5));
        assert_eq!(
            (post.media[0].mime.as_str(), post.media[0].size),
            ("image/png", 5)
        );
        let poll = post.poll.as_ref().unwrap();
        assert_eq!(poll.options, ["Lavaş", "Təndir", "Bageta"]);
        assert_eq!(
            (poll.open_for, poll.multiple, poll.hide_totals),
            (172_800_000, true, false)
        );
        let link = post.link.as_ref().unwrap();
        assert_eq!(
            (link.url.as_str(), link.title.as_deref()),
            ("https://xemir.az/menu", Some("Menyu"))
        );
        assert_eq!(
            link.thumbnail.as_ref().unwrap().alt.as_deref(),
            Some("Loqo")
        );
        assert_eq!(post.thread.len(), 1);
        assert_eq!(post.thread[0].text, "İkinci hissə");
        assert_eq!(post.thread[0].media[0].alt.as_deref(), Some("Soba"));
    }
}

#[test]
fn a_file_needs_to_say_nothing() {
    let draft = draft(&[("salam.md", "---\n---\nSalam!\n")]);
    assert_eq!(draft.key, "salam.md");
    assert_eq!(draft.post.text, "Salam!");
    assert_eq!(
        (draft.due, draft.repeat_after, draft.accounts),
        (None, None, vec![])
    );
    assert_eq!(
        (draft.post.language, draft.post.options.as_str()),
        (None, "{}")
    );
}

#[test]
fn a_moment_with_an_offset_is_a_moment() {
    let draft = draft(&[("a.md", "---\nwhen: 2026-11-24T09:00:00+04:00\n---\nx")]);
    assert_eq!(draft.due, Some(Due::At(1_795_496_400_000)));
}

#[test]
fn the_settings_name_the_folder_and_the_language() {
    let host = Host::new();
    host.folder_file("posts", "a.md", "text/markdown", "---\n---\nbir\niki");
    host.folder_file(
        "posts",
        "b.md",
        "text/markdown",
        "---\nlanguage: no\n---\nbrød",
    );
    let batch = Library::generate(&brief(
        json!({ "folder": "posts", "language": "az", "line_breaks": "join" }),
    ))
    .unwrap();
    assert_eq!(batch.drafts[0].post.text, "bir iki");
    let languages: Vec<_> = batch
        .drafts
        .iter()
        .map(|draft| draft.post.language.as_deref())
        .collect();
    assert_eq!(languages, [Some("az"), Some("no")]);

    let error = Library::generate(&brief(json!({ "folder": "other" }))).unwrap_err();
    assert!(
        matches!(&error, Error::Invalid(reason) if reason.contains("folder `other`")),
        "{error:?}"
    );
    let error = Library::generate(&brief(json!({ "folde": "posts" }))).unwrap_err();
    assert!(
        matches!(&error, Error::Invalid(reason) if reason.contains("folde")),
        "{error:?}"
    );
}

#[test]
fn the_key_stays_and_the_revision_follows_the_file_and_its_media() {
    let host = host(&[
        ("a.md", "---\nmedia: {file: p.png, alt: x}\n---\nbir"),
        ("p.png", "1"),
        ("q.png", "1"),
    ]);
    let first = generate().drafts.remove(0);
    assert_eq!(generate().drafts.remove(0), first);

    host.folder_file("content", "q.png", "image/png", "another");
    assert_eq!(generate().drafts.remove(0), first);

    host.folder_file("content", "p.png", "image/png", "2");
    let second = generate().drafts.remove(0);
    assert_eq!(second.key, first.key);
    assert_ne!(second.revision, first.revision);

    host.folder_file(
        "content",
        "a.md",
        "text/markdown",
        "---\nmedia: {file: p.png, alt: x}\n---\niki",
    );
    let third = generate().drafts.remove(0);
    assert_eq!(third.key, first.key);
    assert_ne!(third.revision, second.revision);

    let joined = Library::generate(&brief(json!({ "line_breaks": "join" }))).unwrap();
    assert_ne!(joined.drafts[0].revision, third.revision);

    host.remove_file("content/a.md");
    let batch = generate();
    assert!(batch.complete && batch.drafts.is_empty());
}

#[test]
fn a_file_that_moved_keeps_its_identity_by_its_old_path() {
    let draft = draft(&[("archive/a.md", "---\nid: a.md\n---\nx")]);
    assert_eq!(draft.key, "a.md");
}

#[test]
fn a_picture_without_words_is_posted_with_a_warning() {
    let _host = host(&[
        (
            "a.md",
            "---\nmedia: [p.png, {file: q.png, alt: \"\"}]\n---\nx\n\n![](r.png)",
        ),
        ("p.png", "p"),
        ("q.png", "q"),
        ("r.png", "r"),
    ]);
    let batch = generate();
    assert_eq!(batch.drafts[0].post.media.len(), 3);
    let told = told(&batch);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told[0].starts_with("? a.md: line 2: `p.png` has no alt text"),
        "{told:?}"
    );
    assert!(
        told[1].starts_with("? a.md: line 6: `r.png` has no alt text"),
        "{told:?}"
    );
}

#[test]
fn media_or_a_poll_alone_are_a_post() {
    let batch = {
        let _host = host(&[
            ("a.md", "---\nmedia: {file: v.mp4, alt: Soba}\n---\n"),
            ("b.md", "---\npoll: {options: [a, b]}\n---\n"),
            ("v.mp4", "v"),
        ]);
        generate()
    };
    assert_eq!(told(&batch), [""; 0]);
    assert_eq!(batch.drafts.len(), 2);
    assert_eq!(
        batch.drafts[1].post.poll.as_ref().unwrap().open_for,
        86_400_000
    );
}

#[test]
fn two_files_with_one_id_are_both_passed_over() {
    let _host = host(&[
        ("a.md", "---\nid: x\n---\nbir"),
        ("b.md", "---\nwhen: 2026-11-24 09:00\nid: x\n---\niki"),
        // The path of a file is its id too.
        ("c.md", "---\nid: d.md\n---\nüç"),
        ("d.md", "---\n---\ndörd"),
        ("e.md", "---\n---\nbeş"),
    ]);
    let batch = generate();
    let keys: Vec<_> = batch
        .drafts
        .iter()
        .map(|draft| draft.key.as_str())
        .collect();
    assert_eq!(keys, ["e.md"]);
    assert_eq!(
        told(&batch),
        [
            "c.md: line 2: the id `d.md` is claimed by `d.md` too: give each file one of its own",
            "d.md: line 1: the id `d.md` is claimed by `c.md` too: give each file one of its own",
            "a.md: line 2: the id `x` is claimed by `b.md` too: give each file one of its own",
            "b.md: line 3: the id `x` is claimed by `a.md` too: give each file one of its own",
        ]
    );
}

#[test]
fn no_text_makes_it_panic() {
    // Every cut of a rich file: front matter without an end, half a table, half a link.
    let host = host(&[
        ("may/img/bread.png", "b"),
        ("may/img/logo.png", "l"),
        ("may/img/oven.png", "o"),
    ]);
    for source in [YAML, TOML] {
        for end in (0..source.len()).filter(|end| source.is_char_boundary(*end)) {
            host.folder_file(
                "content",
                "may/a.md",
                "text/markdown",
                &source.as_bytes()[..end],
            );
            let batch = generate();
            assert!(
                batch.drafts.len() == 1 || !batch.problems.is_empty(),
                "{end}"
            );
        }
    }
}
