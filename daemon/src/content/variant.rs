//! One draft in the words of one platform: cut into a thread, its hashtags and its link where
//! the account wants them. The same draft comes out the same.

use jarchi_plugin_sdk::{compose, count, text};

use crate::config::{HashtagPlace, LinkPlace, WordRules};
use crate::model::{Draft, Link, ThreadPart, Variant};
use crate::plugin::manifest::Count;

/// What the platform takes.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// By its own count; none: any length.
    pub text: Option<usize>,
    pub count: Count,
    pub threads: bool,
}

/// As the platform counts.
pub fn length(count: Count, text: &str) -> usize {
    match count {
        Count::Graphemes => count::graphemes(text),
        Count::Chars => count::chars(text),
        Count::Utf16 => count::utf16(text),
        Count::Bytes => count::bytes(text),
        Count::Mastodon => count::weighted(text, count::MASTODON_URL),
        Count::Threads => count::threads(text),
        Count::X => count::x::length(text),
    }
}

/// The draft as it goes to this account, where that differs from what stands in it. Words that
/// somebody chose for the account, or for its plugin, are taken as they are.
pub fn variant(
    draft: &Draft,
    account: &str,
    plugin: &str,
    rules: &WordRules,
    room: Room,
) -> Option<Variant> {
    let chosen = |(name, _): &(String, String)| name == account || name == plugin;
    if draft.variants.iter().any(chosen) {
        return None;
    }
    let mut made = Variant::of(draft);
    place_link(&mut made, rules.link);
    place_hashtags(&mut made, rules);
    if rules.split && room.threads {
        let room = Room {
            text: rules.limit.map(|limit| limit as usize).or(room.text),
            ..room
        };
        cut(&mut made, rules.number, room);
    }
    (made != Variant::of(draft)).then_some(made)
}

fn comment(made: &mut Variant, words: &str) {
    match &mut made.first_comment {
        Some(comment) if comment.trim().is_empty() => *comment = words.to_owned(),
        Some(comment) => *comment = format!("{}\n\n{words}", comment.trim_end()),
        None => made.first_comment = Some(words.to_owned()),
    }
}

fn append(text: &mut String, words: &str) {
    let kept = text.trim_end().len();
    text.truncate(kept);
    if !text.is_empty() {
        text.push_str("\n\n");
    }
    text.push_str(words);
}

fn same(one: &str, other: &str) -> bool {
    one.trim_end_matches('/') == other.trim_end_matches('/')
}

/// Takes an address out of a text, where the text ends with it.
fn take_last(words: &mut String, wanted: Option<&str>) -> Option<String> {
    let urls = text::urls(words);
    let last = urls.last()?;
    let ends = words[last.end..].trim().is_empty();
    if !ends || wanted.is_some_and(|wanted| !same(last.text, wanted)) {
        return None;
    }
    let (url, start) = (last.text.to_owned(), last.start);
    words.truncate(start);
    words.truncate(words.trim_end().len());
    Some(url)
}

fn place_link(made: &mut Variant, place: LinkPlace) {
    match place {
        LinkPlace::Usual => {}
        LinkPlace::Text => {
            if let Some(link) = made.link.take() {
                let there = text::urls(&made.text);
                if !there.iter().any(|url| same(url.text, &link.url)) {
                    append(&mut made.text, &link.url);
                }
            }
        }
        LinkPlace::Card => {
            let known = made.link.as_ref().map(|link| link.url.clone());
            let taken = take_last(&mut made.text, known.as_deref());
            if let (None, Some(url)) = (&made.link, taken) {
                made.link = Some(Link {
                    url,
                    title: None,
                    description: None,
                    thumbnail: None,
                });
            }
        }
        LinkPlace::FirstComment => {
            let known = made.link.take().map(|link| link.url);
            let taken = take_last(&mut made.text, known.as_deref());
            if let Some(url) = known.or(taken) {
                comment(made, &url);
            }
        }
    }
}

fn place_hashtags(made: &mut Variant, rules: &WordRules) {
    if let Some(most) = rules.most_hashtags {
        made.hashtags.truncate(most);
    }
    if rules.hashtags == HashtagPlace::Usual {
        return;
    }
    let given = std::mem::take(&mut made.hashtags);
    let mut known: Vec<String> = text::hashtags(&made.text)
        .iter()
        .map(|tag| tag.text[1..].to_lowercase())
        .collect();
    let mut left = Vec::new();
    for tag in given.iter().map(|tag| compose::hashtag(tag)) {
        if tag.is_empty() || known.contains(&tag.to_lowercase()) {
            continue;
        }
        known.push(tag.to_lowercase());
        let placed = rules.hashtags == HashtagPlace::Text && mark(&mut made.text, &tag);
        if !placed {
            left.push(format!("#{tag}"));
        }
    }
    if left.is_empty() {
        return;
    }
    let left = left.join(" ");
    match rules.hashtags {
        HashtagPlace::Text | HashtagPlace::End => append(&mut made.text, &left),
        HashtagPlace::FirstComment => comment(made, &left),
        HashtagPlace::Usual | HashtagPlace::Drop => {}
    }
}

/// Puts the number sign before the first place where the tag stands as a word.
fn mark(words: &mut String, tag: &str) -> bool {
    let apart = [
        text::urls(words),
        text::mentions(words),
        text::hashtags(words),
    ]
    .concat();
    let in_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut from = 0;
    while let Some(length) = words[from..].find(in_word) {
        let start = from + length;
        let end = words[start..]
            .find(|c| !in_word(c))
            .map_or(words.len(), |at| start + at);
        let is_free = !apart
            .iter()
            .any(|one| one.start <= start && start < one.end);
        if is_free && words[start..end].to_lowercase() == tag.to_lowercase() {
            words.insert(start, '#');
            return true;
        }
        from = end;
    }
    false
}

/// Cuts what is too long into further parts. A part keeps its files with its beginning.
fn cut(made: &mut Variant, number: bool, room: Room) {
    let Some(limit) = room.text else {
        return;
    };
    let whole = |text: &str| length(room.count, text);
    // What a connector adds below the first part.
    let mut below = String::new();
    if let Some(link) = &made.link
        && !text::urls(&made.text)
            .iter()
            .any(|url| same(url.text, &link.url))
    {
        below.push_str(&format!("\n\n{}", link.url));
    }
    let tags = made.hashtags.iter().map(|tag| compose::hashtag(tag));
    let tags: Vec<String> = tags
        .filter(|tag| !tag.is_empty())
        .map(|tag| format!("#{tag}"))
        .collect();
    if !tags.is_empty() {
        below.push_str(&format!("\n\n{}", tags.join(" ")));
    }
    let first = limit.saturating_sub(whole(&below));
    let fits = whole(made.text.trim()) <= first
        && made
            .thread
            .iter()
            .all(|part| whole(part.text.trim()) <= limit);
    if fits || first == 0 {
        return;
    }
    let mut places = 1;
    loop {
        // Room for a number of so many digits: " (12/34)".
        let mark = match number {
            true => 4 + 2 * places,
            false => 0,
        };
        let parts = parts(
            made,
            first.saturating_sub(mark),
            limit.saturating_sub(mark),
            &whole,
        );
        let all = parts.len();
        if number && all.to_string().len() > places && places < 6 {
            places += 1;
            continue;
        }
        let mut parts = parts.into_iter().enumerate().map(|(at, mut part)| {
            if number {
                part.text.push_str(&format!(" ({}/{all})", at + 1));
            }
            part
        });
        if let Some(head) = parts.next() {
            made.text = head.text;
        }
        made.thread = parts.collect();
        return;
    }
}

fn parts(
    made: &Variant,
    first: usize,
    limit: usize,
    whole: &impl Fn(&str) -> usize,
) -> Vec<ThreadPart> {
    let mut parts = Vec::new();
    // The first part alone has room taken by what stands below it.
    let mut rest = made.text.trim();
    if whole(rest) > first {
        let word = rest.split_whitespace().next().unwrap_or_default();
        let head = if whole(word) > first && whole(word) <= limit {
            // An address that finds no room beside what stands below goes on whole.
            ""
        } else {
            let pieces = text::split(rest, first, whole);
            pieces.first().copied().unwrap_or_default()
        };
        rest = rest[head.len()..].trim_start();
        parts.push(plain(head));
        parts.extend(text::split(rest, limit, whole).into_iter().map(plain));
    } else {
        parts.push(plain(rest));
    }
    for part in &made.thread {
        let mut pieces = text::split(&part.text, limit, whole).into_iter();
        parts.push(ThreadPart {
            text: pieces.next().unwrap_or_default().to_owned(),
            media: part.media.clone(),
        });
        parts.extend(pieces.map(plain));
    }
    parts
}

fn plain(text: &str) -> ThreadPart {
    ThreadPart {
        text: text.to_owned(),
        media: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
