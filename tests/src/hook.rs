//! A webhook's receiver: it keeps what it was sent, and refuses for as long as it is told.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::Value;
use tokio::sync::watch;

use crate::standin::PATIENCE;

/// A message.
#[derive(Clone, Debug)]
pub struct Sent {
    pub headers: HeaderMap,
    pub body: Value,
    /// The status that it was answered with.
    pub status: u16,
}

impl Sent {
    pub fn event(&self) -> &str {
        self.body["event"].as_str().unwrap_or_default()
    }

    pub fn cause(&self) -> &str {
        self.body["cause"].as_str().unwrap_or_default()
    }
}

#[derive(Clone)]
pub struct Hook {
    address: SocketAddr,
    inner: Arc<Inner>,
}

struct Inner {
    status: Mutex<u16>,
    sent: watch::Sender<Vec<Sent>>,
}

impl Hook {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("loopback has ports");
        let address = listener.local_addr().expect("it is bound");
        let inner = Arc::new(Inner {
            status: Mutex::new(204),
            sent: watch::Sender::new(Vec::new()),
        });
        let router = Router::new()
            .route("/alarms", post(take))
            .with_state(inner.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Hook { address, inner }
    }

    pub fn url(&self) -> String {
        format!("http://{}/alarms", self.address)
    }

    /// Answers everything with this from now on.
    pub fn answer(&self, status: u16) {
        let mut own = self
            .inner
            .status
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *own = status;
    }

    /// A block of the configuration.
    pub fn block(&self, name: &str, more: &str) -> String {
        format!(
            "\n[[alarm]]\nname = \"{name}\"\nwebhook = \"{}\"\nplain_http = true\n\
             private = true\n{more}\n",
            self.url()
        )
    }

    /// Everything that came, refused or not.
    pub fn all(&self) -> Vec<Sent> {
        self.inner.sent.borrow().clone()
    }

    /// What was taken.
    pub fn taken(&self) -> Vec<Sent> {
        let mut all = self.all();
        all.retain(|sent| sent.status < 300);
        all
    }

    /// Waits until what came is as wanted.
    pub async fn until(&self, what: &str, wanted: impl Fn(&[Sent]) -> bool) -> Vec<Sent> {
        let mut sent = self.inner.sent.subscribe();
        match tokio::time::timeout(PATIENCE, sent.wait_for(|all| wanted(all))).await {
            Ok(found) => found.expect("the receiver lives on").clone(),
            Err(_) => panic!("in vain for {what}; what came: {:#?}", self.all()),
        }
    }

    /// Waits until this was taken.
    pub async fn told(&self, event: &str, cause: &str) -> Sent {
        let is = |one: &Sent| one.event() == event && one.cause() == cause && one.status < 300;
        let all = self
            .until(&format!("{event} of {cause}"), |all| all.iter().any(is))
            .await;
        all.into_iter().find(|one| is(one)).expect("just seen")
    }
}

async fn take(State(inner): State<Arc<Inner>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let status = *inner.status.lock().unwrap_or_else(PoisonError::into_inner);
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    inner.sent.send_modify(|all| {
        all.push(Sent {
            headers,
            body,
            status,
        });
    });
    StatusCode::from_u16(status).expect("a status")
}
