//! Questions about many posts are answered as one answers them by reading everything; series
//! are thinned and forgotten, and what stands beside them with them.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what goes wrong fails the test"
)]

#[path = "common/mod.rs"]
mod common;

use std::collections::BTreeMap;

use chrono::{Datelike as _, Timelike as _};
use jarchi::config::Measuring;
use jarchi::measure;
use jarchi::measure::query::{Dimension, Number, Query, Scope, table};
use jarchi::model::{
    Delivery, DeliveryKey, Id, Measure, MediaKind, Metric, Origin, Post, Receipt, Sample, State,
    TimeSpan, Timestamp,
};
use jarchi::store::{self, Block, Horizon, JobFilter, PostNumbers, Store, Subject};
use proptest::prelude::*;

use common::{account, config, open, scratch};

const START: u64 = 1_790_000_000_000;
const DAY: u64 = 86_400_000;

#[derive(Clone, Debug)]
struct Given {
    account: usize,
    published: u64,
    pillar: Option<usize>,
    tags: Vec<usize>,
    media: Option<MediaKind>,
    /// Age in minutes, likes, reach.
    readings: Vec<(u64, Option<i64>, Option<i64>)>,
}

fn given() -> impl Strategy<Value = Given> {
    let reading = (
        1..200_000_u64,
        proptest::option::of(0..1000_i64),
        proptest::option::of(0..5000_i64),
    );
    (
        0..3_usize,
        0..60 * DAY,
        proptest::option::of(0..3_usize),
        proptest::collection::btree_set(0..4_usize, 0..3),
        prop_oneof![
            Just(None),
            Just(Some(MediaKind::Image)),
            Just(Some(MediaKind::Video))
        ],
        proptest::collection::vec(reading, 0..14),
    )
        .prop_map(|(account, published, pillar, tags, media, mut readings)| {
            readings.sort_by_key(|one| one.0);
            readings.dedup_by_key(|one| one.0);
            Given {
                account,
                published: START + published,
                pillar,
                tags: tags.into_iter().collect(),
                media,
                readings,
            }
        })
}

fn samples(given: &Given) -> Vec<Sample> {
    let told = given.readings.iter().filter_map(|(age, likes, reach)| {
        let numbers = [(Measure::Likes, *likes), (Measure::Reach, *reach)];
        let metrics: Vec<Metric> = numbers
            .into_iter()
            .filter_map(|(measure, value)| {
                Some(Metric {
                    measure,
                    value: value?,
                })
            })
            .collect();
        let at = Timestamp(given.published + age * 60_000);
        (!metrics.is_empty()).then_some(Sample { at, metrics })
    });
    told.collect()
}

fn write(store: &Store, all: &[Given]) {
    for (number, given) in all.iter().enumerate() {
        let given = given.clone();
        store
            .write_blocking(move |tx| {
                let mut record = PostNumbers {
                    delivery: Id(number as u64 + 1),
                    post: Id(number as u64 + 1),
                    account: format!("a{}", given.account),
                    published: Timestamp(given.published),
                    pillar: given.pillar.map(|one| format!("pillar{one}")),
                    campaign: None,
                    generator: None,
                    media: given.media,
                    hashtags: given.tags.iter().map(|tag| format!("tag{tag}")).collect(),
                    followers: None,
                    gone: None,
                    next: None,
                    readings: Block::default(),
                };
                for sample in samples(&given) {
                    tx.take_reading(&mut record, &sample, &Measuring::AGES)?;
                }
                tx.put_post_numbers(&record)
            })
            .unwrap();
    }
}

/// As somebody would reckon it who has all readings on paper.
fn by_hand(
    all: &[Given],
    by: Dimension,
    accounts: &[usize],
    from: u64,
    to: u64,
    age: Option<u64>,
) -> BTreeMap<Option<String>, (u64, Vec<i64>, i64, i64)> {
    let mut groups: BTreeMap<Option<String>, (u64, Vec<i64>, i64, i64)> = BTreeMap::new();
    for one in all {
        let wanted = accounts.contains(&one.account) && (from..to).contains(&one.published);
        if !wanted {
            continue;
        }
        let local = Timestamp(one.published)
            .to_utc()
            .with_timezone(&chrono_tz::Tz::Asia__Baku);
        let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
        let day = days[local.weekday().num_days_from_monday() as usize];
        let keys: Vec<Option<String>> = match by {
            Dimension::Account => vec![Some(format!("a{}", one.account))],
            Dimension::Pillar => vec![one.pillar.map(|one| format!("pillar{one}"))],
            Dimension::HourOfWeek => vec![Some(format!("{day} {:02}", local.hour()))],
            Dimension::Media => vec![one.media.map(|kind| match kind {
                MediaKind::Image => "image".to_owned(),
                _ => "video".to_owned(),
            })],
            _ if one.tags.is_empty() => vec![None],
            _ => one
                .tags
                .iter()
                .map(|tag| Some(format!("tag{tag}")))
                .collect(),
        };
        let all = samples(one);
        let sample = match age {
            None => all.last(),
            Some(age) => {
                let due = one.published + age;
                let first = all.iter().find(|sample| sample.at.0 >= due);
                first.filter(|sample| sample.at.0 <= due + age / 2)
            }
        };
        for key in keys {
            let group = groups.entry(key).or_default();
            group.0 += 1;
            let Some(sample) = sample else { continue };
            let likes = sample.get(&Measure::Likes);
            group.1.extend(likes);
            if let (Some(likes), Some(reach @ 1..)) = (likes, sample.get(&Measure::Reach)) {
                group.2 += likes;
                group.3 += reach;
            }
        }
    }
    groups
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn answers_are_what_one_reckons_by_hand(
        all in proptest::collection::vec(given(), 0..40),
        span in (0..60 * DAY, 0..60 * DAY),
        age in proptest::option::of(proptest::sample::select(Measuring::AGES.to_vec())),
        one_account in any::<bool>(),
    ) {
        let (_keep, dir) = scratch();
        let store = open(&dir);
        write(&store, &all);
        let names = ["a0", "a1", "a2"].map(account);
        let config = config(&dir, &names);
        let (from, to) = (START + span.0.min(span.1), START + span.0.max(span.1) + 1);
        let accounts: Vec<usize> = if one_account { vec![1] } else { vec![0, 1, 2] };
        for by in [
            Dimension::Account,
            Dimension::Pillar,
            Dimension::Hashtag,
            Dimension::HourOfWeek,
            Dimension::Media,
        ] {
            let query = Query {
                scope: Scope {
                    from: Timestamp(from),
                    to: Timestamp(to),
                    accounts: if one_account { vec!["a1".to_owned()] } else { Vec::new() },
                    brand: Some("bakery".to_owned()),
                    at_age: age,
                },
                by: vec![by],
                numbers: vec![
                    Number::Count(Measure::Likes),
                    "engagement-rate-by-reach".parse().unwrap(),
                ],
            };
            let answer = table(store.view(), &config, &query).unwrap();
            let expected = by_hand(&all, by, &accounts, from, to, age.map(|age| age.0));
            prop_assert_eq!(answer.rows.len(), expected.len());
            for row in &answer.rows {
                let (posts, likes, engaged, reached) = &expected[&row.key[0]];
                prop_assert_eq!(row.posts, *posts);
                let cell = row.cells[0];
                prop_assert_eq!(cell.posts, likes.len() as u64);
                let mut sorted = likes.clone();
                sorted.sort_unstable();
                let total = (!likes.is_empty()).then(|| likes.iter().sum::<i64>() as f64);
                prop_assert_eq!(cell.total, total);
                let middle = sorted.len() / 2;
                let median = match sorted.len() {
                    0 => None,
                    count if count % 2 == 1 => Some(sorted[middle] as f64),
                    _ => Some((sorted[middle - 1] + sorted[middle]) as f64 / 2.0),
                };
                prop_assert_eq!(cell.median, median);
                match row.cells[1].total {
                    None => prop_assert_eq!(*reached, 0),
                    Some(rate) => {
                        let wanted = *engaged as f64 / *reached as f64;
                        prop_assert!((rate - wanted).abs() < 1e-9, "{} {}", rate, wanted);
                    }
                }
            }
        }
    }
}

#[test]
fn series_grow_thin_and_end_and_the_numbers_of_posts_with_them() {
    let (_keep, dir) = scratch();
    let store = open(&dir);
    let hourly: Vec<(u64, Option<i64>, Option<i64>)> = (1..=24 * 120)
        .map(|hour| (hour * 60, Some(hour as i64), None))
        .collect();
    let given = Given {
        account: 0,
        published: START,
        pillar: None,
        tags: Vec::new(),
        media: None,
        readings: hourly,
    };
    write(&store, std::slice::from_ref(&given));
    let subject = Subject::Delivery(Id(1));
    let all = |store: &Store| {
        let view = store.view();
        view.samples(&subject, Timestamp(0), Timestamp::MAX)
            .unwrap()
    };
    assert_eq!(all(&store), samples(&given));
    let record = |store: &Store| {
        let mut found = Vec::new();
        let view = store.view();
        let read = view.each_post_numbers("a0", Timestamp(0), Timestamp::MAX, |one| {
            found.push(one);
        });
        read.unwrap();
        found.pop()
    };
    // One for each age but the first, whose time had passed, and the latest.
    assert_eq!(record(&store).unwrap().readings.samples().len(), 10);

    let horizon = |now: u64| Horizon {
        settled: Timestamp(0),
        series: Timestamp(now.saturating_sub(400 * DAY)),
        daily: Timestamp(now - 30 * DAY),
        weekly: Timestamp(now - 60 * DAY),
        dead_letters: Timestamp(0),
        book: Timestamp(0),
    };
    let now = START + 120 * DAY;
    let gone = store::tidy(&store, &horizon(now)).unwrap();
    let thinned = all(&store);
    assert_eq!(gone.samples as usize, 24 * 120 - thinned.len());
    // Thirty days whole, some thirty with two each, some nine weeks with two each.
    let expected = 30 * 24 + 2 * 31 + 2 * 9;
    assert!(thinned.len().abs_diff(expected) <= 30, "{}", thinned.len());
    assert_eq!(thinned.last(), samples(&given).last());
    assert_eq!(store::tidy(&store, &horizon(now)).unwrap().samples, 0);
    assert_eq!(record(&store).unwrap().readings.samples().len(), 10);
    assert_eq!(store.check(|_| {}).unwrap().problems, [""; 0]);

    let next = Some(Timestamp(now));
    let mut last = record(&store).unwrap();
    last.next = next;
    store
        .write_blocking(move |tx| tx.put_post_numbers(&last))
        .unwrap();
    let forgotten = store::tidy(&store, &horizon(now + 600 * DAY)).unwrap();
    assert_eq!(forgotten.numbers, 1);
    assert!(all(&store).is_empty() && record(&store).is_none());
    let waiting = store.view().to_measure("a0", Timestamp::MAX, 9).unwrap();
    assert!(waiting.is_empty());
    assert_eq!(store.check(|_| {}).unwrap().problems, [""; 0]);
}

/// At a start and at a reload; what has its times already is left, and its job is there.
#[test]
fn posts_get_their_times_by_the_ages_that_are_configured() {
    let (_keep, dir) = scratch();
    let store = open(&dir);
    let draft = common::text("Salam");
    let out = Timestamp(START);
    let id = store
        .write_blocking(move |tx| {
            let post = tx.put_post(Post {
                id: Id(0),
                draft,
                origin: Origin::Command,
                pillar: None,
                campaign: None,
                created_at: out,
                repeat_after: None,
                deliveries: Vec::new(),
                review: None,
                edited_at: None,
            })?;
            tx.put_delivery(&mut Delivery {
                id: Id(0),
                post,
                account: "cafe".to_owned(),
                key: DeliveryKey::from_random([7; 16]),
                created_at: out,
                due: out,
                state: State::Published,
                progress: None,
                receipt: Some(Receipt {
                    id: "1".to_owned(),
                    url: None,
                    published_at: Some(out),
                    parts: Vec::new(),
                    data: None,
                }),
                job: None,
                fingerprint: None,
                first_attempt: None,
                faults: 0,
                history: Vec::new(),
                round: 0,
                uncertain: None,
                variant: None,
            })
        })
        .unwrap();
    let now = Timestamp(START + 1000);
    let resumed = |ages: &[TimeSpan]| {
        let mut account = account("cafe");
        account.measure.ages = ages.to_vec();
        measure::resume(&store, &config(&dir, &[account]), None, now).unwrap();
        let due = store.view().to_measure("cafe", Timestamp::MAX, 9).unwrap();
        let jobs = store.view().jobs(JobFilter::Waiting, 9).unwrap();
        (due, jobs)
    };
    let (hour, day) = (TimeSpan::from_hours(1), TimeSpan::from_days(1));
    let after = |due: Timestamp, age: TimeSpan| (age.0..age.0 * 5 / 4).contains(&(due.0 - START));

    let (due, jobs) = resumed(&[hour, day]);
    assert_eq!(due.len(), 1);
    assert_eq!(due[0].1, id);
    assert!(after(due[0].0, hour), "{due:?}");
    assert_eq!(jobs.len(), 1);
    assert_eq!(
        (jobs[0].lane.as_str(), jobs[0].due),
        ("measure:cafe", due[0].0)
    );

    // The same ages again: nothing changes, and a job that is missing is back.
    assert_eq!(resumed(&[hour, day]), (due.clone(), jobs.clone()));
    let gone = jobs[0].id;
    store.write_blocking(move |tx| tx.complete(gone)).unwrap();
    let (same, jobs) = resumed(&[hour, day]);
    assert_eq!(same, due);
    assert_eq!(jobs.len(), 1);

    let (due, _) = resumed(&[day]);
    assert!(after(due[0].0, day), "{due:?}");
    assert_eq!(resumed(&[]).0, []);
    let (due, _) = resumed(&[hour]);
    assert!(after(due[0].0, hour), "{due:?}");
    assert_eq!(store.check(|_| {}).unwrap().problems, [""; 0]);
}
