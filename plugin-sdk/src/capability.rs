//! The traits of the six capabilities, and what joins them to the component's exports.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bindings::{answering, connecting, generating, measuring, promoting, publishing};
use crate::generator::{Batch, Brief};
use crate::{Account, Delivery, Error, Finding, Metric, Outcome, Post, PostMetrics, Problem};
use crate::{Receipt, Result, Timestamp, connection, guest, inbox, promoter};

/// Publishes posts. One irreversible step a call: after a step that is not the last,
/// return [`Outcome::processing`] with what the next one needs. The host has it on disk
/// before it calls [`resume`](Publisher::resume).
pub trait Publisher {
    /// What is remembered between the steps; `()` where one step is all.
    type State: Serialize + DeserializeOwned;

    /// What the platform would refuse or do otherwise. May read from the platform, sends
    /// nothing.
    fn validate(account: &Account, post: &Post) -> Result<Vec<Problem>>;

    /// The first step.
    fn publish(delivery: &Delivery) -> Result<Outcome>;

    /// The step after `state`.
    fn resume(delivery: &Delivery, state: Self::State) -> Result<Outcome> {
        let _ = (delivery, state);
        Err(Error::unsupported("this connector publishes in one step"))
    }

    /// Looks for a delivery whose outcome is unknown, so that it is not doubled. `state`
    /// is that of the step that was under way, `since` when its first attempt began.
    fn find_published(
        delivery: &Delivery,
        state: Option<Self::State>,
        since: Timestamp,
    ) -> Result<Finding> {
        let _ = (delivery, state, since);
        Ok(Finding::CannotTell(
            "this connector can't look posts up".into(),
        ))
    }

    /// Takes the post back. A post that is gone already is a success.
    fn delete(account: &Account, receipt: &Receipt) -> Result<()> {
        let _ = (account, receipt);
        Err(Error::unsupported("this connector can't delete posts"))
    }
}

/// Tells what the account's credentials open. Changes nothing on the platform.
pub trait Connection {
    /// All profiles that the credentials may post as, whatever the account's settings
    /// choose.
    fn targets(account: &Account) -> Result<Vec<connection::Target>> {
        let _ = account;
        Err(Error::unsupported(
            "these credentials open one profile, and there is nothing to choose",
        ))
    }

    /// A harmless call on the profile that the settings choose, in its name.
    fn check(account: &Account) -> Result<connection::Standing>;
}

/// Reads the numbers.
pub trait Analytics {
    /// Of published posts. Leave out what the platform did not answer for.
    fn posts(account: &Account, posts: &[Receipt]) -> Result<Vec<PostMetrics>>;

    /// Of the account itself: followers and the like.
    fn account(account: &Account) -> Result<Vec<Metric>> {
        let _ = account;
        Err(Error::unsupported(
            "this connector has no numbers of the account",
        ))
    }
}

/// Reads comments and messages, and answers them.
pub trait Inbox {
    /// Messages after the cursor, oldest first.
    fn fetch(account: &Account, cursor: Option<&str>) -> Result<inbox::Page>;
    /// Answers a message.
    fn reply(account: &Account, answer: &inbox::Answer) -> Result<Receipt>;
    /// Looks for an answer whose outcome is unknown.
    fn find_reply(
        account: &Account,
        answer: &inbox::Answer,
        since: Timestamp,
    ) -> Result<inbox::Finding> {
        let _ = (account, answer, since);
        Ok(inbox::Finding::CannotTell(
            "this connector can't look answers up".into(),
        ))
    }
    /// Marks messages as read on the platform.
    fn mark_read(account: &Account, messages: &[inbox::Message]) -> Result<()> {
        let _ = (account, messages);
        Err(Error::unsupported(
            "this connector can't mark messages as read",
        ))
    }
    /// Hides a comment from others.
    fn hide(account: &Account, message: &inbox::Message) -> Result<()> {
        let _ = (account, message);
        Err(Error::unsupported("this connector can't hide comments"))
    }
    /// Likes a message.
    fn like(account: &Account, message: &inbox::Message) -> Result<()> {
        let _ = (account, message);
        Err(Error::unsupported("this connector can't like messages"))
    }
}

/// Turns posts into paid promotions, and never spends more than the budget given.
pub trait Promoter {
    /// What the platform would refuse.
    fn validate(account: &Account, promotion: &promoter::Promotion) -> Result<Vec<Problem>>;
    /// Starts a promotion: from here on it costs money.
    fn start(account: &Account, promotion: &promoter::Promotion) -> Result<promoter::Campaign>;
    /// Looks for a promotion whose start has an unknown outcome.
    fn find_started(
        account: &Account,
        promotion: &promoter::Promotion,
        since: Timestamp,
    ) -> Result<promoter::Finding>;
    /// Stops spending until it is resumed.
    fn pause(account: &Account, campaign: &promoter::Campaign) -> Result<promoter::Campaign>;
    /// Goes on.
    fn resume(account: &Account, campaign: &promoter::Campaign) -> Result<promoter::Campaign>;
    /// Stops for good.
    fn end(account: &Account, campaign: &promoter::Campaign) -> Result<promoter::Campaign>;
    /// The campaigns as the platform has them now.
    fn read(account: &Account, campaigns: &[promoter::Campaign])
    -> Result<Vec<promoter::Campaign>>;
}

/// Makes content.
pub trait Generator {
    /// Drafts for the brief; what the generator has on its own when none is wanted.
    fn generate(brief: &Brief) -> Result<Batch>;
}

impl<T: Publisher> publishing::exports::jarchi::plugin::publisher::Guest for T {
    fn validate(account: Account, post: Post) -> Result<Vec<Problem>> {
        guest::enter();
        T::validate(&account, &post)
    }

    fn publish(delivery: Delivery) -> Result<Outcome> {
        guest::enter();
        T::publish(&delivery)
    }

    fn resume(delivery: Delivery, state: String) -> Result<Outcome> {
        guest::enter();
        match serde_json::from_str(&state) {
            Ok(state) => T::resume(&delivery, state),
            // Steps before this one may have published something.
            Err(error) => Err(Error::unknown_outcome(format!(
                "the state of the step before can't be read ({error}): {state}"
            ))),
        }
    }

    fn find_published(
        delivery: Delivery,
        state: Option<String>,
        since: Timestamp,
    ) -> Result<Finding> {
        guest::enter();
        match state.as_deref().map(serde_json::from_str).transpose() {
            Ok(state) => T::find_published(&delivery, state, since),
            Err(error) => Ok(Finding::CannotTell(format!(
                "the state of the step that was under way can't be read: {error}"
            ))),
        }
    }

    fn delete(account: Account, receipt: Receipt) -> Result<()> {
        guest::enter();
        T::delete(&account, &receipt)
    }
}

impl<T: Connection> connecting::exports::jarchi::plugin::connection::Guest for T {
    fn targets(account: Account) -> Result<Vec<connection::Target>> {
        guest::enter();
        T::targets(&account)
    }

    fn check(account: Account) -> Result<connection::Standing> {
        guest::enter();
        T::check(&account)
    }
}

impl<T: Analytics> measuring::exports::jarchi::plugin::analytics::Guest for T {
    fn measure_posts(account: Account, posts: Vec<Receipt>) -> Result<Vec<PostMetrics>> {
        guest::enter();
        T::posts(&account, &posts)
    }

    fn measure_account(account: Account) -> Result<Vec<Metric>> {
        guest::enter();
        T::account(&account)
    }
}

impl<T: Inbox> answering::exports::jarchi::plugin::inbox::Guest for T {
    fn fetch(account: Account, cursor: Option<String>) -> Result<inbox::Page> {
        guest::enter();
        T::fetch(&account, cursor.as_deref())
    }

    fn reply(account: Account, answer: inbox::Answer) -> Result<Receipt> {
        guest::enter();
        T::reply(&account, &answer)
    }

    fn find_reply(
        account: Account,
        answer: inbox::Answer,
        since: Timestamp,
    ) -> Result<inbox::Finding> {
        guest::enter();
        T::find_reply(&account, &answer, since)
    }

    fn mark_read(account: Account, messages: Vec<inbox::Message>) -> Result<()> {
        guest::enter();
        T::mark_read(&account, &messages)
    }

    fn hide(account: Account, message: inbox::Message) -> Result<()> {
        guest::enter();
        T::hide(&account, &message)
    }

    fn like(account: Account, message: inbox::Message) -> Result<()> {
        guest::enter();
        T::like(&account, &message)
    }
}

impl<T: Promoter> promoting::exports::jarchi::plugin::promoter::Guest for T {
    fn validate(account: Account, promotion: promoter::Promotion) -> Result<Vec<Problem>> {
        guest::enter();
        T::validate(&account, &promotion)
    }

    fn start(account: Account, promotion: promoter::Promotion) -> Result<promoter::Campaign> {
        guest::enter();
        T::start(&account, &promotion)
    }

    fn find_started(
        account: Account,
        promotion: promoter::Promotion,
        since: Timestamp,
    ) -> Result<promoter::Finding> {
        guest::enter();
        T::find_started(&account, &promotion, since)
    }

    fn pause(account: Account, campaign: promoter::Campaign) -> Result<promoter::Campaign> {
        guest::enter();
        T::pause(&account, &campaign)
    }

    fn resume(account: Account, campaign: promoter::Campaign) -> Result<promoter::Campaign> {
        guest::enter();
        T::resume(&account, &campaign)
    }

    fn end(account: Account, campaign: promoter::Campaign) -> Result<promoter::Campaign> {
        guest::enter();
        T::end(&account, &campaign)
    }

    fn read(
        account: Account,
        campaigns: Vec<promoter::Campaign>,
    ) -> Result<Vec<promoter::Campaign>> {
        guest::enter();
        T::read(&account, &campaigns)
    }
}

impl<T: Generator> generating::exports::jarchi::plugin::generator::Guest for T {
    fn generate(brief: Brief) -> Result<Batch> {
        guest::enter();
        T::generate(&brief)
    }
}
