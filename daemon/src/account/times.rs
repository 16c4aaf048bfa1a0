//! When something is to be done about a token.

use crate::model::{Connection, TimeSpan, Timestamp};
use crate::plugin::manifest::Oauth2;

/// A refresh is begun at least so long before the end.
const LEAST_AHEAD: TimeSpan = TimeSpan::from_mins(5);
/// A call does not begin with a token that ends within this.
const MARGIN: TimeSpan = TimeSpan::from_secs(30);
/// A user is told so long before only they can help.
const WARNING: TimeSpan = TimeSpan::from_days(14);

/// A span of the manifest.
fn span(seconds: u64) -> TimeSpan {
    TimeSpan(seconds.saturating_mul(1000))
}

/// How long the token lasts in all.
fn life(connection: &Connection) -> Option<TimeSpan> {
    Some(connection.expires?.since(connection.obtained?))
}

/// When something is to be done next: a refresh, or a word to the user. None: never.
pub(super) fn wake(oauth: &Oauth2, connection: &Connection, now: Timestamp) -> Option<Timestamp> {
    let due = due(oauth, connection);
    let warning = warning(connection).filter(|at| *at > now);
    match (due, warning) {
        (Some(due), Some(warning)) => Some(due.min(warning)),
        (one, other) => one.or(other),
    }
}

/// When the user is told that a refresh token ends, which no refresh prolongs.
pub(super) fn warning(connection: &Connection) -> Option<Timestamp> {
    let end = connection
        .refresh_expires
        .filter(|_| connection.refreshes)?;
    Some(end.saturating_sub(WARNING))
}

/// When the token is refreshed; where it can't be, when its user is told. None: never.
pub(super) fn due(oauth: &Oauth2, connection: &Connection) -> Option<Timestamp> {
    let expires = connection.expires?;
    let life = life(connection)?;
    let usual = TimeSpan((life.0 / 10).max(LEAST_AHEAD.0));
    let ahead = match (oauth.refresh.ahead, connection.refreshes) {
        (Some(seconds), _) => span(seconds),
        (None, true) => usual,
        (None, false) => usual.max(WARNING),
    };
    // A short life has a half of it at least.
    let ahead = TimeSpan(ahead.0.min(life.0 / 2));
    let due = expires.saturating_sub(ahead);
    Some(due.max(oldest_enough(oauth, connection)))
}

/// When the token is old enough to be refreshed.
pub(super) fn oldest_enough(oauth: &Oauth2, connection: &Connection) -> Timestamp {
    let min_age = span(oauth.refresh.min_age);
    connection
        .obtained
        .map_or(Timestamp(0), |at| at.saturating_add(min_age))
}

/// Whether a call that begins now would find the token ended.
pub(super) fn at_its_end(connection: &Connection, now: Timestamp) -> bool {
    let (Some(expires), Some(life)) = (connection.expires, life(connection)) else {
        return false;
    };
    let margin = TimeSpan(MARGIN.0.min(life.0 / 10));
    expires <= now.saturating_add(margin)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn oauth(more: &str) -> Oauth2 {
        toml::from_str(&format!(
            "authorize = \"https://a.org/a\"\ntoken = \"https://a.org/t\"\n{more}"
        ))
        .unwrap()
    }

    fn connection(seconds: u64) -> Connection {
        Connection {
            obtained: Some(Timestamp(1_000_000)),
            expires: Some(Timestamp(1_000_000 + seconds * 1000)),
            refreshes: true,
            ..Connection::default()
        }
    }

    #[test]
    fn a_refresh_comes_ahead_of_the_end() {
        const DAY: u64 = 86400;
        for (more, refreshes, life, after) in [
            ("", true, 3600, 3600 - 360),
            ("", true, 600, 300),
            ("", true, 10, 5),
            ("[refresh]\nahead = 60", true, 3600, 3540),
            ("[refresh]\nmin_age = 3590", true, 3600, 3590),
            // Nobody can refresh it: its user is told.
            ("", false, 60 * DAY, 46 * DAY),
        ] {
            let connection = Connection {
                refreshes,
                ..connection(life)
            };
            let due = due(&oauth(more), &connection);
            assert_eq!(
                due,
                Some(Timestamp(1_000_000 + after * 1000)),
                "{more} {life}"
            );
        }
        let endless = Connection {
            expires: None,
            ..connection(1)
        };
        assert_eq!(due(&oauth(""), &endless), None);
        // A refresh token ends as well, once for all.
        let yearly = Connection {
            refresh_expires: Some(Timestamp(1_000_000 + 30 * DAY * 1000)),
            ..connection(60 * DAY)
        };
        let told = Timestamp(1_000_000 + 16 * DAY * 1000);
        let refreshed = due(&oauth(""), &yearly);
        assert_eq!(wake(&oauth(""), &yearly, Timestamp(1_000_000)), Some(told));
        assert_eq!(wake(&oauth(""), &yearly, told), refreshed);
    }

    #[test]
    fn a_call_wants_a_token_that_lasts() {
        let hour = connection(3600);
        assert!(!at_its_end(&hour, Timestamp(1_000_000 + 3_569_000)));
        assert!(at_its_end(&hour, Timestamp(1_000_000 + 3_570_000)));
        assert!(!at_its_end(&connection(10), Timestamp(1_000_000 + 8_900)));
        assert!(at_its_end(&connection(10), Timestamp(1_000_000 + 9_000)));
    }
}
