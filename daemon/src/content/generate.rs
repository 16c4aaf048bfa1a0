//! Generators are asked what they have, and what they gave is brought into the store.

use std::future::Future;
use std::pin::Pin;

use crate::config::{Config, GeneratorConfig};
use crate::media::library::{INDEX, describe_drafts};
use crate::model::{Draft, Fault, Id, Problem, Provenance, Severity, TimeSpan, Timestamp, Topic};
use crate::store::{Store, StoreError};

use super::brief::Brief;
use super::intake::Intake;
use super::{told, warn};

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
    /// Without the brief.
    pub provenance: Option<Provenance>,
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
    /// For the brand's other generators; none: as they were.
    pub topics: Option<Vec<Topic>>,
}

pub type Generating<'a> = Pin<Box<dyn Future<Output = Result<Batch, Fault>> + Send + 'a>>;

/// Calls generator plugins.
pub trait Generators: Send + Sync + 'static {
    fn generate(&self, brief: Brief) -> Generating<'_>;

    /// Whether it is told what was published.
    fn wants_history(&self, _generator: &GeneratorConfig) -> bool {
        false
    }
}

/// What became of one draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Generated {
    New {
        key: String,
        post: Id,
    },
    Updated {
        key: String,
        post: Id,
    },
    Repeated {
        key: String,
        post: Id,
    },
    Withdrawn {
        key: String,
        deliveries: usize,
    },
    /// It waits for a planned slot.
    Stocked {
        key: String,
    },
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
    let room = store.room(config.daemon.keep_free);
    room.map_err(|error| Fault::Transient(error.to_string()))?;
    let broken = |error: StoreError| Fault::Transient(error.to_string());
    let (view, accounts) = (store.view(), &generator.accounts);
    let history = if generators.wants_history(generator) {
        told::history(view, generator, accounts).map_err(broken)?
    } else {
        Vec::new()
    };
    let asked = Brief {
        recent: told::recent(view, accounts).map_err(broken)?,
        history,
        topics: told::topics(view, config, generator, None, now).map_err(broken)?,
        ..Brief::whatever(config, generator, now)
    };
    let remembered = asked.remembered();
    let batch = generators.generate(asked).await?;
    let batch = described(config, batch).await?;
    let mut intake = Intake::new(config, generator, batch.plugin, batch.problems, now);
    intake.brief = Some(remembered);
    let mut report = store
        .write(move |tx| {
            intake.topics(tx, batch.topics)?;
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

/// Files without an alt text get that of the media library.
pub(super) async fn described(config: &Config, mut batch: Batch) -> Result<Batch, Fault> {
    let Some(folder) = config.media.library.clone() else {
        return Ok(batch);
    };
    let described = tokio::task::spawn_blocking(move || {
        let drafts = batch.drafts.iter_mut().map(|draft| &mut draft.draft);
        if let Err(error) = describe_drafts(&folder, drafts) {
            batch.problems.push(Problem {
                severity: Severity::Warning,
                place: INDEX.to_owned(),
                message: format!("alt texts of the media library are missing: {error}"),
            });
        }
        batch
    });
    described
        .await
        .map_err(|error| Fault::Transient(error.to_string()))
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
