//! The daemon as its users have it: a process with a configuration, its commands beside
//! it, and a server to publish on.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what goes wrong fails the test"
)]

mod approval;
mod commands;
mod configuration;
mod data;
mod endpoint;
mod faults;
mod feed;
mod folder;
mod makers;
mod planning;
mod stopping;
mod systemd;
mod trends;
mod trouble;
mod words;
mod writer;

use std::process::Output;

use jarchi_tests::daemon::{Home, config};
use jarchi_tests::standin::Standin;
use serde_json::Value;

/// A server with the account `cafe`, and a home that posts there.
async fn stage() -> (Standin, Home) {
    let standin = Standin::start(&["cafe", "shop"]);
    let home = Home::new(&config(&standin, &["cafe", "shop"])).await;
    (standin, home)
}

fn words(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// The numbers of the post, and of its first delivery.
fn numbers(posted: &Value) -> (String, String) {
    let delivery = &posted["deliveries"][0]["delivery"];
    (posted["post"].to_string(), delivery.to_string())
}

/// The one delivery of this number.
async fn delivery(home: &Home, number: &str) -> Value {
    let shown = home.json(&["queue", "show", number]).await;
    shown["deliveries"][0].clone()
}

/// The name of a delivery's state.
fn state(delivery: &Value) -> String {
    match &delivery["state"] {
        Value::String(name) => name.clone(),
        Value::Object(state) => state.keys().next().unwrap().clone(),
        other => panic!("no state: {other}"),
    }
}

fn png() -> Vec<u8> {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD
        .decode(
            "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
        )
        .unwrap()
}
