//! What a generator gave, brought into the store: new drafts become posts, known ones are
//! updated as long as nothing of them has gone out, withdrawn ones are cancelled.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;

use crate::config::{Config, GeneratorConfig};
use crate::model::{Draft, Fault, Id, Origin, Post, Problem, State, TimeSpan, Timestamp};
use crate::publish;
use crate::store::{DraftRecord, Store, StoreError, Tx};

use super::accept::{self, Due, NewPost, Target};
use super::{slots, warn};

/// What a generator is asked.
#[derive(Clone, Debug)]
pub struct Brief {
    pub generator: GeneratorConfig,
    pub languages: Vec<String>,
    pub time_zone: chrono_tz::Tz,
    pub now: Timestamp,
    pub hashtags: Vec<String>,
    /// Texts that were published lately, newest first.
    pub recent: Vec<String>,
}

/// A draft as the plugin gave it; media are files that it may see.
#[derive(Clone, Debug, PartialEq)]
pub struct GeneratorDraft {
    pub key: String,
    pub revision: String,
    pub draft: Draft,
    pub accounts: Vec<String>,
    pub pillar: Option<String>,
    pub campaign: Option<String>,
    pub due: Option<GeneratorDue>,
    pub repeat_after: Option<TimeSpan>,
    pub source: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GeneratorDue {
    At(Timestamp),
    /// By the wall clock of the brand's zone.
    Local(String),
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// Plugin and version.
    pub plugin: String,
    pub drafts: Vec<GeneratorDraft>,
    pub complete: bool,
    pub problems: Vec<Problem>,
}

pub type Generating<'a> = Pin<Box<dyn Future<Output = Result<Batch, Fault>> + Send + 'a>>;

/// Calls generator plugins.
pub trait Generators: Send + Sync + 'static {
    fn generate(&self, brief: Brief) -> Generating<'_>;
}

/// What became of one draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Generated {
    New { key: String, post: Id },
    Updated { key: String, post: Id },
    Repeated { key: String, post: Id },
    Withdrawn { key: String, deliveries: usize },
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    pub changes: Vec<Generated>,
    pub problems: Vec<Problem>,
}

/// Asks a generator what it has, and takes it on: one durable batch.
///
/// # Errors
/// The plugin's fault; what it gave before is as it was.
pub async fn run(
    store: &Store,
    config: &Config,
    generators: &dyn Generators,
    name: &str,
    now: Timestamp,
) -> Result<Report, Fault> {
    let Some(generator) = config.generators.get(name) else {
        return Err(Fault::Invalid(format!(
            "generator `{name}` is not configured"
        )));
    };
    let (languages, time_zone, hashtags) = config.brands.get(&generator.brand).map_or_else(
        || (Vec::new(), chrono_tz::Tz::UTC, Vec::new()),
        |brand| {
            (
                brand.languages.clone(),
                brand.time_zone,
                brand.hashtags.clone(),
            )
        },
    );
    let room = store.room(config.daemon.keep_free);
    room.map_err(|error| Fault::Transient(error.to_string()))?;
    let recent = recent(store, generator).map_err(|error| Fault::Transient(error.to_string()))?;
    let batch = generators
        .generate(Brief {
            generator: generator.clone(),
            languages,
            time_zone,
            now,
            hashtags,
            recent,
        })
        .await?;
    let mut intake = Intake {
        generator: generator.clone(),
        plugin: batch.plugin,
        zone: time_zone,
        now,
        report: Report {
            changes: Vec::new(),
            problems: batch.problems,
        },
        config: config.clone(),
    };
    let mut report = store
        .write(move |tx| {
            intake.take(tx, batch.drafts, batch.complete)?;
            Ok::<_, StoreError>(intake.report)
        })
        .await
        .map_err(|error| Fault::Transient(error.to_string()))?;
    warn(store, config, &mut report, now).map_err(|error| Fault::Transient(error.to_string()))?;
    for problem in &report.problems {
        tracing::warn!(generator = name, place = %problem.place, "{}", problem.message);
    }
    for change in &report.changes {
        tracing::info!(generator = name, ?change, "content");
    }
    Ok(report)
}

/// Adds what is worth knowing of the new posts.
fn warn(
    store: &Store,
    config: &Config,
    report: &mut Report,
    now: Timestamp,
) -> Result<(), StoreError> {
    let view = store.view();
    for change in &report.changes {
        let (Generated::New { key, post } | Generated::Updated { key, post }) = change else {
            continue;
        };
        let Some(post) = view.post(*post)? else {
            continue;
        };
        for id in &post.deliveries {
            let Some(delivery) = view.delivery(*id)? else {
                continue;
            };
            let Some(account) = config.accounts.get(&delivery.account) else {
                continue;
            };
            let due = Some(delivery.due);
            let found = warn::neighbours(view, account, &post.draft, due, Some(post.id), now)?;
            report
                .problems
                .extend(found.into_iter().map(|found| Problem {
                    place: key.clone(),
                    message: format!("{}: {}", account.name, found.message),
                    ..found
                }));
        }
    }
    Ok(())
}

/// Texts of the generator's accounts that went out in the last weeks.
fn recent(store: &Store, generator: &GeneratorConfig) -> Result<Vec<String>, StoreError> {
    const MOST: usize = 30;
    let view = store.view();
    let mut texts = Vec::new();
    for post in view.latest_posts(200)? {
        let mut published = false;
        for id in &post.deliveries {
            published |= view.delivery(*id)?.is_some_and(|delivery| {
                delivery.state == State::Published && generator.accounts.contains(&delivery.account)
            });
        }
        if published {
            texts.push(post.draft.text);
            if texts.len() == MOST {
                break;
            }
        }
    }
    Ok(texts)
}

struct Intake {
    generator: GeneratorConfig,
    plugin: String,
    zone: chrono_tz::Tz,
    now: Timestamp,
    report: Report,
    config: Config,
}

impl Intake {
    fn take(
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
        let new = NewPost {
            origin: self.origin(&draft),
            accounts: Vec::new(),
            due,
            pillar: draft.pillar.or_else(|| self.generator.pillar.clone()),
            campaign: draft.campaign,
            repeat_after: draft.repeat_after,
            draft: draft.draft,
            round,
        };
        let accepted = accept::accept_in(tx, targets, new, self.now)?;
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

    fn origin(&self, draft: &GeneratorDraft) -> Origin {
        Origin::Generator {
            name: self.generator.name.clone(),
            plugin: self.plugin.clone(),
            key: draft.key.clone(),
            revision: draft.revision.clone(),
            source: draft.source.clone(),
        }
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
                matches!(delivery.state, State::Waiting) && delivery.first_attempt.is_none()
                    || withdrawn(delivery)
            });
        let changed = known.revision != draft.revision || known.withdrawn;
        if !changed || !untouched {
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
        for id in post.deliveries.clone() {
            let Some(delivery) = tx.delivery(id)? else {
                continue;
            };
            let wanted = targets
                .iter()
                .any(|(account, _)| account.name == delivery.account);
            if !wanted && delivery.state == State::Waiting {
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
                    && delivery.state == State::Waiting
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
                    accept::deliver(tx, &mut post, &target.0.name, due, known.round, now)?;
                }
            }
        }
        post.origin = self.origin(&draft);
        post.draft = draft.draft;
        post.pillar = draft.pillar.or_else(|| self.generator.pillar.clone());
        post.campaign = draft.campaign;
        post.repeat_after = draft.repeat_after;
        let id = tx.put_post(post)?;
        known.revision = draft.revision;
        known.withdrawn = false;
        tx.put_draft(&self.generator.name, known)?;
        self.report.changes.push(Generated::Updated {
            key: draft.key,
            post: id,
        });
        Ok(())
    }

    fn withdraw(&mut self, tx: &mut Tx<'_>, seen: &BTreeSet<String>) -> Result<(), StoreError> {
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
                Origin::Command | Origin::Alarm { .. } => &known.key,
            };
            if self
                .report
                .problems
                .iter()
                .any(|problem| problem.place == source)
            {
                continue;
            }
            let mut cancelled = 0;
            for id in post.deliveries {
                let waits = tx
                    .delivery(id)?
                    .is_some_and(|delivery| delivery.state == State::Waiting);
                if waits && publish::cancel_in(tx, id, WITHDRAWN.to_owned(), self.now).is_ok() {
                    cancelled += 1;
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
