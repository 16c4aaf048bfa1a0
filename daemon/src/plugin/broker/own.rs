//! Requests of the daemon itself: over the same clients, by the same rules of addresses,
//! without a plugin's limits and grants.

use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE, HeaderName, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::Instant;
use url::Url;
use zeroize::Zeroizing;

use super::address::{self, Scope};
use super::hosts::Target;
use super::transport::Failure;
use super::{Broker, Error, OWN_NAME};
use crate::config::{Grant, HostName};
use crate::model::TimeSpan;

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

/// A request for tokens.
pub struct Asking {
    pub url: Url,
    pub headers: Vec<(String, SecretString)>,
    /// Sent by POST, URL-encoded; None: a GET.
    pub form: Option<SecretString>,
    /// By what the operator granted the plugin.
    pub reach: Reach,
    pub patience: Duration,
}

/// Beyond https to public addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    pub plain_http: bool,
    pub private: bool,
}

impl Reach {
    /// What these grants say of an address.
    pub fn granted(grants: &[Grant], url: &Url) -> Self {
        let mut reach = Reach::default();
        if let Some(target) = Target::of(url) {
            for grant in grants.iter().filter(|grant| target.fits(&grant.host)) {
                reach.plain_http |= grant.plain_http;
                reach.private |= grant.private;
            }
        }
        reach
    }
}

/// What a server answered to an [`Asking`].
pub struct Asked {
    pub status: u16,
    /// It may hold tokens.
    pub body: Zeroizing<Vec<u8>>,
    pub retry_after: Option<TimeSpan>,
}

/// Of an answer with tokens.
const LONGEST_ANSWER: usize = 1 << 20;

impl Broker {
    /// Answers with the status. No text of an error has the path of the address or a
    /// header in it.
    ///
    /// # Errors
    /// Why nothing was sent, or no answer came.
    pub async fn post(&self, posting: Posting) -> Result<u16, String> {
        let reach = Reach {
            plain_http: posting.plain_http,
            private: posting.private,
        };
        let mut headers = headers(&posting.headers)?;
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let deadline = Instant::now() + posting.patience;
        let sent = self
            .own(
                Method::POST,
                &posting.url,
                headers,
                Some(posting.body),
                reach,
                deadline,
            )
            .await;
        match sent {
            Ok(response) => Ok(response.status().as_u16()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Asks a server for tokens. Redirects are not followed. No text of an error has the
    /// path or the query of the address in it.
    ///
    /// # Errors
    /// `Denied`, `Invalid` and `NotSent` say that nothing was sent; after `NoAnswer` and
    /// `TooLarge` the server may have done what it was asked.
    pub async fn ask(&self, asking: Asking) -> Result<Asked, Error> {
        let mut headers = headers(&asking.headers).map_err(Error::Invalid)?;
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let method = match &asking.form {
            Some(_) => {
                headers.insert(
                    CONTENT_TYPE,
                    HeaderValue::from_static("application/x-www-form-urlencoded"),
                );
                Method::POST
            }
            None => Method::GET,
        };
        let body = asking
            .form
            .as_ref()
            .map(|form| form.expose_secret().as_bytes().to_vec());
        let began = Instant::now();
        let deadline = began + asking.patience;
        let mut response = self
            .own(method, &asking.url, headers, body, asking.reach, deadline)
            .await?;
        let retry_after = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.trim().parse().ok())
            .map(TimeSpan::from_secs);
        let status = response.status().as_u16();
        let no_answer = |reason: &str| Error::NoAnswer(reason.to_owned());
        // Grown at once: a buffer that moves leaves what it held behind.
        let mut body = Zeroizing::new(Vec::with_capacity(64 << 10));
        loop {
            let chunk = tokio::time::timeout_at(deadline, response.chunk())
                .await
                .map_err(|_| no_answer("the answer did not end within the time allowed"))?
                .map_err(|error| Error::NoAnswer(super::transport::describe(&error)))?;
            let Some(chunk) = chunk else { break };
            if body.len() + chunk.len() > LONGEST_ANSWER {
                return Err(Error::TooLarge(LONGEST_ANSWER as u64));
            }
            body.extend_from_slice(&chunk);
        }
        tracing::debug!(
            host = asking.url.host_str(),
            status,
            ms = began.elapsed().as_millis() as u64,
            "asked for tokens"
        );
        Ok(Asked {
            status,
            body,
            retry_after,
        })
    }

    async fn own(
        &self,
        method: Method,
        url: &Url,
        mut headers: HeaderMap,
        body: Option<Vec<u8>>,
        reach: Reach,
        deadline: Instant,
    ) -> Result<reqwest::Response, Error> {
        let denied = |reason: String| Error::Denied(reason);
        let target = Target::of(url)
            .ok_or_else(|| denied("the address is neither https nor http".to_owned()))?;
        if target.plain_http && !reach.plain_http {
            return Err(denied(
                "it is not https; `plain_http = true` would let it".to_owned(),
            ));
        }
        let scope = Scope {
            private: reach.private,
            named: matches!(target.host, HostName::Address(_)),
        };
        // A name is judged by what it resolves to.
        if let HostName::Address(address) = target.host
            && let Some(kind) = address::closed(address, scope)
        {
            return Err(denied(format!(
                "{address} is closed ({kind}); `private = true` opens private ones"
            )));
        }
        headers.entry(USER_AGENT).or_insert(OWN_NAME);
        let mut prepared = self.0.transport.request(scope, &method, url);
        prepared.builder = prepared.builder.headers(headers);
        if let Some(body) = body {
            prepared.builder = prepared.builder.body(body);
        }
        prepared
            .send(deadline)
            .await
            .map_err(|failure| match failure {
                Failure::Denied(found) => {
                    denied(format!("{found}; `private = true` opens private addresses"))
                }
                Failure::Error(error) => error,
            })
    }
}

fn headers(given: &[(String, SecretString)]) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let name = HeaderName::try_from(name.as_str())
            .map_err(|_| format!("`{name}` is not the name of a header"))?;
        let mut value = HeaderValue::from_str(value.expose_secret())
            .map_err(|_| format!("the value of header `{name}` can't stand in one"))?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    Ok(headers)
}
