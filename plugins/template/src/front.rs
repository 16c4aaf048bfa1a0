//! A template file: what it is for in the front matter, the words below it, in sections
//! for languages, accounts and lengths.

use jarchi_plugin_sdk::options::nearest;
use jarchi_plugin_sdk::time::parse_span;
use jarchi_plugin_sdk::{Millis, Visibility};
use serde_json::Value as Json;

use crate::folder::Folder;
use crate::issue::Fault;
use crate::season::{self, Season};
use crate::tree::{self, Node, Value};

const KEYS: [&str; 18] = [
    "data",
    "weight",
    "pillar",
    "campaign",
    "accounts",
    "rest",
    "link",
    "media",
    "alt",
    "hashtags",
    "poll",
    "first_comment",
    "visibility",
    "content_warning",
    "season",
    "weekdays",
    "months",
    "valid_from",
];
const VALID_UNTIL: &str = "valid_until";

/// Words that are a template, and where they stand.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Length {
    Text,
    Short,
}

/// Words for a language and an account or plugin; for all where it does not say.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Section {
    pub(crate) length: Length,
    pub(crate) language: Option<String>,
    pub(crate) target: Option<String>,
    /// The posts of a thread.
    pub(crate) parts: Vec<Source>,
}

#[derive(Clone, Debug)]
pub(crate) struct Poll {
    pub(crate) options: Vec<Source>,
    pub(crate) open_for: Millis,
    pub(crate) multiple: bool,
    pub(crate) hide_totals: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Template {
    /// The path without its ending.
    pub(crate) name: String,
    pub(crate) path: String,
    /// The path of its data file.
    pub(crate) data: String,
    pub(crate) weight: u64,
    pub(crate) pillars: Vec<String>,
    pub(crate) campaigns: Vec<String>,
    pub(crate) accounts: Vec<String>,
    /// None where the settings say it.
    pub(crate) rest: Option<Rest>,
    pub(crate) season: Season,
    pub(crate) link: Option<Source>,
    pub(crate) media: Option<Vec<Source>>,
    pub(crate) alt: Option<Vec<Source>>,
    pub(crate) hashtags: Option<Vec<Source>>,
    pub(crate) first_comment: Option<Source>,
    pub(crate) content_warning: Option<Source>,
    pub(crate) visibility: Option<Visibility>,
    pub(crate) poll: Option<Poll>,
    pub(crate) sections: Vec<Section>,
}

/// How long a row rests before it comes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    For(Millis),
    Never,
}

impl Rest {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.trim() == "never" {
            return Ok(Rest::Never);
        }
        parse_span(text).map(Rest::For).ok_or_else(|| {
            format!("`{text}` is not a length of time: write it as `30d`, or `never`")
        })
    }
}

/// The name of a template file in its parts: `tea.az@mastodon.jinja`.
#[derive(Debug, PartialEq)]
pub(crate) struct FileName {
    pub(crate) base: String,
    pub(crate) language: Option<String>,
    pub(crate) target: Option<String>,
}

/// None where the file is no template.
pub(crate) fn file_name(path: &str) -> Option<FileName> {
    let stem = path
        .strip_suffix(".jinja")
        .or_else(|| path.strip_suffix(".j2"))?;
    let (folder, name) = stem
        .rsplit_once('/')
        .map_or(("", stem), |(folder, name)| (folder, name));
    let (name, target) = name.split_once('@').map_or((name, None), |(name, target)| {
        (name, Some(target.to_owned()))
    });
    let (name, language) = match name.rsplit_once('.') {
        Some((name, language)) if is_language(language) => (name, Some(language.to_owned())),
        _ => (name, None),
    };
    let base = if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    };
    Some(FileName {
        base,
        language,
        target,
    })
}

/// Whether it looks like a language tag: `az`, `en-GB`.
fn is_language(word: &str) -> bool {
    let first = word.split('-').next().unwrap_or_default();
    (2..=3).contains(&first.len())
        && first.bytes().all(|byte| byte.is_ascii_lowercase())
        && word
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// The text with its front matter apart, as a tree; the body, and its first line.
fn split(text: &str) -> Result<(Option<Node>, &str, usize), Fault> {
    let fence = match text.lines().next().map(str::trim_end) {
        Some(fence @ ("---" | "+++")) => fence,
        _ => return Ok((None, text, 1)),
    };
    let start = text.find('\n').map_or(text.len(), |at| at + 1);
    let mut at = start;
    for (index, line) in text[start..].split_inclusive('\n').enumerate() {
        if line.trim_end() == fence {
            let source = &text[start..at];
            let front = if fence == "---" {
                tree::yaml(source, 2)?
            } else {
                Some(tree::toml(source, 2)?)
            };
            return Ok((front, &text[at + line.len()..], index + 3));
        }
        at += line.len();
    }
    Err(Fault::new(
        1,
        format!("the front matter has no end: close it with a line `{fence}`"),
    ))
}

/// Reads a template file.
///
/// # Errors
/// What is wrong with it, by line.
pub(crate) fn read(name: &str, path: &str, text: &str, folder: &Folder) -> Result<Template, Fault> {
    let (front, body, first) = split(text)?;
    let entries = match front {
        None => Vec::new(),
        Some(Node {
            value: Value::Table(entries),
            ..
        }) => entries,
        Some(other) => {
            return Err(Fault::new(
                other.line,
                format!(
                    "the front matter must be a table (`key: value`), not {}",
                    other.kind()
                ),
            ));
        }
    };
    let mut template = Template {
        name: name.to_owned(),
        path: path.to_owned(),
        data: String::new(),
        weight: 1,
        pillars: Vec::new(),
        campaigns: Vec::new(),
        accounts: Vec::new(),
        rest: None,
        season: Season::default(),
        link: None,
        media: None,
        alt: None,
        hashtags: None,
        first_comment: None,
        content_warning: None,
        visibility: None,
        poll: None,
        sections: sections(path, body, first)?,
    };
    for (key, line, node) in &entries {
        template.set(key, *line, node, folder)?;
    }
    if template.data.is_empty() {
        return Err(Fault::new(
            1,
            "the template does not say which rows it is for: write `data: products.csv` into its \
             front matter (between two lines `---`), or put a `_` before its name to have it only \
             included by others",
        ));
    }
    Ok(template)
}

impl Template {
    fn set(&mut self, key: &str, line: usize, node: &Node, folder: &Folder) -> Result<(), Fault> {
        let path = self.path.clone();
        let fault = |message: String| Fault::new(line, format!("`{key}`: {message}"));
        let source = || {
            text(node).map(|text| Source {
                path: path.clone(),
                line: node.line,
                text,
            })
        };
        let sources = || -> Result<Vec<Source>, String> {
            match &node.value {
                Value::List(items) => items
                    .iter()
                    .map(|item| {
                        let text = text(item)?;
                        Ok(Source {
                            path: path.clone(),
                            line: item.line,
                            text,
                        })
                    })
                    .collect(),
                _ => Ok(vec![source()?]),
            }
        };
        let words = || -> Result<Vec<String>, String> {
            match &node.value {
                Value::List(items) => items.iter().map(text).collect(),
                _ => Ok(vec![text(node)?]),
            }
        };
        match key {
            "data" => {
                let data = text(node).map_err(fault)?;
                self.data = folder.find(&self.path, &data).map_err(fault)?;
                if !crate::rows::is_data(&self.data) {
                    return Err(fault(format!(
                        "`{data}` is no CSV, JSON, YAML or TOML by its name"
                    )));
                }
            }
            "weight" => {
                self.weight = match node.to_json().as_u64() {
                    Some(weight @ 0..=1_000_000) => weight,
                    _ => return Err(fault(String::from("it takes a whole number from 0 up"))),
                }
            }
            "pillar" => self.pillars = words().map_err(fault)?,
            "campaign" => self.campaigns = words().map_err(fault)?,
            "accounts" => self.accounts = words().map_err(fault)?,
            "rest" => {
                self.rest = Some(
                    text(node)
                        .and_then(|text| Rest::parse(&text))
                        .map_err(fault)?,
                )
            }
            "link" => self.link = Some(source().map_err(fault)?),
            "first_comment" => self.first_comment = Some(source().map_err(fault)?),
            "content_warning" => self.content_warning = Some(source().map_err(fault)?),
            "media" => self.media = Some(sources().map_err(fault)?),
            "alt" => self.alt = Some(sources().map_err(fault)?),
            "hashtags" => self.hashtags = Some(sources().map_err(fault)?),
            "visibility" => {
                self.visibility = Some(match text(node).map_err(fault)?.as_str() {
                    "public" => Visibility::Public,
                    "unlisted" => Visibility::Unlisted,
                    "followers" => Visibility::Followers,
                    "direct" => Visibility::Direct,
                    other => {
                        return Err(fault(format!(
                            "`{other}` is none of public, unlisted, followers, direct"
                        )));
                    }
                });
            }
            "poll" => self.poll = Some(poll(&path, line, node)?),
            _ if season::KEYS.contains(&key) => {
                self.season.set(key, &node.to_json()).map_err(fault)?
            }
            _ => {
                let known: Vec<&str> = KEYS.into_iter().chain([VALID_UNTIL]).collect();
                return Err(Fault::new(
                    line,
                    match nearest(key, &known) {
                        Some(near) => format!("unknown key `{key}`: did you mean `{near}`?"),
                        None => format!("unknown key `{key}`: there are {}", known.join(", ")),
                    },
                ));
            }
        }
        Ok(())
    }
}

fn text(node: &Node) -> Result<String, String> {
    match &node.value {
        Value::Scalar(Json::String(text)) => Ok(text.clone()),
        Value::Scalar(Json::Number(number)) => Ok(number.to_string()),
        Value::Table(entries) if entries.len() <= 1 => Err(String::from(
            "it takes text; put words that begin with `{{` between quotes",
        )),
        _ => Err(format!("it takes text, not {}", node.kind())),
    }
}

fn poll(path: &str, line: usize, node: &Node) -> Result<Poll, Fault> {
    let Value::Table(entries) = &node.value else {
        return Err(Fault::new(
            line,
            "`poll` takes a table with `options` and `open_for`",
        ));
    };
    let mut poll = Poll {
        options: Vec::new(),
        open_for: 86_400_000,
        multiple: false,
        hide_totals: false,
    };
    for (key, line, node) in entries {
        let flag = || match node.value {
            Value::Scalar(Json::Bool(flag)) => Ok(flag),
            _ => Err(Fault::new(
                *line,
                format!("`poll.{key}` is either true or false"),
            )),
        };
        let fault = |message: String| Fault::new(*line, format!("`poll.{key}`: {message}"));
        match key.as_str() {
            "options" => {
                let items = match &node.value {
                    Value::List(items) => items.as_slice(),
                    _ => std::slice::from_ref(node),
                };
                for item in items {
                    let text = text(item).map_err(fault)?;
                    poll.options.push(Source {
                        path: path.to_owned(),
                        line: item.line,
                        text,
                    });
                }
            }
            "open_for" => {
                let span = text(node).map_err(fault)?;
                poll.open_for = parse_span(&span).ok_or_else(|| {
                    fault(format!(
                        "`{span}` is not a length of time: write it as `24h`"
                    ))
                })?;
            }
            "multiple" => poll.multiple = flag()?,
            "hide_totals" => poll.hide_totals = flag()?,
            _ => {
                return Err(Fault::new(
                    *line,
                    format!(
                        "unknown key `poll.{key}`: there are options, open_for, multiple, hide_totals"
                    ),
                ));
            }
        }
    }
    if poll.options.is_empty() {
        return Err(Fault::new(line, "`poll` has no `options`"));
    }
    Ok(poll)
}

/// The sections of a body: `=== short.az@mastodon` begins one, `***` the next post of a
/// thread. What stands before the first is `text`.
fn sections(path: &str, body: &str, first: usize) -> Result<Vec<Section>, Fault> {
    let mut sections: Vec<Section> = Vec::new();
    let mut current = Section {
        length: Length::Text,
        language: None,
        target: None,
        parts: vec![Source {
            path: path.to_owned(),
            line: first,
            text: String::new(),
        }],
    };
    let mut heading = 0;
    let mut close = |section: Section, line: usize| {
        let empty = section.parts.iter().all(|part| part.text.trim().is_empty());
        match (empty, line) {
            (true, 0) => Ok(()),
            (true, line) => Err(Fault::new(line, "the section is empty")),
            (false, line) => {
                let twin = sections.iter().any(|other| {
                    (other.length, &other.language, &other.target)
                        == (section.length, &section.language, &section.target)
                });
                sections.push(section);
                if twin {
                    Err(Fault::new(line, "there is such a section already"))
                } else {
                    Ok(())
                }
            }
        }
    };
    for (index, line) in body.split_inclusive('\n').enumerate() {
        let number = first + index;
        let bare = line.trim();
        if let Some(name) = bare.strip_prefix("=== ") {
            let name = name.trim_end_matches('=').trim();
            let (length, language, target) = section_name(name).ok_or_else(|| {
                Fault::new(
                    number,
                    format!(
                        "`{name}` is no section: write `text` or `short`, with a language and an \
                         account or plugin where it is for them alone: `=== short.az@mastodon`"
                    ),
                )
            })?;
            let next = Section {
                length,
                language,
                target,
                parts: vec![Source {
                    path: path.to_owned(),
                    line: number + 1,
                    text: String::new(),
                }],
            };
            close(std::mem::replace(&mut current, next), heading)?;
            heading = number;
        } else if bare == "***" {
            current.parts.push(Source {
                path: path.to_owned(),
                line: number + 1,
                text: String::new(),
            });
        } else if let Some(part) = current.parts.last_mut() {
            part.text.push_str(line);
        }
    }
    close(current, heading)?;
    Ok(sections)
}

fn section_name(name: &str) -> Option<(Length, Option<String>, Option<String>)> {
    let (head, target) = match name.split_once('@') {
        Some((_, "")) => return None,
        Some((head, target)) => (head, Some(target.to_owned())),
        None => (name, None),
    };
    let (length, language) = match head.split_once('.') {
        Some((length, language)) if is_language(language) => (length, Some(language.to_owned())),
        Some(_) => return None,
        None => (head, None),
    };
    let length = match length {
        "text" => Length::Text,
        "short" => Length::Short,
        _ => return None,
    };
    Some((length, language, target))
}

impl Template {
    /// Takes the words of a file of its own, `tea.az@mastodon.jinja`: its sections are for
    /// that language and account.
    ///
    /// # Errors
    /// There is front matter in it, or a section that is there already.
    pub(crate) fn add_file(
        &mut self,
        name: &FileName,
        path: &str,
        text: &str,
    ) -> Result<(), Fault> {
        let (front, body, first) = split(text)?;
        if let Some(front) = front {
            return Err(Fault::new(
                front.line,
                format!(
                    "the front matter of this template stands in `{}`",
                    self.path
                ),
            ));
        }
        for mut section in sections(path, body, first)? {
            section.language = section.language.or_else(|| name.language.clone());
            section.target = section.target.or_else(|| name.target.clone());
            let twin = self.sections.iter().any(|other| {
                (other.length, &other.language, &other.target)
                    == (section.length, &section.language, &section.target)
            });
            if twin {
                return Err(Fault::new(
                    first,
                    format!("`{}` has these words already", self.path),
                ));
            }
            self.sections.push(section);
        }
        Ok(())
    }

    /// The language of a post: the first of the wanted ones that there are words in.
    /// None where there are words in none of them.
    pub(crate) fn language(&self, wanted: &[String]) -> Option<Option<String>> {
        let general: Vec<&Section> = self
            .sections
            .iter()
            .filter(|one| one.target.is_none())
            .collect();
        let speaks = |language: &str| {
            general.iter().any(|section| {
                section
                    .language
                    .as_deref()
                    .is_none_or(|own| same_language(own, language))
            })
        };
        if let Some(language) = wanted.iter().find(|language| speaks(language)) {
            return Some(Some(language.clone()));
        }
        match (wanted.is_empty(), general.first()) {
            (true, Some(section)) => Some(section.language.clone()),
            _ => None,
        }
    }
}

/// Whether words in `own` serve for `wanted`: `en` does for `en-GB`, and the other way.
pub(crate) fn same_language(own: &str, wanted: &str) -> bool {
    let first = |tag: &str| {
        tag.split('-')
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase()
    };
    first(own) == first(wanted)
}
