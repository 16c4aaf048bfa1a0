//! Rows of data files through templates as posts: products, reviews, tips.
//!
//! A row is used once in a round, and comes again in the next one when it has rested. Rows
//! are known by their `id` or by their content, posts by their row and round, so that no
//! post is given twice. What waits is given again as its row is now; where the row is
//! gone, or its season over, it is withdrawn.

mod fit;
mod folder;
mod front;
mod issue;
mod make;
mod render;
mod rows;
mod season;
mod settings;
mod shelf;
mod state;
mod tree;
mod words;

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, NaiveDate};
use jarchi_plugin_sdk::generator::{Batch, Brief, Draft};
use jarchi_plugin_sdk::{Error, Generator, Problem, Result, Timestamp};

use folder::Folder;
use front::Template;
use make::{Maker, Wrong};
use rows::Row;
use settings::Settings;
use shelf::Shelf;
use state::{Given, State, number};

/// Rows that a call tries in vain at most.
const TRIES: usize = 100;

/// The generator.
#[derive(Debug)]
pub struct Templates;

impl Generator for Templates {
    fn generate(brief: &Brief) -> Result<Batch> {
        let settings = Settings::of(brief)?;
        let folder = Folder::open(&settings.folder)?;
        let shelf = Shelf::read(&folder);
        let today = local_day(brief.now, &settings)?;
        let state = State::load(shelf.tables.keys().cloned())?;
        let mut run = Run {
            brief,
            settings: &settings,
            shelf: &shelf,
            maker: Maker {
                brief,
                folder: &folder,
                library: &shelf.library,
                today,
            },
            day: local_day(brief.slot.unwrap_or(brief.now), &settings)?,
            state,
            drafts: Vec::new(),
            wrong: shelf.wrong.clone(),
            warnings: Vec::new(),
            broken: HashMap::new(),
        };
        let new = match brief.wanted {
            0 => {
                run.give_again();
                // Nothing at all to post of is no turn.
                let due =
                    !shelf.templates.is_empty() && run.state.take_turn(settings.every, brief.now);
                if due { settings.per_run } else { 0 }
            }
            wanted => wanted as usize,
        };
        for _ in 0..new {
            if !run.give_new() {
                break;
            }
        }
        run.finish()
    }
}

/// The day by the brand's clock.
fn local_day(moment: Timestamp, settings: &Settings) -> Result<NaiveDate> {
    i64::try_from(moment)
        .ok()
        .and_then(DateTime::from_timestamp_millis)
        .map(|moment| moment.with_timezone(&settings.zone).date_naive())
        .ok_or_else(|| Error::invalid(format!("{moment} is no moment")))
}

struct Run<'a> {
    brief: &'a Brief,
    settings: &'a Settings,
    shelf: &'a Shelf,
    maker: Maker<'a>,
    /// Of the slot, or today.
    day: NaiveDate,
    state: State,
    drafts: Vec<Draft>,
    wrong: Vec<Wrong>,
    warnings: Vec<Problem>,
    /// The rows that make no post, by template.
    broken: HashMap<String, HashSet<String>>,
}

impl<'a> Run<'a> {
    /// What was given before, as it is now: an edited row changes its post, one that is
    /// gone withdraws it.
    fn give_again(&mut self) {
        for given in self.state.given.clone() {
            let Some(template) = self.shelf.template(&given.template) else {
                continue;
            };
            let Some(row) = self.shelf.row(&given.data, &given.row) else {
                continue;
            };
            let today = self.maker.today;
            let same = template.data == given.data;
            if same && template.season.has_day(today) && row.season.has_day(today) {
                self.make(template, row, &given);
            }
        }
    }

    fn make(&mut self, template: &Template, row: &Row, given: &Given) -> bool {
        let made = match template.language(&self.settings.languages) {
            Some(language) => self.maker.draft(
                template,
                language.as_deref(),
                row,
                given,
                &mut self.warnings,
            ),
            None => Err((
                template.path.clone(),
                issue::Fault::new(
                    0,
                    format!(
                        "there are no words in {}: add a section `=== text.{}`",
                        self.settings.languages.join(" or "),
                        self.settings.languages.first().map_or("az", String::as_str)
                    ),
                ),
            )),
        };
        match made {
            Ok(draft) => {
                self.drafts.push(draft);
                true
            }
            Err(wrong) => {
                self.wrong.push(wrong);
                self.broken
                    .entry(template.name.clone())
                    .or_default()
                    .insert(row.key.clone());
                false
            }
        }
    }

    /// The templates for the brief's pillar and campaign: those that name them, else those
    /// that name none.
    fn set(&self) -> Vec<&'a Template> {
        let fitting =
            |wanted: Option<&str>, of: fn(&Template) -> &Vec<String>, all: Vec<&'a Template>| {
                let Some(wanted) = wanted else { return all };
                let (named, others): (Vec<_>, Vec<_>) = all
                    .into_iter()
                    .partition(|template| of(template).iter().any(|name| name == wanted));
                if named.is_empty() {
                    others
                        .into_iter()
                        .filter(|template| of(template).is_empty())
                        .collect()
                } else {
                    named
                }
            };
        let all = self
            .shelf
            .templates
            .iter()
            .filter(|template| template.weight > 0 && template.season.allows(self.day))
            .collect();
        let pillar = self
            .brief
            .pillar
            .as_ref()
            .map(|pillar| pillar.name.as_str());
        let campaign = self
            .brief
            .campaign
            .as_ref()
            .map(|campaign| campaign.name.as_str());
        let all = fitting(pillar, |template| &template.pillars, all);
        fitting(campaign, |template| &template.campaigns, all)
    }

    /// One more post; false where there is none.
    fn give_new(&mut self) -> bool {
        let mut set = self.set();
        for _ in 0..TRIES {
            let total: u64 = set.iter().map(|template| template.weight).sum();
            if total == 0 {
                return false;
            }
            let draw = number(
                &self.settings.seed,
                &["draw", &self.state.draws.to_string()],
            );
            let mut left = draw % total;
            let mut index = 0;
            for (at, template) in set.iter().enumerate() {
                index = at;
                if left < template.weight {
                    break;
                }
                left -= template.weight;
            }
            let template = set[index];
            match self.next_row(template) {
                None => {
                    set.remove(index);
                }
                Some((row, round)) => {
                    let given = self.given(template, row, round);
                    if self.make(template, row, &given) {
                        self.state.draws += 1;
                        self.state
                            .use_row(&template.data, &row.key, round, self.brief.now);
                        self.state.given.push(given);
                        return true;
                    }
                }
            }
        }
        false
    }

    fn next_row(&self, template: &Template) -> Option<(&'a Row, u32)> {
        let table = self.shelf.tables.get(&template.data)?;
        let broken = self.broken.get(&template.name);
        let keys: Vec<&str> = table
            .rows
            .iter()
            .filter(|row| row.season.allows(self.day))
            .map(|row| row.key.as_str())
            .filter(|key| broken.is_none_or(|broken| !broken.contains(*key)))
            .collect();
        let rest = template.rest.unwrap_or(self.settings.rest);
        let seed = &self.settings.seed;
        let (key, round) =
            self.state
                .next_row(&template.data, &keys, rest, seed, self.brief.now)?;
        Some((self.shelf.row(&template.data, key)?, round))
    }

    fn given(&self, template: &Template, row: &Row, round: u32) -> Given {
        let asked =
            |name: Option<&String>, own: &[String]| name.cloned().or_else(|| own.first().cloned());
        Given {
            template: template.name.clone(),
            data: template.data.clone(),
            row: row.key.clone(),
            round,
            at: self.brief.now,
            pillar: asked(
                self.brief.pillar.as_ref().map(|pillar| &pillar.name),
                &template.pillars,
            ),
            campaign: asked(
                self.brief.campaign.as_ref().map(|campaign| &campaign.name),
                &template.campaigns,
            ),
        }
    }

    fn finish(mut self) -> Result<Batch> {
        // A row that makes no post with one template may make one with the other, and all
        // that share a fault would tell it.
        let mut told = HashSet::new();
        let mut problems: Vec<Problem> = Vec::new();
        for problem in self
            .wrong
            .iter()
            .map(|(path, fault)| fault.problem(path))
            .chain(std::mem::take(&mut self.warnings))
        {
            if told.insert((problem.place.clone(), problem.message.clone())) {
                problems.push(problem);
            }
        }
        // What can't be read now is not gone.
        let complete =
            self.brief.wanted == 0 && self.wrong.is_empty() && self.state.is_whole(self.brief.now);
        for (path, table) in &self.shelf.tables {
            let present = table.rows.iter().map(|row| row.key.as_str()).collect();
            if self.wrong.is_empty() {
                self.state.forget_missing(path, &present);
            }
        }
        self.state.save(self.brief.now)?;
        Ok(Batch {
            drafts: self.drafts,
            complete,
            problems,
            topics: None,
        })
    }
}

jarchi_plugin_sdk::export!(Templates: generator);

#[cfg(test)]
mod tests;
