//! What the broker captured out of answers, session tokens mostly, encrypted at rest.
//!
//! A row of the store is sealed with XChaCha20-Poly1305 and bound to its place: moved to
//! another account or another name, it opens no more. The key never enters the store, so
//! that a copy of the store, or an export, is worth nothing without it. Nothing that was
//! opened is kept: a secret lives in memory as long as the request that it is put into.

mod key;
mod rotate;
mod seal;

use std::fmt;
use std::sync::Arc;

use secrecy::SecretString;

use crate::store::{Store, StoreError, Tx};

pub use key::{CREDENTIAL, FILE, Key, KeyError, KeyId, KeySource, VARIABLE};
pub use rotate::{RotateError, Rotated, rotate, settle_rotation};

/// A cheap handle.
#[derive(Clone, Debug)]
pub struct Vault {
    store: Store,
    key: Arc<Key>,
}

/// Whose secret, and which.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretId {
    pub plugin: String,
    /// The account or the generator.
    pub subject: String,
    pub name: String,
}

impl SecretId {
    pub fn new(plugin: &str, subject: &str, name: &str) -> Self {
        SecretId {
            plugin: plugin.to_owned(),
            subject: subject.to_owned(),
            name: name.to_owned(),
        }
    }
}

impl fmt::Display for SecretId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SecretId {
            plugin,
            subject,
            name,
        } = self;
        write!(f, "the secret `{name}` of `{subject}` (plugin `{plugin}`)")
    }
}

/// Ciphertexts that are not in the store yet.
#[derive(Debug)]
pub struct Sealed(Vec<(SecretId, Vec<u8>)>);

impl Sealed {
    pub fn put(self, tx: &mut Tx<'_>) {
        for (id, row) in self.0 {
            tx.set_sealed(&id.plugin, &id.subject, &id.name, Some(row));
        }
    }
}

/// A secret's name, and the secret where it can be opened.
pub type Named = (String, Result<SecretString, VaultError>);

/// All but `Store` and `Random` concern one secret alone: its plugin has to log in anew,
/// which replaces it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum VaultError {
    #[error(
        "{secret} is sealed with the key {sealed_with}, and {source_of_key} holds the key {own}: \
         give the daemon the old key again, or let the plugin log in anew"
    )]
    OtherKey {
        secret: SecretId,
        sealed_with: KeyId,
        own: KeyId,
        source_of_key: KeySource,
    },
    #[error(
        "{secret} was changed in the store, or belongs elsewhere, and is not used: the plugin has \
         to log in anew; where that goes on, run `jarchi store check`"
    )]
    Tampered { secret: SecretId },
    #[error(
        "{secret} is sealed in a way ({form}) that this version of jarchi does not know: use the \
         newer one that wrote it, or let the plugin log in anew"
    )]
    Newer { secret: SecretId, form: u8 },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the system gave no random numbers: {0}")]
    Random(String),
}

impl Vault {
    pub fn open(store: Store, key: Key) -> Self {
        Vault {
            store,
            key: Arc::new(key),
        }
    }

    /// The key that seals what is put in.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// None where there is no such secret.
    pub fn get(
        &self,
        plugin: &str,
        subject: &str,
        name: &str,
    ) -> Result<Option<SecretString>, VaultError> {
        let Some(row) = self.store.view().sealed(plugin, subject, name)? else {
            return Ok(None);
        };
        let id = SecretId::new(plugin, subject, name);
        seal::open(&self.key, id, &row).map(Some)
    }

    /// Every secret of one account or generator, by name; one that can't be opened hides
    /// no other.
    pub fn all(&self, plugin: &str, subject: &str) -> Result<Vec<Named>, VaultError> {
        let rows = self.store.view().sealed_of(plugin, subject)?;
        Ok(rows
            .into_iter()
            .map(|(name, row)| {
                let id = SecretId::new(plugin, subject, &name);
                (name, seal::open(&self.key, id, &row))
            })
            .collect())
    }

    /// Durable when it returns. Blocks until then.
    pub fn put(
        &self,
        plugin: &str,
        subject: &str,
        name: &str,
        value: &SecretString,
    ) -> Result<(), VaultError> {
        self.put_all(plugin, subject, &[(name.to_owned(), value.clone())])
    }

    /// All of them, or none. Durable when it returns. Blocks until then.
    pub fn put_all(
        &self,
        plugin: &str,
        subject: &str,
        values: &[(String, SecretString)],
    ) -> Result<(), VaultError> {
        let rows = self.seal(plugin, subject, values)?;
        self.store.write_blocking(move |tx| {
            rows.put(tx);
            Ok::<_, VaultError>(())
        })
    }

    /// Sealed, for a batch of the store that writes more than them.
    pub fn seal(
        &self,
        plugin: &str,
        subject: &str,
        values: &[(String, SecretString)],
    ) -> Result<Sealed, VaultError> {
        let mut rows = Vec::with_capacity(values.len());
        for (name, value) in values {
            let id = SecretId::new(plugin, subject, name);
            let row = seal::seal(&self.key, &id, value)?;
            rows.push((id, row));
        }
        Ok(Sealed(rows))
    }

    /// Durable when it returns. Blocks until then.
    pub fn forget(&self, plugin: &str, subject: &str, name: &str) -> Result<(), VaultError> {
        let id = SecretId::new(plugin, subject, name);
        self.store.write_blocking(move |tx| {
            tx.set_sealed(&id.plugin, &id.subject, &id.name, None);
            Ok::<_, VaultError>(())
        })
    }

    /// Of everything that is kept, whether it can be opened or not.
    pub fn names(&self) -> Result<Vec<SecretId>, VaultError> {
        let names = self.store.view().sealed_names()?;
        Ok(names
            .into_iter()
            .map(|(plugin, subject, name)| SecretId {
                plugin,
                subject,
                name,
            })
            .collect())
    }

    /// Why secrets that are kept can't be opened, one error for each.
    pub fn check(&self) -> Result<Vec<VaultError>, VaultError> {
        let mut wrong = Vec::new();
        for id in self.names()? {
            match self.get(&id.plugin, &id.subject, &id.name) {
                Ok(_) => {}
                Err(VaultError::Store(error)) => return Err(error.into()),
                Err(error) => wrong.push(error),
            }
        }
        Ok(wrong)
    }
}
