//! A row: form, key id, nonce, ciphertext with its tag.

use chacha20poly1305::aead::{AeadInOut as _, KeyInit as _};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use super::key::{Key, KeyId};
use super::{SecretId, VaultError};

const FORM: u8 = 1;
const NONCE: usize = 24;
const HEAD: usize = 1 + KeyId::LENGTH;

pub(super) fn seal(key: &Key, id: &SecretId, value: &SecretString) -> Result<Vec<u8>, VaultError> {
    let mut nonce = [0; NONCE];
    getrandom::fill(&mut nonce).map_err(|error| VaultError::Random(error.to_string()))?;
    let mut row = vec![FORM];
    row.extend(key.id().0);
    let bound = bound(&row, id);
    // Grown at once: a buffer that moves leaves what it held behind.
    let value = value.expose_secret().as_bytes();
    let mut text = Zeroizing::new(Vec::with_capacity(value.len() + 16));
    text.extend_from_slice(value);
    cipher(key)
        .encrypt_in_place(&XNonce::from(nonce), &bound, &mut *text)
        .map_err(|_| VaultError::Random("the secret is too long to be sealed".to_owned()))?;
    row.extend(nonce);
    row.extend_from_slice(&text);
    Ok(row)
}

pub(super) fn open(key: &Key, id: SecretId, row: &[u8]) -> Result<SecretString, VaultError> {
    if let Some(&form) = row.first()
        && form != FORM
    {
        return Err(VaultError::Newer { secret: id, form });
    }
    let Some((head, rest)) = row.split_at_checked(HEAD) else {
        return Err(VaultError::Tampered { secret: id });
    };
    let Some((nonce, sealed)) = rest.split_first_chunk::<NONCE>() else {
        return Err(VaultError::Tampered { secret: id });
    };
    let mut sealed_with = KeyId::default();
    sealed_with.0.copy_from_slice(&head[1..]);
    if sealed_with != key.id() {
        return Err(VaultError::OtherKey {
            secret: id,
            sealed_with,
            own: key.id(),
            source_of_key: key.source().clone(),
        });
    }
    let mut text = Zeroizing::new(sealed.to_vec());
    let opened = cipher(key).decrypt_in_place(&XNonce::from(*nonce), &bound(head, &id), &mut *text);
    match (opened, std::str::from_utf8(&text)) {
        (Ok(()), Ok(text)) => Ok(SecretString::from(text)),
        _ => Err(VaultError::Tampered { secret: id }),
    }
}

/// The key that a row is sealed with.
pub(super) fn sealed_with(row: &[u8]) -> Option<KeyId> {
    let mut id = KeyId::default();
    id.0.copy_from_slice(row.get(1..HEAD)?);
    Some(id)
}

fn cipher(key: &Key) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.bytes().into())
}

/// What a row is bound to, each part with its length, so that no two places look alike.
fn bound(head: &[u8], id: &SecretId) -> Vec<u8> {
    let mut bound = b"jarchi vault".to_vec();
    bound.extend_from_slice(head);
    for part in [&id.plugin, &id.subject, &id.name] {
        bound.extend((part.len() as u64).to_be_bytes());
        bound.extend(part.as_bytes());
    }
    bound
}
