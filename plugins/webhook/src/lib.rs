//! Jarchi's connector for programs of your own: the whole post in one signed request, as
//! Standard Webhooks describe it.
//!
//! [`settings`] say where to and how, [`payload`] is what is sent, [`publish`] sends it,
//! and asks and takes back where the receiver offers that.

pub mod payload;
pub mod publish;
pub mod settings;

use jarchi_plugin_sdk::connection::Standing;
use jarchi_plugin_sdk::{
    Account, Connection, Delivery, Finding, Outcome, Post, Problem, Publisher, Receipt, Result,
    Timestamp,
};

use settings::Settings;

/// The connector.
pub struct Webhook;

impl Publisher for Webhook {
    type State = ();

    fn validate(account: &Account, post: &Post) -> Result<Vec<Problem>> {
        Ok(settings::check(&Settings::of(account)?, post))
    }

    fn publish(delivery: &Delivery) -> Result<Outcome> {
        publish::publish(&Settings::of(&delivery.account)?, delivery)
    }

    fn find_published(delivery: &Delivery, _: Option<()>, _: Timestamp) -> Result<Finding> {
        publish::find(&Settings::of(&delivery.account)?, delivery)
    }

    fn delete(account: &Account, receipt: &Receipt) -> Result<()> {
        publish::delete(&Settings::of(account)?, receipt)
    }
}

impl Connection for Webhook {
    fn check(account: &Account) -> Result<Standing> {
        publish::check(&Settings::of(account)?)
    }
}

jarchi_plugin_sdk::export!(Webhook: publisher, connection);
