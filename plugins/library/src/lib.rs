//! A folder of Markdown files as posts: what is said in a file's front matter is when,
//! where and how it is posted, what stands below it is the text.
//!
//! Every file is posted once. Its key is its `id`, or its path; its revision changes when
//! it is edited, or one of its pictures.

mod draft;
mod fields;
mod folder;
mod front;
mod issue;
mod markdown;
mod tree;
mod when;

use std::collections::BTreeMap;

use jarchi_plugin_sdk::generator::{Batch, Brief, Draft};
use jarchi_plugin_sdk::{Generator, Result};
use serde::Deserialize;

use draft::Outcome;
use folder::Folder;
use issue::Issues;
use markdown::LineBreaks;

/// The generator.
#[derive(Debug)]
pub struct Library;

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    folder: String,
    /// Of files that do not say.
    language: Option<String>,
    line_breaks: LineBreaks,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            folder: String::from("content"),
            language: None,
            line_breaks: LineBreaks::Keep,
        }
    }
}

impl Generator for Library {
    fn generate(brief: &Brief) -> Result<Batch> {
        let settings: Settings = brief.settings()?;
        let folder = Folder::open(&settings.folder)?;
        let mut batch = Batch {
            complete: true,
            ..Batch::empty()
        };
        let mut drafts: Vec<(Draft, usize)> = Vec::new();
        for file in folder.posts() {
            let mut issues = Issues::default();
            match draft::make(file, &folder, &settings, &mut issues) {
                Outcome::Draft(draft, line) => drafts.push((*draft, line)),
                Outcome::NotYet | Outcome::Broken => {}
            }
            batch.problems.extend(issues.into_problems(&file.path));
        }
        batch.drafts = without_twins(drafts, &mut batch);
        Ok(batch)
    }
}

/// Passes over the files that claim one key: which of them was meant, only a person knows.
fn without_twins(drafts: Vec<(Draft, usize)>, batch: &mut Batch) -> Vec<Draft> {
    let path = |draft: &Draft| draft.source.clone().unwrap_or_default();
    let mut claims: BTreeMap<String, Vec<(String, usize)>> = BTreeMap::new();
    for (draft, line) in &drafts {
        claims
            .entry(draft.key.clone())
            .or_default()
            .push((path(draft), *line));
    }
    for (key, files) in claims.iter().filter(|(_, files)| files.len() > 1) {
        for (file, line) in files {
            let others: Vec<_> = files
                .iter()
                .filter(|(other, _)| other != file)
                .map(|(other, _)| format!("`{other}`"))
                .collect();
            let mut issues = Issues::default();
            issues.error(
                *line,
                format!(
                    "the id `{key}` is claimed by {} too: give each file one of its own",
                    others.join(" and ")
                ),
            );
            batch.problems.extend(issues.into_problems(file));
        }
    }
    drafts
        .into_iter()
        .map(|(draft, _)| draft)
        .filter(|draft| claims.get(&draft.key).is_some_and(|files| files.len() == 1))
        .collect()
}

jarchi_plugin_sdk::export!(Library: generator);

#[cfg(test)]
mod tests;
