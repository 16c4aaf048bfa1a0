//! The time, as a value that tests replace: nothing else in the daemon reads a clock.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

use crate::model::{TimeSpan, Timestamp};

/// A cheap handle. `Clock::system()` in the daemon, [`Clock::manual`] in tests.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Manual(Arc<watch::Sender<Timestamp>>),
}

/// Moves a manual clock.
#[derive(Clone, Debug)]
pub struct Hands(Arc<watch::Sender<Timestamp>>);

/// The longest nap before the wall clock is looked at again, so that a clock that was set
/// or a machine that slept delays nothing for longer.
const LONGEST_NAP: Duration = Duration::from_secs(20);

impl Clock {
    pub const fn system() -> Self {
        Clock(Source::System)
    }

    /// A clock that stands until its hands are moved.
    pub fn manual(start: Timestamp) -> (Self, Hands) {
        let sender = Arc::new(watch::Sender::new(start));
        (Clock(Source::Manual(sender.clone())), Hands(sender))
    }

    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System => Timestamp(
                SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .map_or(0, |since| since.as_millis() as u64),
            ),
            Source::Manual(sender) => *sender.borrow(),
        }
    }

    /// Returns at `moment`, by the wall clock, even where that was set in between.
    pub async fn sleep_until(&self, moment: Timestamp) {
        match &self.0 {
            Source::System => loop {
                let left = moment.since(self.now()).to_std();
                if left.is_zero() {
                    return;
                }
                tokio::time::sleep(left.min(LONGEST_NAP)).await;
            },
            Source::Manual(sender) => {
                let mut hands = sender.subscribe();
                // The sender lives in `self`, so the channel can't close.
                let _ = hands.wait_for(|now| *now >= moment).await;
            }
        }
    }

    /// Returns when the clock shows a time before `seen`: it was set back.
    pub async fn set_back(&self, seen: Timestamp) {
        match &self.0 {
            Source::System => {
                while self.now() >= seen {
                    tokio::time::sleep(LONGEST_NAP).await;
                }
            }
            Source::Manual(sender) => {
                let _ = sender.subscribe().wait_for(|now| *now < seen).await;
            }
        }
    }
}

impl Hands {
    pub fn set(&self, moment: Timestamp) {
        self.0.send_replace(moment);
    }

    pub fn advance(&self, span: TimeSpan) {
        self.0.send_modify(|now| *now = now.saturating_add(span));
    }
}
