//! What somebody must be told of, and the breakers that keep off what would fail.

use serde::{Deserialize, Serialize};

use super::{Id, Severity, Timestamp};

/// A cause that lasts, told once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// The same for the same cause, as `account:shop:unauthorized`.
    pub cause: String,
    pub severity: Severity,
    /// What happened, in one sentence.
    pub what: String,
    /// What helps, in one sentence.
    pub remedy: String,
    /// The account that it is about.
    pub account: Option<String>,
    /// The plugin that it is about.
    pub plugin: Option<String>,
    /// A cause that comes back has another.
    pub outbreak: Id,
    pub since: Timestamp,
    pub last_seen: Timestamp,
    pub count: u64,
    /// Deliveries that still stand so; the last one that is settled ends the alarm.
    pub open: u64,
    /// The channels have got it.
    pub announced: bool,
    /// The cause is gone, and the channels have not got that yet.
    pub cleared: Option<Timestamp>,
    pub told: Vec<Told>,
}

/// Whether a channel was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    pub channel: String,
    /// None: the message is on its way.
    pub at: Option<Timestamp>,
    /// The queue's row that carries it.
    pub job: Id,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoticeKind {
    Alarm,
    AllClear,
    Test,
}

impl NoticeKind {
    pub const fn name(self) -> &'static str {
        match self {
            NoticeKind::Alarm => "alarm",
            NoticeKind::AllClear => "all-clear",
            NoticeKind::Test => "test",
        }
    }
}

/// A message to one channel: whole in itself, since its alarm may be over by the time it
/// arrives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    pub kind: NoticeKind,
    pub cause: String,
    pub severity: Severity,
    pub what: String,
    pub remedy: String,
    pub outbreak: Id,
    pub since: Timestamp,
    /// When the cause was seen last, or gone.
    pub at: Timestamp,
    pub count: u64,
    /// Of an all-clear: the row of its alarm's message, which it replaces where that has
    /// not arrived.
    pub replaces: Option<Id>,
}

impl Notice {
    /// The same for every try at the same message: a receiver can tell that it had it.
    pub fn id(&self) -> String {
        format!("{}-{}-{}", self.since.0, self.outbreak, self.kind.name())
    }

    /// One line.
    pub fn title(&self) -> String {
        let word = match (self.kind, self.severity) {
            (NoticeKind::AllClear, _) => "over",
            (NoticeKind::Test, _) => "test",
            (NoticeKind::Alarm, Severity::Error) => "error",
            (NoticeKind::Alarm, Severity::Warning) => "warning",
        };
        format!("[{word}] {}", self.what)
    }

    /// All of it, for people.
    pub fn text(&self) -> String {
        match self.kind {
            NoticeKind::AllClear => format!(
                "{}\nFrom {} to {}, seen {} times. Nothing is left to do.\n({})",
                self.title(),
                self.since,
                self.at,
                self.count,
                self.cause
            ),
            NoticeKind::Alarm | NoticeKind::Test => format!(
                "{}\n{}\nSince {}. ({})",
                self.title(),
                self.remedy,
                self.since,
                self.cause
            ),
        }
    }
}

/// Keeps further calls off an account or a plugin after faults that say "it is not this
/// post". What there is no record of is closed and has seen no fault.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breaker {
    /// Since the last call that went well, by account.
    pub faults: Vec<(String, u32)>,
    /// The last one.
    pub reason: String,
    pub open: Option<Open>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    pub since: Timestamp,
    /// One probe is let through from then on.
    pub until: Timestamp,
    /// Probes that failed, and the opening itself.
    pub pauses: u32,
    /// The account's token is refused: a changed secret closes it.
    pub unauthorized: bool,
    /// The delivery that is let through, and since when.
    pub probe: Option<(Id, Timestamp)>,
}
