//! A stand-in platform behind real HTTP, for the whole daemon: each of the platform's hosts
//! is an address of this machine.

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use jarchi_platforms::{self as platforms, Answer, Platform};
use tokio::net::TcpListener;
use url::Url;

/// Bytes of one request.
const LARGEST: usize = 64 << 20;

/// A platform that is served until the runtime ends.
pub struct Served<P> {
    inner: Arc<Inner<P>>,
}

struct Inner<P> {
    platform: Mutex<P>,
    /// The hosts' names, and where they are here.
    hosts: Vec<(String, SocketAddr)>,
    /// What the platform, or its referee, had against requests.
    faults: Mutex<Vec<String>>,
}

struct Host<P> {
    inner: Arc<Inner<P>>,
    name: String,
}

impl<P> Clone for Host<P> {
    fn clone(&self) -> Self {
        Host {
            inner: self.inner.clone(),
            name: self.name.clone(),
        }
    }
}

impl<P: Platform> Served<P> {
    /// # Panics
    /// There is no port.
    pub async fn start(platform: P, hosts: &[&str]) -> Self {
        let mut listeners = Vec::new();
        for host in hosts {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let address = listener.local_addr().expect("an address");
            listeners.push(((*host).to_owned(), address, listener));
        }
        let here = listeners
            .iter()
            .map(|(name, address, _)| (name.clone(), *address));
        let inner = Arc::new(Inner {
            platform: Mutex::new(platform),
            hosts: here.collect(),
            faults: Mutex::default(),
        });
        for (name, _, listener) in listeners {
            let host = Host {
                inner: inner.clone(),
                name,
            };
            let router = Router::new().fallback(answer::<P>).with_state(host);
            tokio::spawn(async move { axum::serve(listener, router).await });
        }
        Served { inner }
    }

    /// Where one of its hosts is.
    ///
    /// # Panics
    /// It has none of this name.
    pub fn url(&self, host: &str) -> String {
        format!("http://{}", self.address(host))
    }

    fn address(&self, host: &str) -> SocketAddr {
        let found = self.inner.hosts.iter().find(|(name, _)| name == host);
        found.expect("a host of the platform").1
    }

    /// Blocks of the configuration that let a plugin reach it.
    pub fn grants(&self) -> String {
        let grant = |(_, address): &(String, SocketAddr)| {
            format!(
                "[[plugin.grant]]\nhost = \"{address}\"\nplain_http = true\nprivate = true\n\
                 reason = \"The test's own server\"\n"
            )
        };
        self.inner.hosts.iter().map(grant).collect()
    }

    /// Its books.
    ///
    /// # Panics
    /// It had something against a request.
    pub fn books(&self) -> MutexGuard<'_, P> {
        let faults = self
            .inner
            .faults
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        assert!(faults.is_empty(), "{faults:#?}");
        drop(faults);
        self.inner
            .platform
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

async fn answer<P: Platform>(State(host): State<Host<P>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, LARGEST).await.expect("a body").to_vec();
    let text = |value: &axum::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into();
    let request = platforms::Request {
        method: parts.method.as_str().to_owned(),
        url: Url::parse(&format!("https://{}{}", host.name, parts.uri)).expect("an address"),
        headers: parts
            .headers
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), text(value)))
            .collect(),
        body,
    };
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a time");
    let now = u64::try_from(now.as_millis()).expect("a time");
    let answered = catch_unwind(AssertUnwindSafe(|| {
        let platform = host.inner.platform.lock();
        platform
            .unwrap_or_else(PoisonError::into_inner)
            .answer(&request, now)
    }));
    let answer = answered.unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<String>().cloned();
        let words = words.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        let words = words.unwrap_or_default();
        let line = format!("{} {}: {words}", request.method, request.url);
        let mut faults = host
            .inner
            .faults
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        faults.push(line);
        Answer::empty(500)
    });
    let mut response = Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        response = response.header(name, host.inner.brought_here(value));
    }
    let body = match String::from_utf8(answer.body) {
        Ok(text) => host.inner.brought_here(&text).into_bytes(),
        Err(error) => error.into_bytes(),
    };
    response.body(Body::from(body)).expect("a response")
}

impl<P> Inner<P> {
    /// A text whose addresses of the platform lead here.
    fn brought_here(&self, text: &str) -> String {
        self.hosts
            .iter()
            .fold(text.to_owned(), |text, (name, address)| {
                text.replace(&format!("https://{name}/"), &format!("http://{address}/"))
            })
    }
}
