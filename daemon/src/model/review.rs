//! Whether a person lets a post out, and what came of the question.

use serde::{Deserialize, Serialize};

use super::{Id, TimeSpan, Timestamp};

/// What becomes of a post that nobody has said anything of in time. The later ones are the
/// stricter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnDeadline {
    Publish,
    /// It waits on.
    Hold,
    Cancel,
}

impl OnDeadline {
    pub const fn name(self) -> &'static str {
        match self {
            OnDeadline::Publish => "publish",
            OnDeadline::Hold => "hold",
            OnDeadline::Cancel => "cancel",
        }
    }
}

/// On what terms a post waits for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// It is never published without a yes.
    pub required: bool,
    /// How long before its due time somebody should have answered.
    pub deadline: TimeSpan,
    pub on_deadline: OnDeadline,
    /// How long before the deadline of a required one an alarm is raised.
    pub remind: TimeSpan,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    Approved,
    Rejected {
        because: Option<String>,
    },
    /// Nobody answered in time: published or cancelled by its terms.
    Lapsed,
}

impl Decision {
    pub const fn name(&self) -> &'static str {
        match self {
            Decision::Approved => "approved",
            Decision::Rejected { .. } => "rejected",
            Decision::Lapsed => "lapsed",
        }
    }
}

/// The question whether a post may go out. As long as there is no answer, its deliveries
/// are pending.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    pub terms: Terms,
    pub proposed_at: Timestamp,
    pub decision: Option<Decision>,
    pub decided_at: Option<Timestamp>,
    /// Who answered: `command`, or a name and the account through which it came.
    pub by: Option<String>,
    /// The queue's row that looks after the deadline.
    pub job: Option<Id>,
    /// The post that brought this draft to whoever has the say.
    #[serde(default)]
    pub message: Option<Id>,
}

impl Review {
    pub const fn new(terms: Terms, now: Timestamp) -> Self {
        Review {
            terms,
            proposed_at: now,
            decision: None,
            decided_at: None,
            by: None,
            job: None,
            message: None,
        }
    }

    /// When somebody should have answered at the latest, of a post that is due then.
    pub fn deadline(&self, due: Timestamp) -> Timestamp {
        due.saturating_sub(self.terms.deadline)
    }
}
