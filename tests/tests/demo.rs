//! `jarchi demo`, as somebody runs it who has never seen it.

#![allow(clippy::unwrap_used, reason = "what goes wrong fails the test")]

use std::process::{Command, Output, Stdio};

use jarchi_tests::{bin, plugins};

fn demo(dir: &std::path::Path) -> Output {
    Command::new(bin::jarchi())
        .args(["demo", "--once", "--plugins"])
        .arg(plugins::plugin_dir())
        .arg(dir)
        .env_remove("JARCHI_CONFIG")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// Two slots a day and a third on Saturday and Sunday, and one of the other account's.
const SLOTS: usize = 2 * 7 + 2 + 7;

#[test]
fn a_week_is_planned_written_drawn_published_and_measured() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("demo");
    let output = demo(&dir);
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{text}\n{errors}");
    assert_eq!(errors, "", "a demo warns of nothing");
    for wanted in [
        &format!("Planned: {SLOTS} slots"),
        &format!("{SLOTS} posts were planned, written and published, each once."),
        "The week is over.",
        "[1 picture]",
        "[a thread of 3]",
        "by cards",
        "by content",
        "by words",
        "jarchi init",
    ] {
        assert!(text.contains(wanted), "no `{wanted}` in\n{text}");
    }
    let published: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("  published  "))
        .collect();
    assert_eq!(published.len(), SLOTS, "{text}");
    // The clock waits for the work: each goes out in the minute of its slot.
    let slots = ["09:00", "11:30", "13:00", "19:00"];
    for line in published {
        assert!(slots.iter().any(|slot| line.contains(slot)), "{line}");
    }
    let row = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name));
        let line = line.unwrap_or_else(|| panic!("no row `{name}` in\n{text}"));
        let numbers = line[name.len()..].split_whitespace();
        numbers
            .filter_map(|number| number.parse::<f64>().ok())
            .collect::<Vec<_>>()
    };
    let all = row("  all ");
    assert_eq!(all[0], SLOTS as f64);
    assert!(
        all[1] >= 10.0 && all[2] > 20.0,
        "pictures and likes: {all:?}"
    );
    let promo = row("  təklif (promo) ")[0] + row("  offers (promo) ")[0];
    let wanted = SLOTS as f64 * 0.2;
    assert!((promo - wanted).abs() <= 1.0, "{promo} of {wanted} sell");
}

#[test]
fn the_folder_of_somebody_else_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("thesis.txt"), "years of work").unwrap();
    let output = demo(folder.path());
    assert_eq!(output.status.code(), Some(2));
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.contains("was not made by a demo"), "{errors}");
    let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(files.len(), 1);
}
