//! Servers on loopback, names that lead to them, and a plugin that asks.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::response::{IntoResponse as _, Response};
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use jarchi::clock::{Clock, Hands};
use jarchi::config::{Grant, Limits};
use jarchi::model::{TimeSpan, Timestamp};
use jarchi::plugin::broker::{
    self, Body, Broker, BrokerOptions, Caller, Error, Request, Resolver, Secrets,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::SecretString;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;

/// 2027-01-15T08:00:00Z.
pub const START: Timestamp = Timestamp(1_800_000_000_000);
/// The same, as servers write it.
pub const DATE: &str = "Fri, 15 Jan 2027 08:00:00 GMT";

/// What a server was asked.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: Method,
    pub uri: Uri,
    pub headers: HeaderMap,
    /// The beginning.
    pub body: Vec<u8>,
    /// Of the body; none where it broke off.
    pub length: Option<u64>,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

const KEPT: usize = 1 << 20;

/// A server, and what it was asked.
#[derive(Clone)]
pub struct Site {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    connections: Arc<AtomicUsize>,
}

impl Site {
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The only request.
    pub fn only(&self) -> Seen {
        let mut seen = self.seen();
        assert_eq!(seen.len(), 1, "{seen:#?}");
        seen.remove(0)
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// The answers of a server.
pub type Script = Arc<dyn Fn(Seen) -> BoxFuture<'static, Response> + Send + Sync>;

pub fn script(answer: impl Fn(&Seen) -> Response + Send + Sync + 'static) -> Script {
    Arc::new(move |seen| {
        let answer = answer(&seen);
        Box::pin(async move { answer })
    })
}

pub fn ok() -> Script {
    script(|_| "fine".into_response())
}

pub fn with_headers(status: u16, headers: &[(&str, &str)], body: &'static str) -> Response {
    let mut response = body.into_response();
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
    for (name, value) in headers {
        response.headers_mut().insert(
            HeaderName::from_bytes(name.as_bytes()).unwrap(),
            HeaderValue::from_str(value).unwrap(),
        );
    }
    response
}

pub fn redirect(status: u16, to: &str) -> Response {
    with_headers(status, &[("location", to)], "")
}

/// Counts connections before anything is said on them.
struct Door {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    connections: Arc<AtomicUsize>,
}

impl axum::serve::Listener for Door {
    type Io = Either<TcpStream, TlsStream<TcpStream>>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, address) = self.listener.accept().await.unwrap();
            self.connections.fetch_add(1, Ordering::SeqCst);
            let io = match &self.tls {
                None => Either::Left(stream),
                // One at a time: the tests' servers have no crowd.
                Some(tls) => match tls.accept(stream).await {
                    Ok(stream) => Either::Right(stream),
                    Err(_) => continue,
                },
            };
            return (io, address);
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

async fn serve(host: &str, tls: Option<TlsAcceptor>, script: Script) -> Site {
    let listener = TcpListener::bind((host, 0)).await.unwrap();
    let site = Site {
        address: listener.local_addr().unwrap(),
        seen: Arc::default(),
        connections: Arc::default(),
    };
    let door = Door {
        listener,
        tls,
        connections: site.connections.clone(),
    };
    let log = site.seen.clone();
    let router = axum::Router::new().fallback(move |request: axum::extract::Request| {
        let (log, script) = (log.clone(), script.clone());
        async move {
            let (head, body) = request.into_parts();
            let mut seen = Seen {
                method: head.method,
                uri: head.uri,
                headers: head.headers,
                body: Vec::new(),
                length: Some(0),
            };
            let mut chunks = body.into_data_stream();
            while let Some(chunk) = chunks.next().await {
                let Ok(chunk) = chunk else {
                    seen.length = None;
                    break;
                };
                seen.length = seen.length.map(|length| length + chunk.len() as u64);
                let room = KEPT - seen.body.len();
                seen.body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            }
            log.lock().unwrap().push(seen.clone());
            script(seen).await
        }
    });
    tokio::spawn(async move { axum::serve(door, router).await });
    site
}

/// A server without TLS.
pub async fn plain(script: Script) -> Site {
    serve("127.0.0.1", None, script).await
}

pub async fn plain_at(host: &str, script: Script) -> Site {
    serve(host, None, script).await
}

/// An authority of the tests' own.
pub struct Authority {
    root: CertificateDer<'static>,
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
}

impl Authority {
    pub fn new() -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign];
        let root = params.self_signed(&key).unwrap().der().clone();
        let issuer = rcgen::Issuer::new(params, key);
        Authority { root, issuer }
    }

    /// A server with TLS, under these names.
    pub async fn site(&self, names: &[&str], script: Script) -> Site {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = rcgen::CertificateParams::new(names).unwrap();
        params.use_authority_key_identifier_extension = true;
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
        let tls = TlsAcceptor::from(Arc::new(config));
        serve("127.0.0.1", Some(tls), script).await
    }
}

/// Where names lead: each look-up takes the next answer, and the last one stays.
#[derive(Clone, Default)]
pub struct Names(Arc<Mutex<Book>>);

#[derive(Default)]
struct Book {
    answers: HashMap<String, Vec<Vec<IpAddr>>>,
    asked: Vec<String>,
}

impl Names {
    pub fn set(&self, name: &str, answers: &[&[&str]]) {
        let answers = answers
            .iter()
            .map(|addresses| addresses.iter().map(|text| text.parse().unwrap()).collect())
            .collect();
        let mut book = self.0.lock().unwrap();
        book.answers.insert(name.to_owned(), answers);
    }

    pub fn asked(&self) -> Vec<String> {
        self.0.lock().unwrap().asked.clone()
    }
}

impl Resolver for Names {
    fn resolve(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let mut book = self.0.lock().unwrap();
        book.asked.push(name.clone());
        let answer = match book.answers.get_mut(&name) {
            None => Err(io::Error::new(io::ErrorKind::NotFound, "no such name")),
            Some(answers) if answers.len() > 1 => Ok(answers.remove(0)),
            Some(answers) => Ok(answers[0].clone()),
        };
        Box::pin(async move { answer })
    }
}

/// Secrets in memory.
#[derive(Default)]
pub struct Held(Mutex<BTreeMap<String, SecretString>>);

impl Secrets for Held {
    fn get(&self, name: &str) -> Option<SecretString> {
        self.0.lock().unwrap().get(name).cloned()
    }
    fn capture(&self, name: &str, value: SecretString) -> Result<(), String> {
        self.0.lock().unwrap().insert(name.to_owned(), value);
        Ok(())
    }
    fn all(&self) -> Vec<(String, SecretString)> {
        let held = self.0.lock().unwrap();
        held.iter().map(|(n, v)| (n.clone(), v.clone())).collect()
    }
}

/// A broker with its surroundings.
pub struct World {
    pub broker: Broker,
    pub names: Names,
    pub hands: Hands,
    pub authority: Authority,
}

impl World {
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    pub fn with(change: impl FnOnce(&mut BrokerOptions)) -> Self {
        let names = Names::default();
        for name in ["api.example.org", "login.example.org", "other.example.net"] {
            names.set(name, &[&["127.0.0.1"]]);
        }
        let authority = Authority::new();
        let mut options = BrokerOptions {
            resolver: Arc::new(names.clone()),
            extra_roots: vec![authority.root.clone()],
            connect_timeout: Duration::from_secs(20),
            ..BrokerOptions::default()
        };
        change(&mut options);
        let (clock, hands) = Clock::manual(START);
        World {
            broker: Broker::new(options, clock).unwrap(),
            names,
            hands,
            authority,
        }
    }

    pub async fn send(&self, asker: &Asker, request: Request) -> Result<broker::Response, Error> {
        self.broker.send(&asker.caller(), request).await
    }

    pub async fn get(&self, asker: &Asker, url: &str) -> Result<broker::Response, Error> {
        self.send(asker, get(url)).await
    }
}

/// A plugin, its grants, and one account.
#[derive(Clone)]
pub struct Asker {
    pub manifest: String,
    pub grants: Vec<Grant>,
    pub limits: Limits,
    pub settings: serde_json::Map<String, serde_json::Value>,
    pub secrets: Arc<dyn Secrets>,
    pub subject: &'static str,
}

impl Asker {
    /// A manifest without its name and version.
    pub fn new(manifest: impl Into<String>) -> Self {
        Asker {
            manifest: manifest.into(),
            grants: Vec::new(),
            limits: Limits::default(),
            settings: serde_json::Map::new(),
            secrets: Arc::new(Held::default()),
            subject: "shop",
        }
    }

    /// One that wants these hosts, and is granted all that tests on loopback need.
    pub fn of(hosts: &[&str]) -> Self {
        let list = hosts.iter().map(|host| format!("\"{host}\""));
        let list: Vec<String> = list.collect();
        let mut asker = Asker::new(format!("hosts = [{}]\n", list.join(", ")));
        for host in hosts {
            asker = asker.grant(host, true, true);
        }
        asker
    }

    pub fn manifest(mut self, more: &str) -> Self {
        self.manifest.push_str(more);
        self
    }

    pub fn grant(mut self, host: &str, plain_http: bool, private: bool) -> Self {
        self.grants.push(Grant {
            host: host.parse().unwrap(),
            plain_http,
            private,
            reason: "the test's".to_owned(),
        });
        self
    }

    pub fn secret(self, name: &str, value: &str) -> Self {
        self.secrets.capture(name, value.into()).unwrap();
        self
    }

    pub fn caller(&self) -> Caller {
        let manifest = format!("name = \"sample\"\nversion = \"1.0.0\"\n{}", self.manifest);
        Caller {
            plugin: "sample".into(),
            subject: self.subject.into(),
            manifest: Arc::new(toml::from_str(&manifest).unwrap()),
            grants: self.grants.clone().into(),
            limits: self.limits.clone(),
            settings: Arc::new(self.settings.clone()),
            secrets: self.secrets.clone(),
        }
    }
}

pub fn request(method: &str, url: &str) -> Request {
    Request {
        method: method.to_owned(),
        url: url.to_owned(),
        headers: Vec::new(),
        body: Body::None,
        timeout: None,
    }
}

pub fn get(url: &str) -> Request {
    request("GET", url)
}

pub fn header(mut request: Request, name: &str, value: &str) -> Request {
    request.headers.push((name.to_owned(), value.to_owned()));
    request
}

pub fn post(url: &str, content_type: &str, body: &str) -> Request {
    let mut request = request("POST", url);
    request.body = Body::Bytes(body.as_bytes().to_vec());
    header(request, "content-type", content_type)
}

pub fn body(response: &broker::Response) -> &str {
    std::str::from_utf8(&response.body).unwrap()
}

/// Fails by what is denied, with these words.
#[track_caller]
pub fn assert_denied(outcome: Result<broker::Response, Error>, words: &str) {
    match outcome {
        Err(Error::Denied(text)) => assert!(text.contains(words), "`{words}` in `{text}`"),
        other => panic!("not denied for `{words}`: {other:?}"),
    }
}

/// An answer whose body comes in these pieces, and breaks off where `breaks`.
pub fn streamed(pieces: Vec<Bytes>, breaks: bool) -> axum::body::Body {
    let end = breaks.then(|| Err(io::Error::other("broken off")));
    let pieces = pieces.into_iter().map(Ok).chain(end);
    axum::body::Body::from_stream(futures_util::stream::iter(pieces))
}

/// Comes back when the condition holds; a test that waits for ever has failed.
pub async fn until(what: &str, condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    if tokio::time::timeout(Duration::from_secs(60), waiting)
        .await
        .is_err()
    {
        panic!("it never came to this: {what}");
    }
}

pub const MINUTE: TimeSpan = TimeSpan::from_mins(1);
