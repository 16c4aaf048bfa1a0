//! A row and a template as a draft.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use jarchi_plugin_sdk::generator::{AccountLimits, Brief, Draft};
use jarchi_plugin_sdk::{Link, MediaItem, Poll, Post, Problem, ThreadPart, compose};
use minijinja::Value;
use serde_json::{Map, Value as Json, json};

use crate::fit;
use crate::folder::Folder;
use crate::front::{Section, Source, Template};
use crate::issue::Fault;
use crate::render::Library;
use crate::rows::Row;
use crate::state::Given;

/// Counts the ways in which rows were turned into drafts: a new way is a new revision.
const FORM: u32 = 1;

pub(crate) struct Maker<'a> {
    pub(crate) brief: &'a Brief,
    pub(crate) folder: &'a Folder,
    pub(crate) library: &'a Library,
    pub(crate) today: NaiveDate,
}

/// What is wrong: with the file at a path, and why.
pub(crate) type Wrong = (String, Fault);

/// Words of a section, filled in.
type Words = Vec<String>;

impl Maker<'_> {
    /// # Errors
    /// What is wrong with the row or the template.
    pub(crate) fn draft(
        &self,
        template: &Template,
        language: Option<&str>,
        row: &Row,
        given: &Given,
        warnings: &mut Vec<Problem>,
    ) -> Result<Draft, Wrong> {
        let filling = Filling {
            maker: self,
            template,
            row,
            context: Value::from_serialize(self.context(row, language, given)),
        };
        let mut digests = Vec::new();
        let media = filling.media(&mut digests, warnings)?;
        let mut post = Post {
            language: language.map(str::to_owned),
            media,
            link: filling.link()?,
            hashtags: filling.hashtags()?,
            poll: filling.poll()?,
            first_comment: filling.one(template.first_comment.as_ref())?,
            content_warning: filling.one(template.content_warning.as_ref())?,
            visibility: template.visibility,
            ..Post::default()
        };
        let (accounts, variants) = filling.words(&mut post, language)?;
        if post.text.is_empty()
            && post.media.is_empty()
            && post.poll.is_none()
            && variants.is_empty()
        {
            return Err(filling.wrong("the template makes no text of it"));
        }
        let mut draft = Draft {
            key: format!("{}#{} {}", row_place(&template.data), row.key, given.round),
            revision: String::new(),
            post,
            variants,
            accounts,
            pillar: given.pillar.clone(),
            campaign: given.campaign.clone(),
            due: None,
            repeat_after: None,
            provenance: None,
            source: Some(format!("{}#{}", template.data, row.key)),
        };
        let content = format!("{:?} {digests:?}", Content(&draft));
        draft.revision = format!(
            "{FORM} {}",
            &blake3::hash(content.as_bytes()).to_hex()[..32]
        );
        Ok(draft)
    }

    /// The row's columns; those of the language under their bare names; and what else
    /// there is to say, where no column has that name.
    fn context(&self, row: &Row, language: Option<&str>, given: &Given) -> Map<String, Json> {
        let mut context = row.columns.clone();
        if let Some(language) = language {
            let tag = language.split('-').next().unwrap_or(language);
            for ending in [
                format!("_{tag}"),
                format!("_{}", language.replace('-', "_")),
            ] {
                for (name, value) in &row.columns {
                    if let Some(bare) = name.strip_suffix(ending.as_str())
                        && !bare.is_empty()
                        && !matches!(value, Json::Null)
                        && value.as_str() != Some("")
                    {
                        context.insert(bare.to_owned(), value.clone());
                    }
                }
            }
        }
        let brief = self.brief;
        let mut more = vec![
            ("row", Json::Object(row.columns.clone())),
            ("language", json!(language.unwrap_or_default())),
            ("today", json!(self.today.to_string())),
            (
                "brand",
                json!({ "name": brief.brand, "hashtags": brief.hashtags }),
            ),
            ("topics", topics(brief)),
        ];
        if let Some(pillar) = &given.pillar {
            more.push(("pillar", json!(pillar)));
        }
        if let Some(campaign) = &given.campaign {
            let asked = brief
                .campaign
                .as_ref()
                .filter(|asked| asked.name == *campaign);
            more.push((
                "campaign",
                json!({
                    "name": campaign,
                    "goal": asked.map_or("", |asked| asked.goal.as_str()),
                    "link": asked.and_then(|asked| asked.link.as_deref()).unwrap_or_default(),
                }),
            ));
        }
        for (name, value) in more {
            context.entry(name).or_insert(value);
        }
        context
    }
}

/// What is talked about, the best first.
fn topics(brief: &Brief) -> Json {
    let topics = brief.topics.iter().map(|topic| {
        json!({
            "name": topic.name,
            "hashtag": topic.hashtag.as_deref().unwrap_or_default(),
            "pillar": topic.pillar.as_deref().unwrap_or_default(),
            "score": topic.score,
            "link": topic.link.as_deref().unwrap_or_default(),
        })
    });
    topics.collect()
}

/// What the revision is a digest of.
struct Content<'a>(&'a Draft);

impl std::fmt::Debug for Content<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let draft = self.0;
        (
            &draft.post,
            &draft.variants,
            &draft.accounts,
            &draft.pillar,
            &draft.campaign,
        )
            .fmt(f)
    }
}

/// A path in a key: a key has its bounds.
fn row_place(path: &str) -> String {
    if path.len() <= 150 {
        path.to_owned()
    } else {
        blake3::hash(path.as_bytes()).to_hex()[..32].to_owned()
    }
}

struct Filling<'a> {
    maker: &'a Maker<'a>,
    template: &'a Template,
    row: &'a Row,
    context: Value,
}

impl Filling<'_> {
    /// The row is to blame.
    fn wrong(&self, message: impl std::fmt::Display) -> Wrong {
        let message = format!(
            "{} with template `{}`: {message}",
            self.row.name(),
            self.template.path
        );
        (
            self.template.data.clone(),
            Fault::new(self.row.line, message),
        )
    }

    fn fill(&self, source: &Source) -> Result<String, Wrong> {
        self.maker
            .library
            .render(source, &self.context)
            .map_err(|(path, fault)| {
                self.wrong(format!("`{path}` line {}: {}", fault.line, fault.message))
            })
    }

    fn one(&self, source: Option<&Source>) -> Result<Option<String>, Wrong> {
        let text = source.map(|source| self.fill(source)).transpose()?;
        Ok(text.filter(|text| !text.is_empty()))
    }

    /// What a key of the template says, else a column of that name: each filled in, and
    /// divided at the signs.
    fn many(
        &self,
        sources: Option<&Vec<Source>>,
        column: &str,
        signs: &[char],
    ) -> Result<Vec<String>, Wrong> {
        let texts: Vec<String> = match (sources, self.row.columns.get(column)) {
            (Some(sources), _) => sources
                .iter()
                .map(|source| self.fill(source))
                .collect::<Result<_, _>>()?,
            (None, Some(Json::String(text))) => vec![text.clone()],
            (None, Some(Json::Array(items))) => items
                .iter()
                .map(|item| {
                    item.as_str()
                        .map_or_else(|| item.to_string(), str::to_owned)
                })
                .collect(),
            _ => Vec::new(),
        };
        Ok(texts
            .iter()
            .flat_map(|text| text.split(signs))
            .map(|word| word.trim().to_owned())
            .collect())
    }

    fn media(
        &self,
        digests: &mut Vec<String>,
        warnings: &mut Vec<Problem>,
    ) -> Result<Vec<MediaItem>, Wrong> {
        let files = self.many(self.template.media.as_ref(), "media", &[';', '|', '\n'])?;
        let mut alts = self
            .many(self.template.alt.as_ref(), "alt", &['|', '\n'])?
            .into_iter();
        let mut media = Vec::new();
        for file in files.iter().filter(|file| !file.is_empty()) {
            let folder = self.maker.folder;
            let (mut item, digest) = folder
                .find(&self.template.data, file)
                .and_then(|path| folder.item(&path))
                .map_err(|message| self.wrong(message))?;
            item.alt = alts.next().filter(|alt| !alt.is_empty());
            if item.alt.is_none() {
                warnings.push(Problem::warning(
                    self.template.data.as_str(),
                    format!(
                        "line {}: {}: `{file}` has no alt text: say in the column `alt` what it \
                         shows, for those who can't see it",
                        self.row.line,
                        self.row.name()
                    ),
                ));
            }
            digests.push(digest);
            media.push(item);
        }
        Ok(media)
    }

    fn link(&self) -> Result<Option<Link>, Wrong> {
        let url = match &self.template.link {
            Some(source) => self.fill(source)?,
            None => match self.row.columns.get("link") {
                Some(Json::String(url)) => url.trim().to_owned(),
                _ => return Ok(None),
            },
        };
        if url.is_empty() {
            return Ok(None);
        }
        let is_address = url.starts_with("https://") || url.starts_with("http://");
        if !is_address || url.contains(char::is_whitespace) {
            return Err(self.wrong(format!(
                "the link `{url}` is no address: begin it with `https://`"
            )));
        }
        Ok(Some(Link {
            url,
            title: None,
            description: None,
            thumbnail: None,
        }))
    }

    fn hashtags(&self) -> Result<Vec<String>, Wrong> {
        let tags = self.many(
            self.template.hashtags.as_ref(),
            "hashtags",
            &[',', ';', ' ', '\n'],
        )?;
        let mut all: Vec<String> = Vec::new();
        for tag in tags {
            let tag = tag.trim_start_matches('#').to_owned();
            if !tag.is_empty() && !all.contains(&tag) {
                all.push(tag);
            }
        }
        Ok(all)
    }

    fn poll(&self) -> Result<Option<Poll>, Wrong> {
        let Some(poll) = &self.template.poll else {
            return Ok(None);
        };
        let mut options = Vec::new();
        for source in &poll.options {
            let filled = self.fill(source)?;
            options.extend(filled.split(['|', '\n']).map(str::trim).map(str::to_owned));
        }
        options.retain(|option| !option.is_empty());
        if options.len() < 2 {
            return Err(self.wrong(
                "a poll needs two options at least; several in one text are divided by `|`",
            ));
        }
        Ok(Some(Poll {
            options,
            open_for: poll.open_for,
            multiple: poll.multiple,
            hide_totals: poll.hide_totals,
        }))
    }

    /// The accounts that the post is for, by the brief or the template.
    fn accounts(&self) -> Vec<&AccountLimits> {
        let named = &self.template.accounts;
        self.maker
            .brief
            .accounts
            .iter()
            .filter(|account| named.is_empty() || named.contains(&account.account))
            .collect()
    }

    /// Puts the words for all into the post, and gives the accounts and the others' words.
    #[expect(clippy::type_complexity, reason = "as a draft has them")]
    fn words(
        &self,
        post: &mut Post,
        language: Option<&str>,
    ) -> Result<(Vec<String>, Vec<(String, String)>), Wrong> {
        let mut filled: BTreeMap<(String, usize), Words> = BTreeMap::new();
        let mut fill = |section: &Section| -> Result<Words, Wrong> {
            let first = &section.parts[0];
            let place = (first.path.clone(), first.line);
            if let Some(words) = filled.get(&place) {
                return Ok(words.clone());
            }
            let words: Words = section
                .parts
                .iter()
                .map(|part| self.fill(part))
                .collect::<Result<_, _>>()?;
            filled.insert(place, words.clone());
            Ok(words)
        };
        let general = fit::candidates(self.template, language, None);
        if let Some(section) = general.first() {
            let mut parts = fill(section)?.into_iter();
            post.text = parts.next().unwrap_or_default();
            post.thread = parts
                .filter(|part| !part.is_empty())
                .map(ThreadPart::text)
                .collect();
        }
        let all = self.accounts();
        let takes = |account: &&AccountLimits| {
            (post.poll.is_none() || account.polls) && (post.thread.is_empty() || account.threads)
        };
        let left: Vec<&AccountLimits> = all.iter().copied().filter(takes).collect();
        if left.is_empty() && !all.is_empty() {
            return Err(
                self.wrong("none of the accounts takes polls or threads, as the template has them")
            );
        }
        let mut variants = Vec::new();
        for account in &left {
            let text = self.fitting(post, account, language, &mut fill)?;
            if text != post.text {
                variants.push((account.account.clone(), text));
            }
            if let Some(most) = account.media
                && post.media.len() > most as usize
            {
                return Err(self.wrong(format!(
                    "there are {} files, and `{}` ({}) takes {most}",
                    post.media.len(),
                    account.account,
                    account.plugin
                )));
            }
        }
        // For accounts that the brief does not know.
        for section in &self.template.sections {
            if let Some(target) = &section.target
                && section.length == crate::front::Length::Text
                && language
                    .zip(section.language.as_deref())
                    .is_none_or(|(wanted, own)| crate::front::same_language(own, wanted))
                && !all
                    .iter()
                    .any(|account| account.account == *target || account.plugin == *target)
                && !variants.iter().any(|(other, _)| other == target)
            {
                variants.push((target.clone(), fill(section)?.swap_remove(0)));
            }
        }
        // Accounts that the brief does not know are the daemon's to judge.
        let left_out = |name: &str| {
            let is = |account: &&AccountLimits| account.account == name;
            all.iter().any(is) && !left.iter().any(is)
        };
        let named = &self.template.accounts;
        let accounts: Vec<String> = if !named.is_empty() {
            named
                .iter()
                .filter(|name| !left_out(name))
                .cloned()
                .collect()
        } else if left.len() < all.len() {
            left.iter().map(|account| account.account.clone()).collect()
        } else {
            Vec::new()
        };
        Ok((accounts, variants))
    }

    /// The best words for the account that it takes as a whole.
    fn fitting(
        &self,
        post: &Post,
        account: &AccountLimits,
        language: Option<&str>,
        fill: &mut impl FnMut(&Section) -> Result<Words, Wrong>,
    ) -> Result<String, Wrong> {
        let mut shortest: Option<usize> = None;
        let limit = account.text.map_or(usize::MAX, |limit| limit as usize);
        for section in fit::candidates(self.template, language, Some(account)) {
            let text = fill(section)?.swap_remove(0);
            let trial = Post {
                text: text.clone(),
                ..post.clone()
            };
            let length = compose::length_on(&account.plugin, &trial);
            if length <= limit {
                return Ok(text);
            }
            shortest = Some(shortest.map_or(length, |other| other.min(length)));
        }
        match shortest {
            None => Ok(post.text.clone()),
            Some(length) => Err(self.wrong(format!(
                "the text for `{}` ({}) has {length} characters, and {limit} are taken: shorten the \
                 row, or give the template a section `=== short@{}`",
                account.account, account.plugin, account.plugin
            ))),
        }
    }
}
