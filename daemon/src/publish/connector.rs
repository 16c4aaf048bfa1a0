//! What the station needs of a connector plugin.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::model::Timestamp;
use crate::model::{
    Delivery, Draft, Fault, Id, MessagePage, Metric, Problem, Progress, Receipt, Reply, TimeSpan,
    Variant,
};

/// A delivery as a connector sees it.
#[derive(Clone, Debug)]
pub struct Call {
    pub delivery: Delivery,
    /// The post in this account's words.
    pub draft: Draft,
    /// 1 for the first call of this step.
    pub attempt: u32,
}

/// What a call came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer<T> {
    pub result: Result<T, Fault>,
    /// Requests that can change something had left when the call ended: a call that
    /// broke off then has an unknown outcome.
    pub sent: bool,
    /// Requests of any kind.
    pub requests: u32,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Published(Receipt),
    /// More is to do, after this pause.
    Processing(Progress, TimeSpan),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Finding {
    Found(Receipt),
    Partial(Progress, TimeSpan),
    Absent,
    CannotTell(String),
}

/// What the platform lets us promise, as its manifest says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Promise {
    /// Sending the same key again within this time of the first try can't double it.
    pub idempotent_for: Option<TimeSpan>,
    pub can_look_up: bool,
    /// A look-up may find it, and is worth asking for that.
    pub may_look_up: bool,
    /// A new post is surely seen by a look-up after this.
    pub visible_after: TimeSpan,
}

/// A draft whose files are ready, or why they can't be.
pub type Preparation<'a> = Pin<Box<dyn Future<Output = Result<Draft, Fault>> + Send + 'a>>;

pub type Answering<'a, T> = Pin<Box<dyn Future<Output = Answer<T>> + Send + 'a>>;

/// One account on one platform.
pub trait Connector: Send + Sync {
    fn promise(&self) -> Promise;
    /// The words in which a post's draft goes to this account, where they are other than the
    /// draft's. The same draft comes out the same.
    fn variant(&self, _draft: &Draft) -> Option<Variant> {
        None
    }
    /// What the platform would say of it, once its files are ready.
    fn validate(&self, draft: Draft) -> Answering<'_, Vec<Problem>>;
    /// Makes the files ready for the platform. Nothing leaves, and the same draft comes out
    /// the same, however often it is asked for: the other calls are given what this makes.
    fn prepare(&self, draft: Draft) -> Preparation<'_>;
    fn publish(&self, call: Call) -> Answering<'_, Outcome>;
    fn resume(&self, call: Call, state: String) -> Answering<'_, Outcome>;
    fn find_published(
        &self,
        call: Call,
        state: Option<String>,
        since: Timestamp,
    ) -> Answering<'_, Finding>;
    fn delete(&self, receipt: Receipt) -> Answering<'_, ()>;
    /// Numbers of published posts, by the receipts' order; `None` where the platform gave
    /// none, an empty list where the post is gone.
    fn measure_posts(&self, receipts: Vec<(Id, Receipt)>) -> Answering<'_, Vec<Measured>>;
    fn measure_account(&self) -> Answering<'_, Vec<Metric>>;
    /// What people wrote, after the cursor, oldest first.
    fn fetch(&self, _cursor: Option<String>) -> Answering<'_, MessagePage> {
        Box::pin(async { no_inbox() })
    }
    /// Answers a message.
    fn reply(&self, _reply: Reply) -> Answering<'_, Receipt> {
        Box::pin(async { no_inbox() })
    }
}

fn no_inbox<T>() -> Answer<T> {
    Answer {
        result: Err(Fault::Unsupported("it has no inbox".to_owned())),
        sent: false,
        requests: 0,
    }
}

/// The numbers of one post.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    pub delivery: Id,
    pub metrics: Vec<Metric>,
    /// The platform no longer has it.
    pub gone: bool,
}

/// Why an account can't be used at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(pub String);

/// A post's draft as it goes to an account.
pub fn in_words(connector: &dyn Connector, draft: &Draft, account: &str, plugin: &str) -> Draft {
    let own = draft.in_words_of(account, plugin);
    match connector.variant(draft) {
        Some(variant) => variant.apply(own),
        None => own,
    }
}

pub trait Connectors: Send + Sync + 'static {
    /// # Errors
    /// The account is not configured any more, or its plugin is not loaded.
    fn connector(&self, account: &str) -> Result<Arc<dyn Connector>, Unavailable>;
}
