//! A server of the hostile plugin's own, which notes everything that it is asked.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Json, Response};
use serde_json::json;
use tokio::net::TcpListener;
use url::Url;

/// One request, as it arrived.
#[derive(Clone, Debug)]
pub struct Asked {
    headers: HeaderMap,
    pub body: String,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

pub struct Web {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
}

/// What `/login` gives out.
pub const SESSION: &str = "s3ss10n-of-this-log-in";

impl Web {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let router = Router::new().fallback(answer).with_state(asked.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Web { address, asked }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The same server by a name.
    pub fn url_as(&self, name: &str, path: &str) -> String {
        format!("http://{name}:{}{path}", self.address.port())
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

async fn answer(
    State(asked): State<Arc<Mutex<Vec<Asked>>>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let body = String::from_utf8_lossy(&body).into_owned();
    let request = Asked { headers, body };
    asked.lock().unwrap().push(request.clone());
    let url = Url::parse(&format!("http://web{uri}")).unwrap();
    let query = |wanted: &str| {
        url.query_pairs()
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value.into_owned())
            .unwrap_or_default()
    };
    match uri.path() {
        "/never" => std::future::pending().await,
        "/big" => "x".repeat(query("bytes").parse().unwrap()).into_response(),
        "/stream" => {
            let times = query("bytes").parse::<usize>().unwrap() / 1000;
            let chunks = futures_util::stream::iter(
                (0..times).map(|_| Ok::<_, std::convert::Infallible>("x".repeat(1000))),
            );
            axum::body::Body::from_stream(chunks).into_response()
        }
        "/again" => (StatusCode::FOUND, [("location", "/again")]).into_response(),
        "/redirect" => {
            let status = StatusCode::from_u16(query("status").parse().unwrap()).unwrap();
            (status, [("location", query("to"))]).into_response()
        }
        "/login" => Json(json!({ "session": SESSION, "you_said": request.body })).into_response(),
        "/echo" => {
            let sent = request.header("authorization").unwrap_or("nothing");
            let base64 = {
                use base64::Engine as _;
                base64::engine::general_purpose::STANDARD.encode(sent)
            };
            let reversed: String = sent.chars().rev().collect();
            (
                [("x-echo", sent.to_owned())],
                Json(json!({ "plain": sent, "base64": base64, "reversed": reversed })),
            )
                .into_response()
        }
        _ => "ok".into_response(),
    }
}
