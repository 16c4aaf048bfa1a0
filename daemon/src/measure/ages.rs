//! At which ages a post is measured, and when that is.

use crate::model::{Digest, Id, TimeSpan, Timestamp};

/// The longest time by which measuring is put off to spread calls out.
pub(super) const MOST_SPREAD: TimeSpan = TimeSpan::from_hours(1);

/// The first age that has no reading yet: `last` is the age at which the post was read last.
/// A reading counts for every age before it, so that ages which passed in an outage are made
/// up for by one.
pub fn next_age(ages: &[TimeSpan], last: Option<TimeSpan>) -> Option<TimeSpan> {
    let mut ages = ages.iter().copied();
    ages.find(|age| last.is_none_or(|last| last < *age))
}

/// How much later than at this age a post may be measured: a twentieth of it, an hour at most.
pub(super) fn most_spread(age: TimeSpan) -> TimeSpan {
    TimeSpan(age.0 / 20).min(MOST_SPREAD)
}

/// How much later this one is: always the same, and another for another, so that what went out
/// at one moment is not measured at one.
pub(super) fn spread(delivery: Id, age: TimeSpan) -> TimeSpan {
    let mut seed = [0; 16];
    seed[..8].copy_from_slice(&delivery.0.to_be_bytes());
    seed[8..].copy_from_slice(&age.0.to_be_bytes());
    let throw = u64::from(Digest::of(&seed).0[0]);
    TimeSpan(most_spread(age).0 * throw / 255)
}

/// When a post is measured next.
pub(super) fn due(
    delivery: Id,
    published: Timestamp,
    ages: &[TimeSpan],
    last: Option<Timestamp>,
) -> Option<Timestamp> {
    let age = next_age(ages, last.map(|last| last.since(published)))?;
    let exact = published.saturating_add(age);
    Some(exact.saturating_add(spread(delivery, age)))
}

/// When a post is asked for again that the platform told nothing of: after a quarter of its
/// age, and at its next age at the latest. Beyond the oldest age never.
pub(super) fn again(
    delivery: Id,
    published: Timestamp,
    ages: &[TimeSpan],
    now: Timestamp,
) -> Option<Timestamp> {
    let age = now.since(published);
    let pause = TimeSpan(age.0 / 4).max(TimeSpan::from_mins(10));
    let later = now.saturating_add(pause);
    match due(delivery, published, ages, Some(now)) {
        Some(next) => Some(next.min(later)),
        None => {
            let oldest = ages.last().copied().unwrap_or_default();
            let end = published.saturating_add(TimeSpan(oldest.0.saturating_mul(3) / 2));
            Some(later).filter(|later| *later < end)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGES: [TimeSpan; 3] = [
        TimeSpan::from_mins(15),
        TimeSpan::from_hours(3),
        TimeSpan::from_days(7),
    ];
    const OUT: Timestamp = Timestamp(1_790_000_000_000);

    #[test]
    fn a_late_reading_makes_up_for_the_ages_before_it() {
        let next = |last| next_age(&AGES, last);
        assert_eq!(next(None), Some(AGES[0]));
        assert_eq!(next(Some(TimeSpan::from_mins(14))), Some(AGES[0]));
        assert_eq!(next(Some(AGES[0])), Some(AGES[1]));
        assert_eq!(next(Some(TimeSpan::from_hours(40))), Some(AGES[2]));
        assert_eq!(next(Some(AGES[2])), None);
        assert_eq!(next_age(&[], None), None);
    }

    #[test]
    fn no_age_is_measured_early_or_much_too_late() {
        let mut different = std::collections::BTreeSet::new();
        for id in 1..200 {
            let due = due(Id(id), OUT, &AGES, Some(OUT.saturating_add(AGES[0]))).unwrap();
            let late = due.since(OUT).0 - AGES[1].0;
            assert!(late <= TimeSpan::from_mins(9).0, "{late}");
            different.insert(late);
        }
        assert!(different.len() > 80, "{}", different.len());
        assert_eq!(most_spread(AGES[2]), MOST_SPREAD);
    }

    #[test]
    fn what_nobody_tells_of_is_asked_for_ever_less_and_then_no_more() {
        let mut now = OUT.saturating_add(AGES[0]);
        let mut asked = 0;
        while let Some(next) = again(Id(1), OUT, &AGES, now) {
            assert!(next >= now.saturating_add(TimeSpan::from_secs(1)));
            now = next;
            asked += 1;
        }
        assert!((20..60).contains(&asked), "{asked}");
        assert!(now.since(OUT) < TimeSpan::from_days(11));
    }
}
