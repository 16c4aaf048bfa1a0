//! Schedules to jobs: the fire time and its job are one batch, written once.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;

use crate::clock::Clock;
use crate::config::{Config, Misfire, Run, ScheduleConfig};
use crate::cron::{Cron, due_fires};
use crate::measure;
use crate::model::{Id, NewJob, Priority, TimeSpan, Timestamp, Work};
use crate::plan;
use crate::store::{Again, Store, StoreError, Tx};

/// Missed fire times that `run-all` makes up for.
const MOST_MISSED: usize = 100;

/// Fire times so far ahead of the clock were made by one that was wrong.
const CLOCK: TimeSpan = TimeSpan::from_days(1);

/// The lane of a generator.
pub fn generate_lane(generator: &str) -> String {
    format!("generate:{generator}")
}

/// The lane of the store's own upkeep.
const STORE_LANE: &str = "store";

/// Fires the configured schedules until `stop` changes.
pub(crate) async fn run(
    store: Store,
    clock: Clock,
    mut config: watch::Receiver<Arc<Config>>,
    mut stop: watch::Receiver<bool>,
) -> Result<(), StoreError> {
    loop {
        let current = config.borrow_and_update().clone();
        let now = clock.now();
        let next = fire_due(&store, now, &current).await?;
        let timer = async {
            match next {
                Some(moment) => clock.sleep_until(moment).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Ok(()) = config.changed() => {}
            _ = stop.changed() => return Ok(()),
            () = timer => {}
            // The next time may be one of a clock that was wrong.
            () = clock.set_back(now) => {}
        }
    }
}

/// Fires what is due at one instant for all, and returns when the next one is.
async fn fire_due(
    store: &Store,
    now: Timestamp,
    config: &Arc<Config>,
) -> Result<Option<Timestamp>, StoreError> {
    let mut next: Option<Timestamp> = None;
    for schedule in config.schedules.values() {
        let cron = match Cron::parse(&schedule.cron) {
            Ok(cron) => cron,
            // The configuration's door has checked it.
            Err(error) => {
                tracing::error!(schedule = %schedule.name, %error, "a schedule can't be read");
                continue;
            }
        };
        let last = match last_fire(store, &schedule.name)? {
            Some(last) if last > now.saturating_add(CLOCK) => {
                // Else nothing would fire before that time comes again.
                tracing::warn!(schedule = %schedule.name, %last, %now,
                    "the clock was set back by more than a day; the schedule begins anew");
                let name = schedule.name.clone();
                store
                    .write(move |tx| {
                        tx.forget_later_triggers(&name, now)?;
                        tx.set_note(&first_seen(&name), Some(now));
                        Ok::<_, StoreError>(())
                    })
                    .await?;
                now
            }
            Some(last) => last,
            None => {
                // New: what passed before it was written is not missed.
                let note = first_seen(&schedule.name);
                store
                    .write(move |tx| {
                        tx.set_note(&note, Some(now));
                        Ok::<_, StoreError>(())
                    })
                    .await?;
                now
            }
        };
        let fires = due_fires(
            &cron,
            schedule.time_zone,
            last,
            now,
            schedule.misfire,
            MOST_MISSED,
        );
        if fires.skipped > 0 {
            tracing::warn!(schedule = %schedule.name, skipped = fires.skipped,
                misfire = misfire_name(schedule.misfire), "fire times were missed");
        }
        for at in &fires.run {
            fire(store, config, schedule, *at, now).await?;
        }
        if fires.run.is_empty() && fires.skipped > 0 {
            // So that they are not counted again.
            let name = schedule.name.clone();
            let past = latest_before(&cron, schedule, last, now);
            if let Some(at) = past {
                store
                    .write(move |tx| tx.trigger(&name, at, |_| Ok(None)))
                    .await?;
            }
        }
        let after = fires.run.last().copied().unwrap_or(last).max(last).max(
            // A fire time that is handled is never later than now.
            now.min(Timestamp::MAX),
        );
        if let Some(due) = cron.next_after(after, schedule.time_zone) {
            next = Some(next.map_or(due, |next| next.min(due)));
        }
    }
    Ok(next)
}

fn misfire_name(misfire: Misfire) -> &'static str {
    match misfire {
        Misfire::RunOnce => "run-once",
        Misfire::RunAll => "run-all",
        Misfire::Skip => "skip",
    }
}

fn first_seen(schedule: &str) -> String {
    format!("schedule:{schedule}")
}

/// The last fire time that was dealt with, or when the schedule was first seen.
fn last_fire(store: &Store, schedule: &str) -> Result<Option<Timestamp>, StoreError> {
    let view = store.view();
    match view.last_trigger(schedule)? {
        Some(last) => Ok(Some(last)),
        None => view.note(&first_seen(schedule)),
    }
}

fn latest_before(
    cron: &Cron,
    schedule: &ScheduleConfig,
    last: Timestamp,
    now: Timestamp,
) -> Option<Timestamp> {
    let fires = due_fires(cron, schedule.time_zone, last, now, Misfire::RunAll, 1);
    fires.run.last().copied()
}

async fn fire(
    store: &Store,
    config: &Config,
    schedule: &ScheduleConfig,
    at: Timestamp,
    now: Timestamp,
) -> Result<(), StoreError> {
    let name = schedule.name.clone();
    let jobs = jobs(config, &schedule.run, now);
    let fired = store
        .write(move |tx| tx.trigger(&name, at, |tx| enqueue(tx, jobs, Waiting::Stays, now)))
        .await?;
    if fired {
        metrics::counter!("jarchi_schedule_fires_total", "schedule" => schedule.name.clone())
            .increment(1);
        tracing::debug!(schedule = %schedule.name, %at, "fired");
    }
    Ok(())
}

/// What becomes of a job that waits already, perhaps for another try after a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// It keeps its time: the clock alone is no reason to hurry it.
    Stays,
    /// It is due now, and starts anew: somebody asked, or something has changed.
    Hastens,
}

/// Enqueues the jobs whose lanes have none waiting: work that looks at everything that
/// there is gains nothing from waiting twice.
pub(crate) fn enqueue(
    tx: &mut Tx<'_>,
    jobs: Vec<NewJob>,
    waiting: Waiting,
    now: Timestamp,
) -> Result<Option<Id>, StoreError> {
    let mut first = None;
    let mut seen: BTreeMap<String, Work> = BTreeMap::new();
    for job in jobs {
        if seen.get(&job.lane) == Some(&job.work) {
            continue;
        }
        if let Some(waits) = tx.waiting_for(&job.lane, &job.work)? {
            if waiting == Waiting::Hastens && waits.due > job.due {
                tx.reschedule(waits.id, job.due, Again::Fresh)?;
            }
            continue;
        }
        seen.insert(job.lane.clone(), job.work.clone());
        let id = tx.enqueue(job, now)?;
        first.get_or_insert(id);
    }
    Ok(first)
}

/// The jobs of one run.
pub(crate) fn jobs(config: &Config, run: &Run, now: Timestamp) -> Vec<NewJob> {
    let job = |lane: String, work: Work| NewJob {
        lane,
        priority: Priority::Background,
        due: now,
        work,
    };
    let accounts = |only: &Option<String>| -> Vec<String> {
        match only {
            Some(account) => vec![account.clone()],
            None => config.accounts.keys().cloned().collect(),
        }
    };
    match run {
        Run::Generate(generator) => vec![job(
            generate_lane(generator),
            Work::Generate {
                generator: generator.clone(),
            },
        )],
        Run::MeasurePosts(only) => accounts(only)
            .into_iter()
            .map(|account| job(measure::lane(&account), Work::MeasurePosts { account }))
            .collect(),
        Run::MeasureAccounts(only) => accounts(only)
            .into_iter()
            .map(|account| job(measure::lane(&account), Work::MeasureAccount { account }))
            .collect(),
        Run::Backup { folder, keep } => vec![job(
            STORE_LANE.to_owned(),
            Work::Backup {
                folder: folder.clone(),
                keep: *keep,
            },
        )],
        Run::Tidy => vec![job(STORE_LANE.to_owned(), Work::Tidy)],
        Run::Plan { brand, days } => vec![job(
            plan::LANE.to_owned(),
            Work::Plan {
                brand: brand.clone(),
                days: *days,
            },
        )],
    }
}
