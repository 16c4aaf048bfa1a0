//! A planned slot becomes a post: the generators of its pillar are asked, one after the
//! other, until one has something that every account takes.

use crate::alarm::{self, Cause};
use crate::config::{Brand, Config, GeneratorConfig, Pillar};
use crate::model::{
    Id, NewJob, Origin, PlanState, Planned, Priority, Provenance, Severity, Stocked, Timestamp,
    Work,
};
use crate::publish::Connectors;
use crate::store::{DraftRecord, Store, StoreError, Tx};

use super::accept::{self, Due, NewPost};
use super::brief::Brief;
use super::generate::{Generators, described};
use super::intake::Intake;
use super::{approval, told, utm, warn};

/// Drafts of one generator that are looked at for one slot.
const LOOKED_AT: usize = 8;

/// What became of a planned slot.
#[derive(Clone, Debug, PartialEq)]
pub enum Filled {
    With {
        post: Id,
        generator: String,
    },
    /// Somebody has changed the plan meanwhile: there is nothing to do.
    Gone,
    /// Generator and reason: none of them has something.
    Empty(Vec<(String, String)>),
}

/// The lane in which a brand's slots are filled, one after the other: what one of them took,
/// the next does not get.
pub(crate) fn fill_lane(brand: &str) -> String {
    format!("fill:{brand}")
}

/// Wants a planned slot filled from `due` on.
pub(crate) fn want(
    tx: &mut Tx<'_>,
    planned: &mut Planned,
    due: Timestamp,
    now: Timestamp,
) -> Result<(), StoreError> {
    if let Some(job) = planned.job.take() {
        // One that is under way finds the record changed, and leaves it.
        if !tx.is_leased(job)? {
            tx.complete(job)?;
        }
    }
    planned.state = PlanState::Planned;
    planned.post = None;
    planned.generator = None;
    planned.job = Some(tx.enqueue(
        NewJob {
            lane: fill_lane(&planned.brand),
            priority: Priority::Normal,
            due: due.max(now),
            work: Work::Fill {
                planned: planned.id,
            },
        },
        now,
    )?);
    tx.put_planned(planned)?;
    Ok(())
}

/// Fills a planned slot, if it can be; `job` is the queue's row that wants it.
///
/// # Errors
/// The store's.
pub async fn fill(
    store: &Store,
    config: &Config,
    generators: &dyn Generators,
    connectors: &dyn Connectors,
    planned: &Planned,
    job: Id,
    now: Timestamp,
) -> Result<Filled, StoreError> {
    let known = config.brands.get(&planned.brand).and_then(|brand| {
        let pillar = brand.strategy.pillars.get(&planned.pillar)?;
        Some((brand, pillar))
    });
    let Some((brand, pillar)) = known else {
        let reason = "the brand has no such pillar any more".to_owned();
        return Ok(Filled::Empty(vec![(planned.pillar.clone(), reason)]));
    };
    let mut filling = Filling {
        store,
        config,
        generators,
        connectors,
        brand,
        pillar,
        planned,
        job,
        now,
        refusals: Vec::new(),
    };
    for name in &pillar.generators {
        match config.generators.get(name) {
            Some(generator) => {
                if let Some(filled) = filling.ask(generator).await? {
                    return Ok(filled);
                }
            }
            None => filling.refused(name, "it is not configured any more"),
        }
    }
    Ok(Filled::Empty(filling.refusals))
}

struct Filling<'a> {
    store: &'a Store,
    config: &'a Config,
    generators: &'a dyn Generators,
    connectors: &'a dyn Connectors,
    brand: &'a Brand,
    pillar: &'a Pillar,
    planned: &'a Planned,
    job: Id,
    now: Timestamp,
    refusals: Vec<(String, String)>,
}

/// What one look at a generator's drafts came to.
enum Look {
    Done(Filled),
    /// There was something, and it can't be posted there.
    Rejected(String),
    Nothing,
}

impl Filling<'_> {
    fn refused(&mut self, generator: &str, reason: impl Into<String>) {
        self.refusals.push((generator.to_owned(), reason.into()));
    }

    /// Asks one generator; a second time with the reason where what it gave was rejected.
    /// Where it fails, what it gave before may do.
    async fn ask(&mut self, generator: &GeneratorConfig) -> Result<Option<Filled>, StoreError> {
        self.freshen(generator).await?;
        let mut asked = self.brief(generator)?;
        let mut reason = None;
        for again in [false, true] {
            let fault = self.intake(generator, &asked).await?;
            let failed = fault.is_some();
            match self.look(generator, &asked).await? {
                Look::Done(filled) => return Ok(Some(filled)),
                Look::Rejected(why) => {
                    asked.feedback = Some(why.clone());
                    reason = Some(fault.unwrap_or(why));
                }
                Look::Nothing => {
                    let nothing = || "it has nothing for this slot".to_owned();
                    reason = fault.or(reason).or_else(|| Some(nothing()));
                    break;
                }
            }
            if failed || again {
                break;
            }
        }
        self.refused(&generator.name, reason.unwrap_or_default());
        Ok(None)
    }

    fn brief(&self, generator: &GeneratorConfig) -> Result<Brief, StoreError> {
        let campaign = self.planned.campaign.as_ref();
        let campaign = campaign.and_then(|name| self.brand.strategy.campaigns.get(name));
        let (view, accounts) = (self.store.view(), &self.planned.accounts);
        let history = if self.generators.wants_history(generator) {
            told::history(view, generator, accounts)?
        } else {
            Vec::new()
        };
        let pillar = Some(self.pillar.name.as_str());
        Ok(Brief {
            recent: told::recent(view, accounts)?,
            history,
            topics: told::topics(view, self.config, generator, pillar, self.now)?,
            wanted: 1,
            slot: Some(self.planned.slot),
            pillar: Some(self.pillar.into()),
            campaign: campaign.map(Into::into),
            accounts: self.planned.accounts.clone(),
            feedback: self.planned.feedback.clone(),
            ..Brief::whatever(self.config, generator, self.now)
        })
    }

    /// Generators that find topics for this one are asked anew where that was long ago. One
    /// that fails is logged, and its topics stay as they are.
    async fn freshen(&self, generator: &GeneratorConfig) -> Result<(), StoreError> {
        for other in told::others(self.config, generator) {
            let Some(found) = self.store.view().topics(&other.name)? else {
                continue;
            };
            if self.now.since(found.at) < told::TOPICS_FRESH {
                continue;
            }
            let asked = Brief::whatever(self.config, other, self.now);
            if let Some(fault) = self.intake(other, &asked).await? {
                tracing::warn!(generator = other.name, "topics are not fresh: {fault}");
            }
        }
        Ok(())
    }

    /// What the generator has goes into the store; why it failed, if it did.
    async fn intake(
        &self,
        generator: &GeneratorConfig,
        asked: &Brief,
    ) -> Result<Option<String>, StoreError> {
        let batch = match self.generators.generate(asked.clone()).await {
            Ok(batch) => described(self.config, batch).await,
            Err(fault) => Err(fault),
        };
        let batch = match batch {
            Ok(batch) => batch,
            Err(fault) => return Ok(Some(fault.to_string())),
        };
        let mut intake = Intake::new(
            self.config,
            generator,
            batch.plugin,
            batch.problems,
            self.now,
        );
        intake.brief = Some(asked.remembered());
        let report = self
            .store
            .write(move |tx| {
                intake.topics(tx, batch.topics)?;
                intake.take(tx, batch.drafts, batch.complete)?;
                Ok::<_, StoreError>(intake.report)
            })
            .await?;
        for problem in &report.problems {
            tracing::warn!(generator = generator.name, place = %problem.place, "{}", problem.message);
        }
        Ok(None)
    }

    fn fits(&self, one: &Stocked) -> bool {
        let planned = self.planned;
        let account = one.accounts.is_empty()
            || planned
                .accounts
                .iter()
                .any(|name| one.accounts.contains(name));
        let pillar = one
            .pillar
            .as_ref()
            .is_none_or(|name| *name == planned.pillar);
        let campaign = one.campaign.is_none()
            || planned.campaign.is_none()
            || one.campaign == planned.campaign;
        account && pillar && campaign && one.rejected.is_none()
    }

    /// Of the planned accounts, those that a draft is for.
    fn accounts_of(&self, one: &Stocked) -> Vec<String> {
        let wanted = |name: &&String| one.accounts.is_empty() || one.accounts.contains(name);
        self.planned
            .accounts
            .iter()
            .filter(wanted)
            .cloned()
            .collect()
    }

    async fn look(&self, generator: &GeneratorConfig, asked: &Brief) -> Result<Look, StoreError> {
        let stock = self.store.view().stock(&generator.name)?;
        let mut fitting: Vec<Stocked> = stock.into_iter().filter(|one| self.fits(one)).collect();
        // Those for all of the accounts first, and of these the campaign's own.
        fitting.sort_by_key(|one| {
            let whole = self.accounts_of(one).len() == self.planned.accounts.len();
            let own = one.campaign.is_some() && one.campaign == self.planned.campaign;
            (!whole, !own, one.order)
        });
        let mut rejected = None;
        for one in fitting.into_iter().take(LOOKED_AT) {
            let accounts = self.accounts_of(&one);
            let campaign = one
                .campaign
                .clone()
                .or_else(|| self.planned.campaign.clone());
            let draft = utm::tagged(self.config, &self.brand.name, &campaign, one.draft.clone());
            let new = NewPost {
                draft,
                accounts,
                due: Due::At(self.planned.slot),
                origin: Origin::Generator {
                    name: generator.name.clone(),
                    plugin: one.plugin.clone(),
                    key: one.key.clone(),
                    revision: one.revision.clone(),
                    source: one.source.clone(),
                    provenance: Some(Box::new(Provenance {
                        brief: Some(asked.remembered()),
                        ..one.provenance.as_deref().cloned().unwrap_or_default()
                    })),
                },
                pillar: Some(self.planned.pillar.clone()),
                campaign,
                repeat_after: one.repeat_after,
                round: one.round,
            };
            if let Some(reason) = self.wrong(generator, &one, &new).await? {
                rejected = Some(reason);
                continue;
            }
            if let Some(filled) = self.take(generator, one, new, asked.remembered()).await? {
                return Ok(Look::Done(filled));
            }
        }
        Ok(rejected.map_or(Look::Nothing, Look::Rejected))
    }

    /// Why a draft can't be posted there. What a platform refuses is not offered again
    /// before it changes; what was posted lately may be later.
    async fn wrong(
        &self,
        generator: &GeneratorConfig,
        one: &Stocked,
        new: &NewPost,
    ) -> Result<Option<String>, StoreError> {
        let refused = match super::check(self.config, self.connectors, new).await {
            Ok(problems) => problems
                .into_iter()
                .find(|(_, problem)| problem.severity == Severity::Error)
                .map(|(account, problem)| {
                    format!("{account}: {}: {}", problem.place, problem.message)
                }),
            Err(error) => Some(error.to_string()),
        };
        if let Some(reason) = refused {
            tracing::warn!(
                generator = generator.name,
                draft = one.key,
                "not posted: {reason}"
            );
            let (name, key, why) = (generator.name.clone(), one.key.clone(), reason.clone());
            let revision = one.revision.clone();
            self.store
                .write(move |tx| {
                    if let Some(mut one) = tx.stocked(&name, &key)?
                        && one.revision == revision
                    {
                        one.rejected = Some(why);
                        tx.put_stocked(&name, one)?;
                    }
                    Ok::<_, StoreError>(())
                })
                .await?;
            return Ok(Some(reason));
        }
        for account in new
            .accounts
            .iter()
            .filter_map(|name| self.config.accounts.get(name))
        {
            let slot = Some(self.planned.slot);
            let view = self.store.view();
            let found = warn::neighbours(view, account, &new.draft, slot, None, self.now)?;
            if let Some(same) = found.into_iter().find(|one| one.place == "text") {
                return Ok(Some(format!("{}: {}", account.name, same.message)));
            }
        }
        Ok(None)
    }

    /// The post, its deliveries, the draft's record and the slot's: one batch. None: the
    /// draft is not there any more as it was.
    async fn take(
        &self,
        generator: &GeneratorConfig,
        one: Stocked,
        new: NewPost,
        remembered: String,
    ) -> Result<Option<Filled>, StoreError> {
        let targets = accept::targets(self.config, &new.accounts);
        let names = new.accounts.iter().map(String::as_str);
        let pillar = new.pillar.as_deref();
        let terms = approval::terms(self.config, &new.origin, pillar, names);
        let (name, now, job, id) = (generator.name.clone(), self.now, self.job, self.planned.id);
        let refusals = self.refusals.clone();
        self.store
            .write(move |tx| {
                let Some(mut planned) = tx.planned(id)? else {
                    return Ok(Some(Filled::Gone));
                };
                if !is_wanted(&planned, job) {
                    return Ok(Some(Filled::Gone));
                }
                let there = tx.stocked(&name, &one.key)?;
                if there.is_none_or(|there| there.revision != one.revision) {
                    return Ok(None);
                }
                let left: Vec<String> = planned
                    .accounts
                    .iter()
                    .filter(|account| !new.accounts.contains(account))
                    .cloned()
                    .collect();
                planned.accounts.clone_from(&new.accounts);
                let accepted = accept::accept_in(tx, &targets, new, terms, now)?;
                tx.remove_stocked(&name, &one.key);
                tx.put_draft(
                    &name,
                    &DraftRecord {
                        key: one.key,
                        revision: one.revision,
                        post: accepted.post,
                        round: one.round,
                        withdrawn: false,
                        forgotten: false,
                    },
                )?;
                planned.state = PlanState::Filled;
                planned.post = Some(accepted.post);
                planned.generator = Some(name.clone());
                planned.brief = Some(remembered);
                planned.refusals = refusals;
                planned.job = None;
                tx.put_planned(&mut planned)?;
                if !left.is_empty() {
                    // The draft is not for them: they get another.
                    let mut rest = Planned {
                        id: Id(0),
                        accounts: left,
                        brief: None,
                        refusals: Vec::new(),
                        ..planned.clone()
                    };
                    tx.put_planned(&mut rest)?;
                    want(tx, &mut rest, now, now)?;
                }
                alarm::clear(
                    tx,
                    &Cause::unfilled_key(&planned.brand, &planned.pillar),
                    now,
                )?;
                Ok(Some(Filled::With {
                    post: accepted.post,
                    generator: name,
                }))
            })
            .await
    }
}

/// Whether this row of the queue is the one that fills the slot.
pub(crate) fn is_wanted(planned: &Planned, job: Id) -> bool {
    planned.job == Some(job)
        && matches!(planned.state, PlanState::Planned | PlanState::Failed { .. })
}
