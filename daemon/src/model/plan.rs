//! Slots that the planner filled with a brief, and drafts that wait for one.

use serde::{Deserialize, Serialize};

use super::{Draft, Id, Provenance, TimeSpan, Timestamp};

/// Where a planned slot stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlanState {
    /// It has a brief, and no post yet.
    Planned,
    /// It has a post.
    Filled,
    /// No generator had something. It is asked again as long as the slot is to come.
    Failed { reason: String },
    /// A person wants nothing there.
    Cancelled { reason: String },
}

impl PlanState {
    pub const fn name(&self) -> &'static str {
        match self {
            PlanState::Planned => "planned",
            PlanState::Filled => "filled",
            PlanState::Failed { .. } => "failed",
            PlanState::Cancelled { .. } => "cancelled",
        }
    }
}

/// A slot of a brand, and what is to be in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Planned {
    pub id: Id,
    pub brand: String,
    pub slot: Timestamp,
    /// They get the same post.
    pub accounts: Vec<String>,
    pub pillar: String,
    /// Of a pillar that sells, when it was planned.
    pub promotional: bool,
    pub campaign: Option<String>,
    pub state: PlanState,
    /// Nothing and nobody changes it before it is unlocked.
    pub locked: bool,
    pub created_at: Timestamp,
    /// The queue's row that fills it.
    pub job: Option<Id>,
    pub post: Option<Id>,
    /// What filled it.
    pub generator: Option<String>,
    /// Generator and reason: why those that were asked gave nothing, the last time.
    pub refusals: Vec<(String, String)>,
    /// What the generator was asked, JSON.
    pub brief: Option<String>,
    /// What a person said of the post before.
    pub feedback: Option<String>,
}

impl Planned {
    /// As people read it: a lock is a state to them.
    pub fn state_name(&self) -> &'static str {
        match &self.state {
            PlanState::Planned | PlanState::Filled if self.locked => "locked",
            state => state.name(),
        }
    }

    /// Nothing else is planned there.
    pub fn holds_its_slot(&self, account: &str) -> bool {
        self.accounts.iter().any(|name| name == account)
    }
}

/// A generator's draft without a time of its own, which waits for a planned slot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stocked {
    pub key: String,
    pub revision: String,
    pub draft: Draft,
    /// Accounts that it is for; empty: any.
    pub accounts: Vec<String>,
    pub pillar: Option<String>,
    pub campaign: Option<String>,
    pub repeat_after: Option<TimeSpan>,
    pub source: Option<String>,
    /// Plugin and version.
    pub plugin: String,
    /// Times that it was posted before.
    pub round: u32,
    /// What came first goes out first.
    pub order: Id,
    /// Why it can't be posted, until its revision changes.
    pub rejected: Option<String>,
    #[serde(default)]
    pub provenance: Option<Box<Provenance>>,
}
