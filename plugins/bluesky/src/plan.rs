//! From a post to the records that it becomes, as far as it goes without the network: what
//! each says, what hangs on it, and what the platform would refuse.

use jarchi_plugin_sdk::{Link, MediaItem, MediaKind, Post, Problem, Severity, Visibility, count};

use crate::facets::{self, Kind, Span};
use crate::options::{Label, Options, Replies, Settings, Shorten};

/// The platform's limits (`app.bsky.feed.post` and the embeds).
pub const GRAPHEMES: usize = 300;
pub const BYTES: usize = 3000;
pub const IMAGES: usize = 4;
pub const IMAGE_BYTES: u64 = 2_000_000;
pub const THUMBNAIL_BYTES: u64 = 1_000_000;
pub const VIDEO_BYTES: u64 = 300_000_000;
const LANGUAGES: usize = 3;
const TAGS: usize = 8;
/// What the platform's own client lets people write (graphemes).
const ALT: usize = 2000;

/// All records of a post, in the order of their publishing.
#[derive(Debug, Default)]
pub struct Plan<'a> {
    pub parts: Vec<Part<'a>>,
    pub langs: Vec<String>,
    pub replies: Option<Replies>,
    pub problems: Vec<Problem>,
}

/// One record.
#[derive(Debug, Default)]
pub struct Part<'a> {
    /// Before the place of a problem: empty, `thread[0].`.
    pub place: String,
    pub text: String,
    pub spans: Vec<Span>,
    /// Hashtags that the text does not show.
    pub tags: Vec<String>,
    pub media: &'a [MediaItem],
    pub card: Option<&'a Link>,
    pub labels: Vec<Label>,
    /// It answers the first part, not the one before it.
    pub comment: bool,
}

impl Plan<'_> {
    /// What the platform would refuse, in one line each.
    pub fn errors(&self) -> Vec<String> {
        self.problems
            .iter()
            .filter(|problem| problem.severity == Severity::Error)
            .map(|problem| format!("{}: {}", problem.place, problem.message))
            .collect()
    }
}

/// Plans a post. Errors among the problems mean that the parts must not be published.
pub fn plan<'a>(settings: &Settings, post: &'a Post) -> Plan<'a> {
    let mut plan = Plan::default();
    let options = Options::of(post).unwrap_or_else(|error| {
        plan.problems.push(Problem::error("options", error));
        Options::default()
    });
    check_whole(post, &options, &mut plan.problems);

    let known: Vec<(String, String)> = post
        .mentions
        .iter()
        .filter_map(|mention| {
            let id = mention.id.as_ref().filter(|id| id.starts_with("did:"))?;
            Some((
                mention.handle.trim_start_matches('@').to_owned(),
                id.clone(),
            ))
        })
        .collect();
    let shorten = options.shorten_links.unwrap_or(settings.shorten_links);
    let writer = Writer {
        known: &known,
        shorten,
    };

    let mut first = writer.first(post, &options, &mut plan.problems);
    first.media = &post.media;
    plan.parts.push(first);
    for (number, part) in post.thread.iter().enumerate() {
        let place = format!("thread[{number}].");
        let mut planned = writer.part(&part.text, &place, "text", &mut plan.problems);
        planned.media = &part.media;
        plan.parts.push(planned);
    }
    for part in &mut plan.parts {
        part.labels = match &options.labels {
            Some(labels) => labels.clone(),
            // The platform has no label that says merely "sensitive"; this one hides the
            // media, and nothing else, until somebody asks for them.
            None if !part.media.is_empty()
                && (post.sensitive || post.content_warning.is_some()) =>
            {
                vec![Label::GraphicMedia]
            }
            None => vec![],
        };
        check_media(part, &mut plan.problems);
        if part.text.is_empty() && part.media.is_empty() && part.card.is_none() {
            plan.problems.push(Problem::error(
                format!("{}text", part.place),
                "there is nothing to publish",
            ));
        }
    }
    if let Some(comment) = &post.first_comment {
        let mut planned = writer.part(comment, "", "first-comment", &mut plan.problems);
        planned.comment = true;
        if planned.text.is_empty() {
            plan.problems
                .push(Problem::error("first-comment", "it is empty"));
        }
        plan.parts.push(planned);
    }
    plan.langs = options
        .langs
        .unwrap_or_else(|| post.language.iter().cloned().collect());
    plan.replies = options
        .replies
        .filter(|replies| *replies != Replies::EVERYBODY);
    plan
}

fn check_whole(post: &Post, options: &Options, problems: &mut Vec<Problem>) {
    if let Some(visibility) = post.visibility.filter(|it| *it != Visibility::Public) {
        let word = match visibility {
            Visibility::Public | Visibility::Unlisted => "unlisted",
            Visibility::Followers => "followers",
            Visibility::Direct => "direct",
        };
        problems.push(Problem::error(
            "visibility",
            format!("Bluesky knows only public posts, so this one can't be `{word}`"),
        ));
    }
    if post.poll.is_some() {
        problems.push(Problem::error("poll", "Bluesky has no polls"));
    }
    if post.content_warning.is_some() {
        problems.push(Problem::warning(
            "content-warning",
            "Bluesky folds no text: the warning stands as the first line",
        ));
    }
    let langs = options.langs.as_deref().unwrap_or(post.language.as_slice());
    let place = if options.langs.is_some() {
        "options.langs"
    } else {
        "language"
    };
    if langs.len() > LANGUAGES {
        problems.push(Problem::error(
            place,
            format!(
                "Bluesky takes {LANGUAGES} languages, these are {}",
                langs.len()
            ),
        ));
    }
    for lang in langs.iter().filter(|lang| !is_language(lang)) {
        problems.push(Problem::error(
            place,
            format!("`{lang}` is not a language tag (BCP 47)"),
        ));
    }
    for (place, tags) in [
        ("hashtags", &post.hashtags),
        ("options.tags", &options.tags),
    ] {
        for (number, tag) in tags
            .iter()
            .enumerate()
            .filter(|(_, tag)| !facets::is_tag(bare(tag)))
        {
            problems.push(Problem::error(
                format!("{place}[{number}]"),
                format!(
                    "`{tag}` is not a hashtag: one word, with a letter in it, of at most {} characters",
                    facets::TAG.0
                ),
            ));
        }
    }
    if options.tags.len() > TAGS {
        problems.push(Problem::error(
            "options.tags",
            format!(
                "Bluesky takes {TAGS} hidden hashtags, these are {}",
                options.tags.len()
            ),
        ));
    }
    for (number, mention) in post.mentions.iter().enumerate() {
        let handle = mention.handle.trim_start_matches('@');
        let has_did = mention.id.as_ref().is_some_and(|id| id.starts_with("did:"));
        if !has_did && !facets::is_handle(handle) {
            problems.push(Problem::warning(
                format!("mentions[{number}]"),
                format!("`{handle}` is no Bluesky handle (a domain name), so it stays plain text"),
            ));
        }
    }
}

/// A tag without the number sign that people put before it.
fn bare(tag: &str) -> &str {
    tag.strip_prefix('#').unwrap_or(tag)
}

/// Well-formed enough for the platform: subtags of 1 to 8 letters and digits, the first of
/// letters alone.
fn is_language(tag: &str) -> bool {
    let mut subtags = tag.split('-');
    let first = subtags.next().unwrap_or_default();
    (2..=8).contains(&first.len())
        && first.bytes().all(|byte| byte.is_ascii_alphabetic())
        && subtags.all(|subtag| {
            (1..=8).contains(&subtag.len())
                && subtag.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
}

fn check_media(part: &Part<'_>, problems: &mut Vec<Problem>) {
    let place = |number: usize| format!("{}media[{number}]", part.place);
    let videos = part
        .media
        .iter()
        .filter(|item| item.kind == MediaKind::Video)
        .count();
    let images = part.media.len() - videos;
    if videos > 1 || (videos == 1 && images > 0) {
        problems.push(Problem::error(
            format!("{}media", part.place),
            "Bluesky takes one video, or images, but not both",
        ));
    } else if images > IMAGES {
        problems.push(Problem::error(
            format!("{}media", part.place),
            format!("Bluesky takes {IMAGES} images, these are {images}"),
        ));
    }
    for (number, item) in part.media.iter().enumerate() {
        let limit = match item.kind {
            MediaKind::Image => IMAGE_BYTES,
            MediaKind::Gif => {
                problems.push(Problem::warning(
                    place(number),
                    "Bluesky shows a GIF as a still image",
                ));
                IMAGE_BYTES
            }
            MediaKind::Video => VIDEO_BYTES,
            MediaKind::Audio | MediaKind::Document => {
                problems.push(Problem::error(
                    place(number),
                    format!("Bluesky takes images and video, not `{}`", item.mime),
                ));
                continue;
            }
        };
        if item.size > limit {
            problems.push(Problem::error(
                place(number),
                format!(
                    "`{}` has {} bytes, Bluesky takes {limit}",
                    item.name, item.size
                ),
            ));
        }
        match item.alt.as_deref().map(str::trim) {
            None | Some("") => problems.push(Problem::warning(
                format!("{}.alt", place(number)),
                format!(
                    "`{}` says nothing to those who can't see it: give it an `alt`",
                    item.name
                ),
            )),
            Some(alt) if count::graphemes(alt) > ALT => problems.push(Problem::warning(
                format!("{}.alt", place(number)),
                format!(
                    "the description is longer than the {ALT} characters of Bluesky's own client"
                ),
            )),
            Some(_) => {}
        }
    }
    if let Some(link) = part.card {
        if link
            .title
            .as_deref()
            .is_none_or(|title| title.trim().is_empty())
        {
            problems.push(Problem::warning(
                "link.title",
                "the card shows the bare address",
            ));
        }
        if let Some(thumbnail) = &link.thumbnail
            && let Some(reason) = thumbnail_fault(thumbnail)
        {
            problems.push(Problem::warning(
                "link.thumbnail",
                format!("{reason}: the card goes without a picture"),
            ));
        }
    }
}

/// Why a card can't show this picture.
pub fn thumbnail_fault(item: &MediaItem) -> Option<String> {
    match item.kind {
        MediaKind::Image | MediaKind::Gif if item.size > THUMBNAIL_BYTES => Some(format!(
            "`{}` has {} bytes, Bluesky takes {THUMBNAIL_BYTES} on a card",
            item.name, item.size
        )),
        MediaKind::Image | MediaKind::Gif => None,
        _ => Some(format!("`{}` is no image", item.name)),
    }
}

/// Writes the texts of the parts.
struct Writer<'a> {
    known: &'a [(String, String)],
    shorten: Shorten,
}

struct Written {
    text: String,
    spans: Vec<Span>,
}

impl Writer<'_> {
    /// The post itself: its warning, words, link and hashtags.
    fn first<'a>(
        &self,
        post: &'a Post,
        options: &Options,
        problems: &mut Vec<Problem>,
    ) -> Part<'a> {
        let mut words = String::new();
        if let Some(warning) = post.content_warning.as_deref().map(str::trim)
            && !warning.is_empty()
        {
            words = format!("CW: {warning}");
        }
        append(&mut words, &plain(&post.text));

        let mut part = Part {
            tags: options
                .tags
                .iter()
                .map(|tag| bare(tag).to_owned())
                .collect(),
            ..Part::default()
        };
        if let Some(link) = &post.link {
            if !is_address(&link.url) {
                problems.push(Problem::error(
                    "link.url",
                    format!(
                        "`{}` is not an address that begins with https:// or http://",
                        link.url
                    ),
                ));
            } else if post.media.is_empty() && options.card.unwrap_or(true) {
                part.card = Some(link);
            } else if !self.links(&words).contains(&facets::encoded(&link.url)) {
                append(&mut words, &link.url);
            }
        }

        let shown = self.tags(&words);
        let mut missing: Vec<&str> = Vec::new();
        for tag in post.hashtags.iter().map(|tag| bare(tag)) {
            let lower = tag.to_lowercase();
            if !shown.contains(&lower) && !missing.iter().any(|other| other.to_lowercase() == lower)
            {
                missing.push(tag);
            }
        }
        let mut all = words.clone();
        append(
            &mut all,
            &missing
                .iter()
                .map(|tag| format!("#{tag}"))
                .collect::<Vec<_>>()
                .join(" "),
        );
        match self.write(&all) {
            Ok(written) => (part.text, part.spans) = (written.text, written.spans),
            Err(full) => match self.write(&words) {
                // The words fit, but not with the tags: those can hang on the post unseen.
                Ok(written) if !missing.is_empty() => {
                    (part.text, part.spans) = (written.text, written.spans);
                    let room = TAGS.saturating_sub(part.tags.len());
                    let left = missing.len().saturating_sub(room);
                    part.tags
                        .extend(missing.into_iter().take(room).map(str::to_owned));
                    let lost = match left {
                        0 => String::new(),
                        left => format!(", and the last {left} are left out"),
                    };
                    problems.push(Problem::warning(
                        "hashtags",
                        format!("they don't fit into the text, so they are put where only searches see them{lost}"),
                    ));
                }
                _ => {
                    problems.push(Problem::error("text", too_long(&full)));
                    part.text = full.text;
                }
            },
        }
        part
    }

    fn part<'a>(
        &self,
        text: &str,
        place: &str,
        field: &str,
        problems: &mut Vec<Problem>,
    ) -> Part<'a> {
        let mut part = Part {
            place: place.to_owned(),
            ..Part::default()
        };
        match self.write(&plain(text)) {
            Ok(written) => (part.text, part.spans) = (written.text, written.spans),
            Err(full) => {
                problems.push(Problem::error(format!("{place}{field}"), too_long(&full)));
                part.text = full.text;
            }
        }
        part
    }

    /// # Errors
    /// The text as short as it gets, which is too long still.
    fn write(&self, text: &str) -> Result<Written, Written> {
        let whole = || self.mark(text);
        let written = match self.shorten {
            Shorten::Always => self.mark_short(text),
            Shorten::Never => whole(),
            Shorten::WhenNeeded => Some(whole())
                .filter(|written| fits(&written.text))
                .unwrap_or_else(|| self.mark_short(text)),
        };
        if fits(&written.text) {
            Ok(written)
        } else {
            Err(written)
        }
    }

    fn mark(&self, text: &str) -> Written {
        Written {
            text: text.to_owned(),
            spans: facets::find(text, self.known),
        }
    }

    /// With every link shown short.
    fn mark_short(&self, text: &str) -> Written {
        let mut short = Written {
            text: String::new(),
            spans: Vec::new(),
        };
        let mut copied = 0;
        for span in facets::find(text, self.known) {
            short.text.push_str(&text[copied..span.range.start]);
            copied = span.range.end;
            let start = short.text.len();
            let original = &text[span.range];
            match &span.kind {
                Kind::Link(_) => short.text.push_str(&facets::shown(original)),
                _ => short.text.push_str(original),
            }
            short.spans.push(Span {
                range: start..short.text.len(),
                kind: span.kind,
            });
        }
        short.text.push_str(&text[copied..]);
        short
    }

    fn links(&self, text: &str) -> Vec<String> {
        facets::find(text, self.known)
            .into_iter()
            .filter_map(|span| match span.kind {
                Kind::Link(uri) => Some(uri),
                _ => None,
            })
            .collect()
    }

    fn tags(&self, text: &str) -> Vec<String> {
        facets::find(text, self.known)
            .into_iter()
            .filter_map(|span| match span.kind {
                Kind::Tag(tag) => Some(tag.to_lowercase()),
                _ => None,
            })
            .collect()
    }
}

fn fits(text: &str) -> bool {
    text.len() <= BYTES && count::graphemes(text) <= GRAPHEMES
}

fn too_long(written: &Written) -> String {
    let graphemes = count::graphemes(&written.text);
    if graphemes > GRAPHEMES {
        format!(
            "it has {graphemes} characters with its links and tags, Bluesky takes {GRAPHEMES}: shorten it, or make it a thread"
        )
    } else {
        format!("it has {} bytes, Bluesky takes {BYTES}", written.text.len())
    }
}

fn is_address(url: &str) -> bool {
    ["https://", "http://"].iter().any(|scheme| {
        url.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
            && url.len() > scheme.len()
    }) && !url.contains(|char: char| char.is_whitespace() || char.is_control())
}

/// As the platform's client leaves a text: no white space around it, and one kind of line
/// end.
fn plain(text: &str) -> String {
    text.replace("\r\n", "\n")
        .replace('\r', "\n")
        .trim()
        .to_owned()
}

/// As a paragraph of its own.
fn append(text: &mut String, more: &str) {
    if !text.is_empty() && !more.is_empty() {
        text.push_str("\n\n");
    }
    text.push_str(more);
}
