//! Whether a body has the documented form.

use serde_json::Value;

use super::error;
use crate::{Answer, Request};

/// The body: an object.
pub(super) fn body(request: &Request) -> Result<Value, Answer> {
    match request.json() {
        Some(body) if body.is_object() => Ok(body),
        _ => Err(error(
            400,
            "BAD_REQUEST",
            0,
            "The request body is no JSON object",
        )),
    }
}

/// All required fields are there, and none that is not documented.
pub(super) fn fields(value: &Value, required: &[&str], optional: &[&str]) -> Result<(), Answer> {
    let Some(object) = value.as_object() else {
        return Err(error(
            400,
            "BAD_REQUEST",
            0,
            &format!("{value} is no object"),
        ));
    };
    for name in required {
        if !object.contains_key(*name) {
            return Err(error(
                422,
                "MISSING_FIELD",
                0,
                &format!("/{name} :: field is required but not found"),
            ));
        }
    }
    for name in object.keys() {
        if !required.contains(&name.as_str()) && !optional.contains(&name.as_str()) {
            return Err(error(
                422,
                "UNPERMITTED_FIELD",
                0,
                &format!("/{name} :: unrecognized field found but not allowed"),
            ));
        }
    }
    Ok(())
}

pub(super) fn text<'a>(value: &'a Value, name: &str) -> Result<&'a str, Answer> {
    value
        .get(name)
        .and_then(Value::as_str)
        .ok_or_else(|| error(422, "INVALID_FIELD", 0, &format!("/{name} :: is no string")))
}

/// A text of at most so many characters.
pub(super) fn short<'a>(value: &'a Value, name: &str, most: usize) -> Result<&'a str, Answer> {
    let words = text(value, name)?;
    if words.encode_utf16().count() > most {
        return Err(error(
            422,
            "FIELD_TOO_LONG",
            0,
            &format!("/{name} :: length is beyond the maximum ({most})"),
        ));
    }
    Ok(words)
}

pub(super) fn one_of(value: &Value, name: &str, allowed: &[&str]) -> Result<(), Answer> {
    let word = text(value, name)?;
    if allowed.contains(&word) {
        return Ok(());
    }
    Err(error(
        422,
        "INVALID_ENUM",
        0,
        &format!("/{name} :: \"{word}\" is not an enum symbol"),
    ))
}

pub(super) fn flag(value: &Value, name: &str) -> Result<(), Answer> {
    match value.get(name) {
        Some(Value::Bool(_)) => Ok(()),
        _ => Err(error(
            422,
            "INVALID_FIELD",
            0,
            &format!("/{name} :: is no boolean"),
        )),
    }
}

/// Only these parameters, and these of them at least.
pub(super) fn parameters(
    request: &Request,
    required: &[(&str, &str)],
    optional: &[&str],
) -> Result<(), Answer> {
    let query = request.query();
    for (name, value) in required {
        match query.get(*name) {
            Some(given) if value.is_empty() || given == value => {}
            given => {
                return Err(error(
                    400,
                    "PARAM_INVALID",
                    0,
                    &format!("Invalid param {name}: {given:?}, not {value}"),
                ));
            }
        }
    }
    for name in query.keys() {
        if !required.iter().any(|(known, _)| known == name) && !optional.contains(&name.as_str()) {
            return Err(error(
                400,
                "QUERY_PARAM_NOT_ALLOWED",
                0,
                &format!("Query parameter {name} not allowed"),
            ));
        }
    }
    Ok(())
}

/// A finder is named in a header too.
pub(super) fn finder(request: &Request) -> Result<(), Answer> {
    match request.header("x-restli-method") {
        Some("FINDER") => Ok(()),
        _ => Err(error(
            400,
            "ILLEGAL_ARGUMENT",
            0,
            "X-RestLi-Method must be FINDER",
        )),
    }
}

/// The members of `List(a,b)`, whose brackets are not encoded.
pub(super) fn list(request: &Request, name: &str) -> Result<Vec<String>, Answer> {
    let raw = request.url.query().unwrap_or_default();
    let Some(value) = raw
        .split('&')
        .find_map(|pair| pair.strip_prefix(&format!("{name}=")))
    else {
        return Ok(vec![]);
    };
    let inside = value
        .strip_prefix("List(")
        .and_then(|rest| rest.strip_suffix(')'));
    let inside = inside.ok_or_else(|| {
        error(
            400,
            "PARAM_INVALID",
            0,
            &format!("Invalid query parameters passed to request: {name}={value}"),
        )
    })?;
    if inside.contains("urn:li:") {
        return Err(error(
            400,
            "PARAM_INVALID",
            0,
            "URNs in a list are to be encoded",
        ));
    }
    Ok(inside.split(',').map(decoded).collect())
}

pub(super) fn decoded(text: &str) -> String {
    let pair = format!("x={}", text.replace('+', "%2B"));
    let mut pairs = url::form_urlencoded::parse(pair.as_bytes());
    pairs
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}
