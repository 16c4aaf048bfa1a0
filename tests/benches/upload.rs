//! A film of 2 GiB through a plugin in its sandbox, with a `kill -9` in the middle: what it
//! takes of memory, and whether what arrives is what was sent.
//!
//! `cargo bench --workspace --bench upload`
//!
//! A number after `--` is another size, in MiB.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark")]

use std::fs;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::time::Instant;

use jarchi_platforms::youtube;
use jarchi_tests::daemon::{Daemon, Home, daemon_section};
use jarchi_tests::photo;
use jarchi_tests::platforms::Served;

const MIB: usize = 1 << 20;
const SIZE: usize = 2048;
const GOOGLE: &str = "www.googleapis.com";

/// A film whose index is followed by a box of padding. Each MiB of that begins with its own
/// number, so that a piece in the wrong place shows.
fn write_film(path: &Path, mib: usize) -> blake3::Hash {
    let film = photo::film(&[]);
    let padding = (mib * MIB - film.len()) as u64;
    let mut file = fs::File::create(path).unwrap();
    file.write_all(&film).unwrap();
    // A size of 64 bits, since it is beyond 4 GiB for some.
    file.write_all(&1_u32.to_be_bytes()).unwrap();
    file.write_all(b"free").unwrap();
    file.write_all(&padding.to_be_bytes()).unwrap();
    for number in 1..mib {
        file.seek(SeekFrom::Start((number * MIB) as u64)).unwrap();
        file.write_all(&(number as u64).to_be_bytes()).unwrap();
    }
    file.set_len((mib * MIB) as u64).unwrap();
    file.sync_all().unwrap();
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(fs::File::open(path).unwrap()).unwrap();
    hasher.finalize()
}

/// The most that a call of the plugin has used so far, in bytes.
async fn plugin_memory(daemon: &Daemon) -> f64 {
    let (status, text) = daemon.get("/metrics").await;
    assert_eq!(status, 200);
    let lines = text.lines().filter(|line| {
        line.starts_with("jarchi_plugin_memory_bytes{") && line.contains("quantile=\"1\"")
    });
    let values = lines.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap());
    values.fold(0.0, f64::max)
}

/// The most that the daemon had in memory, MiB: all of it, and not counting mapped files.
fn resident(daemon: &Daemon) -> f64 {
    let pid = daemon.pid().as_raw_nonzero();
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1));
    kib.unwrap().parse::<f64>().unwrap() / 1024.0
}

#[tokio::main]
async fn main() {
    let mib = std::env::args()
        .skip(1)
        .find_map(|argument| argument.parse().ok())
        .unwrap_or(SIZE);
    let platform = Served::start(youtube::YouTube::default(), &[GOOGLE, youtube::ANALYTICS]).await;
    let config = format!(
        "{}[[brand]]\nname = \"Tea\"\ntime_zone = \"UTC\"\n\
         [[plugin]]\nname = \"youtube\"\n{}\
         [[account]]\nname = \"tube\"\nplugin = \"youtube\"\n\
         settings = {{ api = \"{}\", analytics = \"{}\", channel = \"{}\" }}\n\
         secrets = {{ access_token = \"{}\" }}\n",
        daemon_section(),
        platform.grants(),
        platform.url(GOOGLE),
        platform.url(youtube::ANALYTICS),
        youtube::CHANNEL,
        youtube::TOKEN,
    );
    let home = Home::compiled("upload", &config, |_| {}).await;
    let digest = write_film(&home.path("film.mp4"), mib);
    let daemon = home.start().await;
    let began = Instant::now();
    home.json(&[
        "post",
        "Çayın yolu",
        "--account",
        "tube",
        "--media",
        "film.mp4",
    ])
    .await;
    let accepted = began.elapsed();
    let arrived = || {
        let books = platform.books();
        let sessions = books.sessions.values().map(|session| session.bytes.len());
        sessions.max().unwrap_or_default()
    };
    daemon
        .until("half of it", async || {
            (arrived() >= mib * MIB / 2).then_some(())
        })
        .await;
    let (before, peak) = (plugin_memory(&daemon).await, resident(&daemon));
    daemon.kill().await;
    let at_kill = arrived();

    let daemon = home.start().await;
    daemon
        .until("the film", async || {
            (!platform.books().videos.is_empty()).then_some(())
        })
        .await;
    let took = began.elapsed();
    let memory = before.max(plugin_memory(&daemon).await);
    let peak = peak.max(resident(&daemon));
    {
        let books = platform.books();
        assert_eq!(books.videos.len(), 1);
        let same = blake3::hash(&books.videos[0].bytes) == digest;
        assert!(same, "another film arrived");
    }

    println!(
        "| a film of {mib} MiB, killed when {} MiB had arrived | |",
        at_kill / MIB
    );
    println!("|---|---:|");
    println!("| accepted after, s | {:.1} |", accepted.as_secs_f64());
    println!(
        "| arrived whole and once after, s | {:.1} |",
        took.as_secs_f64()
    );
    println!(
        "| the plugin's memory at most, MiB | {:.1} |",
        memory / MIB as f64
    );
    println!("| the daemon's at most, MiB | {peak:.0} |");
    daemon.terminate().await;
}
