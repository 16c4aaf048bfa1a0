//! The daemon is killed at random moments while it publishes, and started again each
//! time: in the end every post is there once.
//!
//! The seed is printed; `JARCHI_TEST_SEED` repeats a run.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what goes wrong fails the test"
)]

mod chaos;
mod posts;

use std::collections::BTreeMap;

use jarchi::model::{AttemptOutcome, Delivery};
use jarchi::service::Client;
use jarchi::service::api::{Deliveries, QueueList, Request};
use jarchi_tests::chance::Chance;
use jarchi_tests::daemon::{Daemon, Home, config};
use jarchi_tests::killer::{Killer, Plan};
use jarchi_tests::standin::{PATIENCE, Standin};

use posts::{ACCOUNTS, Expected};

#[tokio::test(flavor = "multi_thread")]
async fn fifty_kills_lose_nothing_and_double_nothing() {
    let seen = run(200, 50, |_| {}).await;
    assert!(seen.interrupted >= 50, "the kills hit nothing: {seen:?}");
    assert!(seen.found > 0, "{seen:?}");
}

/// There, looking the post up is all that keeps it from going out twice.
#[tokio::test(flavor = "multi_thread")]
async fn nor_where_the_server_knows_no_idempotency_key() {
    let seen = run(60, 12, Standin::ignore_idempotency_keys).await;
    assert!(seen.interrupted >= 12, "the kills hit nothing: {seen:?}");
    assert!(seen.found > 0, "{seen:?}");
}

/// What the deliveries remember of it.
#[derive(Debug, Default)]
struct Seen {
    interrupted: usize,
    found: usize,
    absent: usize,
}

async fn run(deliveries: usize, kills: usize, prepare: impl FnOnce(&Standin)) -> Seen {
    let mut chance = Chance::from_environment();
    let standin = Standin::start(&ACCOUNTS);
    prepare(&standin);
    let home = Home::new(&config(&standin, &ACCOUNTS)).await;
    let expected = posts::write(&home, deliveries).await;
    let killer = Killer::braking(&standin);

    for number in 0..kills {
        if number % 5 == 4 {
            // Once more, before it has even begun: while it reads what the one before left.
            let mut daemon = home.spawn();
            killer.kill_soon(daemon.pid(), &mut chance).await;
            daemon.ended().await;
        }
        let mut daemon = home.spawn();
        killer.arm(Plan::new(daemon.pid(), 4, &mut chance));
        // Dead by the plan; or all is published, and there was too little to do.
        tokio::select! {
            _ = daemon.ended() => {}
            _ = standin.until("a kill", |book| posts::is_complete(&expected, book)) => {
                panic!("all was published after {number} of {kills} kills")
            }
        }
        assert!(killer.has_killed(), "it ended by itself:\n{}", daemon.log());
    }

    let out = standin.book().len();
    let mut daemon = home.start().await;
    settled(&home, &mut daemon, deliveries).await;
    let (status, _) = daemon.get("/readyz").await;
    assert_eq!(status, 200);
    let seen = judge(&home, deliveries).await;
    let status = daemon.terminate().await;
    assert!(status.success(), "{status}");
    compare(&expected, &standin);
    home.ok(&["store", "check"]).await;
    println!(
        "{kills} kills, {deliveries} deliveries, {out} of {} statuses before the last start: {seen:?}",
        standin.book().len()
    );
    seen
}

async fn ask<T: serde::de::DeserializeOwned>(home: &Home, request: Request) -> T {
    let socket = home.data().join("jarchi.sock");
    let client = Client::connect(&socket).await.unwrap().unwrap();
    client.call(&request).await.unwrap()
}

async fn queue(home: &Home, all: bool) -> QueueList {
    let request = Request::Queue {
        account: None,
        all,
        dead: false,
        limit: 10_000,
    };
    ask(home, request).await
}

/// Waits until all is published.
async fn settled(home: &Home, daemon: &mut Daemon, deliveries: usize) {
    let mut lines = daemon.lines();
    let waiting = async {
        loop {
            lines.mark_unchanged();
            let all = queue(home, true).await;
            let is = |state: &'static str| {
                let of_it = all.deliveries.iter().filter(|line| line.state == state);
                of_it.count()
            };
            if is("published") == deliveries || is("failed") + is("parked") + is("missed") > 0 {
                return;
            }
            lines.changed().await.unwrap();
        }
    };
    if tokio::time::timeout(PATIENCE, waiting).await.is_err() {
        let open = queue(home, false).await;
        panic!("stuck: {open:#?}\n{}", daemon.log());
    }
}

/// By the daemon's own account.
async fn judge(home: &Home, expected: usize) -> Seen {
    let list = queue(home, true).await;
    let mut seen = Seen::default();
    let mut states: BTreeMap<String, usize> = BTreeMap::new();
    for line in &list.deliveries {
        *states.entry(line.state.clone()).or_default() += 1;
        let request = Request::ShowDelivery {
            delivery: line.delivery,
        };
        let Deliveries { deliveries } = ask(home, request).await;
        count(&mut seen, &deliveries[0]);
    }
    assert_eq!(states, BTreeMap::from([("published".to_owned(), expected)]));
    seen
}

fn count(seen: &mut Seen, delivery: &Delivery) {
    for attempt in &delivery.history {
        match attempt.outcome {
            AttemptOutcome::Interrupted => seen.interrupted += 1,
            AttemptOutcome::Found => seen.found += 1,
            AttemptOutcome::Absent => seen.absent += 1,
            _ => {}
        }
    }
}

/// By the server's book: each part of each post once, in its place, with its files.
fn compare(expected: &[Expected], standin: &Standin) {
    let book = standin.book();
    let mut left: Vec<_> = book.iter().collect();
    for post in expected {
        let mut parent = None;
        for (number, text) in post.parts.iter().enumerate() {
            let of_it: Vec<_> = book
                .iter()
                .filter(|entry| entry.account == post.account && entry.text == *text)
                .collect();
            assert_eq!(of_it.len(), 1, "{} on {}: {of_it:#?}", text, post.account);
            let entry = of_it[0];
            assert_eq!(entry.in_reply_to_id, parent, "{text} on {}", post.account);
            parent = Some(entry.id.clone());
            let media: Vec<_> = entry
                .media
                .iter()
                .map(|media| (media.digest.clone(), media.description.clone()))
                .collect();
            let wanted = if number == 0 { &post.media[..] } else { &[] };
            assert_eq!(media, wanted, "{text} on {}", post.account);
            left.retain(|other| other.id != entry.id);
        }
    }
    assert!(left.is_empty(), "nobody wrote these: {left:#?}");
}
