//! Asks connectors for numbers, and writes down what they say.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;

use super::{agenda, ages, gauges, measured_note};
use crate::alarm::{self, Cause};
use crate::clock::Clock;
use crate::config::{Config, Measuring};
use crate::model::{Fault, Id, Job, JobFault, Receipt, Sample, State, TimeSpan, Timestamp};
use crate::publish::{Connector, Connectors, Measured};
use crate::queue::{self, Disposition, Next, after_fault};
use crate::store::{
    Again, DeliveryFilter, MeasuringCalls, PostNumbers, Store, StoreError, Tx, published_at,
};

/// Posts that are asked for in one call.
const BATCH: usize = 25;

/// Posts of this age are measured no more, by schedules and commands.
const OLDEST: TimeSpan = TimeSpan::from_days(90);

/// What a person has to set right is looked at again after this.
const PATIENCE: TimeSpan = TimeSpan::from_hours(6);

const DAY: u64 = TimeSpan::from_days(1).0;

/// How long a reading serves schedules and commands, by the age of the post: numbers move fast
/// on the first day and slowly after a week.
fn fresh_for(age: TimeSpan) -> TimeSpan {
    match age {
        age if age < TimeSpan::from_days(1) => TimeSpan::ZERO,
        age if age < TimeSpan::from_days(7) => TimeSpan::from_hours(6),
        _ => TimeSpan::from_days(1),
    }
}

/// A post to ask for.
type Asked = (Id, Receipt);

/// How many requests an account has left today.
struct Budget {
    left: Option<u32>,
    calls: MeasuringCalls,
}

impl Budget {
    fn of(calls: MeasuringCalls, measuring: &Measuring, now: Timestamp) -> Self {
        let day = now.0 / DAY;
        let calls = match calls.day == day {
            true => calls,
            false => MeasuringCalls {
                day,
                requests: 0,
                ..calls
            },
        };
        let limit = Some(measuring.requests_per_day).filter(|limit| *limit > 0);
        Budget {
            left: limit.map(|limit| limit.saturating_sub(calls.requests)),
            calls,
        }
    }

    /// Posts that one call may ask for, by what the latest call cost; none: not today.
    fn posts(&self) -> usize {
        let Some(left) = self.left else {
            return BATCH;
        };
        // One that was never measured may cost a request.
        let each = u64::from(self.calls.per_hundred.max(1));
        let posts = u64::from(left) * 100 / each;
        usize::try_from(posts)
            .unwrap_or(BATCH)
            .min(BATCH)
            .min(left as usize)
    }

    /// `posts` were told of for that.
    fn spend(&mut self, requests: u32, posts: usize) {
        self.calls.requests = self.calls.requests.saturating_add(requests);
        self.left = self.left.map(|left| left.saturating_sub(requests));
        if let Ok(posts @ 1..) = u32::try_from(posts) {
            self.calls.per_hundred = requests.saturating_mul(100).div_ceil(posts);
        }
    }

    /// When there is more, for this account.
    fn more(account: &str, now: Timestamp) -> Timestamp {
        let midnight = Timestamp((now.0 / DAY + 1) * DAY);
        // Not for all at once.
        let throw = u64::from(crate::model::Digest::of(account.as_bytes()).0[0]);
        midnight.saturating_add(TimeSpan(TimeSpan::from_mins(30).0 * throw / 255))
    }
}

pub struct Collector {
    store: Store,
    clock: Clock,
    config: watch::Receiver<Arc<Config>>,
    connectors: Arc<dyn Connectors>,
}

impl Collector {
    pub fn new(
        store: Store,
        clock: Clock,
        config: watch::Receiver<Arc<Config>>,
        connectors: Arc<dyn Connectors>,
    ) -> Self {
        Collector {
            store,
            clock,
            config,
            connectors,
        }
    }

    fn connector(&self, account: &str) -> Result<Arc<dyn Connector>, Fault> {
        if !self.config.borrow().accounts.contains_key(account) {
            return Err(Fault::Invalid(format!(
                "account `{account}` is not configured"
            )));
        }
        self.connectors
            .connector(account)
            .map_err(|error| Fault::Transient(error.to_string()))
    }

    fn measuring(&self, account: &str) -> Measuring {
        let config = self.config.borrow();
        let account = config.accounts.get(account);
        account.map_or_else(Measuring::default, |account| account.measure.clone())
    }

    fn budget(&self, account: &str, measuring: &Measuring) -> Result<Budget, StoreError> {
        let calls = self.store.view().measuring_calls(account)?;
        Ok(Budget::of(calls, measuring, self.clock.now()))
    }

    /// Measures those of an account's posts that have come to an age, as many as go into one
    /// call, and sets the job's next time: soon where more are due.
    pub async fn by_age(&self, job: &Job, account: &str) -> Disposition {
        match self.try_by_age(job, account).await {
            Ok(disposition) => disposition,
            Err(error) => Disposition::Fault(store_fault(error)),
        }
    }

    async fn try_by_age(&self, job: &Job, account: &str) -> Result<Disposition, StoreError> {
        if !self.config.borrow().accounts.contains_key(account) {
            return Ok(Disposition::Done);
        }
        let measuring = self.measuring(account);
        let mut budget = self.budget(account, &measuring)?;
        let most = budget.posts();
        let (id, name) = (job.id, account.to_owned());
        if most == 0 {
            let until = Budget::more(account, self.clock.now());
            tracing::warn!(account, %until, spent = budget.calls.requests,
                "the day's requests for measuring are spent; the rest waits");
            let now = self.clock.now();
            let put_off = move |tx: &mut Tx<'_>| tx.put_off(id, until, Again::Fresh, now);
            self.store.write(put_off).await?;
            return Ok(Disposition::Settled);
        }
        let (asked, lost) = self.come_to_age(account, &measuring, most)?;
        let mut read = Vec::new();
        if !asked.is_empty() {
            let answer = match self.connector(account) {
                Ok(connector) => connector.measure_posts(asked.clone()).await,
                Err(fault) => return self.failed(job, account, fault, &budget).await,
            };
            let told = answer.result.as_ref().map_or(0, Vec::len);
            budget.spend(answer.requests, told);
            match answer.result {
                Ok(measured) => read = measured,
                Err(fault) => return self.failed(job, account, fault, &budget).await,
            }
        }
        let at = self.clock.now();
        let count = read.len();
        let ages = measuring.ages;
        self.store
            .write(move |tx| {
                if !asked.is_empty() {
                    tx.set_measuring_calls(&name, &budget.calls)?;
                    note(tx, &name, at)?;
                    if let Some(key) = Cause::work_key(&crate::model::Work::MeasureAges {
                        account: name.clone(),
                    }) {
                        alarm::clear(tx, &key, at)?;
                    }
                }
                for record in lost {
                    tx.put_post_numbers(&record)?;
                }
                write_down(tx, &asked, read, &ages, at)?;
                agenda::settle(tx, id, &name, at)
            })
            .await?;
        self.told(account, count)?;
        Ok(Disposition::Settled)
    }

    fn told(&self, account: &str, posts: usize) -> Result<(), StoreError> {
        if posts > 0 {
            metrics::counter!("jarchi_posts_measured_total").increment(posts as u64);
            tracing::debug!(account, posts, "measured");
            let config = self.config.borrow().clone();
            gauges::show(self.store.view(), &config, account, self.clock.now())?;
        }
        Ok(())
    }

    /// Posts whose time has come, and with them those that have reached their age and were
    /// only to wait for others; and records of deliveries that are not kept any more, without
    /// a time.
    fn come_to_age(
        &self,
        account: &str,
        measuring: &Measuring,
        most: usize,
    ) -> Result<(Vec<Asked>, Vec<PostNumbers>), StoreError> {
        let view = self.store.view();
        let now = self.clock.now();
        let soon = now.saturating_add(ages::MOST_SPREAD);
        let (mut asked, mut lost) = (Vec::new(), Vec::new());
        for (due, id) in view.to_measure(account, soon, usize::MAX)? {
            if asked.len() == most {
                break;
            }
            let delivery = view.delivery(id)?;
            let record = match &delivery {
                Some(delivery) => view.post_numbers(delivery)?,
                None => None,
            };
            let (Some(delivery), Some(record)) = (delivery, record) else {
                lost.extend(view.lost_numbers(account, due, id)?);
                continue;
            };
            let last = record.latest().map(|last| last.at.since(record.published));
            let reached = ages::next_age(&measuring.ages, last).is_some_and(|age| {
                let exact = record.published.saturating_add(age);
                exact <= now && due <= exact.saturating_add(ages::most_spread(age))
            });
            if (due <= now || reached)
                && let Some(receipt) = delivery.receipt
            {
                asked.push((id, receipt));
            }
        }
        Ok((asked, lost))
    }

    /// A fault never ends the measuring of an account: what does not pass by itself is an
    /// alarm, and is looked at again all the same.
    async fn failed(
        &self,
        job: &Job,
        account: &str,
        fault: Fault,
        budget: &Budget,
    ) -> Result<Disposition, StoreError> {
        let now = self.clock.now();
        let (name, calls, job) = (account.to_owned(), budget.calls, job.clone());
        if let Fault::Unsupported(reason) = &fault {
            tracing::info!(account, reason, "its posts can't be measured");
            self.store
                .write(move |tx| {
                    tx.set_measuring_calls(&name, &calls)?;
                    agenda::none(tx, &name)?;
                    tx.complete(job.id)
                })
                .await?;
            return Ok(Disposition::Settled);
        }
        let retry = self.config.borrow().daemon.retry.clone();
        let (again, given_up) = match after_fault(&job, &fault, now, &retry) {
            Next::Again(again) => (again, None),
            Next::Bury(reason) => {
                let pause = match &fault {
                    Fault::Transient(_) => retry.longest,
                    _ => PATIENCE,
                };
                (now.saturating_add(pause), Some(reason))
            }
        };
        tracing::warn!(account, %fault, %again, "the numbers of posts can't be read");
        let rests = matches!(fault, Fault::RateLimited(_));
        let entry = JobFault { at: now, fault };
        self.store
            .write(move |tx| {
                tx.set_measuring_calls(&name, &calls)?;
                if let Some(cause) = given_up.and_then(|why| Cause::dead_letter(&job, &why)) {
                    alarm::raise(tx, &cause, now)?;
                }
                if rests {
                    queue::note_rest(tx, &job.lane, now, again);
                }
                tx.put_off(job.id, again, Again::Fault(entry), now)
            })
            .await?;
        Ok(match rests {
            true => Disposition::Rest(again),
            false => Disposition::Settled,
        })
    }

    /// Reads the numbers of an account's posts now, whatever their age, except of those that
    /// were read a short time ago; returns how many.
    ///
    /// # Errors
    /// The platform's; what was read before it is kept.
    pub async fn posts(&self, account: &str) -> Result<usize, Fault> {
        let connector = self.connector(account)?;
        let measuring = self.measuring(account);
        let mut left = self.stale(account, &measuring).map_err(store_fault)?;
        let mut read = 0;
        while !left.is_empty() {
            let mut budget = self.budget(account, &measuring).map_err(store_fault)?;
            let most = budget.posts();
            if most == 0 {
                tracing::warn!(
                    account,
                    spent = budget.calls.requests,
                    posts = left.len(),
                    "the day's requests for measuring are spent; these are not measured now"
                );
                break;
            }
            let rest = left.split_off(most.min(left.len()));
            let batch = std::mem::replace(&mut left, rest);
            let answer = connector.measure_posts(batch.clone()).await;
            let told = answer.result.as_ref().map_or(0, Vec::len);
            budget.spend(answer.requests, told);
            let (name, calls, at) = (account.to_owned(), budget.calls, self.clock.now());
            let (measured, fault) = match answer.result {
                Ok(measured) => (measured, None),
                Err(fault) => (Vec::new(), Some(fault)),
            };
            read += measured.len();
            let (ages, went_well) = (measuring.ages.clone(), fault.is_none());
            self.store
                .write(move |tx| {
                    tx.set_measuring_calls(&name, &calls)?;
                    if went_well {
                        note(tx, &name, at)?;
                    }
                    write_down(tx, &batch, measured, &ages, at)
                })
                .await
                .map_err(store_fault)?;
            if let Some(fault) = fault {
                return Err(fault);
            }
        }
        self.told(account, read).map_err(store_fault)?;
        Ok(read)
    }

    /// Posts whose latest reading is not of now.
    fn stale(&self, account: &str, measuring: &Measuring) -> Result<Vec<Asked>, StoreError> {
        let view = self.store.view();
        let now = self.clock.now();
        let oldest = measuring.ages.last().copied().unwrap_or(OLDEST).max(OLDEST);
        let filter = DeliveryFilter {
            account: Some(account.to_owned()),
            from: Some(now.saturating_sub(oldest)),
            to: Some(now),
            ..DeliveryFilter::default()
        };
        let mut stale = Vec::new();
        for delivery in view.deliveries(&filter, usize::MAX)? {
            // Those without a record are no posts of the brand, or not out.
            let Some(record) = view.post_numbers(&delivery)? else {
                continue;
            };
            let (State::Published, Some(receipt)) = (delivery.state, delivery.receipt) else {
                continue;
            };
            let age = now.since(record.published);
            let last = record.latest();
            if record.gone.is_none() && last.is_none_or(|last| now.since(last.at) >= fresh_for(age))
            {
                stale.push((delivery.id, receipt));
            }
        }
        Ok(stale)
    }

    /// Reads the numbers of the account itself. Where the day's requests are spent, says when
    /// there are more.
    ///
    /// # Errors
    /// The platform's.
    pub async fn account(&self, account: &str) -> Result<Option<Timestamp>, Fault> {
        let connector = self.connector(account)?;
        let measuring = self.measuring(account);
        let mut budget = self.budget(account, &measuring).map_err(store_fault)?;
        if budget.left == Some(0) {
            return Ok(Some(Budget::more(account, self.clock.now())));
        }
        let answer = connector.measure_account().await;
        budget.spend(answer.requests, 0);
        let (name, at) = (account.to_owned(), self.clock.now());
        let (metrics, fault) = match answer.result {
            Ok(metrics) => (metrics, None),
            Err(fault) => (Vec::new(), Some(fault)),
        };
        let calls = budget.calls;
        let went_well = fault.is_none();
        self.store
            .write(move |tx| {
                tx.set_measuring_calls(&name, &calls)?;
                if !went_well {
                    return Ok(());
                }
                note(tx, &name, at)?;
                if metrics.is_empty() {
                    return Ok(());
                }
                let sample = Sample { at, metrics };
                tx.append_sample(&crate::store::Subject::Account(name), &sample)
            })
            .await
            .map_err(store_fault)?;
        if let Some(fault) = fault {
            return Err(fault);
        }
        tracing::debug!(account, "measured the account");
        let config = self.config.borrow().clone();
        gauges::show(self.store.view(), &config, account, at).map_err(store_fault)?;
        Ok(None)
    }
}

/// What a platform said of the posts that it was asked for, and when each is asked for next.
fn write_down(
    tx: &mut Tx<'_>,
    asked: &[Asked],
    measured: Vec<Measured>,
    ages: &[TimeSpan],
    at: Timestamp,
) -> Result<(), StoreError> {
    // A plugin asks for as many as one call has room for: the rest is asked for at once, as
    // long as that gets on.
    let gets_on = measured.iter().any(is_told);
    let mut measured: BTreeMap<Id, Measured> = measured
        .into_iter()
        .map(|one| (one.delivery, one))
        .collect();
    for (id, _) in asked {
        let Some(delivery) = tx.delivery(*id)? else {
            continue;
        };
        let published = published_at(&delivery);
        let Some(mut record) = tx.post_numbers(&delivery.account, published, *id)? else {
            continue;
        };
        match measured.remove(id) {
            Some(one) if one.gone => {
                tracing::info!(account = %record.account, delivery = %id, post = %record.post,
                    "the platform has the post no more; its numbers end here");
                record.gone = Some(at);
                record.next = None;
            }
            Some(one) if !one.metrics.is_empty() => {
                let sample = Sample {
                    at,
                    metrics: one.metrics,
                };
                tx.take_reading(&mut record, &sample, ages)?;
                record.next = ages::due(*id, published, ages, Some(at));
            }
            // Nothing was told: missing, not zero.
            _ if record.next.is_some() && !gets_on => {
                record.next = ages::again(*id, published, ages, at);
            }
            _ => continue,
        }
        tx.put_post_numbers(&record)?;
    }
    Ok(())
}

fn is_told(one: &Measured) -> bool {
    one.gone || !one.metrics.is_empty()
}

fn note(tx: &mut Tx<'_>, account: &str, at: Timestamp) -> Result<(), StoreError> {
    tx.set_note(&measured_note(account), Some(at));
    alarm::clear(tx, &Cause::numbers_key(account), at)
}

fn store_fault(error: StoreError) -> Fault {
    Fault::Transient(error.to_string())
}
