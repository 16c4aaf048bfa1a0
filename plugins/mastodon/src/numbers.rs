//! What became of the posts, and of the account. Mastodon counts no views and no clicks.

use jarchi_plugin_sdk::{Measure, Metric, PostMetrics, Receipt, Result, log};

use crate::api::{self, Api, Status};

/// The most statuses that a server gives in one answer.
const BATCH: usize = 20;

/// The numbers of posts. Those that the server did not tell of are left out.
///
/// # Errors
/// The server told of none.
pub fn of_posts(api: &Api, posts: &[Receipt]) -> Result<Vec<PostMetrics>> {
    let mut known = Vec::with_capacity(posts.len());
    for posts in posts.chunks(BATCH) {
        let statuses = match posts {
            [_] => Vec::new(),
            _ => together(api, posts),
        };
        for post in posts {
            let told = match statuses.iter().find(|status| status.id == post.id) {
                Some(status) => Ok(PostMetrics::of(post, metrics(post, status))),
                None => alone(api, post),
            };
            match told {
                Ok(metrics) => known.push(metrics),
                Err(error) if known.is_empty() => return Err(error),
                // The rest is asked for the next time.
                Err(error) => {
                    log::warn!(reason = error.reason(), known = known.len(); "not all numbers were told");
                    return Ok(known);
                }
            }
        }
    }
    Ok(known)
}

/// Several at once: Mastodon 4.3 and later. Nothing where the server can't.
fn together(api: &Api, posts: &[Receipt]) -> Vec<Status> {
    let request = posts
        .iter()
        .fold(api.request("GET", "/api/v1/statuses"), |request, post| {
            request.query("id[]", &post.id)
        });
    request
        .read()
        .and_then(|answer| answer.json())
        .unwrap_or_default()
}

fn alone(api: &Api, post: &Receipt) -> Result<PostMetrics> {
    let answer = api.request("GET", &Api::status(&post.id)).send();
    let answer = match answer {
        Ok(answer) if api::is_gone(answer.status) => return Ok(PostMetrics::gone(post)),
        Ok(answer) => answer.for_read()?,
        Err(error) => return Err(error.into()),
    };
    Ok(PostMetrics::of(post, metrics(post, &answer.json()?)))
}

fn metrics(post: &Receipt, status: &Status) -> Vec<Metric> {
    // The second part of a thread, or the first comment, is an answer of our own.
    let own = i64::from(!post.parts.is_empty());
    let answers = status.replies_count.map(|count| (count - own).max(0));
    [
        (Measure::Likes, status.favourites_count),
        (Measure::Shares, status.reblogs_count),
        (Measure::Comments, answers),
        (Measure::Quotes, status.quotes_count),
    ]
    .into_iter()
    .filter_map(|(measure, value)| Some(Metric::new(measure, value?)))
    .collect()
}

/// The numbers of the account.
///
/// # Errors
/// The server did not tell.
pub fn of_account(api: &Api) -> Result<Vec<Metric>> {
    let me = api.me()?;
    Ok([
        (Measure::Followers, me.followers_count),
        (Measure::Following, me.following_count),
        (Measure::Posts, me.statuses_count),
    ]
    .into_iter()
    .filter_map(|(measure, value)| Some(Metric::new(measure, value?)))
    .collect())
}
