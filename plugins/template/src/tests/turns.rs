//! Whose turn it is.

use super::*;

fn rows(ids: impl IntoIterator<Item = u32>) -> String {
    let rows: Vec<Value> = ids
        .into_iter()
        .map(|id| json!({ "id": id, "name": format!("n{id}") }))
        .collect();
    Value::from(rows).to_string()
}

const NAMES: &str = "---\ndata: d.json\n---\n{{ name }}";

/// The texts of `count` posts, one a day.
fn days(settings: &Value, from: u64, count: u64) -> Vec<String> {
    (from..from + count)
        .flat_map(|day| {
            let mut brief = brief(settings);
            brief.wanted = 1;
            brief.now = NOW + day * DAY;
            let batch = run(&brief);
            texts(&batch)
                .into_iter()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn no_row_comes_again_before_all_were_used_and_then_in_another_order() {
    let settings = json!({ "rest": "0s" });
    let _host = host(&[("t.jinja", NAMES), ("d.json", &rows(1..=20))]);
    let first = days(&settings, 0, 20);
    let second = days(&settings, 20, 20);
    let all: BTreeSet<&String> = first.iter().collect();
    assert_eq!(all.len(), 20);
    assert_eq!(all, second.iter().collect());
    assert_ne!(first, second);
    assert_ne!(
        first,
        (1..=20).map(|id| format!("n{id}")).collect::<Vec<_>>()
    );
}

#[test]
fn the_seed_makes_the_order_and_nothing_else_does() {
    let order = |seed: &str, ids: Vec<u32>| {
        let _host = host(&[("t.jinja", NAMES), ("d.json", &rows(ids))]);
        days(&json!({ "seed": seed }), 0, 8)
    };
    let up: Vec<u32> = (1..=8).collect();
    let down: Vec<u32> = (1..=8).rev().collect();
    assert_eq!(order("a", up.clone()), order("a", down));
    assert_ne!(order("a", up.clone()), order("b", up));
}

#[test]
fn rows_that_come_go_and_move_do_not_disturb_the_round() {
    let settings = json!({ "rest": "0s" });
    let host = host(&[("t.jinja", NAMES), ("d.json", &rows(1..=6))]);
    let mut seen = days(&settings, 0, 3);
    // Reordered, one that was used and perhaps one that was not go, and two come.
    let used: u32 = seen[0][1..].parse().unwrap();
    let mut ids: Vec<u32> = (1..=8).rev().filter(|id| *id != used).collect();
    put(&host, "d.json", &rows(ids.clone()));
    seen.extend(days(&settings, 3, 5));
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 8, "{seen:?}");
    // It comes back, and has been used in this round.
    ids.push(used);
    put(&host, "d.json", &rows(ids));
    let next = days(&settings, 8, 8);
    assert_eq!(next.iter().collect::<BTreeSet<_>>().len(), 8, "{next:?}");
}

#[test]
fn rows_without_an_id_are_known_by_their_content() {
    let csv = |rows: &[&str]| format!("name,note\n{}\n", rows.join("\n"));
    let template = "---\ndata: d.csv\n---\n{{ name }}";
    let host = host(&[("t.jinja", template), ("d.csv", &csv(&["a,1", "b,2"]))]);
    let settings = json!({ "rest": "never" });
    assert_eq!(days(&settings, 0, 3).len(), 2);
    put(&host, "d.csv", "note,name\n2,b\n3,a\n1,a\n1,a\n");
    assert_eq!(days(&settings, 3, 3), ["a"], "only the one that is new");
}

#[test]
fn a_row_rests_before_it_comes_again() {
    let _host = host(&[("t.jinja", NAMES), ("d.json", &rows(1..=2))]);
    let settings = json!({ "rest": "10d" });
    assert_eq!(days(&settings, 0, 10).len(), 2);
    // The first was used on day 0 and the other on day 1.
    assert_eq!(days(&settings, 10, 10).len(), 2);
    let keys: BTreeSet<String> = {
        let mut brief = brief(&settings);
        brief.now = NOW + 19 * DAY;
        run(&brief)
            .drafts
            .into_iter()
            .map(|draft| draft.key)
            .collect()
    };
    assert_eq!(keys.len(), 4, "each is a post of its own: {keys:?}");
}

#[test]
fn templates_of_one_file_share_its_rows_by_weight() {
    let _host = host(&[
        ("a.jinja", "---\ndata: d.json\nweight: 3\n---\na{{ id }}"),
        ("b.jinja", "---\ndata: d.json\n---\nb{{ id }}"),
        ("c.jinja", "---\ndata: d.json\nweight: 0\n---\nc{{ id }}"),
        ("d.json", &rows(1..=400)),
    ]);
    let mut counts = [0; 3];
    let mut ids = BTreeSet::new();
    for _ in 0..8 {
        let batch = run(&wanted(50));
        for text in texts(&batch) {
            counts[usize::from(text.as_bytes()[0] - b'a')] += 1;
            assert!(ids.insert(text[1..].to_owned()), "{text} twice");
        }
    }
    assert_eq!(ids.len(), 400);
    assert!((270..=330).contains(&counts[0]), "{counts:?}");
    assert_eq!(counts[2], 0);
}

#[test]
fn seasons_weekdays_and_months_of_templates_and_rows() {
    let row = |more: Value| {
        let mut row = json!({ "id": 1 });
        for (key, value) in more.as_object().unwrap() {
            row[key] = value.clone();
        }
        row
    };
    for (front, more, slot, expected) in [
        (
            "season: 12-20..01-05",
            json!({}),
            "2027-01-02T08:00:00Z",
            true,
        ),
        (
            "season: 12-20..01-05",
            json!({}),
            "2027-01-06T08:00:00Z",
            false,
        ),
        // The day is that of Baku.
        (
            "season: 12-20..01-05",
            json!({}),
            "2027-01-05T20:30:00Z",
            false,
        ),
        (
            "season: 12-20..01-05",
            json!({}),
            "2026-12-19T20:30:00Z",
            true,
        ),
        (
            "weekdays: [mon, tue]",
            json!({}),
            "2026-11-24T08:00:00Z",
            true,
        ),
        (
            "weekdays: [mon, tue]",
            json!({}),
            "2026-11-25T08:00:00Z",
            false,
        ),
        (
            "months: 12",
            json!({ "season": "12-01" }),
            "2026-12-01T08:00:00Z",
            true,
        ),
        (
            "months: 12",
            json!({ "season": "12-01" }),
            "2026-12-02T08:00:00Z",
            false,
        ),
        (
            "weight: 1",
            json!({ "valid_until": "2026-11-24" }),
            "2026-11-24T19:00:00Z",
            true,
        ),
        (
            "weight: 1",
            json!({ "valid_until": "2026-11-24" }),
            "2026-11-24T21:00:00Z",
            false,
        ),
    ] {
        let template = format!("---\ndata: d.json\n{front}\n---\nx");
        let _host = host(&[
            ("t.jinja", &template),
            ("d.json", &json!([row(more)]).to_string()),
        ]);
        let mut brief = wanted(1);
        brief.slot = jarchi_plugin_sdk::time::parse_rfc3339(slot);
        assert_eq!(run(&brief).drafts.len() == 1, expected, "{front} {slot}");
    }
}

#[test]
fn asked_what_it_has_it_gives_one_a_day_and_what_waits_again() {
    let host = host(&[("t.jinja", NAMES), ("d.json", &rows(1..=5))]);
    let settings = json!({});
    let at = |hours: u64| {
        let mut brief = brief(&settings);
        brief.now = NOW + hours * 3_600_000;
        run(&brief)
    };
    let first = at(0);
    assert_eq!((first.drafts.len(), first.complete), (1, true));
    assert_eq!(at(0).drafts, first.drafts, "asked again, the same");
    assert_eq!(at(12).drafts.len(), 1);
    assert_eq!(at(23).drafts.len(), 2);
    assert_eq!(
        at(24).drafts.len(),
        2,
        "the early one does not move the next"
    );
    assert_eq!(at(48).drafts.len(), 3);
    // After an outage there is one more, not one for every day.
    let late = at(24 * 30);
    assert_eq!((late.drafts.len(), late.complete), (4, true));

    // An edited row changes its post and keeps its key; one that is gone withdraws it.
    let id = first.drafts[0].key["d.json#".len()..].split(' ').next();
    let id: Value = serde_json::from_str(id.unwrap()).unwrap();
    let mut all: Vec<Value> = serde_json::from_str(&rows(1..=5)).unwrap();
    for row in &mut all {
        if row["id"] == id {
            row["name"] = json!("edited");
        }
    }
    put(&host, "d.json", &Value::from(all.clone()).to_string());
    let edited = at(24 * 30);
    assert_eq!(edited.drafts[0].key, first.drafts[0].key);
    assert_ne!(edited.drafts[0].revision, first.drafts[0].revision);
    assert_eq!(edited.drafts[0].post.text, "edited");
    assert_eq!(edited.drafts[1..], late.drafts[1..]);
    all.retain(|row| row["id"] != id);
    put(&host, "d.json", &Value::from(all).to_string());
    let gone = at(24 * 30);
    assert_eq!((&gone.drafts[..], gone.complete), (&late.drafts[1..], true));
}

#[test]
fn what_waits_is_withdrawn_when_its_season_is_over() {
    let template = "---\ndata: d.json\nseason: 11-20..11-25\nweekdays: tue\n---\n{{ name }}";
    let _host = host(&[("t.jinja", template), ("d.json", &rows([1]))]);
    let at = |day: u64| {
        let mut brief = brief(&json!({}));
        brief.now = NOW + day * DAY;
        run(&brief)
    };
    assert_eq!(at(0).drafts.len(), 1);
    assert_eq!(at(1).drafts.len(), 1, "on a Wednesday it still waits");
    let over = at(2);
    assert_eq!((over.drafts.len(), over.complete), (0, true));
}

#[test]
fn what_is_forgotten_is_given_by_the_same_keys() {
    let host = host(&[("t.jinja", NAMES), ("d.json", &rows(1..=5))]);
    let first = run(&wanted(3)).drafts;
    host.forget();
    assert_eq!(run(&wanted(3)).drafts, first);
}

#[test]
fn many_drafts_and_a_full_memory() {
    let host = host(&[("t.jinja", NAMES), ("d.json", &rows(1..=300))]);
    let mut keys = BTreeSet::new();
    for _ in 0..6 {
        for draft in run(&wanted(50)).drafts {
            assert!(keys.insert(draft.key));
        }
    }
    assert_eq!(keys.len(), 300);
    let batch = run(&brief(&json!({})));
    assert_eq!((batch.drafts.len(), batch.complete), (200, false));
    host.kv_quota(100);
    let error = Templates::generate(&wanted(1)).unwrap_err();
    assert!(error.reason().contains("memory is full"), "{error:?}");
}
