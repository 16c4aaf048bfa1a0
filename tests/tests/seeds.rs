//! The fuzzers' seeds, and what they once found, by the functions that they feed.

#![allow(clippy::unwrap_used, reason = "what goes wrong fails the test")]

use std::path::Path;

use jarchi_tests::fuzz::TARGETS;

#[test]
fn seeds_find_nothing() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
    for (name, target) in TARGETS {
        let mut files: Vec<_> = std::fs::read_dir(seeds.join(name))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        assert!(files.len() >= 5, "{name} has few seeds");
        for file in files {
            let bytes = std::fs::read(&file).unwrap();
            // The file's name stands above a panic's words.
            eprintln!("{}", file.display());
            target(&bytes);
        }
    }
}
