//! Records, as they stand in the account's repository.

use std::collections::BTreeMap;

use jarchi_plugin_sdk::{MediaItem, time};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::facets::{self, Kind};
use crate::options::{Everybody, Replies, Rule};
use crate::plan::Part;

pub const POST: &str = "app.bsky.feed.post";
pub const GATE: &str = "app.bsky.feed.threadgate";

/// A record in one of its versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StrongRef {
    pub uri: String,
    pub cid: String,
}

/// What the network told for a part: blobs in the order of its media, the card's picture,
/// and the identifiers behind the handles.
#[derive(Debug, Default)]
pub struct Found {
    pub blobs: Vec<Value>,
    pub thumbnail: Option<Value>,
    pub dids: BTreeMap<String, String>,
}

/// A post's record, but for what it answers: that is known when the part before is
/// published. `created` is in milliseconds since 1970.
pub fn post(part: &Part<'_>, langs: &[String], found: &Found, created: u64) -> Value {
    let mut record = Map::new();
    record.insert("$type".into(), POST.into());
    record.insert("text".into(), part.text.as_str().into());
    record.insert("createdAt".into(), time::format_rfc3339(created).into());
    let mut add = |name: &str, values: Vec<Value>| {
        if !values.is_empty() {
            record.insert(name.into(), values.into());
        }
    };
    add(
        "langs",
        langs.iter().map(|lang| lang.as_str().into()).collect(),
    );
    add("facets", facets_of(part, &found.dids));
    add(
        "tags",
        part.tags.iter().map(|tag| tag.as_str().into()).collect(),
    );
    if let Some(embed) = embed(part, found) {
        record.insert("embed".into(), embed);
    }
    if !part.labels.is_empty() {
        let values: Vec<_> = part
            .labels
            .iter()
            .map(|label| json!({ "val": label }))
            .collect();
        record.insert(
            "labels".into(),
            json!({ "$type": "com.atproto.label.defs#selfLabels", "values": values }),
        );
    }
    record.into()
}

/// The record as an answer within its thread.
pub fn answering(record: &Value, root: &StrongRef, parent: &StrongRef) -> Value {
    let mut record = record.clone();
    record["reply"] = json!({ "root": root, "parent": parent });
    record
}

fn facets_of(part: &Part<'_>, dids: &BTreeMap<String, String>) -> Vec<Value> {
    let feature = |kind: &Kind| {
        Some(match kind {
            Kind::Link(uri) => json!({ "$type": "app.bsky.richtext.facet#link", "uri": uri }),
            Kind::Tag(tag) => json!({ "$type": "app.bsky.richtext.facet#tag", "tag": tag }),
            Kind::Mention { did: Some(did), .. } => {
                json!({ "$type": "app.bsky.richtext.facet#mention", "did": did })
            }
            Kind::Mention { handle, did: None } => json!({
                "$type": "app.bsky.richtext.facet#mention",
                "did": dids.get(&handle.to_ascii_lowercase())?,
            }),
        })
    };
    part.spans
        .iter()
        // The server takes offsets past the end, and clients then show nonsense.
        .filter(|span| {
            part.text
                .get(span.range.clone())
                .is_some_and(|shown| !shown.is_empty())
        })
        .filter_map(|span| {
            Some(json!({
                "$type": "app.bsky.richtext.facet",
                "index": { "byteStart": span.range.start, "byteEnd": span.range.end },
                "features": [feature(&span.kind)?],
            }))
        })
        .collect()
}

fn embed(part: &Part<'_>, found: &Found) -> Option<Value> {
    if let [blob] = &found.blobs[..]
        && let [item] = part.media
        && blob["mimeType"]
            .as_str()
            .is_some_and(|mime| mime.starts_with("video/"))
    {
        let mut embed = json!({ "$type": "app.bsky.embed.video", "video": blob });
        if !alt(item).is_empty() {
            embed["alt"] = alt(item).into();
        }
        add_aspect(&mut embed, item);
        return Some(embed);
    }
    if !found.blobs.is_empty() {
        let images: Vec<Value> = part
            .media
            .iter()
            .zip(&found.blobs)
            .map(|(item, blob)| {
                let mut image = json!({ "image": blob, "alt": alt(item) });
                add_aspect(&mut image, item);
                image
            })
            .collect();
        return Some(json!({ "$type": "app.bsky.embed.images", "images": images }));
    }
    let link = part.card?;
    let uri = facets::encoded(&link.url);
    let mut external = json!({
        "uri": uri,
        "title": link.title.as_deref().filter(|title| !title.trim().is_empty())
            .map_or_else(|| facets::shown(&link.url), str::to_owned),
        "description": link.description.as_deref().unwrap_or_default(),
    });
    if let Some(thumbnail) = &found.thumbnail {
        external["thumb"] = thumbnail.clone();
    }
    Some(json!({ "$type": "app.bsky.embed.external", "external": external }))
}

fn alt(item: &MediaItem) -> &str {
    item.alt.as_deref().unwrap_or_default().trim()
}

fn add_aspect(embed: &mut Value, item: &MediaItem) {
    if let (Some(width @ 1..), Some(height @ 1..)) = (item.width, item.height) {
        embed["aspectRatio"] = json!({ "width": width, "height": height });
    }
}

/// Who may reply to the post at this address.
pub fn gate(replies: &Replies, post: &str, created: u64) -> Value {
    let allow: Vec<Value> = match replies {
        Replies::All(Everybody::Everybody | Everybody::Nobody) => vec![],
        Replies::Only(rules) => rules
            .iter()
            .map(|rule| {
                let name = match rule {
                    Rule::Mentioned => "mentionRule",
                    Rule::Followers => "followerRule",
                    Rule::Following => "followingRule",
                };
                json!({ "$type": format!("{GATE}#{name}") })
            })
            .collect(),
    };
    json!({
        "$type": GATE,
        "post": post,
        "allow": allow,
        "createdAt": time::format_rfc3339(created),
    })
}

/// Whether the record that stands in the repository is the one that was to be put there,
/// made at another time perhaps. Servers give the members back in an order of their own.
pub fn is_same(there: &Value, ours: &Value) -> bool {
    let mut there = there.clone();
    if let (Some(there), Some(created)) = (there.as_object_mut(), ours.get("createdAt")) {
        there.insert("createdAt".into(), created.clone());
    }
    there == *ours
}
