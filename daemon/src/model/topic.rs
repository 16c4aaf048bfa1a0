//! What generators tell each other, and what is told of the past.

use serde::{Deserialize, Serialize};

use super::{Draft, Id, Metric, Timestamp};

/// Something that is talked about. Its words are strangers'.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topic {
    pub name: String,
    /// Without the number sign.
    pub hashtag: Option<String>,
    /// The pillar that it fits.
    pub pillar: Option<String>,
    /// 0 to 100.
    pub score: u32,
    /// Why, for people.
    pub reasons: Vec<String>,
    pub link: Option<String>,
}

/// What one generator found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topics {
    pub at: Timestamp,
    pub topics: Vec<Topic>,
}

/// A post that went out on some accounts, with what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct PastPost {
    pub id: Id,
    pub draft: Draft,
    pub pillar: Option<String>,
    pub campaign: Option<String>,
    pub source: Option<String>,
    /// The draft's key, where the generator that asks has made it.
    pub own_key: Option<String>,
    pub accounts: Vec<String>,
    /// The last of these times.
    pub at: Timestamp,
    /// The latest readings, added up over the accounts.
    pub metrics: Vec<Metric>,
}
