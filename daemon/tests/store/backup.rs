//! Backups: whole, of one moment, and stores made from them.

use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use jarchi::model::{TimeSpan, Timestamp};
use jarchi::store::{self, Options, Store, StoreError, Target};

use crate::common::{START, open, scratch};
use crate::maintenance::{exported, fill};

const OPTIONS: Options = Options { cache: 16 << 20 };

fn backed_up(store: &Store, file: &Path) -> store::BackupReport {
    store::backup(store, &Target::File(file.to_owned()), START, |_| {}).unwrap()
}

fn restore(dir: &Path, file: &Path) -> Result<store::RestoreReport, StoreError> {
    store::restore(dir, &OPTIONS, file, START, |_| {})
}

fn unpacked(file: &Path) -> String {
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(std::fs::File::open(file).unwrap())
        .read_to_string(&mut text)
        .unwrap();
    text
}

#[test]
fn a_backup_brings_back_the_same_store() {
    let (_keep, dir) = scratch();
    let store = open(&dir.join("data"));
    fill(&store);
    let file = dir.join("b.backup.gz");
    let report = backed_up(&store, &file);
    assert_eq!(report.problems, [""; 0]);
    let meta = std::fs::metadata(&file).unwrap();
    assert_eq!(meta.permissions().mode() & 0o777, 0o600);
    assert_eq!(meta.len(), report.bytes);
    // What `zcat` shows is an export, and its last line sums it up.
    let text = unpacked(&file);
    assert_eq!(text, exported(&store));
    let body = &text[..text.trim_end().rfind('\n').unwrap() + 1];
    let sum = blake3::hash(body.as_bytes()).to_hex().to_string();
    assert!(text[body.len()..].contains(&sum), "{sum}");
    assert_eq!(report.blake3, sum);

    let later = Timestamp(START.0 + 5000);
    let copy = dir.join("copy");
    let report = store::restore(&copy, &OPTIONS, &file, later, |_| {}).unwrap();
    assert_eq!(report.of, START);
    let again = open(&copy);
    assert_eq!(again.check(|_| {}).unwrap().problems, [""; 0]);
    let restored = again.view().restoration().unwrap().unwrap();
    assert_eq!((restored.of, restored.at), (START, later));
    // But for the two notes that say so.
    let lines = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| line.starts_with("{\"table\""));
        lines
            .filter(|line| !line.contains("restored:"))
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(lines(&exported(&again)), lines(&text));
    assert_eq!(store.view().restoration().unwrap(), None);
    assert!(!copy.join("restoring").exists());
    // An export that was not compressed does as well.
    let plain = dir.join("plain.jsonl");
    std::fs::write(&plain, &text).unwrap();
    restore(&dir.join("third"), &plain).unwrap();
}

/// Files of a folder, by name.
fn files(dir: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn what_was_cut_or_altered_is_refused_before_anything_is_written() {
    let (_keep, dir) = scratch();
    let store = open(&dir.join("data"));
    fill(&store);
    let file = dir.join("b");
    backed_up(&store, &file);
    let good = std::fs::read(&file).unwrap();
    let text = unpacked(&file);
    let wrong = dir.join("wrong");
    let target = dir.join("target");
    let refused = |bytes: &[u8], what: &str| {
        std::fs::write(&wrong, bytes).unwrap();
        let error = restore(&target, &wrong).unwrap_err();
        assert!(matches!(error, StoreError::Invalid(_)), "{what}: {error}");
        assert!(error.to_string().contains("wrong"), "{what}: {error}");
        assert_eq!(files(&target), [""; 0], "{what}");
    };
    for length in (0..good.len()).step_by(good.len() / 40) {
        refused(&good[..length], &format!("cut at {length}"));
    }
    for at in (0..good.len()).step_by(good.len() / 60) {
        // The time of day, the system and the flags of gzip's header mean nothing.
        if (3..10).contains(&at) {
            continue;
        }
        let mut bytes = good.clone();
        bytes[at] ^= 0x10;
        let mut content = Vec::new();
        let read = flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_end(&mut content);
        if read.is_ok() && content == text.as_bytes() {
            // A bit that means nothing.
            continue;
        }
        refused(&bytes, &format!("byte {at}"));
    }
    // By somebody who can write JSON.
    refused(
        text.replacen("Salam", "Hello", 1).as_bytes(),
        "another word",
    );
    refused(format!("{text}{text}").as_bytes(), "twice");
    let lines: Vec<&str> = text.lines().collect();
    refused(
        [&lines[..4], &lines[5..]].concat().join("\n").as_bytes(),
        "a line less",
    );
    refused(b"", "nothing");

    std::fs::write(&wrong, &good).unwrap();
    restore(&target, &wrong).unwrap();
}

#[test]
fn a_store_that_is_there_is_never_overwritten() {
    let (_keep, dir) = scratch();
    let data = dir.join("data");
    let file = dir.join("b");
    let store = open(&data);
    fill(&store);
    let text = exported(&store);
    backed_up(&store, &file);
    let again = store::backup(&store, &Target::File(file.clone()), START, |_| {});
    assert!(again.unwrap_err().to_string().contains("not overwritten"));

    let error = restore(&data, &file).unwrap_err();
    assert!(matches!(error, StoreError::Locked(_)), "{error}");
    drop(store);
    let error = restore(&data, &file).unwrap_err().to_string();
    assert!(error.contains("mv "), "{error}");
    assert_eq!(exported(&open(&data)), text);

    // With what an interrupted restore left.
    std::fs::rename(data.join("db"), data.join("db.old")).unwrap();
    std::fs::create_dir_all(data.join("restoring/db")).unwrap();
    std::fs::write(data.join("restoring/db/db"), "half").unwrap();
    restore(&data, &file).unwrap();
    assert_eq!(open(&data).view().latest_posts(9).unwrap().len(), 1);
}

/// Two values in two trees that are changed together, many times, while it is written:
/// what comes back is of one moment.
#[test]
fn a_backup_is_of_one_moment_whatever_is_written_meanwhile() {
    const KEYS: u64 = 3000;
    let (_keep, dir) = scratch();
    let store = open(&dir.join("data"));
    let set = |store: &Store, key: u64, round: u64| {
        store
            .write_blocking(move |tx| {
                let value = round.to_be_bytes().to_vec();
                // A large one, which is kept in pieces, now and then.
                let large = value.repeat(if key.is_multiple_of(500) { 4000 } else { 1 });
                tx.set_plugin_values("p", "s", vec![(format!("{key:05}"), Some(large))]);
                tx.set_sealed("p", "s", &format!("{key:05}"), Some(value.clone()));
                // Comes and goes.
                let odd = (round % 2 == 1).then_some(value);
                tx.set_plugin_values("p", "t", vec![(format!("{key:05}"), odd)]);
                tx.set_note("round", Some(Timestamp(round)));
                Ok::<_, StoreError>(())
            })
            .unwrap();
    };
    for key in 0..KEYS {
        set(&store, key, key);
    }
    let stop = Arc::new(AtomicBool::new(false));
    let round = Arc::new(AtomicU64::new(KEYS));
    let writing = std::thread::spawn({
        let (store, stop, round) = (store.clone(), stop.clone(), round.clone());
        move || {
            let mut random = 12345u64;
            while !stop.load(Ordering::Relaxed) {
                random = random.wrapping_mul(6364136223846793005).wrapping_add(1);
                let key = (random >> 33) % KEYS;
                set(&store, key, round.fetch_add(1, Ordering::Relaxed));
            }
        }
    });
    let mut backups = Vec::new();
    for number in 0..4 {
        let file = dir.join(format!("b{number}"));
        let from = round.load(Ordering::Relaxed);
        backed_up(&store, &file);
        let to = round.load(Ordering::Relaxed);
        assert!(to > from, "nothing was written meanwhile");
        backups.push(file);
    }
    stop.store(true, Ordering::Relaxed);
    writing.join().unwrap();
    for (number, file) in backups.iter().enumerate() {
        let copy = dir.join(format!("copy{number}"));
        restore(&copy, file).unwrap();
        let store = open(&copy);
        assert_eq!(store.check(|_| {}).unwrap().problems, [""; 0]);
        let view = store.view();
        let last = view.note("round").unwrap().unwrap().0;
        let mut newest = 0;
        for key in 0..KEYS {
            let name = format!("{key:05}");
            let first = view.plugin_value("p", "s", &name).unwrap().unwrap();
            let second = view.sealed("p", "s", &name).unwrap().unwrap();
            assert_eq!(first[..8], second[..], "{file:?}, key {key}");
            let round = u64::from_be_bytes(second[..].try_into().unwrap());
            let third = view.plugin_value("p", "t", &name).unwrap();
            assert_eq!(third, (round % 2 == 1).then_some(second), "key {key}");
            newest = newest.max(round);
        }
        // The note is of the same batch as the newest value, unless that was overwritten
        // by one that is newer still.
        assert_eq!(newest, last, "{file:?}");
    }
}

#[test]
fn only_our_own_files_are_removed_from_a_folder() {
    let (_keep, dir) = scratch();
    let store = open(&dir.join("data"));
    let folder = dir.join("deep/er");
    let mut written = Vec::new();
    for day in 0..10 {
        let at = START.saturating_add(TimeSpan::from_days(day));
        let target = Target::Folder(folder.clone());
        let report = store::backup(&store, &target, at, |_| {}).unwrap();
        written.push(report.file);
    }
    let mode = std::fs::metadata(&folder).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    assert_eq!(name(&written[0]), "jarchi-20261124T090000000Z.backup.gz");
    let foreign = [
        "jarchi-20200101T000000000Z.backup.gz.old",
        "jarchi-latest.backup.gz",
        "jarchi-20200101T0000Z.backup.gz",
        "photo.jpg",
        ".part",
    ];
    for name in foreign {
        std::fs::write(folder.join(name), "theirs").unwrap();
    }
    std::fs::create_dir(folder.join("jarchi-20190101T000000000Z.backup.gz")).unwrap();
    let left = folder.join(".jarchi-20200101T000000000Z.backup.gz.part");
    std::fs::write(&left, "half").unwrap();
    assert_eq!(store::prune(&folder, 3).unwrap(), 7);
    assert_eq!(
        store::backups(&folder),
        written[7..].iter().rev().cloned().collect::<Vec<_>>()
    );
    for name in foreign {
        assert!(folder.join(name).exists(), "{name}");
    }
    assert!(!left.exists());
    // The last is never removed.
    assert_eq!(store::prune(&folder, 0).unwrap(), 2);
}
