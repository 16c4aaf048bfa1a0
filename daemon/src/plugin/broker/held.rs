//! The secrets of one request, as they were when it began.

use std::sync::Arc;

use secrecy::SecretString;

use super::{Caller, Secrets, proof};

/// What is filled in is what is blacked out, even where another call of the account takes
/// a new token in between.
struct Held {
    values: Vec<(String, SecretString)>,
    kept: Arc<dyn Secrets>,
}

impl Secrets for Held {
    fn get(&self, name: &str) -> Option<SecretString> {
        let found = self.values.iter().find(|(own, _)| own == name)?;
        Some(found.1.clone())
    }

    fn capture(&self, name: &str, value: SecretString) -> Result<(), String> {
        self.kept.capture(name, value)
    }

    fn capture_all(&self, values: Vec<(String, SecretString)>) -> Result<(), String> {
        self.kept.capture_all(values)
    }

    fn all(&self) -> Vec<(String, SecretString)> {
        self.values.clone()
    }
}

pub(super) fn hold(caller: &Caller) -> Caller {
    let mut values = caller.secrets.all();
    values.extend(proof::all(&caller.manifest, &values));
    Caller {
        secrets: Arc::new(Held {
            values,
            kept: caller.secrets.clone(),
        }),
        ..caller.clone()
    }
}
