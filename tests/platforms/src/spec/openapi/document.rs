//! A description, and the operation that a request asks for.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::Quirks;
use super::schema::{self, Components, Schema};
use crate::Request;

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

pub(super) struct Document {
    operations: Vec<Operation>,
    quirks: Quirks,
}

struct Operation {
    /// In upper case.
    method: String,
    template: Vec<Segment>,
    parameters: Vec<Parameter>,
    body: Option<Body>,
}

enum Segment {
    Literal(String),
    Parameter(String),
}

struct Parameter {
    name: String,
    place: String,
    required: bool,
    /// Comma-separated, not repeated.
    joined: bool,
    schema: Schema,
}

pub(super) struct Body {
    pub(super) required: bool,
    /// By media type.
    pub(super) kinds: BTreeMap<String, Schema>,
}

impl Document {
    /// # Panics
    /// It is no OpenAPI document.
    pub(super) fn parse(text: &str, quirks: Quirks) -> Self {
        let mut root: Value = serde_json::from_str(text).expect("a JSON document");
        schema::normalise(&mut root);
        let components = Arc::new(Components::of(&root));
        let mut operations = Vec::new();
        for (path, item) in root["paths"].as_object().expect("paths") {
            let shared = item["parameters"].as_array().into_iter().flatten();
            let shared: Vec<&Value> = shared.collect();
            for method in METHODS {
                let Some(described) = item.get(method) else {
                    continue;
                };
                operations.push(operation(
                    &root,
                    path,
                    method,
                    described,
                    &shared,
                    &components,
                ));
            }
        }
        Document { operations, quirks }
    }

    pub(super) fn has(&self, request: &Request) -> bool {
        self.operation(request).is_some()
    }

    /// The operation, and what stands for the names in its path. Of two that fit
    /// (`/users/me` and `/users/{id}`), the one with the more literal path.
    fn operation(&self, request: &Request) -> Option<(&Operation, Vec<(&str, String)>)> {
        let path = request.path().strip_prefix(self.quirks.prefix)?;
        let segments: Vec<&str> = path.split('/').collect();
        self.operations
            .iter()
            .filter(|operation| operation.method == request.method)
            .filter_map(|operation| Some((operation, operation.matches(&segments)?)))
            .min_by_key(|(_, named)| named.len())
    }

    pub(super) fn check(&self, request: &Request) -> Result<(), String> {
        let (operation, named) = self
            .operation(request)
            .ok_or("there is no such method and path")?;
        for (name, value) in named {
            let parameter = operation.parameter("path", name);
            let parameter = parameter.ok_or_else(|| format!("`{{{name}}}` is not described"))?;
            parameter.check(&[value])?;
        }
        operation.check_query(request, self.quirks)?;
        for parameter in operation.placed("header").filter(|header| header.required) {
            if request.header(&parameter.name.to_lowercase()).is_none() {
                return Err(format!("the header `{}` is missing", parameter.name));
            }
        }
        match &operation.body {
            Some(body) => body.check(request, self.quirks),
            // An empty object is no body to speak of.
            None if request.body.is_empty() || request.body == b"{}" => Ok(()),
            None => Err("it takes no body".into()),
        }
    }
}

impl Operation {
    fn matches(&self, segments: &[&str]) -> Option<Vec<(&str, String)>> {
        if segments.len() != self.template.len() {
            return None;
        }
        let mut named = Vec::new();
        for (segment, template) in segments.iter().zip(&self.template) {
            match template {
                Segment::Literal(literal) if literal == segment => {}
                Segment::Literal(_) => return None,
                Segment::Parameter(_) if segment.is_empty() => return None,
                Segment::Parameter(name) => {
                    let value = url::form_urlencoded::parse(segment.replace('+', "%2B").as_bytes())
                        .map(|(text, _)| text.into_owned())
                        .next();
                    named.push((name.as_str(), value?));
                }
            }
        }
        Some(named)
    }

    fn placed(&self, place: &'static str) -> impl Iterator<Item = &Parameter> {
        self.parameters
            .iter()
            .filter(move |parameter| parameter.place == place)
    }

    fn parameter(&self, place: &'static str, name: &str) -> Option<&Parameter> {
        self.placed(place).find(|parameter| parameter.name == name)
    }

    fn check_query(&self, request: &Request, quirks: Quirks) -> Result<(), String> {
        let mut given: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in request.url.query_pairs() {
            let bare = name.strip_suffix("[]").filter(|_| quirks.rails);
            let name = bare.unwrap_or(&name).to_owned();
            given.entry(name).or_default().push(value.into_owned());
        }
        for (name, values) in &given {
            match self.parameter("query", name) {
                Some(parameter) => parameter.check(values)?,
                None => return Err(format!("it has no parameter `{name}`")),
            }
        }
        for parameter in self.placed("query").filter(|one| one.required) {
            if !given.contains_key(&parameter.name) {
                return Err(format!("the parameter `{}` is missing", parameter.name));
            }
        }
        Ok(())
    }
}

impl Parameter {
    fn check(&self, values: &[String]) -> Result<(), String> {
        let texts: Vec<&str> = match values {
            [one] if self.joined => one.split(',').collect(),
            several => several.iter().map(String::as_str).collect(),
        };
        let list = Value::from(texts.clone());
        let value = match texts[..] {
            _ if self.schema.is_list() => list,
            [one] => Value::from(one),
            _ => return Err(format!("`{}` is there twice", self.name)),
        };
        self.schema
            .check_text(value)
            .map_err(|error| format!("`{}`: {error}", self.name))
    }
}

fn operation(
    root: &Value,
    path: &str,
    method: &str,
    described: &Value,
    shared: &[&Value],
    components: &Arc<Components>,
) -> Operation {
    let template = path.split('/').map(|segment| {
        match segment
            .strip_prefix('{')
            .and_then(|name| name.strip_suffix('}'))
        {
            Some(name) => Segment::Parameter(name.to_owned()),
            None => Segment::Literal(segment.to_owned()),
        }
    });
    let own = described["parameters"].as_array().into_iter().flatten();
    let parameters = own.chain(shared.iter().copied()).map(|parameter| {
        let parameter = resolved(root, parameter);
        let schema = Schema::new(parameter["schema"].clone(), components.clone());
        let explode = parameter["explode"].as_bool().unwrap_or(true);
        Parameter {
            name: parameter["name"].as_str().expect("a name").to_owned(),
            place: parameter["in"].as_str().expect("a place").to_owned(),
            required: parameter["required"].as_bool().unwrap_or_default(),
            joined: schema.is_list() && !explode,
            schema,
        }
    });
    let body = described.get("requestBody").map(|body| {
        let body = resolved(root, body);
        let kinds = body["content"].as_object().expect("content").iter();
        Body {
            required: body["required"].as_bool().unwrap_or_default(),
            kinds: kinds
                .map(|(kind, content)| {
                    let schema = Schema::new(content["schema"].clone(), components.clone());
                    (kind.clone(), schema)
                })
                .collect(),
        }
    });
    Operation {
        method: method.to_ascii_uppercase(),
        template: template.collect(),
        parameters: parameters.collect(),
        body,
    }
}

fn resolved<'a>(root: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(reference) => {
            let pointer = reference.strip_prefix('#').expect("within the document");
            root.pointer(pointer).expect("what is referred to")
        }
        None => value,
    }
}
