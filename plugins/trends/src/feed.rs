//! The titles of a feed.

use jarchi_plugin_sdk::Timestamp;

use crate::sources::{get, host};
use crate::topic::Sighting;

const ACCEPT: &str = "application/rss+xml, application/atom+xml, application/xml;q=0.9, \
                      text/xml;q=0.9, */*;q=0.1";

/// The newest of a feed: a stranger's document must not fill the plugin's memory.
const MOST: usize = 100;

pub(crate) fn read(url: &str) -> Result<Vec<Sighting>, String> {
    let bytes = get(url, ACCEPT).map_err(|(_, message)| message)?;
    let sighting = |title: &str, link: Option<&str>, since: Option<Timestamp>| Sighting {
        name: htmlize::unescape(title).into_owned(),
        source: host(url),
        link: link.map(str::to_owned),
        since,
        rise: 0.0,
        own: false,
    };
    let moment = |text: &str| {
        diligent_date_parser::parse_date(text)
            .and_then(|moment| u64::try_from(moment.timestamp_millis()).ok())
    };
    if let Ok(channel) = rss::Channel::read_from(bytes.as_slice()) {
        return Ok(channel
            .items()
            .iter()
            .take(MOST)
            .filter_map(|item| {
                Some(sighting(
                    item.title()?,
                    item.link(),
                    item.pub_date().and_then(moment),
                ))
            })
            .collect());
    }
    let feed = atom_syndication::Feed::read_from(bytes.as_slice())
        .map_err(|error| format!("this is no feed: neither RSS nor Atom ({error})"))?;
    Ok(feed
        .entries()
        .iter()
        .take(MOST)
        .map(|entry| {
            let link = entry
                .links()
                .iter()
                .find(|link| link.rel == "alternate" || link.rel.is_empty())
                .map(|link| link.href());
            let at = entry
                .published()
                .unwrap_or(entry.updated())
                .timestamp_millis();
            // An entry that does not say has 1970 there.
            let since = u64::try_from(at).ok().filter(|at| *at > 0);
            sighting(entry.title().as_str(), link, since)
        })
        .collect())
}
