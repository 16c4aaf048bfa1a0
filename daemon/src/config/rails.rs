//! The ceilings of an account.

use super::Rails;
use super::raw::RawAccount;

pub(super) fn rails(account: &RawAccount) -> Rails {
    let default = Rails::default();
    let Some(raw) = account.rails.as_ref().map(|rails| &rails.value) else {
        return default;
    };
    Rails {
        per_hour: raw
            .per_hour
            .as_ref()
            .map_or(default.per_hour, |n| n.value.small()),
        per_day: raw
            .per_day
            .as_ref()
            .map_or(default.per_day, |n| n.value.small()),
        least_gap: raw
            .least_gap
            .as_ref()
            .map_or(default.least_gap, |span| span.value.0),
        duplicate_window: raw
            .duplicate_window
            .as_ref()
            .map_or(default.duplicate_window, |span| span.value.0),
        missed_after: raw
            .missed_after
            .as_ref()
            .map_or(default.missed_after, |span| span.value.0),
        late: raw.late.as_ref().map_or(default.late, |late| late.value),
    }
}
