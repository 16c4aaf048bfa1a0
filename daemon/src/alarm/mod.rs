//! Who must know what: one alarm for one cause, and an all-clear when it is gone.
//!
//! A cause is raised in the same batch as that which made it ([`raise`]), so that no crash
//! comes in between; raised again, it is only counted. What hands it to the channels is a
//! job of the queue (`Work::Watch`), and what brings it there another for each channel
//! (`Work::Notify`): both are retried and survive the daemon as all work does.

mod cause;
mod channel;
mod mail;
mod webhook;

pub use cause::Cause;
pub use channel::{Failed, Notifier};

use crate::config::{AlarmConfig, AlarmWay, Config};
use crate::model::{
    Alarm, Id, NewJob, Notice, NoticeKind, Priority, Severity, Timestamp, Told, Work,
};
use crate::store::{Again, StoreError, Tx};

/// The lane of the job that looks after things.
pub const WATCH_LANE: &str = "alarm:";

/// The lane of a channel.
pub fn lane(channel: &str) -> String {
    format!("alarm:{channel}")
}

/// Raises an alarm, or counts it.
///
/// # Errors
/// The store's.
pub fn raise(tx: &mut Tx<'_>, cause: &Cause, now: Timestamp) -> Result<(), StoreError> {
    put(tx, cause, 0, now)
}

/// As [`raise`], for one delivery more that stands so: the alarm lasts until [`less`] was
/// called for each.
///
/// # Errors
/// The store's.
pub fn more(tx: &mut Tx<'_>, cause: &Cause, now: Timestamp) -> Result<(), StoreError> {
    put(tx, cause, 1, now)
}

fn put(tx: &mut Tx<'_>, cause: &Cause, open: u64, now: Timestamp) -> Result<(), StoreError> {
    if let Some(mut alarm) = tx.alarm(&cause.key)? {
        alarm.last_seen = now;
        alarm.count += 1;
        alarm.open += open;
        // Back before anybody was told that it is gone.
        alarm.cleared = None;
        return tx.put_alarm(alarm);
    }
    tx.put_alarm(Alarm {
        cause: cause.key.clone(),
        severity: cause.severity,
        what: cause.what.clone(),
        remedy: cause.remedy.clone(),
        account: cause.account.clone(),
        plugin: cause.plugin.clone(),
        outbreak: Id(0),
        since: now,
        last_seen: now,
        count: 1,
        open,
        announced: false,
        cleared: None,
        told: Vec::new(),
    })?;
    wake(tx, now)
}

/// One delivery less that stands so.
///
/// # Errors
/// The store's.
pub fn less(tx: &mut Tx<'_>, key: &str, now: Timestamp) -> Result<(), StoreError> {
    let Some(mut alarm) = tx.alarm(key)? else {
        return Ok(());
    };
    if alarm.open > 1 {
        alarm.open -= 1;
        return tx.put_alarm(alarm);
    }
    clear(tx, key, now)
}

/// The cause is gone.
///
/// # Errors
/// The store's.
pub fn clear(tx: &mut Tx<'_>, key: &str, now: Timestamp) -> Result<(), StoreError> {
    let Some(mut alarm) = tx.alarm(key)? else {
        return Ok(());
    };
    if alarm.cleared.is_some() {
        return Ok(());
    }
    if !alarm.announced {
        // Gone before anybody was told.
        tx.remove_alarm(key);
        return Ok(());
    }
    alarm.open = 0;
    alarm.cleared = Some(now);
    tx.put_alarm(alarm)?;
    wake(tx, now)
}

/// Lets the watch job run now.
///
/// # Errors
/// The store's.
pub fn wake(tx: &mut Tx<'_>, now: Timestamp) -> Result<(), StoreError> {
    match tx.waiting_for(WATCH_LANE, &Work::Watch)? {
        Some(job) if job.due <= now => Ok(()),
        Some(job) => tx.reschedule(job.id, now, Again::Later),
        // One that is under way may have looked already.
        None => tx
            .enqueue(
                NewJob {
                    lane: WATCH_LANE.to_owned(),
                    priority: Priority::Urgent,
                    due: now,
                    work: Work::Watch,
                },
                now,
            )
            .map(|_| ()),
    }
}

/// Hands what is new to the channels: a job for each, in the batch that remembers it. What
/// it did, for the log.
///
/// # Errors
/// The store's.
pub fn announce(
    tx: &mut Tx<'_>,
    config: &Config,
    now: Timestamp,
) -> Result<Vec<Notice>, StoreError> {
    let mut notices = Vec::new();
    for mut alarm in tx.alarms()? {
        if !alarm.announced {
            let notice = notice(&alarm, NoticeKind::Alarm, now);
            for channel in config.alarms.values() {
                if !wants(channel, &alarm, config) {
                    continue;
                }
                let job = hand_over(tx, &channel.name, notice.clone(), now)?;
                alarm.told.push(Told {
                    channel: channel.name.clone(),
                    at: None,
                    job,
                });
            }
            alarm.announced = true;
            tx.put_alarm(alarm)?;
            notices.push(notice);
        } else if let Some(cleared) = alarm.cleared {
            let notice = notice(&alarm, NoticeKind::AllClear, cleared);
            for told in &alarm.told {
                if !config.alarms.contains_key(&told.channel) {
                    continue;
                }
                let own = Notice {
                    replaces: Some(told.job),
                    ..notice.clone()
                };
                hand_over(tx, &told.channel, own, now)?;
            }
            tx.remove_alarm(&alarm.cause);
            notices.push(notice);
        }
    }
    Ok(notices)
}

fn notice(alarm: &Alarm, kind: NoticeKind, at: Timestamp) -> Notice {
    Notice {
        kind,
        cause: alarm.cause.clone(),
        severity: alarm.severity,
        what: alarm.what.clone(),
        remedy: alarm.remedy.clone(),
        outbreak: alarm.outbreak,
        since: alarm.since,
        at,
        count: alarm.count,
        replaces: None,
    }
}

fn hand_over(
    tx: &mut Tx<'_>,
    channel: &str,
    notice: Notice,
    now: Timestamp,
) -> Result<Id, StoreError> {
    tx.enqueue(
        NewJob {
            lane: lane(channel),
            priority: Priority::Urgent,
            due: now,
            work: Work::Notify {
                channel: channel.to_owned(),
                notice,
            },
        },
        now,
    )
}

/// An alarm about the way itself does not go that way.
fn wants(channel: &AlarmConfig, alarm: &Alarm, config: &Config) -> bool {
    let grave = alarm.severity == Severity::Error || channel.severity == Severity::Warning;
    let itself = match &channel.way {
        AlarmWay::Account(post) => {
            let plugin = config.accounts.get(&post.account).map(|one| &one.plugin);
            alarm.account.as_ref() == Some(&post.account)
                || (alarm.plugin.is_some() && alarm.plugin.as_ref() == plugin)
        }
        AlarmWay::Webhook(_) | AlarmWay::Email(_) => false,
    };
    grave && !itself && alarm.cause != cause::channel_key(&channel.name)
}

/// In the batch that ends a message's job: the channel has it.
///
/// # Errors
/// The store's.
pub fn delivered(
    tx: &mut Tx<'_>,
    channel: &str,
    notice: &Notice,
    now: Timestamp,
) -> Result<(), StoreError> {
    if let Some(job) = notice.replaces {
        // Both in one lane: it is not under way.
        tx.complete(job)?;
    }
    if notice.kind == NoticeKind::Alarm
        && let Some(mut alarm) = tx.alarm(&notice.cause)?
        && alarm.outbreak == notice.outbreak
        && let Some(told) = alarm.told.iter_mut().find(|told| told.channel == channel)
    {
        told.at = Some(now);
        tx.put_alarm(alarm)?;
    }
    clear(tx, &cause::channel_key(channel), now)
}

/// Ends the alarms whose accounts, plugins or channels are configured no more.
///
/// # Errors
/// The store's.
pub fn forget_removed(tx: &mut Tx<'_>, config: &Config, now: Timestamp) -> Result<(), StoreError> {
    for alarm in tx.alarms()? {
        let account = alarm
            .account
            .as_ref()
            .is_some_and(|name| !config.accounts.contains_key(name));
        let plugin = alarm
            .plugin
            .as_ref()
            .is_some_and(|name| !config.plugins.contains_key(name));
        let mut parts = alarm.cause.split(':');
        let named = match (parts.next(), parts.next()) {
            (Some("generator"), Some(name)) => !config.generators.contains_key(name),
            (Some("alarm"), Some(name)) => !config.alarms.contains_key(name),
            (Some("plan"), Some(_)) => !config.brands.values().any(|brand| {
                let pillars = brand.strategy.pillars.keys();
                let mut keys = pillars.map(|pillar| Cause::unfilled_key(&brand.name, pillar));
                keys.any(|key| key == alarm.cause)
            }),
            (Some("goal"), Some(_)) => !config.brands.values().any(|brand| {
                let mut campaigns = brand.strategy.campaigns.values();
                campaigns.any(|campaign| {
                    let mut measures = campaign.targets.keys();
                    measures.any(|measure| {
                        Cause::behind_key(&brand.name, &campaign.name, measure) == alarm.cause
                    })
                })
            }),
            _ => false,
        };
        if account || plugin || named {
            clear(tx, &alarm.cause, now)?;
        }
    }
    Ok(())
}
