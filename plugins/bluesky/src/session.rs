//! Being logged in. The tokens themselves stay with the broker: it takes them out of the
//! answers and puts them into requests, and this code only says which goes where.

use jarchi_plugin_sdk::http::{HttpError, Request, Response, secret};
use jarchi_plugin_sdk::{Account, Error, Result, http, kv};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::options::Settings;
use crate::xrpc::{self, Failure, Stake};

/// Where a session is kept in the plugin's memory.
const KEY: &str = "session";

/// Who we are.
pub struct Session {
    pub settings: Settings,
    pub did: String,
    /// The host of the account's own server, which may stand behind `service`: Bluesky's
    /// entryway passes requests on to the servers of its accounts.
    pub host: String,
}

/// What is remembered of a session, without its tokens.
#[derive(Serialize, Deserialize)]
struct Kept {
    service: String,
    identifier: String,
    did: String,
    host: String,
}

/// What `createSession` and `refreshSession` answer, as far as it is of use.
#[derive(Deserialize)]
struct Opened {
    did: String,
    handle: String,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    active: Option<bool>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default, rename = "didDoc")]
    did_doc: Value,
}

/// A way to mend a session, the cheapest last: logging in is limited to 30 times in five
/// minutes and 300 a day.
#[derive(PartialEq)]
enum Mend {
    LogIn,
    Refresh,
}

impl Session {
    /// The session that there is, or a new one.
    ///
    /// # Errors
    /// The settings are wrong, or the server refuses the account.
    pub fn open(account: &Account) -> Result<Self> {
        let settings = Settings::of(account)?;
        if let Some(kept) = kv::get::<Kept>(KEY)?
            && kept.service == settings.service
            && kept.identifier == settings.identifier
        {
            return Ok(Session {
                settings,
                did: kept.did,
                host: kept.host,
            });
        }
        let mut session = Session {
            settings,
            did: String::new(),
            host: String::new(),
        };
        // The tokens may have outlived the memory: an answer that told the account is
        // forgotten when its call fails later on.
        match session.refresh() {
            Ok(()) => Ok(session),
            Err(failure) if failure.is_token() => {
                session.log_in()?;
                Ok(session)
            }
            Err(failure) => Err(failure.into()),
        }
    }

    /// Sends a request of the account's, and mends the session where that is what the
    /// server complains about. `build` gets the server's address.
    ///
    /// # Errors
    /// The server's refusal, or the refusal to mend.
    pub fn send(
        &mut self,
        stake: Stake,
        build: impl Fn(&str) -> Request,
    ) -> Result<Response, Failure> {
        let mut mends = vec![Mend::LogIn, Mend::Refresh];
        loop {
            let answer = build(&self.settings.service).bearer("access_jwt").send();
            let failure = match xrpc::check(answer, stake) {
                Ok(response) => return Ok(response),
                Err(failure) => failure,
            };
            if !failure.is_token() {
                return Err(failure);
            }
            let Some(mend) = mends.pop() else {
                return Err(failure);
            };
            if mend == Mend::Refresh {
                match self.refresh() {
                    Ok(()) => continue,
                    Err(failure) if failure.is_token() => mends.clear(),
                    Err(failure) => return Err(before(failure)),
                }
            }
            self.log_in().map_err(before)?;
        }
    }

    /// A new pair of tokens for the old refresh token.
    fn refresh(&mut self) -> Result<(), Failure> {
        let service = &self.settings.service;
        let request = http::post(xrpc::method(service, "com.atproto.server.refreshSession"));
        let response = xrpc::check(request.bearer("refresh_jwt").send(), Stake::Read)?;
        let opened: Opened = json_of(&response)?;
        let identifier = &self.settings.identifier;
        let same = |name: &str| name.eq_ignore_ascii_case(identifier);
        // The tokens may be those of an account that stood in the configuration before.
        if !same(&opened.did) && !same(&opened.handle) && !opened.email.as_deref().is_some_and(same)
        {
            let told = format!(
                "the session is that of {}, not of {identifier}",
                opened.handle
            );
            return Err(Failure {
                name: "InvalidToken".into(),
                error: Error::unauthorized(told),
            });
        }
        self.keep(opened)
    }

    fn log_in(&mut self) -> Result<(), Failure> {
        let service = &self.settings.service;
        let request =
            http::post(xrpc::method(service, "com.atproto.server.createSession")).json(&json!({
                "identifier": self.settings.identifier,
                "password": secret("app_password"),
            }));
        let response = match request.send() {
            Err(HttpError::MissingSecret(_)) => {
                return Err(Failure {
                    name: String::new(),
                    error: Error::unauthorized("the account has no `app_password`"),
                });
            }
            answer => xrpc::check(answer, Stake::Read).map_err(|failure| self.refused(failure))?,
        };
        self.keep(json_of(&response)?)
    }

    /// A refused password never gets better by trying again.
    fn refused(&self, failure: Failure) -> Failure {
        let error = match failure.name.as_str() {
            "AuthenticationRequired" => Error::unauthorized(format!(
                "{} does not accept `{}` with this app password (an account that lives \
                 elsewhere needs its own `service`)",
                self.settings.service, self.settings.identifier
            )),
            _ => failure.error,
        };
        Failure {
            name: String::new(),
            error,
        }
    }

    fn keep(&mut self, opened: Opened) -> Result<(), Failure> {
        if opened.active == Some(false) {
            let status = opened.status.as_deref().unwrap_or("not active");
            return Err(Failure {
                name: String::new(),
                error: Error::unauthorized(format!("the account {} is {status}", opened.handle)),
            });
        }
        self.host = host(server(&opened.did_doc).unwrap_or(&self.settings.service)).to_owned();
        self.did = opened.did;
        let kept = Kept {
            service: self.settings.service.clone(),
            identifier: self.settings.identifier.clone(),
            did: self.did.clone(),
            host: self.host.clone(),
        };
        // Without it the next call asks once more who we are; that is all.
        if let Err(error) = kv::set(KEY, &kept) {
            jarchi_plugin_sdk::warn!("the session is not kept: {error:?}");
        }
        Ok(())
    }
}

/// Mending the session fails before the request itself is sent again.
fn before(failure: Failure) -> Failure {
    Failure {
        name: String::new(),
        error: failure.error.context("logging in"),
    }
}

fn json_of(response: &Response) -> Result<Opened, Failure> {
    response.json().map_err(|error| Failure {
        name: String::new(),
        error,
    })
}

/// The account's own server, by its DID document.
fn server(did_doc: &Value) -> Option<&str> {
    let services = did_doc.get("service")?.as_array()?;
    let own = services.iter().find(|service| {
        service["id"]
            .as_str()
            .is_some_and(|id| id.ends_with("#atproto_pds"))
    })?;
    own["serviceEndpoint"].as_str()
}

/// Of an address, with its port.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}
