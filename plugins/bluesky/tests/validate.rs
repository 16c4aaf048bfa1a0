//! What the connector says of a post before anything is sent, and the texts that it makes.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what goes wrong fails the test"
)]

use jarchi_plugin_bluesky::options::Settings;
use jarchi_plugin_bluesky::{Bluesky, plan};
use jarchi_plugin_sdk::testing::{self, Host};
use jarchi_plugin_sdk::{
    Account, Error, Link, MediaItem, Mention, Poll, Post, Publisher, Severity, ThreadPart,
    Visibility,
};
use serde_json::json;

const JPEG: &[u8] = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0\xff\xda";
const MP4: &[u8] = b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41";

fn account() -> Account {
    testing::account(&json!({ "identifier": "jarchi.bsky.social" }))
}

fn post(text: &str) -> Post {
    Post {
        text: text.into(),
        language: None,
        media: vec![],
        link: None,
        hashtags: vec![],
        mentions: vec![],
        poll: None,
        thread: vec![],
        first_comment: None,
        visibility: None,
        content_warning: None,
        sensitive: false,
        options: "{}".into(),
    }
}

fn link(url: &str) -> Link {
    Link {
        url: url.into(),
        title: Some("Menyu".into()),
        description: None,
        thumbnail: None,
    }
}

fn file(host: &Host, name: &str, mime: &str, bytes: &[u8]) -> MediaItem {
    host.file(name, mime, bytes);
    MediaItem {
        alt: Some("bir şəkil".into()),
        ..testing::media(name, mime, bytes.len() as u64)
    }
}

/// As `error text: it is …`, in order.
fn problems(post: &Post) -> Vec<String> {
    Bluesky::validate(&account(), post)
        .unwrap()
        .into_iter()
        .map(|problem| {
            let severity = match problem.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            };
            format!("{severity} {}: {}", problem.place, problem.message)
        })
        .collect()
}

/// Beginnings of the problems that are expected, all of them.
#[track_caller]
fn assert_problems(post: &Post, expected: &[&str]) {
    let found = problems(post);
    let fits = found.len() == expected.len()
        && found
            .iter()
            .zip(expected)
            .all(|(found, expected)| found.starts_with(expected));
    assert!(fits, "found {found:#?}, expected {expected:#?}");
}

#[test]
fn a_plain_post_is_fine() {
    let _host = Host::new();
    assert_problems(&post("Salam! #çay @bob.test https://jarchi.az"), &[]);
    let full = Post {
        language: Some("az-Latn".into()),
        visibility: Some(Visibility::Public),
        hashtags: vec!["çay".into(), "#qara".into()],
        link: Some(link("https://jarchi.az")),
        thread: vec![ThreadPart {
            text: "Davamı".into(),
            media: vec![],
        }],
        first_comment: Some("Suallar?".into()),
        options: json!({
            "langs": ["az", "tr", "en-GB"],
            "labels": ["sexual"],
            "tags": ["gizli"],
            "replies": ["mentioned", "following"],
            "shorten_links": "always",
            "card": false,
        })
        .to_string(),
        ..post("Salam!")
    };
    assert_problems(&full, &[]);
}

#[test]
fn what_the_platform_does_not_have() {
    let _host = Host::new();
    for (visibility, word) in [
        (Visibility::Unlisted, "`unlisted`"),
        (Visibility::Followers, "`followers`"),
        (Visibility::Direct, "`direct`"),
    ] {
        let found = problems(&Post {
            visibility: Some(visibility),
            ..post("a")
        });
        assert!(
            found[0].starts_with("error visibility: ") && found[0].ends_with(word),
            "{found:?}"
        );
    }
    let poll = Poll {
        options: vec![],
        open_for: 0,
        multiple: false,
        hide_totals: false,
    };
    assert_problems(
        &Post {
            poll: Some(poll),
            ..post("a")
        },
        &["error poll: Bluesky has no polls"],
    );
    assert_problems(&post(" \n "), &["error text: there is nothing to publish"]);
    assert_problems(
        &Post {
            thread: vec![ThreadPart {
                text: " ".into(),
                media: vec![],
            }],
            first_comment: Some(String::new()),
            ..post("a")
        },
        &[
            "error thread[0].text: there is nothing",
            "error first-comment: it is empty",
        ],
    );
    assert_problems(
        &Post {
            content_warning: Some("Qan".into()),
            ..post("a")
        },
        &["warning content-warning: "],
    );
}

#[test]
fn words_that_are_not_what_they_should_be() {
    let _host = Host::new();
    assert_problems(
        &Post {
            language: Some("azərbaycanca".into()),
            ..post("a")
        },
        &["error language: `azərbaycanca` is not a language tag"],
    );
    assert_problems(
        &Post {
            hashtags: vec!["yaxşı çay".into(), "7".into(), "".into()],
            ..post("a")
        },
        &[
            "error hashtags[0]: `yaxşı çay`",
            "error hashtags[1]: `7`",
            "error hashtags[2]: ``",
        ],
    );
    assert_problems(
        &Post {
            mentions: vec![
                Mention {
                    handle: "aysel".into(),
                    id: None,
                },
                Mention {
                    handle: "aysel".into(),
                    id: Some("did:plc:a".into()),
                },
                Mention {
                    handle: "@bob.test".into(),
                    id: None,
                },
            ],
            ..post("a")
        },
        &["warning mentions[0]: `aysel` is no Bluesky handle"],
    );
    for url in ["jarchi.az", "ftp://jarchi.az", "https://", "https://a b.az"] {
        assert_problems(
            &Post {
                link: Some(link(url)),
                ..post("a")
            },
            &["error link.url: "],
        );
    }
    for (options, message) in [
        (json!({ "replys": "nobody" }), "unknown field `replys`"),
        (json!({ "labels": ["spam"] }), "unknown variant `spam`"),
        (
            json!({ "replies": "friends" }),
            "`replies` is \"everybody\"",
        ),
        (json!([]), "invalid type"),
    ] {
        let found = problems(&Post {
            options: options.to_string(),
            ..post("a")
        });
        assert!(
            found[0].starts_with("error options: ") && found[0].contains(message),
            "{found:?}"
        );
    }
    assert_problems(
        &Post {
            options: json!({ "langs": ["a", "az", "az", "az"] }).to_string(),
            ..post("a")
        },
        &[
            "error options.langs: Bluesky takes 3 languages",
            "error options.langs: `a` is not",
        ],
    );
    let many: Vec<_> = (0..9).map(|number| format!("tag{number}")).collect();
    assert_problems(
        &Post {
            options: json!({ "tags": many }).to_string(),
            ..post("a")
        },
        &["error options.tags: Bluesky takes 8"],
    );
}

#[test]
fn files() {
    let host = Host::new();
    let image = |name: &str| file(&host, name, "image/jpeg", JPEG);
    let video = || file(&host, "a.mp4", "video/mp4", MP4);
    let with = |media: Vec<MediaItem>| Post { media, ..post("a") };

    assert_problems(
        &with(
            (0..4)
                .map(|number| image(&format!("{number}.jpg")))
                .collect(),
        ),
        &[],
    );
    assert_problems(&with(vec![video()]), &[]);
    assert_problems(
        &with(
            (0..5)
                .map(|number| image(&format!("{number}.jpg")))
                .collect(),
        ),
        &["error media: Bluesky takes 4 images, these are 5"],
    );
    assert_problems(
        &with(vec![video(), image("a.jpg")]),
        &["error media: Bluesky takes one video"],
    );
    assert_problems(
        &with(vec![video(), video()]),
        &["error media: Bluesky takes one video"],
    );
    assert_problems(
        &with(vec![MediaItem {
            size: 2_000_001,
            ..image("big.jpg")
        }]),
        &["error media[0]: `big.jpg` has 2000001 bytes, Bluesky takes 2000000"],
    );
    assert_problems(
        &with(vec![MediaItem {
            size: 300_000_001,
            ..video()
        }]),
        &["error media[0]: `a.mp4` has 300000001 bytes"],
    );
    assert_problems(
        &with(vec![
            image("a.jpg"),
            MediaItem {
                alt: None,
                ..image("b.jpg")
            },
        ]),
        &["warning media[1].alt: `b.jpg` says nothing"],
    );
    assert_problems(
        &with(vec![MediaItem {
            alt: Some("ə".repeat(2001)),
            ..image("a.jpg")
        }]),
        &["warning media[0].alt: the description is longer than the 2000"],
    );
    // What it is by its bytes counts, not by its name.
    assert_problems(
        &with(vec![file(&host, "a.png", "image/png", b"%PDF-1.7")]),
        &["error media[0]: `a.png` is application/pdf: make it a JPEG"],
    );
    assert_problems(
        &with(vec![file(&host, "a.svg", "image/svg+xml", b"<svg>")]),
        &["error media[0]: `a.svg` is no image that Bluesky shows"],
    );
    assert_problems(
        &with(vec![file(
            &host,
            "a.mov",
            "video/quicktime",
            b"\0\0\0\x14ftypqt  \0\0\0\0",
        )]),
        &["error media[0]: `a.mov` is video/quicktime: Bluesky takes MP4"],
    );
    assert_problems(
        &with(vec![file(&host, "a.gif", "image/gif", b"GIF89a\x01\0")]),
        &["warning media[0]: Bluesky shows a GIF as a still image"],
    );
    assert_problems(
        &with(vec![file(&host, "a.mp3", "audio/mpeg", b"ID3")]),
        &["error media[0]: Bluesky takes images and video, not `audio/mpeg`"],
    );
    assert_problems(
        &with(vec![testing::media("gone.jpg", "image/jpeg", 9)]),
        &[
            "warning media[0].alt",
            "error media[0]: `gone.jpg` can't be read",
        ],
    );
    assert_problems(
        &Post {
            thread: vec![ThreadPart {
                text: String::new(),
                media: vec![video(), video()],
            }],
            ..post("a")
        },
        &["error thread[0].media: Bluesky takes one video"],
    );
    let thumbnail = Some(MediaItem {
        size: 1_000_001,
        ..image("a.jpg")
    });
    assert_problems(
        &Post {
            link: Some(Link {
                title: None,
                thumbnail,
                ..link("https://a.az")
            }),
            ..post("a")
        },
        &[
            "warning link.title: the card shows",
            "warning link.thumbnail: `a.jpg` has 1000001 bytes",
        ],
    );
}

/// The text, and the hidden tags, of the first part.
fn written(settings: serde_json::Value, post: &Post) -> (String, Vec<String>) {
    let mut all = json!({ "identifier": "a.test" });
    all.as_object_mut()
        .unwrap()
        .extend(settings.as_object().unwrap().clone());
    let settings = Settings::of(&testing::account(&all)).unwrap();
    let mut plan = plan::plan(&settings, post);
    assert_eq!(plan.errors(), Vec::<String>::new());
    let first = plan.parts.swap_remove(0);
    (first.text, first.tags)
}

#[test]
fn link_and_tags_are_put_behind_the_words_where_they_are_missing() {
    let media = vec![testing::media("a.jpg", "image/jpeg", 9)];
    let tags = vec!["Çay".to_owned(), "qara".into(), "QARA".into()];
    for (post, expected) in [
        (
            Post {
                hashtags: tags.clone(),
                ..post("Bir #çay\r\n ")
            },
            "Bir #çay\n\n#qara",
        ),
        (
            Post {
                hashtags: tags.clone(),
                ..post("")
            },
            "#Çay #qara",
        ),
        // The card shows it.
        (
            Post {
                link: Some(link("https://a.az/b")),
                ..post("Bax")
            },
            "Bax",
        ),
        (
            Post {
                link: Some(link("https://a.az/b")),
                media: media.clone(),
                ..post("Bax")
            },
            "Bax\n\nhttps://a.az/b",
        ),
        (
            Post {
                link: Some(link("https://a.az/ə")),
                media: media.clone(),
                ..post("https://a.az/ə!")
            },
            "https://a.az/ə!",
        ),
        (
            Post {
                link: Some(link("https://a.az/b")),
                options: r#"{"card": false}"#.into(),
                hashtags: vec!["çay".into()],
                content_warning: Some("Acı".into()),
                ..post("Bax")
            },
            "CW: Acı\n\nBax\n\nhttps://a.az/b\n\n#çay",
        ),
    ] {
        assert_eq!(written(json!({}), &post).0, expected);
    }
}

#[test]
fn long_links_are_shown_short_where_they_must() {
    let address = "https://www.jarchi.az/kampaniya/2026/yanvar/endirim";
    let short = "jarchi.az/kampaniya/202…";
    let words = |length: usize| format!("{} {address}", "a".repeat(length));
    let fits = words(300 - 1 - address.len());
    assert_eq!(written(json!({}), &post(&fits)).0, fits);
    let long = words(270);
    assert_eq!(
        written(json!({}), &post(&long)).0,
        format!("{} {short}", "a".repeat(270))
    );
    let always = json!({ "shorten_links": "always" });
    assert_eq!(written(always, &post(&words(1))).0, format!("a {short}"));
    let never = Post {
        options: r#"{"shorten_links": "never"}"#.into(),
        ..post(&long)
    };
    let _host = Host::new();
    assert_problems(
        &never,
        &["error text: it has 322 characters with its links"],
    );

    // The address itself is whole, and the facet covers what is shown.
    let settings = Settings::of(&account()).unwrap();
    let long = post(&long);
    let plan = plan::plan(&settings, &long);
    let span = &plan.parts[0].spans[0];
    assert_eq!(&plan.parts[0].text[span.range.clone()], short);
    assert_eq!(
        span.kind,
        jarchi_plugin_bluesky::facets::Kind::Link(address.into())
    );
}

#[test]
fn tags_that_do_not_fit_are_hidden() {
    let _host = Host::new();
    let hashtags: Vec<String> = (0..10).map(|number| format!("etiket{number}")).collect();
    let full = Post {
        hashtags: hashtags.clone(),
        ..post(&"a".repeat(295))
    };
    assert_eq!(
        written(json!({}), &full),
        ("a".repeat(295), hashtags[..8].to_vec())
    );
    assert_problems(
        &full,
        &[
            "warning hashtags: they don't fit into the text, so they are put where only searches \
           see them, and the last 2 are left out",
        ],
    );
    assert_problems(
        &Post {
            hashtags,
            ..post(&"a".repeat(301))
        },
        &["error text: it has 392 characters with its links and tags, Bluesky takes 300"],
    );
}

#[test]
fn settings_that_are_wrong_are_told() {
    let _host = Host::new();
    for settings in [
        json!({}),
        json!({ "identifier": 5 }),
        json!({ "identifier": "a", "video": "tape" }),
    ] {
        let error = Bluesky::validate(&testing::account(&settings), &post("a")).unwrap_err();
        assert!(
            matches!(&error, Error::Invalid(why) if why.contains("account `test`")),
            "{error:?}"
        );
    }
}
