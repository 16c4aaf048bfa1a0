//! YouTube's Data API and Analytics API by Google's discovery documents (`youtube.v3`,
//! `youtubeAnalytics.v2`): path, method, parameters, and the properties of bodies. The
//! answers to an upload's session are not in them: of those only the parameters are
//! judged.

use std::sync::LazyLock;

use serde_json::Value;

use super::{Referee, read};
use crate::Request;

/// The referee of YouTube's two APIs.
pub fn youtube() -> &'static dyn Referee {
    static REFEREE: LazyLock<Discovery> = LazyLock::new(|| {
        let names = [
            "youtube/youtube.v3.json",
            "youtube/youtubeAnalytics.v2.json",
        ];
        let texts = names.iter().filter_map(|name| read(name));
        Discovery(
            texts
                .map(|text| serde_json::from_str(&text).expect("a discovery document"))
                .collect(),
        )
    });
    &*REFEREE
}

struct Discovery(Vec<Value>);

impl Referee for Discovery {
    fn check(&self, request: &Request) -> Result<(), String> {
        if self.0.is_empty() {
            return Ok(());
        }
        // An upload goes on at the address that the session was given.
        let session = request.query().contains_key("upload_id");
        let method = if session { "POST" } else { &request.method };
        for document in &self.0 {
            let mut methods = Vec::new();
            gather(&document["resources"], &mut methods);
            let found = methods.into_iter().find_map(|spec| {
                let upload = Some(request.path())
                    == spec["mediaUpload"]["protocols"]["simple"]["path"].as_str();
                let plain = request.path().strip_prefix('/') == spec["path"].as_str();
                (spec["httpMethod"] == method && (upload || plain)).then_some((spec, upload))
            });
            if let Some((spec, upload)) = found {
                return judge(document, spec, upload, session, request)
                    .map_err(|why| format!("{} {}: {why}", request.method, request.path()));
            }
        }
        Err(format!("there is no {} {}", request.method, request.path()))
    }
}

fn gather<'a>(resources: &'a Value, into: &mut Vec<&'a Value>) {
    for resource in resources
        .as_object()
        .into_iter()
        .flat_map(|all| all.values())
    {
        let methods = resource["methods"].as_object();
        into.extend(methods.into_iter().flat_map(|all| all.values()));
        gather(&resource["resources"], into);
    }
}

fn judge(
    document: &Value,
    spec: &Value,
    upload: bool,
    session: bool,
    request: &Request,
) -> Result<(), String> {
    for (name, value) in request.url.query_pairs() {
        let name = name.as_ref();
        if upload && name == "upload_id" {
            continue;
        }
        let parameter = [&spec["parameters"][name], &document["parameters"][name]]
            .into_iter()
            .find(|parameter| !parameter.is_null())
            .ok_or_else(|| format!("no parameter `{name}`"))?;
        for item in value.split(',').filter(|_| parameter["repeated"] == true) {
            value_of(parameter, item).map_err(|why| format!("`{name}`: {why}"))?;
        }
        if parameter["repeated"] != true {
            value_of(parameter, &value).map_err(|why| format!("`{name}`: {why}"))?;
        }
    }
    if session {
        return Ok(());
    }
    let given = request.query();
    for (name, parameter) in spec["parameters"].as_object().into_iter().flatten() {
        if parameter["required"] == true && !given.contains_key(name) {
            return Err(format!("`{name}` is missing"));
        }
    }
    if upload && !given.contains_key("uploadType") {
        return Err("`uploadType` is missing".into());
    }
    match spec["request"]["$ref"].as_str() {
        Some(schema) => {
            let body = request.json().ok_or("the body is no JSON")?;
            let schema = &document["schemas"][schema];
            property(document, spec, schema, &body, "the body")
        }
        None if upload || request.body.is_empty() => Ok(()),
        None => Err("it takes no body".into()),
    }
}

fn value_of(parameter: &Value, value: &str) -> Result<(), String> {
    let fits = match parameter["type"].as_str() {
        Some("boolean") => matches!(value, "true" | "false"),
        Some("integer") => value.parse::<i64>().is_ok_and(|number| {
            let edge = |name: &str| parameter[name].as_str().and_then(|edge| edge.parse().ok());
            edge("minimum").is_none_or(|least: i64| number >= least)
                && edge("maximum").is_none_or(|most: i64| number <= most)
        }),
        _ => parameter["enum"]
            .as_array()
            .is_none_or(|names| names.iter().any(|name| name == value)),
    };
    fits.then_some(())
        .ok_or_else(|| format!("`{value}` does not fit"))
}

fn property(
    document: &Value,
    spec: &Value,
    schema: &Value,
    value: &Value,
    place: &str,
) -> Result<(), String> {
    if let Some(name) = schema["$ref"].as_str() {
        return property(document, spec, &document["schemas"][name], value, place);
    }
    let fits = match schema["type"].as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("string") => value
            .as_str()
            .is_some_and(|text| value_of(schema, text).is_ok()),
        _ => true,
    };
    if !fits {
        return Err(format!("{place}: {value} does not fit"));
    }
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        property(
            document,
            spec,
            &schema["items"],
            item,
            &format!("{place}[{index}]"),
        )?;
    }
    let Some(fields) = value.as_object() else {
        return Ok(());
    };
    for (name, field) in fields {
        let known = [&schema["properties"][name], &schema["additionalProperties"]]
            .into_iter()
            .find(|known| !known.is_null())
            .ok_or_else(|| format!("{place} has no `{name}`"))?;
        property(document, spec, known, field, &format!("{place}.{name}"))?;
    }
    for (name, known) in schema["properties"].as_object().into_iter().flatten() {
        let needs = known["annotations"]["required"].as_array();
        if needs.is_some_and(|needs| needs.contains(&spec["id"])) && !fields.contains_key(name) {
            return Err(format!("{place} lacks `{name}`"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn asked(method: &str, address: &str, body: &Value) -> Result<(), String> {
        let request = Request {
            method: method.into(),
            url: format!("https://api.example{address}")
                .parse()
                .expect("an address"),
            headers: vec![],
            body: if body.is_null() {
                vec![]
            } else {
                body.to_string().into()
            },
        };
        youtube().check(&request)
    }

    #[test]
    fn requests_as_the_documents_have_them_pass_and_others_do_not() {
        if read("youtube/youtube.v3.json").is_none() {
            return;
        }
        let none = Value::Null;
        let new = "/upload/youtube/v3/videos?uploadType=resumable&part=snippet,status";
        let video = json!({"snippet": {"title": "a", "tags": ["b"]}, "status": {"privacyStatus": "private"}});
        for (method, address, body) in [
            (
                "GET",
                "/youtube/v3/videos?part=statistics&id=a,b&maxResults=50",
                &none,
            ),
            ("POST", new, &video),
            (
                "PUT",
                "/upload/youtube/v3/videos?uploadType=resumable&upload_id=x",
                &none,
            ),
            ("GET", "/v2/reports?ids=channel==MINE&metrics=views", &none),
        ] {
            assert_eq!(asked(method, address, body), Ok(()), "{method} {address}");
        }
        for (method, address, body) in [
            ("GET", "/youtube/v3/videos?id=a", &none),
            ("GET", "/youtube/v3/videos?part=id&maxResults=51", &none),
            ("GET", "/youtube/v3/videos?part=id&nothing=1", &none),
            ("GET", "/youtube/v3/video?part=id", &none),
            (
                "PUT",
                "/youtube/v3/videos?part=status",
                &json!({"status": {}}),
            ),
            ("POST", new, &json!({"snippet": {"name": "a"}})),
            ("POST", new, &json!({"snippet": {"title": 1}})),
            ("POST", new, &json!({"status": {"privacyStatus": "secret"}})),
            ("POST", "/upload/youtube/v3/videos?part=snippet", &video),
            ("GET", "/v2/reports?idz=channel==MINE", &none),
        ] {
            assert!(
                asked(method, address, body).is_err(),
                "{method} {address} {body}"
            );
        }
    }
}
