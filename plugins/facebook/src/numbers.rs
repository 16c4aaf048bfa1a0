//! What became of the posts, and of the Page. What Facebook counts has changed more than
//! once, so the groups of metrics are asked for apart, and a part of the answer does.

use jarchi_plugin_sdk::graph::{self, Budget, Failure, Graph, List};
use jarchi_plugin_sdk::http::encode;
use jarchi_plugin_sdk::{Measure, Metric, PostMetrics, Receipt, Result, log};
use serde::Deserialize;
use serde_json::Value;

use crate::api::Api;
use crate::publish::is_story;

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

/// Of posts; those that Facebook did not answer for are left out.
///
/// # Errors
/// Facebook told of none.
pub fn of_posts(api: &Api, posts: &[Receipt]) -> Result<Vec<PostMetrics>> {
    let own = api.own()?;
    let mut known = Vec::new();
    let mut budget = Budget::default();
    // Facebook counts nothing of stories that a Page's token may read.
    for post in posts.iter().filter(|post| !is_story(post)) {
        // The rest is asked for the next time.
        if budget.left() < 2 {
            break;
        }
        match of_post(&own, post, &mut budget) {
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

fn of_post(own: &Graph, post: &Receipt, budget: &mut Budget) -> Result<PostMetrics> {
    budget.spend();
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
    let (kind, edge, names) = match post.id.contains('_') {
        true => ("post", "insights", POST),
        false => ("video", "video_insights", VIDEO),
    };
    let ask = |names: &str| own.get(&format!("{path}/{edge}")).query("metric", names);
    for insight in graph::insights(ask, kind, names, budget, is_silent)? {
        let measure = match insight.name.as_str() {
            "post_media_view" | "total_video_views" => Measure::Views,
            "post_total_media_view_unique" | "total_video_views_unique" => Measure::Reach,
            "post_clicks" => Measure::Clicks,
            other => Measure::Other(other.to_owned()),
        };
        metrics.extend(insight.value().map(|value| Metric::new(measure, value)));
    }
    Ok(PostMetrics::of(post, metrics))
}

const POST: &[&str] = &[
    "post_media_view",
    "post_total_media_view_unique",
    "post_clicks",
];
const VIDEO: &[&str] = &["total_video_views", "total_video_views_unique"];

/// Insights need a permission of their own, and a Page that has some followers: without
/// them, the other numbers do.
fn is_silent(failure: &Failure) -> bool {
    failure.is(10) || failure.is(200) || failure.is(3001)
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
