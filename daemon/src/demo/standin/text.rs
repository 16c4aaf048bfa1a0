//! What Mastodon finds in a text: links, mentions and hashtags, its length, its HTML.

use std::ops::Range;
use std::sync::LazyLock;

use regex::{Captures, Regex};
use unicode_segmentation::UnicodeSegmentation;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entity {
    /// Bytes of the text.
    pub range: Range<usize>,
    pub kind: EntityKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntityKind {
    Link,
    /// Without the number sign.
    Hashtag(String),
    Mention {
        user: String,
        domain: Option<String>,
    },
}

#[expect(
    clippy::expect_used,
    reason = "the patterns are constants, and tests use each"
)]
fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern of ours")
}

static LINK: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?ix) https?://
        (?: [\p{L}\p{M}\p{N}] (?: [\p{L}\p{M}\p{N}_-]* [\p{L}\p{M}\p{N}] )? \. )+
        (?: xn--[a-z0-9-]+ | [\p{L}\p{M}]{2,} )
        (?: :[0-9]+ )?
        (?: [/?\#] [^\s<>"]* )?"#,
    )
});
static MENTION: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)@([a-z0-9_]+(?:[.-]+[a-z0-9_]+)*)(?:@([\p{L}\p{M}\p{N}_]+(?:[.-]+[\p{L}\p{M}\p{N}_]+)*))?",
    )
});
static HASHTAG: LazyLock<Regex> = LazyLock::new(|| pattern(r"#([\p{L}\p{M}\p{N}_·]+)"));

/// In the order of the text; none overlaps another.
pub fn entities(text: &str) -> Vec<Entity> {
    let mut found: Vec<Entity> = LINK
        .find_iter(text)
        .filter(|link| stands_alone(text, link.start(), "@$#"))
        .map(|link| Entity {
            range: link.start()..link.start() + trimmed(link.as_str()).len(),
            kind: EntityKind::Link,
        })
        .collect();
    let mentions = others(text, &MENTION, "=/", |captures| EntityKind::Mention {
        user: captures[1].to_owned(),
        domain: captures.get(2).map(|domain| domain.as_str().to_owned()),
    });
    let hashtags = others(text, &HASHTAG, "=/)", |captures| {
        EntityKind::Hashtag(captures[1].trim_end_matches('·').to_owned())
    })
    // A number alone is no hashtag.
    .filter(|entity| match &entity.kind {
        EntityKind::Hashtag(name) => name.chars().any(char::is_alphabetic),
        _ => true,
    });
    for entity in mentions.chain(hashtags) {
        if found.iter().all(|other| {
            entity.range.end <= other.range.start || other.range.end <= entity.range.start
        }) {
            found.push(entity);
        }
    }
    found.sort_by_key(|entity| entity.range.start);
    found
}

fn others<'t>(
    text: &'t str,
    pattern: &'t Regex,
    not_after: &'t str,
    kind: impl Fn(&Captures<'_>) -> EntityKind + 't,
) -> impl Iterator<Item = Entity> + 't {
    pattern.captures_iter(text).filter_map(move |captures| {
        let whole = captures.get(0)?;
        let kind = kind(&captures);
        let end = match &kind {
            EntityKind::Hashtag(name) => whole.start() + 1 + name.len(),
            _ => whole.end(),
        };
        stands_alone(text, whole.start(), not_after).then_some(Entity {
            range: whole.start()..end,
            kind,
        })
    })
}

/// Not in the middle of a word, nor after one of these.
fn stands_alone(text: &str, start: usize, not_after: &str) -> bool {
    text[..start].chars().next_back().is_none_or(|before| {
        !before.is_alphanumeric() && before != '_' && !not_after.contains(before)
    })
}

/// Without the punctuation of the sentence around it.
fn trimmed(link: &str) -> &str {
    let mut link = link;
    while let Some(last) = link.chars().next_back() {
        let balanced = last == ')' && link.matches('(').count() >= link.matches(')').count();
        if last.is_alphanumeric() || "=_#/+-&".contains(last) || balanced {
            break;
        }
        link = &link[..link.len() - last.len_utf8()];
    }
    link
}

/// Grapheme clusters, as the server counts them: a link is worth `reserved`, a mention
/// only its local part, and the content warning counts too.
pub fn length(text: &str, spoiler: &str, reserved: usize) -> usize {
    let mut counted = spoiler.to_owned();
    let mut at = 0;
    for entity in entities(text) {
        counted.push_str(&text[at..entity.range.start]);
        match &entity.kind {
            EntityKind::Link => counted.extend(std::iter::repeat_n('x', reserved)),
            EntityKind::Mention { user, .. } => counted.extend(["@", user]),
            EntityKind::Hashtag(_) => counted.push_str(&text[entity.range.clone()]),
        }
        at = entity.range.end;
    }
    counted.push_str(&text[at..]);
    counted.graphemes(true).count()
}

/// The content as HTML: paragraphs, line breaks and anchors, everything else escaped.
/// `mention` gives the page of an account that the server knows.
pub fn html(
    text: &str,
    tags: &str,
    mention: impl Fn(&str, Option<&str>) -> Option<String>,
) -> String {
    let text = text.replace("\r\n", "\n");
    let mut out = String::new();
    let mut at = 0;
    for entity in entities(&text) {
        out.push_str(&escape(&text[at..entity.range.start]));
        let shown = &text[entity.range.clone()];
        match &entity.kind {
            EntityKind::Link => out.push_str(&anchor(shown)),
            EntityKind::Hashtag(name) => out.push_str(&format!(
                r#"<a href="{tags}/{}" class="mention hashtag" rel="tag">#<span>{}</span></a>"#,
                escape(&name.to_lowercase()),
                escape(name)
            )),
            EntityKind::Mention { user, domain } => match mention(user, domain.as_deref()) {
                Some(page) => out.push_str(&format!(
                    r#"<span class="h-card" translate="no"><a href="{}" class="u-url mention">@<span>{}</span></a></span>"#,
                    escape(&page),
                    escape(user)
                )),
                None => out.push_str(&escape(shown)),
            },
        }
        at = entity.range.end;
    }
    out.push_str(&escape(&text[at..]));
    paragraphs(&out)
}

fn paragraphs(html: &str) -> String {
    html.split("\n\n")
        .map(|paragraph| paragraph.trim_matches('\n'))
        .filter(|paragraph| !paragraph.is_empty())
        .map(|paragraph| format!("<p>{}</p>", paragraph.replace('\n', "<br />")))
        .collect()
}

/// A link shows its host and 30 characters; the rest is there for machines.
fn anchor(url: &str) -> String {
    let lower = url.to_ascii_lowercase();
    let prefix = ["https://www.", "http://www.", "https://", "http://"]
        .iter()
        .find(|prefix| lower.starts_with(**prefix))
        .map_or(0, |prefix| prefix.len());
    let (prefix, rest) = url.split_at(prefix);
    let cut = rest.char_indices().nth(30).map_or(rest.len(), |(at, _)| at);
    let (shown, hidden) = rest.split_at(cut);
    let class = if hidden.is_empty() { "" } else { "ellipsis" };
    format!(
        r#"<a href="{}" target="_blank" rel="nofollow noopener noreferrer" translate="no"><span class="invisible">{}</span><span class="{class}">{}</span><span class="invisible">{}</span></a>"#,
        escape(url),
        escape(prefix),
        escape(shown),
        escape(hidden)
    )
}

pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_as_long_as_the_server_counts_them() {
        let link = format!("https://example.org/{}", "a".repeat(200));
        for (text, spoiler, expected) in [
            ("Salam, dünya!", "", 13),
            ("👨‍👩‍👧‍👦🇦🇿", "", 2),
            ("e\u{301}", "", 1),
            (link.as_str(), "", 23),
            (&format!("({link})"), "", 25),
            (&format!("{link}."), "", 24),
            ("http://a.az, http://b.az", "", 48),
            ("https://a.az/wiki/Bakı_(şəhər)", "", 23),
            // No top-level domain, so no link.
            ("http://localhost/x", "", 18),
            ("@leyla@example.org hi", "", 9),
            ("@leyla hi", "", 9),
            ("mail@example.org", "", 16),
            ("text", "warning", 11),
            ("#tag", "", 4),
        ] {
            assert_eq!(length(text, spoiler, 23), expected, "{text}");
        }
    }

    #[test]
    fn entities_are_found_where_they_stand() {
        let names = |text: &str| -> Vec<String> {
            entities(text)
                .into_iter()
                .map(|entity| text[entity.range].to_owned())
                .collect()
        };
        assert_eq!(
            names("#Bakı və #şəhər_2026, #2026"),
            ["#Bakı", "#şəhər_2026"]
        );
        assert_eq!(names("a#b /#c (#d"), ["#d"]);
        assert_eq!(
            names("https://a.az/#top @x.y."),
            ["https://a.az/#top", "@x.y"]
        );
        assert_eq!(names("https://a.az/@leyla"), ["https://a.az/@leyla"]);
        assert_eq!(
            names("see https://a.az/x?y=1&z=%20!"),
            ["see https://a.az/x?y=1&z=%20!"; 1].map(|_| "https://a.az/x?y=1&z=%20")
        );
    }

    #[test]
    fn the_content_is_escaped_and_its_links_are_anchors() {
        let page = |user: &str, domain: Option<&str>| {
            (user == "leyla" && domain.is_none()).then(|| "http://s/@leyla".to_owned())
        };
        let html = |text: &str| html(text, "http://s/tags", page);
        assert_eq!(
            html("<b>\"a\" & 'b'</b>\nnew\n\nnext"),
            "<p>&lt;b&gt;&quot;a&quot; &amp; &#39;b&#39;&lt;/b&gt;<br />new</p><p>next</p>"
        );
        assert_eq!(
            html("@leyla @nobody #Bakı"),
            "<p><span class=\"h-card\" translate=\"no\"><a href=\"http://s/@leyla\" \
             class=\"u-url mention\">@<span>leyla</span></a></span> @nobody \
             <a href=\"http://s/tags/bakı\" class=\"mention hashtag\" rel=\"tag\">#<span>Bakı</span></a></p>"
        );
        let long = html("https://www.example.org/a/long/path/that/goes/on?x=1&y=\"2");
        assert!(
            long.contains("href=\"https://www.example.org/a/long/path/that/goes/on?x=1&amp;y=\"")
        );
        assert!(long.contains("<span class=\"ellipsis\">example.org/a/long/path/that/g</span>"));
        assert!(long.contains("&quot;2</p>"));
        assert_eq!(html(""), "");
    }
}
