//! What a model wrote, as the object that was asked for.

use serde::de::DeserializeOwned;
use serde_json::{Deserializer, Value};

/// Reads an answer: one JSON object, exactly of the shape that was asked for. What models
/// put around it is passed over: thoughts, a code fence, a greeting, a remark behind it.
///
/// # Errors
/// What is wrong with it, in words for the model.
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let object = object(text)?;
    T::deserialize(object).map_err(|error| format!("it does not fit the schema: {error}"))
}

fn object(text: &str) -> Result<Value, String> {
    // Models that think aloud close their thoughts before they answer.
    let text = text.rsplit_once("</think>").map_or(text, |(_, rest)| rest);
    let mut first = None;
    for (at, _) in text.match_indices('{') {
        match Deserializer::from_str(&text[at..])
            .into_iter::<Value>()
            .next()
        {
            Some(Ok(value)) => return Ok(value),
            Some(Err(error)) => {
                let _ = first.get_or_insert(error);
            }
            None => {}
        }
        // The first bracket is where the object begins, unless words stand before it.
        if text[..at].trim_start().is_empty() || text[..at].trim_end().ends_with("```json") {
            break;
        }
    }
    Err(match first {
        Some(error) => format!("it is no JSON: {error}"),
        None => String::from("it has no JSON object"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Shape {
        text: String,
    }

    #[test]
    fn what_stands_around_is_passed_over() {
        for text in [
            r#"{"text":"çay"}"#,
            "\u{feff}\n {\"text\":\"çay\"}\n",
            "```json\n{\"text\":\"çay\"}\n```",
            "```\n{\"text\":\"çay\"}\n```\nI hope this helps {really}!",
            "Here {as asked} it is: {\"text\":\"çay\"}",
            "<think>{\"text\": no, better</think>\n{\"text\":\"çay\"}",
        ] {
            let read = read::<Shape>(text);
            assert_eq!(
                read.as_ref().map(|shape| shape.text.as_str()),
                Ok("çay"),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (text, reason) in [
            ("", "it has no JSON object"),
            ("Salam!", "it has no JSON object"),
            (
                r#"{"text":"ça"#,
                "it is no JSON: EOF while parsing a string",
            ),
            ("{'text': 'çay'}", "it is no JSON: key must be a string"),
            (r#"{"words":"çay"}"#, "unknown field `words`"),
            ("{}", "missing field `text`"),
            (
                r#"{"text":1}"#,
                "invalid type: integer `1`, expected a string",
            ),
        ] {
            let error = read::<Shape>(text).err().unwrap_or_default();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
