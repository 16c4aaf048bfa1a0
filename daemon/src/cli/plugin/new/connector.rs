//! A connector: it publishes, and reads the numbers.

use jarchi_plugin_sdk::{
    Account, Analytics, Delivery, Measure, Metric, Outcome, Post, PostMetrics, Problem, Publisher,
    Receipt, Result, count, http,
};
use serde::Deserialize;
use serde_json::json;

/// What the platform takes.
const LENGTH: usize = 280;

#[derive(Debug)]
pub struct Plugin;

jarchi_plugin_sdk::export!(Plugin: publisher, analytics);

/// What an account sets.
#[derive(Deserialize)]
struct Settings {
    server: String,
}

/// A post, as the platform has it.
#[derive(Deserialize)]
struct Note {
    id: String,
    url: String,
    #[serde(default)]
    likes: i64,
}

/// The address of notes on the account's server.
fn notes(account: &Account) -> Result<String> {
    let settings: Settings = account.settings()?;
    Ok(format!("{}/api/notes", settings.server.trim_end_matches('/')))
}

impl Publisher for Plugin {
    type State = (); // One step is all.

    fn validate(_: &Account, post: &Post) -> Result<Vec<Problem>> {
        Ok(match count::graphemes(&post.text) {
            0 => vec![Problem::error("text", "there is nothing to say")],
            1..=LENGTH => vec![],
            length => vec![Problem::error(
                "text",
                format!("{length} characters of {LENGTH}"),
            )],
        })
    }

    fn publish(delivery: &Delivery) -> Result<Outcome> {
        let note: Note = http::post(notes(&delivery.account)?)
            .bearer("token") // The broker puts the secret in; the plugin never has it.
            .header("idempotency-key", delivery.key.as_str())
            .json(&json!({ "text": delivery.post.text }))
            .commit()?
            .json()?;
        Ok(Receipt::new(note.id).url(note.url).into())
    }
}

impl Analytics for Plugin {
    fn posts(account: &Account, posts: &[Receipt]) -> Result<Vec<PostMetrics>> {
        let notes = notes(account)?;
        posts
            .iter()
            .map(|post| {
                let url = format!("{notes}/{}", http::encode(&post.id));
                let note: Note = http::get(url).bearer("token").read()?.json()?;
                let likes = Metric::new(Measure::Likes, note.likes);
                Ok(PostMetrics::of(post, vec![likes]))
            })
            .collect()
    }
}
