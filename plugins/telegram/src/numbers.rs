//! The numbers. A bot sees no views; reactions and votes come as updates alone.

use jarchi_plugin_sdk::{Error, Measure, Metric, PostMetrics, Receipt, Result};
use serde_json::json;

use crate::api::Bot;
use crate::publish::Kept;
use crate::updates::Book;

/// What the updates told of posts so far. A post without any is left out: it may have
/// none, or they came while nobody looked.
///
/// # Errors
/// Telegram refused.
pub fn of_posts(bot: &Bot, posts: &[Receipt]) -> Result<Vec<PostMetrics>> {
    let mut book = Book::open()?;
    match book.take(bot) {
        Ok(_) => {}
        // Another program takes them; what is known stays.
        Err(Error::Invalid(why) | Error::Unsupported(why) | Error::Transient(why)) => {
            jarchi_plugin_sdk::info!("reactions and votes are as they were: {why}");
        }
        Err(other) => return Err(other),
    }
    let mut found = Vec::new();
    for post in posts {
        let kept: Kept = post.data()?;
        let mut metrics = Vec::new();
        let ours = |number: &i64| kept.messages.contains(number);
        let reactions = book.reactions.iter().filter(|(message, _)| ours(message));
        let reactions: Vec<i64> = reactions.map(|(_, count)| *count).collect();
        if !reactions.is_empty() {
            metrics.push(Metric::new(Measure::Likes, reactions.iter().sum()));
        }
        if let Some((_, votes)) = book
            .votes
            .iter()
            .find(|(poll, _)| Some(poll) == kept.poll.as_ref())
        {
            metrics.push(Metric::new(Measure::Other("votes".into()), *votes));
        }
        if !metrics.is_empty() {
            found.push(PostMetrics::of(post, metrics));
        }
    }
    Ok(found)
}

/// # Errors
/// Telegram refused.
pub fn of_account(bot: &Bot) -> Result<Vec<Metric>> {
    let members: i64 = bot.read("getChatMemberCount", json!({ "chat_id": bot.chat()? }))?;
    Ok(vec![Metric::new(Measure::Followers, members)])
}
