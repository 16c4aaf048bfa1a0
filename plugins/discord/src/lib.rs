//! Jarchi's connector for Discord, through a webhook of a channel.
//!
//! [`options`] are the account's settings and a post's own, [`plan`] turns a post into
//! messages, [`check`] tells what would be refused, [`publish`] sends one message a call,
//! [`numbers`] reads reactions and votes.

pub mod api;
pub mod check;
pub mod numbers;
pub mod options;
pub mod plan;
pub mod publish;

use jarchi_plugin_sdk::connection::Standing;
use jarchi_plugin_sdk::{
    Account, Analytics, Connection, Delivery, Finding, Metric, Outcome, Post, PostMetrics, Problem,
    Publisher, Receipt, Result, Timestamp,
};

use api::Webhook;
use publish::State;

/// The connector.
pub struct Discord;

impl Publisher for Discord {
    type State = State;

    fn validate(account: &Account, post: &Post) -> Result<Vec<Problem>> {
        Ok(check::check(&Webhook::of(account)?, post))
    }

    fn publish(delivery: &Delivery) -> Result<Outcome> {
        publish::step(delivery, State::default())
    }

    fn resume(delivery: &Delivery, state: State) -> Result<Outcome> {
        publish::step(delivery, state)
    }

    fn find_published(_: &Delivery, _: Option<State>, _: Timestamp) -> Result<Finding> {
        Ok(Finding::CannotTell(
            "a webhook can't list what it posted: look into the channel yourself".into(),
        ))
    }

    fn delete(account: &Account, receipt: &Receipt) -> Result<()> {
        publish::delete(&Webhook::of(account)?, receipt)
    }
}

impl Connection for Discord {
    fn check(account: &Account) -> Result<Standing> {
        numbers::standing(&Webhook::of(account)?)
    }
}

impl Analytics for Discord {
    fn posts(account: &Account, posts: &[Receipt]) -> Result<Vec<PostMetrics>> {
        numbers::of_posts(&Webhook::of(account)?, posts)
    }

    fn account(account: &Account) -> Result<Vec<Metric>> {
        numbers::of_account(&Webhook::of(account)?)
    }
}

jarchi_plugin_sdk::export!(Discord: publisher, connection, analytics);
