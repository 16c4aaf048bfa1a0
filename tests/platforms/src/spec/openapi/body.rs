//! Bodies: JSON, and forms as the JSON that they stand for.

use serde_json::{Map, Value};

use super::Quirks;
use super::document::Body;
use crate::Request;

impl Body {
    pub(super) fn check(&self, request: &Request, quirks: Quirks) -> Result<(), String> {
        let kind = request.content_type();
        if request.body.is_empty() {
            return match self.required {
                true => Err("the body is missing".into()),
                false => Ok(()),
            };
        }
        let is_form = matches!(
            kind,
            "application/x-www-form-urlencoded" | "multipart/form-data"
        );
        let json = || self.kinds.get("application/json");
        let schema = self.kinds.get(kind).or_else(|| {
            // The same fields, in another coat.
            let alike = quirks.rails && (is_form || kind == "application/json");
            let any = || self.kinds.values().next();
            alike.then(|| json().or_else(any)).flatten()
        });
        let schema = schema.ok_or_else(|| {
            let kinds: Vec<&str> = self.kinds.keys().map(String::as_str).collect();
            format!("it takes {}, and the body is `{kind}`", kinds.join(", "))
        })?;
        let checked = match kind {
            "application/json" => schema.check(&request.json().ok_or("the body is no JSON")?),
            "multipart/form-data" if quirks.payload_json => match payload(request)? {
                Some(payload) => schema.check(&payload),
                None => schema.check_text(fields(multipart(request)?)?),
            },
            "multipart/form-data" => schema.check_text(fields(multipart(request)?)?),
            _ => {
                let form = url::form_urlencoded::parse(&request.body);
                schema.check_text(fields(form.into_owned().collect())?)
            }
        };
        checked.map_err(|error| format!("body: {error}"))
    }
}

/// The JSON of a multipart body beside files. None where the body has no such part.
fn payload(request: &Request) -> Result<Option<Value>, String> {
    let mut payload = None;
    let mut others = Vec::new();
    for part in request.parts() {
        let number = part.name.strip_prefix("files[");
        let number = number.and_then(|rest| rest.strip_suffix(']'));
        if part.name == "payload_json" {
            let json = serde_json::from_slice(&part.bytes);
            payload = Some(json.map_err(|error| format!("payload_json: {error}"))?);
        } else if number.is_none_or(|number| number.parse::<u32>().is_err()) {
            others.push(part.name);
        } else if part.filename.is_none() {
            return Err(format!("`{}` has no file name", part.name));
        }
    }
    match (&payload, others.first()) {
        (Some(_), Some(other)) => Err(format!("`{other}` stands beside payload_json")),
        _ => Ok(payload),
    }
}

/// The parts as names and texts; what is not text (a file) is empty.
fn multipart(request: &Request) -> Result<Vec<(String, String)>, String> {
    let parts = request.parts().into_iter();
    let texts = parts.map(|part| match part.filename {
        Some(_) => Ok((part.name, String::new())),
        None => match String::from_utf8(part.bytes) {
            Ok(text) => Ok((part.name, text)),
            Err(_) => Err(format!("`{}` is neither a file nor text", part.name)),
        },
    });
    texts.collect()
}

/// The object that a form stands for: `poll[options][]=a` is an element of a list in an
/// object.
fn fields(form: Vec<(String, String)>) -> Result<Value, String> {
    let mut whole = Value::Object(Map::new());
    for (name, value) in form {
        let (first, rest) = name.split_at(name.find('[').unwrap_or(name.len()));
        let mut keys = vec![first];
        let inner = rest
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        match inner {
            Some(inner) => keys.extend(inner.split("][")),
            None if rest.is_empty() => {}
            None => return Err(format!("`{name}` has an open bracket")),
        }
        put(&mut whole, &keys, value).ok_or_else(|| format!("`{name}` is there twice"))?;
    }
    Ok(whole)
}

/// None where the place is taken.
fn put(at: &mut Value, keys: &[&str], value: String) -> Option<()> {
    let Some((key, rest)) = keys.split_first() else {
        return match at {
            Value::Null => {
                *at = Value::String(value);
                Some(())
            }
            _ => None,
        };
    };
    if key.is_empty() {
        if at.is_null() {
            *at = Value::Array(Vec::new());
        }
        let Value::Array(values) = at else {
            return None;
        };
        values.push(Value::Null);
        return put(values.last_mut()?, rest, value);
    }
    if at.is_null() {
        *at = Value::Object(Map::new());
    }
    let Value::Object(fields) = at else {
        return None;
    };
    put(fields.entry(*key).or_insert(Value::Null), rest, value)
}
