//! Stores that the disk has harmed: each is whole, or says that it is not. sled alone opens
//! most of them as if nothing had been.

use std::fs;
use std::path::{Path, PathBuf};

use jarchi::model::Timestamp;
use jarchi::store::{self, Options, Store, StoreError};

use crate::common::{START, open, scratch};
use crate::job;
use crate::maintenance::{exported, fill};

const OPTIONS: Options = Options { cache: 16 << 20 };

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(path, to).unwrap();
        }
    }
}

/// As a process leaves it that was killed before sled wrote a snapshot of its pages.
fn without_snapshot(db: &Path) {
    for entry in fs::read_dir(db).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name().to_string_lossy().starts_with("snap.") {
            fs::remove_file(entry.path()).unwrap();
        }
    }
}

/// Something in every table, several times.
fn whole() -> (tempfile::TempDir, PathBuf, String) {
    let (keep, dir) = scratch();
    let original = dir.join("whole");
    let store = open(&original);
    for _ in 0..30 {
        fill(&store);
    }
    let text = exported(&store);
    drop(store);
    // A log that was opened again has space that is not in use: harm there is none.
    assert_eq!(exported(&open(&original)), text);
    (keep, original, text)
}

#[test]
fn a_harmed_store_is_whole_or_says_that_it_is_not() {
    let (keep, original, text) = whole();
    let length = fs::metadata(original.join("db/db")).unwrap().len();
    let log = |db: &Path| {
        fs::OpenOptions::new()
            .write(true)
            .open(db.join("db"))
            .unwrap()
    };
    type Harm<'a> = Box<dyn Fn(&Path) + 'a>;
    let mut harms: Vec<(String, Harm<'_>)> = Vec::new();
    for part in 0..40 {
        let at = length * part / 40;
        harms.push((
            format!("the log ends at {at} of {length}"),
            Box::new(move |db| log(db).set_len(at).unwrap()),
        ));
        harms.push((
            format!("64 bytes at {at} of {length} are altered"),
            Box::new(move |db| {
                let mut bytes = fs::read(db.join("db")).unwrap();
                let at = at as usize;
                for byte in &mut bytes[at..][..64] {
                    *byte ^= 0xff;
                }
                fs::write(db.join("db"), bytes).unwrap();
            }),
        ));
    }
    harms.push((
        "the log is gone".to_owned(),
        Box::new(|db| fs::remove_file(db.join("db")).unwrap()),
    ));
    harms.push((
        "sled's own configuration is altered".to_owned(),
        Box::new(|db| {
            let mut bytes = fs::read(db.join("conf")).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0xff;
            fs::write(db.join("conf"), bytes).unwrap();
        }),
    ));
    harms.push((
        "our own mark is altered".to_owned(),
        Box::new(|db| fs::write(db.join("acknowledged"), [0xff; 16]).unwrap()),
    ));
    harms.push((
        "a snapshot was being written".to_owned(),
        Box::new(|db| fs::write(db.join("snap.00000000000000FF.generating"), "half").unwrap()),
    ));
    let (mut torn, mut intact) = (0, 0);
    let cases = harms.iter().flat_map(|harm| [(harm, true), (harm, false)]);
    for (number, ((what, harm), snapshot)) in cases.enumerate() {
        let what = format!("{what}, snapshot: {snapshot}");
        let dir = keep.path().join(number.to_string());
        copy(&original, &dir);
        if !snapshot {
            without_snapshot(&dir.join("db"));
        }
        harm(&dir.join("db"));
        let mut lines = Vec::new();
        let read = Store::open(&dir, &OPTIONS)
            .and_then(|store| store::export(&store, START, &mut lines, |_| {}));
        match read {
            Ok(report) if !report.problems.is_empty() => {
                torn += 1;
                for words in report.problems {
                    assert!(words.contains("jarchi restore"), "{what}: {words}");
                }
            }
            Ok(_) => {
                intact += 1;
                assert_eq!(String::from_utf8(lines).unwrap(), text, "{what}");
            }
            Err(error) => {
                torn += 1;
                let words = error.to_string();
                assert!(words.contains("jarchi restore"), "{what}: {words}");
            }
        }
        fs::remove_dir_all(dir).unwrap();
    }
    assert!(torn > 20 && intact > 4, "{torn} torn, {intact} intact");
}

#[test]
fn a_torn_store_is_restored_or_goes_on_with_what_is_left() {
    let (keep, original, text) = whole();
    let backup = keep.path().join("b");
    let target = store::Target::File(backup.clone());
    store::backup(&open(&original), &target, START, |_| {}).unwrap();
    let log = original.join("db/db");
    let length = fs::metadata(&log).unwrap().len();
    // Some cuts leave a log that opens as an earlier state.
    let mut torn_at = None;
    for part in (1..40).rev() {
        let torn = keep.path().join(format!("cut {part}"));
        copy(&original, &torn);
        without_snapshot(&torn.join("db"));
        let cut = length * part / 40;
        let log = fs::OpenOptions::new().write(true).open(torn.join("db/db"));
        log.unwrap().set_len(cut).unwrap();
        if let Err(StoreError::Torn {
            lost, acknowledged, ..
        }) = Store::open(&torn, &OPTIONS)
        {
            assert!(0 < lost && lost <= acknowledged, "{lost} of {acknowledged}");
            // And says so again.
            let again = Store::open(&torn, &OPTIONS);
            assert!(matches!(again, Err(StoreError::Torn { .. })), "{again:?}");
            torn_at = Some(torn);
            break;
        }
    }
    let original = torn_at.expect("a cut that opens as an earlier state");

    let now = Timestamp(START.0 + 1000);
    let torn = keep.path().join("torn");
    copy(&original, &torn);
    let accepted = store::accept_loss(&torn, &OPTIONS, now).unwrap();
    assert_eq!(accepted.at, now);
    let store = open(&torn);
    assert!(exported(&store).len() < text.len());
    assert_eq!(store.view().restoration().unwrap(), Some(accepted));
    drop(store);
    open(&torn);

    // As the message says.
    fs::rename(original.join("db"), original.join("db.torn")).unwrap();
    store::restore(&original, &OPTIONS, &backup, now, |_| {}).unwrap();
    let restored = exported(&open(&original));
    assert_eq!(restored.lines().count(), text.lines().count() + 2);
}

/// The number of the last batch goes along wherever the database goes.
#[test]
fn compacting_and_restoring_are_no_losses() {
    let (_keep, original, _) = whole();
    for round in 0..3 {
        store::compact(&original, &OPTIONS, Timestamp(round), |_| {}).unwrap();
        let store = open(&original);
        store
            .write_blocking(|tx| tx.enqueue(job("lane", START, "more"), START))
            .unwrap();
    }
    assert_eq!(open(&original).check(|_| {}).unwrap().problems, [""; 0]);
}

/// A store as a kill leaves it, whose last changes are in its journal alone.
fn killed(keep: &Path) -> (PathBuf, String) {
    for attempt in 0..20 {
        let dir = keep.join(format!("running {attempt}"));
        let store = open(&dir);
        for number in 0..60 {
            let text = format!("{number}").repeat(100 + number);
            let new = move |tx: &mut store::Tx<'_>| tx.enqueue(job("lane", START, &text), START);
            let id = store.write_blocking(new).unwrap();
            if number % 3 == 0 {
                store.write_blocking(move |tx| tx.complete(id)).unwrap();
            }
        }
        let text = exported(&store);
        let left = keep.join(format!("killed {attempt}"));
        copy(&dir, &left);
        drop(store);
        let bare = keep.join(format!("bare {attempt}"));
        copy(&left, &bare);
        let second = fs::read(bare.join("db/journal-2")).unwrap();
        assert!(second.iter().all(|byte| *byte == 0), "one file is enough");
        fs::remove_file(bare.join("db/journal")).unwrap();
        // Else sled was flushed in between, as it is in every pause.
        if let Err(StoreError::Torn { lost, .. }) = Store::open(&bare, &OPTIONS) {
            assert!(lost > 0);
            return (left, text);
        }
    }
    panic!("sled was flushed each time before the files were copied");
}

#[test]
fn a_harmed_journal_is_whole_or_says_that_it_is_not() {
    let (keep, _) = scratch();
    let (original, text) = killed(keep.path());
    let journal = fs::read(original.join("db/journal")).unwrap();
    // Length, number, sum, content; and no length is zero.
    let mut used = 0;
    while let length @ 1.. = u32::from_be_bytes(journal[used..][..4].try_into().unwrap()) {
        used += 20 + length as usize;
    }
    let mut harms: Vec<(String, Vec<u8>)> = vec![("nothing".to_owned(), journal.clone())];
    for part in 0..20 {
        let at = used * part / 20;
        harms.push((format!("cut at {at} of {used}"), journal[..at].to_vec()));
        let mut altered = journal.clone();
        altered[at] ^= 0xff;
        harms.push((format!("another byte at {at} of {used}"), altered));
    }
    let mut behind = journal[..used].to_vec();
    behind.extend([0xab; 1000]);
    harms.push(("something behind its end".to_owned(), behind));
    // What an earlier round left there.
    let mut earlier = journal[..used].to_vec();
    earlier.extend(&journal[..used]);
    harms.push(("older batches behind its end".to_owned(), earlier));
    let mut whole = 0;
    for (number, (what, bytes)) in harms.iter().enumerate() {
        let dir = keep.path().join(number.to_string());
        copy(&original, &dir);
        fs::write(dir.join("db/journal"), bytes).unwrap();
        match Store::open(&dir, &OPTIONS) {
            Ok(store) => {
                whole += 1;
                assert_eq!(exported(&store), text, "{what}");
                assert_eq!(store.check(|_| {}).unwrap().problems, [""; 0], "{what}");
                // Numbers go on where they were.
                let new = |tx: &mut store::Tx<'_>| tx.enqueue(job("lane", START, "more"), START);
                let id = store.write_blocking(new).unwrap();
                assert!(!text.contains(&format!("\"key\":{id},")), "{what}: {id}");
                drop(store);
                assert_ne!(exported(&open(&dir)), text, "{what}");
            }
            Err(StoreError::Torn { lost, .. }) => {
                assert!(lost > 0, "{what}");
                assert!(number > 0 && number < harms.len() - 2, "{what}");
                let accepted = store::accept_loss(&dir, &OPTIONS, START);
                accepted.unwrap_or_else(|error| panic!("{what}: {error}"));
                assert_eq!(
                    open(&dir).check(|_| {}).unwrap().problems,
                    [""; 0],
                    "{what}"
                );
            }
            Err(error) => panic!("{what}: {error}"),
        }
        fs::remove_dir_all(dir).unwrap();
    }
    assert_eq!(whole, 3, "the others lack something");
}
