//! Comments, and the answers to them.
//!
//! Sources: "Object Comments" (`filter=stream` lists answers as well, `order`, `since`),
//! "Comment" (`is_hidden`, `parent`), "Comment Likes". Who wrote a comment is told to apps
//! with `pages_read_user_content`.

use std::collections::BTreeMap;

use jarchi_plugin_sdk::graph::{self, Graph, List, Mark};
use jarchi_plugin_sdk::http::encode;
use jarchi_plugin_sdk::inbox::{Answer, Attachment, Author, Finding, Kind, Message};
use jarchi_plugin_sdk::{Error, MediaKind, Millis, Receipt, Result, Timestamp, count, log};
use serde::Deserialize;
use serde_json::json;

use super::Data;
use crate::api::{Answers, Api, Made};
use crate::find::same;

/// Posts whose comments are read.
const POSTS: usize = 25;
/// Requests for comments in one call; the host allows 40 in all.
const A_CALL: usize = 20;
/// Comments of one answer.
const A_PAGE: usize = 50;
/// Pages that are looked through for an answer.
const PAGES: usize = 5;
/// Characters of a comment.
pub const COMMENT: usize = 8_000;
/// "Private Replies": so long after the comment.
const PRIVATELY: Millis = 7 * 24 * 60 * 60 * 1000;
const FIELDS: &str = "id,message,created_time,from{id,name},parent{id},permalink_url,\
                      attachment{type,url,media}";

#[derive(Debug, Deserialize)]
struct Post {
    id: String,
    #[serde(default)]
    comments: Option<List<Comment>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Comment {
    id: String,
    message: String,
    created_time: String,
    from: Option<Person>,
    parent: Option<Person>,
    permalink_url: Option<String>,
    attachment: Option<Attached>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Person {
    id: String,
    name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Attached {
    #[serde(rename = "type")]
    kind: String,
    url: String,
    media: Media,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Media {
    image: Option<Image>,
    source: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Image {
    src: String,
}

impl Comment {
    /// 0 where it is not told.
    fn moment(&self) -> Timestamp {
        graph::moment(&self.created_time).unwrap_or_default()
    }

    fn is_by(&self, page: &str) -> bool {
        self.from.as_ref().is_some_and(|from| from.id == page)
    }
}

impl Attached {
    /// Links that somebody shares are no files.
    fn file(self) -> Option<Attachment> {
        let (kind, url) = match self.kind.as_str() {
            kind if kind.starts_with("video") => {
                (MediaKind::Video, self.media.source.unwrap_or(self.url))
            }
            kind if kind.starts_with("animated_image") => (
                MediaKind::Gif,
                self.media.image.map_or(self.url, |image| image.src),
            ),
            "photo" | "sticker" => (
                MediaKind::Image,
                self.media.image.map_or(self.url, |image| image.src),
            ),
            _ => return None,
        };
        Some(Attachment {
            kind,
            url,
            alt: None,
        })
    }
}

/// Reads on, oldest first; whether there is more at once.
pub(super) fn read(
    api: &Api,
    own: &Graph,
    marks: &mut BTreeMap<String, Mark>,
    into: &mut Vec<Message>,
) -> Result<bool> {
    let page = api.page()?;
    let newest = "comments.filter(stream).order(reverse_chronological).limit(1){id,created_time}";
    let request = own
        .get(&api.below("published_posts")?)
        .query("fields", format!("id,{newest}"))
        .query("limit", POSTS);
    let posts: List<Post> = graph::read(request)?.json()?;
    marks.retain(|id, _| posts.data.iter().any(|post| post.id == *id));
    let (mut left, mut nameless) = (A_CALL, 0);
    let mut more = false;
    for post in &posts.data {
        let newest = post.comments.as_ref().and_then(|list| list.data.first());
        let mark = marks.entry(post.id.clone()).or_default();
        let Some(newest) = newest.filter(|one| mark.is_new(&one.id, one.moment())) else {
            continue;
        };
        if left == 0 {
            return Ok(true);
        }
        let mut request = own
            .get(&format!("/{}/comments", encode(&post.id)))
            .query("fields", FIELDS)
            .query("filter", "stream")
            .query("order", "chronological")
            .query("limit", A_PAGE);
        if mark.newest > 0 {
            // Whether that second is among them is not said: those that are known are
            // passed over.
            request = request.query("since", (mark.newest / 1000).saturating_sub(1));
        }
        let before = mark.clone();
        let mut pages = graph::pages::<Comment>(request, left);
        for list in pages.by_ref() {
            left -= 1;
            for comment in list? {
                let moment = comment.moment();
                mark.see(&comment.id, moment);
                if !before.is_new(&comment.id, moment) || comment.is_by(page) {
                    continue;
                }
                match comment.from {
                    Some(_) => into.push(message(api, post, comment)),
                    // It may be our own.
                    None => nameless += 1,
                }
            }
        }
        match pages.more() {
            true => more = true,
            false => mark.see(&newest.id, newest.moment()),
        }
    }
    if nameless > 0 {
        log::warn!(
            comments = nameless;
            "Facebook does not tell who wrote comments, so they are passed over: \
             the permission pages_read_user_content is missing"
        );
    }
    Ok(more)
}

fn message(api: &Api, post: &Post, comment: Comment) -> Message {
    let moment = comment.moment();
    let from = comment.from.unwrap_or_default();
    let parent = comment.parent.map(|parent| parent.id);
    let private = api.settings.answer_comments == Answers::Private;
    Message {
        kind: Kind::Comment,
        author: Author {
            handle: from.name.clone().unwrap_or_default(),
            id: from.id,
            name: from.name,
            url: None,
        },
        text: comment.message,
        language: None,
        sent_at: moment,
        url: comment.permalink_url,
        conversation: Some(post.id.clone()),
        in_reply_to: Some(parent.clone().unwrap_or_else(|| post.id.clone())),
        attachments: comment
            .attachment
            .and_then(Attached::file)
            .into_iter()
            .collect(),
        answer_by: private.then_some(moment + PRIVATELY),
        data: Data {
            parent,
            recipient: None,
        }
        .written(),
        id: comment.id,
    }
}

/// Answers stand below the first comment: there is one level of them.
fn below(message: &Message) -> String {
    let parent = Data::of(message)
        .parent
        .unwrap_or_else(|| message.id.clone());
    format!("/{}/comments", encode(&parent))
}

pub(super) fn reply(api: &Api, answer: &Answer) -> Result<Receipt> {
    let length = count::chars(&answer.text);
    if length > COMMENT {
        return Err(Error::invalid(format!(
            "{length} characters; a comment has at most {COMMENT}"
        )));
    }
    let request = api.own()?.post(&below(&answer.to));
    let request = request.json(&json!({ "message": answer.text }));
    Ok(Receipt::new(graph::commit(request)?.json::<Made>()?.id))
}

pub(super) fn find(api: &Api, answer: &Answer, oldest: Timestamp) -> Result<Finding> {
    let list = below(&answer.to);
    Ok(match ours(api, &api.own()?, &list, &answer.text, oldest)? {
        Ours::There(id) => Finding::Found(Receipt::new(id)),
        Ours::Absent => Finding::Absent,
        Ours::TooMany => Finding::CannotTell("there are too many answers to look through".into()),
    })
}

/// Whether a comment of the Page is there.
pub enum Ours {
    There(String),
    Absent,
    /// Not found among the newest, and there are more.
    TooMany,
}

/// Looks for a comment of the Page by its words, among those that are not older.
///
/// # Errors
/// Facebook did not tell.
pub fn ours(api: &Api, own: &Graph, list: &str, text: &str, oldest: Timestamp) -> Result<Ours> {
    let page = api.page()?;
    let request = own
        .get(list)
        .query("fields", "id,message,created_time,from")
        .query("order", "reverse_chronological")
        .query("limit", 100);
    let mut pages = graph::pages::<Comment>(request, PAGES);
    for list in pages.by_ref() {
        for comment in list? {
            if graph::moment(&comment.created_time).is_some_and(|moment| moment < oldest) {
                return Ok(Ours::Absent);
            }
            // Who wrote it is not told to every app; the words have to do then.
            let by_us = comment.from.is_none() || comment.is_by(page);
            if by_us && same(Some(&comment.message), text) {
                return Ok(Ours::There(comment.id));
            }
        }
    }
    Ok(match pages.more() {
        true => Ours::TooMany,
        false => Ours::Absent,
    })
}

/// Hides a comment: its writer and their friends still see it.
///
/// # Errors
/// Facebook refused, or it is a message.
pub fn hide(api: &Api, message: &Message) -> Result<()> {
    if message.kind != Kind::Comment {
        return Err(Error::unsupported("a message is seen by nobody else"));
    }
    let request = api.own()?.post(&format!("/{}", encode(&message.id)));
    graph::read(request.json(&json!({ "is_hidden": true }))).map(drop)
}

/// Likes a comment in the Page's name.
///
/// # Errors
/// Facebook refused, or it is a message.
pub fn like(api: &Api, message: &Message) -> Result<()> {
    if message.kind != Kind::Comment {
        return Err(Error::unsupported("Messenger's API likes no messages"));
    }
    let path = format!("/{}/likes", encode(&message.id));
    graph::read(api.own()?.post(&path)).map(drop)
}
