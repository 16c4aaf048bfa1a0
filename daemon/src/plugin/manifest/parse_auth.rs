//! `[auth]` out of its TOML.

use std::collections::BTreeMap;

use super::SecretSpec;
use super::auth::{AuthAnswer, AuthSpec, ClientAuth, Exchange, Oauth2, Pkce, Refresh, TokenMethod};
use super::check;
use super::parse::{Scope, checked, one_of, required_text, unique};
use super::read::{At, Fields, listed, nearest};

const METHODS: [(&str, TokenMethod); 2] = [("POST", TokenMethod::Post), ("GET", TokenMethod::Get)];
const PKCE: [(&str, Pkce); 3] = [
    ("none", Pkce::None),
    ("S256", Pkce::S256),
    ("S256-hex", Pkce::S256Hex),
];
const CLIENT_AUTH: [(&str, ClientAuth); 2] =
    [("body", ClientAuth::Body), ("basic", ClientAuth::Basic)];

/// The secrets that nothing but the daemon sends: they need no place.
pub(super) fn carried(fields: &Fields<'_>) -> Vec<String> {
    let auth = fields.glance("auth");
    auth.and_then(|auth| {
        auth.get("refresh_token")?
            .get_ref()
            .as_str()
            .map(str::to_owned)
    })
    .into_iter()
    .collect()
}

pub(super) fn auth(
    fields: Fields<'_>,
    scope: &Scope<'_>,
    secrets: &BTreeMap<String, SecretSpec>,
) -> Option<AuthSpec> {
    #[derive(Clone, Copy)]
    enum Flow {
        Token,
        Oauth2,
    }
    let flow = one_of(
        fields.required("flow")?,
        &[("token", Flow::Token), ("oauth2", Flow::Oauth2)],
    )?;
    let auth = match flow {
        Flow::Token => AuthSpec::Token {
            help: required_text(&fields, "help", |_| Ok(())),
        },
        Flow::Oauth2 => AuthSpec::Oauth2(Box::new(oauth2(&fields, scope, secrets))),
    };
    fields.end();
    Some(auth)
}

fn oauth2(
    fields: &Fields<'_>,
    scope: &Scope<'_>,
    secrets: &BTreeMap<String, SecretSpec>,
) -> Oauth2 {
    let endpoint = |text: &str| match check::endpoint(text)? {
        Some(setting) => scope.setting(setting),
        None => Ok(()),
    };
    let is_secret = |name: &str| match secrets.contains_key(name) {
        true => Ok(()),
        false => Err(match nearest(name, secrets.keys().map(String::as_str)) {
            Some(near) => format!("there is no secret `{name}`; did you mean `{near}`?"),
            None => format!("there is no secret `{name}`; declare it: [secrets.{name}]"),
        }),
    };
    let access_token = match checked(fields.text("access_token"), is_secret) {
        Some(name) => name,
        None => {
            let usual = "access_token".to_owned();
            if !secrets.contains_key(&usual) {
                fields.refuse(
                    "`access_token` is missing: it names the secret that holds the access token",
                );
            }
            usual
        }
    };
    let refresh_token = checked(fields.text("refresh_token"), |name| {
        is_secret(name)?;
        match name == access_token {
            true => {
                Err("the access token and the refresh token need secrets of their own".to_owned())
            }
            false => Ok(()),
        }
    });
    let holder = Holder {
        scope,
        has_refresh_token: refresh_token.is_some(),
    };
    let exchange = fields
        .tables("exchange")
        .into_iter()
        .map(|fields| {
            let exchange = Exchange {
                url: required_text(&fields, "url", endpoint),
                method: method(&fields, "method"),
                parameters: holder.parameters(&fields, "parameters"),
            };
            fields.end();
            exchange
        })
        .collect();
    let refresh = fields.table("refresh").map_or_else(Refresh::default, |fields| {
        let refresh = Refresh {
            url: checked(fields.text("url"), endpoint),
            method: method(&fields, "method"),
            parameters: holder.parameters(&fields, "parameters"),
            min_age: fields.number("min_age").map_or(0, |at| at.value),
            ahead: fields.number("ahead").map(|at| at.value),
            ended: {
                let ended = unique(fields.texts("ended"));
                if ended.is_empty() {
                    Refresh::default().ended
                } else {
                    ended
                }
            },
        };
        if refresh.parameters.is_empty() && refresh_token.is_none() {
            fields.refuse(
                "there is nothing to refresh with: name the secret `refresh_token` of [auth], or write `parameters`",
            );
        }
        fields.end();
        refresh
    });
    let authorize_parameters = holder.parameters(fields, "authorize_parameters");
    Oauth2 {
        help: fields.string("help").unwrap_or_default(),
        authorize: required_text(fields, "authorize", endpoint),
        token: required_text(fields, "token", endpoint),
        scopes: unique(fields.texts("scopes")),
        scope_separator: fields
            .string("scope_separator")
            .unwrap_or_else(|| " ".to_owned()),
        pkce: word(fields.text("pkce"), &PKCE),
        client_auth: word(fields.text("client_auth"), &CLIENT_AUTH),
        client_id_parameter: fields
            .string("client_id_parameter")
            .unwrap_or_else(|| "client_id".to_owned()),
        token_method: method(fields, "token_method"),
        authorize_parameters,
        access_token,
        refresh_token,
        exchange,
        refresh,
        answer: fields.table("answer").map(answer).unwrap_or_default(),
    }
}

fn answer(fields: Fields<'_>) -> AuthAnswer {
    let usual = AuthAnswer::default();
    let pointer = |name, usual| checked(fields.text(name), check::pointer).unwrap_or(usual);
    let answer = AuthAnswer {
        access_token: pointer("access_token", usual.access_token),
        expires_in: pointer("expires_in", usual.expires_in),
        refresh_token: pointer("refresh_token", usual.refresh_token),
        refresh_expires_in: pointer("refresh_expires_in", usual.refresh_expires_in),
        scope: pointer("scope", usual.scope),
        error: pointer("error", usual.error),
    };
    fields.end();
    answer
}

fn method(fields: &Fields<'_>, name: &'static str) -> TokenMethod {
    word(fields.text(name), &METHODS)
}

fn word<T: Copy + Default>(text: Option<At<'_, &str>>, known: &[(&str, T)]) -> T {
    text.and_then(|text| one_of(text, known))
        .unwrap_or_default()
}

/// What the values of parameters may refer to.
struct Holder<'a> {
    scope: &'a Scope<'a>,
    has_refresh_token: bool,
}

impl Holder<'_> {
    fn parameters(&self, fields: &Fields<'_>, name: &'static str) -> BTreeMap<String, String> {
        let mut parameters = BTreeMap::new();
        for (name, value) in fields.named_texts(name) {
            // The page is seen by the user and by the browser's history.
            let public = value.key.contains("authorize_parameters");
            if let Err(message) = self.value(value.value, public) {
                value.refuse(message);
            }
            parameters.insert(name, value.value.to_owned());
        }
        parameters
    }

    fn value(&self, value: &str, public: bool) -> Result<(), String> {
        const KNOWN: [&str; 4] = [
            "${token}",
            "${refresh_token}",
            "${client:id}",
            "${client:secret}",
        ];
        if !value.contains("${") || value == "${client:id}" {
            return Ok(());
        }
        if let Some(name) = value
            .strip_prefix("${setting:")
            .and_then(|rest| rest.strip_suffix('}'))
        {
            return match self.scope.settings.contains_key(name) {
                true => Ok(()),
                false => Err(format!("there is no setting `{name}`")),
            };
        }
        match value {
            "${refresh_token}" if !self.has_refresh_token => {
                Err("[auth] names no secret `refresh_token`".to_owned())
            }
            known if KNOWN.contains(&known) && public => {
                Err("a secret can't stand in the address of a page".to_owned())
            }
            known if KNOWN.contains(&known) => Ok(()),
            other => Err(format!(
                "`{other}` is no placeholder; known are {}, `${{setting:NAME}}`, each as the whole value",
                listed(&KNOWN)
            )),
        }
    }
}
