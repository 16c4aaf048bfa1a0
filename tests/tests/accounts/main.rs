//! Accounts that are let in by OAuth 2 and stay so: the real program, a real authorization
//! server, and for one of them a real browser.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what goes wrong fails the test"
)]

mod alive;
mod browser;
mod connect;
mod ends;
mod once;
mod vault;

use std::process::{Output, Stdio};

use jarchi_tests::daemon::{Home, daemon_section};
use jarchi_tests::lodge::Lodge;
use jarchi_tests::standin::PATIENCE;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, Command};

/// A lodge, and a home with these accounts of it.
async fn stage(accounts: &[&str]) -> (Lodge, Home) {
    let lodge = Lodge::start().await;
    let text = format!("{}{}", daemon_section(), lodge.blocks(accounts));
    let home = Home::compiled("lodge", &text, |_| {}).await;
    (lodge, home)
}

/// A command that asks its user something on the way.
struct Asking {
    child: Child,
    lines: tokio::io::Lines<BufReader<tokio::process::ChildStderr>>,
    said: Vec<String>,
}

impl Asking {
    fn start(home: &Home, args: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(jarchi_tests::bin::jarchi());
        command
            .arg("--config")
            .arg(home.config())
            .args(args)
            .env_remove("JARCHI_CONFIG")
            .env_remove("BROWSER")
            .env_remove("DISPLAY")
            .env_remove("WAYLAND_DISPLAY")
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        Asking {
            child,
            lines,
            said: Vec::new(),
        }
    }

    /// The page that it shows its user.
    async fn page(&mut self) -> String {
        let reading = async {
            while let Some(line) = self.lines.next_line().await.unwrap() {
                self.said.push(line.clone());
                if line.trim().starts_with("http") {
                    return line.trim().to_owned();
                }
            }
            panic!("no page: {:?}", self.said)
        };
        tokio::time::timeout(PATIENCE, reading).await.unwrap()
    }

    async fn type_in(&mut self, line: &str) {
        let input = self.child.stdin.as_mut().unwrap();
        input
            .write_all(format!("{line}\n").as_bytes())
            .await
            .unwrap();
    }

    async fn end(mut self) -> (Output, String) {
        drop(self.child.stdin.take());
        let ending = async {
            while let Some(line) = self.lines.next_line().await.unwrap() {
                self.said.push(line);
            }
            self.child.wait_with_output().await.unwrap()
        };
        let output = tokio::time::timeout(PATIENCE, ending).await.unwrap();
        (output, self.said.join("\n"))
    }
}

/// Connects an account as a user with a browser does.
async fn connect(lodge: &Lodge, home: &Home, account: &str) -> Value {
    let args = ["account", "auth", account, "--target", "kitchen", "--json"];
    let mut asking = Asking::start(home, &args, &[]);
    let page = asking.page().await;
    let back = lodge.allow(&page).await;
    let answer = jarchi_tests::lodge::client()
        .get(&back)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    let (output, said) = asking.end().await;
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// How an account stands.
async fn standing(home: &Home, account: &str, args: &[&str]) -> Value {
    let all = home.json(args).await;
    let found = all.as_array().unwrap().iter();
    let found = found.clone().find(|one| one["account"] == account);
    found.expect("it is listed").clone()
}

async fn alarm(home: &Home, cause: &str) -> Option<Value> {
    let list = home.json(&["alarm", "list"]).await;
    let alarms = list["alarms"].as_array().unwrap();
    alarms.iter().find(|one| one["cause"] == cause).cloned()
}

async fn post(home: &Home, account: &str, text: &str) -> String {
    let posted = home
        .json(&["post", text, "--account", account, "--force"])
        .await;
    posted["deliveries"][0]["delivery"].to_string()
}

async fn state(home: &Home, delivery: &str) -> String {
    let shown = home.json(&["queue", "show", delivery]).await;
    match &shown["deliveries"][0]["state"] {
        Value::String(name) => name.clone(),
        Value::Object(state) => state.keys().next().unwrap().clone(),
        other => panic!("no state: {other}"),
    }
}

/// Nothing that the platform gave out is in these bytes.
fn is_clean(lodge: &Lodge, what: &str, bytes: &[u8]) {
    for secret in lodge.given().iter().filter(|one| !one.starts_with("code")) {
        let found = bytes
            .windows(secret.len())
            .any(|window| window == secret.as_bytes());
        assert!(!found, "{secret} is in {what}");
    }
}
