//! The user lets an account in: the platform's page, the answer that it sends back, and the
//! tokens for that.

use std::sync::PoisonError;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use url::Url;
use zeroize::Zeroizing;

use crate::alarm::{self, Cause};
use crate::model::{Connection, TimeSpan, Timestamp};
use crate::plugin::broker::{Asked, Asking, Error};
use crate::plugin::manifest::{Oauth2, Pkce};
use crate::publish;

use super::answer::{self, No, Tokens};
use super::ask::Held;
use super::party::Party;
use super::refresh::schedule;
use super::{AuthError, Keeper};

/// How long a user may take.
pub const PATIENCE: TimeSpan = TimeSpan::from_mins(30);
/// Users at once; the oldest is forgotten.
const MOST: usize = 64;

/// A user who was sent to the platform.
pub(super) struct Pending {
    account: String,
    redirect: String,
    state: SecretString,
    verifier: Option<SecretString>,
    until: Timestamp,
}

/// Where the user is to go.
#[derive(Clone, Debug)]
pub struct Begun {
    pub url: Url,
    /// What the answer must bring back.
    pub state: SecretString,
}

/// What the user allowed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Granted {
    /// None: the platform does not tell.
    pub scopes: Option<Vec<String>>,
    /// Asked for, and not granted.
    pub lacking: Vec<String>,
    pub expires: Option<Timestamp>,
    pub refresh_expires: Option<Timestamp>,
    /// Whether the daemon can refresh it by itself.
    pub refreshes: bool,
}

fn random() -> Result<SecretString, AuthError> {
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *bytes)
        .map_err(|error| AuthError::Unreachable(format!("no random numbers: {error}")))?;
    Ok(SecretString::from(BASE64.encode(*bytes)))
}

/// The challenge to a verifier (RFC 7636, section 4.2), or TikTok's form of it.
fn challenge(pkce: Pkce, verifier: &SecretString) -> Option<String> {
    let sum = Sha256::digest(verifier.expose_secret().as_bytes());
    match pkce {
        Pkce::None => None,
        Pkce::S256 => Some(BASE64.encode(sum)),
        Pkce::S256Hex => Some(sum.iter().map(|byte| format!("{byte:02x}")).collect()),
    }
}

fn same(one: &SecretString, other: &str) -> bool {
    one.expose_secret()
        .as_bytes()
        .ct_eq(other.as_bytes())
        .into()
}

/// The code in what came back: the whole address, its query, or the code alone.
fn code_of(answer: &str, state: &SecretString) -> Result<SecretString, AuthError> {
    let answer = answer.trim();
    let query = match (Url::parse(answer), answer.split_once('?')) {
        (Ok(url), _) if url.has_host() => url.query().unwrap_or_default().to_owned(),
        (_, Some((_, query))) => query.to_owned(),
        _ if answer.contains("code=") || answer.contains("error=") => answer.to_owned(),
        _ if answer.is_empty() => {
            return Err(AuthError::Wrong("there is no code in that".to_owned()));
        }
        // Copied from a page that shows nothing but it.
        _ => return Ok(SecretString::from(answer)),
    };
    let query = Zeroizing::new(query);
    let value = |name: &str| {
        url::form_urlencoded::parse(query.split('#').next().unwrap_or_default().as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    };
    if !value("state").is_some_and(|given| same(state, &given)) {
        return Err(AuthError::Wrong(
            "that is the answer to another question: its `state` is not the one that was asked \
             with. Begin again, and use the newest page"
                .to_owned(),
        ));
    }
    if let Some(error) = value("error") {
        let said = value("error_description").unwrap_or_default();
        return Err(AuthError::Refused(format!(
            "the platform did not let it in: {error}{}{said}",
            if said.is_empty() { "" } else { ": " }
        )));
    }
    value("code")
        .filter(|code| !code.is_empty())
        .map(SecretString::from)
        .ok_or_else(|| AuthError::Wrong("there is no code in that".to_owned()))
}

impl Keeper {
    /// Where the user lets this account in. `redirect` is where the platform sends the
    /// browser back to; `scopes` are asked for instead of the manifest's, where there
    /// are any.
    ///
    /// # Errors
    /// What the configuration or the manifest lacks.
    pub fn begin(
        &self,
        party: &Party,
        redirect: &str,
        scopes: &[String],
    ) -> Result<Begun, AuthError> {
        let mut oauth = party.oauth().ok_or_else(|| no_oauth(party))?.clone();
        if !scopes.is_empty() {
            oauth.scopes = scopes.to_vec();
        }
        let state = random()?;
        let verifier = match oauth.pkce {
            Pkce::None => None,
            Pkce::S256 | Pkce::S256Hex => Some(random()?),
        };
        let url =
            page(party, &oauth, redirect, &state, verifier.as_ref()).map_err(AuthError::Wrong)?;
        let now = self.now();
        let mut pending = self
            .0
            .pending
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        pending.retain(|one| one.until > now);
        if pending.len() == MOST {
            pending.remove(0);
        }
        pending.push(Pending {
            account: party.account.clone(),
            redirect: redirect.to_owned(),
            state: state.clone(),
            verifier,
            until: now.saturating_add(PATIENCE),
        });
        Ok(Begun { url, state })
    }

    /// Takes the answer of the platform's page, once, and keeps the tokens for it.
    ///
    /// # Errors
    /// Nothing is kept then. An answer with another `state` changes nothing at all.
    pub async fn finish(
        &self,
        party: &Party,
        state: &SecretString,
        answer: &SecretString,
    ) -> Result<Granted, AuthError> {
        let code = {
            let now = self.now();
            let mut pending = self
                .0
                .pending
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            pending.retain(|one| one.until > now);
            let found = pending
                .iter()
                .position(|one| same(state, one.state.expose_secret()))
                .filter(|at| pending[*at].account == party.account);
            let Some(found) = found else {
                return Err(AuthError::Wrong(
                    "nobody is asked that any more: begin again".to_owned(),
                ));
            };
            let code = code_of(answer.expose_secret(), &pending[found].state);
            match code {
                Err(AuthError::Wrong(reason)) => return Err(AuthError::Wrong(reason)),
                code => (pending.remove(found), code?),
            }
        };
        let (pending, code) = code;
        // Whoever waits for it may go: a code can be used once only.
        let (keeper, party) = (self.clone(), party.clone());
        tokio::spawn(async move { keeper.redeem(party, pending, code).await })
            .await
            .map_err(|error| AuthError::Unreachable(error.to_string()))?
    }

    async fn redeem(
        &self,
        party: Party,
        pending: Pending,
        code: SecretString,
    ) -> Result<Granted, AuthError> {
        let oauth = party.oauth().ok_or_else(|| no_oauth(&party))?;
        let wrong = AuthError::Wrong;
        let verifier = pending.verifier.as_ref();
        let asking = redeeming(&party, oauth, &pending.redirect, &code, verifier).map_err(wrong)?;
        let mut tokens = self.tokens(&party, oauth, asking, &[&code]).await?;
        for exchange in &oauth.exchange {
            let held = Held {
                access: Some(tokens.access.clone()),
                refresh: tokens.refresh.clone(),
            };
            let asking = party.exchange(exchange, &held).map_err(wrong)?;
            let new = self
                .tokens(&party, oauth, asking, &[&tokens.access])
                .await?;
            tokens = tokens.exchanged(new);
        }
        self.keep_new(&party, oauth, tokens).await
    }

    async fn tokens(
        &self,
        party: &Party,
        oauth: &Oauth2,
        asking: Asking,
        secrets: &[&SecretString],
    ) -> Result<Tokens, AuthError> {
        let host = asking.url.host_str().unwrap_or_default().to_owned();
        let asked: Asked = self
            .0
            .broker
            .ask(asking)
            .await
            .map_err(|error| match error {
                Error::Denied(reason) => AuthError::Wrong(format!("{host}: {reason}")),
                error => AuthError::Unreachable(error.to_string()),
            })?;
        let mut all = secrets.to_vec();
        all.extend(party.app.secret.as_ref());
        answer::read(oauth, &asked, &all).map_err(|no| match no {
            No::Ended(reason) | No::Refused(reason) => {
                AuthError::Refused(format!("{host} gives no tokens: {reason}"))
            }
            No::Passing(reason, _) => {
                AuthError::Unreachable(format!("{host} gives no tokens now: {reason}"))
            }
        })
    }

    /// In one batch: the new tokens, and an end to all that was captured with the old ones.
    async fn keep_new(
        &self,
        party: &Party,
        oauth: &Oauth2,
        tokens: Tokens,
    ) -> Result<Granted, AuthError> {
        let turn = self.turn(&party.account);
        let _mine = turn.lock().await;
        let now = self.now();
        let before = party.connection(self.0.store.view())?.unwrap_or_default();
        let mut connection = Connection {
            plugin: party.plugin.clone(),
            since: Some(now),
            generation: before.generation,
            target: before.target,
            ..Connection::default()
        };
        let values = renewed(&mut connection, oauth, &tokens, now);
        let granted = granted(oauth, &connection);
        self.replace(party, connection, &values).await?;
        Ok(granted)
    }

    /// Keeps what the user pasted.
    ///
    /// # Errors
    /// The store's and the vault's.
    pub async fn keep_pasted(
        &self,
        party: &Party,
        values: &[(String, SecretString)],
    ) -> Result<(), AuthError> {
        let turn = self.turn(&party.account);
        let _mine = turn.lock().await;
        let now = self.now();
        let before = party.connection(self.0.store.view())?.unwrap_or_default();
        let connection = Connection {
            plugin: party.plugin.clone(),
            since: Some(now),
            generation: before.generation + 1,
            target: before.target,
            ..Connection::default()
        };
        self.replace(party, connection, values).await
    }

    async fn replace(
        &self,
        party: &Party,
        connection: Connection,
        values: &[(String, SecretString)],
    ) -> Result<(), AuthError> {
        let now = self.now();
        let sealed = self.0.vault.seal(&party.plugin, &party.account, values)?;
        let old = self
            .0
            .store
            .view()
            .sealed_of(&party.plugin, &party.account)?;
        let config = self.0.config.borrow().clone();
        let party = party.clone();
        self.0
            .store
            .write(move |tx| {
                for (name, _) in old {
                    tx.set_sealed(&party.plugin, &party.account, &name, None);
                }
                sealed.put(tx);
                tx.set_connection(&party.account, Some(&connection))?;
                schedule(tx, &party, &connection, None, now)?;
                for key in Cause::token_keys(&party.account) {
                    alarm::clear(tx, &key, now)?;
                }
                publish::mend(tx, &config, std::slice::from_ref(&party.account), now)
            })
            .await?;
        Ok(())
    }

    /// Forgets an account's secrets and how it was connected; how many secrets there were.
    ///
    /// # Errors
    /// The store's.
    pub async fn forget(&self, account: &str) -> Result<usize, AuthError> {
        let turn = self.turn(account);
        let _mine = turn.lock().await;
        let all = self.0.vault.names()?;
        // Of whatever plugin it had.
        let ids: Vec<_> = all.into_iter().filter(|id| id.subject == account).collect();
        let count = ids.len();
        let (account, now) = (account.to_owned(), self.now());
        self.0
            .store
            .write(move |tx| {
                for id in ids {
                    tx.set_sealed(&id.plugin, &id.subject, &id.name, None);
                }
                tx.set_connection(&account, None)?;
                super::refresh::unschedule(tx, &account)?;
                for key in Cause::token_keys(&account) {
                    alarm::clear(tx, &key, now)?;
                }
                Ok::<_, crate::store::StoreError>(())
            })
            .await?;
        Ok(count)
    }
}

fn text(value: &str) -> Zeroizing<String> {
    Zeroizing::new(value.to_owned())
}

fn no_oauth(party: &Party) -> AuthError {
    AuthError::Wrong(format!(
        "plugin `{}` connects no accounts in the browser",
        party.plugin
    ))
}

/// The request that gives tokens for a code.
pub(super) fn redeeming(
    party: &Party,
    oauth: &Oauth2,
    redirect: &str,
    code: &SecretString,
    verifier: Option<&SecretString>,
) -> Result<Asking, String> {
    let mut parameters = vec![
        ("grant_type".to_owned(), text("authorization_code")),
        ("code".to_owned(), text(code.expose_secret())),
        ("redirect_uri".to_owned(), text(redirect)),
    ];
    if let Some(verifier) = verifier {
        parameters.push(("code_verifier".to_owned(), text(verifier.expose_secret())));
    }
    party.with_app(oauth, &oauth.token, oauth.token_method, parameters)
}

pub(super) fn page(
    party: &Party,
    oauth: &Oauth2,
    redirect: &str,
    state: &SecretString,
    verifier: Option<&SecretString>,
) -> Result<Url, String> {
    let mut url = party.address(&oauth.authorize)?;
    {
        let mut query = url.query_pairs_mut();
        query
            .append_pair("response_type", "code")
            .append_pair(&oauth.client_id_parameter, party.app_id()?.expose_secret())
            .append_pair("redirect_uri", redirect);
        if !oauth.scopes.is_empty() {
            query.append_pair("scope", &oauth.scopes.join(&oauth.scope_separator));
        }
        query.append_pair("state", state.expose_secret());
        if let Some(challenge) = verifier.and_then(|verifier| challenge(oauth.pkce, verifier)) {
            query
                .append_pair("code_challenge", &challenge)
                .append_pair("code_challenge_method", "S256");
        }
        let held = Held::default();
        for (name, value) in party.parameters(&oauth.authorize_parameters, &held)? {
            query.append_pair(&name, &value);
        }
    }
    // Every server reads `%20`; some take `+` for itself.
    let query = url.query().unwrap_or_default().replace('+', "%20");
    url.set_query(Some(&query));
    Ok(url)
}

/// Puts new tokens into the record; what goes into the vault.
pub(super) fn renewed(
    connection: &mut Connection,
    oauth: &Oauth2,
    tokens: &Tokens,
    now: Timestamp,
) -> Vec<(String, SecretString)> {
    let end = |seconds: Option<u64>| {
        seconds.map(|seconds| now.saturating_add(TimeSpan::from_secs(seconds)))
    };
    connection.generation += 1;
    connection.obtained = Some(now);
    connection.expires = end(tokens.expires_in);
    if tokens.refresh_expires_in.is_some() {
        connection.refresh_expires = end(tokens.refresh_expires_in);
    }
    if tokens.scopes.is_some() {
        connection.scopes.clone_from(&tokens.scopes);
    }
    connection.attempt = None;
    connection.ended = None;
    let mut values = vec![(oauth.access_token.clone(), tokens.access.clone())];
    if let (Some(name), Some(value)) = (&oauth.refresh_token, &tokens.refresh) {
        values.push((name.clone(), value.clone()));
        connection.refreshes = true;
    }
    connection.refreshes |= !oauth.refresh.parameters.is_empty();
    values
}

/// What of the asked-for scopes was not granted, where the platform tells.
pub fn lacking(oauth: &Oauth2, granted: Option<&Vec<String>>) -> Vec<String> {
    let Some(granted) = granted else {
        return Vec::new();
    };
    let missing = oauth.scopes.iter().filter(|scope| !granted.contains(scope));
    missing.cloned().collect()
}

fn granted(oauth: &Oauth2, connection: &Connection) -> Granted {
    Granted {
        scopes: connection.scopes.clone(),
        lacking: lacking(oauth, connection.scopes.as_ref()),
        expires: connection.expires,
        refresh_expires: connection.refresh_expires,
        refreshes: connection.refreshes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_those_of_the_standard() {
        // RFC 7636, appendix B.
        let verifier = SecretString::from("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(
            challenge(Pkce::S256, &verifier).unwrap(),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
        assert_eq!(
            challenge(Pkce::S256Hex, &verifier).unwrap(),
            "13d31e961a1ad8ec2f16b10c4c982e0876a878ad6df144566ee1894acb70f9c3"
        );
        assert_eq!(challenge(Pkce::None, &verifier), None);
    }

    #[test]
    fn codes_in_all_that_people_paste() {
        let state = SecretString::from("s+t");
        for answer in [
            "http://127.0.0.1:7/callback?code=a%2Fb&state=s%2Bt",
            "https://app.example/back?state=s%2Bt&code=a%2Fb#_=_",
            "/callback?code=a%2Fb&state=s%2Bt",
            " code=a%2Fb&state=s%2Bt\n",
            "a/b",
        ] {
            let code = code_of(answer, &state).unwrap();
            assert_eq!(code.expose_secret(), "a/b", "{answer}");
        }
        for (answer, says) in [
            ("http://127.0.0.1/?code=a&state=other", "another question"),
            ("http://127.0.0.1/?code=a", "another question"),
            ("http://127.0.0.1/?state=s%2Bt", "no code"),
            ("", "no code"),
            ("?error=access_denied&state=s%2Bt", "access_denied"),
            (
                "?error=x&error_description=too+bad&state=s%2Bt",
                "x: too bad",
            ),
            ("?error=x", "another question"),
        ] {
            let error = code_of(answer, &state).unwrap_err().to_string();
            assert!(error.contains(says), "{answer}: {error}");
        }
    }
}
