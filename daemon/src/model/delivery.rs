//! One post on one account: the unit that is published, retried and measured.

use serde::{Deserialize, Serialize};

use super::{DeliveryKey, Digest, Draft, Id, Link, ThreadPart, TimeSpan, Timestamp};

/// Where a delivery stands. Every change is one durable batch, made in
/// `publish::transition`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Not due, or due and not begun.
    Waiting,
    /// A step was begun, and its outcome is not known yet. Found like this after a crash,
    /// it is looked up before anything is sent.
    Attempting {
        since: Timestamp,
    },
    /// Steps are done, more are to do (`Delivery::progress`).
    Processing,
    Published,
    /// A call ended without an answer; it is being looked up.
    Unknown {
        since: Timestamp,
        reason: String,
    },
    /// Can be neither looked up nor repeated safely: a person decides.
    Parked {
        reason: String,
    },
    Failed {
        reason: String,
    },
    Cancelled {
        reason: String,
    },
    /// Too late to be worth posting.
    Missed {
        reason: String,
    },
    /// A person has not let its post out yet: nothing in the queue works on it.
    Pending,
}

impl State {
    pub const fn name(&self) -> &'static str {
        match self {
            State::Waiting => "waiting",
            State::Attempting { .. } => "attempting",
            State::Processing => "processing",
            State::Published => "published",
            State::Unknown { .. } => "unknown",
            State::Parked { .. } => "parked",
            State::Failed { .. } => "failed",
            State::Cancelled { .. } => "cancelled",
            State::Missed { .. } => "missed",
            State::Pending => "pending",
        }
    }

    /// Nothing more happens by itself.
    pub const fn is_settled(&self) -> bool {
        matches!(
            self,
            State::Published
                | State::Parked { .. }
                | State::Failed { .. }
                | State::Cancelled { .. }
                | State::Missed { .. }
        )
    }
}

/// What a connector gave back when more is to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The connector's own, JSON.
    pub state: String,
    pub note: String,
    /// Others can see some of the post.
    pub visible: bool,
}

/// What the platform said of a published delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    pub id: String,
    pub url: Option<String>,
    pub published_at: Option<Timestamp>,
    #[serde(default)]
    pub parts: Vec<String>,
    /// The connector's own, JSON.
    pub data: Option<String>,
}

/// Why a try at a job did not succeed, in the terms that the queue acts on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    #[error("the platform asks to wait{}", .0.map(|span| format!(" {span}")).unwrap_or_default())]
    RateLimited(Option<TimeSpan>),
    #[error("the account is not authorised: {0}")]
    Unauthorized(String),
    #[error("{0}")]
    Invalid(String),
    #[error("{0}")]
    Transient(String),
    #[error("nobody knows whether it was published: {0}")]
    UnknownOutcome(String),
    #[error("not supported: {0}")]
    Unsupported(String),
}

/// One try, for the history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    pub began: Timestamp,
    pub ended: Timestamp,
    /// `publish`, `resume`, `find-published`.
    pub call: String,
    pub outcome: AttemptOutcome,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttemptOutcome {
    Published,
    Progressed(String),
    Found,
    Absent,
    CannotTell(String),
    Fault(Fault),
    /// The daemon stopped in the middle.
    Interrupted,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    pub id: Id,
    pub post: Id,
    /// The account's name in the configuration.
    pub account: String,
    pub key: DeliveryKey,
    pub created_at: Timestamp,
    pub due: Timestamp,
    pub state: State,
    pub progress: Option<Progress>,
    pub receipt: Option<Receipt>,
    /// The queue's row, as long as there is one.
    pub job: Option<Id>,
    /// Of what is sent: text, media, link and options.
    pub fingerprint: Option<Digest>,
    /// When the first call that could publish something began.
    pub first_attempt: Option<Timestamp>,
    /// Faults since the last step that went well.
    pub faults: u32,
    /// The latest 20.
    pub history: Vec<Attempt>,
    /// Published again in this place: the round, from 0.
    #[serde(default)]
    pub round: u32,
    /// When the first of those tries at the step that is next began that may have gone
    /// through without anybody knowing; none, when the step is known not to be out.
    #[serde(default)]
    pub uncertain: Option<Timestamp>,
    /// The words in which it was begun, where they are other than its post's.
    #[serde(default)]
    pub variant: Option<Box<Variant>>,
}

/// A draft's words as one platform gets them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Variant {
    pub text: String,
    pub thread: Vec<ThreadPart>,
    pub link: Option<Link>,
    pub hashtags: Vec<String>,
    pub first_comment: Option<String>,
}

impl Variant {
    /// A draft's own words.
    pub fn of(draft: &Draft) -> Self {
        Variant {
            text: draft.text.clone(),
            thread: draft.thread.clone(),
            link: draft.link.clone(),
            hashtags: draft.hashtags.clone(),
            first_comment: draft.first_comment.clone(),
        }
    }

    /// The draft in these words.
    pub fn apply(&self, draft: Draft) -> Draft {
        Draft {
            text: self.text.clone(),
            thread: self.thread.clone(),
            link: self.link.clone(),
            hashtags: self.hashtags.clone(),
            first_comment: self.first_comment.clone(),
            ..draft
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    Error,
    Warning,
}

/// Something that the platform would refuse, or that a person should know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    pub severity: Severity,
    /// `text`, `media[1].alt`, or a file's path.
    pub place: String,
    pub message: String,
}
