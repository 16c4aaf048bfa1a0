//! Drafts become posts.

use crate::config::{Account, Config};
use crate::model::{Draft, Fault, Id, Origin, Post, Problem, Severity, Terms, TimeSpan, Timestamp};
use crate::publish::{self, Connectors, NewDelivery};
use crate::store::{Store, StoreError, Tx};

use super::{approval, slots};

/// A draft that somebody wants posted.
#[derive(Clone, Debug)]
pub struct NewPost {
    pub draft: Draft,
    /// Names in the configuration; at least one.
    pub accounts: Vec<String>,
    pub due: Due,
    pub origin: Origin,
    pub pillar: Option<String>,
    pub campaign: Option<String>,
    pub repeat_after: Option<TimeSpan>,
    pub round: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    Now,
    At(Timestamp),
    /// The next free slot of each account.
    Slot,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Accepted {
    pub post: Id,
    /// Account, delivery, due time.
    pub deliveries: Vec<(String, Id, Timestamp)>,
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum AcceptError {
    #[error("a post needs an account: name one with `--account`, or in the front matter")]
    NoAccount,
    #[error("there is no account `{name}`{}", suggestion.as_ref().map(|name| format!("; did you mean `{name}`?")).unwrap_or_default())]
    UnknownAccount {
        name: String,
        suggestion: Option<String>,
    },
    #[error("a post needs a text, a picture or a poll")]
    Empty,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is wrong with a post before anything is sent: the accounts that it names, and
/// what each platform says of it. A platform that can't be asked now is asked again when
/// the post is due.
///
/// # Errors
/// An account that does not exist, a post without content.
pub async fn check(
    config: &Config,
    connectors: &dyn Connectors,
    new: &NewPost,
) -> Result<Vec<(String, Problem)>, AcceptError> {
    names(config, new)?;
    let mut problems = Vec::new();
    for name in &new.accounts {
        let Some(account) = config.accounts.get(name) else {
            continue;
        };
        let found = match connectors.connector(name) {
            Ok(connector) => {
                connector
                    .validate(publish::in_words(
                        connector.as_ref(),
                        &new.draft,
                        &account.name,
                        &account.plugin,
                    ))
                    .await
                    .result
            }
            Err(error) => Err(Fault::Transient(error.to_string())),
        };
        match found {
            Ok(found) => problems.extend(found.into_iter().map(|found| (name.clone(), found))),
            Err(Fault::Unsupported(_)) => {}
            Err(fault) => problems.push((
                name.clone(),
                Problem {
                    severity: Severity::Warning,
                    place: "account".to_owned(),
                    message: format!("it can't be checked now: {fault}"),
                },
            )),
        }
    }
    Ok(problems)
}

pub(super) fn names(config: &Config, new: &NewPost) -> Result<(), AcceptError> {
    if new.accounts.is_empty() {
        return Err(AcceptError::NoAccount);
    }
    for name in &new.accounts {
        if !config.accounts.contains_key(name) {
            let near = config
                .accounts
                .keys()
                .map(|known| (strsim::jaro_winkler(known, name), known))
                .filter(|(likeness, _)| *likeness > 0.7)
                .max_by(|(a, _), (b, _)| a.total_cmp(b));
            return Err(AcceptError::UnknownAccount {
                name: name.clone(),
                suggestion: near.map(|(_, known)| known.clone()),
            });
        }
    }
    let draft = &new.draft;
    let has_words = !draft.text.trim().is_empty() || !draft.variants.is_empty();
    if !has_words && draft.media.is_empty() && draft.poll.is_none() && draft.link.is_none() {
        return Err(AcceptError::Empty);
    }
    Ok(())
}

/// Writes the post, its deliveries and their jobs in one batch; on disk when it returns.
///
/// # Errors
/// As [`check`], and the store's.
pub async fn accept(
    store: &Store,
    config: &Config,
    new: NewPost,
    now: Timestamp,
) -> Result<Accepted, AcceptError> {
    names(config, &new)?;
    store.room(config.daemon.keep_free)?;
    let accounts = accounts_of(config, &new);
    let mut new = new;
    if let Some((account, _)) = accounts.first() {
        new.draft = super::utm::tagged(config, &account.brand, &new.campaign, new.draft);
    }
    let names = new.accounts.iter().map(String::as_str);
    let terms = approval::terms(config, &new.origin, new.pillar.as_deref(), names);
    store
        .write(move |tx| accept_in(tx, &accounts, new, terms, now).map_err(AcceptError::from))
        .await
}

/// An account and the zone of its slots.
pub(crate) type Target = (Account, chrono_tz::Tz);

pub(super) fn accounts_of(config: &Config, new: &NewPost) -> Vec<Target> {
    targets(config, &new.accounts)
}

pub(crate) fn targets(config: &Config, names: &[String]) -> Vec<Target> {
    let mut seen = std::collections::BTreeSet::new();
    names
        .iter()
        .filter(|name| seen.insert(name.as_str()))
        .filter_map(|name| config.accounts.get(name))
        .map(|account| {
            let zone = config
                .brands
                .get(&account.brand)
                .map_or(chrono_tz::Tz::UTC, |brand| brand.time_zone);
            (account.clone(), zone)
        })
        .collect()
}

/// `terms`: on which a person lets it out.
pub(crate) fn accept_in(
    tx: &mut Tx<'_>,
    accounts: &[Target],
    new: NewPost,
    terms: Option<Terms>,
    now: Timestamp,
) -> Result<Accepted, StoreError> {
    let mut post = Post {
        id: Id(0),
        draft: new.draft,
        origin: new.origin,
        pillar: new.pillar,
        campaign: new.campaign,
        created_at: now,
        repeat_after: new.repeat_after,
        deliveries: Vec::new(),
        review: None,
        edited_at: None,
    };
    post.id = tx.put_post(post.clone())?;
    let mut deliveries = Vec::new();
    for target in accounts {
        let due = due_time(tx, target, new.due, now)?;
        let one = NewDelivery {
            post: post.id,
            account: &target.0.name,
            due,
            round: new.round,
            pending: terms.is_some(),
        };
        let id = deliver(tx, &mut post, one, now)?;
        deliveries.push((target.0.name.clone(), id, due));
    }
    let id = tx.put_post(post.clone())?;
    if let Some(terms) = terms {
        approval::propose(tx, &mut post, terms, now)?;
    }
    Ok(Accepted {
        post: id,
        deliveries,
    })
}

pub(super) fn due_time(
    tx: &Tx<'_>,
    (account, zone): &Target,
    due: Due,
    now: Timestamp,
) -> Result<Timestamp, StoreError> {
    match due {
        Due::Now => Ok(now),
        Due::At(moment) => Ok(moment),
        Due::Slot => slots::free_slot(tx, account, *zone, now),
    }
}

/// Adds a delivery to a post that is being written.
pub(super) fn deliver(
    tx: &mut Tx<'_>,
    post: &mut Post,
    one: NewDelivery<'_>,
    now: Timestamp,
) -> Result<Id, StoreError> {
    let mut random = [0; 16];
    getrandom::fill(&mut random)
        .map_err(|error| StoreError::Invalid(format!("no random numbers: {error}")))?;
    let id = publish::new_delivery(tx, one, random, now)?;
    post.deliveries.push(id);
    Ok(id)
}
