//! Does what its settings say, and nothing that a decent plugin would: one component for
//! every limit of the host and every rule of the broker.

use jarchi_plugin_sdk::http::{HttpError, MediaSlice, Multipart, Part, PartBody, Request};
use jarchi_plugin_sdk::{
    Account, Batch, Brief, Delivery, Error, Generator, Outcome, Post, Problem, Publisher, Receipt,
    Result, http, kv, log, media, random,
};
use serde::Deserialize;
use serde_json::{Value, json};

struct Hostile;

#[derive(Deserialize)]
struct Settings {
    behave: Behaviour,
}

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
enum Behaviour {
    /// Nothing bad.
    Behave,
    LoopForever,
    /// Loops between requests, each burst too short to be caught in the act.
    LoopInBursts {
        url: String,
    },
    GrowMemory,
    RecurseForever,
    Panic {
        message: String,
    },
    ReturnHuge {
        bytes: usize,
    },
    /// A state between two steps.
    ReturnState {
        bytes: usize,
    },
    /// A body.
    SendHuge {
        url: String,
        bytes: usize,
    },
    /// One after the other, whatever they answer.
    SendMany {
        url: String,
        count: usize,
    },
    Log {
        lines: usize,
        bytes: usize,
    },
    KvSet {
        key: String,
        bytes: usize,
    },
    KvGet {
        key: String,
    },
    KvKeys,
    /// Writes, and then does not end well.
    KvSetAndPanic {
        key: String,
    },
    RandomBytes {
        count: u32,
    },
    Request(Wanted),
    /// Breaks off in the middle of what can't be taken back.
    RequestAndPanic(Wanted),
    /// Reads a file that may not be its own.
    ReadFile {
        id: String,
    },
    /// Sends a file that may not be its own.
    SendFile {
        url: String,
        id: String,
    },
    ListFolder {
        folder: String,
    },
    /// One after the other, whatever they answer.
    CallHost {
        calls: Vec<HostCall>,
    },
}

/// A function of the host, with any arguments.
#[derive(Deserialize)]
#[serde(tag = "call", rename_all = "kebab-case")]
enum HostCall {
    Send {
        method: String,
        url: String,
        headers: Vec<(String, String)>,
        body: AnyBody,
        timeout: Option<u64>,
    },
    Describe {
        id: String,
    },
    Read {
        id: String,
        offset: u64,
        length: u32,
    },
    ListFiles {
        folder: String,
    },
    KvGet {
        key: String,
    },
    KvSet {
        key: String,
        value: String,
    },
    KvDelete {
        key: String,
    },
    KvKeys {
        prefix: String,
    },
    Log {
        message: String,
        key: String,
        value: String,
    },
    Random {
        count: u32,
    },
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum AnyBody {
    None,
    Text { text: String },
    Media { slice: AnySlice },
    Form { parts: Vec<AnyPart> },
}

#[derive(Deserialize)]
struct AnySlice {
    id: String,
    offset: u64,
    length: Option<u64>,
}

impl From<AnySlice> for MediaSlice {
    fn from(slice: AnySlice) -> Self {
        MediaSlice {
            id: slice.id,
            offset: slice.offset,
            length: slice.length,
        }
    }
}

#[derive(Deserialize)]
struct AnyPart {
    name: String,
    filename: Option<String>,
    content_type: Option<String>,
    text: Option<String>,
    media: Option<AnySlice>,
}

fn call_host(call: HostCall) -> Value {
    match call {
        HostCall::Send {
            method,
            url,
            headers,
            body,
            timeout,
        } => {
            let mut request = Request::new(&method, url);
            for (name, value) in headers {
                request = request.header(&name, value);
            }
            if let Some(timeout) = timeout {
                request = request.timeout(timeout);
            }
            answer(match body {
                AnyBody::None => request,
                AnyBody::Text { text } => request.body("text/plain", text),
                AnyBody::Media { slice } => request.media_slice("image/png", slice.into()),
                AnyBody::Form { parts } => {
                    let form = parts.into_iter().map(part);
                    request.multipart(form.fold(Multipart::new(), Multipart::part))
                }
            })
        }
        HostCall::Describe { id } => told(media::describe(&id).map(|file| file.size)),
        HostCall::Read { id, offset, length } => {
            told(media::read_at(&id, offset, length).map(|bytes| bytes.len()))
        }
        HostCall::ListFiles { folder } => told(media::list(&folder).map(|files| files.len())),
        HostCall::KvGet { key } => told(kv::get::<Value>(&key)),
        HostCall::KvSet { key, value } => told(kv::set(&key, &value)),
        HostCall::KvDelete { key } => told(kv::delete(&key)),
        HostCall::KvKeys { prefix } => told(kv::keys(&prefix)),
        HostCall::Log {
            message,
            key,
            value,
        } => {
            log::write(log::Level::Info, &message, &[(key, value)]);
            Value::Null
        }
        HostCall::Random { count } => json!(random::bytes(count).len()),
    }
}

fn part(part: AnyPart) -> Part {
    Part {
        name: part.name,
        filename: part.filename,
        content_type: part.content_type,
        body: match part.media {
            Some(slice) => PartBody::Media(slice.into()),
            None => PartBody::Bytes(part.text.unwrap_or_default().into_bytes()),
        },
    }
}

fn told<T: serde::Serialize, E: std::fmt::Debug>(result: Result<T, E>) -> Value {
    match result {
        Ok(value) => json!(value),
        Err(error) => json!({ "error": format!("{error:?}") }),
    }
}

#[derive(Deserialize)]
struct Wanted {
    #[serde(default = "get")]
    method: String,
    url: String,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default)]
    body: String,
}

fn get() -> String {
    "GET".to_owned()
}

/// What was seen, for the test to look at.
fn behave(behaviour: Behaviour) -> Result<Value> {
    Ok(match behaviour {
        Behaviour::Behave => json!("good"),
        Behaviour::LoopForever => loop_forever(),
        Behaviour::LoopInBursts { url } => loop {
            for turn in 0..1_000_000_u32 {
                std::hint::black_box(turn);
            }
            let _ = http::get(url.as_str()).send();
        },
        Behaviour::GrowMemory => grow_memory(),
        Behaviour::RecurseForever => json!(deeper(1)),
        Behaviour::Panic { message } => fall_over(&message),
        Behaviour::ReturnHuge { bytes } => json!("x".repeat(bytes)),
        Behaviour::ReturnState { .. } => json!("see `publish`"),
        Behaviour::SendHuge { url, bytes } => {
            answer(http::post(url).body("text/plain", vec![b'x'; bytes]))
        }
        Behaviour::SendMany { url, count } => {
            let mut answers = Value::Null;
            for _ in 0..count {
                answers = answer(http::get(url.as_str()));
            }
            if answers["error"].is_string() {
                return Err(Error::Invalid(answers.to_string()));
            }
            answers
        }
        Behaviour::Log { lines, bytes } => {
            for _ in 0..lines {
                log::info!("{}", "x".repeat(bytes));
            }
            json!("logged")
        }
        Behaviour::KvSet { key, bytes } => match kv::set(&key, &"x".repeat(bytes)) {
            Ok(()) => json!("kept"),
            Err(error) => return Err(Error::Invalid(format!("{error:?}"))),
        },
        Behaviour::KvGet { key } => {
            json!(kv::get::<Value>(&key).map_err(|error| Error::Invalid(format!("{error:?}")))?)
        }
        Behaviour::KvKeys => {
            json!(kv::keys("").map_err(|error| Error::Invalid(format!("{error:?}")))?)
        }
        Behaviour::KvSetAndPanic { key } => {
            let kept = kv::set(&key, "x");
            fall_over(&format!("after {kept:?}"))
        }
        Behaviour::RandomBytes { count } => json!(random::bytes(count)),
        Behaviour::Request(wanted) => answer(wanted.into()),
        Behaviour::RequestAndPanic(wanted) => {
            let seen = answer(wanted.into());
            fall_over(&format!("after {seen}"))
        }
        Behaviour::ReadFile { id } => match media::read(&id, 1 << 20) {
            Ok(bytes) => json!(String::from_utf8_lossy(&bytes)),
            Err(error) => json!({ "error": format!("{error:?}") }),
        },
        Behaviour::SendFile { url, id } => {
            let slice = MediaSlice {
                id,
                offset: 0,
                length: None,
            };
            answer(http::post(url).media_slice("text/plain", slice))
        }
        Behaviour::CallHost { calls } => calls.into_iter().map(call_host).collect(),
        Behaviour::ListFolder { folder } => match media::list(&folder) {
            Ok(files) => json!(files.iter().map(|file| &file.path).collect::<Vec<_>>()),
            Err(error) => json!({ "error": format!("{error:?}") }),
        },
    })
}

impl From<Wanted> for Request {
    fn from(wanted: Wanted) -> Self {
        let mut request = Request::new(&wanted.method, wanted.url);
        for (name, value) in wanted.headers {
            request = request.header(&name, value);
        }
        if !wanted.body.is_empty() {
            request = request.body("application/json", wanted.body);
        }
        request
    }
}

// Functions of their own, for the tests to find in backtraces.

#[inline(never)]
fn loop_forever() -> ! {
    loop {
        std::hint::black_box(());
    }
}

#[inline(never)]
fn grow_memory() -> ! {
    let mut all: Vec<Vec<u8>> = Vec::new();
    loop {
        all.push(vec![1; 1 << 20]);
        std::hint::black_box(&all);
    }
}

#[inline(never)]
#[expect(clippy::panic, reason = "it is what this is for")]
fn fall_over(message: &str) -> ! {
    panic!("{message}")
}

/// Not in tail position, so that no optimiser makes a loop of it.
#[inline(never)]
#[expect(unconditional_recursion, reason = "it is what this is for")]
fn deeper(depth: u64) -> u64 {
    let here = [depth; 16];
    deeper(std::hint::black_box(here)[3] + 1) + std::hint::black_box(here)[7]
}

fn answer(request: Request) -> Value {
    match request.send() {
        Ok(answer) => json!({
            "status": answer.status,
            "headers": answer.headers,
            "body": answer.text(),
            "url": answer.url,
        }),
        Err(error) => {
            let (kind, text) = match error {
                HttpError::Denied(text) => ("denied", text),
                HttpError::Invalid(text) => ("invalid", text),
                HttpError::MissingSecret(text) => ("missing-secret", text),
                HttpError::Paced(wait) => ("paced", wait.to_string()),
                HttpError::NotSent(text) => ("not-sent", text),
                HttpError::NoAnswer(text) => ("no-answer", text),
                HttpError::TooLarge(most) => ("too-large", most.to_string()),
            };
            json!({ "error": kind, "text": text })
        }
    }
}

impl Publisher for Hostile {
    type State = Value;

    fn validate(_: &Account, _: &Post) -> Result<Vec<Problem>> {
        Ok(Vec::new())
    }

    fn publish(delivery: &Delivery) -> Result<Outcome> {
        let Settings { behave: behaviour } = delivery.account.settings()?;
        if let Behaviour::ReturnState { bytes } = behaviour {
            return Outcome::processing(&json!("x".repeat(bytes)), "half of it");
        }
        let seen = behave(behaviour)?;
        let mut receipt = Receipt::new("done");
        receipt.data = Some(seen.to_string());
        Ok(receipt.into())
    }
}

impl Generator for Hostile {
    fn generate(brief: &Brief) -> Result<Batch> {
        let Settings { behave: behaviour } = brief.settings()?;
        let seen = behave(behaviour)?;
        Ok(Batch {
            problems: vec![Problem::warning("seen", seen.to_string())],
            ..Batch::empty()
        })
    }
}

jarchi_plugin_sdk::export!(Hostile: publisher, generator);
