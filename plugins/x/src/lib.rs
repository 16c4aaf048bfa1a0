//! Jarchi's connector for X, by its API v2.
//!
//! [`compose`] turns a post into the posts that it becomes, [`check`] holds them against
//! X's limits, [`upload`] brings the files there, [`publish`] sends step after step,
//! [`find`] looks for what may have arrived; [`numbers`], [`inbox`] and [`connect`] are
//! the other capabilities. [`api`] has what X's refusals mean.

pub mod api;
pub mod check;
pub mod compose;
pub mod connect;
pub mod find;
pub mod inbox;
pub mod numbers;
pub mod publish;
pub mod upload;

use jarchi_plugin_sdk::connection::{Standing, Target};
use jarchi_plugin_sdk::{
    Account, Analytics, Connection, Delivery, Finding, Inbox, Metric, Outcome, Post, PostMetrics,
    Problem, Publisher, Receipt, Result, Timestamp, inbox as words,
};

use api::Api;
use publish::State;

/// The connector.
pub struct X;

impl Publisher for X {
    type State = State;

    fn validate(account: &Account, post: &Post) -> Result<Vec<Problem>> {
        Ok(check::check(&Api::of(account)?.settings, post))
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
        find::find(delivery, state.unwrap_or_default(), since)
    }

    fn delete(account: &Account, receipt: &Receipt) -> Result<()> {
        publish::delete(&Api::of(account)?, receipt)
    }
}

impl Connection for X {
    fn targets(account: &Account) -> Result<Vec<Target>> {
        connect::targets(&Api::of(account)?)
    }

    fn check(account: &Account) -> Result<Standing> {
        connect::check(&Api::of(account)?)
    }
}

impl Analytics for X {
    fn posts(account: &Account, posts: &[Receipt]) -> Result<Vec<PostMetrics>> {
        numbers::of_posts(&Api::of(account)?, posts)
    }

    fn account(account: &Account) -> Result<Vec<Metric>> {
        numbers::of_account(&Api::of(account)?)
    }
}

impl Inbox for X {
    fn fetch(account: &Account, cursor: Option<&str>) -> Result<words::Page> {
        inbox::fetch(&Api::of(account)?, cursor)
    }

    fn reply(account: &Account, answer: &words::Answer) -> Result<Receipt> {
        inbox::reply(&Api::of(account)?, answer)
    }

    fn find_reply(
        account: &Account,
        answer: &words::Answer,
        since: Timestamp,
    ) -> Result<words::Finding> {
        inbox::find_reply(&Api::of(account)?, answer, since)
    }

    fn hide(account: &Account, message: &words::Message) -> Result<()> {
        inbox::hide(&Api::of(account)?, message)
    }

    fn like(account: &Account, message: &words::Message) -> Result<()> {
        inbox::like(&Api::of(account)?, message)
    }
}

jarchi_plugin_sdk::export!(X: publisher, connection, analytics, inbox);
