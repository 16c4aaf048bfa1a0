//! What is written about the configuration: the schema, the example, the documentation.
//! None of them may say other than the reader does.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use jarchi::config::{self, EXAMPLE};
use serde_json::{Value, json};

use crate::{environment, stock_manifests, surroundings};

const DOCUMENTATION: &str = include_str!("../../../docs/configuration.md");

/// The example with every key that is commented out put in.
fn example_in_full() -> String {
    let lines = EXAMPLE.lines().map(|line| {
        let key = line
            .strip_prefix('#')
            .filter(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase() || c == '['));
        key.unwrap_or(line)
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn load(root: &Path, text: &str) -> Result<(config::Config, Vec<config::Diagnostic>), String> {
    let path = root.join("jarchi.toml");
    fs::write(&path, text).unwrap();
    let mut environment = environment(root);
    for name in [
        "BLUESKY_APP_PASSWORD",
        "HOOK_TOKEN",
        "APP_SECRET",
        "LLM_KEY",
    ] {
        environment.insert(name.into(), "hush-hush".into());
    }
    for name in ["mastodon-token", "mail-password", "ops-token"] {
        fs::copy(root.join("secrets/closed"), root.join("secrets").join(name)).unwrap();
    }
    config::load(&path, &environment).map_err(|wrong| wrong.to_string())
}

#[test]
fn the_example_is_right_as_it_is_and_in_full() {
    let folder = surroundings();
    for text in [EXAMPLE.to_owned(), example_in_full()] {
        let (config, warnings) = load(folder.path(), &text).unwrap();
        assert_eq!(warnings, []);
        assert_eq!(config::check_against(&config, &stock_manifests()), []);
    }
}

#[test]
fn the_keys_that_are_commented_out_have_their_usual_values() {
    let folder = surroundings();
    let (short, _) = load(folder.path(), EXAMPLE).unwrap();
    let (full, _) = load(folder.path(), &example_in_full()).unwrap();
    let changes = config::diff(&short, &full);
    assert!(
        changes.is_empty(),
        "{changes}, {:?}",
        changes.restart_needed
    );
}

#[test]
fn the_schema_takes_the_example() {
    let schema = config::schema();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for text in [EXAMPLE.to_owned(), example_in_full()] {
        let value: Value = toml::from_str(&text).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(&value)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
    for wrong in [
        json!({ "deamon": {} }),
        json!({ "daemon": { "concurrency": 0 } }),
        json!({ "account": [{ "name": "cafe" }] }),
        json!({ "daemon": { "grace": "soon" } }),
        json!({ "schedule": [{ "name": "a", "cron": "@daily", "measure": "likes" }] }),
    ] {
        assert!(!validator.is_valid(&wrong), "{wrong}");
    }
}

#[test]
fn the_example_has_every_key_of_the_schema() {
    let value: Value = toml::from_str(&example_in_full()).unwrap();
    let mut written = BTreeSet::new();
    collect(&value, "", &mut written);
    let missing: Vec<String> = config::keys()
        .into_iter()
        .filter(|key| !written.contains(key))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

fn collect(value: &Value, key: &str, keys: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                let key = if key.is_empty() {
                    name.clone()
                } else {
                    format!("{key}.{name}")
                };
                collect(value, &key, keys);
                keys.insert(key);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, key, keys)),
        _ => {}
    }
}

#[test]
fn the_documentation_has_every_key_of_the_schema() {
    // The section of a key is the latest heading that names a table.
    let mut written = BTreeSet::new();
    let mut section = String::new();
    for line in DOCUMENTATION.lines() {
        if let Some(heading) = line.trim_start_matches('#').trim().strip_prefix("`[") {
            section = heading
                .trim_end_matches('`')
                .trim_matches(['[', ']'])
                .to_owned();
            written.insert(section.clone());
        }
        let Some(cell) = line
            .strip_prefix("| ")
            .and_then(|row| row.split('|').next())
        else {
            continue;
        };
        for key in cell.split('`').skip(1).step_by(2) {
            let key = format!("{section}.{key}");
            if let Some((above, _)) = key.rsplit_once('.') {
                written.insert(above.to_owned());
            }
            written.insert(key);
        }
    }
    let known: BTreeSet<String> = config::keys().into_iter().collect();
    let missing: Vec<&String> = known.difference(&written).collect();
    assert!(missing.is_empty(), "{missing:?}");
    let sections = [
        "daemon",
        "media",
        "measure",
        "brand",
        "account",
        "plugin",
        "pillar",
        "campaign",
        "generator",
        "schedule",
        "alarm",
    ];
    let invented: Vec<&String> = written
        .difference(&known)
        .filter(|key| sections.contains(&key.split('.').next().unwrap_or_default()))
        // The tables of default schedules and of the ways to write a secret.
        .filter(|key| !key.contains([':', '*', '$']))
        .collect();
    assert!(invented.is_empty(), "{invented:?}");
}

#[test]
fn the_reader_knows_every_key_of_the_schema_and_no_other() {
    let folder = surroundings();
    let keys = config::keys();
    let unknown = |key: &str| {
        let text = one_key(&keys, key);
        let wrong = load(folder.path(), &text).err().unwrap_or_default();
        wrong.contains("unknown key")
    };
    for key in &keys {
        assert!(!unknown(key), "{key}: the reader does not know it");
    }
    // What the reader offers instead of a wrong key is what it knows.
    let mut sections: Vec<&str> = keys
        .iter()
        .filter_map(|key| key.rsplit_once('.').map(|(section, _)| section))
        .collect();
    sections.dedup();
    for section in sections {
        let text = one_key(&keys, &format!("{section}.zzzzzzzz"));
        let wrong = load(folder.path(), &text).unwrap_err();
        let Some((_, offered)) = wrong.split_once("keys here: ") else {
            assert!(wrong.contains("`settings` or `secrets`"), "{wrong}");
            continue;
        };
        let offered = offered.split(')').next().unwrap_or_default();
        for name in offered.split(", ") {
            let key = format!("{section}.{name}");
            assert!(keys.contains(&key), "{key}: the schema does not know it");
        }
    }
}

/// A file with this key only, whatever its value should be.
fn one_key(keys: &[String], key: &str) -> String {
    let schema = config::schema();
    let mut text = String::new();
    let parts: Vec<&str> = key.split('.').collect();
    for depth in 1..parts.len() {
        let table = parts[..depth].join(".");
        assert!(keys.contains(&table), "{table}");
        let top = &schema["properties"][parts[0]];
        let is_array = depth == 1 && top["type"] == "array" || parts[depth - 1] == "grant";
        text += &if is_array {
            format!("[[{table}]]\n")
        } else {
            format!("[{table}]\n")
        };
    }
    text + &format!("{} = 1\n", parts[parts.len() - 1])
}
