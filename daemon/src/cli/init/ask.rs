//! Questions on a terminal.

use std::io::{BufRead, Write};

use super::InitError;

/// Somebody who answers.
pub struct Ask<'a> {
    pub input: &'a mut dyn BufRead,
    pub output: &'a mut dyn Write,
}

impl Ask<'_> {
    pub(super) fn text(&mut self, question: &str, usual: &str) -> Result<String, InitError> {
        self.parsed(question, usual, |text| Ok(text.to_owned()))
    }

    /// Asks until the answer is one. No answer is the usual one.
    pub(super) fn parsed<T>(
        &mut self,
        question: &str,
        usual: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, InitError> {
        loop {
            write!(self.output, "{question} [{usual}] ").map_err(InitError::Ask)?;
            self.output.flush().map_err(InitError::Ask)?;
            let mut line = String::new();
            let read = self.input.read_line(&mut line).map_err(InitError::Ask)?;
            let answer = line.trim();
            match parse(if answer.is_empty() { usual } else { answer }) {
                Ok(value) => return Ok(value),
                // The end of the input answers nothing any more.
                Err(_) if read == 0 => {
                    return Err(InitError::Ask(std::io::ErrorKind::UnexpectedEof.into()));
                }
                Err(why) => writeln!(self.output, "{why}").map_err(InitError::Ask)?,
            }
        }
    }
}
