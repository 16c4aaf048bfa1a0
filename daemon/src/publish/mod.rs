//! Deliveries to receipts, each exactly once as far as the platform allows.
//!
//! A delivery's state changes in one place, `transition`, each change in one durable
//! batch together with the queue's row. Before a connector is called for a step that can
//! publish something, the delivery is on disk as `attempting`; found so after a crash, or
//! left without an answer, it is `unknown`, and is looked up before anything is sent
//! again. `record` writes what a change comes to, `attempt` makes the calls, `rails` has the
//! ceilings, `breaker` keeps off what would fail, `command` has what people ask for, and
//! `approval` the posts that a person lets out.

mod approval;
mod attempt;
mod breaker;
mod command;
mod connector;
mod rails;
mod record;
mod restored;
mod transition;

pub use approval::{ReviewError, decide, is_pending, see_to_deadline};
pub(crate) use approval::{consult, propose};
pub use attempt::Publisher;
pub use breaker::{after_start, mend, refuse};
pub use command::{CommandError, Resolution, cancel, held, hold, move_to, release, resolve, retry};
pub(crate) use command::{cancel_in, hold_over, move_in};
pub use connector::{
    Answer, Answering, Call, Connector, Connectors, Finding, Measured, Outcome, Preparation,
    Promise, Unavailable, in_words,
};
pub use rails::{Verdict, fingerprint};
pub(crate) use record::posted_note;
pub use record::{NewDelivery, lane, new_delivery};
pub use transition::Event;
