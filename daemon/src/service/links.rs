//! Whether the pages that a post links to answer. Asked through the broker, so that a link
//! reaches no address that a plugin could not reach.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;
use secrecy::SecretString;

use crate::clock::Clock;
use crate::config::{Config, Grant, HostName, HostPattern, Limits};
use crate::model::{Problem, Severity, TimeSpan};
use crate::plugin::broker::{
    Body, Broker, BrokerOptions, BuildError, Caller, Error, Request, Secrets,
};
use crate::plugin::manifest::{DeliverySpec, Manifest, PlatformLimits};

/// Nobody waits longer than this for somebody else's server.
const PATIENCE: TimeSpan = TimeSpan::from_secs(5);

/// A redirect is an answer: it is not followed.
const REDIRECTED: &str = "redirected";

#[derive(Clone)]
pub struct Links {
    broker: Broker,
    manifest: Manifest,
}

struct Nothing;

impl Secrets for Nothing {
    fn get(&self, _: &str) -> Option<SecretString> {
        None
    }
    fn capture(&self, _: &str, _: SecretString) -> Result<(), String> {
        Err("a page that is linked to has no secrets to give".to_owned())
    }
    fn all(&self) -> Vec<(String, SecretString)> {
        Vec::new()
    }
}

impl Links {
    /// # Errors
    /// The broker's.
    pub fn new(options: BrokerOptions, clock: Clock) -> Result<Self, BuildError> {
        let options = BrokerOptions {
            max_redirects: 0,
            ..options
        };
        let manifest = Manifest {
            name: "jarchi".to_owned(),
            version: semver::Version::new(0, 1, 0),
            description: String::new(),
            authors: Vec::new(),
            license: None,
            homepage: None,
            hosts: Vec::new(),
            secrets: BTreeMap::default(),
            settings: BTreeMap::default(),
            auth: None,
            limits: PlatformLimits::default(),
            delivery: DeliverySpec::default(),
            history: false,
        };
        Ok(Links {
            broker: Broker::new(options, clock)?,
            manifest,
        })
    }

    /// A warning for each link that does not answer.
    pub async fn check(&self, config: &Config, links: Vec<String>) -> Vec<Problem> {
        let asked = links.into_iter().map(|link| async move {
            let reason = self.reason(config, &link).await?;
            Some(Problem {
                severity: Severity::Warning,
                place: "link".to_owned(),
                message: format!("{link} {reason}"),
            })
        });
        join_all(asked).await.into_iter().flatten().collect()
    }

    async fn reason(&self, config: &Config, link: &str) -> Option<String> {
        let url = match url::Url::parse(link) {
            Ok(url) => url,
            Err(error) => return Some(format!("is no address: {error}")),
        };
        let caller = match self.caller(config, &url) {
            Some(caller) => caller,
            None => return Some("is no address of a web page".to_owned()),
        };
        for method in ["HEAD", "GET"] {
            let request = Request {
                method: method.to_owned(),
                url: link.to_owned(),
                headers: vec![("accept".to_owned(), "*/*".to_owned())],
                body: Body::None,
                timeout: Some(PATIENCE),
            };
            return match self.broker.send(&caller, request).await {
                // Some servers know no HEAD.
                Ok(answer) if matches!(answer.status, 403 | 405 | 501) && method == "HEAD" => {
                    continue;
                }
                Ok(answer) if answer.status >= 400 => Some(format!("answers {}", answer.status)),
                Ok(_) | Err(Error::TooLarge(_) | Error::Paced(_)) => None,
                Err(Error::NoAnswer(text)) if text.starts_with(REDIRECTED) => None,
                Err(error) => Some(format!("does not answer ({error})")),
            };
        }
        None
    }

    /// With what the operator has opened to plugins, and every public address.
    fn caller(&self, config: &Config, url: &url::Url) -> Option<Caller> {
        let host = HostName::from(url.host()?.to_owned());
        let port = url.port_or_known_default()?;
        let usual = if url.scheme() == "http" { 80 } else { 443 };
        let opened = config
            .plugins
            .values()
            .flat_map(|plugin| &plugin.grants)
            .find(|grant| grant.host.matches(&host, port, usual));
        let pattern = HostPattern {
            host,
            port: url.port(),
        };
        let mut manifest = self.manifest.clone();
        manifest.hosts = vec![pattern.to_string()];
        let grant = Grant {
            host: pattern,
            plain_http: true,
            private: opened.is_some_and(|grant| grant.private),
            reason: "a link in a post".to_owned(),
        };
        Some(Caller {
            plugin: "links".into(),
            subject: "posts".into(),
            manifest: Arc::new(manifest),
            grants: Arc::new([grant]),
            limits: Limits {
                response: 64 << 10,
                ..Limits::default()
            },
            settings: Arc::default(),
            secrets: Arc::new(Nothing),
        })
    }
}
