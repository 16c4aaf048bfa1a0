//! Texts made alike, so that a word is found however it is written.

use jarchi_plugin_sdk::text;

/// Small letters in one form. Of `I`, `İ`, `ı` and `i` all become `i`: Azerbaijani and
/// Turkish pair them otherwise than other languages, and a text may be in either. Apostrophes
/// are one, and what can't be seen is gone.
pub(crate) fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for character in text::nfc(text).chars() {
        match character {
            'I' | 'İ' | 'ı' => folded.push('i'),
            '’' | '‘' | 'ʼ' | '`' => folded.push('\''),
            // The dot that `İ` leaves behind, and what hides inside words.
            '\u{307}' | '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' => {}
            '\u{a0}' | '\u{202f}' | '\u{2009}' => folded.push(' '),
            other => folded.extend(other.to_lowercase()),
        }
    }
    folded
}

/// The words of a folded text: letters, digits, and apostrophes between them.
pub(crate) fn words(folded: &str) -> Vec<&str> {
    folded
        .split(|c: char| !(c.is_alphanumeric() || c == '\'' || is_mark(c)))
        .map(|word| word.trim_matches('\''))
        .filter(|word| !word.is_empty())
        .collect()
}

fn is_mark(character: char) -> bool {
    matches!(character, '\u{300}'..='\u{36f}')
}

/// A phrase, ready to be looked for.
#[derive(Debug)]
pub(crate) struct Phrase {
    words: Vec<String>,
    pub(crate) written: String,
}

/// Letters from which on a word stands for all that begin with it, as languages that put
/// endings behind their words need it.
const STEM: usize = 4;

impl Phrase {
    /// None where it has no word.
    pub(crate) fn new(written: &str) -> Option<Self> {
        let folded = fold(written);
        let words: Vec<String> = words(&folded).into_iter().map(str::to_owned).collect();
        (!words.is_empty()).then(|| Phrase {
            words,
            written: written.trim().to_owned(),
        })
    }

    pub(crate) fn all<S: AsRef<str>>(written: impl IntoIterator<Item = S>) -> Vec<Self> {
        written
            .into_iter()
            .filter_map(|written| Phrase::new(written.as_ref()))
            .collect()
    }

    /// Whether a text has it; its last word may have an ending.
    pub(crate) fn stands_in(&self, words: &[&str]) -> bool {
        let last = self.words.len() - 1;
        words.windows(self.words.len()).any(|window| {
            window
                .iter()
                .zip(&self.words)
                .enumerate()
                .all(|(at, (word, wanted))| {
                    *word == wanted
                        || at == last
                            && wanted.chars().count() >= STEM
                            && word.starts_with(wanted.as_str())
                })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_however_they_are_written() {
        for (taboo, text, found) in [
            ("sığır", "SIĞIR əti", true),
            ("sığır", "Sİ\u{307}ĞİR", true),
            ("ISTI", "İsti çay", true),
            ("isti", "ISTİ", true),
            ("ucuz", "ən ucuzdur!", true),
            ("ucuz", "qu\u{ad}cuz", false),
            ("u\u{200b}cuz", "ucuz", true),
            ("as", "ask us", false),
            ("as", "AS, always", true),
            ("can't lose", "You can’t lose", true),
            ("şok endirim", "ŞOK ENDİRİMLƏR!", true),
            ("şok endirim", "şok olan endirim", false),
            ("ə\u{301}", "ə\u{301}", true),
        ] {
            let phrase = Phrase::new(taboo).unwrap_or_else(|| panic!("{taboo}"));
            let folded = fold(text);
            assert_eq!(
                phrase.stands_in(&words(&folded)),
                found,
                "{taboo} in {text}"
            );
        }
        assert!(Phrase::new(" !? ").is_none());
    }
}
