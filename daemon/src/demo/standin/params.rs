//! The parameters of a request, from its query, form, JSON or multipart body: Rails takes
//! them all alike.

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, Multipart, Request};
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value};

use super::Server;
use super::error::Refusal;

#[derive(Debug, Default)]
pub(super) struct Params {
    values: Map<String, Value>,
    pub(super) files: HashMap<String, Bytes>,
}

impl FromRequest<Arc<Server>> for Params {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &Arc<Server>) -> Result<Self, Refusal> {
        let mut params = Params::default();
        if let Some(query) = request.uri().query() {
            params.read_form(query.as_bytes());
        }
        let kind = request
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok())
            .unwrap_or_default()
            .to_ascii_lowercase();
        if kind.starts_with("multipart/form-data") {
            let parts = Multipart::from_request(request, state)
                .await
                .map_err(Refusal::malformed)?;
            params.read_parts(parts).await?;
            return Ok(params);
        }
        let body = Bytes::from_request(request, state)
            .await
            .map_err(Refusal::malformed)?;
        if kind.starts_with("application/json") && !body.is_empty() {
            match serde_json::from_slice(&body).map_err(Refusal::malformed)? {
                Value::Object(object) => params.values.extend(object),
                _ => return Err(Refusal::malformed("the body is not a JSON object")),
            }
        } else if kind.starts_with("application/x-www-form-urlencoded") {
            params.read_form(&body);
        }
        Ok(params)
    }
}

impl Params {
    pub(super) fn of<const N: usize>(values: [(&str, &str); N]) -> Self {
        let values = values.map(|(name, value)| (name.to_owned(), value.into()));
        Params {
            values: values.into_iter().collect(),
            files: HashMap::new(),
        }
    }

    fn read_form(&mut self, form: &[u8]) {
        for (name, value) in url::form_urlencoded::parse(form) {
            self.insert(&name, value.into_owned());
        }
    }

    async fn read_parts(&mut self, mut parts: Multipart) -> Result<(), Refusal> {
        while let Some(part) = parts.next_field().await.map_err(Refusal::malformed)? {
            let name = part.name().unwrap_or_default().to_owned();
            if part.file_name().is_some() {
                let bytes = part.bytes().await.map_err(Refusal::malformed)?;
                self.files.insert(name, bytes);
            } else {
                let text = part.text().await.map_err(Refusal::malformed)?;
                self.insert(&name, text);
            }
        }
        Ok(())
    }

    /// `media_ids[]`, `poll[options][]`, `poll[multiple]`.
    fn insert(&mut self, name: &str, value: String) {
        let mut keys = name.split('[').map(|key| key.trim_end_matches(']'));
        let first = keys.next().unwrap_or_default().to_owned();
        let place = self.values.entry(first).or_insert(Value::Null);
        put(place, &keys.collect::<Vec<_>>(), value);
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        text(self.values.get(name)?)
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.values.get(name).is_some_and(flag)
    }

    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.text(name)?.trim().parse().ok()
    }

    pub(super) fn list(&self, name: &str) -> Vec<String> {
        self.values.get(name).map(list).unwrap_or_default()
    }

    /// The parameters below this one.
    pub(super) fn below(&self, name: &str) -> Option<Params> {
        match self.values.get(name)? {
            Value::Object(values) => Some(Params {
                values: values.clone(),
                files: HashMap::new(),
            }),
            _ => None,
        }
    }
}

fn put(place: &mut Value, keys: &[&str], value: String) {
    match keys {
        [] => *place = Value::String(value),
        ["", ..] => {
            if !place.is_array() {
                *place = Value::Array(Vec::new());
            }
            if let Value::Array(list) = place {
                list.push(Value::String(value));
            }
        }
        [key, rest @ ..] => {
            if !place.is_object() {
                *place = Value::Object(Map::new());
            }
            if let Value::Object(object) = place {
                let inner = object.entry((*key).to_owned()).or_insert(Value::Null);
                put(inner, rest, value);
            }
        }
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// As Rails casts: everything is true but what says no.
fn flag(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => {
            !["", "0", "f", "false", "off"].contains(&text.to_ascii_lowercase().as_str())
        }
        _ => true,
    }
}

fn list(value: &Value) -> Vec<String> {
    match value {
        Value::Array(list) => list.iter().filter_map(text).collect(),
        other => text(other).into_iter().collect(),
    }
}
