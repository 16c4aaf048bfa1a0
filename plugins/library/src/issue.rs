//! What is wrong with a file, and on which line.

use jarchi_plugin_sdk::{Problem, Severity};

/// What is wrong with one file. A file with an error is passed over; one with warnings
/// alone is posted.
#[derive(Debug, Default)]
pub(crate) struct Issues(Vec<Issue>);

#[derive(Debug)]
struct Issue {
    /// Counted from 1.
    line: usize,
    severity: Severity,
    message: String,
}

impl Issues {
    pub(crate) fn error(&mut self, line: usize, message: impl Into<String>) {
        self.push(line, Severity::Error, message.into());
    }

    pub(crate) fn warning(&mut self, line: usize, message: impl Into<String>) {
        self.push(line, Severity::Warning, message.into());
    }

    fn push(&mut self, line: usize, severity: Severity, message: String) {
        self.0.push(Issue {
            line,
            severity,
            message,
        });
    }

    pub(crate) fn append(&mut self, mut other: Issues) {
        self.0.append(&mut other.0);
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.0.iter().any(|issue| issue.severity == Severity::Error)
    }

    /// In the order of the lines. The place is the path alone, as the daemon knows the
    /// sources of its drafts by it; the line leads the message.
    pub(crate) fn into_problems(mut self, path: &str) -> impl Iterator<Item = Problem> {
        self.0.sort_by_key(|issue| issue.line);
        let path = path.to_owned();
        self.0.into_iter().map(move |issue| Problem {
            severity: issue.severity,
            place: path.clone(),
            message: format!("line {}: {}", issue.line, issue.message),
        })
    }
}

/// The word of `known` that was probably meant.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase().replace('-', "_");
    known
        .into_iter()
        .map(|other| {
            (
                strsim::damerau_levenshtein(&word, &other.to_lowercase()),
                other,
            )
        })
        .filter(|(distance, other)| *distance <= 1 + other.chars().count() / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, other)| other)
}
