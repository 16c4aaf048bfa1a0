//! The API's entities as JSON.

use chrono::SecondsFormat;
use serde_json::{Value, json};

use super::Server;
use super::media::MIME_TYPES;
use super::state::{Account, Media, Poll, State, Status};
use super::text::{self, EntityKind};
use crate::model::Timestamp;

/// The version of Mastodon that is stood in for.
const VERSION: &str = "4.5.0";

pub(super) fn moment(at: Timestamp) -> String {
    at.to_utc().to_rfc3339_opts(SecondsFormat::Millis, true)
}

impl Server {
    pub(super) fn account_json(&self, account: &Account) -> Value {
        let page = format!("{}/@{}", self.base, account.username);
        let avatar = format!("{}/avatars/{}.svg", self.base, account.id);
        let last = account.statuses.last().map(|id| {
            let at = Timestamp(id >> 16);
            at.to_utc().format("%Y-%m-%d").to_string()
        });
        json!({
            "id": account.id.to_string(),
            "username": account.username,
            "acct": account.username,
            "display_name": account.display_name,
            "locked": false,
            "bot": false,
            "discoverable": true,
            "indexable": false,
            "group": false,
            "created_at": moment(account.created_at),
            "note": "",
            "url": page,
            "uri": format!("{}/users/{}", self.base, account.username),
            "avatar": avatar,
            "avatar_static": avatar,
            "avatar_description": "",
            "header": avatar,
            "header_static": avatar,
            "header_description": "",
            "followers_count": account.followers,
            "following_count": account.following,
            "statuses_count": account.statuses.len(),
            "last_status_at": last,
            "hide_collections": false,
            "noindex": false,
            "emojis": [],
            "roles": [],
            "fields": [],
        })
    }

    /// As its owner sees it.
    pub(super) fn credentials_json(&self, account: &Account) -> Value {
        let mut json = self.account_json(account);
        json["source"] = json!({
            "privacy": "public",
            "sensitive": false,
            "language": null,
            "note": "",
            "fields": [],
            "follow_requests_count": 0,
            "hide_collections": false,
            "discoverable": true,
            "indexable": false,
            "attribution_domains": [],
            "quote_policy": "public",
        });
        json["role"] = json!({
            "id": "-99",
            "name": "",
            "permissions": "65536",
            "color": "",
            "highlighted": false,
        });
        json
    }

    pub(super) fn media_json(&self, media: &Media) -> Value {
        let file = format!("{}/files/{}.{}", self.base, media.id, media.extension);
        let done = media.unfinished == 0;
        let mut meta = json!({});
        if done && let Some((width, height)) = media.size {
            let size = json!({
                "width": width,
                "height": height,
                "size": format!("{width}x{height}"),
                "aspect": width as f64 / height as f64,
            });
            meta["original"] = size.clone();
            meta["small"] = size;
        }
        if let Some((x, y)) = media.focus {
            meta["focus"] = json!({ "x": x, "y": y });
        }
        json!({
            "id": media.id.to_string(),
            "type": media.kind,
            "url": done.then_some(&file),
            "preview_url": done.then_some(&file),
            "remote_url": null,
            "meta": meta,
            "description": media.description,
            "blurhash": null,
        })
    }

    fn poll_json(&self, poll: &Poll) -> Value {
        let expired = poll.expires_at <= self.now();
        let votes = (expired || !poll.hide_totals).then_some(0);
        let options: Vec<Value> = poll
            .options
            .iter()
            .map(|title| json!({ "title": title, "votes_count": votes }))
            .collect();
        json!({
            "id": poll.id.to_string(),
            "expires_at": moment(poll.expires_at),
            "expired": expired,
            "multiple": poll.multiple,
            "votes_count": 0,
            "voters_count": 0,
            "voted": true,
            "own_votes": [],
            "options": options,
            "emojis": [],
        })
    }

    pub(super) fn status_json(&self, state: &State, status: &Status, viewer: Option<u64>) -> Value {
        let author = state.accounts.get(&status.account);
        let username = author.map_or("", |account| account.username.as_str());
        let path = format!("{username}/statuses/{}", status.id);
        let mut tags = Vec::new();
        let mut mentions = Vec::new();
        for entity in text::entities(&status.text) {
            match entity.kind {
                EntityKind::Hashtag(name) => {
                    let name = name.to_lowercase();
                    let url = format!("{}/tags/{name}", self.base);
                    let tag = json!({ "name": name, "url": url });
                    if !tags.contains(&tag) {
                        tags.push(tag);
                    }
                }
                EntityKind::Mention { user, domain: None } => {
                    if let Some(account) = state.account_named(&user) {
                        mentions.push(json!({
                            "id": account.id.to_string(),
                            "username": account.username,
                            "acct": account.username,
                            "url": format!("{}/@{}", self.base, account.username),
                        }));
                    }
                }
                _ => {}
            }
        }
        let media: Vec<Value> = status
            .media
            .iter()
            .filter_map(|id| state.media.get(id))
            .map(|media| self.media_json(media))
            .collect();
        let boosted = status.boosted.and_then(|id| state.statuses.get(&id));
        let shown = boosted.unwrap_or(status);
        let parent = status.parent.and_then(|id| state.statuses.get(&id));
        let mut json = json!({
            "id": status.id.to_string(),
            "created_at": moment(status.created_at),
            "in_reply_to_id": status.parent.map(|id| id.to_string()),
            "in_reply_to_account_id": parent.map(|parent| parent.account.to_string()),
            "sensitive": status.sensitive,
            "spoiler_text": status.spoiler,
            "visibility": status.visibility,
            "language": status.language,
            "uri": format!("{}/users/{path}", self.base),
            "url": format!("{}/@{username}/{}", self.base, status.id),
            "replies_count": shown.replies.len(),
            "reblogs_count": shown.boosts.len(),
            "favourites_count": shown.favourites.len(),
            "quotes_count": 0,
            "edited_at": null,
            "content": self.content(state, status),
            "reblog": boosted.map(|boosted| self.status_json(state, boosted, viewer)),
            "application": { "name": "Jarchi", "website": null },
            "account": author.map(|account| self.account_json(account)),
            "media_attachments": media,
            "mentions": mentions,
            "tags": tags,
            "emojis": [],
            "card": null,
            "poll": status.poll.as_ref().map(|poll| self.poll_json(poll)),
        });
        if let Some(viewer) = viewer {
            json["favourited"] = shown.favourites.contains(&viewer).into();
            json["reblogged"] = shown.boosts.contains_key(&viewer).into();
            json["muted"] = false.into();
            json["bookmarked"] = false.into();
            json["filtered"] = json!([]);
            if viewer == status.account {
                json["pinned"] = false.into();
            }
        }
        json
    }

    pub(super) fn content(&self, state: &State, status: &Status) -> String {
        text::html(
            &status.text,
            &format!("{}/tags", self.base),
            |user, domain| {
                let account = state.account_named(user).filter(|_| domain.is_none())?;
                Some(format!("{}/@{}", self.base, account.username))
            },
        )
    }

    fn configuration(&self) -> Value {
        let rules = &self.options.rules;
        json!({
            "accounts": {
                "max_featured_tags": 10,
                "max_pinned_statuses": 5,
                "max_profile_fields": 4,
                "profile_field_name_limit": 255,
                "profile_field_value_limit": 255,
            },
            "statuses": {
                "max_characters": rules.max_characters,
                "max_media_attachments": rules.max_media_attachments,
                "characters_reserved_per_url": rules.characters_reserved_per_url,
            },
            "media_attachments": {
                "description_limit": rules.description_limit,
                "image_matrix_limit": rules.image_matrix_limit,
                "image_size_limit": rules.image_size_limit,
                "supported_mime_types": MIME_TYPES,
                "video_frame_rate_limit": rules.video_frame_rate_limit,
                "video_matrix_limit": rules.video_matrix_limit,
                "video_size_limit": rules.video_size_limit,
            },
            "polls": {
                "max_options": rules.poll_options,
                "max_characters_per_option": rules.poll_option_characters,
                "min_expiration": rules.poll_min_expiration,
                "max_expiration": rules.poll_max_expiration,
            },
        })
    }

    /// `/api/v2/instance`.
    pub(super) fn instance_json(&self) -> Value {
        let mut configuration = self.configuration();
        configuration["urls"] = json!({
            "streaming": "",
            "status": null,
            "about": format!("{}/", self.base),
            "privacy_policy": null,
            "terms_of_service": null,
        });
        configuration["vapid"] = json!({ "public_key": "" });
        configuration["translation"] = json!({ "enabled": false });
        let access = json!({ "local": "public", "remote": "public" });
        configuration["timelines_access"] = json!({
            "live_feeds": access,
            "hashtag_feeds": access,
            "trending_link_feeds": access,
        });
        configuration["limited_federation"] = true.into();
        json!({
            "domain": self.domain(),
            "title": self.options.title,
            "version": VERSION,
            "source_url": "https://github.com/jarchi/jarchi",
            "description": "A stand-in on this machine, which forgets everything when it ends.",
            "usage": { "users": { "active_month": self.lock().accounts.len() } },
            "thumbnail": { "url": format!("{}/thumbnail.svg", self.base) },
            "icon": [],
            "languages": ["en"],
            "configuration": configuration,
            "registrations": {
                "enabled": false,
                "approval_required": false,
                "reason_required": false,
                "message": null,
                "min_age": null,
                "url": null,
            },
            "api_versions": { "mastodon": 7 },
            "contact": { "email": "", "account": null },
            "rules": [],
        })
    }

    /// `/api/v1/instance`, which older servers have only.
    pub(super) fn old_instance_json(&self) -> Value {
        let state = self.lock();
        json!({
            "uri": self.domain(),
            "title": self.options.title,
            "short_description": "A stand-in on this machine.",
            "description": "",
            "email": "",
            "version": VERSION,
            "urls": { "streaming_api": "" },
            "stats": {
                "user_count": state.accounts.len(),
                "status_count": state.statuses.len(),
                "domain_count": 0,
            },
            "thumbnail": format!("{}/thumbnail.svg", self.base),
            "languages": ["en"],
            "registrations": false,
            "approval_required": false,
            "invites_enabled": false,
            "configuration": self.configuration(),
            "contact_account": null,
            "rules": [],
        })
    }

    fn domain(&self) -> &str {
        self.base.split_once("://").map_or("", |(_, domain)| domain)
    }
}
