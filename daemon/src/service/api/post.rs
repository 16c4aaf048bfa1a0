//! `jarchi post`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::content::{self, Due, NewPost};
use crate::media::library::{INDEX, describe_drafts};
use crate::model::{
    Draft, Link, Origin, Poll, Problem, Severity, ThreadPart, TimeSpan, Timestamp, Visibility,
};

use super::answers::Posted;
use super::{Api, ApiError};

/// A file to post, and what it shows.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Attachment {
    /// Absolute: the daemon's working directory is not the caller's.
    pub path: PathBuf,
    pub alt: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct PostRequest {
    pub text: String,
    pub accounts: Vec<String>,
    /// `2026-11-24 09:00` by the brand's wall clock, or RFC 3339. None: now.
    #[serde(default)]
    pub at: Option<String>,
    /// The next free slot of each account.
    #[serde(default)]
    pub slot: bool,
    #[serde(default)]
    pub media: Vec<Attachment>,
    #[serde(default)]
    pub language: Option<String>,
    #[serde(default)]
    pub link: Option<String>,
    #[serde(default)]
    pub hashtags: Vec<String>,
    #[serde(default)]
    pub poll: Vec<String>,
    #[serde(default)]
    pub poll_open_for: Option<TimeSpan>,
    /// Further parts.
    #[serde(default)]
    pub thread: Vec<String>,
    #[serde(default)]
    pub first_comment: Option<String>,
    #[serde(default)]
    pub content_warning: Option<String>,
    #[serde(default)]
    pub visibility: Option<Visibility>,
    #[serde(default)]
    pub pillar: Option<String>,
    #[serde(default)]
    pub campaign: Option<String>,
    /// Only says what is wrong with it.
    #[serde(default)]
    pub check: bool,
    /// Accepts it in spite of errors that the platform would raise.
    #[serde(default)]
    pub force: bool,
}

/// Files without an alt text get that of the media library; or why it can't be read.
async fn described(
    config: &Config,
    mut draft: Draft,
) -> Result<(Draft, Option<Problem>), ApiError> {
    let Some(folder) = config.media.library.clone() else {
        return Ok((draft, None));
    };
    let describing = tokio::task::spawn_blocking(move || {
        let error = describe_drafts(&folder, [&mut draft]).err();
        let problem = error.map(|error| Problem {
            severity: Severity::Warning,
            place: INDEX.to_owned(),
            message: format!("alt texts of the media library are missing: {error}"),
        });
        (draft, problem)
    });
    describing.await.map_err(|error| ApiError::Unavailable {
        message: error.to_string(),
    })
}

impl Api {
    pub(super) async fn post(&self, request: PostRequest) -> Result<Posted, ApiError> {
        let config = self.config();
        let now = self.clock.now();
        let mut draft = Draft {
            text: request.text,
            language: request.language,
            link: request.link.map(|url| Link {
                url,
                title: None,
                description: None,
                thumbnail: None,
            }),
            hashtags: request
                .hashtags
                .iter()
                .map(|tag| tag.trim_start_matches('#').to_owned())
                .collect(),
            thread: request
                .thread
                .into_iter()
                .map(|text| ThreadPart {
                    text,
                    media: Vec::new(),
                })
                .collect(),
            first_comment: request.first_comment,
            content_warning: request.content_warning,
            visibility: request.visibility,
            ..Draft::default()
        };
        if !request.poll.is_empty() {
            draft.poll = Some(Poll {
                options: request.poll,
                open_for: request.poll_open_for.unwrap_or(TimeSpan::from_days(1)),
                multiple: false,
                hide_totals: false,
            });
        }
        for file in request.media {
            let item = crate::media::describe(&file.path, file.alt, None)
                .await
                .map_err(|error| ApiError::invalid(error.to_string()))?;
            draft.media.push(item);
        }
        let (draft, silent) = described(&config, draft).await?;
        let due = match (&request.at, request.slot, request.accounts.first()) {
            (Some(_), true, _) => {
                return Err(ApiError::invalid(
                    "either a time or the next slot, not both",
                ));
            }
            (Some(text), false, Some(account)) => Due::At(self.moment(text, account)?),
            (_, true, _) => Due::Slot,
            _ => Due::Now,
        };
        let new = NewPost {
            draft,
            accounts: request.accounts,
            due,
            origin: Origin::Command,
            pillar: request.pillar,
            campaign: request.campaign,
            repeat_after: None,
            round: 0,
        };
        let mut problems = match &self.connectors {
            Some(connectors) => content::check(&config, connectors.as_ref(), &new).await?,
            None => Vec::new(),
        };
        let of = new.accounts.first().cloned().unwrap_or_default();
        problems.extend(silent.map(|problem| (of, problem)));
        problems.extend(self.warnings(&config, &new, now).await?);
        let refused = problems
            .iter()
            .any(|(_, problem)| problem.severity == Severity::Error);
        if request.check || (refused && !request.force) {
            return Ok(Posted {
                post: None,
                deliveries: Vec::new(),
                problems,
            });
        }
        let accepted = content::accept(&self.store, &config, new, now).await?;
        let mut deliveries = Vec::new();
        for (_, id, _) in &accepted.deliveries {
            if let Some(delivery) = self.store.view().delivery(*id)? {
                deliveries.push(self.line(&delivery)?);
            }
        }
        Ok(Posted {
            post: Some(accepted.post),
            deliveries,
            problems,
        })
    }

    /// What is worth knowing of a post with which nothing is wrong.
    async fn warnings(
        &self,
        config: &Config,
        new: &NewPost,
        now: Timestamp,
    ) -> Result<Vec<(String, Problem)>, ApiError> {
        let due = match new.due {
            Due::Now => Some(now),
            Due::At(moment) => Some(moment),
            Due::Slot => None,
        };
        let mut problems = Vec::new();
        for account in new
            .accounts
            .iter()
            .filter_map(|name| config.accounts.get(name))
        {
            let found =
                content::neighbours(self.store.view(), account, &new.draft, due, None, now)?;
            problems.extend(found.into_iter().map(|found| (account.name.clone(), found)));
        }
        if let (Some(links), Some(account)) = (&self.links, new.accounts.first())
            && config.daemon.check_links
        {
            let found = links.check(config, content::links(&new.draft)).await;
            problems.extend(found.into_iter().map(|found| (account.clone(), found)));
        }
        Ok(problems)
    }
}
