//! Meta's Graph API, by the nodes of its own business SDKs: which node has which edge,
//! the names of its parameters, and the values of those that are enumerations. An address
//! does not tell what kind of node an identifier is of, so a request passes where one
//! kind takes all of it. It proves that names exist, not that they fit together.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::{Map, Value};

use super::{Referee, read};
use crate::Request;

/// Those whose requests are judged.
const NODES: &[&str] = &[
    "IGUser",
    "IGMedia",
    "IGComment",
    "ShadowIGMediaBuilder",
    "IGUserForIGOnlyAPI",
    "IGMediaForIGOnlyAPI",
    "Page",
    "PagePost",
    "Photo",
    "AdVideo",
    "Comment",
    "User",
    "UnifiedThread",
    "AdAccount",
    "Campaign",
    "AdSet",
    "Ad",
    "AdCreative",
];
/// "Graph API, Overview" and "Paginated Results": of every request.
const EVERYWHERE: &[&str] = &[
    "access_token",
    "appsecret_proof",
    "fields",
    "limit",
    "after",
    "before",
    "since",
    "until",
    "summary",
    "appsecret_proof",
];
const HOSTS: [&str; 2] = ["graph.facebook.com", "graph.instagram.com"];

struct Edge {
    method: String,
    /// None: the node itself.
    name: Option<String>,
    /// With their types.
    parameters: BTreeMap<String, String>,
}

struct Meta {
    edges: Vec<Edge>,
    enums: BTreeMap<String, Vec<String>>,
}

impl Meta {
    fn load() -> Option<Self> {
        let parse = |name: &str| -> Option<Value> {
            Some(serde_json::from_str(&read(&format!("meta/{name}.json"))?).expect("JSON"))
        };
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut edges = Vec::new();
        for node in NODES {
            let node = parse(node)?;
            for api in node["apis"].as_array().into_iter().flatten() {
                let parameters = api["params"].as_array().into_iter().flatten();
                edges.push(Edge {
                    method: text(&api["method"]),
                    name: api["endpoint"].as_str().map(str::to_owned),
                    parameters: parameters
                        .map(|one| (text(&one["name"]), text(&one["type"])))
                        .collect(),
                });
            }
        }
        let enums = parse("enum_types")?;
        let enums = enums.as_array().into_iter().flatten().map(|one| {
            let values = one["values"].as_array().into_iter().flatten();
            (text(&one["name"]), values.map(text).collect())
        });
        Some(Meta {
            edges,
            enums: enums.collect(),
        })
    }

    /// What an edge has against the parameters. Values are told apart without their case:
    /// the documents write `platform=instagram` where the nodes have `INSTAGRAM`.
    fn fault(&self, edge: &Edge, sent: &Map<String, Value>) -> Option<String> {
        sent.iter().find_map(|(name, value)| {
            let Some(kind) = edge.parameters.get(name) else {
                let known = EVERYWHERE.contains(&name.as_str());
                return (!known).then(|| format!("there is no parameter `{name}`"));
            };
            let kind = kind.trim_start_matches("list<").trim_end_matches('>');
            let allowed = self.enums.get(kind)?;
            let values: Vec<&str> = match value {
                Value::String(text) => text.split(',').collect(),
                Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
                _ => return Some(format!("`{name}` is a text")),
            };
            let wrong = values
                .into_iter()
                .find(|value| !allowed.iter().any(|one| one.eq_ignore_ascii_case(value)))?;
            Some(format!("`{name}` can't be `{wrong}`"))
        })
    }

    fn check(&self, request: &Request) -> Result<(), String> {
        let path: Vec<&str> = request
            .path()
            .trim_matches('/')
            .split('/')
            .skip(1)
            .collect();
        let edge = path.get(1).copied();
        let mut sent: Map<String, Value> = request
            .query()
            .into_iter()
            .map(|(name, value)| (name, value.into()))
            .collect();
        match request.content_type() {
            "application/json" => {
                let body = request.json().ok_or("the body is no JSON")?;
                sent.extend(body.as_object().ok_or("the body is no object")?.clone());
            }
            "application/x-www-form-urlencoded" => {
                sent.extend(
                    request
                        .form()
                        .into_iter()
                        .map(|(name, value)| (name, value.into())),
                );
            }
            "multipart/form-data" => {
                // Values of parts are left to the stand-ins.
                // The nodes do not name the files that a form may hold: `source`.
                let texts = request
                    .parts()
                    .into_iter()
                    .filter(|part| part.filename.is_none());
                sent.extend(texts.map(|part| {
                    let text = String::from_utf8_lossy(&part.bytes).into_owned();
                    (part.name, Value::String(text))
                }));
            }
            _ => {}
        }
        let mut last = "no node has that".to_owned();
        for known in &self.edges {
            if known.method == request.method && known.name.as_deref() == edge {
                match self.fault(known, &sent) {
                    None => return Ok(()),
                    Some(fault) => last = fault,
                }
            }
        }
        Err(format!("{} {}: {last}", request.method, request.path()))
    }
}

/// The Graph API and the Marketing API, v25.0.
pub fn meta() -> &'static dyn Referee {
    struct Nodes;
    static META: OnceLock<Option<Meta>> = OnceLock::new();
    impl Referee for Nodes {
        fn check(&self, request: &Request) -> Result<(), String> {
            let host = request.url.host_str().unwrap_or_default();
            match META.get_or_init(Meta::load) {
                Some(meta) if HOSTS.contains(&host) => meta.check(request),
                _ => Ok(()),
            }
        }
    }
    &Nodes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_nodes_have() {
        if read("meta/IGUser.json").is_none() {
            return;
        }
        for (method, path, goes) in [
            ("GET", "/v25.0/1/insights?metric=views,reach", true),
            ("GET", "/v25.0/1/conversations?platform=pigeon", false),
            ("GET", "/v25.0/1/views", false),
            ("POST", "/v25.0/1/media?image_url=x&caption=a", true),
            ("POST", "/v25.0/1/media?picture_url=x", false),
            ("POST", "/v25.0/1?hide=true", true),
            ("DELETE", "/v25.0/1", true),
            ("PUT", "/v25.0/1", false),
        ] {
            let request = Request {
                method: method.to_owned(),
                url: url::Url::parse(&format!("https://graph.facebook.com{path}")).expect("a URL"),
                headers: vec![],
                body: vec![],
            };
            assert_eq!(meta().check(&request).is_ok(), goes, "{method} {path}");
        }
    }
}
