//! The stations' view of the wasm host: an account is a connector, a generator's block a
//! generator.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use tokio::sync::watch;

use crate::account::{Keeper, settings_of};
use crate::config::{self, Config, WordRules};
use crate::content::{
    self, Batch, Brief, Generating, GeneratorDraft, GeneratorDue, Generators, Room,
};
use crate::media::Preparer;
use crate::model::{
    Draft, Fault, Id, MessagePage, Metric, Problem, Receipt, Reply, Severity, TimeSpan, Timestamp,
    Variant,
};
use crate::plugin::broker::Secrets;
use crate::plugin::{
    AccountLimits, CallError, Called, Capability, Due, KvStore, Plugin, PublishRequest, Registry,
    Subject,
};
use crate::publish::{
    Answer, Answering, Call, Connector, Connectors, Finding, Measured, Outcome, Preparation,
    Promise, Unavailable,
};
use crate::store::{Store, StoreError};

use super::inbox;
use super::prepare::{Preparing, Ready};

/// Secrets of an account or a generator: the configured ones over the captured ones.
pub trait SecretSource: Send + Sync + 'static {
    fn of(
        &self,
        plugin: &str,
        subject: &str,
        configured: &BTreeMap<String, secrecy::SecretString>,
    ) -> Arc<dyn Secrets>;
}

/// What is loaded, and for whom.
#[derive(Clone)]
pub struct Plugins {
    registry: Arc<Registry>,
    config: watch::Receiver<Arc<Config>>,
    secrets: Arc<dyn SecretSource>,
    keeper: Keeper,
    preparer: Preparer,
}

impl Plugins {
    pub fn new(
        registry: Arc<Registry>,
        config: watch::Receiver<Arc<Config>>,
        secrets: Arc<dyn SecretSource>,
        keeper: Keeper,
        preparer: Preparer,
    ) -> Self {
        Plugins {
            registry,
            config,
            secrets,
            keeper,
            preparer,
        }
    }

    /// An account on the plugin that is loaded now.
    ///
    /// # Errors
    /// It is not configured, or its plugin not loaded.
    pub(super) fn account(&self, account: &str) -> Result<Account, Unavailable> {
        let account = self
            .config
            .borrow()
            .accounts
            .get(account)
            .cloned()
            .ok_or_else(|| Unavailable(format!("account `{account}` is not configured")))?;
        let plugin = self.plugin(&account.plugin)?;
        let settings = settings_of(&account, plugin.manifest(), self.keeper.view());
        let subject = self.subject(
            &plugin,
            &account.name,
            &settings,
            &account.secrets,
            BTreeMap::new(),
        );
        let preparing = Preparing::new(&self.preparer, &self.config, &account, plugin.manifest());
        Ok(Account {
            plugin,
            preparing,
            words: account.words,
            subject,
            keeper: self.keeper.clone(),
        })
    }

    fn plugin(&self, name: &str) -> Result<Plugin, Unavailable> {
        self.registry
            .get(name)
            .ok_or_else(|| Unavailable(format!("plugin `{name}` is not loaded")))
    }

    fn subject(
        &self,
        plugin: &Plugin,
        name: &str,
        settings: &serde_json::Map<String, serde_json::Value>,
        secrets: &BTreeMap<String, secrecy::SecretString>,
        folders: BTreeMap<String, std::path::PathBuf>,
    ) -> Subject {
        Subject {
            name: name.into(),
            settings: Arc::new(config::with_defaults(settings, plugin.manifest())),
            secrets: self.secrets.of(plugin.name(), name, secrets),
            folders: Arc::new(folders),
        }
    }

    async fn generate(&self, brief: Brief) -> Result<Batch, Fault> {
        let block = brief.generator;
        let plugin = self
            .plugin(&block.plugin)
            .map_err(|error| Fault::Transient(error.to_string()))?;
        if !plugin.has(Capability::Generator) {
            return Err(Fault::Invalid(format!(
                "plugin `{}` is no generator",
                block.plugin
            )));
        }
        let subject = self.subject(
            &plugin,
            &block.name,
            &block.settings,
            &block.secrets,
            block.folders.clone(),
        );
        let asked = crate::plugin::Brief {
            brand: block.brand.clone(),
            languages: brief.languages,
            time_zone: brief.time_zone.name().to_owned(),
            now: brief.now,
            wanted: brief.wanted,
            slot: brief.slot,
            pillar: brief.pillar.map(|pillar| crate::plugin::Pillar {
                name: pillar.name,
                promotional: pillar.promotional,
                description: pillar.description,
            }),
            campaign: brief.campaign.map(|campaign| crate::plugin::Campaign {
                name: campaign.name,
                goal: campaign.goal,
                link: campaign.link,
            }),
            voice: brief.voice.map(|voice| crate::plugin::Voice {
                tone: voice.tone,
                examples: voice.examples,
                taboos: voice.taboos,
                audience: voice.audience,
                call_to_action: voice.call_to_action,
            }),
            accounts: self.limits_of(&brief.accounts),
            hashtags: brief.hashtags,
            recent: brief.recent,
            feedback: brief.feedback,
            history: brief.history,
            topics: brief.topics,
        };
        let batch = answer(plugin.generate(&subject, &asked).await).result?;
        let drafts = batch
            .drafts
            .into_iter()
            .map(|draft| GeneratorDraft {
                key: draft.key,
                revision: draft.revision,
                draft: draft.draft,
                accounts: draft.accounts,
                pillar: draft.pillar,
                campaign: draft.campaign,
                due: draft.due.map(|due| match due {
                    Due::At(moment) => GeneratorDue::At(moment),
                    Due::Local(text) => GeneratorDue::Local(text),
                }),
                repeat_after: draft.repeat_after,
                source: draft.source,
                provenance: draft.provenance,
            })
            .collect();
        Ok(Batch {
            plugin: format!("{} {}", plugin.name(), plugin.manifest().version),
            drafts,
            complete: batch.complete,
            problems: batch.problems,
            topics: batch.topics,
        })
    }

    fn limits_of(&self, accounts: &[String]) -> Vec<AccountLimits> {
        let config = self.config.borrow();
        accounts
            .iter()
            .filter_map(|name| config.accounts.get(name))
            .filter_map(|account| {
                let plugin = self.registry.get(&account.plugin)?;
                let limits = &plugin.manifest().limits;
                Some(AccountLimits {
                    account: account.name.clone(),
                    plugin: account.plugin.clone(),
                    text: limits.text,
                    media: limits.media,
                    polls: limits.polls,
                    threads: limits.threads,
                })
            })
            .collect()
    }
}

impl Generators for Plugins {
    fn generate(&self, brief: Brief) -> Generating<'_> {
        Box::pin(self.generate(brief))
    }

    fn wants_history(&self, generator: &config::GeneratorConfig) -> bool {
        let plugin = self.registry.get(&generator.plugin);
        plugin.is_some_and(|plugin| plugin.manifest().history)
    }
}

impl Connectors for Plugins {
    fn connector(&self, account: &str) -> Result<Arc<dyn Connector>, Unavailable> {
        let account = self.account(account)?;
        if !account.plugin.has(Capability::Publisher) {
            return Err(Unavailable(format!(
                "plugin `{}` publishes nothing",
                account.plugin.name()
            )));
        }
        Ok(Arc::new(account))
    }
}

/// One account, on the plugin that was loaded when it was asked for.
pub(super) struct Account {
    pub(super) plugin: Plugin,
    preparing: Preparing,
    words: WordRules,
    subject: Subject,
    keeper: Keeper,
}

impl Account {
    /// A call with a token that lasts. Where the platform refuses it all the same, and
    /// there is another to be had, the call is made once more: a plugin that says
    /// `unauthorized` says that nothing was done.
    pub(super) async fn call<'a, T, F>(
        &'a self,
        call: impl Fn(&'a Plugin, &'a Subject) -> F,
    ) -> Answer<T>
    where
        F: Future<Output = Called<T>> + Send,
    {
        let name = &self.subject.name;
        let generation = match self.keeper.ready(name).await {
            Ok(generation) => generation,
            Err(fault) => {
                return Answer {
                    result: Err(fault),
                    sent: false,
                    requests: 0,
                };
            }
        };
        let first = answer(call(&self.plugin, &self.subject).await);
        match (&first.result, generation) {
            (Err(Fault::Unauthorized(_)), Some(generation))
                if self.keeper.renew(name, generation).await =>
            {
                let mut second = answer(call(&self.plugin, &self.subject).await);
                second.requests = second.requests.saturating_add(first.requests);
                second
            }
            _ => first,
        }
    }
}

/// A call's end in the queue's terms: what the plugin says, else what the sandbox saw.
fn answer<T>(called: Called<T>) -> Answer<T> {
    // A plugin that ends by itself knows what it has sent; of a call that broke off, the
    // broker does.
    let mut sent = false;
    let result = called.result.map_err(|error| match error {
        CallError::Fault(fault) => fault,
        other => {
            tracing::warn!(error = format!("{other:#}"), "a plugin's call broke off");
            sent = other.requests_sent();
            Fault::Transient(other.to_string())
        }
    });
    Answer {
        result,
        sent,
        requests: called.usage.http_calls,
    }
}

fn request(call: &Call) -> PublishRequest<'_> {
    PublishRequest {
        draft: &call.draft,
        key: &call.delivery.key,
        created_at: call.delivery.created_at,
        due: call.delivery.due,
        attempt: call.attempt,
    }
}

fn outcome(outcome: crate::plugin::Outcome) -> Outcome {
    match outcome {
        crate::plugin::Outcome::Published(receipt) => Outcome::Published(receipt),
        crate::plugin::Outcome::Processing { progress, after } => {
            Outcome::Processing(progress, after)
        }
    }
}

fn map<T, U>(answer: Answer<T>, into: impl FnOnce(T) -> U) -> Answer<U> {
    Answer {
        result: answer.result.map(into),
        sent: answer.sent,
        requests: answer.requests,
    }
}

impl Connector for Account {
    fn promise(&self) -> Promise {
        let spec = &self.plugin.manifest().delivery;
        Promise {
            idempotent_for: spec.idempotent_for.map(TimeSpan::from_secs),
            can_look_up: spec.can_look_up,
            may_look_up: spec.may_look_up,
            visible_after: TimeSpan::from_secs(spec.visible_after),
        }
    }

    fn variant(&self, draft: &Draft) -> Option<Variant> {
        let manifest = self.plugin.manifest();
        let room = Room {
            text: manifest.limits.text.map(|limit| limit as usize),
            count: manifest.limits.count,
            threads: manifest.limits.threads,
        };
        content::variant(draft, &self.subject.name, &manifest.name, &self.words, room)
    }

    fn validate(&self, draft: Draft) -> Answering<'_, Vec<Problem>> {
        Box::pin(async move {
            let Ready {
                draft, problems, ..
            } = self.preparing.ready(draft).await;
            // What is wrong with a file is told before the plugin says it in its words.
            let refused = problems
                .iter()
                .filter(|found| found.severity == Severity::Error);
            let told: Vec<String> = refused.map(|found| found.place.clone()).collect();
            let answer = self
                .call(|plugin, subject| plugin.validate(subject, &draft))
                .await;
            map(answer, |found| {
                let others = found.into_iter();
                let others = others.filter(|found| !told.contains(&found.place));
                problems.into_iter().chain(others).collect()
            })
        })
    }

    fn prepare(&self, draft: Draft) -> Preparation<'_> {
        Box::pin(async move {
            let ready = self.preparing.ready(draft).await;
            match ready.fault {
                Some(fault) => Err(fault),
                None => Ok(ready.draft),
            }
        })
    }

    fn publish(&self, call: Call) -> Answering<'_, Outcome> {
        Box::pin(async move {
            let answer = self
                .call(|plugin, subject| plugin.publish(subject, request(&call)))
                .await;
            map(answer, outcome)
        })
    }

    fn resume(&self, call: Call, state: String) -> Answering<'_, Outcome> {
        Box::pin(async move {
            let answer = self
                .call(|plugin, subject| plugin.resume(subject, request(&call), &state))
                .await;
            map(answer, outcome)
        })
    }

    fn find_published(
        &self,
        call: Call,
        state: Option<String>,
        since: Timestamp,
    ) -> Answering<'_, Finding> {
        Box::pin(async move {
            let answer = self
                .call(|plugin, subject| {
                    plugin.find_published(subject, request(&call), state.as_deref(), since)
                })
                .await;
            map(answer, |finding| match finding {
                crate::plugin::Finding::Found(receipt) => Finding::Found(receipt),
                crate::plugin::Finding::Partial { progress, after } => {
                    Finding::Partial(progress, after)
                }
                crate::plugin::Finding::Absent => Finding::Absent,
                crate::plugin::Finding::CannotTell(reason) => Finding::CannotTell(reason),
            })
        })
    }

    fn delete(&self, receipt: Receipt) -> Answering<'_, ()> {
        Box::pin(async move {
            self.call(|plugin, subject| plugin.delete(subject, &receipt))
                .await
        })
    }

    fn measure_posts(&self, receipts: Vec<(Id, Receipt)>) -> Answering<'_, Vec<Measured>> {
        Box::pin(async move {
            let plain: Vec<Receipt> = receipts
                .iter()
                .map(|(_, receipt)| receipt.clone())
                .collect();
            let answer = self
                .call(|plugin, subject| plugin.measure_posts(subject, &plain))
                .await;
            map(answer, |measured| {
                measured
                    .into_iter()
                    .filter_map(|post| {
                        let (delivery, _) =
                            receipts.iter().find(|(_, receipt)| receipt.id == post.id)?;
                        Some(Measured {
                            delivery: *delivery,
                            metrics: post.metrics,
                            gone: post.gone,
                        })
                    })
                    .collect()
            })
        })
    }

    fn measure_account(&self) -> Answering<'_, Vec<Metric>> {
        Box::pin(async move {
            self.call(|plugin, subject| plugin.measure_account(subject))
                .await
        })
    }

    fn fetch(&self, cursor: Option<String>) -> Answering<'_, MessagePage> {
        Box::pin(async move {
            let answer = self
                .call(|plugin, subject| plugin.fetch_messages(subject, cursor.clone()))
                .await;
            map(answer, inbox::page)
        })
    }

    fn reply(&self, reply: Reply) -> Answering<'_, Receipt> {
        Box::pin(async move {
            self.call(|plugin, subject| plugin.reply(subject, inbox::answer(&reply)))
                .await
        })
    }
}

/// The plugins' own memory, in the store.
#[derive(Clone)]
pub struct StoredKv(pub Store);

impl KvStore for StoredKv {
    fn get(&self, plugin: &str, subject: &str, key: &str) -> Result<Option<Vec<u8>>, String> {
        self.0
            .view()
            .plugin_value(plugin, subject, key)
            .map_err(|error| error.to_string())
    }

    fn keys(&self, plugin: &str, subject: &str, prefix: &str) -> Result<Vec<String>, String> {
        self.0
            .view()
            .plugin_keys(plugin, subject, prefix)
            .map_err(|error| error.to_string())
    }

    fn usage(&self, plugin: &str, subject: &str) -> Result<u64, String> {
        self.0
            .view()
            .plugin_usage(plugin, subject)
            .map_err(|error| error.to_string())
    }

    fn commit(
        &self,
        plugin: &str,
        subject: &str,
        changes: Vec<(String, Option<Vec<u8>>)>,
    ) -> Result<(), String> {
        let (plugin, subject) = (plugin.to_owned(), subject.to_owned());
        self.0
            .write_blocking(move |tx| {
                tx.set_plugin_values(&plugin, &subject, changes);
                Ok::<_, StoreError>(())
            })
            .map_err(|error| error.to_string())
    }
}
