//! A caller for the tables of the rules' tests.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use secrecy::SecretString;
use serde_json::Value;

use super::{Caller, Secrets};
use crate::config::{Grant, Limits};
use crate::plugin::manifest::{Capture, Manifest, Place, SecretSpec};

pub(super) struct Setup {
    manifest: Manifest,
    grants: Vec<Grant>,
    settings: serde_json::Map<String, Value>,
    secrets: Arc<Held>,
}

#[derive(Default)]
pub(super) struct Held(Mutex<BTreeMap<String, SecretString>>);

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

impl Setup {
    pub fn new() -> Self {
        Setup {
            manifest: toml::from_str("name = \"sample\"\nversion = \"1.0.0\"").unwrap(),
            grants: Vec::new(),
            settings: serde_json::Map::new(),
            secrets: Arc::new(Held::default()),
        }
    }

    pub fn hosts(mut self, hosts: &[&str]) -> Self {
        self.manifest.hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        self
    }

    pub fn setting(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.settings.insert(name.to_owned(), value.into());
        self
    }

    pub fn grant(mut self, host: &str, plain_http: bool, private: bool) -> Self {
        self.grants.push(Grant {
            host: host.parse().unwrap(),
            plain_http,
            private,
            reason: "test".to_owned(),
        });
        self
    }

    pub fn secret(self, name: &str, value: &str) -> Self {
        self.secrets.capture(name, value.into()).unwrap();
        self
    }

    fn spec(&mut self, name: &str) -> &mut SecretSpec {
        self.manifest
            .secrets
            .entry(name.to_owned())
            .or_insert_with(|| toml::from_str("").unwrap())
    }

    /// A place in the manifest, as TOML.
    pub fn place(mut self, name: &str, place: &str) -> Self {
        let place: Place = toml::from_str(place).unwrap();
        self.spec(name).place.push(place);
        self
    }

    pub fn capture(mut self, name: &str, capture: &str) -> Self {
        let capture: Capture = toml::from_str(capture).unwrap();
        self.spec(name).capture.push(capture);
        self
    }

    pub fn caller(&self) -> Caller {
        Caller {
            plugin: "sample".into(),
            subject: "account".into(),
            manifest: Arc::new(self.manifest.clone()),
            grants: self.grants.clone().into(),
            limits: Limits::default(),
            settings: Arc::new(self.settings.clone()),
            secrets: self.secrets.clone(),
        }
    }
}
