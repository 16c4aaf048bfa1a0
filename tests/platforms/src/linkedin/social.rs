//! Comments and reactions.

use serde_json::{Value, json};

use super::form::{body, fields, one_of, parameters, text};
use super::{LinkedIn, elements, error};
use crate::{Answer, Request};

/// A comment in the books.
#[derive(Clone, Debug)]
pub struct Comment {
    pub urn: String,
    pub id: u64,
    pub actor: String,
    /// The activity of the post.
    pub object: String,
    pub parent: Option<String>,
    pub text: String,
    pub created: u64,
}

impl LinkedIn {
    /// The activity of a post, whatever it is called by, and the post's author.
    fn thread(&self, urn: &str) -> Result<(String, String), Answer> {
        let activity = self.comments.iter().find(|comment| comment.urn == urn);
        let activity = activity.map_or(urn, |comment| comment.object.as_str());
        let named = |post: &&super::Post| {
            (post.urn == activity || post.activity == activity) && !post.deleted
        };
        let post = self.posts.iter().find(named);
        let post =
            post.ok_or_else(|| error(404, "NOT_FOUND", 0, &format!("Could not find {urn}")))?;
        Ok((post.activity.clone(), post.author.clone()))
    }

    /// Somebody comments, on the site.
    ///
    /// # Panics
    /// There is no such post.
    pub fn somebody_comments(&mut self, actor: &str, under: &str, text: &str, now: u64) -> Comment {
        let Ok((object, _)) = self.thread(under) else {
            panic!("no {under}")
        };
        let id = self.fresh();
        let comment = Comment {
            urn: format!("urn:li:comment:({object},{id})"),
            id,
            actor: actor.to_owned(),
            parent: under
                .starts_with("urn:li:comment:")
                .then(|| under.to_owned()),
            object,
            text: text.to_owned(),
            created: now,
        };
        self.comments.push(comment.clone());
        comment
    }

    fn told(&self, comment: &Comment) -> Value {
        let answers = self
            .comments
            .iter()
            .filter(|one| one.parent.as_ref() == Some(&comment.urn))
            .count();
        let mut told = json!({
            "id": comment.id.to_string(),
            "commentUrn": comment.urn,
            "actor": comment.actor,
            "object": comment.object,
            "message": { "text": comment.text, "attributes": [] },
            "created": { "actor": comment.actor, "time": comment.created },
            "lastModified": { "actor": comment.actor, "time": comment.created },
        });
        if let Some(parent) = &comment.parent {
            told["parentComment"] = json!(parent);
        }
        if answers > 0 {
            told["commentsSummary"] = json!({ "aggregatedTotalComments": answers });
        }
        told
    }

    pub(super) fn list_comments(&self, request: &Request, urn: &str) -> Result<Answer, Answer> {
        parameters(request, &[], &["start", "count"])?;
        let (activity, author) = self.thread(urn)?;
        self.may(false, &author)?;
        let parent = urn.starts_with("urn:li:comment:").then_some(urn);
        let told: Vec<Value> = self
            .comments
            .iter()
            .filter(|one| one.object == activity && one.parent.as_deref() == parent)
            .map(|one| self.told(one))
            .collect();
        Ok(elements(&told, request))
    }

    pub(super) fn create_comment(
        &mut self,
        request: &Request,
        urn: &str,
        now: u64,
    ) -> Result<Answer, Answer> {
        let body = body(request)?;
        fields(
            &body,
            &["actor", "object", "message"],
            &["parentComment", "content"],
        )?;
        fields(&body["message"], &["text"], &["attributes"])?;
        let words = text(&body["message"], "text")?;
        if words.trim().is_empty() || words.encode_utf16().count() > 1250 {
            return Err(error(
                400,
                "INVALID_FIELD",
                0,
                "/message/text :: 1 to 1250 characters",
            ));
        }
        let actor = text(&body, "actor")?.to_owned();
        self.may(true, &actor)?;
        let (activity, _) = self.thread(urn)?;
        if self.thread(text(&body, "object")?)?.0 != activity {
            return Err(error(400, "INVALID_FIELD", 0, "/object :: is another post"));
        }
        let parent = urn.starts_with("urn:li:comment:").then_some(urn);
        if body.get("parentComment").and_then(Value::as_str) != parent {
            return Err(error(
                400,
                "INVALID_FIELD",
                0,
                "/parentComment :: is not the comment of the path",
            ));
        }
        if self
            .comments
            .iter()
            .any(|one| Some(one.urn.as_str()) == parent && one.parent.is_some())
        {
            return Err(error(
                400,
                "INVALID_FIELD",
                0,
                "/parentComment :: is an answer itself",
            ));
        }
        let made = self.somebody_comments(&actor, urn, words, now);
        Ok(Answer::json(201, &self.told(&made)).header("x-restli-id", made.id))
    }

    pub(super) fn delete_comment(
        &mut self,
        request: &Request,
        urn: &str,
        id: &str,
    ) -> Result<Answer, Answer> {
        parameters(request, &[("actor", "")], &[])?;
        let (activity, author) = self.thread(urn)?;
        let actor = request.query()["actor"].clone();
        self.may(true, &actor)?;
        if actor != author {
            return Err(super::denied());
        }
        let before = self.comments.len();
        self.comments
            .retain(|one| one.object != activity || one.id.to_string() != id);
        match self.comments.len() < before {
            true => Ok(Answer::empty(204)),
            false => Err(error(404, "NOT_FOUND", 0, "no such comment")),
        }
    }

    pub(super) fn react(&mut self, request: &Request) -> Result<Answer, Answer> {
        parameters(request, &[("actor", "")], &[])?;
        let body = body(request)?;
        fields(&body, &["root", "reactionType"], &[])?;
        one_of(
            &body,
            "reactionType",
            &[
                "LIKE",
                "PRAISE",
                "EMPATHY",
                "INTEREST",
                "APPRECIATION",
                "ENTERTAINMENT",
            ],
        )?;
        let actor = request.query()["actor"].clone();
        self.may(true, &actor)?;
        let root = text(&body, "root")?.to_owned();
        self.thread(&root)?;
        if self.reactions.contains(&(actor.clone(), root.clone())) {
            return Err(error(409, "CONFLICT", 0, "The reaction exists"));
        }
        self.reactions.push((actor, root));
        Ok(Answer::empty(201))
    }

    pub(super) fn metadata(&self, urn: &str) -> Result<Answer, Answer> {
        let (activity, author) = self.thread(urn)?;
        self.may(false, &author)?;
        let likes = self
            .reactions
            .iter()
            .filter(|(_, root)| root == urn || *root == activity)
            .count();
        let comments = self
            .comments
            .iter()
            .filter(|one| one.object == activity)
            .count();
        Ok(Answer::json(
            200,
            &json!({
                "entity": activity,
                "reactionSummaries": { "LIKE": { "reactionType": "LIKE", "count": likes } },
                "commentSummary": { "count": comments, "topLevelCount": comments },
                "commentsState": "OPEN",
            }),
        ))
    }
}
