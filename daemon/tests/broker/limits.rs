//! What one request may cost, and what its failures say.

use std::sync::Arc;

use axum::body::Bytes;
use axum::response::{IntoResponse as _, Response};
use jarchi::model::TimeSpan;
use jarchi::plugin::broker::{Body, Error};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::world::{
    Asker, Script, Site, World, get, plain, post, request, script, streamed, with_headers,
};

fn asker(site: &Site) -> Asker {
    Asker::of(&[&format!("api.example.org:{}", site.port())])
}

fn url(site: &Site, path: &str) -> String {
    format!("http://api.example.org:{}{path}", site.port())
}

#[tokio::test]
async fn an_answer_has_a_largest_size() {
    let world = World::new();
    let site = plain(script(|seen| {
        let length: usize = seen.uri.path()[3..].parse().unwrap();
        match &seen.uri.path()[..3] {
            // With its length, without it, and in headers.
            "/l/" => vec![b'x'; length].into_response(),
            "/s/" => {
                let pieces = (0..length / 100).map(|_| Bytes::from(vec![b'x'; 100]));
                Response::new(streamed(pieces.collect(), false))
            }
            _ => with_headers(200, &[("x-long", &"x".repeat(length))], ""),
        }
    }))
    .await;
    let mut asker = asker(&site);
    asker.limits.response = 20_000;
    for kind in ["l", "s", "h"] {
        let small = world
            .get(&asker, &url(&site, &format!("/{kind}/10000")))
            .await;
        assert_eq!(small.unwrap().status, 200, "{kind}");
        let large = world
            .get(&asker, &url(&site, &format!("/{kind}/30000")))
            .await;
        assert_eq!(large.unwrap_err(), Error::TooLarge(20_000), "{kind}");
    }
    // One that never ends.
    let endless = plain(Arc::new(|_| {
        Box::pin(async {
            let pieces = futures_util::stream::repeat_with(|| {
                Ok::<_, std::io::Error>(Bytes::from_static(&[b'x'; 4096]))
            });
            Response::new(axum::body::Body::from_stream(pieces))
        })
    }))
    .await;
    let mut asker = self::asker(&endless);
    asker.limits.response = 1 << 20;
    let outcome = world.get(&asker, &url(&endless, "/")).await;
    assert_eq!(outcome.unwrap_err(), Error::TooLarge(1 << 20));
}

fn silent() -> Script {
    Arc::new(|_| Box::pin(std::future::pending()))
}

#[tokio::test]
async fn an_answer_has_its_time() {
    let world = World::new();
    let site = plain(silent()).await;
    let mut asker = asker(&site);
    let mut request = request("POST", &url(&site, "/"));
    request.timeout = Some(TimeSpan(200));
    let error = world.send(&asker, request).await.unwrap_err();
    assert!(matches!(error, Error::NoAnswer(_)), "{error:?}");
    assert_eq!(site.seen().len(), 1);
    // The operator's limit stands over the plugin's wish.
    asker.limits.wall = TimeSpan(200);
    let mut request = get(&url(&site, "/"));
    request.timeout = Some(TimeSpan::from_hours(1));
    let error = world.send(&asker, request).await.unwrap_err();
    assert!(error.to_string().contains("time allowed"), "{error}");

    // One whose body does not end.
    let site = plain(Arc::new(|_| {
        Box::pin(async {
            let pieces = futures_util::stream::unfold(true, |first| async move {
                if !first {
                    std::future::pending::<()>().await;
                }
                Some((Ok::<_, std::io::Error>(Bytes::from_static(b"begin")), false))
            });
            Response::new(axum::body::Body::from_stream(pieces))
        })
    }))
    .await;
    let mut asker = self::asker(&site);
    asker.limits.wall = TimeSpan(300);
    let error = world.get(&asker, &url(&site, "/")).await.unwrap_err();
    assert!(matches!(error, Error::NoAnswer(_)), "{error:?}");
    assert!(error.to_string().contains("not whole"), "{error}");
}

#[tokio::test]
async fn a_request_has_a_largest_size_and_a_form() {
    let world = World::with(|options| options.max_request = 1000);
    let site = plain(script(|_| "fine".into_response())).await;
    let asker = asker(&site);
    let own = url(&site, "/");
    let fits = post(&own, "text/plain", &"x".repeat(1000));
    assert_eq!(world.send(&asker, fits).await.unwrap().status, 200);
    let mut with_body = get(&own);
    with_body.body = Body::Bytes(b"x".to_vec());
    let mut crowded = get(&own);
    crowded.headers = (0..65)
        .map(|at| (format!("x-{at}"), String::new()))
        .collect();
    for (request, words) in [
        (post(&own, "text/plain", &"x".repeat(1001)), "1001 bytes"),
        (with_body, "no body"),
        (crowded, "65 headers"),
        (request("TRACE", &own), "TRACE"),
        (request("CONNECT", &own), "CONNECT"),
        (request("get", &own), "`GET`"),
        (get("not a url"), "not a URL"),
        (get(&format!("{own}?{}", "x".repeat(9000))), "a URL of"),
    ] {
        let error = world.send(&asker, request).await.unwrap_err();
        assert!(matches!(error, Error::Invalid(_)), "{words}: {error:?}");
        assert!(error.to_string().contains(words), "{words}: {error}");
    }
    assert_eq!(site.seen().len(), 1);
}

/// A server of bytes, for what no HTTP library would send. Every connection gets these.
async fn raw(answer: &'static [u8]) -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.windows(4).any(|end| end == b"\r\n\r\n") {
                    let mut chunk = [0; 4096];
                    match stream.read(&mut chunk).await {
                        Ok(length) if length > 0 => head.extend_from_slice(&chunk[..length]),
                        _ => return,
                    }
                }
                let _ = stream.write_all(answer).await;
                let _ = stream.shutdown().await;
            });
        }
    });
    port
}

#[tokio::test]
async fn a_broken_answer_is_no_answer() {
    let world = World::new();
    for answer in [
        &b""[..],
        b"HTTP/1.1 200 OK\r\ncontent-le",
        b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nhello\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 5\r\n\r\nhello",
        // Not asked for, and not to be looked into for secrets.
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\n\x1f\x8b",
    ] {
        let host = format!("api.example.org:{}", raw(answer).await);
        let asker = Asker::of(&[&host]);
        for method in ["GET", "POST"] {
            let request = request(method, &format!("http://{host}/"));
            let outcome = world.send(&asker, request).await;
            assert!(
                matches!(outcome, Err(Error::NoAnswer(_))),
                "{}: {outcome:?}",
                String::from_utf8_lossy(answer)
            );
        }
    }
}
