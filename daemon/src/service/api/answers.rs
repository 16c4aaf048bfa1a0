//! The answers, as the command line prints them and as `--json` shows them.

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::config::Run;
use crate::model::{Alarm, Delivery, Id, Job, Origin, Post, Problem, Timestamp, Variant};
use crate::publish;

use super::{Api, ApiError};

/// A delivery in a list.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeliveryLine {
    pub delivery: Id,
    pub post: Id,
    pub account: String,
    pub state: String,
    /// Why it is in this state, or what it waits for.
    pub note: Option<String>,
    pub due: Timestamp,
    /// By the wall clock of the account's brand.
    pub due_local: String,
    pub url: Option<String>,
    /// The beginning of the text.
    pub text: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Posted {
    /// None: it was only checked.
    pub post: Option<Id>,
    pub deliveries: Vec<DeliveryLine>,
    /// By account.
    pub problems: Vec<(String, Problem)>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PostLine {
    pub post: Id,
    pub created_at: Timestamp,
    pub text: String,
    pub source: String,
    /// Account and state.
    pub deliveries: Vec<(String, String)>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Posts {
    pub posts: Vec<PostLine>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PostDetail {
    pub post: Post,
    pub deliveries: Vec<Delivery>,
    /// By account: words other than the draft's, as they went or will go out. Those to come
    /// are known to a running daemon.
    #[serde(default)]
    pub variants: Vec<(String, Variant)>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Deliveries {
    pub deliveries: Vec<Delivery>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct QueueList {
    pub deliveries: Vec<DeliveryLine>,
    /// Other work: generators, measuring.
    pub jobs: Vec<Job>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ScheduleLine {
    pub name: String,
    pub cron: String,
    pub time_zone: String,
    pub run: String,
    pub last: Option<Timestamp>,
    pub next: Vec<Timestamp>,
    pub next_local: Vec<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Schedules {
    pub schedules: Vec<ScheduleLine>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Held {
    pub scope: String,
    pub since: Timestamp,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Released {
    pub scope: String,
    /// Overdue deliveries that go on now.
    pub woken: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Status {
    pub version: String,
    /// A daemon answered.
    pub daemon: bool,
    pub accounts: Vec<AccountLine>,
    pub held: Vec<Held>,
    pub waiting: usize,
    pub dead: usize,
    /// Bytes.
    pub store_size: u64,
    #[serde(default)]
    pub alarms: Vec<Alarm>,
    /// Open ones.
    #[serde(default)]
    pub breakers: Vec<BreakerLine>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BreakerLine {
    /// As `account:shop` or `plugin:mastodon`.
    pub breaker: String,
    pub since: Timestamp,
    /// When a delivery is let through to see.
    pub probe_at: Timestamp,
    pub reason: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AlarmList {
    pub alarms: Vec<Alarm>,
}

/// What became of the test of one channel.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AlarmTest {
    pub channel: String,
    pub ok: bool,
    pub message: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AccountLine {
    pub account: String,
    pub plugin: String,
    pub brand: String,
    /// What the platform lets us promise.
    pub promise: String,
    pub next: Option<Timestamp>,
    pub last_published: Option<Timestamp>,
    /// Why it can't be used.
    pub problem: Option<String>,
}

/// A moment by the wall clock, with the zone's short name; seconds where there are some.
pub(in crate::service) fn local(moment: Timestamp, zone: Tz) -> String {
    let format = match moment.0 / 1000 % 60 {
        0 => "%a %Y-%m-%d %H:%M %Z",
        _ => "%a %Y-%m-%d %H:%M:%S %Z",
    };
    moment
        .to_utc()
        .with_timezone(&zone)
        .format(format)
        .to_string()
}

/// What made a post, in words.
pub(super) fn source(post: &Post) -> String {
    match &post.origin {
        Origin::Command => "command".to_owned(),
        Origin::Alarm { cause } => format!("alarm: {cause}"),
        Origin::Approval { post } => format!("approval of post {post}"),
        Origin::Generator { name, source, .. } => match source {
            Some(source) => format!("{name}: {source}"),
            None => name.clone(),
        },
    }
}

pub(super) fn run_words(run: &Run) -> String {
    let of = |account: &Option<String>| match account {
        Some(account) => format!(" of {account}"),
        None => String::new(),
    };
    match run {
        Run::Generate(generator) => format!("generate {generator}"),
        Run::MeasurePosts(account) => format!("measure posts{}", of(account)),
        Run::MeasureAccounts(account) => format!("measure accounts{}", of(account)),
        Run::Backup { folder, keep } => format!("backup to {}, keep {keep}", folder.display()),
        Run::Tidy => "forget what is old".to_owned(),
        Run::Plan { brand, days } => {
            let whose = brand.as_ref().map_or("all brands", String::as_str);
            format!("plan {days} days of {whose}")
        }
    }
}

/// The first words of a text, on one line.
pub(super) fn beginning(text: &str) -> String {
    const CHARACTERS: usize = 60;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= CHARACTERS {
        return line;
    }
    let cut: String = line.chars().take(CHARACTERS - 1).collect();
    format!("{}…", cut.trim_end())
}

impl Api {
    pub(super) fn zone_of(&self, account: &str) -> Tz {
        let config = self.config();
        config
            .accounts
            .get(account)
            .and_then(|account| config.brands.get(&account.brand))
            .map_or(Tz::UTC, |brand| brand.time_zone)
    }

    /// Posts and deliveries are numbered together, and are easily taken for one another.
    pub(super) fn no_post(&self, id: Id) -> ApiError {
        let known = self.store.view().delivery(id).ok().flatten();
        ApiError::missing(match known {
            Some(delivery) => format!(
                "there is no post {id}: that is a delivery of post {}",
                delivery.post
            ),
            None => format!("there is no post {id}"),
        })
    }

    /// RFC 3339, or by the wall clock of the account's brand.
    pub(super) fn moment(&self, text: &str, account: &str) -> Result<Timestamp, ApiError> {
        if let Ok(moment) = text.parse() {
            return Ok(moment);
        }
        crate::content::resolve_local(text, self.zone_of(account)).map_err(|_| {
            ApiError::invalid(format!(
                "`{text}` is not a time: write `2026-11-24 09:00` (by the brand's wall clock) \
                 or `2026-11-24T09:00:00+04:00`"
            ))
        })
    }

    pub(super) fn line(&self, delivery: &Delivery) -> Result<DeliveryLine, ApiError> {
        use crate::model::State;
        let post = self.store.view().post(delivery.post)?;
        let config = self.config();
        let post_review = post.as_ref().and_then(|post| post.review.clone());
        let text = post.map(|post| match config.accounts.get(&delivery.account) {
            Some(account) => post.draft.in_words_of(&account.name, &account.plugin).text,
            None => post.draft.text,
        });
        let note = match &delivery.state {
            State::Unknown { reason, .. }
            | State::Parked { reason }
            | State::Failed { reason }
            | State::Cancelled { reason }
            | State::Missed { reason } => Some(reason.clone()),
            State::Processing => delivery
                .progress
                .as_ref()
                .map(|progress| progress.note.clone()),
            State::Waiting => delivery.history.last().and_then(|attempt| {
                use crate::model::AttemptOutcome;
                match &attempt.outcome {
                    AttemptOutcome::Fault(fault) => Some(format!("tried again: {fault}")),
                    _ => None,
                }
            }),
            State::Pending => {
                let review = post_review
                    .as_ref()
                    .map(|review| review.deadline(delivery.due));
                Some(match review {
                    Some(deadline) => {
                        let until = local(deadline, self.zone_of(&delivery.account));
                        format!("waits for approval, by {until}")
                    }
                    None => "waits for approval".to_owned(),
                })
            }
            State::Attempting { .. } | State::Published => None,
        };
        Ok(DeliveryLine {
            delivery: delivery.id,
            post: delivery.post,
            account: delivery.account.clone(),
            state: delivery.state.name().to_owned(),
            note,
            due: delivery.due,
            due_local: local(delivery.due, self.zone_of(&delivery.account)),
            url: delivery
                .receipt
                .as_ref()
                .and_then(|receipt| receipt.url.clone()),
            text: beginning(&text.unwrap_or_default()),
        })
    }

    pub(super) fn posts(&self, limit: usize) -> Result<Posts, ApiError> {
        let view = self.store.view();
        let mut posts = Vec::new();
        for post in view.latest_posts(limit)? {
            let mut deliveries = Vec::new();
            for id in &post.deliveries {
                if let Some(delivery) = view.delivery(*id)? {
                    deliveries.push((delivery.account, delivery.state.name().to_owned()));
                }
            }
            posts.push(PostLine {
                post: post.id,
                created_at: post.created_at,
                text: beginning(&post.draft.text),
                source: source(&post),
                deliveries,
            });
        }
        Ok(Posts { posts })
    }

    pub(super) fn show_post(&self, id: Id) -> Result<PostDetail, ApiError> {
        let view = self.store.view();
        let post = view.post(id)?.ok_or_else(|| self.no_post(id))?;
        let mut deliveries = Vec::new();
        for id in &post.deliveries {
            deliveries.extend(view.delivery(*id)?);
        }
        let mut variants = Vec::new();
        for delivery in &deliveries {
            let account = &delivery.account;
            let begun = delivery.first_attempt.is_some();
            let connectors = self.connectors.as_ref().filter(|_| !begun);
            let connector = connectors.and_then(|all| all.connector(account).ok());
            let to_come = connector.and_then(|one| one.variant(&post.draft));
            let variant = delivery.variant.as_deref().cloned().or(to_come);
            variants.extend(variant.map(|variant| (account.clone(), variant)));
        }
        Ok(PostDetail {
            post,
            deliveries,
            variants,
        })
    }

    /// Those that last, the gravest and oldest first.
    pub(super) fn alarms(&self) -> Result<AlarmList, ApiError> {
        let mut alarms = self.store.view().alarms()?;
        alarms.retain(|alarm| alarm.cleared.is_none());
        alarms.sort_by_key(|alarm| {
            let minor = alarm.severity == crate::model::Severity::Warning;
            (minor, alarm.since)
        });
        Ok(AlarmList { alarms })
    }

    pub(super) fn status(&self) -> Result<Status, ApiError> {
        let view = self.store.view();
        let config = self.config();
        let now = self.clock.now();
        let mut accounts = Vec::new();
        let mut held = Vec::new();
        let mut scopes = vec!["all".to_owned()];
        scopes.extend(config.brands.keys().map(|name| format!("brand:{name}")));
        scopes.extend(config.accounts.keys().map(|name| format!("account:{name}")));
        for scope in scopes {
            if let Some(since) = publish::held(view, &scope)? {
                held.push(Held { scope, since });
            }
        }
        for account in config.accounts.values() {
            let (promise, problem) = match &self.connectors {
                None => ("not known: no daemon runs".to_owned(), None),
                Some(connectors) => match connectors.connector(&account.name) {
                    Ok(connector) => (promise_words(connector.promise()), None),
                    Err(error) => (String::new(), Some(error.to_string())),
                },
            };
            let filter = crate::store::DeliveryFilter {
                account: Some(account.name.clone()),
                open: true,
                ..crate::store::DeliveryFilter::default()
            };
            accounts.push(AccountLine {
                account: account.name.clone(),
                plugin: account.plugin.clone(),
                brand: account.brand.clone(),
                promise,
                next: view
                    .deliveries(&filter, usize::MAX)?
                    .iter()
                    .filter(|delivery| !delivery.state.is_settled())
                    .map(|delivery| delivery.due)
                    .min(),
                last_published: view
                    .published_since(
                        &account.name,
                        now.saturating_sub(crate::model::TimeSpan::from_days(30)),
                    )?
                    .last()
                    .map(|(at, _)| *at),
                problem,
            });
        }
        let open = view.deliveries(
            &crate::store::DeliveryFilter {
                open: true,
                ..crate::store::DeliveryFilter::default()
            },
            usize::MAX,
        )?;
        let dead = open
            .iter()
            .filter(|delivery| delivery.state.is_settled())
            .count();
        Ok(Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            daemon: self.reload.is_some(),
            accounts,
            held,
            waiting: open.len() - dead,
            dead,
            store_size: self.store.size_on_disk()?,
            alarms: self.alarms()?.alarms,
            breakers: view
                .breakers()?
                .into_iter()
                .filter_map(|(breaker, record)| {
                    let open = record.open?;
                    Some(BreakerLine {
                        breaker,
                        since: open.since,
                        probe_at: open.until,
                        reason: record.reason,
                    })
                })
                .collect(),
        })
    }
}

/// What a platform lets us promise, in words.
fn promise_words(promise: publish::Promise) -> String {
    match (promise.idempotent_for, promise.can_look_up) {
        (Some(span), true) => {
            format!("exactly once: posts can be found again, and a key holds for {span}")
        }
        (None, true) => "exactly once: posts can be found again".to_owned(),
        (Some(span), false) => format!("exactly once within {span}, then a person decides"),
        (None, false) if promise.may_look_up => {
            "at most once: an unknown outcome is looked for, and else a person decides".to_owned()
        }
        (None, false) => "at most once: after an unknown outcome a person decides".to_owned(),
    }
}
