//! What stands between a model's words and the public. A text passes, or there is a
//! reason, which the model is told.

pub(crate) mod claims;
pub(crate) mod fold;
pub(crate) mod likeness;
pub(crate) mod links;
mod phrases;

use jarchi_plugin_sdk::generator::Brief;

use self::claims::Known;
use self::fold::{Phrase, fold, words};
use self::likeness::{Grams, Shingles};
use self::links::{Allowed, host_of, tag};
use crate::settings::Settings;

/// Reasons that a model is told at once.
const REASONS: usize = 6;

#[derive(Debug)]
pub(crate) struct Guard {
    taboos: Vec<Phrase>,
    superlatives: Vec<Phrase>,
    refusals: Vec<Phrase>,
    /// What the operator lets through, and what the facts say themselves.
    excused: String,
    allowed: Allowed,
    known: Known,
    prompt: Grams,
    /// What only the prompt has.
    mark: String,
    earlier: Vec<Shingles>,
}

/// What a prompt is made of, as far as texts are judged by it.
pub(crate) struct Sources<'a> {
    pub(crate) brief: &'a Brief,
    pub(crate) settings: &'a Settings,
    /// The facts' texts.
    pub(crate) facts: &'a str,
    /// Our own instructions.
    pub(crate) instructions: &'a str,
    /// What fences the data in.
    pub(crate) mark: &'a str,
    /// Texts that are not to be written again.
    pub(crate) earlier: &'a [String],
}

impl Guard {
    pub(crate) fn new(sources: &Sources<'_>) -> Self {
        let Sources {
            brief, settings, ..
        } = sources;
        // What the operator wrote may be said: it is no claim of the model's.
        let mut own = vec![sources.facts.to_owned(), settings.instructions.clone()];
        own.extend(settings.allow.iter().cloned());
        if let Some(pillar) = &brief.pillar {
            own.extend(pillar.description.clone());
        }
        if let Some(campaign) = &brief.campaign {
            own.push(campaign.goal.clone());
        }
        let own = own.join("\n");
        let voice = brief.voice.as_ref();
        let taboos = voice
            .map(|voice| voice.taboos.as_slice())
            .unwrap_or_default();
        let mut hosts: std::collections::BTreeSet<String> =
            settings.link_hosts.iter().cloned().collect();
        if let Some(link) = brief
            .campaign
            .as_ref()
            .and_then(|campaign| campaign.link.as_deref())
        {
            hosts.insert(host_of(link));
        }
        Guard {
            taboos: Phrase::all(taboos.iter().chain(&settings.avoid)),
            superlatives: Phrase::all(phrases::SUPERLATIVES),
            refusals: Phrase::all(phrases::REFUSALS),
            excused: fold(&own),
            allowed: Allowed {
                hosts,
                handles: settings.mentions.iter().cloned().collect(),
                hashtags: (!settings.own_hashtags)
                    .then(|| brief.hashtags.iter().map(|hashtag| tag(hashtag)).collect()),
                facts: fold(sources.facts),
            },
            known: Known::of(&own),
            prompt: Grams::of(sources.instructions),
            mark: sources.mark.to_owned(),
            earlier: sources
                .earlier
                .iter()
                .map(|text| Shingles::of(text))
                .collect(),
        }
    }

    /// Everything but likeness: for each piece of a draft.
    ///
    /// # Errors
    /// What is wrong with it, in words for the model.
    pub(crate) fn check(&self, text: &str) -> Result<(), String> {
        let folded = fold(text);
        let words = words(&folded);
        let mut reasons = Vec::new();
        if let Some(refusal) = self.refusals.iter().find(|phrase| phrase.stands_in(&words)) {
            reasons.push(format!(
                "it is a refusal (`{}`), not a text",
                refusal.written
            ));
        }
        for taboo in self.taboos.iter().filter(|phrase| phrase.stands_in(&words)) {
            reasons.push(format!("the brand never says `{}`", taboo.written));
        }
        reasons.extend(self.allowed.unknown(text));
        for claim in self.known.unfounded(text) {
            reasons.push(format!(
                "{} `{}` is not among the facts",
                claim.what(),
                claim.written
            ));
        }
        for phrase in &self.superlatives {
            if phrase.stands_in(&words) && !self.excused.contains(&fold(&phrase.written)) {
                reasons.push(format!("nobody can check the claim `{}`", phrase.written));
            }
        }
        if let Some(placeholder) = phrases::placeholder(&folded) {
            reasons.push(format!("`{placeholder}` is a placeholder"));
        }
        if text.contains(&self.mark) {
            reasons.push(String::from("it shows the marks around the data"));
        } else if let Some(piece) = self.prompt.leaked(text) {
            reasons.push(format!("it repeats the instructions (`{piece}`)"));
        }
        if text
            .chars()
            .any(|c| c.is_control() && !matches!(c, '\n' | '\t' | '\r'))
        {
            reasons.push(String::from("it has control characters"));
        }
        if reasons.is_empty() {
            return Ok(());
        }
        reasons.truncate(REASONS);
        Err(reasons.join("; "))
    }

    /// Whether a text was written before.
    pub(crate) fn is_new(&self, text: &str) -> Result<(), String> {
        let shingles = Shingles::of(text);
        match self.earlier.iter().any(|earlier| shingles.repeats(earlier)) {
            false => Ok(()),
            true => Err(String::from(
                "it is too much like a text that was written before",
            )),
        }
    }

    /// A text is written: the next one may not be like it.
    pub(crate) fn remember(&mut self, text: &str) {
        self.earlier.push(Shingles::of(text));
    }

    pub(crate) fn has_tag(&self, hashtag: &str) -> bool {
        self.allowed.has_tag(hashtag)
    }
}
