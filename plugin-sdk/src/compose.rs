//! The text that a post becomes where its link and its hashtags are words like any other.

use std::borrow::Cow;

use crate::{Post, count, text};

/// A hashtag as most platforms take it: what is no letter, digit or underscore goes, and
/// the letter after it becomes a capital. Nothing is left where it has no letter.
pub fn hashtag(tag: &str) -> String {
    let tag = tag.trim().trim_start_matches(['#', '＃']);
    let mut word = String::with_capacity(tag.len());
    let mut gap = false;
    for character in tag.chars() {
        let mark = matches!(character, '\u{300}'..='\u{36f}' | '\u{200c}' | '\u{200d}');
        if character.is_alphanumeric() || character == '_' || mark {
            if gap && !word.is_empty() {
                word.extend(character.to_uppercase());
            } else {
                word.push(character);
            }
            gap = false;
        } else {
            gap = true;
        }
    }
    if word.chars().any(char::is_alphabetic) {
        word
    } else {
        String::new()
    }
}

/// What the text does not have of the post's link and hashtags, in paragraphs: the link,
/// then the hashtags with their number signs, each once. Empty where nothing is missing.
pub fn missing(post: &Post) -> Vec<String> {
    let mut paragraphs = Vec::new();
    if let Some(link) = &post.link
        && !text::urls(&post.text)
            .iter()
            .any(|url| same_address(url.text, &link.url))
    {
        paragraphs.push(link.url.clone());
    }
    let tags = missing_tags(post);
    if !tags.is_empty() {
        paragraphs.push(tags.join(" "));
    }
    paragraphs
}

/// The text, with the link and the hashtags that are not in it below.
pub fn whole_text(post: &Post) -> Cow<'_, str> {
    let text = post.text.trim_end();
    let missing = missing(post);
    if missing.is_empty() {
        return Cow::Borrowed(text);
    }
    let own = (!text.is_empty()).then_some(text);
    let paragraphs: Vec<&str> = own
        .into_iter()
        .chain(missing.iter().map(String::as_str))
        .collect();
    Cow::Owned(paragraphs.join("\n\n"))
}

/// The length of a post's text by the count of a stock connector's platform, link and hashtags
/// included where they are words like any other. On Bluesky a link is a card.
pub fn length_on(plugin: &str, post: &Post) -> usize {
    if plugin == "bluesky" && post.link.is_some() {
        let mut without = post.clone();
        without.link = None;
        return count::on(plugin, &whole_text(&without));
    }
    count::on(plugin, &whole_text(post))
}

fn same_address(one: &str, other: &str) -> bool {
    one.trim_end_matches('/') == other.trim_end_matches('/')
}

fn missing_tags(post: &Post) -> Vec<String> {
    let mut known: Vec<String> = text::hashtags(&post.text)
        .iter()
        .map(|tag| tag.text[1..].to_lowercase())
        .collect();
    let mut missing = Vec::new();
    for tag in &post.hashtags {
        let tag = hashtag(tag);
        if !tag.is_empty() && !known.contains(&tag.to_lowercase()) {
            known.push(tag.to_lowercase());
            missing.push(format!("#{tag}"));
        }
    }
    missing
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Link;

    #[test]
    fn hashtags_become_one_word() {
        for (tag, word) in [
            ("Bakı", "Bakı"),
            ("#Bakı çayı", "BakıÇayı"),
            ("＃çay", "çay"),
            ("a-b_c", "aB_c"),
            ("2026", ""),
            ("  ", ""),
            ("-x", "x"),
        ] {
            assert_eq!(hashtag(tag), word, "{tag}");
        }
    }

    #[test]
    fn what_the_text_has_is_not_added() {
        let post = |text: &str, url: Option<&str>, tags: &[&str]| Post {
            link: url.map(|url| Link {
                url: url.to_owned(),
                title: None,
                description: None,
                thumbnail: None,
            }),
            hashtags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            ..Post::text(text)
        };
        for (post, whole) in [
            (post("Salam \n", None, &[]), "Salam"),
            (
                post(
                    "Salam #çay",
                    Some("https://a.az/"),
                    &["Çay", "Bakı çayı", "bakıçayı", "1"],
                ),
                "Salam #çay\n\nhttps://a.az/\n\n#BakıÇayı",
            ),
            (
                post("See https://a.az.", Some("https://a.az/"), &[]),
                "See https://a.az.",
            ),
            (post("", Some("https://a.az"), &["x"]), "https://a.az\n\n#x"),
        ] {
            assert_eq!(whole_text(&post), whole);
        }
    }
}
