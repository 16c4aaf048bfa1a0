//! The way to the server: what the broker is in the daemon.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use jarchi::clock::Clock;
use jarchi::config::{Grant, Limits};
use jarchi::model::TimeSpan;
use jarchi::plugin::broker::{self, Broker, BrokerOptions, Caller, Secrets};
use jarchi::plugin::manifest::Manifest;
use jarchi_plugin_bluesky::{Bluesky, publish::State};
use jarchi_plugin_sdk::http::{Body, HttpError};
use jarchi_plugin_sdk::testing::{self, Answer, Host, Request};
use jarchi_plugin_sdk::{Account, Delivery, Error, MediaItem, Outcome, Post, Publisher, Receipt};
use jarchi_tests::pds::{self, Options, Pds};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

/// 2026-11-24T08:00:00Z.
pub const NOW: u64 = 1_795_507_200_000;

/// What happens to a request on its way.
type Fault = Box<dyn Fn(&Request) -> Option<Trouble>>;

#[derive(Clone)]
pub enum Trouble {
    /// It arrives and is done, and the answer is lost.
    LoseAnswer,
    /// It never arrives; this is what comes back.
    Instead(u16, Value),
}

/// The daemon's broker, between the connector and the server.
pub struct Wire {
    pub runtime: tokio::runtime::Runtime,
    pub client: reqwest::Client,
    pub vault: Arc<Vault>,
    broker: Broker,
    manifest: Arc<Manifest>,
    grants: Arc<[Grant]>,
    settings: RefCell<Arc<serde_json::Map<String, Value>>>,
    folder: tempfile::TempDir,
    log: RefCell<Vec<String>>,
    fault: RefCell<Option<Fault>>,
}

#[derive(Default)]
pub struct Vault(Mutex<BTreeMap<String, SecretString>>);

impl Vault {
    pub fn set(&self, name: &str, value: &str) {
        self.0
            .lock()
            .unwrap()
            .insert(name.to_owned(), value.to_owned().into());
    }

    /// Forgets all secrets but this one.
    pub fn keep_only(&self, name: &str) {
        self.0.lock().unwrap().retain(|other, _| other == name);
    }

    fn values(&self) -> Vec<String> {
        let held = self.0.lock().unwrap();
        held.values()
            .map(|value| value.expose_secret().to_owned())
            .collect()
    }
}

impl Secrets for Vault {
    fn get(&self, name: &str) -> Option<SecretString> {
        self.0.lock().unwrap().get(name).cloned()
    }

    fn capture(&self, name: &str, value: SecretString) -> Result<(), String> {
        self.0.lock().unwrap().insert(name.to_owned(), value);
        Ok(())
    }

    fn all(&self) -> Vec<(String, SecretString)> {
        let held = self.0.lock().unwrap();
        held.iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }
}

/// One server for all tests that want the same of it. It ends with this process.
fn server(options: Options) -> Option<&'static Pds> {
    static SERVERS: [OnceLock<Option<Pds>>; 4] = [const { OnceLock::new() }; 4];
    let kind = usize::from(options.app_view) + 2 * usize::from(options.rate_limits);
    SERVERS[kind].get_or_init(|| Pds::start(options)).as_ref()
}

/// An account of a server, of its own for each test, and the connector's host.
pub struct Stage {
    pub pds: &'static Pds,
    pub handle: String,
    pub me: pds::Account,
    pub host: Host,
    pub wire: Rc<Wire>,
    pub account: Account,
}

impl Stage {
    /// None where there is no PDS on this machine.
    pub fn new(options: Options) -> Option<Stage> {
        static ACCOUNTS: AtomicU32 = AtomicU32::new(1);
        let pds = server(options)?;
        let manifest = include_str!("../../../plugins/bluesky/plugin.toml");
        let address = pds.ready.url.trim_start_matches("http://");
        let mut grants = vec![address];
        if let Some(view) = &pds.ready.app_view {
            grants.push(view.trim_start_matches("http://"));
        }
        let grants = grants.into_iter().map(|host| Grant {
            host: host.parse().unwrap(),
            plain_http: true,
            private: true,
            reason: "a server of the test's own".into(),
        });
        let wire = Rc::new(Wire {
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap(),
            client: reqwest::Client::new(),
            vault: Arc::default(),
            broker: Broker::new(BrokerOptions::default(), Clock::system()).unwrap(),
            manifest: Arc::new(toml::from_str(manifest).unwrap()),
            grants: grants.collect(),
            settings: RefCell::default(),
            folder: tempfile::tempdir().unwrap(),
            log: RefCell::default(),
            fault: RefCell::default(),
        });
        let host = Host::new();
        host.set_now(NOW);
        let carrier = wire.clone();
        host.serve(move |request| carrier.carry(request));
        let handle = format!("cafe-{}.test", ACCOUNTS.fetch_add(1, Ordering::Relaxed));
        let me = wire.runtime.block_on(pds.create_account(&handle));
        let mut stage = Stage {
            pds,
            handle: handle.clone(),
            me: me.clone(),
            host,
            wire,
            account: testing::account(&json!({})),
        };
        stage.account = stage.account(&handle, &me);
        Some(stage)
    }

    /// An account as it would stand in the configuration, with its app password.
    pub fn account(&self, handle: &str, known: &pds::Account) -> Account {
        self.wire.vault.set("app_password", &known.app_password);
        self.account_with(json!({ "service": self.pds.ready.url, "identifier": handle }))
    }

    /// An account with these settings, for the calls from now on.
    pub fn account_with(&self, settings: Value) -> Account {
        let account = testing::account(&settings);
        let Value::Object(settings) = settings else {
            panic!("settings are a table")
        };
        *self.wire.settings.borrow_mut() = Arc::new(settings);
        account
    }

    pub fn file(&self, name: &str, mime: &str, bytes: Vec<u8>) -> MediaItem {
        let item = testing::media(name, mime, bytes.len() as u64);
        std::fs::write(self.wire.path(name), &bytes).unwrap();
        self.host.file(name, mime, bytes);
        item
    }

    pub fn delivery(&self, key: &str, post: Post) -> Delivery {
        Delivery {
            key: key.into(),
            ..testing::delivery(&self.account, post)
        }
    }

    /// From now on, requests meet this.
    pub fn trouble(&self, fault: impl Fn(&Request) -> Option<Trouble> + 'static) {
        *self.wire.fault.borrow_mut() = Some(Box::new(fault));
    }

    pub fn no_trouble(&self) {
        *self.wire.fault.borrow_mut() = None;
    }

    /// The answers to records that go in are lost.
    pub fn lose_answers(&self) {
        self.trouble(|request| {
            request
                .url
                .ends_with("putRecord")
                .then_some(Trouble::LoseAnswer)
        });
    }

    /// The methods that were called, in order, and forgets them.
    pub fn called(&self) -> Vec<String> {
        std::mem::take(&mut *self.wire.log.borrow_mut())
    }

    /// Calls the connector as the queue does, to the end.
    pub fn publish(&self, delivery: &Delivery) -> Result<Receipt, Error> {
        self.go_on(delivery, Bluesky::publish(delivery)?)
    }

    pub fn go_on(&self, delivery: &Delivery, mut outcome: Outcome) -> Result<Receipt, Error> {
        loop {
            match outcome {
                Outcome::Published(receipt) => return Ok(receipt),
                Outcome::Processing(progress) => {
                    assert!(progress.state.len() <= 64 << 10);
                    self.host.advance(progress.after + 250);
                    outcome = Bluesky::resume(delivery, state(&progress.state))?;
                }
            }
        }
    }

    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.wire.runtime.block_on(future)
    }

    pub fn records(&self, collection: &str) -> Vec<Value> {
        self.block_on(self.pds.records(&self.me.did, collection))
    }

    /// The account's posts, in the order of their making.
    pub fn posts(&self) -> Vec<Value> {
        let mut posts = self.records("app.bsky.feed.post");
        posts.sort_by_key(|post| post["value"]["createdAt"].as_str().unwrap().to_owned());
        posts
    }
}

pub fn state(json: &str) -> State {
    serde_json::from_str(json).unwrap()
}

impl Wire {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn carry(&self, request: &Request) -> Answer {
        let trouble = self
            .fault
            .borrow()
            .as_ref()
            .and_then(|fault| fault(request));
        if let Some(Trouble::Instead(status, body)) = trouble {
            return Answer::json(status, &body);
        }
        let body = match &request.body {
            Body::None => broker::Body::None,
            Body::Bytes(bytes) => broker::Body::Bytes(bytes.clone()),
            Body::Media(slice) => {
                let path = self.path(&slice.id);
                let length = std::fs::metadata(&path).unwrap().len();
                broker::Body::Media(broker::Slice {
                    path,
                    offset: 0,
                    length,
                })
            }
            Body::Multipart(_) => panic!("the protocol has no multipart bodies"),
        };
        let sent = broker::Request {
            method: request.method.clone(),
            url: request.url.clone(),
            headers: request.headers.clone(),
            body,
            timeout: None,
        };
        let caller = Caller {
            plugin: "bluesky".into(),
            subject: "test".into(),
            manifest: self.manifest.clone(),
            grants: self.grants.clone(),
            limits: Limits::default(),
            settings: self.settings.borrow().clone(),
            secrets: self.vault.clone(),
        };
        let answer = self.runtime.block_on(self.broker.send(&caller, sent));
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => return Answer::error(error_of(error)),
        };
        let path = request.url.split(['?', '#']).next().unwrap();
        let name = path
            .rsplit('/')
            .next()
            .unwrap()
            .trim_start_matches("com.atproto.");
        self.log.borrow_mut().push(name.to_owned());
        let text = String::from_utf8_lossy(&answer.body);
        for secret in self.vault.values() {
            assert!(!text.contains(&secret), "a secret in the answer of {name}");
        }
        if let Some(Trouble::LoseAnswer) = trouble {
            return Answer::error(HttpError::NoAnswer("connection reset".into()));
        }
        let mut told = Answer::new(answer.status, "application/json", answer.body);
        for (name, value) in answer.headers {
            told = told.header(&name, &value);
        }
        told
    }
}

fn error_of(error: broker::Error) -> HttpError {
    match error {
        broker::Error::Denied(reason) => HttpError::Denied(reason),
        broker::Error::Invalid(reason) => HttpError::Invalid(reason),
        broker::Error::MissingSecret(name) => HttpError::MissingSecret(name),
        broker::Error::Paced(TimeSpan(wait)) => HttpError::Paced(wait),
        broker::Error::NotSent(reason) => HttpError::NotSent(reason),
        broker::Error::NoAnswer(reason) => HttpError::NoAnswer(reason),
        broker::Error::TooLarge(bytes) => HttpError::TooLarge(bytes),
    }
}
