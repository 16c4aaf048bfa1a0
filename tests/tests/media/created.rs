//! A picture that a generator made itself, from its call to the platform.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jarchi_tests::daemon::{Daemon, Home, config};
use jarchi_tests::standin::Standin;

/// A picture that no other test has, too long for one piece of anything.
fn picture(seed: u8) -> Vec<u8> {
    jarchi_tests::photo::noise(200, 200, &seed.to_string())
}

/// The generator, where there is one, makes this picture.
fn configuration(standin: &Standin, picture: Option<&[u8]>) -> String {
    let mut text = config(standin, &["cafe"]);
    if let Some(bytes) = picture {
        text.push_str(&format!(
            "\n[[plugin]]\nname = \"painter\"\nlimits = {{ cpu = \"5s\" }}\n\
             \n[[generator]]\nname = \"art\"\nplugin = \"painter\"\naccounts = [\"cafe\"]\n\
             settings = {{ pictures = {{ tea = {{ name = \"../Çay saatı.exe\", text = \"Çay\", \
             alt = \"Armudu stəkan\", due = \"2026-01-01T09:00:00\", bytes = \"{}\" }} }} }}\n",
            STANDARD.encode(bytes)
        ));
    }
    // What was due at any time goes out.
    text.replace(
        "least_gap = \"0s\"",
        "least_gap = \"0s\", late = \"publish\"",
    )
}

/// Nothing goes out before it is released.
async fn stage() -> (Standin, Home) {
    let standin = Standin::start(&["cafe"]);
    let home = Home::compiled("created", &configuration(&standin, None), |_| {}).await;
    home.ok(&["hold", "account:cafe"]).await;
    (standin, home)
}

async fn waiting(home: &Home, daemon: &Daemon) {
    daemon
        .until("the post", async || {
            let list = home.json(&["queue", "list"]).await;
            (list["deliveries"].as_array()?.len() == 1).then_some(())
        })
        .await;
}

fn created(home: &Home) -> Vec<PathBuf> {
    fn below(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                below(&path, found);
            } else {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    below(&home.data().join("created/art"), &mut found);
    found.sort();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_goes_out_as_it_was_made_after_a_restart_and_a_crash() {
    let (standin, home) = stage().await;
    let bytes = picture(1);
    home.configure(&configuration(&standin, Some(&bytes)));
    let daemon = home.start().await;
    home.ok(&["generate", "art"]).await;
    waiting(&home, &daemon).await;
    let files = created(&home);
    assert_eq!(files.len(), 1, "{files:?}");
    assert!(files[0].ends_with("Çay-saatı.png"), "{files:?}");
    assert_eq!(std::fs::read(&files[0]).unwrap(), bytes);
    // From here on nobody could make it a second time.
    daemon.kill().await;
    home.configure(&configuration(&standin, None));

    let daemon = home.start().await;
    waiting(&home, &daemon).await;
    let status = daemon.terminate().await;
    assert!(status.success(), "{status}");
    assert!(standin.book().is_empty());

    // Once more, while the platform has the picture and not yet the post.
    home.ok(&["release", "account:cafe"]).await;
    standin.hold("POST", "/api/v1/statuses");
    let daemon = home.start().await;
    standin.arrival("POST", "/api/v1/statuses").await;
    daemon.kill().await;
    standin.release();

    let daemon = home.start().await;
    let book = standin.until("the post", |book| !book.is_empty()).await;
    assert_eq!(book.len(), 1, "{book:#?}");
    assert_eq!(book[0].text, "Çay");
    let media = &book[0].media;
    assert_eq!(media.len(), 1);
    assert_eq!(media[0].mime, "image/png");
    assert_eq!(media[0].description.as_deref(), Some("Armudu stəkan"));
    assert_eq!(media[0].digest, blake3::hash(&bytes).to_hex().to_string());
    assert!(daemon.terminate().await.success());
    assert_eq!(created(&home), files);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_that_is_made_anew_is_the_posts_new_one() {
    let (standin, home) = stage().await;
    home.configure(&configuration(&standin, Some(&picture(2))));
    let daemon = home.start().await;
    home.ok(&["generate", "art"]).await;
    waiting(&home, &daemon).await;

    let newer = picture(3);
    home.configure(&configuration(&standin, Some(&newer)));
    home.ok(&["reload"]).await;
    home.ok(&["generate", "art"]).await;
    // The former stays until it is certain that no post has it.
    daemon
        .until("the new picture", async || {
            (created(&home).len() == 2).then_some(())
        })
        .await;
    daemon
        .until("the post's new picture", async || {
            let log = daemon.log();
            log.contains("Updated").then_some(())
        })
        .await;
    home.ok(&["release", "account:cafe"]).await;
    let book = standin.until("the post", |book| !book.is_empty()).await;
    assert_eq!(
        book[0].media[0].digest,
        blake3::hash(&newer).to_hex().to_string()
    );
    assert!(daemon.terminate().await.success());
    assert_eq!(standin.book().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_picture_is_told_and_becomes_no_post() {
    let (standin, home) = stage().await;
    home.configure(&configuration(&standin, Some(b"#!/bin/sh")));
    let mut daemon = home.start().await;
    home.ok(&["generate", "art"]).await;
    daemon
        .logged(|line| {
            line.to_string()
                .contains("is neither a picture, a video, a sound nor a PDF")
        })
        .await;
    let list = home.json(&["queue", "list"]).await;
    assert_eq!(list["deliveries"].as_array().unwrap().len(), 0, "{list}");
    assert!(created(&home).is_empty());
    assert!(daemon.terminate().await.success());
}
