//! One account and what its plugin's manifest says of its platform.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::config::{self, Account, AppKeys, Config, Grant};
use crate::model::Connection;
use crate::plugin::manifest::{AuthSpec, Manifest, Oauth2};
use crate::store::View;

#[derive(Clone)]
pub struct Party {
    pub account: String,
    pub plugin: String,
    pub manifest: Arc<Manifest>,
    /// Whole: chosen, configured and usual ones.
    pub settings: Map<String, Value>,
    pub grants: Vec<Grant>,
    pub app: AppKeys,
    /// Secrets that stand in the configuration, which come before those of the vault.
    pub configured: BTreeSet<String>,
}

impl Party {
    pub(super) fn new(
        config: &Config,
        account: &Account,
        manifest: &Arc<Manifest>,
        view: View<'_>,
    ) -> Self {
        let plugin = config.plugins.get(&account.plugin);
        Party {
            account: account.name.clone(),
            plugin: account.plugin.clone(),
            manifest: manifest.clone(),
            settings: settings_of(account, manifest, view),
            grants: plugin
                .map(|plugin| plugin.grants.clone())
                .unwrap_or_default(),
            app: config.app_of(account),
            configured: account.secrets.keys().cloned().collect(),
        }
    }

    pub fn oauth(&self) -> Option<&Oauth2> {
        match &self.manifest.auth {
            Some(AuthSpec::Oauth2(oauth)) => Some(oauth),
            _ => None,
        }
    }

    /// Whether the daemon keeps its token: none that stands in the configuration.
    pub fn is_kept(&self) -> bool {
        self.oauth()
            .is_some_and(|oauth| !self.configured.contains(&oauth.access_token))
    }

    /// What is kept of this account, unless it is of another plugin.
    pub fn connection(
        &self,
        view: View<'_>,
    ) -> Result<Option<Connection>, crate::store::StoreError> {
        let found = view.connection(&self.account)?;
        Ok(found.filter(|one| one.plugin == self.plugin))
    }
}

/// An account's settings as the plugin gets them: those that chose the profile, under those
/// of the configuration, and the usual ones under both.
pub fn settings_of(account: &Account, manifest: &Manifest, view: View<'_>) -> Map<String, Value> {
    let mut settings = account.settings.clone();
    let chosen = view.connection(&account.name).unwrap_or_else(|error| {
        tracing::warn!(account = account.name, %error, "what was chosen can't be read");
        None
    });
    let chosen = chosen
        .filter(|connection| connection.plugin == account.plugin)
        .and_then(|connection| connection.target)
        .and_then(|target| serde_json::from_str::<Map<String, Value>>(&target.settings).ok());
    for (name, value) in chosen.into_iter().flatten() {
        settings.entry(name).or_insert(value);
    }
    config::with_defaults(&settings, manifest)
}
