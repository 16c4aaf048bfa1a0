//! Posts that wait for a person are brought to one through an account, and what is answered
//! there is taken on: each draft is sent once, each answer taken once.

use std::sync::Arc;

use chrono_tz::Tz;
use tokio::sync::watch;

use crate::alarm::{self, Cause};
use crate::clock::Clock;
use crate::config::{Config, Through};
use crate::content::{self, Due, Edit, NewPost, Revised, Said};
use crate::model::{
    Decision, Delivery, Draft, Fault, Id, Message, NewJob, Origin, Post, Priority, Problem,
    Receipt, Reply, State, ThreadPart, TimeSpan, Timestamp, Visibility, Work,
};
use crate::plan;
use crate::publish::{self, Connectors, ReviewError};
use crate::queue::Disposition;
use crate::store::{DeliveryFilter, Store, StoreError, Tx};

use super::api::local;

/// Pages of an inbox that are read in one go.
const PAGES: usize = 10;

/// Posts among which that is looked for which somebody answers.
const LOOKED_AT: usize = 1000;

/// An inbox that can't be read for so long is an alarm.
const UNHEARD: TimeSpan = TimeSpan::from_mins(10);

/// Characters of a draft's text in one message; the rest follows.
const PIECE: usize = 3000;

pub(super) struct Consult {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) config: watch::Receiver<Arc<Config>>,
    pub(super) connectors: Arc<dyn Connectors>,
}

/// What a message asks for, as far as that can be known before the batch.
enum Wish {
    Approve,
    Reject(Option<String>),
    Edit(Box<Revised>),
    /// Nothing: this is answered.
    Nothing(String),
}

impl Consult {
    /// Sends what was not sent yet, and takes on what was answered.
    pub(super) async fn run(&self) -> Disposition {
        let config = self.config.borrow().clone();
        let Some(through) = config.approval.through.clone() else {
            return Disposition::Done;
        };
        let now = self.clock.now();
        let waiting = match self.ask(&config, &through, now).await {
            Ok(waiting) => waiting,
            Err(error) => return Disposition::Fault(Fault::Transient(error.to_string())),
        };
        if !waiting {
            return Disposition::Done;
        }
        let heard = match self.listen(&config, &through).await {
            Ok(()) => self.heard(&through.account, None).await,
            Err(fault) => self.heard(&through.account, Some(fault.to_string())).await,
        };
        if let Err(error) = heard {
            return Disposition::Fault(Fault::Transient(error.to_string()));
        }
        Disposition::Later(self.clock.now().saturating_add(through.every))
    }

    /// Sends the drafts that nobody has got yet; whether any post waits.
    async fn ask(
        &self,
        config: &Config,
        through: &Through,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut posts: Vec<Post> = Vec::new();
        let open = DeliveryFilter {
            open: true,
            ..DeliveryFilter::default()
        };
        for delivery in self.store.view().deliveries(&open, usize::MAX)? {
            let known = posts.iter().any(|post| post.id == delivery.post);
            if delivery.state == State::Pending && !known {
                posts.extend(self.store.view().post(delivery.post)?);
            }
        }
        let zone = zone_of(config, &through.account);
        let targets = content::targets(config, std::slice::from_ref(&through.account));
        for post in &posts {
            let asked = post.review.as_ref().and_then(|review| review.message);
            if asked.is_some() {
                continue;
            }
            let mut deliveries = Vec::new();
            for id in &post.deliveries {
                deliveries.extend(self.store.view().delivery(*id)?);
            }
            let new = NewPost {
                draft: self.question(config, post, &deliveries, zone),
                accounts: vec![through.account.clone()],
                due: Due::Now,
                origin: Origin::Approval { post: post.id },
                pillar: None,
                campaign: None,
                repeat_after: None,
                round: 0,
            };
            let (targets, id, seen) = (targets.clone(), post.id, post.draft.clone());
            self.store
                .write(move |tx| {
                    let Some(mut post) = tx.post(id)? else {
                        return Ok(());
                    };
                    // The draft that is sent is the one that is asked about.
                    let unasked = post
                        .review
                        .as_ref()
                        .is_some_and(|one| one.message.is_none());
                    if !unasked || post.draft != seen {
                        return Ok(());
                    }
                    let accepted = content::accept_in(tx, &targets, new, None, now)?;
                    if let Some(review) = &mut post.review {
                        review.message = Some(accepted.post);
                    }
                    tx.put_post(post)?;
                    Ok::<_, StoreError>(())
                })
                .await?;
        }
        Ok(!posts.is_empty())
    }

    /// Reads the inbox from where it was read last, and takes on what it says: the answers of
    /// a page, and the place to which it was read, are one batch.
    async fn listen(&self, config: &Config, through: &Through) -> Result<(), Fault> {
        let broken = |error: StoreError| Fault::Transient(error.to_string());
        let connector = self
            .connectors
            .connector(&through.account)
            .map_err(|error| Fault::Transient(error.to_string()))?;
        for _ in 0..PAGES {
            let known = self.store.view().connection(&through.account);
            let cursor = known.map_err(broken)?.and_then(|one| one.inbox_cursor);
            let page = connector.fetch(cursor.clone()).await.result?;
            let mut wishes = Vec::new();
            for message in page.messages {
                let found = self.wish(config, through, &message).await;
                if let Some((post, wish)) = found.map_err(broken)? {
                    wishes.push((message, post, wish));
                }
            }
            if wishes.is_empty() && page.cursor == cursor {
                return Ok(());
            }
            let (account, now) = (through.account.clone(), self.clock.now());
            let zone = zone_of(config, &account);
            let plugin = config.accounts.get(&account).map(|one| one.plugin.clone());
            let next = page.cursor;
            self.store
                .write(move |tx| {
                    let mut connection = tx.connection(&account)?.unwrap_or_default();
                    if connection.plugin.is_empty() {
                        connection.plugin = plugin.unwrap_or_default();
                    }
                    connection.inbox_cursor = next;
                    tx.set_connection(&account, Some(&connection))?;
                    for (message, post, wish) in wishes {
                        let by = format!("{} on {account}", message.handle);
                        let text = match grant(tx, post, wish, &by, zone, now) {
                            Ok(text) => text,
                            Err(ReviewError::Store(error)) => return Err(error),
                            Err(error) => error.to_string(),
                        };
                        tracing::info!(%post, by, text, "answered");
                        answer(tx, &account, message, text, now)?;
                    }
                    Ok::<_, StoreError>(())
                })
                .await
                .map_err(broken)?;
            if !page.more {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The post that a message is about, and what it asks for; none: it is no answer to a
    /// draft, or of somebody who has no say.
    async fn wish(
        &self,
        config: &Config,
        through: &Through,
        message: &Message,
    ) -> Result<Option<(Id, Wish)>, StoreError> {
        let view = self.store.view();
        let mut words = message.text.as_str();
        let mut found = None;
        if let Some(answered) = &message.in_reply_to {
            found = self.asked_by(&through.account, answered)?;
        }
        if found.is_none()
            && let Some((number, rest)) = content::numbered(&message.text)
            && view
                .post(Id(number))?
                .is_some_and(|post| post.review.is_some())
        {
            found = Some((Id(number), None));
            words = rest;
        }
        let Some((id, sent_as)) = found else {
            return Ok(None);
        };
        if !through.lets(&message.author, &message.handle) {
            tracing::warn!(post = %id, author = message.author, handle = message.handle,
                "an answer of somebody who is not among `approval.from`");
            return Ok(None);
        }
        let post = view.post(id)?;
        let current = post
            .and_then(|post| post.review)
            .and_then(|review| review.message);
        if sent_as.is_some() && sent_as != current {
            let text =
                format!("Post {id} has other words by now: answer the draft that was sent last.");
            return Ok(Some((id, Wish::Nothing(text))));
        }
        let wish = match content::said(words) {
            Said::Yes => Wish::Approve,
            Said::No(because) => Wish::Reject(because),
            Said::Unclear => Wish::Nothing(format!(
                "Post {id} still waits: \"ok\", \"no: why\", or a new text of more than a word."
            )),
            Said::Words(text) => {
                let edit = Edit {
                    post: id,
                    text,
                    account: None,
                };
                let connectors = Some(self.connectors.as_ref());
                match content::check_edit(&self.store, config, connectors, &edit).await {
                    Ok((revised, problems)) if !content::is_refused(&problems) => {
                        Wish::Edit(Box::new(revised))
                    }
                    Ok((_, problems)) => Wish::Nothing(refusal(id, &problems)),
                    Err(ReviewError::Store(error)) => return Err(error),
                    Err(error) => Wish::Nothing(error.to_string()),
                }
            }
        };
        Ok(Some((id, wish)))
    }

    /// The post about which this message of the account asked, and the post that it was.
    fn asked_by(
        &self,
        account: &str,
        message: &str,
    ) -> Result<Option<(Id, Option<Id>)>, StoreError> {
        let view = self.store.view();
        let is_it = |receipt: &Receipt| {
            receipt.id == message || receipt.parts.iter().any(|part| part == message)
        };
        for asking in view.latest_posts(LOOKED_AT)? {
            let Origin::Approval { post } = asking.origin else {
                continue;
            };
            for id in &asking.deliveries {
                let delivery = view.delivery(*id)?;
                let sent = delivery.filter(|one| one.account == account);
                if sent.and_then(|one| one.receipt).as_ref().is_some_and(is_it) {
                    return Ok(Some((post, Some(asking.id))));
                }
            }
        }
        Ok(None)
    }

    /// Notes whether the inbox can be read.
    async fn heard(&self, account: &str, fault: Option<String>) -> Result<(), StoreError> {
        let (account, now) = (account.to_owned(), self.clock.now());
        let note = format!("unheard:{account}");
        if fault.is_none() && self.store.view().note(&note)?.is_none() {
            return Ok(());
        }
        if let Some(reason) = &fault {
            tracing::warn!(account, reason, "answers can't be read");
        }
        self.store
            .write(move |tx| {
                let Some(reason) = fault else {
                    tx.set_note(&note, None);
                    return alarm::clear(tx, &Cause::unheard_key(&account), now);
                };
                let since = match tx.note(&note)? {
                    Some(since) => since,
                    None => {
                        tx.set_note(&note, Some(now));
                        now
                    }
                };
                if now.since(since) >= UNHEARD {
                    alarm::raise(tx, &Cause::unheard(&account, &reason), now)?;
                }
                Ok(())
            })
            .await
    }

    /// The draft as it is put before a person: its number, accounts, time, words and files.
    fn question(&self, config: &Config, post: &Post, deliveries: &[Delivery], zone: Tz) -> Draft {
        let waiting: Vec<&Delivery> = deliveries
            .iter()
            .filter(|delivery| delivery.state == State::Pending)
            .collect();
        let mut text = format!("Post {}", post.id);
        let named = [&post.pillar, &post.campaign];
        for name in named.into_iter().flatten() {
            text.push_str(&format!(" · {name}"));
        }
        for delivery in &waiting {
            text.push_str(&format!(
                "\n{} {}",
                delivery.account,
                local(delivery.due, zone)
            ));
        }
        let first = waiting.iter().map(|delivery| delivery.due).min();
        if let (Some(review), Some(due)) = (&post.review, first) {
            let deadline = local(review.deadline(due), zone);
            let end = review.terms.on_deadline.name();
            text.push_str(&format!("\nWithout an answer by {deadline}: {end}"));
        }
        text.push_str("\n\n");
        text.push_str(post.draft.text.trim());
        for (number, part) in post.draft.thread.iter().enumerate() {
            text.push_str(&format!("\n\n({}) {}", number + 2, part.text.trim()));
        }
        for delivery in &waiting {
            let Some(account) = config.accounts.get(&delivery.account) else {
                continue;
            };
            let own = match self.connectors.connector(&account.name) {
                Ok(connector) => {
                    let connector = connector.as_ref();
                    publish::in_words(connector, &post.draft, &account.name, &account.plugin)
                }
                Err(_) => post.draft.in_words_of(&account.name, &account.plugin),
            };
            if (&own.text, &own.thread) == (&post.draft.text, &post.draft.thread) {
                continue;
            }
            text.push_str(&format!("\n\n{}:\n{}", account.name, own.text.trim()));
            for (number, part) in own.thread.iter().enumerate() {
                text.push_str(&format!("\n\n({}) {}", number + 2, part.text.trim()));
            }
        }
        if let Some(link) = &post.draft.link {
            text.push_str(&format!("\n\n{}", link.url));
        }
        text.push_str("\n\nAnswer this with \"ok\", \"no: why\", or the text as it should be.");
        let mut pieces = pieces(&text).into_iter();
        Draft {
            text: pieces.next().unwrap_or_default(),
            thread: pieces
                .map(|text| ThreadPart {
                    text,
                    media: Vec::new(),
                })
                .collect(),
            media: post.draft.media.iter().take(10).cloned().collect(),
            visibility: Some(Visibility::Direct),
            ..Draft::default()
        }
    }

    /// Brings an answer to whoever wrote. It is said once, or not at all: where nobody knows
    /// whether it was, it is not said again.
    pub(super) async fn reply(&self, job: Id, account: &str, reply: &Reply) -> Disposition {
        match self.try_to_reply(job, account, reply).await {
            Ok(disposition) => disposition,
            Err(error) => Disposition::Fault(Fault::Transient(error.to_string())),
        }
    }

    async fn try_to_reply(
        &self,
        job: Id,
        account: &str,
        reply: &Reply,
    ) -> Result<Disposition, StoreError> {
        let note = begun_note(job);
        let now = self.clock.now();
        if self.store.view().note(&note)?.is_some() {
            tracing::warn!(
                account,
                "an answer may have been said, and is not said again"
            );
            return Ok(Disposition::Done);
        }
        let connector = match self.connectors.connector(account) {
            Ok(connector) => connector,
            Err(error) => return Ok(Disposition::Fault(Fault::Transient(error.to_string()))),
        };
        let begun = note.clone();
        self.store
            .write(move |tx| {
                tx.set_note(&begun, Some(now));
                Ok::<_, StoreError>(())
            })
            .await?;
        let answer = connector.reply(reply.clone()).await;
        Ok(match answer.result {
            Ok(_) => Disposition::Done,
            Err(fault @ (Fault::RateLimited(_) | Fault::Transient(_))) if !answer.sent => {
                self.store
                    .write(move |tx| {
                        forget_reply(tx, job);
                        Ok::<_, StoreError>(())
                    })
                    .await?;
                Disposition::Fault(fault)
            }
            Err(fault) => {
                tracing::warn!(account, %fault, "an answer was not said");
                Disposition::Done
            }
        })
    }
}

/// That an answer was begun; gone in the batch that ends its job, so that nothing between the
/// two says it again.
fn begun_note(job: Id) -> String {
    format!("reply:{job}")
}

pub(super) fn forget_reply(tx: &mut Tx<'_>, job: Id) {
    tx.set_note(&begun_note(job), None);
}

/// Does what was asked for; what is answered.
fn grant(
    tx: &mut Tx<'_>,
    id: Id,
    wish: Wish,
    by: &str,
    zone: Tz,
    now: Timestamp,
) -> Result<String, ReviewError> {
    match wish {
        Wish::Nothing(text) => Ok(text),
        Wish::Approve => {
            let post = publish::decide(tx, id, Decision::Approved, by, now)?;
            Ok(format!(
                "Post {id} is approved: {}.",
                times(tx, &post, zone)?
            ))
        }
        Wish::Reject(because) => {
            let planned = plan::reject_in(tx, id, because, by, now)?;
            Ok(match planned {
                Some(_) => format!("Post {id} is rejected; its slot gets another."),
                None => format!("Post {id} is rejected."),
            })
        }
        Wish::Edit(revised) => {
            content::write_edit(tx, *revised, now)?;
            let post = publish::decide(tx, id, Decision::Approved, by, now)?;
            let times = times(tx, &post, zone)?;
            Ok(format!(
                "Post {id} has your words, and is approved: {times}."
            ))
        }
    }
}

/// `cafe Mon 2026-11-23 18:00 +04, shop …`
fn times(tx: &Tx<'_>, post: &Post, zone: Tz) -> Result<String, StoreError> {
    let mut times = Vec::new();
    for id in &post.deliveries {
        if let Some(Delivery { account, due, .. }) = tx.delivery(*id)? {
            times.push(format!("{account} {}", local(due, zone)));
        }
    }
    Ok(times.join(", "))
}

/// Says something to whoever wrote, in the batch that takes on what they wrote.
fn answer(
    tx: &mut Tx<'_>,
    account: &str,
    to: Message,
    text: String,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut random = [0; 16];
    getrandom::fill(&mut random)
        .map_err(|error| StoreError::Invalid(format!("no random numbers: {error}")))?;
    tx.enqueue(
        NewJob {
            lane: format!("reply:{account}"),
            priority: Priority::Urgent,
            due: now,
            work: Work::Reply {
                account: account.to_owned(),
                reply: Box::new(Reply {
                    to,
                    text,
                    key: crate::model::DeliveryKey::from_random(random).to_string(),
                    created_at: now,
                }),
            },
        },
        now,
    )?;
    Ok(())
}

fn refusal(id: Id, problems: &[(String, Problem)]) -> String {
    let refused = problems
        .iter()
        .filter(|(_, problem)| problem.severity == crate::model::Severity::Error);
    let lines: Vec<String> = refused
        .map(|(account, problem)| format!("{account}: {}: {}", problem.place, problem.message))
        .collect();
    format!(
        "Not taken, and post {id} is as it was:\n{}",
        lines.join("\n")
    )
}

fn zone_of(config: &Config, account: &str) -> Tz {
    config
        .accounts
        .get(account)
        .and_then(|account| config.brands.get(&account.brand))
        .map_or(Tz::UTC, |brand| brand.time_zone)
}

/// A text in parts that any chat takes, cut at white space where there is some.
fn pieces(text: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((end, _)) = rest.char_indices().nth(PIECE) {
        let cut = rest[..end].rfind(char::is_whitespace).filter(|at| *at > 0);
        let (piece, others) = rest.split_at(cut.unwrap_or(end));
        pieces.push(piece.trim_end().to_owned());
        rest = others.trim_start();
    }
    pieces.push(rest.to_owned());
    pieces
}
