//! What only one platform knows: a post's `options.PLUGIN`.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{Post, Problem};

/// Reads the options, and notes what is wrong with them: a key that is not `known`, with
/// the nearest that is, and a value that does not fit. Where something is wrong, the
/// default stands in their place.
pub fn check<T: DeserializeOwned + Default>(
    post: &Post,
    known: &[&str],
    problems: &mut Vec<Problem>,
) -> T {
    let text = post.options.trim();
    if text.is_empty() || text == "null" {
        return T::default();
    }
    let options: Map<String, Value> = match serde_json::from_str(text) {
        Ok(options) => options,
        Err(error) => {
            problems.push(Problem::error(
                "options",
                format!("they are no table: {error}"),
            ));
            return T::default();
        }
    };
    let before = problems.len();
    for key in options.keys().filter(|key| !known.contains(&key.as_str())) {
        let hint = match nearest(key, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.is_empty() => "there are none".to_owned(),
            None => format!("there are `{}`", known.join("`, `")),
        };
        problems.push(Problem::error(
            format!("options.{key}"),
            format!("there is no such option; {hint}"),
        ));
    }
    if problems.len() > before {
        return T::default();
    }
    serde_json::from_value(Value::Object(options)).unwrap_or_else(|error| {
        problems.push(Problem::error("options", error.to_string()));
        T::default()
    })
}

/// The word that was most likely meant; none where all are too far away.
pub fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|candidate| (distance(word, candidate), *candidate))
        .filter(|(distance, candidate)| *distance <= candidate.chars().count().div_ceil(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Letters to add, to drop or to change (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (at, wanted) in other.iter().enumerate() {
            let change = diagonal + usize::from(letter != *wanted);
            diagonal = row[at + 1];
            row[at + 1] = change.min(row[at] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    struct Options {
        silent: Option<bool>,
    }

    #[test]
    fn what_is_wrong_with_options() {
        for (text, problem) in [
            ("", None),
            ("null", None),
            (r#"{"silent":true}"#, None),
            (r#"{"silnet":true}"#, Some("did you mean `silent`?")),
            (r#"{"zzz":1}"#, Some("there are `silent`, `pin`")),
            (r#"{"silent":"yes"}"#, Some("expected a boolean")),
            ("[1]", Some("no table")),
        ] {
            let post = Post {
                options: text.to_owned(),
                ..Post::default()
            };
            let mut problems = Vec::new();
            let options: Options = check(&post, &["silent", "pin"], &mut problems);
            match problem {
                None => assert!(problems.is_empty(), "{problems:?}"),
                Some(words) => {
                    assert_eq!(problems.len(), 1, "{problems:?}");
                    assert!(problems[0].message.contains(words), "{problems:?}");
                    assert_eq!(options, Options::default());
                }
            }
        }
    }
}
