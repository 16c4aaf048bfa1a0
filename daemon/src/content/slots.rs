//! When a post goes out that names no moment, or one by the wall clock.

use std::collections::BTreeSet;

use chrono::{MappedLocalTime, NaiveDateTime, TimeZone, Utc};
use chrono_tz::{GapInfo, Tz};

use crate::config::Account;
use crate::cron::{Cron, next_free_slot};
use crate::model::{TimeSpan, Timestamp};
use crate::store::{StoreError, Tx};

/// The slot of accounts that name none: once a day, at ten.
const DEFAULT_SLOT: &str = "0 10 * * *";

/// How far ahead a free slot is looked for.
const HORIZON: TimeSpan = TimeSpan::from_days(3 * 366);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a local time: write `2026-11-24T09:00` or `2026-11-24 09:00`")]
pub struct SlotError(pub String);

/// A time by the wall clock of a zone. One that the clocks skip is the first moment after
/// the gap; one that comes twice is the first.
///
/// # Errors
/// The text is no local time.
pub fn resolve_local(text: &str, zone: Tz) -> Result<Timestamp, SlotError> {
    let local = [
        "%Y-%m-%dT%H:%M:%S",
        "%Y-%m-%dT%H:%M",
        "%Y-%m-%d %H:%M:%S",
        "%Y-%m-%d %H:%M",
    ]
    .iter()
    .find_map(|format| NaiveDateTime::parse_from_str(text.trim(), format).ok())
    .ok_or_else(|| SlotError(text.to_owned()))?;
    local_moment(local, zone).ok_or_else(|| SlotError(text.to_owned()))
}

/// As [`resolve_local`], of a time that was read.
pub(crate) fn local_moment(local: NaiveDateTime, zone: Tz) -> Option<Timestamp> {
    let moment = match zone.from_local_datetime(&local) {
        MappedLocalTime::Single(moment) | MappedLocalTime::Ambiguous(moment, _) => Some(moment),
        MappedLocalTime::None => GapInfo::new(&local, &zone).and_then(|gap| gap.end),
    };
    moment.map(|moment| moment.with_timezone(&Utc).into())
}

/// The slots of an account.
pub(crate) fn slots_of(account: &Account) -> Result<Vec<Cron>, StoreError> {
    let own = account.slots.iter().map(String::as_str);
    let default = account.slots.is_empty().then_some(DEFAULT_SLOT);
    own.chain(default)
        .map(Cron::parse)
        .collect::<Result<_, _>>()
        .map_err(|error| StoreError::Invalid(format!("slots of `{}`: {error}", account.name)))
}

/// The account's next slot after `after` that no other delivery has, and no plan.
pub(super) fn free_slot(
    tx: &Tx<'_>,
    account: &Account,
    zone: Tz,
    after: Timestamp,
) -> Result<Timestamp, StoreError> {
    let slots = slots_of(account)?;
    let horizon = after.saturating_add(HORIZON);
    let mut taken: BTreeSet<Timestamp> = tx
        .agenda(&account.name, after, horizon)?
        .into_iter()
        .map(|(due, _)| due)
        .collect();
    let planned = tx.planned_between(after, horizon)?;
    let planned = planned
        .iter()
        .filter(|planned| planned.holds_its_slot(&account.name));
    taken.extend(planned.map(|planned| planned.slot));
    next_free_slot(&slots, zone, after, &taken)
        .ok_or_else(|| StoreError::Invalid(format!("account `{}` has no slot left", account.name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_time_is_read_in_its_zone() {
        for (zone, text, expected) in [
            (Tz::Asia__Baku, "2026-11-24 09:00", "2026-11-24T05:00:00Z"),
            // The clocks skip 02:00 to 03:00.
            (
                Tz::Europe__Berlin,
                "2026-03-29T02:30",
                "2026-03-29T01:00:00Z",
            ),
            // 02:30 comes twice; the first is summer time.
            (
                Tz::Europe__Berlin,
                "2026-10-25T02:30:00",
                "2026-10-25T00:30:00Z",
            ),
        ] {
            let moment = resolve_local(text, zone).map(|moment| moment.to_string());
            assert_eq!(moment.as_deref(), Ok(expected), "{zone} {text}");
        }
        assert!(resolve_local("tomorrow", Tz::UTC).is_err());
        assert!(resolve_local("2026-02-30 10:00", Tz::UTC).is_err());
    }
}
