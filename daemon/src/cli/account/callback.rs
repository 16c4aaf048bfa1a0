//! Where the platform sends the browser back to: a page on loopback that takes one answer.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use secrecy::{ExposeSecret as _, SecretString};
use subtle::ConstantTimeEq as _;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use url::{Host, Url};

use crate::cli::output::Failure;

/// The path where none is registered.
const PATH: &str = "/callback";
/// Who is being answered when the server ends is answered.
const GRACE: Duration = Duration::from_secs(1);

/// Listens already, and answers nobody yet.
pub(super) struct Callback {
    listeners: Vec<TcpListener>,
    /// As the platform is told.
    pub(super) redirect: String,
    path: String,
}

/// What a redirect address asks for.
fn loopback(url: &Url) -> Option<(bool, Option<u16>)> {
    if url.scheme() != "http" {
        return None;
    }
    match url.host()? {
        Host::Ipv4(address) if address.is_loopback() => Some((false, url.port_or_known_default())),
        Host::Ipv6(address) if address.is_loopback() => Some((true, url.port_or_known_default())),
        Host::Domain("localhost") => Some((false, url.port_or_known_default())),
        _ => None,
    }
}

impl Callback {
    /// None: the registered address is not on this machine, and its answer is pasted.
    pub(super) async fn bind(
        registered: Option<&Url>,
        port: Option<u16>,
    ) -> Result<Option<Self>, Failure> {
        let Some(url) = registered else {
            let listener =
                listen(SocketAddr::from((Ipv4Addr::LOCALHOST, port.unwrap_or(0)))).await?;
            let port = listener.local_addr()?.port();
            return Ok(Some(Callback {
                listeners: vec![listener],
                redirect: format!("http://127.0.0.1:{port}{PATH}"),
                path: PATH.to_owned(),
            }));
        };
        let Some((is_six, given)) = loopback(url) else {
            return Ok(None);
        };
        // Of an address without a port, platforms let any port be (RFC 8252, section 7.3).
        let port = port.or(url.port().and(given)).unwrap_or(0);
        let mut listeners = Vec::new();
        if is_six {
            listeners.push(listen(SocketAddr::from((Ipv6Addr::LOCALHOST, port))).await?);
        } else {
            listeners.push(listen(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?);
        }
        let port = listeners[0].local_addr()?.port();
        if url.host_str() == Some("localhost")
            // Some browsers try this one first.
            && let Ok(six) = TcpListener::bind((Ipv6Addr::LOCALHOST, port)).await
        {
            listeners.push(six);
        }
        let redirect = if url.port().is_some() {
            // Letter for letter: that is how it is compared.
            url.as_str().to_owned()
        } else {
            let mut with_port = url.clone();
            let _ = with_port.set_port(Some(port));
            with_port.into()
        };
        Ok(Some(Callback {
            listeners,
            path: url.path().to_owned(),
            redirect,
        }))
    }

    /// The query that came back with this `state`. Whatever else comes is turned away.
    pub(super) async fn answer(self, state: SecretString) -> Result<SecretString, Failure> {
        let (sender, receiver) = oneshot::channel();
        let waiting = Arc::new(Waiting {
            path: self.path,
            state,
            sender: Mutex::new(Some(sender)),
        });
        let (stop, stopping) = watch::channel(false);
        let router = Router::new().fallback(take).with_state(waiting);
        let mut serving = tokio::task::JoinSet::new();
        for listener in self.listeners {
            let mut stopping = stopping.clone();
            let server = axum::serve(listener, router.clone()).with_graceful_shutdown(async move {
                let _ = stopping.wait_for(|stop| *stop).await;
            });
            serving.spawn(async move { server.await });
        }
        let answer = receiver
            .await
            .map_err(|_| Failure::failed("the page for the answer ended"))?;
        stop.send_replace(true);
        let _ = tokio::time::timeout(GRACE, async {
            while serving.join_next().await.is_some() {}
        })
        .await;
        Ok(answer)
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        Failure::wrong(format!("{address} can't be listened on: {error}"))
            .help("end what listens there, choose another port with `--port`, or use `--paste`")
    })
}

struct Waiting {
    path: String,
    state: SecretString,
    sender: Mutex<Option<oneshot::Sender<SecretString>>>,
}

async fn take(State(waiting): State<Arc<Waiting>>, method: Method, uri: Uri) -> Response {
    if uri.path() != waiting.path {
        return page(StatusCode::NOT_FOUND, "There is nothing here.");
    }
    if method != Method::GET {
        return page(
            StatusCode::METHOD_NOT_ALLOWED,
            "This page takes a GET alone.",
        );
    }
    let query = uri.query().unwrap_or_default();
    let is_ours = url::form_urlencoded::parse(query.as_bytes()).any(|(name, value)| {
        let expected = waiting.state.expose_secret().as_bytes();
        name == "state" && bool::from(value.as_bytes().ct_eq(expected))
    });
    if !is_ours {
        return page(
            StatusCode::BAD_REQUEST,
            "This is not the answer that Jarchi waits for. Go back to the terminal, and use the \
             address that it shows there.",
        );
    }
    let sender = waiting
        .sender
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    match sender {
        Some(sender) => {
            let _ = sender.send(SecretString::from(format!("?{query}")));
            page(
                StatusCode::OK,
                "Jarchi has got the answer. You can close this page and go back to the terminal.",
            )
        }
        None => page(StatusCode::GONE, "This answer was taken already."),
    }
}

/// Plain, with nothing in it of what came.
fn page(status: StatusCode, words: &str) -> Response {
    let html = format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Jarchi</title>\
         <body style=\"font: 1.1em sans-serif; margin: 3em\"><h1>Jarchi</h1><p>{words}</p></body>\
         </html>\n"
    );
    let mut response = (status, html).into_response();
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONNECTION, "close"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
