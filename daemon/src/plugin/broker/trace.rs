//! What is told of every request: who, where to, how it ended, how much it was. Never a
//! query, a header or a body.

use std::sync::Arc;

use tokio::time::Instant;
use url::Url;

use super::redact::Redactor;
use super::{Caller, Error, Request, Response, address_fill};

/// One request on its way.
pub(super) struct Record {
    plugin: Arc<str>,
    subject: Arc<str>,
    method: String,
    host: String,
    started: Instant,
    pub tally: Tally,
}

#[derive(Debug, Default)]
pub(super) struct Tally {
    path: String,
    pub status: Option<u16>,
    /// Bytes of bodies.
    pub sent: u64,
    pub received: u64,
}

impl Tally {
    /// Some platforms put a token into the path.
    pub fn redact(&mut self, redactor: &Redactor) {
        self.path = redactor.text(&self.path);
    }
}

impl Record {
    pub fn start(caller: &Caller, request: &Request) -> Self {
        let url = Url::parse(&request.url).ok();
        let host = url.as_ref().and_then(Url::host_str).unwrap_or_default();
        let path = url.as_ref().map(address_fill::path).unwrap_or_default();
        Record {
            plugin: caller.plugin.clone(),
            subject: caller.subject.clone(),
            method: super::request::shown(&request.method),
            host: host.to_owned(),
            started: Instant::now(),
            tally: Tally {
                path: path.chars().take(200).collect(),
                ..Tally::default()
            },
        }
    }

    pub fn span(&self) -> tracing::Span {
        tracing::debug_span!(
            "http",
            plugin = &*self.plugin,
            subject = &*self.subject,
            method = self.method,
            host = self.host
        )
    }

    pub fn end(self, outcome: &Result<Response, Error>) {
        let elapsed = self.started.elapsed();
        let word = match outcome {
            Ok(response) => match response.status {
                100..=199 => "1xx",
                200..=299 => "2xx",
                300..=399 => "3xx",
                400..=499 => "4xx",
                _ => "5xx",
            },
            Err(error) => error.word(),
        };
        let plugin = self.plugin.to_string();
        metrics::counter!("jarchi_http_requests_total", "plugin" => plugin.clone(), "outcome" => word)
            .increment(1);
        metrics::histogram!("jarchi_http_request_seconds", "plugin" => plugin.clone())
            .record(elapsed.as_secs_f64());
        metrics::counter!("jarchi_http_sent_bytes_total", "plugin" => plugin.clone())
            .increment(self.tally.sent);
        metrics::counter!("jarchi_http_received_bytes_total", "plugin" => plugin)
            .increment(self.tally.received);
        let ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        macro_rules! tell {
            ($level:ident, $($more:tt)*) => {
                tracing::$level!(
                    plugin = &*self.plugin,
                    subject = &*self.subject,
                    method = self.method,
                    host = self.host,
                    path = self.tally.path,
                    status = self.tally.status,
                    ms,
                    sent = self.tally.sent,
                    received = self.tally.received,
                    $($more)*
                )
            };
        }
        match outcome {
            Ok(response) if response.status < 400 => tell!(debug, "http request"),
            Ok(_) => tell!(info, "http request refused by the server"),
            Err(error @ Error::Denied(_)) => tell!(warn, %error, "http request denied"),
            Err(error) => tell!(info, %error, "http request failed"),
        }
    }
}

impl Error {
    /// For metrics.
    fn word(&self) -> &'static str {
        match self {
            Error::Denied(_) => "denied",
            Error::Invalid(_) => "invalid",
            Error::MissingSecret(_) => "missing_secret",
            Error::Paced(_) => "paced",
            Error::NotSent(_) => "not_sent",
            Error::NoAnswer(_) => "no_answer",
            Error::TooLarge(_) => "too_large",
        }
    }
}
