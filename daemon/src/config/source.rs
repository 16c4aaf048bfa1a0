//! The text of one file, with its lines, and what of it must not be shown.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::{Place, Snippet};

pub(super) struct Source {
    pub file: Arc<Path>,
    pub text: String,
    /// The byte at which each line starts.
    lines: Vec<usize>,
}

impl Source {
    pub fn new(file: &Path, text: String) -> Self {
        let lines = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
        Source {
            file: file.into(),
            text,
            lines,
        }
    }

    pub fn place(&self, span: Range<usize>, key: &str) -> Place {
        let start = floor(&self.text, span.start);
        let line = self.lines.partition_point(|first| *first <= start);
        let first = self.lines.get(line - 1).copied().unwrap_or(0);
        let column = self
            .text
            .get(first..start)
            .map_or(0, |text| text.chars().count());
        Place {
            file: self.file.clone(),
            line,
            column: column + 1,
            span: start..floor(&self.text, span.end.max(start)),
            key: key.to_owned(),
        }
    }

    /// The text without what stands in `hidden`.
    pub fn snippet(&self, hidden: &[Range<usize>]) -> Arc<Snippet> {
        let mut bytes = self.text.clone().into_bytes();
        for span in hidden {
            blacken(&mut bytes, span.clone());
        }
        self.shown(bytes)
    }

    /// For a file that can't be parsed, so that nobody knows where its secrets are: every
    /// word that is not one of `known` is blacked out.
    pub fn snippet_of_known(&self, known: &[&str]) -> Arc<Snippet> {
        let mut bytes = self.text.clone().into_bytes();
        let is_word = |byte: u8| !byte.is_ascii_whitespace() && !b"[]{}=,\"'#.".contains(&byte);
        let mut at = 0;
        while at < bytes.len() {
            let length = bytes[at..]
                .iter()
                .take_while(|byte| is_word(**byte))
                .count();
            let word = std::str::from_utf8(&bytes[at..at + length]).unwrap_or_default();
            if !known.contains(&word) {
                blacken(&mut bytes, at..at + length);
            }
            at += length.max(1);
        }
        self.shown(bytes)
    }

    fn shown(&self, bytes: Vec<u8>) -> Arc<Snippet> {
        Arc::new(Snippet {
            file: self.file.clone(),
            text: String::from_utf8_lossy(&bytes).into_owned(),
        })
    }
}

/// The character boundary at or before `at`.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len()))
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0)
}

/// Line breaks stay, so that lines keep their numbers.
fn blacken(bytes: &mut [u8], span: Range<usize>) {
    let end = span.end.min(bytes.len());
    for byte in bytes.get_mut(span.start.min(end)..end).unwrap_or_default() {
        if !matches!(byte, b'\n' | b'\r') {
            *byte = b'*';
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_characters_and_lines_from_one() {
        let source = Source::new(Path::new("a.toml"), "ə = 1\nça = 2\n".into());
        let place = source.place(11..12, "ça");
        assert_eq!((place.line, place.column), (2, 4));
        let end = source.place(900..901, "");
        assert_eq!((end.line, end.column), (3, 1));
    }

    #[test]
    fn what_is_hidden_keeps_its_length() {
        let text = "token = \"gəlin\"\nname = \"a\"\n";
        let source = Source::new(Path::new("a.toml"), text.into());
        let shown = source.snippet(&[8..12, 12..16]);
        assert_eq!(shown.text, "token = ********\nname = \"a\"\n");
        let shown = source.snippet_of_known(&["name"]);
        assert_eq!(shown.text, "***** = \"******\"\nname = \"*\"\n");
    }
}
