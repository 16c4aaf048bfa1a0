//! The time.

use crate::Timestamp;

/// Milliseconds since 1970-01-01T00:00:00Z, by the host's clock.
pub fn now() -> Timestamp {
    crate::host::now()
}
