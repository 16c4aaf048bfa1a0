//! What a plan costs: how far it is from the shares that the brand wants, slot by slot.
//! docs/planning.md has the formulas. Less is better.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::AddAssign;

use chrono::{NaiveDate, NaiveTime};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::config::{Brand, Pillar, PillarKind};
use crate::content::local_moment;
use crate::model::{TimeSpan, Timestamp};

use super::history::Counted;
use super::slots::Opening;
use super::{Alternative, Choice};

/// How much each part counts.
const RATIO: f64 = 4.0;
/// Of the ratio, what lies beyond one post.
const BEYOND: f64 = 100.0;
const WEIGHTS: f64 = 1.0;
const ACCOUNTS: f64 = 0.25;
const AGAIN: f64 = 2.0;
const NEARLY_AGAIN: f64 = 0.5;
const CAMPAIGNS: f64 = 2.0;
const WHIM: f64 = 0.05;

/// The parts of a plan's cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// Value and promo, in the rolling window.
    pub ratio: f64,
    /// Pillars against others of their kind.
    pub weights: f64,
    /// The ratio on each account alone.
    pub accounts: f64,
    /// A pillar that comes again at once.
    pub spacing: f64,
    /// Campaigns against their shares.
    pub campaigns: f64,
    /// By the seed: decides between equals.
    pub whim: f64,
}

impl Cost {
    pub fn total(&self) -> f64 {
        let Cost {
            ratio,
            weights,
            accounts,
            spacing,
            campaigns,
            whim,
        } = self;
        ratio + weights + accounts + spacing + campaigns + whim
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.2} = ratio {:.2} + weights {:.2} + accounts {:.2} + spacing {:.2} + campaigns {:.2} \
             + whim {:.2}",
            self.total(),
            self.ratio,
            self.weights,
            self.accounts,
            self.spacing,
            self.campaigns,
            self.whim
        )
    }
}

impl AddAssign for Cost {
    fn add_assign(&mut self, other: Cost) {
        self.ratio += other.ratio;
        self.weights += other.weights;
        self.accounts += other.accounts;
        self.spacing += other.spacing;
        self.campaigns += other.campaigns;
        self.whim += other.whim;
    }
}

/// What a slot may get: numbers of a pillar and a campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Take {
    pillar: usize,
    campaign: Option<usize>,
}

struct PillarOf {
    name: String,
    promo: bool,
    /// Among those of its kind.
    share: f64,
    generators: Vec<String>,
}

struct CampaignOf {
    name: String,
    share: f64,
    from: Timestamp,
    to: Timestamp,
}

impl CampaignOf {
    fn runs_at(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.to
    }
}

struct Slot {
    at: Timestamp,
    names: Vec<String>,
    hours: BTreeMap<String, String>,
    options: Vec<Take>,
    /// Of each option.
    whims: Vec<f64>,
}

/// What stands already, or a slot.
enum What {
    Stands {
        pillar: Option<usize>,
        promo: bool,
        campaign: Option<usize>,
    },
    Slot(usize),
}

struct Event {
    at: Timestamp,
    accounts: Vec<usize>,
    what: What,
}

/// An assignment to be made.
pub(super) struct Problem {
    window: TimeSpan,
    promo_share: f64,
    pillars: Vec<PillarOf>,
    campaigns: Vec<CampaignOf>,
    slots: Vec<Slot>,
    /// In the order of time.
    events: Vec<Event>,
    accounts: usize,
}

/// The counts at one moment of a walk through the events.
struct Counts {
    all: f64,
    promo: f64,
    pillars: Vec<f64>,
    /// Posts of a pillar, by kind.
    kinds: [f64; 2],
    /// All and promo, by account.
    accounts: Vec<(f64, f64)>,
    /// Of the campaign, and all while it ran.
    campaigns: Vec<(f64, f64)>,
}

impl Problem {
    /// `weights` stand before those of the configuration.
    pub fn new(
        brand: &Brand,
        openings: &[Opening],
        counted: &[Counted],
        weights: &BTreeMap<String, f64>,
        seed: u64,
    ) -> Self {
        let strategy = &brand.strategy;
        let own = |one: &Pillar| {
            let given = weights.get(&one.name).copied();
            given.unwrap_or(f64::from(one.weight))
        };
        let weight = |kind: PillarKind| -> f64 {
            let all = strategy.planned().filter(|one| one.kind == kind);
            all.map(own).sum()
        };
        let pillars: Vec<PillarOf> = strategy
            .planned()
            .map(|one| PillarOf {
                name: one.name.clone(),
                promo: one.kind == PillarKind::Promo,
                share: own(one) / weight(one.kind),
                generators: one.generators.clone(),
            })
            .collect();
        let campaigns: Vec<CampaignOf> = strategy
            .campaigns
            .values()
            .map(|one| CampaignOf {
                name: one.name.clone(),
                share: one.share,
                from: midnight(one.starts, brand.time_zone),
                to: one
                    .ends
                    .succ_opt()
                    .map_or(Timestamp::MAX, |day| midnight(day, brand.time_zone)),
            })
            .collect();
        let mut accounts: Vec<&str> = openings
            .iter()
            .flat_map(|one| &one.accounts)
            .chain(counted.iter().flat_map(|one| &one.accounts))
            .map(String::as_str)
            .collect();
        accounts.sort_unstable();
        accounts.dedup();
        let numbers = |names: &[String]| -> Vec<usize> {
            names
                .iter()
                .filter_map(|name| accounts.binary_search(&name.as_str()).ok())
                .collect()
        };
        let mut problem = Problem {
            window: strategy.window,
            promo_share: 1.0 - strategy.value_share,
            campaigns,
            slots: Vec::new(),
            events: Vec::new(),
            accounts: accounts.len(),
            pillars,
        };
        for one in counted {
            let pillar = one.pillar.as_ref();
            let campaign = one.campaign.as_ref();
            problem.events.push(Event {
                at: one.at,
                accounts: numbers(&one.accounts),
                what: What::Stands {
                    pillar: problem
                        .pillars
                        .iter()
                        .position(|known| Some(&known.name) == pillar),
                    promo: one.promotional,
                    campaign: problem
                        .campaigns
                        .iter()
                        .position(|known| Some(&known.name) == campaign),
                },
            });
        }
        for opening in openings {
            for (pillars, names) in alike(brand, &problem.pillars, &opening.accounts) {
                let number = problem.slots.len();
                problem.events.push(Event {
                    at: opening.at,
                    accounts: numbers(&names),
                    what: What::Slot(number),
                });
                let slot = problem.slot(brand, opening, names, &pillars, seed);
                problem.slots.push(slot);
            }
        }
        // Stable: what stands comes before slots of the same moment.
        problem.events.sort_by_key(|event| event.at);
        problem
    }

    fn slot(
        &self,
        brand: &Brand,
        opening: &Opening,
        names: Vec<String>,
        pillars: &[usize],
        seed: u64,
    ) -> Slot {
        let at = opening.at;
        let mut options = Vec::new();
        for pillar in pillars.iter().copied() {
            options.push(Take {
                pillar,
                campaign: None,
            });
            for (number, campaign) in self.campaigns.iter().enumerate() {
                let suits = brand
                    .strategy
                    .campaigns
                    .get(&campaign.name)
                    .is_some_and(|one| one.suits(&self.pillars[pillar].name));
                if suits && campaign.runs_at(at) {
                    options.push(Take {
                        pillar,
                        campaign: Some(number),
                    });
                }
            }
        }
        let whims = options
            .iter()
            .map(|take| {
                let campaign = take.campaign.map(|one| self.campaigns[one].name.as_str());
                let pillar = &self.pillars[take.pillar].name;
                let text = format!("{seed} {at} {names:?} {pillar} {campaign:?}");
                let hash = blake3::hash(text.as_bytes());
                WHIM * f64::from(hash.as_bytes()[0]) / 256.0
            })
            .collect();
        let own = |(name, _): &(&String, &String)| names.contains(name);
        let hours = opening.hours.iter().filter(own);
        Slot {
            at,
            hours: hours
                .map(|(name, why)| (name.clone(), why.clone()))
                .collect(),
            names,
            options,
            whims,
        }
    }

    pub fn len(&self) -> usize {
        self.slots.len()
    }

    pub fn options(&self, slot: usize) -> &[Take] {
        &self.slots[slot].options
    }

    pub fn total(&self, plan: &[Option<Take>]) -> f64 {
        self.cost(plan).total()
    }

    /// The sum over the slots that have something; each is judged by all that lies before it
    /// in its window.
    fn cost(&self, plan: &[Option<Take>]) -> Cost {
        let mut cost = Cost::default();
        let mut counts = Counts {
            all: 0.0,
            promo: 0.0,
            pillars: vec![0.0; self.pillars.len()],
            kinds: [0.0; 2],
            accounts: vec![(0.0, 0.0); self.accounts],
            campaigns: vec![(0.0, 0.0); self.campaigns.len()],
        };
        let mut last: Vec<[Option<usize>; 2]> = vec![[None; 2]; self.accounts];
        let mut oldest = 0;
        for event in &self.events {
            while self.events[oldest].at <= event.at.saturating_sub(self.window) {
                self.count(&self.events[oldest], plan, &mut counts, -1.0);
                oldest += 1;
            }
            if !self.count(event, plan, &mut counts, 1.0) {
                continue;
            }
            let (pillar, slot) = match event.what {
                What::Stands { pillar, .. } => (pillar, None),
                What::Slot(slot) => (plan[slot].map(|take| take.pillar), Some(slot)),
            };
            if let Some(slot) = slot {
                cost += self.judge(event, &counts);
                let found = plan[slot]
                    .and_then(|take| self.slots[slot].options.iter().position(|one| *one == take));
                cost.whim += found.map_or(0.0, |option| self.slots[slot].whims[option]);
                cost.spacing += spacing(&event.accounts, &last, pillar);
            }
            for account in &event.accounts {
                last[*account] = [pillar, last[*account][0]];
            }
        }
        cost
    }

    /// Counts an event in, or out again; false where it is a slot without anything.
    fn count(&self, event: &Event, plan: &[Option<Take>], counts: &mut Counts, sign: f64) -> bool {
        let (pillar, promo, campaign) = match &event.what {
            What::Stands {
                pillar,
                promo,
                campaign,
            } => (*pillar, *promo, *campaign),
            What::Slot(slot) => match plan[*slot] {
                Some(take) => (
                    Some(take.pillar),
                    self.pillars[take.pillar].promo,
                    take.campaign,
                ),
                None => return false,
            },
        };
        let sold = if promo { sign } else { 0.0 };
        counts.all += sign;
        counts.promo += sold;
        if let Some(pillar) = pillar {
            counts.pillars[pillar] += sign;
            counts.kinds[usize::from(self.pillars[pillar].promo)] += sign;
        }
        for account in &event.accounts {
            counts.accounts[*account].0 += sign;
            counts.accounts[*account].1 += sold;
        }
        for (number, known) in self.campaigns.iter().enumerate() {
            if known.runs_at(event.at) {
                counts.campaigns[number].1 += sign;
                if campaign == Some(number) {
                    counts.campaigns[number].0 += sign;
                }
            }
        }
        true
    }

    fn judge(&self, event: &Event, counts: &Counts) -> Cost {
        let off = (counts.promo - self.promo_share * counts.all).abs();
        let beyond = (off - 1.0).max(0.0);
        let weights: f64 = self
            .pillars
            .iter()
            .zip(&counts.pillars)
            .map(|(pillar, count)| {
                let off = count - pillar.share * counts.kinds[usize::from(pillar.promo)];
                off * off
            })
            .sum();
        let accounts: f64 = event
            .accounts
            .iter()
            .map(|account| {
                let (all, promo) = counts.accounts[*account];
                let off = promo - self.promo_share * all;
                off * off
            })
            .sum();
        let campaigns: f64 = self
            .campaigns
            .iter()
            .zip(&counts.campaigns)
            .filter(|(campaign, _)| campaign.runs_at(event.at))
            .map(|(campaign, (own, all))| {
                let off = own - campaign.share * all;
                off * off
            })
            .sum();
        Cost {
            ratio: RATIO * off * off + BEYOND * beyond * beyond,
            weights: WEIGHTS * weights / self.pillars.len().max(1) as f64,
            accounts: ACCOUNTS * accounts / event.accounts.len().max(1) as f64,
            campaigns: CAMPAIGNS * campaigns,
            ..Cost::default()
        }
    }

    /// The plan in words, with the runner-up of each slot.
    pub fn explain(&self, plan: &[Option<Take>]) -> Vec<Choice> {
        let cost = self.cost(plan);
        let mut trial = plan.to_vec();
        let mut choices = Vec::new();
        for (number, slot) in self.slots.iter().enumerate() {
            let Some(take) = plan[number] else {
                continue;
            };
            let mut second: Option<(Take, Cost)> = None;
            for option in slot.options.iter().filter(|option| **option != take) {
                trial[number] = Some(*option);
                let other = self.cost(&trial);
                if second.is_none_or(|(_, least)| other.total() < least.total()) {
                    second = Some((*option, other));
                }
            }
            trial[number] = Some(take);
            let campaign = |take: Take| take.campaign.map(|one| self.campaigns[one].name.clone());
            let pillar = &self.pillars[take.pillar];
            choices.push(Choice {
                id: None,
                slot: slot.at,
                accounts: slot.names.clone(),
                hours: slot.hours.clone(),
                pillar: pillar.name.clone(),
                promotional: pillar.promo,
                campaign: campaign(take),
                generators: pillar.generators.clone(),
                cost,
                runner_up: second.map(|(option, cost)| Alternative {
                    pillar: self.pillars[option.pillar].name.clone(),
                    campaign: campaign(option),
                    cost,
                }),
            });
        }
        choices
    }
}

/// The accounts of an opening by the pillars that they may have: each group gets one post.
fn alike(
    brand: &Brand,
    pillars: &[PillarOf],
    accounts: &[String],
) -> Vec<(Vec<usize>, Vec<String>)> {
    let mut groups: Vec<(Vec<usize>, Vec<String>)> = Vec::new();
    for account in accounts {
        let fit: Vec<usize> = (0..pillars.len())
            .filter(|number| {
                let pillar = brand.strategy.pillars.get(&pillars[*number].name);
                pillar.is_some_and(|pillar| pillar.takes(account))
            })
            .collect();
        if fit.is_empty() {
            continue;
        }
        match groups.iter_mut().find(|(known, _)| *known == fit) {
            Some((_, names)) => names.push(account.clone()),
            None => groups.push((fit, vec![account.clone()])),
        }
    }
    groups
}

fn spacing(accounts: &[usize], last: &[[Option<usize>; 2]], pillar: Option<usize>) -> f64 {
    let total: f64 = accounts
        .iter()
        .map(|account| {
            let [before, earlier] = last[*account];
            let again = if before == pillar { AGAIN } else { 0.0 };
            let nearly = if earlier == pillar { NEARLY_AGAIN } else { 0.0 };
            again + nearly
        })
        .sum();
    total / accounts.len().max(1) as f64
}

fn midnight(day: NaiveDate, zone: Tz) -> Timestamp {
    local_moment(day.and_time(NaiveTime::MIN), zone).unwrap_or(Timestamp::MAX)
}
