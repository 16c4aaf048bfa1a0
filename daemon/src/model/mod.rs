//! The product's words as types. They depend on nothing but serde.
//!
//! The store encodes these types as MessagePack arrays: a field is only ever added at
//! the end, with `#[serde(default)]`, and never renamed in meaning or removed.

mod account;
mod alarm;
mod delivery;
mod id;
mod inbox;
mod job;
mod learn;
mod metric;
mod plan;
mod post;
mod review;
mod time;
mod topic;

pub use account::{Checked, Chosen, Connection, Ended};
pub use alarm::{Alarm, Breaker, Notice, NoticeKind, Open, Told};
pub use delivery::{
    Attempt, AttemptOutcome, Delivery, Fault, Problem, Progress, Receipt, Severity, State, Variant,
};
pub use id::{DeliveryKey, Digest, Id, ParseIdError};
pub use inbox::{Message, MessageKind, MessagePage, Reply};
pub use job::{Job, JobFault, Lease, NewJob, Priority, Work};
pub use learn::{LearnState, Lesson};
pub use metric::{Measure, Metric, ParseMeasureError, Sample};
pub use plan::{PlanState, Planned, Stocked};
pub use post::{
    Draft, FocalPoint, Link, MediaItem, MediaKind, Mention, Offer, Origin, Poll, Post, Provenance,
    ThreadPart, Visibility,
};
pub use review::{Decision, OnDeadline, Review, Terms};
pub use time::{ParseTimeSpanError, TimeSpan, Timestamp};
pub use topic::{PastPost, Topic, Topics};
