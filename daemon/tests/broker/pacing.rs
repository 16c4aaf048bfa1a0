//! The platforms' pace, by a clock that stands still.

use std::num::NonZeroU32;
use std::sync::Mutex;

use axum::response::{IntoResponse as _, Response};
use jarchi::model::TimeSpan;
use jarchi::plugin::broker::{Ceiling, Error};

use crate::world::{
    Asker, DATE, MINUTE, Site, World, get, ok, plain, request, script, until, with_headers,
};

/// A server that answers so once, and is content from then on.
async fn once(answer: Response) -> Site {
    let answer = Mutex::new(Some(answer));
    plain(script(move |_| {
        let first = answer.lock().unwrap().take();
        first.unwrap_or_else(|| "fine".into_response())
    }))
    .await
}

fn asker(site: &Site) -> Asker {
    Asker::of(&[&format!("api.example.org:{}", site.port())])
}

fn url(site: &Site, path: &str) -> String {
    format!("http://api.example.org:{}{path}", site.port())
}

#[tokio::test]
async fn every_family_of_headers_is_obeyed() {
    // 2027-01-15T08:01:00Z, and in the other ways of writing it.
    let (seconds, millis) = ("1800000060", "1800000060000");
    for (status, headers, closed) in [
        (429, vec![("retry-after", "60")], Some(MINUTE)),
        (503, vec![("retry-after", "60")], Some(MINUTE)),
        (
            429,
            vec![("retry-after", "Fri, 15 Jan 2027 08:01:00 GMT")],
            Some(MINUTE),
        ),
        (200, vec![("retry-after", "60")], None),
        (
            200,
            vec![
                ("x-ratelimit-remaining", "0"),
                ("x-ratelimit-reset", seconds),
            ],
            Some(MINUTE),
        ),
        (
            200,
            vec![
                ("x-ratelimit-remaining", "0"),
                ("x-ratelimit-reset", millis),
            ],
            Some(MINUTE),
        ),
        (
            200,
            vec![
                ("x-ratelimit-remaining", "0"),
                ("x-ratelimit-reset", "2027-01-15T08:01:00.000Z"),
            ],
            Some(MINUTE),
        ),
        (
            200,
            vec![
                ("x-ratelimit-remaining", "0"),
                ("x-ratelimit-reset-after", "60.000"),
            ],
            Some(MINUTE),
        ),
        (
            200,
            vec![
                ("x-rate-limit-remaining", "0"),
                ("x-rate-limit-reset", seconds),
            ],
            Some(MINUTE),
        ),
        (
            200,
            vec![("ratelimit-remaining", "0"), ("ratelimit-reset", "60")],
            Some(MINUTE),
        ),
        (
            200,
            vec![("ratelimit-remaining", "0"), ("ratelimit-reset", seconds)],
            Some(MINUTE),
        ),
        (
            200,
            vec![("ratelimit", "limit=10, remaining=0, reset=60")],
            Some(MINUTE),
        ),
        (
            200,
            vec![("ratelimit", "\"default\";r=0;t=60")],
            Some(MINUTE),
        ),
        (
            200,
            vec![
                ("x-ratelimit-remaining", "1"),
                ("x-ratelimit-reset", seconds),
            ],
            None,
        ),
        (
            429,
            vec![
                ("x-ratelimit-remaining", "0"),
                ("x-ratelimit-reset", seconds),
            ],
            Some(MINUTE),
        ),
        (429, vec![("retry-after", "soon")], None),
        (429, vec![("retry-after", "-60")], None),
        (
            429,
            vec![("retry-after", "Fri, 15 Jan 2027 07:00:00 GMT")],
            None,
        ),
        // A day, whatever it says.
        (
            429,
            vec![("retry-after", "99999999")],
            Some(TimeSpan::from_days(1)),
        ),
    ] {
        let world = World::new();
        let mut all = headers.clone();
        all.push(("date", DATE));
        let site = once(with_headers(status, &all, "")).await;
        let asker = asker(&site);
        let answer = world.get(&asker, &url(&site, "/v1")).await.unwrap();
        assert_eq!(answer.status, status);
        let second = world.get(&asker, &url(&site, "/v1")).await;
        match closed {
            None => assert_eq!(second.unwrap().status, 200, "{status} {headers:?}"),
            Some(span) => {
                assert_eq!(
                    second.unwrap_err(),
                    Error::Paced(span),
                    "{status} {headers:?}"
                );
                assert_eq!(site.seen().len(), 1, "{headers:?}");
                world.hands.advance(TimeSpan(span.millis() - 3000));
                let early = world.get(&asker, &url(&site, "/v1")).await;
                assert_eq!(early.unwrap_err(), Error::Paced(TimeSpan(3000)));
                world.hands.advance(TimeSpan(3000));
                assert_eq!(
                    world.get(&asker, &url(&site, "/v1")).await.unwrap().status,
                    200
                );
            }
        }
    }
}

#[tokio::test]
async fn a_refusal_closes_one_account_on_one_host() {
    let world = World::new();
    let site = once(with_headers(429, &[("retry-after", "60")], "")).await;
    let other_site = plain(ok()).await;
    let host = format!("api.example.org:{}", site.port());
    let other_host = format!("other.example.net:{}", other_site.port());
    let shop = Asker::of(&[&host, &other_host]);
    let cafe = Asker {
        subject: "cafe",
        ..shop.clone()
    };
    world.get(&shop, &url(&site, "/a")).await.unwrap();
    // The whole host, by every method.
    for request in [get(&url(&site, "/b")), request("POST", &url(&site, "/c"))] {
        let outcome = world.send(&shop, request).await;
        assert_eq!(outcome.unwrap_err(), Error::Paced(MINUTE));
    }
    assert_eq!(
        world.get(&cafe, &url(&site, "/a")).await.unwrap().status,
        200
    );
    let other = format!("http://{other_host}/");
    assert_eq!(world.get(&shop, &other).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_spent_bucket_closes_one_kind_of_request() {
    let world = World::new();
    let spent = [("ratelimit-remaining", "0"), ("ratelimit-reset", "60")];
    let site = once(with_headers(200, &spent, "")).await;
    let asker = asker(&site);
    world
        .get(&asker, &url(&site, "/v1/posts/17"))
        .await
        .unwrap();
    let same_kind = world.get(&asker, &url(&site, "/v1/posts/18")).await;
    assert_eq!(same_kind.unwrap_err(), Error::Paced(MINUTE));
    let other = world.get(&asker, &url(&site, "/v1/media/17")).await;
    assert_eq!(other.unwrap().status, 200);
    let other = request("POST", &url(&site, "/v1/posts/17"));
    assert_eq!(world.send(&asker, other).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_short_wait_is_waited_for() {
    let world = World::new();
    let site = once(with_headers(429, &[("retry-after", "2")], "")).await;
    let asker = asker(&site);
    world.get(&asker, &url(&site, "/")).await.unwrap();
    let (broker, caller, again) = (world.broker.clone(), asker.caller(), get(&url(&site, "/")));
    let waiting = tokio::spawn(async move { broker.send(&caller, again).await });
    // One that has no time for it is told so, and by then the other waits.
    let mut hurried = get(&url(&site, "/"));
    hurried.timeout = Some(TimeSpan(1000));
    let outcome = world.send(&asker, hurried).await;
    assert_eq!(outcome.unwrap_err(), Error::Paced(TimeSpan(2000)));
    world.hands.advance(TimeSpan(1999));
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!waiting.is_finished());
    assert_eq!(site.seen().len(), 1);
    world.hands.advance(TimeSpan(1));
    assert_eq!(waiting.await.unwrap().unwrap().status, 200);
    until("both were seen", || site.seen().len() == 2).await;
}

#[tokio::test]
async fn a_plugin_that_runs_wild_is_slowed_down() {
    let world = World::with(|options| {
        options.short_wait = TimeSpan::ZERO;
        options.ceiling = Some(Ceiling {
            per_second: NonZeroU32::new(2).unwrap(),
            burst: NonZeroU32::new(5).unwrap(),
        });
    });
    let site = plain(ok()).await;
    let asker = asker(&site);
    let mut sent = 0;
    let mut wait = TimeSpan::ZERO;
    for _ in 0..20 {
        match world.get(&asker, &url(&site, "/")).await {
            Ok(_) => sent += 1,
            Err(Error::Paced(span)) => wait = span,
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(sent, 5);
    assert!((500..=502).contains(&wait.millis()), "{wait}");
    world.hands.advance(wait);
    assert_eq!(
        world.get(&asker, &url(&site, "/")).await.unwrap().status,
        200
    );
    assert_eq!(site.seen().len(), 6);
}
