//! Jarchi's connector for Facebook Pages.
//!
//! [`plan`] says what a post becomes, [`check`] what Facebook would refuse, [`publish`]
//! uploads the files, publishes and comments, one step a call, [`video`] brings videos and
//! reels, [`stories`] makes stories of them, [`find`] asks what became of a lost answer, [`numbers`] and [`inbox`] read
//! what came of it, [`connection`] says what the credentials open, [`ads`] promotes posts.

pub mod ads;
pub mod api;
pub mod check;
pub mod connection;
pub mod find;
pub mod inbox;
pub mod numbers;
pub mod plan;
pub mod publish;
pub mod stories;
pub mod video;

use jarchi_plugin_sdk::connection::{Standing, Target};
use jarchi_plugin_sdk::inbox::{Answer, Finding as Reply, Message, Page};
use jarchi_plugin_sdk::promoter::{Campaign, Finding as Started, Promotion};
use jarchi_plugin_sdk::{
    Account, Analytics, Connection, Delivery, Finding, Inbox, Metric, Outcome, Post, PostMetrics,
    Problem, Promoter, Publisher, Receipt, Result, Timestamp,
};

use api::Api;
use publish::State;

/// The connector.
pub struct Facebook;

impl Publisher for Facebook {
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
        find::find(delivery, state.unwrap_or_default(), since)
    }

    fn delete(account: &Account, receipt: &Receipt) -> Result<()> {
        publish::delete(&Api::of(account)?, receipt)
    }
}

impl Connection for Facebook {
    fn targets(account: &Account) -> Result<Vec<Target>> {
        connection::targets(&Api::of(account)?)
    }

    fn check(account: &Account) -> Result<Standing> {
        connection::check(&Api::of(account)?)
    }
}

impl Analytics for Facebook {
    fn posts(account: &Account, posts: &[Receipt]) -> Result<Vec<PostMetrics>> {
        numbers::of_posts(&Api::of(account)?, posts)
    }

    fn account(account: &Account) -> Result<Vec<Metric>> {
        numbers::of_account(&Api::of(account)?)
    }
}

impl Inbox for Facebook {
    fn fetch(account: &Account, cursor: Option<&str>) -> Result<Page> {
        inbox::fetch(&Api::of(account)?, cursor)
    }

    fn reply(account: &Account, answer: &Answer) -> Result<Receipt> {
        inbox::reply(&Api::of(account)?, answer)
    }

    fn find_reply(account: &Account, answer: &Answer, since: Timestamp) -> Result<Reply> {
        inbox::find_reply(&Api::of(account)?, answer, since)
    }

    fn mark_read(account: &Account, messages: &[Message]) -> Result<()> {
        inbox::messages::mark_read(&Api::of(account)?, messages)
    }

    fn hide(account: &Account, message: &Message) -> Result<()> {
        inbox::comments::hide(&Api::of(account)?, message)
    }

    fn like(account: &Account, message: &Message) -> Result<()> {
        inbox::comments::like(&Api::of(account)?, message)
    }
}

impl Promoter for Facebook {
    fn validate(account: &Account, promotion: &Promotion) -> Result<Vec<Problem>> {
        ads::validate(&Api::of(account)?, promotion)
    }

    fn start(account: &Account, promotion: &Promotion) -> Result<Campaign> {
        ads::start(&Api::of(account)?, promotion)
    }

    fn find_started(account: &Account, promotion: &Promotion, _: Timestamp) -> Result<Started> {
        ads::of(&Api::of(account)?)?.find(promotion)
    }

    fn pause(account: &Account, campaign: &Campaign) -> Result<Campaign> {
        ads::of(&Api::of(account)?)?.set(campaign, "PAUSED")
    }

    fn resume(account: &Account, campaign: &Campaign) -> Result<Campaign> {
        ads::of(&Api::of(account)?)?.set(campaign, "ACTIVE")
    }

    fn end(account: &Account, campaign: &Campaign) -> Result<Campaign> {
        ads::of(&Api::of(account)?)?.set(campaign, "ARCHIVED")
    }

    fn read(account: &Account, campaigns: &[Campaign]) -> Result<Vec<Campaign>> {
        let api = Api::of(account)?;
        let ads = ads::of(&api)?;
        campaigns
            .iter()
            .map(|campaign| ads.read(campaign))
            .collect()
    }
}

jarchi_plugin_sdk::export!(Facebook: publisher, connection, analytics, inbox, promoter);
