mod calls;
mod created;
mod guest;
mod loading;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use secrecy::SecretString;
use tempfile::TempDir;

use crate::clock::Clock;
use crate::config::{Limits, PluginConfig};
use crate::media::Created;
use crate::model::TimeSpan;

use super::broker::{Caller, Error, Request, Response, Secrets};
use super::*;

/// A host in a directory of its own.
struct Stage {
    directory: TempDir,
    host: Host,
    kv: Arc<MemoryKv>,
    platform: Arc<Platform>,
}

/// What answers in place of the broker.
#[derive(Default)]
struct Platform {
    requests: Mutex<Vec<String>>,
    /// `None`: never.
    answer: Mutex<Option<Result<Response, Error>>>,
}

impl Carrier for Platform {
    fn send<'a>(
        &'a self,
        caller: &'a Caller,
        request: Request,
    ) -> BoxFuture<'a, Result<Response, Error>> {
        self.requests
            .lock()
            .unwrap()
            .push(format!("{} {}", request.method.trim(), request.url));
        let answer = self.answer.lock().unwrap().clone();
        Box::pin(async move {
            match answer {
                Some(Ok(answer)) if answer.body.len() as u64 > caller.limits.response => {
                    Err(Error::TooLarge(caller.limits.response))
                }
                Some(answer) => answer,
                None => std::future::pending().await,
            }
        })
    }
}

struct NoSecrets;

impl Secrets for NoSecrets {
    fn get(&self, _: &str) -> Option<SecretString> {
        None
    }
    fn capture(&self, _: &str, _: SecretString) -> Result<(), String> {
        Ok(())
    }
    fn all(&self) -> Vec<(String, SecretString)> {
        Vec::new()
    }
}

fn subject(name: &str) -> Subject {
    Subject {
        name: name.into(),
        settings: Arc::default(),
        secrets: Arc::new(NoSecrets),
        folders: Arc::new(BTreeMap::new()),
    }
}

/// Limits that no honest guest here meets, and that take no time to reach.
fn limits() -> Limits {
    Limits {
        memory: 4 << 20,
        cpu: TimeSpan(50),
        wall: TimeSpan::from_secs(60),
        http_calls: 10,
        response: 1 << 20,
        log: 1000,
        kv: 1000,
        output: 64 << 10,
        media: 256 << 10,
    }
}

impl Stage {
    fn new() -> Self {
        Self::with_concurrency(4)
    }

    fn with_concurrency(concurrency: usize) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let kv = Arc::new(MemoryKv::default());
        let platform = Arc::new(Platform::default());
        let host = Host::new(HostOptions {
            cache_dir: directory.path().join("compiled"),
            concurrency,
            carrier: platform.clone(),
            kv: kv.clone(),
            urls: None,
            created: Some(Arc::new(Created::new(
                directory.path(),
                Clock::system(),
                || Ok(()),
            ))),
            clock: Clock::system(),
        })
        .unwrap();
        Stage {
            directory,
            host,
            kv,
            platform,
        }
    }

    fn file(&self, wasm: &[u8]) -> PathBuf {
        let path = self
            .directory
            .path()
            .join(format!("{}.wasm", blake3::hash(wasm).to_hex()));
        std::fs::write(&path, wasm).unwrap();
        path
    }

    fn config(&self, wasm: &[u8]) -> PluginConfig {
        PluginConfig {
            name: "guest".to_owned(),
            path: self.file(wasm),
            grants: Vec::new(),
            limits: limits(),
            concurrency: 4,
            app: crate::config::AppKeys::default(),
            redirect: None,
        }
    }

    async fn plugin(&self, wasm: &[u8]) -> Plugin {
        self.host.load(&self.config(wasm)).await.unwrap()
    }

    /// Loads a guest, calls it, and sees that a good one works after it.
    async fn call(&self, wasm: &[u8]) -> Called<Batch> {
        let plugin = self.plugin(wasm).await;
        let called = plugin.generate(&subject("one"), &Brief::default()).await;
        let good = self.plugin(&guest::generator("(call $ok)")).await;
        let next = good.generate(&subject("one"), &Brief::default()).await;
        assert_eq!(next.result.unwrap(), Batch::default());
        called
    }
}

fn limit(called: &Called<Batch>) -> (Limit, String) {
    match called.result.as_ref().unwrap_err() {
        CallError::Limit(limit) => (limit.reached.limit, limit.to_string()),
        other => panic!("not a limit: {other}"),
    }
}
