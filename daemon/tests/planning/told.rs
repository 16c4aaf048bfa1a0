//! What generators are told of the past, and of each other's finds.

use std::sync::atomic::{AtomicUsize, Ordering};

use jarchi::model::Topic;

use crate::stage::{World, fluent};
use crate::world::{Given, Writer, at};

fn topic(name: &str, pillar: Option<&str>, score: u32) -> Topic {
    Topic {
        name: name.to_owned(),
        hashtag: None,
        pillar: pillar.map(str::to_owned),
        score,
        reasons: Vec::new(),
        link: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_finds_the_others_are_told_and_it_is_asked_anew_before_a_slot() {
    let finds = AtomicUsize::new(0);
    let writer = Writer::new(move |brief, number| match brief.generator.name.as_str() {
        "finder" => match finds.fetch_add(1, Ordering::SeqCst) {
            // It says nothing, and then that there is nothing.
            3 => Ok(Given::default()),
            4 => Ok(Given {
                topics: Some(Vec::new()),
                ..Given::default()
            }),
            found => Ok(Given {
                topics: Some(vec![
                    topic(&format!("any {found}"), None, 90),
                    topic("tea festival", Some("tips"), 60),
                    topic("Tea Festival", Some("tips"), 50),
                    topic("a bargain", Some("offers"), 99),
                ]),
                ..Given::default()
            }),
        },
        _ => fluent(brief, number),
    });
    let world = World::start(&["writer"], &["finder", "writer"], writer.clone()).await;
    world.plan().await;
    world.pass(at("2026-11-27T05:00:00Z")).await;

    let briefs = writer.briefs();
    let names = |brief: &jarchi::content::Brief| -> Vec<String> {
        brief
            .topics
            .iter()
            .map(|topic| topic.name.clone())
            .collect()
    };
    let slots: Vec<_> = briefs
        .iter()
        .filter(|brief| brief.generator.name == "writer" && brief.slot.is_some())
        .collect();
    let begins = |brief: &&&jarchi::content::Brief, pillar: &str| {
        brief
            .pillar
            .as_ref()
            .is_some_and(|asked| asked.name == pillar)
    };
    let tips = slots.iter().find(|brief| begins(brief, "tips")).unwrap();
    let told = names(tips);
    assert_eq!(
        told[0], "tea festival",
        "of its pillar first, and once: {told:?}"
    );
    assert!(told.len() == 2 && told[1].starts_with("any "), "{told:?}");
    let offers = slots.iter().find(|brief| begins(brief, "offers")).unwrap();
    assert_eq!(names(offers)[0], "a bargain");
    // Six hours later the slots' generators get fresh ones, and none where there are none.
    let mut seen: Vec<String> = slots
        .iter()
        .filter(|brief| begins(brief, "tips"))
        .map(|brief| names(brief).last().cloned().unwrap_or_default())
        .collect();
    seen.dedup();
    assert!(seen.len() > 3, "asked anew: {seen:?}");
    assert!(seen.contains(&String::new()), "taken back: {seen:?}");
    let own = briefs
        .iter()
        .filter(|brief| brief.generator.name == "finder");
    assert!(
        own.clone().all(|brief| brief.topics.is_empty()),
        "its own are no news"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_past_is_told_with_its_numbers_to_those_that_want_it() {
    let writer = Writer::new(|brief, number| match brief.generator.name.as_str() {
        "again" => Ok(Given::default()),
        _ => fluent(brief, number),
    });
    let world = World::start(&["again", "writer"], &["writer"], writer.clone()).await;
    world.plan().await;
    world.pass(at("2026-11-27T10:00:00Z")).await;
    let briefs = writer.briefs();
    let others = briefs
        .iter()
        .filter(|brief| brief.generator.name == "writer");
    assert!(others.clone().all(|brief| brief.history.is_empty()));
    let last = briefs
        .iter()
        .rfind(|brief| brief.generator.name == "again" && brief.slot.is_some())
        .unwrap();
    assert!(last.history.len() >= 4, "{}", last.history.len());
    assert!(
        last.history
            .is_sorted_by_key(|past| std::cmp::Reverse(past.at))
    );
    for past in &last.history {
        assert_eq!(past.accounts, ["cafe", "shop"], "one post on both");
        assert_eq!(past.own_key, None, "another made it");
        assert!(past.at < last.now && past.pillar.is_some());
    }
    // The sum of both accounts; what was not measured has no numbers.
    let told: Vec<Vec<(&str, i64)>> = last
        .history
        .iter()
        .map(|past| {
            let metrics = past.metrics.iter();
            metrics.map(|one| (one.measure.name(), one.value)).collect()
        })
        .collect();
    // The platform counts three for each delivery.
    assert_eq!(told.last().unwrap(), &[("likes", 6)]);
    let known = |numbers: &Vec<(&str, i64)>| numbers.is_empty() || numbers == &[("likes", 6)];
    assert!(told.iter().all(known), "{told:?}");
}
