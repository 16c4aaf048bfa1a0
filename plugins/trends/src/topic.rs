//! A topic: words of strangers, made harmless.

use jarchi_plugin_sdk::{Timestamp, count, text};
use serde::{Deserialize, Serialize};

/// Characters of a topic's name.
const LONGEST: usize = 100;

/// What one source says of a topic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sighting {
    pub(crate) name: String,
    /// The source's name for people: its host, or `own list`.
    pub(crate) source: String,
    /// Where it can be read, for people.
    pub(crate) link: Option<String>,
    /// When it began or was published.
    pub(crate) since: Option<Timestamp>,
    /// From 0, as ever, to 1, four times as much as before.
    pub(crate) rise: f64,
    /// The source is a list of the user's.
    pub(crate) own: bool,
}

/// A name without what is no word: addresses, mentions, signs that can't be seen. None
/// where nothing is left.
pub(crate) fn clean(name: &str) -> Option<String> {
    let visible: String = name
        .chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .filter(|c| !c.is_control() && !is_unseen(*c))
        .collect();
    let mut words = visible.clone();
    for span in text::urls(&visible).iter().chain(&text::mentions(&visible)) {
        words = words.replace(span.text, " ");
    }
    let words = words.replace(['#', '＃', '@', '＠', '<', '>'], " ");
    let words: Vec<&str> = words.split_whitespace().collect();
    let name = text::shorten(&words.join(" "), LONGEST, count::graphemes);
    name.chars().any(char::is_alphabetic).then_some(name)
}

/// Marks that hide words, or turn them round.
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// The letters and digits alone, in lower case: `#BakuMarathon` and `Baku marathon` are
/// one topic.
pub(crate) fn identity(name: &str) -> String {
    fold(name).chars().filter(|c| c.is_alphanumeric()).collect()
}

/// Lower case in which the four letters i of Azerbaijani and English are one.
fn fold(text: &str) -> String {
    text::nfc(text)
        .to_lowercase()
        .chars()
        .filter(|c| *c != '\u{307}')
        .map(|c| if c == 'ı' { 'i' } else { c })
        .collect()
}

/// The words of a text; a capital inside a hashtag begins one.
pub(crate) fn words(text: &str) -> Vec<String> {
    let mut spaced = String::with_capacity(text.len() + 8);
    let mut before = ' ';
    for c in text.chars() {
        if c.is_uppercase() && before.is_lowercase() {
            spaced.push(' ');
        }
        spaced.push(c);
        before = c;
    }
    fold(&spaced)
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Whether a word is `wanted`, or `wanted` with an ending: `marafon` is in `marafonu`. The
/// shortest words must be alike.
pub(crate) fn is_form_of(word: &str, wanted: &str) -> bool {
    let length = wanted.chars().count();
    word == wanted || length >= 4 && word.starts_with(wanted) && word.chars().count() <= length + 6
}

/// Whether the words have the phrase in them, word by word, or written together as one.
pub(crate) fn has_phrase(words: &[String], phrase: &str) -> bool {
    let phrase = self::words(phrase);
    if phrase.is_empty() {
        return false;
    }
    let together = phrase.concat();
    words.windows(phrase.len()).any(|part| {
        part.iter()
            .zip(&phrase)
            .all(|(word, wanted)| is_form_of(word, wanted))
    }) || words.iter().any(|word| is_form_of(word, &together))
        || words.windows(2).any(|pair| pair.concat() == together)
}
