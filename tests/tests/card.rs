//! `jarchi card`, as operators call it: the component draws in its sandbox.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what goes wrong fails the test"
)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use jarchi_tests::{bin, plugins};
use serde_json::Value;

fn jarchi(dir: &Path, arguments: &[&str]) -> Output {
    Command::new(bin::jarchi())
        .args(arguments)
        .current_dir(dir)
        .env_remove("JARCHI_CONFIG")
        .env("TMPDIR", dir.join("tmp"))
        .output()
        .expect("it starts")
}

/// A brand with a generator of cards, in a folder of its own.
fn brand() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("cards")).unwrap();
    fs::create_dir(dir.path().join("tmp")).unwrap();
    let logo = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"8\" height=\"8\"><circle r=\"4\"/></svg>";
    fs::write(dir.path().join("cards/logo.svg"), logo).unwrap();
    let config = format!(
        r#"
[daemon]
data_dir = "data"
plugin_dir = {:?}

[[brand]]
name = "Çay Evi"
time_zone = "Asia/Baku"
languages = ["az"]

[[generator]]
name = "cards"
plugin = "card"
folders = {{ cards = "cards" }}
settings = {{ logo = "logo.svg", handle = "@cayevi" }}
"#,
        plugins::plugin_dir()
    );
    fs::write(dir.path().join("jarchi.toml"), config).unwrap();
    dir
}

/// Width and height as a PNG's header has them.
fn pixels(path: &Path) -> (u32, u32) {
    let bytes = fs::read(path).unwrap();
    assert_eq!(&bytes[..8], b"\x89PNG\r\n\x1a\n", "{}", path.display());
    let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    (number(16), number(20))
}

fn preview(dir: &Path, arguments: &[&str]) -> Value {
    let mut all = vec!["card", "preview", "--json"];
    all.extend(arguments);
    let output = jarchi(dir, &all);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn refused(dir: &Path, arguments: &[&str]) -> String {
    let output = jarchi(dir, arguments);
    assert_eq!(output.status.code(), Some(2));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn every_kind_is_drawn_within_the_usual_memory() {
    let dir = brand();
    for (kind, size, expected) in [
        ("quote", "square", (1080, 1080)),
        ("tip", "portrait", (1080, 1350)),
        ("review", "story", (1080, 1920)),
        ("price", "landscape", (1200, 675)),
        ("poll", "link", (1200, 630)),
        ("chart", "pin", (1000, 1500)),
    ] {
        let out = format!("{kind}.png");
        let answer = preview(dir.path(), &["--kind", kind, "--size", size, "-o", &out]);
        assert_eq!(pixels(&dir.path().join(&out)), expected);
        assert_eq!(answer["problems"], serde_json::json!([]), "{answer}");
        assert!(!answer["alt"].as_str().unwrap().is_empty());
        let memory = answer["memory"].as_u64().unwrap();
        assert!((1 << 20..32 << 20).contains(&memory), "{kind}: {memory}");
    }
}

#[test]
fn words_of_ones_own_become_a_jpeg_and_nothing_is_left_behind() {
    let dir = brand();
    let answer = preview(
        dir.path(),
        &["--text", "茶 çay", "--set", "author=Aysel", "-o", "out.jpg"],
    );
    assert!(
        fs::read(dir.path().join("out.jpg"))
            .unwrap()
            .starts_with(&[0xff, 0xd8])
    );
    assert_eq!(answer["text"], "“茶 çay” — Aysel");
    assert!(
        answer["problems"][0]
            .as_str()
            .unwrap()
            .contains("no font draws `茶`")
    );
    let left: Vec<_> = fs::read_dir(dir.path().join("tmp")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
    let kept: Vec<_> = fs::read_dir(dir.path().join("data"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(kept, ["compiled"], "compiled code alone is kept");
}

#[test]
fn what_is_wrong_is_told() {
    let dir = brand();
    let card = |more: &[&str]| {
        let mut all = vec!["card", "preview", "-o", "out.png"];
        all.extend(more);
        refused(dir.path(), &all)
    };
    let told = card(&["--kind", "poem", "--text", "x"]);
    assert!(told.contains("`kind` must say what the card is"), "{told}");
    let told = card(&["--kind", "tip", "--set", "titel=x", "--text", "x"]);
    assert!(told.contains("did you mean `title`?"), "{told}");
    let told = card(&["--set", "author"]);
    assert!(told.contains("KEY=VALUE"), "{told}");
    let told = card(&["--generator", "others"]);
    assert!(
        told.contains("generator `others` is not configured"),
        "{told}"
    );
    let told = card(&["--plugin", "nowhere.wasm"]);
    assert!(told.contains("there is no plugin nowhere.wasm"), "{told}");
    let told = card(&[
        "--set",
        "photo=none.jpg",
        "--kind",
        "price",
        "--set",
        "title=a",
        "--set",
        "price=1",
    ]);
    assert!(told.contains("there is no file `none.jpg`"), "{told}");
    assert!(!dir.path().join("out.png").exists());
}
