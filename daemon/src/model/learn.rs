//! What a brand does by its numbers, and the record of each change of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Id, Timestamp};

/// What is in force for a brand.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LearnState {
    /// The best hours of the week by account, as they were when it was planned last.
    pub hours: BTreeMap<String, Vec<u8>>,
    /// Weights of pillars that follow the numbers.
    pub weights: BTreeMap<String, f64>,
    /// Hours of the week that a person wants, by account.
    pub pinned_hours: BTreeMap<String, Vec<u8>>,
    /// Weights that a person wants.
    pub pinned_weights: BTreeMap<String, f64>,
}

/// A change, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lesson {
    pub id: Id,
    pub brand: String,
    pub at: Timestamp,
    /// An account, or a pillar.
    pub of: String,
    /// None: nothing was there.
    pub before: Option<String>,
    /// None: nothing is there any more.
    pub after: Option<String>,
    pub because: String,
}
