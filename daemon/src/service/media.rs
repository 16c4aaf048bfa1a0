//! Files of posts for platforms that fetch them: who has an address that was signed here
//! gets the file, for as long as a delivery offers it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tower_http::services::ServeFile;

use crate::clock::Clock;
use crate::config::Config;
use crate::media::{PublicUrls, Signed, Signer};
use crate::model::{Digest, MediaItem, Offer, Timestamp};
use crate::plugin::vault::Key;
use crate::store::{Store, StoreError};

/// What the vault's key is asked for.
const PURPOSE: &str = "jarchi media: signatures of public addresses";

/// Nobody runs what a file may hold, and nothing of it is taken for something else.
const ALWAYS: [(HeaderName, &str); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; sandbox",
    ),
    (header::CACHE_CONTROL, "private, max-age=300"),
    (HeaderName::from_static("x-robots-tag"), "noindex"),
];

/// What is offered, and to whom it is given. A cheap handle.
#[derive(Clone)]
pub struct Offers {
    store: Store,
    clock: Clock,
    config: watch::Receiver<Arc<Config>>,
    signer: Arc<Signer>,
}

impl Offers {
    /// The addresses are good for as long as the vault has this key.
    pub fn new(
        store: Store,
        clock: Clock,
        config: watch::Receiver<Arc<Config>>,
        key: &Key,
    ) -> Self {
        Offers {
            store,
            clock,
            config,
            signer: Arc::new(Signer::new(key.derive(PURPOSE))),
        }
    }

    /// Every path is asked for.
    pub fn router(self) -> Router {
        Router::new().fallback(answer).with_state(self)
    }

    /// Serves until `stop` changes.
    pub(super) async fn serve(self, listener: TcpListener, mut stop: watch::Receiver<bool>) {
        let served = axum::serve(listener, self.router()).with_graceful_shutdown(async move {
            let _ = stop.wait_for(|stop| *stop).await;
        });
        if let Err(error) = served.await {
            tracing::error!(%error, "files are not served any more");
        }
    }

    pub(super) async fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
        TcpListener::bind(address).await
    }

    /// The file at a path, where it may be had.
    async fn find(&self, path: &str) -> Result<(Digest, Offer), StatusCode> {
        let signed = self.signer.open(path).ok_or(StatusCode::NOT_FOUND)?;
        let now = self.clock.now();
        if signed.until <= now {
            return Err(StatusCode::GONE);
        }
        let offer = self.store.view().offer(signed.digest).map_err(|error| {
            tracing::error!(%error, "it is not known what is offered");
            StatusCode::SERVICE_UNAVAILABLE
        })?;
        let offer = offer.ok_or(StatusCode::NOT_FOUND)?;
        if offer.until <= now {
            return Err(StatusCode::GONE);
        }
        match crate::media::digest_of(Path::new(&offer.path)).await {
            Ok(digest) if digest == signed.digest => Ok((digest, offer)),
            Ok(_) => {
                tracing::warn!(path = offer.path, "a file that is offered was changed");
                Err(StatusCode::GONE)
            }
            Err(error) => {
                tracing::warn!(path = offer.path, %error, "a file that is offered can't be read");
                Err(StatusCode::GONE)
            }
        }
    }
}

impl PublicUrls for Offers {
    fn url_of(&self, account: &str, item: &MediaItem) -> Result<String, String> {
        let media = self.config.borrow().media.clone();
        let Some(public_url) = media.public_url else {
            return Err(
                "this platform fetches media from a public address, and there is none: set \
                 `public_url` in the section [media] of the configuration, and let a proxy with \
                 https lead there (docs/media.md)"
                    .to_owned(),
            );
        };
        let until = self.clock.now().saturating_add(media.valid);
        // Whole seconds, rounded up.
        let until = Timestamp(until.0.div_ceil(1000).saturating_mul(1000));
        let offer = Offer {
            path: item.path.clone(),
            mime: item.mime.clone(),
            account: account.to_owned(),
            until,
        };
        let digest = item.digest;
        self.store
            .write_blocking(move |tx| {
                tx.offer(digest, offer)?;
                Ok::<(), StoreError>(())
            })
            .map_err(|error| error.to_string())?;
        let path = self.signer.sign(Signed { digest, until }, item);
        Ok(format!(
            "{}/{path}",
            public_url.as_str().trim_end_matches('/')
        ))
    }
}

async fn answer(State(offers): State<Offers>, request: Request) -> Response {
    let mut response = if matches!(*request.method(), Method::GET | Method::HEAD) {
        match offers.find(request.uri().path()).await {
            Ok((digest, offer)) => file(request, digest, &offer).await,
            Err(status) => (status, reason(status)).into_response(),
        }
    } else {
        let allowed = [(header::ALLOW, "GET, HEAD")];
        (StatusCode::METHOD_NOT_ALLOWED, allowed).into_response()
    };
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let status = response.status();
    tracing::debug!(%status, "asked for a file");
    metrics::counter!("jarchi_media_requests_total", "status" => status.as_str().to_owned())
        .increment(1);
    response
}

fn reason(status: StatusCode) -> &'static str {
    match status {
        StatusCode::GONE => "this file is not offered any more\n",
        StatusCode::NOT_FOUND => "no file is offered here\n",
        _ => "try again later\n",
    }
}

/// The file or a part of it. The bytes behind an address never change, so that whoever
/// has them needs them no second time.
async fn file(mut request: Request, digest: Digest, offer: &Offer) -> Response {
    let tag = format!("\"{digest}\"");
    let headers = request.headers_mut();
    // These are judged by the tag, not by the file's time.
    headers.remove(header::IF_MODIFIED_SINCE);
    headers.remove(header::IF_UNMODIFIED_SINCE);
    let has_tag = |headers: &HeaderMap, name: &HeaderName| {
        let values = headers.get_all(name).iter();
        let mut tags = values
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map(|one| one.trim().trim_start_matches("W/"));
        tags.any(|one| one == tag || one == "*")
    };
    if headers.contains_key(header::IF_NONE_MATCH) && has_tag(headers, &header::IF_NONE_MATCH) {
        return tagged(StatusCode::NOT_MODIFIED.into_response(), &tag);
    }
    let part_of_other =
        headers.contains_key(header::IF_RANGE) && !has_tag(headers, &header::IF_RANGE);
    // Several ranges at once may be answered with the whole.
    let several = headers
        .get(header::RANGE)
        .is_some_and(|range| range.as_bytes().contains(&b','));
    if part_of_other || several {
        headers.remove(header::RANGE);
    }
    let served = ServeFile::new(&offer.path).try_call(request).await;
    let mut response = match served {
        Ok(response) => response.map(Body::new),
        Err(error) => {
            tracing::warn!(path = offer.path, %error, "a file that is offered can't be read");
            return StatusCode::GONE.into_response();
        }
    };
    let mime = HeaderValue::from_str(&offer.mime);
    if let (true, Ok(mime)) = (response.status().is_success(), mime) {
        response.headers_mut().insert(header::CONTENT_TYPE, mime);
    }
    response.headers_mut().remove(header::LAST_MODIFIED);
    tagged(response, &tag)
}

fn tagged(mut response: Response, tag: &str) -> Response {
    if let Ok(tag) = HeaderValue::from_str(tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}
