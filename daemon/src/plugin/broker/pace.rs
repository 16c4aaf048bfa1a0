//! The platforms' pace: what an answer says of its limits is kept, and a request that
//! would be refused is not sent.

use std::collections::HashMap;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::clock::Clock as GovernorClock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use http::{HeaderMap, Method, StatusCode};

use super::Error;
use super::pace_headers::{self, Signal};
use crate::clock::Clock;
use crate::model::{TimeSpan, Timestamp};

/// Hosts and subjects that are remembered.
const MOST_GATES: usize = 4096;
/// Routes that are remembered of each.
const MOST_ROUTES: usize = 64;
const MOST_LIMITERS: usize = 1024;

/// Requests that one plugin may send to one host, whatever the host says itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ceiling {
    pub per_second: NonZeroU32,
    /// At once, after a pause.
    pub burst: NonZeroU32,
}

/// Whose pace it is. The platforms count per user and per client.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Lane {
    pub plugin: Arc<str>,
    pub subject: Arc<str>,
    /// With its port.
    pub host: String,
}

pub(super) struct Pace {
    clock: Clock,
    /// Shorter waits are waited for.
    short_wait: TimeSpan,
    ceiling: Option<Ceiling>,
    gates: Mutex<HashMap<Lane, Gate>>,
    limiters: Mutex<HashMap<Client, Arc<Limiter>>>,
}

#[derive(Debug, Default)]
struct Gate {
    /// For all requests.
    closed_until: Timestamp,
    /// For a method and a kind of path.
    routes: HashMap<String, Timestamp>,
}

/// A plugin, and a host with its port.
type Client = (Arc<str>, String);
type Limiter = RateLimiter<NotKeyed, InMemoryState, Hands, NoOpMiddleware<Duration>>;

/// Our clock, as governor reads one.
#[derive(Clone, Debug)]
struct Hands(Clock);

impl GovernorClock for Hands {
    type Instant = Duration;

    fn now(&self) -> Duration {
        Duration::from_millis(self.0.now().millis())
    }
}

impl Pace {
    pub fn new(clock: Clock, short_wait: TimeSpan, ceiling: Option<Ceiling>) -> Self {
        Pace {
            clock,
            short_wait,
            ceiling,
            gates: Mutex::default(),
            limiters: Mutex::default(),
        }
    }

    /// Returns when the request may be sent; `Error::Paced` where that is too far off.
    pub async fn enter(
        &self,
        lane: &Lane,
        method: &Method,
        path: &str,
        patience: TimeSpan,
    ) -> Result<(), Error> {
        let route = route(method, path);
        let latest = self
            .clock
            .now()
            .saturating_add(self.short_wait.min(patience));
        loop {
            let now = self.clock.now();
            let opens = self
                .closed_until(lane, &route)
                .max(now.saturating_add(self.over_ceiling(lane, now)));
            if opens <= now {
                return Ok(());
            }
            if opens > latest {
                return Err(Error::Paced(opens.since(now)));
            }
            self.clock.sleep_until(opens).await;
        }
    }

    /// Learns from an answer.
    pub fn observe(
        &self,
        lane: &Lane,
        method: &Method,
        path: &str,
        status: StatusCode,
        headers: &HeaderMap,
    ) {
        let now = self.clock.now();
        let Signal { all, route: one } = pace_headers::read(status, headers, now);
        if all.is_none() && one.is_none() {
            return;
        }
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        make_room(
            &mut gates,
            lane,
            MOST_GATES,
            |gate| {
                let routes = gate.routes.values().copied().max().unwrap_or_default();
                gate.closed_until.max(routes)
            },
            now,
        );
        let gate = gates.entry(lane.clone()).or_default();
        if let Some(span) = all {
            gate.closed_until = gate.closed_until.max(now.saturating_add(span));
        }
        if let Some(span) = one {
            let route = route(method, path);
            make_room(&mut gate.routes, &route, MOST_ROUTES, |until| *until, now);
            gate.routes.insert(route, now.saturating_add(span));
        }
    }

    fn closed_until(&self, lane: &Lane, route: &str) -> Timestamp {
        let gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(gate) = gates.get(lane) else {
            return Timestamp::default();
        };
        let route = gate.routes.get(route).copied().unwrap_or_default();
        gate.closed_until.max(route)
    }

    /// Counts the request where the gates are open, and says for how long it is too many.
    fn over_ceiling(&self, lane: &Lane, now: Timestamp) -> TimeSpan {
        let Some(ceiling) = self.ceiling else {
            return TimeSpan::ZERO;
        };
        let limiter = {
            let mut limiters = self.limiters.lock().unwrap_or_else(PoisonError::into_inner);
            let key = (lane.plugin.clone(), lane.host.clone());
            if limiters.len() >= MOST_LIMITERS && !limiters.contains_key(&key) {
                limiters.clear();
            }
            let limiter = limiters.entry(key).or_insert_with(|| {
                let quota = Quota::per_second(ceiling.per_second).allow_burst(ceiling.burst);
                Arc::new(RateLimiter::direct_with_clock(
                    quota,
                    Hands(self.clock.clone()),
                ))
            });
            limiter.clone()
        };
        match limiter.check() {
            Ok(()) => TimeSpan::ZERO,
            Err(until) => {
                let wait = until.wait_time_from(Duration::from_millis(now.millis()));
                // Up, or the wait would end within the same millisecond for ever.
                TimeSpan(TimeSpan::from_std(wait).millis() + 1)
            }
        }
    }
}

/// Forgets what is over, and then what ends first.
fn make_room<K: Eq + Hash, V>(
    map: &mut HashMap<K, V>,
    key: &K,
    most: usize,
    ends: impl Fn(&V) -> Timestamp,
    now: Timestamp,
) {
    if map.len() < most || map.contains_key(key) {
        return;
    }
    map.retain(|_, value| ends(value) > now);
    if map.len() < most {
        return;
    }
    // A part at once, so that a full memory is not searched for every request.
    let mut all: Vec<_> = map.values().map(&ends).collect();
    let (_, last, _) = all.select_nth_unstable(most / 8);
    let last = *last;
    map.retain(|_, value| ends(value) > last);
}

/// A method and a kind of path: identifiers hold digits, and stand for one another.
fn route(method: &Method, path: &str) -> String {
    let mut route = method.to_string();
    for segment in path.split('/').skip(1) {
        route.push('/');
        if segment.bytes().any(|byte| byte.is_ascii_digit()) {
            route.push('*');
        } else {
            route.extend(segment.chars().take(80));
        }
    }
    route.truncate(route.floor_char_boundary(512));
    route
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    const START: Timestamp = Timestamp(1_800_000_000_000);
    const PATIENT: TimeSpan = TimeSpan(60_000);

    fn lane(subject: &str, host: &str) -> Lane {
        Lane {
            plugin: "sample".into(),
            subject: subject.into(),
            host: host.to_owned(),
        }
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_str(value).unwrap(),
                )
            })
            .collect()
    }

    #[tokio::test]
    async fn a_closed_gate_is_closed_for_one_host_and_subject() {
        let (clock, hands) = Clock::manual(START);
        let pace = Pace::new(clock, TimeSpan(2000), None);
        let own = lane("a", "api.example.org");
        let enter = |lane: Lane, path: &'static str| {
            let pace = &pace;
            async move { pace.enter(&lane, &Method::POST, path, PATIENT).await }
        };
        let busy = headers(&[("retry-after", "90")]);
        pace.observe(
            &own,
            &Method::POST,
            "/x",
            StatusCode::TOO_MANY_REQUESTS,
            &busy,
        );
        assert_eq!(
            enter(own.clone(), "/y").await,
            Err(Error::Paced(TimeSpan(90_000)))
        );
        assert_eq!(enter(lane("b", "api.example.org"), "/x").await, Ok(()));
        assert_eq!(enter(lane("a", "other.example.org"), "/x").await, Ok(()));
        hands.advance(TimeSpan(60_000));
        assert_eq!(
            enter(own.clone(), "/x").await,
            Err(Error::Paced(TimeSpan(30_000)))
        );
        hands.advance(TimeSpan(30_000));
        assert_eq!(enter(own, "/x").await, Ok(()));
    }

    #[tokio::test]
    async fn an_exhausted_bucket_closes_its_route() {
        let (clock, hands) = Clock::manual(START);
        let pace = Pace::new(clock, TimeSpan(2000), None);
        let own = lane("a", "api.example.org");
        let spent = headers(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "120")]);
        pace.observe(&own, &Method::GET, "/posts/17", StatusCode::OK, &spent);
        for (method, path, closed) in [
            (Method::GET, "/posts/18", true),
            (Method::POST, "/posts/17", false),
            (Method::GET, "/posts", false),
        ] {
            let outcome = pace.enter(&own, &method, path, PATIENT).await;
            assert_eq!(outcome.is_err(), closed, "{method} {path}: {outcome:?}");
        }
        hands.advance(TimeSpan(120_000));
        assert_eq!(
            pace.enter(&own, &Method::GET, "/posts/18", PATIENT).await,
            Ok(())
        );
    }

    #[tokio::test]
    async fn a_short_wait_is_waited_for() {
        let (clock, hands) = Clock::manual(START);
        let pace = Arc::new(Pace::new(clock, TimeSpan(2000), None));
        let own = lane("a", "api.example.org");
        let busy = headers(&[("retry-after", "1")]);
        pace.observe(
            &own,
            &Method::GET,
            "/",
            StatusCode::SERVICE_UNAVAILABLE,
            &busy,
        );
        // Nobody waits longer than the call itself may last.
        let hurried = pace.enter(&own, &Method::GET, "/", TimeSpan(500)).await;
        assert_eq!(hurried, Err(Error::Paced(TimeSpan(1000))));
        let waiting = tokio::spawn({
            let (pace, own) = (pace.clone(), own.clone());
            async move { pace.enter(&own, &Method::GET, "/", PATIENT).await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        hands.advance(TimeSpan(1000));
        assert_eq!(waiting.await.unwrap(), Ok(()));
    }

    #[tokio::test]
    async fn the_ceiling_holds_by_our_clock() {
        let (clock, hands) = Clock::manual(START);
        let ceiling = Ceiling {
            per_second: NonZeroU32::new(2).unwrap(),
            burst: NonZeroU32::new(3).unwrap(),
        };
        let pace = Pace::new(clock, TimeSpan::ZERO, Some(ceiling));
        let enter = |subject: &'static str, host: &'static str| {
            let pace = &pace;
            async move {
                pace.enter(&lane(subject, host), &Method::GET, "/", PATIENT)
                    .await
            }
        };
        for _ in 0..3 {
            assert_eq!(enter("a", "api.example.org").await, Ok(()));
        }
        // It counts for all subjects of the plugin, and for each host on its own.
        let Err(Error::Paced(wait)) = enter("b", "api.example.org").await else {
            panic!("the fourth went through");
        };
        assert!((500..=502).contains(&wait.millis()), "{wait}");
        assert_eq!(enter("a", "other.example.org").await, Ok(()));
        hands.advance(wait);
        assert_eq!(enter("a", "api.example.org").await, Ok(()));
        assert!(enter("a", "api.example.org").await.is_err());
    }

    #[tokio::test]
    async fn what_is_remembered_is_bounded() {
        let (clock, hands) = Clock::manual(START);
        let pace = Pace::new(clock, TimeSpan::ZERO, None);
        let ok = StatusCode::OK;
        let busy = StatusCode::TOO_MANY_REQUESTS;
        for place in 0..MOST_GATES * 2 {
            let lane = lane("a", &format!("h{place}.example.org"));
            let wait = (3600 + place).to_string();
            pace.observe(
                &lane,
                &Method::GET,
                "/",
                busy,
                &headers(&[("retry-after", &wait)]),
            );
        }
        assert!(pace.gates.lock().unwrap().len() <= MOST_GATES);
        // What would have opened first was forgotten.
        assert_eq!(
            pace.enter(&lane("a", "h0.example.org"), &Method::GET, "/", PATIENT)
                .await,
            Ok(())
        );
        let last = lane("a", &format!("h{}.example.org", MOST_GATES * 2 - 1));
        assert!(pace.enter(&last, &Method::GET, "/", PATIENT).await.is_err());
        let spent = headers(&[("ratelimit-remaining", "0"), ("ratelimit-reset", "60")]);
        for place in 0..MOST_ROUTES * 2 {
            let word: String = place
                .to_string()
                .bytes()
                .map(|b| (b + 49) as char)
                .collect();
            pace.observe(&last, &Method::GET, &format!("/{word}"), ok, &spent);
        }
        assert!(pace.gates.lock().unwrap()[&last].routes.len() <= MOST_ROUTES);
        let missing = MOST_GATES - pace.gates.lock().unwrap().len();
        for place in 0..missing {
            let lane = lane("b", &format!("h{place}.example.org"));
            pace.observe(
                &lane,
                &Method::GET,
                "/",
                busy,
                &headers(&[("retry-after", "3600")]),
            );
        }
        hands.advance(TimeSpan::from_days(2));
        let fresh = lane("a", "fresh.example.org");
        pace.observe(
            &fresh,
            &Method::GET,
            "/",
            busy,
            &headers(&[("retry-after", "1")]),
        );
        assert_eq!(pace.gates.lock().unwrap().len(), 1);
    }

    #[test]
    fn kinds_of_paths() {
        for (path, expected) in [
            (
                "/api/v1/statuses/109/favourite",
                "GET/api/*/statuses/*/favourite",
            ),
            (
                "/xrpc/com.atproto.repo.putRecord",
                "GET/xrpc/com.atproto.repo.putRecord",
            ),
            ("/", "GET/"),
        ] {
            assert_eq!(route(&Method::GET, path), expected);
        }
    }
}
