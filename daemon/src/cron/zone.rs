//! The daylight-saving rule: local times of an expression become moments, in order, each
//! once.

use chrono::{DateTime, MappedLocalTime, NaiveDateTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::{GapInfo, Tz};

use super::Cron;
use crate::model::Timestamp;

pub(super) fn next_after(cron: &Cron, last: Timestamp, zone: Tz) -> Option<Timestamp> {
    let last = last.to_utc().with_timezone(&zone);
    let next = if cron.is_elapsed() {
        next_elapsed(cron, last)
    } else {
        next_fixed(cron, last)
    };
    Some(next?.with_timezone(&Utc).into())
}

fn next_fixed(cron: &Cron, last: DateTime<Tz>) -> Option<DateTime<Tz>> {
    let mut local = last.naive_local();
    loop {
        local = cron.next_local(local)?;
        let fire = match last.timezone().from_local_datetime(&local) {
            MappedLocalTime::Single(moment) | MappedLocalTime::Ambiguous(moment, _) => moment,
            MappedLocalTime::None => GapInfo::new(&local, &last.timezone())?.end?,
        };
        // In the second of two equal hours, the rest of that hour has fired already.
        if fire > last {
            return Some(fire);
        }
    }
}

fn next_elapsed(cron: &Cron, last: DateTime<Tz>) -> Option<DateTime<Tz>> {
    let local = last.naive_local();
    let MappedLocalTime::Ambiguous(first, second) = last.timezone().from_local_datetime(&local)
    else {
        return next_existing(cron, local, last);
    };
    if last != first {
        return next_existing(cron, local, last);
    }
    // The clock will be put back: what is left of the first pass, and then the second
    // from its beginning.
    let back = turn(first, second);
    let just_before = back - TimeDelta::seconds(1);
    match next_existing(cron, local, last) {
        Some(fire) if fire < back => Some(fire),
        _ => next_existing(
            cron,
            back.naive_local() - TimeDelta::seconds(1),
            just_before,
        ),
    }
}

/// The first match that the zone's clock shows, with a local time after `local` and a
/// moment after `floor`.
fn next_existing(
    cron: &Cron,
    mut local: NaiveDateTime,
    floor: DateTime<Tz>,
) -> Option<DateTime<Tz>> {
    loop {
        local = cron.next_local(local)?;
        match floor.timezone().from_local_datetime(&local) {
            MappedLocalTime::Single(moment) => return Some(moment),
            MappedLocalTime::Ambiguous(first, _) if first > floor => return Some(first),
            MappedLocalTime::Ambiguous(_, second) => return Some(second),
            MappedLocalTime::None => {}
        }
    }
}

/// The moment between two equal local times at which the clock is put back, a whole
/// second.
fn turn(first: DateTime<Tz>, second: DateTime<Tz>) -> DateTime<Tz> {
    let start = first - TimeDelta::milliseconds(first.timestamp_subsec_millis().into());
    let at = |seconds: i64| start + TimeDelta::seconds(seconds);
    let (mut before, mut after) = (0, (second - first).num_seconds());
    while after - before > 1 {
        let middle = before + (after - before) / 2;
        if at(middle).offset().fix() == first.offset().fix() {
            before = middle;
        } else {
            after = middle;
        }
    }
    at(after)
}
