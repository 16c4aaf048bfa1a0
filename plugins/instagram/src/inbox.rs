//! Comments below the newest posts, and messages.
//!
//! Sources: "Comment Moderation", "Get Conversations" (the 20 newest messages of one are
//! told), "Send Messages" (within 24 hours of the other's last; 1000 bytes), "Private
//! Replies" (within 7 days of the comment, once).

use std::collections::BTreeMap;

use jarchi_plugin_sdk::graph::{self, List, Mark};
use jarchi_plugin_sdk::http::encode;
use jarchi_plugin_sdk::inbox::{Answer, Author, Finding, Kind, Message, Page};
use jarchi_plugin_sdk::{Error, Millis, Receipt, Result, Timestamp, count, log};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::api::{Answers, Api, Made, Me, Media, SKEW};
use crate::check::CAPTION;
use crate::find::same;

/// What is asked for of a comment.
pub const COMMENT: &str = "id,text,username,from,timestamp,parent_id";
/// Posts whose comments are read.
const POSTS: usize = 25;
/// Posts that one call reads the comments of; the host allows 40 requests.
const A_CALL: usize = 20;
const CONVERSATIONS: usize = 20;
const WINDOW: Millis = 24 * 60 * 60 * 1000;
/// Bytes of a message.
const MESSAGE: usize = 1000;

/// A comment.
#[derive(Clone, Debug, Deserialize)]
pub struct Comment {
    pub id: String,
    #[serde(default)]
    pub text: Option<String>,
    #[serde(default)]
    username: Option<String>,
    #[serde(default)]
    from: Option<Person>,
    #[serde(default)]
    timestamp: Option<String>,
    #[serde(default)]
    parent_id: Option<String>,
    #[serde(default)]
    replies: Option<List<Comment>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Person {
    #[serde(default)]
    id: String,
    #[serde(default)]
    username: Option<String>,
}

impl Comment {
    /// 0 where it is not told.
    pub fn moment(&self) -> Timestamp {
        self.timestamp
            .as_deref()
            .and_then(graph::moment)
            .unwrap_or_default()
    }

    fn name(&self) -> &str {
        let from = self.from.as_ref().and_then(|from| from.username.as_deref());
        self.username.as_deref().or(from).unwrap_or_default()
    }

    /// Whether it is the account's own.
    pub fn is_by(&self, me: &Me) -> bool {
        self.name() == me.username || self.from.as_ref().is_some_and(|from| from.id == me.id)
    }
}

#[derive(Debug, Deserialize)]
struct Conversation {
    id: String,
    #[serde(default)]
    messages: Option<List<Direct>>,
}

#[derive(Clone, Debug, Deserialize)]
struct Direct {
    id: String,
    #[serde(default)]
    created_time: Option<String>,
    #[serde(default)]
    from: Person,
    #[serde(default)]
    message: Option<String>,
}

impl Direct {
    fn moment(&self) -> Timestamp {
        self.created_time
            .as_deref()
            .and_then(graph::moment)
            .unwrap_or_default()
    }

    /// The two logins number the account differently in messages, so the name decides.
    fn is_by(&self, me: &Me) -> bool {
        self.from.id == me.id || self.from.username.as_deref() == Some(&me.username)
    }
}

/// Where reading goes on.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Cursor {
    /// By post: those that are not among the newest any more are forgotten.
    posts: BTreeMap<String, Comments>,
    messages: Mark,
}

/// The comments of a post that were read.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Comments {
    /// The post's own count of them.
    count: i64,
    #[serde(flatten)]
    mark: Mark,
}

/// What a message needs to be answered.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Data {
    /// The comment that answers go below: Instagram has one level of them.
    parent: Option<String>,
    /// Who a message is sent to.
    recipient: Option<String>,
}

fn data(message: &Message) -> Data {
    let text = message.data.as_deref().unwrap_or("{}");
    serde_json::from_str(text).unwrap_or_default()
}

/// Comments and messages after the cursor.
///
/// # Errors
/// Instagram did not tell.
pub fn fetch(api: &Api, cursor: Option<&str>) -> Result<Page> {
    let mut cursor: Cursor = cursor.map_or_else(Cursor::default, |cursor| {
        serde_json::from_str(cursor).unwrap_or_default()
    });
    let me = api.me()?;
    let mut messages = Vec::new();
    let more = comments(api, &me, &mut cursor, &mut messages)?;
    match directs(api, &me, &mut cursor.messages, &mut messages) {
        Ok(()) => {}
        Err(error @ Error::RateLimited(_)) => return Err(error),
        // An account may be connected for comments alone.
        Err(error) => log::warn!(reason = error.reason(); "messages could not be read"),
    }
    messages.sort_by_key(|message| message.sent_at);
    let cursor =
        serde_json::to_string(&cursor).map_err(|error| Error::invalid(error.to_string()))?;
    Ok(Page {
        messages,
        cursor: Some(cursor),
        more,
    })
}

fn comments(api: &Api, me: &Me, cursor: &mut Cursor, into: &mut Vec<Message>) -> Result<bool> {
    let request = api.graph.get(&api.below("media")?);
    let request = request
        .query("fields", "id,permalink,comments_count")
        .query("limit", POSTS);
    let posts: List<Media> = graph::read(request)?.json()?;
    cursor
        .posts
        .retain(|id, _| posts.data.iter().any(|post| post.id == *id));
    let mut left = A_CALL;
    for post in &posts.data {
        let count = post.comments_count.unwrap_or_default();
        let mut read = cursor.posts.get(&post.id).cloned().unwrap_or_default();
        if read.count == count {
            continue;
        }
        if left == 0 {
            return Ok(true);
        }
        left -= 1;
        let request = api.graph.get(&format!("/{}/comments", encode(&post.id)));
        let request = request
            .query("fields", format!("{COMMENT},replies{{{COMMENT}}}"))
            .query("limit", 50);
        let list: List<Comment> = graph::read(request)?.json()?;
        let before = read.mark.clone();
        for comment in &list.data {
            let replies = comment.replies.iter().flat_map(|replies| &replies.data);
            for (one, parent) in std::iter::once((comment, None))
                .chain(replies.map(|reply| (reply, Some(comment.id.as_str()))))
            {
                if !one.is_by(me) && before.is_new(&one.id, one.moment()) {
                    into.push(of_comment(post, one, parent));
                }
                read.mark.see(&one.id, one.moment());
            }
        }
        read.count = count;
        cursor.posts.insert(post.id.clone(), read);
    }
    Ok(false)
}

fn of_comment(post: &Media, comment: &Comment, parent: Option<&str>) -> Message {
    let name = comment.name().to_owned();
    let parent = parent.or(comment.parent_id.as_deref());
    let from = comment.from.clone().unwrap_or_default();
    Message {
        id: comment.id.clone(),
        kind: Kind::Comment,
        author: Author {
            id: if from.id.is_empty() {
                name.clone()
            } else {
                from.id
            },
            url: Some(format!("https://www.instagram.com/{}/", encode(&name))),
            handle: name,
            name: None,
        },
        text: comment.text.clone().unwrap_or_default(),
        language: None,
        sent_at: comment.moment(),
        url: post.permalink.clone(),
        conversation: Some(post.id.clone()),
        in_reply_to: Some(parent.map_or_else(|| post.id.clone(), str::to_owned)),
        attachments: Vec::new(),
        answer_by: None,
        data: Some(json!({ "parent": parent.unwrap_or(&comment.id) }).to_string()),
    }
}

fn conversations(api: &Api) -> Result<Vec<Conversation>> {
    let request = api.messenger("GET", "conversations")?;
    let fields = "id,updated_time,messages.limit(20){id,created_time,from,message}";
    let request = request
        .query("platform", "instagram")
        .query("fields", fields)
        .query("limit", CONVERSATIONS);
    Ok(graph::read(request)?.json::<List<Conversation>>()?.data)
}

fn directs(api: &Api, me: &Me, mark: &mut Mark, into: &mut Vec<Message>) -> Result<()> {
    let before = mark.clone();
    for conversation in conversations(api)? {
        for message in conversation.messages.into_iter().flat_map(|list| list.data) {
            let moment = message.moment();
            if !message.is_by(me) && before.is_new(&message.id, moment) {
                into.push(Message {
                    kind: Kind::DirectMessage,
                    author: Author {
                        id: message.from.id.clone(),
                        handle: message.from.username.clone().unwrap_or_default(),
                        name: None,
                        url: None,
                    },
                    text: message.message.clone().unwrap_or_default(),
                    language: None,
                    sent_at: moment,
                    url: None,
                    conversation: Some(conversation.id.clone()),
                    in_reply_to: None,
                    attachments: Vec::new(),
                    answer_by: Some(moment + WINDOW),
                    data: Some(json!({ "recipient": message.from.id }).to_string()),
                    id: message.id.clone(),
                });
            }
            mark.see(&message.id, moment);
        }
    }
    Ok(())
}

fn is_private(api: &Api, message: &Message) -> bool {
    message.kind == Kind::DirectMessage || api.settings.answer_comments == Answers::Private
}

/// Answers a comment or a message.
///
/// # Errors
/// Instagram refused, or the outcome is not known.
pub fn reply(api: &Api, answer: &Answer) -> Result<Receipt> {
    if !is_private(api, &answer.to) {
        if count::chars(&answer.text) > CAPTION {
            return Err(Error::invalid(format!(
                "a comment has at most {CAPTION} characters"
            )));
        }
        let parent = data(&answer.to)
            .parent
            .unwrap_or_else(|| answer.to.id.clone());
        let request = api.graph.post(&format!("/{}/replies", encode(&parent)));
        let request = request.json(&json!({ "message": answer.text }));
        return Ok(Receipt::new(graph::commit(request)?.json::<Made>()?.id));
    }
    if answer.text.len() > MESSAGE {
        return Err(Error::invalid(format!(
            "a message has at most {MESSAGE} bytes"
        )));
    }
    let recipient = match answer.to.kind {
        Kind::DirectMessage => json!({ "id": recipient(&answer.to) }),
        _ => json!({ "comment_id": answer.to.id }),
    };
    #[derive(Deserialize)]
    struct Sent {
        message_id: String,
    }
    let body = json!({ "recipient": recipient, "message": { "text": answer.text } });
    let request = api.messenger("POST", "messages")?.json(&body);
    Ok(Receipt::new(
        graph::commit(request)?.json::<Sent>()?.message_id,
    ))
}

fn recipient(message: &Message) -> String {
    data(message)
        .recipient
        .unwrap_or_else(|| message.author.id.clone())
}

/// Looks for an answer.
///
/// # Errors
/// Instagram did not tell.
pub fn find_reply(api: &Api, answer: &Answer, since: Timestamp) -> Result<Finding> {
    let me = api.me()?;
    let oldest = since.saturating_sub(SKEW);
    if is_private(api, &answer.to) {
        let messages = conversations(api)?
            .into_iter()
            .flat_map(|conversation| conversation.messages);
        let ours = messages.flat_map(|list| list.data).find(|message| {
            message.is_by(&me)
                && message.moment() >= oldest
                && same(message.message.as_deref(), &answer.text)
        });
        return Ok(match ours {
            Some(message) => Finding::Found(Receipt::new(message.id)),
            None => Finding::Absent,
        });
    }
    let parent = data(&answer.to)
        .parent
        .unwrap_or_else(|| answer.to.id.clone());
    let request = api.graph.get(&format!("/{}/replies", encode(&parent)));
    let request = request.query("fields", COMMENT).query("limit", 50);
    let mut pages = graph::pages::<Comment>(request, 4);
    for page in pages.by_ref() {
        let ours = page?.into_iter().find(|comment| {
            comment.is_by(&me)
                && comment.moment() >= oldest
                && same(comment.text.as_deref(), &answer.text)
        });
        if let Some(ours) = ours {
            return Ok(Finding::Found(Receipt::new(ours.id)));
        }
    }
    Ok(match pages.more() {
        false => Finding::Absent,
        true => Finding::CannotTell("there are too many answers to look through".into()),
    })
}

fn act(api: &Api, message: &Message, action: &str, payload: Option<Value>) -> Result<()> {
    let mut body = json!({ "recipient": { "id": recipient(message) }, "sender_action": action });
    if let Some(payload) = payload {
        body["payload"] = payload;
    }
    graph::read(api.messenger("POST", "messages")?.json(&body)).map(drop)
}

/// Shows the others that their messages were read. Comments have no such mark.
///
/// # Errors
/// Instagram refused.
pub fn mark_read(api: &Api, messages: &[Message]) -> Result<()> {
    let mut seen: Vec<String> = Vec::new();
    for message in messages
        .iter()
        .filter(|message| message.kind == Kind::DirectMessage)
    {
        let who = recipient(message);
        if !seen.contains(&who) {
            act(api, message, "mark_seen", None)?;
            seen.push(who);
        }
    }
    Ok(())
}

/// Hides a comment.
///
/// # Errors
/// Instagram refused, or it is a message.
pub fn hide(api: &Api, message: &Message) -> Result<()> {
    if message.kind != Kind::Comment {
        return Err(Error::unsupported("a message is seen by nobody else"));
    }
    let request = api.graph.post(&format!("/{}", encode(&message.id)));
    graph::read(request.json(&json!({ "hide": true }))).map(drop)
}

/// Reacts to a message with a heart.
///
/// # Errors
/// Instagram refused; of comments its API likes none.
pub fn like(api: &Api, message: &Message) -> Result<()> {
    if message.kind != Kind::DirectMessage {
        return Err(Error::unsupported("Instagram's API likes no comments"));
    }
    let payload = json!({ "message_id": message.id, "reaction": "love" });
    act(api, message, "react", Some(payload))
}
