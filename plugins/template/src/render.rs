//! Templates filled in: what fails is told by its file and line, and nothing grows without
//! bound.

use std::collections::HashMap;
use std::io;

use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, Value};

use crate::front::Source;
use crate::issue::Fault;
use crate::words;

/// Steps that one template may take.
const FUEL: u64 = 20_000;
/// Bytes that it may write: twice the longest text that a platform takes.
const LONGEST: usize = 128 << 10;
/// Templates included in one another.
const DEEPEST: usize = 16;

/// All templates of the folder by their places.
pub(crate) struct Library {
    environment: Environment<'static>,
    /// By the name of a template in the environment: its file, and the line before it.
    places: HashMap<String, (String, usize)>,
}

/// Unlike any other's: there may be several on a line.
fn name(source: &Source) -> String {
    format!("{}:{} {}", source.path, source.line, source.text)
}

impl Library {
    pub(crate) fn new() -> Self {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        environment.set_fuel(Some(FUEL));
        environment.set_recursion_limit(DEEPEST);
        words::add(&mut environment);
        Library {
            environment,
            places: HashMap::new(),
        }
    }

    /// Takes a template on.
    ///
    /// # Errors
    /// It is none.
    pub(crate) fn add(&mut self, source: &Source) -> Result<(), Fault> {
        self.add_as(name(source), source)
    }

    /// Takes a template on that others include by its path.
    pub(crate) fn add_partial(&mut self, source: &Source) -> Result<(), Fault> {
        self.add_as(source.path.clone(), source)
    }

    fn add_as(&mut self, name: String, source: &Source) -> Result<(), Fault> {
        self.places
            .insert(name.clone(), (source.path.clone(), source.line - 1));
        self.environment
            .add_template_owned(name, source.text.clone())
            .map_err(|error| self.fault(&error, source).1)
    }

    /// Fills a template in. Says of an error in which file it is.
    pub(crate) fn render(
        &self,
        source: &Source,
        context: &Value,
    ) -> Result<String, (String, Fault)> {
        let mut out = Bounded(Vec::new());
        let rendered = self
            .environment
            .get_template(&name(source))
            .and_then(|template| template.render_captured_to(context, &mut out).map(drop));
        match rendered {
            Ok(()) => Ok(tidy(&String::from_utf8_lossy(&out.0))),
            Err(error) => Err(self.fault(&error, source)),
        }
    }

    fn fault(&self, error: &Error, source: &Source) -> (String, Fault) {
        // The innermost: an included template's own fault.
        let mut innermost = error;
        while let Some(inner) =
            std::error::Error::source(innermost).and_then(|inner| inner.downcast_ref::<Error>())
        {
            innermost = inner;
        }
        let (path, before) = innermost
            .name()
            .and_then(|name| self.places.get(name))
            .cloned()
            .unwrap_or_else(|| (source.path.clone(), source.line - 1));
        let line = before + innermost.line().unwrap_or(1);
        (path, Fault::new(line, message(innermost)))
    }
}

fn message(error: &Error) -> String {
    let at = error
        .template_source()
        .zip(error.range())
        .and_then(|(source, range)| source.get(range))
        .map(str::trim)
        .filter(|words| !words.is_empty() && words.len() <= 80);
    let detail = error.detail().unwrap_or_default();
    match (error.kind(), at) {
        (ErrorKind::UndefinedError, Some(words)) => format!(
            "there is no `{words}`: name a column of the row, or write `{words} | default(\"\")` \
             where it may be missing"
        ),
        (ErrorKind::OutOfFuel, _) => {
            String::from("the template takes too many steps: a loop is too long")
        }
        (ErrorKind::WriteFailure, _) => {
            format!("the template writes more than {LONGEST} bytes")
        }
        (kind, Some(words)) if detail.is_empty() => format!("{kind}: `{words}`"),
        (kind, None) if detail.is_empty() => kind.to_string(),
        _ => detail.to_owned(),
    }
}

struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > LONGEST {
            return Err(io::Error::other("too long"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// No blanks at the ends of lines, no more than one empty line: a column may be empty.
fn tidy(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut empty = 0;
    for line in text.trim().lines() {
        let line = line.trim_end();
        empty = if line.is_empty() { empty + 1 } else { 0 };
        if empty > 1 {
            continue;
        }
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(line);
    }
    out
}
