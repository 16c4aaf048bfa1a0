//! The JSON Schema of the configuration, for editors.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::raw::RawFile;

/// The schema, made from the same declarations as the reader. Draft 7, which the TOML
/// plugins of editors understand.
pub fn schema() -> Value {
    let mut schema = SchemaSettings::draft07()
        .into_generator()
        .into_root_schema_for::<RawFile>();
    schema.insert("title".into(), "Jarchi configuration".into());
    schema.to_value()
}

/// Every key of the schema, as `account.rails.per_hour`, in its order.
pub fn keys() -> Vec<String> {
    let schema = schema();
    let mut keys = Vec::new();
    collect(&schema, &schema, "", &mut keys);
    keys
}

fn collect(root: &Value, node: &Value, key: &str, keys: &mut Vec<String>) {
    let node = target(root, node);
    let items = node.get("items").map(|items| target(root, items));
    let properties = items
        .unwrap_or(node)
        .get("properties")
        .and_then(Value::as_object);
    for (name, property) in properties.into_iter().flatten() {
        let key = super::reader::join(key, name);
        keys.push(key.clone());
        collect(root, property, &key, keys);
    }
}

/// What a reference stands for.
fn target<'a>(root: &'a Value, node: &'a Value) -> &'a Value {
    let inner = node.get("allOf").and_then(|all| all.get(0)).unwrap_or(node);
    inner
        .get("$ref")
        .and_then(Value::as_str)
        .and_then(|path| root.pointer(path.trim_start_matches('#')))
        .unwrap_or(node)
}

/// The names of the keys, each once: words that are no secret.
pub(super) fn words() -> &'static [&'static str] {
    static WORDS: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
        let names: BTreeSet<String> = keys()
            .iter()
            .filter_map(|key| key.rsplit('.').next().map(str::to_owned))
            .collect();
        names.into_iter().map(|name| &*name.leak()).collect()
    });
    &WORDS
}
