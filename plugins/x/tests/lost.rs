//! Answers that are lost, kills and refusals in the middle: the account ends with the post
//! once.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::cell::RefCell;
use std::rc::Rc;

use common::{START, delivery, picture, problem, stage, video, with_media, with_options};
use jarchi_platforms::x::X as Platform;
use jarchi_platforms::{Answer, Stage, Trouble};
use jarchi_plugin_sdk::{Delivery, Error, Finding, Outcome, Post, Publisher, ThreadPart};
use jarchi_plugin_x::X;
use jarchi_plugin_x::publish::State;
use jarchi_plugin_x::upload::SEGMENT;
use serde_json::json;

fn thread(stage: &Stage<Platform>) -> Post {
    Post {
        thread: vec![ThreadPart {
            text: "Bax: https://a.az/Çay?x=1 & example.com <b>".into(),
            media: vec![video(stage, SEGMENT as usize + 1)],
        }],
        first_comment: Some("👍".into()),
        ..with_media("", vec![picture(stage, "a.png"), picture(stage, "b.png")])
    }
}

/// Whatever request of a post with everything meets this, the account has it once.
#[test]
fn each_request_in_turn() {
    let troubles: [fn() -> Trouble; 4] = [
        || Trouble::LoseAnswer,
        || Trouble::NotSent,
        || Trouble::After(Answer::empty(503)),
        || Trouble::Instead(Answer::empty(500)),
    ];
    let whole = stage();
    let post = thread(&whole);
    whole.persist::<X>(&delivery(post)).expect("X takes it");
    let called = whole.called();
    let count = called.len();
    assert_eq!(count, 13, "two pictures, a video, three posts: {called:#?}");
    drop(whole);
    for trouble in troubles {
        for number in 0..count {
            let stage = stage();
            let delivery = delivery(thread(&stage));
            let mut seen = 0;
            let shown = Rc::new(RefCell::new(String::new()));
            let shared = shown.clone();
            stage.trouble(move |request| {
                seen += 1;
                if seen == number + 1 {
                    *shared.borrow_mut() = format!("{} {}", request.method, request.path());
                    return Some(trouble());
                }
                None
            });
            let receipt = stage.persist::<X>(&delivery);
            let met = shown.borrow().clone();
            let (receipt, _) = receipt.unwrap_or_else(|error| panic!("{met}: {error:?}"));
            let platform = stage.platform.borrow();
            let ids: Vec<&String> = platform.own().iter().map(|post| &post.id).collect();
            let told: Vec<&String> = [&receipt.id].into_iter().chain(&receipt.parts).collect();
            assert_eq!(ids, told, "{met}");
            assert_eq!(ids.len(), 3, "{met}");
        }
    }
}

/// A kill after any step: the state before it is all that is left.
#[test]
fn a_kill_between_two_steps_repeats_one() {
    let stage = stage();
    let delivery = delivery(with_media("a", vec![video(&stage, 3 * SEGMENT as usize)]));
    let mut outcome = X::publish(&delivery).unwrap();
    let mut steps = Vec::new();
    let receipt = loop {
        let progress = match outcome {
            Outcome::Published(receipt) => break receipt,
            Outcome::Processing(progress) => progress,
        };
        steps.push(progress.note.clone());
        assert!(steps.len() < 30, "{steps:#?}");
        let state = || serde_json::from_str::<State>(&progress.state).unwrap();
        stage.host.advance(progress.after);
        // Done, and not written down. A post that is out would be looked up.
        if !stage
            .platform
            .borrow()
            .uploads
            .values()
            .all(|one| one.ready)
        {
            let _ = X::resume(&delivery, state());
        }
        outcome = X::resume(&delivery, state()).unwrap();
    };
    let platform = stage.platform.borrow();
    assert_eq!(platform.own()[0].id, receipt.id);
    assert_eq!(platform.uploads.len(), 1);
}

/// X lists a post late: the look-up says that it is not there, and the repeat is refused
/// as a duplicate. That alone is no success; the list, a moment later, is.
#[test]
fn a_duplicate_is_evidence() {
    let stage = stage();
    stage.platform.borrow_mut().lag = 20_000;
    stage.trouble_once("POST", "/2/tweets", Trouble::LoseAnswer);
    let delivery = delivery(Post::text("Salam"));
    let (receipt, _) = stage.persist::<X>(&delivery).expect("it is found");
    let platform = stage.platform.borrow();
    assert_eq!(platform.own().len(), 1);
    assert_eq!(platform.own()[0].id, receipt.id);
}

#[test]
fn a_duplicate_of_another_post() {
    let stage = stage();
    // The same words, long before.
    stage
        .platform
        .borrow_mut()
        .others_post("1001", "Salam", None, START - 3_600_000);
    let first = delivery(Post::text("Salam"));
    let outcome = X::publish(&first);
    let Err(Error::Invalid(reason)) = outcome else {
        panic!("{outcome:?}");
    };
    assert!(reason.contains("not of this delivery"), "{reason}");
    // After an attempt that may have arrived, nobody knows.
    let second = Delivery {
        attempt: 2,
        ..first
    };
    let outcome = X::publish(&second);
    assert!(
        matches!(outcome, Err(Error::UnknownOutcome(_))),
        "{outcome:?}"
    );
    assert_eq!(stage.platform.borrow().own().len(), 1);
}

#[test]
fn what_is_not_the_post() {
    let near = |text: &str, options: serde_json::Value| {
        let stage = stage();
        let theirs =
            stage
                .platform
                .borrow_mut()
                .others_post("2001", "Salam @jarchi_tea", None, START);
        let options = serde_json::from_str(&options.to_string().replace("THEIRS", &theirs));
        let published = delivery(with_options("Salam, dünya", options.unwrap()));
        stage.publish::<X>(&published).expect("X takes it");
        X::find_published(&delivery(Post::text(text)), None, START).unwrap()
    };
    let is_found = |finding| matches!(finding, Finding::Found(_));
    assert!(is_found(near("Salam, dünya", json!({}))));
    // Marks and letters apart, as some editors write them.
    assert!(is_found(near("Salam, du\u{308}nya", json!({}))));
    assert_eq!(near("Salam", json!({})), Finding::Absent);
    assert_eq!(
        near("Salam, dünya", json!({"reply_to": "THEIRS"})),
        Finding::Absent
    );
}

#[test]
fn only_what_is_young_enough_counts() {
    let stage = stage();
    let delivery = delivery(Post::text("Salam"));
    stage.publish::<X>(&delivery).expect("X takes it");
    let at = |since| X::find_published(&delivery, None, since).unwrap();
    assert!(matches!(at(START + 4 * 60_000), Finding::Found(_)));
    assert_eq!(at(START + 6 * 60_000), Finding::Absent);
}

#[test]
fn too_many_to_tell() {
    let stage = stage();
    for number in 0..450 {
        let text = format!("Number {number}");
        stage
            .platform
            .borrow_mut()
            .others_post("1001", &text, None, START);
    }
    let find = |text: &str| X::find_published(&delivery(Post::text(text)), None, START).unwrap();
    assert!(matches!(find("Number 440"), Finding::Found(_)));
    assert!(matches!(find("Number 60"), Finding::Found(_)));
    assert!(matches!(find("Salam"), Finding::CannotTell(_)));
}

/// A refusal in the middle of a thread keeps what is out.
#[test]
fn a_refused_part() {
    let stage = stage();
    stage.platform.borrow_mut().no_own_replies = true;
    let delivery = delivery(Post {
        thread: vec![ThreadPart::text("iki")],
        ..Post::text("bir")
    });
    let Ok(Outcome::Processing(progress)) = X::publish(&delivery) else {
        panic!("a step");
    };
    assert!(progress.visible);
    let outcome = X::resume(&delivery, serde_json::from_str(&progress.state).unwrap());
    let Err(Error::Invalid(reason)) = outcome else {
        panic!("{outcome:?}");
    };
    assert!(reason.contains("self-serve"), "{reason}");
}

/// The token ends between two steps: the daemon renews it, and it goes on.
#[test]
fn a_token_that_ends_in_the_middle() {
    let stage = stage();
    let delivery = delivery(with_media("a", vec![video(&stage, 10)]));
    stage.platform.borrow_mut().tokens.ends = Some(START + 1000);
    let Ok(Outcome::Processing(progress)) = X::publish(&delivery) else {
        panic!("a step");
    };
    stage.host.advance(2000);
    let resume = || X::resume(&delivery, serde_json::from_str(&progress.state).unwrap());
    let outcome = resume();
    assert!(
        matches!(outcome, Err(Error::Unauthorized(_))),
        "{outcome:?}"
    );
    stage.platform.borrow_mut().tokens.ends = None;
    stage
        .go_on::<X>(&delivery, resume().unwrap())
        .expect("X takes it");
    assert_eq!(stage.platform.borrow().uploads.len(), 1);
}

#[test]
fn what_a_commit_meets() {
    let about = "about:blank";
    let kind = |name: &str| format!("https://api.x.com/2/problems/{name}");
    for (status, kind, detail, wanted) in [
        (
            400,
            kind("invalid-request"),
            "One or more parameters",
            "invalid",
        ),
        (401, about.into(), "Unauthorized", "unauthorized"),
        (402, kind("credits"), "No credits", "unauthorized"),
        (
            403,
            about.into(),
            "Unsupported Authentication",
            "unauthorized",
        ),
        (
            403,
            about.into(),
            "Your account is suspended",
            "unauthorized",
        ),
        (
            403,
            kind("client-forbidden"),
            "Client Forbidden",
            "unauthorized",
        ),
        (
            403,
            about.into(),
            "You are not permitted to access this feature",
            "unauthorized",
        ),
        (
            403,
            about.into(),
            "A maximum of one cashtag is allowed",
            "invalid",
        ),
        (403, about.into(), "This link is not valid", "invalid"),
        (404, about.into(), "Not Found", "invalid"),
        (
            429,
            kind("usage-capped"),
            "Usage cap exceeded: Monthly",
            "unauthorized",
        ),
        (408, about.into(), "Timeout", "unknown"),
        (500, kind("internal-error"), "Internal", "unknown"),
        (503, about.into(), "Over capacity", "unknown"),
    ] {
        let stage = stage();
        let answer = problem(status, &kind, detail);
        stage.trouble_once("POST", "/2/tweets", Trouble::Instead(answer));
        let error = X::publish(&delivery(Post::text("a"))).expect_err("it is refused");
        let got = match &error {
            Error::Invalid(_) => "invalid",
            Error::Unauthorized(_) => "unauthorized",
            Error::UnknownOutcome(_) => "unknown",
            other => panic!("{other:?}"),
        };
        assert_eq!(got, wanted, "{status} {detail}");
        assert!(error.reason().contains(detail), "{error:?}");
    }
}

#[test]
fn two_hundred_without_an_identifier_is_unknown() {
    let errors = json!({ "errors": [{ "title": "odd", "detail": "odd" }] });
    for body in ["", "{}", "<html>", &errors.to_string()] {
        let stage = stage();
        let answer = Answer::new(200, "application/json", body);
        stage.trouble_once("POST", "/2/tweets", Trouble::Instead(answer));
        let outcome = X::publish(&delivery(Post::text("a")));
        assert!(
            matches!(outcome, Err(Error::UnknownOutcome(_))),
            "{outcome:?}"
        );
    }
}

#[test]
fn windows_are_waited_for() {
    let stage = stage();
    stage.platform.borrow_mut().use_up("POST /2/tweets", START);
    let outcome = X::publish(&delivery(Post::text("a")));
    assert_eq!(outcome, Err(Error::RateLimited(Some(15 * 60_000 + 1000))));
    stage.host.advance(15 * 60_000 + 1000);
    assert!(X::publish(&delivery(Post::text("a"))).is_ok());
    drop(stage);

    let stage = common::stage();
    stage.platform.borrow_mut().daily = 1;
    assert!(X::publish(&delivery(Post::text("a"))).is_ok());
    let outcome = X::publish(&delivery(Post::text("b")));
    assert_eq!(
        outcome,
        Err(Error::RateLimited(Some(24 * 60 * 60_000 + 1000)))
    );
}

#[test]
fn credits_end() {
    let stage = stage();
    stage.platform.borrow_mut().credits = Some(1);
    assert!(X::publish(&delivery(Post::text("a"))).is_ok());
    let error = X::publish(&delivery(Post::text("b"))).expect_err("no credits");
    assert!(error.reason().contains("credits are out"), "{error:?}");
}

#[test]
fn uploads_that_are_refused() {
    for (answer, wanted) in [
        (problem(400, "about:blank", "bad file"), "invalid"),
        (problem(413, "about:blank", "too large"), "invalid"),
        (problem(500, "about:blank", "oops"), "transient"),
        (problem(401, "about:blank", "no"), "unauthorized"),
        (
            problem(503, "about:blank", "busy").header("retry-after", 7),
            "limited",
        ),
    ] {
        let stage = stage();
        let file = picture(&stage, "a.png");
        stage.trouble_once("POST", "/media/upload", Trouble::Instead(answer));
        let error = X::publish(&delivery(with_media("a", vec![file]))).expect_err("refused");
        let got = match &error {
            Error::Invalid(_) => "invalid",
            Error::Unauthorized(_) => "unauthorized",
            Error::Transient(_) => "transient",
            Error::RateLimited(Some(7000)) => "limited",
            other => panic!("{other:?}"),
        };
        assert_eq!(got, wanted);
    }
}
