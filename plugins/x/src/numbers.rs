//! What became of the posts, and of the account.

use std::collections::BTreeMap;

use jarchi_plugin_sdk::{
    Measure, Metric, Millis, PostMetrics, Receipt, Result, Timestamp, clock, log,
};

use crate::api::{self, Api, Media, Numbers, Tweet, Whole, harmless};

/// The most posts that X tells of in one answer.
const BATCH: usize = 100;
/// The age at which X stops telling the numbers that only the author sees, less an hour
/// for the way (X API, "Metrics": 30 days).
const PRIVATE: Millis = (30 * 24 - 1) * 60 * 60 * 1000;

/// X's names of numbers, those of its newer description beside them.
const PUBLIC: [(&[&str], Measure); 6] = [
    (&["impression_count"], Measure::Impressions),
    (&["like_count"], Measure::Likes),
    (&["retweet_count", "repost_count"], Measure::Shares),
    (&["reply_count"], Measure::Comments),
    (&["quote_count"], Measure::Quotes),
    (&["bookmark_count"], Measure::Saves),
];

/// The numbers of posts. Those that X did not tell of are left out.
///
/// # Errors
/// X told of none.
pub fn of_posts(api: &Api, posts: &[Receipt]) -> Result<Vec<PostMetrics>> {
    let now = clock::now();
    let is_young = |post: &&Receipt| age(post, now).is_some_and(|age| age < PRIVATE);
    let (young, old): (Vec<&Receipt>, Vec<&Receipt>) = posts.iter().partition(is_young);
    let groups = [(young, true), (old, false)];
    let batches = groups
        .iter()
        .flat_map(|(posts, private)| posts.chunks(BATCH).map(move |batch| (batch, *private)));
    let mut known = Vec::with_capacity(posts.len());
    for (batch, private) in batches {
        let told = match told(api, batch, private) {
            // One post that X does not tell all of spoils the answer for all.
            Err(jarchi_plugin_sdk::Error::Invalid(_)) if private => told(api, batch, false),
            told => told,
        };
        match told {
            Ok(told) => known.extend(told),
            Err(error) if known.is_empty() => return Err(error),
            // The rest is asked for the next time.
            Err(error) => {
                log::warn!(reason = error.reason(), known = known.len(); "not all numbers were told");
                return Ok(known);
            }
        }
    }
    Ok(known)
}

fn age(post: &Receipt, now: Timestamp) -> Option<Millis> {
    let published = post.published_at.or_else(|| api::moment(&post.id))?;
    Some(now.saturating_sub(published))
}

fn told(api: &Api, posts: &[&Receipt], private: bool) -> Result<Vec<PostMetrics>> {
    let ids: Vec<&str> = posts.iter().map(|post| post.id.as_str()).collect();
    let own = if private { ",non_public_metrics" } else { "" };
    let request = api
        .request("GET", "/2/tweets")
        .query("ids", ids.join(","))
        .query("tweet.fields", format!("attachments,public_metrics{own}"))
        .query("expansions", "attachments.media_keys")
        .query("media.fields", format!("public_metrics{own}"));
    let whole: Whole<Vec<Tweet>> = harmless(request)?.json()?;
    let tweets = whole.data.unwrap_or_default();
    let media: BTreeMap<&str, &Media> = whole
        .includes
        .media
        .iter()
        .map(|media| (media.media_key.as_str(), media))
        .collect();
    let mut known = Vec::new();
    let mut refused = Vec::new();
    for post in posts {
        let fault = whole
            .errors
            .iter()
            .find(|fault| fault.about() == Some(&post.id));
        if let Some(tweet) = tweets.iter().find(|tweet| tweet.id == post.id) {
            known.push(PostMetrics::of(post, metrics(post, tweet, &media)));
        } else if fault.is_some_and(|fault| fault.is("resource-not-found")) {
            known.push(PostMetrics::gone(post));
        } else if fault.is_some_and(|fault| fault.is("not-authorized-for-field")) && private {
            refused.push(*post);
        }
    }
    // Others may see less of a post, and X then leaves it out altogether.
    if !refused.is_empty() {
        known.extend(told(api, &refused, false)?);
    }
    Ok(known)
}

fn metrics(post: &Receipt, tweet: &Tweet, media: &BTreeMap<&str, &Media>) -> Vec<Metric> {
    let mut metrics = named(&tweet.public_metrics, &PUBLIC);
    // The second part of a thread, or the first comment, is a reply of our own.
    let own = i64::from(!post.parts.is_empty());
    for metric in &mut metrics {
        if metric.measure == Measure::Comments {
            metric.value = (metric.value - own).max(0);
        }
    }
    let private = &tweet.non_public_metrics;
    metrics.extend(named(private, &[(&["url_link_clicks"], Measure::Clicks)]));
    for name in ["user_profile_clicks", "engagements"] {
        let measure = Measure::Other(name.to_owned());
        metrics.extend(private.get(name).map(|count| Metric::new(measure, *count)));
    }
    let files = tweet.attachments.media_keys.iter();
    for file in files.filter_map(|key| media.get(key.as_str())) {
        let views = [(&["view_count"][..], Measure::Views)];
        metrics.extend(named(&file.public_metrics, &views));
        // `playback_0_count` to `playback_100_count`.
        let shown = file.non_public_metrics.iter();
        for (name, count) in shown.filter(|(name, _)| name.starts_with("playback_")) {
            metrics.push(Metric::new(Measure::Other(name.clone()), *count));
        }
    }
    metrics
}

fn named(numbers: &Numbers, names: &[(&[&str], Measure)]) -> Vec<Metric> {
    let told = |(names, measure): &(&[&str], Measure)| {
        let value = names.iter().find_map(|name| numbers.get(*name))?;
        Some(Metric::new(measure.clone(), *value))
    };
    names.iter().filter_map(told).collect()
}

/// The numbers of the account.
///
/// # Errors
/// X did not tell.
pub fn of_account(api: &Api) -> Result<Vec<Metric>> {
    let (me, _) = api.me()?;
    Ok(named(
        &me.public_metrics,
        &[
            (&["followers_count"], Measure::Followers),
            (&["following_count"], Measure::Following),
            (&["tweet_count", "post_count"], Measure::Posts),
            (&["listed_count"], Measure::Other("listed".into())),
        ],
    ))
}
