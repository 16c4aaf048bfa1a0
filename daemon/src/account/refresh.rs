//! Tokens that stay alive.
//!
//! One refresh at a time for each account, in a task of its own, so that nobody who goes
//! away takes the answer along. That it was begun is durable before it is sent; the new
//! tokens are durable, in one batch with their ends and the next due time, before anything
//! uses them. What lies between a kill and that is the platform's answer alone: such a
//! refresh is tried again with the old token, and if the platform no longer takes it, the
//! alarm says what was lost.

use secrecy::{ExposeSecret as _, SecretString};

use crate::alarm::{self, Cause};
use crate::config::Config;
use crate::model::{
    Connection, Ended, Fault, Id, Job, JobFault, NewJob, Priority, TimeSpan, Timestamp, Work,
};
use crate::plugin::broker::{Asking, Error};
use crate::plugin::manifest::Oauth2;
use crate::publish;
use crate::queue::{self, Disposition};
use crate::store::{Again, StoreError, Tx};

use super::Keeper;
use super::answer::{self, No, Tokens};
use super::ask::Held;
use super::grant::renewed;
use super::party::Party;
use super::times;

/// Failed tries after which somebody is told.
const FAILS: u32 = 3;

/// When a refresh is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Want {
    /// Its time has come.
    Due,
    /// A call is about to begin.
    Valid,
    /// The platform refused the token of this generation.
    Instead(u64),
}

/// Why there are no new tokens.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Trouble {
    /// Only the user can help.
    #[error("{0}")]
    Ended(String),
    /// Somebody has to set something right: the app's keys, say.
    #[error("its token can't be refreshed: {0}")]
    Refused(String),
    /// Tried again later.
    #[error("its token can't be refreshed right now: {reason}")]
    Passing {
        reason: String,
        /// The platform asked for it.
        wait: Option<TimeSpan>,
    },
    /// Not before then.
    #[error("its token is too young to be refreshed before {0}")]
    TooYoung(Timestamp),
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        passing(error.to_string())
    }
}

fn passing(reason: String) -> Trouble {
    Trouble::Passing { reason, wait: None }
}

/// The lane of an account's tokens.
fn lane(account: &str) -> String {
    format!("auth:{account}")
}

fn work(account: &str) -> Work {
    Work::Refresh {
        account: account.to_owned(),
    }
}

fn not_connected(account: &str) -> String {
    format!("it is not connected: `jarchi account auth {account}` does that")
}

/// Sees that the token is refreshed at its time. `job` is the row that asks.
pub(super) fn schedule(
    tx: &mut Tx<'_>,
    party: &Party,
    connection: &Connection,
    job: Option<Id>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let kept = party.oauth().filter(|_| party.is_kept());
    let due = match (&connection.ended, kept) {
        (None, Some(oauth)) => times::wake(oauth, connection, now),
        _ => None,
    };
    let waits = match job {
        Some(job) => {
            // One that was written while this one ran would do its work again.
            unschedule(tx, &party.account)?;
            Some(job)
        }
        None => tx
            .waiting_for(&lane(&party.account), &work(&party.account))?
            .map(|job| job.id),
    };
    match (due, waits) {
        (Some(due), Some(job)) => tx.reschedule(job, due, Again::Fresh),
        (None, Some(job)) => tx.complete(job),
        (None, None) => Ok(()),
        (Some(due), None) => tx
            .enqueue(
                NewJob {
                    lane: lane(&party.account),
                    priority: Priority::Urgent,
                    due,
                    work: work(&party.account),
                },
                now,
            )
            .map(|_| ()),
    }
}

pub(super) fn unschedule(tx: &mut Tx<'_>, account: &str) -> Result<(), StoreError> {
    while let Some(job) = tx.waiting_for(&lane(account), &work(account))? {
        tx.complete(job.id)?;
    }
    Ok(())
}

/// Sees that every account's token is refreshed at its time: at a start, and when the
/// configuration has changed. A job that waits after a fault keeps its time.
///
/// # Errors
/// The store's.
pub async fn schedule_all(keeper: &Keeper) -> Result<(), StoreError> {
    let now = keeper.now();
    let store = &keeper.0.store;
    let mut wanted = Vec::new();
    for (account, connection) in store.view().connections()? {
        if let Some(party) = keeper
            .party(&account)
            .filter(|one| one.plugin == connection.plugin)
        {
            wanted.push((party, connection));
        }
    }
    store
        .write(move |tx| {
            for (party, connection) in wanted {
                let waits = tx.waiting_for(&lane(&party.account), &work(&party.account))?;
                if waits.is_none_or(|job| job.tries == 0) {
                    schedule(tx, &party, &connection, None, now)?;
                }
            }
            Ok(())
        })
        .await
}

impl Keeper {
    /// Sees that a call can begin with a token that lasts; the generation of that token,
    /// where it is the daemon's to keep.
    ///
    /// # Errors
    /// What the call would end in.
    pub async fn ready(&self, account: &str) -> Result<Option<u64>, Fault> {
        let store = |error: StoreError| Fault::Transient(error.to_string());
        let Some(party) = self.party(account).filter(Party::is_kept) else {
            return Ok(None);
        };
        let connection = party.connection(self.0.store.view()).map_err(store)?;
        let connection = connection.ok_or_else(|| Fault::Unauthorized(not_connected(account)))?;
        if let Some(ended) = &connection.ended {
            return Err(Fault::Unauthorized(ended.reason.clone()));
        }
        let now = self.now();
        // What can't be refreshed is for the platform to judge: tokens that were taken with
        // it may outlive it.
        if !times::at_its_end(&connection, now) || !connection.refreshes {
            return Ok(Some(connection.generation));
        }
        match self.refresh(party, Want::Valid, None).await {
            Ok(generation) => Ok(Some(generation)),
            Err(Trouble::Ended(reason)) => Err(Fault::Unauthorized(reason)),
            // It may do for this once.
            Err(_) if connection.expires.is_none_or(|end| end > now) => {
                Ok(Some(connection.generation))
            }
            Err(Trouble::Passing {
                wait: Some(wait), ..
            }) => Err(Fault::RateLimited(Some(wait))),
            Err(trouble @ Trouble::Refused(_)) => Err(Fault::Unauthorized(trouble.to_string())),
            Err(trouble) => Err(Fault::Transient(trouble.to_string())),
        }
    }

    /// After the platform refused the token of this generation: whether there is another,
    /// with which the call is worth one more try.
    pub async fn renew(&self, account: &str, generation: u64) -> bool {
        let Some(party) = self.party(account).filter(Party::is_kept) else {
            return false;
        };
        let connection = party.connection(self.0.store.view());
        if !connection.is_ok_and(|one| one.is_some_and(|one| one.refreshes)) {
            return false;
        }
        match self.refresh(party, Want::Instead(generation), None).await {
            Ok(now) => now != generation,
            Err(trouble) => {
                tracing::warn!(account, %trouble, "no new token for the one that was refused");
                false
            }
        }
    }

    /// The queue's row of an account's tokens.
    pub async fn run(&self, job: &Job, account: &str) -> Disposition {
        let Some(party) = self.party(account) else {
            return Disposition::Done;
        };
        match self.due(&party, job).await {
            Ok(()) => Disposition::Settled,
            Err(error) => Disposition::Fault(Fault::Transient(error.to_string())),
        }
    }

    async fn due(&self, party: &Party, job: &Job) -> Result<(), StoreError> {
        let connection = party.connection(self.0.store.view())?;
        let (Some(connection), Some(oauth)) = (connection, party.oauth()) else {
            return self.settle(party, job.id, None).await;
        };
        if !party.is_kept() || connection.ended.is_some() {
            return self.settle(party, job.id, None).await;
        }
        let now = self.now();
        if !connection.refreshes {
            // Nobody but the user can.
            let cause = connection
                .expires
                .filter(|_| times::due(oauth, &connection).is_some_and(|due| due <= now))
                .map(|end| Cause::expiring(&party.account, end));
            let over = cause.is_some();
            return self
                .settle(party, job.id, cause.map(|cause| (cause, over)))
                .await;
        }
        match self.refresh(party.clone(), Want::Due, Some(job.id)).await {
            Ok(_) => {
                let end = party
                    .connection(self.0.store.view())?
                    .filter(|one| times::warning(one).is_some_and(|at| at <= self.now()))
                    .and_then(|connection| connection.refresh_expires);
                let cause = end.map(|end| Cause::expiring(&party.account, end));
                self.settle(party, job.id, cause.map(|cause| (cause, false)))
                    .await
            }
            Err(Trouble::Ended(_)) => self.settle(party, job.id, None).await,
            Err(Trouble::TooYoung(until)) => {
                let (id, now) = (job.id, self.now());
                let write = self
                    .0
                    .store
                    .write(move |tx| tx.put_off(id, until, Again::Later, now));
                write.await
            }
            Err(trouble) => self.postpone(party, job, &connection, trouble).await,
        }
    }

    /// The job waits for the next time, or is over; with an alarm where there is one.
    async fn settle(
        &self,
        party: &Party,
        job: Id,
        told: Option<(Cause, bool)>,
    ) -> Result<(), StoreError> {
        let now = self.now();
        let party = party.clone();
        self.0
            .store
            .write(move |tx| {
                let over = told.as_ref().is_some_and(|(_, over)| *over);
                if let Some((cause, _)) = &told {
                    alarm::raise(tx, cause, now)?;
                }
                match tx.connection(&party.account)? {
                    Some(connection) if !over && connection.plugin == party.plugin => {
                        schedule(tx, &party, &connection, Some(job), now)
                    }
                    _ => tx.complete(job),
                }
            })
            .await
    }

    async fn postpone(
        &self,
        party: &Party,
        job: &Job,
        connection: &Connection,
        trouble: Trouble,
    ) -> Result<(), StoreError> {
        let now = self.now();
        let retry = self.0.config.borrow().daemon.retry.clone();
        let tries = job.tries + 1;
        let wait = match &trouble {
            Trouble::Passing {
                wait: Some(wait), ..
            } => *wait,
            _ => queue::backoff(job.id.0, tries, &retry),
        };
        let at_once = matches!(trouble, Trouble::Refused(_));
        let ended = connection.expires.is_some_and(|end| end <= now);
        let cause = (at_once || ended || tries >= FAILS)
            .then(|| Cause::refresh(&party.account, &trouble.to_string(), connection.expires));
        tracing::warn!(account = party.account, %trouble, tries, "a refresh failed");
        let fault = JobFault {
            at: now,
            fault: Fault::Transient(trouble.to_string()),
        };
        let (id, due) = (job.id, now.saturating_add(wait));
        self.0
            .store
            .write(move |tx| {
                if let Some(cause) = &cause {
                    alarm::raise(tx, cause, now)?;
                }
                tx.put_off(id, due, Again::Fault(fault), now)
            })
            .await
    }

    /// The generation of the token that is there afterwards.
    async fn refresh(&self, party: Party, want: Want, job: Option<Id>) -> Result<u64, Trouble> {
        let keeper = self.clone();
        let task = tokio::spawn(async move {
            let turn = keeper.turn(&party.account);
            let _mine = turn.lock().await;
            keeper.refresh_in_turn(&party, want, job).await
        });
        task.await
            .unwrap_or_else(|error| Err(passing(error.to_string())))
    }

    async fn refresh_in_turn(
        &self,
        party: &Party,
        want: Want,
        job: Option<Id>,
    ) -> Result<u64, Trouble> {
        let now = self.now();
        let store = &self.0.store;
        let account = &party.account;
        let connection = party
            .connection(store.view())?
            .ok_or_else(|| Trouble::Ended(not_connected(account)))?;
        let oauth = party
            .oauth()
            .ok_or_else(|| Trouble::Refused("its plugin has no OAuth 2".to_owned()))?;
        if let Some(ended) = connection.ended {
            return Err(Trouble::Ended(ended.reason));
        }
        let wanted = match want {
            Want::Due => times::due(oauth, &connection).is_some_and(|due| due <= now),
            Want::Valid => times::at_its_end(&connection, now),
            Want::Instead(generation) => connection.generation == generation,
        };
        if !wanted {
            return Ok(connection.generation);
        }
        let old_enough = times::oldest_enough(oauth, &connection);
        if old_enough > now {
            return Err(Trouble::TooYoung(old_enough));
        }
        let asking = self.asking(party, oauth)?;
        // What was begun before and never ended stays what it is told by.
        let lost = connection.attempt;
        self.note_attempt(account, Some(lost.unwrap_or(now)))
            .await?;
        let answer = self.ask(party, oauth, asking).await;
        match answer {
            Ok(tokens) => self.keep(party, oauth, tokens, job).await,
            Err(Outcome::NotSent(trouble)) => {
                self.note_attempt(account, lost).await?;
                Err(trouble)
            }
            Err(Outcome::Unknown(trouble)) => Err(trouble),
            Err(Outcome::Ended(reason)) => self.end(party, &reason, lost).await,
        }
    }

    fn asking(&self, party: &Party, oauth: &Oauth2) -> Result<Asking, Trouble> {
        let secret = |name: &str| {
            let found = self.0.vault.get(&party.plugin, &party.account, name);
            found.map_err(|error| Trouble::Refused(error.to_string()))
        };
        let held = Held {
            access: secret(&oauth.access_token)?,
            refresh: match &oauth.refresh_token {
                Some(name) => secret(name)?,
                None => None,
            },
        };
        refreshing(party, oauth, &held).map_err(Trouble::Refused)
    }

    async fn ask(&self, party: &Party, oauth: &Oauth2, asking: Asking) -> Result<Tokens, Outcome> {
        let host = asking.url.host_str().unwrap_or_default().to_owned();
        let at_host = |reason: String| format!("{host}: {reason}");
        let asked = self
            .0
            .broker
            .ask(asking)
            .await
            .map_err(|error| match error {
                Error::NoAnswer(_) | Error::TooLarge(_) => {
                    Outcome::Unknown(passing(error.to_string()))
                }
                Error::NotSent(_) => Outcome::NotSent(passing(error.to_string())),
                error => Outcome::NotSent(Trouble::Refused(at_host(error.to_string()))),
            })?;
        let mut names = vec![oauth.access_token.clone()];
        names.extend(oauth.refresh_token.clone());
        let secrets: Vec<SecretString> = names
            .iter()
            .filter_map(|name| self.0.vault.get(&party.plugin, &party.account, name).ok()?)
            .chain(party.app.secret.clone())
            .collect();
        let secrets: Vec<&SecretString> = secrets.iter().collect();
        answer::read(oauth, &asked, &secrets).map_err(|no| match no {
            No::Ended(reason) => Outcome::Ended(reason),
            No::Refused(reason) => Outcome::NotSent(Trouble::Refused(at_host(reason))),
            No::Passing(reason, wait) => {
                let trouble = Trouble::Passing {
                    reason: at_host(reason),
                    wait,
                };
                // A server that broke may have got as far as to take the token.
                match asked.status {
                    500.. => Outcome::Unknown(trouble),
                    _ => Outcome::NotSent(trouble),
                }
            }
        })
    }

    async fn note_attempt(&self, account: &str, at: Option<Timestamp>) -> Result<(), StoreError> {
        let account = account.to_owned();
        self.0
            .store
            .write(move |tx| {
                if let Some(mut connection) = tx.connection(&account)? {
                    connection.attempt = at;
                    tx.set_connection(&account, Some(&connection))?;
                }
                Ok(())
            })
            .await
    }

    /// Durable when it returns, and used by nobody before.
    async fn keep(
        &self,
        party: &Party,
        oauth: &Oauth2,
        tokens: Tokens,
        job: Option<Id>,
    ) -> Result<u64, Trouble> {
        let now = self.now();
        let mut connection = party.connection(self.0.store.view())?.unwrap_or_default();
        let values = renewed(&mut connection, oauth, &tokens, now);
        let sealed = self
            .0
            .vault
            .seal(&party.plugin, &party.account, &values)
            .map_err(|error| passing(error.to_string()))?;
        let generation = connection.generation;
        let party = party.clone();
        let account = party.account.clone();
        self.0
            .store
            .write(move |tx| {
                sealed.put(tx);
                tx.set_connection(&party.account, Some(&connection))?;
                schedule(tx, &party, &connection, job, now)?;
                alarm::clear(tx, &Cause::refresh_key(&party.account), now)?;
                if times::warning(&connection).is_none_or(|at| at > now) {
                    alarm::clear(tx, &Cause::expiring_key(&party.account), now)?;
                }
                Ok::<_, StoreError>(())
            })
            .await?;
        tracing::info!(account, "its token was refreshed");
        Ok(generation)
    }

    /// The platform says that the grant is gone: somebody is told, and nothing more of the
    /// account goes out.
    async fn end(
        &self,
        party: &Party,
        reason: &str,
        lost: Option<Timestamp>,
    ) -> Result<u64, Trouble> {
        let now = self.now();
        let mut reason = format!("the platform refreshes its token no more ({reason})");
        if let Some(at) = lost {
            reason.push_str(&format!(
                "; a refresh that was begun at {at} was broken off before its answer was kept, \
                 and the tokens in that answer are lost"
            ));
        }
        let config: std::sync::Arc<Config> = self.0.config.borrow().clone();
        let account = party.account.clone();
        let told = reason.clone();
        self.0
            .store
            .write(move |tx| {
                if let Some(mut connection) = tx.connection(&account)? {
                    connection.ended = Some(Ended {
                        at: now,
                        reason: told.clone(),
                    });
                    connection.attempt = None;
                    tx.set_connection(&account, Some(&connection))?;
                }
                alarm::clear(tx, &Cause::refresh_key(&account), now)?;
                publish::refuse(tx, &config, &account, &told, now)
            })
            .await?;
        tracing::error!(
            account = party.account,
            reason,
            "the account is no longer connected"
        );
        Err(Trouble::Ended(reason))
    }
}

/// The request that gives new tokens for the old ones.
pub(super) fn refreshing(party: &Party, oauth: &Oauth2, held: &Held) -> Result<Asking, String> {
    let own = &oauth.refresh;
    let url = own.url.as_deref().unwrap_or(&oauth.token);
    if !own.parameters.is_empty() {
        let parameters = party.parameters(&own.parameters, held)?;
        return party.asking(url, own.method, Vec::new(), &parameters);
    }
    let token = held.refresh.as_ref().ok_or_else(|| {
        format!(
            "the platform gave no refresh token; `jarchi account auth {}` asks for one",
            party.account
        )
    })?;
    let parameters = vec![
        ("grant_type".to_owned(), "refresh_token".to_owned().into()),
        (
            "refresh_token".to_owned(),
            token.expose_secret().to_owned().into(),
        ),
    ];
    // As at the code's place, where it is the same one.
    let method = match own.url {
        Some(_) => own.method,
        None => oauth.token_method,
    };
    party.with_app(oauth, url, method, parameters)
}

/// A refresh without tokens, by what became of the old ones.
enum Outcome {
    /// They are what they were.
    NotSent(Trouble),
    /// The platform may have taken them.
    Unknown(Trouble),
    Ended(String),
}
