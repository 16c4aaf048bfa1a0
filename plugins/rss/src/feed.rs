//! RSS, Atom and JSON Feed, read into one shape.

use atom_syndication::TextType;
use quick_xml::Reader;
use quick_xml::events::Event;
use serde::{Deserialize, Serialize};

use crate::plain;

/// A feed with more than these is not read: a stranger's document must not fill the
/// plugin's memory.
const MOST_ITEMS: usize = 3_000;
const MOST_ELEMENTS: usize = 60_000;
const DEEPEST: usize = 64;

/// How many characters of each field are of use.
const TITLE: usize = 500;
const SUMMARY: usize = 1_000;
const CONTENT: usize = 4_000;
const NAME: usize = 100;
const CATEGORIES: usize = 12;

#[derive(Debug)]
pub(crate) struct Feed {
    pub(crate) title: String,
    /// Oldest first.
    pub(crate) items: Vec<Item>,
}

/// An item: plain text, whatever it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Item {
    /// Its identity: what the feed says it is, else its address, else a digest.
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) link: Option<String>,
    pub(crate) summary: String,
    pub(crate) content: String,
    pub(crate) author: String,
    /// Milliseconds since 1970.
    pub(crate) published: Option<u64>,
    pub(crate) categories: Vec<String>,
}

/// An item as the feed has it.
#[derive(Default)]
struct Raw<'a> {
    id: Option<&'a str>,
    title: Words<'a>,
    links: Vec<&'a str>,
    summary: Words<'a>,
    content: Words<'a>,
    author: Option<&'a str>,
    published: Option<chrono::DateTime<chrono::FixedOffset>>,
    categories: Vec<&'a str>,
}

#[derive(Clone, Copy, Default)]
enum Words<'a> {
    #[default]
    None,
    Plain(&'a str),
    Html(&'a str),
}

impl<'a> Words<'a> {
    fn html(text: Option<&'a str>) -> Self {
        text.map_or(Words::None, Words::Html)
    }

    fn plain(text: Option<&'a str>) -> Self {
        text.map_or(Words::None, Words::Plain)
    }

    fn source(self) -> &'a str {
        match self {
            Words::None => "",
            Words::Plain(text) | Words::Html(text) => text,
        }
    }

    fn read(self, most: usize) -> String {
        match self {
            Words::None => String::new(),
            Words::Plain(text) => plain::text(text, most),
            Words::Html(text) => plain::html(text, most),
        }
    }
}

/// Reads the document that `url` answered with.
///
/// # Errors
/// Why it is no feed, in words.
pub(crate) fn read(body: &[u8], url: &str) -> Result<Feed, String> {
    let start = body
        .iter()
        .position(|byte| !byte.is_ascii_whitespace() && !matches!(byte, 0xef | 0xbb | 0xbf));
    let Some(start) = start else {
        return Err(String::from("the answer is empty"));
    };
    if body[start] == b'{' {
        return json(&body[start..], url);
    }
    match root(body)?.as_str() {
        "rss" | "rdf" => rss(body, url),
        "feed" => atom(body, url),
        "html" => Err(String::from(
            "this is a web page, not a feed: give the address of its feed (RSS, Atom or JSON Feed)",
        )),
        other => Err(format!("this is no feed: it begins with `<{other}>`")),
    }
}

/// The name of the document's element, after a look at all of it: how many elements there
/// are, and how deep they lie.
fn root(body: &[u8]) -> Result<String, String> {
    let mut reader = Reader::from_reader(body);
    let config = reader.config_mut();
    // An answer that is a web page is told as one, not as broken XML.
    config.check_end_names = false;
    config.allow_unmatched_ends = true;
    let mut buffer = Vec::new();
    let mut root: Option<String> = None;
    let (mut depth, mut elements, mut items) = (0usize, 0usize, 0usize);
    loop {
        let event = match reader.read_event_into(&mut buffer) {
            Ok(event) => event,
            Err(_) if root.is_some() => break,
            Err(error) => return Err(format!("this is no feed: {error}")),
        };
        let (element, opens) = match event {
            Event::Start(element) => (element, true),
            Event::Empty(element) => (element, false),
            Event::End(_) => {
                depth = depth.saturating_sub(1);
                buffer.clear();
                continue;
            }
            Event::Eof => break,
            _ => {
                buffer.clear();
                continue;
            }
        };
        let name = element.local_name().as_ref().to_ascii_lowercase();
        if root.is_none() {
            let name: String = String::from_utf8_lossy(&name).chars().take(40).collect();
            let is_page = name == "html";
            root = Some(name);
            if is_page {
                break;
            }
        }
        elements += 1;
        items += usize::from(name == b"item" || name == b"entry");
        depth += usize::from(opens);
        if items > MOST_ITEMS {
            return Err(format!("the feed has more than {MOST_ITEMS} items"));
        }
        if elements > MOST_ELEMENTS {
            return Err(format!("the feed has more than {MOST_ELEMENTS} elements"));
        }
        if depth > DEEPEST {
            return Err(format!("the feed is nested more than {DEEPEST} deep"));
        }
        buffer.clear();
    }
    root.ok_or_else(|| String::from("this is no feed: there is no XML in it, and no JSON"))
}

fn rss(body: &[u8], url: &str) -> Result<Feed, String> {
    let channel = rss::Channel::read_from(body)
        .map_err(|error| format!("this RSS can't be read: {error}"))?;
    let items = channel.items().iter().map(|item| {
        let dublin_core = item.dublin_core_ext();
        let guid = item.guid();
        let date = item
            .pub_date()
            .or_else(|| dublin_core.and_then(|dc| dc.dates().first().map(String::as_str)));
        Raw {
            id: guid.map(rss::Guid::value),
            title: Words::html(item.title()),
            links: item
                .link()
                .into_iter()
                .chain(
                    guid.filter(|guid| guid.is_permalink())
                        .map(rss::Guid::value),
                )
                .collect(),
            summary: Words::html(item.description()),
            content: Words::html(item.content()),
            author: dublin_core
                .and_then(|dc| dc.creators().first().map(String::as_str))
                .or_else(|| item.author()),
            published: date.and_then(diligent_date_parser::parse_date),
            categories: item.categories().iter().map(rss::Category::name).collect(),
        }
    });
    Ok(feed(
        Words::Html(channel.title()),
        channel.link(),
        url,
        items.collect(),
    ))
}

fn atom(body: &[u8], url: &str) -> Result<Feed, String> {
    let document = atom_syndication::Feed::read_from(body)
        .map_err(|error| format!("this Atom can't be read: {error}"))?;
    let items = document.entries().iter().map(|entry| {
        let alternate = entry
            .links()
            .iter()
            .filter(|link| link.rel == "alternate" || link.rel.is_empty());
        let content = entry.content();
        let is_html = content
            .and_then(|content| content.content_type())
            .is_some_and(|kind| kind.contains("html"));
        let value = content.and_then(|content| content.value());
        let updated = *entry.updated();
        Raw {
            id: Some(entry.id()),
            title: atom_words(entry.title()),
            links: alternate.map(|link| link.href()).collect(),
            summary: entry.summary().map_or(Words::None, atom_words),
            content: if is_html {
                Words::html(value)
            } else {
                Words::plain(value)
            },
            author: entry
                .authors()
                .first()
                .or_else(|| document.authors().first())
                .map(|person| person.name.as_str()),
            // An entry that does not say when it was updated has 1970 there.
            published: entry
                .published()
                .copied()
                .or_else(|| Some(updated).filter(|moment| moment.timestamp() > 0)),
            categories: entry
                .categories()
                .iter()
                .map(|category| category.label().unwrap_or_else(|| category.term()))
                .collect(),
        }
    });
    let base = document.base().unwrap_or(url);
    Ok(feed(
        atom_words(document.title()),
        base,
        url,
        items.collect(),
    ))
}

fn atom_words(text: &atom_syndication::Text) -> Words<'_> {
    match text.r#type {
        TextType::Text => Words::Plain(&text.value),
        TextType::Html | TextType::Xhtml => Words::Html(&text.value),
    }
}

#[derive(Deserialize)]
struct JsonFeed {
    version: Option<String>,
    title: Option<String>,
    home_page_url: Option<String>,
    #[serde(default)]
    items: Vec<JsonItem>,
}

#[derive(Deserialize)]
struct JsonItem {
    /// A text, or (against the rules, and often) a number.
    id: Option<serde_json::Value>,
    url: Option<String>,
    external_url: Option<String>,
    title: Option<String>,
    summary: Option<String>,
    content_html: Option<String>,
    content_text: Option<String>,
    date_published: Option<String>,
    author: Option<JsonAuthor>,
    #[serde(default)]
    authors: Vec<JsonAuthor>,
    #[serde(default)]
    tags: Vec<String>,
}

#[derive(Deserialize)]
struct JsonAuthor {
    name: Option<String>,
}

fn json(body: &[u8], url: &str) -> Result<Feed, String> {
    let brackets = body
        .iter()
        .filter(|byte| matches!(byte, b'{' | b'['))
        .count();
    if brackets > MOST_ELEMENTS {
        return Err(format!("the feed has more than {MOST_ELEMENTS} elements"));
    }
    let document: JsonFeed = serde_json::from_slice(body)
        .map_err(|error| format!("this JSON Feed can't be read: {error}"))?;
    let is_feed = document
        .version
        .as_deref()
        .is_some_and(|version| version.contains("jsonfeed.org/version/"));
    if !is_feed {
        return Err(String::from(
            "this is JSON, but no JSON Feed: its `version` names no version of jsonfeed.org",
        ));
    }
    if document.items.len() > MOST_ITEMS {
        return Err(format!("the feed has more than {MOST_ITEMS} items"));
    }
    let ids: Vec<Option<String>> = document
        .items
        .iter()
        .map(|item| match &item.id {
            Some(serde_json::Value::String(id)) => Some(id.clone()),
            Some(serde_json::Value::Number(id)) => Some(id.to_string()),
            _ => None,
        })
        .collect();
    let items = document.items.iter().zip(&ids).map(|(item, id)| Raw {
        id: id.as_deref(),
        title: Words::plain(item.title.as_deref()),
        links: [&item.url, &item.external_url]
            .into_iter()
            .filter_map(Option::as_deref)
            .collect(),
        summary: Words::plain(item.summary.as_deref()),
        content: match (&item.content_html, &item.content_text) {
            (Some(html), _) => Words::Html(html),
            (None, text) => Words::plain(text.as_deref()),
        },
        author: item
            .authors
            .iter()
            .chain(&item.author)
            .find_map(|author| author.name.as_deref()),
        published: item
            .date_published
            .as_deref()
            .and_then(diligent_date_parser::parse_date),
        categories: item.tags.iter().map(String::as_str).collect(),
    });
    let base = document.home_page_url.as_deref().unwrap_or(url);
    Ok(feed(
        Words::plain(document.title.as_deref()),
        base,
        url,
        items.collect(),
    ))
}

/// Cleans a feed's items and puts them in order, oldest first: by their dates where all
/// have one, else against the order of the feed, which has the newest first.
fn feed(title: Words<'_>, base: &str, url: &str, mut items: Vec<Raw<'_>>) -> Feed {
    items.reverse();
    if items.iter().all(|item| item.published.is_some()) {
        items.sort_by_key(|item| item.published);
    }
    let base = if base.starts_with("http") { base } else { url };
    Feed {
        title: plain::one_line(&title.read(NAME)),
        items: items.iter().map(|raw| raw.clean(base)).collect(),
    }
}

impl Raw<'_> {
    fn clean(&self, base: &str) -> Item {
        let link = self.links.iter().find_map(|link| absolute(link, base));
        let id = self
            .id
            .map(str::trim)
            .filter(|id| !id.is_empty())
            .map(str::to_owned)
            .or_else(|| link.clone())
            .unwrap_or_else(|| {
                let words = [self.title, self.summary, self.content].map(Words::source);
                digest(&words.join("\u{0}"))
            });
        let content = self.content.read(CONTENT);
        let summary = self.summary.read(SUMMARY);
        Item {
            id,
            title: plain::one_line(&self.title.read(TITLE)),
            link,
            // Whichever of the two is missing, the other stands in for it.
            summary: if summary.is_empty() {
                content.chars().take(SUMMARY).collect()
            } else {
                summary.clone()
            },
            content: if content.is_empty() { summary } else { content },
            author: plain::one_line(&plain::html(self.author.unwrap_or_default(), NAME)),
            published: self
                .published
                .and_then(|moment| u64::try_from(moment.timestamp_millis()).ok()),
            categories: self
                .categories
                .iter()
                .take(CATEGORIES)
                .map(|category| plain::one_line(&plain::html(category, NAME)))
                .filter(|category| !category.is_empty())
                .collect(),
        }
    }
}

/// 16 hexadecimal digits that stand for a text.
pub(crate) fn digest(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex()[..16].to_owned()
}

/// An address of the web, made whole by the address it was found at; none for anything
/// else.
fn absolute(link: &str, base: &str) -> Option<String> {
    let link: String = link.trim().replace(' ', "%20");
    if link.is_empty()
        || link.len() > 2_000
        || link.contains(|c: char| c.is_whitespace() || c.is_control())
    {
        return None;
    }
    let lower = link.get(..8).unwrap_or(&link).to_ascii_lowercase();
    if lower.starts_with("https://") || lower.starts_with("http://") {
        let host = &link[link.find("://")? + 3..];
        let whole = host.starts_with(|first: char| first.is_alphanumeric() || first == '[');
        return whole.then_some(link);
    }
    let colon = link.find(':');
    if colon.is_some_and(|colon| link.find(['/', '?', '#']).is_none_or(|at| colon < at)) {
        // Another scheme.
        return None;
    }
    let (scheme, rest) = base.split_once("://")?;
    if let Some(with_host) = link.strip_prefix("//") {
        return Some(format!("{scheme}://{with_host}"));
    }
    let rest = rest.split(['?', '#']).next().unwrap_or(rest);
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    Some(match link.strip_prefix('/') {
        Some(from_root) => format!("{scheme}://{host}/{from_root}"),
        None => {
            let folder = path.rfind('/').map_or("", |at| &path[..=at]);
            format!("{scheme}://{host}/{folder}{link}")
        }
    })
}
