//! Texts as Telegram counts them: in UTF-16 code units, without their markup ("Formatting
//! options", Bot API).

use jarchi_plugin_sdk::{Mention, count, text};
use serde_json::{Value, json};

use crate::options::Format;

/// A text, ready to be sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Text {
    /// As it is sent.
    pub raw: String,
    /// As people see it.
    pub plain: String,
    pub entities: Vec<Value>,
    pub format: Format,
}

impl Text {
    pub fn length(&self) -> usize {
        count::utf16(self.plain.trim())
    }

    pub fn is_empty(&self) -> bool {
        self.plain.trim().is_empty()
    }

    /// The name of the parameters for its markup, `entities` being the second.
    pub fn put(&self, call: &mut crate::api::Call<'_>, text: &str, mode: &str, entities: &str) {
        call.put(text, self.raw.as_str());
        match self.format {
            Format::Html => call.put(mode, "HTML"),
            Format::Plain if self.entities.is_empty() => {}
            Format::Plain => call.put(entities, self.entities.clone()),
        }
    }
}

/// A text of words alone, with what is in it marked: addresses, hashtags, mentions; people
/// whose number is known are linked by it.
pub fn plain(text: &str, mentions: &[Mention]) -> Text {
    let mut entities = Vec::new();
    let mut mark = |span: text::Span<'_>, kind: &str, url: Option<String>| {
        let mut entity = json!({
            "type": kind,
            "offset": count::utf16(&text[..span.start]),
            "length": count::utf16(span.text),
        });
        if let Some(url) = url {
            entity["url"] = url.into();
        }
        entities.push((span.start, entity));
    };
    for span in text::urls(text) {
        mark(span, "url", None);
    }
    for span in text::hashtags(text) {
        mark(span, "hashtag", None);
    }
    for span in text::mentions(text) {
        let id = mentions
            .iter()
            .find(|mention| mention.handle.eq_ignore_ascii_case(&span.text[1..]))
            .and_then(|mention| mention.id.as_deref()?.parse::<u64>().ok());
        match id {
            Some(id) => mark(span, "text_link", Some(format!("tg://user?id={id}"))),
            None => mark(span, "mention", None),
        }
    }
    entities.sort_by_key(|(start, _)| *start);
    Text {
        raw: text.to_owned(),
        plain: text.to_owned(),
        entities: entities.into_iter().map(|(_, entity)| entity).collect(),
        format: Format::Plain,
    }
}

/// A text in Telegram's HTML.
///
/// # Errors
/// What Telegram would refuse of it.
pub fn html(text: &str) -> Result<Text, String> {
    Ok(Text {
        raw: text.to_owned(),
        plain: without_tags(text)?,
        entities: Vec::new(),
        format: Format::Html,
    })
}

/// As HTML writes it.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

const TAGS: [&str; 16] = [
    "b",
    "strong",
    "i",
    "em",
    "u",
    "ins",
    "s",
    "strike",
    "del",
    "span",
    "tg-spoiler",
    "a",
    "tg-emoji",
    "code",
    "pre",
    "blockquote",
];

fn without_tags(text: &str) -> Result<String, String> {
    let mut plain = String::with_capacity(text.len());
    let mut open: Vec<&str> = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['<', '&']) {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        if rest.starts_with('&') {
            let (character, length) = entity(rest);
            plain.push(character);
            rest = &rest[length..];
            continue;
        }
        let Some(end) = rest.find('>') else {
            return Err("a `<` begins no tag: write it `&lt;`".to_owned());
        };
        let tag = &rest[1..end];
        rest = &rest[end + 1..];
        if let Some(closed) = tag.strip_prefix('/') {
            let closed = closed.trim();
            if open.pop() != Some(closed) {
                return Err(format!("`</{closed}>` closes what was not opened last"));
            }
            continue;
        }
        let name = tag
            .split(|c: char| c.is_whitespace())
            .next()
            .unwrap_or_default();
        let Some(known) = TAGS.iter().find(|known| **known == name) else {
            return Err(format!(
                "Telegram knows no `<{name}>`: there are {}",
                TAGS.join(", ")
            ));
        };
        if name == "span" && !tag.contains("class=\"tg-spoiler\"") {
            return Err("a `<span>` is one with `class=\"tg-spoiler\"`".to_owned());
        }
        open.push(known);
    }
    plain.push_str(rest);
    match open.last() {
        Some(tag) => Err(format!("`<{tag}>` is not closed")),
        None => Ok(plain),
    }
}

/// The character that `&…;` stands for, and how long that is; the sign itself where it
/// stands for nothing.
fn entity(text: &str) -> (char, usize) {
    let named = text[1..]
        .find(';')
        .filter(|end| *end <= 10)
        .and_then(|end| {
            let name = &text[1..=end];
            let character = match name {
                "lt" => '<',
                "gt" => '>',
                "amp" => '&',
                "quot" => '"',
                _ => {
                    let number = name.strip_prefix('#')?;
                    let code = match number.strip_prefix(['x', 'X']) {
                        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                        None => number.parse().ok()?,
                    };
                    char::from_u32(code)?
                }
            };
            Some((character, end + 2))
        });
    named.unwrap_or(('&', 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_counted_in_utf16() {
        let mention = Mention {
            handle: "Aysel".into(),
            id: Some("42".into()),
        };
        let text = plain("🫖 #Çay @aysel, @other: https://a.az/x.", &[mention]);
        assert_eq!(
            text.entities,
            [
                json!({ "type": "hashtag", "offset": 3, "length": 4 }),
                json!({ "type": "text_link", "offset": 8, "length": 6, "url": "tg://user?id=42" }),
                json!({ "type": "mention", "offset": 16, "length": 6 }),
                json!({ "type": "url", "offset": 24, "length": 14 }),
            ]
        );
        assert_eq!(text.length(), 39);
    }

    #[test]
    fn html_is_counted_without_its_tags() {
        for (text, plain) in [
            ("a <b>b <i>c</i></b> &lt;&#128512;&x;", "a b c <😀&x;"),
            ("<a href=\"https://a.az\">çay</a>", "çay"),
            ("<span class=\"tg-spoiler\">x</span>", "x"),
            ("<pre><code class=\"language-rust\">x</code></pre>", "x"),
        ] {
            assert_eq!(
                html(text).as_ref().map(|text| text.plain.as_str()),
                Ok(plain)
            );
        }
        for (text, why) in [
            ("1 < 2", "write it `&lt;`"),
            ("<p>x</p>", "knows no `<p>`"),
            ("<b>x", "`<b>` is not closed"),
            ("<b><i>x</b></i>", "not opened last"),
            ("x</b>", "not opened last"),
            ("<span>x</span>", "tg-spoiler"),
        ] {
            assert!(html(text).unwrap_err().contains(why), "{text}");
        }
    }
}
