//! The time, as a value that tests and the demo replace: nothing else in the daemon reads a
//! clock.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

use crate::model::{TimeSpan, Timestamp};

/// A cheap handle. `Clock::system()` in the daemon, [`Clock::manual`] in tests,
/// [`Clock::scaled`] in the demo.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Manual(Arc<watch::Sender<Timestamp>>),
    Scaled(Arc<watch::Sender<Course>>),
}

/// How a scaled clock goes since a moment.
#[derive(Clone, Copy, Debug)]
struct Course {
    since: Instant,
    shown: Timestamp,
    /// Seconds in a second, up to `to`; one after it.
    rate: u32,
    to: Timestamp,
}

impl Course {
    fn now(&self) -> Timestamp {
        let passed = self.since.elapsed();
        let fast = TimeSpan::from_std(passed.saturating_mul(self.rate));
        let ahead = self.to.since(self.shown);
        if fast <= ahead {
            return self.shown.saturating_add(fast);
        }
        let spent = ahead.to_std() / self.rate.max(1);
        let slow = TimeSpan::from_std(passed.saturating_sub(spent));
        self.shown.max(self.to).saturating_add(slow)
    }

    /// Until the clock shows `moment`, if nobody changes its course; at least a millisecond.
    fn until(&self, moment: Timestamp) -> Duration {
        let now = self.now();
        let fast = moment.min(self.to).since(now);
        let slow = moment.since(now.max(self.to));
        let nap = fast.to_std() / self.rate.max(1) + slow.to_std();
        nap.max(Duration::from_millis(1))
    }
}

/// Moves a manual clock.
#[derive(Clone, Debug)]
pub struct Hands(Arc<watch::Sender<Timestamp>>);

/// Sets the course of a scaled clock.
#[derive(Clone, Debug)]
pub struct Throttle(Arc<watch::Sender<Course>>);

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

    /// A clock that begins at `start` and goes as every other, until its throttle says that
    /// it hurries. It never goes back.
    pub fn scaled(start: Timestamp) -> (Self, Throttle) {
        let sender = Arc::new(watch::Sender::new(Course {
            since: Instant::now(),
            shown: start,
            rate: 1,
            to: start,
        }));
        (Clock(Source::Scaled(sender.clone())), Throttle(sender))
    }

    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System => Timestamp(
                SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .map_or(0, |since| since.as_millis() as u64),
            ),
            Source::Manual(sender) => *sender.borrow(),
            Source::Scaled(sender) => sender.borrow().now(),
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
            Source::Scaled(sender) => {
                let mut courses = sender.subscribe();
                while self.now() < moment {
                    let nap = courses.borrow_and_update().until(moment);
                    tokio::select! {
                        () = tokio::time::sleep(nap) => {}
                        // The sender lives in `self`.
                        _ = courses.changed() => {}
                    }
                }
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
            Source::Scaled(_) => std::future::pending().await,
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

impl Throttle {
    /// The clock shows `rate` seconds in each second until it shows `to`, and one from then
    /// on.
    pub fn hurry(&self, rate: u32, to: Timestamp) {
        self.0.send_modify(|course| {
            *course = Course {
                shown: course.now(),
                since: Instant::now(),
                rate: rate.max(1),
                to,
            };
        });
    }

    /// The clock goes as every other.
    pub fn steady(&self) {
        self.hurry(1, Timestamp(0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp(1_795_507_200_000);

    fn course(ago: u64, rate: u32, ahead: TimeSpan) -> Course {
        Course {
            since: Instant::now()
                .checked_sub(Duration::from_millis(ago))
                .unwrap(),
            shown: START,
            rate,
            to: START.saturating_add(ahead),
        }
    }

    /// Other tests may keep the machine busy in between.
    const SLACK: TimeSpan = TimeSpan::from_secs(20);

    #[test]
    fn a_course_hurries_to_its_end_and_is_steady_then() {
        for (ago, rate, ahead, expected) in [
            (10_000, 1, TimeSpan::ZERO, TimeSpan::from_secs(10)),
            (10_000, 360, TimeSpan::from_days(1), TimeSpan::from_hours(1)),
            // Ten minutes are over after one second, nine are left.
            (
                10_000,
                600,
                TimeSpan::from_mins(10),
                TimeSpan::from_secs(609),
            ),
        ] {
            let course = course(ago, rate, ahead);
            let shown = course.now().since(START);
            let slack = TimeSpan(SLACK.0 * u64::from(rate));
            assert!(
                expected <= shown && shown.0 <= expected.0 + slack.0,
                "{shown}"
            );
        }
        let nap = course(0, 600, TimeSpan::from_mins(10))
            .until(START.saturating_add(TimeSpan::from_secs(660)));
        assert!(nap <= Duration::from_secs(61), "{nap:?}");
        assert!(nap > Duration::from_secs(60 - 20), "{nap:?}");
    }

    #[tokio::test]
    async fn who_sleeps_is_woken_when_the_clock_hurries() {
        let (clock, throttle) = Clock::scaled(START);
        let tomorrow = START.saturating_add(TimeSpan::from_days(1));
        let sleeping = clock.sleep_until(tomorrow);
        let hurry = async { throttle.hurry(10_000_000, tomorrow) };
        tokio::join!(sleeping, hurry);
        assert!(clock.now() >= tomorrow);
        throttle.steady();
        assert!(clock.now() >= tomorrow, "it never goes back");
    }
}
