//! Taking a status: what is refused, and in which words.

use std::collections::{BTreeMap, BTreeSet};

use unicode_segmentation::UnicodeSegmentation;

use super::error::Refusal;
use super::params::Params;
use super::state::{Entry, MediaEntry, MediaType, Poll, State, Status, Visibility};
use super::{Rules, text};
use crate::model::{TimeSpan, Timestamp};

/// The status that these parameters make for the account, or the one that its
/// idempotency key made before.
pub(super) fn post(
    state: &mut State,
    rules: &Rules,
    account: u64,
    params: &Params,
    key: Option<&str>,
    now: Timestamp,
) -> Result<u64, Refusal> {
    let parent = parent(state, account, params)?;
    if params.text("scheduled_at").is_some_and(|at| !at.is_empty()) {
        return Err(Refusal::unsupported("scheduled_at"));
    }
    if let Some(known) = key.and_then(|key| state.repeated(account, key, now)) {
        // A status that was deleted is not made anew by its key.
        return match state.statuses.contains_key(&known) {
            true => Ok(known),
            false => Err(Refusal::not_found()),
        };
    }

    let media = media(state, rules, account, params)?;
    let mut spoiler = params.text("spoiler_text").unwrap_or_default();
    let mut body = params.text("status").unwrap_or_default();
    if body.trim().is_empty() && media.is_empty() && !spoiler.is_empty() {
        body = std::mem::take(&mut spoiler);
    }
    if body.trim().is_empty() && media.is_empty() {
        return Err(Refusal::invalid("Text can't be blank"));
    }
    let most = rules.max_characters;
    if text::length(&body, &spoiler, rules.characters_reserved_per_url) > most {
        return Err(Refusal::invalid(format_args!(
            "Text character limit of {most} exceeded"
        )));
    }
    let poll = poll(state, rules, params, now)?;
    let visibility = match params.text("visibility").filter(|name| !name.is_empty()) {
        None => Visibility::Public,
        Some(name) => Visibility::parse(&name)
            .ok_or_else(|| Refusal::unprocessable(format!("'{name}' is not a valid visibility")))?,
    };
    let status = Status {
        id: state.next_id(now),
        account,
        created_at: now,
        text: body,
        // A warning hides the media too.
        sensitive: params.flag("sensitive") || !spoiler.is_empty() && !media.is_empty(),
        spoiler,
        visibility,
        language: params.text("language").and_then(|tag| language(&tag)),
        parent,
        media,
        poll,
        boosted: None,
        replies: BTreeSet::new(),
        favourites: BTreeSet::new(),
        boosts: BTreeMap::new(),
    };
    let id = status.id;
    let entry = entry(state, &status, key);
    state.book.push(entry);
    state.add(status);
    if let Some(key) = key {
        state.remember(account, key, id, now);
    }
    Ok(id)
}

fn parent(state: &State, account: u64, params: &Params) -> Result<Option<u64>, Refusal> {
    match params.text("in_reply_to_id").filter(|id| !id.is_empty()) {
        None => Ok(None),
        Some(id) => match state.visible(&id, Some(account)) {
            Ok(status) => Ok(Some(status.boosted.unwrap_or(status.id))),
            Err(_) => Err(Refusal::no_such_parent()),
        },
    }
}

fn media(state: &State, rules: &Rules, account: u64, params: &Params) -> Result<Vec<u64>, Refusal> {
    let wanted = params.list("media_ids");
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    // A poll with media gets the same words.
    let most = rules.max_media_attachments;
    if wanted.len() > most || params.below("poll").is_some() {
        return Err(Refusal::unprocessable(format!(
            "Cannot attach more than {most} files"
        )));
    }
    let mut found = Vec::new();
    let mut missing = Vec::new();
    for id in &wanted {
        let media = id.parse().ok().and_then(|id| state.media.get(&id));
        match media.filter(|media| media.account == account && media.status.is_none()) {
            Some(media) => found.push(media),
            None => missing.push(id.as_str()),
        }
    }
    if !missing.is_empty() {
        return Err(Refusal::unprocessable(format!(
            "Media {} not found or already attached to another post",
            missing.join(", ")
        )));
    }
    let alone = |kind| matches!(kind, MediaType::Video | MediaType::Audio);
    if found.len() > 1 && found.iter().any(|media| alone(media.kind)) {
        return Err(Refusal::unprocessable(
            "Cannot attach a video to a post that already contains images",
        ));
    }
    if found.iter().any(|media| media.unfinished > 0) {
        return Err(Refusal::unprocessable(
            "Cannot attach files that have not finished processing. Try again in a moment!",
        ));
    }
    Ok(found.iter().map(|media| media.id).collect())
}

fn poll(
    state: &mut State,
    rules: &Rules,
    params: &Params,
    now: Timestamp,
) -> Result<Option<Poll>, Refusal> {
    let Some(poll) = params.below("poll") else {
        return Ok(None);
    };
    let refused = |problem: String| Err(Refusal::invalid(problem));
    let options: Vec<String> = poll
        .list("options")
        .iter()
        .map(|option| option.trim().to_owned())
        .filter(|option| !option.is_empty())
        .collect();
    let length = rules.poll_option_characters;
    if options.len() < 2 {
        return refused("Options must have more than one item".to_owned());
    }
    if options.len() > rules.poll_options {
        return refused(format!(
            "Options can't contain more than {} items",
            rules.poll_options
        ));
    }
    if options
        .iter()
        .any(|option| option.graphemes(true).count() > length)
    {
        return refused(format!(
            "Options can't be longer than {length} characters each"
        ));
    }
    if options.iter().collect::<BTreeSet<_>>().len() < options.len() {
        return refused("Options contain duplicate items".to_owned());
    }
    let Some(seconds) = poll.number("expires_in") else {
        return refused("Expires at can't be blank".to_owned());
    };
    if seconds < rules.poll_min_expiration {
        return refused("Expires at is too soon".to_owned());
    }
    if seconds > rules.poll_max_expiration {
        return refused("Expires at is too far into the future".to_owned());
    }
    Ok(Some(Poll {
        id: state.next_id(now),
        options,
        expires_at: now.saturating_add(TimeSpan::from_secs(seconds)),
        multiple: poll.flag("multiple"),
        hide_totals: poll.flag("hide_totals"),
    }))
}

/// The regions that the server tells apart; of all other tags it keeps the language.
const REGIONS: [&str; 6] = ["zh-CN", "zh-HK", "zh-TW", "zh-YUE", "pt-BR", "pt-PT"];

fn language(tag: &str) -> Option<String> {
    if let Some(known) = REGIONS.iter().find(|known| known.eq_ignore_ascii_case(tag)) {
        return Some((*known).to_owned());
    }
    let first = tag.split(['-', '_']).next()?;
    let plain = first.bytes().all(|byte| byte.is_ascii_alphabetic());
    (plain && (2..=3).contains(&first.len())).then(|| first.to_ascii_lowercase())
}

fn entry(state: &State, status: &Status, key: Option<&str>) -> Entry {
    let media = status
        .media
        .iter()
        .filter_map(|id| state.media.get(id))
        .map(|media| MediaEntry {
            id: media.id.to_string(),
            mime: media.mime.to_owned(),
            size: media.bytes.len(),
            digest: blake3::hash(&media.bytes).to_hex().to_string(),
            description: media.description.clone(),
            focus: media.focus,
        })
        .collect();
    let account = state.accounts.get(&status.account);
    Entry {
        id: status.id.to_string(),
        account: account.map_or_else(String::new, |account| account.username.clone()),
        key: key.map(str::to_owned),
        at: status.created_at,
        text: status.text.clone(),
        spoiler_text: status.spoiler.clone(),
        visibility: status.visibility.name().to_owned(),
        sensitive: status.sensitive,
        language: status.language.clone(),
        in_reply_to_id: status.parent.map(|id| id.to_string()),
        media,
        poll: status.poll.as_ref().map(|poll| poll.options.clone()),
        repeats: 0,
        deleted: false,
    }
}
