//! Jarchi's connector for Bluesky and every other server of the AT Protocol.
//!
//! [`plan`] turns a post into what its records say, [`publish`] puts them into the
//! account's repository, [`numbers`] reads what became of them; [`session`] keeps the
//! account logged in, and [`xrpc`] knows what the servers' refusals mean.

pub mod facets;
pub mod files;
pub mod numbers;
pub mod options;
pub mod plan;
pub mod publish;
pub mod record;
pub mod session;
pub mod tid;
pub mod video;
pub mod xrpc;

use jarchi_plugin_sdk::{
    Account, Analytics, Delivery, Finding, Metric, Outcome, Post, PostMetrics, Problem, Publisher,
    Receipt, Result, Timestamp,
};

use options::Settings;
use publish::State;
use session::Session;

/// The connector.
pub struct Bluesky;

impl Publisher for Bluesky {
    type State = State;

    fn validate(account: &Account, post: &Post) -> Result<Vec<Problem>> {
        let plan = plan::plan(&Settings::of(account)?, post);
        let mut problems = plan.problems;
        for part in &plan.parts {
            files::check(part.media, &part.place, &mut problems);
        }
        Ok(problems)
    }

    fn publish(delivery: &Delivery) -> Result<Outcome> {
        publish::begin(delivery)
    }

    fn resume(delivery: &Delivery, state: State) -> Result<Outcome> {
        publish::go_on(delivery, state)
    }

    fn find_published(delivery: &Delivery, state: Option<State>, _: Timestamp) -> Result<Finding> {
        publish::find(delivery, state)
    }

    fn delete(account: &Account, receipt: &Receipt) -> Result<()> {
        publish::delete(&mut Session::open(account)?, receipt)
    }
}

impl Analytics for Bluesky {
    fn posts(account: &Account, posts: &[Receipt]) -> Result<Vec<PostMetrics>> {
        numbers::of_posts(account, posts)
    }

    fn account(account: &Account) -> Result<Vec<Metric>> {
        numbers::of_account(account)
    }
}

jarchi_plugin_sdk::export!(Bluesky: publisher, analytics);
