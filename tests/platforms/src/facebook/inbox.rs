//! Comments and conversations, as "Object Comments", "Comment", "Conversations", "Send
//! API", "Message Tags" and "Private Replies" describe them.

use serde_json::{Map, Value, json};

use super::{Facebook, PAGE, missing, no, parameters, text, written};
use crate::{Answer, Request};

const DAY: u64 = 24 * 60 * 60 * 1000;

/// A comment, by the Page or by somebody else.
#[derive(Clone, Debug, Default)]
pub struct Comment {
    pub id: String,
    /// The post, or the comment that it answers.
    pub on: String,
    pub by: String,
    pub text: String,
    pub at: u64,
    /// The address of a picture.
    pub photo: Option<String>,
    pub hidden: bool,
    pub liked: bool,
}

/// A message of a conversation.
#[derive(Clone, Debug, Default)]
pub struct Direct {
    pub id: String,
    /// The other side.
    pub with: String,
    pub ours: bool,
    pub text: String,
    pub at: u64,
    /// The address of a picture.
    pub photo: Option<String>,
    /// `messaging_type`, with the tag.
    pub sent_as: String,
    /// The comment that it answers privately.
    pub comment: Option<String>,
}

fn refused(permission: &str) -> Answer {
    let words = format!("(#200) Requires {permission} permission to manage the object.");
    no(403, 200, 0, &words)
}

/// One page of what there is, with the address of the next.
fn listed(request: &Request, all: Vec<Value>) -> Answer {
    let query = request.query();
    let number = |name: &str| query.get(name).and_then(|text| text.parse::<usize>().ok());
    let (start, limit) = (number("after").unwrap_or(0), number("limit").unwrap_or(25));
    let end = (start + limit).min(all.len());
    let mut body = json!({ "data": all.get(start..end).unwrap_or_default() });
    if end < all.len() {
        let mut next = request.url.clone();
        next.query_pairs_mut()
            .append_pair("access_token", "not-for-plugins")
            .append_pair("after", &end.to_string());
        body["paging"] = json!({ "cursors": { "after": end.to_string() }, "next": next.as_str() });
    }
    Answer::json(200, &body)
}

impl Facebook {
    /// Somebody comments on a post, or answers a comment.
    pub fn comments_by(&mut self, who: &str, on: &str, text: &str, at: u64) -> String {
        let id = format!("{}_{}", on.replace('_', "-"), self.id());
        self.comments.push(Comment {
            id: id.clone(),
            on: on.to_owned(),
            by: who.to_owned(),
            text: text.to_owned(),
            at,
            ..Comment::default()
        });
        id
    }

    /// Somebody writes to the Page.
    pub fn writes(&mut self, with: &str, text: &str, at: u64) -> String {
        let id = format!("m_{}", self.id());
        self.directs.push(Direct {
            id: id.clone(),
            with: with.to_owned(),
            text: text.to_owned(),
            at,
            ..Direct::default()
        });
        id
    }

    /// The post that a comment stands below, over all levels.
    fn root<'a>(&'a self, on: &'a str) -> &'a str {
        match self.comments.iter().find(|one| one.id == on) {
            Some(comment) => self.root(&comment.on),
            None => on,
        }
    }

    fn is_there(&self, id: &str) -> bool {
        self.timeline().iter().any(|post| post.id == id)
            || self.videos.get(id).is_some_and(|video| video.at.is_some())
            || self.comments.iter().any(|comment| comment.id == id)
    }

    pub(super) fn comment(&mut self, on: &str, request: &Request, now: u64) -> Answer {
        if self.lacks.contains(&"pages_manage_engagement") {
            return refused("pages_manage_engagement");
        }
        if !self.is_there(on) {
            return missing();
        }
        let text = text(&parameters(request), "message").unwrap_or_default();
        if text.trim().is_empty() || text.chars().count() > 8000 {
            return no(400, 100, 0, "(#100) Invalid parameter: message");
        }
        let id = self.comments_by(PAGE, on, &text, now);
        Answer::json(200, &json!({ "id": id }))
    }

    /// A comment as it is told.
    fn of(&self, comment: &Comment) -> Value {
        let mut told = json!({
            "id": comment.id, "message": comment.text, "created_time": written(comment.at),
            "permalink_url": format!("https://www.facebook.com/{}", comment.id),
        });
        if comment.by == PAGE || !self.lacks.contains(&"pages_read_user_content") {
            told["from"] = json!({ "id": comment.by, "name": format!("{} N.", comment.by) });
        }
        if self.root(&comment.on) != comment.on {
            told["parent"] = json!({ "id": comment.on });
        }
        if let Some(photo) = &comment.photo {
            told["attachment"] = json!({ "type": "photo", "url": "https://facebook.com/photo",
                                         "media": { "image": { "src": photo } } });
        }
        told
    }

    /// The newest of a post, as a field of it.
    pub(super) fn newest_comment(&self, post: &str) -> Value {
        let below = self
            .comments
            .iter()
            .filter(|one| self.root(&one.on) == post);
        let newest = below.max_by_key(|one| one.at);
        let told = newest.map(|one| json!({ "id": one.id, "created_time": written(one.at) }));
        json!({ "data": told.into_iter().collect::<Vec<_>>() })
    }

    pub(super) fn comments(&self, on: &str, request: &Request) -> Answer {
        if !self.is_there(on) {
            return missing();
        }
        let query = request.query();
        let stream = query.get("filter").map(String::as_str) == Some("stream");
        let since: u64 = query.get("since").map_or(0, |text| text.parse().unwrap());
        let below = self.comments.iter().filter(|one| match stream {
            true => self.root(&one.on) == on,
            false => one.on == on,
        });
        let mut below: Vec<&Comment> = below.filter(|one| one.at / 1000 > since).collect();
        below.sort_by_key(|one| one.at);
        if query.get("order").map(String::as_str) == Some("reverse_chronological") {
            below.reverse();
        }
        listed(request, below.into_iter().map(|one| self.of(one)).collect())
    }

    pub(super) fn hide(&mut self, id: &str, request: &Request) -> Answer {
        let hidden = parameters(request)
            .get("is_hidden")
            .and_then(Value::as_bool);
        let found = self.comments.iter_mut().find(|one| one.id == id);
        match (found, hidden) {
            // The Page's own can't be hidden.
            (Some(comment), Some(_)) if comment.by == PAGE => {
                no(400, 100, 0, "(#100) Comment can not be hidden")
            }
            (Some(comment), Some(hidden)) => {
                comment.hidden = hidden;
                Answer::json(200, &json!({ "success": true }))
            }
            (None, _) => missing(),
            (_, None) => no(400, 100, 0, "(#100) is_hidden is required"),
        }
    }

    pub(super) fn like(&mut self, id: &str) -> Answer {
        match self.comments.iter_mut().find(|one| one.id == id) {
            Some(comment) => {
                comment.liked = true;
                Answer::json(200, &json!({ "success": true }))
            }
            None => missing(),
        }
    }

    pub(super) fn conversations(&self, request: &Request) -> Answer {
        if self.lacks.contains(&"pages_messaging") {
            let words = "(#230) Requires pages_messaging permission to manage the object.";
            return no(403, 230, 0, words);
        }
        let query = request.query();
        assert_eq!(query["platform"], "messenger");
        let mut with: Vec<(u64, &str)> = Vec::new();
        for one in &self.directs {
            with.retain(|(_, who)| *who != one.with);
            with.push((one.at, &one.with));
        }
        if let Some(user) = query.get("user_id") {
            with.retain(|(_, who)| who == user);
        }
        with.sort_unstable();
        let told = with.into_iter().rev().map(|(updated, with)| {
            let messages = self.directs.iter().rev().filter(|one| one.with == with);
            let messages: Vec<Value> = messages.take(20).map(Self::of_direct).collect();
            json!({ "id": format!("t_{with}"), "updated_time": written(updated),
                    "messages": { "data": messages } })
        });
        listed(request, told.collect())
    }

    fn of_direct(one: &Direct) -> Value {
        let from = match one.ours {
            true => json!({ "id": PAGE, "name": "Çay evi" }),
            false => json!({ "id": one.with, "name": format!("{} N.", one.with) }),
        };
        let mut told = json!({ "id": one.id, "created_time": written(one.at), "from": from,
                               "message": one.text });
        if let Some(photo) = &one.photo {
            told["attachments"] = json!({ "data": [
                { "mime_type": "image/jpeg", "name": "a.jpg", "image_data": { "url": photo } },
            ] });
        }
        told
    }

    pub(super) fn send(&mut self, request: &Request, now: u64) -> Answer {
        if self.lacks.contains(&"pages_messaging") {
            let words = "(#230) Requires pages_messaging permission to manage the object.";
            return no(403, 230, 0, words);
        }
        let body = parameters(request);
        let known = |with: &str| self.directs.iter().any(|one| one.with == with);
        let to = &body["recipient"];
        if body.contains_key("sender_action") {
            let with = to["id"].as_str().unwrap().to_owned();
            if !known(&with) {
                return no(400, 100, 2_018_001, "(#100) No matching user found");
            }
            self.actions.push(Value::Object(body));
            return Answer::json(200, &json!({ "recipient_id": with }));
        }
        let words = body["message"]["text"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        if words.is_empty() || words.chars().count() > 2000 {
            let words = "(#100) Length of param message[text] must be less than or equal to 2000";
            return no(400, 100, 0, words);
        }
        let (with, comment) = match to["comment_id"].as_str() {
            Some(comment) => match self.privately(comment, now) {
                Ok(with) => (with, Some(comment.to_owned())),
                Err(answer) => return answer,
            },
            None => {
                let with = to["id"].as_str().unwrap_or_default().to_owned();
                if !known(&with) {
                    return no(400, 100, 2_018_001, "(#100) No matching user found");
                }
                (with, None)
            }
        };
        if self.blocked_by.contains(&with) {
            let words = "(#551) This person isn't available right now.";
            return no(400, 551, 1_545_041, words);
        }
        let sent_as = match self.allowed(&body, &with, comment.is_some(), now) {
            Ok(sent_as) => sent_as,
            Err(answer) => return answer,
        };
        let id = format!("m_{}", self.id());
        self.directs.push(Direct {
            id: id.clone(),
            with: with.clone(),
            ours: true,
            text: words,
            at: now,
            sent_as,
            comment,
            ..Direct::default()
        });
        Answer::json(200, &json!({ "recipient_id": with, "message_id": id }))
    }

    /// Who wrote a comment that may be answered by a message.
    fn privately(&self, comment: &str, now: u64) -> Result<String, Answer> {
        let Some(found) = self.comments.iter().find(|one| one.id == comment) else {
            return Err(missing());
        };
        let answered = |one: &Direct| one.comment.as_deref() == Some(comment);
        if self.directs.iter().any(answered) {
            return Err(no(400, 10_900, 0, "(#10900) Activity already replied to"));
        }
        if now > found.at + 7 * DAY {
            let words = "(#10901) The comment is too old to be replied to";
            return Err(no(400, 10_901, 0, words));
        }
        Ok(found.by.clone())
    }

    /// What a message is sent as, where it may be.
    fn allowed(
        &self,
        body: &Map<String, Value>,
        with: &str,
        private: bool,
        now: u64,
    ) -> Result<String, Answer> {
        let late = || {
            let words = "(#10) This message is sent outside of allowed window.";
            no(400, 10, 2_018_278, words)
        };
        let theirs = self
            .directs
            .iter()
            .filter(|one| !one.ours && one.with == with);
        let last = theirs.map(|one| one.at).max().unwrap_or_default();
        match (
            text(body, "messaging_type").as_deref(),
            text(body, "tag").as_deref(),
        ) {
            (Some("RESPONSE"), None) if private || now <= last + DAY => Ok("RESPONSE".into()),
            (Some("RESPONSE"), None) => Err(late()),
            (Some("MESSAGE_TAG"), Some("HUMAN_AGENT")) => {
                if self.lacks.contains(&"human_agent") {
                    return Err(no(400, 10, 0, "(#10) Requires Human Agent permission"));
                }
                match now <= last + 7 * DAY {
                    true => Ok("HUMAN_AGENT".into()),
                    false => Err(late()),
                }
            }
            _ => Err(no(
                400,
                100,
                0,
                "(#100) Param messaging_type or tag is invalid",
            )),
        }
    }
}
