//! What the stations ask plugins for: one function for each of the interface's.

use crate::model::{Draft, MediaItem, Metric, PastPost, Problem, Receipt, Timestamp};

use super::bindings::exports::jarchi::plugin::{inbox as messages, promoter as ads};
use super::call::Called;
use super::component::Capability;
use super::convert;
use super::registry::Plugin;
use super::types::{
    Batch, Brief, Finding, Outcome, PostMetrics, PublishRequest, Standing, Subject, Target,
};

/// Calls an exported function on an instance of its own, and converts what it gives back.
macro_rules! call {
    (
        $plugin:expr, $capability:ident, $indices:ident, $name:literal, $subject:expr, $media:expr,
        |$guest:ident, $store:ident| $call:expr,
        |$answer:pat_param| $convert:expr
    ) => {{
        $plugin
            .call(
                Capability::$capability,
                concat!(stringify!($indices), ".", $name),
                $subject,
                $media,
                Box::new(move |$store, instance| {
                    Box::pin(async move {
                        let indices = $store.data().ready.indices.$indices.clone();
                        let Some(indices) = indices else {
                            wasmtime::bail!("the capability is not exported");
                        };
                        let $guest = indices.load(&mut *$store, instance)?;
                        Ok(match $call.await? {
                            Ok($answer) => Ok($convert),
                            Err(error) => Err(error),
                        })
                    })
                }),
            )
            .await
    }};
}

fn files_of(draft: &Draft) -> Vec<MediaItem> {
    draft.files().cloned().collect()
}

/// `publisher`.
impl Plugin {
    /// What the platform would refuse or do otherwise, told before anything is sent.
    pub async fn validate(&self, subject: &Subject, draft: &Draft) -> Called<Vec<Problem>> {
        let account = convert::account(subject);
        let post = convert::post(draft, self.name());
        call!(
            self,
            Publisher,
            publisher,
            "validate",
            subject,
            files_of(draft),
            |guest, store| guest.call_validate(&mut *store, &account, &post),
            |problems| convert::problems(problems)
        )
    }

    /// Publishes, or does the first step of it.
    pub async fn publish(&self, subject: &Subject, request: PublishRequest<'_>) -> Called<Outcome> {
        let delivery = convert::delivery(subject, &request, self.name());
        call!(
            self,
            Publisher,
            publisher,
            "publish",
            subject,
            files_of(request.draft),
            |guest, store| guest.call_publish(&mut *store, &delivery),
            |outcome| convert::outcome(outcome)?
        )
    }

    /// The step after `state`, which is what the step before gave.
    pub async fn resume(
        &self,
        subject: &Subject,
        request: PublishRequest<'_>,
        state: &str,
    ) -> Called<Outcome> {
        let delivery = convert::delivery(subject, &request, self.name());
        let state = state.to_owned();
        call!(
            self,
            Publisher,
            publisher,
            "resume",
            subject,
            files_of(request.draft),
            |guest, store| guest.call_resume(&mut *store, &delivery, &state),
            |outcome| convert::outcome(outcome)?
        )
    }

    /// Looks for a delivery whose outcome is unknown. `state` is that of the step that was
    /// under way, `since` the time when its first attempt began. The files of the post
    /// need not be there any more.
    pub async fn find_published(
        &self,
        subject: &Subject,
        request: PublishRequest<'_>,
        state: Option<&str>,
        since: Timestamp,
    ) -> Called<Finding> {
        let delivery = convert::delivery(subject, &request, self.name());
        let state = state.map(str::to_owned);
        call!(
            self,
            Publisher,
            publisher,
            "find-published",
            subject,
            Vec::new(),
            |guest, store| guest.call_find_published(
                &mut *store,
                &delivery,
                state.as_ref(),
                since.millis()
            ),
            |finding| convert::finding(finding)?
        )
    }

    /// Takes a published post back.
    pub async fn delete(&self, subject: &Subject, receipt: &Receipt) -> Called<()> {
        let account = convert::account(subject);
        let receipt = convert::receipt_to_wit(receipt);
        call!(
            self,
            Publisher,
            publisher,
            "delete",
            subject,
            Vec::new(),
            |guest, store| guest.call_delete(&mut *store, &account, &receipt),
            |()| ()
        )
    }
}

/// `connection`.
impl Plugin {
    /// The profiles that the account's credentials open.
    pub async fn targets(&self, subject: &Subject) -> Called<Vec<Target>> {
        let account = convert::account(subject);
        call!(
            self,
            Connection,
            connection,
            "targets",
            subject,
            Vec::new(),
            |guest, store| guest.call_targets(&mut *store, &account),
            |targets| convert::targets(targets)?
        )
    }

    /// Whether the account's profile can be reached in its name.
    pub async fn check(&self, subject: &Subject) -> Called<Standing> {
        let account = convert::account(subject);
        call!(
            self,
            Connection,
            connection,
            "check",
            subject,
            Vec::new(),
            |guest, store| guest.call_check(&mut *store, &account),
            |standing| convert::standing(standing)
        )
    }
}

/// `analytics`.
impl Plugin {
    /// The numbers of posts. Those that the platform did not answer for are left out.
    pub async fn measure_posts(
        &self,
        subject: &Subject,
        receipts: &[Receipt],
    ) -> Called<Vec<PostMetrics>> {
        let account = convert::account(subject);
        let receipts: Vec<_> = receipts.iter().map(convert::receipt_to_wit).collect();
        call!(
            self,
            Analytics,
            analytics,
            "measure-posts",
            subject,
            Vec::new(),
            |guest, store| guest.call_measure_posts(&mut *store, &account, &receipts),
            |posts| convert::post_metrics(posts)?
        )
    }

    /// The numbers of the account itself.
    pub async fn measure_account(&self, subject: &Subject) -> Called<Vec<Metric>> {
        let account = convert::account(subject);
        call!(
            self,
            Analytics,
            analytics,
            "measure-account",
            subject,
            Vec::new(),
            |guest, store| guest.call_measure_account(&mut *store, &account),
            |metrics| convert::metrics(metrics)?
        )
    }
}

/// `generator`.
impl Plugin {
    /// Asks for drafts. A draft that can't be used is a problem of the batch.
    pub async fn generate(&self, subject: &Subject, brief: &Brief) -> Called<Batch> {
        let history = self.whole(brief.history.clone()).await;
        let files: Vec<MediaItem> = history
            .iter()
            .flat_map(|past| files_of(&past.draft))
            .collect();
        let brief = convert::brief(subject, brief, &history);
        call!(
            self,
            Generator,
            generator,
            "generate",
            subject,
            files,
            |guest, store| guest.call_generate(&mut *store, &brief),
            |batch| {
                let files = store.data().files.clone();
                tokio::task::spawn_blocking(move || convert::batch(batch, &files)).await?
            }
        )
    }
}

impl Plugin {
    /// The posts of which all files are there as they were.
    async fn whole(&self, history: Vec<PastPost>) -> Vec<PastPost> {
        if history
            .iter()
            .all(|past| past.draft.files().next().is_none())
        {
            return history;
        }
        let library = self.library().clone();
        let checked = tokio::task::spawn_blocking(move || {
            let mut history = history;
            history.retain(|past| past.draft.files().all(|item| library.has(item)));
            history
        });
        checked.await.unwrap_or_default()
    }
}

/// `inbox`, in the interface's own types.
impl Plugin {
    /// Messages after the cursor, oldest first.
    pub async fn fetch_messages(
        &self,
        subject: &Subject,
        cursor: Option<String>,
    ) -> Called<messages::Page> {
        let account = convert::account(subject);
        call!(
            self,
            Inbox,
            inbox,
            "fetch",
            subject,
            Vec::new(),
            |guest, store| guest.call_fetch(&mut *store, &account, cursor.as_deref()),
            |page| page
        )
    }

    pub async fn reply(&self, subject: &Subject, answer: messages::Answer) -> Called<Receipt> {
        let account = convert::account(subject);
        call!(
            self,
            Inbox,
            inbox,
            "reply",
            subject,
            Vec::new(),
            |guest, store| guest.call_reply(&mut *store, &account, &answer),
            |receipt| convert::receipt(receipt)
        )
    }

    /// Looks for a reply whose outcome is unknown.
    pub async fn find_reply(
        &self,
        subject: &Subject,
        answer: messages::Answer,
        since: Timestamp,
    ) -> Called<messages::Finding> {
        let account = convert::account(subject);
        call!(
            self,
            Inbox,
            inbox,
            "find-reply",
            subject,
            Vec::new(),
            |guest, store| guest.call_find_reply(&mut *store, &account, &answer, since.millis()),
            |finding| finding
        )
    }

    pub async fn mark_read(&self, subject: &Subject, read: Vec<messages::Message>) -> Called<()> {
        let account = convert::account(subject);
        call!(
            self,
            Inbox,
            inbox,
            "mark-read",
            subject,
            Vec::new(),
            |guest, store| guest.call_mark_read(&mut *store, &account, &read),
            |()| ()
        )
    }

    pub async fn hide_message(&self, subject: &Subject, message: messages::Message) -> Called<()> {
        let account = convert::account(subject);
        call!(
            self,
            Inbox,
            inbox,
            "hide",
            subject,
            Vec::new(),
            |guest, store| guest.call_hide(&mut *store, &account, &message),
            |()| ()
        )
    }

    pub async fn like_message(&self, subject: &Subject, message: messages::Message) -> Called<()> {
        let account = convert::account(subject);
        call!(
            self,
            Inbox,
            inbox,
            "like",
            subject,
            Vec::new(),
            |guest, store| guest.call_like(&mut *store, &account, &message),
            |()| ()
        )
    }
}

/// `promoter`, in the interface's own types.
impl Plugin {
    /// What the platform would refuse of a promotion.
    pub async fn validate_promotion(
        &self,
        subject: &Subject,
        promotion: ads::Promotion,
    ) -> Called<Vec<Problem>> {
        let account = convert::account(subject);
        call!(
            self,
            Promoter,
            promoter,
            "validate",
            subject,
            Vec::new(),
            |guest, store| guest.call_validate(&mut *store, &account, &promotion),
            |problems| convert::problems(problems)
        )
    }

    pub async fn start_promotion(
        &self,
        subject: &Subject,
        promotion: ads::Promotion,
    ) -> Called<ads::Campaign> {
        let account = convert::account(subject);
        call!(
            self,
            Promoter,
            promoter,
            "start",
            subject,
            Vec::new(),
            |guest, store| guest.call_start(&mut *store, &account, &promotion),
            |campaign| campaign
        )
    }

    /// Looks for a promotion whose start has an unknown outcome.
    pub async fn find_started(
        &self,
        subject: &Subject,
        promotion: ads::Promotion,
        since: Timestamp,
    ) -> Called<ads::Finding> {
        let account = convert::account(subject);
        call!(
            self,
            Promoter,
            promoter,
            "find-started",
            subject,
            Vec::new(),
            |guest, store| guest.call_find_started(
                &mut *store,
                &account,
                &promotion,
                since.millis()
            ),
            |finding| finding
        )
    }

    pub async fn pause_campaign(
        &self,
        subject: &Subject,
        campaign: ads::Campaign,
    ) -> Called<ads::Campaign> {
        let account = convert::account(subject);
        call!(
            self,
            Promoter,
            promoter,
            "pause",
            subject,
            Vec::new(),
            |guest, store| guest.call_pause(&mut *store, &account, &campaign),
            |campaign| campaign
        )
    }

    pub async fn resume_campaign(
        &self,
        subject: &Subject,
        campaign: ads::Campaign,
    ) -> Called<ads::Campaign> {
        let account = convert::account(subject);
        call!(
            self,
            Promoter,
            promoter,
            "resume",
            subject,
            Vec::new(),
            |guest, store| guest.call_resume(&mut *store, &account, &campaign),
            |campaign| campaign
        )
    }

    pub async fn end_campaign(
        &self,
        subject: &Subject,
        campaign: ads::Campaign,
    ) -> Called<ads::Campaign> {
        let account = convert::account(subject);
        call!(
            self,
            Promoter,
            promoter,
            "end",
            subject,
            Vec::new(),
            |guest, store| guest.call_end(&mut *store, &account, &campaign),
            |campaign| campaign
        )
    }

    /// Where campaigns stand, and what they spent.
    pub async fn read_campaigns(
        &self,
        subject: &Subject,
        campaigns: Vec<ads::Campaign>,
    ) -> Called<Vec<ads::Campaign>> {
        let account = convert::account(subject);
        call!(
            self,
            Promoter,
            promoter,
            "read",
            subject,
            Vec::new(),
            |guest, store| guest.call_read(&mut *store, &account, &campaigns),
            |campaigns| campaigns
        )
    }
}
