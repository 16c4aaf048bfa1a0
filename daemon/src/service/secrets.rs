//! Secrets in memory.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use secrecy::SecretString;

use crate::plugin::broker::Secrets;

use super::SecretSource;

type Captured = Arc<Mutex<HashMap<(String, String, String), SecretString>>>;

#[derive(Clone, Default)]
pub struct MemorySecrets(Captured);

struct Of {
    plugin: String,
    subject: String,
    configured: BTreeMap<String, SecretString>,
    captured: Captured,
}

impl SecretSource for MemorySecrets {
    fn of(
        &self,
        plugin: &str,
        subject: &str,
        configured: &BTreeMap<String, SecretString>,
    ) -> Arc<dyn Secrets> {
        Arc::new(Of {
            plugin: plugin.to_owned(),
            subject: subject.to_owned(),
            configured: configured.clone(),
            captured: self.0.clone(),
        })
    }
}

impl Secrets for Of {
    fn get(&self, name: &str) -> Option<SecretString> {
        self.configured.get(name).cloned().or_else(|| {
            let key = (self.plugin.clone(), self.subject.clone(), name.to_owned());
            let captured = self.captured.lock().unwrap_or_else(PoisonError::into_inner);
            captured.get(&key).cloned()
        })
    }

    fn capture(&self, name: &str, value: SecretString) -> Result<(), String> {
        let key = (self.plugin.clone(), self.subject.clone(), name.to_owned());
        self.captured
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key, value);
        Ok(())
    }

    fn all(&self) -> Vec<(String, SecretString)> {
        let mut all: Vec<_> = self
            .configured
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let captured = self.captured.lock().unwrap_or_else(PoisonError::into_inner);
        all.extend(
            captured
                .iter()
                .filter(|((plugin, subject, _), _)| {
                    *plugin == self.plugin && *subject == self.subject
                })
                .map(|((_, _, name), value)| (name.clone(), value.clone())),
        );
        all
    }
}
