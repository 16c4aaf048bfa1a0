//! The weighted count, against the cases of X's own `twitter-text`: without them the test
//! says so and judges nothing.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

use jarchi_platforms::spec;
use jarchi_plugin_sdk::count;
use serde_json::Value;

/// Text and weighted length of the cases in the sections on counting. The file is YAML of
/// one shape: a line for each key, texts in double quotes.
fn cases(file: &str) -> Vec<(String, usize)> {
    let sections = [
        "WeightedTweetsWithDiscountedEmojiCounterTest:",
        "UnicodeDirectionalMarkerCounterTest:",
    ];
    let mut cases = Vec::new();
    let mut wanted = false;
    let mut text = String::new();
    for line in file.lines() {
        if line.starts_with("  ") && !line.starts_with("   ") && line.ends_with(':') {
            wanted = sections.contains(&line.trim());
        } else if let Some(quoted) = line.trim().strip_prefix("text: ") {
            text = unquoted(quoted);
        } else if let Some(length) = line.trim().strip_prefix("weightedLength: ")
            && wanted
        {
            cases.push((text.clone(), length.parse().unwrap()));
        }
    }
    cases
}

/// YAML's `\U0001f431` is JSON's pair of surrogates.
fn unquoted(quoted: &str) -> String {
    let mut json = String::new();
    let mut rest = quoted;
    while let Some((before, after)) = rest.split_once("\\U") {
        json += before;
        let code = u32::from_str_radix(&after[..8], 16).unwrap();
        json.push(char::from_u32(code).unwrap());
        rest = &after[8..];
    }
    json += rest;
    match serde_json::from_str(&json) {
        Ok(Value::String(text)) => text,
        other => panic!("{quoted}: {other:?}"),
    }
}

#[test]
fn as_twitter_text_counts() {
    let Some(file) = spec::read("x/twitter-text-conformance-validate.yml") else {
        return;
    };
    let cases = cases(&file);
    assert_eq!(cases.len(), 24, "cases");
    let wrong: Vec<_> = cases
        .iter()
        .map(|(text, length)| (count::x::length(text), *length, text))
        .filter(|(counted, length, _)| counted != length)
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_configuration_is_the_one_that_is_counted_by() {
    let Some(file) = spec::read("x/twitter-text-config-v3.json") else {
        return;
    };
    let config: Value = serde_json::from_str(&file).unwrap();
    assert_eq!(config["maxWeightedTweetLength"], count::x::LIMIT);
    assert_eq!(config["transformedURLLength"], count::x::URL);
    assert_eq!(
        (&config["scale"], &config["defaultWeight"]),
        (&100.into(), &200.into())
    );
    // One of each side of each border.
    for range in config["ranges"].as_array().unwrap() {
        assert_eq!(range["weight"], 100);
        for (border, weights) in [("start", [2, 1]), ("end", [1, 2])] {
            let border = u32::try_from(range[border].as_u64().unwrap()).unwrap();
            let first = border.saturating_sub(u32::from(weights[0] == 2));
            for (at, weight) in [first, first + 1].into_iter().zip(weights) {
                let character = char::from_u32(at).filter(|_| border > 0);
                if let Some(character) = character {
                    assert_eq!(
                        count::x::length(&character.to_string()),
                        weight,
                        "U+{at:04X}"
                    );
                }
            }
        }
    }
}
