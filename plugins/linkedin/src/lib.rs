//! Jarchi's connector for LinkedIn: members and Pages, by the versioned REST API.
//!
//! [`plan`] says what a post becomes, [`little`] writes its words, [`check`] holds it
//! against LinkedIn's limits, [`upload`] brings its files, [`publish`] sends step after
//! step and looks up what may have arrived; [`connect`] tells what the token opens,
//! [`numbers`] what became of posts, [`inbox`] reads and answers comments, [`ads`]
//! promotes to an [`audience`] and [`report`] tells what came of it; [`errors`] is the table of refusals.

pub mod ads;
pub mod api;
pub mod audience;
pub mod check;
pub mod connect;
pub mod errors;
pub mod inbox;
pub mod little;
pub mod numbers;
pub mod plan;
pub mod publish;
pub mod report;
pub mod settings;
pub mod upload;

use jarchi_plugin_sdk::connection::{Standing, Target};
use jarchi_plugin_sdk::inbox::{Answer, Message, Page};
use jarchi_plugin_sdk::promoter::{Campaign, Promotion};
use jarchi_plugin_sdk::{
    Account, Analytics, Connection, Delivery, Finding, Inbox, Metric, Outcome, Post, PostMetrics,
    Problem, Promoter, Publisher, Receipt, Result, Timestamp,
};

use api::Api;
use publish::State;

/// The connector.
pub struct LinkedIn;

impl Publisher for LinkedIn {
    type State = State;

    fn validate(account: &Account, post: &Post) -> Result<Vec<Problem>> {
        check::check(&Api::of(account)?, post)
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

impl Connection for LinkedIn {
    fn targets(account: &Account) -> Result<Vec<Target>> {
        connect::targets(account)
    }

    fn check(account: &Account) -> Result<Standing> {
        connect::check(account)
    }
}

impl Analytics for LinkedIn {
    fn posts(account: &Account, posts: &[Receipt]) -> Result<Vec<PostMetrics>> {
        numbers::of_posts(account, posts)
    }

    fn account(account: &Account) -> Result<Vec<Metric>> {
        numbers::of_account(account)
    }
}

impl Inbox for LinkedIn {
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

    fn like(account: &Account, message: &Message) -> Result<()> {
        inbox::like(account, message)
    }
}

impl Promoter for LinkedIn {
    fn validate(account: &Account, promotion: &Promotion) -> Result<Vec<Problem>> {
        ads::check(account, promotion)
    }

    fn start(account: &Account, promotion: &Promotion) -> Result<Campaign> {
        ads::start(account, promotion)
    }

    fn find_started(
        account: &Account,
        promotion: &Promotion,
        _: Timestamp,
    ) -> Result<jarchi_plugin_sdk::promoter::Finding> {
        ads::find(account, promotion)
    }

    fn pause(account: &Account, campaign: &Campaign) -> Result<Campaign> {
        ads::pause(account, campaign)
    }

    fn resume(account: &Account, campaign: &Campaign) -> Result<Campaign> {
        ads::resume(account, campaign)
    }

    fn end(account: &Account, campaign: &Campaign) -> Result<Campaign> {
        ads::end(account, campaign)
    }

    fn read(account: &Account, campaigns: &[Campaign]) -> Result<Vec<Campaign>> {
        report::read(account, campaigns)
    }
}

jarchi_plugin_sdk::export!(LinkedIn: publisher, connection, analytics, inbox, promoter);
