//! The files of posts, from the operator's folder to the platform.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what goes wrong fails the test"
)]

mod created;
mod fetching;
mod library;
mod prepared;
