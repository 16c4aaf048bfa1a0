//! Whatever is in the files: the loader answers, and what it says has a place in them.

use std::collections::BTreeMap;
use std::fs;

use jarchi::config::{self, EXAMPLE};
use proptest::prelude::*;

fn answers(bytes: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jarchi.toml");
    fs::write(&path, bytes).unwrap();
    let environment: BTreeMap<String, String> = BTreeMap::new();
    for result in [
        config::load(&path, &environment),
        config::load_without_surroundings(&path),
    ] {
        let findings = match result {
            Ok((config, warnings)) => {
                let manifests = BTreeMap::new();
                let found = config::check_against(&config, &manifests);
                [warnings, found].concat()
            }
            Err(wrong) => wrong.0,
        };
        for finding in findings {
            assert_eq!(finding.to_string().lines().count(), 1);
            if let (Some(line), Some(span)) = (finding.line, finding.span) {
                assert!(span.end <= bytes.len(), "{span:?}");
                let breaks = bytes[..span.start].iter().filter(|byte| **byte == b'\n');
                assert_eq!(line, breaks.count() + 1);
            }
        }
    }
}

/// Pieces of which real configurations are made, put together at random.
fn pieces() -> impl Strategy<Value = String> {
    let keys: Vec<String> = config::keys();
    let piece = prop_oneof![
        prop::sample::select(keys).prop_map(|key| key.rsplit('.').next().unwrap_or("").to_owned()),
        prop::sample::select(vec![
            "[daemon]\n",
            "[[brand]]\n",
            "[[account]]\n",
            "[[plugin]]\n",
            "[[plugin.grant]]\n",
            "[[generator]]\n",
            "[[pillar]]\n",
            "[[campaign]]\n",
            "[[schedule]]\n",
            " = ",
            "\n",
            "{",
            "}",
            "[",
            "]",
            ",",
            "\"",
            "'",
            "\"\"\"",
            "true",
            "1",
            "-1",
            "1.5",
            "nan",
            "0x1f",
            "1979-05-27",
            "\"${env:A}\"",
            "\"${file:x}\"",
            "\"${\"",
            "\"*/5 * * * *\"",
            "\"a\"",
            "\"Asia/Baku\"",
            "#",
            ".",
            "\u{259}",
            "\0",
            "\"30s\"",
            "\"1MiB\"",
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

/// A key and a value of some type, in a section of some kind.
fn well_formed() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        Just("true".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| format!("{number:e}")),
        any::<String>().prop_map(|text| toml::Value::String(text).to_string()),
        Just("[\"a\", 1, {b = []}]".to_owned()),
        Just("{ a = \"b\" }".to_owned()),
    ];
    let key = prop::sample::select(config::keys());
    prop::collection::vec((key, value), 1..8).prop_map(|pairs| {
        let mut text = String::new();
        for (key, value) in pairs {
            match key.split_once('.') {
                Some(("daemon", rest)) => text += &format!("[[daemon]]\n{rest} = {value}\n"),
                Some((section, rest)) => text += &format!("[[{section}]]\n{rest} = {value}\n"),
                None => text += &format!("[[{key}]]\n"),
            }
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        answers(&bytes);
    }

    #[test]
    fn random_pieces(text in pieces()) {
        answers(text.as_bytes());
    }

    #[test]
    fn random_values(text in well_formed()) {
        answers(text.as_bytes());
    }

    #[test]
    fn a_damaged_example(at in 0..EXAMPLE.len(), byte in any::<u8>(), cut in 0..40usize) {
        let mut bytes = EXAMPLE.as_bytes().to_vec();
        let end = (at + cut).min(bytes.len());
        bytes.splice(at..end, [byte]);
        answers(&bytes);
    }
}

/// As deep as it goes, and deeper.
#[test]
fn deep_nesting_is_refused_and_not_a_crash() {
    for depth in [50, 79, 80, 100_000] {
        let text = format!("[[account]]\nsettings = {}\n", "[".repeat(depth));
        answers(text.as_bytes());
        let text = format!(
            "[[account]]\nsettings = {{ a = {}{} }}\n",
            "[".repeat(depth),
            "]".repeat(depth)
        );
        answers(text.as_bytes());
        let text = format!("[{}]\n", vec!["a"; depth].join("."));
        answers(text.as_bytes());
    }
}
