//! The numbers, and the webhook's standing.

use jarchi_plugin_sdk::connection::Standing;
use jarchi_plugin_sdk::http::encode;
use jarchi_plugin_sdk::{Error, Measure, Metric, PostMetrics, Problem, Receipt, Result};
use serde::Deserialize;

use crate::api::{self, Message, Stake, UNKNOWN_MESSAGE, Webhook};
use crate::publish::Kept;

/// # Errors
/// Discord refused.
pub fn of_posts(webhook: &Webhook, posts: &[Receipt]) -> Result<Vec<PostMetrics>> {
    let mut found = Vec::new();
    for post in posts {
        let kept: Kept = post.data()?;
        let request = webhook.message("GET", &post.id, kept.thread.as_deref());
        let message: Message = match api::judge(request.send(), Stake::Read) {
            Ok(answer) => answer.for_read()?.json()?,
            Err(refused) if refused.code == UNKNOWN_MESSAGE => {
                found.push(PostMetrics::gone(post));
                continue;
            }
            // What was read so far is worth having.
            Err(refused) if !found.is_empty() && matches!(refused.error, Error::RateLimited(_)) => {
                break;
            }
            Err(refused) => return Err(refused.into()),
        };
        let likes = message.reactions.iter().map(|one| one.count).sum();
        let mut metrics = vec![Metric::new(Measure::Likes, likes)];
        if let Some(results) = message.poll.and_then(|poll| poll.results) {
            let votes = results.answer_counts.iter().map(|one| one.count).sum();
            metrics.push(Metric::new(Measure::Other("votes".into()), votes));
        }
        found.push(PostMetrics::of(post, metrics));
    }
    Ok(found)
}

#[derive(Deserialize)]
struct Invite {
    #[serde(default)]
    approximate_member_count: Option<i64>,
}

/// The server's members, as an invitation tells them.
///
/// # Errors
/// Discord refused, or there is no invitation.
pub fn of_account(webhook: &Webhook) -> Result<Vec<Metric>> {
    let Some(code) = &webhook.settings.invite else {
        return Err(Error::unsupported(
            "a webhook sees no members: set `invite` to the code of an invitation that does not end",
        ));
    };
    let path = format!("/invites/{}", encode(code));
    let request = webhook.plain("GET", &path).query("with_counts", true);
    let invite: Invite = match api::judge(request.send(), Stake::Read) {
        Ok(answer) => answer.for_read()?.json()?,
        // No reason to stop the account's posts.
        Err(refused) => {
            return Err(match refused.error {
                Error::Unauthorized(why) => {
                    Error::Invalid(format!("{why}: is the invitation `{code}` still there?"))
                }
                other => other,
            });
        }
    };
    let members = invite.approximate_member_count;
    Ok(members
        .map(|members| Metric::new(Measure::Followers, members))
        .into_iter()
        .collect())
}

/// # Errors
/// Discord refused.
pub fn standing(webhook: &Webhook) -> Result<Standing> {
    let about = webhook.ask()?;
    let channel = about.channel_id.clone().unwrap_or_default();
    let mut problems = Vec::new();
    if channel.is_empty() {
        problems.push(Problem::error(
            "webhook",
            "it is not one of a channel: make one in the channel's settings",
        ));
    }
    Ok(Standing {
        name: about.name.clone().unwrap_or_else(|| "webhook".into()),
        url: about.address(&channel, None),
        scopes: Vec::new(),
        lacking: Vec::new(),
        expires: None,
        quotas: Vec::new(),
        problems,
    })
}
