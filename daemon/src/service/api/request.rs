//! What can be asked.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::Id;
use crate::service::Secret;
use crate::store::Target;

use super::{MetricsQuery, PostRequest, SeriesId};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "kebab-case")]
pub enum Request {
    /// Answer: [`super::Posted`].
    Post(Box<PostRequest>),
    /// Answer: [`super::Posts`].
    Posts {
        #[serde(default = "some")]
        limit: usize,
    },
    /// Answer: [`super::MediaUses`].
    MediaUses,
    /// Answer: [`super::PostDetail`].
    ShowPost {
        post: Id,
    },
    /// Answer: [`super::QueueList`].
    Queue {
        #[serde(default)]
        account: Option<String>,
        /// Settled ones as well.
        #[serde(default)]
        all: bool,
        /// Dead letters, parked and failed ones only.
        #[serde(default)]
        dead: bool,
        #[serde(default = "some")]
        limit: usize,
    },
    /// Answer: [`super::Deliveries`] of one.
    ShowDelivery {
        delivery: Id,
    },
    /// Answer: [`super::DeliveryLine`].
    Cancel {
        delivery: Id,
    },
    /// Answer: [`super::DeliveryLine`].
    Retry {
        delivery: Id,
    },
    /// Answer: [`super::DeliveryLine`].
    Move {
        delivery: Id,
        due: String,
    },
    /// Answer: [`super::DeliveryLine`].
    Resolve {
        delivery: Id,
        /// The address where it is; none: it is not there, and goes out again.
        published: Option<String>,
    },
    /// Posts that wait for a person. Answer: [`super::Reviews`].
    Reviews,
    /// Answer: [`super::Reviewed`], as that of the two below.
    Approve {
        post: Id,
    },
    Reject {
        post: Id,
        /// What is wrong with it; the generator is told.
        #[serde(default)]
        because: Option<String>,
    },
    Edit {
        post: Id,
        text: String,
        /// For this account alone.
        #[serde(default)]
        account: Option<String>,
    },
    /// A dead letter that is not a delivery waits again. Answer: the job.
    RetryJob {
        job: Id,
    },
    /// Answer: [`super::Metrics`].
    Metrics {
        post: Id,
    },
    /// Answer: [`super::Metrics`].
    AccountMetrics {
        account: String,
    },
    /// Answer: [`crate::measure::query::Table`].
    QueryMetrics(Box<MetricsQuery>),
    /// Answer: [`super::MetricsPage`].
    ExportMetrics {
        #[serde(default)]
        account: Option<String>,
        /// Where the page before ended.
        #[serde(default)]
        behind: Option<SeriesId>,
    },
    /// Answer: [`super::Schedules`].
    Schedules {
        #[serde(default = "few")]
        count: usize,
    },
    /// Asks a generator what it has. Answer: the job.
    Generate {
        generator: String,
    },
    /// Reads the numbers now. Answer: null.
    Measure,
    /// Answer: [`super::Held`].
    Hold {
        scope: String,
    },
    /// Answer: [`super::Released`].
    Release {
        scope: String,
    },
    /// Answer: [`super::AlarmList`].
    Alarms,
    /// Sends a test to one channel, or to all. Answer: a list of [`super::AlarmTest`].
    TestAlarm {
        #[serde(default)]
        name: Option<String>,
    },
    /// Answer: [`super::Status`].
    Status,
    /// Reads the configuration again. Answer: a text.
    Reload,
    /// Begins to connect an account. Answer: [`crate::service::AuthStart`].
    AuthAccount {
        account: String,
        redirect: String,
        /// Instead of the manifest's; empty: those.
        #[serde(default)]
        scopes: Vec<String>,
        /// The user has a token already, and pastes it.
        #[serde(default)]
        token: bool,
    },
    /// What came back from the platform's page. Answer: [`crate::account::Granted`].
    AnswerAuth {
        account: String,
        state: Secret,
        answer: Secret,
    },
    /// Keeps secrets that the user pasted. Answer: null.
    KeepSecrets {
        account: String,
        secrets: BTreeMap<String, Secret>,
    },
    /// Answer: [`crate::service::TargetList`].
    Targets {
        account: String,
    },
    /// Answer: [`crate::service::AccountReport`].
    ChooseTarget {
        account: String,
        target: String,
    },
    /// How accounts stand; all where none is named. Answer: a list of [`crate::service::AccountReport`].
    Accounts {
        #[serde(default)]
        names: Vec<String>,
        /// With a harmless call on each.
        #[serde(default)]
        check: bool,
    },
    /// Answer: how many secrets there were.
    ForgetAccount {
        account: String,
    },
    /// Fills the free slots of the coming days. Answer: a list of [`crate::plan::Proposal`].
    Plan {
        /// None: of all brands.
        #[serde(default)]
        brand: Option<String>,
        #[serde(default = "week")]
        days: u32,
        #[serde(default)]
        seed: u64,
        /// Nothing is written.
        #[serde(default)]
        dry_run: bool,
    },
    /// What the numbers say. Answer: a list of [`super::LearnReport`].
    Learned {
        /// None: of all brands.
        #[serde(default)]
        brand: Option<String>,
    },
    /// How far campaigns are from their targets. Answer: a list of
    /// [`crate::measure::goals::Goal`].
    Goals {
        #[serde(default)]
        brand: Option<String>,
    },
    /// What was changed by them. Answer: a list of [`crate::model::Lesson`].
    Lessons {
        #[serde(default)]
        brand: Option<String>,
        #[serde(default = "some")]
        limit: usize,
    },
    /// Pins an hour of an account, as `fri 19`, or the weight of a pillar, or lets it go.
    /// Answer: [`crate::model::LearnState`].
    PinLearned {
        #[serde(default)]
        brand: Option<String>,
        /// An account or a pillar.
        name: String,
        /// To let go, none: all of it.
        #[serde(default)]
        value: Option<String>,
        /// False: the numbers decide again.
        keep: bool,
    },
    /// Answer: [`super::Calendar`].
    Calendar {
        /// A day of the week, as `2026-11-24`; none: today.
        #[serde(default)]
        week: Option<String>,
        #[serde(default)]
        brand: Option<String>,
    },
    /// Answer: a list of [`crate::model::Planned`], as that of the four below.
    MovePlanned {
        planned: Id,
        to: String,
    },
    SwapPlanned {
        planned: Id,
        other: Id,
    },
    RegeneratePlanned {
        planned: Id,
        /// What is wrong with the post; the generator is told.
        #[serde(default)]
        because: Option<String>,
    },
    LockPlanned {
        planned: Id,
        locked: bool,
    },
    CancelPlanned {
        planned: Id,
    },
    /// Writes the store into a file. Answer: [`crate::store::BackupReport`].
    Backup {
        target: Target,
    },
}

fn some() -> usize {
    50
}

fn week() -> u32 {
    crate::config::ScheduleConfig::DAYS
}

fn few() -> usize {
    3
}
