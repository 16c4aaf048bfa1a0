use chrono_tz::Tz;

use super::super::{Cron, Fires, due_fires};
use super::at;
use crate::config::Misfire;
use crate::model::{TimeSpan, Timestamp};

fn due(expression: &str, last: &str, now: &str, policy: Misfire) -> Fires {
    let cron = Cron::parse(expression).unwrap();
    due_fires(&cron, Tz::Asia__Baku, at(last), at(now), policy, 100)
}

fn fires<const N: usize>(run: [&str; N], skipped: u64) -> Fires {
    Fires {
        run: run.map(at).to_vec(),
        skipped,
    }
}

#[test]
fn a_fire_that_is_on_time_runs_whatever_the_policy() {
    for policy in [Misfire::RunOnce, Misfire::RunAll, Misfire::Skip] {
        let at_once = due(
            "0 9 * * *",
            "2026-03-01T05:00Z",
            "2026-03-02T05:00:00Z",
            policy,
        );
        assert_eq!(at_once, fires(["2026-03-02T05:00Z"], 0));
        let late = due(
            "0 9 * * *",
            "2026-03-01T05:00Z",
            "2026-03-02T05:01:00Z",
            policy,
        );
        assert_eq!(late, fires(["2026-03-02T05:00Z"], 0));
        let early = due(
            "0 9 * * *",
            "2026-03-01T05:00Z",
            "2026-03-02T04:59:59.999Z",
            policy,
        );
        assert_eq!(early, Fires::default());
    }
}

#[test]
fn what_was_missed_follows_the_policy() {
    // Off from 1 March, 10:00 until 4 March, 12:00 in Baku: three fires at 09:00.
    let (last, now) = ("2026-03-01T05:00Z", "2026-03-04T08:00Z");
    assert_eq!(
        due("0 9 * * *", last, now, Misfire::RunOnce),
        fires(["2026-03-04T05:00Z"], 2)
    );
    assert_eq!(
        due("0 9 * * *", last, now, Misfire::RunAll),
        fires(
            [
                "2026-03-02T05:00Z",
                "2026-03-03T05:00Z",
                "2026-03-04T05:00Z"
            ],
            0
        )
    );
    assert_eq!(due("0 9 * * *", last, now, Misfire::Skip), fires([], 3));
}

#[test]
fn a_fire_on_time_stands_for_those_that_were_missed() {
    // Back 30 seconds after the third fire.
    let (last, now) = ("2026-03-01T05:00Z", "2026-03-04T05:00:30Z");
    assert_eq!(
        due("0 9 * * *", last, now, Misfire::RunOnce),
        fires(["2026-03-04T05:00Z"], 2)
    );
    assert_eq!(
        due("0 9 * * *", last, now, Misfire::Skip),
        fires(["2026-03-04T05:00Z"], 2)
    );
    assert_eq!(due("0 9 * * *", last, now, Misfire::RunAll).run.len(), 3);
}

#[test]
fn run_all_keeps_the_latest_of_too_many() {
    let fires = due(
        "* * * * *",
        "2026-03-01T05:00Z",
        "2026-03-01T10:00Z",
        Misfire::RunAll,
    );
    assert_eq!(fires.run.len(), 100);
    assert_eq!(fires.skipped, 200);
    assert_eq!(fires.run[0], at("2026-03-01T08:21"));
    assert_eq!(fires.run[99], at("2026-03-01T10:00"));
}

#[test]
fn a_year_of_every_second_is_caught_up_with_quickly() {
    let (last, now) = ("2025-03-01T05:00Z", "2026-03-01T10:00:00Z");
    let all = due("* * * * * *", last, now, Misfire::RunAll);
    assert_eq!(all.run.len(), 100);
    assert_eq!(all.run[99], at(now));
    assert_eq!(all.run[0], at("2026-03-01T09:58:21Z"));
    assert!(all.skipped >= 9_900);
    let once = due(
        "* * * * * *",
        last,
        "2026-03-01T10:00:00.200Z",
        Misfire::RunOnce,
    );
    assert_eq!(once.run.last(), Some(&at(now)));
    // Nothing in the last months: the end is looked for further back.
    let winter = due(
        "* * * 1 1 *",
        "2024-12-01T00:00Z",
        "2026-12-01T00:00:00Z",
        Misfire::RunOnce,
    );
    assert_eq!(winter.run, [at("2026-01-01T19:59:59Z")]);
}

#[test]
fn a_clock_that_was_put_back_fires_nothing_twice() {
    let cron = Cron::parse("*/5 * * * *").unwrap();
    let mut last = at("2026-03-01T05:00Z");
    let mut all: Vec<Timestamp> = Vec::new();
    // An hour on, put back by half an hour, and on again.
    let hour = (0..60).chain(30..90);
    for minute in hour {
        let now = at("2026-03-01T05:00Z").saturating_add(TimeSpan::from_mins(minute));
        let fires = due_fires(&cron, Tz::UTC, last, now, Misfire::RunAll, 100);
        last = fires.run.last().copied().unwrap_or(last);
        all.extend(fires.run);
    }
    let expected: Vec<Timestamp> = (1..18)
        .map(|step| at("2026-03-01T05:00Z").saturating_add(TimeSpan::from_mins(step * 5)))
        .collect();
    assert_eq!(all, expected);
}
