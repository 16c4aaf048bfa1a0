//! What is wrong with a configuration, and where: made for people, editors and tests.

use std::fmt::{self, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The configuration is not used.
    Error,
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        })
    }
}

/// Where a value stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub file: Arc<Path>,
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// In bytes of the file.
    pub span: Range<usize>,
    /// As `account.cafe.rails.per_hour`.
    pub key: String,
}

impl Place {
    /// `file:line:column`, to name a second place in a message.
    pub fn short(&self) -> String {
        format!("{}:{}:{}", self.file.display(), self.line, self.column)
    }
}

/// The text of a file as it may be shown: secrets are blacked out, byte for byte.
#[derive(Clone, PartialEq, Eq)]
pub struct Snippet {
    pub file: Arc<Path>,
    pub text: String,
}

impl fmt::Debug for Snippet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snippet").field("file", &self.file).finish()
    }
}

/// One finding. It never holds a value of `secrets`, nor one that was read from outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    pub severity: Severity,
    pub file: Option<PathBuf>,
    /// From 1.
    pub line: Option<usize>,
    /// In characters, from 1.
    pub column: Option<usize>,
    /// In bytes of the file.
    pub span: Option<Range<usize>>,
    /// As `account.cafe.rails.per_hour`.
    pub key: Option<String>,
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    #[serde(skip)]
    pub snippet: Option<Arc<Snippet>>,
}

impl Diagnostic {
    pub fn new(severity: Severity, message: impl Into<String>) -> Self {
        Diagnostic {
            severity,
            file: None,
            line: None,
            column: None,
            span: None,
            key: None,
            message: message.into(),
            help: None,
            snippet: None,
        }
    }

    pub fn error(message: impl Into<String>) -> Self {
        Diagnostic::new(Severity::Error, message)
    }

    pub fn warning(message: impl Into<String>) -> Self {
        Diagnostic::new(Severity::Warning, message)
    }

    #[must_use]
    pub fn at(mut self, place: &Place) -> Self {
        self.file = Some(place.file.to_path_buf());
        self.line = Some(place.line);
        self.column = Some(place.column);
        self.span = Some(place.span.clone());
        self.key = Some(place.key.clone()).filter(|key| !key.is_empty());
        self
    }

    #[must_use]
    pub fn in_file(mut self, file: &Path) -> Self {
        self.file = Some(file.to_path_buf());
        self
    }

    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    #[must_use]
    pub fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help.or(self.help);
        self
    }

    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// `file:line:column: error: key: message (help)`, on one line whatever the names hold.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = String::new();
        if let Some(file) = &self.file {
            line = format!("{}:", file.display());
            if let (Some(row), Some(column)) = (self.line, self.column) {
                line += &format!("{row}:{column}:");
            }
            line.push(' ');
        }
        line += &format!("{}: ", self.severity);
        if let Some(key) = &self.key {
            line += &format!("{key}: ");
        }
        line += &self.message;
        if let Some(help) = &self.help {
            line += &format!(" ({help})");
        }
        for letter in line.chars() {
            if letter.is_control() {
                write!(f, "{}", letter.escape_default())?;
            } else {
                f.write_char(letter)?;
            }
        }
        Ok(())
    }
}

/// Why a configuration is refused: everything that is wrong with it, and the warnings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostics(pub Vec<Diagnostic>);

impl Diagnostics {
    pub fn errors(&self) -> usize {
        self.0.iter().filter(|one| one.is_error()).count()
    }
}

/// One line each.
impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, one) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            one.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

impl From<Diagnostic> for Diagnostics {
    fn from(one: Diagnostic) -> Self {
        Diagnostics(vec![one])
    }
}
