//! What is wrong with a file, and on which line.

use jarchi_plugin_sdk::Problem;

/// Why something can't be used.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fault {
    /// Counted from 1; 0 where no line is to blame.
    pub(crate) line: usize,
    pub(crate) message: String,
}

impl Fault {
    pub(crate) fn new(line: usize, message: impl Into<String>) -> Self {
        Fault {
            line,
            message: message.into(),
        }
    }

    /// The place is the path alone, as the daemon knows the sources of drafts by it.
    pub(crate) fn problem(&self, path: &str) -> Problem {
        Problem::error(
            path,
            match self.line {
                0 => self.message.clone(),
                line => format!("line {line}: {}", self.message),
            },
        )
    }
}
