//! What is sent: the whole post, in the shape that Standard Webhooks recommend (`type`,
//! `timestamp`, `data`). The same delivery is the same bytes at every attempt, addresses of
//! files apart.

use jarchi_plugin_sdk::http::Multipart;
use jarchi_plugin_sdk::{Delivery, MediaItem, MediaKind, Post, Visibility, media, time};
use serde_json::{Value, json};

use crate::settings::{Settings, Shape};

/// The body, and the files that go with it.
pub fn body(settings: &Settings, delivery: &Delivery) -> (Value, Option<Multipart>) {
    let mut files = Files {
        urls: settings.media_urls,
        parts: settings.body == Shape::Multipart,
        found: Vec::new(),
    };
    let data = data(delivery, &mut files);
    let body = json!({
        "type": "post.publish",
        "timestamp": time::format_rfc3339(delivery.created_at),
        "data": data,
    });
    if settings.body == Shape::Json {
        return (body, None);
    }
    let mut form = Multipart::new().text("post", body.to_string());
    for (index, item) in files.found.iter().enumerate() {
        form = form.media(&part(index), &item.name, &item.mime, &item.id);
    }
    (body, Some(form))
}

fn part(index: usize) -> String {
    format!("file{index}")
}

struct Files<'a> {
    urls: bool,
    parts: bool,
    found: Vec<&'a MediaItem>,
}

impl<'a> Files<'a> {
    fn add(&mut self, item: &'a MediaItem) -> Value {
        let mut file = json!({
            "name": item.name,
            "mime": item.mime,
            "kind": kind(item.kind),
            "size": item.size,
            "alt": item.alt,
            "width": item.width,
            "height": item.height,
            "length_ms": item.length,
            "focus": item.focus.map(|focus| json!({ "x": focus.x, "y": focus.y })),
        });
        if self.urls {
            file["url"] = media::public_url(item).into();
        }
        if self.parts {
            file["part"] = part(self.found.len()).into();
        }
        self.found.push(item);
        file
    }

    fn all(&mut self, items: &'a [MediaItem]) -> Vec<Value> {
        items.iter().map(|item| self.add(item)).collect()
    }
}

fn data<'a>(delivery: &'a Delivery, files: &mut Files<'a>) -> Value {
    let post: &Post = &delivery.post;
    let media = files.all(&post.media);
    let thread: Vec<Value> = post
        .thread
        .iter()
        .map(|part| json!({ "text": part.text, "media": files.all(&part.media) }))
        .collect();
    let link = post.link.as_ref().map(|link| {
        json!({
            "url": link.url,
            "title": link.title,
            "description": link.description,
            "thumbnail": link.thumbnail.as_ref().map(|item| files.add(item)),
        })
    });
    let mentions: Vec<Value> = post
        .mentions
        .iter()
        .map(|mention| json!({ "handle": mention.handle, "id": mention.id }))
        .collect();
    let options: Value = serde_json::from_str(&post.options).unwrap_or(Value::Null);
    json!({
        "key": delivery.key,
        "account": delivery.account.name,
        "due": time::format_rfc3339(delivery.due),
        "text": post.text,
        "language": post.language,
        "media": media,
        "link": link,
        "hashtags": post.hashtags,
        "mentions": mentions,
        "poll": post.poll.as_ref().map(|poll| json!({
            "options": poll.options,
            "open_for_ms": poll.open_for,
            "multiple": poll.multiple,
            "hide_totals": poll.hide_totals,
        })),
        "thread": thread,
        "first_comment": post.first_comment,
        "visibility": post.visibility.map(visibility),
        "content_warning": post.content_warning,
        "sensitive": post.sensitive,
        "options": options,
    })
}

fn kind(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Image => "image",
        MediaKind::Gif => "gif",
        MediaKind::Video => "video",
        MediaKind::Audio => "audio",
        MediaKind::Document => "document",
    }
}

fn visibility(visibility: Visibility) -> &'static str {
    match visibility {
        Visibility::Public => "public",
        Visibility::Unlisted => "unlisted",
        Visibility::Followers => "followers",
        Visibility::Direct => "direct",
    }
}
