//! `jarchi approve`, `edit`, `reject` and `approval list`.

use serde::{Deserialize, Serialize};

use crate::content::{self, Edit, Edited};
use crate::model::{Decision, Id, OnDeadline, Post, Problem, State, Timestamp};
use crate::plan;
use crate::publish::{self, ReviewError};
use crate::store::DeliveryFilter;

use super::answers::{beginning, local};
use super::{Api, ApiError, DeliveryLine};

/// A post that waits for a person.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReviewLine {
    pub post: Id,
    pub accounts: Vec<String>,
    /// Of the first of its deliveries.
    pub due: Timestamp,
    pub due_local: String,
    pub deadline: Timestamp,
    pub deadline_local: String,
    /// It is never published without a yes.
    pub required: bool,
    pub on_deadline: OnDeadline,
    pub pillar: Option<String>,
    pub campaign: Option<String>,
    /// What made it.
    pub source: String,
    /// The beginning of the text.
    pub text: String,
    /// Files.
    pub media: usize,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Reviews {
    pub reviews: Vec<ReviewLine>,
}

/// What came of a decision, or of other words.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Reviewed {
    pub post: Id,
    /// `approved`, `rejected`, `edited`, or `refused`: the platforms would not take it.
    pub outcome: String,
    pub deliveries: Vec<DeliveryLine>,
    /// The planned slot that gets another post.
    pub planned: Option<Id>,
    /// By account.
    pub problems: Vec<(String, Problem)>,
}

impl From<ReviewError> for ApiError {
    fn from(error: ReviewError) -> Self {
        let message = error.to_string();
        match error {
            ReviewError::Missing(_) => ApiError::Missing { message },
            ReviewError::Decided(..) | ReviewError::Refused(_) => ApiError::Conflict { message },
            ReviewError::Store(_) => ApiError::Unavailable { message },
        }
    }
}

impl Api {
    /// Posts that wait for a person, those with the nearest deadline first.
    pub(super) fn reviews(&self) -> Result<Reviews, ApiError> {
        let view = self.store.view();
        let open = DeliveryFilter {
            open: true,
            ..DeliveryFilter::default()
        };
        let mut reviews: Vec<ReviewLine> = Vec::new();
        for delivery in view.deliveries(&open, usize::MAX)? {
            if delivery.state != State::Pending {
                continue;
            }
            let known = reviews.iter_mut().find(|one| one.post == delivery.post);
            if let Some(known) = known {
                known.accounts.push(delivery.account);
                continue;
            }
            let Some(post) = view.post(delivery.post)? else {
                continue;
            };
            let Some(review) = &post.review else {
                continue;
            };
            let zone = self.zone_of(&delivery.account);
            let deadline = review.deadline(delivery.due);
            reviews.push(ReviewLine {
                post: post.id,
                due: delivery.due,
                due_local: local(delivery.due, zone),
                deadline,
                deadline_local: local(deadline, zone),
                accounts: vec![delivery.account],
                required: review.terms.required,
                on_deadline: review.terms.on_deadline,
                source: super::answers::source(&post),
                text: beginning(&post.draft.text),
                media: post.draft.files().count(),
                pillar: post.pillar,
                campaign: post.campaign,
            });
        }
        reviews.sort_by_key(|one| (one.deadline, one.post));
        Ok(Reviews { reviews })
    }

    pub(super) async fn approve(&self, post: Id) -> Result<Reviewed, ApiError> {
        self.expect_post(post)?;
        let now = self.clock.now();
        let approved = self
            .store
            .write(move |tx| publish::decide(tx, post, Decision::Approved, COMMAND, now))
            .await?;
        self.reviewed(&approved, "approved", None, Vec::new())
    }

    pub(super) async fn reject(
        &self,
        post: Id,
        because: Option<String>,
    ) -> Result<Reviewed, ApiError> {
        self.expect_post(post)?;
        let now = self.clock.now();
        let because = because
            .map(|why| why.trim().to_owned())
            .filter(|why| !why.is_empty());
        let planned = plan::reject(&self.store, post, because, COMMAND.to_owned(), now).await?;
        let rejected = self.expect_post(post)?;
        let planned = planned.map(|planned| planned.id);
        self.reviewed(&rejected, "rejected", planned, Vec::new())
    }

    pub(super) async fn edit(
        &self,
        post: Id,
        text: String,
        account: Option<String>,
    ) -> Result<Reviewed, ApiError> {
        self.expect_post(post)?;
        let (config, now) = (self.config(), self.clock.now());
        let edit = Edit {
            post,
            text,
            account,
        };
        let connectors = self.connectors.as_deref();
        match content::edit(&self.store, &config, connectors, &edit, now).await? {
            Edited::Taken(post, problems) => self.reviewed(&post, "edited", None, problems),
            Edited::Refused(problems) => {
                let post = self.expect_post(post)?;
                self.reviewed(&post, "refused", None, problems)
            }
        }
    }

    fn expect_post(&self, id: Id) -> Result<Post, ApiError> {
        let post = self.store.view().post(id)?;
        post.ok_or_else(|| self.no_post(id))
    }

    fn reviewed(
        &self,
        post: &Post,
        outcome: &str,
        planned: Option<Id>,
        problems: Vec<(String, Problem)>,
    ) -> Result<Reviewed, ApiError> {
        let mut deliveries = Vec::new();
        for id in &post.deliveries {
            if let Some(delivery) = self.store.view().delivery(*id)? {
                deliveries.push(self.line(&delivery)?);
            }
        }
        Ok(Reviewed {
            post: post.id,
            outcome: outcome.to_owned(),
            deliveries,
            planned,
            problems,
        })
    }
}

const COMMAND: &str = "command";
