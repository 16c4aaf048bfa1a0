//! A message as a POST of JSON.

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use url::Url;

use crate::config::Webhook;
use crate::model::Notice;
use crate::plugin::broker::{Broker, Posting};

use super::Failed;
use super::channel::PATIENCE;

pub(super) async fn send(broker: &Broker, hook: &Webhook, notice: &Notice) -> Result<(), Failed> {
    let address = hook
        .url
        .as_ref()
        .ok_or_else(|| Failed("its address is not at hand".to_owned()))?;
    let url = Url::parse(address.expose_secret())
        .map_err(|error| Failed(format!("its address is none: {error}")))?;
    let body = json!({
        "event": notice.kind,
        "id": notice.id(),
        "cause": notice.cause,
        "severity": notice.severity,
        "what": notice.what,
        "remedy": notice.remedy,
        "since": notice.since.to_string(),
        "at": notice.at.to_string(),
        "count": notice.count,
        // What chat servers show.
        "text": notice.text(),
    });
    let mut headers: Vec<(String, SecretString)> = hook
        .headers
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    headers.push(("idempotency-key".to_owned(), notice.id().into()));
    let posting = Posting {
        url,
        headers,
        body: body.to_string().into_bytes(),
        plain_http: hook.plain_http,
        private: hook.private,
        patience: PATIENCE,
    };
    match broker.post(posting).await {
        Ok(200..=299) => Ok(()),
        Ok(status) => Err(Failed(format!("the server answered {status}"))),
        Err(reason) => Err(Failed(reason)),
    }
}
