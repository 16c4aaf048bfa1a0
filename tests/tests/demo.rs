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

#[test]
fn everything_is_published_and_measured() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("demo");
    let output = demo(&dir);
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{text}\n{errors}");
    assert_eq!(errors, "", "a demo warns of nothing");
    for wanted in ["  measured   ", "8 of 8 deliveries", "jarchi init"] {
        assert!(text.contains(wanted), "no `{wanted}` in\n{text}");
    }
    let published = text.lines().filter(|line| line.contains("  published  "));
    assert_eq!(published.count(), 8, "{text}");
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
