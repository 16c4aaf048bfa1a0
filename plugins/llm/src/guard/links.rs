//! Addresses, mail addresses, mentions and hashtags that a text may have.

use std::collections::BTreeSet;

use jarchi_plugin_sdk::{compose, count, text};

use super::fold::fold;

#[derive(Debug, Default)]
pub(crate) struct Allowed {
    /// Lower case.
    pub(crate) hosts: BTreeSet<String>,
    /// Lower case, without the sign.
    pub(crate) handles: BTreeSet<String>,
    /// Folded, as one word; none where the model may think of its own.
    pub(crate) hashtags: Option<BTreeSet<String>>,
    /// Where mail addresses may stand.
    pub(crate) facts: String,
}

/// Lower-case host of an address, with or without a scheme.
pub(crate) fn host_of(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let host = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    host.trim_end_matches('.').to_lowercase()
}

/// A hashtag as it is compared.
pub(crate) fn tag(text: &str) -> String {
    fold(&compose::hashtag(text))
}

impl Allowed {
    fn has_host(&self, host: &str) -> bool {
        self.hosts.contains(host)
            || host
                .strip_prefix("www.")
                .is_some_and(|bare| self.hosts.contains(bare))
            || self.hosts.iter().any(|known| {
                known.strip_prefix("*.").is_some_and(|domain| {
                    host.strip_suffix(domain)
                        .is_some_and(|rest| rest.ends_with('.'))
                })
            })
    }

    /// What a text names and may not, in words.
    pub(crate) fn unknown(&self, written: &str) -> Vec<String> {
        // What hides in an address is seen only where it is taken out.
        let visible: String = written
            .chars()
            .filter(|c| {
                !matches!(
                    c,
                    '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{ad}'
                )
            })
            .collect();
        let mut found = Vec::new();
        let mails: Vec<&str> = visible.split_whitespace().filter_map(mail).collect();
        for mail in &mails {
            if !self.facts.contains(&fold(mail)) {
                found.push(format!("the mail address `{mail}` is not among the facts"));
            }
        }
        for (at, _) in visible.match_indices("://") {
            let scheme = visible[..at]
                .rsplit(|c: char| !c.is_ascii_alphanumeric())
                .next()
                .unwrap_or_default();
            if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
                found.push(format!("`{scheme}://` is no address of the web"));
            }
        }
        // Whole addresses, and bare domains: platforms make links of both.
        let addresses = text::urls(&visible);
        let bare = count::x::urls(&visible);
        let mentions = text::mentions(&visible);
        for url in addresses.iter().chain(&bare) {
            let host = host_of(url.text);
            let named = mails.iter().any(|mail| mail.ends_with(url.text))
                || mentions
                    .iter()
                    .any(|mention| mention.start < url.start && url.end <= mention.end);
            if !named && !self.has_host(&host) {
                found.push(format!("the address `{}` is not allowed", url.text));
            }
        }
        for (at, _) in visible.match_indices(['@', '＠']) {
            let inside = |spans: &[text::Span<'_>]| {
                spans.iter().any(|span| span.start <= at && at < span.end)
            };
            let of_mail = mails.iter().any(|mail| {
                let start = mail.as_ptr().addr() - visible.as_ptr().addr();
                start <= at && at < start + mail.len()
            });
            if !of_mail && !inside(&mentions) && !inside(&addresses) {
                found.push(String::from("an at sign stands where nobody is named"));
            }
        }
        for mention in mentions {
            let handle = mention.text.trim_start_matches(['@', '＠']).to_lowercase();
            if !self.handles.contains(&handle) {
                found.push(format!("the mention `{}` is not allowed", mention.text));
            }
        }
        for hashtag in text::hashtags(&visible) {
            if !self.has_tag(hashtag.text) {
                found.push(format!(
                    "the hashtag `{}` is not among the brand's",
                    hashtag.text
                ));
            }
        }
        found.sort();
        found.dedup();
        found
    }

    pub(crate) fn has_tag(&self, hashtag: &str) -> bool {
        self.hashtags
            .as_ref()
            .is_none_or(|known| known.contains(&tag(hashtag)))
    }
}

/// A mail address among punctuation: an at sign with letters before it and a domain behind.
fn mail(word: &str) -> Option<&str> {
    let word = word.trim_start_matches(|c: char| !c.is_alphanumeric() && c != '@' && c != '＠');
    let word = word
        .trim_end_matches(|c: char| !c.is_alphanumeric())
        .trim_start_matches("mailto:");
    let (user, domain) = word.split_once('@')?;
    let named = !user.is_empty()
        && user
            .chars()
            .all(|c| c.is_alphanumeric() || "._+-".contains(c));
    (named && domain.contains('.') && !domain.contains(['/', '@'])).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_allowed() {
        let allowed = Allowed {
            hosts: ["cayevi.az", "*.shop.az"].map(str::to_owned).into(),
            handles: ["cayevi", "aysel@mastodon.social"]
                .map(str::to_owned)
                .into(),
            hashtags: Some(["çay", "bakı"].map(tag).into()),
            facts: fold("Write to salam@cayevi.az"),
        };
        for text in [
            "Bax: https://cayevi.az/menyu, www.cayevi.az, cayevi.az!",
            "https://a.shop.az",
            "salam@cayevi.az @cayevi (@aysel@mastodon.social)",
            "#Çay #BAKI #baki",
            "Saat 9.30-da, 3.5 manat. Gəl.Bax",
        ] {
            assert_eq!(allowed.unknown(text), Vec::<String>::new(), "{text}");
        }
        for text in [
            "https://evil.example/x",
            "evil.com/win",
            "e\u{200b}vil.com",
            "https://cayevi.az.evil.com",
            "https://cayevi.az@evil.com/",
            "https://shop.az",
            "ftp://cayevi.az",
            "boss@evil.com",
            "mailto:boss@evil.com",
            "@somebody",
            "@cayevi@evil.example",
            "bax/@evil.com",
            "#qumar",
        ] {
            assert!(!allowed.unknown(text).is_empty(), "{text}");
        }
        let free = Allowed::default();
        assert!(free.unknown("#nə_olsa").is_empty());
    }
}
