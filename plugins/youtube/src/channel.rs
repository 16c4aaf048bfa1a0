//! What the token opens, and what became of the videos and the channel.

use jarchi_plugin_sdk::connection::{Standing, Target};
use jarchi_plugin_sdk::{Account, Measure, Metric, PostMetrics, Problem, Receipt, Result};
use serde_json::{Value, json};

use crate::analytics;
use crate::api::{Api, items};
use crate::errors;

/// Videos of one question (`videos.list`).
const BATCH: usize = 50;

/// What is known of every project that Google did not audit, and is told nowhere by the
/// API (`videos.insert`, the note on unverified projects).
const AUDIT: &str = "videos of API projects that Google has not audited stay private, whatever they ask for: have yours audited (YouTube API Services - Audit and Quota Extension Form)";

fn text<'a>(value: &'a Value, at: &str) -> &'a str {
    value
        .pointer(at)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// The channels that the token opens: a login is for one.
///
/// # Errors
/// By the table of errors.
pub fn targets(account: &Account) -> Result<Vec<Target>> {
    let api = Api::of(account)?;
    let channel = api.channel("snippet,status")?;
    let id = text(&channel, "/id").to_owned();
    Ok(vec![Target {
        name: text(&channel, "/snippet/title").to_owned(),
        kind: "channel".into(),
        url: Some(format!("{}/channel/{id}", api.settings.site)),
        obstacle: None,
        settings: json!({ "channel": id }).to_string(),
        id,
    }])
}

/// How the channel stands.
///
/// # Errors
/// By the table of errors.
pub fn check(account: &Account) -> Result<Standing> {
    let api = Api::of(account)?;
    let channel = api.channel("snippet,status")?;
    let id = text(&channel, "/id");
    let mut problems = vec![Problem::warning("project", AUDIT)];
    if let Some(chosen) = &api.settings.channel
        && chosen != id
    {
        problems.push(Problem::error(
            "settings.channel",
            format!("the token is for another channel: {id}"),
        ));
    }
    let long = text(&channel, "/status/longUploadsStatus");
    if !long.is_empty() && long != "allowed" {
        problems.push(Problem::warning(
            "channel",
            "the channel is not verified by phone: it takes no videos of more than 15 minutes, and no thumbnails",
        ));
    }
    if let Some(why) = analytics::closed(&api)? {
        problems.push(Problem::warning("numbers", why));
    }
    Ok(Standing {
        name: text(&channel, "/snippet/title").to_owned(),
        url: Some(format!("{}/channel/{id}", api.settings.site)),
        scopes: Vec::new(),
        lacking: Vec::new(),
        expires: None,
        quotas: Vec::new(),
        problems,
    })
}

/// Numbers come as text, and are left out where they are hidden.
fn metrics(statistics: &Value, names: [(&str, Measure); 3]) -> Vec<Metric> {
    let number = |name: &str| {
        let told = statistics.get(name)?;
        told.as_i64().or_else(|| told.as_str()?.parse().ok())
    };
    names
        .into_iter()
        .filter_map(|(name, measure)| Some(Metric::new(measure, number(name)?)))
        .collect()
}

/// The numbers of videos: the Data API's, and what only reports count.
///
/// # Errors
/// By the table of errors.
pub fn of_posts(account: &Account, posts: &[Receipt]) -> Result<Vec<PostMetrics>> {
    let api = Api::of(account)?;
    let mut known = Vec::with_capacity(posts.len());
    for posts in posts.chunks(BATCH) {
        let ids: Vec<&str> = posts.iter().map(|post| post.id.as_str()).collect();
        let request = api
            .get("/videos")
            .query("part", "statistics")
            .query("id", ids.join(","));
        let found = items(&errors::read(request)?)?;
        let mut reports = analytics::rows(&api, Some(&ids));
        known.extend(posts.iter().map(|post| {
            let Some(video) = found.iter().find(|video| text(video, "/id") == post.id) else {
                return PostMetrics::gone(post);
            };
            let statistics = video.get("statistics").unwrap_or(&Value::Null);
            let mut told = metrics(
                statistics,
                [
                    ("viewCount", Measure::Views),
                    ("likeCount", Measure::Likes),
                    ("commentCount", Measure::Comments),
                ],
            );
            let report = reports
                .iter()
                .position(|row| row.video.as_deref() == Some(&post.id));
            let report = report.map(|at| reports.swap_remove(at));
            analytics::fill(&mut told, report);
            PostMetrics::of(post, told)
        }));
    }
    Ok(known)
}

/// The channel's numbers. Subscribers are rounded to three digits.
///
/// # Errors
/// By the table of errors.
pub fn of_account(account: &Account) -> Result<Vec<Metric>> {
    let api = Api::of(account)?;
    let channel = api.channel("statistics")?;
    let statistics = channel.get("statistics").unwrap_or(&Value::Null);
    let hidden = statistics.get("hiddenSubscriberCount") == Some(&Value::Bool(true));
    let mut told = metrics(
        statistics,
        [
            ("subscriberCount", Measure::Followers),
            ("viewCount", Measure::Views),
            ("videoCount", Measure::Posts),
        ],
    );
    if hidden {
        told.retain(|metric| metric.measure != Measure::Followers);
    }
    analytics::fill(&mut told, analytics::rows(&api, None).into_iter().next());
    Ok(told)
}
