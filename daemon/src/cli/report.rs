//! Shows findings: with the lines of their file on a terminal, one line each elsewhere.

use std::fmt;
use std::io::{self, Write};

use miette::{LabeledSpan, MietteHandlerOpts, NamedSource, ReportHandler as _, SourceCode};

use crate::config::{Diagnostic, Severity};

/// Writes every finding.
///
/// # Errors
/// Those of `out`.
pub fn write_findings(
    out: &mut dyn Write,
    findings: &[Diagnostic],
    is_terminal: bool,
) -> io::Result<()> {
    for finding in findings {
        if is_terminal {
            write!(out, "{}", Fancy::new(finding))?;
        } else {
            writeln!(out, "{finding}")?;
        }
    }
    Ok(())
}

/// `2 errors, 1 warning`.
pub fn tally(findings: &[Diagnostic]) -> String {
    let errors = findings.iter().filter(|one| one.is_error()).count();
    let count = |number: usize, noun: &str| {
        let plural = if number == 1 { "" } else { "s" };
        format!("{number} {noun}{plural}")
    };
    let parts = [(errors, "error"), (findings.len() - errors, "warning")];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, noun)| count(*number, noun))
        .collect();
    parts.join(", ")
}

/// A finding as miette draws it.
#[derive(Debug)]
struct Fancy<'a> {
    finding: &'a Diagnostic,
    source: Option<NamedSource<String>>,
}

impl<'a> Fancy<'a> {
    fn new(finding: &'a Diagnostic) -> Self {
        let source = finding.snippet.as_ref().map(|snippet| {
            NamedSource::new(snippet.file.display().to_string(), snippet.text.clone())
        });
        Fancy { finding, source }
    }
}

impl fmt::Display for Fancy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        MietteHandlerOpts::new().build().debug(&Words(self), f)
    }
}

/// What miette asks a finding.
struct Words<'a>(&'a Fancy<'a>);

impl Words<'_> {
    fn text(&self) -> String {
        let finding = self.0.finding;
        let mut text = String::new();
        if let (None, Some(file)) = (&self.0.source, &finding.file) {
            text += &format!("{}: ", file.display());
        }
        if let Some(key) = &finding.key {
            text += &format!("{key}: ");
        }
        text + &finding.message
    }
}

impl fmt::Debug for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl std::error::Error for Words<'_> {}

impl miette::Diagnostic for Words<'_> {
    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.0.finding.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let help = self.0.finding.help.as_deref()?;
        Some(Box::new(help))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        let source = self.0.source.as_ref()?;
        Some(source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.0.finding.span.clone()?;
        self.0.source.as_ref()?;
        let label = LabeledSpan::new(None, span.start, span.len());
        Some(Box::new(std::iter::once(label)))
    }
}
