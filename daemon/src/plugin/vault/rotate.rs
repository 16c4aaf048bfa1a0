//! A new key for what is sealed already.
//!
//! The new key is in a file of its own before anything is sealed with it, and takes the
//! place of the old one after everything is; all rows are sealed anew in one batch. So a
//! crash leaves a store and a key that belong together, or what [`settle_rotation`] needs to
//! bring them together.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use crate::config::Environment;
use crate::store::{Store, StoreError};

use super::seal::{self, sealed_with};
use super::{FILE, Key, KeyError, KeyId, KeySource, SecretId, VaultError};

/// The file of a key that is about to be used.
const NEXT: &str = "vault.key.next";

/// What came of it.
#[derive(Clone, Debug)]
pub struct Rotated {
    pub secrets: usize,
    pub from: KeyId,
    pub to: KeyId,
    /// Where the new key is.
    pub source: KeySource,
    /// Where the old one was, if the new one was not put into its place.
    pub replaces: Option<KeySource>,
    /// Secrets that the old key does not open; they are left as they are.
    pub left: Vec<VaultError>,
}

#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(
        "the key comes from {0}, which can't be written: make another one with `head -c 32 \
         /dev/urandom | base64 > FILE` (mode 0600), and name that with `--new-key FILE`"
    )]
    Elsewhere(KeySource),
    #[error("the key that is given is the one in use")]
    Same,
    #[error("{path}: {reason}")]
    File { path: String, reason: String },
}

fn at(path: &Path) -> impl Fn(io::Error) -> RotateError + '_ {
    move |error| RotateError::File {
        path: path.display().to_string(),
        reason: error.to_string(),
    }
}

/// Seals everything with another key: that of `given`, or a new one that takes the place of
/// the file in `data_dir`.
///
/// # Errors
/// Nothing is changed then.
pub fn rotate(
    store: &Store,
    environment: &dyn Environment,
    data_dir: &Path,
    given: Option<&Path>,
) -> Result<Rotated, RotateError> {
    settle_rotation(store, data_dir)?;
    let old = Key::find(environment, data_dir)?;
    let own = data_dir.join(FILE);
    let (new, takes_place) = match (given, old.source()) {
        (Some(path), _) => {
            fs::metadata(path).map_err(at(path))?;
            (Key::of_file(path)?, false)
        }
        (None, KeySource::File(_)) => (Key::of_file(&data_dir.join(NEXT))?, true),
        (None, source) => return Err(RotateError::Elsewhere(source.clone())),
    };
    if new.id() == old.id() {
        return Err(RotateError::Same);
    }
    let (secrets, left) = seal_anew(store, &old, &new)?;
    if takes_place {
        take_place(data_dir).map_err(at(&own))?;
    }
    Ok(Rotated {
        secrets,
        from: old.id(),
        to: new.id(),
        source: match takes_place {
            true => KeySource::File(own),
            false => new.source().clone(),
        },
        replaces: (!takes_place).then(|| old.source().clone()),
        left,
    })
}

fn seal_anew(store: &Store, old: &Key, new: &Key) -> Result<(usize, Vec<VaultError>), RotateError> {
    let view = store.view();
    let mut rows = Vec::new();
    let mut left = Vec::new();
    for (plugin, subject, name) in view.sealed_names()? {
        let Some(row) = view.sealed(&plugin, &subject, &name)? else {
            continue;
        };
        let id = SecretId {
            plugin,
            subject,
            name,
        };
        match seal::open(old, id.clone(), &row) {
            Ok(value) => {
                let row = seal::seal(new, &id, &value)?;
                rows.push((id, row));
            }
            Err(error) => left.push(error),
        }
    }
    let secrets = rows.len();
    store.write_blocking(move |tx| {
        for (id, row) in rows {
            tx.set_sealed(&id.plugin, &id.subject, &id.name, Some(row));
        }
        Ok::<_, StoreError>(())
    })?;
    Ok((secrets, left))
}

fn take_place(data_dir: &Path) -> io::Result<()> {
    fs::rename(data_dir.join(NEXT), data_dir.join(FILE))?;
    File::open(data_dir)?.sync_all()
}

/// Ends a rotation that was broken off, one way or the other: by what the store is sealed
/// with.
///
/// # Errors
/// A file can't be read or written.
pub fn settle_rotation(store: &Store, data_dir: &Path) -> Result<(), KeyError> {
    let path = data_dir.join(NEXT);
    if !path.exists() {
        return Ok(());
    }
    let unwritable = |reason: String| KeyError::Unwritable {
        path: path.display().to_string(),
        reason,
    };
    let next = Key::of_file(&path)?;
    let view = store.view();
    let names = view
        .sealed_names()
        .map_err(|error| unwritable(error.to_string()))?;
    let used = names.iter().any(|(plugin, subject, name)| {
        view.sealed(plugin, subject, name)
            .ok()
            .flatten()
            .and_then(|row| sealed_with(&row))
            == Some(next.id())
    });
    let ended = match used {
        true => take_place(data_dir),
        false => fs::remove_file(&path),
    };
    ended.map_err(|error| unwritable(error.to_string()))?;
    tracing::info!(
        used,
        "a rotation of the vault's key was broken off; it is settled"
    );
    Ok(())
}
