//! The request, and what its answer means.

use jarchi_plugin_sdk::connection::Standing;
use jarchi_plugin_sdk::http::{self, Request, Response, encode};
use jarchi_plugin_sdk::{Delivery, Error, Finding, Outcome, Problem, Receipt, Result, clock};
use serde_json::Value;

use crate::payload;
use crate::settings::{Settings, Signature};

/// A key that no delivery has, for looking whether the receiver answers.
const NOBODY: &str = "00000000000000000000000000";

fn keyed(settings: &Settings, request: Request) -> Request {
    let key = http::secret("key");
    match settings.key_header.as_deref() {
        Some("authorization") => {
            request.header("authorization", format!("{} {key}", settings.key_scheme))
        }
        Some(name) => request.header(name, key),
        None => request,
    }
}

fn request(settings: &Settings, method: &str, url: &str) -> Request {
    let mut request = Request::new(method, url).header("accept", "application/json");
    for (name, value) in &settings.headers {
        request = request.header(name, value.as_str());
    }
    keyed(settings, request)
}

/// # Errors
/// As the interface's `publish`.
pub fn publish(settings: &Settings, delivery: &Delivery) -> Result<Outcome> {
    let (body, form) = payload::body(settings, delivery);
    let mut request = request(settings, settings.method.name(), &settings.url)
        .header("webhook-id", delivery.key.as_str())
        .header("webhook-timestamp", (clock::now() / 1000).to_string());
    let signature = http::signature("signing");
    request = match settings.signature {
        Signature::StandardWebhooks => {
            request.header("webhook-signature", format!("v1,{signature}"))
        }
        Signature::Sha256 => request.header("x-hub-signature-256", format!("sha256={signature}")),
        Signature::None => request,
    };
    request = match form {
        Some(form) => request.multipart(form),
        None => request.json(&body),
    };
    let answer = request.send()?;
    if settings.is_success(answer.status) {
        return Ok(receipt(settings, delivery, &answer).into());
    }
    Err(match answer.status {
        // Standard Webhooks: the receiver wants nothing more.
        410 => Error::Unauthorized(format!(
            "{}: the receiver takes no more posts",
            answer.message()
        )),
        200..=299 => Error::Invalid(format!(
            "{}, which is not among the account's `success`",
            answer.message()
        )),
        _ => match answer.for_commit() {
            Err(error) => error,
            Ok(answer) => Error::UnknownOutcome(answer.message()),
        },
    })
}

fn receipt(settings: &Settings, delivery: &Delivery, answer: &Response) -> Receipt {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
    let id = match body.pointer(&settings.id_pointer) {
        Some(Value::String(id)) if !id.is_empty() => id.clone(),
        Some(Value::Number(id)) => id.to_string(),
        _ => delivery.key.clone(),
    };
    let url = body.pointer(&settings.url_pointer).and_then(Value::as_str);
    let receipt = Receipt::new(id);
    match url.filter(|url| url.starts_with("https://") || url.starts_with("http://")) {
        Some(url) => receipt.url(url),
        None => receipt,
    }
}

/// Asks the receiver, where it can be asked. One that takes two requests of a key for one
/// may just as well be sent it again.
///
/// # Errors
/// The receiver did not tell.
pub fn find(settings: &Settings, delivery: &Delivery) -> Result<Finding> {
    let Some(lookup) = &settings.lookup_url else {
        return Ok(match settings.idempotent {
            true => Finding::Absent,
            false => Finding::CannotTell(
                "the receiver can't be asked: set `lookup_url`, or `idempotent` where it knows a post by its `webhook-id`".into(),
            ),
        });
    };
    let url = lookup.replace("{key}", &encode(&delivery.key));
    let answer = self::request(settings, "GET", &url)
        .send()
        .map_err(as_read)?;
    match answer.status {
        200 => Ok(Finding::Found(receipt(settings, delivery, &answer))),
        404 => Ok(Finding::Absent),
        202 | 204 => Ok(Finding::CannotTell(format!(
            "the receiver answered {} and no post",
            answer.status
        ))),
        _ => {
            let said = answer.message();
            answer.for_read()?;
            Ok(Finding::CannotTell(said))
        }
    }
}

fn as_read(error: http::HttpError) -> Error {
    match Error::from(error) {
        Error::UnknownOutcome(reason) => Error::Transient(reason),
        other => other,
    }
}

/// # Errors
/// The receiver offers no such thing, or refused.
pub fn delete(settings: &Settings, receipt: &Receipt) -> Result<()> {
    let Some(address) = &settings.delete_url else {
        return Err(Error::unsupported(
            "the receiver can't be told: set `delete_url`",
        ));
    };
    let url = address.replace("{id}", &encode(&receipt.id));
    let answer = self::request(settings, "DELETE", &url)
        .send()
        .map_err(as_read)?;
    match answer.status {
        404 | 410 => Ok(()),
        _ => answer.for_read().map(drop),
    }
}

/// Asks for a post that nobody sent, else for the head of the address: neither makes a
/// post.
///
/// # Errors
/// The receiver can't be reached, or refuses the key.
pub fn check(settings: &Settings) -> Result<Standing> {
    let mut problems = Vec::new();
    let (method, url) = match &settings.lookup_url {
        Some(lookup) => ("GET", lookup.replace("{key}", NOBODY)),
        None => ("HEAD", settings.url.clone()),
    };
    let answer = self::request(settings, method, &url)
        .send()
        .map_err(as_read)?;
    match answer.status {
        200..=299 | 400 | 404 | 405 | 415 | 501 => {}
        401 | 403 | 429 | 500.. => {
            answer.for_read()?;
        }
        status => problems.push(Problem::warning(
            "settings.url",
            format!("{method} is answered with {status}"),
        )),
    }
    if settings.lookup_url.is_none() && !settings.idempotent {
        problems.push(Problem::warning(
            "settings.lookup_url",
            "after a lost answer a person has to decide: neither `lookup_url` nor `idempotent` is set",
        ));
    }
    if settings.signature == Signature::None && settings.key_header.is_none() {
        problems.push(Problem::warning(
            "settings.signature",
            "nothing tells the receiver who is sending",
        ));
    }
    for fault in crate::settings::check(settings, &jarchi_plugin_sdk::Post::default()) {
        problems.push(fault);
    }
    let name = settings
        .url
        .split_once("://")
        .map_or(settings.url.as_str(), |(_, rest)| rest);
    Ok(Standing {
        name: name
            .split(['/', '?', '#'])
            .next()
            .unwrap_or_default()
            .to_owned(),
        url: None,
        scopes: Vec::new(),
        lacking: Vec::new(),
        expires: None,
        quotas: Vec::new(),
        problems,
    })
}
