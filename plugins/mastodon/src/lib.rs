//! Jarchi's connector for Mastodon and the servers that speak its API.
//!
//! [`compose`] turns a post into the statuses that it becomes, [`limits`] are the
//! server's own, [`check`] holds the one against the other, [`publish`] sends step after
//! step and looks up what may have arrived, [`numbers`] reads what became of it.

pub mod api;
pub mod check;
pub mod compose;
pub mod limits;
pub mod numbers;
pub mod publish;

use jarchi_plugin_sdk::{
    Account, Analytics, Delivery, Finding, Metric, Outcome, Post, PostMetrics, Problem, Publisher,
    Receipt, Result, Timestamp,
};

use api::Api;
use publish::State;

/// The connector.
pub struct Mastodon;

impl Publisher for Mastodon {
    type State = State;

    fn validate(account: &Account, post: &Post) -> Result<Vec<Problem>> {
        let limits = limits::of(&Api::of(account)?)?;
        check::check(&compose::settings(account)?, post, &limits)
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

impl Analytics for Mastodon {
    fn posts(account: &Account, posts: &[Receipt]) -> Result<Vec<PostMetrics>> {
        numbers::of_posts(&Api::of(account)?, posts)
    }

    fn account(account: &Account) -> Result<Vec<Metric>> {
        numbers::of_account(&Api::of(account)?)
    }
}

jarchi_plugin_sdk::export!(Mastodon: publisher, analytics);
