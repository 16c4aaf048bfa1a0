//! Ceilings under every path that can publish: whatever goes wrong above them, no account
//! posts more often than its brand would.

use serde_json::json;

use crate::config::{Account, LatePolicy};
use crate::model::{Delivery, Digest, Draft, MediaItem, TimeSpan, Timestamp};
use crate::store::{StoreError, View};

/// What the rails say to publishing a delivery now.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    Go,
    /// Not before then, and why.
    Wait(Timestamp, String),
    /// Nothing of this account before then, and why.
    Space(Timestamp, String),
    /// Never: the same has gone out already.
    Refuse(String),
    /// It is too late for it.
    Miss(String),
}

/// How long a held delivery waits before it looks again by itself; releasing the hold
/// wakes it.
const HELD: TimeSpan = TimeSpan::from_hours(1);

/// How far a clock that was set back may be behind the book.
const CLOCK: TimeSpan = TimeSpan::from_hours(1);

/// Of what the readers of an account would see: two posts with one fingerprint look the
/// same.
pub fn fingerprint(draft: &Draft) -> Digest {
    let media = |items: &[MediaItem]| -> Vec<String> {
        items.iter().map(|item| item.digest.to_string()).collect()
    };
    let thread: Vec<_> = draft
        .thread
        .iter()
        .map(|part| json!([part.text, media(&part.media)]))
        .collect();
    let poll = draft.poll.as_ref().map(|poll| poll.options.clone());
    let link = draft.link.as_ref().map(|link| link.url.clone());
    let seen = json!([
        draft.text.trim(),
        media(&draft.media),
        link,
        poll,
        thread,
        draft.first_comment
    ]);
    Digest::of(seen.to_string().as_bytes())
}

pub(super) fn judge(
    view: View<'_>,
    account: &Account,
    delivery: &Delivery,
    fingerprint: Digest,
    now: Timestamp,
) -> Result<Verdict, StoreError> {
    let rails = &account.rails;
    if let Some(what) = super::command::hold_over(view, account)? {
        return Ok(Verdict::Wait(
            now.saturating_add(HELD),
            format!("{what} is on hold"),
        ));
    }
    let late = now.since(delivery.due);
    if late > rails.missed_after && rails.late == LatePolicy::Miss {
        return Ok(Verdict::Miss(format!(
            "it was due at {} and could not go out for {late}; `rails.missed_after` of \
             account `{}` is {}",
            delivery.due, account.name, rails.missed_after
        )));
    }
    let horizon = rails.duplicate_window.max(TimeSpan::from_days(1));
    let book = view.published_since(&account.name, now.saturating_sub(horizon))?;
    let same = book.iter().rev().find(|(at, entry)| {
        entry.fingerprint == Some(fingerprint) && now.since(*at) < rails.duplicate_window
    });
    if let Some((at, entry)) = same {
        return Ok(Verdict::Refuse(format!(
            "the same post went out on `{}` at {at} (delivery {}); \
             `rails.duplicate_window` is {}",
            account.name, entry.delivery, rails.duplicate_window
        )));
    }
    // Lines of a time to come were written by a clock that was wrong.
    let book: Vec<Timestamp> = book
        .iter()
        .map(|(at, _)| *at)
        .filter(|at| *at <= now.saturating_add(CLOCK))
        .collect();
    if let Some(last) = book.last() {
        let free = last.saturating_add(rails.least_gap);
        if now < free {
            return Ok(Verdict::Space(
                free,
                format!("`rails.least_gap` is {}", rails.least_gap),
            ));
        }
    }
    for (span, ceiling, key) in [
        (TimeSpan::from_hours(1), rails.per_hour, "per_hour"),
        (TimeSpan::from_days(1), rails.per_day, "per_day"),
    ] {
        let recent: Vec<Timestamp> = book
            .iter()
            .copied()
            .filter(|at| now.since(*at) < span)
            .collect();
        if recent.len() >= ceiling as usize {
            // Free when enough of them have left the window.
            let free = recent
                .get(recent.len() - (ceiling as usize).max(1))
                .map_or(now.saturating_add(span), |at| at.saturating_add(span));
            return Ok(Verdict::Space(
                free.max(now.saturating_add(TimeSpan::from_secs(1))),
                format!("`rails.{key}` is {ceiling}"),
            ));
        }
    }
    Ok(Verdict::Go)
}
