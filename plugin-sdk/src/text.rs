//! Finding things in text, and fitting text into limits. All offsets are UTF-8 bytes.

use std::ops::Range;

use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

/// A piece of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span<'a> {
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
    /// The piece itself, with its sign (`#`, `@`).
    pub text: &'a str,
}

impl Span<'_> {
    /// Its bytes.
    pub fn range(&self) -> Range<usize> {
        self.start..self.end
    }
}

fn span(text: &str, start: usize, end: usize) -> Span<'_> {
    Span {
        start,
        end,
        text: &text[start..end],
    }
}

/// The text in Unicode's normal form C, in which letters and their marks are one character
/// where there is one: for comparing.
pub fn nfc(text: &str) -> String {
    text.nfc().collect()
}

/// A character that belongs to a word: what stands before a sign takes its meaning away.
fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_' || is_joiner(character)
}

/// Marks and joiners inside words, which are not letters.
fn is_joiner(character: char) -> bool {
    matches!(
        character,
        '\u{300}'..='\u{36f}' | '\u{200c}' | '\u{200d}' | '\u{fe0f}'
    )
}

/// The http and https addresses, without the punctuation behind them. A bracket at the
/// end belongs to the address when it was opened in it.
pub fn urls(text: &str) -> Vec<Span<'_>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = text[from..].find("://") {
        let colon = from + at;
        from = colon + 3;
        let Some(start) = ["https", "http"].into_iter().find_map(|scheme| {
            let start = colon.checked_sub(scheme.len())?;
            let here = text.get(start..colon)?;
            here.eq_ignore_ascii_case(scheme).then_some(start)
        }) else {
            continue;
        };
        if text[..start].chars().next_back().is_some_and(is_word) {
            continue;
        }
        let end = url_end(text, colon + 3);
        let host_end = text[colon + 3..end]
            .find(['/', '?', '#'])
            .map_or(end, |at| colon + 3 + at);
        if !text[colon + 3..host_end]
            .starts_with(|first: char| first.is_alphanumeric() || first == '[')
        {
            continue;
        }
        found.push(span(text, start, end));
        from = end;
    }
    found
}

fn url_end(text: &str, from: usize) -> usize {
    let ends = |character: char| {
        character.is_whitespace()
            || character.is_control()
            || matches!(
                character,
                '<' | '>' | '"' | '`' | '{' | '}' | '|' | '\\' | '^'
            )
            || matches!(
                character,
                '“' | '”' | '„' | '«' | '»' | '「' | '」' | '、' | '。' | '，'
            )
    };
    let mut end = text[from..].find(ends).map_or(text.len(), |at| from + at);
    while let Some(last) = text[from..end].chars().next_back() {
        let inside = &text[from..end];
        let superfluous = match last {
            '.' | ',' | ';' | ':' | '!' | '?' | '\'' | '’' | '*' | '…' => true,
            ')' => inside.matches(')').count() > inside.matches('(').count(),
            ']' => inside.matches(']').count() > inside.matches('[').count(),
            _ => false,
        };
        if !superfluous {
            break;
        }
        end -= last.len_utf8();
    }
    end
}

/// Hashtags, with their number sign: letters, digits and underscores of any script, not
/// digits alone, not inside a word or an address.
pub fn hashtags(text: &str) -> Vec<Span<'_>> {
    signs(text, ['#', '＃'], |rest| {
        let end = rest
            .find(|c: char| !is_word(c) && c != '·')
            .unwrap_or(rest.len());
        let name = &rest[..end];
        let named = name.chars().any(|c| c.is_alphabetic());
        (named && !name.starts_with(is_joiner)).then_some(end)
    })
}

/// Mentions, with their at sign: `@user`, `@user.example.org`, `@user@example.org`.
pub fn mentions(text: &str) -> Vec<Span<'_>> {
    signs(text, ['@', '＠'], |rest| {
        let user = handle_end(rest)?;
        let server = rest[user..]
            .strip_prefix('@')
            .and_then(handle_end)
            .map_or(0, |length| length + 1);
        Some(user + server)
    })
}

/// The length of `[a-z0-9_]+([.-]*[a-z0-9_]+)*` at the beginning.
fn handle_end(rest: &str) -> Option<usize> {
    let end = rest
        .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-')))
        .unwrap_or(rest.len());
    let end = rest[..end].trim_end_matches(['.', '-']).len();
    let begins = rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    (begins && end > 0).then_some(end)
}

fn signs(text: &str, sign: [char; 2], length: impl Fn(&str) -> Option<usize>) -> Vec<Span<'_>> {
    let urls = urls(text);
    let mut found: Vec<Span<'_>> = Vec::new();
    for (start, character) in text.char_indices().filter(|(_, c)| sign.contains(c)) {
        let before = text[..start].chars().next_back();
        let inside = before.is_some_and(|c| is_word(c) || matches!(c, '/' | '=' | '&' | '#' | '@'))
            || found.last().is_some_and(|last| start < last.end)
            || urls.iter().any(|url| url.range().contains(&start));
        let body = start + character.len_utf8();
        if !inside && let Some(length) = length(&text[body..]) {
            found.push(span(text, start, body + length));
        }
    }
    found
}

/// The longest beginning of the text, in whole graphemes, that `count` puts at `max` or
/// below.
pub fn truncate(text: &str, max: usize, count: impl Fn(&str) -> usize) -> &str {
    if count(text) <= max {
        return text;
    }
    let borders: Vec<usize> = text.grapheme_indices(true).map(|(at, _)| at).collect();
    let fitting = borders.partition_point(|&at| count(&text[..at]) <= max);
    &text[..borders[fitting.saturating_sub(1)]]
}

/// The text, or as much of it as fits with `…` behind it, cut between words where it can
/// be.
pub fn shorten(text: &str, max: usize, count: impl Fn(&str) -> usize) -> String {
    if count(text) <= max {
        return text.to_owned();
    }
    let room = max.saturating_sub(count("…"));
    if room == 0 {
        return truncate("…", max, count).to_owned();
    }
    let cut = truncate(text, room, count);
    let cut = match last_border(text, cut.len(), str::split_word_bound_indices) {
        // A border in the first half would throw too much away.
        Some(at) if at * 2 > cut.len() => &text[..at],
        _ => cut,
    };
    format!(
        "{}…",
        cut.trim_end()
            .trim_end_matches([',', ';', ':', '-', '–', '—'])
    )
}

/// The text in parts of which each counts `max` or less: cut between paragraphs, else
/// between sentences, else between words, else between graphemes. White space at the cuts
/// goes. A part is never cut inside an address or a mention, unless it alone is too long.
pub fn split(text: &str, max: usize, count: impl Fn(&str) -> usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        if count(rest) <= max {
            parts.push(rest);
            break;
        }
        let most = truncate(rest, max, &count).len();
        let urls = urls(rest);
        let names = mentions(rest);
        let whole = |at: usize| {
            let mut spans = urls.iter().chain(&names);
            !spans.any(|span| span.start < at && at < span.end)
        };
        let space = rest[..most].rfind(char::is_whitespace);
        let early = |at: &usize| *at * 4 <= most;
        let large = [
            last_paragraph(rest, most),
            last_border(rest, most, str::split_sentence_bound_indices),
            space,
        ];
        let large = large.map(|at| at.filter(|at| !early(at)));
        // Rather a short part than a word in two.
        let word = last_border(rest, most, str::split_word_bound_indices);
        let url = urls.iter().map(|url| url.start).rfind(|at| *at <= most);
        let end = large
            .into_iter()
            .chain([space, word, url])
            .flatten()
            .find(|&at| whole(at) && !rest[..at].trim_end().is_empty())
            .or_else(|| (most > 0).then_some(most))
            // Not even one grapheme fits: it goes whole, and the count shows it.
            .unwrap_or_else(|| rest.graphemes(true).next().map_or(rest.len(), str::len));
        parts.push(rest[..end].trim_end());
        rest = rest[end..].trim_start();
    }
    parts
}

fn last_paragraph(text: &str, most: usize) -> Option<usize> {
    text[..most].rfind("\n\n")
}

/// The last border at or before `most`.
fn last_border<'a, I: Iterator<Item = (usize, &'a str)>>(
    text: &'a str,
    most: usize,
    borders: impl Fn(&'a str) -> I,
) -> Option<usize> {
    borders(text)
        .map(|(at, _)| at)
        .take_while(|&at| at <= most)
        .filter(|&at| at > 0)
        .last()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::count;

    fn texts<'a>(spans: &[Span<'a>]) -> Vec<&'a str> {
        spans.iter().map(|span| span.text).collect()
    }

    #[test]
    fn addresses() {
        for (text, found) in [
            ("nothing here", vec![]),
            ("https://example.org", vec!["https://example.org"]),
            (
                "See https://example.org/a?b=c#d.",
                vec!["https://example.org/a?b=c#d"],
            ),
            (
                "(http://a.az/x_(y), HTTPS://B.az!)",
                vec!["http://a.az/x_(y)", "HTTPS://B.az"],
            ),
            (
                "“https://çay.az/şəkər” və https://a.az…",
                vec!["https://çay.az/şəkər", "https://a.az"],
            ),
            ("xhttps://a.az ftp://b.az https:// https://.", vec![]),
            (
                "http://127.0.0.1:8080/ http://[::1]/",
                vec!["http://127.0.0.1:8080/", "http://[::1]/"],
            ),
        ] {
            assert_eq!(texts(&urls(text)), found, "{text}");
        }
        let spans = urls("ə https://a.az");
        assert_eq!((spans[0].start, spans[0].end), (3, 15));
    }

    #[test]
    fn tags() {
        for (text, found) in [
            (
                "#çay, #Bakı! #2026 #2026il #a_b",
                vec!["#çay", "#Bakı", "#2026il", "#a_b"],
            ),
            ("a#b ##c #", vec![]),
            ("https://a.az/#top (#içəridə)", vec!["#içəridə"]),
            ("#i\u{307}ş", vec!["#i\u{307}ş"]),
        ] {
            assert_eq!(texts(&hashtags(text)), found, "{text}");
        }
    }

    #[test]
    fn people() {
        for (text, found) in [
            ("@fatima, @ali.", vec!["@fatima", "@ali"]),
            (
                "@a@example.org. @b.bsky.social!",
                vec!["@a@example.org", "@b.bsky.social"],
            ),
            ("mail me@example.org, see https://a.az/@me", vec![]),
            ("(@a_b-c)", vec!["@a_b-c"]),
            ("@ əli @@x", vec![]),
        ] {
            assert_eq!(texts(&mentions(text)), found, "{text}");
        }
    }

    #[test]
    fn cutting() {
        let family = "👨‍👩‍👧‍👦👨‍👩‍👧‍👦";
        assert_eq!(count::graphemes(truncate(family, 1, count::graphemes)), 1);
        assert_eq!(truncate(family, 20, count::bytes), "");
        assert_eq!(truncate("abc", 3, count::graphemes), "abc");
        assert_eq!(truncate("abc", 0, count::graphemes), "");
        assert_eq!(
            shorten("Salam, dünya", 12, count::graphemes),
            "Salam, dünya"
        );
        assert_eq!(shorten("Salam, dünya", 11, count::graphemes), "Salam…");
        assert_eq!(shorten("Salamsalam", 5, count::graphemes), "Sala…");
        assert_eq!(shorten("Salam", 1, count::graphemes), "…");
        assert_eq!(shorten("Salam", 0, count::graphemes), "");
    }

    #[test]
    fn parts() {
        let split = |text, max| super::split(text, max, count::graphemes);
        assert_eq!(split("", 10), Vec::<&str>::new());
        assert_eq!(split("Bir iki.", 10), ["Bir iki."]);
        assert_eq!(
            split("Bir iki. Üç dörd beş.", 12),
            ["Bir iki.", "Üç dörd beş."]
        );
        assert_eq!(split("Bir iki üç dörd", 8), ["Bir iki", "üç dörd"]);
        assert_eq!(split("birikiüçdörd", 5), ["birik", "iüçdö", "rd"]);
        assert_eq!(split("Bir.\n\nİki. Üç.", 11), ["Bir.", "İki. Üç."]);
        assert_eq!(
            split("Bura baxın: https://example.org/uzun/yol tamam", 30),
            ["Bura baxın:", "https://example.org/uzun/yol", "tamam"]
        );
        assert_eq!(super::split("👨‍👩‍👧‍👦a", 3, count::bytes), ["👨‍👩‍👧‍👦", "a"]);
    }

    #[test]
    fn no_part_is_too_long_and_nothing_is_lost() {
        let text = "Şəhərin ən yaxşı çayı bizdədir! Gəlin, dadın. https://example.org/çay \
                    Sabah saat 9-da görüşürük: Nizami küçəsi 5. 👨‍👩‍👧‍👦🇦🇿 "
            .repeat(5);
        for max in 1..120 {
            let parts = split(&text, max, count::graphemes);
            assert!(
                parts.iter().all(|part| count::graphemes(part) <= max),
                "{max}"
            );
            let squeezed = |text: &str| text.split_whitespace().collect::<String>();
            assert_eq!(squeezed(&parts.concat()), squeezed(&text), "{max}");
        }
    }
}
