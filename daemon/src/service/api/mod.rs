//! What the command line and scripts ask of Jarchi: one request type, answered by the
//! running daemon over its socket, or by the command itself on the store where no daemon
//! runs.

mod answers;
mod learn;
mod media;
mod metrics;
mod plan;
mod post;
mod request;
mod review;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::config::{AlarmConfig, Config};
use crate::content::{AcceptError, Generators};
use crate::cron::Cron;
use crate::model::{Id, Work};
use crate::plan::{self as plan_of, PlanError};
use crate::publish::{self, CommandError, Connectors, Resolution};
use crate::service::{Accounts, Links};
use crate::store::{Again, DeliveryFilter, JobFilter, Store, StoreError};

pub(super) use answers::local;
pub use answers::{
    AlarmList, AlarmTest, BreakerLine, Deliveries, DeliveryLine, Held, PostDetail, PostLine,
    Posted, Posts, QueueList, Released, ScheduleLine, Schedules, Status,
};
pub use learn::{Chance, LearnReport, LearnedAccount, LearnedGroup, LearnedHour};
pub use media::{MediaUse, MediaUses};
pub use metrics::{Metrics, MetricsOf, MetricsPage, MetricsQuery, Series, SeriesId};
pub use plan::{Calendar, CalendarDay, CalendarEntry};
pub use post::{Attachment, PostRequest};
pub use request::Request;
pub use review::{ReviewLine, Reviewed, Reviews};

#[derive(Clone, Debug, thiserror::Error, Serialize, Deserialize)]
#[serde(tag = "error", rename_all = "kebab-case")]
pub enum ApiError {
    /// The caller's mistake.
    #[error("{message}")]
    Invalid { message: String },
    #[error("{message}")]
    Missing { message: String },
    #[error("{message}")]
    Conflict { message: String },
    #[error("{message}")]
    Unavailable { message: String },
}

impl ApiError {
    pub fn invalid(message: impl Into<String>) -> Self {
        ApiError::Invalid {
            message: message.into(),
        }
    }
    pub fn missing(message: impl Into<String>) -> Self {
        ApiError::Missing {
            message: message.into(),
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        ApiError::Unavailable {
            message: error.to_string(),
        }
    }
}

impl From<CommandError> for ApiError {
    fn from(error: CommandError) -> Self {
        let message = error.to_string();
        match error {
            CommandError::Missing(_) => ApiError::Missing { message },
            CommandError::Refused(..) => ApiError::Conflict { message },
            CommandError::Store(_) => ApiError::Unavailable { message },
        }
    }
}

impl From<PlanError> for ApiError {
    fn from(error: PlanError) -> Self {
        let message = error.to_string();
        match error {
            PlanError::Missing(_) => ApiError::Missing { message },
            PlanError::Refused(..) => ApiError::Conflict { message },
            PlanError::Store(_) => ApiError::Unavailable { message },
        }
    }
}

impl From<AcceptError> for ApiError {
    fn from(error: AcceptError) -> Self {
        match error {
            AcceptError::Store(error) => error.into(),
            error => ApiError::invalid(error.to_string()),
        }
    }
}

/// Asks the daemon to read its configuration again; ends when the new one is in force.
pub type Reload = Arc<dyn Fn() -> BoxFuture<'static, Result<String, String>> + Send + Sync>;

/// Sends a test to a channel, and says how it went.
pub type AlarmTester =
    Arc<dyn Fn(AlarmConfig) -> BoxFuture<'static, Result<String, String>> + Send + Sync>;

#[derive(Clone)]
pub struct Api {
    pub store: Store,
    pub clock: Clock,
    pub config: watch::Receiver<Arc<Config>>,
    /// None: plugins are not loaded, posts are checked when they are due.
    pub connectors: Option<Arc<dyn Connectors>>,
    pub generators: Option<Arc<dyn Generators>>,
    /// None: nobody asks whether links answer.
    pub links: Option<Links>,
    /// None: no daemon runs.
    pub alarms: Option<AlarmTester>,
    /// None: no daemon runs.
    pub reload: Option<Reload>,
    /// None: plugins are not loaded, and the vault is closed.
    pub accounts: Option<Accounts>,
}

impl Api {
    /// Answers one request with the JSON of its answer's type.
    ///
    /// # Errors
    /// In the caller's words.
    pub async fn handle(&self, request: Request) -> Result<Value, ApiError> {
        let now = self.clock.now();
        match request {
            Request::Post(request) => json(&self.post(*request).await?),
            Request::Posts { limit } => json(&self.posts(limit)?),
            Request::MediaUses => json(&self.media_uses().await?),
            Request::ShowPost { post } => json(&self.show_post(post)?),
            Request::Queue {
                account,
                all,
                dead,
                limit,
            } => json(&self.queue(account, all, dead, limit)?),
            Request::ShowDelivery { delivery } => {
                let found = self
                    .store
                    .view()
                    .delivery(delivery)?
                    .ok_or_else(|| ApiError::from(CommandError::Missing(delivery)))?;
                json(&Deliveries {
                    deliveries: vec![found],
                })
            }
            Request::Cancel { delivery } => {
                let reason = "cancelled by command".to_owned();
                let changed = publish::cancel(&self.store, delivery, reason, now).await?;
                json(&self.line(&changed)?)
            }
            Request::Retry { delivery } => {
                let changed = publish::retry(&self.store, delivery, now).await?;
                self.mend(vec![changed.account.clone()]).await?;
                json(&self.line(&changed)?)
            }
            Request::Move { delivery, due } => {
                let account = self
                    .store
                    .view()
                    .delivery(delivery)?
                    .ok_or_else(|| ApiError::from(CommandError::Missing(delivery)))?
                    .account;
                let due = self.moment(&due, &account)?;
                let changed = publish::move_to(&self.store, delivery, due, now).await?;
                json(&self.line(&changed)?)
            }
            Request::Resolve {
                delivery,
                published,
            } => {
                let resolution = match published {
                    Some(url) => Resolution::Published(url),
                    None => Resolution::Retry,
                };
                let changed = publish::resolve(&self.store, delivery, resolution, now).await?;
                json(&self.line(&changed)?)
            }
            Request::Reviews => json(&self.reviews()?),
            Request::Approve { post } => json(&self.approve(post).await?),
            Request::Reject { post, because } => json(&self.reject(post, because).await?),
            Request::Edit {
                post,
                text,
                account,
            } => json(&self.edit(post, text, account).await?),
            Request::RetryJob { job } => json(&self.retry_job(job).await?),
            Request::Metrics { post } => json(&self.post_metrics(post)?),
            Request::AccountMetrics { account } => json(&self.account_metrics(&account)?),
            Request::QueryMetrics(query) => json(&self.query_metrics(*query).await?),
            Request::ExportMetrics { account, behind } => {
                json(&self.metrics_page(account.as_deref(), behind)?)
            }
            Request::Schedules { count } => json(&self.schedules(count)?),
            Request::Generate { generator } => json(&self.ask_generator(generator).await?),
            Request::Measure => json(&self.measure_now().await?),
            Request::Hold { scope } => {
                self.accounts_in(&scope)?;
                publish::hold(&self.store, &scope, now).await?;
                json(&Held { scope, since: now })
            }
            Request::Release { scope } => {
                let accounts = self.accounts_in(&scope)?;
                self.mend(accounts.clone()).await?;
                let woken = publish::release(&self.store, &scope, accounts, now).await?;
                json(&Released { scope, woken })
            }
            Request::AuthAccount {
                account,
                redirect,
                scopes,
                token,
            } => {
                let accounts = self.accounts()?;
                json(&match token {
                    true => accounts.begin_pasting(&account)?,
                    false => accounts.begin(&account, &redirect, &scopes)?,
                })
            }
            Request::AnswerAuth {
                account,
                state,
                answer,
            } => {
                let accounts = self.accounts()?;
                json(&accounts.finish(&account, &state.0, &answer.0).await?)
            }
            Request::KeepSecrets { account, secrets } => {
                json(&self.accounts()?.paste(&account, secrets).await?)
            }
            Request::Targets { account } => json(&self.accounts()?.targets(&account).await?),
            Request::ChooseTarget { account, target } => {
                json(&self.accounts()?.choose(&account, &target).await?)
            }
            Request::Accounts { names, check } => {
                json(&self.accounts()?.report(&names, check).await?)
            }
            Request::ForgetAccount { account } => json(&self.accounts()?.forget(&account).await?),
            Request::Alarms => json(&self.alarms()?),
            Request::TestAlarm { name } => json(&self.test_alarm(name).await?),
            Request::Status => json(&self.status()?),
            Request::Plan {
                brand,
                days,
                seed,
                dry_run,
            } => json(&self.plan(brand, days, seed, dry_run).await?),
            Request::Learned { brand } => json(&self.learned(brand).await?),
            Request::Goals { brand } => json(&self.goals(brand).await?),
            Request::Lessons { brand, limit } => json(&self.lessons(brand, limit)?),
            Request::PinLearned {
                brand,
                name,
                value,
                keep,
            } => {
                let changed = self.pin_learned(brand, &name, value.as_deref(), keep);
                json(&changed.await?)
            }
            Request::Calendar { week, brand } => json(&self.calendar(week, brand)?),
            Request::MovePlanned { planned, to } => json(&self.move_planned(planned, &to).await?),
            Request::SwapPlanned { planned, other } => {
                let config = self.config();
                json(&plan_of::swap(&self.store, &config, planned, other, now).await?)
            }
            Request::RegeneratePlanned { planned, because } => {
                json(&[plan_of::regenerate(&self.store, planned, because, now).await?])
            }
            Request::LockPlanned { planned, locked } => {
                json(&[plan_of::lock(&self.store, planned, locked).await?])
            }
            Request::CancelPlanned { planned } => {
                json(&[plan_of::cancel(&self.store, planned, now).await?])
            }
            Request::Backup { target } => {
                let store = self.store.clone();
                let writing = tokio::task::spawn_blocking(move || {
                    crate::store::backup(&store, &target, now, |_| {})
                });
                let report = writing.await.map_err(|error| ApiError::Unavailable {
                    message: error.to_string(),
                })?;
                json(&report.map_err(|error| match error {
                    StoreError::Invalid(message) => ApiError::Invalid { message },
                    error => error.into(),
                })?)
            }
            Request::Reload => match &self.reload {
                Some(reload) => json(&reload().await.map_err(ApiError::invalid)?),
                None => Err(ApiError::invalid(
                    "no daemon runs: it reads the configuration when it starts",
                )),
            },
        }
    }

    fn accounts(&self) -> Result<&Accounts, ApiError> {
        self.accounts.as_ref().ok_or_else(|| ApiError::Unavailable {
            message: "accounts are not at hand".to_owned(),
        })
    }

    fn config(&self) -> Arc<Config> {
        self.config.borrow().clone()
    }

    /// Somebody wants it tried: no breaker is in the way.
    async fn mend(&self, accounts: Vec<String>) -> Result<(), ApiError> {
        let (config, now) = (self.config(), self.clock.now());
        let mended = self
            .store
            .write(move |tx| publish::mend(tx, &config, &accounts, now))
            .await;
        Ok(mended?)
    }

    async fn test_alarm(&self, name: Option<String>) -> Result<Vec<AlarmTest>, ApiError> {
        let config = self.config();
        let Some(tester) = &self.alarms else {
            return Err(ApiError::invalid(
                "no daemon runs: `jarchi run` starts it, and then alarms can be tested",
            ));
        };
        let channels: Vec<AlarmConfig> = match &name {
            Some(name) => match config.alarms.get(name) {
                Some(alarm) => vec![alarm.clone()],
                None => {
                    return Err(ApiError::missing(format!("there is no alarm `{name}`")));
                }
            },
            None => config.alarms.values().cloned().collect(),
        };
        if channels.is_empty() {
            return Err(ApiError::missing(
                "no alarm is configured: add an `[[alarm]]` with `webhook`, `email` or `account`",
            ));
        }
        let mut tests = Vec::new();
        for alarm in channels {
            let channel = alarm.name.clone();
            let result = tester(alarm).await;
            tests.push(AlarmTest {
                channel,
                ok: result.is_ok(),
                message: result.unwrap_or_else(|error| error),
            });
        }
        Ok(tests)
    }

    async fn retry_job(&self, id: Id) -> Result<Id, ApiError> {
        let now = self.clock.now();
        self.store
            .write(move |tx| {
                match tx.job(id)? {
                    Some(job) if job.dead.is_some() => {}
                    Some(_) => {
                        return Err(ApiError::invalid(format!("job {id} is no dead letter")));
                    }
                    None => return Err(ApiError::missing(format!("there is no job {id}"))),
                }
                tx.reschedule(id, now, Again::Fresh)?;
                Ok(id)
            })
            .await
    }

    async fn ask_generator(&self, generator: String) -> Result<Option<Id>, ApiError> {
        let config = self.config();
        if !config.generators.contains_key(&generator) {
            return Err(ApiError::missing(format!(
                "there is no generator `{generator}`"
            )));
        }
        let now = self.clock.now();
        let jobs = crate::schedule::jobs(&config, &crate::config::Run::Generate(generator), now);
        let id = self
            .store
            .write(move |tx| {
                crate::schedule::enqueue(tx, jobs, crate::schedule::Waiting::Hastens, now)
            })
            .await?;
        Ok(id)
    }

    async fn measure_now(&self) -> Result<Option<Id>, ApiError> {
        let config = self.config();
        let now = self.clock.now();
        let mut jobs = crate::schedule::jobs(&config, &crate::config::Run::MeasurePosts(None), now);
        jobs.extend(crate::schedule::jobs(
            &config,
            &crate::config::Run::MeasureAccounts(None),
            now,
        ));
        let id = self
            .store
            .write(move |tx| {
                crate::schedule::enqueue(tx, jobs, crate::schedule::Waiting::Hastens, now)
            })
            .await?;
        Ok(id)
    }

    /// Accounts under a hold's scope: `all`, `brand:NAME`, `account:NAME`.
    fn accounts_in(&self, scope: &str) -> Result<Vec<String>, ApiError> {
        let config = self.config();
        let accounts = |wanted: &dyn Fn(&crate::config::Account) -> bool| -> Vec<String> {
            config
                .accounts
                .values()
                .filter(|account| wanted(account))
                .map(|account| account.name.clone())
                .collect()
        };
        match scope.split_once(':') {
            None if scope == "all" => Ok(accounts(&|_| true)),
            Some(("brand", name)) if config.brands.contains_key(name) => {
                Ok(accounts(&|account| account.brand == name))
            }
            Some(("account", name)) if config.accounts.contains_key(name) => {
                Ok(vec![name.to_owned()])
            }
            Some(("brand" | "account", name)) => {
                Err(ApiError::missing(format!("`{name}` is not configured")))
            }
            _ => Err(ApiError::invalid(format!(
                "`{scope}`: a hold is over `all`, `brand:NAME` or `account:NAME`"
            ))),
        }
    }

    fn schedules(&self, count: usize) -> Result<Schedules, ApiError> {
        let config = self.config();
        let now = self.clock.now();
        let view = self.store.view();
        let mut schedules = Vec::new();
        for schedule in config.schedules.values() {
            let cron = Cron::parse(&schedule.cron)
                .map_err(|error| ApiError::invalid(error.to_string()))?;
            let mut next = Vec::new();
            let mut after = now;
            while next.len() < count
                && let Some(fire) = cron.next_after(after, schedule.time_zone)
            {
                next.push(fire);
                after = fire;
            }
            schedules.push(ScheduleLine {
                name: schedule.name.clone(),
                cron: schedule.cron.clone(),
                time_zone: schedule.time_zone.name().to_owned(),
                run: answers::run_words(&schedule.run),
                last: view.last_trigger(&schedule.name)?,
                next_local: next
                    .iter()
                    .map(|fire| answers::local(*fire, schedule.time_zone))
                    .collect(),
                next,
            });
        }
        Ok(Schedules { schedules })
    }

    fn queue(
        &self,
        account: Option<String>,
        all: bool,
        dead: bool,
        limit: usize,
    ) -> Result<QueueList, ApiError> {
        let view = self.store.view();
        if let Some(name) = &account
            && !self.config().accounts.contains_key(name)
        {
            return Err(ApiError::missing(format!("there is no account `{name}`")));
        }
        let filter = DeliveryFilter {
            account,
            open: !all,
            ..DeliveryFilter::default()
        };
        let found = view.deliveries(&filter, if dead { usize::MAX } else { limit })?;
        let mut deliveries = Vec::new();
        for delivery in found {
            use crate::model::State;
            let is_dead = matches!(delivery.state, State::Failed { .. } | State::Parked { .. });
            if dead && !is_dead {
                continue;
            }
            if deliveries.len() == limit {
                break;
            }
            deliveries.push(self.line(&delivery)?);
        }
        let filters: &[JobFilter] = if dead {
            &[JobFilter::Dead]
        } else {
            &[JobFilter::Running, JobFilter::Waiting, JobFilter::Dead]
        };
        let mut jobs = Vec::new();
        for filter in filters {
            for job in view.jobs(*filter, limit)? {
                if !matches!(
                    job.work,
                    Work::Publish { .. } | Work::Watch | Work::Consult | Work::Refresh { .. }
                ) {
                    jobs.push(job);
                }
            }
        }
        Ok(QueueList { deliveries, jobs })
    }
}

fn json<T: Serialize>(answer: &T) -> Result<Value, ApiError> {
    serde_json::to_value(answer).map_err(|error| ApiError::Unavailable {
        message: error.to_string(),
    })
}
