//! Looking for what may have been published.

#![allow(clippy::expect_used, reason = "a test may panic")]

mod common;

use common::{Host, SERVER, authorised, delivery, line, state, status, with};
use jarchi_plugin_mastodon::Mastodon;
use jarchi_plugin_mastodon::publish::{State, Upload};
use jarchi_plugin_sdk::testing::{self, Answer, START};
use jarchi_plugin_sdk::{Error, Finding, Post, Publisher, Receipt, ThreadPart, time};
use serde_json::{Value, json};

const LIST: &str = "/api/v1/accounts/9/statuses?exclude_reblogs=true&limit=40";

fn me(host: &Host) {
    host.expect(
        line("GET", "/api/v1/accounts/verify_credentials"),
        Answer::json(200, &json!({"id": "9"})),
    );
}

/// A status of the account, this many seconds after the first attempt.
fn at(id: &str, seconds: i64, content: &str) -> Value {
    let moment = START.saturating_add_signed(seconds * 1000);
    with(
        status(id),
        json!({"created_at": time::format_rfc3339(moment), "content": content}),
    )
}

fn old() -> Value {
    at("0", -3600, "<p>old</p>")
}

fn find(post: Post, state: Option<State>, page: &[Value]) -> Finding {
    let host = Host::new();
    me(&host);
    host.expect(line("GET", LIST), Answer::json(200, page));
    let found = Mastodon::find_published(&delivery(post), state, START).expect("the server told");
    authorised(&host);
    found
}

fn is_found(text: &str, content: &str) -> bool {
    matches!(
        find(Post::text(text), None, &[at("5", 1, content), old()]),
        Finding::Found(_)
    )
}

#[test]
fn a_text_however_the_server_renders_it() {
    for (text, content) in [
        ("Salam, dünya!", "<p>Salam, dünya!</p>"),
        ("Salam, dünya!", "Salam, dünya!"),
        ("a\nb\n\nc", "<p>a<br />b</p><p>c</p>"),
        (
            "Çay & su < \"şəkər\" 'x'",
            "<p>Çay &amp; su &lt; &quot;şəkər&quot; &#39;x&#x27;</p>",
        ),
        (
            "bax https://example.org/a-very-long/path?x=1&y=2",
            "<p>bax <a href=\"https://example.org/a-very-long/path?x=1&amp;y=2\"><span class=\"invisible\">https://</span><span class=\"ellipsis\">example.org/a-very</span><span class=\"invisible\">-long/path?x=1&amp;y=2</span></a></p>",
        ),
        (
            "salam @fatima@b.example, #Çay",
            "<p>salam <span class=\"h-card\"><a href=\"https://b.example/@fatima\" class=\"u-url mention\">@<span>fatima</span></a></span>, <a href=\"x\" class=\"mention hashtag\" rel=\"tag\">#<span>Çay</span></a></p>",
        ),
        ("salam @fatima@b.example", "<p>salam @fatima@b.example</p>"),
        ("👍👍", "<p>👍👍</p>"),
        (
            "He said “no” - twice",
            "<p>He said &quot;no&quot; – twice</p>",
        ),
    ] {
        assert!(is_found(text, content), "{text}");
    }
    for (text, content) in [
        ("Salam", "<p>Salam, dünya</p>"),
        ("👍👍", "<p>👍</p>"),
        ("👍", "<p>salam</p>"),
        ("a", "<p>b &amp"),
    ] {
        assert!(!is_found(text, content), "{text}");
    }
}

#[test]
fn what_it_finds_is_the_receipt() {
    let found = find(
        Post::text("one"),
        None,
        &[at("6", 5, "<p>two</p>"), at("5", 1, "<p>one</p>"), old()],
    );
    assert_eq!(
        found,
        Finding::Found(Receipt {
            id: "5".into(),
            url: Some(format!("{SERVER}/@brand/5")),
            published_at: Some(START + 1000),
            parts: vec![],
            data: None,
        })
    );
}

#[test]
fn only_what_is_young_enough_counts() {
    for (seconds, found) in [(-300, true), (-301, false), (-7200, false), (3000, true)] {
        let page = [at("5", seconds, "<p>one</p>"), old()];
        let finding = find(Post::text("one"), None, &page);
        assert_eq!(matches!(finding, Finding::Found(_)), found, "{seconds}");
        assert!(found || finding == Finding::Absent);
    }
    // A time that can't be read is no proof of age.
    let strange = with(at("5", 0, "one"), json!({"created_at": "yesterday"}));
    assert!(matches!(
        find(Post::text("one"), None, &[strange, old()]),
        Finding::Found(_)
    ));
}

#[test]
fn an_answer_to_somebody_is_another_post() {
    let answer = with(at("5", 1, "<p>one</p>"), json!({"in_reply_to_id": "3"}));
    assert_eq!(
        find(Post::text("one"), None, &[answer.clone(), old()]),
        Finding::Absent
    );
    let post = Post {
        options: json!({"reply_to": "3"}).to_string(),
        ..Post::text("one")
    };
    assert!(matches!(
        find(post, None, &[answer, old()]),
        Finding::Found(_)
    ));
}

#[test]
fn files_tell_posts_without_words_apart() {
    let files = |ids: &[&str]| {
        let files: Vec<_> = ids.iter().map(|id| json!({ "id": id })).collect();
        with(at("5", 1, ""), json!({ "media_attachments": files }))
    };
    let post = Post {
        media: vec![testing::media("a.png", "image/png", 1)],
        ..Post::default()
    };
    let state = || {
        Some(State {
            media: vec![Upload {
                id: "m1".into(),
                ready: true,
            }],
            ..State::default()
        })
    };
    assert!(matches!(
        find(post.clone(), state(), &[files(&["m1"]), old()]),
        Finding::Found(_)
    ));
    assert_eq!(
        find(post.clone(), state(), &[files(&["m2"]), old()]),
        Finding::Absent
    );
    assert_eq!(
        find(post.clone(), state(), &[files(&["m1", "m2"]), old()]),
        Finding::Absent
    );
    // With words, a server that gives its files new names is no hindrance.
    let with_words = Post {
        text: "one".into(),
        ..post
    };
    let renamed = with(files(&["x"]), json!({"content": "<p>one</p>"}));
    assert!(matches!(
        find(with_words, state(), &[renamed, old()]),
        Finding::Found(_)
    ));
}

#[test]
fn a_thread_goes_on_after_the_parts_that_are_there() {
    let post = Post {
        thread: vec![ThreadPart::text("two"), ThreadPart::text("three")],
        ..Post::text("one")
    };
    let reply = |id, seconds, text: &str, to: &str| {
        with(at(id, seconds, text), json!({ "in_reply_to_id": to }))
    };
    let one = at("1", 1, "<p>one</p>");
    let two = reply("2", 2, "<p>two</p>", "1");
    let three = reply("3", 3, "<p>three</p>", "2");
    let after_one = || {
        Some(State {
            parts: vec!["1".into()],
            url: Some("u".into()),
            ..State::default()
        })
    };

    // The step in doubt is there.
    let Finding::Partial(progress) = find(
        post.clone(),
        after_one(),
        &[two.clone(), one.clone(), old()],
    ) else {
        panic!("two of three are there");
    };
    assert_eq!(state(&progress).parts, ["1", "2"]);
    assert_eq!(state(&progress).url.as_deref(), Some("u"));
    assert_eq!(
        (progress.note.as_str(), progress.visible),
        ("2 of 3 parts published", true)
    );
    // It is not: it can be done again.
    assert_eq!(
        find(post.clone(), after_one(), &[one.clone(), old()]),
        Finding::Absent
    );
    // All are, even without a state.
    let all = [three, two.clone(), one, old()];
    let Finding::Found(receipt) = find(post.clone(), None, &all) else {
        panic!("all are there");
    };
    assert_eq!(
        (receipt.id.as_str(), receipt.parts),
        ("1", vec!["2".to_owned(), "3".to_owned()])
    );
    // The second part without the first is somebody else's.
    assert_eq!(find(post, None, &[two, old()]), Finding::Absent);
}

#[test]
fn pages_are_read_until_they_are_older() {
    let host = Host::new();
    me(&host);
    let page = |from: u64| -> Vec<Value> {
        (0..3)
            .map(|n| at(&(from - n).to_string(), 10, "<p>other</p>"))
            .collect()
    };
    host.expect(line("GET", LIST), Answer::json(200, &page(50)))
        .expect(
            line("GET", &format!("{LIST}&max_id=48")),
            Answer::json(200, &page(47)),
        )
        .expect(
            line("GET", &format!("{LIST}&max_id=45")),
            Answer::json(200, &[at("44", 1, "<p>one</p>"), old()]),
        );
    let found = Mastodon::find_published(&delivery(Post::text("one")), None, START);
    assert!(matches!(found, Ok(Finding::Found(receipt)) if receipt.id == "44"));
    // The identifier of the account is remembered; an empty page is the end.
    host.expect(line("GET", LIST), Answer::json(200, &page(50)))
        .expect(
            line("GET", &format!("{LIST}&max_id=48")),
            Answer::json(200, &[0; 0]),
        );
    let absent = Mastodon::find_published(&delivery(Post::text("one")), None, START);
    assert_eq!(absent, Ok(Finding::Absent));
}

#[test]
fn too_many_to_tell() {
    let host = Host::new();
    me(&host);
    let mut next = 1000;
    host.serve(move |_| {
        next -= 1;
        Answer::json(200, &[at(&next.to_string(), 10, "<p>other</p>")])
    });
    let lost = Mastodon::find_published(&delivery(Post::text("one")), None, START);
    assert!(matches!(lost, Ok(Finding::CannotTell(_))), "{lost:?}");
    assert_eq!(host.requests().len(), 9);
}

#[test]
fn a_server_that_does_not_tell() {
    let host = Host::new();
    host.expect(
        line("GET", "/api/v1/accounts/verify_credentials"),
        Answer::empty(503),
    );
    let unknown = Mastodon::find_published(&delivery(Post::text("one")), None, START);
    assert!(matches!(unknown, Err(Error::Transient(_))), "{unknown:?}");
}
