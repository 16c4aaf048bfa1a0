//! A plugin that breaks every rule, in the real host, behind the real broker: each breach
//! is the clear error of that one call, and the next call of a good plugin works.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what goes wrong fails the test"
)]

mod limits;
mod loading;
mod publishing;
mod requests;
mod secrets;
mod stage;
mod web;
