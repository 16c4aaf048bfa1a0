//! What the numbers say, as people ask for it: hours that are learned, pinned and logged, and
//! campaigns that are behind.

use jarchi::config::{Config, Hours};
use jarchi::measure::goals::{Goal, GoalState};
use jarchi::model::{Id, LearnState, Lesson, Measure, Metric, Sample, TimeSpan, Timestamp};
use jarchi::plan::Proposal;
use jarchi::service::api::{LearnReport, Request};
use jarchi::store::{Block, PostNumbers};

use crate::stage::{EARLY, World, fluent};
use crate::world::{BRAND, Writer, at, campaign};

const DAY: TimeSpan = TimeSpan::from_days(1);

/// On Fridays `cafe` has a slot `best`, and nothing is tried out.
fn best_on_fridays(config: &mut Config) {
    let cafe = config.accounts.get_mut("cafe").unwrap();
    cafe.slots = vec!["0 9 * * *".to_owned(), "0 11 * * FRI".to_owned()];
    cafe.plan.best = vec!["0 11 * * FRI".to_owned()];
    cafe.plan.best_per_day = [0, 0, 0, 0, 1, 0, 0];
    cafe.plan.best_within = vec![Hours {
        from: "07:00:00".parse().unwrap(),
        to: "23:00:00".parse().unwrap(),
    }];
    let brand = config.brands.get_mut(BRAND).unwrap();
    brand.strategy.learn.explore = 0.0;
    brand.strategy.learn.least_posts = 20;
}

impl World {
    /// A post that was out then, and had so many likes a day later.
    async fn seen(&self, id: u64, published: Timestamp, campaign: Option<&str>, likes: i64) {
        let mut record = PostNumbers {
            delivery: Id(500_000 + id),
            post: Id(500_000 + id),
            account: "cafe".to_owned(),
            published,
            pillar: Some("tips".to_owned()),
            campaign: campaign.map(str::to_owned),
            generator: None,
            media: None,
            hashtags: Vec::new(),
            followers: None,
            gone: None,
            next: None,
            readings: Block::default(),
        };
        let sample = Sample {
            at: published.saturating_add(DAY),
            metrics: vec![Metric {
                measure: Measure::Likes,
                value: likes,
            }],
        };
        record.take(&sample, &[DAY]);
        let written = self.store().write(move |tx| tx.put_post_numbers(&record));
        written.await.unwrap();
    }

    async fn friday(&self) -> (Timestamp, String) {
        let proposals: Vec<Proposal> = self
            .ask(Request::Plan {
                brand: None,
                days: 7,
                seed: 0,
                dry_run: true,
            })
            .await
            .unwrap();
        let mut choices = proposals[0].choices.iter();
        let best = choices.find(|choice| choice.hours.contains_key("cafe"));
        let best = best.expect("a slot `best`");
        (best.slot, best.hours["cafe"].clone())
    }

    async fn pin(&self, name: &str, value: Option<&str>, keep: bool) -> Result<LearnState, String> {
        let (name, value) = (name.to_owned(), value.map(str::to_owned));
        self.ask(Request::PinLearned {
            brand: None,
            name,
            value,
            keep,
        })
        .await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn best_hours_are_given_then_learned_and_a_pin_stands_before_both() {
    let writer = Writer::new(fluent);
    let world = World::with(&["writer"], &["writer"], writer, best_on_fridays).await;
    let reports: Vec<LearnReport> = world.ask(Request::Learned { brand: None }).await.unwrap();
    let cafe = &reports[0].accounts[0];
    assert!(!cafe.enough && cafe.posts == 0.0 && cafe.chance.is_none());
    let (slot, why) = world.friday().await;
    assert_eq!(slot, at("2026-11-27T07:00:00Z"), "{why}");
    assert!(why.contains("0 posts are known, 20 are needed"), "{why}");

    // Five weeks in which Fridays at 15:00 had ten times as much.
    for day in 1..=35 {
        let morning = at("2026-11-23T05:00:00Z").saturating_sub(TimeSpan::from_days(day));
        world.seen(2 * day, morning, None, 10).await;
        let friday = day % 7 == 3;
        let (hours, likes) = if friday { (6, 100) } else { (4, 10) };
        let later = morning.saturating_add(TimeSpan::from_hours(hours));
        world.seen(2 * day + 1, later, None, likes).await;
    }
    let (slot, why) = world.friday().await;
    assert_eq!(slot, at("2026-11-27T11:00:00Z"), "{why}");
    assert!(why.starts_with("learned: "), "{why}");
    let reports: Vec<LearnReport> = world.ask(Request::Learned { brand: None }).await.unwrap();
    let cafe = &reports[0].accounts[0];
    assert!(cafe.enough && cafe.hours[0].hour == "fri 15", "{cafe:#?}");
    assert!(cafe.chance.is_some_and(|chance| chance.significant));

    let wrong = world.pin("cafe", Some("fri 23"), true).await.unwrap_err();
    assert!(wrong.contains("plan.best_within"), "{wrong}");
    let wrong = world.pin("tpis", Some("2"), true).await.unwrap_err();
    assert!(wrong.contains("did you mean `tips`?"), "{wrong}");
    world.pin("tips", Some("2"), true).await.unwrap();
    let state = world.pin("cafe", Some("fri 19"), true).await.unwrap();
    assert_eq!(state.pinned_hours["cafe"], [4 * 24 + 19]);
    assert_eq!(state.pinned_weights["tips"], 2.0);
    let (slot, why) = world.friday().await;
    assert_eq!((slot, why.as_str()), (at("2026-11-27T15:00:00Z"), "pinned"));
    world.pin("cafe", None, false).await.unwrap();

    let planned = world.plan().await;
    let learned = |slot: Timestamp| planned.iter().any(|one| one.slot == slot);
    assert!(learned(at("2026-11-27T11:00:00Z")));
    let log: Vec<Lesson> = world
        .ask(Request::Lessons {
            brand: None,
            limit: 50,
        })
        .await
        .unwrap();
    let shown: Vec<(&str, Option<&str>)> = log
        .iter()
        .map(|lesson| (lesson.of.as_str(), lesson.after.as_deref()))
        .collect();
    let expected = [
        ("cafe", Some("fri 15")),
        ("cafe", None),
        ("cafe", Some("pinned fri 19")),
        ("tips", Some("pinned weight 2")),
    ];
    assert_eq!(shown, expected);
    assert!(
        log[0].because.contains("times the usual numbers"),
        "{log:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_that_is_behind_is_an_alarm_until_it_is_not() {
    let writer = Writer::new(fluent);
    let world = World::with(&["writer"], &["writer"], writer, |config| {
        let mut winter = campaign("winter", "2026-11-10", "2026-11-30", 0.5);
        winter.targets.insert(Measure::Likes, 1000);
        let brand = config.brands.get_mut(BRAND).unwrap();
        brand.strategy.campaigns.insert("winter".to_owned(), winter);
    })
    .await;
    for day in 1..=12 {
        let out = at(EARLY).saturating_sub(TimeSpan::from_days(day + 1));
        world.seen(day, out, Some("winter"), 5).await;
    }
    let goals: Vec<Goal> = world.ask(Request::Goals { brand: None }).await.unwrap();
    assert_eq!(goals.len(), 1);
    let goal = &goals[0];
    assert_eq!(
        (goal.so_far, goal.state),
        (60.0, GoalState::Behind),
        "{goal:#?}"
    );
    assert!(
        goal.forecast
            .is_some_and(|end| (90.0..110.0).contains(&end))
    );
    let up = |world: &World| {
        let alarm = world.store().view().alarm("goal:bakery:winter:likes");
        alarm.unwrap().is_some_and(|alarm| alarm.cleared.is_none())
    };
    world
        .pass(at(EARLY).saturating_add(TimeSpan::from_mins(20)))
        .await;
    assert!(up(&world));
    let much = at(EARLY).saturating_sub(DAY);
    world.seen(99, much, Some("winter"), 2000).await;
    world
        .pass(at(EARLY).saturating_add(TimeSpan::from_mins(40)))
        .await;
    assert!(!up(&world));
}
