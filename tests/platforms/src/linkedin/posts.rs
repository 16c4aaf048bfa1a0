//! Posts.

use serde_json::{Value, json};

use super::form::{body, fields, finder, flag, one_of, parameters, short, text};
use super::{LinkedIn, elements, error};
use crate::{Answer, Request};

/// A post in the books.
#[derive(Clone, Debug)]
pub struct Post {
    pub urn: String,
    pub activity: String,
    pub author: String,
    /// As people see it: cut where a reserved character was not escaped.
    pub shown: String,
    pub body: Value,
    pub created: u64,
    pub deleted: bool,
}

/// The most characters that are shown.
const MOST: usize = 3000;

/// Little text as people see it. A reserved character that is neither escaped nor part of
/// an element ends it, without an error.
pub fn shown(little: &str) -> String {
    let mut seen = String::new();
    let mut rest = little;
    while let Some(first) = rest.chars().next() {
        let after = &rest[first.len_utf8()..];
        if first == '\\' {
            let Some(next) = after.chars().next() else {
                break;
            };
            seen.push(next);
            rest = &after[next.len_utf8()..];
        } else if first == '#' && after.starts_with(char::is_alphanumeric) {
            seen.push('#');
            rest = after;
        } else if let Some((words, length)) = mention(rest) {
            seen.push_str(&words);
            rest = &rest[length..];
        } else if r"|{}@[]()<>#*_~".contains(first) {
            break;
        } else {
            seen.push(first);
            rest = after;
        }
        if seen.encode_utf16().count() >= MOST {
            break;
        }
    }
    seen
}

fn mention(rest: &str) -> Option<(String, usize)> {
    let (name, after) = rest.strip_prefix("@[")?.split_once("](")?;
    let (urn, _) = after.split_once(')')?;
    ["urn:li:person:", "urn:li:organization:"]
        .iter()
        .find(|kind| urn.starts_with(**kind))?;
    Some((format!("@{}", shown(name)), name.len() + urn.len() + 5))
}

impl LinkedIn {
    fn check_content(&self, content: &Value) -> Result<(), Answer> {
        let kinds = content.as_object().map(|kinds| kinds.len());
        if kinds != Some(1) {
            return Err(error(
                422,
                "INVALID_FIELD",
                0,
                "/content :: exactly one member of the union",
            ));
        }
        fields(content, &[], &["media", "multiImage", "article", "poll"])?;
        if let Some(media) = content.get("media") {
            fields(media, &["id"], &["altText", "title"])?;
            let urn = self.usable(text(media, "id")?)?;
            let video = urn.starts_with("urn:li:video:") || urn.starts_with("urn:li:document:");
            if video {
                short(media, "title", 400)?;
            }
            if media.get("altText").is_some() {
                short(media, "altText", 4086)?;
            }
        }
        if let Some(multi) = content.get("multiImage") {
            fields(multi, &["images"], &["altText"])?;
            let images = multi["images"].as_array().cloned().unwrap_or_default();
            if !(2..=20).contains(&images.len()) {
                return Err(error(
                    422,
                    "INVALID_FIELD",
                    0,
                    "/content/multiImage/images :: 2 to 20",
                ));
            }
            for image in &images {
                fields(image, &["id"], &["altText"])?;
                let urn = self.usable(text(image, "id")?)?;
                if !urn.starts_with("urn:li:image:") {
                    return Err(error(
                        422,
                        "INVALID_FIELD",
                        0,
                        &format!("{urn} is no image"),
                    ));
                }
            }
        }
        if let Some(article) = content.get("article") {
            let optional = ["description", "thumbnail", "thumbnailAltText"];
            fields(article, &["source", "title"], &optional)?;
            short(article, "title", 400)?;
            if article.get("thumbnail").is_some() {
                self.usable(text(article, "thumbnail")?)?;
            }
        }
        if let Some(poll) = content.get("poll") {
            fields(poll, &["question", "options", "settings"], &[])?;
            short(poll, "question", 140)?;
            let options = poll["options"].as_array().cloned().unwrap_or_default();
            if !(2..=4).contains(&options.len()) {
                return Err(error(
                    422,
                    "INVALID_FIELD",
                    0,
                    "/content/poll/options :: 2 to 4",
                ));
            }
            for option in &options {
                fields(option, &["text"], &[])?;
                short(option, "text", 30)?;
            }
            fields(
                &poll["settings"],
                &["duration"],
                &["voteSelectionType", "isVoterVisibleToAuthor"],
            )?;
            one_of(
                &poll["settings"],
                "duration",
                &["ONE_DAY", "THREE_DAYS", "SEVEN_DAYS", "FOURTEEN_DAYS"],
            )?;
        }
        Ok(())
    }

    /// A file that is ready.
    fn usable<'a>(&self, urn: &'a str) -> Result<&'a str, Answer> {
        let ready = self.files.get(urn).is_some_and(|file| file.complete);
        if !ready || self.unready_posts > 0 {
            return Err(error(
                403,
                "ACCESS_DENIED",
                0,
                "Accessing this media asset resource is forbidden",
            ));
        }
        Ok(urn)
    }

    pub(super) fn create_post(&mut self, request: &Request, now: u64) -> Result<Answer, Answer> {
        let body = body(request)?;
        let required = [
            "author",
            "commentary",
            "visibility",
            "distribution",
            "lifecycleState",
        ];
        fields(
            &body,
            &required,
            &["content", "isReshareDisabledByAuthor", "reshareContext"],
        )?;
        let author = text(&body, "author")?.to_owned();
        self.may(true, &author)?;
        one_of(&body, "visibility", &["PUBLIC", "CONNECTIONS", "LOGGED_IN"])?;
        if body["visibility"] == "CONNECTIONS" && author.starts_with("urn:li:organization:") {
            return Err(error(
                422,
                "INVALID_FIELD",
                0,
                "/visibility :: an organization has no connections",
            ));
        }
        one_of(&body, "lifecycleState", &["PUBLISHED", "DRAFT"])?;
        flag(&body, "isReshareDisabledByAuthor")?;
        let distribution = &body["distribution"];
        fields(
            distribution,
            &["feedDistribution"],
            &["targetEntities", "thirdPartyDistributionChannels"],
        )?;
        one_of(distribution, "feedDistribution", &["MAIN_FEED", "NONE"])?;
        if let Some(content) = body.get("content") {
            let checked = self.check_content(content);
            self.unready_posts = self.unready_posts.saturating_sub(1);
            checked?;
        }
        if let Some(context) = body.get("reshareContext") {
            fields(context, &["parent"], &[])?;
            let parent = text(context, "parent")?;
            if !parent.starts_with("urn:li:share:") && !parent.starts_with("urn:li:ugcPost:") {
                return Err(error(
                    422,
                    "INVALID_FIELD",
                    0,
                    "/reshareContext/parent :: is no post",
                ));
            }
        }
        let shown = shown(text(&body, "commentary")?);
        let content = body.get("content");
        let same = |post: &&Post| {
            post.author == author && post.shown == shown && post.body.get("content") == content
        };
        let known = self
            .posts
            .iter()
            .find(same)
            .filter(|post| now < post.created + 86_400_000);
        let known = known
            .map(|post| post.urn.clone())
            .or_else(|| self.ghosts.get(&shown).cloned());
        if let Some(known) = known {
            let words = format!("Content is a duplicate of {known}");
            return Err(Answer::json(
                422,
                &json!({
                    "status": 422,
                    "message": words,
                    "errorDetails": { "inputErrors": [{
                        "description": words,
                        "input": { "inputPath": { "fieldPath": "/commentary" } },
                        "code": "DUPLICATE_POST",
                    }]},
                }),
            ));
        }
        let id = self.fresh();
        let video = content.and_then(|one| one.pointer("/media/id")?.as_str());
        let video = video.is_some_and(|urn| urn.starts_with("urn:li:video:"));
        let urn = format!("urn:li:{}:{id}", if video { "ugcPost" } else { "share" });
        self.posts.push(Post {
            urn: urn.clone(),
            activity: format!("urn:li:activity:{}", id + 1),
            author,
            shown,
            body,
            created: now,
            deleted: false,
        });
        self.next += 1;
        Ok(Answer::empty(201).header("x-restli-id", urn))
    }

    fn told_post(post: &Post) -> Value {
        let mut told = post.body.clone();
        told["id"] = json!(post.urn);
        told["createdAt"] = json!(post.created);
        told["publishedAt"] = json!(post.created);
        told
    }

    pub(super) fn list_posts(&self, request: &Request) -> Result<Answer, Answer> {
        finder(request)?;
        let wanted = [("q", "author"), ("author", "")];
        parameters(
            request,
            &wanted,
            &["start", "count", "sortBy", "viewContext"],
        )?;
        let query = request.query();
        if query
            .get("sortBy")
            .is_some_and(|by| by != "CREATED" && by != "LAST_MODIFIED")
        {
            return Err(error(400, "PARAM_INVALID", 0, "sortBy"));
        }
        self.may(false, &query["author"])?;
        let mut mine: Vec<&Post> = self
            .posts
            .iter()
            .filter(|post| post.author == query["author"] && !post.deleted)
            .collect();
        mine.sort_by_key(|post| std::cmp::Reverse((post.created, post.urn.clone())));
        let told: Vec<Value> = mine.into_iter().map(LinkedIn::told_post).collect();
        Ok(elements(&told, request))
    }

    pub(super) fn get_post(&self, urn: &str) -> Result<Answer, Answer> {
        let post = self
            .posts
            .iter()
            .find(|post| post.urn == urn && !post.deleted);
        let author = post.map_or(super::MEMBER, |post| post.author.as_str());
        self.may(false, author)?;
        match post {
            Some(post) => Ok(Answer::json(200, &LinkedIn::told_post(post))),
            None => Err(error(
                404,
                "NOT_FOUND",
                0,
                &format!("Could not find entity {urn}"),
            )),
        }
    }

    pub(super) fn delete_post(&mut self, urn: &str) -> Result<Answer, Answer> {
        let Some(at) = self
            .posts
            .iter()
            .position(|post| post.urn == urn && !post.deleted)
        else {
            return Err(error(404, "NOT_FOUND", 0, "no such post"));
        };
        let author = self.posts[at].author.clone();
        self.may(true, &author)?;
        self.posts[at].deleted = true;
        Ok(Answer::empty(204))
    }
}
