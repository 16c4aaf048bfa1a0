//! What became of the posts, and of the author.

use jarchi_plugin_sdk::http::encode;
use jarchi_plugin_sdk::{Account, Error, Measure, Metric, PostMetrics, Receipt, Result, log};
use serde_json::Value;

use crate::api::{self, Api};
use crate::{errors, publish};

/// Posts of one question to a Page's statistics.
const BATCH: usize = 20;
/// Requests that one call may take of the host's 40.
const REQUESTS: usize = 36;

/// A member's numbers, one question each (Member Post Statistics).
const MEMBER: [(&str, Measure); 6] = [
    ("IMPRESSION", Measure::Impressions),
    ("MEMBERS_REACHED", Measure::Reach),
    ("REACTION", Measure::Likes),
    ("COMMENT", Measure::Comments),
    ("RESHARE", Measure::Shares),
    ("POST_SAVE", Measure::Saves),
];

/// A Page's numbers (Organization Share Statistics).
const PAGE: [(&str, Measure); 6] = [
    ("impressionCount", Measure::Impressions),
    ("uniqueImpressionsCount", Measure::Reach),
    ("clickCount", Measure::Clicks),
    ("likeCount", Measure::Likes),
    ("commentCount", Measure::Comments),
    ("shareCount", Measure::Shares),
];

fn is_ugc(urn: &str) -> bool {
    urn.starts_with("urn:li:ugcPost:")
}

/// The numbers of posts; what there is no time for is asked for the next time.
///
/// # Errors
/// LinkedIn told of none.
pub fn of_posts(account: &Account, posts: &[Receipt]) -> Result<Vec<PostMetrics>> {
    let api = Api::of(account)?;
    if api.is_page() {
        return of_page_posts(&api, posts);
    }
    let mut known = Vec::with_capacity(posts.len());
    for post in posts.iter().take(REQUESTS / (MEMBER.len() + 1)) {
        match of_member_post(&api, post) {
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

fn of_page_posts(api: &Api, posts: &[Receipt]) -> Result<Vec<PostMetrics>> {
    let author = api.author()?;
    let mut known = Vec::with_capacity(posts.len());
    let mut asked = 0;
    for posts in posts.chunks(BATCH) {
        let mut path = format!(
            "/rest/organizationalEntityShareStatistics?q=organizationalEntity&organizationalEntity={}",
            encode(author)
        );
        for (name, ugc) in [("shares", false), ("ugcPosts", true)] {
            let urns: Vec<&str> = posts
                .iter()
                .map(|post| post.id.as_str())
                .filter(|urn| is_ugc(urn) == ugc)
                .collect();
            if !urns.is_empty() {
                path.push_str(&format!("&{name}={}", api::list(urns)));
            }
        }
        asked += 1;
        let answer = errors::granted(api.find(&path), "rw_organization_admin")?;
        let elements = publish::elements(&answer)?;
        for post in posts {
            let told = elements.iter().find(|element| {
                ["share", "ugcPost"]
                    .iter()
                    .any(|name| element.get(name).and_then(Value::as_str) == Some(&post.id))
            });
            if let Some(told) = told.and_then(|element| element.get("totalShareStatistics")) {
                known.push(PostMetrics::of(post, counted(told, &PAGE)));
            } else if asked < REQUESTS {
                // Statistics leave out who has none; the post itself tells whether it is
                // there.
                asked += 1;
                known.extend(social(api, post)?);
            }
        }
    }
    Ok(known)
}

fn counted(told: &Value, names: &[(&str, Measure)]) -> Vec<Metric> {
    names
        .iter()
        .filter_map(|(name, measure)| Some(Metric::new(measure.clone(), told.get(name)?.as_i64()?)))
        .collect()
}

/// Reactions and comments, which every reader of a post can be told (Social Metadata
/// API). None where the app may not ask.
fn social(api: &Api, post: &Receipt) -> Result<Option<PostMetrics>> {
    let answer = errors::look(api.get(&format!("/rest/socialMetadata/{}", encode(&post.id))))?;
    match answer.status {
        403 => return Ok(None),
        404 | 410 => return Ok(Some(PostMetrics::gone(post))),
        _ => {}
    }
    let told: Value = errors::judged(answer)?.json()?;
    let mut metrics = Vec::new();
    if let Some(reactions) = told.get("reactionSummaries").and_then(Value::as_object) {
        let count = reactions
            .values()
            .filter_map(|kind| kind.get("count")?.as_i64())
            .sum();
        metrics.push(Metric::new(Measure::Likes, count));
    }
    if let Some(count) = told
        .pointer("/commentSummary/count")
        .and_then(Value::as_i64)
    {
        metrics.push(Metric::new(Measure::Comments, count));
    }
    Ok(Some(PostMetrics::of(post, metrics)))
}

fn of_member_post(api: &Api, post: &Receipt) -> Result<PostMetrics> {
    let kind = if is_ugc(&post.id) { "ugc" } else { "share" };
    let mut metrics = Vec::new();
    for (name, measure) in MEMBER {
        let answer = errors::look(api.find(&format!(
            "/rest/memberCreatorPostAnalytics?q=entity&entity=({kind}:{})&queryType={name}&aggregation=TOTAL",
            encode(&post.id)
        )))?;
        match answer.status {
            404 | 410 => return Ok(PostMetrics::gone(post)),
            403 if metrics.is_empty() => {
                return social(api, post)?.ok_or_else(|| {
                    Error::unsupported(
                        "the app may not read the numbers of a member's posts (scope r_member_postAnalytics)",
                    )
                });
            }
            // A number that this version, or this app, has not.
            400 | 403 => continue,
            _ => {}
        }
        let elements = publish::elements(&errors::judged(answer)?)?;
        if let Some(count) = elements
            .first()
            .and_then(|element| element.get("count")?.as_i64())
        {
            metrics.push(Metric::new(measure, count));
        }
    }
    Ok(PostMetrics::of(post, metrics))
}

/// The numbers of the author.
///
/// # Errors
/// By the table of errors; `Unsupported` where the app may not ask.
pub fn of_account(account: &Account) -> Result<Vec<Metric>> {
    let api = Api::of(account)?;
    let author = api.author()?;
    if !api.is_page() {
        let request = api.find("/rest/memberFollowersCount?q=me");
        let answer = errors::granted(request, "r_member_profileAnalytics")?;
        let elements = publish::elements(&answer)?;
        let count = elements
            .first()
            .and_then(|one| one.get("memberFollowersCount")?.as_i64());
        return Ok(count
            .map(|count| Metric::new(Measure::Followers, count))
            .into_iter()
            .collect());
    }
    let path = format!(
        "/rest/networkSizes/{}?edgeType=COMPANY_FOLLOWED_BY_MEMBER",
        encode(author)
    );
    let size: Value = errors::granted(api.get(&path), "r_organization_social")?.json()?;
    let mut metrics = counted(&size, &[("firstDegreeSize", Measure::Followers)]);
    let path = format!(
        "/rest/organizationalEntityShareStatistics?q=organizationalEntity&organizationalEntity={}",
        encode(author)
    );
    // Of all posts within the last twelve months.
    match errors::granted(api.find(&path), "rw_organization_admin") {
        Ok(answer) => {
            let elements = publish::elements(&answer)?;
            let told = elements
                .first()
                .and_then(|one| one.get("totalShareStatistics"));
            metrics.extend(told.map(|told| counted(told, &PAGE)).into_iter().flatten());
        }
        Err(Error::Unsupported(reason)) => log::warn!("{reason}"),
        Err(error) => return Err(error),
    }
    Ok(metrics)
}
