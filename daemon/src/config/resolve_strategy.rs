//! Resolving the strategy of brands: pillars and campaigns find their brand, generators and
//! accounts, and the weekly time table becomes slots.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{NaiveTime, Timelike as _};

use super::raw::{RawAccount, RawBrand};
use super::raw_strategy::{RawCampaign, RawLearn, RawPillar, RawWeek};
use super::reader::Located;
use super::resolve::{Names, Resolver, tables};
use super::strategy_values::{Share, SlotTime};
use super::suggest::did_you_mean;
use super::values::Name;
use super::{
    Account, AccountPlan, Brand, Campaign, Diagnostic, GeneratorConfig, Holiday, Hours,
    LearnConfig, Pillar, PillarKind, Place, Strategy, Voice,
};

/// What `best` stands for where the account names no hours.
const BEST: [(u32, u32); 3] = [(10, 0), (18, 0), (13, 0)];

fn texts(list: &Option<Located<Vec<Located<String>>>>) -> Vec<String> {
    let items = list.iter().flat_map(|list| &list.value);
    items.map(|item| item.value.clone()).collect()
}

/// What stands in the brand's own block.
pub(super) fn strategy(raw: &RawBrand) -> Strategy {
    let default = Strategy::default();
    let voice = raw.voice.as_ref().map(|voice| &voice.value);
    let plan = raw.plan.as_ref().map(|plan| &plan.value);
    Strategy {
        voice: voice.map_or_else(Voice::default, |voice| Voice {
            tone: voice.tone.as_ref().map(|tone| tone.value.clone()),
            examples: texts(&voice.examples),
            taboos: texts(&voice.taboos),
        }),
        audience: raw.audience.as_ref().map(|text| text.value.clone()),
        call_to_action: raw.call_to_action.as_ref().map(|text| text.value.clone()),
        value_share: plan
            .and_then(|plan| plan.value_share.as_ref())
            .map_or(default.value_share, |share| share.value.0),
        window: plan
            .and_then(|plan| plan.window.as_ref())
            .map_or(default.window, |span| span.value.0),
        lead: plan
            .and_then(|plan| plan.lead.as_ref())
            .map_or(default.lead, |span| span.value.0),
        holidays: plan
            .and_then(|plan| plan.holidays.as_ref())
            .map_or_else(Vec::new, |list| -> Vec<Holiday> {
                list.value.iter().map(|day| day.value.0).collect()
            }),
        pillars: BTreeMap::new(),
        campaigns: BTreeMap::new(),
        learn: learn(raw),
    }
}

fn learn(raw: &RawBrand) -> LearnConfig {
    let default = LearnConfig::default();
    let Some(raw) = raw.learn.as_ref().map(|learn| &learn.value) else {
        return default;
    };
    let RawLearn {
        number,
        age,
        half_life,
        explore,
        least_posts,
        false_alarms,
    } = raw;
    let share = |given: &Option<Located<Share>>, default: f64| {
        given.as_ref().map_or(default, |share| share.value.0)
    };
    LearnConfig {
        number: number.as_ref().map_or(default.number, |one| one.value),
        age: age.as_ref().map_or(default.age, |span| span.value.0),
        half_life: half_life
            .as_ref()
            .map_or(default.half_life, |span| span.value.0),
        explore: share(explore, default.explore),
        least_posts: least_posts
            .as_ref()
            .map_or(default.least_posts, |number| number.value.small()),
        false_alarms: share(false_alarms, default.false_alarms),
    }
}

/// The slots of an account: those of its time table after its own, which of them stand for
/// its best hours, and how many of these each day has.
pub(super) fn slots(raw: &RawAccount) -> (Vec<String>, Vec<String>, [u8; 7]) {
    let own = raw.slots.iter().flat_map(|list| &list.value);
    let mut slots: Vec<String> = own.map(|slot| slot.value.0.clone()).collect();
    let mut best = Vec::new();
    let mut per_day = [0_u8; 7];
    let Some(week) = raw.week.as_ref().map(|week| &week.value) else {
        return (slots, best, per_day);
    };
    let RawWeek {
        mon,
        tue,
        wed,
        thu,
        fri,
        sat,
        sun,
        best: given,
    } = week;
    let mut hours: Vec<NaiveTime> = given
        .iter()
        .flat_map(|list| &list.value)
        .map(|time| time.value.0)
        .collect();
    if hours.is_empty() {
        hours.extend(
            BEST.iter()
                .filter_map(|(hour, minute)| NaiveTime::from_hms_opt(*hour, *minute, 0)),
        );
    }
    let days = [
        ("MON", mon),
        ("TUE", tue),
        ("WED", wed),
        ("THU", thu),
        ("FRI", fri),
        ("SAT", sat),
        ("SUN", sun),
    ];
    for ((day, times), count) in days.into_iter().zip(&mut per_day) {
        let times: Vec<SlotTime> = times
            .iter()
            .flat_map(|list| &list.value)
            .map(|time| time.value)
            .collect();
        let cron = |time: NaiveTime| format!("{} {} * * {day}", time.minute(), time.hour());
        let mut taken = BTreeSet::new();
        for time in &times {
            if let SlotTime::At(time) = time
                && taken.insert(*time)
            {
                slots.push(cron(*time));
            }
        }
        let wanted = times.iter().filter(|time| matches!(time, SlotTime::Best));
        for _ in wanted {
            if let Some(time) = hours.iter().copied().find(|time| !taken.contains(time)) {
                taken.insert(time);
                slots.push(cron(time));
                best.push(cron(time));
                *count = count.saturating_add(1);
            }
        }
    }
    (slots, best, per_day)
}

/// What the planner keeps to on an account: its own rules over its brand's.
pub(super) fn account_plan(
    raw: &RawAccount,
    brand: Option<&RawBrand>,
    best: Vec<String>,
    best_per_day: [u8; 7],
) -> AccountPlan {
    let own = raw.plan.as_ref().map(|plan| &plan.value);
    let brands = brand
        .and_then(|brand| brand.plan.as_ref())
        .map(|plan| &plan.value);
    let quiet_hours = own
        .and_then(|plan| plan.quiet_hours.as_ref())
        .or_else(|| brands.and_then(|plan| plan.quiet_hours.as_ref()));
    let best_within = own
        .and_then(|plan| plan.best_within.as_ref())
        .or_else(|| brands.and_then(|plan| plan.best_within.as_ref()));
    let waking = || {
        let (from, to) = AccountPlan::BEST_WITHIN;
        let time = |hour| NaiveTime::from_hms_opt(hour, 0, 0);
        let hours = time(from)
            .zip(time(to))
            .map(|(from, to)| Hours { from, to });
        hours.into_iter().collect()
    };
    let on_holidays = own
        .and_then(|plan| plan.on_holidays.as_ref())
        .or_else(|| brands.and_then(|plan| plan.on_holidays.as_ref()));
    let default = AccountPlan::default();
    AccountPlan {
        per_day: own
            .and_then(|plan| plan.per_day.as_ref())
            .map(|number| number.value.small()),
        least_gap: own
            .and_then(|plan| plan.least_gap.as_ref())
            .map_or(default.least_gap, |span| span.value.0),
        quiet_hours: quiet_hours.map_or_else(Vec::new, |list| -> Vec<Hours> {
            list.value.iter().map(|hours| hours.value.0).collect()
        }),
        on_holidays: on_holidays.map_or(default.on_holidays, |policy| policy.value),
        best,
        best_per_day,
        best_within: best_within.map_or_else(waking, |list| -> Vec<Hours> {
            list.value.iter().map(|hours| hours.value.0).collect()
        }),
    }
}

impl<'a> Resolver<'a> {
    /// Pillars and campaigns, each at its brand.
    pub(super) fn strategies(
        &mut self,
        names: &Names<'a>,
        brands: &mut BTreeMap<String, Brand>,
        accounts: &BTreeMap<String, Account>,
        generators: &BTreeMap<String, GeneratorConfig>,
    ) {
        let files = self.files;
        let mut places = BTreeMap::new();
        for raw in files.iter().flat_map(|file| tables(&file.pillar)) {
            let Some(brand) = self.brand(names, raw.value.brand.as_ref(), raw) else {
                continue;
            };
            let Some(name) = self.own_name("pillar", brand, &raw.value.name, &mut places) else {
                continue;
            };
            let pillar = self.pillar(names, raw, brand, name, accounts, generators);
            if let Some(brand) = brands.get_mut(brand) {
                brand.strategy.pillars.insert(name.to_owned(), pillar);
            }
        }
        for raw in files.iter().flat_map(|file| tables(&file.campaign)) {
            let Some(brand) = self.brand(names, raw.value.brand.as_ref(), raw) else {
                continue;
            };
            let Some(name) = self.own_name("campaign", brand, &raw.value.name, &mut places) else {
                continue;
            };
            let Some(known) = brands.get_mut(brand) else {
                continue;
            };
            if let Some(campaign) = self.campaign(raw, name, &known.strategy) {
                known.strategy.campaigns.insert(name.to_owned(), campaign);
            }
        }
        self.weigh(names, brands);
        self.generators_pillars(names, brands, generators);
    }

    /// A name that no other of the brand has.
    fn own_name(
        &mut self,
        kind: &'static str,
        brand: &'a str,
        name: &'a Option<Located<String>>,
        places: &mut BTreeMap<(&'static str, &'a str, &'a str), &'a Place>,
    ) -> Option<&'a str> {
        let name = name.as_ref()?;
        let key = (kind, brand, name.value.as_str());
        if let Some(first) = places.get(&key) {
            let message = format!(
                "there is another {kind} `{}`, at {}",
                name.value,
                first.short()
            );
            self.error(&name.place, message);
            return None;
        }
        places.insert(key, &name.place);
        Some(&name.value)
    }

    fn pillar(
        &mut self,
        names: &Names<'a>,
        raw: &Located<RawPillar>,
        brand: &str,
        name: &str,
        accounts: &BTreeMap<String, Account>,
        generators: &BTreeMap<String, GeneratorConfig>,
    ) -> Pillar {
        let given = &raw.value;
        let own = |of: Option<&str>| of.is_none_or(|of| of == brand);
        let mut asked: Vec<String> = Vec::new();
        for generator in given.generators.iter().flat_map(|list| &list.value) {
            let Located {
                value: Name(text),
                place,
            } = generator;
            if !self.refer("generator", &generator.value, place, &names.generators) {
                continue;
            }
            let other = generators.get(text).map(|one| one.brand.as_str());
            if !own(other) {
                self.foreign("generator", text, other, "pillar", brand, place);
            } else if asked.contains(text) {
                self.error(place, format!("`{text}` is asked already"));
            } else {
                asked.push(text.clone());
            }
        }
        let mut targets = Vec::new();
        for account in given.accounts.iter().flat_map(|list| &list.value) {
            let Located {
                value: Name(text),
                place,
            } = account;
            if !self.refer("account", &account.value, place, &names.accounts) {
                continue;
            }
            let other = accounts.get(text).map(|one| one.brand.as_str());
            if own(other) {
                targets.push(text.clone());
            } else {
                self.foreign("account", text, other, "pillar", brand, place);
            }
        }
        if asked.is_empty() && given.generators.is_none() {
            self.findings.push(
                Diagnostic::warning("nothing is planned for a pillar without generators")
                    .at(&raw.place)
                    .help("add `generators = [\"NAME\"]`, or leave it to posts by hand"),
            );
        }
        let weight = given
            .weight
            .as_ref()
            .map_or(1, |number| number.value.small());
        let learn = given.learn.as_ref().and_then(|bounds| {
            let least = bounds.value.least.as_ref()?.value.small();
            let most = bounds.value.most.as_ref()?.value.small();
            if !(least..=most).contains(&weight) {
                let message = format!("`weight` is {weight}, and not from {least} to {most}");
                self.error(&bounds.place, message);
            }
            Some((least, most))
        });
        Pillar {
            name: name.to_owned(),
            kind: given
                .kind
                .as_ref()
                .map_or(PillarKind::Value, |kind| kind.value),
            weight,
            learn,
            description: given.description.as_ref().map(|text| text.value.clone()),
            generators: asked,
            accounts: targets,
            approval: self.approval_rule(
                given.approval.as_ref(),
                given.approval_deadline.as_ref(),
                given.on_deadline.as_ref(),
            ),
        }
    }

    fn foreign(
        &mut self,
        kind: &str,
        name: &str,
        other: Option<&str>,
        what: &str,
        brand: &str,
        place: &Place,
    ) {
        let other = other.unwrap_or_default();
        let message =
            format!("the {kind} `{name}` is of the brand `{other}`, the {what} of `{brand}`");
        self.error(place, message);
    }

    fn campaign(
        &mut self,
        raw: &Located<RawCampaign>,
        name: &str,
        strategy: &Strategy,
    ) -> Option<Campaign> {
        let given = &raw.value;
        for pillar in given.pillars.iter().flat_map(|list| &list.value) {
            self.known_pillar(&pillar.value, &pillar.place, strategy, Diagnostic::error);
        }
        let (starts, ends) = (given.starts.as_ref()?, given.ends.as_ref()?);
        if ends.value.0 < starts.value.0 {
            let message = format!(
                "it ends ({}) before it starts ({})",
                ends.value.0, starts.value.0
            );
            self.error(&ends.place, message);
        }
        Some(Campaign {
            name: name.to_owned(),
            goal: given.goal.as_ref()?.value,
            starts: starts.value.0,
            ends: ends.value.0,
            share: given.share.as_ref()?.value.0,
            pillars: texts(&given.pillars),
            link: given.link.as_ref().map(|link| link.value.0.clone()),
            utm: given
                .utm
                .as_ref()
                .map_or_else(Vec::new, |utm| utm.value.0.clone()),
            targets: given
                .targets
                .as_ref()
                .map_or_else(BTreeMap::new, |targets| targets.value.0.clone()),
        })
    }

    fn known_pillar(
        &mut self,
        name: &str,
        place: &Place,
        strategy: &Strategy,
        severity: fn(String) -> Diagnostic,
    ) {
        if self.incomplete || strategy.pillars.contains_key(name) {
            return;
        }
        let known = strategy.pillars.keys().map(String::as_str);
        let help = did_you_mean(name, known.clone()).unwrap_or_else(|| {
            let known: Vec<&str> = known.collect();
            if known.is_empty() {
                "add a `[[pillar]]` with this name".to_owned()
            } else {
                format!("there are: {}", known.join(", "))
            }
        });
        let finding = severity(format!("the brand has no pillar `{name}`"));
        self.findings.push(finding.at(place).help(help));
    }

    /// Shares that no plan can hold.
    fn weigh(&mut self, names: &Names<'a>, brands: &BTreeMap<String, Brand>) {
        for (name, brand) in brands {
            let Some(raw) = names.brands.get(name.as_str()) else {
                continue;
            };
            let strategy = &brand.strategy;
            let has = |kind| strategy.planned().any(|pillar| pillar.kind == kind);
            let plan = raw.value.plan.as_ref();
            let share = plan.and_then(|plan| plan.value.value_share.as_ref());
            let place = share.map_or(&raw.place, |share| &share.place);
            for (kind, word, wanted) in [
                (PillarKind::Value, "value", strategy.value_share > 0.0),
                (PillarKind::Promo, "promo", strategy.value_share < 1.0),
            ] {
                if wanted && strategy.planned().next().is_some() && !has(kind) {
                    self.findings.push(
                        Diagnostic::warning(format!(
                            "`value_share` is {}, and no pillar with generators has the kind \
                             `{word}`",
                            strategy.value_share
                        ))
                        .at(place)
                        .help("all that is planned will be of the other kind"),
                    );
                }
            }
            // The first day of each is when most of them run.
            for campaign in strategy.campaigns.values() {
                let running = strategy
                    .campaigns
                    .values()
                    .filter(|other| other.runs_on(campaign.starts));
                let total: f64 = running.map(|other| other.share).sum();
                if total > 1.0 + 1e-9 {
                    let key = format!("campaign.{}", campaign.name);
                    let message = format!(
                        "the campaigns that run on {} want {:.0} % of the posts",
                        campaign.starts,
                        total * 100.0
                    );
                    let files = self.files;
                    let place = files
                        .iter()
                        .flat_map(|file| tables(&file.campaign))
                        .find(|raw| raw.place.key == key)
                        .and_then(|raw| raw.value.share.as_ref())
                        .map(|share| &share.place);
                    self.error(place.unwrap_or(&raw.place), message);
                    break;
                }
            }
        }
    }

    /// A theme that a generator names is one of the brand's, where it has any.
    fn generators_pillars(
        &mut self,
        names: &Names<'a>,
        brands: &BTreeMap<String, Brand>,
        generators: &BTreeMap<String, GeneratorConfig>,
    ) {
        for (name, raw) in &names.generators {
            let brand = generators.get(*name).and_then(|one| brands.get(&one.brand));
            let (Some(pillar), Some(brand)) = (&raw.value.pillar, brand) else {
                continue;
            };
            if !brand.strategy.pillars.is_empty() {
                self.known_pillar(
                    &pillar.value,
                    &pillar.place,
                    &brand.strategy,
                    Diagnostic::warning,
                );
            }
        }
    }
}
