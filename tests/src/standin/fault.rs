//! How a request goes wrong.

use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use futures_util::StreamExt as _;

use super::line::Cut;

/// How a request goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// None: those behind it are for later requests.
    Pass,
    /// It is answered with this status, and nothing is done.
    Refused(u16),
    /// It is answered with 429, and nothing is done.
    TooMany(Wait),
    /// It is done, and answered with this status.
    TakenAnd(u16),
    /// The connection is reset, and nothing is done.
    ResetBefore,
    /// It is done, and the connection is reset in place of an answer.
    ResetAfter,
    /// It is done, and the answer breaks off after its head.
    AnswerLost,
    /// It is done, and the answer breaks off in the middle.
    CutInHalf,
    /// It is done, and the answer comes in small pieces, each so many milliseconds later.
    Drip(u64),
    /// It is done, and the answer is no JSON.
    NoJson,
    /// It is done, and answered with a page for people.
    Html,
    /// Nothing is done, and a page for people says 200.
    HtmlInstead,
    /// It is sent to its own address, to be repeated there.
    SentOn,
    /// Nothing is done, and it is sent to a page for people.
    SentAway,
    /// Nothing is done, and no answer comes.
    Silence,
}

/// How a refusal for pace says when to come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wait {
    Unsaid,
    /// `retry-after` in seconds.
    Seconds(u32),
    /// `retry-after` as a date.
    Date(u32),
    /// `x-ratelimit-reset` as Mastodon says it, an RFC 3339 moment.
    Moment(u32),
    /// `x-rate-limit-reset` as X says it, seconds since 1970.
    Epoch(u32),
    /// `x-ratelimit-reset-after` as Discord says it, seconds.
    After(u32),
    /// `ratelimit-reset` of the older draft.
    Draft(u32),
    /// `ratelimit` of the newer draft.
    Combined(u32),
}

impl Fault {
    /// Without its numbers, for counting.
    pub fn name(self) -> String {
        let text = format!("{self:?}");
        match self {
            Fault::TooMany(wait) => {
                let wait = format!("{wait:?}");
                let header = wait.split('(').next().unwrap_or_default();
                format!("TooMany({header})")
            }
            Fault::Refused(_) | Fault::TakenAnd(_) => text,
            _ => text.split('(').next().unwrap_or_default().to_owned(),
        }
    }

    pub(super) async fn befall(self, request: Request, next: Next, cut: Option<Cut>) -> Response {
        let reset = || {
            if let Some(cut) = &cut {
                cut.now();
            }
            StatusCode::OK.into_response()
        };
        match self {
            Fault::Pass => next.run(request).await,
            Fault::Refused(status) => status_of(status),
            Fault::TooMany(wait) => {
                let mut response = StatusCode::TOO_MANY_REQUESTS.into_response();
                wait.tell(response.headers_mut());
                response
            }
            Fault::TakenAnd(status) => {
                next.run(request).await;
                status_of(status)
            }
            Fault::ResetBefore => reset(),
            Fault::ResetAfter => {
                next.run(request).await;
                reset()
            }
            Fault::AnswerLost => broken_off(next.run(request).await, |_| 0).await,
            Fault::CutInHalf => broken_off(next.run(request).await, |length| length / 2).await,
            Fault::Drip(pause) => drip(next.run(request).await, pause).await,
            Fault::NoJson => {
                let mut response = next.run(request).await;
                *response.body_mut() = Body::from("{\"id\": 17, \"url\": oops");
                response.headers_mut().remove(header::CONTENT_LENGTH);
                response
            }
            Fault::Html => {
                next.run(request).await;
                page()
            }
            Fault::HtmlInstead => page(),
            Fault::SentOn => {
                let uri = request.uri();
                let sign = if uri.query().is_some() { '&' } else { '?' };
                sent_to(StatusCode::PERMANENT_REDIRECT, &format!("{uri}{sign}again"))
            }
            Fault::SentAway => sent_to(StatusCode::FOUND, "/"),
            Fault::Silence => std::future::pending().await,
        }
    }
}

fn status_of(status: u16) -> Response {
    StatusCode::from_u16(status)
        .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
        .into_response()
}

fn page() -> Response {
    Html("<!DOCTYPE html><title>Just a moment...</title><p>Checking your browser").into_response()
}

fn sent_to(status: StatusCode, place: &str) -> Response {
    let mut response = status.into_response();
    let place = HeaderValue::from_str(place).expect("a path");
    response.headers_mut().insert(header::LOCATION, place);
    response
}

/// The connection breaks off under a body that was announced and does not come whole.
async fn broken_off(response: Response, at: impl Fn(usize) -> usize) -> Response {
    let (parts, body) = response.into_parts();
    let whole = to_bytes(body, usize::MAX).await.expect("it is in memory");
    let begun = whole.slice(..at(whole.len()));
    let pieces = [Ok(begun), Err(std::io::Error::other("lost"))];
    let body = futures_util::stream::iter(pieces);
    Response::from_parts(parts, Body::from_stream(body))
}

async fn drip(response: Response, pause: u64) -> Response {
    const PIECES: usize = 8;
    let (parts, body) = response.into_parts();
    let whole = to_bytes(body, usize::MAX).await.expect("it is in memory");
    let size = whole.len().div_ceil(PIECES).max(1);
    let pieces: Vec<Bytes> = whole.chunks(size).map(Bytes::copy_from_slice).collect();
    let body = futures_util::stream::iter(pieces).then(move |piece| async move {
        tokio::time::sleep(Duration::from_millis(pause)).await;
        Ok::<_, std::io::Error>(piece)
    });
    Response::from_parts(parts, Body::from_stream(body))
}

impl Wait {
    fn tell(self, headers: &mut HeaderMap) {
        let now = chrono::Utc::now();
        let then = |seconds: u32| now + chrono::TimeDelta::seconds(i64::from(seconds));
        let mut put = |name: &'static str, value: String| {
            let value = HeaderValue::from_str(&value).expect("a header's value");
            headers.insert(HeaderName::from_static(name), value);
        };
        match self {
            Wait::Unsaid => {}
            Wait::Seconds(wait) => put("retry-after", wait.to_string()),
            Wait::Date(wait) => {
                let date = then(wait).format("%a, %d %b %Y %H:%M:%S GMT");
                put("retry-after", date.to_string());
            }
            Wait::Moment(wait) => {
                put("x-ratelimit-remaining", "0".to_owned());
                put("x-ratelimit-reset", then(wait).to_rfc3339());
            }
            Wait::Epoch(wait) => {
                put("x-rate-limit-remaining", "0".to_owned());
                put("x-rate-limit-reset", then(wait).timestamp().to_string());
            }
            Wait::After(wait) => {
                put("x-ratelimit-remaining", "0".to_owned());
                put("x-ratelimit-reset-after", wait.to_string());
            }
            Wait::Draft(wait) => {
                put("ratelimit-remaining", "0".to_owned());
                put("ratelimit-reset", wait.to_string());
            }
            Wait::Combined(wait) => put("ratelimit", format!("\"default\";r=0;t={wait}")),
        }
    }
}
