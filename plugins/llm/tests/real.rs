//! Against a real model server: docs/llm.md tells how to have one. Where there is none,
//! the tests are passed over, unless `JARCHI_REQUIRE_LLM` is `1`.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;

use common::*;
use jarchi_plugin_llm::Llm;
use jarchi_plugin_llm::ledger::Day;
use jarchi_plugin_sdk::generator::Brief;
use jarchi_plugin_sdk::http::HttpError;
use jarchi_plugin_sdk::testing::{Answer, Host, Request};
use jarchi_plugin_sdk::{Error, Generator};
use serde_json::{Value, json};

struct Server {
    url: String,
    key: Option<String>,
    model: String,
}

fn server() -> Option<Server> {
    let told = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let Some(url) = told("JARCHI_LLM_URL") else {
        assert_ne!(
            told("JARCHI_REQUIRE_LLM").as_deref(),
            Some("1"),
            "JARCHI_REQUIRE_LLM=1, and JARCHI_LLM_URL names no server"
        );
        eprintln!("*** PASSED OVER: JARCHI_LLM_URL names no model server (docs/llm.md)");
        return None;
    };
    Some(Server {
        url,
        key: told("JARCHI_LLM_KEY"),
        model: told("JARCHI_LLM_MODEL").unwrap_or_else(|| String::from("local")),
    })
}

impl Server {
    fn host(&self, key: Option<&str>) -> Host {
        let key = key.map(str::to_owned);
        let host = Host::new();
        host.serve(move |request| carry(request, key.as_deref()));
        host
    }

    fn brief(&self, more: Value) -> Brief {
        let mut settings =
            json!({ "endpoint": self.url, "model": self.model, "own_hashtags": true });
        settings
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        brief(settings)
    }
}

/// The request over a plain connection, as the broker would send it.
fn carry(request: &Request, key: Option<&str>) -> Answer {
    let asks_for_key = request.header("authorization").is_some();
    if asks_for_key && key.is_none() {
        return Answer::error(HttpError::MissingSecret("api_key".into()));
    }
    let (address, path) = request
        .url
        .strip_prefix("http://")
        .and_then(|rest| rest.split_once('/'))
        .expect("a plain address");
    let mut head = format!(
        "{} /{path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {}\r\n",
        request.method,
        request.bytes().len()
    );
    for (name, value) in &request.headers {
        let value = value.replace("${secret:api_key}", key.unwrap_or_default());
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let mut stream = TcpStream::connect(address).expect("the server");
    stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
    stream.write_all(request.bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let gap = answer
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .expect("a head");
    let (head, body) = (
        String::from_utf8_lossy(&answer[..gap]).to_lowercase(),
        &answer[gap + 4..],
    );
    assert!(!head.contains("transfer-encoding: chunked"), "{head}");
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer::new(status, "application/json", body)
}

#[test]
fn a_real_model_writes_a_draft() {
    let Some(server) = server() else { return };
    let host = server.host(server.key.as_deref());
    let mut brief = server.brief(json!({ "tokens_per_day": 1_000_000, "retries": 5 }));
    brief.accounts.push(account("sky", "bluesky", 300));
    let batch = Llm::generate(&brief).unwrap();
    let day: Day = host.kept("day/2026-11-24").unwrap();
    eprintln!("{:?}\n{day:?}", batch.drafts);
    assert!(
        day.requests > 0 && day.tokens_in > 100 && day.tokens_out > 0,
        "{day:?}"
    );
    for request in host.requests() {
        assert_eq!(
            request.json()["response_format"]["type"],
            "json_schema",
            "it takes schemas"
        );
    }
    // A model may fail at what it is asked; what does not pass is told, not published.
    assert_eq!(
        batch.drafts.len() + batch.problems.len(),
        1,
        "{:?}",
        batch.problems
    );
    if let Some(draft) = batch.drafts.first() {
        assert!(!draft.post.text.is_empty());
    }
}

#[test]
fn a_real_server_refuses_a_wrong_key() {
    let Some(server) = server() else { return };
    if server.key.is_none() {
        return;
    }
    for key in [Some("wrong"), None] {
        let host = server.host(key);
        let fault = Llm::generate(&server.brief(json!({}))).unwrap_err();
        assert!(matches!(fault, Error::Unauthorized(_)), "{fault:?}");
        let day: Day = host.kept("day/2026-11-24").unwrap();
        assert_eq!((day.tokens_in, day.tokens_out), (0, 0));
    }
}

#[test]
fn a_real_answer_that_is_cut_is_transient() {
    let Some(server) = server() else { return };
    let host = server.host(server.key.as_deref());
    let fault =
        Llm::generate(&server.brief(json!({ "max_tokens": 16, "retries": 0 }))).unwrap_err();
    assert!(matches!(fault, Error::Transient(_)), "{fault:?}");
    drop(host);
}

/// More facts than a small model can read at once.
#[test]
fn a_real_server_refuses_a_prompt_that_is_too_long() {
    let Some(server) = server() else { return };
    if std::env::var_os("JARCHI_LLM_SMALL").is_none() {
        return;
    }
    let host = server.host(server.key.as_deref());
    host.folder_file("facts", "a.txt", "text/plain", "çay ".repeat(10_000));
    let fault = Llm::generate(&server.brief(json!({ "facts": "facts" }))).unwrap_err();
    assert!(
        matches!(&fault, Error::Invalid(reason) if reason.contains("context")),
        "{fault:?}"
    );
}
