//! Looking for posts among those of the account. X has no idempotency key: a post is told
//! by its words, its files, and what it replies to.

use jarchi_plugin_sdk::http::encode;
use jarchi_plugin_sdk::{Delivery, Finding, Millis, Result, Timestamp, count, text, time};

use crate::api::{Api, Entities, ShortUrl, Tweet, Whole, harmless};
use crate::compose::{self, Options, Part};
use crate::publish::State;

/// How far X's clock may be behind ours (milliseconds).
pub const SKEW: Millis = 5 * 60 * 1000;
/// Pages of 100 posts that are searched.
const SEARCHED: usize = 4;

/// What is asked of a post to tell it.
const FIELDS: &str = "attachments,created_at,entities,note_tweet,referenced_tweets";

/// Looks for the parts that the state does not name.
///
/// # Errors
/// X did not tell.
pub fn find(delivery: &Delivery, mut state: State, since: Timestamp) -> Result<Finding> {
    let api = Api::of(&delivery.account)?;
    let options: Options = delivery.post.options().unwrap_or_default();
    let (mut posts, complete) = own_posts(&api, since)?;
    let known = state.parts.len();
    let parts = compose::parts(&delivery.post);
    state
        .media
        .resize(parts.iter().map(|part| part.media.len()).sum(), None);
    while let Some(part) = parts.get(state.parts.len()) {
        let files = State::range(&parts, state.parts.len());
        let keys: Vec<Option<&str>> = state.media[files]
            .iter()
            .map(|upload| upload.as_ref().and_then(|upload| upload.key.as_deref()))
            .collect();
        let is_it = |post: &Tweet| is_it(part, &keys, &state.parts, &options, post);
        match posts.iter().position(is_it) {
            Some(at) => state.parts.push(posts.swap_remove(at).id),
            None => break,
        }
    }
    if state.parts.len() == parts.len() {
        return Ok(Finding::Found(state.receipt()?));
    }
    if state.parts.len() > known {
        let note = format!("{} of {} parts published", state.parts.len(), parts.len());
        return Ok(Finding::Partial(state.progress(note)?));
    }
    Ok(match complete {
        true => Finding::Absent,
        false => Finding::CannotTell(format!(
            "the account published more than {} posts since; its latest are not the one",
            posts.len()
        )),
    })
}

/// What the account published since then, newest first, and whether that is all.
///
/// # Errors
/// X did not tell.
pub fn own_posts(api: &Api, since: Timestamp) -> Result<(Vec<Tweet>, bool)> {
    let path = format!("/2/users/{}/tweets", encode(&api.my_id()?));
    // The API takes whole seconds, without decimals.
    let oldest = time::format_rfc3339(since.saturating_sub(SKEW) / 1000 * 1000);
    let oldest = oldest.replace(".000Z", "Z");
    let mut posts = Vec::new();
    let mut token: Option<String> = None;
    for _ in 0..SEARCHED {
        let mut request = api
            .request("GET", &path)
            .query("exclude", "retweets")
            .query("max_results", 100)
            .query("start_time", &oldest)
            .query("tweet.fields", FIELDS);
        if let Some(token) = &token {
            request = request.query("pagination_token", token);
        }
        let page: Whole<Vec<Tweet>> = harmless(request)?.json()?;
        posts.extend(page.data.unwrap_or_default());
        token = page.meta.next_token;
        if token.is_none() {
            return Ok((posts, true));
        }
    }
    Ok((posts, false))
}

fn is_it(
    part: &Part<'_>,
    keys: &[Option<&str>],
    before: &[String],
    options: &Options,
    post: &Tweet,
) -> bool {
    let answered = before.last().or(options.reply_to.as_ref());
    // A link to a post makes a quote of its own accord.
    let quoted = options.quote.as_deref().filter(|_| before.is_empty());
    if before.contains(&post.id)
        || post.refers("replied_to") != answered.map(String::as_str)
        || quoted.is_some_and(|quoted| post.refers("quoted") != Some(quoted))
        || post.attachments.media_keys.len() != part.media.len()
        || post.attachments.poll_ids.is_empty() != part.poll.is_none()
    {
        return false;
    }
    let theirs = post.attachments.media_keys.iter();
    let same_files = !keys.is_empty()
        && keys
            .iter()
            .copied()
            .eq(theirs.map(|key| Some(key.as_str())));
    let wanted = ours(&part.text);
    // Without words only the files can tell one post from another.
    same_files || (!wanted.is_empty() && wanted == words(post))
}

/// What tells a text that was sent.
pub fn ours(text: &str) -> String {
    let text = text::nfc(text);
    let mut whole = String::with_capacity(text.len());
    let mut from = 0;
    for url in count::x::urls(&text) {
        whole.push_str(&text[from..url.start]);
        whole.push_str(&bare(url.text));
        from = url.end;
    }
    whole.push_str(&text[from..]);
    essence(&whole)
}

/// What tells a post of X's: its words, with its addresses as they were before X made them
/// short.
pub fn words(post: &Tweet) -> String {
    let (text, entities) = whole_of(post);
    essence(&lengthened(text, entities, long))
}

/// A post's text for people: with whole addresses, and without those of its files.
pub fn readable(post: &Tweet) -> String {
    let (text, entities) = whole_of(post);
    let long = |url: &ShortUrl| match &url.expanded_url {
        _ if url.media_key.is_some() => String::new(),
        Some(long) => long.clone(),
        None => url.url.clone(),
    };
    lengthened(text, entities, long).trim().to_owned()
}

/// The text, also of a long post.
fn whole_of(post: &Tweet) -> (&str, &Entities) {
    match &post.note_tweet {
        Some(note) => (&note.text, &note.entities),
        None => (&post.text, &post.entities),
    }
}

fn lengthened(text: &str, entities: &Entities, long: impl Fn(&ShortUrl) -> String) -> String {
    let mut whole = text.to_owned();
    for url in &entities.urls {
        whole = whole.replacen(&url.url, &long(url), 1);
    }
    for (entity, character) in [("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")] {
        whole = whole.replace(entity, character);
    }
    text::nfc(&whole)
}

/// Nothing, for an address that stands for a file.
fn long(url: &ShortUrl) -> String {
    match &url.expanded_url {
        Some(long) if url.media_key.is_none() => bare(long),
        _ => String::new(),
    }
}

/// An address without what X adds: the scheme, and a slash behind the domain.
fn bare(url: &str) -> String {
    let lower = url.to_lowercase();
    let rest = lower
        .strip_prefix("https://")
        .or(lower.strip_prefix("http://"));
    rest.unwrap_or(&lower).trim_end_matches('/').to_owned()
}

/// Letters and digits; all but white space, where there are none.
fn essence(text: &str) -> String {
    let letters: String = text.chars().filter(|c| c.is_alphanumeric()).collect();
    match letters.is_empty() {
        true => text.split_whitespace().collect(),
        false => letters,
    }
}
