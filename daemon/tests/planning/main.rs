//! The plan station, from outside: the shares that it holds, and slots that become posts.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

#[path = "../common/mod.rs"]
mod common;

mod approval;
mod filling;
mod learned;
mod shares;
mod stage;
mod told;
mod world;
