//! Every way in which a platform misbehaves, and what the user sees of it: a row each.
//! All rows run at once, each on a server and an account of its own.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what goes wrong fails the test"
)]

mod rows;
mod stage;

use std::time::Duration;

use jarchi::model::{AttemptOutcome, Delivery, Fault as Told, State};
use jarchi_tests::daemon::Home;
use jarchi_tests::standin::{Fault, Wait};

use rows::{Row, rows};
use stage::{Stage, ask, delivery, post};

/// What a row's delivery went through, in words: `publish: no answer, look: found`.
fn way(delivery: &Delivery) -> String {
    let steps = delivery.history.iter().map(|attempt| {
        let call = match attempt.call.as_str() {
            "find-published" => "look",
            _ => "send",
        };
        let end = match &attempt.outcome {
            AttemptOutcome::Published => "published",
            AttemptOutcome::Progressed(_) => "went on",
            AttemptOutcome::Found => "found",
            AttemptOutcome::Absent => "absent",
            AttemptOutcome::CannotTell(_) => "can't tell",
            AttemptOutcome::Interrupted => "interrupted",
            AttemptOutcome::Fault(fault) => match fault {
                Told::RateLimited(_) => "limited",
                Told::Unauthorized(_) => "unauthorised",
                Told::Invalid(_) => "refused",
                Told::Transient(_) => "failed",
                Told::UnknownOutcome(_) => "unknown",
                Told::Unsupported(_) => "unsupported",
            },
        };
        format!("{call} {end}")
    });
    let mut steps: Vec<String> = steps.collect();
    // A second and third look say nothing new.
    steps.dedup();
    steps.join(", ")
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_of_a_platform_has_its_outcome_and_none_doubles() {
    let rows = rows();
    let stage = Stage::new(&rows).await;
    let daemon = stage.home.start().await;
    let mut ids = Vec::new();
    for row in &rows {
        ids.push(post(&stage.home, row.name, 0).await);
    }
    let mut wrong = Vec::new();
    for ((row, id), place) in rows.iter().zip(ids).zip(&stage.places) {
        let settled = daemon.until(row.name, async || {
            let delivery = delivery(&stage.home, id).await;
            delivery.state.is_settled().then_some(delivery)
        });
        let delivery = settled.await;
        let (way, sends) = (way(&delivery), place.sends());
        let posts = place.standin.book().len();
        println!("{:<24}{:<10} {way}", row.name, delivery.state.name());
        if way != row.way || sends != row.sends || posts != row.posts {
            wrong.push(format!(
                "{}: {way}; {sends} sends, {posts} posts, and not {}; {} sends, {} posts: {:#?}",
                row.name, row.way, row.sends, row.posts, delivery
            ));
        }
        match (&delivery.state, row.reason) {
            (State::Published, None) => {}
            (State::Failed { reason }, Some(wanted)) if reason.contains(wanted) => {}
            (state, _) => wrong.push(format!("{}: {state:?}", row.name)),
        }
        if let Fault::TooMany(wait) = row.fault {
            wrong.extend(waited(row, wait, &delivery));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(daemon.terminate().await.success());
}

/// What the platform asked for was understood, and kept.
fn waited(row: &Row, wait: Wait, delivery: &Delivery) -> Option<String> {
    let AttemptOutcome::Fault(Told::RateLimited(understood)) = &delivery.history[0].outcome else {
        return Some(format!("{}: {:?}", row.name, delivery.history));
    };
    let asked = match wait {
        Wait::Unsaid => {
            return understood.map(|span| format!("{}: {span} was not asked for", row.name));
        }
        Wait::Seconds(seconds)
        | Wait::Date(seconds)
        | Wait::Moment(seconds)
        | Wait::Epoch(seconds)
        | Wait::After(seconds)
        | Wait::Draft(seconds)
        | Wait::Combined(seconds) => Duration::from_secs(u64::from(seconds)),
    };
    let Some(understood) = understood else {
        return Some(format!("{}: the wait was not understood", row.name));
    };
    let (understood, kept) = (
        understood.to_std(),
        delivery.history[1].ended.since(delivery.history[0].ended),
    );
    // Moments are told in whole seconds.
    let low = asked - Duration::from_secs(1);
    let fits = low <= understood && understood <= asked && understood <= kept.to_std();
    (!fits).then(|| {
        format!(
            "{}: {asked:?} were asked for, {understood:?} understood, {kept} kept",
            row.name
        )
    })
}

/// The token is replaced, and the upload goes on at the file that was refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_ends_in_the_middle_of_an_upload_is_told_and_the_rest_goes_on() {
    let stage = Stage::new(&[Row::quiet("middle")]).await;
    let place = &stage.places[0];
    place.standin.fail("POST", "/api/v2/media", Fault::Pass, 1);
    place
        .standin
        .fail("POST", "/api/v2/media", Fault::Refused(401), 1);
    let daemon = stage.home.start().await;
    let id = post(&stage.home, "middle", 3).await;
    let failed = daemon
        .until("the end", async || {
            let delivery = delivery(&stage.home, id).await;
            delivery.state.is_settled().then_some(delivery)
        })
        .await;
    let State::Failed { reason } = &failed.state else {
        panic!("{failed:#?}");
    };
    assert!(
        reason.contains("set the `secrets` of account `middle`"),
        "{reason}"
    );
    assert!(place.standin.book().is_empty());
    let retry = jarchi::service::api::Request::Retry { delivery: id };
    let _: jarchi::service::api::DeliveryLine = ask(&stage.home, retry).await;
    let book = place
        .standin
        .until("the post", |book| !book.is_empty())
        .await;
    assert_eq!(book[0].media.len(), 3);
    // One before, the one that was refused, and the two that were left.
    assert_eq!(place.uploads(), 4);
    assert!(daemon.terminate().await.success());
}

/// Of a server that can't be reached nothing is unknown: it is only tried again, and the
/// reason can be read.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_never_sent_is_tried_again_and_never_looked_for() {
    let stage = Stage::new(&[Row::quiet("down")]).await;
    let place = &stage.places[0];
    let listens = place.standin.address();
    let mut config = std::fs::read_to_string(stage.home.config()).unwrap();
    for (name, server) in [
        ("tls", format!("https://{listens}")),
        ("dns", "https://nowhere.invalid".to_owned()),
    ] {
        config.push_str(&stage::account(name, &server));
    }
    stage.home.configure(&config);
    place.standin.switch_off();
    let daemon = stage.home.start().await;
    for (name, word) in [("down", "refused"), ("dns", "nowhere.invalid")] {
        never_sent(&stage.home, &daemon, name, word).await;
    }
    place.standin.switch_on();
    never_sent(&stage.home, &daemon, "tls", "").await;
    let book = place
        .standin
        .until("the post", |book| !book.is_empty())
        .await;
    assert_eq!(book.len(), 1);
    assert_eq!(place.sends(), 1);
    assert!(daemon.terminate().await.success());
}

async fn never_sent(home: &Home, daemon: &jarchi_tests::daemon::Daemon, name: &str, word: &str) {
    let id = post(home, name, 0).await;
    let tried = daemon
        .until("a try", async || {
            let delivery = delivery(home, id).await;
            (!delivery.history.is_empty()).then_some(delivery)
        })
        .await;
    let AttemptOutcome::Fault(Told::Transient(reason)) = &tried.history[0].outcome else {
        panic!("{name}: {tried:#?}");
    };
    println!("{name}: {reason}");
    assert!(reason.to_lowercase().contains(word), "{name}: {reason}");
    let looked = tried.history.iter().any(|one| one.call == "find-published");
    assert!(!looked, "{name}: {tried:#?}");
    assert!(tried.uncertain.is_none(), "{name}: {tried:#?}");
}
