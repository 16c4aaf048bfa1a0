//! The schedule against a model that knows nothing of it: it walks over the minutes, one
//! after the other, and looks at the clock on the wall.

use std::collections::{BTreeSet, HashSet};
use std::sync::LazyLock;

use chrono::{DateTime, Datelike, DurationRound, NaiveDateTime, Offset, TimeDelta, Timelike, Utc};
use chrono_tz::Tz;
use proptest::prelude::*;
use proptest::sample::{Index, subsequence};

use super::super::Cron;
use crate::model::Timestamp;

/// What an expression means, before it is written down.
#[derive(Clone, Debug)]
struct Model {
    text: String,
    minutes: BTreeSet<u32>,
    hours: BTreeSet<u32>,
    elapsed: bool,
    days: Option<BTreeSet<u32>>,
    weekdays: Option<BTreeSet<u32>>,
}

impl Model {
    fn matches(&self, local: NaiveDateTime) -> bool {
        let day = self.days.as_ref().map(|days| days.contains(&local.day()));
        let weekday = self
            .weekdays
            .as_ref()
            .map(|days| days.contains(&local.weekday().num_days_from_sunday()));
        let date = match (day, weekday) {
            (Some(day), Some(weekday)) => day || weekday,
            (day, weekday) => day.unwrap_or(true) && weekday.unwrap_or(true),
        };
        date && self.hours.contains(&local.hour()) && self.minutes.contains(&local.minute())
    }

    /// Every fire after `from` and up to `until`.
    fn walk(&self, zone: Tz, from: DateTime<Utc>, until: DateTime<Utc>) -> Vec<Timestamp> {
        let wall = |moment: DateTime<Utc>| moment.with_timezone(&zone).naive_local();
        // Begin early, to have seen what comes a second time.
        let mut now = from - TimeDelta::hours(30);
        let mut seen = HashSet::new();
        let mut fires = Vec::new();
        while now <= until {
            let local = wall(now);
            let fires_now = if self.elapsed {
                self.matches(local)
            } else {
                let mut jumped = wall(now - TimeDelta::minutes(1)) + TimeDelta::minutes(1);
                let mut any = false;
                while jumped < local {
                    any |= self.matches(jumped);
                    jumped += TimeDelta::minutes(1);
                }
                any || self.matches(local) && !seen.contains(&local)
            };
            seen.insert(local);
            if fires_now && now > from {
                fires.push(now.into());
            }
            now += TimeDelta::minutes(1);
        }
        fires
    }
}

const ZONES: [Tz; 14] = [
    Tz::Europe__Berlin,
    Tz::Europe__London,
    Tz::Europe__Dublin,
    Tz::America__New_York,
    Tz::America__Havana,
    Tz::America__Sao_Paulo,
    Tz::America__St_Johns,
    Tz::Asia__Baku,
    Tz::Asia__Tehran,
    Tz::Africa__Cairo,
    Tz::Africa__Casablanca,
    Tz::Australia__Lord_Howe,
    Tz::Pacific__Chatham,
    Tz::Antarctica__Troll,
];

/// The hours in which each zone's clock is put forward or back, in some years.
static TURNS: LazyLock<Vec<Vec<DateTime<Utc>>>> = LazyLock::new(|| {
    let (hour, start) = (TimeDelta::hours(1), "2014-01-01T00:00:00Z");
    let start: DateTime<Utc> = start.parse().unwrap();
    let turns = |zone: &Tz| {
        let offset = |moment: DateTime<Utc>| moment.with_timezone(zone).offset().fix();
        (0..14 * 8766)
            .map(|hours| start + hour * hours)
            .filter(|now| offset(*now) != offset(*now + hour))
            .collect()
    };
    ZONES.iter().map(turns).collect()
});

/// A zone, and a moment near to one of its turns, up to so many seconds before it.
fn near_a_turn(seconds: i64) -> impl Strategy<Value = (Tz, DateTime<Utc>)> {
    (0..ZONES.len(), any::<Index>(), 0..seconds).prop_map(|(zone, turn, before)| {
        let moment = *turn.get(&TURNS[zone]) - TimeDelta::seconds(before);
        (ZONES[zone], moment)
    })
}

fn some_of(
    all: std::ops::RangeInclusive<u32>,
    most: usize,
) -> impl Strategy<Value = BTreeSet<u32>> {
    subsequence(all.collect::<Vec<_>>(), 1..=most).prop_map(|some| some.into_iter().collect())
}

fn comma(numbers: &BTreeSet<u32>) -> String {
    let words: Vec<String> = numbers.iter().map(u32::to_string).collect();
    words.join(",")
}

/// A field as text, with the numbers that it means, and whether it recurs.
fn recurring_or_list(
    most: u32,
    list: usize,
) -> impl Strategy<Value = (String, BTreeSet<u32>, bool)> {
    prop_oneof![
        Just(("*".to_owned(), (0..=most).collect(), true)),
        (2..=most / 2).prop_map(move |step| {
            (
                format!("*/{step}"),
                (0..=most).step_by(step as usize).collect(),
                true,
            )
        }),
        some_of(0..=most, list).prop_map(|some| (comma(&some), some, false)),
        (0..=most, 0..=most).prop_map(|(one, other)| {
            let (from, to) = (one.min(other), one.max(other));
            (format!("{from}-{to}"), (from..=to).collect(), false)
        }),
        // The small hours, where the clocks are turned.
        (0..4u32).prop_map(|hour| (hour.to_string(), BTreeSet::from([hour]), false)),
    ]
}

fn model() -> impl Strategy<Value = Model> {
    let days = proptest::option::weighted(0.3, some_of(1..=31, 12));
    let weekdays = proptest::option::weighted(0.3, some_of(0..=6, 5));
    (
        recurring_or_list(59, 4),
        recurring_or_list(23, 6),
        days,
        weekdays,
    )
        .prop_map(
            |((minute, minutes, _), (hour, hours, elapsed), days, weekdays)| Model {
                text: format!(
                    "{minute} {hour} {} * {}",
                    days.as_ref().map_or("*".to_owned(), comma),
                    weekdays.as_ref().map_or("*".to_owned(), comma)
                ),
                minutes,
                hours,
                elapsed,
                days,
                weekdays,
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_schedule_is_the_model(
        model in model(),
        (zone, from) in near_a_turn(90_000),
        length in 60i64..3000,
    ) {
        let from = from.duration_trunc(TimeDelta::minutes(1)).unwrap();
        let until = from + TimeDelta::minutes(length);
        let cron = Cron::parse(&model.text).unwrap();
        let mut found: Vec<Timestamp> = Vec::new();
        let mut last = Timestamp::from(from);
        while let Some(next) = cron.next_after(last, zone) {
            prop_assert!(next > last);
            if next > Timestamp::from(until) {
                break;
            }
            found.push(next);
            last = next;
        }
        prop_assert_eq!(found, model.walk(zone, from, until), "`{}` in {}", model.text, zone);
    }

    /// What comes next does not depend on where one stands before it.
    #[test]
    fn the_next_fire_is_the_same_from_every_moment_before_it(
        model in model(),
        (zone, from) in near_a_turn(180_000),
        share in 0.0f64..1.0,
    ) {
        let from = Timestamp::from(from);
        let cron = Cron::parse(&model.text).unwrap();
        let next = cron.next_after(from, zone).unwrap();
        let between = from.0 + ((next.0 - from.0 - 1) as f64 * share) as u64;
        prop_assert_eq!(cron.next_after(Timestamp(between), zone), Some(next));
    }

    #[test]
    fn no_text_brings_the_parser_down(text in "[ -~]{0,40}|([0-9*,/#LW?-]{1,6} ){4,6}[0-9A-Z*#]{1,4}") {
        if let Ok(cron) = Cron::parse(&text) {
            prop_assert!(cron.next_after(Timestamp(0), Tz::UTC).is_some());
        }
    }
}
