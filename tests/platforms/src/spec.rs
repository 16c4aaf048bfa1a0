//! The platforms' machine-readable specifications as referees. They are kept beside the
//! project, not in it: in `JARCHI_SPECS`, or `../shared/specs` beside the workspace.
//! Without them, a referee lets everything pass, and says so once.

use crate::Request;

/// Whether a specification allows a request.
pub trait Referee: Sync {
    /// # Errors
    /// What the specification has against it.
    fn check(&self, request: &Request) -> Result<(), String>;
}
