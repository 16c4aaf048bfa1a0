//! Signatures: `${hmac-sha256:NAME}` in a header becomes the HMAC of the body under a
//! secret. The plugin has neither the secret nor, where media are streamed, the body.

use std::fmt::Write as _;
use std::ops::Range;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::general_purpose::STANDARD as BASE64;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::{HeaderMap, HeaderName, HeaderValue};
use ring::hmac;
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use super::Error;
use super::body::Outgoing;
use super::placeholder::{Filler, Unfilled};
use crate::plugin::manifest::Over;

const OPENING: &str = "${hmac-sha256:";
/// Before the key, as the scheme writes its secrets.
const STANDARD_PREFIX: &str = "whsec_";

/// A header that waits for the body.
#[derive(Debug)]
pub(super) struct Signature {
    header: HeaderName,
    before: String,
    after: String,
    key: SecretString,
    over: Over,
}

impl Filler<'_> {
    /// None where the header holds no signature's placeholder.
    pub fn signature(&self, name: &HeaderName, value: &str) -> Result<Option<Signature>, Unfilled> {
        let Some((span, secret)) = find(value).map_err(Unfilled::Wrong)? else {
            return Ok(None);
        };
        let (before, after) = (&value[..span.start], &value[span.end..]);
        if find(after).map_err(Unfilled::Wrong)?.is_some() || value.contains("${secret:") {
            return Err(Unfilled::Wrong(Error::Invalid(format!(
                "the header `{name}` can hold one signature, and no secret beside it"
            ))));
        }
        let place = self.place(
            secret,
            |place| place.sign.is_some() && place.header.as_deref() == Some(name.as_str()),
            &format!("a signature into the header `{name}`"),
        )?;
        let over = place.over.unwrap_or_default();
        let Some(key) = self.caller.secrets.get(secret) else {
            return Err(Unfilled::Wrong(Error::MissingSecret(secret.to_owned())));
        };
        Ok(Some(Signature {
            header: name.clone(),
            before: before.to_owned(),
            after: after.to_owned(),
            key,
            over,
        }))
    }
}

impl Signature {
    /// Adds the header. The body is read through once where it has files.
    pub async fn add(self, outgoing: &mut Outgoing, headers: &mut HeaderMap) -> Result<(), Error> {
        let key = match self.over {
            Over::Body => Zeroizing::new(self.key.expose_secret().as_bytes().to_vec()),
            Over::StandardWebhooks => standard_key(&self.key)?,
        };
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &key));
        if self.over == Over::StandardWebhooks {
            for name in ["webhook-id", "webhook-timestamp"] {
                context.update(only(headers, name)?.as_bytes());
                context.update(b".");
            }
        }
        outgoing.read_through(|bytes| context.update(bytes)).await?;
        let signed = context.sign();
        let text = match self.over {
            Over::Body => hex(signed.as_ref()),
            Over::StandardWebhooks => BASE64.encode(signed),
        };
        let value = format!("{}{text}{}", self.before, self.after);
        let mut value = HeaderValue::from_str(&value).map_err(|_| {
            Error::Invalid(format!(
                "the header `{}` can't be sent as it is",
                self.header
            ))
        })?;
        value.set_sensitive(true);
        headers.append(self.header, value);
        Ok(())
    }
}

/// The key of a secret of Standard Webhooks: base64, behind `whsec_`.
fn standard_key(secret: &SecretString) -> Result<Zeroizing<Vec<u8>>, Error> {
    let text = secret.expose_secret().trim();
    let text = text.strip_prefix(STANDARD_PREFIX).unwrap_or(text);
    let lenient = GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    match lenient.decode(text) {
        Ok(key) if !key.is_empty() => Ok(Zeroizing::new(key)),
        _ => Err(Error::Invalid(
            "the signing secret is not as Standard Webhooks writes it: `whsec_`, then the key in base64"
                .to_owned(),
        )),
    }
}

fn only<'h>(headers: &'h HeaderMap, name: &str) -> Result<&'h HeaderValue, Error> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => Ok(value),
        _ => Err(Error::Invalid(format!(
            "a signature of Standard Webhooks is over the header `{name}`, which has to stand there once"
        ))),
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn find(text: &str) -> Result<Option<(Range<usize>, &str)>, Error> {
    let Some(start) = text.find(OPENING) else {
        return Ok(None);
    };
    let rest = &text[start + OPENING.len()..];
    let name = rest.split('}').next().unwrap_or_default();
    let fine = (1..=64).contains(&name.len())
        && name.len() < rest.len()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if !fine {
        return Err(Error::Invalid(
            "a placeholder is not whole: write `${hmac-sha256:NAME}`".to_owned(),
        ));
    }
    let end = start + OPENING.len() + name.len() + 1;
    Ok(Some((start..end, name)))
}
