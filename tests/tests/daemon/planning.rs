//! `jarchi plan` and `jarchi calendar`, with a folder of posts and a daemon that dies.

use std::collections::BTreeSet;

use chrono::{Days, Utc};
use jarchi_tests::daemon::{Daemon, Home, config};
use jarchi_tests::standin::Standin;
use serde_json::Value;

use super::words;

/// Slots that are filled as soon as they are planned.
async fn stage() -> (Standin, Home) {
    let standin = Standin::start(&["cafe", "shop"]);
    let text = config(&standin, &["cafe", "shop"]).replace(
        "languages = [\"az\", \"en\"]",
        "languages = [\"az\", \"en\"]\nplan = { lead = \"30d\" }",
    );
    assert!(text.contains("lead"));
    let home = Home::new(&format!(
        "{text}\n[[generator]]\nname = \"posts\"\nplugin = \"library\"\n\
         accounts = [\"cafe\", \"shop\"]\nfolders = {{ content = \"posts\" }}\n\
         [[pillar]]\nname = \"tips\"\ngenerators = [\"posts\"]\n\
         [[pillar]]\nname = \"offers\"\nkind = \"promo\"\ngenerators = [\"posts\"]\n"
    ))
    .await;
    for number in 1..=20 {
        home.write(
            &format!("posts/{number:02}.md"),
            format!("---\n---\nMəsləhət {number}"),
        );
    }
    (standin, home)
}

/// The entries of this week and the two after it that the planner made.
async fn entries(home: &Home) -> Vec<Value> {
    let mut entries = Vec::new();
    for week in 0..3 {
        let day = Utc::now().date_naive() + Days::new(7 * week);
        let weeks = home.json(&["calendar", "--week", &day.to_string()]).await;
        for day in weeks[0]["days"].as_array().unwrap() {
            let all = day["entries"].as_array().unwrap().iter();
            entries.extend(all.filter(|entry| !entry["planned"].is_null()).cloned());
        }
    }
    entries
}

async fn filled(home: &Home, daemon: &Daemon) -> Vec<Value> {
    daemon
        .until("the posts of the planned slots", async || {
            let entries = entries(home).await;
            let done = |entry: &Value| !entry["delivery"].is_null();
            (entries.len() == 14 && entries.iter().all(done)).then_some(entries)
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_week_is_planned_shown_and_changed() {
    let (_standin, home) = stage().await;
    let daemon = home.start().await;
    let shown = home.ok(&["plan", "--dry-run", "--explain"]).await;
    assert!(
        shown.contains("instead of") && shown.contains("ratio"),
        "{shown}"
    );
    assert_eq!(entries(&home).await.len(), 0, "nothing was written");

    let plan = home.json(&["plan"]).await;
    let choices = plan[0]["choices"].as_array().unwrap();
    assert_eq!(choices.len(), 7, "{plan:#}");
    assert_eq!(choices[0]["accounts"], serde_json::json!(["cafe", "shop"]));
    let entries = filled(&home, &daemon).await;
    let texts: BTreeSet<&str> = entries
        .iter()
        .map(|one| one["text"].as_str().unwrap())
        .collect();
    assert_eq!(texts.len(), 7, "{texts:?}");
    let again = home.json(&["plan"]).await;
    assert_eq!(again[0]["choices"], serde_json::json!([]), "all is taken");

    // A grid of accounts and days.
    let last = entries.last().unwrap();
    let week = last["at"].as_str().unwrap()[..10].to_owned();
    let grid = home.ok(&["calendar", "--week", &week]).await;
    for word in [
        "Bakery (Asia/Baku)",
        "cafe",
        "shop",
        "Mon ",
        "10:00",
        "% wanted",
    ] {
        assert!(grid.contains(word), "no `{word}` in\n{grid}");
    }
    home.ok(&["calendar", "--week", &week, "--ical", "week.ics"])
        .await;
    let ical = std::fs::read_to_string(home.path("week.ics")).unwrap();
    assert!(ical.starts_with("BEGIN:VCALENDAR\r\n"), "{ical}");
    assert!(ical.trim_end().ends_with("END:VCALENDAR"), "{ical}");
    let of_week = home.json(&["calendar", "--week", &week]).await;
    let count: usize = of_week[0]["days"]
        .as_array()
        .unwrap()
        .iter()
        .map(|day| day["entries"].as_array().unwrap().len())
        .sum();
    assert_eq!(ical.matches("BEGIN:VEVENT").count(), count);

    // What people ask of a planned slot.
    let id = last["planned"].to_string();
    let locked = home.json(&["plan", "lock", &id]).await;
    assert_eq!(locked[0]["locked"], true);
    let to = format!("{week} 17:45");
    let refused = home.jarchi(&["plan", "move", &id, &to]).await;
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        words(&refused).contains("jarchi plan unlock"),
        "{}",
        words(&refused)
    );
    home.ok(&["plan", "unlock", &id]).await;
    home.ok(&["plan", "move", &id, &to]).await;
    let moved = self::entries(&home).await;
    let moved = moved
        .iter()
        .find(|one| one["planned"] == last["planned"])
        .unwrap();
    assert_eq!(moved["time"], "17:45");
    home.ok(&["plan", "cancel", &id]).await;
    let refused = home.jarchi(&["plan", "cancel", "999999"]).await;
    assert!(words(&refused).contains("there is no planned slot 999999"));
    let wrong = home.jarchi(&["plan", "--brand", "Bakey"]).await;
    assert!(
        words(&wrong).contains("did you mean `Bakery`?"),
        "{}",
        words(&wrong)
    );
    assert!(daemon.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_after_the_plan_leaves_no_slot_empty_and_fills_none_twice() {
    let (_standin, home) = stage().await;
    let daemon = home.start().await;
    home.json(&["plan"]).await;
    daemon.kill().await;
    let daemon = home.start().await;
    let entries = filled(&home, &daemon).await;
    let deliveries: BTreeSet<String> = entries
        .iter()
        .map(|one| one["delivery"].to_string())
        .collect();
    assert_eq!(deliveries.len(), 14);
    let posts = home.json(&["post", "list"]).await;
    let posts = posts["posts"].as_array().unwrap();
    assert_eq!(posts.len(), 7, "{posts:#?}");
    assert!(daemon.terminate().await.success());
}
