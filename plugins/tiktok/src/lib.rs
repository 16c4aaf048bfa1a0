//! Jarchi's connector for TikTok, by the Content Posting API.
//!
//! [`plan`] says what a post becomes, [`check`] what TikTok would refuse, [`publish`]
//! announces, uploads and waits, one step a call, [`find`] asks what became of a lost
//! answer, [`numbers`] reads what came of it.

pub mod api;
pub mod check;
pub mod connection;
pub mod find;
pub mod numbers;
pub mod plan;
pub mod publish;

use jarchi_plugin_sdk::connection::{Standing, Target};
use jarchi_plugin_sdk::{
    Account, Analytics, Connection, Delivery, Finding, Metric, Outcome, Post, PostMetrics, Problem,
    Publisher, Receipt, Result, Timestamp,
};

use api::Api;
use publish::State;

/// The connector.
pub struct TikTok;

impl Publisher for TikTok {
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
}

impl Connection for TikTok {
    fn targets(account: &Account) -> Result<Vec<Target>> {
        connection::targets(&Api::of(account)?)
    }

    fn check(account: &Account) -> Result<Standing> {
        connection::check(&Api::of(account)?)
    }
}

impl Analytics for TikTok {
    fn posts(account: &Account, posts: &[Receipt]) -> Result<Vec<PostMetrics>> {
        numbers::of_posts(&Api::of(account)?, posts)
    }

    fn account(account: &Account) -> Result<Vec<Metric>> {
        numbers::of_account(&Api::of(account)?)
    }
}

jarchi_plugin_sdk::export!(TikTok: publisher, connection, analytics);
