//! `http`: counted and charged here, carried by the broker.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::model::TimeSpan;

use super::super::broker::{Body, Broker, Caller, Error, Part, PartBody, Request, Response, Slice};
use super::super::files::CallFiles;
use super::super::limits::{Limit, Reached, Uncounted};
use super::{State, blocking, media_urls, wit};

/// What carries a plugin's requests: the broker, or a test's stand-in.
pub trait Carrier: Send + Sync {
    fn send<'a>(
        &'a self,
        caller: &'a Caller,
        request: Request,
    ) -> BoxFuture<'a, Result<Response, Error>>;
}

impl Carrier for Broker {
    fn send<'a>(
        &'a self,
        caller: &'a Caller,
        request: Request,
    ) -> BoxFuture<'a, Result<Response, Error>> {
        Box::pin(Broker::send(self, caller, request))
    }
}

impl wit::http::Host for State {
    async fn send(
        &mut self,
        request: wit::http::Request,
    ) -> wasmtime::Result<Result<wit::http::Response, wit::http::Error>> {
        self.cpu.check()?;
        let length = length_of(&request);
        self.tally.output += length;
        self.memory.hold(length)?;
        if self.tally.http_calls >= self.limits.http_calls {
            let allowed = self.limits.http_calls;
            self.refuse(Reached {
                limit: Limit::HttpCalls,
                allowed: allowed.into(),
            });
            return Ok(Err(wit::http::Error::Denied(format!(
                "{allowed} requests in one call are allowed (`limits.http_calls`)"
            ))));
        }
        self.tally.http_calls += 1;

        let account = self.site.subject.clone();
        let urls = self.urls.clone();
        let request = match media_urls::fill(request, &self.files, account, urls).await? {
            Ok(request) => request,
            Err(error) => return Ok(Err(error)),
        };
        let request = match translate(request, &self.files.clone()).await? {
            Ok(request) => request,
            Err(error) => return Ok(Err(error)),
        };
        let answer = self.carry(request).await;
        match answer {
            Ok(response) => {
                self.memory.hold(weight_of(&response))?;
                Ok(Ok(wit::http::Response {
                    status: response.status,
                    headers: response.headers,
                    body: response.body,
                    url: response.url,
                }))
            }
            Err(Error::TooLarge(most)) => {
                if most < self.limits.response {
                    // Not the answer's own limit was in the way, but the call's memory.
                    return Err(self.memory.refuse().into());
                }
                self.memory.hold(0)?;
                self.refuse(Reached {
                    limit: Limit::Response,
                    allowed: most,
                });
                Ok(Err(wit::http::Error::TooLarge(most)))
            }
            Err(error) => {
                self.memory.hold(0)?;
                Ok(Err(error.into()))
            }
        }
    }
}

impl State {
    async fn carry(&mut self, request: Request) -> Result<Response, Error> {
        let writes = !["GET", "HEAD", "OPTIONS"]
            .iter()
            .any(|method| request.method.eq_ignore_ascii_case(method));
        let mut caller = self.caller.clone();
        caller.limits.response = caller.limits.response.min(self.memory.left());
        let carrier = Arc::clone(&self.carrier);
        let cpu = Arc::clone(&self.cpu);

        let before = self.tally.sent;
        // Set while it is under way: a call that is cut off here leaves it so.
        self.tally.sent |= writes;
        let answer = Uncounted::new(&cpu, carrier.send(&caller, request)).await;
        let left = match &answer {
            Ok(_) | Err(Error::NoAnswer(_) | Error::TooLarge(_)) => true,
            Err(
                Error::Denied(_)
                | Error::Invalid(_)
                | Error::MissingSecret(_)
                | Error::Paced(_)
                | Error::NotSent(_),
            ) => false,
        };
        self.tally.sent = before || (writes && left);
        answer
    }
}

async fn translate(
    request: wit::http::Request,
    files: &CallFiles,
) -> wasmtime::Result<Result<Request, wit::http::Error>> {
    let body = match request.body {
        wit::http::Body::None => Body::None,
        wit::http::Body::Bytes(bytes) => Body::Bytes(bytes),
        wit::http::Body::Media(slice) => match range(slice, files).await? {
            Ok(slice) => Body::Media(slice),
            Err(error) => return Ok(Err(error)),
        },
        wit::http::Body::Multipart(parts) => {
            let mut sent = Vec::with_capacity(parts.len());
            for part in parts {
                let body = match part.body {
                    wit::http::PartBody::Bytes(bytes) => PartBody::Bytes(bytes),
                    wit::http::PartBody::Media(slice) => match range(slice, files).await? {
                        Ok(slice) => PartBody::Media(slice),
                        Err(error) => return Ok(Err(error)),
                    },
                };
                sent.push(Part {
                    name: part.name,
                    filename: part.filename,
                    content_type: part.content_type,
                    body,
                });
            }
            Body::Multipart(sent)
        }
    };
    Ok(Ok(Request {
        method: request.method,
        url: request.url,
        headers: request.headers,
        body,
        timeout: request.timeout.map(TimeSpan),
    }))
}

/// A range of a file that the call may see, inside the file.
async fn range(
    slice: wit::http::MediaSlice,
    files: &CallFiles,
) -> wasmtime::Result<Result<Slice, wit::http::Error>> {
    let files = files.clone();
    blocking(move || {
        let id = &slice.id;
        let invalid = |reason: String| {
            wit::http::Error::Invalid(format!("the body's media `{id}`: {reason}"))
        };
        let path = files
            .resolve(id)
            .map_err(|error| invalid(error.to_string()))?;
        let size = std::fs::metadata(&path)
            .map_err(|error| invalid(error.to_string()))?
            .len();
        let rest = size.checked_sub(slice.offset);
        let length = match (rest, slice.length) {
            (Some(rest), None) => rest,
            (Some(rest), Some(length)) if length <= rest => length,
            _ => {
                return Err(invalid(format!("the range goes beyond its {size} bytes")));
            }
        };
        Ok(Slice {
            path,
            offset: slice.offset,
            length,
        })
    })
    .await
}

fn length_of(request: &wit::http::Request) -> u64 {
    let headers: usize = request
        .headers
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    let body = match &request.body {
        wit::http::Body::None | wit::http::Body::Media(_) => 0,
        wit::http::Body::Bytes(bytes) => bytes.len(),
        wit::http::Body::Multipart(parts) => parts
            .iter()
            .map(|part| match &part.body {
                wit::http::PartBody::Bytes(bytes) => part.name.len() + bytes.len(),
                wit::http::PartBody::Media(_) => part.name.len(),
            })
            .sum(),
    };
    (request.url.len() + request.method.len() + headers + body) as u64
}

fn weight_of(response: &Response) -> u64 {
    let headers: usize = response
        .headers
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    (response.body.len() + headers + response.url.len()) as u64
}

impl From<Error> for wit::http::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Denied(reason) => wit::http::Error::Denied(reason),
            Error::Invalid(reason) => wit::http::Error::Invalid(reason),
            Error::MissingSecret(name) => wit::http::Error::MissingSecret(name),
            Error::Paced(wait) => wit::http::Error::Paced(wait.millis()),
            Error::NotSent(reason) => wit::http::Error::NotSent(reason),
            Error::NoAnswer(reason) => wit::http::Error::NoAnswer(reason),
            Error::TooLarge(most) => wit::http::Error::TooLarge(most),
        }
    }
}
