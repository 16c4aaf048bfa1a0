//! Which posts wait for a person, and what a person may do with them.

use crate::config::{Approval, ApprovalRule, Config, strictest};
use crate::model::{Draft, Id, Origin, Post, Problem, Severity, State, Terms, Timestamp};
use crate::publish::{self, CommandError, Connectors, ReviewError};
use crate::store::{Store, StoreError, Tx};

use super::accept::{self, NewPost};
use super::{Due, utm};

/// On what terms a post to these accounts waits; none: it goes out by itself. Of what the
/// pillar, the generator and the accounts say, the strictest counts, for all of the accounts.
/// A post by hand waits where an account's approval is required, since whoever writes it has
/// seen it already. Alarms never wait.
pub(crate) fn terms<'a>(
    config: &Config,
    origin: &Origin,
    pillar: Option<&str>,
    accounts: impl IntoIterator<Item = &'a str>,
) -> Option<Terms> {
    let accounts: Vec<_> = accounts
        .into_iter()
        .filter_map(|name| config.accounts.get(name))
        .collect();
    let mut rules: Vec<&ApprovalRule> = accounts.iter().map(|one| &one.approval).collect();
    match origin {
        Origin::Alarm { .. } | Origin::Approval { .. } => return None,
        Origin::Command => rules.retain(|rule| rule.approval == Approval::Required),
        Origin::Generator { name, .. } => {
            let generator = config.generators.get(name);
            rules.extend(generator.map(|generator| &generator.approval));
            let brand = generator
                .map(|generator| &generator.brand)
                .or_else(|| accounts.first().map(|account| &account.brand));
            let brand = brand.and_then(|brand| config.brands.get(brand));
            let pillar = pillar.and_then(|name| brand?.strategy.pillars.get(name));
            rules.extend(pillar.map(|pillar| &pillar.approval));
        }
    }
    strictest(rules, config.approval.remind)
}

/// Other words for a post of which nothing has gone out.
#[derive(Clone, Debug)]
pub struct Edit {
    pub post: Id,
    pub text: String,
    /// For this account alone; else for all, instead of all words that it had.
    pub account: Option<String>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Edited {
    Taken(Box<Post>, Vec<(String, Problem)>),
    /// The accounts' platforms would refuse it: the post is as it was.
    Refused(Vec<(String, Problem)>),
}

/// An edit that was checked, and is to be written.
#[derive(Clone, Debug)]
pub struct Revised {
    before: Draft,
    after: Draft,
    id: Id,
}

/// The draft with the new words in it.
fn revised(config: &Config, post: &Post, edit: &Edit, brand: &str) -> Draft {
    let mut draft = post.draft.clone();
    match &edit.account {
        Some(account) => {
            draft.variants.retain(|(name, _)| name != account);
            draft
                .variants
                .insert(0, (account.clone(), edit.text.clone()));
        }
        None => {
            draft.text.clone_from(&edit.text);
            draft.variants.clear();
            draft.thread.clear();
        }
    }
    utm::tagged(config, brand, &post.campaign, draft)
}

/// Asks the accounts' platforms what they say of a post in other words. `connectors`: none
/// where no plugin is loaded; then the post is checked when it is due, as any other.
///
/// # Errors
/// There is no such post, or something of it has gone out; it is not on that account.
pub async fn check_edit(
    store: &Store,
    config: &Config,
    connectors: Option<&dyn Connectors>,
    edit: &Edit,
) -> Result<(Revised, Vec<(String, Problem)>), ReviewError> {
    let view = store.view();
    let Some(post) = view.post(edit.post)? else {
        return Err(ReviewError::Missing(edit.post));
    };
    let mut accounts = Vec::new();
    for id in &post.deliveries {
        let Some(delivery) = view.delivery(*id)? else {
            continue;
        };
        may_change(&post, &delivery)?;
        if matches!(delivery.state, State::Pending | State::Waiting) {
            accounts.push(delivery.account);
        }
    }
    if accounts.is_empty() {
        let message = format!("nothing of post {} is to go out any more", post.id);
        return Err(ReviewError::Refused(message));
    }
    if let Some(account) = &edit.account
        && !accounts.contains(account)
    {
        let message = format!(
            "post {} is not for account `{account}`: it is for {}",
            post.id,
            accounts.join(", ")
        );
        return Err(ReviewError::Refused(message));
    }
    let brand = accounts.first().and_then(|name| config.accounts.get(name));
    let brand = brand.map(|account| account.brand.clone());
    let draft = revised(config, &post, edit, &brand.unwrap_or_default());
    let new = NewPost {
        draft: draft.clone(),
        accounts,
        due: Due::Now,
        origin: post.origin.clone(),
        pillar: None,
        campaign: None,
        repeat_after: None,
        round: 0,
    };
    let problems = match connectors {
        Some(connectors) => accept::check(config, connectors, &new).await,
        None => accept::names(config, &new).map(|()| Vec::new()),
    };
    let problems = problems.map_err(|error| ReviewError::Refused(error.to_string()))?;
    let revised = Revised {
        before: post.draft,
        after: draft,
        id: post.id,
    };
    Ok((revised, problems))
}

/// Whether a platform would refuse it.
pub fn is_refused(problems: &[(String, Problem)]) -> bool {
    problems
        .iter()
        .any(|(_, problem)| problem.severity == Severity::Error)
}

/// Writes an edit that was checked. The post waits for a person as it did before.
///
/// # Errors
/// The post was changed, or begun, since it was checked.
pub(crate) fn write_edit(
    tx: &mut Tx<'_>,
    revised: Revised,
    now: Timestamp,
) -> Result<Post, ReviewError> {
    let Some(mut post) = tx.post(revised.id)? else {
        return Err(ReviewError::Missing(revised.id));
    };
    let again = || ReviewError::Refused(format!("post {} was changed just now", revised.id));
    if post.draft != revised.before {
        return Err(again());
    }
    for id in &post.deliveries {
        let Some(delivery) = tx.delivery(*id)? else {
            continue;
        };
        may_change(&post, &delivery)?;
        let leased = match delivery.job.filter(|_| delivery.state == State::Waiting) {
            Some(job) => tx.is_leased(job)?,
            None => false,
        };
        if leased {
            let message = format!("delivery {id} of post {} is being published", post.id);
            return Err(ReviewError::Refused(message));
        }
    }
    post.draft = revised.after;
    post.edited_at = Some(now);
    // Whoever has the say has seen other words.
    if let Some(review) = &mut post.review {
        review.message = None;
    }
    tx.put_post(post.clone())?;
    publish::consult(tx, now)?;
    Ok(post)
}

fn may_change(post: &Post, delivery: &crate::model::Delivery) -> Result<(), ReviewError> {
    let begun = delivery.first_attempt.is_some() || delivery.progress.is_some();
    let over = matches!(
        delivery.state,
        State::Cancelled { .. } | State::Missed { .. } | State::Failed { .. }
    );
    let untouched = matches!(delivery.state, State::Pending | State::Waiting) && !begun;
    if over || untouched {
        return Ok(());
    }
    let (id, state) = (delivery.id, delivery.state.name());
    Err(ReviewError::Refused(format!(
        "post {} can't be changed any more: its delivery {id} is {state}",
        post.id
    )))
}

/// Changes the words of a post, where its platforms take them.
///
/// # Errors
/// As [`check_edit`].
pub async fn edit(
    store: &Store,
    config: &Config,
    connectors: Option<&dyn Connectors>,
    edit: &Edit,
    now: Timestamp,
) -> Result<Edited, ReviewError> {
    let (revised, problems) = check_edit(store, config, connectors, edit).await?;
    if is_refused(&problems) {
        return Ok(Edited::Refused(problems));
    }
    let post = store.write(move |tx| write_edit(tx, revised, now)).await?;
    Ok(Edited::Taken(Box::new(post), problems))
}

/// Asks for a post that is new, or has other words.
///
/// # Errors
/// The store's.
pub(super) fn propose(
    tx: &mut Tx<'_>,
    post: &mut Post,
    terms: Terms,
    now: Timestamp,
) -> Result<(), StoreError> {
    publish::propose(tx, post, terms, now).map_err(|error| match error {
        CommandError::Store(error) => error,
        error => StoreError::Invalid(error.to_string()),
    })
}
