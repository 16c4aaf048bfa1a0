//! How the demo's clock goes: a week in a minute.

use chrono::{Datelike as _, Days, NaiveTime};
use chrono_tz::Tz;
use tokio::sync::watch;

use crate::clock::{Clock, Throttle};
use crate::content::local_moment;
use crate::model::Timestamp;
use crate::queue::Beat;

/// Seconds in a second while nothing is to be done: six hours.
const RATE: u32 = 6 * 3600;

/// The Monday that comes, five minutes before the sample plans its week.
pub(super) fn monday(now: Timestamp, zone: Tz) -> Timestamp {
    let today = now.to_utc().with_timezone(&zone).date_naive();
    let ahead = 7 - u64::from(today.weekday().num_days_from_monday());
    today
        .checked_add_days(Days::new(ahead))
        .zip(NaiveTime::from_hms_opt(7, 55, 0))
        .and_then(|(day, time)| local_moment(day.and_time(time), zone))
        .unwrap_or(now)
}

/// The clock hurries to what the queue does next, and goes as every other while that is
/// done: so nothing is late, however slow the machine is. After `end` it hurries no more.
pub(super) async fn run(
    mut beats: watch::Receiver<Beat>,
    throttle: Throttle,
    clock: Clock,
    end: Timestamp,
) {
    loop {
        let beat = *beats.borrow_and_update();
        if beat.running == 0 && clock.now() < end {
            throttle.hurry(RATE, beat.wakes.unwrap_or(end).min(end));
        } else {
            throttle.steady();
        }
        if beats.changed().await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_week_begins_on_the_monday_that_comes() {
        for (now, monday_utc) in [
            // A Wednesday, a Sunday evening in Baku, a Monday.
            ("2026-11-25T14:00:00Z", "2026-11-30T03:55:00Z"),
            ("2026-11-29T19:59:59Z", "2026-11-30T03:55:00Z"),
            ("2026-11-29T20:00:00Z", "2026-12-07T03:55:00Z"),
        ] {
            let begin = monday(now.parse().unwrap(), Tz::Asia__Baku);
            assert_eq!(begin.to_string(), monday_utc, "{now}");
        }
    }
}
