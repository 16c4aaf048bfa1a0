//! Links, mentions and hashtags in a text. The platform links nothing by itself: a client
//! says which bytes are what.

use std::ops::Range;

use jarchi_plugin_sdk::count;
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

/// A stretch of a text, in bytes of UTF-8.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    pub range: Range<usize>,
    pub kind: Kind,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// The whole address, whatever the text shows of it.
    Link(String),
    Mention {
        handle: String,
        did: Option<String>,
    },
    /// Without the number sign.
    Tag(String),
}

/// The longest tag that the platform takes (graphemes, and bytes).
pub const TAG: (usize, usize) = (64, 640);

/// Domains under which a name is a link even without `https://`. A short list: a missing
/// space after a full stop must not make a link.
const DOMAINS: [&str; 44] = [
    "app", "art", "az", "biz", "blog", "co", "com", "de", "dev", "edu", "eu", "fm", "fr", "ge",
    "gov", "info", "io", "ir", "it", "jobs", "kz", "live", "me", "mobi", "museum", "net", "news",
    "online", "org", "page", "pro", "pub", "ru", "shop", "site", "social", "store", "tech", "tr",
    "tv", "ua", "uk", "uz", "xyz",
];

/// Finds all of them, in order. `known` are mentions with the identifier that somebody
/// gave for the handle.
pub fn find(text: &str, known: &[(String, String)]) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut at = 0;
    let mut before: Option<char> = None;
    while let Some(char) = text[at..].chars().next() {
        let rest = &text[at..];
        // A link with its scheme begins wherever no word runs into it.
        let free = before.is_none_or(|before| !before.is_ascii_alphanumeric());
        let opens = before.is_none_or(is_opening);
        let found = match char {
            'h' | 'H' if free => full_link(rest).or_else(|| bare_link(rest).filter(|_| opens)),
            '@' if opens => mention(rest, known),
            '#' | '＃' if opens => tag(rest),
            _ if opens && char.is_ascii_alphabetic() => bare_link(rest),
            _ => None,
        };
        let length = match found {
            Some((length, kind)) => {
                spans.push(Span {
                    range: at..at + length,
                    kind,
                });
                length
            }
            None => char.len_utf8(),
        };
        before = text[..at + length].chars().next_back();
        at += length;
    }
    spans
}

fn is_opening(char: char) -> bool {
    char.is_whitespace() || matches!(char, '(' | '[' | '{' | '"' | '\'' | '“' | '„' | '‘' | '«')
}

fn is_punctuation(char: char) -> bool {
    char.general_category_group() == GeneralCategoryGroup::Punctuation
}

/// Emoji and other signs, and the marks of no width that go with them: what touches an
/// address like this was not meant to be part of it.
fn is_pictorial(char: char) -> bool {
    char.general_category_group() == GeneralCategoryGroup::Symbol
        || matches!(
            char,
            '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{fe0e}' | '\u{fe0f}'
        )
}

/// Characters that end a tag though they are no white space: the soft hyphen, joiners and
/// other marks of no width, and the box of a keycap.
fn ends_tag(char: char) -> bool {
    char.is_whitespace()
        || matches!(
            char,
            '\u{ad}' | '\u{2060}' | '\u{200a}'..='\u{200d}' | '\u{20e2}'
        )
}

fn tag(rest: &str) -> Option<(usize, Kind)> {
    let sign = rest.chars().next()?.len_utf8();
    let body = &rest[sign..];
    // The sign with a variation selector is an emoji.
    if body.starts_with('\u{fe0f}') {
        return None;
    }
    let body = &body[..body.find(ends_tag).unwrap_or(body.len())];
    let body = body.trim_end_matches(is_punctuation);
    if !is_tag(body) {
        return None;
    }
    Some((sign + body.len(), Kind::Tag(body.to_owned())))
}

/// A tag has something in it that is neither a digit nor punctuation, and is not too long.
pub fn is_tag(body: &str) -> bool {
    body.chars()
        .any(|char| !char.is_ascii_digit() && !is_punctuation(char) && char != '\u{fe0f}')
        && !body.contains(ends_tag)
        && !body.ends_with(is_punctuation)
        && count::graphemes(body) <= TAG.0
        && body.len() <= TAG.1
}

fn mention(rest: &str, known: &[(String, String)]) -> Option<(usize, Kind)> {
    let body = &rest[1..];
    let part_of_handle =
        |char: char| char.is_ascii_alphanumeric() || matches!(char, '.' | '-' | '_');
    let run = &body[..body
        .find(|char| !part_of_handle(char))
        .unwrap_or(body.len())];
    let handle = without_suffix(run.trim_end_matches(['.', '-', '_']));
    // `@name@host` is another network's way to name somebody.
    if body[handle.len()..].starts_with('@') {
        return None;
    }
    let did = known
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(handle))
        .map(|(_, did)| did.clone());
    if did.is_none() && !is_handle(handle) {
        return None;
    }
    Some((
        1 + handle.len(),
        Kind::Mention {
            handle: handle.to_owned(),
            did,
        },
    ))
}

/// A name with a grammatical ending behind a hyphen (`bob.test-da`) without it: no top
/// level domain holds a hyphen but the encoded ones.
fn without_suffix(name: &str) -> &str {
    let last = name.rfind('.').map_or(name.len(), |dot| dot + 1);
    match name[last..].find('-') {
        Some(hyphen) if !name[last..].starts_with("xn--") => &name[..last + hyphen],
        _ => name,
    }
}

/// A handle is a domain name.
pub fn is_handle(text: &str) -> bool {
    let mut labels = text.split('.').peekable();
    let mut count = 0;
    while let Some(label) = labels.next() {
        count += 1;
        let fits = (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-');
        let last = labels.peek().is_none();
        if !fits || (last && !label.starts_with(|char: char| char.is_ascii_alphabetic())) {
            return false;
        }
    }
    count > 1 && text.len() <= 253
}

fn full_link(rest: &str) -> Option<(usize, Kind)> {
    let scheme = ["https://", "http://"].into_iter().find(|scheme| {
        rest.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    })?;
    let address = address(rest);
    let host = &address[scheme.len()..];
    // A host of at least one letter or digit: `https://…` in a sentence about links is none.
    if !host.starts_with(|char: char| char.is_alphanumeric() || char == '[') {
        return None;
    }
    Some((
        address.len(),
        Kind::Link(encoded(&format!("{scheme}{host}"))),
    ))
}

fn bare_link(rest: &str) -> Option<(usize, Kind)> {
    let part_of_name = |char: char| char.is_ascii_alphanumeric() || matches!(char, '.' | '-');
    let name = &rest[..rest.find(|char| !part_of_name(char)).unwrap_or(rest.len())];
    let host = without_suffix(name.trim_end_matches(['.', '-']));
    let (_, domain) = host.rsplit_once('.')?;
    if !is_handle(host) || !DOMAINS.contains(&domain.to_ascii_lowercase().as_str()) {
        return None;
    }
    let address = match rest[host.len()..].chars().next() {
        Some('/' | '?' | '#' | ':') if host.len() == name.len() => address(rest),
        // `name@host`, and a word that goes on in another script.
        Some(next) if next == '@' || next.is_alphanumeric() => return None,
        _ => host,
    };
    Some((
        address.len(),
        Kind::Link(encoded(&format!("https://{address}"))),
    ))
}

/// The address at the start of the text, without the punctuation of the sentence around it.
fn address(rest: &str) -> &str {
    let ends = |char: char| {
        char.is_whitespace()
            || char.is_control()
            || matches!(char, '<' | '>' | '"' | '“' | '”' | '„' | '«' | '»' | '`')
            || (!char.is_ascii() && is_pictorial(char))
    };
    let mut address = &rest[..rest.find(ends).unwrap_or(rest.len())];
    loop {
        let unbalanced = |open: char, close: char| {
            address.ends_with(close)
                && address.matches(close).count() > address.matches(open).count()
        };
        let shorter = address.trim_end_matches(['.', ',', ';', ':', '!', '?', '\'', '’', '…', '*']);
        address = match address {
            _ if shorter.len() < address.len() => shorter,
            _ if unbalanced('(', ')') || unbalanced('[', ']') || unbalanced('{', '}') => {
                &address[..address.len() - 1]
            }
            _ => return address,
        };
    }
}

/// What an address may not hold (RFC 3986), percent-encoded. A host name in another script
/// stays as it is: browsers know what to do.
pub fn encoded(address: &str) -> String {
    let after_scheme = address.find("://").map_or(0, |at| at + 3);
    let host_ends = address[after_scheme..]
        .find(['/', '?', '#'])
        .map_or(address.len(), |length| after_scheme + length);
    let mut encoded = address[..host_ends].to_owned();
    for char in address[host_ends..].chars() {
        if char.is_ascii_graphic()
            && !matches!(char, '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}')
        {
            encoded.push(char);
        } else {
            encoded.push_str(&jarchi_plugin_sdk::http::encode(
                char.encode_utf8(&mut [0; 4]),
            ));
        }
    }
    encoded
}

/// How an address is shown when it is too long: without its scheme, its path cut.
pub fn shown(address: &str) -> String {
    /// Of the path, with its first slash (characters).
    const PATH: usize = 15;
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let rest = rest.strip_prefix("www.").unwrap_or(rest);
    let split = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, path) = rest.split_at(split);
    let path = path.trim_end_matches('/');
    if path.chars().count() <= PATH {
        return format!("{host}{path}");
    }
    let cut: String = path.chars().take(PATH - 1).collect();
    format!("{host}{cut}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each as `kind:text of the span` or `kind:text of the span>what it means`.
    fn found(text: &str) -> Vec<String> {
        find(text, &[("aysel".into(), "did:plc:aysel".into())])
            .into_iter()
            .map(|span| {
                let shown = &text[span.range.clone()];
                match span.kind {
                    Kind::Link(uri) if uri == shown => format!("link:{shown}"),
                    Kind::Link(uri) => format!("link:{shown}>{uri}"),
                    Kind::Mention { did: Some(did), .. } => format!("mention:{shown}>{did}"),
                    Kind::Mention { handle, did: None } => {
                        assert_eq!(shown, format!("@{handle}"));
                        format!("mention:{shown}")
                    }
                    Kind::Tag(tag) => {
                        assert_eq!(
                            shown.trim_start_matches(['#', '＃']).len(),
                            tag.trim_start_matches('#').len()
                        );
                        format!("tag:{shown}")
                    }
                }
            })
            .collect()
    }

    #[test]
    fn links() {
        for (text, expected) in [
            ("https://jarchi.az", vec!["link:https://jarchi.az"]),
            (
                "Bax: https://jarchi.az/qiymət.",
                vec!["link:https://jarchi.az/qiymət>https://jarchi.az/qiym%C9%99t"],
            ),
            (
                "(https://jarchi.az/a_(b))",
                vec!["link:https://jarchi.az/a_(b)"],
            ),
            (
                "(bax https://jarchi.az/a)",
                vec!["link:https://jarchi.az/a"],
            ),
            (
                "«https://jarchi.az» və http://a.b/c?d=e#f!",
                vec!["link:https://jarchi.az", "link:http://a.b/c?d=e#f"],
            ),
            (
                "HTTPS://Jarchi.az/X",
                vec!["link:HTTPS://Jarchi.az/X>https://Jarchi.az/X"],
            ),
            ("bax:https://jarchi.az", vec!["link:https://jarchi.az"]),
            ("xhttps://jarchi.az", vec![]),
            ("https:// boş", vec![]),
            ("https://... olsun", vec![]),
            (
                "http://127.0.0.1:3000/a",
                vec!["link:http://127.0.0.1:3000/a"],
            ),
            (
                "www.jarchi.az/blog?x=1, bax",
                vec!["link:www.jarchi.az/blog?x=1>https://www.jarchi.az/blog?x=1"],
            ),
            (
                "hər.şey sonra.gəl salam.necə v1.2.3 1.az info@jarchi.az jarchi.azə",
                vec![],
            ),
            (
                "🎉https://jarchi.az🎉 https://a.az/b❤️",
                vec!["link:https://jarchi.az", "link:https://a.az/b"],
            ),
            (
                "jarchi.az-da, jarchi.az.",
                vec![
                    "link:jarchi.az>https://jarchi.az",
                    "link:jarchi.az>https://jarchi.az",
                ],
            ),
            ("https://a.az/x\u{200b}y", vec!["link:https://a.az/x"]),
        ] {
            assert_eq!(found(text), expected, "{text}");
        }
    }

    #[test]
    fn tags() {
        for (text, expected) in [
            ("#jarchi", vec!["tag:#jarchi"]),
            (
                "#Azərbaycan #İçərişəhər, #çay!",
                vec!["tag:#Azərbaycan", "tag:#İçərişəhər", "tag:#çay"],
            ),
            ("(#şəhər) «#gecə»", vec!["tag:#şəhər", "tag:#gecə"]),
            ("#bayram🎉 #❤️", vec!["tag:#bayram🎉", "tag:#❤️"]),
            ("#2026 #7/24 # ## #! #️⃣ #", vec![]),
            ("#2026ci #a1", vec!["tag:#2026ci", "tag:#a1"]),
            ("C#dili a#b", vec![]),
            ("＃tam", vec!["tag:＃tam"]),
            ("#bir#iki", vec!["tag:#bir#iki"]),
            ("##ikiqat", vec!["tag:##ikiqat"]),
            ("#ailə👨\u{200d}👩", vec!["tag:#ailə👨"]),
            ("#bir\n#iki\t#üç", vec!["tag:#bir", "tag:#iki", "tag:#üç"]),
        ] {
            assert_eq!(found(text), expected, "{text}");
        }
        let fits = format!("#{}", "ə".repeat(64));
        assert_eq!(found(&fits).len(), 1);
        assert_eq!(found(&format!("{fits}ə")).len(), 0);
    }

    #[test]
    fn mentions() {
        for (text, expected) in [
            ("@bob.test", vec!["mention:@bob.test"]),
            (
                "Sağ ol, @bob.test! (@carol.bsky.social)",
                vec!["mention:@bob.test", "mention:@carol.bsky.social"],
            ),
            (
                "@bob.test-ə, @bob.test-da, @bob.test'in",
                vec!["mention:@bob.test"; 3],
            ),
            (
                "@aysel @Aysel. @leyla",
                vec![
                    "mention:@aysel>did:plc:aysel",
                    "mention:@Aysel>did:plc:aysel",
                ],
            ),
            (
                "mail@bob.test @bob @ @. @-a.test @a..test @user@host.test @user.name@host.test @a.1st",
                vec![],
            ),
        ] {
            assert_eq!(found(text), expected, "{text}");
        }
    }

    #[test]
    fn offsets_count_bytes() {
        let text = "Salam dünya 🌍 #şəhər https://a.az";
        let spans = find(text, &[]);
        assert_eq!(spans[0].range, 18..27);
        assert_eq!(&text.as_bytes()[18..27], "#şəhər".as_bytes());
        assert_eq!(spans[1].range, 28..text.len());
    }

    #[test]
    fn long_addresses_are_shown_short() {
        for (address, expected) in [
            ("https://jarchi.az/", "jarchi.az"),
            ("https://www.jarchi.az/a", "jarchi.az/a"),
            (
                "https://jarchi.az/12345678901234",
                "jarchi.az/12345678901234",
            ),
            (
                "https://jarchi.az/123456789012345",
                "jarchi.az/1234567890123…",
            ),
            (
                "https://jarchi.az?q=12345678901234567",
                "jarchi.az?q=12345678901…",
            ),
        ] {
            assert_eq!(shown(address), expected, "{address}");
        }
    }

    #[test]
    fn no_text_makes_it_fall_over() {
        for text in [
            "",
            "@",
            "#",
            "h",
            "http",
            "https://",
            "é",
            "\u{fe0f}#\u{fe0f}",
            "[https://[",
            "a.",
            ".az",
            "@.",
            "#\u{200d}",
            "((((((",
            "https://)))",
        ] {
            for span in find(text, &[]) {
                assert!(text.get(span.range).is_some(), "{text}");
            }
        }
    }
}
