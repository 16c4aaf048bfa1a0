//! A generator: it makes drafts, which the daemon accepts, plans and publishes.

use jarchi_plugin_sdk::generator::{Batch, Brief, Draft};
use jarchi_plugin_sdk::{Generator, Link, Post, Result, http};
use serde::Deserialize;

#[derive(Debug)]
pub struct Plugin;

jarchi_plugin_sdk::export!(Plugin: generator);

/// What the generator's block sets.
#[derive(Deserialize)]
struct Settings {
    source: String,
}

/// A piece of news, as the source has it.
#[derive(Deserialize)]
struct Item {
    id: String,
    text: String,
    url: Option<String>,
    /// Changes when the item does.
    updated: String,
}

impl Generator for Plugin {
    fn generate(brief: &Brief) -> Result<Batch> {
        let settings: Settings = brief.settings()?;
        let items: Vec<Item> = http::get(&settings.source).read()?.json()?;
        Ok(Batch {
            drafts: items.into_iter().map(draft).collect(),
            // An item that is gone is withdrawn, as long as it is not published.
            complete: true,
            ..Batch::empty()
        })
    }
}

fn draft(item: Item) -> Draft {
    Draft {
        // The daemon knows a draft by its key, and never posts it a second time.
        key: item.id,
        revision: item.updated,
        source: item.url.clone(),
        post: Post {
            link: item.url.map(|url| Link {
                url,
                title: None,
                description: None,
                thumbnail: None,
            }),
            ..Post::text(item.text)
        },
        variants: Vec::new(),
        accounts: Vec::new(),
        pillar: None,
        campaign: None,
        due: None,
        repeat_after: None,
        provenance: None,
    }
}
