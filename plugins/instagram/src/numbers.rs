//! What became of the posts, and of the account.
//!
//! Source: "Instagram Media Insights" and "Instagram User Insights". A metric that a kind
//! of post does not have fails the whole request (error 100): then each is asked for
//! alone, and what worked is remembered.

use jarchi_plugin_sdk::graph::{self, Budget, Failure, Insight};
use jarchi_plugin_sdk::http::encode;
use jarchi_plugin_sdk::{Error, Measure, Metric, Millis, PostMetrics, Receipt, Result, clock, log};
use serde::Deserialize;

use crate::api::{Api, Media};

const DAY: Millis = 24 * 60 * 60 * 1000;

const FEED: &[&str] = &[
    "views",
    "reach",
    "saved",
    "shares",
    "total_interactions",
    "follows",
    "profile_visits",
    "profile_activity",
];
const REELS: &[&str] = &[
    "views",
    "reach",
    "saved",
    "shares",
    "total_interactions",
    "ig_reels_avg_watch_time",
    "ig_reels_video_view_total_time",
];
const STORY: &[&str] = &[
    "views",
    "reach",
    "replies",
    "navigation",
    "shares",
    "follows",
    "total_interactions",
];
/// One number each for the whole of the time asked for.
const ACCOUNT: &[&str] = &[
    "views",
    "reach",
    "likes",
    "comments",
    "shares",
    "saves",
    "replies",
    "accounts_engaged",
    "total_interactions",
    "profile_links_taps",
];

/// The numbers of posts. Those that there was no room to ask for are left out.
///
/// # Errors
/// Instagram told of none.
pub fn of_posts(api: &Api, posts: &[Receipt]) -> Result<Vec<PostMetrics>> {
    let mut known = Vec::with_capacity(posts.len());
    let mut budget = Budget::default();
    for post in posts {
        match of_post(api, post, &mut budget) {
            Ok(Some(metrics)) => known.push(metrics),
            Ok(None) => break,
            Err(error) if known.is_empty() => return Err(error),
            Err(error) => {
                log::warn!(reason = error.reason(), known = known.len(); "not all numbers were told");
                break;
            }
        }
    }
    Ok(known)
}

/// None: there is no request left for it.
fn of_post(api: &Api, post: &Receipt, budget: &mut Budget) -> Result<Option<PostMetrics>> {
    if budget.left() < 2 {
        return Ok(None);
    }
    budget.spend();
    let path = format!("/{}", encode(&post.id));
    let fields = "id,like_count,comments_count,media_product_type";
    let media: Media = match graph::send(api.graph.get(&path).query("fields", fields)) {
        Ok(answer) => answer.for_read()?.json()?,
        Err(failure) if failure.is_gone() => return Ok(Some(PostMetrics::gone(post))),
        Err(failure) => return Err(failure.for_read()),
    };
    let product = media.media_product_type.as_deref().unwrap_or("FEED");
    let mut metrics = Vec::new();
    let mut put = |measure: Measure, value: Option<i64>| {
        metrics.extend(value.map(|value| Metric::new(measure, value)));
    };
    put(Measure::Likes, media.like_count);
    // The first comment is our own.
    let own = post.parts.len() as i64;
    put(
        Measure::Comments,
        media.comments_count.map(|count| (count - own).max(0)),
    );
    for insight in insights(api, &path, product, budget)? {
        put(measure(&insight.name), insight.value());
    }
    Ok(Some(PostMetrics::of(post, metrics)))
}

fn measure(name: &str) -> Measure {
    match name {
        "views" => Measure::Views,
        "reach" => Measure::Reach,
        "saved" => Measure::Saves,
        "shares" => Measure::Shares,
        "ig_reels_video_view_total_time" => Measure::WatchTime,
        other => Measure::Other(other.to_owned()),
    }
}

fn insights(api: &Api, path: &str, product: &str, budget: &mut Budget) -> Result<Vec<Insight>> {
    let usual = match product {
        "REELS" => REELS,
        "STORY" => STORY,
        _ => FEED,
    };
    let edge = format!("{path}/insights");
    let ask = |names: &str| api.graph.get(&edge).query("metric", names);
    let silent = |failure: &Failure| is_nothing_to_tell(failure, product);
    graph::insights(ask, product, usual, budget, silent)
}

/// A story of fewer than five viewers (error 10), and a post from before the account was
/// a professional one (subcode 2108006), have no insights.
fn is_nothing_to_tell(failure: &Failure, product: &str) -> bool {
    (product == "STORY" && failure.is(10)) || failure.is(2_108_006)
}

#[derive(Debug, Deserialize)]
struct Profile {
    #[serde(default)]
    followers_count: Option<i64>,
    #[serde(default)]
    follows_count: Option<i64>,
    #[serde(default)]
    media_count: Option<i64>,
}

/// The numbers of the account; those of its insights are of the last day, as
/// `NAME_day`.
///
/// # Errors
/// Instagram did not tell.
pub fn of_account(api: &Api) -> Result<Vec<Metric>> {
    let path = format!("/{}", encode(&api.user()?));
    let fields = "followers_count,follows_count,media_count";
    let profile: Profile = graph::read(api.graph.get(&path).query("fields", fields))?.json()?;
    let counts = [
        (Measure::Followers, profile.followers_count),
        (Measure::Following, profile.follows_count),
        (Measure::Posts, profile.media_count),
    ];
    let mut metrics: Vec<Metric> = counts
        .into_iter()
        .filter_map(|(measure, value)| Some(Metric::new(measure, value?)))
        .collect();
    match of_day(api, &path) {
        Ok(insights) => metrics.extend(insights.iter().filter_map(|insight| {
            let name = Measure::Other(format!("{}_day", insight.name));
            Some(Metric::new(name, insight.value()?))
        })),
        Err(error @ (Error::Unauthorized(_) | Error::RateLimited(_))) => return Err(error),
        // A small account has none.
        Err(error) => log::debug!(reason = error.reason(); "no insights of the account"),
    }
    Ok(metrics)
}

fn of_day(api: &Api, path: &str) -> Result<Vec<Insight>> {
    let until = clock::now() / 1000;
    let edge = format!("{path}/insights");
    let ask = |names: &str| {
        api.graph
            .get(&edge)
            .query("metric", names)
            .query("metric_type", "total_value")
            .query("period", "day")
            .query("since", until - DAY / 1000)
            .query("until", until)
    };
    let mut budget = Budget::default();
    graph::insights(ask, "account", ACCOUNT, &mut budget, |_| false)
}
