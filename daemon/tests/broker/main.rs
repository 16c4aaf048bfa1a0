//! The broker, from a plugin's request to a server's socket and back.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod addresses;
mod captured;
mod limits;
mod media;
mod pacing;
mod proofs;
mod reach;
mod redirects;
mod secrets;
mod signatures;
mod world;
