//! From the plan on Monday to the posts of the week, with generators that fail, platforms
//! that take everything, and a daemon that dies in between.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jarchi::clock::Clock;
use jarchi::content::{self, Brief, GeneratorDue};
use jarchi::model::{Fault, Id, Origin, PlanState, Planned, State, Timestamp};
use jarchi::plan::{self, PlanError, Span};
use jarchi::publish::Promise;
use jarchi::service::start;
use jarchi::store::{Options, Store};

use crate::common::platform::Platform;
use crate::common::scratch;
use crate::stage::{EARLY, World, bakery, fluent, is_idle, setup};
use crate::world::{BRAND, Given, Of, Writer, at, draft};

#[tokio::test(flavor = "multi_thread")]
async fn a_week_is_planned_made_and_published_each_once() {
    let writer = Writer::new(|brief, number| match brief.generator.name.as_str() {
        "dry" => Err(Fault::Transient("the well is dry".to_owned())),
        "empty" => Ok(Given::default()),
        _ => fluent(brief, number),
    });
    let world = World::start(&["dry", "empty", "writer"], &["writer"], writer).await;
    let planned = world.plan().await;
    // 09:00 and 18:00 on seven days, for both accounts one post.
    assert_eq!(planned.len(), 14);
    assert!(planned.iter().all(|one| one.accounts == ["cafe", "shop"]));
    assert!(planned.iter().any(|one| one.campaign.is_some()));
    // What is a day ahead or less has its post at once, the rest a day before.
    let filled = |world: &World| {
        let planned = world.planned();
        planned
            .iter()
            .filter(|one| one.state == PlanState::Filled)
            .count()
    };
    assert_eq!(filled(&world), 2);
    world.pass(at("2026-11-24T14:00:00Z")).await;
    assert_eq!(filled(&world), 6);
    world.pass(at("2026-11-30T20:00:00Z")).await;
    for one in world
        .planned()
        .iter()
        .filter(|one| one.slot < at("2026-11-30T04:00:00Z"))
    {
        assert_eq!(one.state, PlanState::Filled, "{one:?}");
        assert_eq!(one.generator.as_deref(), Some("writer"));
        let refused: Vec<&str> = one.refusals.iter().map(|(name, _)| name.as_str()).collect();
        let expected: &[&str] = if one.pillar == "tips" {
            &["dry", "empty"]
        } else {
            &[]
        };
        assert_eq!(refused, expected);
        let post = world.post_of(one);
        assert_eq!(post.pillar.as_ref(), Some(&one.pillar));
        assert_eq!(post.campaign, one.campaign);
        let Origin::Generator {
            name,
            plugin,
            provenance: Some(made),
            ..
        } = &post.origin
        else {
            panic!("{:?}", post.origin);
        };
        assert_eq!((name.as_str(), plugin.as_str()), ("writer", "writer 1"));
        assert_eq!(made.brief, one.brief);
        assert_eq!(made.prompt.as_deref(), Some("blake3:of-the-prompt"));
        assert_eq!(made.sources, ["facts.csv"]);
        let tagged = post.draft.text.ends_with("?utm_source=jarchi.");
        assert_eq!(tagged, one.campaign.is_some(), "{}", post.draft.text);
        let brief: serde_json::Value = serde_json::from_str(one.brief.as_ref().unwrap()).unwrap();
        assert_eq!(brief["pillar"]["name"], one.pillar.as_str());
        assert_eq!(brief["voice"]["call_to_action"], "Come in");
        for id in post.deliveries {
            let delivery = world.store().view().delivery(id).unwrap().unwrap();
            assert_eq!(delivery.state, State::Published);
            assert_eq!(delivery.due, one.slot);
        }
    }
    // The next Monday was planned too, by itself.
    world.until(|world| world.planned().len() == 28).await;
    world.idle().await;
    let next = world
        .planned()
        .iter()
        .filter(|one| one.slot > at("2026-11-30T04:00:00Z"))
        .count();
    assert_eq!(next, 14);
    let book = world.platform.book();
    let keys: BTreeSet<&String> = book.parts.iter().map(|(key, _)| key).collect();
    assert_eq!(keys.len(), book.parts.len(), "one of them twice");
    let out = world
        .deliveries()
        .iter()
        .filter(|one| one.state == State::Published)
        .count();
    assert_eq!(book.parts.len(), out);
    assert!(out >= 28);
    // Every question was a whole one.
    let briefs = world.writer.briefs();
    let asked: Vec<&Brief> = briefs.iter().filter(|brief| brief.wanted > 0).collect();
    for brief in &asked {
        let voice = brief.voice.as_ref().unwrap();
        assert_eq!(
            (voice.tone.as_str(), &*voice.taboos),
            ("friendly", &["politics".to_owned()][..])
        );
        assert_eq!(voice.audience.as_deref(), Some("tea drinkers"));
        assert_eq!(brief.accounts, ["cafe", "shop"]);
        assert_eq!(brief.languages, ["az", "en"]);
        assert!(brief.slot.unwrap() > brief.now);
        let pillar = brief.pillar.as_ref().unwrap();
        assert_eq!(pillar.promotional, pillar.name == "offers");
    }
    assert!(!asked.last().unwrap().recent.is_empty());
    assert!(asked.iter().any(|brief| brief.campaign.is_some()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_for_which_nobody_has_something_is_told_of_and_tried_again() {
    let dry = at("2026-11-24T00:00:00Z");
    let writer = Writer::new(move |brief, number| {
        if brief.now < dry {
            return Err(Fault::Transient("the well is dry".to_owned()));
        }
        fluent(brief, number)
    });
    let world = World::start(&["writer"], &["writer"], writer).await;
    let planned = world.plan().await;
    let first = &planned[0];
    let reason = |one: &Planned| match &one.state {
        PlanState::Failed { reason } => reason.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(reason(&world.one(first.id)), "writer: the well is dry");
    let alarm = world.alarm(&first.pillar).unwrap();
    assert!(alarm.what.contains("the well is dry"), "{alarm:?}");
    assert!(alarm.remedy.contains("jarchi plan regenerate"), "{alarm:?}");

    // The day's slots are lost; those of the next days are not, and the alarms are over.
    world.pass(at("2026-11-26T00:00:00Z")).await;
    for one in world
        .planned()
        .iter()
        .filter(|one| one.slot < at("2026-11-26T00:00:00Z"))
    {
        if one.slot < dry {
            assert!(reason(one).contains("dry"), "{one:?}");
            assert_eq!(one.job, None, "its time has passed");
        } else {
            assert_eq!(one.state, PlanState::Filled, "{one:?}");
        }
    }
    assert!(
        world
            .alarm("tips")
            .is_none_or(|alarm| alarm.cleared.is_some())
    );
    // A failed slot was asked more than once.
    let of_second = |brief: &&Brief| brief.slot == Some(planned[1].slot);
    assert!(world.writer.briefs().iter().filter(of_second).count() > 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_posted_lately_is_asked_for_again_with_the_reason() {
    let writer = Writer::new(|brief, number| match &brief.feedback {
        None => Ok(vec![draft(&format!("key-{number}"), "Always the same")].into()),
        Some(_) => fluent(brief, number),
    });
    let world = World::start(&["writer"], &["writer"], writer).await;
    world.plan().await;
    world.pass(at("2026-11-24T20:00:00Z")).await;
    let texts: Vec<String> = world
        .planned()
        .iter()
        .filter(|one| one.state == PlanState::Filled)
        .map(|one| world.post_of(one).draft.text)
        .collect();
    let same = texts
        .iter()
        .filter(|text| *text == "Always the same")
        .count();
    // The accounts' `duplicate_window` is a day.
    assert!(texts.len() >= 5 && same <= 2, "{texts:?}");
    let briefs = world.writer.briefs();
    let feedback = briefs
        .iter()
        .find_map(|brief| brief.feedback.clone())
        .unwrap();
    assert!(feedback.contains("the same"), "{feedback}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_generator_has_without_a_time_waits_for_the_plan() {
    let own = at("2026-11-23T10:00:00Z");
    let writer = Writer::new(move |_, _| {
        let mut timed = draft("timed", "At its own time");
        timed.due = Some(GeneratorDue::At(own));
        let drafts =
            (1..=40).map(|number| draft(&format!("{number:02}"), &format!("File {number}")));
        let mut drafts: Vec<_> = drafts.collect();
        // Only for one of the accounts.
        drafts[1].accounts = vec!["shop".to_owned()];
        drafts[2].pillar = Some("offers".to_owned());
        drafts.push(timed);
        Ok(Given {
            drafts,
            complete: true,
            topics: None,
        })
    });
    let world = World::start(&["writer"], &["writer"], writer).await;
    let ask = async || {
        let generators = Of(world.writer.clone());
        let now = world.clock.now();
        content::generate(world.store(), &world.config, &generators, "writer", now)
            .await
            .unwrap()
    };
    // A daemon that starts asks them all.
    world
        .until(|world| world.store().view().stock("writer").unwrap().len() == 40)
        .await;
    assert_eq!(
        world.deliveries().len(),
        2,
        "the one with a time of its own"
    );
    assert_eq!(world.store().view().stock("writer").unwrap().len(), 40);
    assert_eq!(ask().await.changes, [], "nothing is new");

    world.plan().await;
    world.pass(at("2026-11-29T20:00:00Z")).await;
    let planned = world.planned();
    let mut used = BTreeMap::new();
    for one in planned
        .iter()
        .filter(|one| one.slot < at("2026-11-29T20:00:00Z"))
    {
        assert_eq!(one.state, PlanState::Filled, "{one:?}");
        let post = world.post_of(one);
        let accounts: Vec<String> = post
            .deliveries
            .iter()
            .map(|id| world.store().view().delivery(*id).unwrap().unwrap().account)
            .collect();
        assert_eq!(accounts, one.accounts);
        assert_eq!(
            used.insert(post.draft.text.clone(), one.clone())
                .map(|_| ()),
            None,
            "twice"
        );
    }
    if let Some(third) = used.get("File 3") {
        assert_eq!(third.pillar, "offers");
    }
    let left = world.store().view().stock("writer").unwrap();
    assert_eq!(left.len() + used.len(), 40);
    let out: BTreeSet<String> = world
        .platform
        .book()
        .parts
        .iter()
        .map(|(key, _)| key.clone())
        .collect();
    assert_eq!(out.len(), world.platform.book().parts.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_for_one_account_leaves_the_other_its_own() {
    let writer = Writer::new(|brief, number| {
        let mut given = fluent(brief, number)?;
        if let Some(one) = given.drafts.first_mut() {
            one.accounts = vec![brief.accounts.last().unwrap().clone()];
        }
        Ok(given)
    });
    let world = World::start(&["writer"], &["writer"], writer).await;
    let planned = world.plan().await;
    let slot = planned[0].slot;
    let there: Vec<Planned> = world
        .planned()
        .into_iter()
        .filter(|one| one.slot == slot)
        .collect();
    assert_eq!(there.len(), 2, "{there:#?}");
    let mut accounts: Vec<&str> = there
        .iter()
        .flat_map(|one| &one.accounts)
        .map(String::as_str)
        .collect();
    accounts.sort_unstable();
    assert_eq!(accounts, ["cafe", "shop"]);
    assert!(there.iter().all(|one| one.state == PlanState::Filled));
    assert_ne!(there[0].post, there[1].post);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawn_post_gives_its_slot_to_another() {
    let gone = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let is_gone = gone.clone();
    let writer = Writer::new(move |_, _| {
        let without = is_gone.load(std::sync::atomic::Ordering::SeqCst);
        let numbers = (1..=30).filter(|number| !without || *number != 1);
        Ok(Given {
            drafts: numbers
                .map(|one| draft(&format!("{one:02}"), &format!("File {one}")))
                .collect(),
            complete: true,
            topics: None,
        })
    });
    let world = World::start(&["writer"], &["writer"], writer).await;
    let planned = world.plan().await;
    let first = world.one(planned[0].id);
    assert_eq!(world.post_of(&first).draft.text, "File 1");
    gone.store(true, std::sync::atomic::Ordering::SeqCst);
    let generators = Of(world.writer.clone());
    content::generate(
        world.store(),
        &world.config,
        &generators,
        "writer",
        world.clock.now(),
    )
    .await
    .unwrap();
    world.idle().await;
    let again = world.one(first.id);
    assert_eq!(again.state, PlanState::Filled);
    assert_ne!(world.post_of(&again).draft.text, "File 1");
    world.pass(at("2026-11-23T20:00:00Z")).await;
    let at_slot = world
        .deliveries()
        .into_iter()
        .filter(|one| one.due == first.slot);
    let published = at_slot.filter(|one| one.state == State::Published).count();
    assert_eq!(published, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_move_swap_lock_cancel_and_want_another() {
    let writer = Writer::new(fluent);
    let world = World::start(&["writer"], &["writer"], writer).await;
    let planned = world.plan().await;
    let (store, now) = (world.store().clone(), world.clock.now());
    let (filled, later, last) = (planned[0].id, planned[5].id, planned[13].id);
    let to = at("2026-11-23T12:30:00Z");

    plan::lock(&store, filled, true).await.unwrap();
    let refused = plan::move_to(&store, &world.config, filled, to, now)
        .await
        .unwrap_err();
    assert!(
        refused.to_string().contains("`jarchi plan unlock"),
        "{refused}"
    );
    let refused = plan::regenerate(&store, filled, None, now)
        .await
        .unwrap_err();
    assert!(matches!(refused, PlanError::Refused(..)));
    assert_eq!(world.one(filled).state_name(), "locked");
    plan::lock(&store, filled, false).await.unwrap();

    let moved = plan::move_to(&store, &world.config, filled, to, now)
        .await
        .unwrap();
    assert_eq!(moved.slot, to);
    for id in world.post_of(&moved).deliveries {
        assert_eq!(store.view().delivery(id).unwrap().unwrap().due, to);
    }
    let past = plan::move_to(&store, &world.config, filled, at(EARLY), now).await;
    assert!(past.unwrap_err().to_string().contains("future"));
    let taken = plan::move_to(&store, &world.config, filled, planned[5].slot, now).await;
    assert!(taken.unwrap_err().to_string().contains("jarchi plan swap"));

    let [one, other] = plan::swap(&store, &world.config, filled, later, now)
        .await
        .unwrap();
    assert_eq!((one.slot, other.slot), (planned[5].slot, to));
    world.idle().await;
    // It is near now, and was filled at once.
    assert_eq!(world.one(later).state, PlanState::Filled);

    let before = world.post_of(&world.one(filled));
    plan::regenerate(&store, filled, Some("too long".to_owned()), now)
        .await
        .unwrap();
    world.idle().await;
    let after = world.one(filled);
    assert_eq!(after.state, PlanState::Filled);
    assert_ne!(after.post, Some(before.id));
    let briefs = world.writer.briefs();
    assert!(
        briefs
            .iter()
            .any(|brief| brief.feedback.as_deref() == Some("too long"))
    );
    for id in before.deliveries {
        let delivery = store.view().delivery(id).unwrap().unwrap();
        assert!(matches!(delivery.state, State::Cancelled { .. }));
    }

    plan::cancel(&store, last, now).await.unwrap();
    let span = Span {
        from: now,
        days: 7,
        seed: 0,
    };
    let again = plan::run(
        &store,
        &world.config,
        &world.config.brands[BRAND],
        span,
        now,
    )
    .await
    .unwrap();
    let slots: Vec<Timestamp> = again.choices.iter().map(|choice| choice.slot).collect();
    // Only the place that the moved one left is free.
    assert_eq!(slots, [planned[0].slot]);
    assert!(plan::cancel(&store, last, now).await.is_err());
}

/// The daemon is killed while a generator is at work, and before others were asked.
#[test]
fn a_kill_between_plan_and_post_loses_and_doubles_nothing() {
    let (_dir, path) = scratch();
    let (clock, hands) = Clock::manual(at(EARLY));
    let runtime = || {
        tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .unwrap()
    };
    let platform = Platform::new(Promise::default(), false);
    let dead = runtime();
    dead.block_on(async {
        let config = Arc::new(bakery(&path, &["hung"], &["hung"]));
        let writer = Writer::new(fluent);
        let (setup, keep) = setup(&config, &path, &clock, writer.clone(), platform.clone());
        let running = start(setup).await.unwrap();
        while running
            .store()
            .view()
            .note("schedule:week")
            .unwrap()
            .is_none()
        {
            tokio::task::yield_now().await;
        }
        hands.set(at("2026-11-23T04:00:00Z"));
        while writer.briefs().is_empty() {
            tokio::task::yield_now().await;
        }
        // No orderly stop: all of it is dropped with the runtime.
        drop((running, keep));
    });
    dead.shutdown_background();
    let alive = runtime();
    alive.block_on(async {
        let config = Arc::new(bakery(&path, &["writer"], &["writer"]));
        while Store::open(&path, &Options::default()).is_err() {
            tokio::task::yield_now().await;
        }
        let writer = Writer::new(fluent);
        let (setup, _keep) = setup(&config, &path, &clock, writer, platform.clone());
        let running = start(setup).await.unwrap();
        let end = at("2026-11-29T20:00:00Z");
        loop {
            if !is_idle(running.store(), &clock).await {
                tokio::task::yield_now().await;
                continue;
            }
            match running.store().view().earliest_due().unwrap() {
                Some(due) if due <= end => hands.set(due),
                _ => break,
            }
        }
        let planned = running
            .store()
            .view()
            .planned_between(Timestamp(0), end)
            .unwrap();
        assert_eq!(planned.len(), 14);
        assert!(
            planned.iter().all(|one| one.state == PlanState::Filled),
            "{planned:#?}"
        );
        let posts: BTreeSet<Option<Id>> = planned.iter().map(|one| one.post).collect();
        assert_eq!(posts.len(), 14);
        let book = platform.book();
        let keys: BTreeSet<&String> = book.parts.iter().map(|(key, _)| key).collect();
        assert_eq!((book.parts.len(), keys.len()), (28, 28));
    });
    alive.shutdown_background();
}
