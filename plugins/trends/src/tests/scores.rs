//! What fits, and what is never offered.

use super::*;

/// The topics that are posted of those in a feed.
fn of(titles: Vec<&'static str>, more: Value, voice: Option<Voice>) -> Vec<String> {
    let _host = serve(World {
        titles,
        ..World::default()
    });
    let mut asked = brief(&settings(
        json!({ "template": "{{ topic }}|{{ pillar }}|{{ score }}" }),
    ));
    let mut all: Value = serde_json::from_str(&asked.settings).unwrap();
    for (key, value) in more.as_object().unwrap() {
        all[key] = value.clone();
    }
    asked.settings = all.to_string();
    asked.voice = voice;
    texts(&Trends::generate(&asked).unwrap())
        .into_iter()
        .map(str::to_owned)
        .collect()
}

#[test]
fn words_fit_in_their_forms_and_nothing_else_fits() {
    for (title, pillar) in [
        ("Samovarlar qayıdır", Some("tea")),
        ("SAMOVAR", Some("tea")),
        ("Çay bayramı", Some("tea")),
        ("BAKIDA yağış", Some("city")),
        ("Bakü tea", Some("tea")),
        ("#GoodTeaDay", Some("tea")),
        ("Music for families", Some("")),
        // Short words must be alike: neither steam nor team is tea.
        ("Steam team", None),
        ("Çaynik", None),
        ("Football results", None),
    ] {
        let found = of(vec![title], json!({}), None);
        let expected = pillar.map(|pillar| format!("{}|{pillar}|", title.trim_start_matches('#')));
        match expected {
            Some(expected) => assert!(
                found
                    .first()
                    .is_some_and(|text| text.starts_with(&expected)),
                "{title}: {found:?}"
            ),
            None => assert_eq!(found, [""; 0], "{title}"),
        }
    }
}

#[test]
fn taboos_in_every_form() {
    let voice = || {
        Some(Voice {
            tone: "friendly".into(),
            examples: Vec::new(),
            taboos: vec!["dirty words".into()],
            audience: None,
            call_to_action: None,
        })
    };
    for title in [
        "Tea and the elections",
        "ELECTION tea",
        "#TeaElection",
        "Müharibədən sonra çay",
        "Tea with dirty words",
        "Tea #DirtyWords",
        "tea: dirtywords",
    ] {
        assert_eq!(of(vec![title], json!({}), voice()), [""; 0], "{title}");
    }
    assert_eq!(of(vec!["Selection of tea"], json!({}), voice()).len(), 1);
}

#[test]
fn what_makes_a_score() {
    let score = |world: World, more: Value| {
        let _host = serve(world);
        let batch = at(&settings(more), NOW);
        batch
            .drafts
            .first()
            .map_or(0, |draft| draft.post.text.parse::<u32>().unwrap())
    };
    let template = || json!({ "template": "{{ score }}" });
    let with = |key: &str, value: Value| {
        let mut more = template();
        more[key] = value;
        more
    };
    let tags = |uses: &[u32]| World {
        tags: vec![tag("tea", uses)],
        ..World::default()
    };
    // Fit, and half as fresh as can be.
    assert_eq!(score(tags(&[5, 5, 5]), template()), 35 + 7);
    // Twice and a half of the usual; four times and more.
    assert_eq!(score(tags(&[5, 25, 10]), template()), 35 + 7 + 10);
    assert_eq!(score(tags(&[5, 95, 10]), template()), 35 + 7 + 20);
    // The brand's hashtag too.
    assert_eq!(
        score(tags(&[5, 5, 5]), with("hashtags", json!(["tea"]))),
        35 + 10 + 7
    );
    // Begun just now; and so long ago that it is passed over.
    let trends = |hours| World {
        trends: vec![trend("tea", hours, 0)],
        ..World::default()
    };
    assert_eq!(score(trends(0), template()), 35 + 15);
    assert_eq!(score(trends(36), template()), 35 + 8);
    assert_eq!(score(trends(73), template()), 0);
    assert_eq!(score(trends(73), with("max_age", json!("6d"))), 35 + 7);
    // Sources that agree.
    let mut world = trends(0);
    world.tags = vec![tag("Tea", &[5, 5, 5])];
    assert_eq!(score(world.clone(), template()), 35 + 15 + 8);
    world.titles = vec!["TEA"];
    assert_eq!(score(world, template()), 35 + 15 + 12);
    // On the user's list.
    assert_eq!(
        score(World::default(), with("topics", json!(["Anything"]))),
        30 + 7
    );
}
