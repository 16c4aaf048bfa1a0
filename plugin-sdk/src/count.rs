//! Lengths, as platforms count them.

pub mod x;

use unicode_segmentation::UnicodeSegmentation;

use crate::text;

/// What people take for characters (extended grapheme clusters): a family emoji is one.
pub fn graphemes(text: &str) -> usize {
    text.graphemes(true).count()
}

/// UTF-16 code units, as JavaScript and Telegram count.
pub fn utf16(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Unicode code points.
pub fn chars(text: &str) -> usize {
    text.chars().count()
}

/// Unicode code points, an emoji as many as it has bytes: as Threads counts.
pub fn threads(text: &str) -> usize {
    let emoji =
        |c: char| c as u32 >= 0x1F000 || matches!(c as u32, 0x2600..=0x27BF | 0xFE0F | 0x200D);
    text.chars()
        .map(|c| if emoji(c) { c.len_utf8() } else { 1 })
        .sum()
}

/// UTF-8 bytes.
pub fn bytes(text: &str) -> usize {
    text.len()
}

/// Graphemes, with every http(s) address counted as `url_length`, however long it is, and
/// of a mention with a server, `@user@example.org`, only `@user`: as Mastodon counts.
pub fn weighted(text: &str, url_length: usize) -> usize {
    let urls = text::urls(text);
    let mut count = urls.len() * url_length;
    let mut from = 0;
    let mut plain = |piece: &str| {
        count += graphemes(piece);
        for mention in text::mentions(piece) {
            if let Some(at) = mention.text[1..].find('@') {
                count -= graphemes(&mention.text[1 + at..]);
            }
        }
    };
    for url in &urls {
        plain(&text[from..url.start]);
        from = url.end;
    }
    plain(&text[from..]);
    count
}

/// What Mastodon counts for an address, however long it is (`characters_reserved_per_url` of
/// its API's instance, a constant of its code).
pub const MASTODON_URL: usize = 23;

/// By the count of a stock connector's platform, as its manifest names it (`[limits] count`).
/// Another's is taken to count code points, which are never fewer than graphemes.
pub fn on(plugin: &str, text: &str) -> usize {
    match plugin {
        "mastodon" => weighted(text, MASTODON_URL),
        "bluesky" => graphemes(text),
        "x" => x::length(text),
        "threads" => threads(text),
        "telegram" | "linkedin" | "tiktok" => utf16(text),
        "youtube" => bytes(text),
        _ => chars(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_text_in_every_count() {
        // A family of four, an Azerbaijani word with a combining dot, a flag.
        let text = "👨‍👩‍👧‍👦 i\u{307}ş 🇦🇿";
        assert_eq!(graphemes(text), 6);
        assert_eq!(chars(text), 14);
        assert_eq!(utf16(text), 20);
        assert_eq!(bytes(text), 40);
        assert_eq!(threads("çay 🍵"), 8);
    }

    #[test]
    fn addresses_and_remote_mentions_are_weighted() {
        for (text, count) in [
            ("", 0),
            ("salam", 5),
            (
                "https://example.org/a-very-long-path-that-goes-on-and-on",
                23,
            ),
            ("http://a.az", 23),
            ("a https://example.org, b", 28),
            ("(https://example.org/x_(y))", 25),
            ("@fatima", 7),
            ("@fatima@example.org", 7),
            ("salam @fatima@sub.example.org!", 14),
            // Not a mention: a mail address.
            ("fatima@example.org", 18),
            // Without a scheme it is text.
            ("example.org", 11),
        ] {
            assert_eq!(weighted(text, 23), count, "{text}");
        }
    }
}
