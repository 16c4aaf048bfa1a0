//! What became of the posts, and of the account ("Query Videos", "Get User Info").

use jarchi_plugin_sdk::{Error, Measure, Metric, PostMetrics, Receipt, Result, log};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::{Api, Stake, ask};
use crate::publish::Status;

/// Videos in one question.
const BATCH: usize = 20;
/// Publications that are asked for in one call: a token may ask 30 times a minute, and
/// posts that go out ask as well.
const ASKED: usize = 10;

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

/// Of posts. One that had no public number when it was published may have it now; what has
/// none (drafts, posts for some) can't be asked for, and is left out.
///
/// # Errors
/// TikTok did not tell.
pub fn of_posts(api: &Api, posts: &[Receipt]) -> Result<Vec<PostMetrics>> {
    let mut public: Vec<(&Receipt, String)> = Vec::new();
    let mut asked = 0;
    for post in posts {
        if post.id.bytes().all(|byte| byte.is_ascii_digit()) {
            public.push((post, post.id.clone()));
            continue;
        }
        if asked == ASKED {
            continue;
        }
        asked += 1;
        match Status::of(api, &post.id) {
            Ok(status) => public.extend(status.post().map(|id| (post, id))),
            // TikTok forgets publications.
            Err(Error::Invalid(reason)) => {
                log::debug!(reason = reason; "the publication is not told of any more");
            }
            Err(error) => return Err(error),
        }
    }
    let mut known = Vec::new();
    for batch in public.chunks(BATCH) {
        let ids: Vec<&str> = batch.iter().map(|(_, id)| id.as_str()).collect();
        let request = api.request("POST", "/v2/video/query/").query(
            "fields",
            "id,like_count,comment_count,share_count,view_count",
        );
        let body = json!({ "filters": { "video_ids": ids } });
        let told: Videos = ask(request.json(&body), Stake::Harmless)?;
        for (post, wanted) in batch {
            let is_it = |video: &&Video| match &video.id {
                Value::String(id) => id == wanted,
                id => wanted.parse().is_ok_and(|number: u64| *id == number),
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
