//! What it takes to make a large photo ready: time, and memory at its height.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what goes wrong ends the benchmark"
)]

use std::path::Path;
use std::time::Instant;

use jarchi::clock::Clock;
use jarchi::media::{ImageLimits, Keep, Preparer, Recipe, describe};
use jarchi::model::TimeSpan;
use jarchi_tests::photo;

/// Each in a folder of its own, so that nothing is found ready.
const RUNS: usize = 5;

const KEEP: Keep = Keep {
    most: 1 << 30,
    spared: TimeSpan::from_hours(6),
};

/// MiB that this process had at most since the last call.
fn height() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib: u64 = line
        .unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap();
    // What it has now is the height from now on.
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    kib >> 10
}

async fn measure(name: &str, folder: &Path, bytes: Vec<u8>, recipe: &Recipe) {
    let path = folder.join(name);
    let size = bytes.len();
    std::fs::write(&path, bytes).unwrap();
    let item = describe(&path, None, None).await.unwrap();
    let mut times = Vec::new();
    height();
    let base = height();
    for _ in 0..RUNS {
        let fresh = tempfile::tempdir_in(folder).unwrap();
        let preparer = Preparer::open(fresh.path().join("prepared"), Clock::system()).unwrap();
        let from = Instant::now();
        preparer.prepare(&item, recipe, KEEP).await.unwrap();
        times.push(from.elapsed().as_millis());
    }
    let most = height();
    times.sort_unstable();
    let megabytes = size as f64 / 1e6;
    println!(
        "| {name} | {megabytes:.1} | {} | {} |",
        times[RUNS / 2],
        most - base
    );
}

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    let instagram = Recipe {
        image: Some(ImageLimits {
            formats: vec!["jpeg".to_owned()],
            size: Some(8 << 20),
            max_width: Some(1440),
            ..ImageLimits::default()
        }),
        ..Recipe::default()
    };
    println!("| 24 megapixels | MB | median, ms | MiB beside the process's own |");
    println!("|---|---|---|---|");
    let camera = photo::grainy(6000, 4000, 6);
    let none = Recipe::default();
    measure("metadata.jpg", folder.path(), camera.clone(), &none).await;
    measure("shrunk.jpg", folder.path(), camera, &instagram).await;
    let screen = photo::noise(6000, 4000, "screen");
    measure("converted.png", folder.path(), screen, &instagram).await;
}
