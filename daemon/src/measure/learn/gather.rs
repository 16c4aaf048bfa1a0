//! The posts that are learned from, out of the store.

use crate::config::{Brand, Config, LearnNumber};
use crate::measure::query::{self, Number, Scope};
use crate::model::{MediaKind, TimeSpan, Timestamp};
use crate::store::{StoreError, View};

use super::fit::Seen;

/// Posts so many half-lives old count for less than a sixtieth: they are left out.
const HALF_LIVES: u64 = 6;
/// Posts of one stretch have one level of their account.
const STRETCH: TimeSpan = TimeSpan::from_days(28);
/// Rates are taken of a thousand, so that their logarithms are those of numbers around one.
const PER_MILLE: f64 = 1000.0;

/// What is learned from.
#[derive(Clone, Debug, Default)]
pub(super) struct Gathered {
    pub accounts: Vec<String>,
    pub pillars: Vec<String>,
    pub media: Vec<&'static str>,
    pub seen: Vec<Seen>,
}

/// What posts without a pillar of the brand's count as; no pillar can have this name.
pub(super) const NO_PILLAR: &str = "";

pub(super) const WORDS_ALONE: &str = "words alone";

const fn media_name(kind: Option<MediaKind>) -> &'static str {
    match kind {
        None => WORDS_ALONE,
        Some(MediaKind::Image) => "image",
        Some(MediaKind::Gif) => "gif",
        Some(MediaKind::Video) => "video",
        Some(MediaKind::Audio) => "audio",
        Some(MediaKind::Document) => "document",
    }
}

/// The number of a name, which is given one where it has none.
fn number_of<T: PartialEq>(names: &mut Vec<T>, name: T) -> usize {
    match names.iter().position(|known| *known == name) {
        Some(at) => at,
        None => {
            names.push(name);
            names.len() - 1
        }
    }
}

/// The brand's posts with their numbers at the age that is learned from. The order of accounts
/// and pillars is that of the configuration.
pub(super) fn gather(
    view: View<'_>,
    config: &Config,
    brand: &Brand,
    now: Timestamp,
) -> Result<Gathered, StoreError> {
    let learn = &brand.strategy.learn;
    let reach = TimeSpan(learn.half_life.0.saturating_mul(HALF_LIVES));
    let own = config
        .accounts
        .values()
        .filter(|account| account.brand == brand.name);
    let mut gathered = Gathered {
        accounts: own.map(|account| account.name.clone()).collect(),
        pillars: brand.strategy.pillars.keys().cloned().collect(),
        ..Gathered::default()
    };
    if gathered.accounts.is_empty() {
        return Ok(gathered);
    }
    let scope = Scope {
        from: now.saturating_sub(reach),
        to: now,
        accounts: gathered.accounts.clone(),
        brand: None,
        at_age: Some(learn.age),
    };
    let (number, scale) = match learn.number {
        LearnNumber::Interactions => (Number::Interactions, 1.0),
        LearnNumber::EngagementRate => (Number::EngagementRate(None), PER_MILLE),
    };
    query::posts(view, config, &scope, |post| {
        let Some(found) = post.get(&number) else {
            return;
        };
        let Some(account) = gathered
            .accounts
            .iter()
            .position(|name| *name == post.record.account)
        else {
            return;
        };
        let age = now.since(post.record.published);
        let named = post.record.pillar.as_deref();
        let known = named.filter(|name| brand.strategy.pillars.contains_key(*name));
        gathered.seen.push(Seen {
            post: post.record.post.0,
            account,
            stretch: (age.0 / STRETCH.0) as usize,
            hour: usize::from(post.hour_of_week().0),
            pillar: number_of(&mut gathered.pillars, known.unwrap_or(NO_PILLAR).to_owned()),
            media: number_of(&mut gathered.media, media_name(post.record.media)),
            value: (scale * found.max(0.0)).ln_1p(),
            weight: 0.5_f64.powf(age.0 as f64 / learn.half_life.0 as f64),
        });
    })?;
    Ok(gathered)
}
