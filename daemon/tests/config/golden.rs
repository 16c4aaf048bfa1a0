//! The folder `cases` has configurations and what is said of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use jarchi::config::{self, Diagnostic};
use jarchi::plugin::manifest::Manifest;

use crate::{environment, surroundings};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/config/cases");

fn manifests() -> BTreeMap<String, Manifest> {
    let files = fs::read_dir(format!("{FOLDER}/manifests")).unwrap();
    files
        .map(|file| {
            let text = fs::read_to_string(file.unwrap().path()).unwrap();
            let manifest: Manifest = toml::from_str(&text).unwrap();
            (manifest.name.clone(), manifest)
        })
        .collect()
}

/// Everything that is said of the configuration, a line each.
fn told(root: &Path) -> String {
    let environment = environment(root);
    let mut lines: Vec<String> = Vec::new();
    let mut tell = |findings: &[Diagnostic]| {
        for finding in findings {
            let line = finding.to_string();
            assert_eq!(line.lines().count(), 1, "{line}");
            lines.push(line);
        }
    };
    match config::load(&root.join("jarchi.toml"), &environment) {
        Ok((config, warnings)) => {
            tell(&warnings);
            tell(&config::check_against(&config, &manifests()));
            assert!(
                !format!("{config:?}").contains("hush"),
                "a secret is printed"
            );
        }
        Err(findings) => tell(&findings.0),
    }
    if lines.is_empty() {
        lines.push("nothing to say".to_owned());
    }
    let told = lines.join("\n") + "\n";
    assert!(!told.contains("hush"), "a secret is told: {told}");
    told.replace(&format!("{}/", root.display()), "")
        .replace(&root.display().to_string(), ".")
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        fs::copy(from, to).unwrap();
    }
}

/// Each `NAME.toml`, or folder `NAME`, has its `NAME.txt`. With `UPDATE_EXPECTED=1` that
/// is written anew, for review.
#[test]
fn findings_are_as_expected() {
    let mut cases: Vec<PathBuf> = fs::read_dir(FOLDER)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_none_or(|kind| kind == "toml"))
        .filter(|path| !path.ends_with("manifests"))
        .collect();
    cases.sort();
    assert!(cases.len() > 20, "the cases are not found");
    let mut differences = Vec::new();
    for case in cases {
        let folder = surroundings();
        if case.is_dir() {
            copy(&case, folder.path());
        } else {
            fs::copy(&case, folder.path().join("jarchi.toml")).unwrap();
        }
        let told = told(folder.path());
        let expected = case.with_extension("txt");
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            fs::write(&expected, &told).unwrap();
        } else if fs::read_to_string(&expected).unwrap_or_default() != told {
            differences.push(format!("--- {}\n{told}", case.display()));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
