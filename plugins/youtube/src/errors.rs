//! What YouTube's refusals mean to the queue: one table of reasons ("Errors" of the
//! YouTube Data API, "Standardized errors" of Google's API guide).

use jarchi_plugin_sdk::http::{HttpError, Request, Response};
use jarchi_plugin_sdk::{Error, Millis, Result, Timestamp, clock, time};
use serde_json::Value;

const HOUR: Millis = 3_600_000;
const DAY: Millis = 24 * HOUR;

/// What a reason means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Means {
    /// Connect again.
    Login,
    /// The project's quota of the day: midnight in California.
    Midnight,
    /// The channel's uploads of the day; YouTube tells no time.
    Day,
    /// Too fast.
    Slow,
    /// Try again.
    Again,
    /// Not so.
    Never,
}

const TABLE: [(&str, Means); 57] = [
    ("authError", Means::Login),
    ("required", Means::Never),
    ("authorizationRequired", Means::Login),
    ("expired", Means::Login),
    ("unauthorized", Means::Login),
    ("insufficientPermissions", Means::Login),
    ("ACCESS_TOKEN_SCOPE_INSUFFICIENT", Means::Login),
    ("accountClosed", Means::Login),
    ("accountDelegationForbidden", Means::Login),
    ("accountSuspended", Means::Login),
    ("authenticatedUserAccountClosed", Means::Login),
    ("authenticatedUserAccountSuspended", Means::Login),
    ("authenticatedUserNotChannel", Means::Login),
    ("channelClosed", Means::Login),
    ("channelSuspended", Means::Login),
    ("youtubeSignupRequired", Means::Login),
    ("accessNotConfigured", Means::Login),
    ("quotaExceeded", Means::Midnight),
    ("dailyLimitExceeded", Means::Midnight),
    ("uploadLimitExceeded", Means::Day),
    ("rateLimitExceeded", Means::Slow),
    ("userRateLimitExceeded", Means::Slow),
    ("uploadRateLimitExceeded", Means::Slow),
    ("backendError", Means::Again),
    ("internalError", Means::Again),
    ("processingFailure", Means::Again),
    ("operationAborted", Means::Again),
    ("SERVICE_UNAVAILABLE", Means::Again),
    ("forbidden", Means::Never),
    ("forbiddenPrivacySetting", Means::Never),
    ("forbiddenLicenseSetting", Means::Never),
    ("forbiddenEmbedSetting", Means::Never),
    ("invalidTitle", Means::Never),
    ("invalidDescription", Means::Never),
    ("invalidTags", Means::Never),
    ("invalidCategoryId", Means::Never),
    ("invalidPublishAt", Means::Never),
    ("invalidRecordingDetails", Means::Never),
    ("invalidVideoGameRating", Means::Never),
    ("invalidVideoMetadata", Means::Never),
    ("invalidFilename", Means::Never),
    ("mediaBodyRequired", Means::Never),
    ("defaultLanguageNotSet", Means::Never),
    ("videoNotFound", Means::Never),
    ("playlistNotFound", Means::Never),
    ("playlistContainsMaximumNumberOfVideos", Means::Never),
    ("playlistItemsNotAccessible", Means::Never),
    ("videoAlreadyInPlaylist", Means::Never),
    ("videoAlreadyInAnotherSeriesPlaylist", Means::Never),
    ("commentsDisabled", Means::Never),
    ("commentTextTooLong", Means::Never),
    ("commentTextRequired", Means::Never),
    ("ineligibleAccount", Means::Never),
    ("invalidCommentThreadMetadata", Means::Never),
    ("invalidImage", Means::Never),
    ("mediaTooLarge", Means::Never),
    ("invalidValue", Means::Never),
];

/// The first reason that YouTube names; empty where it names none.
pub fn reason(answer: &Response) -> String {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let told = body
        .pointer("/error/errors/0/reason")
        .or_else(|| body.pointer("/error/details/0/reason"));
    told.and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The interface's error. `commit`: something may have been published.
pub fn refused(answer: &Response, commit: bool) -> Error {
    let reason = reason(answer);
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let message = body.pointer("/error/message").and_then(Value::as_str);
    let message = message.map_or_else(|| answer.message(), str::to_owned);
    let message = match reason.as_str() {
        "" => message,
        reason => format!("{message} ({reason})"),
    };
    let means = TABLE.iter().find(|(name, _)| *name == reason);
    let means = means.map(|(_, means)| *means);
    match (means, answer.status) {
        (_, 408 | 500..) if commit => Error::unknown_outcome(message),
        (Some(Means::Midnight), _) => Error::rate_limited(Some(until_midnight(clock::now()))),
        (Some(Means::Day), _) => Error::rate_limited(Some(DAY)),
        (Some(Means::Slow), _) | (None, 429) => Error::rate_limited(answer.retry_after()),
        (Some(Means::Again), _) | (_, 408 | 500..) => match answer.retry_after() {
            Some(wait) => Error::rate_limited(Some(wait)),
            None => Error::transient(message),
        },
        (_, 401) | (Some(Means::Login), _) => Error::unauthorized(format!(
            "{message}. Connect the account again, as the channel's owner and with every scope"
        )),
        (None, 403) => Error::unauthorized(message),
        _ => Error::invalid(message),
    }
}

/// Sends what publishes nothing, and answers with whatever came back.
///
/// # Errors
/// No answer came.
pub fn look(request: Request) -> Result<Response> {
    request.send().map_err(|error| match error {
        HttpError::NoAnswer(reason) => Error::Transient(reason),
        HttpError::TooLarge(bytes) => {
            Error::Invalid(format!("the answer is longer than {bytes} bytes"))
        }
        other => other.into(),
    })
}

/// What came back of what publishes nothing.
///
/// # Errors
/// By the table.
pub fn judged(answer: Response) -> Result<Response> {
    if answer.is_success() {
        return answer.for_read();
    }
    Err(refused(&answer, false))
}

/// Sends what publishes nothing and can be repeated.
///
/// # Errors
/// By the table.
pub fn read(request: Request) -> Result<Response> {
    judged(look(request)?)
}

/// Sends what can't be taken back.
///
/// # Errors
/// By the table.
pub fn commit(request: Request) -> Result<Response> {
    let answer = request.send()?;
    if answer.is_success() {
        return answer.for_commit();
    }
    Err(refused(&answer, true))
}

/// How long until midnight in California, when quotas begin anew ("Quota usage").
pub fn until_midnight(now: Timestamp) -> Millis {
    let local = now.saturating_sub(behind(now));
    let midnight = (local / DAY + 1) * DAY;
    // Clocks change at two in the night, never at midnight: eight hours are near enough.
    (midnight + behind(midnight + 8 * HOUR)).saturating_sub(now)
}

/// How far California is behind UTC: summer time lasts from the second Sunday of March to
/// the first of November, each at two in the night.
fn behind(moment: Timestamp) -> Millis {
    let written = time::format_rfc3339(moment);
    let year = written.get(..4).unwrap_or_default();
    let sunday = |month: &str, weeks: u64| {
        let first = time::parse_rfc3339(&format!("{year}-{month}-01T00:00:00Z"))?;
        // 1 January 1970 was a Thursday.
        let weekday = (first / DAY + 4) % 7;
        Some(first + ((7 - weekday) % 7 + weeks * 7) * DAY)
    };
    match (sunday("03", 1), sunday("11", 0)) {
        (Some(from), Some(to)) if moment >= from + 10 * HOUR && moment < to + 9 * HOUR => 7 * HOUR,
        _ => 8 * HOUR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn midnight_in_california() {
        for (now, minutes) in [
            ("2026-11-25T08:00:00Z", 24 * 60),
            ("2026-11-25T07:59:00Z", 1),
            ("2026-07-01T06:59:00Z", 1),
            ("2026-07-01T07:00:00Z", 24 * 60),
            // The day that has 23 hours, and the one that has 25.
            ("2026-03-08T08:00:00Z", 23 * 60),
            ("2026-11-01T07:00:00Z", 25 * 60),
        ] {
            let now_at = time::parse_rfc3339(now).unwrap_or_default();
            assert_eq!(until_midnight(now_at), minutes * 60_000, "{now}");
        }
    }
}
