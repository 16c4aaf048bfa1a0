//! Platforms that stand in for the real ones: each answers as its documents say, refuses
//! what the platform would refuse, and has every request looked at by the platform's
//! machine-readable specification ([`spec`]). A connector's own tests reach them without
//! a network ([`Stage`]); tests of the whole daemon serve them over HTTP.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what goes wrong fails the test"
)]

pub mod ads;
pub mod discord;
pub mod facebook;
pub mod instagram;
pub mod linkedin;
mod message;
pub mod openai;
pub mod sign;
pub mod spec;
mod stage;
pub mod telegram;
pub mod threads;
pub mod tiktok;
pub mod webhook;
pub mod x;
pub mod youtube;

pub use message::{Answer, Part, Request};
pub use stage::{Stage, Stuck, Trouble};

/// A platform with its books.
pub trait Platform: Send + 'static {
    /// Answers a request at this time (milliseconds since 1970). Panics, and so fails the
    /// test, where the platform's specification does not allow the request.
    fn answer(&mut self, request: &Request, now: u64) -> Answer;
}
