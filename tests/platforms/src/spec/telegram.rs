//! The Bot API, scraped from its documentation: names, types and what must be there of
//! methods and objects, and the lengths that their descriptions tell.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::Referee;
use crate::{Part, Request};

/// Telegram's Bot API.
pub fn telegram() -> &'static dyn Referee {
    &Telegram
}

struct Telegram;

static API: LazyLock<Option<Value>> = LazyLock::new(|| {
    let text = super::read("telegram/api.min.json")?;
    Some(serde_json::from_str(&text).expect("the specification is JSON"))
});

impl Referee for Telegram {
    fn check(&self, request: &Request) -> Result<(), String> {
        let Some(api) = API.as_ref() else {
            return Ok(());
        };
        let name = request.path().rsplit('/').next().unwrap_or_default();
        let method = api["methods"]
            .get(name)
            .ok_or_else(|| format!("there is no method `{name}`"))?;
        let (mut given, files) = parameters(request)?;
        for (name, value) in request.query() {
            given.insert(name, typed(&value));
        }
        let empty = Vec::new();
        let fields = method["fields"].as_array().unwrap_or(&empty);
        for part in &files {
            let attached = format!("attach://{}", part.name);
            let used = fields
                .iter()
                .any(|field| field["name"] == part.name.as_str())
                || given
                    .values()
                    .any(|value| value.to_string().contains(&attached));
            if !used {
                return Err(format!(
                    "{name}: nothing refers to the file `{}`",
                    part.name
                ));
            }
        }
        for part in files {
            if fields
                .iter()
                .any(|field| field["name"] == part.name.as_str())
            {
                given.insert(part.name, Value::String("a file".to_owned()));
            }
        }
        object(api, name, fields, &given)
    }
}

/// The fields, and the parts that are files.
fn parameters(request: &Request) -> Result<(Map<String, Value>, Vec<Part>), String> {
    match request.content_type() {
        "application/json" => {
            let body = request.json().ok_or("the body is no JSON")?;
            let fields = body.as_object().ok_or("the body is no object")?;
            Ok((fields.clone(), Vec::new()))
        }
        "multipart/form-data" => {
            let mut fields = Map::new();
            let mut files = Vec::new();
            for part in request.parts() {
                if part.filename.is_some() {
                    files.push(part);
                    continue;
                }
                let text = String::from_utf8(part.bytes).map_err(|error| error.to_string())?;
                fields.insert(part.name, Value::String(text));
            }
            Ok((fields, files))
        }
        "" => Ok((Map::new(), Vec::new())),
        other => Err(format!("Telegram takes no body of {other}")),
    }
}

/// A query's text as what it may be meant for.
fn typed(text: &str) -> Value {
    Value::String(text.to_owned())
}

fn object(
    api: &Value,
    name: &str,
    fields: &[Value],
    given: &Map<String, Value>,
) -> Result<(), String> {
    for field in fields {
        let own = field["name"].as_str().unwrap_or_default();
        let Some(value) = given.get(own) else {
            if field["required"] == true {
                return Err(format!("{name}: `{own}` is missing"));
            }
            continue;
        };
        let place = format!("{name}.{own}");
        let said = field["description"].as_str().unwrap_or_default();
        fits(api, &place, &names(&field["types"]), value)?;
        let marked = given.keys().any(|key| key.ends_with("parse_mode"));
        lengths(&place, said, value, marked)?;
        constant(&place, said, value)?;
    }
    let known = |key: &&String| fields.iter().any(|field| field["name"] == key.as_str());
    match given.keys().find(|key| !known(key)) {
        Some(key) => Err(format!("{name}: there is no `{key}`")),
        None => Ok(()),
    }
}

fn names(types: &Value) -> Vec<&str> {
    let list = types.as_array().into_iter().flatten();
    list.filter_map(Value::as_str).collect()
}

fn fits(api: &Value, place: &str, types: &[&str], value: &Value) -> Result<(), String> {
    let arrays: Vec<&str> = types
        .iter()
        .filter_map(|one| one.strip_prefix("Array of "))
        .collect();
    if !arrays.is_empty() {
        // In a form an array is written as JSON.
        let parsed;
        let items = match value {
            Value::Array(items) => items,
            Value::String(text) => {
                parsed = serde_json::from_str::<Vec<Value>>(text)
                    .map_err(|error| format!("{place} is no array: {error}"))?;
                &parsed
            }
            other => return Err(format!("{place} is no array: {other}")),
        };
        for (index, item) in items.iter().enumerate() {
            fits(api, &format!("{place}[{index}]"), &arrays, item)?;
        }
        return Ok(());
    }
    let mut why = Vec::new();
    for one in types {
        match fits_one(api, place, one, value) {
            Ok(()) => return Ok(()),
            Err(error) => why.push(error),
        }
    }
    Err(why.join("; "))
}

fn fits_one(api: &Value, place: &str, name: &str, value: &Value) -> Result<(), String> {
    let text = value.as_str();
    let fine = match name {
        "String" | "InputFile" => value.is_string(),
        "Integer" => value.is_i64() || text.is_some_and(|text| text.parse::<i64>().is_ok()),
        "Float" => value.is_number() || text.is_some_and(|text| text.parse::<f64>().is_ok()),
        "Boolean" => value.is_boolean() || matches!(text, Some("true" | "false")),
        _ => {
            let described = api["types"]
                .get(name)
                .ok_or_else(|| format!("the specification knows no {name}"))?;
            let subtypes = names(&described["subtypes"]);
            if !subtypes.is_empty() {
                return fits(api, place, &subtypes, value);
            }
            let parsed;
            let given = match value {
                Value::Object(given) => given,
                Value::String(text) => {
                    parsed = serde_json::from_str::<Map<String, Value>>(text)
                        .map_err(|error| format!("{place} is no {name}: {error}"))?;
                    &parsed
                }
                other => return Err(format!("{place} is no {name}: {other}")),
            };
            let empty = Vec::new();
            let fields = described["fields"].as_array().unwrap_or(&empty);
            return object(api, &format!("{place} ({name})"), fields, given);
        }
    };
    match fine {
        true => Ok(()),
        false => Err(format!("{place} is no {name}: {value}")),
    }
}

/// "1-4096 characters after entities parsing", "must include 2-10 items", "1-12 answer
/// options", "in seconds …, 5-2628000": the first range that is told.
fn lengths(place: &str, said: &str, value: &Value, marked: bool) -> Result<(), String> {
    let Some((least, most, what)) = range(said) else {
        return Ok(());
    };
    let length = match value {
        Value::String(text) if what == "characters" => {
            // What the markup hides can't be counted here.
            if marked {
                return Ok(());
            }
            text.encode_utf16().count()
        }
        Value::Array(items) if matches!(what, "items" | "answer") => items.len(),
        Value::Number(number) if what.is_empty() => {
            usize::try_from(number.as_u64().unwrap_or_default()).unwrap_or(usize::MAX)
        }
        _ => return Ok(()),
    };
    match (least..=most).contains(&length) {
        true => Ok(()),
        false => Err(format!(
            "{place}: {length} is not within {least} and {most}"
        )),
    }
}

/// The range, and the word behind it.
fn range(said: &str) -> Option<(usize, usize, &str)> {
    let mut words = said.split_whitespace().peekable();
    while let Some(word) = words.next() {
        let end = word.ends_with(['.', ',']);
        let numbers = word.trim_end_matches(['.', ',', ';']).split_once('-');
        if let Some((least, most)) = numbers
            && let (Ok(least), Ok(most)) = (least.parse(), most.parse())
        {
            let next = if end {
                ""
            } else {
                words.peek().copied().unwrap_or_default()
            };
            return Some((least, most, next.trim_end_matches(['.', ',', ';'])));
        }
    }
    None
}

/// "Type of the media, must be photo".
fn constant(place: &str, said: &str, value: &Value) -> Result<(), String> {
    let Some((_, must)) = said.split_once(", must be ") else {
        return Ok(());
    };
    let must = must.trim_matches(['"', '“', '”', '.']);
    if must.contains(' ') || value == must {
        return Ok(());
    }
    Err(format!("{place} is {value} and must be {must}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use url::Url;

    fn judged(method: &str, body: &Value) -> Result<(), String> {
        telegram().check(&Request {
            method: "POST".into(),
            url: Url::parse(&format!("https://api.telegram.org/bot1:x/{method}")).unwrap(),
            headers: vec![("content-type".into(), "application/json".into())],
            body: body.to_string().into_bytes(),
        })
    }

    #[test]
    fn what_the_documentation_allows() {
        if API.is_none() {
            return;
        }
        for (method, body, fault) in [
            ("sendMessage", json!({ "chat_id": "@a", "text": "x" }), None),
            ("getMe", json!({}), None),
            ("sendMesage", json!({}), Some("no method")),
            (
                "sendMessage",
                json!({ "chat_id": 1 }),
                Some("`text` is missing"),
            ),
            (
                "sendMessage",
                json!({ "chat_id": 1, "text": "x", "silent": true }),
                Some("no `silent`"),
            ),
            (
                "sendMessage",
                json!({ "chat_id": true, "text": "x" }),
                Some("no Integer"),
            ),
            (
                "sendMessage",
                json!({ "chat_id": 1, "text": "x".repeat(4097) }),
                Some("4097 is not within"),
            ),
            (
                "sendMessage",
                json!({ "chat_id": 1, "text": "x", "entities": [{ "type": "url", "offset": 0 }] }),
                Some("`length` is missing"),
            ),
            (
                "sendMediaGroup",
                json!({ "chat_id": 1, "media": [
                    { "type": "photo", "media": "a" },
                    { "type": "video", "media": "b", "supports_streaming": true },
                ] }),
                None,
            ),
            (
                "sendMediaGroup",
                json!({ "chat_id": 1, "media": [{ "type": "photo", "media": "a" }] }),
                Some("1 is not within"),
            ),
            (
                "sendMediaGroup",
                json!({ "chat_id": 1, "media": [
                    { "type": "photo", "media": "a" },
                    { "type": "photo", "media": "b", "supports_streaming": true },
                ] }),
                Some("supports_streaming"),
            ),
            (
                "sendPoll",
                json!({ "chat_id": 1, "question": "?", "options": [{ "text": "a" }], "open_period": 4 }),
                Some("4 is not within"),
            ),
        ] {
            match (judged(method, &body), fault) {
                (Ok(()), None) => {}
                (Err(why), Some(fault)) => assert!(why.contains(fault), "{method}: {why}"),
                (outcome, fault) => panic!("{method} {body}: {outcome:?}, not {fault:?}"),
            }
        }
    }
}
