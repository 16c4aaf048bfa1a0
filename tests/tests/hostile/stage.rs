//! One host for all tests: the components are compiled once.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use futures_util::future::BoxFuture;
use jarchi::clock::Clock;
use jarchi::config::{Grant, Limits, PluginConfig};
use jarchi::model::{DeliveryKey, Draft, TimeSpan, Timestamp};
use jarchi::plugin::broker::{Broker, BrokerOptions, Resolver, Secrets};
use jarchi::plugin::{
    Batch, Brief, CallError, Called, Host, HostOptions, Limit, Origin, Outcome, Plugin,
    PublishRequest, Subject,
};
use jarchi::service::StoredKv;
use jarchi::store::{Options, Store};
use secrecy::SecretString;
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::web::Web;

pub const TOKEN: &str = "t0ken-that-nobody-may-see";
pub const PASSWORD: &str = "passw0rd-that-nobody-may-see";

pub struct Stage {
    pub host: Host,
    pub names: Arc<Names>,
    /// A plugin that does as it should.
    good: Plugin,
    good_folder: PathBuf,
    directory: TempDir,
}

/// Where names lead, and how often each was looked up.
#[derive(Default)]
pub struct Names(Mutex<BTreeMap<String, usize>>);

impl Names {
    pub fn looked_up(&self, name: &str) -> usize {
        self.0.lock().unwrap().get(name).copied().unwrap_or(0)
    }
}

impl Resolver for Names {
    fn resolve(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let times = {
            let mut times = self.0.lock().unwrap();
            let times = times.entry(name.clone()).or_default();
            *times += 1;
            *times
        };
        let leads_to: &[&str] = match name.as_str() {
            "inside.example" | "named.example" => &["127.0.0.1"],
            "metadata.example" => &["169.254.169.254"],
            // Another address for those who ask again.
            name if name.starts_with("rebound") => match times {
                1 => &["127.0.0.1"],
                _ => &["169.254.1.1"],
            },
            _ => &[],
        };
        let found = leads_to.iter().map(|text| text.parse().unwrap()).collect();
        Box::pin(async move { Ok(found) })
    }
}

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    // The broker's connections belong to the runtime that they were opened on.
    RUNTIME.get_or_init(|| Runtime::new().unwrap())
}

/// Runs a test on the stage that all share.
pub fn on_stage<F: Future<Output = ()>>(test: impl FnOnce(&'static Stage) -> F) {
    static STAGE: OnceLock<Stage> = OnceLock::new();
    let stage = STAGE.get_or_init(|| runtime().block_on(Stage::new()));
    runtime().block_on(test(stage));
}

pub fn component() -> PathBuf {
    jarchi_tests::plugins::stock("hostile")
}

pub fn config(name: &str, path: &Path) -> PluginConfig {
    PluginConfig {
        name: name.to_owned(),
        path: path.to_owned(),
        grants: Vec::new(),
        limits: Limits::default(),
        concurrency: 4,
        app: jarchi::config::AppKeys::default(),
        redirect: None,
    }
}

/// A host with its own cache of compiled plugins.
pub fn host(directory: &Path, names: Arc<Names>) -> Host {
    let clock = Clock::system();
    let options = BrokerOptions {
        resolver: names,
        ..BrokerOptions::default()
    };
    let store = Store::open(&directory.join("store"), &Options { cache: 16 << 20 }).unwrap();
    Host::new(HostOptions {
        cache_dir: directory.join("compiled"),
        concurrency: 16,
        carrier: Arc::new(Broker::new(options, clock.clone()).unwrap()),
        kv: Arc::new(StoredKv(store)),
        urls: None,
        created: None,
        clock,
    })
    .unwrap()
}

impl Stage {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let names = Arc::new(Names::default());
        let host = host(directory.path(), names.clone());
        // Compiled here, so that every test finds it so.
        host.load(&config("hostile", &component())).await.unwrap();
        let library = jarchi_tests::plugins::stock("library");
        let good = host.load(&config("library", &library)).await.unwrap();
        let good_folder = directory.path().join("posts");
        std::fs::create_dir(&good_folder).unwrap();
        std::fs::write(good_folder.join("good.md"), "---\n---\nA good post").unwrap();
        Stage {
            host,
            names,
            good,
            good_folder,
            directory,
        }
    }

    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// A call of the hostile plugin that is to do this.
    pub fn call(&'static self, behave: Value) -> Breach {
        Breach {
            stage: self,
            behave,
            account: "cafe".to_owned(),
            settings: Map::new(),
            grants: Vec::new(),
            limits: Limits::default(),
            secrets: Arc::default(),
            folders: BTreeMap::new(),
        }
    }

    /// The next call of a plugin that does as it should.
    pub async fn good_plugin_works(&self) {
        good(&self.good, &self.good_folder).await;
    }

    pub async fn plugin(&self, limits: Limits, grants: Vec<Grant>) -> Plugin {
        let config = PluginConfig {
            limits,
            grants,
            ..config("hostile", &component())
        };
        let plugin = self.host.load(&config).await.unwrap();
        assert_eq!(plugin.origin(), Origin::Cache);
        plugin
    }
}

pub async fn good(library: &Plugin, folder: &Path) {
    let subject = Subject {
        name: "posts".into(),
        settings: Arc::new(object(
            json!({ "folder": "content", "line_breaks": "keep" }),
        )),
        secrets: Arc::new(Held::default()),
        folders: Arc::new(BTreeMap::from([("content".to_owned(), folder.to_owned())])),
    };
    let brief = Brief {
        time_zone: "Asia/Baku".to_owned(),
        now: Timestamp(1_795_510_800_000),
        ..Brief::default()
    };
    let batch: Batch = library.generate(&subject, &brief).await.result.unwrap();
    let texts: Vec<&str> = batch
        .drafts
        .iter()
        .map(|draft| draft.draft.text.as_str())
        .collect();
    assert_eq!(texts, ["A good post"], "{:?}", batch.problems);
}

pub fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("no object: {other}"),
    }
}

/// The secrets of an account.
pub struct Held(Mutex<BTreeMap<String, SecretString>>);

impl Default for Held {
    fn default() -> Self {
        Held(Mutex::new(BTreeMap::from([
            ("token".to_owned(), TOKEN.into()),
            ("password".to_owned(), PASSWORD.into()),
        ])))
    }
}

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

/// What the hostile plugin is let do, and what it does.
#[must_use]
pub struct Breach {
    stage: &'static Stage,
    behave: Value,
    account: String,
    settings: Map<String, Value>,
    grants: Vec<Grant>,
    limits: Limits,
    secrets: Arc<Held>,
    folders: BTreeMap<String, PathBuf>,
}

impl Breach {
    /// With this server as its own, which the operator has granted as a user would.
    pub fn with(self, web: &Web) -> Self {
        let host = web.address().to_string();
        self.setting("server", web.url("")).grant(&host, true, true)
    }

    pub fn setting(mut self, name: &str, value: String) -> Self {
        self.settings.insert(name.to_owned(), value.into());
        self
    }

    pub fn grant(mut self, host: &str, plain_http: bool, private: bool) -> Self {
        self.grants.push(Grant {
            host: host.parse().unwrap(),
            plain_http,
            private,
            reason: "the test wants it".to_owned(),
        });
        self
    }

    pub fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.limits);
        self
    }

    pub fn account(mut self, name: &str) -> Self {
        self.account = name.to_owned();
        self
    }

    pub fn secrets(mut self, secrets: &Arc<Held>) -> Self {
        self.secrets = secrets.clone();
        self
    }

    pub fn folder(mut self, name: &str, path: &Path) -> Self {
        self.folders.insert(name.to_owned(), path.to_owned());
        self
    }

    /// Does it, and sees that a good plugin works after it.
    pub async fn publish(mut self) -> Done {
        self.settings.insert("behave".to_owned(), self.behave);
        let plugin = self.stage.plugin(self.limits, self.grants).await;
        let subject = Subject {
            name: self.account.as_str().into(),
            settings: Arc::new(self.settings),
            secrets: self.secrets,
            folders: Arc::new(self.folders),
        };
        let draft = Draft {
            text: "Good morning, Baku".to_owned(),
            ..Draft::default()
        };
        let now = Timestamp(1_795_510_800_000);
        let request = PublishRequest {
            draft: &draft,
            key: &DeliveryKey::from_random([7; 16]),
            created_at: now,
            due: now,
            attempt: 1,
        };
        let called = plugin.publish(&subject, request).await;
        self.stage.good_plugin_works().await;
        Done(called)
    }
}

/// How it went.
#[derive(Debug)]
pub struct Done(pub Called<Outcome>);

impl Done {
    /// What the plugin saw of a call that ended well.
    pub fn seen(&self) -> Value {
        match &self.0.result {
            Ok(Outcome::Published(receipt)) => {
                serde_json::from_str(receipt.data.as_deref().unwrap()).unwrap()
            }
            other => panic!("it did not end well: {other:?}"),
        }
    }

    /// The limit, and the error in words.
    pub fn limit(&self) -> (Limit, String) {
        match &self.0.result {
            Err(CallError::Limit(reached)) => (reached.reached.limit, reached.to_string()),
            other => panic!("not a limit: {other:?}"),
        }
    }

    /// The guest's functions, the innermost first.
    pub fn backtrace(&self) -> &[String] {
        match &self.0.result {
            Err(CallError::Limit(reached)) => &reached.backtrace,
            Err(CallError::Trap(trap)) => &trap.backtrace,
            other => panic!("no backtrace: {other:?}"),
        }
    }

    /// Whether one of the guest's functions has this name.
    pub fn passed_through(&self, name: &str) -> bool {
        self.backtrace().iter().any(|frame| frame.contains(name))
    }

    pub fn error(&self) -> String {
        match &self.0.result {
            Err(error) => error.to_string(),
            Ok(outcome) => panic!("no error: {outcome:?}"),
        }
    }

    /// The broker's refusal of the one request: its kind, and its words.
    pub fn refusal(&self) -> (String, String) {
        let seen = self.seen();
        let text = |name: &str| {
            seen[name]
                .as_str()
                .unwrap_or_else(|| panic!("no refusal: {seen}"))
                .to_owned()
        };
        (text("error"), text("text"))
    }
}

pub const SPAN: fn(u64) -> TimeSpan = TimeSpan;
