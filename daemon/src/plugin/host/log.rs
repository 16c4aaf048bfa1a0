//! `log`: into the daemon's, under the plugin's name.

use std::fmt::Write as _;

use super::super::broker::Redactor;
use super::super::limits::Bytes;
use super::{State, wit};
use wit::log::Level;

/// Bytes of a line that are kept for the report of a crash.
const KEPT: usize = 400;

impl wit::log::Host for State {
    fn write(
        &mut self,
        level: Level,
        message: String,
        fields: Vec<(String, String)>,
    ) -> wasmtime::Result<()> {
        let length = message.len()
            + fields
                .iter()
                .map(|(key, value)| key.len() + value.len())
                .sum::<usize>();
        let length = length as u64;
        self.tally.output += length;
        if self.tally.log_full || self.tally.log + length > self.limits.log {
            if !self.tally.log_full {
                self.tally.log_full = true;
                tracing::warn!(
                    target: "plugin",
                    plugin = %self.site.plugin,
                    subject = %self.site.subject,
                    call = self.site.call,
                    "more than {} of log in one call: the rest is dropped; \
                     `limits.log` in the [[plugin]] block of `{}` raises it",
                    Bytes(self.limits.log),
                    self.site.plugin,
                );
            }
            return Ok(());
        }
        self.tally.log += length;

        let mut line = message;
        for (key, value) in fields {
            // Writing to a string can't fail.
            let _ = write!(line, " {key}={value}");
        }
        let line = self.clean(&line)?;
        macro_rules! event {
            ($level:ident) => {
                tracing::$level!(
                    target: "plugin",
                    plugin = %self.site.plugin,
                    subject = %self.site.subject,
                    call = self.site.call,
                    "{line}"
                )
            };
        }
        match level {
            Level::Trace => event!(trace),
            Level::Debug => event!(debug),
            Level::Info => event!(info),
            Level::Warn => event!(warn),
            Level::Error => event!(error),
        }
        self.remember(line.chars().take(KEPT).collect());
        Ok(())
    }
}

impl State {
    /// Without secrets, and without characters that would play with a terminal.
    fn clean(&mut self, line: &str) -> wasmtime::Result<String> {
        let redactor = match self.redactor.take() {
            Some(redactor) => redactor,
            None => Redactor::new(&self.caller.secrets.all(), &self.caller.manifest)?,
        };
        let line = redactor.text(line);
        self.redactor = Some(redactor);
        Ok(line
            .chars()
            .map(|c| match c {
                '\n' | '\t' => c,
                c if c.is_control() => char::REPLACEMENT_CHARACTER,
                c => c,
            })
            .collect())
    }
}
