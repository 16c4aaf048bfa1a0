//! What people ask of accounts: connect, choose, check, list, forget.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::StreamExt as _;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::watch;

use crate::account::{AuthError, Granted, Keeper, Party, lacking};
use crate::alarm::{self, Cause};
use crate::clock::Clock;
use crate::config::{self, Account, Config};
use crate::model::{Checked, Chosen, Fault, Severity};
use crate::plugin::manifest::AuthSpec;
use crate::plugin::{Capability, Standing};
use crate::publish::{self, posted_note};
use crate::store::Store;

use super::Plugins;
use super::account_answers::{
    AccountReport, AuthStart, Secret, SecretWanted, TargetList, TokenReport,
};
use super::api::ApiError;

/// Checked at once.
const AT_ONCE: usize = 8;

/// The face of the keeper for commands. A cheap handle.
#[derive(Clone)]
pub struct Accounts {
    plugins: Plugins,
    keeper: Keeper,
    config: watch::Receiver<Arc<Config>>,
    store: Store,
    clock: Clock,
}

impl From<AuthError> for ApiError {
    fn from(error: AuthError) -> Self {
        let message = error.to_string();
        match error {
            AuthError::Wrong(_) | AuthError::Refused(_) => ApiError::Invalid { message },
            AuthError::Unreachable(_) | AuthError::Store(_) | AuthError::Vault(_) => {
                ApiError::Unavailable { message }
            }
        }
    }
}

fn said(fault: Fault) -> ApiError {
    match fault {
        Fault::Transient(_) | Fault::RateLimited(_) | Fault::UnknownOutcome(_) => {
            ApiError::Unavailable {
                message: fault.to_string(),
            }
        }
        fault => ApiError::invalid(fault.to_string()),
    }
}

impl Accounts {
    pub fn new(
        plugins: Plugins,
        keeper: Keeper,
        config: watch::Receiver<Arc<Config>>,
        store: Store,
        clock: Clock,
    ) -> Self {
        Accounts {
            plugins,
            keeper,
            config,
            store,
            clock,
        }
    }

    pub fn keeper(&self) -> &Keeper {
        &self.keeper
    }

    fn party(&self, account: &str) -> Result<Party, ApiError> {
        let config = self.config.borrow().clone();
        if !config.accounts.contains_key(account) {
            let help = config::did_you_mean(account, config.accounts.keys().map(String::as_str))
                .map_or_else(String::new, |help| format!("; {help}"));
            return Err(ApiError::missing(format!(
                "there is no account `{account}`{help}"
            )));
        }
        self.keeper.party(account).ok_or_else(|| {
            ApiError::invalid(format!("the plugin of account `{account}` is not loaded"))
        })
    }

    /// `scopes` are asked for instead of the manifest's, where there are any.
    ///
    /// # Errors
    /// What the configuration or the manifest lacks.
    pub fn begin(
        &self,
        account: &str,
        redirect: &str,
        scopes: &[String],
    ) -> Result<AuthStart, ApiError> {
        let party = self.party(account)?;
        let Some(oauth) = party.oauth() else {
            return self.begin_pasting(account);
        };
        if party.configured.contains(&oauth.access_token) {
            return Err(written(account));
        }
        let begun = self.keeper.begin(&party, redirect, scopes)?;
        Ok(AuthStart::Browser {
            help: oauth.help.clone(),
            host: host_of(&oauth.token, &party),
            url: begun.url.into(),
            state: Secret(begun.state),
        })
    }

    /// For a token that the user has already: a system user's, say.
    ///
    /// # Errors
    /// What the configuration or the manifest lacks.
    pub fn begin_pasting(&self, account: &str) -> Result<AuthStart, ApiError> {
        let party = self.party(account)?;
        let help = match &party.manifest.auth {
            Some(AuthSpec::Token { help }) => help.clone(),
            Some(AuthSpec::Oauth2(_)) => String::new(),
            None => {
                return Err(ApiError::invalid(format!(
                    "plugin `{}` says nothing of how its accounts are connected: write their \
                     `secrets` into the configuration",
                    party.plugin
                )));
            }
        };
        let mut secrets = pasted(&party);
        secrets.retain(|one| !party.configured.contains(&one.name));
        if secrets.is_empty() {
            return Err(written(account));
        }
        Ok(AuthStart::Token { help, secrets })
    }

    /// # Errors
    /// The platform's, the user's, the store's.
    pub async fn finish(
        &self,
        account: &str,
        state: &SecretString,
        answer: &SecretString,
    ) -> Result<Granted, ApiError> {
        let party = self.party(account)?;
        Ok(self.keeper.finish(&party, state, answer).await?)
    }

    /// Keeps what the user pasted.
    ///
    /// # Errors
    /// Secrets that the plugin does not know or that are missing; the store's.
    pub async fn paste(
        &self,
        account: &str,
        secrets: BTreeMap<String, Secret>,
    ) -> Result<(), ApiError> {
        let party = self.party(account)?;
        let wanted = pasted(&party);
        let mut values = Vec::new();
        for (name, value) in secrets {
            if !wanted.iter().any(|one| one.name == name) {
                return Err(ApiError::invalid(format!(
                    "plugin `{}` asks for no secret `{name}`",
                    party.plugin
                )));
            }
            if party.configured.contains(&name) {
                return Err(ApiError::invalid(format!(
                    "the secret `{name}` of account `{account}` stands in the configuration, which \
                     counts more: take it out first"
                )));
            }
            if !value.0.expose_secret().is_empty() {
                values.push((name, value.0));
            }
        }
        let lacks = wanted.iter().find(|one| {
            let given = values.iter().any(|(name, _)| *name == one.name);
            one.required && !given && !party.configured.contains(&one.name)
        });
        if let Some(one) = lacks {
            return Err(ApiError::invalid(format!("`{}` is missing", one.name)));
        }
        Ok(self.keeper.keep_pasted(&party, &values).await?)
    }

    /// # Errors
    /// The platform's.
    pub async fn targets(&self, account: &str) -> Result<TargetList, ApiError> {
        let party = self.party(account)?;
        let on = self
            .plugins
            .account(account)
            .map_err(|error| ApiError::invalid(error.to_string()))?;
        let nothing = TargetList {
            targets: Vec::new(),
            chosen: None,
            settled: true,
        };
        if !on.plugin.has(Capability::Connection) {
            return Ok(nothing);
        }
        let answer = on.call(|plugin, subject| plugin.targets(subject)).await;
        let targets = match answer.result {
            // There is one profile only.
            Err(Fault::Unsupported(_)) => return Ok(nothing),
            result => result.map_err(said)?,
        };
        let connection = party.connection(self.store.view())?;
        let config = self.config.borrow().clone();
        let written = config
            .accounts
            .get(account)
            .map(|account| &account.settings);
        // What the file says of every setting that a target would set.
        let settled = targets.iter().all(|target| {
            target
                .settings
                .keys()
                .all(|name| written.is_some_and(|written| written.contains_key(name)))
        });
        Ok(TargetList {
            chosen: connection
                .and_then(|connection| connection.target)
                .map(|target| target.id),
            targets,
            settled,
        })
    }

    /// Keeps the choice, and tries it.
    ///
    /// # Errors
    /// There is no such target; the platform's.
    pub async fn choose(&self, account: &str, id: &str) -> Result<AccountReport, ApiError> {
        let party = self.party(account)?;
        let list = self.targets(account).await?;
        let found = list.targets.iter().find(|target| target.id == id);
        let Some(target) = found else {
            let known: Vec<&str> = list.targets.iter().map(|one| one.id.as_str()).collect();
            return Err(ApiError::missing(format!(
                "the credentials of account `{account}` open no `{id}`; there is {}",
                if known.is_empty() {
                    "nothing".to_owned()
                } else {
                    known.join(", ")
                }
            )));
        };
        if let Some(obstacle) = &target.obstacle {
            return Err(ApiError::invalid(format!(
                "nothing can be posted as `{}`: {obstacle}",
                target.name
            )));
        }
        for name in target.settings.keys() {
            if !party.manifest.settings.contains_key(name) {
                return Err(ApiError::invalid(format!(
                    "plugin `{}` chooses by a setting `{name}` that its manifest does not have",
                    party.plugin
                )));
            }
        }
        let chosen = Chosen {
            id: target.id.clone(),
            name: target.name.clone(),
            kind: target.kind.clone(),
            url: target.url.clone(),
            settings: serde_json::Value::Object(target.settings.clone()).to_string(),
        };
        let (name, plugin) = (account.to_owned(), party.plugin.clone());
        self.store
            .write(move |tx| {
                let before = tx.connection(&name)?.filter(|one| one.plugin == plugin);
                let mut connection = before.unwrap_or_default();
                connection.plugin = plugin;
                connection.target = Some(chosen);
                connection.checked = None;
                tx.set_connection(&name, Some(&connection))
            })
            .await?;
        self.check(account).await
    }

    /// How these accounts stand, or all; with a harmless call on each where `check`.
    ///
    /// # Errors
    /// One of them is not configured; the store's.
    pub async fn report(
        &self,
        names: &[String],
        check: bool,
    ) -> Result<Vec<AccountReport>, ApiError> {
        let config = self.config.borrow().clone();
        let names: BTreeSet<String> = if names.is_empty() {
            config.accounts.keys().cloned().collect()
        } else {
            names.iter().cloned().collect()
        };
        for name in &names {
            if !config.accounts.contains_key(name) {
                self.party(name)?;
            }
        }
        let reports: Vec<_> = futures_util::stream::iter(names)
            .map(|name| {
                let this = self.clone();
                async move {
                    if check {
                        this.check(&name).await
                    } else {
                        this.standing(&name)
                    }
                }
            })
            .buffered(AT_ONCE)
            .collect()
            .await;
        reports.into_iter().collect()
    }

    /// Makes the harmless call, and keeps what came of it.
    ///
    /// # Errors
    /// It is not configured; the store's.
    pub async fn check(&self, account: &str) -> Result<AccountReport, ApiError> {
        let Ok(on) = self.plugins.account(account) else {
            return self.standing(account);
        };
        let said = if on.plugin.has(Capability::Connection) {
            let answer = on.call(|plugin, subject| plugin.check(subject)).await;
            Some(answer.result.map(|standing| {
                let ok = !standing
                    .problems
                    .iter()
                    .any(|problem| problem.severity == Severity::Error);
                (ok, serde_json::to_string(&standing).unwrap_or_default())
            }))
        } else if on.plugin.has(Capability::Analytics) {
            // Reading the account's numbers is as harmless, and needs its token too.
            let answer = on
                .call(|plugin, subject| plugin.measure_account(subject))
                .await;
            match answer.result {
                Err(Fault::Unsupported(_)) => None,
                result => Some(result.map(|_| (true, String::new()))),
            }
        } else {
            None
        };
        let Some(said) = said else {
            return self.standing(account);
        };
        let now = self.clock.now();
        let checked = match said {
            Ok((ok, said)) => Checked { at: now, ok, said },
            Err(fault) => Checked {
                at: now,
                ok: false,
                said: fault.to_string(),
            },
        };
        let (name, plugin) = (account.to_owned(), on.plugin.name().to_string());
        let config = self.config.borrow().clone();
        self.store
            .write(move |tx| {
                if checked.ok {
                    // What was refused is let in again: its posts need not wait for a probe.
                    alarm::clear(tx, &Cause::unauthorized_key(&name), now)?;
                    publish::mend(tx, &config, std::slice::from_ref(&name), now)?;
                }
                let before = tx.connection(&name)?.filter(|one| one.plugin == plugin);
                let mut connection = before.unwrap_or_default();
                connection.plugin = plugin;
                connection.checked = Some(checked);
                tx.set_connection(&name, Some(&connection))
            })
            .await?;
        self.standing(account)
    }

    /// How an account stood at its latest check.
    ///
    /// # Errors
    /// It is not configured; the store's.
    pub fn standing(&self, account: &str) -> Result<AccountReport, ApiError> {
        let config = self.config.borrow().clone();
        let Some(configured) = config.accounts.get(account) else {
            return Err(ApiError::missing(format!(
                "there is no account `{account}`"
            )));
        };
        let mut report = AccountReport {
            account: configured.name.clone(),
            brand: configured.brand.clone(),
            plugin: configured.plugin.clone(),
            ready: None,
            missing: Vec::new(),
            checked_at: None,
            profile: None,
            url: None,
            target: None,
            tokens: Vec::new(),
            scopes: None,
            lacking: Vec::new(),
            quotas: Vec::new(),
            last_post: self.store.view().note(&posted_note(account))?,
            problems: Vec::new(),
        };
        let Some(party) = self.keeper.party(account) else {
            report.ready = Some(false);
            report
                .missing
                .push(format!("plugin `{}` is not loaded", configured.plugin));
            return Ok(report);
        };
        let connection = party.connection(self.store.view())?;
        self.tokens(&party, configured, &mut report)?;
        if let Some(connection) = connection {
            if let Some(ended) = &connection.ended {
                report.missing.push(format!(
                    "{}; `jarchi account auth {account}` connects it anew",
                    ended.reason
                ));
            }
            report.scopes.clone_from(&connection.scopes);
            if let Some(oauth) = party.oauth() {
                report.lacking = lacking(oauth, connection.scopes.as_ref());
            }
            report.target = connection
                .target
                .as_ref()
                .map(|target| format!("{} {} ({})", target.kind, target.name, target.id));
            report.url = connection
                .target
                .as_ref()
                .and_then(|target| target.url.clone());
            if let Some(checked) = connection.checked {
                report.checked_at = Some(checked.at);
                report.ready = Some(checked.ok);
                match (checked.ok, serde_json::from_str::<Standing>(&checked.said)) {
                    (_, Ok(standing)) => stand(&mut report, standing),
                    (true, Err(_)) => {}
                    (false, Err(_)) => report.missing.push(checked.said),
                }
            }
        }
        for (name, spec) in &party.manifest.settings {
            if spec.required && !party.settings.contains_key(name) {
                let chosen_by = match party.manifest.auth {
                    Some(AuthSpec::Oauth2(_)) => {
                        format!("; `jarchi account target {account}` shows what can be chosen")
                    }
                    _ => String::new(),
                };
                report
                    .missing
                    .push(format!("the setting `{name}` is missing{chosen_by}"));
            }
        }
        if !report.missing.is_empty() {
            report.ready = Some(false);
        }
        Ok(report)
    }

    fn tokens(
        &self,
        party: &Party,
        account: &Account,
        report: &mut AccountReport,
    ) -> Result<(), ApiError> {
        let connection = party.connection(self.store.view())?.unwrap_or_default();
        let oauth = party.oauth();
        let of_flow = |name: &str| oauth.is_some_and(|oauth| oauth.access_token == name);
        for (name, spec) in &party.manifest.secrets {
            let kept = if account.secrets.contains_key(name) {
                Some("configuration")
            } else {
                match self.keeper.vault().get(&party.plugin, &party.account, name) {
                    Ok(found) => found.map(|_| "vault"),
                    Err(error) => {
                        report.missing.push(error.to_string());
                        None
                    }
                }
            };
            let is_access = of_flow(name);
            let is_refresh =
                oauth.is_some_and(|oauth| oauth.refresh_token.as_deref() == Some(name));
            match kept {
                Some(from) => report.tokens.push(TokenReport {
                    secret: name.clone(),
                    from: from.to_owned(),
                    expires: match (from, is_access, is_refresh) {
                        ("vault", true, _) => connection.expires,
                        ("vault", _, true) => connection.refresh_expires,
                        _ => None,
                    },
                    refreshes: from == "vault" && is_access && connection.refreshes,
                }),
                None if is_access || (spec.required && !is_refresh) => {
                    let help = match party.manifest.auth {
                        Some(_) => format!("; `jarchi account auth {}` brings it", party.account),
                        None => String::new(),
                    };
                    report
                        .missing
                        .push(format!("the secret `{name}` is missing{help}"));
                }
                None => {}
            }
        }
        Ok(())
    }

    /// # Errors
    /// The store's.
    pub async fn forget(&self, account: &str) -> Result<usize, ApiError> {
        Ok(self.keeper.forget(account).await?)
    }
}

/// What the platform said.
fn stand(report: &mut AccountReport, standing: Standing) {
    report.profile = Some(standing.name);
    report.url = standing.url.or(report.url.take());
    if !standing.scopes.is_empty() {
        report.scopes = Some(standing.scopes);
    }
    for scope in standing.lacking {
        if !report.lacking.contains(&scope) {
            report.lacking.push(scope);
        }
    }
    report.quotas = standing.quotas;
    // What the platform says of the token's end counts where nothing else is known of it.
    if let Some(token) = report
        .tokens
        .iter_mut()
        .find(|token| token.expires.is_none())
    {
        token.expires = standing.expires;
    }
    for problem in &standing.problems {
        if problem.severity == Severity::Error {
            report.missing.push(problem.message.clone());
        }
    }
    report.problems = standing.problems;
}

fn written(account: &str) -> ApiError {
    ApiError::invalid(format!(
        "the secrets of account `{account}` stand in the configuration, which counts more: take \
         them out first"
    ))
}

/// The secrets that a user pastes: those that no answer brings.
fn pasted(party: &Party) -> Vec<SecretWanted> {
    let oauth = party.oauth();
    let refresh = oauth.and_then(|oauth| oauth.refresh_token.as_ref());
    let given = party
        .manifest
        .secrets
        .iter()
        .filter(|(name, spec)| spec.capture.is_empty() && refresh != Some(name));
    given
        .map(|(name, spec)| SecretWanted {
            name: name.clone(),
            description: spec.description.clone(),
            required: spec.required || oauth.is_some_and(|oauth| oauth.access_token == *name),
        })
        .collect()
}

fn host_of(endpoint: &str, party: &Party) -> String {
    party
        .address(endpoint)
        .ok()
        .and_then(|url| url.host_str().map(str::to_owned))
        .unwrap_or_default()
}
