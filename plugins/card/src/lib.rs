//! Branded pictures: a row of the brand's folder becomes a card, drawn from a template in
//! the brand's colours and fonts, with its logo, and posted with a text that says the same.
//!
//! No card comes twice before all came once; what was handed out is remembered, and a card
//! that is edited before it is posted is drawn anew.

pub mod card;
pub mod deck;
pub mod fit;
pub mod fonts;
mod generate;
mod numbers;
pub mod palette;
pub mod render;
mod settings;
pub mod size;
mod state;
mod studio;
pub mod template;

use jarchi_plugin_sdk::generator::{Batch, Brief};
use jarchi_plugin_sdk::{Generator, Result};

/// The generator.
#[derive(Debug)]
pub struct Cards;

impl Generator for Cards {
    fn generate(brief: &Brief) -> Result<Batch> {
        generate::generate(brief)
    }
}

jarchi_plugin_sdk::export!(Cards: generator);

/// The word of `known` that was probably meant.
fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase().replace('-', "_");
    known
        .into_iter()
        .map(|other| {
            let distance = strsim::damerau_levenshtein(&word, &other.to_lowercase());
            (distance, other)
        })
        .filter(|(distance, other)| *distance <= 1 + other.chars().count() / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, other)| other)
}
