//! Breakers: faults in a row that say "it is not this post" keep further calls off the
//! account, or off the plugin, until a probe goes well.
//!
//! ```text
//!   closed --faults in a row, or unauthorised--> open --its pause is over--> half-open
//!     ^                                           ^                             |
//!     |                                           +------ the probe fails ------+
//!     +------------- a call goes well, a changed account, retry, release -------+
//! ```
//!
//! What waits behind one keeps its place in its lane, and no try is counted, not even of
//! the probe: a breaker loses nothing. Faults of an account that its plugin's breaker
//! holds are counted there only, so that a platform which is down is one cause.

use crate::alarm::{self, Cause};
use crate::config::{BreakerConfig, Config};
use crate::model::{Breaker, Delivery, Fault, Id, Open, TimeSpan, Timestamp};
use crate::store::{StoreError, Tx, View};

use super::lane;
use super::transition::Event;

/// A probe of which nothing is heard for so long was a daemon's that is gone.
const PROBE: TimeSpan = TimeSpan::from_mins(10);

/// Of an account's faults, those that count toward its plugin's breaker; and what a second
/// account must have before it is the plugin that is in trouble.
const OF_ONE: u32 = 2;

pub(super) fn account_name(account: &str) -> String {
    format!("account:{account}")
}

pub(super) fn plugin_name(plugin: &str) -> String {
    format!("plugin:{plugin}")
}

/// Who calls, and by which rules.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) account: String,
    /// None: the account is not configured any more.
    pub(super) plugin: Option<String>,
    pub(super) rules: BreakerConfig,
}

impl Caller {
    pub(super) fn of(config: &Config, account: &str) -> Self {
        Caller {
            account: account.to_owned(),
            plugin: config.accounts.get(account).map(|one| one.plugin.clone()),
            rules: config.daemon.breaker.clone(),
        }
    }
}

/// What the breakers say to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Go,
    /// It would be the plugin's probe: [`take_probe`] says whether it is.
    Probe,
    Wait(Timestamp),
}

fn holds(breaker: &Breaker, account: &str) -> bool {
    // An account without a fault of its own is the best probe there is.
    breaker.open.is_some() && breaker.faults.iter().any(|(name, _)| name == account)
}

fn taken(open: &Open, delivery: Id, now: Timestamp) -> bool {
    open.probe
        .is_some_and(|(of, since)| of != delivery && now.since(since) < PROBE)
}

pub(super) fn judge(
    view: View<'_>,
    caller: &Caller,
    delivery: Id,
    now: Timestamp,
) -> Result<Verdict, StoreError> {
    let own = view.breaker(&account_name(&caller.account))?;
    if let Some(open) = own.and_then(|breaker| breaker.open)
        && now < open.until
    {
        return Ok(Verdict::Wait(open.until));
    }
    let Some(plugin) = &caller.plugin else {
        return Ok(Verdict::Go);
    };
    let shared = view.breaker(&plugin_name(plugin))?.unwrap_or_default();
    match &shared.open {
        Some(open) if holds(&shared, &caller.account) => Ok(if now < open.until {
            Verdict::Wait(open.until)
        } else if taken(open, delivery, now) {
            Verdict::Wait(now.saturating_add(caller.rules.first))
        } else {
            Verdict::Probe
        }),
        _ => Ok(Verdict::Go),
    }
}

/// Whether this delivery is the one that is let through; others wait until then.
pub(super) fn take_probe(
    tx: &mut Tx<'_>,
    caller: &Caller,
    delivery: Id,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let Some(plugin) = &caller.plugin else {
        return Ok(true);
    };
    let name = plugin_name(plugin);
    let Some(mut breaker) = tx.breaker(&name)? else {
        return Ok(true);
    };
    match &mut breaker.open {
        Some(open) if taken(open, delivery, now) => Ok(false),
        Some(open) => {
            open.probe = Some((delivery, now));
            tx.set_breaker(&name, Some(&breaker))?;
            Ok(true)
        }
        None => Ok(true),
    }
}

/// The fault of a call that is a probe says nothing about its post.
pub(super) fn spares(view: View<'_>, caller: &Caller) -> Result<bool, StoreError> {
    let own = view.breaker(&account_name(&caller.account))?;
    if own.is_some_and(|breaker| breaker.open.is_some()) {
        return Ok(true);
    }
    let Some(plugin) = &caller.plugin else {
        return Ok(false);
    };
    let shared = view.breaker(&plugin_name(plugin))?;
    Ok(shared.is_some_and(|breaker| holds(&breaker, &caller.account)))
}

/// What a breaker makes of an event.
enum Sign {
    /// The platform works.
    Good,
    Bad(String),
    Unauthorized(String),
    /// A call ended, and says neither.
    Neither,
}

fn sign(event: &Event) -> Option<Sign> {
    match event {
        Event::Published { .. } | Event::Progressed { .. } => Some(Sign::Good),
        Event::Faulted { fault, .. } | Event::LookFailed { fault } => Some(match fault {
            Fault::Transient(_) | Fault::UnknownOutcome(_) => Sign::Bad(fault.to_string()),
            Fault::Unauthorized(reason) => Sign::Unauthorized(reason.clone()),
            Fault::RateLimited(_) | Fault::Invalid(_) | Fault::Unsupported(_) => Sign::Neither,
        }),
        // That it can be read does not say that it can be written.
        Event::Interrupted | Event::Absent | Event::CannotTell { .. } => Some(Sign::Neither),
        Event::Begin { .. }
        | Event::Doubted { .. }
        | Event::Spaced { .. }
        | Event::Postponed { .. }
        | Event::Paused { .. }
        | Event::Refused { .. }
        | Event::Missed { .. }
        | Event::Cancelled { .. }
        | Event::Proposed
        | Event::Approved
        | Event::Retried
        | Event::Settled { .. } => None,
    }
}

/// Notes what a call came to, in the batch of its delivery's change; until when the
/// account's lane rests.
pub(super) fn note(
    tx: &mut Tx<'_>,
    caller: &Caller,
    delivery: &Delivery,
    event: &Event,
    now: Timestamp,
) -> Result<Option<Timestamp>, StoreError> {
    if let Event::Paused { until } = event {
        // It may have been closed since it was asked.
        let verdict = still_open(tx, caller)?;
        return Ok(verdict.then_some(*until));
    }
    let Some(sign) = sign(event) else {
        return Ok(None);
    };
    let own = account_name(&caller.account);
    match sign {
        Sign::Good => {
            alarm::clear(tx, &Cause::unauthorized_key(&caller.account), now)?;
            close(tx, &own, now)?;
            if let Some(plugin) = &caller.plugin {
                close(tx, &plugin_name(plugin), now)?;
            }
            Ok(None)
        }
        Sign::Neither => {
            if let Some(plugin) = &caller.plugin {
                give_back_probe(tx, &plugin_name(plugin), delivery.id)?;
            }
            Ok(None)
        }
        Sign::Unauthorized(reason) => {
            if let Some(plugin) = &caller.plugin {
                give_back_probe(tx, &plugin_name(plugin), delivery.id)?;
            }
            unauthorized(tx, &caller.account, reason, &caller.rules, now).map(Some)
        }
        Sign::Bad(reason) => fault(tx, caller, delivery.id, reason, now),
    }
}

fn unauthorized(
    tx: &mut Tx<'_>,
    account: &str,
    reason: String,
    rules: &BreakerConfig,
    now: Timestamp,
) -> Result<Timestamp, StoreError> {
    alarm::raise(tx, &Cause::unauthorized(account, &reason), now)?;
    let own = account_name(account);
    let mut breaker = tx.breaker(&own)?.unwrap_or_default();
    breaker.reason = reason;
    let until = now.saturating_add(rules.longest);
    let before = breaker.open.take();
    breaker.open = Some(Open {
        since: before.as_ref().map_or(now, |open| open.since),
        until,
        pauses: before.map_or(1, |open| open.pauses + 1),
        unauthorized: true,
        probe: None,
    });
    tx.set_breaker(&own, Some(&breaker))?;
    Ok(until)
}

/// Lets nothing more of an account go: its credentials are known to be refused.
///
/// # Errors
/// The store's.
pub fn refuse(
    tx: &mut Tx<'_>,
    config: &Config,
    account: &str,
    reason: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let rules = &config.daemon.breaker;
    unauthorized(tx, account, reason.to_owned(), rules, now).map(|_| ())
}

fn still_open(tx: &Tx<'_>, caller: &Caller) -> Result<bool, StoreError> {
    let own = tx.breaker(&account_name(&caller.account))?;
    let shared = match &caller.plugin {
        Some(plugin) => tx.breaker(&plugin_name(plugin))?,
        None => None,
    };
    Ok(own.is_some_and(|breaker| breaker.open.is_some())
        || shared.is_some_and(|breaker| holds(&breaker, &caller.account)))
}

fn give_back_probe(tx: &mut Tx<'_>, name: &str, delivery: Id) -> Result<(), StoreError> {
    if let Some(mut breaker) = tx.breaker(name)?
        && let Some(open) = &mut breaker.open
        && open.probe.is_some_and(|(of, _)| of == delivery)
    {
        open.probe = None;
        tx.set_breaker(name, Some(&breaker))?;
    }
    Ok(())
}

fn fault(
    tx: &mut Tx<'_>,
    caller: &Caller,
    delivery: Id,
    reason: String,
    now: Timestamp,
) -> Result<Option<Timestamp>, StoreError> {
    let rules = &caller.rules;
    if let Some(plugin) = &caller.plugin {
        let name = plugin_name(plugin);
        let mut breaker = tx.breaker(&name)?.unwrap_or_default();
        count(&mut breaker, &caller.account);
        breaker.reason.clone_from(&reason);
        if let Some(open) = &mut breaker.open {
            if open.probe.is_some_and(|(of, _)| of == delivery) {
                lengthen(open, rules, now);
            }
        } else if is_plugins(&breaker, rules) {
            let open = opened(rules, now);
            let accounts: Vec<String> = breaker
                .faults
                .iter()
                .map(|(name, _)| name.clone())
                .collect();
            let cause = Cause::plugin_breaker(plugin, &accounts, &reason, open.until);
            alarm::raise(tx, &cause, now)?;
            tracing::warn!(plugin, reason, until = %open.until, "the breaker of a plugin opens");
            breaker.open = Some(open);
        }
        tx.set_breaker(&name, Some(&breaker))?;
        if let Some(open) = &breaker.open {
            return Ok(Some(open.until.max(now)));
        }
    }
    let name = account_name(&caller.account);
    let mut breaker = tx.breaker(&name)?.unwrap_or_default();
    count(&mut breaker, &caller.account);
    breaker.reason.clone_from(&reason);
    let faults = breaker.faults.first().map_or(0, |(_, count)| *count);
    if let Some(open) = &mut breaker.open {
        lengthen(open, rules, now);
    } else if faults >= rules.faults {
        let open = opened(rules, now);
        let account = &caller.account;
        let cause = Cause::account_breaker(account, faults, &reason, open.until);
        alarm::raise(tx, &cause, now)?;
        tracing::warn!(account, reason, until = %open.until, "the breaker of an account opens");
        breaker.open = Some(open);
    }
    tx.set_breaker(&name, Some(&breaker))?;
    Ok(breaker.open.map(|open| open.until))
}

fn count(breaker: &mut Breaker, account: &str) {
    match breaker.faults.iter_mut().find(|(name, _)| name == account) {
        Some((_, count)) => *count = count.saturating_add(1),
        None => breaker.faults.push((account.to_owned(), 1)),
    }
}

/// Several accounts are in trouble, each more than once, and nothing has gone well.
fn is_plugins(breaker: &Breaker, rules: &BreakerConfig) -> bool {
    let troubled = breaker
        .faults
        .iter()
        .filter(|(_, count)| *count >= OF_ONE)
        .count();
    let all: u32 = breaker
        .faults
        .iter()
        .map(|(_, count)| (*count).min(rules.faults))
        .sum();
    troubled >= 2 && all >= rules.faults
}

fn opened(rules: &BreakerConfig, now: Timestamp) -> Open {
    Open {
        since: now,
        until: now.saturating_add(rules.first),
        pauses: 1,
        unauthorized: false,
        probe: None,
    }
}

fn lengthen(open: &mut Open, rules: &BreakerConfig, now: Timestamp) {
    let doubled = rules.first.0.saturating_mul(1 << open.pauses.min(32));
    open.until = now.saturating_add(TimeSpan(doubled.min(rules.longest.0)));
    open.pauses = open.pauses.saturating_add(1);
    open.probe = None;
    open.unauthorized = false;
}

/// Closes a breaker, and lets those go on that it held.
fn close(tx: &mut Tx<'_>, name: &str, now: Timestamp) -> Result<(), StoreError> {
    let Some(breaker) = tx.breaker(name)? else {
        return Ok(());
    };
    tx.set_breaker(name, None)?;
    if breaker.open.is_none() {
        return Ok(());
    }
    tracing::info!(breaker = name, "closed");
    alarm::clear(tx, &Cause::breaker_key(name), now)?;
    for (account, _) in &breaker.faults {
        tx.rouse(&lane(account))?;
    }
    if let Some(account) = name.strip_prefix("account:") {
        tx.rouse(&lane(account))?;
    }
    Ok(())
}

/// Closes the breakers in the way of these accounts: somebody has changed something, or
/// wants it tried.
///
/// # Errors
/// The store's.
pub fn mend(
    tx: &mut Tx<'_>,
    config: &Config,
    accounts: &[String],
    now: Timestamp,
) -> Result<(), StoreError> {
    for account in accounts {
        close(tx, &account_name(account), now)?;
        if let Some(account) = config.accounts.get(account) {
            close(tx, &plugin_name(&account.plugin), now)?;
        }
    }
    Ok(())
}

/// At a start: whoever started the daemon may have set a token right, so that one probe
/// is let through. Breakers of what is configured no more are forgotten.
///
/// # Errors
/// The store's.
pub fn after_start(tx: &mut Tx<'_>, config: &Config, now: Timestamp) -> Result<(), StoreError> {
    for (name, mut breaker) in tx.breakers()? {
        let known = match name.split_once(':') {
            Some(("account", account)) => config.accounts.contains_key(account),
            Some(("plugin", plugin)) => config.plugins.contains_key(plugin),
            _ => false,
        };
        if !known {
            close(tx, &name, now)?;
        } else if let Some(open) = &mut breaker.open
            && open.unauthorized
        {
            open.until = open.until.min(now);
            tx.set_breaker(&name, Some(&breaker))?;
        }
    }
    Ok(())
}
