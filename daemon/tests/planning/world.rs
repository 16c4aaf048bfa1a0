//! A brand with pillars, accounts with slots, and a generator that does as it is told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use jarchi::config::{Brand, Campaign, Config, GeneratorConfig, Goal, Pillar, PillarKind};
use jarchi::content::{Batch, Brief, Generating, GeneratorDraft, Generators};
use jarchi::model::{Fault, Provenance, Timestamp, Topic};

use crate::common::text;

pub const BRAND: &str = "bakery";

pub fn pillar(name: &str, kind: PillarKind, weight: u32, generators: &[&str]) -> Pillar {
    Pillar {
        learn: None,
        name: name.to_owned(),
        kind,
        weight,
        description: None,
        generators: generators.iter().map(ToString::to_string).collect(),
        accounts: Vec::new(),
        approval: Default::default(),
    }
}

pub fn campaign(name: &str, starts: &str, ends: &str, share: f64) -> Campaign {
    Campaign {
        name: name.to_owned(),
        goal: Goal::Sales,
        starts: starts.parse().unwrap(),
        ends: ends.parse().unwrap(),
        share,
        pillars: Vec::new(),
        link: None,
        utm: Vec::new(),
        targets: BTreeMap::new(),
    }
}

pub fn generator(name: &str) -> GeneratorConfig {
    GeneratorConfig {
        name: name.to_owned(),
        plugin: "none".to_owned(),
        brand: BRAND.to_owned(),
        accounts: Vec::new(),
        pillar: None,
        folders: BTreeMap::new(),
        settings: serde_json::Map::new(),
        secrets: BTreeMap::new(),
        watch: false,
        approval: Default::default(),
    }
}

/// Changes the brand of a configuration.
pub fn with_brand(config: &Arc<Config>, change: impl FnOnce(&mut Brand)) -> Config {
    let mut config = (**config).clone();
    change(config.brands.get_mut(BRAND).unwrap());
    config
}

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub type Answer = Box<dyn Fn(&Brief, usize) -> Result<Given, Fault> + Send + Sync>;

/// What a generator gives, and whether that is all that there is.
#[derive(Default)]
pub struct Given {
    pub drafts: Vec<GeneratorDraft>,
    pub complete: bool,
    pub topics: Option<Vec<Topic>>,
}

impl From<Vec<GeneratorDraft>> for Given {
    fn from(drafts: Vec<GeneratorDraft>) -> Self {
        Given {
            drafts,
            complete: false,
            topics: None,
        }
    }
}

/// Answers as the test says; the number is that of the call. Remembers what it was asked.
pub struct Writer {
    answer: Answer,
    pub asked: Mutex<Vec<Brief>>,
}

impl Writer {
    pub fn new(
        answer: impl Fn(&Brief, usize) -> Result<Given, Fault> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Writer {
            answer: Box::new(answer),
            asked: Mutex::default(),
        })
    }

    pub fn briefs(&self) -> Vec<Brief> {
        self.asked.lock().unwrap().clone()
    }
}

/// A generator that belongs to a test.
pub struct Of(pub Arc<Writer>);

impl Generators for Of {
    fn wants_history(&self, generator: &GeneratorConfig) -> bool {
        generator.name == "again"
    }

    fn generate(&self, brief: Brief) -> Generating<'_> {
        Box::pin(async move {
            let number = {
                let mut asked = self.0.asked.lock().unwrap();
                asked.push(brief.clone());
                asked.len()
            };
            if brief.generator.name == "hung" {
                std::future::pending::<()>().await;
            }
            let given = (self.0.answer)(&brief, number)?;
            Ok(Batch {
                plugin: "writer 1".to_owned(),
                drafts: given.drafts,
                complete: given.complete,
                problems: Vec::new(),
                topics: given.topics,
            })
        })
    }
}

pub fn draft(key: &str, words: &str) -> GeneratorDraft {
    GeneratorDraft {
        key: key.to_owned(),
        revision: "1".to_owned(),
        draft: text(words),
        accounts: Vec::new(),
        pillar: None,
        campaign: None,
        due: None,
        repeat_after: None,
        source: None,
        provenance: Some(Provenance {
            prompt: Some("blake3:of-the-prompt".to_owned()),
            sources: vec!["facts.csv".to_owned()],
            ..Provenance::default()
        }),
    }
}
