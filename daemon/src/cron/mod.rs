//! Cron expressions and slots become moments. Everything here is a function of its
//! arguments: the clock is the caller's.
//!
//! The `cron` crate reads nothing but numbers from us and steps over *local* time; the
//! words of crontab(5), the time zone and the daylight-saving rule are ours, because the
//! crate skips a day in spring and repeats an hour out of order in autumn.

mod day;
mod error;
mod expression;
mod field;
mod misfire;
mod slots;
mod zone;

pub use error::{CronError, CronField};
pub use expression::Cron;
pub use misfire::{Fires, GRACE, due_fires};
pub use slots::{next_free_slot, slots_between};

#[cfg(test)]
mod tests;
