//! The Mastodon-API stand-in of `jarchi::demo::standin` as a server of its own: it lives
//! on while the daemon dies, it can be switched off and on again, and a test may watch,
//! and meddle with, every request.

mod fault;
mod gate;
mod line;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use jarchi::demo::standin::{ALL_SCOPES, Entry, Options, Processing, Rates, Server};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::watch;

pub use fault::{Fault, Wait};
use gate::Gate;
pub use gate::{Brake, Moment, Nature, Phase, Schedule, Watcher};
use line::{Cut, Lines};

/// How long a test waits for what must happen: far longer than it takes anywhere.
pub const PATIENCE: Duration = Duration::from_secs(120);

pub struct Standin {
    pub server: Arc<Server>,
    address: SocketAddr,
    gate: Arc<Gate>,
    /// A runtime of its own: when it ends, so do its connections.
    running: Mutex<Option<Runtime>>,
}

impl Standin {
    /// Serves these accounts, without rate limits.
    pub fn start(accounts: &[&str]) -> Self {
        Standin::with_rates(accounts, Rates::none())
    }

    /// With these rate limits.
    pub fn with_rates(accounts: &[&str], rates: Rates) -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
        let address = free.local_addr().expect("it is bound");
        drop(free);
        let options = Options {
            title: "Stand-in".to_owned(),
            rates,
            processing: Processing {
                polls: 1,
                images: false,
            },
            ..Options::default()
        };
        let server = Server::new(&format!("http://{address}"), options);
        for account in accounts {
            server.add_account(account, account);
            server
                .grant(account, &token_of(account), ALL_SCOPES)
                .expect("the account was just made");
        }
        let standin = Standin {
            server,
            address,
            gate: Arc::default(),
            running: Mutex::default(),
        };
        standin.switch_on();
        standin
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// On the same address, with all that it knew.
    pub fn switch_on(&self) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let (address, router) = (self.address, self.router());
        // Bound before this returns; not waited for on the caller's own runtime.
        let listener = std::net::TcpListener::bind(address).expect("the port is still free");
        listener.set_nonblocking(true).expect("a socket");
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).expect("a listener");
            let service = router.into_make_service_with_connect_info::<Cut>();
            axum::serve(Lines(listener), service).await
        });
        *self.running.lock().expect("no test panics in here") = Some(runtime);
    }

    /// Nobody listens any more, and open connections break off.
    pub fn switch_off(&self) {
        if let Some(runtime) = self.running.lock().expect("no test panics in here").take() {
            runtime.shutdown_background();
        }
    }

    fn router(&self) -> Router {
        self.server
            .router()
            .layer(from_fn_with_state(self.gate.clone(), gate::own_ways))
            .layer(from_fn_with_state(self.gate.clone(), gate::pass))
    }

    /// Forgets `Idempotency-Key` from now on, as many servers that speak the API do.
    pub fn ignore_idempotency_keys(&self) {
        self.gate.be(Nature {
            ignores_keys: true,
            ..Nature::default()
        });
    }

    /// Is such a platform from now on.
    pub fn be(&self, nature: Nature) {
        self.gate.be(nature);
    }

    /// Asked at each request what goes wrong with it, from now on.
    pub fn schedule(&self, schedule: Schedule) {
        self.gate.schedule(Some(schedule));
    }

    /// Nothing goes wrong any more.
    pub fn calm(&self) {
        self.gate.schedule(None);
    }

    /// Faults that befell requests, by name.
    pub fn happened(&self) -> BTreeMap<String, u64> {
        self.gate.happened()
    }

    /// Calls this at each request, when it has arrived and when it was answered.
    pub fn watch(&self, watcher: Watcher) {
        self.gate.watch(watcher);
    }

    pub fn brake(&self) -> Brake {
        self.gate.brake()
    }

    /// The next requests of this method and path go wrong like this.
    pub fn fail(&self, method: &str, path: &str, fault: Fault, times: usize) {
        self.gate.fail(method, path, fault, times);
    }

    /// Requests of this method and path wait from now on.
    pub fn hold(&self, method: &str, path: &str) {
        self.gate.hold(Some((method.to_owned(), path.to_owned())));
    }

    /// And go on.
    pub fn release(&self) {
        self.gate.hold(None);
    }

    /// Waits for a request of this method and path to arrive.
    pub async fn arrival(&self, method: &str, path: &str) {
        let mut arrived = self.gate.arrived();
        let asked = (method.to_owned(), path.to_owned());
        let waiting = arrived.wait_for(|all| all.contains(&asked));
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(found) => drop(found.expect("the gate lives on")),
            Err(_) => panic!("nobody asks for {method} {path}"),
        }
    }

    /// How many requests were refused because there were too many.
    pub fn turned_away(&self) -> usize {
        self.gate.turned_away()
    }

    /// Requests that were answered so far.
    pub fn answered(&self) -> watch::Receiver<u64> {
        self.gate.answered()
    }

    /// What was posted, without what was deleted.
    pub fn book(&self) -> Vec<Entry> {
        let mut book = self.server.book();
        book.retain(|entry| !entry.deleted);
        book
    }

    /// Waits until the book is as wanted, looking whenever a request was answered.
    pub async fn until(&self, what: &str, wanted: impl Fn(&[Entry]) -> bool) -> Vec<Entry> {
        let mut answered = self.answered();
        let waiting = async {
            loop {
                answered.mark_unchanged();
                let book = self.book();
                if wanted(&book) {
                    return book;
                }
                answered.changed().await.expect("the gate lives on");
            }
        };
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(book) => book,
            Err(_) => panic!("in vain for {what}; the book: {:#?}", self.book()),
        }
    }
}

impl Drop for Standin {
    fn drop(&mut self) {
        self.switch_off();
    }
}

/// The token of an account.
pub fn token_of(account: &str) -> String {
    format!("token-of-{account}-0123456789")
}
