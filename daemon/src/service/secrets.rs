//! An account's secrets: those of the configuration, and under them those of the vault.

use std::collections::BTreeMap;
use std::sync::Arc;

use secrecy::SecretString;

use crate::plugin::broker::Secrets;
use crate::plugin::vault::Vault;

use super::SecretSource;

#[derive(Clone, Debug)]
pub struct VaultSecrets(pub Vault);

struct Of {
    plugin: String,
    subject: String,
    configured: BTreeMap<String, SecretString>,
    vault: Vault,
}

impl SecretSource for VaultSecrets {
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
            vault: self.0.clone(),
        })
    }
}

impl Secrets for Of {
    /// One that can't be opened is as one that is not there: the plugin logs in anew.
    fn get(&self, name: &str) -> Option<SecretString> {
        if let Some(value) = self.configured.get(name) {
            return Some(value.clone());
        }
        self.vault
            .get(&self.plugin, &self.subject, name)
            .unwrap_or_else(|error| {
                tracing::warn!(%error, "a secret can't be opened");
                None
            })
    }

    fn capture(&self, name: &str, value: SecretString) -> Result<(), String> {
        self.vault
            .put(&self.plugin, &self.subject, name, &value)
            .map_err(|error| error.to_string())
    }

    fn capture_all(&self, values: Vec<(String, SecretString)>) -> Result<(), String> {
        self.vault
            .put_all(&self.plugin, &self.subject, &values)
            .map_err(|error| error.to_string())
    }

    fn all(&self) -> Vec<(String, SecretString)> {
        let mut all: Vec<_> = self
            .configured
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        // What can't be opened can't be sent either: there is nothing of it to black out.
        let captured = self.vault.all(&self.plugin, &self.subject);
        all.extend(captured.unwrap_or_default().into_iter().filter_map(
            |(name, value)| match value {
                Ok(value) => Some((name, value)),
                Err(error) => {
                    // Once an account and start, it has been said louder.
                    tracing::debug!(%error, "a secret can't be opened");
                    None
                }
            },
        ));
        all
    }
}
