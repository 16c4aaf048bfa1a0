//! From a brief to drafts: which cards, drawn how, with what words.

use std::collections::{BTreeMap, BTreeSet};

use jarchi_plugin_sdk::generator::{Batch, Brief, Draft};
use jarchi_plugin_sdk::media::{self, File};
use jarchi_plugin_sdk::{
    Error, Link, MediaItem, MediaKind, Post, Problem, Result, Severity, count, text,
};

use crate::card::Card;
use crate::deck::{self, Placed};
use crate::settings::Settings;
use crate::size::{Format, Shape};
use crate::state::{Handed, State};
use crate::studio::{Drawn, Folder, Studio};

/// Known cards that are drawn anew in one call: a new palette changes all of them at once,
/// and the time of a call is limited. The others follow with the next.
const AGAIN: usize = 2;

/// Characters of an alternative text that all platforms take.
const ALT: usize = 1_000;

pub(crate) fn generate(brief: &Brief) -> Result<Batch> {
    let settings = Settings::of(brief)?;
    if settings.preview.is_some() {
        return preview(brief, &settings);
    }
    let folder = Folder::open(&settings.folder)?;
    let mut batch = Batch::empty();
    let cards = cards(&folder, &mut batch.problems);
    let mut run = Run {
        brief,
        settings: &settings,
        studio: Studio::new(&folder, &settings, &brief.brand),
        cards: cards
            .iter()
            .map(|placed| (placed.card.id.as_str(), placed))
            .collect(),
        order: cards.iter().map(|placed| placed.card.id.as_str()).collect(),
        broken: BTreeSet::new(),
        batch,
    };
    let mut state = State::load()?;
    run.again(&mut state)?;
    run.more(&mut state)?;
    state.save()?;
    Ok(run.batch)
}

/// All cards of the folder; of those with the same id the first.
fn cards(folder: &Folder, problems: &mut Vec<Problem>) -> Vec<Placed> {
    let mut cards: Vec<Placed> = Vec::new();
    let mut places: BTreeMap<String, String> = BTreeMap::new();
    for file in folder.files() {
        if deck::Format::of(&file.path).is_none() {
            continue;
        }
        let source = Folder::read(file, deck::LONGEST).and_then(|bytes| {
            String::from_utf8(bytes)
                .map_err(|_| String::from("the file is not UTF-8: save it with that encoding"))
        });
        let source = match source {
            Ok(source) => source,
            Err(fault) => {
                problems.push(Problem::error(&file.path, fault));
                continue;
            }
        };
        for placed in deck::read(&file.path, &source, problems) {
            let place = format!("{}, line {}", placed.path, placed.line);
            if let Some(first) = places.get(&placed.card.id) {
                problems.push(Problem::warning(
                    &placed.path,
                    format!(
                        "line {}: the same card as in {first}; that one is taken",
                        placed.line
                    ),
                ));
                continue;
            }
            places.insert(placed.card.id.clone(), place);
            cards.push(placed);
        }
    }
    cards
}

struct Run<'a> {
    brief: &'a Brief,
    settings: &'a Settings,
    studio: Studio<'a>,
    cards: BTreeMap<&'a str, &'a Placed>,
    /// As the files have them.
    order: Vec<&'a str>,
    /// Cards that could not be drawn.
    broken: BTreeSet<String>,
    batch: Batch,
}

impl<'a> Run<'a> {
    /// Cards that were handed out before: those that the daemon may have lost, and those
    /// that have changed.
    fn again(&mut self, state: &mut State) -> Result<()> {
        let mut drawn = 0;
        // What it says of a draft, it has seen.
        let seen = self.brief.feedback.is_some();
        for handed in state.handed.iter_mut().rev() {
            let unsure = !std::mem::replace(&mut handed.sure, true) && !seen;
            let Some(placed) = self.cards.get(handed.id.as_str()).copied() else {
                continue;
            };
            let revision = self.revision(&placed.card, handed.shape, handed.format);
            let changed = revision != handed.revision && drawn < AGAIN;
            if !unsure && !changed {
                continue;
            }
            drawn += 1;
            let (key, shape, format) = (handed.key.clone(), handed.shape, handed.format);
            if let Some(draft) = self.draft(placed, key, shape, format)? {
                handed.revision = revision;
                self.batch.drafts.push(draft);
            }
        }
        Ok(())
    }

    /// Cards that are new, or come again. A slot that is asked for once more gets another:
    /// somebody did not want the first.
    fn more(&mut self, state: &mut State) -> Result<()> {
        let mut left = match self.brief.wanted {
            0 => u32::from(state.is_due(self.settings.every, self.brief.now)),
            wanted => wanted,
        };
        while left > 0 {
            let ids: Vec<&str> = self
                .order
                .iter()
                .copied()
                .filter(|id| !self.broken.contains(*id) && self.suits(id))
                .collect();
            let next = state.next(
                ids.iter().copied(),
                self.settings.order,
                self.settings.repeat,
            );
            let Some(id) = next else {
                self.nothing_left(&ids, left);
                break;
            };
            let Some(placed) = self.cards.get(id).copied() else {
                break;
            };
            let shape = (placed.card.shape)
                .or(self.settings.size)
                .unwrap_or_else(|| Shape::for_accounts(&self.brief.accounts));
            let format = (self.settings.format)
                .unwrap_or_else(|| Format::for_accounts(&self.brief.accounts));
            let key = state.key(id);
            let Some(draft) = self.draft(placed, key.clone(), shape, format)? else {
                self.broken.insert(id.to_owned());
                continue;
            };
            state.hand_out(
                ids.iter().copied(),
                Handed {
                    id: id.to_owned(),
                    key,
                    revision: draft.revision.clone(),
                    at: self.brief.now,
                    shape,
                    format,
                    sure: false,
                },
            );
            self.batch.drafts.push(draft);
            left -= 1;
        }
        Ok(())
    }

    /// Of the pillar and of a language that is asked for.
    fn suits(&self, id: &str) -> bool {
        let Some(placed) = self.cards.get(id) else {
            return false;
        };
        let card = &placed.card;
        let pillar = match (&self.brief.pillar, &card.pillar) {
            (Some(asked), Some(own)) => asked.name == *own,
            (None, _) | (_, None) => true,
        };
        let primary = |tag: &str| tag.split('-').next().unwrap_or(tag).to_lowercase();
        let language = match &card.language {
            Some(own) if !self.brief.languages.is_empty() => self
                .brief
                .languages
                .iter()
                .any(|language| primary(language) == primary(own)),
            _ => true,
        };
        pillar && language
    }

    fn nothing_left(&mut self, ids: &[&str], left: u32) {
        let folder = &self.settings.folder;
        let message = if ids.is_empty() {
            let of = match &self.brief.pillar {
                Some(pillar) => format!(" for the pillar `{}`", pillar.name),
                None => String::new(),
            };
            format!("folder `{folder}`: {left} more are wanted, and there is no card{of}")
        } else {
            format!(
                "folder `{folder}`: all {} cards were used: add some, or set `repeat = true`",
                ids.len()
            )
        };
        self.batch.problems.push(Problem::warning("cards", message));
    }

    fn language(&self, card: &Card) -> Option<String> {
        card.language
            .clone()
            .or_else(|| self.settings.language.clone())
            .or_else(|| self.brief.languages.first().cloned())
    }

    fn hashtags(&self, card: &Card) -> Vec<String> {
        let mut seen = BTreeSet::new();
        card.hashtags
            .iter()
            .chain(&self.settings.hashtags)
            .chain(&self.brief.hashtags)
            .map(|tag| tag.trim_start_matches('#').to_owned())
            .filter(|tag| !tag.is_empty() && seen.insert(tag.to_lowercase()))
            .collect()
    }

    fn revision(&self, card: &Card, shape: Shape, format: Format) -> String {
        let language = self.language(card).unwrap_or_default();
        let extra = format!("{language} {}", self.hashtags(card).join(" "));
        self.studio.revision(card, shape, format, &extra)
    }

    /// The card as a draft; none where it can't be drawn, with a problem that says why.
    fn draft(
        &mut self,
        placed: &Placed,
        key: String,
        shape: Shape,
        format: Format,
    ) -> Result<Option<Draft>> {
        let card = &placed.card;
        let language = self.language(card);
        let drawn = self
            .studio
            .draw(card, shape, format, language.as_deref().unwrap_or_default());
        let Drawn { bytes, problems } = match drawn {
            Ok(drawn) => drawn,
            Err(fault) => {
                self.batch.problems.push(Problem::error(
                    &placed.path,
                    format!("line {}: {fault}", placed.line),
                ));
                return Ok(None);
            }
        };
        self.batch
            .problems
            .extend(problems.into_iter().map(|problem| Problem {
                severity: Severity::Warning,
                place: placed.path.clone(),
                message: format!("line {}: {}", placed.line, problem.message),
            }));
        let revision = self.revision(card, shape, format);
        let name = format!(
            "{}-{}.{}",
            card.kind.name(),
            &revision[..8],
            format.ending()
        );
        let file = media::create(&name, &bytes)
            .map_err(|error| Error::from(error).context(format!("the picture `{name}`")))?;
        let hashtags = self.hashtags(card);
        let post = Post {
            text: self.text(card, &hashtags),
            language,
            media: vec![item(&file, &name, shape, &card.alt())],
            link: card.link.as_ref().map(|url| Link {
                url: url.clone(),
                title: None,
                description: None,
                thumbnail: None,
            }),
            hashtags,
            ..Post::default()
        };
        Ok(Some(Draft {
            key,
            revision,
            post,
            variants: Vec::new(),
            accounts: Vec::new(),
            // Those of the card alone: one that has none suits other slots too.
            pillar: card.pillar.clone(),
            campaign: card.campaign.clone(),
            // A slot that asks takes what it gets; a time of its own would pass it by.
            due: None,
            repeat_after: None,
            provenance: None,
            source: Some(placed.path.clone()),
        }))
    }

    /// The words of the post, so short that address and hashtags have room beside them.
    fn text(&self, card: &Card, hashtags: &[String]) -> String {
        let words = card.caption.clone().unwrap_or_else(|| card.words());
        let limit = self
            .brief
            .accounts
            .iter()
            .filter_map(|account| account.text)
            .min();
        let Some(limit) = limit else {
            return words;
        };
        let tags: usize = hashtags.iter().map(|tag| count::graphemes(tag) + 2).sum();
        let link = card
            .link
            .as_ref()
            .map_or(0, |link| count::graphemes(link) + 2);
        let left = (limit as usize).saturating_sub(tags + link).max(1);
        text::shorten(&words, left, count::graphemes)
    }
}

fn item(file: &File, name: &str, shape: Shape, alt: &str) -> MediaItem {
    let (width, height) = shape.pixels();
    MediaItem {
        id: file.id.clone(),
        kind: MediaKind::Image,
        alt: Some(text::shorten(alt, ALT, count::graphemes)).filter(|alt| !alt.is_empty()),
        focus: None,
        name: name.to_owned(),
        mime: file.mime.clone(),
        size: file.size,
        width: Some(width),
        height: Some(height),
        length: None,
    }
}

/// One card out of the settings: it is drawn, and nothing is remembered of it.
fn preview(brief: &Brief, settings: &Settings) -> Result<Batch> {
    let row = settings.preview.clone().unwrap_or_default();
    let card = Card::read(&row, None)
        .map_err(|faults| Error::invalid(format!("preview: {}", faults.join("; "))))?
        .ok_or_else(|| Error::invalid("preview: the card is a draft"))?;
    // A brand may have no folder yet.
    let folder = Folder::open(&settings.folder).unwrap_or_else(|_| Folder::empty());
    let placed = Placed {
        card,
        path: String::from("preview"),
        line: 1,
    };
    let mut run = Run {
        brief,
        settings,
        studio: Studio::new(&folder, settings, &brief.brand),
        cards: BTreeMap::new(),
        order: Vec::new(),
        broken: BTreeSet::new(),
        batch: Batch::empty(),
    };
    let shape = (placed.card.shape)
        .or(settings.size)
        .unwrap_or(Shape::Square);
    let format = settings.format.unwrap_or(Format::Png);
    if let Some(draft) = run.draft(&placed, String::from("preview"), shape, format)? {
        run.batch.drafts.push(draft);
    }
    Ok(run.batch)
}
