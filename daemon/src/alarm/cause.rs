//! What can go wrong, in words: one place for all causes.

use crate::model::{Delivery, Id, Job, Measure, Planned, Severity, TimeSpan, Timestamp, Work};

/// Why an alarm is raised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    pub key: String,
    pub severity: Severity,
    pub what: String,
    pub remedy: String,
    pub account: Option<String>,
    pub plugin: Option<String>,
}

/// Of a reason that comes from outside, so that a sentence stays one.
const LONGEST_REASON: usize = 300;

fn short(reason: &str) -> String {
    let line = reason.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST_REASON) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

pub(super) fn channel_key(channel: &str) -> String {
    format!("alarm:{channel}")
}

impl Cause {
    pub fn unauthorized_key(account: &str) -> String {
        format!("account:{account}:unauthorized")
    }

    /// Of a token that can't be refreshed.
    pub fn refresh_key(account: &str) -> String {
        format!("account:{account}:refresh")
    }

    /// Of a token that will end.
    pub fn expiring_key(account: &str) -> String {
        format!("account:{account}:expiring")
    }

    /// All that ends when the user lets the account in anew.
    pub fn token_keys(account: &str) -> [String; 3] {
        [
            Cause::unauthorized_key(account),
            Cause::refresh_key(account),
            Cause::expiring_key(account),
        ]
    }

    pub fn failed_key(account: &str) -> String {
        format!("account:{account}:failed")
    }

    pub fn parked_key(account: &str) -> String {
        format!("account:{account}:parked")
    }

    pub fn missed_key(account: &str) -> String {
        format!("account:{account}:missed")
    }

    pub fn quiet_key(account: &str) -> String {
        format!("account:{account}:quiet")
    }

    pub fn numbers_key(account: &str) -> String {
        format!("account:{account}:numbers")
    }

    /// Of a pillar whose generators have nothing for a planned slot.
    pub fn unfilled_key(brand: &str, pillar: &str) -> String {
        format!("plan:{brand}:{pillar}")
    }

    /// Of a campaign that is behind one of its targets.
    pub fn behind_key(brand: &str, campaign: &str, measure: &Measure) -> String {
        format!("goal:{brand}:{campaign}:{measure}")
    }

    /// Of a post that a person has to let out.
    pub fn unapproved_key(post: Id) -> String {
        format!("approval:{post}")
    }

    /// Of an account whose inbox can't be read, though answers are waited for.
    pub fn unheard_key(account: &str) -> String {
        format!("account:{account}:unheard")
    }

    /// Of a breaker by its name, as `account:shop`.
    pub fn breaker_key(breaker: &str) -> String {
        format!("{breaker}:breaker")
    }

    pub const CONFIG: &'static str = "daemon:config";
    pub const PLUGINS: &'static str = "daemon:plugins";
    pub const DISK: &'static str = "daemon:disk";

    fn of_account(key: String, account: &str, what: String, remedy: String) -> Self {
        Cause {
            key,
            severity: Severity::Error,
            what,
            remedy,
            account: Some(account.to_owned()),
            plugin: None,
        }
    }

    fn of_daemon(key: &str, what: String, remedy: &str) -> Self {
        Cause {
            key: key.to_owned(),
            severity: Severity::Error,
            what,
            remedy: remedy.to_owned(),
            account: None,
            plugin: None,
        }
    }

    fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    pub fn unauthorized(account: &str, reason: &str) -> Self {
        Cause::of_account(
            Cause::unauthorized_key(account),
            account,
            format!(
                "The platform no longer lets account `{account}` in ({})",
                short(reason)
            ),
            format!(
                "`jarchi account auth {account}` connects it anew, or set its `secrets` right; its \
                 posts wait until then, and `jarchi queue list --dead` shows the one to retry."
            ),
        )
    }

    pub fn refresh(account: &str, reason: &str, ends: Option<Timestamp>) -> Self {
        let ends = ends.map_or_else(String::new, |ends| format!("; it ends at {ends}"));
        Cause::of_account(
            Cause::refresh_key(account),
            account,
            format!(
                "The token of account `{account}` can't be refreshed ({}){ends}",
                short(reason)
            ),
            format!(
                "It is tried again by itself; where the platform refuses the app, set its \
                 `client_id` and `client_secret` right, else `jarchi account auth {account}`."
            ),
        )
        .warning()
    }

    pub fn expiring(account: &str, ends: Timestamp) -> Self {
        Cause::of_account(
            Cause::expiring_key(account),
            account,
            format!(
                "The platform lets account `{account}` in until {ends}, and only its user can \
                 prolong that"
            ),
            format!("`jarchi account auth {account}` connects it anew."),
        )
        .warning()
    }

    pub fn failed(delivery: &Delivery, reason: &str) -> Self {
        let Delivery { id, account, .. } = delivery;
        Cause::of_account(
            Cause::failed_key(account),
            account,
            format!(
                "Account `{account}` could not publish delivery {id} ({})",
                short(reason)
            ),
            format!(
                "`jarchi queue list --dead` shows all that failed; then `jarchi queue retry {id}` \
                 or `jarchi queue cancel {id}`."
            ),
        )
    }

    pub fn parked(delivery: &Delivery) -> Self {
        let Delivery { id, account, .. } = delivery;
        Cause::of_account(
            Cause::parked_key(account),
            account,
            format!(
                "Nobody can find out whether delivery {id} was published on account `{account}`"
            ),
            format!(
                "Look at the account, then `jarchi queue resolve {id} --published URL` or \
                 `jarchi queue resolve {id} --retry`."
            ),
        )
    }

    pub fn unfilled(planned: &Planned, reason: &str) -> Self {
        let Planned {
            id,
            brand,
            pillar,
            slot,
            ..
        } = planned;
        Cause {
            key: Cause::unfilled_key(brand, pillar),
            severity: Severity::Warning,
            what: format!(
                "There is no post for the slot of {slot} of brand `{brand}`, pillar `{pillar}` ({})",
                short(reason)
            ),
            remedy: format!(
                "Give its generators something, then `jarchi plan regenerate {id}`; or \
                 `jarchi plan cancel {id}`."
            ),
            account: None,
            plugin: None,
        }
    }

    /// A campaign that even a good end would leave short of its target.
    pub fn behind(
        brand: &str,
        campaign: &str,
        measure: &Measure,
        target: u64,
        so_far: f64,
        high: f64,
    ) -> Self {
        Cause {
            key: Cause::behind_key(brand, campaign, measure),
            severity: Severity::Warning,
            what: format!(
                "Campaign `{campaign}` of brand `{brand}` is behind: {so_far:.0} {measure} of \
                 {target}, and at most {high:.0} at its end as it goes now"
            ),
            remedy:
                "`jarchi goals` shows its pace; give it a larger `share`, more slots or better \
                     posts, or set its `targets` lower."
                    .to_owned(),
            account: None,
            plugin: None,
        }
    }

    pub fn unapproved(post: Id, accounts: &str, deadline: Timestamp) -> Self {
        Cause {
            key: Cause::unapproved_key(post),
            severity: Severity::Warning,
            what: format!(
                "Post {post} for {accounts} needs an answer by {deadline}, and nobody has given one"
            ),
            remedy: format!(
                "`jarchi post show {post}` shows it; then `jarchi approve {post}`, `jarchi edit \
                 {post}` or `jarchi reject {post} --because \"…\"`."
            ),
            account: None,
            plugin: None,
        }
    }

    pub fn unheard(account: &str, reason: &str) -> Self {
        Cause::of_account(
            Cause::unheard_key(account),
            account,
            format!(
                "What is answered to drafts on account `{account}` can't be read ({})",
                short(reason)
            ),
            "`jarchi approval list` shows what waits; `jarchi approve` and `jarchi reject` answer it."
                .to_owned(),
        )
        .warning()
    }

    pub fn missed(delivery: &Delivery, reason: &str) -> Self {
        let Delivery { id, account, .. } = delivery;
        Cause::of_account(
            Cause::missed_key(account),
            account,
            format!(
                "Account `{account}` missed delivery {id} ({})",
                short(reason)
            ),
            format!(
                "`jarchi queue list --account {account} --all` shows what was missed; \
                 `jarchi queue retry {id}` publishes it late."
            ),
        )
        .warning()
    }

    pub fn quiet(account: &str, span: TimeSpan, last: Timestamp) -> Self {
        Cause::of_account(
            Cause::quiet_key(account),
            account,
            format!("No post on account `{account}` for {span} (since {last})"),
            format!(
                "`jarchi queue list --account {account}` shows what waits; give it something to \
                 post, or `jarchi hold account:{account}`."
            ),
        )
        .warning()
    }

    pub fn numbers(account: &str, span: TimeSpan, last: Timestamp) -> Self {
        Cause::of_account(
            Cause::numbers_key(account),
            account,
            format!("No numbers of account `{account}` for {span} (since {last})"),
            "`jarchi measure` reads them now, and `jarchi queue list --dead` shows why they could \
             not be read."
                .to_owned(),
        )
        .warning()
    }

    pub fn account_breaker(account: &str, faults: u32, reason: &str, until: Timestamp) -> Self {
        Cause::of_account(
            Cause::breaker_key(&format!("account:{account}")),
            account,
            format!(
                "{faults} calls in a row failed on account `{account}` ({}); its posts wait, and \
                 one is tried at {until}",
                short(reason)
            ),
            format!(
                "Nothing is lost: look whether the platform is up; `jarchi release \
                 account:{account}` tries at once."
            ),
        )
        .warning()
    }

    pub fn plugin_breaker(
        plugin: &str,
        accounts: &[String],
        reason: &str,
        until: Timestamp,
    ) -> Self {
        Cause {
            key: Cause::breaker_key(&format!("plugin:{plugin}")),
            severity: Severity::Error,
            what: format!(
                "Calls of plugin `{plugin}` fail on several accounts ({}; {}); their posts wait, \
                 and one is tried at {until}",
                accounts.join(", "),
                short(reason)
            ),
            remedy: "Nothing is lost: look whether the platform is up, or whether the plugin \
                     needs an update; `jarchi release` tries at once."
                .to_owned(),
            account: None,
            plugin: Some(plugin.to_owned()),
        }
    }

    pub fn config(error: &str) -> Self {
        Cause::of_daemon(
            Cause::CONFIG,
            format!("A changed configuration is not in use: {}", short(error)),
            "`jarchi check` shows what is wrong with it; the old one stays in force until it is \
             right.",
        )
    }

    pub fn plugins(problems: &[String]) -> Self {
        Cause::of_daemon(
            Cause::PLUGINS,
            format!("A plugin is refused: {}", short(&problems.join("; "))),
            "`jarchi check` shows what is wrong with it; the old configuration stays in force \
             until it is right.",
        )
    }

    pub fn disk(free: u64, least: u64, folder: &str) -> Self {
        Cause::of_daemon(
            Cause::DISK,
            format!(
                "The disk of {folder} has {} MiB left, less than `daemon.least_free` ({} MiB)",
                free >> 20,
                least >> 20
            ),
            "Free some space; `jarchi store compact` gives back what the store does not need.",
        )
    }

    pub fn channel(channel: &str, tries: u32, reason: &str) -> Self {
        Cause::of_daemon(
            &channel_key(channel),
            format!(
                "Alarms can't be brought to `{channel}` ({tries} tries; {})",
                short(reason)
            ),
            &format!("`jarchi alarm test {channel}` shows whether it works again."),
        )
        .warning()
    }

    /// What a dead letter of this work means; none where its own records tell.
    pub fn dead_letter(job: &Job, reason: &str) -> Option<Self> {
        let key = Cause::work_key(&job.work)?;
        let (words, account) = match &job.work {
            Work::Generate { generator } => (format!("Generator `{generator}` fails"), None),
            Work::MeasurePosts { account } | Work::MeasureAges { account } => (
                format!("The numbers of the posts on account `{account}` can't be read"),
                Some(account.clone()),
            ),
            Work::MeasureAccount { account } => (
                format!("The numbers of account `{account}` can't be read"),
                Some(account.clone()),
            ),
            Work::Backup { .. } => ("The store could not be backed up".to_owned(), None),
            Work::Plan { brand, .. } => (
                match brand {
                    Some(brand) => format!("Brand `{brand}` could not be planned"),
                    None => "The brands could not be planned".to_owned(),
                },
                None,
            ),
            Work::Publish { .. }
            | Work::Deadline { .. }
            | Work::Consult
            | Work::Reply { .. }
            | Work::Fill { .. }
            | Work::Idle { .. }
            | Work::Tidy
            | Work::Watch
            | Work::Refresh { .. }
            | Work::Notify { .. } => return None,
        };
        Some(Cause {
            key,
            severity: Severity::Warning,
            what: format!("{words} ({})", short(reason)),
            remedy: format!(
                "Set right what the message says, then `jarchi queue retry-job {}`.",
                job.id
            ),
            account,
            plugin: None,
        })
    }

    /// The cause that periodic work has if it fails.
    pub fn work_key(work: &Work) -> Option<String> {
        match work {
            Work::Generate { generator } => Some(format!("generator:{generator}:failed")),
            Work::MeasurePosts { account } => Some(format!("account:{account}:measure-posts")),
            Work::MeasureAges { account } => Some(format!("account:{account}:measure-ages")),
            Work::MeasureAccount { account } => Some(format!("account:{account}:measure-account")),
            Work::Backup { .. } => Some("daemon:backup".to_owned()),
            Work::Plan { brand, .. } => Some(match brand {
                Some(brand) => format!("brand:{brand}:plan"),
                None => "daemon:plan".to_owned(),
            }),
            Work::Publish { .. }
            | Work::Deadline { .. }
            | Work::Consult
            | Work::Reply { .. }
            | Work::Fill { .. }
            | Work::Idle { .. }
            | Work::Tidy
            | Work::Watch
            | Work::Refresh { .. }
            | Work::Notify { .. } => None,
        }
    }
}
