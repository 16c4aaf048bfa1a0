//! The part of the daemon that carries a plugin's HTTP: every rule about where a request
//! may go, what it may carry, and what comes back is kept here.

mod address;
mod address_fill;
mod answer;
mod body;
mod capture;
mod held;
mod hosts;
mod own;
mod pace;
mod pace_headers;
mod path_pattern;
mod placeholder;
mod proof;
mod redact;
mod redirect;
mod request;
mod resolve;
mod sign;
#[cfg(test)]
mod test_caller;
mod trace;
mod transport;
mod types;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use http::header::{CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderValue};
use rustls::pki_types::CertificateDer;
use tokio::time::Instant;
use tracing::Instrument as _;

pub use hosts::ManifestHost;
pub use own::{Asked, Asking, Posting, Reach};
pub use pace::Ceiling;
pub use resolve::{Resolver, SystemResolver};
pub use transport::BuildError;
pub use types::*;

use crate::clock::Clock;
use crate::model::TimeSpan;
use hosts::Target;
use pace::{Lane, Pace};
pub(super) use placeholder::Encoding;
use placeholder::{Filler, Unfilled};
pub(super) use redact::Redactor;
use redirect::Hop;
use sign::Signature;
use trace::Record;
use transport::{Failure, Transport};

const OWN_NAME: HeaderValue =
    HeaderValue::from_static(concat!("jarchi/", env!("CARGO_PKG_VERSION")));

/// What an operator, or a test, may set.
#[derive(Clone)]
pub struct BrokerOptions {
    pub resolver: Arc<dyn Resolver>,
    /// Certificate authorities beside the system's.
    pub extra_roots: Vec<CertificateDer<'static>>,
    /// For name, connection and TLS together.
    pub connect_timeout: Duration,
    pub max_redirects: u32,
    /// Bytes of one request's body, media included.
    pub max_request: u64,
    /// A gate that opens within this is waited for.
    pub short_wait: TimeSpan,
    pub ceiling: Option<Ceiling>,
}

impl Default for BrokerOptions {
    fn default() -> Self {
        BrokerOptions {
            resolver: Arc::new(SystemResolver),
            extra_roots: Vec::new(),
            connect_timeout: Duration::from_secs(10),
            max_redirects: 5,
            max_request: 4 << 30,
            short_wait: TimeSpan(2000),
            // Against a plugin that runs wild; the platforms' own limits are far below.
            ceiling: NonZeroU32::new(100)
                .zip(NonZeroU32::new(1000))
                .map(|(per_second, burst)| Ceiling { per_second, burst }),
        }
    }
}

/// Carries requests. A cheap handle.
#[derive(Clone)]
pub struct Broker(Arc<Inner>);

struct Inner {
    options: BrokerOptions,
    transport: Transport,
    pace: Pace,
}

impl Broker {
    /// Fails where the system has no certificate authorities, or a root that was given is
    /// no certificate.
    pub fn new(options: BrokerOptions, clock: Clock) -> Result<Self, BuildError> {
        let transport = Transport::new(
            &options.resolver,
            &options.extra_roots,
            options.connect_timeout,
        )?;
        let pace = Pace::new(clock, options.short_wait, options.ceiling);
        Ok(Broker(Arc::new(Inner {
            options,
            transport,
            pace,
        })))
    }

    /// Carries one request, redirects included.
    ///
    /// The errors say what the caller may conclude: only after `NoAnswer` and `TooLarge`
    /// may the server have done what it was asked. No text of an error, a header or a
    /// body that comes back holds a secret.
    pub async fn send(&self, caller: &Caller, request: Request) -> Result<Response, Error> {
        let mut record = Record::start(caller, &request);
        let span = record.span();
        let outcome = if captures(caller, &request) {
            // A server that renews a token has forgotten the one before: once it was
            // asked, its answer is kept even where nobody waits for it any more.
            let (broker, caller) = (self.clone(), caller.clone());
            let started = std::mem::take(&mut record.tally);
            let carried = tokio::spawn(
                async move {
                    let mut tally = started;
                    let outcome = broker.0.carry(&caller, &request, &mut tally).await;
                    (outcome, tally)
                }
                .instrument(span),
            );
            match carried.await {
                Ok((outcome, tally)) => {
                    record.tally = tally;
                    outcome
                }
                Err(_) => Err(Error::NoAnswer("the broker failed".to_owned())),
            }
        } else {
            self.0
                .carry(caller, &request, &mut record.tally)
                .instrument(span)
                .await
        };
        record.end(&outcome);
        outcome
    }
}

/// Whether the answer may hold a secret to keep.
fn captures(caller: &Caller, request: &Request) -> bool {
    let Ok(checked) = request::check(request) else {
        return false;
    };
    Target::of(&checked.url).is_some_and(|target| {
        let path = address_fill::path(&checked.url);
        !capture::rules(caller, &target, &checked.method, &path).is_empty()
    })
}

impl Inner {
    async fn carry(
        &self,
        caller: &Caller,
        request: &Request,
        tally: &mut trace::Tally,
    ) -> Result<Response, Error> {
        let caller = held::hold(caller);
        let redactor = Redactor::new(&caller.secrets.all(), &caller.manifest)?;
        let outcome = self.follow(&caller, request, &redactor, tally).await;
        tally.redact(&redactor);
        outcome.map_err(|error| error.redacted(&redactor))
    }

    async fn follow(
        &self,
        caller: &Caller,
        request: &Request,
        redactor: &Redactor,
        tally: &mut trace::Tally,
    ) -> Result<Response, Error> {
        let checked = request::check(request).or_else(|error| {
            // What no address can be made of may still be meant to carry a secret.
            placeholder::refuse(caller, &request.url, "the address").and(Err(error))
        })?;
        address_fill::check(caller, &request.url, &checked.url)?;
        let length = request::body_length(&request.body);
        if length > self.options.max_request {
            return Err(Error::Invalid(format!(
                "a body of {length} bytes, and {} are allowed",
                self.options.max_request
            )));
        }
        let allowed = request
            .timeout
            .map_or(caller.limits.wall, |own| own.min(caller.limits.wall));
        let deadline = Instant::now() + allowed.to_std();
        let mut hop = Hop {
            method: checked.method,
            url: checked.url,
            headers: checked.headers,
            body: &request.body,
            taken: false,
            redirected: false,
        };
        for _ in 0..=self.options.max_redirects {
            let response = self
                .exchange(caller, &hop, deadline, tally)
                .await
                .map_err(|error| {
                    if hop.taken {
                        error.after_taken()
                    } else {
                        error
                    }
                })?;
            let status = response.status();
            hop = match redirect::next(caller, redactor, &hop, status, response.headers()) {
                None => {
                    return answer::read(caller, &hop, response, deadline, redactor, tally).await;
                }
                Some(Ok(next)) => next,
                Some(Err(error)) => {
                    let taken = hop.taken || redirect::becomes_get(&hop.method, status);
                    return Err(if taken { error.after_taken() } else { error });
                }
            };
        }
        Err(Error::NoAnswer(format!(
            "redirected more than {} times",
            self.options.max_redirects
        )))
    }

    /// One request to one server, after all rules.
    async fn exchange(
        &self,
        caller: &Caller,
        hop: &Hop<'_>,
        deadline: Instant,
        tally: &mut trace::Tally,
    ) -> Result<reqwest::Response, Error> {
        let target =
            Target::of(&hop.url).ok_or_else(|| Error::Invalid("the URL has no host".to_owned()))?;
        let scope = hosts::judge(caller, &target)?;
        let path = address_fill::path(&hop.url);
        let filler = Filler {
            caller,
            target: &target,
            method: &hop.method,
            path: &path,
        };
        let address = filler.address(&hop.url)?;
        let address = filler.proven(address, &hop.url, &hop.headers);
        let (mut headers, content_type, signatures) = fill_headers(hop, &filler)?;
        let mut outgoing = body::prepare(hop.body, content_type, &filler).await?;
        if let Some(content_type) = outgoing.content_type.clone() {
            headers.insert(CONTENT_TYPE, content_type);
        }
        headers.entry(USER_AGENT).or_insert(OWN_NAME);
        for signature in signatures {
            signature.add(&mut outgoing, &mut headers).await?;
        }

        let lane = Lane {
            plugin: caller.plugin.clone(),
            subject: caller.subject.clone(),
            host: target.to_string(),
        };
        let left = TimeSpan::from_std(deadline.saturating_duration_since(Instant::now()));
        self.pace.enter(&lane, &hop.method, &path, left).await?;

        tally.sent += outgoing.length;
        let mut prepared = self.transport.request(scope, &hop.method, &address);
        prepared.builder = prepared.builder.headers(headers).body(outgoing.into_body());
        let response = prepared
            .send(deadline)
            .await
            .map_err(|failure| match failure {
                Failure::Denied(found) => hosts::address_denied(caller, &target, &found),
                Failure::Error(error) => error,
            })?;
        self.pace.observe(
            &lane,
            &hop.method,
            &path,
            response.status(),
            response.headers(),
        );
        Ok(response)
    }
}

/// The headers with their secrets, the content type that the plugin gave, and the headers
/// that wait for the body. After a redirect, headers whose secrets have no place at the
/// new target are left out.
fn fill_headers<'a>(
    hop: &'a Hop<'_>,
    filler: &Filler<'_>,
) -> Result<(HeaderMap, Option<&'a str>, Vec<Signature>), Error> {
    let mut headers = HeaderMap::with_capacity(hop.headers.len() + 2);
    let mut content_type = None;
    let mut signatures = Vec::new();
    for (name, value) in &hop.headers {
        let filled = match filler.signature(name, value) {
            Ok(Some(signature)) => {
                signatures.push(signature);
                continue;
            }
            Ok(None) => filler.header(name, value),
            Err(unfilled) => Err(unfilled),
        };
        match filled {
            Ok(filled) => headers.append(name, filled),
            Err(Unfilled::NotHere(_)) if hop.redirected => continue,
            Err(unfilled) => return Err(unfilled.into()),
        };
        if name == CONTENT_TYPE {
            content_type = Some(value.as_str());
        }
    }
    Ok((headers, content_type, signatures))
}

impl Error {
    /// What failed after a server had taken the request and sent it on elsewhere.
    fn after_taken(self) -> Self {
        match self {
            Error::NoAnswer(_) | Error::TooLarge(_) => self,
            other => Error::NoAnswer(format!(
                "the request was taken, but where its answer led to failed: {other}"
            )),
        }
    }

    fn redacted(self, redactor: &Redactor) -> Self {
        match self {
            Error::Denied(text) => Error::Denied(redactor.text(&text)),
            Error::Invalid(text) => Error::Invalid(redactor.text(&text)),
            Error::NotSent(text) => Error::NotSent(redactor.text(&text)),
            Error::NoAnswer(text) => Error::NoAnswer(redactor.text(&text)),
            other @ (Error::MissingSecret(_) | Error::Paced(_) | Error::TooLarge(_)) => other,
        }
    }
}
