//! New items of feeds as posts: RSS, Atom and JSON Feed.
//!
//! Every item is posted once, oldest first, a few a run; what is left waits for the next.
//! What is in a feed when it is first read is not posted, unless that is asked for. What
//! is remembered is kept with the answer to the call, or not at all.

mod feed;
mod fetch;
mod plain;
mod settings;
mod state;
mod template;

use jarchi_plugin_sdk::generator::{Batch, Brief, Draft};
use jarchi_plugin_sdk::{Generator, Link, Post, Problem, Result, count, info, text};

use feed::Item;
use fetch::Fetched;
use settings::Settings;
use state::{State, Waiting};

/// Bytes of memory for items that wait, over all feeds: half of what a plugin has.
const ROOM: usize = 512 << 10;

/// Of a link's card.
const DESCRIPTION: usize = 300;

/// The generator.
#[derive(Debug)]
pub struct Rss;

impl Generator for Rss {
    fn generate(brief: &Brief) -> Result<Batch> {
        let settings = Settings::of(brief)?;
        let mut run = Run {
            limit: brief
                .accounts
                .iter()
                .filter_map(|account| account.text)
                .min()
                .map(|limit| limit as usize),
            settings: &settings,
            now: brief.now,
            feeds: Vec::with_capacity(settings.feeds.len()),
            batch: Batch::empty(),
        };
        for url in &settings.feeds {
            run.read(url)?;
        }
        run.hand_out();
        state::forget_others(&settings.feeds)?;
        Ok(run.batch)
    }
}

struct Run<'a> {
    settings: &'a Settings,
    now: u64,
    /// The shortest text that an account takes at most.
    limit: Option<usize>,
    feeds: Vec<Source<'a>>,
    batch: Batch,
}

struct Source<'a> {
    url: &'a str,
    state: State,
    /// What is handed out by this run, the last run's first.
    drafts: Vec<Draft>,
}

impl<'a> Run<'a> {
    fn problem(&mut self, url: &str, message: impl Into<String>) {
        self.batch.problems.push(Problem::error(url, message));
    }

    fn warning(&mut self, url: &str, message: impl Into<String>) {
        self.batch.problems.push(Problem::warning(url, message));
    }

    /// Reads a feed. One that can't be read keeps what it has, and stops no other.
    fn read(&mut self, url: &'a str) -> Result<()> {
        let mut state = State::load(url)?;
        if let Err(message) = self.refresh(url, &mut state) {
            self.problem(url, message);
        }
        let again = std::mem::take(&mut state.handed);
        let mut source = Source {
            url,
            state,
            drafts: Vec::new(),
        };
        for waiting in again {
            // What the template makes nothing of any more was told of then, or is below.
            if let Ok(Some(draft)) = self.draft(&source, &waiting) {
                source.drafts.push(draft);
            }
        }
        self.feeds.push(source);
        Ok(())
    }

    fn refresh(&mut self, url: &str, state: &mut State) -> Result<(), String> {
        let Fetched::Document(response) = fetch::fetch(url, state)? else {
            return Ok(());
        };
        let from = if response.url.is_empty() {
            url
        } else {
            &response.url
        };
        let feed = feed::read(&response.body, from)?;
        if from != url && state.moved_to.as_deref() != Some(from) {
            state.moved_to = Some(from.to_owned());
            self.warning(
                url,
                format!("the feed answers from `{from}`: if it has moved for good, write that into `feeds`"),
            );
        }
        let first = !state.begun;
        let items = feed.items.len();
        let room = ROOM / self.settings.feeds.len().max(1);
        let left = state.take(feed, self.settings, self.now, room);
        if first {
            let posted = state.waiting.len();
            info!(feed = url; "first read: {items} items, {posted} of them to be posted");
        }
        if left > 0 {
            // Asked for as a whole again, so that none of them is missed.
            state.etag = None;
            state.last_modified = None;
            let waiting = state.waiting.len();
            self.warning(
                url,
                format!(
                    "{waiting} items wait, and {left} more are new in the feed: let the schedule run \
                     more often, or `max_per_run` be larger"
                ),
            );
        } else {
            state.etag = fetch::validator(&response, "etag");
            state.last_modified = fetch::validator(&response, "last-modified");
        }
        Ok(())
    }

    /// The oldest of the waiting items of all feeds, as many as a run may post.
    fn hand_out(&mut self) {
        for _ in 0..self.settings.max_per_run {
            let oldest = self
                .feeds
                .iter()
                .enumerate()
                .filter_map(|(index, source)| Some((source.state.waiting.front()?.at, index)))
                .min();
            let Some((_, index)) = oldest else {
                break;
            };
            let source = &self.feeds[index];
            let (url, drafted) = match source.state.waiting.front() {
                Some(waiting) => (source.url, self.draft(source, waiting)),
                None => break,
            };
            let drafted = match drafted {
                Ok(drafted) => drafted,
                Err(message) => {
                    // Not the item's fault: it waits until the template is mended.
                    self.problem(url, message);
                    break;
                }
            };
            let source = &mut self.feeds[index];
            let Some(waiting) = source.state.waiting.pop_front() else {
                break;
            };
            match drafted {
                Some(draft) => {
                    source.drafts.push(draft);
                    source.state.handed.push(waiting);
                }
                None => self.warning(
                    url,
                    format!(
                        "item `{}` is passed over: the template makes no text of it",
                        waiting.item.id
                    ),
                ),
            }
        }
        for source in std::mem::take(&mut self.feeds) {
            match source.state.save(source.url) {
                Ok(()) => self.batch.drafts.extend(source.drafts),
                // Handed out now, they would be handed out for ever.
                Err(error) => self.problem(
                    source.url,
                    format!(
                        "its items are not posted, as they could not be remembered: {}",
                        memory(&error)
                    ),
                ),
            }
        }
    }

    fn render(
        &self,
        source: &Source<'_>,
        item: &Item,
        limit: Option<usize>,
    ) -> Result<String, String> {
        self.settings
            .template
            .render(item, &source.state.title, limit)
            .map_err(|message| format!("setting `template`: {message}"))
    }

    /// None where the template makes no text of the item.
    ///
    /// # Errors
    /// The template fails; in words.
    fn draft(&self, source: &Source<'_>, waiting: &Waiting) -> Result<Option<Draft>, String> {
        let item = &waiting.item;
        let hashtags: usize = self
            .settings
            .hashtags
            .iter()
            .map(|tag| count::graphemes(tag) + 2)
            .sum();
        let rendered = self.render(source, item, None)?;
        let link = item.link.as_deref().unwrap_or_default();
        // A connector that has no cards puts the address behind the text.
        let address = if link.is_empty() || rendered.contains(link) {
            0
        } else {
            count::graphemes(link) + 2
        };
        let rendered = match self.limit {
            None => rendered,
            Some(limit) => {
                let left = limit.saturating_sub(hashtags + address).max(1);
                self.render(source, item, Some(left))?
            }
        };
        if rendered.is_empty() {
            return Ok(None);
        }
        Ok(Some(Draft {
            key: key(source.url, &item.id),
            // An item that is edited is not posted anew.
            revision: String::from("1"),
            post: Post {
                text: rendered,
                language: self.settings.language.clone(),
                link: item.link.clone().map(|url| Link {
                    url,
                    title: Some(item.title.clone()).filter(|title| !title.is_empty()),
                    description: Some(text::shorten(&item.summary, DESCRIPTION, count::graphemes))
                        .filter(|summary| !summary.is_empty()),
                    thumbnail: None,
                }),
                hashtags: self.settings.hashtags.clone(),
                ..Post::default()
            },
            variants: Vec::new(),
            accounts: Vec::new(),
            pillar: None,
            campaign: None,
            due: None,
            repeat_after: None,
            provenance: None,
            source: Some(item.link.clone().unwrap_or_else(|| source.url.to_owned())),
        }))
    }
}

/// The feed's address and the item's identity, or a digest of one that is too long to be
/// a key.
fn key(url: &str, id: &str) -> String {
    if id.len() <= 300 && !id.contains(char::is_control) {
        format!("{url} {id}")
    } else {
        format!("{url} digest:{}", feed::digest(id))
    }
}

fn memory(error: &jarchi_plugin_sdk::kv::Error) -> String {
    use jarchi_plugin_sdk::kv::Error;
    match error {
        Error::Quota(bytes) => format!(
            "the plugin's memory of {bytes} bytes is full; let its limit `kv` be larger, or give it \
             fewer feeds"
        ),
        Error::InvalidKey(reason) | Error::Store(reason) => reason.clone(),
    }
}

jarchi_plugin_sdk::export!(Rss: generator);

#[cfg(test)]
mod tests;
