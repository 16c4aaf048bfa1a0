//! Files that guests make.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::guest::with_text;
use super::*;
use crate::model::Fault;

/// The guest's text: a name, and the beginning of a picture.
const TEXT: &str = "../tea.exeGIF89a\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1};";
const NAME: usize = 10;
const PICTURE: usize = TEXT.len() - NAME;

/// Makes the file of `length` bytes behind the name; its answer lies at 512.
fn create(length: usize) -> String {
    format!(
        "(call $create (i32.const 4096) (i32.const {NAME})
            (i32.const {}) (i32.const {length}) (i32.const 512))",
        4096 + NAME
    )
}

/// Ends as the fault `invalid` with what the host's error says.
const REFUSED: &str = "(if (i32.eqz (i32.load8_u (i32.const 512))) (then unreachable))
     (call $invalid (i32.load (i32.const 528)) (i32.load (i32.const 532)))";

fn said(called: &Called<Batch>) -> &str {
    match &called.result {
        Err(CallError::Fault(Fault::Invalid(text))) => text,
        other => panic!("{other:?}"),
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    walkdir::WalkDir::new(folder)
        .into_iter()
        .filter_map(|entry| entry.ok())
        .filter(|entry| entry.file_type().is_file())
        .map(walkdir::DirEntry::into_path)
        .collect()
}

#[tokio::test]
async fn a_generator_makes_a_file_and_reads_it() {
    let stage = Stage::new();
    let read = format!(
        "{} (if (i32.load8_u (i32.const 512)) (then unreachable))
         (call $read (i32.load (i32.const 520)) (i32.load (i32.const 524))
            (i64.const 0) (i32.const 6) (i32.const 640))
         (if (i32.load8_u (i32.const 640)) (then unreachable))
         (call $invalid (i32.load (i32.const 648)) (i32.load (i32.const 652)))",
        create(PICTURE)
    );
    let plugin = stage.plugin(&with_text(TEXT, &read)).await;
    let called = plugin.generate(&subject("one"), &Brief::default()).await;
    assert_eq!(said(&called), "GIF89a");
    assert_eq!(called.usage.media, 64 << 10);
    let files = files_below(&stage.directory.path().join("created/one"));
    assert_eq!(files.len(), 1);
    assert!(files[0].ends_with("tea.gif"), "{files:?}");
    assert_eq!(std::fs::read(&files[0]).unwrap(), &TEXT.as_bytes()[NAME..]);
    let mode = std::fs::metadata(&files[0]).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    // A later call has it by the same name; another generator does not.
    let digest = blake3::hash(&TEXT.as_bytes()[NAME..]).to_string();
    let later = with_text(
        &digest,
        "(call $read (i32.const 4096) (i32.const 64) (i64.const 3) (i32.const 3) (i32.const 640))
         (if (i32.load8_u (i32.const 640))
            (then (return (call $invalid (i32.load (i32.const 656)) (i32.load (i32.const 660))))))
         (call $invalid (i32.load (i32.const 648)) (i32.load (i32.const 652)))",
    );
    let plugin = stage.plugin(&later).await;
    let called = plugin.generate(&subject("one"), &Brief::default()).await;
    assert_eq!(said(&called), "89a");
    let called = plugin.generate(&subject("other"), &Brief::default()).await;
    assert_eq!(
        said(&called),
        format!("no file `{digest}` belongs to this call")
    );
}

#[tokio::test]
async fn what_is_no_media_is_refused() {
    let stage = Stage::new();
    let text = TEXT.replace("GIF89a", "#!/bin");
    let body = format!("{} {REFUSED}", create(PICTURE));
    let called = stage.call(&with_text(&text, &body)).await;
    assert_eq!(
        said(&called),
        "`../tea.exe` is neither a picture, a video, a sound nor a PDF"
    );
    assert!(!stage.directory.path().join("created").exists());
}

#[tokio::test]
async fn a_call_makes_so_many_files_and_no_more() {
    // 256 KiB, of which each counts 64: the fifth is refused, and the guest gives up.
    let stage = Stage::new();
    let body = format!(
        "(local $n i32)
         (loop $again
            {}
            (if (i32.load8_u (i32.const 512)) (then
                (if (i32.ne (i32.load8_u (i32.const 520)) (i32.const 4)) (then unreachable))
                (if (i64.ne (i64.load (i32.const 528)) (i64.const 262144)) (then unreachable))
                (if (i32.ne (local.get $n) (i32.const 4)) (then unreachable))
                (return (call $invalid (i32.const 4096) (i32.const {NAME})))))
            (local.set $n (i32.add (local.get $n) (i32.const 1)))
            (br $again))
         unreachable",
        create(PICTURE)
    );
    let called = stage.call(&with_text(TEXT, &body)).await;
    let (limit, text) = limit(&called);
    assert_eq!(limit, Limit::Media);
    assert!(text.contains("made more than 256 KiB of files"), "{text}");
    assert!(
        text.contains("`limits.media` in the [[plugin]] block"),
        "{text}"
    );
}

#[tokio::test]
async fn a_file_is_handed_over_within_the_limit_of_a_call() {
    let body = format!(
        "(drop (memory.grow (i32.const 4))) {} {REFUSED}",
        create(100 << 10)
    );
    let called = Stage::new().call(&with_text(TEXT, &body)).await;
    assert_eq!(limit(&called).0, Limit::Output);
}

#[tokio::test]
async fn others_than_generators_make_none() {
    let stage = Stage::new();
    let files = files::CallFiles::new(stage.host.library().clone(), Arc::default());
    let error = files
        .create("tea.gif", &TEXT.as_bytes()[NAME..])
        .unwrap_err();
    assert_eq!(error.to_string(), "files are made by generators alone");
    let error = files.describe(&"0".repeat(64)).unwrap_err();
    assert!(matches!(error, FileError::NotFound(_)));
}
