//! The brand's own photos and videos: `jarchi media`, and the alt texts of what is posted.

use std::path::Path;
use std::process::Output;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jarchi_tests::daemon::{Home, config};
use jarchi_tests::standin::Standin;
use serde_json::Value;

/// A picture of one pixel, and bytes behind it that make it another file.
fn png(more: &str) -> Vec<u8> {
    let mut bytes = STANDARD
        .decode(
            "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
        )
        .unwrap();
    bytes.extend(more.as_bytes());
    bytes
}

async fn stage(more: &str) -> (Standin, Home) {
    let standin = Standin::start(&["cafe"]);
    let home = Home::new(&config(&standin, &["cafe"])).await;
    std::fs::create_dir(home.path("photos")).unwrap();
    home.configure(&format!(
        "{}\n[media]\nlibrary = \"photos\"\n{more}",
        config(&standin, &["cafe"])
    ));
    (standin, home)
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

fn by_path<'a>(list: &'a Value, path: &str) -> &'a Value {
    let files = list["files"].as_array().unwrap();
    let found = files.iter().find(|file| file["path"] == path);
    found.unwrap_or_else(|| panic!("{path} is not in {list:#}"))
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_added_once_and_only_media() {
    let (_standin, home) = stage("").await;
    let tea = home.write("in/tea.png", png("tea"));
    let cup = home.write("in/cup.txt", png("cup"));
    let script = home.write("in/script.png", "#!/bin/sh\n");
    let broken = home.write("in/broken.png", b"\x89PNG\r\n\x1a\n no more");
    let path = |path: &Path| path.to_str().unwrap().to_owned();
    let output = home
        .jarchi(&[
            "media",
            "add",
            &path(&tea),
            &path(&cup),
            &path(&script),
            &path(&broken),
            "--alt",
            "Armudu stəkanda çay",
            "--tag",
            "çay",
            "--tag",
            "yay",
            "--json",
        ])
        .await;
    assert_eq!(output.status.code(), Some(2), "{}", words(&output));
    let added: Value = serde_json::from_slice(&output.stdout).unwrap();
    let outcomes: Vec<_> = added["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| (file["outcome"].as_str().unwrap(), file["path"].as_str()))
        .collect();
    // The bytes say what it is, whatever the name says.
    assert_eq!(
        outcomes,
        [
            ("added", Some("tea.png")),
            ("added", Some("cup.png")),
            ("refused", None),
            ("refused", None),
        ]
    );
    assert_eq!(
        std::fs::read(home.path("photos/tea.png")).unwrap(),
        png("tea")
    );
    assert!(!home.path("photos/script.png").exists());

    // The same bytes by another name, and other bytes by the same one.
    let again = home.write("in/again.png", png("tea"));
    let said = home.ok(&["media", "add", &path(&again)]).await;
    assert!(said.contains("is there already, as tea.png"), "{said}");
    let other = home.write("in/2/tea.png", png("other"));
    let said = home.ok(&["media", "add", &path(&other)]).await;
    assert!(said.contains("tea-2.png: added"), "{said}");
    let mut names: Vec<_> = std::fs::read_dir(home.path("photos"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["cup.png", "media.toml", "tea-2.png", "tea.png"]);

    let list = home.json(&["media", "list"]).await;
    let tea = by_path(&list, "tea.png");
    assert_eq!(tea["alt"], "Armudu stəkanda çay");
    assert_eq!(tea["tags"], serde_json::json!(["çay", "yay"]));
    assert_eq!((&tea["width"], &tea["height"]), (&1.into(), &1.into()));
    assert_eq!(tea["kind"], "image");
    assert_eq!(tea["size"], png("tea").len());
    assert_eq!(tea["digest"], blake3::hash(&png("tea")).to_string());
    assert_eq!(
        (&tea["used"], &tea["missing_alt"]),
        (&0.into(), &false.into())
    );
    assert_eq!(by_path(&list, "cup.png")["missing_alt"], true);
    let silent = home.json(&["media", "list", "--without-alt"]).await;
    assert_eq!(silent["files"].as_array().unwrap().len(), 2, "{silent:#}");
    let tagged = home.json(&["media", "list", "--tag", "yay"]).await;
    assert_eq!(tagged["files"].as_array().unwrap().len(), 2, "{tagged:#}");
    let shown = home.ok(&["media", "list"]).await;
    assert!(
        shown.contains("1×1") && shown.contains("missing"),
        "{shown}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_found_and_mended() {
    let (_standin, home) = stage("").await;
    let check = async || {
        let output = home.jarchi(&["media", "check", "--json"]).await;
        let report: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", words(&output)));
        let mut found: Vec<(String, String)> = report["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| {
                let text = |key: &str| one[key].as_str().unwrap().to_owned();
                (text("finding"), text("path"))
            })
            .collect();
        found.sort();
        (output.status.code(), found)
    };
    assert_eq!(check().await, (Some(0), Vec::new()));
    home.write("photos/a.png", png("a"));
    home.write("photos/sub/copy.png", png("a"));
    home.write("photos/moved/lost.png", png("lost"));
    home.write("photos/notes.txt", "remember the milk");
    home.write("photos/notes.srt", "remember the milk");
    home.write("photos/film.srt", "1\n00:00:01,000 --> 00:00:02,000\nÇay\n");
    home.write("photos/.hidden", "not looked at");
    home.write(
        "photos/media.toml",
        "# ours\n[\"a.png\"]\nalt = \"A\"\n\n[\"sub/copy.png\"]\nalt = \"\"\n\n[\"lost.png\"]\nalt = \"L\"\n",
    );
    let finding = |finding: &str, path: &str| (finding.to_owned(), path.to_owned());
    assert_eq!(
        check().await,
        (
            Some(2),
            vec![
                finding("duplicate", "sub/copy.png"),
                finding("no-alt", "moved/lost.png"),
                finding("orphaned", "lost.png"),
                finding("unreadable", "notes.srt"),
                finding("unreadable", "notes.txt"),
            ]
        )
    );
    let said = words(&home.jarchi(&["media", "check"]).await);
    assert!(said.contains("if it is moved/lost.png now"), "{said}");
    assert!(said.contains("4 files, 3 errors, 2 warnings"), "{said}");

    std::fs::remove_file(home.path("photos/notes.txt")).unwrap();
    std::fs::remove_file(home.path("photos/notes.srt")).unwrap();
    std::fs::rename(
        home.path("photos/moved/lost.png"),
        home.path("photos/lost.png"),
    )
    .unwrap();
    assert_eq!(
        check().await,
        (Some(0), vec![finding("duplicate", "sub/copy.png")])
    );
    // By its path in the library, and by that from where one is.
    home.ok(&["media", "alt", "lost.png", "Found"]).await;
    home.ok(&["media", "alt", "photos/a.png", "Another \"A\""])
        .await;
    let index = text(&home.path("photos/media.toml"));
    assert!(index.starts_with("# ours\n[\"a.png\"]\n"), "{index}");
    let list = home.json(&["media", "list"]).await;
    assert_eq!(by_path(&list, "lost.png")["alt"], "Found");
    assert_eq!(by_path(&list, "a.png")["alt"], "Another \"A\"");
    let output = home.jarchi(&["media", "alt", "none.png", "x"]).await;
    assert_eq!(output.status.code(), Some(2));
    assert!(words(&output).contains("`none.png` is not in the library"));

    // A slip in the index is told with its line, and nothing is written over.
    home.write(
        "photos/media.toml",
        "[\"a.png\"]\nalt = \"A\"\naltt = \"B\"\n",
    );
    for args in [&["media", "check"][..], &["media", "alt", "a.png", "x"]] {
        let output = home.jarchi(args).await;
        assert_eq!(output.status.code(), Some(2));
        let said = words(&output);
        assert!(
            said.contains("media.toml:3: `altt` of `a.png` is neither"),
            "{said}"
        );
    }
    assert!(text(&home.path("photos/media.toml")).contains("altt"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_brand_without_a_library_is_told_how_to_have_one() {
    let standin = Standin::start(&["cafe"]);
    let home = Home::new(&config(&standin, &["cafe"])).await;
    let output = home.jarchi(&["media", "list"]).await;
    assert_eq!(output.status.code(), Some(2));
    assert!(
        words(&output).contains("`library = \"photos\"`"),
        "{}",
        words(&output)
    );
    home.configure(&format!(
        "{}\n[media]\nlibrary = \"nowhere\"\n",
        config(&standin, &["cafe"])
    ));
    let output = home.jarchi(&["check"]).await;
    assert_eq!(output.status.code(), Some(2));
    assert!(
        words(&output).contains("`nowhere` is not there"),
        "{}",
        words(&output)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_posted_says_what_it_shows_and_counts() {
    let (standin, home) = stage(
        "\n[[generator]]\nname = \"posts\"\nplugin = \"library\"\naccounts = [\"cafe\"]\n\
         folders = { content = \"photos\" }\n",
    )
    .await;
    let tea = home.write("photos/tea.png", png("tea"));
    home.write("photos/cup.png", png("cup"));
    home.write(
        "photos/media.toml",
        "[\"tea.png\"]\nalt = \"Armudu stəkanda çay\"\n\n[\"cup.png\"]\nalt = \"Fincan\"\n",
    );
    let daemon = home.start().await;
    let tea = tea.to_str().unwrap();
    home.ok(&["post", "Bir", "--account", "cafe", "--media", tea])
        .await;
    home.ok(&[
        "post",
        "İki",
        "--account",
        "cafe",
        "--media",
        tea,
        "--alt",
        "Öz sözü",
    ])
    .await;
    home.write("photos/post.md", "---\nmedia:\n  - cup.png\n---\nÜç");
    let book = standin.until("two posts", |book| book.len() >= 2).await;
    let described = |start: &str| {
        let entry = book.iter().find(|entry| entry.text.starts_with(start));
        entry.unwrap().media[0].description.clone()
    };
    assert_eq!(described("Bir").as_deref(), Some("Armudu stəkanda çay"));
    assert_eq!(described("İki").as_deref(), Some("Öz sözü"));

    // What a generator took up waits for its slot, with the library's words.
    let post = daemon
        .until("the generator's post", async || {
            let posts = home.json(&["post", "list"]).await;
            let posts = posts["posts"].as_array()?;
            let found = posts.iter().find(|post| post["text"] == "Üç")?;
            found["post"].as_u64().map(|id| id.to_string())
        })
        .await;
    let shown = home.json(&["post", "show", &post]).await;
    assert_eq!(
        shown["post"]["draft"]["media"][0]["alt"], "Fincan",
        "{shown:#}"
    );

    let uses = async |path: &str| {
        let list = home.json(&["media", "list"]).await;
        let file = by_path(&list, path).clone();
        (
            file["used"].clone(),
            file["planned"].clone(),
            !file["last_used"].is_null(),
        )
    };
    daemon
        .until("both receipts", async || {
            (uses("tea.png").await == (2.into(), 0.into(), true)).then_some(())
        })
        .await;
    assert_eq!(uses("cup.png").await, (0.into(), 1.into(), false));
    assert!(daemon.terminate().await.success());
    // And without a daemon.
    assert_eq!(uses("tea.png").await, (2.into(), 0.into(), true));
}
