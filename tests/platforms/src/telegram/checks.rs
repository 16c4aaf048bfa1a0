//! What a bot may send, and what becomes of it.

use serde_json::{Value, json};

use super::answers::{moved, no};
use super::{Chat, Fields};
use crate::Answer;

/// UTF-16 code units of a message and a caption.
const TEXT: usize = 4096;
const CAPTION: usize = 1024;
const PHOTO: usize = 10 << 20;

pub(super) fn may_send(
    chat: &Chat,
    method: &str,
    given: &Fields,
    upload_limit: usize,
) -> Result<(), Answer> {
    if let Some(to) = chat.moved_to {
        return Err(moved(to));
    }
    if chat.bot == "left" {
        let what = if chat.kind == "channel" {
            "channel"
        } else {
            "supergroup"
        };
        let text = format!("Forbidden: bot is not a member of the {what} chat");
        return Err(no(403, &text));
    }
    if !chat.may_post {
        return Err(match chat.kind {
            "channel" => no(
                400,
                "Bad Request: need administrator rights in the channel chat",
            ),
            _ => no(
                400,
                "Bad Request: not enough rights to send text messages to the chat",
            ),
        });
    }
    if given.has("message_thread_id") && !chat.forum {
        return Err(no(400, "Bad Request: message thread not found"));
    }
    if let Some(answered) = given.json("reply_parameters")["message_id"].as_i64()
        && !chat.messages.contains_key(&answered)
    {
        return Err(no(400, "Bad Request: message to be replied not found"));
    }
    for file in &given.files {
        if file.bytes.len() > upload_limit {
            return Err(no(413, "Request Entity Too Large"));
        }
        if file.bytes.is_empty() {
            return Err(no(400, "Bad Request: file must be non-empty"));
        }
        if method == "sendPhoto" && file.bytes.len() > PHOTO {
            return Err(no(400, "Bad Request: file is too big for a photo"));
        }
    }
    if method == "sendPoll" && chat.kind == "channel" && given.json("is_anonymous") == false {
        return Err(no(
            400,
            "Bad Request: non-anonymous polls can't be sent to channel chats",
        ));
    }
    Ok(())
}

/// The messages, without numbers, date and chat.
pub(super) fn units(method: &str, given: &Fields) -> Result<Vec<Value>, Answer> {
    let mut message = json!({});
    if given.has("reply_markup") {
        message["reply_markup"] = given.json("reply_markup");
    }
    if given.json("protect_content") == true {
        message["has_protected_content"] = true.into();
    }
    if given.has("link_preview_options") {
        message["link_preview_options"] = given.json("link_preview_options");
    }
    match method {
        "sendMessage" => {
            let (text, entities) = parsed(given, "text", "parse_mode", "entities")?;
            if text.is_empty() {
                return Err(no(400, "Bad Request: message text is empty"));
            }
            if units_of(&text) > TEXT {
                return Err(no(400, "Bad Request: message is too long"));
            }
            message["text"] = text.into();
            message["entities"] = entities;
            Ok(vec![message])
        }
        "sendPoll" => {
            let quiz = given.text("type") == "quiz";
            if quiz && !given.has("correct_option_ids") {
                return Err(no(400, "Bad Request: the quiz has no correct option"));
            }
            let options = given.json("options");
            let options: Vec<Value> = options
                .as_array()
                .into_iter()
                .flatten()
                .map(|option| json!({ "text": option["text"], "voter_count": 0 }))
                .collect();
            message["poll"] = json!({
                "question": given.text("question"), "options": options, "total_voter_count": 0,
                "is_closed": false, "is_anonymous": given.json("is_anonymous") != false,
                "type": if quiz { "quiz" } else { "regular" },
                "allows_multiple_answers": given.json("allows_multiple_answers") == true,
                "open_period": given.json("open_period"),
            });
            if given.has("description") {
                message["poll"]["description"] = given.json("description");
            }
            if given.has("media") {
                attached(given, &given.json("media"))?;
                message["poll"]["media"] = given.json("media");
            }
            Ok(vec![message])
        }
        "sendMediaGroup" => {
            let media = given.json("media");
            let media = media.as_array().cloned().unwrap_or_default();
            let kinds: Vec<&str> = media
                .iter()
                .filter_map(|one| one["type"].as_str())
                .collect();
            let all = |allowed: &[&str]| kinds.iter().all(|kind| allowed.contains(kind));
            if !all(&["photo", "video"]) && !all(&["document"]) && !all(&["audio"]) {
                return Err(no(
                    400,
                    "Bad Request: document and audio can't be mixed with other media types",
                ));
            }
            media.iter().map(|one| album_unit(given, one)).collect()
        }
        _ => {
            let kind = method.trim_start_matches("send").to_ascii_lowercase();
            let Some(file) = given.files.iter().find(|file| file.name == kind) else {
                return Err(no(
                    400,
                    &format!("Bad Request: there is no {kind} in the request"),
                ));
            };
            message[kind.as_str()] = described(&kind, &file.bytes);
            caption(
                &mut message,
                parsed(given, "caption", "parse_mode", "caption_entities")?,
            )?;
            if given.json("has_spoiler") == true {
                message["has_media_spoiler"] = true.into();
            }
            if given.json("show_caption_above_media") == true {
                message["show_caption_above_media"] = true.into();
            }
            Ok(vec![message])
        }
    }
}

fn album_unit(given: &Fields, one: &Value) -> Result<Value, Answer> {
    let bytes = attached(given, one)?;
    let kind = one["type"].as_str().unwrap_or_default();
    let mut message = json!({});
    message[kind] = described(kind, bytes);
    let own = Fields {
        fields: one.as_object().cloned().unwrap_or_default(),
        files: Vec::new(),
    };
    caption(
        &mut message,
        parsed(&own, "caption", "parse_mode", "caption_entities")?,
    )?;
    if one["has_spoiler"] == true {
        message["has_media_spoiler"] = true.into();
    }
    Ok(message)
}

fn attached<'f>(given: &'f Fields, one: &Value) -> Result<&'f [u8], Answer> {
    let name = one["media"]
        .as_str()
        .and_then(|media| media.strip_prefix("attach://"));
    let file = given
        .files
        .iter()
        .find(|file| Some(file.name.as_str()) == name);
    file.map(|file| file.bytes.as_slice())
        .ok_or_else(|| no(400, "Bad Request: wrong file identifier/HTTP URL specified"))
}

fn described(kind: &str, bytes: &[u8]) -> Value {
    let file = json!({ "file_id": format!("file-{}", bytes.len()), "file_size": bytes.len() });
    match kind {
        "photo" => json!([file]),
        _ => file,
    }
}

fn caption(message: &mut Value, (text, entities): (String, Value)) -> Result<(), Answer> {
    if units_of(&text) > CAPTION {
        return Err(no(400, "Bad Request: message caption is too long"));
    }
    if !text.is_empty() {
        message["caption"] = text.into();
        message["caption_entities"] = entities;
    }
    Ok(())
}

fn units_of(text: &str) -> usize {
    text.encode_utf16().count()
}

/// The text without its markup and white space at its ends, and its entities.
fn parsed(
    given: &Fields,
    text: &str,
    mode: &str,
    entities: &str,
) -> Result<(String, Value), Answer> {
    let raw = given.text(text);
    if given.text(mode) == "HTML" {
        return Ok((html(&raw)?.trim().to_owned(), json!([])));
    }
    let entities = given.json(entities);
    let units: Vec<u16> = raw.encode_utf16().collect();
    for entity in entities.as_array().into_iter().flatten() {
        let offset = entity["offset"].as_u64().unwrap_or(u64::MAX) as usize;
        let length = entity["length"].as_u64().unwrap_or(u64::MAX) as usize;
        let inside = offset
            .checked_add(length)
            .and_then(|end| units.get(offset..end))
            .is_some_and(|part| String::from_utf16(part).is_ok());
        if !inside {
            return Err(no(400, "Bad Request: can't parse entities: wrong offset"));
        }
    }
    Ok((raw.trim().to_owned(), entities))
}

fn html(raw: &str) -> Result<String, Answer> {
    let wrong = |what: &str| no(400, &format!("Bad Request: can't parse entities: {what}"));
    let mut text = String::new();
    let mut open = Vec::new();
    let mut rest = raw;
    while let Some((before, after)) = rest.split_once('<') {
        text.push_str(before);
        let Some((tag, after)) = after.split_once('>') else {
            return Err(wrong("unexpected end tag"));
        };
        match tag.strip_prefix('/') {
            Some(name) if open.pop() == Some(name) => {}
            Some(_) => return Err(wrong("unmatched end tag")),
            None => {
                let name = tag.split(' ').next().unwrap_or_default();
                let known = [
                    "b",
                    "i",
                    "u",
                    "s",
                    "a",
                    "code",
                    "pre",
                    "blockquote",
                    "strong",
                    "em",
                ];
                if !known.contains(&name) {
                    return Err(wrong(&format!("unsupported start tag \"{name}\"")));
                }
                open.push(name);
            }
        }
        rest = after;
    }
    text.push_str(rest);
    if open.is_empty() {
        return Ok(text
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&"));
    }
    Err(wrong("can't find end tag"))
}
