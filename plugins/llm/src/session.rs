//! One run: the endpoint, the facts, the guard, and the asking that goes on until a draft
//! passes.

use jarchi_plugin_sdk::generator::{Batch, Brief, Provenance};
use jarchi_plugin_sdk::{Error, Problem, Result, count, info, kv, random, text, warn};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::chat::{Chat, Message, Role, Stop};
use crate::facts::Facts;
use crate::guard::{Guard, Sources};
use crate::ledger::Ledger;
use crate::prompt::{self, System};
use crate::settings::Settings;
use crate::{answer, digest};

/// Where texts are remembered that were written and may not be published yet.
const WRITTEN: &str = "written";

/// How many, and the characters of each.
const REMEMBERED: usize = 20;
const LENGTH: usize = 600;

/// Characters of a wrong answer that the model is shown again.
const SHOWN: usize = 4000;

pub(crate) struct Session<'a> {
    pub(crate) brief: &'a Brief,
    pub(crate) settings: &'a Settings,
    pub(crate) facts: Facts,
    pub(crate) guard: Guard,
    pub(crate) mark: String,
    pub(crate) system: System,
    /// Published lately, or written by earlier runs; the newest first.
    pub(crate) earlier: Vec<String>,
    /// What is talked about, as far as the brand could say it itself.
    pub(crate) topics: Vec<String>,
    pub(crate) batch: Batch,
    written: Vec<String>,
    chat: Chat<'a>,
}

impl<'a> Session<'a> {
    /// # Errors
    /// Facts or memory can't be read.
    pub(crate) fn open(brief: &'a Brief, settings: &'a Settings, task: &str) -> Result<Self> {
        let mut facts = match &settings.facts {
            Some(folder) => Facts::read(folder)
                .map_err(|error| error.context(format!("setting `facts`, folder `{folder}`")))?,
            None => Facts::default(),
        };
        let mut batch = Batch::empty();
        batch.problems.append(&mut facts.problems);
        let written: Vec<String> = kv::get(WRITTEN)?.unwrap_or_default();
        let mut earlier = written.clone();
        let new = brief.recent.iter().filter(|text| !written.contains(text));
        earlier.extend(new.cloned());
        let mark = format!("{:016x}", random::number());
        let system = prompt::system(brief, settings, task);
        let examples = brief.voice.iter().flat_map(|voice| &voice.examples);
        let known: Vec<String> = earlier.iter().chain(examples).cloned().collect();
        let guard = Guard::new(&Sources {
            brief,
            settings,
            facts: &facts.all(),
            instructions: &system.ours,
            mark: &mark,
            earlier: &known,
        });
        let topics = brief.topics.iter().map(|topic| topic.name.as_str());
        // A name with an address, a taboo or a price in it helps nobody.
        let topics = topics.filter(|name| guard.check(name).is_ok());
        let topics = topics.take(settings.topics).map(prompt::line).collect();
        Ok(Session {
            brief,
            settings,
            facts,
            guard,
            mark,
            system,
            earlier,
            topics,
            batch,
            written,
            chat: Chat::open(settings, Ledger::open(&settings.budget, brief)?)?,
        })
    }

    /// Asks until an answer passes, at most `retries` times more than once; the inner
    /// error is why the last one did not.
    pub(crate) fn until<T: DeserializeOwned, U>(
        &mut self,
        user: Message,
        schema: &Value,
        mut check: impl FnMut(&Guard, T, bool) -> Result<U, String>,
    ) -> Result<Result<U, String>, Stop> {
        let first = [Message::new(Role::System, self.system.whole.clone()), user];
        let mut messages = first.to_vec();
        for attempt in 0.. {
            let last = attempt == self.settings.retries;
            let reply = self.chat.ask(&messages, schema)?;
            let reason = if reply.refused {
                String::from("the model, or a filter of the endpoint's, refused")
            } else if reply.cut {
                format!(
                    "it was cut off at {} tokens: write less",
                    self.settings.max_tokens
                )
            } else {
                match answer::read(&reply.text).and_then(|read| check(&self.guard, read, last)) {
                    Ok(good) => return Ok(Ok(good)),
                    Err(reason) => reason,
                }
            };
            if last && reply.cut {
                return Err(Stop::Error(Error::transient(format!(
                    "the model's answers are longer than `max_tokens`, {}",
                    self.settings.max_tokens
                ))));
            }
            if last {
                return Ok(Err(reason));
            }
            warn!(attempt = attempt + 1; "asked again: {reason}");
            // The latest answer alone: a conversation of failures only grows dearer.
            messages.truncate(first.len());
            let shown = text::truncate(&reply.text, SHOWN, count::chars);
            if !shown.trim().is_empty() {
                messages.push(Message::new(Role::Assistant, shown));
            }
            let again = format!(
                "This can't be used: {reason}. Answer again, with one JSON object that fits the \
                 schema and the rules."
            );
            match messages.last_mut() {
                Some(user) if user.role == Role::User => {
                    user.text.push_str("\n\n");
                    user.text.push_str(&again);
                }
                _ => messages.push(Message::new(Role::User, again)),
            }
        }
        Ok(Err(String::from("it was never asked")))
    }

    /// A draft's text was taken: it is not written again.
    pub(crate) fn remember(&mut self, text: &str) {
        self.guard.remember(text);
        self.earlier.insert(0, text.to_owned());
        let kept = text::truncate(text, LENGTH, count::chars).to_owned();
        self.written.insert(0, kept);
        self.written.truncate(REMEMBERED);
    }

    /// What a draft that answers this is made from. Prompt and facts are long, and the
    /// operator's own: their fingerprint and their names tell them again.
    pub(crate) fn provenance(&self, user: &Message) -> Provenance {
        let prompt = format!("{}\n{}", self.system.whole, user.text);
        let facts = self.facts.files.iter().map(|(path, _)| path.clone());
        Provenance {
            model: Some(self.settings.model.clone()),
            prompt: Some(format!("blake3:{}", digest(&prompt))),
            sources: facts.collect(),
        }
    }

    pub(crate) fn problem(&mut self, place: impl Into<String>, reason: impl Into<String>) {
        self.batch.problems.push(Problem::error(place, reason));
    }

    /// The run is over: what was made is handed out, with why it is not more; the reason
    /// alone where there is nothing.
    pub(crate) fn close(mut self, stop: Option<Stop>) -> Result<Batch> {
        info!(model = self.settings.model; "{}", self.chat.ledger.told());
        if let Some(stop) = stop {
            if self.batch.drafts.is_empty() {
                return Err(stop.into_error());
            }
            let reason = format!("the rest was not made: {}", stop.reason());
            self.problem("drafts", reason);
        }
        if let Err(error) = kv::set(WRITTEN, &self.written) {
            warn!("what was written is not remembered: {error:?}");
        }
        Ok(self.batch)
    }
}
