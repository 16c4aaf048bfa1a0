//! Brings a message to a webhook or a mailbox. Posts go through the station that
//! publishes.

use std::time::Duration;

use crate::config::AlarmWay;
use crate::model::Notice;
use crate::plugin::broker::Broker;

use super::{mail, webhook};

/// A receiver that has not answered by then is tried again.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// Why a message did not arrive, without a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Failed(pub String);

#[derive(Clone)]
pub struct Notifier {
    broker: Broker,
}

impl Notifier {
    pub fn new(broker: Broker) -> Self {
        Notifier { broker }
    }

    /// Returns when the receiver has taken the message.
    ///
    /// # Errors
    /// It may have taken it all the same, where the answer was lost: sent again, the
    /// message has the same id.
    pub async fn send(&self, way: &AlarmWay, notice: &Notice) -> Result<(), Failed> {
        match way {
            AlarmWay::Webhook(hook) => webhook::send(&self.broker, hook, notice).await,
            AlarmWay::Email(mail) => mail::send(mail, notice).await,
            AlarmWay::Account(_) => Err(Failed("it is a post, not a message".to_owned())),
        }
    }
}
