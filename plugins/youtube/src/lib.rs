//! Jarchi's connector for YouTube: videos and Shorts, by the Data API.
//!
//! [`plan`] says what a post becomes and what YouTube would refuse, [`publish`] uploads
//! chunk after chunk and looks up what may have arrived, [`captions`] adds tracks,
//! [`channel`] tells what the token opens and what became of videos, [`analytics`] what
//! only reports count, [`inbox`] reads and answers comments; [`errors`] is the table of
//! refusals.

pub mod analytics;
pub mod api;
pub mod captions;
pub mod channel;
pub mod errors;
pub mod inbox;
pub mod plan;
pub mod publish;
pub mod settings;

use jarchi_plugin_sdk::connection::{Standing, Target};
use jarchi_plugin_sdk::inbox::{Answer, Message, Page};
use jarchi_plugin_sdk::{
    Account, Analytics, Connection, Delivery, Finding, Inbox, Metric, Outcome, Post, PostMetrics,
    Problem, Publisher, Receipt, Result, Timestamp,
};

use publish::State;

/// The connector.
pub struct YouTube;

impl Publisher for YouTube {
    type State = State;

    fn validate(account: &Account, post: &Post) -> Result<Vec<Problem>> {
        plan::check(account, post)
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
        publish::delete(account, receipt)
    }
}

impl Connection for YouTube {
    fn targets(account: &Account) -> Result<Vec<Target>> {
        channel::targets(account)
    }

    fn check(account: &Account) -> Result<Standing> {
        channel::check(account)
    }
}

impl Analytics for YouTube {
    fn posts(account: &Account, posts: &[Receipt]) -> Result<Vec<PostMetrics>> {
        channel::of_posts(account, posts)
    }

    fn account(account: &Account) -> Result<Vec<Metric>> {
        channel::of_account(account)
    }
}

impl Inbox for YouTube {
    fn fetch(account: &Account, cursor: Option<&str>) -> Result<Page> {
        inbox::fetch(account, cursor)
    }

    fn reply(account: &Account, answer: &Answer) -> Result<Receipt> {
        inbox::reply(account, answer)
    }

    fn find_reply(
        account: &Account,
        answer: &Answer,
        since: Timestamp,
    ) -> Result<jarchi_plugin_sdk::inbox::Finding> {
        inbox::find_reply(account, answer, since)
    }

    fn hide(account: &Account, message: &Message) -> Result<()> {
        inbox::hide(account, message)
    }
}

jarchi_plugin_sdk::export!(YouTube: publisher, connection, analytics, inbox);
