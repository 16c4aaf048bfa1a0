//! The local socket: the command line's way to the running daemon. HTTP over a Unix
//! socket of mode 0600; one path, `POST /v1`, a request of [`super::api::Request`] as
//! JSON.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::post;
use rustls::{ClientConfig, RootCertStore};
use serde::de::DeserializeOwned;
use tokio::net::UnixListener;
use tokio::sync::watch;

use super::api::{Api, ApiError, Request};

/// Whether a daemon listens there.
pub(super) fn answers(path: &Path) -> bool {
    std::os::unix::net::UnixStream::connect(path).is_ok()
}

/// Listens on `path`; a socket that nobody listens on any more is removed first.
pub(super) fn bind(path: &Path) -> std::io::Result<UnixListener> {
    use std::os::unix::fs::PermissionsExt as _;

    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    if answers(path) {
        return Err(std::io::Error::new(
            std::io::ErrorKind::AddrInUse,
            "another daemon, with another store, listens there",
        ));
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

pub(super) async fn serve(api: Api, listener: UnixListener, mut stop: watch::Receiver<bool>) {
    let router = Router::new().route("/v1", post(call)).with_state(api);
    let served = axum::serve(listener, router).with_graceful_shutdown(async move {
        let _ = stop.wait_for(|stop| *stop).await;
    });
    if let Err(error) = served.await {
        tracing::error!(%error, "the local socket ended");
    }
}

async fn call(State(api): State<Api>, Json(request): Json<Request>) -> Response {
    match api.handle(request).await {
        Ok(answer) => Json(answer).into_response(),
        Err(error) => {
            let status = match &error {
                ApiError::Invalid { .. } => StatusCode::UNPROCESSABLE_ENTITY,
                ApiError::Missing { .. } => StatusCode::NOT_FOUND,
                ApiError::Conflict { .. } => StatusCode::CONFLICT,
                ApiError::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
            };
            (status, Json(error)).into_response()
        }
    }
}

/// The daemon where one runs, the store itself where none does.
pub enum Client {
    Daemon {
        http: reqwest::Client,
        socket: PathBuf,
    },
    Direct(Box<Api>),
}

#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error("the daemon's socket {path} does not answer: {reason}")]
    Socket { path: PathBuf, reason: String },
    #[error("the daemon's answer can't be read ({0}): is it another version?")]
    Answer(String),
}

/// Nothing is encrypted on the socket; without any configuration of it, the client would
/// look for one of the whole process.
fn no_tls() -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth())
}

/// How long the daemon may take; validating asks platforms.
const PATIENCE: Duration = Duration::from_secs(120);
/// Hundreds of accounts, a few at once.
const CHECKS: Duration = Duration::from_secs(3600);
/// A large store takes its time.
const BACKUP: Duration = Duration::from_secs(6 * 3600);

impl Client {
    /// None where nothing listens on the socket.
    ///
    /// # Errors
    /// The socket is there and can't be used: another user's, say.
    pub async fn connect(socket: &Path) -> Result<Option<Self>, ClientError> {
        let failed = |reason: String| ClientError::Socket {
            path: socket.to_owned(),
            reason,
        };
        match tokio::net::UnixStream::connect(socket).await {
            Ok(_) => {}
            Err(error)
                if matches!(
                    error.kind(),
                    std::io::ErrorKind::NotFound | std::io::ErrorKind::ConnectionRefused
                ) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(failed(error.to_string())),
        }
        let http = reqwest::Client::builder()
            .unix_socket(socket.to_owned())
            .tls_backend_preconfigured(no_tls().map_err(|error| failed(error.to_string()))?)
            .no_proxy()
            .build()
            .map_err(|error| failed(error.to_string()))?;
        Ok(Some(Client::Daemon {
            http,
            socket: socket.to_owned(),
        }))
    }

    /// Whether a daemon answers.
    pub fn is_daemon(&self) -> bool {
        matches!(self, Client::Daemon { .. })
    }

    pub async fn call<T: DeserializeOwned>(&self, request: &Request) -> Result<T, ClientError> {
        let answer = match self {
            Client::Direct(api) => api.handle(request.clone()).await?,
            Client::Daemon { http, socket } => {
                let failed = |error: reqwest::Error| ClientError::Socket {
                    path: socket.clone(),
                    reason: error.without_url().to_string(),
                };
                let response = http
                    .post("http://jarchi/v1")
                    .json(request)
                    .timeout(match request {
                        Request::Backup { .. } => BACKUP,
                        Request::Accounts { .. } => CHECKS,
                        _ => PATIENCE,
                    })
                    .send()
                    .await
                    .map_err(failed)?;
                let status = response.status();
                let body = response.bytes().await.map_err(failed)?;
                if !status.is_success() {
                    return Err(match serde_json::from_slice::<ApiError>(&body) {
                        Ok(error) => error.into(),
                        Err(_) => ClientError::Answer(format!(
                            "{status}: {}",
                            String::from_utf8_lossy(&body)
                        )),
                    });
                }
                serde_json::from_slice(&body)
                    .map_err(|error| ClientError::Answer(error.to_string()))?
            }
        };
        serde_json::from_value(answer).map_err(|error| ClientError::Answer(error.to_string()))
    }
}
