//! What an answer's headers say of a platform's limits. Three families are in use, and
//! each of them in several dialects.

use http::header::{DATE, RETRY_AFTER};
use http::{HeaderMap, StatusCode};

use crate::model::{TimeSpan, Timestamp};

/// No gate is closed for longer, whatever a server says.
const LONGEST: TimeSpan = TimeSpan::from_days(1);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Signal {
    /// No request for this long.
    pub all: Option<TimeSpan>,
    /// No request of this kind for this long.
    pub route: Option<TimeSpan>,
}

pub(super) fn read(status: StatusCode, headers: &HeaderMap, now: Timestamp) -> Signal {
    // Spans are taken by the server's own clock where it shows it: ours may be wrong.
    let server_now = headers
        .get(DATE)
        .and_then(|date| http_date(date.to_str().ok()?))
        .unwrap_or(now);
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let refused = matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
    );
    let retry_after = headers
        .get(RETRY_AFTER)
        .filter(|_| refused)
        .and_then(|value| until(value.to_str().ok()?, server_now));
    let exhausted = exhausted(&text, server_now);
    let all = retry_after.or_else(|| exhausted.filter(|_| status == StatusCode::TOO_MANY_REQUESTS));
    let bounded = |span: Option<TimeSpan>| {
        span.filter(|span| *span > TimeSpan::ZERO)
            .map(|span| span.min(LONGEST))
    };
    Signal {
        all: bounded(all),
        route: bounded(exhausted),
    }
}

/// The longest time until a bucket with nothing left fills again.
fn exhausted<'a>(
    text: &impl Fn(&str) -> Option<&'a str>,
    server_now: Timestamp,
) -> Option<TimeSpan> {
    // GitHub's and Mastodon's, X's, the older IETF draft's (Bluesky).
    let families = ["x-ratelimit", "x-rate-limit", "ratelimit"];
    let of_families = families.into_iter().filter_map(|family| {
        let remaining = number(text(&format!("{family}-remaining"))?)?;
        if remaining >= 1.0 {
            return None;
        }
        // Discord says it both ways; a span needs no clock.
        text(&format!("{family}-reset-after"))
            .and_then(|text| until(text, server_now))
            .or_else(|| until(text(&format!("{family}-reset"))?, server_now))
    });
    // `ratelimit: limit=100, remaining=0, reset=50`, and the newest
    // `ratelimit: "default";r=0;t=50`.
    let combined = text("ratelimit").and_then(|text| {
        let field = |names: [&str; 2]| {
            text.split([',', ';']).find_map(|item| {
                let (name, value) = item.split_once('=')?;
                names.contains(&name.trim()).then(|| number(value))?
            })
        };
        let remaining = field(["remaining", "r"])?;
        let reset = field(["reset", "t"])?;
        (remaining < 1.0).then(|| span(reset))
    });
    of_families.chain(combined).max()
}

/// A moment or a span: seconds from now, seconds or milliseconds since 1970, RFC 3339, or
/// a date as HTTP writes it.
fn until(text: &str, server_now: Timestamp) -> Option<TimeSpan> {
    let text = text.trim();
    if let Some(number) = number(text) {
        // A span of 30 years is a moment.
        return Some(if number >= 1e12 {
            Timestamp(number as u64).since(server_now)
        } else if number >= 1e9 {
            Timestamp((number * 1000.0) as u64).since(server_now)
        } else {
            span(number)
        });
    }
    let moment = text.parse().ok().or_else(|| http_date(text))?;
    Some(Timestamp::since(moment, server_now))
}

/// Rounded up to the millisecond.
fn span(seconds: f64) -> TimeSpan {
    TimeSpan((seconds.max(0.0) * 1000.0).ceil() as u64)
}

/// The number that a value begins with: some carry a window behind it.
fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    let length = text
        .bytes()
        .take_while(|byte| byte.is_ascii_digit() || *byte == b'.')
        .count();
    let (digits, rest) = text.split_at(length);
    if rest.is_empty() || rest.starts_with([',', ';', ' ']) {
        digits
            .parse()
            .ok()
            .filter(|number: &f64| number.is_finite())
    } else {
        None
    }
}

fn http_date(text: &str) -> Option<Timestamp> {
    let moment = httpdate::parse_http_date(text).ok()?;
    let since = moment.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(Timestamp(u64::try_from(since.as_millis()).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    /// Fri, 15 Jan 2027 08:00:00 GMT.
    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    #[test]
    fn dialects() {
        let minute = Some(TimeSpan(60_000));
        for (status, lines, all, route) in [
            (429, vec![("retry-after", "60")], minute, None),
            (503, vec![("retry-after", "60")], minute, None),
            (503, vec![("retry-after", "0.5")], Some(TimeSpan(500)), None),
            (
                429,
                vec![("retry-after", "Fri, 15 Jan 2027 08:01:00 GMT")],
                minute,
                None,
            ),
            // The server's clock is an hour ahead, and says so.
            (
                429,
                vec![
                    ("retry-after", "Fri, 15 Jan 2027 09:01:00 GMT"),
                    ("date", "Fri, 15 Jan 2027 09:00:00 GMT"),
                ],
                minute,
                None,
            ),
            (429, vec![("retry-after", "0")], None, None),
            (
                429,
                vec![("retry-after", "Fri, 15 Jan 2027 07:00:00 GMT")],
                None,
                None,
            ),
            (429, vec![("retry-after", "soon")], None, None),
            (429, vec![("retry-after", "-5")], None, None),
            (429, vec![("retry-after", "99999999")], Some(LONGEST), None),
            (429, vec![], None, None),
            (200, vec![("retry-after", "60")], None, None),
            (302, vec![("retry-after", "60")], None, None),
            // Epoch seconds, a span, Mastodon's moment, Discord's decimals.
            (
                200,
                vec![
                    ("x-ratelimit-remaining", "0"),
                    ("x-ratelimit-reset", "1800000060"),
                ],
                None,
                minute,
            ),
            (
                200,
                vec![
                    ("x-rate-limit-remaining", "0"),
                    ("x-rate-limit-reset", "1800000060"),
                ],
                None,
                minute,
            ),
            (
                200,
                vec![("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "60")],
                None,
                minute,
            ),
            (
                200,
                vec![
                    ("x-ratelimit-remaining", "0"),
                    ("x-ratelimit-reset", "2027-01-15T08:01:00.000000Z"),
                ],
                None,
                minute,
            ),
            (
                200,
                vec![
                    ("x-ratelimit-remaining", "0"),
                    ("x-ratelimit-reset", "1800000060.123"),
                    ("x-ratelimit-reset-after", "60.000"),
                ],
                None,
                minute,
            ),
            (
                200,
                vec![
                    ("x-ratelimit-remaining", "0"),
                    ("x-ratelimit-reset", "1800000060000"),
                ],
                None,
                minute,
            ),
            // Bluesky.
            (
                429,
                vec![
                    ("ratelimit-limit", "30"),
                    ("ratelimit-remaining", "0"),
                    ("ratelimit-reset", "1800000060"),
                    ("ratelimit-policy", "30;w=300"),
                ],
                minute,
                minute,
            ),
            (
                200,
                vec![("ratelimit", "limit=100, remaining=0, reset=60")],
                None,
                minute,
            ),
            (
                200,
                vec![("ratelimit", "\"default\";r=0;t=60")],
                None,
                minute,
            ),
            (200, vec![("ratelimit", "\"default\";r=5;t=60")], None, None),
            (
                200,
                vec![("x-ratelimit-remaining", "7"), ("x-ratelimit-reset", "60")],
                None,
                None,
            ),
            (200, vec![("x-ratelimit-remaining", "0")], None, None),
            (
                200,
                vec![
                    ("x-ratelimit-remaining", "none"),
                    ("x-ratelimit-reset", "60"),
                ],
                None,
                None,
            ),
        ] {
            let headers: HeaderMap = lines
                .iter()
                .map(|(name, value)| {
                    (
                        HeaderName::from_static(name),
                        HeaderValue::from_static(value),
                    )
                })
                .collect();
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(
                read(status, &headers, NOW),
                Signal { all, route },
                "{status} {lines:?}"
            );
        }
    }
}
