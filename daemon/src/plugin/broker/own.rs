//! Requests of the daemon itself: over the same clients, by the same rules of addresses,
//! without a plugin's limits and grants.

use std::time::Duration;

use http::header::{CONTENT_TYPE, HeaderName, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::Instant;
use url::Url;

use super::address::{self, Scope};
use super::hosts::Target;
use super::transport::Failure;
use super::{Broker, OWN_NAME};
use crate::config::HostName;

/// A POST of JSON.
pub struct Posting {
    pub url: Url,
    pub headers: Vec<(String, SecretString)>,
    pub body: Vec<u8>,
    /// `http:` will do.
    pub plain_http: bool,
    /// Loopback and private addresses will do.
    pub private: bool,
    pub patience: Duration,
}

impl Broker {
    /// Answers with the status. No text of an error has the path of the address or a
    /// header in it.
    ///
    /// # Errors
    /// Why nothing was sent, or no answer came.
    pub async fn post(&self, posting: Posting) -> Result<u16, String> {
        let target = Target::of(&posting.url).ok_or("the address is neither https nor http")?;
        if target.plain_http && !posting.plain_http {
            return Err("it is not https; `plain_http = true` would let it".to_owned());
        }
        let scope = Scope {
            private: posting.private,
            named: matches!(target.host, HostName::Address(_)),
        };
        // A name is judged by what it resolves to.
        if let HostName::Address(address) = target.host
            && let Some(kind) = address::closed(address, scope)
        {
            return Err(format!(
                "{address} is closed ({kind}); `private = true` opens private ones"
            ));
        }
        let mut headers = HeaderMap::new();
        for (name, value) in &posting.headers {
            let name = HeaderName::try_from(name.as_str())
                .map_err(|_| format!("`{name}` is not the name of a header"))?;
            let mut value = HeaderValue::from_str(value.expose_secret())
                .map_err(|_| format!("the value of header `{name}` can't stand in one"))?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.entry(USER_AGENT).or_insert(OWN_NAME);
        let deadline = Instant::now() + posting.patience;
        let mut prepared = self.0.transport.request(scope, &Method::POST, &posting.url);
        prepared.builder = prepared.builder.headers(headers).body(posting.body);
        match prepared.send(deadline).await {
            Ok(response) => Ok(response.status().as_u16()),
            Err(Failure::Denied(found)) => {
                Err(format!("{found}; `private = true` opens private addresses"))
            }
            Err(Failure::Error(error)) => Err(error.to_string()),
        }
    }
}
