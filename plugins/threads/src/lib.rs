//! Jarchi's connector for Threads.
//!
//! [`plan`] turns a post into its parts and their containers, [`check`] tells what Threads
//! would refuse, [`publish`] publishes part after part and looks up what may have arrived,
//! [`reading`] reads numbers, replies and the account.

pub mod api;
pub mod check;
pub mod plan;
pub mod publish;
pub mod reading;

use jarchi_plugin_sdk::connection::Standing;
use jarchi_plugin_sdk::inbox::{Answer, Finding as Reply, Message, Page};
use jarchi_plugin_sdk::{
    Account, Analytics, Connection, Delivery, Finding, Inbox, Metric, Outcome, Post, PostMetrics,
    Problem, Publisher, Receipt, Result, Timestamp,
};

use api::Api;
use publish::State;

/// The connector.
pub struct Threads;

impl Publisher for Threads {
    type State = State;

    fn validate(_: &Account, post: &Post) -> Result<Vec<Problem>> {
        Ok(check::check(post))
    }

    fn publish(delivery: &Delivery) -> Result<Outcome> {
        publish::step(delivery, State::default())
    }

    fn resume(delivery: &Delivery, state: State) -> Result<Outcome> {
        publish::step(delivery, state)
    }

    fn find_published(
        delivery: &Delivery,
        state: Option<State>,
        since: Timestamp,
    ) -> Result<Finding> {
        publish::find(delivery, state.unwrap_or_default(), since)
    }

    fn delete(account: &Account, receipt: &Receipt) -> Result<()> {
        publish::delete(&Api::of(account)?, receipt)
    }
}

impl Connection for Threads {
    fn check(account: &Account) -> Result<Standing> {
        reading::standing(&Api::of(account)?)
    }
}

impl Analytics for Threads {
    fn posts(account: &Account, posts: &[Receipt]) -> Result<Vec<PostMetrics>> {
        reading::of_posts(&Api::of(account)?, posts)
    }

    fn account(account: &Account) -> Result<Vec<Metric>> {
        reading::of_account(&Api::of(account)?)
    }
}

impl Inbox for Threads {
    fn fetch(account: &Account, cursor: Option<&str>) -> Result<Page> {
        reading::fetch(&Api::of(account)?, cursor)
    }

    fn reply(account: &Account, answer: &Answer) -> Result<Receipt> {
        reading::reply(&Api::of(account)?, answer)
    }

    fn find_reply(account: &Account, answer: &Answer, since: Timestamp) -> Result<Reply> {
        reading::find_reply(&Api::of(account)?, answer, since)
    }

    fn hide(account: &Account, message: &Message) -> Result<()> {
        reading::hide(&Api::of(account)?, message)
    }
}

jarchi_plugin_sdk::export!(Threads: publisher, connection, analytics, inbox);
