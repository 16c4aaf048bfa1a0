//! Ninety days of measuring, by a clock that the test sets: the real daemon with a connector in
//! its sandbox, against a server with limits, outages, and posts that somebody deletes.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what goes wrong fails the test"
)]

mod stage;

use std::collections::BTreeMap;

use jarchi::config::Measuring;
use jarchi::measure::query::{Number, Query, Scope, table};
use jarchi::model::{Measure, State, TimeSpan, Timestamp};
use jarchi::store::{DeliveryFilter, PostNumbers, Subject};

use stage::{START, Seen, Stage};

const DAY: TimeSpan = TimeSpan::from_days(1);
/// A number of posts that no single call holds.
const AT_ONCE: usize = 30;
/// Requests that the thrifty account has for measuring on one day.
const THRIFTY: u32 = 6;

/// Between two tries in a long outage, and what follows it.
const RETRY: TimeSpan = TimeSpan::from_mins(65);

fn at(days: u64, hours: u64) -> Timestamp {
    START
        .saturating_add(TimeSpan::from_days(days))
        .saturating_add(TimeSpan::from_hours(hours))
}

/// When the platform, or the daemon, was not there.
fn outages() -> Vec<(Timestamp, Timestamp)> {
    vec![
        (at(3, 6), at(3, 18)),
        (at(20, 0), at(23, 0)),
        (at(40, 1), at(41, 9)),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn ninety_days_without_a_gap_of_our_own() {
    let mut stage = Stage::new(&[("free", 1000), ("thrifty", THRIFTY)]).await;
    // Two a day, and many at one moment.
    for day in 0..30 {
        stage.post("free", at(day, 9)).await;
        stage.post("free", at(day, 18)).await;
    }
    // Not while something is measured: two requests that are under way at once may both be the
    // last that there is room for.
    let together = at(2, 13).saturating_add(TimeSpan::from_mins(30));
    for _ in 0..AT_ONCE {
        stage.post("free", together).await;
    }
    for day in 0..10 {
        stage.post("thrifty", at(day, 10)).await;
    }

    stage.run_until(at(3, 6)).await;
    stage.server.switch_off();
    stage.run_until(at(3, 18)).await;
    stage.server.switch_on();

    // The platform asks to be left alone.
    stage.run_until(at(7, 9)).await;
    stage.server.too_many("free", 1800);
    let asked = stage.until_refused().await;
    stage
        .run_until(asked.saturating_add(TimeSpan::from_secs(1799)))
        .await;
    let meanwhile = stage.server.requests(|one| {
        one.account == "free" && one.at > asked && one.path.starts_with("/api/v1/statuses")
    });
    assert_eq!(
        meanwhile,
        [],
        "it was asked for while it wanted to be left alone"
    );

    stage.run_until(at(10, 0)).await;
    let deleted = stage.server.delete_first("free");
    stage.run_until(at(20, 0)).await;
    stage.server.switch_off();
    stage.run_until(at(23, 0)).await;
    stage.server.switch_on();
    stage.run_until(at(40, 1)).await;
    stage.stop().await;
    stage.set(at(41, 9));
    stage.start().await;
    let end = at(121, 0);
    stage.run_until(end).await;

    // No call for numbers over the platform's limits: not one was refused, but where it was told
    // to.
    let mut refused = stage.server.refused();
    refused.retain(is_measuring);
    assert_eq!(refused.len(), 1, "{refused:#?}");
    assert_eq!(refused[0].at, asked);
    let records = stage.records();
    assert_eq!(records.len(), 60 + AT_ONCE + 10);
    for record in &records {
        readings_are_right(record, end);
    }
    let gone: Vec<&PostNumbers> = records.iter().filter(|one| one.gone.is_some()).collect();
    assert_eq!(gone.len(), 1);
    ended(&stage, gone[0], &deleted);
    budget_was_kept(&stage);
    let samples = stage
        .store()
        .view()
        .samples(&Subject::Account("free".to_owned()), Timestamp(0), end)
        .unwrap();
    let days: Vec<u64> = samples
        .iter()
        .map(|one| one.at.since(START).0 / DAY.0)
        .collect();
    // Daily but where nobody was there: of some days the reading came when they had ended.
    let missing: Vec<u64> = (1..121).filter(|day| !days.contains(day)).collect();
    assert!(missing.len() <= 5, "{missing:?}");
    assert_eq!(stage.store().check(|_| {}).unwrap().problems, [""; 0]);
    questions_are_answered(&stage, &records);
    stage.stop().await;
}

/// Each age was measured once, soon after it came where the platform was there, and as
/// soon as it was back where it was not.
fn readings_are_right(record: &PostNumbers, end: Timestamp) {
    let samples = record.readings.samples();
    let ages = Measuring::AGES;
    let last_age = record.gone.unwrap_or(end).since(record.published);
    let mut before = TimeSpan::ZERO;
    for sample in samples {
        let age = sample.at.since(record.published);
        let new = ages.iter().any(|wanted| before < *wanted && *wanted <= age);
        assert!(
            new,
            "{}: a reading at {age} that no age asks for",
            record.delivery
        );
        before = age;
    }
    for wanted in ages.into_iter().filter(|wanted| *wanted < last_age) {
        let due = record.published.saturating_add(wanted);
        let Some(taken) = samples.iter().find(|sample| sample.at >= due) else {
            assert!(
                record.gone.is_some(),
                "{}: no reading at {wanted}",
                record.delivery
            );
            continue;
        };
        let mut allowed = due
            .saturating_add(TimeSpan(wanted.0 / 20).min(TimeSpan::from_hours(1)))
            .saturating_add(TimeSpan::from_mins(40));
        for (from, to) in outages() {
            if from <= allowed && due <= to {
                allowed = allowed.max(to.saturating_add(RETRY));
            }
        }
        if record.account == "thrifty" {
            // What is left of a day is measured on the next.
            allowed = allowed.saturating_add(TimeSpan::from_hours(26));
        }
        assert!(
            taken.at <= allowed,
            "{} of {}: {wanted} was due at {due} and taken at {}",
            record.delivery,
            record.account,
            taken.at
        );
    }
}

/// A deleted post was asked for until the platform said so, and never again.
fn ended(stage: &Stage, record: &PostNumbers, id: &str) {
    let gone = record.gone.unwrap();
    assert!((at(10, 0)..at(20, 0)).contains(&gone), "{gone}");
    assert_eq!(record.next, None);
    let path = format!("/api/v1/statuses/{id}");
    let later = stage.server.requests(|one| {
        one.at > gone && (one.path == path || one.query.contains(&format!("={id}")))
    });
    assert_eq!(later, []);
    assert!(!record.readings.samples().is_empty(), "what was read stays");
}

/// Of one post, or of several; nothing else reads these.
fn is_measuring(one: &Seen) -> bool {
    one.method == "GET" && one.path.starts_with("/api/v1/statuses")
}

fn budget_was_kept(stage: &Stage) {
    let measuring = stage
        .server
        .requests(|one| one.account == "thrifty" && is_measuring(one));
    let mut days: BTreeMap<u64, u32> = BTreeMap::new();
    for one in measuring {
        *days.entry(one.at.0 / DAY.0).or_default() += 1;
    }
    let most = days.values().copied().max().unwrap();
    // One of each day's is for the account itself.
    assert!(most < THRIFTY, "{most} requests on one day: {days:?}");
    assert!(
        most + 1 == THRIFTY,
        "the budget was never at its end: {days:?}"
    );
}

/// What the daemon answers is what one finds by reading everything.
fn questions_are_answered(stage: &Stage, records: &[PostNumbers]) {
    let likes = Number::Count(Measure::Likes);
    let query = Query {
        scope: Scope {
            accounts: vec!["free".to_owned()],
            at_age: Some(TimeSpan::from_days(7)),
            ..Scope::default()
        },
        by: Vec::new(),
        numbers: vec![likes],
    };
    let view = stage.store().view();
    let answer = table(view, &stage.config, &query).unwrap();
    let week = TimeSpan::from_days(7);
    let mut sum = 0;
    let mut count = 0;
    for record in records.iter().filter(|one| one.account == "free") {
        let due = record.published.saturating_add(week);
        let subject = Subject::Delivery(record.delivery);
        let samples = view.samples(&subject, due, Timestamp::MAX).unwrap();
        let found = samples
            .first()
            .filter(|one| one.at <= due.saturating_add(TimeSpan(week.0 / 2)));
        if let Some(value) = found.and_then(|one| one.get(&Measure::Likes)) {
            sum += value;
            count += 1;
        }
    }
    let row = &answer.rows[0];
    assert_eq!(row.posts, 60 + AT_ONCE as u64);
    assert_eq!(row.gone, 1);
    assert_eq!(row.cells[0].posts, count);
    assert_eq!(row.cells[0].total, Some(sum as f64));
    assert!(sum > 0, "somebody liked something");
    let filter = DeliveryFilter::default();
    let all = view.deliveries(&filter, usize::MAX).unwrap();
    assert!(all.iter().all(|one| one.state == State::Published));
}
