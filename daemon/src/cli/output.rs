//! What is printed, and how a command ends.

use std::io::{self, Write as _};
use std::process::ExitCode;

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

use crate::config::Diagnostics;
use crate::model::Timestamp;
use crate::service::ClientError;
use crate::service::api::ApiError;
use crate::store::StoreError;

/// Whose fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The caller's: status 2.
    Wrong,
    /// Anything else: status 1.
    Failed,
}

/// Why a command ended without doing what was asked.
#[derive(Debug)]
pub struct Failure {
    pub status: Status,
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Already printed.
    pub findings: Option<Diagnostics>,
}

impl Failure {
    pub fn wrong(message: impl Into<String>) -> Self {
        Failure {
            status: Status::Wrong,
            message: message.into(),
            help: None,
            findings: None,
        }
    }

    pub fn failed(message: impl Into<String>) -> Self {
        Failure {
            status: Status::Failed,
            ..Failure::wrong(message)
        }
    }

    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Prints it, and gives the exit status.
    pub fn report(&self) -> ExitCode {
        if let Some(findings) = &self.findings {
            super::tell(findings);
        }
        let mut stderr = io::stderr();
        if !self.message.is_empty() {
            // Nothing is left to be done where stderr is closed.
            let _ = writeln!(stderr, "jarchi: {}", self.message);
        }
        if let Some(help) = &self.help {
            let _ = writeln!(stderr, "  help: {help}");
        }
        match self.status {
            Status::Wrong => ExitCode::from(2),
            Status::Failed => ExitCode::FAILURE,
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::failed(error.to_string())
    }
}

impl From<Diagnostics> for Failure {
    fn from(findings: Diagnostics) -> Self {
        let tally = super::report::tally(&findings.0);
        Failure {
            findings: Some(findings),
            ..Failure::wrong(format!("the configuration can't be used ({tally})"))
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Locked(_) | StoreError::Newer { .. } | StoreError::Invalid(_) => {
                Failure::wrong(error.to_string())
            }
            _ => Failure::failed(error.to_string()),
        }
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        match error {
            ApiError::Unavailable { message } => Failure::failed(message),
            error => Failure::wrong(error.to_string()),
        }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Api(error) => error.into(),
            error => Failure::failed(error.to_string()),
        }
    }
}

/// Prints an answer: as JSON where that was asked for, else as `words` says.
pub(super) fn print<T: Serialize>(
    answer: &T,
    json: bool,
    words: impl FnOnce(&T) -> String,
) -> Result<(), Failure> {
    let mut text = if json {
        serde_json::to_string_pretty(answer).map_err(|error| Failure::failed(error.to_string()))?
    } else {
        words(answer)
    };
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    match io::stdout().write_all(text.as_bytes()) {
        // Whoever read it has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => Ok(result?),
    }
}

/// Columns under their names.
pub(super) fn table(names: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(names.iter().map(|name| name.to_uppercase()));
    for row in rows {
        table.add_row(row);
    }
    table
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect::<Vec<_>>()
        .join("\n")
}

/// A moment by this machine's wall clock, for people.
pub(super) fn moment(at: Timestamp) -> String {
    at.to_utc()
        .with_timezone(&chrono::Local)
        .format("%Y-%m-%d %H:%M:%S %:z")
        .to_string()
}

/// What is not there.
pub(super) fn or_dash(text: Option<impl ToString>) -> String {
    text.map_or_else(|| "-".to_owned(), |text| text.to_string())
}
