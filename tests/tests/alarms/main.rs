//! Who is told of what: a real daemon, real receivers.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what goes wrong fails the test"
)]

mod breakers;
mod channels;
mod heartbeats;
mod once;

use jarchi_tests::daemon::{Home, account, config};
use jarchi_tests::hook::Hook;
use jarchi_tests::standin::{Standin, token_of};
use serde_json::Value;

/// The account `cafe` with this token, and these further lines.
fn cafe(standin: &Standin, token: &str, more: &str) -> String {
    format!(
        "{}{}{more}",
        config(standin, &[]),
        account(standin, "cafe", token)
    )
}

/// A server with the accounts `cafe` and `shop`, a receiver, and a home that tells it.
async fn stage(more: &str) -> (Standin, Hook, Home) {
    let standin = Standin::start(&["cafe", "shop"]);
    let hook = Hook::start().await;
    let text = format!(
        "{}{}{}{more}",
        config(&standin, &[]),
        account(&standin, "cafe", &token_of("cafe")),
        hook.block("ops", "")
    );
    let home = Home::new(&text).await;
    (standin, hook, home)
}

/// The alarm of this cause, as `jarchi alarm list` has it.
async fn alarm(home: &Home, cause: &str) -> Option<Value> {
    let list = home.json(&["alarm", "list"]).await;
    let alarms = list["alarms"].as_array().unwrap();
    alarms.iter().find(|one| one["cause"] == cause).cloned()
}

async fn post(home: &Home, text: &str) -> String {
    let posted = home
        .json(&["post", text, "--account", "cafe", "--force"])
        .await;
    posted["deliveries"][0]["delivery"].to_string()
}

async fn delivery(home: &Home, number: &str) -> Value {
    let shown = home.json(&["queue", "show", number]).await;
    shown["deliveries"][0].clone()
}

async fn in_force(daemon: &mut jarchi_tests::daemon::Daemon, home: &Home, text: &str) {
    home.configure(text);
    // Ends when the new one is in force.
    home.ok(&["reload"]).await;
    let _ = daemon;
}
