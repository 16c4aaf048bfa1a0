//! Parameters that a campaign adds to its links, so that clicks can be told apart.

use std::borrow::Cow;

use url::Url;

use crate::config::{Campaign, Config};
use crate::model::Draft;

/// The draft with its links as the campaign wants them.
pub(super) fn tagged(
    config: &Config,
    brand: &str,
    campaign: &Option<String>,
    mut draft: Draft,
) -> Draft {
    let campaign = campaign.as_ref().and_then(|name| {
        let brand = config.brands.get(brand)?;
        brand.strategy.campaigns.get(name)
    });
    let Some(campaign) = campaign.filter(|campaign| !campaign.utm.is_empty()) else {
        return draft;
    };
    if let Some(link) = &mut draft.link {
        link.url = address(campaign, &link.url).into_owned();
    }
    draft.text = text(campaign, &draft.text);
    for part in &mut draft.thread {
        part.text = text(campaign, &part.text);
    }
    for (_, words) in &mut draft.variants {
        *words = text(campaign, words);
    }
    if let Some(comment) = &mut draft.first_comment {
        *comment = text(campaign, comment);
    }
    draft
}

/// An address with the parameters that it has not. Where the campaign leads somewhere, other
/// hosts' addresses stay as they are.
fn address<'a>(campaign: &Campaign, written: &'a str) -> Cow<'a, str> {
    let Ok(mut url) = Url::parse(written) else {
        return written.into();
    };
    let own = campaign
        .link
        .as_ref()
        .is_none_or(|link| link.host_str() == url.host_str());
    if !own || !matches!(url.scheme(), "http" | "https") {
        return written.into();
    }
    let missing: Vec<&(String, String)> = campaign
        .utm
        .iter()
        .filter(|(name, _)| !url.query_pairs().any(|(known, _)| known == name.as_str()))
        .collect();
    if missing.is_empty() {
        return written.into();
    }
    for (name, value) in missing {
        url.query_pairs_mut().append_pair(name, value);
    }
    url.to_string().into()
}

/// The addresses in a text, word by word; all else stays as it is.
fn text(campaign: &Campaign, text: &str) -> String {
    let mut tagged = String::with_capacity(text.len());
    for piece in text.split_inclusive(char::is_whitespace) {
        let begin = ["https://", "http://"]
            .iter()
            .filter_map(|scheme| piece.find(scheme))
            .min();
        let Some(begin) = begin else {
            tagged.push_str(piece);
            continue;
        };
        let ends = [
            '.', ',', ';', ':', '!', '?', ')', ']', '}', '>', '"', '\'', '»', '”',
        ];
        let word = piece.trim_end();
        let end = word.trim_end_matches(ends).len().max(begin);
        tagged.push_str(&piece[..begin]);
        tagged.push_str(&address(campaign, &piece[begin..end]));
        tagged.push_str(&piece[end..]);
    }
    tagged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Goal;

    fn campaign(link: Option<&str>) -> Campaign {
        let day = chrono::NaiveDate::from_ymd_opt(2027, 3, 1).unwrap();
        Campaign {
            name: "spring".to_owned(),
            goal: Goal::Sales,
            starts: day,
            ends: day,
            share: 0.2,
            pillars: Vec::new(),
            link: link.map(|link| link.parse().unwrap()),
            utm: vec![
                ("utm_source".to_owned(), "jarchi".to_owned()),
                ("utm_campaign".to_owned(), "yaz çayı".to_owned()),
            ],
            targets: Default::default(),
        }
    }

    #[test]
    fn links_get_what_they_lack_and_texts_stay() {
        let any = campaign(None);
        for (before, after) in [
            ("no link", "no link"),
            (
                "see  https://a.example/x.\n\tEnd",
                "see  https://a.example/x?utm_source=jarchi&utm_campaign=yaz+%C3%A7ay%C4%B1.\n\tEnd",
            ),
            (
                "(https://a.example/?q=1#top)",
                "(https://a.example/?q=1&utm_source=jarchi&utm_campaign=yaz+%C3%A7ay%C4%B1#top)",
            ),
            (
                "https://a.example/?utm_source=me&utm_campaign=x",
                "https://a.example/?utm_source=me&utm_campaign=x",
            ),
            ("https://", "https://"),
            ("", ""),
        ] {
            assert_eq!(text(&any, before), after);
        }
        let own = campaign(Some("https://shop.example/spring"));
        assert_eq!(
            text(&own, "https://other.example/"),
            "https://other.example/"
        );
        assert!(text(&own, "https://shop.example/tea").contains("utm_source=jarchi"));
    }
}
