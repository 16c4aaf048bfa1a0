//! What became of the posts, and of the account ("Query Videos", "Get User Info").

use jarchi_plugin_sdk::{Measure, Metric, PostMetrics, Receipt, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::{Api, Stake, ask};

/// Videos in one question.
const BATCH: usize = 20;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Videos {
    videos: Vec<Video>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Video {
    id: Value,
    like_count: Option<i64>,
    comment_count: Option<i64>,
    share_count: Option<i64>,
    view_count: Option<i64>,
}

/// Of posts. What TikTok gave no public number of (drafts, posts for some, posts that are
/// looked at) can't be asked for, and is left out.
///
/// # Errors
/// TikTok did not tell.
pub fn of_posts(api: &Api, posts: &[Receipt]) -> Result<Vec<PostMetrics>> {
    let is_number = |post: &&Receipt| post.id.bytes().all(|byte| byte.is_ascii_digit());
    let public: Vec<&Receipt> = posts.iter().filter(is_number).collect();
    let mut known = Vec::new();
    for batch in public.chunks(BATCH) {
        let ids: Vec<&str> = batch.iter().map(|post| post.id.as_str()).collect();
        let request = api.request("POST", "/v2/video/query/").query(
            "fields",
            "id,like_count,comment_count,share_count,view_count",
        );
        let body = json!({ "filters": { "video_ids": ids } });
        let told: Videos = ask(request.json(&body), Stake::Harmless)?;
        for post in batch {
            let is_it = |video: &&Video| match &video.id {
                Value::String(id) => *id == post.id,
                id => post.id.parse().is_ok_and(|number: u64| *id == number),
            };
            // One that is left out may be deleted, hidden or a photo: nobody can tell.
            if let Some(video) = told.videos.iter().find(is_it) {
                known.push(PostMetrics::of(post, metrics(video)));
            }
        }
    }
    Ok(known)
}

fn metrics(video: &Video) -> Vec<Metric> {
    let counts = [
        (Measure::Views, video.view_count),
        (Measure::Likes, video.like_count),
        (Measure::Comments, video.comment_count),
        (Measure::Shares, video.share_count),
    ];
    let metric = |(measure, count): (Measure, Option<i64>)| Some(Metric::new(measure, count?));
    counts.into_iter().filter_map(metric).collect()
}

/// Of the account.
///
/// # Errors
/// TikTok did not tell.
pub fn of_account(api: &Api) -> Result<Vec<Metric>> {
    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Told {
        user: User,
    }
    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct User {
        follower_count: Option<i64>,
        following_count: Option<i64>,
        likes_count: Option<i64>,
        video_count: Option<i64>,
    }
    let request = api.request("GET", "/v2/user/info/").query(
        "fields",
        "follower_count,following_count,likes_count,video_count",
    );
    let Told { user } = ask(request, Stake::Harmless)?;
    let counts = [
        (Measure::Followers, user.follower_count),
        (Measure::Following, user.following_count),
        (Measure::Likes, user.likes_count),
        (Measure::Posts, user.video_count),
    ];
    let metric = |(measure, count): (Measure, Option<i64>)| Some(Metric::new(measure, count?));
    Ok(counts.into_iter().filter_map(metric).collect())
}
