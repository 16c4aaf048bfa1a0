//! The HTTP clients, and what their failures say about what was sent.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http::Method;
use reqwest::Client;
use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;
use tokio::time::Instant;

use super::Error;
use super::address::Scope;
use super::resolve::{AddressDenied, Judged, Resolver};

/// Shorter than most servers keep an idle connection, so that few die under a request.
const IDLE: Duration = Duration::from_secs(4);
const MOST_IDLE: usize = 8;

/// Why there are no clients.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error(
        "no certificate authority could be loaded ({0}): install the system's certificates (Debian: package `ca-certificates`)"
    )]
    Roots(rustls::Error),
    #[error("the TLS settings are refused: {0}")]
    Tls(rustls::Error),
    #[error("the HTTP client can't be set up: {0}")]
    Client(#[from] reqwest::Error),
}

/// One client for each rule of addresses, so that a connection which one plugin was
/// granted is never used again for another that was not.
pub(super) struct Transport {
    public: Pair,
    private: Pair,
}

struct Pair {
    /// Keeps connections, for requests that do nothing.
    kept: Client,
    /// A connection for each request: a kept one may be closed by the server just when
    /// the request is written, and nobody would know whether it was taken.
    fresh: Client,
}

/// A failure, by what the caller may conclude from it.
pub(super) enum Failure {
    Denied(AddressDenied),
    Error(Error),
}

impl Transport {
    pub fn new(
        resolver: &Arc<dyn Resolver>,
        extra_roots: &[CertificateDer<'static>],
        connect_timeout: Duration,
    ) -> Result<Self, BuildError> {
        let tls = tls(extra_roots)?;
        let client = |private: bool, idle: usize| {
            let scope = Scope {
                private,
                named: false,
            };
            Client::builder()
                .tls_backend_preconfigured(tls.clone())
                .dns_resolver(Arc::new(Judged {
                    resolver: resolver.clone(),
                    scope,
                }))
                .redirect(reqwest::redirect::Policy::none())
                // Its default sends again what a server going away may have taken.
                .retry(reqwest::retry::never())
                .no_proxy()
                .referer(false)
                .connect_timeout(connect_timeout)
                .connector_layer(WatchLayer)
                .pool_idle_timeout(IDLE)
                .pool_max_idle_per_host(idle)
                .build()
        };
        let pair = |private: bool| {
            Ok::<_, reqwest::Error>(Pair {
                kept: client(private, MOST_IDLE)?,
                fresh: client(private, 0)?,
            })
        };
        Ok(Transport {
            public: pair(false)?,
            private: pair(true)?,
        })
    }

    /// A builder for a request of this method to addresses of this scope.
    pub fn request(&self, scope: Scope, method: &Method, url: &url::Url) -> Prepared {
        let pair = if scope.private {
            &self.private
        } else {
            &self.public
        };
        let fresh = !method.is_safe();
        let client = if fresh { &pair.fresh } else { &pair.kept };
        Prepared {
            client: client.clone(),
            builder: client.request(method.clone(), url.clone()),
            fresh,
        }
    }
}

pub(super) struct Prepared {
    client: Client,
    pub builder: reqwest::RequestBuilder,
    fresh: bool,
}

impl Prepared {
    /// Sends it, and returns with the answer's head.
    pub async fn send(self, deadline: Instant) -> Result<reqwest::Response, Failure> {
        let request = self
            .builder
            .build()
            .map_err(|error| Failure::Error(Error::Invalid(describe(&error))))?;
        let place = place_of(request.url());
        let connected = Arc::new(AtomicBool::new(false));
        let sent = CONNECTED.scope(connected.clone(), self.client.execute(request));
        match tokio::time::timeout_at(deadline, sent).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(classify(error, &place)),
            // A kept connection needs no connecting: nothing is known of it.
            Err(_) if self.fresh && !connected.load(Ordering::Acquire) => Err(Failure::Error(
                Error::NotSent(format!("{place}: no connection within the time allowed")),
            )),
            Err(_) => Err(Failure::Error(Error::NoAnswer(format!(
                "{place}: no answer within the time allowed"
            )))),
        }
    }
}

/// The host, and the port that is not the scheme's own.
fn place_of(url: &url::Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

fn classify(error: reqwest::Error, place: &str) -> Failure {
    let mut sure = error.is_connect();
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(inner) = cause {
        if let Some(denied) = inner.downcast_ref::<AddressDenied>() {
            return Failure::Denied(denied.clone());
        }
        // Hyper gives the request back untouched.
        sure |= inner
            .downcast_ref::<hyper::Error>()
            .is_some_and(hyper::Error::is_canceled);
        // The one refusal that means "not processed" (RFC 9113, section 8.7); a GOAWAY
        // may come for a stream that was taken.
        sure |= inner.downcast_ref::<h2::Error>().is_some_and(|error| {
            error.is_reset()
                && error.is_remote()
                && error.reason() == Some(h2::Reason::REFUSED_STREAM)
        });
        cause = inner.source();
    }
    let text = format!("{place}: {}", describe(&error));
    Failure::Error(if sure {
        Error::NotSent(text)
    } else if error.is_builder() {
        Error::Invalid(text)
    } else {
        Error::NoAnswer(text)
    })
}

/// The chain of causes without the URL, whose query may be private.
pub(super) fn describe(error: &reqwest::Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let text = inner.to_string();
        if !text.is_empty() && parts.iter().all(|part| !part.contains(&text)) {
            parts.push(text);
        }
        cause = inner.source();
    }
    if parts.is_empty() {
        return if error.is_timeout() {
            "it took too long".to_owned()
        } else {
            "the HTTP client failed".to_owned()
        };
    }
    parts.join(": ")
}

fn tls(extra_roots: &[CertificateDer<'static>]) -> Result<ClientConfig, BuildError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = rustls_platform_verifier::Verifier::new_with_extra_roots(
        extra_roots.iter().cloned(),
        provider.clone(),
    )
    .map_err(BuildError::Roots)?;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(BuildError::Tls)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

tokio::task_local! {
    /// Set once the request's own connection stands, TLS included.
    static CONNECTED: Arc<AtomicBool>;
}

/// Notes when a connection stands.
#[derive(Clone, Copy)]
struct WatchLayer;

#[derive(Clone)]
struct Watch<S>(S);

impl<S> tower_layer::Layer<S> for WatchLayer {
    type Service = Watch<S>;

    fn layer(&self, inner: S) -> Watch<S> {
        Watch(inner)
    }
}

impl<S, R> tower_service::Service<R> for Watch<S>
where
    S: tower_service::Service<R>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let connecting = self.0.call(request);
        Box::pin(async move {
            let connection = connecting.await?;
            // Absent where a connection is finished for the pool, without a request.
            let _ = CONNECTED.try_with(|connected| connected.store(true, Ordering::Release));
            Ok(connection)
        })
    }
}
