//! From a due job to the station that does it.

use std::sync::Arc;

use tokio::sync::watch;

use crate::account::Keeper;
use crate::alarm::{self, Cause};
use crate::clock::Clock;
use crate::config::Config;
use crate::content::{self, Generators};
use crate::measure::Collector;
use crate::media::Created;
use crate::model::{Fault, Job, Timestamp, Work};
use crate::plan;
use crate::publish::{self, Connectors, Publisher};
use crate::queue::{Disposition, Group, Worker, Working};
use crate::store::{Store, StoreError, Tx};

use super::alarms::Alarms;
use super::consult::{self, Consult};
use super::upkeep;

pub(super) struct Stations {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) config: watch::Receiver<Arc<Config>>,
    pub(super) publisher: Publisher,
    pub(super) collector: Collector,
    pub(super) generators: Arc<dyn Generators>,
    pub(super) connectors: Arc<dyn Connectors>,
    pub(super) alarms: Arc<Alarms>,
    pub(super) consult: Consult,
    /// None: nobody keeps tokens.
    pub(super) keeper: Option<Keeper>,
    /// None: generators make no files.
    pub(super) created: Option<Arc<Created>>,
}

impl Stations {
    async fn work(&self, job: Job) -> Disposition {
        match &job.work {
            Work::Publish { delivery } => self.publisher.run(&job, *delivery).await,
            Work::Generate { generator } => done(self.generate(generator).await),
            Work::MeasurePosts { account } => done(self.collector.posts(account).await.map(|_| ())),
            Work::MeasureAccount { account } => match self.collector.account(account).await {
                Ok(None) => Disposition::Done,
                Ok(Some(later)) => Disposition::Later(later),
                Err(fault) => done(Err(fault)),
            },
            Work::MeasureAges { account } => self.collector.by_age(&job, account).await,
            Work::Plan { brand, days } => done(self.plan(brand.as_deref(), *days).await),
            Work::Fill { planned } => {
                let config = self.config.borrow().clone();
                let (generators, connectors) = (&*self.generators, &*self.connectors);
                let now = self.clock.now();
                plan::fill(
                    &self.store,
                    &config,
                    generators,
                    connectors,
                    *planned,
                    job.id,
                    now,
                )
                .await
            }
            Work::Deadline { post } => {
                let now = self.clock.now();
                match publish::see_to_deadline(&self.store, *post, job.id, now).await {
                    Ok(disposition) => disposition,
                    Err(error) => Disposition::Fault(Fault::Transient(error.to_string())),
                }
            }
            Work::Consult => self.consult.run().await,
            Work::Reply { account, reply } => self.consult.reply(job.id, account, reply).await,
            Work::Watch => self.alarms.watch(&job).await,
            Work::Refresh { account } => match &self.keeper {
                Some(keeper) => keeper.run(&job, account).await,
                None => Disposition::Done,
            },
            Work::Notify { channel, notice } => self.alarms.notify(&job, channel, notice).await,
            Work::Idle { .. } => Disposition::Done,
            Work::Backup { folder, keep } => {
                done(upkeep::backup(self, folder.clone(), *keep).await)
            }
            Work::Tidy => done(upkeep::tidy(self).await),
        }
    }

    async fn generate(&self, name: &str) -> Result<(), Fault> {
        let config = self.config.borrow().clone();
        let now = self.clock.now();
        let generators = self.generators.as_ref();
        content::generate(&self.store, &config, generators, name, now).await?;
        Ok(())
    }

    /// Plans one brand, or all that have pillars.
    async fn plan(&self, only: Option<&str>, days: u32) -> Result<(), Fault> {
        let config = self.config.borrow().clone();
        let now = self.clock.now();
        let span = plan::Span {
            from: now,
            days,
            seed: 0,
        };
        let brands = config.brands.values().filter(|brand| {
            only.is_none_or(|name| brand.name == name) && brand.strategy.planned().next().is_some()
        });
        for brand in brands {
            plan::run(&self.store, &config, brand, span, now)
                .await
                .map_err(|error| Fault::Transient(error.to_string()))?;
        }
        Ok(())
    }
}

/// Periodic work comes back with its schedule: what will not succeed by being repeated is
/// told, and not kept.
fn done(result: Result<(), Fault>) -> Disposition {
    match result {
        Ok(()) => Disposition::Done,
        Err(fault @ Fault::Unsupported(_)) => {
            tracing::info!(%fault, "nothing to do");
            Disposition::Done
        }
        Err(fault) => Disposition::Fault(fault),
    }
}

impl Worker for Stations {
    fn run(&self, job: Job) -> Working<'_> {
        Box::pin(self.work(job))
    }

    fn done(&self, tx: &mut Tx<'_>, job: &Job, now: Timestamp) -> Result<(), StoreError> {
        if let Work::Reply { .. } = job.work {
            consult::forget_reply(tx, job.id);
        }
        match Cause::work_key(&job.work) {
            Some(key) => alarm::clear(tx, &key, now),
            None => Ok(()),
        }
    }

    fn buried(
        &self,
        tx: &mut Tx<'_>,
        job: &Job,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if let Work::Fill { planned } = job.work {
            return plan::buried(tx, planned, reason, now);
        }
        match Cause::dead_letter(job, reason) {
            Some(cause) => alarm::raise(tx, &cause, now),
            None => Ok(()),
        }
    }

    /// Lanes are `account:NAME`, `measure:NAME`, `auth:NAME` and `generate:NAME`; they share the bound
    /// of their plugin. A channel's lane, `alarm:NAME`, is alone.
    fn group(&self, lane: &str) -> Group {
        if lane.starts_with(alarm::WATCH_LANE) {
            return Group {
                name: lane.to_owned(),
                limit: 1,
            };
        }
        let config = self.config.borrow();
        let plugin = lane.split_once(':').and_then(|(kind, name)| match kind {
            "generate" => config
                .generators
                .get(name)
                .map(|generator| &generator.plugin),
            _ => config.accounts.get(name).map(|account| &account.plugin),
        });
        let limit = plugin
            .and_then(|plugin| config.plugins.get(plugin))
            .map_or(DEFAULT_LIMIT, |plugin| plugin.concurrency);
        Group {
            name: plugin.cloned().unwrap_or_default(),
            limit,
        }
    }
}

/// Jobs at once in lanes of no plugin: their accounts are not configured any more.
const DEFAULT_LIMIT: usize = 8;
