//! What a generator gave, brought into the store: new drafts become posts or wait for a
//! planned slot, known ones are updated as long as nothing of them has gone out, withdrawn
//! ones are cancelled.

use std::collections::BTreeSet;

use crate::config::{Config, GeneratorConfig};
use crate::model::{
    Decision, Id, OnDeadline, Origin, Post, Problem, Provenance, State, Stocked, Timestamp, Topic,
    Topics,
};
use crate::publish::{self, NewDelivery};
use crate::store::{DraftRecord, StoreError, Tx};

use super::accept::{self, Due, NewPost, Target};
use super::generate::{Generated, GeneratorDraft, GeneratorDue, Report};
use super::{approval, fill, slots, utm};

/// What a generator gave, on its way into the store.
pub(super) struct Intake {
    pub generator: GeneratorConfig,
    plugin: String,
    zone: chrono_tz::Tz,
    now: Timestamp,
    pub report: Report,
    /// What it was asked, JSON.
    pub brief: Option<String>,
    config: Config,
    /// What has no time of its own waits for a planned slot.
    waits: bool,
}

impl Intake {
    pub fn new(
        config: &Config,
        generator: &GeneratorConfig,
        plugin: String,
        problems: Vec<Problem>,
        now: Timestamp,
    ) -> Self {
        let brand = config.brands.get(&generator.brand);
        Intake {
            generator: generator.clone(),
            plugin,
            zone: brand.map_or(chrono_tz::Tz::UTC, |brand| brand.time_zone),
            now,
            report: Report {
                changes: Vec::new(),
                problems,
            },
            brief: None,
            config: config.clone(),
            waits: brand.is_some_and(|brand| brand.strategy.plans_for(&generator.name)),
        }
    }

    pub fn take(
        &mut self,
        tx: &mut Tx<'_>,
        drafts: Vec<GeneratorDraft>,
        complete: bool,
    ) -> Result<(), StoreError> {
        let mut seen = BTreeSet::new();
        for draft in drafts {
            if !seen.insert(draft.key.clone()) {
                self.problem(&draft, "two drafts have the same key; the first is kept");
                continue;
            }
            self.draft(tx, draft)?;
        }
        if complete {
            self.withdraw(tx, &seen)?;
        }
        Ok(())
    }

    /// What it found for others, in the place of what it found before.
    pub fn topics(&self, tx: &mut Tx<'_>, topics: Option<Vec<Topic>>) -> Result<(), StoreError> {
        match topics {
            Some(topics) => {
                let at = self.now;
                tx.put_topics(&self.generator.name, &Topics { at, topics })
            }
            None => Ok(()),
        }
    }

    /// It was passed over, and is not gone.
    fn is_broken(&self, source: &str) -> bool {
        let mut problems = self.report.problems.iter();
        problems.any(|problem| problem.place == source)
    }

    fn problem(&mut self, draft: &GeneratorDraft, message: impl Into<String>) {
        self.report.problems.push(Problem {
            severity: crate::model::Severity::Error,
            place: draft.source.clone().unwrap_or_else(|| draft.key.clone()),
            message: message.into(),
        });
    }

    fn draft(&mut self, tx: &mut Tx<'_>, draft: GeneratorDraft) -> Result<(), StoreError> {
        let accounts = if draft.accounts.is_empty() {
            self.generator.accounts.clone()
        } else {
            draft.accounts.clone()
        };
        if let Some(unknown) = accounts
            .iter()
            .find(|name| !self.config.accounts.contains_key(*name))
        {
            let message = format!("there is no account `{unknown}`");
            self.problem(&draft, message);
            return Ok(());
        }
        let due = match &draft.due {
            None => Due::Slot,
            Some(GeneratorDue::At(moment)) => Due::At(*moment),
            Some(GeneratorDue::Local(text)) => match slots::resolve_local(text, self.zone) {
                Ok(moment) => Due::At(moment),
                Err(error) => {
                    self.problem(&draft, error.to_string());
                    return Ok(());
                }
            },
        };
        let targets = accept::targets(&self.config, &accounts);
        match tx.draft(&self.generator.name, &draft.key)? {
            None => self.new_post(tx, draft, &targets, due, 0),
            Some(known) => self.known(tx, draft, known, &targets, due),
        }
    }

    fn new_post(
        &mut self,
        tx: &mut Tx<'_>,
        draft: GeneratorDraft,
        targets: &[Target],
        due: Due,
        round: u32,
    ) -> Result<(), StoreError> {
        if self.waits && due == Due::Slot {
            return self.stock(tx, draft, round);
        }
        tx.remove_stocked(&self.generator.name, &draft.key);
        let new = NewPost {
            origin: self.origin(&draft),
            accounts: Vec::new(),
            due,
            pillar: draft.pillar.or_else(|| self.generator.pillar.clone()),
            repeat_after: draft.repeat_after,
            draft: utm::tagged(
                &self.config,
                &self.generator.brand,
                &draft.campaign,
                draft.draft,
            ),
            campaign: draft.campaign,
            round,
        };
        let names = targets.iter().map(|(account, _)| account.name.as_str());
        let terms = approval::terms(&self.config, &new.origin, new.pillar.as_deref(), names);
        let accepted = accept::accept_in(tx, targets, new, terms, self.now)?;
        tx.put_draft(
            &self.generator.name,
            &DraftRecord {
                key: draft.key.clone(),
                revision: draft.revision,
                post: accepted.post,
                round,
                withdrawn: false,
                forgotten: false,
            },
        )?;
        let (key, post) = (draft.key, accepted.post);
        self.report.changes.push(if round == 0 {
            Generated::New { key, post }
        } else {
            Generated::Repeated { key, post }
        });
        Ok(())
    }

    /// Keeps a draft until a planned slot wants it.
    fn stock(
        &mut self,
        tx: &mut Tx<'_>,
        draft: GeneratorDraft,
        round: u32,
    ) -> Result<(), StoreError> {
        let name = &self.generator.name;
        let before = tx.stocked(name, &draft.key)?;
        let same = before
            .as_ref()
            .is_some_and(|before| before.revision == draft.revision && before.round == round);
        if same {
            return Ok(());
        }
        let key = draft.key.clone();
        let provenance = self.provenance(&draft);
        let stocked = Stocked {
            provenance: Some(provenance),
            key: draft.key,
            revision: draft.revision,
            draft: draft.draft,
            accounts: draft.accounts,
            pillar: draft.pillar.or_else(|| self.generator.pillar.clone()),
            campaign: draft.campaign,
            repeat_after: draft.repeat_after,
            source: draft.source,
            plugin: self.plugin.clone(),
            round,
            order: before.map_or(Id(0), |before| before.order),
            rejected: None,
        };
        tx.put_stocked(name, stocked)?;
        self.report.changes.push(Generated::Stocked { key });
        Ok(())
    }

    fn origin(&self, draft: &GeneratorDraft) -> Origin {
        Origin::Generator {
            name: self.generator.name.clone(),
            plugin: self.plugin.clone(),
            key: draft.key.clone(),
            revision: draft.revision.clone(),
            source: draft.source.clone(),
            provenance: Some(self.provenance(draft)),
        }
    }

    fn provenance(&self, draft: &GeneratorDraft) -> Box<Provenance> {
        Box::new(Provenance {
            brief: self.brief.clone(),
            ..draft.provenance.clone().unwrap_or_default()
        })
    }

    fn known(
        &mut self,
        tx: &mut Tx<'_>,
        draft: GeneratorDraft,
        mut known: DraftRecord,
        targets: &[Target],
        due: Due,
    ) -> Result<(), StoreError> {
        let Some(post) = tx.post(known.post)? else {
            // Posted long ago, and not to be posted twice but where it repeats.
            if known.forgotten && draft.repeat_after.is_none() {
                return Ok(());
            }
            return self.new_post(
                tx,
                draft,
                targets,
                due,
                known.round + u32::from(known.forgotten),
            );
        };
        if self.waits && due == Due::Slot && known.withdrawn {
            // Its slot has another post by now.
            return self.stock(tx, draft, known.round);
        }
        let mut deliveries = Vec::new();
        for id in &post.deliveries {
            deliveries.extend(tx.delivery(*id)?);
        }
        if let (Some(span), Some(last)) = (draft.repeat_after, last_published(&deliveries)) {
            let settled = deliveries
                .iter()
                .all(|delivery| delivery.state.is_settled());
            let again = last.saturating_add(span);
            if settled && again <= self.now {
                let due = match due {
                    // The time of its own has passed: it was for the first round.
                    Due::At(moment) if moment > last => Due::At(moment),
                    _ => Due::Slot,
                };
                return self.new_post(tx, draft, targets, due, known.round + 1);
            }
        }
        let untouched = !deliveries.is_empty()
            && deliveries.iter().all(|delivery| {
                waits(delivery) && delivery.first_attempt.is_none() || withdrawn(delivery)
            });
        let changed = known.revision != draft.revision || known.withdrawn;
        if changed && is_turned_down(&post) {
            // It is other than what nobody wanted: somebody is asked anew.
            return self.new_post(tx, draft, targets, due, known.round);
        }
        // What a person wrote stays.
        let edited = post.edited_at.is_some() && !known.withdrawn;
        if !changed || !untouched || edited {
            return Ok(());
        }
        self.update(tx, draft, &mut known, post, targets, due)
    }

    /// The post takes the new words, times and accounts; what is the same stays as it is.
    fn update(
        &mut self,
        tx: &mut Tx<'_>,
        draft: GeneratorDraft,
        known: &mut DraftRecord,
        mut post: Post,
        targets: &[Target],
        due: Due,
    ) -> Result<(), StoreError> {
        let now = self.now;
        let names: Vec<&str> = targets
            .iter()
            .map(|(account, _)| account.name.as_str())
            .collect();
        let origin = self.origin(&draft);
        let pillar = draft.pillar.as_deref().or(post.pillar.as_deref());
        let terms = approval::terms(&self.config, &origin, pillar, names);
        if terms.is_some() && is_taken(tx, &post)? {
            // Nobody has let out what it would become.
            return Ok(());
        }
        // The plan has chosen its accounts and its time, pillar and campaign.
        let placed = self.waits && due == Due::Slot;
        let targets = if placed { &[] } else { targets };
        for id in post.deliveries.clone().into_iter().filter(|_| !placed) {
            let Some(delivery) = tx.delivery(id)? else {
                continue;
            };
            let wanted = targets
                .iter()
                .any(|(account, _)| account.name == delivery.account);
            if !wanted && waits(&delivery) {
                // A worker that has just taken it wins; then it is published as it was.
                let reason = "the account is not among the post's any more".to_owned();
                let _ = publish::cancel_in(tx, id, reason, now);
            }
        }
        for target in targets {
            let mut existing = None;
            for id in &post.deliveries {
                if let Some(delivery) = tx.delivery(*id)?
                    && delivery.account == target.0.name
                    && waits(&delivery)
                {
                    existing = Some(delivery);
                }
            }
            match existing {
                Some(delivery) => {
                    if let Due::At(moment) = due
                        && moment != delivery.due
                    {
                        let _ = publish::move_in(tx, delivery.id, moment, now);
                    }
                }
                None => {
                    let due = accept::due_time(tx, target, due, now)?;
                    let one = NewDelivery {
                        post: post.id,
                        account: &target.0.name,
                        due,
                        round: known.round,
                        pending: terms.is_some(),
                    };
                    accept::deliver(tx, &mut post, one, now)?;
                }
            }
        }
        post.origin = origin;
        let (pillar, campaign) = if placed {
            (
                draft.pillar.or(post.pillar),
                draft.campaign.or(post.campaign),
            )
        } else {
            (
                draft.pillar.or_else(|| self.generator.pillar.clone()),
                draft.campaign,
            )
        };
        post.draft = utm::tagged(&self.config, &self.generator.brand, &campaign, draft.draft);
        post.pillar = pillar;
        post.campaign = campaign;
        post.repeat_after = draft.repeat_after;
        let id = tx.put_post(post.clone())?;
        if let Some(terms) = terms {
            approval::propose(tx, &mut post, terms, now)?;
        }
        known.revision = draft.revision;
        known.withdrawn = false;
        tx.put_draft(&self.generator.name, known)?;
        self.report.changes.push(Generated::Updated {
            key: draft.key,
            post: id,
        });
        Ok(())
    }

    /// A planned slot whose post is withdrawn gets another.
    fn want_another(&self, tx: &mut Tx<'_>, post: Id, slot: Timestamp) -> Result<(), StoreError> {
        for mut planned in tx.planned_between(slot, slot)? {
            if planned.post == Some(post) && planned.slot > self.now {
                fill::want(tx, &mut planned, self.now, self.now)?;
            }
        }
        Ok(())
    }

    fn withdraw(&mut self, tx: &mut Tx<'_>, seen: &BTreeSet<String>) -> Result<(), StoreError> {
        for one in tx.stock(&self.generator.name)? {
            let source = one.source.as_deref().unwrap_or(&one.key);
            if !seen.contains(&one.key) && !self.is_broken(source) {
                tx.remove_stocked(&self.generator.name, &one.key);
                self.report.changes.push(Generated::Withdrawn {
                    key: one.key,
                    deliveries: 0,
                });
            }
        }
        for mut known in tx.drafts(&self.generator.name)? {
            if known.withdrawn || seen.contains(&known.key) {
                continue;
            }
            let Some(post) = tx.post(known.post)? else {
                continue;
            };
            // A source that is broken is passed over, not gone.
            let source = match &post.origin {
                Origin::Generator { source, .. } => source.as_deref().unwrap_or(&known.key),
                Origin::Command | Origin::Alarm { .. } | Origin::Approval { .. } => &known.key,
            };
            if self.is_broken(source) {
                continue;
            }
            let mut cancelled = 0;
            for id in &post.deliveries {
                let Some(delivery) = tx.delivery(*id)? else {
                    continue;
                };
                if waits(&delivery)
                    && publish::cancel_in(tx, *id, WITHDRAWN.to_owned(), self.now).is_ok()
                {
                    cancelled += 1;
                    self.want_another(tx, post.id, delivery.due)?;
                }
            }
            known.withdrawn = true;
            tx.put_draft(&self.generator.name, &known)?;
            if cancelled > 0 {
                self.report.changes.push(Generated::Withdrawn {
                    key: known.key,
                    deliveries: cancelled,
                });
            }
        }
        Ok(())
    }
}

const WITHDRAWN: &str = "its source is gone";

/// Nothing of it has begun.
fn waits(delivery: &crate::model::Delivery) -> bool {
    matches!(delivery.state, State::Waiting | State::Pending)
}

/// A worker has just taken a delivery of it.
fn is_taken(tx: &Tx<'_>, post: &Post) -> Result<bool, StoreError> {
    for id in &post.deliveries {
        if let Some(job) = tx.delivery(*id)?.and_then(|delivery| delivery.job)
            && tx.is_leased(job)?
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Somebody has said no, or nobody yes in time.
fn is_turned_down(post: &Post) -> bool {
    post.review.as_ref().is_some_and(|review| {
        let lapsed = review.terms.on_deadline == OnDeadline::Cancel;
        match review.decision {
            Some(Decision::Rejected { .. }) => true,
            Some(Decision::Lapsed) => lapsed,
            Some(Decision::Approved) | None => false,
        }
    })
}

fn withdrawn(delivery: &crate::model::Delivery) -> bool {
    matches!(&delivery.state, State::Cancelled { reason } if reason == WITHDRAWN)
}

fn last_published(deliveries: &[crate::model::Delivery]) -> Option<Timestamp> {
    deliveries
        .iter()
        .filter(|delivery| delivery.state == State::Published)
        .filter_map(|delivery| delivery.history.last().map(|attempt| attempt.ended))
        .max()
}
