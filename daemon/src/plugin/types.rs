//! What the stations and a plugin say to each other, as plain types.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::model::{
    DeliveryKey, Draft, Metric, PastPost, Problem, Progress, Provenance, Receipt, TimeSpan,
    Timestamp, Topic,
};

use super::broker::Secrets;

/// For whom a plugin is called: one account or one generator.
#[derive(Clone)]
pub struct Subject {
    /// Its name in the configuration.
    pub name: Arc<str>,
    /// Handed to the plugin as JSON.
    pub settings: Arc<Map<String, Value>>,
    pub secrets: Arc<dyn Secrets>,
    /// Granted folders by the name that the plugin knows; accounts have none. The media
    /// of a post are added to the calls about it.
    pub folders: Arc<BTreeMap<String, PathBuf>>,
}

/// One delivery, as a connector is asked to publish it.
#[derive(Clone, Copy, Debug)]
pub struct PublishRequest<'a> {
    /// As it goes to this account: the account's own words are already in `text`. Of
    /// `options`, the plugin sees those under its own name.
    pub draft: &'a Draft,
    pub key: &'a DeliveryKey,
    pub created_at: Timestamp,
    pub due: Timestamp,
    /// 1 for the first call of this step.
    pub attempt: u32,
}

/// What `publish` and `resume` answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Published(Receipt),
    /// More is to do, after this long.
    Processing {
        progress: Progress,
        after: TimeSpan,
    },
}

/// What `find-published` answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Finding {
    Found(Receipt),
    /// Some of it is there; go on from here.
    Partial {
        progress: Progress,
        after: TimeSpan,
    },
    /// It is not there: publishing again can't double it.
    Absent,
    CannotTell(String),
}

/// A profile that an account's credentials may post as.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// The platform's identifier.
    pub id: String,
    pub name: String,
    /// What it is, for people: `Page`, `organisation`.
    pub kind: String,
    pub url: Option<String>,
    /// Why nothing can be posted as it.
    pub obstacle: Option<String>,
    /// The account's settings that choose it.
    pub settings: Map<String, Value>,
}

/// How much of what the platform allows is used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quota {
    pub name: String,
    pub used: u64,
    pub limit: Option<u64>,
    pub resets: Option<Timestamp>,
}

/// What the platform says of an account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    pub name: String,
    pub url: Option<String>,
    /// Empty where the platform does not tell.
    pub scopes: Vec<String>,
    /// Needed, and not granted.
    pub lacking: Vec<String>,
    pub expires: Option<Timestamp>,
    pub quotas: Vec<Quota>,
    /// With an error among them, nothing can be posted.
    pub problems: Vec<Problem>,
}

/// What the platform counts of one post.
#[derive(Clone, Debug, PartialEq)]
pub struct PostMetrics {
    /// Of the receipt.
    pub id: String,
    pub metrics: Vec<Metric>,
    /// The platform no longer has the post.
    pub gone: bool,
}

/// What a generator is asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Brief {
    pub brand: String,
    /// BCP 47.
    pub languages: Vec<String>,
    /// IANA, as `Asia/Baku`.
    pub time_zone: String,
    pub now: Timestamp,
    /// 0: merely asked what it has.
    pub wanted: u32,
    pub slot: Option<Timestamp>,
    pub pillar: Option<Pillar>,
    pub campaign: Option<Campaign>,
    pub voice: Option<Voice>,
    pub accounts: Vec<AccountLimits>,
    pub hashtags: Vec<String>,
    /// What was published lately, newest first.
    pub recent: Vec<String>,
    /// Why the draft before was rejected.
    pub feedback: Option<String>,
    /// What went out on these accounts; its files may be given back in drafts.
    pub history: Vec<PastPost>,
    /// What the brand's other generators found.
    pub topics: Vec<Topic>,
}

/// What an account takes, so that a draft fits.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AccountLimits {
    pub account: String,
    pub plugin: String,
    /// By the platform's own count.
    pub text: Option<u32>,
    pub media: Option<u32>,
    pub polls: bool,
    pub threads: bool,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Voice {
    pub tone: String,
    pub examples: Vec<String>,
    pub taboos: Vec<String>,
    pub audience: Option<String>,
    pub call_to_action: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pillar {
    pub name: String,
    pub promotional: bool,
    pub description: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Campaign {
    pub name: String,
    pub goal: String,
    pub link: Option<String>,
}

/// What a generator gives back.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    pub drafts: Vec<Generated>,
    /// These are all that there are: one that was given before, is not here and is not
    /// published yet, is withdrawn. Never set where the host had to leave a draft out.
    pub complete: bool,
    /// Sources that were passed over, and drafts that can't be used.
    pub problems: Vec<Problem>,
    /// For the brand's other generators; none: as they were.
    pub topics: Option<Vec<Topic>>,
}

/// A draft with what a generator says around it.
#[derive(Clone, Debug, PartialEq)]
pub struct Generated {
    /// The same for the same piece of content, for ever.
    pub key: String,
    /// Changes when the content does.
    pub revision: String,
    pub draft: Draft,
    /// None: those of the generator's block.
    pub accounts: Vec<String>,
    pub pillar: Option<String>,
    pub campaign: Option<String>,
    pub due: Option<Due>,
    pub repeat_after: Option<TimeSpan>,
    /// A path or an address.
    pub source: Option<String>,
    /// Without the brief, which the host knows.
    pub provenance: Option<Provenance>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Due {
    At(Timestamp),
    /// By the wall clock of the brief's time zone, ISO 8601 without an offset.
    Local(String),
}
