//! The server's rate limits.

use std::collections::HashMap;

use http::{HeaderMap, HeaderValue, Method};

use crate::model::{TimeSpan, Timestamp};

/// So many requests in each period of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub limit: u32,
    pub period: TimeSpan,
}

/// What is limited, each for every account by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rates {
    pub requests: Option<Rate>,
    pub posts: Option<Rate>,
    pub uploads: Option<Rate>,
    pub deletions: Option<Rate>,
}

impl Rates {
    /// What Mastodon documents.
    pub const fn mastodon() -> Self {
        const fn rate(limit: u32, minutes: u64) -> Option<Rate> {
            Some(Rate {
                limit,
                period: TimeSpan::from_mins(minutes),
            })
        }
        Rates {
            requests: rate(300, 5),
            posts: rate(300, 180),
            uploads: rate(30, 30),
            deletions: rate(30, 30),
        }
    }

    pub const fn none() -> Self {
        Rates {
            requests: None,
            posts: None,
            uploads: None,
            deletions: None,
        }
    }

    /// Those that a request counts for, with the counter of each.
    fn of(&self, method: &Method, path: &str) -> impl Iterator<Item = (u8, Rate)> {
        let status = path.strip_prefix("/api/v1/statuses");
        let post = method == Method::POST && status == Some("");
        let upload = method == Method::POST && ["/api/v1/media", "/api/v2/media"].contains(&path);
        let deletion = status.is_some_and(|rest| {
            method == Method::DELETE || method == Method::POST && rest.ends_with("/unreblog")
        });
        [
            (true, self.requests),
            (post, self.posts),
            (upload, self.uploads),
            (deletion, self.deletions),
        ]
        .into_iter()
        .zip(0u8..)
        .filter_map(|((counts, rate), counter)| Some((counter, rate?)).filter(|_| counts))
    }
}

/// Where the tightest of a request's limits stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    limit: u32,
    remaining: u32,
    reset: Timestamp,
    pub(super) exceeded: bool,
}

impl Standing {
    pub(super) fn write(self, headers: &mut HeaderMap) {
        headers.insert("x-ratelimit-limit", self.limit.into());
        headers.insert("x-ratelimit-remaining", self.remaining.into());
        // Six digits of a second, as the server writes them.
        let reset = self.reset.to_utc().format("%Y-%m-%dT%H:%M:%S%.6fZ");
        if let Ok(reset) = HeaderValue::from_str(&reset.to_string()) {
            headers.insert("x-ratelimit-reset", reset);
        }
    }
}

/// By counter and account: the period's number, and what was counted in it.
#[derive(Debug, Default)]
pub(super) struct Counters(HashMap<(u8, u64), (u64, u32)>);

impl Counters {
    pub(super) fn count(
        &mut self,
        rates: &Rates,
        method: &Method,
        path: &str,
        account: u64,
        now: Timestamp,
    ) -> Option<Standing> {
        let mut tightest: Option<Standing> = None;
        for (counter, rate) in rates.of(method, path) {
            let length = rate.period.millis().max(1);
            let period = now.millis() / length;
            let entry = self.0.entry((counter, account)).or_insert((period, 0));
            if entry.0 != period {
                *entry = (period, 0);
            }
            entry.1 += 1;
            let standing = Standing {
                limit: rate.limit,
                remaining: rate.limit.saturating_sub(entry.1),
                reset: Timestamp((period + 1) * length),
                exceeded: entry.1 > rate.limit,
            };
            let tighter = |other: &Standing| {
                (standing.exceeded, other.remaining) > (other.exceeded, standing.remaining)
            };
            if tightest.as_ref().is_none_or(tighter) {
                tightest = Some(standing);
            }
        }
        tightest
    }
}
