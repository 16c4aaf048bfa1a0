//! Receipts to series of numbers, and questions about them.
//!
//! A delivery that is out is measured at the ages that the configuration names
//! ([`ages`]), several in one call, by one job of its account ([`Collector`]); schedules and
//! commands measure besides. Each reading goes into the delivery's series and into the small
//! record of the post, from which questions about many posts are answered ([`query`]).

mod agenda;
pub mod ages;
mod collect;
pub mod engagement;
mod gauges;
pub mod goals;
pub mod learn;
pub mod query;

pub(crate) use agenda::published;
pub use agenda::{lane, resume};
pub use collect::Collector;
pub use gauges::show_all;

/// When numbers of an account were read last.
pub(crate) fn measured_note(account: &str) -> String {
    format!("measured:{account}")
}
