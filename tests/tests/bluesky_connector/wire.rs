//! The way to the server: what the broker is in the daemon.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use jarchi::plugin::manifest::{Manifest, Place};
use jarchi_plugin_bluesky::{Bluesky, publish::State};
use jarchi_plugin_sdk::http::{Body, HttpError};
use jarchi_plugin_sdk::testing::{self, Answer, Host, Request};
use jarchi_plugin_sdk::{Account, Delivery, Error, MediaItem, Outcome, Post, Publisher, Receipt};
use jarchi_tests::pds::{Options, Pds};
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

pub struct Wire {
    pub runtime: tokio::runtime::Runtime,
    pub client: reqwest::Client,
    pub secrets: RefCell<BTreeMap<String, String>>,
    manifest: Manifest,
    files: RefCell<BTreeMap<String, Vec<u8>>>,
    log: RefCell<Vec<String>>,
    fault: RefCell<Option<Fault>>,
}

/// An account of a server, and the connector's host.
pub struct Stage {
    pub pds: Pds,
    pub host: Host,
    pub wire: Rc<Wire>,
    pub account: Account,
}

impl Stage {
    /// None where there is no PDS on this machine.
    pub fn new(options: Options) -> Option<Stage> {
        let pds = Pds::start(options)?;
        let manifest = include_str!("../../../plugins/bluesky/plugin.toml");
        let wire = Rc::new(Wire {
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap(),
            client: reqwest::Client::new(),
            secrets: RefCell::default(),
            manifest: toml::from_str(manifest).unwrap(),
            files: RefCell::default(),
            log: RefCell::default(),
            fault: RefCell::default(),
        });
        let host = Host::new();
        host.set_now(NOW);
        let carrier = wire.clone();
        host.serve(move |request| carrier.carry(request));
        let settings = json!({ "service": pds.ready.url, "identifier": "alice.test" });
        let account = testing::account(&settings);
        let stage = Stage {
            pds,
            host,
            wire,
            account,
        };
        stage.secret(
            "app_password",
            &stage.pds.account("alice.test").app_password,
        );
        Some(stage)
    }

    pub fn secret(&self, name: &str, value: &str) {
        self.wire
            .secrets
            .borrow_mut()
            .insert(name.into(), value.into());
    }

    pub fn file(&self, name: &str, mime: &str, bytes: Vec<u8>) -> MediaItem {
        let item = testing::media(name, mime, bytes.len() as u64);
        self.host.file(name, mime, bytes.clone());
        self.wire.files.borrow_mut().insert(name.into(), bytes);
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

    pub fn records(&self, handle: &str, collection: &str) -> Vec<Value> {
        self.block_on(self.pds.records(handle, collection))
    }

    /// Alice's posts, in the order of their making.
    pub fn posts(&self) -> Vec<Value> {
        let mut posts = self.records("alice.test", "app.bsky.feed.post");
        posts.sort_by_key(|post| post["value"]["createdAt"].as_str().unwrap().to_owned());
        posts
    }
}

pub fn state(json: &str) -> State {
    serde_json::from_str(json).unwrap()
}

impl Wire {
    fn carry(&self, request: &Request) -> Answer {
        let path = request.url.split('?').next().unwrap();
        let path = &path[path.find("/xrpc/").unwrap()..];
        let trouble = self
            .fault
            .borrow()
            .as_ref()
            .and_then(|fault| fault(request));
        if let Some(Trouble::Instead(status, body)) = trouble {
            return Answer::json(status, &body);
        }
        let method = &request.method;
        let mut sent = self.client.request(method.parse().unwrap(), &request.url);
        for (name, value) in &request.headers {
            let here = |place: &Place| place.header.as_deref() == Some(name);
            match self.fill(value, here, method, path) {
                Ok(value) => sent = sent.header(name, value),
                Err(error) => return Answer::error(error),
            }
        }
        sent = match &request.body {
            Body::None => sent,
            Body::Bytes(bytes) => {
                let text = String::from_utf8(bytes.clone()).unwrap();
                match self.fill(&text, |place| place.body, method, path) {
                    Ok(text) => sent.body(text),
                    Err(error) => return Answer::error(error),
                }
            }
            Body::Media(slice) => sent.body(self.files.borrow()[&slice.id].clone()),
            Body::Multipart(_) => panic!("the protocol has no multipart bodies"),
        };
        let (status, headers, mut body) = self.runtime.block_on(async {
            let response = sent.send().await.expect("the server answers");
            let status = response.status().as_u16();
            let headers = response.headers().clone();
            (status, headers, response.bytes().await.unwrap().to_vec())
        });
        let name = path
            .trim_start_matches("/xrpc/")
            .trim_start_matches("com.atproto.");
        self.log.borrow_mut().push(name.to_owned());
        if let Some(Trouble::LoseAnswer) = trouble {
            return Answer::error(HttpError::NoAnswer("connection reset".into()));
        }
        if (200..300).contains(&status) {
            body = self.capture(method, path, body);
        }
        let mut answer = Answer::new(status, "application/json", body);
        for name in ["retry-after", "ratelimit-reset", "ratelimit-remaining"] {
            if let Some(value) = headers.get(name) {
                answer = answer.header(name, value.to_str().unwrap());
            }
        }
        answer
    }

    /// Puts secrets where their places allow it.
    fn fill(
        &self,
        text: &str,
        here: impl Fn(&Place) -> bool,
        method: &str,
        path: &str,
    ) -> Result<String, HttpError> {
        let mut filled = text.to_owned();
        while let Some(start) = filled.find("${secret:") {
            let end = start + filled[start..].find('}').unwrap();
            let name = filled[start + 9..end].to_owned();
            let allowed = self.manifest.secrets[&name].place.iter().any(|place| {
                here(place)
                    && place.method.as_deref().is_none_or(|only| only == method)
                    && place
                        .path
                        .as_deref()
                        .is_none_or(|only| match only.strip_suffix('*') {
                            Some(start) => path.starts_with(start),
                            None => path == only,
                        })
            });
            if !allowed {
                return Err(HttpError::Denied(format!(
                    "{name} has no place at {method} {path}"
                )));
            }
            let secrets = self.secrets.borrow();
            let value = secrets.get(&name).ok_or(HttpError::MissingSecret(name))?;
            filled.replace_range(start..=end, value);
        }
        Ok(filled)
    }

    /// Takes secrets out of an answer.
    fn capture(&self, method: &str, path: &str, body: Vec<u8>) -> Vec<u8> {
        let Ok(mut json) = serde_json::from_slice::<Value>(&body) else {
            return body;
        };
        for (name, secret) in &self.manifest.secrets {
            for capture in &secret.capture {
                if capture.path == path
                    && capture.method.as_deref().is_none_or(|only| only == method)
                    && let Some(value) = json.pointer_mut(&capture.json)
                {
                    let secret = value.as_str().unwrap().to_owned();
                    *value = format!("${{secret:{name}}}").into();
                    self.secrets.borrow_mut().insert(name.clone(), secret);
                }
            }
        }
        serde_json::to_vec(&json).unwrap()
    }
}
