//! Jarchi's connector for Telegram, through its Bot API.
//!
//! [`plan`] turns a post into the messages that it becomes, [`markup`] is their text as
//! Telegram counts it, [`check`] tells what would be refused, [`send`] makes the requests,
//! [`publish`] takes step after step. [`updates`] takes what happens to the bot: comments
//! and messages for [`inbox`], reactions and votes for [`numbers`], and the forwards into
//! the discussion group, which show where a post went.

pub mod api;
pub mod check;
pub mod connection;
pub mod inbox;
pub mod markup;
pub mod numbers;
pub mod options;
pub mod plan;
pub mod publish;
pub mod send;
pub mod updates;

use jarchi_plugin_sdk::{
    Account, Analytics, Connection, Delivery, Finding, Inbox, Metric, Outcome, Post, PostMetrics,
    Problem, Publisher, Receipt, Result, Timestamp,
};

use api::Bot;
use publish::State;

/// The connector.
pub struct Telegram;

impl Publisher for Telegram {
    type State = State;

    fn validate(account: &Account, post: &Post) -> Result<Vec<Problem>> {
        check::check(&Bot::of(account)?, post)
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
        publish::delete(&Bot::of(account)?, receipt)
    }
}

impl Connection for Telegram {
    fn targets(account: &Account) -> Result<Vec<jarchi_plugin_sdk::connection::Target>> {
        connection::targets(&Bot::of(account)?)
    }

    fn check(account: &Account) -> Result<jarchi_plugin_sdk::connection::Standing> {
        connection::check(&Bot::of(account)?)
    }
}

impl Analytics for Telegram {
    fn posts(account: &Account, posts: &[Receipt]) -> Result<Vec<PostMetrics>> {
        numbers::of_posts(&Bot::of(account)?, posts)
    }

    fn account(account: &Account) -> Result<Vec<Metric>> {
        numbers::of_account(&Bot::of(account)?)
    }
}

impl Inbox for Telegram {
    fn fetch(account: &Account, cursor: Option<&str>) -> Result<jarchi_plugin_sdk::inbox::Page> {
        inbox::fetch(&Bot::of(account)?, cursor)
    }

    fn reply(account: &Account, answer: &jarchi_plugin_sdk::inbox::Answer) -> Result<Receipt> {
        inbox::reply(&Bot::of(account)?, answer)
    }

    fn like(account: &Account, message: &jarchi_plugin_sdk::inbox::Message) -> Result<()> {
        inbox::like(&Bot::of(account)?, message)
    }
}

jarchi_plugin_sdk::export!(Telegram: publisher, connection, analytics, inbox);
