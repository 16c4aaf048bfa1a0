//! What the server holds: accounts, tokens, media and statuses.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use axum::body::Bytes;
use serde::Serialize;

use super::error::Refusal;
use super::rates::Counters;
use crate::model::{TimeSpan, Timestamp};

/// How long an idempotency key is remembered.
const KEY_KEPT: TimeSpan = TimeSpan::from_hours(1);

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) accounts: BTreeMap<u64, Account>,
    pub(super) tokens: HashMap<String, Token>,
    pub(super) media: BTreeMap<u64, Media>,
    pub(super) statuses: BTreeMap<u64, Status>,
    /// By account and key: the status, and when it was made.
    keys: HashMap<(u64, String), (u64, Timestamp)>,
    pub(super) counters: Counters,
    pub(super) book: Vec<Entry>,
    last_id: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) id: u64,
    pub(super) username: String,
    pub(super) display_name: String,
    pub(super) created_at: Timestamp,
    pub(super) followers: u64,
    pub(super) following: u64,
    /// In the order of their making, those of others that were boosted included.
    pub(super) statuses: BTreeSet<u64>,
}

#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) account: u64,
    pub(super) scopes: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum MediaType {
    Image,
    Gifv,
    Video,
    Audio,
}

#[derive(Clone, Debug)]
pub(super) struct Media {
    pub(super) id: u64,
    pub(super) account: u64,
    pub(super) kind: MediaType,
    pub(super) mime: &'static str,
    pub(super) extension: &'static str,
    pub(super) bytes: Bytes,
    pub(super) size: Option<(usize, usize)>,
    pub(super) description: Option<String>,
    pub(super) focus: Option<(f64, f64)>,
    /// So many more looks find it unfinished.
    pub(super) unfinished: u32,
    pub(super) status: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Visibility {
    Public,
    Unlisted,
    Private,
    Direct,
}

#[derive(Clone, Debug)]
pub(super) struct Poll {
    pub(super) id: u64,
    pub(super) options: Vec<String>,
    pub(super) expires_at: Timestamp,
    pub(super) multiple: bool,
    pub(super) hide_totals: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Status {
    pub(super) id: u64,
    pub(super) account: u64,
    pub(super) created_at: Timestamp,
    pub(super) text: String,
    pub(super) spoiler: String,
    pub(super) visibility: Visibility,
    pub(super) sensitive: bool,
    pub(super) language: Option<String>,
    pub(super) parent: Option<u64>,
    pub(super) media: Vec<u64>,
    pub(super) poll: Option<Poll>,
    pub(super) boosted: Option<u64>,
    pub(super) replies: BTreeSet<u64>,
    pub(super) favourites: BTreeSet<u64>,
    /// By account: the status that boosts this one.
    pub(super) boosts: BTreeMap<u64, u64>,
}

/// What was received, for comparing with what was sent.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    pub id: String,
    /// The user name.
    pub account: String,
    pub key: Option<String>,
    pub at: Timestamp,
    pub text: String,
    pub spoiler_text: String,
    pub visibility: String,
    pub sensitive: bool,
    pub language: Option<String>,
    pub in_reply_to_id: Option<String>,
    pub media: Vec<MediaEntry>,
    /// The options.
    pub poll: Option<Vec<String>>,
    /// How often the same key came again and got this status.
    pub repeats: u32,
    pub deleted: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MediaEntry {
    pub id: String,
    pub mime: String,
    /// Bytes.
    pub size: usize,
    /// BLAKE3 of the bytes, lower-case hexadecimal.
    pub digest: String,
    pub description: Option<String>,
    pub focus: Option<(f64, f64)>,
}

impl State {
    /// Grows with time, as the server's own do.
    pub(super) fn next_id(&mut self, now: Timestamp) -> u64 {
        self.last_id = (self.last_id + 1).max(now.millis() << 16);
        self.last_id
    }

    pub(super) fn account_named(&self, username: &str) -> Option<&Account> {
        self.accounts
            .values()
            .find(|account| account.username.eq_ignore_ascii_case(username))
    }

    /// A status that this account may see.
    pub(super) fn visible(&self, id: &str, viewer: Option<u64>) -> Result<&Status, Refusal> {
        id.parse()
            .ok()
            .and_then(|id| self.statuses.get(&id))
            .filter(|status| status.is_visible_to(viewer))
            .ok_or_else(Refusal::not_found)
    }

    /// The status that this key stands for, where it came before.
    pub(super) fn repeated(&mut self, account: u64, key: &str, now: Timestamp) -> Option<u64> {
        let (status, at) = *self.keys.get(&(account, key.to_owned()))?;
        if now.since(at) >= KEY_KEPT {
            return None;
        }
        let id = status.to_string();
        if let Some(entry) = self.book.iter_mut().rev().find(|entry| entry.id == id) {
            entry.repeats += 1;
        }
        Some(status)
    }

    pub(super) fn remember(&mut self, account: u64, key: &str, status: u64, now: Timestamp) {
        self.keys.insert((account, key.to_owned()), (status, now));
    }

    pub(super) fn add(&mut self, status: Status) {
        if let Some(account) = self.accounts.get_mut(&status.account) {
            account.statuses.insert(status.id);
        }
        if let Some(parent) = status.parent.and_then(|id| self.statuses.get_mut(&id)) {
            parent.replies.insert(status.id);
        }
        for id in &status.media {
            if let Some(media) = self.media.get_mut(id) {
                media.status = Some(status.id);
            }
        }
        self.statuses.insert(status.id, status);
    }

    /// With its boosts. Replies stay, and answer nothing any more.
    pub(super) fn remove(&mut self, id: u64) -> Option<Status> {
        let status = self.statuses.remove(&id)?;
        for boost in status.boosts.values() {
            self.remove(*boost);
        }
        if let Some(account) = self.accounts.get_mut(&status.account) {
            account.statuses.remove(&id);
        }
        if let Some(parent) = status.parent.and_then(|id| self.statuses.get_mut(&id)) {
            parent.replies.remove(&id);
        }
        if let Some(boosted) = status.boosted.and_then(|id| self.statuses.get_mut(&id)) {
            boosted.boosts.remove(&status.account);
        }
        for reply in &status.replies {
            if let Some(reply) = self.statuses.get_mut(reply) {
                reply.parent = None;
            }
        }
        for media in &status.media {
            self.media.remove(media);
        }
        let id = id.to_string();
        if let Some(entry) = self.book.iter_mut().rev().find(|entry| entry.id == id) {
            entry.deleted = true;
        }
        Some(status)
    }

    pub(super) fn favourite(&mut self, status: u64, account: u64, on: bool) {
        if let Some(status) = self.statuses.get_mut(&status) {
            if on {
                status.favourites.insert(account);
            } else {
                status.favourites.remove(&account);
            }
        }
    }

    /// The status that boosts, a new one unless there is one.
    pub(super) fn boost(&mut self, boosted: u64, account: u64, now: Timestamp) -> Option<u64> {
        let original = self.statuses.get(&boosted)?;
        if let Some(boost) = original.boosts.get(&account) {
            return Some(*boost);
        }
        let boost = Status {
            id: 0,
            account,
            created_at: now,
            text: String::new(),
            boosted: Some(boosted),
            parent: None,
            media: Vec::new(),
            poll: None,
            replies: BTreeSet::new(),
            favourites: BTreeSet::new(),
            boosts: BTreeMap::new(),
            ..original.clone()
        };
        let id = self.next_id(now);
        self.add(Status { id, ..boost });
        if let Some(original) = self.statuses.get_mut(&boosted) {
            original.boosts.insert(account, id);
        }
        Some(id)
    }
}

impl Status {
    pub(super) fn is_visible_to(&self, viewer: Option<u64>) -> bool {
        matches!(self.visibility, Visibility::Public | Visibility::Unlisted)
            || viewer == Some(self.account)
    }
}

impl Visibility {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Visibility::Public => "public",
            Visibility::Unlisted => "unlisted",
            Visibility::Private => "private",
            Visibility::Direct => "direct",
        }
    }

    pub(super) fn parse(name: &str) -> Option<Self> {
        [
            Visibility::Public,
            Visibility::Unlisted,
            Visibility::Private,
            Visibility::Direct,
        ]
        .into_iter()
        .find(|visibility| visibility.name() == name)
    }
}
