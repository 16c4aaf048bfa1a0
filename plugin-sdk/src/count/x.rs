//! As X counts: the weights of its open-source `twitter-text`, configuration 3. An emoji
//! is two, an address 23, and what is not in the Latin and its neighbours' blocks two.

use unicode_properties::UnicodeEmoji;
use unicode_segmentation::UnicodeSegmentation;

use crate::text::{self, Span};

/// What a post may count unless its account has more.
pub const LIMIT: usize = 280;
/// What an address counts, however long it is.
pub const URL: usize = 23;

/// The longest address that becomes a link (characters).
const LONGEST_URL: usize = 4096;
/// The longest part of a domain, encoded as IDNA does (bytes).
const LONGEST_LABEL: usize = 63;

/// Code points that count one; all others count two.
const LIGHT: [std::ops::RangeInclusive<u32>; 4] = [0..=4351, 8192..=8205, 8208..=8223, 8242..=8247];

/// The length of a post's text. The text is counted as X keeps it: normalised to NFC.
pub fn length(text: &str) -> usize {
    let text = text::nfc(text);
    let mut sum = 0;
    let mut from = 0;
    for url in urls(&text) {
        sum += plain(&text[from..url.start]) + URL;
        from = url.end;
    }
    sum + plain(&text[from..])
}

fn plain(text: &str) -> usize {
    let weigh = |grapheme: &str| {
        if is_emoji(grapheme) {
            return 2;
        }
        let weight = |c: char| match LIGHT.iter().any(|range| range.contains(&u32::from(c))) {
            true => 1,
            false => 2,
        };
        grapheme.chars().map(weight).sum()
    };
    text.graphemes(true).map(weigh).sum()
}

fn is_emoji(grapheme: &str) -> bool {
    // The text form is asked for.
    !grapheme.contains('\u{fe0e}')
        && grapheme
            .chars()
            .any(|c| c == '\u{20e3}' || (!c.is_ascii() && c.is_emoji_char()))
}

/// The addresses that become links: with `http://` or `https://`, and bare domains with
/// what follows them. They are short on X, so a post's own text is other than what was
/// sent.
pub fn urls(text: &str) -> Vec<Span<'_>> {
    let mut found: Vec<Span<'_>> = Vec::new();
    let mut at = 0;
    while let Some(character) = text[at..].chars().next() {
        match url_at(text, at) {
            Some(end) => {
                found.push(Span {
                    start: at,
                    end,
                    text: &text[at..end],
                });
                at = end;
            }
            None => at += character.len_utf8(),
        }
    }
    found
}

/// The end of the address that begins here.
fn url_at(text: &str, start: usize) -> Option<usize> {
    let before = text[..start].chars().next_back();
    let forbidden = |c: char| {
        c.is_ascii_alphanumeric()
            || matches!(
                c,
                '@' | '＠' | '$' | '#' | '＃' | '\u{fffe}' | '\u{feff}' | '\u{ffff}'
            )
    };
    if before.is_some_and(forbidden) {
        return None;
    }
    let scheme = ["https://", "http://"].into_iter().find(|scheme| {
        let here = text.get(start..start + scheme.len());
        here.is_some_and(|here| here.eq_ignore_ascii_case(scheme))
    });
    let host = start + scheme.map_or(0, str::len);
    if scheme.is_none() && before.is_some_and(|c| matches!(c, '-' | '_' | '.' | '/') || is_latin(c))
    {
        return None;
    }
    let mut end = domain_end(text, host, scheme.is_some())?;
    end = port_end(text, end);
    if text[end..].starts_with('/') {
        end += 1;
        end += tail(&text[end..], is_path, ends_path);
    }
    if text[end..].starts_with('?') {
        let length = tail(&text[end + 1..], is_query, ends_query);
        end += if length > 0 { length + 1 } else { 0 };
    }
    (text[start..end].chars().count() <= LONGEST_URL).then_some(end)
}

/// The end of the domain. Bare ones are of Latin letters alone.
fn domain_end(text: &str, start: usize, any_script: bool) -> Option<usize> {
    let belongs = |c: char| {
        matches!(c, '-' | '_' | '.')
            || c.is_ascii_alphanumeric()
            || is_latin(c)
            // Whatever is neither space nor punctuation: `http://☃.net`.
            || any_script
                && !c.is_ascii()
                && !c.is_whitespace()
                && !c.is_control()
                && !matches!(
                    c,
                    '\u{2000}'..='\u{206f}' | '\u{3000}'..='\u{303f}' | '\u{ff00}'..='\u{ff0f}'
                        | '\u{fffe}' | '\u{feff}' | '\u{ffff}'
                )
    };
    let run = &text[start..];
    let run = &run[..run.find(|c| !belongs(c)).unwrap_or(run.len())];
    let mut labels: Vec<(usize, &str)> = Vec::new();
    let mut from = 0;
    for label in run.split('.') {
        labels.push((from, label));
        from += label.len() + 1;
    }
    for top in (1..labels.len()).rev() {
        let (at, label) = labels[top];
        let (_, domain) = labels[top - 1];
        let named = labels[..top].iter().all(|(_, label)| is_label(label));
        if !named || domain.contains('_') {
            continue;
        }
        if let Some(length) = tld(label, &text[start + at..]) {
            return Some(start + at + length);
        }
    }
    None
}

/// The bytes of the top domain at the beginning of `label`. `rest` is the text from there.
fn tld(label: &str, rest: &str) -> Option<usize> {
    let letters = label.bytes().take_while(u8::is_ascii_alphanumeric).count();
    let whole = label.len();
    [whole, letters].into_iter().find(|&length| {
        let name = encoded(&label[..length]);
        let goes_on = |c: char| c.is_ascii_alphanumeric() || matches!(c, '@' | '+' | '-');
        // IANA's list, as of the crate's release.
        let known = name.starts_with("xn--") && label.is_ascii() || tld::exist(&name);
        length > 0 && known && !rest[length..].starts_with(goes_on)
    })
}

fn is_label(label: &str) -> bool {
    let edge = |c: char| matches!(c, '-' | '_');
    !label.is_empty()
        && !label.starts_with(edge)
        && !label.ends_with(edge)
        && encoded(label).len() <= LONGEST_LABEL
}

/// A label in lower case, as IDNA encodes it (Punycode, RFC 3492).
fn encoded(label: &str) -> String {
    let label = label.to_lowercase();
    if label.is_ascii() {
        return label;
    }
    let points: Vec<u32> = label.chars().map(u32::from).collect();
    let mut name = String::from("xn--");
    name.extend(label.chars().filter(char::is_ascii));
    let basic = name.len() - "xn--".len();
    if basic > 0 {
        name.push('-');
    }
    let (mut next, mut delta, mut bias) = (128, 0_u64, 72_u64);
    let mut done = basic;
    while let Some(&least) = points.iter().filter(|point| **point >= next).min() {
        delta += u64::from(least - next) * (done as u64 + 1);
        for point in &points {
            if *point < least {
                delta += 1;
            }
            if *point == least {
                digits(delta, bias, &mut name);
                bias = adapted(delta, done as u64 + 1, done == basic);
                delta = 0;
                done += 1;
            }
        }
        delta += 1;
        next = least + 1;
    }
    name
}

/// The digits of Punycode's number of variable length, a to z and 0 to 9.
fn digits(mut number: u64, bias: u64, into: &mut String) {
    let mut push = |digit: u64| {
        let digit = u32::try_from(digit).ok();
        into.extend(digit.and_then(|digit| char::from_digit((digit + 10) % 36, 36)));
    };
    let mut position = 36;
    loop {
        let threshold = position_threshold(position, bias);
        if number < threshold {
            return push(number);
        }
        push(threshold + (number - threshold) % (36 - threshold));
        number = (number - threshold) / (36 - threshold);
        position += 36;
    }
}

fn position_threshold(position: u64, bias: u64) -> u64 {
    position.saturating_sub(bias).clamp(1, 26)
}

fn adapted(delta: u64, points: u64, first: bool) -> u64 {
    let mut delta = delta / if first { 700 } else { 2 };
    delta += delta / points;
    let mut position = 0;
    while delta > 455 {
        delta /= 35;
        position += 36;
    }
    position + 36 * delta / (delta + 38)
}

fn port_end(text: &str, end: usize) -> usize {
    let Some(port) = text[end..].strip_prefix(':') else {
        return end;
    };
    match port.bytes().take_while(u8::is_ascii_digit).count() {
        0 => end,
        digits => end + 1 + digits,
    }
}

/// The bytes of a path or query: up to the last character that may end it. A bracket is
/// part of it where it is closed.
fn tail(text: &str, belongs: fn(char) -> bool, ends: fn(char) -> bool) -> usize {
    let mut last = 0;
    let mut at = 0;
    while let Some(character) = text[at..].chars().next() {
        if character == '(' {
            let inside = &text[at + 1..];
            let closed = inside.find(|c| !belongs(c) || c == '(' || c == ')');
            match closed {
                Some(end) if inside[end..].starts_with(')') => {
                    at += end + 2;
                    last = at;
                    continue;
                }
                _ => break,
            }
        }
        if !belongs(character) {
            break;
        }
        at += character.len_utf8();
        if ends(character) {
            last = at;
        }
    }
    last
}

fn is_letter(c: char) -> bool {
    c.is_ascii_alphanumeric() || is_latin(c) || matches!(c, '\u{400}'..='\u{4ff}')
}

fn is_path(c: char) -> bool {
    is_letter(c)
        || matches!(
            c,
            '!' | '*'
                | '\''
                | ';'
                | ':'
                | '='
                | '+'
                | ','
                | '.'
                | '$'
                | '/'
                | '%'
                | '#'
                | '['
                | ']'
                | '-'
                | '\u{2013}'
                | '_'
                | '~'
                | '@'
                | '|'
                | '&'
        )
}

fn ends_path(c: char) -> bool {
    is_letter(c) || matches!(c, '=' | '_' | '#' | '/' | '+' | '-')
}

fn is_query(c: char) -> bool {
    c.is_ascii_alphanumeric()
        || matches!(
            c,
            '!' | '?'
                | '*'
                | '\''
                | '@'
                | ';'
                | ':'
                | '&'
                | '='
                | '+'
                | '$'
                | '/'
                | '%'
                | '#'
                | '['
                | ']'
                | '-'
                | '_'
                | '.'
                | ','
                | '~'
                | '|'
        )
}

fn ends_query(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '&' | '=' | '#' | '/')
}

/// Latin letters with marks.
fn is_latin(c: char) -> bool {
    matches!(c, '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{24f}')
        || matches!(
            c,
            '\u{253}' | '\u{254}' | '\u{256}' | '\u{257}' | '\u{259}' | '\u{25b}' | '\u{263}'
                | '\u{268}' | '\u{26f}' | '\u{272}' | '\u{289}' | '\u{28b}' | '\u{2bb}'
                | '\u{300}'..='\u{36f}' | '\u{1e00}'..='\u{1eff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_at_the_top() {
        // RFC 3492, section 7.1, (B), (I) and (L), in lower case.
        for (label, name) in [
            ("Com", "com"),
            ("中国", "xn--fiqs8s"),
            ("бел", "xn--90ais"),
            ("bücher", "xn--bcher-kva"),
            ("他们为什么不说中文", "xn--ihqwcrb4cv8a8dqg056pqjye"),
            (
                "почемужеонинеговорятпорусски",
                "xn--b1abfaaepdrnnbgefbadotcwatmq2g4l",
            ),
            ("3年b組金八先生", "xn--3b-ww4c5e180e575a65lsy2b"),
        ] {
            assert_eq!(encoded(label), name);
        }
        for (text, link) in [
            ("a.music", true),
            ("a.COM", true),
            ("a.nosuchtop", false),
            ("http://a.中国", true),
            ("http://a.中果", false),
        ] {
            assert_eq!(!urls(text).is_empty(), link, "{text}");
        }
    }

    #[test]
    fn weights() {
        for (text, count) in [
            ("", 0),
            ("Salam, dünya!", 13),
            ("Şəhər", 5),
            ("A\u{301}B", 2),
            ("日本", 4),
            ("👨‍👩‍👧‍👦🇦🇿👍🏽", 6),
            ("1\u{fe0f}\u{20e3} 1", 4),
            ("©", 2),
            ("a — b", 5),
            ("a\nb", 3),
        ] {
            assert_eq!(length(text), count, "{text}");
        }
    }

    #[test]
    fn links() {
        for (text, found) in [
            ("", vec![]),
            (
                "bax https://a.az/çay?x=1, sonra",
                vec!["https://a.az/çay?x=1"],
            ),
            ("a.az, b.example.", vec!["a.az"]),
            (
                "(http://en.wikipedia.org/wiki/A_(b)) x",
                vec!["http://en.wikipedia.org/wiki/A_(b)"],
            ),
            ("mail a@b.com, #c.com $d.com x.e.com.", vec!["x.e.com"]),
            ("見てexample.comを", vec!["example.com"]),
            ("http://çay.az:8080/x.", vec!["http://çay.az:8080/x"]),
            ("http://localhost/ 1.5 e.g. v2.0 main.rs2", vec![]),
            ("HTTPS://T.CO/AbC?!", vec!["HTTPS://T.CO/AbC"]),
            (
                "http://under_score.b.com http://under_score.com",
                vec!["http://under_score.b.com"],
            ),
        ] {
            let texts: Vec<&str> = urls(text).iter().map(|url| url.text).collect();
            assert_eq!(texts, found, "{text}");
        }
    }
}
