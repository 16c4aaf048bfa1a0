//! Every function of the host, with any arguments, by a real component.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, LazyLock};

use arbitrary::{Arbitrary, Unstructured};
use futures_util::future::BoxFuture;
use jarchi::clock::Clock;
use jarchi::config::{AppKeys, Grant, Limits, PluginConfig};
use jarchi::model::{DeliveryKey, Draft, Timestamp};
use jarchi::plugin::broker::{Broker, BrokerOptions, Resolver, Secrets};
use jarchi::plugin::{
    CallError, Host, HostOptions, MemoryKv, Outcome, Plugin, PublishRequest, Subject,
};
use secrecy::SecretString;
use serde::Serialize;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

const TOKEN: &str = "t0ken-that-nobody-may-see";

/// As the hostile plugin reads it from its settings.
#[derive(Debug, Arbitrary, Serialize)]
#[serde(tag = "call", rename_all = "kebab-case")]
enum Call {
    Send {
        method: String,
        url: Address,
        headers: Vec<(String, String)>,
        body: Body,
        timeout: Option<u64>,
    },
    Describe {
        id: String,
    },
    Read {
        id: FileId,
        offset: u64,
        length: u32,
    },
    ListFiles {
        folder: String,
    },
    KvGet {
        key: String,
    },
    KvSet {
        key: String,
        value: String,
    },
    KvDelete {
        key: String,
    },
    KvKeys {
        prefix: String,
    },
    Log {
        message: String,
        key: String,
        value: String,
    },
    Random {
        count: u32,
    },
}

/// Of its own server more often than not, so that what follows is looked at as well.
#[derive(Debug, Arbitrary)]
enum Address {
    Own(String),
    Secret(String, String),
    Any(String),
}

impl Serialize for Address {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&match self {
            Address::Own(path) => format!("https://own.example/{path}"),
            Address::Secret(name, rest) => format!("https://own.example/${{secret:{name}}}{rest}"),
            Address::Any(text) => text.clone(),
        })
    }
}

#[derive(Debug, Arbitrary)]
enum FileId {
    Own,
    Any(String),
}

impl Serialize for FileId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            FileId::Own => "content/a.txt",
            FileId::Any(text) => text,
        })
    }
}

#[derive(Debug, Arbitrary, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum Body {
    None,
    Text { text: String },
    Media { slice: Slice },
    Form { parts: Vec<Part> },
}

#[derive(Debug, Arbitrary, Serialize)]
struct Slice {
    id: FileId,
    offset: u64,
    length: Option<u64>,
}

#[derive(Debug, Arbitrary, Serialize)]
struct Part {
    name: String,
    filename: Option<String>,
    content_type: Option<String>,
    text: Option<String>,
    media: Option<Slice>,
}

/// No name leads anywhere: nothing is sent.
struct Nowhere;

impl Resolver for Nowhere {
    fn resolve(&self, _: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}

struct Held;

impl Secrets for Held {
    fn get(&self, name: &str) -> Option<SecretString> {
        (name == "token").then(|| TOKEN.into())
    }

    fn capture(&self, _: &str, _: SecretString) -> Result<(), String> {
        Ok(())
    }

    fn all(&self) -> Vec<(String, SecretString)> {
        vec![("token".to_owned(), TOKEN.into())]
    }
}

struct Stage {
    plugin: Plugin,
    folder: TempDir,
    runtime: Runtime,
}

static STAGE: LazyLock<Stage> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a directory");
    let content = folder.path().join("content");
    std::fs::create_dir(&content).expect("a directory");
    std::fs::write(content.join("a.txt"), "a text").expect("a file");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let clock = Clock::system();
    let options = BrokerOptions {
        resolver: Arc::new(Nowhere),
        ..BrokerOptions::default()
    };
    let plugin = runtime.block_on(async {
        let host = Host::new(HostOptions {
            cache_dir: folder.path().join("compiled"),
            concurrency: 4,
            carrier: Arc::new(Broker::new(options, clock.clone()).expect("a broker")),
            kv: Arc::<MemoryKv>::default(),
            urls: None,
            created: None,
            clock,
        })
        .expect("a host");
        let config = PluginConfig {
            name: "hostile".to_owned(),
            path: crate::plugins::stock("hostile"),
            grants: vec![Grant {
                host: "own.example".parse().expect("a host"),
                plain_http: false,
                private: true,
                reason: "its own".to_owned(),
            }],
            limits: Limits::default(),
            concurrency: 4,
            app: AppKeys::default(),
            redirect: None,
        };
        host.load(&config).await.expect("the plugin is built")
    });
    Stage {
        plugin,
        folder,
        runtime,
    }
});

fn is_too_random(call: &Call) -> bool {
    matches!(call, Call::Random { count } if *count > 4096)
}

/// Calls, one after the other, by one instance. None of them ends but in an answer or in
/// an error of that call, and no secret is in either.
pub fn host(bytes: &[u8]) {
    let Ok(calls) = Vec::<Call>::arbitrary(&mut Unstructured::new(bytes)) else {
        return;
    };
    if calls.is_empty() {
        return;
    }
    let stage = &*STAGE;
    let Value::Object(settings) = json!({
        "server": "https://own.example",
        "behave": { "do": "call-host", "calls": calls },
    }) else {
        return;
    };
    let folders = BTreeMap::from([("content".to_owned(), stage.folder.path().join("content"))]);
    let subject = Subject {
        name: "cafe".into(),
        settings: Arc::new(settings),
        secrets: Arc::new(Held),
        folders: Arc::new(folders),
    };
    let draft = Draft {
        text: "Salam".to_owned(),
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
    let called = stage
        .runtime
        .block_on(stage.plugin.publish(&subject, request));
    let words = format!("{:?}", called.result);
    // A fuzzer that reads comparisons puts it in itself.
    let guessed = format!("{calls:?}").contains(TOKEN);
    assert!(guessed || !words.contains(TOKEN), "{words}");
    match called.result {
        Ok(Outcome::Published(receipt)) => {
            let answers = receipt.data.expect("what was answered");
            let answers: Value = serde_json::from_str(&answers).expect("JSON");
            let answers = answers.as_array().expect("a list");
            assert_eq!(answers.len(), calls.len());
        }
        Err(CallError::Limit(_)) => {}
        // More random bytes than the interface allows: the guest itself falls over.
        Err(CallError::Trap(_)) if calls.iter().any(is_too_random) => {}
        other => panic!("{other:?}: {calls:?}"),
    }
}
