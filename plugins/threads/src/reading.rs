//! Numbers, replies, mentions, and how the account stands.
//!
//! Sources: "Threads API, Insights", "Reply Management", "Mentions", "Rate Limiting".

use std::collections::BTreeMap;

use jarchi_plugin_sdk::connection::{Quota, Standing};
use jarchi_plugin_sdk::graph::{self, Insight, List};
use jarchi_plugin_sdk::http::encode;
use jarchi_plugin_sdk::inbox::{Answer, Author, Finding, Kind, Message, Page};
use jarchi_plugin_sdk::{Error, Measure, Metric, PostMetrics, Receipt, Result, Timestamp, log};
use serde::{Deserialize, Serialize};

use crate::api::{Api, Made, Media, SKEW, path};
use crate::check::{TEXT, length};
use crate::plan;

/// Posts whose numbers, or replies, one call reads; the host allows 40 requests.
const A_CALL: usize = 35;
const POSTS: usize = 25;
const FIELDS: &str = "id,text,permalink,timestamp,username,is_reply_owned_by_me,replied_to";

/// The numbers of posts.
///
/// # Errors
/// Threads told of none.
pub fn of_posts(api: &Api, posts: &[Receipt]) -> Result<Vec<PostMetrics>> {
    let mut known = Vec::new();
    for post in posts.iter().take(A_CALL) {
        let request = api.request("GET", &format!("{}/insights", path(&post.id)));
        let request = request.query("metric", "views,likes,replies,reposts,quotes,shares");
        let told = match graph::send(request) {
            Ok(answer) => answer.for_read()?.json::<List<Insight>>()?,
            Err(failure) if failure.is_gone() => {
                known.push(PostMetrics::gone(post));
                continue;
            }
            Err(failure) if known.is_empty() => return Err(failure.for_read()),
            // The rest is asked for the next time.
            Err(failure) => {
                log::warn!(reason = failure.for_read().reason(); "not all numbers were told");
                break;
            }
        };
        // The second part of a thread is an answer of our own.
        let own = i64::from(!post.parts.is_empty());
        let metrics = told.data.iter().filter_map(|insight| {
            let value = insight.value()?;
            Some(match insight.name.as_str() {
                "views" => Metric::new(Measure::Views, value),
                "likes" => Metric::new(Measure::Likes, value),
                "replies" => Metric::new(Measure::Comments, (value - own).max(0)),
                "reposts" => Metric::new(Measure::Shares, value),
                "quotes" => Metric::new(Measure::Quotes, value),
                other => Metric::new(Measure::Other(other.to_owned()), value),
            })
        });
        known.push(PostMetrics::of(post, metrics.collect()));
    }
    Ok(known)
}

/// The numbers of the account: followers, and those of the days that Threads tells of
/// under its own names.
///
/// # Errors
/// Threads did not tell.
pub fn of_account(api: &Api) -> Result<Vec<Metric>> {
    let request = api.request("GET", "/me/threads_insights");
    let names = "views,likes,replies,reposts,quotes,clicks,followers_count";
    let told: List<Insight> = graph::read(request.query("metric", names))?.json()?;
    let metrics = told.data.iter().filter_map(|insight| {
        let measure = match insight.name.as_str() {
            "followers_count" => Measure::Followers,
            other => Measure::Other(format!("{other}_lately")),
        };
        Some(Metric::new(measure, insight.value()?))
    });
    Ok(metrics.collect())
}

#[derive(Debug, Deserialize)]
struct Profile {
    username: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Limits {
    quota_usage: Option<u64>,
    config: Config,
    reply_quota_usage: Option<u64>,
    reply_config: Config,
    delete_quota_usage: Option<u64>,
    delete_config: Config,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Config {
    quota_total: Option<u64>,
}

fn profile_url(username: &str) -> String {
    format!("https://www.threads.net/@{}", encode(username))
}

/// How the account stands.
///
/// # Errors
/// Threads did not tell.
pub fn standing(api: &Api) -> Result<Standing> {
    let request = api.request("GET", "/me").query("fields", "id,username");
    let me: Profile = graph::read(request)?.json()?;
    let fields =
        "quota_usage,config,reply_quota_usage,reply_config,delete_quota_usage,delete_config";
    let request = api
        .request("GET", "/me/threads_publishing_limit")
        .query("fields", fields);
    let told: List<Limits> = graph::read(request)?.json()?;
    let mut quotas = Vec::new();
    for told in &told.data {
        for (name, used, config) in [
            ("posts in 24 hours", told.quota_usage, &told.config),
            (
                "replies in 24 hours",
                told.reply_quota_usage,
                &told.reply_config,
            ),
            (
                "deletions in 24 hours",
                told.delete_quota_usage,
                &told.delete_config,
            ),
        ] {
            quotas.extend(used.map(|used| Quota {
                name: name.into(),
                used,
                limit: config.quota_total,
                resets: None,
            }));
        }
    }
    Ok(Standing {
        url: Some(profile_url(&me.username)),
        name: me.username,
        scopes: vec![],
        lacking: vec![],
        expires: None,
        quotas,
        problems: vec![],
    })
}

/// The newest that was seen of each post, and of the mentions (under an empty name).
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Cursor(BTreeMap<String, Mark>);

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Mark {
    newest: Timestamp,
    ids: Vec<String>,
}

impl Cursor {
    fn take(&mut self, below: &str, list: &[Media], kind: Kind, into: &mut Vec<Message>) {
        let before = self.0.get(below).cloned().unwrap_or_default();
        let mut after = before.clone();
        for one in list {
            let moment = one.moment();
            let known = moment < before.newest || before.ids.contains(&one.id);
            if moment > after.newest {
                after.newest = moment;
                after.ids.clear();
            }
            if moment == after.newest {
                after.ids.push(one.id.clone());
            }
            if !known && !one.is_reply_owned_by_me {
                into.push(message(one, below, kind));
            }
        }
        self.0.insert(below.to_owned(), after);
    }
}

fn message(one: &Media, below: &str, kind: Kind) -> Message {
    let name = one.username.clone().unwrap_or_default();
    let post = (!below.is_empty()).then(|| below.to_owned());
    Message {
        id: one.id.clone(),
        kind,
        author: Author {
            id: name.clone(),
            url: Some(profile_url(&name)),
            handle: name,
            name: None,
        },
        text: one.text.clone().unwrap_or_default(),
        language: None,
        sent_at: one.moment(),
        url: one.permalink.clone(),
        in_reply_to: one
            .replied_to
            .as_ref()
            .map(|to| to.id.clone())
            .or_else(|| post.clone()),
        conversation: post,
        attachments: Vec::new(),
        answer_by: None,
        data: None,
    }
}

/// Replies below the newest posts, and mentions, after the cursor.
///
/// # Errors
/// Threads did not tell.
pub fn fetch(api: &Api, cursor: Option<&str>) -> Result<Page> {
    let mut cursor: Cursor = cursor.map_or_else(Cursor::default, |cursor| {
        serde_json::from_str(cursor).unwrap_or_default()
    });
    let request = api.request("GET", "/me/threads");
    let request = request
        .query("fields", "id,has_replies")
        .query("limit", POSTS);
    let posts: List<Media> = graph::read(request)?.json()?;
    cursor
        .0
        .retain(|id, _| id.is_empty() || posts.data.iter().any(|post| post.id == *id));
    let mut messages = Vec::new();
    for post in posts.data.iter().filter(|post| post.has_replies) {
        let request = api.request("GET", &format!("{}/conversation", path(&post.id)));
        let request = request.query("fields", FIELDS).query("reverse", "true");
        let list: List<Media> = graph::read(request)?.json()?;
        cursor.take(&post.id, &list.data, Kind::Comment, &mut messages);
    }
    let request = api.request("GET", "/me/mentions");
    let request = request
        .query("fields", "id,text,permalink,timestamp,username")
        .query("limit", POSTS);
    match graph::read(request).and_then(|answer| answer.json::<List<Media>>()) {
        Ok(list) => cursor.take("", &list.data, Kind::Mention, &mut messages),
        Err(error @ Error::RateLimited(_)) => return Err(error),
        // The scope for mentions is one of its own.
        Err(error) => log::warn!(reason = error.reason(); "mentions could not be read"),
    }
    messages.sort_by_key(|message| message.sent_at);
    let cursor =
        serde_json::to_string(&cursor).map_err(|error| Error::invalid(error.to_string()))?;
    Ok(Page {
        messages,
        cursor: Some(cursor),
        more: false,
    })
}

/// Answers a reply or a mention. A container that is not published is seen by nobody.
///
/// # Errors
/// Threads refused, or the outcome is not known.
pub fn reply(api: &Api, answer: &Answer) -> Result<Receipt> {
    if length(&answer.text) > TEXT {
        return Err(Error::invalid(format!(
            "an answer has at most {TEXT} characters"
        )));
    }
    let request = plan::words().into(api.request("POST", "/me/threads"));
    let request = request
        .query("text", &answer.text)
        .query("reply_to_id", &answer.to.id);
    let Made { id } = graph::read(request)?.json()?;
    let request = api
        .request("POST", "/me/threads_publish")
        .query("creation_id", id);
    Ok(Receipt::new(graph::commit(request)?.json::<Made>()?.id))
}

/// Looks for an answer.
///
/// # Errors
/// Threads did not tell.
pub fn find_reply(api: &Api, answer: &Answer, since: Timestamp) -> Result<Finding> {
    let newest = api.newest(true, since.saturating_sub(SKEW))?;
    Ok(
        match newest.iter().rfind(|media| media.says(&answer.text)) {
            Some(media) => Finding::Found(Receipt::new(&media.id)),
            None => Finding::Absent,
        },
    )
}

/// Hides a reply.
///
/// # Errors
/// Threads refused.
pub fn hide(api: &Api, message: &Message) -> Result<()> {
    let request = api.request("POST", &format!("{}/manage_reply", path(&message.id)));
    graph::read(request.query("hide", true)).map(drop)
}
