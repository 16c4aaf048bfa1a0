//! Requests for tokens, as a manifest describes them.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;
use url::form_urlencoded::{Serializer, byte_serialize};
use zeroize::Zeroizing;

use crate::plugin::broker::{Asking, Reach};
use crate::plugin::manifest::{ClientAuth, Exchange, Oauth2, TokenMethod};

use super::party::Party;

/// For the whole of a request; platforms take a second or two.
const PATIENCE: Duration = Duration::from_secs(60);

/// The tokens that parameters may name.
#[derive(Default)]
pub(super) struct Held {
    pub(super) access: Option<SecretString>,
    pub(super) refresh: Option<SecretString>,
}

/// Parameters of a request. Their values are wiped.
pub(super) type Parameters = Vec<(String, Zeroizing<String>)>;

fn shown(value: &str) -> Zeroizing<String> {
    Zeroizing::new(value.to_owned())
}

impl Party {
    /// An address of the manifest, with its setting filled in.
    pub fn address(&self, text: &str) -> Result<Url, String> {
        let whole = match text.strip_prefix("${setting:") {
            None => text.to_owned(),
            Some(rest) => {
                let (name, path) = rest
                    .split_once('}')
                    .ok_or_else(|| format!("`{text}` is no address"))?;
                let value = self.settings.get(name).and_then(serde_json::Value::as_str);
                let base = value.ok_or_else(|| {
                    format!(
                        "account `{}` has no setting `{name}`, which names the platform's server",
                        self.account
                    )
                })?;
                format!("{}{path}", base.trim_end_matches('/'))
            }
        };
        match Url::parse(&whole) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
            _ => Err(format!("`{whole}` is no http address")),
        }
    }

    /// # Errors
    /// What the configuration lacks.
    pub(super) fn app_id(&self) -> Result<&SecretString, String> {
        self.app.id.as_ref().ok_or_else(|| {
            let help = self
                .oauth()
                .map(|oauth| oauth.help.as_str())
                .unwrap_or_default();
            format!(
                "plugin `{plugin}` has no app: set `client_id` and `client_secret` in its \
                 [[plugin]] block{}{help}",
                if help.is_empty() { "" } else { ". " },
                plugin = self.plugin,
            )
        })
    }

    /// The value of a parameter, which is a text or one placeholder.
    fn value(&self, text: &str, held: &Held) -> Result<Zeroizing<String>, String> {
        let missing = |what: &str| format!("there is no {what} of account `{}`", self.account);
        let secret = |value: Option<&SecretString>, what: &str| {
            value
                .map(|value| shown(value.expose_secret()))
                .ok_or_else(|| missing(what))
        };
        match text {
            "${token}" => secret(held.access.as_ref(), "access token"),
            "${refresh_token}" => secret(held.refresh.as_ref(), "refresh token"),
            "${client:id}" => Ok(shown(self.app_id()?.expose_secret())),
            "${client:secret}" => match &self.app.secret {
                Some(value) => Ok(shown(value.expose_secret())),
                None => Err(format!(
                    "plugin `{}` has no `client_secret`, which its platform wants",
                    self.plugin
                )),
            },
            text => match text
                .strip_prefix("${setting:")
                .and_then(|rest| rest.strip_suffix('}'))
            {
                None => Ok(shown(text)),
                Some(name) => match self.settings.get(name) {
                    Some(serde_json::Value::String(value)) => Ok(shown(value)),
                    Some(value) => Ok(shown(&value.to_string())),
                    None => Err(missing(&format!("setting `{name}`"))),
                },
            },
        }
    }

    pub(super) fn parameters<'a>(
        &self,
        texts: impl IntoIterator<Item = (&'a String, &'a String)>,
        held: &Held,
    ) -> Result<Parameters, String> {
        texts
            .into_iter()
            .map(|(name, text)| Ok((name.clone(), self.value(text, held)?)))
            .collect()
    }

    /// A request to the token's address, with the app's keys where the platform wants
    /// them.
    pub(super) fn with_app(
        &self,
        oauth: &Oauth2,
        url: &str,
        method: TokenMethod,
        mut parameters: Parameters,
    ) -> Result<Asking, String> {
        let id = self.app_id()?;
        let mut headers = Vec::new();
        match (&self.app.secret, oauth.client_auth) {
            (Some(secret), ClientAuth::Basic) => {
                // RFC 6749, section 2.3.1: each form-encoded.
                let encoded = |value: &SecretString| {
                    Zeroizing::new(
                        byte_serialize(value.expose_secret().as_bytes()).collect::<String>(),
                    )
                };
                let pair = Zeroizing::new(format!("{}:{}", *encoded(id), *encoded(secret)));
                let value = format!("Basic {}", BASE64.encode(pair.as_bytes()));
                headers.push(("authorization".to_owned(), SecretString::from(value)));
            }
            (secret, _) => {
                parameters.push((oauth.client_id_parameter.clone(), shown(id.expose_secret())));
                if let Some(secret) = secret {
                    parameters.push(("client_secret".to_owned(), shown(secret.expose_secret())));
                }
            }
        }
        self.asking(url, method, headers, &parameters)
    }

    /// A request with these parameters and no others.
    pub(super) fn exchange(&self, exchange: &Exchange, held: &Held) -> Result<Asking, String> {
        let parameters = self.parameters(&exchange.parameters, held)?;
        self.asking(&exchange.url, exchange.method, Vec::new(), &parameters)
    }

    pub(super) fn asking(
        &self,
        url: &str,
        method: TokenMethod,
        headers: Vec<(String, SecretString)>,
        parameters: &Parameters,
    ) -> Result<Asking, String> {
        let mut url = self.address(url)?;
        let reach = Reach::granted(&self.grants, &url);
        let mut form = None;
        match method {
            TokenMethod::Get => {
                let mut query = url.query_pairs_mut();
                for (name, value) in parameters {
                    query.append_pair(name, value);
                }
            }
            TokenMethod::Post => {
                let length: usize = parameters
                    .iter()
                    .map(|(name, value)| 2 + 3 * (name.len() + value.len()))
                    .sum();
                let mut serializer = Serializer::new(String::with_capacity(length));
                for (name, value) in parameters {
                    serializer.append_pair(name, value);
                }
                form = Some(SecretString::from(serializer.finish()));
            }
        }
        Ok(Asking {
            url,
            headers,
            form,
            reach,
            patience: PATIENCE,
        })
    }
}
