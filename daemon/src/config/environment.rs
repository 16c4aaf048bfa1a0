//! What surrounds the process, as a value that tests replace.

use std::collections::BTreeMap;
use std::ffi::OsString;

/// The environment variables.
pub trait Environment: Send + Sync {
    fn var(&self, name: &str) -> Option<OsString>;
}

/// That of the process.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcessEnvironment;

impl Environment for ProcessEnvironment {
    fn var(&self, name: &str) -> Option<OsString> {
        // The standard library panics at names that no system can hold.
        if name.is_empty() || name.contains(['=', '\0']) {
            return None;
        }
        std::env::var_os(name)
    }
}

impl Environment for BTreeMap<String, String> {
    fn var(&self, name: &str) -> Option<OsString> {
        self.get(name).map(OsString::from)
    }
}
