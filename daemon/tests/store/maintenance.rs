//! Out and in again, smaller, and with damage.

use std::path::Path;

use jarchi::model::{
    Delivery, DeliveryKey, Digest, FocalPoint, Id, Lease, Link, Measure, MediaItem, MediaKind,
    Metric, Origin, Poll, Post, Receipt, Sample, State, ThreadPart, TimeSpan, Timestamp,
    Visibility,
};
use jarchi::store::{
    self, DraftRecord, JobFilter, MeasuringCalls, Options, PostNumbers, PublishedEntry, Seat,
    Store, StoreError, Subject,
};

use crate::common::{START, open, scratch, text};
use crate::job;

/// A post with everything in it that a post can have.
pub fn post() -> Post {
    let picture = MediaItem {
        path: "/srv/şəkil.png".to_owned(),
        kind: MediaKind::Image,
        mime: "image/png".to_owned(),
        size: u64::MAX,
        digest: Digest::of(b"picture"),
        alt: Some("Bir \"tort\"\n🍰".to_owned()),
        focus: Some(FocalPoint { x: -0.1, y: 0.7 }),
        width: Some(1),
        height: None,
        length: Some(TimeSpan(1234)),
    };
    let mut draft = text("Salam, dünya! \u{0} 🎉");
    draft.media = vec![picture.clone()];
    draft.thread = vec![ThreadPart {
        text: "two".to_owned(),
        media: vec![picture.clone()],
    }];
    draft.link = Some(Link {
        url: "https://example.org/".to_owned(),
        title: None,
        description: Some(String::new()),
        thumbnail: Some(picture),
    });
    draft.poll = Some(Poll {
        options: vec!["hə".to_owned(), "yox".to_owned()],
        open_for: TimeSpan::from_hours(24),
        multiple: true,
        hide_totals: false,
    });
    draft.visibility = Some(Visibility::Unlisted);
    let options = serde_json::json!({ "own": [1, -2, 0.5, null, { "deep": true }] });
    draft.options = options.as_object().unwrap().clone();
    draft.variants = vec![("shop".to_owned(), "other words".to_owned())];
    Post {
        id: Id(0),
        draft,
        origin: Origin::Generator {
            name: "library".to_owned(),
            plugin: "library 0.1.0".to_owned(),
            key: "posts/a.md".to_owned(),
            revision: "1".to_owned(),
            source: None,
            provenance: None,
        },
        pillar: Some("how-to".to_owned()),
        campaign: None,
        created_at: START,
        repeat_after: Some(TimeSpan::from_days(90)),
        deliveries: Vec::new(),
        review: None,
        edited_at: None,
    }
}

pub fn delivery(post: Id, job: Option<Id>, state: State) -> Delivery {
    Delivery {
        id: Id(0),
        post,
        account: "shop".to_owned(),
        key: DeliveryKey::from_random([7; 16]),
        created_at: START,
        due: START,
        state,
        progress: None,
        receipt: Some(Receipt {
            id: "at://x/1".to_owned(),
            url: None,
            published_at: Some(START),
            parts: vec!["a".to_owned()],
            data: Some("{}".to_owned()),
        }),
        job,
        fingerprint: Some(Digest::of(b"text")),
        first_attempt: None,
        faults: 3,
        history: Vec::new(),
        round: 2,
        uncertain: None,
        variant: None,
    }
}

/// Something in every table.
pub fn fill(store: &Store) {
    store
        .write_blocking(|tx| {
            let id = tx.put_post(post())?;
            let waiting = tx.enqueue(job("shop", START, "waiting"), START)?;
            let mut open = delivery(id, Some(waiting), State::Waiting);
            tx.put_delivery(&mut open)?;
            let mut done = delivery(id, None, State::Published);
            let done_id = tx.put_delivery(&mut done)?;
            let entry = PublishedEntry {
                delivery: done_id,
                fingerprint: None,
            };
            tx.note_published("shop", START, &entry)?;
            tx.enqueue(job("run", START, "running"), START)?;
            let lease = Lease {
                owner: "me".to_owned(),
                since: START,
                until: START,
            };
            let seat = Seat {
                lane: "run".to_owned(),
            };
            tx.claim(vec![seat], START, &lease)?;
            let dead = tx.enqueue(job("dead", START, "dead"), START)?;
            tx.bury(dead, "given up", None)?;
            let draft = DraftRecord {
                key: "posts/a.md".to_owned(),
                revision: "1".to_owned(),
                post: id,
                round: 1,
                withdrawn: true,
                forgotten: false,
            };
            tx.put_draft("library", &draft)?;
            tx.trigger("weekly", START, |_| Ok(Some(waiting)))?;
            tx.trigger("daily", START, |_| Ok(None))?;
            let sample = Sample {
                at: START,
                metrics: vec![
                    Metric {
                        measure: Measure::Likes,
                        value: -1,
                    },
                    Metric {
                        measure: Measure::Other("boosts".to_owned()),
                        value: i64::MAX,
                    },
                ],
            };
            tx.append_sample(&Subject::Delivery(done_id), &sample)?;
            tx.append_sample(&Subject::Account("shop".to_owned()), &sample)?;
            let out = tx.delivery(done_id)?.unwrap();
            let mut record = PostNumbers::of(&post(), &out).unwrap();
            tx.take_reading(&mut record, &sample, &[TimeSpan::from_mins(15)])?;
            record.next = Some(START);
            tx.put_post_numbers(&record)?;
            let calls = MeasuringCalls {
                day: 20_000,
                requests: 7,
                per_hundred: 28,
            };
            tx.set_measuring_calls("shop", &calls)?;
            let large = (0..100_000u32).flat_map(u32::to_be_bytes).collect();
            let values = vec![
                ("large".to_owned(), Some(large)),
                ("empty".to_owned(), Some(Vec::new())),
            ];
            tx.set_plugin_values("library", "shop", values);
            tx.set_sealed("bluesky", "shop", "access", Some(vec![0, 255, 0]));
            tx.set_note("measured", Some(START));
            Ok::<_, StoreError>(())
        })
        .unwrap();
}

pub fn exported(store: &Store) -> String {
    let mut lines = Vec::new();
    let report = store::export(store, START, &mut lines, |_| {}).unwrap();
    assert_eq!(report.problems, [""; 0]);
    let text = String::from_utf8(lines).unwrap();
    // A header and an end.
    assert_eq!(text.lines().count() as u64, report.records + 2);
    text
}

fn import(store: &Store, text: &str) -> Result<u64, String> {
    store::import(store, &mut text.as_bytes(), |_| {})
        .map(|report| report.records)
        .map_err(|error| error.to_string())
}

#[test]
fn an_export_brings_back_the_same_store() {
    let (_keep, dir) = scratch();
    let (_keep_too, copy) = scratch();
    let store = open(&dir);
    fill(&store);
    assert_eq!(store.check(|_| {}).unwrap().problems, [""; 0]);
    let text = exported(&store);
    for table in [
        "meta",
        "jobs",
        "due",
        "leases",
        "dead",
        "posts",
        "deliveries",
        "agenda",
        "open",
        "published",
        "drafts",
        "triggers",
        "samples",
        "numbers",
        "ages",
        "calls",
        "kv",
        "vault",
    ] {
        assert!(
            text.contains(&format!("{{\"table\":\"{table}\"")),
            "{table}"
        );
    }

    let again = open(&copy);
    import(&again, &text).unwrap();
    assert_eq!(exported(&again), text);
    assert_eq!(again.check(|_| {}).unwrap().problems, [""; 0]);
    let (old, new) = (store.view().latest_posts(9), again.view().latest_posts(9));
    assert_eq!(old.unwrap(), new.unwrap());
    // Numbers go on where they were, for the same process too.
    let enqueue = |store: &Store| {
        store
            .write_blocking(|tx| tx.enqueue(job("lane", START, "next"), START))
            .unwrap()
    };
    let next = enqueue(&again);
    assert_eq!(next, enqueue(&store));
    drop(again);
    assert_eq!(enqueue(&open(&copy)), Id(next.0 + 1));
}

#[test]
fn what_is_no_whole_export_is_refused() {
    let (_keep, dir) = scratch();
    let store = open(&dir);
    fill(&store);
    let text = exported(&store);
    assert!(import(&store, &text).unwrap_err().contains("not empty"));
    let lines: Vec<&str> = text.lines().collect();
    let without_end = lines[..lines.len() - 1].join("\n");
    let without_one = [&lines[..5], &lines[6..]].concat().join("\n");
    let unknown_table = text.replacen("\"table\":\"posts\"", "\"table\":\"pots\"", 1);
    let newer = text.replacen("\"schema\":4", "\"schema\":99", 1);
    let cut = &text[..text.len() / 2];
    let broken = text.replacen("\"created_at\":\"2026", "\"created_at\":\"then", 1);
    for (wrong, words) in [
        ("", "line 1"),
        ("{}", "line 1"),
        (newer.as_str(), "newer"),
        (&without_end, "breaks off"),
        (&without_one, "not whole"),
        (&unknown_table, "no table `pots`"),
        (cut, "line "),
        (&broken, "line "),
    ] {
        let (_keep, dir) = scratch();
        let error = import(&open(&dir), wrong).unwrap_err();
        assert!(error.contains(words), "{words}: {error}");
    }
}

#[test]
fn compacting_gives_space_back_and_keeps_every_record() {
    let (_keep, dir) = scratch();
    let text = {
        let store = open(&dir);
        fill(&store);
        let text = exported(&store);
        // Deleted when sled has been given most of them, so that only their space is left.
        let set = |round: u8, value: Option<Vec<u8>>| {
            let values = vec![(format!("waste {round}"), value)];
            let change = move |tx: &mut store::Tx<'_>| {
                tx.set_plugin_values("p", "s", values);
                Ok::<_, StoreError>(())
            };
            store.write_blocking(change).unwrap();
        };
        for round in 0..60u8 {
            let value = (0..200_000u32).map(|at| (at as u8).wrapping_mul(round));
            set(round, Some(value.collect()));
        }
        (0..60).for_each(|round| set(round, None));
        text
    };
    let options = Options { cache: 16 << 20 };
    let first = store::compact(&dir, &options, Timestamp(1), |_| {}).unwrap();
    assert!(first.after < first.before / 2, "{first:?}");
    assert!(first.old.is_dir());
    assert_eq!(exported(&open(&dir)), text);

    let second = store::compact(&dir, &options, Timestamp(2), |_| {}).unwrap();
    assert!(second.after <= first.after * 2, "{second:?}");
    assert!(second.old.is_dir());
    assert!(!first.old.exists(), "old databases heap up");
    assert_eq!(exported(&open(&dir)), text);
    let busy = open(&dir);
    let error = store::compact(&dir, &options, Timestamp(3), |_| {}).unwrap_err();
    assert!(matches!(error, StoreError::Locked(_)), "{error}");
    drop(busy);
}

#[test]
fn compacting_may_be_interrupted_anywhere() {
    let (_keep, dir) = scratch();
    let text = {
        let store = open(&dir);
        fill(&store);
        exported(&store)
    };
    // While it copied.
    std::fs::create_dir_all(dir.join("compacting/db")).unwrap();
    std::fs::write(dir.join("compacting/db/db"), "half").unwrap();
    assert_eq!(exported(&open(&dir)), text);
    let options = Options { cache: 16 << 20 };
    store::compact(&dir, &options, Timestamp(1), |_| {}).unwrap();
    assert_eq!(exported(&open(&dir)), text);
    // Between its two renames.
    std::fs::create_dir_all(dir.join("compacting")).unwrap();
    std::fs::rename(dir.join("db"), dir.join("compacting/db")).unwrap();
    assert_eq!(exported(&open(&dir)), text);
    store::compact(&dir, &options, Timestamp(2), |_| {}).unwrap();
    assert_eq!(exported(&open(&dir)), text);
}

/// Does what no operation of the store does.
fn tamper(dir: &Path, change: impl FnOnce(&sled::Db)) {
    let db = sled::open(dir.join("db")).unwrap();
    change(&db);
    db.flush().unwrap();
}

#[test]
fn a_damaged_record_is_named_and_hides_no_other() {
    let (_keep, dir) = scratch();
    fill(&open(&dir));
    let (whole, whole_text) = {
        let store = open(&dir);
        (store.check(|_| {}).unwrap(), exported(&store))
    };
    let (post, dead) = {
        let store = open(&dir);
        let post = store.view().latest_posts(1).unwrap()[0].id;
        (post, store.view().jobs(JobFilter::Dead, 1).unwrap()[0].id)
    };
    tamper(&dir, |db| {
        let tree = |name: &str| db.open_tree(name).unwrap();
        tree("posts").insert(post.to_key(), &[0, 0xc1, 7]).unwrap();
        tree("jobs").insert(dead.to_key(), &[9]).unwrap();
        let first = tree("pieces").first().unwrap().unwrap().0;
        tree("pieces").remove(first).unwrap();
        // A piece of nothing, and a due time of nothing.
        tree("pieces")
            .insert([13, 0, 0, 0, 1, b'x', 0, 0, 0, 0], "y")
            .unwrap();
        let nowhere = [&b"lane\0\x01"[..], &[0; 8], &999u64.to_be_bytes()].concat();
        tree("due").insert(nowhere, &[0]).unwrap();
    });
    let store = open(&dir);
    let report = store.check(|_| {}).unwrap();
    assert_eq!(report.records, whole.records + 1);
    let problems = report.problems.join("\n");
    for part in [
        format!("(posts, key {post})"),
        format!("(jobs, key {dead})"),
        r"(kv, key library\x00shop\x00large): a piece is missing".to_owned(),
        "belongs to nothing".to_owned(),
        "`due` names job 999, which is missing".to_owned(),
    ] {
        assert!(problems.contains(&part), "{part} in\n{problems}");
    }
    assert!(problems.lines().count() < 10, "{problems}");
    // Errors of the record alone.
    let error = store.view().post(post).unwrap_err().to_string();
    assert!(error.contains("jarchi store check"), "{error}");
    assert_eq!(store.view().jobs(JobFilter::Running, 9).unwrap().len(), 1);

    let mut lines = Vec::new();
    let report = store::export(&store, START, &mut lines, |_| {}).unwrap();
    assert_eq!(report.problems.len(), 3, "{:?}", report.problems);
    let (_keep_too, copy) = scratch();
    let again = open(&copy);
    import(&again, std::str::from_utf8(&lines).unwrap()).unwrap();
    assert_eq!(
        exported(&again).lines().count(),
        whole_text.lines().count() - 3 + 1
    );
}

#[test]
fn the_store_of_a_newer_version_is_left_alone() {
    let (_keep, dir) = scratch();
    fill(&open(&dir));
    let set = |version: &[u8]| {
        tamper(&dir, |db| {
            let meta = db.open_tree("meta").unwrap();
            meta.insert("schema", [&[0], version].concat()).unwrap();
        });
    };
    set(&99u32.to_be_bytes());
    let error = Store::open(&dir, &Options::default()).unwrap_err();
    assert!(
        matches!(error, StoreError::Newer { found: 99, .. }),
        "{error}"
    );
    let words = error.to_string();
    assert!(words.contains(dir.to_str().unwrap()), "{words}");
    for unreadable in [&0u32.to_be_bytes()[..], b"", b"five5"] {
        set(unreadable);
        let error = Store::open(&dir, &Options::default())
            .unwrap_err()
            .to_string();
        assert!(error.contains("schema version can't be read"), "{error}");
    }
    set(&store::SCHEMA.to_be_bytes());
    assert_eq!(open(&dir).view().latest_posts(9).unwrap().len(), 1);
}

#[test]
fn what_an_interrupted_snapshot_leaves_is_set_aside() {
    let (_keep, dir) = scratch();
    let text = {
        let store = open(&dir);
        fill(&store);
        exported(&store)
    };
    let left = dir.join("db/snap.00000000000000FF.generating");
    std::fs::write(&left, "half a snapshot").unwrap();
    assert_eq!(exported(&open(&dir)), text);
}
