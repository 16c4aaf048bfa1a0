//! Proofs: beside a token, some platforms want the HMAC of the token under the app's
//! secret, so that a token that leaked is worth nothing elsewhere. The plugin has neither;
//! the broker adds the parameter to the requests that carry the token.

use http::HeaderName;
use ring::hmac;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::address_fill;
use super::placeholder::{self, Filler};
use super::sign::hex;
use crate::plugin::manifest::{Manifest, Place};

/// What no name of a secret can be: no placeholder fills it in.
fn named(key: &str, token: &str) -> String {
    format!("proof:{key}:{token}")
}

/// The proofs that these secrets make, as secrets: they are blacked out as well.
pub(super) fn all(
    manifest: &Manifest,
    secrets: &[(String, SecretString)],
) -> Vec<(String, SecretString)> {
    let value = |name: &str| {
        let found = secrets.iter().find(|(own, _)| own == name);
        found.map(|(_, value)| value.expose_secret())
    };
    let mut proofs = Vec::new();
    for (key, spec) in &manifest.secrets {
        let Some(secret) = value(key).filter(|secret| !secret.is_empty()) else {
            continue;
        };
        let secret = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        for token in spec.place.iter().flat_map(|place| &place.proof_of) {
            if let Some(value) = value(token) {
                let proof = hex(hmac::sign(&secret, value.as_bytes()).as_ref());
                proofs.push((named(key, token), proof.into()));
            }
        }
    }
    proofs
}

impl Filler<'_> {
    /// The filled address, with the proofs of the secrets that the request carries. What
    /// the plugin wrote into such a parameter is left out.
    pub fn proven(&self, filled: Url, asked: &Url, headers: &[(HeaderName, String)]) -> Url {
        let mut proven = filled;
        for (key, spec) in &self.caller.manifest.secrets {
            for token in spec.place.iter().flat_map(|place| &place.proof_of) {
                let of = |place: &Place| place.proof_of.contains(token);
                let Some(proof) = self.caller.secrets.get(&named(key, token)) else {
                    continue;
                };
                if let Ok(place) = self.place(key, of, "a proof")
                    && let Some(parameter) = &place.parameter
                    && self.carries(token, asked, headers)
                {
                    set(&mut proven, parameter, proof.expose_secret());
                }
            }
        }
        proven
    }

    /// Whether the secret goes out with the request. After a redirect, a header whose
    /// secret has no place at the new target is left out.
    fn carries(&self, secret: &str, asked: &Url, headers: &[(HeaderName, String)]) -> bool {
        let in_header = headers.iter().any(|(name, value)| {
            let header = |place: &Place| {
                let own = place.header.as_deref();
                place.sign.is_none()
                    && own.is_some_and(|own| own.eq_ignore_ascii_case(name.as_str()))
            };
            placeholder::holds(value, secret) && self.allowed(secret, &header, "a header").is_ok()
        });
        in_header || address_fill::holds(asked, secret)
    }
}

fn set(url: &mut Url, parameter: &str, value: &str) {
    let mut pairs: Vec<&str> = url
        .query()
        .into_iter()
        .flat_map(|query| query.split('&'))
        .filter(|pair| {
            let name = pair.split('=').next().unwrap_or_default();
            !pair.is_empty() && address_fill::decoded_name(name) != parameter
        })
        .collect();
    let proof = format!("{parameter}={value}");
    pairs.push(&proof);
    let query = pairs.join("&");
    url.set_query(Some(&query));
}
