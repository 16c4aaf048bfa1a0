//! Rows of work in the durable queue.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Fault, Id, Notice, Reply, Timestamp};

/// Of the jobs that are due in a lane, the urgent go first.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Priority {
    Urgent,
    #[default]
    Normal,
    Background,
}

impl Priority {
    pub const ALL: [Priority; 3] = [Priority::Urgent, Priority::Normal, Priority::Background];
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Work {
    Publish {
        delivery: Id,
    },
    /// Ask a generator what it has.
    Generate {
        generator: String,
    },
    MeasurePosts {
        account: String,
    },
    MeasureAccount {
        account: String,
    },
    /// Nothing; for measuring the queue itself.
    Idle {
        note: String,
    },
    /// Write the store into a file of this folder, and keep so many of them.
    Backup {
        folder: PathBuf,
        keep: usize,
    },
    /// Forget what is old.
    Tidy,
    /// Look after what nobody reports, and hand alarms to their channels.
    Watch,
    /// Refresh the tokens of an account before they end, or tell that they will.
    Refresh {
        account: String,
    },
    /// Fill the free slots of the coming days with briefs.
    Plan {
        /// None: of all brands.
        brand: Option<String>,
        days: u32,
    },
    /// Find a post for a planned slot.
    Fill {
        planned: Id,
    },
    /// See to a post that nobody has let out, before its deadline and at it.
    Deadline {
        post: Id,
    },
    /// Bring posts that wait for a person to one, and take on what was answered.
    Consult,
    /// Answer somebody who wrote to an account.
    Reply {
        account: String,
        reply: Box<Reply>,
    },
    /// Bring a message to a channel.
    Notify {
        channel: String,
        notice: Notice,
    },
    /// Read the numbers of those posts that have come to an age.
    MeasureAges {
        account: String,
    },
}

/// Work that has not been accepted yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewJob {
    /// Jobs of one lane run one after the other, in the order in which they are due.
    pub lane: String,
    pub priority: Priority,
    pub due: Timestamp,
    pub work: Work,
}

/// A row of the queue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    pub id: Id,
    pub lane: String,
    pub priority: Priority,
    pub due: Timestamp,
    pub created_at: Timestamp,
    pub work: Work,
    /// Tries that ended in a fault, since the job was enqueued or requeued.
    pub tries: u32,
    /// The latest 20.
    pub faults: Vec<JobFault>,
    /// A dead letter, and why.
    pub dead: Option<String>,
    /// When `due` was last reckoned from the clock of that moment, which may have been
    /// wrong; none where somebody chose it.
    #[serde(default)]
    pub put_off: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobFault {
    pub at: Timestamp,
    pub fault: Fault,
}

/// A job that is being worked on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Of one run of a daemon.
    pub owner: String,
    pub since: Timestamp,
    pub until: Timestamp,
}
