use std::collections::BTreeSet;

use chrono_tz::Tz;

use super::super::{Cron, next_free_slot, slots_between};
use super::at;

fn crons(expressions: &[&str]) -> Vec<Cron> {
    expressions
        .iter()
        .map(|text| Cron::parse(text).unwrap())
        .collect()
}

#[test]
fn slots_of_several_expressions_are_one_series() {
    let slots = crons(&["0 18 * * *", "0 9 * * MON-FRI", "0 9,18 * * MON"]);
    // Monday, 2 March 2026; Baku is four hours ahead.
    let found = slots_between(
        &slots,
        Tz::Asia__Baku,
        at("2026-03-01T05:00Z"),
        at("2026-03-03T05:00Z"),
    );
    let expected = [
        "2026-03-01T14:00Z",
        "2026-03-02T05:00Z",
        "2026-03-02T14:00Z",
    ]
    .map(at);
    assert_eq!(found, expected);
}

#[test]
fn the_first_moment_belongs_to_the_span_and_the_last_does_not() {
    let slots = crons(&["0 9 * * *"]);
    let nine = |day: u32| at(&format!("2026-03-{day:02}T05:00Z"));
    assert_eq!(
        slots_between(&slots, Tz::Asia__Baku, nine(1), nine(3)),
        [nine(1), nine(2)]
    );
    assert_eq!(slots_between(&slots, Tz::Asia__Baku, nine(3), nine(3)), []);
    assert_eq!(slots_between(&slots, Tz::Asia__Baku, nine(3), nine(1)), []);
}

#[test]
fn a_span_of_endless_slots_ends() {
    let slots = crons(&["* * * * * *"]);
    let found = slots_between(
        &slots,
        Tz::UTC,
        at("2026-01-01T00:00"),
        at("2027-01-01T00:00"),
    );
    assert_eq!(found.len(), 10_000);
}

#[test]
fn the_next_free_slot_is_not_taken() {
    let slots = crons(&["0 9 * * *", "0 18 * * *"]);
    let after = at("2026-03-01T05:00Z");
    let mut taken = BTreeSet::new();
    let mut found = Vec::new();
    for _ in 0..3 {
        let slot = next_free_slot(&slots, Tz::Asia__Baku, after, &taken).unwrap();
        taken.insert(slot);
        found.push(slot);
    }
    let expected = [
        "2026-03-01T14:00Z",
        "2026-03-02T05:00Z",
        "2026-03-02T14:00Z",
    ]
    .map(at);
    assert_eq!(found, expected);
    assert_eq!(next_free_slot(&[], Tz::UTC, after, &taken), None);
    let over = crons(&["0 0 9 1 1 * 2025"]);
    assert_eq!(
        next_free_slot(&over, Tz::UTC, after, &BTreeSet::new()),
        None
    );
}
