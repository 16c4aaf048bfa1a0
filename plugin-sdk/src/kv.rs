//! The plugin's memory: one for each account (or generator), kept over restarts. What a
//! call writes is kept when the call succeeds, or at once by [`commit`].

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use crate::bindings::host::jarchi::plugin::kv::Error;
use crate::{Timestamp, clock};

/// The value of a key; none where there is none, or where it is not a `T` (any more).
///
/// # Errors
/// The store can't be read, or the key is longer than 256 bytes.
pub fn get<T: DeserializeOwned>(key: &str) -> Result<Option<T>, Error> {
    let Some(bytes) = crate::host::kv_get(key)? else {
        return Ok(None);
    };
    match serde_json::from_slice(&bytes) {
        Ok(value) => Ok(Some(value)),
        Err(error) => {
            crate::warn!(key = key; "what was kept is not readable any more: {error}");
            Ok(None)
        }
    }
}

/// Keeps a value.
///
/// # Errors
/// It is over the quota, the key is longer than 256 bytes, or the store failed.
pub fn set<T: Serialize + ?Sized>(key: &str, value: &T) -> Result<(), Error> {
    let bytes = serde_json::to_vec(value)
        .map_err(|error| Error::Store(format!("`{key}` is no JSON: {error}")))?;
    crate::host::kv_set(key, &bytes)
}

/// Forgets a key.
///
/// # Errors
/// The store failed, or the key is longer than 256 bytes.
pub fn delete(key: &str) -> Result<(), Error> {
    crate::host::kv_delete(key)
}

/// The keys with this beginning, in order.
///
/// # Errors
/// The store can't be read.
pub fn keys(prefix: &str) -> Result<Vec<String>, Error> {
    crate::host::kv_keys(prefix)
}

/// Keeps what was written so far: on disk when this returns, whatever becomes of the call.
/// For what must be known before something is done that can't be taken back, as money
/// that is spent. At most 64 times a call.
///
/// # Errors
/// The store failed, or there were 64.
pub fn commit() -> Result<(), Error> {
    crate::host::kv_commit()
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Cached<T> {
    until: Timestamp,
    value: T,
}

/// The value of a key, made anew when it is older than `keep` milliseconds. A cache that
/// can't be written is a warning, not an error.
///
/// # Errors
/// Those of `make`.
pub fn cached<T: Serialize + DeserializeOwned, E>(
    key: &str,
    keep: crate::Millis,
    make: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    let now = clock::now();
    if let Ok(Some(Cached { until, value })) = get::<Cached<T>>(key)
        && now < until
        && until <= now.saturating_add(keep)
    {
        return Ok(value);
    }
    let made = Cached {
        until: now.saturating_add(keep),
        value: make()?,
    };
    if let Err(error) = set(key, &made) {
        crate::warn!(key = key; "not kept: {error:?}");
    }
    Ok(made.value)
}
