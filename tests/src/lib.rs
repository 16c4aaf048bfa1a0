//! What the end-to-end tests share: the servers that they run against.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what goes wrong fails the test"
)]

pub mod audience;
pub mod bin;
pub mod chance;
pub mod chaos;
pub mod daemon;
pub mod fuzz;
pub mod hook;
pub mod killer;
pub mod lodge;
pub mod mail;
pub mod pds;
pub mod photo;
pub mod platforms;
pub mod plugins;
pub mod standin;
pub mod year;
