//! What is left of a series when it grows old.

use crate::model::{Sample, TimeSpan, Timestamp};

/// From when on samples are kept how closely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thinning {
    /// Of days that ended before this, the first and the last sample stay.
    pub daily: Timestamp,
    /// The same of weeks that ended before this.
    pub weekly: Timestamp,
    /// What is older is forgotten.
    pub oldest: Timestamp,
}

const DAY: u64 = TimeSpan::from_days(1).0;
const WEEK: u64 = 7 * DAY;
/// From 1970-01-01, a Thursday, back to the Monday before.
const MONDAY: u64 = 3 * DAY;

/// Samples in the order of time, thinned: the first and the last of each day of UTC, of each
/// week from Monday on, by age. What is thinned once is the same when it is thinned again.
pub fn thin(samples: Vec<Sample>, by: &Thinning) -> Vec<Sample> {
    /// The span of time that a sample stands for; none where every sample stays.
    fn bucket(at: Timestamp, by: &Thinning) -> Option<(u64, u64)> {
        let day = at.0 / DAY;
        let week = (at.0 + MONDAY) / WEEK;
        if (week + 1) * WEEK <= by.weekly.0 + MONDAY {
            Some((WEEK, week))
        } else if (day + 1) * DAY <= by.daily.0 {
            Some((DAY, day))
        } else {
            None
        }
    }
    let mut kept: Vec<Sample> = Vec::with_capacity(samples.len());
    for sample in samples.into_iter().filter(|one| one.at >= by.oldest) {
        let own = bucket(sample.at, by);
        let of = |place: usize| {
            let at = kept.len().checked_sub(place)?;
            Some(bucket(kept[at].at, by))
        };
        // The last is in between when the one before it is of the same span.
        if own.is_some() && of(1) == Some(own) && of(2) == Some(own) {
            kept.pop();
        }
        kept.push(sample);
    }
    kept
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::model::{Measure, Metric};

    fn samples() -> impl Strategy<Value = Vec<Sample>> {
        // Two years from a Saturday on, some of them close together.
        let start = Timestamp(1_790_380_800_000);
        proptest::collection::btree_set(0..730 * DAY / 1000, 0..300).prop_map(move |times| {
            let samples = times
                .into_iter()
                .enumerate()
                .map(|(number, seconds)| Sample {
                    at: start.saturating_add(TimeSpan(seconds * 1000)),
                    metrics: vec![Metric {
                        measure: Measure::Likes,
                        value: number as i64,
                    }],
                });
            samples.collect()
        })
    }

    proptest! {
        #[test]
        fn the_first_and_the_last_of_each_span_stay(
            samples in samples(),
            ages in proptest::collection::vec(0..730_u64, 3),
        ) {
            let end = Timestamp(1_790_380_800_000 + 730 * DAY);
            let mut ages = ages;
            ages.sort_unstable();
            let moment = |age: u64| end.saturating_sub(TimeSpan::from_days(age));
            let by = Thinning {
                daily: moment(ages[0]),
                weekly: moment(ages[1]),
                oldest: moment(ages[2]),
            };
            let thinned = thin(samples.clone(), &by);

            let mut spans: BTreeMap<(u8, u64), Vec<Sample>> = BTreeMap::new();
            for sample in samples.iter().filter(|one| one.at >= by.oldest) {
                use chrono::{Datelike as _, Days, NaiveTime};
                let date = sample.at.to_utc().date_naive();
                let midnight = |date: chrono::NaiveDate| {
                    Timestamp::from(date.and_time(NaiveTime::MIN).and_utc())
                };
                let monday = date.week(chrono::Weekday::Mon).first_day();
                let week_ends = midnight(monday.checked_add_days(Days::new(7)).unwrap());
                let day_ends = midnight(date.checked_add_days(Days::new(1)).unwrap());
                let span = if week_ends <= by.weekly {
                    (0, monday.num_days_from_ce() as u64)
                } else if day_ends <= by.daily {
                    (1, date.num_days_from_ce() as u64)
                } else {
                    (2, sample.at.0)
                };
                spans.entry(span).or_default().push(sample.clone());
            }
            let mut expected: Vec<Sample> = spans
                .into_values()
                .flat_map(|mut span| {
                    let first = span.remove(0);
                    std::iter::once(first).chain(span.pop())
                })
                .collect();
            expected.sort_by_key(|sample| sample.at);
            prop_assert_eq!(&thinned, &expected);
            prop_assert_eq!(&thin(thinned.clone(), &by), &thinned);
        }
    }
}
