//! Alarms with what they need of the other stations: heartbeats over the configured
//! accounts, messages that are posts, and the daemon's own troubles.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::watch;

use crate::alarm::{self, Cause, Notifier};
use crate::clock::Clock;
use crate::config::{Account, AlarmConfig, AlarmPost, AlarmWay, Config};
use crate::content::{self, AcceptError, Due, NewPost};
use crate::measure::goals::{self, Goal, GoalState};
use crate::measure::measured_note;
use crate::model::{
    Draft, Fault, Id, Job, JobFault, Notice, NoticeKind, Origin, Severity, TimeSpan, Timestamp,
    Work,
};
use crate::publish::{hold_over, posted_note};
use crate::queue::{self, Disposition};
use crate::store::{Again, Store, StoreError, Tx};

/// How often the disk is looked at: nobody tells when it fills.
const DISK_LOOK: TimeSpan = TimeSpan::from_mins(15);

/// How often campaigns are held against their targets.
const GOALS_LOOK: TimeSpan = TimeSpan::from_mins(15);

/// A message that could not be brought for so long becomes a dead letter.
const STALE: TimeSpan = TimeSpan::from_days(7);

/// A channel that fails so often in a row is an alarm of its own.
const FAILS: u32 = 3;

pub(super) struct Alarms {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) config: watch::Receiver<Arc<Config>>,
    pub(super) notifier: Notifier,
}

/// A heartbeat: what is to come again within a time.
struct Beat {
    key: String,
    /// Where its last time is noted.
    note: String,
    within: Option<TimeSpan>,
    cause: fn(&str, TimeSpan, Timestamp) -> Cause,
}

fn has_heartbeats(account: &Account) -> bool {
    account.quiet_after.is_some() || account.numbers_after.is_some()
}

fn beats(account: &Account) -> [Beat; 2] {
    let name = &account.name;
    [
        Beat {
            key: Cause::quiet_key(name),
            note: posted_note(name),
            within: account.quiet_after,
            cause: Cause::quiet,
        },
        Beat {
            key: Cause::numbers_key(name),
            note: measured_note(name),
            within: account.numbers_after,
            cause: Cause::numbers,
        },
    ]
}

impl Alarms {
    /// Looks after heartbeats and the disk, hands alarms to their channels, and sets the
    /// time when it is to look again: the earliest at which a heartbeat would be missed.
    pub(super) async fn watch(&self, job: &Job) -> Disposition {
        let config = self.config.borrow().clone();
        match self.look(config, job.id).await {
            Ok(notices) => {
                notices.iter().for_each(log);
                Disposition::Settled
            }
            Err(error) => Disposition::Fault(Fault::Transient(error.to_string())),
        }
    }

    async fn look(&self, config: Arc<Config>, job: Id) -> Result<Vec<Notice>, StoreError> {
        let now = self.clock.now();
        let mut held = BTreeSet::new();
        for account in config.accounts.values().filter(|one| has_heartbeats(one)) {
            if hold_over(self.store.view(), account)?.is_some() {
                held.insert(account.name.clone());
            }
        }
        let free = free_on(&config.daemon.data_dir);
        let goals = self.goals(config.clone(), now).await?;
        self.store
            .write(move |tx| {
                alarm::forget_removed(tx, &config, now)?;
                let up: BTreeSet<String> =
                    tx.alarms()?.into_iter().map(|alarm| alarm.cause).collect();
                let mut next: Option<Timestamp> = None;
                let mut by = |at: Option<Timestamp>| {
                    if let Some(at) = at {
                        next = Some(next.map_or(at, |next| next.min(at)));
                    }
                };
                // Of an account that is not listened to any more.
                for account in config.accounts.values().filter(|one| !has_heartbeats(one)) {
                    for beat in beats(account) {
                        if up.contains(&beat.key) {
                            alarm::clear(tx, &beat.key, now)?;
                        }
                    }
                }
                for account in config.accounts.values().filter(|one| has_heartbeats(one)) {
                    by(listen(tx, account, held.contains(&account.name), now)?);
                }
                by(look_at_disk(tx, &config, free, now)?);
                judge(tx, &goals, &up, now)?;
                by((!goals.is_empty()).then(|| now.saturating_add(GOALS_LOOK)));
                let notices = alarm::announce(tx, &config, now)?;
                // This run has seen what woke the others.
                while let Some(other) = tx.waiting_for(alarm::WATCH_LANE, &Work::Watch)? {
                    tx.complete(other.id)?;
                }
                match next {
                    Some(next) => tx.put_off(job, next, Again::Fresh, now)?,
                    None => tx.complete(job)?,
                }
                Ok(notices)
            })
            .await
    }

    /// How far the campaigns are.
    async fn goals(&self, config: Arc<Config>, now: Timestamp) -> Result<Vec<Goal>, StoreError> {
        let mut brands = config.brands.values();
        let mut campaigns = brands
            .by_ref()
            .flat_map(|one| one.strategy.campaigns.values());
        if campaigns.all(|campaign| campaign.targets.is_empty()) {
            return Ok(Vec::new());
        }
        let store = self.store.clone();
        let reading = tokio::task::spawn_blocking(move || {
            let mut all = Vec::new();
            for brand in config.brands.values() {
                all.extend(goals::goals(store.view(), &config, brand, now)?);
            }
            Ok(all)
        });
        let read = reading.await;
        read.map_err(|error| StoreError::Invalid(error.to_string()))?
    }

    /// Brings a message to its channel.
    pub(super) async fn notify(&self, job: &Job, channel: &str, notice: &Notice) -> Disposition {
        let config = self.config.borrow().clone();
        let Some(alarm) = config.alarms.get(channel) else {
            return Disposition::Done;
        };
        let result = match &alarm.way {
            AlarmWay::Account(post) => self.deliver(&config, alarm, post, notice, job).await,
            way => match self.notifier.send(way, notice).await {
                Ok(()) => self.delivered(job.id, channel, notice).await,
                Err(failed) => self.failed(&config, job, channel, &failed.0).await,
            },
        };
        match result {
            Ok(()) => Disposition::Settled,
            Err(error) => Disposition::Fault(Fault::Transient(error.to_string())),
        }
    }

    async fn delivered(&self, job: Id, channel: &str, notice: &Notice) -> Result<(), StoreError> {
        let now = self.clock.now();
        let (channel, notice) = (channel.to_owned(), notice.clone());
        count(&channel, notice.kind, "told");
        tracing::debug!(channel, cause = notice.cause, id = notice.id(), "told");
        self.store
            .write(move |tx| {
                alarm::delivered(tx, &channel, &notice, now)?;
                tx.complete(job)
            })
            .await
    }

    async fn failed(
        &self,
        config: &Config,
        job: &Job,
        channel: &str,
        reason: &str,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let tries = job.tries + 1;
        let Work::Notify { notice, .. } = &job.work else {
            return Ok(());
        };
        count(channel, notice.kind, "failed");
        tracing::warn!(
            channel,
            cause = notice.cause,
            reason,
            tries,
            "an alarm can't be brought"
        );
        let fault = JobFault {
            at: now,
            fault: Fault::Transient(reason.to_owned()),
        };
        let again = now.saturating_add(queue::backoff(job.id.0, tries, &config.daemon.retry));
        let stale = now.since(job.created_at) > STALE;
        let cause = (tries >= FAILS).then(|| Cause::channel(channel, tries, reason));
        let (id, reason) = (job.id, reason.to_owned());
        self.store
            .write(move |tx| {
                if let Some(cause) = cause {
                    alarm::raise(tx, &cause, now)?;
                }
                if stale {
                    tx.bury(id, &reason, Some(fault))
                } else {
                    tx.put_off(id, again, Again::Fault(fault), now)
                }
            })
            .await
    }

    /// As a post: written in the batch that ends the message's job, so that it is one.
    async fn deliver(
        &self,
        config: &Config,
        alarm: &AlarmConfig,
        post: &AlarmPost,
        notice: &Notice,
        job: &Job,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let new = new_post(post, notice);
        let (channel, notice, id) = (alarm.name.clone(), notice.clone(), job.id);
        count(&channel, notice.kind, "told");
        let targets = content::targets(config, &new.accounts);
        self.store
            .write(move |tx| {
                content::accept_in(tx, &targets, new, None, now)?;
                alarm::delivered(tx, &channel, &notice, now)?;
                tx.complete(id)
            })
            .await
    }

    /// A message that says that it is none.
    ///
    /// # Errors
    /// Why it did not arrive.
    pub(super) async fn test(&self, alarm: &AlarmConfig) -> Result<String, String> {
        let now = self.clock.now();
        let notice = Notice {
            kind: NoticeKind::Test,
            cause: "test".to_owned(),
            severity: Severity::Warning,
            what: format!("Alarms reach you by `{}`", alarm.name),
            remedy: "Somebody has run `jarchi alarm test`; nothing is wrong.".to_owned(),
            outbreak: Id(0),
            since: now,
            at: now,
            count: 1,
            replaces: None,
        };
        let config = self.config.borrow().clone();
        match &alarm.way {
            AlarmWay::Account(post) => {
                let new = new_post(post, &notice);
                let accepted = content::accept(&self.store, &config, new, now)
                    .await
                    .map_err(|error: AcceptError| error.to_string())?;
                let deliveries: Vec<String> = accepted
                    .deliveries
                    .iter()
                    .map(|(_, id, _)| format!("`jarchi queue show {id}`"))
                    .collect();
                Ok(format!(
                    "posted on `{}`; how it goes: {}",
                    post.account,
                    deliveries.join(", ")
                ))
            }
            way => {
                let sent = self.notifier.send(way, &notice).await;
                count(
                    &alarm.name,
                    notice.kind,
                    if sent.is_ok() { "told" } else { "failed" },
                );
                sent.map_err(|failed| failed.0)?;
                Ok("taken by the receiver".to_owned())
            }
        }
    }

    /// Raises what the daemon knows of itself, and ends it, until `stop` changes.
    pub(super) async fn follow(
        self: Arc<Self>,
        mut config_error: watch::Receiver<Option<String>>,
        mut plugin_problems: watch::Receiver<Vec<String>>,
        mut stop: watch::Receiver<bool>,
    ) {
        loop {
            let config = config_error.borrow_and_update().clone();
            let plugins = plugin_problems.borrow_and_update().clone();
            let now = self.clock.now();
            let written = self
                .store
                .write(move |tx| {
                    match config {
                        Some(error) => alarm::raise(tx, &Cause::config(&error), now)?,
                        None => alarm::clear(tx, Cause::CONFIG, now)?,
                    }
                    if plugins.is_empty() {
                        alarm::clear(tx, Cause::PLUGINS, now)
                    } else {
                        alarm::raise(tx, &Cause::plugins(&plugins), now)
                    }
                })
                .await;
            if let Err(error) = written {
                tracing::error!(%error, "an alarm can't be written");
            }
            tokio::select! {
                changed = config_error.changed() => if changed.is_err() { return },
                changed = plugin_problems.changed() => if changed.is_err() { return },
                _ = stop.changed() => return,
            }
        }
    }
}

/// Raises what is behind, and ends it where it is not any more.
fn judge(
    tx: &mut Tx<'_>,
    goals: &[Goal],
    up: &BTreeSet<String>,
    now: Timestamp,
) -> Result<(), StoreError> {
    for goal in goals {
        let Goal {
            brand,
            campaign,
            measure,
            target,
            so_far,
            high,
            ..
        } = goal;
        let key = Cause::behind_key(brand, campaign, measure);
        match (goal.state, up.contains(&key)) {
            (GoalState::Behind, false) => {
                let high = high.unwrap_or(*so_far);
                let cause = Cause::behind(brand, campaign, measure, *target, *so_far, high);
                alarm::raise(tx, &cause, now)?;
            }
            (GoalState::Behind, true) | (_, false) => {}
            (_, true) => alarm::clear(tx, &key, now)?,
        }
    }
    Ok(())
}

fn count(channel: &str, kind: NoticeKind, outcome: &'static str) {
    metrics::counter!("jarchi_alarm_notifications_total",
        "channel" => channel.to_owned(), "kind" => kind.name(), "outcome" => outcome)
    .increment(1);
}

fn log(notice: &Notice) {
    let Notice {
        cause,
        what,
        remedy,
        count,
        since,
        ..
    } = notice;
    match (notice.kind, notice.severity) {
        (NoticeKind::AllClear, _) => {
            tracing::info!(cause, what, %since, count, "all clear");
        }
        (_, Severity::Error) => tracing::error!(cause, what, remedy, "alarm"),
        (_, Severity::Warning) => tracing::warn!(cause, what, remedy, "alarm"),
    }
}

/// The account's heartbeats; when the next would be missed.
fn listen(
    tx: &mut Tx<'_>,
    account: &Account,
    held: bool,
    now: Timestamp,
) -> Result<Option<Timestamp>, StoreError> {
    let (was_held, counted_from) = (
        format!("held:{}", account.name),
        format!("beats:{}", account.name),
    );
    if held {
        for beat in beats(account) {
            alarm::clear(tx, &beat.key, now)?;
        }
        if tx.note(&was_held)?.is_none() {
            tx.set_note(&was_held, Some(now));
        }
        return Ok(None);
    }
    if tx.note(&was_held)?.is_some() || tx.note(&counted_from)?.is_none() {
        // What passed on hold, or before anybody listened, was no silence.
        tx.set_note(&was_held, None);
        tx.set_note(&counted_from, Some(now));
    }
    let from = tx.note(&counted_from)?.unwrap_or(now);
    let mut next: Option<Timestamp> = None;
    for beat in beats(account) {
        let Some(within) = beat.within else {
            alarm::clear(tx, &beat.key, now)?;
            continue;
        };
        let last = tx.note(&beat.note)?.unwrap_or_default().max(from);
        let missed = last.saturating_add(within);
        if now < missed {
            alarm::clear(tx, &beat.key, now)?;
            next = Some(next.map_or(missed, |next| next.min(missed)));
        } else if is_new(tx, &beat.key)? {
            alarm::raise(tx, &(beat.cause)(&account.name, within, last), now)?;
        }
    }
    Ok(next)
}

/// It is not counted each time that somebody looks.
fn is_new(tx: &Tx<'_>, key: &str) -> Result<bool, StoreError> {
    Ok(tx.alarm(key)?.is_none_or(|alarm| alarm.cleared.is_some()))
}

/// Bytes that are free where this folder is.
fn free_on(folder: &Path) -> Option<u64> {
    match rustix::fs::statvfs(folder) {
        Ok(found) => Some(found.f_bavail.saturating_mul(found.f_frsize)),
        Err(error) => {
            tracing::warn!(%error, folder = %folder.display(), "its disk can't be asked");
            None
        }
    }
}

fn look_at_disk(
    tx: &mut Tx<'_>,
    config: &Config,
    free: Option<u64>,
    now: Timestamp,
) -> Result<Option<Timestamp>, StoreError> {
    let least = config.daemon.least_free;
    let folder = config.daemon.data_dir.display().to_string();
    match free {
        _ if least == 0 => {
            alarm::clear(tx, Cause::DISK, now)?;
            return Ok(None);
        }
        Some(free) if free < least && is_new(tx, Cause::DISK)? => {
            alarm::raise(tx, &Cause::disk(free, least, &folder), now)?;
        }
        // A little more than the least, so that it does not come and go.
        Some(free) if free >= least.saturating_add(least / 10) => {
            alarm::clear(tx, Cause::DISK, now)?;
        }
        _ => {}
    }
    Ok(Some(now.saturating_add(DISK_LOOK)))
}

/// Of a message as a post: platforms take little.
const TITLE: usize = 250;
const REMEDY: usize = 170;

fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn new_post(post: &AlarmPost, notice: &Notice) -> NewPost {
    let mut text = String::new();
    if let Some(to) = &post.to {
        text.push_str(to);
        text.push(' ');
    }
    text.push_str(&cut(&notice.title(), TITLE));
    if notice.kind != NoticeKind::AllClear {
        text.push('\n');
        text.push_str(&cut(&notice.remedy, REMEDY));
    }
    // No two alarms are the same post.
    text.push_str(&format!("\n{}", notice.since));
    NewPost {
        draft: Draft {
            text,
            visibility: Some(post.visibility),
            ..Draft::default()
        },
        accounts: vec![post.account.clone()],
        due: Due::Now,
        origin: Origin::Alarm {
            cause: notice.cause.clone(),
        },
        pillar: None,
        campaign: None,
        repeat_after: None,
        round: 0,
    }
}
