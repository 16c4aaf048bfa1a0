//! Answers on their way in: measured, their secrets kept and blacked out.

use std::sync::Arc;

use http::header::{CONNECTION, CONTENT_ENCODING, SET_COOKIE, TRANSFER_ENCODING};
use tokio::time::{Instant, timeout_at};

use super::hosts::Target;
use super::redact::Redactor;
use super::redirect::Hop;
use super::trace::Tally;
use super::transport::describe;
use super::{Caller, Error, Response, address_fill, capture};

pub(super) async fn read(
    caller: &Caller,
    hop: &Hop<'_>,
    response: reqwest::Response,
    deadline: Instant,
    redactor: &Redactor,
    tally: &mut Tally,
) -> Result<Response, Error> {
    let status = response.status();
    tally.status = Some(status.as_u16());
    // What could not be read could not be blacked out either.
    if let Some(encoding) = response.headers().get(CONTENT_ENCODING)
        && !encoding.as_bytes().eq_ignore_ascii_case(b"identity")
    {
        return Err(Error::NoAnswer(format!(
            "the answer is encoded as {encoding:?}, which was not asked for"
        )));
    }
    let headers: Vec<_> = response
        .headers()
        .iter()
        // A session of the server's, which no plugin may send back.
        .filter(|(name, _)| ![SET_COOKIE, CONNECTION, TRANSFER_ENCODING].contains(name))
        .map(|(name, value)| {
            (
                name.as_str().to_owned(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            )
        })
        .collect();
    let mut body = collect(response, &headers, caller.limits.response, deadline, tally).await?;

    let mut kept = None;
    if status.is_success()
        && let Some(target) = Target::of(&hop.url)
    {
        let rules = capture::rules(caller, &target, &hop.method, &address_fill::path(&hop.url));
        if let Some((taken, rest)) = capture::take(&body, &rules) {
            keep(caller, taken.clone()).await?;
            body = rest;
            kept = Some(Redactor::new(&taken, &caller.manifest)?);
        }
    }
    let text = |text: &str| {
        let text = redactor.text(text);
        match &kept {
            Some(kept) => kept.text(&text),
            None => text,
        }
    };
    let headers = headers
        .into_iter()
        .map(|(name, value)| (name, text(&value)))
        .collect();
    let url = text(&address_fill::shown(&hop.url));
    body = redactor.bytes(body);
    if let Some(kept) = &kept {
        body = kept.bytes(body);
    }
    Ok(Response {
        status: status.as_u16(),
        headers,
        body,
        url,
    })
}

async fn collect(
    mut response: reqwest::Response,
    headers: &[(String, String)],
    limit: u64,
    deadline: Instant,
    tally: &mut Tally,
) -> Result<Vec<u8>, Error> {
    let of_headers: usize = headers
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    let mut left = limit
        .checked_sub(of_headers as u64)
        .ok_or(Error::TooLarge(limit))?;
    if response
        .content_length()
        .is_some_and(|length| length > left)
    {
        return Err(Error::TooLarge(limit));
    }
    let mut body = Vec::new();
    loop {
        let chunk = match timeout_at(deadline, response.chunk()).await {
            Ok(Ok(Some(chunk))) => chunk,
            Ok(Ok(None)) => return Ok(body),
            Ok(Err(error)) => {
                return Err(Error::NoAnswer(format!(
                    "the answer broke off: {}",
                    describe(&error)
                )));
            }
            Err(_) => {
                return Err(Error::NoAnswer(
                    "the answer was not whole within the time allowed".to_owned(),
                ));
            }
        };
        tally.received += chunk.len() as u64;
        let Some(rest) = left.checked_sub(chunk.len() as u64) else {
            return Err(Error::TooLarge(limit));
        };
        left = rest;
        body.extend_from_slice(&chunk);
    }
}

/// Durable when it returns.
async fn keep(caller: &Caller, taken: capture::Values) -> Result<(), Error> {
    let secrets = Arc::clone(&caller.secrets);
    let kept = tokio::task::spawn_blocking(move || secrets.capture_all(taken)).await;
    match kept {
        Ok(Ok(())) => Ok(()),
        Ok(Err(why)) => Err(Error::NoAnswer(format!(
            "the answer held secrets, and they could not be kept: {why}"
        ))),
        Err(_) => Err(Error::NoAnswer(
            "the answer held secrets, and keeping them failed".to_owned(),
        )),
    }
}
