//! Comments on the author's own posts.

use std::collections::BTreeMap;

use jarchi_plugin_sdk::http::encode;
use jarchi_plugin_sdk::inbox::{Answer, Author, Finding, Kind, Message, Page};
use jarchi_plugin_sdk::{Account, Error, Receipt, Result, Timestamp, log};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::api::Api;
use crate::publish::{self, Lookup};
use crate::{check, errors};

/// Posts whose comments are read: the newest.
const POSTS: usize = 15;
/// Requests that one call may take of the host's 40.
const REQUESTS: usize = 36;
/// Comments of one page.
const COUNT: usize = 100;

/// How far each post was read.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Cursor {
    posts: BTreeMap<String, Seen>,
    /// The posts that the calls before did not get to.
    left: Vec<String>,
    /// The first of them, where it was begun.
    begun: Option<Begun>,
}

/// A post of which one call could not read all.
#[derive(Debug, Serialize, Deserialize)]
struct Begun {
    post: String,
    /// How many of its comments were read.
    comments: usize,
    newest: Seen,
}

/// The newest comments that were given, by their time.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Seen {
    time: Timestamp,
    /// Those of that very millisecond.
    urns: Vec<String>,
}

/// What a message remembers.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    /// The post.
    post: String,
    /// What the comment hangs on, by LinkedIn's own name (an activity).
    object: String,
    /// The comment's number under its object.
    number: String,
    /// The comment on top, which an answer must name.
    top: String,
}

fn denied(api: &Api) -> Error {
    Error::unsupported(format!(
        "the app may not read posts and comments of {} (scope {})",
        api.settings.author.as_deref().unwrap_or("the author"),
        if api.is_page() {
            "r_organization_social"
        } else {
            "r_member_social"
        }
    ))
}

/// Comments after the cursor, oldest first.
///
/// # Errors
/// By the table of errors; `Unsupported` where the app may not read.
pub fn fetch(account: &Account, cursor: Option<&str>) -> Result<Page> {
    let api = Api::of(account)?;
    let author = api.author()?;
    let before: Cursor = match cursor {
        Some(text) => serde_json::from_str(text)
            .map_err(|error| Error::invalid(format!("the cursor can't be read: {error}")))?,
        None => Cursor::default(),
    };
    let answer = publish::list(&api, author, 0, POSTS)?;
    if answer.status == 403 {
        return Err(denied(&api));
    }
    let posts = publish::elements(&errors::judged(answer)?)?;
    let urns = posts
        .iter()
        .filter_map(|post| post.get("id").and_then(Value::as_str));
    let (mut now, mut later): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    for urn in urns {
        let left = before.left.is_empty() || before.left.iter().any(|one| one == urn);
        if left { &mut now } else { &mut later }.push(urn);
    }
    // The one that was begun comes first.
    now.sort_by_key(|urn| before.left.iter().position(|one| one == urn));
    let mut requests = REQUESTS - 1;
    let mut after = Cursor::default();
    for urn in later {
        let seen = before.posts.get(urn).cloned().unwrap_or_default();
        after.posts.insert(urn.to_owned(), seen);
    }
    let mut messages: Vec<Message> = Vec::new();
    for urn in now {
        let seen = before.posts.get(urn).cloned().unwrap_or_default();
        if !after.left.is_empty() {
            after.left.push(urn.to_owned());
            after.posts.insert(urn.to_owned(), seen);
            continue;
        }
        let begun = before.begun.as_ref().filter(|begun| begun.post == urn);
        let from = begun.map_or(0, |begun| begun.comments);
        let whole = requests == REQUESTS - 1;
        let (comments, stopped) = of_post(&api, author, urn, from, &mut requests)?;
        let newest = advanced(begun.map_or(&seen, |begun| &begun.newest), &comments);
        messages.extend(
            comments
                .into_iter()
                .filter(|comment| is_new(&seen, comment)),
        );
        match stopped {
            Some(comments) if whole && comments == from => {
                log::warn!(post = urn; "it has more comments than can be read: they are passed over");
                after.posts.insert(urn.to_owned(), newest);
            }
            Some(comments) => {
                after.left.push(urn.to_owned());
                after.begun = Some(Begun {
                    post: urn.to_owned(),
                    comments,
                    newest,
                });
                after.posts.insert(urn.to_owned(), seen);
            }
            None => {
                after.posts.insert(urn.to_owned(), newest);
            }
        }
    }
    messages.sort_by(|one, other| (one.sent_at, &one.id).cmp(&(other.sent_at, &other.id)));
    let cursor =
        serde_json::to_string(&after).map_err(|error| Error::invalid(error.to_string()))?;
    Ok(Page {
        messages,
        more: !after.left.is_empty(),
        cursor: Some(cursor),
    })
}

fn is_new(seen: &Seen, message: &Message) -> bool {
    message.sent_at > seen.time
        || (message.sent_at == seen.time && !seen.urns.contains(&message.id))
}

fn advanced(seen: &Seen, comments: &[Message]) -> Seen {
    let newest = comments
        .iter()
        .map(|comment| comment.sent_at)
        .max()
        .unwrap_or_default();
    let mut after = if newest > seen.time {
        Seen {
            time: newest,
            urns: Vec::new(),
        }
    } else {
        seen.clone()
    };
    let same = comments
        .iter()
        .filter(|comment| comment.sent_at == after.time);
    for urn in same.map(|comment| &comment.id) {
        if !after.urns.contains(urn) {
            after.urns.push(urn.clone());
        }
    }
    after
}

/// The comments of others on a post and the answers to them, from one comment on; and
/// the comment with which to go on, when the requests are used up.
fn of_post(
    api: &Api,
    author: &str,
    post: &str,
    from: usize,
    left: &mut usize,
) -> Result<(Vec<Message>, Option<usize>)> {
    let mut messages = Vec::new();
    let Some(comments) = under(api, post, left)? else {
        return Ok((messages, Some(from)));
    };
    for (number, comment) in comments.iter().enumerate().skip(from) {
        let Some(urn) = text(comment, "commentUrn") else {
            continue;
        };
        let answers = comment.pointer("/commentsSummary/aggregatedTotalComments");
        if answers.and_then(Value::as_u64).unwrap_or_default() > 0 {
            let Some(answers) = under(api, urn, left)? else {
                return Ok((messages, Some(number)));
            };
            messages.extend(
                answers
                    .iter()
                    .filter_map(|answer| message(author, post, Some(urn), answer)),
            );
        }
        messages.extend(message(author, post, None, comment));
    }
    Ok((messages, None))
}

fn under(api: &Api, urn: &str, left: &mut usize) -> Result<Option<Vec<Value>>> {
    let mut all = Vec::new();
    loop {
        if *left == 0 {
            return Ok(None);
        }
        *left -= 1;
        let answer = errors::look(api.get(&format!(
            "/rest/socialActions/{}/comments?start={}&count={COUNT}",
            encode(urn),
            all.len()
        )))?;
        match answer.status {
            403 => return Err(denied(api)),
            // Deleted in between.
            404 | 410 => return Ok(Some(all)),
            _ => {}
        }
        let comments = publish::elements(&errors::judged(answer)?)?;
        let last = comments.len() < COUNT;
        all.extend(comments);
        if last {
            return Ok(Some(all));
        }
    }
}

fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name).and_then(Value::as_str)
}

fn message(author: &str, post: &str, top: Option<&str>, comment: &Value) -> Option<Message> {
    let urn = text(comment, "commentUrn")?;
    let actor = text(comment, "actor")?;
    if actor == author {
        return None;
    }
    let kept = Kept {
        post: post.to_owned(),
        object: text(comment, "object").unwrap_or(post).to_owned(),
        number: text(comment, "id")?.to_owned(),
        top: top.unwrap_or(urn).to_owned(),
    };
    Some(Message {
        id: urn.to_owned(),
        kind: Kind::Comment,
        author: Author {
            id: actor.to_owned(),
            handle: actor.rsplit(':').next().unwrap_or(actor).to_owned(),
            name: None,
            url: None,
        },
        text: comment
            .pointer("/message/text")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
        language: None,
        sent_at: comment.pointer("/created/time")?.as_u64()?,
        url: None,
        conversation: Some(post.to_owned()),
        in_reply_to: Some(text(comment, "parentComment").unwrap_or(post).to_owned()),
        attachments: Vec::new(),
        answer_by: None,
        data: Some(json!(kept).to_string()),
    })
}

fn kept(message: &Message) -> Result<Kept> {
    serde_json::from_str(message.data.as_deref().unwrap_or_default()).map_err(|error| {
        Error::invalid(format!(
            "comment `{}` is none of this connector's: {error}",
            message.id
        ))
    })
}

/// Answers a comment.
///
/// # Errors
/// By the table of errors.
pub fn reply(account: &Account, answer: &Answer) -> Result<Receipt> {
    let api = Api::of(account)?;
    let kept = kept(&answer.to)?;
    let length = jarchi_plugin_sdk::count::utf16(&answer.text);
    if length == 0 || length > check::COMMENT {
        return Err(Error::invalid(format!(
            "{length} characters; LinkedIn takes 1 to {} in a comment",
            check::COMMENT
        )));
    }
    let urn = publish::comment(&api, &kept.object, Some(&kept.top), &answer.text)?;
    Ok(Receipt::new(urn).url(api.address(&kept.post)))
}

/// Looks for an answer.
///
/// # Errors
/// LinkedIn did not tell.
pub fn find_reply(account: &Account, answer: &Answer, since: Timestamp) -> Result<Finding> {
    let api = Api::of(account)?;
    let kept = kept(&answer.to)?;
    Ok(
        match publish::find_comment(&api, &kept.top, &answer.text, since)? {
            Lookup::Found(urn, at) => Finding::Found(
                Receipt::new(urn)
                    .url(api.address(&kept.post))
                    .published_at(at),
            ),
            Lookup::Absent => Finding::Absent,
            Lookup::CannotTell(reason) => Finding::CannotTell(reason),
        },
    )
}

/// LinkedIn lets nobody hide a comment, but who owns the post may delete it.
///
/// # Errors
/// By the table of errors.
pub fn hide(account: &Account, message: &Message) -> Result<()> {
    let api = Api::of(account)?;
    let kept = kept(message)?;
    let path = format!(
        "/rest/socialActions/{}/comments/{}?actor={}",
        encode(&kept.object),
        encode(&kept.number),
        encode(api.author()?)
    );
    let answer = errors::look(api.request("DELETE", &path))?;
    if !matches!(answer.status, 404 | 410) {
        errors::judged(answer)?;
    }
    Ok(())
}

/// Likes a comment.
///
/// # Errors
/// By the table of errors.
pub fn like(account: &Account, message: &Message) -> Result<()> {
    let api = Api::of(account)?;
    let path = format!("/rest/reactions?actor={}", encode(api.author()?));
    let body = json!({ "root": message.id, "reactionType": "LIKE" });
    let answer = errors::look(api.post(&path).json(&body))?;
    // Liked already.
    if answer.status != 409 {
        errors::judged(answer)?;
    }
    Ok(())
}
