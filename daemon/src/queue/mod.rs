//! Durable jobs: due order, lanes, leases, retries, dead letters.
//!
//! A job waits in a lane; the jobs of one lane run one after the other, in the order in
//! which they are due, the urgent first. The [`Dispatcher`] knows, for each lane, when its
//! next job is due, and sleeps until the earliest of these times: nothing polls. What it
//! remembers is a hint; the store decides at the claim.

mod backoff;
mod dispatcher;
mod lanes;

use std::future::Future;
use std::pin::Pin;

pub use backoff::{Next, after_fault, backoff};
pub(crate) use dispatcher::note_rest;
pub use dispatcher::{Beat, Dispatcher, Handle, Options};

use crate::model::{Fault, Job, Timestamp};
use crate::store::{StoreError, Tx};

/// What a worker made of a job.
#[derive(Clone, Debug, PartialEq)]
pub enum Disposition {
    /// The worker has written what became of the job, in a batch of its own.
    Settled,
    /// As `Settled`, and the lane rests until then: the platform asked for it.
    Rest(Timestamp),
    /// Done: the job is forgotten.
    Done,
    /// Not before then; this was no try.
    Later(Timestamp),
    /// It went wrong: tried again or buried, by the rules of [`after_fault`].
    Fault(Fault),
}

/// Lanes that share a bound on how many of them run at once: those of one plugin.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Group {
    pub name: String,
    /// Jobs at once.
    pub limit: usize,
}

pub type Working<'a> = Pin<Box<dyn Future<Output = Disposition> + Send + 'a>>;

/// Does the work.
pub trait Worker: Send + Sync + 'static {
    fn run(&self, job: Job) -> Working<'_>;
    fn group(&self, lane: &str) -> Group;

    /// Called in the batch that forgets a job that is done.
    ///
    /// # Errors
    /// The store's.
    fn done(&self, _tx: &mut Tx<'_>, _job: &Job, _now: Timestamp) -> Result<(), StoreError> {
        Ok(())
    }

    /// Called in the batch that makes a job a dead letter.
    ///
    /// # Errors
    /// The store's.
    fn buried(
        &self,
        _tx: &mut Tx<'_>,
        _job: &Job,
        _reason: &str,
        _now: Timestamp,
    ) -> Result<(), StoreError> {
        Ok(())
    }
}
