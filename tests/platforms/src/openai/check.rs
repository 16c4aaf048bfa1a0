//! What a request may have, and what a model says that does as it is told.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::{MODEL, Takes, error};
use crate::Answer;

/// All parameters of the description.
const PARAMETERS: [&str; 36] = [
    "metadata",
    "top_logprobs",
    "temperature",
    "top_p",
    "user",
    "safety_identifier",
    "prompt_cache_key",
    "prompt_cache_retention",
    "prompt_cache_options",
    "messages",
    "model",
    "service_tier",
    "modalities",
    "verbosity",
    "reasoning_effort",
    "max_completion_tokens",
    "frequency_penalty",
    "presence_penalty",
    "web_search_options",
    "response_format",
    "audio",
    "store",
    "moderation",
    "stream",
    "stop",
    "logit_bias",
    "logprobs",
    "max_tokens",
    "n",
    "prediction",
    "seed",
    "stream_options",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "functions",
];

fn invalid(param: &str, message: impl AsRef<str>) -> Answer {
    error(400, message.as_ref(), "invalid_value", Some(param))
}

fn unsupported(param: &str, message: &str) -> Answer {
    error(400, message, "unsupported_parameter", Some(param))
}

pub(super) fn request(body: &Value, takes: Takes) -> Result<(), Answer> {
    let body = body
        .as_object()
        .ok_or_else(|| invalid("", "the body is no object"))?;
    for name in body.keys() {
        if !PARAMETERS.contains(&name.as_str()) {
            let message = format!("Unrecognized request argument supplied: {name}");
            return Err(error(400, &message, "unknown_parameter", Some(name)));
        }
    }
    if body.get("model").and_then(Value::as_str) != Some(MODEL) {
        let message = format!("The model `{}` does not exist", body["model"]);
        return Err(error(404, &message, "model_not_found", Some("model")));
    }
    limits(body, takes)?;
    messages(body, takes)?;
    format(body, takes)
}

fn limits(body: &Map<String, Value>, takes: Takes) -> Result<(), Answer> {
    for name in ["max_tokens", "max_completion_tokens"] {
        if body
            .get(name)
            .is_some_and(|value| value.as_u64().is_none_or(|number| number == 0))
        {
            return Err(invalid(
                name,
                format!("Invalid type for '{name}': expected an integer"),
            ));
        }
    }
    if body.contains_key("max_tokens") && !takes.max_tokens {
        return Err(unsupported(
            "max_tokens",
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use \
             'max_completion_tokens' instead.",
        ));
    }
    if let Some(temperature) = body.get("temperature") {
        if !takes.temperature {
            return Err(unsupported(
                "temperature",
                "Unsupported value: 'temperature' does not support this value with this model. \
                 Only the default (1) value is supported.",
            ));
        }
        if !temperature
            .as_f64()
            .is_some_and(|number| (0.0..=2.0).contains(&number))
        {
            return Err(invalid(
                "temperature",
                "Invalid 'temperature': a number from 0 to 2",
            ));
        }
    }
    Ok(())
}

fn messages(body: &Map<String, Value>, takes: Takes) -> Result<(), Answer> {
    let messages = body.get("messages").and_then(Value::as_array);
    let Some(messages) = messages.filter(|messages| !messages.is_empty()) else {
        return Err(invalid("messages", "Invalid 'messages': empty array"));
    };
    for (at, message) in messages.iter().enumerate() {
        let place = format!("messages[{at}]");
        let fields = message
            .as_object()
            .ok_or_else(|| invalid(&place, "a message is an object"))?;
        if fields
            .keys()
            .any(|name| name != "role" && name != "content")
        {
            return Err(invalid(&place, "a message has a role and a content"));
        }
        match (fields["role"].as_str(), at) {
            (Some("system"), 0) if takes.system => {}
            (Some("system"), _) => {
                return Err(invalid(&place, "System role not supported"));
            }
            (Some("user" | "assistant"), _) => {}
            _ => return Err(invalid(&place, "a role is system, user or assistant")),
        }
        content(&place, &fields["content"])?;
    }
    match messages.last().and_then(|message| message["role"].as_str()) {
        Some("user") => Ok(()),
        _ => Err(invalid("messages", "the last message is the user's")),
    }
}

fn content(place: &str, content: &Value) -> Result<(), Answer> {
    let parts = match content {
        Value::String(text) if !text.is_empty() => return Ok(()),
        Value::Array(parts) if !parts.is_empty() => parts,
        _ => return Err(invalid(place, "a content is a text, or a list of parts")),
    };
    for part in parts {
        match part["type"].as_str() {
            Some("text") if part["text"].is_string() => {}
            Some("image_url") => {
                let url = part["image_url"]["url"].as_str().unwrap_or_default();
                let data = url
                    .strip_prefix("data:image/")
                    .and_then(|rest| rest.split_once(";base64,"));
                let Some((kind, data)) = data else {
                    return Err(invalid(place, "Invalid image address"));
                };
                let known = ["png", "jpeg", "webp", "gif"].contains(&kind);
                if !known || STANDARD.decode(data).is_err() {
                    return Err(invalid(place, "You uploaded an unsupported image."));
                }
                let detail = part["image_url"]["detail"].as_str();
                if !matches!(detail, None | Some("auto" | "low" | "high")) {
                    return Err(invalid(place, "Invalid detail"));
                }
            }
            _ => return Err(invalid(place, "a part is text or image_url")),
        }
    }
    Ok(())
}

fn format(body: &Map<String, Value>, takes: Takes) -> Result<(), Answer> {
    let Some(format) = body.get("response_format") else {
        return Ok(());
    };
    let told = Value::Array(body["messages"].as_array().cloned().unwrap_or_default()).to_string();
    match format["type"].as_str() {
        Some("text") => Ok(()),
        Some("json_object") if takes.json_object => match told.contains("JSON") {
            true => Ok(()),
            false => Err(invalid(
                "messages",
                "'messages' must contain the word 'json' in some form, to use 'response_format' \
                 of type 'json_object'.",
            )),
        },
        Some("json_schema") if takes.json_schema => {
            let spec = &format["json_schema"];
            let name = spec["name"].as_str().unwrap_or_default();
            let named = !name.is_empty()
                && name.len() <= 64
                && name
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
            if !named {
                return Err(invalid("response_format", "Invalid 'json_schema.name'"));
            }
            if let Err(reason) = jsonschema::meta::validate(&spec["schema"]) {
                return Err(invalid("response_format", reason.to_string()));
            }
            match spec["strict"].as_bool() {
                Some(true) => strict("schema", &spec["schema"])
                    .map_err(|reason| invalid("response_format", reason)),
                _ => Ok(()),
            }
        }
        _ => Err(unsupported(
            "response_format",
            "Invalid parameter: 'response_format' of this type is not supported with this model.",
        )),
    }
}

/// The guide's subset: every object closed, every property required.
fn strict(place: &str, schema: &Value) -> Result<(), String> {
    const WORDS: [&str; 8] = [
        "type",
        "properties",
        "required",
        "additionalProperties",
        "items",
        "enum",
        "anyOf",
        "description",
    ];
    let fields = schema
        .as_object()
        .ok_or_else(|| format!("{place} is no object"))?;
    if let Some(word) = fields.keys().find(|word| !WORDS.contains(&word.as_str())) {
        return Err(format!(
            "Invalid schema: in {place}, '{word}' is not permitted."
        ));
    }
    if place == "schema" && schema["type"] != "object" {
        return Err(String::from(
            "Invalid schema: schema must be of type 'object'.",
        ));
    }
    if schema["type"] == "object" {
        if schema["additionalProperties"] != false {
            return Err(format!(
                "Invalid schema: in {place}, 'additionalProperties' is required to be false."
            ));
        }
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            if !required.iter().any(|known| known == name) {
                return Err(format!(
                    "Invalid schema: in {place}, '{name}' is not required."
                ));
            }
            strict(&format!("{place}.{name}"), property)?;
        }
    }
    if let Some(items) = fields.get("items") {
        strict(&format!("{place}[]"), items)?;
    }
    for one in schema["anyOf"].as_array().into_iter().flatten() {
        strict(&format!("{place}|"), one)?;
    }
    Ok(())
}

/// An answer of the shape that is asked for; its words are others each time.
pub(super) fn behaved(body: &Value, number: u64) -> Value {
    const THINGS: [&str; 6] = [
        "Dağ kəklikotusu ilə dəmlənmiş çay axşamı yumşaldır",
        "Armudu stəkanın beli istini saxlayır, ağzı isə soyudur",
        "Pəncərədən dəniz görünür, masada mürəbbə dayanır",
        "Samovarın səsi qonşu küçəyə qədər çatır bu səhər",
        "Ustamız hər yarpağı əlində yoxlayıb sonra dəmləyir",
        "Yağışlı gündə nərd taxtası və bir çaynik bəs edir",
    ];
    let at = usize::try_from(number).expect("a small number");
    let text = format!("{}. {number}", THINGS[at % THINGS.len()]);
    let said = super::words(body);
    let schema = match &body["response_format"]["json_schema"]["schema"] {
        Value::Null => said
            .split_once("JSON Schema:\n")
            .and_then(|(_, rest)| serde_json::from_str(rest.lines().next()?).ok())
            .unwrap_or(Value::Null),
        schema => schema.clone(),
    };
    let mut answer = Map::new();
    for name in schema["properties"]
        .as_object()
        .into_iter()
        .flat_map(Map::keys)
    {
        let value = match name.as_str() {
            "text" | "alt" => json!(text),
            "poll" => Value::Null,
            "ideas" => json!([{ "title": "Səhər çayı", "outline": text }]),
            _ => json!([]),
        };
        answer.insert(name.clone(), value);
    }
    let answer = Value::Object(answer);
    assert!(
        jsonschema::is_valid(&schema, &answer),
        "{answer} does not fit {schema}"
    );
    answer
}
