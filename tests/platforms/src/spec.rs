//! The platforms' machine-readable specifications as referees. They are kept beside the
//! project, not in it: in `JARCHI_SPECS`, or `../shared/specs` beside the workspace.
//! Without them, a referee lets everything pass, and says so once.

mod discovery;
mod meta;
mod openapi;
mod telegram;
mod threads;

use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Mutex;

pub use discovery::youtube;
pub use meta::meta;
pub use openapi::{discord, mastodon, x};
pub use telegram::telegram;
pub use threads::threads;

use crate::Request;

/// Whether a specification allows a request.
pub trait Referee: Sync {
    /// # Errors
    /// What the specification has against it.
    fn check(&self, request: &Request) -> Result<(), String>;
}

/// A file of the specifications, by its path below their folder. None where it is not
/// there: then what it would have judged passes, which is said once, past the capture of
/// a test's output.
///
/// # Panics
/// The folder was named by `JARCHI_SPECS` and the file is not in it, or it can't be read.
pub fn read(path: &str) -> Option<String> {
    static MISSED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let named = std::env::var_os("JARCHI_SPECS").map(PathBuf::from);
    let folder = named
        .clone()
        .unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/specs"));
    match std::fs::read_to_string(folder.join(path)) {
        Ok(text) => Some(text),
        Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
            if MISSED.lock().expect("no panic").insert(path.to_owned()) {
                let _ = writeln!(
                    std::io::stderr(),
                    "NOT REFEREED: there is no {path} in {}; set JARCHI_SPECS to the \
                     folder of the specifications",
                    folder.display()
                );
            }
            None
        }
        Err(error) => panic!("{}: {error}", folder.join(path).display()),
    }
}
