//! Front matter: cut off the file, and read into types that can't be wrong.

use jarchi_plugin_sdk::{FocalPoint, Millis, Poll, Visibility};

use crate::fields::Fields;
use crate::issue::Issues;
use crate::tree::{self, Node, Value};
use crate::when::{self, When};

/// The keys of a post.
pub(crate) const KEYS: &[&str] = &[
    "id",
    "when",
    "accounts",
    "pillar",
    "campaign",
    "language",
    "media",
    "poll",
    "link",
    "hashtags",
    "first_comment",
    "visibility",
    "content_warning",
    "sensitive",
    "options",
    "variants",
    "repeat_after",
    "draft",
];

/// What other tools call them.
const OTHER_NAMES: &[(&str, &str)] = &[
    ("account", "use `accounts`"),
    (
        "alt",
        "write it beside its file: `media: [{file: …, alt: …}]`",
    ),
    ("cw", "use `content_warning`"),
    ("date", "use `when`"),
    ("due", "use `when`"),
    ("image", "use `media`"),
    ("images", "use `media`"),
    ("lang", "use `language`"),
    ("publish_at", "use `when`"),
    ("slug", "use `id`"),
    ("spoiler", "use `content_warning`"),
    ("tags", "use `hashtags`"),
    ("text", "write the text below the front matter"),
    (
        "thread",
        "write its parts below the front matter, with a line `***` between them",
    ),
    ("time", "use `when`"),
    ("title", "write it below the front matter, as a heading"),
];

const MEDIA_KEYS: &[&str] = &["file", "alt", "focus"];
const POLL_KEYS: &[&str] = &["options", "open_for", "multiple", "hide_totals"];
const LINK_KEYS: &[&str] = &["url", "title", "description", "thumbnail"];

/// How long a poll is open that does not say.
const OPEN_FOR: Millis = 86_400_000;

/// A file, its front matter still as text.
#[derive(Debug)]
pub(crate) struct Split<'a> {
    pub(crate) front: &'a str,
    pub(crate) format: Format,
    /// The line on which `front` begins.
    pub(crate) front_line: usize,
    pub(crate) body: &'a str,
    /// The line on which `body` begins.
    pub(crate) body_line: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Yaml,
    Toml,
}

/// Cuts a file into front matter and body; `None` when it has no front matter.
///
/// # Errors
/// The front matter has no end; its first line comes with it.
pub(crate) fn split(source: &str) -> Result<Option<Split<'_>>, usize> {
    let mut offset = 0;
    let mut opened: Option<(Format, usize, usize)> = None;
    for (index, line) in source.split_inclusive('\n').enumerate() {
        let text = line.trim_end();
        let end = offset + line.len();
        match opened {
            None => match text {
                "" => {}
                "---" => opened = Some((Format::Yaml, end, index + 2)),
                "+++" => opened = Some((Format::Toml, end, index + 2)),
                _ => return Ok(None),
            },
            Some((format, start, front_line)) => {
                let closes = match format {
                    Format::Yaml => text == "---" || text == "...",
                    Format::Toml => text == "+++",
                };
                if closes {
                    return Ok(Some(Split {
                        front: &source[start..offset],
                        format,
                        front_line,
                        body: &source[end..],
                        body_line: index + 2,
                    }));
                }
            }
        }
        offset = end;
    }
    match opened {
        Some((_, _, front_line)) => Err(front_line - 1),
        None => Ok(None),
    }
}

#[derive(Debug, Default)]
pub(crate) struct Front {
    /// With its line.
    pub(crate) id: Option<(String, usize)>,
    pub(crate) when: Option<When>,
    pub(crate) accounts: Vec<String>,
    pub(crate) pillar: Option<String>,
    pub(crate) campaign: Option<String>,
    pub(crate) language: Option<String>,
    pub(crate) media: Vec<MediaRef>,
    pub(crate) poll: Option<Poll>,
    pub(crate) link: Option<LinkRef>,
    pub(crate) hashtags: Vec<String>,
    pub(crate) first_comment: Option<String>,
    pub(crate) visibility: Option<Visibility>,
    pub(crate) content_warning: Option<String>,
    pub(crate) sensitive: bool,
    /// Tables by plugin.
    pub(crate) options: serde_json::Map<String, serde_json::Value>,
    pub(crate) variants: Vec<(String, String)>,
    pub(crate) repeat_after: Option<Millis>,
    /// Not to be posted yet.
    pub(crate) draft: bool,
}

/// A file as it is named in the front matter.
#[derive(Debug, PartialEq)]
pub(crate) struct MediaRef {
    pub(crate) file: String,
    /// `Some("")`: it needs none.
    pub(crate) alt: Option<String>,
    pub(crate) focus: Option<FocalPoint>,
    pub(crate) line: usize,
}

#[derive(Debug, PartialEq)]
pub(crate) struct LinkRef {
    pub(crate) url: String,
    pub(crate) title: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) thumbnail: Option<MediaRef>,
}

/// Reads front matter; what is wrong with it goes into `issues`, all at once.
pub(crate) fn read(split: &Split<'_>, issues: &mut Issues) -> Front {
    let tree = match split.format {
        Format::Yaml => tree::yaml(split.front, split.front_line),
        Format::Toml => tree::toml(split.front, split.front_line),
    };
    let root = match tree {
        Ok(root) => root,
        Err(fault) => {
            issues.error(fault.line, fault.message);
            return Front::default();
        }
    };
    let Some(fields) = Fields::of(&root, "the front matter", KEYS, OTHER_NAMES, issues) else {
        return Front::default();
    };
    Front {
        // First: whoever is not done yet is not bothered with the rest.
        draft: fields.flag("draft", issues),
        id: fields.line("id", issues).map(|id| {
            let line = fields.line_of("id");
            (id, line)
        }),
        when: fields.parsed("when", issues, when::parse),
        accounts: fields.words("accounts", issues),
        pillar: fields.line("pillar", issues),
        campaign: fields.line("campaign", issues),
        language: fields.parsed("language", issues, language),
        media: media_list(&fields, issues),
        poll: fields.take("poll").and_then(|node| poll(node, issues)),
        link: fields.take("link").and_then(|node| link(node, issues)),
        hashtags: hashtags(&fields, issues),
        first_comment: fields.text("first_comment", issues),
        visibility: fields.parsed("visibility", issues, visibility),
        content_warning: fields.text("content_warning", issues),
        sensitive: fields.flag("sensitive", issues),
        options: fields
            .take("options")
            .map(|node| options(node, issues))
            .unwrap_or_default(),
        variants: fields
            .take("variants")
            .map(|node| variants(node, issues))
            .unwrap_or_default(),
        repeat_after: fields.parsed("repeat_after", issues, span),
    }
}

fn media_list(fields: &Fields<'_>, issues: &mut Issues) -> Vec<MediaRef> {
    let Some(node) = fields.take("media") else {
        return Vec::new();
    };
    match &node.value {
        Value::List(items) => items
            .iter()
            .filter_map(|item| media(item, issues))
            .collect(),
        _ => media(node, issues).into_iter().collect(),
    }
}

/// A path, or a table with the path in `file`.
fn media(node: &Node, issues: &mut Issues) -> Option<MediaRef> {
    if let Value::Plain(file) | Value::Text(file) = &node.value
        && !file.trim().is_empty()
    {
        return Some(MediaRef {
            file: file.trim().to_owned(),
            alt: None,
            focus: None,
            line: node.line,
        });
    }
    let fields = Fields::of(node, "a file of `media`", MEDIA_KEYS, &[], issues)?;
    let file = fields.line("file", issues);
    let alt = fields.text_or_empty("alt", issues);
    let focus = fields.take("focus").and_then(|node| {
        let point = focus(node);
        if point.is_none() {
            issues.error(
                node.line,
                "`focus` takes two numbers from -1 to 1, to the right and to the top: `[0.0, 0.5]`",
            );
        }
        point
    });
    let Some(file) = file else {
        issues.error(
            node.line,
            "`file` is missing: name the file, as `file: images/bread.png`",
        );
        return None;
    };
    Some(MediaRef {
        file,
        alt,
        focus,
        line: node.line,
    })
}

fn focus(node: &Node) -> Option<FocalPoint> {
    let Value::List(items) = &node.value else {
        return None;
    };
    let number = |node: &Node| match &node.value {
        Value::Plain(word) => word
            .parse::<f32>()
            .ok()
            .filter(|n| (-1.0..=1.0).contains(n)),
        _ => None,
    };
    match items.as_slice() {
        [x, y] => Some(FocalPoint {
            x: number(x)?,
            y: number(y)?,
        }),
        _ => None,
    }
}

fn poll(node: &Node, issues: &mut Issues) -> Option<Poll> {
    let fields = Fields::of(node, "`poll`", POLL_KEYS, &[], issues)?;
    let options = fields.texts("options", issues);
    if options.len() < 2 {
        issues.error(node.line, "a poll needs two `options` or more");
    }
    for (index, option) in options.iter().enumerate() {
        if options[..index].contains(option) {
            issues.error(
                node.line,
                format!("the poll has the option `{option}` twice"),
            );
        }
    }
    Some(Poll {
        options,
        open_for: fields.parsed("open_for", issues, span).unwrap_or(OPEN_FOR),
        multiple: fields.flag("multiple", issues),
        hide_totals: fields.flag("hide_totals", issues),
    })
}

/// An address, or a table with the address in `url`.
fn link(node: &Node, issues: &mut Issues) -> Option<LinkRef> {
    if let Value::Plain(url) | Value::Text(url) = &node.value {
        return match web_address(url) {
            Ok(url) => Some(LinkRef {
                url,
                title: None,
                description: None,
                thumbnail: None,
            }),
            Err(message) => {
                issues.error(node.line, format!("`link`: {message}"));
                None
            }
        };
    }
    let fields = Fields::of(node, "`link`", LINK_KEYS, &[], issues)?;
    if fields.line_of("url") == 0 {
        issues.error(node.line, "`link` has no `url`");
    }
    let url = fields.parsed("url", issues, web_address);
    let title = fields.text("title", issues);
    let description = fields.text("description", issues);
    let thumbnail = fields
        .take("thumbnail")
        .and_then(|node| media(node, issues));
    Some(LinkRef {
        url: url?,
        title,
        description,
        thumbnail,
    })
}

/// An address of the web, as people can open it.
pub(crate) fn web_address(text: &str) -> Result<String, String> {
    let text = text.trim();
    let rest = ["https://", "http://"].iter().find_map(|scheme| {
        let start = text.get(..scheme.len())?;
        start
            .eq_ignore_ascii_case(scheme)
            .then(|| &text[scheme.len()..])
    });
    match rest {
        Some(host)
            if host.starts_with(|first: char| first.is_alphanumeric() || first == '[')
                && !text.contains(|c: char| c.is_whitespace() || c.is_control()) =>
        {
            Ok(text.to_owned())
        }
        _ => Err(format!(
            "`{text}` is not an address of the web: it begins with `https://` and has no blanks"
        )),
    }
}

fn hashtags(fields: &Fields<'_>, issues: &mut Issues) -> Vec<String> {
    let line = fields.line_of("hashtags");
    let mut tags: Vec<String> = Vec::new();
    for word in fields.words("hashtags", issues) {
        let tag = word.trim_start_matches(['#', '＃']);
        let is_tag = !tag.is_empty()
            && tag
                .chars()
                .all(|c| c.is_alphanumeric() || is_mark(c) || c == '_')
            && tag.chars().any(char::is_alphabetic);
        if !is_tag {
            issues.error(
                line,
                format!(
                    "`{word}` is not a hashtag: letters, digits and `_`, and one letter at least"
                ),
            );
        } else if !tags
            .iter()
            .any(|other| other.to_lowercase() == tag.to_lowercase())
        {
            tags.push(tag.to_owned());
        }
    }
    tags
}

/// Marks that stand on letters: the dot of a decomposed `İ`, the cedilla of a `ş`.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{200c}' | '\u{200d}')
}

fn language(text: &str) -> Result<String, String> {
    let mut parts = text.split('-');
    let first = parts.next().unwrap_or_default();
    let subtag = |part: &str| {
        (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    if (2..=3).contains(&first.len())
        && first.bytes().all(|byte| byte.is_ascii_alphabetic())
        && parts.all(subtag)
    {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "`{text}` is not a language: write its code, as `az` or `en-GB`"
        ))
    }
}

fn visibility(text: &str) -> Result<Visibility, String> {
    Ok(match text {
        "public" => Visibility::Public,
        "unlisted" => Visibility::Unlisted,
        "followers" => Visibility::Followers,
        "direct" => Visibility::Direct,
        _ => {
            return Err(format!(
                "`{text}` is not a visibility: there are public, unlisted, followers and direct"
            ));
        }
    })
}

fn span(text: &str) -> Result<Millis, String> {
    match jarchi_plugin_sdk::time::parse_span(text) {
        Some(0) => Err(String::from("it must be longer than nothing")),
        Some(span) => Ok(span),
        None => Err(format!(
            "`{text}` is not a length of time: write a number and s, min, h, d or w, as `36h` or `30d`"
        )),
    }
}

fn options(node: &Node, issues: &mut Issues) -> serde_json::Map<String, serde_json::Value> {
    let mut by_plugin = serde_json::Map::new();
    let Value::Table(entries) = &node.value else {
        issues.error(
            node.line,
            format!("`options` takes a table by plugin, not {}", node.kind()),
        );
        return by_plugin;
    };
    for entry in entries {
        match &entry.value.value {
            Value::Table(_) => {
                by_plugin.insert(entry.name.clone(), entry.value.to_json());
            }
            _ => issues.error(
                entry.line,
                format!(
                    "`options` holds a table for each plugin: `{}` is not one (write it below the \
                     plugin's name)",
                    entry.name
                ),
            ),
        }
    }
    by_plugin
}

fn variants(node: &Node, issues: &mut Issues) -> Vec<(String, String)> {
    let mut variants = Vec::new();
    let Value::Table(entries) = &node.value else {
        issues.error(
            node.line,
            format!(
                "`variants` takes a text for each account or plugin, not {}",
                node.kind()
            ),
        );
        return variants;
    };
    for entry in entries {
        match &entry.value.value {
            Value::Plain(text) | Value::Text(text) if !text.trim().is_empty() => {
                variants.push((entry.name.clone(), text.trim().to_owned()));
            }
            _ => issues.error(
                entry.line,
                format!("the variant `{}` has no text", entry.name),
            ),
        }
    }
    variants
}
