//! Posts in the brand's voice, written by a language model behind any OpenAI-compatible
//! endpoint.
//!
//! Nothing that a model says is trusted: its answer is read against a schema, and every
//! text passes the guard or is asked for again, with the reason, a bounded number of
//! times. What a day may cost is reserved before a request leaves, and settled after.

mod alt;
mod answer;
mod chat;
mod facts;
mod guard;
mod ideas;
pub mod ledger;
mod lengths;
mod pictures;
mod post;
mod prompt;
mod session;
mod settings;

use jarchi_plugin_sdk::generator::{Batch, Brief};
use jarchi_plugin_sdk::{Generator, Result, debug};

use settings::{Settings, Task};

/// The generator.
#[derive(Debug)]
pub struct Llm;

impl Generator for Llm {
    fn generate(brief: &Brief) -> Result<Batch> {
        let settings = Settings::of(brief)?;
        if settings.drafts == 0 {
            debug!("asked what it has, which is nothing: `per_run` makes it write by schedule");
            return Ok(Batch::empty());
        }
        match settings.task {
            Task::Post => post::write(brief, &settings),
            Task::Ideas => ideas::write(brief, &settings),
            Task::Alt => alt::write(brief, &settings),
        }
    }
}

/// The beginning of a text's BLAKE3, in hexadecimal.
fn digest(text: &str) -> String {
    blake3::hash(text.as_bytes())
        .to_hex()
        .chars()
        .take(16)
        .collect()
}

jarchi_plugin_sdk::export!(Llm: generator);
