//! How long texts may be, by each platform's own count.

use jarchi_plugin_sdk::generator::AccountLimits;
use jarchi_plugin_sdk::{Post, compose, count};

/// An account that takes no more than so much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    pub(crate) account: String,
    pub(crate) plugin: String,
    pub(crate) limit: Option<usize>,
}

impl Room {
    pub(crate) fn of(limits: &AccountLimits) -> Self {
        Room {
            account: limits.account.clone(),
            plugin: limits.plugin.clone(),
            limit: limits.text.map(|limit| limit as usize),
        }
    }

    /// A text's length on this platform.
    pub(crate) fn length(&self, text: &str) -> usize {
        count::on(&self.plugin, text)
    }

    /// The post's text with its link and hashtags, as it goes out here, and how much it is
    /// over the limit.
    pub(crate) fn excess(&self, post: &Post, text: &str) -> Option<(usize, usize)> {
        let limit = self.limit?;
        let length = self.length(&whole(post, text));
        (length > limit).then_some((length, limit))
    }

    /// The limit without what link and hashtags take: what a model is told.
    pub(crate) fn told(&self, post: &Post) -> Option<usize> {
        let limit = self.limit?;
        // A letter of text, so that the paragraphs between are counted too.
        let around = self.length(&whole(post, "x")).saturating_sub(1);
        let room = limit.saturating_sub(around);
        // Scripts of two bytes a letter.
        Some(if self.plugin == "youtube" {
            room / 2
        } else {
            room
        })
    }

    /// The whole sentences at the text's beginning that fit; none where they are less than
    /// half of what would.
    pub(crate) fn sentences<'t>(&self, post: &Post, text: &'t str) -> Option<&'t str> {
        let limit = self.limit?;
        let ends = text
            .char_indices()
            .filter(|(at, c)| {
                let next = text[at + c.len_utf8()..].chars().next();
                matches!(c, '.' | '!' | '?' | '…' | '\n') && next.is_none_or(char::is_whitespace)
            })
            .map(|(at, c)| at + c.len_utf8());
        let fitting = ends
            .map(|end| text[..end].trim_end())
            .rfind(|text| self.length(&whole(post, text)) <= limit)?;
        (self.length(fitting) * 2 >= limit.saturating_sub(self.length(&whole(post, ""))))
            .then_some(fitting)
    }
}

fn whole(post: &Post, text: &str) -> String {
    let post = Post {
        text: text.to_owned(),
        link: post.link.clone(),
        hashtags: post.hashtags.clone(),
        ..Post::default()
    };
    compose::whole_text(&post).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(plugin: &str, limit: usize) -> Room {
        Room {
            account: "a".into(),
            plugin: plugin.into(),
            limit: Some(limit),
        }
    }

    #[test]
    fn each_platform_counts_for_itself() {
        let text = "👨‍👩‍👧‍👦 https://example.org/a-long-path-that-goes-on-and-on";
        for (plugin, length) in [
            ("mastodon", 25),
            ("bluesky", 53),
            ("x", 26),
            ("telegram", 63),
            ("discord", 59),
            ("youtube", 77),
        ] {
            assert_eq!(room(plugin, 10).length(text), length, "{plugin}");
        }
    }

    #[test]
    fn link_and_hashtags_take_room() {
        let post = Post {
            hashtags: vec!["çay".into()],
            ..Post::default()
        };
        let room = room("bluesky", 20);
        assert_eq!(room.told(&post), Some(14));
        assert_eq!(room.excess(&post, &"x".repeat(14)), None);
        assert_eq!(room.excess(&post, &"x".repeat(15)), Some((21, 20)));
        assert_eq!(room.excess(&post, "xxxxxxxxxx #çay"), None);
    }

    #[test]
    fn whole_sentences_are_kept() {
        let post = Post::default();
        let room = room("bluesky", 20);
        assert_eq!(
            room.sentences(&post, "Salam, dost! Çay içək. Gəl."),
            Some("Salam, dost!")
        );
        assert_eq!(
            room.sentences(&post, "Salam, dünya! Hazır."),
            Some("Salam, dünya! Hazır.")
        );
        // Hardly anything would be left, or not a sentence.
        assert_eq!(
            room.sentences(&post, "Hə. Uzun bir cümlə gəlir burada."),
            None
        );
        assert_eq!(room.sentences(&post, "Uzun bir cümlə gəlir burada"), None);
    }
}
