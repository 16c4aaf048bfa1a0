//! Comments, and answers below them ("commentThreads" and "comments").

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{CHANNEL, YouTube, no, time};
use crate::Answer;

/// Answers that a thread tells itself.
const TOLD: usize = 2;

/// A comment under a video, or an answer to one.
#[derive(Clone, Debug, PartialEq)]
pub struct Comment {
    pub id: String,
    pub video: String,
    pub text: String,
    /// The channel that wrote it.
    pub author: String,
    /// The comment that it answers.
    pub parent: Option<String>,
    pub at: u64,
    /// `published`, or what the channel's owner made of it.
    pub status: String,
}

impl Comment {
    fn shown(&self) -> Value {
        json!({ "id": self.id, "snippet": {
            "textOriginal": self.text, "textDisplay": self.text,
            "authorDisplayName": format!("@{}", self.author),
            "authorChannelId": { "value": self.author },
            "publishedAt": time(self.at), "videoId": self.video, "parentId": self.parent,
        }})
    }
}

fn page(items: &[Value], query: &BTreeMap<String, String>) -> Answer {
    let from: usize = query.get("pageToken").map_or(0, |at| at.parse().unwrap());
    let count: usize = query.get("maxResults").map_or(20, |at| at.parse().unwrap());
    let shown: Vec<&Value> = items.iter().skip(from).take(count).collect();
    let mut answer = json!({ "items": shown });
    if from + count < items.len() {
        answer["nextPageToken"] = json!((from + count).to_string());
    }
    Answer::json(200, &answer)
}

impl YouTube {
    /// Somebody comments, or answers a comment.
    pub fn comment(
        &mut self,
        author: &str,
        video: &str,
        parent: Option<&str>,
        text: &str,
        at: u64,
    ) -> Comment {
        let comment = Comment {
            id: self.id("Ug"),
            video: video.into(),
            text: text.into(),
            author: author.into(),
            parent: parent.map(str::to_owned),
            at,
            status: "published".into(),
        };
        self.comments.push(comment.clone());
        comment
    }

    fn below<'a>(&'a self, top: &'a str) -> impl Iterator<Item = &'a Comment> {
        self.comments
            .iter()
            .filter(move |one| one.parent.as_deref() == Some(top) && one.status == "published")
    }

    fn thread(&self, top: &Comment) -> Value {
        let below: Vec<Value> = self.below(&top.id).map(Comment::shown).collect();
        let told = &below[..below.len().min(TOLD)];
        let mut thread = json!({ "id": top.id, "snippet": {
            "videoId": top.video, "topLevelComment": top.shown(),
            "totalReplyCount": below.len(),
        }});
        if !told.is_empty() {
            thread["replies"] = json!({ "comments": told });
        }
        thread
    }

    pub(super) fn threads(&self, query: &BTreeMap<String, String>) -> Answer {
        if query
            .get("allThreadsRelatedToChannelId")
            .is_some_and(|channel| channel != CHANNEL)
        {
            return no(404, "channelNotFound", "The channel cannot be found.");
        }
        let video = query.get("videoId");
        let mut tops: Vec<&Comment> = self
            .comments
            .iter()
            .filter(|one| one.parent.is_none() && one.status == "published")
            .filter(|one| video.is_none_or(|video| *video == one.video))
            .collect();
        tops.sort_by_key(|one| std::cmp::Reverse(one.at));
        let threads: Vec<Value> = tops.into_iter().map(|one| self.thread(one)).collect();
        page(&threads, query)
    }

    pub(super) fn begin_thread(&mut self, body: &Value, now: u64) -> Answer {
        let id = body["snippet"]["videoId"].as_str().unwrap();
        let text = &body["snippet"]["topLevelComment"]["snippet"]["textOriginal"];
        let Some(video) = self.video(id) else {
            return no(404, "videoNotFound", "The video cannot be found.");
        };
        let status = &video.body["status"];
        if status["privacyStatus"] == "private" || status["selfDeclaredMadeForKids"] == true {
            return no(403, "commentsDisabled", "The video has disabled comments.");
        }
        let comment = self.comment(CHANNEL, id, None, text.as_str().unwrap(), now);
        Answer::json(200, &self.thread(&comment))
    }

    pub(super) fn replies(&self, query: &BTreeMap<String, String>) -> Answer {
        let below = self.below(&query["parentId"]);
        let below: Vec<Value> = below.map(Comment::shown).collect();
        page(&below, query)
    }

    pub(super) fn reply(&mut self, body: &Value, now: u64) -> Answer {
        let parent = body["snippet"]["parentId"].as_str().unwrap();
        let text = body["snippet"]["textOriginal"].as_str().unwrap();
        let top = self.comments.iter().find(|one| one.id == parent);
        // Only a comment on top takes answers.
        let Some(top) = top.filter(|top| top.parent.is_none()).cloned() else {
            return no(404, "parentCommentNotFound", "The comment cannot be found.");
        };
        let made = self.comment(CHANNEL, &top.video, Some(parent), text, now);
        Answer::json(200, &made.shown())
    }

    pub(super) fn moderate(&mut self, query: &BTreeMap<String, String>) -> Answer {
        let comment = self.comments.iter_mut().find(|one| one.id == query["id"]);
        let Some(comment) = comment else {
            return no(404, "commentNotFound", "The comment cannot be found.");
        };
        comment.status = query["moderationStatus"].clone();
        Answer::empty(204)
    }
}
