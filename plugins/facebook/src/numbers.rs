//! What became of the posts, and of the Page. What Facebook counts has changed more than
//! once, so the groups of metrics are asked for apart, and a part of the answer does.

use jarchi_plugin_sdk::graph::{self, Failure, Graph, List};
use jarchi_plugin_sdk::http::encode;
use jarchi_plugin_sdk::{Measure, Metric, PostMetrics, Receipt, Result, log};
use serde::Deserialize;
use serde_json::Value;

use crate::api::Api;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Counts {
    shares: Option<Shares>,
    comments: Option<List<Value>>,
    reactions: Option<List<Value>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Shares {
    count: i64,
}

#[derive(Debug, Deserialize)]
struct Insight {
    name: String,
    #[serde(default)]
    values: Vec<Reading>,
}

#[derive(Debug, Deserialize)]
struct Reading {
    value: Value,
}

/// Of posts; those that Facebook did not answer for are left out.
///
/// # Errors
/// Facebook told of none.
pub fn of_posts(api: &Api, posts: &[Receipt]) -> Result<Vec<PostMetrics>> {
    let own = api.own()?;
    let mut known = Vec::new();
    for post in posts {
        match of_post(&own, post) {
            Ok(metrics) => known.push(metrics),
            Err(error) if known.is_empty() => return Err(error),
            Err(error) => {
                log::warn!(reason = error.reason(), known = known.len(); "not all numbers were told");
                break;
            }
        }
    }
    Ok(known)
}

fn of_post(own: &Graph, post: &Receipt) -> Result<PostMetrics> {
    let path = format!("/{}", encode(&post.id));
    // A video has likes where a post has reactions and shares.
    let fields = match post.id.contains('_') {
        true => "shares,comments.summary(true).limit(0),reactions.summary(true).limit(0)",
        false => "comments.summary(true).limit(0),reactions.summary(true).limit(0)",
    };
    let counts: Counts = match graph::send(own.get(&path).query("fields", fields)) {
        Ok(answer) => answer.for_read()?.json()?,
        Err(failure) if failure.is_gone() => return Ok(PostMetrics::gone(post)),
        Err(failure) => return Err(failure.for_read()),
    };
    let total = |list: &Option<List<Value>>| list.as_ref()?.summary?.total_count;
    let mut metrics = Vec::new();
    let mut add = |measure: Measure, count: Option<i64>| {
        metrics.extend(count.map(|count| Metric::new(measure, count)));
    };
    add(Measure::Likes, total(&counts.reactions));
    // Our own first comment is none.
    let ours = i64::try_from(post.parts.len()).unwrap_or_default();
    let comments = total(&counts.comments).map(|count| (count - ours).max(0));
    add(Measure::Comments, comments);
    // The field is absent where nobody shared it.
    let shares = counts.shares.map_or(0, |shares| shares.count);
    add(Measure::Shares, post.id.contains('_').then_some(shares));
    let names = match post.id.contains('_') {
        true => &POST[..],
        false => &VIDEO[..],
    };
    let edge = match post.id.contains('_') {
        true => "insights",
        false => "video_insights",
    };
    metrics.extend(insights(own, &format!("{path}/{edge}"), names, None)?);
    Ok(PostMetrics::of(post, metrics))
}

const POST: [(&str, Measure); 3] = [
    ("post_media_view", Measure::Views),
    ("post_total_media_view_unique", Measure::Reach),
    ("post_clicks", Measure::Clicks),
];
const VIDEO: [(&str, Measure); 2] = [
    ("total_video_views", Measure::Views),
    ("total_video_views_unique", Measure::Reach),
];

/// One metric after the other where they are not told together: a name that Facebook does
/// not know (any more) fails the whole request.
fn insights(
    own: &Graph,
    path: &str,
    names: &[(&str, Measure)],
    period: Option<&str>,
) -> Result<Vec<Metric>> {
    let ask = |wanted: &[(&str, Measure)]| -> Result<Vec<Metric>, Failure> {
        let list: Vec<&str> = wanted.iter().map(|(name, _)| *name).collect();
        let mut request = own.get(path).query("metric", list.join(","));
        if let Some(period) = period {
            request = request.query("period", period);
        }
        let answer = graph::send(request)?;
        let told: Option<List<Insight>> = serde_json::from_slice(&answer.body).ok();
        let metric = |insight: &Insight| {
            let (_, measure) = wanted.iter().find(|(name, _)| *name == insight.name)?;
            let value = number(&insight.values.last()?.value)?;
            Some(Metric::new(measure.clone(), value))
        };
        let told = told.iter().flat_map(|list| &list.data);
        Ok(told.filter_map(metric).collect())
    };
    let refused = match ask(names) {
        Ok(metrics) => return Ok(metrics),
        Err(failure) => failure,
    };
    if !matches!(&refused, Failure::Refused(refusal) if matches!(refusal.code, 100 | 3001 | 10 | 200))
    {
        return Err(refused.for_read());
    }
    let mut metrics = Vec::new();
    for name in names {
        match ask(std::slice::from_ref(name)) {
            Ok(told) => metrics.extend(told),
            Err(_) => log::debug!(metric = name.0; "Facebook does not tell it"),
        }
    }
    Ok(metrics)
}

/// A value may come in parts, paid and not.
fn number(value: &Value) -> Option<i64> {
    match value {
        Value::Object(parts) => Some(parts.values().filter_map(Value::as_i64).sum()),
        value => value.as_i64(),
    }
}

/// Of the Page.
///
/// # Errors
/// Facebook did not tell.
pub fn of_account(api: &Api) -> Result<Vec<Metric>> {
    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Page {
        followers_count: Option<i64>,
        fan_count: Option<i64>,
    }
    let own = api.own()?;
    let path = format!("/{}", encode(api.page()?));
    let request = own.get(&path).query("fields", "followers_count,fan_count");
    let page: Page = graph::read(request)?.json()?;
    let mut metrics = Vec::new();
    let fans = Measure::Other("fans".into());
    for (measure, count) in [
        (Measure::Followers, page.followers_count),
        (fans, page.fan_count),
    ] {
        metrics.extend(count.map(|count| Metric::new(measure, count)));
    }
    Ok(metrics)
}
