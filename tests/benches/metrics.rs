//! How large a year of numbers is, and how fast questions about it are answered, beside SQLite
//! with the same rows: `cargo bench -p jarchi-tests --bench metrics`.
//!
//! Numbers after `--` are how many posts there are, on 100 accounts. The stores lie in the
//! build's folder; `JARCHI_BENCH_DIR` names another place. What is printed is Markdown.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use jarchi::config::{Config, Measuring, load_without_surroundings};
use jarchi::measure::query::{Dimension, Number, Query, Scope, table};
use jarchi::model::{Id, Measure, MediaKind, Metric, Sample, TimeSpan, Timestamp};
use jarchi::store::{self, Block, Options, PostNumbers, Store, StoreError, Subject};
use rusqlite::{Connection, params};

/// 2026-01-01.
const START: Timestamp = Timestamp(1_767_225_600_000);
const YEAR: TimeSpan = TimeSpan::from_days(365);
const ACCOUNTS: usize = 100;
const SIZES: [usize; 2] = [10_000, 100_000];
const PILLARS: [&str; 5] = ["how-to", "behind", "reviews", "polls", "offers"];
const TAGS: usize = 40;
/// Readings that are written together.
const TOGETHER: usize = 500;
const RUNS: usize = 21;

fn measures() -> [Measure; 7] {
    [
        Measure::Impressions,
        Measure::Reach,
        Measure::Likes,
        Measure::Comments,
        Measure::Shares,
        Measure::Saves,
        Measure::Clicks,
    ]
}

/// The same throw for the same numbers.
fn throw(a: usize, b: usize) -> u64 {
    let mut x = (a as u64) << 32 ^ b as u64 ^ 0x9e37_79b9_7f4a_7c15;
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

fn account(post: usize) -> String {
    format!("account-{:03}", post % ACCOUNTS)
}

fn record(post: usize, posts: usize) -> PostNumbers {
    let step = YEAR.0 / posts as u64;
    PostNumbers {
        delivery: Id(post as u64 + 1),
        post: Id(post as u64 + 1),
        account: account(post),
        published: Timestamp(START.0 + post as u64 * step + throw(post, 1) % step),
        pillar: Some(PILLARS[throw(post, 2) as usize % PILLARS.len()].to_owned()),
        campaign: (throw(post, 3).is_multiple_of(4)).then(|| "spring".to_owned()),
        generator: Some("library".to_owned()),
        media: (!throw(post, 4).is_multiple_of(3)).then_some(MediaKind::Image),
        hashtags: (0..3)
            .map(|number| format!("tag{}", throw(post, 10 + number) as usize % TAGS))
            .collect(),
        followers: Some(1000 + (post % ACCOUNTS) as i64 * 37),
        gone: None,
        next: None,
        readings: Block::default(),
    }
}

/// Numbers that grow with age, each post by its own luck.
fn sample(record: &PostNumbers, post: usize, age: TimeSpan) -> Sample {
    let late = throw(post, age.0 as usize) % (age.0 / 20 + 1);
    let grown = 1.0 - (-(age.0 as f64) / 2e8).exp();
    let reach = (200 + throw(post, 5) % 4000) as f64 * grown;
    let shares: [f64; 7] = [1.4, 1.0, 0.04, 0.006, 0.004, 0.008, 0.02];
    let metrics = measures().into_iter().zip(shares).map(|(measure, share)| {
        let luck = 0.5 + (throw(post, share.to_bits() as usize) % 100) as f64 / 100.0;
        Metric {
            measure,
            value: (reach * share * luck) as i64,
        }
    });
    Sample {
        at: Timestamp(record.published.0 + age.0 + late),
        metrics: metrics.collect(),
    }
}

fn config(dir: &Path) -> Config {
    let mut text = String::from(
        "[daemon]\nhttp = false\ndata_dir = \"data\"\n[[brand]]\nname = \"b\"\n\
         time_zone = \"Asia/Baku\"\n",
    );
    for number in 0..ACCOUNTS {
        let name = account(number);
        write!(
            text,
            "[[account]]\nname = \"{name}\"\nplugin = \"platform\"\n"
        )
        .unwrap();
    }
    let path = dir.join("jarchi.toml");
    std::fs::write(&path, text).unwrap();
    load_without_surroundings(&path).unwrap().0
}

/// Every reading of a post at every age that came before the end of the year.
fn readings(posts: usize) -> Vec<(usize, Sample)> {
    let end = START.saturating_add(YEAR);
    let mut all = Vec::with_capacity(posts * 10);
    for post in 0..posts {
        let record = record(post, posts);
        let samples = Measuring::AGES.map(|age| sample(&record, post, age));
        let in_time = samples.into_iter().filter(|one| one.at <= end);
        all.extend(in_time.map(|one| (post, one)));
    }
    all.sort_by_key(|(_, sample)| sample.at);
    all
}

fn of_account(number: usize, day: u64) -> Sample {
    let numbers = [
        (
            Measure::Followers,
            1000 + number as i64 * 37 + day as i64 * 3,
        ),
        (Measure::Following, 120),
        (Measure::Posts, day as i64),
    ];
    Sample {
        at: Timestamp(START.0 + day * 86_400_000 + throw(number, day as usize) % 600_000),
        metrics: numbers
            .into_iter()
            .map(|(measure, value)| Metric { measure, value })
            .collect(),
    }
}

/// As the daemon writes them, in the order of time.
fn fill(store: &Store, posts: usize, all: &[(usize, Sample)]) {
    for some in all.chunks(TOGETHER) {
        let some = some.to_vec();
        store
            .write_blocking(move |tx| {
                for (post, sample) in some {
                    let new = record(post, posts);
                    let known = tx.post_numbers(&new.account, new.published, new.delivery)?;
                    let mut record = known.unwrap_or(new);
                    tx.take_reading(&mut record, &sample, &Measuring::AGES)?;
                    tx.put_post_numbers(&record)?;
                }
                Ok::<_, StoreError>(())
            })
            .unwrap();
    }
    for day in 0..365 {
        store
            .write_blocking(move |tx| {
                for number in 0..ACCOUNTS {
                    let subject = Subject::Account(account(number));
                    tx.append_sample(&subject, &of_account(number, day))?;
                }
                Ok::<_, StoreError>(())
            })
            .unwrap();
    }
}

/// One record for each sample with its measures by name, as schema 3 had it; with its key.
fn one_by_one(all: &[(usize, Sample)]) -> usize {
    let size = |(_, sample): &(usize, Sample)| {
        let numbers = sample.metrics.iter();
        let value = numbers.map(|one| (one.measure.name(), one.value));
        let value = serde_json::to_value(value.collect::<Vec<_>>()).unwrap();
        17 + store::read_record("series", &[0; 17], value).unwrap().len()
    };
    all.iter().map(size).sum()
}

fn in_blocks(posts: usize, all: &[(usize, Sample)]) -> usize {
    let mut blocks = vec![Block::default(); posts];
    for (post, sample) in all {
        blocks[*post].put(sample);
    }
    blocks.iter().map(|block| 17 + block.encode().len()).sum()
}

fn sqlite(path: &Path, posts: usize, all: &[(usize, Sample)]) -> Connection {
    let mut database = Connection::open(path).unwrap();
    database
        .execute_batch(
            "CREATE TABLE posts (id INTEGER PRIMARY KEY, account TEXT, published INTEGER,
                 pillar TEXT, campaign TEXT, generator TEXT, media TEXT, followers INTEGER);
             CREATE INDEX by_time ON posts (published);
             CREATE INDEX by_account ON posts (account, published);
             CREATE TABLE tags (post INTEGER, tag TEXT, PRIMARY KEY (post, tag)) WITHOUT ROWID;
             CREATE TABLE readings (post INTEGER, at INTEGER, measure INTEGER, value INTEGER,
                 PRIMARY KEY (post, at, measure)) WITHOUT ROWID;
             CREATE TABLE followers (account TEXT, at INTEGER, measure INTEGER, value INTEGER,
                 PRIMARY KEY (account, at, measure)) WITHOUT ROWID;",
        )
        .unwrap();
    let writing = database.transaction().unwrap();
    {
        let mut post_row = writing
            .prepare("INSERT INTO posts VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
            .unwrap();
        let mut tag_row = writing
            .prepare("INSERT OR IGNORE INTO tags VALUES (?, ?)")
            .unwrap();
        for post in 0..posts {
            let one = record(post, posts);
            let id = one.post.0 as i64;
            post_row
                .execute(params![
                    id,
                    one.account,
                    one.published.0 as i64,
                    one.pillar,
                    one.campaign,
                    one.generator,
                    one.media.map(|_| "image"),
                    one.followers
                ])
                .unwrap();
            for tag in one.hashtags {
                tag_row.execute(params![id, tag]).unwrap();
            }
        }
        let mut reading = writing
            .prepare("INSERT INTO readings VALUES (?, ?, ?, ?)")
            .unwrap();
        for (post, sample) in all {
            for one in &sample.metrics {
                let row = params![
                    *post as i64 + 1,
                    sample.at.0 as i64,
                    one.measure.code(),
                    one.value
                ];
                reading.execute(row).unwrap();
            }
        }
        let mut reading = writing
            .prepare("INSERT INTO followers VALUES (?, ?, ?, ?)")
            .unwrap();
        for number in 0..ACCOUNTS {
            for day in 0..365 {
                let sample = of_account(number, day);
                for one in &sample.metrics {
                    let row = params![
                        account(number),
                        sample.at.0 as i64,
                        one.measure.code(),
                        one.value
                    ];
                    reading.execute(row).unwrap();
                }
            }
        }
    }
    writing.commit().unwrap();
    database.execute_batch("VACUUM; ANALYZE;").unwrap();
    database
}

/// Milliseconds, the middle of many; after a first one that nobody counts.
fn timed(mut work: impl FnMut() -> usize) -> (f64, usize) {
    let rows = work();
    let mut times: Vec<f64> = (0..RUNS)
        .map(|_| {
            let began = Instant::now();
            assert_eq!(work(), rows);
            began.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    (times[RUNS / 2], rows)
}

/// What SQLite is asked for with each question: groups by this, of posts where that holds.
fn question(key: &str, joined: &str, wanted: &str) -> String {
    format!(
        "SELECT {key}, count(DISTINCT p.id), sum(CASE r.measure WHEN 4 THEN r.value END),
            1.0 * sum(CASE WHEN r.measure IN (4, 5, 6, 8) THEN r.value END)
              / sum(CASE r.measure WHEN 3 THEN r.value END)
         FROM posts p {joined} JOIN readings r ON r.post = p.id AND r.at =
            (SELECT min(at) FROM readings f WHERE f.post = p.id AND f.at >= p.published + 604800000)
         WHERE {wanted} GROUP BY 1"
    )
}

fn bench(posts: usize, base: &Path) {
    let dir = tempfile::tempdir_in(base).unwrap();
    let config = config(dir.path());
    let path = dir.path().join("data");
    let all = readings(posts);
    let options = Options::default();
    let began = Instant::now();
    let store = Store::open(&path, &options).unwrap();
    fill(&store, posts, &all);
    let filled = began.elapsed().as_secs_f64();
    let written = store.size_on_disk().unwrap();
    drop(store);
    let after = store::compact(&path, &options, Timestamp(1), |_| {})
        .unwrap()
        .after;
    let store = Store::open(&path, &options).unwrap();
    let file = dir.path().join("numbers.sqlite");
    let database = sqlite(&file, posts, &all);
    let other = std::fs::metadata(&file).unwrap().len();
    let mb = |bytes: u64| format!("{:.1}", bytes as f64 / 1e6);
    println!(
        "\n{posts} posts, {} readings, {} of accounts; written in {filled:.0} s\n",
        all.len(),
        365 * ACCOUNTS
    );
    println!("| MB | |\n|---|---:|");
    println!(
        "| series, one record for each reading, without the store's own | {} |",
        mb(one_by_one(&all) as u64)
    );
    println!(
        "| series in blocks, without the store's own | {} |",
        mb(in_blocks(posts, &all) as u64)
    );
    println!(
        "| the store as it was written: series, records of posts | {} |",
        mb(written)
    );
    println!("| the store after `jarchi store compact` | {} |", mb(after));
    println!("| SQLite, vacuumed | {} |", mb(other));

    println!("\n| question | groups | Jarchi, ms | SQLite, ms |\n|---|---:|---:|---:|");
    let numbers = vec![
        Number::Count(Measure::Likes),
        "engagement-rate-by-reach".parse().unwrap(),
    ];
    let end = START.saturating_add(YEAR);
    let month = end.saturating_sub(TimeSpan::from_days(56));
    let one = account(7);
    let since = format!("p.published >= {}", month.0);
    let of_one = format!("p.account = '{one}'");
    let hour = "strftime('%w %H', p.published / 1000 + 14400, 'unixepoch')";
    let tags = "JOIN tags t ON t.post = p.id";
    let questions = [
        (
            "a year by pillar",
            Dimension::Pillar,
            START,
            None,
            question("p.pillar", "", "1"),
        ),
        (
            "eight weeks by pillar",
            Dimension::Pillar,
            month,
            None,
            question("p.pillar", "", &since),
        ),
        (
            "a year by hashtag",
            Dimension::Hashtag,
            START,
            None,
            question("t.tag", tags, "1"),
        ),
        (
            "one account by hour of the week",
            Dimension::HourOfWeek,
            START,
            Some(&one),
            question(hour, "", &of_one),
        ),
    ];
    for (what, by, from, account, sql) in questions {
        let query = Query {
            scope: Scope {
                from,
                accounts: account.into_iter().cloned().collect(),
                at_age: Some(TimeSpan::from_days(7)),
                ..Scope::default()
            },
            by: vec![by],
            numbers: numbers.clone(),
        };
        let (ours, rows) = timed(|| table(store.view(), &config, &query).unwrap().rows.len());
        let mut statement = database.prepare(&sql).unwrap();
        let (theirs, _) = timed(|| {
            let mut rows = statement.query([]).unwrap();
            let mut count = 0;
            while rows.next().unwrap().is_some() {
                count += 1;
            }
            count
        });
        println!("| {what} | {rows} | {ours:.2} | {theirs:.2} |");
    }
    let subject = Subject::Account(one.clone());
    let (ours, rows) = timed(|| {
        let view = store.view();
        view.samples(&subject, START, end).unwrap().len()
    });
    let mut statement = database
        .prepare("SELECT at, measure, value FROM followers WHERE account = ?")
        .unwrap();
    let (theirs, _) = timed(|| {
        let rows = statement
            .query_map([&one], |row| row.get::<_, i64>(2))
            .unwrap();
        rows.map(Result::unwrap).count()
    });
    println!("| the readings of one account, {rows} | | {ours:.2} | {theirs:.2} |");
}

fn main() {
    let mut sizes: Vec<usize> = std::env::args()
        .skip(1)
        .filter_map(|argument| argument.replace(['_', ','], "").parse().ok())
        .collect();
    if sizes.is_empty() {
        sizes = SIZES.to_vec();
    }
    let base = std::env::var_os("JARCHI_BENCH_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from);
    for posts in sizes {
        bench(posts, &base);
    }
}
