//! A schema of a description, compiled at its first use.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use jsonschema::error::ValidationErrorKind;
use jsonschema::{Draft, ValidationError, Validator};
use serde_json::{Map, Value, json};

/// The schemas that others refer to.
pub(super) struct Components(Value);

impl Components {
    pub(super) fn of(root: &Value) -> Self {
        Components(json!({ "schemas": root["components"]["schemas"] }))
    }

    fn resolved<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let mut schema = schema;
        while let Some(reference) = schema["$ref"].as_str() {
            let name = reference.strip_prefix("#/components/");
            let name = name.expect("references point to components");
            let found = self.0.pointer(&format!("/{name}"));
            schema = found.expect("what is referred to");
        }
        schema
    }

    /// The schema and those that it is put together from.
    fn alternatives<'a>(&'a self, schema: &'a Value, into: &mut Vec<&'a Value>) {
        let schema = self.resolved(schema);
        into.push(schema);
        for word in ["allOf", "anyOf"] {
            for part in schema[word].as_array().into_iter().flatten() {
                self.alternatives(part, into);
            }
        }
    }
}

pub(super) struct Schema {
    source: Value,
    components: Arc<Components>,
    validator: OnceLock<Validator>,
}

impl Schema {
    pub(super) fn new(source: Value, components: Arc<Components>) -> Self {
        Schema {
            source,
            components,
            validator: OnceLock::new(),
        }
    }

    fn alternatives<'a>(&'a self, schema: &'a Value) -> Vec<&'a Value> {
        let mut all = Vec::new();
        self.components.alternatives(schema, &mut all);
        all
    }

    fn has_type(&self, schema: &Value, wanted: &str) -> bool {
        self.alternatives(schema)
            .iter()
            .any(|one| match &one["type"] {
                Value::String(name) => name == wanted,
                Value::Array(names) => names.iter().any(|name| name == wanted),
                _ => false,
            })
    }

    pub(super) fn is_list(&self) -> bool {
        self.has_type(&self.source, "array")
    }

    /// Whether a value fits, and has no field that the schema does not name.
    pub(super) fn check(&self, value: &Value) -> Result<(), String> {
        let validator = self.validator.get_or_init(|| {
            let mut whole = json!({
                "$ref": "#/$defs/it",
                "$defs": { "it": self.source },
                "components": self.components.0,
            });
            // Of alternatives, only those that fit speak for the fields.
            if !self.described(&self.source, "properties").is_empty() {
                whole["unevaluatedProperties"] = Value::Bool(false);
            }
            jsonschema::options()
                .with_draft(Draft::Draft202012)
                .should_validate_formats(false)
                .build(&whole)
                .expect("the schema can be compiled")
        });
        let errors: Vec<_> = validator.iter_errors(value).collect();
        // A field counts as unknown also where its alternative does not fit otherwise.
        let is_cause = |error: &&ValidationError<'_>| {
            !matches!(
                error.kind(),
                ValidationErrorKind::UnevaluatedProperties { .. }
            )
        };
        if let Some(error) = errors.iter().find(is_cause).or(errors.first()) {
            return Err(told(error));
        }
        match self.unknown(&self.source, value, "") {
            Some(path) => Err(format!("{path} is not described")),
            None => Ok(()),
        }
    }

    /// As [`Schema::check`], for a value whose numbers and truths are still text, as they
    /// are in forms and addresses.
    pub(super) fn check_text(&self, value: Value) -> Result<(), String> {
        self.check(&self.typed(&self.source, value))
    }

    fn typed(&self, schema: &Value, value: Value) -> Value {
        match value {
            Value::String(text) if !self.has_type(schema, "string") => {
                let parsed = serde_json::from_str::<Value>(&text);
                parsed
                    .ok()
                    .filter(|parsed| parsed.is_number() || parsed.is_boolean())
                    .unwrap_or(Value::String(text))
            }
            Value::Array(values) => {
                let items = self.described(schema, "items");
                let typed = values.into_iter().map(|value| match items.first() {
                    Some(items) => self.typed(items, value),
                    None => value,
                });
                typed.collect()
            }
            Value::Object(fields) => {
                let typed = fields.into_iter().map(|(name, value)| {
                    let described = self.property(schema, &name);
                    let value = match described.first() {
                        Some(described) => self.typed(described, value),
                        None => value,
                    };
                    (name, value)
                });
                Value::Object(typed.collect())
            }
            other => other,
        }
    }

    /// What the schema or one that it is put together from says under this word.
    fn described<'a>(&'a self, schema: &'a Value, word: &str) -> Vec<&'a Value> {
        let all = self.alternatives(schema);
        all.into_iter().filter_map(|one| one.get(word)).collect()
    }

    fn property<'a>(&'a self, schema: &'a Value, name: &str) -> Vec<&'a Value> {
        let all = self.described(schema, "properties");
        all.into_iter().filter_map(|one| one.get(name)).collect()
    }

    /// The first field that no schema names. JSON Schema lets any pass where nothing
    /// forbids them; a platform ignores them, and then they are a mistake.
    fn unknown(&self, schema: &Value, value: &Value, path: &str) -> Option<String> {
        match value {
            Value::Object(fields) => {
                let open = |rest: &&Value| **rest != Value::Bool(false);
                let rest = self.described(schema, "additionalProperties");
                let names = self.described(schema, "properties");
                if rest.iter().any(open) || names.is_empty() {
                    return None;
                }
                fields.iter().find_map(|(name, value)| {
                    let path = format!("{path}/{name}");
                    let described = self.property(schema, name);
                    if described.is_empty() {
                        return Some(path);
                    }
                    self.unknown_everywhere(&described, value, &path)
                })
            }
            Value::Array(values) => {
                let items = self.described(schema, "items");
                values.iter().enumerate().find_map(|(index, value)| {
                    let path = format!("{path}/{index}");
                    self.unknown_everywhere(&items, value, &path)
                })
            }
            _ => None,
        }
    }

    /// Some, where each of the schemas has something unknown.
    fn unknown_everywhere(&self, schemas: &[&Value], value: &Value, path: &str) -> Option<String> {
        let mut first = None;
        for schema in schemas {
            first = Some(self.unknown(schema, value, path)?);
        }
        first
    }
}

/// The fault; of alternatives, what each has against the value.
fn told(error: &ValidationError<'_>) -> String {
    if let ValidationErrorKind::AnyOf { context } = error.kind() {
        let firsts = context.iter().filter_map(|faults| faults.first());
        let firsts: BTreeSet<String> = firsts.map(told).collect();
        return Vec::from_iter(firsts).join("; or ");
    }
    let whole = error.to_string();
    let short = if whole.len() < 300 {
        whole
    } else {
        error.masked().to_string()
    };
    format!("{}: {short}", error.instance_path())
}

/// Makes OpenAPI 3.0 into JSON Schema, in place: `nullable` becomes a type. `oneOf` becomes
/// `anyOf`: what the descriptions write as alternatives overlap (a status with text and
/// media is both a text and a media status).
pub(super) fn normalise(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(normalise),
        Value::Object(fields) => {
            fields.values_mut().for_each(normalise);
            if fields.get("nullable") == Some(&Value::Bool(true)) {
                nullable(fields);
            }
            if fields.get("oneOf").is_some_and(Value::is_array)
                && let Some(alternatives) = fields.remove("oneOf")
            {
                fields.insert("anyOf".into(), alternatives);
            }
        }
        _ => {}
    }
}

fn nullable(fields: &mut Map<String, Value>) {
    fields.remove("nullable");
    match fields.get_mut("type") {
        Some(kind @ Value::String(_)) => {
            *kind = json!([kind.take(), "null"]);
            if let Some(Value::Array(values)) = fields.get_mut("enum") {
                values.push(Value::Null);
            }
        }
        _ => {
            let inner = Value::Object(std::mem::take(fields));
            fields.insert("anyOf".into(), json!([inner, { "type": "null" }]));
        }
    }
}
