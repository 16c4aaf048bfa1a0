//! LinkedIn's "little text": the format of a post's words ("little Text Format" of the
//! Posts API). A reserved character that is not escaped ends the post there, without an
//! error.

use jarchi_plugin_sdk::{Mention, text};

const RESERVED: &str = r"\|{}@[]()<>#*_~";

fn escape_into(words: &str, into: &mut String) {
    for character in words.chars() {
        if RESERVED.contains(character) {
            into.push('\\');
        }
        into.push(character);
    }
}

/// The URN of somebody whom LinkedIn lets be mentioned.
pub fn mentionable(mention: &Mention) -> Option<&str> {
    let id = mention.id.as_deref()?;
    ["urn:li:person:", "urn:li:organization:"]
        .iter()
        .any(|kind| id.starts_with(kind))
        .then_some(id)
}

/// Words as little text: hashtags stay hashtags, mentions whose URN is known become
/// mentions, everything else is shown as it is written.
pub fn escape(words: &str, mentions: &[Mention]) -> String {
    let tags: Vec<usize> = text::hashtags(words).iter().map(|tag| tag.start).collect();
    let mut little = String::with_capacity(words.len() + 16);
    let mut rest = words;
    while let Some(first) = rest.chars().next() {
        let at = words.len() - rest.len();
        if first == '@'
            && let Some((mention, urn)) = named(rest, mentions)
        {
            little.push_str("@[");
            escape_into(&mention.handle, &mut little);
            little.push_str("](");
            little.push_str(urn);
            little.push(')');
            rest = &rest[1 + mention.handle.len()..];
            continue;
        }
        if RESERVED.contains(first) && !(first == '#' && tags.contains(&at)) {
            little.push('\\');
        }
        little.push(first);
        rest = &rest[first.len_utf8()..];
    }
    little
}

/// The mention at the beginning; the longest where several fit.
fn named<'a>(rest: &str, mentions: &'a [Mention]) -> Option<(&'a Mention, &'a str)> {
    mentions
        .iter()
        .filter(|mention| !mention.handle.is_empty())
        .filter(|mention| {
            rest[1..]
                .strip_prefix(mention.handle.as_str())
                .is_some_and(|after| !after.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
        })
        .filter_map(|mention| Some((mention, mentionable(mention)?)))
        .max_by_key(|(mention, _)| mention.handle.len())
}

/// Little text as people see it.
pub fn plain(little: &str) -> String {
    let mut words = String::with_capacity(little.len());
    let mut rest = little;
    loop {
        let Some(first) = rest.chars().next() else {
            return words;
        };
        let mut used = first.len_utf8();
        match first {
            '\\' => {
                if let Some(next) = rest[1..].chars().next() {
                    words.push(next);
                    used += next.len_utf8();
                }
            }
            '{' => match template(rest) {
                Some((shown, length)) => {
                    words.push_str(&shown);
                    used = length;
                }
                None => words.push('{'),
            },
            '@' if rest[1..].starts_with('[') => match mention(rest) {
                Some((shown, length)) => {
                    words.push('@');
                    words.push_str(&shown);
                    used = length;
                }
                None => words.push('@'),
            },
            other => words.push(other),
        }
        rest = &rest[used..];
    }
}

/// `{hashtag|\#|word}`.
fn template(rest: &str) -> Option<(String, usize)> {
    let inside = rest.strip_prefix("{hashtag|")?;
    let inside = inside
        .strip_prefix("\\#|")
        .or_else(|| inside.strip_prefix("#|"))?;
    let end = inside.find('}')?;
    let length = rest.len() - inside.len() + end + 1;
    Some((format!("#{}", plain(&inside[..end])), length))
}

/// `@[Name](urn:li:…)`.
fn mention(rest: &str) -> Option<(String, usize)> {
    let end = rest.find("](")?;
    let close = rest[end..].find(')')?;
    Some((plain(&rest[2..end]), end + close + 1))
}

/// What is left of words however they are rendered: letters and digits; all but white
/// space where there are none.
pub fn essence(words: &str) -> String {
    let letters: String = words.chars().filter(|c| c.is_alphanumeric()).collect();
    if letters.is_empty() {
        words.split_whitespace().collect()
    } else {
        letters
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let mentions = [
            Mention {
                handle: "Armudu".into(),
                id: Some("urn:li:organization:7".into()),
            },
            Mention {
                handle: "Armudu Çay Evi".into(),
                id: Some("urn:li:organization:8".into()),
            },
            Mention {
                handle: "leyla".into(),
                id: None,
            },
        ];
        for (words, little) in [
            ("Salam", "Salam"),
            ("5 * (3 + 2) < 30_", r"5 \* \(3 + 2\) \< 30\_"),
            (r"a\b|{c}[d]~", r"a\\b\|\{c\}\[d\]\~"),
            ("#çay C# #1 #a_b", r"#çay C\# \#1 #a\_b"),
            ("@Armudu!", "@[Armudu](urn:li:organization:7)!"),
            (
                "@Armudu Çay Evi.",
                "@[Armudu Çay Evi](urn:li:organization:8).",
            ),
            ("@Armududa @leyla", r"\@Armududa \@leyla"),
            ("👨‍👩‍👧‍👦 @", r"👨‍👩‍👧‍👦 \@"),
        ] {
            assert_eq!(escape(words, &mentions), little);
            assert_eq!(plain(little), words);
        }
    }

    #[test]
    fn what_linkedin_writes_back() {
        for (little, words) in [
            (r"{hashtag|\#|çay} \(x\)", "#çay (x)"),
            ("{hashtag|#|çay}", "#çay"),
            ("{other", "{other"),
            ("@[open", "@[open"),
            ("end\\", "end"),
        ] {
            assert_eq!(plain(little), words);
        }
    }
}
