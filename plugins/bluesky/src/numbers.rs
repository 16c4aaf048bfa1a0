//! What is counted of posts and of the account.

use jarchi_plugin_sdk::{
    Account, Error, Measure, Metric, PostMetrics, Receipt, Result, http::Response,
};
use serde::Deserialize;

use crate::publish;
use crate::record::POST;
use crate::session::Session;
use crate::xrpc::{self, Stake};

/// Posts that one request may ask for.
const PAGE: usize = 25;

#[derive(Deserialize)]
struct Posts {
    posts: Vec<Counted>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Counted {
    uri: String,
    like_count: Option<i64>,
    repost_count: Option<i64>,
    reply_count: Option<i64>,
    quote_count: Option<i64>,
    bookmark_count: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Profile {
    followers_count: Option<i64>,
    follows_count: Option<i64>,
    posts_count: Option<i64>,
}

fn metrics<const N: usize>(counts: [(Measure, Option<i64>); N]) -> Vec<Metric> {
    counts
        .into_iter()
        .filter_map(|(measure, value)| Some(Metric::new(measure, value?)))
        .collect()
}

/// Asks the app view: the one that was named, or the server's own.
fn ask(session: &mut Session, method: &str, parameters: &[(&str, &str)]) -> Result<Response> {
    match session.settings.app_view.clone() {
        Some(view) => {
            let answer = xrpc::query(&view, method, parameters).send();
            Ok(xrpc::check(answer, Stake::Read)?)
        }
        None => Ok(session.send(Stake::Read, |base| xrpc::query(base, method, parameters))?),
    }
}

pub fn of_posts(account: &Account, posts: &[Receipt]) -> Result<Vec<PostMetrics>> {
    let mut session = Session::open(account)?;
    let mut read = Vec::with_capacity(posts.len());
    for page in posts.chunks(PAGE) {
        let parameters: Vec<_> = page.iter().map(|post| ("uris", post.id.as_str())).collect();
        let counted: Posts = ask(&mut session, "app.bsky.feed.getPosts", &parameters)?.json()?;
        for post in page {
            match counted.posts.iter().find(|counted| counted.uri == post.id) {
                Some(counted) => read.push(PostMetrics::of(
                    post,
                    metrics([
                        (Measure::Likes, counted.like_count),
                        (Measure::Shares, counted.repost_count),
                        (Measure::Comments, counted.reply_count),
                        (Measure::Quotes, counted.quote_count),
                        (Measure::Saves, counted.bookmark_count),
                    ]),
                )),
                // The app view may lag behind, or hide it: the repository knows.
                None if is_gone(&mut session, post)? => read.push(PostMetrics::gone(post)),
                None => {}
            }
        }
    }
    Ok(read)
}

fn is_gone(session: &mut Session, post: &Receipt) -> Result<bool> {
    let did = session.did.clone();
    match publish::key_of(&post.id, &did) {
        Ok(rkey) => Ok(publish::read(session, POST, rkey)?.is_none()),
        // Of another account that this one was before: not ours to tell.
        Err(Error::Invalid(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

pub fn of_account(account: &Account) -> Result<Vec<Metric>> {
    let mut session = Session::open(account)?;
    let did = session.did.clone();
    let profile: Profile = ask(
        &mut session,
        "app.bsky.actor.getProfile",
        &[("actor", &did)],
    )?
    .json()?;
    Ok(metrics([
        (Measure::Followers, profile.followers_count),
        (Measure::Following, profile.follows_count),
        (Measure::Posts, profile.posts_count),
    ]))
}
