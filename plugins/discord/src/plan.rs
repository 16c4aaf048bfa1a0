//! What a post becomes: messages, each sent in a step of its own.

use jarchi_plugin_sdk::http::Multipart;
use jarchi_plugin_sdk::{MediaItem, Post, compose, text};
use serde_json::{Value, json};

use crate::options::{Embed, Options, Settings};

/// Flags of a message ("Message Flags").
const SUPPRESS_EMBEDS: u64 = 1 << 2;
const SUPPRESS_NOTIFICATIONS: u64 = 1 << 12;
/// Characters of a thread's name ("Execute Webhook").
pub const THREAD_NAME: usize = 100;

/// One message.
#[derive(Debug)]
pub struct Unit<'a> {
    /// Where it stands in the post: `` for the post itself, else `thread[0].` or
    /// `first-comment`.
    pub place: String,
    pub text: String,
    pub media: Vec<&'a MediaItem>,
}

/// The messages of a post, in order.
pub fn units<'a>(post: &'a Post, options: &Options) -> Vec<Unit<'a>> {
    let mut units = Vec::new();
    for (index, (own, media)) in post.parts().enumerate() {
        let mut media: Vec<&MediaItem> = media.iter().collect();
        let (place, text) = match index {
            0 => {
                media.extend(card_picture(post, options));
                (String::new(), first_text(post, options))
            }
            _ => (format!("thread[{}].", index - 1), with_people(own, post)),
        };
        units.push(Unit { place, text, media });
    }
    units.extend(post.first_comment.as_deref().map(|comment| Unit {
        place: "first-comment".into(),
        text: with_people(comment, post),
        media: Vec::new(),
    }));
    units
}

/// Discord has no hashtags: only those that the text has itself stand there.
fn first_text(post: &Post, options: &Options) -> String {
    let worded = Post {
        text: post.text.clone(),
        link: post.link.clone().filter(|_| !has_card(post, options)),
        ..Post::default()
    };
    let mut text = compose::whole_text(&worded).into_owned();
    if let Some(warning) = post.content_warning.as_deref().map(str::trim)
        && !warning.is_empty()
    {
        text = format!("{warning}\n\n{text}");
    }
    // The question is not said twice.
    if post.poll.is_some() && options.question.is_none() {
        return String::new();
    }
    with_people(text.trim_end(), post)
}

/// A poll's question: the option, or the text.
pub fn question(post: &Post, options: &Options) -> String {
    let text = options.question.as_deref().unwrap_or(&post.text);
    text.trim().to_owned()
}

/// People whose number is known, as Discord writes them.
fn with_people(whole: &str, post: &Post) -> String {
    let mut out = String::with_capacity(whole.len());
    let mut from = 0;
    for span in text::mentions(whole) {
        let known = post
            .mentions
            .iter()
            .find(|mention| mention.handle.eq_ignore_ascii_case(&span.text[1..]))
            .and_then(|mention| mention.id.as_deref()?.parse::<u64>().ok());
        if let Some(id) = known {
            out.push_str(&whole[from..span.start]);
            out.push_str(&format!("<@{id}>"));
            from = span.end;
        }
    }
    out.push_str(&whole[from..]);
    out
}

fn has_card(post: &Post, options: &Options) -> bool {
    let titled = post.link.as_ref().is_some_and(|link| link.title.is_some());
    options.card.unwrap_or(titled) && post.link.is_some()
}

fn card_picture<'a>(post: &'a Post, options: &Options) -> Option<&'a MediaItem> {
    let link = post.link.as_ref().filter(|_| has_card(post, options))?;
    link.thumbnail.as_ref()
}

/// The cards of the first message.
pub fn embeds(post: &Post, options: &Options) -> Vec<Embed> {
    let mut embeds = options.embeds.clone();
    if let Some(link) = post.link.as_ref().filter(|_| has_card(post, options)) {
        embeds.insert(
            0,
            Embed {
                title: link.title.clone().or_else(|| Some(link.url.clone())),
                description: link.description.clone(),
                url: Some(link.url.clone()),
                image: card_picture(post, options)
                    .map(|item| format!("attachment://{}", file_name(item, false))),
                ..Embed::default()
            },
        );
    }
    embeds
}

/// The file's name; one with spaces could not be named by a card.
fn file_name(item: &MediaItem, covered: bool) -> String {
    let name: String = item
        .name
        .chars()
        .map(|c| match c {
            c if c.is_alphanumeric() || matches!(c, '.' | '-' | '_') => c,
            _ => '_',
        })
        .collect();
    // As Discord's own clients mark what is covered.
    if covered {
        format!("SPOILER_{name}")
    } else {
        name
    }
}

/// The JSON of a message, and its files.
pub fn body(
    settings: &Settings,
    post: &Post,
    options: &Options,
    unit: &Unit<'_>,
    opens_thread: bool,
) -> (Value, Option<Multipart>) {
    let first = unit.place.is_empty();
    let mut body = json!({ "allowed_mentions": options.mention.to_json() });
    let mut put = |name: &str, value: Value| body[name] = value;
    if !unit.text.is_empty() {
        put("content", unit.text.as_str().into());
    }
    for (name, value) in [
        (
            "username",
            options.username.as_ref().or(settings.username.as_ref()),
        ),
        (
            "avatar_url",
            options.avatar_url.as_ref().or(settings.avatar_url.as_ref()),
        ),
    ] {
        if let Some(value) = value {
            put(name, value.as_str().into());
        }
    }
    let mut flags = 0;
    if options.suppress_embeds {
        flags |= SUPPRESS_EMBEDS;
    }
    if options.silent {
        flags |= SUPPRESS_NOTIFICATIONS;
    }
    if flags > 0 {
        put("flags", flags.into());
    }
    if options.tts {
        put("tts", true.into());
    }
    if first {
        let embeds = embeds(post, options);
        if !embeds.is_empty() {
            put("embeds", json!(embeds));
        }
        if let Some(poll) = &post.poll {
            let answers: Vec<Value> = poll
                .options
                .iter()
                .map(|option| json!({ "poll_media": { "text": option } }))
                .collect();
            put(
                "poll",
                json!({
                    "question": { "text": question(post, options) },
                    "answers": answers,
                    "duration": hours(poll.open_for),
                    "allow_multiselect": poll.multiple,
                }),
            );
        }
    }
    if opens_thread {
        put("thread_name", thread_name(post, options).into());
        if !options.tags.is_empty() {
            put("applied_tags", json!(options.tags));
        }
    }
    if unit.media.is_empty() {
        return (body, None);
    }
    let covered = options.spoiler || post.sensitive;
    let card = card_picture(post, options)
        .filter(|_| first)
        .map(|item| &item.id);
    let mut form = Multipart::new();
    let mut attachments = Vec::new();
    for (index, item) in unit.media.iter().enumerate() {
        let covered = covered && card != Some(&item.id);
        let name = file_name(item, covered);
        let mut attachment = json!({ "id": index.to_string(), "filename": name });
        let alt = item.alt.as_deref().map(str::trim).unwrap_or_default();
        if !alt.is_empty() {
            attachment["description"] = alt.into();
        }
        attachments.push(attachment);
        form = form.media(&format!("files[{index}]"), &name, &item.mime, &item.id);
    }
    body["attachments"] = json!(attachments);
    form = form.text("payload_json", body.to_string());
    (body, Some(form))
}

/// Begun hours count.
pub fn hours(open_for: u64) -> u64 {
    open_for.div_ceil(3_600_000)
}

/// The name of the thread that a post opens in a forum.
pub fn thread_name(post: &Post, options: &Options) -> String {
    let line = |text: &str| {
        text.lines()
            .map(str::trim)
            .find(|line| !line.is_empty())
            .map(str::to_owned)
    };
    let named = options
        .thread_name
        .clone()
        .or_else(|| line(&post.text))
        .or_else(|| options.question.clone())
        .or_else(|| post.media.first().map(|item| item.name.clone()))
        .unwrap_or_default();
    text::shorten(named.trim(), THREAD_NAME, jarchi_plugin_sdk::count::chars)
}
